"""The order tests begin in leaves none out, and lets long ones begin first on every worker."""

import random

from hypothesis import given
from hypothesis import strategies as st
from tests.ordering import long_ones_first


def test_each_worker_begins_with_its_share_of_the_long_ones():
    ordered = long_ones_first(range(10), [1, 5, 9], workers=3)

    assert ordered == [1, 0, 2, 5, 3, 4, 9, 6, 7, 8]


@given(count=st.integers(0, 30), workers=st.integers(1, 6), chance=st.randoms(use_true_random=False))
def test_no_test_is_left_out_or_run_twice(count: int, workers: int, chance: random.Random):
    tests = list(range(count))
    long = chance.sample(tests, chance.randint(0, count))

    assert sorted(long_ones_first(tests, long, workers)) == tests
