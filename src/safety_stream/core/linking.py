"""Which entities a report names: by them one report leads to another."""

from __future__ import annotations

from safety_stream.core.model.incidents import IncidentVersion, Role

_IN_IT: frozenset[Role] = frozenset({"victim", "suspect", "perpetrator", "subject", "missing", "casualty", "driver"})
"""The roles of those it is about: who saw it or rang up is no link between one thing and another."""


def entities_of(version: IncidentVersion) -> tuple[str, ...]:
    """The keys of whom and what it is about, sorted: `person:`, `vehicle:`, `phone:`, `group:` and `place:`.

    A missing value never makes one, nor does a place that is not known exactly (rules.md 3.4).
    """
    named = {f"person:{party.token}" for party in version.parties if party.token is not None and party.role in _IN_IT}
    named.update(f"vehicle:{token}" for token in version.vehicles)
    named.update(f"phone:{token}" for token in version.phones)
    if version.group is not None:
        named.add(f"group:{version.group}")
    if version.place.uprn is not None and version.place.exact:
        named.add(f"place:{version.place.uprn}")
    return tuple(sorted(named))
