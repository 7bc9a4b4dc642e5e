"""What a stable rule owes before it is released: the default safeguards or a reason, and examples enough.

Like a rule that is too loud, one that owes something must not be released, but what runs does not stop over it: so this
is told by `rules lint` alone. A rule on trial owes nothing yet.

The safeguards are those of `design/rules.md` 3.9. A rule on organised crime has all four; another that looks at persons
has the first two, and the third where it is about children. A rule on the numbers of areas rests on no report, and one
on what was found elsewhere is guarded by the rules beneath it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from safety_stream.catalogue.formats.conditions import StepEntry
from safety_stream.catalogue.formats.rules import RuleFile, SafeguardsEntry
from safety_stream.catalogue.places import Place
from safety_stream.catalogue.rule_reading import PERSONAL, ReadRule

FIRING_AT_LEAST: Final = 2
NEAR_MISSES_AT_LEAST: Final = 3

_WEAK: Final = frozenset("DE")
"""Grades of intelligence that nobody can judge, or that is thought to be false."""


def check_proofs(rules: Mapping[str, ReadRule]) -> None:
    """Tell what stable rules owe."""
    for read in rules.values():
        if isinstance(read.file, RuleFile) and read.file.status == "stable":
            _check_safeguards(read.at, read.file)
            _check_examples(read.at, read.file)


def _check_safeguards(at: Place, model: RuleFile) -> None:
    due = _due(model)
    for name, (is_met, what, mend) in _DEFAULTS.items():
        reason, met = getattr(model.safeguards.without, name), is_met(model)
        if name in due and not met and reason is None:
            at.error(("safeguards",), what, f"{mend}, or say why not: safeguards: {{without: {{{name}: …}}}}")
        if reason is not None and (name not in due or met):
            why = "the rule has it" if met else "such a rule is not asked for it"
            at.warning(("safeguards", "without", name), f"a reason for doing without {name}: {why}", "leave it out")


def _due(model: RuleFile) -> frozenset[str]:
    limbs = model.each_limb().values()
    if all(limb.key == ["area"] for limb in limbs):
        return frozenset()
    if model.family == "organised-crime":
        due = frozenset(_DEFAULTS)
    elif any(PERSONAL.intersection(limb.key) for limb in limbs):
        about_children = any("true" in (step.child or ()) for step in _steps(model))
        due = frozenset({"two_sources", "weak_intelligence", *(("children",) if about_children else ())})
    else:
        return frozenset()
    beneath = any(step.finding_elsewhere is not None for step in _steps(model))
    return due - {"two_sources", "weak_intelligence"} if beneath else due


def _steps(model: RuleFile) -> list[StepEntry]:
    return [step for limb in model.each_limb().values() for step in limb.select.values()]


def _has_two_sources(model: RuleFile) -> bool:
    asked: SafeguardsEntry = model.safeguards
    return max(asked.organisations, asked.organisations_or_kinds) > 1


def _is_quietened(model: RuleFile) -> bool:
    limbs = model.each_limb().values()
    return all(any(one.quietens for one in limb.besides.values()) for limb in limbs)


_DEFAULTS: Final[dict[str, tuple[Callable[[RuleFile], bool], str, str]]] = {
    "two_sources": (
        _has_two_sources,
        "one report of one organisation may be all that stands behind a finding",
        "ask for two: safeguards: {organisations_or_kinds: 2}",
    ),
    "weak_intelligence": (
        lambda model: _WEAK.issubset(model.safeguards.grades_alone),
        "intelligence of grade D or E may be all that stands behind a finding",
        "refuse it alone: safeguards: {grades_alone: [D, E]}",
    ),
    "children": (
        lambda model: model.priority.child_raises or model.priority.base == "P1",
        "a child makes what is found no more urgent",
        "let one: priority: {child_raises: true}",
    ),
    "negative_evidence": (
        _is_quietened,
        "nothing quietens the rule, not even a panel that closed the case",
        "let something: besides: {closed: {of: closed, within: 90 days, quietens: true}} in each limb",
    ),
}
"""Of each default safeguard whether a rule has it, what is wrong where it has not, and the mend."""


def _check_examples(at: Place, model: RuleFile) -> None:
    firing = [example for example in model.examples if example.fires]
    misses = len(model.examples) - len(firing)
    if 0 < len(firing) < FIRING_AT_LEAST:
        what = f"{len(firing)} example fires, where a stable rule has {FIRING_AT_LEAST} at least"
        at.error(("examples",), what, "add a story that fires in another way")
    if 0 < misses < NEAR_MISSES_AT_LEAST:
        what = f"{misses} of the examples are near misses, where a stable rule has {NEAR_MISSES_AT_LEAST} at least"
        mend = "add a story with `fires: []` that is a second, a metre, an organisation or a report short of firing"
        at.error(("examples",), what, mend)
    _check_repeated(at, model)
    limbs = model.each_limb()
    for limb in limbs:
        if len(limbs) > 1 and all(example.limb != limb for example in firing):
            mend = f"add a story with `limb: {limb}` that fires"
            at.error(("limbs", limb), f"no example shows limb {limb} fire", mend)


def _check_repeated(at: Place, model: RuleFile) -> None:
    """A story told again proves nothing more, however it is named, and must not pass for one of those asked for."""
    names: dict[str, str] = {}
    for index, example in enumerate(model.examples):
        story = example.model_dump_json(exclude={"name"})
        if story in names:
            what = f"“{example.name}” is the story of “{names[story]}” told again"
            at.error(("examples", index), what, "leave it out, or change what makes it another story")
        names.setdefault(story, example.name)
