"""What a disturbed past does to false alarms and to what is found, and what it helps to know of it.

The judged weeks and their outbreaks are the same in every row but those of the festival: what happened earlier is made
by leaving out events at random, so a lockdown has three fifths of them, and before a change of recording five in eight
were told. Scenarios with no or one wave of season, without past outbreaks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from bench.study.comparison import Table, percent
from bench.study.detectors import Steps, fitted, one_week
from bench.study.rates import cut_at, nominal, rates
from bench.study.scenarios import CURRENT, WEEKS, drawn, sample, scenarios
from bench.study.series import Series

from safety_stream.core.statistics.farrington import IMPROVED
from safety_stream.core.statistics.series import Flags, Floats

_LEFT_OPEN = 0.6
_RECORDED = 1 / 1.6
_BEGAN, _LASTED = 200, 69
"""Weeks before the current ones in which the lockdown began, and how many it lasted: as March 2020 to July 2021 seen
from 2024."""
_CHANGES = (52, 130)
_FALSE_ALARMS = 0.01


def _since(before: int) -> Flags:
    """The weeks from so many before the first current one on."""
    return np.arange(WEEKS) >= CURRENT.start - before


_LOCKDOWN = _since(_BEGAN) & ~_since(_BEGAN - _LASTED)
_WEEK_OF_YEAR = np.arange(WEEKS) % 52
_FESTIVAL = np.select([week == _WEEK_OF_YEAR for week in (42, 43, 44)], [6.0, 7.0, 3.0], 0.0)
"""Days of 24 October to 8 November in each week."""


@dataclass(frozen=True)
class _Case:
    """Series with a past, and what is told of it."""

    past: str
    told: str
    series: Series
    excluded: Flags | None = None
    covariates: Floats | None = None


def disturbed_past(replicates: int, steps: Steps) -> dict[str, Table]:
    """FPR and POD with a lockdown, a change of recording or a festival, told and untold."""
    table: Table = []
    during_festival = _FESTIVAL[CURRENT.start :] > 0
    for case in _cases(Series.of([sample(one, 0, replicates) for one in scenarios() if one.waves < 2])):
        name = f"{case.past}, {case.told}"
        model = fitted(case.series, IMPROVED, steps, name, excluded=case.excluded, covariates=case.covariates)
        scores = one_week(case.series, model)
        during = case.series.during()
        own, cut = nominal(IMPROVED.alpha), cut_at(_FALSE_ALARMS, scores.quiet)
        assert cut is not None
        ratio = model.mean[:, -len(CURRENT) :].sum() / case.series.current().sum()
        table.append(
            {
                "past": case.past,
                "told": case.told,
                "expected, times what came": round(float(ratio), 3),
                "FPR": percent(rates(scores, during, own).false_alarms),
                "FPR in late October": percent(own.rate(scores.quiet[:, during_festival])),
                "POD": percent(rates(scores, during, own).detected),
                f"POD at {_FALSE_ALARMS:.1%}": percent(rates(scores, during, cut).detected),
            }
        )
    return {"past": table}


def _cases(series: Series) -> Iterator[_Case]:
    yield _Case("quiet", "nothing", series)
    yield _Case("quiet", "69 weeks left out", series, excluded=_LOCKDOWN)
    yield _Case("quiet", "three columns without effect", series, covariates=_of_no_effect())
    struck = _thinned(series, np.where(_LOCKDOWN, _LEFT_OPEN, 1.0), 1)
    yield _Case("lockdown", "nothing", struck)
    yield _Case("lockdown", "69 weeks left out", struck, excluded=_LOCKDOWN)
    for before in _CHANGES:
        change = _since(before).astype(np.float64)
        changed = _thinned(series, np.where(change > 0, 1.0, _RECORDED), before)
        yield _Case(f"recording changed {before} weeks ago", "nothing", changed)
        yield _Case(f"recording changed {before} weeks ago", "a step", changed, covariates=change[None])
    festive = _with_festival(series)
    yield _Case("twice as many at a festival", "nothing", festive)
    yield _Case("twice as many at a festival", "its days", festive, covariates=_FESTIVAL[None])


def _thinned(series: Series, share: Floats, seed: int) -> Series:
    """The series with only a share of the events of each week."""
    chance = np.random.default_rng([20_130_407, seed])
    return replace(series, counts=chance.binomial(series.counts.astype(np.int64), share).astype(np.float64))


def _with_festival(series: Series) -> Series:
    """The series with twice as many in a week of seven such days, and in proportion in the others."""
    more = series.mean * (2 ** (_FESTIVAL / 7) - 1)
    counts = series.counts.copy()
    for row in range(len(series)):
        chance = np.random.default_rng([20_130_408, row])
        extra = drawn(chance, np.maximum(more[row], 1e-12), float(series.dispersion[row]))
        counts[row] += np.where(more[row] > 0, extra, 0)
    return replace(series, counts=counts)


def _of_no_effect() -> Floats:
    """A change a year and a half ago, a festival, and holidays that move through the spring; nothing comes of them."""
    moving = np.zeros(WEEKS)
    for year, week in enumerate((13, 15, 12, 16, 14, 13, 17, 15, 12, 14, 16, 13)):
        moving[52 * year + week] = 2
    return np.array([_since(78), _FESTIVAL, moving], dtype=np.float64)
