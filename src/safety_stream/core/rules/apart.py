"""Whether two selectors can mean one and the same report, by what they test alone.

Counts of which one holds a part of another tell that part by subtraction, so whoever is shown both with small ones
hidden must be shown counts that have no report in common. That two selectors are apart is proven here or not said: of
categories and families, or of kinds and the feeds that send them, nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from safety_stream.core.rules.rule import FactTest, Field, Selector, Test

_OF_MANY: Final[frozenset[Field]] = frozenset({"theme", "flag", "role"})
"""Fields of which a report may have several values: having one is not lacking another."""


def are_apart(one: Selector, other: Selector) -> bool:
    """Whether no report passes both."""
    required, refused = (*one.tests, *other.tests), (*one.none_of, *other.none_of)
    facts, no_facts = (*one.facts, *other.facts), (*one.none_of_facts, *other.none_of_facts)
    fields = {test.field for test in required}
    return any(_is_impossible(field, required, refused) for field in fields) or any(
        _is_impossible_fact([test for test in facts if test.name == name], [no for no in no_facts if no.name == name])
        for name in {test.name for test in facts}
    )


def _is_impossible(field: Field, required: Iterable[Test], refused: Iterable[Test]) -> bool:
    wanted = [test.values for test in required if test.field == field]
    unwanted = frozenset[str]().union(*(test.values for test in refused if test.field == field))
    alternatives = wanted if field in _OF_MANY else [frozenset.intersection(*wanted)]
    return any(values <= unwanted for values in alternatives)


def _is_impossible_fact(required: Iterable[FactTest], refused: Iterable[FactTest]) -> bool:
    required = list(required)
    named = [test.values for test in required if test.values is not None]
    unwanted = frozenset[str]().union(*(test.values for test in refused if test.values is not None))
    least = [test.at_least for test in required if test.at_least is not None]
    most = [test.at_most for test in required if test.at_most is not None]
    is_unnamed = bool(named) and frozenset.intersection(*named) <= unwanted
    return is_unnamed or (bool(least) and bool(most) and max(least) > min(most))
