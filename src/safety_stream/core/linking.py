"""Which entities a report names, and how by them one report leads to another: bounded groups of reports.

Theory of operation
-------------------
Two reports are linked when both name an entity and began at most so far apart. An entity that too many reports name is
a **hub**: a hostel, a taxi, a help line. It links nothing, or half the county were one group; nor does what is in the
blocklist. All reports that links lead to from one another, however many on the way, are a **group**. A group that has
grown too large says nothing of anybody any more: its reports stand alone, as do those that nothing is linked to.

All of that is a function of which reports there are. A group is called after its earliest report; who came first does
not matter. So a report that goes may split a group, and one that comes late may join two, or be one too many of a hub.

Of the reports that name an entity, in order of time, only neighbours need be looked at: if two are near enough in time,
so are all in between. The search is over a `Web`, be that in memory or in the rows of a stage, and ends as soon as a
group is too large.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from msgspec.structs import replace

from safety_stream.core.catalogue import Linked
from safety_stream.core.model.incidents import IncidentVersion, Role
from safety_stream.core.model.sightings import Sighting
from safety_stream.core.model.times import Instant
from safety_stream.core.timeline import timeline_order

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


def linked_key(incident: str) -> str:
    """The key of the group whose earliest report this is."""
    return f"linked:{incident}"


class Web(Protocol):
    """The reports there are, by incident and by the entities they name."""

    def report(self, incident: str) -> Sighting:
        """The report of an incident; its `linking` are all the entities it names."""

    def naming(self, entity: str) -> Sequence[tuple[Instant, str]]:
        """When each report that names an entity began, and of which incident, in order; none if it links nothing."""


class Groups:
    """The groups of a web as it stands, each looked for once."""

    def __init__(self, web: Web, terms: Linked) -> None:
        """Nothing is looked for yet."""
        self._web = web
        self._terms = terms
        self._known: dict[str, frozenset[str] | None] = {}

    def of(self, incident: str) -> frozenset[str] | None:
        """The incidents of the group a report is in, it alone at the least; None when the group is too large."""
        if incident not in self._known:
            found, is_whole = self._search(incident)
            self._known.update(dict.fromkeys(found, frozenset(found) if is_whole else None))
        return self._known[incident]

    def place(self, incident: str) -> tuple[str, Sighting]:
        """Under which key a report stands, and as what: of the entities it names, those that link are left.

        A report that stands alone is under no key: that is the empty text.
        """
        report = self._web.report(incident)
        group = self.of(incident)
        if group is None or len(group) == 1:
            return "", replace(report, linking=())
        first = min(map(self._web.report, group), key=timeline_order)
        linking = tuple(entity for entity in report.linking if self._web.naming(entity))
        return linked_key(first.incident_id), replace(report, linking=linking)

    def _search(self, incident: str) -> tuple[set[str], bool]:
        """What is linked with a report, and whether that is all of it or it is too much."""
        found, waiting = {incident}, [incident]
        while waiting:
            for other in self._linked_to(waiting.pop()):
                if other not in found:
                    # A group known already would have had this report in it: what was found then was too large.
                    if other in self._known or len(found) == self._terms.reports_at_most:
                        return found, False
                    found.add(other)
                    waiting.append(other)
        return found, True

    def _linked_to(self, incident: str) -> Iterator[str]:
        report = self._web.report(incident)
        own = timeline_order(report)
        for entity in report.linking:
            naming = self._web.naming(entity)
            if naming:
                at = bisect_left(naming, own)
                if at > 0 and own[0] - naming[at - 1][0] <= self._terms.age:
                    yield naming[at - 1][1]
                if at + 1 < len(naming) and naming[at + 1][0] - own[0] <= self._terms.age:
                    yield naming[at + 1][1]


class MemoryWeb:
    """All reports of a history, chosen already, as a web."""

    def __init__(self, reports: Iterable[Sighting], terms: Linked) -> None:
        """Of the entities named, only those that link are kept."""
        self._reports = {report.incident_id: report for report in reports}
        naming: dict[str, list[tuple[Instant, str]]] = {}
        for report in self._reports.values():
            for entity in report.linking:
                naming.setdefault(entity, []).append(timeline_order(report))
        self._naming = {
            entity: sorted(named)
            for entity, named in naming.items()
            if entity not in terms.blocklist and len(named) <= terms.degree_cap
        }

    def report(self, incident: str) -> Sighting:
        """See `Web`."""
        return self._reports[incident]

    def naming(self, entity: str) -> Sequence[tuple[Instant, str]]:
        """See `Web`."""
        return self._naming.get(entity, ())


def timelines_of(reports: Sequence[Sighting], terms: Linked) -> Mapping[str, list[Sighting]]:
    """The reports, chosen already, under the keys of their groups; those that stand alone are left out."""
    groups = Groups(MemoryWeb(reports, terms), terms)
    found: dict[str, list[Sighting]] = {}
    for report in sorted(reports, key=timeline_order):
        key, placed = groups.place(report.incident_id)
        if key:
            found.setdefault(key, []).append(placed)
    return found
