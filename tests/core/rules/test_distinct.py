"""Counting different values: of which occurrences, which values, what an ignored one is worth, and what closes."""

from __future__ import annotations

import msgspec
import pytest
from tests.core.rules.making import (
    BOUNDS,
    HOME,
    a_rule,
    a_sighting,
    a_timeline,
    at,
    days,
    facts_of,
    finds,
    known,
    of_kind,
    times_of,
)

from safety_stream.core.model.findings import Excluded
from safety_stream.core.model.sightings import Sighting
from safety_stream.core.model.times import DAY_LENGTH, SECOND
from safety_stream.core.rules.engine import RuleSet, evaluate
from safety_stream.core.rules.rule import Distinct, Limb, Rule, Selector
from safety_stream.core.rules.rule import Test as FieldTest

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


def test_an_occurrence_is_alike_in_what_any_of_its_reports_says_and_all_of_them_say_its_values():
    told = a_sighting("2026-01-05T02:00", category="burglary", complainants=("p1",))
    first = a_sighting("2026-01-06T02:00", "a", place=HOME, organisation="district-councils", complainants=("p2",))
    second = a_sighting("2026-01-06T02:10", "b", place=HOME, category="burglary", complainants=("p3",))
    (found,) = finds(PEOPLE, told, first, second)
    assert facts_of(found) == {"count": "3", "same": "burglary"}
    assert [item.reports for item in found.evidence][1:] == [("a", "b")]


def test_a_missing_value_does_not_count():
    told = [a_sighting(f"2026-01-0{day}T02:00", complainants=()) for day in (5, 6, 7)]
    assert finds(PEOPLE, *told) == []


def test_values_are_counted_among_what_is_alike():
    told = [
        a_sighting("2026-01-05T02:00", complainants=("p1", "p2")),
        a_sighting("2026-01-06T02:00", complainants=("p3",), category="burglary"),
    ]
    assert finds(PEOPLE, *told) == []


SINCE_SEEN = a_rule(
    Distinct(of="offence", field="area", at_least=3, within=days(28), ignore=("OUTSIDE",), until="seen"),
    {"offence": of_kind("police-crime"), "seen": of_kind("intervention")},
)


@pytest.mark.parametrize(("late", "found"), [(-1, 1), (0, 1), (1, 0)])
def test_a_closing_one_millisecond_after_a_value_takes_it_away(late: int, found: int):
    closing = a_sighting(THREE[0].occurred_from + late, "seen", kind="intervention", area="OUTSIDE")
    assert len(finds(SINCE_SEEN, closing, *THREE)) == found


@pytest.mark.parametrize(("late", "found"), [(-1, 0), (0, 1), (1, 1)])
def test_a_closing_at_the_instant_of_e_closes_nothing_for_e(late: int, found: int):
    closing = a_sighting(THREE[2].occurred_from + late, "seen", kind="intervention")
    assert len(finds(SINCE_SEEN, closing, *THREE)) == found


def test_after_a_closing_values_are_counted_anew():
    closing = a_sighting(THREE[1].occurred_from + 1, "seen", kind="intervention")
    again = [
        a_sighting(THREE[2].occurred_from + day * DAY_LENGTH, area=area)
        for day, area in ((1, "E07000117"), (2, "E07000122"))
    ]
    assert finds(SINCE_SEEN, closing, *THREE, again[0]) == []
    found = finds(SINCE_SEEN, closing, *THREE, *again)
    assert [len(finding.evidence) for finding in found] == [3]
    assert times_of(found) == [again[1].occurred_from]


def test_a_report_that_nearly_closed_is_named_and_one_before_the_closing_is_not():
    reported = Selector(tests=(*of_kind("intervention").tests, FieldTest("origin", frozenset({"reported"}))))
    rule = a_rule(SINCE_SEEN.limbs[0].condition, {"offence": of_kind("police-crime"), "seen": reported})
    told = [
        a_sighting(f"2026-01-{day:02d}T02:00", area=area)
        for day, area in ((10, "E07000117"), (11, "E07000122"), (12, "E07000120"))
    ]
    closing = a_sighting("2026-01-09T02:00", "seen", kind="intervention")
    before, after = (
        a_sighting(f"2026-01-{day:02d}T02:00", name, kind="intervention", origin="discovered")
        for day, name in ((8, "before"), (11, "after"))
    )
    found = finds(rule, before, closing, after, *told)
    assert [finding.excluded for finding in found] == [(Excluded("after", "discovered"),)]


def test_other_fields_must_have_as_many_values_too():
    rule = a_rule(Distinct(of="offence", field="area", also=("kind",), at_least=2, within=days(28)))
    first, second = THREE[:2]
    assert finds(rule, first, second) == []
    (found,) = finds(rule, first, a_sighting("2026-01-12T02:00", area="E07000122", kind="asb-case"))
    assert facts_of(found) == {"count": "2", "values": "E07000117, E07000122"}


SORTS = a_rule(
    Distinct(of="offence", field="kind", together=("area",), at_least=3, within=days(28), ignore=("OUTSIDE",))
)


def sorts(*told: tuple[str, str]) -> list[Sighting]:
    """A kind in an area each day."""
    return [a_sighting(f"2026-01-{day:02d}T02:00", kind=kind, area=area) for day, (kind, area) in enumerate(told, 5)]


def test_of_fields_taken_together_what_differs_in_one_of_them_differs():
    told = sorts(("police-crime", "E07000117"), ("police-crime", "E07000122"), ("asb-case", "E07000117"))
    (found,) = finds(SORTS, *told)
    assert facts_of(found) == {
        "count": "3",
        "values": "asb-case + E07000117, police-crime + E07000117, police-crime + E07000122",
    }


def test_values_that_stand_in_no_report_together_are_no_combination():
    assert finds(SORTS, *sorts(("police-crime", "E07000117"), ("asb-case", "E07000122"))) == []


@pytest.mark.parametrize(("kind", "area"), [("asb-case", "OUTSIDE"), ("", "E07000120")])
def test_a_combination_without_a_part_is_none_and_neither_is_one_with_an_ignored_part(kind: str, area: str):
    told = sorts(("police-crime", "E07000117"), ("police-crime", "E07000122"), (kind, area), ("hate", "E07000117"))
    (found,) = finds(SORTS, *told)
    assert [one.occurrence_id for one in found.evidence] == [told[n].incident_id for n in (0, 1, 3)]


def test_what_two_organisations_say_of_one_occurrence_is_not_mixed():
    ours = a_sighting("2026-01-05T02:00", "a", place=HOME)
    theirs = a_sighting(
        "2026-01-05T02:00", "b", place=HOME, kind="asb-case", area="E07000122", organisation="district-councils"
    )
    assert finds(SORTS, ours, theirs) == []
    (found,) = finds(SORTS, ours, theirs, *sorts(("asb-case", "E07000117"))[:1], a_sighting("2026-01-09T02:00"))[:1]
    assert facts_of(found)["count"] == "3"


def test_of_a_list_each_value_makes_a_combination_and_who_they_are_is_not_told():
    rule = a_rule(Distinct(of="harm", field="victims", together=("area",), at_least=3, within=days(28)))
    told = [a_sighting("2026-01-05T02:00", victims=("p1", "p2", "t1")), a_sighting("2026-01-06T02:00", victims=("p1",))]
    assert finds(rule, *told) == []
    (found,) = finds(rule, told[0], a_sighting("2026-01-06T02:00", victims=("p1",), area="E07000122"))
    assert facts_of(found) == {"count": "3"}


VICTIMS = a_rule(Distinct(of="abuse", field="victims", at_least=2, within=days(28)))
HOMES = a_rule(Distinct(of="abuse", field="victims", at_least=2, within=days(28), unconnected=True))


def harms(*victims: tuple[str, ...]) -> list[Sighting]:
    """One a day."""
    return [a_sighting(f"2026-01-{day:02d}T02:00", victims=these) for day, these in enumerate(victims, 5)]


def test_victims_are_counted_and_not_told():
    (found,) = finds(VICTIMS, *harms(("p1",), ("p2",)))
    assert facts_of(found) == {"count": "2"}


@pytest.mark.parametrize("victims", [("t1",), ("p1", "t1")])
def test_whose_timeline_it_is_is_no_victim_besides(victims: tuple[str, ...]):
    """`making.KEY` is theirs: both accuse each other, and one victim is left."""
    assert finds(VICTIMS, *harms(("p1",), victims)) == []


def test_on_a_pair_neither_of_them_counts():
    rules = RuleSet([msgspec.structs.replace(VICTIMS, limbs=(_on_pairs(VICTIMS),))], BOUNDS)
    told = a_timeline(*harms(("p1", "p2"), ("p3",), ("p4",)))
    found = evaluate(rules, "victim-perpetrator:p1|p2", told, known())
    assert [facts_of(one) for one in found.values()] == [{"count": "2"}]


def _on_pairs(rule: Rule) -> Limb:
    return msgspec.structs.replace(rule.limbs[0], keys=("victim-perpetrator",))


@pytest.mark.parametrize(
    ("victims", "counts"),
    [
        ((("p1", "p2"), ("p3",)), ["2"]),
        ((("p1", "p2"), ("p2",)), []),
        ((("p1", "p2"), ("p3", "p4"), ("p2", "p3")), ["2"]),
        ((("p1",), ("p2",), ("p1", "p2"), ("p3",)), ["2", "2"]),
        ((("p1", "t1"), ("t1", "p2")), ["2"]),
    ],
    ids=[
        "a home and one more",
        "one home",
        "two homes that prove to be one",
        "and then another",
        "each with themselves",
    ],
)
def test_who_is_told_together_is_one(victims: tuple[tuple[str, ...], ...], counts: list[str]):
    assert [facts_of(found)["count"] for found in finds(HOMES, *harms(*victims))] == counts
