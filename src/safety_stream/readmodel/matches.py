"""Pairs of tokens that may be one person, and what rests on each: for a steward to decide.

A copy that is made whole each time, by whoever reads the decisions and the reports (`links weigh`). It holds no token
but those of pairs that are to be decided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import Engine, delete, func, insert, select, update

from safety_stream.core.model.links import PersonLink
from safety_stream.core.model.times import Instant
from safety_stream.readmodel.rows import body_of, value_of
from safety_stream.readmodel.tables import POSSIBLE_MATCHES, WEIGHED

_ASKED_AT_ONCE = 1_000


class Match(msgspec.Struct, frozen=True):
    """A pair that may be one person, by a standing decision; how many reports name each token, by their source."""

    link: PersonLink
    first_named: dict[str, int]
    second_named: dict[str, int]

    @property
    def reports(self) -> int:
        """How many reports rest on it, of both."""
        return sum(self.first_named.values()) + sum(self.second_named.values())


def match_of(link: PersonLink, named: Mapping[str, Mapping[str, int]]) -> Match:
    """A pair, with what is known of both tokens."""
    first, second = (dict(named.get(token, {})) for token in (link.first, link.second))
    return Match(link, first, second)


class Matches:
    """The pairs there are to decide."""

    def __init__(self, engine: Engine) -> None:
        """Write and read the tables of this database."""
        self._engine = engine

    def replace(self, matches: Sequence[Match], at: Instant) -> None:
        """Put these in place of all there are: they were read at this time."""
        rows = [
            {"first": one.link.first, "second": one.link.second, "reports": one.reports, "body": body_of(one)}
            for one in matches
        ]
        with self._engine.begin() as connection:
            # First, so that of two at once one waits for the other.
            if connection.execute(update(WEIGHED).values(at=at)).rowcount == 0:
                connection.execute(insert(WEIGHED).values(id=1, at=at))
            connection.execute(delete(POSSIBLE_MATCHES))
            for start in range(0, len(rows), _ASKED_AT_ONCE):
                connection.execute(insert(POSSIBLE_MATCHES), rows[start : start + _ASKED_AT_ONCE])

    def weighed_at(self) -> Instant | None:
        """When they were last read; None for never."""
        with self._engine.connect() as connection:
            return connection.execute(select(WEIGHED.c.at)).scalar_one_or_none()

    def count(self) -> int:
        """How many there are."""
        with self._engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(POSSIBLE_MATCHES)).scalar_one()

    def weightiest(self, limit: int) -> list[Match]:
        """Those on which most reports rest first."""
        of = POSSIBLE_MATCHES.c
        chosen = select(of.body).order_by(of.reports.desc(), of.first, of.second).limit(limit)
        with self._engine.connect() as connection:
            return [value_of(body, Match) for body in connection.execute(chosen).scalars()]

    def one(self, first: str, second: str) -> Match | None:
        """The pair of these tokens; None where there is none to decide."""
        of = POSSIBLE_MATCHES.c
        with self._engine.connect() as connection:
            body = connection.execute(
                select(of.body).where(of.first == first, of.second == second)
            ).scalar_one_or_none()
        return None if body is None else value_of(body, Match)

    def decided(self, link: PersonLink) -> None:
        """Leave out a pair about which somebody has decided meanwhile; one left undecided says by whom."""
        of = POSSIBLE_MATCHES.c
        is_pair = (of.first == link.first) & (of.second == link.second)
        known = self.one(link.first, link.second)
        with self._engine.begin() as connection:
            if link.state != "possible":
                connection.execute(delete(POSSIBLE_MATCHES).where(is_pair))
            elif known is not None:
                body = body_of(msgspec.structs.replace(known, link=link))
                connection.execute(update(POSSIBLE_MATCHES).where(is_pair).values(body=body))
