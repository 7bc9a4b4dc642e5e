"""Two selectors are said to be apart only where no report passes both."""

from __future__ import annotations

from itertools import product

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.rules.making import a_sighting, at

from safety_stream.core.model.facts import Fact
from safety_stream.core.rules.apart import are_apart
from safety_stream.core.rules.rule import FactTest, Selector
from safety_stream.core.rules.rule import Test as FieldTest
from safety_stream.core.rules.selectors import compiled

some = st.frozensets(st.sampled_from("xyz"), min_size=1)
tests_of_fields = st.lists(
    st.builds(FieldTest, st.sampled_from(("kind", "subtype", "theme", "flag")), some), max_size=3
)
numbers = st.one_of(st.none(), st.integers(0, 3))
tests_of_facts = st.lists(
    st.one_of(
        st.builds(FactTest, st.sampled_from(("colour", "weight")), some),
        st.builds(FactTest, st.just("weight"), st.none(), numbers, numbers),
    ),
    max_size=2,
)
selectors = st.builds(
    lambda tests, none_of, facts, none_of_facts: Selector(
        tests=tuple(tests), none_of=tuple(none_of), facts=tuple(facts), none_of_facts=tuple(none_of_facts)
    ),
    tests_of_fields,
    tests_of_fields,
    tests_of_facts,
    tests_of_facts,
)
several = st.lists(st.sampled_from("xyz"), unique=True, max_size=3).map(tuple)
a_fact = st.one_of(st.none(), st.sampled_from(("x", "y", "z", "0", "1", "2", "3")))
reports = st.builds(
    lambda kind, subtype, themes, flags, colour, weight: msgspec.structs.replace(
        a_sighting(at("2026-01-05T12:00"), kind=kind, subtype=subtype, themes=themes, flags=flags),
        facts=tuple(Fact(name, said) for name, said in (("colour", colour), ("weight", weight)) if said is not None),
    ),
    st.sampled_from("xyz"),
    st.sampled_from("xyz"),
    several,
    several,
    a_fact,
    a_fact,
)


@given(one=selectors, other=selectors, few=st.lists(reports, min_size=20, max_size=20))
def test_no_report_passes_two_that_are_apart(one: Selector, other: Selector, few: list):
    if are_apart(one, other):
        both = [compiled(one).passes, compiled(other).passes]
        assert not [report for report in few if all(passes(report) for passes in both)]
    assert are_apart(one, other) == are_apart(other, one)


def of(**fields: str) -> Selector:
    return Selector(tests=tuple(FieldTest(name, frozenset(values.split())) for name, values in fields.items()))


def unless(one: Selector, **fields: str) -> Selector:
    return msgspec.structs.replace(one, none_of=of(**fields).tests)


def fact(*tests: FactTest) -> Selector:
    return Selector(facts=tests)


CRIME = of(kind="crime")
HEAVY, LIGHT = fact(FactTest("weight", None, 5, None)), fact(FactTest("weight", None, None, 4))
RED, BLUE = (fact(FactTest("colour", frozenset({name}))) for name in ("red", "blue"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (CRIME, of(kind="fire")),
        (of(kind="crime", family="violence"), of(kind="crime", family="theft")),
        (of(kind="crime fire"), of(kind="call visit")),
        (CRIME, unless(Selector(), kind="crime fire")),
        (of(flag="cyber"), unless(CRIME, flag="cyber knife")),
        (HEAVY, LIGHT),
        (RED, BLUE),
        (RED, Selector(none_of_facts=RED.facts)),
    ],
)
def test_what_is_apart(one: Selector, other: Selector):
    assert are_apart(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (CRIME, CRIME),
        (CRIME, of(kind="crime", family="violence")),
        (of(kind="crime", family="violence"), of(kind="crime", flag="cyber")),
        (of(theme="asb"), of(theme="hate")),
        (of(flag="cyber knife"), unless(CRIME, flag="cyber")),
        (Selector(), CRIME),
        (HEAVY, RED),
        (HEAVY, fact(FactTest("weight", None, None, 5))),
    ],
)
def test_what_may_have_a_report_in_common(one: Selector, other: Selector):
    assert not are_apart(one, other)


def test_the_shipped_kinds_are_apart_by_pairs():
    kinds = [of(kind=name) for name in ("police-crime", "fire", "collision")]
    assert [are_apart(one, other) for one, other in product(kinds, kinds)].count(True) == 6
