"""Pages about alerts, and what people do about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Unpack, get_args
from urllib.parse import parse_qsl

import msgspec
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from safety_stream.core.model.handling import ActionAnswer, HandlingState
from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.model.times import Duration, Instant, before
from safety_stream.readmodel.people import CHOICES_MOST, TooMany
from safety_stream.readmodel.reading import Choices
from safety_stream.web.acting import NOTHING, Written
from safety_stream.web.consulting import may_be_shown, note_reason
from safety_stream.web.filters import Filter, number_of, read_filter
from safety_stream.web.pages.numbers import SIGNED_IN
from safety_stream.web.pages.page import page
from safety_stream.web.policy import Person, Viewer
from safety_stream.web.sessions import Kept, forget_written, note_seen, note_written, seen_of, sent_of, written_of
from safety_stream.web.site import Site
from safety_stream.web.views.alert import AboutAlert, Fired, alert_view
from safety_stream.web.views.breach import WEEK, BreachView, breach_of, breach_view
from safety_stream.web.views.handover import shift_of
from safety_stream.web.views.health import blindness
from safety_stream.web.views.inbox import PAGE, Found, inbox_view, saved_view
from safety_stream.web.views.reason import reason_view
from safety_stream.web.views.row import SHOWN_AT_MOST, Some

NO_SUCH_ALERT: Final = "There is no such alert, or it is not for you to see."
SESSION_HAD_ENDED: Final = "Your session had ended. What you wrote stands in the form: look at it, and send it again."

FIRED_WITHIN: Final = Duration(months=12)
LONGEST_NAME: Final = 60
LONGEST_QUERY: Final = 2_000


class Mistake(msgspec.Struct, frozen=True):
    """What is wrong, in a sentence, and the field it leads to."""

    field: str
    sentence: str


def inbox(site: Site, request: Request, person: Person) -> Response:
    """Open alerts, as chosen."""
    shift = shift_of(site.now(), site.shift_starts)
    # Asked for before the alerts, so that "I have looked" never covers one that came in between.
    newest = site.read_model.newest_seq(person.audience)
    chosen = read_filter(request.query_params.multi_items(), site.catalogue.areas.by_code)
    if chosen.since > newest:
        # A number of the feed there was before a rebuild: all of this one is new.
        chosen = msgspec.structs.replace(chosen, since=0)
    seen = seen_of(request, site, person, newest)
    try:
        alerts = chosen_alerts(site, person, chosen, limit=PAGE + 1, after=request.query_params.get("after"))
    except ValueError as error:
        raise HTTPException(400, f"{error}.") from None
    withdrawn = taken_back(site, person, shift.began)
    listed = {one.alert_id for one in (*alerts, *withdrawn.alerts)}
    found = Found(
        alerts=alerts,
        counts=site.read_model.count_by_priority(person.audience, site.areas_of(person) or ()),
        withdrawn=withdrawn,
        seen=seen,
        newest=newest,
        changed=how_many(site, person, Filter(since=seen)) if seen else 0,
        blind=blind_spots(site),
        # Who never said up to where they have looked is told of no change since.
        new=site.read_model.changed_after(person.audience, seen, listed) if seen else frozenset(),
    )
    view = inbox_view(found, chosen, site.catalogue, site.areas_of(person), site.now(), shift.began)
    may_do = site.catalogue.handling.roles.get(site.acts_as(person), frozenset())
    can_act = site.send is not None and site.may(person, "act") and "acknowledge" in may_do
    kept = site.saved_choices.of(person.id)
    return page(request, site, person, "inbox.html", view=view, can_act=can_act, saved=saved_view(kept, chosen))


def blind_spots(site: Site) -> tuple[str, ...]:
    """Why pages may not show what there is."""
    return blindness(site.read_model.health(), site.read_model.feeds(), site.now())


def chosen_alerts(
    site: Site, person: Person, chosen: Filter, *, limit: int, after: str | None = None, **further: Unpack[Choices]
) -> list[PublishedAlert]:
    """The alerts that are as chosen and that the person may see. Raises `ValueError` for a place that is none."""
    choices = _choices(site, person, chosen, further)
    return [] if choices is None else site.read_model.inbox(person.audience, limit=limit, after=after, **choices)


def how_many(site: Site, person: Person, chosen: Filter, **further: Unpack[Choices]) -> int:
    """How many there are of these."""
    choices = _choices(site, person, chosen, further)
    return 0 if choices is None else site.read_model.count(person.audience, **choices)


def some_alerts(site: Site, person: Person, chosen: Filter, **further: Unpack[Choices]) -> Some:
    """The first of these that a page shows, and how many there are."""
    found = chosen_alerts(site, person, chosen, limit=SHOWN_AT_MOST, **further)
    return Some(found, len(found) if len(found) < SHOWN_AT_MOST else how_many(site, person, chosen, **further))


def _choices(site: Site, person: Person, chosen: Filter, further: Choices) -> Choices | None:
    """What the read model is asked for; None where nothing can be as chosen."""
    allowed = site.areas_of(person)
    areas = _districts(site, chosen.areas) if chosen.areas else None
    if allowed is not None:
        areas = allowed if areas is None else areas & allowed
    if areas is not None and not areas:
        # To the read model no area at all means every area.
        return None
    choices: Choices = {
        "priorities": chosen.priorities,
        "areas": areas or (),
        "families": chosen.families,
        # What has changed may be open no more, and that is a change.
        "states": chosen.states or (get_args(HandlingState) if chosen.since else ()),
        "changed_after_seq": chosen.since or None,
        "text": chosen.text or None,
    }
    return choices | further


def _districts(site: Site, codes: Sequence[str]) -> frozenset[str]:
    return site.areas_of(Viewer(id="", areas=tuple(codes))) or frozenset()


def taken_back(site: Site, person: Person, since: Instant) -> Some:
    """The newest withdrawals since, of alerts the person may see, and how many there were."""
    model, areas = site.read_model, site.areas_of(person) or ()
    found = model.withdrawn_since(person.audience, since, areas, SHOWN_AT_MOST)
    whole = len(found) < SHOWN_AT_MOST
    return Some(found, len(found) if whole else model.count_withdrawn(person.audience, since, areas))


def mark_seen(site: Site, request: Request, person: Person, form: FormData) -> Response:
    """Remember up to where the person has looked."""
    del request
    seq = number_of(str(form.get("seq", "")))
    response = RedirectResponse("/inbox", status_code=303)
    if seq is not None:
        note_seen(response, site, person, min(seq, site.read_model.newest_seq(person.audience)))
    return response


def save_choice(site: Site, request: Request, person: Person, form: FormData) -> Response:
    """Keep a choice of the inbox under a name, for this person alone."""
    name = " ".join(str(form.get("name", "")).split())[:LONGEST_NAME]
    query = str(form.get("query", ""))[:LONGEST_QUERY]
    # Read as an address is, so that nothing is kept which nobody could have chosen.
    chosen = read_filter(parse_qsl(query.removeprefix("?")), site.catalogue.areas.by_code)
    back = RedirectResponse(f"/inbox{chosen.query()}", status_code=303)
    if not name:
        request.session["said"] = "Give the choice a name."
        return back
    try:
        site.saved_choices.save(person.id, name, chosen.query())
    except TooMany:
        request.session["said"] = f"You keep {CHOICES_MOST} choices already: forget one first."
        return back
    request.session["said"] = f"Kept as {name}."
    return back


def forget_choice(site: Site, request: Request, person: Person, form: FormData) -> Response:
    """Keep a choice no more."""
    site.saved_choices.forget(person.id, str(form.get("name", "")))
    request.session["said"] = "Forgotten."
    return RedirectResponse("/inbox", status_code=303)


def alert(site: Site, request: Request, person: Person) -> Response:
    """One alert, and what somebody wrote about it that came to nothing."""
    kept = written_of(request, site, person.id, request.path_params["alert_id"])
    if kept is None:
        return alert_page(site, request, person)
    if not kept.action_id:
        return alert_page(site, request, person, written=kept.written, mistake=Mistake("action", SESSION_HAD_ENDED))
    answer = site.answers.to(kept.action_id)
    # While it is not answered it is shown to have been sent, so that nobody sends it twice.
    refused = answer is not None and not answer.done
    response = alert_page(site, request, person, written=kept.written if refused else NOTHING)
    if answer is not None and answer.done:
        forget_written(response, site)
    return response


def alert_page(
    site: Site,
    request: Request,
    person: Person,
    *,
    mistake: Mistake | None = None,
    status: int = 200,
    written: Written = NOTHING,
) -> Response:
    """The page of one alert, with what was written into its form; or the question why somebody looks."""
    found = seen_alert(site, person, request.path_params["alert_id"])
    if found is None:
        raise HTTPException(404, NO_SUCH_ALERT)
    if not may_be_shown(site, request, person, found):
        response = _ask_reason(site, request, person, found.alert_id, mistake.sentence if mistake else "", status)
        if written != NOTHING:
            note_written(response, site, person.id, Kept(alert_id=found.alert_id, action_id="", written=written))
        return response
    about = AboutAlert(
        alert=found,
        versions=site.read_model.versions(person.audience, found.alert_id),
        explanation=site.explanation(found.rule_id) if found.rule_id else None,
        fired_here=fired_here(site, found),
        answers=_answers(site, request, found.alert_id),
        acts_as=site.acts_as(person) if site.send is not None and site.may(person, "act") else "",
        breach=_breach(site, person, found),
        written=written,
    )
    view = alert_view(about, site.catalogue, site.now())
    response = page(request, site, person, "alert.html", view=view, mistake=mistake, blind=blind_spots(site))
    response.status_code = status
    return response


def _ask_reason(site: Site, request: Request, person: Person, alert_id: str, mistake: str, status: int) -> Response:
    view = reason_view(site.consulting, alert_id)
    response = page(request, site, person, "reason.html", view=view, mistake=mistake)
    response.status_code = status
    return response


def give_reason(site: Site, request: Request, person: Person, form: FormData) -> Response:
    """Record why somebody looks at an alert, and show it."""
    found = seen_alert(site, person, request.path_params["alert_id"])
    if found is None:
        raise HTTPException(404, NO_SUCH_ALERT)
    reason = str(form.get("reason", ""))
    if reason not in site.consulting.reasons:
        return _ask_reason(site, request, person, found.alert_id, "Choose why you look at it.", 400)
    note_reason(site, request, person, found, reason)
    return RedirectResponse(f"/alerts/{found.alert_id}", status_code=303)


def seen_alert(site: Site, person: Person, alert_id: str) -> PublishedAlert | None:
    """An alert as it stands; None where there is none that the person may see."""
    found = site.read_model.alert(person.audience, alert_id)
    return found if found is not None and site.seen_by(person, [found]) else None


def fired_here(site: Site, found: PublishedAlert) -> Fired | None:
    """How often the alert's rule fired in its area, and how that was judged; None where either is not told."""
    if found.rule_id is None or found.area is None:
        return None
    since = before(site.now(), FIRED_WITHIN)
    where = (found.audience, found.rule_id, found.area, since)
    return Fired(times=site.read_model.fired_here(*where), answered=site.read_model.judged_here(*where))


def _breach(site: Site, person: Person, found: PublishedAlert) -> BreachView | None:
    """The numbers behind an alert about an indicator, where they are for this person to see."""
    breach = breach_of(found, site.catalogue.rules)
    indicator = None if breach is None else site.indicators.get(breach.indicator)
    area = None if breach is None else site.area(breach.area)
    if breach is None or indicator is None or area is None or not site.may(person, "indicator"):
        return None
    if WEEK not in site.profiles[person.profile].periods_of(indicator):
        return None
    values = site.read_model.series(person.profile, indicator.id, area.code, WEEK)
    return breach_view(breach, values, indicator, area, site.catalogue, person.profile, SIGNED_IN)


def _answers(site: Site, request: Request, alert_id: str) -> list[tuple[str, ActionAnswer | None]]:
    return [(said, site.answers.to(action_id)) for action_id, said in sent_of(request, alert_id)]


def audience_title(site: Site, person: Person) -> str:
    """What the person's audience is called."""
    return next((one.title for one in site.catalogue.audiences if one.id == person.audience), person.audience)
