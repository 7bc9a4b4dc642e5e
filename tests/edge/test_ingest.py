"""Ingest: what is sent, at which pace, and where it goes on after it was stopped."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from safety_stream.core.model.reports import Report
from safety_stream.core.model.times import MINUTE, Instant
from safety_stream.edge import ingest as module
from safety_stream.edge.entries import Details, Entry, Reject
from safety_stream.edge.ingest import Ingest
from safety_stream.edge.producer import NotDelivered
from safety_stream.edge.progress import Progress, ProgressFile
from safety_stream.wire.general import DocumentFault

START = Progress(content="c", target="t")


class Broker:
    """Takes reports; acknowledges on flush; refuses to go on after `breaks_after` of them."""

    def __init__(self, breaks_after: int | None = None) -> None:
        self.breaks_after = breaks_after
        self.waiting: list[tuple[str, Instant | None]] = []
        self.acknowledged: list[tuple[str, Instant | None]] = []

    def send(self, report: Report, *, details: Details | None = None, received_at: Instant | None = None) -> None:
        if details:
            raise DocumentFault("police_crime: no such field")
        if self.breaks_after is not None and len(self.acknowledged) + len(self.waiting) >= self.breaks_after:
            raise NotDelivered("the broker has gone", retriable=True)
        self.waiting.append((report.source_ref, received_at))

    def flush(self) -> None:
        self.acknowledged += self.waiting
        self.waiting.clear()


class Watch:
    """Seconds that pass only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def entry(line: int, received_at: Instant | None = 5, details: Details | None = None) -> Entry:
    report = Report(
        source="housing",
        source_ref=f"ref-{line}",
        source_version=1,
        action="new",
        kind="housing-concern",
        occurred_from=0,
        reported_at=0,
    )
    return Entry(line=line, report=report, received_at=received_at, details=details or {})


def run(
    broker: Broker, entries: Sequence[Entry | Reject] | Iterator[Entry], progress: Progress = START, **settings: object
) -> tuple[list[Progress], list[Reject]]:
    saved: list[Progress] = []
    rejected: list[Reject] = []
    watch = Watch()
    ingest = Ingest(
        sender=broker, save=saved.append, rejected=rejected.append, clock=watch, sleep=watch.sleep, **settings
    )
    try:
        ingest.run(entries, progress)
    except NotDelivered:
        saved.append(saved[-1] if saved else progress)
    return saved, rejected


def test_every_report_is_sent_with_the_time_it_was_received() -> None:
    broker = Broker()
    saved, rejected = run(broker, [entry(1), entry(2, received_at=9)])

    assert broker.acknowledged == [("ref-1", 5), ("ref-2", 9)]
    assert (saved[-1].line, saved[-1].sent, saved[-1].done, rejected) == (2, 2, True, [])


def test_live_reports_are_received_when_they_arrive() -> None:
    broker = Broker()
    run(broker, [entry(1)], backfill=False)

    assert broker.acknowledged == [("ref-1", None)]


def test_history_without_its_time_is_rejected() -> None:
    broker = Broker()
    _, rejected = run(broker, [entry(1, received_at=None), entry(2)])

    assert rejected == [Reject(line=1, reason="received_at is missing: state it, or ingest with --live")]
    assert broker.acknowledged == [("ref-2", 5)]


def test_history_that_is_yet_to_come_is_rejected() -> None:
    """Once received, it would move the stages' time ahead for good."""
    broker = Broker()
    now, latest = 1_772_366_400_000, 1_772_366_400_000 + 5 * MINUTE
    entries = [entry(1, latest), entry(2, latest + 1), entry(3, now)]
    saved, (rejected,) = run(broker, entries, wall=lambda: now)

    assert broker.acknowledged == [("ref-1", latest), ("ref-3", now)]
    assert rejected.line == 2
    assert rejected.reason.startswith("received_at is more than 5 minutes ahead of this machine's clock")
    assert (saved[-1].sent, saved[-1].rejected) == (2, 1)


def test_what_is_received_now_may_say_any_time() -> None:
    broker = Broker()
    _, rejected = run(broker, [entry(1, 10**12)], wall=lambda: 0, backfill=False)

    assert (broker.acknowledged, rejected) == ([("ref-1", None)], [])


def test_rejects_and_details_that_do_not_fit_are_told_and_counted() -> None:
    broker = Broker()
    unreadable = Reject(line=1, reason="not a line of JSON")
    saved, rejected = run(broker, [unreadable, entry(2, details={"police_crime": {}}), entry(3)])

    assert rejected == [unreadable, Reject(line=2, reason="police_crime: no such field")]
    assert (saved[-1].sent, saved[-1].rejected) == (1, 2)


def test_what_was_saved_is_acknowledged_and_the_next_run_sends_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 10)
    entries = [entry(line) for line in range(1, 101)]
    first = Broker(breaks_after=57)
    saved, _ = run(first, entries)

    assert saved[-1].line == 50
    assert len(first.acknowledged) == 50

    second = Broker()
    finished, _ = run(second, entries, saved[-1])

    assert [reference for reference, _ in first.acknowledged + second.acknowledged] == [
        f"ref-{line}" for line in range(1, 101)
    ]
    assert (finished[-1].sent, finished[-1].done) == (100, True)


def test_a_slow_ingest_keeps_its_progress_every_other_second() -> None:
    saved, _ = run(Broker(), [entry(line) for line in range(1, 21)], rate=2.0)

    assert [progress.line for progress in saved] == [5, 9, 13, 17, 20]


def test_the_rate_spreads_reports_evenly() -> None:
    watch, times = Watch(), []

    class Noting(Broker):
        def send(self, report: Report, *, details: Details | None = None, received_at: Instant | None = None) -> None:
            super().send(report, details=details, received_at=received_at)
            times.append(watch.now)

    Ingest(sender=Noting(), save=lambda _: None, rejected=lambda _: None, rate=4.0, clock=watch, sleep=watch.sleep).run(
        [entry(line) for line in range(1, 6)], START
    )

    assert times == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_progress_is_kept_by_content_and_target(tmp_path: Path) -> None:
    one, copy, other = tmp_path / "one", tmp_path / "copy", tmp_path / "other"
    one.write_bytes(b"same")
    copy.write_bytes(b"same")
    other.write_bytes(b"else")
    kept = ProgressFile(one, "cluster")
    kept.save(Progress(content=kept.start().content, target="cluster", line=7))

    assert ProgressFile(copy, "cluster").load().line == 7
    assert ProgressFile(one, "another").load().line == 0
    assert ProgressFile(other, "cluster").load().line == 0


def test_progress_that_cannot_be_read_begins_anew(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x")
    kept = ProgressFile(file, "cluster", tmp_path / "state")
    kept.save(Progress(content=kept.start().content, target="cluster", line=7))
    kept.path.write_bytes(b"{")

    assert kept.load() == kept.start()
