"""Keys that hold a stretch of time each: a report stands on two of them, and nothing is missed or found twice."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.rules.making import SHIPPED, a_rule, a_sighting, at, days, facts_of, finds, of_kind, on, standing
from tests.core.stages.making import a_record, a_version

from safety_stream.core.catalogue import Bounds
from safety_stream.core.model.findings import FindingChange
from safety_stream.core.model.ids import alert_id
from safety_stream.core.model.incidents import IncidentVersion, Place
from safety_stream.core.model.stretches import facts_of as facts_of_key
from safety_stream.core.model.stretches import subject_of
from safety_stream.core.model.times import DAY_LENGTH, HOUR, Duration, Instant
from safety_stream.core.register import Scope, claim_of
from safety_stream.core.rules.rule import AllOf, Count, Distinct, Ordered, Rule, Selector
from safety_stream.core.rules.rule import Test as FieldTest
from safety_stream.core.stages import alert, detect, register
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.core.stages.stage import Output, Record

STRETCH = SHIPPED.bounds.cell_days * DAY_LENGTH
EDGE = 223 * STRETCH
"""The first instant of a stretch."""

HERE, THERE = "E01025001", "E01025002"
PAIR = on("lsoa", a_rule(Count(of="harm", at_least=2, within=Duration(millis=STRETCH))))
"""As long as a rule may look."""


def told(ref: str, when: Instant, lsoa: str = HERE, **changes: object) -> IncidentVersion:
    """A report of something in an LSOA, told at once; of where exactly it says nothing."""
    said = {"occurred_from": when, "occurred_to": when, "reported_at": when, "received_at": when}
    return a_version(incident_id=ref, **(said | {"place": Place(lsoa=lsoa)} | changes))


@pytest.mark.parametrize("later", [0, 1, HOUR, STRETCH - 1, STRETCH])
@pytest.mark.parametrize("begins", [EDGE - 1, EDGE, EDGE - STRETCH, EDGE - HOUR, -1, 0])
def test_nothing_is_missed_or_found_twice_across_the_edges_of_stretches_of_time(begins: Instant, later: int):
    assert len(standing(PAIR, told("a", begins), told("b", begins + later))) == 1
    assert standing(PAIR, told("a", begins), told("b", begins + STRETCH + 1)) == []


def test_another_lsoa_is_another_place_and_none_is_no_place():
    assert standing(PAIR, told("a", EDGE), told("b", EDGE, THERE)) == []
    nowhere = {"place": Place(uprn="900000000001", exact=True)}
    assert standing(PAIR, told("a", EDGE, **nowhere), told("b", EDGE, **nowhere)) == []


def test_it_is_told_where_it_begins_and_says_in_which_lsoa():
    (found,) = standing(PAIR, told("a", EDGE - 1), told("b", EDGE))
    assert (found.key, facts_of(found)["lsoa"]) == (f"lsoa:{HERE}.223", HERE)


def test_a_report_stands_on_the_key_of_its_stretch_and_of_the_next():
    keys = claim_of(told("a", EDGE), Scope(msgspec.structs.replace(SHIPPED, rules=(PAIR,)))).keys
    assert [(keyed.key, keyed.roles) for keyed in keys] == [
        (f"lsoa:{HERE}.223", ("here",)),
        (f"lsoa:{HERE}.224", ("nearby",)),
    ]


def test_only_what_may_concern_a_rule_on_lsoas_is_put_there():
    picky = Selector(
        tests=(*of_kind("police-crime").tests, FieldTest("origin", frozenset({"reported"}))),
        reported_within=Duration(months=1),
    )
    on_cells = on("cell", a_rule(Count(of="any", at_least=1, within=days(1)), id="other"))
    rule = on("lsoa", a_rule(PAIR.limbs[0].condition, {"harm": picky}))
    scope = Scope(msgspec.structs.replace(SHIPPED, rules=(rule, on_cells)))

    def keys(**changes: object) -> int:
        return len(claim_of(told("a", EDGE, **changes), scope).keys)

    assert (keys(), keys(kind="asb-case")) == (2, 0)
    # What a finding must name as nearly counted, it must have seen.
    assert (keys(origin="discovered"), keys(reported_at=EDGE + 90 * DAY_LENGTH)) == (2, 2)
    # The point is for cells, the LSOA for LSOAs: neither makes the other.
    point = Place(easting=384_000, northing=432_000, exact=True)
    assert keys(place=point) == 18
    assert keys(place=msgspec.structs.replace(point, lsoa=HERE), kind="asb-case") == 18


def test_a_rule_that_is_retired_puts_nothing_anywhere():
    retired = msgspec.structs.replace(PAIR, status="retired")
    assert claim_of(told("a", EDGE), Scope(msgspec.structs.replace(SHIPPED, rules=(retired,)))).keys == ()


AT = f"lsoa:{HERE}.7"
START = at("2026-01-05T10:00")
STEPS = {"first": of_kind("asb-case"), "second": of_kind("police-crime")}


@pytest.mark.parametrize(
    "condition",
    [
        AllOf(steps={"first": 1, "second": 1}, within=days(7)),
        Ordered(steps=("first", "second"), within=days(7)),
        Distinct(of="harm", field="kind", at_least=2, within=days(7)),
        Count(of="harm", at_least=2, within=days(7)),
    ],
    ids=lambda condition: type(condition).__name__,
)
def test_whatever_is_asked_completes_only_where_the_last_one_is_here(condition: Count | Distinct | AllOf | Ordered):
    rule = on("lsoa", a_rule(condition, STEPS))
    here, nearby = {"roles": ("here",)}, {"roles": ("nearby",)}

    def found(first: dict[str, object], last: dict[str, object]) -> int:
        return len(finds(rule, a_sighting(START, kind="asb-case", **first), a_sighting(START + HOUR, **last), key=AT))

    assert [found(here, here), found(nearby, here), found(here, nearby), found(nearby, nearby)] == [1, 1, 0, 0]


def test_of_several_reports_the_first_that_matches_says_where():
    """The noise began in the stretch before; what is asked for is the assault that a second report tells of."""
    rule = on("lsoa", a_rule(Count(of="harm", at_least=1, within=days(7)), {"harm": of_kind("police-crime")}))
    one_place = {"place": Place(uprn="900000000001", exact=True)}
    noise = a_sighting(START, "a", kind="asb-case", organisation="x", roles=("nearby",), **one_place)
    assault = a_sighting(START + 1, "b", roles=("here",), **one_place)
    (found,) = finds(rule, noise, assault, key=AT)
    assert (found.occurrence_id, found.evidence[0].reports) == ("a", ("a", "b"))
    turned = [msgspec.structs.replace(noise, roles=("here",)), msgspec.structs.replace(assault, roles=("nearby",))]
    assert finds(rule, *turned, key=AT) == []


def test_an_alert_is_about_the_lsoa_whatever_the_stretch():
    assert subject_of(f"lsoa:{HERE}.223") == f"lsoa:{HERE}"
    assert facts_of_key(f"lsoa:{HERE}.-1") == (("lsoa", HERE),)
    # A cell is its square and its stretch; a token may have a dot in it.
    for key in ("cell:768.864.223", "victim:tok.a", "place:900000000001"):
        assert (subject_of(key), facts_of_key(key)) == (key, ())


def test_findings_of_two_stretches_are_of_one_alert_and_go_one_way():
    catalogue = msgspec.structs.replace(SHIPPED, rules=(PAIR,), indicators=())
    reports = [told(f"i{number}", EDGE + (number - 2) * HOUR) for number in range(4)]
    sent = register.make_step(catalogue, 1)(MemoryRows(), [a_record(one) for one in reports], None)
    seen = [one for one in sent if one.topic == "sightings" and one.key]
    found = detect.make_step(catalogue, 1)(MemoryRows(), _as_records(seen), None)
    told_of = alert.make_step(catalogue, 1)(MemoryRows(), _as_records(found), None)

    assert {one.key for one in (*seen, *found)} == {f"lsoa:{HERE}"}
    keys = [one.value.finding.key for one in found if isinstance(one.value, FindingChange)]
    assert sorted(set(keys)) == [f"lsoa:{HERE}.222", f"lsoa:{HERE}.223"]
    versions = [(one.key, one.value.subject, one.value.version) for one in told_of]
    one_alert = alert_id("a-rule", f"lsoa:{HERE}")
    assert versions == [(one_alert, f"lsoa:{HERE}", number) for number in (1, 2, 3)]


def _as_records(outputs: Sequence[Output]) -> list[Record]:
    return [
        Record(topic=one.topic, partition=0, offset=offset, received_at=one.received_at, value=one.value)
        for offset, one in enumerate(outputs)
    ]


def test_an_lsoa_is_suspended_by_its_memory_alone():
    bounds = Bounds(hub=2, kept=4, cell_metres=500, cell_days=92)
    kinds = ("victim:a", "cell:1.1.1", AT)
    assert [bounds.of_key(key).hub for key in kinds] == [2, 4, 4]


instants = st.one_of(
    st.integers(-3, 3),
    st.integers(-100, 100).map(lambda day: day * DAY_LENGTH),
    st.integers(-200 * DAY_LENGTH, 200 * DAY_LENGTH),
)


@pytest.mark.parametrize("rule", [PAIR, on("lsoa", a_rule(Count(of="harm", at_least=3, within=days(10))))])
@given(st.lists(st.tuples(instants, st.sampled_from([HERE, THERE])), max_size=20))
def test_stretches_find_what_one_endless_timeline_would(rule: Rule, seen: Sequence[tuple[int, str]]):
    """One organisation tells all of it, so that every report is an occurrence of its own."""
    condition = rule.limbs[0].condition
    assert isinstance(condition, Count)
    reports = [told(f"i{number:02}", EDGE + later, lsoa) for number, (later, lsoa) in enumerate(seen)]
    expected = []
    for last in reports:
        window = [
            one.incident_id
            for one in reports
            if one.place == last.place
            and last.occurred_from - condition.within.millis <= one.occurred_from
            and (one.occurred_from, one.incident_id) <= (last.occurred_from, last.incident_id)
        ]
        if len(window) >= condition.at_least:
            expected.append((last.incident_id, window))

    found = [
        (finding.occurrence_id, sorted(item.occurrence_id for item in finding.evidence))
        for finding in standing(rule, *reports)
    ]

    assert sorted(found) == sorted(expected)
