"""Arrays of weekly counts: one row per series, one column per consecutive week, checked where they come in."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
"""Real numbers; NaN says that there is none."""

Flags = NDArray[np.bool_]
"""Yes or no."""

Weeks = NDArray[np.int64]
"""Columns of the counts, from 0."""


def checked_counts(counts: ArrayLike) -> Floats:
    """The counts as an array (series, weeks). Raises `ValueError` unless they are whole, not negative and a table."""
    table = np.asarray(counts, dtype=np.float64)
    if table.ndim != 2:  # noqa: PLR2004 - rows and columns
        raise ValueError(f"counts must be a table of (series, weeks), not of {table.ndim} dimensions")
    if not (np.isfinite(table).all() and (table >= 0).all() and (table == np.floor(table)).all()):
        raise ValueError("counts must be whole numbers of 0 or more; fill weeks without a report with 0")
    return table


def checked_weeks(weeks: ArrayLike, counts: Floats) -> Weeks:
    """The weeks to judge as columns of the counts. Raises `ValueError` where there is no such column."""
    columns = np.asarray(weeks, dtype=np.float64)
    judged = columns.astype(np.int64)
    last = counts.shape[1] - 1
    if judged.ndim != 1:
        raise ValueError(f"weeks must be a list of columns, not of {judged.ndim} dimensions")
    if not (judged == columns).all():
        raise ValueError("weeks must be whole numbers")
    if judged.size and not (judged.min() >= 0 and judged.max() <= last):
        raise ValueError(f"weeks must be columns of the counts, 0 to {last}; got {judged.min()} to {judged.max()}")
    return judged


def checked_excluded(excluded: ArrayLike | None, counts: Floats) -> Flags:
    """The weeks left out of every baseline as flags (series, weeks); none where nothing is said.

    Raises `ValueError` unless they are flags of the shape of the counts, or of their weeks.
    """
    flags = np.asarray(False if excluded is None else excluded)
    if excluded is not None and flags.shape not in (counts.shape, counts.shape[1:]):
        raise ValueError(f"excluded must have the shape of counts, {counts.shape}, or of its weeks, not {flags.shape}")
    if flags.dtype != np.bool_:
        raise ValueError("excluded must be flags, one for each week: whether it is left out")
    return np.broadcast_to(flags, counts.shape)


def checked_covariates(covariates: ArrayLike | None, counts: Floats) -> Floats:
    """The columns beside season and trend as (covariates, series, weeks); none where nothing is said.

    Raises `ValueError` unless they are finite, and each is of the shape of the counts, or of their weeks.
    """
    if covariates is None:
        return np.zeros((0, *counts.shape))
    columns = np.asarray(covariates, dtype=np.float64)
    each = columns.shape[1:]
    if not columns.ndim or each not in (counts.shape, counts.shape[1:]):
        raise ValueError(f"covariates must each have the shape of counts, {counts.shape}, or of its weeks, not {each}")
    if not np.isfinite(columns).all():
        raise ValueError("covariates must be numbers in every week, judged ones too")
    shared = columns[:, None, :] if each == counts.shape[1:] else columns
    return np.broadcast_to(shared, (columns.shape[0], *counts.shape))


def recent_totals(counts: Floats, weeks: Weeks, period: int) -> Floats:
    """The events in the last `period` weeks up to and with each judged one: (series, judged).

    Weeks before the first column hold none.
    """
    running = np.concatenate([np.zeros((counts.shape[0], 1)), np.cumsum(counts, axis=1)], axis=1)
    totals: Floats = running[:, weeks + 1] - running[:, np.maximum(weeks + 1 - period, 0)]
    return totals
