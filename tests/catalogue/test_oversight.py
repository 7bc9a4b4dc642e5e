"""Who answers for the data, how long answers are waited for and who may break the glass: as it ships, and mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from tests.catalogue.copying import copied

from safety_stream.catalogue import lint_catalogue
from safety_stream.catalogue.loading import load_catalogue
from safety_stream.core.model.times import DAY_LENGTH
from safety_stream.core.oversight import Bar, Oversight, steps_due
from safety_stream.data_files import catalogue_folder

SHIPPED = (catalogue_folder() / "oversight.yaml").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped catalogue to spoil."""
    return copied(tmp_path / "catalogue")


def test_a_catalogue_without_the_file_chases_nobody_and_lets_nobody_break_the_glass(folder: Path):
    (folder / "oversight.yaml").unlink()

    assert load_catalogue(folder).oversight == Oversight()
    assert Oversight().break_glass.roles == frozenset()


def test_what_ships_says_why_nothing_barred_is_ever_opened():
    glass = load_catalogue(catalogue_folder()).oversight.break_glass

    assert set(glass.never) == set(get_args(Bar))


@pytest.mark.parametrize(("days", "steps"), [(6, ()), (7, ("reminder",)), (14, ("reminder", "escalation"))])
def test_the_steps_that_are_due_go_by_how_long_a_notice_is_open(days: int, steps: tuple[str, ...]):
    chasing = load_catalogue(catalogue_folder()).oversight.chasing

    assert chasing is not None
    assert steps_due("duty-officer", 5, 5 + days * DAY_LENGTH, chasing) == steps


MISTAKES = [
    ("office: data-protection-officer", "office: duty-officer", "is an audience too"),
    ("usual: {remind_after: 7 days, escalate_after: 14 days}", "usual: {remind_after: 7 days, escalate_after: 7 days}",
     "before the audience was reminded"),
    ("childrens-services: {remind_after", "childrens-service: {remind_after", "unknown audience"),
    ("shown_as: duty-officer", "shown_as: nobody", "unknown audience nobody"),
    ("id: child-at-risk", "id: danger-to-life", "danger-to-life is there twice"),
    ("id: not-justified", "id: justified", "justified is there twice"),
    ("bar: withdrawn", "bar: party-to-the-matter", "party-to-the-matter is there twice"),
    ('      - {bar: withdrawn, because: "what was withdrawn', '      - {bar: restricted, because: "what was withdrawn',
     "never"),
    ("roles: [duty-officer, supervisor]", "roles: [operator]", "roles"),
    ("review_within: 2 days", "review_within: soon", "a length is written as"),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "said"), MISTAKES, ids=[wrong[:40].strip() for _, wrong, _ in MISTAKES])
def test_every_mistake_is_told_with_its_place(folder: Path, right: str, wrong: str, said: str):
    assert right in SHIPPED
    (folder / "oversight.yaml").write_text(SHIPPED.replace(right, wrong), encoding="utf-8")
    issues = [one for one in lint_catalogue(folder) if one.file == "oversight.yaml"]

    assert any(said in one.what for one in issues), issues


def test_what_is_never_opened_cannot_be_left_out(folder: Path):
    lines = [line for line in SHIPPED.splitlines() if "bar: handling-code-c" not in line]
    (folder / "oversight.yaml").write_text("\n".join(lines), encoding="utf-8")
    issues = [one for one in lint_catalogue(folder) if one.file == "oversight.yaml"]

    assert [one.what for one in issues] == ["nothing says why handling-code-c is never opened"]
