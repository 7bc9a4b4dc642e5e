"""The dashboards name metrics and labels there are, read them from the Prometheus that is provisioned, and fit."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.deploy.promtool import NoPromtool, promtool
from tests.observability.everything import delivery_metrics, every_sample, projection_metrics

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "grafana"
DASHBOARDS = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((FOLDER / "dashboards").glob("*.json"))]
PANELS = [panel for board in DASHBOARDS for panel in board["panels"] if panel["type"] != "row"]
SAMPLES = every_sample() | {"up": {"job", "instance"}}
SERVICE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]["grafana"]
COLUMNS = 24
TOLD_WHOLE = {
    family.name
    for metrics in (projection_metrics(), delivery_metrics())
    for family in metrics.registry.collect()
    if family.type == "gauge"
}


def provisioned(what: str) -> dict[str, Any]:
    (path,) = (FOLDER / "provisioning" / what).glob("*.yml")
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def expressions(panel: dict[str, Any]) -> Iterator[str]:
    yield from (target["expr"] for target in panel["targets"])


def named(expression: str) -> set[str]:
    return set(re.findall(r"\bsafety_stream_\w+|\bup\b", expression))


def asked_by_variables(board: dict[str, Any]) -> Iterator[str]:
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["definition"]
            yield variable["query"]["query"]


def uids(value: Any) -> Iterator[str]:
    """Every data source that is named anywhere in a dashboard."""
    if isinstance(value, dict):
        if "datasource" in value:
            yield value["datasource"]["uid"]
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from uids(one)


by_title = pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
by_board = pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board["uid"])


@by_title
def test_every_metric_a_panel_names_is_served(panel: dict[str, Any]):
    for expression in expressions(panel):
        assert named(expression)
        assert [name for name in named(expression) if name not in SAMPLES] == []


@by_title
def test_every_label_a_panel_goes_by_is_one_of_its_metrics(panel: dict[str, Any]):
    for target in panel["targets"]:
        labels = set().union(*(SAMPLES[name] for name in named(target["expr"])))
        grouped = {
            one for by in re.findall(r"\b(?:by|on) \(([^)]*)\)", target["expr"]) for one in re.findall(r"\w+", by)
        }
        matched = set(re.findall(r"[{,]\s*(\w+)\s*=", target["expr"]))
        shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))

        assert grouped | matched | shown <= labels
        # What is shown of each line must be what tells the lines apart.
        assert shown == grouped - {"le"}


@by_board
def test_what_can_be_chosen_is_asked_of_metrics_there_are(board: dict[str, Any]):
    for query in asked_by_variables(board):
        metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", query).groups()
        assert label in SAMPLES[metric]
    variables = {variable["name"] for variable in board["templating"]["list"]}
    used = {
        name
        for panel in board["panels"]
        for target in panel.get("targets", ())
        for name in re.findall(r"\$(\w+)", target["expr"])
    }
    assert used - {"__rate_interval"} == variables


@by_title
def test_what_several_processes_tell_of_one_thing_is_not_added_up(panel: dict[str, Any]):
    # Each process that keeps the copy, or shares the outbox, tells of all of it.
    for expression in expressions(panel):
        for name in named(expression) & TOLD_WHOLE:
            around = expression[: expression.index(name)].rstrip("( ")
            assert re.search(r"max( (by|without) \([^)]*\))?$", around), expression


def test_every_metric_there_is_is_on_a_panel():
    shown = {name for panel in PANELS for expression in expressions(panel) for name in named(expression)}
    # Of a histogram its buckets are enough, and nobody looks at when a series began.
    rest = {name for name in SAMPLES if not name.endswith(("_created", "_sum", "_count"))}

    assert rest - shown == set()


@by_board
def test_every_data_source_is_the_one_that_is_provisioned(board: dict[str, Any]):
    (source,) = provisioned("datasources")["datasources"]

    assert set(uids(board)) == {source["uid"]}
    assert source["type"] == "prometheus"
    assert source["url"] == "http://prometheus:9090"


@by_board
def test_every_panel_has_its_place_and_says_what_it_is(board: dict[str, Any]):
    taken: set[tuple[int, int]] = set()
    ids = [panel["id"] for panel in board["panels"]]
    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= COLUMNS
        assert not cells & taken
        taken |= cells
        assert panel["title"]
        assert panel["type"] == "row" or panel["description"].endswith(".")
    assert len(set(ids)) == len(ids)


def test_dashboards_are_looked_for_where_compose_puts_them():
    (provider,) = provisioned("dashboards")["providers"]
    mounts = dict(mount.removesuffix(":ro").rsplit(":", 1)[::-1] for mount in SERVICE["volumes"])

    assert (ROOT / mounts[provider["options"]["path"]]).resolve() == FOLDER / "dashboards"
    assert (ROOT / mounts["/etc/grafana/provisioning"]).resolve() == FOLDER / "provisioning"
    assert len({board["uid"] for board in DASHBOARDS}) == len({board["title"] for board in DASHBOARDS}) == 2


def test_how_much_one_person_is_told_is_measured_against_what_one_person_can_take():
    (panel,) = [panel for panel in PANELS if panel["title"] == "Alarm rate per operator per 10 minutes"]

    assert all("[10m]" in one or "[12h])) / 72" in one for one in expressions(panel))
    assert all(one.endswith("/ $operators") for one in expressions(panel))
    assert [step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]] == [None, 1, 10]


def test_prometheus_understands_every_expression(tmp_path: Path):
    try:
        tool = promtool()
    except NoPromtool as why:
        pytest.skip(str(why))
    for panel in PANELS:
        rules = [
            {
                "record": f"panel:{number}",
                "expr": re.sub(r"\$operators", "1", expression.replace("$__rate_interval", "1m")),
            }
            for number, expression in enumerate(expressions(panel))
        ]
        (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
        done = subprocess.run(
            [str(tool), "check", "rules", "rules.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
        )

        assert done.returncode == 0, f"{panel['title']}: {done.stdout}{done.stderr}"
