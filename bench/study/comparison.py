"""Every detector on the 42 scenarios, the definitions compared, and how far p-values can be believed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from bench.study.detectors import (
    Steps,
    charted,
    delta,
    fitted,
    one_week,
    recent_weeks,
    remembered,
    told,
)
from bench.study.rates import EQUAL, Cut, cut_at, nominal, rates
from bench.study.scenarios import CURRENT, PAST, SIZES, WEEKS, drawn, sample, scenarios
from bench.study.series import Scores, Series

from safety_stream.core.statistics.charts import Cusum, Ewma, cusum, ewma
from safety_stream.core.statistics.distributions import negative_binomial_mid_survival, negative_binomial_survival
from safety_stream.core.statistics.farrington import IMPROVED, ORIGINAL, Control, farrington_flexible
from safety_stream.core.statistics.series import Flags, Floats
from safety_stream.core.statistics.short_history import (
    BAYES_1,
    BAYES_2,
    BAYES_3,
    C1,
    C2,
    C3,
    RKI_1,
    RKI_2,
    RKI_3,
    Bayes,
    Ears,
    Rki,
    ShortHistory,
    bayes,
    ears,
    rki,
)

Cell = str | int | float | None
Table = list[dict[str, Cell]]
"""Rows by column; shares are in percent."""

PREDICTIVE = Control(threshold_method="predictive")
BY_GROUP = 0.01
"""False alarms at which groups are told apart."""

_LEVELS = (0.005, 0.01, 0.05)
_ENDLESS = 1e9
"""A threshold no chart reaches, so that it never starts anew and one run serves all thresholds."""
_SHORT: dict[str, tuple[Bayes | Ears | Rki, int]] = {
    "EARS C1": (C1, 7),
    "EARS C2": (C2, 9),
    "EARS C3": (C3, 11),
    "Bayes 1": (BAYES_1, 6),
    "Bayes 2": (BAYES_2, 58),
    "Bayes 3": (BAYES_3, 108),
    "RKI 1": (RKI_1, 6),
    "RKI 2": (RKI_2, 58),
    "RKI 3": (RKI_3, 108),
}
_MONTH = 4
_CUSUM = Cusum(ratio=1.5, threshold=_ENDLESS)
_EWMA = Ewma(weight=0.2, threshold=_ENDLESS)


@dataclass(frozen=True)
class Entry:
    """A detector: what it made of the series, where it makes the cut itself, and whether it can cut elsewhere."""

    name: str
    scores: Scores
    setting: str
    own: Cut
    is_graded: bool = True


@dataclass(frozen=True)
class Comparison:
    """All that was measured on one set of series."""

    series: Series
    during: Flags
    entries: list[Entry]
    bare: Scores
    """The improved algorithm without the minimum-count rule."""
    bare_truth: Scores


def compare(replicates: int, steps: Steps) -> Comparison:
    """Judge everything by everything."""
    drawing = steps([(scenario, past) for scenario in scenarios() for past in PAST], "drawing")
    series = Series.of([sample(scenario, past, replicates) for scenario, past in drawing])
    truth = told(series)
    improved = fitted(series, IMPROVED, steps, "Farrington improved")
    original = fitted(series, ORIGINAL, steps, "Farrington original")
    alpha = IMPROVED.alpha
    entries = [
        Entry("told the truth", one_week(series, truth), f"alpha {alpha}", nominal(alpha)),
        Entry("told the truth, two weeks", recent_weeks(series, truth, 2), f"alpha {alpha}", nominal(alpha)),
        Entry("Farrington improved", one_week(series, improved), f"alpha {alpha}", nominal(alpha)),
        Entry("Farrington improved, two weeks", recent_weeks(series, improved, 2), f"alpha {alpha}", nominal(alpha)),
        Entry("Farrington original", one_week(series, original, delta), f"alpha {alpha}", nominal(alpha)),
        Entry(
            "CUSUM on Farrington", charted(series, improved, partial(cusum, control=_CUSUM)), "above 5", nominal(-5.0)
        ),
        Entry("EWMA on Farrington", charted(series, improved, partial(ewma, control=_EWMA)), "above 3", nominal(-3.0)),
    ]
    for name, (control, history) in _SHORT.items():
        is_graded = not (isinstance(control, Rki) or control == C3)
        own = nominal(control.alpha if is_graded and not isinstance(control, Rki) else 0.5)
        setting = "as it is" if isinstance(control, Rki) else f"alpha {control.alpha}"
        scores = remembered(series, partial(_judged, control=control), history, steps, name)
        entries.append(Entry(name, scores, setting, own, is_graded))
    return Comparison(
        series,
        series.during(),
        entries,
        one_week(series, improved, rule=False),
        one_week(series, truth, rule=False),
    )


def overall(found: Comparison) -> Table:
    """FPR and POD of each detector as it comes, and POD at equal FPR."""
    table: Table = []
    for entry in found.entries:
        own = rates(entry.scores, found.during, entry.own)
        row: dict[str, Cell] = {
            "detector": entry.name,
            "setting": entry.setting,
            "FPR": percent(own.false_alarms),
            "POD": percent(own.detected),
        }
        for level in EQUAL:
            cut = cut_at(level, entry.scores.quiet) if entry.is_graded else None
            pod = None if cut is None else percent(rates(entry.scores, found.during, cut).detected)
            row[f"POD at {level:.1%}"] = pod
        table.append(row)
    return table


def by_group(found: Comparison) -> Table:
    """FPR and POD in each group, where all groups together have an FPR of `BY_GROUP`."""
    table: Table = []
    groups = (found.series.scenario - 1) // 6 + 1
    for entry in found.entries:
        cut = cut_at(BY_GROUP, entry.scores.quiet) if entry.is_graded else None
        if cut is None:
            continue
        row: dict[str, Cell] = {"detector": entry.name}
        for group in range(1, 8):
            here = rates(entry.scores, found.during, cut, groups == group)
            row[f"FPR {group}"], row[f"POD {group}"] = percent(here.false_alarms), percent(here.detected)
        table.append(row)
    return table


def by_size(found: Comparison) -> Table:
    """POD by the size of the outbreak, at an FPR of `BY_GROUP`."""
    table: Table = []
    for entry in found.entries:
        cut = cut_at(BY_GROUP, entry.scores.quiet) if entry.is_graded else None
        if cut is not None:
            best = entry.scores.within(found.during)
            pods: dict[str, Cell] = {f"k = {size}": percent(cut.rate(best[:, at])) for at, size in enumerate(SIZES)}
            table.append({"detector": entry.name, **pods})
    return table


def curves(found: Comparison) -> Table:
    """Points of the ROC curves, up to 6 % false alarms."""
    levels = np.concatenate([np.arange(0.002, 0.01, 0.002), np.arange(0.01, 0.0601, 0.005)])
    table: Table = []
    for entry in found.entries:
        for level in levels.tolist() if entry.is_graded else ():
            cut = cut_at(level, entry.scores.quiet)
            if cut is not None:
                pod = percent(rates(entry.scores, found.during, cut).detected)
                table.append({"detector": entry.name, "FPR": round(100 * level, 2), "POD": pod})
    return table


def definitions(found: Comparison, replicates: int, steps: Steps) -> Table:
    """What the improved algorithm and a detector told the truth reach if something is defined otherwise."""
    series, during = found.series, found.during
    truth, improved = found.entries[0].scores, found.entries[2].scores
    every = np.ones(len(series), dtype=np.bool_)
    full = ~series.is_empty()
    some_cases = np.cumsum(series.cases, axis=2) > 0
    is_whole = (series.starts + _MONTH <= WEEKS) & full
    later = np.broadcast_to(np.isin(SIZES, (2, 3, 5, 10)), full.shape)
    anything = np.ones_like(full)
    table = [
        _definition("as published", truth, improved, during, every, anything),
        _definition("no minimum-count rule", found.bare_truth, found.bare, during, every, anything),
        _definition("no past outbreaks", truth, improved, during, series.past == 0, anything),
        _definition("past outbreaks always", truth, improved, during, series.past > 0, anything),
        _definition("outbreaks without a case left out", truth, improved, during, every, full),
        _definition("outbreaks in the last three weeks left out too", truth, improved, during, every, is_whole),
        _definition("counted from the first week with cases", truth, improved, during & some_cases, every, anything),
        _definition("current k only 2, 3, 5, 10", truth, improved, during, every, later),
    ]
    few = max(1, replicates // 4)
    for name, choice in (
        ("size by the sd of the whole series", {"of_series": True}),
        ("size 2 at least", {"least": 2}),
    ):
        drawing = steps([(scenario, past) for scenario in scenarios() for past in PAST], name)
        other = Series.of([sample(scenario, past, few, **choice) for scenario, past in drawing])
        scores = [one_week(other, told(other)), one_week(other, fitted(other, IMPROVED, steps, name))]
        rows = np.ones(len(other), dtype=np.bool_)
        counted = np.ones(other.starts.shape, dtype=np.bool_)
        table.append(_definition(f"{name} ({few} replicates)", *scores, other.during(), rows, counted))
    return table


def calibration(replicates: int, steps: Steps) -> Table:
    """The share of p-values at most .005, .01 and .05 in weeks without any outbreak, past or current.

    Weeks apart, of replicates of their own: neighbours share their baseline and would say the same.
    """
    weeks = np.array([CURRENT.start + 2 + 12 * place for place in range(4)])
    table: Table = []
    for scenario in steps(scenarios(), "calibration"):
        mean = scenario.mean()
        chance = np.random.default_rng([20_130_402, scenario.number])
        counts = drawn(chance, np.broadcast_to(mean, (replicates, WEEKS)), scenario.dispersion)
        ours = [farrington_flexible(counts, weeks, control) for control in (IMPROVED, PREDICTIVE)]
        judged = counts[:, weeks]
        truth = negative_binomial_survival(
            judged, np.broadcast_to(mean[weeks], judged.shape), np.full(judged.shape, scenario.dispersion)
        )
        known = np.isfinite(ours[1].expected) & np.isfinite(ours[1].p_value)
        mid = np.full(judged.shape, np.nan)
        mid[known] = negative_binomial_mid_survival(judged[known], ours[1].expected[known], ours[1].dispersion[known])
        row: dict[str, Cell] = {"scenario": scenario.number, "mean": round(float(mean[CURRENT.start :].mean()), 2)}
        for name, p_values in (
            ("truth", truth), ("improved", ours[0].p_value), ("predictive", ours[1].p_value), ("mid-p", mid)
        ):  # fmt: skip
            for level in _LEVELS:
                row[f"{name} {level}"] = round(100 * float((p_values <= level).mean()), 3)
        table.append(row)
    return table


def percent(share: float) -> float:
    """To two digits: the studies' own uncertainty is larger."""
    return round(100 * share, 2)


def _definition(
    name: str, truth: Scores, improved: Scores, during: Flags, rows: Flags, counted: Flags
) -> dict[str, Cell]:
    own = rates(improved, during, nominal(IMPROVED.alpha), rows, counted)
    row: dict[str, Cell] = {"definition": name, "FPR": percent(own.false_alarms), "POD": percent(own.detected)}
    for title, scores in (("improved", improved), ("truth", truth)):
        for level in EQUAL:
            cut = cut_at(level, scores.quiet[rows])
            assert cut is not None
            row[f"{title} at {level:.1%}"] = percent(rates(scores, during, cut, rows, counted).detected)
    return row


def _judged(counts: Floats, weeks: list[int], control: Bayes | Ears | Rki) -> ShortHistory:
    if isinstance(control, Ears):
        return ears(counts, weeks, control)
    return rki(counts, weeks, control) if isinstance(control, Rki) else bayes(counts, weeks, control)
