"""How often a detector is right and wrong: rates at its nominal alpha, and at equal false alarms.

FPR is the share of judged weeks without a current outbreak that are an alarm, POD the share of current outbreaks with
an alarm in at least one week between their start and their last case. At equal FPR a detector's score is cut where just
that share of weeks lies below; between two cuts that its scores allow, the line joins them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from bench.study.series import Scores

from safety_stream.core.statistics.series import Flags, Floats

EQUAL = (0.006, 0.01, 0.02, 0.05)
"""False alarms at which detectors are compared."""


@dataclass(frozen=True)
class Cut:
    """An alarm is a score of at most `below`, and with the probability `share` one of `at`."""

    below: float
    at: float
    share: float

    def rate(self, scores: Floats) -> float:
        """The share of scores that are an alarm."""
        ordered = np.sort(scores, axis=None)
        below = np.searchsorted(ordered, self.below, "right")
        tied = np.searchsorted(ordered, self.at, "right") - np.searchsorted(ordered, self.at, "left")
        return float((below + self.share * tied) / ordered.size)


def nominal(alpha: float) -> Cut:
    """The cut a detector makes itself."""
    return Cut(alpha, -np.inf, 0.0)


def cut_at(false_alarms: float, quiet: Floats) -> Cut | None:
    """The cut that gives so many false alarms; none where scores without an alarm would have to be one."""
    ordered = np.sort(quiet, axis=None)
    wanted = false_alarms * ordered.size
    at = ordered[min(int(wanted), ordered.size - 1)]
    if not np.isfinite(at):
        return None
    low, high = (int(np.searchsorted(ordered, at, side)) for side in ("left", "right"))
    return Cut(float(ordered[low - 1]) if low else -np.inf, float(at), (wanted - low) / (high - low))


@dataclass(frozen=True)
class Rates:
    """Shares of 0 to 1."""

    false_alarms: float
    detected: float


def rates(scores: Scores, during: Flags, cut: Cut, rows: Flags | None = None, counted: Flags | None = None) -> Rates:
    """FPR and POD at a cut, over some series and, on demand, only some of their outbreaks."""
    some = slice(None) if rows is None else rows
    best = scores.within(during)[some]
    return Rates(cut.rate(scores.quiet[some]), cut.rate(best if counted is None else best[counted[some]]))
