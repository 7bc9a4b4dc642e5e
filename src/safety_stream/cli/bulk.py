"""`indicators export` and `indicators measures`: all a disclosure profile has been shown, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import typer

from safety_stream.cli.parquet import write_parquet
from safety_stream.cli.published import AreaOption, ProfileOption, read_values
from safety_stream.cli.spreadsheets import as_cells, as_csv
from safety_stream.cli.terminal import (
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
from safety_stream.cli.told import told_in
from safety_stream.config import Connection
from safety_stream.core.bulk import BulkRow, MeasureRow, bulk_rows, measure_rows, tables_without_county
from safety_stream.core.catalogue import Catalogue, Profile
from safety_stream.core.derived import Kind, Newest, measures_of, newest_of
from safety_stream.core.model.published import PublishedIndicator

Format = Literal["csv", "parquet"]

ValuesFile = Annotated[
    Path | None,
    typer.Option(
        "--from",
        exists=True,
        dir_okay=False,
        help="What `indicators tail --from-beginning --json` printed (also gzip), in place of what Kafka holds.",
    ),
]

EPILOG = epilog(
    "safety-stream indicators export --profile public --out made.csv",
    {0: "written", 1: "it went wrong, or there is no such profile"},
)

MEASURES_EPILOG = epilog(
    "safety-stream indicators measures --profile public --kind rate",
    {0: "shown", 1: "it went wrong, or there is no such profile"},
)


@on_kafka
def export(
    kafka: Connection,
    into: Annotated[Path, typer.Option("--out", dir_okay=False, help="The file to write.")],
    profile: ProfileOption = "public",
    values: ValuesFile = None,
    file_format: Annotated[Format, typer.Option("--format", help="What kind of file.")] = "csv",
    catalogue: CatalogueFolder = None,
    areas: AreasFile = None,
    as_json: Json = False,
) -> None:
    """Write the newest value of every period a profile was shown, a row each, with names and caveats.

    A suppressed value, too small or telling one that is, is empty and `shown` false. `ends` is the first day after.
    Which tables have no county total, and why, is said with --json (`tables_without_county`).
    What follows from them (shares, rates, the year to date, restated history) is a second table, FILE-measures.
    """
    known = catalogue_of(catalogue, areas)
    chosen = profile_of(profile, known)
    newest = newest_shown(kafka, values, chosen)
    rows = bulk_rows(newest.values.values(), known)
    measures = measure_rows(measures_of(newest, known, chosen), known)
    without = tables_without_county(newest, known, chosen)
    beside = into.with_stem(f"{into.stem}-measures")
    _write(into, file_format, BulkRow, rows)
    _write(beside, file_format, MeasureRow, measures)
    if as_json:
        written = {"written": str(into), "values": len(rows), "beside": str(beside), "measures": len(measures)}
        print_json({**written, "tables_without_county": without})
    else:
        say(f"{into} is written: {len(rows):,} values; {beside}: {len(measures):,} measures")
        if without:
            say(f"{len(without):,} tables are without the total of a county; --json tells which, and why")


@on_kafka
def measures(
    kafka: Connection,
    profile: ProfileOption = "internal",
    area: AreaOption = None,
    name: Annotated[str | None, typer.Option("--id", help="Only this share, rate or indicator, by its id.")] = None,
    kind: Annotated[Kind | None, typer.Option("--kind", help="Only measures of this kind.")] = None,
    values: ValuesFile = None,
    catalogue: CatalogueFolder = None,
    areas: AreasFile = None,
    as_json: Json = False,
) -> None:
    """Print what follows from the values a profile was shown: shares, rates, the year to date, restated history.

    Where a part is withheld, not shown or not final, there is no number, and why.
    """
    known = catalogue_of(catalogue, areas)
    chosen = profile_of(profile, known)
    found = measure_rows(measures_of(newest_shown(kafka, values, chosen), known, chosen), known)
    wanted = [row for row in found if area in (None, row.area) and name in (None, row.id) and kind in (None, row.kind)]
    if as_json:
        for row in wanted:
            print_json(row)
        return
    print_table(
        ("kind", "id", "area", "period", "from", "value", ""),
        [(row.kind, row.id, row.area_name, row.period, row.starts, _number(row), _remark(row)) for row in wanted],
    )
    for caveat in dict.fromkeys(f"{row.id}: {row.caveats}" for row in wanted if row.caveats):
        say(caveat)
    if not wanted:
        say(f"Nothing of that kind follows from what indicators.{profile} shows; without options all is printed")


def _number(row: MeasureRow) -> str:
    if row.value is None:
        return ""
    return f"{row.value:,.1f}%" if row.kind == "share" else f"{row.value:,}"


def _remark(row: MeasureRow) -> str:
    """Why there is no number, or what kind of number it is."""
    marks = ("estimate" if row.is_estimate else "", "from rounded counts" if row.from_rounded else "")
    return row.why or ", ".join(mark for mark in marks if mark)


def _write(path: Path, file_format: Format, kind: type[msgspec.Struct], rows: Iterable[msgspec.Struct]) -> None:
    if file_format == "parquet":
        write_parquet(path, kind, rows)
    else:
        columns = kind.__struct_fields__
        path.write_bytes(as_csv(columns, [as_cells(row, columns) for row in rows]))


def profile_of(name: str, known: Catalogue) -> Profile:
    """The profile of that name."""
    for profile in known.profiles:
        if profile.id == name:
            return profile
    there = ", ".join(sorted(one.id for one in known.profiles))
    raise Wrong(f"there is no profile {name}; there are {there}")


def newest_shown(kafka: Connection, values: Path | None, profile: Profile) -> Newest:
    """The newest of all a profile was shown, by Kafka or by a file of it."""
    found = read_values(kafka, f"indicators.{profile.id}", PublishedIndicator) if values is None else _read(values)
    return newest_of(_of_profile(found, profile.id))


def _read(path: Path) -> Iterator[PublishedIndicator]:
    mend = "name a file of what `indicators tail --json` prints, a value a line"
    return told_in(path, msgspec.json.Decoder(PublishedIndicator).decode, mend)


def _of_profile(values: Iterable[PublishedIndicator], profile: str) -> Iterator[PublishedIndicator]:
    """The values, all of which must be of that profile: another's may say more."""
    for value in values:
        if value.profile != profile:
            raise Wrong(f"the file has values of profile {value.profile}, not only of {profile}: export each by itself")
        yield value
