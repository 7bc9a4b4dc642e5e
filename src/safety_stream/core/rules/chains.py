"""Rules that rest on the findings of other rules: on which, in what order they are looked at, and how deep that goes.

A step of a rule may mean findings instead of reports. Those the named rules make on the same key (`Selector.finding`)
are worked out with it: no clock and no stream lies between, so a chain says at one moment what all its links say. Those
they make elsewhere, on keys whose evidence names this one (`found_elsewhere`), come to it as sightings (`carrying.py`).
A chain may have links of both kinds, and in no way may it close.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from safety_stream.core.model.sightings import FINDING
from safety_stream.core.rules.rule import Rule, Selector, Test

DEEPEST = 3
"""How many rules may rest one on another (rules.md 2): deeper, nobody can say any more why an alert is there."""


def found_elsewhere(rule_ids: Iterable[str]) -> tuple[Test, Test]:
    """What a step tests that means findings of these rules on other keys."""
    return Test("kind", frozenset({FINDING})), Test("subtype", frozenset(rule_ids))


def elsewhere_in(selector: Selector) -> frozenset[str]:
    """The ids of the rules whose findings on other keys a step means; none for one that means something else."""
    tests = {test.field: test.values for test in selector.tests}
    return tests["subtype"] if FINDING in tests.get("kind", ()) else frozenset()


def rests_elsewhere_on(rule: Rule) -> frozenset[str]:
    """The ids of the rules whose findings on other keys this one's steps name."""
    return frozenset[str]().union(*(elsewhere_in(selector) for limb in rule.limbs for selector in limb.steps.values()))


def carried_to(rules: Iterable[Rule]) -> dict[str, frozenset[str]]:
    """Of each rule whose findings some live rule reads on other keys: of which kinds these are."""
    kinds: dict[str, frozenset[str]] = {}
    for limb in [limb for rule in rules if rule.status != "retired" for limb in rule.limbs]:
        for rule_id in frozenset[str]().union(*map(elsewhere_in, limb.steps.values())):
            kinds[rule_id] = kinds.get(rule_id, frozenset()).union(limb.keys)
    return kinds


def rests_on(rule: Rule) -> frozenset[str]:
    """The ids of the rules whose findings on the same key this one's steps name."""
    return frozenset().union(*(selector.finding for limb in rule.limbs for selector in limb.steps.values()))


def rests_anywhere_on(rule: Rule) -> frozenset[str]:
    """The ids of the rules whose findings, on the same key or on others, this one's steps name."""
    return rests_on(rule) | rests_elsewhere_on(rule)


def in_order(rules: Iterable[Rule]) -> list[Rule]:
    """The rules, each after those it rests on, else by id. Raises `ValueError` for a circle, naming the rules in it."""
    by_id = {rule.id: rule for rule in rules}
    return [
        by_id[rule_id]
        for rule_id in _sorted({one: rests_anywhere_on(rule) for one, rule in by_id.items()})
        if rule_id in by_id
    ]


def with_all_beneath(rule: Rule, rules: Iterable[Rule]) -> list[Rule]:
    """The rule and every rule it rests on, at any depth, the rule last; what `rules` lacks is left out."""
    by_id = {one.id: one for one in rules} | {rule.id: rule}
    needed: dict[str, Rule] = {}
    waiting = [rule.id]
    while waiting:
        one = waiting.pop()
        if one in by_id and one not in needed:
            needed[one] = by_id[one]
            waiting.extend(rests_anywhere_on(by_id[one]))
    return in_order(needed.values())


def circle_in(resting: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """The rules of a circle of rules that rest on one another, the first named again at the end; empty if none does."""
    try:
        _sorted(resting)
    except ValueError as error:
        circle: Sequence[str] = error.args[1]
        return tuple(circle)
    return ()


def depth_of(rule_id: str, resting: Mapping[str, Iterable[str]]) -> int:
    """How many rules rest one on another below and with this one: 1 when it rests on reports alone; without circles."""
    return 1 + max([depth_of(one, resting) for one in resting.get(rule_id, ())], default=0)


def _sorted(resting: Mapping[str, Iterable[str]]) -> list[str]:
    order = TopologicalSorter({rule: sorted(beneath) for rule, beneath in sorted(resting.items())})
    try:
        return list(order.static_order())
    except CycleError as error:
        # The error names each before what rests on it.
        circle = list(reversed(error.args[1]))
        message = f"rules rest on one another in a circle: {' on '.join(circle)}"
        raise ValueError(message, circle) from None
