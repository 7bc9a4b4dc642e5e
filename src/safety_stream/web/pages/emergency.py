"""Opening an alert in an emergency that is not for whoever opens it, and the review somebody else owes for it.

Theory of operation
-------------------
    form ──▶ is it barred? ──▶ on record with the broker ──▶ on record here ──▶ shown, until the time is over
                  │                      │
                  └ refused              └ Kafka has not taken it: nothing is shown

The record with the broker is a consultation in the chain of `audit.entries`; whoever answers for the data is told from
there (`deliver`), so no alert is opened that they do not hear of. The record here is what the view goes by: it is of
one session and one alert, and each page of it is recorded like any other look. What is barred is looked at again with
every page, because an alert may come to be barred meanwhile.

That whoever asked for what is barred did so is on record here. That somebody is a party to a matter is what they must
not learn from us, nor from which other reason it is. So who asks for what is barred to them for that, or for its
handling code, is told what is said of a reference that there is not.
"""

from __future__ import annotations

from typing import Final

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from safety_stream.core.audit import subject_of
from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.oversight import Bar, BreakGlass, barred, parties_told
from safety_stream.readmodel.people import Act, Consultation
from safety_stream.web.filters import number_of
from safety_stream.web.pages.alerts import blind_spots
from safety_stream.web.pages.page import page
from safety_stream.web.policy import Person
from safety_stream.web.recording import actor_of, entry_of, put_on_record
from safety_stream.web.sessions import CLOCKS_DIFFER, session_of
from safety_stream.web.site import NotSent, Site
from safety_stream.web.views.alert import AboutAlert, alert_view
from safety_stream.web.views.emergency import glass_view, reviews_view

LEAST_LETTERS: Final = 8
"""So much of an alert's id is read out over a telephone."""
LONGEST: Final = 100

_NEVER_TOLD: Final[frozenset[Bar | None]] = frozenset({"party-to-the-matter", "handling-code-c"})
"""Why something is not opened, of which nothing is said."""

NOT_OPEN: Final = "This alert is not open to you, or not any more. Open it again if the emergency goes on."


def ask(site: Site, request: Request, person: Person) -> Response:
    """The form."""
    return _form(site, request, person)


def open_alert(site: Site, request: Request, person: Person, form: FormData) -> Response:
    """Put on record that somebody opens an alert in an emergency, and show it."""
    glass = site.catalogue.oversight.break_glass
    reference, reason = str(form.get("alert", "")).strip()[:LONGEST], str(form.get("reason", ""))
    if reason not in glass.reasons:
        return _form(site, request, person, reference, "Choose what the emergency is.", 400)
    found = _meant(site, glass, reference)
    bar = None if found is None else _bar_of(site, person, found)
    if found is not None and bar is not None:
        _note(site, request, person, found, "refused", reason)
        found = None if bar in _NEVER_TOLD else found
    if found is None:
        said = (
            f"No one alert of this reference can be opened: give its first {LEAST_LETTERS} letters, or all of them. If "
            "you did, ask the office that answers for the data."
        )
        return _form(site, request, person, reference, said, 400)
    _refuse_if_barred(site, person, found)
    now = site.wall()
    parties = sorted(parties_told(found))
    entry = entry_of(
        site,
        "break-glass",
        actor_of(person.id),
        alert_id=found.alert_id,
        audience=glass.shown_as,
        reason=reason,
        until=now + glass.holds,
        subject=subject_of(parties[0]) if len(parties) == 1 else None,
    )
    try:
        put_on_record(site, entry)
    except NotSent as error:
        return _form(site, request, person, reference, f"Nothing is shown, as it is not on record: {error}", 503)
    _note(site, request, person, found, "break-glass", reason)
    return RedirectResponse(f"/break-glass/{found.alert_id}", status_code=303)


def opened(site: Site, request: Request, person: Person) -> Response:
    """An alert that was opened, as long as that holds."""
    glass = site.catalogue.oversight.break_glass
    alert_id = request.path_params["alert_id"]
    given = site.consultations.given(session_of(request), alert_id, "break-glass")
    if given is None or given.person != person.id or not -CLOCKS_DIFFER <= site.wall() - given.at < glass.holds:
        raise HTTPException(403, NOT_OPEN)
    found = site.read_model.alert(glass.shown_as, alert_id)
    if found is None:
        raise HTTPException(404, "There is no such alert any more.")
    _refuse_if_barred(site, person, found)
    _note(site, request, person, found, "view", given.reason)
    about = AboutAlert(
        alert=found,
        versions=[found],
        explanation=site.explanation(found.rule_id) if found.rule_id else None,
        fired_here=None,
        answers=[],
        acts_as="",
        breach=None,
    )
    view = alert_view(about, site.catalogue, site.now())
    return page(request, site, person, "alert.html", view=view, mistake="", blind=blind_spots(site))


def reviews(site: Site, request: Request, person: Person) -> Response:
    """What was opened in an emergency, what waits for its review first."""
    return _reviews(site, request, person)


def review(site: Site, request: Request, person: Person, form: FormData) -> Response:
    """Put on record what came of a review."""
    glass = site.catalogue.oversight.break_glass
    number, outcome = number_of(str(form.get("number", ""))), str(form.get("outcome", ""))
    used = next((one for one in site.owed.uses() if one.seq == number), None)
    if used is None or outcome not in glass.outcomes:
        return _reviews(site, request, person, "Choose what came of it.", 400)
    if used.reviewed_at is not None:
        request.session["said"] = "Somebody has reviewed it already."
        return RedirectResponse("/reviews", status_code=303)
    actor = actor_of(person.id)
    if actor == used.actor:
        return _reviews(site, request, person, "You opened it yourself: somebody else reviews it.", 403)
    try:
        put_on_record(site, entry_of(site, "review", actor, seq=used.seq, alert_id=used.alert_id, reason=outcome))
    except NotSent as error:
        return _reviews(site, request, person, f"It is not on record: {error}", 503)
    request.session["said"] = f"The review of number {used.seq} is sent, and shown here once it is on record."
    return RedirectResponse("/reviews", status_code=303)


def _meant(site: Site, glass: BreakGlass, reference: str) -> PublishedAlert | None:
    if len(reference) < LEAST_LETTERS:
        return None
    found = site.read_model.beginning(glass.shown_as, reference.lower())
    return found[0] if len(found) == 1 else None


def _bar_of(site: Site, person: Person, alert: PublishedAlert) -> Bar | None:
    return barred(alert, person.audience, site.catalogue.sharing)


def _refuse_if_barred(site: Site, person: Person, alert: PublishedAlert) -> None:
    """Raises `HTTPException` for what no emergency opens, and says why if that may be said."""
    bar = _bar_of(site, person, alert)
    if bar in _NEVER_TOLD:
        raise HTTPException(403, NOT_OPEN)
    if bar is not None:
        because = site.catalogue.oversight.break_glass.never.get(bar, bar)
        raise HTTPException(403, f"No emergency opens this alert: {because}.")


def _note(site: Site, request: Request, person: Person, alert: PublishedAlert, act: Act, reason: str) -> None:
    site.consultations.note(
        Consultation(
            at=site.wall(),
            act=act,
            person=person.id,
            role=person.role,
            audience=alert.audience,
            alert_id=alert.alert_id,
            seq=alert.seq,
            reason=reason,
            session=session_of(request),
        )
    )


def _form(
    site: Site, request: Request, person: Person, reference: str = "", mistake: str = "", status: int = 200
) -> Response:
    view = glass_view(site.catalogue.oversight, reference)
    response = page(request, site, person, "break_glass.html", view=view, mistake=mistake)
    response.status_code = status
    return response


def _reviews(site: Site, request: Request, person: Person, mistake: str = "", status: int = 200) -> Response:
    can_review = site.enter is not None and site.may(person, "review")
    view = reviews_view(site.owed.uses(), site.catalogue.oversight, site.now())
    response = page(request, site, person, "reviews.html", view=view, can_review=can_review, mistake=mistake)
    response.status_code = status
    return response
