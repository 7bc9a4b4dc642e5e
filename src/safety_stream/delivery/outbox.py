"""The outbox: what has to be told, kept until a provider has taken it.

Theory of operation
-------------------
*In.* `take` puts the notices of some records and the position behind them into the database in one transaction, so each
record is in the outbox exactly once, whatever dies when; a record that comes again is passed over by its offset. The
position is compared as it is written: of two processes that read one topic, one has its transaction rolled back.

*Made anew.* A topic that was deleted and made anew is read from its beginning. Who was told of what stays on record, so
the same news is not told again; what only bears the same version is (`News`). A database that was lost, and begun anew
on a topic that went on, has no record of who was told by the one before (`recorded_from`): what is withdrawn of that is
told to whoever asks for such alerts now. They may not have heard of it, which harms less than not to hear of its end.

*Out.* A message is claimed before it is sent: `sending`, with a time after which its sender counts as dead. Then
another claims it and sends it again under the same id, which is the provider's idempotency key. What came of it is
settled in a second transaction. Between the two nobody knows whether a provider has it: such a message
counts as told. So does one that a provider took and never confirmed.

*Providers* fail as one. After a failure a provider is left alone, longer for each in a row, and the message that was
tried longer for each time it was. The next to be tried there is the one with the fewest attempts, so that one bad
message holds up nobody. In an outage no message has failed more often than its provider, so all of them are due when it
is asked again, and the backlog goes out in order of priority. A provider of one address alone is given one message at a
time, so that one that stalls holds one sender; one of a whole channel is given as many as there are senders.

*Clocks* are wrong at times. One that is set back must not keep anybody waiting: what nobody has tried is due whatever
its time, and a wait longer than any there is was set by a wrong clock. A sender counts as dead by the clock alone, so
clocks of machines that share an outbox may differ by less than the lease; else a message may go twice, under one id.

*The last that is told is true.* Of an alert a subscription is told the newest alone: a newer notice overtakes all older
ones, which are not sent, nor sent again. One that is being sent cannot be stopped, so the newer waits until it is
settled, or its sender counts as dead. What takes the place of something that was to go out by now goes out now. A
version that its subscription does not want overtakes as well, all but a withdrawal, in whose place nothing is told.

An overtaken notice keeps its message only where it may have been told in it, so that its withdrawal is told; a
withdrawal of what nobody was told of is not.

*What is owed* (an answer to a notice, a review) is no news of an alert: nothing overtakes it, and no digest holds it.
It is found anew whenever somebody looks, and `owe` puts it in once for each subscription, by the key of its row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Final

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    Update,
    and_,
    case,
    delete,
    func,
    insert,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.engine import RowMapping
from sqlalchemy.exc import IntegrityError

from safety_stream.core.delivering import Delivering
from safety_stream.core.model.findings import Priority
from safety_stream.core.model.published import OF_HANDLING, PublishedAlert
from safety_stream.core.model.times import HOUR, SECOND, Instant
from safety_stream.delivery.database import reading
from safety_stream.delivery.deciding import (
    AreasOf,
    Decision,
    Told,
    decide,
    is_dealt_with,
    is_quiet,
    may_have_heard,
    next_digest,
    urgency,
)
from safety_stream.delivery.model import (
    Form,
    GiveUp,
    Message,
    News,
    Notice,
    Outcome,
    Owed,
    Status,
    Subscription,
    Taken,
    Whereabouts,
    digest_id,
    news_of,
    notice_id,
    owed_message_id,
)
from safety_stream.delivery.retrying import wait_after
from safety_stream.delivery.subscriptions import read_subscriptions
from safety_stream.delivery.tables import MESSAGES, NOTICES, OWED, POSITIONS, PROVIDERS, SUBSCRIPTIONS

LEASE: Final[Instant] = 120 * SECOND
"""How long a sender may take: far longer than any channel waits for its provider."""

LONGEST_ASKED: Final[Instant] = HOUR
"""No provider is let ask for more time (`channel`)."""

_NOTICES_IN_A_DIGEST: Final = 200
"""What is beyond goes into another digest: no provider takes a message of any length."""

_TAKEN: Final[tuple[Status, ...]] = ("sent", "delivered")
_TOLD: Final[tuple[Status, ...]] = ("sending", *_TAKEN)

ProviderOf = Callable[[str, str], str]
"""A channel and an address to the provider that fails for both as one: the channel where it is of all its addresses."""


class TakenElsewhere(Exception):
    """Another process has read the same records: this one's transaction was rolled back, and nothing of it remains."""


class Position(msgspec.Struct, frozen=True):
    """Where to read a partition on, and the number its next alert has, 0 where that is not known.

    `topic_id` is which topic of this name was read, None where nobody asked. Reading `began` then; from the number
    `recorded_from` on it is on record who was told (None: of nothing that has been read so far).
    """

    next_offset: int
    next_seq: int
    topic_id: str | None = None
    began: Instant = 0
    recorded_from: int | None = None


class Took(msgspec.Struct, frozen=True):
    """What came of some records: how many decisions of which kind, and how many numbers of the feed were missing."""

    decisions: Mapping[tuple[str, str], int]
    missing: int


class Claimed(msgspec.Struct, frozen=True):
    """A message that is ours to send, by which channel, for how many times it has been tried, and how old it is."""

    message: Message
    channel: str
    provider: str
    priority: Priority
    attempts: int
    made_at: Instant


class Heard(msgspec.Struct, frozen=True):
    """What a subscription has in the outbox of an alert, told or not, and what it was last told."""

    news: frozenset[News]
    told: Told | None


_NOTHING: Final = Heard(frozenset(), None)


class Asked(msgspec.Struct, frozen=True):
    """A message whose provider is to be asked where it is."""

    message_id: str
    channel: str
    provider_id: str
    sent_at: Instant


class Outbox:
    """The outbox in a database. Everything it is told of time comes from outside."""

    def __init__(
        self,
        engine: Engine,
        bounds: Delivering,
        provider_of: ProviderOf,
        areas_of: AreasOf = lambda code: frozenset({code}),
    ) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._bounds = bounds
        self._longest = max(LONGEST_ASKED, bounds.retrying.most)
        self._provider_of = provider_of
        self._areas_of = areas_of

    # In.

    def position(self, topic: str, partition: int) -> Position | None:
        """Where to read on; None before the first record."""
        with self._reading.connect() as db:
            return _position(db, topic, partition)

    def begin_again(self, topic: str, partition: int, before: Position, topic_id: str | None, now: Instant) -> None:
        """Begin at the beginning again: the topic is not the one that was read up to there, but was made anew.

        Does nothing where another process has done so already.
        """
        # Where all was on record it still is; where not, the numbers from which on it was are no longer valid.
        recorded_from = 0 if before.recorded_from == 0 else None
        again = Position(0, 0, topic_id=topic_id, began=now, recorded_from=recorded_from)
        with self._engine.begin() as db:
            db.execute(_at(topic, partition, before).values(**msgspec.structs.asdict(again)))

    def audiences(self) -> frozenset[str]:
        """Whose alerts somebody subscribed to, or was told of and may have to be told the withdrawal."""
        with self._reading.connect() as db:
            return frozenset(one.audience for one in read_subscriptions(db))

    def take(
        self,
        topic: str,
        partition: int,
        records: Sequence[tuple[int, PublishedAlert]],
        now: Instant,
        topic_id: str | None = None,
    ) -> Took:
        """Put what is to be told of these records (offset and alert, in order) into the outbox, all or nothing.

        `topic_id` says which topic of this name they were read from. Raises `TakenElsewhere`.
        """
        decisions: Counter[tuple[str, str]] = Counter()
        missing = 0
        with self._engine.begin() as db:
            before = at = _position(db, topic, partition)
            if before is not None and topic_id is not None and before.topic_id not in (None, topic_id):
                raise TakenElsewhere(topic)
            subscribed: dict[str, list[Subscription]] = {}
            for offset, alert in records:
                if at is not None and offset < at.next_offset:
                    continue
                missing += max(0, alert.seq - at.next_seq) if at is not None and at.next_seq else 0
                at = _behind(at, offset, alert, now, topic_id)
                if alert.audience not in subscribed:
                    subscribed[alert.audience] = read_subscriptions(db, alert.audience)
                heard = _heard(db, alert.alert_id)
                for subscription in subscribed[alert.audience]:
                    known = heard.get(subscription.subscription_id, _NOTHING)
                    if news_of(alert) in known.news:
                        continue
                    told = known.told
                    if not known.news and _is_not_on_record(alert, at):
                        told = self._perhaps_told(subscription, alert, now)
                    decision = decide(subscription, alert, told, now, self._bounds, self._areas_of)
                    decisions[decision.when, decision.because] += 1
                    self._put(db, subscription, alert, told, decision, now)
            if at is not None and at != before:
                _move(db, topic, partition, before, at)
        return Took(decisions=decisions, missing=missing)

    def _perhaps_told(self, subscription: Subscription, alert: PublishedAlert, now: Instant) -> Told | None:
        """What was told by a database that is gone, of which no more is known than that there was such an alert."""
        if not may_have_heard(subscription, alert, now, self._bounds, self._areas_of):
            return None
        return Told(alert.prior_version or 0, None, None)

    def _put(
        self,
        db: Connection,
        subscription: Subscription,
        alert: PublishedAlert,
        told: Told | None,
        decision: Decision,
        now: Instant,
    ) -> None:
        is_no_longer_wanted = decision.because == "unwanted"
        if decision.because == "nothing-to-hear" and is_dealt_with(alert):
            due_at = next_digest(subscription, now, self._bounds)
            _put_off_missed(db, subscription.subscription_id, alert.alert_id, due_at)
        # What is done about it after its withdrawal is told in place of nothing, least of all of that.
        ends = alert.change == "withdrawn" and alert.reason not in OF_HANDLING
        if not ends and decision.when == "never" and not is_no_longer_wanted:
            return
        stopped = _overtake(db, subscription.subscription_id, alert, but_withdrawals=is_no_longer_wanted)
        if decision.when == "never":
            return
        notice = _notice(subscription, alert, told)
        if is_missed := decision.because == "missed":
            notice = msgspec.structs.replace(notice, late_by=decision.until - alert.as_of)
        takes_place = (decision.when == "digest" or is_missed) and alert.change != "withdrawn"
        at_once = decision.when == "now" or (takes_place and "single" in stopped)
        if at_once:
            self._post(db, subscription, "single", notice.notice_id, [notice.priority], now)
        db.execute(
            insert(NOTICES).values(
                **msgspec.structs.asdict(notice),
                because=decision.because,
                due_at=now if takes_place and stopped else decision.until,
                message_id=notice.notice_id if at_once else None,
                is_overtaken=False,
            )
        )

    def _post(
        self,
        db: Connection,
        subscription: Subscription,
        form: Form,
        message_id: str,
        priorities: list[Priority | None],
        now: Instant,
    ) -> None:
        db.execute(
            insert(MESSAGES).values(
                message_id=message_id,
                subscription_id=subscription.subscription_id,
                form=form,
                channel=subscription.channel,
                address=subscription.address,
                provider=self._provider_of(subscription.channel, subscription.address),
                priority=urgency(priorities),
                status="waiting",
                attempts=0,
                next_at=now,
                may_be_taken=False,
                made_at=now,
            )
        )

    def gather(self, now: Instant) -> int:
        """Make a digest, for each subscription, of what was held and is due; what was missed goes alone.

        The number of messages made.
        """
        held = and_(NOTICES.c.message_id.is_(None), NOTICES.c.is_overtaken.is_(False), NOTICES.c.due_at <= now)
        with self._reading.connect() as db:
            # Nearly always there is none, and then nobody has to wait for a lock.
            if db.execute(select(NOTICES.c.notice_id).where(held).limit(1)).first() is None:
                return 0
        made = 0
        with self._engine.begin() as db:
            by_id = {one.subscription_id: one for one in read_subscriptions(db)}
            due = db.execute(
                select(NOTICES).where(held).order_by(NOTICES.c.subscription_id, NOTICES.c.seq).with_for_update()
            ).mappings()
            for subscription_id, rows in groupby(due.all(), lambda row: row["subscription_id"]):
                notices = [_noticed(row) for row in rows]
                together = [notice for notice in notices if notice.late_by is None]
                parcels: list[tuple[Form, list[Notice]]] = [("single", [one]) for one in notices if one not in together]
                parcels += [
                    ("digest", together[start : start + _NOTICES_IN_A_DIGEST])
                    for start in range(0, len(together), _NOTICES_IN_A_DIGEST)
                ]
                for form, parcel in parcels:
                    self._post_held(db, by_id[subscription_id], form, parcel, now)
                made += len(parcels)
        return made

    def _post_held(
        self, db: Connection, subscription: Subscription, form: Form, notices: list[Notice], now: Instant
    ) -> None:
        ids = tuple(notice.notice_id for notice in notices)
        message_id = ids[0] if form == "single" else digest_id(ids)
        self._post(db, subscription, form, message_id, [notice.priority for notice in notices], now)
        db.execute(update(NOTICES).where(NOTICES.c.notice_id.in_(ids)).values(message_id=message_id))

    def owe(self, to: str, owed: Sequence[Owed], now: Instant, *, priority: Priority) -> int:
        """Tell each subscription of `to` what of this is owed and it was not told yet: one message each.

        What is urgent (P1) goes at any hour; all else waits until the subscription's quiet hours are over. The number
        of messages made.
        """
        made = 0
        if not owed:
            return made
        with self._reading.connect() as db:
            subscribed = [one for one in read_subscriptions(db, to) if one.ended is None]
        for subscription in subscribed:
            is_held = priority in self._bounds.held_when_quiet or priority in self._bounds.digest_only
            if is_held and subscription.quiet is not None and is_quiet(subscription.quiet, now):
                continue
            with self._reading.connect() as db:
                # Nearly always there is nothing new, and then nobody has to wait for a lock.
                is_new = bool(_not_told(db, subscription.subscription_id, owed))
            if is_new:
                made += self._owe_one(subscription, owed, now, priority)
        return made

    def _owe_one(self, subscription: Subscription, owed: Sequence[Owed], now: Instant, priority: Priority) -> int:
        with self._engine.begin() as db:
            # Of two that look at once, on PostgreSQL, the second has to see what the first did.
            db.execute(
                select(SUBSCRIPTIONS.c.subscription_id)
                .where(SUBSCRIPTIONS.c.subscription_id == subscription.subscription_id)
                .with_for_update()
            ).all()
            fresh = _not_told(db, subscription.subscription_id, owed)
            parcels = [fresh[at : at + _NOTICES_IN_A_DIGEST] for at in range(0, len(fresh), _NOTICES_IN_A_DIGEST)]
            for parcel in parcels:
                ids = tuple(one.owed_id for one in parcel)
                message_id = owed_message_id(subscription.subscription_id, ids)
                self._post(db, subscription, "owed", message_id, [priority], now)
                of_it = {"subscription_id": subscription.subscription_id, "message_id": message_id}
                db.execute(insert(OWED), [msgspec.structs.asdict(one) | of_it for one in parcel])
        return len(parcels)

    # Out.

    def claim(self, now: Instant) -> Claimed | None:
        """The most urgent message that is due, now ours to send; None when there is none."""
        with self._reading.connect() as db:
            candidates: Sequence[str] = db.execute(_due(now, self._longest)).scalars().all()
        for message_id in candidates:
            with self._engine.begin() as db:
                if (claimed := _claim(db, message_id, now, self._longest)) is not None:
                    return claimed
        return None

    def settle(self, claimed: Claimed, outcome: Outcome, now: Instant, chance: float, *, confirms: bool) -> Status:
        """Write down what came of an attempt; `chance` from 0 to 1 spreads the next one."""
        with self._engine.begin() as db:
            if isinstance(outcome, Taken):
                ask_at = now + self._bounds.confirming.every if confirms and outcome.provider_id else None
                _end(db, claimed, "sent", next_at=ask_at, provider_id=outcome.provider_id, sent_at=now, why=None)
                _is_well(db, claimed.provider)
                return "sent"
            if isinstance(outcome, GiveUp):
                _end(db, claimed, "given-up", next_at=None, why=outcome.why)
                # It answered: it is this message it does not take.
                _is_well(db, claimed.provider)
                return "given-up"
            failures = _failures(db, claimed.provider) + 1
            own = wait_after(claimed.attempts, outcome.after, chance, self._bounds.retrying)
            whole = wait_after(failures, outcome.after, chance, self._bounds.retrying)
            _is_unwell(db, claimed.provider, failures, now + whole)
            maybe = {"may_be_taken": True} if outcome.may_be_taken else {}
            if now + own > claimed.made_at + self._bounds.retrying.give_up_after:
                _end(db, claimed, "given-up", next_at=None, why="expired", **maybe)
                return "given-up"
            if not _has_notices(db, claimed.message.message_id):
                _end(db, claimed, "overtaken", next_at=None, why=outcome.why, **maybe)
                return "overtaken"
            _end(db, claimed, "failed", next_at=now + own, why=outcome.why, **maybe)
            if not (outcome.may_be_taken or claimed.message.is_repeat):
                _let_go(db, claimed)
            return "failed"

    def to_ask(self, now: Instant, limit: int = 100) -> list[Asked]:
        """Messages whose providers are to be asked by now where they are."""
        query = (
            select(MESSAGES.c.message_id, MESSAGES.c.channel, MESSAGES.c.provider_id, MESSAGES.c.sent_at)
            .where(MESSAGES.c.status == "sent", MESSAGES.c.next_at <= now)
            .order_by(MESSAGES.c.priority, MESSAGES.c.next_at, MESSAGES.c.message_id)
            .limit(limit)
        )
        with self._reading.connect() as db:
            return [Asked(*row) for row in db.execute(query)]

    def answer(self, asked: Asked, found: Whereabouts, now: Instant) -> Status:
        """Write down where a message is, as its provider says."""
        bounds = self._bounds.confirming
        with self._engine.begin() as db:
            if found == "delivered":
                _mark(db, asked.message_id, "delivered", next_at=None, why=None)
                return "delivered"
            if found == "not-delivered":
                _mark(db, asked.message_id, "given-up", next_at=None, why="not-delivered")
                return "given-up"
            if now >= asked.sent_at + bounds.within:
                _mark(db, asked.message_id, "given-up", next_at=None, why="never-confirmed")
                return "given-up"
            _mark(db, asked.message_id, "sent", next_at=now + bounds.every)
            return "sent"

    # What there is.

    def counts(self) -> dict[str, int]:
        """How many messages have come how far."""
        with self._reading.connect() as db:
            rows = db.execute(select(MESSAGES.c.status, func.count()).group_by(MESSAGES.c.status)).all()
        return {row[0]: row[1] for row in rows}

    def oldest_untaken(self) -> Instant | None:
        """When the oldest message was made that no provider has taken yet and some day may."""
        query = select(func.min(MESSAGES.c.made_at)).where(MESSAGES.c.status.in_(("waiting", "sending", "failed")))
        with self._reading.connect() as db:
            made_at: Instant | None = db.execute(query).scalar_one()
        return made_at


def failing(engine: Engine) -> frozenset[str]:
    """The providers that took nothing when they were last asked."""
    with reading(engine).connect() as db:
        return frozenset(db.execute(select(PROVIDERS.c.provider)).scalars())


def _position(db: Connection, topic: str, partition: int) -> Position | None:
    query = select(*(POSITIONS.c[name] for name in Position.__struct_fields__)).where(
        POSITIONS.c.topic == topic, POSITIONS.c.partition == partition
    )
    row = db.execute(query).first()
    return None if row is None else Position(*row)


def _behind(at: Position | None, offset: int, alert: PublishedAlert, now: Instant, topic_id: str | None) -> Position:
    """The position behind a record."""
    began, recorded_from = (now, None) if at is None else (at.began, at.recorded_from)
    if recorded_from is None and alert.as_of >= began:
        recorded_from = alert.seq
    known_id = at.topic_id if at is not None else None
    return Position(offset + 1, alert.seq + 1, topic_id or known_id, began, recorded_from)


def _is_not_on_record(alert: PublishedAlert, at: Position) -> bool:
    """Whether this takes back what was published before it was on record here who was told."""
    is_taken_back = alert.change == "withdrawn" and alert.prior_seq is not None
    return is_taken_back and (at.recorded_from is None or (alert.prior_seq or 0) < at.recorded_from)


def _at(topic: str, partition: int, seen: Position) -> Update:
    """A change of a position, if it is still the one that was seen."""
    return (
        update(POSITIONS)
        .where(POSITIONS.c.topic == topic, POSITIONS.c.partition == partition)
        .where(POSITIONS.c.next_offset == seen.next_offset, POSITIONS.c.topic_id.is_not_distinct_from(seen.topic_id))
    )


def _move(db: Connection, topic: str, partition: int, before: Position | None, at: Position) -> None:
    """Write the position, which must still be the one that was read. Raises `TakenElsewhere`."""
    if before is None:
        try:
            db.execute(insert(POSITIONS).values(topic=topic, partition=partition, **msgspec.structs.asdict(at)))
        except IntegrityError:
            raise TakenElsewhere(topic) from None
        return
    moved = db.execute(_at(topic, partition, before).values(**msgspec.structs.asdict(at)))
    if moved.rowcount != 1:
        raise TakenElsewhere(topic)


def _heard(db: Connection, alert_id: str) -> dict[str, Heard]:
    """By subscription, what there is of an alert. Nobody can begin to send any of it before this transaction ends."""
    of_it = select(NOTICES.c.message_id).where(NOTICES.c.alert_id == alert_id, NOTICES.c.message_id.is_not(None))
    found = db.execute(
        select(MESSAGES.c.message_id, MESSAGES.c.status, MESSAGES.c.may_be_taken, MESSAGES.c.why)
        .where(MESSAGES.c.message_id.in_(of_it))
        .order_by(MESSAGES.c.message_id)
        .with_for_update()
    ).all()
    taken_in = {message_id for message_id, status, _, _ in found if status in _TAKEN}
    told_in = {
        message_id
        for message_id, status, may_be_taken, why in found
        # It may only be slow to say that it arrived.
        if status in _TOLD or may_be_taken or why == "never-confirmed"
    }
    notices = db.execute(
        select(NOTICES)
        .where(NOTICES.c.alert_id == alert_id)
        .order_by(NOTICES.c.subscription_id, NOTICES.c.version, NOTICES.c.number)
    ).mappings()
    heard = {}
    for subscription_id, rows in groupby(notices.all(), lambda row: str(row["subscription_id"])):
        whole = list(rows)
        told = [
            row
            for row in whole
            if row["message_id"] in told_in
            # A withdrawal that was stopped counts only where it is certain: else what it took back still has to be.
            and (row["change"] != "withdrawn" or not row["is_overtaken"] or row["message_id"] in taken_in)
        ]
        # Who was told of the end has nothing to be taken back.
        last = told[-1] if told and told[-1]["change"] != "withdrawn" else None
        heard[subscription_id] = Heard(
            frozenset((row["version"], row["number"], row["change"], row["reason"]) for row in whole),
            None if last is None else Told(last["version"], last["priority"], last["title"]),
        )
    return heard


def _overtake(db: Connection, subscription_id: str, alert: PublishedAlert, *, but_withdrawals: bool) -> frozenset[Form]:
    """Tell nothing older of the alert any more. In what forms it was to be told by now and no provider has taken it.

    `but_withdrawals`: nothing newer is told in its place, so what takes back something that was told still has to go.
    """
    of_it = and_(NOTICES.c.alert_id == alert.alert_id, NOTICES.c.subscription_id == subscription_id)
    if but_withdrawals:
        # Nor what is newer than this: a topic that was made anew tells old things again.
        version, number, _, _ = news_of(alert)
        is_older = or_(NOTICES.c.version < version, and_(NOTICES.c.version == version, NOTICES.c.number <= number))
        of_it = and_(of_it, NOTICES.c.change != "withdrawn", is_older)
    db.execute(update(NOTICES).where(of_it, NOTICES.c.message_id.is_(None)).values(is_overtaken=True))
    stopped = db.execute(
        select(MESSAGES.c.message_id, MESSAGES.c.form, MESSAGES.c.status, MESSAGES.c.may_be_taken)
        .join(NOTICES, NOTICES.c.message_id == MESSAGES.c.message_id)
        .where(of_it, NOTICES.c.is_overtaken.is_(False), MESSAGES.c.status.in_(_LIVE))
    ).all()
    for message_id, _, status, may_be_taken in stopped:
        may_be_told = status == "sending" or may_be_taken
        kept = {} if may_be_told else {"message_id": None}
        db.execute(update(NOTICES).where(of_it, NOTICES.c.message_id == message_id).values(is_overtaken=True, **kept))
        # One that is being sent belongs to its sender until it is settled.
        if status != "sending" and not _has_notices(db, message_id):
            _mark(db, message_id, "overtaken", next_at=None)
    return frozenset(form for _, form, _, _ in stopped)


def _put_off_missed(db: Connection, subscription_id: str, alert_id: str, due_at: Instant) -> None:
    """Leave what was missed of an alert, and has not gone out, to the digest: somebody has dealt with it."""
    db.execute(
        update(NOTICES)
        .where(NOTICES.c.alert_id == alert_id, NOTICES.c.subscription_id == subscription_id)
        .where(NOTICES.c.because == "missed", NOTICES.c.message_id.is_(None), NOTICES.c.is_overtaken.is_(False))
        .values(because="old", late_by=None, due_at=due_at)
    )


def _has_notices(db: Connection, message_id: str) -> bool:
    """Whether there is anything left to tell in a message."""
    told = select(NOTICES.c.notice_id).where(NOTICES.c.message_id == message_id, NOTICES.c.is_overtaken.is_(False))
    owed = select(OWED.c.owed_id).where(OWED.c.message_id == message_id)
    return any(db.execute(query.limit(1)).first() is not None for query in (told, owed))


def _not_told(db: Connection, subscription_id: str, owed: Sequence[Owed]) -> list[Owed]:
    """What of this a subscription was not told yet, each once, in its order."""
    told: set[str] = set()
    for start in range(0, len(owed), _NOTICES_IN_A_DIGEST):
        ids = [one.owed_id for one in owed[start : start + _NOTICES_IN_A_DIGEST]]
        query = select(OWED.c.owed_id).where(OWED.c.subscription_id == subscription_id, OWED.c.owed_id.in_(ids))
        told.update(db.execute(query).scalars())
    fresh = {one.owed_id: one for one in owed if one.owed_id not in told}
    return list(fresh.values())


def _notice(subscription: Subscription, alert: PublishedAlert, told: Told | None) -> Notice:
    # A withdrawal may say less than what it takes back did.
    said = told if told is not None and alert.change == "withdrawn" else None
    return Notice(
        notice_id=notice_id(subscription.subscription_id, alert.alert_id, news_of(alert)),
        subscription_id=subscription.subscription_id,
        audience=alert.audience,
        alert_id=alert.alert_id,
        version=alert.version,
        number=news_of(alert)[1],
        seq=alert.seq,
        change=alert.change,
        reason=alert.reason,
        priority=alert.priority or (said.priority if said else None),
        title=alert.title or (said.title if said else None),
        as_of=alert.as_of,
    )


def _noticed(row: RowMapping) -> Notice:
    return msgspec.convert({name: row[name] for name in Notice.__struct_fields__}, Notice)


_LIVE: Final[tuple[Status, ...]] = ("waiting", "failed", "sending")
_CANDIDATES: Final = 16
"""Others claim at the same time: so many are looked at before asking anew."""


def _is_behind_another(now: Instant) -> ColumnElement[bool]:
    """Whether something else of an alert that the message tells of is being sent to the same subscription."""
    mine, older, sending = NOTICES.alias("mine"), NOTICES.alias("older"), MESSAGES.alias("sending")
    return (
        select(mine.c.notice_id)
        .join(older, and_(older.c.alert_id == mine.c.alert_id, older.c.subscription_id == mine.c.subscription_id))
        .join(sending, sending.c.message_id == older.c.message_id)
        .where(mine.c.message_id == MESSAGES.c.message_id, mine.c.is_overtaken.is_(False))
        .where(sending.c.message_id != MESSAGES.c.message_id)
        .where(sending.c.status == "sending", sending.c.next_at > now)
        .correlate(MESSAGES)
        .exists()
    )


def _is_kept_busy(now: Instant) -> ColumnElement[bool]:
    """Whether the message is for a provider of one address alone that is being sent another."""
    sending = MESSAGES.alias("in_flight")
    in_flight = (
        select(sending.c.message_id)
        .where(sending.c.status == "sending", sending.c.next_at > now)
        .where(sending.c.provider == MESSAGES.c.provider, sending.c.message_id != MESSAGES.c.message_id)
        .correlate(MESSAGES)
        .exists()
    )
    return and_(MESSAGES.c.provider != MESSAGES.c.channel, in_flight)


def _has_come(due: ColumnElement[Instant | None], now: Instant, longest: Instant) -> ColumnElement[bool]:
    """Whether a time has come, or is so far off that the clock it was set by was wrong."""
    return or_(due <= now, due > now + longest)


def _may_go(now: Instant, longest: Instant) -> ColumnElement[bool]:
    is_due = or_(
        # By whatever clock it was made: nobody has tried yet.
        MESSAGES.c.status == "waiting",
        and_(MESSAGES.c.status == "failed", _has_come(MESSAGES.c.next_at, now, longest)),
        and_(MESSAGES.c.status == "sending", MESSAGES.c.next_at <= now),
    )
    return and_(
        is_due,
        not_(_is_behind_another(now)),
        not_(_is_kept_busy(now)),
    )


def _due(now: Instant, longest: Instant) -> Select[str]:
    """Messages to be tried, the most urgent first; where a provider has failed, first what it was tried with least."""
    tried = case((PROVIDERS.c.failures > 0, MESSAGES.c.attempts), else_=0)
    return (
        select(MESSAGES.c.message_id)
        .join(PROVIDERS, PROVIDERS.c.provider == MESSAGES.c.provider, isouter=True)
        .where(_may_go(now, longest))
        .where(or_(PROVIDERS.c.open_at.is_(None), _has_come(PROVIDERS.c.open_at, now, longest)))
        .order_by(tried, MESSAGES.c.priority, MESSAGES.c.made_at, MESSAGES.c.message_id)
        .limit(_CANDIDATES)
    )


def _claim(db: Connection, message_id: str, now: Instant, longest: Instant) -> Claimed | None:
    # Of two that claim for one address at once, on PostgreSQL, the second has to see what the first did.
    addressed = select(MESSAGES.c.channel, MESSAGES.c.address).where(MESSAGES.c.message_id == message_id).subquery()
    db.execute(
        select(SUBSCRIPTIONS.c.subscription_id)
        .where(SUBSCRIPTIONS.c.channel == addressed.c.channel, SUBSCRIPTIONS.c.address == addressed.c.address)
        .order_by(SUBSCRIPTIONS.c.subscription_id)
        .with_for_update(key_share=True, of=SUBSCRIPTIONS)
    ).all()
    claimed = db.execute(
        update(MESSAGES)
        .where(MESSAGES.c.message_id == message_id, _may_go(now, longest))
        .values(
            status="sending",
            next_at=now + LEASE,
            attempts=MESSAGES.c.attempts + 1,
            # Whoever was sending it before has died, and may have died after it was taken.
            may_be_taken=or_(MESSAGES.c.may_be_taken, MESSAGES.c.status == "sending"),
        )
    )
    if claimed.rowcount != 1:
        return None
    if not _has_notices(db, message_id):
        # It was overtaken while it was being sent by one that died.
        _mark(db, message_id, "overtaken", next_at=None)
        return None
    row = db.execute(select(MESSAGES).where(MESSAGES.c.message_id == message_id)).mappings().one()
    notices = db.execute(
        select(NOTICES)
        .where(NOTICES.c.message_id == message_id, NOTICES.c.is_overtaken.is_(False))
        .order_by(NOTICES.c.seq)
    ).mappings()
    owed = db.execute(
        select(*(OWED.c[name] for name in Owed.__struct_fields__))
        .where(OWED.c.message_id == message_id)
        .order_by(OWED.c.since, OWED.c.of, OWED.c.seq, OWED.c.owed_id)
    ).mappings()
    return Claimed(
        message=Message(
            message_id=message_id,
            subscription_id=row["subscription_id"],
            form=row["form"],
            address=row["address"],
            notices=tuple(_noticed(notice) for notice in notices),
            is_repeat=row["may_be_taken"],
            owed=tuple(Owed(**{name: one[name] for name in Owed.__struct_fields__}) for one in owed),
        ),
        channel=row["channel"],
        provider=row["provider"],
        priority=row["priority"],
        attempts=row["attempts"],
        made_at=row["made_at"],
    )


def _end(db: Connection, claimed: Claimed, status: Status, **changes: object) -> None:
    """End an attempt; one that took so long that somebody else has begun another says nothing any more."""
    db.execute(
        update(MESSAGES)
        .where(MESSAGES.c.message_id == claimed.message.message_id)
        .where(MESSAGES.c.status == "sending", MESSAGES.c.attempts == claimed.attempts)
        .values(status=status, **changes)
    )


def _let_go(db: Connection, claimed: Claimed) -> None:
    """What was overtaken while an attempt failed that nobody can have heard was not told in it, nor will be."""
    message_id = claimed.message.message_id
    ours = select(MESSAGES.c.message_id).where(
        MESSAGES.c.message_id == message_id, MESSAGES.c.status == "failed", MESSAGES.c.attempts == claimed.attempts
    )
    db.execute(
        update(NOTICES).where(NOTICES.c.message_id.in_(ours), NOTICES.c.is_overtaken.is_(True)).values(message_id=None)
    )


def _mark(db: Connection, message_id: str, status: Status, **changes: object) -> None:
    db.execute(update(MESSAGES).where(MESSAGES.c.message_id == message_id).values(status=status, **changes))


def _failures(db: Connection, provider: str) -> int:
    query = select(PROVIDERS.c.failures).where(PROVIDERS.c.provider == provider).with_for_update()
    return db.execute(query).scalar_one_or_none() or 0


def _is_unwell(db: Connection, provider: str, failures: int, open_at: Instant) -> None:
    change = update(PROVIDERS).where(PROVIDERS.c.provider == provider).values(failures=failures, open_at=open_at)
    if db.execute(change).rowcount:
        return
    try:
        with db.begin_nested():
            db.execute(insert(PROVIDERS).values(provider=provider, failures=failures, open_at=open_at))
    except IntegrityError:
        # Another sender found it out at the same time.
        db.execute(change)


def _is_well(db: Connection, provider: str) -> None:
    db.execute(delete(PROVIDERS).where(PROVIDERS.c.provider == provider))
