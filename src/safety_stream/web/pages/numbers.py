"""Pages about numbers: for those who have signed in as their profile, for anybody as the public one."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from safety_stream.core.catalogue import Area, Indicator
from safety_stream.core.model.judgements import Signal
from safety_stream.core.model.published import PublishedIndicator
from safety_stream.core.model.times import Day, PeriodKind, day_of, start_of, to_day
from safety_stream.web.pages.page import page
from safety_stream.web.policy import PUBLIC, Person
from safety_stream.web.site import Site
from safety_stream.web.views.numbers import (
    Address,
    CountyNumbers,
    IndicatorNumbers,
    Line,
    area_view,
    county_view,
    csv_rows,
    indicator_view,
    kind_for,
    line_of,
)

SIGNED_IN: Final = Address("")
ANYBODY: Final = Address("/public")

BREACHES: Final[tuple[Signal | None, ...]] = ("red", "amber")
"""Signals that something is more than was expected, the gravest first."""

Numbers = tuple[str, Address]
"""As which profile numbers are seen, and where their pages are."""


def county(site: Site, request: Request, person: Person) -> Response:
    """The county at a glance."""
    return _county(site, request, person, (person.profile, SIGNED_IN))


def area(site: Site, request: Request, person: Person) -> Response:
    """One area."""
    return _area(site, request, person, (person.profile, SIGNED_IN))


def indicator(site: Site, request: Request, person: Person) -> Response:
    """One indicator in one area."""
    return _indicator(site, request, person, (person.profile, SIGNED_IN))


def numbers_csv(site: Site, request: Request, person: Person) -> Response:
    """Its numbers as a file."""
    return _csv(site, request, person.profile)


def public_county(site: Site, request: Request) -> Response:
    """The county, for anybody."""
    return _county(site, request, None, (_public(site), ANYBODY))


def public_area(site: Site, request: Request) -> Response:
    """One area, for anybody."""
    return _area(site, request, None, (_public(site), ANYBODY))


def public_indicator(site: Site, request: Request) -> Response:
    """One indicator in one area, for anybody."""
    return _indicator(site, request, None, (_public(site), ANYBODY))


def public_csv(site: Site, request: Request) -> Response:
    """Its numbers as a file, for anybody."""
    return _csv(site, request, _public(site))


def _public(site: Site) -> str:
    if PUBLIC not in site.profiles:
        raise HTTPException(404, "Nothing is published for everybody here.")
    return PUBLIC


def _kinds(site: Site, profile: str, one: Indicator) -> list[PeriodKind]:
    return list(site.profiles[profile].periods_of(one))


def _shown(site: Site, profile: str) -> list[Indicator]:
    return [one for one in site.catalogue.indicators if _kinds(site, profile, one)]


def _latest(site: Site, profile: str, shown: Sequence[Indicator]) -> dict[tuple[str, str], PublishedIndicator]:
    """The newest value of every series, each indicator in the one kind of period people look at."""
    by_kind: dict[PeriodKind, list[str]] = {}
    for one in shown:
        kind = kind_for(_kinds(site, profile, one))
        if kind is not None:
            by_kind.setdefault(kind, []).append(one.id)
    return {
        (value.indicator, value.area): value
        for kind, names in by_kind.items()
        for value in site.read_model.latest(profile, kind, names)
    }


def _trends(site: Site, profile: str) -> Callable[[str, str], Sequence[PublishedIndicator]]:
    def of(indicator_id: str, code: str) -> Sequence[PublishedIndicator]:
        kind = kind_for(_kinds(site, profile, site.indicators[indicator_id]))
        return site.read_model.series(profile, indicator_id, code, kind) if kind else ()

    return of


def lines_by_signal(site: Site, profile: str) -> list[Line]:
    """The newest of every series a profile is shown that has a signal, the gravest first; as one who has signed in."""
    found = [value for value in _latest(site, profile, _shown(site, profile)).values() if value.signal in BREACHES]
    found.sort(key=lambda value: (BREACHES.index(value.signal), value.indicator, value.area))
    return [line_of(value, site.indicators[value.indicator], value.area, site.catalogue, SIGNED_IN) for value in found]


def _county(site: Site, request: Request, person: Person | None, numbers: Numbers) -> Response:
    profile, to = numbers
    shown = _shown(site, profile)
    wanted = request.query_params.get("indicator", "")
    chosen = next((one for one in shown if one.id == wanted), shown[0])
    known = CountyNumbers(latest=_latest(site, profile, shown), trends=_trends(site, profile), today=day_of(site.now()))
    view = county_view(known, chosen, shown, site.catalogue, profile, to)
    return page(request, site, person, "county.html", view=view)


def _area(site: Site, request: Request, person: Person | None, numbers: Numbers) -> Response:
    profile, to = numbers
    at = _known_area(site, request)
    shown = _shown(site, profile)
    latest, trends = _latest(site, profile, shown), _trends(site, profile)
    lines = [
        line_of(
            latest.get((one.id, at.code)),
            one,
            at.code,
            site.catalogue,
            to,
            trends(one.id, at.code) if (one.id, at.code) in latest else (),
        )
        for one in shown
    ]
    view = area_view(at, lines, site.catalogue, profile, to)
    return page(request, site, person, "area.html", view=view)


def _known_area(site: Site, request: Request) -> Area:
    found = site.area(request.path_params["area"])
    if found is None:
        raise HTTPException(404, "There is no such area in the catalogue.")
    return found


class _Asked(msgspec.Struct, frozen=True):
    """What an address asks for of an indicator."""

    indicator: Indicator
    area: Area
    kinds: list[PeriodKind]
    kind: PeriodKind
    known: Day | None


def _asked(site: Site, request: Request, profile: str) -> _Asked:
    one = site.indicators.get(request.path_params["indicator"])
    if one is None or not _kinds(site, profile, one):
        raise HTTPException(404, "There is no such indicator, or it is not for you to see.")
    kinds = _kinds(site, profile, one)
    usual = kind_for(kinds) or kinds[0]
    kind = next((kind for kind in kinds if kind == request.query_params.get("period")), usual)
    return _Asked(one, _known_area(site, request), kinds, kind, _day(site, request.query_params.get("known", "")))


def _day(site: Site, text: str) -> Day | None:
    """A day of which it is asked what was known; none that is still to come, and so none the calendar does not have."""
    try:
        day = to_day(date.fromisoformat(text)) if text else None
    except ValueError:
        raise HTTPException(400, "Write the day as 2026-01-31.") from None
    if day is not None and day > day_of(site.now()):
        raise HTTPException(400, "Nobody knows yet what that day will tell: choose today or a day before.")
    return day


def _values(site: Site, profile: str, asked: _Asked) -> list[PublishedIndicator]:
    model, one, at = site.read_model, asked.indicator.id, asked.area.code
    if asked.known is None:
        return model.series(profile, one, at, asked.kind)
    # What was known at the end of the day.
    return model.known_as_of(profile, one, at, asked.kind, start_of(asked.known + 1) - 1)


def _indicator(site: Site, request: Request, person: Person | None, numbers: Numbers) -> Response:
    profile, to = numbers
    asked = _asked(site, request, profile)
    known = IndicatorNumbers(values=_values(site, profile, asked), kind=asked.kind, known=asked.known)
    view = indicator_view(known, asked.indicator, asked.area, asked.kinds, site.catalogue, profile, to)
    return page(request, site, person, "indicator.html", view=view)


def _csv(site: Site, request: Request, profile: str) -> Response:
    asked = _asked(site, request, profile)
    text = io.StringIO()
    csv.writer(text).writerows(csv_rows(_values(site, profile, asked)))
    name = f"{asked.indicator.id}-{asked.area.code}-{asked.kind}.csv"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(text.getvalue(), media_type="text/csv", headers=headers)
