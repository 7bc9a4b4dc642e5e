"""Small builders for tests of timelines and rules: sightings with invented tokens, and what a rule finds on them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from tests.core.stages.making import a_record

from safety_stream.catalogue import load_catalogue
from safety_stream.core.catalogue import Bounds
from safety_stream.core.model.findings import Finding, FindingChange
from safety_stream.core.model.incidents import IncidentVersion, Place
from safety_stream.core.model.sightings import KeyKind, Sighting
from safety_stream.core.model.times import DAY_LENGTH, HOUR, LONDON, Duration, Instant, to_instant
from safety_stream.core.rules.condition import ALWAYS, Now, Span
from safety_stream.core.rules.engine import RuleSet, evaluate
from safety_stream.core.rules.rule import Condition, Limb, Override, PriorityRule, Rule, Safeguards, Selector, Test
from safety_stream.core.stages import detect, register
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.core.stages.stage import Record
from safety_stream.core.timeline import Timeline
from safety_stream.data_files import catalogue_folder

BOUNDS = Bounds(hub=256, kept=1024, cell_metres=500, cell_days=92)
SHIPPED = msgspec.structs.replace(load_catalogue(catalogue_folder()), bounds=BOUNDS)
KEY = "victim:t1"
HOME = Place(uprn="900000000001", easting=384_000, northing=432_000, exact=True)
ANY = Selector()
"""A step every report passes."""


def at(text: str) -> Instant:
    """The instant of a London local time (the first of two in autumn)."""
    return to_instant(datetime.fromisoformat(text).replace(tzinfo=LONDON))


def days(number: int) -> Duration:
    """A duration of exact days."""
    return Duration(millis=number * DAY_LENGTH)


def months(number: int) -> Duration:
    """A duration of calendar months."""
    return Duration(months=number)


def a_sighting(when: str | Instant, incident_id: str = "", **changes: object) -> Sighting:
    """A violent crime at `when`, reported an hour later; its id is its time unless another is given."""
    occurred = at(when) if isinstance(when, str) else when
    values: dict[str, Any] = {
        "incident_id": incident_id or f"i{occurred:015d}",
        "source": "police-crimes",
        "organisation": "lancashire-police",
        "kind": "police-crime",
        "subtype": "",
        "category": "violence",
        "family": "violence",
        "themes": ("violence",),
        "flags": (),
        "origin": "reported",
        "grade": None,
        "occurred_from": occurred,
        "occurred_to": occurred,
        "reported_at": occurred + HOUR,
        "received_at": occurred + HOUR,
        "area": "E07000117",
        "place": Place(),
        "roles": ("victim",),
        "persons": (),
        "complainants": (),
        "child": False,
    }
    return Sighting(**(values | changes))


def a_timeline(*sightings: Sighting, bounds: Bounds = BOUNDS) -> Timeline:
    """The timeline of these sightings, put in one after another."""
    timeline = Timeline()
    for sighting in sightings:
        timeline = timeline.changed(1, sighting, bounds)
    return timeline


def a_rule(condition: Condition, steps: Mapping[str, Selector] | None = None, **changes: object) -> Rule:
    """A rule of one limb on victims, of priority P4; every step passes everything unless told otherwise."""
    named = [
        getattr(condition, name)
        for name in ("of", "after", "also", "unless", "until")
        if isinstance(getattr(condition, name, None), str)
    ]
    listed = [step for name in ("steps", "none_of") for step in getattr(condition, name, ())]
    selectors = dict.fromkeys([*named, *listed], ANY) | dict(steps or {})
    limb = Limb(name="main", keys=("victim",), steps=selectors, condition=condition, explain="it happened")
    rule = Rule(
        id="a-rule",
        version=1,
        title="A rule",
        status="stable",
        family="repeat-victimisation",
        limbs=(limb,),
        overrides=(),
        priority=PriorityRule(base="P4"),
        safeguards=Safeguards(),
        action_time=days(7),
        suppress_for=days(7),
        audiences=("analyst",),
    )
    return msgspec.structs.replace(rule, **changes)


def on(kind: KeyKind, rule: Rule) -> Rule:
    """The rule, asked of another kind of key."""
    return msgspec.structs.replace(rule, limbs=tuple(msgspec.structs.replace(at, keys=(kind,)) for at in rule.limbs))


def standing(rule: Rule, *versions: IncidentVersion) -> list[Finding]:
    """What stands once these reports have gone through register and detect."""
    catalogue = msgspec.structs.replace(SHIPPED, rules=(rule,), indicators=())
    take, judge = register.make_step(catalogue, 1), detect.make_step(catalogue, 1)
    sent = take(MemoryRows(), [a_record(version) for version in versions], None)
    records = [
        Record(topic="sightings", partition=0, offset=offset, received_at=output.received_at, value=output.value)
        for offset, output in enumerate(sent)
        if output.topic == "sightings"
    ]
    found: dict[str, Finding] = {}
    for output in judge(MemoryRows(), records, None):
        assert isinstance(output.value, FindingChange)
        if output.value.change == "withdrawn":
            del found[output.value.finding.finding_id]
        else:
            found[output.value.finding.finding_id] = output.value.finding
    return sorted(found.values(), key=lambda finding: (finding.completed_at, finding.occurrence_id))


def of_kind(*kinds: str) -> Selector:
    """A step that passes reports of these kinds."""
    return Selector(tests=(Test("kind", frozenset(kinds)),))


def with_flag(*flags: str) -> Selector:
    """A step that passes reports with one of these flags."""
    return Selector(tests=(Test("flag", frozenset(flags)),))


def an_override(*areas: str, **changes: object) -> Override:
    """An override for these areas."""
    return Override(areas=frozenset(areas or ("E07000117",)), **changes)


def known(as_of: str = "2030-01-01T00:00", **complete_to: str) -> Now:
    """What was known when; underscores in names of feeds are dashes."""
    return Now(at(as_of), {feed.replace("_", "-"): at(when) for feed, when in complete_to.items()})


def finds(
    rule: Rule, *sightings: Sighting, now: Now | None = None, span: Span = ALWAYS, key: str = KEY
) -> list[Finding]:
    """What the rule finds on a timeline of these sightings, a victim's if nothing is said, in order of time."""
    rules = RuleSet([rule], BOUNDS)
    found = evaluate(rules, key, a_timeline(*sightings), now or known(), span)
    return sorted(found.values(), key=lambda finding: (finding.completed_at, finding.occurrence_id))


def times_of(findings: list[Finding]) -> list[Instant]:
    """When they completed."""
    return [finding.completed_at for finding in findings]


def facts_of(finding: Finding) -> dict[str, str]:
    """Its facts by name."""
    return dict(finding.facts)
