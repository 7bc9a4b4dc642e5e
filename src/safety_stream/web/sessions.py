"""Who is asking: a signed cookie that says who signed in, the token its forms carry, and what was seen last.

Nothing in a cookie is secret and everything is signed. What a person may do is looked up in the table at every request,
so whoever is taken out of it can do nothing from then on.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Final, cast

from itsdangerous import BadSignature, URLSafeSerializer
from starlette.requests import Request
from starlette.responses import Response

from safety_stream.web.policy import Person
from safety_stream.web.site import Site

HOURS: Final = 13
"""How long somebody stays signed in: a shift and its handover."""

SENT_KEPT: Final = 10
"""Actions of which a page still tells what became of them."""

SEEN_DAYS: Final = 60
_SEEN: Final = "seen"


def sign_in(request: Request, person: Person) -> None:
    """A new session, nothing of the old one left."""
    request.session.clear()
    request.session["id"] = secrets.token_urlsafe(16)
    request.session["person"] = person.id


def sign_out(request: Request) -> None:
    """Forget who it was."""
    request.session.clear()


def person_of(request: Request, site: Site) -> Person | None:
    """Who signed in; None for nobody, and for somebody who may not any more."""
    return site.by_id.get(str(request.session.get("person", "")))


def session_of(request: Request) -> str:
    """What this session is called where it is recorded; it opens nothing."""
    return str(request.session["id"])


def token_of(request: Request) -> str:
    """What this session's forms carry, so that no other page can send them."""
    if "csrf" not in request.session:
        request.session["csrf"] = secrets.token_urlsafe(32)
    return str(request.session["csrf"])


def is_ours(request: Request, token: object) -> bool:
    """Whether a form came from a page of this session."""
    return hmac.compare_digest(token_of(request).encode(), str(token or "").encode())


def note_sent(request: Request, action_id: str, alert_id: str, words: str) -> None:
    """Remember an action, so that its answer is shown."""
    sent = [*request.session.get("sent", []), [action_id, alert_id, words]]
    request.session["sent"] = sent[-SENT_KEPT:]


def sent_of(request: Request, alert_id: str) -> list[tuple[str, str]]:
    """The last actions this session sent about an alert: their ids and what they were."""
    sent = cast(list[list[str]], request.session.get("sent", []))
    return [(action_id, words) for action_id, of, words in sent if of == alert_id]


def seen_of(request: Request, site: Site, person: Person) -> int:
    """Up to which number of the feed a person has looked; 0 where that is not known."""
    try:
        who, audience, seq = _serializer(site).loads(request.cookies.get(_SEEN, ""))
    except (BadSignature, ValueError, TypeError):
        return 0
    return int(seq) if (who, audience) == (person.id, person.audience) else 0


def note_seen(response: Response, site: Site, person: Person, seq: int) -> None:
    """Remember it, longer than a session: a person comes back after days off."""
    value = _serializer(site).dumps([person.id, person.audience, seq])
    response.set_cookie(_SEEN, value, max_age=SEEN_DAYS * 86_400, httponly=True, samesite="lax", path="/")


def _serializer(site: Site) -> URLSafeSerializer:
    return URLSafeSerializer(site.secret, salt=_SEEN)
