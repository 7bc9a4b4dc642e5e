"""A database that goes away at the worst moments."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError


@contextmanager
def shaky(engine: Engine, chance: Callable[[], float], share: float) -> Iterator[list[int]]:
    """A database whose transactions fail now and then: before they are committed, or after, so that nobody knows."""
    commit, failures = engine.dialect.do_commit, [0]

    def failing(connection: object) -> None:
        luck = chance()
        if luck < share / 2:
            failures[0] += 1
            raise OperationalError("COMMIT", {}, ConnectionError("it went away"))
        commit(connection)
        if luck < share:
            failures[0] += 1
            raise OperationalError("COMMIT", {}, ConnectionError("nobody heard the answer"))

    engine.dialect.do_commit = failing
    try:
        yield failures
    finally:
        engine.dialect.do_commit = commit
