"""The county at a glance compares areas over the same days, and says which."""

from __future__ import annotations

import html
import re

import msgspec
from tests.web.conftest import Pages
from tests.web.filling import LOADED, NOW, numbers

from safety_stream.core.model.published import PublishedIndicator
from safety_stream.core.model.times import Day, day_of
from safety_stream.web.views.numbers import Address, CountyNumbers, CountyView, county_view

BURNLEY, PENDLE = "E07000117", "E07000122"
TODAY = day_of(NOW)
VIOLENCE = next(one for one in LOADED.catalogue.indicators if one.id == "violence")
LAST = [one for one in numbers("internal", "week", 6) if one.indicator == "violence" and one.revision == 1]


def county(*values: PublishedIndicator, today: Day = TODAY) -> CountyView:
    def series(indicator: str, area: str) -> list[PublishedIndicator]:
        return sorted((one for one in values if (one.indicator, one.area) == (indicator, area)), key=lambda o: o.starts)

    latest = {(one.indicator, one.area): one for one in sorted(values, key=lambda one: one.starts)}
    known = CountyNumbers(latest=latest, trends=series, today=today)
    return county_view(known, VIOLENCE, [VIOLENCE], LOADED.catalogue, "internal", Address(""))


def begun(area: str) -> PublishedIndicator:
    """What is known so far of the week after the last that is over."""
    last = max((one for one in LAST if one.area == area), key=lambda one: one.starts)
    return msgspec.structs.replace(last, starts=last.ends, ends=last.ends + 7, value=2, final=False)


def rows(view: CountyView) -> dict[str, tuple[str, str]]:
    return {line.area: (line.period, line.number) for line in view.map_lines}


def test_a_week_that_goes_on_is_shown_beside_no_week_that_is_over():
    before, during = county(*LAST), county(*LAST, begun(BURNLEY))

    assert rows(during) == rows(before)
    assert {period for period, _ in rows(during).values() if period} == {during.map_period}
    assert during.map == before.map


def test_of_an_area_that_has_no_number_of_that_week_none_is_shown():
    newest = max(one.starts for one in LAST)
    view = county(*(one for one in LAST if (one.area, one.starts) != (PENDLE, newest)))

    assert rows(view)["Pendle"] == rows(view)["Rossendale"] == ("", "no data")
    assert rows(view)["Burnley"][0] == view.map_period


def test_one_area_that_is_ahead_of_the_others_takes_no_number_from_them():
    ahead = msgspec.structs.replace(begun(BURNLEY), final=True)

    assert rows(county(*LAST, ahead, today=ahead.ends)) == rows(county(*LAST))


def test_where_no_week_is_over_the_newest_is_shown():
    newest = max(one.starts for one in LAST)

    assert rows(county(*LAST, today=TODAY - 365)) == rows(county(*(one for one in LAST if one.starts == newest)))


def test_where_there_is_nothing_no_week_is_named():
    view = county()

    assert (view.map_period, {number for _, number in rows(view).values()}) == ("", {"no data"})


def test_what_is_called_a_county_says_what_it_holds():
    assert county().counties == (
        "Lancashire-12 is all but Blackburn with Darwen and Blackpool.",
        "Lancashire-14 is all 14 districts.",
    )


def test_indicators_are_offered_by_name_and_the_public_those_alone_that_it_may_be_shown(pages: Pages):
    public = next(one for one in LOADED.catalogue.profiles if one.id == "public")
    may_be_shown = {one.title for one in LOADED.catalogue.indicators if public.periods_of(one)}
    offered = re.findall(r"<option[^>]*>([^<]+)</option>", pages.browser().get("/public").text)
    offered = [html.unescape(title).strip() for title in offered]

    assert offered == sorted(may_be_shown)
    assert len(offered) < len(LOADED.catalogue.indicators)
