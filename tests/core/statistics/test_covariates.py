"""Days become weekly flags and columns."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from safety_stream.core.judging import Covariate, Exclusion, Judging, StepChange
from safety_stream.core.model.times import to_day
from safety_stream.core.statistics.covariates import columns_of, days_in_weeks, weeks_excluded, weeks_since

MONDAY = date(2023, 10, 23)
MONDAYS = np.array([to_day(MONDAY + timedelta(weeks=week)) for week in range(4)])


def day(month: int, of_month: int) -> int:
    return to_day(date(2023, month, of_month))


@given(st.lists(st.integers(int(MONDAYS[0]) - 9, int(MONDAYS[-1]) + 16), max_size=40))
def test_every_day_counts_once_and_in_its_own_week(days: list[int]):
    counted = [len({one for one in days if monday <= one < monday + 7}) for monday in MONDAYS.tolist()]
    assert days_in_weeks(MONDAYS, days).tolist() == counted


def test_a_season_that_begins_on_a_tuesday_has_six_days_of_its_week():
    # Mon 23 Oct | Mon 30 | Mon 6 Nov | Mon 13
    #     [24 ............. 8]
    bonfire = range(day(10, 24), day(11, 8) + 1)
    assert days_in_weeks(MONDAYS, bonfire).tolist() == [6, 7, 3, 0]


def test_a_change_is_in_every_week_that_begins_with_it_or_later():
    assert weeks_since(MONDAYS, day(10, 30)).tolist() == [0, 1, 1, 1]
    assert weeks_since(MONDAYS, day(10, 31)).tolist() == [0, 0, 1, 1]


def test_one_day_of_a_stretch_leaves_the_whole_week_out():
    def left_out(first: int, last: int) -> list[bool]:
        return weeks_excluded(MONDAYS, [Exclusion(id="x", title="X", first=first, last=last)]).tolist()

    assert left_out(day(10, 30), day(11, 5)) == [False, True, False, False]
    assert left_out(day(10, 29), day(11, 6)) == [True, True, True, False]
    assert weeks_excluded(MONDAYS, []).tolist() == [False] * 4


def covariate(first: int, last: int) -> Covariate:
    return Covariate(id="x", title="X", days=(day(11, 5),), known_from=first, known_to=last)


def test_columns_come_in_order_effects_first_and_what_is_not_known_throughout_is_nothing():
    whole = covariate(day(10, 23), day(11, 19))
    judging = Judging(
        covariates=(whole, covariate(day(10, 24), day(11, 19)), covariate(day(10, 23), day(11, 18))),
        steps=(StepChange(id="s", title="S", day=day(11, 6)),),
    )
    assert columns_of(MONDAYS, judging).tolist() == [[0, 1, 0, 0], [0] * 4, [0] * 4, [0, 0, 1, 1]]
    assert columns_of(MONDAYS, Judging()).shape == (0, 4)
    assert columns_of(MONDAYS[:0], judging).shape == (4, 0)


def test_what_names_nothing_concerns_everything():
    anything = Exclusion(id="x", title="X", first=0, last=1)
    some = Exclusion(id="y", title="Y", first=0, last=1, indicators=frozenset({"a"}), areas=frozenset({"N", "S"}))
    judging = Judging(exclusions=(anything, some))
    for indicator, area, concerned in (("a", "N", "xy"), ("a", "S", "xy"), ("a", "W", "x"), ("b", "N", "x")):
        assert "".join(one.id for one in judging.of(indicator, area).exclusions) == concerned
