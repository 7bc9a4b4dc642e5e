"""Handle: actions meet alerts as they are, clocks run on, and what cannot be read is kept and said."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.alerts.test_handling import POLICY, RAISED, an_action, version
from tests.core.stages.making import NOON, a_record

from safety_stream.core.alerts import handling
from safety_stream.core.alerts.handling import Clocks, Policy
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.dead_letters import DeadLetter, Refused
from safety_stream.core.model.handling import ActionAnswer, AlertAction, HandledAlert, HandlingAction
from safety_stream.core.model.times import DAY_LENGTH, MINUTE, Instant
from safety_stream.core.stages import handle
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.core.stages.stage import Output, Record, Unreadable

NO_SUCH = "there is no such alert, or it has been forgotten, as one is 90 days after its end: nothing can be done"


@pytest.fixture
def ruled(catalogue: Catalogue) -> Catalogue:
    return msgspec.structs.replace(catalogue, handling=POLICY)


def received(value: Any, at: Instant, topic: str = "alert-changes") -> Record:
    return msgspec.structs.replace(a_record(value), received_at=at, topic=topic)


def an_action_on_sight(what: HandlingAction, **changes: Any) -> AlertAction:
    """An action by somebody who has seen the first version."""
    return an_action(what, **({"seen": 1} | changes))


def values(outputs: list[Output], topic: str) -> list[Any]:
    return [one.value for one in outputs if one.topic == topic]


def test_an_alert_comes_out_as_it_came_with_its_clocks(ruled: Catalogue) -> None:
    (out,) = handle.make_step(ruled, 1)(MemoryRows(), [received(RAISED, NOON)], None)

    assert isinstance(out.value, HandledAlert)
    assert out.value.alert == RAISED.to_tell()
    assert (out.value.handling.state, out.value.handling.acknowledge_by) == ("new", NOON + 15 * MINUTE)


def test_the_reports_an_alert_does_not_show_are_not_handed_on(ruled: Catalogue) -> None:
    version = msgspec.structs.replace(RAISED, also_rests_on=("hidden",))
    rows = MemoryRows()
    (out,) = handle.make_step(ruled, 1)(rows, [received(version, NOON)], None)

    assert isinstance(out.value, HandledAlert)
    assert out.value.alert == RAISED.to_tell()
    assert not [row for row, value in rows.scan(b"", b"~") if b"hidden" in value]


def test_an_action_moves_the_alert_and_is_answered(ruled: Catalogue) -> None:
    step, rows = handle.make_step(ruled, 1), MemoryRows()
    step(rows, [received(RAISED, NOON)], None)

    told, answered = step(rows, [received(an_action_on_sight("acknowledge"), NOON + MINUTE, "alert-actions")], None)

    assert (told.value.handling.state, told.value.handling.owner) == ("acknowledged", "officer-7")
    assert answered.value == ActionAnswer(
        action_id="id-acknowledge",
        alert_id="alert-a",
        done=True,
        why="",
        state="acknowledged",
        number=2,
        as_of=NOON + MINUTE,
    )


def test_what_is_refused_is_answered_with_the_reason_and_nothing_goes_out(ruled: Catalogue) -> None:
    step, rows = handle.make_step(ruled, 1), MemoryRows()
    step(rows, [received(RAISED, NOON)], None)

    (answered,) = step(rows, [received(an_action_on_sight("close"), NOON, "alert-actions")], None)
    assert (answered.value.done, answered.value.state) == (False, "new")
    assert answered.value.why.startswith("close is not possible while it is new")
    (nobody,) = step(rows, [received(an_action_on_sight("note", alert_id="alert-z"), NOON, "alert-actions")], None)
    assert (nobody.value.done, nobody.value.state, nobody.value.why) == (False, None, NO_SUCH)


def test_an_action_that_cannot_be_read_is_kept_and_an_alert_that_cannot_stops_the_stage(ruled: Catalogue) -> None:
    step = handle.make_step(ruled, 1)
    (kept,) = step(MemoryRows(), [received(Refused("schema-violation", "cut"), NOON, "alert-actions")], None)
    assert kept.topic == "dead-letters.handle"
    assert isinstance(kept.value, DeadLetter)

    with pytest.raises(Unreadable):
        step(MemoryRows(), [received(Refused("schema-violation", "cut"), NOON)], None)


def test_one_alert_is_merged_into_another_that_stands_and_into_no_other(ruled: Catalogue) -> None:
    step, rows = handle.make_step(ruled, 1), MemoryRows()
    other = msgspec.structs.replace(RAISED, alert_id="alert-b")
    step(rows, [received(RAISED, NOON), received(other, NOON)], None)
    back = an_action_on_sight("merge", action_id="back", alert_id="alert-b", into="alert-a")

    outputs = step(
        rows,
        [received(one, NOON, "alert-actions") for one in (an_action_on_sight("merge"), back)],
        None,
    )

    assert [(one.done, one.state) for one in values(outputs, "action-answers")] == [(True, "merged"), (False, "new")]


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["alert-a", "alert-b"]),
        st.sampled_from(["raise", "worsen", "withdraw", "acknowledge", "snooze", "escalate", "refer", "reopen"]),
        st.integers(0, 40),
    ),
    max_size=10,
)


@given(events=EVENTS, cut=st.data())
def test_what_goes_out_does_not_depend_on_batches_ticks_or_restarts(
    catalogue: Catalogue, events: list[tuple[str, str, int]], cut: st.DataObject
) -> None:
    records: list[Record] = []
    numbers = {"alert-a": 0, "alert-b": 0}
    now = NOON
    for number, (alert_id, what, later) in enumerate(events):
        now += later * MINUTE
        if what in ("raise", "worsen", "withdraw"):
            numbers[alert_id] += 1
            change, reason = {
                "raise": ("raised", "new"),
                "worsen": ("updated", "worsened"),
                "withdraw": ("withdrawn", "withdrawn"),
            }[what]
            value: Any = version(numbers[alert_id], alert_id=alert_id, change=change, reason=reason, as_of=now)
            records.append(received(value, now))
        else:
            action: Any = what
            value = an_action_on_sight(
                action, action_id=str(number), alert_id=alert_id, until=now + 20 * MINUTE, seen=numbers[alert_id]
            )
            records.append(received(value, now, "alert-actions"))
    ruled = msgspec.structs.replace(catalogue, handling=POLICY)

    def by_alert(outputs: list[Output]) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        for one in outputs:
            found.setdefault(one.value.alert_id if one.topic == "action-answers" else str(one.key), []).append(
                one.value
            )
        return found

    whole = handle.make_step(ruled, 1)(MemoryRows(), records, now + 10_000 * MINUTE)
    rows, pieces = MemoryRows(), []
    rest = list(records)
    while rest:
        size = cut.draw(st.integers(1, len(rest)))
        batch, rest = rest[:size], rest[size:]
        idle = cut.draw(st.sampled_from([None, batch[-1].received_at]))
        pieces += handle.make_step(ruled, 1)(rows, batch, idle)
    pieces += handle.make_step(ruled, 1)(rows, [], now + 10_000 * MINUTE)

    assert by_alert(pieces) == by_alert(whole)


@pytest.mark.parametrize(("before", "after"), [(15, 40), (40, 15)], ids=["longer", "shorter"])
def test_a_case_goes_by_the_clocks_there_are_now(catalogue: Catalogue, before: int, after: int) -> None:
    def step_by(minutes: int) -> Any:
        clocks = Clocks(acknowledge=minutes * MINUTE, snooze_at_most=0)
        return handle.make_step(
            msgspec.structs.replace(catalogue, handling=Policy(clocks={"P1": clocks}, roles=POLICY.roles)), 1
        )

    rows = MemoryRows()
    step_by(before)(rows, [received(RAISED, NOON)], None)
    step = step_by(after)

    assert step(rows, [], NOON + (min(before, after) + 1) * MINUTE if after > before else NOON) == []
    (overdue,) = step(rows, [], NOON + (after + 1) * MINUTE)
    assert (overdue.value.handling.what, overdue.value.as_of) == ("overdue", NOON + after * MINUTE)


def test_what_is_due_by_other_clocks_than_there_were_falls_due_now_and_not_in_the_past(catalogue: Catalogue) -> None:
    clocks, rows, later = POLICY.clocks["P1"], MemoryRows(), NOON + 9 * DAY_LENGTH
    patient = msgspec.structs.replace(clocks, decide=30 * DAY_LENGTH)

    def step_by(these: Clocks) -> Any:
        policy = msgspec.structs.replace(POLICY, clocks={"P1": these})
        return handle.make_step(msgspec.structs.replace(catalogue, handling=policy), 1)

    step_by(patient)(rows, [received(RAISED, NOON)], None)
    step_by(patient)(rows, [received(an_action_on_sight("acknowledge"), NOON, "alert-actions")], later)

    (overdue,) = step_by(clocks)(rows, [], later + MINUTE)
    assert (overdue.value.as_of, overdue.value.notify) == (later, True)
    assert overdue.value.rungs == ("inspector", "superintendent")


@pytest.mark.parametrize(
    ("changes", "why"), [({"priority": "P4"}, "less-urgent"), ({"notify": False, "late": True}, "nobody-paged")]
)
def test_what_an_earlier_release_merged_into_what_would_hide_it_is_open_again(
    ruled: Catalogue, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], why: str
) -> None:
    rows = MemoryRows()
    with monkeypatch.context() as earlier:
        earlier.setattr(handling, "_no_merging", lambda *_: "")
        earlier.setattr(handle, "_READING", 0)
        step = handle.make_step(ruled, 1)
        other = msgspec.structs.replace(RAISED, alert_id="alert-b", **changes)
        step(rows, [received(RAISED, NOON), received(other, NOON)], None)
        step(rows, [received(an_action_on_sight("merge"), NOON, "alert-actions")], None)

    (opened,) = handle.make_step(ruled, 1)(rows, [], NOON + MINUTE)

    assert (opened.key, opened.value.handling.what, opened.value.handling.reason) == ("alert-a", "unmerged", why)


HIDING: dict[str, tuple[dict[str, Any], str]] = {
    "settled": ({}, "merge names an alert that is undecided and not merged itself: that one is no-further-action"),
    "of fewer": (
        {"audiences": ("duty-officer",)},
        "merge names an alert of which whoever hears of this one hears: asb-lead, childrens-services would not",
    ),
    "less urgent": ({"priority": "P4"}, "P4 is looked after less soon than P1: merge that one into this"),
    "late": (
        {"notify": False, "late": True},
        "nobody was paged for that one, so no clock of it runs: merge that one into this",
    ),
    "under conditions": (
        {"marking": "OFFICIAL-SENSITIVE C:lancashire-police"},
        "that one may be told under the conditions of lancashire-police alone: merge that one into this",
    ),
}


@pytest.mark.parametrize("state", HIDING)
def test_nothing_is_merged_into_what_would_hide_it(ruled: Catalogue, state: str) -> None:
    step, rows = handle.make_step(ruled, 1), MemoryRows()
    other = msgspec.structs.replace(RAISED, alert_id="alert-b", **HIDING[state][0])
    step(rows, [received(RAISED, NOON), received(other, NOON)], None)
    if state == "settled":
        for what in ("acknowledge", "no-further-action"):
            action: Any = what
            step(rows, [received(an_action_on_sight(action, alert_id="alert-b"), NOON, "alert-actions")], None)

    (answered,) = step(rows, [received(an_action_on_sight("merge"), NOON, "alert-actions")], None)

    assert (answered.value.done, answered.value.why) == (False, HIDING[state][1])


def test_what_is_merged_is_open_again_when_the_other_may_be_told_to_fewer(ruled: Catalogue) -> None:
    step, rows = handle.make_step(ruled, 1), MemoryRows()
    other = msgspec.structs.replace(RAISED, alert_id="alert-b")
    step(rows, [received(RAISED, NOON), received(other, NOON)], None)
    step(rows, [received(an_action_on_sight("merge"), NOON, "alert-actions")], None)

    marked = version(2, alert_id="alert-b", reason="restated", marking="OFFICIAL C:lancashire-police", as_of=NOON)
    _, opened = step(rows, [received(marked, NOON)], None)

    how = opened.value.handling
    assert (opened.key, how.state, how.reason) == ("alert-a", "reopened", "more-conditions")


def test_nothing_is_referred_to_whom_the_policy_bars_from_it(ruled: Catalogue) -> None:
    step, rows = handle.make_step(ruled, 1), MemoryRows()
    barred = msgspec.structs.replace(RAISED, marking="OFFICIAL-SENSITIVE C:somebody")
    step(rows, [received(barred, NOON)], None)
    step(rows, [received(an_action_on_sight("acknowledge"), NOON, "alert-actions")], None)

    (answered,) = step(rows, [received(an_action_on_sight("refer"), NOON, "alert-actions")], None)

    assert (answered.value.done, answered.value.state) == (False, "acknowledged")
    assert answered.value.why.startswith("it cannot be referred to childrens-services, who may not be told of it: ")


@pytest.mark.parametrize("days", [1, 30])
def test_what_ended_is_remembered_as_long_as_the_catalogue_says_now(ruled: Catalogue, days: int) -> None:
    rows, ended = MemoryRows(), version(2, change="withdrawn", reason="withdrawn", as_of=NOON)
    for_ever = msgspec.structs.replace(POLICY, remembered=None)
    handle.make_step(msgspec.structs.replace(ruled, handling=for_ever), 1)(
        rows, [received(RAISED, NOON), received(ended, NOON)], NOON + 1000 * DAY_LENGTH
    )
    # What is forgotten by other clocks than there were goes out as of when it would have been.
    step = handle.make_step(
        msgspec.structs.replace(ruled, handling=msgspec.structs.replace(POLICY, remembered=days * DAY_LENGTH)), 1
    )

    (forgotten,) = step(rows, [], NOON + 1000 * DAY_LENGTH)
    assert (forgotten.value.handling.what, forgotten.value.as_of) == ("forgotten", NOON + days * DAY_LENGTH)
    assert list(rows.scan(b"case/", b"case0")) == []
    assert list(rows.scan(b"~wake/", b"~wake0")) == []


def test_nothing_is_left_of_a_merging_that_is_over(ruled: Catalogue) -> None:
    step, rows = handle.make_step(ruled, 1), MemoryRows()
    other = msgspec.structs.replace(RAISED, alert_id="alert-b")
    step(rows, [received(RAISED, NOON), received(other, NOON)], None)
    step(rows, [received(an_action_on_sight("merge"), NOON, "alert-actions")], None)
    assert len(list(rows.scan(b"merged/", b"merged0"))) == 1

    gone = version(2, alert_id="alert-b", change="withdrawn", reason="withdrawn", as_of=NOON)
    ended, reopened = step(rows, [received(gone, NOON)], None)
    assert [one.value.handling.state for one in (ended, reopened)] == ["withdrawn", "reopened"]
    assert list(rows.scan(b"merged/", b"merged0")) == []
