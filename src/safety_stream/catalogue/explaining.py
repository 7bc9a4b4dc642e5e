"""A rule in plain English: what must happen, how urgent it is, who hears of it, and where its numbers are from.

Made from the rule's own file and from what the engine makes of it, so that it cannot say anything else than what runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from safety_stream.catalogue.formats.releases import ReleasesFile
from safety_stream.catalogue.formats.rules import RuleFile
from safety_stream.catalogue.loading import load_whole, load_with_files
from safety_stream.catalogue.releases import approvals_of
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.markings import MARKINGS, Marking
from safety_stream.core.model.sightings import KeyKind
from safety_stream.core.model.times import length_in_words, to_date
from safety_stream.core.rules.besides import NOT_KNOWN
from safety_stream.core.rules.chains import depth_of, elsewhere_in, rests_anywhere_on, rests_elsewhere_on, rests_on
from safety_stream.core.rules.registry import condition_type
from safety_stream.core.rules.rule import (
    Besides,
    Count,
    FactTest,
    Limb,
    Override,
    PriorityRule,
    Rule,
    Safeguards,
    Selector,
    Test,
)

_KEYS: dict[KeyKind, str] = {
    "victim": "a victim",
    "suspect": "a suspect",
    "person": "a person in whatever role",
    "victim-perpetrator": "a victim and a perpetrator together",
    "household": "a household",
    "place": "a place",
    "cell": "a cell of the map",
    "lsoa": "a neighbourhood (LSOA)",
    "vehicle": "a vehicle",
    "phone": "a phone",
    "group": "a group",
    "linked": "reports that lead from one to another",
    "area": "an area",
}


EXAMPLES = "What it is held to"
"""The heading under which the examples are named."""


class Section(msgspec.Struct, frozen=True):
    """Some sentences under a heading."""

    heading: str
    sentences: tuple[str, ...]


class Explanation(msgspec.Struct, frozen=True):
    """A rule in words."""

    rule: str
    version: int
    status: str
    family: str
    title: str
    sections: tuple[Section, ...]


class Approver(msgspec.Struct, frozen=True):
    """Who approved a rule as it is, and when."""

    by: str
    at: str


class Entry(msgspec.Struct, frozen=True):
    """A rule in one line: `keys` are the timelines it reads, `examples` how many stories its file holds it to.

    `approved` says who approved it as it is; None in a catalogue without releases.
    """

    rule: str
    version: int
    status: str
    family: str
    keys: tuple[str, ...]
    priority: str
    examples: int
    title: str
    approved: tuple[Approver, ...] | None


def list_rules(folder: Path) -> list[Entry]:
    """Every rule of the catalogue in `folder`, in order of id. Raises `CatalogueError` when it has errors."""
    loaded = load_whole(folder)
    catalogue, files = loaded.catalogue, loaded.rule_files
    return [
        Entry(
            rule.id,
            rule.version,
            rule.status,
            rule.family,
            tuple(dict.fromkeys(key for limb in rule.limbs for key in limb.keys)),
            rule.priority.base,
            len(files[rule.id].examples),
            rule.title,
            None if loaded.releases is None else _approvers(loaded.releases, rule),
        )
        for rule in sorted(catalogue.rules, key=lambda rule: rule.id)
    ]


def _approvers(releases: ReleasesFile, rule: Rule) -> tuple[Approver, ...]:
    return tuple(Approver(one.by, one.at) for one in approvals_of(releases, rule))


class Link(msgspec.Struct, frozen=True):
    """A rule, the rules whose findings it rests on, and how many rules that makes one on another.

    `elsewhere` are those whose findings it reads on other keys than they are on.
    """

    rule: str
    rests_on: tuple[str, ...]
    depth: int
    elsewhere: tuple[str, ...] = ()


def link_rules(folder: Path) -> list[Link]:
    """What each rule of the catalogue in `folder` rests on, by depth and id. Raises `CatalogueError`."""
    catalogue, _ = load_with_files(folder)
    resting = {rule.id: rests_anywhere_on(rule) for rule in catalogue.rules}
    links = [
        Link(
            rule.id,
            tuple(sorted(rests_on(rule))),
            depth_of(rule.id, resting),
            tuple(sorted(rests_elsewhere_on(rule))),
        )
        for rule in catalogue.rules
    ]
    return sorted(links, key=lambda link: (link.depth, link.rule))


def explain_rule(folder: Path, rule_id: str) -> Explanation:
    """One rule of the catalogue in `folder` in words.

    Raises `CatalogueError` when the catalogue has errors, and `KeyError` naming the rules there are.
    """
    catalogue, files = load_with_files(folder)
    for rule in catalogue.rules:
        if rule.id == rule_id:
            return explained(rule, files[rule_id], catalogue)
    message = f"there is no rule {rule_id}; the rules are {', '.join(sorted(files))}"
    raise KeyError(message)


def explained(rule: Rule, file: RuleFile, catalogue: Catalogue) -> Explanation:
    """A rule of the catalogue in words, and what its file says of it."""
    sections = [_limb(limb, number=len(rule.limbs)) for limb in rule.limbs]
    sections += [
        Section("Elsewhere and at other times", tuple(_overrides(rule.overrides, file, catalogue))),
        Section("How urgent it is", tuple(_urgency(rule.priority))),
        Section("What must stand behind it", tuple(_safeguards(rule.safeguards))),
        Section("Why it does without a safeguard", tuple(_without(file))),
        Section(
            "How it is handled",
            (
                f"It pages nobody once it is {length_in_words(rule.action_time)} old; the digest has it, as late.",
                f"An alert that has not become more urgent notifies again after {length_in_words(rule.suppress_for)}.",
                f"{_and(rule.audiences)} may hear of it, marked {rule.marking}{_or_higher(rule.marking)}.",
                f"Purpose: {_and(file.lawful.purposes)}. Legal basis: {_and(file.lawful.bases)}.",
            ),
        ),
        Section("What nobody has confirmed", _unconfirmed(file)),
        Section("Why what is found by looking counts", tuple(_found_by_looking(file))),
        Section("Where the numbers are from", (file.source,)),
        Section("When it may be wrong", (file.false_positives,)),
        Section("What it does not see", (file.known_gaps,)),
        Section("What takes it back", (file.withdrawn_when,)),
        Section(EXAMPLES, tuple(_examples(file))),
    ]
    told = tuple(section for section in sections if section.sentences)
    return Explanation(rule.id, rule.version, rule.status, rule.family, rule.title, told)


def keys_in_words(keys: Sequence[KeyKind]) -> str:
    """Of whom or what the timelines are: `a victim`, `a place or a vehicle`."""
    return _or([_KEYS[key] for key in keys])


def _limb(limb: Limb, *, number: int) -> Section:
    of = keys_in_words(limb.keys)
    when = condition_type(limb.condition).words
    if limb.linked_within is not None:
        when += (
            f", each at most {'one identifier' if limb.linked_within == 1 else 'two identifiers'} from another of them"
        )
    sentences = [f"Of {of}: {when}."]
    if isinstance(limb.condition, Count) and limb.condition.at_most is not None:
        sentences.append("What happened in that time and is told late may be one too many, and take it back.")
    sentences += [f"“{step}” is {_selector(selector)}." for step, selector in limb.steps.items()]
    sentences += [f"Told besides, as {name}: {_besides(one)}." for name, one in limb.besides.items()]
    sentences.append(f"The alert says: {_of_others(limb.explain)}")
    return Section("When it fires" if number == 1 else f"When it fires: {limb.name}", tuple(sentences))


_IN_TWO_WAYS: Final = re.compile(r"\{(\w+):[^{}|]*\|([^{}]*)\}")


def _of_others(explain: str) -> str:
    """A sentence as it is of every number but one: `{times:once|# times}` is `{times} times`."""
    return _IN_TWO_WAYS.sub(lambda found: found[2].replace("#", f"{{{found[1]}}}"), explain)


def _besides(one: Besides) -> str:
    before = f"in the {length_in_words(one.within)} before"
    if one.latest is None:
        quietens = "; once is enough to make it P4, whatever else raises it" if one.quietens else ""
        return f"how often “{one.of}” happened {before}{quietens}"
    return f"what “{one.of}” last said of fact {one.latest} {before}, or “{NOT_KNOWN}”"


def _selector(selector: Selector) -> str:
    if selector.finding:
        return f"a finding of {_or(sorted(selector.finding))} on the same key"
    elsewhere = elsewhere_in(selector)
    if elsewhere:
        return f"a finding of {_or(sorted(elsewhere))} on another key, in whose evidence this one is named"
    said = [*map(_test, (test for test in selector.tests if test.field != "match")), *map(_fact_test, selector.facts)]
    said += [f"not {_test(test)}" for test in selector.none_of]
    said += [f"not {_fact_test(test)}" for test in selector.none_of_facts]
    if selector.reported_within is not None:
        said.append(f"reported within {length_in_words(selector.reported_within)}")
    return f"a report with {'; '.join(said) or 'anything in it'}"


def _test(test: Test) -> str:
    if test.field == "child":
        return " or ".join("a child" if value == "true" else "no child" for value in sorted(test.values))
    return f"{test.field} {_or(sorted(test.values))}"


def _fact_test(test: FactTest) -> str:
    if test.values is not None:
        return f"fact {test.name} {_or(sorted(test.values))}"
    bounds = (("at least", test.at_least), ("at most", test.at_most))
    return f"fact {test.name} {_and([f'{word} {number:,}' for word, number in bounds if number is not None])}"


def _overrides(overrides: Sequence[Override], file: RuleFile, catalogue: Catalogue) -> Iterator[str]:
    for over, stated in zip(overrides, file.overrides, strict=True):
        places = _and([catalogue.areas.by_code[code].name for code in sorted(over.areas)])
        said = []
        if not over.enabled:
            said.append("it does not apply")
        if over.at_least is not None:
            said.append(f"the number is {over.at_least:,}")
        if over.within is not None:
            said.append(f"the time is {length_in_words(over.within)}")
        since = "" if over.valid_from is None else f" from {to_date(over.valid_from).isoformat()}"
        until = "" if over.valid_to is None else f" before {to_date(over.valid_to).isoformat()}"
        of = "" if over.limb is None else f" ({over.limb})"
        yield f"In {places}{since}{until}{of} {_and(said)}. Source: {stated.source.rstrip('.')}."


def _urgency(priority: PriorityRule) -> Iterator[str]:
    yield "P1, the most urgent." if priority.base == "P1" else f"{priority.base} to begin with; P1 is the most urgent."
    for count, instead in priority.by_count:
        yield f"{instead} from {count} on."
    if priority.raise_when:
        yield f"One tier more urgent with {_or(priority.raise_when)}."
    if priority.child_raises:
        yield f"One tier more urgent{', besides,' if priority.raise_when else ''} with a child."


def _safeguards(safeguards: Safeguards) -> Iterator[str]:
    if safeguards.organisations > 1:
        yield f"{safeguards.organisations} different organisations."
    if safeguards.organisations_or_kinds > 1:
        yield f"{safeguards.organisations_or_kinds} different organisations, or as many kinds of report."
    if safeguards.grades_alone:
        yield f"More than intelligence of grade {_or(safeguards.grades_alone)}."


_SAFEGUARDS: Final = {
    "two_sources": "Two organisations or kinds of report",
    "weak_intelligence": "More than intelligence of grade D or E",
    "children": "More urgent with a child",
    "negative_evidence": "Quiet once it has been seen to",
}


def _without(file: RuleFile) -> Iterator[str]:
    for name, safeguard in _SAFEGUARDS.items():
        reason = getattr(file.safeguards.without, name)
        if reason is not None:
            yield f"{safeguard}: {reason}"


def _unconfirmed(file: RuleFile) -> tuple[str, ...]:
    if file.possible_matches == "ignored":
        return ()
    return (
        "A report about somebody who may be the same person counts too; the alert says that nobody has confirmed it.",
        "It closes, cancels and rules out nothing.",
    )


def _found_by_looking(file: RuleFile) -> Iterator[str]:
    for limb in file.each_limb().values():
        for step, why in limb.discovered_because.items():
            yield f"“{step}”: {why}"


def _examples(file: RuleFile) -> Iterator[str]:
    for example in file.examples:
        yield f"{'Fires' if example.fires else 'Does not fire'}: {example.name}."


def _or_higher(marking: Marking) -> str:
    return "" if marking == MARKINGS[-1] else ", or as high as a report it rests on"


def _and(words: Sequence[str]) -> str:
    return _listed(words, "and")


def _or(words: Sequence[str]) -> str:
    return _listed(words, "or")


def _listed(words: Sequence[str], last: str) -> str:
    return f"{', '.join(words[:-1])} {last} {words[-1]}" if len(words) > 1 else "".join(words)
