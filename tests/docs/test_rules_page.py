"""What the page on conditions shows is what a rule file may say, and it shows every type."""

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from pydantic import TypeAdapter

from safety_stream.catalogue.documents import parse_document
from safety_stream.catalogue.formats import ConditionEntry
from safety_stream.core.rules.rule import Condition

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
SECTIONS = re.findall(r"^## `(\w+)`\n(.*?)(?=^## |\Z)", PAGE, flags=re.DOTALL | re.MULTILINE)
ENTRIES = {get_args(entry.model_fields["type"].annotation)[0]: entry for entry in get_args(get_args(ConditionEntry)[0])}


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
    assert [key for key in ENTRIES[name].model_fields if f"{key}: " not in section and f"`{key}`" not in section] == []
