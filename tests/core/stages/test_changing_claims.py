"""Other keys and indicators while versions go on: every claim is made anew, and what it says otherwise goes out."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.stages.making import NOON, a_record, a_version
from tests.core.stages.test_register import counted, standing

from safety_stream.core.catalogue import Catalogue, Indicator
from safety_stream.core.model.findings import FindingChange
from safety_stream.core.model.incidents import IncidentVersion, Party
from safety_stream.core.model.sightings import SightingChange
from safety_stream.core.model.tallies import Tally
from safety_stream.core.model.times import DAY_LENGTH, day_of
from safety_stream.core.rules.rule import Selector
from safety_stream.core.rules.rule import Test as FieldTest
from safety_stream.core.stages import alert, detect, register
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.core.stages.stage import MORE_ROW, Unreadable

CRIME = Indicator(
    id="crime",
    title="Recorded crime",
    select=Selector(tests=(FieldTest("kind", frozenset({"police-crime"})),)),
    feeds=("police-crimes",),
    periods=("week",),
)


def reading(catalogue: Catalogue, kind: Any, *indicators: Indicator) -> Catalogue:
    """The catalogue whose first rule alone is left, on this kind of key, with these indicators alone."""
    rule = next(rule for rule in catalogue.rules if rule.limbs[0].keys != ("area",))
    limbs = tuple(msgspec.structs.replace(limb, keys=(kind,)) for limb in rule.limbs)
    return msgspec.structs.replace(
        catalogue, rules=(msgspec.structs.replace(rule, limbs=limbs),), indicators=indicators
    )


class Stream:
    """Register on one partition, whose catalogue can change."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.rows = MemoryRows()
        self.values: list[Any] = []
        self.change(catalogue)

    def change(self, catalogue: Catalogue) -> None:
        self._step = register.make_step(catalogue, 1)

    def take(self, version: IncidentVersion) -> list[Any]:
        return self._said([a_record(version)])

    def go_on(self) -> list[Any]:
        return self._said([])

    def settle(self) -> list[Any]:
        said = self.go_on()
        for _ in range(100):
            if self.rows.get(MORE_ROW) is None:
                return said
            said += self.go_on()
        raise AssertionError("it never ends")

    def _said(self, records: list[Any]) -> list[Any]:
        values = [output.value for output in self._step(self.rows, records, None)]
        self.values += values
        return values


def test_a_new_kind_of_key_sees_what_was_reported_before(catalogue: Catalogue):
    stream = Stream(reading(catalogue, "victim"))
    stream.take(a_version())

    stream.change(reading(catalogue, "person"))
    said = [one for one in stream.settle() if isinstance(one, SightingChange)]
    assert [(one.key, one.sign, one.cause) for one in said] == [
        ("person:tok-a", 1, "catalogue changed"),
        ("victim:tok-a", -1, "catalogue changed"),
    ]
    assert {one.as_of for one in said} == {a_version().received_at}


def test_a_new_indicator_counts_what_was_reported_before_on_the_day_it_was(catalogue: Catalogue):
    stream = Stream(reading(catalogue, "victim"))
    stream.take(a_version())
    stream.take(a_version(incident_id="other", received_at=NOON + 5 * DAY_LENGTH))

    stream.change(reading(catalogue, "victim", CRIME))
    said = [one for one in stream.settle() if isinstance(one, Tally)]
    assert {one.report_day for one in said} == {day_of(NOON), day_of(NOON + 5 * DAY_LENGTH)}
    assert {(one.indicator, one.cause) for one in said} == {("crime", "catalogue-changed")}


def test_reports_that_name_many_people_take_several_slices_and_say_the_same(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
):
    at_once, in_parts = Stream(reading(catalogue, "suspect")), Stream(reading(catalogue, "suspect"))
    for stream in (at_once, in_parts):
        for number in range(5):
            parties = tuple(Party("victim", f"tok-{number}-{one}") for one in range(4))
            stream.take(a_version(incident_id=f"i{number}", parties=parties))
        stream.change(reading(catalogue, "victim"))

    said = at_once.go_on()
    assert at_once.rows.get(MORE_ROW) is None
    monkeypatch.setattr(register, "WORK", 8)
    slices = [in_parts.go_on() for _ in range(3)]
    assert [len(one) for one in slices] == [8, 8, 4]
    assert in_parts.rows.get(MORE_ROW) is None
    assert [one for told in slices for one in told] == said


def test_what_a_claim_does_not_depend_on_changes_none(catalogue: Catalogue):
    stream = Stream(reading(catalogue, "victim", CRIME))
    stream.take(a_version())
    before = list(stream.rows.scan(b"", b"\xff"))

    other = reading(catalogue, "victim", msgspec.structs.replace(CRIME, title="Otherwise called"))
    stream.change(msgspec.structs.replace(other, rules=(msgspec.structs.replace(other.rules[0], version=9),)))
    assert stream.settle() == []
    assert list(stream.rows.scan(b"", b"\xff")) == before


CATALOGUES = st.tuples(st.sampled_from(["victim", "person", "suspect"]), st.booleans())
VERSIONS = st.builds(
    lambda number, source_version, role, action: a_version(
        incident_id=f"i{number}", source_version=source_version, action=action, parties=(Party(role, f"tok-{number}"),)
    ),
    st.integers(0, 3),
    st.integers(1, 3),
    st.sampled_from(["victim", "suspect"]),
    st.sampled_from(["new", "new", "correct", "withdraw"]),
)


@settings(max_examples=300)
@given(CATALOGUES, st.lists(st.one_of(VERSIONS, CATALOGUES, st.none()), max_size=20))
def test_whatever_happens_meanwhile_the_claims_are_those_of_the_last_catalogue(
    catalogue: Catalogue, first: tuple[str, bool], events: list[IncidentVersion | tuple[str, bool] | None]
):
    last = next((event for event in reversed(events) if isinstance(event, tuple)), first)

    def of(said: tuple[str, bool]) -> Catalogue:
        return reading(catalogue, said[0], *([CRIME] if said[1] else []))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(register, "SLICE", 1)
        stream, fresh = Stream(of(first)), Stream(of(last))
        for event in events:
            if isinstance(event, IncidentVersion):
                stream.take(event)
                fresh.take(event)
            elif event is None:
                stream.go_on()
            else:
                stream.change(of(event))
        stream.settle()
    assert standing(stream.values) == standing(fresh.values)
    assert counted(stream.values) == counted(fresh.values)


# --- what the alert stage makes of a rule that is gone


def raised(catalogue: Catalogue) -> list[FindingChange]:
    """A finding of the first rule but that of an area, by way of register and detect."""
    versions = [
        a_version(incident_id=f"i{number}", occurred_from=NOON + number * DAY_LENGTH, received_at=NOON + 3 * DAY_LENGTH)
        for number in range(3)
    ]
    rows = MemoryRows()
    step = register.make_step(catalogue, 1)
    said = [output.value for output in step(rows, [a_record(one) for one in versions], None)]
    sightings = [a_record(one, "sightings", received_at=one.as_of) for one in said if isinstance(one, SightingChange)]
    found = detect.make_step(catalogue, 1)(MemoryRows(), sightings, None)
    return [output.value for output in found if output.value.finding.rule_id == "rv-graded"]


def test_an_alert_of_a_rule_that_is_gone_is_taken_back_in_its_own_words(catalogue: Catalogue):
    (change,) = raised(catalogue)
    rows = MemoryRows()
    (first,) = alert.make_step(catalogue, 1)(rows, [a_record(change, received_at=NOON)], None)
    gone = msgspec.structs.replace(catalogue, rules=())
    back = msgspec.structs.replace(change, change="withdrawn", cause="rule rv-graded is retired")

    (last,) = alert.make_step(gone, 1)(rows, [a_record(back, received_at=NOON)], None)
    assert (last.value.change, last.value.reason, last.value.cause) == (
        "withdrawn",
        "withdrawn",
        "rule rv-graded is retired",
    )
    assert (last.value.title, last.value.notify) == (first.value.title, True)


def test_a_rule_that_was_never_heard_of_stops_the_stage(catalogue: Catalogue):
    (change,) = raised(catalogue)
    with pytest.raises(Unreadable, match="restore the rule"):
        alert.make_step(msgspec.structs.replace(catalogue, rules=()), 1)(
            MemoryRows(), [a_record(change, received_at=NOON)], None
        )


def test_a_trial_rule_that_becomes_stable_in_another_version_is_told_of(catalogue: Catalogue):
    rule = next(rule for rule in catalogue.rules if rule.id == "rv-graded")
    trial = msgspec.structs.replace(catalogue, rules=(msgspec.structs.replace(rule, status="trial"),))
    (change,) = raised(trial)
    rows = MemoryRows()
    (first,) = alert.make_step(trial, 1)(rows, [a_record(change, received_at=NOON)], None)
    stable = msgspec.structs.replace(catalogue, rules=(msgspec.structs.replace(rule, version=9),))
    again = msgspec.structs.replace(
        change, change="updated", finding=msgspec.structs.replace(change.finding, rule_version=9)
    )

    (second,) = alert.make_step(stable, 1)(rows, [a_record(again, received_at=NOON)], None)
    assert (first.value.audiences, second.value.audiences) == ((), ("analyst", "duty-officer"))
