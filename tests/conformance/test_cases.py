"""Cases in a vocabulary that is not ours: what must stand stands, in whatever order the reports arrive."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from safety_stream.cli import app
from safety_stream.core.model.ids import finding_id, incident_id
from safety_stream.core.model.times import MINUTE, to_iso
from safety_stream.edge import canonical
from safety_stream.edge.entries import Entry
from safety_stream.testing.oracle import OracleFinding, recompute

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


# What our own oracle wants said of a rule and a catalogue, and a foreign case leaves out.
SAID = 'version: 1\ntitle: ""\nstatus: stable\nfamily: feed\npriority: {base: P4}\nexplain: ""\n'


def for_the_oracle(case: Path, folder: Path) -> Path:
    shutil.copytree(FOLDER / "catalogue", folder)
    areas = folder / "areas" / "harbour.yaml"
    areas.write_text(areas.read_text() + "lsoa_lookup: none.csv\n")
    (folder / "areas" / "none.csv").write_text("lsoa_code,local_authority_code\n")
    categories = folder / "categories.yaml"
    categories.write_text(categories.read_text() + "kind_themes: {}\nflag_themes: {}\n")
    (folder / "indicators").mkdir()
    (folder / "indicators" / "counts.yaml").write_text("indicators: []\n")
    (folder / "rules").mkdir()
    for rule in (case / "rules").glob("*.yaml"):
        (folder / "rules" / rule.name).write_text(rule.read_text() + SAID)
    return folder


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_our_own_oracle_says_the_same(case: Path, tmp_path: Path):
    reports: list[dict[str, Any]] = []
    names: dict[str, str] = {}
    for line in (case / "reports.jsonl").read_text().splitlines():
        entry = canonical.parse(line)
        assert isinstance(entry, Entry)
        received_at = max([entry.report.reported_at, *(one["received_at"] for one in reports)])
        reports.append({**msgspec.to_builtins(entry.report), "received_at": received_at})
        source, ref = entry.report.source, entry.report.source_ref
        names[incident_id(source, ref)] = f"{source}/{ref}"
    until = case / "until"
    clocks: dict[str, Any] = {}
    if until.exists():
        at = canonical.instant_of(until.read_text().strip())
        clocks = {"as_of": at, "newest": {"watch": at + MINUTE, "clinic": at + MINUTE}}

    truth = recompute(reports, for_the_oracle(case, tmp_path / "catalogue"), county="harbour", **clocks)

    found = {
        finding_id(one.rule_id, one.limb or "main", one.key, one.occurrence_id): one for one in truth.findings.values()
    }
    for name, one in found.items():
        # What rests on a finding completes with the report that does.
        names |= {name: names[one.occurrence_id]} if one.occurrence_id in names else {}

    assert sorted(
        (
            one.rule_id,
            one.key,
            to_iso(one.completed_at or 0),
            names.get(one.occurrence_id, one.occurrence_id),
            sorted({names[report] for report in reports_of(one, found)}),
            sorted((names[report], reason) for report, reason in one.excluded),
        )
        for one in truth.findings.values()
    ) == [
        (
            one["rule"],
            one["key"],
            one["completed_at"],
            one["completed_by"],
            one["contributing"],
            [(left["report"], left["reason"]) for left in one["excluded"]],
        )
        for one in map(json.loads, (case / "expected.jsonl").read_text().splitlines())
    ]


def reports_of(one: OracleFinding, found: dict[str, OracleFinding]) -> set[str]:
    """Through the findings it names, where it names any, to the reports."""
    named = {report for _, reports in one.evidence for report in reports}
    return named.difference(found).union(*(reports_of(found[name], found) for name in named.intersection(found)))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_case_is_empty_nor_met_by_every_key(case: Path):
    findings = [json.loads(line) for line in (case / "expected.jsonl").read_text().splitlines()]
    told = {report for finding in findings for report in finding["contributing"]}
    sent = [json.loads(line) for line in (case / "reports.jsonl").read_text().splitlines()]
    assert findings
    assert {f"{one['source']}/{one['source_ref']}" for one in sent} - told
