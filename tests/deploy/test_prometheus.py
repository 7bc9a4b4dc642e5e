"""The alert rules for operators name metrics and labels there are, and each has its case."""

import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.deploy.promtool import NoPromtool, promtool
from tests.observability.everything import every_sample

from safety_stream.wire.topology import STAGES

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"
RULES = [
    rule
    for group in yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
CASES = (FOLDER / "alerts.test.yml").read_text(encoding="utf-8")


@cache
def parsed_cases() -> dict[str, Any]:
    return yaml.safe_load(CASES)


@pytest.fixture(scope="module")
def samples() -> dict[str, set[str]]:
    """The labels of each sample our processes serve, by name."""
    return every_sample()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_metric_an_alert_names_is_served(rule: dict[str, str], samples: dict[str, set[str]]):
    named = re.findall(r"\bsafety_stream_\w+", rule["expr"])

    assert [name for name in named if name not in samples] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_label_an_alert_goes_by_is_one_of_its_metrics(rule: dict[str, str], samples: dict[str, set[str]]):
    labels = {"job", "instance"}.union(*(samples[name] for name in re.findall(r"\bsafety_stream_\w+", rule["expr"])))
    grouped = {name for by in re.findall(r"\bby \(([^)]*)\)", rule["expr"]) for name in by.replace(",", " ").split()}
    matched = set(re.findall(r"[{,]\s*(\w+)\s*=", rule["expr"]))
    told = set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))

    assert grouped | matched | told <= labels


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_says_how_bad_it_is_and_what_to_do_and_has_its_case(rule: dict[str, dict[str, str]]):
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert {"summary", "description"} == set(rule["annotations"])
    assert rule["alert"] in CASES


def test_a_stage_that_nobody_runs_is_noticed_whichever_it_is():
    (rule,) = [rule for rule in RULES if rule["alert"] == "SafetyStreamStageNotRunning"]

    assert [row.name for row in STAGES] == re.findall(r'stage="([\w-]+)"', rule["expr"])


def test_the_jobs_alerts_go_by_are_those_prometheus_asks():
    jobs = {one["job_name"] for one in yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"]}
    named = {job for rule in RULES for job in re.findall(r'job="([\w-]+)"', rule["expr"])}
    chosen = [match for rule in RULES for match in re.findall(r'job=~"([^"]+)"', rule["expr"])]

    assert named <= jobs
    assert [job for job in jobs - named if not any(re.fullmatch(one, job) for one in chosen)] == []


@pytest.fixture(scope="module")
def tool() -> Path:
    try:
        return promtool()
    except NoPromtool as why:
        pytest.skip(str(why))


@pytest.mark.parametrize("words", ["check config prometheus.yml", "test rules alerts.test.yml"])
def test_prometheus_agrees(tool: Path, words: str):
    done = subprocess.run([str(tool), *words.split()], cwd=FOLDER, capture_output=True, text=True, check=False)

    assert 0 == done.returncode, done.stdout + done.stderr


def test_the_cases_hold_as_the_next_test_writes_them(tool: Path, tmp_path: Path):
    (tmp_path / "alerts.yml").write_bytes((FOLDER / "alerts.yml").read_bytes())
    (tmp_path / "alerts.test.yml").write_text(yaml.safe_dump(parsed_cases()), encoding="utf-8")

    done = subprocess.run(
        [str(tool), "test", "rules", "alerts.test.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert 0 == done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_without_a_rule_some_case_fails(rule: dict[str, str], tool: Path, tmp_path: Path):
    """A case that expects nothing of a rule would be none. Of those that name it: all hold with it, see above."""
    whole = yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))
    for group in whole["groups"]:
        group["rules"] = [one for one in group["rules"] if one["alert"] != rule["alert"]]
    (tmp_path / "alerts.yml").write_text(yaml.safe_dump(whole), encoding="utf-8")
    of_it = [case for case in parsed_cases()["tests"] if rule["alert"] in str(case)]
    (tmp_path / "alerts.test.yml").write_text(yaml.safe_dump(parsed_cases() | {"tests": of_it}), encoding="utf-8")

    done = subprocess.run(
        [str(tool), "test", "rules", "alerts.test.yml"], cwd=tmp_path, capture_output=True, check=False
    )

    assert done.returncode != 0
