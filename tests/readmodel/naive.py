"""The fold in memory that the tables must agree with, written without them: all records up to now, gone over again."""

from collections.abc import Iterable

from safety_stream.core.model.dead_letters import DeadLetter
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.published import PublishedAlert, PublishedIndicator
from safety_stream.readmodel.projection import TopicRecord

LAST = 10**30
OUT_OF_SIGHT = ("no-further-action", "snoozed", "merged", "closed", "withdrawn", "expired")


class Naive:
    def __init__(self, log: Iterable[TopicRecord]) -> None:
        self.alerts: list[PublishedAlert] = []
        self.indicators: list[PublishedIndicator] = []
        self.statuses: list[FeedStatus] = []
        self.letters: list[DeadLetter] = []
        self.missing: set[tuple[str, int]] = set()
        self.repeated: list[tuple[str, int]] = []
        self.newest: dict[str, int] = {}
        for record in log:
            value = record.value
            if isinstance(value, PublishedAlert | PublishedIndicator):
                before = self.newest.get(record.topic, 0)
                if value.seq <= before:
                    self.repeated.append((record.topic, value.seq))
                    continue
                self.missing |= {(record.topic, number) for number in range(before + 1, value.seq)}
                self.newest[record.topic] = value.seq
                (self.alerts if isinstance(value, PublishedAlert) else self.indicators).append(value)
            elif isinstance(value, FeedStatus):
                self.statuses.append(value)
            elif isinstance(value, DeadLetter):
                self.letters.append(value)

    def standing(self, audience: str) -> list[PublishedAlert]:
        newest = {one.alert_id: one for one in self.alerts if one.audience == audience}
        return [one for one in newest.values() if not self._is_out_of_sight(one)]

    def _is_out_of_sight(self, alert: PublishedAlert) -> bool:
        if alert.handling is None:
            return alert.change == "withdrawn"
        return alert.handling.state in OUT_OF_SIGHT

    def inbox(self, audience: str) -> list[PublishedAlert]:
        def clock(alert: PublishedAlert) -> int:
            if alert.handling is None:
                return LAST
            return min(alert.handling.acknowledge_by or LAST, alert.handling.decide_by or LAST)

        found = sorted(self.standing(audience), key=lambda one: one.seq, reverse=True)
        found.sort(key=clock)
        found.sort(key=lambda one: one.priority or "P9")
        return found

    def in_area(self, audience: str, area: str) -> list[PublishedAlert]:
        return [
            one for one in self.inbox(audience) if area in self._areas(one) or area in self.areas_before(audience, one)
        ]

    def _areas(self, alert: PublishedAlert) -> set[str]:
        return {area for area in (alert.area, *(alert.areas or ())) if area}

    def areas_before(self, audience: str, alert: PublishedAlert) -> set[str]:
        """Back over what says the same version of the same areas, then to what last told any."""
        life = [one for one in self.versions(audience, alert.alert_id) if one.seq < alert.seq]
        while life and life[-1].version == alert.version and self._areas(life[-1]) == self._areas(alert):
            life.pop()
        while life and not self._areas(life[-1]):
            life.pop()
        return self._areas(life[-1]) if life else set()

    def counts(self, audience: str) -> dict[str, int]:
        priorities = [one.priority or "" for one in self.standing(audience)]
        return {one: priorities.count(one) for one in {"P1", "P2", "P3", "P4", *priorities}}

    def versions(self, audience: str, alert_id: str) -> list[PublishedAlert]:
        return [one for one in self.alerts if (one.audience, one.alert_id) == (audience, alert_id)]

    def values(self) -> dict[tuple[str, str, str, str], dict[int, list[PublishedIndicator]]]:
        found: dict[tuple[str, str, str, str], dict[int, list[PublishedIndicator]]] = {}
        for one in self.indicators:
            series = found.setdefault((one.profile, one.indicator, one.area, one.period), {})
            series.setdefault(one.starts, []).append(one)
        return found

    def feeds(self) -> dict[str, tuple[int, int, int | None]]:
        """Per source: the newest, when that was first heard, and what all have passed."""
        found = {}
        for source in {source for status in self.statuses for source in status.newest}:
            said = [(one.newest[source], one.as_of, one.partition) for one in self.statuses if source in one.newest]
            newest = max(at for at, _, _ in said)
            per_partition = {
                number: max((at for at, _, partition in said if partition == number), default=None)
                for number in {one.partition for one in self.statuses}
            }
            passed = None if None in per_partition.values() else min(per_partition.values())
            found[source] = (newest, min(as_of for at, as_of, _ in said if at == newest), passed)
        return found
