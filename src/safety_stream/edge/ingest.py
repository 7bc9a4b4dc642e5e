"""A file's reports onto the bus, at a given rate, going on where an earlier try stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec

from safety_stream.core.model.reports import Report
from safety_stream.core.model.times import MINUTE, Instant
from safety_stream.core.stages.intake import FUTURE_TOLERANCE
from safety_stream.edge.entries import Details, Entry, Reject
from safety_stream.edge.progress import Progress
from safety_stream.wire.general import DocumentFault
from safety_stream.wire.specialised import Unsuitable

CHUNK = 2_000
"""How many reports are sent before their acknowledgements are awaited and the progress is kept."""

CHUNK_SECONDS = 2.0
"""At a slow rate, how long a chunk may take."""


def _wall() -> Instant:
    return time.time_ns() // 1_000_000


class Sender(Protocol):
    """What takes the reports: `ReportProducer`."""

    def send(self, report: Report, *, details: Details | None = None, received_at: Instant | None = None) -> None:
        """Hand over a report."""

    def flush(self) -> None:
        """Wait until all are acknowledged."""


class Ingest(msgspec.Struct, kw_only=True):
    """One run over one file: where its reports go and who hears of it.

    With `backfill` reports go in as history, at the time each was received; one that does not say when is rejected, and
    one that says it will be: nothing moves the stages' time back again. `rate` is in reports per second, None for as
    fast as they are taken. `clock` and `sleep` are monotonic seconds, `wall` is the time.
    """

    sender: Sender
    save: Callable[[Progress], None]
    rejected: Callable[[Reject], None]
    backfill: bool = True
    rate: float | None = None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    wall: Callable[[], Instant] = _wall

    def run(self, entries: Iterable[Entry | Reject], progress: Progress) -> Progress:
        """Send what follows `progress` and return where it ends; each stop in between has been saved.

        Whatever the sender raises passes through: what was saved by then is acknowledged.
        """
        pace = _Pace(self.rate, self.clock, self.sleep)
        in_chunk, chunk_began = 0, self.clock()
        for entry in entries:
            if entry.line <= progress.line:
                continue
            reject = self._send(entry, pace)
            if reject is not None:
                self.rejected(reject)
            progress = msgspec.structs.replace(
                progress,
                line=entry.line,
                sent=progress.sent + (reject is None),
                rejected=progress.rejected + (reject is not None),
            )
            in_chunk += 1
            if in_chunk >= CHUNK or self.clock() - chunk_began >= CHUNK_SECONDS:
                self._keep(progress)
                in_chunk, chunk_began = 0, self.clock()
        progress = msgspec.structs.replace(progress, done=True)
        self._keep(progress)
        return progress

    def _send(self, entry: Entry | Reject, pace: _Pace) -> Reject | None:
        if isinstance(entry, Reject):
            return entry
        if self.backfill and (fault := no_history(entry.received_at, self.wall())):
            return Reject(line=entry.line, reason=fault)
        pace.wait()
        try:
            self.sender.send(
                entry.report, details=entry.details, received_at=entry.received_at if self.backfill else None
            )
        except (DocumentFault, Unsuitable) as error:
            return Reject(line=entry.line, reason=str(error))
        return None

    def _keep(self, progress: Progress) -> None:
        self.sender.flush()
        self.save(progress)


def no_history(received_at: Instant | None, now: Instant) -> str | None:
    """Why a report received then is none of the past, by this machine's clock; None when it is."""
    if received_at is None:
        return "received_at is missing: state it, or ingest with --live"
    if received_at > now + FUTURE_TOLERANCE:
        ahead = f"more than {FUTURE_TOLERANCE // MINUTE} minutes ahead of this machine's clock"
        return f"received_at is {ahead}: mend one of them; it would move the stages' time ahead for good"
    return None


class _Pace:
    """Spreads reports evenly over time; at most a second lost is made up for."""

    def __init__(self, rate: float | None, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._interval = 1 / rate if rate else 0.0
        self._clock = clock
        self._sleep = sleep
        self._next = clock()

    def wait(self) -> None:
        """Return when the next report is due."""
        if not self._interval:
            return
        now = self._clock()
        if now < self._next:
            self._sleep(self._next - now)
        self._next = max(self._next + self._interval, now - 1)
