"""`indicators lint` and `indicators page`: what the catalogue measures, and what it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from safety_stream.catalogue import indicator_tables, load_catalogue, renewed, unmeasured
from safety_stream.cli.terminal import OK, TO_DO, CatalogueFolder, Json, Wrong, epilog, out, print_json, say
from safety_stream.data_files import catalogue_folder

LINT_EPILOG = epilog(
    "safety-stream indicators lint --agreement 2015-18",
    {0: "every sentence is measured", 1: "the catalogue has errors", 2: "a sentence is measured by nothing"},
)
PAGE_EPILOG = epilog(
    "safety-stream indicators page --out docs/indicators.md",
    {0: "written", 1: "the catalogue has errors, or the file has no place for it"},
)


def lint(
    agreement: Annotated[
        str | None, typer.Option("--agreement", help="Only this agreement, by its id. Default: all of them.")
    ] = None,
    catalogue: CatalogueFolder = None,
    as_json: Json = False,
) -> None:
    """Tell which sentences of the partners' agreements no indicator measures."""
    folder = catalogue or catalogue_folder()
    try:
        issues = unmeasured(folder, load_catalogue(folder), agreement)
    except KeyError as error:
        raise Wrong(error.args[0]) from None
    for issue in issues:
        if as_json:
            print_json(issue)
        else:
            out.print(str(issue), markup=False)
    if not as_json:
        say(f"{len(issues)} sentences" if issues else "Every sentence that needs a number has one")
    raise typer.Exit(TO_DO if issues else OK)


def page(
    into: Annotated[
        Path | None,
        typer.Option("--out", dir_okay=False, help="A Markdown file with marks between which to write the tables."),
    ] = None,
    catalogue: CatalogueFolder = None,
    as_json: Json = False,
) -> None:
    """Print every indicator, and what measures which sentence, as Markdown; or write it into a page."""
    known = load_catalogue(catalogue or catalogue_folder())
    if into is None:
        print_json({"page": indicator_tables(known)}) if as_json else typer.echo(indicator_tables(known))
        return
    try:
        text = renewed(into.read_text(encoding="utf-8"), known)
    except (OSError, ValueError) as error:
        raise Wrong(f"{into}: {error}") from None
    into.write_text(text, encoding="utf-8", newline="\n")
    if as_json:
        print_json({"written": str(into), "bytes": len(text.encode())})
    else:
        say(f"{into} is written")
