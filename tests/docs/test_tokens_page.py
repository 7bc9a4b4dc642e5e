"""What the page on tokens says is what is: kinds, fields, tables and commands."""

import re
from pathlib import Path

import typer

from safety_stream.cli import app
from safety_stream.data_files import catalogue_folder
from safety_stream.edge.tokens.files import BESIDE
from safety_stream.edge.tokens.tables import FILES
from safety_stream.edge.tokens.tokens import FIELDS, KINDS

PAGE = (Path(__file__).parents[2] / "docs" / "tokens.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_every_kind_is_explained_and_no_other():
    cells = re.findall(r"^\| ((?:`[\w-]+`(?:, )?)+)[^|]* \|", section("What is the same person"), re.MULTILINE)

    assert {kind for cell in cells for kind in re.findall(r"`([\w-]+)`", cell)} == set(KINDS)


def test_every_field_is_named():
    assert [name for name in (*FIELDS, *BESIDE) if f"`{name}`" not in PAGE] == []


def test_every_option_it_shows_is_one():
    tokens = typer.main.get_command(app).commands["tokens"]
    commands = [*tokens.commands.values(), *tokens.commands["key"].commands.values()]
    known = {spelling for one in commands for option in one.params for spelling in option.opts}

    assert set(re.findall(r"`?(--[a-z][a-z-]+)", PAGE)) - known == {"--only"}


def test_every_table_ships_with_its_source():
    for name in FILES:
        assert re.search(
            r"^source: \S", (catalogue_folder() / "tokens" / name).read_text(encoding="utf-8"), re.MULTILINE
        )
