"""Who is asking: a signed cookie that says who signed in and when, the token its forms carry, and what was seen last.

Nothing in a cookie is secret and everything is signed. Who a person is here and what they may do is looked up at every
request, so whoever is taken out of the table or the mapping can do nothing from then on. A session ends some time after
its last page and some time after it began, whichever comes first, by the clock of this machine.

Signing out is recorded until the session would have ended by itself, and looked up at every request: a copy of the
cookie, made wherever and whenever, opens nothing afterwards.

What somebody wrote about an alert is kept by their browser for an hour, outside the session, until it is known to have
been done: a refusal or the end of a session takes nothing from them. Whoever else signs in there is shown none of it.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Final, cast

import msgspec
from itsdangerous import BadSignature, URLSafeSerializer
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from safety_stream.core.model.times import MINUTE, Instant
from safety_stream.web.acting import Written
from safety_stream.web.policy import Person
from safety_stream.web.sign_in import Known, person_by
from safety_stream.web.site import Site

RENEWED_EVERY: Final = MINUTE
"""How often a session notes that it is still in use: not with each page, or its cookie would be sent with each."""

CLOCKS_DIFFER: Final = MINUTE
"""By how much the clocks of machines that serve these pages may differ, or one of them be put back."""

SENT_KEPT: Final = 10
"""Actions of which a page still tells what became of them."""

SEEN_DAYS: Final = 60
_SEEN: Final = "seen"

WRITTEN_SECONDS: Final = 3_600
"""How long what was written is kept; ours."""

WRITTEN_AT_MOST: Final = 2000
"""How many characters of a rationale are kept: browsers drop a cookie of more than 4 KB, and all that is in it."""

_WRITTEN: Final = "written"


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What was written about an alert, and the action that was sent of it; "" where the session had ended before."""

    alert_id: str
    action_id: str
    written: Written


def sign_in(request: Request, site: Site, who: Person | Known) -> None:
    """A new session, nothing of the old one left: of a person of the list, or of what is known of somebody."""
    sign_out(request, site)
    now = site.wall()
    request.session.update(id=secrets.token_urlsafe(16), began=now, last=now)
    if isinstance(who, Person):
        request.session["person"] = who.id
    else:
        request.session["known"] = msgspec.to_builtins(who)


def sign_out(request: Request, site: Site) -> None:
    """End the session, for every copy of its cookie, and forget who it was."""
    if ends_at(request, site) is not None:
        # However long it is used, it ends by then; and another machine's clock may be behind.
        until = request.session["began"] + site.session_length.whole + CLOCKS_DIFFER
        site.ended_sessions.end(session_of(request), until, site.wall())
    request.session.clear()


def person_of(request: Request, site: Site) -> Person | None:
    """Who signed in; None for nobody, for somebody who may not any more, and when the session has ended."""
    ends = ends_at(request, site)
    if ends is None or not request.session["began"] - CLOCKS_DIFFER <= site.wall() < ends:
        return None
    if site.ended_sessions.has(session_of(request)):
        return None
    if site.sign_in is None:
        return site.by_id.get(str(request.session.get("person", "")))
    try:
        return person_by(site.sign_in, msgspec.convert(request.session.get("known"), Known))
    except msgspec.ValidationError:
        return None


async def asked_by(request: Request, site: Site) -> Person | None:
    """The same, without holding up others while the database is asked."""
    return await run_in_threadpool(person_of, request, site)


def ends_at(request: Request, site: Site) -> Instant | None:
    """When the session ends, unless another page is asked for before; None for no session."""
    began, last = request.session.get("began"), request.session.get("last")
    if not isinstance(began, int) or not isinstance(last, int) or "id" not in request.session:
        return None
    return min(began + site.session_length.whole, last + site.session_length.idle)


def renew(request: Request, site: Site) -> None:
    """Note that a page was asked for."""
    if site.wall() - request.session["last"] >= RENEWED_EVERY:
        request.session["last"] = site.wall()


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


def seen_of(request: Request, site: Site, person: Person, newest: int) -> int:
    """Up to which number of the feed a person has looked; 0 where that is not known.

    A number beyond the `newest` is of a feed that was begun anew since: of this one they have seen nothing.
    """
    try:
        who, audience, seq = _serializer(site, _SEEN).loads(request.cookies.get(_name(site, _SEEN), ""))
    except (BadSignature, ValueError, TypeError):
        return 0
    return int(seq) if (who, audience) == (person.id, person.audience) and int(seq) <= newest else 0


def note_seen(response: Response, site: Site, person: Person, seq: int) -> None:
    """Remember it, longer than a session: a person comes back after days off."""
    _put(response, site, _SEEN, [person.id, person.audience, seq], SEEN_DAYS * 86_400)


def note_written(response: Response, site: Site, who: str, of: Kept) -> None:
    """Keep what somebody wrote about an alert, in place of what was kept before."""
    kept = msgspec.structs.replace(of.written, rationale=of.written.rationale[:WRITTEN_AT_MOST])
    fields = {name: value for name, value in msgspec.structs.asdict(kept).items() if value}
    _put(response, site, _WRITTEN, [who, of.alert_id, of.action_id, fields], WRITTEN_SECONDS)


def written_of(request: Request, site: Site, who: str, alert_id: str) -> Kept | None:
    """What somebody last wrote about an alert, and is not known to have been done; None for nothing."""
    try:
        of, about, action_id, fields = _serializer(site, _WRITTEN).loads(request.cookies.get(_name(site, _WRITTEN), ""))
        kept = Kept(alert_id=about, action_id=action_id, written=msgspec.convert(fields, Written))
    except (BadSignature, ValueError, TypeError):
        return None
    return kept if (of, about) == (who, alert_id) else None


def forget_written(response: Response, site: Site) -> None:
    """Keep it no more."""
    response.delete_cookie(_name(site, _WRITTEN), path="/", secure=site.sign_in is not None, httponly=True)


def who_signed_in(request: Request) -> str:
    """Who it was that signed in, though the session may have ended since; "" where that is not known."""
    known = request.session.get("known")
    return str(request.session.get("person") or (known.get("id", "") if isinstance(known, dict) else ""))


def session_cookie(site: Site) -> str:
    """What the cookie of a session is called."""
    return _name(site, "session")


def _name(site: Site, cookie: str) -> str:
    """A cookie's name. Over TLS it says that no other host and no page without TLS can have set it."""
    return cookie if site.sign_in is None else f"__Host-{cookie}"


def _put(response: Response, site: Site, cookie: str, value: object, seconds: int) -> None:
    response.set_cookie(
        _name(site, cookie),
        _serializer(site, cookie).dumps(value),
        max_age=seconds,
        httponly=True,
        samesite="lax",
        path="/",
        secure=site.sign_in is not None,
    )


def _serializer(site: Site, cookie: str) -> URLSafeSerializer:
    return URLSafeSerializer(site.secret, salt=cookie)
