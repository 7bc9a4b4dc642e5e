"""Enter: what was done with data outside the stages goes on record (`audit.entries`, see `core/audit.py`).

Somebody looked up what is held about a person, or an audience has put right at home what it was told is so no longer:
the command that does it says so on `audit-entries`, and goes on when the broker has it. Here it becomes a link of a
chain. An entry that comes again, from a sender who had no answer, is put on record once.

Orders, which are erasures and legal holds, come by `orders` and by no other way: many may say what they have looked at,
and whoever answers for the data alone may give orders. What else comes there, or an order elsewhere, is refused.

An erasure goes on record only if somebody else has requested it and the time to confirm it is not over
(`core/erasing.py`), and of nobody who is under a legal hold: for whatever the record says was erased, intake erases
again. A person goes by several seals, and by things of their own, and each is an entry; but a person is erased whole or
not at all. So a request remembers all it is of, and the first entry that goes on record decides for the others: a hold
that comes in between comes too late, and whoever was stopped on the way confirms it again. One that is refused decides
for all of its confirmation, which is what the same actor does at the same time.

Whoever opens an alert in an emergency (`core/oversight.py`) owes a review by somebody else. Who that was is remembered
here until then, so nobody reviews their own use, nor one twice, whichever way the review comes in. Legal holds, and
their release, go on record like all else; what else they keep is decided where something is purged
(`core/retention.py`).

What nobody can read, or says less than it must, becomes a dead letter: a topic that people write to must stop no stage.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.erasing import name_of_request
from safety_stream.core.model.dead_letters import Refused
from safety_stream.core.model.published import ORDERS, AuditEntry, AuditRecord
from safety_stream.core.model.times import Instant, after, beyond_the_calendar
from safety_stream.core.oversight import BROKEN, REVIEWED
from safety_stream.core.stages.intake import EARLIEST, FUTURE_TOLERANCE, dead_letter
from safety_stream.core.stages.recording import Trail, numbers_of
from safety_stream.core.stages.stage import Output, Record, Rows, Step, Table

ENTRIES_KEPT: Final = 1_024
"""So many ids of entries are remembered, the newest: a sender without an answer sends again within minutes."""

ACKNOWLEDGED: Final = "acknowledged"
"""Why it is an alteration: an audience has put its own copy right."""

_HELD: Final = "field subject is of somebody under a legal hold: release it first"

_IS_WORD = re.compile(r"[a-z0-9][a-z0-9-]{0,63}").fullmatch
_IS_DIGEST = re.compile(r"[0-9a-f]{64}").fullmatch
_IS_TOPIC = re.compile(r"[a-z0-9][a-z0-9.-]{0,127}").fullmatch
_IS_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch


class Opened(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Who opened which alert in an emergency, until somebody else has reviewed it."""

    actor: str
    alert_id: str


class Asked(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Who has requested that something is erased, and until when somebody else may confirm it."""

    actor: str
    until: Instant


class Requested(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """All that one request is of, and how far it has come.

    It `has_begun` once something of it is on record as erased: then the rest follows, whoever confirms it. Until then
    `refused_by` and `refused_at` are whose confirmation was refused last, for a hold, and when they gave it.
    """

    subjects: tuple[str, ...]
    has_begun: bool = False
    refused_by: str = ""
    refused_at: Instant = 0


class Held(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Until when the person is held whose row this is; None: until it is released."""

    until: Instant | None


class Seen(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The ids of the newest entries, the oldest first."""

    ids: tuple[str, ...] = ()


def make_step(catalogue: Catalogue, _partitions: int) -> Step:
    """The step that puts entries on record."""

    def step(rows: Rows, records: Sequence[Record], idle_at: Instant | None) -> list[Output]:
        del idle_at
        numbers, seen = numbers_of(rows), Table(rows, "seen", Seen)
        opened, asked = Table(rows, "opened/", Opened), Table(rows, "asked/", Asked)
        requested, held = Table(rows, "requested/", Requested), Table(rows, "held/", Held)
        trail = Trail(numbers, "audit.entries")
        ids = dict.fromkeys((seen.get("") or Seen()).ids)
        outputs = []
        for record in records:
            try:
                entry = _checked(record)
                _check_times(entry, record.received_at, catalogue)
                if entry.entry_id in ids:
                    continue
                found = _reviewed(opened, entry)
                if entry.kind == "erasure-request":
                    _forget(asked, requested, rows, record.received_at)
                _check_erasure(asked, requested, held, entry, record.received_at)
            except Refused as refused:
                outputs.append(dead_letter("enter", record, refused))
                continue
            ids[entry.entry_id] = None
            output = _on_record(trail, entry, found, record.received_at)
            if entry.kind == "break-glass" and isinstance(output.value, AuditRecord):
                opened.put(str(output.value.seq), Opened(entry.actor, entry.alert_id or ""))
            if entry.kind == "erasure-request":
                asked.put(entry.subject or "", _asked(entry))
            if entry.subject is not None:
                _keep_hold(held, entry, entry.subject)
            outputs.append(output)
        seen.put_if_other("", Seen(tuple(ids)[-ENTRIES_KEPT:]))
        opened.flush()
        asked.flush()
        requested.flush()
        held.flush()
        numbers.flush()
        seen.flush()
        return outputs

    return step


def _reviewed(opened: Table[Opened], entry: AuditEntry) -> Opened | None:
    """What a review is of, which then waits for none any more; None for all else. Raises `Refused`."""
    if entry.kind != "review":
        return None
    found = opened.get(str(entry.seq))
    if found is None:
        raise Refused("schema-violation", "field seq names no opened alert that waits for its review")
    if found.actor == entry.actor:
        raise Refused("schema-violation", "field actor is whoever opened the alert: somebody else reviews it")
    opened.delete(str(entry.seq))
    return found


def _check_erasure(
    asked: Table[Asked], requested: Table[Requested], held: Table[Held], entry: AuditEntry, at: Instant
) -> None:
    """Refuse an erasure that nobody else has requested, and any of somebody who is held. Raises `Refused`."""
    subject = entry.subject or ""
    if entry.kind == "erasure-request":
        name = name_of_request(entry.actor, entry.until or 0)
        known = requested.get(name) or Requested(())
        # Also what is refused here: what the request was of may not be erased without it.
        requested.put(name, msgspec.structs.replace(known, subjects=tuple(sorted({*known.subjects, subject}))))
        if _is_held(held, subject, at):
            raise Refused("schema-violation", _HELD)
    elif entry.kind == "erasure":
        found = asked.get(subject)
        if found is None or at >= found.until:
            said = "field subject is of nobody whose erasure is requested and to be confirmed"
            raise Refused("schema-violation", said)
        if found.actor == entry.actor:
            said = "field actor is whoever requested the erasure: somebody else confirms it"
            raise Refused("schema-violation", said)
        name = name_of_request(found.actor, found.until)
        whole = requested.get(name) or Requested((subject,))
        if not whole.has_begun:
            is_refused = (whole.refused_by, whole.refused_at) == (entry.actor, entry.acted_at)
            if is_refused or any(_is_held(held, one, at) for one in whole.subjects):
                requested.put(name, Requested(whole.subjects, refused_by=entry.actor, refused_at=entry.acted_at))
                raise Refused("schema-violation", _HELD)
            requested.put(name, Requested(whole.subjects, has_begun=True))


def _asked(entry: AuditEntry) -> Asked:
    return Asked(entry.actor, entry.until or 0)


def _is_held(held: Table[Held], subject: str, at: Instant) -> bool:
    hold = held.get(subject)
    return hold is not None and (hold.until is None or at < hold.until)


def _keep_hold(held: Table[Held], entry: AuditEntry, subject: str) -> None:
    """Remember that a person is held, for as long as the longest of the holds, or that they are no more."""
    if entry.kind == "hold":
        known = held.get(subject)
        if known is None:
            held.put(subject, Held(entry.until))
        elif known.until is not None:
            held.put(subject, Held(None if entry.until is None else max(known.until, entry.until)))
    elif entry.kind == "release":
        held.delete(subject)


def _forget(asked: Table[Asked], requested: Table[Requested], rows: Rows, at: Instant) -> None:
    """Forget every request whose time is over."""
    for key, _ in rows.scan(b"asked/", b"asked0"):
        subject = key.removeprefix(b"asked/").decode()
        known = asked.get(subject)
        if known is not None and at >= known.until:
            asked.delete(subject)
    for key, _ in rows.scan(b"requested/", b"requested0"):
        name = key.removeprefix(b"requested/").decode()
        if at >= int(name.rpartition("/")[2]):
            requested.delete(name)


def _on_record(trail: Trail, entry: AuditEntry, reviewed: Opened | None, at: Instant) -> Output:
    match entry.kind:
        case "consultation":
            return trail.put_on_record(
                "consultation", at, alert=entry.alert_id, subject=entry.subject, actor=entry.actor, reason=entry.reason
            )
        case "break-glass":
            return trail.put_on_record(
                "consultation",
                at,
                audience=entry.audience,
                alert=entry.alert_id,
                subject=entry.subject,
                actor=entry.actor,
                reason=f"{BROKEN}: {entry.reason}",
                until=entry.until,
            )
        case "review":
            return trail.put_on_record(
                "consultation",
                at,
                topic="audit.entries",
                span=(entry.seq, entry.seq),
                alert=None if reviewed is None else reviewed.alert_id,
                actor=entry.actor,
                reason=f"{REVIEWED}: {entry.reason}",
            )
        case "hold" | "release" | "erasure-request":
            return trail.put_on_record(
                "alteration",
                at,
                topic=entry.topic,
                alert=entry.alert_id,
                incident=entry.incident_id,
                subject=entry.subject,
                actor=entry.actor,
                reason=f"{entry.kind}: {entry.reason}",
                until=entry.until,
            )
        case "erasure":
            return trail.put_on_record("erasure", at, subject=entry.subject, actor=entry.actor, reason=entry.reason)
        case "acknowledgement":
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
        raise Refused("unknown-schema", f"{record.topic} carries entries of the audit only")
    if (entry.kind in ORDERS) != (record.topic == "orders"):
        raise Refused("schema-violation", f"field kind: {entry.kind} does not go by {record.topic}")
    check_entry(entry)
    return entry


def _check_times(entry: AuditEntry, at: Instant, catalogue: Catalogue) -> None:
    """Refuse what claims more time than there is, or than the catalogue gives: it came at `at`. Raises `Refused`."""
    # The sender's clock may be ahead of the broker's.
    latest = at + FUTURE_TOLERANCE
    if not EARLIEST <= entry.acted_at <= latest:
        raise Refused(
            "schema-violation", "field acted_at is ahead of the time, or long before it: set that clock right"
        )
    if entry.kind == "break-glass" and (entry.until or 0) > latest + catalogue.oversight.break_glass.holds:
        raise Refused("schema-violation", "field until is later than a view may last by oversight.yaml")
    within = catalogue.retention.confirm_within
    if entry.kind == "erasure-request" and (within is None or (entry.until or 0) > after(latest, within)):
        raise Refused("schema-violation", "field until is later than an erasure may wait by retention.yaml")


def is_word(text: str) -> bool:
    """Whether an actor, an audience or a reason may be called so: lower-case letters, digits and hyphens."""
    return _IS_WORD(text) is not None


def check_entry(entry: AuditEntry) -> None:
    """Refuse an entry that says less than it must, also before it is sent. Raises `Refused` with field and mend."""
    if not _IS_ID(entry.entry_id):
        raise Refused("schema-violation", "field entry_id is no UUID in lower case")
    if not _IS_WORD(entry.actor):
        raise Refused("schema-violation", "field actor is a role or pseudonym: lower-case letters, digits and hyphens")
    if entry.alert_id is not None and not _IS_ID(entry.alert_id):
        raise Refused("schema-violation", "field alert_id is no id of an alert")
    if entry.subject is not None and not _IS_DIGEST(entry.subject):
        raise Refused("schema-violation", "field subject is the SHA-256 of a token in hexadecimal")
    if entry.kind != "acknowledgement" and not _IS_WORD(entry.reason):
        raise Refused("schema-violation", "field reason is a reason of the catalogue, by its id")
    if entry.until is not None and beyond_the_calendar(entry.until):
        raise Refused("schema-violation", "field until is no time of a calendar: leave it out, or say one before 10000")
    _check_what(entry)


def _check_what(entry: AuditEntry) -> None:
    """Refuse an entry that does not say what its kind is about. Raises `Refused`."""
    match entry.kind:
        case "hold" | "release":
            _check_held(entry)
        case "break-glass":
            _check_opened(entry)
        case "consultation" if entry.subject is None and entry.alert_id is None:
            raise Refused("schema-violation", "fields subject and alert_id: one says whom it was about, or what")
        case "erasure" | "erasure-request" if entry.subject is None:
            raise Refused("schema-violation", "field subject says whose key was destroyed")
        case "erasure-request" if entry.until is None or entry.until <= entry.acted_at:
            raise Refused("schema-violation", "field until says when it can be confirmed no more, after acted_at")
        case "review" if entry.seq < 1:
            raise Refused("schema-violation", "field seq is the number of audit.entries that is reviewed")
        case "acknowledgement" if not _IS_WORD(entry.audience) or entry.seq < 1:
            raise Refused("schema-violation", "fields audience and seq name a number of an audience's feed of alerts")


def _check_opened(entry: AuditEntry) -> None:
    """Refuse an opened alert that says less than it must. Raises `Refused`."""
    if entry.alert_id is None or not _IS_WORD(entry.audience):
        raise Refused("schema-violation", "fields alert_id and audience say which alert, as whom it was opened")
    if entry.until is None or entry.until <= entry.acted_at:
        raise Refused("schema-violation", "field until says when the view ends, which is after acted_at")


def _check_held(entry: AuditEntry) -> None:
    """Refuse a hold, or its release, that is not of one thing. Raises `Refused`."""
    held = (entry.subject, entry.alert_id, entry.incident_id, entry.topic or None)
    if sum(one is not None for one in held) != 1:
        raise Refused(
            "schema-violation", "one of the fields subject, alert_id, incident_id and topic says what is held"
        )
    if entry.incident_id is not None and not _IS_ID(entry.incident_id):
        raise Refused("schema-violation", "field incident_id is no id of a report")
    if entry.topic and not _IS_TOPIC(entry.topic):
        raise Refused("schema-violation", "field topic is no name of a topic")
    if entry.until is not None and entry.until <= entry.acted_at:
        raise Refused("schema-violation", "field until is not after acted_at: a hold that is over holds nothing")
