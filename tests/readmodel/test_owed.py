"""What is owed by the copy is what is owed by the topics themselves, however they were read and cut."""

from __future__ import annotations

from pathlib import Path
from random import Random

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from tests.core.alerts.test_condition import of_reports
from tests.core.alerts.test_condition import told as versions_of
from tests.core.stages.making import NOON, an_alert
from tests.readmodel.making import alert, another, told

from safety_stream.core.model.alerts import AlertVersion
from safety_stream.core.model.findings import Evidence, Finding, FindingChange
from safety_stream.core.model.published import AuditRecord, PublishedAlert
from safety_stream.core.putting_right import Notice, Notices, reports_under
from safety_stream.core.rules.carrying import reports_beneath
from safety_stream.core.stages.enter import ACKNOWLEDGED
from safety_stream.readmodel.owed import Owed
from safety_stream.readmodel.projection import Place, TopicRecord, note_ends
from safety_stream.wire.codecs import shipped_codecs

AUDIENCES = ("desk", "council")
ALERTS = ("a", "b", "c")
REPORTS = ("r-1", "r-2", "r-3")
FINDINGS = ("f-1", "f-2", "f-3")
"""Each may rest on those before it."""
ACTIONS = ("new", "correct", "withdraw", "erase", "dispute", "restrict")


def resting_on(report: str) -> Finding:
    return Finding(
        finding_id=f"f-{report}", rule_id="rv", rule_version=1, limb="main", family="repeat-victimisation",
        key="victim:tok-a", occurrence_id="o", completed_at=NOON, priority="P2", area="E07000117",
        areas=("E07000117",), evidence=(Evidence("o", NOON, "E07000117", (report,), ()),), excluded=(), facts=(),
        child=False, explanation="",
    )  # fmt: skip


def a_finding(finding_id: str, *reports: str, change: str = "raised", as_of: int = NOON) -> FindingChange:
    """A finding that rests on these reports, and on findings in their place."""
    one = resting_on("r-1")
    evidence = tuple(Evidence(f"o-{name}", NOON, "E07000117", (name,), ()) for name in reports)
    return FindingChange(
        change=change,  # type: ignore[arg-type]
        finding=msgspec.structs.replace(one, finding_id=finding_id, evidence=evidence),
        as_of=as_of,
        cause="clock",
    )


def record(seq: int, **changes: object) -> AuditRecord:
    fields = {
        "seq": seq, "previous_hash": "", "hash": "", "verb": "alteration", "audience": "", "topic": "",
        "from_seq": 0, "to_seq": 0, "alert_id": None, "fields": (), "as_of": NOON + seq,
    }  # fmt: skip
    return AuditRecord(**(fields | changes))  # type: ignore[arg-type]


def history(chance: Random, length: int) -> list[tuple[str, msgspec.Struct]]:
    """What happened, by topic, in the order of each topic."""
    found: list[tuple[str, msgspec.Struct]] = []
    versions = dict.fromkeys(ALERTS, 0)
    last: dict[tuple[str, str], tuple[int, int]] = {}
    numbers = {"audit.changes": 0, "audit.entries": 0} | dict.fromkeys(AUDIENCES, 0)
    for step in range(1, length + 1):
        match chance.choice(("alert", "alert", "news", "report", "answer", "finding")):
            case "finding":
                place = chance.randrange(len(FINDINGS))
                beneath = chance.sample((*REPORTS, *FINDINGS[:place]), chance.randint(1, 2))
                word = chance.choice(("raised", "updated", "withdrawn"))
                found.append(("findings", a_finding(FINDINGS[place], *beneath, change=word, as_of=NOON + step)))
            case "alert":
                name = chance.choice(ALERTS)
                versions[name] += 1
                reports = chance.sample((*REPORTS, *FINDINGS), chance.randrange(3))
                change = "withdrawn" if not reports else "updated"
                version = msgspec.structs.replace(
                    an_alert(priority="P2", audiences=AUDIENCES), alert_id=name, version=versions[name],
                    change=change, cause=f"{chance.choice(REPORTS)} {chance.choice(ACTIONS)}",
                    findings=tuple(resting_on(report) for report in reports[:1]),
                    also_rests_on=tuple(sorted(reports[1:])),
                )  # fmt: skip
                found.append(("alert-changes", version))
                for audience in chance.sample(AUDIENCES, chance.randrange(3)):
                    numbers[audience] += 1
                    found.append(
                        (f"alerts.{audience}", published(audience, name, numbers, versions, last, step, change))
                    )
            case "news":
                name, audience = chance.choice(ALERTS), chance.choice(AUDIENCES)
                if (audience, name) in last:
                    numbers[audience] += 1
                    change = "withdrawn" if chance.random() < 0.2 else "updated"
                    told_version = {name: last[audience, name][1]}
                    one = published(audience, name, numbers, told_version, last, step, change)
                    found.append((f"alerts.{audience}", one))
            case "report":
                numbers["audit.changes"] += 1
                action = chance.choice(ACTIONS[1:])
                changes = {"incident_id": chance.choice(REPORTS), "reason": action, "as_of": NOON + step}
                found.append(("audit.changes", record(numbers["audit.changes"], **changes)))
            case "answer":
                name, audience = chance.choice(ALERTS), chance.choice(AUDIENCES)
                seq = chance.randint(1, max(1, numbers[audience]))
                numbers["audit.entries"] += 1
                said = {"audience": audience, "alert_id": name, "from_seq": seq, "to_seq": seq}
                found.append(
                    ("audit.entries", record(numbers["audit.entries"], reason=ACKNOWLEDGED, actor="desk-7", **said))
                )
    return found


def published(
    audience: str, name: str, numbers: dict[str, int], versions: dict[str, int],
    last: dict[tuple[str, str], tuple[int, int]], step: int, change: str,
) -> PublishedAlert:  # fmt: skip
    prior = last.get((audience, name))
    seq, version = numbers[audience], versions[name]
    last[audience, name] = (seq, version)
    priors = {} if prior is None else {"prior_seq": prior[0], "prior_version": prior[1]}
    return alert(seq, name, version, change, audience=audience, as_of=NOON + step, **priors)


def by_topics(happened: list[tuple[str, msgspec.Struct]]) -> list[Notice]:
    """What the notices are, read off the topics one after another as `audit notices` does.

    What an alert rests on by way of findings is worked out from those that stand in the end.
    """
    stands: dict[str, AuditRecord] = {}
    standing: dict[str, Finding] = {}
    alerts: dict[str, AlertVersion] = {}
    for topic, value in happened:
        if topic == "audit.changes" and isinstance(value, AuditRecord):
            stands[value.incident_id or ""] = value
        elif isinstance(value, FindingChange):
            standing.pop(value.finding.finding_id, None)
            if value.change != "withdrawn":
                standing[value.finding.finding_id] = value.finding
        elif isinstance(value, AlertVersion):
            alerts[value.alert_id] = value
    notices = Notices({name: one.as_of for name, one in stands.items() if one.reason == "dispute"})
    for wanted in ("findings", "alert-changes", *(f"alerts.{one}" for one in sorted(AUDIENCES)), "audit.entries"):
        for topic, value in happened:
            if topic == wanted:
                notices.take(value)
    for version in alerts.values():
        named = reports_under(version)
        beneath = [reports_beneath(standing[name], standing) for name in named & standing.keys()]
        notices.rests(version.alert_id, named.union(*beneath))
    return notices.all()


def placed(happened: list[tuple[str, msgspec.Struct]]) -> list[TopicRecord]:
    ends: dict[str, int] = {}
    found = []
    for topic, value in happened:
        found.append(TopicRecord(topic, 0, ends.get(topic, 0), value))
        ends[topic] = ends.get(topic, 0) + 1
    return found


@given(seed=st.integers(0, 2**32), length=st.integers(0, 60))
def test_the_copy_owes_what_the_topics_owe_whatever_order_they_were_read_in(empty_copy: Path, seed: int, length: int):
    chance = Random(seed)
    happened = history(chance, length)
    # Each topic in its own order; which topic comes first is left to chance, and where a batch ends.
    topics = sorted({topic for topic, _ in happened})
    waiting = {topic: [one for one in placed(happened) if one.topic == topic] for topic in topics}
    with another(empty_copy) as engine:
        while any(waiting.values()):
            batch = []
            for _ in range(chance.randint(1, 9)):
                left = [topic for topic in topics if waiting[topic]]
                if left:
                    batch.append(waiting[chance.choice(left)].pop(0))
            told(engine, batch)
        owed = Owed(engine)

        assert owed.notices() == by_topics(happened)
        for audience in AUDIENCES:
            assert owed.notices(audience) == [one for one in owed.notices() if one.audience == audience]


def test_a_restated_alert_is_a_notice_on_either_database(engine: Engine):
    version: AlertVersion = msgspec.structs.replace(
        an_alert(priority="P2", audiences=("desk",)), alert_id="a", version=2, cause="r-1 correct"
    )
    told(
        engine,
        placed(
            [
                ("alerts.desk", alert(1, "a")),
                ("alerts.desk", alert(2, "a", 2, "updated", prior_seq=1, prior_version=1, as_of=NOON + 2)),
                ("alert-changes", version),
            ]
        ),
    )
    (notice,) = Owed(engine).notices("desk")

    assert (notice.seq, notice.incident_id, notice.action, notice.acknowledged_by) == (2, "r-1", "correct", "")
    told(
        engine,
        [
            TopicRecord(
                "audit.entries", 0, 0,
                record(1, audience="desk", alert_id="a", to_seq=2, reason=ACKNOWLEDGED, actor="desk-7", as_of=NOON + 3),
            )
        ],
    )  # fmt: skip
    assert [one.acknowledged_by for one in Owed(engine).notices("desk")] == ["desk-7"]


def test_who_hears_of_an_alert_for_the_first_time_has_no_notice_nor_when_its_handling_is_told():
    version = msgspec.structs.replace(
        an_alert(priority="P2", audiences=("desk",)), alert_id="a", version=2, cause="r-1 correct"
    )
    notices = Notices()
    for value in (version, alert(1, "a", 2), alert(2, "a", 2, "updated", prior_seq=1, prior_version=2)):
        notices.take(value)

    assert notices.all() == []


def test_a_copy_is_current_when_it_was_just_compared_and_lacks_nothing(engine: Engine):
    owed = Owed(engine)
    assert not owed.is_current(NOON, 10)
    told(engine, placed([("audit.changes", record(1, incident_id="r-1", reason="correct"))]))
    with engine.begin() as connection:
        note_ends(connection, {Place("audit.changes", 0): 1}, NOON)
    assert (owed.is_current(NOON + 10, 10), owed.is_current(NOON + 11, 10)) == (True, False)
    with engine.begin() as connection:
        note_ends(connection, {Place("audit.changes", 0): 2}, NOON)

    assert not owed.is_current(NOON, 10)


def test_opened_alerts_have_the_review_they_got(engine: Engine):
    opened = record(1, verb="consultation", reason="break-glass: child-at-risk", actor="sergeant-4", until=NOON + 9)
    reviewed = record(3, verb="consultation", reason="review: justified", actor="officer-1", from_seq=1, to_seq=1)
    again = record(2, verb="consultation", reason="break-glass: danger-to-life", actor="sergeant-5")
    looked = record(4, verb="consultation", reason="subject-access", actor="officer-1")
    told(engine, placed([("audit.entries", one) for one in (opened, again, reviewed, looked)]))

    uses = Owed(engine).uses()
    assert [(one.seq, one.reason, one.outcome, one.reviewed_by) for one in uses] == [
        (1, "child-at-risk", "justified", "officer-1"),
        (2, "danger-to-life", "", ""),
    ]
    assert uses[0].until == NOON + 9
    assert [one.is_overdue(NOON + 10, 5) for one in uses] == [False, True]


def test_what_an_alert_rested_on_holds_it_and_is_no_more_disputed_with_it(engine: Engine):
    first = msgspec.structs.replace(
        an_alert(priority="P2", audiences=("desk",)), alert_id="a", findings=(resting_on("r-1"), resting_on("r-2"))
    )
    second = msgspec.structs.replace(first, version=2, findings=(resting_on("r-2"),))
    third = msgspec.structs.replace(first, version=3, findings=(), change="withdrawn")
    disputed = record(4, incident_id="r-1", reason="dispute")
    another = record(1, reason="hold: court-order", incident_id="r-3")
    happened = [("alert-changes", first), ("alert-changes", second), ("alerts.desk", alert(1, "a"))]
    told(engine, placed([*happened, ("audit.changes", disputed), ("audit.entries", another)]))
    assert (Owed(engine).held_alerts(NOON + 10), Owed(engine).notices("desk")) == (frozenset(), [])

    hold = record(2, reason="hold: court-order", incident_id="r-1")
    told(engine, [TopicRecord("alert-changes", 0, 2, third), TopicRecord("audit.entries", 0, 1, hold)])
    assert Owed(engine).held_alerts(NOON + 10) == {"a"}
    assert Owed(engine).notices("desk") == []


def test_a_dispute_or_a_hold_of_the_oldest_of_nine_reports_reaches_the_alert_which_shows_eight(engine: Engine):
    raised, without = map(
        as_on_the_bus,
        versions_of(("raised", of_reports("a", 1, 9), NOON), ("updated", of_reports("a", 2, 9), NOON)),
    )
    assert len(raised.findings[0].evidence) == 8
    disputed = record(1, incident_id="r-01", reason="dispute", as_of=NOON + 9)
    hold = record(1, reason="hold: court-order", incident_id="r-01")
    on_the_feed = alert(1, raised.alert_id)
    told(
        engine,
        placed(
            [
                ("alert-changes", raised),
                ("alerts.desk", on_the_feed),
                ("audit.changes", disputed),
                ("audit.entries", hold),
            ]
        ),
    )
    (notice,) = Owed(engine).notices("desk")
    assert (notice.alert_id, notice.why, notice.incident_id) == (raised.alert_id, "disputed", "r-01")
    assert Owed(engine).held_alerts(NOON + 10) == {raised.alert_id}

    told(engine, [TopicRecord("alert-changes", 0, 1, without)])
    assert Owed(engine).notices("desk") == [], "it rests on it no more"
    assert Owed(engine).held_alerts(NOON + 10) == {raised.alert_id}, "it did"


def as_on_the_bus(version: AlertVersion) -> AlertVersion:
    codecs = shipped_codecs()
    read = codecs.decode(("alert",), codecs.encode(version))
    assert isinstance(read, AlertVersion)
    return read


def test_a_notice_of_a_disputed_report_is_open_since_the_dispute_however_long_ago_it_was_told(engine: Engine):
    version = msgspec.structs.replace(
        an_alert(priority="P2", audiences=("desk",)), alert_id="a", findings=(resting_on("r-1"),)
    )
    disputed = record(1, incident_id="r-1", reason="dispute", as_of=NOON + 9_000)
    told(
        engine,
        placed([("alert-changes", version), ("alerts.desk", alert(1, "a", as_of=NOON)), ("audit.changes", disputed)]),
    )
    (notice,) = Owed(engine).notices("desk")

    assert (notice.why, notice.incident_id, notice.told_at, notice.opened_at) == ("disputed", "r-1", NOON, NOON + 9_000)
    answer = record(3, topic="alerts.desk", audience="desk", reason="acknowledged", actor="officer-1")
    before = msgspec.structs.replace(answer, alert_id="a", from_seq=1, to_seq=1, as_of=NOON + 8_999)
    told(engine, [TopicRecord("audit.entries", 0, 0, before)])
    assert [one.acknowledged_by for one in Owed(engine).notices("desk")] == [""], "it answered something else"
    after = msgspec.structs.replace(before, seq=4, actor="officer-2", as_of=NOON + 9_000)
    told(engine, [TopicRecord("audit.entries", 0, 1, after)])
    assert [one.acknowledged_by for one in Owed(engine).notices("desk")] == ["officer-2"]
    lifted = record(2, incident_id="r-1", reason="correct", as_of=NOON + 9_001)
    told(engine, [TopicRecord("audit.changes", 0, 1, lifted)])
    assert Owed(engine).notices("desk") == []
