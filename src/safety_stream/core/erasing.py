"""How far an erasure reaches, and who may do it.

*Reach.* The reports that named a person, and the things that nobody else was ever named with: whose key is destroyed is
found by that thing no more, so it must be nobody else's.

*Four eyes.* A key that is destroyed is destroyed for ever. So one person requests it and another confirms it, in the
time the catalogue gives; both are on record:

    requested ──until──▶ nothing: it has to be requested again
        └── confirmed by somebody else ──▶ on record as an erasure, and the keys are destroyed

A request is of each thing that was to be erased then. What the person has come to go by since, or what only reports
about the person name by now, nobody has requested, or nobody with the rest: then all of it has to be requested again,
because what is confirmed is one request, whole or not at all (`core/stages/enter.py`). A confirmed request stays
good until its time is over, so that whoever was stopped on the way can do it once more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final, Literal

import msgspec

from safety_stream.core.model.incidents import Action, IncidentVersion
from safety_stream.core.model.published import AuditRecord
from safety_stream.core.model.times import Instant
from safety_stream.core.persons import named_in
from safety_stream.core.register import highest_of

_GONE: Final = "erase"

REQUESTED: Final = "erasure-request"
"""What the reason of a record of `audit.entries` begins with; what follows is why."""

Confirmation = Literal["confirmed", "never-requested", "too-late", "grown", "same-person"]
"""What comes of it when somebody wants to confirm an erasure."""


class Request(msgspec.Struct, frozen=True):
    """Who has requested that something is erased, why, and until when somebody else may confirm it.

    It `has_begun` once something of all that was requested with it is on record as erased: then the rest follows.
    """

    actor: str
    reason: str
    until: Instant
    has_begun: bool = False


def requests_in(records: Iterable[AuditRecord]) -> dict[str, Request]:
    """The newest request for each subject, of records in order."""
    found: dict[str, Request] = {}
    begun: set[str] = set()
    for record in records:
        word, _, reason = (record.reason or "").partition(": ")
        if record.subject is None:
            continue
        if word == REQUESTED and record.verb == "alteration":
            found[record.subject] = Request(record.actor or "", reason, record.until or record.as_of)
        elif record.verb == "erasure" and (request := found.get(record.subject)) is not None:
            begun.add(name_of_request(request.actor, request.until))
    return {
        subject: msgspec.structs.replace(request, has_begun=name_of_request(request.actor, request.until) in begun)
        for subject, request in found.items()
    }


def name_of_request(actor: str, until: Instant) -> str:
    """What tells a request from others: whoever makes one says the same time of everything it is of."""
    return f"{actor}/{until}"


def standing_request(requests: Mapping[str, Request], subjects: Collection[str], now: Instant) -> Request | None:
    """The one request for all of these that may be confirmed still; None where there is none."""
    known = {requests.get(one) for one in subjects}
    found = known.pop() if len(known) == 1 else None
    return found if found is not None and now < found.until else None


def confirmation_of(requests: Mapping[str, Request], subjects: Collection[str], by: str, now: Instant) -> Confirmation:
    """Whether `by` may confirm the erasure of these subjects, all of them or none."""
    known = [requests[one] for one in subjects if one in requests]
    standing = [one for one in known if now < one.until]
    if not known:
        return "never-requested"
    if not standing:
        return "too-late"
    if len(standing) < len(subjects) or len({*standing}) > 1:
        return "grown"
    return "same-person" if standing[0].actor == by else "confirmed"


class StandingReport(msgspec.Struct, frozen=True):
    """A report that named the person and has not been erased by its source."""

    incident_id: str
    source: str
    stands_as: Action


class Reach(msgspec.Struct, frozen=True):
    """What one person's erasure is about, sorted.

    `reports` are all that ever named the person, erased or not, `standing` those of them that their sources have yet to
    erase. `things` are vehicles, telephones and groups that were never told without the person or with anybody else;
    `shared` those that were, and that stay therefore.
    """

    reports: tuple[str, ...]
    things: tuple[str, ...]
    shared: tuple[str, ...]
    standing: tuple[StandingReport, ...]


def reach_of(versions: Callable[[], Iterable[IncidentVersion]], tokens: Collection[str]) -> Reach:
    """What is to be erased of whoever goes by these tokens. `versions` are all of all reports; they are read twice."""
    persons = frozenset(tokens)
    if not persons:
        return Reach(reports=(), things=(), shared=(), standing=())
    about: set[str] = set()
    things: set[str] = set()
    for version in versions():
        if not persons.isdisjoint(named_in(version)):
            about.add(version.incident_id)
            things.update(_things_of(version))
    shared: set[str] = set()
    theirs: list[IncidentVersion] = []
    for version in versions():
        if version.incident_id in about:
            theirs.append(version)
        if version.incident_id not in about or not persons.issuperset(named_in(version)):
            shared.update(things.intersection(_things_of(version)))
    standing = [
        StandingReport(one.incident_id, one.source, one.action)
        for one in highest_of(theirs).values()
        if one.action != _GONE
    ]
    return Reach(
        reports=tuple(sorted(about)),
        things=tuple(sorted(things - shared)),
        shared=tuple(sorted(shared)),
        standing=tuple(sorted(standing, key=lambda one: (one.source, one.incident_id))),
    )


def _things_of(version: IncidentVersion) -> Iterable[str]:
    return (*version.vehicles, *version.phones, *((version.group,) if version.group else ()))
