"""The examples in the rule files are tests, and a wrong one is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.catalogue.copying import MORE_RULES, copied, with_more_rules

from safety_stream.catalogue import CatalogueError, run_examples
from safety_stream.catalogue.examples import ExampleResult
from safety_stream.data_files import catalogue_folder

RESULTS = run_examples(catalogue_folder())


@pytest.mark.parametrize("result", RESULTS, ids=lambda result: f"{result.rule_id}: {result.name}")
def test_a_rule_does_what_its_example_says(result: ExampleResult):
    assert result.passed, (result.expected, result.found)


@pytest.mark.parametrize("rule_id", sorted({result.rule_id for result in RESULTS}))
def test_a_rule_has_stories_that_fire_and_near_misses(rule_id: str):
    own = [result for result in RESULTS if result.rule_id == rule_id]
    assert sum(bool(result.expected) for result in own) >= 2
    assert sum(not result.expected for result in own) >= 3


def test_rules_that_try_out_what_no_shipped_rule_uses_do_what_their_examples_say(tmp_path: Path):
    results = run_examples(with_more_rules(tmp_path / "catalogue"))
    assert [(result.rule_id, result.name) for result in results if not result.passed] == []
    assert {path.stem for path in MORE_RULES.glob("*.yaml")} <= {result.rule_id for result in results}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("- {at: 2026-03-31T10:00, priority: P3}", "- {at: 2026-03-31T10:00, priority: P2}"),
        ("- {at: 2026-03-31T10:00, priority: P3}", "- {at: 2026-03-31T10:00:01}"),
        ("    fires:\n      - {at: 2026-03-31T10:00, priority: P3}\n", "    fires: []\n"),
    ],
    ids=["priority", "time", "number"],
)
def test_an_example_that_expects_something_else_fails(tmp_path: Path, old: str, new: str):
    folder = copied(tmp_path / "catalogue")
    path = folder / "rules" / "rv-graded.yaml"
    path.write_text(path.read_text().replace(old, new, 1))
    failed = [result.name for result in run_examples(folder) if not result.passed]
    assert failed == ["a third harm within twelve months is level three"]


def test_examples_of_a_broken_catalogue_are_not_run(tmp_path: Path):
    folder = copied(tmp_path / "catalogue")
    (folder / "sources.yaml").write_text("sources: []")
    with pytest.raises(CatalogueError):
        run_examples(folder)
