"""The numbered feed, for programs: as JSON and as CAP messages; of alerts about a person what lists tell of them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from safety_stream.core.cap import Speaker, cap_message
from safety_stream.core.consulting import without_the_person
from safety_stream.core.model.published import PublishedAlert
from safety_stream.readmodel.reading import BegunAnew
from safety_stream.web.atom import ATOM, Reader, in_atom
from safety_stream.web.filters import number_of
from safety_stream.web.live import News, news_after
from safety_stream.web.policy import Viewer
from safety_stream.web.site import Site


def feed(site: Site, request: Request, viewer: Viewer) -> Response:
    """The numbered feed as JSON, after a number; of alerts about a person, what the inbox tells of them."""
    try:
        news = _news(site, request, viewer)
    except BegunAnew as error:
        return _gone(error)
    told = {
        "audience": viewer.audience,
        "alerts": news.alerts,
        "reached": news.reached,
        "newest": site.read_model.newest_seq(viewer.audience),
        "missing": news.missing,
    }
    return Response(msgspec.json.encode(told), media_type="application/json")


def feed_cap(site: Site, request: Request, viewer: Viewer) -> Response:
    """The same as messages of the Common Alerting Protocol, in an Atom feed."""
    try:
        news = _news(site, request, viewer)
    except BegunAnew as error:
        return _gone(error)
    base = str(request.base_url) if site.sign_in is None else f"{site.sign_in.origin}/"
    reader = Reader(audience=viewer.audience, sender=site.sender, base=base, now=site.now())
    return Response(in_atom(news, _messages(site, base, news.alerts), reader), media_type=ATOM)


def _messages(site: Site, base: str, told: Sequence[PublishedAlert]) -> list[str]:
    speaker = Speaker(sender=site.sender, status=site.status, link=f"{base}alerts/")
    names = {code: area.name for code, area in site.catalogue.areas.by_code.items()}
    changed = {(alert.audience, alert.alert_id) for alert in told if alert.change != "raised"}
    lives = {each: _listed(site, site.read_model.versions(*each)) for each in sorted(changed)}
    return [
        cap_message(alert, lives.get((alert.audience, alert.alert_id), ()), site.cap, speaker, names) for alert in told
    ]


def _news(site: Site, request: Request, viewer: Viewer) -> News:
    """What is new after the number asked for, as a list tells it. Raises `BegunAnew`."""
    news = news_after(site, viewer, _read_on_from(request))
    return msgspec.structs.replace(news, alerts=tuple(_listed(site, news.alerts)))


def _gone(error: BegunAnew) -> Response:
    """What was read is here no more: in words a program can print, for no address can be trusted to be the next."""
    return Response(f"{error}\n", status_code=410, media_type="text/plain")


def _listed(site: Site, told: Sequence[PublishedAlert]) -> list[PublishedAlert]:
    return [without_the_person(one) if site.consulting.is_about_a_person(one) else one for one in told]


def _read_on_from(request: Request) -> int:
    after = number_of(request.query_params.get("after", "0"))
    if after is None:
        raise HTTPException(400, f"Give the number to read on from: {request.url.path}?after=0")
    return after
