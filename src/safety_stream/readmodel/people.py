"""What people did with the pages: which alerts they looked at and why, what else they did, and what they keep.

The one part of the database that is no copy: it is written here, by the pages alone, and reading the topics again does
not bring it back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec
from sqlalchemy import Engine, Select, delete, func, insert, select

from safety_stream.core.model.times import Instant
from safety_stream.readmodel.tables import CONSULTATIONS, DEEDS, ENDED_SESSIONS, SAVED_CHOICES

Act = Literal["reason", "view", "break-glass"]
"""Somebody gave a reason, or an alert was shown for it, or it was opened in an emergency."""

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


class Consultations:
    """Who looked at which alert and why. Rows come and never change: the database refuses anything else."""

    def __init__(self, engine: Engine) -> None:
        """Write and read the table of this database."""
        self._engine = engine

    def note(self, consultation: Consultation) -> None:
        """Record one; it is there when this returns."""
        with self._engine.begin() as connection:
            connection.execute(insert(CONSULTATIONS).values(msgspec.structs.asdict(consultation)))

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
        return [
            Recorded(row["number"], Consultation(**{name: row[name] for name in Consultation.__struct_fields__}))
            for row in rows
        ]


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
    """What people did. Rows come and never change: the database refuses anything else."""

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
