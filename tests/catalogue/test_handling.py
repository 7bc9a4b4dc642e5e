"""Clocks, roles and reasons: the shipped file reads as it is meant, and one bad file per mistake."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.catalogue.copying import copied

from safety_stream.catalogue.loading import lint_catalogue, load_catalogue
from safety_stream.core.alerts.handling import Clocks, Rung
from safety_stream.core.model.times import HOUR, MINUTE
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
        ("analyst: [note, judge]", "analyst: [note, jugde]", "Input should be"),
    ],
)
def test_a_mistake_is_told(folder: Path, old: str, new: str, said: str):
    edit(folder, old, new)

    assert any(said in str(issue) for issue in lint_catalogue(folder))
