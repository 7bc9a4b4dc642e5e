"""`rules fairness`: what it tells of a small county, and how it ends."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from safety_stream.cli import app
from safety_stream.data_files import catalogue_folder


def run(*words: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(word) for word in words])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("county")
    code, _, _ = run("generate", "--seed", 7, "--days", 8, "--rate-scale", 0.1, "--out", folder)
    assert code == 0
    return folder / "reports.jsonl.gz"


def test_each_rule_has_its_districts_and_those_elsewhere(reports: Path):
    code, out, _ = run("rules", "fairness", "--against", reports, "--json")
    _, backtested, _ = run("rules", "backtest", "--against", reports, "--json")

    document = json.loads(out)
    assert code == 0
    for one, other in zip(document["rules"], json.loads(backtested)["rules"], strict=True):
        assert (one["rule"], len(one["districts"])) == (other["rule"], 14)
        assert one["alerts"] + one["elsewhere"] == other["live"]["alerts"]
        assert sum(share["alerts"] for share in one["districts"]) == one["alerts"]
        assert all(share["low"] <= share["expected"] + 1 and share["expected"] - 1 <= share["high"]
                   for share in one["districts"])  # fmt: skip


def test_people_see_each_district_with_what_was_expected(reports: Path):
    code, out, _ = run("rules", "fairness", "rv-graded", "--against", reports)

    assert code == 0
    assert re.search(r"^Blackpool +141,100 ", out, re.MULTILINE)
    for words in ("highest per 1,000", "by chance", "a question, not a verdict"):
        assert words in out


def test_without_residents_nothing_can_be_said(reports: Path, tmp_path: Path):
    folder = Path(shutil.copytree(catalogue_folder(), tmp_path / "catalogue"))
    (folder / "areas" / "residents.yaml").unlink()

    code, _, err = run("rules", "fairness", "--against", reports, "--catalogue", folder)

    assert code == 1
    assert "the areas of lancashire say of no district how many live there: add residents.yaml" in err
