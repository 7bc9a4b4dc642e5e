"""`rules page`: the catalogue as a page to read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from safety_stream.catalogue import catalogue_page
from safety_stream.catalogue.page import Form
from safety_stream.cli.terminal import CatalogueFolder, Json, epilog, print_json, say
from safety_stream.data_files import catalogue_folder

EPILOG = epilog(
    "safety-stream rules page --out catalogue.html",
    {0: "written", 1: "the catalogue has errors, or the file could not be written"},
)

FORMS: Mapping[str, Form] = {".html": "html", ".md": "md"}
"""What is written, by how the file's name ends."""


def page(
    out: Annotated[
        Path,
        typer.Option("--out", dir_okay=False, help="The file to write: `.html` for a browser, `.md` for Markdown."),
    ],
    catalogue: CatalogueFolder = None,
    as_json: Json = False,
) -> None:
    """Write every rule in plain English, its tests and where its numbers are from, as one page.

    The same catalogue gives the same bytes. The HTML is one file without scripts, to be opened, printed or sent.
    """
    form = FORMS.get(out.suffix)
    if form is None:
        raise typer.BadParameter(f"{out} ends neither in .html nor in .md: name it so", param_hint="--out")
    text = catalogue_page(catalogue or catalogue_folder(), form)
    out.write_text(text, encoding="utf-8", newline="\n")
    if as_json:
        print_json({"written": str(out), "bytes": len(text.encode())})
    else:
        say(f"{out} is written")
