"""What the page on indicators shows is what is counted, and its examples are what lint lets through."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from safety_stream.catalogue import indicator_tables, load_catalogue, renewed
from safety_stream.catalogue.formats.indicators import IndicatorsFile
from safety_stream.catalogue.indicator_page import BEGIN, END
from safety_stream.cli import app
from safety_stream.data_files import catalogue_folder

PAGE = Path(__file__).parents[2] / "docs" / "indicators.md"


def test_the_tables_are_those_of_the_catalogue():
    text = PAGE.read_text(encoding="utf-8")

    assert renewed(text, load_catalogue(catalogue_folder())) == text, "renew it: safety-stream indicators page --out"


def test_every_indicator_share_and_rate_has_its_row():
    catalogue = load_catalogue(catalogue_folder())
    rows = re.findall(r"^\| ([a-z0-9\\-]+) \|", indicator_tables(catalogue), re.MULTILINE)
    names = [one.id for one in (*catalogue.indicators, *catalogue.shares, *catalogue.rates)]

    assert [name for name in names if name not in {row.replace("\\", "") for row in rows}] == []


def test_a_page_without_marks_is_left_alone():
    with pytest.raises(ValueError, match="the page has no"):
        renewed(f"{BEGIN} and no more", load_catalogue(catalogue_folder()))


@pytest.mark.parametrize("block", re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL))
def test_an_example_is_of_the_format(block: str):
    IndicatorsFile.model_validate(yaml.safe_load(block))


def test_the_command_writes_it(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text(f"Before\n{BEGIN}\nstale zz\n{END}\nafter\n", encoding="utf-8")
    found = CliRunner().invoke(app, ["indicators", "page", "--out", str(page)])

    assert found.exit_code == 0
    text = page.read_text(encoding="utf-8")
    assert (text.startswith("Before"), text.endswith("after\n"), "stale zz" in text) == (True, True, False)
