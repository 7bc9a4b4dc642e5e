"""Which cells of a table of counts may be shown, so that nobody works out one that may not.

Theory of operation
-------------------
A *table* is one indicator in one period: a *leaf* for each district and each reserved area, and groupings, which are
sums of leaves (a district may be in several). Groupings are added up from their leaves here, never taken from
elsewhere, so that a table always adds up.

What is shown is a set of cells. A count of 1 to `below - 1` is hidden (primary suppression); nought is a number like
any other and is shown. Everybody can subtract, so others are hidden with it (secondary suppression), until nothing
hidden can be worked out. What can be, is this. Each shown grouping is an equation over its hidden leaves, the shown
ones being known. A hidden cell is *told* when it is a combination of these equations: when its own row lies in their
row space. And a hidden count is at least 1, which says more than equations do: two hidden counts that add up to 2 are 1
and 1. So a leaf that no solution has above its least is as good as shown, and is taken out before the row space is
looked at. Which leaves these are is worked out exactly, for any combination of equations: those at 1 (or, later, at 0)
that cannot rise unless another at its least falls (`_pinned`). Rounding takes nothing back: a rounded number is held to
be as good as the exact one.

To protect a told cell the smallest count that protects it is hidden; if none does alone, the smallest near it, and so
on.

A table is restated. Whoever has kept what was shown before may subtract over time, too, and at worst knows which hidden
counts did not change. Therefore:

    hidden stays hidden     a cell that was not shown once is never shown later, whatever it becomes
    with all above it       when a leaf has to be hidden that was shown before, so is every grouping above it
    or not at all           when a grouping would have to be hidden below which no such leaf is, nothing is shown

The first two make each later set of equations a part of the earlier one, over the same leaves: what moved freely before
moves freely now, in all releases at once. What is newly hidden is in no equation at all. The third is for what would
tell itself: a grouping that was shown, and whose leaves have all changed in the open, is known without being shown.
Such a restatement is held back, and the table stands as it was last shown, until it can be restated again.

What this does not do. Indicators are looked at one by one: no two of a profile may have a report in common, or a part
of one would follow from the rest of it (such a catalogue is refused, `core/rules/apart.py`). Profiles are, too. Periods
that nest must not be shown both (such a catalogue is refused). Who knows this text
and which counts were near may narrow a hidden one down. Bounds are joined with equations within a release, not across
releases by someone who is told which hidden counts changed. And bounds are worked out over fractions: where districts
are divided in two ways, each as often as you like, that is as exact as whole numbers; where three ways cross, whole
numbers may now and then say more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from math import gcd

import msgspec

from safety_stream.core.catalogue import Area, Areas, Parent
from safety_stream.core.model.times import Period

Row = list[Fraction]


class Hierarchy(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The cells of a table: its leaves, and the leaves of each grouping."""

    leaves: tuple[str, ...]
    groupings: dict[str, tuple[str, ...]]

    @property
    def cells(self) -> tuple[str, ...]:
        """Leaves first, then groupings."""
        return (*self.leaves, *self.groupings)

    def under(self, cell: str) -> frozenset[str]:
        """The leaves a cell is the sum of: itself, if it is one."""
        return frozenset(self.groupings.get(cell, (cell,)))

    def added_up(self, leaves: Mapping[str, int]) -> dict[str, int]:
        """The count of every cell; a leaf nothing is known of has nought."""
        return {cell: sum(leaves.get(leaf, 0) for leaf in self.under(cell)) for cell in self.cells}


def hierarchy_of(areas: Areas, period: Period) -> Hierarchy | None:
    """The table of a period; None when the areas change within it, for then no grouping is the sum of any leaves."""
    held: list[Area | Parent] = [*areas.by_code.values()]
    held += [parent for area in areas.by_code.values() for parent in area.parents]
    edges = {edge for one in held for edge in (one.valid_from, one.valid_to)}
    if any(edge is not None and period.starts < edge < period.ends for edge in edges):
        return None
    leaves = sorted(
        code
        for code, area in areas.by_code.items()
        if area.kind in ("district", "reserved") and area.is_valid_on(period.starts)
    )
    groupings: dict[str, list[str]] = {}
    for leaf in leaves:
        for above in areas.roll_ups(leaf, period.starts)[1:]:
            groupings.setdefault(above, []).append(leaf)
    return Hierarchy(tuple(leaves), {code: tuple(groupings[code]) for code in sorted(groupings)})


def cells_shown(
    hierarchy: Hierarchy,
    counts: Mapping[str, int],
    listed: Collection[str],
    below: int,
    before: frozenset[str] | None,
) -> frozenset[str] | None:
    """The cells of a table that may be shown: of those `listed`, counts from 1 to under `below` hidden.

    `before` are the cells last shown of it, None the first time. None is the answer when a restatement must be held
    back. What is not listed is not shown, and is kept from being worked out while it is small.
    """
    hidden = {
        cell
        for cell in hierarchy.cells
        if cell not in listed or 0 < counts[cell] < below or (before is not None and cell not in before)
    }
    table = _Table(hierarchy, counts, before)
    hidden |= table.taken_along(hidden)
    while (told := table.told(hidden, _secrets(hidden, counts, listed, below))) is not None:
        more = table.protecting(told, hidden)
        if more is None:
            return None
        hidden |= more
    return None if table.tells_itself(hidden) else frozenset(hierarchy.cells) - hidden


def _secrets(hidden: Iterable[str], counts: Mapping[str, int], listed: Collection[str], below: int) -> list[str]:
    return [cell for cell in hidden if cell in listed or 0 < counts[cell] < below]


class _Table:
    """A table while it is decided what of it may be shown."""

    def __init__(self, hierarchy: Hierarchy, counts: Mapping[str, int], before: frozenset[str] | None) -> None:
        self._hierarchy = hierarchy
        self._counts = counts
        self._before = before
        self._under = {cell: hierarchy.under(cell) for cell in hierarchy.cells}

    def taken_along(self, hidden: Collection[str]) -> frozenset[str]:
        """The groupings above what is hidden now and was shown before."""
        newly = self._newly_hidden(hidden)
        return frozenset(above for above in self._hierarchy.groupings if self._under[above] & newly)

    def tells_itself(self, hidden: Collection[str]) -> bool:
        """Whether a grouping that was shown is hidden now, and all that changed below it is in the open."""
        newly = self._newly_hidden(hidden)
        return any(
            cell in hidden and not self._under[cell] & newly
            for cell in self._hierarchy.groupings
            if self._before is not None and cell in self._before
        )

    def told(self, hidden: Collection[str], secrets: Iterable[str]) -> str | None:
        """A secret that what is shown tells, the smallest; None without one."""
        equations = self._equations(hidden)
        found = [cell for cell in secrets if equations.tell(self._under[cell])]
        return min(found, key=self._order) if found else None

    def protecting(self, told: str, hidden: Collection[str]) -> frozenset[str] | None:
        """What to hide as well: the smallest that protects the told cell, else the smallest; None without any."""
        near = self._near(told, hidden)
        for cell in near:
            more = self._with_those_above(cell, hidden)
            if not self._equations({*hidden, *more}).tell(self._under[told]):
                return more
        return self._with_those_above(near[0], hidden) if near else None

    def _newly_hidden(self, hidden: Collection[str]) -> frozenset[str]:
        return frozenset(leaf for leaf in self._hierarchy.leaves if leaf in hidden and leaf in (self._before or ()))

    def _with_those_above(self, cell: str, hidden: Collection[str]) -> frozenset[str]:
        return frozenset({cell}) | self.taken_along({*hidden, cell})

    def _near(self, told: str, hidden: Collection[str]) -> list[str]:
        """The shown counts that have to do with a cell, smallest first: never nought, which would protect nothing.

        In a restatement no groupings, which would tell themselves.
        """
        shown = [cell for cell in self._hierarchy.groupings if cell not in hidden]
        touching = [cell for cell in shown if self._under[cell] & self._under[told]]
        leaves = self._under[told].union(*(self._under[cell] for cell in touching))
        found = [leaf for leaf in leaves if leaf not in hidden]
        if self._before is None:
            found += touching
        return sorted((cell for cell in found if self._counts[cell]), key=self._order)

    def _order(self, cell: str) -> tuple[int, bool, str]:
        return self._counts[cell], cell in self._hierarchy.groupings, cell

    def _equations(self, hidden: Collection[str]) -> _Equations:
        unknown = [leaf for leaf in self._hierarchy.leaves if leaf in hidden]
        sums = [self._under[cell] for cell in self._hierarchy.groupings if cell not in hidden]
        least = {leaf for leaf in unknown if self._counts[leaf] <= 1}
        return _Equations(unknown, sums, least)


class _Equations:
    """What sums over unknown leaves tell, of which those in `least` are as small as they can be."""

    def __init__(self, unknown: Sequence[str], sums: Iterable[frozenset[str]], least: Collection[str]) -> None:
        sums = list(sums)
        pinned = _pinned(unknown, sums, least)
        self._unknown = [leaf for leaf in unknown if leaf not in pinned]
        self._reduced = _reduced(_row(one, self._unknown) for one in sums)

    def tell(self, leaves: frozenset[str]) -> bool:
        """Whether the sum of these leaves can be worked out."""
        return not any(_remainder(_row(leaves, self._unknown), self._reduced))


def _row(leaves: Collection[str], columns: Sequence[str]) -> Row:
    return [Fraction(leaf in leaves) for leaf in columns]


def _reduced(rows: Iterable[Row]) -> list[tuple[int, Row]]:
    """The rows in echelon form, each with the column it begins in, where it is 1."""
    reduced: list[tuple[int, Row]] = []
    for row in rows:
        left = _remainder(row, reduced)
        begins = next((at for at, value in enumerate(left) if value), None)
        if begins is not None:
            reduced.append((begins, [value / left[begins] for value in left]))
            reduced.sort(key=lambda one: one[0])
    return reduced


def _remainder(row: Row, reduced: Iterable[tuple[int, Row]]) -> Row:
    """What is left of a row when the others have been taken off as often as they go into it."""
    for begins, other in reduced:
        times = row[begins]
        if times:
            row = [value - times * off for value, off in zip(row, other, strict=True)]
    return row


def _pinned(unknown: Sequence[str], sums: Sequence[frozenset[str]], least: Collection[str]) -> frozenset[str]:
    """The leaves at their least that no solution has above it.

    A solution is left in a direction in which all sums stay as they are and no leaf in `least` falls. The other leaves
    may go either way, so they are eliminated first; what is left says of those in `least` alone how they may rise.
    """
    free = [leaf for leaf in unknown if leaf not in least]
    bound = [leaf for leaf in unknown if leaf in least]
    reduced = _reduced(_row(one, [*free, *bound]) for one in sums)
    rays = [tuple(int(at == one) for at in range(len(bound))) for one in range(len(bound))]
    for begins, row in reduced:
        if begins >= len(free):
            rays = _within(rays, row[len(free) :])
    return frozenset(leaf for at, leaf in enumerate(bound) if not any(ray[at] for ray in rays))


def _within(rays: Sequence[tuple[int, ...]], row: Row) -> list[tuple[int, ...]]:
    """The edges of a cone of non-negative directions once it is cut down to those that keep one more sum.

    The double description method: an edge lies in the sum, or is where it cuts between one on either side.
    """
    scale = 1
    for value in row:
        scale = scale * value.denominator // gcd(scale, value.denominator)
    whole = [int(value * scale) for value in row]
    by_side = [(sum(a * b for a, b in zip(whole, ray, strict=True)), ray) for ray in rays]
    kept = [ray for side, ray in by_side if side == 0]
    for above, up in by_side:
        for under, down in by_side:
            if above > 0 > under:
                kept.append(tuple(above * b - under * a for a, b in zip(up, down, strict=True)))
    return list(_edges(kept))


def _edges(rays: Iterable[tuple[int, ...]]) -> Iterator[tuple[int, ...]]:
    """The rays that are no sums of others: those whose support holds no other's. Each but once, and small."""
    by_support = {frozenset(at for at, value in enumerate(ray) if value): ray for ray in rays}
    for support, ray in by_support.items():
        if not any(other < support for other in by_support):
            common = gcd(*ray)
            yield tuple(value // common for value in ray)
