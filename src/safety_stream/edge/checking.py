"""What would become of a partner's file: each line is read, written and taken in as it would be, and nothing is sent.

Nothing is judged here. An entry goes through the writer of the producer and through the intake stage itself, over rows
in memory, with the catalogue it is to be checked by; what the one refuses to write and the other makes a dead letter is
told as a reject. So a file that passes can be refused only for what nobody can know beforehand: a catalogue that is
another one there, counts that were sent before, a clock that has gone on.

A report that would be taken may still be of less use than its partner thinks: one that names no area counts in no
district, and of two of one reference and version one alone stands. That is told, too, and rejects nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
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


REMEMBERED = 250_000
"""How many reports, at least, one is held against that came before it; twice as many are kept at most, in some 115 MB.
A file whose reports come again is mostly two exports put together, and most partners have fewer in a year."""


class Repeat(msgspec.Struct, frozen=True, kw_only=True):
    """A line with the reference, version and action of the one on line `before`.

    With `is_same` it says the same and changes nothing. Else one of the two stands, which no order of lines decides
    (`register.outranks`).
    """

    line: int
    before: int
    is_same: bool

    def __str__(self) -> str:
        told = f"has the reference and version of line {self.before}"
        if self.is_same:
            return f"{told} and says the same: it changes nothing"
        return f"{told} and says something else: one alone stands, and not because it comes later: raise source_version"


class _Repeats:
    """What came before in a file: the last so many reports, by digests, because references may be many and long."""

    def __init__(self) -> None:
        self._newest: dict[bytes, tuple[int, bytes]] = {}
        self._older: dict[bytes, tuple[int, bytes]] = {}

    def of(self, line: int, version: IncidentVersion) -> Repeat | None:
        """Which line said it in this version before, if one did."""
        key = _digest((version.incident_id, version.source_version, version.action))
        # When it was received is no part of what it says.
        said = _digest(msgspec.structs.replace(version, received_at=0))
        known = self._newest.get(key) or self._older.get(key)
        if known is not None:
            before, said_before = known
            return Repeat(line=line, before=before, is_same=said == said_before)
        if len(self._newest) == REMEMBERED:
            self._older, self._newest = self._newest, {}
        self._newest[key] = (line, said)
        return None


def _digest(value: object) -> bytes:
    return blake2b(msgspec.msgpack.encode(value), digest_size=16).digest()


class Summary:
    """What would become of a file: how many lines would be taken, how many rejected, and why.

    `repeated` are those of the lines taken that say what an earlier one says, and change nothing; `conflicting` those
    that say something else in the same version; `repeats` are the first of both. `claiming` are those that do not take
    a report back; of these so many name no area (`without_area`), and so many one that is no district of the county's
    (`outside`).
    """

    def __init__(self) -> None:
        self.taken = 0
        self.rejected = 0
        self.claiming = 0
        self.without_area = 0
        self.outside = 0
        self.repeated = 0
        self.conflicting = 0
        self.repeats: list[Repeat] = []
        self._reasons: dict[str, Reason] = {}

    def take(self, version: IncidentVersion, repeat: Repeat | None) -> None:
        """One more line that would be taken, as intake would pass it on, and what it repeats."""
        self.taken += 1
        if repeat is not None:
            self.repeated += repeat.is_same
            self.conflicting += not repeat.is_same
            if len(self.repeats) < LINES_NAMED:
                self.repeats.append(repeat)
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
        self._repeats = _Repeats()

    def rejects(self, entries: Iterable[Entry | Reject], summary: Summary) -> Iterator[Reject]:
        """The entries that would be rejected, as they would be, in order; all of them are counted."""
        for entry in entries:
            judged = entry if isinstance(entry, Reject) else self._judged(entry)
            if isinstance(judged, Reject):
                summary.count(judged)
                yield judged
            else:
                summary.take(judged, self._repeats.of(entry.line, judged))

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
