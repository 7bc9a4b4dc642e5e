"""A hold is told to hold when it is on record, and not before (on Kafka: tests/kafka/test_retention.py)."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import msgspec
import pytest
from tests.cli.bus import NOW, Bus, on_the_bus
from typer.testing import CliRunner

from safety_stream.cli import app, auditing
from safety_stream.cli import topics as topics_command
from safety_stream.config import Connection
from safety_stream.core.audit import subject_of
from safety_stream.core.model.published import AuditEntry, AuditRecord
from safety_stream.core.retention import Hold
from safety_stream.streaming.trimming import Cut
from safety_stream.wire.records import Records

HOLD = AuditEntry(
    entry_id=str(UUID(int=1)),
    kind="hold",
    actor="officer-3",
    acted_at=1,
    subject=subject_of("tok-a"),
    reason="court-order",
)
ON_RECORD = AuditRecord(
    seq=1,
    previous_hash="",
    hash="",
    verb="alteration",
    audience="",
    topic="",
    from_seq=0,
    to_seq=0,
    alert_id=None,
    fields=(),
    as_of=2,
    subject=HOLD.subject,
    actor=HOLD.actor,
    reason="hold: court-order",
)
OTHERS = [
    msgspec.structs.replace(ON_RECORD, **change)
    for change in (
        {"subject": subject_of("tok-b")},
        {"actor": "officer-4"},
        {"reason": "release: court-order"},
        {"topic": "incidents"},
    )
]


@pytest.mark.parametrize(("records", "is_held"), [([*OTHERS, ON_RECORD], True), (OTHERS, False)])
def test_it_waits_until_it_is_on_record_and_takes_no_other_for_it(
    monkeypatch: pytest.MonkeyPatch, records: list[AuditRecord], *, is_held: bool
):
    wire, clock = Records(), iter(range(100))
    ends = iter(range(1, 100))

    def between(_: Connection, since: dict[Any, int], until: dict[Any, int]) -> Iterator[SimpleNamespace]:
        for place in range(since[0], min(until[0], len(records))):
            yield SimpleNamespace(value=wire.encode("audit.entries", records[place]))

    monkeypatch.setattr(auditing, "high_watermarks", lambda *_: {0: next(ends)})
    monkeypatch.setattr(auditing, "read_between", between)
    monkeypatch.setattr(auditing, "sleep", lambda _: None)
    monkeypatch.setattr(auditing, "monotonic", lambda: next(clock))

    waiting = auditing.not_put_on_record(Connection("127.0.0.1:1"), [HOLD], {0: 0})
    assert waiting == ([] if is_held else [HOLD])
    assert next(ends) == (len(records) + 1 if is_held else auditing.PATIENCE_SECONDS + 1)


def test_of_several_all_must_be_there_each_by_a_record_of_its_own(monkeypatch: pytest.MonkeyPatch):
    wire, clock = Records(), iter(range(100))
    erasure = msgspec.structs.replace(HOLD, kind="erasure", reason="erasure")
    on_record = msgspec.structs.replace(ON_RECORD, verb="erasure", reason="erasure")
    records = [SimpleNamespace(value=wire.encode("audit.entries", on_record))]
    monkeypatch.setattr(auditing, "high_watermarks", lambda *_: {0: len(records)})
    monkeypatch.setattr(auditing, "read_between", lambda _, since, until: iter(records[since[0] : until[0]]))
    monkeypatch.setattr(auditing, "sleep", lambda _: None)
    monkeypatch.setattr(auditing, "monotonic", lambda: next(clock))

    assert auditing.not_put_on_record(Connection("127.0.0.1:1"), [erasure], {0: 0}) == []
    assert auditing.not_put_on_record(Connection("127.0.0.1:1"), [erasure, erasure], {0: 0}) == [erasure]


TOPIC = "partner.police-crimes"
OF_THE_TOPIC = Hold(seq=1, kind="topic", of=TOPIC, reason="court-order", actor="officer-3", at=1, until=None)


@pytest.mark.parametrize(
    ("holds", "keeps_ms", "is_held"),
    [
        ([OF_THE_TOPIC], 1_000, True),
        ([msgspec.structs.replace(OF_THE_TOPIC, until=2)], 1_000, False),
        ([msgspec.structs.replace(OF_THE_TOPIC, of="incidents")], 1_000, False),
        ([], -1, True),
        ([], 1_000, False),
    ],
    ids=["on record", "over", "of another", "set by hand", "not held"],
)
def test_what_is_held_on_record_is_not_trimmed_though_its_setting_was_undone(
    monkeypatch: pytest.MonkeyPatch, holds: list[Hold], keeps_ms: int, *, is_held: bool
):
    cut = Cut(topic=TOPIC, partition=0, first=5, records=5)
    asked: list[set[str]] = []

    def planned(_: object, __: object, ___: object, held: set[str]) -> list[Cut]:
        asked.append(held)
        return [] if TOPIC in held else [cut]

    monkeypatch.setattr(topics_command, "connect", lambda _: None)
    monkeypatch.setattr(topics_command, "kept_for", lambda _, names: dict.fromkeys(names, 1_000) | {TOPIC: keeps_ms})
    monkeypatch.setattr(auditing, "holds_of", lambda _: holds)
    monkeypatch.setattr(topics_command, "plan_cuts", planned)

    result = CliRunner().invoke(app, ["topics", "trim", "--older-than", "30", "--json"])

    assert result.exit_code == (0 if is_held else 2), result.output
    assert (TOPIC in asked[0]) == is_held


def on_the_bus_is(monkeypatch: pytest.MonkeyPatch, *orders: AuditEntry) -> Bus:
    """A bus with these orders and a worker that has read none of them."""
    bus = on_the_bus(monkeypatch)
    bus.send(*orders)
    return bus


ORDERED = msgspec.structs.replace(HOLD, acted_at=NOW)
NOWHERE = Connection("127.0.0.1:1")


def test_what_is_ordered_and_not_on_record_yet_is_held_once_and_what_was_released_on_record_is_not(
    monkeypatch: pytest.MonkeyPatch,
):
    bus = on_the_bus_is(monkeypatch, ORDERED)
    (to_come,) = auditing.holds_of(NOWHERE)
    assert (to_come.seq, to_come.of, to_come.stands(NOW)) == (0, HOLD.subject, True)

    bus.work()
    (hold,) = auditing.holds_of(NOWHERE)
    assert (hold.seq, hold.of, hold.stands(NOW)) == (1, HOLD.subject, True)

    release = msgspec.structs.replace(ORDERED, entry_id=str(UUID(int=2)), kind="release")
    bus.send(release)
    assert [one.stands(NOW) for one in auditing.holds_of(NOWHERE)] == [True], "no release counts before it is on record"
    bus.work()
    assert [one.stands(NOW) for one in auditing.holds_of(NOWHERE)] == [False]


@pytest.mark.parametrize(
    "refused",
    [
        msgspec.structs.replace(ORDERED, actor="Somebody With A Name"),
        msgspec.structs.replace(ORDERED, topic="incidents"),
        msgspec.structs.replace(ORDERED, until=NOW),
        msgspec.structs.replace(ORDERED, subject=None, topic="Some Topic"),
    ],
    ids=["actor", "of two things", "over", "topic"],
)
def test_what_will_be_refused_holds_nothing_meanwhile(monkeypatch: pytest.MonkeyPatch, refused: AuditEntry):
    """Else whoever may write an order could hold by one that is on record nowhere, and that nobody can release."""
    bus = on_the_bus_is(monkeypatch, refused)
    bus.put_bytes("orders", b"nobody can read this")

    assert auditing.holds_of(NOWHERE) == []
    bus.work()
    assert auditing.holds_of(NOWHERE) == []
