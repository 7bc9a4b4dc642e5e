"""The rules of sharing through the whole backbone: code C, children, refuges; and the oracle says the same."""

from __future__ import annotations

import msgspec
import pytest
from tests.replay.running import Told, World, arrivals, by_topic, disagreement, outputs, result_of
from tests.replay.telling import a_report

from safety_stream.core.model.incidents import IncidentVersion, Place
from safety_stream.core.model.reports import Report, ReportedPlace
from safety_stream.core.stages.stage import Output
from safety_stream.wire.records import Records

UPRN = "900000000077"
HOME = ReportedPlace(area="E07000117", uprn=UPRN, easting=384_000, northing=432_000, lsoa="E01024901")


def harms(**changes: object) -> list[Report]:
    """Three harms of one victim, which the duty officer and others are told of."""
    told = [
        a_report("police-crimes", f"harm-{day}", f"2026-01-0{day}T20:00", place=HOME, people={"victim": "tok-a"})
        for day in (5, 6, 7)
    ]
    return [*told[:2], msgspec.structs.replace(told[2], **changes)]


def played(world: World, reports: list[Report]) -> dict[str, list[Output]]:
    """What comes out by topic; what stands is what the oracle says."""
    told = [Told(report, report.reported_at) for report in reports]
    seen = outputs(world, [arrivals(told)])
    assert disagreement(world, told, result_of(seen)) == []
    return by_topic(seen)


def standing(seen: dict[str, list[Output]], audience: str) -> set[str]:
    """The markings under which an audience holds alerts about the victim to be true."""
    held: dict[str, str] = {}
    for output in seen.get(f"alerts.{audience}", ()):
        held.pop(output.value.alert_id, None)
        if output.value.change != "withdrawn" and output.value.subject in (None, "victim:tok-a"):
            held[output.value.alert_id] = output.value.marking
    return set(held.values())


def test_without_a_condition_everybody_it_is_for_is_told(shipped: World) -> None:
    seen = played(shipped, harms())

    assert standing(seen, "duty-officer") == standing(seen, "analyst") == {"OFFICIAL-SENSITIVE"}
    assert "withheld" not in seen


def test_one_report_under_code_c_keeps_all_that_rests_on_it_to_the_originators_list(shipped: World) -> None:
    """The code comes in with the report's grading, and is in the marking of every alert it is a part of."""
    seen = played(shipped, harms(handling="C", grade="B"))

    assert standing(seen, "duty-officer") >= {"OFFICIAL-SENSITIVE C:lancashire-police"}
    for audience in shipped.catalogue.audiences:
        listed = audience.id in shipped.catalogue.sharing.conditional_to["lancashire-police"]
        assert listed or not any(" C:" in marking for marking in standing(seen, audience.id))
    assert "analyst" in {output.value.audience for output in seen["withheld"]}


def test_code_p_may_be_shared(shipped: World) -> None:
    assert "withheld" not in played(shipped, harms(handling="P", grade="B"))


@pytest.mark.parametrize("kind", ["refuge", "new-school"])
def test_where_a_refuge_or_a_new_school_is_goes_no_further_than_intake(shipped: World, kind: str) -> None:
    wire = Records()
    protected = msgspec.structs.replace(HOME, place_type=kind)
    hidden = [msgspec.structs.replace(report, place=protected) for report in harms()]

    def naming(seen: dict[str, list[Output]]) -> set[str]:
        return {
            topic
            for topic, found in seen.items()
            for one in found
            if UPRN in (one.key or "") or UPRN.encode() in wire.encode(topic, one.value)
        }

    assert {"incidents", "sightings"} <= naming(played(shipped, harms()))
    told = played(shipped, hidden)
    assert naming(told) == set()
    versions = [one.value for one in told["incidents"] if isinstance(one.value, IncidentVersion)]
    assert {(one.place, one.area) for one in versions} == {(Place(), "E07000117")}


def test_a_child_raises_the_marking_of_whatever_it_is_in(shipped: World) -> None:
    child, adult = (
        a_report("police-crimes", name, "2026-01-05T20:00", people={"victim": "tok-a"}, child=name == "child")
        for name in ("child", "adult")
    )
    seen = played(shipped, [child, adult])

    versions = [one.value for one in seen["incidents"] if isinstance(one.value, IncidentVersion)]
    assert {(one.parties[0].child, one.marking) for one in versions} == {
        (True, "OFFICIAL-SENSITIVE"),
        (False, "OFFICIAL"),
    }
