"""All series of the study in a few tables, so that a detector judges thousands of them at once.

Every series exists eleven times: without a current outbreak, and with one of each size. A current outbreak changes
nothing but the weeks it lasts, so of those copies only these weeks are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from bench.study.scenarios import CURRENT, LONGEST, WEEKS, Sample

from safety_stream.core.statistics.series import Flags, Floats, Weeks, recent_totals

LEAD = 3
"""Weeks before the first current one that a detector may look back to."""

_CHUNK = 250
_LIMIT = (5, 4)


@dataclass(frozen=True)
class Series:
    """One row per series; what lies behind it is in `Sample`.

    Attributes:
        scenario: Its number.
        past: Size of the past outbreaks.
        counts: Without a current outbreak: (series, weeks).
        mean: The true mean: (series, weeks).
        dispersion: The true one: (series,).
        starts: Column in which the current outbreak of each size starts: (series, sizes).
        cases: Its cases from there on: (series, sizes, LONGEST); 0 beyond the last week.
    """

    scenario: Weeks
    past: Weeks
    counts: Floats
    mean: Floats
    dispersion: Floats
    starts: Weeks
    cases: Floats

    @classmethod
    def of(cls, samples: list[Sample]) -> Series:
        """Everything drawn, one below the other."""
        each = [sample.counts.shape[0] for sample in samples]
        starts = np.concatenate([sample.starts for sample in samples])
        cases = np.concatenate([sample.cases for sample in samples])
        cases[starts[:, :, None] + np.arange(LONGEST) >= WEEKS] = 0
        return cls(
            scenario=np.repeat([sample.scenario.number for sample in samples], each),
            past=np.repeat([sample.past for sample in samples], each),
            counts=np.concatenate([sample.counts for sample in samples]),
            mean=np.repeat([sample.scenario.mean() for sample in samples], each, axis=0),
            dispersion=np.repeat([sample.scenario.dispersion for sample in samples], each),
            starts=starts,
            cases=cases,
        )

    def __len__(self) -> int:
        return self.counts.shape[0]

    def chunks(self) -> Iterator[slice]:
        """Rows to take at once: enough for speed, few enough for the processor's memory."""
        for first in range(0, len(self), _CHUNK):
            yield slice(first, min(first + _CHUNK, len(self)))

    def rows(self, rows: slice) -> Series:
        """Some of the series."""
        parts = (self.scenario, self.past, self.counts, self.mean, self.dispersion, self.starts, self.cases)
        return Series(*(part[rows] for part in parts))

    def current(self) -> Floats:
        """The counts that are judged, without an outbreak: (series, current weeks)."""
        return self.counts[:, CURRENT.start :]

    def columns(self, *, before: int = 0) -> Weeks:
        """Where the weeks of each outbreak lie, from `before` weeks before it: (series, sizes, before + LONGEST).

        Weeks after the last one are that last one; nothing of them is used.
        """
        return np.minimum(self.starts[:, :, None] + np.arange(-before, LONGEST), WEEKS - 1)

    def with_outbreaks(self, *, before: int = 0) -> Floats:
        """The counts of those weeks, the cases of the outbreak among them."""
        counts = self.at(self.counts, self.columns(before=before))
        counts[:, :, before:] += self.cases
        return counts

    def at(self, table: Floats, columns: Weeks) -> Floats:
        """What a table (series, columns) says at columns of every outbreak: of the shape of `columns`."""
        return table[np.arange(len(self))[:, None, None], columns]

    def during(self) -> Flags:
        """Whether a week lies between the start of the outbreak and its last case: (series, sizes, LONGEST)."""
        later = np.cumsum(self.cases[:, :, ::-1], axis=2)[:, :, ::-1] > 0
        # An outbreak without a case is one week in which nothing happens: it counts, and is missed or found by luck.
        later[:, :, 0] = True
        return later

    def is_empty(self) -> Flags:
        """Whether no case of the outbreak lies in a judged week: (series, sizes)."""
        return self.cases.sum(axis=2) == 0


@dataclass(frozen=True)
class Scores:
    """What a detector makes of every series: the smaller, the more alarming; infinite where it says nothing.

    Attributes:
        quiet: Without a current outbreak: (series, current weeks).
        outbreak: In each week of each outbreak: (series, sizes, LONGEST); infinite outside `during`.
    """

    quiet: Floats
    outbreak: Floats

    def within(self, during: Flags) -> Floats:
        """The most alarming score of each outbreak: (series, sizes)."""
        return np.where(during, self.outbreak, np.inf).min(axis=2)


def with_enough_cases(series: Series, scores: Scores) -> Scores:
    """No alarm without five cases in the last four weeks: R's `limit54`."""
    least, period = _LIMIT
    quiet = recent_totals(series.counts, np.array(CURRENT), period)
    counts = series.with_outbreaks(before=period - 1)
    windows = np.lib.stride_tricks.sliding_window_view(counts, period, axis=2).sum(axis=3)
    return Scores(np.where(quiet < least, np.inf, scores.quiet), np.where(windows < least, np.inf, scores.outbreak))
