"""Key `linked`: of a group of reports, what leads to one another counts together, and the way is told."""

from __future__ import annotations

from itertools import permutations

import msgspec
import pytest
from tests.core.rules.making import (
    BOUNDS,
    a_rule,
    a_sighting,
    a_timeline,
    days,
    facts_of,
    known,
    of_kind,
    with_flag,
)

from safety_stream.core.model.findings import Finding
from safety_stream.core.model.incidents import Place
from safety_stream.core.model.sightings import Sighting
from safety_stream.core.rules.engine import RuleSet, evaluate
from safety_stream.core.rules.rule import Count, PriorityRule, Rule, Safeguards
from safety_stream.core.rules.rule import Test as FieldTest
from safety_stream.core.rules.why import Grounds, account_of

KEY = "linked:a"
ARMED = with_flag("weapon")


def a_linked_rule(within: int = 2, **changes: object) -> Rule:
    """Two with a weapon within two weeks, so many identifiers apart."""
    rule = a_rule(Count(of="attack", at_least=2, within=days(14)), {"attack": ARMED}, **changes)
    limb = msgspec.structs.replace(
        rule.limbs[0], keys=("linked",), linked_within=within, explain="{count} by the {path}"
    )
    return msgspec.structs.replace(rule, limbs=(limb,))


def attack(name: str, day: int, *named: str, **changes: object) -> Sighting:
    return report(name, day, *named, flags=("weapon",), **changes)


def report(name: str, day: int, *named: str, **changes: object) -> Sighting:
    return a_sighting(f"2026-01-{day:02}T20:00", name, linking=tuple(sorted(named)), roles=(), **changes)


def finds(rule: Rule, *sightings: Sighting) -> list[Finding]:
    found = evaluate(RuleSet([rule], BOUNDS), KEY, a_timeline(*sightings), known()).values()
    return sorted(found, key=lambda finding: (finding.completed_at, finding.occurrence_id))


def evidence_of(finding: Finding) -> list[str]:
    return [at.occurrence_id for at in finding.evidence]


def test_what_names_the_same_counts_together_and_says_so():
    (found,) = finds(a_linked_rule(), attack("a", 5, "vehicle:x", "phone:y"), attack("b", 6, "vehicle:x", "phone:y"))
    assert facts_of(found)["path"] == "same phone and same vehicle"
    assert facts_of(found)["links"] == "1 to 2: phone and vehicle"
    assert found.explanation == "2 by the same phone and same vehicle"


def test_a_report_between_leads_from_one_to_the_other_and_is_shown():
    between = report("m", 5, "phone:y", "vehicle:x")
    told = (attack("a", 5, "vehicle:x"), between, attack("b", 6, "phone:y"))
    (found,) = finds(a_linked_rule(), *told)
    assert evidence_of(found) == ["a", "m", "b"]
    assert facts_of(found) == {
        "count": "2",
        "level": "2",
        "links": "1 to 2: vehicle; 2 to 3: phone",
        "path": "same vehicle, then same phone",
    }
    assert finds(a_linked_rule(within=1), *told) == []


def test_a_chain_goes_on_back_over_so_many_windows():
    """One car, three times: fourteen days each, and the first and the last are twenty-eight apart."""
    limb = msgspec.structs.replace(
        a_linked_rule().limbs[0], condition=Count(of="attack", at_least=2, within=days(14), chain=2)
    )
    rule = msgspec.structs.replace(a_linked_rule(), limbs=(limb,))
    car = "vehicle:x"
    told = (attack("a", 1, car), attack("b", 15, car), attack("c", 29, car))
    assert [evidence_of(found) for found in finds(a_linked_rule(), *told)] == [["a", "b"], ["b", "c"]]
    assert [evidence_of(found) for found in finds(rule, *told)] == [["a", "b"], ["a", "b", "c"]]
    # The way from the first is shown, also where it goes by a report of before the last window.
    by = report("m", 2, car, "phone:y")
    found = finds(rule, attack("a", 1, "phone:y"), by, *told[1:])
    assert [evidence_of(one) for one in found] == [["a", "m", "b"], ["a", "m", "b", "c"]]
    assert finds(rule, attack("a", 1, car), attack("b", 16, car)) == []
    # One that is too long before what it leads to is not reached, nor counted by way of another that is in time.
    apart = (attack("a", 1, car), attack("b", 15, "phone:y"), attack("c", 29, car, "phone:y"))
    assert [evidence_of(one) for one in finds(rule, *apart)] == [["b", "c"]]
    # A way that began before the window of its own two is none, though the chain has another that reaches so far.
    before = report("m", 1, car, "phone:y")
    assert finds(rule, before, attack("b", 15, car), attack("c", 16, "phone:y")) == []
    (found,) = finds(rule, report("m", 2, car, "phone:y"), attack("b", 15, car), attack("c", 16, "phone:y"))
    assert evidence_of(found) == ["m", "b", "c"]


def test_two_reports_between_are_too_many():
    told = (
        attack("a", 5, "vehicle:x"),
        report("m", 5, "phone:y", "vehicle:x"),
        report("n", 6, "person:z", "phone:y"),
        attack("b", 7, "person:z"),
    )
    assert finds(a_linked_rule(), *told) == []


def test_from_one_attack_it_goes_on_to_the_next():
    told = (attack("a", 5, "vehicle:x"), attack("b", 6, "phone:y", "vehicle:x"), attack("c", 7, "phone:y"))
    assert [facts_of(found)["path"] for found in finds(a_linked_rule(within=1), *told)] == [
        "same vehicle",
        "same vehicle; same phone",
    ]


def test_from_which_to_which_is_told_also_where_the_way_goes_back_in_time():
    #  5      6      7
    #  m <--- a      b
    #  '-------------^
    told = (report("m", 5, "phone:y", "vehicle:x"), attack("a", 6, "vehicle:x"), attack("b", 7, "phone:y"))
    (found,) = finds(a_linked_rule(), *told)
    assert evidence_of(found) == ["m", "a", "b"]
    assert facts_of(found)["links"] == "1 to 3: phone; 2 to 1: vehicle"


def test_a_link_of_several_ways_is_told_once():
    told = (
        attack("a", 5, "vehicle:x"),
        attack("c", 6, "vehicle:x", "person:z"),
        attack("b", 7, "person:z"),
    )
    (*_, found) = finds(a_linked_rule(within=1), *told)
    assert facts_of(found)["links"] == "1 to 2: vehicle; 2 to 3: person"


@pytest.mark.parametrize(("day", "number"), [(4, 0), (5, 1)])
def test_only_reports_of_the_window_lead_anywhere(day: int, number: int):
    between = report("m", day, "phone:y", "vehicle:x")
    found = finds(a_linked_rule(), attack("a", 5, "vehicle:x"), between, attack("b", 19, "phone:y"))
    assert len(found) == number


def test_a_report_from_afterwards_leads_nowhere_yet():
    told = (attack("a", 5, "vehicle:x"), attack("b", 6, "phone:y"), report("m", 7, "phone:y", "vehicle:x"))
    assert finds(a_linked_rule(), *told) == []


def test_what_is_far_off_in_the_group_hides_nothing():
    far = attack("f", 6, "person:z")
    (found,) = finds(a_linked_rule(), attack("a", 5, "vehicle:x"), far, attack("b", 7, "vehicle:x"))
    assert evidence_of(found) == ["a", "b"]


def test_of_several_ways_the_shortest_and_then_the_earliest_is_told():
    told = [
        attack("a", 5, "vehicle:x"),
        report("m", 6, "phone:y", "vehicle:x"),
        report("l", 7, "person:z", "vehicle:x"),
        attack("b", 8, "person:z", "phone:y"),
    ]
    for order in permutations(told):
        (found,) = finds(a_linked_rule(), *order)
        assert evidence_of(found) == ["a", "m", "b"]
    (found,) = finds(a_linked_rule(), *told[:3], attack("b", 8, "person:z", "phone:y", "vehicle:x"))
    assert evidence_of(found) == ["a", "b"]


def test_reports_of_one_occurrence_name_together():
    home = Place(uprn="900000000001", exact=True)
    other = report("b", 6, "phone:y", place=home, organisation="district-councils")
    told = (attack("a", 6, "vehicle:x", place=home), other, attack("c", 7, "phone:y"))
    (found,) = finds(a_linked_rule(within=1), *told)
    assert evidence_of(found) == ["a", "c"]


def test_what_lies_on_the_way_makes_nothing_safer_but_shows_a_child():
    told = (
        attack("a", 5, "vehicle:x", grade="E"),
        report("m", 5, "phone:y", "vehicle:x", child=True, kind="asb-case", organisation="district-councils"),
        attack("b", 6, "phone:y", grade="E"),
    )
    assert finds(a_linked_rule(safeguards=Safeguards(grades_alone=("E",))), *told) == []
    assert finds(a_linked_rule(safeguards=Safeguards(organisations_or_kinds=2)), *told) == []
    (found,) = finds(a_linked_rule(priority=PriorityRule(base="P3", child_raises=True)), *told)
    assert (found.child, found.priority) == (True, "P2")


def test_a_report_that_nearly_counted_is_told_where_it_is_next_to_one_that_did():
    told_of = msgspec.structs.replace(ARMED, tests=(*ARMED.tests, FieldTest("origin", frozenset({"reported"}))))
    rule = a_linked_rule()
    rule = msgspec.structs.replace(rule, limbs=(msgspec.structs.replace(rule.limbs[0], steps={"attack": told_of}),))
    (found,) = finds(
        rule,
        attack("a", 5, "vehicle:x"),
        attack("d", 6, "vehicle:x", origin="discovered"),
        attack("e", 6, "person:z", origin="discovered"),
        attack("b", 7, "vehicle:x"),
    )
    assert [one.incident_id for one in found.excluded] == ["d"]


def test_a_finding_is_recomputed_with_its_way_from_the_reports_it_names():
    told = (
        attack("a", 5, "vehicle:x"),
        report("m", 6, "phone:y", "vehicle:x"),
        report("n", 7, "phone:y", "vehicle:x"),
        report("o", 7, "person:q", "vehicle:x", kind="asb-case"),
        attack("b", 8, "phone:y"),
    )
    rule = a_linked_rule()
    (found,) = finds(rule, *told)

    account = account_of(found, [rule], Grounds(a_timeline(*told), (), known()), [found], BOUNDS)

    assert (account.verdict, account.recomputed) == ("same", found)
    without = {name: (one.stands, one.instead) for one in account.without for name in one.reports}
    # Without the report on the way another leads there; without either end nothing does.
    assert without == {"a": (False, ()), "m": (True, ("n",)), "b": (False, ())}


def test_a_report_of_no_step_that_goes_takes_the_finding_with_it():
    rules = RuleSet([a_linked_rule()], BOUNDS)
    assert rules.readers(KEY).concern(report("m", 5, "phone:y", kind="asb-case")).plans
    assert (
        not RuleSet([a_rule(Count(of="x", at_least=2, within=days(14)), {"x": of_kind("fire")})], BOUNDS)
        .readers("victim:a")
        .concern(report("m", 5))
        .plans
    )
