"""What would become of a partner's file: each line is read, written and taken in as it would be, and nothing is sent.

Nothing is judged here. An entry goes through the writer of the producer and through the intake stage itself, over rows
in memory, with the catalogue it is to be checked by; what the one refuses to write and the other makes a dead letter is
told as a reject. So a file that passes can be refused only for what nobody can know beforehand: a catalogue that is
another one there, counts that were sent before, a clock that has gone on.

A report that would be taken may still be of less use than its partner thinks: one that names no area counts in no
district. That is told, too, and rejects nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import cast

import msgspec

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.dead_letters import DeadLetter
from safety_stream.core.model.incidents import OUTSIDE, UNLOCATED, IncidentVersion
from safety_stream.core.model.times import Instant
from safety_stream.core.register import is_out
from safety_stream.core.stages import intake
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.edge.entries import Entry, Reject
from safety_stream.edge.ingest import no_history
from safety_stream.edge.producer import record_of
from safety_stream.wire.general import DocumentFault
from safety_stream.wire.records import Records
from safety_stream.wire.specialised import Unsuitable

LINES_NAMED = 5
"""How many lines of each reason are named; all of them have their own line where they are asked for."""


REASONS_TOLD = 100
"""How many different reasons are counted apart: the rest are counted together."""

OTHERWISE = "another reason"


class Reason(msgspec.Struct, kw_only=True):
    """Why lines would be rejected: how many, and the first of them."""

    reason: str
    count: int = 0
    lines: list[int] = msgspec.field(default_factory=list)

    def add(self, line: int) -> None:
        """One more line that would be rejected for it."""
        self.count += 1
        if len(self.lines) < LINES_NAMED:
            self.lines.append(line)


class Summary:
    """What would become of a file: how many lines would be taken, how many rejected, and why.

    `claiming` are those of the lines taken that do not take a report back; of these so many name no area
    (`without_area`), and so many one that is no district of the county's (`outside`).
    """

    def __init__(self) -> None:
        self.taken = 0
        self.rejected = 0
        self.claiming = 0
        self.without_area = 0
        self.outside = 0
        self._reasons: dict[str, Reason] = {}

    def take(self, version: IncidentVersion) -> None:
        """One more line that would be taken, as intake would pass it on."""
        self.taken += 1
        if not is_out(version):
            self.claiming += 1
            self.without_area += version.area == UNLOCATED
            self.outside += version.area == OUTSIDE

    def count(self, reject: Reject) -> None:
        """One more line that would be rejected."""
        self.rejected += 1
        is_told = reject.reason in self._reasons or len(self._reasons) < REASONS_TOLD
        reason = reject.reason if is_told else OTHERWISE
        self._reasons.setdefault(reason, Reason(reason=reason)).add(reject.line)

    def reasons(self) -> list[Reason]:
        """Each reason, that of the most lines first."""
        return sorted(self._reasons.values(), key=lambda one: (-one.count, one.lines))


class Check:
    """Goes with one file: what was taken before may be why something is refused after.

    With `is_history` each report is received when it says so, else all of them `now`.
    """

    def __init__(self, catalogue: Catalogue, now: Instant, *, is_history: bool) -> None:
        self._now = now
        self._is_history = is_history
        self._wire = Records()
        self._step = intake.make_step(catalogue, 1)
        self._rows = MemoryRows()
        self._seen = 0

    def rejects(self, entries: Iterable[Entry | Reject], summary: Summary) -> Iterator[Reject]:
        """The entries that would be rejected, as they would be, in order; all of them are counted."""
        for entry in entries:
            judged = entry if isinstance(entry, Reject) else self._judged(entry)
            if isinstance(judged, Reject):
                summary.count(judged)
                yield judged
            else:
                summary.take(judged)

    def verdict(self, entry: Entry) -> Reject | None:
        """Why an entry would be rejected; None when it would be taken."""
        judged = self._judged(entry)
        return judged if isinstance(judged, Reject) else None

    def refusal(self, topic: str, key: bytes, value: bytes, received_at: Instant) -> str | None:
        """Why intake would refuse a record; None when it would take it."""
        passed = self._passed(topic, key, value, received_at)
        return _why(passed) if isinstance(passed, DeadLetter) else None

    def _judged(self, entry: Entry) -> IncidentVersion | Reject:
        if self._is_history and (fault := no_history(entry.received_at, self._now)):
            return Reject(line=entry.line, reason=fault)
        received_at = entry.received_at if self._is_history else None
        try:
            sent = record_of(entry.report, entry.details, received_at)
        except (DocumentFault, Unsuitable) as error:
            return Reject(line=entry.line, reason=str(error))
        at = self._now if received_at is None else received_at
        passed = self._passed(sent["topic"], sent["key"], sent["value"], at)
        if isinstance(passed, DeadLetter):
            return Reject(line=entry.line, reason=_why(passed))
        # An entry is a report, and of a report intake makes nothing else.
        return cast(IncidentVersion, passed)

    def _passed(self, topic: str, key: bytes, value: bytes, received_at: Instant) -> msgspec.Struct:
        """What intake makes of a record: what it passes on, or a dead letter."""
        self._seen += 1
        record = self._wire.record(topic, 0, self._seen, received_at, key, value)
        output, *_ = self._step(self._rows, [record], None)
        return output.value


def _why(letter: DeadLetter) -> str:
    return f"{letter.reason}: {letter.detail}"
