"""Reasons to look at an alert about a person: those that ship, those of a catalogue of one's own, and mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.catalogue.copying import copied
from tests.readmodel.making import alert, handling

from safety_stream.catalogue import CatalogueError, lint_catalogue
from safety_stream.catalogue.consulting import load_consulting
from safety_stream.core.consulting import without_the_person
from safety_stream.core.model.times import HOUR, MINUTE
from safety_stream.data_files import catalogue_folder

SHIPPED = (catalogue_folder() / "consulting.yaml").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped catalogue to spoil."""
    return copied(tmp_path / "catalogue")


def test_a_catalogue_without_the_file_has_the_reasons_that_ship(tmp_path: Path):
    assert load_consulting(tmp_path) == load_consulting(catalogue_folder())


def test_a_catalogue_may_have_its_own(tmp_path: Path):
    (tmp_path / "consulting.yaml").write_text(SHIPPED.replace("holds: 60 minutes", "holds: 5 minutes"), "utf-8")

    assert load_consulting(tmp_path).holds == 5 * MINUTE
    assert load_consulting(catalogue_folder()).holds == HOUR


MISTAKES = [
    ("holds: 60 minutes", "holds: a while", "a length is written as"),
    ("id: handed-over", "id: on-shift", "on-shift is there twice"),
    ("id: linked", "id: Linked Alert", "reasons.2.id"),
    ("[threshold, feed]", "[nobody]", "of_nobody"),
    ("    of_nobody: default\n", "", "of_nobody"),
]


@pytest.mark.parametrize(("right", "wrong", "said"), MISTAKES, ids=[wrong or "left out" for _, wrong, _ in MISTAKES])
def test_every_mistake_is_told_with_its_place(folder: Path, right: str, wrong: str, said: str):
    assert right in SHIPPED
    (folder / "consulting.yaml").write_text(SHIPPED.replace(right, wrong), encoding="utf-8")

    with pytest.raises(CatalogueError, match=said):
        load_consulting(folder)


def test_lint_tells_of_it(folder: Path):
    (folder / "consulting.yaml").write_text(SHIPPED.replace("id: quality", "id: linked"), encoding="utf-8")

    assert [issue.file for issue in lint_catalogue(folder)] == ["consulting.yaml"]


@pytest.mark.parametrize(
    ("family", "subject", "expected"),
    [
        ("threshold", "area:E07000117", False),
        ("threshold", None, False),
        ("feed", None, False),
        ("safeguarding", None, True),
        (None, None, True),
        # A rule that counts what happens to one person is about that person, whatever its family.
        ("threshold", "victim:tok-a", True),
        ("threshold", "victim-perpetrator:tok-a|tok-b", True),
    ],
)
def test_what_is_not_known_to_be_about_nobody_is_about_somebody(family: str, subject: str, expected: bool):
    told = alert(1, "a", family=family, subject=subject)

    assert load_consulting(catalogue_folder()).is_about_a_person(told) == expected


def test_a_list_tells_of_no_person_and_no_report():
    told = alert(1, "a", subject="victim:tok-a", findings=(), cause="i-1 corrected", title="Abuse again")
    listed = without_the_person(alert(1, "a", title="Abuse again", handling=handling("new", rationale="tok-a said so")))

    assert without_the_person(told) == alert(1, "a", title="Abuse again")
    assert listed.handling == handling("new")
