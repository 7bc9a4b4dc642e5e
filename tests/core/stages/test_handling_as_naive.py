"""What is handled, and who hears of it, is what a plain second description says, however it is cut and restarted.

A check that nothing can fail proves nothing: defects put into the core, one at a time, are noticed in the scenes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.alerts.test_handling import POLICY, RAISED, an_action
from tests.core.stages.making import NOON, a_record, as_granted
from tests.core.stages.naive_handling import KEPT, LEAST_TRUSTED, REMEMBERED, SLEEP, Event, Naive

from safety_stream.core.alerts import handling
from safety_stream.core.alerts.handling import Case, Clocks, Policy
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.handling import HandledAlert
from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.model.times import MINUTE
from safety_stream.core.stages import handle, publish_alerts
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.core.stages.stage import Output, Record

Patch = pytest.MonkeyPatch
ENDS = 500
SHORT_POLICY = Policy(
    clocks={
        "P1": msgspec.structs.replace(POLICY.clocks["P1"], kept=KEPT * MINUTE),
        "P4": Clocks(snooze_at_most=60 * MINUTE, kept=KEPT * MINUTE),
    },
    roles=POLICY.roles,
    reasons=POLICY.reasons,
    remembered=REMEMBERED * MINUTE,
)
CHANGES = {
    "raise": ("raised", "new", True),
    "late": ("raised", "new", False),
    "worsen": ("updated", "worsened", True),
    "worse": ("updated", "worsened", False),
    "more": ("updated", "evidence-added", True),
    "add": ("updated", "evidence-added", False),
    "restate": ("updated", "restated", False),
    "ease": ("updated", "evidence-removed", False),
    "mark": ("updated", "restated", False),
    "unmark": ("updated", "restated", False),
    "withdraw": ("withdrawn", "withdrawn", True),
}


@pytest.fixture(scope="module")
def shown(catalogue: Catalogue) -> Catalogue:
    """The shipped audiences, for all purposes and priorities; one is told neither how it is handled nor what is marked
    higher.
    """
    audiences = tuple(
        msgspec.structs.replace(
            one,
            priorities=("P1", "P2", "P3", "P4"),
            marked_at_most="OFFICIAL" if one.id == LEAST_TRUSTED else "OFFICIAL-SENSITIVE",
            fields=tuple(name for name in one.fields if one.id != LEAST_TRUSTED or name != "handling"),
        )
        for one in catalogue.audiences
    )
    every = tuple({grant.purpose for grant in catalogue.sharing.grants})
    return msgspec.structs.replace(
        as_granted(catalogue, audiences), handling=SHORT_POLICY, rules=(), purposes={RAISED.rule_id: every}
    )


def possible(events: list[Event]) -> list[Event]:
    """Those that can be, in order of time: what is not true is raised, and what is is not."""
    true: set[str] = set()
    kept = []
    for event in sorted(events, key=lambda event: event[0]):
        _, alert_id, what = event
        if what in CHANGES:
            if (what in ("raise", "late")) == (alert_id in true):
                continue
            true = true | {alert_id} if what != "withdraw" else true - {alert_id}
        kept.append(event)
    return kept


def records_of(events: list[Event]) -> list[Record]:
    versions: dict[str, int] = {}
    marked: set[str] = set()
    eased: set[str] = set()
    records = []
    for number, (minute, alert_id, what) in enumerate(events):
        now = NOON + minute * MINUTE
        if what in CHANGES:
            versions[alert_id] = versions.get(alert_id, 0) + 1
            change, reason, notify = CHANGES[what]
            if what in ("raise", "late", "worsen", "worse", "ease"):
                eased = eased | {alert_id} if what == "ease" else eased - {alert_id}
            if what in ("raise", "late", "mark", "unmark"):
                marked = marked | {alert_id} if what == "mark" else marked - {alert_id}
            value: Any = msgspec.structs.replace(
                RAISED,
                alert_id=alert_id,
                priority="P4" if alert_id == "alert-c" or alert_id in eased else "P1",
                version=versions[alert_id],
                change=change,
                reason=reason,
                notify=notify,
                late=what in ("late", "worse"),
                marking="OFFICIAL-SENSITIVE" if alert_id in marked else "OFFICIAL",
                # As the stage before has it.
                audiences=tuple(one for one in RAISED.audiences if alert_id not in marked or one != LEAST_TRUSTED),
                as_of=now,
            )
            topic = "alert-changes"
        else:
            action, _, to = what.partition(":")
            value = an_action(
                action,  # type: ignore[arg-type]
                action_id=str(number),
                alert_id=alert_id,
                until=now + SLEEP * MINUTE,
                to="childrens-services" if action == "refer" else to if action == "escalate" else "",
                into=to if action == "merge" else "",
                seen=versions.get(alert_id, 0),
            )
            topic = "alert-actions"
        records.append(msgspec.structs.replace(a_record(value), received_at=now, topic=topic))
    return records


def told_by_core(catalogue: Catalogue, events: list[Event], sizes: Sequence[int] = (99,)) -> dict[str, list[Any]]:
    """What goes out of both stages for these events, read in batches of so many."""
    rows, outputs = MemoryRows(), []
    rest = records_of(events)
    for size in cycle(sizes):
        if not rest:
            break
        batch, rest = rest[:size], rest[size:]
        outputs += handle.make_step(catalogue, 1)(rows, batch, batch[-1].received_at if size % 2 else None)
    outputs += handle.make_step(catalogue, 1)(rows, [], NOON + ENDS * MINUTE)
    door_rows, published = MemoryRows(), []
    news = [one for one in outputs if isinstance(one.value, HandledAlert)]
    for start in range(0, len(news), 3):
        batch = [a_record(one.value) for one in news[start : start + 3]]
        published += publish_alerts.make_step(catalogue, 1)(door_rows, batch, None)
    return _as_said(outputs, published)


def _as_said(outputs: list[Output], published: list[Output]) -> dict[str, list[Any]]:
    news, heard = [], []
    for one in outputs:
        if isinstance(one.value, HandledAlert):
            how = one.value.handling
            said = (how.number, how.what, how.state, how.overdue, how.escalated_to, one.value.rungs)
            news.append(((one.value.as_of - NOON) // MINUTE, one.value.alert.alert_id, *said))
    numbers: dict[str, int] = {}
    for out in published:
        told = out.value
        if isinstance(told, PublishedAlert):
            numbers[told.audience] = numbers.get(told.audience, 0) + 1
            assert told.seq == numbers[told.audience]
            assert (told.change == "raised") == (told.prior_seq is None)
            heard.append((told.audience, told.alert_id, (told.as_of - NOON) // MINUTE, told.prior_seq is None))
    answers = [one.value.done for one in outputs if one.topic == "action-answers"]
    return {"news": news, "heard": heard, "answers": answers}


def told_by_naive(events: list[Event]) -> dict[str, list[Any]]:
    naive = Naive()
    naive.run(events, ENDS)
    heard = [(who, alert_id, minute, first) for who, alert_id, minute, _, first in naive.heard]
    return {"news": naive.news, "heard": heard, "answers": naive.answers}


def differences(catalogue: Catalogue, events: list[Event], sizes: Sequence[int] = (99,)) -> list[str]:
    """Where the core says of some alert, or to some audience, other than the plain description."""
    core, naive = told_by_core(catalogue, events, sizes), told_by_naive(events)
    found = [] if core["answers"] == naive["answers"] else ["answers"]
    for what in ("news", "heard"):
        for alert_id in ("alert-a", "alert-b", "alert-c"):
            ours, theirs = (of_alert(said[what], alert_id) for said in (core, naive))
            if ours != theirs:
                found.append(f"{what} of {alert_id}: {ours} and not {theirs}")
    return found


def of_alert(said: list[Any], alert_id: str) -> list[Any]:
    """What is said of an alert, in order; which audience is told first of one thing is all one."""
    return sorted(
        (one for one in said if one[1] == alert_id), key=lambda one: one[0] if isinstance(one[0], str) else ""
    )


ALERTS = ["alert-a", "alert-b", "alert-c"]
ACTIONS = [
    "acknowledge",
    "assess",
    "action",
    "refer",
    "accept",
    "bounce",
    "no-further-action",
    "snooze",
    "wake",
    "close",
    "reopen",
    "note",
    "escalate:inspector",
    "escalate:superintendent",
    *(f"merge:{one}" for one in ALERTS),
]
EVENTS = st.lists(
    st.tuples(st.integers(0, 300), st.sampled_from(ALERTS), st.sampled_from([*CHANGES, *ACTIONS, "withdraw"])),
    max_size=14,
).map(lambda drawn: possible([*((number, one, "raise") for number, one in enumerate(ALERTS)), *drawn]))


@given(events=EVENTS, sizes=st.lists(st.integers(1, 5), min_size=1, max_size=3))
def test_alerts_are_handled_and_told_of_as_the_plain_description_says(
    shown: Catalogue, events: list[Event], sizes: list[int]
) -> None:
    assert differences(shown, events, sizes) == []


A, B, C = ALERTS
SCENES: dict[str, list[Event]] = {
    "climbs": [(0, A, "raise"), (90, A, "worsen"), (130, A, "note"), (200, A, "withdraw")],
    "taken up by hand": [(0, A, "raise"), (3, A, "escalate:superintendent"), (5, A, "more"), (90, A, "withdraw")],
    "both rungs at once": [(0, A, "raise"), (14, A, "snooze"), (20, A, "wake"), (25, A, "snooze")],
    "sleeps while overdue": [(0, A, "raise"), (16, A, "snooze"), (70, A, "snooze"), (80, A, "wake")],
    "the target is withdrawn": [(0, A, "raise"), (0, B, "raise"), (1, A, "merge:alert-b"), (9, B, "withdraw")],
    "the merged one is withdrawn first": [
        (0, A, "raise"),
        (0, B, "raise"),
        (1, A, "merge:alert-b"),
        (8, A, "withdraw"),
        (9, B, "withdraw"),
    ],
    "withdrawn before it is merged into": [
        (0, A, "raise"),
        (0, B, "raise"),
        (1, B, "withdraw"),
        (2, A, "merge:alert-b"),
    ],
    "the target expires": [(0, A, "late"), (0, B, "late"), (1, A, "merge:alert-b")],
    "the target is looked after less soon": [(0, A, "raise"), (0, C, "raise"), (1, A, "merge:alert-c"), (2, A, "note")],
    "nobody was paged for the target": [(0, A, "raise"), (0, B, "late"), (1, A, "merge:alert-b"), (2, B, "more")],
    "the target becomes less urgent": [(0, A, "raise"), (0, B, "raise"), (1, A, "merge:alert-b"), (5, B, "ease")],
    "more of it while the target sleeps": [
        *((0, one, "raise") for one in (A, B)),
        (1, A, "merge:alert-b"),
        (2, A, "more"),
        (3, B, "snooze"),
        (4, A, "restate"),
        (5, A, "add"),
    ],
    "more of it while nobody answers the target": [
        *((0, one, "raise") for one in (A, B)),
        (1, A, "merge:alert-b"),
        (16, A, "more"),
    ],
    "more of it once the target is closed": [
        *((0, one, "raise") for one in (A, B)),
        (1, A, "merge:alert-b"),
        *((2, B, what) for what in ("acknowledge", "no-further-action", "close")),
        (9, A, "more"),
    ],
    "taken on and forgotten": [(0, A, "raise"), (5, A, "acknowledge"), (200, A, "no-further-action")],
    "taken on, and asleep when two steps are due": [(0, A, "raise"), (5, A, "acknowledge"), (56, A, "snooze")],
    "taken up by hand, and not decided in time": [
        (0, A, "raise"),
        (3, A, "escalate:inspector"),
        (5, A, "acknowledge"),
        (61, A, "note"),
    ],
    "the target is closed, forgotten and then withdrawn": [
        *((0, one, "raise") for one in (A, B)),
        (1, A, "merge:alert-b"),
        *((2, B, what) for what in ("acknowledge", "no-further-action", "close")),
        (200, B, "restate"),
        (210, B, "withdraw"),
    ],
    "comes back overdue, and runs out again": [
        (0, A, "raise"),
        (5, A, "acknowledge"),
        (30, A, "refer"),
        (90, A, "bounce"),
        (100, A, "note"),
        (170, A, "note"),
    ],
    "referred long after it was acted on": [
        (0, A, "raise"),
        (16, A, "acknowledge"),
        (20, A, "action"),
        (200, A, "refer"),
    ],
    "assessed again after it was decided": [
        (0, A, "raise"),
        *((40, A, what) for what in ("acknowledge", "no-further-action")),
        (150, A, "assess"),
    ],
    "worse too late, settled": [
        (0, A, "raise"),
        *((5, A, what) for what in ("acknowledge", "no-further-action")),
        (20, A, "worse"),
        (50, A, "more"),
    ],
    "worse too late, in hand": [(0, A, "raise"), (16, A, "acknowledge"), (50, A, "worse"), (160, A, "note")],
    "worse too late, asleep": [(0, A, "raise"), (5, A, "snooze"), (10, A, "worse")],
    "would be hidden from a rung": [(0, A, "raise"), (20, B, "raise"), (21, A, "merge:alert-b")],
    "after the end": [
        (0, A, "raise"),
        (20, A, "withdraw"),
        (25, A, "note"),
        (26, A, "close"),
        (145, A, "note"),
        (146, A, "note"),
        (300, A, "raise"),
        (301, A, "acknowledge"),
    ],
    "raised again before it is forgotten": [
        (0, A, "raise"),
        (20, A, "withdraw"),
        (30, A, "raise"),
        (31, A, "note"),
        (32, A, "acknowledge"),
    ],
    "marked higher for a while": [
        (0, A, "raise"),
        (1, A, "mark"),
        (2, A, "note"),
        (3, A, "unmark"),
        (4, A, "mark"),
        (5, A, "withdraw"),
        (6, A, "note"),
        (7, A, "raise"),
    ],
    "marked higher than what would take it": [
        (0, A, "raise"),
        (0, B, "raise"),
        (1, B, "mark"),
        (2, A, "merge:alert-b"),
    ],
    "forgotten while it is true": [
        (0, A, "raise"),
        (20, A, "acknowledge"),
        (21, A, "no-further-action"),
        (22, A, "close"),
        (200, A, "restate"),
        (201, A, "note"),
        (202, A, "withdraw"),
    ],
    "more of what was forgotten": [(0, C, "raise"), (260, C, "more"), (261, C, "withdraw")],
}


@pytest.mark.parametrize("scene", SCENES)
def test_the_scenes_are_as_the_plain_description_says(shown: Catalogue, scene: str) -> None:
    assert differences(shown, SCENES[scene]) == []


MUTANTS: dict[str, Callable[[Patch], None]] = {}


def mutant(broken: Callable[[Patch], None]) -> Callable[[Patch], None]:
    """Register a defect; its name says what is wrong."""
    MUTANTS[broken.__name__.replace("_", " ")] = broken
    return broken


def changed(patch: Patch, owner: Any, name: str, change: Callable[..., Any]) -> None:
    """Let a function go through another: `change` is given what it gives, and its arguments."""
    whole = getattr(owner, name)
    patch.setattr(owner, name, lambda *said, **named: change(whole(*said, **named), *said))


def without_overdue(case: Case) -> Case:
    return msgspec.structs.replace(case, handling=msgspec.structs.replace(case.handling, overdue=False))


@mutant
def a_snooze_that_ends_by_itself_loses_that_it_was_overdue(patch: Patch) -> None:
    def lose(case: Case | None, *_: Any) -> Case | None:
        return without_overdue(case) if case is not None and case.handling.what == "slept" else case

    changed(patch, handle, "pass_time", lose)


@mutant
def whoever_wakes_an_alert_loses_that_it_was_overdue(patch: Patch) -> None:
    def lose(acted: Any, *_: Any) -> Any:
        case, why = acted
        return (without_overdue(case), why) if case is not None and case.handling.what == "wake" else acted

    changed(patch, handle, "act", lose)


@mutant
def who_gets_a_referral_back_is_overdue_at_once(patch: Patch) -> None:
    def still(acted: Any, *_: Any) -> Any:
        case, why = acted
        if case is None or case.handling.what != "bounce":
            return acted
        return msgspec.structs.replace(case, handling=msgspec.structs.replace(case.handling, overdue=True)), why

    changed(patch, handle, "act", still)


@mutant
def what_makes_it_worse_too_late_is_like_what_pages(patch: Patch) -> None:
    patch.setattr(handling, "_WORSE_TOO_LATE", handling.OCCASIONS["worsened"])


@mutant
def what_nobody_was_paged_for_has_a_clock_all_the_same(patch: Patch) -> None:
    def paged(after: Case, *_: Any) -> Case:
        return msgspec.structs.replace(after, is_paged=True) if after.handling.what == "worsened" else after

    changed(patch, handle, "meet", paged)


@mutant
def what_is_taken_up_again_after_it_was_settled_is_overdue_at_once(patch: Patch) -> None:
    patch.setattr(handling, "_SETTLED", frozenset())


@mutant
def a_rung_hears_nothing(patch: Patch) -> None:
    changed(patch, publish_alerts, "_hears_first", lambda hears, audience, _: hears and audience.hears == "always")


@mutant
def a_rung_hears_of_everything(patch: Patch) -> None:
    changed(patch, publish_alerts, "_hears_first", lambda hears, audience, _: hears or audience.hears == "escalated")


@mutant
def a_lower_rung_is_passed_over(patch: Patch) -> None:
    patch.setattr(handling, "_fallen_rungs", lambda *_: [])


@mutant
def the_rungs_between_are_passed_over_where_two_steps_are_due(patch: Patch) -> None:
    changed(patch, handling, "_climbed", lambda rungs, *_: rungs[-1:])


@mutant
def what_was_taken_up_by_hand_stays_there_when_the_decision_is_due(patch: Patch) -> None:
    def stay(rungs: list[str], names: Any, case: Case, _: Any) -> list[str]:
        return [] if case.handling.escalated_to and "decide" in names else rungs

    changed(patch, handling, "_climbed", stay)


@mutant
def who_is_named_by_hand_hears_nothing(patch: Patch) -> None:
    patch.setattr(handling, "_gone_to", lambda case, *rungs: case)


@mutant
def the_rungs_of_an_earlier_episode_hear_of_the_next(patch: Patch) -> None:
    def keep(after: Case, before: Case | None, _: Any) -> Case:
        return after if before is None else msgspec.structs.replace(after, rungs=before.rungs)

    changed(patch, handle, "meet", keep)


@mutant
def what_was_merged_stays_so(patch: Patch) -> None:
    patch.setattr(handle._Desk, "_open_merged", lambda *_: None)


@mutant
def what_is_merged_no_more_is_still_opened_with_its_target(patch: Patch) -> None:
    def open_all(_: Any, desk: Any, gone: Case, received_at: int) -> None:
        for alert_id in ALERTS:
            case = desk._cases.get(alert_id)
            if case is not None and alert_id != gone.alert.alert_id:
                moved = handling._moved(case, "unmerged", "reopened", gone.handling.as_of)
                desk._put(case, moved, received_at)

    changed(patch, handle._Desk, "_open_merged", open_all)


@mutant
def what_is_closed_opens_what_was_merged_into_it(patch: Patch) -> None:
    patch.setattr(handle, "GONE", frozenset({"withdrawn", "outlived", "close"}))


@mutant
def what_has_expired_keeps_what_was_merged_into_it(patch: Patch) -> None:
    patch.setattr(handle, "GONE", frozenset({"withdrawn"}))


def merging_whatever(patch: Patch, why: str) -> None:
    """Let an alert be merged that is refused for this reason."""
    changed(patch, handling, "_no_merging", lambda said, *_: "" if why in said else said)


@mutant
def an_alert_is_merged_where_a_rung_does_not_hear_of_it(patch: Patch) -> None:
    merging_whatever(patch, "would not")


@mutant
def an_alert_is_merged_into_one_that_is_looked_after_less_soon(patch: Patch) -> None:
    merging_whatever(patch, "less soon")


@mutant
def an_alert_is_merged_into_one_nobody_was_paged_for(patch: Patch) -> None:
    merging_whatever(patch, "nobody was paged")


@mutant
def what_was_merged_is_left_with_what_has_become_less_urgent(patch: Patch) -> None:
    whole = handle._Desk._open_merged

    def only_of_gone(desk: Any, target: Case, received_at: int) -> None:
        if target.handling.what in handling.GONE:
            whole(desk, target, received_at)

    patch.setattr(handle._Desk, "_open_merged", only_of_gone)


@mutant
def more_of_what_is_merged_opens_nothing(patch: Patch) -> None:
    patch.setattr(handle, "neglect_of", lambda target: "")


@mutant
def more_of_what_is_merged_opens_it_though_the_other_is_looked_after(patch: Patch) -> None:
    patch.setattr(handle, "neglect_of", lambda target: "whatever")


@mutant
def more_that_comes_too_soon_to_be_told_opens_nothing(patch: Patch) -> None:
    patch.setattr(handle, "is_more", lambda version: version.notify)


@mutant
def a_target_that_nobody_answers_counts_as_looked_after(patch: Patch) -> None:
    changed(patch, handle, "neglect_of", lambda why, _: "" if why == "overdue" else why)


@mutant
def what_is_taken_on_and_forgotten_stops_at_the_first_rung(patch: Patch) -> None:
    patch.setattr(handling, "_further_up", lambda *_: [])


@mutant
def nothing_is_forgotten(patch: Patch) -> None:
    patch.setattr(handle, "is_forgotten", lambda case: False)


@mutant
def it_is_forgotten_so_long_after_its_end_and_not_after_the_last_of_it(patch: Patch) -> None:
    def from_the_end(due: Any, case: Case, _: Policy) -> Any:
        return [
            (case.handling.since + REMEMBERED * MINUTE, name) if name == "forget" else (at, name) for at, name in due
        ]

    changed(patch, handling, "_deadlines", from_the_end)


@mutant
def what_only_restates_a_forgotten_alert_opens_it(patch: Patch) -> None:
    def open_it(after: Case, before: Case | None, version: Any) -> Case:
        if before is not None or version.change != "updated":
            return after
        return msgspec.structs.replace(after, handling=msgspec.structs.replace(after.handling, state="new"))

    changed(patch, handle, "meet", open_it)


@mutant
def who_was_told_of_it_is_forgotten_at_the_withdrawal(patch: Patch) -> None:
    def forget(_: Any, door: Any, handled: HandledAlert, at: int) -> None:
        if handled.alert.change == "withdrawn":
            door._forget(handled.alert.alert_id, at)

    changed(patch, publish_alerts._AlertDoor, "tell", forget)


@mutant
def who_was_told_of_it_is_forgotten_with_it_before_they_know_that_it_is_over(patch: Patch) -> None:
    def forget(_: Any, door: Any, alert_id: str, __: int) -> None:
        for audience in door._audiences:
            door._told.delete(f"{audience.id}/{alert_id}")

    changed(patch, publish_alerts._AlertDoor, "_forget", forget)


@mutant
def who_was_told_that_it_is_over_hears_of_the_next_as_of_the_last(patch: Patch) -> None:
    def never_over(_: Any, door: Any, audience: Any, handled: HandledAlert, __: int) -> None:
        row = f"{audience.id}/{handled.alert.alert_id}"
        if (told := door._told.get(row)) is not None:
            door._told.put(row, msgspec.structs.replace(told, is_over=False))

    changed(patch, publish_alerts._AlertDoor, "_tell_one", never_over)


@mutant
def what_is_marked_above_what_they_may_be_told_is_told_all_the_same(patch: Patch) -> None:
    patch.setattr(publish_alerts, "is_above", lambda marking, ceiling: False)


@mutant
def who_may_be_told_no_more_is_not_told_that_it_is_taken_back(patch: Patch) -> None:
    whole = publish_alerts._AlertDoor._tell_one

    def say_nothing(door: Any, audience: Any, handled: HandledAlert, received_at: int) -> None:
        if not door._why_not(audience, handled.alert):
            whole(door, audience, handled, received_at)

    patch.setattr(publish_alerts._AlertDoor, "_tell_one", say_nothing)


@mutant
def who_had_it_taken_back_is_taken_to_know_of_it(patch: Patch) -> None:
    def remember(_: Any, door: Any, audience: Any, handled: HandledAlert, __: int) -> None:
        row = f"{audience.id}/{handled.alert.alert_id}"
        if door._why_not(audience, handled.alert):
            door._told.put(row, publish_alerts.Told(1, handled.alert.version))

    changed(patch, publish_alerts._AlertDoor, "_tell_one", remember)


@pytest.mark.parametrize("broken", MUTANTS)
def test_each_defect_is_noticed_in_some_scene(shown: Catalogue, monkeypatch: Patch, broken: str) -> None:
    MUTANTS[broken](monkeypatch)

    assert any(differs(shown, scene) for scene in SCENES.values())


def differs(catalogue: Catalogue, events: list[Event]) -> bool:
    try:
        return bool(differences(catalogue, events))
    except AssertionError:
        return True
