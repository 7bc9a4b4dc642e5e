"""Canonical reports of the past, read from files for commands that put them through the stages in this process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from safety_stream.catalogue.backtesting import Span, Tally, with_only
from safety_stream.cli.terminal import Wrong, err, named, say
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.alerts import AlertVersion
from safety_stream.core.rules.rule import Rule
from safety_stream.core.stages.stage import Output
from safety_stream.edge import canonical
from safety_stream.edge.entries import Reject
from safety_stream.replay import CHUNK, Arrival, Pipeline
from safety_stream.wire.reports import report_writer

SMALL_CHUNK = 50
"""Reports that go through together where it matters in which shift an alert comes: of a county, an hour's or two's."""


class History(msgspec.Struct, frozen=True):
    """Reports in order of receipt, the lines that are none, and when the last thing happened that they tell of."""

    arrivals: list[Arrival]
    rejects: list[Reject]
    last_occurred: int

    @property
    def span(self) -> Span:
        """The time in which things happen. Raises `Wrong` when there is no report."""
        if not self.arrivals:
            raise Wrong("there is no report in these files: name canonical JSON Lines, as `generate` writes them")
        first = self.arrivals[0].received_at
        return Span(len(self.arrivals), first, max(first, self.last_occurred))


def read_history(files: Sequence[Path], known: Catalogue) -> History:
    """Everything in these files. Raises `UnreadableFile` and `OSError`."""
    arrivals: list[Arrival] = []
    rejects: list[Reject] = []
    last = 0
    for path in files:
        with path.open("rb") as file:
            for entry in named(path, canonical.read(file, known.areas)):
                if isinstance(entry, Reject):
                    rejects.append(entry)
                    continue
                received_at = entry.report.reported_at if entry.received_at is None else entry.received_at
                value = report_writer().report(entry.report, entry.details)
                arrivals.append(Arrival(f"backfill.{entry.report.source}", value, received_at))
                last = max(last, min(entry.report.occurred_from, received_at))
    arrivals.sort(key=lambda arrival: arrival.received_at)
    return History(arrivals, rejects, last)


def put_through(known: Catalogue, history: History, seen: Callable[[Output], None], chunk_size: int = CHUNK) -> None:
    """Put a history through every stage, with a bar that shows how far it is."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("Replaying", total=len(history.arrivals))
        for done in Pipeline(known, seen).run(history.arrivals, chunk_size):
            progress.update(task, completed=done)


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

    put_through(with_only(known, rules), history, take, SMALL_CHUNK)
    return found
