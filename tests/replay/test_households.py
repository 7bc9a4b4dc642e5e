"""Households, which no rule that ships reads: a rule asked of them instead of places finds what the oracle finds."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from tests.catalogue.copying import copied
from tests.replay.running import World, disagreement, received, standing
from tests.replay.telling import a_report
from tests.replay.universes import universes
from tests.trying import often

from safety_stream.catalogue import load_catalogue
from safety_stream.core.model.reports import Report, ReportedPlace
from safety_stream.core.model.times import HOUR

HOME = ReportedPlace(uprn="900000000001", area="E07000117")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The catalogue that ships, with hate again sought in households."""
    folder = copied(Path(tmp_path_factory.mktemp("households")) / "catalogue")
    rule = folder / "rules" / "hate-repeat.yaml"
    rule.write_text(rule.read_text(encoding="utf-8").replace("key: place", "key: household"), encoding="utf-8")
    return World(load_catalogue(folder), folder)


@settings(max_examples=often(20))
@given(universes())
def test_the_oracle_agrees_about_households(world: World, reports: list[Report]):
    told = received(reports, [HOUR])

    assert disagreement(world, told, standing(world, told)) == []


@pytest.mark.parametrize(
    ("people", "alerts"),
    [({"victim": "tok-second"}, 1), ({"reporter": None}, 1), ({"suspect": "tok-second"}, 0), ({}, 0)],
    ids=["another of the household", "one who complains and is not known", "a suspect alone", "nobody"],
)
def test_a_household_is_joined_by_those_to_whom_it_happens(world: World, people: dict[str, str], alerts: int):
    first = a_report("police-hate", "first", "2026-01-05T17:00", place=HOME, people={"victim": "tok-first"})
    second = a_report("police-hate", "second", "2026-01-12T17:00", place=HOME, people=people)
    told = received([first, second])

    result = standing(world, told)

    assert disagreement(world, told, result) == []
    subjects = [one.subject for one in result.alerts.values() if one.rule_id == "hate-repeat"]
    assert subjects == ["household:900000000001"] * alerts
