"""Other rules while the stream goes on: what stands goes over to them, key by key; every difference has its cause."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.core.rules.making import a_rule, a_sighting, at, days, of_kind

from safety_stream.core.catalogue import Bounds, Catalogue
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.findings import Finding, FindingChange
from safety_stream.core.model.sightings import Sighting, SightingChange
from safety_stream.core.model.times import DAY_LENGTH, HOUR, Instant
from safety_stream.core.rules import changing
from safety_stream.core.rules.condition import Now
from safety_stream.core.rules.engine import Picture, RuleSet, evaluate, wakes
from safety_stream.core.rules.rule import Absent, Count, Rule, Selector
from safety_stream.core.stages import detect
from safety_stream.core.stages.changing import Change
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.core.stages.stage import MORE_ROW, Output, Record, Unreadable
from safety_stream.core.timeline import Timeline

START = at("2026-01-05T12:00")
FEED = "childrens-services"


def twice(number: int = 2, version: int = 1, **changes: Any) -> Rule:
    """So many harms within a month."""
    return a_rule(Count(of="harm", at_least=number, within=days(28)), id="twice", version=version, **changes)


def unanswered(length: int = 3, version: int = 1, feeds: tuple[str, ...] = ()) -> Rule:
    """Nobody came within so many days."""
    return a_rule(
        Absent(after="left", unless="back", within=days(length), feeds=feeds),
        {"left": of_kind("police-crime"), "back": of_kind("intervention")},
        id="unanswered",
        version=version,
    )


def resting(version: int = 1) -> Rule:
    """Twice what `twice` finds."""
    return a_rule(
        Count(of="found", at_least=2, within=days(28)),
        {"found": Selector(finding=frozenset({"twice"}))},
        id="resting",
        version=version,
    )


def on(kind: Any, rule: Rule) -> Rule:
    """The rule on another kind of key."""
    limbs = tuple(msgspec.structs.replace(limb, keys=(kind,)) for limb in rule.limbs)
    return msgspec.structs.replace(rule, limbs=limbs)


class Stream:
    """Detect on one partition, whose catalogue can change; after each step its rows are restored from a copy."""

    def __init__(self, catalogue: Catalogue, *rules: Rule) -> None:
        self.catalogue = msgspec.structs.replace(catalogue, rules=rules)
        self.rows = MemoryRows()
        self.standing: dict[str, Finding] = {}
        self.changes: list[FindingChange] = []
        self._step = detect.make_step(self.catalogue, 1)

    def change(self, *rules: Rule, **changes: Any) -> None:
        """The worker starts again with these rules."""
        self.catalogue = msgspec.structs.replace(self.catalogue, rules=rules, **changes)
        self._step = detect.make_step(self.catalogue, 1)

    def put(self, when: Instant, key: str = "victim:a", sign: int = 1, **changes: Any) -> list[tuple[str, str, str]]:
        sighting = a_sighting(when, **changes)
        return self.take(when + HOUR, SightingChange(key=key, sign=sign, sighting=sighting, as_of=0, cause="new"))  # type: ignore[arg-type]

    def hear(self, when: Instant, up_to: Instant) -> list[tuple[str, str, str]]:
        return self.take(when, FeedStatus(as_of=when, newest={FEED: up_to}, partition=0))

    def take(self, when: Instant, value: msgspec.Struct) -> list[tuple[str, str, str]]:
        record = Record(topic="sightings", partition=0, offset=0, received_at=when, value=value)
        return self._told(self._step(self.rows, [record], None))

    def idle(self, when: Instant) -> list[tuple[str, str, str]]:
        return self._told(self._step(self.rows, [], when))

    def go_on(self) -> list[tuple[str, str, str]]:
        """One slice."""
        return self._told(self._step(self.rows, [], None))

    def settle(self) -> list[tuple[str, str, str]]:
        """Everything there is left to do; called once when nothing says so, as after a restart."""
        told = self.go_on()
        for _ in range(100):
            if not self.has_more:
                return told
            told += self.go_on()
        raise AssertionError("it never ends")

    @property
    def has_more(self) -> bool:
        return self.rows.get(MORE_ROW) is not None

    @property
    def wakes(self) -> list[str]:
        return [row.decode().removeprefix("~wake/") for row, _ in self.rows.scan(b"~wake/", b"~wake0")]

    def _told(self, outputs: Sequence[Output]) -> list[tuple[str, str, str]]:
        told = []
        for output in outputs:
            change = output.value
            assert isinstance(change, FindingChange)
            assert output.received_at == change.as_of
            fold(self.standing, change)
            self.changes.append(change)
            told.append((change.change, change.finding.key, change.cause))
        copy = MemoryRows()
        for row, value in [*self.rows.scan(b"", b"~"), *self.rows.scan(b"~", b"\xff")]:
            copy.put(row, value)
        self.rows = copy
        return told


def fold(standing: dict[str, Finding], change: FindingChange) -> None:
    """Each change fits what stood before it."""
    before = standing.get(change.finding.finding_id)
    if change.change == "withdrawn":
        assert standing.pop(change.finding.finding_id) == change.finding
        return
    assert (before is None) == (change.change == "raised")
    assert before != change.finding
    standing[change.finding.finding_id] = change.finding


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect, "SLICE", 1)


def test_a_harder_rule_takes_back_what_the_softer_said(catalogue: Catalogue):
    stream = Stream(catalogue, twice())
    stream.put(START)
    stream.put(START + DAY_LENGTH)

    stream.change(twice(3, version=2))
    assert stream.settle() == [("withdrawn", "victim:a", "rule twice became version 2")]
    assert stream.put(START + 2 * DAY_LENGTH) == [("raised", "victim:a", "new")]


def test_a_new_rule_sees_the_history(catalogue: Catalogue):
    stream = Stream(catalogue)
    stream.put(START)
    stream.put(START + DAY_LENGTH)

    stream.change(twice())
    assert stream.settle() == [("raised", "victim:a", "rule twice is new")]
    assert stream.changes[-1].as_of == START + DAY_LENGTH + HOUR


@pytest.mark.parametrize("gone", [(), (twice(status="retired"),)], ids=["left out", "retired"])
def test_a_rule_that_goes_takes_its_findings_with_it(catalogue: Catalogue, gone: tuple[Rule, ...]):
    stream = Stream(catalogue, twice())
    stream.put(START)
    stream.put(START + DAY_LENGTH)

    stream.change(*gone)
    assert stream.settle() == [("withdrawn", "victim:a", "rule twice is retired")]
    stream.change(twice())
    assert stream.settle() == [("raised", "victim:a", "rule twice is new")]


def test_a_rule_in_other_words_restates(catalogue: Catalogue):
    stream = Stream(catalogue, twice())
    stream.put(START)
    stream.put(START + DAY_LENGTH)

    stream.change(twice(version=2))
    assert stream.settle() == [("updated", "victim:a", "rule twice became version 2")]


def test_what_is_no_part_of_a_finding_changes_none(catalogue: Catalogue):
    stream = Stream(catalogue, twice(status="trial"))
    stream.put(START)
    stream.put(START + DAY_LENGTH)

    stream.change(twice(status="stable", title="Otherwise called"))
    assert stream.settle() == []
    assert not stream.has_more


def test_a_rule_that_rests_on_the_changed_one_says_so_too(catalogue: Catalogue):
    stream = Stream(catalogue, twice(), resting())
    for day in range(3):
        stream.put(START + day * DAY_LENGTH)

    stream.change(twice(3, version=2), resting())
    assert stream.settle() == [
        ("withdrawn", "victim:a", "rule twice became version 2"),
        ("updated", "victim:a", "rule twice became version 2"),
        ("withdrawn", "victim:a", "rule twice became version 2"),
    ]


@pytest.mark.usefixtures("small_slices")
def test_until_a_key_has_gone_over_the_old_rules_govern_it_and_then_the_new(catalogue: Catalogue):
    stream = Stream(catalogue, twice(3))
    for key in ("victim:a", "victim:b", "victim:c"):
        stream.put(START, key)

    stream.change(twice(2, version=2))
    assert stream.go_on() == []
    assert stream.put(START + DAY_LENGTH, "victim:a") == [("raised", "victim:a", "new")]
    assert stream.put(START + DAY_LENGTH, "victim:b") == []
    assert stream.go_on() == [("raised", "victim:b", "rule twice became version 2")]
    assert stream.put(START + DAY_LENGTH, "victim:ab") == []
    assert stream.put(START + 2 * DAY_LENGTH, "victim:ab") == [("raised", "victim:ab", "new")]
    assert stream.put(START + DAY_LENGTH, "victim:c") == []
    assert stream.settle() == [("raised", "victim:c", "rule twice became version 2")]
    assert not stream.has_more


@pytest.mark.usefixtures("small_slices")
def test_a_third_catalogue_waits_for_the_change_under_way(catalogue: Catalogue):
    stream = Stream(catalogue, twice(3))
    for key in ("victim:a", "victim:b"):
        stream.put(START, key)
        stream.put(START + DAY_LENGTH, key)

    stream.change(twice(2, version=2))
    assert stream.go_on() == [("raised", "victim:a", "rule twice became version 2")]
    stream.change(twice(4, version=3))
    assert stream.settle() == [
        ("raised", "victim:b", "rule twice became version 2"),
        ("withdrawn", "victim:a", "rule twice became version 3"),
        ("withdrawn", "victim:b", "rule twice became version 3"),
    ]


@pytest.mark.usefixtures("small_slices")
def test_going_back_in_the_middle_goes_there_first(catalogue: Catalogue):
    stream = Stream(catalogue, twice(2))
    stream.put(START)
    stream.put(START + DAY_LENGTH)
    stream.change(twice(3, version=2))
    stream.go_on()

    stream.change(twice(2))
    stream.settle()
    assert [change.change for change in stream.changes] == ["raised", "withdrawn", "raised"]
    assert not stream.has_more


@pytest.mark.usefixtures("small_slices")
def test_keys_of_kinds_no_changed_rule_reads_are_passed_over(catalogue: Catalogue):
    stream = Stream(catalogue, twice(), on("place", unanswered()))
    for number in range(5):
        stream.put(START, f"place:{number}")
    stream.put(START, "victim:z")

    stream.change(twice(1, version=2), on("place", unanswered()))
    stream.go_on()
    assert len(stream.standing) == 1


def slices_of(stream: Stream) -> list[list[tuple[str, str, str]]]:
    """What each slice says until there is no more to do."""
    told = [stream.go_on()]
    while stream.has_more:
        told.append(stream.go_on())
        assert len(told) < 100
    return told


def a_dense_run(catalogue: Catalogue) -> Stream:
    """Between two keys told of once lie three told of twelve times."""
    stream = Stream(catalogue)
    for key, times in (("a", 1), ("b", 12), ("c", 12), ("d", 12), ("e", 1)):
        for number in range(times):
            stream.put(START + number * HOUR, f"victim:{key}")
    return stream


def test_a_dense_run_of_timelines_takes_several_slices_and_says_the_same(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
):
    at_once, in_parts = a_dense_run(catalogue), a_dense_run(catalogue)
    for stream in (at_once, in_parts):
        stream.change(twice())

    (said,) = slices_of(at_once)
    # Twelve reports, and eleven findings of two to twelve of them.
    monkeypatch.setattr(detect, "WORK", 2 * (12 + 77))
    slices = slices_of(in_parts)
    assert [sorted({key for _, key, _ in one}) for one in slices] == [["victim:b", "victim:c"], ["victim:d"]]
    assert [one for told in slices for one in told] == said
    assert in_parts.standing == at_once.standing


def test_a_timeline_that_is_more_than_a_slice_goes_over_all_the_same(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(detect, "WORK", 5)
    stream = a_dense_run(catalogue)
    stream.change(twice())

    assert [len(one) for one in slices_of(stream)] == [11, 11, 11, 0]


def test_what_no_longer_stands_is_work_too(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(detect, "WORK", 12 + 77)
    stream = a_dense_run(catalogue)
    stream.change(twice())
    stream.settle()

    stream.change()
    assert [len(one) for one in slices_of(stream)] == [11, 11, 11, 0]


def test_deadlines_of_a_retired_rule_wake_nobody(catalogue: Catalogue):
    stream = Stream(catalogue, unanswered(), twice())
    stream.put(START)
    assert len(stream.wakes) == 1

    stream.change(twice())
    assert stream.settle() == []
    assert stream.wakes == []


def test_a_new_deadline_is_waited_for_and_a_passed_one_found(catalogue: Catalogue):
    stream = Stream(catalogue, unanswered(3))
    stream.put(START)
    stream.idle(START + 2 * DAY_LENGTH)

    stream.change(unanswered(5, version=2))
    assert stream.settle() == []
    assert stream.idle(START + 4 * DAY_LENGTH) == []
    assert stream.idle(START + 5 * DAY_LENGTH) == [("raised", "victim:a", "clock as_of")]
    stream.change(unanswered(2, version=3))
    assert stream.settle() == [("updated", "victim:a", "rule unanswered became version 3")]
    assert stream.changes[-1].finding.completed_at == START + 2 * DAY_LENGTH


@pytest.mark.usefixtures("small_slices")
def test_during_a_change_each_key_wakes_by_its_own_rules(catalogue: Catalogue):
    stream = Stream(catalogue, unanswered(3))
    for key in ("victim:a", "victim:b"):
        stream.put(START, key)

    stream.change(unanswered(5, version=2))
    stream.go_on()
    assert stream.idle(START + 3 * DAY_LENGTH) == [("raised", "victim:b", "clock as_of")]
    assert stream.settle() == [("withdrawn", "victim:b", "rule unanswered became version 2")]
    assert [key for _, key, _ in stream.idle(START + 5 * DAY_LENGTH)] == ["victim:a", "victim:b"]


@pytest.mark.usefixtures("small_slices")
def test_a_feed_thought_slower_takes_back_what_was_thought_complete(catalogue: Catalogue):
    """Of two keys one is governed by each view of how late the feed is; each waits for its own."""
    slower = dict(catalogue.sources)
    latency = slower[FEED].usual_latency
    slower[FEED] = msgspec.structs.replace(slower[FEED], usual_latency=latency + DAY_LENGTH)
    deadline, later = START + 3 * DAY_LENGTH, START + 9 * DAY_LENGTH
    rule = unanswered(3, feeds=(FEED,))
    stream = Stream(catalogue, rule)
    for key in ("victim:a", "victim:b"):
        stream.put(START, key)
    stream.hear(later, deadline + latency - 1)

    stream.change(rule, sources=slower)
    stream.go_on()
    assert stream.hear(later, deadline + latency) == [("raised", "victim:b", f"clock feed:{FEED}")]
    assert stream.settle() == [("withdrawn", "victim:b", f"the usual latency of {FEED} changed")]
    assert [key for _, key, _ in stream.hear(later, deadline + latency + DAY_LENGTH)] == ["victim:a", "victim:b"]


def test_another_bound_makes_hubs_and_unmakes_them(catalogue: Catalogue):
    stream = Stream(catalogue, twice())
    for day in range(4):
        stream.put(START + day * DAY_LENGTH)
    assert len(stream.standing) == 3

    stream.change(twice(), bounds=Bounds(hub=3, kept=10, cell_metres=400, cell_days=28))
    told = stream.settle()
    assert {cause for *_, cause in told} == {"the bound of a hub became 3, of a cell or LSOA 10"}
    assert [finding.rule_id for finding in stream.standing.values()] == ["hub"]
    stream.change(twice(), bounds=Bounds(hub=5, kept=10, cell_metres=400, cell_days=28))
    stream.settle()
    assert {finding.rule_id for finding in stream.standing.values()} == {"twice"}


def test_a_partition_that_remembers_nothing_begins_under_the_present_rules(catalogue: Catalogue):
    stream = Stream(catalogue, twice())
    assert stream.go_on() == []
    assert len(stream.rows) == 0
    stream.put(START)
    stream.put(START + DAY_LENGTH)
    stream.rows.delete(b"rules")

    stream.change(twice(3, version=2))
    assert stream.settle() == []
    stream.put(START + 2 * DAY_LENGTH)
    assert stream.rows.get(b"rules") is not None


def test_the_same_rules_in_another_worker_are_no_change(catalogue: Catalogue):
    stream = Stream(catalogue, twice(), unanswered())
    stream.put(START)
    before = list(stream.rows.scan(b"", b"\xff"))

    stream.change(twice(), unanswered())
    assert stream.settle() == []
    assert list(stream.rows.scan(b"", b"\xff")) == before


def test_rules_nobody_here_can_read_stop_the_stage(catalogue: Catalogue):
    stream = Stream(catalogue, twice())
    stream.put(START)
    stream.rows.put(b"rules", b"\x93newer")

    with pytest.raises(Unreadable, match="run that version"):
        stream.go_on()


RULES = st.lists(
    st.sampled_from(
        [
            *(twice(number, version) for number, version in ((1, 1), (2, 2), (3, 3))),
            *(unanswered(length, version, feeds) for length, version, feeds in ((1, 1, ()), (3, 2, (FEED,)))),
            on("person", twice(2, 4)),
            resting(),
            resting(2),
        ]
    ),
    max_size=3,
    unique_by=lambda rule: rule.id,
)
A_BOUND = Bounds(hub=9, kept=40, cell_metres=400, cell_days=28)
BOUNDS = st.sampled_from([A_BOUND, A_BOUND, msgspec.structs.replace(A_BOUND, hub=2)])
KEYS = st.sampled_from(["victim:a", "victim:b", "person:a", "place:a"])
EVENTS = st.one_of(
    st.tuples(st.just("put"), KEYS, st.integers(0, 5), st.sampled_from(["police-crime", "intervention"])),
    st.tuples(st.just("drop"), st.integers(0, 9)),
    st.tuples(st.just("hear"), st.integers(-3, 3)),
    st.tuples(st.just("wait"), st.integers(0, 4)),
    st.tuples(st.just("go_on")),
    st.tuples(st.just("go_on")),
    st.tuples(st.just("change"), RULES, BOUNDS, st.integers(0, 2)),
)


SLICES = st.tuples(st.integers(1, 3), st.sampled_from([10_000, 10_000, 4, 1]))
LIVES = (RULES, st.lists(EVENTS, max_size=30), SLICES)


@given(*LIVES)
def test_whatever_happens_meanwhile_what_stands_is_what_the_last_rules_say(
    catalogue: Catalogue, rules: list[Rule], events: list[tuple[Any, ...]], bounds: tuple[int, int]
):
    live_through(catalogue, rules, events, bounds)


class Life:
    """A partition, all that happens to it, and what the oracle of this test remembers of that."""

    def __init__(self, catalogue: Catalogue, rules: list[Rule]) -> None:
        self.stream = Stream(
            msgspec.structs.replace(catalogue, bounds=Bounds(hub=9, kept=40, cell_metres=400, cell_days=28)), *rules
        )
        self.live: list[tuple[str, Sighting]] = []
        self.now = START
        self.heard = START - 9 * DAY_LENGTH

    def put(self, key: str, day: int, kind: str) -> None:
        sighting = a_sighting(START + day * DAY_LENGTH, f"i{self.now}", kind=kind)
        self.live.append((key, sighting))
        self.stream.take(self.now, SightingChange(key=key, sign=1, sighting=sighting, as_of=0, cause="new"))

    def drop(self, number: int) -> None:
        if self.live:
            key, sighting = self.live.pop(number % len(self.live))
            self.stream.take(self.now, SightingChange(key=key, sign=-1, sighting=sighting, as_of=0, cause="gone"))

    def hear(self, days_ahead: int) -> None:
        self.heard = max(self.heard, self.now + days_ahead * DAY_LENGTH)
        self.stream.hear(self.now, self.heard)

    def wait(self, days_long: int) -> None:
        self.now += days_long * DAY_LENGTH
        self.stream.idle(self.now)

    def go_on(self) -> None:
        self.stream.go_on()

    def change(self, rules: list[Rule], bounds: Bounds, latency: int) -> None:
        sources = dict(self.stream.catalogue.sources)
        sources[FEED] = msgspec.structs.replace(sources[FEED], usual_latency=latency * DAY_LENGTH)
        self.stream.change(*rules, bounds=bounds, sources=sources)

    def verify(self) -> None:
        """What stands, and who is waited for, is what the last rules say of what is left."""
        said = self.stream.catalogue
        known = Now(self.now, {FEED: self.heard - said.sources[FEED].usual_latency})
        compiled = RuleSet(said.rules, said.bounds)
        expected: dict[str, Finding] = {}
        waited_for: set[str] = set()
        for key in {key for key, _ in self.live}:
            timeline = Timeline()
            for sighting in [sighting for other, sighting in self.live if other == key]:
                timeline = timeline.changed(1, sighting, said.bounds)
            expected.update(evaluate(compiled, key, timeline, known))
            asked = wakes(compiled, key, Picture(timeline, said.bounds), known)
            waited_for.update(f"{clock}/{when:016d}/{key}" for clock, when in asked)
        assert self.stream.standing == expected
        assert set(self.stream.wakes) == waited_for


def live_through(
    catalogue: Catalogue, rules: list[Rule], events: list[tuple[Any, ...]], bounds: tuple[int, int]
) -> None:
    """Put a partition through all this, let it settle, and verify it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, bound in zip(("SLICE", "WORK"), bounds, strict=True):
            patch.setattr(detect, name, bound)
        life = Life(catalogue, rules)
        for what, *about in events:
            life.now += HOUR
            getattr(life, what)(*about)
        life.hear(-9)
        life.stream.settle()
        life.verify()


Patch = pytest.MonkeyPatch
MUTANTS: dict[str, Callable[[Patch], None]] = {}


def mutant(broken: Callable[[Patch], None]) -> Callable[[Patch], None]:
    """Register a defect; its name says what is wrong."""
    MUTANTS[broken.__name__.replace("_", " ")] = broken
    return broken


@mutant
def the_last_key_gone_over_is_governed_by_the_old_rules(patch: Patch) -> None:
    patch.setattr(Change, "is_over", lambda self, row: self.target is not None and row < self._gone_over)


@mutant
def the_last_key_gone_over_goes_over_again(patch: Patch) -> None:
    def rows_left(self: Change, ranges: Sequence[tuple[bytes, bytes]]) -> Iterator[bytes]:
        return (row for start, stop in ranges for row, _ in self._rows.scan(max(start, self._gone_over), stop))

    patch.setattr(Change, "_rows_left", rows_left)


@mutant
def a_change_ends_with_its_first_slice(patch: Patch) -> None:
    right = Change.go_over

    def go_over(self: Change, ranges: Sequence[tuple[bytes, bytes]], *more: Any) -> None:
        right(self, ranges, *more)
        right(self, (), *more)

    patch.setattr(Change, "go_over", go_over)


@mutant
def how_far_it_has_gone_is_kept_in_the_process(patch: Patch) -> None:
    """The crash between: the outputs of a slice are committed, and the row that says so is not."""
    right = Change.go_over

    def go_over(self: Change, *given: Any) -> None:
        right(self, *given)
        self._rows.delete(b"gone-over")

    patch.setattr(Change, "go_over", go_over)


@mutant
def a_slice_is_bounded_in_rows_alone(patch: Patch) -> None:
    patch.setattr(detect, "SLICE", 1_000)
    patch.setattr(detect._Partition, "_take_over", without_work(detect._Partition._take_over))


def without_work(right: Callable[..., int]) -> Callable[..., int]:
    return lambda *given, **named: right(*given, **named) * 0


@mutant
def only_the_reports_on_a_timeline_are_work(patch: Patch) -> None:
    patch.setattr(detect, "SLICE", 1_000)
    patch.setattr(detect, "_reports_in", lambda findings: 0)


@mutant
def what_does_not_stand_any_more_is_no_work(patch: Patch) -> None:
    patch.setattr(detect, "SLICE", 1_000)
    right = detect._reports_in
    before: list[int] = []

    def only_every_second(findings: Any) -> int:
        before.append(0)
        return right(findings) if len(before) % 2 == 0 else 0

    patch.setattr(detect, "_reports_in", only_every_second)


@mutant
def the_row_that_reaches_the_bound_goes_over_again(patch: Patch) -> None:
    """A slice that is too much work forgets its last row."""
    right = Change.go_over

    def go_over(self: Change, ranges: Any, most: int, work: int, take_over: Any, *more: Any) -> None:
        before = self._gone_over
        right(self, ranges, most, work, take_over, *more)
        if self._gone_over > before:
            self._gone_over = self._gone_over[:-1]
            self._rows.put(b"gone-over", self._gone_over)

    patch.setattr(Change, "go_over", go_over)


@mutant
def a_third_catalogue_takes_the_place_of_the_second(patch: Patch) -> None:
    def begin(self: Change) -> bytes | None:
        self.target = self._present if self.standing != self._present or self.target else None
        if self.target is not None:
            self._rows.put(b"changing", self.target)
        return self.target

    patch.setattr(Change, "begin", begin)


@mutant
def deadlines_of_the_old_rules_stay(patch: Patch) -> None:
    right = detect.revise_by_rules
    patch.setattr(detect, "revise_by_rules", lambda *given: msgspec.structs.replace(right(*given), forget=()))


@mutant
def deadlines_of_the_new_rules_are_not_asked_for(patch: Patch) -> None:
    right = detect.revise_by_rules
    patch.setattr(detect, "revise_by_rules", lambda *given: msgspec.structs.replace(right(*given), ask=()))


@mutant
def nobody_minds_what_a_rule_rests_on(patch: Patch) -> None:
    patch.setattr(changing, "rests_on", lambda rule: frozenset())


@mutant
def nobody_minds_how_late_a_feed_is(patch: Patch) -> None:
    patch.setattr(changing, "_waits_for", lambda limb, source: False)


@mutant
def new_keys_are_governed_by_the_old_rules(patch: Patch) -> None:
    patch.setattr(detect._Partition, "_regime_of", lambda self, key: self._old)


@mutant
def a_feed_is_as_late_for_the_old_rules_as_for_the_new(patch: Patch) -> None:
    def due(self: Any, clock: str) -> list[str]:
        if clock == "as_of":
            return self._agenda.due_by(self._as_of)  # type: ignore[no-any-return]
        source = clock.partition(":")[2]
        furthest = max(regime.now.complete_to.get(source, -(10**18)) for regime in self._regimes())
        return list(dict.fromkeys(key for _, key in self._agenda.due_by_feed(clock, furthest)))

    patch.setattr(detect._Partition, "_due", due)


def in_a_dense_run(catalogue: Catalogue) -> None:
    with pytest.MonkeyPatch.context() as patch:
        test_a_dense_run_of_timelines_takes_several_slices_and_says_the_same(catalogue, patch)


def in_a_dense_run_that_goes(catalogue: Catalogue) -> None:
    with pytest.MonkeyPatch.context() as patch:
        test_what_no_longer_stands_is_work_too(catalogue, patch)


SCENES: dict[Callable[[Patch], None], Callable[[Catalogue], None]] = {
    a_slice_is_bounded_in_rows_alone: in_a_dense_run,
    only_the_reports_on_a_timeline_are_work: in_a_dense_run,
    what_does_not_stand_any_more_is_no_work: in_a_dense_run_that_goes,
    a_third_catalogue_takes_the_place_of_the_second: test_a_third_catalogue_waits_for_the_change_under_way,
    nobody_minds_what_a_rule_rests_on: test_a_rule_that_rests_on_the_changed_one_says_so_too,
    nobody_minds_how_late_a_feed_is: test_a_feed_thought_slower_takes_back_what_was_thought_complete,
    a_feed_is_as_late_for_the_old_rules_as_for_the_new: test_a_feed_thought_slower_takes_back_what_was_thought_complete,
}
"""Where chance would have to try for long."""


@pytest.mark.parametrize("broken", MUTANTS.values(), ids=MUTANTS)
def test_a_defect_is_noticed(catalogue: Catalogue, monkeypatch: Patch, broken: Callable[[Patch], None]):
    monkeypatch.setattr(detect, "SLICE", 1)
    broken(monkeypatch)
    if broken in SCENES:
        with pytest.raises(AssertionError):
            SCENES[broken](catalogue)
        return

    @settings(max_examples=1_500, phases=[Phase.generate], database=None, derandomize=True, report_multiple_bugs=False)
    @given(*LIVES)
    def run(rules: list[Rule], events: list[tuple[Any, ...]], bounds: tuple[int, int]) -> None:
        live_through(catalogue, rules, events, bounds)

    with pytest.raises((AssertionError, KeyError, ValueError)):
        run()
