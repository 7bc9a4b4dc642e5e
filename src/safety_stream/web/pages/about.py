"""Pages about the backbone itself: its rules and indicators, and its feeds."""

from __future__ import annotations

from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from safety_stream.core.model.times import DAY_LENGTH
from safety_stream.web.pages.page import page
from safety_stream.web.policy import Person
from safety_stream.web.site import Site
from safety_stream.web.views.catalogue import catalogue_view, rule_view
from safety_stream.web.views.health import feeds_view

REFUSED_WITHIN: Final = 28 * DAY_LENGTH
"""As far back as refused records are told of; ours, it decides nothing."""


def catalogue(site: Site, request: Request, person: Person) -> Response:
    """The rules and indicators there are."""
    return page(request, site, person, "catalogue.html", view=catalogue_view(site.catalogue))


def rule(site: Site, request: Request, person: Person) -> Response:
    """One rule in words."""
    explanation = site.explanation(request.path_params["rule"])
    if explanation is None:
        raise HTTPException(404, "There is no such rule in the catalogue.")
    return page(request, site, person, "rule.html", view=rule_view(explanation))


def feeds(site: Site, request: Request, person: Person) -> Response:
    """Whether partners are heard."""
    model = site.read_model
    refused = model.dead_letters_by_reason(site.now() - REFUSED_WITHIN)
    view = feeds_view(model.feeds(), model.health(), refused, site.catalogue, site.now())
    return page(request, site, person, "feeds.html", view=view)
