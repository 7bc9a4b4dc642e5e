"""Days of the calendar as weekly flags and columns, for what judges series of counts.

A week is told by its Monday and runs to Sunday. It holds every day of the week once, so which weekdays it has says
nothing; what moves through the weeks does: holidays, festivals, seasons that begin on a date, changes of recording. A
column says how many such days a week has, so that a season which begins on a Wednesday has five sevenths of a week.

On the log mean a column acts in proportion: if a week of seven days has three times as many events, one of two days has
3^(2/7) = 1.37 times as many.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from safety_stream.core.judging import Exclusion, Judging
from safety_stream.core.model.times import Day
from safety_stream.core.statistics.series import Flags, Floats, Weeks

DAYS_IN_WEEK = 7


def days_in_weeks(mondays: Weeks, days: Collection[Day]) -> Floats:
    """How many of the days each week holds: (weeks,). A day that is named twice counts once."""
    ordered = np.unique(np.array(sorted(days), dtype=np.int64))
    before, after = (np.searchsorted(ordered, edge) for edge in (mondays, mondays + DAYS_IN_WEEK))
    counts: Floats = (after - before).astype(np.float64)
    return counts


def weeks_since(mondays: Weeks, day: Day) -> Floats:
    """1 for every week that begins on that day or later, else 0: (weeks,)."""
    column: Floats = (mondays >= day).astype(np.float64)
    return column


def weeks_excluded(mondays: Weeks, exclusions: Sequence[Exclusion]) -> Flags:
    """Which weeks have a day in any of the stretches: (weeks,)."""
    flags = np.zeros(mondays.size, dtype=np.bool_)
    for stretch in exclusions:
        flags |= (mondays <= stretch.last) & (mondays + DAYS_IN_WEEK > stretch.first)
    return flags


def columns_of(mondays: Weeks, judging: Judging) -> Floats:
    """A column of each covariate and step change, in their order: (covariates and changes, weeks).

    Args:
        mondays: The first day of each week of the counts, one week after another.
        judging: What is known of the series (`Judging.of`).

    A covariate whose days are not known in all these weeks is 0 throughout and so takes no part: an effect that is
    left out does less harm than one believed on the wrong days.
    """
    found = np.zeros((len(judging.covariates) + len(judging.steps), mondays.size))
    if not mondays.size:
        return found
    first, last = int(mondays[0]), int(mondays[-1]) + DAYS_IN_WEEK - 1
    for column, covariate in zip(found, judging.covariates, strict=False):
        if covariate.is_known(first, last):
            column[:] = days_in_weeks(mondays, covariate.days)
    for column, step in zip(found[len(judging.covariates) :], judging.steps, strict=True):
        column[:] = weeks_since(mondays, step.day)
    return found
