"""Which cells of a table of counts may be shown, so that nobody works out one that may not, with this text in hand.

Theory of operation
-------------------
A *table* is one indicator in one period: a *leaf* for each district and each reserved area, and groupings, which are
sums of leaves (a district may be in several). Groupings are added up from their leaves here, never taken from
elsewhere, so that a table always adds up.

A sum from 1 to `below - 1` is *small* and must not be known. Everybody can subtract, so other cells are hidden with it.
Which ones must not depend on how large these are: if the smallest that protects were hidden, whoever has this text
would learn that the shown ones are larger than the hidden one. So it is laid down before anything is counted. The
leaves that groupings connect are a tree of *branches*: a branch is divided in two by the largest grouping that divides
it, and where none does, in the middle, by code. Districts that are in the same groupings so come to lie beside one
another, and county totals are the last to be given up.

    a branch is covered     when one of its halves is small, when it lies within one that is covered, or when it is a
                            whole tree and small itself
    a leaf is shown         when no covered branch has it
    a grouping is shown     when it is not small, and of each covered branch it has all or nothing

What does this tell? Everything shown is a sum of whole covered branches and of leaves that are shown, so of a covered
branch its sum at most. That sum is never small: its own branch would be covered. And whether it is covered depends on
nothing but its two sums, of which one is small and nobody knows which. So let a leaf of it be any number from 1 to
`below - 1`, the rest of its half nought, and the other half what is left of the sum: that is a table from which the
very same would be shown, to the last cell. Therefore, by whatever reasoning over one release:

    a hidden leaf           may be each number from 1 to `below - 1`, whatever it is
    any sum of leaves       that follows from what is shown is not small, listed or not
    a hidden grouping       may be at least two numbers; each from 1 up where groupings nest, else it may be known to be
                            at least so many as the covered branches it cuts

A table is restated. Whoever has kept what was shown before may subtract over time, too, and at worst knows which hidden
counts did not change. Therefore a table keeps what it first showed: what was hidden stays hidden, whatever it becomes,
and a restatement that would hide more is held back, and the table stands as it was last shown, until it can be restated
again. So is one in which all of a covered branch has become nought, for then each leaf of it would be known. What is
shown of all releases are then the same sums over the same leaves, and of two leaves of a covered branch one may always
have a little more and the other less, in all of them at once.

What this does not do. Indicators are looked at one by one: no two of a profile may have a report in common, or a part
of one would follow from the rest of it (such a catalogue is refused, `core/rules/apart.py`). Profiles are, too. Periods
that nest must not be shown both (such a catalogue is refused; `core/stages/publish_indicators.py` sees to what other
catalogues have shown before). That a cell is hidden tells that it, or what lies beside it, is small, and how likely
which is nobody is kept from guessing: a large district beside a small one is rarely the reason. Who is told from within
which hidden counts changed, restatement by restatement, may narrow others down by it: one that lost three was at least
three. And one who is told from within what a leaf of a branch is knows the other, where there are but two.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec

from safety_stream.core.catalogue import Area, Areas, Parent
from safety_stream.core.model.times import Period


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
    table = _Table(hierarchy, counts, listed, below)
    if before is None:
        return table.shown
    kept = before.intersection(listed)
    return kept if kept <= table.shown and not table.is_known_to_be_nought(kept) else None


class _Branch(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Some leaves, and the two halves they are divided in; a leaf has none."""

    leaves: frozenset[str]
    halves: tuple[_Branch, ...]


def _branches(leaves: Sequence[str], sums: Mapping[str, frozenset[str]]) -> list[_Branch]:
    """A tree for each of the smallest sets of leaves that no grouping connects: a function of the hierarchy alone."""
    apart: list[frozenset[str]] = []
    for one in (*(frozenset({leaf}) for leaf in leaves), *sums.values()):
        touching = [other for other in apart if other & one]
        apart = [*(other for other in apart if other not in touching), one.union(*touching)]
    dividing = [sums[cell] for cell in sorted(sums, key=lambda cell: (-len(sums[cell]), cell))]
    return [_divided(sorted(one), dividing) for one in sorted(apart, key=min)]


def _divided(leaves: Sequence[str], dividing: Sequence[frozenset[str]]) -> _Branch:
    whole = frozenset(leaves)
    if len(leaves) == 1:
        return _Branch(whole, ())
    # Where no grouping divides them, none would be cut whichever way they are.
    first = next((one for one in dividing if _cuts(one, whole)), frozenset(leaves[: (len(leaves) + 1) // 2]))
    halves = ([leaf for leaf in leaves if leaf in first], [leaf for leaf in leaves if leaf not in first])
    return _Branch(whole, tuple(_divided(half, dividing) for half in halves))


def _cuts(one: frozenset[str], leaves: frozenset[str]) -> bool:
    """Whether a sum has some of these leaves and not all of them."""
    return bool(one & leaves) and not leaves <= one


class _Table:
    """A table and the tree over its leaves, while it is decided what of it may be shown."""

    def __init__(self, hierarchy: Hierarchy, counts: Mapping[str, int], listed: Collection[str], below: int) -> None:
        self._counts = counts
        self._below = below
        self._listed = frozenset(leaf for leaf in hierarchy.leaves if leaf in listed)
        # A grouping that is not listed is never shown, and so tells nothing and divides nothing.
        self._sums = {cell: hierarchy.under(cell) for cell in hierarchy.groupings if cell in listed}
        self._branches = _branches(hierarchy.leaves, self._sums)
        self.shown = self._shown()

    def is_known_to_be_nought(self, shown: frozenset[str]) -> bool:
        """Whether a branch of which no more than its sum is shown has come to nought, and each leaf of it with it."""
        covered = [leaves for branch in self._branches for leaves in self._not_told_apart(branch, shown)]
        return any(leaves & self._listed and self._sum(leaves) == 0 for leaves in covered)

    def _shown(self) -> frozenset[str]:
        covered = [leaves for branch in self._branches for leaves in self._covered(branch)]
        return self._listed.difference(*covered).union(
            cell
            for cell, leaves in self._sums.items()
            if not self._is_small(leaves) and not any(_cuts(leaves, one) for one in covered)
        )

    def _covered(self, branch: _Branch) -> list[frozenset[str]]:
        """The largest covered branches of a tree."""
        return [branch.leaves] if self._is_small(branch.leaves) else list(self._covered_within(branch))

    def _covered_within(self, branch: _Branch) -> Iterator[frozenset[str]]:
        if any(self._is_small(half.leaves) for half in branch.halves):
            yield branch.leaves
            return
        for half in branch.halves:
            yield from self._covered_within(half)

    def _not_told_apart(self, branch: _Branch, shown: frozenset[str]) -> Iterator[frozenset[str]]:
        """The largest branches that no cell which is shown says more of than their sum."""
        told = branch.leaves & shown or any(
            _cuts(leaves, branch.leaves) for cell, leaves in self._sums.items() if cell in shown
        )
        if branch.halves and not told:
            yield branch.leaves
            return
        for half in branch.halves:
            yield from self._not_told_apart(half, shown)

    def _is_small(self, leaves: frozenset[str]) -> bool:
        return 0 < self._sum(leaves) < self._below

    def _sum(self, leaves: frozenset[str]) -> int:
        return sum(self._counts[leaf] for leaf in leaves)
