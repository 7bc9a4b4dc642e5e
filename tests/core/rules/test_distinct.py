"""Counting different values: of which occurrences, which values, and what an ignored one is worth."""

from __future__ import annotations

from tests.core.rules.making import HOME, a_rule, a_sighting, at, days, facts_of, finds, times_of

from safety_stream.core.model.times import SECOND
from safety_stream.core.rules.rule import Distinct

AREAS = a_rule(Distinct(of="offence", field="area", at_least=3, within=days(28), ignore=("OUTSIDE",)))
PEOPLE = a_rule(Distinct(of="offence", field="complainants", at_least=3, within=days(28), same=("category",)))
THREE = [
    a_sighting("2026-01-05T02:00", area="E07000117"),
    a_sighting("2026-01-12T02:00", area="E07000122"),
    a_sighting("2026-02-02T02:00", area="E07000120"),
]


def test_it_is_met_where_the_last_value_comes_in_the_window():
    found = finds(AREAS, *THREE)
    assert times_of(found) == [at("2026-02-02T02:00")]
    assert facts_of(found[0]) == {"count": "3", "values": "E07000117, E07000120, E07000122"}
    assert found[0].areas == ("E07000117", "E07000120", "E07000122")


def test_one_second_past_the_window_is_too_late():
    assert finds(AREAS, *THREE[:2], a_sighting(THREE[2].occurred_from + SECOND, area="E07000120")) == []


def test_the_same_value_again_counts_once_and_yet_completes():
    again = a_sighting("2026-01-20T02:00", area="E07000122")
    assert finds(AREAS, *THREE[:2], again) == []
    third = a_sighting("2026-01-19T02:00", area="E07000120")
    assert times_of(finds(AREAS, *THREE[:2], third, again)) == [third.occurred_from, again.occurred_from]


def test_ignored_values_neither_count_nor_complete_nor_are_evidence():
    outside = a_sighting("2026-01-20T02:00", area="OUTSIDE")
    assert finds(AREAS, *THREE[:2], outside) == []
    found = finds(AREAS, *THREE, outside)
    assert [len(finding.evidence) for finding in found] == [3]


def test_one_occurrence_may_bring_several_values_from_several_reports():
    council = a_sighting("2026-01-05T02:00", "a", place=HOME, organisation="district-councils", complainants=("p1",))
    police = a_sighting("2026-01-05T02:10", "b", place=HOME, complainants=("p2", "p3"))
    found = finds(PEOPLE, council, police)
    assert [facts_of(finding) for finding in found] == [{"count": "3", "same": "violence"}]


def test_a_missing_value_does_not_count():
    told = [a_sighting(f"2026-01-0{day}T02:00", complainants=()) for day in (5, 6, 7)]
    assert finds(PEOPLE, *told) == []


def test_values_are_counted_among_what_is_alike():
    told = [
        a_sighting("2026-01-05T02:00", complainants=("p1", "p2")),
        a_sighting("2026-01-06T02:00", complainants=("p3",), category="burglary"),
    ]
    assert finds(PEOPLE, *told) == []
