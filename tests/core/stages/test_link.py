"""Link: where reports stand by what they name, whatever came when and was taken back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from typing import Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.rules.making import a_sighting
from tests.core.stages.making import a_record

from safety_stream.core.catalogue import NOTHING_LINKED, Catalogue, Linked
from safety_stream.core.linking import linked_key, timelines_of
from safety_stream.core.model.sightings import Sighting, SightingChange
from safety_stream.core.model.times import DAY_LENGTH
from safety_stream.core.stages import link
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.core.stages.stage import MORE_ROW, Output, Record, Unreadable

TERMS = msgspec.structs.replace(NOTHING_LINKED, age=3 * DAY_LENGTH, degree_cap=3, reports_at_most=5)
BEGINS = 1_767_600_000_000


def a_report(name: str, day: int, *named: str, **changes: object) -> Sighting:
    """A report of that day that names these."""
    return a_sighting(BEGINS + day * DAY_LENGTH, name, linking=tuple(sorted(named)), roles=(), **changes)


class Stage:
    """The stage with its rows, as it goes by some terms; and what stands on timelines by what it put out."""

    def __init__(self, catalogue: Catalogue, terms: Linked = TERMS) -> None:
        self.rows = MemoryRows()
        self.standing: dict[str, dict[str, Sighting]] = {}
        self.outputs: list[Output] = []
        self._catalogue = catalogue
        self.go_by(terms)

    def go_by(self, terms: Linked) -> None:
        """Go by these from now on."""
        self._step = link.make_step(msgspec.structs.replace(self._catalogue, linked=terms), 1)

    def come(self, *reports: Sighting) -> None:
        """Reports that are new."""
        self.take([_change(report) for report in reports])

    def go(self, *reports: Sighting) -> None:
        """Reports that are taken back."""
        self.take([_change(report, sign=-1) for report in reports])

    def become(self, old: Sighting, new: Sighting) -> None:
        """A report that is corrected."""
        self.take([_change(new, replaces=old)])

    def take(self, changes: Iterable[SightingChange]) -> None:
        """What register sends."""
        self.run([a_record(change, "links", received_at=change.as_of) for change in changes])

    def go_on(self) -> None:
        """All that is left to do."""
        self.run([])
        while self.rows.get(MORE_ROW) is not None:
            self.run([])

    def run(self, records: Sequence[Record]) -> None:
        """One step."""
        for output in self._step(self.rows, records, None):
            self.outputs.append(output)
            assert output.topic == "sightings"
            assert output.key == output.value.key
            self._fold(output.value)

    def _fold(self, change: SightingChange) -> None:
        on_it = self.standing.setdefault(change.key, {})
        leaves = change.sighting if change.sign < 0 else change.replaces
        if leaves is not None:
            assert on_it.pop(leaves.incident_id) == leaves
        if change.sign > 0:
            assert change.sighting.incident_id not in on_it
            on_it[change.sighting.incident_id] = change.sighting
        if not on_it:
            del self.standing[change.key]

    def groups(self) -> dict[str, list[str]]:
        """The groups, by the earliest report of each."""
        return {key.removeprefix("linked:"): sorted(on_it) for key, on_it in sorted(self.standing.items())}


def _change(report: Sighting, sign: Literal[1, -1] = 1, replaces: Sighting | None = None) -> SightingChange:
    return SightingChange(
        key=linked_key(report.incident_id),
        sign=sign,
        sighting=report,
        as_of=report.received_at,
        cause=f"{report.incident_id} new",
        replaces=replaces,
    )


@pytest.fixture
def stage(catalogue: Catalogue) -> Stage:
    return Stage(catalogue)


def test_what_names_the_same_stands_together_under_the_earliest(stage: Stage):
    stage.come(a_report("r2", 1, "phone:b", "vehicle:a"), a_report("r3", 2, "phone:b"), a_report("r1", 0, "vehicle:a"))
    assert stage.groups() == {"r1": ["r1", "r2", "r3"]}


def test_what_names_nothing_alike_stands_nowhere(stage: Stage):
    stage.come(a_report("r1", 0, "vehicle:a"), a_report("r2", 0, "vehicle:b"))
    assert stage.groups() == {}
    assert stage.outputs == []


def test_a_link_lasts_to_the_last_instant_and_is_chained(stage: Stage):
    stage.come(a_report("r1", 0, "vehicle:a"), a_report("r3", 6, "vehicle:a"))
    assert stage.groups() == {}
    stage.come(a_report("r2", 3, "vehicle:a"))
    assert stage.groups() == {"r1": ["r1", "r2", "r3"]}


def test_a_millisecond_more_is_too_much(stage: Stage):
    late = a_sighting(BEGINS + 3 * DAY_LENGTH + 1, "r2", linking=("vehicle:a",), roles=())
    stage.come(a_report("r1", 0, "vehicle:a"), late)
    assert stage.groups() == {}


def test_a_late_report_joins_two_groups(stage: Stage):
    stage.come(*(a_report(name, day, "vehicle:a") for name, day in (("a1", 1), ("a2", 2))))
    stage.come(*(a_report(name, day, "phone:b") for name, day in (("b1", 3), ("b2", 4))))
    assert stage.groups() == {"a1": ["a1", "a2"], "b1": ["b1", "b2"]}
    stage.come(a_report("c", 2, "phone:b", "vehicle:a"))
    assert stage.groups() == {"a1": ["a1", "a2", "b1", "b2", "c"]}


def test_a_correction_splits_a_group_again(stage: Stage):
    bridge = a_report("c", 2, "phone:b", "vehicle:a")
    stage.come(a_report("a", 1, "vehicle:a"), bridge, a_report("b", 3, "phone:b"))
    assert stage.groups() == {"a": ["a", "b", "c"]}
    stage.become(bridge, a_report("c", 2, "phone:b"))
    assert stage.groups() == {"c": ["b", "c"]}


def test_a_hub_links_nothing_and_one_report_fewer_links_again(stage: Stage):
    told = [a_report(f"r{number}", 0, "place:h") for number in range(4)]
    stage.come(*told[:3])
    assert stage.groups() == {"r0": ["r0", "r1", "r2"]}
    stage.come(told[3])
    assert stage.groups() == {}
    stage.go(told[0])
    assert stage.groups() == {"r1": ["r1", "r2", "r3"]}


def test_a_hub_is_no_way_either(stage: Stage):
    stage.come(*(a_report(f"r{number}", 0, "place:h", "vehicle:a") for number in range(2)))
    assert {one.linking for one in stage.standing["linked:r0"].values()} == {("place:h", "vehicle:a")}
    stage.come(*(a_report(f"s{number}", 9, "place:h") for number in range(2)))
    assert stage.groups() == {"r0": ["r0", "r1"]}
    assert {one.linking for one in stage.standing["linked:r0"].values()} == {("vehicle:a",)}


def test_a_hub_does_not_make_a_cluster_however_many_come(stage: Stage):
    for number in range(40):
        stage.come(a_report(f"r{number:02d}", number % 3, "place:h", f"person:{number // 2}"))
    assert all(len(group) == 2 for group in stage.groups().values())
    assert len(stage.groups()) == 20


def test_what_is_blocked_links_nothing(catalogue: Catalogue):
    stage = Stage(catalogue, msgspec.structs.replace(TERMS, blocklist=frozenset({"vehicle:fleet"})))
    stage.come(a_report("r1", 0, "vehicle:fleet"), a_report("r2", 0, "vehicle:fleet"))
    assert stage.groups() == {}


def test_too_many_are_no_group_until_one_goes(stage: Stage):
    told = [a_report(f"r{number}", number, f"phone:{number}", f"phone:{number + 1}") for number in range(6)]
    stage.come(*told[:5])
    assert stage.groups() == {"r0": [f"r{number}" for number in range(5)]}
    stage.come(told[5])
    assert stage.groups() == {}
    stage.go(told[3])
    assert stage.groups() == {"r0": ["r0", "r1", "r2"], "r4": ["r4", "r5"]}


def test_who_leaves_goes_before_who_comes_the_latest_first(stage: Stage):
    stage.come(a_report("b1", 1, "vehicle:a"), a_report("b2", 2, "vehicle:a"))
    stage.outputs.clear()
    stage.come(a_report("b0", 0, "vehicle:a"))
    told = [(one.value.sign, one.key, one.value.sighting.incident_id) for one in stage.outputs]
    assert told == [
        (-1, "linked:b1", "b2"),
        (-1, "linked:b1", "b1"),
        (1, "linked:b0", "b0"),
        (1, "linked:b0", "b1"),
        (1, "linked:b0", "b2"),
    ]
    assert {one.value.cause for one in stage.outputs} == {"b0 new"}


def test_a_correction_that_leaves_it_where_it_is_is_one_change(stage: Stage):
    before = a_report("r2", 1, "vehicle:a")
    stage.come(a_report("r1", 0, "vehicle:a"), before)
    stage.outputs.clear()
    after = a_report("r2", 1, "vehicle:a", category="robbery")
    stage.become(before, after)
    assert [(one.value.replaces, one.value.sighting) for one in stage.outputs] == [(before, after)]


def test_a_hub_costs_no_look_at_its_reports(stage: Stage):
    stage.come(*(a_report(f"r{number:03d}", 0, "place:h") for number in range(100)))
    scanned = []
    scan = stage.rows.scan
    stage.rows.scan = lambda start, stop: scanned.append(start) or scan(start, stop)
    stage.come(a_report("s", 0, "place:h"))
    assert not [start for start in scanned if start.startswith(b"~naming/place:h")]


@pytest.mark.parametrize("sign", [1, -1])
def test_a_report_that_comes_twice_or_goes_unheard_of_is_a_defect(stage: Stage, sign: Literal[1, -1]):
    report = a_report("r1", 0, "vehicle:a")
    if sign > 0:
        stage.come(report)
    with pytest.raises(ValueError, match="rebuild `links`"):
        stage.take([_change(report, sign)])


def test_what_cannot_be_read_stops_the_stage(stage: Stage):
    with pytest.raises(Unreadable, match="link cannot go on"):
        stage.run([a_record(a_report("r1", 0, "vehicle:a"), "links")])


# --- any order, any terms ----------------------------------------------------------------------------------------

History = list[tuple[str, Sighting | None]]
"""Which report, and what it says from then on; None: nothing any more."""

NAMES = ("person:a", "phone:b", "place:h", "vehicle:c")


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Reports that come, say something else, and go."""
    told = []
    for _ in range(draw(st.integers(1, 24))):
        name = f"r{draw(st.integers(0, 9))}"
        named = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True))
        goes = draw(st.sampled_from((False, False, False, True)))
        told.append((name, None if goes else a_report(name, draw(st.integers(0, 8)), *named)))
    return told


def _changes(history: Iterable[tuple[str, Sighting | None]]) -> tuple[list[SightingChange], list[Sighting]]:
    """The changes register would make of that, and the reports that are there in the end."""
    there: dict[str, Sighting] = {}
    changes = []
    for name, report in history:
        old = there.pop(name, None)
        if report is not None:
            there[name] = report
            changes.append(_change(report, replaces=old))
        elif old is not None:
            changes.append(_change(old, sign=-1))
    return changes, list(there.values())


def _batch(reports: Sequence[Sighting], terms: Linked) -> dict[str, dict[str, Sighting]]:
    found = timelines_of(reports, terms)
    return {key: {one.incident_id: one for one in on_it} for key, on_it in found.items()}


OTHER_TERMS = (
    TERMS,
    msgspec.structs.replace(TERMS, degree_cap=2),
    msgspec.structs.replace(TERMS, reports_at_most=3),
    msgspec.structs.replace(TERMS, age=DAY_LENGTH),
    msgspec.structs.replace(TERMS, blocklist=frozenset({"phone:b"})),
    NOTHING_LINKED,
)


@settings(max_examples=300)
@given(history=histories(), sizes=st.lists(st.integers(1, 9), min_size=1))
def test_the_stream_is_the_batch_for_any_order_and_in_any_batches(
    catalogue: Catalogue, history: History, sizes: list[int]
):
    stage = Stage(catalogue)
    changes, there = _changes(history)
    at = number = 0
    while at < len(changes):
        size = sizes[number % len(sizes)]
        stage.take(changes[at : at + size])
        at, number = at + size, number + 1
    assert stage.standing == _batch(there, TERMS)


@given(history=histories())
def test_when_all_is_taken_back_nothing_is_left(catalogue: Catalogue, history: History):
    stage = Stage(catalogue)
    changes, there = _changes(history)
    stage.take(changes)
    stage.go(*there)
    assert stage.standing == {}
    assert [key for key, _ in stage.rows.scan(b"", b"\xff") if key not in (b"clock", b"rules")] == []


@settings(max_examples=300)
@given(
    history=histories(),
    cuts=st.tuples(st.integers(0, 24), st.integers(0, 24)),
    terms=st.tuples(*(st.sampled_from(OTHER_TERMS) for _ in range(3))),
    slices=st.integers(0, 6),
    seed=st.integers(0, 9),
)
def test_other_terms_hold_in_the_end_whatever_came_meanwhile(
    catalogue: Catalogue,
    history: History,
    cuts: tuple[int, int],
    terms: tuple[Linked, Linked, Linked],
    slices: int,
    seed: int,
):
    chance = Random(seed)
    changes, there = _changes(history)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(link, "SLICE", 2)
        stage = Stage(catalogue, terms[0])
        first, second = sorted(cuts)
        for part, by in zip((changes[:first], changes[first:second], changes[second:]), terms, strict=True):
            stage.go_by(by)
            for change in part:
                stage.take([change])
                if chance.random() < 0.3:
                    stage.run([])
            for _ in range(slices):
                stage.run([])
        stage.go_on()
    assert stage.standing == _batch(there, terms[2])
