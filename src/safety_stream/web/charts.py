"""Series as SVG: what was counted, what was expected, and what of it is a signal, readable without colour.

Every chart has a title and a description that say in words what it shows; its numbers stand in a table beneath. Lines
and marks have a contrast of at least 3:1 to the white behind them; a signal is a shape of its own and not a colour
alone. Attributes and no styles are used, so that a strict content policy lets them through.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

import msgspec

from safety_stream.core.model.judgements import Signal
from safety_stream.web.tiles import COLUMNS, Place
from safety_stream.web.words import SIGNALS

INK: Final = "#0b0c0c"
BLUE: Final = "#1d70b8"
GREY: Final = "#6f777b"
BAND: Final = "#dbe9f5"
RED: Final = "#b31c1c"
AMBER: Final = "#a35200"
GREEN: Final = "#00703c"
WHITE: Final = "#ffffff"

COLOURS: Final[dict[Signal | None, str]] = {
    "red": RED,
    "amber": AMBER,
    "improvement": GREEN,
    "none": BLUE,
    None: GREY,
}
"""Text of a signal's colour on white, and white on it, has a contrast of 4.5:1 or more."""

_WIDTH, _HEIGHT = 720, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 12, 14, 46
_LABELS_AT_MOST = 8
_ALONE = 14
_STEPS = (1, 2, 5)


class Point(msgspec.Struct, frozen=True):
    """One period of a chart: its label, its count (None when not shown), what was expected, and what is said of it.

    `pointed_at` is a period the page is about; a line leads to it.
    """

    label: str
    value: int | None
    expected: float | None = None
    low: int | None = None
    high: int | None = None
    signal: Signal | None = None
    final: bool = True
    pointed_at: bool = False


class Tile(msgspec.Struct, frozen=True):
    """One area of a map: where it stands, its name, what is written on it, and its signal (`known` False: no data)."""

    place: Place
    name: str
    number: str
    signal: Signal | None
    known: bool
    href: str


_HATCHING: Final = (
    '<defs><pattern id="no-data" width="8" height="8" patternUnits="userSpaceOnUse" '
    f'patternTransform="rotate(45)"><line x1="0" y1="0" x2="0" y2="8" stroke="{GREY}" stroke-width="2"/>'
    "</pattern></defs>"
)


def control_chart(name: str, title: str, description: str, points: Sequence[Point]) -> str:
    """Counts over time with the band in which no count is a signal by itself; `name` makes its ids, one on a page."""
    top = _nice_top(points)
    scale = _Scale(len(points), top)
    body = [
        *_grid(scale, top),
        *_band(scale, points),
        *_pointers(scale, points),
        *_line(scale, [point.expected for point in points], f'stroke="{GREY}" stroke-width="2" stroke-dasharray="6 4"'),
        *_line(scale, [point.value for point in points], f'stroke="{BLUE}" stroke-width="2"'),
        *(mark for number, point in enumerate(points) for mark in _mark(scale, number, point)),
        *_labels(scale, points),
    ]
    return _svg(name, title, description, _WIDTH, _HEIGHT, body)


def sparkline(values: Sequence[int | None]) -> str:
    """A trend as small as a word; for the eye alone, since the numbers and the signal stand beside it."""
    width, height = 120, 28
    known = [value for value in values if value is not None]
    top = max(known, default=0) or 1
    step = width / max(len(values) - 1, 1)
    lines = [
        _polyline(
            [(number * step, height - 3 - (height - 6) * value / top) for number, value in run],
            f'stroke="{INK}" stroke-width="1.5"',
        )
        for run in _runs(values)
    ]
    return (
        f'<svg class="spark" viewBox="0 0 {width} {height}" width="{width}" height="{height}" aria-hidden="true" '
        f'focusable="false">{"".join(lines)}</svg>'
    )


def tile_map(name: str, title: str, description: str, tiles: Sequence[Tile]) -> str:
    """Areas as tiles, each a link, with its number and its signal in a sign and in colour; hatched where no data is."""
    size, gap = 118, 6
    rows = 1 + max((tile.place.row for tile in tiles), default=0)
    body = [_HATCHING]
    for tile in tiles:
        x, y = tile.place.column * (size + gap), tile.place.row * (size + gap)
        body.append(_tile(tile, x, y, size))
    return _svg(name, title, description, COLUMNS * (size + gap) - gap, rows * (size + gap) - gap, body, role="group")


def _tile(tile: Tile, x: int, y: int, size: int) -> str:
    words = SIGNALS[tile.signal]
    said = f"{tile.name} {tile.number}, {words.text}" if tile.known else f"{tile.name} no data"
    colour = COLOURS[tile.signal]
    middle = x + size / 2
    if tile.known:
        box = f'<rect x="{x}" y="{y}" width="{size}" height="{size}" fill="{colour}"/>'
        ink, lines = WHITE, [*_name_lines(tile.name), f"{tile.number} {words.sign}"]
    else:
        frame = f'x="{x + 1}" y="{y + 1}" width="{size - 2}" height="{size - 2}"'
        box = f'<rect {frame} fill="url(#no-data)" stroke="{GREY}" stroke-width="2"/>'
        box += f'<rect x="{x + 8}" y="{y + 28}" width="{size - 16}" height="{size - 56}" fill="{WHITE}"/>'
        ink, lines = INK, [*_name_lines(tile.name), "no data"]
    first = y + size / 2 - 9 * (len(lines) - 1) + 5
    texts = [
        f'<text x="{middle}" y="{first + 19 * number:g}" text-anchor="middle" font-size="15" '
        f'font-weight="{"bold" if number == len(lines) - 1 else "normal"}" fill="{ink}">{escape(line)}</text>'
        for number, line in enumerate(lines)
    ]
    # With what is read on it first, word for word: people say that to a computer they talk to.
    return f'<a href="{escape(tile.href)}" aria-label="{escape(said)}">{box}{" ".join(texts)}</a>'


def _name_lines(name: str) -> list[str]:
    words = name.split()
    if len(name) <= len("Ribble Valley") or len(words) == 1:
        return [name]
    half = (len(words) + 1) // 2
    return [" ".join(words[:half]), " ".join(words[half:])]


class _Scale:
    """Where on the picture a period and a count are."""

    def __init__(self, periods: int, top: int) -> None:
        self._step = (_WIDTH - _LEFT - _RIGHT) / max(periods - 1, 1)
        self._top = top

    def x(self, number: int) -> float:
        return round(_LEFT + self._step * number, 1)

    def y(self, value: float) -> float:
        return round(_HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * value / self._top, 1)


def _nice_top(points: Sequence[Point]) -> int:
    highest = max((max(point.value or 0, point.high or 0, point.expected or 0) for point in points), default=0)
    size = 1
    while True:
        for step in _STEPS:
            if highest <= step * size * 4:
                return step * size * 4
        size *= 10


def _grid(scale: _Scale, top: int) -> Iterator[str]:
    for quarter in range(5):
        value = top * quarter // 4
        y = scale.y(value)
        colour = INK if quarter == 0 else "#d0d4d7"
        yield f'<line x1="{_LEFT}" y1="{y}" x2="{_WIDTH - _RIGHT}" y2="{y}" stroke="{colour}" stroke-width="1"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 5}" text-anchor="end" font-size="14" fill="{INK}">{value:,}</text>'


def _band(scale: _Scale, points: Sequence[Point]) -> Iterator[str]:
    for run in _runs(
        [None if point.low is None or point.high is None else number for number, point in enumerate(points)]
    ):
        upper = [(scale.x(number), scale.y(points[number].high or 0)) for number, _ in run]
        lower = [(scale.x(number), scale.y(points[number].low or 0)) for number, _ in reversed(run)]
        corners = " ".join(f"{x},{y}" for x, y in upper + lower)
        yield f'<polygon points="{corners}" fill="{BAND}" stroke="{GREY}" stroke-width="1"/>'


def _pointers(scale: _Scale, points: Sequence[Point]) -> Iterator[str]:
    """A line down to each period the page is about, with a head: it is told from the grid without its colour."""
    for number, point in enumerate(points):
        if point.pointed_at:
            x = scale.x(number)
            yield (
                f'<line x1="{x}" y1="{_TOP}" x2="{x}" y2="{_HEIGHT - _BOTTOM}" stroke="{INK}" stroke-width="2" '
                'stroke-dasharray="2 4"/>'
                f'<polygon points="{x - 7:g},{_TOP - 12} {x + 7:g},{_TOP - 12} {x},{_TOP}" fill="{INK}"/>'
            )


def _line(scale: _Scale, values: Sequence[float | None], attributes: str) -> Iterator[str]:
    for run in _runs(values):
        corners = [(scale.x(number), scale.y(value)) for number, value in run]
        # What is known of one period alone is a line all the same, and as short as it.
        x, y = corners[0]
        yield _polyline(corners if len(corners) > 1 else [(x - _ALONE, y), (x + _ALONE, y)], attributes)


def _mark(scale: _Scale, number: int, point: Point) -> Iterator[str]:
    x = scale.x(number)
    if point.value is None:
        yield f'<text x="{x}" y="{scale.y(0) - 4}" text-anchor="middle" font-size="16" fill="{INK}">*</text>'
        return
    y, colour = scale.y(point.value), COLOURS[point.signal]
    fill = colour if point.final else WHITE
    drawn = f'fill="{fill}" stroke="{colour}" stroke-width="2"'
    if point.signal in ("amber", "red"):
        size = 8 if point.signal == "red" else 6
        yield f'<polygon points="{x},{y - size} {x + size},{y + size} {x - size},{y + size}" {drawn}/>'
        sign = SIGNALS[point.signal].sign
        yield f'<text x="{x}" y="{max(y - 12, 12)}" text-anchor="middle" font-size="12" fill="{colour}">{sign}</text>'
    elif point.signal == "improvement":
        yield f'<polygon points="{x - 6},{y - 6} {x + 6},{y - 6} {x},{y + 6}" {drawn}/>'
    else:
        yield f'<circle cx="{x}" cy="{y}" r="3.5" {drawn}/>'


def _labels(scale: _Scale, points: Sequence[Point]) -> Iterator[str]:
    every = max(1, -(-len(points) // _LABELS_AT_MOST))
    for number in range(len(points) - 1, -1, -every):
        anchor = "end" if number == len(points) - 1 else "middle"
        x = scale.x(number)
        yield f'<line x1="{x}" y1="{scale.y(0)}" x2="{x}" y2="{scale.y(0) + 5}" stroke="{INK}"/>'
        yield (
            f'<text x="{x}" y="{_HEIGHT - 22}" text-anchor="{anchor}" font-size="14" fill="{INK}">'
            f"{escape(points[number].label)}</text>"
        )


def _runs(values: Sequence[float | None]) -> Iterator[list[tuple[int, float]]]:
    """The stretches without a gap, each value with its number."""
    run: list[tuple[int, float]] = []
    for number, value in enumerate(values):
        if value is not None:
            run.append((number, value))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _polyline(corners: Sequence[tuple[float, float]], attributes: str) -> str:
    points = " ".join(f"{x:g},{y:g}" for x, y in corners)
    return f'<polyline points="{points}" fill="none" {attributes}/>'


def _svg(
    name: str, title: str, description: str, width: int, height: int, body: Sequence[str], *, role: str = "img"
) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {width} {height}" role="{role}" '
        f'aria-labelledby="{escape(name)}-title {escape(name)}-desc" focusable="false" '
        f'font-family="Arial, Helvetica, sans-serif" xmlns="http://www.w3.org/2000/svg">'
        f'<title id="{escape(name)}-title">{escape(title)}</title>'
        f'<desc id="{escape(name)}-desc">{escape(description)}</desc>{"".join(body)}</svg>'
    )
