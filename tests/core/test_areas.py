"""Every incident counts once in each grouping above it, and the sums are whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.stages.making import a_record, a_version

from safety_stream.catalogue import load_catalogue
from safety_stream.core.catalogue import GROUPINGS, Area, Areas, Catalogue, Parent
from safety_stream.core.model.incidents import OUTSIDE, UNLOCATED, IncidentVersion
from safety_stream.core.model.tallies import Tally, is_within_a_district
from safety_stream.core.model.times import DAY_LENGTH
from safety_stream.core.stages import register
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.data_files import catalogue_folder

CATALOGUE = load_catalogue(catalogue_folder())
AREAS = CATALOGUE.areas
DISTRICTS = [area.code for area in AREAS.by_code.values() if area.kind == "district"]
TOP = ("L-14", OUTSIDE, UNLOCATED)
CATEGORIES = [("violence", "violence"), ("drugs", "drugs"), ("burglary", "burglary")]


def version(number: int, told: tuple[str, int, tuple[str, str], int, str]) -> IncidentVersion:
    area, later, (category, family), count, action = told
    plain = a_version()
    return msgspec.structs.replace(
        plain,
        incident_id=f"00000000-0000-0000-0000-{number % 20:012}",
        source_version=number,
        action=action,
        area=area,
        occurred_from=plain.occurred_from + later * DAY_LENGTH,
        occurred_to=plain.occurred_to + later * DAY_LENGTH,
        category=category,
        family=family,
        count=count,
        received_at=plain.received_at + number,
    )


VERSIONS = st.lists(
    st.tuples(
        st.sampled_from([*DISTRICTS, OUTSIDE, UNLOCATED]),
        st.integers(-40, 40),
        st.sampled_from(CATEGORIES),
        st.integers(1, 9),
        st.sampled_from(["new", "new", "correct", "withdraw"]),
    ),
    max_size=60,
).map(lambda told: [version(number, one) for number, one in enumerate(told)])


def counts_of(catalogue: Catalogue, versions: Sequence[IncidentVersion]) -> Counter[tuple[str, str, int]]:
    step, rows = register.make_step(catalogue, 1), MemoryRows()
    counts: Counter[tuple[str, str, int]] = Counter()
    for one in versions:
        for output in step(rows, [a_record(one, received_at=one.received_at)], None):
            if isinstance(output.value, Tally):
                tally = output.value
                counts[tally.area, tally.indicator, tally.event_day] += tally.count
    return counts


@given(VERSIONS)
def test_a_grouping_is_the_sum_of_its_districts_and_the_top_areas_are_the_total(versions: list[IncidentVersion]):
    counts = counts_of(CATALOGUE, versions)
    cells = {(indicator, day) for _, indicator, day in counts}
    standing = {one.incident_id: one for one in versions}

    for indicator, day in cells:
        for grouping in (area.code for area in AREAS.by_code.values() if area.kind in GROUPINGS):
            below = [district for district in DISTRICTS if grouping in AREAS.roll_ups(district, day)]
            assert counts[grouping, indicator, day] == sum(counts[one, indicator, day] for one in below)
        districts = sum(counts[one, indicator, day] for one in (*DISTRICTS, OUTSIDE, UNLOCATED))
        assert districts == sum(counts[one, indicator, day] for one in TOP)
    total = sum(number for (area, indicator, _), number in counts.items() if indicator == "crime" and area in TOP)
    assert total == sum(one.count for one in standing.values() if one.action != "withdraw")
    harm = sum(number for (area, indicator, _), number in counts.items() if indicator == "crime-harm" and area in TOP)
    (weighed,) = (one for one in CATALOGUE.indicators if one.id == "crime-harm")
    assert harm == sum(
        one.count * weighed.weights[one.category] for one in standing.values() if one.action != "withdraw"
    )


def test_each_district_is_in_one_division_and_the_two_partnerships_are_those_districts_run_together():
    divisions = {
        district: [code for code in AREAS.roll_ups(district, 20_000) if AREAS.by_code[code].kind == "division"]
        for district in DISTRICTS
    }

    assert {len(found) for found in divisions.values()} == {1}
    assert Counter(found[0] for found in divisions.values()) == {"D-EAST": 6, "D-SOUTH": 4, "D-WEST": 4}
    together = [one for one in DISTRICTS if "C-CHORLEY-SOUTH-RIBBLE" in AREAS.roll_ups(one, 20_000)]
    assert [AREAS.by_code[one].name for one in together] == ["Chorley", "South Ribble"]


@pytest.mark.parametrize(("day", "above"), [(9, ()), (10, ("G",)), (19, ("G",)), (20, ())])
def test_a_district_is_in_a_grouping_on_the_days_it_says(day: int, above: tuple[str, ...]):
    areas = Areas(
        county="made-up",
        by_code={
            "A": Area(code="A", name="A", kind="district", parents=(Parent("G", 10, 20),)),
            "G": Area(code="G", name="G", kind="csp"),
        },
        by_lsoa={},
    )

    assert areas.roll_ups("A", day) == ("A", *above)


def test_what_is_counted_by_lsoa_and_ward_is_counted_there_once_and_adds_to_no_area():
    plain = a_version()
    here = msgspec.structs.replace(plain, place=msgspec.structs.replace(plain.place, lsoa="E01012571"))
    counts = counts_of(CATALOGUE, [here])
    within = {area for area, indicator, _ in counts if is_within_a_district(area) and indicator == "violence"}

    assert within == {"lsoa:E01012571", "ward:E05011508"}
    assert {indicator for area, indicator, _ in counts if is_within_a_district(area)} == {"violence"}
    assert set(counts.values()) == {1, 130}


@given(st.lists(st.sampled_from(sorted(AREAS.by_lsoa)), max_size=30))
def test_a_wards_count_is_that_of_its_lsoas(lsoas: list[str]):
    plain = a_version()
    told = [
        msgspec.structs.replace(plain, incident_id=f"i-{number}", place=msgspec.structs.replace(plain.place, lsoa=lsoa))
        for number, lsoa in enumerate(lsoas)
    ]
    by_lsoa, by_ward = Counter[str](), Counter[str]()
    for (area, indicator, _), count in counts_of(CATALOGUE, told).items():
        kind, _, code = area.partition(":")
        if indicator == "violence" and kind == "lsoa":
            by_lsoa[AREAS.ward_of[code]] += count
        elif indicator == "violence" and kind == "ward":
            by_ward[code] += count

    assert by_ward == by_lsoa
    assert by_ward.total() == len(lsoas)


def test_areas_have_names_and_wards_too_where_they_are_counted():
    assert AREAS.name_of("E07000123") == "Preston"
    assert AREAS.name_of("ward:E05011508") == "Audley & Queen's Park"
    assert [AREAS.name_of(code) for code in ("lsoa:E01012571", "ward:E05999999")] == [
        "lsoa:E01012571",
        "ward:E05999999",
    ]
