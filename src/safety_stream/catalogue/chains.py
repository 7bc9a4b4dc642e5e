"""That rules may rest on one another as they do: on rules that are there, still find something, and not too deep."""

from __future__ import annotations

from collections.abc import Mapping

from safety_stream.catalogue.conditions import counted_steps
from safety_stream.catalogue.documents import Where
from safety_stream.catalogue.formats.rules import BareRuleFile, LimbEntry
from safety_stream.catalogue.places import Place
from safety_stream.catalogue.rule_reading import PERSONAL, ReadRule
from safety_stream.core.rules.chains import (
    DEEPEST,
    circle_in,
    depth_of,
    elsewhere_in,
    rests_anywhere_on,
    rests_elsewhere_on,
    with_all_beneath,
)
from safety_stream.core.rules.condition import Clocked
from safety_stream.core.rules.registry import condition_type
from safety_stream.core.rules.rule import Limb, Rule, Selector


def check_chains(rules: Mapping[str, ReadRule], named: frozenset[str]) -> None:
    """That every rule whose findings a step means is there and can be rested on; `named` are those with a file."""
    for read in rules.values():
        for limb in read.rule.limbs:
            for step, selector in limb.steps.items():
                _check_step(read, limb, step, selector, rules, named)
    resting = {rule_id: rests_anywhere_on(read.rule) & rules.keys() for rule_id, read in rules.items()}
    circle = circle_in(resting)
    if circle:
        at = rules[circle[0]].at
        at.error((), f"rules rest on one another in a circle: {' on '.join(circle)}", "let one of them go")
        return
    by_id = {rule_id: read.rule for rule_id, read in rules.items()}
    for rule_id, read in rules.items():
        at, depth = read.at, depth_of(rule_id, resting)
        if depth > DEEPEST:
            at.error((), f"{depth} rules rest one on another", f"{DEEPEST} at most: rest on one further below")
        for limb in read.rule.limbs:
            if isinstance(condition_type(limb.condition), Clocked) and _hears_of_elsewhere(limb, by_id):
                # Word of the feeds may overtake it, and the deadline pass before it is there.
                what = f"limb {limb.name} waits for a time to pass, and what is found elsewhere may come after it"
                at.error((*read.file.where(limb.name), "condition"), what, "ask for something that needs no waiting")


def _check_step(
    read: ReadRule,
    limb: Limb,
    step: str,
    selector: Selector,
    rules: Mapping[str, ReadRule],
    named: frozenset[str],
) -> None:
    at, rule = read.at, read.rule
    where: Where = (*read.file.where(limb.name), "select", step)
    for other in sorted(selector.finding):
        at.know((*where, "finding"), "rule", other, named)
        if other in rules:
            _check_rests_on(at, (*where, "finding"), rule, limb, rules[other].rule)
            _check_possible(read, (*where, "finding"), limb.name, step, rules[other].file)
    for other in sorted(elsewhere_in(selector)):
        at.know((*where, "finding_elsewhere"), "rule", other, named)
        if other in rules:
            _check_is_carried(at, (*where, "finding_elsewhere"), rule, rules[other].rule)


def _hears_of_elsewhere(limb: Limb, rules: Mapping[str, Rule]) -> bool:
    """Whether a limb reads what is found on other keys, itself or by a rule it rests on."""
    if any(elsewhere_in(selector) for selector in limb.steps.values()):
        return True
    beneath = frozenset[str]().union(*(selector.finding for selector in limb.steps.values())) & rules.keys()
    return any(
        rests_elsewhere_on(one) for rule_id in beneath for one in with_all_beneath(rules[rule_id], rules.values())
    )


def _check_is_carried(at: Place, where: Where, rule: Rule, other: Rule) -> None:
    _check_is_heard(at, where, rule, other)
    if all(limb.keys == ("area",) for limb in other.limbs):
        at.error(where, f"rule {other.id} counts in areas and names nobody", "name one that rests on reports")
    if any("linked" in limb.keys for limb in other.limbs):
        # A group is called after a report: what is found of it and what is found of its place would be two subjects.
        at.error(where, f"rule {other.id} finds groups of reports, which are about nobody", "name another rule")


def _reads_elsewhere(entry: LimbEntry) -> bool:
    return any(step.finding is not None or step.finding_elsewhere is not None for step in entry.select.values())


def _check_possible(read: ReadRule, where: Where, limb: str, step: str, other: BareRuleFile) -> None:
    """A finding that rests on a possible match is one: a rule that counts none must not see it, nor be closed by it."""
    own = read.file.each_limb()[limb]
    is_of_things = not PERSONAL.intersection(own.key)
    if other.possible_matches == "ignored" or (
        is_of_things and not any(map(_reads_elsewhere, other.each_limb().values()))
    ):
        return
    what = f"rule {other.id} counts possible matches of persons"
    if read.file.possible_matches == "ignored":
        read.at.error(where, what, "let this one count them too: possible_matches: counted")
    elif step not in counted_steps(own):
        read.at.error(where, f"{what}, which must close or rule out nothing", "close by a step on reports")


def _check_rests_on(at: Place, where: Where, rule: Rule, limb: Limb, other: Rule) -> None:
    _check_is_heard(at, where, rule, other)
    for kind in sorted(set(limb.keys) - {kind for one in other.limbs for kind in one.keys}):
        at.error(where, f"rule {other.id} finds nothing on key {kind}", "let both read the same kind of key")


def _check_is_heard(at: Place, where: Where, rule: Rule, other: Rule) -> None:
    if other.status == "retired":
        at.error(where, f"rule {other.id} is retired and finds nothing", "name the one that took its place")
    if other.status == "trial" and rule.status == "stable":
        at.error(where, f"rule {other.id} is on trial: only its owner may hear of it", "put this one on trial too")
