"""The examples of a rule hold what it says: whatever is left out of it, or is a step further, fails one of them.

Left out are, one at a time, what must be alike, what is ignored, how soon it must be told, what a step excludes, that
something quietens, what makes a finding more urgent, and where a rule says otherwise. A step further is a second, or
one report fewer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest
from msgspec.structs import replace

from safety_stream.catalogue.examples import run_example
from safety_stream.catalogue.loading import load_with_files
from safety_stream.core.model.times import Duration
from safety_stream.core.rules.rule import Calendar, FactTest, Limb, Override, PriorityRule, Rule, Selector
from safety_stream.core.rules.windows import longest
from safety_stream.data_files import catalogue_folder

LOADED, FILES = load_with_files(catalogue_folder())
A_SECOND = 1_000

_IN_WORDS = "the step decides nothing, it is counted for what the alert says besides, and no example states those words"
UNSEEN: Final = {
    "rv-graded, main: abuse with kind marac-referral": _IN_WORDS,
    "rv-marac-vhr, main: abuse with kind marac-referral": _IN_WORDS,
    "district-count, main: one fewer": "of every area an override says another number, or that there is none",
    "soc-drug-cluster, main: sign with source police-uk": "the reports of an example are of no feed",
}
"""What no example can show, and why not. What one comes to show must go from here."""


def broken() -> Iterator[tuple[str, Rule]]:
    """Each rule in use with one thing of it changed, and what that is."""
    for rule in LOADED.rules:
        if rule.status == "retired":
            continue
        for limb in rule.limbs:
            for what, changed in broken_limbs(limb):
                limbs = tuple(changed if one is limb else one for one in rule.limbs)
                yield f"{rule.id}, {limb.name}: {what}", replace(rule, limbs=limbs)
        for what, priority in broken_priorities(rule.priority):
            yield f"{rule.id}: {what}", replace(rule, priority=priority)
        for what, overrides in broken_overrides(rule.overrides):
            yield f"{rule.id}: {what}", replace(rule, overrides=overrides)


def broken_limbs(limb: Limb) -> Iterator[tuple[str, Limb]]:
    condition = limb.condition
    if getattr(condition, "same", ()):
        # What they are alike in is not known any more, and cannot be told.
        yield "nothing alike", replace(limb, condition=replace(condition, same=()), explain="")
    for value in getattr(condition, "ignore", ()):
        ignored = tuple(one for one in condition.ignore if one != value)
        yield f"{value} not ignored", replace(limb, condition=replace(condition, ignore=ignored))
    if isinstance(condition, Calendar):
        yield "one fewer", replace(limb, condition=replace(condition, at_least=condition.at_least - 1))
    for name, step in limb.steps.items():
        for what, changed in broken_steps(step):
            yield f"{name} {what}", replace(limb, steps={**limb.steps, name: changed})
    for name, besides in limb.besides.items():
        if besides.quietens:
            longer = replace(besides, within=a_second_longer(besides.within))
            yield f"{name} quietens a second longer", replace(limb, besides={**limb.besides, name: longer})
            loud = replace(besides, quietens=False)
            yield f"{name} quietens nothing", replace(limb, besides={**limb.besides, name: loud})


def broken_steps(step: Selector) -> Iterator[tuple[str, Selector]]:
    if step.reported_within is not None:
        yield "told whenever", replace(step, reported_within=None)
        yield "told a second later", replace(step, reported_within=a_second_longer(step.reported_within))
    for number, test in enumerate(step.none_of):
        for value in sorted(test.values):
            less = (replace(test, values=test.values - {value}),) if len(test.values) > 1 else ()
            none_of = (*step.none_of[:number], *less, *step.none_of[number + 1 :])
            yield f"with {test.field} {value}", replace(step, none_of=none_of)
    for number, fact in enumerate(step.facts):
        for what, laxer in laxer_facts(fact):
            yield what, replace(step, facts=(*step.facts[:number], laxer, *step.facts[number + 1 :]))
    for number, fact in enumerate(step.none_of_facts):
        facts = (*step.none_of_facts[:number], *step.none_of_facts[number + 1 :])
        yield f"whatever {fact.name}", replace(step, none_of_facts=facts)


def laxer_facts(fact: FactTest) -> Iterator[tuple[str, FactTest]]:
    if fact.at_least is not None:
        yield f"{fact.name} one less", replace(fact, at_least=fact.at_least - 1)
    if fact.at_most is not None:
        yield f"{fact.name} one more", replace(fact, at_most=fact.at_most + 1)


def broken_priorities(priority: PriorityRule) -> Iterator[tuple[str, PriorityRule]]:
    for flag in priority.raise_when:
        raise_when = tuple(one for one in priority.raise_when if one != flag)
        yield f"{flag} raises nothing", replace(priority, raise_when=raise_when)
    if priority.child_raises:
        yield "a child raises nothing", replace(priority, child_raises=False)
    for count, _ in priority.by_count:
        one_fewer = tuple((number - (number == count), urgency) for number, urgency in priority.by_count)
        yield f"more urgent from {count - 1}", replace(priority, by_count=one_fewer)


def broken_overrides(overrides: tuple[Override, ...]) -> Iterator[tuple[str, tuple[Override, ...]]]:
    for number, override in enumerate(overrides):
        before, after = overrides[:number], overrides[number + 1 :]
        for area in sorted(override.areas):
            less = (replace(override, areas=override.areas - {area}),) if len(override.areas) > 1 else ()
            yield f"no override {number + 1} in {area}", (*before, *less, *after)
        if override.at_least is not None:
            one_fewer = replace(override, at_least=override.at_least - 1)
            yield f"one fewer in override {number + 1}", (*before, one_fewer, *after)


def a_second_longer(within: Duration) -> Duration:
    """Of months, the longest they can be and a second."""
    return Duration(millis=(within.millis or longest(within)) + A_SECOND)


BROKEN = dict(broken())


def holds(rule: Rule) -> bool:
    return all(run_example(rule, example, LOADED).passed for example in FILES[rule.id].examples)


@pytest.mark.parametrize("what", sorted(BROKEN.keys() - UNSEEN.keys()))
def test_a_rule_that_is_broken_fails_one_of_its_examples(what: str):
    assert not holds(BROKEN[what])


@pytest.mark.parametrize("what", sorted(UNSEEN))
def test_what_no_example_can_show_is_seen_by_none(what: str):
    assert holds(BROKEN[what])
