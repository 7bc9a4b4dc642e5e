"""The door for indicators: each value as it comes, or whole tables in which nothing small can be worked out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.core.stages.making import a_record, at, covering

from safety_stream.core.catalogue import Area, Areas, Catalogue, Parent, Profile
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.indicators import IndicatorValue
from safety_stream.core.model.judgements import Judgement
from safety_stream.core.model.times import DAY_LENGTH, Day, day_of
from safety_stream.core.rules.rule import Selector
from safety_stream.core.rules.rule import Test as FieldTest
from safety_stream.core.stages import judge, publish_indicators
from safety_stream.core.stages.publish_indicators import SLICE, shown_count
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.core.stages.stage import MORE_ROW, Output
from safety_stream.core.statistics.short_history import Bayes

JANUARY, FEBRUARY = day_of(at("2026-01-01T00:00")), day_of(at("2026-02-01T00:00"))
MONDAY = day_of(at("2026-01-05T00:00"))
VALUE = IndicatorValue(
    area="E07000117",
    indicator="violence",
    period="month",
    starts=JANUARY,
    ends=FEBRUARY,
    value=23,
    final=True,
    revision=1,
    restates=None,
    as_of=at("2026-02-03T12:00"),
)
WEEK = msgspec.structs.replace(
    VALUE, period="week", starts=MONDAY, ends=MONDAY + 7, as_of=at("2026-01-13T12:00"), value=9
)
JUDGEMENT = Judgement(
    area="E07000117",
    indicator="violence",
    period="week",
    starts=MONDAY,
    ends=MONDAY + 7,
    value=9,
    final=True,
    method="farrington",
    weaker=False,
    together=1,
    counted=9,
    expected=4.5,
    spread=1.0,
    amber_above=8,
    red_above=11,
    low_below=1,
    p=0.01,
    p_low=0.99,
    tests=1,
    discoveries=0,
    signal="amber",
    reasons=(),
    opened=MONDAY,
    red_since=None,
    target=None,
    recent=(),
    past_years=(),
    by="settings",
    revision=1,
    restates=None,
    as_of=at("2026-01-13T13:00"),
)


def value(**changes: Any) -> IndicatorValue:
    return msgspec.structs.replace(VALUE, **changes)


def feeds(day: str, partition: int = 0) -> FeedStatus:
    """The police's feeds have come so far, and it is that day, too."""
    instant = at(day)
    return FeedStatus(as_of=instant, newest={"police-crimes": instant}, partition=partition)


class Shown:
    """A door, and everything it has put out."""

    def __init__(self, catalogue: Catalogue, partitions: int = 1) -> None:
        self._step = publish_indicators.make_step(catalogue, partitions)
        self.rows = MemoryRows()
        self.outputs: list[Output] = []

    def take(self, *values: msgspec.Struct, until_done: bool = True) -> list[Output]:
        outputs = self._step(self.rows, [a_record(one) for one in values], None)
        while until_done and self.rows.get(MORE_ROW) is not None:
            outputs += self._step(self.rows, [], None)
        self.outputs += outputs
        return outputs


def on(profile: str, outputs: Sequence[Output]) -> list[Any]:
    return [output.value for output in outputs if output.topic == f"indicators.{profile}"]


def table(profile: str, outputs: Sequence[Output]) -> dict[str, int | None]:
    """January's, or that of its first whole week."""
    return {one.area: one.value for one in on(profile, outputs) if one.starts in (JANUARY, MONDAY)}


SMALL_AREAS = Areas(
    county="somewhere",
    by_code={
        area.code: area
        for area in (
            Area(
                code="a",
                name="A",
                kind="district",
                parents=(
                    Parent("ABC"),
                    Parent("ALL"),
                ),
            ),
            Area(
                code="b",
                name="B",
                kind="district",
                parents=(
                    Parent("ABC"),
                    Parent("ALL"),
                ),
            ),
            Area(
                code="c",
                name="C",
                kind="district",
                parents=(
                    Parent("ABC"),
                    Parent("ALL"),
                ),
            ),
            Area(code="d", name="D", kind="district", parents=(Parent("ALL"),)),
            Area(code="ABC", name="A, B and C", kind="division"),
            Area(code="ALL", name="All", kind="county"),
            Area(code="OUTSIDE", name="Outside", kind="reserved"),
            Area(code="UNLOCATED", name="Nowhere", kind="reserved"),
        )
    },
    by_lsoa={},
)


@pytest.fixture
def small(catalogue: Catalogue) -> Catalogue:
    """Four districts, one of two groupings within the other, feeds that are complete at once, and one indicator."""
    profiles = tuple(
        msgspec.structs.replace(profile, areas=profile.areas and ("a", "b", "c", "d", "e", "ABC", "ALL"))
        for profile in catalogue.profiles
    )
    sources = {
        source_id: msgspec.structs.replace(source, usual_latency=0) for source_id, source in catalogue.sources.items()
    }
    indicators = tuple(one for one in catalogue.indicators if one.id == "violence")
    return msgspec.structs.replace(
        catalogue, areas=SMALL_AREAS, profiles=profiles, sources=sources, indicators=indicators
    )


def counts(**by_area: int) -> list[IndicatorValue]:
    return [value(area=area, value=count) for area, count in by_area.items()]


def weekly(**by_area: int) -> list[IndicatorValue]:
    return [msgspec.structs.replace(WEEK, area=area, value=count) for area, count in by_area.items()]


# --- Profiles that hide nothing.


def test_the_exact_profile_passes_values_on(catalogue: Catalogue) -> None:
    outputs = Shown(catalogue).take(value(value=3, final=False), value(revision=2, restates=22))

    assert [shown.value for shown in on("internal", outputs)] == [3, 23]
    audits = [output.value for output in outputs if output.topic == "audit.indicators"]
    assert [(a.from_seq, a.to_seq) for a in audits if a.audience == "internal"] == [(1, 2)]


def test_a_value_is_told_again_with_what_is_thought_of_it(catalogue: Catalogue) -> None:
    door = Shown(catalogue)
    door.take(feeds("2026-01-13T12:00"), WEEK)
    door.take(JUDGEMENT)

    first, second = on("internal", door.outputs)
    assert (first.signal, first.expected, first.low, first.high, first.opened) == (None,) * 5
    assert (second.signal, second.expected, second.low, second.high, second.opened) == ("amber", 4.5, 1, 8, MONDAY)
    assert (second.revision, second.restates, second.value) == (2, 9, 9)
    assert second.late == JUDGEMENT.as_of - at("2026-01-12T00:00")
    assert MONDAY < second.complete_to <= day_of(at("2026-01-13T12:00"))


def test_a_judgement_that_comes_first_waits_for_its_value(catalogue: Catalogue) -> None:
    (shown,) = on("internal", Shown(catalogue).take(JUDGEMENT, WEEK))

    assert (shown.signal, shown.revision) == ("amber", 1)


def test_a_judgement_of_a_day_is_shown_to_nobody(catalogue: Catalogue) -> None:
    day = msgspec.structs.replace(JUDGEMENT, period="day", ends=JUDGEMENT.starts + 1)
    door = Shown(catalogue)

    assert door.take(msgspec.structs.replace(WEEK, period="day", ends=WEEK.starts + 1), day)
    assert all(one.signal is None for one in on("internal", door.take(WEEK)))


def test_a_judgement_of_another_value_is_not_told_with_this_one(catalogue: Catalogue) -> None:
    door = Shown(catalogue)
    restated = msgspec.structs.replace(WEEK, value=10, revision=2, restates=9)
    shown = on("internal", door.take(WEEK, JUDGEMENT, restated))
    again = on("internal", door.take(JUDGEMENT))

    assert [(one.value, one.signal) for one in shown] == [(9, None), (9, "amber"), (10, None)]
    assert again == []


def test_what_is_expected_of_several_weeks_is_not_said_of_one(catalogue: Catalogue) -> None:
    together = msgspec.structs.replace(JUDGEMENT, together=4, expected=3.0)
    (shown,) = on("internal", Shown(catalogue).take(together, WEEK))

    assert (shown.signal, shown.expected, shown.low, shown.high) == ("amber", None, None, None)


def test_before_a_period_is_over_nothing_is_late(catalogue: Catalogue) -> None:
    (shown,) = on("internal", Shown(catalogue).take(value(as_of=at("2026-01-20T12:00"), final=False)))

    assert (shown.late, shown.complete_to) == (None, None)


def test_a_profile_shows_the_fields_it_names_and_no_other(catalogue: Catalogue) -> None:
    quiet = tuple(msgspec.structs.replace(profile, shows=()) for profile in catalogue.profiles)
    (shown,) = on("internal", Shown(msgspec.structs.replace(catalogue, profiles=quiet)).take(JUDGEMENT, WEEK))

    assert (shown.signal, shown.expected, shown.late, shown.complete_to) == (None,) * 4


def test_a_value_says_why_it_came_and_a_judgement_of_it_nothing_more(catalogue: Catalogue) -> None:
    door = Shown(catalogue)
    door.take(msgspec.structs.replace(WEEK, causes=("corrected", "late")), JUDGEMENT)

    assert [(one.signal, one.causes) for one in on("internal", door.outputs)] == [
        (None, ("corrected", "late")),
        ("amber", ()),
    ]


def test_causes_of_what_is_held_back_go_out_with_what_is_shown_next(catalogue: Catalogue) -> None:
    kept = Profile(
        id="x", title="", areas=(), periods=("month",), final_only=True, suppress_below=0, round_to=5, shows=("causes",)
    )
    door = Shown(msgspec.structs.replace(catalogue, profiles=(kept,)))
    steps: list[dict[str, Any]] = [
        {"value": 23, "final": False, "causes": ("reported",)},
        {"value": 22, "final": True, "causes": ("completed", "withdrawn")},
        {"value": 21, "final": True, "causes": ("corrected",)},
        {"value": 20, "final": True, "causes": ("withdrawn",)},
        {"value": 24, "final": True, "causes": ("late",)},
        {"value": 19, "final": True, "causes": ()},
    ]
    shown = [[(one.value, one.causes) for one in on("x", door.take(value(**changes)))] for changes in steps]

    assert shown == [
        [],
        [(20, ("completed", "reported", "withdrawn"))],
        [],
        [],
        [(25, ("corrected", "late", "withdrawn"))],
        [(20, ())],
    ]


def test_a_profile_that_does_not_name_causes_is_told_none(catalogue: Catalogue) -> None:
    quiet = tuple(msgspec.structs.replace(profile, shows=()) for profile in catalogue.profiles)
    door = Shown(msgspec.structs.replace(catalogue, profiles=quiet))

    assert [one.causes for one in on("internal", door.take(value(causes=("withdrawn",))))] == [None]


def test_a_profile_that_suppresses_is_told_no_causes_whatever_it_names(small: Catalogue) -> None:
    """What lint refuses is not shown either: that something was withdrawn is said of a single report."""
    profiles = tuple(msgspec.structs.replace(one, shows=(*one.shows, "causes")) for one in small.profiles)
    door = Shown(msgspec.structs.replace(small, profiles=profiles))
    values = [msgspec.structs.replace(one, causes=("withdrawn",)) for one in (*counts(a=20), *weekly(a=20))]
    door.take(*values, feeds("2026-02-20T12:00"))

    assert {one.causes for name in ("public", "partner") for one in on(name, door.outputs)} == {None}


def test_half_rounds_up() -> None:
    profile = Profile(id="x", title="", areas=(), periods=(), final_only=False, suppress_below=0, round_to=10)

    assert shown_count(25, profile) == 30


def test_a_profile_of_final_values_tells_nothing_of_what_they_were_before(catalogue: Catalogue) -> None:
    final_only = Profile(
        id="final", title="", areas=(), periods=("month",), final_only=True, suppress_below=0, round_to=1
    )
    door = Shown(msgspec.structs.replace(catalogue, profiles=(final_only,)))
    outputs = door.take(value(final=False)) + door.take(value(value=24, revision=2, restates=23, final=True))

    assert [(one.value, one.revision, one.restates) for one in on("final", outputs)] == [(24, 1, None)]


@pytest.mark.parametrize(("hiding", "told"), [({}, [3]), ({"suppress_below": 8}, []), ({"round_to": 5}, [])])
def test_what_is_counted_within_a_district_goes_to_profiles_that_show_everything_alone(
    catalogue: Catalogue, hiding: dict[str, int], told: list[int]
) -> None:
    every = Profile(id="x", title="", areas=(), periods=("month",), final_only=False, suppress_below=0, round_to=1)
    catalogue = msgspec.structs.replace(catalogue, profiles=(msgspec.structs.replace(every, **hiding),))
    outputs = Shown(catalogue).take(value(area="lsoa:E01012571", value=3), feeds("2026-02-20T12:00"))

    assert [one.value for one in on("x", outputs) if one.area.startswith("lsoa:")] == told


# --- Profiles that hide small counts.


@pytest.mark.parametrize("changes", [{"adds": "weight"}, {"rule": "rv-graded"}])
def test_what_is_no_count_of_incidents_is_shown_in_no_table(small: Catalogue, changes: dict[str, str]) -> None:
    indicators = tuple(msgspec.structs.replace(one, **changes) for one in small.indicators)
    door = Shown(msgspec.structs.replace(small, indicators=indicators))

    assert on("public", door.take(*counts(a=20), feeds("2026-02-20T12:00"))) == []


def test_a_table_goes_out_whole_once_all_partitions_say_that_it_is_final(small: Catalogue) -> None:
    door = Shown(small, partitions=2)
    before = door.take(*counts(a=20, b=30), feeds("2026-02-20T12:00"))
    (first, *_) = after = on("public", door.take(feeds("2026-02-20T12:00", partition=1)))

    assert on("public", before) == []
    assert {one.area: one.value for one in after} == {"a": 20, "b": 30, "c": 0, "d": 0, "ABC": 50, "ALL": 50}
    assert {(one.as_of, one.final, one.revision) for one in after} == {(at("2026-02-20T12:00"), True, 1)}
    assert (first.complete_to, first.late, first.signal) == (None, None, None)


@pytest.mark.parametrize(("exact", "shown"), [(0, 0), (1, None), (7, None), (8, 10), (12, 10), (13, 15), (22, 20)])
def test_the_public_sees_no_small_count_and_others_to_the_nearest_five(
    small: Catalogue, exact: int, shown: int | None
) -> None:
    outputs = Shown(small).take(*counts(a=exact, b=100, c=200, d=200), feeds("2026-02-20T12:00"))

    assert table("public", outputs)["a"] == shown


@pytest.mark.parametrize("others", [{"b": 100, "c": 20, "d": 19}, {"b": 20, "c": 100, "d": 400}])
def test_a_small_count_takes_with_it_what_lies_beside_it_however_large_that_is(
    small: Catalogue, others: dict[str, int]
) -> None:
    outputs = Shown(small).take(*counts(a=3, **others), feeds("2026-02-20T12:00"))
    shown = table("public", outputs)

    assert {area for area, value in shown.items() if value is None} == {"a", "b"}
    assert shown["ABC"] == 125


def test_a_period_without_a_value_is_shown_with_noughts(small: Catalogue) -> None:
    outputs = Shown(small).take(*counts(a=20), feeds("2026-04-20T12:00"))
    by_month = {(one.starts, one.value) for one in on("public", outputs) if one.area == "a"}

    assert by_month == {(JANUARY, 20), (FEBRUARY, 0)} | {(FEBRUARY + 28, 0)}


def test_the_first_table_is_that_of_the_first_period_all_feeds_cover(small: Catalogue) -> None:
    """From 2 January on: January's table would be of a month less a day, and the week's from the 5th on is whole."""
    outputs = Shown(covering(small, JANUARY + 1)).take(*counts(a=20), *weekly(a=20), feeds("2026-03-20T12:00"))

    assert {one.starts for one in on("public", outputs)} == {FEBRUARY}
    assert min(one.starts for one in on("partner", outputs)) == MONDAY


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=st.integers(0, 3), place=st.integers(0, 5), taken_back=st.booleans())
def test_a_mistaken_date_leaves_nothing_behind(small: Catalogue, number: int, place: int, taken_back: bool) -> None:
    """Whatever comes when, of a month no feed covers, corrected or not, profiles that hide see what they saw before."""
    told = [*counts(a=20, b=30, c=9), feeds("2026-02-20T12:00"), *counts(a=3), feeds("2026-02-21T12:00")]
    long_ago = [
        value(
            area="abcd"[number], starts=day_of(at("1985-06-01T00:00")), ends=day_of(at("1985-07-01T00:00")), value=count
        )
        for count in ([1, 0] if taken_back else [1])
    ]

    def seen(values: Sequence[msgspec.Struct]) -> list[Any]:
        outputs = Shown(small).take(*values)
        return [*on("public", outputs), *on("partner", outputs)]

    assert seen([*told[:place], *long_ago, *told[place:]]) == seen(told) != []


def test_a_feed_that_covers_more_shows_more(small: Catalogue) -> None:
    door = Shown(covering(small, FEBRUARY))
    before = door.take(*counts(a=20), feeds("2026-02-20T12:00"))
    more = Shown(small)
    more.rows = door.rows

    assert on("public", before) == []
    assert table("public", more.take(feeds("2026-02-21T12:00")))["a"] == 20


def test_a_restatement_waits_for_another_day_and_only_what_changed_goes_out(small: Catalogue) -> None:
    door = Shown(small)
    door.take(*counts(a=20, b=30), feeds("2026-02-20T12:00"))
    at_once = door.take(*counts(a=33), feeds("2026-02-20T13:00"))
    next_day = on("public", door.take(feeds("2026-02-21T12:00")))

    assert on("public", at_once) == []
    assert [(one.area, one.value, one.restates, one.revision) for one in next_day] == [
        ("a", 35, 20, 2),
        ("ABC", 65, 50, 2),
        ("ALL", 65, 50, 2),
    ]


def test_a_restatement_that_rounds_to_the_same_number_is_not_told(small: Catalogue) -> None:
    door = Shown(small)
    door.take(*counts(a=20, b=30), feeds("2026-02-20T12:00"))

    assert on("public", door.take(*counts(a=21), feeds("2026-02-21T12:00"))) == []


def test_a_table_stands_while_it_would_hide_more_and_what_was_hidden_stays(small: Catalogue) -> None:
    door = Shown(small)
    first = table("public", door.take(*counts(a=3, b=30, c=40, d=50), feeds("2026-02-20T12:00")))
    small_now = table("public", door.take(*counts(c=4), feeds("2026-02-21T12:00")))
    large_again = table("public", door.take(*counts(a=90, c=60), feeds("2026-02-22T12:00")))

    assert first == {"a": None, "b": None, "c": 40, "d": 50, "ABC": 75, "ALL": 125}
    assert small_now == {}
    assert large_again == {"c": 60, "ABC": 180, "ALL": 230}


def test_a_table_stands_where_all_that_is_hidden_would_be_known_to_be_nought(small: Catalogue) -> None:
    door = Shown(small)
    door.take(*counts(a=3, b=30, c=40, d=50), feeds("2026-02-20T12:00"))

    assert table("public", door.take(*counts(a=0, b=0), feeds("2026-02-21T12:00"))) == {}
    assert table("public", door.take(*counts(b=20), feeds("2026-02-22T12:00"))) == {"ABC": 60, "ALL": 110}


def judged_and_shown(small: Catalogue, hidden: int) -> Shown:
    """Eleven weeks of A without an incident but in the eighth, when it has five with B, and what is thought of them."""
    assert small.signals is not None
    # Four weeks are history enough here; they let expect little, so amber is more probable.
    expecting = msgspec.structs.replace(small.signals.expecting, short=Bayes(b=0, w=4, this_year=True))
    levels = msgspec.structs.replace(small.signals.levels, amber=0.3)
    signals = msgspec.structs.replace(
        small.signals, indicators=("violence",), areas=("a", "b", "c", "d"), expecting=expecting, levels=levels
    )
    known = msgspec.structs.replace(small, signals=signals)
    weeks = range(MONDAY, MONDAY + 11 * 7, 7)
    eighth = {"a": hidden, "b": 5 - hidden}
    values = [
        msgspec.structs.replace(WEEK, area=area, starts=week, ends=week + 7, value=count)
        for week in weeks
        for area, count in ({"a": 0, "b": 9, "c": 20, "d": 30} | (eighth if week == weeks[7] else {})).items()
    ]
    far = [feeds("2026-03-25T12:00"), feeds("2026-03-26T12:00")]
    step, rows = judge.make_step(known, 1), MemoryRows()
    outputs = step(rows, [a_record(one) for one in (*values, far[0])], None)
    while rows.get(MORE_ROW) is not None:
        outputs += step(rows, [], None)
    door = Shown(known)
    door.take(*values, far[0])
    door.take(*(one.value for one in outputs if isinstance(one.value, Judgement)), far[1])
    return door


def test_what_is_shown_is_the_same_whatever_a_hidden_count_is(small: Catalogue) -> None:
    """The weeks of A are rare, and judged four together: the signals of the noughts after the eighth would tell it."""
    doors = [judged_and_shown(small, hidden) for hidden in (1, 2, 3, 4)]
    thought_of_noughts = {
        tuple(one.signal for one in on("internal", door.outputs) if one.area == "a" and one.starts > MONDAY + 7 * 7)
        for door in doors
    }

    assert len(thought_of_noughts) > 1
    assert {str(on("partner", door.outputs)) for door in doors} == {str(on("partner", doors[0].outputs))}
    assert [one.value for one in on("partner", doors[0].outputs) if one.area == "a"] == [0] * 7 + [None] + [0] * 3


def test_no_table_is_shown_of_a_period_in_which_areas_change(small: Catalogue) -> None:
    new = Area(code="e", name="E", kind="district", parents=(Parent("ALL"),), valid_from=JANUARY + 10)
    areas = msgspec.structs.replace(SMALL_AREAS, by_code=SMALL_AREAS.by_code | {"e": new})
    outputs = Shown(msgspec.structs.replace(small, areas=areas)).take(*counts(a=20), feeds("2026-04-20T12:00"))

    assert {one.starts for one in on("public", outputs)} == {FEBRUARY, FEBRUARY + 28}


def test_many_tables_are_shown_some_at_a_time(small: Catalogue) -> None:
    weeks = [msgspec.structs.replace(WEEK, area="a", starts=MONDAY - 7 * n, ends=MONDAY - 7 * n + 7) for n in range(80)]
    door = Shown(covering(small, MONDAY - 7 * 79))
    first = door.take(*weeks, feeds("2026-01-30T12:00"), until_done=False)

    assert len(starts("partner", first)) == SLICE
    assert len(starts("partner", first + door.take())) >= len(weeks)


def test_a_profile_that_comes_later_is_shown_what_was_counted_before(small: Catalogue) -> None:
    door = Shown(msgspec.structs.replace(small, profiles=()))
    door.take(*counts(a=20), feeds("2026-02-20T12:00"))
    later = Shown(small)
    later.rows = door.rows

    assert table("public", later.take(feeds("2026-02-21T12:00")))["a"] == 20


# --- A catalogue that comes to show otherwise what was shown already.


def begun_after(door: Shown, catalogue: Catalogue) -> Shown:
    """The same door, by another catalogue."""
    other = Shown(catalogue)
    other.rows = door.rows
    return other


def with_profile(catalogue: Catalogue, profile: str, **changes: Any) -> Catalogue:
    profiles = tuple(
        msgspec.structs.replace(one, **changes) if one.id == profile else one for one in catalogue.profiles
    )
    return msgspec.structs.replace(catalogue, profiles=profiles)


def starts(profile: str, outputs: Sequence[Output]) -> set[Day]:
    return {one.starts for one in on(profile, outputs)}


MARCH = day_of(at("2026-03-01T00:00"))


def test_months_begin_after_the_weeks_a_profile_has_been_shown(small: Catalogue) -> None:
    """
    weeks    ... to 16 February
    months   January and February would bound them; March is the first without a day of theirs
    """
    door = Shown(small)
    weeks = door.take(*weekly(a=20), *counts(a=20), feeds("2026-02-20T12:00"))
    monthly = begun_after(door, with_profile(small, "partner", periods=("month",)))

    assert max(starts("partner", weeks)) + 7 == day_of(at("2026-02-16T00:00"))
    assert starts("partner", monthly.take(feeds("2026-04-20T12:00"))) == {MARCH}
    assert starts("public", monthly.outputs) == {FEBRUARY, MARCH}


def test_weeks_that_come_back_leave_out_the_months_shown_meanwhile(small: Catalogue) -> None:
    door = Shown(small)
    door.take(feeds("2026-02-20T12:00"))
    monthly = begun_after(door, with_profile(small, "partner", periods=("month",)))
    monthly.take(feeds("2026-04-20T12:00"))
    weekly_again = begun_after(monthly, small)
    outputs = weekly_again.take(*weekly(a=7), feeds("2026-05-20T12:00"))

    assert min(starts("partner", outputs)) == day_of(at("2026-04-06T00:00"))


def test_another_count_of_the_same_reports_begins_after_what_was_shown(small: Catalogue) -> None:
    (violence,) = small.indicators
    wider = msgspec.structs.replace(violence, id="harm")
    apart = msgspec.structs.replace(violence, id="fires", select=Selector(tests=(FieldTest("kind", frozenset("x")),)))
    door = Shown(small)
    door.take(*counts(a=20), feeds("2026-02-20T12:00"))
    named = msgspec.structs.replace(small, indicators=(violence, wider, apart))
    outputs = begun_after(door, with_profile(named, "public", indicators=("harm", "fires"))).take(
        feeds("2026-03-20T12:00")
    )

    assert {(one.indicator, one.starts) for one in on("public", outputs)} == {
        ("harm", FEBRUARY),
        ("fires", JANUARY),
        ("fires", FEBRUARY),
    }


def test_a_count_of_other_reports_by_the_same_name_leaves_what_was_shown_as_it_stands(small: Catalogue) -> None:
    """Also February does: the partners were shown weeks of it, which may hold what is counted now."""
    (violence,) = small.indicators
    narrower = msgspec.structs.replace(violence, select=Selector(tests=(FieldTest("flag", frozenset("x")),)))
    door = Shown(small)
    door.take(*counts(a=20), feeds("2026-02-20T12:00"))
    later = begun_after(door, msgspec.structs.replace(small, indicators=(narrower,)))
    later.take(*counts(a=18), feeds("2026-04-20T12:00"))
    later.take(*counts(a=19), feeds("2026-04-21T12:00"))

    assert starts("public", later.outputs) == {MARCH}


def test_a_profile_by_another_name_begins_after_what_was_shown_by_the_old_one(small: Catalogue) -> None:
    door = Shown(small)
    door.take(*counts(a=20), feeds("2026-02-20T12:00"))
    renamed = begun_after(door, with_profile(small, "public", id="everybody"))

    assert starts("everybody", renamed.take(feeds("2026-03-20T12:00"))) == {FEBRUARY}


def test_a_feed_that_covers_more_shows_no_days_another_kind_of_period_has_shown(small: Catalogue) -> None:
    door = Shown(small)
    door.take(feeds("2026-02-20T12:00"))
    monthly = with_profile(small, "partner", periods=("month",))
    begun_after(door, monthly).take(feeds("2026-04-20T12:00"))

    outputs = begun_after(door, covering(monthly, JANUARY - 31)).take(feeds("2026-04-21T12:00"))

    assert starts("partner", outputs) == set()
    assert starts("public", outputs) == {JANUARY - 31}


def test_what_went_out_before_a_ledger_was_kept_counts_too(small: Catalogue) -> None:
    door = Shown(small)
    door.take(*counts(a=20), feeds("2026-02-20T12:00"))
    door.rows.delete(b"ledger")
    renamed = begun_after(door, with_profile(small, "public", id="everybody"))

    assert starts("everybody", renamed.take(feeds("2026-03-20T12:00"))) == {FEBRUARY}


def test_lateness_is_that_of_the_whole_table(small: Catalogue) -> None:
    outputs = Shown(small).take(*weekly(a=20), feeds("2026-01-30T12:00"))

    assert {one.late for one in on("partner", outputs) if one.starts == MONDAY} == {18 * DAY_LENGTH + DAY_LENGTH // 2}
