"""Canonical reports of the past, read from files for commands that put them through the stages in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate, islice
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from safety_stream.catalogue.backtesting import Span, Tally, with_only
from safety_stream.cli.scratch import scratch
from safety_stream.cli.spool import Spool
from safety_stream.cli.terminal import Wrong, err, named, say
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.alerts import AlertVersion
from safety_stream.core.model.ids import incident_id
from safety_stream.core.model.incidents import IncidentVersion
from safety_stream.core.model.reports import Report
from safety_stream.core.model.times import Instant
from safety_stream.core.register import highest_of, is_out
from safety_stream.core.rules.rule import Rule
from safety_stream.core.stages import intake
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.core.stages.stage import Output
from safety_stream.edge import canonical
from safety_stream.edge.entries import Entry, Reject
from safety_stream.replay import CHUNK, Arrival, Pipeline
from safety_stream.wire.codecs import shipped_codecs
from safety_stream.wire.general import DocumentFault
from safety_stream.wire.records import Records
from safety_stream.wire.reports import report_writer
from safety_stream.wire.specialised import Unsuitable
from safety_stream.wire.topology import STAGES

SMALL_CHUNK = 50
"""Reports that go through together where it matters in which shift an alert comes: of a county, an hour's or two's."""

_TO_ALERTS: Final = STAGES[: [row.name for row in STAGES].index("alert") + 1]
"""The stages that matter to whoever counts alerts: not how they are handled, nor who is told."""

SAID_EVERY = 60.0
"""After so many seconds a line says how far a command is that runs where nobody sees a bar."""

_BEFORE_ALL: Instant = -(10**18)
_MEGABYTE = 20
"""So many bits of a number of bytes are less than one."""


class History(msgspec.Struct, frozen=True):
    """Reports in order of receipt, the lines that are none, and when the last thing happened that they tell of.

    `decisions` of the arrivals are no reports, but what stewards decided about persons.
    """

    arrivals: Spool
    rejects: list[Reject]
    last_occurred: Instant
    decisions: int = 0

    @property
    def received(self) -> tuple[Instant, Instant]:
        """When the first and the last were received. Raises `Wrong` when there is no report."""
        first, last = self.arrivals.first, self.arrivals.last
        if first is None or last is None:
            raise Wrong("there is no report in these files: name canonical JSON Lines, as `generate` writes them")
        return first, last

    @property
    def span(self) -> Span:
        """The time in which things happen. Raises `Wrong` when there is no report."""
        first, _ = self.received
        return Span(len(self.arrivals), first, max(first, self.last_occurred))


LinksFile = Annotated[
    Path | None,
    typer.Option(
        "--links",
        exists=True,
        dir_okay=False,
        help="Stewards' decisions about persons in that history (JSON Lines, also gzip).",
    ),
]


def read_history(
    files: Sequence[Path], known: Catalogue, links: Path | None = None, names: dict[str, str] | None = None
) -> History:
    """Everything in these files, `links` among them decisions about persons. Raises `UnreadableFile` and `OSError`.

    A line that does not say when it was received came right after the one before it in its file, though not before it
    was reported itself. Into `names`, where somebody needs them, goes what partners call their reports,
    `<source>/<source_ref>`, by incident id.
    """
    arrivals, rejects, last = Spool(), list[Reject](), 0
    for line in _read(files, known):
        if isinstance(line, Reject):
            rejects.append(line)
            continue
        report, arrival = line
        arrivals.add(arrival)
        last = max(last, min(report.occurred_from, arrival.received_at))
        if names is not None:
            names[incident_id(report.source, report.source_ref)] = f"{report.source}/{report.source_ref}"
    reports = len(arrivals)
    if links is not None:
        for decision in _decisions(links, rejects):
            arrivals.add(decision)
    return History(arrivals, rejects, last, len(arrivals) - reports)


def _read(files: Sequence[Path], known: Catalogue) -> Iterator[tuple[Report, Arrival] | Reject]:
    """The report of each line in these files and its arrival, or why there is none."""
    sizes = [path.stat().st_size for path in files]
    with _progress("Reading", sum(sizes) >> _MEGABYTE, "MB") as tell:
        for path, before in zip(files, accumulate(sizes, initial=0), strict=False):
            latest = _BEFORE_ALL
            with path.open("rb") as file:
                for number, entry in enumerate(named(path, canonical.read(file, known.areas))):
                    if number % CHUNK == 0:
                        tell((before + file.tell()) >> _MEGABYTE)
                    if isinstance(entry, Reject):
                        yield entry
                        continue
                    arrival = _arrival(entry, latest, known)
                    if isinstance(arrival, Reject):
                        yield arrival
                        continue
                    latest = max(latest, arrival.received_at)
                    yield entry.report, arrival


def _decisions(path: Path, rejects: list[Reject]) -> Iterator[Arrival]:
    """The decisions in a file; one that does not say when it was received was received when it was made."""
    with path.open("rb") as file:
        for one in named(path, canonical.read_links(file)):
            if isinstance(one, Reject):
                rejects.append(one)
                continue
            received_at = one.link.decided_at if one.received_at is None else one.received_at
            if received_at > intake.LATEST_RECEIPT:
                rejects.append(_beyond("decided_at" if one.received_at is None else "received_at", one.line))
            else:
                yield Arrival("person-links", shipped_codecs().encode(one.link), received_at)


def _arrival(entry: Entry, latest: Instant, known: Catalogue) -> Arrival | Reject:
    report = entry.report
    if report.source not in known.sources:
        # It has no topic, so no stage would hear of it, not even to refuse it.
        mend = "add it to the catalogue's sources.yaml, or mend the report"
        return Reject(line=entry.line, reason=f"field source is not in the catalogue; {mend}")
    received_at = max(report.reported_at, latest) if entry.received_at is None else entry.received_at
    if received_at > intake.LATEST_RECEIPT:
        # The lines after it would have come no earlier, and be refused for its mistake.
        return _beyond("reported_at" if entry.received_at is None else "received_at", entry.line)
    try:
        value = report_writer().report(report, entry.details)
    except (DocumentFault, Unsuitable) as error:
        return Reject(line=entry.line, reason=str(error))
    return Arrival(f"backfill.{report.source}", value, received_at)


def _beyond(field: str, line: int) -> Reject:
    return Reject(line=line, reason=f"field {field} is in the year 3000 or later; write the time that is meant")


def put_through(history: History, pipeline: Pipeline, *, chunk_size: int = CHUNK, until: Instant | None = None) -> None:
    """Put a history through a pipeline, and show how far it is; then let time pass to `until`, if any."""
    with _progress("Replaying", len(history.arrivals), "reports") as tell:
        for done in pipeline.run(history.arrivals, chunk_size):
            tell(done)
    if until is not None:
        pipeline.complete_to(until)


@contextmanager
def _progress(what: str, total: int, unit: str) -> Iterator[Callable[[int], None]]:
    """What tells how much of the total is done: a bar on a screen, and where nobody looks at one, a line at times."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        said = time.monotonic()

        def tell(done: int) -> None:
            nonlocal said
            progress.update(task, completed=done)
            if not err.is_terminal and time.monotonic() - said >= SAID_EVERY:
                said = time.monotonic()
                say(f"{what}: {done:,} of {total:,} {unit}")

        yield tell


def standing_versions(known: Catalogue, history: History) -> list[IncidentVersion]:
    """What every report of a history says last, but for those taken back; what intake refuses is not among them."""
    return [version for version in highest_of(_taken_in(known, history)).values() if not is_out(version)]


def _taken_in(known: Catalogue, history: History) -> Iterator[IncidentVersion]:
    """What intake makes of a history."""
    wire, rows, step = Records(), MemoryRows(), intake.make_step(known, 1)
    waiting = enumerate(history.arrivals)
    while chunk := list(islice(waiting, CHUNK)):
        records = [wire.record(one.topic, 0, number, one.received_at, None, one.value) for number, one in chunk]
        for output in step(rows, records, None):
            if isinstance(output.value, IncidentVersion):
                yield output.value


def say_what_is_left_out(history: History) -> None:
    """Say how many lines were no reports, if any."""
    if history.rejects:
        say(f"{len(history.rejects):,} lines are no reports and were left out; `safety-stream replay` says which")


def tally(
    known: Catalogue, rules: Sequence[Rule], history: History, raised: Callable[[AlertVersion], None] | None = None
) -> Tally:
    """What these rules alone would have raised on a history; `raised` is called with each alert as it is first raised.

    Raises `OSError` where the disk is full.
    """
    say_what_is_left_out(history)
    found = Tally(rules)

    def take(output: Output) -> None:
        if isinstance(output.value, AlertVersion) and found.take(output.value) and raised is not None:
            raised(output.value)

    with scratch() as make_rows:
        pipeline = Pipeline(with_only(known, rules), take, stages=_TO_ALERTS, make_rows=make_rows)
        put_through(history, pipeline, chunk_size=SMALL_CHUNK)
    return found
