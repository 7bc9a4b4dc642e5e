"""What changes about areas over the years: how many live in them, and which takes the place of which.

Both files lie beside the areas they speak of, and either may be missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safety_stream.catalogue.files import Files
from safety_stream.catalogue.formats import ResidentsFile, SuccessorsFile
from safety_stream.core.catalogue import Area, Residents, Successor

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
    found: dict[str, dict[int, int]] = {}
    for index, entry in enumerate(model.residents):
        at.know(("residents", index, "area"), "area", entry.area, by_code)
        counted = found.setdefault(entry.area, {})
        if entry.valid_from in counted:
            at.error(("residents", index), f"area {entry.area} is counted twice for one day", "keep one of the numbers")
        counted[entry.valid_from] = entry.residents
    return {
        area: tuple(Residents(day, number) for day, number in sorted(counted.items()))
        for area, counted in sorted(found.items())
    }


def read_successors(files: Files, folder: Path, by_code: Mapping[str, Area]) -> tuple[Successor, ...]:
    """Which area takes the place of which, in the file's order; nothing without such a file."""
    path = folder / SUCCESSORS
    read = files.read(path, SuccessorsFile) if path.exists() else None
    if read is None:
        return ()
    at, model = read
    divided: dict[str, int] = {}
    for index, entry in enumerate(model.successors):
        for name in (entry.old, entry.new):
            at.know(("successors", index), "area", name, by_code)
        if entry.percent is not None and entry.lsoas is not None:
            at.error(("successors", index), f"{entry.new} has both percent and lsoas", "keep one: LSOAs are exact")
        divided[entry.old] = divided.get(entry.old, 0) + (entry.percent or 0)
    for old, percent in divided.items():
        if percent not in (0, WHOLE):
            at.error(("successors",), f"the parts of {old} come to {percent} per cent", "let them come to 100")
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
