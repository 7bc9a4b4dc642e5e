"""Rules that rest on findings of other rules: their order, what such a finding says, and where it ends."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import pytest
from tests.core.rules.making import BOUNDS, KEY, a_rule, a_sighting, a_timeline, days, known, of_kind

from safety_stream.core.model.findings import Finding
from safety_stream.core.model.sightings import Sighting
from safety_stream.core.rules.chains import (
    carried_to,
    circle_in,
    depth_of,
    found_elsewhere,
    in_order,
    rests_elsewhere_on,
    rests_on,
    with_all_beneath,
)
from safety_stream.core.rules.engine import RuleSet, evaluate
from safety_stream.core.rules.rule import Calendar, Count, Ordered, PriorityRule, Rule, Safeguards, Selector


def found_by(*rule_ids: str) -> Selector:
    return Selector(finding=frozenset(rule_ids))


TWICE = a_rule(Count(of="harm", at_least=2, within=days(28)), id="twice", safeguards=Safeguards())
AGAIN = a_rule(Count(of="repeat", at_least=1, within=days(1)), {"repeat": found_by("twice")}, id="again")


def finds(rules: Iterable[Rule], *sightings: Sighting) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for finding in evaluate(RuleSet(rules, BOUNDS), KEY, a_timeline(*sightings), known()).values():
        found.setdefault(finding.rule_id, []).append(finding)
    return found


def test_what_rests_on_a_finding_completes_when_it_does_and_shows_the_reports_it_shows():
    found = finds([AGAIN, TWICE], a_sighting("2026-01-05T20:00", "i1"), a_sighting("2026-01-06T20:00", "i2"))
    (twice,), (again,) = found["twice"], found["again"]
    assert (again.completed_at, again.occurrence_id) == (twice.completed_at, twice.finding_id)
    (item,) = again.evidence
    assert (item.occurrence_id, item.occurred_at, item.reports) == (twice.finding_id, twice.completed_at, ("i1", "i2"))


def test_a_finding_of_one_report_shows_that_report_and_not_itself():
    once = a_rule(Count(of="harm", at_least=1, within=days(1)), id="twice")
    (again,) = finds([AGAIN, once], a_sighting("2026-01-05T20:00", "i1"))["again"]
    assert again.evidence[0].reports == ("i1",)


def test_what_safeguards_refuse_is_no_finding_to_rest_on():
    guarded = msgspec.structs.replace(TWICE, safeguards=Safeguards(organisations_or_kinds=2))
    assert finds([AGAIN, guarded], a_sighting("2026-01-05T20:00"), a_sighting("2026-01-06T20:00")) == {}


def test_safeguards_flags_and_children_are_those_of_the_reports_beneath():
    rule = msgspec.structs.replace(
        AGAIN,
        safeguards=Safeguards(organisations_or_kinds=2),
        priority=PriorityRule(base="P4", raise_when=("weapon",), child_raises=True),
    )
    told = (
        a_sighting("2026-01-05T20:00", flags=("weapon",)),
        a_sighting("2026-01-06T20:00", kind="asb-case", child=True),
    )
    (again,) = finds([rule, TWICE], *told)["again"]
    assert (again.priority, again.child) == ("P2", True)


def test_reports_and_findings_stand_in_one_order():
    rule = a_rule(
        Ordered(steps=("repeat", "crime"), within=days(7)),
        {"repeat": found_by("twice"), "crime": of_kind("police-crime")},
        id="after",
    )
    times = ["2026-01-05T20:00", "2026-01-06T20:00", "2026-01-07T20:00"]
    found = finds([rule, TWICE], *(a_sighting(time, f"i{number}") for number, time in enumerate(times)))
    # The crime that completes the repeat is not after it.
    assert [item.evidence[-1].reports for item in found["after"]] == [("i2",)]


def test_a_calendar_week_counts_findings_by_when_they_completed():
    weekly = a_rule(Calendar(per="week", at_least=2, of="repeat"), {"repeat": found_by("twice")}, id="weekly")
    times = ["2026-01-11T20:00", "2026-01-11T21:00", "2026-01-12T20:00"]
    assert "weekly" not in finds([weekly, TWICE], *map(a_sighting, times))
    assert len(finds([weekly, TWICE], *map(a_sighting, [*times, "2026-01-13T20:00"]))["weekly"]) == 1


def test_a_report_that_several_findings_share_is_named_once():
    """Else what rests on findings of findings would outgrow every bound."""
    many = a_rule(Count(of="repeat", at_least=2, within=days(28)), {"repeat": found_by("twice")}, id="many")
    times = ["2026-01-05T20:00", "2026-01-06T20:00", "2026-01-07T20:00", "2026-01-08T20:00"]
    found = finds([many, TWICE], *(a_sighting(time, f"i{number}") for number, time in enumerate(times)))["many"]
    assert [item.reports for item in found[-1].evidence] == [("i0", "i1"), ("i2",), ("i3",)]


def test_the_rules_come_after_what_they_rest_on():
    top = a_rule(Count(of="x", at_least=1, within=days(1)), {"x": found_by("again", "not-there")}, id="a-top")
    assert [rule.id for rule in in_order([top, AGAIN, TWICE])] == ["twice", "again", "a-top"]
    assert [rule.id for rule in with_all_beneath(AGAIN, [top, TWICE])] == ["twice", "again"]
    assert rests_on(top) == {"again", "not-there"}


def test_a_circle_is_told_and_runs_nowhere():
    one = a_rule(Count(of="x", at_least=1, within=days(1)), {"x": found_by("b")}, id="a")
    other = a_rule(Count(of="x", at_least=1, within=days(1)), {"x": found_by("a")}, id="b")
    with pytest.raises(ValueError, match="rules rest on one another in a circle"):
        RuleSet([one, other], BOUNDS)
    assert set(circle_in({"a": ["b"], "b": ["a"], "c": ["a"]})) == {"a", "b"}
    assert circle_in({"a": ["b"], "c": ["a", "b"]}) == ()


def test_depth_counts_the_rules_one_on_another():
    resting = {"a": ["b", "c"], "b": ["c"], "c": []}
    assert [depth_of(rule, resting) for rule in "abc"] == [3, 2, 1]


def elsewhere(*rule_ids: str) -> Selector:
    return Selector(tests=found_elsewhere(rule_ids))


def test_what_is_read_elsewhere_is_beneath_a_rule_and_on_no_timeline_of_its_own_key():
    reader = a_rule(Count(of="case", at_least=1, within=days(1)), {"case": elsewhere("twice")}, id="reader")
    assert (rests_elsewhere_on(reader), rests_on(reader)) == ({"twice"}, frozenset())
    assert [one.id for one in with_all_beneath(reader, [reader, AGAIN, TWICE])] == ["twice", "reader"]
    assert "reader" not in finds([reader, TWICE], a_sighting("2026-01-05T20:00"), a_sighting("2026-01-06T20:00"))


def test_findings_are_carried_to_the_kinds_of_key_that_live_rules_read_them_on():
    on_cars = a_rule(Count(of="case", at_least=1, within=days(1)), {"case": elsewhere("twice", "again")}, id="on-cars")
    limb = msgspec.structs.replace(on_cars.limbs[0], keys=("vehicle", "phone"))
    on_cars = msgspec.structs.replace(on_cars, limbs=(limb,))
    on_people = a_rule(Count(of="case", at_least=1, within=days(1)), {"case": elsewhere("twice")}, id="on-people")
    assert carried_to([on_cars, on_people, TWICE]) == {
        "twice": {"vehicle", "phone", "victim"},
        "again": {"vehicle", "phone"},
    }
    assert carried_to([msgspec.structs.replace(on_cars, status="retired")]) == {}


def test_a_circle_over_keys_runs_nowhere_either():
    one = a_rule(Count(of="x", at_least=1, within=days(1)), {"x": elsewhere("b")}, id="a")
    other = a_rule(Count(of="x", at_least=1, within=days(1)), {"x": found_by("a")}, id="b")
    with pytest.raises(ValueError, match="rules rest on one another in a circle"):
        RuleSet([one, other], BOUNDS)
