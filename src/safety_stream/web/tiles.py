"""Where the areas of a county stand on a map of equal tiles: a small town is as easy to see as a large district.

A tile's place says roughly where the area lies; it is a picture and no measurement. An area without a place here, of
another county say, stands in a row beneath.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

COLUMNS: Final = 5

_PLACES: Final[Mapping[str, tuple[int, int]]] = {
    "E07000121": (2, 0),
    "E07000128": (1, 1),
    "E07000124": (3, 1),
    "E07000122": (4, 1),
    "E06000009": (0, 2),
    "E07000119": (1, 2),
    "E07000123": (2, 2),
    "E07000120": (3, 2),
    "E07000117": (4, 2),
    "E07000127": (1, 3),
    "E07000126": (2, 3),
    "E06000008": (3, 3),
    "E07000125": (4, 3),
    "E07000118": (2, 4),
}
"""Column and row, from the middles of the areas (ONS boundaries): neighbours touch where they can."""


class Place(msgspec.Struct, frozen=True):
    """A tile of the map: which area, in which column and row."""

    code: str
    column: int
    row: int


def places_of(codes: Iterable[str]) -> list[Place]:
    """The tiles of these areas, row by row."""
    asked = sorted(codes)
    placed = [Place(code, *_PLACES[code]) for code in asked if code in _PLACES]
    others = [code for code in asked if code not in _PLACES]
    below = 1 + max((place.row for place in placed), default=-1)
    placed += [Place(code, number % COLUMNS, below + number // COLUMNS) for number, code in enumerate(others)]
    return sorted(placed, key=lambda place: (place.row, place.column))
