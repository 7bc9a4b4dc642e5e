"""The handover: the sheet of a shift, and who signed it."""

from __future__ import annotations

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from safety_stream.web import words
from safety_stream.web.acting import action_of
from safety_stream.web.filters import Filter
from safety_stream.web.pages.acting import send_on
from safety_stream.web.pages.alerts import audience_title, blind_spots, every_alert, seen_alert, taken_back
from safety_stream.web.pages.page import page
from safety_stream.web.policy import Person, may
from safety_stream.web.site import Site
from safety_stream.web.views.handover import HandoverView, Lists, handover_view, shift_of
from safety_stream.web.views.health import silent_feeds


def handover(site: Site, request: Request, person: Person) -> Response:
    """What the next shift has to know."""
    view = _sheet(site, person)
    can_act, to_meeting = site.send is not None, may(person, "meeting")
    return page(request, site, person, "handover.html", view=view, can_act=can_act, to_meeting=to_meeting)


def _sheet(site: Site, person: Person) -> HandoverView:
    shift = shift_of(site.now(), site.shift_starts)

    waiting = every_alert(site, person, Filter())
    lists = Lists(
        urgent=[alert for alert in waiting if alert.priority in ("P1", "P2")],
        waiting=waiting,
        # Whose snooze ends soon says no order of the inbox: it may be the last of the least urgent.
        snoozed=every_alert(site, person, Filter(states=("snoozed",))),
        withdrawn=taken_back(site, person, shift.began),
        blind=blind_spots(site),
        silent_feeds=silent_feeds(site.read_model.feeds(), site.catalogue, site.now()),
    )
    return handover_view(lists, audience_title(site, person), site.catalogue, shift, site.now())


def sign_off(site: Site, request: Request, person: Person, form: FormData) -> Response:
    """Note on every alert that was on the sheet that it was handed over, and by whom to whom.

    The form says which they were: what has come since was on no sheet, and what has changed since was read as it was.
    """
    takes_over = str(form.get("takes_over", "")).strip()[:60]
    if not takes_over:
        request.session["said"] = "Say who takes over, by number."
        return RedirectResponse("/handover", status_code=303)
    noted = 0
    for on_sheet in form.getlist("alert"):
        alert_id, _, version = str(on_sheet).partition(":")
        if seen_alert(site, person, alert_id) is None:
            continue
        said = f"Handed over by {person.id} to {takes_over}."
        fields = {"action": "note", "rationale": said, "seen": version}
        send_on(site, request, action_of(fields, alert_id, person, site.now()))
        noted += 1
    request.session["said"] = f"Signed: noted on {words.count_of(noted, 'alert')}."
    return RedirectResponse("/handover", status_code=303)
