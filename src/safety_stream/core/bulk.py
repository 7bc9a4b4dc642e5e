"""What a disclosure profile has been shown, as flat tables for another system to load: a row a value, a row a measure.

Only what was published is here, and what follows from it. A value that was suppressed stays so, and says that it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final

import msgspec

from safety_stream.core.catalogue import Catalogue, Caveat, Indicator, Profile, Rate, Share
from safety_stream.core.derived import Kind, Measure, Newest, newest_of
from safety_stream.core.model.judgements import Signal
from safety_stream.core.model.published import PublishedIndicator
from safety_stream.core.model.times import Day, Instant, PeriodKind, to_date


class BulkRow(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The newest value shown of a series and period, `[starts, ends)` on the London calendar.

    `shown` is False, and `value` None, where it was suppressed. `caveats` are what must be said beside it of its area.
    What follows is None where the profile does not show it, as in `PublishedIndicator`; `late` is in milliseconds.
    `causes`, in words with a blank between them, are those of its newest revision. `residents` are those of the area on
    the period's first day, as counted for `residents_on` by `residents_source`.
    """

    area: str
    area_name: str
    indicator: str
    title: str
    period: PeriodKind
    starts: date
    ends: date
    value: int | None
    shown: bool
    final: bool
    revision: int
    as_of: Instant
    caveats: str
    signal: Signal | None
    expected: float | None
    low: int | None
    high: int | None
    opened: date | None
    complete_to: date | None
    late: int | None
    causes: str | None
    residents: int | None
    residents_on: date | None
    residents_source: str


class MeasureRow(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What follows from values, as in `Measure`: of which area and period, and what must be said beside it.

    A year to date is from 1 January to `ends`. `parts` are the numbers of the shown values it is made of.
    `residents` are those a rate is of, as counted for `residents_on` by `residents_source`.
    """

    kind: Kind
    id: str
    title: str
    area: str
    area_name: str
    period: PeriodKind
    starts: date
    ends: date
    value: float | None
    why: str
    is_provisional: bool
    is_estimate: bool
    from_rounded: bool
    parts: str
    caveats: str
    residents: int | None
    residents_on: date | None
    residents_source: str


class WithoutCounty(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A table of which a profile is not shown the total of a county, and why not."""

    indicator: str
    period: PeriodKind
    starts: date
    county: str
    why: str


def tables_without_county(newest: Newest, catalogue: Catalogue, profile: Profile) -> list[WithoutCounty]:
    """Every table without the total of a county, sorted; none of a profile that hides nothing by table."""
    if not profile.suppresses:
        return []
    tables = sorted({(indicator, period.kind, period) for _, indicator, period in newest.values})
    counties = [one for one in catalogue.areas.by_code.values() if one.kind == "county"]
    return [
        WithoutCounty(
            indicator=indicator,
            period=kind,
            starts=to_date(period.starts),
            county=county.code,
            why=_NOT_SHOWN if value is None else _HIDDEN,
        )
        for indicator, kind, period in tables
        for county in counties
        if county.is_valid_on(period.starts) and (not profile.areas or county.code in profile.areas)
        if (value := newest.values.get((county.code, indicator, period))) is None or value.value is None
    ]


_HIDDEN: Final = "it is small, or would tell with what is shown a count that is"
_NOT_SHOWN: Final = "it was not shown"


def bulk_rows(values: Iterable[PublishedIndicator], catalogue: Catalogue) -> list[BulkRow]:
    """The newest value of every period, sorted; of values of one profile, in any order.

    An area or indicator that this catalogue does not know goes by its code or id.
    """
    newest = newest_of(values).values
    indicators = {one.id: one for one in catalogue.indicators}
    rows = [_row(value, catalogue, indicators.get(value.indicator)) for value in newest.values()]
    return sorted(rows, key=lambda row: (row.area, row.indicator, row.period, row.starts))


def measure_rows(measures: Iterable[Measure], catalogue: Catalogue) -> list[MeasureRow]:
    """A row for each measure, in their order."""
    indicators = {one.id: one for one in catalogue.indicators}
    shares = {one.id: one for one in catalogue.shares}
    rates = {one.id: one for one in catalogue.rates}
    rows = []
    for measure in measures:
        # Ids are never reused, so that only one of them is there.
        means: Share | Rate | Indicator = shares.get(measure.id) or rates.get(measure.id) or indicators[measure.id]
        beside = [means, *(indicators[name] for name in _made_of(means))]
        rows.append(_measure_row(measure, catalogue, means.title, [one for each in beside for one in each.caveats]))
    return rows


def _made_of(means: Share | Rate | Indicator) -> tuple[str, ...]:
    """The indicators a measure is made of, but for itself."""
    if isinstance(means, Share):
        return (means.of, means.among)
    return (means.of,) if isinstance(means, Rate) else ()


def _measure_row(measure: Measure, catalogue: Catalogue, title: str, caveats: Iterable[Caveat]) -> MeasureRow:
    residents = measure.residents
    return MeasureRow(
        kind=measure.kind,
        id=measure.id,
        title=title,
        area=measure.area,
        area_name=catalogue.areas.name_of(measure.area),
        period=measure.period.kind,
        starts=to_date(measure.period.starts),
        ends=to_date(measure.period.ends),
        value=measure.value,
        why=measure.why or "",
        is_provisional=measure.is_provisional,
        is_estimate=measure.is_estimate,
        from_rounded=measure.from_rounded,
        parts=" ".join(str(number) for number in measure.parts),
        caveats=_said_of(measure.area, caveats),
        residents=None if residents is None else residents.number,
        residents_on=None if residents is None else to_date(residents.valid_from),
        residents_source="" if residents is None else residents.source,
    )


def _row(value: PublishedIndicator, catalogue: Catalogue, indicator: Indicator | None) -> BulkRow:
    residents = catalogue.areas.residents_on(value.area, value.starts)
    return BulkRow(
        area=value.area,
        area_name=catalogue.areas.name_of(value.area),
        indicator=value.indicator,
        title=value.indicator if indicator is None else indicator.title,
        period=value.period,
        starts=to_date(value.starts),
        ends=to_date(value.ends),
        value=value.value,
        shown=value.value is not None,
        final=value.final,
        revision=value.revision,
        as_of=value.as_of,
        caveats=_said_of(value.area, () if indicator is None else indicator.caveats),
        signal=value.signal,
        expected=value.expected,
        low=value.low,
        high=value.high,
        opened=_date(value.opened),
        complete_to=_date(value.complete_to),
        late=value.late,
        causes=None if value.causes is None else " ".join(value.causes),
        residents=None if residents is None else residents.number,
        residents_on=None if residents is None else to_date(residents.valid_from),
        residents_source="" if residents is None else residents.source,
    )


def _said_of(area: str, caveats: Iterable[Caveat]) -> str:
    """What must be said of an area, each sentence once."""
    return " ".join(dict.fromkeys(one.text for one in caveats if not one.areas or area in one.areas))


def _date(day: Day | None) -> date | None:
    return None if day is None else to_date(day)
