"""What is told besides: how often, and what was last said, strictly before."""

from __future__ import annotations

import msgspec
import pytest
from tests.core.rules.making import HOME, a_rule, a_sighting, at, facts_of, finds, months, of_kind

from safety_stream.core.model.facts import Fact
from safety_stream.core.model.sightings import Sighting
from safety_stream.core.model.times import SECOND
from safety_stream.core.rules.findings import QUIETENED
from safety_stream.core.rules.rule import Besides, Count, PriorityRule, Rule

LAST = "2026-03-05T20:00"


def rule_telling(**besides: Besides) -> Rule:
    rule = a_rule(Count(of="crime", at_least=1, within=months(1)), {"crime": of_kind("police-crime")})
    steps = {**rule.limbs[0].steps, "assessed": of_kind("domestic-abuse")}
    (limb,) = rule.limbs
    return msgspec.structs.replace(rule, limbs=(msgspec.structs.replace(limb, steps=steps, besides=besides),))


TOLD = rule_telling(risk=Besides(of="assessed", within=months(12), latest="risk-level"))


def assessed(when: str | int, *, risk: str | None, incident_id: str = "", **more: object) -> Sighting:
    facts = () if risk is None else (Fact("risk-level", risk),)
    return a_sighting(when, incident_id, kind="domestic-abuse", facts=facts, **more)


def risk_told(*before: Sighting) -> str:
    (finding,) = finds(TOLD, *before, a_sighting(LAST, "last"))
    return facts_of(finding)["risk"]


def test_the_newest_value_counts_and_what_says_nothing_is_passed_over():
    told = [
        assessed("2026-01-05T20:00", risk="high"),
        assessed("2026-02-05T20:00", risk="medium"),
        assessed("2026-02-06T20:00", risk=None),
    ]
    assert risk_told(*told) == "medium"


def test_where_nothing_is_said_it_is_not_known():
    assert risk_told() == "not known"
    assert risk_told(assessed("2026-02-05T20:00", risk=None)) == "not known"


@pytest.mark.parametrize(("late", "told"), [(-1, "high"), (0, "not known"), (1, "not known")])
def test_what_is_said_at_that_very_instant_is_not_said_before(late: int, told: str):
    assert risk_told(assessed(at(LAST) + late, risk="high", incident_id="a")) == told


@pytest.mark.parametrize(("late", "told"), [(-SECOND, "not known"), (0, "high")])
def test_the_window_holds_its_first_instant_and_nothing_before(late: int, told: str):
    assert risk_told(assessed(at("2025-03-05T20:00") + late, risk="high")) == told


def test_another_steps_report_says_nothing():
    crime = a_sighting("2026-02-05T20:00", "a", facts=(Fact("risk-level", "high"),))
    found = finds(TOLD, crime, a_sighting(LAST, "last"))
    assert [facts_of(finding)["risk"] for finding in found] == ["not known", "not known"]


def test_of_one_occurrence_the_latest_report_that_says_it_counts():
    told = [
        assessed("2026-02-05T20:00", risk="medium", incident_id="a", place=HOME),
        assessed("2026-02-05T20:10", risk="high", incident_id="b", place=HOME, organisation="marac"),
        assessed("2026-02-05T20:20", risk=None, incident_id="c", place=HOME, organisation="social-landlords"),
    ]
    assert risk_told(*told) == "high"


def urgency(*before: Sighting, **more: object) -> tuple[str, bool]:
    """How urgent a crime is that flag and child would raise, with visits in the month before quietening it."""
    rule = rule_telling(visits=Besides(of="assessed", within=months(1), quietens=True))
    rule = msgspec.structs.replace(rule, priority=PriorityRule(base="P2", raise_when=("weapon",), child_raises=True))
    *_, finding = finds(rule, *before, a_sighting(LAST, "last", **more))
    return finding.priority, finding.explanation.endswith(QUIETENED)


def test_what_quietens_makes_it_the_least_urgent_whatever_raises_it_and_says_so():
    visit = assessed("2026-02-10T20:00", risk=None)
    assert urgency() == ("P2", False)
    assert urgency(flags=("weapon",), child=True) == ("P1", False)
    assert urgency(visit) == ("P4", True)
    assert urgency(visit, flags=("weapon",), child=True) == ("P4", True)


@pytest.mark.parametrize(("late", "priority"), [(-SECOND, "P2"), (0, "P4")])
def test_it_quietens_for_its_time_and_not_a_second_longer(late: int, priority: str):
    assert urgency(assessed(at("2026-02-05T20:00") + late, risk=None))[0] == priority


def test_what_may_be_another_person_or_is_only_told_quietens_nothing():
    assert urgency(assessed("2026-02-10T20:00", risk=None, possible=True)) == ("P2", False)
    told = rule_telling(visits=Besides(of="assessed", within=months(1)))
    *_, finding = finds(told, assessed("2026-02-10T20:00", risk=None), a_sighting(LAST, "last"))
    assert facts_of(finding)["visits"] == "1"
    assert not finding.explanation.endswith(QUIETENED)


def test_what_quietens_is_in_the_evidence_of_nothing_and_keeps_nothing_from_standing():
    quiet = rule_telling(visits=Besides(of="assessed", within=months(1), quietens=True))
    visit = assessed("2026-02-10T20:00", risk=None, incident_id="visit")
    *_, without = finds(quiet, a_sighting(LAST, "last"))
    *_, finding = finds(quiet, visit, a_sighting(LAST, "last"))
    assert (finding.finding_id, finding.evidence) == (without.finding_id, without.evidence)
