"""What `watch` shows of the inbox, in words: which alerts are open, what each says, and whether anything is heard.

The words are those of the pages (`web.views`), and so are the questions asked of the read model. Nothing here knows a
terminal: `watch_screen` shows it to people, and `watch --once` prints it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from safety_stream.core.consulting import without_the_person
from safety_stream.core.model.findings import Priority
from safety_stream.core.model.handling import AlertAction
from safety_stream.core.model.times import DAY_LENGTH
from safety_stream.web import words
from safety_stream.web.acting import action_of
from safety_stream.web.filters import Filter
from safety_stream.web.pages.alerts import fired_here
from safety_stream.web.policy import Person
from safety_stream.web.site import Site
from safety_stream.web.views.alert import AboutAlert, AlertView, alert_view
from safety_stream.web.views.health import FeedLine, blindness, feeds_view
from safety_stream.web.views.row import AlertRow, alert_row

AT_MOST: Final = 200
"""Alerts that are shown, the most urgent; of more it is said that there are more."""

_REFUSED_WITHIN: Final = 28 * DAY_LENGTH


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What there was at one look: of all open alerts how many, those that are as chosen, and who is heard.

    `blind` says why this may not be all there is; there being no alert means something only where it is empty.
    """

    chosen: Filter
    at: str
    counts: Mapping[str, int]
    rows: tuple[AlertRow, ...]
    is_more: bool
    feeds: tuple[FeedLine, ...]
    blind: tuple[str, ...]

    @property
    def unheard(self) -> tuple[FeedLine, ...]:
        """The feeds from which nothing comes."""
        return tuple(feed for feed in self.feeds if feed.level != "heard")


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """An alert for machines, in the order of the inbox. `due` is when its next clock runs out, London time."""

    alert_id: str
    version: int
    priority: Priority | None
    state: str
    clock: str
    due: str | None
    is_overdue: bool
    owner: str
    area: str
    title: str
    sentence: str


class Part(msgspec.Struct, frozen=True):
    """Some lines of what is said of one alert, under a heading."""

    heading: str
    lines: tuple[str, ...]


def look(site: Site, person: Person, chosen: Filter) -> Look:
    """The inbox of the person's audience. Raises what the database raises."""
    model, now = site.read_model, site.now()
    allowed = site.areas_of(person)
    found = model.inbox(
        person.audience,
        priorities=chosen.priorities,
        areas=allowed or (),
        text=chosen.text or None,
        limit=AT_MOST + 1,
    )
    feeds, copy = model.feeds(), model.health()
    refused = model.dead_letters_by_reason(now - _REFUSED_WITHIN)
    return Look(
        chosen=chosen,
        at=words.at(now),
        counts=model.count_by_priority(person.audience),
        rows=tuple(alert_row(alert, site.catalogue, now) for alert in found[:AT_MOST]),
        is_more=len(found) > AT_MOST,
        feeds=feeds_view(feeds, copy, refused, site.catalogue, now).lines,
        blind=blindness(copy, feeds, now),
    )


def heading(seen: Look) -> str:
    """How many are open, and how many of them are shown where that is not the same."""
    number = sum(seen.counts.values())
    said = [f"{count} {priority or 'of untold priority'}" for priority, count in seen.counts.items() if count]
    told = f"{words.count_of(number, 'open alert')}{': ' if said else ''}{', '.join(said)}"
    if len(seen.rows) == number:
        return told
    return f"{told}; shown: {'the first ' if seen.is_more else ''}{len(seen.rows)} {_as_chosen(seen.chosen)}".rstrip()


def _as_chosen(chosen: Filter) -> str:
    parts = (*chosen.priorities, f"with “{chosen.text}”" if chosen.text else "")
    return " ".join(part for part in parts if part)


def of_feeds(seen: Look) -> str:
    """Who is not heard, in one sentence."""
    silent = [feed.title for feed in seen.unheard]
    if not silent:
        return f"All {len(seen.feeds)} feeds are heard."
    if len(silent) == len(seen.feeds):
        return "Nothing is heard of any feed: there is no data."
    return f"Nothing is heard of {words.listed(silent)}: there is no data from there."


def nothing_open(seen: Look) -> str:
    """What is said in place of alerts: that there are none, and how far that can be believed."""
    if seen.blind:
        return "No alert is known to be open, and there may be some: see above."
    if seen.counts and sum(seen.counts.values()):
        return "No alert is as chosen; others are open."
    return f"No alert is open. {of_feeds(seen)}"


def line_of(row: AlertRow) -> Line:
    """A row for machines."""
    return Line(
        alert_id=row.id,
        version=row.version,
        priority=row.priority,
        state=row.state,
        clock=row.clock.text if row.clock else "",
        due=words.iso(row.clock.due) if row.clock else None,
        is_overdue=row.clock is not None and row.clock.level == "late",
        owner=row.owner,
        area=row.area,
        title=row.title,
        sentence=row.sentence,
    )


_ON_ITS_PAGE: Final = "Whom it is about and which reports it rests on is on its page, which asks why you look."


def about(site: Site, person: Person, alert_id: str) -> AlertView | None:
    """What a list may tell of an alert; None where the audience was never told of it.

    Whom it is about and which reports it rests on is on its page, which asks why somebody looks and records it.
    """
    alert = site.read_model.alert(person.audience, alert_id)
    if alert is None:
        return None
    versions = site.read_model.versions(person.audience, alert_id)
    is_cut = site.consulting.is_about_a_person(alert)
    if is_cut:
        alert, versions = without_the_person(alert), [without_the_person(one) for one in versions]
    known = AboutAlert(
        alert=alert,
        versions=versions,
        explanation=site.explanation(alert.rule_id) if alert.rule_id else None,
        fired_here=fired_here(site, alert),
        answers=(),
        acts_as=site.acts_as(person),
    )
    view = alert_view(known, site.catalogue, site.now())
    return msgspec.structs.replace(view, happened_note=_ON_ITS_PAGE) if is_cut else view


def parts_of(view: AlertView) -> tuple[Part, ...]:
    """What is said of an alert, in the order somebody asks; parts of which nothing is known are left out."""
    return tuple(part for part in _parts(view) if part.lines)


def _parts(view: AlertView) -> Iterator[Part]:
    yield Part("Taken back: this is no longer true", (view.withdrawn_because,) if view.withdrawn_because else ())
    row = view.row
    owner = f", with {row.owner}" if row.owner else ""
    clock = f"{row.clock.text}." if row.clock else "No clock runs."
    asked = (f"It is {row.state}{owner}. {clock}", *view.handled, f"Told {row.told}. {row.why_now}".rstrip())
    yield Part("What is asked, and what has been done", asked)
    happened = tuple(f"{one.at}, {one.area}: {one.told}" for one in view.happened)
    yield Part("What happened", happened or ((view.happened_note,) if view.happened_note else ()))
    yield Part("Looked at and not counted", tuple(f"{one.report}: {one.why}" for one in view.left_out))
    yield Part("Why it is flagged", view.rule_words[0].sentences if view.rule_words else ())
    yield Part("In numbers", tuple(f"{name.replace('_', ' ')}: {said}" for name, said in view.numbers))
    yield Part("What would take it back", view.takes_back)
    yield Part("How often", (view.fired_here, *view.judged_here) if view.fired_here else ())
    yield Part("When it may be wrong", view.may_be_wrong)
    history = (f"{step.at}: {step.what} by {step.by}. {step.why}".rstrip() for step in view.history)
    yield Part("History", tuple(history))
    who = (("About", view.family), ("Subject", view.subject), ("For", view.audience), ("Marked", view.marking))
    known = tuple(f"{name}: {said}" for name, said in who if said)
    yield Part("Who and what", (*known, f"Alert: {row.id}"))


def acknowledging(site: Site, person: Person, row: AlertRow) -> AlertAction:
    """The action by which a person acknowledges an alert as it was shown."""
    return action_of(
        {"action": "acknowledge", "seen": str(row.version)}, row.id, person, site.acts_as(person), site.now()
    )
