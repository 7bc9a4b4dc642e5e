"""The same series under the same settings as in R's `surveillance`: the same bounds, p-values and alarms.

`series.csv` was written by `make_series.py`, `surveillance.csv.gz` from it by `surveillance.R` and `charts.csv.gz` by
`charts.R`; the first lines of the latter say by which versions. R is not needed here.
"""

from __future__ import annotations

import csv
import gzip
from functools import lru_cache
from math import nan
from pathlib import Path

import msgspec
import numpy as np
import pytest

from safety_stream.core.statistics.charts import Cusum, cusum
from safety_stream.core.statistics.farrington import IMPROVED, ORIGINAL, Control, farrington_flexible
from safety_stream.core.statistics.short_history import (
    BAYES_1,
    BAYES_2,
    BAYES_3,
    C1,
    C2,
    RKI_1,
    RKI_2,
    RKI_3,
    Bayes,
    Ears,
    Rki,
    bayes,
    ears,
    rki,
)

HERE = Path(__file__).parent
TABLE = np.loadtxt(HERE / "series.csv", delimiter=",", dtype=np.int64)
COUNTS = TABLE[:-1]
POPULATION = np.broadcast_to(TABLE[-1], COUNTS.shape)
EMPTY = 19
"""The series whose first event comes with the judged weeks."""


def changed(control: Control, **changes: object) -> Control:
    return msgspec.structs.replace(control, **changes)


SETTINGS = {
    "original delta": ORIGINAL,
    "original nbPlugin": changed(ORIGINAL, threshold_method="nbPlugin"),
    "original muan": changed(ORIGINAL, threshold_method="muan"),
    "improved delta": changed(IMPROVED, threshold_method="delta"),
    "improved nbPlugin": IMPROVED,
    "improved muan": changed(IMPROVED, threshold_method="muan"),
    "square root": changed(ORIGINAL, power_transform="1/2"),
    "no transform": changed(ORIGINAL, power_transform="none"),
    "no reweighting": changed(IMPROVED, reweight=False, threshold_method="muan"),
    "no trend": changed(IMPROVED, trend=False, threshold_method="muan"),
    "significant trend": changed(IMPROVED, p_threshold_trend=0.01, threshold_method="muan"),
    "short baseline": changed(IMPROVED, b=3, w=2, no_periods=7, past_weeks_not_included=10, alpha=0.05),
    "two years": changed(IMPROVED, b=2, threshold_method="muan"),
    "all recent weeks": changed(ORIGINAL, past_weeks_not_included=0, limit54=(0, 4)),
    "population": changed(IMPROVED, threshold_method="muan"),
    "original population": ORIGINAL,
    "months": changed(IMPROVED, w=1, no_periods=5, past_weeks_not_included=2, freq=12),
}


class Expected(msgspec.Struct):
    """What R says of some series in some weeks: (series, judged); NaN where it says nothing."""

    series: np.ndarray
    weeks: np.ndarray
    values: dict[str, np.ndarray]


@lru_cache
def said_by_r() -> dict[str, Expected]:
    with gzip.open(HERE / "surveillance.csv.gz", "rt", encoding="ascii") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    said = {}
    for setting in dict.fromkeys(row["setting"] for row in rows):
        of_setting = [row for row in rows if row["setting"] == setting]
        series, weeks = (sorted({int(row[name]) for row in of_setting}) for name in ("series", "week"))
        said[setting] = Expected(
            np.array(series),
            np.array(weeks),
            {
                name: np.array([float(row[name] or nan) for row in of_setting]).reshape(len(series), len(weeks))
                for name in ("bound", "p_value", "alarm", "expected", "dispersion", "trend")
            },
        )
    return said


def test_every_setting_is_compared():
    assert set(said_by_r()) == {*SETTINGS, "C1", "C2", "bayes 1", "bayes 2", "bayes 3"}
    assert sum(said.values["alarm"].size for said in said_by_r().values()) > 9000


@pytest.mark.parametrize("setting", SETTINGS)
def test_farrington_agrees(setting: str):
    said = said_by_r()[setting]
    population = POPULATION[said.series] if "population" in setting else None
    found = farrington_flexible(COUNTS[said.series], said.weeks, SETTINGS[setting], population=population)
    theirs = said.values
    is_judged = ~np.isnan(theirs["p_value"]) & ~np.isnan(found.p_value)
    assert is_judged.mean() > 0.85
    # A bound that may be any number is none; a baseline without an event is judged all the same.
    assert (theirs["p_value"][np.isnan(found.p_value) & ~np.isnan(theirs["p_value"])] == 1).all()
    assert set(said.series[(np.isnan(theirs["p_value"]) & ~np.isnan(found.p_value)).any(axis=1)]) <= {EMPTY}
    for name in ("p_value", "dispersion", "expected", "bound"):
        compared = is_judged if name in {"p_value", "dispersion"} else is_judged & ~np.isnan(theirs["bound"])
        np.testing.assert_allclose(
            getattr(found, name)[compared], theirs[name][compared], rtol=1e-6, atol=1e-12, err_msg=name
        )
    np.testing.assert_array_equal(np.isnan(found.bound)[is_judged], np.isnan(theirs["bound"])[is_judged])
    np.testing.assert_array_equal(found.alarm[is_judged], theirs["alarm"][is_judged])
    np.testing.assert_array_equal(found.trend_kept[is_judged], theirs["trend"][is_judged])


@pytest.mark.parametrize(("name", "control"), [("C1", C1), ("C2", C2)])
def test_ears_agrees(name: str, control: Ears):
    said = said_by_r()[name]
    found = ears(COUNTS, said.weeks, control)
    np.testing.assert_allclose(found.bound, said.values["bound"], rtol=1e-9)
    np.testing.assert_array_equal(found.alarm, said.values["alarm"])


@pytest.mark.parametrize(("name", "control"), [("bayes 1", BAYES_1), ("bayes 2", BAYES_2), ("bayes 3", BAYES_3)])
def test_bayes_agrees(name: str, control: Bayes):
    said = said_by_r()[name]
    found = bayes(COUNTS, said.weeks, control)
    np.testing.assert_array_equal(found.bound, said.values["bound"])
    np.testing.assert_array_equal(found.alarm, said.values["alarm"])


@lru_cache
def charted_by_r() -> dict[str, dict[str, np.ndarray]]:
    """(series, weeks) of each column, weeks 110 to 149 of twenty series."""
    with gzip.open(HERE / "charts.csv.gz", "rt", encoding="ascii") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    return {
        setting: {
            name: np.array([float(row[name] or nan) for row in rows if row["setting"] == setting]).reshape(20, 40)
            for name in ("value", "alarm", "expected")
        }
        for setting in dict.fromkeys(row["setting"] for row in rows)
    }


JUDGED = range(110, 150)


@pytest.mark.parametrize(("name", "control"), [("rki 1", RKI_1), ("rki 2", RKI_2), ("rki 3", RKI_3)])
def test_rki_agrees(name: str, control: Rki):
    said = charted_by_r()[name]
    found = rki(COUNTS, JUDGED, control)
    np.testing.assert_allclose(found.bound, said["value"], rtol=1e-9)
    np.testing.assert_array_equal(found.alarm, said["alarm"])


@pytest.mark.parametrize("size", [0, 0.2])
def test_the_cusum_agrees(size: float):
    """R's alpha is the variance beyond the mean over the mean squared; an alarm there starts the chart anew too."""
    said = charted_by_r()[f"cusum {size:g}"]
    found = cusum(COUNTS[:, JUDGED], said["expected"], 1 + size * said["expected"], Cusum(ratio=1.5, threshold=3.0))
    np.testing.assert_allclose(found.statistic, said["value"], rtol=1e-7, atol=1e-8)
    np.testing.assert_array_equal(found.alarm, said["alarm"])
    assert 10 < found.alarm.sum() < 790
