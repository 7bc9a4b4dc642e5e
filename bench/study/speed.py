"""How long the weekly batch takes: 280 series, one week, one core; beside R where it is installed.

The ratio is of CPU time of one call in the same minute, R's without starting up or loading the package.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from bench.study.comparison import Steps, Table

from safety_stream.core.statistics.farrington import farrington_flexible
from safety_stream.core.statistics.multiple import benjamini_hochberg, has_enough_cases
from safety_stream.core.statistics.recent import recent_survival

SERIES = 280
_WEEKS = 330
_ROUNDS = 5
_IN_R = """
suppressPackageStartupMessages(library(surveillance))
counts <- t(as.matrix(read.csv("counts.csv", header = FALSE)))
dimnames(counts) <- NULL
control <- list(range = nrow(counts), b = 5, w = 3, noPeriods = 10, pastWeeksNotIncluded = 26, weightsThreshold = 2.58,
                pThresholdTrend = 1, thresholdMethod = "nbPlugin", alpha = 0.005, trend = TRUE, reweight = TRUE,
                limit54 = c(5, 4), powertrans = "2/3", populationOffset = FALSE, glmWarnings = FALSE)
values <- sts(observed = counts, start = c(2013, 1), frequency = 52)
before <- proc.time()
found <- suppressWarnings(farringtonFlexible(values, control))
took <- proc.time() - before
cat(took[1] + took[2], sum(alarms(found)))
"""


def speed(_replicates: int, steps: Steps) -> dict[str, Table]:
    """CPU seconds of the batch and of R's, and their ratio."""
    counts = np.random.default_rng(20_130_406).poisson(np.exp(np.linspace(-1, 4, SERIES))[:, None], (SERIES, _WEEKS))
    ours = min(_timed(counts) for _ in steps(range(_ROUNDS), "280 series"))
    alarms = int(farrington_flexible(counts, [_WEEKS - 1]).alarm.sum())
    table: Table = [
        {
            "what": "this project, with p-values of two weeks and Benjamini-Hochberg",
            "CPU s": round(ours, 3),
            "alarms": alarms,
        }
    ]
    theirs = _in_r(counts)
    if theirs is not None:
        seconds, found = theirs
        table.append({"what": "R surveillance::farringtonFlexible alone", "CPU s": round(seconds, 3), "alarms": found})
        table.append({"what": "ratio", "CPU s": round(seconds / ours, 1), "alarms": None})
    return {"speed": table}


def _timed(counts: np.ndarray) -> float:
    began = time.process_time()
    last = _WEEKS - 1
    # Two weeks are judged each week; the earlier one's expectation is what it was a week ago.
    found = farrington_flexible(counts, [last])
    earlier = np.column_stack([found.expected, found.expected])
    recent_survival(counts[:, -2:], earlier, np.column_stack([found.dispersion, found.dispersion]))
    benjamini_hochberg(np.where(has_enough_cases(counts, [last]), found.p_value, np.nan), 0.1)
    return time.process_time() - began


def _in_r(counts: np.ndarray) -> tuple[float, int] | None:
    """CPU seconds and alarms of R; none where it or the package is missing."""
    program = shutil.which("Rscript")
    if program is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        np.savetxt(Path(folder) / "counts.csv", counts, fmt="%d", delimiter=",")
        done = subprocess.run([program, "-e", _IN_R], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        return None
    seconds, alarms = done.stdout.split()
    return float(seconds), int(alarms)
