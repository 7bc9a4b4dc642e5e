"""Lines in a frame, as SVG: enough for curves, without a library to draw them."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from math import ceil, floor, log10

_WIDTH, _HEIGHT = 720, 440
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 230, 36, 48
_FONT = 'font-family="sans-serif" font-size="12"'
_MIDDLE = 'text-anchor="middle"'
_COLOURS = ("#000000", "#888888", "#0072b2", "#009e73", "#d55e00", "#cc79a7", "#e69f00", "#56b4e9")
"""Apart for the colour-blind too: Okabe and Ito's."""


@dataclass(frozen=True)
class Line:
    """Points with a name, joined by a line or not."""

    name: str
    points: list[tuple[float, float]]
    joined: bool = True


@dataclass(frozen=True)
class Picture:
    """What is to be drawn."""

    title: str
    across: str
    up: str
    lines: list[Line] = field(default_factory=list)


def drawing(picture: Picture) -> str:
    """The picture as an SVG document that needs nothing else."""
    points = [point for line in picture.lines for point in line.points]
    across, up = (_ticks([point[axis] for point in points]) for axis in (0, 1))
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM

    def x(value: float) -> float:
        return round(_LEFT + (value - across[0]) / (across[-1] - across[0]) * (right - _LEFT), 1)

    def y(value: float) -> float:
        return round(bottom - (value - up[0]) / (up[-1] - up[0]) * (bottom - _TOP), 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" {_FONT}>',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        f'<text x="{_LEFT}" y="20" font-size="14">{escape(picture.title)}</text>',
        f'<text x="{(_LEFT + right) / 2}" y="{_HEIGHT - 10}" text-anchor="middle">{escape(picture.across)}</text>',
        f'<text transform="translate(14 {(_TOP + bottom) / 2}) rotate(-90)" {_MIDDLE}>{escape(picture.up)}</text>',
    ]
    for tick in across:
        parts.append(f'<path d="M{x(tick)} {bottom}V{_TOP}" stroke="#ddd"/>')
        parts.append(f'<text x="{x(tick)}" y="{bottom + 16}" text-anchor="middle">{tick:g}</text>')
    for tick in up:
        parts.append(f'<path d="M{_LEFT} {y(tick)}H{right}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y(tick) + 4}" text-anchor="end">{tick:g}</text>')
    for place, line in enumerate(picture.lines):
        colour = _COLOURS[place % len(_COLOURS)]
        if line.joined:
            course = " ".join(f"{x(one)},{y(other)}" for one, other in line.points)
            parts.append(f'<polyline points="{course}" fill="none" stroke="{colour}" stroke-width="2"/>')
        else:
            parts += [f'<circle cx="{x(one)}" cy="{y(other)}" r="3" fill="{colour}"/>' for one, other in line.points]
        row = _TOP + 10 + 20 * place
        parts.append(f'<path d="M{right + 10} {row}h18" stroke="{colour}" stroke-width="3"/>')
        parts.append(f'<text x="{right + 34}" y="{row + 4}">{escape(line.name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _ticks(values: list[float]) -> list[float]:
    """Round numbers from below the smallest to above the greatest value."""
    low, high = min(0.0, *values), max(values)
    step = 10.0 ** floor(log10((high - low) / 4))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= 8)
    first, last = floor(low / step), ceil(high / step)
    return [round(step * place, 10) for place in range(first, last + 1)]
