"""A rule's file, from its limbs to its examples: to the rule the core runs, each name held against the vocabulary.

What single condition types ask of a limb is in `conditions.py`, and how rules may rest on one another in `chains.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from string import Formatter
from typing import Final

import msgspec

from safety_stream.catalogue.conditions import (
    check_condition,
    check_kind_of_limb,
    check_override,
    check_window,
    condition_of,
    counted_steps,
    counts_by_calendar,
    has_window,
    names_of,
)
from safety_stream.catalogue.documents import Where
from safety_stream.catalogue.files import Files
from safety_stream.catalogue.formats.rules import (
    BareRuleFile,
    ExampleEntry,
    ExampleSighting,
    LimbEntry,
    OverrideEntry,
    RuleFile,
)
from safety_stream.catalogue.lawful import check_lawful, granted_for, priorities_of
from safety_stream.catalogue.linking import check_linked, linked_within
from safety_stream.catalogue.passable import check_roles
from safety_stream.catalogue.places import Place, listing
from safety_stream.catalogue.selecting import certain_only, selector_of
from safety_stream.catalogue.vocabulary import ROLES, Vocabulary
from safety_stream.core.catalogue import GROUPINGS
from safety_stream.core.model.markings import is_above
from safety_stream.core.rules.carrying import ENTITY_KINDS
from safety_stream.core.rules.condition import ConditionType
from safety_stream.core.rules.findings import WITHIN
from safety_stream.core.rules.linked import FACTS as LINKED_FACTS
from safety_stream.core.rules.registry import condition_type
from safety_stream.core.rules.rule import Besides, Count, Limb, Override, PriorityRule, Rule, Safeguards

# Of `{times:once|# times}`, what comes behind the colon.
_OF_ONE_AND_OTHERS: Final = re.compile(r"[^|#]+\|[^|#]*#[^|#]*").fullmatch
# What is left of words that say how long, once the facts in them are gone, each with the unit it is of.
_SAYS_A_LENGTH: Final = re.compile(
    r"\b(minute|hour|day|week|fortnight|month|year)s?\b|\b\d+ ?h\b", re.IGNORECASE
).search
# Words with a stray brace, too, which are told of elsewhere.
_SAYS_THE_WINDOW: Final = re.compile(rf"\{{{WITHIN}\b").search
_FACTS: Final = re.compile(r"\{[^{}]*\}(?: (?:minute|hour|day|week|month|year)s?\b)?")

_PLACES = frozenset({"household", "place", "cell", "lsoa"})
"""Kinds of key whose reports partners find by looking there, so that who looks more finds more (rules.md 3.10)."""


_NO_SOURCES = frozenset({"", "none", "n/a", "na", "nil", "null", "nothing", "tbc", "tbd", "todo", "unknown", "?", "-"})
"""Words that stand where a source should."""

PERSONAL = frozenset({"victim", "suspect", "person", "victim-perpetrator"})
"""Kinds of key that mean persons: what is under another kind is there for certain."""


class ReadRule(msgspec.Struct, frozen=True):
    """A rule, the file it was made from, and the place for what is wrong between it and others."""

    at: Place
    file: BareRuleFile
    rule: Rule


def read_rule(files: Files, path: Path, kind: type[BareRuleFile], vocabulary: Vocabulary) -> ReadRule | None:
    """The rule in a file of this format; None when not even its shape can be had."""
    read = files.read(path, kind)
    if read is None:
        return None
    at, file = read
    if file.id != path.stem:
        at.error(("id",), f"id {file.id} is not the file's name", f"rename the file to {file.id}.yaml")
    rule = _rule(at, file, vocabulary)
    return None if rule is None else ReadRule(at, file, rule)


def _rule(at: Place, model: BareRuleFile, vocabulary: Vocabulary) -> Rule | None:
    entries = _limb_entries(at, model)
    limbs = [limb for name, entry in entries for limb in _limb(at, model, name, entry, vocabulary)]
    _check_audience(at, model, vocabulary)
    check_lawful(at, model, vocabulary)
    _check_priority(at, model, vocabulary)
    _check_safeguards(at, model)
    _check_sources(at, model)
    _check_examples(at, model, vocabulary)
    _check_lengths_said(at, model, limbs)
    if not limbs:
        return None
    return Rule(
        id=model.id,
        version=model.version,
        title=model.title,
        status=model.status,
        family=model.family,
        limbs=tuple(limbs),
        overrides=tuple(_override(at, ("overrides", i), o, limbs, vocabulary) for i, o in enumerate(model.overrides)),
        priority=PriorityRule(
            base=model.priority.base,
            by_count=tuple(sorted(model.priority.by_count.items())),
            raise_when=tuple(model.priority.raise_when),
            child_raises=model.priority.child_raises,
        ),
        safeguards=Safeguards(
            organisations=model.safeguards.organisations,
            organisations_or_kinds=model.safeguards.organisations_or_kinds,
            grades_alone=tuple(model.safeguards.grades_alone),
        ),
        action_time=model.action_time,
        suppress_for=model.suppress.length,
        audiences=tuple(model.audience),
        marking=model.marking,
    )


def _limb_entries(at: Place, model: BareRuleFile) -> list[tuple[str, LimbEntry]]:
    named = ("key", "select", "condition", "besides", "indicator", "linked_within", "discovered_because")
    at_top = [name for name in named if getattr(model, name) not in (None, {})]
    if model.limbs is not None and at_top:
        at.error((at_top[0],), f"{', '.join(at_top)} beside limbs", "put it into each limb")
    if model.limbs is None:
        missing = [name for name in ("key", "condition") if getattr(model, name) is None]
        if len(missing) == 1:
            at.error((), f"the key `{missing[0]}` is missing", f"add it: {_OF_KEY_AND_CONDITION[missing[0]]}")
        elif missing:
            what = "the keys `key` and `condition` are missing, and there are no `limbs`"
            at.error((), what, "say whose timeline the rule looks at, and when it is met")
    return list(model.each_limb().items())


_OF_KEY_AND_CONDITION = {
    "key": "whose timeline the rule looks at; see docs/rules.md, Kinds of key",
    "condition": "when it is met, such as {type: count, of: harm, at_least: 3, within: 28 days}; see docs/rules.md",
}


def _limb(at: Place, model: BareRuleFile, name: str, entry: LimbEntry, vocabulary: Vocabulary) -> Iterator[Limb]:
    where = model.where(name)
    condition = condition_of(entry, vocabulary)
    reads = condition_type(condition)
    facts = (
        *reads.facts,
        # A chain is longer than one of its windows.
        *((WITHIN,) if has_window(condition) and reads.terms.chain == 1 else ()),
        *(("lsoa",) if entry.key == ["lsoa"] else ()),
        *(LINKED_FACTS if "linked" in entry.key else ()),
    )
    check_kind_of_limb(at, where, entry, vocabulary)
    check_linked(at, where, entry, reads, vocabulary)
    for step in sorted(set(reads.steps) - set(entry.select)):
        mend = f"name it under select, or use {listing(entry.select)}" if entry.select else "name it under select"
        at.error((*where, "condition"), f"unknown step {step}", mend)
    _check_besides(at, where, entry, facts, vocabulary)
    told_besides = {one.of for one in entry.besides.values()}
    for step in sorted(set(entry.select) - set(reads.steps) - told_besides):
        at.warning((*where, "select", step), f"step {step} is used by nothing", "use it or leave it out")
    _check_keys_of_findings(at, where, entry)
    check_roles(at, where, entry)
    check_condition(at, (*where, "condition"), condition, entry, vocabulary)
    if isinstance(condition, Count) and condition.at_most is not None and model.possible_matches == "counted":
        what = "a possible match of persons would be one too many, and keep a finding away that nobody has confirmed"
        at.error((*where, "condition", "at_most"), what, "leave at_most out, or let possible matches be ignored")
    _check_words(at, (*where, "explain"), entry.explain, (*facts, *entry.besides))
    if isinstance(model, RuleFile):
        _check_origin(at, where, entry)
    steps = {
        step: selector_of(at, (*where, "select", step), selected, vocabulary) for step, selected in entry.select.items()
    }
    positive = _may_be_possible(model, entry, reads)
    for step, selected in entry.select.items():
        # A thing is nobody; but what is found elsewhere may rest on a possible match of persons, whatever the key.
        if step not in positive and (PERSONAL.intersection(entry.key) or selected.finding_elsewhere is not None):
            steps[step] = certain_only(steps[step])
    if {*reads.steps, *told_besides} <= set(steps):
        yield Limb(
            name=name,
            keys=tuple(entry.key),
            steps=steps,
            condition=condition,
            explain=entry.explain,
            names=names_of(condition, vocabulary),
            besides={
                name: Besides(of=one.of, within=one.window, latest=one.latest, quietens=one.quietens)
                for name, one in entry.besides.items()
            },
            linked_within=linked_within(entry, vocabulary),
        )


def _check_keys_of_findings(at: Place, where: Where, entry: LimbEntry) -> None:
    if any(step.finding_elsewhere is not None for step in entry.select.values()):
        for key in sorted(set(entry.key) - ENTITY_KINDS):
            what = f"nothing found elsewhere comes to key {key}: evidence names nothing of that kind"
            at.error((*where, "key"), what, f"let it read {listing(ENTITY_KINDS)}")


def _may_be_possible(model: BareRuleFile, entry: LimbEntry, reads: ConditionType) -> frozenset[str]:
    """The steps a possible match of persons may meet: none that closes, cancels or rules out, whatever the rule says.

    So what nobody has confirmed can add a finding, and never keep one away.
    """
    if model.possible_matches == "ignored":
        return frozenset()
    told_besides = {one.of for one in entry.besides.values()} - set(reads.steps)
    return frozenset({*told_besides, *counted_steps(entry)})


def _check_besides(at: Place, where: Where, entry: LimbEntry, facts: Sequence[str], vocabulary: Vocabulary) -> None:
    for name, one in entry.besides.items():
        at.know((*where, "besides", name, "of"), "step", one.of, entry.select)
        check_window(at, (*where, "besides", name), one)
        if name in facts:
            at.error((*where, "besides", name), f"the condition states {name} itself", "give it another name")
        if one.quietens and one.latest is not None:
            what = f"{name} tells what was last said, and quietens: of what is said nothing is enough to quieten"
            at.error((*where, "besides", name, "quietens"), what, "count in one of them, and tell in another")
        if one.latest is not None:
            at.know((*where, "besides", name, "latest"), "fact", one.latest, vocabulary.facts)
            selected = entry.select.get(one.of)
            if selected is not None and selected.finding is not None:
                what = f"step {one.of} means a finding, which says nothing of fact {one.latest}"
                at.error((*where, "select", one.of), what, "let latest speak of reports")


def _check_origin(at: Place, where: Where, entry: LimbEntry) -> None:
    counted = counted_steps(entry) if _PLACES.intersection(entry.key) else ()
    for step in counted:
        selected = entry.select.get(step)
        if selected is None or selected.means_findings or step in entry.discovered_because:
            continue
        if selected.origin == ["reported"]:
            continue
        mend = f"add origin: reported, or say why it counts there: discovered_because: {{{step}: …}}"
        at.error((*where, "select", step), f"at a place step {step} counts what is found by looking", mend)
    for step in sorted(entry.discovered_because):
        selected = entry.select.get(step)
        if step not in counted or selected is None or selected.origin == ["reported"]:
            what = f"step {step} counts nothing at a place that is found by looking"
            at.error((*where, "discovered_because", step), what, "leave the reason out")


def _check_words(at: Place, where: Where, words: str, facts: Sequence[str]) -> None:
    try:
        fields = list(Formatter().parse(words))
    except ValueError:
        at.error(where, "explain has a stray brace", "write {count} for a fact, and no other braces")
        return
    for _, name, form, conversion in fields:
        if name is None:
            continue
        if name not in facts or conversion:
            mend = f"use {listing(facts)}" if facts else "leave it out: this condition states none"
            at.error(where, f"explain names {{{name}}}, which is no fact of this condition", mend)
        elif form and name == WITHIN:
            at.error(where, f"explain says {{{name}:{form}}}, and {name} is no number", f"write {{{name}}}")
        elif form and not _OF_ONE_AND_OTHERS(form):
            said = f"explain says {{{name}:{form}}}, which is not how it is said of one, and of others"
            at.error(where, said, f"write {{{name}:once|# times}}: # stands for the number")


def _override(at: Place, where: Where, entry: OverrideEntry, limbs: Sequence[Limb], vocabulary: Vocabulary) -> Override:
    touched = [limb for limb in limbs if entry.limb in (None, limb.name)]
    for area in entry.areas:
        vocabulary.know_area(at, (*where, "areas"), area)
        known = vocabulary.areas.by_code.get(area) if vocabulary.areas else None
        if known is not None and known.kind in GROUPINGS and any(limb.keys != ("area",) for limb in touched):
            at.error((*where, "areas"), f"{area} groups areas; nothing happens in it as such", "name its districts")
    at.check_days(where, entry.valid_from, entry.valid_to)
    if not touched:
        at.error((*where, "limb"), f"unknown limb {entry.limb}", f"use {listing(limb.name for limb in limbs)}")
    set_to = entry.values
    if set_to.at_least is None and set_to.within is None and set_to.enabled:
        at.error((*where, "set"), "the override sets nothing", "set at_least, within or enabled: false")
    for limb in touched:
        check_override(at, (*where, "set"), set_to, limb, vocabulary)
    by_calendar = {counts_by_calendar(limb.condition) for limb in touched}
    if set_to.within is not None and set_to.within.is_whole_days and len(by_calendar) > 1:
        what = "some limbs count days by the calendar, and others do not"
        at.error((*where, "set"), what, "write an override for each limb")
    within = set_to.within.by_calendar if set_to.within is not None and by_calendar == {True} else set_to.within
    return Override(
        areas=frozenset(entry.areas),
        limb=entry.limb,
        valid_from=entry.valid_from,
        valid_to=entry.valid_to,
        at_least=set_to.at_least,
        within=within,
        enabled=set_to.enabled,
    )


def _check_lengths_said(at: Place, model: BareRuleFile, limbs: Iterable[Limb]) -> None:
    """That no alert says a length of time where an override sets another; one that says the window may say others."""
    touched = {one.limb for one in model.overrides if one.values.within is not None}
    for limb in limbs:
        if touched.isdisjoint((None, limb.name)):
            continue
        so = f"says how long, and would say so of limb {limb.name} where an override sets another length"
        if not _SAYS_THE_WINDOW(limb.explain) and _SAYS_A_LENGTH(_FACTS.sub("", limb.explain)):
            mend = f"write {{{WITHIN}}} for it, such as “in {{{WITHIN}}}”; of a chain leave it out"
            at.error((*model.where(limb.name), "explain"), f"explain {so}", mend)
        if _SAYS_A_LENGTH(model.title):
            at.error(("title",), f"the title {so}", f"leave it out there, and write {{{WITHIN}}} in explain")


def _check_audience(at: Place, model: BareRuleFile, vocabulary: Vocabulary) -> None:
    for index, audience in enumerate(model.audience):
        at.know(("audience", index), "audience", audience, vocabulary.audiences)
        known = (vocabulary.audiences or {}).get(audience)
        if known is not None and model.family not in known.families:
            at.warning(("audience", index), f"audience {audience} takes no {model.family} alerts", "leave it out")
        if known is not None and is_above(model.marking, known.marked_at_most):
            what = f"audience {audience} is told nothing that is marked {model.marking}, as this rule is"
            at.warning(("audience", index), what, "leave it out")
        if known is not None and known.hears == "escalated":
            what = f"audience {audience} hears of nothing but what has gone up the ladder to it"
            at.error(("audience", index), what, "leave it out")
    _check_every_priority_is_heard(at, model, vocabulary)


def _check_every_priority_is_heard(at: Place, model: BareRuleFile, vocabulary: Vocabulary) -> None:
    """That somebody hears of what is found, however urgent it is; what is quietened is told less loudly, not lost."""
    known = vocabulary.audiences or {}
    named = [known[audience] for audience in model.audience if audience in known and known[audience].hears == "always"]
    if not named:
        return
    heard = {one for audience in named if model.family in audience.families for one in audience.priorities}
    quietens = any(one.quietens for entry in model.each_limb().values() for one in entry.besides.values())
    if quietens and "P4" not in heard:
        what = "what is quietened is P4, and no audience of the rule hears of P4"
        at.error(("audience",), what, _who_hears(model, "P4", vocabulary))
    for priority in sorted(priorities_of(model.priority) - heard - {"P4" if quietens else ""}):
        what = f"what is found may be {priority}, and no audience of the rule hears of {priority}"
        at.error(("priority",), what, f"{_who_hears(model, priority, vocabulary)}, or give it another priority")


def _who_hears(model: BareRuleFile, priority: str, vocabulary: Vocabulary) -> str:
    """Which audiences would hear of what this rule finds of this priority, as a mend."""
    granted = granted_for([] if model.lawful is None else model.lawful.purposes, vocabulary)
    do = [
        one.id
        for one in (vocabulary.audiences or {}).values()
        if one.hears == "always"
        and model.family in one.families
        and priority in one.priorities
        and not is_above(model.marking, one.marked_at_most)
        and (granted is None or one.id in granted)
    ]
    return (
        f"name one that does ({listing(do)}), or let one of these hear of it" if do else "let one of these hear of it"
    )


def _check_sources(at: Place, model: BareRuleFile) -> None:
    """That a source says something: a number of ours is `default`, and none is without one."""
    stated: list[tuple[Where, str]] = [(("source",), model.source)] if isinstance(model, RuleFile) else []
    stated += [(("overrides", index, "source"), entry.source) for index, entry in enumerate(model.overrides)]
    for where, source in stated:
        if source.strip(" .").lower() in _NO_SOURCES:
            at.error(where, f"source {source} says nothing of where the numbers are from", "name it, or write default")


def _check_priority(at: Place, model: BareRuleFile, vocabulary: Vocabulary) -> None:
    for flag in model.priority.raise_when:
        vocabulary.know_flag(at, ("priority", "raise_when"), flag)
    tiers = [model.priority.base, *(tier for _, tier in sorted(model.priority.by_count.items()))]
    if tiers != sorted(tiers, reverse=True):
        at.error(("priority", "by_count"), "a higher count has a lower priority", "P1 is the highest: order them")


def _check_safeguards(at: Place, model: BareRuleFile) -> None:
    _check_grades(at, model)
    steps = [step for entry in model.each_limb().values() for step in entry.select.values()]
    if any(step.finding_elsewhere is not None for step in steps) and model.safeguards.guards:
        what = "what is found elsewhere is of no organisation and no grade: nothing to guard it by"
        at.error(("safeguards",), what, "leave safeguards to the rules beneath")
    if all(entry.key != ["area"] for entry in model.each_limb().values()):
        return
    if model.safeguards.guards:
        at.error(("safeguards",), "an area's count has no evidence to guard", "leave safeguards out")
    if model.priority.raise_when or model.priority.child_raises:
        at.error(("priority",), "an area's count has no evidence to raise its priority", "raise it by_count")


def _check_grades(at: Place, model: BareRuleFile) -> None:
    """That not all that counts is of grades that never trigger alone.

    It is no error: of an occurrence that another organisation tells of as well, that report's grade counts, too.
    """
    weak = model.safeguards.grades_alone
    for name, entry in model.each_limb().items():
        counted = [step for step in counted_steps(entry) if step in entry.select]
        asked = [entry.select[step].grade or [] for step in counted]
        if asked and all(one and set(one) <= set(weak) for one in asked):
            grades = listing(set().union(*asked))
            what = f"all that counts is of grade {grades}, and evidence of those alone makes no finding"
            mend = "count something else as well, or take them out of grades_alone"
            at.warning((*model.where(name), "select", counted[0], "grade"), what, mend)


def _check_examples(at: Place, model: BareRuleFile, vocabulary: Vocabulary) -> None:
    if isinstance(model, RuleFile):
        if not any(example.fires for example in model.examples):
            at.error(("examples",), "no example fires", "add a story that must fire")
        if all(example.fires for example in model.examples):
            at.error(("examples",), "no example is a near miss", "add a story that must not fire")
    for index, example in enumerate(model.examples):
        if example.limb is not None and example.limb not in model.each_limb():
            limbs = listing(model.each_limb())
            at.error(("examples", index, "limb"), f"unknown limb {example.limb}", f"use {limbs}")
        if example.area is not None:
            vocabulary.know_area(at, ("examples", index, "area"), example.area)
        elif example.counts or example.signals:
            told = "counts" if example.counts else "signals"
            at.error(("examples", index, told), "nobody knows of which area these are", "add `area`")
        _check_signals(at, model, ("examples", index), example, vocabulary)
        _check_story(at, model, ("examples", index), example, vocabulary)


def _check_signals(at: Place, model: BareRuleFile, where: Where, example: ExampleEntry, vocabulary: Vocabulary) -> None:
    if example.indicator is not None:
        at.know((*where, "indicator"), "judged indicator", example.indicator, vocabulary.judged)
    elif example.signals and any(entry.indicator is None for entry in model.each_limb().values()):
        at.error((*where, "signals"), "nobody knows of which indicator these are", "add `indicator`")


def _check_story(at: Place, model: BareRuleFile, where: Where, example: ExampleEntry, vocabulary: Vocabulary) -> None:
    for number, sighting in enumerate(example.sightings):
        _check_sighting(at, (*where, "sightings", number), sighting, vocabulary)
    steps = [step for entry in model.each_limb().values() for step in entry.select.values()]
    read = [rule for step in steps for rule in step.finding_elsewhere or ()]
    for number, found in enumerate(example.found_elsewhere):
        at.know((*where, "found_elsewhere", number, "rule"), "rule beneath this one:", found.rule, read)
        if found.area is not None:
            vocabulary.know_area(at, (*where, "found_elsewhere", number, "area"), found.area)
    for feed in example.complete_to:
        at.know((*where, "complete_to", feed), "feed", feed, vocabulary.sources)


def _check_sighting(at: Place, where: Where, sighting: ExampleSighting, vocabulary: Vocabulary) -> None:
    at.know((*where, "kind"), "kind", sighting.kind, vocabulary.kinds())
    vocabulary.know_category(at, (*where, "category"), sighting.category)
    if sighting.subtype:
        vocabulary.know_subtype(at, (*where, "subtype"), sighting.subtype, (sighting.category,))
    for flag in sighting.flags:
        vocabulary.know_flag(at, (*where, "flags"), flag)
    for role in sighting.role:
        at.know((*where, "role"), "role", role, ROLES)
    if sighting.organisation is not None:
        at.know((*where, "organisation"), "organisation", sighting.organisation, vocabulary.organisations())
    if sighting.area is not None:
        vocabulary.know_area(at, (*where, "area"), sighting.area)
    for fact, value in sighting.facts.items():
        vocabulary.know_values(at, (*where, "facts", fact), fact, (str(value).lower(),))
