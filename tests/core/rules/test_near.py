"""Not far from, and not long after: on one timeline to the metre and the millisecond, then over cells of the map."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.rules.making import (
    SHIPPED,
    a_rule,
    a_sighting,
    an_override,
    at,
    days,
    facts_of,
    finds,
    months,
    of_kind,
    on,
    standing,
    times_of,
    with_flag,
)
from tests.core.stages.making import a_version

from safety_stream.core.model.findings import Excluded, Finding
from safety_stream.core.model.incidents import IncidentVersion, Place
from safety_stream.core.model.sightings import Sighting, SightingChange
from safety_stream.core.model.times import DAY_LENGTH, HOUR, MINUTE, Duration, Instant
from safety_stream.core.register import Scope, claim_of
from safety_stream.core.rules.registry import condition_type
from safety_stream.core.rules.rule import Near, Rule, Selector
from safety_stream.core.rules.rule import Test as FieldTest
from safety_stream.core.stages import detect
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.core.stages.stage import Record

START = at("2026-01-05T10:00")
WEEK = a_rule(Near(of="harm", metres=100, within=days(7)))


def place(east: int, north: int = 0) -> Place:
    """An exact point, so many metres from where everything begins: in the middle of a cell."""
    return Place(easting=384_250 + east, northing=432_250 + north, exact=True)


def there(later: int, east: int = 0, north: int = 0, **changes: object) -> Sighting:
    """Something in the cell itself, so many milliseconds and metres from the beginning."""
    return a_sighting(START + later, **({"place": place(east, north), "roles": ("here",)} | changes))


# --- on one timeline ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("east", "north"), [(0, 0), (100, 0), (0, -100), (60, 80), (-80, 60)])
def test_up_to_the_last_metre_it_is_near(east: int, north: int):
    assert times_of(finds(WEEK, there(0), there(HOUR, east, north))) == [START + HOUR]


@pytest.mark.parametrize(("east", "north"), [(101, 0), (0, -101), (61, 80), (100, 1), (71, 71)])
def test_a_metre_further_it_is_not(east: int, north: int):
    assert finds(WEEK, there(0), there(HOUR, east, north)) == []


@pytest.mark.parametrize(
    ("within", "first", "edge"),
    [
        (days(7), "2026-01-05T10:00", "2026-01-12T10:00"),
        # Over the night the clocks go forward days are exact 24 hours, and months keep the hour on the wall.
        (days(7), "2026-03-25T10:00", "2026-04-01T11:00"),
        (months(1), "2026-03-10T10:00", "2026-04-10T10:00"),
        # The window of 31 March begins on 28 February.
        (months(1), "2026-02-28T10:00", "2026-03-31T10:00"),
    ],
)
def test_both_ends_belong_to_the_window_to_the_millisecond(within: Duration, first: str, edge: str):
    rule = a_rule(Near(of="harm", metres=100, within=within))
    begins, ends = at(first) - START, at(edge) - START
    assert len(finds(rule, there(begins), there(ends))) == 1
    assert finds(rule, there(begins), there(ends + 1)) == []
    assert finds(rule, there(begins - 1), there(ends)) == []


def test_at_one_instant_neither_was_before_the_other():
    assert finds(WEEK, there(0, incident_id="a"), there(0, incident_id="b")) == []
    assert len(finds(WEEK, there(0), there(1))) == 1


@pytest.mark.parametrize(
    "nowhere",
    [
        Place(),
        Place(uprn="900000000001", exact=True),
        msgspec.structs.replace(place(0), exact=False),
        Place(easting=384_250, exact=True),
        Place(northing=432_250, exact=True),
    ],
    ids=["no place", "an address without a point", "a snapped or coarse point", "half a point", "the other half"],
)
def test_what_is_nowhere_completes_nothing_and_counts_for_nothing(nowhere: Place):
    lost = {"place": nowhere}
    assert finds(WEEK, there(0, **lost), there(HOUR)) == []
    assert finds(WEEK, there(0), there(HOUR, **lost)) == []
    assert finds(WEEK, there(0, **lost), there(HOUR, **lost)) == []


def test_only_what_lies_in_the_cell_completes_but_what_is_nearby_counts():
    nearby = {"roles": ("nearby",)}
    week = on("cell", WEEK)
    assert finds(week, there(0), there(HOUR, **nearby), key="cell:1.1.1") == []
    assert times_of(finds(week, there(0, **nearby), there(HOUR), key="cell:1.1.1")) == [START + HOUR]


def test_each_is_held_against_those_before_it_and_not_against_their_neighbours():
    found = finds(WEEK, there(0), there(HOUR, 90), there(2 * HOUR, 180), there(3 * HOUR, 500))
    assert times_of(found) == [START + HOUR, START + 2 * HOUR]
    assert [len(finding.evidence) for finding in found] == [2, 2]


def test_the_evidence_is_those_near_it_in_order_and_the_facts_are_of_the_latest_and_the_nearest():
    reports = [there(0, 0, 50), there(HOUR, 3, 3), there(2 * HOUR, 0, 101), there(3 * DAY_LENGTH - 1, 40)]
    (*_, found) = finds(WEEK, *reports, there(4 * DAY_LENGTH))
    assert [item.occurred_at - START for item in found.evidence] == [0, HOUR, 3 * DAY_LENGTH - 1, 4 * DAY_LENGTH]
    # The root of eighteen is four and a bit.
    assert facts_of(found) == {"count": "4", "days_since": "1", "nearest_m": "4"}


def test_the_earlier_one_may_have_to_be_of_another_step():
    rule = a_rule(
        Near(of="crime", after="complaint", metres=100, within=days(7)),
        {"crime": of_kind("police-crime"), "complaint": of_kind("asb-case")},
    )
    complaint = {"kind": "asb-case"}
    assert finds(rule, there(0), there(HOUR)) == []
    assert finds(rule, there(0), there(HOUR, **complaint)) == []
    assert times_of(finds(rule, there(0, **complaint), there(HOUR), there(2 * HOUR))) == [
        START + HOUR,
        START + 2 * HOUR,
    ]


def test_several_may_have_to_come_before_it():
    rule = a_rule(Near(of="harm", metres=100, within=days(7), at_least=2))
    found = finds(rule, there(0), there(HOUR), there(2 * HOUR, 101), there(3 * HOUR))
    assert [(finding.completed_at, facts_of(finding)["count"]) for finding in found] == [(START + 3 * HOUR, "3")]


def told_by(*points: tuple[str, str, int], later: int = DAY_LENGTH, **changes: object) -> list[Sighting]:
    """Reports of one occurrence at one address, by organisations, of kinds and so many metres away, a minute apart."""
    where = [msgspec.structs.replace(place(east), uprn="900000000001") for _, _, east in points]
    return [
        there(later + number * MINUTE, organisation=organisation, kind=kind, place=where[number], **changes)
        for number, (organisation, kind, _) in enumerate(points)
    ]


@pytest.mark.parametrize("first", [-10_000, 101, 190, 10_000])
def test_one_more_report_of_the_same_takes_an_occurrence_away_from_nowhere(first: int):
    one, other = ("ambulance", "police-crime", first), ("police", "police-crime", 100)
    (alone,) = finds(WEEK, there(0), *told_by(other))
    # Told earlier by another, who says it was further off; told later; and of the one before it.
    for told in ((one, other), (other, one)):
        (found,) = finds(WEEK, there(0), *told_by(*told))
        assert facts_of(found) == facts_of(alone) == {"count": "2", "days_since": "1", "nearest_m": "100"}
        assert len(finds(WEEK, *told_by(*told, later=-DAY_LENGTH), there(0))) == 1
    # Any of the one to any of the other.
    (found,) = finds(WEEK, *told_by(one, other, later=-DAY_LENGTH), *told_by(("ambulance", "police-crime", 40_000),
                     ("police", "police-crime", 190)))  # fmt: skip
    assert facts_of(found)["nearest_m"] == ("0" if first == 190 else "89" if first == 101 else "90")


def test_where_a_report_of_no_step_says_it_was_brings_nothing_near():
    rule = a_rule(WEEK.limbs[0].condition, {"harm": of_kind("police-crime")})
    assert finds(rule, there(0), *told_by(("ambulance", "ambulance-call", 0), ("police", "police-crime", 101))) == []


def test_what_closes_is_near_by_any_report_as_what_counts_is():
    rule = a_rule(
        Near(of="harm", metres=100, within=days(7), until="visit"),
        {"harm": of_kind("police-crime"), "visit": of_kind("asb-case")},
    )

    def visited(*points: int) -> list[Finding]:
        visit = told_by(*((f"o{number}", "asb-case", east) for number, east in enumerate(points)))
        return finds(rule, there(0), *visit, there(2 * DAY_LENGTH))

    assert (len(visited(300, 101)), visited(300, 100), visited(100, 300)) == (1, [], [])


def test_a_chain_goes_on_from_any_report_of_what_was_near():
    middle = told_by(("ambulance", "police-crime", 90), ("police", "police-crime", 190))
    first, last = there(0, 280), there(2 * DAY_LENGTH)
    assert [len(found.evidence) for found in finds(CHAIN, first, *middle, last)] == [2, 3]
    assert [len(found.evidence) for found in finds(CHAIN, first, middle[0], last)] == [2]


def test_where_an_occurrence_is_says_every_report_that_matches_and_has_a_point():
    """Three reports of one occurrence: of the address alone, of another kind, and the one that counts."""
    rule = a_rule(Near(of="harm", metres=100, within=days(7)), {"harm": of_kind("police-crime", "housing-concern")})
    address = {"uprn": "900000000001"}

    def told(*points: tuple[str, str, Place]) -> list[Sighting]:
        return [
            there(2 * HOUR + number, incident_id=f"e{number}", organisation=organisation, kind=kind, place=where)
            for number, (organisation, kind, where) in enumerate(points)
        ]

    lost, near, far = (
        Place(**address, exact=True),
        msgspec.structs.replace(place(100), **address),
        msgspec.structs.replace(place(101), **address),
    )
    first, counts = ("a", "police-crime"), ("c", "housing-concern")
    found = finds(rule, there(0), *told((*first, lost), ("b", "asb-case", far), (*counts, near)))
    assert [item.reports for finding in found for item in finding.evidence][1:] == [("e0", "e1", "e2")]
    assert finds(rule, there(0), *told((*first, lost), ("b", "asb-case", near), (*counts, far))) == []
    # Whether it lies in the cell says the first of them.
    elsewhere = [msgspec.structs.replace(one, roles=("nearby",)) for one in told((*first, near), (*counts, near))]
    here = [msgspec.structs.replace(elsewhere[0], roles=("here",)), elsewhere[1]]
    in_cell = [finds(on("cell", rule), there(0), *seen, key="cell:1.1.1") for seen in (here, elsewhere)]
    assert (len(in_cell[0]), in_cell[1]) == (1, [])


def test_an_area_may_ask_for_more_or_for_less_time():
    more = an_override("E07000122", at_least=2, within=days(1))
    rule = msgspec.structs.replace(WEEK, overrides=(more,))
    elsewhere = {"area": "E07000122"}
    assert len(finds(rule, there(0), there(HOUR))) == 1
    # The area of the one that completes decides.
    assert len(finds(rule, there(0, **elsewhere), there(HOUR))) == 1
    assert finds(rule, there(0), there(HOUR, **elsewhere)) == []
    assert len(finds(rule, there(0), there(HOUR), there(DAY_LENGTH, **elsewhere))) == 2
    assert len(finds(rule, there(0), there(HOUR), there(DAY_LENGTH + 1, **elsewhere))) == 1


def test_what_nearly_counted_is_named_if_it_was_near_and_before():
    reported = Selector(tests=(FieldTest("origin", frozenset({"reported"})),))
    rule = a_rule(WEEK.limbs[0].condition, {"harm": reported})
    found_out = {"origin": "discovered"}
    nearly = [
        there(1, 100, incident_id="near", **found_out),
        there(2, 101, incident_id="far", **found_out),
        there(3, incident_id="lost", place=Place(), **found_out),
        there(HOUR, incident_id="same-instant", **found_out),
    ]
    (found,) = finds(rule, there(0), there(HOUR), *nearly)
    assert found.excluded == (Excluded("near", "discovered"),)


def test_it_says_in_words_when_it_is_met():
    both = Near(of="crime", after="complaint", metres=1_000, within=days(7), at_least=2)
    assert [condition_type(one).words for one in (WEEK.limbs[0].condition, both)] == [
        "“harm” happens within 7 days after, and at most 100 metres from, one of “harm”",
        "“crime” happens within 7 days after, and at most 1,000 metres from, 2 or more of “complaint”",
    ]


CHAIN = a_rule(Near(of="harm", metres=100, within=days(7), chain=2))


def test_a_chain_goes_on_from_what_was_near_and_no_further_than_its_links():
    road = [there(number * 6 * DAY_LENGTH, 90 * number) for number in range(4)]
    found = finds(CHAIN, *road)
    assert [len(finding.evidence) for finding in found] == [2, 3, 3]
    # What is told of the latest and the nearest is of what was near to the last itself.
    assert facts_of(found[1]) == {"count": "3", "days_since": "6", "nearest_m": "90"}
    assert [len(finding.evidence) for finding in finds(WEEK, *road)] == [2, 2, 2]


@pytest.mark.parametrize(
    ("first", "is_in_it"),
    [
        (there(0, 200), True),
        (there(0, 201), False),
        (there(-1, 200), False),
        # Near to the last, and too long before it: it is in the chain by way of what lies between them.
        (there(0, 100), True),
        (there(0, 0), True),
        (there(0, -1), False),
    ],
)
def test_each_link_of_a_chain_is_of_one_pair_to_the_metre_and_the_instant(first: Sighting, *, is_in_it: bool):
    second, last = there(7 * DAY_LENGTH, 100), there(14 * DAY_LENGTH, 0)
    (*_, found) = finds(CHAIN, first, second, last)
    assert len(found.evidence) == (3 if is_in_it else 2)


def test_what_closes_a_chain_is_near_to_what_completed_it():
    closed = a_rule(
        Near(of="harm", metres=100, within=days(7), chain=2, until="visit"),
        {"harm": of_kind("police-crime"), "visit": of_kind("asb-case")},
    )
    road = [there(number * 6 * DAY_LENGTH, 90 * number) for number in range(3)]
    seen, far = there(3 * DAY_LENGTH, 180, kind="asb-case"), there(3 * DAY_LENGTH, 20, kind="asb-case")
    assert len(finds(closed, *road, seen)[-1].evidence) == 2
    assert len(finds(closed, *road, far)[-1].evidence) == 3


def test_what_nearly_counted_in_a_chain_would_have_been_near_to_a_link_of_it():
    found_out = {"origin": "discovered"}
    rule = a_rule(CHAIN.limbs[0].condition, {"harm": Selector(tests=(FieldTest("origin", frozenset({"reported"})),))})
    nearly = [
        there(HOUR, -190, incident_id="far", **found_out),
        there(HOUR, 190, incident_id="near", **found_out),
        there(-6 * DAY_LENGTH - 1, 90, incident_id="early", **found_out),
        # Near to the first alone and after it; near to the last alone and too long before it.
        there(DAY_LENGTH, 190, incident_id="after-its-link", **found_out),
        there(DAY_LENGTH - 1, -100, incident_id="before-its-link", **found_out),
    ]
    (*_, found) = finds(rule, there(DAY_LENGTH, 90), there(8 * DAY_LENGTH), *nearly)
    assert found.excluded == (Excluded("near", "discovered"),)


def test_what_nearly_closed_a_chain_would_have_been_near_to_what_completed_it():
    reported = FieldTest("origin", frozenset({"reported"}))
    rule = a_rule(
        Near(of="harm", metres=100, within=days(7), chain=2, until="visit"),
        {
            "harm": of_kind("police-crime"),
            "visit": Selector(tests=(*of_kind("asb-case").tests, reported)),
        },
    )
    found_out = {"kind": "asb-case", "origin": "discovered"}
    visits = [
        there(0, 100, incident_id="near", **found_out),
        there(3 * DAY_LENGTH, 101, incident_id="near-to-the-first", **found_out),
        there(8 * DAY_LENGTH, incident_id="same-instant", **found_out),
        there(-6 * DAY_LENGTH - 1, incident_id="early", **found_out),
    ]
    (*_, found) = finds(rule, there(DAY_LENGTH, 90), there(8 * DAY_LENGTH), *visits)
    assert found.excluded == (Excluded("near", "discovered"),)


def test_a_chain_is_said_in_words():
    assert condition_type(CHAIN.limbs[0].condition).words == (
        "“harm” happens within 7 days after, and at most 100 metres from, one of “harm”, "
        "or as near to, and as soon before, one of those, 2 links at most"
    )


# --- over cells -----------------------------------------------------------------------------------------------

STRETCH = SHIPPED.bounds.cell_days * DAY_LENGTH
CORNER = (384_000, 432_000)
"""Where four cells meet: their lowest metres are these."""

EDGE = 223 * STRETCH
"""The first instant of a stretch."""


FAR = on("cell", a_rule(Near(of="harm", metres=500, within=Duration(millis=STRETCH))))
"""As far, and as long, as a rule may look."""


def told(ref: str, when: Instant, where: tuple[int, int], **changes: object) -> IncidentVersion:
    """A report of something at a time and a point, told at once."""
    point = Place(easting=where[0], northing=where[1], exact=True)
    said = {"occurred_from": when, "occurred_to": when, "reported_at": when, "received_at": when, "place": point}
    return a_version(incident_id=ref, **(said | changes))


def moved(point: tuple[int, int], east: int, north: int) -> tuple[int, int]:
    return point[0] + east, point[1] + north


@pytest.mark.parametrize("east", [-500, -499, -1, 0, 1, 499, 500])
@pytest.mark.parametrize("point", [CORNER, (384_499, 432_499), (-1, -1), (0, 0)])
def test_nothing_is_missed_or_found_twice_across_the_edges_of_cells(point: tuple[int, int], east: int):
    for way in ((east, 0), (0, east)):
        assert len(standing(FAR, told("a", START, point), told("b", START + HOUR, moved(point, *way)))) == 1
    assert len(standing(FAR, told("a", START, point), told("b", START + HOUR, moved(point, 300, -400)))) == 1
    assert standing(FAR, told("a", START, point), told("b", START + HOUR, moved(point, 300, -401))) == []


@pytest.mark.parametrize("later", [1, HOUR, STRETCH - 1, STRETCH])
@pytest.mark.parametrize("begins", [EDGE - 1, EDGE, EDGE - STRETCH, EDGE - HOUR])
def test_nothing_is_missed_or_found_twice_across_the_edges_of_stretches_of_time(begins: Instant, later: int):
    assert len(standing(FAR, told("a", begins, CORNER), told("b", begins + later, CORNER))) == 1
    assert standing(FAR, told("a", begins, CORNER), told("b", begins + STRETCH + 1, CORNER)) == []


def test_times_before_the_epoch_and_points_below_nought_lie_in_cells_as_well():
    assert len(standing(FAR, told("a", -1, (-1, 0)), told("b", 0, (0, -1)))) == 1


def test_it_is_told_by_the_cell_and_the_stretch_it_lies_in():
    (found,) = standing(FAR, told("a", EDGE - 1, (383_999, 431_999)), told("b", EDGE, CORNER))
    assert found.key == "cell:768.864.223"


def test_the_border_of_a_district_is_none():
    first, second = told("a", START, CORNER, area="E07000123"), told("b", START + HOUR, CORNER, area="E07000126")
    (found,) = standing(FAR, first, second)
    assert (found.area, found.areas) == ("E07000126", ("E07000123", "E07000126"))


@pytest.mark.parametrize("away", [(501, 0), (0, 5_000), (400, 301)])
def test_a_corrected_position_takes_the_finding_away_and_brings_it_back(away: tuple[int, int]):
    first, second = told("a", START, CORNER), told("b", START + HOUR, CORNER)
    elsewhere = told("a", START, moved(CORNER, *away), source_version=2, action="correct")
    back = told("a", START, moved(CORNER, 499, 0), source_version=3, action="correct")
    assert standing(FAR, first, second, elsewhere) == []
    assert len(standing(FAR, first, second, elsewhere, back)) == 1
    # Both are corrected to the same place elsewhere: it is told there.
    there_too = told("b", START + HOUR, moved(CORNER, *away), source_version=2, action="correct")
    (found,) = standing(FAR, first, second, elsewhere, there_too)
    east, north = moved(CORNER, *away)
    assert found.key == f"cell:{east // 500}.{north // 500}.222"


def test_a_corrected_time_moves_it_to_another_stretch():
    first, second = told("a", EDGE - HOUR, CORNER), told("b", EDGE - 1, CORNER)
    (before,) = standing(FAR, first, second)
    (after,) = standing(FAR, first, second, told("b", EDGE, CORNER, source_version=2, action="correct"))
    assert (before.key, after.key) == ("cell:768.864.222", "cell:768.864.223")


def test_a_withdrawn_report_is_near_nothing():
    gone = told("a", START, CORNER, source_version=2, action="withdraw")
    assert standing(FAR, told("a", START, CORNER), told("b", START + HOUR, CORNER), gone) == []


def test_only_what_may_concern_a_rule_on_cells_is_put_there():
    picky = Selector(
        tests=(*of_kind("police-crime").tests, FieldTest("origin", frozenset({"reported"})),
               FieldTest("role", frozenset({"here"}))),
        none_of=with_flag("weapon").tests,
        reported_within=months(1),
    )  # fmt: skip
    rule = on("cell", a_rule(WEEK.limbs[0].condition, {"harm": picky}))
    scope = Scope(msgspec.structs.replace(SHIPPED, rules=(rule,)))

    def cells(**changes: object) -> int:
        return len(claim_of(told("a", START, CORNER, **changes), scope).keys)

    assert (cells(), cells(kind="asb-case"), cells(flags=("weapon",))) == (18, 0, 0)
    # What a finding must name as nearly counted, it must have seen.
    assert (cells(origin="discovered"), cells(reported_at=START + 90 * DAY_LENGTH)) == (18, 18)
    assert (cells(place=Place()), cells(place=msgspec.structs.replace(place(0), exact=False))) == (0, 0)
    assert cells(place=Place(uprn="900000000001", exact=True)) == 0


def test_a_report_lies_in_one_cell_and_is_seen_from_seventeen_others():
    scope = Scope(msgspec.structs.replace(SHIPPED, rules=(FAR,)))
    keys = claim_of(told("a", EDGE, CORNER), scope).keys
    assert [keyed.key for keyed in keys if keyed.roles == ("here",)] == ["cell:768.864.223"]
    assert sorted(keyed.key for keyed in keys if keyed.roles == ("nearby",)) == sorted(
        f"cell:{east}.{north}.{stretch}"
        for east in (767, 768, 769)
        for north in (863, 864, 865)
        for stretch in (223, 224)
        if (east, north, stretch) != (768, 864, 223)
    )
    assert len({keyed.key for keyed in keys}) == 18


def test_a_crowded_cell_is_suspended_by_its_memory_alone():
    few = msgspec.structs.replace(SHIPPED.bounds, hub=2, kept=4)
    catalogue = msgspec.structs.replace(SHIPPED, rules=(FAR,), indicators=(), bounds=few)
    judge, rows = detect.make_step(catalogue, 1), MemoryRows()
    kinds = []
    for number in range(5):
        seen = there(number * HOUR)
        change = SightingChange(key="cell:1.1.1", sign=1, sighting=seen, as_of=START, cause="x")
        record = Record(topic="sightings", partition=0, offset=number, received_at=START, value=change)
        changes = [output.value for output in judge(rows, [record], None)]
        kinds.append([(one.change, one.finding.rule_id, dict(one.finding.facts).get("bound")) for one in changes])
    raised = ("raised", "a-rule", None)
    assert kinds[:4] == [[], [raised], [raised], [raised]]
    assert kinds[4] == [("withdrawn", "a-rule", None)] * 3 + [("raised", "hub", "4")]


# --- against everything held against everything -----------------------------------------------------------------

WIDE = on("cell", a_rule(Near(of="harm", metres=500, within=days(92), at_least=2)))
NARROW = on("cell", a_rule(Near(of="harm", metres=70, within=days(10))))
CHAINS = on("cell", a_rule(Near(of="harm", metres=250, within=days(46), chain=2, at_least=2)))
LONG = on("cell", a_rule(Near(of="harm", metres=160, within=days(30), chain=3)))
points = st.tuples(st.integers(-700, 1_700), st.integers(-700, 1_700))
instants = st.one_of(
    st.integers(-3, 3),
    st.integers(-100, 100).map(lambda day: day * DAY_LENGTH),
    st.integers(-120 * DAY_LENGTH, 120 * DAY_LENGTH),
)


@pytest.mark.parametrize("rule", [FAR, WIDE, NARROW, CHAINS, LONG], ids=["far", "wide", "narrow", "chains", "long"])
@given(st.lists(st.tuples(instants, points), max_size=24))
def test_cells_find_what_holding_each_against_each_finds(rule: Rule, seen: Sequence[tuple[int, tuple[int, int]]]):
    """One organisation tells all of it, so that every report is an occurrence of its own."""
    condition = rule.limbs[0].condition
    assert isinstance(condition, Near)
    reports = [told(f"i{number:02}", EDGE + later, where) for number, (later, where) in enumerate(seen)]

    def before(number: int, links: int) -> set[int]:
        later, (east, north) = seen[number]
        near = {
            other
            for other, (when, (x, y)) in enumerate(seen)
            if 0 < later - when <= condition.within.millis and (east - x) ** 2 + (north - y) ** 2 <= condition.metres**2
        }
        return near if links == 1 else near.union(*(before(other, links - 1) for other in near))

    expected = []
    for number in range(len(seen)):
        chain = before(number, condition.chain)
        if len(chain) >= condition.at_least:
            expected.append((f"i{number:02}", sorted(f"i{one:02}" for one in (*chain, number))))

    found = standing(rule, *reports)

    assert (
        sorted((finding.occurrence_id, sorted(item.occurrence_id for item in finding.evidence)) for finding in found)
        == expected
    )
