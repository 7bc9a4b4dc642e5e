"""`schemas`: are the shared contracts right?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from safety_stream.cli.terminal import OK, TO_DO, WRONG, Json, epilog, how_many, out, print_json, say
from safety_stream.data_files import schemas_folder
from safety_stream.wire.check import check_schemas

app = typer.Typer(no_args_is_help=True, help="Check the schemas that partners and stages share.")


@app.callback()
def schemas() -> None:
    """Keep `check` a command of its own, though it is the only one."""


@app.command(
    epilog=epilog(
        "safety-stream schemas check",
        {0: "nothing to say", 1: "a contract is broken", 2: "there are warnings only"},
    )
)
def check(
    folder: Annotated[
        Path | None,
        typer.Option("--schemas", exists=True, file_okay=False, help="Folder of schemas. Default: those that ship."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Prove that ids, versions, examples and three Avro implementations agree."""
    issues = check_schemas(folder or schemas_folder())
    for issue in issues:
        if as_json:
            print_json(issue)
        else:
            at = f"{issue.file} {issue.where}".strip()
            out.print(f"{at}: {issue.severity}: {issue.what}; {issue.mend}", markup=False)
    if not as_json:
        say(how_many(len(issues), "issue") if issues else "The schemas are in order")
    if any(issue.severity == "error" for issue in issues):
        raise typer.Exit(WRONG)
    raise typer.Exit(TO_DO if issues else OK)
