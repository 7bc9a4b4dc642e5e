"""The bulk tables: the newest of what a profile was shown, what was hidden stays so, and what follows from it."""

from __future__ import annotations

from datetime import date

import msgspec

from safety_stream.catalogue import load_catalogue
from safety_stream.core.bulk import MeasureRow, bulk_rows, measure_rows, tables_without_county
from safety_stream.core.catalogue import Caveat
from safety_stream.core.derived import measures_of, newest_of
from safety_stream.core.model.published import PublishedIndicator
from safety_stream.core.model.times import period_of, to_day
from safety_stream.data_files import catalogue_folder

CATALOGUE = load_catalogue(catalogue_folder())


def shown(seq: int, **changes: object) -> PublishedIndicator:
    month = period_of(to_day(date(2026, 1, 1)), "month")
    whole = PublishedIndicator(
        seq=seq,
        profile="public",
        area="L-14",
        indicator="cyber-crime",
        period="month",
        starts=month.starts,
        ends=month.ends,
        value=15,
        final=True,
        revision=1,
        restates=None,
        as_of=0,
    )
    return msgspec.structs.replace(whole, **changes)


def test_a_row_has_names_days_and_caveats():
    (row,) = bulk_rows([shown(1)], CATALOGUE)

    assert (row.area_name, row.title) == ("Lancashire-14", "Recorded crime marked as cyber-enabled")
    assert (row.starts, row.ends) == (date(2026, 1, 1), date(2026, 2, 1))
    assert row.caveats.startswith("Only what the police mark and record")
    assert row.shown


def test_the_newest_of_a_period_stands_in_any_order():
    told = [shown(3, value=20, revision=2), shown(1), shown(2, indicator="violence")]

    assert [(row.indicator, row.value) for row in bulk_rows(told, CATALOGUE)] == [
        ("cyber-crime", 20),
        ("violence", 15),
    ]
    assert bulk_rows(told, CATALOGUE) == bulk_rows(reversed(told), CATALOGUE)


def test_what_was_suppressed_is_so_however_it_was_before():
    (row,) = bulk_rows([shown(1), shown(2, value=None, revision=2)], CATALOGUE)

    assert (row.value, row.shown) == (None, False)


def test_a_caveat_of_other_areas_is_not_said():
    caveat = Caveat(text="visitors", areas=("E06000009",), source="default")
    indicators = tuple(
        msgspec.structs.replace(one, caveats=(caveat,)) if one.id == "violence" else one for one in CATALOGUE.indicators
    )
    catalogue = msgspec.structs.replace(CATALOGUE, indicators=indicators)
    told = [shown(1, indicator="violence"), shown(2, indicator="violence", area="E06000009")]

    assert [bool(row.caveats) for row in bulk_rows(told, catalogue)] == [True, False]


def test_what_the_catalogue_no_longer_knows_goes_by_its_id():
    (row,) = bulk_rows([shown(1, area="lsoa:E01000001", indicator="gone")], CATALOGUE)

    assert (row.area_name, row.title, row.caveats) == ("lsoa:E01000001", "gone", "")


def test_what_a_profile_shows_beside_a_value_is_there_and_nothing_where_it_does_not():
    opened = to_day(date(2026, 1, 5))
    beside = {"signal": "red", "expected": 4.5, "low": 1, "high": 8, "opened": opened, "complete_to": opened, "late": 9}

    bare, full = bulk_rows([shown(1), shown(2, indicator="hate", **beside)], CATALOGUE)

    assert {getattr(bare, name) for name in (*beside, "causes")} == {None}
    dates = {"opened": date(2026, 1, 5), "complete_to": date(2026, 1, 5)}
    assert {name: getattr(full, name) for name in beside} == beside | dates


def test_causes_are_words_with_a_blank_between_them_and_none_are_none():
    told = [shown(1, causes=("corrected", "late")), shown(2, indicator="hate", causes=())]

    assert [row.causes for row in bulk_rows(told, CATALOGUE)] == ["corrected late", ""]


def test_a_table_without_the_total_of_a_county_is_told_with_why():
    (profile,) = [one for one in CATALOGUE.profiles if one.id == "public"]
    told = [shown(1), shown(2, area="L-12", value=None), shown(3, indicator="violence", area="E07000117")]

    found = tables_without_county(newest_of(told), CATALOGUE, profile)

    assert [(one.indicator, one.starts, one.county, one.why.split(",")[0]) for one in found] == [
        ("cyber-crime", date(2026, 1, 1), "L-12", "it is small"),
        ("violence", date(2026, 1, 1), "L-12", "it was not shown"),
        ("violence", date(2026, 1, 1), "L-14", "it was not shown"),
    ]


def measured(*told: PublishedIndicator) -> dict[str, MeasureRow]:
    (profile,) = [one for one in CATALOGUE.profiles if one.id == "public"]
    return {row.id: row for row in measure_rows(measures_of(newest_of(told), CATALOGUE, profile), CATALOGUE)}


def test_a_measure_has_names_days_and_the_numbers_of_its_parts():
    row = measured(shown(7, indicator="crime", value=60), shown(9, indicator="alcohol-crime"))["alcohol-share"]

    assert (row.kind, row.title, row.area_name) == ("share", "Recorded crime marked with alcohol", "Lancashire-14")
    assert (row.starts, row.ends, row.value, row.why) == (date(2026, 1, 1), date(2026, 2, 1), 25.0, "")
    assert (row.parts, row.from_rounded) == ("7 9", True)


def test_a_measure_says_what_must_be_said_of_its_parts_and_of_its_area():
    rows = measured(
        shown(1, indicator="crime", area="E06000009"),
        shown(2, indicator="alcohol-crime", area="E06000009"),
        shown(3, indicator="collisions-ksi", area="E06000008"),
    )

    assert rows["alcohol-share"].caveats.startswith("Partners mark what they know of")
    assert "visitors outnumber residents" in rows["crime-rate"].caveats
    assert rows["ksi-rate"].caveats == "Who drives through lives elsewhere."
    assert rows["crime"].caveats == ""


def test_harm_is_added_up_with_its_caveat():
    row = measured(shown(1, indicator="crime-harm", value=900))["crime-harm"]

    assert (row.kind, row.value, row.why) == ("year-to-date", 900, "")
    assert "one murder weighs as any violence" in row.caveats


def test_a_rate_says_of_how_many_residents_it_is_of_which_day_and_by_whom():
    told = [shown(1, indicator="crime", value=60, area="E06000008"), shown(2, indicator="crime", value=90)]
    (profile,) = [one for one in CATALOGUE.profiles if one.id == "public"]
    rows = measure_rows(measures_of(newest_of(told), CATALOGUE, profile), CATALOGUE)
    census = "Census 2021, usual residents, rounded to hundreds (ONS)"

    assert {
        row.area: (row.residents, row.residents_on, row.residents_source) for row in rows if row.id == "crime-rate"
    } == {
        "E06000008": (154_700, date(2021, 3, 21), census),
        "L-14": (1_531_100, date(2021, 3, 21), census),
    }
    assert {row.residents for row in rows if row.kind == "year-to-date"} == {None}
    assert [(row.residents, row.residents_on) for row in bulk_rows(told, CATALOGUE)] == [
        (154_700, date(2021, 3, 21)),
        (1_531_100, date(2021, 3, 21)),
    ]


def test_what_cannot_be_said_says_why():
    row = measured(shown(1, indicator="crime", value=None))["crime-rate"]

    assert (row.value, row.why) == (None, "withheld")
