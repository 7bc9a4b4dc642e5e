"""An alert that rests on what was found elsewhere is held, and disputed, by the reports beneath that; and goes with it.

alert a ──▶ f-2 ──▶ f-1 ──▶ r-1        (an arrow: names in its evidence)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from tests.core.stages.making import an_alert
from tests.readmodel.making import NOON, alert, another, told
from tests.readmodel.test_database import MIGRATIONS
from tests.readmodel.test_owed import a_finding, placed, record, resting_on
from tests.readmodel.test_purging import BEFORE, NOW, RETENTION, ended, left, purged
from tests.replay.gallery import gallery
from tests.replay.running import arrivals, by_topic, linked_world, outputs

from safety_stream import database as shared
from safety_stream.core.model.alerts import AlertVersion
from safety_stream.core.model.findings import Finding, FindingChange
from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.putting_right import reports_under
from safety_stream.core.rules.carrying import reports_beneath, reports_of
from safety_stream.core.stages.stage import Output
from safety_stream.readmodel.database import migrate
from safety_stream.readmodel.owed import Owed
from safety_stream.readmodel.projection import Place, TopicRecord, next_offsets, note_ends
from safety_stream.readmodel.purging import Purger
from safety_stream.readmodel.tables import FINDING_RESTS

ALERT: AlertVersion = msgspec.structs.replace(
    an_alert(priority="P2", audiences=("desk",)), alert_id="a", findings=(resting_on("f-2"),)
)
HELD = record(1, reason="hold: court-order", incident_id="r-1")


def two_deep(as_of: int = NOON) -> list[tuple[str, msgspec.Struct]]:
    """What is found, and the alert that rests on it. Which topic is read first is all one."""
    return [
        ("alert-changes", ALERT),
        ("alerts.desk", ended(1, "a", as_of)),
        ("findings", a_finding("f-2", "f-1", as_of=as_of)),
        ("findings", a_finding("f-1", "r-1", as_of=as_of)),
    ]


def about(engine: Engine) -> set[tuple[str, str]]:
    return {(one.alert_id, one.incident_id) for one in Owed(engine).notices("desk")}


def named(engine: Engine) -> set[tuple[str, str]]:
    with engine.connect() as connection:
        rests = connection.execute(select(FINDING_RESTS.c.finding_id, FINDING_RESTS.c.incident_id))
        return {(finding_id, report) for finding_id, report in rests}


def more(topic: str, offset: int, value: msgspec.Struct) -> list[TopicRecord]:
    return [TopicRecord(topic, 0, offset, value)]


def test_a_dispute_two_deep_is_a_notice_of_that_report_while_the_alert_rests_on_it(engine: Engine):
    disputed = record(1, incident_id="r-1", reason="dispute", as_of=NOON + 9)
    told(engine, placed([*two_deep(), ("audit.changes", disputed)]))
    assert about(engine) == {("a", "r-1")}

    told(engine, more("findings", 2, a_finding("f-1", "r-2", change="updated")))
    assert about(engine) == set(), "what was found elsewhere rests on another report now"
    told(engine, more("findings", 3, a_finding("f-1", "r-2", "r-1", change="updated")))
    assert about(engine) == {("a", "r-1")}
    told(engine, more("findings", 4, a_finding("f-2", "f-1", change="withdrawn")))
    assert about(engine) == set(), "it was found no more"


def test_a_hold_two_deep_keeps_the_alert_also_when_it_rests_on_the_report_no_more(engine: Engine):
    told(engine, placed(two_deep(BEFORE - 1)))
    assert Owed(engine).held_alerts(NOW) == frozenset()
    told(engine, placed([("audit.entries", HELD)]))
    assert Owed(engine).held_alerts(NOW) == {"a"}
    told(engine, more("findings", 2, a_finding("f-1", "r-2", change="updated", as_of=BEFORE - 1)))
    told(engine, more("findings", 3, a_finding("f-2", "f-1", change="withdrawn", as_of=BEFORE - 1)))
    assert Owed(engine).held_alerts(NOW) == {"a"}
    purged(engine, at_once=1)
    assert (left(engine), named(engine)) == ({"a"}, {("f-2", "f-1"), ("f-1", "r-1"), ("f-1", "r-2")})

    told(engine, more("audit.entries", 1, record(2, reason="release: court-order", incident_id="r-1")))
    purged(engine, at_once=1)
    assert (left(engine), named(engine)) == (set(), set())


def test_a_hold_keeps_also_an_alert_of_which_only_what_was_told_names_the_finding(engine: Engine):
    shown = ended(1, "a", BEFORE - 1, findings=(resting_on("f-2"),))
    beneath = [one for one in two_deep(BEFORE) if one[0] == "findings"]
    told(engine, placed([("alerts.desk", shown), *beneath, ("audit.entries", HELD)]))
    purged(engine)

    assert left(engine) == Owed(engine).held_alerts(NOW) == {"a"}


def test_a_finding_that_an_alert_names_stays_however_old(engine: Engine):
    """The alert is still open, so nothing of it goes. Of the other findings one changed since, and one is as old."""
    is_open = alert(1, "a", as_of=BEFORE - 1)
    other = ("findings", a_finding("f-3", "f-4", as_of=BEFORE - 1))
    changed = [a_finding("f-5", "r-2", as_of=BEFORE - 1), a_finding("f-5", "r-1", change="updated", as_of=BEFORE)]
    old = [one for one in two_deep(BEFORE - 1) if one[0] != "alerts.desk"]
    told(engine, placed([("alerts.desk", is_open), *old, other, ("findings", changed[0])]))
    told(engine, more("findings", 4, changed[1]))
    purged(engine, at_once=1)

    assert named(engine) == {("f-2", "f-1"), ("f-1", "r-1"), ("f-5", "r-1"), ("f-5", "r-2")}


NAMES = [f"f-{number}" for number in range(4)]


@settings(max_examples=40)
@given(
    rests=st.lists(st.tuples(st.sets(st.integers(0, 3)), st.integers(BEFORE - 2, BEFORE + 1)), min_size=4, max_size=4),
    by_alerts=st.sets(st.sampled_from(NAMES), max_size=2),
    at_once=st.integers(1, 3),
)
def test_findings_go_that_are_old_and_that_nothing_left_names_whatever_the_slices(
    empty_copy: Path, rests: list[tuple[set[int], int]], by_alerts: set[str], at_once: int
):
    """Each may rest on those before it, and on a report."""
    beneath = {
        NAMES[place]: {NAMES[one] for one in lower if one < place} | {"r-1"} for place, (lower, _) in enumerate(rests)
    }
    kept = by_alerts | {name for name, (_, as_of) in zip(NAMES, rests, strict=True) if as_of >= BEFORE}
    for name in reversed(NAMES):
        kept |= beneath[name] if name in kept else set()
    version = msgspec.structs.replace(ALERT, findings=tuple(resting_on(name) for name in sorted(by_alerts)))
    with another(empty_copy) as engine:
        found = [a_finding(name, *sorted(beneath[name]), as_of=rests[place][1]) for place, name in enumerate(NAMES)]
        told(engine, placed([("alert-changes", version), *(("findings", one) for one in found)]))
        only_these = msgspec.structs.replace(RETENTION, tables={"alerts": "short"})
        purger = Purger(engine, only_these, at_once)
        for _ in range(len(NAMES) * (len(NAMES) + 1)):
            purger.purge(NOW)

        assert {finding_id for finding_id, _ in named(engine)} == kept & set(NAMES)


def test_a_copy_of_before_is_behind_until_it_has_read_what_was_found(empty: Engine):
    with empty.begin() as connection:
        shared.command.upgrade(shared.settings_of(connection, MIGRATIONS), "0008")
        note_ends(connection, {Place("alert-changes", 0): 0}, NOON)
    owed = Owed(empty)
    assert owed.is_current(NOON, 10)

    migrate(empty)
    assert not owed.is_current(NOON, 10)
    with empty.connect() as connection:
        assert next_offsets(connection)[Place("findings", 0)] == 0
    with empty.begin() as connection:
        note_ends(connection, {Place("findings", 0): 2, Place("findings", 1): 0}, NOON)
    assert not owed.is_current(NOON, 10)
    told(empty, placed([one for one in two_deep() if one[0] == "findings"]))
    assert owed.is_current(NOON, 10)


# What the stages make of the gallery, where alerts rest on what was found elsewhere, up to three deep.


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Output]]:
    world = linked_world(tmp_path_factory.mktemp("linked") / "catalogue")
    return by_topic(outputs(world, [arrivals(gallery())]))


def copied(engine: Engine, made: Mapping[str, list[Output]]) -> None:
    for topic in ("findings", "alert-changes", *(topic for topic in made if topic.startswith("alerts."))):
        values = placed([(topic, one.value) for one in made[topic]])
        for start in range(0, len(values), 1_000):
            told(engine, values[start : start + 1_000])


def standing_in(made: Mapping[str, list[Output]]) -> tuple[dict[str, Finding], dict[str, AlertVersion]]:
    findings: dict[str, Finding] = {}
    for one in made["findings"]:
        assert isinstance(one.value, FindingChange)
        findings.pop(one.value.finding.finding_id, None)
        if one.value.change != "withdrawn":
            findings[one.value.finding.finding_id] = one.value.finding
    last = {one.value.alert_id: one.value for one in made["alert-changes"]}
    return findings, {alert_id: version for alert_id, version in last.items() if version.change != "withdrawn"}


def down(names: Iterable[str], rests: Mapping[str, set[str]]) -> set[str]:
    """What these names are or rest on, at any depth."""
    found, waiting = set(names), list(names)
    while waiting:
        beneath = rests.get(waiting.pop(), set()) - found
        found |= beneath
        waiting.extend(beneath)
    return found


def test_whatever_lies_beneath_an_alert_of_the_gallery_is_disputed_with_it(
    empty_copy: Path, made: dict[str, list[Output]]
):
    findings, alerts = standing_in(made)
    beneath = {
        alert_id: set[str]().union(*(reports_beneath(finding, findings) for finding in version.findings))
        for alert_id, version in alerts.items()
    }
    hidden = set[str]().union(*(under - reports_under(alerts[alert_id]) for alert_id, under in beneath.items()))
    assert len({alerts[one].rule_id for one, under in beneath.items() if under - reports_under(alerts[one])}) >= 4
    heard = {
        (value.audience, value.alert_id): value.change
        for topic, told_there in made.items()
        if topic.startswith("alerts.")
        for value in (one.value for one in told_there)
        if isinstance(value, PublishedAlert)
    }
    disputes = [record(seq, incident_id=name, reason="dispute") for seq, name in enumerate(sorted(hidden), 1)]
    with another(empty_copy) as engine:
        copied(engine, made)
        before = {one for one in Owed(engine).notices() if one.why == "disputed"}
        told(engine, placed([("audit.changes", one) for one in disputes]))
        notices = [one for one in Owed(engine).notices() if one.why == "disputed"]

    assert before == set()
    assert {(one.audience, one.alert_id) for one in notices} == {
        at for at, change in heard.items() if change != "withdrawn" and beneath.get(at[1], set()) & hidden
    }
    assert all(one.incident_id in beneath[one.alert_id] & hidden for one in notices)


def test_whatever_lay_beneath_an_alert_of_the_gallery_holds_it(empty_copy: Path, made: dict[str, list[Output]]):
    rests: defaultdict[str, set[str]] = defaultdict(set)
    for one in made["findings"]:
        rests[one.value.finding.finding_id] |= reports_of(one.value.finding)
    rested: defaultdict[str, set[str]] = defaultdict(set)
    for one in made["alert-changes"]:
        rested[one.value.alert_id] |= reports_under(one.value)
    lay_beneath = {alert_id: down(names, rests) for alert_id, names in rested.items()}
    hidden = sorted(set[str]().union(*(under - rested[one] for one, under in lay_beneath.items())) - rests.keys())
    with another(empty_copy) as engine:
        copied(engine, made)
        for seq, report in enumerate(hidden[:: len(hidden) // 5], 1):
            hold = record(seq, reason="hold: court-order", incident_id=report, until=NOON + seq + 1)
            told(engine, more("audit.entries", seq, hold))
            # The hold before has ended.
            expected = {alert_id for alert_id, under in lay_beneath.items() if report in under}
            assert Owed(engine).held_alerts(NOON + seq) == expected
        assert named(engine) == {(finding_id, report) for finding_id, under in rests.items() for report in under}
