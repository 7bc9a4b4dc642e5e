"""Looking at an alert about a person: nobody does without a reason, and every look is recorded before it is had.

What lists show of such an alert (what happened, where, by when) asks for no reason: without it nobody would know what
to look at. Whom it is about and which reports it rests on is on its own page alone.
"""

from __future__ import annotations

from starlette.requests import Request

from safety_stream.core.model.published import PublishedAlert
from safety_stream.readmodel.people import Act, Consultation
from safety_stream.web.policy import Person
from safety_stream.web.sessions import CLOCKS_DIFFER, session_of
from safety_stream.web.site import Site


def may_be_shown(site: Site, request: Request, person: Person, alert: PublishedAlert) -> bool:
    """Whether an alert's page may be shown now. If it may, that it is shown has been recorded."""
    if not site.consulting.is_about_a_person(alert):
        return True
    given = site.consultations.given(session_of(request), alert.alert_id)
    if given is None or given.reason not in site.consulting.reasons:
        return False
    if not -CLOCKS_DIFFER <= site.wall() - given.at < site.consulting.holds:
        return False
    _note(site, request, person, alert, "view", given.reason)
    return True


def note_reason(site: Site, request: Request, person: Person, alert: PublishedAlert, reason: str) -> None:
    """Record why somebody looks at an alert; it holds from now on."""
    _note(site, request, person, alert, "reason", reason)


def _note(site: Site, request: Request, person: Person, alert: PublishedAlert, act: Act, reason: str) -> None:
    site.consultations.note(
        Consultation(
            at=site.wall(),
            act=act,
            person=person.id,
            role=person.role,
            audience=person.audience,
            alert_id=alert.alert_id,
            seq=alert.seq,
            reason=reason,
            session=session_of(request),
        )
    )
