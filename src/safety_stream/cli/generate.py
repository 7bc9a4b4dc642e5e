"""`generate`: the synthetic county as files."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, TextIO, cast

import msgspec
import typer
from rich.progress import Progress

from safety_stream.cli.terminal import Json, epilog, err, out, print_json
from safety_stream.core.model.dead_letters import Reason
from safety_stream.core.model.times import day_of, to_day
from safety_stream.data_files import catalogue_folder
from safety_stream.edge.canonical import to_line
from safety_stream.edge.entries import Details
from safety_stream.edge.raw import to_raw_line
from safety_stream.synthetic import SyntheticReport, generate, ground_truth, read_county
from safety_stream.wire.reports import encode_report

EPILOG = epilog(
    "safety-stream generate --seed 7 --days 30 --start 2026-01-01 --out county",
    {0: "the files are written", 1: "they cannot be written"},
)

REPORTS, DIRT, TRUTH = "reports.jsonl.gz", "dirt.jsonl.gz", "truth.json"
FIRST_DAY = datetime(2026, 1, 1)  # noqa: DTZ001 - a calendar day, as the option takes it


def generate_command(
    folder: Annotated[Path, typer.Option("--out", file_okay=False, help="Folder for the files.")],
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same bytes.")] = 1,
    days: Annotated[int, typer.Option("--days", min=1, help="How many days something happens.")] = 28,
    start: Annotated[datetime, typer.Option("--start", formats=["%Y-%m-%d"], help="The first day.")] = FIRST_DAY,
    scale: Annotated[float, typer.Option("--rate-scale", min=0, help="1 is as much as a real county.")] = 1.0,
    as_json: Json = False,
) -> None:
    """Write a made-up county: reports.jsonl.gz to ingest, dirt.jsonl.gz that must be refused, truth.json.

    Nobody in it is real. Truth names the planted patterns and near misses, with the alerts that must stand at the end
    and those that must not.

    As in a real county some partners tell of a day weeks after it, so the last receipt lies months behind the last day.
    """
    county = read_county(catalogue_folder() / "synthetic" / "lancashire.yaml")
    first = date(start.year, start.month, start.day)
    folder.mkdir(parents=True, exist_ok=True)
    reports = dirt = 0
    with (
        _packed(folder / REPORTS) as report_lines,
        _packed(folder / DIRT) as dirt_lines,
        Progress(console=err, transient=True, disable=not err.is_terminal) as progress,
    ):
        task = progress.add_task("Making up the county", total=days)
        for item in generate(county, seed=seed, start=first, days=days, scale=scale):
            # Slow feeds go on arriving for months after the last day.
            progress.update(task, completed=min(days, day_of(item.received_at) - to_day(first)))
            if item.refused is not None:
                dirt_lines.write(_dirt_line(item, item.refused) + "\n")
                dirt += 1
            elif item.report is not None:
                report_lines.write(to_line(item.report, item.received_at, cast(Details, item.details)) + "\n")
                reports += 1
    stories = ground_truth(county, seed=seed, start=first, days=days)
    (folder / TRUTH).write_bytes(msgspec.json.format(msgspec.json.encode({"stories": stories})) + b"\n")
    if as_json:
        print_json({"folder": str(folder), "reports": reports, "dirt": dirt, "stories": len(stories)})
    else:
        out.print(f"{reports:,} reports, {dirt:,} broken records and {len(stories):,} planted stories are in {folder}.")


def _dirt_line(item: SyntheticReport, refused: Reason) -> str:
    value = item.raw
    if value is None and item.report is not None:
        value = encode_report(item.report, details=cast(Details, item.details))
        value = value[:-1] if item.is_cut else value
    return to_raw_line(item.topic, item.received_at, value, refused)


@contextmanager
def _packed(path: Path) -> Iterator[TextIO]:
    """A gzip file to write text to; without a time or a name in it, so that the same lines are the same bytes."""
    with (
        path.open("wb") as file,
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0, compresslevel=6) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="\n") as text,
    ):
        yield text
