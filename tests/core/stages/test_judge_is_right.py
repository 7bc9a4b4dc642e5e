"""What judge has said in the end, whatever came when, against a judge written plainly; and defects it must notice."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.stages.judged_world import (
    AREAS,
    INDICATORS,
    MONDAY,
    SERIES,
    WEEK,
    WEEKS,
    Values,
    a_signal_rule,
    asking,
    counts_of,
    found_in,
    in_any_order,
    judging,
    put_out,
)
from tests.core.stages.naive_judge import Said, naive_days, naive_weeks

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.judgements import days, signals
from safety_stream.core.judgements.settings import DayLevels, DaySettings
from safety_stream.core.judging import Covariate, Judging
from safety_stream.core.model.findings import FindingChange
from safety_stream.core.model.judgements import Judgement
from safety_stream.core.model.times import Day, to_date
from safety_stream.core.rules import signal
from safety_stream.core.stages import judge
from safety_stream.core.statistics import weekdays
from safety_stream.core.statistics.expecting import expected_of
from safety_stream.core.statistics.weekdays import Weekdays

DAYS = 120
LAST, LAST_DAY = MONDAY + WEEKS * WEEK, MONDAY + DAYS
COMPLETE, COMPLETE_DAY = LAST - 3 * WEEK, LAST_DAY - 3
HOLIDAYS = (MONDAY + 70, MONDAY + 71, MONDAY + 100)
DAILY = DaySettings(
    indicators=INDICATORS,
    areas=AREAS,
    expecting=Weekdays(weeks=10, weeks_left_out=2, least_weeks=3),
    left_out=("holidays",),
    levels=DayLevels(red=0.001, amber=0.01, least=3, clear_after=2),
)


def weekly(catalogue: Catalogue, seed: int) -> Catalogue:
    """At levels that four small series sometimes reach and sometimes do not."""
    assert catalogue.signals is not None
    levels = msgspec.structs.replace(
        catalogue.signals.levels,
        amber=0.01,
        improvement=0.01,
        false_discoveries=(1e-12, 0.1)[seed % 2],
        least=(40, 4),
        least_now=28,
        rare_least=6,
    )
    return asking(judging(catalogue, levels=levels, daily=None), a_signal_rule("red"), a_signal_rule("amber"))


def daily(catalogue: Catalogue) -> Catalogue:
    holidays = Covariate(
        id="holidays", title="Holidays", days=HOLIDAYS, known_from=MONDAY, known_to=LAST_DAY, indicators=frozenset("x")
    )
    known = judging(catalogue, daily=DAILY)
    return msgspec.structs.replace(known, judging=Judging(covariates=(holidays,)), rules=())


def counts_by_day(seed: int) -> Values:
    """A history of each series, in which some days in a row have many; noughts are never published."""
    random = Random(seed)
    values: Values = {}
    for series in SERIES[: random.randint(1, len(SERIES))]:
        usual = random.choice((0.1, 0.6, 3.0))
        bursts = [random.randrange(DAYS) + more for _ in range(4) for more in range(random.randint(1, 3))]
        bursts += [day - MONDAY + away for day in HOLIDAYS for away in (-1, 1)]
        for day in range(random.choice((0, 2, 60)), DAYS):
            count = int(random.expovariate(1 / usual) + random.random() / 2)
            values[series, MONDAY + day] = count + (random.choice((2, 5, 9)) if day in bursts else 0)
    return {key: value for key, value in values.items() if value} or {(SERIES[0], MONDAY): 1}


def faults_of_weeks(known: Catalogue, seed: int) -> list[str]:
    """Where what was said of weeks is not what the values say; some lives have a breach early, some at their end."""
    values = counts_of(seed)
    if seed % 2:
        values |= {(series, COMPLETE - WEEK): 50 for series, _ in values}
    if seed % 6 == 4:
        # A breach that is amber, and red a week later.
        rising = {COMPLETE - 2 * WEEK: 36, COMPLETE - WEEK: 900}
        values |= {(series, week): count for series, _ in values for week, count in rising.items()}
    if seed % 5 == 1:
        values |= {(series, MONDAY + 8 * WEEK): 50 for series, _ in values}
    everything = put_out(known, in_any_order(known, values, Random(seed), LAST, COMPLETE))
    assert known.signals is not None
    expected = {}
    for series in {name for name, _ in values}:
        area, indicator = series.split("|")
        counts = [values.get((series, week), 0) for week in range(MONDAY, LAST, WEEK)]
        said = expected_of({(indicator, area): counts}, 0, len(counts), known.signals.expecting, MONDAY, Judging())
        for number, one in enumerate(said[indicator, area]):
            if one is not None:
                expected[series, number] = one.mean, one.spread, one.weaker, one.error
    by_number = {(series, (week - MONDAY) // WEEK): value for (series, week), value in values.items()}
    truth = naive_weeks(expected, by_number, (COMPLETE - MONDAY) // WEEK, known.signals.levels)
    return faults(everything, truth, WEEK) + faults_of_findings(everything, truth)


def faults_of_days(known: Catalogue, seed: int) -> list[str]:
    """Where what was said of days in the end is not what the values say."""
    values = counts_by_day(seed)
    everything = put_out(known, in_any_order(known, values, Random(seed), LAST_DAY, COMPLETE_DAY, "day"))
    truth: dict[tuple[str, int], Said] = {}
    for indicator in INDICATORS:
        series = sorted({name for name, _ in values if name.endswith(f"|{indicator}")})
        numbered = {(name, day - MONDAY): value for (name, day), value in values.items() if name in series}
        left_out = {day - MONDAY for day in HOLIDAYS}
        truth |= naive_days(numbered, series, range(DAYS), COMPLETE_DAY - MONDAY, left_out, DAILY)
    return faults(everything, truth, 1)


def faults(everything: list[msgspec.Struct], truth: dict[tuple[str, int], Said], length: int) -> list[str]:
    newest = {(f"{one.area}|{one.indicator}", one.starts): one for one in everything if isinstance(one, Judgement)}

    def number(day: Day | None) -> int | None:
        return None if day is None else (day - MONDAY) // length

    found = [f"{key} was judged {newest[key].signal}" for key in newest if (key[0], number(key[1])) not in truth]
    for (series, period), wanted in truth.items():
        one = newest.get((series, MONDAY + period * length))
        if one is None:
            found.append(f"{series} {period} was not judged")
            continue
        said = {"signal": one.signal, "reasons": one.reasons}
        said |= {"opened": number(one.opened), "red_since": number(one.red_since)}
        found += [
            f"{series} {period}: {name} is {of}, not {wanted[name]}" for name, of in said.items() if of != wanted[name]
        ]
        if "p" in wanted and (one.expected, one.p) != pytest.approx((wanted["expected"], wanted["p"]), abs=1e-9):
            found.append(f"{series} {period}: expected {one.expected}, p {one.p}")
    return found


def faults_of_findings(everything: list[msgspec.Struct], truth: dict[tuple[str, int], Said]) -> list[str]:
    """One finding for each breach, of each rule, in the week that is the first to reach what the rule asks for."""
    standing = found_in(one for one in everything if isinstance(one, FindingChange)).values()
    found = {(one.rule_id, one.key, one.occurrence_id) for one in standing}
    wanted = {
        (rule, f"area:{series}", f"week:{to_date(MONDAY + week * WEEK).isoformat()}")
        for (series, week), one in truth.items()
        for rule, first in (("is-amber", "opened"), ("is-red", "red_since"))
        if one[first] == week
    }
    return [f"finding {one}" for one in found ^ wanted]


@settings(max_examples=4)
@given(seed=st.integers(0, 10**6))
def test_weeks_are_judged_as_a_plain_judge_would(catalogue: Catalogue, seed: int):
    assert faults_of_weeks(weekly(catalogue, seed), seed) == []


@settings(max_examples=8)
@given(seed=st.integers(0, 10**6))
def test_days_are_judged_as_a_plain_judge_would(catalogue: Catalogue, seed: int):
    assert faults_of_days(daily(catalogue), seed) == []


# --- defects --------------------------------------------------------------------------------------------------

Patch = pytest.MonkeyPatch
Mutant = Callable[[Patch], None]
OF_WEEKS: dict[str, Mutant] = {}
OF_DAYS: dict[str, Mutant] = {}
SEEDS = range(6)
"""Lives of which some notice each defect, and none anything where there is none."""


def wrong_of(
    *kinds: dict[str, Callable[[Patch], None]],
) -> Callable[[Callable[[Patch], None]], Callable[[Patch], None]]:
    """Register a defect of weeks, days or both; its name says what is wrong."""

    def register(broken: Mutant) -> Mutant:
        for kind in kinds:
            kind[broken.__name__.replace("_", " ")] = broken
        return broken

    return register


def with_breaches(patch: Patch, after: Callable[..., Any]) -> None:
    for module in (signals, days):
        patch.setattr(module, "breach_after", after)


@wrong_of(OF_WEEKS, OF_DAYS)
def a_breach_is_over_after_one_quiet_period(patch: Patch) -> None:
    right = signals.breach_after
    with_breaches(patch, lambda standing, starts, of, _, *, final: right(standing, starts, of, 1, final=final))


@wrong_of(OF_WEEKS, OF_DAYS)
def each_signal_opens_a_breach_of_its_own(patch: Patch) -> None:
    right = signals.breach_after

    def after(standing: Any, starts: Day, of: str, *more: Any, **final: bool) -> Any:
        return right(None if of in ("amber", "red") else standing, starts, of, *more, **final)

    with_breaches(patch, after)


@wrong_of(OF_WEEKS, OF_DAYS)
def a_breach_is_over_for_want_of_reports(patch: Patch) -> None:
    right = signals.breach_after
    with_breaches(patch, lambda *given, final: right(*given, final=True))


@wrong_of(OF_WEEKS, OF_DAYS)
def what_is_restated_is_not_judged_anew(patch: Patch) -> None:
    right = judge._Periods._remember

    def remember(self: Any, series: str, value: Any) -> None:
        before = dict(self._since) if self._told.get(judge._row_of(value.starts)) else None
        right(self, series, value)
        self._since = self._since if before is None else before

    patch.setattr(judge._Periods, "_remember", remember)


@wrong_of(OF_WEEKS, OF_DAYS)
def what_is_restated_changes_nothing_later(patch: Patch) -> None:
    right = judge._Periods._judge_period

    def judge_period(self: Any, starts: Day, due: Any, *more: Any) -> Any:
        is_told = self._told.get(judge._row_of(starts)) is not None
        later = {series: since if since == starts or not is_told else starts + 1 for series, since in due.items()}
        return right(self, starts, later, *more)

    patch.setattr(judge._Periods, "_judge_period", judge_period)


@wrong_of(OF_WEEKS, OF_DAYS)
def what_is_complete_by_now_is_not_judged_anew(patch: Patch) -> None:
    right = judge._Periods._mark_indicator

    def mark(self: Any, indicator: str, since: Day) -> None:
        if self._reached.over <= since or not self._reached.complete:
            right(self, indicator, since)

    patch.setattr(judge._Periods, "_mark_indicator", mark)


@wrong_of(OF_WEEKS)
def a_few_are_enough(patch: Patch) -> None:
    patch.setattr(signals, "_is_enough", lambda *_: True)


@wrong_of(OF_WEEKS)
def whatever_is_rare_in_a_batch_is_believed(patch: Patch) -> None:
    patch.setattr(signals, "discovered", lambda tested, _: [True for _ in tested])


@wrong_of(OF_WEEKS)
def weeks_taken_as_one_are_wrong_each_for_itself(patch: Patch) -> None:
    right = signals.together_of
    patch.setattr(signals, "together_of", lambda weeks: msgspec.structs.replace(right(weeks), spread=weeks[-1].spread))


@wrong_of(OF_WEEKS)
def a_week_below_the_mean_is_below_the_centre(patch: Patch) -> None:
    right = signals._downward

    def downward(one: Any, rarity: Any, past: Any, levels: Any) -> Any:
        run = [week.weighed for week in past[1 - levels.run :] if week] + [one]
        is_run = len(run) == levels.run and all(week.final and week.value < week.expected.mean for week in run)
        return right(one, rarity, past, levels) or (("run-below",) if is_run else ())

    patch.setattr(signals, "_downward", downward)


@wrong_of(OF_WEEKS)
def a_week_whose_feeds_are_incomplete_looks_like_a_fall(patch: Patch) -> None:
    right = signals._downward
    patch.setattr(signals, "_downward", lambda one, *more: right(msgspec.structs.replace(one, final=True), *more))


@wrong_of(OF_WEEKS)
def what_rests_on_a_few_weeks_calls_somebody_out(patch: Patch) -> None:
    right = signals._signal
    patch.setattr(signals, "_signal", lambda reasons, *, weaker: right(reasons, weaker=False))


@wrong_of(OF_WEEKS)
def rare_weeks_are_judged_each_for_itself(patch: Patch) -> None:
    patch.setattr(signals, "_together", lambda one, *_: (1, one.value, one.expected))


@wrong_of(OF_WEEKS)
def a_rule_for_red_finds_the_week_that_opened(patch: Patch) -> None:
    def reached(condition: Any, breach: Any) -> Day | None:
        return None if breach is None or (condition.reaches == "red" and breach.red_since is None) else breach.opened

    patch.setattr(signal, "_reached", reached)


@wrong_of(OF_DAYS)
def one_incident_is_enough(patch: Patch) -> None:
    right = days._reasons
    patch.setattr(days, "_reasons", lambda *given: right(*given[:-1], msgspec.structs.replace(given[-1], least=1)))


@wrong_of(OF_DAYS)
def a_day_that_is_not_judged_ends_the_breach(patch: Patch) -> None:
    patch.setattr(days, "_standing", lambda series, before: before[-1][series].breach if series in before[-1] else None)


@wrong_of(OF_DAYS)
def holidays_are_days_like_others(patch: Patch) -> None:
    right = weekdays._usual
    patch.setattr(weekdays, "_usual", lambda column, by, begins, _: right(column, by, begins, ()))


@wrong_of(OF_DAYS)
def what_goes_on_is_a_measure_of_itself(patch: Patch) -> None:
    right = weekdays._usual

    def usual(column: int, by: Weekdays, *more: Any) -> list[int]:
        return right(column, msgspec.structs.replace(by, weeks_left_out=0), *more)

    patch.setattr(weekdays, "_usual", usual)


def test_nothing_is_noticed_where_nothing_is_broken(catalogue: Catalogue):
    assert [faults_of_weeks(weekly(catalogue, seed), seed) for seed in SEEDS] == [[]] * len(SEEDS)
    assert [faults_of_days(daily(catalogue), seed) for seed in SEEDS] == [[]] * len(SEEDS)


@pytest.mark.parametrize("broken", OF_WEEKS.values(), ids=OF_WEEKS.keys())
def test_it_is_noticed_of_weeks_that(catalogue: Catalogue, monkeypatch: Patch, broken: Mutant):
    broken(monkeypatch)

    assert any(faults_of_weeks(weekly(catalogue, seed), seed) for seed in SEEDS)


@pytest.mark.parametrize("broken", OF_DAYS.values(), ids=OF_DAYS.keys())
def test_it_is_noticed_of_days_that(catalogue: Catalogue, monkeypatch: Patch, broken: Mutant):
    broken(monkeypatch)

    assert any(faults_of_days(daily(catalogue), seed) for seed in SEEDS)
