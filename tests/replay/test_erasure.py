"""Whoever is erased leaves no trace in what comes after: no alert, finding or sighting names them again."""

from __future__ import annotations

import msgspec
import pytest
from tests.replay.running import Told, World, arrivals, outputs
from tests.replay.telling import a_report, at

from safety_stream.core.model.reports import Report, ReportedPlace
from safety_stream.core.model.times import DAY_LENGTH, HOUR
from safety_stream.core.stages.stage import Output
from safety_stream.wire.records import Records

TOKEN = "tok-to-be-erased"
HOME = ReportedPlace(area="E07000117", uprn="900000000001")
ERASED_AT = at("2026-01-12T09:00")


def of_the_person() -> list[Report]:
    """Three harms with one suspect, abuse after a referral, and a child's return nobody has asked about yet."""
    pair = {"victim": TOKEN, "perpetrator": "tok-other"}
    child = {"people": {"missing": TOKEN}, "child": True, "subtype": "returned"}
    return [
        *(
            a_report("police-crimes", f"harm-{day}", f"2026-01-0{day}T20:00", place=HOME,
                     people={"victim": TOKEN, "suspect": "tok-other"})
            for day in (5, 6, 7)
        ),
        a_report("marac", "referral", "2026-01-06T09:00", people=pair),
        a_report("domestic-abuse", "abuse", "2026-01-08T20:00", people=pair, place=HOME),
        a_report("police-missing", "return", "2026-01-11T20:00", **child),
    ]  # fmt: skip


def of_others() -> list[Told]:
    """What comes later: at the same address, with the same suspect, and past the deadline of the child's interview."""
    told = [
        a_report("housing", "next-door", "2026-01-07T20:10", reported="2026-01-13T10:00", place=HOME,
                 people={"victim": "tok-neighbour"}, category="violence"),
        *(
            a_report("police-crimes", f"more-{day}", f"2026-01-{day}T20:00", place=HOME,
                     people={"victim": "tok-neighbour", "suspect": "tok-other"})
            for day in (13, 14, 15)
        ),
        a_report("childrens-services", "visit", "2026-01-20T10:00", subtype="safeguarding-visit"),
    ]  # fmt: skip
    return [Told(report, report.reported_at + HOUR) for report in told]


def erased(report: Report) -> Report:
    """Its erasure, as a partner sends it: with nobody in it."""
    return msgspec.structs.replace(report, source_version=2, action="erase", parties=())


def after_erasure(world: World, *, erase: bool, more: list[Told]) -> list[Output]:
    """What comes out after everything of the person has been erased, or has not."""
    mine = of_the_person()
    before = [Told(report, report.reported_at) for report in mine]
    erasures = [Told(erased(report), ERASED_AT) for report in mine] if erase else []
    first, then = arrivals([*before, *erasures]), arrivals(of_others() + more)
    return outputs(world, [first, then])[len(outputs(world, [first])) :]


def naming(seen: list[Output]) -> set[str]:
    """The topics on which something names the person, in a key or in a value."""
    wire = Records()
    return {
        output.topic
        for output in seen
        if TOKEN in (output.key or "") or TOKEN.encode() in wire.encode(output.topic, output.value)
    }


def test_without_the_erasure_the_person_is_named_again(shipped: World):
    """The search below can fail: the deadline of the interview would have passed, and an alert would say so."""
    assert {"findings", "alert-changes", "alerts.duty-officer"} <= naming(after_erasure(shipped, erase=False, more=[]))


def test_who_is_erased_is_named_by_nothing_that_comes_after(shipped: World):
    seen = after_erasure(shipped, erase=True, more=[])

    assert naming(seen) == set()
    assert {"sightings", "findings", "alert-changes"} <= {output.topic for output in seen}


@pytest.mark.parametrize("version", [1, 2])
def test_an_old_version_sent_again_does_not_bring_the_person_back(shipped: World, version: int):
    late = ERASED_AT + 10 * DAY_LENGTH
    again = [Told(msgspec.structs.replace(one, source_version=version), late) for one in of_the_person()]

    seen = after_erasure(shipped, erase=True, more=again)

    # Intake passes on what was sent; register, which remembers the erasure, lets it go no further.
    assert naming(seen) == {"incidents"}
