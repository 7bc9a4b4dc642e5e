"""Farrington's algorithm and its flexible successor: this week's count against what the years before let expect.

Theory of operation
-------------------
For each judged week a quasi-Poisson regression with a log link is fitted to the weeks of the `b` years before it. Its
terms are a season factor, a linear trend and, on demand, the log population as an offset. The level of the season
around the judged week is the window of `w` weeks on both sides of it in every year; the rest of each year is split
into `no_periods - 1` further levels, or, with one level, left out. Weeks that look like past outbreaks, by their
standardised Anscombe residuals, are weighted down and the fit is done again. The trend is dropped unless three years
carry it, it is significant, and it leads to no mean above everything seen. Mean and dispersion then give the bound.

A factor and one slope need no matrix: once each level is centred on its own weighted mean time, the normal equations
fall apart into one division a level and one for the slope. That is exact, keeps its precision where a level has
no event at all, and does all series of a batch at once. Sums run along each series alone, so no bit of a result
depends on what else is in the batch; that also takes rows that lie together in memory, as `np.take` returns them.

Covariates are further columns of the same design: what the calendar does to a week beyond its season, or a change of
recording. Each is centred like the time and freed of those before it, so it too costs one division; time comes last,
which makes its slope the one beside all others. A column that says too little in a baseline takes no part there: one
that season, trend and the columns before it say already, or that rests on too few weeks or events. Without that rule
the fit would be singular, or believe a single week; a bank holiday without an event would rule out events for ever.

Weeks left out are in no baseline, as if the years had not had them. Series that leave out the same weeks are fitted
together, so the season of each still falls into levels that are whole.

The results are those of `surveillance::farringtonFlexible` in R (compared in the tests), its ways included:

- The iteration starts, stops and weighs as R's `glm` does. Weights are those the last step was solved with.
- After reweighting, the standard errors of mean and trend rest on the sum of (outbreak weight x squared working
  residual), not on the dispersion. This affects the delta and muan bounds, and the trend where its significance counts.
- The dispersion is never below 1, and it alone makes the spread of the negative binomial.

Two things differ, both where a mean runs away towards 0. A baseline without any event is fitted to the end, where R
gives up after 25 iterations, so that the first events ever can be an alarm; a trend that takes longer than that is
dropped in both. And where `muan` has no idea of the mean, R's bound may be any number; here there is none.

Sources: Farrington, Andrews, Beale, Catchpole (1996), *A statistical algorithm for the early detection of outbreaks of
infectious disease*, J R Stat Soc A 159:547-563. Noufaily et al. (2013), *An improved algorithm for outbreak detection
in multiple surveillance systems*, Stat Med 32:1206-1222. Salmon, Schumacher, Höhle (2016), *Monitoring count time
series in R*, J Stat Softw 70(10).
"""

from __future__ import annotations

from collections.abc import Iterator
from math import log
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from safety_stream.core.statistics.distributions import (
    negative_binomial_survival,
    negative_binomial_upper_quantile,
    normal_quantile,
    normal_survival,
    student_two_sided,
)
from safety_stream.core.statistics.series import (
    Flags,
    Floats,
    Weeks,
    checked_counts,
    checked_covariates,
    checked_excluded,
    checked_weeks,
    recent_totals,
)

YEARS_FOR_A_TREND = 3
"""A trend that rests on fewer years is dropped (Farrington 1996)."""

WEEKS_FOR_A_COLUMN = 3.0
"""A covariate takes no part that differs by less than so many weeks' worth of its range from what season, trend and the
covariates before it say; default, ours: on fewer rests no trend, and no column should."""

EVENTS_FOR_A_COLUMN = 10.0
"""Nor does one in whose weeks so few events are to be expected; default, ours: with ten, that there is none by chance
is out of the question."""

LARGEST_MEAN = 1e6
"""A mean that may be greater is not known: `muan` gives no bound, as for a season in which there never was an event."""

_EXPONENTS = {"2/3": 2 / 3, "1/2": 1 / 2, "none": 1.0}
_TOLERANCE = 1e-8
_ITERATIONS = 50
_ITERATIONS_WITH_TREND = 25
_EPSILON = float(np.finfo(np.float64).eps)
_SMALLEST_LINK = log(_EPSILON)
_LARGEST_LINK = 300.0
_FEWEST_WEEKS = 3


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """How to judge. As it stands, the improved setting of Noufaily et al. (2013).

    Raises `ValueError` naming the parameter that makes no sense.

    Attributes:
        b: Years to look back.
        w: Weeks on both sides of the judged week's place in each year that make its window.
        no_periods: Levels of the season factor; 1 uses the windows alone.
        past_weeks_not_included: Latest weeks that are no baseline, so that a rising outbreak does not hide itself.
        weights_threshold: Standardised Anscombe residual above which a week is weighted down.
        p_threshold_trend: Significance below which the trend is kept; 1 keeps it whatever its significance.
        threshold_method: `delta` takes the transformed count as normal and the error of the fit into account;
            `nbPlugin` is the negative binomial quantile at the fitted mean; `muan` at the mean's own upper limit.
            `predictive`, which R does not have, is `nbPlugin` with the error of the fit added to the variance.
        alpha: One-sided probability of an alarm in a week without an outbreak.
        trend: Whether to look for a trend at all.
        trend_within_seen: Whether a trend is dropped that leads to a mean above every baseline count, as R always does.
            Great counts hardly waver: in them any rise leads there, and dropping it is the greater mistake.
        reweight: Whether to weight past outbreaks down.
        limit54: (cases, weeks): without so many cases in so many weeks up to the judged one there is no bound.
        power_transform: What makes the count near normal, for `delta`.
        freq: Weeks in a year; 12 judges months.
    """

    b: int = 5
    w: int = 3
    no_periods: int = 10
    past_weeks_not_included: int = 26
    weights_threshold: float = 2.58
    p_threshold_trend: float = 1.0
    threshold_method: Literal["delta", "nbPlugin", "muan", "predictive"] = "nbPlugin"
    alpha: float = 0.005
    trend: bool = True
    trend_within_seen: bool = True
    reweight: bool = True
    limit54: tuple[int, int] = (5, 4)
    power_transform: Literal["2/3", "1/2", "none"] = "2/3"
    freq: int = 52

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        window = 2 * self.w + 1
        first = self.b * self.freq - self.w
        demands = [
            (self.b >= 1, f"b must be 1 year or more, not {self.b}"),
            (self.w >= 0, f"w must be 0 weeks or more, not {self.w}"),
            (window <= self.freq, f"w must leave 2 w + 1 weeks within a year of {self.freq}; {self.w} is too wide"),
            (self.b * window >= _FEWEST_WEEKS, "b years of 2 w + 1 weeks must make 3 weeks; take more years or weeks"),
            (
                1 <= self.no_periods <= self.freq - window + 1,
                f"no_periods must be 1 to {self.freq - window + 1}, a week for each level; not {self.no_periods}",
            ),
            (
                0 <= self.past_weeks_not_included < first,
                f"past_weeks_not_included must be 0 to {first - 1}, not {self.past_weeks_not_included}",
            ),
            (self.weights_threshold > 0, f"weights_threshold must be above 0, not {self.weights_threshold}"),
            (0 <= self.p_threshold_trend <= 1, f"p_threshold_trend must be 0 to 1, not {self.p_threshold_trend}"),
            (0 < self.alpha < 1 / 2, f"alpha must be above 0 and below 0.5, not {self.alpha}"),
            (
                self.limit54[0] >= 0 and self.limit54[1] >= 1,
                f"limit54 must be 0 or more cases in 1 or more weeks, not {self.limit54}",
            ),
            (
                self.threshold_method in {"delta", "nbPlugin", "muan", "predictive"},
                f"threshold_method must be delta, nbPlugin, muan or predictive, not {self.threshold_method}",
            ),
            (
                self.power_transform in _EXPONENTS,
                f"power_transform must be 2/3, 1/2 or none, not {self.power_transform}",
            ),
        ]
        for is_met, demand in demands:
            if not is_met:
                raise ValueError(demand)


IMPROVED = Control()
"""The setting of Noufaily et al. (2013)."""

ORIGINAL = Control(
    no_periods=1,
    past_weeks_not_included=3,
    weights_threshold=1.0,
    p_threshold_trend=0.05,
    threshold_method="delta",
)
"""The setting of Farrington et al. (1996)."""


class Farrington(msgspec.Struct, frozen=True, eq=False):
    """What was found: arrays of one row per series and one column per judged week.

    A week with too little history, or whose fit comes to no end, has NaN everywhere, no alarm and no trend. A week
    that fails `limit54` has a bound of NaN and no alarm, and the rest as usual.

    Attributes:
        bound: The greatest count that is still no alarm; whole except for `delta`.
        p_value: Probability of the count or more, had nothing happened.
        alarm: Whether the count is above the bound.
        expected: Fitted mean of the week.
        trend_kept: Whether the mean follows a trend.
        dispersion: Variance / mean of the counts around it, 1 or more; with `predictive`, of the counts around what the
            fit says, which may be wrong itself.
    """

    bound: Floats
    p_value: Floats
    alarm: Flags
    expected: Floats
    trend_kept: Flags
    dispersion: Floats


def farrington_flexible(
    counts: ArrayLike,
    weeks: ArrayLike,
    control: Control = IMPROVED,
    *,
    population: ArrayLike | None = None,
    excluded: ArrayLike | None = None,
    covariates: ArrayLike | None = None,
) -> Farrington:
    """Judge weeks of many series at once. What comes after a judged week has no influence on it.

    Args:
        counts: Whole numbers (series, weeks), consecutive weeks; years are `control.freq` columns, so a 53rd week must
            have been merged or left out if seasons are to stay in step over decades.
        weeks: Columns to judge. One before column `b * freq + w` has too little history.
        control: How to judge.
        population: Positive numbers of the same shape, up to a constant: the rate is then what has season and trend.
        excluded: Flags (weeks,) or (series, weeks) of weeks that are in no baseline. A judged week among them is judged
            all the same, from the others. A year left out whole does not carry a trend, and where every week of the
            judged one's season is left out, nothing is expected.
        covariates: Numbers (covariates, weeks), or (covariates, series, weeks), known for judged weeks too: what acts
            on the log mean beside season and trend. In a baseline in which one says too little it takes no part (see
            above), also for a judged week in which it is new.

    Raises:
        ValueError: An argument is not of its shape or range; the message names it.
    """
    observed = checked_counts(counts)
    judged = checked_weeks(weeks, observed)
    shape = (observed.shape[0], judged.size)
    expected, dispersion, p_value, bound = (np.full(shape, np.nan) for _ in range(4))
    trend_kept = np.zeros(shape, dtype=np.bool_)
    for found, column, model, kept in _fits(
        observed, judged, control, population=population, excluded=excluded, covariates=covariates
    ):
        expected[found, column] = _mean(model.link)
        dispersion[found, column] = _spread(model, control)
        trend_kept[found, column] = kept
        bound[found, column], p_value[found, column] = _threshold(observed[found, judged[column]], model, control)
    cases, period = control.limit54
    bound[recent_totals(observed, judged, period) < cases] = np.nan
    # A comparison with NaN is false: no bound, no alarm.
    return Farrington(bound, p_value, observed[:, judged] > bound, expected, trend_kept, dispersion)


def farrington_expected(
    counts: ArrayLike,
    weeks: ArrayLike,
    control: Control = IMPROVED,
    *,
    excluded: ArrayLike | None = None,
    covariates: ArrayLike | None = None,
) -> tuple[Floats, Floats, Floats]:
    """What `farrington_flexible` expects, for whoever makes bounds of it; it makes none.

    The fitted mean, the variance / mean of counts around it had it been known, and the variance of its logarithm.
    """
    observed = checked_counts(counts)
    judged = checked_weeks(weeks, observed)
    expected, dispersion, doubt = (np.full((observed.shape[0], judged.size), np.nan) for _ in range(3))
    for found, column, model, _ in _fits(
        observed, judged, control, population=None, excluded=excluded, covariates=covariates
    ):
        expected[found, column] = _mean(model.link)
        dispersion[found, column] = model.dispersion
        doubt[found, column] = model.own_link_variance
    return expected, dispersion, doubt


def _fits(
    observed: Floats,
    judged: Weeks,
    control: Control,
    *,
    population: ArrayLike | None,
    excluded: ArrayLike | None,
    covariates: ArrayLike | None,
) -> Iterator[tuple[Weeks, int, _Model, Flags]]:
    """Rows, column, model, and where the trend was kept, of all whose fit comes to an end."""
    offset = _offset(population, observed)
    columns = checked_covariates(covariates, observed)
    for rows, left_out in _alike(checked_excluded(excluded, observed)):
        for column, week in enumerate(judged.tolist()):
            baseline = _baseline(week, control, left_out, columns.shape[0])
            if baseline is None:
                continue
            model, kept = _chosen_model(_Learnt.of(observed, offset, columns, rows, baseline), baseline, control)
            fitted = np.flatnonzero(model.converged)
            yield rows[fitted], column, model.at(fitted), kept[fitted]


class _Baseline(msgspec.Struct, frozen=True, eq=False):
    """The weeks a judged one is compared with, sorted by season level and time. Level 0 is the judged week's own.

    `starts` is where each level begins, `level` the level of each week, `time` its distance from `judged`; `years` is
    in how many years there are any.
    """

    judged: int
    weeks: Weeks
    time: Floats
    starts: Weeks
    level: Weeks
    years: int

    def sums(self, values: Floats) -> Floats:
        """The sum over each level: (series, levels) of (series, weeks)."""
        return np.add.reduceat(values, self.starts, axis=1)

    def spread(self, values: Floats) -> Floats:
        """The value of its level for each week: (series, weeks) of (series, levels)."""
        return np.take(values, self.level, axis=1)


class _Learnt(msgspec.Struct, frozen=True, eq=False):
    """What is known of the weeks of a baseline, (series, weeks), and, `_now`, of the judged one, (series,).

    Of the covariates it is (covariates, series, weeks) and (covariates, series).
    """

    counts: Floats
    offset: Floats
    columns: Floats
    offset_now: Floats
    columns_now: Floats

    @classmethod
    def of(cls, counts: Floats, offset: Floats, columns: Floats, rows: Weeks, baseline: _Baseline) -> _Learnt:
        """Of some of the series."""
        weeks, judged = baseline.weeks, baseline.judged
        return cls(
            counts=np.take(counts[rows], weeks, axis=1),
            offset=np.take(offset[rows], weeks, axis=1),
            columns=np.take(np.take(columns, weeks, axis=2), rows, axis=1),
            offset_now=offset[rows, judged],
            columns_now=np.take(columns[:, :, judged], rows, axis=1),
        )

    def at(self, rows: Weeks) -> _Learnt:
        """Of some of those series only."""
        return _Learnt(
            self.counts[rows],
            self.offset[rows],
            np.take(self.columns, rows, axis=1),
            self.offset_now[rows],
            np.take(self.columns_now, rows, axis=1),
        )


class _Design(msgspec.Struct, frozen=True, eq=False):
    """The columns of the regression beside the season factor: covariates, and the time where there is a trend.

    What takes no part in a series is 0 in all its weeks; `parts` are the covariates that do.
    """

    columns: Floats
    columns_now: Floats
    with_trend: bool
    parts: Weeks

    @classmethod
    def of(cls, learnt: _Learnt, baseline: _Baseline, *, with_trend: bool) -> _Design:
        """With the covariates that say enough in this baseline, judged one after another by plain weeks."""
        columns = learnt.columns.copy()
        parts = np.zeros(learnt.counts.shape[0], dtype=np.int64)
        plain = np.ones_like(learnt.counts)
        nothing = np.zeros((0, *plain.shape)), np.zeros((0, plain.shape[0]))
        axes = cls(*nothing, with_trend and bool(columns.size), parts).axes(plain, baseline)
        for column, now in zip(columns, learnt.columns_now, strict=True):
            reach = np.ptp(column, axis=1)
            inertia = axes.turned(plain, baseline, column, now).inertia[-1]
            # In weeks' worth; what is freed of everything has no inertia, and none is infinite.
            worth = np.where(np.isfinite(inertia), inertia, 0.0) / np.where(reach > 0, reach, np.inf) ** 2
            events = worth * learnt.counts.mean(axis=1)
            takes_part = (worth >= WEEKS_FOR_A_COLUMN) & (events >= EVENTS_FOR_A_COLUMN)
            column[~takes_part] = 0.0
            axes = axes.turned(plain, baseline, column, now)
            parts += takes_part
        # What takes part nowhere would be turned in vain, at every step of every fit.
        used = columns.any(axis=(1, 2))
        return cls(columns[used], learnt.columns_now[used], with_trend, parts)

    def at(self, rows: Weeks) -> _Design:
        """Of some of the series only."""
        columns, now = (np.take(part, rows, axis=1) for part in (self.columns, self.columns_now))
        return _Design(columns, now, self.with_trend, self.parts[rows])

    def axes(self, weight: Floats, baseline: _Baseline) -> _Axes:
        """The columns turned under these weights, (series, weeks), time last."""
        axes = _Axes(baseline.sums(weight))
        for column, now in zip(self.columns, self.columns_now, strict=True):
            axes = axes.turned(weight, baseline, column, now)
        if self.with_trend:
            axes = axes.turned(weight, baseline, baseline.time, np.zeros(weight.shape[0]))
        return axes


class _Axes(msgspec.Struct, frozen=True, eq=False):
    """The weighted design of each series, turned so that its columns do not touch one another.

    `total` is the weight of each level. Of each column, `across` is its distance in each week from its level's mean,
    freed of the columns before it, `weighted` that times the weight; `now` the same as `across` in the judged week;
    `inertia` the sum of (weight x across squared), infinite for what takes no part.
    """

    total: Floats
    across: tuple[Floats, ...] = ()
    weighted: tuple[Floats, ...] = ()
    now: tuple[Floats, ...] = ()
    inertia: tuple[Floats, ...] = ()

    def turned(self, weight: Floats, baseline: _Baseline, column: Floats, column_now: Floats) -> _Axes:
        """With one column more."""
        centre = baseline.sums(weight * column) / self.total
        across = column - baseline.spread(centre)
        now = column_now - centre[:, 0]
        for other, weighted, other_now, other_inertia in zip(
            self.across, self.weighted, self.now, self.inertia, strict=True
        ):
            share = _dot(weighted, across) / other_inertia
            across -= share[:, None] * other
            now -= share * other_now
        weighted = weight * across
        inertia = _dot(weighted, across)
        inertia = np.where(inertia > 0, inertia, np.inf)
        return _Axes(
            self.total, (*self.across, across), (*self.weighted, weighted), (*self.now, now), (*self.inertia, inertia)
        )


def _dot(one: Floats, other: Floats) -> Floats:
    """The sum of the products over the weeks of each series, without laying the products down."""
    found: Floats = np.einsum("ij,ij->i", one, other)
    return found


class _Fit(msgspec.Struct, frozen=True, eq=False):
    """A weighted Poisson regression of each series. What is not per week is per series.

    `mean`, `weight` and `leverage` are (series, weeks); `link` is the log mean of the judged week. Variances are to be
    multiplied by a dispersion.
    """

    mean: Floats
    weight: Floats
    leverage: Floats
    link: Floats
    link_variance: Floats
    slope: Floats
    slope_variance: Floats
    converged: Flags


class _Model(msgspec.Struct, frozen=True, eq=False):
    """What the last fit says of the judged week of each series: its log mean, and how sure that is.

    `link_variance` is R's (see above), `own_link_variance` that of the dispersion.
    """

    link: Floats
    link_variance: Floats
    own_link_variance: Floats
    slope_score: Floats
    dispersion: Floats
    converged: Flags
    degrees: Weeks

    def at(self, rows: Weeks) -> _Model:
        """Of some of the series only."""
        return _Model(*(part[rows] for part in msgspec.structs.astuple(self)))

    def with_rows(self, rows: Weeks, other: _Model) -> _Model:
        """With some of the series from another model."""
        parts = [part.copy() for part in msgspec.structs.astuple(self)]
        for part, changed in zip(parts, msgspec.structs.astuple(other), strict=True):
            part[rows] = changed
        return _Model(*parts)


def _offset(population: ArrayLike | None, counts: Floats) -> Floats:
    if population is None:
        return np.zeros_like(counts)
    people = np.asarray(population, dtype=np.float64)
    if people.shape != counts.shape:
        raise ValueError(f"population must have the shape of counts, {counts.shape}, not {people.shape}")
    if not (np.isfinite(people).all() and (people > 0).all()):
        raise ValueError("population must be above 0 in every week; leave out weeks in which nobody was there")
    return np.log(people)


def _alike(excluded: Flags) -> Iterator[tuple[Weeks, Flags]]:
    """The series that leave out the same weeks, and those weeks."""
    if (excluded == excluded[:1]).all():
        excluded_by_all = excluded[0] if excluded.shape[0] else np.zeros(excluded.shape[1], dtype=np.bool_)
        yield np.arange(excluded.shape[0]), excluded_by_all
        return
    kinds, kind = np.unique(excluded, axis=0, return_inverse=True)
    for number, left_out in enumerate(kinds):
        yield np.flatnonzero(kind == number), left_out


def _baseline(week: int, control: Control, excluded: Flags, columns: int) -> _Baseline | None:
    """The weeks to learn from, or None where the counts do not go back far enough or too few are left."""
    first = week - control.b * control.freq - control.w
    if first < 0:
        return None
    weeks = np.arange(first, week - control.past_weeks_not_included)
    level = _levels_of_year(control)[(weeks - first) % control.freq]
    is_left = ~excluded[weeks]
    years = (weeks - first) // control.freq
    lost = np.setdiff1d(years, years[is_left]).size
    if control.no_periods == 1:
        is_left &= level == 0
    weeks, level = weeks[is_left], level[is_left]
    order = np.argsort(level, kind="stable")
    weeks, level = weeks[order], level[order]
    _, starts, places = np.unique(level, return_index=True, return_inverse=True)
    if weeks.size <= starts.size + 1 + columns or level[0] != 0:
        return None
    return _Baseline(week, weeks, (weeks - week).astype(np.float64), starts, places, control.b - lost)


def _levels_of_year(control: Control) -> Weeks:
    """The season level of each week of a year that begins with the window, the longer levels first."""
    window = 2 * control.w + 1
    others = max(control.no_periods - 1, 1)
    length, longer = divmod(control.freq - window, others)
    lengths = [window, *(length + (number < longer) for number in range(others))]
    return np.repeat(np.arange(len(lengths)), lengths)


def _chosen_model(learnt: _Learnt, baseline: _Baseline, control: Control) -> tuple[_Model, Flags]:
    """The model with a trend where that may be kept, else without one; and where it was kept."""
    everything = np.arange(learnt.counts.shape[0])
    if not control.trend or baseline.years < YEARS_FOR_A_TREND:
        return _model(learnt, baseline, control, with_trend=False), np.zeros(everything.size, dtype=np.bool_)
    model = _model(learnt, baseline, control, with_trend=True)
    is_significant = _two_sided(model.slope_score, model.degrees) < control.p_threshold_trend
    is_seen = (_mean(model.link) <= learnt.counts.max(axis=1)) | (not control.trend_within_seen)
    kept = model.converged & is_significant & is_seen
    others = everything[~kept]
    plain = _model(learnt.at(others), baseline, control, with_trend=False)
    return model.with_rows(others, plain), kept


def _two_sided(scores: Floats, degrees: Weeks) -> Floats:
    """The probability of each score or one further from 0, each of its own degrees of freedom."""
    found = np.empty_like(scores)
    for number in np.unique(degrees).tolist():
        some = degrees == number
        found[some] = student_two_sided(scores[some], number)
    return found


def _model(learnt: _Learnt, baseline: _Baseline, control: Control, *, with_trend: bool) -> _Model:
    """Fit, weight past outbreaks down, and fit again."""
    counts = learnt.counts
    design = _Design.of(learnt, baseline, with_trend=with_trend)
    degrees = baseline.weeks.size - baseline.starts.size - with_trend - design.parts
    prior = np.ones_like(counts)
    first = fit = _fit(learnt, baseline, design, prior)
    dispersion = _dispersion(counts, fit.mean, fit.weight, degrees)
    scale = dispersion
    if control.reweight:
        prior = _outbreak_weights(counts, first, np.maximum(dispersion, 1.0), control.weights_threshold)
        fit = _fit(learnt, baseline, design, prior)
        dispersion = _dispersion(counts, fit.mean, fit.weight, degrees)
        scale = _dispersion(counts, fit.mean, prior, degrees)
    return _Model(
        link=fit.link,
        link_variance=scale * fit.link_variance,
        own_link_variance=np.maximum(dispersion, 1.0) * fit.link_variance,
        slope_score=fit.slope / np.sqrt(np.maximum(scale * fit.slope_variance, _EPSILON)),
        dispersion=np.maximum(dispersion, 1.0),
        converged=first.converged,
        degrees=degrees,
    )


def _fit(learnt: _Learnt, baseline: _Baseline, design: _Design, prior: Floats) -> _Fit:
    """Fit each series by iteratively reweighted least squares, until its deviance stands still."""
    counts, past = learnt.counts, learnt.offset
    mean = counts + 0.1
    link = np.log(mean)
    weight = np.zeros_like(counts)
    level_now = np.zeros(counts.shape[0])
    slope = np.zeros(counts.shape[0])
    converged = np.zeros(counts.shape[0], dtype=np.bool_)
    saturated = (prior * (counts * np.log(np.maximum(counts, 1.0)) - counts)).sum(axis=1)
    deviance = _deviance(saturated, counts, link, mean, prior)
    rows = np.arange(counts.shape[0])
    for _ in range(_ITERATIONS_WITH_TREND if design.with_trend else _ITERATIONS):
        observed, known, emphasis = counts[rows], past[rows], prior[rows]
        solved = emphasis * mean[rows]
        response = link[rows] - known + observed / mean[rows] - 1
        axes = (design.at(rows) if rows.size < converged.size else design).axes(solved, baseline)
        level = baseline.sums(solved * response) / axes.total
        here = level[:, 0]
        levels = baseline.spread(level)
        fitted = known + levels
        rest = response - levels
        for across, weighted, now, inertia in zip(axes.across, axes.weighted, axes.now, axes.inertia, strict=True):
            rise = _dot(weighted, rest) / inertia
            fitted += rise[:, None] * across
            here = here + rise * now
            # The last is the time's.
            slope[rows] = rise
        means = _mean(fitted)
        after = _deviance(saturated[rows], observed, fitted, means, emphasis)
        weight[rows], link[rows], mean[rows] = solved, fitted, means
        level_now[rows] = here
        converged[rows] = np.abs(after - deviance[rows]) / (np.abs(after) + 0.1) < _TOLERANCE
        deviance[rows] = after
        rows = rows[~converged[rows]]
        if not rows.size:
            break
    axes = design.axes(weight, baseline)
    leverage, variance = baseline.spread(1 / axes.total), 1 / axes.total[:, 0]
    for across, now, inertia in zip(axes.across, axes.now, axes.inertia, strict=True):
        leverage = leverage + across**2 / inertia[:, None]
        variance = variance + now**2 / inertia
    return _Fit(
        mean=mean,
        weight=weight,
        leverage=weight * leverage,
        link=level_now + learnt.offset_now,
        link_variance=variance,
        slope=slope,
        slope_variance=1 / axes.inertia[-1] if design.with_trend else np.zeros_like(slope),
        converged=converged,
    )


def _mean(link: Floats) -> Floats:
    """The mean of its logarithm, kept away from 0 and from infinity."""
    mean: Floats = np.exp(np.clip(link, _SMALLEST_LINK, _LARGEST_LINK))
    return mean


def _deviance(saturated: Floats, counts: Floats, link: Floats, mean: Floats, prior: Floats) -> Floats:
    """Twice the weighted log likelihood each series falls short of `saturated`, that of a perfect fit."""
    deviance: Floats = 2 * (saturated - (prior * (counts * link - mean)).sum(axis=1))
    return deviance


def _dispersion(counts: Floats, mean: Floats, weight: Floats, degrees: Weeks) -> Floats:
    """The weighted sum of squared working residuals, for each degree of freedom of its series."""
    dispersion: Floats = (weight * ((counts - mean) / mean) ** 2).sum(axis=1) / degrees
    return dispersion


def _outbreak_weights(counts: Floats, fit: _Fit, dispersion: Floats, threshold: float) -> Floats:
    """Weights that fall with the square of a residual above the threshold, and are 1 on the mean of each series."""
    free = np.maximum(1 - fit.leverage, _EPSILON)
    residual = (
        1.5 * (counts ** (2 / 3) * fit.mean ** (-1 / 6) - np.sqrt(fit.mean)) / np.sqrt(dispersion[:, None] * free)
    )
    weight = np.where(residual > threshold, 1 / np.maximum(residual, threshold) ** 2, 1.0)
    scaled: Floats = weight * (counts.shape[1] / weight.sum(axis=1, keepdims=True))
    return scaled


def _threshold(counts: Floats, model: _Model, control: Control) -> tuple[Floats, Floats]:
    """The bound of the judged week of each series, and the probability of its count or more."""
    z = normal_quantile(1 - control.alpha)
    if control.threshold_method == "delta":
        mean = _mean(model.link)
        power = _EXPONENTS[control.power_transform]
        spread = power * mean ** (power - 0.5) * np.sqrt(model.dispersion + mean * model.link_variance)
        bound = (mean**power + z * spread) ** (1 / power)
        return bound, normal_survival((counts**power - mean**power) / spread)
    doubt = z * np.sqrt(model.link_variance) if control.threshold_method == "muan" else 0.0
    mean = _mean(model.link + doubt)
    dispersion = _spread(model, control)
    known = (mean <= LARGEST_MEAN) & (dispersion <= LARGEST_MEAN)
    bound, probability = np.full_like(mean, np.nan), np.full_like(mean, np.nan)
    bound[known] = negative_binomial_upper_quantile(control.alpha, mean[known], dispersion[known])
    probability[known] = negative_binomial_survival(counts[known], mean[known], dispersion[known])
    return bound, probability


def _spread(model: _Model, control: Control) -> Floats:
    """Variance / mean of the judged count: (dispersion x mean + variance of the fitted mean) / mean, to first order."""
    if control.threshold_method != "predictive":
        return model.dispersion
    spread: Floats = model.dispersion + _mean(model.link) * model.own_link_variance
    return spread
