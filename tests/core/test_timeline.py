"""A timeline depends on its live sightings alone; reports of one occurrence by several agencies are one."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.rules.making import BOUNDS, HOME, a_sighting, a_timeline, at

from safety_stream.core.catalogue import Bounds
from safety_stream.core.model.incidents import Place
from safety_stream.core.model.sightings import FINDING, Sighting
from safety_stream.core.model.times import HOUR, MINUTE
from safety_stream.core.timeline import Timeline, changed_occurrences, occurrences_of

NOON = "2026-01-05T12:00"
POLICE, COUNCIL, LANDLORD = "lancashire-police", "district-councils", "social-landlords"


def merged(*sightings: Sighting) -> list[tuple[str, ...]]:
    """The reports of each occurrence."""
    return [occurrence.reports for occurrence in occurrences_of(a_timeline(*sightings).sightings)]


def two(**second: object) -> tuple[Sighting, Sighting]:
    """A police report at home at noon, and the council's report of the same, changed."""
    first = a_sighting(NOON, "a", place=HOME)
    return first, msgspec.structs.replace(first, **({"incident_id": "b", "organisation": COUNCIL} | second))


def test_two_agencies_reporting_one_thing_tell_of_one_occurrence():
    assert merged(*two()) == [("a", "b")]


def test_one_organisation_reporting_twice_tells_of_two_occurrences():
    assert merged(*two(organisation=POLICE)) == [("a",), ("b",)]


@pytest.mark.parametrize(("metres", "expected"), [(100, [("a", "b")]), (101, [("a",), ("b",)])])
def test_exact_points_are_one_place_up_to_a_hundred_metres(metres: int, expected: list[tuple[str, ...]]):
    first = a_sighting(NOON, "a", place=Place(easting=384_000, northing=432_000, exact=True))
    moved = Place(easting=384_000 + metres, northing=432_000, exact=True)
    second = msgspec.structs.replace(first, incident_id="b", organisation=COUNCIL, place=moved)
    assert merged(first, second) == expected


def test_distance_is_measured_as_the_crow_flies():
    first = a_sighting(NOON, "a", place=Place(easting=384_000, northing=432_000, exact=True))
    moved = Place(easting=384_071, northing=432_071, exact=True)
    assert merged(first, msgspec.structs.replace(first, incident_id="b", organisation=COUNCIL, place=moved)) == [
        ("a",),
        ("b",),
    ]


def test_a_snapped_point_is_no_place():
    point = Place(easting=384_000, northing=432_000, exact=False)
    first = a_sighting(NOON, "a", place=point)
    assert merged(first, msgspec.structs.replace(first, incident_id="b", organisation=COUNCIL)) == [("a",), ("b",)]


def test_unknown_places_never_link():
    first = a_sighting(NOON, "a", place=Place())
    assert merged(first, msgspec.structs.replace(first, incident_id="b", organisation=COUNCIL)) == [("a",), ("b",)]


def test_another_property_nearby_is_still_one_place():
    assert merged(*two(place=msgspec.structs.replace(HOME, uprn="900000000002"))) == [("a", "b")]


def test_other_families_merge_only_through_a_shared_person():
    assert merged(*two(family="asb")) == [("a",), ("b",)]
    first = a_sighting(NOON, "a", place=HOME, persons=("p1", "p2"))
    other = msgspec.structs.replace(first, incident_id="b", organisation=COUNCIL, family="asb", persons=("p2", "p3"))
    assert merged(first, other) == [("a", "b")]


def test_a_missing_family_and_no_persons_never_link():
    first = a_sighting(NOON, "a", place=HOME, family="")
    assert merged(first, msgspec.structs.replace(first, incident_id="b", organisation=COUNCIL)) == [("a",), ("b",)]


@pytest.mark.parametrize(("gap", "expected"), [(HOUR, [("a", "b")]), (HOUR + 1, [("a",), ("b",)])])
def test_intervals_overlap_when_widened_by_sixty_minutes(gap: int, expected: list[tuple[str, ...]]):
    """From the end of the one to the beginning of the other, to the millisecond."""
    ends = at(NOON) + 20 * MINUTE
    first = a_sighting(NOON, "a", place=HOME, occurred_to=ends)
    second = a_sighting(ends + gap, "b", place=HOME, organisation=COUNCIL)
    assert merged(first, second) == expected


def test_three_agencies_tell_of_one_occurrence():
    first, second = two()
    third = msgspec.structs.replace(second, incident_id="c", organisation=LANDLORD)
    assert merged(third, first, second) == [("a", "b", "c")]


def test_a_report_joins_through_any_member():
    """The landlord's report is within the hour of the council's only."""
    first, second = two(occurred_from=at(NOON) + 50 * MINUTE, occurred_to=at(NOON) + 50 * MINUTE)
    third = a_sighting(at(NOON) + 100 * MINUTE, "c", place=HOME, organisation=LANDLORD)
    assert merged(first, second, third) == [("a", "b", "c")]


def test_an_organisation_is_in_an_occurrence_once_and_its_second_report_begins_another():
    first, second = two()
    again = a_sighting(at(NOON) + 10 * MINUTE, "c", place=HOME)
    landlord = a_sighting(at(NOON) + 20 * MINUTE, "d", place=HOME, organisation=LANDLORD)
    assert merged(first, second, again, landlord) == [("a", "b", "d"), ("c",)]


def test_an_occurrence_has_the_id_time_and_area_of_its_first_report():
    first, second = two(area="E07000122", occurred_from=at(NOON) + MINUTE, occurred_to=at(NOON) + MINUTE)
    occurrence = occurrences_of([first, second])[0]
    assert (occurrence.id, occurrence.time, occurrence.area) == ("a", at(NOON), "E07000117")


def test_what_merged_through_a_withdrawn_report_comes_apart():
    first, second = two(occurred_from=at(NOON) + 50 * MINUTE, occurred_to=at(NOON) + 50 * MINUTE)
    third = a_sighting(at(NOON) + 100 * MINUTE, "c", place=HOME, organisation=LANDLORD)
    left = a_timeline(first, second, third).changed(-1, second, BOUNDS)
    assert [occurrence.reports for occurrence in occurrences_of(left.sightings)] == [("a",), ("c",)]


def test_reports_at_one_instant_stand_in_order_of_id():
    assert [sighting.incident_id for sighting in a_timeline(*reversed(two())).sightings] == ["a", "b"]


def test_what_leaves_must_be_there():
    with pytest.raises(ValueError, match="incident a is not on the timeline it leaves"):
        Timeline().changed(-1, a_sighting(NOON, "a"), BOUNDS)


def test_nothing_joins_twice():
    first = a_sighting(NOON, "a")
    with pytest.raises(ValueError, match="incident a is on the timeline already"):
        a_timeline(first).changed(1, first, BOUNDS)


SMALL = Bounds(hub=2, kept=3, cell_metres=500, cell_days=92)


def test_beyond_the_bound_a_key_is_a_hub_and_comes_back():
    of = [a_sighting(at(NOON) + day * HOUR) for day in range(3)]
    timeline = a_timeline(*of, bounds=SMALL)
    assert (a_timeline(*of[:2], bounds=SMALL).is_hub(SMALL), timeline.is_hub(SMALL)) == (False, True)
    assert timeline.changed(-1, of[0], SMALL) == a_timeline(*of[1:], bounds=SMALL)


def test_beyond_what_is_kept_only_the_number_is_and_it_stays_a_hub_until_nothing_is_left():
    of = [a_sighting(at(NOON) + day * HOUR) for day in range(4)]
    timeline = a_timeline(*of, bounds=SMALL)
    assert timeline == Timeline(count=4, hub_since=of[2].occurred_from)
    for sighting in of[:3]:
        timeline = timeline.changed(-1, sighting, SMALL)
    assert (timeline.is_hub(SMALL), timeline.count) == (True, 1)
    assert timeline.changed(-1, of[3], SMALL) == Timeline()


def test_a_report_of_a_long_time_reaches_over_a_short_one_that_follows_it():
    """The council's report begins long after the police's second ended, yet within their first."""
    first = a_sighting(NOON, "a", place=HOME, occurred_to=at(NOON) + 5 * HOUR)
    short = a_sighting(at(NOON) + 15 * MINUTE, "b", place=HOME)
    council = a_sighting(at(NOON) + 3 * HOUR, "c", place=HOME, organisation=COUNCIL)
    old, new = a_timeline(first, short), a_timeline(first, short, council)
    went, came = changed_occurrences(old, new, council)
    assert [one.reports for one in (*went, *came)] == [("a",), ("a", "c")]


@st.composite
def crowded(draw: st.DrawFn) -> list[Sighting]:
    """Reports of a few hours at a few places: nearly all overlap."""
    return [
        a_sighting(
            begins,
            f"i{number}",
            place=draw(st.sampled_from([HOME, HOME, Place(), Place(uprn="900000000002", exact=True)])),
            organisation=draw(st.sampled_from([POLICE, COUNCIL, LANDLORD])),
            family=draw(st.sampled_from(["violence", "violence", "asb"])),
            occurred_to=begins + draw(st.sampled_from([0, HOUR, 5 * HOUR])),
        )
        for number in range(draw(st.integers(1, 8)))
        for begins in [at(NOON) + draw(st.integers(0, 40)) * 15 * MINUTE]
    ]


@settings(max_examples=300)
@given(crowded(), st.data())
def test_a_change_is_seen_in_the_run_of_reports_around_it_and_nowhere_else(of: list[Sighting], data: st.DataObject):
    changed = data.draw(st.sampled_from(of))
    whole = a_timeline(*of)
    less = whole.changed(-1, changed, BOUNDS)
    with_it, without = set(occurrences_of(whole.sightings)), set(occurrences_of(less.sightings))
    went, came = changed_occurrences(whole, less, changed)
    assert (with_it - without <= set(went), without - with_it <= set(came)) == (True, True)
    assert (set(went) <= with_it, set(came) <= without) == (True, True)
    assert changed_occurrences(less, whole, changed) == (came, went)


@given(crowded())
def test_every_report_is_in_exactly_one_occurrence_and_no_organisation_twice(of: list[Sighting]):
    groups = [occurrence.sightings for occurrence in occurrences_of(a_timeline(*of).sightings)]
    assert sorted(sighting.incident_id for group in groups for sighting in group) == sorted(
        sighting.incident_id for sighting in of
    )
    assert all(len({sighting.organisation for sighting in group}) == len(group) for group in groups)


def test_findings_on_other_keys_make_no_hub_and_count_towards_what_can_be_remembered():
    bounds = Bounds(hub=2, kept=5, cell_metres=500, cell_days=92)
    reports = [a_sighting(f"2026-01-0{day}T12:00") for day in (1, 3)]
    found = [a_sighting(f"2026-01-0{day}T12:00", kind=FINDING) for day in (2, 4, 5)]
    timeline = a_timeline(*reports, *found, bounds=bounds)
    assert (timeline.count, timeline.lesser, timeline.is_hub(bounds)) == (5, 3, False)
    third = a_sighting("2026-01-06T12:00")
    without = timeline.changed(-1, found[0], bounds)
    assert without.changed(1, third, bounds).is_hub(bounds)
    assert without.changed(1, third, bounds).is_hub_since(bounds) == third.occurred_from
    full = timeline.changed(1, third, bounds)
    assert (full.is_saturated, full.count, full.lesser) == (True, 6, 3)
    assert full.is_hub_since(bounds) == third.occurred_from
