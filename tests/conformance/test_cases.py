"""Cases in a vocabulary that is not ours: what must stand stands, in whatever order the reports arrive."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from safety_stream.cli import app

FOLDER = Path(__file__).parents[2] / "examples" / "conformance"
CASES = sorted(case.parent for case in FOLDER.glob("*/rules"))


def standing(case: Path, reports: Path, out: Path) -> str:
    until = case / "until"
    more = ["--until", until.read_text().strip()] if until.exists() else []
    words = ["replay", reports, "--rules", case / "rules", "--catalogue", FOLDER / "catalogue", "--out", out, *more]
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    assert (out / "dead-letters.jsonl").read_bytes() == b""
    return (out / "standing.jsonl").read_text()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_must_stand_stands(case: Path, tmp_path: Path):
    assert standing(case, case / "reports.jsonl", tmp_path) == (case / "expected.jsonl").read_text()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_stands_also_when_the_reports_arrive_the_other_way_round(case: Path, tmp_path: Path):
    reports = tmp_path / "reports.jsonl"
    reports.write_text("".join(reversed((case / "reports.jsonl").read_text().splitlines(keepends=True))))
    assert standing(case, reports, tmp_path / "out") == (case / "expected.jsonl").read_text()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_case_is_empty_nor_met_by_every_key(case: Path):
    findings = [json.loads(line) for line in (case / "expected.jsonl").read_text().splitlines()]
    told = {report for finding in findings for report in finding["contributing"]}
    sent = [json.loads(line) for line in (case / "reports.jsonl").read_text().splitlines()]
    assert findings
    assert {f"{one['source']}/{one['source_ref']}" for one in sent} - told
