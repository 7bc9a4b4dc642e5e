"""Canonical reports of the past, read from files for commands that put them through the stages in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from safety_stream.catalogue.backtesting import Span, Tally, with_only
from safety_stream.cli.terminal import Wrong, err, named, say
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.alerts import AlertVersion
from safety_stream.core.model.ids import incident_id
from safety_stream.core.model.incidents import IncidentVersion
from safety_stream.core.model.times import Instant
from safety_stream.core.register import is_out, outranks
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

SMALL_CHUNK = 50
"""Reports that go through together where it matters in which shift an alert comes: of a county, an hour's or two's."""


_BEFORE_ALL: Instant = -(10**18)


class History(msgspec.Struct, frozen=True):
    """Reports in order of receipt, the lines that are none, and when the last thing happened that they tell of.

    `names` are the reports' own, `<source>/<source_ref>`, by incident id. `decisions` of the arrivals are no reports,
    but what stewards decided about persons.
    """

    arrivals: list[Arrival]
    rejects: list[Reject]
    last_occurred: Instant
    names: dict[str, str]
    decisions: int = 0

    @property
    def span(self) -> Span:
        """The time in which things happen. Raises `Wrong` when there is no report."""
        if not self.arrivals:
            raise Wrong("there is no report in these files: name canonical JSON Lines, as `generate` writes them")
        first = self.arrivals[0].received_at
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


def read_history(files: Sequence[Path], known: Catalogue, links: Path | None = None) -> History:
    """Everything in these files, `links` among them decisions about persons. Raises `UnreadableFile` and `OSError`.

    A line that does not say when it was received came right after the one before it in its file, though not before it
    was reported itself.
    """
    arrivals: list[Arrival] = []
    rejects: list[Reject] = []
    names: dict[str, str] = {}
    last = 0
    for path in files:
        latest = _BEFORE_ALL
        with path.open("rb") as file:
            for entry in named(path, canonical.read(file, known.areas)):
                if isinstance(entry, Reject):
                    rejects.append(entry)
                    continue
                arrival = _arrival(entry, latest, known)
                if isinstance(arrival, Reject):
                    rejects.append(arrival)
                    continue
                report = entry.report
                arrivals.append(arrival)
                latest = max(latest, arrival.received_at)
                last = max(last, min(report.occurred_from, arrival.received_at))
                names[incident_id(report.source, report.source_ref)] = f"{report.source}/{report.source_ref}"
    decisions = [] if links is None else [*_decisions(links, rejects)]
    # At one moment decisions come first: who is who is known when the report comes.
    arrivals = sorted([*decisions, *arrivals], key=lambda arrival: arrival.received_at)
    return History(arrivals, rejects, last, names, len(decisions))


def _decisions(path: Path, rejects: list[Reject]) -> Iterator[Arrival]:
    """The decisions in a file; one that does not say when it was received was received when it was made."""
    with path.open("rb") as file:
        for one in named(path, canonical.read_links(file)):
            if isinstance(one, Reject):
                rejects.append(one)
            else:
                received_at = one.link.decided_at if one.received_at is None else one.received_at
                yield Arrival("person-links", shipped_codecs().encode(one.link), received_at)


def _arrival(entry: Entry, latest: Instant, known: Catalogue) -> Arrival | Reject:
    report = entry.report
    if report.source not in known.sources:
        # It has no topic, so no stage would hear of it, not even to refuse it.
        mend = "add it to the catalogue's sources.yaml, or mend the report"
        return Reject(line=entry.line, reason=f"field source is not in the catalogue; {mend}")
    received_at = max(report.reported_at, latest) if entry.received_at is None else entry.received_at
    try:
        value = report_writer().report(report, entry.details)
    except (DocumentFault, Unsuitable) as error:
        return Reject(line=entry.line, reason=str(error))
    return Arrival(f"backfill.{report.source}", value, received_at)


def put_through(
    known: Catalogue,
    history: History,
    seen: Callable[[Output], None],
    *,
    chunk_size: int = CHUNK,
    until: Instant | None = None,
) -> None:
    """Put a history through every stage, with a bar that shows how far it is; then let time pass to `until`, if any."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    pipeline = Pipeline(known, seen)
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("Replaying", total=len(history.arrivals))
        for done in pipeline.run(history.arrivals, chunk_size):
            progress.update(task, completed=done)
    if until is not None:
        pipeline.complete_to(until)


def standing_versions(known: Catalogue, history: History) -> list[IncidentVersion]:
    """What every report of a history says last, but for those taken back; what intake refuses is not among them."""
    wire, rows, step = Records(), MemoryRows(), intake.make_step(known, 1)
    standing: dict[str, IncidentVersion] = {}
    for start in range(0, len(history.arrivals), CHUNK):
        records = [
            wire.record(one.topic, 0, start + number, one.received_at, None, one.value)
            for number, one in enumerate(history.arrivals[start : start + CHUNK])
        ]
        for output in step(rows, records, None):
            version = output.value
            if isinstance(version, IncidentVersion):
                old = standing.get(version.incident_id)
                if old is None or outranks(version, old):
                    standing[version.incident_id] = version
    return [version for version in standing.values() if not is_out(version)]


def say_what_is_left_out(history: History) -> None:
    """Say how many lines were no reports, if any."""
    if history.rejects:
        say(f"{len(history.rejects):,} lines are no reports and were left out; `safety-stream replay` says which")


def tally(known: Catalogue, rules: Sequence[Rule], history: History) -> Tally:
    """What these rules alone would have raised on a history."""
    say_what_is_left_out(history)
    found = Tally(rules)

    def take(output: Output) -> None:
        if isinstance(output.value, AlertVersion):
            found.take(output.value)

    put_through(with_only(known, rules), history, take, chunk_size=SMALL_CHUNK)
    return found
