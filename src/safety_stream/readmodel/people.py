"""What people did with the pages: which alerts they looked at and why, what else they did, and what they keep.

The one part of the database that is no copy: it is written here, by the pages alone, and reading the topics again does
not bring it back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import takewhile
from typing import Final, Literal, NamedTuple

import msgspec
from sqlalchemy import Connection, Engine, Select, Table, delete, func, insert, select, update
from sqlalchemy.engine import RowMapping

from safety_stream.core.audit import FIRST_HASH, Chain, Checkpoint, Mark, Verified, chained, verified
from safety_stream.core.model.published import AuditRecord
from safety_stream.core.model.times import Instant
from safety_stream.database import beginning, wait_for_others
from safety_stream.readmodel.tables import CONSULTATIONS, DEEDS, ENDED_SESSIONS, PURGED, SAVED_CHOICES

Act = Literal["reason", "view", "break-glass", "refused"]
"""Somebody gave a reason, or an alert was shown for it, or it was opened in an emergency, or would not be opened."""

What = Literal["subscribe", "change", "unsubscribe", "redrive", "decide", "hand-over", "take-over"]
"""What somebody does by the pages beside acting on alerts, which the backbone itself records."""

Stage = Literal["asked", "done", "failed"]
"""A deed is recorded before it is done, so that nothing is done that is on no record, and again when it has ended."""

CHOICES_MOST: Final = 20
"""Choices of the inbox one person keeps; ours."""


class Consultation(msgspec.Struct, frozen=True, kw_only=True):
    """One look at an alert, or the reason given for looks: who, as which role, when, why. `seq`: what it said then."""

    at: Instant
    act: Act
    person: str
    role: str
    audience: str
    alert_id: str
    seq: int
    reason: str
    session: str


class Recorded(msgspec.Struct, frozen=True):
    """A consultation and its number; the next one has a greater."""

    number: int
    consultation: Consultation


CHAIN: Final = Chain("pages.consultations", 0)
"""What the chain of looks is called where chains are named; no topic has this name."""

_CHAIN_LOCK: Final = 5_702_889
"""A number of our own among PostgreSQL's advisory locks: whoever adds to the chain takes it first."""


def link_of(consultation: Consultation, place: int, previous_hash: str) -> AuditRecord:
    """A look as a link of a chain like those of the audit: all it says is in its hash, so no change goes unseen."""
    one = consultation
    record = AuditRecord(
        seq=place,
        previous_hash=previous_hash,
        hash="",
        verb="consultation",
        audience=one.audience,
        topic="",
        from_seq=one.seq,
        to_seq=one.seq,
        alert_id=one.alert_id,
        fields=(one.act, one.role, one.session),
        as_of=one.at,
        actor=one.person,
        reason=one.reason,
    )
    return msgspec.structs.replace(record, hash=chained(record))


class Consultations:
    """Who looked at which alert and why. Rows come and never change, and go only when they are purged.

    They are a chain of their own (`core/audit.py`) in this database and not in Kafka: pages show alerts while Kafka is
    away, and what shows them has to be what records it. The database refuses to change a row; whoever may change the
    database itself is found by the chain, and whoever makes all of it anew by a checkpoint that others hold.
    """

    def __init__(self, engine: Engine) -> None:
        """Write and read the table of this database."""
        self._engine = engine
        self._adding = beginning(engine, "BEGIN IMMEDIATE")

    def note(self, consultation: Consultation) -> None:
        """Record one; it is there when this returns."""
        with self._adding.begin() as connection:
            wait_for_others(connection, _CHAIN_LOCK)
            end = _end_of(connection)
            link = link_of(consultation, end.place + 1, end.hash)
            connection.execute(
                insert(CONSULTATIONS).values(
                    msgspec.structs.asdict(consultation)
                    | {"place": link.seq, "previous_hash": link.previous_hash, "hash": link.hash}
                )
            )

    def verified(self, checkpoints: Sequence[Checkpoint] = ()) -> Verified:
        """What is wrong with the chain of looks: what was changed, removed, added or moved, and what checkpoints miss.

        What was purged is taken on trust up to where it ended.
        """
        of = CONSULTATIONS.c
        with self._engine.connect() as connection:
            begins = _purged(connection, CONSULTATIONS.name)
            rows = connection.execute(select(CONSULTATIONS).order_by(of.number)).mappings().all()
        records = [
            msgspec.structs.replace(
                link_of(_look(row), row["place"] or 0, row["previous_hash"] or ""), hash=row["hash"] or ""
            )
            for row in rows
        ]
        return verified(CHAIN, records, checkpoints, follows=Mark(*CHAIN, begins.place, begins.hash))

    def purge(self, before: Instant, limit: int, held: Callable[[], Collection[str]]) -> int:
        """Take away the oldest looks that are older; how many. A chain loses its beginning and nothing else.

        So from the first look at a held alert on, or at a time that is not over, everything stays. Which alerts are
        `held` is asked only where there is something to take away.
        """
        of = CONSULTATIONS.c
        with self._adding.begin() as connection:
            wait_for_others(connection, _CHAIN_LOCK)
            rows = connection.execute(
                select(of.number, of.place, of.hash, of.at, of.alert_id).order_by(of.number).limit(limit)
            ).all()
            old = list(takewhile(lambda row: row.at < before, rows))
            if old:
                kept = held()
                old = list(takewhile(lambda row: row.alert_id not in kept, old))
            if old:
                _purge_to(connection, CONSULTATIONS, _End(old[-1].number, old[-1].place, old[-1].hash))
        return len(old)

    def given(self, session: str, alert_id: str, act: Act = "reason") -> Consultation | None:
        """The reason this session last gave to look at an alert, or to open it; None where it gave none."""
        of = CONSULTATIONS.c
        found = self._recorded(
            select(CONSULTATIONS)
            .where(of.session == session, of.alert_id == alert_id, of.act == act)
            .order_by(of.number.desc())
            .limit(1)
        )
        return found[0].consultation if found else None

    def newest(self, limit: int, *, before: int | None = None, person: str = "", alert_id: str = "") -> list[Recorded]:
        """The newest first, `before` a number; of one person or one alert where that is asked for."""
        of = CONSULTATIONS.c
        chosen = select(CONSULTATIONS).order_by(of.number.desc()).limit(limit)
        if before is not None:
            chosen = chosen.where(of.number < before)
        if person:
            chosen = chosen.where(of.person == person)
        if alert_id:
            chosen = chosen.where(of.alert_id == alert_id)
        return self._recorded(chosen)

    def _recorded(self, chosen: Select[tuple[object, ...]]) -> list[Recorded]:
        with self._engine.connect() as connection:
            rows = connection.execute(chosen).mappings().all()
        return [Recorded(row["number"], _look(row)) for row in rows]


class _End(NamedTuple):
    """A row of what nobody may delete: its number, and of a chain its place and hash."""

    number: int
    place: int
    hash: str


def _look(row: RowMapping) -> Consultation:
    return Consultation(**{name: row[name] for name in Consultation.__struct_fields__})


def _end_of(connection: Connection) -> _End:
    """The last link of the chain of looks, also where it was purged."""
    of = CONSULTATIONS.c
    last = connection.execute(select(of.number, of.place, of.hash).order_by(of.place.desc()).limit(1)).first()
    return _purged(connection, CONSULTATIONS.name) if last is None else _End(*last)


def _purged(connection: Connection, what: str) -> _End:
    of = PURGED.c
    found = connection.execute(select(of.number, of.place, of.hash).where(of.what == what)).first()
    return _End(0, 0, FIRST_HASH) if found is None else _End(*found)


def _purge_to(connection: Connection, table: Table, end: _End) -> None:
    """Delete a table's rows up to one. The database lets go only of what is said to have been purged."""
    moved = connection.execute(
        update(PURGED)
        .where(PURGED.c.what == table.name)
        .values(number=end.number, place=end.place, hash=end.hash)
    )  # fmt: skip
    if moved.rowcount == 0:
        connection.execute(insert(PURGED).values(what=table.name, number=end.number, place=end.place, hash=end.hash))
    connection.execute(delete(table).where(table.c.number <= end.number))


class TooMany(Exception):
    """Somebody keeps as many choices as anybody may."""


class SavedChoices:
    """The choices of the inbox people keep, each under a name of their own."""

    def __init__(self, engine: Engine) -> None:
        """Write and read the table of this database."""
        self._engine = engine

    def of(self, person: str) -> list[tuple[str, str]]:
        """A person's choices by name: the name, and the end of the inbox's address."""
        of = SAVED_CHOICES.c
        with self._engine.connect() as connection:
            rows = connection.execute(select(of.name, of.query).where(of.person == person).order_by(of.name))
            return [(name, query) for name, query in rows]

    def save(self, person: str, name: str, query: str) -> None:
        """Keep a choice, in place of one of the same name. Raises `TooMany`."""
        of = SAVED_CHOICES.c
        with self._engine.begin() as connection:
            connection.execute(delete(SAVED_CHOICES).where(of.person == person, of.name == name))
            kept = connection.execute(select(func.count()).where(of.person == person)).scalar_one()
            if kept >= CHOICES_MOST:
                raise TooMany
            connection.execute(insert(SAVED_CHOICES).values(person=person, name=name, query=query))

    def forget(self, person: str, name: str) -> None:
        """Keep it no more; nothing where there is none."""
        of = SAVED_CHOICES.c
        with self._engine.begin() as connection:
            connection.execute(delete(SAVED_CHOICES).where(of.person == person, of.name == name))


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """Something done to a subscription, dead letter, possible match or sheet: who, when, to which, what came of it."""

    at: Instant
    person: str
    role: str
    what: What
    of: str
    outcome: Stage
    said: str = ""


class Deeds:
    """What people did. Rows come and never change, and go only when they are purged."""

    def __init__(self, engine: Engine) -> None:
        """Write and read the table of this database."""
        self._engine = engine

    def note(self, *deeds: Deed) -> None:
        """Record some; they are there when this returns."""
        if deeds:
            with self._engine.begin() as connection:
                connection.execute(insert(DEEDS), [msgspec.structs.asdict(deed) for deed in deeds])

    def newest(self, limit: int) -> list[Deed]:
        """The newest first."""
        of = DEEDS.c
        with self._engine.connect() as connection:
            rows = connection.execute(select(DEEDS).order_by(of.number.desc()).limit(limit)).mappings().all()
        return [Deed(**{name: row[name] for name in Deed.__struct_fields__}) for row in rows]

    def purge(self, before: Instant, limit: int) -> int:
        """Take away the oldest deeds that are older, up to the first that is not; how many."""
        of = DEEDS.c
        with beginning(self._engine, "BEGIN IMMEDIATE").begin() as connection:
            rows = connection.execute(select(of.number, of.at).order_by(of.number).limit(limit)).all()
            old = list(takewhile(lambda row: row.at < before, rows))
            if old:
                _purge_to(connection, DEEDS, _End(old[-1].number, 0, FIRST_HASH))
        return len(old)

    def done(self, what: What, of: Sequence[str]) -> frozenset[str]:
        """To which of these it has been done."""
        columns = DEEDS.c
        chosen = select(columns.of).where(columns.what == what, columns.of.in_(list(of)), columns.outcome == "done")
        with self._engine.connect() as connection:
            return frozenset(connection.execute(chosen).scalars())

    def done_since(self, what: Sequence[What], begins: str, since: Instant) -> list[Deed]:
        """What has been done since to what begins so, the oldest first."""
        of = DEEDS.c
        chosen = (
            select(DEEDS)
            .where(of.what.in_(what), of.of.startswith(begins, autoescape=True), of.outcome == "done", of.at >= since)
            .order_by(of.number)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(chosen).mappings().all()
        return [Deed(**{name: row[name] for name in Deed.__struct_fields__}) for row in rows]


class EndedSessions:
    """Sessions that were ended before their time: no copy of a cookie opens one again."""

    def __init__(self, engine: Engine) -> None:
        """Write and read the table of this database."""
        self._engine = engine

    def end(self, session: str, until: Instant, now: Instant) -> None:
        """End one that would have lasted at most until then. It is ended when this returns."""
        of = ENDED_SESSIONS.c
        with self._engine.begin() as connection:
            connection.execute(delete(ENDED_SESSIONS).where(of.until < now))
            connection.execute(delete(ENDED_SESSIONS).where(of.session == session))
            connection.execute(insert(ENDED_SESSIONS).values(session=session, until=until))

    def has(self, session: str) -> bool:
        """Whether it was ended."""
        of = ENDED_SESSIONS.c
        with self._engine.connect() as connection:
            return connection.execute(select(of.session).where(of.session == session)).first() is not None
