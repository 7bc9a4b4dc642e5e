"""How long a provider that failed is left alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.delivery.making import BOUNDS

from safety_stream.core.model.times import MINUTE, SECOND
from safety_stream.delivery.retrying import wait_after

FAILURES = st.integers(min_value=1, max_value=10_000)
CHANCE = st.floats(min_value=0, max_value=1)


def test_each_wait_is_twice_the_one_before_up_to_the_most():
    waits = [wait_after(failures, 0, 0.0, BOUNDS.retrying) // SECOND for failures in range(1, 10)]

    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 300]


@given(FAILURES, CHANCE)
def test_chance_takes_off_up_to_half_and_nothing_is_longer_than_the_most(failures: int, chance: float):
    whole = wait_after(failures, 0, 0.0, BOUNDS.retrying)

    assert whole / 2 - 1 <= wait_after(failures, 0, chance, BOUNDS.retrying) <= whole <= 5 * MINUTE


@given(FAILURES, CHANCE, st.integers(min_value=0, max_value=60 * MINUTE))
def test_what_a_provider_asks_for_is_never_cut_short(failures: int, chance: float, asked: int):
    assert wait_after(failures, asked, chance, BOUNDS.retrying) >= asked
