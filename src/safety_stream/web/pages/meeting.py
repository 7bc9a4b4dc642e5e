"""The pack for the morning meeting: what the night brought, what is open and with whom, and who is not heard."""

from __future__ import annotations

from datetime import datetime

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from safety_stream.core.model.times import DAY_LENGTH, LONDON, Instant, to_instant
from safety_stream.core.stages.publish_alerts import RATIONALE
from safety_stream.web.filters import Filter
from safety_stream.web.pages.alerts import audience_title, blind_spots, some_alerts, taken_back
from safety_stream.web.pages.numbers import lines_by_signal
from safety_stream.web.pages.page import page
from safety_stream.web.policy import Person
from safety_stream.web.site import Site
from safety_stream.web.views.handover import shift_of
from safety_stream.web.views.health import silent_feeds
from safety_stream.web.views.meeting import BACK_AT_MOST, ForMeeting, meeting_view


def meeting(site: Site, request: Request, person: Person) -> Response:
    """The pack, of what was told since a time: that of the address, or when the shift before this one began."""
    now, areas = site.now(), site.areas_of(person) or ()
    this = shift_of(now, site.shift_starts).began
    before = shift_of(this - 1, site.shift_starts).began
    since = _since(request.query_params.get("since", ""), before, now)
    found = ForMeeting(
        audience=audience_title(site, person),
        tells_owners=any(one.id == person.audience and RATIONALE in one.fields for one in site.catalogue.audiences),
        since=since,
        told=site.seen_by(person, site.read_model.told_since(person.audience, since)),
        withdrawn=taken_back(site, person, since),
        late=some_alerts(site, person, Filter(), due_before=now),
        urgent=some_alerts(site, person, Filter(priorities=("P1", "P2")), not_due_before=now),
        above=some_alerts(site, person, Filter(families=("threshold",)), not_due_before=now),
        clocks=site.read_model.count_clocks(person.audience, now, areas),
        holders=site.read_model.count_holders(person.audience, now, areas),
        breaches=lines_by_signal(site, person.profile) if _judges(site, person) else None,
        silent_feeds=silent_feeds(site.read_model.feeds(), site.catalogue, now),
        blind=blind_spots(site),
    )
    starts = (this, before, shift_of(before - 1, site.shift_starts).began)
    view = meeting_view(found, site.catalogue, starts, now)
    return page(request, site, person, "meeting.html", view=view)


def _judges(site: Site, person: Person) -> bool:
    """Whether this person is shown what is thought of numbers."""
    return site.may(person, "county") and "signal" in site.profiles[person.profile].shows


def _since(text: str, usual: Instant, now: Instant) -> Instant:
    """From when on, as an address states it. Raises `HTTPException` for what is no time to look back to."""
    if not text:
        return usual
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise HTTPException(400, "Write the time as a day and an hour: 2026-01-31T07:00.") from None
    since = to_instant(moment.replace(tzinfo=LONDON) if moment.tzinfo is None else moment)
    if not now - BACK_AT_MOST <= since <= now:
        raise HTTPException(400, f"Choose a time of the last {BACK_AT_MOST // DAY_LENGTH} days.")
    return since
