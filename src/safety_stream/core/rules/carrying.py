"""What a finding says to the keys its evidence names: a sighting there, made from the finding alone.

Theory of operation
-------------------
A rule may rest on what other rules find elsewhere: a vehicle seen at two flagged homes, a person who joins two alerts.
The finding is on one key, the rule reads another, and the two are mostly not on one partition. So a finding of such a
rule is *carried*: for every entity that the reports of its evidence name (`Sighting.linking`), and that is not the
finding's own, a sighting goes on the timeline of that entity. To the rules there it is a sighting like any other, of
the kind `finding` and with the rule's id as its subtype.

It says no more than a rule may read: when the finding completed, where, whether a child is in it, by which occurrence
(`completed-by`), and about whom as a digest (`subject`), by which two findings about one can be told from two about
two. So a finding that changes otherwise says nothing new elsewhere. What it names goes along, for rules that rest on
what rests on it. One that rests on a possible match of persons is itself no more than possible.

Two findings are never one occurrence, nor is a finding one with a report: it is of no organisation and lies nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from safety_stream.core.model import ids
from safety_stream.core.model.facts import Fact
from safety_stream.core.model.findings import POSSIBLE, Finding
from safety_stream.core.model.incidents import Place
from safety_stream.core.model.sightings import FINDING, Sighting, key_kind
from safety_stream.core.model.stretches import subject_of
from safety_stream.core.model.times import Instant

SUBJECT = "subject"
"""The fact that tells findings about one apart from findings about another."""

COMPLETED_BY = "completed-by"
"""The fact that names the occurrence a finding was completed by."""

FINDING_FACTS = frozenset({COMPLETED_BY, SUBJECT})
"""What findings say that no report can."""

NAMED_AT_MOST: Final = 64
"""What names more than so many says nothing of any of them, as a hub does not: it is carried nowhere.

A sighting repeats all the names, and a timeline full of such must fit one record.
"""

ENTITY_KINDS = frozenset({"person", "vehicle", "phone", "group", "place"})
"""The kinds of key a report names entities by; a finding can be carried to no other."""

_NOWHERE = Place()
_OF_A_PERSON = frozenset({"person", "victim", "suspect", "victim-perpetrator"})
_OF_AN_ADDRESS = frozenset({"place", "household"})


def named_by(sightings: Iterable[Sighting]) -> tuple[str, ...]:
    """The entities these sightings name, sorted."""
    return tuple(sorted(frozenset[str]().union(*[sighting.linking for sighting in sightings])))


def own_entities(key: str) -> frozenset[str]:
    """Whom or what a key is about, as entities: a victim is a person, a pair are two, a household is its address."""
    kind, _, value = key.partition(":")
    if kind in _OF_A_PERSON:
        return frozenset(f"person:{token}" for token in value.split("|"))
    return frozenset({f"place:{value}"}) if kind in _OF_AN_ADDRESS else frozenset({key})


def carried(finding: Finding, named: tuple[str, ...], kinds: frozenset[str]) -> Iterator[tuple[str, Sighting]]:
    """The sighting this finding is, on each key of these kinds among those `named` that is not its own."""
    if len(named) > NAMED_AT_MOST:
        return
    own = own_entities(finding.key)
    to = [entity for entity in named if key_kind(entity) in kinds and entity not in own]
    if not to:
        return
    said = seen_elsewhere(
        finding.finding_id,
        finding.rule_id,
        finding.completed_at,
        area=finding.area,
        child=finding.child,
        completed_by=finding.occurrence_id,
        subject=ids.subject_id(subject_of(finding.key)),
        named=named,
    )
    said = msgspec.structs.replace(said, possible=POSSIBLE in finding.facts, marking=finding.marking)
    for entity in to:
        yield entity, said


def reports_of(finding: Finding) -> frozenset[str]:
    """The ids of the reports a finding names, and of the findings that stand in the place of one."""
    return frozenset(report for one in finding.evidence for report in one.reports)


def reports_beneath(finding: Finding, standing: Mapping[str, Finding]) -> frozenset[str]:
    """The ids of the reports a finding rests on, also where it names findings, at any depth; `standing` are by id."""
    named: set[str] = set()
    waiting = [finding]
    while waiting:
        more = reports_of(waiting.pop()) - named
        named |= more
        waiting.extend(standing[report] for report in more if report in standing)
    return frozenset(named - standing.keys())


def seen_elsewhere(
    finding_id: str,
    rule_id: str,
    completed_at: Instant,
    *,
    area: str,
    child: bool,
    completed_by: str,
    subject: str,
    named: tuple[str, ...] = (),
) -> Sighting:
    """A finding as the keys it is carried to see it."""
    return Sighting(
        incident_id=finding_id,
        source="",
        organisation="",
        kind=FINDING,
        subtype=rule_id,
        category="",
        family="",
        themes=(),
        flags=(),
        origin="reported",
        grade=None,
        occurred_from=completed_at,
        occurred_to=completed_at,
        reported_at=completed_at,
        received_at=completed_at,
        area=area,
        place=_NOWHERE,
        roles=(),
        persons=(),
        complainants=(),
        child=child,
        facts=(Fact(COMPLETED_BY, completed_by), Fact(SUBJECT, subject)),
        linking=named,
    )
