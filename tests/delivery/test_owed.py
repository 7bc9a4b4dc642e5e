"""What is owed is told once to each subscription and step, by reference alone, whoever finds it how often."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from tests.delivery.making import BOUNDS, NOON, Clock, Provider, alert, at, outbox, sender, subscription

from safety_stream.catalogue.loading import load_catalogue
from safety_stream.cli.owing import EVERY, Owing
from safety_stream.core.model.times import DAY_LENGTH, HOUR, MINUTE, SECOND, Instant
from safety_stream.core.oversight import Use
from safety_stream.core.putting_right import Notice
from safety_stream.data_files import catalogue_folder
from safety_stream.delivery.database import open_database
from safety_stream.delivery.model import Message, Owed, Quiet, Taken, owed_id
from safety_stream.delivery.outbox import Outbox
from safety_stream.delivery.subscriptions import subscribe, unsubscribe
from safety_stream.delivery.wording import in_data, in_words
from safety_stream.observability.metrics import DeliveryMetrics
from safety_stream.readmodel.database import migrate, url_of_file
from safety_stream.readmodel.database import open_database as open_copy
from safety_stream.readmodel.owed import Owed as OfCopy
from safety_stream.readmodel.projection import note_ends

OVERSIGHT = load_catalogue(catalogue_folder()).oversight
OFFICE = OVERSIGHT.office
PATIENCE = OVERSIGHT.chasing.usual
LINK = "https://alerts.example.org/alerts/"
ALERT = "3f1c8a6e-0000-5000-8000-000000000001"


def owed(number: int = 1, **changes: Any) -> Owed:
    fields = {"kind": "reminder", "of": "desk", "alert_id": ALERT, "seq": number, "since": NOON}
    fields |= changes
    return Owed(owed_id=owed_id(fields["kind"], fields["of"], number), **fields)


@pytest.fixture
def box(engine: Engine) -> Outbox:
    subscribe(engine, subscription())
    subscribe(engine, subscription(subscription_id="5b000000-0000-5000-8000-000000000002", audience=OFFICE))
    return outbox(engine)


def sent(box: Outbox, now: Instant = NOON) -> list[Message]:
    found = []
    while (claimed := box.claim(now)) is not None:
        found.append(claimed.message)
        box.settle(claimed, Taken("p-1"), now, 0.5, confirms=False)
    return found


def numbers(message: Message) -> list[int]:
    return [one.seq for one in message.owed]


def test_what_is_owed_is_one_message_and_is_never_told_twice(box: Outbox):
    assert box.owe("desk", [owed(1), owed(2)], NOON, priority="P3") == 1
    assert box.owe("desk", [owed(1), owed(2)], NOON + MINUTE, priority="P3") == 0
    assert box.owe("desk", [owed(2), owed(3), owed(3)], NOON + HOUR, priority="P3") == 1

    assert [numbers(message) for message in sent(box, NOON + HOUR)] == [[1, 2], [3]]


def test_each_subscription_is_told_for_itself_and_one_that_ended_is_not(engine: Engine, box: Outbox):
    other = subscription(subscription_id="5b000000-0000-5000-8000-000000000003")
    box.owe("desk", [owed(1)], NOON, priority="P3")
    subscribe(engine, other)
    assert box.owe("desk", [owed(1)], NOON, priority="P3") == 1
    unsubscribe(engine, other.subscription_id, NOON)

    assert box.owe("desk", [owed(2)], NOON, priority="P3") == 1
    assert box.owe("nobody", [owed(3)], NOON, priority="P3") == 0


def test_quiet_hours_hold_a_reminder_and_never_what_was_opened_in_an_emergency(engine: Engine):
    subscribe(engine, subscription(quiet=Quiet(22 * 60, 7 * 60)))
    box = outbox(engine)
    night, morning = at(23), at(7, day=15)

    assert box.owe("desk", [owed(1)], night, priority="P3") == 0
    assert box.owe("desk", [owed(2, kind="break-glass")], night, priority="P1") == 1
    assert box.owe("desk", [owed(1)], morning, priority="P3") == 1
    assert "P3" in BOUNDS.held_when_quiet


def test_a_message_that_nobody_took_is_sent_again_under_the_same_id(box: Outbox):
    provider, clock = Provider(lambda attempt: "drops" if attempt == 1 else "takes"), Clock()
    box.owe("desk", [owed(1)], NOON, priority="P3")
    one = sender(box, provider, clock)
    one.send_next()
    clock.on(HOUR)
    one.send_next()

    assert len(set(provider.asks)) == 1
    assert [numbers(message) for message in provider.inbox.values()] == [[1]]


def test_news_of_the_same_alert_overtakes_nothing_that_is_owed(box: Outbox):
    box.owe("desk", [owed(1)], NOON, priority="P3")
    box.take("alerts.desk", 0, [(0, alert()), (1, alert(seq=2, version=2, change="updated", reason="worsened"))], NOON)

    assert sorted(message.form for message in sent(box)) == ["owed", "single"]


@pytest.mark.parametrize("kind", ["reminder", "escalation", "break-glass", "review"])
def test_a_message_says_by_reference_what_is_owed_and_where_it_is_seen_to(kind: str):
    message = Message(
        message_id="m", subscription_id="s", form="owed", address="a", notices=(), is_repeat=False,
        owed=(owed(17, kind=kind),),
    )  # fmt: skip
    words, data = in_words(message, LINK), in_data(message, LINK)
    page = "notices" if kind in ("reminder", "escalation") else "reviews"

    assert f"https://alerts.example.org/{page}" in words.text
    assert ("number 17" in words.text, ALERT[:8] in words.text, ALERT in words.text) == (True, True, False)
    assert data["type"] == "alerts.owed"
    (entry,) = data["data"]["owed"]
    assert (entry["kind"], entry["number"], entry["reference"]) == (kind, 17, ALERT)


# Who is chased when.


def notice(number: int, opened_at: Instant = NOON, **changes: Any) -> Notice:
    fields = {
        "audience": "desk", "seq": number, "alert_id": ALERT, "version": 2, "change": "withdrawn", "why": "restated",
        "incident_id": "i", "action": "erase", "told_at": opened_at, "opened_at": opened_at,
    }  # fmt: skip
    return Notice(**(fields | changes))


class Copy:
    """The pages' copy, as a test states it."""

    def __init__(self, *notices: Notice) -> None:
        self.stated = list(notices)
        self.opened: list[Use] = []
        self.current = True

    def notices(self) -> list[Notice]:
        return self.stated

    def uses(self) -> list[Use]:
        return self.opened

    def is_current(self, now: Instant, within: Instant) -> bool:
        del now, within
        return self.current


def owing(copy: Copy, box: Outbox) -> Owing:
    return Owing(copy, box, OVERSIGHT, DeliveryMetrics())  # type: ignore[arg-type]


def kinds(messages: list[Message]) -> list[tuple[str, list[int]]]:
    return [(one.owed[0].kind, numbers(one)) for one in messages]


def test_an_unanswered_notice_is_reminded_of_once_and_then_the_office_hears_once(engine: Engine, box: Outbox):
    copy = Copy(notice(1))
    days: list[tuple[int, str]] = []
    for day in range(30):
        now = NOON + day * DAY_LENGTH
        # Anew each day, as after a restart: what was told is in the outbox alone.
        owing(copy, outbox(engine)).look(now)
        days += [(day, kind) for kind, _ in kinds(sent(box, now))]

    assert days == [
        (PATIENCE.remind_after // DAY_LENGTH, "reminder"),
        (PATIENCE.escalate_after // DAY_LENGTH, "escalation"),
    ]


def test_an_answer_ends_it(box: Outbox):
    copy = Copy(notice(1), notice(2))
    owing(copy, box).look(NOON + PATIENCE.remind_after)
    assert kinds(sent(box)) == [("reminder", [1, 2])]
    copy.stated = [notice(1, acknowledged_by="desk-7", acknowledged_at=NOON), notice(2)]
    owing(copy, box).look(NOON + PATIENCE.escalate_after)

    assert kinds(sent(box)) == [("escalation", [2])]


def test_an_audience_with_less_patience_is_reminded_sooner(engine: Engine):
    hasty = OVERSIGHT.chasing.patience_with("childrens-services")
    subscribe(engine, subscription(audience="childrens-services"))
    box = outbox(engine)
    copy = Copy(notice(1, audience="childrens-services"), notice(2))
    owing(copy, box).look(NOON + hasty.remind_after)

    assert hasty.remind_after < PATIENCE.remind_after
    assert kinds(sent(box)) == [("reminder", [1])]


def test_nobody_is_asked_by_a_copy_that_may_lack_the_answer(box: Outbox):
    copy = Copy(notice(1))
    copy.current = False
    owing(copy, box).look(NOON + PATIENCE.remind_after)

    assert sent(box) == []


@pytest.mark.parametrize(("age", "may_purge"), [(30 * SECOND, True), (30 * SECOND + 1, False), (5 * MINUTE, False)])
def test_nothing_is_purged_by_a_copy_that_may_lack_a_hold_of_a_minute_ago(
    tmp_path: Path, box: Outbox, age: int, *, may_purge: bool
):
    copy = open_copy(url_of_file(tmp_path / "copy.sqlite"))
    migrate(copy)
    with copy.begin() as connection:
        note_ends(connection, {}, NOON)

    held = Owing(OfCopy(copy), box, OVERSIGHT, DeliveryMetrics()).held_alerts(NOON + age)
    copy.dispose()
    assert held == (frozenset() if may_purge else None)


def test_a_feed_that_was_made_anew_has_notices_of_its_own(box: Outbox):
    copy = Copy(notice(1))
    owing(copy, box).look(NOON + PATIENCE.remind_after)
    copy.stated = [notice(1, opened_at=NOON + HOUR)]
    owing(copy, box).look(NOON + HOUR + PATIENCE.remind_after)

    assert [kind for kind, _ in kinds(sent(box))] == ["reminder", "reminder"]


def test_the_office_hears_at_once_of_what_was_opened_in_an_emergency_and_again_when_nobody_reviews_it(box: Outbox):
    copy = Copy()
    copy.current = False
    look = owing(copy, box)
    look.look(NOON)
    copy.opened = [
        Use(seq=17, at=NOON, actor="sergeant-4", audience="duty-officer", alert_id=ALERT, reason="x", until=NOON + HOUR)
    ]
    # Within the minute in which nobody is chased, by a copy that lacks something.
    look.look(NOON + 1_000)
    assert EVERY > 1_000
    first = sent(box, NOON + 1_000)
    look.look(NOON + OVERSIGHT.break_glass.review_within)
    later = sent(box, NOON + OVERSIGHT.break_glass.review_within)

    assert kinds(first) == [("break-glass", [17])]
    assert kinds(later) == [("review", [17])]
    assert "sergeant-4" not in in_words(first[0], LINK).text


def test_a_copy_that_cannot_be_read_keeps_nobody_from_being_told_of_alerts(box: Outbox):
    broken = open_database("sqlite://")

    class Gone(Copy):
        def uses(self) -> list[Use]:
            with broken.connect() as db:
                db.exec_driver_sql("SELECT * FROM nothing")
            return []

    assert owing(Gone(), box).look(NOON) == 0
    broken.dispose()
