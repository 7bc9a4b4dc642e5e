"""The outbox in its database: exactly once in, one digest of what was held, nothing told of what ended untold."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine, event, select
from tests.delivery.making import BOUNDS, NOON, TOPIC, alert, at, outbox, subscription, withdrawn

from safety_stream.core.model.handling import Handling
from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.model.times import DAY_LENGTH, HOUR, MINUTE, SECOND, Instant
from safety_stream.delivery.model import GiveUp, Message, Quiet, Taken, TryAgain, Whereabouts
from safety_stream.delivery.outbox import LEASE, Outbox, Position, TakenElsewhere, Took
from safety_stream.delivery.subscriptions import subscribe, unsubscribe
from safety_stream.delivery.tables import MESSAGES, NOTICES
from safety_stream.delivery.wording import in_words

NIGHT = Quiet(22 * 60, 7 * 60)
OTHER = "3f1c8a6e-0000-5000-8000-000000000002"


@pytest.fixture
def box(engine: Engine) -> Outbox:
    subscribe(engine, subscription())
    return outbox(engine)


def taken(box: Outbox, *alerts: PublishedAlert, now: Instant = NOON) -> Took:
    start = box.position(TOPIC, 0)
    first = 0 if start is None else start.next_offset
    return box.take(TOPIC, 0, list(enumerate(alerts, first)), now)


def sent(box: Outbox, now: Instant = NOON) -> list[Message]:
    """Everything that is due, taken by a provider that takes it."""
    found = []
    while (claimed := box.claim(now)) is not None:
        found.append(claimed.message)
        box.settle(claimed, Taken("p-1"), now, 0.5, confirms=False)
    return found


def told(message: Message) -> list[tuple[int, str]]:
    return [(notice.version, notice.change) for notice in message.notices]


# In, exactly once.


def test_an_alert_that_is_wanted_becomes_one_message(box: Outbox):
    taken(box, alert())

    (message,) = sent(box)
    assert told(message) == [(1, "raised")]
    assert (message.form, message.is_repeat, message.notices[0].reason) == ("single", False, "new")


def test_a_record_that_comes_again_is_passed_over(box: Outbox):
    taken(box, alert())
    again = box.take(TOPIC, 0, [(0, alert()), (1, withdrawn())], NOON)

    assert dict(again.decisions) == {("never", "never-told"): 1}
    assert box.position(TOPIC, 0) == Position(2, 3, began=NOON, recorded_from=1)


def test_what_was_read_before_is_not_decided_again_and_moves_nothing_back(box: Outbox):
    taken(box, alert(notify=False), alert(alert_id=OTHER, seq=2))
    again = box.take(TOPIC, 0, [(0, alert(notify=False))], NOON)

    assert dict(again.decisions) == {}
    assert box.position(TOPIC, 0) == Position(2, 3, began=NOON, recorded_from=1)


def test_a_topic_that_was_made_anew_tells_nothing_twice(box: Outbox):
    taken(box, alert())
    box.take(TOPIC, 0, [(7, alert())], NOON)

    assert len(sent(box)) == 1


def begun_again(box: Outbox, topic_id: str | None = "another", now: Instant = NOON) -> None:
    position = box.position(TOPIC, 0)
    assert position is not None
    box.begin_again(TOPIC, 0, position, topic_id, now)


def test_what_bears_the_version_of_something_else_is_told_once_its_topic_was_made_anew(box: Outbox):
    taken(box, alert(), alert(version=2, seq=2, change="updated", reason="evidence-added"))
    sent(box)
    begun_again(box)
    took = taken(box, alert(), withdrawn(version=2, seq=2, prior_seq=1))

    assert [told(message) for message in sent(box)] == [[(2, "withdrawn")]]
    assert took.missing == 0


def test_what_is_told_once_more_by_a_topic_made_anew_takes_no_place_of_what_is_newer(engine: Engine):
    subscribe(engine, subscription(quiet=NIGHT, since=at(23), priorities=("P3",)))
    box = outbox(engine)
    first = alert(as_of=at(21), priority="P3")
    second = alert(as_of=at(23), version=2, seq=2, change="updated", priority="P3")
    taken(box, first, second, now=at(23))
    begun_again(box, now=at(23))
    taken(box, first, second, now=at(23))
    box.gather(at(7, day=15))

    assert [told(message) for message in sent(box, at(7, day=15))] == [[(2, "updated")]]


def test_who_still_reads_the_topic_there_was_is_stopped(box: Outbox):
    box.take(TOPIC, 0, [(0, alert())], NOON, "the first")
    begun_again(box)
    seen = box.position(TOPIC, 0)

    with pytest.raises(TakenElsewhere):
        box.take(TOPIC, 0, [(1, alert(alert_id=OTHER, seq=2))], NOON, "the first")
    box.take(TOPIC, 0, [(0, alert(alert_id=OTHER))], NOON, "another")
    # Whoever notices it later finds it noticed.
    box.begin_again(TOPIC, 0, seen, "another", NOON)
    assert box.position(TOPIC, 0) == Position(1, 2, "another", NOON, 1)


def test_numbers_that_are_missing_are_counted(box: Outbox):
    taken(box, alert(seq=5))

    assert taken(box, alert(seq=6, version=2), alert(seq=9, version=3)).missing == 2


def test_the_position_and_the_messages_stand_or_fall_together(engine: Engine, box: Outbox):
    def fall(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO delivery_positions"):
            raise RuntimeError("the database went away")

    event.listen(engine, "before_cursor_execute", fall)
    with pytest.raises(RuntimeError):
        taken(box, alert())
    event.remove(engine, "before_cursor_execute", fall)

    assert box.position(TOPIC, 0) is None
    assert box.counts() == {}
    taken(box, alert())
    assert box.counts() == {"waiting": 1}


def test_of_two_that_read_the_same_one_is_rolled_back(box: Outbox, monkeypatch: pytest.MonkeyPatch):
    taken(box, alert())
    stale = Position(0, 1)
    monkeypatch.setattr("safety_stream.delivery.outbox._position", lambda *_: stale)

    with pytest.raises(TakenElsewhere):
        box.take(TOPIC, 0, [(1, alert(alert_id=OTHER))], NOON)

    assert box.counts() == {"waiting": 1}


def test_the_id_of_a_message_is_of_subscription_alert_and_version(engine: Engine, box: Outbox):
    subscribe(engine, subscription(subscription_id="5b000000-0000-5000-8000-000000000002"))
    taken(box, alert(), alert(alert_id=OTHER, seq=2))
    first = sent(box)
    taken(box, alert(version=2, seq=3, change="updated"))

    assert len({message.message_id for message in first + sent(box)}) == 6


# Held, and told once.


def night(engine: Engine) -> Outbox:
    subscribe(engine, subscription(quiet=NIGHT))
    return outbox(engine)


def test_what_quiet_hours_held_comes_as_one_digest_when_they_end(engine: Engine):
    box = night(engine)
    taken(
        box, alert(as_of=at(23), priority="P3"), alert(as_of=at(23), alert_id=OTHER, seq=2, priority="P3"), now=at(23)
    )

    assert box.gather(at(6, 59, day=15)) == 0
    assert sent(box, at(6, 59, day=15)) == []
    assert box.gather(at(7, day=15)) == 1
    assert box.gather(at(7, day=15)) == 0
    (digest,) = sent(box, at(7, day=15))
    assert (digest.form, len(digest.notices)) == ("digest", 2)
    assert {notice.reason for notice in digest.notices} == {"new"}


def test_a_digest_tells_the_newest_of_each_alert(engine: Engine):
    box = night(engine)
    taken(
        box,
        alert(as_of=at(23), priority="P3"),
        alert(as_of=at(23), version=2, seq=2, change="updated", priority="P3"),
        now=at(23),
    )
    box.gather(at(7, day=15))

    assert [told(digest) for digest in sent(box, at(7, day=15))] == [[(2, "updated")]]


def test_what_was_raised_and_withdrawn_at_night_is_not_told(engine: Engine):
    box = night(engine)
    taken(box, alert(as_of=at(23), priority="P3"), withdrawn(as_of=at(23), priority="P3"), now=at(23))

    assert box.gather(at(7, day=15)) == 0


def test_a_digest_says_that_what_was_told_is_withdrawn(engine: Engine):
    box = night(engine)
    taken(box, alert(as_of=at(21), priority="P3"), now=at(21))
    assert len(sent(box, at(21))) == 1
    taken(
        box,
        alert(as_of=at(23), version=2, seq=2, change="updated", priority="P3"),
        withdrawn(version=3, seq=3, as_of=at(23), priority="P3"),
        now=at(23),
    )
    box.gather(at(7, day=15))

    assert [told(digest) for digest in sent(box, at(7, day=15))] == [[(3, "withdrawn")]]


def test_what_becomes_urgent_is_told_at_once_and_not_in_the_digest_again(engine: Engine):
    box = night(engine)
    taken(
        box,
        alert(as_of=at(23), priority="P3"),
        alert(as_of=at(23), version=2, seq=2, change="updated", priority="P1"),
        now=at(23),
    )

    assert [told(message) for message in sent(box, at(23))] == [[(2, "updated")]]
    assert box.gather(at(7, day=15)) == 0


def test_who_unsubscribes_is_not_told_what_was_held_but_of_the_end_of_what_they_were_told(engine: Engine):
    box = night(engine)
    taken(box, alert(as_of=at(21), priority="P3"), now=at(21))
    sent(box, at(21))
    taken(
        box,
        alert(as_of=at(23), alert_id=OTHER, seq=2, priority="P3"),
        withdrawn(seq=3, as_of=at(23), priority="P3"),
        now=at(23),
    )
    unsubscribe(engine, "5b", at(23))
    box.gather(at(7, day=15))

    assert [told(digest) for digest in sent(box, at(7, day=15))] == [[(2, "withdrawn")]]


# Where the database before is gone.


@pytest.mark.parametrize("says", ["all", "nothing"])
def test_the_end_of_what_a_lost_database_may_have_told_is_told(engine: Engine, says: str):
    # What is not said of it may be what they asked for.
    subscribe(engine, subscription(areas=("E07000117",), priorities=("P2",)))
    box = outbox(engine)
    bare = {} if says == "all" else {"priority": None, "area": None, "areas": None, "family": None, "marking": None}
    # The topic goes on; what it said before is not there any more, or is history to this database.
    taken(
        box, alert(seq=40, as_of=NOON - 9 * DAY_LENGTH, version=3), withdrawn(seq=41, prior_seq=40, version=4, **bare)
    )
    box.gather(NOON + DAY_LENGTH)

    assert [told(message) for message in sent(box, NOON + DAY_LENGTH)] == [[(4, "withdrawn")]]


@pytest.mark.parametrize(
    "changes",
    [
        {"priorities": ("P1",)},
        {"areas": ("E07000118",)},
        {"since": NOON + 1},
        {"ended": NOON},
    ],
)
def test_it_is_told_to_nobody_who_would_not_have_been_told(engine: Engine, changes: dict[str, Any]):
    subscribe(engine, subscription(**changes))
    box = outbox(engine)
    taken(box, withdrawn(seq=41, prior_seq=40))

    assert sent(box) == []


def test_whoever_subscribes_where_all_is_on_record_hears_of_no_end_but_of_what_they_heard(engine: Engine):
    subscribe(engine, subscription())
    box = outbox(engine)
    taken(box, alert(seq=40), alert(alert_id=OTHER, seq=41))
    sent(box)
    subscribe(engine, subscription(subscription_id="5b-new", since=NOON + 1))
    taken(box, withdrawn(seq=42, prior_seq=40, as_of=NOON + HOUR), now=NOON + HOUR)

    assert [message.subscription_id for message in sent(box, NOON + HOUR)] == [subscription().subscription_id]


# Missed.

AFTER_THE_OUTAGE = NOON + 20 * HOUR


def test_what_an_outage_kept_is_told_alone_and_says_how_late_it_is(box: Outbox):
    taken(
        box,
        alert(priority="P1"),
        alert(alert_id=OTHER, seq=2),
        alert(alert_id="a-3", seq=3, priority="P3", as_of=NOON - 20 * HOUR),
        now=AFTER_THE_OUTAGE,
    )
    assert sent(box, AFTER_THE_OUTAGE) == []
    assert box.gather(AFTER_THE_OUTAGE + MINUTE) == 2
    messages = sent(box, AFTER_THE_OUTAGE + MINUTE)

    assert [(one.form, one.notices[0].priority) for one in messages] == [("single", "P1"), ("single", "P2")]
    assert {one.notices[0].late_by for one in messages} == {20 * HOUR + MINUTE}
    words = in_words(messages[0], "https://alerts.example.invalid/")
    assert words.subject.endswith(", late by 21 hours")
    assert words.text.startswith("Late by 21 hours: nobody was told of it before.\n")


def test_what_takes_the_place_of_a_page_that_was_to_go_by_now_goes_now_however_late(box: Outbox):
    taken(box, alert())
    taken(box, alert(version=2, seq=2, change="updated"), now=AFTER_THE_OUTAGE)

    (message,) = sent(box, AFTER_THE_OUTAGE)
    assert (told(message), message.notices[0].late_by) == ([(2, "updated")], 20 * HOUR + MINUTE)


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        (withdrawn(as_of=NOON + HOUR), []),
        (alert(as_of=NOON + HOUR, version=2, seq=2, change="updated"), [[(2, "updated")]]),
    ],
)
def test_what_was_missed_is_told_as_it_is_by_now(box: Outbox, then: PublishedAlert, expected: list[Any]):
    taken(box, alert(), now=AFTER_THE_OUTAGE)
    taken(box, then, now=AFTER_THE_OUTAGE + 1)
    box.gather(AFTER_THE_OUTAGE + HOUR)

    assert [told(message) for message in sent(box, AFTER_THE_OUTAGE + HOUR)] == expected


@pytest.mark.parametrize(("state", "form"), [("acknowledged", "digest"), ("closed", "digest"), ("snoozed", "single")])
def test_what_was_missed_and_is_dealt_with_by_now_is_a_line_of_the_digest(box: Outbox, state: Any, form: str):
    how = Handling(number=2, state=state, since=NOON, what="note", as_of=NOON)
    handled = alert(seq=2, change="updated", reason="handled", notify=False, handling=how)
    taken(box, alert(priority="P1"), handled, now=AFTER_THE_OUTAGE)

    assert box.gather(AFTER_THE_OUTAGE + MINUTE) == (form == "single")
    box.gather(AFTER_THE_OUTAGE + DAY_LENGTH)
    (message,) = sent(box, AFTER_THE_OUTAGE + DAY_LENGTH)
    assert (message.form, message.notices[0].late_by is None) == (form, form == "digest")


# Withdrawn.


def test_who_was_told_is_told_of_the_end_once(box: Outbox):
    taken(box, alert())
    sent(box)
    taken(box, withdrawn())
    assert [told(message) for message in sent(box)] == [[(2, "withdrawn")]]
    taken(box, withdrawn(version=3, seq=3))

    assert sent(box) == []


def test_what_is_done_after_a_withdrawal_takes_the_place_of_nothing(box: Outbox):
    taken(box, alert())
    sent(box)
    handling = Handling(number=4, state="closed", since=NOON, what="close", as_of=NOON)
    taken(box, withdrawn(), withdrawn(seq=3, reason="handled", notify=False, handling=handling))

    assert [told(message) for message in sent(box)] == [[(2, "withdrawn")]]


@pytest.mark.parametrize(
    ("found", "withdrawals"), [("delivered", 1), ("under-way", 1), ("unknown", 1), ("not-delivered", 0)]
)
def test_who_may_have_been_told_is_told_of_the_end(box: Outbox, found: Whereabouts, withdrawals: int):
    taken(box, alert())
    box.settle(box.claim(NOON), Taken("p-1"), NOON, 0.5, confirms=True)
    (asked,) = box.to_ask(NOON + 4 * HOUR)
    box.answer(asked, found, NOON + 4 * HOUR)
    assert box.to_ask(NOON + 24 * HOUR) == []
    taken(box, withdrawn(as_of=NOON + 5 * HOUR), now=NOON + 5 * HOUR)

    assert len(sent(box, NOON + 5 * HOUR)) == withdrawals


def test_a_withdrawal_that_may_say_little_says_what_was_told(box: Outbox):
    taken(box, alert())
    sent(box)
    taken(box, withdrawn(priority=None, title=None))

    (notice,) = sent(box)[0].notices
    assert (notice.priority, notice.title) == ("P2", "Repeat victim, graded")


def test_the_withdrawal_of_what_nobody_has_taken_yet_takes_its_place(box: Outbox):
    taken(box, alert())
    claimed = box.claim(NOON)
    box.settle(claimed, TryAgain("unreachable"), NOON, 0.5, confirms=False)
    taken(box, withdrawn())

    assert box.counts() == {"overtaken": 1}
    assert sent(box, NOON + HOUR) == []


@pytest.mark.parametrize("settled", [True, False])
def test_the_withdrawal_of_what_may_have_been_taken_is_told(box: Outbox, settled: bool):
    taken(box, alert())
    claimed = box.claim(NOON)
    if settled:
        box.settle(claimed, TryAgain("timed-out", may_be_taken=True), NOON, 0.5, confirms=False)
    taken(box, withdrawn())

    assert [told(message) for message in sent(box, NOON + HOUR)] == [[(2, "withdrawn")]]


def test_a_digest_on_its_way_loses_what_is_withdrawn_meanwhile(engine: Engine):
    box = night(engine)
    taken(
        box, alert(as_of=at(23), priority="P3"), alert(as_of=at(23), alert_id=OTHER, seq=2, priority="P3"), now=at(23)
    )
    box.gather(at(7, day=15))
    taken(box, withdrawn(seq=3, as_of=at(7, day=15)), now=at(7, day=15))

    (digest,) = sent(box, at(7, day=15))
    assert [notice.alert_id for notice in digest.notices] == [OTHER]


# The last that is told is true.


FAILURES = [TryAgain("unreachable"), TryAgain("busy"), TryAgain("timed-out", may_be_taken=True)]
NEWER = [withdrawn(), alert(version=2, seq=2, change="updated", priority="P3"), withdrawn(priority="P3")]


@pytest.mark.parametrize("newer", NEWER)
@pytest.mark.parametrize("failure", FAILURES)
def test_nothing_older_is_sent_after_something_newer(box: Outbox, newer: PublishedAlert, failure: TryAgain):
    taken(box, alert())
    claimed = box.claim(NOON)
    taken(box, newer)
    assert box.claim(NOON) is None
    box.settle(claimed, failure, NOON, 0.5, confirms=False)

    assert [told(message) for message in sent(box, NOON + HOUR)] == [[(2, newer.change)]]
    assert box.counts() == {"overtaken": 1, "sent": 1}


@pytest.mark.parametrize("failure", FAILURES)
def test_what_failed_is_not_sent_again_once_there_is_something_newer(box: Outbox, failure: TryAgain):
    taken(box, alert())
    box.settle(box.claim(NOON), failure, NOON, 0.5, confirms=False)
    taken(box, alert(version=2, seq=2, change="updated", priority="P3"))

    assert [told(message) for message in sent(box, NOON + HOUR)] == [[(2, "updated")]]
    assert box.counts() == {"overtaken": 1, "sent": 1}


def test_something_newer_goes_out_when_the_older_has(box: Outbox):
    taken(box, alert())
    claimed = box.claim(NOON)
    taken(box, withdrawn(), alert(alert_id=OTHER, seq=3))

    # Nothing else waits for it.
    assert [message.notices[0].alert_id for message in sent(box)] == [OTHER]
    box.settle(claimed, Taken("p-1"), NOON, 0.5, confirms=False)
    assert [told(message) for message in sent(box)] == [[(2, "withdrawn")]]


def test_what_a_dead_sender_was_sending_is_not_sent_after_something_newer(box: Outbox):
    taken(box, alert())
    box.claim(NOON)
    taken(box, withdrawn(priority="P3"))

    assert sent(box, NOON + LEASE - 1) == []
    assert [told(message) for message in sent(box, NOON + LEASE)] == [[(2, "withdrawn")]]
    assert box.counts() == {"overtaken": 1, "sent": 1}


def test_what_may_have_been_told_stays_told_when_a_newer_one_stops_it(box: Outbox):
    taken(box, alert())
    box.settle(box.claim(NOON), TryAgain("timed-out", may_be_taken=True), NOON, 0.5, confirms=False)
    taken(box, alert(version=2, seq=2, change="updated"), withdrawn(version=3, seq=3))

    assert [told(message) for message in sent(box, NOON + HOUR)] == [[(3, "withdrawn")]]


def test_a_withdrawal_that_was_stopped_and_may_not_have_been_heard_is_told_when_it_ends_again(box: Outbox):
    taken(box, alert())
    sent(box)
    taken(box, withdrawn())
    box.settle(box.claim(NOON), TryAgain("timed-out", may_be_taken=True), NOON, 0.5, confirms=False)
    taken(box, alert(version=3, seq=3), withdrawn(version=4, seq=4))

    assert [told(message) for message in sent(box, NOON + HOUR)] == [[(4, "withdrawn")]]


@pytest.mark.parametrize(("may_be_taken", "withdrawals"), [(True, 1), (False, 0)])
def test_a_digest_tells_what_was_in_an_attempt_that_may_have_been_heard(
    engine: Engine, may_be_taken: bool, withdrawals: int
):
    box, morning = night(engine), at(7, day=15)
    taken(
        box, alert(as_of=at(23), priority="P3"), alert(as_of=at(23), alert_id=OTHER, seq=2, priority="P3"), now=at(23)
    )
    box.gather(morning)
    claimed = box.claim(morning)
    taken(box, alert(as_of=morning, version=2, seq=3, change="updated", priority="P3"), now=morning)
    box.settle(claimed, TryAgain("timed-out", may_be_taken=may_be_taken), morning, 0.5, confirms=False)
    taken(box, withdrawn(as_of=morning, version=3, seq=4, priority="P3"), now=morning)
    messages = sent(box, morning + HOUR)

    assert [message.notices[0].alert_id for message in messages if message.form == "digest"] == [OTHER]
    assert sum(told(message) == [(3, "withdrawn")] for message in messages) == withdrawals


def test_what_was_held_is_not_told_once_its_subscription_does_not_want_the_alert_any_more(engine: Engine):
    subscribe(engine, subscription(quiet=NIGHT, priorities=("P3",)))
    box, morning = outbox(engine), at(7, day=15)
    taken(
        box, alert(as_of=at(23), priority="P3"), alert(as_of=at(23), alert_id=OTHER, seq=2, priority="P3"), now=at(23)
    )
    taken(box, alert(as_of=at(23), version=2, seq=3, change="updated", priority="P4"), now=at(23))
    box.gather(morning)

    assert [[notice.alert_id for notice in digest.notices] for digest in sent(box, morning)] == [[OTHER]]


def test_what_nobody_took_is_not_sent_again_once_the_alert_is_not_wanted_any_more(engine: Engine):
    subscribe(engine, subscription(priorities=("P2",)))
    box = outbox(engine)
    taken(box, alert())
    box.settle(box.claim(NOON), TryAgain("unreachable"), NOON, 0.5, confirms=False)
    taken(box, alert(version=2, seq=2, change="updated", priority="P4"))

    assert sent(box, NOON + HOUR) == []
    assert box.counts() == {"overtaken": 1}


def test_a_withdrawal_is_told_though_the_alert_is_not_wanted_any_more(engine: Engine):
    subscribe(engine, subscription(priorities=("P2",)))
    box = outbox(engine)
    taken(box, alert())
    sent(box)
    taken(box, withdrawn(), alert(version=3, seq=3, change="updated", priority="P4"))

    assert [told(message) for message in sent(box)] == [[(2, "withdrawn")]]


def test_a_page_nobody_took_is_not_put_off_by_something_newer_that_could_wait(box: Outbox):
    taken(box, alert(priority="P1"))
    box.settle(box.claim(NOON), TryAgain("unreachable"), NOON, 0.5, confirms=False)
    taken(box, alert(version=2, seq=2, change="updated", priority="P1", late=True))

    assert [told(message) for message in sent(box, NOON + HOUR)] == [[(2, "updated")]]


def test_a_digest_nobody_took_is_not_put_off_by_something_newer(box: Outbox):
    morning = at(8, 30, day=15)
    taken(box, alert(priority="P4"))
    box.gather(morning)
    taken(box, alert(version=2, seq=2, change="updated", priority="P4", as_of=morning), now=morning)
    assert box.gather(morning) == 1

    assert [(message.form, told(message)) for message in sent(box, morning)] == [("digest", [(2, "updated")])]


# Out.


def test_a_sender_that_died_is_followed_by_another_with_the_same_id(box: Outbox):
    taken(box, alert())
    first = box.claim(NOON)

    assert box.claim(NOON + LEASE - 1) is None
    second = box.claim(NOON + LEASE)
    assert second.message.message_id == first.message.message_id
    assert (first.message.is_repeat, second.message.is_repeat) == (False, True)


def test_a_sender_that_was_given_up_says_nothing_any_more(box: Outbox):
    taken(box, alert())
    first = box.claim(NOON)
    second = box.claim(NOON + LEASE)
    box.settle(second, Taken("p-1"), NOON + LEASE, 0.5, confirms=False)
    box.settle(first, TryAgain("timed-out"), NOON + LEASE, 0.5, confirms=False)

    assert box.counts() == {"sent": 1}


def test_a_message_that_is_claimed_is_nobody_elses(box: Outbox):
    taken(box, alert())

    assert box.claim(NOON) is not None
    assert box.claim(NOON) is None


def test_a_provider_of_one_address_alone_is_given_one_message_at_a_time(engine: Engine):
    subscribe(engine, subscription())
    subscribe(engine, subscription(subscription_id="5b000000-0000-5000-8000-000000000002", address="other-desk"))
    box = Outbox(engine, BOUNDS, provider_of=lambda channel, address: f"{channel} {address}")
    taken(box, alert(), alert(alert_id=OTHER, seq=2))

    first, second = box.claim(NOON), box.claim(NOON)
    assert {first.message.address, second.message.address} == {"duty-desk", "other-desk"}
    assert box.claim(NOON) is None
    box.settle(first, Taken("p-1"), NOON, 0.5, confirms=False)
    assert box.claim(NOON).message.address == first.message.address


def test_a_provider_kept_busy_is_free_when_its_sender_counts_as_dead(engine: Engine):
    subscribe(engine, subscription())
    box = Outbox(engine, BOUNDS, provider_of=lambda channel, address: f"{channel} {address}")
    taken(box, alert(), alert(alert_id=OTHER, seq=2))
    box.claim(NOON)

    assert box.claim(NOON + LEASE - 1) is None
    assert box.claim(NOON + LEASE) is not None
    assert box.claim(NOON + LEASE) is None


def test_a_provider_of_a_whole_channel_is_given_several(box: Outbox):
    taken(box, alert(), alert(alert_id=OTHER, seq=2))

    assert box.claim(NOON) is not None
    assert box.claim(NOON) is not None


def test_what_is_refused_is_given_up(box: Outbox, engine: Engine):
    taken(box, alert())
    box.settle(box.claim(NOON), GiveUp("refused"), NOON, 0.5, confirms=False)

    assert box.counts() == {"given-up": 1}
    with engine.connect() as db:
        assert db.execute(select(MESSAGES.c.why)).scalar_one() == "refused"


def test_who_corrects_an_address_gets_what_waits(engine: Engine, box: Outbox):
    taken(box, alert())
    box.settle(box.claim(NOON), TryAgain("unknown-address"), NOON, 0.5, confirms=False)
    subscribe(engine, subscription(address="other-desk"))

    assert box.claim(NOON + MINUTE).message.address == "other-desk"


def test_a_provider_that_asks_for_time_gets_it(box: Outbox):
    taken(box, alert(), alert(alert_id=OTHER, seq=2))
    box.settle(box.claim(NOON), TryAgain("busy", 90 * SECOND), NOON, 1.0, confirms=False)

    assert box.claim(NOON + 90 * SECOND - 1) is None
    assert box.claim(NOON + 90 * SECOND) is not None


def test_one_bad_message_holds_up_nobody(box: Outbox):
    taken(box, alert(priority="P1"), *(alert(alert_id=f"a-{n}", seq=n, priority="P3") for n in range(2, 12)))
    now, others = NOON, 0
    for _ in range(400):
        if (claimed := box.claim(now)) is None:
            now += SECOND
            continue
        bad = claimed.priority == "P1"
        others += not bad
        box.settle(claimed, TryAgain("broken") if bad else Taken(), now, 0.0, confirms=False)

    assert others == 10
    assert now - NOON < 10 * MINUTE


def test_a_notice_has_nothing_of_whom_or_what_it_is_about(engine: Engine, box: Outbox):
    taken(box, alert())
    with engine.connect() as db:
        (row,) = db.execute(select(NOTICES)).all()

    secret = {alert().subject, alert().explanation, alert().area, alert().rule_id}
    assert secret.isdisjoint(str(value) for value in row)
    assert secret.isdisjoint(str(value) for value in msgspec.structs.astuple(sent(box)[0].notices[0]))
