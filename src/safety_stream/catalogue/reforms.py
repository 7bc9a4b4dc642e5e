"""What changes about areas over the years: how many live in them, and which takes the place of which.

Both files lie beside the areas they speak of, and either may be missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safety_stream.catalogue.files import Files
from safety_stream.catalogue.formats import ResidentsFile
from safety_stream.core.catalogue import Area, Residents

RESIDENTS, SUCCESSORS = "residents.yaml", "successors.yaml"
BESIDE_AREAS = frozenset({RESIDENTS, SUCCESSORS})
"""The files of the folder of areas that declare none."""


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
