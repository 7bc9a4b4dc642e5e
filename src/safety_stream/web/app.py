"""The application: every address, the page behind it, and who may ask for it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import quote

import httpx
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from safety_stream.data_files import web_styles
from safety_stream.web.filters import number_of
from safety_stream.web.guarding import (
    Answer,
    Endpoint,
    Headers,
    Show,
    Take,
    Tell,
    Typed,
    answered,
    form_of,
    key_of,
    program_by,
    refused_key,
    shown,
    taken,
    to_sign_in,
    told,
)
from safety_stream.web.live import Stream, Tide, events, while_it_may, while_signed_in
from safety_stream.web.pages import (
    about,
    acting,
    alerts,
    consultations,
    emergency,
    feed,
    handover,
    meeting,
    notices,
    numbers,
    quality,
    subscriptions,
)
from safety_stream.web.pages.page import page as page_of
from safety_stream.web.pages.page import start as first_page
from safety_stream.web.policy import Page, Viewer
from safety_stream.web.provider import BACK, NotBelieved, Provider, ProviderDown
from safety_stream.web.sessions import (
    asked_by,
    ends_at,
    forget_written,
    session_cookie,
    session_of,
    sign_in,
    sign_out,
    token_of,
)
from safety_stream.web.sign_in import SignInSettings, known_of, person_by
from safety_stream.web.site import Site
from safety_stream.web.views.people import people_view

_log = logging.getLogger(__name__)

T = TypeVar("T")

LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
"""Where the development sign-in may be served: to this machine alone."""

_STATIC: Final = Path(__file__).parent / "static"

READ: Final[tuple[tuple[str, Page, Show], ...]] = (
    ("/inbox", "inbox", alerts.inbox),
    ("/inbox/acknowledged", "act", acting.acknowledged),
    ("/alerts/{alert_id}", "alert", alerts.alert),
    ("/handover", "handover", handover.handover),
    ("/meeting", "meeting", meeting.meeting),
    ("/county", "county", numbers.county),
    ("/areas/{area}", "area", numbers.area),
    ("/indicators/{indicator}/{area}", "indicator", numbers.indicator),
    ("/indicators/{indicator}/{area}/numbers.csv", "indicator", numbers.numbers_csv),
    ("/catalogue", "catalogue", about.catalogue),
    ("/rules/{rule}", "catalogue", about.rule),
    ("/feeds", "feeds", about.feeds),
    ("/data-quality", "data-quality", quality.data_quality),
    ("/data-quality/refused", "redrive", quality.refused),
    ("/matches", "matches", quality.matches),
    ("/subscriptions", "subscriptions", subscriptions.subscriptions),
    ("/subscriptions/{subscription_id}", "subscriptions", subscriptions.subscription),
    ("/notices", "notices", notices.notices),
    ("/break-glass", "break-glass", emergency.ask),
    ("/break-glass/{alert_id}", "break-glass", emergency.opened),
    ("/reviews", "reviews", emergency.reviews),
    ("/consultations", "consultations", consultations.consultations),
    ("/consultations.csv", "consultations", consultations.consultations_csv),
)

TOLD: Final[tuple[tuple[str, Page, Tell], ...]] = (
    ("/feed", "feed", feed.feed),
    ("/feed.cap", "feed", feed.feed_cap),
    ("/notices.json", "notices", notices.notices_json),
)
"""What programs read, too, by keys of their own."""

SENT: Final[tuple[tuple[str, Page, Take], ...]] = (
    ("/inbox/seen", "inbox", alerts.mark_seen),
    ("/inbox/acknowledge", "act", acting.acknowledge_many),
    ("/inbox/choices", "inbox", alerts.save_choice),
    ("/inbox/choices/forgotten", "inbox", alerts.forget_choice),
    ("/alerts/{alert_id}/reason", "alert", alerts.give_reason),
    ("/alerts/{alert_id}/actions", "act", acting.act),
    ("/handover", "handover", handover.sign_off),
    ("/handover/taken", "handover", handover.take_over),
    ("/data-quality/refused", "redrive", quality.put_back),
    ("/matches", "matches", quality.decide),
    ("/notices", "notices", notices.acknowledge),
    ("/break-glass", "break-glass", emergency.open_alert),
    ("/reviews", "review", emergency.review),
    ("/subscriptions", "subscriptions", subscriptions.add),
    ("/subscriptions/{subscription_id}", "subscriptions", subscriptions.change),
    ("/subscriptions/{subscription_id}/end", "subscriptions", subscriptions.end),
)

ANSWERED: Final[tuple[tuple[str, Answer], ...]] = (("/notices.json", notices.acknowledge_by_program),)
"""What programs send, by the same keys."""

FOR_ANYBODY: Final[tuple[tuple[str, Callable[[Site, Request], Response]], ...]] = (
    ("/public", numbers.public_county),
    ("/public/areas/{area}", numbers.public_area),
    ("/public/indicators/{indicator}/{area}", numbers.public_indicator),
    ("/public/indicators/{indicator}/{area}/numbers.csv", numbers.public_csv),
)


_NO_ROLE: Final = (
    "Your organisation knows you, and nobody has said what you may see here. Whoever runs this service can say so: by "
    "your role and, for alerts, your area."
)


class NotLoopback(Exception):
    """Somebody wants to serve the development sign-in to others."""

    def __init__(self, host: str) -> None:
        """Say what it would be, and the mend."""
        super().__init__(
            f"people sign in without a password here, so these pages are served to this machine alone: not on {host}; "
            f"take --host {LOOPBACK[0]}, or have people sign in with --sign-in"
        )


def make_app(site: Site, host: str = LOOPBACK[0], transport: httpx.AsyncBaseTransport | None = None) -> Starlette:
    """The application; the provider of `site.sign_in` is asked by `transport`, where there is one.

    Raises `NotLoopback` for a host that others can reach where people sign in without a password.
    """
    if site.sign_in is None and host not in LOOPBACK:
        raise NotLoopback(host)
    tide = Tide(site.read_model.newest_seq)
    routes: list[BaseRoute] = [
        Route("/", _start(site)),
        *_to_sign_in(site, transport),
        Route("/sign-out", _sign_out(site), methods=["POST"]),
        *(Route(path, taken(site, page, take), methods=["POST"]) for path, page, take in SENT),
        *(Route(path, answered(site, take), methods=["POST"]) for path, take in ANSWERED),
        *(Route(path, shown(site, page, show)) for path, page, show in READ),
        *(Route(path, told(site, page, tell)) for path, page, tell in TOLD),
        Route("/events", _events(site, tide)),
        *(Route(path, partial(_for_anybody, site, show)) for path, show in FOR_ANYBODY),
        Route("/static/govuk-frontend.css", _styles),
        Mount("/static", StaticFiles(directory=_STATIC)),
    ]
    # A page elsewhere that gives its own name this machine's address must not be answered.
    hosts = [*LOOPBACK, "[::1]"] if site.sign_in is None else [site.sign_in.host]
    return Starlette(
        routes=routes,
        middleware=[
            Middleware(Headers, over_tls=site.sign_in is not None),
            Middleware(Typed),
            Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False),
            Middleware(
                SessionMiddleware,
                secret_key=site.secret,
                session_cookie=session_cookie(site),
                max_age=site.session_length.hours * 3600,
                # Not "strict": people come back from the provider with it.
                same_site="lax",
                https_only=site.sign_in is not None,
            ),
        ],
        exception_handlers={HTTPException: partial(_refused, site), SQLAlchemyError: partial(_refused, site)},
    )


def _to_sign_in(site: Site, transport: httpx.AsyncBaseTransport | None) -> list[BaseRoute]:
    if site.sign_in is None:
        return [Route("/sign-in", _sign_in(site), methods=["GET", "POST"])]
    return _to_come_from(site, site.sign_in, Provider(site.sign_in, transport))


def _to_come_from(site: Site, settings: SignInSettings, provider: Provider) -> list[BaseRoute]:
    """Signing in with an organisation's accounts."""

    async def ask(request: Request) -> Response:
        after = _own_path(request.query_params.get("next", ""))
        values = {"begin": f"/sign-in/begin?next={quote(after)}" if after else "/sign-in/begin"}
        return page_of(request, site, await asked_by(request, site), "sign_in_with.html", **values)

    async def begin(request: Request) -> Response:
        request.session["next"] = _own_path(request.query_params.get("next", ""))
        return await _answered(provider.begin(request))

    async def back(request: Request) -> Response:
        after = _own_path(str(request.session.get("next", "")))
        claims = await _answered(provider.finish(request))
        known = known_of(settings, claims)
        if known is None or person_by(settings, known) is None:
            await run_in_threadpool(sign_out, request, site)
            raise HTTPException(403, _NO_ROLE)
        await run_in_threadpool(sign_in, request, site, known)
        return RedirectResponse(after or "/", status_code=303)

    async def leave(request: Request) -> Response:
        del request
        where = await _answered(provider.leave())
        if where is None:
            raise HTTPException(404, "Your organisation's sign-in has no place to sign out: close the browser.")
        return RedirectResponse(where, status_code=303)

    ways = (("/sign-in", ask), ("/sign-in/begin", begin), (BACK, back), ("/sign-in/leave", leave))
    return [Route(path, way) for path, way in ways]


async def _answered(asked: Awaitable[T]) -> T:
    """What a provider answers. Raises `HTTPException` with what people are told where it does not."""
    try:
        return await asked
    except ProviderDown:
        said = "Your organisation's sign-in does not answer. Alerts go on and are sent: try again in a few minutes."
        raise HTTPException(503, said) from None
    except NotBelieved:
        said = "Signing in did not come to an end as it began, so nobody is signed in: begin again from the sign-in."
        raise HTTPException(403, said) from None


def _start(site: Site) -> Endpoint:
    async def start(request: Request) -> Response:
        person = await asked_by(request, site)
        return to_sign_in(request) if person is None else first_page(site, request, person)

    return start


def _sign_in(site: Site) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        if request.method != "POST":
            after = _own_path(request.query_params.get("next", ""))
            values = {"people": people_view(site.people, site.catalogue), "after": after, "csrf": token_of(request)}
            return page_of(request, site, await asked_by(request, site), "sign_in.html", **values)
        form = await form_of(request)
        person = site.by_id.get(str(form.get("person", "")))
        if person is None:
            raise HTTPException(400, "Choose who you are.")
        await run_in_threadpool(sign_in, request, site, person)
        return RedirectResponse(_own_path(str(form.get("next", ""))) or "/", status_code=303)

    return endpoint


def _own_path(path: str) -> str:
    """A path of these pages, or nothing: nobody is sent elsewhere after signing in."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else ""


def _sign_out(site: Site) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        await form_of(request)
        await run_in_threadpool(sign_out, request, site)
        response = RedirectResponse("/sign-in", status_code=303)
        forget_written(response, site)
        return response

    return endpoint


def _events(site: Site, tide: Tide) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        key = key_of(request)
        if key is not None:
            program = program_by(site, key)
            if program is None:
                return refused_key()
            news = events(tide, site, program, _after(site, request, program))
            return Stream(while_it_may(site, lambda: program_by(site, key) == program, news))
        person = await asked_by(request, site)
        if person is None or not site.may(person, "feed"):
            raise HTTPException(403, "Your role may not see this page. Whoever runs this service can say who may.")
        news = events(tide, site, person, _after(site, request, person))
        return Stream(while_signed_in(site, session_of(request), ends_at(request, site) or 0, news))

    return endpoint


def _after(site: Site, request: Request, viewer: Viewer) -> int:
    """The number a stream goes on behind; the newest where none is said."""
    said = request.headers.get("last-event-id") or request.query_params.get("after", "")
    after = number_of(said) if said else site.read_model.newest_seq(viewer.audience)
    if after is None:
        raise HTTPException(400, "Give the number to read on from: /events?after=0")
    return after


def _for_anybody(site: Site, show: Callable[[Site, Request], Response], request: Request) -> Response:
    return show(site, request)


def _styles(request: Request) -> Response:
    del request
    path = web_styles()
    if path is None:
        raise HTTPException(404, "The style sheet was not fetched: run make styles. Pages work without it.")
    return FileResponse(path, media_type="text/css")


async def _refused(site: Site, request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        status, detail = error.status_code, error.detail
    else:
        # What the database says may name a server or a value; whoever runs it finds it in its log.
        _log.warning("web.database_failed: %s", type(error).__name__)
        status, detail = 503, "What was published cannot be read at the moment. Alerts go on: load the page again."
    try:
        person = await asked_by(request, site)
    except SQLAlchemyError:
        # Nobody knows whether they have signed out, so nobody is shown to have signed in.
        person = None
    response = page_of(request, site, person, "refused.html", status=status, detail=detail)
    response.status_code = status
    return response
