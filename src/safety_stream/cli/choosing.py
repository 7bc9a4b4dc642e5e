"""What a partner's file is said to be at the terminal: one of the formats, or a table with a mapping."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from safety_stream.cli.terminal import Wrong
from safety_stream.core.catalogue import Catalogue
from safety_stream.edge.beside import TokenFile
from safety_stream.edge.formats import FORMATS, Adapter, Format
from safety_stream.edge.mapped import adapter_of
from safety_stream.edge.mapping import BadMapping, ColumnMapping, read_mapping

FormatOption = Annotated[Format | None, typer.Option("--format", help="What the file is.")]
MappingOption = Annotated[
    Path | None,
    typer.Option(
        "--mapping",
        exists=True,
        dir_okay=False,
        help="For a table, CSV or a workbook: the file that says what its columns mean (docs/partner-kit.md).",
    ),
]
TokensOption = Annotated[
    Path | None,
    typer.Option(
        "--tokens",
        exists=True,
        dir_okay=False,
        help="With --mapping: the tokens that `tokens make` made of the same file, to be joined to its rows.",
    ),
]


class Chosen(msgspec.Struct, frozen=True):
    """The adapter, and a word that is another one when the same bytes would be read in another way."""

    adapter: Adapter
    reads: str


def choose(form: Format | None, mapping: Path | None, tokens: Path | None, catalogue: Catalogue) -> Chosen:
    """The adapter that was asked for. Raises `Wrong` when it was not just one, or the mapping has errors."""
    if form is not None and mapping is None and tokens is None:
        return Chosen(FORMATS[form], form)
    if mapping is not None and form is None:
        found = mapping_in(mapping, catalogue)
        beside = None if tokens is None else TokenFile(tokens)
        return Chosen(adapter_of(found, beside), found.digest if beside is None else f"{found.digest} {beside.digest}")
    raise Wrong("say what the file is: with --format, or for a table with --mapping, to which alone --tokens belongs")


def mapping_in(path: Path, catalogue: Catalogue) -> ColumnMapping:
    """The mapping in a file. Raises `Wrong` with all that is wrong with it."""
    try:
        return read_mapping(path, catalogue)
    except BadMapping as error:
        raise Wrong(str(error)) from None
