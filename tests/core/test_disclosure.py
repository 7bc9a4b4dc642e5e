"""What is hidden stays hidden: an attacker who has kept everything ever shown must not work out a hidden count.

The attacker shares no code with what it attacks: it sets up every equation over every release as one system, with one
unknown for each hidden cell and release, and eliminates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise, product
from random import Random
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safety_stream.core import disclosure
from safety_stream.core.disclosure import Hierarchy, cells_shown
from safety_stream.core.rules.apart import are_apart
from safety_stream.core.rules.rule import Selector
from safety_stream.core.rules.rule import Test as FieldTest

Cell = tuple[str, int]
"""A cell of one release."""


class Release(NamedTuple):
    """What was shown of a table (None: hidden), and how it truly stood."""

    shown: dict[str, int | None]
    true: dict[str, int]


# --- The attacker.


def recovered(hierarchy: Hierarchy, releases: Sequence[Release], *, unchanged: str) -> set[Cell]:
    """The hidden cells whose count follows from all releases, each with its release.

    `unchanged` are the leaves the attacker takes for unchanged from a release to the next: "nothing", "hidden" (every
    one hidden in both; told rightly only where it happens to be so), or "known" (those that truly are, as an insider
    knows). A hidden grouping is as its leaves are: nobody takes a sum for unchanged in which a part changed openly.
    """
    system = System()
    for number, release in enumerate(releases):
        for cell, value in release.shown.items():
            if value is not None:
                system.learn({(cell, number): 1}, value)
        for grouping, leaves in hierarchy.groupings.items():
            system.learn({(grouping, number): 1} | {(leaf, number): -1 for leaf in leaves}, 0)
    for number, (earlier, later) in enumerate(pairwise(releases)):
        for cell in hierarchy.leaves:
            if later.shown[cell] is None and (earlier.shown[cell] is None or unchanged == "known"):
                same = unchanged == "hidden" or (unchanged == "known" and earlier.true[cell] == later.true[cell])
                if same:
                    system.learn({(cell, number): 1, (cell, number + 1): -1}, 0)
    if system.is_contradictory:
        return set()
    system.use_noughts(hierarchy, releases)
    known = system.solved()
    return {
        (cell, number)
        for number, release in enumerate(releases)
        for cell, value in release.shown.items()
        if value is None and known.get((cell, number)) == release.true[cell]
    }


class System:
    """Linear equations over cells of releases, always fully reduced."""

    def __init__(self) -> None:
        self._rows: dict[Cell, tuple[dict[Cell, Fraction], Fraction]] = {}
        self.is_contradictory = False

    def learn(self, terms: Mapping[Cell, int], value: int) -> None:
        left, right = self._put_in({cell: Fraction(times) for cell, times in terms.items()}, Fraction(value))
        if not left:
            self.is_contradictory |= right != 0
            return
        pivot = min(left)
        left, right = {cell: times / left[pivot] for cell, times in left.items()}, right / left[pivot]
        for other, (terms_there, value_there) in list(self._rows.items()):
            times = terms_there.get(pivot)
            if times:
                mixed = {cell: terms_there.get(cell, 0) - times * left.get(cell, 0) for cell in {*terms_there, *left}}
                self._rows[other] = (
                    {cell: Fraction(much) for cell, much in mixed.items() if much},
                    value_there - times * right,
                )
        self._rows[pivot] = (left, right)

    def _put_in(self, terms: dict[Cell, Fraction], value: Fraction) -> tuple[dict[Cell, Fraction], Fraction]:
        for pivot, (row, right) in self._rows.items():
            times = terms.get(pivot)
            if times:
                mixed = {cell: terms.get(cell, 0) - times * row.get(cell, 0) for cell in {*terms, *row}}
                terms = {cell: Fraction(much) for cell, much in mixed.items() if much}
                value -= times * right
        return {cell: times for cell, times in terms.items() if times}, value

    def solved(self) -> dict[Cell, Fraction]:
        return {pivot: value for pivot, (row, value) in self._rows.items() if len(row) == 1}

    def use_noughts(self, hierarchy: Hierarchy, releases: Sequence[Release]) -> None:
        """Hidden leaves that add up to nought are nought, each of them; over and over, differences of sums too.

        Nought is the least the attacker may go by: what is hidden beside a small count may be nobody, and whoever has
        the code knows no hidden leaf to be one at least.
        """
        found = True
        while found:
            found = False
            known = self.solved()
            for number in range(len(releases)):
                for leaves, total in self._sums(hierarchy, number):
                    left = [leaf for leaf in leaves if (leaf, number) not in known]
                    rest = total - sum(known[leaf, number] for leaf in leaves if (leaf, number) in known)
                    if left and rest == 0:
                        found = True
                        for leaf in left:
                            self.learn({(leaf, number): 1}, 0)
                        known = self.solved()

    def _sums(self, hierarchy: Hierarchy, number: int) -> Iterator[tuple[frozenset[str], Fraction]]:
        known = self.solved()
        sums = [
            (frozenset(leaves), known[cell, number])
            for cell, leaves in hierarchy.groupings.items()
            if (cell, number) in known
        ]
        yield from sums
        for (more, most), (fewer, least) in product(sums, sums):
            if fewer < more:
                yield more - fewer, most - least


def all_recovered(hierarchy: Hierarchy, releases: Sequence[Release]) -> set[Cell]:
    return set().union(
        *(recovered(hierarchy, releases, unchanged=unchanged) for unchanged in ("nothing", "hidden", "known"))
    )


# --- Tables, and how they change.


def a_hierarchy(random: Random) -> Hierarchy:
    """Some leaves, and groupings over any of them: nested, overlapping, of one leaf, of all."""
    leaves = tuple("abcdefg"[: random.randint(2, 7)])
    groupings = {}
    for number in range(random.randint(1, 5)):
        groupings[f"G{number}"] = tuple(sorted(random.sample(leaves, random.randint(1, len(leaves)))))
    if random.random() < 0.7:
        groupings["ALL"] = leaves
    return Hierarchy(leaves, groupings)


def a_count(random: Random) -> int:
    return random.choice((0, 0, 1, 1, 2, 3, 4, 5, 6, 9, 12, 40))


def restated(random: Random, counts: dict[str, int]) -> dict[str, int]:
    changed = dict(counts)
    for leaf in random.sample(sorted(counts), random.randint(1, 2)):
        step = random.choice((-3, -1, 1, 1, 2, 8))
        changed[leaf] = max(0, counts[leaf] + step) if random.random() < 0.8 else a_count(random)
    return changed


def published(
    hierarchy: Hierarchy, history: Sequence[dict[str, int]], below: int, decide: Callable[..., frozenset[str] | None]
) -> list[Release]:
    """Every release of a table that was shown."""
    releases: list[Release] = []
    before: frozenset[str] | None = None
    for leaves in history:
        counts = hierarchy.added_up(leaves)
        shown = decide(hierarchy, counts, hierarchy.cells, below, before)
        if shown is not None:
            releases.append(Release({cell: counts[cell] if cell in shown else None for cell in counts}, counts))
            before = shown
    return releases


def a_history(random: Random, hierarchy: Hierarchy) -> list[dict[str, int]]:
    history = [{leaf: a_count(random) for leaf in hierarchy.leaves}]
    for _ in range(random.randint(0, 4)):
        history.append(restated(random, history[-1]))
    return history


@given(seed=st.integers(0, 2**32), below=st.sampled_from((3, 5, 8)))
def test_no_hidden_count_is_ever_worked_out(seed: int, below: int):
    random = Random(seed)
    hierarchy = a_hierarchy(random)
    releases = published(hierarchy, a_history(random, hierarchy), below, cells_shown)

    assert releases, "the first time something can always be shown"
    for release in releases:
        assert not [cell for cell, value in release.shown.items() if value is not None and 0 < value < below]
    for earlier, later in pairwise(releases):
        assert {cell for cell, value in earlier.shown.items() if value is None} == {
            cell for cell, value in later.shown.items() if value is None
        }
    assert all_recovered(hierarchy, releases) == set()


# --- Every table there could be, to whoever has the code.

NESTED = Hierarchy(("a", "b", "c", "d"), {"AB": ("a", "b"), "ALL": ("a", "b", "c", "d")})
CROSSED = Hierarchy(
    ("a", "b", "c", "d", "e"), {"ABC": ("a", "b", "c"), "CD": ("c", "d"), "ALL": ("a", "b", "c", "d", "e")}
)
COUNTY = Hierarchy(
    ("a", "b", "c", "d", "e"),
    {"EAST": ("a", "b", "c"), "WEST": ("d", "e"), "L12": ("b", "c", "d"), "L14": tuple("abcde")},
)

Seen = tuple[tuple[str, int | None], ...]
"""What is shown of a table: the attacker has nothing else, and the code."""


def every_table(hierarchy: Hierarchy, most: int) -> Iterator[dict[str, int]]:
    """Every table of so many incidents at most: what is hidden adds up to what it did, so none is left out."""
    for leaves in product(range(most + 1), repeat=len(hierarchy.leaves)):
        if sum(leaves) <= most:
            yield hierarchy.added_up(dict(zip(hierarchy.leaves, leaves, strict=True)))


def seen_of(counts: Mapping[str, int], shown: frozenset[str] | None) -> Seen:
    return () if shown is None else tuple((cell, count if cell in shown else None) for cell, count in counts.items())


@pytest.mark.parametrize(("hierarchy", "most"), [(NESTED, 10), (CROSSED, 8), (COUNTY, 8)])
@pytest.mark.parametrize("below", [3, 4])
def test_whoever_has_the_code_can_take_a_hidden_count_for_every_small_number(
    hierarchy: Hierarchy, most: int, below: int
) -> None:
    """Found by trying every table: all from which the very same would be shown, pattern and numbers."""
    tables: dict[Seen, list[dict[str, int]]] = {}
    for counts in every_table(hierarchy, most):
        tables.setdefault(seen_of(counts, cells_shown(hierarchy, counts, hierarchy.cells, below, None)), []).append(
            counts
        )

    assert any(value is not None for seen in tables for _, value in seen)
    for seen, there in tables.items():
        for cell, value in seen:
            could = {counts[cell] for counts in there}
            if value is not None:
                assert value == 0 or value >= below
            elif cell in hierarchy.leaves:
                assert could >= set(range(1, below))
            else:
                assert len(could) > 1


def test_no_sum_that_follows_from_what_is_shown_is_small() -> None:
    """Of L-12 and L-14 follows what is in neither's difference: A and E together, though no grouping has that name."""
    below = 4
    for counts in every_table(COUNTY, 8):
        shown = cells_shown(COUNTY, counts, COUNTY.cells, below, None)
        assert shown is not None
        if {"L12", "L14"} <= shown:
            assert not 0 < counts["L14"] - counts["L12"] < below


def test_a_restatement_tells_whoever_has_the_code_no_hidden_count() -> None:
    """Every table followed by every other, held back or not: what was shown of both could be of any small number."""
    hierarchy, most, below = Hierarchy(("a", "b", "c"), {"ALL": ("a", "b", "c")}), 6, 3
    first_shown = [
        (counts, cells_shown(hierarchy, counts, hierarchy.cells, below, None))
        for counts in every_table(hierarchy, most)
    ]
    there: dict[tuple[Seen, Seen], list[tuple[dict[str, int], dict[str, int]]]] = {}
    for first, shown in first_shown:
        for later, _ in first_shown:
            again = cells_shown(hierarchy, later, hierarchy.cells, below, shown)
            seen = seen_of(first, shown)
            # Of what is held back nothing is seen: what was shown stands.
            there.setdefault((seen, seen if again is None else seen_of(later, again)), []).append((first, later))

    for (seen, again), pairs in there.items():
        hidden = [leaf for leaf, value in seen if value is None and leaf in hierarchy.leaves]
        assert all({first[leaf] for first, _ in pairs} >= set(range(1, below)) for leaf in hidden)
        assert [cell for cell, value in again if value is None] == [cell for cell, value in seen if value is None]
        assert all(len({later[leaf] for _, later in pairs}) > 1 for leaf in hidden)


@given(seed=st.integers(0, 2**32), below=st.sampled_from((3, 5, 8)))
def test_what_is_hidden_does_not_depend_on_how_large_the_others_are(seed: int, below: int) -> None:
    """With every count that is shown multiplied, however differently, the very same cells are hidden."""
    random = Random(seed)
    hierarchy = a_hierarchy(random)
    leaves = {leaf: a_count(random) for leaf in hierarchy.leaves}
    grown = {leaf: count * random.randint(1, 9) if count >= below else count for leaf, count in leaves.items()}

    shown, later = (
        cells_shown(hierarchy, hierarchy.added_up(one), hierarchy.cells, below, None) for one in (leaves, grown)
    )

    assert shown == later


def test_what_is_not_listed_is_kept_from_being_worked_out_while_it_is_small() -> None:
    counts = NESTED.added_up({"a": 2, "b": 9, "c": 9, "d": 9})
    listed = ("b", "c", "d", "AB", "ALL")

    assert cells_shown(NESTED, counts, listed, 3, None) == {"c", "d", "AB", "ALL"}
    assert cells_shown(NESTED, counts | {"a": 5}, listed, 3, None) == set(listed)


# --- Several indicators of the same reports.

KINDS = ("burglary", "robbery", "drugs")
PLACE = Hierarchy(("a", "b"), {"ALL": ("a", "b")})
Reports = dict[tuple[str, str], int]
"""How many reports there are of each kind in each leaf."""


def some_indicators(random: Random) -> list[frozenset[str]]:
    """Of which kinds each counts the reports."""
    return [frozenset(random.sample(KINDS, random.randint(1, 3))) for _ in range(random.randint(2, 3))]


def counted(indicator: frozenset[str], reports: Reports) -> dict[str, int]:
    return PLACE.added_up({leaf: sum(reports[leaf, kind] for kind in indicator) for leaf in PLACE.leaves})


def told_by_all(indicators: Sequence[frozenset[str]], reports: Reports, below: int) -> list[tuple[int, str]]:
    """The hidden cells that are the same in all the reports there could be, by whatever reasoning.

    The attacker knows what is counted in what, and that a hidden count is no nought.
    """
    shown = []
    for one in indicators:
        counts = counted(one, reports)
        cells = cells_shown(PLACE, counts, PLACE.cells, below, None)
        assert cells is not None
        shown.append({cell: counts[cell] if cell in cells else None for cell in counts})
    could = []
    for guess in product(range(5), repeat=len(reports)):
        tables = [counted(one, dict(zip(reports, guess, strict=True))) for one in indicators]
        if all(
            table[cell] == value if value is not None else table[cell] > 0
            for table, seen in zip(tables, shown, strict=True)
            for cell, value in seen.items()
        ):
            could.append(tables)
    return [
        (number, cell)
        for number, seen in enumerate(shown)
        for cell, value in seen.items()
        if value is None and len({tables[number][cell] for tables in could}) == 1
    ]


def selects(kinds: frozenset[str]) -> Selector:
    return Selector(tests=(FieldTest("kind", kinds),))


def some_reports(random: Random) -> Reports:
    return {(leaf, kind): random.choice((0, 0, 1, 1, 2, 3)) for leaf in PLACE.leaves for kind in KINDS}


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32))
def test_indicators_that_are_apart_tell_nothing_of_one_another(seed: int):
    random = Random(seed)
    apart: list[frozenset[str]] = []
    for one in some_indicators(random):
        if all(are_apart(selects(one), selects(other)) for other in apart):
            apart.append(one)

    assert told_by_all(apart, some_reports(random), below=3) == []


def test_indicators_that_are_parts_of_one_another_tell_what_is_hidden():
    """Of a all four crimes are shown and three burglaries with them, so a hidden robbery is one at most."""
    reports = dict.fromkeys(((leaf, kind) for leaf in PLACE.leaves for kind in KINDS), 0)
    reports |= {("a", "burglary"): 3, ("a", "robbery"): 1, ("b", "robbery"): 3}
    parts = [frozenset({kind}) for kind in KINDS[:2]]

    assert told_by_all(parts, reports, below=3) == []
    assert (1, "a") in told_by_all([*parts, frozenset(KINDS)], reports, below=3)


# --- What the attacker makes of weaker protection.


def primary_only(
    hierarchy: Hierarchy, counts: Mapping[str, int], listed: object, below: int, before: frozenset[str] | None
) -> frozenset[str]:
    del listed, before
    return frozenset(cell for cell in hierarchy.cells if not 0 < counts[cell] < below)


def each_time_anew(
    hierarchy: Hierarchy, counts: Mapping[str, int], listed: Sequence[str], below: int, before: object
) -> frozenset[str] | None:
    del before
    return cells_shown(hierarchy, counts, listed, below, None)


def hidden_as_it_becomes_small(
    hierarchy: Hierarchy,
    counts: Mapping[str, int],
    listed: Sequence[str],
    below: int,
    before: frozenset[str] | None,
) -> frozenset[str] | None:
    """Hidden stays hidden, and nothing is held back."""
    shown = cells_shown(hierarchy, counts, listed, below, None)
    return shown if shown is None or before is None else shown & before


def a_leak(decide: Callable[..., frozenset[str] | None], seeds: int = 400) -> bool:
    for seed in range(seeds):
        random = Random(seed)
        hierarchy = a_hierarchy(random)
        if all_recovered(hierarchy, published(hierarchy, a_history(random, hierarchy), 5, decide)):
            return True
    return False


@pytest.mark.parametrize("decide", [primary_only, each_time_anew, hidden_as_it_becomes_small])
def test_the_attacker_works(decide: Callable[..., frozenset[str] | None]):
    assert a_leak(decide)


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("_Table._covered", lambda *_: []),
        ("_Table.is_known_to_be_nought", lambda *_: False),
        ("_cuts", lambda one, leaves: bool(one & leaves) and one < leaves),
    ],
)
def test_each_part_of_the_protection_is_needed(monkeypatch: pytest.MonkeyPatch, name: str, broken: object):
    monkeypatch.setattr(f"{disclosure.__name__}.{name}", broken)

    assert a_leak(cells_shown)
