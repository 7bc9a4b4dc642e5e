"""`rules knox`: is a crime followed by another nearby oftener than by chance, as near-repeat rules take it to be?"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from safety_stream.catalogue.formats.near_repeats import EvidenceEntry, MeasuringEntry
from safety_stream.catalogue.loading import load_near_repeats
from safety_stream.catalogue.near_repeats import (
    FILE,
    bands,
    evidence,
    in_words,
    meaning,
    month_before,
    months_of,
    ratio,
    record,
)
from safety_stream.cli.history import read_history, say_what_is_left_out, standing_versions
from safety_stream.cli.terminal import (
    CatalogueFolder,
    Json,
    Wrong,
    catalogue_of,
    epilog,
    out,
    print_json,
    print_table,
    say,
)
from safety_stream.core.model.times import day_of, to_date
from safety_stream.data_files import catalogue_folder

EPILOG = epilog(
    "safety-stream rules knox reports.jsonl.gz --month 2026-03 --record 'all recorded crime'",
    {
        0: "done, whatever was found",
        1: "the catalogue has errors or no near-repeats.yaml, a file could not be read, or the month is not over",
    },
)


def knox(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Canonical JSON Lines, also gzip.")],
    month: Annotated[
        datetime | None,
        typer.Option(
            "--month", formats=["%Y-%m"], help="The last month looked at. Default: the last one over in the files."
        ),
    ] = None,
    history_name: Annotated[
        str | None,
        typer.Option("--record", metavar="NAME", help=f"Write what is found to {FILE}, as on a history so called."),
    ] = None,
    catalogue: CatalogueFolder = None,
    as_json: Json = False,
) -> None:
    """Tell of each near-repeat rule whether more pairs happen as near and as soon as it says than by chance.

    Of the live reports it reads that have a point of their own, over the months the catalogue says (Knox ratio, times
    dealt out anew).
    """
    folder = catalogue or catalogue_folder()
    known, file = catalogue_of(folder, None), load_near_repeats(folder)
    if file is None:
        raise Wrong(f"the catalogue has no {FILE}, which says over how many months to look: copy the one that ships")
    history = read_history(files, known)
    span = history.span
    newest = day_of(history.received[1])
    last = month_before(newest) if month is None else month.date()
    if last > month_before(newest):
        raise Wrong(f"{last:%Y-%m} is not over in these files, which end on {to_date(newest)}: name an earlier --month")
    say_what_is_left_out(history)
    versions = standing_versions(known, history)
    called = f"{history_name or 'not recorded'}: {span.in_words}"
    found = [evidence(band, versions, last, file.measuring, called) for band in bands(known.rules)]
    if history_name is not None:
        say(f"Recorded in {record(folder, file, found)}")
    if as_json:
        for one in found:
            said = {"ratio": ratio(one), "found": in_words(one, file.measuring)}
            print_json(one.model_dump() | said)
    else:
        _print(found, last, file.measuring)


def _print(found: list[EvidenceEntry], last: date, measuring: MeasuringEntry) -> None:
    starts, ends = months_of(last, measuring.over.length)
    out.print(f"What happened from {to_date(starts)} to {to_date(ends - 1)}", markup=False)
    print_table(
        ("rule", "metres", "days", "reports", "with a point", "pairs", "expected", "ratio", "p", "found"),
        [
            (
                *(one.rule, one.metres, one.days, f"{one.reports:,}", f"{one.located:,}", f"{one.pairs:,}"),
                *(f"{one.expected:,}", ratio(one), one.p, in_words(one, measuring)),
            )
            for one in found
        ],
        title=" ",
    )
    out.print(f"\n{meaning(measuring)}", markup=False)
