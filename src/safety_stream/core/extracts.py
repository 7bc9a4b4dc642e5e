"""What authorities must disclose of a quarter, from indicator values: the counts, and what is answered and what is not.

Theory of operation
-------------------
A month in which nothing happened has no value at all, and nor has one of which a feed has told nothing yet. The first
is nought and the second unknown, so nought is said only where it is proven that every feed behind the indicator is
complete to the month's end. Two things prove it: a final value of any indicator that rests on the feed, whose period
ends no sooner; and what measure says of the feeds (`FeedStatus`), once all its partitions have said it. Nothing else
does, so where there is neither, a count stays unknown. And so does every one from before the day a feed covers things
from: what it told of that time is no count.

Exact counts are for the authorities the extract names. Anybody else is given what their profile was shown, by month and
district as it was shown: to hide small counts anew here, by other counts of another day, would tell by subtraction what
is hidden there.

The district a thing happened in holds it, or OUTSIDE or UNLOCATED does, each incident once: the counts of a quarter add
up to all there is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Final, Literal

import msgspec

from safety_stream.core.catalogue import Area, Areas, Catalogue, Extract, Holder, Indicator, Item, Profile
from safety_stream.core.derived import Newest
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.indicators import IndicatorValue
from safety_stream.core.model.markings import MARKINGS, Marking
from safety_stream.core.model.published import PublishedIndicator
from safety_stream.core.model.times import Day, Instant, Period, period_of, start_of, to_date, to_day
from safety_stream.core.stages.stage import Clock, complete_to, is_covered

Answer = Literal[
    "answered", "answered, some withheld", "answered, provisional", "no feed", "not shown", "not in the vocabulary"
]
"""`provisional`: of some month a feed is not known to be complete. `no feed`: nothing is known of any month, because
a feed has told nothing of it, or does not cover it. `some withheld`, `not shown`: from the profile it is made for."""

_QUARTER: Final = re.compile(r"([0-9]{4})-Q([1-4])")
_YEARS: Final = range(1900, 3000)


class Count(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What an item's indicator came to in an area and month; None where nobody knows.

    The month is written 2026-01. `withheld` is one that is hidden from the profile the table is for, being small or
    telling one that is. `revision` and `as_of` are the value's: a nought that follows from complete feeds alone has
    neither. `readers` are the authorities it is for alone; of what a profile was shown, none: it was shown already.
    """

    item: str
    indicator: str
    area: str
    area_name: str
    month: str
    count: int | None
    withheld: bool
    final: bool
    revision: int | None
    as_of: Instant | None
    marking: Marking
    readers: tuple[Holder, ...]


class Tick(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Whether an item is answered, for a quarter, and by when it had to be (that day included).

    `reason` is why nothing answers it, or what its answer leaves open; `form` in what form it is answered.
    """

    holder: Holder
    item: str
    words: str
    indicators: tuple[str, ...]
    answer: Answer
    reason: str
    form: str
    due: date
    source: str

    def is_missing(self, on: date) -> bool:
        """Whether it was due before a day and somebody could still send it."""
        return self.due < on and self.answer in ("answered, provisional", "no feed")


def quarter_of(text: str) -> Period:
    """`2026-Q1` as a period. Raises `ValueError`."""
    found = _QUARTER.fullmatch(text)
    if found is None or int(found[1]) not in _YEARS:
        raise ValueError("a quarter is written 2026-Q1")
    return period_of(to_day(date(int(found[1]), 3 * int(found[2]) - 2, 1)), "quarter")


def due_on(extract: Extract, quarter: Period) -> date:
    """The last day on which what is asked of a quarter is in time."""
    last = quarter
    for _ in range(extract.due_quarters_after):
        last = period_of(last.ends, "quarter")
    return to_date(last.ends - 1)


class Gathered:
    """What is known of a quarter: the newest values of its months, and to which day each feed is proven complete."""

    def __init__(self, catalogue: Catalogue, quarter: Period) -> None:
        """Nothing is known. The catalogue must be the one the values were counted by."""
        self._catalogue = catalogue
        self._indicators: Mapping[str, Indicator] = {one.id: one for one in catalogue.indicators}
        self._months = _months_of(quarter)
        self._due: Mapping[Day, Period] = {month.starts: month for month in self._months}
        self._values: dict[tuple[str, str, Day], IndicatorValue] = {}
        self._proven: dict[str, Day] = {}
        self._clock = Clock()

    def take(self, value: msgspec.Struct) -> None:
        """Fold in one value of the topic `indicator-values`, in any order."""
        if isinstance(value, FeedStatus):
            self._clock = self._clock.hear(value)
        elif isinstance(value, IndicatorValue):
            self._keep(value)

    def counts(self, extract: Extract, partitions: int, *, is_whole: bool = True) -> dict[str, list[Count]]:
        """By item, in order of the extract, its counts by indicator, area and month.

        `partitions` of measure say how far the feeds are. Where values may be gone (`is_whole` False), nothing is known
        of a month without one.
        """
        newest = self._clock.newest(partitions) if is_whole else {}
        if not is_whole:
            self._proven.clear()
        return {
            item.id: [
                self._count(extract, item, indicator, area, month, newest)
                for indicator in item.indicators
                for area in _where_things_happen(self._catalogue.areas)
                for month in self._months
                if _is_there_in(area, month)
            ]
            for item in extract.items
        }

    def _keep(self, value: IndicatorValue) -> None:
        indicator = self._indicators.get(value.indicator)
        if indicator is not None and value.final:
            for feed in indicator.feeds:
                self._proven[feed] = max(value.ends, self._proven.get(feed, value.ends))
        if value.period == "month" and value.starts in self._due:
            key = (value.area, value.indicator, value.starts)
            before = self._values.get(key)
            if before is None or before.revision < value.revision:
                self._values[key] = value

    def _count(
        self, extract: Extract, item: Item, indicator: str, area: Area, month: Period, newest: Mapping[str, Instant]
    ) -> Count:
        feeds = self._indicators[indicator].feeds
        covered = is_covered(month, feeds, self._catalogue.sources)
        value = self._values.get((area.code, indicator, month.starts)) if covered else None
        complete = covered and all(self._is_complete(feed, month, newest) for feed in feeds)
        nothing = 0 if complete else None
        return Count(
            item=item.id,
            indicator=indicator,
            area=area.code,
            area_name=area.name,
            month=f"{to_date(month.starts):%Y-%m}",
            count=nothing if value is None else value.value,
            withheld=False,
            final=complete if value is None else value.final,
            revision=None if value is None else value.revision,
            as_of=None if value is None else value.as_of,
            marking=extract.marking,
            readers=extract.readers,
        )

    def _is_complete(self, feed: str, month: Period, newest: Mapping[str, Instant]) -> bool:
        if self._proven.get(feed, month.starts) >= month.ends:
            return True
        return complete_to(newest, (feed,), self._catalogue.sources) >= start_of(month.ends)


def counts_shown(
    extract: Extract, catalogue: Catalogue, profile: Profile, quarter: Period, newest: Newest
) -> dict[str, list[Count]]:
    """By item, what a profile was shown of its months, in the areas it is shown any of."""
    areas = [area for area in _where_things_happen(catalogue.areas) if not profile.areas or area.code in profile.areas]
    return {
        item.id: [
            _count_shown(item, indicator, area, month, newest.values.get((area.code, indicator, month)))
            for indicator in item.indicators
            for area in areas
            for month in _months_of(quarter)
            if _is_there_in(area, month)
        ]
        for item in extract.items
    }


def _count_shown(item: Item, indicator: str, area: Area, month: Period, value: PublishedIndicator | None) -> Count:
    return Count(
        item=item.id,
        indicator=indicator,
        area=area.code,
        area_name=area.name,
        month=f"{to_date(month.starts):%Y-%m}",
        count=None if value is None else value.value,
        withheld=value is not None and value.value is None,
        final=value is not None and value.final,
        revision=None if value is None else value.revision,
        as_of=None if value is None else value.as_of,
        marking=MARKINGS[0],
        readers=(),
    )


def ticks(
    extract: Extract, counts: Mapping[str, Iterable[Count]], quarter: Period, nothing: Answer = "no feed"
) -> list[Tick]:
    """The tick-list of a quarter: every item in order of the extract. `nothing` is said of one that has no count."""
    due = due_on(extract, quarter)
    return [
        Tick(
            holder=item.holder,
            item=item.id,
            words=item.words,
            indicators=item.indicators,
            answer=_answer(item, list(counts[item.id]), nothing),
            reason=item.without or item.short or "",
            form=extract.form if item.indicators else "",
            due=due,
            source=extract.sources[item.holder],
        )
        for item in extract.items
    ]


def _answer(item: Item, counts: list[Count], nothing: Answer) -> Answer:
    if not item.indicators:
        return "not in the vocabulary"
    if all(one.final for one in counts):
        return "answered, some withheld" if any(one.withheld for one in counts) else "answered"
    is_known = any(one.withheld or one.count is not None for one in counts)
    return "answered, provisional" if is_known else nothing


def _months_of(quarter: Period) -> tuple[Period, ...]:
    def following() -> Iterator[Period]:
        month = period_of(quarter.starts, "month")
        while month.starts < quarter.ends:
            yield month
            month = period_of(month.ends, "month")

    return tuple(following())


def _where_things_happen(areas: Areas) -> list[Area]:
    """Districts by code, and after them where everything else is counted."""
    there = [area for area in areas.by_code.values() if area.kind in ("district", "reserved")]
    return sorted(there, key=lambda area: (area.kind == "reserved", area.code))


def _is_there_in(area: Area, month: Period) -> bool:
    """Whether an area exists on any day of a month; what is counted in it that month is told."""
    begun = area.valid_from is None or area.valid_from < month.ends
    return begun and (area.valid_to is None or month.starts < area.valid_to)
