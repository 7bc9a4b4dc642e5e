"""From a version of an incident to what it puts on timelines and into series: signed differences.

Theory of operation
-------------------
An incident is what a source's reference names. Its partner may send any number of versions, in any order, some twice.
The register remembers, per incident, which version it went by last and what that version put where (its *claim*). When
a version of higher rank arrives the old claim is taken back and the new one made; what both hold alike stays untouched.
A withdrawn, erased or restricted version claims nothing, and is remembered, so that an earlier version arriving later
finds itself outranked. So the claims standing at the end are those of the highest version, whatever came when.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.incidents import IncidentVersion
from safety_stream.core.model.sightings import Sighting
from safety_stream.core.model.times import Day, day_of, period_of
from safety_stream.core.rules.selectors import matches

_OUT = frozenset({"withdraw", "erase", "restrict"})
_RANK = {"new": 0, "correct": 1, "dispute": 2, "restrict": 3, "withdraw": 4, "erase": 4}
_COMPLAINT_KINDS = frozenset({"asb-case", "hate-report", "housing-concern"})
_COMPLAINANT_ROLES = frozenset({"victim", "reporter", "subject"})
_VICTIM_ROLES = frozenset({"victim"})
_PAIRED_ROLES = frozenset({"victim", "subject"})
_SUSPECT_ROLES = frozenset({"suspect", "perpetrator"})
_CHILD_ROLES = frozenset({"victim", "subject", "missing"})
_ENCODER = msgspec.msgpack.Encoder()


class Series(msgspec.Struct, frozen=True, array_like=True, order=True):
    """One cell of one series a version counts in: `count` incidents of `indicator` in `area` on `event_day`."""

    area: str
    indicator: str
    event_day: Day
    by_month: bool
    count: int


class Claim(msgspec.Struct, frozen=True, array_like=True):
    """What the last-ranking version of an incident put where: its sightings on `keys`, its counts in `series`.

    The sightings themselves are not kept: they follow from the version and the key.
    """

    version: IncidentVersion
    keys: tuple[str, ...]
    series: tuple[Series, ...]


def claim_of(version: IncidentVersion, catalogue: Catalogue, key_kinds: frozenset[str]) -> Claim:
    """What this version puts on the timelines of `key_kinds` and into the catalogue's series."""
    if version.action in _OUT:
        return Claim(version, (), ())
    keys = tuple(key for key, _, _ in _keys_of(version) if key.partition(":")[0] in key_kinds)
    return Claim(version, keys, tuple(sorted(_series_of(version, catalogue))))


def outranks(new: IncidentVersion, old: IncidentVersion) -> bool:
    """Whether `new` takes the place of `old`: by source version, then action, then content (any fixed order will do).

    When a version was received is no part of what was said: the same message twice outranks nothing.
    """
    ranks = [(v.source_version, _RANK[v.action]) for v in (new, old)]
    if ranks[0] != ranks[1]:
        return ranks[0] > ranks[1]
    return _content(new) > _content(old)


def differences(old: Claim | None, new: Claim) -> list[tuple[str, int, Sighting]]:
    """The signed sightings (key, sign, sighting) that turn the old claim into the new one."""
    standing = sightings_of(old) if old else {}
    claimed = sightings_of(new)
    gone = [(key, -1, sighting) for key, sighting in standing.items() if not _same_said(sighting, claimed.get(key))]
    come = [(key, 1, sighting) for key, sighting in claimed.items() if not _same_said(sighting, standing.get(key))]
    return gone + come


def sightings_of(claim: Claim) -> dict[str, Sighting]:
    """The sighting of each claimed key, in order of key."""
    version = claim.version
    persons = tuple(sorted({party.token for party in version.parties if party.token is not None}))
    complainants = tuple(
        sorted({p.token for p in version.parties if p.token is not None and p.role in _COMPLAINANT_ROLES})
    )
    children = {party.token for party in version.parties if party.child}
    child = any(party.child and party.role in _CHILD_ROLES for party in version.parties)
    claimed = set(claim.keys)
    return {
        key: Sighting(
            incident_id=version.incident_id,
            source=version.source,
            organisation=version.organisation,
            kind=version.kind,
            subtype=version.subtype,
            category=version.category,
            family=version.family,
            themes=version.themes,
            flags=version.flags,
            origin=version.origin,
            grade=version.grade,
            occurred_from=version.occurred_from,
            occurred_to=version.occurred_to,
            reported_at=version.reported_at,
            received_at=version.received_at,
            area=version.area,
            place=version.place,
            roles=roles,
            persons=persons,
            complainants=complainants,
            child=child or token in children,
            disputed=version.action == "dispute",
        )
        for key, roles, token in _keys_of(version)
        if key in claimed
    }


def _content(version: IncidentVersion) -> bytes:
    return _ENCODER.encode(msgspec.structs.replace(version, received_at=0))


def _same_said(one: Sighting, other: Sighting | None) -> bool:
    return other is not None and one == msgspec.structs.replace(other, received_at=one.received_at)


def _keys_of(version: IncidentVersion) -> list[tuple[str, tuple[str, ...], str | None]]:
    """Key, roles of its entity, and the person it is about, in order of key. A missing value never makes a key."""
    keys: list[tuple[str, tuple[str, ...], str | None]] = []
    victim_roles = _COMPLAINANT_ROLES if version.kind in _COMPLAINT_KINDS else _VICTIM_ROLES
    roles: dict[str, set[str]] = {}
    for party in version.parties:
        if party.token is not None:
            roles.setdefault(party.token, set()).add(party.role)
    for token, held in roles.items():
        keys.append((f"person:{token}", tuple(sorted(held)), token))
        if held & victim_roles:
            keys.append((f"victim:{token}", tuple(sorted(held | _VICTIM_ROLES)), token))
        if held & _SUSPECT_ROLES:
            keys.append((f"suspect:{token}", tuple(sorted(held)), token))
        if held & _PAIRED_ROLES:
            keys.extend(
                (f"victim-perpetrator:{token}|{other}", ("victim",), token)
                for other, theirs in roles.items()
                if other != token and theirs & _SUSPECT_ROLES
            )
    if version.place.uprn is not None and version.place.exact:
        keys.append((f"place:{version.place.uprn}", ("place",), None))
    keys.extend((f"vehicle:{token}", ("vehicle",), None) for token in version.vehicles)
    keys.extend((f"phone:{token}", ("phone",), None) for token in version.phones)
    if version.group is not None:
        keys.append((f"group:{version.group}", ("group",), None))
    return sorted(keys)


def _series_of(version: IncidentVersion, catalogue: Catalogue) -> Iterator[Series]:
    day = day_of(version.occurred_from)
    by_month = version.precision == "month"
    event_day = period_of(day, "month").starts if by_month else day
    chosen = [indicator for indicator in catalogue.indicators if matches(indicator.select, version)]
    if chosen:
        for area in catalogue.areas.roll_ups(version.area, day):
            for indicator in chosen:
                yield Series(area, indicator.id, event_day, by_month, version.count)
