"""What is compared: each detector gives every judged week a score, and an alarm where it is small enough.

Farrington's algorithm and what stands on it fit a model to each week. A current outbreak is in no baseline while it
lasts (26 weeks are left out, or a year), so one fit serves the series without and with every outbreak. The detectors
with a short memory look at the outbreak itself, and judge each copy of the series.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import msgspec
import numpy as np
from bench.study.scenarios import CURRENT, LONGEST
from bench.study.series import LEAD, Scores, Series, with_enough_cases

from safety_stream.core.statistics.charts import Chart
from safety_stream.core.statistics.distributions import negative_binomial_survival, normal_quantile, normal_survival
from safety_stream.core.statistics.farrington import Control, farrington_flexible
from safety_stream.core.statistics.recent import recent_survival
from safety_stream.core.statistics.series import Flags, Floats
from safety_stream.core.statistics.short_history import ShortHistory

FIRST = CURRENT.start - LEAD
"""The first column a model is fitted to."""

_CELLS = 4000
"""Probabilities at once: as many as the processor's memory holds."""
_POWER = 2 / 3

T = TypeVar("T")


class Steps(Protocol):
    """Shows how far a loop is."""

    def __call__(self, items: Iterable[T], name: str) -> Iterable[T]:
        """The same items, one after another."""


@dataclass(frozen=True)
class Model:
    """What the weeks from `FIRST` on let expect, (series, weeks); NaN where nothing.

    `spread` is the dispersion of a negative binomial, or the standard deviation of the transformed count (`delta`).
    """

    mean: Floats
    spread: Floats


def told(series: Series) -> Model:
    """The truth, which no detector can know."""
    mean = series.mean[:, FIRST:]
    return Model(mean, np.broadcast_to(series.dispersion[:, None], mean.shape))


def fitted(
    series: Series,
    control: Control,
    steps: Steps,
    name: str,
    *,
    excluded: Flags | None = None,
    covariates: Floats | None = None,
) -> Model:
    """What Farrington's algorithm expects, told of weeks that are left out and of columns that all series share."""
    weeks = np.arange(FIRST, CURRENT.stop)
    # The minimum-count rule looks at the outbreak; it comes later.
    without_rule = msgspec.structs.replace(control, limit54=(0, 1))
    found = [
        farrington_flexible(series.counts[rows], weeks, without_rule, excluded=excluded, covariates=covariates)
        for rows in steps(list(series.chunks()), name)
    ]
    mean = np.concatenate([one.expected for one in found])
    if control.threshold_method == "delta":
        bound = np.concatenate([one.bound for one in found])
        return Model(mean, (bound**_POWER - mean**_POWER) / normal_quantile(1 - control.alpha))
    return Model(mean, np.concatenate([one.dispersion for one in found]))


def one_week(
    series: Series, model: Model, tail: Callable[..., Floats] = negative_binomial_survival, *, rule: bool = True
) -> Scores:
    """The probability of the week's count or more, by default under the minimum-count rule."""
    quiet = _probability(tail, series.current(), model.mean[:, LEAD:], model.spread[:, LEAD:])
    columns = series.columns() - FIRST
    outbreak = _probability(
        tail,
        np.where(series.during(), series.with_outbreaks(), np.nan),
        series.at(model.mean, columns),
        series.at(model.spread, columns),
    )
    scores = Scores(quiet, outbreak)
    return with_enough_cases(series, scores) if rule else scores


def delta(counts: Floats, mean: Floats, spread: Floats) -> Floats:
    """The probability of each count or more by the original algorithm: of `one_week`."""
    return normal_survival((counts**_POWER - mean**_POWER) / spread)


def recent_weeks(series: Series, model: Model, period: int) -> Scores:
    """The probability of as many or more in the last weeks together."""
    before = period - 1
    quiet = recent_survival(series.counts[:, CURRENT.start - before :], *_from(model, LEAD - before), period)
    columns = series.columns(before=before) - FIRST
    lasting = np.concatenate([np.ones((*series.starts.shape, before), dtype=np.bool_), series.during()], axis=2)
    width = before + LONGEST
    outbreak = recent_survival(
        series.with_outbreaks(before=before).reshape(-1, width),
        np.where(lasting, series.at(model.mean, columns), np.nan).reshape(-1, width),
        series.at(model.spread, columns).reshape(-1, width),
        period,
    )
    scores = Scores(quiet[:, before:], outbreak[:, before:].reshape(series.cases.shape))
    return with_enough_cases(series, Scores(*(np.where(np.isnan(one), np.inf, one) for one in _both(scores))))


def charted(series: Series, model: Model, chart: Callable[[Floats, Floats, Floats], Chart]) -> Scores:
    """Where a chart stands that starts with the first current week; the higher, the smaller the score."""
    mean, spread = _from(model, LEAD)
    quiet = -chart(series.current(), mean, spread).statistic
    outbreak = np.empty_like(series.cases)
    for place in range(series.starts.shape[1]):
        counts = series.current().copy()
        columns = series.columns()[:, place] - CURRENT.start
        for step in range(LONGEST):
            counts[np.arange(len(series)), columns[:, step]] += series.cases[:, place, step]
        standing = -chart(counts, mean, spread).statistic
        outbreak[:, place] = np.take_along_axis(standing, columns, axis=1)
    return with_enough_cases(series, Scores(quiet, outbreak))


def remembered(
    series: Series, judge: Callable[[Floats, list[int]], ShortHistory], history: int, steps: Steps, name: str
) -> Scores:
    """What a detector says that looks at `history` weeks before the judged one, the outbreak among them.

    Its score is its p-value; where it has none, 0 for an alarm and 1 for no alarm.
    """
    quiet, outbreak = [], []
    during = series.during()
    for rows in steps(list(series.chunks()), name):
        some = series.rows(rows)
        found = judge(some.counts[:, CURRENT.start - history :], list(range(history, history + len(CURRENT))))
        quiet.append(_score(found))
        counts = some.with_outbreaks(before=history).reshape(-1, history + LONGEST)
        lasting = during[rows].reshape(-1, LONGEST)
        scores = np.full(lasting.shape, np.inf)
        # Few outbreaks last long: judge week by week those that still do.
        for step in range(LONGEST):
            still = lasting[:, step]
            if still.any():
                scores[still, step] = _score(judge(counts[still, step : history + step + 1], [history]))[:, 0]
        outbreak.append(scores.reshape(during[rows].shape))
    return Scores(np.concatenate(quiet), np.concatenate(outbreak))


def _from(model: Model, column: int) -> tuple[Floats, Floats]:
    return model.mean[:, column:], model.spread[:, column:]


def _both(scores: Scores) -> tuple[Floats, Floats]:
    return scores.quiet, scores.outbreak


def _probability(tail: Callable[..., Floats], counts: Floats, mean: Floats, spread: Floats) -> Floats:
    """What the tail says of every cell, infinite where something is not known."""
    probability = np.full(counts.shape, np.inf)
    known = np.flatnonzero(np.isfinite(counts) & np.isfinite(mean))
    parts = [table.ravel()[known] for table in (counts, mean, spread)]
    for first in range(0, known.size, _CELLS):
        some = slice(first, first + _CELLS)
        probability.ravel()[known[some]] = tail(*(part[some] for part in parts))
    return probability


def _score(found: ShortHistory) -> Floats:
    if np.isnan(found.p_value).all():
        return np.where(found.alarm, 0.0, 1.0)
    return np.where(np.isnan(found.p_value), np.inf, found.p_value)
