"""Enter: what was done with data outside the stages goes on record (`audit.entries`, see `core/audit.py`).

Somebody looked up what is held about a person, an audience has put right at home what it was told is so no longer, or
a person's key was destroyed: the command that does it says so on `audit-entries`, and goes on when the broker has it.
Here it becomes a link of a chain. An entry that comes again, from a sender who had no answer, is put on record once.

What nobody can read, or says less than it must, becomes a dead letter: a topic that people write to must stop no stage.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.dead_letters import Refused
from safety_stream.core.model.published import AuditEntry
from safety_stream.core.model.times import Instant
from safety_stream.core.stages.intake import dead_letter
from safety_stream.core.stages.recording import Trail, numbers_of
from safety_stream.core.stages.stage import Output, Record, Rows, Step, Table

ENTRIES_KEPT: Final = 1_024
"""So many ids of entries are remembered, the newest: a sender without an answer sends again within minutes."""

ACKNOWLEDGED: Final = "acknowledged"
"""Why it is an alteration: an audience has put its own copy right."""

_ABOUT_SOMEBODY = frozenset({"consultation", "erasure"})

_IS_WORD = re.compile(r"[a-z0-9][a-z0-9-]{0,63}").fullmatch
_IS_DIGEST = re.compile(r"[0-9a-f]{64}").fullmatch
_IS_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch


class Seen(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The ids of the newest entries, the oldest first."""

    ids: tuple[str, ...] = ()


def make_step(_catalogue: Catalogue, _partitions: int) -> Step:
    """The step that puts entries on record."""

    def step(rows: Rows, records: Sequence[Record], idle_at: Instant | None) -> list[Output]:
        del idle_at
        numbers, seen = numbers_of(rows), Table(rows, "seen", Seen)
        trail = Trail(numbers, "audit.entries")
        ids = dict.fromkeys((seen.get("") or Seen()).ids)
        outputs = []
        for record in records:
            try:
                entry = _checked(record)
            except Refused as refused:
                outputs.append(dead_letter("enter", record, refused))
                continue
            if entry.entry_id not in ids:
                ids[entry.entry_id] = None
                outputs.append(_on_record(trail, entry, record.received_at))
        seen.put_if_other("", Seen(tuple(ids)[-ENTRIES_KEPT:]))
        numbers.flush()
        seen.flush()
        return outputs

    return step


def _on_record(trail: Trail, entry: AuditEntry, at: Instant) -> Output:
    if entry.kind == "consultation":
        return trail.put_on_record(
            "consultation", at, alert=entry.alert_id, subject=entry.subject, actor=entry.actor, reason=entry.reason
        )
    if entry.kind == "erasure":
        return trail.put_on_record("erasure", at, subject=entry.subject, actor=entry.actor, reason=entry.reason)
    return trail.put_on_record(
        "alteration",
        at,
        audience=entry.audience,
        topic=f"alerts.{entry.audience}",
        span=(entry.seq, entry.seq),
        alert=entry.alert_id,
        actor=entry.actor,
        reason=ACKNOWLEDGED,
    )


def _checked(record: Record) -> AuditEntry:
    """The entry, if it is one and says what it must. Raises `Refused`: the field and the mend, never the value."""
    entry = record.value
    if isinstance(entry, Refused):
        raise entry
    if not isinstance(entry, AuditEntry):
        raise Refused("unknown-schema", "audit-entries carries entries of the audit only")
    check_entry(entry)
    return entry


def check_entry(entry: AuditEntry) -> None:
    """Refuse an entry that says less than it must, also before it is sent. Raises `Refused` with field and mend."""
    if not _IS_ID(entry.entry_id):
        raise Refused("schema-violation", "field entry_id is no UUID in lower case")
    if not _IS_WORD(entry.actor):
        raise Refused("schema-violation", "field actor is a role or pseudonym: lower-case letters, digits and hyphens")
    if entry.alert_id is not None and not _IS_ID(entry.alert_id):
        raise Refused("schema-violation", "field alert_id is no id of an alert")
    if entry.kind in _ABOUT_SOMEBODY:
        if not _IS_WORD(entry.reason):
            raise Refused("schema-violation", "field reason is a reason of the catalogue (consulting.yaml), by its id")
        if entry.subject is None or not _IS_DIGEST(entry.subject):
            raise Refused("schema-violation", "field subject is the SHA-256 of a token in hexadecimal")
    elif not _IS_WORD(entry.audience) or entry.seq < 1:
        raise Refused("schema-violation", "fields audience and seq name a number of an audience's feed of alerts")
