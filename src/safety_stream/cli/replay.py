"""`replay`: canonical reports through the whole pipeline in this process, without a broker."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from safety_stream.cli.history import put_through, read_history
from safety_stream.cli.terminal import (
    OK,
    TO_DO,
    AreasFile,
    CatalogueFolder,
    Json,
    catalogue_of,
    epilog,
    print_json,
    print_table,
)
from safety_stream.replay import Result

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
    history = read_history(files, known)
    result = Result()
    put_through(known, history, result.take)
    counts = result.write(out)
    with (out / "rejects.jsonl").open("wb") as file:
        file.writelines(msgspec.json.encode(reject) + b"\n" for reject in history.rejects)
    counts["rejects"] = len(history.rejects)
    if as_json:
        print_json({"reports": len(history.arrivals), **counts})
    else:
        print_table(("what", "how many"), [("reports", len(history.arrivals)), *counts.items()])
    raise typer.Exit(TO_DO if history.rejects else OK)
