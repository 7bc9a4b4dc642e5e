"""The handover: the sheet of a shift, and who signed it.

Whoever hands over signs the sheet, which is noted on the alerts it shows; whoever takes over signs it after them, with
their own sign-in. Both are deeds, which nothing changes.
"""

from __future__ import annotations

import uuid
from typing import Final

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from safety_stream.readmodel.people import Deed, Stage, What
from safety_stream.web import words
from safety_stream.web.acting import action_of
from safety_stream.web.filters import Filter
from safety_stream.web.pages.acting import send_on
from safety_stream.web.pages.alerts import audience_title, blind_spots, seen_alert, some_alerts, taken_back
from safety_stream.web.pages.page import page
from safety_stream.web.policy import Person
from safety_stream.web.site import NotSent, Site
from safety_stream.web.views.handover import (
    WORKED_ON,
    HandoverView,
    Lists,
    Signature,
    handover_view,
    shift_of,
    signatures,
)
from safety_stream.web.views.health import silent_feeds

_READ_ONLY: Final = "Nothing can be signed here: start these pages with a connection to Kafka."


def handover(site: Site, request: Request, person: Person) -> Response:
    """What the next shift has to know, and who has signed."""
    return page(
        request,
        site,
        person,
        "handover.html",
        view=_sheet(site, person),
        signed=_signed(site, person),
        can_act=site.send is not None,
        to_meeting=site.may(person, "meeting"),
    )


def _sheet(site: Site, person: Person) -> HandoverView:
    shift = shift_of(site.now(), site.shift_starts)
    every = Filter()
    lists = Lists(
        urgent=some_alerts(site, person, Filter(priorities=("P1", "P2"))),
        late=some_alerts(site, person, every, due_before=shift.ends),
        snoozed=some_alerts(site, person, Filter(states=("snoozed",)), due_before=shift.ends),
        new=some_alerts(site, person, every, told_since=shift.began, change="raised"),
        worked=some_alerts(site, person, Filter(states=WORKED_ON), told_since=shift.began),
        withdrawn=taken_back(site, person, shift.began),
        blind=blind_spots(site),
        silent_feeds=silent_feeds(site.read_model.feeds(), site.catalogue, site.now()),
    )
    return handover_view(lists, audience_title(site, person), site.catalogue, shift, site.now())


def _signed(site: Site, person: Person) -> tuple[Signature, ...]:
    """The sheets handed over since the shift before this one began, for those who see what this person sees."""
    this = shift_of(site.now(), site.shift_starts).began
    since = shift_of(this - 1, site.shift_starts).began
    return signatures(site.deeds.done_since(("hand-over", "take-over"), _desk(person), since), person.id)


def _desk(person: Person) -> str:
    """What the deeds of those begin with who see the same alerts: they hand over to one another."""
    return f"{'+'.join((person.audience, *sorted(person.areas)))}/"


def sign_off(site: Site, request: Request, person: Person, form: FormData) -> Response:
    """Note on every alert that was on the sheet that it was handed over, and by whom to whom.

    The form says which they were: what has come since was on no sheet, and what has changed since was read as it was.
    """
    back = RedirectResponse("/handover", status_code=303)
    takes_over = " ".join(str(form.get("takes_over", "")).split())[:60]
    if not takes_over:
        request.session["said"] = "Say who takes over, by number."
        return back
    if site.send is None:
        raise HTTPException(503, _READ_ONLY)
    sheet = f"{_desk(person)}{uuid.uuid4()}"
    _note(site, person, "hand-over", sheet, "asked", takes_over)
    noted = 0
    for on_sheet in form.getlist("alert"):
        alert_id, _, version = str(on_sheet).partition(":")
        if seen_alert(site, person, alert_id) is None:
            continue
        said = f"Handed over by {person.id} to {takes_over}."
        fields = {"action": "note", "rationale": said, "seen": version}
        try:
            send_on(site, request, action_of(fields, alert_id, person, site.acts_as(person), site.now()))
        except NotSent as error:
            _note(site, person, "hand-over", sheet, "failed", str(error))
            request.session["said"] = f"Not signed, and noted on {words.count_of(noted, 'alert')} alone: {error}"
            return back
        noted += 1
    _note(site, person, "hand-over", sheet, "done", takes_over)
    request.session["said"] = f"Signed: noted on {words.count_of(noted, 'alert')}. Whoever takes over signs after you."
    return back


def take_over(site: Site, request: Request, person: Person, form: FormData) -> Response:
    """Sign for having taken over a sheet that somebody else has handed over."""
    if site.send is None:
        raise HTTPException(503, _READ_ONLY)
    sheet = next((one for one in _signed(site, person) if one.id == form.get("sheet")), None)
    if sheet is None:
        request.session["said"] = "Nobody has handed over this sheet to you."
    elif sheet.taken:
        request.session["said"] = f"{sheet.taken}, already."
    elif not sheet.can_take:
        request.session["said"] = "You have handed it over yourself: whoever takes over signs, with their own sign-in."
    else:
        _note(site, person, "take-over", sheet.id, "done", "")
        request.session["said"] = "Signed: you have taken over."
    return RedirectResponse("/handover", status_code=303)


def _note(site: Site, person: Person, what: What, sheet: str, outcome: Stage, said: str) -> None:
    deed = Deed(at=site.wall(), person=person.id, role=person.role, what=what, of=sheet, outcome=outcome, said=said)
    site.deeds.note(deed)
