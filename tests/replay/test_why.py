"""Every finding that stands explains itself, and what it says would take it back does."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.replay.gallery import gallery, persons
from tests.replay.running import Decided, Told, World, arrivals, outputs, received, result_of, standing
from tests.replay.telling import a_report
from tests.replay.universes import universes
from tests.trying import often

from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.findings import Finding
from safety_stream.core.model.ids import incident_id
from safety_stream.core.model.incidents import IncidentVersion
from safety_stream.core.model.links import PersonLink
from safety_stream.core.model.reports import Report, ReportedPlace
from safety_stream.core.model.times import DAY_LENGTH, HOUR
from safety_stream.core.persons import Persons, named_in
from safety_stream.core.persons import standing as decisions_of
from safety_stream.core.register import Scope
from safety_stream.core.rules.condition import Now
from safety_stream.core.rules.engine import HUB_RULE
from safety_stream.core.rules.signal import asks_for_signals
from safety_stream.core.rules.why import Account, account_of, found_beneath, grounds_of
from safety_stream.core.stages.detect import now_by
from safety_stream.core.stages.stage import Clock, Output

GAPS = st.lists(st.sampled_from((0, 0, 1, HOUR, DAY_LENGTH)), min_size=1, max_size=4)


def accounts(world: World, told: Sequence[Told | Decided]) -> list[Account]:
    """Why each finding stands once these reports have gone through."""
    seen = outputs(world, [arrivals(told)])
    found = result_of(seen).findings
    known, now = world.catalogue, _now(world, seen)
    rules = (*known.rules, HUB_RULE)
    versions = [output.value for output in seen if isinstance(output.value, IncidentVersion)]
    who = Persons(decisions_of(one.value for one in seen if isinstance(one.value, PersonLink)), known.persons)
    grounds = {
        key: grounds_of(
            partial(iter, versions),
            key,
            Scope(known),
            known.bounds,
            now,
            found,
            lambda version: who.who(named_in(version)),
        )
        for key in {finding.key for finding in found.values()}
    }

    def account(finding: Finding) -> Account:
        beneath = [account(one) for one in found_beneath(finding, found)]
        return account_of(finding, rules, grounds[finding.key], found.values(), known.bounds, beneath)

    return [account(finding) for finding in found.values()]


def _now(world: World, seen: Sequence[Output]) -> Now:
    clock = Clock()
    for output in seen:
        if output.topic == "sightings":
            clock = clock.at(output.received_at)
            if isinstance(output.value, FeedStatus):
                clock = clock.hear(output.value)
    return now_by(clock, 1, world.catalogue.sources)


def taken_back(told: Sequence[Told], *incidents: str) -> list[Told]:
    """The same reports, and at the end the withdrawal of these incidents."""
    withdrawals = []
    for incident in incidents:
        mine = [one.report for one in told if incident_id(one.report.source, one.report.source_ref) == incident]
        version = max(report.source_version for report in mine) + 1
        withdrawals.append(msgspec.structs.replace(mine[-1], source_version=version, action="withdraw"))
    return [*told, *(Told(one, told[-1].received_at) for one in withdrawals)]


def left_of(finding: Finding, found: dict[str, Finding]) -> Finding | None:
    """The finding among these, or what has taken its place on the same occurrence."""
    if finding.finding_id in found:
        return found[finding.finding_id]
    reports = {name for at in finding.evidence if at.occurrence_id == finding.occurrence_id for name in at.reports}
    left = [
        one
        for one in found.values()
        if (one.rule_id, one.limb, one.key) == (finding.rule_id, finding.limb, finding.key)
        and one.occurrence_id in reports
    ]
    return min(left, key=lambda one: (one.completed_at, one.finding_id), default=None)


def disagreements(world: World, told: Sequence[Told], account: Account) -> list[tuple[str, ...]]:
    """The reports of which an account says other than what withdrawing them makes of its finding."""
    wrong = []
    elsewhere = {one.finding.finding_id for one in account.beneath}
    for said in account.without:
        if not elsewhere.isdisjoint(said.reports):
            # What would take that back is said of it, not here.
            continue
        left = left_of(account.finding, standing(world, taken_back(told, *said.reports)).findings)
        if (said.stands, said.priority) != (left is not None, left.priority if left else None):
            wrong.append(said.reports)
    return wrong


def test_every_finding_of_the_gallery_is_recomputed_the_same(small: World):
    said = accounts(small, gallery())

    assert [one.finding for one in said if one.verdict != "same"] == []
    rules = {rule.id for rule in (*small.catalogue.rules, HUB_RULE)} - asks_for_signals(small.catalogue.rules)
    assert rules == {one.finding.rule_id for one in said}
    assert any(one.left_out for one in said)
    joined = [one for one in said if one.finding.rule_id == "soc-cuckooing-vehicle"]
    assert joined
    for one in joined:
        assert [{cited.kind for cited in at.reports} for at in one.occurrences] == [{"finding"}, {"finding"}]
        assert [beneath.finding.rule_id for beneath in one.beneath] == ["soc-cuckooing", "soc-cuckooing"]
        assert one.rests_on_reports == sum(beneath.rests_on_reports for beneath in one.beneath)
        assert one.hangs_on_one


def test_every_finding_about_persons_somebody_decided_about_is_recomputed_the_same(small: World):
    said = accounts(small, persons())

    assert [one.finding for one in said if one.verdict != "same"] == []
    assert any(("match", "possible") in one.finding.facts for one in said)


@settings(max_examples=often(40))
@given(reports=universes(), gaps=GAPS)
def test_every_finding_is_recomputed_the_same(small: World, reports: list[Report], gaps: list[int]):
    said = accounts(small, received(reports, gaps))

    assert [one.finding for one in said if one.verdict != "same"] == []


@settings(max_examples=often(20))
@given(reports=universes(), gaps=GAPS, data=st.data())
def test_what_would_take_a_finding_back_does(small: World, reports: list[Report], gaps: list[int], data: st.DataObject):
    told = received(reports, gaps)
    said = [one for one in accounts(small, told) if one.without]

    if said:
        account = data.draw(st.sampled_from(sorted(said, key=lambda one: one.finding.finding_id)))
        assert disagreements(small, told, account) == []


@pytest.mark.parametrize(("harms", "hangs"), [(3, True), (4, False)])
def test_an_area_whose_number_is_just_reached_hangs_on_each_report(small: World, harms: int, hangs: bool):
    """Its number is three; its reports are counted, and none is singled out."""
    place = ReportedPlace(area="E07000124")
    week = [a_report("police-crimes", f"w{day}", f"2026-06-0{day}T10:00", place=place) for day in range(1, 1 + harms)]
    elsewhen = [
        a_report("police-crimes", "later", "2026-06-20T10:00", place=place),
        a_report("police-crimes", "some-day", "2026-06-06T10:00", place=place, precision="month"),
    ]
    told = received([*week, *elsewhen])

    (said,) = accounts(small, told)
    left = [standing(small, taken_back(told, incident_id(one.source, one.source_ref))).findings.keys() for one in week]

    assert (said.verdict, said.rests_on_reports, said.without, said.hangs_on_one) == ("same", harms, (), hangs)
    assert [said.finding.finding_id not in one for one in left] == [hangs] * harms
