"""CAP's words: those that ship, those of a catalogue of one's own, and a mistake in one."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.catalogue.copying import copied

from safety_stream.catalogue import CatalogueError, lint_catalogue
from safety_stream.catalogue.cap import load_cap
from safety_stream.data_files import catalogue_folder

SHIPPED = (catalogue_folder() / "cap.yaml").read_text(encoding="utf-8")


def test_a_catalogue_without_the_file_has_the_words_that_ship(tmp_path: Path):
    assert load_cap(tmp_path) == load_cap(catalogue_folder())


def test_a_catalogue_may_have_its_own(tmp_path: Path):
    (tmp_path / "cap.yaml").write_text(SHIPPED.replace("feed: Infra", "feed: Other"), encoding="utf-8")

    assert load_cap(tmp_path).by_family["feed"] == "Other"


MISTAKES = [
    ("urgency: Immediate", "urgency: Now", "urgency"),
    ("safeguarding: Safety", "safeguarding: Children", "safeguarding"),
    ("  feed: Infra\n", "", "feed"),
    ("  P4: ", "  P5: ", "P4"),
]


@pytest.mark.parametrize(("right", "wrong", "said"), MISTAKES, ids=[said for *_, said in MISTAKES])
def test_every_mistake_is_told_with_its_place(tmp_path: Path, right: str, wrong: str, said: str):
    assert right in SHIPPED
    folder = copied(tmp_path / "catalogue")
    (folder / "cap.yaml").write_text(SHIPPED.replace(right, wrong), encoding="utf-8")

    with pytest.raises(CatalogueError, match=said):
        load_cap(folder)
    assert {issue.file for issue in lint_catalogue(folder)} == {"cap.yaml"}
