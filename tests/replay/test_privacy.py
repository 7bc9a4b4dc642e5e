"""No token of a person, vehicle or phone leaves by a door that is not named for it (I5)."""

from __future__ import annotations

import re
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.replay.gallery import persons
from tests.replay.running import World, arrivals, arrivals_of_county, by_topic, outputs, received
from tests.replay.telling import a_report, at

from safety_stream.core.consulting import without_the_person
from safety_stream.core.model.dead_letters import DeadLetter
from safety_stream.core.model.facts import Fact
from safety_stream.core.model.reports import Report, ReportedParty, ReportedPlace
from safety_stream.core.model.tallies import is_within_a_district
from safety_stream.core.stages.stage import Output
from safety_stream.replay import Arrival
from safety_stream.synthetic import SyntheticReport
from safety_stream.wire.records import Records
from safety_stream.wire.reports import encode_report
from safety_stream.wire.topology import members

OPEN = ("alerts.asb-lead", "alerts.analyst", "indicators.", "audit.")
"""Feeds whose readers may learn that something is so, and never whom it is about."""

BURNLEY, PENDLE, HYNDBURN = "E07000117", "E07000122", "E07000120"


@pytest.fixture(scope="module")
def seen(shipped: World, county: list[SyntheticReport]) -> list[Output]:
    return outputs(shipped, [arrivals_of_county(county)])


def tokens_of(county: list[SyntheticReport]) -> set[str]:
    """Every token any report of the county holds."""
    found: set[str] = set()
    for report in [one.report for one in county if one.report is not None]:
        found.update(party.token for party in report.parties if party.token is not None)
        found.update((*report.vehicles, *report.phones, *filter(None, (report.group,))))
    return found


def test_open_feeds_hold_no_token(seen: list[Output], county: list[SyntheticReport]):
    wire = Records()
    assert all(token.startswith("tok-") for token in tokens_of(county))

    told = [output for output in seen if output.topic.startswith(OPEN)]

    assert {"alerts.asb-lead", "alerts.analyst", "indicators.internal"} <= {output.topic for output in told}
    assert [output for output in told if b"tok-" in wire.encode(output.topic, output.value)] == []


def test_the_search_would_find_a_token(seen: list[Output]):
    """Duty officers must know whom an alert is about: their feed holds tokens, and the search sees them."""
    wire = Records()

    assert any(
        b"tok-" in wire.encode(output.topic, output.value) for output in seen if output.topic == "alerts.duty-officer"
    )


def test_what_a_list_tells_of_an_alert_holds_no_token(seen: list[Output]):
    """Its sentence and all: whom it is about is on its page, which asks why somebody looks."""
    wire = Records()
    told = [output for output in seen if output.topic.startswith("alerts.")]
    listed = [wire.encode(output.topic, without_the_person(output.value)) for output in told]

    assert "alerts.duty-officer" in {output.topic for output in told}
    assert [one for one in listed if b"tok-" in one] == []


def test_every_rule_that_tells_open_feeds_tells_them_without_tokens(shipped: World):
    """One alert of each rule that has analysts or leads among its audiences, from tokens no other text can hold."""
    person, other, car, phone = (f"zz{number}zz" for number in range(4))
    crime = {"people": {"suspect": person}, "vehicles": (car,), "phones": (phone,), "category": "burglary"}
    reports = [
        *(
            a_report("council-asb", f"asb{n}", f"2026-01-0{n}T20:00", people={"victim": person, "perpetrator": other})
            for n in (1, 2, 3)
        ),
        *(
            a_report(source, f"soc{n}", f"2026-01-0{n}T21:00", place=ReportedPlace(area=area), **crime)
            for n, (source, area) in enumerate(
                [("police-crimes", BURNLEY), ("housing", PENDLE), ("police-incidents", HYNDBURN)], start=1
            )
        ),
        *(
            a_report("council-asb", f"place{n}", f"2026-01-1{n}T20:00",
                     place=ReportedPlace(uprn="900000000001", area="E07000121"), people={"reporter": f"zz1{n}zz"})
            for n in range(5)
        ),
    ]  # fmt: skip
    topics = by_topic(outputs(shipped, [arrivals(received(sorted(reports, key=lambda report: report.occurred_from)))]))
    wire = Records()

    told = [*topics["alerts.asb-lead"], *topics["alerts.analyst"]]

    assert {"asb-case-review", "rv-graded", "soc-cross-district"} <= {output.value.rule_id for output in told}
    assert [
        output.value.explanation for output in told if re.search(rb"zz\d+zz", wire.encode(output.topic, output.value))
    ] == []


def test_decisions_about_persons_are_told_without_them(small: World):
    """The causes of what a merge or a split changes go to everybody who is told."""
    wire, told = Records(), outputs(small, [arrivals([one]) for one in persons()])

    caused = [
        output
        for output in told
        if output.topic.startswith("alerts.") and str(output.value.cause).startswith("persons ")
    ]
    assert {output.value.change for output in caused} >= {"raised", "withdrawn"}
    assert [output for output in caused if "tok-" in str(output.value.cause)] == []
    assert [
        output
        for output in told
        if output.topic.startswith(OPEN) and b"tok-" in wire.encode(output.topic, output.value)
    ] == []


def test_keys_of_published_topics_are_ids_of_alerts_or_names_of_series(shipped: World, seen: list[Output]):
    areas, indicators = shipped.catalogue.areas.by_code, {one.id for one in shipped.catalogue.indicators}

    for output in seen:
        if output.topic.startswith(("alerts.", "alert-changes")):
            assert output.key == str(UUID(output.key)) == output.value.alert_id
        elif output.topic.startswith("indicators."):
            area, indicator = output.key.split("|")
            is_known = area in areas or (output.topic == "indicators.internal" and is_within_a_district(area))
            assert (is_known, indicator in indicators) == (True, True)
        elif output.topic.startswith(("audit.", "dead-letters.")):
            assert output.key is None


# --- dead letters -------------------------------------------------------------------------------------------

SECRET = "zzsecretzz"


def a_telling_report(**changes: object) -> Report:
    """A report that holds the secret wherever a partner may write text."""
    place = ReportedPlace(uprn=None, area=SECRET, lsoa=SECRET)
    report = a_report(
        "police-crimes",
        SECRET,
        "2026-01-05T20:00",
        people={"victim": SECRET},
        place=place,
        subtype=SECRET,
        flags=(SECRET,),
        vehicles=(SECRET,),
        phones=(SECRET,),
        group=SECRET,
    )
    return msgspec.structs.replace(report, **changes)


FAULTS = {
    "unknown source": {"source": SECRET},
    "another's topic": {"source": "police-hate"},
    "unknown kind": {"kind": SECRET},
    "kind of another source": {"kind": "fire"},
    "details of another kind": {"details": ("fire",)},
    "no count": {"count": 0},
    "a huge count": {"count": 2_000_000},
    "unknown category": {"category": SECRET},
    "before 1900": {"occurred_from": -(10**14)},
    "in the future": {"reported_at": at("2026-02-01T00:00")},
    "ends before it begins": {"occurred_to": at("2026-01-01T00:00")},
    "a token with a space": {"vehicles": (f"{SECRET} {SECRET}",)},
    "a token too long": {"phones": (SECRET * 100,)},
    "too many tokens": {"vehicles": tuple(f"{SECRET}{number}" for number in range(100))},
    "an address that is none": {"place": ReportedPlace(uprn=SECRET)},
    "a fact nobody declared": {"facts": (Fact(SECRET, SECRET),)},
    "a fact that is no number": {"facts": (Fact("dash-score", SECRET),)},
    "a fact that is none of its words": {"facts": (Fact("assault-method", SECRET),)},
    "a fact that is written like a name": {"facts": (Fact("found-area", SECRET.title()),)},
    "a fact stated twice": {"facts": (Fact("found-area", SECRET),) * 2},
    "too many facts": {"facts": tuple(Fact(f"{SECRET}{number}", SECRET) for number in range(33))},
}


def letters(world: World, topic: str, *raws: bytes) -> list[DeadLetter]:
    """What intake makes of these bytes."""
    arrived = [Arrival(topic, raw, at("2026-01-05T21:00")) for raw in raws]
    return [output.value for output in by_topic(outputs(world, [arrived])).get("dead-letters.intake", [])]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_the_reason_of_a_refusal_names_the_field_and_never_its_value(shipped: World, fault: dict[str, object]):
    raw = encode_report(a_telling_report(**fault))

    (letter,) = letters(shipped, "backfill.police-crimes", raw)

    assert SECRET not in letter.detail
    assert letter.value == raw


def test_a_person_in_a_place_only_source_is_not_named_in_the_reason(shipped: World):
    report = a_telling_report(
        source="fire", kind="fire", category="deliberate-fire", parties=(ReportedParty(role="victim", token=SECRET),)
    )

    (letter,) = letters(shipped, "backfill.fire", encode_report(report))

    assert (letter.reason, SECRET in letter.detail) == ("person-in-place-only-source", False)


def test_what_details_say_goes_no_further_unless_it_is_a_declared_value(shipped: World):
    """A partner's code may hold anything, a name as well: it stays in the partner's own record."""
    report = a_report("police-missing", "m1", "2026-01-05T20:00", people={"missing": "tok-a"}, subtype="returned")
    details = {"missing_episode": {"episode_ref": SECRET, "found_area": f"{SECRET} Road", "placing_authority": SECRET}}
    arrived = [Arrival("backfill.police-missing", encode_report(report, details=details), at("2026-01-05T21:00"))]

    seen = outputs(shipped, [arrived])

    wire = Records()
    assert {output.topic for output in seen} >= {"incidents", "sightings"}
    assert [output.topic for output in seen if SECRET.encode() in wire.encode(output.topic, output.value)] == []


@given(data=st.data())
def test_no_damage_to_the_bytes_brings_a_value_into_the_reason(shipped: World, data: st.DataObject):
    raw = bytearray(encode_report(a_telling_report()))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(5, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.sampled_from((0, 0, 1, 20, 100)))

    found = letters(shipped, "backfill.police-crimes", bytes(raw[: len(raw) - cut]))

    assert [letter.detail for letter in found if "secret" in letter.detail] == []


def test_dead_letters_of_a_county_name_nobody(seen: list[Output], shipped: World):
    found = [output.value for output in seen if output.topic in members("dead-letters.", shipped.catalogue)]

    assert len(found) > 3
    assert [letter.detail for letter in found if "tok-" in letter.detail] == []
