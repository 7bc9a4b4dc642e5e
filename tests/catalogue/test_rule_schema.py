"""The JSON Schema of a rule's file accepts what the loader accepts, and refuses what an editor could have shown."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from tests.catalogue.copying import MORE_RULES

from safety_stream.catalogue import rule_schema
from safety_stream.catalogue.documents import read_document
from safety_stream.data_files import catalogue_folder

EXAMPLE = Path(__file__).parents[2] / "examples" / "west-yorkshire"
FOLDERS = (catalogue_folder() / "rules", EXAMPLE / "rules", MORE_RULES)
FILES = [file for folder in FOLDERS for file in sorted(folder.glob("*.yaml"))]


def written(file: Path) -> dict:
    """The file as an editor sees it: its keys are text."""
    return json.loads(json.dumps(read_document(file).value))


def is_accepted(rule: dict) -> bool:
    return Draft202012Validator(rule_schema()).is_valid(rule)


def test_it_is_a_json_schema():
    Draft202012Validator.check_schema(rule_schema())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_rule_there_is_is_accepted(file: Path):
    assert [error.message for error in Draft202012Validator(rule_schema()).iter_errors(written(file))] == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda rule: rule.pop("source"),
        lambda rule: rule.update(colour="red"),
        lambda rule: rule.update(key="neighbour"),
        lambda rule: rule.update(version=0),
        lambda rule: rule["condition"].update(type="often"),
        lambda rule: rule["condition"].update(within="12 moons"),
        lambda rule: rule["condition"].update(at_least=0),
        lambda rule: rule["condition"].pop("of"),
        lambda rule: rule["select"]["harm"].update(mood="sad"),
        lambda rule: rule["select"]["harm"].update(kind=5),
        lambda rule: rule["select"]["harm"].update(facts={"dash-score": {"at_leest": 3}}),
        lambda rule: rule["select"]["harm"].update(facts={"dash-score": {"at_least": "3"}}),
        lambda rule: rule["select"]["harm"].update(facts={"found-area": "Some Place"}),
        lambda rule: rule["priority"].update(base="P9"),
        lambda rule: rule["examples"][0]["sightings"][0].update(at="yesterday"),
    ],
    ids=range(15),
)
def test_what_the_loader_refuses_the_editor_shows(spoil: Callable[[dict], object]):
    rule = written(catalogue_folder() / "rules" / "rv-graded.yaml")
    assert is_accepted(rule)

    spoil(rule)

    assert not is_accepted(rule)
