"""What was planted is found by the oracle, and a near miss is not."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import yaml

from safety_stream.catalogue import load_catalogue
from safety_stream.core.model.times import start_of, to_day
from safety_stream.core.rules.rule import Absent
from safety_stream.core.rules.signal import asks_for_signals
from safety_stream.synthetic import Story, generate, ground_truth, read_county
from safety_stream.synthetic.stories import school_night
from safety_stream.testing.oracle import Truth, recompute
from safety_stream.testing.verdict import as_read

CATALOGUE = Path(__file__).parents[2] / "catalogue"
COUNTY = read_county(CATALOGUE / "synthetic" / "lancashire.yaml")
_SHIPPED = load_catalogue(CATALOGUE).rules
# A breach needs years before it, and no story is as long.
RULES = {rule.id for rule in _SHIPPED} - asks_for_signals(_SHIPPED)


def fires(truth: Truth, story: Story) -> bool:
    """Whether the alert of the story stands; on the named occurrences where it names some."""
    completed = {key[3] for key in truth.findings if (key[0], key[2]) == (story.rule, story.key)}
    return bool(completed & set(story.occurrences) if story.occurrences else completed)


# The second begins so that weeks of violence and return interviews lie around the night the clocks change.
@pytest.mark.parametrize(
    ("seed", "start", "days", "scale"),
    [(1, date(2026, 1, 1), 90, 0.05), (2, date(2026, 3, 18), 60, 0.05), (3, date(2025, 10, 15), 9, 0.5)],
)
def test_planted_stories_are_found_and_near_misses_are_not(seed: int, start: date, days: int, scale: float):
    told = generate(COUNTY, seed=seed, start=start, days=days, scale=scale)
    reports = [as_read(one) for one in told if not one.refused]
    truth = recompute(reports, CATALOGUE)

    stories = ground_truth(COUNTY, seed=seed, start=start, days=days)

    wrong = [story for story in stories if fires(truth, story) != (story.expected == "fires")]
    assert wrong == []
    assert stories


def test_every_rule_has_stories_of_both_ends():
    stories = ground_truth(COUNTY, seed=1, start=date(2026, 1, 1), days=60)

    for expected in ("fires", "must-not-fire"):
        assert {story.rule for story in stories if story.expected == expected} == RULES


def test_every_report_of_a_story_arrives_within_the_days():
    days, start = 60, date(2026, 1, 1)
    stories = ground_truth(COUNTY, seed=1, start=start, days=days)
    planted = {name for story in stories for name in story.reports}
    end = start_of(to_day(start) + days)

    arrived = [
        told.received_at
        for told in generate(COUNTY, seed=1, start=start, days=days, scale=0.02)
        if told.report and (told.report.source, told.report.source_ref) in planted
    ]

    assert len(arrived) >= len(planted)
    assert max(arrived) < end


def test_a_story_shares_no_person_vehicle_or_address_with_another():
    stories = ground_truth(COUNTY, seed=1, start=date(2026, 1, 1), days=120)
    keys = [story.key for story in stories if not story.key.startswith("area:")]

    assert len(set(keys)) == len(keys)


def test_cells_are_as_large_as_those_of_the_rules():
    bounds = yaml.safe_load((CATALOGUE / "categories.yaml").read_text(encoding="utf-8"))["bounds"]

    assert (COUNTY.stories.cells.metres, COUNTY.stories.cells.days) == (bounds["cell_metres"], bounds["cell_days"])


def test_school_nights_are_such_by_the_calendar_of_the_rule():
    (rule,) = [rule for rule in load_catalogue(CATALOGUE).rules if rule.id == "encompass-not-told"]
    (limb,) = rule.limbs
    assert isinstance(limb.condition, Absent)
    assert limb.condition.before is not None
    days = limb.condition.before.days

    # Every day but those so early that the night before lies outside what is known.
    nights = {school_night(day) for day in range(days.known_from + 90, days.known_to + 1)}
    assert len(nights) > 9
    assert all(days.is_open(night) and days.is_open(night + 1) for night in nights)


def test_the_weeks_laid_down_are_those_of_the_rule():
    rule = yaml.safe_load((CATALOGUE / "rules" / "district-count.yaml").read_text(encoding="utf-8"))
    agreed = {area: o["set"].get("at_least") for o in rule["overrides"] for area in o["areas"]}
    weeks = COUNTY.stories.weeks

    for week in (weeks.over, weeks.short, weeks.split):
        assert week.at_least == agreed[week.area]
