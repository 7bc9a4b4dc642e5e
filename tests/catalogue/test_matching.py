"""How tokens are matched: what ships, what a catalogue may say of its own, and mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.catalogue.copying import copied

from safety_stream.catalogue import CatalogueError, lint_catalogue
from safety_stream.catalogue.matching import WEIGHED, load_matching
from safety_stream.core.matching import Often
from safety_stream.data_files import catalogue_folder

SHIPPED = (catalogue_folder() / "matching.yaml").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped catalogue to spoil."""
    return copied(tmp_path / "catalogue")


def test_what_ships_has_the_bands_of_the_domain_and_says_of_everything_how_often_it_agrees():
    shipped = load_matching(catalogue_folder())

    assert (shipped.auto, shipped.possible) == (0.99, 0.8)
    assert shipped.agreeing.keys() == {*WEIGHED}
    assert shipped.agreeing["number", "agree"] == Often(0.000001, 0.995)


def test_a_catalogue_without_the_file_matches_as_the_shipped_one(tmp_path: Path):
    assert load_matching(tmp_path) == load_matching(catalogue_folder())


def test_a_catalogue_may_have_its_own(tmp_path: Path):
    (tmp_path / "matching.yaml").write_text(SHIPPED.replace("auto: 0.99", "auto: 0.999"), "utf-8")

    assert load_matching(tmp_path).auto == 0.999


SURNAME = "    - {of: surname, how: alike, two_persons: 0.01, one_person: 0.06}\n"
MISTAKES = [
    ("auto: 0.99", "auto: 1.0", "bands.auto"),
    ("auto: 0.99", "auto: 0.7", "let possible be less than auto"),
    ("shared_at_most: 50", "shared_at_most: 1", "shared_at_most"),
    (SURNAME, "", "nothing is said of surname alike"),
    (SURNAME, SURNAME * 2, "surname alike is there twice"),
    ("of: surname, how: alike", "of: surname, how: swapped", "of a surname nothing is known that is swapped"),
    ("two_persons: 0.002", "two_persons: 0.9", "then it tells nothing"),
    ("two_persons: 0.01, one_person: 0.06", "two_persons: 0.01, one_person: 0.2", "nothing is left"),
    ("    shared_at_most: default\n", "", "shared_at_most"),
]


@pytest.mark.parametrize(("right", "wrong", "said"), MISTAKES, ids=[said for *_, said in MISTAKES])
def test_every_mistake_is_told_with_its_place(folder: Path, right: str, wrong: str, said: str):
    assert right in SHIPPED
    (folder / "matching.yaml").write_text(SHIPPED.replace(right, wrong, 1), encoding="utf-8")

    with pytest.raises(CatalogueError, match=said):
        load_matching(folder)
    assert {issue.file for issue in lint_catalogue(folder)} == {"matching.yaml"}
