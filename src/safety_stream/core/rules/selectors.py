"""Which reports a step means: tests on the fields a rule may read, and on nothing else.

A selector is compiled once into plain functions; `matches` is the same test for those who ask but now and then.
Beside "does it match" there are two more questions. *Does it concern the selector at all*: would it match if where it
came from and when it was reported were let off? A change that concerns no step of a limb cannot alter its findings.
And *was it nearly counted*: it matches but for one of those two, and the finding should say so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from safety_stream.core.model.incidents import IncidentVersion
from safety_stream.core.model.sightings import Sighting
from safety_stream.core.model.times import Duration, Instant, after
from safety_stream.core.rules.rule import Field, Selector, Test
from safety_stream.core.rules.windows import shortest

Readable = Sighting | IncidentVersion
"""What a selector can be held against: a key's share of a report, or the whole report."""

Predicate = Callable[[Readable], bool]

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


def compiled(selector: Selector) -> Selection:
    """The selector as functions."""
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


def matches(selector: Selector, report: Readable) -> bool:
    """Whether a report passes all tests, none of the excluded ones, and was reported in time."""
    for test in selector.tests:
        if not _PASSES[test.field](report, test.values):
            return False
    for test in selector.none_of:
        if _PASSES[test.field](report, test.values):
            return False
    return selector.reported_within is None or _is_in_time(report, selector.reported_within)


def may_be_kind(selector: Selector, kind: str) -> bool:
    """Whether a report of this kind can match at all, for those who sort selectors by kind beforehand."""
    return all(kind in test.values for test in selector.tests if test.field == "kind")


def _predicate(selector: Selector) -> Predicate:
    required = [(_PASSES[test.field], test.values) for test in selector.tests]
    refused = [(_PASSES[test.field], test.values) for test in selector.none_of]
    in_time = selector.reported_within

    def passes(report: Readable) -> bool:
        for test, values in required:
            if not test(report, values):
                return False
        for test, values in refused:
            if test(report, values):
                return False
        return in_time is None or _is_in_time(report, in_time)

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


_PASSES: Mapping[Field, Callable[[Readable, frozenset[str]], bool]] = {
    "kind": lambda report, values: report.kind in values,
    "subtype": lambda report, values: report.subtype in values,
    "category": lambda report, values: report.category in values,
    "family": lambda report, values: report.family in values,
    "theme": lambda report, values: not values.isdisjoint(report.themes),
    "flag": lambda report, values: not values.isdisjoint(report.flags),
    "origin": lambda report, values: report.origin in values,
    "grade": lambda report, values: report.grade in values,
    "role": lambda report, values: not values.isdisjoint(_roles(report)),
    "organisation": lambda report, values: report.organisation in values,
    "source": lambda report, values: report.source in values,
    "child": lambda report, values: ("true" if _child(report) else "false") in values,
}
