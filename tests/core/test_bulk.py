"""The bulk table of what a profile was shown: the newest of each period, and what was hidden stays so."""

from __future__ import annotations

from datetime import date

import msgspec

from safety_stream.catalogue import load_catalogue
from safety_stream.core.bulk import bulk_rows
from safety_stream.core.catalogue import Caveat
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
