"""The acceptance scenarios of the field, worked by hand, as far as the rules go."""

from __future__ import annotations

import pytest
from tests.oracle.building import (
    BLACKPOOL,
    BURNLEY,
    HYNDBURN,
    LANCASTER,
    PRESTON,
    at,
    findings_of,
    id_of,
    report,
    truth_of,
)


def noise_told_to_three(number: int, day: str):
    """One noisy evening, told to council, police and landlord within the hour by the same neighbour."""
    same = {"victim": "tok-a1", "uprn": "900000000001", "area": HYNDBURN, "category": "asb-noise"}
    return [
        report("council-asb", f"c{number}", f"{day}T20:00", **same),
        report("police-incidents", f"p{number}", f"{day}T20:10", **same),
        report("housing", f"h{number}", f"{day}T20:59", **same),
    ]


def sorted_ids(*names: tuple[str, str]):
    """The incident ids of these reports as evidence lists them."""
    return tuple(sorted(id_of(source, ref) for source, ref in names))


def test_one_noise_told_to_three_agencies_on_three_days_meets_the_case_review_once():
    evenings = [noise_told_to_three(n, day) for n, day in enumerate(["2026-01-05", "2026-02-05", "2026-03-05"])]
    truth = truth_of(*(r for evening in evenings for r in evening))

    (finding,) = findings_of(truth, "asb-case-review", "complaints")

    assert finding.key == "victim:tok-a1"
    assert finding.occurrence_id == id_of("council-asb", "c2")
    assert finding.completed_at == at("2026-03-05T20:00")
    assert (finding.priority, finding.area, finding.areas) == ("P3", HYNDBURN, (HYNDBURN,))
    assert finding.evidence == tuple(
        (
            id_of("council-asb", f"c{n}"),
            tuple(
                sorted([id_of("council-asb", f"c{n}"), id_of("police-incidents", f"p{n}"), id_of("housing", f"h{n}")])
            ),
        )
        for n in range(3)
    )
    assert not findings_of(truth, "asb-case-review", "people")


def test_one_evening_told_to_three_agencies_meets_nothing():
    truth = truth_of(*noise_told_to_three(0, "2026-01-05"))

    assert truth.findings == {}
    assert truth.alerts == {}


def test_withdrawing_every_report_of_one_evening_withdraws_the_alert_and_restates_the_indicator():
    evenings = [noise_told_to_three(n, day) for n, day in enumerate(["2026-01-05", "2026-02-05", "2026-03-05"])]
    reports = [r for evening in evenings for r in evening]
    # 5 March less three days is past the end of February.
    assert truth_of(*reports).indicators[HYNDBURN, "council-asb", "month", "2026-02-01"] == (1, True)
    withdrawals = [r | {"source_version": 2, "action": "withdraw"} for r in evenings[1]]

    truth = truth_of(*reports, *withdrawals)

    assert not findings_of(truth, "asb-case-review", "complaints")
    assert (HYNDBURN, "council-asb", "month", "2026-02-01") not in truth.indicators
    # Two evenings are left, and three make a repeat victim.
    assert findings_of(truth, "rv-graded") == []


def test_withdrawing_one_of_three_reports_of_an_evening_leaves_the_evening_standing():
    evenings = [noise_told_to_three(n, day) for n, day in enumerate(["2026-01-05", "2026-02-05", "2026-03-05"])]
    reports = [r for evening in evenings for r in evening]
    withdrawal = evenings[1][0] | {"source_version": 2, "action": "withdraw"}

    (finding,) = findings_of(truth_of(*reports, withdrawal), "asb-case-review", "complaints")

    # The police report is now the earliest of that evening and gives the occurrence its name.
    assert finding.evidence[1] == (
        id_of("police-incidents", "p1"),
        sorted_ids(("police-incidents", "p1"), ("housing", "h1")),
    )


@pytest.mark.parametrize(("area", "findings"), [(LANCASTER, 1), (BLACKPOOL, 1), (BURNLEY, 0), (PRESTON, 0)])
def test_five_neighbours_count_where_the_councils_publish_that_limb(area: str, findings: int):
    reports = [
        report(
            "council-asb",
            f"c{n}",
            f"2026-01-0{n + 1}T20:00",
            reporter=f"tok-a{n}",
            uprn="900000000001",
            area=area,
            category="asb-vehicle",
        )
        for n in range(5)
    ]

    found = findings_of(truth_of(*reports), "asb-case-review", "people")

    assert [f.key for f in found] == ["place:900000000001"] * findings
    assert [f.completed_at for f in found] == [at("2026-01-05T20:00")] * findings


def contact(when: str, perpetrator: str = "tok-b1"):
    """Unwanted contact, told by a housing officer."""
    return report(
        "housing", "h1", when, victim="tok-a1", perpetrator=perpetrator, category="domestic-abuse", area=PRESTON
    )


REFERRAL = report("marac", "m1", "2025-02-01T09:00", victim="tok-a1", perpetrator="tok-b1", area=PRESTON)


def test_unwanted_contact_on_the_last_day_of_twelve_months_is_a_marac_repeat():
    (finding,) = findings_of(truth_of(REFERRAL, contact("2026-01-31T23:00")), "rv-marac-repeat")

    assert finding.key == "victim-perpetrator:tok-a1|tok-b1"
    assert finding.completed_at == at("2026-01-31T23:00")
    assert finding.priority == "P2"
    assert [ids for _, ids in finding.evidence] == [(id_of("marac", "m1"),), (id_of("housing", "h1"),)]


@pytest.mark.parametrize(
    ("when", "perpetrator"),
    [("2026-02-02T09:00", "tok-b1"), ("2026-01-31T09:00", "tok-b2"), ("2025-02-01T09:00", "tok-b1")],
    ids=["a day past twelve months", "another perpetrator", "the instant of the referral"],
)
def test_other_contact_is_no_marac_repeat(when: str, perpetrator: str):
    assert not findings_of(truth_of(REFERRAL, contact(when, perpetrator)), "rv-marac-repeat")


def test_the_twelve_months_run_from_the_last_referral():
    again = report("marac", "m2", "2025-12-01T09:00", victim="tok-a1", perpetrator="tok-b1", area=PRESTON)

    (finding,) = findings_of(truth_of(REFERRAL, again, contact("2026-11-30T09:00")), "rv-marac-repeat")

    assert finding.evidence[0] == (id_of("marac", "m2"), (id_of("marac", "m2"),))


def test_a_month_of_assault_attendances_five_weeks_late_counts_in_its_own_period_and_names_nobody():
    on_time = report("ed-assaults", "e1", "2026-01-06T23:00", area=PRESTON, reported="2026-02-12T09:00")
    late = [
        report("ed-assaults", f"e{n}", "2026-02-10T23:00", area=PRESTON, reported="2026-03-17T09:00") for n in (2, 3, 4)
    ]

    truth = truth_of(on_time, *late)

    assert truth.findings == {}
    # 17 March less 35 days is 10 February, 09:00: January and the week to 8 February are complete, February is not.
    assert truth.indicators[PRESTON, "ed-assaults", "month", "2026-01-01"] == (1, True)
    assert truth.indicators[PRESTON, "ed-assaults", "week", "2026-01-05"] == (1, True)
    assert truth.indicators[PRESTON, "ed-assaults", "month", "2026-02-01"] == (3, False)
    assert truth.indicators["L-12", "ed-assaults", "day", "2026-02-10"] == (3, False)
    assert truth.indicators["L-14", "ed-assaults", "week", "2026-02-09"] == (3, False)
