"""Records on their way from Kafka to the read model: in batches, each one transaction of the database.

Apart from `project`, because it needs a database's libraries, which not everybody has installed.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import product
from math import inf
from pathlib import Path
from typing import Final, get_args

import msgspec
from confluent_kafka import KafkaException
from sqlalchemy import Engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from safety_stream.cli.terminal import Wrong, how_many, out, print_json, say, wall
from safety_stream.config import Connection
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.dead_letters import Refused
from safety_stream.core.model.findings import Priority
from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.model.times import MINUTE, SECOND, Instant
from safety_stream.core.oversight import steps_due
from safety_stream.observability.metrics import ProjectionMetrics
from safety_stream.readmodel.database import migrate, open_database, url_of_file
from safety_stream.readmodel.owed import Owed
from safety_stream.readmodel.projection import (
    FAMILIES,
    AnotherTopic,
    Applied,
    Place,
    TopicRecord,
    apply,
    claim,
    next_offsets,
    note_ends,
    reached,
)
from safety_stream.readmodel.purging import Purger
from safety_stream.readmodel.reading import ReadModel
from safety_stream.streaming.ports import Incoming
from safety_stream.streaming.reading import (
    End,
    follow_from,
    high_watermarks,
    low_watermarks,
    read_between,
    topic_ids,
)
from safety_stream.web.views.health import feeds_view
from safety_stream.wire.records import Records
from safety_stream.wire.topology import members

UNTOLD_PRIORITY = "untold"
"""The label of alerts whose priority an audience is not told."""

PRIORITY_LABELS: Final = (*get_args(Priority), UNTOLD_PRIORITY)

NOTICE_STATES: Final = ("waiting", "reminded", "escalated")
"""How far a notice that nobody has answered has come: by how many steps are due."""

_OWED_EVERY: Final[Instant] = MINUTE
"""Answers are waited for by the day, and counting what is owed reads the lives of its alerts."""

BATCH = 1_000
"""Records of one transaction at most."""

_BATCH_SECONDS = 0.25
_PURGE_SECONDS = 60.0
_LATELY: Final[Instant] = MINUTE
_ENDS_SECONDS = 5.0
_AGAIN_SECONDS = 5.0


def database_of(url: str, data: Path) -> Engine:
    """The database of this URL, or the file in the data folder, with its tables up to date. Raises `Wrong`."""
    where: str | URL = url
    if not url:
        data.mkdir(parents=True, exist_ok=True)
        where = url_of_file(data / "readmodel.sqlite")
    try:
        engine = open_database(where)
    except ArgumentError:
        # Not the URL itself: it may hold a password.
        raise Wrong(
            "--database names no database that can be used: write postgresql://user@host/name or sqlite:///path"
        ) from None
    try:
        migrate(engine)
    except DBAPIError as error:
        raise Wrong(f"{_unusable(error)}: start it, or name another with --database") from None
    return engine


def last_spoken(model: ReadModel) -> Instant:
    """When the backbone last said anything of any feed: the time it is to a history that is read in."""
    return max((feed.as_of for feed in model.feeds()), default=wall())


def topics_of(catalogue: Catalogue) -> tuple[str, ...]:
    """The topics that are copied."""
    return tuple(topic for family in FAMILIES for topic in members(family, catalogue))


class Figures:
    """What a process that keeps the copy tells Prometheus of it, by the clock of this machine."""

    def __init__(self, metrics: ProjectionMetrics, model: ReadModel, owed: Owed, catalogue: Catalogue) -> None:
        """Tell `metrics` of this copy."""
        self._metrics = metrics
        self._model = model
        self._owed = owed
        self._owed_at: Instant | None = None
        self._catalogue = catalogue
        # From nought on, or the first alert of a kind would be no increase to Prometheus.
        audiences = (audience.id for audience in catalogue.audiences)
        metrics.copied(0, dict.fromkeys(product(audiences, PRIORITY_LABELS), 0))

    def copied(self, values: Iterable[msgspec.Struct], new: int) -> None:
        """These were in a batch, so many of them new. Of a batch that was copied before nothing is told twice."""
        alerts = (one for one in values if isinstance(one, PublishedAlert) and one.notify is not False)
        told = Counter((alert.audience, alert.priority or UNTOLD_PRIORITY) for alert in alerts)
        self._metrics.copied(new, told if new else {})

    def purged(self, gone: Mapping[str, int], at: Instant) -> None:
        """So much of what was too old was taken away."""
        self._metrics.purged(gone, at / SECOND)

    def look(self) -> None:
        """Tell how the copy stands, which clocks run and which feeds are heard."""
        now, copy, feeds = wall(), self._model.health(), self._model.feeds()
        self._metrics.looked((copy.looked_at or 0) / SECOND, copy.behind, len(copy.faults))
        for audience in self._catalogue.audiences:
            self._metrics.alerts_open(audience.id, self._clocks(audience.id, now))
        lines = feeds_view(feeds, copy, (), self._catalogue, now).lines
        spoken_at = max((feed.as_of for feed in feeds), default=None)
        unspoken = inf if spoken_at is None else max(now - spoken_at, 0) / SECOND
        self._metrics.feeds_heard({line.source: line.level for line in lines}, unspoken)
        self._metrics.feeds_silent(
            {feed.source: max(now - feed.silent_since, 0) / SECOND for feed in feeds},
            {source.id: source.silent_after / SECOND for source in self._catalogue.sources.values()},
        )

        if self._owed_at is None or not 0 <= now - self._owed_at < _OWED_EVERY:
            self._owed_at = now
            self._look_what_is_owed(now)

    def _look_what_is_owed(self, now: Instant) -> None:
        chasing, glass = self._catalogue.oversight.chasing, self._catalogue.oversight.break_glass
        # Nought of what there is none of any more, or the last number would stand for good.
        notices = dict.fromkeys(product([one.id for one in self._catalogue.audiences], NOTICE_STATES), 0)
        for notice in self._owed.notices():
            if not notice.acknowledged_by:
                due = steps_due(notice.audience, notice.opened_at, now, chasing) if chasing is not None else ()
                state = (notice.audience, NOTICE_STATES[len(due)])
                notices[state] = notices.get(state, 0) + 1
        waiting = [use for use in self._owed.uses() if use.reviewed_at is None]
        overdue = sum(use.is_overdue(now, glass.review_within) for use in waiting)
        self._metrics.owed(notices, {"waiting": len(waiting) - overdue, "overdue": overdue})

    def _clocks(self, audience: str, now: Instant) -> dict[tuple[str, str], int]:
        # Nought of what there is none of any more, or the last number would stand for good.
        counts = dict.fromkeys(product(PRIORITY_LABELS, ("late", "running", "none")), 0)
        for one in self._model.count_clocks(audience, now):
            priority = one.priority or UNTOLD_PRIORITY
            counts[priority, "late"], counts[priority, "running"] = one.late, one.running
            counts[priority, "none"] = one.unclocked
        return counts


class Projecting:
    """One run of the projection."""

    def __init__(
        self,
        kafka: Connection,
        engine: Engine,
        topics: tuple[str, ...],
        *,
        as_json: bool,
        figures: Figures | None = None,
        purger: Purger | None = None,
    ) -> None:
        """Copy these topics of Kafka into this database, say how it goes, and purge what is too old."""
        self._figures = figures
        self._purger = purger
        self._purged_at: float | None = None
        self._kafka = kafka
        self._engine = engine
        self._topics = topics
        self._as_json = as_json
        self._wire = Records(read_here=())

    def to_the_end(self) -> None:
        """Copy everything up to where the topics end now. Raises `Wrong`, and what reading topics raises."""
        try:
            starts = self._starts()
            ends = high_watermarks(self._kafka, self._topics)
            total = 0
            for records in _in_batches(read_between(self._kafka, starts, ends)):
                total += self._apply(records, {}).new
            self._apply((), _by_place(ends))
        except OperationalError as error:
            raise Wrong(f"{_unusable(error)}: start it, then run the same command again") from None
        faults = ReadModel(self._engine).health().faults
        if self._as_json:
            print_json({"copied": total, "behind": 0, "faults": faults})
        else:
            out.print(f"{how_many(total, 'record')} copied; the copy is complete", markup=False)

    def for_ever(self) -> None:
        """Copy what there is and what comes. A database that goes away meanwhile is waited for."""
        say("The copy follows what is published; Ctrl-C ends it")
        while True:
            try:
                self._follow()
            except OperationalError as error:
                say(f"{_unusable(error)}; trying again every {_AGAIN_SECONDS:.0f} s")
                time.sleep(_AGAIN_SECONDS)

    def _follow(self) -> None:
        records: list[Incoming] = []
        ends: dict[Place, int] = {}
        began = asked = time.monotonic()
        for found in follow_from(self._kafka, self._starts()):
            now = time.monotonic()
            if isinstance(found, Incoming):
                began = began if records else now
                records.append(found)
            elif isinstance(found, End):
                ends[Place(found.topic, found.partition)] = found.offset
            # An end says that nothing else is on its way; None, that there was nothing for a while.
            is_due = not isinstance(found, Incoming) or len(records) >= BATCH or now - began > _BATCH_SECONDS
            if (records and is_due) or (ends and found is None):
                self._apply(records, ends)
                records, ends = [], {}
            if now - asked > _ENDS_SECONDS:
                asked = now
                # Only for show: what brings the records waits by itself for a broker that restarts.
                with suppress(KafkaException):
                    self._note_ends()

    def _starts(self) -> dict[tuple[str, int], int]:
        """Where the copy ends, per partition; where a partition begins, if that is later."""
        low = low_watermarks(self._kafka, self._topics)
        try:
            with self._engine.begin() as connection:
                claim(connection, topic_ids(self._kafka, self._topics))
                known = next_offsets(connection)
        except AnotherTopic as error:
            raise Wrong(f"{error}: name one with --database") from None
        for (topic, partition), first in sorted(low.items()):
            copied_to = known.get(Place(topic, partition), first)
            if copied_to < first:
                say(
                    f"{topic} [{partition}]: offsets {copied_to:,} to {first - 1:,} went from Kafka before being copied"
                )
        self._note_ends()
        return {at: max(first, known.get(Place(*at), 0)) for at, first in low.items()}

    def _note_ends(self) -> None:
        ends = _by_place(high_watermarks(self._kafka, self._topics))
        # Also where nothing is new: pages tell from it that somebody still looks.
        with self._engine.begin() as connection:
            note_ends(connection, ends, wall())
        if self._figures is not None:
            self._figures.look()
        self._purge()

    def _purge(self) -> None:
        """Take away a slice of what is too old, now and then; not before what is held has been read."""
        now = time.monotonic()
        if self._purger is None or (self._purged_at is not None and now - self._purged_at < _PURGE_SECONDS):
            return
        if not Owed(self._engine).is_current(wall(), _LATELY):
            return
        self._purged_at = now
        gone = self._purger.purge(wall())
        if self._figures is not None:
            self._figures.purged(gone, wall())

    def _apply(self, records: Iterable[Incoming], ends: Mapping[Place, int]) -> Applied:
        read = [self._read(record) for record in records]
        with self._engine.begin() as connection:
            applied = apply(connection, read)
            if ends:
                reached(connection, ends)
        if self._figures is not None:
            self._figures.copied((record.value for record in read), applied.new)
        if self._as_json and read:
            print_json(applied)
        if applied.faults:
            say(
                f"numbered feeds have {how_many(applied.faults, 'more fault')}: `project --until-end --json` lists "
                "what is missing or came twice"
            )
        return applied

    def _read(self, record: Incoming) -> TopicRecord:
        try:
            value = self._wire.value(record.topic, record.value)
        except Refused as refused:
            raise Wrong(
                f"{record.topic} [{record.partition}] offset {record.offset} cannot be read ({refused.detail}): run a "
                "version at least as new as the workers'"
            ) from None
        return TopicRecord(record.topic, record.partition, record.offset, value)


def _in_batches(records: Iterable[Incoming]) -> Iterator[list[Incoming]]:
    batch: list[Incoming] = []
    for record in records:
        batch.append(record)
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _by_place(offsets: Mapping[tuple[str, int], int]) -> dict[Place, int]:
    return {Place(*at): offset for at, offset in offsets.items()}


def _unusable(error: DBAPIError) -> str:
    said = str(error.orig).strip().partition("\n")[0]
    return f"the database cannot be used ({said})"
