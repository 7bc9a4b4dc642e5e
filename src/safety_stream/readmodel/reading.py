"""What pages ask of the copy. Every question is one statement, so every answer is of one moment."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final, TypedDict, Unpack, get_args

import msgspec
from sqlalchemy import ColumnElement, Engine, Select, and_, case, func, literal, or_, select

from safety_stream.core.model.alerts import Change
from safety_stream.core.model.dead_letters import Reason
from safety_stream.core.model.findings import Family, Priority
from safety_stream.core.model.handling import Handling, HandlingNews, HandlingState
from safety_stream.core.model.published import PublishedAlert, PublishedIndicator
from safety_stream.core.model.times import Day, Instant, PeriodKind
from safety_stream.readmodel.rows import NO_CLOCK, OPEN, UNTOLD, next_clock_of, shelf_of, urgency_of, value_of
from safety_stream.readmodel.tables import (
    ALERT_AREAS,
    ALERT_VERSIONS,
    ALERTS,
    DEAD_LETTERS,
    FAULTS,
    FEED_PARTITIONS,
    FEEDS,
    INDICATOR_REVISIONS,
    INDICATOR_SERIES,
    INDICATORS,
    OFFSETS,
    PROJECTION,
    TOPICS,
)

_CURRENT: Final = select(ALERT_VERSIONS.c.body).select_from(
    ALERTS.join(
        ALERT_VERSIONS, and_(ALERT_VERSIONS.c.audience == ALERTS.c.audience, ALERT_VERSIONS.c.seq == ALERTS.c.seq)
    )
)
"""Alerts as they stand."""


WITHDRAWN_AT_MOST: Final = 200
"""Withdrawals read at once, the newest: of more it is said how many there are."""

DECISIONS: Final[frozenset[HandlingNews]] = frozenset({"action", "refer", "accept", "no-further-action"})
"""What settles what is done about an alert."""

_UNDOES: Final[frozenset[HandlingNews]] = frozenset({"bounce", "reopen"})
"""What takes a decision back."""


class MissingFromFeed(Exception):
    """Numbers of a feed that never came to the copy: whoever reads on there would not know what is missing."""

    def __init__(self, audience: str, first: int, last: int) -> None:
        """Say which."""
        super().__init__(
            f"numbers {first:,} to {last:,} of alerts.{audience} never came to this copy: go on after {last:,}, and "
            "ask whoever runs the backbone for them"
        )
        self.first = first
        self.last = last


class BegunAnew(Exception):
    """A feed that ends before the number somebody reads on from: it is not the feed they have read."""

    def __init__(self, audience: str, after: int, newest: int) -> None:
        """Say so, and where to read from."""
        super().__init__(
            f"alerts.{audience} ends at number {newest:,}, before {after:,}: it was begun anew, as by a rebuild, and "
            "its numbers with it; read it from its beginning, after 0"
        )


class FeedHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How one source's feed stands.

    `newest` is the newest time of reporting anybody has seen, `silent_since` when that was heard: nothing newer has
    come since. `passed` is the time of reporting that all partitions have passed (None until all have); see
    `complete_to`. `as_of` is when the backbone last said anything about feeds at all.
    """

    source: str
    newest: Instant
    silent_since: Instant
    passed: Instant | None
    as_of: Instant

    def complete_to(self, usual_latency: int) -> Instant | None:
        """To when the feed is complete, reports of it usually being so many milliseconds late; None: not known."""
        return None if self.passed is None else self.passed - usual_latency


class RefusedCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many records of one topic were refused for one reason, and when they were received."""

    source_topic: str
    reason: Reason
    count: int
    first_received_at: Instant
    last_received_at: Instant


class RefusedRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One record that was refused; `letter` names it: `<topic>/<partition>/<offset>` of where it lies since."""

    letter: str
    source_topic: str
    reason: Reason
    received_at: Instant


class PartitionHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How far the copy of one partition is. `behind` is how many offsets it lacks, None while its end is not known."""

    topic: str
    partition: int
    next_offset: int
    behind: int | None


class NumberingFault(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers of a feed, both included, that never came ("missing") or came a second time ("repeated")."""

    topic: str
    at_offset: int
    kind: str
    first_seq: int
    last_seq: int


class ProjectionHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How far behind the copy is, in records at most, and what of the numbered feeds is not as it should be.

    `looked_at` is when that was last asked, by the clock of whoever keeps the copy: a copy that nobody keeps any more
    is behind by nothing it knows of. None where it was never asked.
    """

    behind: int
    looked_at: Instant | None
    partitions: tuple[PartitionHealth, ...]
    faults: tuple[NumberingFault, ...]


class ClockCount(msgspec.Struct, frozen=True, kw_only=True):
    """Of the open alerts of a priority, how many have a clock that has run out, one that runs, and none."""

    priority: Priority | None
    late: int
    running: int
    unclocked: int


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What people made of an alert: the newest judgement (None: nobody judged), and the newest decision and its reason.

    `decided` is None where nothing was decided, or somebody has undone it; that the alert goes on undoes nothing.
    """

    alert_id: str
    useful: bool | None
    decided: HandlingState | None
    reason: str


class _OfHandling(msgspec.Struct, frozen=True):
    """What is read of a record where its handling alone is asked for: the rest is passed over."""

    change: Change
    handling: Handling | None = None


_HANDLING: Final = msgspec.msgpack.Decoder(_OfHandling)


class HolderCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many open alerts somebody has, and how many of them have a clock that has run out; `holder` "": nobody."""

    holder: str
    open: int
    late: int


class Choices(TypedDict, total=False):
    """Which alerts of an audience are meant. An empty choice leaves everything in.

    Alerts that are open, or those in `states`. An alert is in `areas` when any of its areas is, or one it was in until
    the version that moved it or took it back. Each word of `text` must be in its title, rule, area, explanation or id:
    whom an alert is about nobody searches for. `due_before` and `not_due_before` are of its next clock, or the end of
    its snooze; `told_since` is when it was last told of, and `change` as what.
    """

    priorities: Collection[Priority]
    areas: Collection[str]
    families: Collection[Family]
    states: Collection[HandlingState]
    changed_after_seq: int | None
    text: str | None
    due_before: Instant
    not_due_before: Instant
    told_since: Instant
    change: Change


_OF_VERSIONS: Final = frozenset({"told_since", "change"})
"""What is chosen by the record that last told of an alert."""


def _as_chosen(audience: str, chosen: Choices) -> list[ColumnElement[bool]]:
    """The conditions on an alert, and on the version it stands by, that a choice means."""
    of, states = ALERTS.c, chosen.get("states", ())
    found = [of.audience == audience, of.state.in_(states) if states else of.shelf == OPEN]
    if priorities := chosen.get("priorities"):
        found.append(of.urgency.in_([urgency_of(one) for one in priorities]))
    if areas := chosen.get("areas"):
        found.append(_is_in(areas, of.audience, of.alert_id))
    if families := chosen.get("families"):
        found.append(of.family.in_(families))
    if (after := chosen.get("changed_after_seq")) is not None:
        found.append(of.changed_seq > after)
    found += [of.words.contains(word, autoescape=True) for word in (chosen.get("text") or "").lower().split()]
    if "due_before" in chosen:
        found.append(of.next_clock < chosen["due_before"])
    if "not_due_before" in chosen:
        found.append(of.next_clock >= chosen["not_due_before"])
    if "told_since" in chosen:
        found.append(ALERT_VERSIONS.c.as_of >= chosen["told_since"])
    if "change" in chosen:
        found.append(ALERT_VERSIONS.c.change == chosen["change"])
    return found


def _is_in(areas: Collection[str], audience: ColumnElement[str], alert_id: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether an alert is in one of these areas, or was until the version that stands."""
    of = ALERT_AREAS.c
    return select(of.area).where(of.audience == audience, of.alert_id == alert_id, of.area.in_(areas)).exists()


def _withdrawals(audience: str, instant: Instant, areas: Collection[str]) -> list[ColumnElement[bool]]:
    """The conditions on a version that takes back, told since; of what repeats a withdrawal the first is meant."""
    told, before = ALERT_VERSIONS.c, ALERT_VERSIONS.alias("before").c
    # What is told of the handling of a withdrawn alert repeats the withdrawal; the first to say so is meant.
    repeats = select(before.seq).where(
        before.audience == told.audience,
        before.alert_id == told.alert_id,
        before.seq < told.seq,
        before.version == told.version,
        # A rule that goes on trial takes back a version under its own number.
        before.change == "withdrawn",
    )
    found = [told.audience == audience, told.change == "withdrawn", told.as_of >= instant, ~repeats.exists()]
    if areas:
        apart = literal(" ").concat(told.areas_before).concat(" ")
        was_in = (apart.contains(f" {area} ", autoescape=True) for area in sorted(areas))
        found.append(or_(told.area.in_(areas), _is_in(areas, told.audience, told.alert_id), *was_in))
    return found


class ReadModel:
    """The copy, to be read. Threads may share one."""

    def __init__(self, engine: Engine) -> None:
        """Read the tables of this database."""
        self._engine = engine

    def inbox(
        self, audience: str, *, limit: int = 50, after: str | None = None, **chosen: Unpack[Choices]
    ) -> list[PublishedAlert]:
        """Alerts as they stand: by priority, of one priority by the next clock, then the newest first; open ones first.

        The page `after` a place (`place_of` the last one shown) goes on behind it, whatever has moved meanwhile. Raises
        `ValueError` for a place that is none.
        """
        found = _CURRENT.where(*_as_chosen(audience, chosen))
        if after is not None:
            found = found.where(_is_behind(after))
        order = (ALERTS.c.shelf, ALERTS.c.urgency, ALERTS.c.next_clock, ALERTS.c.seq.desc())
        return self._alerts(found.order_by(*order).limit(limit))

    def changed_after(self, audience: str, seq: int, alert_ids: Collection[str]) -> frozenset[str]:
        """Which of these alerts have changed since a number of the feed; a note or a judgement is no change."""
        of = ALERTS.c
        chosen = select(of.alert_id).where(of.audience == audience, of.changed_seq > seq, of.alert_id.in_(alert_ids))
        return frozenset(alert_id for (alert_id,) in self._rows(chosen))

    def count(self, audience: str, **chosen: Unpack[Choices]) -> int:
        """How many there are of what `inbox` lists."""
        # The versions are asked for where something of them is chosen, and else not looked at.
        whole = _CURRENT if chosen.keys() & _OF_VERSIONS else select(ALERTS.c.seq)
        counted = whole.where(*_as_chosen(audience, chosen)).with_only_columns(func.count(), maintain_column_froms=True)
        return int(self._rows(counted)[0][0])

    def count_by_priority(self, audience: str, areas: Collection[str] = ()) -> dict[str, int]:
        """How many open alerts there are of each priority; under "" those whose priority the audience is not told."""
        rows = self._rows(
            select(ALERTS.c.urgency, func.count())
            .where(*_as_chosen(audience, {"areas": areas}))
            .group_by(ALERTS.c.urgency)
        )
        counted = {"P1": 0, "P2": 0, "P3": 0, "P4": 0}
        return counted | {"" if urgency == UNTOLD else f"P{urgency}": count for urgency, count in rows}

    def count_clocks(self, audience: str, instant: Instant, areas: Collection[str] = ()) -> list[ClockCount]:
        """How the clocks of an audience's open alerts stand at an instant, the most urgent priority first."""
        late, has_none = ALERTS.c.next_clock < instant, ALERTS.c.next_clock == NO_CLOCK
        rows = self._rows(
            select(
                ALERTS.c.urgency,
                func.sum(case((late, 1), else_=0)),
                func.sum(case((or_(late, has_none), 0), else_=1)),
                func.sum(case((has_none, 1), else_=0)),
            )
            .where(*_as_chosen(audience, {"areas": areas}))
            .group_by(ALERTS.c.urgency)
            .order_by(ALERTS.c.urgency)
        )
        priorities: dict[int, Priority | None] = {urgency_of(one): one for one in get_args(Priority)}
        return [
            ClockCount(priority=priorities.get(urgency), late=int(late), running=int(running), unclocked=int(none))
            for urgency, late, running, none in rows
        ]

    def count_holders(self, audience: str, instant: Instant, areas: Collection[str] = ()) -> list[HolderCount]:
        """How many open alerts each has, and how many of those are late at an instant; "" has what nobody has."""
        late = func.sum(case((ALERTS.c.next_clock < instant, 1), else_=0))
        rows = self._rows(
            select(ALERTS.c.holder, func.count(), late)
            .where(*_as_chosen(audience, {"areas": areas}))
            .group_by(ALERTS.c.holder)
            .order_by(ALERTS.c.holder)
        )
        return [HolderCount(holder=holder, open=count, late=int(behind)) for holder, count, behind in rows]

    def alert(self, audience: str, alert_id: str) -> PublishedAlert | None:
        """An alert as it stands; None where the audience was never told of it."""
        found = self._alerts(_CURRENT.where(ALERTS.c.audience == audience, ALERTS.c.alert_id == alert_id))
        return found[0] if found else None

    def beginning(self, audience: str, text: str) -> list[PublishedAlert]:
        """The alerts of an audience whose id begins so, two at most: enough to see that it is one."""
        begins = ALERTS.c.alert_id.startswith(text, autoescape=True)
        return self._alerts(_CURRENT.where(ALERTS.c.audience == audience, begins).limit(2))

    def told(self, audience: str, seqs: Collection[int]) -> list[PublishedAlert]:
        """What an audience was told under these numbers of its feed, in order."""
        told = ALERT_VERSIONS.c
        return self._alerts(select(told.body).where(told.audience == audience, told.seq.in_(seqs)).order_by(told.seq))

    def versions(self, audience: str, alert_id: str) -> list[PublishedAlert]:
        """All the audience was ever told of an alert, oldest first."""
        versions = ALERT_VERSIONS.c
        return self._alerts(
            select(versions.body)
            .where(versions.audience == audience, versions.alert_id == alert_id)
            .order_by(versions.seq)
        )

    def feed(self, audience: str, after_seq: int, limit: int) -> list[PublishedAlert]:
        """What the audience was told after a number, without gap; it ends before one.

        Raises `MissingFromFeed` where the very next number never came, and `BegunAnew` where the feed ends before the
        number.
        """
        versions = ALERT_VERSIONS.c
        told = self._alerts(
            select(versions.body)
            .where(versions.audience == audience, versions.seq > after_seq)
            .order_by(versions.seq)
            .limit(limit)
        )
        whole = [alert for place, alert in enumerate(told, after_seq + 1) if alert.seq == place]
        if told and not whole:
            raise MissingFromFeed(audience, after_seq + 1, told[0].seq - 1)
        if not told and after_seq > (newest := self.newest_seq(audience)):
            raise BegunAnew(audience, after_seq, newest)
        return whole

    def newest_seq(self, audience: str) -> int:
        """The newest number of an audience's feed; 0 before the first."""
        rows = self._rows(select(TOPICS.c.newest_seq).where(TOPICS.c.topic == f"alerts.{audience}"))
        return int(rows[0][0]) if rows else 0

    def withdrawn_since(
        self, audience: str, instant: Instant, areas: Collection[str] = (), limit: int = WITHDRAWN_AT_MOST
    ) -> list[PublishedAlert]:
        """The newest withdrawals told since (at the instant itself, too), the newest first; some may be true again.

        One is of `areas` when it tells one of them, or its alert was or is in one.
        """
        told = ALERT_VERSIONS.c
        newest = select(told.seq).where(*_withdrawals(audience, instant, areas)).order_by(told.seq.desc()).limit(limit)
        return self._alerts(
            select(told.body).where(told.audience == audience, told.seq.in_(newest)).order_by(told.seq.desc())
        )

    def count_withdrawn(self, audience: str, instant: Instant, areas: Collection[str] = ()) -> int:
        """How many withdrawals were told since."""
        counted = select(func.count()).select_from(ALERT_VERSIONS).where(*_withdrawals(audience, instant, areas))
        return int(self._rows(counted)[0][0])

    def areas_before(self, audience: str, seqs: Collection[int]) -> dict[int, frozenset[str]]:
        """Of records of a feed, by number, the areas last told of their alert before the version they tell."""
        versions = ALERT_VERSIONS.c
        rows = self._rows(
            select(versions.seq, versions.areas_before).where(versions.audience == audience, versions.seq.in_(seqs))
        )
        return {seq: frozenset(before.split()) for seq, before in rows}

    def fired_here(self, audience: str, rule_id: str, area: str, since: Instant) -> int:
        """How often alerts of a rule have been raised in an area since an instant."""
        told = ALERT_VERSIONS.c
        raised = (
            select(told.alert_id, told.version)
            .where(
                told.audience == audience,
                told.rule_id == rule_id,
                told.area == area,
                told.as_of >= since,
                told.change == "raised",
            )
            .distinct()
        )
        return int(self._rows(select(func.count()).select_from(raised.subquery()))[0][0])

    def judged_here(self, audience: str, rule_id: str, area: str, since: Instant) -> list[Answered]:
        """What people made of each alert of a rule that was raised in an area since an instant, by the alert's id.

        An alert of whose handling the audience is told nothing is left out.
        """
        told = ALERT_VERSIONS.c
        rows = self._rows(
            select(told.alert_id, told.body)
            .where(told.audience == audience, told.rule_id == rule_id, told.area == area, told.as_of >= since)
            .order_by(told.alert_id, told.seq)
        )
        lives: dict[str, list[_OfHandling]] = {}
        for alert_id, body in rows:
            lives.setdefault(alert_id, []).append(_HANDLING.decode(body))
        return [
            _answered(alert_id, [step.handling for step in steps if step.handling is not None])
            for alert_id, steps in lives.items()
            if any(step.change == "raised" for step in steps) and steps[-1].handling is not None
        ]

    def told_since(self, audience: str, instant: Instant) -> list[PublishedAlert]:
        """All that an audience was told since (at the instant itself, too), the oldest first."""
        told = ALERT_VERSIONS.c
        # Of every change, so that the index by change and time leads there; asked for in order, SQLite takes another.
        found = self._alerts(
            select(told.body).where(told.audience == audience, told.change.in_(get_args(Change)), told.as_of >= instant)
        )
        return sorted(found, key=lambda alert: alert.seq)

    def latest(
        self, profile: str, kind: PeriodKind, indicators: Collection[str] = (), areas: Collection[str] = ()
    ) -> list[PublishedIndicator]:
        """The value of the newest period of every series, by indicator and area. An empty choice leaves all in."""
        series = INDICATOR_SERIES.c
        chosen = (
            select(INDICATORS.c.body)
            .select_from(INDICATOR_SERIES)
            .join(
                INDICATORS,
                and_(
                    INDICATORS.c.profile == series.profile,
                    INDICATORS.c.kind == series.kind,
                    INDICATORS.c.indicator == series.indicator,
                    INDICATORS.c.area == series.area,
                    INDICATORS.c.starts == series.newest_starts,
                ),
            )
            .where(series.profile == profile, series.kind == kind)
        )
        if indicators:
            chosen = chosen.where(series.indicator.in_(indicators))
        if areas:
            chosen = chosen.where(series.area.in_(areas))
        return self._indicators(chosen.order_by(series.indicator, series.area))

    def series(
        self, profile: str, indicator: str, area: str, kind: PeriodKind, since: Day | None = None
    ) -> list[PublishedIndicator]:
        """The current values of a series, the oldest period first; those that begin on day `since` or later."""
        of = INDICATORS.c
        chosen = select(of.body).where(
            of.profile == profile, of.kind == kind, of.indicator == indicator, of.area == area
        )
        if since is not None:
            chosen = chosen.where(of.starts >= since)
        return self._indicators(chosen.order_by(of.starts))

    def revisions(
        self, profile: str, indicator: str, area: str, kind: PeriodKind, starts: Day
    ) -> list[PublishedIndicator]:
        """Every value one period has had, the oldest first."""
        of = INDICATOR_REVISIONS.c
        return self._indicators(
            select(of.body)
            .where(
                of.profile == profile,
                of.kind == kind,
                of.indicator == indicator,
                of.area == area,
                of.starts == starts,
            )
            .order_by(of.seq)
        )

    def known_as_of(
        self, profile: str, indicator: str, area: str, kind: PeriodKind, instant: Instant
    ) -> list[PublishedIndicator]:
        """The values of a series as they were shown at an instant, the oldest period first."""
        of = INDICATOR_REVISIONS.c
        shown = (
            select(func.max(of.seq))
            .where(
                of.profile == profile,
                of.kind == kind,
                of.indicator == indicator,
                of.area == area,
                of.as_of <= instant,
            )
            .group_by(of.starts)
        )
        return self._indicators(select(of.body).where(of.profile == profile, of.seq.in_(shown)).order_by(of.starts))

    def feeds(self) -> list[FeedHealth]:
        """How every feed stands that has ever reported, by source."""
        rows = self._rows(
            select(
                FEED_PARTITIONS.c.partition, FEED_PARTITIONS.c.as_of, FEEDS.c.source, FEEDS.c.newest, FEEDS.c.heard_at
            )
            .select_from(FEED_PARTITIONS)
            .outerjoin(FEEDS, FEEDS.c.partition == FEED_PARTITIONS.c.partition)
        )
        partitions = {partition for partition, *_ in rows}
        as_of = max((spoken_at for _, spoken_at, *_ in rows), default=0)
        said: dict[str, list[tuple[Instant, Instant]]] = {}
        for _, _, source, newest, heard_at in rows:
            if source is not None:
                said.setdefault(source, []).append((newest, heard_at))
        return [_feed_health(source, said[source], len(partitions), as_of) for source in sorted(said)]

    def dead_letters_by_reason(self, since: Instant) -> list[RefusedCount]:
        """How many records received since were refused, by the topic they came on and the reason."""
        of = DEAD_LETTERS.c
        rows = self._rows(
            select(of.source_topic, of.reason, func.count(), func.min(of.received_at), func.max(of.received_at))
            .where(of.received_at >= since)
            .group_by(of.source_topic, of.reason)
            .order_by(of.source_topic, of.reason)
        )
        return [
            RefusedCount(source_topic=topic, reason=reason, count=count, first_received_at=first, last_received_at=last)
            for topic, reason, count, first, last in rows
        ]

    def dead_letters(self, since: Instant, limit: int, *, topic: str = "", reason: str = "") -> list[RefusedRecord]:
        """Records received since that were refused, the newest first; of one topic or for one reason if asked for."""
        of = DEAD_LETTERS.c
        chosen = select(of.topic, of.partition, of.offset, of.source_topic, of.reason, of.received_at)
        chosen = chosen.where(of.received_at >= since)
        if topic:
            chosen = chosen.where(of.source_topic == topic)
        if reason:
            chosen = chosen.where(of.reason == reason)
        newest = chosen.order_by(of.received_at.desc(), of.topic, of.partition, of.offset).limit(limit)
        return [
            RefusedRecord(
                letter=f"{lies_in}/{partition}/{offset}", source_topic=came_on, reason=why, received_at=received_at
            )
            for lies_in, partition, offset, came_on, why, received_at in self._rows(newest)
        ]

    def health(self) -> ProjectionHealth:
        """How far behind the copy is, and what is missing from it."""
        partitions = tuple(
            PartitionHealth(
                topic=topic,
                partition=partition,
                next_offset=offset,
                behind=None if end is None else max(end - offset, 0),
            )
            for topic, partition, offset, end in self._rows(
                select(OFFSETS).order_by(OFFSETS.c.topic, OFFSETS.c.partition)
            )
        )
        faults = tuple(
            NumberingFault(topic=topic, at_offset=offset, kind=kind, first_seq=first, last_seq=last)
            for topic, offset, kind, first, last in self._rows(
                select(FAULTS).order_by(FAULTS.c.topic, FAULTS.c.at_offset)
            )
        )
        return ProjectionHealth(
            behind=sum(one.behind or 0 for one in partitions),
            looked_at=self._rows(select(PROJECTION.c.looked_at))[0][0],
            partitions=partitions,
            faults=faults,
        )

    def _alerts(self, chosen: Select[Any]) -> list[PublishedAlert]:
        return [value_of(body, PublishedAlert) for (body,) in self._rows(chosen)]

    def _indicators(self, chosen: Select[Any]) -> list[PublishedIndicator]:
        return [value_of(body, PublishedIndicator) for (body,) in self._rows(chosen)]

    def _rows(self, chosen: Select[Any]) -> list[tuple[Any, ...]]:
        with self._engine.connect() as connection:
            return [tuple(row) for row in connection.execute(chosen)]


def _feed_health(source: str, said: list[tuple[Instant, Instant]], partitions: int, as_of: Instant) -> FeedHealth:
    """One feed, from the newest report each partition has seen and when it was told of it."""
    newest = max(at for at, _ in said)
    return FeedHealth(
        source=source,
        newest=newest,
        silent_since=min(heard_at for at, heard_at in said if at == newest),
        passed=min(at for at, _ in said) if len(said) == partitions else None,
        as_of=as_of,
    )


def _answered(alert_id: str, steps: Sequence[Handling]) -> Answered:
    """Of the steps of an alert's handling, the oldest first, the last that judged and the last that decided."""
    judged = [step.useful for step in steps if step.useful is not None]
    decision: Handling | None = None
    for step in steps:
        if step.what in DECISIONS:
            decision = step
        elif step.what in _UNDOES:
            decision = None
    return Answered(
        alert_id=alert_id,
        useful=judged[-1] if judged else None,
        decided=None if decision is None else decision.state,
        reason="" if decision is None else decision.reason,
    )


def place_of(alert: PublishedAlert) -> str:
    """Where an alert stands in the order of the inbox, to go on after; short enough for an address."""
    return f"{shelf_of(alert)}.{urgency_of(alert.priority)}.{next_clock_of(alert)}.{alert.seq}"


def _is_behind(place: str) -> ColumnElement[bool]:
    """Whether an alert comes after a place in the order of the inbox."""
    try:
        shelf, urgency, clock, seq = (_column(part) for part in place.split("."))
    except ValueError:
        raise ValueError("this is no place in the inbox: begin at its first page") from None
    later_in_turn = or_(ALERTS.c.next_clock > clock, and_(ALERTS.c.next_clock == clock, ALERTS.c.seq < seq))
    less_urgent = or_(ALERTS.c.urgency > urgency, and_(ALERTS.c.urgency == urgency, later_in_turn))
    return or_(ALERTS.c.shelf > shelf, and_(ALERTS.c.shelf == shelf, less_urgent))


def _column(text: str) -> int:
    """A number that a column can hold."""
    number = int(text)
    if abs(number) > NO_CLOCK:
        raise ValueError
    return number
