"""Calendar periods: where they end, when they are over, and what a limit per area makes of a count."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest
from tests.core.rules.making import (
    a_rule,
    a_sighting,
    an_override,
    at,
    days,
    facts_of,
    finds,
    known,
)

from safety_stream.core.model.sightings import Sighting
from safety_stream.core.model.times import Instant, Period, PeriodKind, period_of, to_day
from safety_stream.core.rules.calendar import exceedance
from safety_stream.core.rules.rule import Calendar, Count, Limb, Rule


def two_a(per: PeriodKind) -> Rule:
    return a_rule(Calendar(per=per, at_least=2, of="harm"))


@pytest.mark.parametrize(
    ("per", "first", "last", "ends", "occurrence_id"),
    [
        ("day", "2026-03-29T00:00", "2026-03-29T23:59:59", "2026-03-30T00:00", "day:2026-03-29"),
        ("week", "2026-01-05T00:00", "2026-01-11T23:59:59", "2026-01-12T00:00", "week:2026-01-05"),
        ("month", "2024-02-01T00:00", "2024-02-29T23:59:59", "2024-03-01T00:00", "month:2024-02-01"),
        ("four-weeks", "2025-12-22T00:00", "2026-01-18T23:59:59", "2026-01-19T00:00", "four-weeks:2025-12-22"),
        ("year", "2024-01-01T00:00", "2024-12-31T23:59:59", "2025-01-01T00:00", "year:2024-01-01"),
        ("quarter", "2025-10-01T00:00", "2025-12-31T23:59:59", "2026-01-01T00:00", "quarter:2025-10-01"),
    ],
)
def test_a_period_holds_its_first_and_its_last_instant_and_completes_at_its_end(
    per: PeriodKind, first: str, last: str, ends: str, occurrence_id: str
):
    found = finds(two_a(per), a_sighting(first), a_sighting(last))
    assert [(finding.completed_at, finding.occurrence_id) for finding in found] == [(at(ends), occurrence_id)]
    assert finds(two_a(per), a_sighting(first), a_sighting(ends)) == []


def test_a_period_that_is_not_over_is_not_complete():
    told = [a_sighting("2026-01-05T10:00"), a_sighting("2026-01-06T10:00")]
    assert finds(two_a("week"), *told, now=known("2026-01-11T23:59:59")) == []
    assert len(finds(two_a("week"), *told, now=known("2026-01-12T00:00"))) == 1


def test_the_evidence_is_every_occurrence_of_the_period():
    told = [a_sighting(f"2026-01-0{day}T10:00") for day in (5, 6, 7)]
    found = finds(two_a("week"), *told)
    assert [item.occurred_at for item in found[0].evidence] == _times_of(told)
    assert facts_of(found[0]) == {"at_least": "2", "count": "3", "from": "2026-01-05"}


def _times_of(told: list[Sighting]) -> list[Instant]:
    return [sighting.occurred_from for sighting in told]


WEEK = period_of(to_day(date(2026, 1, 5)), "week")
LIMIT = Limb(
    name="main",
    keys=("area",),
    steps={},
    condition=Calendar(per="week", at_least=150, indicator="violence"),
    explain="{count} from {from}; {at_least} agreed",
)
RULE = a_rule(
    Count(of="x", at_least=1, within=days(1)),
    limbs=(LIMIT,),
    overrides=(an_override("E07000124", at_least=35, valid_from=WEEK.starts, valid_to=WEEK.starts + 7),),
)


@pytest.mark.parametrize(
    ("area", "count", "is_over"),
    [("E07000124", 35, True), ("E07000124", 34, False), ("E07000117", 149, False), ("E07000117", 150, True)],
)
def test_a_limit_is_reached_at_its_number_for_that_area(area: str, count: int, is_over: bool):
    assert (exceedance(RULE, LIMIT, area, WEEK, count) is not None) == is_over


def test_an_override_holds_by_the_first_day_of_the_period():
    after = Period(WEEK.starts + 7, WEEK.ends + 7, "week")
    assert exceedance(RULE, LIMIT, "E07000124", after, 100) is None


def test_an_area_that_is_switched_off_has_no_limit():
    rule = msgspec.structs.replace(RULE, overrides=(an_override("L-14", enabled=False),))
    assert exceedance(rule, LIMIT, "L-14", WEEK, 10_000) is None


def test_a_threshold_finding_names_its_period_and_nobodys_report():
    finding = exceedance(RULE, LIMIT, "E07000124", WEEK, 40)
    assert finding is not None
    assert (finding.key, finding.occurrence_id) == ("area:E07000124|violence", "week:2026-01-05")
    assert (finding.area, finding.areas, finding.evidence) == ("E07000124", ("E07000124",), ())
    assert (finding.completed_at, finding.explanation) == (at("2026-01-12T00:00"), "40 from 2026-01-05; 35 agreed")


def test_only_a_limit_on_an_indicator_has_exceedances():
    limb = a_rule(Count(of="x", at_least=1, within=days(1))).limbs[0]
    with pytest.raises(TypeError, match="rule a-rule, limb main"):
        exceedance(RULE, limb, "E07000117", WEEK, 1)
