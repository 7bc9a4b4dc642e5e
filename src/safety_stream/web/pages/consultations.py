"""Who looked at which alert and why: for those who see to it that nobody looks without need."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from safety_stream.web.filters import number_of
from safety_stream.web.pages.page import page
from safety_stream.web.policy import Person
from safety_stream.web.site import Site
from safety_stream.web.views.reason import COLUMNS, ConsultationsView, consultation_rows, look_of

PAGE: Final = 100
READ_AT_ONCE: Final = 1_000
LONGEST: Final = 200
"""Letters of a person's or an alert's reference that anybody can mean."""


def consultations(site: Site, request: Request, person: Person) -> Response:
    """The newest, or those before a number; of one person or one alert where that is asked for."""
    who, which = _asked(request)
    text = request.query_params.get("before", "")
    before = number_of(text)
    if text and before is None:
        raise HTTPException(400, "Give the number to read back from: /consultations?before=100")
    found = site.consultations.newest(PAGE + 1, before=before, person=who, alert_id=which)
    shown = found[:PAGE]
    chosen = {name: value for name, value in (("person", who), ("alert", which)) if value}
    view = ConsultationsView(
        looks=tuple(look_of(one, site.consulting) for one in shown),
        person=who,
        alert_id=which,
        older_href=f"/consultations?{urlencode(chosen | {'before': shown[-1].number})}" if len(found) > PAGE else "",
        csv_href="/consultations.csv" + (f"?{urlencode(chosen)}" if chosen else ""),
    )
    return page(request, site, person, "consultations.html", view=view)


def consultations_csv(site: Site, request: Request, person: Person) -> Response:
    """All of them, the newest first."""
    del person
    who, which = _asked(request)
    headers = {"content-disposition": 'attachment; filename="consultations.csv"'}
    return StreamingResponse(_lines(site, who, which), media_type="text/csv", headers=headers)


def _asked(request: Request) -> tuple[str, str]:
    who, which = (request.query_params.get(name, "").strip()[:LONGEST] for name in ("person", "alert"))
    return who, which


def _lines(site: Site, who: str, which: str) -> Iterator[str]:
    yield _written([COLUMNS])
    before: int | None = None
    while found := site.consultations.newest(READ_AT_ONCE, before=before, person=who, alert_id=which):
        yield _written(consultation_rows(found))
        before = found[-1].number


def _written(rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
