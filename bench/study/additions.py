"""What stands beside Farrington's algorithm, each on series for which it is meant, at equal false alarms.

- `slow_rises`: a mean that grows by half within twelve weeks. One week, two weeks, CUSUM and EWMA.
- `pooled_areas`: fourteen districts of one season. Each for itself, and all together; once with a trend in common, and
  once with a trend of its own for each, which is what pooling takes for granted that it is not.
- `rare_events`: a quarter of an event to one a week, and a burst of some within a fortnight. Weeks, and days between.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import msgspec
import numpy as np
from bench.study.comparison import Cell, Table, percent
from bench.study.detectors import FIRST, Model, Steps, charted, fitted, one_week, recent_weeks, told
from bench.study.rates import EQUAL, cut_at, nominal, rates
from bench.study.scenarios import CURRENT, WEEKS, Scenario, drawn, sample, scenarios
from bench.study.series import LEAD, Series

from safety_stream.core.statistics.charts import Cusum, Ewma, cusum, ewma
from safety_stream.core.statistics.farrington import IMPROVED, farrington_flexible
from safety_stream.core.statistics.pooling import pooled_farrington
from safety_stream.core.statistics.rare import days_between
from safety_stream.core.statistics.recent import recent_survival
from safety_stream.core.statistics.series import Flags, Floats

AREAS = 14
_FALSE_ALARMS = 0.01
_ENDLESS = 1e9
_RISE_STARTS = 13
"""Current weeks before the rise: charts are under way when it begins."""
_RISE_LASTS = 12
_RISE = 0.5
_FOLLOWED = 26
"""Weeks a rise is in no baseline."""
_OWN_TREND = 0.0005
"""Standard deviation of the slopes: two in three districts grow within 2.6 % a year of the others."""
_WITHOUT_RULE = msgspec.structs.replace(IMPROVED, limit54=(0, 1))
_LEVELS = (0.005, 0.01, 0.05)


def slow_rises(replicates: int, steps: Steps) -> dict[str, Table]:
    """The share of rises found within so many weeks, where 1 % of quiet weeks are an alarm; and the median delay.

    A chart that is above its threshold stays there for weeks, which are one false alarm to whoever reads them: the
    columns of `runs` cut where runs of alarms begin in 1 % of quiet weeks.
    """
    chosen = [scenario for scenario in scenarios() if scenario.waves < 2]
    series = Series.of([sample(scenario, 0, replicates) for scenario in chosen])
    model = fitted(series, IMPROVED, steps, "slow rises")
    rise = np.zeros(len(CURRENT))
    weeks = np.arange(len(CURRENT) - _RISE_STARTS) + 1
    rise[_RISE_STARTS:] = _RISE * np.minimum(weeks / _RISE_LASTS, 1.0)
    risen = series.counts.copy()
    for row in range(len(series)):
        chance = np.random.default_rng([20_130_403, row])
        mean = series.mean[row, CURRENT.start :] * rise
        extra = drawn(chance, np.maximum(mean, 1e-12), float(series.dispersion[row]))
        risen[row, CURRENT.start :] += np.where(mean > 0, extra, 0)
    after = replace(series, counts=risen)
    truth = told(series)
    detectors = {
        "told the truth": lambda some: one_week(some, truth).quiet,
        "one week": lambda some: one_week(some, model).quiet,
        "two weeks": lambda some: recent_weeks(some, model, 2).quiet,
        "CUSUM": lambda some: charted(some, model, partial(cusum, control=Cusum(threshold=_ENDLESS))).quiet,
        "EWMA": lambda some: charted(some, model, partial(ewma, control=Ewma(threshold=_ENDLESS))).quiet,
    }
    found: dict[str, Floats] = {}
    apart: dict[str, Floats] = {}
    for name, score in detectors.items():
        quiet, during = score(series), score(after)[:, _RISE_STARTS : _RISE_STARTS + _FOLLOWED]
        cut = cut_at(_FALSE_ALARMS, quiet)
        assert cut is not None
        for first, below in ((found, cut.at), (apart, _cut_apart(quiet))):
            alarms = during <= below
            first[name] = np.where(alarms.any(axis=1), alarms.argmax(axis=1) + 1.0, np.inf)
    rows: Table = [
        {"week": week, **{name: percent(float((first <= week).mean())) for name, first in found.items()}}
        for week in range(1, _FOLLOWED + 1)
    ]
    large = series.mean[:, CURRENT.start].round(6) >= 3
    delays: Table = [
        {
            "detector": name,
            "found within 12 weeks": percent(float((first <= 12).mean())),
            "found within 26 weeks": percent(float((first <= _FOLLOWED).mean())),
            "median weeks": _or_none(float(np.median(first))),
            "median weeks, mean of 3 or more": _or_none(float(np.median(first[large]))),
            "found within 12 weeks, runs": percent(float((apart[name] <= 12).mean())),
            "found within 26 weeks, runs": percent(float((apart[name] <= _FOLLOWED).mean())),
            "median weeks, runs": _or_none(float(np.median(apart[name]))),
        }
        for name, first in found.items()
    ]
    return {"slow rises": rows, "delays": delays}


def pooled_areas(replicates: int, steps: Steps) -> dict[str, Table]:
    """POD at equal FPR of districts judged alone and together."""
    table: Table = []
    for title, own in (("a trend in common", 0.0), ("each its own trend", _OWN_TREND)):
        series = _districts(max(1, replicates // 4), own)
        alone = fitted(series, IMPROVED, steps, f"alone, {title}")
        together = _together(series, steps, title)
        during = series.during()
        for name, model in (("told the truth", told(series)), ("alone", alone), ("together", together)):
            for weeks in (1, 2):
                scores = one_week(series, model) if weeks == 1 else recent_weeks(series, model, weeks)
                own_rates = rates(scores, during, nominal(IMPROVED.alpha))
                row: dict[str, Cell] = {
                    "districts": title,
                    "judged": f"{name}, {weeks} week{'s' * (weeks > 1)}",
                    "FPR": percent(own_rates.false_alarms),
                    "POD": percent(own_rates.detected),
                }
                for level in EQUAL:
                    cut = cut_at(level, scores.quiet)
                    row[f"POD at {level:.1%}"] = None if cut is None else percent(rates(scores, during, cut).detected)
                table.append(row)
    return {"pooled": table}


def rare_events(replicates: int, steps: Steps) -> dict[str, Table]:
    """Bursts of rare events: found at equal false alarms, and how far p-values can be believed."""
    table: Table = []
    for rate in steps([0.1, 0.25, 0.5, 1.0, 2.0], "rare events"):
        found = _bursts(rate, 10 * replicates)
        for name, (quiet, burst, p_values) in found.items():
            cut = cut_at(_FALSE_ALARMS, quiet)
            row: dict[str, Cell] = {"events a week": rate, "judged": name}
            row |= {f"p <= {level}": round(100 * float((p_values <= level).mean()), 2) for level in _LEVELS}
            row["found at 1 %"] = None if cut is None else percent(cut.rate(burst))
            table.append(row)
    return {"rare": table}


def _districts(sets: int, own_trend: float) -> Series:
    """Sets of districts that lie one below the other, from the scenarios with one wave of season and a trend."""
    samples = []
    for scenario in scenarios():
        if scenario.waves != 1 or not scenario.slope:
            continue
        for number in range(sets):
            chance = np.random.default_rng([20_130_404, scenario.number, number])
            levels, drifts = chance.normal(0, 0.7, AREAS), chance.normal(0, own_trend, AREAS)
            for area in range(AREAS):
                district = Scenario(
                    number=scenario.number + 100 * (1 + area + AREAS * number),
                    theta=scenario.theta + levels[area],
                    dispersion=scenario.dispersion,
                    slope=scenario.slope + drifts[area],
                    season=scenario.season,
                    waves=1,
                )
                samples.append(sample(district, 3, 1))
    return Series.of(samples)


def _together(series: Series, steps: Steps, title: str) -> Model:
    weeks = np.arange(FIRST, CURRENT.stop)
    sets = range(0, len(series), AREAS)
    found = [
        pooled_farrington(series.counts[first : first + AREAS], weeks, _WITHOUT_RULE)
        for first in steps(sets, f"together, {title}")
    ]
    return Model(np.concatenate([one.expected for one in found]), np.concatenate([one.dispersion for one in found]))


@dataclass(frozen=True)
class _Burst:
    """Series of days, and the counts of their weeks."""

    counts: Floats
    days: list[Floats]


def _bursts(rate: float, number: int) -> dict[str, tuple[Floats, Floats, Floats]]:
    """Of each way to judge: scores of quiet current weeks, the best score in each burst, and quiet p-values."""
    chance = np.random.default_rng([20_130_405, round(100 * rate)])
    quiet = _of_days([np.sort(chance.uniform(0, 7 * WEEKS, chance.poisson(rate * WEEKS))) for _ in range(number)])
    starts = chance.integers(7 * CURRENT.start, 7 * (WEEKS - 2), number)
    size = 1 + int(np.ceil(3 * np.sqrt(rate)))
    burst = _of_days(
        [
            np.sort(np.concatenate([days, start + chance.uniform(0, 14, size)]))
            for days, start in zip(quiet.days, starts.tolist(), strict=True)
        ]
    )
    first = starts // 7 - CURRENT.start
    during = np.zeros((number, len(CURRENT)), dtype=np.bool_)
    for step in range(3):
        during[np.arange(number), np.minimum(first + step, len(CURRENT) - 1)] = True
    weeks = np.arange(FIRST, CURRENT.stop)
    model = farrington_flexible(quiet.counts, weeks, _WITHOUT_RULE)
    ways = {}
    for name, period in (("one week", 1), ("two weeks", 2)):
        scores = [
            recent_survival(some.counts[:, FIRST:], model.expected, model.dispersion, period)[:, LEAD:]
            for some in (quiet, burst)
        ]
        ways[name] = _way(*(np.where(np.isnan(one), np.inf, one) for one in scores), during)
    days = [[days_between(np.floor(one), together=3, baseline=20) for one in some.days] for some in (quiet, burst)]
    weekly = [np.array([_by_week(one, found.p_value) for one, found in zip(some.days, part, strict=True)])
              for some, part in zip((quiet, burst), days, strict=True)]  # fmt: skip
    current = [found.p_value[one >= 7 * CURRENT.start] for one, found in zip(quiet.days, days[0], strict=True)]
    every = np.concatenate(current)
    ways["days between"] = (*_way(*weekly, during)[:2], every[~np.isnan(every)])
    return ways


def _way(quiet: Floats, burst: Floats, during: Flags) -> tuple[Floats, Floats, Floats]:
    return quiet, np.where(during, burst, np.inf).min(axis=1), quiet


def _of_days(days: list[Floats]) -> _Burst:
    counts = [np.bincount((one // 7).astype(np.int64), minlength=WEEKS)[:WEEKS] for one in days]
    return _Burst(np.array(counts, dtype=np.float64), days)


def _by_week(days: Floats, p_values: Floats) -> Floats:
    """The smallest p-value of the events of each current week; infinite in a week without one."""
    best = np.full(WEEKS, np.inf)
    np.minimum.at(best, (days // 7).astype(np.int64), np.where(np.isnan(p_values), np.inf, p_values))
    return best[CURRENT.start :]


def _cut_apart(quiet: Floats) -> float:
    """The highest score at which runs of alarms, however long, begin in no more than 1 % of quiet weeks."""
    best = -np.inf
    for level in np.arange(0.002, 0.1, 0.001).tolist():
        cut = cut_at(level, quiet)
        if cut is None:
            break
        alarms = quiet <= cut.at
        begins = alarms.copy()
        begins[:, 1:] &= ~alarms[:, :-1]
        if begins.mean() > _FALSE_ALARMS:
            break
        best = cut.at
    return best


def _or_none(value: float) -> float | None:
    return value if np.isfinite(value) else None
