"""The pages' database loses what is older than its class allows, a slice at a time, and nothing that is held."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, func, insert, select, text
from sqlalchemy.exc import DBAPIError
from tests.readmodel.making import alert, another, handling, letter, told, value
from tests.readmodel.test_owed import placed, record, resting_on
from tests.readmodel.test_people import deed, look

from safety_stream.core.audit import Checkpoint
from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.model.times import Duration
from safety_stream.core.retention import Class, Retention
from safety_stream.readmodel.people import CHAIN, Consultations, Deeds
from safety_stream.readmodel.purging import Purger
from safety_stream.readmodel.reading import ReadModel
from safety_stream.readmodel.tables import (
    ALERT_AREAS,
    ALERT_VERSIONS,
    ALERTS,
    CONSULTATIONS,
    DEAD_LETTERS,
    DEEDS,
    ENTRIES,
    INDICATOR_REVISIONS,
    PURGED,
)

KEEP = 100
TABLES = ("alerts", "aggregates", "refused", "consultations", "deeds", "entries", "deliveries")
RETENTION = Retention(
    classes={"short": Class(id="short", keep=Duration(millis=KEEP))}, tables=dict.fromkeys(TABLES, "short")
)
NOW = 1_000
BEFORE = NOW - KEEP


def purged(engine: Engine, at_once: int = 2, now: int = NOW) -> None:
    """As the process does it, again and again: killed after a few rounds, begun anew, and then left to it."""
    for rounds in (1, 3, 10):
        purger = Purger(engine, RETENTION, at_once)
        for _ in range(rounds):
            purger.purge(now)


def left(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return set(connection.execute(select(ALERTS.c.alert_id)).scalars())


def ended(seq: int, name: str, as_of: int, **fields: object) -> PublishedAlert:
    return alert(seq, name, as_of=as_of, handling=handling("closed"), area="E07000117", **fields)


ALERT = st.fixed_dictionaries(
    {
        "as_of": st.integers(BEFORE - 5, BEFORE + 5),
        "is_open": st.booleans(),
        "report": st.sampled_from(["r-1", "r-2", None]),
        "later": st.none() | st.integers(BEFORE - 5, BEFORE + 5),
    }
)
HELD = st.lists(
    st.tuples(
        st.sampled_from(["hold", "release"]),
        st.sampled_from(["alert 0", "alert 3", "report r-1", "report r-2"]),
        st.none() | st.sampled_from([NOW - 1, NOW + 1]),
    ),
    max_size=5,
)


@settings(max_examples=60)
@given(alerts=st.lists(ALERT, max_size=8), holds=HELD, at_once=st.integers(1, 3))
def test_what_goes_is_what_is_old_settled_and_not_held_whatever_the_slices(
    empty_copy: Path, alerts: list[dict[str, object]], holds: list[tuple[str, str, int | None]], at_once: int
):
    with another(empty_copy) as engine:
        happened = []
        for number, one in enumerate(alerts):
            fields = {} if one["report"] is None else {"findings": (resting_on(str(one["report"])),)}
            state = "new" if one["is_open"] else "closed"
            happened.append(
                alert(0, f"{number}", as_of=int(str(one["as_of"])), handling=handling(state), **fields)
            )  # fmt: skip
            if one["later"] is not None:
                # A later word of it, in which no report is named any more.
                happened.append(alert(0, f"{number}", 2, "updated", as_of=one["later"], handling=handling(state)))
        numbered = [msgspec.structs.replace(one, seq=seq) for seq, one in enumerate(happened, 1)]
        told(engine, placed([("alerts.desk", one) for one in numbered]))
        entries = []
        for seq, (what, thing, until) in enumerate(holds, 1):
            kind, _, name = thing.partition(" ")
            of = {"alert_id": name} if kind == "alert" else {"incident_id": name}
            entries.append(record(seq, reason=f"{what}: court-order", until=until, **of))
        told(engine, placed([("audit.entries", one) for one in entries]))
        purged(engine, at_once=at_once)

        expected = {
            f"{number}"
            for number, one in enumerate(alerts)
            if one["is_open"]
            or (one["as_of"] if one["later"] is None else one["later"]) >= BEFORE  # type: ignore[operator]
            or is_held(f"alert {number}", holds)
            or is_held(f"report {one['report']}", holds)
        }
        assert left(engine) == expected
        with engine.connect() as connection:
            assert set(connection.execute(select(ALERT_VERSIONS.c.alert_id)).scalars()) == expected
            assert set(connection.execute(select(ALERT_AREAS.c.alert_id)).scalars()) <= expected


def is_held(thing: str, holds: list[tuple[str, str, int | None]]) -> bool:
    kept = False
    for what, of, until in holds:
        if of == thing:
            kept = (kept or until is None or until > NOW) if what == "hold" else False
    return kept


def rows(engine: Engine, table: object) -> int:
    with engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


def test_each_part_goes_by_its_own_time_and_the_numbers_that_stand_stay(engine: Engine):
    told(
        engine,
        placed(
            [
                ("alerts.desk", ended(1, "old", BEFORE - 1)),
                ("alerts.desk", ended(2, "new", BEFORE)),
                ("indicators.internal", value(1, 7, as_of=BEFORE - 1)),
                ("indicators.internal", value(2, 14, as_of=BEFORE)),
                ("dead-letters.intake", letter("empty", BEFORE - 1)),
                ("dead-letters.intake", letter("empty", BEFORE)),
                ("audit.entries", record(1, reason="acknowledged", as_of=BEFORE - 1, audience="desk", alert_id="a")),
                ("audit.entries", record(2, reason="hold: court-order", as_of=BEFORE - 1, alert_id="x")),
            ]
        ),
    )
    Deeds(engine).note(deed(at=BEFORE - 1), deed(at=BEFORE))
    purged(engine)

    assert left(engine) == {"new"}
    assert [rows(engine, one) for one in (INDICATOR_REVISIONS, DEAD_LETTERS, ENTRIES, DEEDS)] == [1, 1, 1, 1]
    assert len(ReadModel(engine).series("internal", "burglary", "E07000117", "week")) == 2


def test_an_alert_that_is_held_for_a_person_stays_until_it_is_released(engine: Engine):
    told(engine, placed([("alerts.desk", ended(1, "old", BEFORE - 1, findings=(resting_on("r-1"),)))]))
    from safety_stream.core.audit import subject_of

    held = record(1, reason="hold: court-order", subject=subject_of("tok-a"))
    told(engine, placed([("audit.entries", held)]))
    purged(engine)
    assert left(engine) == {"old"}
    released = record(2, reason="release: court-order", subject=subject_of("tok-a"))
    told(engine, placed([("audit.entries", held), ("audit.entries", released)]))
    purged(engine)

    assert left(engine) == set()


# The chain of looks.


def test_looks_are_a_chain_and_purging_takes_its_beginning_alone(engine: Engine):
    kept = Consultations(engine)
    for at in (BEFORE - 3, BEFORE - 2, BEFORE, BEFORE - 1):
        kept.note(look(at=at))
    before = kept.verified()
    checkpoint = Checkpoint(NOW, (before.mark,))
    purged(engine)
    kept.note(look(at=NOW))
    after = kept.verified([checkpoint])

    assert (before.faults, before.last) == ((), 4)
    # The fourth is old, too, but behind one that is not.
    assert [one.consultation.at for one in kept.newest(10)] == [NOW, BEFORE - 1, BEFORE]
    assert (after.faults, after.first, after.last) == ((), 3, 5)


def test_a_chain_that_was_purged_to_its_end_goes_on(engine: Engine):
    kept = Consultations(engine)
    kept.note(look(at=BEFORE - 1))
    purged(engine)
    kept.note(look(at=NOW))

    assert (kept.verified().faults, kept.verified().last) == ((), 2)


def test_from_the_first_look_at_a_held_alert_on_all_looks_stay(engine: Engine):
    told(engine, placed([("audit.entries", record(1, reason="hold: court-order", alert_id="held"))]))
    kept = Consultations(engine)
    for alert_id in ("a", "held", "a"):
        kept.note(look(at=BEFORE - 1, alert_id=alert_id))
    purged(engine)

    assert [one.consultation.alert_id for one in kept.newest(10)] == ["a", "held"]


def test_nobody_deletes_what_was_not_purged(engine: Engine):
    kept = Consultations(engine)
    for at in (BEFORE - 1, NOW):
        kept.note(look(at=at))
    purged(engine)
    for table in (CONSULTATIONS, DEEDS):
        Deeds(engine).note(deed(at=NOW))
        with pytest.raises(DBAPIError), engine.begin() as connection:
            connection.execute(delete(table))

    assert len(kept.newest(10)) == 1


TAMPERING = {
    "edited": "UPDATE consultations SET person = 'nobody' WHERE place = 2",
    "role": "UPDATE consultations SET role = 'operator' WHERE place = 2",
    "session": "UPDATE consultations SET session = 'another' WHERE place = 2",
    "dropped": "DELETE FROM consultations WHERE place = 2",
}


@pytest.mark.parametrize("how", TAMPERING)
def test_whoever_may_change_the_database_itself_is_found_by_the_chain(engine: Engine, how: str):
    kept = Consultations(engine)
    for at in (1, 2, 3):
        kept.note(look(at=at))
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE consultations DISABLE TRIGGER ALL"))
        else:
            for trigger in ("no_update", "no_delete"):
                connection.execute(text(f"DROP TRIGGER consultations_{trigger}"))
        connection.execute(text(TAMPERING[how]))

    (fault, *_) = kept.verified().faults
    assert (fault.chain, fault.seq, fault.kind) == (str(CHAIN), 2, "dropped" if how == "dropped" else "edited")


def test_an_end_that_was_cut_off_and_a_beginning_said_to_be_purged_show_by_a_checkpoint_and_by_the_hash(engine: Engine):
    kept = Consultations(engine)
    for at in (1, 2, 3):
        kept.note(look(at=at))
    checkpoint = Checkpoint(NOW, (kept.verified().mark,))
    with engine.begin() as connection:
        connection.execute(insert(PURGED).values(what="consultations", number=10, place=2, hash="0" * 64))
        connection.execute(delete(CONSULTATIONS).where(CONSULTATIONS.c.place != 3))
    assert {one.kind for one in kept.verified().faults} == {"edited"}
    with engine.begin() as connection:
        connection.execute(delete(CONSULTATIONS))

    assert {one.kind for one in kept.verified([checkpoint]).faults} == {"truncated"}
