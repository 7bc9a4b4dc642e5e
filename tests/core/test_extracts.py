"""The quarterly disclosure: what is nought and what unknown, what is answered, and that nothing is counted twice."""

from __future__ import annotations

from datetime import date
from itertools import product

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety_stream.catalogue import load_catalogue
from safety_stream.core.catalogue import Area, Areas, Catalogue, Extract, Indicator, Item, Profile, Source
from safety_stream.core.derived import newest_of
from safety_stream.core.extracts import Count, Gathered, Tick, counts_shown, due_on, quarter_of, ticks
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.indicators import IndicatorValue
from safety_stream.core.model.published import PublishedIndicator
from safety_stream.core.model.times import HOUR, Period, PeriodKind, period_of, start_of, to_day
from safety_stream.core.rules.rule import Selector
from safety_stream.data_files import catalogue_folder

QUARTER = quarter_of("2026-Q1")
PLACES = ("A", "B", "OUTSIDE", "UNLOCATED")
MONTHS = (1, 2, 3)

EXTRACT = Extract(
    id="x",
    title="X",
    due_quarters_after=1,
    form="a count",
    marking="OFFICIAL-SENSITIVE",
    readers=("police", "fire"),
    sources={"police": "p", "fire": "f", "local-authority": "l", "health": "h"},
    items=(
        Item(id="crimes", holder="police", words="crimes", indicators=("crime",), short="all in one"),
        Item(id="fires", holder="fire", words="fires", indicators=("fire", "crime")),
        Item(id="none", holder="health", words="illness", without="nobody says"),
    ),
)


def indicator(name: str, *feeds: str) -> Indicator:
    return Indicator(id=name, title=name, select=Selector(), feeds=feeds, periods=("month", "quarter"))


CATALOGUE: Catalogue = msgspec.structs.replace(
    load_catalogue(catalogue_folder()),
    areas=Areas(
        county="made-up",
        by_code={
            "UNLOCATED": Area(code="UNLOCATED", name="Nowhere", kind="reserved"),
            "OUTSIDE": Area(code="OUTSIDE", name="Elsewhere", kind="reserved"),
            "B": Area(code="B", name="Beeton", kind="district"),
            "A": Area(code="A", name="Ayton", kind="district"),
            "G": Area(code="G", name="All", kind="county"),
        },
        by_lsoa={},
    ),
    sources={
        name: Source(
            id=name,
            organisation=name,
            title=name,
            kinds=(),
            identity="place-only",
            usual_latency=HOUR,
            covers_from=QUARTER.starts,
        )
        for name in ("police", "fire")
    },
    indicators=(indicator("crime", "police"), indicator("fire", "fire"), indicator("both", "police", "fire")),
)


def value(
    area: str, month: int, number: int, name: str = "crime", kind: PeriodKind = "month", **changes: object
) -> IndicatorValue:
    period = period_of(to_day(date(2026, month, 1)), kind)
    whole = IndicatorValue(
        area=area,
        indicator=name,
        period=kind,
        starts=period.starts,
        ends=period.ends,
        value=number,
        final=True,
        revision=1,
        restates=None,
        as_of=start_of(period.ends),
    )
    return msgspec.structs.replace(whole, **changes)


def counts_of(*values: msgspec.Struct, partitions: int = 1, is_whole: bool = True) -> dict[str, list[Count]]:
    gathered = Gathered(CATALOGUE, QUARTER)
    for one in values:
        gathered.take(one)
    return gathered.counts(EXTRACT, partitions, is_whole=is_whole)


def numbers(*values: msgspec.Struct, item: str = "crimes", area: str = "A", **how: object) -> list[int | None]:
    return [one.count for one in counts_of(*values, **how)[item] if one.area == area]


def status(until: date, *feeds: str, partition: int = 0) -> FeedStatus:
    at = start_of(to_day(until)) + HOUR
    return FeedStatus(as_of=at, newest=dict.fromkeys(feeds, at), partition=partition)


def test_rows_are_by_indicator_district_and_month_and_what_is_in_none_comes_last():
    rows = counts_of()["fires"]

    asked = [(one.indicator, one.area, one.month) for one in rows]
    assert asked == list(product(("fire", "crime"), PLACES, ("2026-01", "2026-02", "2026-03")))
    assert rows[0].area_name == "Ayton"


def test_where_nothing_is_known_nothing_is_nought():
    assert numbers() == [None, None, None]
    assert not any(one.final for one in counts_of()["crimes"])


def test_a_final_value_anywhere_proves_its_feeds_complete_to_its_end():
    """
    B   February is final   so A had nothing in January and February; of March nobody knows
    """
    assert numbers(value("B", 2, 7)) == [0, 0, None]
    assert numbers(value("G", 1, 7, kind="quarter")) == [0, 0, 0]
    assert numbers(value("B", 2, 7, "both")) == [0, 0, None]


def test_a_value_that_is_not_final_proves_nothing_and_is_told_as_so_far():
    (first, *others) = counts_of(value("A", 1, 7, final=False))["crimes"]

    assert (first.count, first.final, first.revision) == (7, False, 1)
    assert {one.count for one in others} == {None}


def test_another_feed_proves_nothing():
    assert numbers(value("B", 3, 7, "fire")) == [None, None, None]


def test_what_measure_says_of_the_feeds_proves_it_once_all_its_partitions_have():
    said = status(date(2026, 3, 1), "police")

    assert numbers(said) == [0, 0, None]
    assert numbers(said, partitions=2) == [None, None, None]
    assert numbers(said, status(date(2026, 2, 1), "police", partition=1), partitions=2) == [0, None, None]
    assert numbers(status(date(2026, 3, 31), "police")) == [0, 0, None]
    assert numbers(status(date(2026, 4, 1), "police")) == [0, 0, 0]


def test_where_values_may_be_gone_nought_is_never_said():
    assert numbers(value("B", 2, 7), is_whole=False) == [None, None, None]
    assert numbers(value("B", 2, 7), area="B", is_whole=False) == [None, 7, None]
    assert numbers(status(date(2026, 4, 1), "police"), is_whole=False) == [None, None, None]


def test_of_what_was_before_a_feed_covers_things_nothing_is_known():
    """
    February  is covered from its second day on: what was told of it is no count, nor is what was not told nought
    """
    sources = dict(CATALOGUE.sources)
    sources["police"] = msgspec.structs.replace(sources["police"], covers_from=to_day(date(2026, 2, 2)))
    gathered = Gathered(msgspec.structs.replace(CATALOGUE, sources=sources), QUARTER)
    for one in (value("A", 1, 7), value("A", 2, 7), status(date(2026, 4, 1), "police", "fire")):
        gathered.take(one)
    counts = gathered.counts(EXTRACT, 1)

    in_a = [one for one in counts["crimes"] if one.area == "A"]
    assert [(one.count, one.final, one.revision) for one in in_a] == [(None, False, None)] * 2 + [(0, True, None)]
    assert [one.count for one in counts["fires"] if (one.area, one.indicator) == ("A", "fire")] == [0, 0, 0]


def test_a_quarter_no_feed_covers_has_none():
    early = quarter_of("2025-Q4")
    gathered = Gathered(CATALOGUE, early)
    for one in (status(date(2026, 4, 1), "police", "fire"), value("A", 3, 7)):
        gathered.take(one)

    answered = {one.item: one.answer for one in ticks(EXTRACT, gathered.counts(EXTRACT, 1), early)}

    assert answered == {"crimes": "no feed", "fires": "no feed", "none": "not in the vocabulary"}


@pytest.mark.parametrize("turned", [False, True])
def test_the_newest_revision_counts_in_any_order(turned: bool):
    told = [value("A", 1, 7), value("A", 1, 5, revision=2, restates=7)]

    assert numbers(*(reversed(told) if turned else told))[0] == 5


def test_a_district_that_has_gone_is_not_asked():
    old = {"A": Area(code="A", name="Ayton", kind="district", valid_to=to_day(date(2026, 2, 10)))}
    areas = msgspec.structs.replace(CATALOGUE.areas, by_code=dict(CATALOGUE.areas.by_code) | old)
    gathered = Gathered(msgspec.structs.replace(CATALOGUE, areas=areas), QUARTER)

    rows = gathered.counts(EXTRACT, 1)["crimes"]

    assert [one.month for one in rows if one.area == "A"] == ["2026-01", "2026-02"]


@given(
    st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(MONTHS), st.integers(0, 50)), max_size=40),
    st.booleans(),
)
def test_the_rows_of_a_quarter_add_up_to_the_quarters_total(told: list[tuple[str, int, int]], final: bool):
    """What measure publishes of a quarter by the same things, added up here on its own, is the total."""
    by_month: dict[tuple[str, int], int] = {}
    by_quarter: dict[str, int] = {}
    for place, month, number in told:
        by_month[place, month] = by_month.get((place, month), 0) + number
        by_quarter[place] = by_quarter.get(place, 0) + number
    values = [value(place, month, number, final=final) for (place, month), number in by_month.items()]
    values += [value(place, 1, number, kind="quarter", final=final) for place, number in by_quarter.items()]
    # The county's own count is of A and B, and must not come on top.
    values.append(value("G", 1, 99, final=final))

    rows = counts_of(*values)["crimes"]

    assert sum(one.count or 0 for one in rows) == sum(one.value for one in values if one.period == "quarter")


def answers(*values: msgspec.Struct) -> dict[str, str]:
    return {one.item: one.answer for one in ticks(EXTRACT, counts_of(*values), QUARTER)}


def test_exact_counts_are_marked_and_say_whom_they_are_for():
    rows = counts_of(value("B", 3, 7))["crimes"]

    assert {(one.marking, one.readers, one.withheld) for one in rows} == {
        ("OFFICIAL-SENSITIVE", ("police", "fire"), False)
    }


def test_a_profile_is_given_what_it_was_shown_and_nothing_else():
    """
    A   January was hidden, February shown, of March nothing was yet; and OUTSIDE is no area of this profile
    """
    profile = Profile(
        id="p", title="P", areas=("A", "B"), periods=("month",), final_only=True, suppress_below=5, round_to=5
    )
    told = [
        PublishedIndicator(seq=number, profile="p", **msgspec.structs.asdict(one) | {"value": shown, "causes": ()})
        for number, (one, shown) in enumerate([(value("A", 1, 3), None), (value("A", 2, 8), 10)], start=1)
    ]
    counts = counts_shown(EXTRACT, CATALOGUE, profile, QUARTER, newest_of(told))
    rows = counts["crimes"]

    assert {one.area for one in rows} == {"A", "B"}
    assert [(one.count, one.withheld) for one in rows if one.area == "A"] == [(None, True), (10, False), (None, False)]
    assert {(one.marking, one.readers) for one in rows} == {("OFFICIAL", ())}
    answered = {one.item: one.answer for one in ticks(EXTRACT, counts, QUARTER, nothing="not shown")}
    assert answered == {
        "crimes": "answered, provisional",
        "fires": "answered, provisional",
        "none": "not in the vocabulary",
    }
    nothing = counts_shown(EXTRACT, CATALOGUE, profile, QUARTER, newest_of([]))
    assert ticks(EXTRACT, nothing, QUARTER, nothing="not shown")[0].answer == "not shown"


def test_what_is_answered_is_told_by_item():
    assert answers() == {"crimes": "no feed", "fires": "no feed", "none": "not in the vocabulary"}
    assert answers(value("B", 3, 7)) == {
        "crimes": "answered",
        "fires": "answered, provisional",
        "none": "not in the vocabulary",
    }
    assert answers(value("B", 2, 7))["crimes"] == "answered, provisional"
    assert answers(value("B", 3, 7, final=False))["crimes"] == "answered, provisional"
    assert answers(value("B", 3, 7), value("A", 3, 1, "fire"))["fires"] == "answered"


def test_what_is_missing_is_so_after_its_last_day_and_only_where_somebody_could_send_it():
    crimes, _, none = ticks(EXTRACT, counts_of(), QUARTER)
    whole = ticks(EXTRACT, counts_of(value("B", 3, 7)), QUARTER)[0]

    def missing(tick: Tick) -> list[bool]:
        return [tick.is_missing(date(2026, 6, 30)), tick.is_missing(date(2026, 7, 1))]

    assert (missing(crimes), missing(none), missing(whole)) == ([False, True], [False, False], [False, False])
    assert (crimes.reason, crimes.form, none.reason, none.form) == ("all in one", "a count", "nobody says", "")


@pytest.mark.parametrize(("text", "due"), [("2026-Q1", date(2026, 6, 30)), ("2025-Q4", date(2026, 3, 31))])
def test_due_is_the_last_day_of_the_quarter_after(text: str, due: date):
    assert due_on(EXTRACT, quarter_of(text)) == due


def test_a_quarter_is_written_with_its_year():
    assert quarter_of("2026-Q4") == Period(to_day(date(2026, 10, 1)), to_day(date(2027, 1, 1)), "quarter")
    for text in ("2026-Q5", "2026-q1", "Q1-2026", "0026-Q1", "2026-Q1 "):
        with pytest.raises(ValueError, match="written 2026-Q1"):
            quarter_of(text)
