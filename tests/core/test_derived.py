"""Shares and rates that say nothing where nothing can be said, the year to date, and history on other areas."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety_stream.core.catalogue import Area, Areas, Parent, Rate, Residents, Share, Successor
from safety_stream.core.derived import Restated, months_to_date, rate_of, restated, share_of
from safety_stream.core.model.times import period_of, to_day

SHARE = Share(id="s", title="S", of="a", among="b", least_base=20)
RATE = Rate(id="r", title="R", of="a", per="residents", times=1000)
REFORM = to_day(date(2028, 4, 1))
BEFORE = period_of(to_day(date(2026, 1, 5)), "week")


@pytest.mark.parametrize(("of", "among", "share"), [(5, 19, None), (5, 20, 25.0), (0, 0, None), (1, 30, 3.3)])
def test_a_share_is_said_of_no_base_under_twenty(of: int, among: int, share: float | None):
    assert share_of(SHARE, of, among) == share


def test_a_rate_is_said_of_no_area_of_unknown_residents():
    assert rate_of(RATE, 30, 120_000) == 0.25
    assert rate_of(RATE, 30, None) is None


def test_residents_hold_from_the_day_they_were_counted_and_a_grouping_has_those_of_its_districts():
    above = (Parent("G"),)
    areas = Areas(
        county="made-up",
        by_code={
            "A": Area(code="A", name="A", kind="district", parents=above),
            "B": Area(code="B", name="B", kind="district", parents=above),
            "G": Area(code="G", name="G", kind="county"),
            "H": Area(code="H", name="H", kind="csp"),
        },
        by_lsoa={},
        residents={
            "A": (Residents(10, 100, "census"), Residents(20, 110, "estimate"), Residents(30, 120, "estimate")),
            "B": (Residents(10, 50, "census"), Residents(30, 60, "register")),
            # A number of its own, of another day, is not what its districts' counts rest on.
            "G": (Residents(20, 999, "elsewhere"),),
        },
    )

    assert [areas.residents_on("A", day) for day in (9, 10, 20)] == [
        None,
        Residents(10, 100, "census"),
        Residents(20, 110, "estimate"),
    ]
    assert [areas.residents_on("G", day) for day in (9, 10, 29, 30)] == [
        None,
        Residents(10, 150, "census"),
        Residents(10, 150, "census"),
        Residents(30, 180, "estimate; register"),
    ]
    assert areas.residents_now("G") == Residents(30, 180, "estimate; register")
    assert areas.residents_on("H", 20) is None
    assert areas.residents_on("nowhere", 20) is None


def test_the_year_to_date_begins_with_the_year_and_ends_with_the_month_of_the_day():
    first = [to_day(date(2026, month, 1)) for month in range(1, 5)]

    assert [month.starts for month in months_to_date(to_day(date(2026, 3, 15)))] == first[:3]
    assert [month.ends for month in months_to_date(first[0])] == first[1:2]
    assert len(months_to_date(to_day(date(2026, 12, 31)))) == 12


def successor(new: str, **part: object) -> Successor:
    return Successor(old="Old", new=new, valid_from=REFORM, **part)  # type: ignore[arg-type]


def test_what_takes_the_whole_place_has_the_whole_history_exactly():
    assert restated({("Old", BEFORE): 7}, [successor("New")]) == {("New", BEFORE): Restated(7, is_estimate=False)}


def test_what_begins_after_the_reform_is_not_restated():
    after = period_of(REFORM + 7, "week")

    assert restated({("Old", after): 7}, [successor("New")]) == {}


PARTS = [successor("N", lsoas=frozenset({"E1", "E2"})), successor("S", lsoas=frozenset({"E3"}))]


def test_a_part_that_is_lsoas_has_the_sum_of_theirs():
    history = {("Old", BEFORE): 9, ("lsoa:E1", BEFORE): 2, ("lsoa:E2", BEFORE): 3, ("lsoa:E3", BEFORE): 4}

    assert restated(history, PARTS) == {
        ("N", BEFORE): Restated(5, is_estimate=False),
        ("S", BEFORE): Restated(4, is_estimate=False),
    }


def test_where_the_lsoas_are_not_the_whole_it_is_an_estimate():
    history = {("Old", BEFORE): 9, ("lsoa:E1", BEFORE): 2}

    assert restated(history, PARTS) == {
        ("N", BEFORE): Restated(6, is_estimate=True),
        ("S", BEFORE): Restated(3, is_estimate=True),
    }


def test_two_areas_that_become_one_are_added_and_one_estimate_makes_an_estimate():
    others = [Successor(old="Other", new="N", valid_from=REFORM)]
    halves = [successor("N", percent=50), successor("S", percent=50)]

    found = restated({("Old", BEFORE): 5, ("Other", BEFORE): 10}, [*others, *halves])

    assert found == {("N", BEFORE): Restated(13, is_estimate=True), ("S", BEFORE): Restated(2, is_estimate=True)}


@given(st.integers(0, 10_000), st.integers(1, 99), st.integers(0, 9))
def test_what_is_divided_by_shares_keeps_its_sum(value: int, percent: int, number: int):
    parts = [successor("N", percent=percent), successor("S", percent=100 - percent)]
    found = restated({("Old", BEFORE): value, (f"Other {number}", BEFORE): number}, parts)

    assert sum(one.value for one in found.values()) == value
    assert abs(found["N", BEFORE].value - value * percent / 100) < 1
