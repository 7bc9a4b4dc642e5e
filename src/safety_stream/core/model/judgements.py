"""A value held against what its own past let expect, with everything its bounds can be worked out from again."""

from __future__ import annotations

from typing import Literal

import msgspec

from safety_stream.core.model.times import Day, Instant, PeriodKind

Signal = Literal["none", "improvement", "amber", "red"]
"""What is said of a value: nothing, fewer than expected, more than expected, or more than chance explains."""

Method = Literal["farrington", "bayes", "poisson"]
"""What the expectation comes from: years of history, the last weeks alone (weaker), or the same weekdays of a year."""

Reason = Literal[
    "rarer-than-red",
    "rarer-than-amber",
    "alone-in-its-batch",
    "two-of-three",
    "run-above",
    "rarer-below",
    "run-below",
]
"""What a signal rests on, in a word; `core/judgements/signals.py` says what each means."""


class Judgement(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What is thought of `value` incidents of `indicator` in `area` in the period from day `starts` to before `ends`.

    `expected` is the mean of this period, `spread` the variance / mean of counts around it: a count is negative
    binomial with these two. Where `expected` is too small for a period to say anything, `together` periods up to this
    one are judged as one, `counted` in all, and `expected` is that of all. `amber_above`, `red_above` and `low_below`
    are the greatest counts that are still no signal by themselves, and the least; `p` and `p_low` the probabilities of
    as many or more, and of as few or fewer, had nothing happened. A batch of `tests` periods judged at once has
    `discoveries`; both are 0 where that decided nothing.

    `opened` is the first day of the first period of the breach this one belongs to, None without one; `red_since` that
    of its first red one. `target` is an agreed limit for a period, and says nothing of chance. `recent` are the eight
    values up to and with this one, `past_years` those of the years before, the latest first: of the period that begins
    on the same weekday, nearest to the same day of its year. `weaker`: too little history for the method we trust. `by`
    is the digest of the settings. `revision` counts from 1; `restates` is the signal of the revision before.

    The bounds follow from `counted`, `expected`, `spread` and the levels: a count above `amber_above` has a `p` of at
    most `amber_level`, one above `red_above` of at most `red_level`, one below `low_below` a `p_low` below `low_level`.
    Without a `low_level` nothing is too few. Without any, the record is of an earlier release, or says of a period that
    it is judged no more.
    """

    area: str
    indicator: str
    period: PeriodKind
    starts: Day
    ends: Day
    value: int
    final: bool
    method: Method
    weaker: bool
    together: int
    counted: int
    expected: float
    spread: float
    amber_above: int
    red_above: int
    low_below: int
    p: float
    p_low: float
    tests: int
    discoveries: int
    signal: Signal
    reasons: tuple[Reason, ...]
    opened: Day | None
    red_since: Day | None
    target: int | None
    recent: tuple[int, ...]
    past_years: tuple[int, ...]
    by: str
    revision: int
    restates: Signal | None
    as_of: Instant
    amber_level: float | None = None
    red_level: float | None = None
    low_level: float | None = None
