"""The simulated study: its series are what they claim to be, and its shortcuts give what the long way gives."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench.study.detectors import FIRST, Model, charted, delta, fitted, one_week, recent_weeks, remembered, told
from bench.study.nowcasts import FEEDS, LEVELS, judged
from bench.study.pictures import Line, Picture, drawing
from bench.study.rates import cut_at, nominal, rates
from bench.study.report import filled, markdown, tables
from bench.study.scenarios import CURRENT, LONGEST, SIZES, WEEKS, drawn, sample, scenarios
from bench.study.series import LEAD, Scores, Series
from bench.study.shipped import scored

from safety_stream.catalogue.loading import load_catalogue
from safety_stream.core.judgements.signals import Weighed, judged_week
from safety_stream.core.judging import Judging
from safety_stream.core.statistics.charts import Cusum, cusum
from safety_stream.core.statistics.distributions import negative_binomial_survival
from safety_stream.core.statistics.expecting import expected_of
from safety_stream.core.statistics.farrington import IMPROVED, ORIGINAL, Control, farrington_flexible
from safety_stream.core.statistics.short_history import BAYES_2, C1, bayes, ears
from safety_stream.data_files import catalogue_folder

DOCS = Path(__file__).parents[2] / "docs"


def plainly(items: Any, _name: str) -> Any:
    return items


@lru_cache
def some_series() -> Series:
    return Series.of([sample(scenarios()[at], past, 2) for at, past in ((4, 3), (18, 0), (28, 10))])


@lru_cache
def model(control: Control = IMPROVED) -> Model:
    return fitted(some_series(), control, plainly, "")


def with_outbreak(row: int, place: int) -> np.ndarray:
    """A whole series with one of its outbreaks added, the plain way."""
    series = some_series()
    counts = series.counts[row].copy()
    for step, cases in enumerate(series.cases[row, place]):
        if series.starts[row, place] + step < WEEKS:
            counts[series.starts[row, place] + step] += cases
    return counts


def outbreaks() -> list[tuple[int, int]]:
    return [(row, place) for row in range(len(some_series())) for place in (0, 4, 9)]


def test_there_are_forty_two_scenarios_in_seven_groups():
    every = scenarios()
    assert [one.number for one in every] == list(range(1, 43))
    assert [(one.group, one.slope > 0, one.waves) for one in every[6:12]] == [
        (2, trend, waves) for trend in (False, True) for waves in (0, 1, 2)
    ]
    assert every[0].mean() == pytest.approx(np.full(WEEKS, np.exp(0.1)))
    # 52 weeks, so week 52 is at an angle of 0: theta + beta t + gamma1 + gamma1.
    assert np.log(every[29].mean()[51]) == pytest.approx(2.5 + 0.001 * 52 + 1 + 1)


@pytest.mark.parametrize("dispersion", [1.0, 1.5, 5.0])
def test_counts_have_the_mean_and_variance_promised(dispersion: float):
    counts = drawn(np.random.default_rng(3), np.full(200_000, 4.0), dispersion)
    assert counts.mean() == pytest.approx(4, rel=0.02)
    assert counts.var() == pytest.approx(4 * dispersion, rel=0.05)


def test_outbreaks_have_k_deviations_of_cases_within_the_current_weeks():
    scenario = scenarios()[36]
    found = sample(scenario, 5, 60)
    mean = scenario.mean()
    expected = np.array(SIZES) * np.sqrt(1.2 * mean[CURRENT.start :].mean())
    assert found.cases.sum(axis=2).mean(axis=0) == pytest.approx(expected, rel=0.05)
    shares = found.cases.sum(axis=(0, 1)) / found.cases.sum()
    assert shares[:3] == pytest.approx([0.5, 0.417, 0.069], abs=0.01)
    assert found.starts.min() >= CURRENT.start
    assert found.starts.max() < WEEKS


def test_a_longer_run_begins_with_the_shorter_one():
    few, many = (sample(scenarios()[9], 3, number) for number in (2, 4))
    np.testing.assert_array_equal(few.counts, many.counts[:2])
    np.testing.assert_array_equal(few.cases, many.cases[:2])


@pytest.mark.parametrize("control", [IMPROVED, ORIGINAL], ids=["improved", "original"])
def test_one_fit_serves_every_outbreak(control: Control):
    """The long way: judge the series that has the outbreak, week by week while it lasts."""
    series = some_series()
    found = one_week(series, model(control), *([delta] if control is ORIGINAL else []))
    for row, place in outbreaks():
        counts = with_outbreak(row, place)
        for step in np.flatnonzero(series.during()[row, place]).tolist():
            week = int(series.starts[row, place]) + step
            expected = farrington_flexible(counts[None], [week], control)
            if np.isnan(expected.bound[0, 0]):
                assert found.outbreak[row, place, step] == np.inf
            else:
                assert found.outbreak[row, place, step] == pytest.approx(expected.p_value[0, 0], rel=1e-6, abs=1e-15)


def test_two_weeks_and_charts_see_the_outbreak_as_the_whole_series_shows_it():
    series = some_series()
    two = recent_weeks(series, model(), 2)
    sums = charted(series, model(), lambda *parts: cusum(*parts, Cusum(threshold=1e9)))
    for row, place in outbreaks():
        counts = with_outbreak(row, place)
        start = int(series.starts[row, place])
        standing = cusum(
            counts[None, CURRENT.start :],
            model().mean[[row], LEAD:],
            model().spread[[row], LEAD:],
            Cusum(threshold=1e9),
        ).statistic[0]
        for step in np.flatnonzero(series.during()[row, place]).tolist():
            week = start + step
            if counts[week - 3 : week + 1].sum() < 5:
                assert sums.outbreak[row, place, step] == two.outbreak[row, place, step] == np.inf
                continue
            assert sums.outbreak[row, place, step] == pytest.approx(-standing[week - CURRENT.start])
            pair = [
                counts[[week - 1, week]].sum(keepdims=True),
                model().mean[row, [week - 1 - FIRST, week - FIRST]].sum(keepdims=True),
                model().spread[row, [week - FIRST]],
            ]
            assert two.outbreak[row, place, step] == pytest.approx(negative_binomial_survival(*pair)[0])
    quiet = np.array(
        [
            negative_binomial_survival(
                series.counts[:, -2:].sum(axis=1), model().mean[:, -2:].sum(axis=1), model().spread[:, -1]
            )
        ]
    )
    has_enough = series.counts[:, -4:].sum(axis=1) >= 5
    assert two.quiet[:, -1] == pytest.approx(np.where(has_enough, quiet[0], np.inf))


@pytest.mark.parametrize(
    ("judge", "history"),
    [(lambda counts, weeks: ears(counts, weeks, C1), 7), (lambda counts, weeks: bayes(counts, weeks, BAYES_2), 58)],
)
def test_a_short_memory_holds_the_outbreak_too(judge: Any, history: int):
    series = some_series()
    found = remembered(series, judge, history, plainly, "")
    for row, place in outbreaks():
        counts = with_outbreak(row, place)
        for step in np.flatnonzero(series.during()[row, place]).tolist():
            week = int(series.starts[row, place]) + step
            assert found.outbreak[row, place, step] == pytest.approx(judge(counts[None], [week]).p_value[0, 0])


def test_the_truth_is_well_calibrated():
    series = Series.of([sample(scenarios()[36], 0, 150)])
    quiet = one_week(series, told(series)).quiet
    assert (quiet <= 0.05).mean() == pytest.approx(0.045, abs=0.008)


def test_rates_are_shares_of_weeks_and_of_outbreaks():
    quiet = np.array([[0.001, 0.2, 0.5, 1.0, np.inf]])
    outbreak = np.full((1, 2, LONGEST), np.inf)
    outbreak[0, 0, :2], outbreak[0, 1, :3] = (0.3, 0.001), (0.7, 0.6, 0.0)
    during = np.zeros(outbreak.shape, dtype=bool)
    # The third week of the second outbreak is over: its alarm comes too late.
    during[0, :, :2] = True
    scores = Scores(quiet, outbreak)
    own = rates(scores, during, nominal(0.01))
    assert (own.false_alarms, own.detected) == (0.2, 0.5)


def test_a_cut_between_two_weeks_is_on_the_line_that_joins_them():
    cut = cut_at(0.3, np.array([0.1, 0.2, 0.2, 0.2, 0.9]))
    assert cut is not None
    # One week of five is below; half a week more of the three alike.
    assert cut.rate(np.array([0.1, 0.2, 0.2, 0.2, 0.9])) == pytest.approx(0.3)
    assert cut.rate(np.array([0.2])) == pytest.approx(1 / 6)
    assert cut_at(0.5, np.array([0.1, np.inf, np.inf])) is None


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("feed", FEEDS)
def test_nowcasts_hold_what_they_say_whatever_the_feed_and_the_level(feed: str, level: str):
    """90 % is meant; from three series of ten events a week one may come out at 82 by chance."""
    held, width = judged(feed, level, 10, 3)
    known = ~np.isnan(held)
    # Of a file a month nobody can say anything before it comes.
    assert known.any(axis=0).tolist() == ([False, False, False, True] if feed == "file a month" else [True] * 4)
    assert 0.82 <= held[known].mean()
    assert (np.isnan(width) == ~known).all()


def test_what_is_scored_as_shipped_is_what_the_judge_says():
    """In a mean of a seventh of an event a week, four weeks as one; in one of 148, each by itself."""
    settings = load_catalogue(catalogue_folder()).signals
    assert settings is not None
    series = Series.of([sample(scenarios()[at], 0, 1) for at in (6, 36)])
    scores = scored(series, settings, plainly).quiet
    last = 10
    every = {("x", str(row)): counts.astype(int).tolist() for row, counts in enumerate(series.counts)}
    weeks = range(CURRENT.start - LEAD, CURRENT.start + last)
    expected = expected_of(every, weeks.start, weeks.stop, settings.expecting, 4, Judging())
    rows: list[dict[str, Any]] = [{}] * 7
    for week in weeks:
        weighed = {
            name: Weighed(counts[week], True, tuple(counts[week - 7 : week + 1]), (), None, one)
            for (_, name), counts in every.items()
            if (one := expected["x", name][week - weeks.start]) is not None
        }
        rows.append(judged_week(week, weighed, rows[-7:], settings.levels))
    judged = rows[-last:]

    assert {(one["0"].together, one["1"].together) for one in judged} == {(4, 1)}
    for week, row in enumerate(judged):
        for number, counts in enumerate(series.counts.astype(int).tolist()):
            at = CURRENT.start + week
            is_enough = sum(counts[at - 3 : at + 1]) >= (3 if number == 0 else 5)
            wanted = row[str(number)].rarity.p if is_enough else 1.0
            assert scores[number, week] == pytest.approx(wanted, rel=1e-9)


def test_the_page_shows_the_last_results():
    """`python -m bench.study --render` after every run."""
    results = json.loads((DOCS / "study" / "results.json").read_text(encoding="utf-8"))
    page = (DOCS / "statistics.md").read_text(encoding="utf-8")
    assert filled(page, tables(results)) == page
    assert markdown(results["comparison"]["overall"]) in page


def test_a_table_is_written_between_its_comments_only():
    page = "before\n<!-- table: a b -->\nold\n<!-- end -->\nafter <!-- table: c -->\nkept\n<!-- end -->\n"
    told_so = filled(page, {"a b": [{"x": "one", "y": 2.5}, {"x": "two", "y": None}]})
    table = "| x | y |\n| --- | ---: |\n| one | 2.5 |\n| two |  |\n"
    assert told_so == page.replace("old\n", table)


def test_a_picture_has_every_line_and_its_name():
    svg = drawing(Picture("t", "a < b", "u", [Line("one", [(0, 0), (4, 9)]), Line("two", [(1, 1)], joined=False)]))
    assert svg.count("<polyline") == svg.count("<circle") == 1
    assert "a &lt; b" in svg
