"""`areas`: another county's area set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from safety_stream.catalogue import build_areas
from safety_stream.cli.terminal import Json, Wrong, epilog, out, print_json

app = typer.Typer(no_args_is_help=True, help="The areas of a county.")


@app.callback()
def areas() -> None:
    """Keep `build` a command of its own, though it is the only one."""


@app.command(
    epilog=epilog(
        "safety-stream areas build lookup.csv --county Cumbria --out cumbria/areas",
        {0: "both files are written", 1: "the look-up cannot be read, or a file is there already"},
    )
)
def build(
    lookup: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, help="LSOA look-up or police.uk street file, plain or gzip."),
    ],
    county: Annotated[str, typer.Option("--county", help="The county's name.")],
    folder: Annotated[Path, typer.Option("--out", file_okay=False, help="Folder to write the two files to.")],
    as_json: Json = False,
) -> None:
    """Make a county's area set, to be reviewed: its districts, and the district of each LSOA."""
    try:
        files = build_areas(lookup, county)
    except ValueError as error:
        raise Wrong(str(error)) from error
    folder.mkdir(parents=True, exist_ok=True)
    there = [name for name in files if (folder / name).exists()]
    if there:
        raise Wrong(f"{folder / there[0]} is there already: name another folder, or remove it first")
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    if as_json:
        print_json({"written": [str(folder / name) for name in files]})
    else:
        out.print(f"Written: {', '.join(str(folder / name) for name in files)}. Review the districts before use.")
