"""The county as it arrives: everyday reports and planted stories in one order of receipt."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import date
from operator import attrgetter

from safety_stream.core.model.times import start_of, to_day
from safety_stream.synthetic.background import Background
from safety_stream.synthetic.report import SyntheticReport
from safety_stream.synthetic.settings import County
from safety_stream.synthetic.stories import Story, plant


def generate(county: County, *, seed: int, start: date, days: int, scale: float = 1.0) -> Iterator[SyntheticReport]:
    """What happened on `days` London days from `start`, in order of receipt; the same for the same arguments.

    `scale` 1 is as many reports as the county has. Slow feeds go on arriving for months after the last day; every
    report of a planted story arrives before its end. Memory grows with what is under way, not with `days`.
    """
    first = to_day(start)
    planted = plant(county, seed, first, days)
    background = Background(county, seed, scale, planted.quiet)
    under_way = list(planted.reports)
    for day in range(first, first + days):
        under_way += background.day(day)
        under_way.sort(key=_RECEIVED)
        arrived = bisect_left(under_way, start_of(day + 1), key=_RECEIVED)
        yield from under_way[:arrived]
        del under_way[:arrived]
    yield from under_way


def ground_truth(county: County, *, seed: int, start: date, days: int) -> tuple[Story, ...]:
    """The stories planted in the county `generate` makes of the same arguments, at whatever scale."""
    return plant(county, seed, to_day(start), days).stories


_RECEIVED = attrgetter("received_at")
