"""What a step may test, on a key's share of a report and on the whole report."""

from __future__ import annotations

import pytest
from tests.core.rules.making import a_sighting, at

from safety_stream.core.model.incidents import IncidentVersion, Party
from safety_stream.core.model.sightings import Sighting
from safety_stream.core.model.times import HOUR
from safety_stream.core.rules.rule import Field, Selector
from safety_stream.core.rules.rule import Test as FieldTest
from safety_stream.core.rules.selectors import compiled

NOON = at("2026-01-05T12:00")
SIGHTING = a_sighting(
    NOON, subtype="s", themes=("asb", "hate"), flags=("weapon",), grade="B", roles=("suspect", "victim"), child=True
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
