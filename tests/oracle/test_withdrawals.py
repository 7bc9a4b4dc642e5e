"""Each report of each example that fires is withdrawn by itself: what stands then is what the oracle says."""

from __future__ import annotations

from typing import Any

import pytest
from tests.oracle.building import CATALOGUE
from tests.oracle.test_rules import RULES, judged

from safety_stream.catalogue.examples import Story, story_of
from safety_stream.catalogue.loading import load_with_files

LOADED, FILES = load_with_files(CATALOGUE)
BY_ID = {rule.id: rule for rule in LOADED.rules}

Standing = list[tuple[int, str, tuple[tuple[str, ...], ...]]]
"""Of each finding when it was completed, its priority, and the reports of each occurrence it rests on."""


def firing():
    """Every example of the rules that ship which fires by reports, or by what was found elsewhere."""
    for rule_id, file in FILES.items():
        for entry, words in zip(file.examples, RULES[rule_id]["examples"], strict=True):
            if entry.fires and (entry.sightings or entry.found_elsewhere):
                yield pytest.param(
                    story_of(BY_ID[rule_id], entry, LOADED), RULES[rule_id], words, id=f"{rule_id}: {entry.name}"
                )


def stands(story: Story, withdrawn: str) -> Standing:
    found = story.found({withdrawn})
    return sorted((one.completed_at, one.priority, tuple(sorted(was.reports for was in one.evidence))) for one in found)


def should_stand(rule: dict[str, Any], example: dict[str, Any], withdrawn: str) -> Standing:
    found = judged(rule, example, withdrawn)
    return sorted(
        (one.completed_at or 0, one.priority, tuple(sorted(reports for _, reports in one.evidence))) for one in found
    )


@pytest.mark.parametrize(("story", "rule", "example"), list(firing()))
def test_a_report_that_is_withdrawn_leaves_what_the_others_support(
    story: Story, rule: dict[str, Any], example: dict[str, Any]
):
    before = stands(story, "")
    contributing = {report for _, _, evidence in before for reports in evidence for report in reports}
    assert contributing
    assert before == should_stand(rule, example, "")

    for report in sorted(contributing):
        after = stands(story, report)
        assert after == should_stand(rule, example, report), report
        assert after != before, report
