"""A burst against years of quiet weeks: the duty officer hears of it once, until its reports are withdrawn."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.replay.running import Told, World, arrivals, covered_world, disagreement, outputs, result_of
from tests.replay.telling import a_report, day, withdrawn

from safety_stream.core.model.published import OF_HANDLING, PublishedAlert
from safety_stream.core.model.reports import ReportedPlace
from safety_stream.core.model.times import HOUR, start_of, to_date
from safety_stream.core.stages.stage import Output

BURNLEY, HYNDBURN = "E07000117", "E07000120"
MONDAY = day("2023-01-02")
WEEKS, BURST = 114, 110
"""Two years and more; the burst is in a week of which as much is known as is trusted."""

DUTY_OFFICER, ANALYST = "alerts.duty-officer", "alerts.analyst"


def years() -> list[Told]:
    """Ten burglaries a week in one district and eight in another, and in one week forty in the first."""
    return [
        _burglary(area, week, number)
        for week in range(WEEKS)
        for area, usual in ((BURNLEY, 10), (HYNDBURN, 8))
        for number in range(40 if (week, area) == (BURST, BURNLEY) else usual + week % 3)
    ]


def _burglary(area: str, week: int, number: int) -> Told:
    when = start_of(MONDAY + week * 7 + number % 7) + (9 + number // 7) * HOUR
    report = a_report(
        "police-crimes",
        f"{area}-{week}-{number}",
        "2023-01-02T09:00",
        place=ReportedPlace(area=area),
        category="burglary",
        occurred_from=when,
        reported_at=when + HOUR,
    )
    return Told(report, when + 2 * HOUR)


def in_order(told: list[Told]) -> list[Told]:
    return sorted(told, key=lambda one: one.received_at)


def taken_back(told: list[Told]) -> Iterator[Told]:
    """The withdrawal of what made the burst, a month later."""
    for one in told:
        if one.report.source_ref.startswith(f"{BURNLEY}-{BURST}-") and int(one.report.source_ref[-2:].strip("-")) >= 10:
            yield Told(withdrawn(one.report), start_of(MONDAY + WEEKS * 7 + 30))


def alerts_of(seen: list[Output], topic: str, rule: str) -> list[PublishedAlert]:
    """What an audience was told of a rule's alerts themselves: nobody handles any here, so all their clocks run out."""
    told = [one.value for one in seen if one.topic == topic and isinstance(one.value, PublishedAlert)]
    return [one for one in told if one.rule_id == rule and one.reason not in OF_HANDLING]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Partners whose data are whole from the first of these weeks on."""
    return covered_world(tmp_path_factory.mktemp("covered") / "catalogue", to_date(MONDAY))


@pytest.fixture(scope="module")
def told() -> list[Told]:
    return in_order(years())


def test_a_burst_is_one_alert_to_the_duty_officer_and_withdrawing_its_reports_withdraws_it(
    world: World, told: list[Told]
):
    seen = outputs(world, [arrivals(told), arrivals(taken_back(told))])

    raised, gone = alerts_of(seen, DUTY_OFFICER, "above-expected")
    assert (raised.change, raised.priority, raised.area, raised.notify) == ("raised", "P3", BURNLEY, True)
    assert raised.explanation is not None
    assert raised.explanation.startswith("Recorded burglary, Burnley: 40 recorded in the week from 2025-02-10, where ")
    assert "one week of more than 1,000,000" in raised.explanation
    assert (gone.change, gone.alert_id) == ("withdrawn", raised.alert_id)

    assert alerts_of(seen, DUTY_OFFICER, "above-expected-amber") == []
    assert any(one.area == BURNLEY for one in alerts_of(seen, ANALYST, "above-expected-amber"))

    result = result_of(seen)
    assert not [one for one in result.findings.values() if one.rule_id == "above-expected"]
    assert disagreement(world, [*told, *taken_back(told)], result) == []
