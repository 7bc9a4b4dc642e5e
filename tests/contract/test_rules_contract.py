"""What every rule and every condition type must keep to, whatever arrives and however it is cut."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from random import Random
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.catalogue.copying import MORE_RULES
from tests.core.rules.making import HOME, a_rule, a_sighting, an_override, at, days, months, of_kind, on, with_flag
from tests.trying import often

from safety_stream.catalogue import load_catalogue
from safety_stream.core.catalogue import Bounds, Catalogue
from safety_stream.core.model.facts import Fact, number_of, value_of
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.findings import Finding, FindingChange
from safety_stream.core.model.incidents import Action, IncidentVersion, Party, Place
from safety_stream.core.model.open_days import Ahead, Closed, OpenDays
from safety_stream.core.model.sightings import Sighting, SightingChange
from safety_stream.core.model.tallies import Tally
from safety_stream.core.model.times import DAY_LENGTH, HOUR, MINUTE, SECOND, Duration, Instant
from safety_stream.core.rules import condition, selectors, summing
from safety_stream.core.rules.chains import rests_on, with_all_beneath
from safety_stream.core.rules.condition import Matched, Now, Span
from safety_stream.core.rules.engine import Picture, RuleSet, difference, evaluate, revise, revise_by_clock, wakes
from safety_stream.core.rules.linked import FACTS as LINKED_FACTS
from safety_stream.core.rules.registry import condition_type
from safety_stream.core.rules.rule import (
    Absent,
    AllOf,
    Besides,
    Calendar,
    Condition,
    Count,
    Distinct,
    FactTest,
    Limb,
    Near,
    Ordered,
    Rule,
    Selector,
    Share,
    Signalled,
    Sum,
)
from safety_stream.core.rules.rule import Test as FieldTest
from safety_stream.core.rules.summing import SumCondition
from safety_stream.core.stages import detect, register
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.core.stages.stage import EVERY_PARTITION, MORE_ROW, Output, Record
from safety_stream.core.timeline import Timeline
from safety_stream.data_files import catalogue_folder
from safety_stream.testing import oracle

SHIPPED = load_catalogue(catalogue_folder())
START = at("2026-01-05T00:00")

TOLD_BESIDES = a_rule(
    Absent(after="left", unless="back", within=days(3), feeds=("police-missing",)),
    id="besides",
    limbs=(
        Limb(
            name="main",
            keys=("victim",),
            steps={
                "left": of_kind("missing-episode", "police-crime"),
                "back": of_kind("intervention"),
                "armed": with_flag("weapon"),
            },
            condition=Absent(after="left", unless="back", within=days(3), feeds=("police-missing",)),
            explain="armed {armed} times, away {away} times, found {found}",
            besides={
                "armed": Besides(of="armed", within=months(3), quietens=True),
                "away": Besides(of="left", within=days(2)),
                "found": Besides(of="left", within=months(3), latest="found-area"),
            },
        ),
    ),
)
TRUE = frozenset({"true"})
OF_POLICE = Selector(tests=(FieldTest("organisation", frozenset({"lancashire-police"})),))


def _linked(condition: Condition, within: int, name: str) -> Rule:
    rule = a_rule(condition, {"harm": of_kind("police-crime", "hate-report"), "armed": with_flag("weapon")}, id=name)
    limb = msgspec.structs.replace(rule.limbs[0], keys=("linked",), linked_within=within, explain="by the {path}")
    return msgspec.structs.replace(rule, limbs=(limb,))


LINKED = (
    _linked(Count(of="harm", at_least=2, within=days(28), same=("family",), until="armed"), 2, "linked-count"),
    _linked(Ordered(steps=("harm", "armed", "any"), within=months(2), none_of=("closed",)), 1, "linked-ordered"),
    _linked(AllOf(steps={"harm": 2, "armed": 1}, within=days(60)), 2, "linked-all-of"),
    _linked(AllOf(steps={"harm": 2, "any": 1}, within=days(60), until="armed"), 1, "linked-all-of-until"),
    _linked(Distinct(of="harm", field="area", at_least=2, within=months(3)), 1, "linked-distinct"),
)
WEEKS = START // DAY_LENGTH
SCHOOL = OpenDays(
    id="school",
    opens=540,
    closed=(Closed(WEEKS + 28, WEEKS + 32), Closed(WEEKS + 80, WEEKS + 95), Closed(WEEKS + 99, WEEKS + 99)),
    known_from=WEEKS,
    known_to=WEEKS + 200,
)
TYPES: tuple[Rule, ...] = (
    TOLD_BESIDES,
    a_rule(Count(of="harm", at_least=2, within=months(1), same=("category",)), id="count-months"),
    a_rule(
        Count(of="harm", at_least=3, within=days(28)),
        {"harm": Selector(tests=(FieldTest("origin", frozenset({"reported"})),), reported_within=months(1))},
        id="count-days",
    ),
    a_rule(Count(of="harm", at_least=2, within=Duration(days=84)), id="count-calendar-days"),
    a_rule(Count(of="harm", at_least=1, at_most=2, within=months(2), same=("kind",)), id="count-at-most"),
    a_rule(
        Absent(after="left", unless="back", within=Duration(days=84), feeds=("childrens-services",)),
        {"left": of_kind("missing-episode", "asb-case"), "back": of_kind("intervention")},
        id="absent-calendar-days",
    ),
    a_rule(Distinct(of="harm", field="area", at_least=2, within=months(2), ignore=("OUTSIDE",)), id="distinct-text"),
    a_rule(Distinct(of="harm", field="area", at_least=2, occurrences=3, within=days(60)), id="distinct-of-several"),
    a_rule(Distinct(of="harm", field="area", also=("kind",), at_least=2, within=days(60)), id="distinct-also"),
    a_rule(
        Distinct(of="harm", field="kind", together=("area",), at_least=3, within=months(2), ignore=("OUTSIDE",)),
        id="distinct-together",
    ),
    a_rule(
        Distinct(of="harm", field="facts.found-area", together=("victims", "area"), at_least=2, within=days(60)),
        id="distinct-together-of-victims",
    ),
    a_rule(Distinct(of="harm", field="persons", at_least=3, within=days(60), same=("family",)), id="distinct-list"),
    a_rule(
        Distinct(of="harm", field="victims", at_least=2, within=months(2), unconnected=True, until="answer"),
        {"answer": of_kind("intervention")},
        id="distinct-unconnected",
    ),
    a_rule(
        Count(of="harm", at_least=2, within=months(2), same=("category",), until="answer"),
        {
            "harm": of_kind("police-crime", "police-incident", "asb-case"),
            "answer": Selector(tests=of_kind("intervention", "hate-report").tests, reported_within=months(1)),
        },
        id="count-until",
    ),
    a_rule(
        Distinct(of="harm", field="kind", at_least=2, within=days(60), until="answer"),
        {"answer": with_flag("weapon")},
        id="distinct-until",
    ),
    a_rule(
        AllOf(steps={"crime": 2, "armed": 1}, within=months(2)),
        {"crime": of_kind("police-crime", "police-incident"), "armed": with_flag("weapon")},
        id="all-of-months",
    ),
    a_rule(
        AllOf(steps={"crime": 1, "hatred": 1, "nuisance": 1}, within=days(28)),
        {
            "crime": of_kind("police-crime", "hate-report"),
            "hatred": Selector(tests=(FieldTest("theme", frozenset({"hate"})),), reported_within=months(1)),
            "nuisance": of_kind("asb-case", "police-crime"),
        },
        id="all-of-days",
    ),
    a_rule(
        AllOf(steps={"crime": 2, "armed": 1, "hatred": 1}, within=days(60), needed=2, always=("crime",)),
        {
            "crime": of_kind("police-crime", "police-incident"),
            "armed": with_flag("weapon"),
            "hatred": of_kind("hate-report", "asb-case"),
        },
        id="all-of-some",
    ),
    a_rule(
        AllOf(steps={"crime": 2, "armed": 1}, within=months(2), until="answer"),
        {
            "crime": of_kind("police-crime", "police-incident"),
            "armed": with_flag("weapon"),
            "answer": Selector(tests=of_kind("intervention", "hate-report").tests, reported_within=months(1)),
        },
        id="all-of-until",
    ),
    a_rule(
        Calendar(per="month", at_least=2, of="harm", until="answer"),
        {
            "harm": of_kind("police-crime", "police-incident", "asb-case"),
            "answer": Selector(tests=of_kind("intervention", "hate-report").tests, reported_within=months(1)),
        },
        id="calendar-until",
    ),
    a_rule(
        Ordered(steps=("first", "second", "third"), within=months(3)),
        {"first": of_kind("police-crime"), "third": of_kind("asb-case", "police-crime")},
        id="ordered",
    ),
    a_rule(
        Ordered(steps=("first", "second"), within=months(2), none_of=("answer", "armed")),
        {
            "first": of_kind("police-crime", "asb-case"),
            "second": of_kind("police-crime", "police-incident", "hate-report"),
            "answer": Selector(tests=of_kind("intervention").tests, reported_within=months(1)),
            "armed": with_flag("weapon"),
        },
        id="ordered-none-of",
    ),
    a_rule(
        Ordered(steps=("first", "second"), within=days(60), runs=3),
        {"first": of_kind("police-crime", "asb-case"), "second": of_kind("police-crime", "police-incident")},
        id="ordered-runs",
    ),
    a_rule(
        Absent(after="left", unless="back", within=days(3), feeds=("childrens-services", "police-missing")),
        {"left": of_kind("missing-episode"), "back": of_kind("intervention")},
        id="absent-days",
    ),
    a_rule(
        Absent(after="left", unless="back", within=months(1), feeds=()),
        {"left": of_kind("missing-episode", "asb-case"), "back": of_kind("intervention")},
        id="absent-months",
    ),
    a_rule(
        Absent(after="left", unless="back", before=Ahead(SCHOOL, 2), feeds=("childrens-services",)),
        {"left": of_kind("missing-episode", "asb-case"), "back": of_kind("intervention")},
        id="absent-before",
    ),
    *(
        a_rule(Calendar(per=per, at_least=2, of="harm"), id=f"calendar-{per}")
        for per in ("day", "week", "four-weeks", "month", "quarter", "year")
    ),
    a_rule(
        Count(of="harm", at_least=2, within=months(2)),
        {"harm": Selector(none_of=(FieldTest("flag", frozenset({"weapon"})),))},
        id="count-none-of-a-flag",
    ),
    a_rule(
        Distinct(of="harm", field="complainants", at_least=2, within=months(3)),
        {
            "harm": Selector(
                tests=(FieldTest("kind", frozenset({"police-crime", "police-incident"})),),
                none_of=(FieldTest("theme", frozenset({"violence", "asb"})),),
            )
        },
        id="distinct-none-of-a-theme",
    ),
    on("cell", a_rule(Near(of="harm", metres=100, within=months(2)), id="near-months")),
    on(
        "cell",
        a_rule(
            Near(of="crime", after="harm", metres=101, within=days(60), at_least=2),
            {
                "crime": of_kind("police-crime", "police-incident"),
                "harm": Selector(none_of=(FieldTest("flag", frozenset({"weapon"})),), reported_within=months(1)),
            },
            id="near-days",
        ),
    ),
    on(
        "cell",
        a_rule(
            Near(of="crime", after="harm", metres=100, within=months(2), until="crime"),
            {
                "crime": of_kind("police-crime", "police-incident"),
                "harm": Selector(none_of=(FieldTest("flag", frozenset({"weapon"})),), reported_within=months(1)),
            },
            id="near-until",
        ),
    ),
    a_rule(
        Share(of="seen", also="known", at_least=1, percent=50, within=months(2), until="answer"),
        {
            "seen": Selector(none_of=(FieldTest("flag", frozenset({"weapon"})),)),
            "known": OF_POLICE,
            "answer": Selector(tests=of_kind("intervention", "hate-report").tests, reported_within=months(1)),
        },
        id="share-until",
    ),
    a_rule(
        Share(of="seen", also="known", at_least=2, percent=50, within=months(2)),
        {
            "seen": Selector(none_of=(FieldTest("flag", frozenset({"weapon"})),), reported_within=months(1)),
            "known": OF_POLICE,
        },
        id="share-months",
    ),
    on(
        "lsoa",
        a_rule(
            Share(of="seen", also="known", at_least=1, percent=0, within=days(60)),
            {"known": OF_POLICE},
            id="share-days",
        ),
    ),
    on(
        "lsoa",
        a_rule(Distinct(of="harm", field="kind", at_least=2, occurrences=3, within=days(60)), id="distinct-in-lsoa"),
    ),
    a_rule(
        Sum(of="harm", field="facts.found-distance-km", at_least=5, within=months(2), same=("category",)),
        id="sum-months",
    ),
    a_rule(
        Sum(of="harm", field="facts.found-distance-km", at_least=8, within=days(60), until="answer"),
        {
            "harm": Selector(tests=(FieldTest("origin", frozenset({"reported"})),), reported_within=months(1)),
            "answer": of_kind("intervention", "hate-report"),
        },
        id="sum-until",
    ),
    a_rule(
        Count(of="harm", at_least=2, within=months(3), same=("facts.found-area",)),
        {
            "harm": Selector(
                facts=(FactTest("found-distance-km", None, 0, 5),), none_of_facts=(FactTest("found-out-of-area", TRUE),)
            )
        },
        id="count-facts",
    ),
    a_rule(
        Distinct(of="harm", field="facts.found-area", at_least=2, within=months(3)),
        {"harm": Selector(none_of_facts=(FactTest("found-distance-km", None, 5),))},
        id="distinct-fact",
    ),
    *LINKED,
)


def _with_overrides(rule: Rule) -> Rule:
    """The rule with more asked for in one area, nothing found in another for a while, and less asked for in a third."""
    condition = rule.limbs[0].condition
    changes: dict[str, Any] = {}
    if not isinstance(condition, Calendar) and getattr(condition, "before", None) is None:
        changes["within"] = months(4)
    mid_window = START // DAY_LENGTH + 60
    overrides = [an_override("E07000123", valid_to=mid_window, enabled=False)]
    if isinstance(condition, Count | Distinct | Sum | Calendar | Near | Share):
        changes["at_least"] = condition.at_least + 1
        overrides.append(an_override("E07000117", at_least=max(condition.at_least - 1, 1)))
    overrides.append(an_override("E07000122", valid_from=mid_window, **changes))
    return msgspec.structs.replace(rule, id=f"{rule.id}-overridden", overrides=tuple(overrides))


TRIED_OUT = load_catalogue(catalogue_folder(), rules=MORE_RULES).rules
OF_FINDINGS = [rule for rule in TRIED_OUT if rests_on(rule)]
CHAINS = {one.id: one for rule in OF_FINDINGS for one in with_all_beneath(rule, TRIED_OUT)}
CATALOGUE: Catalogue = msgspec.structs.replace(
    SHIPPED,
    rules=(*SHIPPED.rules, *TYPES, *map(_with_overrides, TYPES), *CHAINS.values()),
    bounds=Bounds(hub=9, kept=12, cell_metres=500, cell_days=92),
)
RULES = RuleSet(CATALOGUE.rules, CATALOGUE.bounds)
EACH_RULE = pytest.mark.parametrize(
    "rule", [rule for rule in CATALOGUE.rules if rule.limbs[0].keys != ("area",)], ids=lambda rule: rule.id
)
ON_TIMELINES = [rule for rule in CATALOGUE.rules if rule.limbs[0].keys != ("area",)]
FILES = {path.stem: oracle._load(path) for path in MORE_RULES.glob("*.yaml")}
AREA_NAMES = {code: area.name for code, area in SHIPPED.areas.by_code.items()}
CALENDARS = oracle.read_calendars(catalogue_folder())
LIMBS = [(rule, limb) for rule in CATALOGUE.rules for limb in rule.limbs]
KEYS = (
    "linked:a",
    "victim:a",
    "person:b",
    "vehicle:c",
    "place:900000000001",
    "victim-perpetrator:a|b",
    "cell:1.1.1",
    "lsoa:a.1",
)

# --- what may arrive

kinds = st.sampled_from(
    [
        ("police-crime", ""),
        ("police-crime", ""),
        ("police-incident", ""),
        ("asb-case", ""),
        ("hate-report", ""),
        ("marac-referral", ""),
        ("domestic-abuse", ""),
        ("missing-episode", "returned"),
        ("intervention", "return-interview"),
    ]
)
occurred = st.builds(
    lambda day, moment, shift: START + day * DAY_LENGTH + moment + shift,
    st.one_of(st.integers(0, 6), st.sampled_from([28, 31, 59, 84, 90, 181, 365]), st.integers(0, 400)),
    st.sampled_from([0, 30 * MINUTE, HOUR, 2 * HOUR, 23 * HOUR]),
    st.sampled_from([0, 0, 0, SECOND, -SECOND]),
)
places = st.sampled_from(
    [
        Place(),
        Place(uprn="900000000001", exact=True),
        Place(uprn="900000000002", easting=384_000, northing=432_000, exact=True),
        Place(easting=384_100, northing=432_000, exact=True),
        Place(easting=384_101, northing=432_000, exact=True),
    ]
)


facts = st.sampled_from(
    [
        (),
        (Fact("found-distance-km", "5"),),
        (Fact("found-distance-km", "4"),),
        (Fact("found-area", "leeds"), Fact("found-distance-km", "-3")),
        (Fact("found-area", "leeds"), Fact("found-out-of-area", "true"), Fact("found-distance-km", "0")),
        (Fact("found-area", "york"), Fact("found-out-of-area", "false"), Fact("found-distance-km", "9")),
        # What the catalogue called a word when it was reported, it may call a number now.
        (Fact("found-area", "leeds"), Fact("found-distance-km", "heavy")),
    ]
)
# Made once: to make a strategy takes longer than to draw from it.
categories = st.sampled_from(["violence", "burglary", "asb-noise", "hate-crime"])
reported_later = st.sampled_from([HOUR, HOUR, 31 * DAY_LENGTH, 40 * DAY_LENGTH])
organisations = st.sampled_from(["lancashire-police", "district-councils", "social-landlords"])
flags = st.sampled_from([(), (), ("weapon",)])
origins = st.sampled_from(["reported", "reported", "discovered"])
grades = st.sampled_from([None, "E"])
lengths = st.sampled_from([0, 0, 30 * MINUTE, 2 * DAY_LENGTH, 60 * DAY_LENGTH])
areas = st.sampled_from(["E07000117", "E07000122", "E07000123", "OUTSIDE"])
roles = st.sampled_from([("here", "victim"), ("here", "suspect", "victim"), ("missing", "vehicle")])
persons = st.sampled_from([(), ("p1",), ("p1", "p2"), ("p3",)])
complainants = st.sampled_from([(), ("p1",), ("p2",), ("p3", "p4"), ("p5", "p6")])
booleans = st.booleans()


named = st.sampled_from(
    [(), ("person:p",), ("person:p", "vehicle:v"), ("phone:t", "vehicle:v"), ("phone:t", "place:u")]
)


markings = st.sampled_from(["OFFICIAL", "OFFICIAL", "OFFICIAL", "OFFICIAL-SENSITIVE"])
harmed = st.sampled_from([(), ("p1",), ("p2",), ("a",), ("a", "p1"), ("p1", "p2"), ("p2", "p3"), ("b", "p4")])


@st.composite
def sightings(draw: st.DrawFn, incident_id: str) -> Sighting:
    kind, subtype = draw(kinds)
    category = CATALOGUE.categories[draw(categories)]
    begins = draw(occurred)
    reported = begins + draw(reported_later)
    child = draw(booleans)
    return Sighting(
        incident_id=incident_id,
        source="police-crimes",
        organisation=draw(organisations),
        kind=kind,
        subtype=subtype,
        category=category.id,
        family=category.family,
        themes=tuple(sorted({*category.themes, *CATALOGUE.kind_themes.get(kind, ())})),
        flags=draw(flags),
        origin=draw(origins),
        grade=draw(grades),
        occurred_from=begins,
        occurred_to=begins + draw(lengths),
        reported_at=reported,
        received_at=reported,
        area=draw(areas),
        place=draw(places),
        # What is not in the cell or stretch itself is there as well.
        roles=draw(roles),
        persons=draw(persons),
        complainants=draw(complainants),
        child=child,
        facts=draw(facts),
        linking=draw(named),
        victims=draw(harmed),
        marking=draw(markings),
    )


NUMBERED = [sightings(f"i{number}") for number in range(14)]
UP_TO = [st.integers(0, most) for most in range(len(NUMBERED) + 1)]


@st.composite
def live(draw: st.DrawFn, most: int = 8) -> list[Sighting]:
    """The sightings of one timeline."""
    return [draw(NUMBERED[number]) for number in range(draw(UP_TO[most]))]


one_to_eight = st.integers(1, 8)
corrections = st.sampled_from([0, 0, 1, 2])
withdrawn = st.sampled_from([False, False, True])


@st.composite
def changes(draw: st.DrawFn) -> list[tuple[int, Sighting]]:
    """Reports, corrections and withdrawals on one timeline: each incident's own in order, interleaved anyhow."""
    per_incident: list[list[tuple[int, Sighting]]] = []
    for number in range(draw(one_to_eight)):
        stands = draw(NUMBERED[number])
        story = [(1, stands)]
        for _ in range(draw(corrections)):
            story.append((-1, stands))
            stands = draw(NUMBERED[number])
            story.append((1, stands))
        if draw(withdrawn):
            story.append((-1, stands))
        per_incident.append(story)
    turns = draw(st.permutations([number for number, story in enumerate(per_incident) for _ in story]))
    left = [iter(story) for story in per_incident]
    return [next(left[number]) for number in turns]


FEEDS = ("childrens-services", "police-missing", "police-crimes")
LAGS = st.sampled_from([0, -2 * DAY_LENGTH, 5 * DAY_LENGTH])
one_or_two_keys = st.lists(st.sampled_from(KEYS), min_size=1, max_size=2, unique=True)
pauses = st.sampled_from([0, HOUR, 3 * DAY_LENGTH, 40 * DAY_LENGTH])
now_and_then = st.integers(0, 2).map(lambda number: number == 0)
heard_of = st.lists(st.sampled_from(FEEDS), max_size=2, unique=True)


@st.composite
def streams(draw: st.DrawFn) -> list[Record]:
    """Records of one partition of `sightings`: changes of two keys, and word of the feeds, in rising or equal time."""
    keys = draw(one_or_two_keys)
    values: list[msgspec.Struct] = []
    for key in keys:
        for sign, sighting in draw(changes()):
            values.append(_change(key, sign, sighting))
    values = _interleaved(values, draw(st.randoms(use_true_random=False)))
    records = []
    received = START
    for value in values:
        received += draw(pauses)
        if draw(now_and_then):
            heard = dict.fromkeys(draw(heard_of), received + draw(LAGS))
            records.append(_record(len(records), received, FeedStatus(as_of=received, newest=heard, partition=0)))
        records.append(_record(len(records), received, value))
    return records


def _interleaved(values: list[msgspec.Struct], random: Random) -> list[msgspec.Struct]:
    """Both keys' changes mixed, each key's in its own order."""
    by_key: dict[str, list[msgspec.Struct]] = {}
    for value in values:
        by_key.setdefault(value.key, []).append(value)  # type: ignore[attr-defined]
    mixed = []
    while by_key:
        key = random.choice(sorted(by_key))
        mixed.append(by_key[key].pop(0))
        if not by_key[key]:
            del by_key[key]
    return mixed


def _change(key: str, sign: int, sighting: Sighting) -> SightingChange:
    return SightingChange(
        key=key,
        sign=1 if sign > 0 else -1,
        sighting=sighting,
        as_of=sighting.received_at,
        cause=f"{sighting.incident_id} new",
    )


def _record(offset: int, received_at: Instant, value: msgspec.Struct) -> Record:
    return Record(topic="sightings", partition=0, offset=offset, received_at=received_at, value=value)


# --- what is made of it


def _timeline(of: Sequence[Sighting], bounds: Bounds = CATALOGUE.bounds) -> Timeline:
    timeline = Timeline()
    for sighting in of:
        timeline = timeline.changed(1, sighting, bounds)
    return timeline


def _standing(outputs: Sequence[Output]) -> dict[str, Finding]:
    """The findings that stand after these outputs; each change must fit what stood before it."""
    standing: dict[str, Finding] = {}
    # What findings say to other keys is no part of what is found on this one.
    for change in [output.value for output in outputs if output.topic == "findings"]:
        assert isinstance(change, FindingChange)
        before = standing.get(change.finding.finding_id)
        if change.change == "raised":
            assert before is None
        elif change.change == "updated":
            assert before is not None
            assert before != change.finding
        else:
            assert before == change.finding
            del standing[change.finding.finding_id]
            continue
        standing[change.finding.finding_id] = change.finding
    return standing


def _recomputed(records: Sequence[Record], rules: RuleSet = RULES) -> dict[str, Finding]:
    """The findings of the sightings that are left in the end, as of the end."""
    left: dict[str, dict[str, Sighting]] = {}
    newest: dict[str, Instant] = {}
    for record in records:
        value = record.value
        if isinstance(value, SightingChange):
            of_key = left.setdefault(value.key, {})
            if value.sign > 0:
                of_key[value.sighting.incident_id] = value.sighting
            else:
                del of_key[value.sighting.incident_id]
        elif isinstance(value, FeedStatus):
            newest = {**newest, **{feed: max(at, newest.get(feed, 0)) for feed, at in value.newest.items()}}
    complete_to = {feed: at - CATALOGUE.sources[feed].usual_latency for feed, at in newest.items()}
    now = Now(max(record.received_at for record in records), complete_to)
    found: dict[str, Finding] = {}
    for key, of_key in left.items():
        found.update(evaluate(rules, key, _timeline(list(of_key.values())), now))
    return found


def _run(records: Sequence[Record], cuts: Sequence[int] = ()) -> tuple[list[Output], MemoryRows]:
    """The outputs of detect, in batches that end at the cuts; between batches the rows are restored from a copy."""
    step = detect.make_step(CATALOGUE, 1)
    rows = MemoryRows()
    outputs: list[Output] = []
    ends = [*sorted({min(cut, len(records)) for cut in cuts}), len(records)]
    begin = 0
    for end in ends:
        outputs.extend(step(rows, records[begin:end], None))
        rows, begin = _restored(rows), end
    return outputs, rows


def _restored(rows: MemoryRows) -> MemoryRows:
    copy = MemoryRows()
    for key, value in _all(rows):
        copy.put(bytes(key), bytes(value))
    return copy


def _all(rows: MemoryRows) -> list[tuple[bytes, bytes]]:
    return [*rows.scan(b"", b"~"), *rows.scan(b"~", b"\xff")]


def _counted(outputs: Sequence[Output]) -> dict[tuple[object, ...], int]:
    """What the tallies come to: they are summed a batch at a time, so how many there are is the batches' doing."""
    found: Counter[tuple[object, ...]] = Counter()
    for one in outputs:
        if isinstance(one.value, Tally):
            tally = one.value
            found[tally.area, tally.indicator, tally.event_day, tally.precision, tally.report_day] += tally.count
    return {cell: count for cell, count in found.items() if count}


# --- the contract


@settings(max_examples=often(40))
@given(streams())
def test_what_stands_after_a_stream_is_what_its_final_sightings_give(records: list[Record]):
    outputs, _ = _run(records)
    assert _standing(outputs) == _recomputed(records)


@settings(max_examples=often(40))
@given(streams(), st.lists(st.integers(0, 40), max_size=4))
def test_how_records_are_cut_into_batches_and_restored_changes_no_output(records: list[Record], cuts: list[int]):
    whole, rows = _run(records)
    cut, cut_rows = _run(records, cuts)
    assert [one for one in cut if one.topic != "tallies"] == [one for one in whole if one.topic != "tallies"]
    assert _counted(cut) == _counted(whole)
    assert _all(cut_rows) == _all(rows)


@settings(max_examples=often(40))
@given(streams())
def test_the_same_records_give_the_same_bytes(records: list[Record]):
    encode = msgspec.msgpack.Encoder().encode
    assert [encode(output) for output in _run(records)[0]] == [encode(output) for output in _run(records)[0]]


@settings(max_examples=often(40))
@given(streams())
def test_when_everything_is_withdrawn_nothing_is_left(records: list[Record]):
    left: dict[tuple[str, str], Sighting] = {}
    for record in records:
        if isinstance(record.value, SightingChange):
            at_key = (record.value.key, record.value.sighting.incident_id)
            if record.value.sign > 0:
                left[at_key] = record.value.sighting
            else:
                del left[at_key]
    end = records[-1].received_at
    undone = [
        _record(len(records) + index, end, _change(key, -1, sighting))
        for index, ((key, _), sighting) in enumerate(left.items())
    ]
    outputs, rows = _run([*records, *undone])
    assert _standing(outputs) == {}
    assert [key for key, _ in _all(rows)] == [b"clock", b"rules"]


@settings(max_examples=often(40))
@given(streams(), st.integers(0, 3))
def test_a_quiet_partition_learns_by_an_empty_batch_what_a_record_would_have_told_it(records: list[Record], weeks: int):
    later = records[-1].received_at + weeks * 7 * DAY_LENGTH
    rows = MemoryRows()
    step = detect.make_step(CATALOGUE, 1)
    by_clock = [*step(rows, records, None), *step(rows, [], later)]
    by_record, _ = _run([*records, _record(999, later, FeedStatus(as_of=later, newest={}, partition=0))])
    assert _but_for_the_tallies(by_clock) == _but_for_the_tallies(by_record)
    assert _counted(by_clock) == _counted(by_record)


def _but_for_the_tallies(outputs: Iterable[Output]) -> list[Output]:
    return [output for output in outputs if not isinstance(output.value, Tally)]


def _counted(outputs: Iterable[Output]) -> Counter[tuple[str, str, int]]:
    """What tallies add up to: a batch says once what two say one after the other."""
    counts: Counter[tuple[str, str, int]] = Counter()
    for output in outputs:
        if isinstance(output.value, Tally):
            counts[output.value.area, output.value.indicator, output.value.event_day] += output.value.count
    return +counts


@st.composite
def rule_sets(draw: st.DrawFn) -> tuple[Rule, ...]:
    """Some of the rules and what they rest on, some of them in another version."""
    chosen = draw(st.lists(st.sampled_from(ON_TIMELINES), max_size=12, unique_by=lambda rule: rule.id))
    whole = {one.id: one for rule in chosen for one in with_all_beneath(rule, CATALOGUE.rules)}
    return tuple(msgspec.structs.replace(rule, version=draw(st.sampled_from([1, 1, 1, 2]))) for rule in whole.values())


@given(streams(), rule_sets(), rule_sets(), st.integers(0, 40), st.integers(0, 6))
def test_rules_that_change_while_records_come_end_as_if_they_had_been_so_from_the_start(
    records: list[Record], before: tuple[Rule, ...], after: tuple[Rule, ...], at: int, slices: int
):
    old, new = (detect.make_step(msgspec.structs.replace(CATALOGUE, rules=rules), 1) for rules in (before, after))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(detect, "SLICE", 1)
        rows = MemoryRows()
        outputs = list(old(rows, records[:at], None)) if at else []
        # Records come in the middle of the change, each after another slice, until there are no more.
        for number, record in enumerate(records[at:]):
            if number < slices:
                outputs += new(rows, [], None)
                rows = _restored(rows)
            outputs += new(rows, [record], None)
        outputs += new(rows, [], None)
        while rows.get(MORE_ROW) is not None:
            rows = _restored(rows)
            outputs += new(rows, [], None)
    assert _standing(outputs) == _recomputed(records, RuleSet(after, CATALOGUE.bounds))


@EACH_RULE
@settings(max_examples=25)
@given(live(), st.integers(-10, 500), st.integers(0, 200))
def test_evaluating_a_span_finds_exactly_what_the_whole_finds_inside_it(
    rule: Rule, of: list[Sighting], first_day: int, length: int
):
    rules = RuleSet(with_all_beneath(rule, TRIED_OUT), CATALOGUE.bounds)
    key = f"{rule.limbs[0].keys[0]}:a"
    now = Now(START + 600 * DAY_LENGTH, dict.fromkeys(FEEDS, START + 600 * DAY_LENGTH))
    span = Span(START + first_day * DAY_LENGTH, START + (first_day + length) * DAY_LENGTH)
    whole = evaluate(rules, key, _timeline(of), now)
    inside = {at: finding for at, finding in whole.items() if span.holds(finding.completed_at)}
    assert evaluate(rules, key, _timeline(of), now, span) == inside


@EACH_RULE
@settings(max_examples=25)
@given(live(most=9), st.data())
def test_a_change_alters_findings_nowhere_but_where_it_is_looked_for(
    rule: Rule, of: list[Sighting], data: st.DataObject
):
    """The horizon is far enough: the difference found in the span is the difference of the whole."""
    rules = RuleSet(with_all_beneath(rule, TRIED_OUT), CATALOGUE.bounds)
    key = f"{rule.limbs[0].keys[0]}:a"
    now = Now(START + data.draw(st.integers(0, 500)) * DAY_LENGTH, dict.fromkeys(FEEDS, START + 200 * DAY_LENGTH))
    _assert_the_difference_is_found(rules, key, of, data.draw(sightings("changed")), now)


def _assert_the_difference_is_found(
    rules: RuleSet, key: str, of: Sequence[Sighting], changed: Sighting, now: Now
) -> None:
    bounds = rules.bounds_of(key)
    old = Picture(_timeline(of, bounds), bounds)
    new = Picture(old.timeline.changed(1, changed, bounds), bounds)
    for before, after in ((old, new), (new, old)):
        revision = revise(rules, key, before, after, changed, now)
        whole = difference(
            evaluate(rules, key, before.timeline, now), evaluate(rules, key, after.timeline, now), now.as_of, "x"
        )
        assert difference(revision.before, revision.after, now.as_of, "x") == whole
        stands = (wakes(rules, key, before, now) - set(revision.forget)) | set(revision.ask)
        assert stands == wakes(rules, key, after, now)


@EACH_RULE
@settings(max_examples=25)
@given(live())
def test_what_follows_for_one_report_is_not_taken_to_follow_for_another(rule: Rule, of: list[Sighting]):
    """Rules remember what reports like one concern: one set of them is held to many reports."""
    rules = RuleSet(with_all_beneath(rule, TRIED_OUT), CATALOGUE.bounds)
    key = f"{rule.limbs[0].keys[0]}:a"
    now = Now(START + 600 * DAY_LENGTH, dict.fromkeys(FEEDS, START + 600 * DAY_LENGTH))
    stands: dict[str, Finding] = {}
    bounds = rules.bounds_of(key)
    picture = Picture(Timeline(), bounds)
    for sighting in of:
        before, picture = picture, Picture(picture.timeline.changed(1, sighting, bounds), bounds)
        revision = revise(rules, key, before, picture, sighting, now)
        stands = {at: finding for at, finding in stands.items() if at not in revision.before} | revision.after
        assert stands == evaluate(rules, key, picture.timeline, now)


@EACH_RULE
@settings(max_examples=25)
@given(live(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(rule: Rule, of: list[Sighting], random: Random):
    rules = RuleSet(with_all_beneath(rule, TRIED_OUT), CATALOGUE.bounds)
    key = f"{rule.limbs[0].keys[0]}:a"
    now = Now(START + 600 * DAY_LENGTH, dict.fromkeys(FEEDS, START + 600 * DAY_LENGTH))
    shuffled = random.sample(of, len(of))
    assert evaluate(rules, key, _timeline(shuffled), now) == evaluate(rules, key, _timeline(of), now)


@EACH_RULE
@settings(max_examples=25)
@given(live(most=12))
def test_findings_state_the_facts_their_type_promises_and_evidence_in_order(rule: Rule, of: list[Sighting]):
    rules = RuleSet(with_all_beneath(rule, TRIED_OUT), SHIPPED.bounds)
    now = Now(START + 600 * DAY_LENGTH, dict.fromkeys(FEEDS, START + 600 * DAY_LENGTH))
    lsoa = ("lsoa",) if rule.limbs[0].keys == ("lsoa",) else ()
    facts = {
        limb.name: tuple(sorted((*condition_type(limb.condition).facts, *limb.besides, *lsoa, *path)))
        for limb in rule.limbs
        for path in [LINKED_FACTS if limb.linked_within is not None else ()]
    }
    found = evaluate(rules, f"{rule.limbs[0].keys[0]}:a", _timeline(of, SHIPPED.bounds), now).values()
    for finding in [one for one in found if one.rule_id == rule.id]:
        assert tuple(name for name, _ in finding.facts) == facts[finding.limb]
        order = [(item.occurred_at, item.occurrence_id) for item in finding.evidence]
        assert order == sorted(set(order))
        assert finding.areas == tuple(sorted(set(finding.areas)))


@given(live(most=14))
def test_a_timeline_survives_being_written_and_read(of: list[Sighting]):
    timeline = _timeline(of)
    packed = msgspec.msgpack.encode(timeline)
    assert msgspec.msgpack.decode(packed, type=Timeline) == timeline


# --- reports in any order, any number of times, through register


@st.composite
def versions(draw: st.DrawFn) -> list[IncidentVersion]:
    """Versions of a few incidents of one victim, with what they are corrected to and withdrawals."""
    made = []
    for number in range(draw(st.integers(1, 5))):
        for version in range(1, draw(st.integers(1, 3)) + 1):
            said = draw(sightings(f"i{number}"))
            action = draw(st.sampled_from(["correct", "correct", "withdraw"])) if version > 1 else "new"
            made.append(_version(said, version, action, draw(st.sampled_from(["a", "a", "b"]))))
    return made


def _version(said: Sighting, source_version: int, action: Action, victim: str) -> IncidentVersion:
    return IncidentVersion(
        incident_id=said.incident_id,
        source=said.source,
        organisation=said.organisation,
        source_version=source_version,
        action=action,
        kind=said.kind,
        subtype=said.subtype,
        category=said.category,
        family=said.family,
        themes=said.themes,
        flags=said.flags,
        origin=said.origin,
        grade=said.grade,
        occurred_from=said.occurred_from,
        occurred_to=said.occurred_to,
        precision="instant",
        reported_at=said.reported_at,
        received_at=0,
        area=said.area,
        place=said.place,
        parties=(Party("suspect", "c"), Party("victim", victim, said.child)),
        facts=said.facts,
    )


def _through(said: Sequence[IncidentVersion], end: Instant) -> dict[str, Finding]:
    """What stands once these versions went through register and detect; the last is received at `end`."""
    rows = MemoryRows()
    take = register.make_step(CATALOGUE, 1)
    outputs: list[Output] = []
    for offset, version in enumerate(said):
        received = end - (len(said) - 1 - offset) * HOUR
        stamped = msgspec.structs.replace(version, received_at=received)
        outputs.extend(take(rows, [_record(offset, received, stamped)], None))
    records = [
        _record(offset, output.received_at, output.value)
        for offset, output in enumerate(outputs)
        if output.topic == "sightings" and output.partition in (None, EVERY_PARTITION)
    ]
    return _standing(_run(records)[0])


@settings(max_examples=often(40))
@given(versions(), st.randoms(use_true_random=False))
def test_reports_may_come_in_any_order_and_more_than_once(said: list[IncidentVersion], random: Random):
    end = START + 600 * DAY_LENGTH
    mixed = random.sample(said, len(said)) + random.choices(said, k=3)
    assert _through(mixed, end) == _through(said, end)


def _as_the_oracle_has_it(sighting: Sighting) -> oracle.Sighting:
    place = sighting.place
    copied = ("incident_id", "source", "organisation", "kind", "subtype", "category", "family", "themes", "flags")
    return oracle.Sighting(
        **{name: getattr(sighting, name) for name in copied},
        origin=sighting.origin,
        grade=sighting.grade,
        occurred_from=oracle.moment(sighting.occurred_from),
        occurred_to=oracle.moment(sighting.occurred_to),
        reported_at=oracle.moment(sighting.reported_at),
        area=sighting.area,
        uprn=place.uprn,
        point=(place.easting, place.northing) if place.exact and place.easting and place.northing else None,
        roles=sighting.roles,
        persons=sighting.persons,
        complainants=sighting.complainants,
        child=sighting.child,
        victims=sighting.victims,
        facts={fact.name: fact.value for fact in sighting.facts},
        names=sighting.linking,
        marking=sighting.marking,
    )


@st.composite
def crowded(draw: st.DrawFn) -> list[Sighting]:
    """Sightings of one timeline that differ in little and lie close together, or at the edges of windows."""
    return [
        a_sighting(
            START + draw(close),
            f"i{number}",
            kind=draw(close_kinds),
            themes=draw(close_themes),
            flags=draw(close_flags),
            origin=draw(origins),
            reported_at=START + draw(close_reported) * DAY_LENGTH,
            organisation=draw(close_organisations),
            area=draw(close_areas),
            place=draw(close_places),
            roles=draw(close_roles),
            facts=draw(facts),
            linking=draw(named),
            victims=draw(harmed),
        )
        for number in range(draw(one_to_eight))
    ]


FROM_HOME = [Place(easting=384_000 + east, northing=432_080, exact=True) for east in (60, 61)]
"""A hundred metres away, and a little more."""

close_kinds = st.sampled_from(["police-crime", "asb-case", "hate-report", "intervention"])
close_themes = st.sampled_from([("violence",), ("hate",)])
close_flags = st.sampled_from([(), ("weapon",)])
close_reported = st.sampled_from([0, 0, 90])
close_organisations = st.sampled_from(["lancashire-police", "district-councils"])
close_areas = st.sampled_from(["E07000117", "E07000122"])
close_places = st.sampled_from([Place(), HOME, HOME, *FROM_HOME])
close_roles = st.sampled_from([("victim",), ("here", "victim"), ("here", "victim")])
close = st.one_of(
    st.sampled_from([0, 0, 1, HOUR, HOUR + 1, 2 * HOUR]),
    st.integers(1, 7).map(lambda day: day * DAY_LENGTH),
    st.sampled_from([28 * DAY_LENGTH + late for late in (-1, 0, 1)]),
    # Six months later clocks are put forward.
    st.sampled_from([181 * DAY_LENGTH - HOUR + late for late in (-1, 0, 1)]),
)


EACH_OF_FINDINGS = pytest.mark.parametrize("rule", OF_FINDINGS, ids=lambda rule: rule.id)


@EACH_OF_FINDINGS
@settings(max_examples=150)
@given(crowded(), st.integers(0, 200))
def test_a_change_alters_what_rests_on_findings_nowhere_but_where_it_is_looked_for(
    rule: Rule, of: list[Sighting], day: int
):
    rules = RuleSet(with_all_beneath(rule, TRIED_OUT), SHIPPED.bounds)
    now = Now(START + day * DAY_LENGTH, {"childrens-services": START + 40 * DAY_LENGTH})
    for changed in of:
        _assert_the_difference_is_found(rules, "victim:a", [one for one in of if one != changed], changed, now)


@EACH_OF_FINDINGS
@settings(max_examples=150)
@given(crowded(), st.lists(st.integers(0, 60), min_size=2, max_size=4))
def test_clocks_bring_what_rests_on_findings_when_they_bring_the_findings(
    rule: Rule, of: list[Sighting], days_on: list[int]
):
    rules = RuleSet(with_all_beneath(rule, TRIED_OUT), SHIPPED.bounds)
    picture = Picture(_timeline(of, SHIPPED.bounds), SHIPPED.bounds)
    nows = [Now(START + day * DAY_LENGTH, {"childrens-services": START + day * DAY_LENGTH}) for day in sorted(days_on)]
    stands = evaluate(rules, "victim:a", picture.timeline, nows[0])
    for before, after in pairwise(nows):
        revision = revise_by_clock(rules, "victim:a", picture, before, after)
        stands = {at: finding for at, finding in stands.items() if at not in revision.before} | revision.after
        assert stands == evaluate(rules, "victim:a", picture.timeline, after)


@EACH_OF_FINDINGS
@settings(max_examples=100)
@given(crowded(), st.sampled_from([0, 1, 5, 28, 181]), st.integers(0, 60))
def test_a_span_holds_what_rests_on_findings_from_before_it(rule: Rule, of: list[Sighting], first: int, length: int):
    rules = RuleSet(with_all_beneath(rule, TRIED_OUT), SHIPPED.bounds)
    now = Now(START + 600 * DAY_LENGTH, {"childrens-services": START + 600 * DAY_LENGTH})
    span = Span(START + first * DAY_LENGTH, START + (first + length) * DAY_LENGTH)
    whole = evaluate(rules, "victim:a", _timeline(of, SHIPPED.bounds), now)
    inside = {at: finding for at, finding in whole.items() if span.holds(finding.completed_at)}
    assert evaluate(rules, "victim:a", _timeline(of, SHIPPED.bounds), now, span) == inside


@pytest.mark.parametrize("rule", TRIED_OUT, ids=lambda rule: rule.id)
@settings(max_examples=200)
@given(crowded())
def test_the_oracle_reads_the_file_of_a_rule_and_finds_the_same(rule: Rule, of: list[Sighting]):
    """It shares no code with the core: what both misread, both must have misread alike."""
    found, expected = _told_by_both(rule, of)
    assert found == expected


def _told_by_both(rule: Rule, of: Sequence[Sighting]) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    now = Now(START + 600 * DAY_LENGTH, dict.fromkeys(FEEDS, START + 600 * DAY_LENGTH))
    key = f"{rule.limbs[0].keys[0]}:a"
    beneath = with_all_beneath(rule, TRIED_OUT)
    found = evaluate(RuleSet(beneath, SHIPPED.bounds), key, _timeline(of), now)
    clocks = oracle.Clocks(oracle.moment(now.as_of), {feed: oracle.moment(at) for feed, at in now.complete_to.items()})
    sightings = [_as_the_oracle_has_it(sighting) for sighting in of]
    limbs = [
        limb for one in beneath for limb in oracle.limbs_of(FILES[one.id], AREA_NAMES, CALENDARS, SHIPPED.linked.within)
    ]
    expected = oracle.judge_timeline(key, sightings, limbs, clocks, SHIPPED.bounds.hub)
    return sorted(map(_said, found.values())), sorted(map(_said_by_the_oracle, expected))


# --- one more report of the same

A_WHILE = Duration(millis=14 * DAY_LENGTH + 12 * HOUR)
"""So long that an hour sooner or later puts nothing into a window, or out of it."""

REPEATS: tuple[Rule, ...] = (
    a_rule(Count(of="harm", at_least=2, within=A_WHILE, same=("category",)), id="count"),
    a_rule(Count(of="harm", at_least=2, within=A_WHILE, same=("category", "facts.found-area")), id="count-of-both"),
    a_rule(Count(of="harm", at_least=3, within=A_WHILE, same=("category",), chain=2), id="count-chain"),
    a_rule(Distinct(of="harm", field="victims", at_least=3, within=A_WHILE, same=("category",)), id="distinct"),
    a_rule(
        Distinct(
            of="harm", field="kind", also=("area",), at_least=2, occurrences=3, within=A_WHILE, same=("category",)
        ),
        id="distinct-also",
    ),
    a_rule(Sum(of="harm", field="facts.found-distance-km", at_least=8, within=A_WHILE, same=("category",)), id="sum"),
    a_rule(Near(of="harm", metres=150, within=A_WHILE), id="near"),
    a_rule(Near(of="harm", metres=100, within=A_WHILE, at_least=2), id="near-two"),
    a_rule(Near(of="harm", metres=100, within=A_WHILE, chain=2), id="near-chain"),
)
repeated = st.lists(st.integers(0, 40), min_size=1, max_size=6, unique=True)
who_tells = st.lists(st.sampled_from(["police", "council", "landlord"]), min_size=1, max_size=3, unique=True)
metres = st.integers(-3, 3).map(lambda number: 50 * number)
minutes = st.integers(-29, 29).map(lambda number: number * MINUTE)
sorts = st.sampled_from(["violence", "burglary", ""])
few_kinds = st.sampled_from(["police-crime", "asb-case", "intervention-request"])


@st.composite
def told_by_several(draw: st.DrawFn) -> list[list[Sighting]]:
    """What happened on different days, each at an address of its own, and what one or several agencies tell of it."""
    return [
        [
            a_sighting(
                START + day * DAY_LENGTH + 12 * HOUR + draw(minutes),
                f"{day:02}-{agency}",
                organisation=agency,
                kind=draw(few_kinds),
                category=draw(sorts),
                area=draw(close_areas),
                place=Place(uprn=f"9000000{day:05}", easting=384_000 + draw(metres), northing=432_000, exact=True),
                facts=draw(facts),
                victims=draw(harmed),
            )
            for agency in draw(who_tells)
        ]
        for day in draw(repeated)
    ]


@pytest.mark.parametrize("rule", REPEATS, ids=lambda rule: rule.id)
@settings(max_examples=often(60))
@given(told_by_several(), st.data())
def test_one_more_report_of_the_same_occurrence_never_takes_a_finding_away(
    rule: Rule, told: list[list[Sighting]], data: st.DataObject
):
    """What it brings may be another category, another place, an earlier time; or nothing the rule asks for."""
    steps = {"harm": of_kind("police-crime", "asb-case")}
    rule = msgspec.structs.replace(rule, limbs=tuple(msgspec.structs.replace(limb, steps=steps) for limb in rule.limbs))
    without = [one[: data.draw(st.integers(1, len(one)))] for one in told]

    assert _days_found(rule, without) <= _days_found(rule, told)


def _days_found(rule: Rule, told: Iterable[Iterable[Sighting]]) -> set[int]:
    """On which days what happened completed something: of one day all reports are of one occurrence."""
    timeline = _timeline([sighting for one in told for sighting in one], SHIPPED.bounds)
    now = Now(START + 600 * DAY_LENGTH, {})
    found = evaluate(RuleSet((rule,), SHIPPED.bounds), "victim:x", timeline, now).values()
    days_found = [(finding.completed_at - START) // DAY_LENGTH for finding in found]
    assert len(days_found) == len({*days_found})
    return {*days_found}


def test_findings_of_findings_are_held_to_the_contract():
    conditions = {type(limb.condition) for rule in OF_FINDINGS for limb in rule.limbs}
    assert conditions == {Count, AllOf, Ordered, Absent}
    assert any(rests_on(rule) & {other.id for other in OF_FINDINGS} for rule in OF_FINDINGS)


def _said(finding: Finding) -> tuple[object, ...]:
    evidence = tuple((item.occurrence_id, item.reports) for item in finding.evidence)
    excluded = tuple((item.incident_id, item.reason) for item in finding.excluded)
    return (*_in_words(finding), evidence, excluded)


def _said_by_the_oracle(finding: oracle.OracleFinding) -> tuple[object, ...]:
    return (*_in_words(finding), finding.evidence, finding.excluded)


def _in_words(finding: Finding | oracle.OracleFinding) -> tuple[object, ...]:
    what = (finding.rule_id, finding.completed_at, finding.occurrence_id, finding.priority, finding.area, finding.areas)
    return (*what, finding.facts, finding.explanation, finding.child, finding.marking)


def test_every_condition_type_is_held_to_the_contract():
    tried = {type(limb.condition) for _, limb in LIMBS if limb.keys != ("area",)}
    assert tried == {Count, Distinct, Sum, AllOf, Ordered, Absent, Calendar, Near, Share}
    # `Signalled` is asked of areas alone, which have no timelines.
    assert {*get_args(Condition)} - tried == {Signalled}


def _counted_twice(patch: pytest.MonkeyPatch) -> None:
    """Every report of an occurrence adds its number."""

    def number(_: SumCondition, matched: Matched) -> int | None:
        stated = [number_of(value_of(sighting.facts, "found-distance-km")) for sighting in matched.sightings]
        return sum(one or 0 for one in stated) if any(one is not None for one in stated) else None

    patch.setattr(SumCondition, "_number", number)


def _the_smallest_counts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(summing, "max", min, raising=False)


def _missing_is_nought(patch: pytest.MonkeyPatch) -> None:
    right = SumCondition._number
    patch.setattr(SumCondition, "_number", lambda self, matched: right(self, matched) or 0)


def _the_first_is_left_out(patch: pytest.MonkeyPatch) -> None:
    right = summing.first_open
    patch.setattr(summing, "first_open", lambda *of: min(right(*of) + 1, len(of[0]) - 1))


def _missing_is_tested_as_nought(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(selectors, "number_of", lambda value: number_of(value) or 0)


def _missing_is_alike(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(condition, "value_of", lambda facts, name: value_of(facts, name) or "nothing")


AWAY = Fact("found-out-of-area", "true")
LEEDS, YORK = Fact("found-area", "leeds"), Fact("found-area", "york")


def _km(number: int) -> Fact:
    return Fact("found-distance-km", str(number))


MANY = [
    a_sighting(
        START + number * 7 * HOUR + (number % 2) * 30 * MINUTE,
        f"i{number:02}",
        kind=("asb-case", "police-crime", "hate-report")[number % 3],
        organisation=("lancashire-police", "district-councils")[number % 2],
        # The first two are one occurrence, and the fifth and sixth.
        place=HOME if number % 4 < 2 else Place(),
        occurred_to=START + number * 7 * HOUR + 7 * HOUR,
        facts=said,
    )
    for number, said in enumerate(
        [
            (_km(2), AWAY),
            (_km(7), AWAY),
            (LEEDS, AWAY),
            (LEEDS, _km(3), AWAY),
            (YORK,),
            (LEEDS, _km(4), AWAY),
            (_km(5), AWAY),
            (YORK, _km(1)),
        ]
    )
]


@pytest.mark.parametrize(
    ("name", "breaking"),
    [
        ("sum-until", None),
        ("count-facts", None),
        ("distinct-facts", None),
        ("sum-until", _counted_twice),
        ("sum-until", _the_smallest_counts),
        ("sum-until", _missing_is_nought),
        ("sum-until", _the_first_is_left_out),
        ("count-facts", _missing_is_tested_as_nought),
        ("count-facts", _missing_is_alike),
        ("distinct-facts", _missing_is_tested_as_nought),
        ("distinct-facts", _missing_is_alike),
    ],
)
def test_facts_misread_are_noticed(
    monkeypatch: pytest.MonkeyPatch, name: str, breaking: Callable[[pytest.MonkeyPatch], None] | None
):
    """Nothing that ships adds numbers up, so the gallery cannot show it."""
    if breaking is not None:
        breaking(monkeypatch)
    (rule,) = [rule for rule in TRIED_OUT if rule.id == name]
    found, expected = _told_by_both(rule, MANY)
    assert expected
    assert (found == expected) is (breaking is None)
