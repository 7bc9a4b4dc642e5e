"""How long what is kept: as it ships, and every mistake in a file of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.catalogue.copying import copied

from safety_stream.catalogue import lint_catalogue
from safety_stream.catalogue.loading import load_catalogue
from safety_stream.core.retention import Retention
from safety_stream.data_files import catalogue_folder

SHIPPED = (catalogue_folder() / "retention.yaml").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped catalogue to spoil."""
    return copied(tmp_path / "catalogue")


def test_a_catalogue_without_the_file_keeps_everything(folder: Path):
    (folder / "retention.yaml").unlink()

    assert load_catalogue(folder).retention == Retention()


def test_a_history_that_is_in_lets_everything_go_by_age(folder: Path):
    (folder / "retention.yaml").write_text(SHIPPED.replace("by_age: broker-stamped", "by_age: all"), encoding="utf-8")

    assert load_catalogue(folder).retention.all_by_age


MISTAKES = [
    ("keep: 13 months", "keep: a while", "`a while` is no length, which is a number and"),
    ("{id: alerts, keep", "{id: audit, keep", "audit is there twice"),
    ("{id: complaint,", "{id: proceedings,", "proceedings is there twice"),
    ("    raw-identified: [", "    raw: [", "unknown class raw"),
    ("refused: raw-identified", "refused: raw", "unknown class raw"),
    ("state: [feed-status,", "state: [incidents, feed-status,", "incidents is of the class raw-identified already"),
    (", deliveries: alerts}", "}", "nothing says of which class deliveries are"),
    ("topics_by_age: broker-stamped", "topics_by_age: now", "topics_by_age"),
    ("confirm_within: 14 days", "confirm_within: soon", "`soon` is no length, which is a number and"),
    ("  erasure: {confirm_within: 14 days}\n", "", "erasure"),
]


@pytest.mark.parametrize(("right", "wrong", "said"), MISTAKES, ids=[wrong.strip() for _, wrong, _ in MISTAKES])
def test_every_mistake_is_told_with_its_place(folder: Path, right: str, wrong: str, said: str):
    assert right in SHIPPED
    (folder / "retention.yaml").write_text(SHIPPED.replace(right, wrong, 1), encoding="utf-8")
    issues = [one for one in lint_catalogue(folder) if one.file == "retention.yaml"]

    assert any(said in one.what for one in issues), issues
