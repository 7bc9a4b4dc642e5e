"""Key `linked`: of a group of reports, only what is not far from one another counts together; and by which way.

Theory of operation
-------------------
A group (`core/linking.py`) may be long: a vehicle leads to a phone, that to an address, that to somebody else. So on
its timeline a condition is not asked of everything, but at each occurrence e of what leads to e:

- Two occurrences are next to one another when a report of each names the same entity.
- From one that matches a step it is at most so many entities to the next (`linked_within`, one or two), by way of any
  occurrence of the window that ends at e; and so on from that one, until e is reached.
- A `chain` may go back over several windows. Of each way nothing is longer ago than one of them before the later of its
  two ends, and nothing later than e.

The condition is then met at e or not on what is reached so, and on nothing else. What is not reached takes nothing away
either: a third event far off in the group must not hide that two are close. What matches no step is looked at where it
is next to something reached, for it may be a near miss.

The **way** is told, each kind of way once, and is part of the evidence: from each occurrence of the evidence over those
between, each next one nearer to e by one. Of several ways it is that of the fewest entities, then by the earliest
occurrence; so whoever keeps only the evidence finds the same ways again (`why.py`). What lies on the way and matches no
step counts for nothing: not for the number, not for safeguards. It shows a child or a flag all the same.

Only reports of the window are gone by, so what is met at e rests on nothing a span ending at e does not hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from operator import attrgetter

import msgspec

from safety_stream.core.model.sightings import key_kind
from safety_stream.core.model.times import Duration, before
from safety_stream.core.rules.condition import Completion, ConditionType, Matched, Span, View
from safety_stream.core.timeline import Occurrence

PATH = "path"
"""The fact that every completion on key `linked` states: by which kinds of way one leads to another, in words."""

LINKS = "links"
"""Another: from which of its evidence to which, by what. `1 to 3: phone; 3 to 2: person and vehicle` counts the
evidence from 1; each goes on to one that is nearer to what completed it.
"""

FACTS = (LINKS, PATH)

_order = attrgetter("time", "id")


class _Way(msgspec.Struct, frozen=True, gc=False):
    """From an occurrence to one nearer to e, by at most one between them."""

    start: Occurrence
    between: tuple[Occurrence, ...]
    end: Occurrence

    @property
    def rank(self) -> tuple[object, ...]:
        """By what the best of several ways from one occurrence is told."""
        return (len(self.between), [_order(one) for one in self.between], _order(self.end))

    @property
    def words(self) -> str:
        """By kind of entity, for a token says nothing to anybody: same vehicle, then same phone."""
        return ", then ".join(" and ".join(f"same {kind}" for kind in _shared(one, other)) for one, other in self.links)

    @property
    def links(self) -> Iterable[tuple[Occurrence, Occurrence]]:
        """Each two on it that are next to one another, in the order in which it goes by them."""
        return pairwise((self.start, *self.between, self.end))


def linked_completions(condition: ConditionType, view: View, span: Span, within: int) -> Iterator[Completion]:
    """Where a condition is met inside the span on what leads there, in order of time; each states its `path`."""
    for e in view.occurrences_in(span):
        if view.matches_any(e):
            terms = view.terms.at(e.area, e.time)
            window = view.occurrences_in(Span(terms.opens(e.time), e.time))
            if len(window) > 1:
                reach = _Reach(view, window, e, within, terms.within)
                for completion in condition.completions(view.of(reach.occurrences), Span(e.time, e.time)):
                    if completion.occurrence_id == e.id:
                        yield reach.told(completion)


class _Reach:
    """What of a window leads to e, and by which ways."""

    def __init__(self, view: View, window: Sequence[Occurrence], e: Occurrence, within: int, length: Duration) -> None:
        self._e = e
        self._within = within
        self._length = length
        self._window = window
        self._naming: dict[str, list[Occurrence]] = {}
        for occurrence in window:
            for entity in _entities(occurrence):
                self._naming.setdefault(entity, []).append(occurrence)
        self._stops = {occurrence.id for occurrence in window if view.matches_any(occurrence)}
        self._ways = self._ways_to_e()

    @property
    def occurrences(self) -> tuple[Occurrence, ...]:
        """What is reached, and what is next to it and matches no step, in order."""
        seen = self._around([self._e, *(way.start for way in self._ways.values())])
        # What matches and is next to it, but too long before it, is not reached, and must not count.
        seen -= self._stops - self._ways.keys() - {self._e.id}
        return tuple(one for one in self._window if one.id in seen)

    def told(self, completion: Completion) -> Completion:
        """The completion with the ways as part of what it rests on, and in words."""
        matched = {one.occurrence.id: one for one in completion.evidence}
        ways: dict[str, _Way] = {}
        for one in completion.evidence:
            at = one.occurrence
            while at.id != self._e.id and at.id not in ways:
                ways[at.id] = self._ways[at.id]
                at = self._ways[at.id].end
        for way in ways.values():
            for stop in (way.start, *way.between, way.end):
                matched.setdefault(stop.id, Matched(stop, ()))
        seen = self._around([self._e, *(way.start for way in ways.values())])
        near = {report for one in self._window if one.id in seen for report in one.reports}
        in_order = sorted(ways.values(), key=lambda way: _order(way.start))
        evidence = tuple(sorted(matched.values(), key=lambda one: _order(one.occurrence)))
        path = "; ".join(dict.fromkeys(way.words for way in in_order))
        return msgspec.structs.replace(
            completion,
            evidence=evidence,
            facts=(*completion.facts, (LINKS, _links(in_order, evidence)), (PATH, path)),
            excluded=tuple(one for one in completion.excluded if one.incident_id in near),
        )

    def _ways_to_e(self) -> dict[str, _Way]:
        """The best way of each occurrence that matches a step and is reached, in layers around e."""
        found: dict[str, _Way] = {}
        layer = [self._e]
        while layer:
            reached: dict[str, _Way] = {}
            for end in layer:
                for way in self._ways_from_around(end):
                    start = way.start
                    is_new = start.id != self._e.id and start.id not in found and start.id in self._stops
                    if is_new and (start.id not in reached or way.rank < reached[start.id].rank):
                        reached[start.id] = way
            found |= reached
            layer = [way.start for way in reached.values()]
        return found

    def _ways_from_around(self, end: Occurrence) -> Iterator[_Way]:
        for way in self._ways_at_any_time(end):
            since = before(max(way.start.time, end.time), self._length)
            if all(one.time >= since for one in (way.start, *way.between, end)):
                yield way

    def _ways_at_any_time(self, end: Occurrence) -> Iterator[_Way]:
        around = list(self._next_to(end))
        for one in around:
            yield _Way(one, (), end)
        for between in around if self._within > 1 else ():
            # One that matches a step is a stop itself, and what is next to it one of the next layer.
            for start in () if between.id in self._stops else self._next_to(between):
                yield _Way(start, (between,), end)

    def _around(self, some: Iterable[Occurrence]) -> set[str]:
        """The ids of these and of what is next to them."""
        return {other.id for one in some for other in (one, *self._next_to(one))}

    def _next_to(self, one: Occurrence) -> Iterator[Occurrence]:
        found = {other.id: other for entity in _entities(one) for other in self._naming[entity] if other.id != one.id}
        yield from found.values()


def _entities(occurrence: Occurrence) -> set[str]:
    return {entity for sighting in occurrence.sightings for entity in sighting.linking}


def _shared(one: Occurrence, other: Occurrence) -> list[str]:
    """The kinds of what both name."""
    return sorted({key_kind(entity) for entity in _entities(one) & _entities(other)})


def _links(ways: Sequence[_Way], evidence: Sequence[Matched]) -> str:
    number = {matched.occurrence.id: place for place, matched in enumerate(evidence, 1)}
    links = {(number[one.id], number[other.id]): _shared(one, other) for way in ways for one, other in way.links}
    return "; ".join(f"{one} to {other}: {' and '.join(kinds)}" for (one, other), kinds in sorted(links.items()))
