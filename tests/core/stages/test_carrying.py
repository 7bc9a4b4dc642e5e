"""Findings said to other keys, over partitions and while rules change: in the end all stands as if said at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any
from zlib import crc32

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.rules.making import a_rule, a_sighting, at, days, of_kind

from safety_stream.core.catalogue import Bounds, Catalogue
from safety_stream.core.model import ids
from safety_stream.core.model.facts import Fact
from safety_stream.core.model.findings import Finding, FindingChange
from safety_stream.core.model.incidents import Place
from safety_stream.core.model.sightings import FINDING, Sighting, SightingChange, key_kind
from safety_stream.core.model.times import DAY_LENGTH, HOUR
from safety_stream.core.rules import carrying, changing, engine
from safety_stream.core.rules.chains import found_elsewhere
from safety_stream.core.rules.condition import Now
from safety_stream.core.rules.engine import RuleSet, evaluate
from safety_stream.core.rules.rule import Absent, Count, Distinct, Rule, Selector
from safety_stream.core.stages import detect
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.core.stages.stage import MORE_ROW, Record
from safety_stream.core.timeline import Timeline

START = at("2026-01-05T12:00")
HOMES = ("place:1", "place:2", "victim:a")
NAMED = ("place:1", "place:2", "person:a", "person:b", "vehicle:v", "vehicle:w")


def elsewhere(*rule_ids: str) -> Selector:
    """A step that means what these rules find on other keys."""
    return Selector(tests=found_elsewhere(rule_ids))


def on(kinds: Sequence[str], rule: Rule) -> Rule:
    """The rule on other kinds of key."""
    limbs = tuple(msgspec.structs.replace(limb, keys=tuple(kinds)) for limb in rule.limbs)  # type: ignore[arg-type]
    return msgspec.structs.replace(rule, limbs=limbs)


def twice(number: int = 2, version: int = 1, **changes: Any) -> Rule:
    """So many crimes at an address, or against somebody, within a month."""
    counting = Count(of="harm", at_least=number, within=days(28))
    rule = a_rule(counting, {"harm": of_kind("police-crime")}, id="twice", version=version, **changes)
    return on(("place", "victim"), rule)


def resting(version: int = 1) -> Rule:
    """Whatever `twice` finds, on the same key."""
    finds = Selector(finding=frozenset({"twice"}))
    return on(("place", "victim"), a_rule(Count(of="found", at_least=1, within=days(1)), {"found": finds},
                                          id="resting", version=version))  # fmt: skip


def unanswered(version: int = 1) -> Rule:
    """Nobody came within three days."""
    condition = Absent(after="harm", unless="visit", within=days(3), feeds=())
    steps = {"harm": of_kind("police-crime"), "visit": of_kind("intervention")}
    return on(("place",), a_rule(condition, steps, id="unanswered", version=version))


def joining(*beneath: str, kinds: Sequence[str] = ("vehicle",), number: int = 2, version: int = 1) -> Rule:
    """Found of so many subjects."""
    condition = Distinct(of="case", field="facts.subject", at_least=number, within=days(28))
    rule = a_rule(condition, {"case": elsewhere(*beneath)}, id="joining", version=version)
    return on(kinds, rule)


def above(*beneath: str, version: int = 1) -> Rule:
    """A person named in what was found of what was found."""
    condition = Count(of="case", at_least=1, within=days(28))
    return on(("person", "place"), a_rule(condition, {"case": elsewhere(*beneath)}, id="above", version=version))


class Deployment:
    """Detect over partitions, each with its rows and what waits for it; what a step writes to its input waits too.

    After each step the rows are made anew from a copy: nothing a process remembers counts.
    """

    def __init__(self, catalogue: Catalogue, rules: Sequence[Rule], partitions: int = 2) -> None:
        self._partitions = partitions
        self.rows = [MemoryRows() for _ in range(partitions)]
        self._waiting: list[list[Record]] = [[] for _ in range(partitions)]
        self.standing: dict[str, Finding] = {}
        self.causes: list[str] = []
        self.carried: list[SightingChange] = []
        self.change(catalogue, rules)

    def change(self, catalogue: Catalogue, rules: Sequence[Rule]) -> None:
        """The workers start again with these rules."""
        self.catalogue = msgspec.structs.replace(catalogue, rules=tuple(rules))
        self._step = detect.make_step(self.catalogue, self._partitions)

    def send(self, when: int, change: SightingChange) -> None:
        """A signed difference is written to the partition of its key."""
        number = crc32(change.key.encode()) % self._partitions
        record = Record(topic="sightings", partition=number, offset=0, received_at=when, value=change)
        self._waiting[number].append(record)

    def go_on(self, number: int, most: int = 1) -> None:
        """A partition takes what waits for it, so much at a time, or goes on with what it has left to do."""
        number %= self._partitions
        taken, self._waiting[number] = self._waiting[number][:most], self._waiting[number][most:]
        for output in self._step(self.rows[number], taken, None):
            if isinstance(output.value, SightingChange):
                assert output.topic == "sightings"
                assert output.key == output.value.key
                self.carried.append(output.value)
                self.send(output.received_at, output.value)
            else:
                assert isinstance(output.value, FindingChange)
                fold(self.standing, output.value)
                self.causes.append(output.value.cause)
        copy = MemoryRows()
        for row, value in [*self.rows[number].scan(b"", b"~"), *self.rows[number].scan(b"~", b"\xff")]:
            copy.put(row, value)
        self.rows[number] = copy

    def settle(self, chance: Random) -> None:
        """Until nothing waits and nobody has more to do; each is asked once in any case, as after a restart."""
        for number in range(self._partitions):
            self.go_on(number, 0)
        for _ in range(5_000):
            ready = [
                number
                for number, rows in enumerate(self.rows)
                if self._waiting[number] or rows.get(MORE_ROW) is not None
            ]
            if not ready:
                return
            self.go_on(chance.choice(ready), chance.choice((0, 1, 3)))
        raise AssertionError("it never ends")

    def timelines(self) -> dict[str, Timeline]:
        """What is remembered of each key."""
        return {
            row.decode().removeprefix("timeline/"): msgspec.msgpack.decode(value, type=Timeline)
            for rows in self.rows
            for row, value in rows.scan(b"timeline/", b"timeline0")
        }


def fold(standing: dict[str, Finding], change: FindingChange) -> None:
    """Each change fits what stood before it."""
    before = standing.get(change.finding.finding_id)
    if change.change == "withdrawn":
        assert standing.pop(change.finding.finding_id) == change.finding
        return
    assert (before is None) == (change.change == "raised")
    assert before != change.finding
    standing[change.finding.finding_id] = change.finding


class Life:
    """What happens to a deployment, and what this test remembers of it: the live reports of each key."""

    def __init__(self, catalogue: Catalogue, rules: Sequence[Rule], seed: int) -> None:
        self.catalogue = msgspec.structs.replace(
            catalogue, bounds=Bounds(hub=6, kept=90, cell_metres=400, cell_days=28)
        )
        self.deployment = Deployment(self.catalogue, rules)
        self.live: list[tuple[str, Sighting]] = []
        self.chance = Random(seed)
        self.now = START

    def put(self, key: str, day: int, named: tuple[str, ...], kind: str = "police-crime") -> None:
        sighting = a_sighting(START + day * DAY_LENGTH, f"i{self.now}", kind=kind, linking=tuple(sorted(named)))
        self.live.append((key, sighting))
        self._send(SightingChange(key=key, sign=1, sighting=sighting, as_of=0, cause="new"))

    def home(self, key: str, day: int, named: tuple[str, ...]) -> None:
        """Two crimes on one key, which name somebody or something."""
        for _ in range(2):
            self.put(key, day, named)
            self.now += 1

    def drop(self, number: int) -> None:
        if self.live:
            key, sighting = self.live.pop(number % len(self.live))
            self._send(SightingChange(key=key, sign=-1, sighting=sighting, as_of=0, cause="gone"))

    def correct(self, number: int, child: bool, named: tuple[str, ...]) -> None:
        if self.live:
            key, old = self.live[number % len(self.live)]
            new = msgspec.structs.replace(old, child=child, linking=tuple(sorted(named)))
            self.live[number % len(self.live)] = key, new
            self._send(SightingChange(key=key, sign=1, sighting=new, as_of=0, cause="corrected", replaces=old))

    def go_on(self, number: int) -> None:
        self.deployment.go_on(number, self.chance.choice((0, 1, 1, 2)))

    def change(self, rules: Sequence[Rule], hub: int) -> None:
        bounds = msgspec.structs.replace(self.catalogue.bounds, hub=hub)
        self.deployment.change(msgspec.structs.replace(self.catalogue, bounds=bounds), rules)

    def verify(self) -> None:
        """What stands is what the last rules find from the beginning, in whatever order it is asked."""
        self.deployment.settle(self.chance)
        said = self.deployment.catalogue
        expected, carried = found_at_once(said.rules, said.bounds, self.live, Now(self.now, {}))
        assert self.deployment.standing == expected
        seen: dict[str, set[tuple[str, str]]] = {}
        for key, timeline in self.deployment.timelines().items():
            for sighting in timeline.sightings:
                if sighting.kind == FINDING:
                    seen.setdefault(key, set()).add((sighting.incident_id, sighting.subtype))
        assert seen == carried
        afresh = Deployment(said, said.rules)
        for key, sighting in self.live:
            afresh.send(self.now, SightingChange(key=key, sign=1, sighting=sighting, as_of=0, cause="new"))
        afresh.settle(self.chance)
        assert afresh.standing == self.deployment.standing
        assert afresh.timelines() == self.deployment.timelines()

    def _send(self, change: SightingChange) -> None:
        self.deployment.send(self.now, change)


def found_at_once(
    rules: Sequence[Rule], bounds: Bounds, live: Sequence[tuple[str, Sighting]], now: Now
) -> tuple[dict[str, Finding], dict[str, set[tuple[str, str]]]]:
    """Every finding, worked out over and over with what was found put where it is named, until that is all there is.

    Also on which keys which findings of which rules lie then.
    """
    compiled = RuleSet(rules, bounds)
    readers: dict[str, set[str]] = {}
    for limb in [limb for rule in rules if rule.status != "retired" for limb in rule.limbs]:
        for step in limb.steps.values():
            tests = {test.field: test.values for test in step.tests}
            for rule_id in tests["subtype"] if tests.get("kind") == {"finding"} else ():
                readers.setdefault(rule_id, set()).update(limb.keys)
    elsewhere: list[tuple[str, Sighting]] = []
    while True:
        told = [*live, *elsewhere]
        findings: dict[str, Finding] = {}
        names = {sighting.incident_id: set(sighting.linking) for _, sighting in told}
        for key in {key for key, _ in told}:
            timeline = Timeline()
            for sighting in [sighting for other, sighting in told if other == key]:
                timeline = timeline.changed(1, sighting, bounds)
            findings.update(evaluate(compiled, key, timeline, now))
        found = [
            (name, as_seen(finding, named))
            for finding in findings.values()
            for named in [{name for item in finding.evidence for one in item.reports for name in names[one]}]
            for name in sorted(named)
            if key_kind(name) in readers.get(finding.rule_id, ()) and name not in own(finding.key)
        ]
        if sorted(found, key=str) == sorted(elsewhere, key=str):
            lie: dict[str, set[tuple[str, str]]] = {}
            for name, sighting in found:
                lie.setdefault(name, set()).add((sighting.incident_id, sighting.subtype))
            return findings, lie
        elsewhere = found


def own(key: str) -> set[str]:
    return {key, key.replace("victim:", "person:")}


def as_seen(finding: Finding, named: set[str]) -> Sighting:
    digest = ids.subject_id(finding.key)
    return a_sighting(
        finding.completed_at,
        finding.finding_id,
        source="",
        organisation="",
        kind="finding",
        subtype=finding.rule_id,
        category="",
        family="",
        themes=(),
        reported_at=finding.completed_at,
        received_at=finding.completed_at,
        area=finding.area,
        roles=(),
        child=finding.child,
        facts=(Fact("completed-by", finding.occurrence_id), Fact("subject", digest)),
        linking=tuple(sorted(named)),
    )


# --- scenes -------------------------------------------------------------------------------------------------


def keys_of(life: Life, rule_id: str) -> list[str]:
    return sorted(one.key for one in life.deployment.standing.values() if one.rule_id == rule_id)


def test_a_vehicle_at_two_flagged_homes_is_found(catalogue: Catalogue):
    life = Life(catalogue, [twice(), joining("twice")], 1)
    life.home("place:1", 0, ("vehicle:v", "vehicle:w"))
    life.home("place:2", 1, ("vehicle:v", "place:1"))
    life.verify()
    assert keys_of(life, "joining") == ["vehicle:v"]


def test_one_report_that_names_two_findings_is_two_sightings_and_never_one_occurrence(catalogue: Catalogue):
    both = on(("place",), twice(1))
    life = Life(catalogue, [both, msgspec.structs.replace(on(("place",), twice(1)), id="other"),
                            joining("twice", "other", number=1)], 1)  # fmt: skip
    life.put("place:1", 0, ("vehicle:v",))
    life.verify()
    found = [one for one in life.deployment.standing.values() if one.rule_id == "joining"]
    assert [len(one.evidence) for one in sorted(found, key=lambda one: len(one.evidence))] == [1, 2]


def test_what_a_finding_is_about_does_not_hear_of_it(catalogue: Catalogue):
    life = Life(catalogue, [twice(), joining("twice", kinds=("person", "place"), number=1)], 1)
    life.home("victim:a", 0, ("person:a", "person:b", "place:1"))
    life.home("place:2", 0, ("place:2", "person:b"))
    life.verify()
    assert keys_of(life, "joining") == ["person:b", "person:b", "place:1"]


def test_a_chain_over_three_keys(catalogue: Catalogue):
    life = Life(catalogue, [twice(), joining("twice"), above("joining")], 1)
    life.home("place:1", 0, ("vehicle:v", "person:a"))
    life.home("place:2", 1, ("vehicle:v",))
    life.verify()
    assert keys_of(life, "above") == ["person:a"]
    life.drop(0)
    life.verify()
    assert keys_of(life, "above") == []


def test_an_updated_finding_that_says_the_same_elsewhere_makes_no_difference_there(catalogue: Catalogue):
    life = Life(catalogue, [twice(), joining("twice", number=1)], 1)
    life.home("place:1", 0, ("vehicle:v",))
    life.verify()
    carried = len(life.deployment.carried)
    key, old = life.live[0]
    new = msgspec.structs.replace(old, occurred_from=old.occurred_from - HOUR)
    life.live[0] = key, new
    life.deployment.send(life.now, SightingChange(key=key, sign=1, sighting=new, as_of=0, cause="c", replaces=old))
    life.verify()
    assert "c" in life.deployment.causes
    assert len(life.deployment.carried) == carried


def test_what_names_somebody_else_now_is_taken_back_there_and_said_here(catalogue: Catalogue):
    life = Life(catalogue, [twice(), joining("twice", number=1)], 1)
    life.home("place:1", 0, ("vehicle:v",))
    life.correct(0, False, ("vehicle:w",))
    life.correct(1, False, ("vehicle:w",))
    life.verify()
    assert keys_of(life, "joining") == ["vehicle:w"]


def test_a_hub_takes_back_what_its_findings_said_and_findings_make_no_hub(catalogue: Catalogue):
    life = Life(catalogue, [twice(), joining("twice", number=1)], 1)
    for _ in range(4):
        life.home("place:1", 0, ("vehicle:v",))
        life.home("place:2", 0, ("vehicle:v",))
    life.verify()
    assert keys_of(life, "joining") == []
    life = Life(catalogue, [twice(), joining("twice", number=1)], 1)
    for _ in range(3):
        life.home("place:1", 0, ("vehicle:v",))
        life.home("place:2", 0, ("vehicle:v",))
    life.verify()
    # Ten findings and no report: of reports, seven would be too many.
    assert keys_of(life, "joining") == ["vehicle:v"] * 10
    assert keys_of(life, "hub") == []


def test_a_rule_that_begins_to_read_what_is_found_elsewhere_hears_of_all_of_it_and_says_why(catalogue: Catalogue):
    life = Life(catalogue, [twice()], 1)
    life.home("place:1", 0, ("vehicle:v",))
    life.home("place:2", 1, ("vehicle:v",))
    life.deployment.settle(life.chance)
    assert life.deployment.carried == []
    life.change([twice(), joining("twice")], 6)
    life.verify()
    assert [change.cause for change in life.deployment.carried] == ["rule joining is new"] * 2
    assert keys_of(life, "joining") == ["vehicle:v"]
    life.change([twice()], 6)
    life.verify()
    assert [change.sign for change in life.deployment.carried] == [1, 1, -1, -1]
    assert life.deployment.carried[-1].cause == "rule joining is retired"


def test_what_clocks_bring_about_is_said_elsewhere_too(catalogue: Catalogue):
    life = Life(catalogue, [unanswered(), above("unanswered")], 1)
    life.put("place:1", 0, ("person:a",))
    life.now += 4 * DAY_LENGTH
    life.put("place:2", 3, ("person:b",))
    life.verify()
    assert keys_of(life, "above") == ["person:a"]


# --- whatever happens ---------------------------------------------------------------------------------------

_RULES = {
    "twice": (twice(), twice(3, version=2), twice(2, version=3, status="retired")),
    "resting": (resting(), resting(2)),
    "unanswered": (unanswered(),),
    "joining": (
        joining("twice"),
        joining("twice", number=1, version=2),
        joining("resting", "unanswered", number=1, version=3),
        joining("twice", "resting", kinds=("vehicle", "person"), number=1, version=4),
    ),
    "above": (above("joining"), above("twice", version=2), above("joining", "unanswered", version=3)),
}
RULES = st.tuples(*(st.sampled_from((None, *some, some[0], some[0])) for some in _RULES.values())).map(
    lambda some: [rule for rule in some if rule is not None]
)
NAMES = st.sampled_from(
    [(), ("vehicle:v",), ("vehicle:v", "vehicle:w"), ("person:a", "vehicle:v"), ("person:b", "place:2"), NAMED]
)
EVENTS = st.one_of(
    st.tuples(st.just("put"), st.sampled_from(HOMES), st.integers(-2, 30), NAMES),
    st.tuples(st.just("home"), st.sampled_from(HOMES), st.integers(0, 2), NAMES),
    st.tuples(st.just("home"), st.sampled_from(HOMES), st.integers(0, 2), NAMES),
    st.tuples(st.just("put"), st.sampled_from(HOMES), st.integers(0, 3), NAMES, st.just("intervention")),
    st.tuples(st.just("drop"), st.integers(0, 20)),
    st.tuples(st.just("correct"), st.integers(0, 20), st.booleans(), NAMES),
    st.tuples(st.just("go_on"), st.integers(0, 1)),
    st.tuples(st.just("go_on"), st.integers(0, 1)),
    st.tuples(st.just("change"), RULES, st.sampled_from((3, 6, 6))),
)
LIVES = (RULES, st.lists(EVENTS, max_size=16), st.integers(1, 3), st.integers(0, 99))


def live_through(catalogue: Catalogue, rules: list[Rule], events: list[tuple[Any, ...]], most: int, seed: int) -> None:
    """Put a deployment through all this, let it settle, and verify it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(detect, "SLICE", most)
        life = Life(catalogue, rules, seed)
        for what, *about in events:
            life.now += HOUR
            getattr(life, what)(*about)
        life.now += 60 * DAY_LENGTH
        # Every partition hears that time has passed.
        for key in ("place:91", "place:94"):
            life.put(key, 60, ())
        life.verify()


@settings(max_examples=150)
@given(*LIVES)
def test_whatever_happens_meanwhile_all_stands_in_the_end_as_if_said_at_once(
    catalogue: Catalogue, rules: list[Rule], events: list[tuple[Any, ...]], most: int, seed: int
):
    live_through(catalogue, rules, events, most, seed)


# --- defects ------------------------------------------------------------------------------------------------

Patch = pytest.MonkeyPatch
Scene = Callable[[Catalogue], None]
MUTANTS: dict[str, tuple[Callable[[Patch], None], Scene]] = {}


def mutant(scene: Scene) -> Callable[[Callable[[Patch], None]], Callable[[Patch], None]]:
    """Register a defect the scene must notice; its name says what is wrong."""

    def register(broken: Callable[[Patch], None]) -> Callable[[Patch], None]:
        MUTANTS[broken.__name__.replace("_", " ")] = broken, scene
        return broken

    return register


@mutant(test_a_rule_that_begins_to_read_what_is_found_elsewhere_hears_of_all_of_it_and_says_why)
def nobody_minds_who_reads_what_is_found_elsewhere(patch: Patch) -> None:
    patch.setattr(changing, "_carried_otherwise", lambda *_: ())


@mutant(test_a_rule_that_begins_to_read_what_is_found_elsewhere_hears_of_all_of_it_and_says_why)
def a_change_of_rules_says_nothing_elsewhere(patch: Patch) -> None:
    patch.setattr(detect, "_by_rule", lambda *_: {})


@mutant(test_a_rule_that_begins_to_read_what_is_found_elsewhere_hears_of_all_of_it_and_says_why)
def keys_gone_over_say_what_the_old_rules_had_them_say(patch: Patch) -> None:
    patch.setattr(detect._Partition, "_regime_of", lambda self, key: self._old)
    right = detect.revise_by_rules
    patch.setattr(detect, "revise_by_rules", lambda old, new, *given: right(old, old, *given))


@mutant(test_a_chain_over_three_keys)
def what_a_finding_said_is_not_taken_back(patch: Patch) -> None:
    right = detect._Partition._carry
    patch.setattr(
        detect._Partition, "_carry", lambda self, before, after, *causes: right(self, before, before | after, *causes)
    )


@mutant(test_what_names_somebody_else_now_is_taken_back_there_and_said_here)
def what_a_finding_says_otherwise_is_not_said(patch: Patch) -> None:
    right = detect._Partition._carry

    def carry(self: Any, before: engine.Carried, after: engine.Carried, *causes: Any) -> None:
        right(self, before, {to: before.get(to, said) for to, said in after.items()}, *causes)

    patch.setattr(detect._Partition, "_carry", carry)


@mutant(test_what_a_finding_is_about_does_not_hear_of_it)
def it_is_said_to_whom_it_is_about(patch: Patch) -> None:
    patch.setattr(carrying, "own_entities", lambda key: frozenset())


@mutant(test_a_hub_takes_back_what_its_findings_said_and_findings_make_no_hub)
def findings_make_a_hub(patch: Patch) -> None:
    patch.setattr(Timeline, "is_hub", lambda self, bounds: self.count > bounds.hub or self.hub_since is not None)


@mutant(test_a_chain_over_three_keys)
def what_it_names_does_not_go_along(patch: Patch) -> None:
    right = engine.carried
    patch.setattr(
        engine,
        "carried",
        lambda *given: ((key, msgspec.structs.replace(one, linking=())) for key, one in right(*given)),
    )


@mutant(test_one_report_that_names_two_findings_is_two_sightings_and_never_one_occurrence)
def findings_are_of_the_organisations_of_their_rules(patch: Patch) -> None:
    right = carrying.seen_elsewhere
    home = Place(uprn="900000000001", exact=True)

    def seen(finding_id: str, rule_id: str, *given: Any, **more: Any) -> Sighting:
        said = right(finding_id, rule_id, *given, **more)
        return msgspec.structs.replace(said, organisation=rule_id, place=home, family="violence")

    patch.setattr(carrying, "seen_elsewhere", seen)


@pytest.mark.parametrize(("broken", "scene"), MUTANTS.values(), ids=MUTANTS)
def test_a_defect_is_noticed(catalogue: Catalogue, monkeypatch: Patch, broken: Callable[[Patch], None], scene: Scene):
    broken(monkeypatch)
    with pytest.raises((AssertionError, ValueError)):
        scene(catalogue)
