"""One day of all series: which counts are too many for chance, and which of them belong to one breach.

For what is rare and grave enough that nobody waits for the week to be over. Each series stands for itself: the few that
are judged by the day are no batch to hold against itself, and their false alarms are counted instead
(docs/statistics.md, "By the day").

    rarer-than-red       p is at most the red level
    rarer-than-amber     p is at most the amber level

p is the tail of the Poisson distribution. With fewer incidents than the least there is no signal, whatever its
probability; and there is none downwards, because a quiet day is no news. Like a week, a day may be a signal while its
feeds are incomplete. A breach lasts over days that are not judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from safety_stream.core.judgements.settings import DayLevels
from safety_stream.core.judgements.signals import Breach, Judged, Row, Weighed, breach_after
from safety_stream.core.model.judgements import Reason, Signal
from safety_stream.core.model.times import Day
from safety_stream.core.statistics.expecting import Expected, Rarity, rarity_of


def judged_day(day: Day, weighed: Mapping[str, Weighed], before: Sequence[Row], levels: DayLevels) -> dict[str, Judged]:
    """Judge a day of all series; `before` are the rows of the days just before it, the latest last."""
    series = sorted(weighed)
    rarities = rarity_of_days(
        [weighed[name].value for name in series], [weighed[name].expected for name in series], levels
    )
    judged = {}
    for name, rarity in zip(series, rarities, strict=True):
        one = weighed[name]
        reasons = _reasons(one.value, rarity, levels)
        signal: Signal = "none" if not reasons else "red" if "rarer-than-red" in reasons else "amber"
        breach = breach_after(_standing(name, before), day, signal, levels.clear_after, final=one.final)
        judged[name] = Judged(one, 1, one.value, one.expected, rarity, 0, 0, signal, reasons, breach)
    return judged


def rarity_of_days(counts: Sequence[int], expected: Sequence[Expected], levels: DayLevels) -> list[Rarity]:
    """How rare the count of each day is; none is so small that it says anything."""
    found = rarity_of(counts, expected, (levels.amber, levels.red, levels.amber))
    return [msgspec.structs.replace(rarity, low_below=0) for rarity in found]


def _reasons(count: int, rarity: Rarity, levels: DayLevels) -> tuple[Reason, ...]:
    if count < levels.least or rarity.p > levels.amber:
        return ()
    return ("rarer-than-red",) if rarity.p <= levels.red else ("rarer-than-amber",)


def _standing(series: str, before: Sequence[Row]) -> Breach | None:
    """The breach that stood after the last of these days that was judged."""
    return next((row[series].breach for row in reversed(before) if series in row), None)
