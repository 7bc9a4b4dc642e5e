"""The handling of an alert: every pair of state and action, its occasions, and clocks that do not depend on ticks."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.stages.making import NOON, an_alert

from safety_stream.core.alerts.handling import (
    ACTIONS,
    ANSWERS_KEPT,
    OCCASIONS,
    Case,
    Clocks,
    Policy,
    Rung,
    act,
    is_forgotten,
    lose_target,
    meet,
    next_deadline,
    pass_time,
    told,
)
from safety_stream.core.model.alerts import AlertVersion
from safety_stream.core.model.handling import AlertAction, Handling, HandlingAction, HandlingState
from safety_stream.core.model.times import DAY_LENGTH, HOUR, MINUTE, Instant

EVERYTHING = frozenset(get_args(HandlingAction))
POLICY = Policy(
    clocks={
        "P1": Clocks(
            acknowledge=15 * MINUTE,
            decide=60 * MINUTE,
            ladder=(Rung(15 * MINUTE, "inspector"), Rung(30 * MINUTE, "superintendent")),
            snooze_at_most=60 * MINUTE,
            kept=28 * 24 * HOUR,
        ),
        "P4": Clocks(snooze_at_most=24 * HOUR, kept=48 * HOUR),
    },
    roles={
        "duty-officer": EVERYTHING - {"accept", "bounce"},
        "childrens-services": frozenset({"accept", "bounce"}),
        "asb-lead": frozenset({"accept", "bounce"}),
    },
    reasons={"no-further-action": ("no-concern-found",), "bounce": ("not-ours",)},
    remembered=90 * DAY_LENGTH,
)
RAISED = an_alert(priority="P1", audiences=("asb-lead", "childrens-services", "duty-officer"))


OTHER = meet(None, msgspec.structs.replace(RAISED, alert_id="alert-b"))


def version(number: int, **changes: Any) -> AlertVersion:
    return msgspec.structs.replace(RAISED, version=number, **({"change": "updated", "as_of": NOON + number} | changes))


def in_state(state: HandlingState, **changes: Any) -> Case:
    """A case in a state, as if it had got there by itself."""
    case = meet(None, RAISED)
    handling = msgspec.structs.replace(
        case.handling,
        state=state,
        referred_to="childrens-services" if state in ("referred", "accepted") else "",
        snoozed_until=NOON + HOUR if state == "snoozed" else None,
        merged_into="alert-b" if state == "merged" else "",
    )
    return msgspec.structs.replace(case, handling=handling, before="assessing", **changes)


def an_action(what: HandlingAction, **changes: Any) -> AlertAction:
    """An action nothing is wrong with but, perhaps, the state it meets."""
    return msgspec.structs.replace(
        AlertAction(
            action_id=f"id-{what}",
            alert_id="alert-a",
            action=what,
            actor="officer-7",
            role="childrens-services" if what in ("accept", "bounce") else "duty-officer",
            acted_at=NOON,
            rationale="looked into",
            reason={"no-further-action": "no-concern-found", "bounce": "not-ours"}.get(what, ""),
            until=NOON + 30 * MINUTE if what == "snooze" else None,
            to={"refer": "childrens-services", "escalate": "inspector"}.get(what, ""),
            into="alert-b" if what == "merge" else "",
            useful=True if what == "judge" else None,
        ),
        **changes,
    )


def done(case: Case | None, action: AlertAction, now: Instant = NOON) -> tuple[Case | None, str]:
    """What comes of an action by somebody who has seen the newest version, or the one it names."""
    if case is not None and not action.seen:
        action = msgspec.structs.replace(action, seen=case.alert.version)
    return act(case, action, now, POLICY, {"alert-a": case, "alert-b": OTHER}.get)


# Written by hand from the life cycle of domain.md 8, by column: what each action makes of the states, "." for refused.
STATES: list[HandlingState] = list(get_args(HandlingState))
EXPECTED: dict[HandlingAction, str] = {
    # state:             new ack ass act ref acc nfa sno mer clo reo wit exp
    "acknowledge":       "ack .   .   .   .   .   .   ack .   .   ack .   .  ",
    "assess":            "ass ass .   ass .   .   ass ass .   .   ass .   .  ",
    "action":            ".   act act .   .   act .   .   .   .   .   .   .  ",
    "refer":             ".   ref ref ref .   .   .   .   .   .   .   .   .  ",
    "accept":            ".   .   .   .   acc .   .   .   .   .   .   .   .  ",
    "bounce":            ".   .   .   .   ass .   .   .   .   .   .   .   .  ",
    "no-further-action": ".   nfa nfa .   .   .   .   .   .   .   .   .   .  ",
    "snooze":            "sno sno sno .   .   .   .   .   .   .   sno .   .  ",
    "wake":              ".   .   .   .   .   .   .   ass .   .   .   .   .  ",
    "merge":             "mer mer mer .   .   .   .   mer .   .   mer .   .  ",
    "escalate":          "new ack ass .   ref .   .   .   .   .   reo .   .  ",
    "close":             ".   .   .   clo .   clo clo .   .   .   .   clo clo",
    "reopen":            ".   .   .   reo reo reo reo .   reo reo .   .   .  ",
    "note":              "new ack ass act ref acc nfa sno mer clo reo wit exp",
    "judge":             "new ack ass act ref acc nfa sno mer clo reo wit exp",
}  # fmt: skip
SHORT = {state[:3] if state != "no-further-action" else "nfa": state for state in STATES} | {"act": "actioned"}
SHORT["ack"] = "acknowledged"


@pytest.mark.parametrize("what", sorted(EVERYTHING))
@pytest.mark.parametrize("state", STATES)
def test_every_action_in_every_state(state: HandlingState, what: HandlingAction) -> None:
    expected = EXPECTED[what].split()[STATES.index(state)]
    before = in_state(state)

    after, why = done(before, an_action(what))

    assert after is not None
    if expected == ".":
        assert why.startswith(f"{what} is not possible while it is {state}: it is from ")
        assert (after.handling, after.fallen, after.began) == (before.handling, before.fallen, before.began)
    else:
        assert why == ""
        assert after.handling.state == SHORT[expected]
        assert (after.handling.number, after.handling.what) == (before.handling.number + 1, what)
        assert (after.handling.actor, after.handling.role) == ("officer-7", an_action(what).role)


OF_CONDITION = {
    "worsened": (version(2, reason="worsened"), dict.fromkeys(STATES, "reopened") | {"new": "new"}),
    "worsened too late": (
        version(2, reason="worsened", notify=False, late=True),
        {state: state for state in STATES}
        | dict.fromkeys(
            ["actioned", "accepted", "no-further-action", "closed", "expired", "withdrawn", "merged"], "reopened"
        ),
    ),
    "told-again": (
        version(2, reason="evidence-added"),
        {state: state for state in STATES}
        | dict.fromkeys(["actioned", "accepted", "no-further-action", "closed", "expired"], "reopened"),
    ),
    "restated": (version(2, reason="restated", notify=False), {state: state for state in STATES}),
    "withdrawn": (version(2, change="withdrawn", reason="withdrawn"), dict.fromkeys(STATES, "withdrawn")),
    "raised": (version(2, change="raised", reason="new", episode=2), dict.fromkeys(STATES, "new")),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("what", sorted(OF_CONDITION))
def test_every_change_of_the_condition_in_every_state(state: HandlingState, what: str) -> None:
    met, expected = OF_CONDITION[what]

    after = meet(in_state(state), met)

    assert (after.handling.state, after.handling.what) == (expected[state], what.split(maxsplit=1)[0])


def test_the_tables_have_a_row_for_everything() -> None:
    assert set(ACTIONS) == EVERYTHING
    assert all(set(row) == set(STATES) for row in OCCASIONS.values())


@pytest.mark.parametrize("state", STATES)
def test_what_is_merged_into_another_opens_again_when_that_is_gone_and_says_why(state: HandlingState) -> None:
    after = lose_target(in_state(state), "expired", NOON + HOUR)

    assert after.handling.state == ("reopened" if state == "merged" else state)
    assert (after.handling.what, after.handling.reason, after.handling.as_of) == ("unmerged", "expired", NOON + HOUR)
    assert told(after, POLICY).notify
    if state == "merged":
        assert told(after, POLICY).handling.acknowledge_by == NOON + HOUR + 15 * MINUTE


BY_VERSION = {
    "raised": "new",
    "worsened": "reopened",
    "worsened too late": "reopened",
    "told-again": "reopened",
    "restated": "expired",
    "withdrawn": "withdrawn",
}


@pytest.mark.parametrize("what", sorted(BY_VERSION))
def test_what_changes_after_it_was_forgotten_begins_anew_as_one_at_rest(what: str) -> None:
    after = meet(None, OF_CONDITION[what][0])

    assert (after.handling.state, after.handling.number) == (BY_VERSION[what], 1)
    assert after.handling.what == what.split(maxsplit=1)[0]


@pytest.mark.parametrize("state", STATES)
def test_what_has_ended_and_nothing_else_is_forgotten_so_long_after_the_last_of_it(state: HandlingState) -> None:
    case = in_state(state)
    noted, _ = done(case, an_action("note"), NOON + HOUR)
    assert noted is not None
    at = NOON + HOUR + 90 * DAY_LENGTH

    if state not in ("closed", "withdrawn", "expired"):
        assert "forgotten" not in {one.what for one in life(noted, at + HOUR)[1]}
        return
    assert next_deadline(noted, POLICY) == at
    assert pass_time(noted, at - 1, POLICY) is None
    forgotten, news = life(noted, at + DAY_LENGTH * 1000)
    assert [(one.what, one.state, one.as_of) for one in news] == [("forgotten", state, at)]
    assert is_forgotten(forgotten)
    assert next_deadline(noted, msgspec.structs.replace(POLICY, remembered=None)) is None


def test_a_version_that_was_met_before_changes_nothing() -> None:
    case = meet(meet(None, RAISED), version(2, reason="worsened"))

    assert meet(case, RAISED) is case


@pytest.mark.parametrize(
    ("action", "why"),
    [
        (an_action("acknowledge", role="analyst"), "role analyst may not acknowledge: duty-officer may"),
        (
            an_action("accept", role="duty-officer"),
            "role duty-officer may not accept: asb-lead, childrens-services may",
        ),
        (an_action("snooze", until=None), "snooze says until when, and that is to come"),
        (an_action("snooze", until=NOON), "snooze says until when, and that is to come"),
        (an_action("snooze", until=NOON + HOUR + 1), "a P1 alert sleeps for 60 minutes at most"),
        (an_action("snooze", rationale=" "), "snooze needs a rationale"),
        (an_action("note", rationale="x" * 501), "the rationale has more than 500 characters: keep the record where"),
        (an_action("escalate", to="mayor"), "it can be escalated to inspector, superintendent"),
        (an_action("merge", into="alert-a"), "merge names another alert that there is"),
        (an_action("merge", into="alert-z"), "merge names another alert that there is"),
        (an_action("judge", useful=None), "judge says whether it was useful"),
    ],
)
def test_what_is_wrong_with_an_action_is_said_and_nothing_changes(action: AlertAction, why: str) -> None:
    before = meet(None, RAISED)

    after, said = done(before, action)

    assert said.startswith(why)
    assert after is not None
    assert after.handling == before.handling


def test_a_referral_is_taken_on_by_whom_it_was_made_to_or_comes_back_with_a_reason() -> None:
    referred = in_state("referred")

    assert done(referred, an_action("accept", role="asb-lead"))[1] == (
        "it was referred to childrens-services, who alone may accept it"
    )
    assert done(referred, an_action("bounce", reason="busy"))[1] == "bounce needs one of the reasons not-ours"
    bounced, why = done(referred, an_action("bounce"))
    assert (why, bounced and bounced.handling.referred_to) == ("", "")
    elsewhere = done(in_state("acknowledged"), an_action("refer", to="mayor"))
    assert elsewhere[1] == "it can be referred to asb-lead, childrens-services: partners who hear of it"
    unheard = msgspec.structs.replace(RAISED, audiences=("duty-officer",))
    alone = msgspec.structs.replace(in_state("acknowledged"), alert=unheard)
    assert done(alone, an_action("refer"))[1] == "it can be referred to nobody: partners who hear of it"


def test_who_gets_a_referral_back_has_the_time_to_decide_anew_and_is_not_overdue() -> None:
    case = in_state("referred", fallen=("decide",))
    late = msgspec.structs.replace(case.handling, overdue=True, owner="officer-7", escalated_to="inspector")
    bounced, _ = done(msgspec.structs.replace(case, handling=late), an_action("bounce"), NOON + 2 * HOUR)
    assert bounced is not None

    assert next_deadline(bounced, POLICY) == NOON + 3 * HOUR
    assert told(bounced, POLICY).handling.decide_by == NOON + 3 * HOUR
    assert (bounced.handling.overdue, bounced.handling.owner) == (False, "officer-7")
    # Whom it had gone up to goes on hearing of it, and by the clock it goes to the next above.
    again = pass_time(bounced, NOON + 3 * HOUR, POLICY)
    assert again is not None
    assert (again.handling.overdue, again.handling.escalated_to) == (True, "superintendent")


@pytest.mark.parametrize(
    ("settled", "again"), [("action", "refer"), ("action", "assess"), ("no-further-action", "assess")]
)
def test_what_was_settled_and_is_taken_up_again_has_the_whole_time_from_then_on(settled: Any, again: Any) -> None:
    case, _ = done(meet(None, RAISED), an_action("acknowledge"), NOON + 5 * MINUTE)
    case, _ = done(case, an_action(settled), NOON + 20 * MINUTE)
    case, why = done(case, an_action(again), NOON + 10 * HOUR)
    assert (why, case is not None) == ("", True)
    assert case is not None

    assert not case.handling.overdue
    assert told(case, POLICY).handling.decide_by == NOON + 11 * HOUR
    # And nobody of the ladder is left out: it is climbed from its foot.
    assert [(one.as_of - NOON, one.escalated_to) for one in life(case, NOON + 20 * HOUR)[1]] == [
        (11 * HOUR, "inspector"),
        (11 * HOUR + 15 * MINUTE, "superintendent"),
    ]


def test_what_had_gone_up_to_the_top_before_it_was_settled_goes_up_again_when_nobody_takes_it_on() -> None:
    overdue, _ = life(meet(None, RAISED), NOON + 30 * MINUTE)
    assert overdue.handling.escalated_to == "superintendent"
    case, _ = done(overdue, an_action("acknowledge"), NOON + 31 * MINUTE)
    case, _ = done(case, an_action("action"), NOON + 32 * MINUTE)
    case, _ = done(case, an_action("refer"), NOON + 10 * HOUR)
    assert case is not None

    assert (case.handling.escalated_to, case.rungs) == ("", ("inspector", "superintendent"))
    assert [one.escalated_to for one in life(case, NOON + 20 * HOUR)[1]] == ["inspector", "superintendent"]


def test_nobody_settles_what_has_become_worse_since_they_looked() -> None:
    case, _ = done(meet(meet(None, RAISED), version(2, reason="worsened")), an_action("acknowledge"))

    for what in ("no-further-action", "assess", "snooze", "refer"):
        _, why = done(case, an_action(what, seen=1))
        assert why == "it has become worse since version 1: look at version 2 first"
    _, why = done(case, an_action("no-further-action", seen=1))
    assert why == "it has become worse since version 1: look at version 2 first"
    assert done(case, an_action("no-further-action", seen=2))[1] == ""


@pytest.mark.parametrize("seen", [0, -1, 3])
def test_nobody_settles_what_they_do_not_say_to_have_seen(seen: int) -> None:
    case = meet(meet(None, RAISED), version(2, reason="restated"))
    for what in ("acknowledge", "assess", "snooze", "merge"):
        after, why = act(case, an_action(what, seen=seen), NOON, POLICY, lambda _: True)
        assert why == f"{what} names the version that was seen, and this names {seen}: look at 2"
        assert after is not None
        assert after.handling == case.handling
    # What stops no clock needs no look.
    assert act(case, an_action("note", seen=seen), NOON, POLICY, lambda _: True)[1] == ""


def test_an_action_sent_twice_is_one_and_is_answered_the_same() -> None:
    case = meet(None, RAISED)
    once, _ = done(case, an_action("acknowledge"))
    assert done(once, an_action("acknowledge")) == (once, "")
    refused, why = done(once, an_action("acknowledge", action_id="other"))
    assert why
    assert done(refused, an_action("acknowledge", action_id="other")) == (refused, why)

    for number in range(ANSWERS_KEPT + 5):
        refused, _ = done(refused, an_action("note", action_id=f"note-{number}"))
    assert refused is not None
    assert len(refused.answered) == ANSWERS_KEPT
    assert f"note-{ANSWERS_KEPT + 4}" in refused.answered


def test_there_is_no_acting_on_an_alert_there_is_not() -> None:
    assert done(None, an_action("acknowledge")) == (
        None,
        "there is no such alert, or it has been forgotten, as one is 90 days after its end: nothing can be done",
    )
    assert act(None, an_action("acknowledge"), NOON, Policy(), bool) == (None, "there is no such alert")


def life(case: Case, until: Instant, ticks: list[Instant] | None = None) -> tuple[Case, list[Handling]]:
    """What falls due of a case until then, looked at at these ticks."""
    news = []
    for tick in [*sorted(ticks or []), until]:
        while (after := pass_time(case, tick, POLICY)) is not None:
            case = after
            news.append(case.handling)
    return case, news


def test_an_unanswered_alert_climbs_the_ladder_once_a_rung() -> None:
    case, news = life(meet(None, RAISED), NOON + 5 * HOUR)

    assert [(one.as_of - NOON, one.what, one.escalated_to) for one in news] == [
        (15 * MINUTE, "overdue", "inspector"),
        (30 * MINUTE, "overdue", "superintendent"),
        (60 * MINUTE, "overdue", "superintendent"),
    ]
    assert case.handling.overdue
    assert next_deadline(case, POLICY) is None


def test_no_clock_takes_down_what_somebody_took_up_the_ladder():
    case, _ = done(meet(None, RAISED), an_action("escalate", to="superintendent"), NOON + MINUTE)
    assert case is not None

    assert {one.escalated_to for one in life(case, NOON + 5 * HOUR)[1]} == {"superintendent"}


def test_who_acknowledges_stops_the_ladder_and_must_still_decide() -> None:
    case, _ = done(meet(None, RAISED), an_action("acknowledge"), NOON + MINUTE)
    assert case is not None
    shown = told(case, POLICY).handling
    assert (shown.acknowledge_by, shown.decide_by, shown.owner) == (None, NOON + 60 * MINUTE, "officer-7")

    _, news = life(case, NOON + 5 * HOUR)
    assert [(one.as_of - NOON, one.escalated_to) for one in news] == [
        (60 * MINUTE, "inspector"),
        # Taken on and forgotten: as long after the first rung as the second comes after it.
        (75 * MINUTE, "superintendent"),
    ]


def test_a_referral_nobody_takes_on_is_overdue_and_one_taken_on_is_not() -> None:
    case, _ = done(done(meet(None, RAISED), an_action("acknowledge"))[0], an_action("refer"), NOON + MINUTE)
    assert case is not None
    assert [one.as_of - NOON for one in life(case, NOON + 5 * HOUR)[1]] == [60 * MINUTE, 75 * MINUTE]

    accepted, _ = done(case, an_action("accept"), NOON + 2 * MINUTE)
    assert accepted is not None
    assert life(accepted, NOON + 5 * HOUR)[1] == []


def test_what_would_have_fallen_due_in_a_snooze_does_when_it_is_over() -> None:
    case, _ = done(meet(None, RAISED), an_action("snooze", until=NOON + 50 * MINUTE), NOON + MINUTE)
    assert case is not None

    _, news = life(case, NOON + 5 * HOUR)

    assert [(one.as_of - NOON, one.what, one.state) for one in news] == [
        (50 * MINUTE, "slept", "new"),
        (50 * MINUTE, "overdue", "new"),
        (60 * MINUTE, "overdue", "new"),
    ]
    assert news[1].escalated_to == "superintendent"


@pytest.mark.parametrize("how", ["by itself", "woken"])
def test_what_was_overdue_before_a_snooze_is_so_after_it(how: str) -> None:
    overdue, _ = life(meet(None, RAISED), NOON + 15 * MINUTE)
    asleep, _ = done(overdue, an_action("snooze", until=NOON + 25 * MINUTE), NOON + 16 * MINUTE)
    assert asleep is not None
    assert not asleep.handling.overdue

    if how == "woken":
        awake, _ = done(asleep, an_action("wake"), NOON + 20 * MINUTE)
        assert awake is not None
    else:
        awake, _ = life(asleep, NOON + 25 * MINUTE)
    assert (awake.handling.state, awake.handling.overdue) == ("new", True)
    answered, _ = done(asleep, an_action("acknowledge"), NOON + 20 * MINUTE)
    assert answered is not None
    assert not answered.handling.overdue
    again, _ = done(answered, an_action("snooze", action_id="2", until=NOON + 30 * MINUTE), NOON + 21 * MINUTE)
    assert again is not None
    assert not life(again, NOON + 30 * MINUTE)[0].handling.overdue


def test_whoever_it_has_gone_to_is_said_in_order_until_it_is_raised_anew() -> None:
    asleep, _ = done(meet(None, RAISED), an_action("snooze", until=NOON + 50 * MINUTE), NOON + MINUTE)
    assert asleep is not None
    # Both rungs fall due at once: neither is passed over.
    case, _ = life(asleep, NOON + 50 * MINUTE)
    assert told(case, POLICY).rungs == ("inspector", "superintendent")

    worse = meet(case, version(2, reason="worsened", as_of=NOON + HOUR))
    assert (worse.handling.escalated_to, told(worse, POLICY).rungs) == ("", ("inspector", "superintendent"))
    gone = meet(worse, version(3, change="withdrawn", reason="withdrawn", as_of=NOON + HOUR))
    again = meet(gone, version(4, change="raised", reason="new", as_of=NOON + HOUR))
    assert told(again, POLICY).rungs == ()
    by_hand, _ = done(again, an_action("escalate", to="superintendent"), NOON + HOUR)
    assert by_hand is not None
    assert told(by_hand, POLICY).rungs == ("superintendent",)


def test_an_alert_nobody_was_paged_for_has_no_clock_but_its_end() -> None:
    late = meet(None, msgspec.structs.replace(RAISED, notify=False, late=True, priority="P4"))
    _, news = life(late, NOON + 99 * HOUR)
    assert [(one.as_of - NOON, one.what, one.state) for one in news] == [(48 * HOUR, "outlived", "expired")]

    paged = meet(late, version(2, reason="worsened", priority="P1"))
    shown = told(paged, POLICY).handling
    assert shown.acknowledge_by == NOON + 2 + 15 * MINUTE


def test_what_makes_an_alert_worse_too_late_opens_it_again_and_no_clock_but_its_end() -> None:
    """Nobody is paged for it, so nobody is overdue with it."""
    settled = in_state("no-further-action", is_paged=True)
    worse = meet(settled, version(2, reason="worsened", notify=False, late=True, as_of=NOON + 10 * HOUR))

    assert (worse.handling.state, told(worse, POLICY).notify) == ("reopened", False)
    assert told(worse, POLICY).handling.acknowledge_by is None
    assert next_deadline(worse, POLICY) == NOON + 10 * HOUR + 28 * DAY_LENGTH
    assert done(worse, an_action("acknowledge", seen=1))[1].startswith("it has become worse since version 1")
    heard = meet(worse, version(3, reason="evidence-added", as_of=NOON + 11 * HOUR))
    assert told(heard, POLICY).handling.acknowledge_by == NOON + 11 * HOUR + 15 * MINUTE


def test_what_is_in_hand_and_becomes_worse_too_late_keeps_who_has_it_and_has_its_time_anew() -> None:
    paged = meet(None, msgspec.structs.replace(RAISED, priority="P4"))
    taken, _ = done(paged, an_action("acknowledge"), NOON + MINUTE)
    worse = meet(taken, version(2, reason="worsened", notify=False, late=True, as_of=NOON + 10 * HOUR))

    shown = told(worse, POLICY).handling
    assert (shown.state, shown.owner, shown.overdue) == ("acknowledged", "officer-7", False)
    assert shown.decide_by == NOON + 11 * HOUR


def test_no_clock_runs_for_what_nobody_hears_of() -> None:
    assert next_deadline(meet(None, msgspec.structs.replace(RAISED, audiences=())), POLICY) is None


def test_more_of_the_same_stops_no_clock_and_what_is_worse_begins_anew() -> None:
    case = meet(meet(None, RAISED), version(2, reason="evidence-added", as_of=NOON + 10 * MINUTE))
    assert next_deadline(case, POLICY) == NOON + 15 * MINUTE
    worse = meet(case, version(3, reason="worsened", as_of=NOON + 12 * MINUTE))
    assert next_deadline(worse, POLICY) == NOON + 27 * MINUTE


def test_officers_hear_what_is_new_of_the_alert_or_overdue_and_nothing_while_it_sleeps() -> None:
    case = meet(None, RAISED)
    assert told(case, POLICY).notify
    overdue = pass_time(case, NOON + HOUR, POLICY)
    assert overdue is not None
    assert told(overdue, POLICY).notify
    acknowledged, _ = done(overdue, an_action("acknowledge"))
    assert acknowledged is not None
    assert not told(acknowledged, POLICY).notify
    snoozed, _ = done(case, an_action("snooze"))
    assert not told(meet(snoozed, version(2, reason="evidence-added")), POLICY).notify
    assert told(meet(snoozed, version(2, reason="worsened")), POLICY).notify


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["acknowledge", "assess", "snooze", "escalate", "action", "reopen", "worsened", "told-again"]),
        st.integers(0, 3 * HOUR),
    ),
    max_size=6,
)


@given(steps=STEPS, ticks=st.lists(st.integers(0, 20 * HOUR), max_size=12))
def test_what_falls_due_does_not_depend_on_when_anybody_looks_or_restarts(
    steps: list[tuple[Any, int]], ticks: list[int]
) -> None:
    def run(ticks: list[Instant]) -> list[Handling]:
        case, news, now = meet(None, RAISED), [], NOON
        for number, (what, later) in enumerate(steps, start=2):
            now += later
            case, fallen = life(case, now, [tick for tick in ticks if tick <= now])
            # Restarted: what is remembered is all there is.
            case = msgspec.msgpack.decode(msgspec.msgpack.encode(case), type=Case)
            news += fallen
            if what in ("worsened", "told-again"):
                reason = "worsened" if what == "worsened" else "evidence-added"
                case = meet(case, version(number, reason=reason, as_of=now))
            else:
                acted, _ = done(case, an_action(what, action_id=str(number), until=now + 40 * MINUTE), now)
                assert acted is not None
                case = acted
            news.append(case.handling)
        return news + life(case, now + 99 * HOUR, ticks)[1]

    assert run([NOON + tick for tick in ticks]) == run([])
