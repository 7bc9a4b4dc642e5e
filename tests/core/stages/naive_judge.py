"""What is to be said of weeks and days, worked out the plain way from domain.md 5, by no code of the core.

Periods go by number here, and every period is looked at on its own, from all that came before it. What a week lets
expect is given: that is compared with R elsewhere. What a day lets expect is worked out.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, lgamma, log
from typing import Any

Key = tuple[str, int]
"""A series, and the number of a period."""

Said = dict[str, Any]
"""The signal of a period, its reasons, the number of the period that opened its breach and of that one's first red."""


def or_more(count: int, mean: float, spread: float) -> float:
    """The probability of a count or more, by adding up what is below it."""
    return 1 - sum(probability(number, mean, spread) for number in range(count))


def probability(count: int, mean: float, spread: float) -> float:
    """Of exactly a count: Poisson, or negative binomial with that variance / mean."""
    if spread == 1:
        return exp(count * log(mean) - mean - lgamma(count + 1))
    size, share = mean / (spread - 1), 1 / spread
    ways = lgamma(count + size) - lgamma(size) - lgamma(count + 1)
    return exp(ways + size * log(share) + count * log(1 - share))


def naive_weeks(
    expected: Mapping[Key, tuple[float, float, bool, float]], values: Mapping[Key, int], final: int, levels: Any
) -> dict[Key, Said]:
    """What is said of each week of which something is expected (mean, spread, weaker, error); final before `final`.

    The spread is that of the count with the error in it, which is that of the mean: the variances / mean of both.
    """
    weeks = sorted({week for _, week in expected})
    candidates: dict[Key, tuple[float, float]] = {}
    alone: dict[Key, tuple[float, float]] = {}
    enough: set[Key] = set()
    for series, week in expected:
        mean = expected[series, week][0]
        last_four = [(series, week - back) for back in range(4)]
        is_rare = mean < levels.rare_below and all(key in expected for key in last_four)
        keys = last_four if is_rare else [(series, week)]
        count, over = sum(values.get(key, 0) for key in keys), sum(expected[key][0] for key in keys)
        chance = sum(expected[key][0] * (expected[key][1] - expected[key][3]) for key in keys)
        # All means come of one baseline: they are wrong together, and as far as they are wrong at all.
        wrong = sum((expected[key][0] * expected[key][3]) ** 0.5 for key in keys)
        spread = (chance + wrong**2) / over
        candidates[series, week] = or_more(count, over, spread), 1 - or_more(count + 1, over, spread)
        if not is_rare:
            alone[series, week] = candidates[series, week]
        many, in_weeks = levels.least
        is_much = sum(values.get((series, week - back), 0) for back in range(in_weeks)) >= many
        is_much = is_much or values.get((series, week), 0) >= levels.least_now
        if count >= levels.rare_least if is_rare else is_much:
            enough.add((series, week))
    said: dict[Key, Said] = {}
    for week in weeks:
        batch = {key: p for key, (p, _) in candidates.items() if key[1] == week}
        believed = believed_of(batch, levels.false_discoveries)
        for series in sorted(name for name, number in expected if number == week):
            key = series, week
            reasons: list[str] = []
            if key in enough:
                reasons = upward(key, expected, values, alone, batch[key], levels, is_believed=key in believed)
            if not reasons and week < final:
                reasons = downward(key, expected, alone, candidates[key][1], final, levels)
            said[key] = {"signal": signal_of(reasons, weaker=expected[key][2]), "reasons": tuple(reasons)}
    with_breaches(said, final, levels.clear_after, over_gaps=False)
    return said


def believed_of(tested: Mapping[Key, float], share: float) -> set[Key]:
    """Benjamini and Hochberg: down to the last p-value that is no more than its rank's part of the share."""
    ranked = sorted(tested, key=lambda key: tested[key])
    last = max((rank for rank, key in enumerate(ranked, 1) if tested[key] <= share * rank / len(ranked)), default=0)
    return set(ranked[:last])


def upward(
    key: Key,
    expected: Mapping[Key, Any],
    values: Mapping[Key, int],
    alone: Mapping[Key, tuple[float, float]],
    p: float,
    levels: Any,
    *,
    is_believed: bool,
) -> list[str]:
    series, week = key
    reasons = []
    if p <= levels.red:
        reasons.append("rarer-than-red" if is_believed else "alone-in-its-batch")
    elif p <= levels.amber:
        reasons.append("rarer-than-amber")
    if expected[key][0] < levels.rare_below:
        return reasons
    far = [
        (values.get(one, 0) - expected[one][0]) / (expected[one][0] * expected[one][1]) ** 0.5 > levels.sigmas
        for one in ((series, week), (series, week - 1), (series, week - 2))
        if one in expected
    ]
    if values.get(key, 0) > expected[key][0] and far[0] and any(far[1:]):
        reasons.append("two-of-three")
    run = [(series, week - back) for back in range(levels.run)]
    if all(one in alone and alone[one][0] < 0.5 for one in run):
        reasons.append("run-above")
    return reasons


def downward(
    key: Key,
    expected: Mapping[Key, Any],
    alone: Mapping[Key, tuple[float, float]],
    p_low: float,
    final: int,
    levels: Any,
) -> list[str]:
    series, week = key
    reasons = ["rarer-below"] if p_low < levels.improvement else []
    run = [(series, week - back) for back in range(levels.run)]
    is_often = expected[key][0] >= levels.rare_below
    if is_often and all(one in alone and one[1] < final and alone[one][1] < 0.5 for one in run):
        reasons.append("run-below")
    return reasons


def signal_of(reasons: list[str], *, weaker: bool) -> str:
    if not reasons:
        return "none"
    if "rarer-below" in reasons or "run-below" in reasons:
        return "improvement"
    return "red" if "rarer-than-red" in reasons and not weaker else "amber"


def naive_days(
    values: Mapping[Key, int], series: list[str], days: range, final: int, left_out: set[int], daily: Any
) -> dict[Key, Said]:
    """What is said of each of these days, number 0 being the first of the history."""
    by, levels = daily.expecting, daily.levels
    said: dict[Key, Said] = {}
    for day in days:
        usual = [day - 7 * weeks for weeks in range(1, by.weeks + 1) if weeks > by.weeks_left_out]
        usual = [one for one in usual if one >= 0 and one not in left_out]
        if day in left_out or len(usual) < by.least_weeks:
            continue
        for name in series:
            mean = (sum(values.get((name, one), 0) for one in usual) + 0.5) / len(usual)
            count = values.get((name, day), 0)
            p, reasons = or_more(count, mean, 1.0), []
            if count >= levels.least and p <= levels.amber:
                reasons.append("rarer-than-red" if p <= levels.red else "rarer-than-amber")
            signal = signal_of(reasons, weaker=False)
            said[name, day] = {"signal": signal, "reasons": tuple(reasons), "expected": mean, "p": p}
    with_breaches(said, final, levels.clear_after, over_gaps=True)
    return said


def with_breaches(said: dict[Key, Said], final: int, clear_after: int, *, over_gaps: bool) -> None:
    """Say of each period which one opened the breach it is in: from a signal on, until so many final ones are quiet."""
    for series in {name for name, _ in said}:
        opened = red_since = None
        quiet, before = 0, None
        for period in sorted(number for name, number in said if name == series):
            if before is not None and period - before > 1 and not over_gaps:
                opened = red_since = None
            before = period
            signal = said[series, period]["signal"]
            if signal in ("amber", "red"):
                quiet = 0
                opened = period if opened is None else opened
                if signal == "red" and red_since is None:
                    red_since = period
            elif opened is not None and period < final:
                quiet += 1
                if quiet == clear_after:
                    opened = red_since = None
                    quiet = 0
            said[series, period] |= {"opened": opened, "red_since": red_since}
