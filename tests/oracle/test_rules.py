"""Each rule's examples, and the edges of each condition type, by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from tests.catalogue.copying import MORE_RULES
from tests.oracle.building import (
    BURNLEY,
    CATALOGUE,
    CHORLEY,
    LONDON,
    PENDLE,
    PRESTON,
    RIBBLE_VALLEY,
    at,
    findings_of,
    id_of,
    report,
    truth_of,
)

from safety_stream.testing.oracle import (
    Clocks,
    OracleFinding,
    Sighting,
    _load,
    as_said,
    groups_of,
    judge_areas,
    judge_timeline,
    length,
    limbs_of,
    moment,
    period_of,
    read_calendars,
    read_catalogue,
    shift,
)

FILES = read_catalogue(CATALOGUE)
CALENDARS = read_calendars(CATALOGUE)
FAR_AHEAD = datetime(2100, 1, 1, tzinfo=UTC)


RULES = {
    path.stem: _load(path)
    for path in (*sorted((CATALOGUE / "rules").glob("*.yaml")), *sorted(MORE_RULES.glob("*.yaml")))
}


def examples():
    """Every example of every rule file, and of those made up to try out what no rule that ships uses.

    But for those of judged weeks, which the oracle does not judge (`testing/comparison.py` says why).
    """
    for rule in RULES.values():
        for example in rule["examples"]:
            if "signals" in example:
                continue
            yield pytest.param(rule, example, id=f"{rule['id']}: {example['name']}")


@pytest.mark.parametrize(("rule", "example"), list(examples()))
def test_the_oracle_agrees_with_the_examples_of_the_rules(rule: dict[str, Any], example: dict[str, Any]):
    fires = sorted((moment(f.completed_at or 0), f.priority) for f in judged(rule, example))

    assert fires == [(local(f["at"]), f["priority"]) for f in example["fires"]]


def judged(rule: dict[str, Any], example: dict[str, Any], withdrawn: str = "") -> list[OracleFinding]:
    """What the oracle finds by an example, without the report of this id."""
    (limb,) = [
        limb
        for limb in limbs_of(rule, {}, CALENDARS, FILES.linked["linked_within"])
        if limb.name == example.get("limb", "")
    ]
    as_of = local(example["as_of"]) if "as_of" in example else FAR_AHEAD
    feeds = dict.fromkeys(FILES.sources, as_of)
    clocks = Clocks(as_of, feeds | {feed: local(when) for feed, when in example.get("complete_to", {}).items()})
    if "counts" in example:
        return list(judge_areas(list(tallies(rule, example)), [limb], clocks))
    found: list[OracleFinding] = []
    sightings = [sighting(number, words) for number, words in enumerate(example.get("sightings", ()))]
    sightings += [found_elsewhere(number, words) for number, words in enumerate(example.get("found_elsewhere", ()))]
    sightings = [one for one in sightings if one.incident_id != withdrawn]
    # Whatever it may rest on stands beside it.
    others = [one for other in RULES.values() if other is not rule for one in limbs_of(other, {}, CALENDARS)]
    told = {f"{limb.keys[0]}:example": sightings}
    if limb.keys == ("linked",):
        told = groups_of(sightings, FILES.linked | {"blocklist": example.get("hubs", [])})
    for key, on_it in told.items():
        every = judge_timeline(key, on_it, [limb, *others], clocks, hub=256)
        found += [one for one in every if one.rule_id == rule["id"]]
    return found


def local(when: str | datetime) -> datetime:
    """A London time of an example, which YAML reads as text or as a datetime."""
    read = when if isinstance(when, datetime) else datetime.fromisoformat(when)
    return read.replace(tzinfo=LONDON).astimezone(UTC)


def sighting(number: int, words: dict[str, Any]) -> Sighting:
    """A sighting of an example; what it does not say is left plain."""
    claim = {"flags": [], "category": "", **words}
    category = FILES.categories.get(claim["category"], {})
    themes = {*category.get("themes", ()), *FILES.kind_themes.get(claim["kind"], ())}
    themes.update(theme for flag in claim["flags"] for theme in FILES.flag_themes.get(flag, ()))
    role = words.get("role", "victim")
    return Sighting(
        incident_id=f"example-{number:04d}",
        source=words.get("source", "police-crimes"),
        organisation=words.get("organisation", "lancashire-police"),
        kind=words["kind"],
        subtype=words.get("subtype", ""),
        category=claim["category"],
        family=category.get("family", ""),
        themes=tuple(sorted(themes)),
        flags=tuple(claim["flags"]),
        origin=words.get("origin", "reported"),
        grade=words.get("grade"),
        occurred_from=local(words["at"]),
        occurred_to=local(words["at"]),
        reported_at=local(words.get("reported_at", words["at"])),
        area=words.get("area", "UNLOCATED"),
        uprn=words.get("uprn"),
        point=(words["easting"], words["northing"]) if "easting" in words else None,
        roles=(role, "here"),
        persons=tuple(words.get("persons", ())),
        complainants=tuple(words.get("complainants", ())),
        victims=tuple(words.get("victims", ())),
        children=tuple(words.get("children", ())),
        child=words.get("child", False),
        facts={name: as_said(value) for name, value in words.get("facts", {}).items()},
        names=tuple(sorted(words.get("names", ()))),
        possible=words.get("possible", False),
    )


def found_elsewhere(number: int, words: dict[str, Any]) -> Sighting:
    """What an example says is found on another key, as a sighting of this one."""
    as_report = sighting(number, {"kind": "finding", "organisation": "", "source": "", **words})
    said = {"completed-by": words.get("completed_by", f"report-{number}"), "subject": words["subject"]}
    return replace(as_report, incident_id=f"found-{number:04d}", subtype=words["rule"], roles=(), facts=said)


def tallies(rule: dict[str, Any], example: dict[str, Any]):
    """The counts of an example, day by day."""
    for day, count in example["counts"].items():
        yield {
            "area": example["area"],
            "indicator": rule["indicator"],
            "day": day,
            "by_month_only": False,
            "count": count,
        }


@pytest.mark.parametrize(
    ("when", "text", "direction", "expected"),
    [
        ("2026-03-31T10:00", "1 month", -1, "2026-02-28T10:00"),
        ("2024-03-31T10:00", "1 month", -1, "2024-02-29T10:00"),
        ("2024-02-29T10:00", "12 months", +1, "2025-02-28T10:00"),
        ("2025-12-31T10:00", "6 months", +1, "2026-06-30T10:00"),
        ("2026-04-05T10:00", "1 month", -1, "2026-03-05T10:00"),
        ("2026-03-27T12:00", "72 hours", +1, "2026-03-30T13:00"),
        ("2025-10-24T12:00", "72 hours", +1, "2025-10-27T11:00"),
    ],
)
def test_months_keep_the_wall_clock_and_clamp_while_hours_are_exact(
    when: str, text: str, direction: int, expected: str
):
    assert shift(moment(at(when)), text, direction) == moment(at(expected))


@pytest.mark.parametrize(
    ("day", "kind", "starts", "ends"),
    [
        ("2026-01-11", "day", "2026-01-11", "2026-01-12"),
        ("2026-01-11", "week", "2026-01-05", "2026-01-12"),
        ("2026-01-12", "week", "2026-01-12", "2026-01-19"),
        ("2025-12-31", "month", "2025-12-01", "2026-01-01"),
        ("2024-02-29", "month", "2024-02-01", "2024-03-01"),
        ("2025-11-30", "quarter", "2025-10-01", "2026-01-01"),
        ("2025-12-31", "year", "2025-01-01", "2026-01-01"),
        ("2018-01-01", "four-weeks", "2018-01-01", "2018-01-29"),
        ("2018-12-30", "four-weeks", "2018-12-03", "2018-12-31"),
        ("2017-12-31", "four-weeks", "2017-12-04", "2018-01-01"),
    ],
)
def test_periods_are_calendar_periods(day: str, kind: str, starts: str, ends: str):
    assert period_of(date.fromisoformat(day), kind) == (date.fromisoformat(starts), date.fromisoformat(ends))


def test_lengths_are_read_in_any_unit():
    assert [length(text) for text in ("15 minutes", "1 day", "2 weeks")] == [
        timedelta(minutes=15),
        timedelta(days=1),
        timedelta(days=14),
    ]


def harms(*days: str, **more: object):
    """One harm of one victim on each of these days, by one organisation."""
    return [
        report("police-crimes", f"x{number}", f"{day}T10:00", victim="tok-a1", **more)
        for number, day in enumerate(days)
    ]


def test_the_level_of_a_repeat_victim_follows_the_window_of_each_harm():
    # x0 ............ x1 .. x2 .. x3 ................ x4: at x4 only x2 and x3 are still within twelve months.
    truth = truth_of(*harms("2025-01-01", "2025-06-01", "2025-07-01", "2025-08-01", "2026-06-15"))

    assert [(f.occurrence_id, f.priority, len(f.evidence)) for f in findings_of(truth, "rv-graded")] == [
        (id_of("police-crimes", "x2"), "P3", 3),
        (id_of("police-crimes", "x3"), "P2", 4),
        (id_of("police-crimes", "x4"), "P3", 3),
    ]
    alert = truth.alerts["rv-graded", "victim:tok-a1"]
    assert alert.priority == "P2"
    assert alert.first_completed_at == at("2025-07-01T10:00")
    assert alert.last_completed_at == at("2026-06-15T10:00")


def test_a_weapon_raises_the_tier_but_never_above_the_highest():
    days = ("2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04")
    truth = truth_of(*harms(*days, flags=["weapon", "strangulation"]))

    assert [f.priority for f in findings_of(truth, "rv-graded")] == ["P2", "P1"]


def test_of_two_harms_at_one_instant_the_one_with_the_larger_id_completes():
    truth = truth_of(*harms("2025-12-01", "2026-01-01", "2026-01-01"))

    (finding,) = findings_of(truth, "rv-graded")
    assert finding.occurrence_id == max(id_of("police-crimes", "x1"), id_of("police-crimes", "x2"))


def sighted(number: int, area: str, day: str, **more: object):
    """A car linked to a burglary."""
    return report(
        "police-crimes", f"x{number}", f"{day}T02:00", vehicles=["tok-c"], category="burglary", area=area, **more
    )


def test_a_car_in_three_districts_needs_two_kinds_or_organisations():
    days = ["2026-01-05", "2026-01-12", "2026-01-19"]
    cars = [sighted(n, area, day) for n, (area, day) in enumerate(zip([BURNLEY, PENDLE, CHORLEY], days, strict=True))]
    incident = report(
        "police-incidents", "p1", "2026-01-19T02:00", vehicles=["tok-c"], category="burglary", area=CHORLEY
    )

    assert truth_of(*cars).findings == {}
    (finding,) = findings_of(truth_of(*cars[:2], incident), "soc-cross-district")
    assert (finding.key, finding.priority) == ("vehicle:tok-c", "P3")
    assert finding.areas == tuple(sorted([BURNLEY, PENDLE, CHORLEY]))


@pytest.mark.parametrize(("grades", "findings"), [("DDD", 0), ("DED", 0), ("DAD", 1)])
def test_poor_intelligence_alone_never_triggers(grades: str, findings: int):
    places = [(BURNLEY, "2026-01-05"), (PENDLE, "2026-01-12"), (CHORLEY, "2026-01-19")]
    cars = [sighted(n, area, day, grade=grades[n]) for n, (area, day) in enumerate(places)]
    cars[2] |= {"source": "police-incidents", "kind": "police-incident"}

    assert len(findings_of(truth_of(*cars), "soc-cross-district")) == findings


@pytest.mark.parametrize(("source", "findings"), [("police-incidents", 0), ("council-asb", 1)])
def test_a_home_taken_over_needs_two_organisations_whatever_the_kinds(source: str, findings: int):
    noise = [
        report(source, f"n{n}", f"2026-01-0{n}T22:00", category="asb-noise", uprn="900000000001") for n in range(1, 4)
    ]
    drugs = report("police-crimes", "d", "2026-01-09T10:00", category="drugs", uprn="900000000001")

    assert len(findings_of(truth_of(*noise, drugs), "soc-cuckooing")) == findings


def test_a_child_in_the_evidence_raises_organised_crime_by_one_tier():
    places = [(BURNLEY, "2026-01-05"), (PENDLE, "2026-01-12"), (CHORLEY, "2026-01-19")]
    cars = [sighted(n, area, day, victim="tok-a1", child=n == 0) for n, (area, day) in enumerate(places)]
    cars[2] |= {"source": "police-incidents", "kind": "police-incident"}

    (finding,) = findings_of(truth_of(*cars), "soc-cross-district")

    assert (finding.priority, finding.child) == ("P2", True)


def test_what_is_outside_or_unlocated_is_no_district_and_completes_nothing():
    places = [(BURNLEY, "2026-01-05"), (PENDLE, "2026-01-12"), (CHORLEY, "2026-01-19"), ("E08000035", "2026-01-20")]
    cars = [sighted(n, area, day) for n, (area, day) in enumerate(places)]
    cars[1] |= {"source": "police-incidents", "kind": "police-incident"}

    (finding,) = findings_of(truth_of(*cars), "soc-cross-district")

    assert finding.occurrence_id == id_of("police-crimes", "x2")


RETURNED = report(
    "police-missing", "m1", "2026-01-05T20:00", subtype="returned", missing="tok-a1", child=True, area=PRESTON
)


def interview(when: str, reported: str | None = None):
    return report(
        "childrens-services",
        "i1",
        when,
        subtype="return-interview",
        subject="tok-a1",
        child=True,
        reported=reported or when,
    )


def other_visit(reported: str):
    """Something else from children's services, which shows how far their feed has come."""
    return report("childrens-services", "i9", reported, subject="tok-z9")


def test_no_interview_is_found_once_the_feed_is_complete_to_the_deadline():
    # Deadline 8 January 20:00; the feed is usually a day late.
    assert truth_of(RETURNED).findings == {}
    assert truth_of(RETURNED, other_visit("2026-01-09T19:59:59")).findings == {}
    (finding,) = truth_of(RETURNED, other_visit("2026-01-09T20:00")).findings.values()

    assert finding.rule_id == "missing-no-return-interview"
    assert (finding.key, finding.child, finding.priority) == ("person:tok-a1", True, "P2")
    assert finding.occurrence_id == id_of("police-missing", "m1")
    assert finding.completed_at == at("2026-01-08T20:00")
    assert finding.evidence == ((id_of("police-missing", "m1"), (id_of("police-missing", "m1"),)),)


def test_no_interview_is_found_only_once_our_own_clock_is_past_the_deadline():
    visit = other_visit("2026-01-09T20:00")

    assert truth_of(RETURNED, visit, as_of=at("2026-01-08T20:00") - 1).findings == {}
    assert len(truth_of(RETURNED, visit, as_of=at("2026-01-08T20:00")).findings) == 1


@pytest.mark.parametrize(
    ("when", "findings"), [("2026-01-08T20:00", 0), ("2026-01-08T20:00:01", 1), ("2026-01-05T20:00", 1)]
)
def test_only_an_interview_after_the_return_and_up_to_the_deadline_cancels(when: str, findings: int):
    truth = truth_of(RETURNED, interview(when), other_visit("2026-01-12T20:00"))

    assert len(findings_of(truth, "missing-no-return-interview")) == findings


def test_an_interview_in_time_that_is_recorded_late_cancels_too():
    truth = truth_of(RETURNED, interview("2026-01-07T10:00", reported="2026-02-01T10:00"))

    assert truth.findings == {}


def violence(number: int, day: str, area: str = RIBBLE_VALLEY, **more: object):
    return report("police-crimes", f"{area}-{day}-{number}", f"{day}T21:00", area=area, **more)


def test_a_district_week_at_its_number_is_found_when_the_week_is_over():
    # 35 is the number of Ribble Valley; a report of another week, received on Monday, moves the clock past the end.
    week = [violence(n, "2026-01-11") for n in range(35)]
    after = violence(0, "2026-01-12", received="2026-01-12T21:00")

    assert truth_of(*week).findings == {}
    (finding,) = truth_of(*week, after).findings.values()
    assert (finding.rule_id, finding.key) == ("district-count", f"area:{RIBBLE_VALLEY}|violence")
    assert (finding.occurrence_id, finding.completed_at) == ("week:2026-01-05", at("2026-01-12T00:00"))
    assert (finding.area, finding.evidence, finding.priority) == (RIBBLE_VALLEY, (), "P3")


def test_a_district_week_one_short_of_its_number_is_not_found():
    week = [violence(n, "2026-01-11") for n in range(34)]

    assert truth_of(*week, violence(0, "2026-01-12")).findings == {}


def test_an_aggregate_counts_for_what_it_says_and_a_month_is_not_spread_over_days():
    month = violence(0, "2026-01-01", count=7, precision="month")
    day = violence(1, "2026-01-02", count=2, precision="day")

    values = truth_of(month, day).indicators

    assert {key[2:]: value for key, value in values.items() if key[:2] == (RIBBLE_VALLEY, "violence")} == {
        ("month", "2026-01-01"): (9, False),
        ("week", "2025-12-29"): (2, False),
        ("four-weeks", "2025-12-22"): (2, False),
        ("day", "2026-01-02"): (2, False),
    }


def test_a_period_is_final_from_the_instant_its_feed_is_complete_to_its_end():
    # Recorded crime is usually two days late; 29 March 2026 has 23 hours and ends at 23:00 UTC.
    crime = violence(0, "2026-03-29")
    just_short = violence(1, "2026-03-31", reported="2026-03-31T23:59:59")
    enough = violence(2, "2026-03-31", reported="2026-04-01T00:00")
    name = (RIBBLE_VALLEY, "violence", "day", "2026-03-29")

    assert truth_of(crime, just_short).indicators[name] == (1, False)
    assert truth_of(crime, enough).indicators[name] == (1, True)


def test_what_happens_after_midnight_in_summer_belongs_to_the_london_day():
    crime = report("police-crimes", "x1", "2026-07-01T00:30", area=RIBBLE_VALLEY)

    values = truth_of(crime).indicators

    assert (RIBBLE_VALLEY, "violence", "day", "2026-07-01") in values
    assert (RIBBLE_VALLEY, "violence", "month", "2026-07-01") in values
