"""Every metric, in one file. Labels come from closed lists; no id, key or token is ever one.

The class is what the loop tells (`streaming.ports.Observer`); it is served for Prometheus by `serve`.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from safety_stream.core.model.sharing import Sharing
from safety_stream.core.model.times import DAY_LENGTH, SECOND, day_of, start_of
from safety_stream.core.policy import endings

REPORT_TO_ALERT_BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0, 3600.0, 86400.0)
"""Seconds. The goal is 0.25 at a hundred reports a second; what is beyond a minute was waiting for a worker."""

FEED_STATES: Final = ("heard", "silent", "never")
"""How a feed may be heard, as the pages have it (`web.views.health`)."""

ALERTING_STAGE: Final = "publish-alerts"

_EVER: Final = 10**7
"""More days than any agreement is in force."""


class Metrics:
    """The figures of one worker process. `wall` gives milliseconds since the epoch."""

    def __init__(self, wall: Callable[[], int]) -> None:
        """Begin at nought, in a registry of its own."""
        self.registry = CollectorRegistry()
        self._wall = wall
        registry = self.registry
        self._records = Counter("safety_stream_records", "Input records committed.", ["stage"], registry=registry)
        self._batch = Histogram(
            "safety_stream_batch_seconds", "A batch from first step to commit.", ["stage"], registry=registry
        )
        self._commit = Histogram(
            "safety_stream_commit_seconds", "The Kafka transaction's commit alone.", ["stage"], registry=registry
        )
        self._aborts = Counter(
            "safety_stream_aborted_transactions", "Transactions aborted and done again.", ["stage"], registry=registry
        )
        self._dead = Counter(
            "safety_stream_dead_letters", "Records refused, by reason.", ["stage", "reason"], registry=registry
        )
        self._rows = Gauge(
            "safety_stream_state_rows", "Rows remembered for a partition.", ["stage", "partition"], registry=registry
        )
        self._lag = Gauge(
            "safety_stream_lag_records",
            "Records waiting to be read.",
            ["stage", "topic", "partition"],
            registry=registry,
        )
        self._owned = Gauge(
            "safety_stream_owned_partitions", "Partitions this worker is ready for.", ["stage"], registry=registry
        )
        self._restored = Counter(
            "safety_stream_restored_changes", "Changelog records read back.", ["stage"], registry=registry
        )
        self._waits_for_keys = Gauge(
            "safety_stream_sealing_waiting", "Whether intake waits for the key store: 1 if so.", registry=registry
        )
        self._take_over = Histogram(
            "safety_stream_take_over_seconds", "From assigned to ready.", ["stage"], registry=registry
        )
        self._delay = Gauge(
            "safety_stream_watermark_delay_seconds",
            "How far the newest received_at committed lies behind the clock.",
            ["stage", "partition"],
            registry=registry,
        )
        self._withheld = Gauge(
            "safety_stream_withheld_alerts",
            "Alerts that wait for an agreement, so that an audience does not hear of them.",
            ["audience", "reason", "priority"],
            registry=registry,
        )
        self._kept_back: set[tuple[str, str, str]] = set()
        self._agreements = _Agreements(wall)
        registry.register(self._agreements)
        self._ready: set[tuple[str, int]] = set()
        self._topics: dict[str, set[str]] = {}
        self._report_to_alert = Histogram(
            "safety_stream_report_to_alert_seconds",
            "From the partner's record appended to its alert published, newest of each batch.",
            buckets=REPORT_TO_ALERT_BUCKETS,
            registry=registry,
        )

    def serve(self, port: int, host: str = "127.0.0.1", tls: Path | None = None) -> Callable[[], None]:
        """Serve the figures at `http://host:port/metrics` from a daemon thread; the result stops it.

        With `tls`, a file of a certificate, its chain and its key, over TLS 1.3 alone. Raises `OSError` when the port
        is taken or the file is no such thing.
        """
        return _serve(self.registry, port, host, tls)

    def runs(self, stages: Iterable[str], refusing: Collection[str], reasons: Iterable[str]) -> None:
        """These stages run here, of which the refusing ones refuse for these reasons: told from nought on.

        To Prometheus a series that begins at 1 is no increase: nobody would hear of the first burst of a reason.
        """
        reasons = tuple(reasons)
        for stage in stages:
            for counter in (self._records, self._aborts):
                counter.labels(stage)
            for reason in reasons if stage in refusing else ():
                self._dead.labels(stage, reason)

    def goes_by(self, sharing: Sharing) -> None:
        """This policy is in force here: when its agreements end is told by it, and when to warn of that."""
        self._agreements.sharing = sharing

    def committed(self, stage: str, records: int, batch_seconds: float, commit_seconds: float) -> None:
        """See `Observer`."""
        self._records.labels(stage).inc(records)
        self._batch.labels(stage).observe(batch_seconds)
        self._commit.labels(stage).observe(commit_seconds)

    def aborted(self, stage: str, reason: str) -> None:
        """See `Observer`. The reason goes to the log, not into a label."""
        del reason
        self._aborts.labels(stage).inc()

    def dead_letter(self, stage: str, reason: str) -> None:
        """See `Observer`."""
        self._dead.labels(stage, reason).inc()

    def state(self, stage: str, partition: int, rows: int) -> None:
        """See `Observer`."""
        self._rows.labels(stage, partition).set(rows)

    def as_of(self, stage: str, partition: int, as_of: int) -> None:
        """See `Observer`."""
        delay = max(0, self._wall() - as_of) / 1000
        self._delay.labels(stage, partition).set(delay)
        if stage == ALERTING_STAGE:
            self._report_to_alert.observe(delay)

    def withheld(self, alerts: Mapping[tuple[str, str, str], int]) -> None:
        """See `Observer`. What waits no more is nought, or its last number would stand for good."""
        self._kept_back |= alerts.keys()
        for labels in self._kept_back:
            self._withheld.labels(*labels).set(alerts.get(labels, 0))

    def lag(self, stage: str, topic: str, partition: int, records: int) -> None:
        """See `Observer`."""
        self._topics.setdefault(stage, set()).add(topic)
        self._lag.labels(stage, topic, partition).set(records)

    def taken_over(self, stage: str, partition: int, rows: int, seconds: float) -> None:
        """See `Observer`."""
        self._ready.add((stage, partition))
        self._owned.labels(stage).inc()
        self._restored.labels(stage).inc(rows)
        self._take_over.labels(stage).observe(seconds)

    def waits_for_keys(self, is_waiting: bool) -> None:  # noqa: FBT001 - as a callback it has one argument
        """Whether intake waits for the key store."""
        self._waits_for_keys.set(is_waiting)

    def given_up(self, stage: str, partition: int) -> None:
        """See `Observer`. What is no longer ours has no figures here."""
        if (stage, partition) not in self._ready:
            return
        self._ready.remove((stage, partition))
        self._owned.labels(stage).dec()
        for gauge in (self._rows, self._delay):
            _forget(gauge, stage, str(partition))
        for topic in self._topics.get(stage, ()):
            _forget(self._lag, stage, topic, str(partition))
        if stage == ALERTING_STAGE:
            for labels in self._kept_back:
                _forget(self._withheld, *labels)
            self._kept_back.clear()


class _Agreements(Collector):
    """When the agreements of a policy end, as of whenever it is asked: one that is renewed by another is not told."""

    def __init__(self, wall: Callable[[], int]) -> None:
        self._wall = wall
        self.sharing: Sharing | None = None

    def collect(self) -> Iterable[GaugeMetricFamily]:
        ends = GaugeMetricFamily(
            "safety_stream_agreement_ends_seconds",
            "When an agreement ends without which an audience hears nothing, or less; in seconds since 1970.",
            labels=["agreement", "audience", "hears"],
        )
        warn = GaugeMetricFamily(
            "safety_stream_agreement_warn_seconds",
            "How long before an agreement ends somebody is to hear of it, by the catalogue.",
        )
        if self.sharing is not None:
            for ending in endings(self.sharing, day_of(self._wall()), within=_EVER):
                at = start_of(ending.agreement.valid_to) / SECOND
                for hears, audiences in (("nothing", ending.silenced), ("less", ending.narrowed)):
                    for audience in audiences:
                        ends.add_metric([ending.agreement.id, audience, hears], at)
            warn.add_metric([], (self.sharing.warn_days or 0) * DAY_LENGTH / SECOND)
        return [ends, warn]


class DeliveryMetrics:
    """The figures of a process that delivers alerts (`delivery.sending.Observer`, and what it took in)."""

    def __init__(self) -> None:
        """Begin at nought, in a registry of its own."""
        self.registry = CollectorRegistry()
        registry = self.registry
        self._decisions = Counter(
            "safety_stream_delivery_decisions",
            "What subscriptions were to be told of alerts, and why.",
            ["when", "because"],
            registry=registry,
        )
        self._missing = Counter(
            "safety_stream_delivery_missing_numbers", "Numbers of feeds that were never read.", registry=registry
        )
        self._attempts = Counter(
            "safety_stream_delivery_attempts",
            "Messages tried, by what came of it.",
            ["channel", "outcome"],
            registry=registry,
        )
        self._ends = Counter(
            "safety_stream_delivery_ended",
            "Messages delivered for certain, or given up.",
            ["channel", "status"],
            registry=registry,
        )
        self._messages = Gauge(
            "safety_stream_delivery_messages", "Messages in the outbox.", ["status"], registry=registry
        )
        self._statuses: set[str] = set()
        self._oldest = Gauge(
            "safety_stream_delivery_oldest_seconds",
            "For how long the oldest message has waited for a provider to take it.",
            registry=registry,
        )
        self._looked_at = Gauge(
            "safety_stream_delivery_looked_at_seconds",
            "When the outbox was last looked into, in seconds since 1970.",
            registry=registry,
        )
        self._heard: set[tuple[str, str]] = set()
        self._unheard = Gauge(
            "safety_stream_delivery_unheard",
            "1 where nobody who can be reached is told of an audience's alerts of this priority, else 0.",
            ["audience", "priority"],
            registry=registry,
        )
        self._purged = Counter(
            "safety_stream_delivery_purged",
            "Alerts of which all that was told was older than its class allows, and is gone.",
            registry=registry,
        )
        self._chased_at = Gauge(
            "safety_stream_delivery_chased_at_seconds",
            "When it was last looked who has to answer a notice, in seconds since 1970; nought until then.",
            registry=registry,
        )
        self._alert_to_provider = Histogram(
            "safety_stream_alert_to_provider_seconds",
            "From an alert published to its message taken by a provider.",
            ["priority"],
            buckets=REPORT_TO_ALERT_BUCKETS,
            registry=registry,
        )

    def serve(self, port: int, host: str = "127.0.0.1", tls: Path | None = None) -> Callable[[], None]:
        """As `Metrics.serve`."""
        return _serve(self.registry, port, host, tls)

    def offers(self, channels: Iterable[str]) -> None:
        """These channels are set up, and what became of their messages is told from nought on.

        To Prometheus a series that begins at 1 is no increase: nobody would hear of the first that was given up.
        """
        for channel in channels:
            for status in ("delivered", "given-up"):
                self._ends.labels(channel, status)

    def took(self, decisions: Mapping[tuple[str, str], int], missing: int) -> None:
        """Records were put into the outbox: so many decisions of each kind, and so many numbers missing."""
        for (when, because), count in decisions.items():
            self._decisions.labels(when, because).inc(count)
        self._missing.inc(missing)

    def attempted(self, channel: str, came_of_it: str) -> None:
        """See `Observer`."""
        self._attempts.labels(channel, came_of_it).inc()

    def handed_over(self, priority: str, seconds: float) -> None:
        """See `Observer`."""
        self._alert_to_provider.labels(priority).observe(seconds)

    def ended(self, channel: str, status: str) -> None:
        """See `Observer`."""
        self._ends.labels(channel, status).inc()

    def standing(self, messages: Mapping[str, int], oldest_seconds: float, at: float) -> None:
        """What was in the outbox at this second since 1970."""
        self._looked_at.set(at)
        self._statuses |= messages.keys()
        for status in self._statuses:
            self._messages.labels(status).set(messages.get(status, 0))
        self._oldest.set(oldest_seconds)

    def purged(self, alerts: int) -> None:
        """All that was told of so many alerts was older than its class allows, and was taken away."""
        self._purged.inc(alerts)

    def chased(self, at: float) -> None:
        """At this second since 1970 it was looked who has to answer a notice."""
        self._chased_at.set(at)

    def unheard(self, audiences: Mapping[tuple[str, str], bool]) -> None:
        """Of each audience and priority that must be heard of, whether nobody is told. Others need not be any more."""
        self._heard |= audiences.keys()
        for audience, priority in self._heard - audiences.keys():
            self._unheard.labels(audience, priority).set(False)
        for (audience, priority), is_unheard in audiences.items():
            self._unheard.labels(audience, priority).set(is_unheard)


class ProjectionMetrics:
    """The figures of a process that keeps the copy for pages: of the copy, and of what is in it."""

    def __init__(self) -> None:
        """Begin at nought, in a registry of its own."""
        self.registry = CollectorRegistry()
        registry = self.registry
        self._copied = Counter("safety_stream_projection_records", "Records copied.", registry=registry)
        self._told = Counter(
            "safety_stream_alerts_told",
            "Records of alerts that somebody is to hear of, as they were copied.",
            ["audience", "priority"],
            registry=registry,
        )
        self._behind = Gauge(
            "safety_stream_projection_behind_records", "Records the copy lacks, at most.", registry=registry
        )
        self._looked_at = Gauge(
            "safety_stream_projection_looked_at_seconds",
            "When the copy was last compared with what was published, in seconds since 1970.",
            registry=registry,
        )
        self._faults = Gauge(
            "safety_stream_projection_numbering_faults",
            "Stretches of feeds' numbers that never came, or came twice.",
            registry=registry,
        )
        self._open = Gauge(
            "safety_stream_open_alerts",
            "Open alerts, by how their next clock stands: late, running or none.",
            ["audience", "priority", "clock"],
            registry=registry,
        )
        self._feeds = Gauge(
            "safety_stream_feed_state",
            "1 for the state a feed is in: heard, silent or never heard; 0 for the others.",
            ["source", "state"],
            registry=registry,
        )
        self._silent = Gauge(
            "safety_stream_feed_silent_seconds",
            "For how long a feed that was heard has said nothing new.",
            ["source"],
            registry=registry,
        )
        self._may_be_silent = Gauge(
            "safety_stream_feed_may_be_silent_seconds",
            "For how long a feed may say nothing new, by the catalogue.",
            ["source"],
            registry=registry,
        )
        self._unspoken = Gauge(
            "safety_stream_feeds_unspoken_seconds",
            "For how long the backbone has said nothing of any feed; infinite where it never has.",
            registry=registry,
        )

        self._notices = Gauge(
            "safety_stream_notices",
            "Notices nobody has answered: still in time, past the reminder, or past the escalation.",
            ["audience", "state"],
            registry=registry,
        )
        self._purged = Counter(
            "safety_stream_projection_purged",
            "What was older than its class allows, and is gone from the pages' database, by what it was.",
            ["what"],
            registry=registry,
        )
        self._purged_at = Gauge(
            "safety_stream_projection_purged_at_seconds",
            "When the pages' database was last purged, in seconds since 1970; nought until then.",
            registry=registry,
        )
        self._uses = Gauge(
            "safety_stream_break_glass_uses",
            "Alerts opened in an emergency that nobody has reviewed: still in time, or overdue.",
            ["state"],
            registry=registry,
        )

    def serve(self, port: int, host: str = "127.0.0.1", tls: Path | None = None) -> Callable[[], None]:
        """As `Metrics.serve`."""
        return _serve(self.registry, port, host, tls)

    def purged(self, gone: Mapping[str, int], at: float) -> None:
        """At this second since 1970 so much was taken away, by what it was."""
        for what, count in gone.items():
            self._purged.labels(what).inc(count)
        self._purged_at.set(at)

    def owed(self, notices: Mapping[tuple[str, str], int], uses: Mapping[str, int]) -> None:
        """So many notices of each audience wait for an answer, by state, and so many opened alerts for a review."""
        for (audience, state), count in notices.items():
            self._notices.labels(audience, state).set(count)
        for state, count in uses.items():
            self._uses.labels(state).set(count)

    def copied(self, records: int, told: Mapping[tuple[str, str], int]) -> None:
        """Records were copied: so many, and of each audience and priority so many alerts that are to be heard of."""
        self._copied.inc(records)
        for (audience, priority), count in told.items():
            self._told.labels(audience, priority).inc(count)

    def looked(self, at: float, behind: int, faults: int) -> None:
        """The copy was compared with what was published, at this second since 1970."""
        self._looked_at.set(at)
        self._behind.set(behind)
        self._faults.set(faults)

    def alerts_open(self, audience: str, counts: Mapping[tuple[str, str], int]) -> None:
        """So many alerts of an audience are open, by priority and clock; what is not named is as it was."""
        for (priority, clock), count in counts.items():
            self._open.labels(audience, priority, clock).set(count)

    def feeds_heard(self, states: Mapping[str, str], unspoken_seconds: float) -> None:
        """The state of each feed, by its source, and for how long nothing was said of any."""
        for source, state in states.items():
            for one in FEED_STATES:
                self._feeds.labels(source, one).set(one == state)
        self._unspoken.set(unspoken_seconds)

    def feeds_silent(self, silent: Mapping[str, float], may_be: Mapping[str, float]) -> None:
        """For how many seconds each feed that was heard has been silent, and for how many each may be."""
        for gauge, seconds in ((self._silent, silent), (self._may_be_silent, may_be)):
            for source, length in seconds.items():
                gauge.labels(source).set(length)


class WebMetrics:
    """The figures of a process that serves pages. No address is a label: it would name alerts."""

    def __init__(self) -> None:
        """Begin at nought, in a registry of its own."""
        self.registry = CollectorRegistry()
        self._answers = Counter(
            "safety_stream_web_answers", "Answers, by class of status.", ["status"], registry=self.registry
        )
        self._seconds = Histogram(
            "safety_stream_web_answer_seconds", "From a request to the beginning of its answer.", registry=self.registry
        )
        self._viewers = Gauge(
            "safety_stream_web_viewers", "Streams of live news that are open.", registry=self.registry
        )
        self._looked_at = Gauge(
            "safety_stream_web_looked_at_seconds",
            "When the pages' database could last be read, in seconds since 1970.",
            registry=self.registry,
        )
        for status in ("2xx", "3xx", "4xx", "5xx"):
            self._answers.labels(status)

    def looks(self, looked_at: Callable[[], float]) -> None:
        """Whenever the figures are asked for, this looks into the database, and says when that went well last."""
        self._looked_at.set_function(looked_at)

    def serve(self, port: int, host: str = "127.0.0.1", tls: Path | None = None) -> Callable[[], None]:
        """As `Metrics.serve`."""
        return _serve(self.registry, port, host, tls)

    def answered(self, status: int, seconds: float) -> None:
        """A request was answered with this status, after so long."""
        self._answers.labels(f"{status // 100}xx").inc()
        self._seconds.observe(seconds)

    def looks_on(self, viewers: int) -> None:
        """So many more streams are open, or, below nought, fewer."""
        self._viewers.inc(viewers)


class GatewayMetrics:
    """The figures of a gateway. Outcomes are a closed list; no partner, source or address is a label."""

    def __init__(self, outcomes: Iterable[str]) -> None:
        """Begin at nought for every outcome, in a registry of its own."""
        self.registry = CollectorRegistry()
        self._answers = Counter(
            "safety_stream_gateway_answers", "Answers, by class of status.", ["status"], registry=self.registry
        )
        self._seconds = Histogram(
            "safety_stream_gateway_answer_seconds",
            "From a request to the beginning of its answer.",
            registry=self.registry,
        )
        self._reports = Counter(
            "safety_stream_gateway_reports",
            "Reports, acknowledged or by what was wrong with them.",
            ["outcome"],
            registry=self.registry,
        )
        for status in ("2xx", "4xx", "5xx"):
            self._answers.labels(status)
        self._by_outcome = {outcome: self._reports.labels(outcome) for outcome in outcomes}

    def serve(self, port: int, host: str = "127.0.0.1", tls: Path | None = None) -> Callable[[], None]:
        """As `Metrics.serve`."""
        return _serve(self.registry, port, host, tls)

    def answered(self, status: int, seconds: float) -> None:
        """A request was answered with this status, after so long."""
        self._answers.labels(f"{status // 100}xx").inc()
        self._seconds.observe(seconds)

    def reported(self, outcome: str, count: int) -> None:
        """So many reports came to this."""
        self._by_outcome[outcome].inc(count)


def _serve(registry: CollectorRegistry, port: int, host: str, tls: Path | None) -> Callable[[], None]:
    file = None if tls is None else str(tls)
    server, thread = start_http_server(
        port, addr=host, registry=registry, certfile=file, keyfile=file, tls_min_version=ssl.TLSVersion.TLSv1_3
    )

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return stop


def _forget(gauge: Gauge, *labels: str) -> None:
    # A partition may be given up before its first figure.
    with suppress(KeyError):
        gauge.remove(*labels)
