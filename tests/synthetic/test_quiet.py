"""Quiet histories judged as real ones: what they bring, and that the judge is told nothing it would not know."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec
import pytest

from safety_stream.catalogue.loading import load_catalogue
from safety_stream.core.judgements.settings import Settings
from safety_stream.core.statistics.expecting import Expecting
from safety_stream.data_files import catalogue_folder
from safety_stream.synthetic import quiet
from safety_stream.synthetic.quiet import FalseAlarms, false_alarms


@pytest.fixture(scope="module")
def settings() -> Settings:
    """The shipped ones, of twenty series."""
    shipped = load_catalogue(catalogue_folder()).signals
    assert shipped is not None
    return msgspec.structs.replace(shipped, areas=shipped.areas[:5], indicators=shipped.indicators[:4])


def brought(settings: Settings, mean: float, seed: int = 1) -> FalseAlarms:
    *_, last = false_alarms(settings, 2, mean, 1.3, 1, Random(seed))
    return last


def test_a_year_of_a_county_is_the_same_again(settings: Settings):
    once = brought(settings, 10.0)

    assert once == brought(settings, 10.0)
    assert once != brought(settings, 10.0, seed=2)
    assert (once.weeks, once.series) == (52, 20)


def test_the_judge_learns_the_mean_from_the_history_alone(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    """By what it expects: of the years before, and of no week that is judged or comes after."""
    seen: list[tuple[int, int, Expecting]] = []
    right = quiet.expected_of

    def expected_of(counts: Any, first: int, last: int, by: Expecting, *more: Any) -> Any:
        seen.append((first, last, by))
        return right(counts, first, last, by, *more)

    monkeypatch.setattr(quiet, "expected_of", expected_of)
    brought(settings, 2.0)

    first = 2 * 52 + settings.expecting.trusted.w
    assert [(at, until) for at, until, _ in seen] == [(week, week + 1) for week in range(first, first + 7 + 52)]
    assert all(by == settings.expecting for _, _, by in seen)


@pytest.mark.parametrize(
    ("numbers", "low", "high"),
    # The exact limits of Poisson counts of 0, of 4, and of 1, each of which is a clump of 4.
    [([0] * 9, 0.0, 3.69), ([1, 1, 0, 1, 1], 1.09, 10.24), ([4, 0, 0], 4 * 0.025, 4 * 5.57)],
)
def test_an_interval_is_that_of_as_many_clumps(numbers: list[int], low: float, high: float):
    found = quiet._brought(numbers, 52)

    assert found.a_year == sum(numbers)
    assert found.low == pytest.approx(low, abs=0.25)
    assert found.high == pytest.approx(high, abs=0.25)
