"""MAIT-shaped messages: whose reports they are, which message counts, what stays with the agencies."""

import io
from pathlib import Path

import pytest

from safety_stream.catalogue import load_catalogue
from safety_stream.core.model.times import to_iso
from safety_stream.data_files import catalogue_folder
from safety_stream.edge.checking import Check, Summary
from safety_stream.edge.entries import Entry, Reject
from safety_stream.edge.mait import TYPES, read

EXAMPLE = Path(__file__).parents[2] / "examples" / "partners" / "mait" / "messages.xml"
MESSAGE = {
    "OriginatingAgency": "Police",
    "MessageNumber": "3",
    "TimeOfMessage": "2026-03-05T10:30:00Z",
    "IncidentReference": "LOG-1",
    "TimeOfCall": "2026-03-04T20:04:00Z",
    "IncidentType": "Anti-social behaviour",
    "UPRN": "900000000006",
}


def entry(name: str = "IncidentUpdate", **changes: str) -> Entry | Reject:
    parts = "".join(f"<{part}>{value}</{part}>" for part, value in {**MESSAGE, **changes}.items())
    (found,) = read(io.BytesIO(f"<Messages>\n<{name}>{parts}</{name}></Messages>".encode()))
    return found


def test_a_message_is_a_version_of_its_agencys_report_and_nothing_of_people_is_taken():
    found = entry(Caller="A Smith", Remarks="A Smith")

    assert isinstance(found, Entry)
    report = found.report
    assert (report.source, report.kind, report.category) == (
        "police-incidents",
        "police-incident",
        "anti-social-behaviour",
    )
    assert (report.source_ref, report.source_version, report.action) == ("LOG-1", 3, "correct")
    assert (to_iso(report.occurred_from), to_iso(report.reported_at)) == ("2026-03-04T20:04:00.000Z",) * 2
    assert found.received_at is not None
    assert to_iso(found.received_at) == "2026-03-05T10:30:00.000Z"
    assert found.details == {"police_incident": {"log_number": "LOG-1"}}
    assert "Smith" not in repr(found)


@pytest.mark.parametrize(
    ("agency", "source"),
    [("Lancashire Fire and Rescue", "fire"), ("NW Ambulance", "ambulance"), ("LANCS_POLICE", "police-incidents")],
)
def test_the_agency_decides_the_source(agency: str, source: str):
    found = entry(OriginatingAgency=agency)

    assert isinstance(found, Entry)
    assert found.report.source == source


def test_every_type_is_a_category_there_is_and_the_example_would_be_taken_by_intake():
    known = load_catalogue(catalogue_folder())

    assert {*TYPES.values()} <= {*known.categories}
    with EXAMPLE.open("rb") as file:
        assert list(Check(known, 1_800_000_000_000, is_history=True).rejects(read(file), Summary())) == []


@pytest.mark.parametrize(
    ("times", "ended", "received"),
    [
        (("01:30", "01:40"), None, "00:40"),
        (("01:50", "01:10"), None, "01:10"),
        (("01:30", "02:10"), "01:30", "02:10"),
        (("01:30", "01:10Z"), "01:10", "01:10"),
    ],
)
def test_in_the_hour_that_is_gone_through_twice_nothing_ends_after_it_was_told(
    times: tuple[str, str], ended: str | None, received: str
):
    called, sent = (f"2026-10-25T{time}" for time in times)
    found = entry(TimeOfCall=called, TimeOfMessage=sent)

    assert isinstance(found, Entry)
    assert found.received_at is not None
    assert to_iso(found.received_at) == f"2026-10-25T{received}:00.000Z"
    assert found.report.occurred_to is None or to_iso(found.report.occurred_to) == f"2026-10-25T{ended}:00.000Z"
    assert (found.report.occurred_to is None) == (ended is None)
    assert found.report.occurred_from <= (found.report.occurred_to or 0) or ended is None
    assert found.report.reported_at <= found.received_at


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"OriginatingAgency": "Coastguard"}, "OriginatingAgency is no police, fire and rescue or ambulance"),
        ({"OriginatingAgency": "Police and Fire"}, "OriginatingAgency is no police, fire and rescue or ambulance"),
        ({"IncidentReference": "A Smith"}, "IncidentReference is taken as it stands"),
        ({"MessageNumber": "0"}, "MessageNumber is no whole number from 1"),
        ({"MessageNumber": "99999999999"}, "MessageNumber is no whole number from 1"),
        ({"TimeOfCall": ""}, "TimeOfCall and TimeOfMessage are needed"),
        ({"TimeOfMessage": "A Smith"}, "TimeOfMessage is no time like"),
        ({"IncidentType": "A Smith"}, "IncidentType is none of the words known"),
        ({"UPRN": "A Smith"}, "a UPRN has up to 12 digits"),
        ({"Easting": "1"}, "easting and northing are whole metres"),
        ({"Easting": "9999999", "Northing": "1"}, "easting and northing are whole metres"),
    ],
)
def test_each_reject_says_its_line_and_reason(changes: dict[str, str], reason: str):
    found = entry(**changes)

    assert isinstance(found, Reject)
    assert found.line == 2
    assert found.reason.startswith(reason)
    assert "Smith" not in found.reason
