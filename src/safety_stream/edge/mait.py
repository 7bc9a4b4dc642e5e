"""Incident messages in the shape of MAIT, the Multi Agency Incident Transfer standard, as reports of the agency's feed.

What the file is, and what follows from it:

- One XML file holds messages as a hub passed them on: an incident is created, updated and closed, each with the number
  of the message. The number is the version, so the messages may come in any order.
- The agency that sent it decides the source: police, fire and rescue, ambulance. Others' incidents have no feed yet.
- What happened is a word of the hub's vocabulary, by the table below; a word that is not in it is rejected.
- Nothing of people is taken: callers, casualties and remarks stay with the agencies. The feeds of fire and ambulance
  could not carry a person, and a dispatcher's text may hold anybody.
- Times without a zone are London's; in the hour that the clocks of autumn go through twice the report covers both, but
  for a message sent in that very hour: it covers the first.

MAIT 1.0.0 may be implemented and not altered, and its list of elements was not at hand: the names below are those that
its published needs speak of. They are in one table, for whoever holds the standard to set right; the shape, messages
with a sender, a reference, a number, times, a type and a place, is the standard's.

That an incident is received is confirmed by the gateway's receipts, not by this file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import BinaryIO, Final, NamedTuple

from safety_stream.core.catalogue import Areas
from safety_stream.core.model.incidents import Action
from safety_stream.core.model.reports import Report
from safety_stream.core.model.times import Instant, to_iso
from safety_stream.edge import stated
from safety_stream.edge.entries import Details, Entry, Reject
from safety_stream.edge.markup import Element, elements, name_of
from safety_stream.edge.personal import CODE_WANTED, is_code

MESSAGES: Final[Mapping[str, Action]] = {
    "incidentcreation": "new",
    "incidentupdate": "correct",
    "incidentclosure": "correct",
}
"""The messages there are, and what each does to the one before it."""

NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "agency": ("originatingagency", "agencyidentifier", "sender"),
    "reference": ("incidentreference", "incidentnumber"),
    "number": ("messagenumber", "sequencenumber"),
    "called": ("timeofcall", "calltime"),
    "happened": ("timeofincident", "incidenttime"),
    "sent": ("timeofmessage", "messagetime"),
    "type": ("incidenttype", "incidentclassification"),
    "uprn": ("uprn",),
    "easting": ("easting",),
    "northing": ("northing",),
}
"""The elements a message may have for each thing it says, as `markup.name_of` has them."""

TYPES: Final[Mapping[str, str]] = {
    "assault": "violence",
    "violence": "violence",
    "stabbing": "violence",
    "robbery": "robbery",
    "burglary": "burglary",
    "domesticabuse": "domestic-abuse",
    "antisocialbehaviour": "anti-social-behaviour",
    "noise": "asb-noise",
    "criminaldamage": "criminal-damage-arson",
    "publicorder": "public-order",
    "weapons": "possession-of-weapons",
    "drugs": "drugs",
    "overdose": "overdose",
    "deliberatefire": "deliberate-fire",
    "accidentalfire": "accidental-fire",
    "roadtrafficcollision": "collision",
    "missingperson": "missing",
}
"""The hub's words for what happened, letters alone, and our categories."""

_FLAGS: Final[Mapping[str, tuple[str, ...]]] = {"stabbing": ("weapon",), "weapons": ("weapon",)}
_NUMBER_AT_MOST: Final = 1_000_000


class _Feed(NamedTuple):
    """Whose reports an agency's messages are, and where its details keep reference and time of the call."""

    source: str
    kind: str
    reference: str
    called: str | None


_FEEDS: Final[Mapping[str, _Feed]] = {
    "police": _Feed("police-incidents", "police-incident", "log_number", None),
    "fire": _Feed("fire", "fire", "incident_number", "called_at"),
    "ambulance": _Feed("ambulance", "ambulance-call", "cad_ref", "called_at"),
}
"""By the word that is in an agency's name and in no other's."""


def read(file: BinaryIO, areas: Areas | None = None) -> Iterator[Entry | Reject]:
    """The messages of an open file, plain or gzip, in its order. Raises `UnreadableFile`."""
    del areas
    for message in elements(file, MESSAGES):
        if isinstance(message, Reject):
            yield message
            continue
        try:
            yield _entry(message)
        except stated.Wrong as wrong:
            yield Reject(line=message.line, reason=str(wrong))


def _entry(message: Element) -> Entry:
    said = {name: message.first(*names) for name, names in NAMES.items()}
    feed = _feed(said["agency"])
    reference = said["reference"]
    if not is_code(reference):
        raise stated.Wrong(f"IncidentReference is taken as it stands, so it {CODE_WANTED}")
    called = stated.moment(said["called"], "TimeOfCall")
    happened = stated.moment(said["happened"], "TimeOfIncident") or called
    sent = stated.moment(said["sent"], "TimeOfMessage")
    if called is None or happened is None or sent is None:
        raise stated.Wrong("TimeOfCall and TimeOfMessage are needed: when it was told, and when this was sent")
    kind = name_of(said["type"])
    if kind not in TYPES:
        raise stated.Wrong(f"IncidentType is none of the words known: write one of {', '.join(sorted(TYPES))}")
    details: dict[str, str] = {feed.reference: reference}
    if feed.called is not None:
        details[feed.called] = to_iso(called.first)
    name = feed.kind.replace("-", "_")
    whole: Details = {name: details}
    return Entry(
        line=message.line,
        # Within an hour that is gone through twice it may have been told in the first and sent in the second.
        received_at=sent.first if sent.first >= called.first else sent.last,
        details=whole,
        report=Report(
            source=feed.source,
            source_ref=reference,
            source_version=_number(said["number"]),
            action=MESSAGES[message.name],
            kind=feed.kind,
            category=TYPES[kind],
            flags=_FLAGS.get(kind, ()),
            occurred_from=happened.first,
            occurred_to=_ended(happened, sent),
            reported_at=called.first,
            place=stated.place(said["uprn"], "", said["easting"], said["northing"]),
            details=(name,),
        ),
    )


def _ended(happened: stated.Moment, sent: stated.Moment) -> Instant | None:
    """The last instant at which it may have happened, which is none after it was told of."""
    # Sent in that hour itself, which of the two it was is as little known of the one as of the other.
    ended = happened.first if sent.last > sent.first else min(happened.last, sent.last)
    return ended if ended > happened.first else None


def _feed(agency: str) -> _Feed:
    found = [feed for word, feed in _FEEDS.items() if word in name_of(agency)]
    if len(found) != 1:
        raise stated.Wrong("OriginatingAgency is no police, fire and rescue or ambulance service: others have no feed")
    return found[0]


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:8]) <= _NUMBER_AT_MOST):
        raise stated.Wrong("MessageNumber is no whole number from 1: it tells which message is the later")
    return int(text)
