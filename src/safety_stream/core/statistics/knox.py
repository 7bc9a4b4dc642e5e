"""Near repeats: are more pairs of events close in space and in time than chance would bring about?

Knox (1964), *The detection of space-time interactions*, Appl Stat 13:25-29, counts the pairs whose places lie within
a distance and whose times within a span, and compares the count with what it would be if places and times had nothing
to do with one another: with the same places and the same times, dealt out anew. The mean over all ways to deal them out
needs no drawing: it is (pairs close in space) x (pairs close in time) / (all pairs). How far from the mean chance may
go does; the permutations come from outside, since nothing in here is random.

An edge belongs to what lies below it: a pair at just 100 m is within 100 m. Programs differ in this, and with whole
metres and days many pairs lie on an edge.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from safety_stream.core.statistics.series import Floats, Weeks

Counts = NDArray[np.int64]
"""Whole numbers."""

_FEWEST_EVENTS = 2


class Knox(msgspec.Struct, frozen=True, eq=False):
    """What was found: arrays of one row per distance band and one column per time band.

    The first band reaches from 0 to its edge, both in; each further one from above the edge before to its own.
    `within` makes bands of everything up to each edge.

    Attributes:
        observed: Pairs in each band.
        expected: Their mean, were places and times dealt out anew.
        p_value: Probability of so many pairs or more by chance: (1 + permutations with so many) / (1 + permutations).
        ratio: observed / expected; NaN where nothing is expected.
    """

    observed: Counts
    expected: Floats
    p_value: Floats

    @property
    def ratio(self) -> Floats:
        """How many times as many pairs there are as chance would bring about."""
        ratio: Floats = np.where(self.expected > 0, self.observed / np.maximum(self.expected, 1e-300), np.nan)
        return ratio


def knox(
    places: ArrayLike,
    days: ArrayLike,
    distances: ArrayLike,
    spans: ArrayLike,
    permutations: Iterable[ArrayLike],
    *,
    within: bool = False,
) -> Knox:
    """Count the pairs of events in every band of distance and time.

    Args:
        places: Metres east and north: (events, 2).
        days: When each event was: (events,).
        distances: Upper edges of the distance bands in metres, growing.
        spans: Upper edges of the time bands in days, growing.
        permutations: Orders of the events, each all places from 0, (events,); 999 of them let p be as small as 0.001.
        within: Whether each band starts at 0 and so holds those before it.

    Raises:
        ValueError: An argument is not of its shape or range; the message names it.
    """
    where, when = np.asarray(places, dtype=np.float64), np.asarray(days, dtype=np.float64)
    near, soon = _edges("distances", distances), _edges("spans", spans)
    if where.ndim != 2 or where.shape[1] != 2 or when.shape != where.shape[:1]:  # noqa: PLR2004 - east and north
        raise ValueError(f"places must be (events, 2) and days (events,), not {where.shape} and {when.shape}")
    if when.size < _FEWEST_EVENTS or not (np.isfinite(where).all() and np.isfinite(when).all()):
        raise ValueError("there must be two events or more, each with a place and a day")
    first, second, band = _close_pairs(where, near)
    observed = _table(when, first, second, band, (near.size, soon), within=within)
    reached, drawn = np.zeros_like(observed), 0
    for order in permutations:
        dealt = when[np.asarray(order, dtype=np.int64)]
        reached += _table(dealt, first, second, band, (near.size, soon), within=within) >= observed
        drawn += 1
    close_in_space = np.bincount(band, minlength=near.size)
    close_in_time = np.diff(_pairs_within(when, soon), prepend=0)
    if within:
        close_in_space, close_in_time = np.cumsum(close_in_space), np.cumsum(close_in_time)
    expected = np.outer(close_in_space, close_in_time) / (when.size * (when.size - 1) / 2)
    return Knox(observed, expected, (1 + reached) / (1 + drawn))


def _edges(name: str, edges: ArrayLike) -> Floats:
    values = np.asarray(edges, dtype=np.float64)
    if not (values.ndim == 1 and values.size and values[0] >= 0 and (np.diff(values) > 0).all()):
        raise ValueError(f"{name} must be a list of growing numbers of 0 or more")
    return values


def _close_pairs(places: Floats, edges: Floats) -> tuple[Weeks, Weeks, Weeks]:
    """Every pair within the last edge once, and the distance band it lies in.

    By sweeping from west to east: only events at most that far further east are looked at.
    """
    order = np.argsort(places[:, 0], kind="stable")
    east, north = places[order].T
    ends = np.searchsorted(east, east + edges[-1], side="right")
    # Rounding may leave out a partner on the edge itself: one more is looked at, and judged like all others below.
    ends = np.minimum(ends + 1, east.size)
    starts = np.arange(1, east.size + 1)
    partners = np.maximum(ends - starts, 0)
    first = np.repeat(np.arange(east.size), partners)
    second = np.arange(first.size) - np.repeat(np.cumsum(partners) - partners, partners) + first + 1
    square = (east[second] - east[first]) ** 2 + (north[second] - north[first]) ** 2
    band = np.searchsorted(edges**2, square, side="left")
    is_close = band < edges.size
    return order[first[is_close]], order[second[is_close]], band[is_close]


def _table(
    days: Floats, first: Weeks, second: Weeks, band: Weeks, bands: tuple[int, Floats], *, within: bool
) -> Counts:
    """How many of the pairs close in space lie in each band of time."""
    rows, edges = bands
    column = np.searchsorted(edges, np.abs(days[first] - days[second]), side="left")
    columns = edges.size + 1
    table: Counts = np.bincount(band * columns + column, minlength=rows * columns).reshape(rows, columns)[:, :-1]
    return table.cumsum(axis=0).cumsum(axis=1) if within else table


def _pairs_within(days: Floats, edges: Floats) -> Counts:
    """The pairs of events at most so many days apart, for each edge."""
    ordered = np.sort(days)
    counts = np.zeros(edges.size, dtype=np.int64)
    for place, edge in enumerate(edges.tolist()):
        counts[place] = (np.searchsorted(ordered, ordered + edge, side="right") - np.arange(1, ordered.size + 1)).sum()
    return counts
