"""How `links propose` reads the restricted store, has pairs weighed and says what came of it. Needs extra `linkage`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from safety_stream.catalogue.matching import load_matching
from safety_stream.cli.sealing import key_store
from safety_stream.cli.terminal import Wrong, how_many, print_json, print_table, say, wall
from safety_stream.core.catalogue import PersonBounds
from safety_stream.core.matching import Matching, Pair, Proposal, band_of, proposed
from safety_stream.core.model.dead_letters import Refused
from safety_stream.core.model.links import PersonLink
from safety_stream.core.stages.intake import checked_link
from safety_stream.linkage.restricted import BadStore, Store, read_store
from safety_stream.linkage.scoring import scored


class Found(msgspec.Struct, frozen=True):
    """Every pair that was weighed, by which terms, and what is to be decided of them."""

    terms: Matching
    pairs: tuple[Pair, ...]
    proposal: Proposal


def store_of(files: Sequence[Path], sealing: Path | None) -> Store:
    """The restricted store in these files; where tokens are sealed, by seals of those who have one. Raises `Wrong`.

    Whoever has none was never reported, or was erased: of neither is anything to be linked.
    """
    try:
        store = read_store(files)
    except BadStore as error:
        raise Wrong(str(error)) from None
    if sealing is None:
        return store
    with key_store(sealing) as keys:
        return store.known_as(keys.known(list(store.beside)))


def found_in(store: Store, folder: Path, decided: Iterable[PersonLink], bounds: PersonBounds, by: str) -> Found:
    """What is to be decided of the tokens of a store. Raises `Wrong`, and `CatalogueError`."""
    terms, now = load_matching(folder), wall()
    pairs = scored(store, terms)
    made = proposed(pairs, decided, terms, bounds, by=by, at=now)
    try:
        links = tuple(checked_link(link, now) for link in made.links)
    except Refused as refused:
        raise Wrong(f"this is no decision: {refused.detail}") from None
    return Found(terms, tuple(pairs), msgspec.structs.replace(made, links=links))


def write_pairs(path: Path, found: Found) -> None:
    """Write every pair, the weightiest first, with its band; for its owner alone, whole or not at all."""
    writing = path.with_name(f".{path.name}.writing")
    writing.unlink(missing_ok=True)
    handle = os.open(writing, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            for pair in sorted(found.pairs, key=lambda one: (-one.weight, one.first, one.second)):
                file.write(msgspec.json.encode({"band": band_of(pair, found.terms), **msgspec.structs.asdict(pair)}))
                file.write(b"\n")
        writing.replace(path)
    finally:
        writing.unlink(missing_ok=True)


def say_found(store: Store, found: Found, *, is_applied: bool, as_json: bool) -> None:
    """Say how many of what there are; no token, but as JSON, where the decisions are too."""
    made = found.proposal
    bands = [band_of(pair, found.terms) for pair in found.pairs]
    figures = {
        "records": store.records,
        "without_token": store.without_token,
        "tokens": len(store.beside),
        "pairs": len(found.pairs),
        "auto": bands.count("auto"),
        "possible": bands.count("possible"),
        "none": bands.count("none"),
    }
    outcome = {
        "linked": made.linked,
        "left_to_a_steward": made.possible,
        "decided_before": made.decided,
        "one_person_already": made.joined,
        "held_back": made.held_back,
        "too_many_possible": made.crowded,
    }
    if as_json:
        print_json({**figures, **outcome, "applied": is_applied, "decisions": made.links})
        return
    print_table(("what", "how many"), [(name.replace("_", " "), f"{count:,}") for name, count in figures.items()])
    print_table(("to decide", "pairs"), [(name.replace("_", " "), f"{count:,}") for name, count in outcome.items()])
    said = how_many(len(made.links), "decision")
    say(f"{said} on the bus" if is_applied else f"{said} to make: --apply makes them, --out FILE shows the pairs")
