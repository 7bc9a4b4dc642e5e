"""A small world for the stage judge: two indicators in two areas, years of ten weeks, and whatever comes when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from typing import Any, Literal

import msgspec
from tests.core.rules.making import a_rule, days
from tests.core.stages.making import a_record, covering

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.judging import Judging
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.findings import Finding, FindingChange
from safety_stream.core.model.indicators import IndicatorValue
from safety_stream.core.model.judgements import Judgement
from safety_stream.core.model.times import Day, PeriodKind, start_of
from safety_stream.core.rules.rule import Count, Limb, Rule, Signalled
from safety_stream.core.stages import judge
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.core.stages.stage import MORE_ROW
from safety_stream.core.statistics.expecting import Expecting
from safety_stream.core.statistics.farrington import Control
from safety_stream.core.statistics.short_history import Bayes

WEEK = 7
MONDAY: Day = 15_001 - 15_001 % WEEK + 4
"""A Monday, day 4 of 1970 being one: the first that feeds cover here."""

AREAS = ("E07000117", "E07000124")
INDICATORS = ("violence", "burglary")
SERIES = [f"{area}|{indicator}" for area in AREAS for indicator in INDICATORS]
QUICK = Expecting(
    # A year of ten weeks, so that a history of years is short.
    trusted=Control(b=2, w=1, no_periods=3, past_weeks_not_included=3, threshold_method="predictive", freq=10),
    least_years=1,
    short=Bayes(b=0, w=4, this_year=True),
)
WEEKS = 32

Values = dict[tuple[str, Day], int]


def judging(catalogue: Catalogue, **changes: Any) -> Catalogue:
    assert catalogue.signals is not None
    few = msgspec.structs.replace(
        catalogue.signals, indicators=INDICATORS, areas=AREAS, expecting=QUICK, targets=(), **changes
    )
    return covering(msgspec.structs.replace(catalogue, signals=few, judging=Judging()), MONDAY)


def a_value(series: str, starts: Day, value: int, as_of: int, period: PeriodKind = "week") -> IndicatorValue:
    area, indicator = series.split("|")
    return IndicatorValue(
        area=area,
        indicator=indicator,
        period=period,
        starts=starts,
        ends=starts + (WEEK if period == "week" else 1),
        value=value,
        final=False,
        revision=1,
        restates=None,
        as_of=as_of,
    )


def a_status(day: Day, complete_to: Day, catalogue: Catalogue) -> FeedStatus:
    """It is `day`, and what the indicators rest on is complete to the beginning of `complete_to`."""
    latency = catalogue.sources["police-crimes"].usual_latency
    return FeedStatus(as_of=start_of(day), newest={"police-crimes": start_of(complete_to) + latency}, partition=0)


def run(
    catalogue: Catalogue, batches: Iterable[Sequence[IndicatorValue | FeedStatus]], rows: MemoryRows | None = None
) -> list[Judgement]:
    """The judgements that go out, every slice taken to its end."""
    return [value for value in put_out(catalogue, batches, rows) if isinstance(value, Judgement)]


def changes_in(
    catalogue: Catalogue, batches: Iterable[Sequence[IndicatorValue | FeedStatus]], rows: MemoryRows | None = None
) -> list[FindingChange]:
    """The changes of findings that go out."""
    return [value for value in put_out(catalogue, batches, rows) if isinstance(value, FindingChange)]


def put_out(
    catalogue: Catalogue, batches: Iterable[Sequence[IndicatorValue | FeedStatus]], rows: MemoryRows | None = None
) -> list[msgspec.Struct]:
    """All that goes out."""
    step, rows = judge.make_step(catalogue, 1), MemoryRows() if rows is None else rows
    said: list[msgspec.Struct] = []
    for batch in batches:
        records = [a_record(value, "indicator-values", received_at=value.as_of) for value in batch]
        outputs = step(rows, records, None)
        while rows.get(MORE_ROW) is not None:
            outputs += step(rows, [], None)
        said += [output.value for output in outputs]
    return said


def found_in(changes: Iterable[FindingChange]) -> dict[str, Finding]:
    """The findings that stand; each change must be one of what stood."""
    standing: dict[str, Finding] = {}
    for change in changes:
        name = change.finding.finding_id
        assert (name in standing) == (change.change != "raised")
        if change.change == "withdrawn":
            assert standing.pop(name) == change.finding
        else:
            assert standing.get(name) != change.finding
            standing[name] = change.finding
    return standing


def asking(catalogue: Catalogue, *rules: Rule) -> Catalogue:
    return msgspec.structs.replace(catalogue, rules=rules)


def a_signal_rule(reaches: Literal["amber", "red"], version: int = 1, **changes: Any) -> Rule:
    words = "{value} {expected} {bound} {one_in} {reasons}"
    limb = Limb(name="main", keys=("area",), steps={}, condition=Signalled(reaches=reaches), explain=words)
    some = a_rule(Count(of="x", at_least=1, within=days(1)))
    return msgspec.structs.replace(some, id=f"is-{reaches}", version=version, limbs=(limb,), **changes)


def standing(said: Iterable[Judgement]) -> dict[tuple[str, Day], tuple[Any, ...]]:
    """The newest word on each week: what was judged, without when it was said, how often, and by which settings."""
    newest = {(f"{one.area}|{one.indicator}", one.starts): one for one in said}
    return {
        key: msgspec.structs.astuple(
            msgspec.structs.replace(one, revision=0, restates=None, by="", as_of=0),
        )
        for key, one in newest.items()
    }


def counts_of(seed: int) -> Values:
    """A history of each series, with a burst, beginning some weeks apart; noughts are never published."""
    random = Random(seed)
    values: Values = {}
    for series in SERIES[: random.randint(1, len(SERIES))]:
        burst = random.randrange(WEEKS)
        for week in range(random.choice((0, 2, WEEKS - 3)), WEEKS):
            count = min(int(random.expovariate(1 / random.choice((0.4, 6.0)))), 40)
            values[series, MONDAY + week * WEEK] = count + (25 if week == burst else 0)
    return {key: value for key, value in values.items() if value} or {(SERIES[0], MONDAY): 1}


def in_any_order(
    known: Catalogue, values: Values, random: Random, last: Day, complete: Day, period: PeriodKind = "week"
) -> list[list[IndicatorValue | FeedStatus]]:
    """Values shuffled, some wrong at first, in batches of any size, between words of how far the feeds are.

    Some are told of periods no feed covers, and some of these taken back.
    """
    told: list[IndicatorValue | FeedStatus] = [a_value(*key, value, 0, period) for key, value in values.items()]
    random.shuffle(told)
    for key in random.sample(sorted(values), min(5, len(values))):
        told.insert(0, a_value(*key, random.randrange(60), 0, period))
    for series in SERIES:
        long_ago = MONDAY - random.randint(1, 200) * WEEK
        for value in random.choice(([], [3], [3, 0])):
            told.insert(random.randrange(len(told)), a_value(series, long_ago, value, 0, period))
    for _ in range(3):
        day = random.randrange(MONDAY, last)
        told.insert(random.randrange(len(told)), a_status(day, min(day - random.randrange(30), complete - 28), known))
    told.append(a_status(last, complete - 28, known))
    batches = []
    while told:
        size = random.randint(1, 100)
        batches.append(told[:size])
        del told[:size]
    return [*batches, [a_status(last, complete, known)]]
