"""What an audience was told that is no longer true, and its answer: that its own copy has been put right.

The answer may be a person's who has signed in, or a program's that reads the feed. Both answer for their own audience,
and for what they can see of it, alone.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from typing import Final

import msgspec
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from safety_stream.core.putting_right import Notice
from safety_stream.web.filters import number_of
from safety_stream.web.pages.page import page
from safety_stream.web.policy import Person, Viewer
from safety_stream.web.recording import actor_of, entry_of, put_on_record
from safety_stream.web.site import NotSent, Site
from safety_stream.web.views.notices import notices_view

ANSWERED_AT_ONCE: Final = 200
"""Notices of one answer: a page shows no more."""

_ANSWERS: Final = uuid.UUID("6d0f4f6e-5f0b-5c0e-9a3e-2f1a7c9b4d10")
"""Among what the ids of answers are made."""


def notices(site: Site, request: Request, person: Person) -> Response:
    """The open notices of the person's audience."""
    return _page(site, request, person)


def notices_json(site: Site, request: Request, viewer: Viewer) -> Response:
    """The same for programs."""
    del request
    found = open_notices(site, viewer)
    told = {"audience": viewer.audience, "notices": [_told(one) for one in found]}
    return Response(msgspec.json.encode(told), media_type="application/json")


def acknowledge(site: Site, request: Request, person: Person, form: FormData) -> Response:
    """Say that what was ticked has been put right at home."""
    ticked = _numbers(form)
    if not ticked:
        request.session["said"] = "Nothing was ticked."
        return RedirectResponse("/notices", status_code=303)
    done, why_not = answer(site, person, ticked)
    if why_not:
        return _page(site, request, person, mistake=f"Not all of them were put on record: {why_not}", status=503)
    request.session["said"] = f"{_how_many(len(done))} on record as answered, and gone from here in a moment."
    return RedirectResponse("/notices", status_code=303)


def acknowledge_by_program(site: Site, request: Request, viewer: Viewer, form: FormData) -> Response:
    """The same for a program: `number`, once for each."""
    del request
    done, why_not = answer(site, viewer, _numbers(form))
    said = {"acknowledged": done} | ({"why": why_not} if why_not else {})
    return Response(msgspec.json.encode(said), 503 if why_not else 200, media_type="application/json")


def open_notices(site: Site, viewer: Viewer) -> list[Notice]:
    """The notices of somebody's audience that are open and of an area they see, the oldest first."""
    found = [one for one in site.owed.notices(viewer.audience) if not one.acknowledged_by]
    if site.areas_of(viewer) is None:
        return found
    told = site.read_model.told(viewer.audience, [one.seq for one in found])
    seen = {alert.seq for alert in site.seen_by(viewer, told)}
    return [one for one in found if one.seq in seen]


def answer(site: Site, viewer: Viewer, numbers: Collection[int]) -> tuple[list[int], str]:
    """Put on record that these were put right, as far as they are the viewer's own and open.

    The numbers that are on record now, and why the others are not (empty: all are). Said twice before the copy knows of
    it, it is one entry.
    """
    done: list[int] = []
    for one in open_notices(site, viewer):
        if one.seq in numbers:
            actor = actor_of(viewer.id)
            same = f"{viewer.audience}/{one.seq}/{one.opened_at}/{actor}"
            said = {"audience": viewer.audience, "seq": one.seq, "alert_id": one.alert_id}
            entry_id = str(uuid.uuid5(_ANSWERS, same))
            try:
                put_on_record(site, entry_of(site, "acknowledgement", actor, entry_id=entry_id, **said))
            except NotSent as error:
                return done, str(error)
            if one.seq not in done:
                done.append(one.seq)
    return done, ""


def _page(site: Site, request: Request, person: Person, *, mistake: str = "", status: int = 200) -> Response:
    view = notices_view(open_notices(site, person), site.catalogue, site.now(), ANSWERED_AT_ONCE)
    can_answer = site.enter is not None
    response = page(request, site, person, "notices.html", view=view, can_answer=can_answer, mistake=mistake)
    response.status_code = status
    return response


def _numbers(form: FormData) -> frozenset[int]:
    said: Iterable[object] = form.getlist("number")[:ANSWERED_AT_ONCE]
    found = (number_of(str(one)) for one in said)
    return frozenset(number for number in found if number is not None)


def _told(notice: Notice) -> dict[str, object]:
    return {
        "number": notice.seq,
        "alert_id": notice.alert_id,
        "version": notice.version,
        "change": notice.change,
        "why": notice.why,
        "told_at": notice.told_at,
        "opened_at": notice.opened_at,
    }


def _how_many(count: int) -> str:
    return "1 notice is" if count == 1 else f"{count} notices are"
