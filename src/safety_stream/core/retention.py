"""How long what is kept: classes, what belongs to which, and legal holds that stop the purge.

Theory of operation
-------------------
Everything that is kept belongs to a *class* of the catalogue (`retention.yaml`), and a class says for how long. What
is older is purged: from topics by the broker, by a setting of the topic, and from databases by whoever writes them, a
bounded slice at a time, as long as the process runs.

    topic ─class─▶ retention.ms           row ─class─▶ older than the class ── held? ──▶ kept
                                                                        └── not held ──▶ purged

A *hold* stops that for one report, person, alert or topic: somebody says why, and until when or until it is released.
It is on record in the audit (`audit.entries`), and holds from there; what cannot be made good, as an erasure, also
minds what is ordered (`orders`) and not on record yet. A hold on a report or a person keeps the alerts
that rest on the report, or are about the person. Of a topic nothing can be held but all of it.

A hold keeps what there is. What was purged before, and what a partner erases, it does not bring back: erasure is a
right of the person's, and whoever may override it has to stop the partner that sends it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final, Literal

import msgspec

from safety_stream.core.audit import subject_of
from safety_stream.core.model.published import AuditEntry, AuditRecord, PublishedAlert
from safety_stream.core.model.times import DAY_LENGTH, Duration, Instant, before
from safety_stream.core.oversight import parties_told

TableClass = Literal["alerts", "aggregates", "refused", "consultations", "deeds", "entries", "deliveries"]
"""What of databases is purged by age: the alerts of the pages' copy with all told of them; revisions of indicators;
word of refused records; who looked at what; what people did; what was put on record; and who was told of what."""

HoldKind = Literal["subject", "alert", "report", "topic"]
"""Of what a hold is: a person (by the digest of a token), an alert, a report, or a topic."""

HOLD: Final = "hold"
RELEASE: Final = "release"
"""What the reason of a record of `audit.entries` begins with; what follows is why."""

_LONGEST_MONTH: Final = 31 * DAY_LENGTH


class Class(msgspec.Struct, frozen=True, kw_only=True):
    """A class of what is kept: for how long, None for good."""

    id: str
    keep: Duration | None


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """The classes, and what belongs to which: topics by the row of the topology, what databases hold by `TableClass`.

    `confirm_within`: so long after it was requested may an erasure be confirmed; None where none may be requested.
    `all_by_age`: also topics whose records bear the time of a history go by age, and not by size alone. `reasons` are
    those of holds, in words by id. Where a catalogue says nothing of it nothing goes by age.
    """

    classes: Mapping[str, Class] = {}
    topics: Mapping[str, str] = {}
    tables: Mapping[TableClass, str] = {}
    all_by_age: bool = False
    reasons: Mapping[str, str] = {}
    confirm_within: Duration | None = None

    def topic_keeps(self, row: str, *, is_stamped: bool) -> Instant | None:
        """For how many milliseconds a topic of this row keeps a record; None where none goes by age.

        `is_stamped`: the broker says when a record came. Other topics' records bear the time of what they tell, in a
        history years ago, and would go before anybody had read them.
        """
        keep = self.classes[self.topics[row]].keep if row in self.topics else None
        if keep is None or not (is_stamped or self.all_by_age):
            return None
        # Months have no exact length, and a class promises what is kept: so the longest they may have.
        return keep.millis + keep.months * _LONGEST_MONTH

    def cutoff(self, table: TableClass, now: Instant) -> Instant | None:
        """What is older than this is to be purged; None where nothing is."""
        keep = self.classes[self.tables[table]].keep if table in self.tables else None
        return None if keep is None else before(now, keep)


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """Number `seq` of `audit.entries`: what is held, why, by whom, since and until when (None: until it is released).

    `seq` is 0 of what is ordered and not on record yet. `released_at` is None while nobody has released it.
    """

    seq: int
    kind: HoldKind
    of: str
    reason: str
    actor: str
    at: Instant
    until: Instant | None
    released_at: Instant | None = None
    released_by: str = ""

    def stands(self, now: Instant) -> bool:
        """Whether it keeps anything now."""
        return self.released_at is None and (self.until is None or now < self.until)


def holds_in(records: Iterable[AuditRecord]) -> list[Hold]:
    """Every hold on record, in order; a release ends all holds of the same thing that came before."""
    found: list[Hold] = []
    for record in records:
        word, _, reason = (record.reason or "").partition(": ")
        held = _held_by(record)
        if held is None or record.verb != "alteration":
            continue
        if word == HOLD:
            kind, of = held
            found.append(
                Hold(
                    seq=record.seq,
                    kind=kind,
                    of=of,
                    reason=reason,
                    actor=record.actor or "",
                    at=record.as_of,
                    until=record.until,
                )
            )
        elif word == RELEASE:
            found = [
                msgspec.structs.replace(one, released_at=record.as_of, released_by=record.actor or "")
                if (one.kind, one.of) == held and one.released_at is None
                else one
                for one in found
            ]
    return found


def hold_ordered(entry: AuditEntry, at: Instant) -> Hold | None:
    """The hold that an entry orders which came at an instant and is not on record yet; None where it orders none."""
    held = _held_by(entry)
    if entry.kind != HOLD or held is None:
        return None
    kind, of = held
    return Hold(seq=0, kind=kind, of=of, reason=entry.reason, actor=entry.actor, at=at, until=entry.until)


class Holding:
    """What stands under a hold at a moment."""

    def __init__(self, holds: Iterable[Hold], now: Instant) -> None:
        """Of these holds those that stand."""
        self._of: dict[HoldKind, set[str]] = {"subject": set(), "alert": set(), "report": set(), "topic": set()}
        for hold in holds:
            if hold.stands(now):
                self._of[hold.kind].add(hold.of)

    def of(self, kind: HoldKind) -> frozenset[str]:
        """What of a kind is held."""
        return frozenset(self._of[kind])

    def keeps_alert(self, alert_id: str, versions: Iterable[PublishedAlert], reports: Collection[str]) -> bool:
        """Whether an alert is held: itself, a report it rests on, or a person any version of it told of."""
        if alert_id in self._of["alert"] or not self._of["report"].isdisjoint(reports):
            return True
        if not self._of["subject"] and not self._of["report"]:
            return False
        for version in versions:
            under = {report for finding in version.findings or () for one in finding.evidence for report in one.reports}
            if not self._of["report"].isdisjoint(under):
                return True
            if not self._of["subject"].isdisjoint(map(subject_of, parties_told(version))):
                return True
        return False

    def keeps_topic(self, topic: str) -> bool:
        """Whether a topic is held."""
        return topic in self._of["topic"]


def _held_by(record: AuditRecord | AuditEntry) -> tuple[HoldKind, str] | None:
    if record.subject is not None:
        return "subject", record.subject
    if record.alert_id is not None:
        return "alert", record.alert_id
    if record.incident_id is not None:
        return "report", record.incident_id
    return ("topic", record.topic) if record.topic else None
