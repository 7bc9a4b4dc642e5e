"""`schemas`: are the shared contracts right?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from safety_stream.cli.terminal import OK, TO_DO, WRONG, Json, Wrong, epilog, how_many, out, print_json, say
from safety_stream.data_files import schemas_folder
from safety_stream.wire.check import check_schemas
from safety_stream.wire.registry import read_registry
from safety_stream.wire.schema import SchemaFault, to_json

app = typer.Typer(no_args_is_help=True, help="The schemas that partners and stages share.")


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


@app.command(epilog=epilog("safety-stream schemas export schemas", {0: "written", 1: "it went wrong"}))
def export(
    target: Annotated[Path, typer.Argument(file_okay=False, help="Folder to write to, made if need be.")],
    folder: Annotated[
        Path | None,
        typer.Option("--schemas", exists=True, file_okay=False, help="Folder of schemas. Default: those that ship."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write every schema there has been, whole, to the file of its id: readers in other languages need no registry."""
    try:
        registry = read_registry(folder)
        target.mkdir(parents=True, exist_ok=True)
        every = [one for subject in registry.subjects() for one in registry.versions(subject)]
        for one in every:
            text = json.dumps(to_json(one.schema), ensure_ascii=False, indent=1)
            (target / f"{one.id}.avsc").write_text(f"{text}\n", encoding="utf-8")
    except (OSError, SchemaFault) as error:
        raise Wrong(str(error)) from None
    if as_json:
        print_json({"folder": str(target), "ids": sorted(one.id for one in every)})
    else:
        out.print(f"{how_many(len(every), 'schema')} in {target}", markup=False)
