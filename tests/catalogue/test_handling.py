"""Clocks, roles and reasons: the shipped file reads as it is meant, and one bad file per mistake."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.catalogue.copying import copied

from safety_stream.catalogue.loading import lint_catalogue, load_catalogue
from safety_stream.core.alerts.handling import Clocks, Rung
from safety_stream.core.model.times import DAY_LENGTH, HOUR, MINUTE
from safety_stream.data_files import catalogue_folder

HANDLING = "handling.yaml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped catalogue to spoil."""
    return copied(tmp_path / "catalogue")


def edit(folder: Path, old: str, new: str) -> None:
    path = folder / HANDLING
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_shipped_clocks_are_those_of_the_table_they_are_from():
    policy = load_catalogue(catalogue_folder()).handling

    assert policy.clocks["P1"] == Clocks(
        acknowledge=15 * MINUTE,
        decide=60 * MINUTE,
        ladder=(Rung(15 * MINUTE, "inspector"), Rung(30 * MINUTE, "superintendent")),
        snooze_at_most=60 * MINUTE,
        kept=28 * 24 * HOUR,
    )
    assert policy.clocks["P2"].acknowledge == HOUR
    assert (policy.clocks["P4"].acknowledge, policy.clocks["P4"].ladder) == (None, ())
    assert "accept" in policy.roles["childrens-services"]
    assert "accept" not in policy.roles["duty-officer"]
    assert policy.remembered == 90 * DAY_LENGTH


def test_the_shipped_rungs_hear_of_what_goes_up_to_them_alone():
    catalogue = load_catalogue(catalogue_folder())
    rungs = {rung.to for clocks in catalogue.handling.clocks.values() for rung in clocks.ladder}

    assert {one.id for one in catalogue.audiences if one.hears == "escalated"} == rungs
    assert not any(rungs & set(rule.audiences) for rule in catalogue.rules)


def test_a_catalogue_without_the_file_lets_no_clock_run_and_nobody_act(folder: Path):
    (folder / HANDLING).unlink()

    policy = load_catalogue(folder).handling

    assert (policy.clocks, policy.roles) == ({}, {})


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("acknowledge: 15 minutes, decide: 60", "acknowledge: 1 months, decide: 60", "no exact length"),
        ("decide: 60 minutes", "decide: 10 minutes", "decided before it is acknowledged"),
        ("after: 30 minutes, to: super", "after: 15 minutes, to: super", "not later on the ladder"),
        ("    asb-lead:", "    asb-leader:", "unknown audience asb-leader"),
        ("    reasons: default", "", "nothing says where reasons is from"),
        ("to: superintendent", "to: commander", "unknown audience commander"),
        ("to: daily-meeting", "to: inspector", "audience daily-meeting hears what goes up to it, and is on no ladder"),
        ("to: superintendent", "to: daily-meeting", "daily-meeting stands on the ladder of P1 and does not take all"),
        ("to: superintendent", "to: soc-unit", "soc-unit stands on the ladder of P1 and does not take all its alerts"),
        ("remembered: 90 days", "remembered: 3 months", "no exact length"),
        ("analyst: [note, judge]", "analyst: [note, jugde]", "may not stand there"),
    ],
)
def test_a_mistake_is_told(folder: Path, old: str, new: str, said: str):
    edit(folder, old, new)

    assert any(said in str(issue) for issue in lint_catalogue(folder))


@pytest.mark.parametrize(
    ("audience", "said"),
    [
        ("inspector", "inspector stands on the ladder of P1 and does not take all its alerts"),
        ("duty-officer", "audience duty-officer is told nothing that is marked OFFICIAL-SENSITIVE, as this rule is"),
    ],
)
def test_who_is_told_nothing_of_what_is_meant_for_them_is_told_of(folder: Path, audience: str, said: str):
    path = folder / "audiences" / "audiences.yaml"
    begins, found, rest = path.read_text(encoding="utf-8").partition(f"{{id: {audience},")
    assert found
    rest = rest.replace("marked_at_most: OFFICIAL-SENSITIVE", "marked_at_most: OFFICIAL", 1)
    path.write_text(begins + found + rest, encoding="utf-8")

    assert any(said in str(issue) for issue in lint_catalogue(folder))


def test_no_rule_is_for_a_rung_of_the_ladder(folder: Path):
    path = folder / "rules" / "hate-repeat.yaml"
    text = path.read_text(encoding="utf-8")
    assert "audience: [" in text
    path.write_text(text.replace("audience: [", "audience: [inspector, ", 1), encoding="utf-8")

    said = "audience inspector hears of nothing but what has gone up the ladder to it"
    assert any(said in str(issue) for issue in lint_catalogue(folder))
