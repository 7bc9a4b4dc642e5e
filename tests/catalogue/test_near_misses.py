"""The near misses of a rule are near: whichever number of it is made one step laxer, one of them fires.

A step is a second, a metre, an occurrence, an organisation, one in a hundred, or what nobody can judge. Of a window in
months the longest it can be is made a second longer. What else a rule says is tried in `test_broken_rules.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from safety_stream.catalogue.examples import story_of
from safety_stream.catalogue.loading import load_with_files
from safety_stream.core.model.open_days import Ahead
from safety_stream.core.model.times import Duration
from safety_stream.core.rules.rule import Absent, AllOf, Condition, Distinct, Near, Rule, Safeguards, Share
from safety_stream.core.rules.windows import longest
from safety_stream.data_files import catalogue_folder

LOADED, FILES = load_with_files(catalogue_folder())
A_SECOND = 1_000


def laxer() -> Iterator[object]:
    """Each rule on timelines with one number made laxer, and the limb this is about (None: all)."""
    for rule in LOADED.rules:
        if rule.status == "retired" or rule.limbs[0].keys == ("area",):
            continue
        for limb in rule.limbs:
            for what, condition in laxer_conditions(limb.condition):
                limbs = tuple(replace(one, condition=condition) if one is limb else one for one in rule.limbs)
                yield pytest.param(replace(rule, limbs=limbs), limb.name, id=f"{rule.id}, {limb.name}: {what}")
        for what, safeguards in laxer_safeguards(rule.safeguards):
            yield pytest.param(replace(rule, safeguards=safeguards), None, id=f"{rule.id}: {what}")


def laxer_conditions(condition: Condition) -> Iterator[tuple[str, Condition]]:
    yield from laxer_times(condition)
    least = getattr(condition, "at_least", None)
    if least is not None and least > 1:
        yield "one fewer", replace(condition, at_least=least - 1)
    if isinstance(condition, AllOf):
        for step, times in condition.steps.items():
            if times > 1:
                yield f"one {step} fewer", replace(condition, steps={**condition.steps, step: times - 1})
        if condition.needed is not None:
            yield "one step fewer", replace(condition, needed=condition.needed - 1)
    if isinstance(condition, Distinct) and condition.occurrences > condition.at_least:
        yield "one occurrence fewer", replace(condition, occurrences=condition.occurrences - 1)
    if isinstance(condition, Near):
        yield "a metre", replace(condition, metres=condition.metres + 1)
    if isinstance(condition, Share):
        yield "one in a hundred more known", replace(condition, percent=condition.percent + 1)


def laxer_times(condition: Condition) -> Iterator[tuple[str, Condition]]:
    within = getattr(condition, "within", None)
    if isinstance(condition, Absent) and condition.before is not None:
        yield "a deadline earlier", replace(condition, before=earlier(condition.before))
    elif within is not None and getattr(condition, "at_least", None) != 1:
        # What waits until a deadline fires at an earlier one.
        step = -A_SECOND if isinstance(condition, Absent) else A_SECOND
        yield "a second", replace(condition, within=Duration(millis=(within.millis or longest(within)) + step))


def earlier(deadline: Ahead) -> Ahead:
    """A minute earlier on the same open day; where that begins with the day itself, an open day earlier."""
    if deadline.days.opens:
        return replace(deadline, days=replace(deadline.days, opens=deadline.days.opens - 1))
    return replace(deadline, number=deadline.number - 1)


def laxer_safeguards(guards: Safeguards) -> Iterator[tuple[str, Safeguards]]:
    if guards.organisations > 1:
        yield "one organisation fewer", replace(guards, organisations=guards.organisations - 1)
    if guards.organisations_or_kinds > 1:
        yield "one kind fewer", replace(guards, organisations_or_kinds=guards.organisations_or_kinds - 1)
    if guards.grades_alone:
        yield "weak intelligence alone", replace(guards, grades_alone=())


@pytest.mark.parametrize(("rule", "limb"), list(laxer()))
def test_one_step_laxer_a_near_miss_fires(rule: Rule, limb: str | None):
    misses = [one for one in FILES[rule.id].examples if not one.fires and limb in (None, one.limb or "main")]

    assert any(story_of(rule, one, LOADED).found() for one in misses)
