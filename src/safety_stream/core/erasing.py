"""How far an erasure reaches: the reports that named a person, and what they named that nobody else's report did."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Final

import msgspec

from safety_stream.core.model.incidents import Action, IncidentVersion
from safety_stream.core.persons import named_in
from safety_stream.core.register import highest_of

_GONE: Final = "erase"


class StandingReport(msgspec.Struct, frozen=True):
    """A report that named the person and has not been erased by its source."""

    incident_id: str
    source: str
    stands_as: Action


class Reach(msgspec.Struct, frozen=True):
    """What one person's erasure is about, sorted.

    `things` are vehicles, telephones and groups that only reports about the person name; `shared` those that others'
    name too, and that stay therefore. `standing` are reports that their sources have yet to erase.
    """

    things: tuple[str, ...]
    shared: tuple[str, ...]
    standing: tuple[StandingReport, ...]


def reach_of(versions: Callable[[], Iterable[IncidentVersion]], tokens: Collection[str]) -> Reach:
    """What is to be erased of whoever goes by these tokens. `versions` are all of all reports; they are read twice."""
    persons = frozenset(tokens)
    if not persons:
        return Reach(things=(), shared=(), standing=())
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
        else:
            shared.update(things.intersection(_things_of(version)))
    standing = [
        StandingReport(one.incident_id, one.source, one.action)
        for one in highest_of(theirs).values()
        if one.action != _GONE
    ]
    return Reach(
        things=tuple(sorted(things - shared)),
        shared=tuple(sorted(shared)),
        standing=tuple(sorted(standing, key=lambda one: (one.source, one.incident_id))),
    )


def _things_of(version: IncidentVersion) -> Iterable[str]:
    return (*version.vehicles, *version.phones, *((version.group,) if version.group else ()))
