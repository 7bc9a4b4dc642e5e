"""`near`: e happens not far from, and not long after, something of the kind: the near repeat.

Theory of operation
-------------------
`near` reads timelines of *cells*: squares of the map and stretches of time (`stretches.py`). The register puts a report
into the cell it lies in, the eight around it, and all nine of the next stretch (`core.register`), so the timeline of a
cell holds all that can be near to what lies in it, and a neighbour's timeline need never be asked. What lies in the
cell itself is there in the role `here`, all else as `nearby`; a completion is told where e is `here`.

An occurrence is wherever a sighting of it that matches the step says it is by an exact point; two are near when any
point of the one is near to any of the other, so one more report of the same never takes it away from anywhere. One
without such a sighting is nowhere: it completes nothing and counts for nothing, for null never links. On a cell every
report has one.

`until` closes as in `count`, but only near by: an occurrence of that step at most so many metres from e. What lies
further off is on the timeline or is not, as the squares of the map happen to lie, and must not matter.

With `chain` what was near to e goes on: what was as near to one of those, as soon before it, counts as well, and so on,
so many links in all. A cell is as wide as all links together reach, and lasts as long, which lint sees to.

Distances are compared as whole squares of whole metres; nothing is rounded but what is said.

Several reports merge into one occurrence, and not all of them need lie in one cell. One of several is told on the cell,
and in the stretch of time, in which its first report of the step lies, and by what is on that timeline: all of it that
is no further from that report than a cell is wide. So where the others lie apart from it, something may be near to one
of those, or linked to what is, and be out of sight; and so is a report of its own more than a cell away, or of the next
stretch. That is missing from the evidence.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import isqrt

import msgspec

from safety_stream.core.model.sightings import Sighting
from safety_stream.core.model.times import DAY_LENGTH, Instant, before, length_in_words
from safety_stream.core.rules.condition import Completion, Matched, Span, Terms, View, with_closing
from safety_stream.core.rules.rule import Near
from safety_stream.core.rules.windows import since_closing

_Point = tuple[int, int]


class _Located(msgspec.Struct, frozen=True, gc=False):
    """An occurrence that matches a step, and where its reports say it is."""

    matched: Matched
    points: tuple[_Point, ...]

    @property
    def time(self) -> Instant:
        """When the occurrence began."""
        return self.matched.occurrence.time


class NearCondition:
    """Met at each e with `at_least` or more near it and before it; facts `count`, `days_since`, `nearest_m`.

    `count` is of the evidence, e among it; of what is near to e itself `days_since` is of the latest, and `nearest_m`
    of the nearest.
    """

    def __init__(self, condition: Near) -> None:
        self._of = condition.of
        self._after = condition.of if condition.after is None else condition.after
        self._metres = condition.metres
        self._until = condition.until
        self._earlier = with_closing((self._after,), condition.until)
        self.steps: tuple[str, ...] = tuple(dict.fromkeys((self._of, *self._earlier)))
        self.facts: tuple[str, ...] = ("count", "days_since", "nearest_m")
        self.fewest = condition.at_least + 1
        self.terms = Terms(condition.at_least, condition.within, chain=condition.chain)
        number = "one" if condition.at_least == 1 else f"{condition.at_least} or more"
        self.words = (
            f"“{self._of}” happens within {length_in_words(condition.within)} after, "
            f"and at most {condition.metres:,} metres from, {number} of “{self._after}”"
            f"{_chain_in_words(condition)}{_until_in_words(condition)}"
        )

    def completions(self, view: View, span: Span) -> Iterator[Completion]:
        """See `ConditionType`."""
        met = [one for one in _located(view.matching(self._of)) if span.holds(one.time)]
        others = list(_located(view.matching(self._after)))
        times = [other.time for other in others]
        closing = [] if self._until is None else list(_located(view.matching(self._until)))
        for e in met:
            occurrence = e.matched.occurrence
            terms = view.terms.at(occurrence.area, e.time)
            if terms.enabled:
                closed = since_closing([one.time for one in closing if self._is_near(e.points, one.points)], e.time)
                layers = [[e], *self._layers_before(e, others, times, terms, closed)]
                if sum(map(len, layers)) > terms.at_least:
                    yield self._completion(view, layers, partial(_opens, terms, closed))

    def _layers_before(
        self, e: _Located, others: Sequence[_Located], times: Sequence[Instant], terms: Terms, closed: Instant
    ) -> Iterator[list[_Located]]:
        """What was near to e, then what was near to one of those, and so on; each is there once."""
        seen, links = {e.matched.occurrence.id}, [e]
        for _ in range(terms.chain):
            found = {}
            for link in links:
                opens = _opens(terms, closed, link)
                for other in others[bisect_left(times, opens) : bisect_left(times, link.time)]:
                    if other.matched.occurrence.id not in seen and self._is_near(link.points, other.points):
                        found[other.matched.occurrence.id] = other
            seen.update(found)
            links = list(found.values())
            yield links

    def _is_near(self, one: Sequence[_Point], other: Sequence[_Point]) -> bool:
        return _square(one, other) <= self._metres * self._metres

    def _completion(
        self, view: View, layers: Sequence[Sequence[_Located]], opens: Callable[[_Located], Instant]
    ) -> Completion:
        (e,), near, *_ = layers
        links = [(link, opens(link)) for layer in layers[:-1] for link in layer]
        earlier = sorted((one.matched for layer in layers[1:] for one in layer), key=_in_order)
        facts = (
            ("count", str(len(earlier) + 1)),
            ("days_since", str((e.time - max([other.time for other in near])) // DAY_LENGTH)),
            ("nearest_m", str(isqrt(min([_square(e.points, other.points) for other in near])))),
        )
        return Completion(
            occurrence_id=e.matched.occurrence.id,
            completed_at=e.time,
            area=e.matched.occurrence.area,
            evidence=(*earlier, e.matched),
            number=len(earlier) + 1,
            facts=facts,
            excluded=view.excluded(
                self._earlier,
                lambda: min([since for _, since in links]),
                e.time - 1,
                partial(self._would_have_mattered, e, links),
            ),
        )

    def _would_have_mattered(
        self, e: _Located, links: Sequence[tuple[_Located, Instant]], step: str, sighting: Sighting, time: Instant
    ) -> bool:
        """Had it matched: what counts is paired with a link of the chain, what closes lies near e itself."""
        other = _points_of([sighting])
        if not other:
            return False
        if step == self._until:
            return self._is_near(e.points, other)
        return any(since <= time < link.time and self._is_near(link.points, other) for link, since in links)


def _opens(terms: Terms, closed: Instant, link: _Located) -> Instant:
    """Since when what is near to a link of the chain counts."""
    return max(before(link.time, terms.within), closed)


def _in_order(matched: Matched) -> tuple[Instant, str]:
    return matched.occurrence.time, matched.occurrence.id


def _chain_in_words(condition: Near) -> str:
    if condition.chain == 1:
        return ""
    return f", or as near to, and as soon before, one of those, {condition.chain} links at most"


def _until_in_words(condition: Near) -> str:
    if condition.until is None:
        return ""
    return f", with no “{condition.until}” as near strictly between any of them and the last"


def _located(occurrences: Sequence[Matched]) -> Iterator[_Located]:
    """Those that are somewhere, by every matching sighting that says where."""
    for matched in occurrences:
        points = _points_of(matched.sightings)
        if points:
            yield _Located(matched, points)


def _points_of(sightings: Sequence[Sighting]) -> tuple[_Point, ...]:
    places = [sighting.place for sighting in sightings if sighting.place.exact]
    return tuple(
        [
            (place.easting, place.northing)
            for place in places
            if place.easting is not None and place.northing is not None
        ]
    )


def _square(some: Sequence[_Point], others: Sequence[_Point]) -> int:
    """The square of the metres between the two nearest."""
    if len(some) == len(others) == 1:
        # By far the most frequent case: one agency reports each.
        ((east, north),), ((x, y),) = some, others
        return (east - x) * (east - x) + (north - y) * (north - y)
    return min([(east - x) * (east - x) + (north - y) * (north - y) for east, north in some for x, y in others])
