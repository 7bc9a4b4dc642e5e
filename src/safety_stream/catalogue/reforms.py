"""What changes about areas over the years: how many live in them, and which takes the place of which.

Both files lie beside the areas they speak of, and either may be missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from safety_stream.catalogue.files import Files
from safety_stream.catalogue.formats.areas import ResidentsFile, SuccessorEntry, SuccessorsFile
from safety_stream.catalogue.places import Place
from safety_stream.core.catalogue import GROUPINGS, Area, Residents, Successor

RESIDENTS, SUCCESSORS = "residents.yaml", "successors.yaml"
BESIDE_AREAS = frozenset({RESIDENTS, SUCCESSORS})
"""The files of the folder of areas that declare none."""

WHOLE = 100


def read_residents(files: Files, folder: Path, by_code: Mapping[str, Area]) -> dict[str, tuple[Residents, ...]]:
    """How many live in each area, in order of the days from which that holds; nothing without such a file."""
    path = folder / RESIDENTS
    read = files.read(path, ResidentsFile) if path.exists() else None
    if read is None:
        return {}
    at, model = read
    found: dict[str, dict[int, Residents]] = {}
    for index, entry in enumerate(model.residents):
        at.know(("residents", index, "area"), "area", entry.area, by_code)
        if entry.area in by_code and by_code[entry.area].kind in GROUPINGS:
            what = f"area {entry.area} is a grouping, whose residents are those of its districts"
            at.error(
                ("residents", index, "area"), what, "leave it out: its count rests on theirs, and so must its rate"
            )
        counted = found.setdefault(entry.area, {})
        if entry.valid_from in counted:
            at.error(("residents", index), f"area {entry.area} is counted twice for one day", "keep one of the numbers")
        counted[entry.valid_from] = Residents(entry.valid_from, entry.residents, entry.source)
    return {area: tuple(counted[day] for day in sorted(counted)) for area, counted in sorted(found.items())}


def read_successors(files: Files, folder: Path, by_code: Mapping[str, Area]) -> tuple[Successor, ...]:
    """Which area takes the place of which, in the file's order; nothing without such a file."""
    path = folder / SUCCESSORS
    read = files.read(path, SuccessorsFile) if path.exists() else None
    if read is None:
        return ()
    at, model = read
    divided: dict[str, list[int]] = {}
    for index, entry in enumerate(model.successors):
        for name in (entry.old, entry.new):
            at.know(("successors", index), "area", name, by_code)
        if entry.percent is not None and entry.lsoas is not None:
            at.error(("successors", index), f"{entry.new} has both percent and lsoas", "keep one: LSOAs are exact")
        divided.setdefault(entry.old, []).append(index)
    for old, parts in divided.items():
        _check_parts(at, old, [(index, model.successors[index]) for index in parts])
    return tuple(
        Successor(
            old=entry.old,
            new=entry.new,
            valid_from=entry.valid_from,
            percent=entry.percent,
            lsoas=None if entry.lsoas is None else frozenset(entry.lsoas),
        )
        for entry in model.successors
    )


def _check_parts(at: Place, old: str, parts: Sequence[tuple[int, SuccessorEntry]]) -> None:
    """The parts of an area must come to the whole of it, once: else history is doubled or lost."""
    (first, _), (last, _) = parts[0], parts[-1]
    kinds = {_kind_of(part) for _, part in parts}
    if len(kinds) > 1:
        what = f"the parts of {old} are {' and '.join(sorted(kinds))}"
        at.error(("successors", last), what, "let all parts be LSOAs, or all per cent")
    elif kinds == {"whole"} and len(parts) > 1:
        what = f"{old} goes whole to {len(parts)} areas"
        at.error(("successors", last), what, "say of each its lsoas or its percent")
    percent = sum(part.percent or 0 for _, part in parts)
    if kinds == {"per cent"} and percent != WHOLE:
        at.error(("successors", first), f"the parts of {old} come to {percent} per cent", "let them come to 100")
    if len({part.valid_from for _, part in parts}) > 1:
        what = f"the parts of {old} begin on different days"
        at.error(("successors", last), what, "let all begin on the day the area ends")
    taken: set[str] = set()
    for index, part in parts:
        for lsoa in part.lsoas or ():
            if lsoa in taken:
                at.error(("successors", index), f"LSOA {lsoa} of {old} is in two parts", "keep it in one")
            taken.add(lsoa)


def _kind_of(part: SuccessorEntry) -> str:
    if part.lsoas is not None:
        return "LSOAs"
    return "whole" if part.percent is None else "per cent"
