"""`indicators s17a`: what authorities must disclose of a quarter, and which of it is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, get_args

import msgspec
import typer

from safety_stream.cli.bulk import newest_shown, profile_of
from safety_stream.cli.spreadsheets import as_cells, as_csv
from safety_stream.cli.terminal import (
    OK,
    TO_DO,
    AreasFile,
    CatalogueFolder,
    Json,
    Wrong,
    catalogue_of,
    epilog,
    on_kafka,
    print_json,
    print_table,
    say,
)
from safety_stream.cli.told import Held, told_in
from safety_stream.config import Connection
from safety_stream.core.catalogue import Catalogue, Extract, Holder, Profile
from safety_stream.core.extracts import Count, Gathered, Tick, counts_shown, quarter_of, ticks
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.indicators import IndicatorValue
from safety_stream.core.model.times import LONDON, Period
from safety_stream.streaming.reading import low_watermarks

EXTRACT: Final = "si-2007-1831"
"""The extract section 17A of the Crime and Disorder Act 1998 asks for, by its id in the catalogue."""

TOPIC: Final = "indicator-values"

COUNT_COLUMNS: Final = Count.__struct_fields__
TICK_COLUMNS: Final = Tick.__struct_fields__

EPILOG = epilog(
    "safety-stream indicators s17a --quarter 2026-Q1 --out s17a-2026-q1",
    {
        0: "nothing is missing that is due",
        1: "it went wrong",
        2: "something that is due is not there, or not whole",
    },
)


class _Value(IndicatorValue, frozen=True, forbid_unknown_fields=True):
    """An exact value. What a profile was shown has the same fields and more, and may be rounded: it is refused."""


def _quarter(text: str) -> Period:
    try:
        return quarter_of(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


@on_kafka
def s17a(
    kafka: Connection,
    quarter: Annotated[
        Period, typer.Option("--quarter", parser=_quarter, metavar="QUARTER", help="Which quarter: 2026-Q1.")
    ],
    into: Annotated[
        Path | None,
        typer.Option("--out", file_okay=False, help="Folder for a CSV for each authority, and the tick-list."),
    ] = None,
    values: Annotated[
        Path | None,
        typer.Option(
            "--from",
            exists=True,
            dir_okay=False,
            help="The `indicators.jsonl` of a replay (also gzip), in place of what Kafka holds. With --profile: what "
            "`indicators tail --from-beginning --json` printed of it.",
        ),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option("--profile", help="As this profile was shown it, small counts hidden. Default: exact counts."),
    ] = None,
    today: Annotated[
        datetime | None,
        typer.Option("--today", formats=["%Y-%m-%d"], help="What is due is due by this day. Default: the day it is."),
    ] = None,
    catalogue: CatalogueFolder = None,
    areas: AreasFile = None,
    as_json: Json = False,
) -> None:
    """Print which of the information of SI 2007/1831 is there for a quarter; write it as CSV.

    Exact counts, marked, for the authorities the extract names alone; for anybody else, what --profile was shown.
    A count is nought where every feed behind it is complete to the month's end, and empty where nobody knows.
    """
    known = catalogue_of(catalogue, areas)
    extract = _extract_of(known)
    if profile is None:
        counts = _exact(kafka, values, extract, Gathered(known, quarter))
        tick_list = ticks(extract, counts, quarter)
        say(f"{extract.marking}: exact counts, for {', '.join(extract.readers)} alone")
    else:
        chosen = _hiding(profile, extract, known)
        counts = counts_shown(extract, known, chosen, quarter, newest_shown(kafka, values, chosen))
        tick_list = ticks(extract, counts, quarter, nothing="not shown")
    if into is not None:
        _write(into, counts, tick_list)
    on = (datetime.now(LONDON) if today is None else today).date()
    if as_json:
        for tick in tick_list:
            print_json(tick)
    else:
        _print(tick_list, extract)
    missing = [tick for tick in tick_list if tick.is_missing(on)]
    if missing:
        say(f"{len(missing)} items were due by {missing[0].due} and are not there, or not whole: ask who sends them")
    raise typer.Exit(TO_DO if missing else OK)


def _extract_of(known: Catalogue) -> Extract:
    for extract in known.extracts:
        if extract.id == EXTRACT:
            return extract
    raise Wrong(f"this catalogue does not say what is to be disclosed: it has no extracts/{EXTRACT}.yaml")


def _hiding(profile: str, extract: Extract, known: Catalogue) -> Profile:
    """The profile, which must hide small counts: exact ones are not for a profile."""
    chosen = profile_of(profile, known)
    if chosen.suppresses:
        return chosen
    raise Wrong(
        f"profile {profile} hides nothing, and exact counts are for {', '.join(extract.readers)} alone: "
        f"leave --profile out for them, or name one that hides small counts"
    )


def _exact(kafka: Connection, values: Path | None, extract: Extract, gathered: Gathered) -> dict[str, list[Count]]:
    if values is not None:
        return gathered.counts(extract, _read_file(values, gathered))
    partitions, is_whole = _read_kafka(kafka, gathered)
    return gathered.counts(extract, partitions, is_whole=is_whole)


def _read_kafka(kafka: Connection, gathered: Gathered) -> tuple[int, bool]:
    """Everything that is there by now; how many partitions measure has, and whether all values are still there."""
    held = Held(kafka, TOPIC)
    if not held.is_whole:
        say("Kafka no longer holds the first values: a month without one is unknown, also where nothing happened")
    for value in held.values():
        gathered.take(value)
    return len(low_watermarks(kafka, ["tallies"])), held.is_whole


def _read_file(path: Path, gathered: Gathered) -> int:
    """Everything in the file; returns how many partitions measure has, of which a replay has one."""
    for value in told_in(path, _value, "name the indicators.jsonl that `replay --out` wrote, or write it again"):
        gathered.take(value)
    return 1


def _value(line: bytes) -> IndicatorValue | FeedStatus:
    try:
        return msgspec.json.decode(line, type=_Value)
    except msgspec.ValidationError:
        return msgspec.json.decode(line, type=FeedStatus)


def _write(folder: Path, counts: Mapping[str, Sequence[Count]], tick_list: Sequence[Tick]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for holder in get_args(Holder):
        rows = [count for tick in tick_list if tick.holder == holder for count in counts[tick.item]]
        content = as_csv(COUNT_COLUMNS, [as_cells(row, COUNT_COLUMNS) for row in rows])
        (folder / f"{holder}.csv").write_bytes(content)
    content = as_csv(TICK_COLUMNS, [as_cells(tick, TICK_COLUMNS) for tick in tick_list])
    (folder / "completeness.csv").write_bytes(content)
    say(f"{folder} has a table for each authority, and completeness.csv")


def _print(tick_list: Sequence[Tick], extract: Extract) -> None:
    print_table(
        ("authority", "item", "", "due", "why not, or not all"),
        [(tick.holder, tick.item, tick.answer, tick.due, tick.reason) for tick in tick_list],
        title=extract.title,
    )
    say(extract.form)
