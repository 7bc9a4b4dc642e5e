"""An erasure reaches a person's reports, and what only they name; what others' reports name too stays."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.replay.telling import a_report, at

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.erasing import (
    Confirmation,
    Request,
    StandingReport,
    confirmation_of,
    reach_of,
    standing_request,
)
from safety_stream.core.model.incidents import IncidentVersion
from safety_stream.core.stages.intake import checker


@pytest.fixture
def told(catalogue: Catalogue) -> Callable[..., IncidentVersion]:
    check = checker(catalogue)

    def tell(ref: str, people: dict[str, str], **more: object) -> IncidentVersion:
        report = a_report("police-crimes", ref, "2026-01-05T20:00", people=people, **more)
        return check(report, "partner.police-crimes", at("2026-01-06T08:00"))

    return tell


def test_it_reaches_what_only_the_persons_reports_name(told: Callable[..., IncidentVersion]):
    versions = [
        told("C-1", {"victim": "tok-a"}, vehicles=("tok-car",), phones=("tok-own",)),
        told("C-2", {"victim": "tok-a2"}, group="tok-group"),
        told("C-3", {"victim": "tok-b"}, vehicles=("tok-car", "tok-van")),
    ]

    reach = reach_of(lambda: versions, ("tok-a", "tok-a2"))

    assert reach.things == ("tok-group", "tok-own")
    assert reach.shared == ("tok-car",)


def test_what_was_ever_told_of_somebody_else_stays(told: Callable[..., IncidentVersion]):
    versions = [
        told("C-1", {"victim": "tok-a", "suspect": "tok-b"}, phones=("tok-whose",)),
        # Meant somebody else all along.
        told("C-2", {"victim": "tok-a"}, vehicles=("tok-car",)),
        told("C-2", {"victim": "tok-c"}, vehicles=("tok-car",), source_version=2, action="correct"),
        # Names nobody.
        told("C-3", {}, group="tok-group"),
        told("C-4", {"victim": "tok-a"}, group="tok-group", phones=("tok-own",)),
    ]

    reach = reach_of(lambda: versions, ("tok-a",))

    assert (reach.things, reach.shared) == (("tok-own",), ("tok-car", "tok-group", "tok-whose"))
    assert reach.reports == tuple(sorted({versions[0].incident_id, versions[1].incident_id, versions[4].incident_id}))


def test_it_names_the_reports_that_their_sources_have_yet_to_erase(told: Callable[..., IncidentVersion]):
    versions = [
        told("C-1", {"victim": "tok-a"}),
        told("C-1", {}, source_version=2, action="erase"),
        told("C-2", {"victim": "tok-a"}),
        told("C-2", {}, source_version=2, action="withdraw"),
        told("C-3", {"victim": "tok-b"}),
    ]

    (standing,) = reach_of(lambda: versions, ("tok-a",)).standing

    assert standing == StandingReport(versions[2].incident_id, "police-crimes", "withdraw")


def test_of_nobody_there_is_nothing_to_erase(told: Callable[..., IncidentVersion]):
    reach = reach_of(lambda: [told("C-1", {"victim": "tok-a"})], ())

    assert (reach.things, reach.shared, reach.standing) == ((), (), ())


def of(*persons: str, until: int = 10) -> dict[str, Request]:
    return {f"subject-{number}": Request(person, "erasure", until) for number, person in enumerate(persons)}


@pytest.mark.parametrize(
    ("requests", "by", "now", "expected"),
    [
        (of("officer-1", "officer-1"), "officer-2", 9, "confirmed"),
        (of("officer-1", "officer-1"), "officer-1", 9, "same-person"),
        # Two requested it, one a part each: nobody has requested the whole.
        (of("officer-1", "officer-2"), "officer-2", 9, "grown"),
        (of("officer-1", "officer-2"), "officer-3", 9, "grown"),
        (of("officer-1") | {"subject-1": Request("officer-1", "erasure", 11)}, "officer-2", 9, "grown"),
        (of("officer-1", "officer-1"), "officer-2", 10, "too-late"),
        (of("officer-1"), "officer-2", 9, "grown"),
        ({}, "officer-2", 9, "never-requested"),
    ],
)
def test_it_takes_two_people_all_of_it_and_in_time(
    requests: dict[str, Request], by: str, now: int, expected: Confirmation
):
    assert confirmation_of(requests, ("subject-0", "subject-1"), by, now) == expected


def test_a_request_stands_for_all_of_it_in_one_and_while_it_may_be_confirmed():
    requests = of("officer-1", "officer-1")

    assert standing_request(requests, ("subject-0", "subject-1"), 9) == requests["subject-1"]
    assert standing_request(requests, ("subject-0", "subject-1"), 10) is None
    assert standing_request(requests, ("subject-0", "subject-2"), 9) is None
    assert standing_request(of("officer-1", "officer-2"), ("subject-0", "subject-1"), 9) is None
    assert standing_request({}, (), 9) is None
