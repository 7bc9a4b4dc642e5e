"""`rules knox`: what it tells of reports with near repeats laid down in them, what it records, and how it ends."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from typer.testing import CliRunner

from safety_stream.catalogue.loading import load_near_repeats
from safety_stream.cli import app
from safety_stream.data_files import catalogue_folder


def run(*words: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(word) for word in words])
    return result.exit_code, result.stdout, result.stderr


def told(*words: object) -> dict[str, Any]:
    code, out, err = run("rules", "knox", *words, "--json")
    assert (code, err) == (0, "")
    return {one["rule"]: one for one in map(json.loads, out.splitlines())}


def a_burglary(number: int, day: date, east: int, north: int, **changes: object) -> dict[str, object]:
    return {
        "source": "police-crimes",
        "source_ref": f"r{number}",
        "source_version": 1,
        "action": "new",
        "kind": "police-crime",
        "category": "burglary",
        "occurred_from": f"{day}T12:00:00Z",
        "reported_at": f"{day}T13:00:00Z",
        "place": {"easting": 380_000 + east, "northing": 430_000 + north, "area": "E07000117"},
    } | changes


def a_year(chance: Random, repeats: int) -> list[dict[str, object]]:
    """Burglaries all over a town, some of them followed by another next door."""
    reports = []
    for number in range(200):
        day, east, north = date(2025, 4, 1) + timedelta(chance.randrange(355)), *chance.sample(range(9_000), 2)
        reports.append(a_burglary(number, day, east, north))
        if number < repeats:
            reports.append(a_burglary(1_000 + number, day + timedelta(chance.randint(1, 6)), east + 20, north))
    return sorted(reports, key=lambda one: str(one["reported_at"]))


def written(folder: Path, reports: list[dict[str, object]]) -> Path:
    # The last says that March is over.
    last = a_burglary(9_999, date(2026, 4, 2), 0, 0, category="violence")
    path = folder / "reports.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in [*reports, last]), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("planted"), a_year(Random(1), 40))


@pytest.fixture(scope="module")
def even(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("even"), a_year(Random(1), 0))


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    return Path(shutil.copytree(catalogue_folder(), tmp_path / "catalogue"))


def test_near_repeats_that_were_laid_down_are_found_and_others_are_not(planted: Path, even: Path):
    found, none = told(planted), told(even)

    assert found.keys() == none.keys() == {"burg-near-repeat-high", "burg-near-repeat-medium"}
    for one in found.values():
        assert (one["month"], one["reports"], one["located"], one["p"]) == ("2026-03", 240, 240, 0.001)
        assert one["found"] == "near-repeat evidence"
    assert found["burg-near-repeat-high"]["pairs"] >= 40
    assert found["burg-near-repeat-high"]["ratio"] > 10
    assert {one["found"] for one in none.values()} == {"no near-repeat evidence"}


def test_people_see_a_line_a_rule_and_what_the_words_mean(even: Path):
    code, out, _ = run("rules", "knox", even)

    assert code == 0
    assert "What happened from 2025-04-01 to 2026-03-31" in out
    for words in ("burg-near-repeat-medium", "with a point", "expected", "no near-repeat evidence"):
        assert words in out
    assert "chance alone may well bring about as many" in out.replace("\n", " ")


def test_the_same_files_give_the_same_numbers(planted: Path):
    assert told(planted) == told(planted)


def test_what_was_corrected_or_withdrawn_counts_as_it_stands(tmp_path: Path):
    """The pair is one no more once a report is withdrawn; a correction moves the other to where it was."""
    first, second = a_burglary(1, date(2026, 3, 1), 0, 0), a_burglary(2, date(2026, 3, 3), 50, 0)
    gone = second | {"source_version": 2, "action": "withdraw", "reported_at": "2026-03-09T09:00:00Z"}
    moved = second | {"source_version": 2, "action": "correct", "place": {"easting": 380_101, "northing": 430_000}}

    def pairs(*more: dict[str, object]) -> tuple[int, int]:
        one = told(written(tmp_path, [first, *more]))["burg-near-repeat-high"]
        return one["located"], one["pairs"]

    assert [pairs(second), pairs(second, gone), pairs(gone, second)] == [(2, 1), (1, 0), (1, 0)]
    assert [pairs(second, moved), pairs(moved, second)] == [(2, 0), (2, 0)]


def test_a_month_can_be_named_that_is_over(planted: Path):
    assert told(planted, "--month", "2026-02")["burg-near-repeat-high"]["month"] == "2026-02"

    code, _, err = run("rules", "knox", planted, "--month", "2026-04")
    assert code == 1
    assert "2026-04 is not over in these files, which end on 2026-04-02: name an earlier --month" in err


def test_what_is_found_is_recorded_once_a_month_and_rule(planted: Path, even: Path, catalogue: Path):
    for path, month, name in ((planted, "2026-02", "first"), (even, "2026-03", "even"), (planted, "2026-03", "again")):
        code, _, err = run("rules", "knox", path, "--month", month, "--record", name, "--catalogue", catalogue)
        assert (code, "Recorded in" in err) == (0, True)

    file = load_near_repeats(catalogue)
    assert file is not None
    recorded = [(one.month, one.rule, one.history.partition(":")[0]) for one in file.measured if one.month > "2026"]
    assert recorded == [
        (month, rule, name)
        for month, name in (("2026-02", "first"), ("2026-03", "again"))
        for rule in ("burg-near-repeat-high", "burg-near-repeat-medium")
    ]
    in_order = (0, "", "The catalogue is in order\n")
    assert run("rules", "lint", "--today", "2026-05-31", "--catalogue", catalogue) == in_order


def test_old_evidence_is_a_notice_and_the_catalogue_in_order(planted: Path, catalogue: Path):
    run("rules", "knox", planted, "--record", "x", "--catalogue", catalogue)

    code, out, err = run("rules", "lint", "--today", "2026-06-01", "--catalogue", catalogue)

    assert code == 0
    assert out.count(": info: the newest near-repeat evidence of ") == 2
    assert "The catalogue is in order" in out + err


def test_a_catalogue_without_the_file_cannot_say(planted: Path, catalogue: Path):
    (catalogue / "near-repeats.yaml").unlink()

    code, _, err = run("rules", "knox", planted, "--catalogue", catalogue)

    assert code == 1
    assert "the catalogue has no near-repeats.yaml" in err
