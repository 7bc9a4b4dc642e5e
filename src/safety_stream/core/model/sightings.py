"""One key's share of an incident: the only thing a rule may read."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from safety_stream.core.model.facts import Fact
from safety_stream.core.model.incidents import Origin, Place
from safety_stream.core.model.tallies import Cause
from safety_stream.core.model.times import Instant

KeyKind = Literal[
    "victim",
    "suspect",
    "person",
    "victim-perpetrator",
    "household",
    "place",
    "cell",
    "lsoa",
    "vehicle",
    "phone",
    "group",
    "linked",
    "area",
]
"""Which timeline a rule reads. A key is written `<kind>:<value>`, a pair `<kind>:<value>|<value>`; see also
`stretches.py`.

Of `linked` the value is the incident id of a group's earliest report; from `register` to `link`, the report's own.
"""


FINDING: Final = "finding"
"""The kind of a sighting that is no report: a finding on another key, whose evidence names this one. No feed has it."""


class Sighting(msgspec.Struct, frozen=True, gc=False, kw_only=True, array_like=True):
    """What a timeline holds of one report: what, when, where, in which role, said by whom.

    `roles` are the roles the key's own entity has in it; `persons` every known person token of the report and
    `complainants` the tokens of those it happened to or who reported it (victim, reporter, subject), all sorted.
    `child` is True when the key's entity, or any victim, subject or missing person, is a child. `linking` are the
    entities the report names (`linking.entities_of`), where some rule follows them from report to report, else none.
    `possible` is True when only an unconfirmed match of persons puts the report under this key. `victims` are the
    tokens of those it happened to (victim, subject), sorted. `marking` is how closely the report must be kept.
    `children` are the tokens of the children it happened to (victim, subject, missing), sorted.
    """

    incident_id: str
    source: str
    organisation: str
    kind: str
    subtype: str
    category: str
    family: str
    themes: tuple[str, ...]
    flags: tuple[str, ...]
    origin: Origin
    grade: str | None
    occurred_from: Instant
    occurred_to: Instant
    reported_at: Instant
    received_at: Instant
    area: str
    place: Place
    roles: tuple[str, ...]
    persons: tuple[str, ...]
    complainants: tuple[str, ...]
    child: bool
    disputed: bool = False
    facts: tuple[Fact, ...] = ()
    linking: tuple[str, ...] = ()
    possible: bool = False
    victims: tuple[str, ...] = ()
    marking: str = "OFFICIAL"
    children: tuple[str, ...] = ()


class SightingChange(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A signed difference: `sighting` joins the timeline of `key` (sign +1) or leaves it (sign -1).

    A correction that stays under the key is one change: the new one joins and the one it `replaces` leaves in the same
    moment, so that nothing is withdrawn in between. `cause` is the incident id and action that made it, `why` of what
    kind that is to those who count what follows (None: told before there were such).
    """

    key: str
    sign: Literal[1, -1]
    sighting: Sighting
    as_of: Instant
    cause: str
    replaces: Sighting | None = None
    why: Cause | None = None


_OF_ONE_PERSON = frozenset({"victim", "suspect", "person"})


def is_of_one_person(key: str) -> bool:
    """Whether it is somebody's timeline: nobody's are a pair's, and those of things, places and groups."""
    return key_kind(key) in _OF_ONE_PERSON


def persons_of(key: str) -> frozenset[str]:
    """The tokens of those whose timeline it is: of one person or of a pair; nobody's for every other kind of key."""
    kind, _, name = key.partition(":")
    if kind in _OF_ONE_PERSON:
        return frozenset((name,))
    return frozenset(name.split("|")) if kind == "victim-perpetrator" else frozenset()


def key_kind(key: str) -> str:
    """The kind of a key: what stands before its first colon."""
    return key.partition(":")[0]
