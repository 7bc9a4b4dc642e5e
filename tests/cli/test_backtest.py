"""`rules backtest`: what it tells of a small county, what it records, and how it ends."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from safety_stream.catalogue import lint_catalogue
from safety_stream.cli import app, history, scratch, spool
from safety_stream.data_files import catalogue_folder

RULES = catalogue_folder() / "rules"


def run(*words: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(word) for word in words])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("county")
    code, _, _ = run("generate", "--seed", 7, "--days", 10, "--rate-scale", 0.2, "--out", folder)
    assert code == 0
    return folder / "reports.jsonl.gz"


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    return Path(shutil.copytree(catalogue_folder(), tmp_path / "catalogue"))


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def told(*words: object) -> Any:
    code, out, _ = run("rules", "backtest", *words, "--json")
    assert code in (0, 2)
    return json.loads(out)


def of_a_pair(day: str, source: str, kind: str, **more: Any) -> dict[str, Any]:
    """A report of a victim and a perpetrator, always the same two."""
    return {
        "source": source,
        "source_ref": f"{source} {day}",
        "source_version": 1,
        "action": "new",
        "kind": kind,
        "category": "domestic-abuse",
        "occurred_from": f"{day}T10:00:00Z",
        "reported_at": f"{day}T10:00:00Z",
        "parties": [{"role": "victim", "token": "vv"}, {"role": "perpetrator", "token": "pp"}],
        "place": {"area": "E07000120"},
    } | more


def abuse_of_a_pair(day: str) -> dict[str, Any]:
    return of_a_pair(day, "housing", "housing-concern", flags=["strangulation"])


def alerts_of_replay(reports: Path, folder: Path) -> list[Any]:
    run("replay", reports, "--out", folder)
    return [json.loads(line) for line in (folder / "alerts.jsonl").read_bytes().splitlines()]


def test_it_counts_what_a_replay_under_all_rules_raises(reports: Path, tmp_path: Path):
    standing = alerts_of_replay(reports, tmp_path)
    document = told("--against", reports)

    assert document["rejects"] == 0
    for one in document["rules"]:
        live = one["live"]
        still = sum(alert["rule_id"] == one["rule"] for alert in standing)
        assert live["alerts"] - live["withdrawn"] == still, one["rule"]
        for name in ("months", "shifts", "priorities", "districts"):
            assert sum(row[1] for row in live[name]) == live["told"] == live["alerts"] + live["told_again"]
    assert sum(one["live"]["alerts"] for one in document["rules"]) > 50


def test_who_is_harmed_again_after_years_is_told_of_in_each_of_them(tmp_path: Path):
    """One alert, and told three times: over ten years the later ones must not seem quiet."""
    reports = tmp_path / "years.jsonl"
    lines = [
        line
        for year in (2026, 2028, 2030)
        for line in (of_a_pair(f"{year}-02-01", "marac", "marac-referral"), abuse_of_a_pair(f"{year}-06-01"))
    ]
    reports.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")

    (one,) = told("rv-marac-repeat", "--against", reports)["rules"]
    _, out, _ = run("rules", "backtest", "rv-marac-repeat", "--against", reports)

    live = one["live"]
    assert (live["alerts"], live["told"], live["told_again"], live["urgent"]) == (1, 3, 2, 3)
    assert [month for month, number in live["months"] if number] == ["2026-06", "2028-06", "2030-06"]
    assert [number for _, number, _ in live["districts"] if number] == [3]
    assert dict(live["priorities"])["P1"] == 3
    shown = dict(re.findall(r"^(alerts|times told|urgent) +(\d+) *$", out, flags=re.MULTILINE))
    assert shown == {"alerts": "1", "times told": "3", "urgent": "3"}


def test_what_waits_for_a_feed_is_known_when_the_feed_has_come_that_far(reports: Path):
    """Put through in one piece, it would be known when the last report of the history is: months too late."""
    (one,) = told("missing-no-return-interview", "--against", reports)["rules"]

    # After ten days the county falls silent; what still waits for a feed then is late.
    assert (one["live"]["alerts"] > 5, one["live"]["late"] <= 1) == (True, True)


def test_what_is_too_much_to_hold_changes_nothing(reports: Path, monkeypatch: pytest.MonkeyPatch):
    """Ten years do not fit into memory: reports are put in order, and rows are looked up, in files."""
    held = told("--against", reports)
    monkeypatch.setattr(spool, "RUN", 500)
    monkeypatch.setattr(scratch, "FRESH", 100)

    assert told("--against", reports) == held


def test_a_full_disk_is_said(reports: Path, monkeypatch: pytest.MonkeyPatch):
    """As it is where the file may grow no further."""
    monkeypatch.setattr(scratch, "FRESH", 100)
    monkeypatch.setattr(scratch, "_MAP_BYTES", 100_000)

    code, _, err = run("rules", "backtest", "rv-graded", "--against", reports)

    assert code == 1
    assert "what the stages remember cannot be kept there" in err
    assert "set TMPDIR to a folder with more room" in err


def test_where_nobody_sees_a_bar_lines_say_how_far_it_is(reports: Path, monkeypatch: pytest.MonkeyPatch):
    _, _, quiet = run("rules", "backtest", "rv-graded", "--against", reports)
    monkeypatch.setattr(history, "SAID_EVERY", 0.0)
    _, _, err = run("rules", "backtest", "rv-graded", "--against", reports)

    assert quiet == ""
    first, *_, last = err.splitlines()
    assert first.startswith("Reading: 0 of ")
    assert re.fullmatch(r"Replaying: ([\d,]+) of \1 reports", last)


def test_a_higher_number_only_loses_alerts_and_a_lower_one_only_gains(reports: Path):
    (one,) = told("rv-graded", "--against", reports, "--set", "at_least=5")["rules"]
    (other,) = told("rv-graded", "--against", reports, "--set", "at_least=2", "--set", "within=12 months")["rules"]

    assert (one["gained"]["number"], one["lost"]["number"] > 0) == (0, True)
    assert one["live"]["alerts"] - one["changed"]["alerts"] == one["lost"]["number"]
    assert (other["lost"]["number"], other["gained"]["number"] > 0) == (0, True)
    assert {"subject", "completed", "area", "explanation"} == set(one["lost"]["examples"][0])
    assert "twelve months" in one["lost"]["examples"][0]["explanation"]


def test_setting_what_is_so_already_changes_nothing(reports: Path):
    (one,) = told("rv-graded", "--against", reports, "--set", "within=12 months")["rules"]

    assert one["live"] == one["changed"]
    assert (one["gained"], one["lost"]) == ({"number": 0, "examples": []}, {"number": 0, "examples": []})


def test_another_version_of_the_file_is_tried(reports: Path, tmp_path: Path):
    file = Path(shutil.copy(catalogue_folder() / "rules" / "rv-graded.yaml", tmp_path))
    change(file, "role: victim\n    origin", "role: witness\n    origin")

    (one,) = told("rv-graded", "--against", reports, "--rule", file)["rules"]

    assert one["changed"]["alerts"] < one["live"]["alerts"] == one["lost"]["number"] + one["changed"]["alerts"]


def test_each_alert_that_was_counted_is_written_with_an_id_that_can_be_explained(reports: Path, tmp_path: Path):
    code, out, err = run("rules", "backtest", "rv-graded", "--against", reports, "--out", tmp_path / "found", "--json")

    (one,) = json.loads(out)["rules"]
    written = [json.loads(line) for line in (tmp_path / "found" / "alerts.jsonl").read_bytes().splitlines()]
    assert len({alert["alert_id"] for alert in written}) == len(written) == one["live"]["alerts"] > 0
    assert {alert["rule_id"] for alert in written} == {"rv-graded"}
    assert f"Each alert with its id is in {tmp_path / 'found' / 'alerts.jsonl'}; `rules why ID" in err
    explained, words, _ = run("rules", "why", written[-1]["alert_id"], "--history", reports)
    assert (code, explained) == (0, 0)
    assert f"on {written[-1]['subject']}\n" in words


def test_people_see_a_month_a_district_and_a_bar(reports: Path):
    code, out, _ = run("rules", "backtest", "rv-graded", "--against", reports, "--set", "at_least=2")
    _, summary, _ = run("rules", "backtest", "--against", reports)

    assert code in (0, 2)
    for words in ("2026-01", "Blackpool", "07-19", "████", "Gained: ", "Lost: 0 alerts", "counted once", "Times told:"):
        assert words in out
    assert "--out FOLDER writes" in summary
    assert "--out" not in out
    assert [line.split()[0] for line in summary.splitlines() if line.startswith("soc-")] == sorted(
        file.stem for file in (catalogue_folder() / "rules").glob("soc-*.yaml")
    )


def test_over_budget_ends_with_two_and_says_what(reports: Path, catalogue: Path):
    change(catalogue / "volumes.yaml", "per_district_and_month: 90", "per_district_and_month: 0")

    code, out, _ = run("rules", "backtest", "rv-graded", "--against", reports, "--catalogue", catalogue)
    quiet, _, _ = run(
        "rules", "backtest", "rv-graded", "--against", reports, "--catalogue", catalogue, "--set", "at_least=99"
    )

    assert code == 2
    assert "rv-graded is over budget: " in out
    assert "in a district and month, where the budget is 0" in out
    assert quiet == 0


def test_a_list_is_over_no_budget_and_is_said_to_be_one(reports: Path, catalogue: Path):
    change(catalogue / "volumes.yaml", "per_district_and_month: 90", "per_district_and_month: 0")

    code, out, _ = run("rules", "backtest", "rv-generic", "--against", reports, "--catalogue", catalogue)
    (one,) = told("rv-generic", "--against", reports, "--catalogue", catalogue)["rules"]

    assert code == 0
    assert "rv-generic makes a list: no budget is for it" in out
    assert (one["held"], one["over_budget"]) == (False, [])
    assert one["live"]["alerts"] > 0


def test_what_is_recorded_is_what_lint_reads(reports: Path, catalogue: Path):
    file = catalogue / "volumes.yaml"
    by_hand = file.read_text(encoding="utf-8").partition("\nmeasured:")[0]
    change(file, "per_district_and_month: 90", "per_district_and_month: 99999")
    change(catalogue / "rules" / "rv-graded.yaml", "\nversion: ", "\nversion: 7")
    assert [issue.what for issue in lint_catalogue(catalogue)] == [
        f"version {version_of(catalogue, 'rv-graded')} of rv-graded has no measured volume"
    ]
    before = {one["rule"]: one for one in yaml.safe_load(file.read_text())["measured"]}

    code, _, err = run(
        "rules", "backtest", "rv-graded", "--against", reports, "--catalogue", catalogue, "--record", "a week: small"
    )

    assert code == 0
    assert f"Recorded in {file}" in err
    assert [issue.what for issue in lint_catalogue(catalogue)] == [
        "the rules were not all measured together as they are now: rv-graded"
    ]
    assert "told: {per_month: " in file.read_text(encoding="utf-8")
    after = {one["rule"]: one for one in yaml.safe_load(file.read_text())["measured"]}
    assert file.read_text(encoding="utf-8").startswith(by_hand.replace("month: 90", "month: 99999"))
    assert after["rv-graded"]["history"].startswith("a week: small: ")
    assert {rule: one for rule, one in after.items() if rule != "rv-graded"} == {
        rule: one for rule, one in before.items() if rule != "rv-graded"
    }
    assert list(after) == sorted(after)


def version_of(catalogue: Path, rule: str) -> int:
    return int(yaml.safe_load((catalogue / "rules" / f"{rule}.yaml").read_text())["version"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rv-gradde",), "there is no rule rv-gradde; the rules are above-expected, "),
        (("rv-graded", "--set", "metres=3"), "rv-graded has no parameter metres to set; it has at_least, within"),
        (
            ("soc-retaliation", "--set", "near.within=6 months"),
            "near.within=6 months: 2 times 6 months may be longer than a cell lasts: ask for less, or raise cell_days",
        ),
        (("soc-retaliation", "--set", "linked.within=90 days"), "2 times 90 days may be longer than a link lasts"),
        (("rv-graded", "--set", "at_least"), "--set at_least is not NAME=VALUE"),
        (("--set", "at_least=3"), "another version can be tried of one rule at a time"),
        (("rv-graded", "--set", "at_least=3", "--record", "x"), "--record is for the live rules"),
        (("rv-graded", "--set", "at_least=3", "--out", "found"), "--out is for the rules as they are in the catalogue"),
        (("rv-gradde", "--rule", RULES / "rv-graded.yaml"), "put a new one into a copy of the catalogue's folder, as"),
        (("rv-graded", "--rule", RULES / "hate-repeat.yaml"), "is of the rule hate-repeat"),
    ],
)
def test_what_cannot_be_tried_is_said(reports: Path, words: tuple[object, ...], said: str):
    code, _, err = run("rules", "backtest", *words, "--against", reports)

    assert code == 1
    assert said in err


def test_a_file_that_lint_would_refuse_is_not_tried_and_nor_is_what_is_set_in_it(reports: Path, tmp_path: Path):
    file = Path(shutil.copy(catalogue_folder() / "rules" / "burg-near-repeat-high.yaml", tmp_path))
    words = ("rules", "backtest", file.stem, "--rule", file, "--against", reports)
    what = "9 months may be longer than a cell lasts"

    code, _, err = run(*words, "--set", "within=9 months")
    assert (code, what in err) == (1, True)
    change(file, "within: 7 days", "within: 9 months")
    code, _, err = run(*words)
    assert (code, what in err) == (1, True)


def test_a_history_without_a_report_is_said(tmp_path: Path):
    empty = tmp_path / "empty.jsonl"
    empty.write_text("", encoding="utf-8")

    code, _, err = run("rules", "backtest", "rv-graded", "--against", empty)

    assert code == 1
    assert "there is no report in these files" in err


def test_a_catalogue_without_a_budget_has_none_to_break(reports: Path, catalogue: Path):
    (catalogue / "volumes.yaml").unlink()

    (one,) = told("rv-graded", "--against", reports, "--catalogue", catalogue)["rules"]

    assert one["over_budget"] == []
    assert [name for name, _ in one["live"]["shifts"]] == ["00-24"]
    assert lint_catalogue(catalogue) == []


def test_all_rules_together_are_measured_held_to_the_budget_and_recorded(reports: Path, catalogue: Path):
    file = catalogue / "volumes.yaml"
    change(file, "per_division_and_shift: 10,", "per_division_and_shift: 0,")

    code, out, _ = run("rules", "backtest", "--against", reports, "--catalogue", catalogue, "--record", "here")
    together = told("--against", reports, "--catalogue", catalogue)["together"]

    most = together["urgent_per_division_and_shift"]["most_of_them"]
    recorded = yaml.safe_load(file.read_text(encoding="utf-8"))["together"]
    assert code == 2
    assert most > 0
    assert "All stable rules together, urgent in a division and shift: mean " in out
    assert f"Together they are over budget: {most} urgent in a division and shift, where the budget is 0" in out
    assert (recorded["urgent_per_division_and_shift"], recorded["of"]) == (most, together["of"])
    assert together["of"]["rv-graded"] == 3
    assert {"rv-generic", "frequent-caller"}.isdisjoint(together["of"])

    run("rules", "backtest", "rv-graded", "--against", reports, "--catalogue", catalogue, "--record", "again")
    assert yaml.safe_load(file.read_text(encoding="utf-8"))["together"] == recorded
    assert told("rv-graded", "--against", reports, "--catalogue", catalogue)["together"] is None
