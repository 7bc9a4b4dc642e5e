"""`ingest`: files of reports onto the bus."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.progress import Progress

from safety_stream.cli.choosing import FormatOption, MappingOption, TokensOption, choose
from safety_stream.cli.rejects import rejects_to
from safety_stream.cli.terminal import (
    OK,
    TO_DO,
    AreasFile,
    CatalogueFolder,
    Json,
    Wrong,
    catalogue_of,
    connect,
    epilog,
    file_bar,
    how_many,
    named,
    on_kafka,
    print_json,
    print_table,
    say,
)
from safety_stream.config import Connection
from safety_stream.core.catalogue import Areas
from safety_stream.edge.entries import Reject
from safety_stream.edge.formats import Adapter
from safety_stream.edge.ingest import Ingest
from safety_stream.edge.producer import NotDelivered, ReportProducer
from safety_stream.edge.progress import Progress as Kept
from safety_stream.edge.progress import ProgressFile
from safety_stream.streaming.provisioning import topic_id

EPILOG = epilog(
    "safety-stream ingest 2018-07-west-yorkshire-street.csv.gz --format police-uk",
    {
        0: "every line is on the bus",
        1: "stopped; run it again and it goes on where it stopped",
        2: "done, but some lines were rejected, now or before",
    },
)


class Ingested(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a file.

    `already` is how many of its lines an earlier run had dealt with, `rejected_before` how many of these it rejected:
    both as `edge check` counts lines, without headings and empty ones.
    """

    file: str
    sent: int
    rejected: int
    already: int
    rejected_before: int


@on_kafka
def ingest(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Files, plain or gzip.")],
    kafka: Connection,
    form: FormatOption = None,
    mapping: MappingOption = None,
    tokens: TokensOption = None,
    rate: Annotated[float | None, typer.Option("--rate", min=0.1, help="Reports a second. Default: at once.")] = None,
    backfill: Annotated[
        bool,
        typer.Option(
            "--backfill/--live",
            help="As history, each report at the time it was received then; or as received now.",
        ),
    ] = True,
    rejects: Annotated[
        Path | None, typer.Option("--rejects", dir_okay=False, help="File for rejected lines and reasons (JSON Lines).")
    ] = None,
    areas: AreasFile = None,
    catalogue: CatalogueFolder = None,
    state: Annotated[
        Path | None,
        typer.Option("--state", file_okay=False, help="Folder for the progress kept. Default: beside each file."),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="From the first line, whatever was sent before.")] = False,
    as_json: Json = False,
) -> None:
    """Put reports from files on the bus.

    Interrupted, it goes on where it stopped when it is run again. A report sent twice changes nothing.
    """
    known = catalogue_of(catalogue, areas)
    chosen = choose(form, mapping, tokens, known)
    target = f"{'backfill' if backfill else 'live'} {topic_id(connect(kafka), 'incidents')}"
    if mapping is not None:
        # By another mapping the same file is other reports, none of which has been sent.
        target += f" {chosen.reads}"
    with rejects_to(rejects, append=not again) as write, file_bar(quiet=as_json) as bar:
        run = _Run(
            adapter=chosen.adapter,
            county=known.areas if areas else None,
            kafka=kafka,
            backfill=backfill,
            rate=rate,
            rejected=write,
            bar=bar,
        )
        done = [run.file(path, ProgressFile(path, target, state), again=again) for path in files]
    if as_json:
        print_json({"files": done})
    else:
        print_table(
            ("file", "sent", "rejected", "sent before", "rejected before"),
            [
                (
                    one.file,
                    f"{one.sent:,}",
                    f"{one.rejected:,}",
                    f"{one.already - one.rejected_before:,}",
                    f"{one.rejected_before:,}",
                )
                for one in done
            ],
        )
    # A line that was rejected before is on the bus no more than one that is rejected now.
    raise typer.Exit(TO_DO if any(one.rejected or one.rejected_before for one in done) else OK)


class _Run(msgspec.Struct, kw_only=True):
    """What is the same for every file of one run."""

    adapter: Adapter
    county: Areas | None
    kafka: Connection
    backfill: bool
    rate: float | None
    rejected: Callable[[Path, Reject], None]
    bar: Progress

    def file(self, path: Path, kept: ProgressFile, *, again: bool) -> Ingested:
        """Send what is left of a file. Raises `NotDelivered`, saying how to go on."""
        before = kept.start() if again else kept.load()
        if before.done:
            say(
                f"{path.name}: all of it was dealt with before, {how_many(before.sent, 'line')} sent and "
                f"{before.rejected:,} rejected; --again does it once more"
            )
            return _after(path, before, before)
        if before.line:
            say(f"{path.name}: goes on after line {before.line:,}")
        try:
            with self.bar.open(path, "rb", description=path.name) as file, ReportProducer(self.kafka) as producer:
                ingest = Ingest(
                    sender=producer,
                    save=kept.save,
                    rejected=lambda reject: self.rejected(path, reject),
                    backfill=self.backfill,
                    rate=self.rate,
                )
                after = ingest.run(named(path, self.adapter(file, self.county)), before)
        except NotDelivered as error:
            raise Wrong(
                f"{error}; {path.name} is delivered up to line {kept.load().line:,}: run the same command to go on"
            ) from error
        except KeyboardInterrupt:
            say(f"{path.name}: interrupted; delivered up to line {kept.load().line:,}: run the same command to go on")
            raise
        return _after(path, before, after)


def _after(path: Path, before: Kept, after: Kept) -> Ingested:
    return Ingested(
        file=str(path),
        sent=after.sent - before.sent,
        rejected=after.rejected - before.rejected,
        already=before.entries,
        rejected_before=before.rejected,
    )
