"""`replay`: canonical reports through the whole pipeline in this process, without a broker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from safety_stream.cli.terminal import (
    OK,
    TO_DO,
    AreasFile,
    CatalogueFolder,
    Json,
    catalogue_of,
    epilog,
    err,
    named,
    print_json,
    print_table,
)
from safety_stream.core.catalogue import Catalogue
from safety_stream.edge import canonical
from safety_stream.edge.entries import Reject
from safety_stream.replay import Arrival, Pipeline, Result
from safety_stream.wire.reports import report_writer

EPILOG = epilog(
    "safety-stream replay reports.jsonl.gz --out result",
    {
        0: "done",
        1: "a file could not be read, or a rule is wrong",
        2: "done, but some lines were rejected (rejects.jsonl)",
    },
)


def replay(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Canonical JSON Lines, also gzip.")],
    out: Annotated[Path, typer.Option("--out", file_okay=False, help="Folder for the results.")],
    rules: Annotated[
        Path | None, typer.Option("--rules", exists=True, file_okay=False, help="Other rules: a folder of rule files.")
    ] = None,
    catalogue: CatalogueFolder = None,
    areas: AreasFile = None,
    as_json: Json = False,
) -> None:
    """Put reports through every stage and write what stands at the end: findings, alerts, indicators, dead letters.

    Reports go in by order of receipt (`received_at`, else `reported_at`); the same files give the same bytes.
    """
    known = catalogue_of(catalogue, areas, rules)
    rejects: list[Reject] = []
    arrivals = arrivals_of(files, known, rejects)
    result = Result()
    with _progress() as progress:
        task = progress.add_task("Replaying", total=len(arrivals))
        for done in Pipeline(known, result.take).run(arrivals):
            progress.update(task, completed=done)
    counts = result.write(out)
    with (out / "rejects.jsonl").open("wb") as file:
        file.writelines(msgspec.json.encode(reject) + b"\n" for reject in rejects)
    counts["rejects"] = len(rejects)
    if as_json:
        print_json({"reports": len(arrivals), **counts})
    else:
        print_table(("what", "how many"), [("reports", len(arrivals)), *counts.items()])
    raise typer.Exit(TO_DO if rejects else OK)


def arrivals_of(files: list[Path], known: Catalogue, rejects: list[Reject]) -> list[Arrival]:
    """What intake meets of these files, by order of receipt; lines that are no reports go to the rejects."""
    return sorted(_arrivals(files, known, rejects), key=lambda arrival: arrival.received_at)


def _arrivals(files: list[Path], known: Catalogue, rejects: list[Reject]) -> Iterator[Arrival]:
    for path in files:
        with path.open("rb") as file:
            for entry in named(path, canonical.read(file, known.areas)):
                if isinstance(entry, Reject):
                    rejects.append(entry)
                    continue
                received_at = entry.report.reported_at if entry.received_at is None else entry.received_at
                value = report_writer().report(entry.report, entry.details)
                yield Arrival(f"backfill.{entry.report.source}", value, received_at)


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=err, transient=True, disable=not err.is_terminal)
