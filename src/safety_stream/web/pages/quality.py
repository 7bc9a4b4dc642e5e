"""How good the data is, and what stewards do about it: refused records, feeds' completeness, possible matches."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, get_args

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from safety_stream.core.model.dead_letters import Reason, Refused
from safety_stream.core.model.links import LinkMethod, LinkState, PersonLink
from safety_stream.core.stages.intake import checked_link
from safety_stream.readmodel.people import Deed, Stage, What
from safety_stream.web import words
from safety_stream.web.pages.about import REFUSED_WITHIN
from safety_stream.web.pages.page import page
from safety_stream.web.policy import Person
from safety_stream.web.site import Site
from safety_stream.web.stewarding import NotDone, Steward
from safety_stream.web.subscribing import text_of
from safety_stream.web.views.health import quality_view
from safety_stream.web.views.quality import decided_in_words, deed_lines, matches_view, refused_view

LETTERS_MOST: Final = 100
"""Refused records on one page, which may all be put back at once: one transaction of Kafka."""

PAIRS_MOST: Final = 25
DEEDS_MOST: Final = 20
_LETTER: Final = re.compile(r"dead-letters\.[a-z-]{1,40}/[0-9]{1,9}/[0-9]{1,18}")
_WORD: Final = re.compile(r"[a-z0-9-]{1,64}")
_READ_ONLY: Final = "These pages are read only: put records back, and decide about persons, from the command line."


def data_quality(site: Site, request: Request, person: Person) -> Response:
    """What was refused and why, how far feeds are complete, and what was done of late."""
    since = site.now() - REFUSED_WITHIN
    model = site.read_model
    view = quality_view(model.dead_letters_by_reason(since), model.feeds(), site.catalogue, since, site.now())
    deeds = deed_lines(site.deeds.newest(DEEDS_MOST))
    may_put_back = site.may(person, "redrive")
    return page(request, site, person, "data_quality.html", view=view, deeds=deeds, may_put_back=may_put_back)


def refused(site: Site, request: Request, person: Person) -> Response:
    """The records that were refused, to be put back after repair."""
    topic = request.query_params.get("topic", "")
    reason = next((one for one in get_args(Reason) if one == request.query_params.get("reason")), "")
    since = site.now() - REFUSED_WITHIN
    found = site.read_model.dead_letters(since, LETTERS_MOST + 1, topic=topic, reason=reason)
    back = site.deeds.done("redrive", [one.letter for one in found])
    view = refused_view(found, back, LETTERS_MOST, since, topic=topic, reason=reason)
    can_put_back = site.steward is not None
    return page(request, site, person, "refused_records.html", view=view, can_put_back=can_put_back, why=_READ_ONLY)


def put_back(site: Site, request: Request, person: Person, form: FormData) -> Response:
    """Put the ticked ones back."""
    steward = _steward(site)
    ticked = [str(one) for one in form.getlist("letter")[:LETTERS_MOST]]
    chosen = tuple(dict.fromkeys(one for one in ticked if _LETTER.fullmatch(one)))
    back = RedirectResponse("/data-quality/refused", status_code=303)
    if not chosen:
        request.session["said"] = "Nothing was ticked."
        return back
    _note(site, person, "redrive", chosen, "asked")
    try:
        came = steward.put_back(chosen)
    except NotDone as error:
        _note(site, person, "redrive", chosen, "failed", str(error))
        request.session["said"] = f"Nothing was put back. {error}"
        return back
    _note(site, person, "redrive", came.done, "done")
    _note(site, person, "redrive", came.left, "failed", "it was put back before")
    left = f" {words.count_of(len(came.left), 'record')} left, because put back before." if came.left else ""
    request.session["said"] = f"Put back: {words.count_of(len(came.done), 'record')}.{left}"
    return back


def matches(site: Site, request: Request, person: Person) -> Response:
    """The pairs that may be one person, those first on which most rests."""
    return _matches(site, request, person, None)


def decide(site: Site, request: Request, person: Person, form: FormData) -> Response:
    """Publish what a steward decided about a pair. Only a pair that is to be decided can be."""
    steward = _steward(site)
    pair = text_of(form, "first"), text_of(form, "second")
    known = site.matches.one(*pair)
    state = next((one for one in get_args(LinkState) if one == text_of(form, "state")), None)
    if known is None or state is None:
        request.session["said"] = "This pair is not to be decided any more: somebody may have been quicker."
        return RedirectResponse("/matches", status_code=303)
    method = next((one for one in get_args(LinkMethod) if one == text_of(form, "method")), None)
    if method is None:
        return _matches(site, request, person, pair)
    now = site.wall()
    link = PersonLink(
        first=pair[0], second=pair[1], state=state, method=method, decided_by=_answers_for(person), decided_at=now
    )
    try:
        link = checked_link(link, now)
    except Refused as error:
        request.session["said"] = f"This is no decision: {error.detail}"
        return RedirectResponse("/matches", status_code=303)
    _note(site, person, "decide", (link.decision_id,), "asked")
    try:
        steward.decide(link)
    except NotDone as error:
        _note(site, person, "decide", (link.decision_id,), "failed", str(error))
        request.session["said"] = f"Nothing was decided. {error}"
        return RedirectResponse("/matches", status_code=303)
    _note(site, person, "decide", (link.decision_id,), "done")
    site.matches.decided(link)
    request.session["said"] = decided_in_words(link)
    return RedirectResponse("/matches", status_code=303)


def _matches(site: Site, request: Request, person: Person, mistaken: tuple[str, str] | None) -> Response:
    kept = site.matches
    view = matches_view(kept.weightiest(PAIRS_MOST), kept.count(), kept.weighed_at(), site.catalogue, mistaken)
    can_decide = site.steward is not None
    response = page(request, site, person, "matches.html", view=view, can_decide=can_decide, why=_READ_ONLY)
    response.status_code = 400 if mistaken else 200
    return response


def _answers_for(person: Person) -> str:
    """How a person stands in a decision, which takes few letters; who it was by their own id is with the deed."""
    return person.id if _WORD.fullmatch(person.id) else person.role


def _steward(site: Site) -> Steward:
    if site.steward is None:
        raise HTTPException(404, _READ_ONLY)
    return site.steward


def _note(site: Site, person: Person, what: What, of: Sequence[str], outcome: Stage, said: str = "") -> None:
    at = site.wall()
    site.deeds.note(
        *(Deed(at=at, person=person.id, role=person.role, what=what, of=one, outcome=outcome, said=said) for one in of)
    )
