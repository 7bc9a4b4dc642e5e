"""What a step may test, on a key's share of a report and on the whole report."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from tests.core.rules.making import a_sighting, at

from safety_stream.core.model.facts import Fact
from safety_stream.core.model.incidents import IncidentVersion, Party
from safety_stream.core.model.sightings import FINDING, Sighting
from safety_stream.core.model.times import HOUR
from safety_stream.core.rules.chains import found_elsewhere
from safety_stream.core.rules.rule import FactTest, Field, Selector
from safety_stream.core.rules.rule import Test as FieldTest
from safety_stream.core.rules.selectors import Readable, Remembered, compiled

NOON = at("2026-01-05T12:00")
SIGHTING = a_sighting(
    NOON,
    subtype="s",
    themes=("asb", "hate"),
    flags=("weapon",),
    grade="B",
    roles=("suspect", "victim"),
    child=True,
    facts=(Fact("colour", "red"), Fact("weight", "14")),
)
VERSION = IncidentVersion(
    incident_id="i",
    source="police-crimes",
    organisation="lancashire-police",
    source_version=1,
    action="new",
    kind="police-crime",
    subtype="s",
    category="violence",
    family="violence",
    themes=("asb", "hate"),
    flags=("weapon",),
    grade="B",
    occurred_from=NOON,
    occurred_to=NOON,
    precision="instant",
    reported_at=NOON + HOUR,
    received_at=NOON + HOUR,
    area="E07000117",
    parties=(Party("suspect", "t1"), Party("victim", "t2", child=True)),
    facts=SIGHTING.facts,
)
PASSING: dict[Field, str] = {
    "kind": "police-crime",
    "subtype": "s",
    "category": "violence",
    "family": "violence",
    "theme": "hate",
    "flag": "weapon",
    "origin": "reported",
    "grade": "B",
    "role": "victim",
    "organisation": "lancashire-police",
    "source": "police-crimes",
    "child": "true",
}


@pytest.mark.parametrize("report", [SIGHTING, VERSION], ids=["sighting", "version"])
@pytest.mark.parametrize(("field", "value"), PASSING.items())
def test_a_test_passes_on_one_of_its_values_and_no_other(report: Sighting | IncidentVersion, field: Field, value: str):
    assert compiled(Selector(tests=(FieldTest(field, frozenset({value, "another"})),))).passes(report)
    assert not compiled(Selector(tests=(FieldTest(field, frozenset({"another"})),))).passes(report)
    assert not compiled(Selector(none_of=(FieldTest(field, frozenset({value})),))).passes(report)


def test_all_tests_must_pass():
    tests = (FieldTest("kind", frozenset({"police-crime"})), FieldTest("grade", frozenset({"E"})))
    assert not compiled(Selector(tests=tests)).passes(SIGHTING)


def test_a_missing_field_passes_no_test():
    assert not compiled(Selector(tests=(FieldTest("grade", frozenset({"A", "B"})),))).passes(a_sighting(NOON))


def test_a_child_who_only_saw_it_does_not_make_a_report_one_of_a_child():
    child = Selector(tests=(FieldTest("child", frozenset({"true"})),))
    saw = IncidentVersion(
        **{name: getattr(VERSION, name) for name in VERSION.__struct_fields__ if name != "parties"},
        parties=(Party("witness", "t3", child=True),),
    )
    assert not compiled(child).passes(saw)


@pytest.mark.parametrize("report", [SIGHTING, VERSION], ids=["sighting", "version"])
@pytest.mark.parametrize(
    ("test", "passes"),
    [
        (FactTest("colour", frozenset({"red", "blue"})), True),
        (FactTest("colour", frozenset({"blue"})), False),
        (FactTest("weight", frozenset({"14"})), True),
        (FactTest("weight", None, 14), True),
        (FactTest("weight", None, 15), False),
        (FactTest("weight", None, None, 14), True),
        (FactTest("weight", None, None, 13), False),
        (FactTest("weight", None, 14, 14), True),
        (FactTest("weight", None, 2, 13), False),
        # A number is compared as one: as text 14 is less than 2.
        (FactTest("weight", None, 2), True),
    ],
)
def test_a_fact_is_tested_by_its_values_or_as_a_number(report: Readable, test: FactTest, passes: bool):
    assert compiled(Selector(facts=(test,))).passes(report) is passes
    assert compiled(Selector(none_of_facts=(test,))).passes(report) is not passes


@pytest.mark.parametrize("report", [SIGHTING, VERSION], ids=["sighting", "version"])
@pytest.mark.parametrize(
    "test",
    [
        FactTest("size", frozenset({"red", "0"})),
        FactTest("size", None, 0),
        FactTest("size", None, None, 0),
        FactTest("colour", None, 0),
    ],
    ids=["no value", "no number", "not nought either", "a word for a number"],
)
def test_a_missing_fact_passes_no_test(report: Readable, test: FactTest):
    assert not compiled(Selector(facts=(test,))).passes(report)
    assert compiled(Selector(none_of_facts=(test,))).passes(report)


def test_what_is_remembered_tells_facts_apart_by_the_tests_they_pass():
    """However many numbers there are: two tests make three combinations, and a report without facts a fourth."""
    asked: list[Readable] = []

    def follow(report: Readable) -> int:
        asked.append(report)
        return len(asked)

    heavy, dark = Selector(facts=(FactTest("weight", None, 50),)), Selector(facts=(FactTest("weight", None, 90),))
    remembered = Remembered([heavy, dark], Sighting, follow)
    for weight in range(100):
        facts = (Fact("colour", f"c{weight}"), Fact("weight", str(weight)))
        assert remembered.of(a_sighting(NOON, facts=facts)) == 1 + (weight >= 50) + (weight >= 90)
    assert remembered.of(a_sighting(NOON)) == 4
    assert len(asked) == 4


def test_what_is_remembered_tells_parties_apart_by_role_and_by_who_is_a_child_and_not_by_who_they_are():
    """Else it would follow anew for every report that names somebody, and hold on to whom it named."""
    asked: list[Readable] = []

    def follow(report: Readable) -> tuple[bool, ...]:
        asked.append(report)
        return tuple(compiled(selector).passes(report) for selector in selectors)

    selectors = [Selector(tests=(FieldTest("role", frozenset({"suspect"})),))]
    selectors.append(Selector(tests=(FieldTest("child", frozenset({"true"})),)))
    remembered = Remembered(selectors, IncidentVersion, follow)
    for number in range(50):
        suspect, victim, child = (
            Party("suspect", f"s{number}"),
            Party("victim", f"v{number}"),
            Party("victim", f"c{number}", child=True),
        )
        told = [(suspect, victim), (victim, suspect), (victim,), (child, victim), (child, suspect, victim)]
        found = [remembered.of(replace(VERSION, parties=parties)) for parties in told]
        assert found == [(True, False), (True, False), (False, False), (False, True), (True, True)]
    assert len(asked) == 4


@pytest.mark.parametrize("selector", [Selector(), Selector(tests=(FieldTest("origin", frozenset({"reported"})),))])
def test_what_does_not_ask_for_findings_means_reports_alone(selector: Selector):
    report, found = a_sighting("2026-01-05T12:00"), a_sighting("2026-01-05T12:00", kind=FINDING, subtype="a-rule")
    one, other = compiled(selector), compiled(Selector(tests=found_elsewhere(["a-rule"])))
    assert [one.passes(report), one.concerns(report), one.passes(found), one.concerns(found)] == [
        True,
        True,
        False,
        False,
    ]
    assert [other.passes(report), other.passes(found)] == [False, True]
