"""Sightings in, differences of findings out: causes, times, deadlines and what is refused."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from tests.core.rules.making import a_sighting, at

from safety_stream.catalogue.backtesting import Setting, changed
from safety_stream.core.catalogue import Catalogue, Indicator
from safety_stream.core.model.dead_letters import Refused
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.findings import FindingChange
from safety_stream.core.model.sightings import Sighting, SightingChange
from safety_stream.core.model.tallies import Cause, Tally
from safety_stream.core.model.times import HOUR, MINUTE, Instant, day_of
from safety_stream.core.rules.rule import Selector
from safety_stream.core.stages import detect
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.core.stages.stage import Output, Record, Unreadable

LEFT_AT = "2026-01-05T20:00"
DEADLINE = at("2026-01-08T20:00")
LATENCY = 24 * HOUR
"""Of children's services, as catalogue/sources.yaml has it."""

RETURNED = a_sighting(
    LEFT_AT, "left", kind="missing-episode", subtype="returned", category="missing", roles=("missing",), child=True
)
INTERVIEW = a_sighting(
    "2026-01-08T19:00", "seen", kind="intervention", subtype="return-interview", organisation="childrens-services"
)


class Stream:
    """Detect on one partition, fed record by record."""

    def __init__(self, catalogue: Catalogue, partitions: int = 1) -> None:
        self._step = detect.make_step(catalogue, partitions)
        self.rows = MemoryRows()

    def at(self, received_at: Instant, value: msgspec.Struct | Refused) -> list[Output]:
        record = Record(topic="sightings", partition=3, offset=17, received_at=received_at, value=value, raw_value=b"?")
        return self._step(self.rows, [record], None)

    def idle(self, now: Instant) -> list[Output]:
        return self._step(self.rows, [], now)


@pytest.fixture
def stream(catalogue: Catalogue) -> Stream:
    """The rules that ship, but that two harms are enough for a repeat victim."""
    (graded,) = [rule for rule in catalogue.rules if rule.id == "rv-graded"]
    others = tuple(rule for rule in catalogue.rules if rule is not graded)
    twice = changed(graded, [Setting("at_least", "2")], catalogue)
    return Stream(msgspec.structs.replace(catalogue, rules=(*others, twice)))


def put(sighting: Sighting, key: str = "victim:t1", sign: int = 1) -> SightingChange:
    signed = 1 if sign > 0 else -1
    return SightingChange(key=key, sign=signed, sighting=sighting, as_of=0, cause=f"{sighting.incident_id} new")


def heard(up_to: Instant, partition: int = 0) -> FeedStatus:
    """This partition of register has heard children's services up to this report time."""
    return FeedStatus(as_of=0, newest={"childrens-services": up_to}, partition=partition)


def told(outputs: list[Output]) -> list[tuple[str, str, Instant, str]]:
    """Change, rule, as-of time and cause of each output."""
    changes = [output.value for output in outputs]
    assert all(isinstance(change, FindingChange) for change in changes)
    return [(change.change, change.finding.rule_id, change.as_of, change.cause) for change in changes]


FIRST = a_sighting("2026-01-05T10:00", "a")
SECOND = a_sighting("2026-01-06T10:00", "b")
LATER = at("2026-01-07T00:00")


def test_a_second_harm_raises_a_finding_as_of_its_record(stream: Stream):
    assert stream.at(LATER, put(FIRST)) == []
    outputs = stream.at(LATER + 5, put(SECOND))
    assert told(outputs) == [("raised", "rv-graded", LATER + 5, "b new")]
    assert [(output.topic, output.key, output.received_at) for output in outputs] == [
        ("findings", "victim:t1", LATER + 5)
    ]


def test_a_withdrawn_harm_withdraws_it_with_all_it_said(stream: Stream):
    stream.at(LATER, put(FIRST))
    raised = stream.at(LATER, put(SECOND))[0].value
    withdrawn = stream.at(LATER + 1, put(FIRST, sign=-1))[0].value
    assert (withdrawn.change, withdrawn.finding) == ("withdrawn", raised.finding)


def test_a_correction_that_names_another_victim_moves_the_finding(stream: Stream):
    for key in ("victim:t1", "victim:t2"):
        stream.at(LATER, put(msgspec.structs.replace(FIRST, incident_id=f"a-{key}"), key))
    stream.at(LATER, put(SECOND, "victim:t1"))
    went = stream.at(LATER + 1, put(SECOND, "victim:t1", sign=-1))
    came = stream.at(LATER + 1, put(SECOND, "victim:t2"))
    assert [(output.key, output.value.change) for output in (*went, *came)] == [
        ("victim:t1", "withdrawn"),
        ("victim:t2", "raised"),
    ]


def test_time_never_goes_back(stream: Stream):
    stream.at(LATER, put(FIRST))
    assert told(stream.at(LATER - HOUR, put(SECOND))) == [("raised", "rv-graded", LATER, "b new")]


CHILD = "person:c1"
COMPLETE = DEADLINE + LATENCY


def test_a_deadline_waits_for_time_and_then_for_the_feed(stream: Stream):
    stream.at(at(LEFT_AT), put(RETURNED, CHILD))
    assert stream.at(DEADLINE, heard(COMPLETE - 1)) == []
    assert told(stream.at(DEADLINE + HOUR, heard(COMPLETE))) == [
        ("raised", "missing-no-return-interview", DEADLINE + HOUR, "clock feed:childrens-services")
    ]


def test_a_deadline_waits_for_the_last_partition_that_could_cancel_it(catalogue: Catalogue):
    stream = Stream(catalogue, partitions=3)
    stream.at(at(LEFT_AT), put(RETURNED, CHILD))
    assert stream.at(DEADLINE, heard(COMPLETE, partition=2)) == []
    assert stream.at(DEADLINE, heard(COMPLETE, partition=0)) == []
    assert stream.at(DEADLINE, heard(COMPLETE - 1, partition=1)) == []
    assert len(stream.at(DEADLINE, heard(COMPLETE + 1, partition=1))) == 1


def test_a_lagging_partition_holds_the_report_that_cancels(catalogue: Catalogue):
    stream = Stream(catalogue, partitions=2)
    stream.at(at(LEFT_AT), put(RETURNED, CHILD))
    stream.at(DEADLINE, heard(COMPLETE, partition=0))
    stream.at(DEADLINE, put(INTERVIEW, CHILD))
    assert stream.at(DEADLINE, heard(COMPLETE, partition=1)) == []


def test_a_deadline_waits_for_the_feed_and_then_for_time(stream: Stream):
    stream.at(at(LEFT_AT), heard(COMPLETE))
    stream.at(at(LEFT_AT), put(RETURNED, CHILD))
    assert stream.at(DEADLINE - 1, heard(COMPLETE)) == []
    assert told(stream.at(DEADLINE, heard(COMPLETE))) == [
        ("raised", "missing-no-return-interview", DEADLINE, "clock as_of")
    ]


def test_the_clock_moves_before_the_record_is_read(stream: Stream):
    """The interview comes too late to keep the finding from being raised, and in time to withdraw it."""
    stream.at(at(LEFT_AT), heard(COMPLETE))
    stream.at(at(LEFT_AT), put(RETURNED, CHILD))
    outputs = stream.at(DEADLINE + MINUTE, put(INTERVIEW, CHILD))
    assert told(outputs) == [
        ("raised", "missing-no-return-interview", DEADLINE + MINUTE, "clock as_of"),
        ("withdrawn", "missing-no-return-interview", DEADLINE + MINUTE, "seen new"),
    ]


def test_an_interview_in_time_leaves_nothing_to_wait_for(stream: Stream):
    stream.at(at(LEFT_AT), put(RETURNED, CHILD))
    stream.at(at(LEFT_AT), put(INTERVIEW, CHILD))
    assert list(stream.rows.scan(b"~wake/", b"~wake0")) == []
    assert stream.at(DEADLINE, heard(COMPLETE)) == []


def test_a_withdrawn_interview_is_waited_for_again(stream: Stream):
    stream.at(at(LEFT_AT), put(RETURNED, CHILD))
    stream.at(at(LEFT_AT), put(INTERVIEW, CHILD))
    stream.at(at(LEFT_AT), put(INTERVIEW, CHILD, sign=-1))
    assert len(stream.at(DEADLINE, heard(COMPLETE))) == 1


def test_the_clock_alone_wakes_a_quiet_partition(stream: Stream):
    stream.at(at(LEFT_AT), heard(COMPLETE))
    stream.at(at(LEFT_AT), put(RETURNED, CHILD))
    assert stream.idle(DEADLINE - 1) == []
    assert told(stream.idle(DEADLINE)) == [("raised", "missing-no-return-interview", DEADLINE, "clock as_of")]
    assert stream.idle(DEADLINE + HOUR) == []


def test_two_episodes_with_one_deadline_are_each_waited_for(stream: Stream):
    again = msgspec.structs.replace(RETURNED, incident_id="left-again")
    stream.at(at(LEFT_AT), heard(COMPLETE))
    stream.at(at(LEFT_AT), put(RETURNED, CHILD))
    stream.at(at(LEFT_AT), put(again, CHILD))
    stream.at(at(LEFT_AT), put(again, CHILD, sign=-1))
    assert len(stream.idle(DEADLINE)) == 1


def test_a_feed_the_catalogue_does_not_know_is_remembered_and_ignored(stream: Stream):
    assert stream.at(LATER, FeedStatus(as_of=0, newest={"no-such-feed": LATER}, partition=0)) == []


def test_a_record_that_could_not_be_read_stops_the_stage(stream: Stream):
    with pytest.raises(Unreadable, match=r"sightings\[3\] at offset 17: unreadable-framing"):
        stream.at(LATER, Refused("unreadable-framing", "no magic byte"))


def test_what_is_no_sighting_stops_the_stage(stream: Stream):
    with pytest.raises(Unreadable, match="detect cannot go on"):
        stream.at(LATER, FIRST)


def test_a_sighting_that_leaves_where_it_never_was_is_a_defect(stream: Stream):
    with pytest.raises(ValueError, match="is not on the timeline it leaves"):
        stream.at(LATER, put(FIRST, sign=-1))


def test_an_idle_wake_that_wakes_nobody_writes_nothing(stream: Stream):
    stream.at(at(LEFT_AT), put(RETURNED, CHILD))
    before = {key: stream.rows.get(key) for key, _ in stream.rows.scan(b"", b"\xff")}

    assert stream.idle(DEADLINE - 1) == []
    assert {key: stream.rows.get(key) for key, _ in stream.rows.scan(b"", b"\xff")} == before


def counted(outputs: list[Output]) -> dict[tuple[str, str, int], int]:
    sums: Counter[tuple[str, str, int]] = Counter()
    for output in outputs:
        if isinstance(output.value, Tally):
            assert output.topic == "tallies"
            sums[output.value.area, output.value.indicator, output.value.event_day] += output.value.count
    return {cell: count for cell, count in sums.items() if count}


COUNTED = Indicator(id="graded", title="", select=Selector(), feeds=(), periods=("month",), rule="rv-graded")


@pytest.fixture
def counting(catalogue: Catalogue) -> Stream:
    (graded,) = [rule for rule in catalogue.rules if rule.id == "rv-graded"]
    twice = changed(graded, [Setting("at_least", "2")], catalogue)
    return Stream(msgspec.structs.replace(catalogue, rules=(twice,), indicators=(COUNTED,)))


def above(area: str, day: str, catalogue: Catalogue) -> dict[tuple[str, str, int], int]:
    when = day_of(at(day))
    return {(one, "graded", when): 1 for one in catalogue.areas.roll_ups(area, when)}


def test_a_finding_is_counted_where_and_when_it_completed_and_above_and_taken_out_with_it(
    counting: Stream, catalogue: Catalogue
):
    first, second = a_sighting("2026-01-05T10:00", "a"), a_sighting("2026-03-31T23:30", "b", area="E07000118")

    told = [*counting.at(at("2026-04-01T10:00"), put(first)), *counting.at(at("2026-04-01T11:00"), put(second))]
    assert counted(told) == above("E07000118", "2026-03-31T23:30", catalogue)
    assert {output.value.report_day for output in told if isinstance(output.value, Tally)} == {
        day_of(at("2026-04-01T11:00"))
    }

    gone = counting.at(at("2026-04-02T11:00"), put(first, sign=-1))
    assert counted([*told, *gone]) == {}


def test_a_finding_that_moves_is_counted_where_it_moved(counting: Stream, catalogue: Catalogue):
    first, second = a_sighting("2026-01-05T10:00", "a"), a_sighting("2026-02-05T10:00", "b")
    moved = msgspec.structs.replace(second, area="E07000118")
    told = [*counting.at(1, put(first)), *counting.at(2, put(second))]

    change = msgspec.structs.replace(put(moved), replaces=second)
    told += counting.at(3, change)

    assert counted(told) == above("E07000118", "2026-02-05T10:00", catalogue)


def test_a_finding_counts_for_the_cause_of_the_sighting_that_moved_it(counting: Stream):
    first, second = a_sighting("2026-01-05T10:00", "a"), a_sighting("2026-02-05T10:00", "b")
    because: list[Cause] = ["reported", "reported", "corrected", "persons-linked"]
    told = []
    for number, (change, why) in enumerate(
        zip([put(first), put(second), put(first, sign=-1), put(first)], because, strict=True)
    ):
        told.append(counting.at(number, msgspec.structs.replace(change, why=why)))

    assert [{one.value.cause for one in outputs if isinstance(one.value, Tally)} for outputs in told] == [
        set(),
        {"reported"},
        {"corrected"},
        {"persons-linked"},
    ]


def test_a_rule_that_nothing_counts_makes_no_tally(catalogue: Catalogue):
    uncounted = Stream(msgspec.structs.replace(catalogue, indicators=()))
    for name in ("a", "b", "c"):
        outputs = uncounted.at(1, put(a_sighting("2026-01-05T10:00", name)))
        assert {output.topic for output in outputs} <= {"findings", "sightings"}
