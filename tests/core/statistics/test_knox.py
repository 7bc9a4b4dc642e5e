"""Near repeats against a count of all pairs one by one, and against all ways to deal out the times."""

from __future__ import annotations

import re
from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety_stream.core.statistics.knox import Knox, knox

# Few whole numbers, so that many pairs lie on an edge.
steps = st.integers(-10, 10).map(lambda at: at * 20)
events = st.lists(st.tuples(steps, steps, st.integers(0, 25)), min_size=2, max_size=30)
DISTANCES, SPANS = [100.0, 200.0, 500.0], [0.0, 7.0, 14.0]


def of(some: list[tuple[int, int, int]], orders: list[tuple[int, ...]], *, within: bool = False) -> Knox:
    table = np.array(some)
    return knox(table[:, :2], table[:, 2], DISTANCES, SPANS, [np.array(order) for order in orders], within=within)


def counted(some: list[tuple[int, int, int]]) -> list[list[int]]:
    """Every pair, looked at; squares of whole numbers have no rounding."""
    table = [[0] * 3 for _ in range(3)]
    for (x, y, day), (other_x, other_y, other_day) in combinations(some, 2):
        square, span = (x - other_x) ** 2 + (y - other_y) ** 2, abs(day - other_day)
        rows = [at for at, edge in enumerate(DISTANCES) if square <= edge**2]
        columns = [at for at, edge in enumerate(SPANS) if span <= edge]
        if rows and columns:
            table[rows[0]][columns[0]] += 1
    return table


@given(events)
def test_pairs_are_those_of_a_plain_count_and_an_edge_belongs_below(some: list[tuple[int, int, int]]):
    found = of(some, [])
    assert found.observed.tolist() == counted(some)
    assert of(some, [], within=True).observed.tolist() == np.cumsum(np.cumsum(counted(some), 0), 1).tolist()
    assert (found.p_value == 1).all()


def test_a_pair_at_just_a_hundred_metres_and_a_week_is_within_both():
    found = of([(0, 0, 3), (60, -80, 10)], [])
    assert found.observed.tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert of([(0, 0, 3), (61, -80, 10)], []).observed.tolist() == [[0, 0, 0], [0, 1, 0], [0, 0, 0]]


@given(st.lists(events.map(lambda some: some[0]), min_size=3, max_size=5))
def test_the_mean_and_the_p_value_are_those_over_all_ways_to_deal_out_the_times(some: list[tuple[int, int, int]]):
    orders = list(permutations(range(len(some))))
    for within in (False, True):
        found = of(some, orders, within=within)
        tables = []
        for order in orders:
            dealt = [(x, y, some[at][2]) for (x, y, _), at in zip(some, order, strict=True)]
            table = np.array(counted(dealt))
            tables.append(table.cumsum(0).cumsum(1) if within else table)
        assert found.expected == pytest.approx(np.mean(tables, axis=0))
        reached = (np.array(tables) >= found.observed).sum(axis=0)
        assert found.p_value == pytest.approx((1 + reached) / (1 + len(orders)))


@given(events, st.randoms(use_true_random=False))
def test_the_order_of_the_events_does_not_matter(some: list[tuple[int, int, int]], chance: object):
    shuffled = list(some)
    chance.shuffle(shuffled)
    one, other = of(some, []), of(shuffled, [])
    np.testing.assert_array_equal(one.observed, other.observed)
    np.testing.assert_array_equal(one.expected, other.expected)


def test_repeats_nearby_stand_out_and_others_do_not():
    chance = np.random.default_rng(5)
    places, days = chance.integers(0, 20_000, (300, 2)), chance.integers(0, 365, 300)
    orders = [chance.permutation(360) for _ in range(199)]
    repeated = places[:60] + chance.integers(-50, 51, (60, 2)), days[:60] + chance.integers(0, 7, 60)
    found = knox(np.vstack([places, repeated[0]]), np.concatenate([days, repeated[1]]), [100], [7], orders)
    assert found.ratio[0, 0] > 5
    assert found.p_value[0, 0] == 1 / 200
    everywhere, always = np.vstack([places, repeated[0]]), np.concatenate([days, repeated[1]])
    dealt = [knox(everywhere, always[order], [100], [7], orders[:99]).p_value[0, 0] for order in orders[100:140]]
    assert 0.4 < np.mean(dealt) < 0.75


def test_where_nothing_is_expected_there_is_no_ratio():
    found = knox([[0, 0], [9000, 0]], [0, 0], [100], [7], [])
    assert (found.observed[0, 0], found.expected[0, 0], found.p_value[0, 0]) == (0, 0, 1)
    assert np.isnan(found.ratio[0, 0])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"places": [[0, 0, 0]] * 2}, "places must be (events, 2) and days (events,), not (2, 3) and (2,)"),
        ({"days": [0]}, "places must be (events, 2) and days (events,), not (2, 2) and (1,)"),
        ({"days": [0, np.nan]}, "there must be two events or more, each with a place and a day"),
        ({"distances": [200, 100]}, "distances must be a list of growing numbers of 0 or more"),
        ({"spans": []}, "spans must be a list of growing numbers of 0 or more"),
    ],
)
def test_what_makes_no_sense_says_which_argument(changed: dict[str, object], message: str):
    given_so = {"places": [[0, 0], [1, 1]], "days": [0, 1], "distances": [100], "spans": [7], "permutations": []}
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        knox(**(given_so | changed))
