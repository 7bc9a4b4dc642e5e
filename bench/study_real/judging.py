"""What each detector says of real weeks, and which alarms come of it in each way to choose among them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import numpy as np
from bench.study.comparison import PREDICTIVE
from bench.study.detectors import Steps

from safety_stream.core.statistics.farrington import IMPROVED, Control, Farrington, farrington_flexible
from safety_stream.core.statistics.multiple import benjamini_hochberg, has_enough_cases
from safety_stream.core.statistics.pooling import pooled_farrington
from safety_stream.core.statistics.recent import recent_survival
from safety_stream.core.statistics.series import Flags, Floats, Weeks
from safety_stream.core.statistics.short_history import BAYES_2, C2, bayes, ears

ALPHA = IMPROVED.alpha
Q = 0.1
"""The share of false alarms Benjamini and Hochberg's procedure is asked for."""
FEW = 2
"""An alarm that rests on so many events or fewer is an anecdote."""
HISTORY = IMPROVED.b * IMPROVED.freq + IMPROVED.w
"""Weeks before the first one that can be judged."""

_WITHOUT_RULE: dict[str, Control] = {
    name: msgspec.structs.replace(control, limit54=(0, 1))
    for name, control in (("improved", IMPROVED), ("predictive", PREDICTIVE))
}


@dataclass(frozen=True)
class Said:
    """Of one detector, (series, judged weeks): p-values, NaN where it says nothing, and the events judged."""

    p_value: Floats
    events: Floats


@dataclass(frozen=True)
class Fits:
    """What Farrington's algorithm expects of weeks, each series alone and each category together."""

    weeks: Weeks
    alone: Farrington
    predictive: Farrington | None
    together: Farrington


def fit(
    counts: Floats,
    areas: int,
    weeks: Weeks,
    steps: Steps,
    name: str,
    *,
    excluded: Flags | None = None,
    predictive: bool = True,
) -> Fits:
    """Fit everything to weeks, by default with the error of the fit counted in as well.

    `excluded` are weeks that are in no baseline; every `areas` rows are one category.
    """
    blocks = [slice(first, first + areas) for first in range(0, len(counts), areas)]

    def each(judge: Callable[[Floats], Farrington], what: str) -> Farrington:
        return _below([judge(counts[block]) for block in steps(blocks, f"{name}, {what}")])

    def alone(control: Control) -> Callable[[Floats], Farrington]:
        return lambda some: farrington_flexible(some, weeks, control, excluded=excluded)

    return Fits(
        weeks,
        each(alone(_WITHOUT_RULE["improved"]), "alone"),
        each(alone(_WITHOUT_RULE["predictive"]), "predictive") if predictive else None,
        each(lambda some: pooled_farrington(some, weeks, _WITHOUT_RULE["improved"], excluded=excluded), "together"),
    )


def said(counts: Floats, fits: Fits) -> dict[str, Said]:
    """What every detector says of the fitted weeks but the first, which has none before it to be summed with."""
    weeks = fits.weeks[1:]
    judged, two = counts[:, weeks], counts[:, weeks] + counts[:, weeks - 1]
    found = {
        "alone": Said(fits.alone.p_value[:, 1:], judged),
        "alone, two weeks": Said(_two_weeks(counts, fits.weeks, fits.alone), two),
        "together": Said(fits.together.p_value[:, 1:], judged),
        "together, two weeks": Said(_two_weeks(counts, fits.weeks, fits.together), two),
        "Bayes 2": Said(bayes(counts, weeks, BAYES_2).p_value, judged),
        "EARS C2": Said(ears(counts, weeks, C2).p_value, judged),
    }
    if fits.predictive is not None:
        found["alone, predictive"] = Said(fits.predictive.p_value[:, 1:], judged)
    return found


def alarms(p_value: Floats, is_enough: Flags) -> dict[str, Flags]:
    """The alarms of each way: a fixed alpha or a stated share of false ones, without and with the count rule."""
    ruled = np.where(is_enough, p_value, np.nan)
    return {
        "p": p_value <= ALPHA,
        "p, rule": ruled <= ALPHA,
        "BH": weekly_batches(p_value),
        "BH, rule": weekly_batches(ruled),
    }


def weekly_batches(p_value: Floats) -> Flags:
    """Benjamini and Hochberg's choice in each week: all series of a week are one family."""
    return np.column_stack([benjamini_hochberg(week, Q) for week in p_value.T])


def enough(counts: Floats, weeks: Weeks) -> Flags:
    """The minimum-count rule of the weekly batch: five events in four weeks, or three in the week."""
    return has_enough_cases(counts, weeks)


def _two_weeks(counts: Floats, weeks: Weeks, found: Farrington) -> Floats:
    return recent_survival(counts[:, weeks], found.expected, found.dispersion)[:, 1:]


def _below(parts: list[Farrington]) -> Farrington:
    return Farrington(*(np.concatenate(part) for part in zip(*map(msgspec.structs.astuple, parts), strict=True)))
