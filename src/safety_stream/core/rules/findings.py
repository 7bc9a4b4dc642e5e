"""From a condition met to a finding: safeguards, priority, evidence, words. The same for every condition type."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from string import Formatter
from typing import Final

from safety_stream.core.model import ids
from safety_stream.core.model.findings import POSSIBLE, Evidence, Finding, Priority, Told
from safety_stream.core.model.markings import highest_marking
from safety_stream.core.model.sightings import FINDING, Sighting, is_of_one_person
from safety_stream.core.model.times import length_in_words
from safety_stream.core.rules.condition import TOGETHER, Completion, Matched, TermsByArea
from safety_stream.core.rules.rule import Limb, PriorityRule, Rule, Safeguards

_TIERS: tuple[Priority, ...] = ("P1", "P2", "P3", "P4")


UNCONFIRMED = "Rests on a possible match of persons that nobody has confirmed."
"""What is said of a finding some of whose evidence only a possible match of persons brings in."""


QUIETENED = "It had been seen to before, so it is listed and presses nobody."
"""What is said of a finding that something told besides quietens (rules.md 3.9, negative evidence)."""


WITHIN: Final = "within"
"""The fact that says how long a window is, there and then; a finding states it where its words ask for it."""


def states(words: str, fact: str) -> bool:
    """Whether these words name the fact. Raises `ValueError` where they have a stray brace."""
    return any(name == fact for _, name, _, _ in Formatter().parse(words))


def window_in_words(completion: Completion, terms: TermsByArea) -> tuple[str, str]:
    """How long the window was in which the condition was met: areas may have lengths of their own."""
    met_at = {matched.occurrence.id: matched.occurrence for matched in completion.evidence}
    occurrence = met_at[completion.occurrence_id]
    return WITHIN, length_in_words(terms.at(occurrence.area, occurrence.time).within)


class _Fact(str):
    """A fact in a sentence. `{times:once|# times}` says it in words of its own where it is 1; `#` is any other."""

    __slots__ = ()

    def __format__(self, form: str) -> str:
        of_one, is_said, of_others = form.partition("|")
        if not is_said:
            return super().__format__(form)
        return of_one if self == "1" else of_others.replace("#", self)


def finding_of(
    rule: Rule, limb: Limb, key: str, completion: Completion, besides: Sequence[tuple[str, str]] = ()
) -> Finding | None:
    """The finding of `rule` on `key` that this completion makes, or None when the rule's safeguards refuse it.

    `besides` are facts it states beside those of its condition.
    """
    reported = [sighting for matched in completion.evidence for sighting in matched.occurrence.sightings]
    matching = [sighting for matched in completion.evidence for sighting in matched.sightings]
    if reported and not _is_safe(rule.safeguards, completion.evidence, matching):
        return None
    evidence = tuple(_evidence(completion, of_person=is_of_one_person(key)))
    counted = {sighting.incident_id for sighting in reported}
    child = any(sighting.child for sighting in reported)
    possible = any(sighting.possible for sighting in reported)
    facts = tuple(sorted((*completion.facts, *besides, *((POSSIBLE,) if possible else ()))))
    said = [limb.explain.format_map({name: _Fact(_called(text, limb)) for name, text in facts})]
    said += [UNCONFIRMED] if possible else []
    priority = priority_of(rule.priority, completion.number, child=child, flags=_flags(reported))
    if _is_quietened(limb, besides):
        priority = _TIERS[-1]
        said.append(QUIETENED)
    return Finding(
        finding_id=ids.finding_id(rule.id, limb.name, key, completion.occurrence_id),
        rule_id=rule.id,
        rule_version=rule.version,
        limb=limb.name,
        family=rule.family,
        key=key,
        occurrence_id=completion.occurrence_id,
        completed_at=completion.completed_at,
        priority=priority,
        area=completion.area,
        areas=tuple(sorted({item.area for item in evidence} or {completion.area})),
        evidence=evidence,
        excluded=tuple([item for item in completion.excluded if item.incident_id not in counted]),
        facts=facts,
        child=child,
        explanation=" ".join(said),
        marking=highest_marking([rule.marking, *{sighting.marking for sighting in reported}]),
    )


def _is_quietened(limb: Limb, besides: Sequence[tuple[str, str]]) -> bool:
    """Whether anything was seen that quietens. Nothing is thrown away by it: what was found stands, and says why."""
    return any(name in limb.besides and limb.besides[name].quietens and text != "0" for name, text in besides)


def _evidence(completion: Completion, *, of_person: bool) -> Iterator[Evidence]:
    """Each occurrence with its reports; what several findings share is named once, with the first that has it."""
    named: set[str] = set()
    for matched in completion.evidence:
        occurrence = matched.occurrence
        reports = occurrence.reports
        if not named.isdisjoint(reports):
            reports = tuple([report for report in reports if report not in named])
        named.update(reports)
        told = tuple(_told(occurrence.sightings, of_person=of_person))
        yield Evidence(occurrence.id, occurrence.time, occurrence.area, reports, told)


def _told(sightings: Sequence[Sighting], *, of_person: bool) -> Iterator[Told]:
    """Who told of an occurrence, each sort of report once, with all roles that the person has in those of that sort."""
    roles: dict[tuple[str, str], set[str]] = {}
    for one in sightings:
        if one.kind != FINDING:
            roles.setdefault((one.organisation, one.kind), set()).update(one.roles if of_person else ())
    for organisation, kind in sorted(roles):
        yield Told(organisation, kind, tuple(sorted(roles[organisation, kind])))


def _called(text: str, limb: Limb) -> str:
    """A fact as people say it: every value by its name."""
    if not limb.names:
        return text
    values = [value.split(TOGETHER) for value in text.split(", ")]
    return ", ".join([TOGETHER.join([limb.names.get(part, part) for part in value]) for value in values])


def priority_of(words: PriorityRule, number: int, *, child: bool, flags: frozenset[str]) -> Priority:
    """The base, or what the count makes of it, raised one tier by a flag and one by a child, never above P1."""
    priority = words.base
    for bound, at_bound in words.by_count:
        if number >= bound:
            priority = at_bound
    tier = _TIERS.index(priority)
    tier -= not flags.isdisjoint(words.raise_when)
    tier -= words.child_raises and child
    return _TIERS[max(tier, 0)]


def _is_safe(safeguards: Safeguards, evidence: Sequence[Matched], matching: list[Sighting]) -> bool:
    wanted, either = safeguards.organisations, safeguards.organisations_or_kinds
    if wanted > 1 or either > 1:
        organisations = len({sighting.organisation for sighting in matching})
        kinds = len({sighting.kind for sighting in matching})
        if organisations < wanted or (organisations < either and kinds < either):
            return False
    weak = safeguards.grades_alone
    # What only lies on the way from one to another matches nothing, and makes nothing safer.
    counted = [sighting for matched in evidence if matched.sightings for sighting in matched.occurrence.sightings]
    return not weak or any(sighting.grade not in weak for sighting in counted)


def _flags(reported: list[Sighting]) -> frozenset[str]:
    return frozenset([flag for sighting in reported for flag in sighting.flags])
