"""What a fact says: which texts are numbers, which fields are facts."""

from __future__ import annotations

import pytest

from safety_stream.core.model.facts import Fact, fact_in, number_of, value_of


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("15", 15), ("-3", -3), ("007", 7), ("9" * 15, 10**15 - 1), ("-" + "9" * 15, 1 - 10**15)],
)
def test_up_to_fifteen_digits_are_a_number(text: str, number: int):
    assert number_of(text) == number


@pytest.mark.parametrize("text", [None, "", "-", "+1", "1.5", "1_0", " 1", "1\n", "1e3", "9" * 16, "\u0661", "true"])
def test_anything_else_is_none(text: str | None):
    assert number_of(text) is None


def test_a_fact_is_found_by_its_name():
    facts = (Fact("colour", "red"), Fact("weight", "3"))
    assert [value_of(facts, name) for name in ("colour", "weight", "colours")] == ["red", "3", None]


def test_a_dotted_field_names_a_fact():
    assert [fact_in(field) for field in ("facts.colour", "colour", "facts")] == ["colour", None, None]
