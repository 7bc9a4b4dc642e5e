"""The study of real data: its parsers and recombinations on made-up rows and counts, its page on its results."""

from __future__ import annotations

import csv
import gzip
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench.study.report import tables
from bench.study_real import __main__ as command
from bench.study_real.alarms import by_months, over_2020
from bench.study_real.files import missing, read
from bench.study_real.judging import HISTORY, Said, alarms, enough, fit, said
from bench.study_real.recombined import _runs, dealt, dealt_mean, moved, split
from bench.study_real.recorded import NAMES, declared_year, expected_year, recorded
from bench.study_real.report import filled
from bench.study_real.streets import AREAS, month_of, streets, table_of
from bench.study_real.toronto import COLUMNS, Weekly, read_toronto, weekly

from safety_stream.core.statistics.distributions import negative_binomial_survival
from safety_stream.core.statistics.farrington import farrington_flexible
from safety_stream.synthetic.settings import read_county

ROOT = Path(__file__).parents[2]
MONDAY = date(2014, 1, 6)


def plainly(items: Any, _name: str) -> Any:
    return items


def crime(number: int, day: date | str, **changes: str) -> dict[str, str]:
    row = {
        "event_id": f"X{number}",
        "date": str(day),
        "hour": "9",
        "category": "robbery",
        "premises": "Outside",
        "neighbourhood": "North End",
        "lat": "43.7",
        "lon": "-79.4",
    }
    return row | changes


def a_city() -> list[dict[str, str]]:
    """Three weeks, the last of them only begun."""
    return [
        crime(1, MONDAY),
        crime(2, MONDAY + timedelta(days=6)),
        crime(3, MONDAY + timedelta(days=7), neighbourhood="South End"),
        crime(4, MONDAY + timedelta(days=13), category="assault"),
        crime(5, MONDAY + timedelta(days=14)),
    ]


def counts_of(found: Weekly, category: str, area: str) -> list[float]:
    row = found.categories.index(category) * len(found.areas) + found.areas.index(area)
    return found.counts[row].tolist()


def quirk(found: Weekly, word: str) -> Any:
    return next(row["rows"] for row in found.quirks if word in str(row["what"]))


def test_weeks_are_monday_to_sunday_and_whole():
    found = weekly(a_city())
    assert (found.first, found.counts.shape) == (MONDAY, (4, 2))
    assert [1, 0] == counts_of(found, "robbery", "South End")[::-1]
    assert [2, 0] == counts_of(found, "robbery", "North End")
    assert [0, 1] == counts_of(found, "assault", "North End")
    assert 1 == quirk(found, "after the last whole week")
    assert (0, 1) == (found.column(MONDAY + timedelta(days=6)), found.column(MONDAY + timedelta(days=7)))


def test_a_last_sunday_ends_the_last_week():
    assert weekly([crime(1, MONDAY), crime(2, MONDAY + timedelta(days=13))]).counts.shape == (1, 2)


def test_what_happened_before_the_first_monday_is_left_out():
    found = weekly([*a_city(), crime(6, "1966-06-09"), crime(7, "2014-01-01")])
    assert 2 == quirk(found, "before the first week")
    assert 4 == found.quirks[-1]["rows"] == found.counts.sum()
    assert 1 == quirk(found, "1 January")


def test_rows_that_agree_in_all_but_their_number_are_counted_once():
    twice = [*a_city(), crime(6, MONDAY), crime(7, MONDAY, hour="10"), crime(8, MONDAY, category="assault")]
    found = weekly(twice)
    assert [3, 0] == counts_of(found, "robbery", "North End")
    assert [1, 1] == counts_of(found, "assault", "North End")
    assert 1 == quirk(found, "everything but the number: counted once")
    assert 1 == quirk(found, "but for the category too")
    assert [4, 0] == counts_of(weekly(twice, merged=False), "robbery", "North End")


def test_a_row_without_an_area_is_left_out_and_told():
    found = weekly([*a_city(), crime(6, MONDAY, neighbourhood=" ")])
    assert ("North End", "South End") == found.areas
    assert 1 == quirk(found, "without an area")


def test_a_file_of_other_years_is_refused():
    with pytest.raises(ValueError, match="no row of a whole week from 2014-01-06 on"):
        weekly([crime(1, "1966-06-09")])


def test_a_packed_file_is_read_and_a_strange_one_refused(tmp_path: Path):
    file = tmp_path / "crime.csv.gz"
    with gzip.open(file, "wt", encoding="utf-8", newline="") as lines:
        out = csv.DictWriter(lines, COLUMNS)
        out.writeheader()
        out.writerows(a_city())
    np.testing.assert_array_equal(read_toronto(file).counts, weekly(a_city()).counts)
    with pytest.raises(ValueError, match=r"crime\.csv\.gz has no column Month"):
        list(read(file, ("date", "Month")))


def test_a_missing_file_is_named_with_the_mend(tmp_path: Path, capsys: Any, monkeypatch: Any):
    assert ["nothing.csv"] == missing(tmp_path, ("nothing.csv",))
    monkeypatch.setattr("sys.argv", ["study_real", "--data", str(tmp_path), "--parts", "recorded"])
    assert 1 == command.main()
    told = capsys.readouterr().err
    assert "lancashire_recorded_crime_2017_18.csv" in told
    assert "make study-real DATA=" in told


def street(number: str = "", **changes: str) -> dict[str, str]:
    row = {
        "Crime ID": number,
        "Month": "2016-07",
        "Longitude": "-1.5",
        "Latitude": "53.6",
        "LSOA code": "E1",
        "LSOA name": "West Town 001A",
        "Crime type": "Drugs",
    }
    return row | changes


def test_streets_are_counted_by_district_msoa_and_lsoa():
    here = street("a")
    assert ["West Town", "West Town 001", "E1"] == [area(here) for area in AREAS.values()]
    months = [
        month_of([street("a"), street("b"), street(**{"LSOA code": "", "LSOA name": ""})]),
        month_of([street("a", Month="2017-07", **{"Crime type": "Robbery"})]),
    ]
    np.testing.assert_array_equal([[2, 0], [0, 1]], table_of(months, AREAS["district"]))


def test_a_street_file_of_two_months_is_refused():
    with pytest.raises(ValueError, match="not of 2016-07, 2016-08"):
        month_of([street(), street(Month="2016-08")])


def test_the_latest_month_is_judged_by_the_two_before():
    def month(year: int, crimes: int, others: int) -> Any:
        at = f"{year}-07"
        return month_of(
            [street("x", Month=at)] * crimes + [street(Month=at, **{"Crime type": "Anti-social behaviour"})] * others
        )

    found = streets([month(2016, 10, 30), month(2017, 12, 30), month(2018, 60, 31)])
    (district, *_) = found["real street alarms"]
    assert (2, 1, 0.0) == (district["series"], district["alarms"], district["on 2 or fewer, %"])
    assert [11, 59, 0] == [found["real street files"][at]["a number told again"] for at in (1, 2)] + [0]
    assert 75.0 == found["real street files"][0]["without a number, %"]


def test_the_county_is_compared_with_what_was_recorded():
    county = read_county(ROOT / "catalogue" / "synthetic" / "lancashire.yaml")
    rows = [
        {"Financial_Quarter": "1", "Number_of_Offences": "1,000", "Policeuk_Cat": "Burglary"},
        {"Financial_Quarter": "2", "Number_of_Offences": "3", "Policeuk_Cat": "Drugs"},
    ]
    found = {row["category"]: row for row in recorded(rows, county)["real levels"]}
    assert (1000, 1003) == (found["burglary"]["recorded"], found["all"]["recorded"])
    assert set(NAMES) == set(declared_year(county)) == set(expected_year(county))
    # Three quarters at the level of 2017 and one at that of 2018.
    level = (275 * county.levels[2017] + 90 * county.levels[2018]) / 365
    assert declared_year(county)["burglary"] == pytest.approx(5475 * level)
    assert sum(expected_year(county)["burglary"].values()) == pytest.approx(5475 * level, rel=0.02)
    with pytest.raises(ValueError, match="no category for Piracy"):
        recorded([rows[0] | {"Policeuk_Cat": "Piracy"}], county)


WEEKS = HISTORY + 12


def some_counts() -> np.ndarray:
    """Two categories of three districts."""
    return (
        np.random.default_rng(5).poisson(np.array([0.2, 1.0, 6.0, 0.5, 2.0, 15.0])[:, None], (6, WEEKS)).astype(float)
    )


def test_every_detector_says_of_each_week_what_it_says_alone():
    counts = some_counts()
    weeks = np.arange(WEEKS - 3, WEEKS)
    fits = fit(counts, 3, weeks, plainly, "")
    found = said(counts, fits)
    assert {one.p_value.shape for one in found.values()} == {(6, 2)}
    alone = farrington_flexible(counts, weeks)
    np.testing.assert_allclose(found["alone"].p_value, alone.p_value[:, 1:])
    two = counts[:, -1] + counts[:, -2]
    expected = negative_binomial_survival(two, alone.expected[:, -2:].sum(axis=1), alone.dispersion[:, -1])
    np.testing.assert_allclose(found["alone, two weeks"].p_value[:, -1], expected)
    np.testing.assert_array_equal(found["alone, two weeks"].events[:, -1], two)


def test_ways_to_choose_alarms():
    # One week of five series; the second has a p-value and too few cases.
    p_value = np.array([[0.0001], [0.004], [0.03], [0.6], [np.nan]])
    is_enough = np.array([[True], [False], [True], [True], [True]])
    found = {way: np.flatnonzero(flags[:, 0]).tolist() for way, flags in alarms(p_value, is_enough).items()}
    # Of four p-values the third must be at most .075, of three the second at most .0667.
    assert {"p": [0, 1], "p, rule": [0], "BH": [0, 1, 2], "BH, rule": [0, 2]} == found


def test_the_count_rule_is_that_of_the_weekly_batch():
    counts = np.array([[0, 0, 1, 2.0], [0, 2, 2, 1], [0, 0, 0, 3]])
    assert [False, True, True] == enough(counts, np.array([3]))[:, 0].tolist()


def test_a_split_finds_the_weeks_that_stand_out_and_moving_keeps_every_event():
    counts = np.random.default_rng(1).poisson(2.0, (4, 160)).astype(float)
    counts[1, 80:82] += 12
    parts = split(counts)
    assert {(1, 80), (1, 81)} <= set(zip(*map(np.ndarray.tolist, np.nonzero(parts.excess)), strict=True))
    assert (parts.excess > 0).mean() < 0.02
    again, excess = moved(counts, parts)
    assert again.min() >= 0
    assert again.sum() == counts.sum()
    assert (excess[1, 132:134] == parts.excess[1, 80:82]).all()
    # A week says nothing about its own baseline, nor do those next to it.
    wild = counts.copy()
    wild[1, 79:84] += 1000
    assert split(wild).mean[1, 81] == parts.mean[1, 81]


def test_dealing_keeps_districts_years_and_the_citys_weeks():
    counts = some_counts()
    found = dealt(counts, 3, 0)
    assert not np.array_equal(counts, found)
    for top in (0, 3):
        np.testing.assert_array_equal(counts[top : top + 3].sum(axis=0), found[top : top + 3].sum(axis=0))
        for first in range(0, WEEKS, 52):
            part = np.s_[top : top + 3, first : first + 52]
            np.testing.assert_array_equal(counts[part].sum(axis=1), found[part].sum(axis=1))
            np.testing.assert_allclose(found[part].sum(axis=1), dealt_mean(counts, 3)[part].sum(axis=1))
    mean = np.mean([dealt(counts, 3, draw) for draw in range(200)], axis=0)
    np.testing.assert_allclose(mean, dealt_mean(counts, 3), atol=1.2)


def test_stretches_of_weeks_are_numbered_across_series():
    flags = np.array([[1, 1, 0, 1], [1, 0, 0, 1]], dtype=bool)
    assert [[1, 1, 0, 2], [3, 0, 0, 4]] == _runs(flags).tolist()


def test_a_window_changes_nothing_before_it_and_raises_what_is_expected_after_a_fall():
    weeks = HISTORY + 110
    first = date(2020, 3, 16) - timedelta(weeks=HISTORY + 12)
    counts = np.full((2, weeks), 20.0) + np.random.default_rng(2).integers(-3, 4, (2, weeks))
    closed = HISTORY + 12
    counts[:, closed : closed + 15] = 4
    crimes = Weekly(("robbery",), ("North End", "South End"), first, counts, [])
    every = np.arange(HISTORY, weeks, 7)
    found = over_2020(crimes, fit(counts, 2, every, plainly, ""), plainly)
    course = found["real course"]
    before, after = course[0], course[-4]
    assert before["expected, nothing left out"] == before["expected, the first closing left out"]
    assert float(str(after["expected, nothing left out"])) + 1 < float(
        str(after["expected, the first closing left out"])
    )
    fall = next(row for row in found["real periods"] if row["period"] == "first closing")
    assert fall["observed, % of expected"] == pytest.approx(20, abs=4)


def test_a_course_is_shown_as_means_of_four_weeks():
    course: Any = [{"alarms": value} for value in (1, 2, 3, 6, 5, 5, 5, 5, 9)]
    assert [(0.0, 3.0), (4.0, 5.0)] == by_months(course, "alarms")


def test_alarms_without_a_p_value_are_none():
    nothing = Said(np.full((2, 3), np.nan), np.zeros((2, 3)))
    assert not any(flags.any() for flags in alarms(nothing.p_value, np.ones((2, 3), dtype=bool)).values())


def test_the_page_shows_the_last_results():
    """`python -m bench.study_real --render` after every run."""
    results = json.loads((ROOT / "docs" / "study-real" / "results.json").read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "statistics.md").read_text(encoding="utf-8")
    assert filled(page, tables(results)) == page
    assert {f"table: {name}" for name in tables(results) if name != "real course"} <= {
        line[5:-4] for line in page.splitlines() if line.startswith("<!-- table: ")
    }
