"""`deliver`: the process that reads published alerts and tells those who subscribed.

One thread reads and puts what is to be told into the outbox; some others take it out and hand it over. A database that
is gone is waited for, and reading goes on from where it was left, because the place stands in the same database.
"""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Annotated

import structlog
import typer
from confluent_kafka import KafkaException

from safety_stream.catalogue.delivering import load_delivering
from safety_stream.cli.owing import Owing, copy_of
from safety_stream.cli.production import connect_as, of_delivery, of_figures
from safety_stream.cli.subscriptions import OutboxOption, SettingsOption, database_of, settings_of, with_extra
from safety_stream.cli.terminal import (
    TO_DO,
    AreasFile,
    CatalogueFolder,
    DataFolder,
    Json,
    MetricsTls,
    Production,
    Wrong,
    catalogue_of,
    default_data_folder,
    epilog,
    insist,
    of_this_process,
    on_kafka,
    out,
    print_json,
    serving,
    wall,
)
from safety_stream.config import Connection
from safety_stream.core.catalogue import Areas, Catalogue
from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.model.times import SECOND, Instant, day_of
from safety_stream.core.retention import Retention
from safety_stream.data_files import catalogue_folder
from safety_stream.delivery.settings import DeliverySettings
from safety_stream.observability.logs import configure_logs
from safety_stream.observability.metrics import DeliveryMetrics
from safety_stream.production import of_database, of_kafka, of_sharing
from safety_stream.streaming.ports import Incoming
from safety_stream.streaming.reading import (
    NoSuchTopic,
    follow_from,
    high_watermarks,
    low_watermarks,
    read_between,
    readable_topics,
    topic_ids,
)
from safety_stream.wire.codecs import shipped_codecs
from safety_stream.wire.topology import row_of

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from safety_stream.delivery.model import Subscription
    from safety_stream.delivery.outbox import Outbox
    from safety_stream.delivery.sending import Sender

EPILOG = epilog(
    "safety-stream deliver --delivery delivery.yaml",
    {
        0: "stopped by SIGTERM or Ctrl-C, or with --once, everything is handed over",
        1: "it went wrong",
        2: "with --once, something waits for a provider, or the topic of somebody's alerts cannot be read",
    },
)

_PATIENCE_SECONDS = 0.05
"""For how long further records are waited for, to be taken in one transaction with those that are there."""

_BATCH = 200
_LOOK_ROUND_SECONDS = 2.0
"""How often digests are made, figures told, and somebody noticed who subscribed to another audience."""

_COMPARE_SECONDS = 10.0
"""How often it is asked whether the topics are still the ones that are being read."""

_PURGE_SECONDS = 60.0
"""How often a slice of what is older than its class allows is taken away."""
TO_BE_READ = "safety-stream topics apply, let delivery read the topic, or alerts unsubscribe who subscribed to it"
"""What mends it that the topic of an audience cannot be read."""

_SENDERS = 4
"""Some providers stall for seconds, and others' pages must not wait for them."""

_PAUSE_SECONDS = 0.5


@on_kafka
def deliver(
    kafka: Connection,
    delivery: SettingsOption,
    once: Annotated[bool, typer.Option("--once", help="Tell what there is to tell by now, and stop.")] = False,
    database: Annotated[
        str | None,
        typer.Option(
            "--database",
            envvar="SAFETY_STREAM_DATABASE",
            metavar="URL",
            help="The pages' database, which knows who has not answered a notice, and which alerts were opened in an "
            "emergency: `postgresql://…` or `sqlite:///…`. Default: readmodel.sqlite in --data, where there is one.",
        ),
    ] = None,
    metrics_port: Annotated[
        int | None, typer.Option("--metrics-port", min=1, max=65_535, help="Serve figures for Prometheus here.")
    ] = None,
    metrics_host: Annotated[str, typer.Option("--metrics-host", help="Address to serve them at.")] = "127.0.0.1",
    metrics_tls: MetricsTls = None,
    production: Production = False,
    log_level: Annotated[str, typer.Option("--log-level", envvar="SAFETY_STREAM_LOG_LEVEL")] = "INFO",
    outbox: OutboxOption = None,
    data: DataFolder = default_data_folder(),  # noqa: B008 - a constant of the process
    catalogue: CatalogueFolder = None,
    areas: AreasFile = None,
    as_json: Json = False,
) -> None:
    """Tell subscribers of alerts as they are published. What waits is kept in the outbox; any number may run.

    Whoever has not answered a notice is reminded, then whoever answers for the data hears of it (oversight.yaml).

    With `--json` the log is JSON, else for people.
    """
    try:
        configure_logs("json" if as_json else "pretty", log_level)
    except KeyError:
        raise Wrong(f"there is no log level {log_level}; take DEBUG, INFO, WARNING or ERROR") from None
    settings = settings_of(delivery)
    known = catalogue_of(catalogue, areas)
    if production:
        insist(
            of_kafka(kafka),
            of_this_process(),
            of_sharing(known.sharing),
            of_delivery(settings),
            of_database("--outbox", outbox or ""),
            of_database("--database", database or ""),
            of_figures(metrics_host, metrics_port, metrics_tls),
        )
    connect_as(kafka, production=production)
    bounds = load_delivering(catalogue or catalogue_folder())
    outboxes, sending = with_extra("safety_stream.delivery.outbox"), with_extra("safety_stream.delivery.sending")
    channels = with_extra("safety_stream.delivery.channels")
    engine = database_of(outbox, data)
    box: Outbox = outboxes.Outbox(engine, bounds, channels.provider_of, lambda code: _lies_in(known.areas, code))
    offered = sending.channels_of(settings)
    metrics = DeliveryMetrics()
    metrics.offers(offered)
    sender: Sender = sending.Sender(
        box,
        offered,
        {name: value.get_secret_value() for name, value in settings.addresses.items()},
        clock=wall,
        chance=random.random,
        observer=metrics,
    )
    copy = copy_of(database, data)
    owing = None if copy is None else Owing(copy, box, known.oversight, metrics)
    reader = _Reader(
        kafka,
        box,
        metrics,
        partial(who_is_unheard, engine, known, settings),
        owing,
        known.oversight.office,
        partial(_purge, engine, known.retention, owing, metrics),
    )
    if once:
        _once(reader, sender, box, bounds.missed.after, as_json=as_json)
        return
    stop_serving = serving(metrics, metrics_host, metrics_port, metrics_tls) if metrics_port else None
    # SIGTERM stops it as Ctrl-C does: what a sender has begun is ended.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    log = structlog.get_logger()
    log.info("delivery.started", bootstrap=kafka.bootstrap)
    _warn(owing, who_is_unheard(engine, known, settings))
    stopping, wake = threading.Event(), threading.Condition()
    senders = [
        threading.Thread(target=_send_until, args=(sender, stopping, wake, number == 0), daemon=True)
        for number in range(_SENDERS)
    ]
    try:
        for one in senders:
            one.start()
        _read_for_ever(reader, wake)
    except KeyboardInterrupt:
        log.info("delivery.ended")
    finally:
        stopping.set()
        with wake:
            wake.notify_all()
        for one in senders:
            one.join()
        if stop_serving is not None:
            stop_serving()


class _Reader:
    """Reads the alerts of all audiences somebody subscribed to, each from where the outbox has it."""

    def __init__(
        self,
        kafka: Connection,
        box: Outbox,
        metrics: DeliveryMetrics,
        unheard: Callable[[frozenset[str]], dict[tuple[str, str], str]],
        owing: Owing | None,
        office: str,
        purge: Callable[[Instant], None],
    ) -> None:
        self._kafka = kafka
        self._box = box
        self._metrics = metrics
        self._unheard = unheard
        self._owing = owing
        self._office = office
        self._purge = purge
        self._purged_at = 0.0
        self._ids: dict[str, str] = {}
        self.unread: frozenset[str] = frozenset()
        """The audiences somebody subscribed to whose topic is not there, or not for this process to read."""
        self._decode = shipped_codecs().decoder(row_of("alerts.").subjects)

    def audiences(self) -> frozenset[str]:
        """Whose alerts are to be read now."""
        # The office hears what is owed, and has no feed.
        return self._box.audiences() - {self._office}

    def starts(self, audiences: Iterable[str]) -> tuple[dict[tuple[str, int], int], dict[tuple[str, int], int]]:
        """Where to read on, and where the topics end, of those that can be read: one that cannot holds up no other.

        Raises `NoSuchTopic` where one went just now.
        """
        topics = sorted(self._readable(audiences))
        if not topics:
            return {}, {}
        starts, ends = low_watermarks(self._kafka, topics), high_watermarks(self._kafka, topics)
        self._ids = topic_ids(self._kafka, topics)
        for topic, partition in starts:
            position = self._box.position(topic, partition)
            if position is None:
                continue
            topic_id = self._ids[topic]
            if position.topic_id not in (None, topic_id) or position.next_offset > ends[topic, partition]:
                structlog.get_logger().warning("topic.made_anew", topic=topic, partition=partition)
                self._box.begin_again(topic, partition, position, topic_id, wall())
            else:
                starts[topic, partition] = max(starts[topic, partition], position.next_offset)
        return starts, ends

    def _readable(self, audiences: Iterable[str]) -> frozenset[str]:
        by_topic = {f"alerts.{audience}": audience for audience in audiences}
        there = readable_topics(self._kafka, by_topic)
        unread = frozenset(audience for topic, audience in by_topic.items() if topic not in there)
        for audience in sorted(unread - self.unread):
            structlog.get_logger().warning("topic.missing", topic=f"alerts.{audience}", mend=TO_BE_READ)
        self.unread, self._ids = unread, {}
        return there

    def has_come(self) -> bool:
        """Whether a topic that could not be read can be by now. False where Kafka does not say."""
        try:
            return bool(readable_topics(self._kafka, [f"alerts.{audience}" for audience in self.unread]))
        except KafkaException:
            return False

    def is_of_the_past(self) -> bool:
        """Whether a topic that is being read is gone, and another has its name. False where Kafka does not say."""
        try:
            return bool(self._ids) and topic_ids(self._kafka, list(self._ids)) != self._ids
        except KafkaException:
            # Away, or the topic is deleted and not made yet: what is read goes on being read until there is another.
            return False

    def follow(self, audiences: frozenset[str]) -> Iterator[bool]:
        """Put records into the outbox as they come, for as long as the caller likes; whether any came is given."""
        starts, _ = self.starts(audiences)
        while not starts:
            time.sleep(_PAUSE_SECONDS)
            yield False
        batch: list[Incoming] = []
        for found in follow_from(self._kafka, starts, _PATIENCE_SECONDS):
            record = found if isinstance(found, Incoming) else None
            if record is not None:
                batch.append(record)
            if batch and (record is None or len(batch) >= _BATCH):
                self._take(batch)
                batch = []
                yield True
            elif record is None:
                yield False

    def read_to_end(self) -> None:
        """Put everything into the outbox that there is by now."""
        batch: list[Incoming] = []
        for record in read_between(self._kafka, *self.starts(self.audiences())):
            batch.append(record)
            if len(batch) >= _BATCH:
                self._take(batch)
                batch = []
        self._take(batch)

    def look_round(self) -> int:
        """Make digests that are due, and what is owed, and tell the figures. How many messages were made."""
        made = self._box.gather(wall())
        if self._owing is not None:
            made += self._owing.look(wall())
        if time.monotonic() - self._purged_at > _PURGE_SECONDS:
            self._purged_at = time.monotonic()
            self._purge(wall())
        oldest = self._box.oldest_untaken()
        waited = 0.0 if oldest is None else (wall() - oldest) / SECOND
        self._metrics.standing(self._box.counts(), waited, wall() / SECOND)
        self._metrics.unheard({whose: bool(why) for whose, why in self._unheard(self.unread).items()})
        return made

    def is_lacking(self) -> bool:
        """Whether somebody subscribed to alerts that cannot be read."""
        unread = with_extra("safety_stream.delivery.covering").IN_WORDS["unread"]
        return unread in self._unheard(self.unread).values()

    def _take(self, batch: list[Incoming]) -> None:
        by_partition: dict[tuple[str, int], list[tuple[int, PublishedAlert]]] = {}
        for record in batch:
            alert = self._decode(record.value)
            if isinstance(alert, PublishedAlert):
                by_partition.setdefault((record.topic, record.partition), []).append((record.offset, alert))
        for (topic, partition), alerts in by_partition.items():
            took = self._box.take(topic, partition, alerts, wall(), self._ids.get(topic))
            self._metrics.took(took.decisions, took.missing)
            if took.missing:
                structlog.get_logger().error("feed.has_gap", topic=topic, missing=took.missing)


def _read_for_ever(reader: _Reader, wake: threading.Condition) -> None:
    """Read until interrupted; what fails with the database, or is taken elsewhere, is read again from its place."""
    outage = with_extra("sqlalchemy.exc").SQLAlchemyError
    elsewhere = with_extra("safety_stream.delivery.outbox").TakenElsewhere
    log = structlog.get_logger()
    while True:
        try:
            _read_while_so(reader, wake)
        except NoSuchTopic:
            # It went between being looked for and being read.
            time.sleep(_PAUSE_SECONDS)
        except elsewhere:
            log.warning("topic.taken_elsewhere", mend="one process reads at a time; this one goes on when it may")
            time.sleep(_PAUSE_SECONDS)
        except outage as error:
            log.warning("database.failed", why=type(error).__name__)
            time.sleep(_PAUSE_SECONDS)


def _read_while_so(reader: _Reader, wake: threading.Condition) -> None:
    """Read until other topics are to be read than these."""
    audiences = reader.audiences()
    looked_at, compared_at = 0.0, time.monotonic()
    for came in reader.follow(audiences):
        made = 0
        if time.monotonic() - looked_at > _LOOK_ROUND_SECONDS:
            looked_at = time.monotonic()
            made = reader.look_round()
            if reader.audiences() != audiences or reader.has_come():
                return
        if time.monotonic() - compared_at > _COMPARE_SECONDS:
            compared_at = time.monotonic()
            if reader.is_of_the_past():
                return
        if came or made:
            with wake:
                wake.notify_all()


def _send_until(sender: Sender, stopping: threading.Event, wake: threading.Condition, asks: bool) -> None:
    """Send what is due until told to stop; the one that `asks` also asks providers where messages are."""
    outage = with_extra("sqlalchemy.exc").SQLAlchemyError
    while not stopping.is_set():
        try:
            if sender.send_next() or (asks and sender.ask_next()):
                continue
        except outage as error:
            structlog.get_logger().warning("database.failed", why=type(error).__name__)
        with wake:
            wake.wait(_PAUSE_SECONDS)


def _once(reader: _Reader, sender: Sender, box: Outbox, ahead: Instant, *, as_json: bool) -> None:
    reader.read_to_end()
    # All has been read, so nothing is behind what was missed that it has to wait for.
    box.gather(wall() + ahead)
    reader.look_round()
    while sender.send_next():
        pass
    sender.ask_next()
    counts = box.counts()
    if as_json:
        print_json(counts)
    else:
        out.print(", ".join(f"{count} {status}" for status, count in sorted(counts.items())) or "nothing to tell")
    if box.oldest_untaken() is not None or reader.is_lacking():
        raise typer.Exit(TO_DO)


def _purge(engine: Engine, retention: Retention, owing: Owing | None, metrics: DeliveryMetrics, now: Instant) -> None:
    """Take away what is too old and not held. What is held is in the pages' copy: without it nothing is."""
    before = retention.cutoff("deliveries", now)
    purging = with_extra("safety_stream.delivery.purging")
    if before is None or owing is None or not purging.is_due(engine, before):
        return
    held = owing.held_alerts(now)
    if held is not None:
        metrics.purged(purging.purge(engine, before, held))


def who_is_unheard(
    engine: Engine | None, known: Catalogue, settings: DeliverySettings, unread: frozenset[str] = frozenset()
) -> dict[tuple[str, str], str]:
    """Each audience and priority that must be heard of: why nobody is told, "" where somebody is.

    Without a database nobody has subscribed. `unread` are audiences somebody subscribed to whose topic cannot be read.
    """
    covering = with_extra("safety_stream.delivery.covering")
    subscribed: list[Subscription] = []
    failing: frozenset[str] = frozenset()
    if engine is not None:
        subscribed = with_extra("safety_stream.delivery.subscriptions").subscriptions(engine)
        failing = with_extra("safety_stream.delivery.outbox").failing(engine)
    # Whose subscription has ended waits for nothing but a withdrawal.
    unread &= {one.audience for one in subscribed if one.ended is None}
    needed = covering.to_be_heard(known.audiences, known.handling, known.oversight.office, unread)
    found = covering.unheard(needed, subscribed, settings, failing, unread)
    return dict.fromkeys(needed, "") | {(one.audience, one.priority): covering.IN_WORDS[one.why] for one in found}


def _warn(owing: Owing | None, unheard: dict[tuple[str, str], str]) -> None:
    """Say at the start who is not chased, and who hears of nothing."""
    log = structlog.get_logger()
    if owing is None:
        log.warning("nobody.is_chased", why="there is no copy for pages here", mend="name their database: --database")
    for (audience, priority), why in unheard.items():
        if why:
            mend = to_be_told(audience, why)
            log.warning("audience.unheard", audience=audience, priority=priority, why=why, mend=mend)


def who_is_unread(kafka: Connection, engine: Engine | None, office: str) -> frozenset[str]:
    """The audiences somebody subscribed to whose topic cannot be read; none where Kafka cannot be asked.

    The `office` has no feed to be read.
    """
    if engine is None:
        return frozenset()
    subscribed = with_extra("safety_stream.delivery.subscriptions").subscriptions(engine)
    audiences = {one.audience for one in subscribed if one.ended is None} - {office}
    try:
        there = readable_topics(kafka, {f"alerts.{audience}" for audience in audiences})
    except KafkaException:
        return frozenset()
    return frozenset(audience for audience in audiences if f"alerts.{audience}" not in there)


def to_be_told(audience: str, why: str) -> str:
    """What mends it that nobody of an audience is told."""
    if why == with_extra("safety_stream.delivery.covering").IN_WORDS["unread"]:
        return TO_BE_READ
    return f"safety-stream alerts subscribe --audience {audience}, by a channel that is set up and answers"


def _lies_in(areas: Areas, code: str) -> frozenset[str]:
    return frozenset(areas.roll_ups(code, day_of(wall())))
