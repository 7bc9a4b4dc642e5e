"""`indicators export`: all a disclosure profile has been shown, as one file for another system to load."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
import typer

from safety_stream.cli.parquet import write_parquet
from safety_stream.cli.published import ProfileOption, read_values
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
    say,
)
from safety_stream.cli.told import told_in
from safety_stream.config import Connection
from safety_stream.core.bulk import BulkRow, bulk_rows
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.published import PublishedIndicator

Format = Literal["csv", "parquet"]

COLUMNS: Final = BulkRow.__struct_fields__

EPILOG = epilog(
    "safety-stream indicators export --profile public --out made.csv",
    {0: "written", 1: "it went wrong, or there is no such profile"},
)


@on_kafka
def export(
    kafka: Connection,
    into: Annotated[Path, typer.Option("--out", dir_okay=False, help="The file to write.")],
    profile: ProfileOption = "public",
    values: Annotated[
        Path | None,
        typer.Option(
            "--from",
            exists=True,
            dir_okay=False,
            help="What `indicators tail --json` printed (also gzip), in place of what Kafka holds.",
        ),
    ] = None,
    file_format: Annotated[Format, typer.Option("--format", help="What kind of file.")] = "csv",
    catalogue: CatalogueFolder = None,
    areas: AreasFile = None,
    as_json: Json = False,
) -> None:
    """Write the newest value of every period a profile was shown, a row each, with names and caveats.

    A suppressed value, too small or telling one that is, is empty and `shown` false. `ends` is the first day after.
    """
    known = catalogue_of(catalogue, areas)
    _check(profile, known)
    found = read_values(kafka, f"indicators.{profile}", PublishedIndicator) if values is None else _read(values)
    rows = bulk_rows(_of_profile(found, profile), known)
    if file_format == "parquet":
        write_parquet(into, rows)
    else:
        into.write_bytes(as_csv(COLUMNS, [as_cells(row, COLUMNS) for row in rows]))
    if as_json:
        print_json({"written": str(into), "values": len(rows)})
    else:
        say(f"{into} is written: {len(rows):,} values")


def _check(profile: str, known: Catalogue) -> None:
    there = sorted(one.id for one in known.profiles)
    if profile not in there:
        raise Wrong(f"there is no profile {profile}; there are {', '.join(there)}")


def _read(path: Path) -> Iterator[PublishedIndicator]:
    mend = "name a file of what `indicators tail --json` prints, a value a line"
    return told_in(path, msgspec.json.Decoder(PublishedIndicator).decode, mend)


def _of_profile(values: Iterable[PublishedIndicator], profile: str) -> Iterator[PublishedIndicator]:
    """The values, all of which must be of that profile: another's may say more."""
    for value in values:
        if value.profile != profile:
            raise Wrong(f"the file has values of profile {value.profile}, not only of {profile}: export each by itself")
        yield value
