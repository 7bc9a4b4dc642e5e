"""The bounds of delivery: those that ship, those of a catalogue of one's own, and every mistake in one."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.catalogue.copying import copied

from safety_stream.catalogue import CatalogueError, lint_catalogue
from safety_stream.catalogue.delivering import load_delivering
from safety_stream.core.model.times import HOUR, SECOND
from safety_stream.data_files import catalogue_folder

SHIPPED = (catalogue_folder() / "delivery.yaml").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped catalogue to spoil."""
    return copied(tmp_path / "catalogue")


def test_a_catalogue_without_the_file_has_the_bounds_that_ship(tmp_path: Path):
    assert load_delivering(tmp_path) == load_delivering(catalogue_folder())


def test_a_catalogue_may_have_its_own(tmp_path: Path):
    (tmp_path / "delivery.yaml").write_text(SHIPPED.replace("P1: 12 hours", "P1: 30 seconds"), encoding="utf-8")
    bounds = load_delivering(tmp_path)

    assert bounds.page_within["P1"] == 30 * SECOND
    assert bounds.page_within["P2"] == 12 * HOUR
    assert bounds.digest_at == 8 * 60 + 30
    assert bounds.held_when_quiet == {"P3", "P4"}


MISTAKES = [
    ("P1: 12 hours", "P1: soon", "a length is written as"),
    ('time: "08:30"', 'time: "24:00"', "a time of day is written as"),
    ("priorities: [P4]", "priorities: [P1]", "P1 is never kept for a digest"),
    ("hold: [P3, P4]", "hold: [P1]", "P1 is never held through quiet hours"),
    ("priorities: [P1, P2]", "priorities: [P4]", "P4 is told in the digest only"),
    ("first: 2 seconds", "first: 2 hours", "the first wait is longer than the longest"),
    ("P3: 24 hours, ", "", "P3"),
]


@pytest.mark.parametrize(("right", "wrong", "said"), MISTAKES, ids=[wrong or "left out" for _, wrong, _ in MISTAKES])
def test_every_mistake_is_told_with_its_place(folder: Path, right: str, wrong: str, said: str):
    assert right in SHIPPED
    (folder / "delivery.yaml").write_text(SHIPPED.replace(right, wrong), encoding="utf-8")

    with pytest.raises(CatalogueError, match=said):
        load_delivering(folder)


def test_lint_tells_of_it(folder: Path):
    (folder / "delivery.yaml").write_text(SHIPPED.replace("[P4]", "[P1]"), encoding="utf-8")

    assert [issue.file for issue in lint_catalogue(folder)] == ["delivery.yaml"]
