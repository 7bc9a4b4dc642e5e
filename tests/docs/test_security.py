"""The page of threats holds what it promises: all six letters for every arrow. Every test a page names exists."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
LETTERS = set("STRIDE")


def arrows() -> dict[str, list[list[str]]]:
    """The rows of each arrow's table, by its heading."""
    sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    found = {}
    for section in sections:
        heading, _, text = section.partition("\n")
        rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
        if rows and rows[0][0].strip() == "STRIDE":
            found[heading] = [[cell.strip() for cell in row] for row in rows[2:]]
    return found


ARROWS = arrows()


def names_in(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.name


@pytest.mark.parametrize("arrow", ARROWS)
def test_every_arrow_is_looked_at_for_every_sort_of_threat(arrow: str):
    looked_at = {letter.strip() for row in ARROWS[arrow] for letter in row[0].split(",")}
    assert looked_at == LETTERS


@pytest.mark.parametrize("arrow", ARROWS)
def test_every_threat_is_met_by_a_test_or_said_to_remain(arrow: str):
    for _, threat, stands, shown in ARROWS[arrow]:
        if shown == "residual":
            assert stands.startswith("residual: "), threat
        else:
            assert len(NAMED.findall(shown)) == shown.count("`") // 2 > 0, threat


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_that_a_page_names_exists(page: Path):
    for file, test in NAMED.findall(page.read_text(encoding="utf-8")):
        assert test in set(names_in(ROOT / file)), f"{file}::{test}"


def test_there_are_arrows():
    assert len(ARROWS) > 10
