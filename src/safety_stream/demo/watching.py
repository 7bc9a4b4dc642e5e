"""What has been seen so far: sent reports, published alerts and indicators, dead letters, latencies.

One thread plays and tells of what it sent, another reads and tells of what came out; the screen looks on. So every
method holds the lock.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import msgspec

from safety_stream.core.model.alerts import AlertVersion, Change
from safety_stream.core.model.dead_letters import DeadLetter
from safety_stream.core.model.ids import incident_id
from safety_stream.core.model.incidents import IncidentVersion
from safety_stream.core.model.published import OF_HANDLING, PublishedAlert, PublishedIndicator
from safety_stream.core.model.times import Instant
from safety_stream.synthetic import SyntheticReport
from safety_stream.testing.verdict import as_read

SHOWN_ALERTS = 50
"""How many alerts of each change that ask to be heard one can look back on."""

RATE_SECONDS = 5.0
"""Over how long incidents per second are counted."""


MILESTONES = (
    "a repeat victim",
    "a pattern across districts",
    "a district above its number",
    "a correction withdraws an alert",
    "a late report back-dates one",
    "a broken report in the dead letters",
)
"""What a demonstration is sure to show."""

_RAISED_BY = {"rv-graded": MILESTONES[0], "soc-cross-district": MILESTONES[1], "district-count": MILESTONES[2]}


class Feed(msgspec.Struct):
    """What one source has sent."""

    sent: int = 0
    refused: int = 0
    newest: Instant = 0


class Reached(msgspec.Struct, frozen=True):
    """A milestone: how many seconds after the first report it was seen, and by what."""

    seconds: float
    by: PublishedAlert | DeadLetter


class Seen:
    """Everything the demonstration knows."""

    def __init__(self) -> None:
        """Nothing seen yet."""
        self._lock = Lock()
        self.feeds: dict[str, Feed] = {}
        self.reports = 0
        self.refused_expected = 0
        self.accepted: list[dict[str, Any]] = []
        self.incidents = 0
        self.alerts: dict[Change, deque[PublishedAlert]] = {
            change: deque(maxlen=SHOWN_ALERTS) for change in ("raised", "updated", "withdrawn")
        }
        self.above: set[str] = set()
        self.changes: Counter[tuple[str, str]] = Counter()
        self.reasons: Counter[str] = Counter()
        self.dead_letters: Counter[str] = Counter()
        self.indicators: dict[tuple[str, str], PublishedIndicator] = {}
        self.latencies: list[float] = []
        self.milestones: dict[str, Reached] = {}
        self.simulated: Instant = 0
        self._incidents_at: deque[float] = deque()
        self._first_sent: float | None = None
        self._sent_at: dict[str, float] = {}
        self._published: dict[tuple[str, int], tuple[PublishedAlert, float]] = {}
        self._causes: dict[tuple[str, int], str] = {}

    @contextmanager
    def looking(self) -> Iterator[Seen]:
        """Look at a moment's state; nothing changes meanwhile."""
        with self._lock:
            yield self

    def sent(self, arrival: SyntheticReport, at: float) -> None:
        """A report went out at this monotonic second."""
        with self._lock:
            if self._first_sent is None:
                self._first_sent = at
            feed = self.feeds.setdefault(arrival.source, Feed())
            feed.sent += 1
            feed.newest = max(feed.newest, arrival.received_at)
            self.reports += 1
            self.simulated = max(self.simulated, arrival.received_at)
            if arrival.refused is not None:
                self.refused_expected += 1
            elif arrival.report is not None:
                self.accepted.append(as_read(arrival))
                self._sent_at[incident_id(arrival.report.source, arrival.report.source_ref)] = at

    def incidents_per_second(self, at: float) -> float:
        """How many incidents a second went through in the last seconds before this monotonic second."""
        while self._incidents_at and self._incidents_at[0] < at - RATE_SECONDS:
            self._incidents_at.popleft()
        return len(self._incidents_at) / RATE_SECONDS

    def came_out(self, value: msgspec.Struct, at: float) -> None:
        """A record was read at this monotonic second."""
        with self._lock:
            if isinstance(value, IncidentVersion):
                self.incidents += 1
                self._incidents_at.append(at)
            elif isinstance(value, PublishedAlert):
                # Nobody in a demo handles anything, and days pass in seconds: that all clocks run out is no news.
                if value.reason not in OF_HANDLING:
                    self._told(value, at)
            elif isinstance(value, AlertVersion):
                self._causes[value.alert_id, value.version] = value.cause
                self._join((value.alert_id, value.version))
            elif isinstance(value, PublishedIndicator):
                self._shown(value)
            elif isinstance(value, DeadLetter):
                self.dead_letters[value.reason] += 1
                self._reached(MILESTONES[5], at, value)
                source = value.topic.partition(".")[2]
                self.feeds.setdefault(source, Feed()).refused += 1

    def _told(self, alert: PublishedAlert, at: float) -> None:
        if alert.notify:
            self.alerts[alert.change].append(alert)
        if alert.family == "threshold" and alert.area is not None:
            (self.above.discard if alert.change == "withdrawn" else self.above.add)(alert.area)
        self.changes[alert.family or "", alert.change] += 1
        self.reasons[alert.reason or ""] += 1
        if alert.change == "raised" and alert.rule_id in _RAISED_BY:
            self._reached(_RAISED_BY[alert.rule_id], at, alert)
        if alert.reason == "back-dated":
            self._reached(MILESTONES[4], at, alert)
        self._published[alert.alert_id, alert.version] = (alert, at)
        self._join((alert.alert_id, alert.version))

    def _reached(self, milestone: str, at: float, by: PublishedAlert | DeadLetter) -> None:
        """Something was seen for the first time, or again."""
        if self._first_sent is not None:
            self.milestones.setdefault(milestone, Reached(round(at - self._first_sent, 1), by))

    def _join(self, version: tuple[str, int]) -> None:
        """What was published and what caused it come on topics of their own, in any order."""
        published, cause = self._published.get(version), self._causes.get(version)
        if published is None or cause is None:
            return
        alert, at = published
        incident, _, action = cause.partition(" ")
        if alert.change == "withdrawn" and action == "correct":
            self._reached(MILESTONES[3], at, alert)
        if incident in self._sent_at:
            self.latencies.append(at - self._sent_at[incident])

    def _shown(self, value: PublishedIndicator) -> None:
        if value.period != "week":
            return
        before = self.indicators.get((value.area, value.indicator))
        if before is None or before.starts <= value.starts:
            self.indicators[value.area, value.indicator] = value


def quantile(values: list[float], share: float) -> float | None:
    """The value below which `share` of the values lie; None when there are none."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
