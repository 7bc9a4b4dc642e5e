"""What people did with the pages is kept, and of who looked at what nothing can be changed: by the database itself."""

import msgspec
import pytest
from sqlalchemy import Engine, delete, insert, text, update
from sqlalchemy.exc import DBAPIError
from tests.readmodel.making import NOON

from safety_stream.readmodel.database import migrate
from safety_stream.readmodel.people import (
    CHOICES_MOST,
    Consultation,
    Consultations,
    Deed,
    Deeds,
    EndedSessions,
    SavedChoices,
    TooMany,
)
from safety_stream.readmodel.tables import CONSULTATIONS, DEEDS


def look(**changes: object) -> Consultation:
    fields = {
        "at": NOON,
        "act": "view",
        "person": "1234",
        "role": "duty-officer",
        "audience": "desk",
        "alert_id": "a",
        "seq": 7,
        "reason": "on-shift",
        "session": "s",
    }
    return Consultation(**(fields | changes))  # type: ignore[arg-type]


def test_looks_are_told_the_newest_first_and_of_whom_or_what_is_asked(engine: Engine):
    looks = [look(), look(person="5678"), look(alert_id="b"), look(at=NOON - 1)]
    kept = Consultations(engine)
    for one in looks:
        kept.note(one)
    numbers = [one.number for one in kept.newest(10)]

    assert [one.consultation for one in kept.newest(10)] == looks[::-1]
    assert numbers == sorted(numbers, reverse=True)
    assert [one.number for one in kept.newest(2)] == numbers[:2]
    assert [one.number for one in kept.newest(10, before=numbers[1])] == numbers[2:]
    assert [one.consultation for one in kept.newest(10, person="5678")] == looks[1:2]
    assert [one.consultation for one in kept.newest(10, alert_id="b", person="1234")] == looks[2:3]


def test_the_reason_that_holds_is_the_one_last_given_in_this_session_for_this_alert(engine: Engine):
    kept = Consultations(engine)
    kept.note(look(act="reason", reason="linked"))
    kept.note(look(act="reason", reason="meeting", at=NOON + 1))
    kept.note(look(act="view", reason="linked", at=NOON + 2))

    assert kept.given("s", "a") == look(act="reason", reason="meeting", at=NOON + 1)
    assert kept.given("s", "b") is None
    assert kept.given("another", "a") is None


@pytest.mark.parametrize(
    "change",
    [
        update(CONSULTATIONS).values(person="nobody"),
        delete(CONSULTATIONS),
        delete(CONSULTATIONS).where(CONSULTATIONS.c.number == 1),
        text("TRUNCATE consultations"),
        text(
            "INSERT OR REPLACE INTO consultations SELECT number, 0, act, '', '', '', '', 0, '', '' FROM consultations"
        ),
    ],
    ids=["changed", "all deleted", "one deleted", "emptied", "replaced"],
)
def test_the_database_refuses_to_change_what_was_recorded(engine: Engine, change: object):
    kept = Consultations(engine)
    kept.note(look())
    with pytest.raises(DBAPIError), engine.begin() as connection:
        connection.execute(change)  # type: ignore[call-overload]

    assert [one.consultation for one in kept.newest(10)] == [look()]


def test_a_number_is_never_given_twice(engine: Engine):
    kept = Consultations(engine)
    for _ in range(3):
        kept.note(look())
    first = kept.newest(1)[0].number
    # An insertion that fails leaves at most a gap.
    with pytest.raises(DBAPIError), engine.begin() as connection:
        connection.execute(insert(CONSULTATIONS).values(msgspec.structs.asdict(look()) | {"person": None}))
    kept.note(look())

    assert kept.newest(1)[0].number > first


def test_migrating_again_keeps_them(engine: Engine):
    Consultations(engine).note(look())
    migrate(engine)

    assert len(Consultations(engine).newest(10)) == 1


def test_choices_are_kept_under_a_name_for_one_person(engine: Engine):
    kept = SavedChoices(engine)
    kept.save("1234", "West", "?area=D-WEST")
    kept.save("1234", "Children", "?family=safeguarding")
    kept.save("1234", "West", "?area=D-WEST&priority=P1")
    kept.save("5678", "West", "?area=L-12")

    assert kept.of("1234") == [("Children", "?family=safeguarding"), ("West", "?area=D-WEST&priority=P1")]
    kept.forget("1234", "West")
    kept.forget("1234", "none of that name")
    assert kept.of("1234") == [("Children", "?family=safeguarding")]
    assert kept.of("5678") == [("West", "?area=L-12")]


def test_there_is_an_end_of_what_one_person_keeps(engine: Engine):
    kept = SavedChoices(engine)
    for number in range(CHOICES_MOST):
        kept.save("1234", f"{number:02}", "")

    with pytest.raises(TooMany):
        kept.save("1234", "one more", "")
    kept.save("1234", "00", "?priority=P1")
    assert len(kept.of("1234")) == CHOICES_MOST
    assert kept.of("1234")[0] == ("00", "?priority=P1")


def deed(**changes: object) -> Deed:
    fields = {"at": NOON, "person": "1234", "role": "analyst", "what": "redrive", "of": "letter-1", "outcome": "asked"}
    return Deed(**(fields | changes))  # type: ignore[arg-type]


def test_deeds_are_told_the_newest_first_and_by_what_was_done(engine: Engine):
    kept = Deeds(engine)
    kept.note()
    kept.note(deed(), deed(of="letter-2"))
    kept.note(deed(outcome="done"), deed(of="letter-2", outcome="failed", said="Kafka says no."))
    kept.note(deed(what="decide", of="letter-2", outcome="done"))

    assert [(one.what, one.of, one.outcome) for one in kept.newest(3)] == [
        ("decide", "letter-2", "done"),
        ("redrive", "letter-2", "failed"),
        ("redrive", "letter-1", "done"),
    ]
    assert kept.done("redrive", ["letter-1", "letter-2", "letter-3"]) == {"letter-1"}
    assert kept.done("redrive", []) == frozenset()


@pytest.mark.parametrize(
    "change",
    [
        update(DEEDS).values(person="nobody"),
        delete(DEEDS),
        text("TRUNCATE deeds"),
        text("INSERT OR REPLACE INTO deeds SELECT number, 0, '', '', what, of, outcome, '' FROM deeds"),
    ],
    ids=["changed", "deleted", "emptied", "replaced"],
)
def test_the_database_refuses_to_change_a_deed(engine: Engine, change: object):
    kept = Deeds(engine)
    kept.note(deed())
    with pytest.raises(DBAPIError), engine.begin() as connection:
        connection.execute(change)  # type: ignore[call-overload]

    assert kept.newest(10) == [deed()]


def test_a_session_that_was_ended_is_known_until_a_copy_is_good_no_more(engine: Engine):
    kept = EndedSessions(engine)
    kept.end("a", NOON + 10, NOON)
    kept.end("a", NOON + 10, NOON)
    assert (kept.has("a"), kept.has("b")) == (True, False)

    kept.end("b", NOON + 20, NOON + 10)
    assert (kept.has("a"), kept.has("b")) == (True, True)
    kept.end("c", NOON + 30, NOON + 11)
    assert (kept.has("a"), kept.has("b"), kept.has("c")) == (False, True, True)
