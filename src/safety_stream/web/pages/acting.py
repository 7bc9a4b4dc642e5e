"""What people do about alerts: actions are handed on, and what became of each is told, a refusal with its reason."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlencode

import msgspec
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from safety_stream.core.model.handling import AlertAction
from safety_stream.web import words
from safety_stream.web.acting import Unfinished, action_of, check, written_in
from safety_stream.web.pages.alerts import NO_SUCH_ALERT, Mistake, alert_page, seen_alert
from safety_stream.web.pages.page import page
from safety_stream.web.policy import Person
from safety_stream.web.sessions import Kept, note_sent, note_written
from safety_stream.web.site import NotSent, Site
from safety_stream.web.views.acknowledged import Asked, acknowledged_view
from safety_stream.web.views.inbox import PAGE

LONGEST: Final = 100
"""Characters of an alert's id that anybody can mean."""


def act(site: Site, request: Request, person: Person, form: FormData) -> Response:
    """Send what somebody wants to do about an alert; what they wrote is kept until it is known to have been done."""
    alert_id, written = request.path_params["alert_id"], written_in(form)
    found = seen_alert(site, person, alert_id)
    if found is None:
        raise HTTPException(404, NO_SUCH_ALERT)
    try:
        action = action_of(form, alert_id, person, site.acts_as(person), site.now())
        check(action, found.priority, site.catalogue.handling)
    except Unfinished as error:
        mistake = Mistake(error.field, str(error))
        return alert_page(site, request, person, mistake=mistake, status=400, written=written)
    try:
        send_on(site, request, action)
    except NotSent as error:
        mistake = Mistake("action", f"It was not sent: {error}")
        return alert_page(site, request, person, mistake=mistake, status=503, written=written)
    site.answers.wait_for([action.action_id])
    response = RedirectResponse(f"/alerts/{alert_id}", status_code=303)
    note_written(response, site, person.id, Kept(alert_id=alert_id, action_id=action.action_id, written=written))
    return response


def send_on(site: Site, request: Request, action: AlertAction) -> None:
    """Hand an action on to whoever decides about it. Raises `NotSent`."""
    if site.send is None:
        raise HTTPException(503, "Actions cannot be sent from here: start these pages with a connection to Kafka.")
    site.send(action)
    note_sent(request, action.action_id, action.alert_id, words.ACTIONS[action.action])


def acknowledge_many(site: Site, request: Request, person: Person, form: FormData) -> Response:
    """Acknowledge every alert that was ticked; each value is an alert's id and the version that was seen.

    What became of each is told by the page that follows, by what its address says: which alerts, and of which sending.
    """
    ticked = [str(one).partition(":") for one in form.getlist("alert")[:PAGE]]
    if not ticked:
        request.session["said"] = "Nothing was ticked."
        return RedirectResponse("/inbox", status_code=303)
    sending, asked, sent = uuid.uuid4(), [alert_id[:LONGEST] for alert_id, _, _ in ticked], list[str]()
    for alert_id, _, version in ticked:
        if seen_alert(site, person, alert_id) is None:
            continue
        action = action_of(
            {"action": "acknowledge", "seen": version}, alert_id, person, site.acts_as(person), site.now()
        )
        action = msgspec.structs.replace(action, action_id=_action_id(sending, alert_id))
        try:
            send_on(site, request, action)
        except NotSent as error:
            said = f"Not all of them were sent: {error}"
            return _acknowledged(site, request, person, sending, asked, not_sent_from=alert_id, mistake=said)
        sent.append(action.action_id)
    site.answers.wait_for(sent)
    return RedirectResponse(_where(sending, asked), status_code=303)


def acknowledged(site: Site, request: Request, person: Person) -> Response:
    """What became of acknowledgements that were sent together."""
    try:
        sending = uuid.UUID(request.query_params.get("of", ""))
    except ValueError:
        raise HTTPException(400, "This address names no sending: acknowledge from the inbox.") from None
    asked = [one[:LONGEST] for one in request.query_params.getlist("alert")[:PAGE]]
    return _acknowledged(site, request, person, sending, asked)


def _acknowledged(
    site: Site,
    request: Request,
    person: Person,
    sending: uuid.UUID,
    asked: list[str],
    *,
    not_sent_from: str = "",
    mistake: str = "",
) -> Response:
    """The page; from the alert on of which that is said, none was sent."""

    def each() -> Iterator[Asked]:
        is_sent = True
        for alert_id in asked:
            is_sent = is_sent and alert_id != not_sent_from
            answer = site.answers.to(_action_id(sending, alert_id)) if is_sent else None
            yield Asked(alert_id=alert_id, alert=seen_alert(site, person, alert_id), answer=answer, is_sent=is_sent)

    view = acknowledged_view(list(each()), _where(sending, asked), site.catalogue)
    response = page(request, site, person, "acknowledged.html", view=view, mistake=mistake)
    response.status_code = 503 if mistake else 200
    return response


def _where(sending: uuid.UUID, asked: list[str]) -> str:
    """The address that tells what became of it."""
    return f"/inbox/acknowledged?{urlencode({'of': str(sending), 'alert': asked}, doseq=True)}"


def _action_id(sending: uuid.UUID, alert_id: str) -> str:
    """The same for the same alert of the same sending, so that its answer is found by both."""
    return str(uuid.uuid5(sending, alert_id))
