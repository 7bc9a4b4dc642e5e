"""The subscriptions of somebody's audience: seen, added, changed and ended, as far as the person's own areas reach."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from safety_stream.core.subscribing import Kept, Mistake, NoSubscription, Wish, choices_for
from safety_stream.readmodel.people import Deed, Stage, What
from safety_stream.web.pages.page import page
from safety_stream.web.policy import Person
from safety_stream.web.site import Site
from safety_stream.web.subscribing import NotThere, Subscriptions, wish_of
from safety_stream.web.views.choices import area_choices
from safety_stream.web.views.subscriptions import line_of, subscriptions_view, wish_view

_NOT_KEPT: Final = "Subscriptions are not kept here: whoever runs these pages can name the settings of delivery."
_NO_SUCH: Final = "There is no such subscription, or it is not for you to change."


def subscriptions(site: Site, request: Request, person: Person) -> Response:
    """What there is, and a form for one more."""
    nothing = Wish(audience=person.audience, channel="", address="")
    return _listed(site, request, person, nothing, ())


def add(site: Site, request: Request, person: Person, form: FormData) -> Response:
    """Add one. What a web hook's messages are signed with is on the page that answers, and nowhere afterwards."""
    kept_by = _kept_by(site)
    wish = wish_of(form, person.audience)
    beyond = _beyond(site, person, wish)
    if beyond:
        return _listed(site, request, person, wish, beyond)
    try:
        made = kept_by.add(wish, site.wall())
    except NoSubscription as error:
        return _listed(site, request, person, wish, error.mistakes)
    _note(site, person, "subscribe", made.subscription_id, "done", f"{wish.audience}, {wish.channel}")
    if made.secret is None:
        return _back(request, "Subscribed: alerts come from now on.")
    return page(request, site, person, "subscribed.html", secret=made.secret, short=made.subscription_id[:8])


def subscription(site: Site, request: Request, person: Person) -> Response:
    """One, to be changed or ended."""
    found = _changeable(site, request, person)
    return _one(site, request, person, found, found.wish, ())


def change(site: Site, request: Request, person: Person, form: FormData) -> Response:
    """Change what one tells."""
    found = _changeable(site, request, person)
    wish = wish_of(form, person.audience)
    beyond = _beyond(site, person, wish)
    if beyond:
        return _one(site, request, person, found, wish, beyond)
    try:
        _if_there(lambda: _kept_by(site).change(found.subscription_id, wish))
    except NoSubscription as error:
        return _one(site, request, person, found, wish, error.mistakes)
    _note(site, person, "change", found.subscription_id, "done", wish.audience)
    return _back(request, "Changed: what is published from now on is told so.")


def end(site: Site, request: Request, person: Person, form: FormData) -> Response:
    """End one."""
    del form
    found = _changeable(site, request, person)
    _if_there(lambda: _kept_by(site).end(found.subscription_id, site.wall()))
    _note(site, person, "unsubscribe", found.subscription_id, "done", found.wish.audience)
    return _back(request, "Ended. That something it told of is withdrawn is still told.")


def _listed(site: Site, request: Request, person: Person, wish: Wish, mistakes: Sequence[Mistake]) -> Response:
    kept = _of_audience(site, person)
    changeable = {one.subscription_id for one in kept if not _beyond(site, person, one.wish)}
    view = subscriptions_view(person.audience, kept, changeable, site.catalogue)
    form = None if site.subscriptions is None else _form(site, person, wish, mistakes)
    response = page(request, site, person, "subscriptions.html", view=view, form=form, not_kept=_NOT_KEPT)
    response.status_code = 400 if mistakes else 200
    return response


def _one(
    site: Site, request: Request, person: Person, found: Kept, wish: Wish, mistakes: Sequence[Mistake]
) -> Response:
    line, form = line_of(found, site.catalogue), _form(site, person, wish, mistakes)
    response = page(request, site, person, "subscription.html", line=line, form=form)
    response.status_code = 400 if mistakes else 200
    return response


def _form(site: Site, person: Person, wish: Wish, mistakes: Sequence[Mistake]) -> object:
    audience = next((one for one in site.catalogue.audiences if one.id == person.audience), None)
    if audience is None:
        raise HTTPException(404, "The catalogue has no such audience any more, so nobody is told of its alerts.")
    areas = area_choices(site.catalogue, site.areas_of(person), wish.areas)
    choices = choices_for(audience, site.catalogue)
    return wish_view(wish, choices, _kept_by(site).ways(), areas, mistakes)


def _kept_by(site: Site) -> Subscriptions:
    if site.subscriptions is None:
        raise HTTPException(404, _NOT_KEPT)
    return site.subscriptions


def _of_audience(site: Site, person: Person) -> list[Kept]:
    kept = () if site.subscriptions is None else site.subscriptions.kept()
    return [one for one in kept if one.wish.audience == person.audience]


def _changeable(site: Site, request: Request, person: Person) -> Kept:
    """The subscription of the address, which is of the person's audience and of no area beyond theirs."""
    _kept_by(site)
    asked = request.path_params["subscription_id"]
    found = next((one for one in _of_audience(site, person) if one.subscription_id == asked), None)
    if found is None or _beyond(site, person, found.wish):
        raise HTTPException(404, _NO_SUCH)
    return found


def _beyond(site: Site, person: Person, wish: Wish) -> tuple[Mistake, ...]:
    """What of a wish reaches beyond a person's own areas: nobody is told elsewhere what they may not see here."""
    allowed = site.areas_of(person)
    if allowed is None:
        return ()
    if not wish.areas:
        return (Mistake("areas", "you see alerts of some areas alone: choose which of them"),)
    strange = [code for code in wish.areas if code not in allowed]
    return (Mistake("areas", f"you see no alerts of {strange[0]}: choose areas of yours"),) if strange else ()


def _if_there(do: Callable[[], None]) -> None:
    try:
        do()
    except NotThere:
        raise HTTPException(404, _NO_SUCH) from None


def _note(site: Site, person: Person, what: What, of: str, outcome: Stage, said: str) -> None:
    site.deeds.note(
        Deed(at=site.wall(), person=person.id, role=person.role, what=what, of=of, outcome=outcome, said=said)
    )


def _back(request: Request, said: str) -> Response:
    request.session["said"] = said
    return RedirectResponse("/subscriptions", status_code=303)
