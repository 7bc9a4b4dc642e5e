"""From one set of rules to another: what may find something else under the new, and why.

A finding is a function of a timeline and of what is `Applied` to it. When that changes, only rules that are not the
same in both sets, and those resting on them, can say anything else; so only keys of the kinds they read need be looked
at. A rule whose findings begin or cease to be carried to other keys (`carrying.py`) finds what it found, and has to say
it elsewhere, or to take it back there: it is looked at as if it were another.

Each difference is said with its cause, in words an officer can read on the alert.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from safety_stream.core.catalogue import Area, Bounds, Catalogue
from safety_stream.core.rules.chains import carried_to, in_order, rests_elsewhere_on, rests_on
from safety_stream.core.rules.engine import HUB_RULE
from safety_stream.core.rules.rule import Absent, Limb, Rule


class Counted(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Of each rule whose findings are counted the indicators, and the areas they are counted in."""

    indicators: Mapping[str, tuple[str, ...]]
    areas: Mapping[str, Area]


NOTHING_COUNTED = Counted({}, {})


class Applied(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """All that decides what a timeline means: the rules, the bounds, and how late each feed usually is.

    And what is counted of what is found there.
    """

    rules: tuple[Rule, ...]
    bounds: Bounds
    latencies: Mapping[str, int]
    counted: Counted = NOTHING_COUNTED


class Differing(msgspec.Struct, frozen=True, gc=False):
    """The rules that may find something else, each with the cause; `kinds` of key they read, None: any at all."""

    causes: Mapping[str, str]
    kinds: frozenset[str] | None


def applied(catalogue: Catalogue) -> Applied:
    """What this catalogue applies to timelines."""
    return Applied(
        catalogue.rules,
        catalogue.bounds,
        {source.id: source.usual_latency for source in catalogue.sources.values()},
        _counted(catalogue),
    )


def _counted(catalogue: Catalogue) -> Counted:
    by_rule: dict[str, list[str]] = {}
    for indicator in catalogue.indicators:
        if indicator.rule is not None:
            by_rule.setdefault(indicator.rule, []).append(indicator.id)
    indicators = {rule: tuple(sorted(names)) for rule, names in sorted(by_rule.items())}
    # Where nothing is counted, areas decide nothing.
    return Counted(indicators, catalogue.areas.by_code) if indicators else NOTHING_COUNTED


def what_differs(old: Applied, new: Applied) -> Differing:
    """Which rules may find something else under `new` than under `old`, and why."""
    sides = (_live(old), _live(new))
    causes = {
        rule_id: cause_of(sides[0].get(rule_id), sides[1].get(rule_id))
        for rule_id in sorted(sides[0].keys() | sides[1].keys())
        if sides[0].get(rule_id) != sides[1].get(rule_id)
    }
    late = sorted(
        source
        for source in old.latencies.keys() | new.latencies.keys()
        if old.latencies.get(source) != new.latencies.get(source)
    )
    for side in sides:
        for rule in in_order(side.values()):
            waited_for = [source for source in late for limb in rule.limbs if _waits_for(limb, source)]
            if waited_for:
                causes.setdefault(rule.id, f"the usual latency of {waited_for[0]} changed")
            beneath = sorted(rests_on(rule) & causes.keys())
            if beneath:
                causes.setdefault(rule.id, causes[beneath[0]])
    for rule_id in sorted(old.counted.indicators.keys() | new.counted.indicators.keys()):
        if _how_counted(old, rule_id) != _how_counted(new, rule_id) and any(rule_id in side for side in sides):
            causes.setdefault(rule_id, f"rule {rule_id} is counted otherwise")
    for rule_id, cause in list(_carried_otherwise(old, new, causes)):
        causes.setdefault(rule_id, cause)
    if (old.bounds.hub, old.bounds.kept) != (new.bounds.hub, new.bounds.kept):
        # The bound of a cell, and of an LSOA, is how many are kept.
        bound = f"the bound of a hub became {new.bounds.hub}, of a cell or LSOA {new.bounds.kept}"
        everyone = dict.fromkeys((*sides[0], *sides[1], HUB_RULE.id), bound)
        return Differing(everyone | causes, None)
    kinds = {
        kind
        for side in sides
        for rule_id in causes.keys() & side.keys()
        for limb in side[rule_id].limbs
        for kind in limb.keys
    }
    return Differing(causes, frozenset(kinds - {"area"}))


def _carried_otherwise(old: Applied, new: Applied, causes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The rules whose findings are carried elsewhere than they were, with the cause of what a reader of them became."""
    was, becomes = carried_to(old.rules), carried_to(new.rules)
    readers = [rule for rule in (*old.rules, *new.rules) if rule.id in causes]
    for rule_id in sorted(was.keys() | becomes.keys()):
        if was.get(rule_id) != becomes.get(rule_id):
            yield rule_id, causes[min(rule.id for rule in readers if rule_id in rests_elsewhere_on(rule))]


def cause_of(old: Rule | None, new: Rule | None) -> str:
    """Why a rule's findings differ, in words; None stands for a rule that is not there, or retired."""
    one = new or old
    versions = [None if rule is None else rule.version for rule in (old, new)]
    return "no rule" if one is None else cause_by_version(one.id, *versions)


def cause_by_version(rule_id: str, old: int | None, new: int | None) -> str:
    """The same of a rule that is no more than its versions, one of which at least is there."""
    if new is None:
        return f"rule {rule_id} is retired"
    if old is None:
        return f"rule {rule_id} is new"
    if old == new:
        return f"rule {rule_id} changed within version {new}"
    return f"rule {rule_id} became version {new}"


def _how_counted(one: Applied, rule_id: str) -> tuple[tuple[str, ...], Mapping[str, Area]] | None:
    indicators = one.counted.indicators.get(rule_id)
    return None if indicators is None else (indicators, one.counted.areas)


def _live(one: Applied) -> dict[str, Rule]:
    return {rule.id: rule for rule in one.rules if rule.status != "retired"}


def _waits_for(limb: Limb, source: str) -> bool:
    return isinstance(limb.condition, Absent) and source in limb.condition.feeds
