"""What the page on conditions shows is what a rule file may say, and it shows every type."""

import re
import shutil
from datetime import date
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from pydantic import TypeAdapter, ValidationError

from safety_stream.catalogue import lint_catalogue, load_catalogue, rule_schema, run_examples
from safety_stream.catalogue.documents import parse_document
from safety_stream.catalogue.formats.conditions import ConditionEntry
from safety_stream.catalogue.formats.rules import RuleFile, WithoutEntry
from safety_stream.core.model.findings import Family
from safety_stream.core.model.markings import Marking
from safety_stream.core.model.sightings import KeyKind
from safety_stream.core.model.times import to_day
from safety_stream.core.rules.rule import Condition
from safety_stream.data_files import catalogue_folder

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
SECTIONS = re.findall(r"^## `(\w+)`\n(.*?)(?=^## |\Z)", PAGE, flags=re.DOTALL | re.MULTILINE)
OF_ALL = ("calendar",)
"""Keys of every type with a window, spoken of under what holds for all."""
ENTRIES = {get_args(entry.model_fields["type"].annotation)[0]: entry for entry in get_args(get_args(ConditionEntry)[0])}


def test_the_whole_rule_is_in_order_and_its_examples_hold(tmp_path: Path):
    (text,) = re.findall(r"^```yaml\n(id: .*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)
    folder = tmp_path / "my-catalogue"
    shutil.copytree(catalogue_folder(), folder)
    (folder / "rules" / "noise-at-one-address.yaml").write_text(text, encoding="utf-8")

    assert lint_catalogue(folder, None, to_day(date(2026, 1, 1))) == []
    results = run_examples(folder, ["noise-at-one-address"])
    assert len(results) >= 5
    assert all(result.passed for result in results)


def keys_in(schema: object) -> set[str]:
    """Every key the format of a rule's file has, at any depth."""
    if isinstance(schema, list):
        return set[str]().union(*map(keys_in, schema))
    if not isinstance(schema, dict):
        return set()
    return set(schema.get("properties", ())).union(*map(keys_in, schema.values()))


def test_every_key_of_the_format_is_spoken_of():
    said = " ".join(
        [*re.findall(r"`[^`\n]+`", PAGE), *re.findall(r"^```.*?^```", PAGE, flags=re.DOTALL | re.MULTILINE)]
    )

    assert {key for key in keys_in(rule_schema()) if re.search(rf"(?<![\w-]){key}(?![\w-])", said) is None} == set()


def rows_of_fields() -> dict[str, str]:
    """By field of a rule, what may stand there."""
    table = PAGE.partition("## The fields of a rule")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `(\w+)` \| [^|]*\| ([^|]*) \|$", table, flags=re.MULTILINE))


def test_every_field_of_a_rule_has_its_row():
    assert rows_of_fields().keys() == RuleFile.model_fields.keys()


@pytest.mark.parametrize(
    ("field", "names"),
    [
        ("family", get_args(Family)),
        ("status", get_args(RuleFile.model_fields["status"].annotation)),
        ("marking", get_args(Marking)),
        ("possible_matches", get_args(RuleFile.model_fields["possible_matches"].annotation)),
    ],
)
def test_a_field_with_a_closed_list_has_all_of_it_in_its_row(field: str, names: tuple[str, ...]):
    assert re.findall(r"`([^`]+)`", rows_of_fields()[field]) == list(names)


def test_every_kind_of_key_has_its_row():
    table = PAGE.partition("## Kinds of key")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([\w-]+)` \| [^|]+ \| [^|]+ \|$", table, flags=re.MULTILINE)

    assert sorted(rows) == sorted(get_args(KeyKind))
    assert "(#kinds-of-key)" in rows_of_fields()["key"]


def test_audiences_purposes_and_bases_are_those_there_are():
    catalogue = load_catalogue(catalogue_folder())
    lawful = rows_of_fields()["lawful"]
    purposes, _, bases = lawful.partition("`bases`")
    agreed = catalogue.sharing.agreements

    audiences = [one.id for one in catalogue.audiences if one.hears != "escalated"]
    assert re.findall(r"`([^`]+)`", rows_of_fields()["audience"]) == audiences
    assert set(re.findall(r"`([^`]+)`", purposes)) == {"purposes", *(name for one in agreed for name in one.purposes)}
    assert set(re.findall(r"`([^`]+)`", bases)) == {name for one in agreed for name in one.bases}


def test_every_default_safeguard_has_its_row():
    rows = re.findall(r"^\| `(\w+)` \|", PAGE.partition("## Safeguards")[2].partition("\n## ")[0], flags=re.MULTILINE)

    assert rows == list(WithoutEntry.model_fields)


@pytest.mark.parametrize(
    "left_out",
    [
        "{type: distinct, of: harm, field: area, at_least: 2, within: 7 days, at_most: 4}",
        "{type: sum, of: harm, field: facts.weight, at_least: 2, within: 7 days, at_most: 4}",
        "{type: count, of: harm, at_least: 2, within: 7 days, time: reported_at}",
        "{type: absent, after: harm, unless: visit, within: 7 days, feeds: [police-crimes], until: visit}",
        "{type: signal, reaches: red, until: visit}",
    ],
)
def test_what_the_language_leaves_out_is_refused(left_out: str):
    with pytest.raises(ValidationError):
        TypeAdapter(ConditionEntry).validate_python(parse_document(left_out).value)


def test_every_type_of_condition_has_its_section():
    types = {msgspec.inspect.type_info(condition).tag for condition in get_args(Condition)}

    assert types == {name for name, _ in SECTIONS}


@pytest.mark.parametrize(("name", "section"), SECTIONS, ids=[name for name, _ in SECTIONS])
def test_every_example_of_a_section_is_a_condition_of_its_type(name: str, section: str):
    examples = re.findall(r"^\{.*\}$", section, flags=re.MULTILINE)

    read = [TypeAdapter(ConditionEntry).validate_python(parse_document(example).value) for example in examples]

    assert read
    assert {name} == {entry.type for entry in read}


@pytest.mark.parametrize(("name", "section"), SECTIONS, ids=[name for name, _ in SECTIONS])
def test_every_key_of_a_type_is_spoken_of_in_its_section(name: str, section: str):
    keys = [key for key in ENTRIES[name].model_fields if key not in OF_ALL]

    assert [key for key in keys if f"{key}: " not in section and f"`{key}`" not in section] == []
