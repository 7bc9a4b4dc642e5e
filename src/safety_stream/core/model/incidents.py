"""What a partner claims to have happened, checked and stamped: the value on `incidents`."""

from __future__ import annotations

from typing import Literal

import msgspec

from safety_stream.core.model.facts import Fact
from safety_stream.core.model.times import Instant, Precision

Action = Literal["new", "correct", "withdraw", "erase", "restrict", "dispute"]
"""What a report does to the one before it with the same source and reference."""

IdentityClass = Literal["identified", "pseudonymous", "place-only", "aggregate"]
"""What a source may say about people: a place-only source carries none (domain.md 2.3)."""

Role = Literal[
    "victim",
    "suspect",
    "witness",
    "reporter",
    "subject",
    "perpetrator",
    "missing",
    "casualty",
    "driver",
    "other",
]
"""The part a person plays in one incident."""

Origin = Literal["reported", "discovered"]
"""Whether somebody told a partner, or a partner found it by looking (rules.md 3.10)."""

OUTSIDE = "OUTSIDE"
"""Area of what happened outside the county; counted and shown, so that sums are whole."""

UNLOCATED = "UNLOCATED"
"""Area of what has no usable place."""


class Party(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A pseudonymous person in a role. `token` is a keyed hash made by the partner; None when the person is unknown."""

    role: Role
    token: str | None = None
    child: bool = False


class Place(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Where: `uprn` and metric coordinates (British National Grid, metres) when known.

    `exact` is False for snapped or coarse points, which never count as places.
    """

    uprn: str | None = None
    easting: int | None = None
    northing: int | None = None
    exact: bool = False
    lsoa: str | None = None


class IncidentVersion(msgspec.Struct, frozen=True, gc=False, kw_only=True, array_like=True):
    """One version of one incident as a partner stated it, after the checks of intake.

    Times are instants; `occurred_from <= occurred_to`. `received_at` is the broker's append time of the partner's
    record. `category` is the normalised category (`catalogue/categories.yaml`), `family` the broader one; `themes`
    are the policy themes it belongs to (sorted), `flags` the partner's own markers (sorted). `subtype` tells apart
    what a kind reports: `returned` of a missing episode, `return-interview` of an intervention. `facts` are what it
    says beyond that, of the names the catalogue declares (sorted).
    """

    incident_id: str
    source: str
    organisation: str
    source_version: int
    action: Action
    kind: str
    subtype: str
    category: str
    family: str
    themes: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    origin: Origin = "reported"
    grade: str | None = None
    occurred_from: Instant
    occurred_to: Instant
    precision: Precision
    reported_at: Instant
    received_at: Instant
    area: str
    place: Place = Place()
    parties: tuple[Party, ...] = ()
    vehicles: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    group: str | None = None
    count: int = 1
    marking: str = "OFFICIAL"
    facts: tuple[Fact, ...] = ()
