"""The alert rules for operators name metrics and labels there are, and each has its case."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from safety_stream.observability.metrics import Metrics
from safety_stream.wire.topology import STAGES

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"
RULES = [
    rule
    for group in yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
PROMTOOL = shutil.which("promtool")
CASES = (FOLDER / "alerts.test.yml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def samples() -> dict[str, set[str]]:
    """The labels of each sample a worker serves, by name."""
    metrics = Metrics(lambda: 0)
    metrics.committed("publish-alerts", 1, 0.1, 0.1)
    metrics.aborted("detect", "NoLongerOurs")
    metrics.dead_letter("intake", "empty")
    metrics.state("detect", 0, 1)
    metrics.as_of("publish-alerts", 0, 0)
    metrics.lag("detect", "sightings", 0, 1)
    metrics.taken_over("detect", 0, 1, 0.1)
    found: dict[str, set[str]] = {}
    for metric in metrics.registry.collect():
        for sample in metric.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


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


@pytest.mark.skipif(PROMTOOL is None, reason="promtool comes with Prometheus; it is not required")
@pytest.mark.parametrize("words", ["check config prometheus.yml", "test rules alerts.test.yml"])
def test_prometheus_agrees(words: str):
    done = subprocess.run([str(PROMTOOL), *words.split()], cwd=FOLDER, capture_output=True, text=True, check=False)

    assert 0 == done.returncode, done.stdout + done.stderr
