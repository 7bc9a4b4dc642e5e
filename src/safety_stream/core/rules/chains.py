"""Rules that rest on the findings of other rules: on which, in what order they are looked at, and how deep that goes.

A step of a rule may mean findings instead of reports (`Selector.finding`). They are those the named rules make on the
same key; no clock and no stream lies between, so a chain says at one moment what all its links say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from safety_stream.core.rules.rule import Rule

DEEPEST = 3
"""How many rules may rest one on another (rules.md 2): deeper, nobody can say any more why an alert is there."""


def rests_on(rule: Rule) -> frozenset[str]:
    """The ids of the rules whose findings this one's steps name."""
    return frozenset().union(*(selector.finding for limb in rule.limbs for selector in limb.steps.values()))


def in_order(rules: Iterable[Rule]) -> list[Rule]:
    """The rules, each after those it rests on, else by id. Raises `ValueError` for a circle, naming the rules in it."""
    by_id = {rule.id: rule for rule in rules}
    return [
        by_id[rule_id] for rule_id in _sorted({one: rests_on(rule) for one, rule in by_id.items()}) if rule_id in by_id
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
            waiting.extend(rests_on(by_id[one]))
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
