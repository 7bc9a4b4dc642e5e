"""What follows from what a profile was shown: as a naive batch has it, and of nothing hidden, in no order.

The batch shares no code with what it judges. It looks at each area and month of a calendar of its own, and asks of each
value what was last said of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from itertools import pairwise
from random import Random
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.stages.making import a_record, at

from safety_stream.catalogue import load_catalogue
from safety_stream.core import derived
from safety_stream.core.catalogue import (
    Area,
    Areas,
    Indicator,
    Parent,
    Profile,
    Rate,
    Residents,
    Share,
    Successor,
)
from safety_stream.core.derived import Measure, measures_of, newest_of
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.indicators import IndicatorValue
from safety_stream.core.model.published import PublishedIndicator
from safety_stream.core.model.times import Period, period_of, to_date, to_day
from safety_stream.core.rules.rule import Selector
from safety_stream.core.stages import publish_indicators
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.core.stages.stage import MORE_ROW
from safety_stream.data_files import catalogue_folder

SHIPPED = load_catalogue(catalogue_folder())
SHARING = msgspec.structs.replace(
    SHIPPED,
    profiles=tuple(
        msgspec.structs.replace(one, indicators=("crime", "alcohol-crime")) if one.id == "public" else one
        for one in SHIPPED.profiles
    ),
)
"""The shipped catalogue, but that the public is shown a share's parts, which lint would refuse: one is in the other."""
PROFILES = {profile.id: profile for profile in SHIPPED.profiles}
MONTHS = [*((2025, month) for month in (11, 12)), *((2026, month) for month in range(1, 10))]
REFORM = to_day(date(2026, 7, 1))


def indicator(name: str, feed: str, **changes: Any) -> Indicator:
    return msgspec.structs.replace(
        Indicator(id=name, title=name.title(), select=Selector(), feeds=(feed,), periods=("week", "month")), **changes
    )


def area(code: str, **changes: Any) -> Area:
    return msgspec.structs.replace(
        Area(code=code, name=code.title(), kind="district", parents=(Parent("G"),)), **changes
    )


# Old-1 and a part of Old-2 become North, the other part South; Stays stays. Old-2's parts are an LSOA each.
MADE_UP = msgspec.structs.replace(
    SHIPPED,
    indicators=(
        indicator("crime", "police"),
        indicator("marked", "police", periods=("month",)),
        indicator("harm", "police", feeds=("police", "fire"), periods=("month",), adds="weight", drill=("lsoa",)),
        indicator("fires", "fire"),
    ),
    shares=(Share(id="marked-share", title="Marked", of="marked", among="crime", least_base=20),),
    rates=(Rate(id="crime-rate", title="Crime", of="crime", per="residents", times=1000),),
    areas=Areas(
        county="G",
        by_code={
            one.code: one
            for one in (
                area("Old-1", valid_to=REFORM),
                area("Old-2", valid_to=REFORM),
                area("North", valid_from=REFORM),
                area("South", valid_from=REFORM),
                area("Stays"),
                area("G", kind="county", parents=()),
            )
        },
        by_lsoa={"n": "North", "s": "South"},
        residents={
            "Old-1": (Residents(to_day(date(2026, 1, 1)), 1_000), Residents(to_day(date(2026, 3, 15)), 2_000)),
            "Old-2": (Residents(0, 3_000), Residents(to_day(date(2026, 1, 1)), 3_000)),
            "Stays": (Residents(0, 7_000), Residents(to_day(date(2026, 1, 1)), 7_000)),
            "North": (Residents(REFORM, 4_000),),
        },
        successors=(
            Successor(old="Old-1", new="North", valid_from=REFORM),
            Successor(old="Old-2", new="North", valid_from=REFORM, lsoas=frozenset({"n"})),
            Successor(old="Old-2", new="South", valid_from=REFORM, lsoas=frozenset({"s"})),
        ),
    ),
)


def month(year: int, number: int) -> Period:
    return period_of(to_day(date(year, number, 1)), "month")


JANUARY = month(2026, 1)


def shown(seq: int, value: int | None, **changes: Any) -> PublishedIndicator:
    """What was shown of crime in January, in an area that stays; `of` is its period."""
    period = changes.pop("of", JANUARY)
    whole = PublishedIndicator(
        seq=seq,
        profile="internal",
        area="Stays",
        indicator="crime",
        period=period.kind,
        starts=period.starts,
        ends=period.ends,
        value=value,
        final=True,
        revision=1,
        restates=None,
        as_of=0,
    )
    return msgspec.structs.replace(whole, **changes)


def measured(values: Sequence[PublishedIndicator], profile: str = "internal") -> list[Measure]:
    return measures_of(newest_of(values), MADE_UP, PROFILES[profile])


def only(kind: str, values: Sequence[PublishedIndicator], profile: str = "internal", **fields: Any) -> list[Measure]:
    """The measures of a kind that have these fields."""
    found = [one for one in measured(values, profile) if one.kind == kind]
    return [one for one in found if all(getattr(one, name) == wanted for name, wanted in fields.items())]


# --- The naive batch.


class Said(NamedTuple):
    """What is said of a measure."""

    value: float | None
    why: str | None
    is_estimate: bool = False


class Batch:
    """What stands of a feed, looked up value by value."""

    def __init__(self, feed: Sequence[PublishedIndicator], *, hides: bool) -> None:
        self.feed = sorted(feed, key=lambda one: one.seq)
        self.hides = hides
        self.has_all = [one.seq for one in self.feed] == [*range(1, len(self.feed) + 1)]
        self.last = {(one.area, one.indicator, one.period, to_date(one.starts)): one for one in self.feed}
        self.began: dict[tuple[str, str], date] = {}
        self.told: dict[str, date] = {}
        for one in self.feed:
            starts = to_date(one.starts)
            self.began[one.indicator, one.period] = min(starts, self.began.get((one.indicator, one.period), starts))
            if one.complete_to is not None:
                until = to_date(one.complete_to)
                for behind in feeds_of(one.indicator):
                    self.told[behind] = max(until, self.told.get(behind, until))

    def stands(self, area: str, name: str, kind: str, starts: date) -> PublishedIndicator | None:
        return self.last.get((area, name, kind, starts))

    def ask(self, area: str, name: str, kind: str, starts: date, ends: date) -> int | str:
        """The number, or in a word why there is none."""
        one = self.stands(area, name, kind, starts)
        if one is not None:
            if one.value is None:
                return "withheld"
            return one.value if one.final else "not yet final"
        if not exists(area, starts, ends):
            return "no such area then"
        began = self.began.get((name, kind))
        is_told = all(self.told.get(feed, date.min) >= ends for feed in feeds_of(name))
        if self.has_all and not self.hides and began and began <= starts and is_told:
            return 0
        return "not shown"

    def asked(self, *names: str) -> Iterator[tuple[str, str, date, date]]:
        """Each area and period that something may be asked of."""
        of_them = [one for one in self.feed if one.indicator in names]
        for place in {one.area for one in of_them}:
            for kind, starts, ends in {(one.period, to_date(one.starts), to_date(one.ends)) for one in of_them}:
                if exists(place, starts, ends) or any(self.stands(place, name, kind, starts) for name in names):
                    yield place, kind, starts, ends


def feeds_of(name: str) -> list[str]:
    return {"fires": ["fire"], "harm": ["police", "fire"]}.get(name, ["police"])


def exists(area: str, starts: date, ends: date) -> bool:
    reform = date(2026, 7, 1)
    if area in ("Old-1", "Old-2"):
        return ends <= reform
    return starts >= reform if area in ("North", "South") else True


def first_why(answers: Sequence[int | str]) -> str | None:
    for why in ("no such area then", "withheld", "not shown", "not yet final"):
        if why in answers:
            return why
    return None


def residents(area: str, day: date) -> int | None:
    if area == "Old-1":
        return None if day < date(2026, 1, 1) else 1_000 if day < date(2026, 3, 15) else 2_000
    if area == "North":
        return 4_000 if day >= date(2026, 7, 1) else None
    if area == "G":
        # All as counted for New Year, though one was counted again in March, until one comes that nobody counted.
        return 11_000 if date(2026, 1, 1) <= day < date(2026, 7, 1) else None
    return {"Old-2": 3_000, "Stays": 7_000}.get(area)


Found = dict[tuple[str, str, str, str, date], Said]


def batch(feed: Sequence[PublishedIndicator], *, hides: bool) -> Found:
    everything = Batch(feed, hides=hides)
    found: Found = {}
    add_shares(found, everything)
    add_rates(found, everything)
    for name in ("crime", "marked", "harm", "fires"):
        add_years(found, everything, name)
        add_restated(found, everything, name)
    return found


def add_shares(found: Found, everything: Batch) -> None:
    for place, kind, starts, ends in everything.asked("crime", "marked"):
        if kind == "month":
            of, among = (everything.ask(place, name, kind, starts, ends) for name in ("marked", "crime"))
            why = first_why([of, among])
            if why is None and among < 20:
                why = "base under 20"
            value = None if why else round(100 * of / among, 1)
            found["share", "marked-share", place, kind, starts] = Said(value, why)


def add_rates(found: Found, everything: Batch) -> None:
    for place, kind, starts, ends in everything.asked("crime"):
        count = everything.ask(place, "crime", kind, starts, ends)
        people = residents(place, starts)
        why = first_why([count]) or (None if people else "no residents known")
        value = None if why else round(1000 * count / people, 2)
        found["rate", "crime-rate", place, kind, starts] = Said(value, why)


def add_years(found: Found, everything: Batch, name: str) -> None:
    for place, kind, starts, _ in everything.asked(name):
        if kind == "month":
            firsts = [date(starts.year, number, 1) for number in range(1, 13)] + [date(starts.year + 1, 1, 1)]
            so_far = [
                everything.ask(place, name, "month", first, after)
                for first, after in pairwise(firsts)
                if first <= starts
            ]
            why = first_why(so_far)
            found["year-to-date", name, place, kind, starts] = Said(None if why else sum(so_far), why)


def add_restated(found: Found, everything: Batch, name: str) -> None:
    for kind, starts, ends in {
        (one.period, to_date(one.starts), to_date(one.ends)) for one in everything.feed if one.indicator == name
    }:
        for new in ("North", "South"):
            if starts < date(2026, 7, 1):
                found["restated", name, new, kind, starts] = on_new(everything, name, new, kind, starts, ends)


def on_new(everything: Batch, name: str, new: str, kind: str, starts: date, ends: date) -> Said:
    if ends > date(2026, 7, 1):
        return Said(None, "the areas change within it")
    old_1, old_2, n, s = (
        everything.ask(one, name, kind, starts, ends) for one in ("Old-1", "Old-2", "lsoa:n", "lsoa:s")
    )
    why = first_why([old_1, old_2] if new == "North" else [old_2])
    if why:
        return Said(None, why)
    n, s = (one if isinstance(one, int) else 0 for one in (n, s))
    is_exact = n + s == old_2
    north = n if is_exact else (old_2 + 1) // 2
    return Said(old_1 + north if new == "North" else old_2 - north, None, is_estimate=not is_exact)


# --- Feeds of all kinds.


def a_feed(random: Random, profile: Profile) -> list[PublishedIndicator]:
    """Values with gaps, revisions, and what is withheld or not final, of some of what could be shown."""
    cells = []
    for one in MADE_UP.indicators:
        places = [*MADE_UP.areas.by_code, *(("lsoa:n", "lsoa:s") if one.drill and not profile.hides else ())]
        periods = [month(*when) for when in random.sample(MONTHS, random.randint(3, 8))]
        if "week" in one.periods:
            periods += [period_of(REFORM - days, "week") for days in (0, 14, 140)]
        for period in periods:
            for place in places:
                if exists(place, to_date(period.starts), to_date(period.ends)) and random.random() < 0.8:
                    cells += [(place, one.id, period)] * random.choice((1, 1, 1, 2, 3))
    random.shuffle(cells)
    told = sorted(random.choices([month(*when).ends for when in MONTHS], k=len(cells)))
    is_patchy = random.random() < 0.5
    feed = [
        shown(
            number,
            a_value(random, profile),
            of=period,
            profile=profile.id,
            area=place,
            indicator=name,
            final=not is_patchy or random.random() < 0.9,
            revision=number,
            complete_to=told[number - 1] if "complete_to" in profile.shows else None,
        )
        for number, (place, name, period) in enumerate(cells, 1)
    ]
    return feed if random.random() < 0.7 else random.sample(feed, len(feed) - 1)


def a_value(random: Random, profile: Profile) -> int | None:
    if profile.suppresses and random.random() < 0.1:
        return None
    # Small ones: that LSOAs come to their district's number is to happen.
    value = random.choice((0, 1, 2, 3, 15, 18, 22, 30, 41))
    return value // profile.round_to * profile.round_to


SEEDS = st.integers(0, 2**32)
ALL_PROFILES = pytest.mark.parametrize("profile", ["internal", "partner", "public"])


def as_said(measures: Sequence[Measure]) -> dict[tuple[str, str, str, str, date], Said]:
    return {
        (one.kind, one.id, one.area, one.period.kind, to_date(one.period.starts)): Said(
            one.value, one.why, one.is_estimate
        )
        for one in measures
    }


@ALL_PROFILES
@given(seed=SEEDS)
def test_measures_are_those_of_a_naive_batch(profile: str, seed: int):
    feed = a_feed(Random(seed), PROFILES[profile])

    assert as_said(measured(feed, profile)) == batch(feed, hides=profile != "internal")


@ALL_PROFILES
@given(seed=SEEDS)
def test_the_order_of_arrival_does_not_matter_nor_does_repetition(profile: str, seed: int):
    random = Random(seed)
    feed = a_feed(random, PROFILES[profile])
    stirred = random.sample(feed, len(feed)) + random.choices(feed, k=5)

    assert measured(stirred, profile) == measured(feed, profile)


@ALL_PROFILES
@given(seed=SEEDS)
def test_there_is_a_number_or_a_reason_and_the_profile_says_whether_it_is_rounded(profile: str, seed: int):
    for one in measured(a_feed(Random(seed), PROFILES[profile]), profile):
        assert (one.value is None) == (one.why is not None)
        assert one.from_rounded == (profile == "public")
        assert not (one.is_provisional and one.value is not None)


# --- Nothing hidden is used.


def spoilt(random: Random, feed: Sequence[PublishedIndicator]) -> list[PublishedIndicator]:
    """The feed with anything at all in place of what was said of a cell that is hidden now, but that it is."""
    hidden = {
        (one.area, one.indicator, one.period, one.starts)
        for one in newest_of(feed).values.values()
        if one.value is None
    }

    def other(one: PublishedIndicator) -> PublishedIndicator:
        key = (one.area, one.indicator, one.period, one.starts)
        if key not in hidden:
            return one
        was = newest_of(feed).values[key[0], key[1], Period(one.starts, one.ends, one.period)]
        return msgspec.structs.replace(
            one,
            value=None if one.seq == was.seq else random.randrange(100),
            final=random.random() < 0.5,
            revision=random.randrange(9),
            restates=random.randrange(100),
            expected=random.random(),
            low=random.randrange(9),
            high=random.randrange(100),
            complete_to=random.randrange(30_000),
        )

    return [other(one) for one in feed]


HIDING = pytest.mark.parametrize("profile", ["partner", "public"])


@HIDING
@given(seed=SEEDS)
def test_nothing_hidden_is_ever_used(profile: str, seed: int):
    random = Random(seed)
    feed = a_feed(random, PROFILES[profile])

    assert measured(spoilt(random, feed), profile) == measured(feed, profile)


@HIDING
@given(seed=SEEDS)
def test_to_a_profile_that_hides_nothing_missing_is_nought(profile: str, seed: int):
    random = Random(seed)
    feed = a_feed(random, PROFILES[profile])
    told = [msgspec.structs.replace(one, complete_to=30_000) for one in feed]

    assert measured(told, profile) == measured(feed, profile)


# --- Broken on purpose.


def using(why: str, number: Callable[[PublishedIndicator | None], int]) -> Any:
    """Parts that may not be used are used all the same."""
    real = derived._Shown.part

    def part(self: Any, *key: Any) -> Any:
        found = real(self, *key)
        return found if found.why != why else derived._Part(number(self._newest.get(key)), None, found.numbers)

    return part


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("_Shown.part", using("withheld", lambda hidden: hidden.restates or 0)),
        ("_Shown.part", using("withheld", lambda hidden: 0)),
        ("_Shown.part", using("not yet final", lambda unsure: unsure.value)),
        ("_Shown.part", using("not shown", lambda nothing: 0)),
        ("_Shown._is_nought", lambda *_: False),
        ("_Shown._is_there", lambda *_: True),
        ("share_of", lambda share, of, among: round(100 * of / max(among, 1), 1)),
        ("months_to_date", lambda day: (period_of(day, "month"),)),
        ("newest_of", lambda feed: derived.Newest({key_of(one): one for one in feed}, is_whole=True)),
    ],
)
def test_the_tests_see_what_is_broken(name: str, broken: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(f"{derived.__name__}.{name}", broken)
    monkeypatch.setitem(globals(), "newest_of", derived.newest_of)

    assert any(is_wrong(Random(seed), profile) for seed in range(20) for profile in ("internal", "public"))


def is_wrong(random: Random, profile: str) -> bool:
    feed = a_feed(random, PROFILES[profile])
    stirred = random.sample(feed, len(feed))
    return as_said(measured(stirred, profile)) != batch(feed, hides=profile != "internal")


def key_of(one: PublishedIndicator) -> tuple[str, str, Period]:
    return one.area, one.indicator, Period(one.starts, one.ends, one.period)


def test_what_was_shown_before_something_was_hidden_is_seen_to_be_used(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(derived._Shown, "part", using("withheld", lambda hidden: hidden.restates or 0))
    random = Random(1)
    feed = a_feed(random, PROFILES["public"])

    assert measured(spoilt(random, feed), "public") != measured(feed, "public")


# --- One by one.


def test_a_share_is_made_of_both_its_parts_and_says_of_which():
    (share,) = only("share", [shown(1, 40), shown(2, 10, indicator="marked")])

    assert (share.id, share.area, share.period, share.value, share.parts) == (
        "marked-share",
        "Stays",
        JANUARY,
        25.0,
        (1, 2),
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"value": 19}, "base under 20"),
        ({"value": None}, "withheld"),
        ({"final": False}, "not yet final"),
        ({"area": "G"}, "not shown"),
    ],
)
def test_a_share_without_a_base_to_rest_on_has_a_reason(changes: dict[str, Any], why: str):
    base = msgspec.structs.replace(shown(1, 40), **changes)
    (share,) = only("share", [base, shown(2, 10, indicator="marked")], area="Stays")

    assert (share.value, share.why, share.is_provisional) == (None, why, why == "not yet final")


def test_the_newest_is_what_counts_also_where_it_is_taken_back_or_hidden():
    told = [shown(1, 40), shown(2, 10, indicator="marked"), shown(3, 0, indicator="marked", revision=2)]

    (taken_back,) = only("share", told)
    (hidden,) = only("share", [*told, shown(4, None, indicator="marked", revision=3, restates=10)], "public")

    assert (taken_back.value, taken_back.parts) == (0.0, (1, 3))
    assert (hidden.value, hidden.why) == (None, "withheld")


def test_a_rate_has_the_residents_of_the_first_day():
    told = [shown(number, 30, area="Old-1", of=month(*when)) for number, when in enumerate(MONTHS[1:6], 1)]

    rates = only("rate", told)

    assert [(one.value, one.why) for one in rates] == [
        (None, "no residents known"),
        (30.0, None),
        (30.0, None),
        # Counted on the 15th: of all of March it is not known that there were so many.
        (30.0, None),
        (15.0, None),
    ]


def test_a_rate_of_a_grouping_is_of_what_was_shown_of_it_and_never_added_up():
    told = [shown(1, 20), shown(2, 7, area="Old-1"), shown(3, 9, area="Old-2"), shown(4, None, area="G")]

    (rate,) = only("rate", told, "partner", area="G")

    assert (rate.value, rate.why) == (None, "withheld")


def test_a_year_to_date_adds_the_months_of_its_year_of_harm_too():
    told = [shown(number, 10**number, indicator="harm", of=month(*when)) for number, when in enumerate(MONTHS[1:4], 1)]

    assert [one.value for one in only("year-to-date", told)] == [None, 100, 1_100]


def test_a_month_in_which_nothing_happened_is_nought_where_that_is_proven():
    first, second, third = (month(2026, number) for number in (1, 2, 3))
    told = [
        shown(1, 5, of=first),
        shown(2, 9, of=second, area="Old-1"),
        shown(3, 4, of=third, complete_to=second.ends),
    ]

    assert [one.value for one in only("year-to-date", told, area="Stays")] == [5, 5, 9]
    too_soon = [*told[:2], msgspec.structs.replace(told[2], complete_to=second.ends - 1)]
    another_feed = [*told[:2], msgspec.structs.replace(told[2], indicator="fires")]
    one_of_two = [msgspec.structs.replace(one, indicator="harm", complete_to=None) for one in told]
    one_of_two.append(shown(4, 1, complete_to=third.ends))
    a_gap = [*told, shown(5, 4, of=first, area="Old-1")]
    for unproven in (too_soon, another_feed, one_of_two, a_gap):
        name = unproven[0].indicator
        (february,) = only("year-to-date", unproven, area="Stays", period=second, id=name)
        assert (february.value, february.why) == (None, "not shown")


def test_nobody_knows_of_what_was_before_the_first_value():
    told = [shown(1, 5, of=month(2026, 2), complete_to=30_000)]

    assert [(one.value, one.why) for one in only("year-to-date", told)] == [(None, "not shown")]


def test_an_area_that_came_during_the_year_has_no_year_to_date():
    (so_far,) = only("year-to-date", [shown(1, 5, area="North", of=month(2026, 7), complete_to=30_000)], area="North")

    assert (so_far.value, so_far.why) == (None, "no such area then")


def test_rounded_counts_make_what_is_marked_as_made_of_them():
    told = [shown(1, 40, profile="public"), shown(2, 15, indicator="marked", profile="public")]

    assert [(one.value, one.from_rounded) for one in only("share", told, "public")] == [(37.5, True)]
    assert [one.from_rounded for one in only("share", told, "partner")] == [False]


def of_harm(**by_area: int | None) -> list[PublishedIndicator]:
    places = {"n": "lsoa:n", "s": "lsoa:s", "Old_1": "Old-1", "Old_2": "Old-2"}
    return [
        shown(number, value, area=places[name], indicator="harm")
        for number, (name, value) in enumerate(by_area.items(), 1)
    ]


@pytest.mark.parametrize(
    ("told", "north", "south"),
    [
        (of_harm(Old_1=4, Old_2=9, n=6, s=3), (10, None, False, (1, 2, 3, 4)), (3, None, False, (2, 3, 4))),
        # One of the LSOAs is not told of, and need not be: the other is the whole.
        (of_harm(Old_1=4, Old_2=9, n=9), (13, None, False, (1, 2, 3)), (0, None, False, (2, 3))),
        (of_harm(Old_1=4, Old_2=9, n=6), (9, None, True, (1, 2)), (4, None, True, (2,))),
        (of_harm(Old_1=None, Old_2=8), (None, "withheld", False, (1, 2)), (4, None, True, (2,))),
        (of_harm(Old_1=4), (None, "not shown", False, (1,)), (None, "not shown", False, ())),
    ],
)
def test_history_is_restated_on_what_was_shown(
    told: list[PublishedIndicator], north: tuple[object, ...], south: tuple[object, ...]
):
    found = {one.area: (one.value, one.why, one.is_estimate, one.parts) for one in only("restated", told)}

    assert found == {"North": north, "South": south}


def test_a_period_in_which_the_areas_change_is_not_restated():
    week = period_of(REFORM, "week")
    told = [shown(1, 7, area="Old-1", of=week), shown(2, 7, area="Old-2", of=week)]

    assert {(one.value, one.why) for one in only("restated", told)} == {(None, "the areas change within it")}


def test_the_catalogue_that_ships_has_no_successors_and_restates_nothing():
    assert not [
        one for one in measures_of(newest_of([shown(1, 9)]), SHIPPED, PROFILES["internal"]) if one.kind == "restated"
    ]


# --- What the door lets out.


def through_the_door(counts: Mapping[tuple[str, str], int], profile: str) -> list[PublishedIndicator]:
    """What a profile is shown of January, counted by district and indicator."""
    day = at("2026-03-31T12:00")
    values = [
        IndicatorValue(
            area=place,
            indicator=name,
            period="month",
            starts=JANUARY.starts,
            ends=JANUARY.ends,
            value=count,
            final=True,
            revision=1,
            restates=None,
            as_of=day,
        )
        for (place, name), count in counts.items()
    ]
    complete = FeedStatus(as_of=day, newest=dict.fromkeys(SHIPPED.sources, day), partition=0)
    step, rows = publish_indicators.make_step(SHARING, 1), MemoryRows()
    outputs = step(rows, [a_record(one) for one in (*values, complete)], None)
    while rows.get(MORE_ROW) is not None:
        outputs += step(rows, [], None)
    return [one.value for one in outputs if one.topic == f"indicators.{profile}"]


@settings(max_examples=25)
@given(seed=SEEDS)
def test_nobody_is_told_a_share_of_what_the_door_hides(seed: int):
    random = Random(seed)
    districts = [one.code for one in SHIPPED.areas.by_code.values() if one.kind == "district"]
    crime = {place: random.choice((0, 3, 9, 25, 60)) for place in districts}
    marked = {place: random.randint(0, count) for place, count in crime.items()}
    counts = {(place, "crime"): count for place, count in crime.items()}
    counts |= {(place, "alcohol-crime"): count for place, count in marked.items()}

    feed = through_the_door(counts, "public")
    shares = {
        one.area: one for one in measures_of(newest_of(feed), SHIPPED, PROFILES["public"]) if one.id == "alcohol-share"
    }

    by_cell = {(one.area, one.indicator): one.value for one in feed}
    assert set(districts) <= set(shares)
    for place, share in shares.items():
        of, among = by_cell[place, "alcohol-crime"], by_cell[place, "crime"]
        if of is None or among is None:
            assert (share.value, share.why) == (None, "withheld")
        elif among < 20:
            assert (share.value, share.why) == (None, "base under 20")
        else:
            assert share.value == round(100 * of / among, 1)
        if 0 < marked.get(place, 0) < 8 or 0 < crime.get(place, 0) < 8:
            assert share.value is None
