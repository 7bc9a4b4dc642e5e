"""Real weeks put together anew, so that it is known what is an outbreak in them and what is not.

Two truths, because each is fair in another way:

- **Moved** (the recombination test of Enki et al. 2016): every series is split, looking back, into its baseline and
  what lies above it in weeks that stand out; the second part is moved on by 52 weeks, those of the last year to the
  first, and added again. Level, trend, season and dispersion are real and so are the outbreaks. But weeks that were
  high by chance alone have been taken for outbreaks, so the baseline is calmer than life and false alarms are too few.
- **Dealt anew**: the events of a category deal out the weeks of a year among themselves. Each week keeps the events of
  the city, each district those of its year; only which district had them in which week is chance. So there is no
  outbreak in any district, and every alarm is a false one. But real districts waver more than chance.

Into both, and into the weeks as they were, outbreaks are put that are drawn as in the 42 scenarios. Their size is
k x sd of the count of the week they start in, as seen looking back.

Source: Enki et al. (2016), *Comparison of statistical algorithms for the detection of infectious disease outbreaks in
large multiple surveillance systems*, PLoS ONE 11:e0160759.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
from bench.study.comparison import Cell, Table, percent
from bench.study.detectors import FIRST, Model, Steps, one_week, recent_weeks, remembered, told
from bench.study.rates import EQUAL, cut_at, nominal, rates
from bench.study.scenarios import CURRENT, LONGEST, SIZES, WEEKS, outbreak
from bench.study.series import Scores, Series, with_enough_cases
from bench.study_real.alarms import BANDS, CLOSED, by_way, share
from bench.study_real.judging import ALPHA, Fits, Said, alarms, enough, fit, said
from bench.study_real.toronto import Weekly

from safety_stream.core.statistics.distributions import negative_binomial_survival
from safety_stream.core.statistics.farrington import Farrington
from safety_stream.core.statistics.series import Flags, Floats, Weeks
from safety_stream.core.statistics.short_history import BAYES_2, C2, Bayes, Ears, ShortHistory, bayes, ears

YEAR = 52
DRAWS = 2
"""How often the weeks are dealt anew."""

_SEED = 20_130_407
_AROUND = 13
"""Weeks on both sides that tell a week's baseline, but for those next to it."""
_NEXT = 2
"""Weeks on both sides that tell nothing: an outbreak lasts longer than one week."""
_STANDS_OUT = 0.01
_LEAST = 3
"""An outbreak week has three events at least, as the count rule wants them."""
_BY_SIZE = 0.01
_SHORT: dict[str, tuple[Bayes | Ears, int]] = {"Bayes 2": (BAYES_2, 58), "EARS C2": (C2, 9)}


@dataclass(frozen=True)
class Split:
    """A table of counts taken apart: (series, weeks), the dispersion (series,).

    `mean` is what the weeks around let expect, `excess` what lies above it in weeks that stand out, else 0.
    """

    mean: Floats
    dispersion: Floats
    excess: Floats


def split(counts: Floats) -> Split:
    """Look back at every week with those around it, before and after."""
    total, number = (_around(table) for table in (counts, np.ones_like(counts)))
    # Half an event more, as in the Bayes system: no week is impossible.
    mean = (total + 0.5) / number
    dispersion = np.maximum(((counts - mean) ** 2 / mean).mean(axis=1), 1.0)
    spread = np.broadcast_to(dispersion[:, None], counts.shape) + 1 / number
    stands_out = (negative_binomial_survival(counts, mean, spread) <= _STANDS_OUT) & (counts >= _LEAST)
    return Split(mean, dispersion, np.where(stands_out, counts - np.round(mean), 0.0))


def moved(counts: Floats, parts: Split) -> tuple[Floats, Floats]:
    """The counts with every excess a year later, and that excess."""
    later = np.roll(parts.excess, YEAR, axis=1)
    return counts - parts.excess + later, later


def dealt(counts: Floats, areas: int, draw: int) -> Floats:
    """The events of each category with the weeks of each year dealt out anew."""
    chance = np.random.default_rng([_SEED, draw])
    found = np.zeros_like(counts)
    for top in range(0, len(counts), areas):
        for first in range(0, counts.shape[1], YEAR):
            block = counts[top : top + areas, first : first + YEAR].astype(np.int64)
            area = np.repeat(np.arange(areas), block.sum(axis=1))
            week = np.repeat(np.arange(block.shape[1]), block.sum(axis=0))
            np.add.at(found, (top + area, first + chance.permutation(week)), 1)
    return found


def dealt_mean(counts: Floats, areas: int) -> Floats:
    """What dealing lets expect: the city's week times the district's share of the year."""
    mean = np.zeros_like(counts)
    for top in range(0, len(counts), areas):
        for first in range(0, counts.shape[1], YEAR):
            block = counts[top : top + areas, first : first + YEAR]
            mean[top : top + areas, first : first + YEAR] = np.outer(block.sum(axis=1), block.sum(axis=0)) / block.sum()
    return mean


def recombination(crimes: Weekly, real: Fits, steps: Steps) -> dict[str, Table]:
    """All tables: outbreaks moved, outbreaks put in, and alarms where nothing happens."""
    areas = len(crimes.areas)
    weeks = _weeks(crimes)
    parts = split(crimes.counts)
    again, excess = moved(crimes.counts, parts)
    calm = again.copy()
    calm[:, weeks[0] :] -= excess[:, weeks[0] :]
    cases = _Outbreaks.drawn(parts, weeks)
    fits = fit(again, areas, weeks, steps, "moved", predictive=False)
    put_in: Table = []
    sizes: Table = []
    sets: list[tuple[str, Floats, Fits, Floats | None]] = [
        ("as they were", crimes.counts, _at(real, weeks), None),
        ("moved", calm, fits, None),
    ]
    nothing: dict[str, list[Said]] = {}
    is_enough = []
    for draw in range(DRAWS):
        counts = dealt(crimes.counts, areas, draw)
        other = fit(counts, areas, weeks, steps, f"dealt anew, {draw + 1}")
        for name, one in said(counts, other).items():
            nothing.setdefault(name, []).append(one)
        is_enough.append(enough(counts, other.weeks[1:]))
        if draw == 0:
            sets.append(("dealt anew", counts, other, dealt_mean(crimes.counts, areas)))
    for title, counts, model, truth in sets:
        series = cases.into(counts, truth)
        found = _scores(series, model, truth, steps, title)
        put_in += [_found(title, name, scores, series.during()) for name, scores in found.items()]
        if title == "as they were":
            sizes = _by_size(found, series, cases.level)
    return {
        "real moved": _of_moved(again, excess, fits),
        "real put in": put_in,
        "real found": sizes,
        "real nothing": [
            by_way(name, _side_by_side(draws), np.concatenate(is_enough, axis=1)) for name, draws in nothing.items()
        ],
    }


@dataclass(frozen=True)
class _Outbreaks:
    """Drawn once for every series, in the judged weeks: as in `bench.study.series.Series`."""

    weeks: Weeks
    starts: Weeks
    cases: Floats
    level: Floats
    mean: Floats
    dispersion: Floats

    @classmethod
    def drawn(cls, parts: Split, weeks: Weeks) -> _Outbreaks:
        """One of each size in each series."""
        number = len(parts.mean)
        starts = np.empty((number, len(SIZES)), dtype=np.int64)
        cases = np.empty((number, len(SIZES), LONGEST))
        mean = np.zeros((number, WEEKS))
        mean[:, FIRST:] = parts.mean[:, weeks]
        for row in range(number):
            chance = np.random.default_rng([_SEED, 1, row])
            starts[row] = chance.choice(CURRENT, len(SIZES))
            for place, (size, start) in enumerate(zip(SIZES, starts[row], strict=True)):
                cases[row, place] = outbreak(chance, size * np.sqrt(parts.dispersion[row] * mean[row, start]))
        cases[starts[:, :, None] + np.arange(LONGEST) >= WEEKS] = 0
        return cls(weeks, starts, cases, mean[:, FIRST:].mean(axis=1), mean, parts.dispersion)

    def into(self, counts: Floats, truth: Floats | None) -> Series:
        """These outbreaks in these counts, laid so that the last judged week is the last column of the study."""
        table, mean = np.zeros((len(counts), WEEKS)), self.mean.copy()
        last = int(self.weeks[-1])
        length = min(last + 1, WEEKS)
        table[:, WEEKS - length :] = counts[:, last + 1 - length : last + 1]
        if truth is not None:
            mean[:, FIRST:] = truth[:, self.weeks]
        dispersion = self.dispersion if truth is None else np.ones_like(self.dispersion)
        none = np.zeros(len(counts), dtype=np.int64)
        return Series(none, none, table, np.maximum(mean, 1e-9), dispersion, self.starts, self.cases)


def _around(table: Floats) -> Floats:
    """The sum of the weeks around each week, without it and those next to it."""
    return _within(table, _AROUND) - _within(table, _NEXT)


def _within(table: Floats, reach: int) -> Floats:
    """The sum of the weeks at most so many away, as far as there are any."""
    running = np.concatenate([np.zeros((len(table), 1)), np.cumsum(table, axis=1)], axis=1)
    last = table.shape[1]
    at = np.arange(last)
    sums: Floats = running[:, np.minimum(at + reach + 1, last)] - running[:, np.maximum(at - reach, 0)]
    return sums


def _weeks(crimes: Weekly) -> Weeks:
    """As many weeks before the closing as the study judges, and those a detector may look back to."""
    after = crimes.column(CLOSED)
    return np.arange(after - (WEEKS - FIRST), after)


def _at(fits: Fits, weeks: Weeks) -> Fits:
    """What was fitted to some of the weeks."""
    some = np.isin(fits.weeks, weeks)

    def part(found: Farrington) -> Farrington:
        return Farrington(*(getattr(found, name)[:, some] for name in found.__struct_fields__))

    return Fits(fits.weeks[some], part(fits.alone), None, part(fits.together))


def _scores(series: Series, fits: Fits, truth: Floats | None, steps: Steps, title: str) -> dict[str, Scores]:
    models = {
        "alone": Model(fits.alone.expected, fits.alone.dispersion),
        "together": Model(fits.together.expected, fits.together.dispersion),
    }
    if truth is not None:
        models = {"told the truth": told(series)} | models
    found: dict[str, Scores] = {}
    for name, model in models.items():
        found[name] = one_week(series, model)
        found[f"{name}, two weeks"] = recent_weeks(series, model, 2)
    for name, (control, history) in _SHORT.items():
        bare = remembered(series, partial(_judged, control=control), history, steps, f"{title}, {name}")
        # Most series are sparse, so the rule decides more than the detector: the same for all.
        found[name] = with_enough_cases(series, bare)
    return found


def _judged(counts: Floats, weeks: list[int], control: Bayes | Ears) -> ShortHistory:
    return ears(counts, weeks, control) if isinstance(control, Ears) else bayes(counts, weeks, control)


def _found(title: str, name: str, scores: Scores, during: Flags) -> dict[str, Cell]:
    own = rates(scores, during, nominal(ALPHA))
    row: dict[str, Cell] = {
        "weeks": title,
        "judged": name,
        "FPR": percent(own.false_alarms),
        "POD": percent(own.detected),
    }
    for level in EQUAL:
        cut = cut_at(level, scores.quiet)
        row[f"POD at {level:.1%}"] = None if cut is None else percent(rates(scores, during, cut).detected)
    return row


def _by_size(found: dict[str, Scores], series: Series, level: Floats) -> Table:
    """POD by events a week and size, where 1 % of all quiet weeks are an alarm; and what an outbreak is there."""
    table: Table = []
    during = series.during()
    for low, high in pairwise(BANDS):
        rows = (level >= low) & (level < high)
        if not rows.any():
            continue
        for name in ("alone", "alone, two weeks", "together", "together, two weeks"):
            cut = cut_at(_BY_SIZE, found[name].quiet)
            if cut is None:
                continue
            best = found[name].within(during)
            row: dict[str, Cell] = {
                "events a week": f"{low:g} or more" if np.isinf(high) else f"{low:g} to {high:g}",
                "series": int(rows.sum()),
                "judged": name,
                "FPR": percent(cut.rate(found[name].quiet[rows])),
                "cases, k = 10": round(float(series.cases[rows, -1].sum(axis=1).mean()), 1),
            }
            row |= {f"k = {size}": percent(cut.rate(best[rows, at])) for at, size in enumerate(SIZES)}
            table.append(row)
    return table


def _of_moved(again: Floats, excess: Floats, fits: Fits) -> Table:
    """What is found of outbreaks that were moved, in each way to choose alarms."""
    weeks = fits.weeks[1:]
    truth = excess[:, weeks] > 0
    number = _runs(truth)
    is_enough = enough(again, weeks)
    table: Table = []
    for name, one in said(again, fits).items():
        for way, flags in alarms(one.p_value, is_enough).items():
            reach = truth.copy()
            if "two weeks" in name:
                # Two weeks together tell of an outbreak in the week after it too; that is late, not false.
                reach[:, 1:] |= truth[:, :-1]
            caught = len(np.unique(number[flags & truth]))
            table.append({
                "judged": name,
                "alarms": way,
                "a week": round(float(flags.sum() / weeks.size), 1),
                "FPR": round(100 * float(flags[~reach].mean()), 3),
                "false alarms": share(~reach[flags]),
                "outbreaks": int(number.max()),
                "POD": percent(caught / max(int(number.max()), 1)),
            })  # fmt: skip
    return table


def _runs(flags: Flags) -> Weeks:
    """Numbers from 1 of stretches of weeks in each row; 0 elsewhere."""
    begins = flags.copy()
    begins[:, 1:] &= ~flags[:, :-1]
    number = np.cumsum(begins.ravel()).reshape(flags.shape)
    return np.where(flags, number, 0)


def _side_by_side(draws: list[Said]) -> Said:
    return Said(*(np.concatenate([getattr(one, part) for one in draws], axis=1) for part in ("p_value", "events")))
