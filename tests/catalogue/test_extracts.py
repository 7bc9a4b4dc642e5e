"""What authorities must disclose: the shipped file has all items, and one bad file per mistake."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from tests.catalogue.copying import copied

from safety_stream.catalogue.loading import lint_catalogue, load_catalogue
from safety_stream.data_files import catalogue_folder

FILE = "extracts/si-2007-1831.yaml"
ANSWERED = "indicators: [police-asb],"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped catalogue to spoil."""
    return copied(tmp_path / "catalogue")


def edit(folder: Path, old: str, new: str, file: str = FILE) -> None:
    path = folder / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_every_item_of_the_regulations_is_there_and_answered_or_said_not_to_be():
    (extract,) = load_catalogue(catalogue_folder()).extracts

    assert Counter(item.holder for item in extract.items) == {
        "police": 12,
        "fire": 5,
        "local-authority": 4,
        "health": 4,
    }
    assert extract.due_quarters_after == 1
    assert all(bool(item.indicators) != bool(item.without) for item in extract.items)
    assert all(item.short for item in extract.items if item.indicators)


def test_what_was_not_seen_is_marked_so():
    (extract,) = load_catalogue(catalogue_folder()).extracts

    of_councils = [item for item in extract.items if item.holder == "local-authority"]
    assert all(item.words.startswith("[M] ") for item in of_councils)
    assert [holder for holder, source in extract.sources.items() if source.startswith("[M] ")] == ["local-authority"]


def test_a_catalogue_need_not_have_any(folder: Path):
    (folder / FILE).unlink()

    assert load_catalogue(folder).extracts == ()


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("id: si-2007-1831", "id: si-2007-1830", "id si-2007-1830 is not the file's name"),
        ("{id: robbery,", "{id: burglary,", "id burglary is there already"),
        (ANSWERED, "indicators: [police-asp],", "unknown indicator police-asp"),
        (ANSWERED, "indicators: [police-asb, police-asb],", "item asb-incidents names police-asb twice"),
        (ANSWERED, "", "item asb-incidents has neither indicators nor without"),
        (ANSWERED, f"{ANSWERED} without: nobody,", "item asb-incidents has both indicators and without"),
        (ANSWERED, "indicators: [survey-asked],", "indicator survey-asked is not counted by the month"),
        ("holder: police,", "holder: court,", "items.0.holder"),
    ],
)
def test_one_mistake_is_found_and_named(folder: Path, old: str, new: str, what: str):
    edit(folder, old, new)

    (issue,) = lint_catalogue(folder)

    assert what in issue.what
    assert issue.severity == "error"
    assert issue.line


def test_where_indicators_cannot_be_had_items_are_not_complained_about(folder: Path):
    edit(folder, "indicators:\n", "indicators: [\n", "indicators/harm.yaml")

    assert FILE not in {issue.file for issue in lint_catalogue(folder)}
