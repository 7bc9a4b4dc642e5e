"""Weekly values become judgements that are a function of the values alone, whatever came when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.rules.making import an_override
from tests.core.stages.judged_world import (
    AREAS,
    INDICATORS,
    MONDAY,
    SERIES,
    WEEK,
    WEEKS,
    Values,
    a_signal_rule,
    a_status,
    a_value,
    asking,
    changes_in,
    counts_of,
    found_in,
    in_any_order,
    judging,
    put_out,
    run,
    standing,
)
from tests.core.stages.making import a_record, covering

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.judgements.settings import Settings, Target
from safety_stream.core.judgements.signals import Judged, Weighed, judged_week
from safety_stream.core.judging import Judging
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.findings import Finding, FindingChange
from safety_stream.core.model.indicators import IndicatorValue
from safety_stream.core.model.judgements import Judgement
from safety_stream.core.model.times import DAY_LENGTH, Day, start_of, to_date, to_day
from safety_stream.core.rules.rule import Rule
from safety_stream.core.rules.signal import signalled
from safety_stream.core.stages import judge
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.core.stages.stage import MORE_ROW
from safety_stream.core.statistics.expecting import expected_of


def batch_of(values: Values, over: Day, complete: Day, said: Settings) -> dict[tuple[str, Day], Judged]:
    """All weeks judged from scratch, from the values as they are in the end."""
    found: dict[tuple[str, Day], Judged] = {}
    rows: dict[Day, dict[str, Judged]] = {}
    for week in range(MONDAY, over, WEEK):
        weighed = {}
        for series in {name for name, _ in values}:
            counts = [values.get((series, day), 0) for day in range(MONDAY, week + WEEK, WEEK)]
            column = len(counts) - 1
            named = (series.split("|")[1], series.split("|")[0])
            by = (said.expecting, MONDAY, Judging())
            ((expected,),) = expected_of({named: counts}, column, column + 1, *by).values()
            if expected is not None:
                # No history here is as long as a year.
                weighed[series] = Weighed(counts[-1], week < complete, tuple(counts[-8:]), (), None, expected)
        before = [rows.get(week - back * WEEK, {}) for back in range(7, 0, -1)]
        rows[week] = judged_week(week, weighed, before, said.levels)
        found |= {(series, week): one for series, one in rows[week].items()}
    return found


@settings(max_examples=10)
@given(seed=st.integers(0, 10**6))
def test_whatever_came_when_the_judgements_are_those_of_the_values(catalogue: Catalogue, seed: int):
    """Values come shuffled, some wrong at first, in batches of any size, between words of how far the feeds are."""
    random = Random(seed)
    rules = [a_signal_rule("red"), a_signal_rule("amber", overrides=(an_override(AREAS[1], enabled=False),))]
    known = asking(judging(catalogue), *rules)
    values = counts_of(seed)
    last = MONDAY + WEEKS * WEEK
    complete = last - 3 * WEEK
    batches = in_any_order(known, values, random, last, complete)

    everything = put_out(known, batches)
    said = standing(one for one in everything if isinstance(one, Judgement))
    found_rules = found_in(one for one in everything if isinstance(one, FindingChange))

    assert known.signals is not None
    expected = batch_of(values, last, complete, known.signals)
    assert said.keys() == expected.keys()
    for key, one in expected.items():
        found = dict(zip(Judgement.__struct_fields__, said[key], strict=True))
        assert (found["value"], found["final"], found["recent"], found["past_years"]) == (
            one.weighed.value,
            one.weighed.final,
            one.weighed.recent,
            one.weighed.past_years,
        )
        assert (found["expected"], found["spread"], found["p"], found["p_low"]) == (
            one.over.mean,
            one.over.spread,
            one.rarity.p,
            one.rarity.p_low,
        )
        assert (found["signal"], found["reasons"]) == (one.signal, one.reasons)
        assert (found["opened"], found["red_since"]) == (
            (one.breach.opened, one.breach.red_since) if one.breach else (None, None)
        )
    assert found_rules == findings_of(rules, expected)


def findings_of(rules: Sequence[Rule], judged: Mapping[tuple[str, Day], Judged]) -> dict[str, Finding]:
    """What the rules find in judged weeks, from scratch."""
    found = [
        signalled(rule, rule.limbs[0], series, week, one) for rule in rules for (series, week), one in judged.items()
    ]
    return {one.finding_id: one for one in found if one is not None}


def test_a_week_is_judged_once_it_is_over(catalogue: Catalogue):
    known = judging(catalogue)
    series, weeks = SERIES[0], [MONDAY + number * WEEK for number in range(6)]
    values = [a_value(series, week, 10, 0) for week in weeks]

    before = run(known, [[*values, a_status(weeks[-1] + WEEK - 1, weeks[0], known)]])
    after = run(known, [[*values, a_status(weeks[-1] + WEEK, weeks[0], known)]])

    assert [one.starts for one in before] == weeks[4:5]
    assert [one.starts for one in after] == weeks[4:6]


def test_an_empty_week_is_a_week_of_nought(catalogue: Catalogue):
    known = judging(catalogue)
    weeks = [MONDAY + number * WEEK for number in range(6)]
    values = [a_value(SERIES[0], week, 10, 0) for week in weeks[:-1]]

    said = run(known, [[*values, a_status(weeks[-1] + WEEK, weeks[-1] + WEEK, known)]])

    assert (said[-1].starts, said[-1].value, said[-1].signal) == (weeks[-1], 0, "improvement")


def test_the_years_before_are_those_of_the_calendar(catalogue: Catalogue):
    """Twelve years of weeks whose values are their numbers: the week before New Year's Day stays that one."""
    first = to_day(date(2013, 1, 7))
    known = covering(judging(catalogue), first)
    last = to_day(date(2026, 1, 5))
    weeks = [a_value(SERIES[0], week, (week - first) // WEEK + 1, 0) for week in range(first, last, WEEK)]
    newest = {one.starts: one for one in run(known, [[*weeks, a_status(last, last, known)]])}

    mondays = [date(2024, 12, 30), date(2024, 1, 1), date(2022, 12, 26), date(2021, 12, 27), date(2020, 12, 28)]
    mondays += [date(2019, 12, 30), date(2018, 12, 31), date(2018, 1, 1), date(2016, 12, 26), date(2015, 12, 28)]
    mondays += [date(2014, 12, 29), date(2013, 12, 30)]
    of_those = tuple((to_day(monday) - first) // WEEK + 1 for monday in mondays)
    assert newest[to_day(date(2025, 12, 29))].past_years == of_those


@pytest.mark.parametrize("starts", [date(2024, 2, 29), date(2026, 3, 1), date(2025, 7, 17), date(2023, 1, 1)])
def test_a_period_of_the_years_before_begins_on_the_same_weekday_within_three_days(starts: date):
    begins = to_day(date(2001, 1, 1))
    found = [to_date(day) for day in judge._in_years_before(to_day(starts), begins)]

    assert {day.weekday() for day in found} == {starts.weekday()}
    assert len(found) in (starts.year - 2001, starts.year - 2002)
    for back, day in enumerate(found, 1):
        same = date(starts.year - back, starts.month, min(starts.day, 28))
        assert abs((day - same).days) <= (4 if starts.day == 29 else 3)


def test_nothing_said_twice(catalogue: Catalogue):
    known = judging(catalogue)
    rows = MemoryRows()
    values = [a_value(SERIES[0], MONDAY + number * WEEK, 10, 0) for number in range(6)]
    day = MONDAY + 6 * WEEK

    first = run(known, [[*values, a_status(day, day, known)]], rows)
    again = run(known, [values, [a_status(day + 1, day, known)]], rows)

    assert len(first) == 2
    assert again == []


def test_a_restated_value_restates_its_judgement(catalogue: Catalogue):
    known = judging(catalogue)
    rows = MemoryRows()
    weeks = [MONDAY + number * WEEK for number in range(5)]
    day = weeks[-1] + WEEK
    run(known, [[*(a_value(SERIES[0], week, 10, 0) for week in weeks), a_status(day, day, known)]], rows)

    (said,) = run(known, [[a_value(SERIES[0], weeks[-1], 40, start_of(day) + DAY_LENGTH)]], rows)

    assert (said.value, said.signal, said.weaker, said.revision, said.restates) == (40, "amber", True, 2, "none")


def test_other_settings_judge_everything_anew(catalogue: Catalogue):
    known = judging(catalogue)
    assert known.signals is not None
    rows = MemoryRows()
    values = [a_value(SERIES[0], MONDAY + number * WEEK, 10, 0) for number in range(70)]
    day = MONDAY + 70 * WEEK
    run(known, [[*values, a_status(day, day, known)]], rows)
    stricter = msgspec.structs.replace(known.signals.levels, amber=0.2, improvement=0.2)

    said = run(judging(catalogue, levels=stricter), [[a_status(day, day, known)]], rows)

    assert {one.starts for one in said} == {MONDAY + number * WEEK for number in range(4, 70)}
    assert run(judging(catalogue, levels=stricter), [[a_status(day, day, known)]], rows) == []


def test_what_is_told_of_before_any_feed_covers_is_no_count_and_makes_no_nought(catalogue: Catalogue):
    known = judging(catalogue)
    rows = MemoryRows()
    weeks = [MONDAY + number * WEEK for number in range(8)]
    day = weeks[-1] + WEEK
    run(known, [[*(a_value("E07000117|violence", week, 10, 0) for week in weeks), a_status(day, day, known)]], rows)

    long_ago = [a_value(series, MONDAY - WEEK, 1, start_of(day)) for series in SERIES]

    assert run(known, [long_ago, [a_status(day + 1, day, known)]], rows) == []


def test_where_feeds_cover_another_time_everything_is_judged_anew(catalogue: Catalogue):
    """Six weeks more were nought in one area, and in the other what was heard of them then."""
    known = judging(catalogue)
    longer = covering(known, MONDAY - 6 * WEEK)
    weeks = [MONDAY + number * WEEK for number in range(-6, 8)]
    values = [a_value(SERIES[0], week, 10, 0) for week in weeks]
    values += [a_value(SERIES[2], week, 10, 0) for week in weeks[6:]]
    status = a_status(weeks[-1] + WEEK, weeks[-1] + WEEK, known)

    rows = MemoryRows()
    said = run(known, [[*values, status]], rows) + run(longer, [[status]], rows)

    assert standing(said) == standing(run(longer, [[*values, status]]))
    assert {one.starts for one in said} == set(weeks[4:])


def test_where_feeds_cover_less_what_was_said_of_the_rest_is_taken_back(catalogue: Catalogue):
    known = asking(judging(catalogue), a_signal_rule("red"))
    rows = MemoryRows()
    assert found_in(changes_in(known, [burst(known)], rows))

    less = asking(covering(known, BURST_WEEK + WEEK), a_signal_rule("red"))
    said = put_out(less, [[a_status(AFTER, AFTER, known)]], rows)

    of_burst = [one for one in said if isinstance(one, Judgement) and one.starts == BURST_WEEK]
    assert [(one.signal, one.opened) for one in of_burst] == [("none", None)]
    assert [one.change for one in said if isinstance(one, FindingChange)] == ["withdrawn"]


def test_an_area_that_comes_late_was_nought_before(catalogue: Catalogue):
    known = judging(catalogue)
    rows = MemoryRows()
    weeks = [MONDAY + number * WEEK for number in range(8)]
    day = weeks[-1] + WEEK
    run(known, [[*(a_value("E07000117|violence", week, 10, 0) for week in weeks), a_status(day, day, known)]], rows)

    said = run(known, [[a_value("E07000124|violence", weeks[-1], 1, start_of(day))]], rows)

    assert [one.starts for one in said] == weeks[4:]


def test_an_agreed_limit_is_told_beside_from_its_day_on(catalogue: Catalogue):
    known = judging(catalogue)
    weeks = [MONDAY + number * WEEK for number in range(6)]
    target = Target(indicator="violence", area=AREAS[0], valid_from=weeks[5], at_most=12, source="agreed")
    assert known.signals is not None
    known = msgspec.structs.replace(known, signals=msgspec.structs.replace(known.signals, targets=(target,)))
    values = [a_value(SERIES[0], week, 10, 0) for week in weeks]

    said = run(known, [[*values, a_status(weeks[-1] + WEEK, weeks[0], known)]])

    assert [one.target for one in said] == [None, 12]


def test_what_is_not_judged_is_not_remembered(catalogue: Catalogue):
    rows = MemoryRows()
    other = msgspec.structs.replace(a_value(SERIES[0], MONDAY, 3, 0), indicator="robbery")
    month = msgspec.structs.replace(a_value(SERIES[0], MONDAY, 3, 0), period="month")

    run(judging(catalogue), [[other, month]], rows)

    assert not [key for key, _ in rows.scan(b"history/", b"history0")]


BURST = [(MONDAY + number * WEEK, 60 if number == 40 else 10 + number % 3) for number in range(60)]
"""More than a year of ten weeks, and then five weeks' incidents in one."""

BURST_WEEK, AFTER = MONDAY + 40 * WEEK, MONDAY + 60 * WEEK


def burst(known: Catalogue) -> list[IndicatorValue | FeedStatus]:
    return [*(a_value(SERIES[0], week, value, 0) for week, value in BURST), a_status(AFTER, AFTER, known)]


def test_a_breach_is_told_once_and_restated_with_its_week_and_withdrawn(catalogue: Catalogue):
    known = asking(judging(catalogue), a_signal_rule("red"))
    rows = MemoryRows()

    def of_burst(batch: Sequence[IndicatorValue | FeedStatus]) -> list[tuple[str, str, str]]:
        said = changes_in(known, [batch], rows)
        return [(one.change, one.cause, dict(one.finding.facts)["value"]) for one in said]

    cause = f"judged {SERIES[0]}|{BURST_WEEK}"
    assert of_burst(burst(known)) == [("raised", cause, "60")]
    assert of_burst(burst(known)) == []
    assert of_burst([a_value(SERIES[0], BURST_WEEK, 61, start_of(AFTER))]) == [("updated", cause, "61")]
    assert of_burst([a_value(SERIES[0], BURST_WEEK, 10, start_of(AFTER))]) == [("withdrawn", cause, "61")]
    assert not [key for key, _ in rows.scan(b"found/", b"found0")]


def test_another_rule_is_held_against_weeks_that_were_judged_long_ago(catalogue: Catalogue):
    quiet = judging(catalogue)
    rows = MemoryRows()
    assert changes_in(asking(quiet), [burst(quiet)], rows) == []

    def changed_to(*rules: Rule) -> list[tuple[str, str, int]]:
        known = asking(quiet, *rules)
        said = put_out(known, [[a_status(AFTER, AFTER, known)]], rows)
        assert not [one for one in said if isinstance(one, Judgement)]
        assert changes_in(known, [[a_status(AFTER, AFTER, known)]], rows) == []
        changes = [one for one in said if isinstance(one, FindingChange)]
        return [(one.change, one.cause, one.finding.rule_version) for one in changes]

    off = (an_override(AREAS[0], enabled=False),)
    assert changed_to(a_signal_rule("red")) == [("raised", "rule is-red is new", 1)]
    assert changed_to(a_signal_rule("red", 2)) == [("updated", "rule is-red became version 2", 2)]
    within = "rule is-red changed within version 2"
    assert changed_to(a_signal_rule("red", 2, overrides=off)) == [("withdrawn", within, 2)]
    assert changed_to(a_signal_rule("red", 2)) == [("raised", within, 2)]
    retired = a_signal_rule("red", 2, status="retired")
    assert changed_to(retired) == [("withdrawn", "rule is-red is retired", 2)]


def test_a_rule_that_came_while_weeks_were_judged_is_held_against_all(catalogue: Catalogue):
    """The first slice is judged under no rule, and the rest under one."""
    known = judging(catalogue)
    rows = MemoryRows()
    records = [a_record(value, "indicator-values", received_at=value.as_of) for value in burst(known)]
    judge.make_step(asking(known), 1)(rows, records, None)
    assert rows.get(MORE_ROW) is not None

    rule = a_signal_rule("amber")
    changes = changes_in(asking(known, rule), [[]], rows)

    whole = put_out(asking(known, rule), [burst(known)])
    assert found_in(changes) == found_in(one for one in whole if isinstance(one, FindingChange))
    assert changes


def without(known: Catalogue, indicators: Sequence[str], areas: Sequence[str] = AREAS) -> Catalogue:
    assert known.signals is not None
    fewer = msgspec.structs.replace(known.signals, indicators=tuple(indicators), areas=tuple(areas))
    return msgspec.structs.replace(known, signals=fewer)


def in_breach(known: Catalogue, rows: MemoryRows) -> list[msgspec.Struct]:
    """A district's violence breaks out in the last week, another's stays as it is."""
    values = [a_value(series, week, value, 0) for series in (SERIES[0], SERIES[2]) for week, value in BURST[:40]]
    values.append(a_value(SERIES[0], BURST_WEEK, 60, 0))
    day = BURST_WEEK + WEEK
    return put_out(known, [[*values, a_status(day, day, known)]], rows)


@pytest.mark.parametrize("gone", ["indicator", "area", "everything"])
def test_what_is_judged_no_more_has_neither_breach_nor_finding(catalogue: Catalogue, gone: str):
    known = asking(judging(catalogue), a_signal_rule("red"))
    rows = MemoryRows()
    said = in_breach(known, rows)
    found = found_in(one for one in said if isinstance(one, FindingChange))
    before = [one for one in said if isinstance(one, Judgement)]
    assert [one.opened for one in before if one.signal == "red"] == [BURST_WEEK]
    fewer = {
        "indicator": without(known, INDICATORS[1:]),
        "area": without(known, INDICATORS, AREAS[1:]),
        "everything": msgspec.structs.replace(known, signals=None),
    }[gone]

    later = put_out(fewer, [[a_status(BURST_WEEK + WEEK, BURST_WEEK + WEEK, fewer)]], rows)

    closed = {(one.area, one.starts): one for one in later if isinstance(one, Judgement)}[AREAS[0], BURST_WEEK]
    assert (closed.signal, closed.reasons, closed.opened, closed.red_since) == ("none", (), None, None)
    assert (closed.value, closed.revision, closed.restates) == (60, 2, "red")
    (withdrawn,) = [one for one in later if isinstance(one, FindingChange)]
    assert (withdrawn.change, withdrawn.finding) == ("withdrawn", *found.values())
    assert withdrawn.cause == f"signals.yaml no longer has {SERIES[0]} judged"
    newest = standing([*before, *(one for one in later if isinstance(one, Judgement))])
    alive = [
        dict(zip(Judgement.__struct_fields__, one, strict=True)) for key, one in newest.items() if key[0] == SERIES[0]
    ]
    assert {(one["signal"], one["opened"]) for one in alive} == {("none", None)}
    assert put_out(fewer, [[a_status(BURST_WEEK + WEEK, BURST_WEEK + WEEK, fewer)]], rows) == []


def test_what_is_judged_no_more_is_in_no_batch(catalogue: Catalogue):
    known = judging(catalogue)
    rows = MemoryRows()
    in_breach(known, rows)
    fewer = without(known, INDICATORS, AREAS[1:])
    put_out(fewer, [[a_status(BURST_WEEK + WEEK, BURST_WEEK + WEEK, fewer)]], rows)

    day = BURST_WEEK + 2 * WEEK
    said = run(fewer, [[a_value(SERIES[2], BURST_WEEK + WEEK, 80, 0), a_status(day, day, fewer)]], rows)

    assert [(one.area, one.starts, one.tests) for one in said if one.tests] == [(AREAS[1], BURST_WEEK + WEEK, 1)]


def test_what_is_judged_again_is_judged_as_if_it_had_been_all_along(catalogue: Catalogue):
    """Also by what was reported while nobody judged it."""
    known = asking(judging(catalogue), a_signal_rule("red"))
    rows = MemoryRows()
    said = in_breach(known, rows)
    fewer = without(known, INDICATORS, AREAS[1:])
    day = BURST_WEEK + 3 * WEEK
    late = [a_value(SERIES[0], BURST_WEEK + WEEK, 70, 0), a_value(SERIES[2], BURST_WEEK + WEEK, 11, 0)]
    said += put_out(fewer, [[a_status(BURST_WEEK + WEEK, BURST_WEEK + WEEK, fewer)]], rows)
    said += put_out(fewer, [[*late, a_status(day, day, fewer)]], rows)
    said += put_out(known, [[a_status(day, day, known)]], rows)

    whole = MemoryRows()
    other = in_breach(known, whole) + put_out(known, [[*late, a_status(day, day, known)]], whole)

    assert standing(one for one in said if isinstance(one, Judgement)) == standing(
        one for one in other if isinstance(one, Judgement)
    )
    assert found_in(one for one in said if isinstance(one, FindingChange)) == found_in(
        one for one in other if isinstance(one, FindingChange)
    )
