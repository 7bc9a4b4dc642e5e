"""The county at a glance, one area, one indicator: what was counted, what was expected, and what is said of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from safety_stream.catalogue.agreements import tags_of
from safety_stream.core.catalogue import Area, Catalogue, Indicator
from safety_stream.core.model.published import PublishedIndicator
from safety_stream.core.model.times import Day, PeriodKind, to_date
from safety_stream.web import words
from safety_stream.web.charts import Point, Tile, control_chart, sparkline, tile_map
from safety_stream.web.tiles import places_of
from safety_stream.web.views.choices import Choice

PERIODS_SHOWN: Final = 53
"""Periods of a chart: a year of weeks and the same one the year before."""

TREND: Final = 13
"""Periods of a small trend: a quarter of weeks."""

SUPPRESSED: Final = "*"


class Address(msgspec.Struct, frozen=True):
    """Where pages of numbers are, for those who have signed in and for anybody."""

    start: str

    def area(self, code: str) -> str:
        """The page of an area."""
        return f"{self.start}/areas/{code}"

    def indicator(self, indicator: str, area: str) -> str:
        """The page of an indicator in an area."""
        return f"{self.start}/indicators/{indicator}/{area}"

    def csv(self, indicator: str, area: str, query: str) -> str:
        """Its numbers as a file."""
        return f"{self.start}/indicators/{indicator}/{area}/numbers.csv{query}"


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One indicator in one area, in a row: the newest number, what was expected, its signal in words, and a trend."""

    title: str
    area: str
    href: str
    period: str
    number: str
    expected: str
    bounds: str
    signal: str
    sign: str
    level: str
    provisional: bool
    trend: str


class Priority(msgspec.Struct, frozen=True):
    """One priority of the agreement and what measures it, or why nothing does."""

    words: str
    lines: tuple[Line, ...]
    without: str


class CountyView(msgspec.Struct, frozen=True, kw_only=True):
    """The county at a glance."""

    profile: str
    title: str
    map: str
    map_period: str
    map_lines: tuple[Line, ...]
    chosen: str
    indicators: tuple[Choice, ...]
    kind: str
    priorities: tuple[Priority, ...]
    counties: tuple[str, ...]
    areas: tuple[tuple[str, str], ...]
    is_empty: bool
    here: str


class AreaView(msgspec.Struct, frozen=True, kw_only=True):
    """One area: every indicator."""

    profile: str
    name: str
    kind: str
    residents: str
    within: tuple[str, ...]
    lines: tuple[Line, ...]
    county_href: str


class PeriodRow(msgspec.Struct, frozen=True, kw_only=True):
    """One period of an indicator's table. `restated` says what it was before, where it was anything else.

    `pointed_at` is a period the page is about.
    """

    period: str
    number: str
    expected: str
    bounds: str
    signal: str
    state: str
    restated: str
    pointed_at: bool = False


class IndicatorView(msgspec.Struct, frozen=True, kw_only=True):
    """One indicator in one area, over time."""

    profile: str
    title: str
    area: str
    area_href: str
    chart: str
    sentence: str
    rows: tuple[PeriodRow, ...]
    kinds: tuple[Choice, ...]
    areas: tuple[Choice, ...]
    here: str
    csv_href: str
    known: str
    caveats: tuple[str, ...]
    measures: tuple[str, ...]
    hides: str


Trends = Callable[[str, str], Sequence[PublishedIndicator]]
"""The current values of an indicator in an area, the oldest first."""


def kind_for(shown: Sequence[PeriodKind]) -> PeriodKind | None:
    """The period people look at: weeks where any are shown, else months, and so on; None where nothing is."""
    return next((kind for kind in ("week", "month", "four-weeks", "quarter", "day", "year") if kind in shown), None)


def line_of(
    value: PublishedIndicator | None,
    indicator: Indicator,
    area: str,
    catalogue: Catalogue,
    to: Address,
    trend: Sequence[PublishedIndicator] = (),
) -> Line:
    """One row; without a value it says that there is no data, which is something else than nought."""
    name = words.area_name(catalogue, area)
    href = to.indicator(indicator.id, area)
    if value is None:
        return Line(
            title=indicator.title,
            area=name,
            href=href,
            period="",
            number="no data",
            expected="",
            bounds="",
            signal="no data",
            sign="",
            level="unknown",
            provisional=False,
            trend="",
        )
    said = words.SIGNALS[value.signal]
    return Line(
        title=indicator.title,
        area=name,
        href=href,
        period=period_words(value),
        number=number_words(value),
        expected="" if value.expected is None else f"{value.expected:,.1f}",
        bounds=bounds_words(value),
        signal=said.text,
        sign=said.sign,
        level=value.signal or "unknown",
        provisional=not value.final,
        trend=sparkline([one.value for one in trend[-TREND:]]) if len(trend) > 1 else "",
    )


def number_words(value: PublishedIndicator) -> str:
    """The count, or the sign of one that is not shown."""
    return SUPPRESSED if value.value is None else f"{value.value:,}"


def bounds_words(value: PublishedIndicator) -> str:
    """Between which counts nothing would be a signal by itself."""
    return "" if value.low is None or value.high is None else f"{value.low:,} to {value.high:,}"


def period_words(value: PublishedIndicator) -> str:
    """`week from 5 Jan 2026`, `January 2026`."""
    if value.period == "month":
        return f"{to_date(value.starts):%B %Y}"
    if value.period == "year":
        return f"{to_date(value.starts):%Y}"
    if value.period == "day":
        return words.on(value.starts)
    return f"{words.PERIODS[value.period]} from {words.on(value.starts)}"


class CountyNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """What the read model says for the county: the newest value of every series of a profile, and trends on asking.

    `today` is the day of what is shown.
    """

    latest: Mapping[tuple[str, str], PublishedIndicator]
    trends: Trends
    today: Day


def county_view(
    numbers: CountyNumbers,
    chosen: Indicator,
    shown: Sequence[Indicator],
    catalogue: Catalogue,
    profile: str,
    to: Address,
) -> CountyView:
    """The page, its map coloured by the chosen indicator."""
    districts = [area for area in catalogue.areas.by_code.values() if area.kind == "district"]
    values = _of_one_period([numbers.trends(chosen.id, area.code) for area in districts], numbers.today)
    lines = {area.code: line_of(values.get(area.code), chosen, area.code, catalogue, to) for area in districts}
    return CountyView(
        profile=profile_title(catalogue, profile),
        title=words.plain(catalogue.areas.county).title(),
        map=_map(districts, lines, values, chosen, to),
        map_period=next((period_words(value) for value in values.values()), ""),
        map_lines=tuple(lines[area.code] for area in sorted(districts, key=lambda area: area.name)),
        chosen=chosen.title,
        indicators=tuple(Choice(one.id, one.title, one.id == chosen.id) for one in sorted(shown, key=_title)),
        kind=next((words.PERIODS[value.period] for value in numbers.latest.values()), ""),
        priorities=tuple(_priorities(numbers, shown, catalogue, to)),
        counties=tuple(_what_counties_are(catalogue, numbers.today)),
        areas=tuple((to.area(area.code), area.name) for area in _in_order(catalogue)),
        is_empty=not numbers.latest,
        here=to.start or "/county",
    )


def _in_order(catalogue: Catalogue) -> list[Area]:
    kinds = ("county", "division", "csp", "district", "reserved")
    return sorted(catalogue.areas.by_code.values(), key=lambda area: (kinds.index(area.kind), area.name))


def _of_one_period(series: Sequence[Sequence[PublishedIndicator]], today: Day) -> dict[str, PublishedIndicator]:
    """By area the values of the newest period that is over and that most areas have; where there is none, the newest.

    Areas side by side must speak of the same days: of a week that goes on, some have a number and others none yet; and
    of one that has just ended one area's number may be here before the others'.
    """
    every = [value for values in series for value in values]
    over = Counter(value.starts for value in every if value.ends <= today)
    shared = [starts for starts, areas in over.items() if 2 * areas > sum(map(bool, series))]
    starts = max(shared or over or [value.starts for value in every], default=None)
    return {value.area: value for value in every if value.starts == starts}


def _map(
    districts: Sequence[Area],
    lines: Mapping[str, Line],
    values: Mapping[str, PublishedIndicator],
    chosen: Indicator,
    to: Address,
) -> str:
    names = {area.code: area.name for area in districts}
    tiles = []
    for place in places_of(names):
        value = values.get(place.code)
        line = lines[place.code]
        signal = None if value is None else value.signal
        href = to.indicator(chosen.id, place.code)
        tiles.append(Tile(place, names[place.code], line.number, signal, value is not None, href))
    raised = [tile.name for tile in tiles if tile.signal in ("amber", "red")]
    unknown = [tile.name for tile in tiles if not tile.known]
    said = f"Above what is expected: {words.listed(raised) or 'none'}. No data: {words.listed(unknown) or 'none'}."
    return tile_map("map", f"{chosen.title} by area", f"{said} The numbers are in the table below.", tiles)


def counties(catalogue: Catalogue) -> list[Area]:
    """The whole county and its parts that are called counties: Lancashire-14 and Lancashire-12."""
    return sorted((one for one in catalogue.areas.by_code.values() if one.kind == "county"), key=lambda one: one.code)


def _title(indicator: Indicator) -> str:
    return indicator.title


def _what_counties_are(catalogue: Catalogue, today: Day) -> Iterator[str]:
    """What each area that is called a county holds, so that nobody has to know: all districts, or all but some."""
    districts = [one for one in catalogue.areas.by_code.values() if one.kind == "district" and one.is_valid_on(today)]
    for county in counties(catalogue):
        out = sorted(one.name for one in districts if county.code not in catalogue.areas.roll_ups(one.code, today))
        yield f"{county.name} is {'all but ' + words.listed(out) if out else f'all {len(districts)} districts'}."


def _priorities(
    numbers: CountyNumbers, shown: Sequence[Indicator], catalogue: Catalogue, to: Address
) -> Iterator[Priority]:
    measures = tags_of(catalogue)
    by_id = {one.id: one for one in shown}
    agreement = max(catalogue.agreements, key=lambda one: one.valid_from, default=None)
    for sentence in agreement.sentences if agreement else ():
        if sentence.part != "priority":
            continue
        lines = tuple(
            line_of(
                numbers.latest.get((name, area.code)),
                by_id[name],
                area.code,
                catalogue,
                to,
                numbers.trends(name, area.code) if (name, area.code) in numbers.latest else (),
            )
            for name in measures.get(sentence.id, ())
            if name in by_id
            for area in counties(catalogue)
        )
        without = "" if lines else sentence.without or "Nothing this profile is shown measures it."
        yield Priority(sentence.words, lines, without)


def profile_title(catalogue: Catalogue, profile: str) -> str:
    """What a profile is called."""
    return next((one.title for one in catalogue.profiles if one.id == profile), profile)


def area_view(area: Area, lines: Sequence[Line], catalogue: Catalogue, profile: str, to: Address) -> AreaView:
    """The page of an area."""
    residents = catalogue.areas.residents_now(area.code)
    within = [words.area_name(catalogue, parent.code) for parent in area.parents]
    if area.division:
        within.append(words.area_name(catalogue, area.division))
    return AreaView(
        profile=profile_title(catalogue, profile),
        name=area.name,
        kind={"csp": "community safety partnership", "reserved": "what is in no district"}.get(area.kind, area.kind),
        residents=""
        if residents is None
        else f"{residents.number:,} residents, as counted for {words.on(residents.valid_from)}",
        within=tuple(within),
        lines=tuple(lines),
        county_href=to.start or "/county",
    )


class IndicatorNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """What the read model says of a series. `known` is the day it is asked of; None for what is known now."""

    values: Sequence[PublishedIndicator]
    kind: PeriodKind
    known: Day | None


def indicator_view(
    numbers: IndicatorNumbers,
    indicator: Indicator,
    area: Area,
    kinds: Sequence[PeriodKind],
    catalogue: Catalogue,
    profile: str,
    to: Address,
) -> IndicatorView:
    """The page of an indicator in an area."""
    values = numbers.values[-PERIODS_SHOWN:]
    title = f"{indicator.title}, {area.name}"
    known = "" if numbers.known is None else to_date(numbers.known).isoformat()
    query = f"?period={numbers.kind}{f'&known={known}' if known else ''}"
    sentence = _sentence(values, indicator, area)
    return IndicatorView(
        profile=profile_title(catalogue, profile),
        title=indicator.title,
        area=area.name,
        area_href=to.area(area.code),
        chart=control_chart("chart", title, sentence, [point_of(value) for value in values]) if values else "",
        sentence=sentence,
        rows=tuple(row_of(value) for value in reversed(values)),
        kinds=tuple(Choice(kind, words.PERIODS[kind], kind == numbers.kind) for kind in kinds),
        areas=tuple(
            Choice(to.indicator(indicator.id, one.code), one.name, one.code == area.code)
            for one in _in_order(catalogue)
        ),
        here=to.indicator(indicator.id, area.code),
        csv_href=to.csv(indicator.id, area.code, query),
        known=known,
        caveats=tuple(
            f"{caveat.text} ({caveat.source})"
            for caveat in indicator.caveats
            if not caveat.areas or area.code in caveat.areas
        ),
        measures=indicator.feeds,
        hides=hides_words(catalogue, profile),
    )


def _sentence(values: Sequence[PublishedIndicator], indicator: Indicator, area: Area) -> str:
    if not values:
        return f"There is no data of {indicator.title.lower()} in {area.name} for this profile: that is not nought."
    newest = values[-1]
    number = "a count that is not shown" if newest.value is None else f"{newest.value:,}"
    expected = "" if newest.expected is None else f"; {newest.expected:,.1f} were expected"
    judged = "" if newest.signal is None else f": {words.SIGNALS[newest.signal].text}"
    state = "" if newest.final else " so far"
    return _capital(f"{number}{state} in the {period_words(newest)}{expected}{judged}.")


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def point_of(value: PublishedIndicator) -> Point:
    """One period as a chart shows it."""
    when = to_date(value.starts)
    label = f"{when:%b %Y}" if value.period in ("month", "quarter", "year") else f"{when.day} {when:%b}"
    return Point(label, value.value, value.expected, value.low, value.high, value.signal, value.final)


def row_of(value: PublishedIndicator) -> PeriodRow:
    """One period as a row of the table under a chart."""
    before = "a count that was not shown" if value.restates is None else f"{value.restates:,}"
    return PeriodRow(
        period=period_words(value),
        number=number_words(value),
        expected="" if value.expected is None else f"{value.expected:,.1f}",
        bounds=bounds_words(value),
        signal=words.SIGNALS[value.signal].text,
        state="final" if value.final else "provisional",
        restated=f"shown {value.revision} times; before: {before}" if value.revision > 1 else "",
    )


def hides_words(catalogue: Catalogue, profile: str) -> str:
    """What a profile is not shown, in words; "" where it is shown all."""
    of = next((one for one in catalogue.profiles if one.id == profile), None)
    if of is None or not of.hides:
        return ""
    said = []
    if of.suppress_below:
        said.append(f"counts from 1 to {of.suppress_below - 1} and whatever would tell them are shown as {SUPPRESSED}")
    if of.round_to > 1:
        said.append(f"others are rounded to the nearest {of.round_to}")
    if of.final_only:
        said.append("only what is final is shown")
    return _capital(f"{'; '.join(said)}.")


def csv_rows(values: Sequence[PublishedIndicator]) -> list[tuple[str, ...]]:
    """The numbers of a chart as the rows of a file, the first with the names of the columns."""
    head = (
        "starts",
        "ends_before",
        "period",
        "value",
        "shown",
        "expected",
        "low",
        "high",
        "signal",
        "final",
        "revision",
    )
    return [
        head,
        *(
            (
                to_date(value.starts).isoformat(),
                to_date(value.ends).isoformat(),
                value.period,
                _cell(value.value),
                "yes" if value.value is not None else "no",
                _cell(value.expected),
                _cell(value.low),
                _cell(value.high),
                value.signal or "",
                "yes" if value.final else "no",
                str(value.revision),
            )
            for value in values
        ),
    ]


def _cell(number: float | None) -> str:
    return "" if number is None else str(number)
