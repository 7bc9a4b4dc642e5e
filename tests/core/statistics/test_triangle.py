"""What was known when, against a recount of the claims themselves."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety_stream.core.model.tallies import Tally
from safety_stream.core.model.times import period_of, to_date, to_day
from safety_stream.core.statistics.triangle import Cell, Ledger, ledger_of

FIRST = date(2025, 12, 20)
MONDAY = to_day(date(2026, 1, 5))

Claim = tuple[int, int, int, bool, bool]
"""Of one incident's version: which incident, received and happened how many days after FIRST, month only, counted."""

claims = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 60), st.integers(0, 60), st.booleans(), st.booleans()), max_size=25
)


def a_tally(event_day: int, report_day: int, count: int = 1, **changes: Any) -> Tally:
    fields: dict[str, Any] = {"area": "E07000117", "indicator": "violence", "precision": "day", "as_of": 0}
    return Tally(**(fields | {"event_day": event_day, "report_day": report_day, "count": count} | changes))


def received(some: list[Claim]) -> list[Claim]:
    return sorted(some, key=lambda claim: claim[1])


def tallies_of(some: list[Claim]) -> list[Tally]:
    """What a register makes of the claims: the old one of an incident is taken back, the new one counted."""
    found, newest = [], {}
    for claim in received(some):
        incident, report, _, _, _ = claim
        for sign, one in ((-1, newest.get(incident)), (1, claim)):
            if one is not None and one[4]:
                event = FIRST + timedelta(days=one[2])
                precision = "month" if one[3] else "day"
                event_day = to_day(event.replace(day=1) if one[3] else event)
                report_day = to_day(FIRST + timedelta(days=report))
                found.append(a_tally(event_day, report_day, sign, precision=precision))
        newest[incident] = claim
    return found


def recounted(some: list[Claim], kind: str, as_of: date) -> dict[str, int]:
    """The plain way: whoever is asked on that day looks at the newest claim of each incident and counts."""
    counts: dict[str, int] = {}
    newest = {claim[0]: claim for claim in received(some) if FIRST + timedelta(days=claim[1]) <= as_of}
    for _, _, happened, by_month, is_counted in newest.values():
        if is_counted and not (by_month and kind in {"day", "week"}):
            event = FIRST + timedelta(days=happened)
            names = {
                "day": event.isoformat(),
                "week": "{}-{}".format(*event.isocalendar()),
                "month": f"{event.year}-{event.month}",
                "quarter": f"{event.year}-{(event.month - 1) // 3}",
            }
            counts[names[kind]] = counts.get(names[kind], 0) + 1
    return counts


def named(known: dict[Any, int], kind: str) -> dict[str, int]:
    names = {
        "day": lambda start: start.isoformat(),
        "week": lambda start: "{}-{}".format(*start.isocalendar()),
        "month": lambda start: f"{start.year}-{start.month}",
        "quarter": lambda start: f"{start.year}-{(start.month - 1) // 3}",
    }
    return {names[kind](to_date(period.starts)): count for period, count in known.items() if count}


@given(claims, st.sampled_from(["day", "week", "month", "quarter"]))
def test_on_every_day_as_much_is_known_as_a_recount_of_the_claims_finds(some: list[Claim], kind: Any):
    ledger = ledger_of(tallies_of(some))
    for days in range(-1, 62):
        as_of = FIRST + timedelta(days=days)
        assert named(ledger.known(kind, to_day(as_of)), kind) == recounted(some, kind, as_of)


@given(claims, st.randoms(use_true_random=False))
def test_the_order_of_tallies_makes_no_difference(some: list[Claim], chance: Any):
    tallies = tallies_of(some)
    shuffled = chance.sample(tallies, len(tallies))
    for day in range(MONDAY - 10, MONDAY + 50, 7):
        assert ledger_of(tallies).known("week", day) == ledger_of(shuffled).known("week", day)


@given(claims, st.sampled_from(["day", "week", "month", "quarter"]), st.integers(20, 70), st.integers(1, 80))
def test_a_triangle_holds_what_was_known_and_nothing_later(some: list[Claim], kind: Any, days: int, longest: int):
    as_of = to_day(FIRST) + days
    ledger = ledger_of(tallies_of(some))
    known = ledger.known(kind, as_of)
    if not known:
        return
    triangle = ledger.triangle(kind, as_of, longest)
    assert triangle.periods[-1] == period_of(as_of, kind)
    for row, period in enumerate(triangle.periods):
        age = len(triangle.periods) - 1 - row
        if age <= longest:
            assert triangle.cells[row].sum() == known.get(period, 0)
        assert not triangle.cells[row, age + 1 :].any()


@given(claims, st.integers(20, 60))
def test_a_column_of_weeks_ends_on_the_weekday_it_is_for(some: list[Claim], days: int):
    """So what the triangle says of a week so many weeks ago is what was known of it then."""
    as_of = to_day(FIRST) + days
    ledger = ledger_of(tallies_of(some))
    if not ledger.known("week", as_of):
        return
    triangle = ledger.triangle("week", as_of, 20)
    for back in range(len(triangle.periods)):
        before = ledger.known("week", as_of - 7 * back)
        for age, period in enumerate(reversed(triangle.periods[: len(triangle.periods) - back])):
            assert np.cumsum(triangle.cells[triangle.periods.index(period)])[age] == before.get(period, 0)


def test_a_month_is_cut_where_the_same_share_of_it_has_passed():
    """
    January  [=============28|31)   told on the 28th: with delay 0, since on 28 February the month is over
    February [============28)
    """
    january = to_day(date(2026, 1, 1))
    told = ledger_of(
        [a_tally(january, january + 30), a_tally(january + 31, january + 32), a_tally(january, january + 31)]
    )
    over = told.triangle("month", to_day(date(2026, 2, 28)), 2)
    assert over.cells.tolist() == [[1, 1, 0], [1, 0, 0]]
    half = told.triangle("month", to_day(date(2026, 2, 14)), 2)
    assert half.cells.tolist() == [[0, 2, 0], [1, 0, 0]]


def test_what_is_known_to_the_month_counts_in_no_week():
    january = to_day(date(2026, 1, 1))
    ledger = ledger_of([a_tally(january, MONDAY, 4, precision="month"), a_tally(MONDAY, MONDAY)])
    known = [
        {to_date(one.starts).isoformat(): n for one, n in ledger.known(kind, MONDAY).items()}
        for kind in ("week", "month")
    ]
    assert known == [{"2026-01-05": 1}, {"2026-01-01": 5}]


def test_an_event_dated_ahead_is_known_and_in_no_row():
    ledger = ledger_of([a_tally(MONDAY, MONDAY), a_tally(MONDAY + 30, MONDAY)])
    assert sum(ledger.known("day", MONDAY).values()) == 2
    assert ledger.triangle("day", MONDAY, 3).cells.sum() == 1


def test_a_ledger_holds_one_series():
    with pytest.raises(ValueError, match=r"^a ledger holds one series"):
        ledger_of([a_tally(MONDAY, MONDAY), a_tally(MONDAY, MONDAY, area="E07000118")])


@pytest.mark.parametrize(
    ("as_of", "longest", "message"),
    [
        (MONDAY, 0, "longest must be 1 or more, not 0"),
        (MONDAY - 1, 3, "nothing had been told of any period by that day: take a later one"),
    ],
)
def test_what_makes_no_sense_says_which_argument(as_of: int, longest: int, message: str):
    ledger = Ledger({Cell(MONDAY, by_month=False, report_day=MONDAY): 1})
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        ledger.triangle("week", as_of, longest)
