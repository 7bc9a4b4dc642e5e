"""Which reports a step means: tests on the fields a rule may read, and on nothing else.

A selector is compiled once into plain functions. Beside "does it match" there are two more questions. *Does it concern
the selector at all*: would it match if where it came from and when it was reported were let off? A change that concerns
no step of a limb cannot alter its findings. And *was it nearly counted*: it matches but for one of those two, and the
finding should say so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Generic, Literal, TypeVar

import msgspec

from safety_stream.core.model.facts import number_of, value_of
from safety_stream.core.model.incidents import IncidentVersion
from safety_stream.core.model.sightings import FINDING, Sighting
from safety_stream.core.model.times import Duration, Instant, after
from safety_stream.core.rules.rule import FactTest, Field, Selector, Test
from safety_stream.core.rules.windows import shortest

T = TypeVar("T")

Readable = Sighting | IncidentVersion
"""What a selector can be held against: a key's share of a report, or the whole report."""

Predicate = Callable[[Readable], bool]

Trait = Callable[[Readable], object]
"""What of a report decides something, hashable."""

Reason = Literal["reported-late", "discovered"]
"""Why a report that was looked at was not counted; a closed list."""

_CHILD_ROLES = frozenset({"victim", "subject", "missing"})


class Selection(msgspec.Struct, frozen=True, gc=False):
    """A compiled selector. `passes`: it matches; `concerns`: it would, but for its origin or lateness at most."""

    passes: Predicate
    concerns: Predicate
    but_for_lateness: Predicate | None
    but_for_origin: Predicate | None

    def near_miss(self, report: Readable) -> Reason | None:
        """Why a report that matches but for one thing was not counted; None when it matches, or misses by more."""
        if self.passes(report):
            return None
        if self.but_for_lateness is not None and self.but_for_lateness(report):
            return "reported-late"
        if self.but_for_origin is not None and report.origin == "discovered" and self.but_for_origin(report):
            return "discovered"
        return None


_NO_FINDING = Test("kind", frozenset({FINDING}))


def compiled(selector: Selector) -> Selection:
    """The selector as functions. What does not ask for the kind `finding` means reports alone."""
    if all(test.field != "kind" for test in selector.tests):
        selector = msgspec.structs.replace(selector, none_of=(*selector.none_of, _NO_FINDING))
    without_origin = msgspec.structs.replace(
        selector, tests=_but_origin(selector.tests), none_of=_but_origin(selector.none_of)
    )
    on_time = selector.reported_within is None
    return Selection(
        passes=_predicate(selector),
        concerns=_predicate(_at_any_time(without_origin)),
        but_for_lateness=None if on_time else _predicate(_at_any_time(selector)),
        but_for_origin=None if without_origin == selector else _predicate(without_origin),
    )


class Remembered(Generic[T]):
    """What follows for a report from the fields some selectors test, worked out once per combination of their values.

    The reports of years share a few hundred combinations. Of facts it is not the values that are told apart but which
    tests they pass, for a number has more values than could be remembered; of parties not who they are, but in which
    roles. What follows must not depend on anything else of the report, such as its times.
    """

    def __init__(
        self, selectors: Iterable[Selector], of: type[Sighting | IncidentVersion], follow: Callable[[Readable], T]
    ) -> None:
        """Remember what `follow` makes of reports of one type."""
        chosen = list(selectors)
        tests = [test for selector in chosen for test in (*selector.tests, *selector.none_of)]
        fields = {test.field for test in tests}
        said = [_SAID[of][field] for field in sorted(fields & _SAID[of].keys())]
        attributes = {_ATTRIBUTES[of].get(field, field) for field in fields - _SAID[of].keys()}
        facts = dict.fromkeys(test for selector in chosen for test in (*selector.facts, *selector.none_of_facts))
        said += [_facts_said([_fact_predicate(test) for test in facts])] if facts else []
        self._traits = _traits_of(attrgetter(*sorted(attributes | {"kind"})), said)
        self._follow = follow
        self._known: dict[object, T] = {}

    def of(self, report: Readable) -> T:
        """What follows for this report."""
        traits = self._traits(report)
        known = self._known.get(traits)
        if known is None:
            if len(self._known) >= _COMBINATIONS:
                self._known.clear()
            known = self._known[traits] = self._follow(report)
        return known


def _traits_of(attributes: Trait, said: Sequence[Trait]) -> Trait:
    return (lambda report: (attributes(report), *[one(report) for one in said])) if said else attributes


def _facts_said(tests: Sequence[Predicate]) -> Trait:
    # Most reports say no more than their envelope.
    return lambda report: tuple([passes(report) for passes in tests]) if report.facts else ()


_COMBINATIONS = 4_096
"""How many are remembered: a partner who invents flags must not fill the memory."""


def _predicate(selector: Selector) -> Predicate:
    required = [_TESTS[test.field](test.values) for test in selector.tests]
    required += [_fact_predicate(test) for test in selector.facts]
    refused = [_TESTS[test.field](test.values) for test in selector.none_of]
    refused += [_fact_predicate(test) for test in selector.none_of_facts]
    in_time = selector.reported_within
    if len(required) == 1 and not refused and in_time is None:
        return required[0]

    def passes(report: Readable) -> bool:
        for test in required:
            if not test(report):
                return False
        for test in refused:
            if test(report):
                return False
        return in_time is None or _is_in_time(report, in_time)

    return passes


def _fact_predicate(test: FactTest) -> Predicate:
    name, values, at_least, at_most = test.name, test.values, test.at_least, test.at_most
    if values is not None:
        return lambda report: value_of(report.facts, name) in values

    def passes(report: Readable) -> bool:
        number = number_of(value_of(report.facts, name))
        if number is None:
            return False
        return (at_least is None or number >= at_least) and (at_most is None or number <= at_most)

    return passes


def _at_any_time(selector: Selector) -> Selector:
    return msgspec.structs.replace(selector, reported_within=None)


def _but_origin(tests: tuple[Test, ...]) -> tuple[Test, ...]:
    return tuple(test for test in tests if test.field != "origin")


def _is_in_time(report: Readable, length: Duration) -> bool:
    lag: Instant = report.reported_at - report.occurred_from
    # Most reports come soon: the calendar is asked only about those near the edge.
    return lag <= shortest(length) or report.reported_at <= after(report.occurred_from, length)


def _roles(report: Readable) -> tuple[str, ...]:
    return report.roles if isinstance(report, Sighting) else tuple(party.role for party in report.parties)


def _child(report: Readable) -> bool:
    if isinstance(report, Sighting):
        return report.child
    return any(party.child and party.role in _CHILD_ROLES for party in report.parties)


def _is_possible(report: Readable) -> bool:
    # A whole report is nobody's in particular.
    return isinstance(report, Sighting) and report.possible


_ATTRIBUTES: Mapping[type, Mapping[Field, str]] = {
    Sighting: {"theme": "themes", "flag": "flags", "role": "roles", "match": "possible"},
    IncidentVersion: {"theme": "themes", "flag": "flags", "match": "kind"},
}
"""Where a tested field is found, when it is called otherwise."""

_SAID: Mapping[type, Mapping[Field, Trait]] = {
    Sighting: {},
    IncidentVersion: {"role": lambda report: frozenset(_roles(report)), "child": _child},
}
"""What is said of a tested field that is found in no one place."""

_TESTS: Mapping[Field, Callable[[frozenset[str]], Predicate]] = {
    "kind": lambda values: lambda report: report.kind in values,
    "subtype": lambda values: lambda report: report.subtype in values,
    "category": lambda values: lambda report: report.category in values,
    "family": lambda values: lambda report: report.family in values,
    "theme": lambda values: lambda report: not values.isdisjoint(report.themes),
    "flag": lambda values: lambda report: not values.isdisjoint(report.flags),
    "origin": lambda values: lambda report: report.origin in values,
    "grade": lambda values: lambda report: report.grade in values,
    "role": lambda values: lambda report: not values.isdisjoint(_roles(report)),
    "organisation": lambda values: lambda report: report.organisation in values,
    "source": lambda values: lambda report: report.source in values,
    "child": lambda values: lambda report: ("true" if _child(report) else "false") in values,
    "match": lambda values: lambda report: ("possible" if _is_possible(report) else "certain") in values,
}
