"""police.uk street files as reports: what they say, what they do not, and that reading them twice says the same."""

import csv
import gzip
import io
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from safety_stream.catalogue import load_catalogue
from safety_stream.core.catalogue import Areas
from safety_stream.core.model.incidents import OUTSIDE
from safety_stream.core.model.reports import Report
from safety_stream.core.model.times import to_instant
from safety_stream.edge.entries import Entry, Reject, UnreadableFile
from safety_stream.edge.police_uk import CATEGORIES, read

SAMPLE = Path(__file__).parents[1] / "fixtures" / "police-uk-sample.csv"
WEST_YORKSHIRE = Path(__file__).parents[2] / "examples" / "west-yorkshire"
HEADING = (
    "Crime ID,Month,Reported by,Falls within,Longitude,Latitude,Location,LSOA code,LSOA name,Crime type,"
    "Last outcome category,Context"
)


@pytest.fixture(scope="module")
def areas() -> Areas:
    return load_catalogue(WEST_YORKSHIRE).areas


def entries_of(*rows: str) -> list[Entry | Reject]:
    return list(read(io.BytesIO("\n".join([HEADING, *rows]).encode())))


def reports_of(*rows: str) -> list[Report]:
    return [entry.report for entry in entries_of(*rows) if isinstance(entry, Entry)]


def row(  # one field after the other, as in the file
    crime_id: str = "a" * 64,
    month: str = "2018-07",
    longitude: str = "-1.9",
    latitude: str = "53.9",
    location: str = "On or near Station Road",
    lsoa: str = "E01010646",
    crime_type: str = "Burglary",
    outcome: str = "",
) -> str:
    force = "West Yorkshire Police"
    return f"{crime_id},{month},{force},{force},{longitude},{latitude},{location},{lsoa},X 001A,{crime_type},{outcome},"


def test_a_row_is_known_to_the_month_and_its_point_is_no_place() -> None:
    (entry,) = entries_of(row())

    assert isinstance(entry, Entry)
    report = entry.report
    first, after = (to_instant(datetime(2018, m, d, 23, tzinfo=UTC)) for m, d in ((6, 30), (7, 31)))
    assert (report.occurred_from, report.occurred_to, report.precision) == (first, after - 1, "month")
    assert (report.reported_at, entry.received_at) == (after, after)
    assert report.place is not None
    assert report.place.snapped
    assert (report.source, report.kind, report.category) == ("police-uk", "police-crime", "burglary")
    assert (report.parties, report.vehicles, report.phones, report.group) == ((), (), (), None)


def test_anti_social_behaviour_is_an_incident_and_everything_else_a_crime() -> None:
    kinds = {name: reports_of(row(crime_id="", crime_type=name))[0].kind for name in CATEGORIES}

    assert {name for name, kind in kinds.items() if kind == "police-incident"} == {"Anti-social behaviour"}


def test_every_row_of_the_sample_is_a_report_with_a_reference_of_its_own() -> None:
    with SAMPLE.open("rb") as file:
        entries = list(read(file))

    references = [entry.report.source_ref for entry in entries if isinstance(entry, Entry)]
    assert len(references) == len(entries) == len(set(references)) == 62


def test_reading_a_file_again_gives_the_same_reports() -> None:
    with SAMPLE.open("rb") as file:
        first = list(read(file))
    with SAMPLE.open("rb") as file:
        second = list(read(file))

    assert first == second


def test_a_gzip_file_reads_as_the_plain_one() -> None:
    packed = io.BytesIO(gzip.compress(SAMPLE.read_bytes()))

    with SAMPLE.open("rb") as file:
        assert list(read(packed)) == list(read(file))


def test_equal_rows_without_an_id_are_told_apart_by_their_ordinal() -> None:
    asb = row(crime_id="", crime_type="Anti-social behaviour")

    first, second = reports_of(asb, asb)

    assert (first.source_ref[-2:], second.source_ref[-2:]) == ("-1", "-2")
    assert first.source_ref[:-2] == second.source_ref[:-2]


def test_equal_rows_with_one_id_are_one_crime() -> None:
    first, second = reports_of(row(), row())

    assert first == second


def test_how_a_case_ended_does_not_make_it_another_crime() -> None:
    first, second = reports_of(row(outcome=""), row(outcome="Unable to prosecute suspect"))

    assert first == second


def test_different_offences_under_one_id_are_each_counted() -> None:
    first, second, again = reports_of(row(), row(crime_type="Vehicle crime"), row(crime_type="Vehicle crime"))

    assert first.source_ref == "a" * 64
    assert second.source_ref.startswith("a" * 64 + "~")
    assert again == second


def test_the_same_id_in_a_later_month_is_a_later_version() -> None:
    (july,), (august,) = reports_of(row()), reports_of(row(month="2018-08"))

    assert august.source_ref == july.source_ref
    assert august.source_version == july.source_version + 1


def test_the_first_published_month_is_version_one() -> None:
    assert reports_of(row(month="2010-12"))[0].source_version == 1


def test_areas_give_the_district_by_the_lsoa_and_outside_for_neighbours(areas: Areas) -> None:
    with SAMPLE.open("rb") as file:
        found = Counter(
            entry.report.place.area if entry.report.place else None
            for entry in read(file, areas)
            if isinstance(entry, Entry)
        )
    with SAMPLE.open() as file:
        names = [line["LSOA name"].rpartition(" ")[0] for line in csv.DictReader(file)]
    districts = {"Bradford", "Calderdale", "Kirklees", "Leeds", "Wakefield"}

    expected = Counter(None if not name else name.lower() if name in districts else OUTSIDE for name in names)
    assert found == expected


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (row(crime_type="Piracy"), "Crime type is none of the fourteen of police.uk since 2013"),
        (row(month="July 2018"), "Month is not a month like 2018-07, or is before 2010-12"),
        (row(month="2010-11"), "Month is not a month like 2018-07, or is before 2010-12"),
        (row(longitude="west"), "Longitude or Latitude is not a number"),
        (row(latitude="nan"), "Longitude or Latitude is not a number"),
        ("only,three,columns", "the number of columns differs from the heading's"),
        (row() + ",and,more", "the number of columns differs from the heading's"),
    ],
)
def test_a_broken_row_is_rejected_with_its_line_and_the_rest_is_read(broken: str, reason: str) -> None:
    entries = entries_of(row(crime_id="1"), broken, row(crime_id="2"))

    assert entries[1] == Reject(line=3, reason=reason)
    assert [entry.line for entry in entries] == [2, 3, 4]


def test_another_csv_is_no_street_file() -> None:
    with pytest.raises(UnreadableFile, match="no column 'Crime ID'"):
        list(read(io.BytesIO(b"name,value\n1,2\n")))


def test_a_file_cut_short_says_after_which_line() -> None:
    packed = gzip.compress(SAMPLE.read_bytes())

    with pytest.raises(UnreadableFile, match="broken after line"):
        list(read(io.BytesIO(packed[:-200])))
