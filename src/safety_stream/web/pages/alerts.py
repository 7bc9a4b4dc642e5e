"""Pages about alerts, and what people do about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import parse_qsl

import msgspec
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from safety_stream.core.cap import Speaker, cap_message
from safety_stream.core.consulting import without_the_person
from safety_stream.core.model.handling import ActionAnswer, AlertAction
from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.model.times import Duration, Instant, before
from safety_stream.readmodel.people import CHOICES_MOST, TooMany
from safety_stream.readmodel.reading import place_of
from safety_stream.web import words
from safety_stream.web.acting import Unfinished, action_of
from safety_stream.web.atom import ATOM, Reader, in_atom
from safety_stream.web.consulting import may_be_shown, note_reason
from safety_stream.web.filters import Filter, number_of, read_filter
from safety_stream.web.live import News, news_after
from safety_stream.web.pages.numbers import SIGNED_IN
from safety_stream.web.pages.page import page
from safety_stream.web.policy import Person, acts_as, may
from safety_stream.web.sessions import note_seen, note_sent, seen_of, sent_of
from safety_stream.web.site import NotSent, Site
from safety_stream.web.views.alert import AboutAlert, Fired, alert_view
from safety_stream.web.views.breach import WEEK, BreachView, breach_of, breach_view
from safety_stream.web.views.handover import HandoverView, Lists, handover_view, shift_of
from safety_stream.web.views.health import blindness, silent_feeds
from safety_stream.web.views.inbox import PAGE, Found, inbox_view, saved_view
from safety_stream.web.views.reason import reason_view

FIRED_WITHIN: Final = Duration(months=12)
READ_AT_ONCE: Final = 500
"""Alerts of a list that are read whole, a piece at a time."""

LONGEST_NAME: Final = 60
LONGEST_QUERY: Final = 2_000

COUNTED_AT_MOST: Final = 1_000
"""Open alerts, of a priority or changed, that are counted for somebody who sees some areas alone."""


def inbox(site: Site, request: Request, person: Person) -> Response:
    """Open alerts, as chosen."""
    chosen = read_filter(request.query_params.multi_items(), site.catalogue.areas.by_code)
    seen = seen_of(request, site, person)
    shift = shift_of(site.now(), site.shift_starts)
    # Asked for before the alerts, so that "I have looked" never covers one that came in between.
    newest = site.read_model.newest_seq(person.audience)
    try:
        alerts = chosen_alerts(site, person, chosen, limit=PAGE + 1, after=request.query_params.get("after"))
    except ValueError as error:
        raise HTTPException(400, f"{error}.") from None
    found = Found(
        alerts=alerts,
        counts=_counts(site, person),
        withdrawn=taken_back(site, person, shift.began),
        seen=seen,
        newest=newest,
        changed=_changed(site, person, seen, newest),
        blind=blind_spots(site),
    )
    view = inbox_view(found, chosen, site.catalogue, site.areas_of(person), site.now(), shift.began)
    may_do = site.catalogue.handling.roles.get(acts_as(person), frozenset())
    can_act = site.send is not None and may(person, "act") and "acknowledge" in may_do
    kept = site.saved_choices.of(person.id)
    return page(request, site, person, "inbox.html", view=view, can_act=can_act, saved=saved_view(kept, chosen))


def blind_spots(site: Site) -> tuple[str, ...]:
    """Why pages may not show what there is."""
    return blindness(site.read_model.health(), site.read_model.feeds(), site.now())


def chosen_alerts(
    site: Site, person: Person, chosen: Filter, *, limit: int, after: str | None = None
) -> list[PublishedAlert]:
    """The alerts that are as chosen and that the person may see. Raises `ValueError` for a place that is none."""
    allowed = site.areas_of(person)
    areas = _districts(site, chosen.areas) if chosen.areas else None
    if allowed is not None:
        areas = allowed if areas is None else areas & allowed
    if areas is not None and not areas:
        # To the read model no area at all means every area.
        return []
    return site.read_model.inbox(
        person.audience,
        priorities=chosen.priorities,
        areas=areas or (),
        families=chosen.families,
        states=chosen.states,
        changed_after_seq=chosen.since or None,
        text=chosen.text or None,
        limit=limit,
        after=after,
    )


def _districts(site: Site, codes: Sequence[str]) -> frozenset[str]:
    some = Person(id="", role="analyst", areas=tuple(codes))
    return site.areas_of(some) or frozenset()


def _counts(site: Site, person: Person) -> Mapping[str, int]:
    if site.areas_of(person) is None:
        return site.read_model.count_by_priority(person.audience)
    return {
        priority: len(chosen_alerts(site, person, Filter(priorities=(priority,)), limit=COUNTED_AT_MOST))
        for priority in words.PRIORITIES
    }


def _changed(site: Site, person: Person, seen: int, newest: int) -> int:
    """How much was told since the person looked: of all there is, or of open alerts of the person's own areas."""
    if site.areas_of(person) is None or newest <= seen:
        return max(newest - seen, 0)
    return len(chosen_alerts(site, person, Filter(since=seen), limit=COUNTED_AT_MOST))


def taken_back(site: Site, person: Person, since: Instant) -> list[PublishedAlert]:
    """The alerts taken back since, of those the person may see, the newest first."""
    told = site.read_model.withdrawn_since(person.audience, since)
    return site.seen_by(person, told)


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


def acknowledge_many(site: Site, request: Request, person: Person, form: FormData) -> Response:
    """Acknowledge every alert that was ticked; each value is an alert's id and the version that was seen."""
    sent = 0
    for ticked in form.getlist("alert")[:PAGE]:
        alert_id, _, version = str(ticked).partition(":")
        if _seen_alert(site, person, alert_id) is None:
            continue
        _send(site, request, action_of({"action": "acknowledge", "seen": version}, alert_id, person, site.now()))
        sent += 1
    said = f"Sent: {words.count_of(sent, 'acknowledgement')}." if sent else "Nothing was ticked."
    request.session["said"] = said
    return RedirectResponse("/inbox", status_code=303)


def alert(site: Site, request: Request, person: Person) -> Response:
    """One alert."""
    return _alert_page(site, request, person, "", 200)


def _alert_page(site: Site, request: Request, person: Person, mistake: str, status: int) -> Response:
    found = _seen_alert(site, person, request.path_params["alert_id"])
    if found is None:
        raise HTTPException(404, "There is no such alert, or it is not for you to see.")
    if not may_be_shown(site, request, person, found):
        return _ask_reason(site, request, person, found.alert_id, mistake, status)
    about = AboutAlert(
        alert=found,
        versions=site.read_model.versions(person.audience, found.alert_id),
        explanation=site.explanation(found.rule_id) if found.rule_id else None,
        fired_here=fired_here(site, found),
        answers=_answers(site, request, found.alert_id),
        acts_as=acts_as(person) if site.send is not None and may(person, "act") else "",
        breach=_breach(site, person, found),
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
    found = _seen_alert(site, person, request.path_params["alert_id"])
    if found is None:
        raise HTTPException(404, "There is no such alert, or it is not for you to see.")
    reason = str(form.get("reason", ""))
    if reason not in site.consulting.reasons:
        return _ask_reason(site, request, person, found.alert_id, "Choose why you look at it.", 400)
    note_reason(site, request, person, found, reason)
    return RedirectResponse(f"/alerts/{found.alert_id}", status_code=303)


def _seen_alert(site: Site, person: Person, alert_id: str) -> PublishedAlert | None:
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
    if breach is None or indicator is None or area is None or not may(person, "indicator"):
        return None
    if WEEK not in site.profiles[person.profile].periods_of(indicator):
        return None
    values = site.read_model.series(person.profile, indicator.id, area.code, WEEK)
    return breach_view(breach, values, indicator, area, site.catalogue, person.profile, SIGNED_IN)


def _answers(site: Site, request: Request, alert_id: str) -> list[tuple[str, ActionAnswer | None]]:
    return [(said, site.answers.to(action_id)) for action_id, said in sent_of(request, alert_id)]


def act(site: Site, request: Request, person: Person, form: FormData) -> Response:
    """Send what somebody wants to do about an alert."""
    alert_id = request.path_params["alert_id"]
    if _seen_alert(site, person, alert_id) is None:
        raise HTTPException(404, "There is no such alert, or it is not for you to see.")
    try:
        action = action_of(dict(form), alert_id, person, site.now())
    except Unfinished as error:
        return _alert_page(site, request, person, str(error), 400)
    _send(site, request, action)
    return RedirectResponse(f"/alerts/{alert_id}", status_code=303)


def _send(site: Site, request: Request, action: AlertAction) -> None:
    if site.send is None:
        raise HTTPException(503, "Actions cannot be sent from here: start these pages with a connection to Kafka.")
    try:
        site.send(action)
    except NotSent as error:
        raise HTTPException(503, f"It was not sent: {error}") from None
    note_sent(request, action.action_id, action.alert_id, words.ACTIONS[action.action])


def handover(site: Site, request: Request, person: Person) -> Response:
    """What the next shift has to know."""
    view = _sheet(site, person)
    can_act, to_meeting = site.send is not None, may(person, "meeting")
    return page(request, site, person, "handover.html", view=view, can_act=can_act, to_meeting=to_meeting)


def _sheet(site: Site, person: Person) -> HandoverView:
    shift = shift_of(site.now(), site.shift_starts)

    waiting = every_alert(site, person, Filter())
    lists = Lists(
        urgent=[alert for alert in waiting if alert.priority in ("P1", "P2")],
        waiting=waiting,
        # Whose snooze ends soon says no order of the inbox: it may be the last of the least urgent.
        snoozed=every_alert(site, person, Filter(states=("snoozed",))),
        withdrawn=taken_back(site, person, shift.began),
        blind=blind_spots(site),
        silent_feeds=silent_feeds(site.read_model.feeds(), site.catalogue, site.now()),
    )
    return handover_view(lists, audience_title(site, person), site.catalogue, shift, site.now())


def audience_title(site: Site, person: Person) -> str:
    """What the person's audience is called."""
    return next((one.title for one in site.catalogue.audiences if one.id == person.audience), person.audience)


def every_alert(site: Site, person: Person, chosen: Filter) -> list[PublishedAlert]:
    """Every alert that is as chosen and that the person may see.

    One that moves behind the place meanwhile is there once, as it is then.
    """
    found: dict[str, PublishedAlert] = {}
    place: str | None = None
    while True:
        some = chosen_alerts(site, person, chosen, limit=READ_AT_ONCE, after=place)
        found |= {alert.alert_id: alert for alert in some}
        if len(some) < READ_AT_ONCE:
            return list(found.values())
        place = place_of(some[-1])


def sign_off(site: Site, request: Request, person: Person, form: FormData) -> Response:
    """Note on every alert that was on the sheet that it was handed over, and by whom to whom.

    The form says which they were: what has come since was on no sheet, and what has changed since was read as it was.
    """
    takes_over = str(form.get("takes_over", "")).strip()[:60]
    if not takes_over:
        request.session["said"] = "Say who takes over, by number."
        return RedirectResponse("/handover", status_code=303)
    noted = 0
    for on_sheet in form.getlist("alert"):
        alert_id, _, version = str(on_sheet).partition(":")
        if _seen_alert(site, person, alert_id) is None:
            continue
        said = f"Handed over by {person.id} to {takes_over}."
        fields = {"action": "note", "rationale": said, "seen": version}
        _send(site, request, action_of(fields, alert_id, person, site.now()))
        noted += 1
    request.session["said"] = f"Signed: noted on {words.count_of(noted, 'alert')}."
    return RedirectResponse("/handover", status_code=303)


def feed(site: Site, request: Request, person: Person) -> Response:
    """The numbered feed as JSON, after a number; of alerts about a person, what the inbox tells of them."""
    news = _news(site, request, person)
    told = {
        "audience": person.audience,
        "alerts": news.alerts,
        "reached": news.reached,
        "newest": site.read_model.newest_seq(person.audience),
        "missing": news.missing,
    }
    return Response(msgspec.json.encode(told), media_type="application/json")


def feed_cap(site: Site, request: Request, person: Person) -> Response:
    """The same as messages of the Common Alerting Protocol, in an Atom feed."""
    news = _news(site, request, person)
    base = str(request.base_url) if site.sign_in is None else f"{site.sign_in.origin}/"
    reader = Reader(audience=person.audience, sender=site.sender, base=base, now=site.now())
    return Response(in_atom(news, _messages(site, base, news.alerts), reader), media_type=ATOM)


def _messages(site: Site, base: str, told: Sequence[PublishedAlert]) -> list[str]:
    speaker = Speaker(sender=site.sender, status=site.status, link=f"{base}alerts/")
    names = {code: area.name for code, area in site.catalogue.areas.by_code.items()}
    changed = {(alert.audience, alert.alert_id) for alert in told if alert.change != "raised"}
    lives = {each: _listed(site, site.read_model.versions(*each)) for each in sorted(changed)}
    return [
        cap_message(alert, lives.get((alert.audience, alert.alert_id), ()), site.cap, speaker, names) for alert in told
    ]


def _news(site: Site, request: Request, person: Person) -> News:
    """What is new after the number asked for, as a list tells it."""
    news = news_after(site, person, _read_on_from(request))
    return msgspec.structs.replace(news, alerts=tuple(_listed(site, news.alerts)))


def _listed(site: Site, told: Sequence[PublishedAlert]) -> list[PublishedAlert]:
    return [without_the_person(one) if site.consulting.is_about_a_person(one) else one for one in told]


def _read_on_from(request: Request) -> int:
    after = number_of(request.query_params.get("after", "0"))
    if after is None:
        raise HTTPException(400, f"Give the number to read on from: {request.url.path}?after=0")
    return after
