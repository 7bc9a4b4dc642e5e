"""Every sentence of the partners' agreements that needs a number has one, and it is told where one has not."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.catalogue.copying import copied
from typer.testing import CliRunner

from safety_stream.catalogue import load_catalogue, unmeasured
from safety_stream.catalogue.agreements import tags_of
from safety_stream.cli import app
from safety_stream.data_files import catalogue_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copied(tmp_path / "catalogue")


def parts(number: int) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for sentence in load_catalogue(catalogue_folder()).agreements[number].sentences:
        found.setdefault(sentence.part, []).append(sentence.id)
    return found


def test_both_sets_ship_and_every_sentence_is_measured():
    catalogue = load_catalogue(catalogue_folder())

    assert [agreement.id for agreement in catalogue.agreements] == ["2015-18", "2025-28"]
    assert unmeasured(catalogue_folder(), catalogue) == []


def test_the_agreement_has_five_priorities_three_factors_three_threats_and_eight_strategies():
    first, second = parts(0), parts(1)

    assert {part: len(first[part]) for part in ("priority", "factor", "threat", "strategy")} == {
        "priority": 5,
        "factor": 3,
        "threat": 3,
        "strategy": 8,
    }
    assert len(second["priority"]) == 8


def test_a_sentence_that_nothing_measures_is_told_and_so_is_one_that_says_it_needs_nothing(folder: Path):
    file = folder / "indicators" / "counts.yaml"
    file.write_text(file.read_text().replace("tags: [cyber-crime]", "tags: [dashboard]"))

    found = unmeasured(folder, load_catalogue(folder))

    assert [(issue.file, issue.severity, issue.what) for issue in found] == [
        ("agreement/2015-18.yaml", "warning", "dashboard is said to need no indicator, and has cyber-crime"),
        ("agreement/2025-28.yaml", "warning", "no indicator measures cyber-crime: Cyber crime"),
    ]
    assert len(unmeasured(folder, load_catalogue(folder), "2025-28")) == 1


def test_the_command_says_so_by_its_code(folder: Path):
    file = folder / "indicators" / "counts.yaml"
    file.write_text(file.read_text().replace("tags: [cyber-crime]", "tags: []"))

    def code(*words: str) -> int:
        return CliRunner().invoke(app, ["indicators", "lint", *words]).exit_code

    assert code() == 0
    assert code("--catalogue", str(folder)) == 2
    assert code("--catalogue", str(folder), "--agreement", "2015-18") == 0
    assert code("--agreement", "1999-02") == 1


def test_what_measures_a_sentence_is_told_in_the_catalogues_order():
    assert tags_of(load_catalogue(catalogue_folder()))["towards-zero"] == (
        "collisions-ksi",
        "collisions",
        "collision-casualties",
        "ksi-casualties",
        "ksi-share",
        "ksi-rate",
    )
