"""A partner's report as it reads on the wire, before any check: the envelope, not the native details.

The native details of each kind stay in the partner's own record, but for the fields the schema marks as facts; only
what is here goes further, because a rule may read nothing else and nobody needs more.
"""

from __future__ import annotations

import msgspec

from safety_stream.core.model.facts import Fact
from safety_stream.core.model.incidents import Action, Origin, Role
from safety_stream.core.model.markings import HandlingCode
from safety_stream.core.model.times import Instant, Precision


class ReportedParty(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A person in a role, by the token their partner made; `token` is None when unknown."""

    role: Role
    token: str | None = None
    child: bool = False


class ReportedPlace(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Where, in whatever the partner has: UPRN, grid metres, WGS84 degrees, LSOA or an area's GSS code.

    `snapped` marks points moved for disclosure control (police.uk); `precision_m` is the radius in metres, if known.
    `place_type` is what sort of place, in the partner's word: of some sorts intake carries no whereabouts on.
    """

    uprn: str | None = None
    easting: int | None = None
    northing: int | None = None
    latitude: float | None = None
    longitude: float | None = None
    precision_m: int | None = None
    snapped: bool = False
    lsoa: str | None = None
    area: str | None = None
    place_type: str | None = None


class Report(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One partner-facing `IncidentReport`.

    `details` names the native detail records that were filled in (snake case, as in the schema): intake refuses a
    report whose details are of another kind. `occurred_to` None means "the same instant as `occurred_from`". `facts`
    are what the partner states as such, `native` what the marked fields of its details say, both sorted by name: where
    both speak of one, the first counts. `handling` is the code of its 3x5x2 grading, None where none was stated.
    """

    source: str
    source_ref: str
    source_version: int
    action: Action
    kind: str
    subtype: str = ""
    category: str = ""
    flags: tuple[str, ...] = ()
    origin: Origin = "reported"
    grade: str | None = None
    occurred_from: Instant
    occurred_to: Instant | None = None
    precision: Precision = "instant"
    reported_at: Instant
    place: ReportedPlace | None = None
    parties: tuple[ReportedParty, ...] = ()
    vehicles: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    group: str | None = None
    count: int = 1
    marking: str = "OFFICIAL"
    details: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    native: tuple[Fact, ...] = ()
    handling: HandlingCode | None = None
