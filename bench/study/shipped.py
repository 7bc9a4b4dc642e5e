"""The detector as it is shipped: what `signals.yaml` has the stage judge say of the weeks of the 42 scenarios.

Every number is that of the shipped file: the algorithm and how it weighs past outbreaks, the sums of four weeks where
few are expected, the incidents that are enough, and the levels. A week is scored by its p-value as the judge has it.
What is told of a week besides is left out, as runs are, since they are not one score.

Red is what its batch bears out. A single outbreak in a county in which nothing else happens is red where its p-value is
at most false_discoveries / series: that is the cut of the row `red`, and the worst there is. Where several series rise
at once, more of them are red.
"""

from __future__ import annotations

import numpy as np
from bench.study.comparison import Cell, Table, percent
from bench.study.detectors import FIRST, Steps, fitted, one_week
from bench.study.rates import EQUAL, cut_at, nominal, rates
from bench.study.scenarios import CURRENT, LONGEST, PAST, sample, scenarios
from bench.study.series import LEAD, Scores, Series

from safety_stream.catalogue.loading import load_catalogue
from safety_stream.core.judgements.settings import Levels, Settings
from safety_stream.core.statistics.distributions import negative_binomial_survival
from safety_stream.core.statistics.farrington import IMPROVED, farrington_expected
from safety_stream.core.statistics.series import Floats
from safety_stream.data_files import catalogue_folder


def as_shipped(replicates: int, steps: Steps) -> dict[str, Table]:
    """FPR and POD of amber and of red as shipped, beside the algorithm of the paper on the same series."""
    settings = load_catalogue(catalogue_folder()).signals
    assert settings is not None
    drawing = steps([(scenario, past) for scenario in scenarios() for past in PAST], "drawing")
    series = Series.of([sample(scenario, past, replicates) for scenario, past in drawing])
    during, levels = series.during(), settings.levels
    shipped = scored(series, settings, steps)
    number = len(settings.indicators) * len(settings.areas)
    red = min(levels.red, levels.false_discoveries / number)
    paper = one_week(series, fitted(series, IMPROVED, steps, "Farrington improved"))
    table: Table = []
    for name, setting, scores, cut in (
        ("as shipped, amber", f"alpha {levels.amber:g}", shipped, levels.amber),
        ("as shipped, red", f"alpha {red:.2g}, alone of {number}", shipped, red),
        ("Farrington improved", f"alpha {IMPROVED.alpha:g}", paper, IMPROVED.alpha),
    ):
        own = rates(scores, during, nominal(cut))
        best = scores.within(during)
        row: dict[str, Cell] = {
            "detector": name,
            "setting": setting,
            "FPR": round(100 * own.false_alarms, 3),
            "POD": percent(own.detected),
        }
        row |= {f"k = {size}": percent(nominal(cut).rate(best[:, size - 1])) for size in (3, 5, 7, 10)}
        for level in EQUAL:
            at = cut_at(level, scores.quiet)
            row[f"POD at {level:.1%}"] = None if at is None else percent(rates(scores, during, at).detected)
        table.append(row)
    return {"shipped": table}


def scored(series: Series, settings: Settings, steps: Steps) -> Scores:
    """The p-value of each week as the judge has it, 1 where incidents are not enough or the fit says nothing."""
    weeks = np.arange(FIRST, CURRENT.stop)
    parts = [
        farrington_expected(series.counts[rows], weeks, settings.expecting.trusted)
        for rows in steps(list(series.chunks()), "as shipped")
    ]
    fit, own, doubt = (np.concatenate(part) for part in zip(*parts, strict=True))
    mean = fit * (1 + doubt / 2)
    tables = (mean, own, mean * doubt)
    levels = settings.levels
    quiet = _scored(series.counts[:, FIRST:], tables, levels)
    # The weeks of an outbreak, and as many before it as a sum may hold.
    columns = series.columns(before=LEAD) - FIRST
    width = LEAD + LONGEST
    of_outbreaks = (series.at(table, columns).reshape(-1, width) for table in tables)
    outbreak = _scored(series.with_outbreaks(before=LEAD).reshape(-1, width), tuple(of_outbreaks), levels)
    lasting = outbreak.reshape(series.cases.shape)
    return Scores(quiet, np.where(series.during(), lasting, np.inf))


def _scored(counts: Floats, tables: tuple[Floats, ...], levels: Levels) -> Floats:
    """The p-values of all weeks but the first `LEAD`: (series, weeks - LEAD)."""
    mean, own, error = tables
    together = levels.rare_together
    assert together == LEAD + 1
    assert levels.least[1] == LEAD + 1

    def summed(table: Floats) -> Floats:
        sums: Floats = np.lib.stride_tricks.sliding_window_view(table, together, axis=1).sum(axis=2)
        return sums

    total, over = summed(counts), summed(mean)
    spread = (summed(own * mean) + summed(np.sqrt(error * mean)) ** 2) / over
    alone = (counts[:, LEAD:], mean[:, LEAD:], own[:, LEAD:] + error[:, LEAD:])
    is_rare = mean[:, LEAD:] < levels.rare_below
    judged = [np.where(is_rare, of_sum, of_week) for of_sum, of_week in zip((total, over, spread), alone, strict=True)]
    is_enough = np.where(
        is_rare,
        total >= levels.rare_least,
        (alone[0] >= levels.least_now) | (total >= levels.least[0]),
    )
    scores = np.ones(is_enough.shape)
    known = is_enough & np.isfinite(judged[1])
    scores[known] = negative_binomial_survival(*(table[known] for table in judged))
    return scores
