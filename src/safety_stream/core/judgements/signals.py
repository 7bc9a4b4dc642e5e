"""One week of all series: which counts are a signal, and which of them belong to one breach.

Theory of operation
-------------------
A week is judged as one batch, and from what is known of it and of the weeks before it alone. So the judgements of a
history are a fold over its weeks, and a value that is restated changes its own week and later ones, never an earlier
one.

    values, expectations        of the week
      -> together               few are expected: the last weeks are taken as one
      -> rarity                 how probable so many or more, so few or fewer
      -> discoveries            which of all a batch of this size would not bring by chance
      -> enough                 incidents to act on, whatever the probability says
      -> signal, with reasons
      -> breach                 opened by the first red or amber week, over after some without

Upwards a value may be a signal while its feeds are incomplete: what is missing can hardly make it smaller. That there
is no signal, or fewer than expected, means nothing before the feeds are complete; so a late month never looks like a
fall, and a breach does not close for want of reports.

    rarer-than-red       p is at most the red level, and the batch bears it out
    alone-in-its-batch   p is at most the red level, but a batch of that size brings such a one by chance: amber
    rarer-than-amber     p is at most the amber level
    two-of-three         this week and one of the two before are some standard deviations above what was expected
    run-above            so many weeks one after another have more than half of all such weeks would
    rarer-below          p_low is below the level of improvement
    run-below            so many complete weeks one after another have fewer than half of all such weeks would

Which series have enough incidents is seen in the very counts that are judged. So all of them are in the batch, however
few they have: whoever left out first what looks harmless would compare the rest with too few others, and what is said
of false discoveries would not hold (docs/statistics.md, "Known truth in real weeks"). And the mean of a count is no
centre where counts are small: more than half of all weeks are below it, and a run below would be no news. So a run is
one of weeks whose p, or p_low, is below a half.

Signals and their numbers: domain.md 5. Benjamini and Hochberg (1995). Runs: Western Electric rules on the residuals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Final

import msgspec

from safety_stream.core.judgements.settings import Levels
from safety_stream.core.model.judgements import Reason, Signal
from safety_stream.core.model.times import Day
from safety_stream.core.statistics.expecting import Expected, Rarity, rarity_of, together_of
from safety_stream.core.statistics.multiple import discovered

_HALF: Final = 0.5
LOOKS_BACK: Final = 7
"""No signal looks at more periods before the one it is about."""


class Weighed(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A period of a series before it is judged: the values up to and with it (`recent`), and what it let expect."""

    value: int
    final: bool
    recent: tuple[int, ...]
    past_years: tuple[int, ...]
    target: int | None
    expected: Expected


class Breach(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A breach that stands: the first days of its first period and first red one, and how long nothing was up."""

    opened: Day
    red_since: Day | None
    quiet: int


class Judged(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A period of a series as it was judged: `counted` in all periods taken together, which let expect `over`.

    How many were tested, and how many of them stood out, is told where that decided something, and 0 elsewhere: else
    every series of a week would change with each that comes to be tested.
    """

    weighed: Weighed
    together: int
    counted: int
    over: Expected
    rarity: Rarity
    tests: int
    discoveries: int
    signal: Signal
    reasons: tuple[Reason, ...]
    breach: Breach | None


Row = Mapping[str, Judged]
"""The judged series of one period."""


def judged_week(week: Day, weighed: Mapping[str, Weighed], before: Sequence[Row], levels: Levels) -> dict[str, Judged]:
    """Judge a week of all series; `before` are the rows of the weeks just before it, the latest last."""
    series = sorted(weighed)
    pasts = [[row.get(name) for row in before] for name in series]
    taken = [_together(weighed[name], past, levels) for name, past in zip(series, pasts, strict=True)]
    rarities = rarity_of(
        [counted for _, counted, _ in taken],
        [over for _, _, over in taken],
        (levels.amber, levels.red, levels.improvement),
    )
    found = discovered([rarity.p for rarity in rarities], levels.false_discoveries)
    tests, discoveries = len(series), sum(found)
    judged = {}
    for name, past, (together, counted, over), rarity, is_found in zip(
        series, pasts, taken, rarities, found, strict=True
    ):
        is_enough = _is_enough(weighed[name], together, counted, levels)
        up = _upward(weighed[name], rarity, past, levels, is_found=is_found) if is_enough else ()
        reasons = up or _downward(weighed[name], rarity, past, levels)
        signal = _signal(reasons, weaker=over.weaker)
        standing = past[-1].breach if past and past[-1] else None
        breach = breach_after(standing, week, signal, levels.clear_after, final=weighed[name].final)
        batch = (tests, discoveries) if {"rarer-than-red", "alone-in-its-batch"} & {*reasons} else (0, 0)
        judged[name] = Judged(weighed[name], together, counted, over, rarity, *batch, signal, reasons, breach)
    return judged


def _together(one: Weighed, past: Sequence[Judged | None], levels: Levels) -> tuple[int, int, Expected]:
    """How many weeks are judged as one, what was counted in them, and what they let expect."""
    weeks = levels.rare_together
    earlier = past[len(past) - (weeks - 1) :] if len(past) >= weeks - 1 else []
    if one.expected.mean >= levels.rare_below or not earlier or any(week is None for week in earlier):
        return 1, one.value, one.expected
    each = [week.weighed.expected for week in earlier if week is not None]
    return weeks, sum(one.recent[-weeks:]), together_of([*each, one.expected])


def _is_enough(one: Weighed, together: int, counted: int, levels: Levels) -> bool:
    """Whether there are incidents enough to act on: of single weeks, `has_enough_cases` without arrays."""
    if together > 1:
        return counted >= levels.rare_least
    incidents, weeks = levels.least
    return one.value >= levels.least_now or sum(one.recent[-weeks:]) >= incidents


def _upward(
    one: Weighed, rarity: Rarity, past: Sequence[Judged | None], levels: Levels, *, is_found: bool
) -> tuple[Reason, ...]:
    reasons: list[Reason] = []
    if rarity.p <= levels.red:
        reasons.append("rarer-than-red" if is_found else "alone-in-its-batch")
    elif rarity.p <= levels.amber:
        reasons.append("rarer-than-amber")
    if one.expected.mean < levels.rare_below:
        return tuple(reasons)
    if _is_far(one, levels) and any(week is not None and _is_far(week.weighed, levels) for week in past[-2:]):
        reasons.append("two-of-three")
    run = _run(one, rarity, past, levels)
    if run and all(week.p < _HALF for _, week in run):
        reasons.append("run-above")
    return tuple(reasons)


def _downward(one: Weighed, rarity: Rarity, past: Sequence[Judged | None], levels: Levels) -> tuple[Reason, ...]:
    if not one.final:
        return ()
    reasons: list[Reason] = []
    if rarity.p_low < levels.improvement:
        reasons.append("rarer-below")
    # That nothing happens week after week is no news where hardly anything does.
    run = _run(one, rarity, past, levels) if one.expected.mean >= levels.rare_below else None
    if run and all(is_final and week.p_low < _HALF for is_final, week in run):
        reasons.append("run-below")
    return tuple(reasons)


def _run(
    one: Weighed, rarity: Rarity, past: Sequence[Judged | None], levels: Levels
) -> list[tuple[bool, Rarity]] | None:
    """Whether each of the last weeks, of which a run would be made, is final, and how rare it is.

    None where one of them was not judged, or not by itself.
    """
    latest = past[-(levels.run - 1) :]
    weeks = [(week.weighed.final, week.rarity) for week in latest if week is not None and week.together == 1]
    return [*weeks, (one.final, rarity)] if len(weeks) == levels.run - 1 else None


def _signal(reasons: Sequence[Reason], *, weaker: bool) -> Signal:
    if not reasons:
        return "none"
    if reasons[0] in ("rarer-below", "run-below"):
        return "improvement"
    # Nobody is called out for what rests on a few weeks of history.
    return "red" if "rarer-than-red" in reasons and not weaker else "amber"


def _is_far(one: Weighed, levels: Levels) -> bool:
    mean, spread = one.expected.mean, one.expected.spread
    return one.value - mean > levels.sigmas * sqrt(mean * spread)


def breach_after(
    standing: Breach | None, starts: Day, signal: Signal, clear_after: int, *, final: bool
) -> Breach | None:
    """The breach that stands after a period of this signal, `standing` before it; None: there is none, or none more."""
    if signal in ("red", "amber"):
        opened = standing.opened if standing else starts
        red_since = standing.red_since if standing else None
        if red_since is None and signal == "red":
            red_since = starts
        return Breach(opened, red_since, 0)
    if standing is None:
        return None
    quiet = standing.quiet + 1 if final else standing.quiet
    return Breach(standing.opened, standing.red_since, quiet) if quiet < clear_after else None
