"""What `indicators why` works out again from a judgement's own record: to a millionth, of weeks and of days."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.core.stages.judged_world import MONDAY, SERIES, a_status, a_value, run

from safety_stream.catalogue.loading import load_catalogue
from safety_stream.cli.judgements import agrees, newest_of, worked_out_again
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.judgements.settings import DaySettings, Settings
from safety_stream.core.model.judgements import Judgement
from safety_stream.data_files import catalogue_folder

DAYS = 68 * 7


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(catalogue_folder())


@pytest.fixture(scope="module")
def judged(catalogue: Catalogue) -> list[Judgement]:
    """Weeks of burglary and days of serious violence in one district, as the shipped settings judge them."""
    area = SERIES[0].split("|")[0]
    values = [a_value(f"{area}|serious-violence", MONDAY + day, day % 5, 0, "day") for day in range(DAYS)]
    values += [a_value(f"{area}|burglary", MONDAY + day, 9 + day % 4, 0) for day in range(0, DAYS, 7)]
    burst = a_value(f"{area}|serious-violence", MONDAY + DAYS - 1, 17, 0, "day")
    return newest_of(run(catalogue, [[*values, burst, a_status(MONDAY + DAYS + 6, MONDAY + DAYS, catalogue)]]))


def settings_of(catalogue: Catalogue, judgement: Judgement) -> Settings | DaySettings:
    assert catalogue.signals is not None
    assert catalogue.signals.daily is not None
    return catalogue.signals if judgement.period == "week" else catalogue.signals.daily


def test_every_bound_follows_from_its_record(catalogue: Catalogue, judged: list[Judgement]):
    again = [(one, worked_out_again(one, settings_of(catalogue, one))) for one in judged]

    assert {(one.period, one.method) for one in judged} == {("day", "poisson"), ("week", "bayes")}
    assert all(agrees(*one) for one in again)


def test_a_day_and_the_week_that_begins_with_it_are_two(judged: list[Judgement]):
    newest = {(one.starts, one.period) for one in newest_of([*judged, *judged])}

    assert len(newest) == len(judged)


@pytest.mark.parametrize("change", [{"expected": 3.0001}, {"counted": 1}, {"red_above": 900}, {"spread": 1.01}])
def test_a_record_that_was_tampered_with_does_not_agree(
    catalogue: Catalogue, judged: list[Judgement], change: dict[str, Any]
):
    (burst,) = [one for one in judged if one.signal == "red"]
    other = msgspec.structs.replace(burst, **change)

    assert burst.period == "day"
    assert not agrees(other, worked_out_again(other, settings_of(catalogue, other)))
