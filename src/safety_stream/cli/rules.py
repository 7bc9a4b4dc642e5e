"""`rules`: is the catalogue right, and does each rule do what its examples say?"""

from __future__ import annotations

import typer

from safety_stream.catalogue import lint_catalogue, run_examples
from safety_stream.catalogue.examples import Fired
from safety_stream.cli.terminal import (
    OK,
    TO_DO,
    WRONG,
    AreasFile,
    CatalogueFolder,
    Json,
    epilog,
    out,
    print_json,
    say,
)
from safety_stream.data_files import catalogue_folder

app = typer.Typer(no_args_is_help=True, help="Check the rules and the data they name.")


@app.command(
    epilog=epilog(
        "safety-stream rules lint --catalogue my-catalogue",
        {0: "nothing to say", 1: "there are errors: nothing runs on this catalogue", 2: "there are warnings only"},
    )
)
def lint(catalogue: CatalogueFolder = None, areas: AreasFile = None, as_json: Json = False) -> None:
    """Tell everything that is wrong with the catalogue, with file, line and mend."""
    issues = lint_catalogue(catalogue or catalogue_folder(), areas)
    for issue in issues:
        if as_json:
            print_json(issue)
        else:
            out.print(str(issue), markup=False)
    if not as_json:
        say(f"{len(issues)} issues" if issues else "The catalogue is in order")
    if any(issue.severity == "error" for issue in issues):
        raise typer.Exit(WRONG)
    raise typer.Exit(TO_DO if issues else OK)


@app.command(
    "test",
    epilog=epilog(
        "safety-stream rules test --catalogue my-catalogue",
        {0: "every example holds", 1: "an example fails, or the catalogue has errors"},
    ),
)
def examples(catalogue: CatalogueFolder = None, as_json: Json = False) -> None:
    """Hold each rule to the examples in its own file."""
    results = run_examples(catalogue or catalogue_folder())
    failed = [result for result in results if not result.passed]
    if as_json:
        for result in results:
            print_json({"rule": result.rule_id, "example": result.name, "passed": result.passed, "found": result.found})
    else:
        for result in failed:
            out.print(f"{result.rule_id}: {result.name}", markup=False)
            out.print(f"    expected {_told(result.expected)}", markup=False)
            out.print(f"    found    {_told(result.found)}", markup=False)
        say(f"{len(results) - len(failed)} of {len(results)} examples hold")
    raise typer.Exit(WRONG if failed else OK)


def _told(fired: tuple[Fired, ...]) -> str:
    return ", ".join(f"{one.at} {one.priority or ''}".strip() for one in fired) or "nothing"
