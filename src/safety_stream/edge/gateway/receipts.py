"""The book of receipts: what was acknowledged, and what was answered to requests with an idempotency key.

*Theory of operation.* A receipt is named by its report (`wire.reports.event_id`), and the first one stands: whoever
sends a report again, by whichever gateway, is given the receipt of the first time. So gateways that share a database
agree without asking one another. A request with an idempotency key first claims the key with its digest; who comes with
another digest is refused before anything is sent. Two who come with the same digest at the same time both go on, which
does no harm, and are both given the answer that was written down first. A gateway that dies in between leaves a claim
without an answer: the same request again goes on from there.

Every write waits to be safe on disk, so requests share their transactions: one thread takes all that wait, writes them
down together, and tells the event loop. One transaction under way, the next one filling: with one request at a time it
costs one write each, with hundreds a fraction.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, cast

import msgspec
from sqlalchemy import Connection, Engine, delete, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import RowMapping
from sqlalchemy.exc import SQLAlchemyError

from safety_stream.core.model.times import DAY_LENGTH, HOUR, Instant
from safety_stream.database import beginning, bring_up_to_date, opened, wait_for_others
from safety_stream.edge.gateway.tables import RECEIPTS, REQUESTS

_log = logging.getLogger(__name__)

RECEIPT_DAYS: Final = 400
"""For how many days a receipt can be had: a default, a year and a month."""

REQUEST_DAYS: Final = 7
"""For how many days an idempotency key is remembered: a default, a week-end and what follows it."""

_TOGETHER_MAX: Final = 200
"""Requests in one transaction."""

_ASKED_MAX: Final = 500
"""Values in one statement: SQLite bounds them."""

_STOP_SECONDS: Final = 10
_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_MIGRATION_LOCK: Final = 5_702_891
"""A number of our own among PostgreSQL's advisory locks."""


class NotWritten(Exception):
    """Something could not be written down or looked up."""


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """The broker has a report on every replica, since then and there."""

    receipt_id: str
    source: str
    source_ref: str
    source_version: int
    action: str
    acknowledged_at: Instant
    topic: str
    partition: int
    offset: int


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What was answered to a request."""

    status: int
    body: bytes


class Claim(msgspec.Struct, frozen=True, gc=False):
    """A request that came with an idempotency key."""

    partner: str
    key: str
    digest: str
    begun_at: Instant


class Claimed(msgspec.Struct, frozen=True, gc=False):
    """Whether the key is this request's, and what was answered to it already."""

    is_same: bool
    answer: Answer | None


class Keeping(msgspec.Struct, frozen=True, gc=False):
    """Receipts to write down; with a claim its final answer too, made from the receipts that stand."""

    receipts: tuple[Receipt, ...]
    answer: Callable[[Sequence[Receipt]], Answer]
    claim: Claim | None = None


class Kept(msgspec.Struct, frozen=True, gc=False):
    """The receipts that stand, in the order asked for, and the answer that stands where one was to be kept."""

    receipts: tuple[Receipt, ...]
    answer: Answer | None


class _Job(msgspec.Struct, frozen=True):
    asked: Claim | Keeping
    done: asyncio.Future[Any]


def open_book(url: str, now: Callable[[], Instant]) -> Book:
    """The book in the database at a URL of SQLAlchemy's, with its tables. Raises `UnusableDatabase`."""
    return Book(opened(url, "receipts.sqlite", _migrate), now)


def _migrate(engine: Engine) -> None:
    with engine.begin() as db:
        wait_for_others(db, _MIGRATION_LOCK)
        bring_up_to_date(db, _MIGRATIONS)


class Book:
    """The receipts of one database. Begin with `start` in the event loop it serves, and end with `close`."""

    def __init__(self, engine: Engine, now: Callable[[], Instant]) -> None:
        self._engine = engine
        self._reading = beginning(engine, "BEGIN")
        self._now = now
        self._forget_at: Instant = 0
        self._is_over = False
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._write, name="gateway-receipts", daemon=True)

    def start(self) -> None:
        """Serve the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def close(self) -> None:
        """Write down what waits, and stop."""
        if self._thread.is_alive():
            self._jobs.put(None)
            self._thread.join(_STOP_SECONDS)
        self._engine.dispose()

    async def claim(self, claim: Claim) -> Claimed:
        """Take a key for a request, if it is free. Raises `NotWritten`."""
        return cast(Claimed, await self._done(claim))

    async def keep(self, keeping: Keeping) -> Kept:
        """Write receipts down. Raises `NotWritten`."""
        return cast(Kept, await self._done(keeping))

    async def receipt(self, receipt_id: str, sources: Iterable[str]) -> Receipt | None:
        """A receipt of one of these sources. Raises `NotWritten`."""
        asked = select(RECEIPTS).where(RECEIPTS.c.receipt_id == receipt_id, RECEIPTS.c.source.in_(sorted(sources)))
        return next(iter(await self._read(asked)), None)

    async def receipts(
        self, sources: Iterable[str], ref: str | None, after: Receipt | None, limit: int
    ) -> list[Receipt]:
        """Receipts of these sources, the oldest first, from after one of them on. Raises `NotWritten`."""
        table = RECEIPTS.c
        asked = select(RECEIPTS).where(table.source.in_(sorted(sources)))
        if ref is not None:
            asked = asked.where(table.source_ref == ref)
        if after is not None:
            asked = asked.where(
                tuple_(table.acknowledged_at, table.receipt_id) > tuple_(after.acknowledged_at, after.receipt_id)
            )
        return await self._read(asked.order_by(table.acknowledged_at, table.receipt_id).limit(limit))

    def answers(self) -> bool:
        """Whether the database answers now; may take seconds."""
        try:
            with self._reading.connect() as db:
                db.execute(select(RECEIPTS.c.receipt_id).limit(1))
        except SQLAlchemyError:
            return False
        return self._thread.is_alive()

    async def _read(self, asked: Any) -> list[Receipt]:  # noqa: ANN401 - a statement of SQLAlchemy's
        def read() -> list[Receipt]:
            with self._reading.connect() as db:
                return [_receipt(row) for row in db.execute(asked).mappings()]

        try:
            return await asyncio.to_thread(read)
        except SQLAlchemyError as error:
            _log.warning("gateway.receipts_failed: %s", type(error).__name__)
            raise NotWritten(type(error).__name__) from None

    async def _done(self, asked: Claim | Keeping) -> object:
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._jobs.put(_Job(asked, done))
        return await done

    def _write(self) -> None:
        while True:
            jobs = self._waiting()
            results: list[object]
            try:
                with self._engine.begin() as db:
                    results = list(_write_down(db, [job.asked for job in jobs]))
                    self._forget_old(db)
            except Exception as error:  # noqa: BLE001 - whoever waits must hear of it, whatever it is
                _log.warning("gateway.receipts_failed: %s", type(error).__name__)
                results = [NotWritten(type(error).__name__) for _ in jobs]
            if self._loop is not None and jobs:
                self._loop.call_soon_threadsafe(_tell, jobs, results)
            if self._is_over:
                return

    def _waiting(self) -> list[_Job]:
        """All that waits, once something does."""
        jobs: list[_Job] = []
        job = self._jobs.get()
        while True:
            if job is None:
                self._is_over = True
                return jobs
            jobs.append(job)
            if len(jobs) >= _TOGETHER_MAX:
                return jobs
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return jobs

    def _forget_old(self, db: Connection) -> None:
        now = self._now()
        if now < self._forget_at:
            return
        self._forget_at = now + HOUR
        db.execute(delete(REQUESTS).where(REQUESTS.c.begun_at < now - REQUEST_DAYS * DAY_LENGTH))
        db.execute(delete(RECEIPTS).where(RECEIPTS.c.acknowledged_at < now - RECEIPT_DAYS * DAY_LENGTH))


def _tell(jobs: Sequence[_Job], results: Sequence[object]) -> None:
    for job, result in zip(jobs, results, strict=True):
        if job.done.done():
            continue
        if isinstance(result, NotWritten):
            job.done.set_exception(result)
        else:
            job.done.set_result(result)


def _write_down(db: Connection, asked: Sequence[Claim | Keeping]) -> list[Claimed | Kept]:
    """Do what was asked, all in one transaction: the claims first, because nobody answers before claiming."""
    standing = _keep_receipts(db, [one for job in asked if isinstance(job, Keeping) for one in job.receipts])
    claims = sorted((one for one in asked if isinstance(one, Claim)), key=lambda one: (one.partner, one.key))
    claimed = {id(one): _take(db, one) for one in claims}
    return [claimed[id(job)] if isinstance(job, Claim) else _kept(db, job, standing) for job in asked]


def _keep_receipts(db: Connection, receipts: Sequence[Receipt]) -> dict[str, Receipt]:
    """The receipts that stand, by id: these, and where there was one before, that one."""
    # Sorted, so that two gateways with the same receipts wait for one another and not in a ring.
    rows = sorted({one.receipt_id: one for one in reversed(receipts)}.items())
    if not rows:
        return {}
    db.execute(_insert(db, RECEIPTS), [msgspec.structs.asdict(one) for _, one in rows])
    ids = [receipt_id for receipt_id, _ in rows]
    standing: dict[str, Receipt] = {}
    for start in range(0, len(ids), _ASKED_MAX):
        found = select(RECEIPTS).where(RECEIPTS.c.receipt_id.in_(ids[start : start + _ASKED_MAX]))
        standing |= {row["receipt_id"]: _receipt(row) for row in db.execute(found).mappings()}
    return standing


def _take(db: Connection, claim: Claim) -> Claimed:
    row = {
        "partner": claim.partner,
        "idempotency_key": claim.key,
        "digest": claim.digest,
        "begun_at": claim.begun_at,
    }
    db.execute(_insert(db, REQUESTS), [row])
    digest, answer = _standing(db, claim)
    return Claimed(is_same=digest == claim.digest, answer=answer)


def _kept(db: Connection, keeping: Keeping, standing: dict[str, Receipt]) -> Kept:
    receipts = tuple(standing[one.receipt_id] for one in keeping.receipts)
    if keeping.claim is None:
        return Kept(receipts, None)
    mine = keeping.answer(receipts)
    claim = keeping.claim
    db.execute(
        update(REQUESTS).where(_is(claim), REQUESTS.c.answer.is_(None)).values(status=mine.status, answer=mine.body)
    )
    return Kept(receipts, _standing(db, claim)[1])


def _standing(db: Connection, claim: Claim) -> tuple[str, Answer | None]:
    asked = select(REQUESTS.c.digest, REQUESTS.c.status, REQUESTS.c.answer).where(_is(claim))
    row = db.execute(asked).one()
    return row.digest, None if row.answer is None else Answer(row.status, row.answer)


def _is(claim: Claim) -> Any:  # noqa: ANN401 - an expression of SQLAlchemy's
    return (REQUESTS.c.partner == claim.partner) & (REQUESTS.c.idempotency_key == claim.key)


def _insert(db: Connection, table: Any) -> Any:  # noqa: ANN401 - as above
    made = postgresql.insert(table) if db.dialect.name == "postgresql" else sqlite.insert(table)
    return made.on_conflict_do_nothing()


def _receipt(row: RowMapping) -> Receipt:
    return Receipt(**row)
