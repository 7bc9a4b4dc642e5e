"""A published alert as a message of the Common Alerting Protocol (OASIS CAP 1.2), which control rooms elsewhere read.

Theory of operation
-------------------
One published record is one message, and the same record is the same bytes, whoever asks. CAP has no versions: a message
takes the place of earlier ones by naming them. So an alert that is raised is an `Alert`; whatever is new of it is an
`Update`, which names all that was said of it since it was raised; that somebody acknowledged it is an `Ack` of the last
of these, and takes no place; that it is no longer true is a `Cancel` of all of them. What people do about it after that
is an `Update` of the `Cancel`, and still says that all is clear. What was said before it was last withdrawn is over,
and is named no more.

Nothing here says whom an alert is about. A message holds its reference and a link, the rule's title, its family, the
area's code, and the sentence where the audience of the record may have it; what the record does not hold cannot be in
it. Which of CAP's words stand for ours is data: `catalogue/cap.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal

import msgspec

from safety_stream.core.alerts.handling import OF_CONDITION
from safety_stream.core.model.findings import Family, Priority
from safety_stream.core.model.published import OF_HANDLING, PublishedAlert
from safety_stream.core.model.times import Instant, to_datetime

NAMESPACE: Final = "urn:oasis:names:tc:emergency:cap:1.2"

Status = Literal["Actual", "Exercise", "System", "Test", "Draft"]
"""What receivers are to make of all that is said: act on it, play it, or nothing."""

MessageType = Literal["Alert", "Update", "Cancel", "Ack"]
Urgency = Literal["Immediate", "Expected", "Future", "Past", "Unknown"]
Severity = Literal["Extreme", "Severe", "Moderate", "Minor", "Unknown"]
Certainty = Literal["Observed", "Likely", "Possible", "Unlikely", "Unknown"]
Response = Literal["Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "Assess", "AllClear", "None"]
Category = Literal[
    "Geo",
    "Met",
    "Safety",
    "Security",
    "Rescue",
    "Fire",
    "Health",
    "Env",
    "Transport",
    "Infra",
    "CBRNE",
    "Other",
]

LANGUAGE: Final = "en-GB"
NAMED_AT_MOST: Final = 100
"""Earlier messages that one names, the newest: each that is not was named by one of these."""

_HEADLINE_CHARACTERS: Final = 160
"""What CAP says some receivers can show."""

_OF_STATISTICS = re.compile(r"[EKNSW][0-9]{8}").fullmatch
_NOT_IN_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NAME = re.compile(r"[^\s,<&]+").fullmatch


class Graded(msgspec.Struct, frozen=True, kw_only=True):
    """How urgent, severe and certain something is, and what receivers are asked to do."""

    urgency: Urgency
    severity: Severity
    certainty: Certainty
    response: Response


class CapWords(msgspec.Struct, frozen=True, kw_only=True):
    """CAP's words for priorities and families; of those an audience may not have, and of what is withdrawn."""

    by_priority: Mapping[Priority, Graded]
    untold: Graded
    withdrawn: Graded
    by_family: Mapping[Family, Category]
    other: Category


class Speaker(msgspec.Struct, frozen=True, kw_only=True):
    """Who says it. `sender` is known among all there are, by a domain's name; `link` has an alert's id added to it.

    Without `link` no address is told. Raises `ValueError` for a sender that CAP cannot carry.
    """

    sender: str
    status: Status
    link: str = ""

    def __post_init__(self) -> None:
        """Refuse what would break a reference in pieces."""
        if not _NAME(self.sender):
            raise ValueError("the sender of CAP messages is one word without commas, < or &: alerts.example.org")


def cap_message(
    alert: PublishedAlert,
    earlier: Iterable[PublishedAlert],
    words: CapWords,
    speaker: Speaker,
    area_names: Mapping[str, str],
) -> str:
    """A record as a CAP message: an XML element and a line's end.

    `earlier` are the records of the same alert and audience before it, oldest first; `area_names` what areas are called
    by code.
    """
    kind = message_type(alert)
    named = _named(alert, kind, earlier)
    # An Ack says nothing but what it acknowledges.
    info = [] if kind == "Ack" else [_info(alert, words, speaker, area_names)]
    is_missing = kind != "Alert" and not named
    inside = [
        _leaf("identifier", identifier(alert)),
        _leaf("sender", speaker.sender),
        _leaf("sent", sent_at(alert.as_of)),
        _leaf("status", speaker.status),
        _leaf("msgType", kind),
        _leaf("scope", "Restricted"),
        _leaf("restriction", ": ".join(part for part in (alert.marking, f"for {alert.audience} alone") if part)),
        _leaf("note", " ".join(_notes(alert, speaker, is_missing=is_missing))),
        *([_leaf("references", " ".join(_reference(one, speaker) for one in named))] if named else []),
        _leaf("incidents", alert.alert_id),
        *info,
    ]
    return f'<alert xmlns="{NAMESPACE}">\n{"".join(inside)}</alert>\n'


def _notes(alert: PublishedAlert, speaker: Speaker, *, is_missing: bool) -> Iterator[str]:
    if speaker.status == "Exercise":
        # CAP asks an exercise to be named here.
        yield f"An exercise of {speaker.sender}: nothing of this has happened."
    if is_missing:
        yield f"Of number {alert.prior_seq} of the feed, which is not kept here."


def message_type(alert: PublishedAlert) -> MessageType:
    """What kind of message a record is."""
    if alert.change == "raised":
        return "Alert"
    if alert.change == "withdrawn":
        return "Update" if alert.reason in OF_HANDLING else "Cancel"
    is_acknowledged = alert.reason == "handled" and alert.handling is not None and alert.handling.what == "acknowledge"
    return "Ack" if is_acknowledged else "Update"


def identifier(alert: PublishedAlert) -> str:
    """What a message is called, which no other of the same sender is."""
    return f"{alert.audience}.{alert.seq}.{alert.alert_id}"


def sent_at(instant: Instant) -> str:
    """A time as CAP writes it: to the second, UTC as `-00:00`."""
    return to_datetime(instant).strftime("%Y-%m-%dT%H:%M:%S-00:00")


def escaped(text: str) -> str:
    """Text between tags. What XML cannot hold at all is replaced."""
    held = _NOT_IN_XML.sub("\ufffd", text)
    return held.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def headline(alert: PublishedAlert) -> str:
    """One line: that it is over, how urgent, what."""
    over = "Withdrawn:" if alert.change == "withdrawn" else None
    said = " ".join(part for part in (over, alert.priority, _event(alert)) if part)
    return said if len(said) <= _HEADLINE_CHARACTERS else f"{said[: _HEADLINE_CHARACTERS - 1]}…"


def _named(alert: PublishedAlert, kind: MessageType, earlier: Iterable[PublishedAlert]) -> list[PublishedAlert]:
    """The earlier messages this one is about."""
    if kind == "Alert":
        return []
    opening: list[PublishedAlert] = []
    for one in earlier:
        if one.seq < alert.seq:
            said = message_type(one)
            if said in ("Alert", "Cancel"):
                opening = [one]
            elif said == "Update":
                opening.append(one)
    return opening[-1:] if kind == "Ack" else opening[-NAMED_AT_MOST:]


def _reference(alert: PublishedAlert, speaker: Speaker) -> str:
    return f"{speaker.sender},{identifier(alert)},{sent_at(alert.as_of)}"


def _event(alert: PublishedAlert) -> str:
    return (alert.title or "").strip() or "Alert"


def _info(alert: PublishedAlert, words: CapWords, speaker: Speaker, area_names: Mapping[str, str]) -> str:
    graded = words.untold if alert.priority is None else words.by_priority[alert.priority]
    if alert.change == "withdrawn":
        graded = words.withdrawn
    return _branch(
        "info",
        _leaf("language", LANGUAGE),
        _leaf("category", words.other if alert.family is None else words.by_family[alert.family]),
        _leaf("event", _event(alert)),
        _leaf("responseType", graded.response),
        _leaf("urgency", graded.urgency),
        _leaf("severity", graded.severity),
        _leaf("certainty", graded.certainty),
        _leaf("audience", alert.audience),
        _leaf("onset", None if alert.first_completed_at is None else sent_at(alert.first_completed_at)),
        _leaf("headline", headline(alert)),
        _leaf("description", alert.explanation),
        _leaf("web", f"{speaker.link}{alert.alert_id}" if speaker.link else None),
        *(_pair("parameter", name, value) for name, value in _parameters(alert)),
        *(_area(code, area_names) for code in _areas(alert)),
    )


def _parameters(alert: PublishedAlert) -> Iterator[tuple[str, str]]:
    """What CAP has no place for; the names are ours."""
    yield "seq", str(alert.seq)
    yield "version", str(alert.version)
    handling = alert.handling
    # What was done, for readers who pass over notes and judgements.
    handled = None if handling is None or handling.what in OF_CONDITION else handling.what
    of_alert = (("priority", alert.priority), ("family", alert.family), ("reason", alert.reason), ("handled", handled))
    for name, value in of_alert:
        if value is not None:
            yield name, value


def _areas(alert: PublishedAlert) -> list[str]:
    others = sorted(set(alert.areas or ()) - {alert.area or ""})
    return [*([alert.area] if alert.area else []), *others]


def _area(code: str, names: Mapping[str, str]) -> str:
    # The codes of the Office for National Statistics are known by that name; others are ours.
    domain = "GSS" if _OF_STATISTICS(code) else "safety-stream"
    return _branch("area", _leaf("areaDesc", names.get(code, code)), _pair("geocode", domain, code))


def _pair(name: str, value_name: str, value: str) -> str:
    return _branch(name, _leaf("valueName", value_name), _leaf("value", value))


def _branch(name: str, *inside: str) -> str:
    return f"<{name}>\n{''.join(inside)}</{name}>\n"


def _leaf(name: str, text: str | None) -> str:
    return f"<{name}>{escaped(text.strip())}</{name}>\n" if text is not None and text.strip() else ""
