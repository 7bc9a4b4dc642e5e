"""What findings and alerts say: facts, explanations, and what was looked at and left out, by hand."""

from __future__ import annotations

import pytest
from tests.oracle.building import BURNLEY, HYNDBURN, LANCASTER, PENDLE, at, findings_of, id_of, report, truth_of

from safety_stream.testing.oracle import HUB, OracleFinding, Truth

NO_ABUSE = (
    "Of domestic abuse in that time: told 0 times, reports marked serial perpetrator 0, "
    "risk assessed before not known, MARAC referrals 0."
)


def only(truth: Truth, rule: str, limb: str = "") -> OracleFinding:
    """The one finding of a limb."""
    (found,) = findings_of(truth, rule, limb)
    return found


def test_a_count_is_said_with_its_level_which_ends_at_four():
    days = ("2026-01-05", "2026-01-06", "2026-01-07", "2026-01-08", "2026-01-09")
    truth = truth_of(*(report("police-crimes", day, f"{day}T10:00", victim="tok-a") for day in days))

    said = [(dict(f.facts), f.explanation) for f in findings_of(truth, "rv-graded")]

    assert [facts["level"] for facts, _ in said] == ["3", "4+", "4+"]
    assert said[-1] == (
        {"count": "5", "level": "4+", "times": "0", "referrals": "0", "risk": "not known", "serial": "0"},
        f"Harmed 5 times in twelve months: repeat level 4+. {NO_ABUSE}",
    )


def test_districts_are_facts_by_their_codes_and_said_by_their_names():
    sources = ("police-crimes", "housing", "police-incidents")
    truth = truth_of(
        *(
            report(source, "b", f"2026-01-0{n}T02:00", area=area, vehicles=["veh-a"], category="burglary")
            for n, (source, area) in enumerate(zip(sources, (PENDLE, BURNLEY, HYNDBURN), strict=True), start=5)
        )
    )

    found = only(truth, "soc-cross-district")

    assert dict(found.facts) == {"count": "3", "same": "burglary", "values": f"{BURNLEY}, {HYNDBURN}, {PENDLE}"}
    assert found.explanation == "Linked to burglary in 3 districts within 28 days: Burnley, Hyndburn, Pendle."


def test_how_many_people_complain_is_said_and_who_they_are_is_not():
    truth = truth_of(
        *(
            report(
                "council-asb", f"c{n}", f"2026-01-0{n}T20:00", reporter=f"tok-{n}", uprn="900000000001", area=LANCASTER
            )
            for n in range(1, 6)
        )
    )

    assert dict(only(truth, "asb-case-review", "people").facts) == {"count": "5", "same": "asb-noise"}


def test_days_since_a_referral_are_whole_days_of_twenty_four_hours():
    pair = {"victim": "tok-v", "perpetrator": "tok-p"}
    # The night between has twenty-three hours.
    truth = truth_of(
        report("marac", "m", "2026-03-28T12:00", **pair), report("domestic-abuse", "d", "2026-03-30T12:00", **pair)
    )

    found = only(truth, "rv-marac-repeat")

    assert dict(found.facts) == {
        "days_since_referral": "1",
        "referrals": "1",
        "risk": "not known",
        "serial": "0",
        "times": "1",
    }
    assert found.explanation == (
        "Abuse reported 1 day after the last MARAC referral of this pair. "
        "In the twelve months to it: abuse told once, reports marked serial perpetrator 0, "
        "risk assessed before not known, MARAC referrals 1."
    )


def test_a_deadline_is_said_in_london_time():
    child = {"missing": "tok-c", "child": True, "subtype": "returned"}
    truth = truth_of(
        report("police-missing", "m", "2026-03-27T12:00", **child),
        report("childrens-services", "other", "2026-04-20T12:00", subject="tok-else", subtype="safeguarding-visit"),
    )

    assert only(truth, "missing-no-return-interview").facts == (("deadline", "2026-03-30 13:00"),)


def test_a_hub_is_said_with_its_bound():
    truth = truth_of(
        *(report("police-crimes", f"h{n}", "2026-01-05T10:00", victim="tok-h") for n in range(257)),
        as_of=at("2026-02-01T00:00"),
    )

    found = findings_of(truth, "hub")[0]

    assert found.facts == (("bound", "256"),)
    assert truth.alerts["hub", found.key].title == HUB["title"]


@pytest.mark.parametrize(
    ("near", "excluded", "counted"),
    [
        ({"reported": "2026-03-06T20:00"}, ["reported-late"], 4),
        ({"origin": "discovered"}, ["discovered"], 4),
        ({"origin": "discovered", "reported": "2026-03-06T20:00"}, [], 4),
        ({"category": "asb-vehicle", "origin": "discovered"}, [], 4),
        ({"reported": "2026-03-03T20:00"}, [], 5),
    ],
    ids=["told too late", "found out", "both", "another problem", "in time"],
)
def test_a_complaint_that_fails_by_one_thing_alone_is_excluded_with_it(
    near: dict[str, str], excluded: list[str], counted: int
):
    truth = truth_of(
        *(report("council-asb", f"c{n}", f"2026-01-0{n}T20:00", victim="tok-a") for n in (5, 6, 7)),
        report("council-asb", "near", "2026-02-04T20:00", victim="tok-a", **near),
        report("council-asb", "last", "2026-04-01T20:00", victim="tok-a"),
    )

    found = findings_of(truth, "asb-case-review", "complaints")[-1]

    assert found.excluded == tuple((id_of("council-asb", "near"), reason) for reason in excluded)
    assert len(found.evidence) == counted


def test_an_alert_speaks_in_the_words_of_what_completed_last():
    days = ("2026-01-05", "2026-01-06", "2026-01-07")
    truth = truth_of(*(report("police-crimes", day, f"{day}T10:00", victim="tok-a", area=PENDLE) for day in days))

    alert = truth.alerts["rv-graded", "victim:tok-a"]

    assert (alert.title, alert.family) == ("Repeat victim within twelve months", "repeat-victimisation")
    assert alert.last_words == {(PENDLE, f"Harmed 3 times in twelve months: repeat level 3. {NO_ABUSE}")}
    assert (alert.areas, alert.child) == ((PENDLE,), False)
