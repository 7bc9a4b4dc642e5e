"""What stands on every page: who is signed in, where they may go, and what was just said."""

from __future__ import annotations

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from safety_stream.web import words
from safety_stream.web.policy import PUBLIC, Page, Person
from safety_stream.web.sessions import token_of
from safety_stream.web.site import Site
from safety_stream.web.writing import written

NAVIGATION: Final[tuple[tuple[Page, str, str], ...]] = (
    ("inbox", "Inbox", "/inbox"),
    ("handover", "Handover", "/handover"),
    ("county", "County", "/county"),
    ("catalogue", "Rules and indicators", "/catalogue"),
    ("feeds", "Feeds", "/feeds"),
    ("data-quality", "Data quality", "/data-quality"),
    ("matches", "Possible matches", "/matches"),
    ("subscriptions", "Subscriptions", "/subscriptions"),
    ("notices", "Notices", "/notices"),
    ("break-glass", "Emergency", "/break-glass"),
    ("consultations", "Consultations", "/consultations"),
    ("reviews", "Opened in an emergency", "/reviews"),
)


class NavigationItem(msgspec.Struct, frozen=True):
    """A link at the top of every page."""

    text: str
    href: str
    current: bool


def page(request: Request, site: Site, person: Person | None, template: str, **values: object) -> HTMLResponse:
    """A page, with what stands on every one."""
    path = request.url.path
    items = [
        NavigationItem(text, href, path == href)
        for one, text, href in NAVIGATION
        if person is not None and site.may(person, one)
    ]
    if PUBLIC in site.profiles:
        items.append(NavigationItem("Public numbers", "/public", path == "/public"))
    shared: dict[str, object] = {
        "navigation": items,
        "person": person,
        "csrf": token_of(request) if person is not None else "",
        "made_at": words.at(site.now()),
        "said": request.session.pop("said", ""),
    }
    return HTMLResponse(written(template, shared | values))


def start(site: Site, request: Request, person: Person) -> Response:
    """The first page this person may see."""
    del request
    first = next(href for one, _, href in NAVIGATION if site.may(person, one))
    return RedirectResponse(first, status_code=303)
