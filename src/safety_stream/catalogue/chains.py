"""That rules may rest on one another as they do: on rules that are there, still find something, and not too deep."""

from __future__ import annotations

from collections.abc import Mapping

from safety_stream.catalogue.documents import Where
from safety_stream.catalogue.places import Place
from safety_stream.catalogue.rule_reading import ReadRule
from safety_stream.core.rules.chains import DEEPEST, circle_in, depth_of, rests_on
from safety_stream.core.rules.rule import Limb, Rule


def check_chains(rules: Mapping[str, ReadRule], named: frozenset[str]) -> None:
    """That every rule whose findings a step means is there and can be rested on; `named` are those with a file."""
    for read in rules.values():
        for limb in read.rule.limbs:
            for step, selector in limb.steps.items():
                where: Where = (*read.file.where(limb.name), "select", step, "finding")
                for other in sorted(selector.finding):
                    read.at.know(where, "rule", other, named)
                    if other in rules:
                        _check_rests_on(read.at, where, read.rule, limb, rules[other].rule)
    resting = {rule_id: rests_on(read.rule) & rules.keys() for rule_id, read in rules.items()}
    circle = circle_in(resting)
    if circle:
        at = rules[circle[0]].at
        at.error((), f"rules rest on one another in a circle: {' on '.join(circle)}", "let one of them go")
        return
    for rule_id, read in rules.items():
        at, depth = read.at, depth_of(rule_id, resting)
        if depth > DEEPEST:
            at.error((), f"{depth} rules rest one on another", f"{DEEPEST} at most: rest on one further below")


def _check_rests_on(at: Place, where: Where, rule: Rule, limb: Limb, other: Rule) -> None:
    if other.status == "retired":
        at.error(where, f"rule {other.id} is retired and finds nothing", "name the one that took its place")
    if other.status == "trial" and rule.status == "stable":
        at.error(where, f"rule {other.id} is on trial: only its owner may hear of it", "put this one on trial too")
    for kind in sorted(set(limb.keys) - {kind for one in other.limbs for kind in one.keys}):
        at.error(where, f"rule {other.id} finds nothing on key {kind}", "let both read the same kind of key")
