"""Where a report went, and what was put right there when it was taken back; what is held about a person, who was told.

The reports and the person are those of `test_erasure`; everything goes through all stages, and is read from the topics.
"""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from tests.replay.gallery import gallery
from tests.replay.running import Told, World, arrivals, by_topic, linked_world, outputs, shipped_world
from tests.replay.telling import a_report, at
from tests.replay.test_erasure import TOKEN, erased, of_the_person

from safety_stream.core.audit import Chain, subject_of, verified
from safety_stream.core.model.findings import Finding
from safety_stream.core.model.ids import incident_id
from safety_stream.core.model.incidents import Action, IncidentVersion
from safety_stream.core.model.published import AuditEntry, AuditRecord
from safety_stream.core.model.reports import Report
from safety_stream.core.model.times import DAY_LENGTH
from safety_stream.core.putting_right import FINDINGS, Certificate, Notice, Notices, Tracing, act_of, reports_under
from safety_stream.core.register import highest_of
from safety_stream.core.rules.carrying import reports_beneath, reports_of
from safety_stream.core.stages.stage import Output
from safety_stream.core.subject_access import TOPICS, PersonAnswer, Search
from safety_stream.replay import Arrival
from safety_stream.wire.codecs import shipped_codecs
from safety_stream.wire.topology import AUDIT_TOPICS

THEN = at("2026-01-20T09:00")
OF_THIS = incident_id("police-crimes", "harm-7")


def of_the_report(action: Action, version: int = 2) -> Report:
    """What the police say of the third harm afterwards."""
    third = next(one for one in of_the_person() if one.source_ref == "harm-7")
    parties = () if action == "erase" else third.parties
    return msgspec.structs.replace(third, source_version=version, action=action, parties=parties)


def an_entry(number: int, **said: object) -> Arrival:
    entry = AuditEntry(
        **(
            {"entry_id": str(UUID(int=number)), "actor": "officer-7", "acted_at": THEN, "kind": "acknowledgement"}
            | said
        )
    )
    return Arrival("audit-entries", shipped_codecs().encode(entry), THEN + 2 * DAY_LENGTH)


def read(topics: dict[str, list[Output]], follows: str) -> Notices:
    incidents = [one.value for one in topics["incidents"]]
    stands = highest_of(one for one in incidents if isinstance(one, IncidentVersion))
    notices = Notices({one.incident_id: one.received_at for one in stands.values() if one.action == "dispute"}, follows)
    feeds = sorted(topic for topic in topics if topic.startswith("alerts."))
    for topic in (*FINDINGS, "alert-changes", *feeds, "audit.entries", "withheld"):
        for output in topics.get(topic, []):
            notices.take(output.value)
    return notices


class Life:
    """What came of the person's reports, of what was done to the third harm, and of what was entered in the audit."""

    def __init__(
        self, world: World, *done: Action, entries: tuple[Arrival, ...] = (), everything: bool = False
    ) -> None:
        before = [Told(report, report.reported_at) for report in of_the_person()]
        after = [Told(of_the_report(action, number), THEN) for number, action in enumerate(done, 2)]
        after += [Told(erased(report), THEN) for report in of_the_person() if everything]
        self._world = world
        self.seen = outputs(world, [arrivals(before), arrivals(after), list(entries)])
        self.topics = by_topic(self.seen)

    def on(self, topic: str) -> list[Output]:
        return self.topics.get(topic, [])

    def notices(self, follows: str) -> list[Notice]:
        return self.read(follows).of_the_report()

    def read(self, follows: str) -> Notices:
        return read(self.topics, follows)

    def certificate(self, follows: str = OF_THIS) -> Certificate:
        tracing = Tracing(follows, self._world.catalogue)
        indicators = sorted(topic for topic in self.topics if topic.startswith("indicators."))
        for topic in ("incidents", "audit.changes", *FINDINGS, *indicators):
            for output in self.on(topic):
                tracing.take(topic, output.value)
        read = self.read(follows)
        made = tracing.certificate(read.of_the_report(), read.untold_of_the_report(), THEN)
        assert made is not None
        return made

    def answer(self, token: str) -> PersonAnswer:
        search = Search([token])
        for topic in TOPICS:
            for output in self.on(topic):
                search.take(topic, output.value)
        return search.answer()


@pytest.mark.parametrize("action", ["withdraw", "restrict", "erase"])
def test_whoever_was_told_is_a_recipient_until_they_acknowledge(shipped: World, action: Action):
    life = Life(shipped, action)
    told_before = {
        (one.value.audience, one.value.alert_id)
        for topic, found in life.topics.items()
        for one in found
        if topic.startswith("alerts.") and one.received_at < THEN
    }

    made = life.certificate()

    assert (made.stands_as, made.resting, made.is_complete) == (action, (), False)
    assert {one.change for one in made.findings} >= {"withdrawn"}
    assert {(one.audience, one.alert_id) for one in made.notices} <= told_before
    assert {one.action for one in made.notices} == {action}
    assert {one.why for one in made.notices} == {"restated"}
    assert "duty-officer" in {one.audience for one in made.notices}
    assert {one.indicator for one in made.values} >= {"violence"}

    answers = [
        an_entry(number, audience=one.audience, seq=one.seq, alert_id=one.alert_id)
        for number, one in enumerate(made.notices, 1)
    ]
    assert not Life(shipped, action, entries=tuple(answers[:-1])).certificate().is_complete
    assert Life(shipped, action, entries=tuple(answers)).certificate().is_complete


def test_of_reports_that_are_erased_together_each_has_the_notices_of_what_rested_on_it(shipped: World):
    """The first of them brings the end of the alert about, and the others change nothing that was still there."""
    life = Life(shipped, everything=True)

    for day in (5, 6, 7):
        made = life.certificate(incident_id("police-crimes", f"harm-{day}"))
        assert (made.stands_as, made.resting, made.is_complete) == ("erase", (), False)
        assert "duty-officer" in {one.audience for one in made.notices}


def test_a_certificate_names_no_person_and_the_record_of_what_was_done(shipped: World):
    life = Life(shipped, "erase")

    made = life.certificate()

    assert TOKEN.encode() not in msgspec.json.encode(made)
    (act,) = made.acts
    (record,) = [one.value for one in life.on("audit.changes") if one.value.incident_id == OF_THIS]
    assert (act.verb, act.chain, act.seq, act.hash) == ("erasure", "audit.changes", record.seq, record.hash)


def test_those_who_were_told_of_what_is_disputed_now_are_recipients_of_that(shipped: World):
    life = Life(shipped, "dispute")

    made = life.certificate()

    assert {(one.why, one.action) for one in made.notices} == {("disputed", "dispute")}
    assert made.resting, "a disputed report counts as before"
    last = {one.value.alert_id: one.value.seq for one in life.on("alerts.duty-officer")}
    assert [one.seq for one in made.notices if one.audience == "duty-officer"] == sorted(
        last[one.alert_id] for one in made.notices if one.audience == "duty-officer"
    )
    assert Life(shipped, "dispute", "correct").certificate().notices == (), "a later version lifts it"


def test_a_dispute_of_a_report_that_an_alert_shows_no_more_reaches_those_who_were_told(shipped: World):
    """Of a person who was harmed on 24 days: each finding that is shown shows the eight days before it completed."""
    harms = [
        a_report("police-crimes", f"day-{n}", f"2026-01-{n:02}T20:00", people={"victim": TOKEN}) for n in range(1, 25)
    ]
    disputed = msgspec.structs.replace(harms[0], source_version=2, action="dispute")
    topics = by_topic(
        outputs(
            shipped,
            [arrivals(Told(one, one.reported_at) for one in harms), arrivals([Told(disputed, at("2026-01-30T09:00"))])],
        )
    )
    first = incident_id("police-crimes", "day-1")
    last = {one.value.alert_id: one.value for one in topics["alert-changes"]}
    (graded,) = [one for one in last.values() if one.rule_id == "rv-graded"]

    assert first not in {report for finding in graded.findings for report in reports_of(finding)}
    assert first in graded.also_rests_on
    told = {
        one.value.audience
        for topic in topics
        if topic.startswith("alerts.")
        for one in topics[topic]
        if one.value.alert_id == graded.alert_id
    }
    assert {"duty-officer"} <= told
    found = [one for one in read(topics, first).of_the_report() if one.alert_id == graded.alert_id]
    assert {(one.audience, one.why, one.incident_id) for one in found} == {(one, "disputed", first) for one in told}
    assert len(found) == len(told)


def test_a_restriction_is_lifted_by_a_later_version_and_the_finding_stands_again(shipped: World):
    first, lifted = Life(shipped), Life(shipped, "restrict", "correct")

    assert first.certificate().resting == lifted.certificate().resting != ()
    assert [one.action for one in lifted.certificate().acts] == ["restrict", "correct"]


def test_a_report_that_nothing_was_done_to_has_nothing_to_put_right(shipped: World):
    made = Life(shipped).certificate()

    assert (made.notices, made.findings, made.acts, made.is_complete) == ((), (), (), True)


def test_causes_that_put_nothing_right_are_none():
    assert act_of(f"{OF_THIS} erase") == (OF_THIS, "erase")
    assert [act_of(cause) for cause in (f"{OF_THIS} new", "persons linked: decision a", "catalogue changed", "")] == [
        None
    ] * 4


def test_what_is_held_about_a_person_is_every_report_alert_disclosure_and_look(shipped: World):
    looked = an_entry(9, kind="consultation", subject=subject_of(TOKEN), reason="subject-access")
    other = an_entry(10, kind="consultation", subject=subject_of("tok-other"), reason="regulator")
    life = Life(shipped, "withdraw", entries=(looked, other))

    answer = life.answer(TOKEN)

    named = of_the_person()
    assert {one.incident_id for one in answer.reports} == {incident_id(one.source, one.source_ref) for one in named}
    assert {one.incident_id: one.stands_as for one in answer.reports}[OF_THIS] == "withdraw"
    about = {one.value.alert_id for one in life.on("alert-changes") if TOKEN in one.value.subject}
    mine = {one.incident_id for one in answer.reports}
    found = {one.value.finding.finding_id for one in life.on("findings") if reports_of(one.value.finding) & mine}
    resting = {
        one.value.alert_id
        for one in life.on("alert-changes")
        if found & {finding.finding_id for finding in one.value.findings}
    }
    assert resting - about, "an alert about somebody else rests on what names the person too"
    assert about | resting == {one.alert_id for one in answer.alerts}
    on_record = [one.value for one in life.on("audit.alerts") if one.value.alert_id in about]
    assert {(one.audience, one.from_seq) for one in on_record} <= {(one.to, one.number) for one in answer.disclosures}
    assert [(one.actor, one.reason) for one in answer.consultations] == [("officer-7", "subject-access")]
    assert [(one.verb, one.reason) for one in answer.changes] == [("alteration", "withdraw")]


def test_nothing_is_held_about_somebody_nobody_has_named(shipped: World):
    answer = Life(shipped).answer("tok-nobody")

    assert (answer.reports, answer.alerts, answer.changes, answer.disclosures, answer.consultations) == ((),) * 5


def test_all_six_verbs_are_on_record_and_every_chain_is_whole(shipped: World):
    looked = an_entry(9, kind="consultation", subject=subject_of(TOKEN), reason="subject-access")
    life = Life(shipped, "correct", "erase", entries=(looked,))
    trails = {topic: [one.value for one in life.on(topic)] for topic in AUDIT_TOPICS}

    verbs = {record.verb for trail in trails.values() for record in trail}
    assert verbs == {"collection", "alteration", "consultation", "disclosure-transfers", "erasure"}
    assert [fault for topic, trail in trails.items() for fault in verified(Chain(topic, 0), trail).faults] == []
    assert all(isinstance(record, AuditRecord) for trail in trails.values() for record in trail)


def test_no_report_is_collected_without_its_record(shipped: World):
    life = Life(shipped, "withdraw")

    collected = [one.value for one in life.on("audit.collection") if one.value.topic.startswith("backfill.")]

    passed = [one for one in life.on("incidents") if isinstance(one.value, IncidentVersion)]
    assert sum(one.count or 0 for one in collected) == len(passed)
    assert {one.actor for one in collected} == {one.value.source for one in passed}


def test_what_rests_on_what_was_found_elsewhere_is_told_of_a_dispute_and_certified(tmp_path: Path):
    """An alert about a vehicle at two homes names two findings, and no report of theirs."""
    topics = by_topic(outputs(linked_world(tmp_path / "catalogue"), [arrivals(gallery())]))
    standing: dict[str, Finding] = {}
    for one in topics["findings"]:
        standing[one.value.finding.finding_id] = one.value.finding
        if one.value.change == "withdrawn":
            del standing[one.value.finding.finding_id]
    alerts = {one.value.alert_id: one.value for one in topics["alert-changes"]}
    feeds = [topic for topic in topics if topic.startswith("alerts.")]
    told = {one.value.alert_id for topic in feeds for one in topics[topic]}
    seen = set()
    for alert in alerts.values():
        beneath = frozenset[str]().union(*(reports_beneath(finding, standing) for finding in alert.findings))
        hidden = sorted(beneath - reports_under(alert))
        if alert.change == "withdrawn" or alert.alert_id not in told or not hidden or alert.rule_id in seen:
            continue
        seen.add(alert.rule_id)
        report = hidden[0]
        notices = Notices({report: 0})
        tracing = Tracing(report, shipped_world().catalogue)
        for topic in (*FINDINGS, "alert-changes", *feeds):
            for output in topics[topic]:
                notices.take(output.value)
                tracing.take(topic, output.value)

        assert any(one.alert_id == alert.alert_id and one.why == "disputed" for one in notices.all()), alert.rule_id
        resting = {name for name, finding in standing.items() if report in reports_beneath(finding, standing)}
        assert tracing._resting.standing() == sorted(resting)
    assert {"soc-cuckooing-vehicle", "soc-hub"} <= seen
