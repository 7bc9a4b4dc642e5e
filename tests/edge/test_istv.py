"""ISTV: what an assault treated in hospital says, what stays in the hospital, and why one is rejected."""

import io
from pathlib import Path

import pytest

from safety_stream.catalogue import load_catalogue
from safety_stream.core.model.times import to_iso
from safety_stream.data_files import catalogue_folder
from safety_stream.edge.checking import Check, Summary
from safety_stream.edge.entries import Entry, Reject, UnreadableFile
from safety_stream.edge.istv import read

EXAMPLE = Path(__file__).parents[2] / "examples" / "partners" / "istv" / "assaults.xml"
HEADER = {
    "ReportingPeriodStartDate": "2026-01-01",
    "ReportingPeriodEndDate": "2026-12-31",
    "SiteCodeOfTreatment": "X9X",
}
ASSAULT = {
    "ArrivalDateAndTimeAtAccidentAndEmergencyDepartment": "2026-07-18T00:35:00",
    "AssaultDateAndTime": "2026-07-17T23:50:00",
    "AssaultMethod": "Knife",
    "AssaultLocationType": "Street",
}


def group(name: str, fields: dict[str, str]) -> str:
    return f"<{name}>{''.join(f'<{field}>{value}</{field}>' for field, value in fields.items())}</{name}>\n"


def entries(*assaults: dict[str, str], header: dict[str, str] = HEADER) -> list[Entry | Reject]:
    text = group("SubmissionHeader", header) + "".join(group("Assault", one) for one in assaults)
    return list(read(io.BytesIO(f"<Submission>\n{text}</Submission>".encode())))


def test_an_assault_says_when_by_what_and_in_what_sort_of_place_and_nothing_in_free_words():
    (entry,) = entries(
        ASSAULT | {"AssaultLocationDescription": "A Smith's house", "AssaultMethodOtherDescription": "x"}
    )

    assert isinstance(entry, Entry)
    report = entry.report
    assert (report.source, report.kind, report.category) == ("ed-assaults", "assault-attendance", "violence")
    assert (to_iso(report.occurred_from), to_iso(report.reported_at)) == (
        "2026-07-17T22:50:00.000Z",
        "2026-07-17T23:35:00.000Z",
    )
    assert entry.details == {
        "assault_attendance": {
            "site_code": "X9X",
            "period_starts": "2026-01-01",
            "period_ends": "2026-12-31",
            "method": "KNIFE_OR_SHARP",
            "location_type": "street",
            "arrived_at": "2026-07-17T23:35:00.000Z",
        }
    }
    assert (report.place, report.parties) == (None, ())
    assert "Smith" not in repr(entry)


def test_a_file_sent_again_says_the_same_and_equal_assaults_are_two():
    once, again = entries(ASSAULT, ASSAULT), entries(ASSAULT, ASSAULT)

    assert once == again
    assert len({entry.report.source_ref for entry in once if isinstance(entry, Entry)}) == 2


def test_all_of_the_example_would_be_taken_by_intake():
    check = Check(load_catalogue(catalogue_folder()), 1_800_000_000_000, is_history=True)
    with EXAMPLE.open("rb") as file:
        assert list(check.rejects(read(file), Summary())) == []


def test_in_the_hour_that_is_gone_through_twice_both_are_covered():
    repeated = {"AssaultDateAndTime": "2026-10-25T01:30:00", "ArrivalDateAndTime": "2026-10-25T03:00:00"}
    (entry,) = entries({**repeated, "AssaultMethod": "Fist", "AssaultLocationType": "Home"})

    assert isinstance(entry, Entry)
    assert entry.report.occurred_to == entry.report.occurred_from + 3_600_000


def test_an_arrival_that_the_clock_shows_before_may_be_of_the_second_time():
    (entry,) = entries(
        ASSAULT
        | {
            "AssaultDateAndTime": "2026-10-25T01:50:00",
            "ArrivalDateAndTimeAtAccidentAndEmergencyDepartment": "2026-10-25T01:10:00",
        }
    )

    assert isinstance(entry, Entry)
    assert to_iso(entry.report.reported_at) == "2026-10-25T01:10:00.000Z"
    assert entry.details["assault_attendance"]["arrived_at"] == "2026-10-25T01:10:00.000Z"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"AssaultDateAndTime": ""}, "AssaultDateAndTime is missing"),
        ({"AssaultDateAndTime": "last night"}, "AssaultDateAndTime is no time like 2026-01-31T23:50:00"),
        ({"AssaultDateAndTime": "2026-07-17"}, "AssaultDateAndTime is no time like 2026-01-31T23:50:00"),
        ({"AssaultDateAndTime": "2026-03-29T01:30:00"}, "AssaultDateAndTime is in the hour that the clocks of spring"),
        ({"AssaultDateAndTime": "2026-07-19T00:00:00"}, "ArrivalDateAndTime is before AssaultDateAndTime"),
        ({"AssaultMethod": ""}, "AssaultMethod is missing"),
        ({"AssaultMethod": "A Smith"}, "AssaultMethod is none of the words known"),
        ({"AssaultLocationType": "01"}, "AssaultLocationType is none of the words known"),
        ({"AssaultLocationUPRN": "A Smith"}, "a UPRN has up to 12 digits"),
        ({"AssaultLocationLSOA": "A Smith"}, "an LSOA is a GSS code"),
        ({"AssaultLocationEasting": "354100"}, "easting and northing are whole metres"),
    ],
)
def test_each_reject_says_its_line_and_reason(changes: dict[str, str], reason: str):
    good, bad = entries(ASSAULT, ASSAULT | changes)

    assert isinstance(good, Entry)
    assert isinstance(bad, Reject)
    assert bad.line == 4
    assert bad.reason.startswith(reason)
    assert "Smith" not in bad.reason


def test_an_assault_after_the_reporting_period_is_rejected():
    (entry,) = entries(ASSAULT, header=HEADER | {"ReportingPeriodEndDate": "2026-06-30"})

    assert isinstance(entry, Reject)
    assert entry.reason.startswith("it is after the reporting period")


@pytest.mark.parametrize("changes", [{"SiteCodeOfTreatment": ""}, {"ReportingPeriodEndDate": "2025-01-01"}])
def test_a_header_that_says_too_little_makes_the_file_unreadable(changes: dict[str, str]):
    with pytest.raises(UnreadableFile, match="line 2: the header needs"):
        entries(ASSAULT, header=HEADER | changes)


def test_an_assault_before_its_header_makes_the_file_unreadable():
    with pytest.raises(UnreadableFile, match="stands before any SubmissionHeader"):
        list(read(io.BytesIO(group("Assault", ASSAULT).encode())))
