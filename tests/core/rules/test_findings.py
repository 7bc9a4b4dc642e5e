"""What every finding has, whatever its condition: priority, safeguards, what was excluded, and words."""

from __future__ import annotations

import msgspec
import pytest
from tests.core.rules.making import HOME, KEY, a_rule, a_sighting, at, days, finds, of_kind

from safety_stream.core.model.findings import Excluded
from safety_stream.core.model.ids import finding_id
from safety_stream.core.model.sightings import Sighting
from safety_stream.core.model.times import Duration
from safety_stream.core.rules.condition import ALWAYS, Span
from safety_stream.core.rules.rule import Count, PriorityRule, Safeguards, Selector
from safety_stream.core.rules.rule import Test as FieldTest

ONE = Count(of="harm", at_least=1, within=days(28))
TWO = Count(of="harm", at_least=2, within=days(28))
FIRST, SECOND = a_sighting("2026-01-05T10:00", "a"), a_sighting("2026-01-06T10:00", "b")


def changed(sighting: Sighting, **changes: object) -> Sighting:
    return msgspec.structs.replace(sighting, **changes)


def priorities(words: PriorityRule, *sightings: Sighting) -> list[str]:
    return [finding.priority for finding in finds(a_rule(ONE, priority=words), *sightings)]


def test_the_priority_is_that_of_the_highest_bound_the_count_reaches():
    told = [a_sighting(f"2026-01-{day:02d}T10:00") for day in range(5, 10)]
    assert priorities(PriorityRule(base="P4", by_count=((3, "P3"), (4, "P2"))), *told) == ["P4", "P4", "P3", "P2", "P2"]


def test_a_flag_in_any_report_raises_it_one_tier_once():
    words = PriorityRule(base="P3", raise_when=("weapon", "strangulation"))
    armed = changed(SECOND, flags=("strangulation", "weapon"))
    assert priorities(words, FIRST, armed) == ["P3", "P2"]


def test_a_flag_counts_in_a_report_that_did_not_itself_match():
    rule = a_rule(ONE, {"harm": of_kind("asb-case")}, priority=PriorityRule(base="P3", raise_when=("weapon",)))
    council = changed(FIRST, kind="asb-case", organisation="district-councils", place=HOME)
    police = changed(FIRST, incident_id="b", place=HOME, flags=("weapon",))
    assert [finding.priority for finding in finds(rule, council, police)] == ["P2"]


def test_a_child_raises_it_one_tier_beside_a_flag():
    words = PriorityRule(base="P4", raise_when=("weapon",), child_raises=True)
    assert priorities(words, changed(FIRST, child=True, flags=("weapon",))) == ["P2"]
    assert priorities(PriorityRule(base="P4"), changed(FIRST, child=True)) == ["P4"]


def test_nothing_is_raised_above_p1():
    words = PriorityRule(base="P1", raise_when=("weapon",), child_raises=True)
    assert priorities(words, changed(FIRST, child=True, flags=("weapon",))) == ["P1"]


GUARDED = a_rule(TWO, safeguards=Safeguards(organisations_or_kinds=2, grades_alone=("D", "E")))


def test_one_organisation_and_one_kind_are_not_enough():
    assert finds(GUARDED, FIRST, SECOND) == []


@pytest.mark.parametrize("other", [{"organisation": "social-landlords"}, {"kind": "police-incident"}])
def test_two_organisations_or_two_kinds_are(other: dict[str, str]):
    assert len(finds(GUARDED, FIRST, changed(SECOND, **other))) == 1


def test_where_organisations_are_asked_for_kinds_are_no_substitute():
    rule = a_rule(TWO, safeguards=Safeguards(organisations=2))
    assert finds(rule, FIRST, changed(SECOND, kind="police-incident")) == []
    assert len(finds(rule, FIRST, changed(SECOND, organisation="social-landlords"))) == 1


def test_a_report_that_does_not_itself_match_brings_no_organisation():
    rule = a_rule(TWO, {"harm": of_kind("police-crime")}, safeguards=Safeguards(organisations=2))
    landlord = changed(SECOND, incident_id="c", organisation="social-landlords", kind="housing-concern", place=HOME)
    told = finds(rule, FIRST, changed(SECOND, place=HOME), landlord)
    assert told == []


def test_weak_intelligence_never_triggers_alone():
    weak = [changed(FIRST, grade="D"), changed(SECOND, grade="E", kind="police-incident")]
    assert finds(GUARDED, *weak) == []
    assert len(finds(GUARDED, weak[0], changed(weak[1], grade=None))) == 1


REPORTED = Selector(
    tests=(FieldTest("kind", frozenset({"police-crime"})), FieldTest("origin", frozenset({"reported"}))),
    reported_within=Duration(months=1),
)


def test_reports_that_were_looked_at_and_not_counted_are_named_with_the_reason():
    rule = a_rule(TWO, {"harm": REPORTED})
    late = a_sighting("2026-01-05T11:00", "z-late", reported_at=at("2026-02-05T11:00:01"))
    found_out = a_sighting("2026-01-05T12:00", "y-found", origin="discovered")
    both = a_sighting("2026-01-05T13:00", "x-both", origin="discovered", reported_at=at("2026-03-05T11:00"))
    other_kind = a_sighting("2026-01-05T14:00", "w-kind", kind="asb-case", origin="discovered")
    before = a_sighting("2025-12-09T09:59:59", "v-before", origin="discovered")
    found = finds(rule, FIRST, SECOND, late, found_out, both, other_kind, before)
    assert [finding.excluded for finding in found] == [
        (Excluded("y-found", "discovered"), Excluded("z-late", "reported-late"))
    ]


def test_a_report_on_the_last_moment_of_the_month_is_in_time():
    rule = a_rule(ONE, {"harm": REPORTED})
    assert len(finds(rule, changed(FIRST, reported_at=at("2026-02-05T10:00")))) == 1
    assert finds(rule, changed(FIRST, reported_at=at("2026-02-05T10:00:01"))) == []


def test_a_late_report_of_a_counted_occurrence_is_evidence_and_not_excluded():
    rule = a_rule(ONE, {"harm": REPORTED})
    told = changed(FIRST, place=HOME)
    late = changed(told, incident_id="b", organisation="social-landlords", reported_at=at("2026-04-01T00:00"))
    found = finds(rule, told, late)
    assert [(finding.evidence[0].reports, finding.excluded) for finding in found] == [(("a", "b"), ())]


@pytest.mark.parametrize("span", [ALWAYS, Span(SECOND.occurred_from, SECOND.occurred_from)], ids=["whole", "span"])
def test_what_is_excluded_is_of_an_occurrence_in_the_window_however_long_that_lasted(span: Span):
    # [5 Nov ............ 20 Dec)  found out; the part of it told to the landlord began within the window
    #              [9 Dec ............ 6 Jan]
    rule = a_rule(ONE, {"harm": REPORTED})
    found_out = a_sighting("2025-11-05T10:00", "y", origin="discovered", place=HOME, occurred_to=at("2025-12-20T10:00"))
    part = a_sighting("2025-12-15T10:00", "z", origin="discovered", place=HOME, organisation="social-landlords")
    assert [finding.excluded for finding in finds(rule, SECOND, found_out, part, span=span)] == [()]


def test_only_what_is_alike_is_named_as_excluded():
    rule = a_rule(Count(of="harm", at_least=1, within=days(28), same=("category",)), {"harm": REPORTED})
    other = a_sighting("2026-01-05T09:00", "z", origin="discovered", category="burglary")
    assert [finding.excluded for finding in finds(rule, FIRST, other)] == [()]


def test_the_words_are_filled_with_the_facts():
    rule = a_rule(TWO)
    limb = msgspec.structs.replace(rule.limbs[0], explain="Harmed {count} times: level {level}.")
    found = finds(msgspec.structs.replace(rule, limbs=(limb,)), FIRST, SECOND)
    assert [finding.explanation for finding in found] == ["Harmed 2 times: level 2."]


def test_of_one_it_is_said_as_people_say_it():
    rule = a_rule(ONE)
    limb = msgspec.structs.replace(rule.limbs[0], explain="Harmed {count:once|# times, # in all}, {count} counted.")
    found = finds(msgspec.structs.replace(rule, limbs=(limb,)), FIRST, SECOND)
    assert [finding.explanation for finding in found] == [
        "Harmed once, 1 counted.", "Harmed 2 times, 2 in all, 2 counted."
    ]  # fmt: skip


def test_a_finding_says_what_completed_it_and_where():
    found = finds(a_rule(TWO, version=7), FIRST, changed(SECOND, area="E07000122", child=True))[0]
    assert (found.finding_id, found.rule_version) == (finding_id("a-rule", "main", KEY, "b"), 7)
    assert (found.occurrence_id, found.completed_at, found.area) == ("b", SECOND.occurred_from, "E07000122")
    assert (found.areas, found.child) == (("E07000117", "E07000122"), True)


@pytest.mark.parametrize(
    ("of_rule", "of_report", "expected"),
    [
        ("OFFICIAL", "OFFICIAL", "OFFICIAL"),
        ("OFFICIAL", "OFFICIAL-SENSITIVE", "OFFICIAL-SENSITIVE"),
        ("OFFICIAL-SENSITIVE", "OFFICIAL", "OFFICIAL-SENSITIVE"),
    ],
)
def test_it_is_marked_as_the_highest_of_its_rule_and_its_reports(of_rule: str, of_report: str, expected: str):
    rule = msgspec.structs.replace(a_rule(TWO), marking=of_rule)

    (finding,) = finds(rule, changed(FIRST, marking=of_report), SECOND)
    assert finding.marking == expected
