"""`matching.yaml`: how tokens are matched that may be one person's, and from when on nobody needs to look."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from safety_stream.catalogue.files import Files
from safety_stream.catalogue.formats.parts import Prose, Strict
from safety_stream.catalogue.issues import CatalogueError
from safety_stream.catalogue.places import Place, listing
from safety_stream.core.matching import How, Matching, Often, Part
from safety_stream.data_files import catalogue_folder

FILE: Final = "matching.yaml"

Likely = Annotated[float, Field(gt=0, lt=1)]
"""A probability that is neither never nor always: of either nothing could be learned."""

WEIGHED: Final[tuple[tuple[Part, How], ...]] = (
    ("surname", "agree"),
    ("surname", "alike"),
    ("forename", "agree"),
    ("forename", "alike"),
    ("birth", "agree"),
    ("birth", "swapped"),
    ("birth", "year"),
    ("postcode", "agree"),
    ("property", "agree"),
    ("number", "agree"),
)
"""All that is weighed of two persons, beside that they differ."""


class BandsEntry(Strict):
    """From which probability on a pair is in a band."""

    auto: Likely
    possible: Likely


class OftenEntry(Strict):
    """How often it agrees."""

    of: Part
    how: Literal["agree", "alike", "swapped", "year"]
    two_persons: Likely
    one_person: Likely


class MatchingSources(Strict):
    """Where each of it is from."""

    bands: Prose
    shared_at_most: Prose
    share_name_and_birth: Prose
    agreeing: Prose


class MatchingEntry(Strict):
    """Bands, bounds, and how often what agrees."""

    bands: BandsEntry
    shared_at_most: Annotated[int, Field(ge=2, le=1000)]
    share_name_and_birth: Likely
    agreeing: list[OftenEntry]
    sources: MatchingSources


class MatchingFile(Strict):
    """`matching.yaml`."""

    matching: MatchingEntry


def load_matching(folder: Path) -> Matching:
    """How a catalogue says that tokens are matched, else as the shipped one does. Raises `CatalogueError`."""
    stated = folder if (folder / FILE).is_file() else catalogue_folder()
    files = Files(stated)
    found = read_matching(files)
    if found is None:
        raise CatalogueError(files.sorted_issues())
    return found


def read_matching(files: Files) -> Matching | None:
    """How tokens are matched; None when the file cannot be had, and the issues say why."""
    read = files.read(files.folder / FILE, MatchingFile)
    if read is None:
        return None
    at, stated = read[0], read[1].matching
    if stated.bands.possible >= stated.bands.auto:
        what = f"a pair is possible from {stated.bands.possible:g} on, and linked from {stated.bands.auto:g} on"
        at.error(("matching", "bands", "possible"), what, "let possible be less than auto")
    _check_agreeing(at, stated.agreeing)
    if files.have_errors:
        return None
    return Matching(
        auto=stated.bands.auto,
        possible=stated.bands.possible,
        shared_at_most=stated.shared_at_most,
        share_name_and_birth=stated.share_name_and_birth,
        agreeing={(one.of, one.how): Often(one.two_persons, one.one_person) for one in stated.agreeing},
    )


def _check_agreeing(at: Place, agreeing: list[OftenEntry]) -> None:
    seen: set[tuple[Part, How]] = set()
    for place, one in enumerate(agreeing):
        if (one.of, one.how) not in WEIGHED:
            what = f"of a {one.of} nothing is known that is {one.how}"
            at.error(("matching", "agreeing", place, "how"), what, "leave it out")
        elif (one.of, one.how) in seen:
            at.error(("matching", "agreeing", place), f"{one.of} {one.how} is there twice", "leave one out")
        elif one.two_persons >= one.one_person and one.how == "agree":
            what = f"the {one.of} of two persons agrees as often as that of one: then it tells nothing"
            at.error(("matching", "agreeing", place, "two_persons"), what, "let it be less than one_person")
        seen.add((one.of, one.how))
    missing = [f"{of} {how}" for of, how in WEIGHED if (of, how) not in seen]
    if missing:
        at.error(("matching", "agreeing"), f"nothing is said of {listing(missing)}", "add it")
    for of, some in groupby(sorted(agreeing, key=lambda one: one.of), key=lambda one: one.of):
        entries = list(some)
        if sum(one.two_persons for one in entries) >= 1 or sum(one.one_person for one in entries) >= 1:
            at.error(
                ("matching", "agreeing"), f"of a {of} nothing is left that differs", "let the shares be less than 1"
            )
