"""The one door to every page: who is it, may they, was the form ours. What is not asked for here cannot be had."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import quote, unquote_plus

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from safety_stream.web.acting import written_in
from safety_stream.web.policy import Page, Person, Viewer
from safety_stream.web.sessions import Kept, asked_by, is_ours, note_written, renew, who_signed_in
from safety_stream.web.site import Site

Show = Callable[[Site, Request, Person], Response]
"""Answers a request to see a page, from somebody who may."""

Take = Callable[[Site, Request, Person, FormData], Response]
"""Answers a form somebody sent who may, from a page of ours."""

Tell = Callable[[Site, Request, Viewer], Response]
"""Answers a request to read on, from a person or a program that may."""

Answer = Callable[[Site, Request, Viewer, FormData], Response]
"""Answers what a program sent that may."""

Endpoint = Callable[[Request], Awaitable[Response]]

_BEARER: Final = "bearer "
_NO_KEY: Final = "This key lets nobody in: it is unknown, its last day is over, or no program may read here.\n"

FORM_FIELDS_MOST: Final = 1_000

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]").search
"""What nobody types and some databases cannot hold. What stands between words and lines is none of it."""

_NOT_TYPED: Final = "This holds a character that nobody types: leave it out.\n"

HEADERS: Final = (
    (
        b"content-security-policy",
        b"default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)

TLS_ALONE: Final = (b"strict-transport-security", b"max-age=31536000")


def shown(site: Site, page: Page, show: Show) -> Endpoint:
    """An endpoint that shows a page to whoever may see it."""

    async def endpoint(request: Request) -> Response:
        person = await asked_by(request, site)
        if person is None:
            return to_sign_in(request)
        _refuse_unless(site, person, page)
        renew(request, site)
        return await run_in_threadpool(show, site, request, person)

    return endpoint


def told(site: Site, page: Page, tell: Tell) -> Endpoint:
    """An endpoint for a program that shows its key as `Authorization: Bearer`, and for whoever may see the page."""
    to_people = shown(site, page, tell)

    async def endpoint(request: Request) -> Response:
        key = key_of(request)
        if key is None:
            return await to_people(request)
        program = program_by(site, key)
        return refused_key() if program is None else await run_in_threadpool(tell, site, request, program)

    return endpoint


def answered(site: Site, take: Answer) -> Endpoint:
    """An endpoint that takes what a program sends that shows its key. No cookie does, so nobody is made to."""

    async def endpoint(request: Request) -> Response:
        key = key_of(request)
        program = None if key is None else program_by(site, key)
        if program is None:
            return refused_key()
        form = await request.form(max_files=0, max_fields=FORM_FIELDS_MOST)
        return await run_in_threadpool(take, site, request, program, form)

    return endpoint


def key_of(request: Request) -> str | None:
    """The key a request shows; None where it shows none, and is somebody's who has signed in or nobody's."""
    given = request.headers.get("authorization", "")
    return given[len(_BEARER) :].strip() if given.lower().startswith(_BEARER) else None


def program_by(site: Site, key: str) -> Viewer | None:
    """Which program a key lets in now; None for none."""
    return None if site.programs is None else site.programs().by_key(key, site.wall())


def refused_key() -> Response:
    """What a key is answered that lets nobody in."""
    return Response(_NO_KEY, 401, {"www-authenticate": "Bearer"}, "text/plain")


def taken(site: Site, page: Page, take: Take) -> Endpoint:
    """An endpoint that takes a form from whoever may send it."""

    async def endpoint(request: Request) -> Response:
        person = await asked_by(request, site)
        if person is None:
            return await _kept_for_later(site, request)
        _refuse_unless(site, person, page)
        renew(request, site)
        form = await form_of(request)
        return await run_in_threadpool(take, site, request, person, form)

    return endpoint


async def form_of(request: Request) -> FormData:
    """The form of a request, which a page of the same session made. Raises `HTTPException`."""
    form = await request.form(max_files=0, max_fields=FORM_FIELDS_MOST)
    if any(isinstance(value, str) and _CONTROL(name + value) for name, value in form.multi_items()):
        raise HTTPException(400, _NOT_TYPED.strip())
    if not is_ours(request, form.get("csrf")):
        raise HTTPException(
            403, "This form is not from a page of your session: go back, load the page again, and send it."
        )
    return form


def to_sign_in(request: Request) -> Response:
    """To the sign-in, and back here after it."""
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    back = f"?next={quote(here)}" if request.method == "GET" else ""
    return RedirectResponse(f"/sign-in{back}", status_code=303)


async def _kept_for_later(site: Site, request: Request) -> Response:
    """To the sign-in. What somebody wrote about an alert, whose session ended meanwhile, waits there for them."""
    who, alert_id = who_signed_in(request), str(request.path_params.get("alert_id", ""))
    if not who or not alert_id:
        return to_sign_in(request)
    form = await form_of(request)
    response = RedirectResponse(f"/sign-in?next={quote(f'/alerts/{quote(alert_id)}')}", status_code=303)
    if "action" in form:
        note_written(response, site, who, Kept(alert_id=alert_id, action_id="", written=written_in(form)))
    return response


def _refuse_unless(site: Site, person: Person, page: Page) -> None:
    if not site.may(person, page):
        raise HTTPException(403, "Your role may not see this page. Whoever runs this service can say who may.")


class Typed:
    """Refuses addresses with characters that nobody types, before anything is looked up by them."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        asked = str(scope.get("path", "")) + unquote_plus(scope.get("query_string", b"").decode("latin-1"))
        refused = scope["type"] == "http" and _CONTROL(asked) is not None
        app = Response(_NOT_TYPED, 400, media_type="text/plain") if refused else self._app
        await app(scope, receive, send)


class Headers:
    """Puts on every response what a browser must not do with it; what is behind the door is kept nowhere."""

    def __init__(self, app: ASGIApp, *, over_tls: bool) -> None:
        """Wrap an application. `over_tls`: browsers are told never to ask for it without."""
        self._app = app
        self._all = (*HEADERS, TLS_ALONE) if over_tls else HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        is_static = str(scope.get("path", "")).startswith("/static/")

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                further = [*self._all] if is_static else [*self._all, (b"cache-control", b"no-store")]
                names = {name for name, _ in further}
                kept = [(name, value) for name, value in message["headers"] if name.lower() not in names]
                message["headers"] = [*kept, *further]
            await send(message)

        await self._app(scope, receive, with_headers)
