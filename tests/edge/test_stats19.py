"""STATS19: three files of one edition, joined; what they say of each collision, and each way in which they do not."""

import csv
import io
from pathlib import Path

import pytest
from tests.edge.workbooks import zipped

from safety_stream.catalogue import load_catalogue
from safety_stream.core.model.times import to_iso
from safety_stream.data_files import catalogue_folder
from safety_stream.edge.checking import Check, Summary
from safety_stream.edge.entries import Entry, Reject, UnreadableFile
from safety_stream.edge.stats19 import read

EXAMPLE = Path(__file__).parents[2] / "examples" / "partners" / "stats19"
COLLISION = {
    "collision_index": "2026-1",
    "location_easting_osgr": "354100",
    "location_northing_osgr": "430200",
    "collision_severity": "2",
    "number_of_vehicles": "1",
    "number_of_casualties": "2",
    "date": "10/01/2026",
    "time": "17:30",
    "local_authority_ons_district": "E07000123",
    "first_road_class": "3",
    "speed_limit": "30",
    "light_conditions": "-1",
    "lsoa_of_collision_location": "-1",
}
VEHICLE = {"collision_index": "2026-1", "vehicle_type": "9"}
HURT = {"collision_index": "2026-1", "casualty_severity": "2", "sex_of_casualty": "1", "lsoa_of_casualty": "E01025000"}


def table(rows: list[dict[str, str]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def edition(collisions: list[dict[str, str]], vehicles: list[dict[str, str]], hurt: list[dict[str, str]]) -> bytes:
    return zipped({"a.csv": table(collisions), "b.csv": table(vehicles), "c.csv": table(hurt)})


def entries(**changes: str) -> list[Entry | Reject]:
    content = edition([COLLISION | changes], [VEHICLE], [HURT, HURT | {"casualty_severity": "3"}])
    return list(read(io.BytesIO(content)))


def test_a_collision_says_how_severe_it_was_and_how_many_were_hurt_and_nothing_of_whom():
    (entry,) = entries()

    assert isinstance(entry, Entry)
    report = entry.report
    assert (report.source, report.kind, report.subtype, report.category) == (
        "collisions",
        "collision",
        "serious",
        "collision",
    )
    assert [(fact.name, fact.value) for fact in report.facts] == [
        ("collision-killed", "0"),
        ("collision-ksi", "1"),
    ]
    assert entry.details == {
        "collision": {
            "accident_index": "2026-1",
            "severity": "SERIOUS",
            "vehicles": 1,
            "casualties": 2,
            "road_class": "3",
            "speed_limit_mph": 30,
        }
    }
    assert report.place is not None
    assert (report.place.easting, report.place.lsoa, report.place.area) == (354100, None, "E07000123")
    assert (report.parties, report.vehicles) == ((), ())
    assert "E01025000" not in repr(entry)


def test_all_of_the_example_would_be_taken_by_intake():
    content = zipped({path.name: path.read_bytes() for path in EXAMPLE.glob("*.csv")})
    check = Check(load_catalogue(catalogue_folder()), 1_800_000_000_000, is_history=True)

    assert list(check.rejects(read(io.BytesIO(content)), Summary())) == []


@pytest.mark.parametrize(
    ("changes", "times"),
    [
        ({}, ("2026-01-10T17:30:00.000Z", None, "instant")),
        ({"date": "10/07/2026"}, ("2026-07-10T16:30:00.000Z", None, "instant")),
        ({"time": "-1"}, ("2026-01-10T00:00:00.000Z", "2026-01-10T23:59:59.999Z", "day")),
        (
            {"date": "25/10/2026", "time": "01:30"},
            ("2026-10-25T00:30:00.000Z", "2026-10-25T01:30:00.000Z", "instant"),
        ),
    ],
)
def test_times_are_as_the_clock_showed(changes: dict[str, str], times: tuple[str, str | None, str]):
    (entry,) = entries(**changes)

    assert isinstance(entry, Entry)
    ended = entry.report.occurred_to
    assert (to_iso(entry.report.occurred_from), ended and to_iso(ended), entry.report.precision) == times
    assert entry.received_at is not None
    assert entry.report.reported_at <= entry.received_at


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"collision_severity": "4"}, "collision_severity is none of 1, 2 and 3"),
        ({"collision_severity": "1"}, "collision_severity is not that of the worst hurt"),
        ({"number_of_casualties": "3"}, "number_of_casualties is not how many there are in the other file"),
        ({"number_of_vehicles": "2"}, "number_of_vehicles is not how many there are in the other file"),
        ({"date": "2026-01-10"}, "date is no day like 31/01/2026"),
        ({"date": "10/01/1926"}, "date is before 1979"),
        ({"time": "24:30"}, "time is no time of day like 17:30"),
        ({"date": "29/03/2026", "time": "01:30"}, "time is in the hour that the clocks of spring leave out"),
        ({"location_easting_osgr": "far"}, "location_easting_osgr or location_northing_osgr is no number of metres"),
        ({"location_easting_osgr": "-1"}, "location_easting_osgr and location_northing_osgr go together"),
        ({"local_authority_ons_district": "Preston"}, "lsoa_of_collision_location or local_authority_ons_district is"),
        ({"speed_limit": "fast"}, "speed_limit is no code in digits"),
        ({"first_road_class": "A Smith"}, "first_road_class is no code in digits"),
        ({"collision_index": "A Smith"}, "collision_index is no index of letters and digits"),
    ],
)
def test_each_reject_says_its_line_and_reason(changes: dict[str, str], reason: str):
    first = entries(**changes)[0]

    assert isinstance(first, Reject)
    assert first.line == 2
    assert first.reason.startswith(reason)
    assert "Smith" not in first.reason


def test_rows_of_the_other_files_that_fit_nothing_are_told_after_the_collisions():
    hurt = [
        HURT,
        HURT | {"casualty_severity": "3"},
        HURT | {"casualty_severity": "9"},
        HURT | {"collision_index": "X1"},
    ]
    found = list(read(io.BytesIO(edition([COLLISION], [VEHICLE, VEHICLE | {"collision_index": "A B"}], hurt))))

    assert [one.line for one in found] == [2, 5, 9, 11]
    assert [one.reason.split(":")[0] for one in found if isinstance(one, Reject)] == [
        "line 3 of vehicles",
        "line 4 of casualties",
        "1 collisions have vehicles or casualties and are not among the collisions",
    ]


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"a.csv": table([COLLISION]), "b.csv": table([VEHICLE])}, "there is no file of casualties"),
        ({"a.csv": table([HURT]), "b.csv": table([HURT])}, "there are two files of casualties"),
        ({"a.csv": b""}, "there are no headings"),
    ],
)
def test_what_is_no_edition_says_so(parts: dict[str, bytes], reason: str):
    with pytest.raises(UnreadableFile, match=reason):
        list(read(io.BytesIO(zipped(parts))))


def test_headings_of_older_editions_are_known():
    old = {name.replace("collision_index", "accident_index"): value for name, value in COLLISION.items()}
    old["accident_severity"] = old.pop("collision_severity")
    hurt = [{"accident_index": "2026-1", "casualty_severity": "2"}] * 2
    (entry,) = read(io.BytesIO(edition([old], [{"accident_index": "2026-1", "vehicle_type": "9"}], hurt)))

    assert isinstance(entry, Entry)
