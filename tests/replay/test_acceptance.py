"""The acceptance scenarios of the field, end to end: reports in, standing alerts and indicators out.

Numbered as in the domain's list. In each the oracle agrees as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import pytest
from tests.replay.running import (
    Decided,
    Told,
    World,
    arrivals,
    by_topic,
    disagreement,
    outputs,
    received,
    result_of,
)
from tests.replay.telling import a_report, at, day, withdrawn

from safety_stream.core.model.alerts import AlertVersion
from safety_stream.core.model.indicators import IndicatorValue
from safety_stream.core.model.links import PersonLink
from safety_stream.core.model.published import OF_HANDLING
from safety_stream.core.model.reports import Report, ReportedPlace
from safety_stream.core.model.times import HOUR
from safety_stream.core.stages.stage import Output

BURNLEY, HYNDBURN, LANCASTER, PRESTON, BLACKPOOL = "E07000117", "E07000120", "E07000121", "E07000123", "E06000009"
HOME = "900000000001"


class Ending:
    """What a scenario ended with, and everything that was said on the way."""

    def __init__(self, world: World, told: Sequence[Told | Decided]) -> None:
        self.seen: list[Output] = outputs(world, [arrivals([one]) for one in told])
        self.result = result_of(self.seen)
        assert self.result.dead_letters == []
        assert disagreement(world, told, self.result) == []

    def alerts(self, rule: str) -> list[AlertVersion]:
        """The standing alerts of a rule."""
        return [alert for alert in self.result.alerts.values() if alert.rule_id == rule]

    def history(self, rule: str) -> list[tuple[str, str]]:
        """Each version of the rule's alerts in order: what became of it, and why it was said then."""
        versions = [output.value for output in by_topic(self.seen).get("alert-changes", [])]
        return [(one.change, one.reason) for one in versions if one.rule_id == rule]

    def values(self, area: str, indicator: str, period: str, starts: str) -> list[IndicatorValue]:
        """Each revision of an indicator's value, in order."""
        name = (area, indicator, period, day(starts))
        values = [output.value for output in by_topic(self.seen).get("indicator-values", [])]
        told = [one for one in values if isinstance(one, IndicatorValue)]
        return [one for one in told if (one.area, one.indicator, one.period, one.starts) == name]


def told_at_once(*reports: Report) -> list[Told]:
    """Each received as soon as it was made, in that order."""
    return received(sorted(reports, key=lambda report: report.reported_at))


# --- 1. one evening's noise told to three agencies -----------------------------------------------------------


def a_noisy_evening(date: str) -> list[Report]:
    """Told within the hour by one neighbour to the council, the police and the landlord."""
    place, people = ReportedPlace(uprn=HOME, area=HYNDBURN), {"victim": "tok-neighbour"}
    same = {"place": place, "people": people, "category": "asb-noise"}
    return [
        a_report("council-asb", f"c-{date}", f"{date}T20:00", **same),
        a_report("police-incidents", f"p-{date}", f"{date}T20:10", **same),
        a_report("housing", f"h-{date}", f"{date}T20:59", **same),
    ]


EVENINGS = [a_noisy_evening(date) for date in ("2026-01-05", "2026-02-05", "2026-03-05")]


def test_1_one_evening_told_to_three_agencies_is_one_occurrence_and_no_case_review(shipped: World):
    ending = Ending(shipped, told_at_once(*EVENINGS[0]))

    assert ending.alerts("asb-case-review") == []
    assert ending.history("asb-case-review") == []


def test_1_three_evenings_in_six_months_are_one_case_review_in_hyndburn(shipped: World):
    ending = Ending(shipped, told_at_once(*chain(*EVENINGS)))

    (alert,) = ending.alerts("asb-case-review")
    assert (alert.subject, alert.area, alert.priority) == ("victim:tok-neighbour", HYNDBURN, "P3")
    assert alert.explanation == "One person reported the same problem 3 times in six months."
    (finding,) = alert.findings
    assert [len(occurrence.reports) for occurrence in finding.evidence] == [3, 3, 3]
    assert alert.last_completed_at == at("2026-03-05T20:00")


def test_1_withdrawing_one_evening_withdraws_the_case_review_and_restates_the_indicator(shipped: World):
    reports = list(chain(*EVENINGS))
    told = told_at_once(*reports)
    later = told[-1].received_at + HOUR

    ending = Ending(shipped, [*told, *(Told(withdrawn(report), later) for report in EVENINGS[1])])

    assert ending.alerts("asb-case-review") == []
    assert ending.history("asb-case-review")[-1] == ("withdrawn", "withdrawn")
    assert [change for change, _ in ending.history("asb-case-review")].count("raised") == 1
    restated = ending.values(HYNDBURN, "council-asb", "month", "2026-02-01")[-1]
    assert (restated.value, restated.restates) == (0, 1)
    # The withdrawal reaches the council's lead, who was told of the alert.
    told_lead = [output.value.change for output in by_topic(ending.seen)["alerts.asb-lead"]]
    assert (told_lead[0], told_lead[-1]) == ("raised", "withdrawn")


# --- 2. five neighbours ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("area", "alerts"), [(LANCASTER, 1), (BLACKPOOL, 1), (BURNLEY, 0), (PRESTON, 0)])
def test_2_five_neighbours_alert_where_the_council_publishes_that_limb(shipped: World, area: str, alerts: int):
    place = ReportedPlace(uprn=HOME, area=area)
    reports = [
        a_report(
            "council-asb",
            f"c{number}",
            f"2026-01-0{number + 1}T20:00",
            place=place,
            people={"reporter": f"tok-neighbour-{number}"},
            category="asb-vehicle",
        )
        for number in range(5)
    ]

    standing = Ending(shipped, told_at_once(*reports)).alerts("asb-case-review")

    assert [(alert.subject, alert.area) for alert in standing] == [(f"place:{HOME}", area)] * alerts


# --- 3. abuse after a MARAC referral --------------------------------------------------------------------------

PAIR = {"victim": "tok-victim", "perpetrator": "tok-perpetrator"}
REFERRAL = a_report("marac", "referral", "2025-02-01T09:00", people=PAIR)


def contact(when: str, **people: str) -> Report:
    """Unwanted contact, seen by a housing officer."""
    return a_report("housing", "contact", when, people=PAIR | people, category="domestic-abuse")


def test_3_contact_on_the_last_day_of_twelve_months_is_a_repeat(shipped: World):
    ending = Ending(shipped, told_at_once(REFERRAL, contact("2026-01-31T09:00")))

    (alert,) = ending.alerts("rv-marac-repeat")
    assert (alert.subject, alert.priority) == ("victim-perpetrator:tok-victim|tok-perpetrator", "P2")
    assert alert.explanation == (
        "Abuse reported 364 days after the last MARAC referral of this pair. "
        "In the twelve months to it: abuse told once, reports marked serial perpetrator 0, "
        "risk assessed before not known, MARAC referrals 1."
    )
    # The coordinator of the conferences hears of it.
    assert [output.value.change for output in by_topic(ending.seen)["alerts.marac-coordinator"]] == ["raised"]


@pytest.mark.parametrize(
    "later",
    [contact("2026-02-02T09:00"), contact("2026-01-31T09:00", perpetrator="tok-somebody-else")],
    ids=["a day past twelve months", "another perpetrator"],
)
def test_3_other_contact_is_no_repeat(shipped: World, later: Report):
    assert Ending(shipped, told_at_once(REFERRAL, later)).alerts("rv-marac-repeat") == []


# --- 4. a month of assault attendances, five weeks late -------------------------------------------------------


def test_4_a_late_month_of_attendances_restates_its_own_period_and_names_nobody(shipped: World):
    january = a_report("ed-assaults", "e1", "2026-01-06T23:00", reported="2026-02-12T09:00", place=in_preston())
    february = [
        a_report("ed-assaults", f"e{number}", f"2026-02-{number:02}T23:00", reported="2026-03-14T09:00",
                 place=in_preston())
        for number in (2, 9, 10)
    ]  # fmt: skip
    march = a_report("ed-assaults", "e20", "2026-03-07T23:00", reported="2026-04-13T09:00", place=in_preston())

    ending = Ending(shipped, told_at_once(january, *february, march))

    # February counts in February. It was never shown as a number that stands while the feed was still silent about it.
    february_values = ending.values(PRESTON, "ed-assaults", "month", "2026-02-01")
    assert [(value.value, value.final) for value in february_values] == [(1, False), (2, False), (3, False), (3, True)]
    assert february_values[-1].as_of == at("2026-04-13T09:00")
    assert not any(value.final and value.value < 3 for value in february_values)
    assert [
        (value.value, value.final) for value in ending.values(PRESTON, "ed-assaults", "month", "2026-01-01")
    ] == [(1, False), (1, True)]  # fmt: skip
    assert ending.values("L-14", "ed-assaults", "month", "2026-02-01")[-1].value == 3
    # It can carry no person, so nobody is alerted to one.
    assert ending.result.alerts == {}
    assert "sightings" not in {output.topic for output in ending.seen if output.key is not None}


def test_4_a_report_after_the_period_was_final_restates_the_final_value(shipped: World):
    reports = [
        a_report("ed-assaults", "e1", "2026-01-02T23:00", reported="2026-02-14T09:00", place=in_preston()),
        a_report("ed-assaults", "e2", "2026-02-07T23:00", reported="2026-03-13T09:00", place=in_preston()),
        a_report("ed-assaults", "e3", "2026-01-09T23:00", reported="2026-03-20T09:00", place=in_preston()),
    ]

    values = Ending(shipped, told_at_once(*reports)).values(PRESTON, "ed-assaults", "month", "2026-01-01")

    assert [(one.value, one.final, one.restates) for one in values] == [(1, False, None), (1, True, 1), (2, True, 1)]


def in_preston() -> ReportedPlace:
    """Somewhere in Preston: attendances carry a district at best."""
    return ReportedPlace(area=PRESTON)


# --- 5. retaliation across the border of two districts ----------------------------------------------------------

SOUTH_RIBBLE = "E07000126"


def attack(ref: str, when: str, metres: int, area: str) -> Report:
    """An attack with a knife, so many metres down the road that leads over the Ribble."""
    place = ReportedPlace(area=area, easting=353_250, northing=428_600 - metres)
    return a_report("police-crimes", ref, when, place=place, people={"victim": f"tok-{ref}"}, flags=("weapon",))


FIRST = attack("first", "2026-01-05T22:00", 0, PRESTON)


def test_5_an_attack_thirteen_days_later_and_390_metres_away_is_an_alert_across_the_border(shipped: World):
    ending = Ending(shipped, told_at_once(FIRST, attack("second", "2026-01-18T22:00", 390, SOUTH_RIBBLE)))

    (alert,) = ending.alerts("soc-retaliation")
    assert (alert.area, alert.areas, alert.priority) == (SOUTH_RIBBLE, (PRESTON, SOUTH_RIBBLE), "P2")
    assert alert.explanation == (
        "2 events of serious violence, each within 14 days and 400 metres of another; "
        "the latest before was 13 days ago, the nearest 390 metres away."
    )
    # The unit for organised crime hears of it, as the duty officer does.
    topics = by_topic(ending.seen)
    for feed in ("alerts.duty-officer", "alerts.soc-unit"):
        assert [output.value.change for output in topics[feed] if output.value.rule_id == "soc-retaliation"] == [
            "raised"
        ]


def test_5_a_third_attack_makes_a_chain_of_the_highest_priority(shipped: World):
    second, third = (
        attack("second", "2026-01-12T22:00", 390, SOUTH_RIBBLE), attack("third", "2026-01-18T22:00", 200, PRESTON)
    )  # fmt: skip

    (alert,) = Ending(shipped, told_at_once(FIRST, second, third)).alerts("soc-retaliation")

    assert alert.priority == "P1"


@pytest.mark.parametrize(
    "second",
    [attack("second", "2026-01-20T22:00", 390, SOUTH_RIBBLE), attack("second", "2026-01-18T22:00", 410, SOUTH_RIBBLE)],
    ids=["fifteen days", "410 metres"],
)
def test_5_fifteen_days_or_410_metres_are_too_much(shipped: World, second: Report):
    ending = Ending(shipped, told_at_once(FIRST, second))

    assert ending.alerts("soc-retaliation") == []
    assert ending.history("soc-retaliation") == []


# --- 6. a wrong merge of two persons ----------------------------------------------------------------------------


def test_6_a_merge_raises_an_alert_and_its_split_withdraws_it_and_tells_why(shipped: World):
    harms = [
        a_report("police-crimes", "c1", "2026-01-05T20:00", people={"victim": "tok-crimes"}),
        a_report("housing", "h1", "2026-01-15T20:00", people={"victim": "tok-housing"}),
        a_report("police-crimes", "c2", "2026-01-25T20:00", people={"victim": "tok-crimes"}),
    ]
    merge, split = (
        PersonLink(
            first="tok-crimes",
            second="tok-housing",
            state=state,
            method="steward",
            decided_by="data-steward",
            decided_at=at(when),
        )
        for state, when in (("linked", "2026-01-26T09:00"), ("apart", "2026-01-27T09:00"))
    )

    ending = Ending(shipped, [*told_at_once(*harms), *(Decided(one, one.decided_at) for one in (merge, split))])

    assert ending.history("rv-graded") == [("raised", "new"), ("withdrawn", "withdrawn")]
    published = by_topic(ending.seen)
    everything = [output.value for output in published["alerts.duty-officer"]]
    # Nobody handles it in between, which the duty officer hears of as well.
    told = [one for one in everything if one.reason not in OF_HANDLING]
    assert [(one.change, one.cause.partition(":")[0]) for one in told] == [
        ("raised", "persons linked"),
        ("withdrawn", "persons split"),
    ]
    assert told[0].prior_seq is None
    assert told[1].prior_seq == told[1].seq - 1
    assert not any(token in one.cause for one in everything for token in ("tok-crimes", "tok-housing"))
    # Who was told what is on record, by the number that leads to the words.
    on_record = [
        (record.value.topic, record.value.from_seq, record.value.alert_id)
        for record in published["audit.alerts"]
        if record.value.audience == "duty-officer"
    ]
    assert on_record == [("alerts.duty-officer", one.seq, one.alert_id) for one in everything]
