"""The page on foreign cases shows files that are there, word for word, and every field a line may have."""

import re
from pathlib import Path

import pytest

from safety_stream.catalogue.documents import parse_document
from safety_stream.catalogue.formats.areas import AreasFile
from safety_stream.catalogue.formats.rules import BareRuleFile
from safety_stream.catalogue.formats.vocabulary import CategoriesFile, FactsFile, SourcesFile
from safety_stream.edge.canonical import PartyLine, PlaceLine, ReportLine

DOCS = Path(__file__).parents[2] / "docs"
CASES = DOCS.parent / "examples" / "conformance"
PAGE = (DOCS / "conformance.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"^\[\S+\]\((\S+)\)\n\n```yaml\n(.*?)```$", PAGE, flags=re.DOTALL | re.MULTILINE)
FORMATS = {
    "sources": SourcesFile,
    "categories": CategoriesFile,
    "areas": AreasFile,
    "facts": FactsFile,
    "id": BareRuleFile,
}


def test_every_yaml_on_the_page_is_a_file_that_is_named():
    assert PAGE.count("```yaml") == len(SHOWN)


@pytest.mark.parametrize(("file", "text"), SHOWN, ids=[Path(file).stem for file, _ in SHOWN])
def test_what_is_shown_stands_in_the_file_and_can_be_loaded(file: str, text: str):
    value = parse_document(text).value
    (format_,) = [format_ for key, format_ in FORMATS.items() if key in value]

    assert (DOCS / file).read_text(encoding="utf-8") == text
    assert format_.model_validate(value)


def test_every_rule_of_every_case_is_shown():
    shown = {(DOCS / file).resolve() for file, _ in SHOWN}

    assert {file.resolve() for file in CASES.glob("*/rules/*.yaml")} <= shown


@pytest.mark.parametrize("model", [ReportLine, PlaceLine, PartyLine], ids=lambda model: model.__name__)
def test_every_field_of_a_line_is_explained(model: type):
    assert [name for name in model.model_fields if f"`{name}`" not in PAGE] == []


def test_every_role_is_named():
    roles = PartyLine.model_json_schema()["properties"]["role"]["enum"]

    assert [role for role in roles if f"`{role}`" not in PAGE] == []
