"""The scripted story through every stage in this process, as the demonstration would have seen it on Kafka."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Self

import msgspec

from safety_stream.catalogue import load_catalogue
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.incidents import IncidentVersion
from safety_stream.core.model.published import PublishedAlert, PublishedIndicator
from safety_stream.core.stages.stage import Output
from safety_stream.data_files import catalogue_folder
from safety_stream.demo.play import encoded
from safety_stream.demo.run import START, Demo, Summary
from safety_stream.demo.story import story
from safety_stream.demo.watching import Seen
from safety_stream.replay import Arrival, Pipeline
from safety_stream.synthetic import SyntheticReport
from safety_stream.testing.verdict import Witnessed, compare

WATCHED = ("incidents", "alerts.duty-officer", "indicators.internal", "alert-changes", "dead-letters.intake")


def shipped() -> Catalogue:
    return load_catalogue(catalogue_folder())


class Told:
    """What came of some arrivals: what was seen of it, one second an arrival, and what stands at the end."""

    def __init__(self, catalogue: Catalogue, arrivals: Sequence[SyntheticReport]) -> None:
        self.seen = Seen()
        self.standing = Witnessed()
        self.incidents = 0
        self._second = 0.0
        pipeline = Pipeline(catalogue, self._take)
        for number, arrival in enumerate(arrivals):
            self._second = float(number)
            self.seen.sent(arrival, self._second)
            for _ in pipeline.run([Arrival(arrival.topic, encoded(arrival), arrival.received_at)]):
                pass

    def _take(self, output: Output) -> None:
        self.standing.take(output)
        self.incidents += isinstance(output.value, IncidentVersion)
        if output.topic in WATCHED:
            self.seen.came_out(output.value, self._second + 0.25)


def told_story(catalogue: Catalogue) -> Told:
    return Told(catalogue, story(START))


def an_alert(**changes: object) -> PublishedAlert:
    alert = PublishedAlert(
        seq=1,
        audience="duty-officer",
        alert_id="a",
        version=1,
        change="raised",
        as_of=START,
        reason="new",
        rule_id="rv-graded",
        family="repeat-victimisation",
        area="E07000117",
        notify=True,
    )
    return msgspec.structs.replace(alert, **changes)


def an_indicator(**changes: object) -> PublishedIndicator:
    value = PublishedIndicator(
        seq=1,
        profile="internal",
        area="E07000117",
        indicator="violence",
        period="week",
        starts=7,
        ends=14,
        value=3,
        final=False,
        revision=1,
        restates=None,
        as_of=START,
    )
    return msgspec.structs.replace(value, **changes)


class WithoutKafka(Demo):
    """A demonstration of the story alone, in this process. `spoil` may change what stands before it is judged."""

    spoil: Callable[[Witnessed], None] = staticmethod(lambda _: None)

    def __enter__(self) -> Self:
        self._told = told_story(self.catalogue)
        self.seen = self._told.seen
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing was started."""

    def play(self, seconds: float, look: Callable[[float], None]) -> None:
        look(seconds)

    def conclude(self) -> Summary:
        standing = self._told.standing
        self.spoil(standing)
        differences = compare(standing, self.seen.accepted, catalogue_folder())
        return self._summary(14.0, self._told.incidents, len(standing.dead_letters), standing, differences)
