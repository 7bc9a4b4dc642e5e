"""The page of one alert: in ten seconds what happened, why it is flagged, what is asked and by when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from safety_stream.catalogue.explaining import Explanation, Section
from safety_stream.core.alerts.handling import ACTIONS, Policy, partners
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.findings import Evidence, Finding, Told
from safety_stream.core.model.handling import ActionAnswer
from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.model.times import Instant
from safety_stream.core.rules.linked import LINKS
from safety_stream.readmodel.reading import Answered
from safety_stream.readmodel.rows import state_of
from safety_stream.web import words
from safety_stream.web.acting import NOTHING, Written, rungs
from safety_stream.web.views.breach import BreachView, breach_of
from safety_stream.web.views.choices import Choice, choices_of
from safety_stream.web.views.links import LinksView, links_view
from safety_stream.web.views.row import AlertRow, alert_row

_OWN_HEADINGS: Final = (
    "What takes it back",
    "Where the numbers are from",
    "When it may be wrong",
    "What it does not see",
    "How urgent it is",
)
_INSIDE: Final = "What it is held to"
"""Examples: for those who write rules."""

_SAID_ALREADY: Final = "The alert says: "
"""The alert itself has said it, with its numbers."""


class Happened(msgspec.Struct, frozen=True):
    """One occurrence on the time line; `reports` are their references, and nothing of what they say."""

    at: str
    iso: str
    area: str
    told: str
    reports: tuple[str, ...]


class LeftOut(msgspec.Struct, frozen=True):
    """A report that was looked at and not counted."""

    report: str
    why: str


class Step(msgspec.Struct, frozen=True):
    """One entry of the history: when, what, by whom, and why."""

    at: str
    what: str
    by: str
    why: str


class Allowed(msgspec.Struct, frozen=True):
    """What the reader may do about it: the form's choices, and what stands in it from before.

    `to` are the partners it may be referred to and the rungs it may be escalated to, each under a heading.
    """

    actions: tuple[Choice, ...]
    reasons: tuple[Choice, ...]
    to: tuple[tuple[str, tuple[Choice, ...]], ...]
    can_acknowledge: bool
    written: Written

    @property
    def has_further(self) -> bool:
        """Whether something stands in the part of the form that is folded away."""
        written = self.written
        return bool(written.reason or written.until or written.to or written.into or written.useful)


class AlertView(msgspec.Struct, frozen=True, kw_only=True):
    """Everything on the page."""

    row: AlertRow
    audience: str
    marking: str
    family: str
    subject: str
    handled: tuple[str, ...]
    merged_href: str
    withdrawn_because: str
    happened: tuple[Happened, ...]
    happened_note: str
    holders: str
    linked: LinksView
    left_out: tuple[LeftOut, ...]
    numbers: tuple[tuple[str, str], ...]
    rule_href: str
    rule_words: tuple[Section, ...]
    urgency: tuple[str, ...]
    takes_back: tuple[str, ...]
    sources: tuple[str, ...]
    may_be_wrong: tuple[str, ...]
    does_not_see: tuple[str, ...]
    fired_here: str
    judged_here: tuple[str, ...]
    history: tuple[Step, ...]
    allowed: Allowed | None
    answers: tuple[str, ...]
    breach: BreachView | None
    breach_note: str


class Fired(msgspec.Struct, frozen=True, kw_only=True):
    """How often a rule raised an alert where this one is, and what people made of each; of alerts raised twice once."""

    times: int
    answered: Sequence[Answered] = ()


class AboutAlert(msgspec.Struct, frozen=True, kw_only=True):
    """What is known for the page: the alert, all the audience was told of it, its rule, and answers to actions.

    `acts_as` is the role the reader acts in, "" for one who may not act; `written` is what they wrote that came to
    nothing.
    """

    alert: PublishedAlert
    versions: Sequence[PublishedAlert]
    explanation: Explanation | None
    fired_here: Fired | None
    answers: Sequence[tuple[str, ActionAnswer | None]]
    acts_as: str
    breach: BreachView | None = None
    written: Written = NOTHING


def alert_view(about: AboutAlert, catalogue: Catalogue, now: Instant) -> AlertView:
    """The page."""
    alert = about.alert
    findings = alert.findings or ()
    happened = tuple(_time_line(findings, catalogue))
    said = {section.heading: section.sentences for section in about.explanation.sections} if about.explanation else {}
    audience = next((one.title for one in catalogue.audiences if one.id == alert.audience), alert.audience)
    return AlertView(
        row=alert_row(alert, catalogue, now),
        audience=audience,
        marking=alert.marking or "not told",
        family=words.FAMILIES[alert.family] if alert.family else "",
        subject=alert.subject or "",
        handled=tuple(_handled(alert)),
        merged_href=f"/alerts/{alert.handling.merged_into}" if alert.handling and alert.handling.merged_into else "",
        withdrawn_because=_withdrawn(alert, about.versions),
        happened=happened,
        happened_note=_note(alert, happened),
        holders=_holders(findings),
        linked=links_view(findings, catalogue),
        left_out=tuple(
            LeftOut(out.incident_id, words.plain(out.reason)) for finding in findings for out in finding.excluded
        ),
        numbers=tuple(fact for fact in findings[-1].facts if fact[0] != LINKS) if findings else (),
        rule_href=f"/rules/{alert.rule_id}" if about.explanation else "",
        rule_words=tuple(_rule(about.explanation)),
        takes_back=said.get(_OWN_HEADINGS[0], ()),
        sources=said.get(_OWN_HEADINGS[1], ()),
        may_be_wrong=said.get(_OWN_HEADINGS[2], ()),
        does_not_see=said.get(_OWN_HEADINGS[3], ()),
        urgency=said.get(_OWN_HEADINGS[4], ()),
        fired_here=_fired(about.fired_here, alert, catalogue),
        judged_here=tuple(_judged(about)),
        history=tuple(_history(about.versions)),
        allowed=_allowed(about, catalogue.handling) if about.acts_as else None,
        answers=tuple(_answer(said, answer) for said, answer in about.answers),
        breach=about.breach,
        breach_note=_breach_note(about, catalogue),
    )


def _time_line(findings: Sequence[Finding], catalogue: Catalogue) -> Iterator[Happened]:
    occurrences = {item.occurrence_id: item for finding in findings for item in finding.evidence}
    for item in sorted(occurrences.values(), key=lambda item: (item.occurred_at, item.occurrence_id)):
        yield Happened(
            at=words.at(item.occurred_at),
            iso=words.iso(item.occurred_at),
            area=words.area_name(catalogue, item.area),
            told=_told(item),
            reports=item.reports,
        )


def _told(item: Evidence) -> str:
    """How many reports there are of it, by whom and of what sort, and in which roles the person stands in them."""
    by = words.listed([f"{words.plain(one.organisation)} ({_sort(one)})" for one in item.told])
    return words.count_of(len(item.reports), "report") + (f", told by {by}" if by else "")


def _sort(told: Told) -> str:
    roles = words.listed([words.plain(role) for role in told.roles])
    return words.plain(told.kind) + (f", as {roles}" if roles else "")


def _holders(findings: Sequence[Finding]) -> str:
    """Which organisations hold a record of what happened: whom to ask, and not what they know.

    Those on whose reports it rests, and no others: nobody says here that there is somebody they know.
    """
    by = sorted(
        {words.plain(one.organisation) for finding in findings for item in finding.evidence for one in item.told}
    )
    if not by:
        return ""
    return f"A record of this is held by {words.listed(by)}, who told of it. Who else holds one is not known here."


def _note(alert: PublishedAlert, happened: Sequence[Happened]) -> str:
    if alert.findings is None:
        return "This audience is told the sentence above, and not the reports it rests on."
    if happened:
        return ""
    return "Nothing stands behind it any more." if alert.change == "withdrawn" else "It names no single reports."


def _handled(alert: PublishedAlert) -> Iterator[str]:
    """What is to be known of its handling besides its state."""
    handling = alert.handling
    if handling is None:
        return
    if handling.overdue:
        yield "A clock has run out, and nobody has answered since."
    if handling.escalated_to:
        yield f"Escalated to {words.plain(handling.escalated_to)}."
    if handling.referred_to:
        yield f"Referred to {words.plain(handling.referred_to)}."
    if handling.useful is not None:
        yield f"Somebody found it {'useful' if handling.useful else 'of no use'}."


def _withdrawn(alert: PublishedAlert, versions: Sequence[PublishedAlert]) -> str:
    """When it was taken back, and why: what is still done about it afterwards is told under the same version."""
    if alert.change != "withdrawn":
        return ""
    same = (told for told in versions if told.version == alert.version and told.change == "withdrawn")
    alert = next(same, alert)
    return f"Told {words.at(alert.as_of)}{f', because {alert.cause}' if alert.cause else ''}."


def _rule(explanation: Explanation | None) -> Iterator[Section]:
    for section in explanation.sections if explanation else ():
        if section.heading not in _OWN_HEADINGS and section.heading != _INSIDE:
            sentences = tuple(one for one in section.sentences if not one.startswith(_SAID_ALREADY))
            yield Section(section.heading, sentences)


def _fired(fired: Fired | None, alert: PublishedAlert, catalogue: Catalogue) -> str:
    if fired is None:
        return ""
    times = "once" if fired.times == 1 else f"{fired.times:,} times"
    return f"This rule raised an alert in {words.area_name(catalogue, alert.area)} {times} in the last twelve months."


def _judged(about: AboutAlert) -> Iterator[str]:
    """What people made of a rule's alerts here: whether they were of use, and what was done about them."""
    answered = about.fired_here.answered if about.fired_here else ()
    if not answered:
        if about.fired_here and about.alert.handling is None:
            yield "What people made of them is not told to this audience."
        return
    useful, useless = (sum(one.useful is said for one in answered) for said in (True, False))
    unjudged = len(answered) - useful - useless
    yield f"Found useful: {useful:,}. Found of no use: {useless:,}. Judged by nobody: {unjudged:,}."
    done = Counter(one.decided for one in answered if one.decided is not None)
    yield " ".join(f"{_capital(words.STATES[state])}: {done[state]:,}." for state in words.DECIDED if done[state]) or (
        "Nothing has been decided about any."
    )
    why = Counter(one.reason or "no reason told" for one in answered if one.decided == "no-further-action")
    if why:
        said = [f"{words.plain(reason)} {count:,}" for reason, count in sorted(why.items(), key=_most_first)]
        yield f"Why no further action: {', '.join(said)}."
    undecided = len(answered) - sum(done.values())
    if done and undecided:
        yield f"Nothing decided: {undecided:,}."


def _most_first(counted: tuple[str, int]) -> tuple[int, str]:
    return -counted[1], counted[0]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _history(versions: Sequence[PublishedAlert]) -> Iterator[Step]:
    """What was told, and what people did, the newest first; each step of the handling once."""
    steps: list[Step] = []
    version, number = 0, 0
    for told in versions:
        if told.version > version:
            version = told.version
            if told.handling is not None and told.handling.number < number:
                # It was forgotten in between, and counts from 1 again.
                number = 0
            why = words.REASONS[told.reason] if told.reason else ""
            steps.append(Step(words.at(told.as_of), words.CHANGES[told.change], "the rules", why))
        handling = told.handling
        if handling is not None and handling.number > number:
            number = handling.number
            if handling.actor or handling.what not in _TOLD_ANYWAY:
                by = f"{handling.role} {handling.actor}".strip() or "the clock"
                why = ". ".join(part for part in (words.plain(handling.reason), handling.rationale) if part)
                steps.append(Step(words.at(handling.as_of), words.HAPPENED[handling.what], by, why))
    yield from reversed(steps)


_TOLD_ANYWAY: Final = frozenset({"raised", "worsened", "told-again", "restated", "withdrawn"})
"""Of these the versions of the alert tell already."""


def _allowed(about: AboutAlert, policy: Policy) -> Allowed | None:
    """What the tables let this role do about an alert in its state; what they refuse all the same they answer."""
    role, written, state = about.acts_as, about.written, state_of(about.alert)
    possible = [one for one in words.ACTIONS if one in policy.roles.get(role, ()) and state in ACTIONS[one]]
    if not possible:
        return None
    reasons = dict.fromkeys(reason for one in possible for reason in policy.reasons.get(one, ()))
    to = (
        ("Refer to a partner", partners(policy) if "refer" in possible else frozenset[str]()),
        ("Escalate to", rungs(about.alert.priority, policy) if "escalate" in possible else frozenset[str]()),
    )
    return Allowed(
        actions=choices_of({one: words.ACTIONS[one] for one in possible}, (written.action,)),
        reasons=choices_of({one: words.plain(one) for one in reasons}, (written.reason,)),
        to=tuple(
            (title, choices_of({one: words.plain(one) for one in sorted(whom)}, (written.to,)))
            for title, whom in to
            if whom
        ),
        can_acknowledge="acknowledge" in possible and state != "snoozed",
        written=written,
    )


def _answer(said: str, answer: ActionAnswer | None) -> str:
    if answer is None:
        return f"{said}: sent, and not answered yet. Load the page again."
    return f"{said}: done." if answer.done else f"{said}: refused: {answer.why}"


def _breach_note(about: AboutAlert, catalogue: Catalogue) -> str:
    if about.breach is not None or breach_of(about.alert, catalogue.rules) is None:
        return ""
    return "The numbers behind it are not among those you are shown."
