"""The timeline of a key: its live sightings in order of time, and the occurrences they tell of.

Theory of operation
-------------------
A timeline is the only detection state. It is a set of sightings, kept sorted by (occurred_from, incident id); signed
changes put sightings in and take them out, so the timeline depends on which sightings are live and on nothing else:
not on the order they came in, nor on what was there in between.

Reports are not what is counted. Several agencies report one assault; `occurrences_of` merges such reports into one
**occurrence**. It is a pure function of the timeline, so a withdrawn report unmerges what it had joined. It goes
through the sightings in order; each joins the earliest occurrence that has a matching member and nobody of its own
organisation yet, else it begins a new one. Two sightings match when they are of different organisations, at one place
(the same UPRN, or exact points at most 100 m apart), share a person or a family of crime, and their intervals overlap
once widened by an hour. What only a possible match of persons puts there is never one with what is there for certain:
so rules that do not count it find what they would without it. What no longer overlaps with anything to come is left
behind, so the work grows with how many reports overlap, not with the length of the timeline.

A change to a timeline is seen as the occurrences that went and the occurrences that came (`changed_occurrences`). Only
the run of overlapping reports around it need be merged anew to tell. They bound the stretch of time whose findings can
differ, the **span**; the engine looks at nothing outside it.

Bounds: beyond `bounds.hub` live sightings the key means nothing (a police station, a hostel) and its rules are
suspended. Findings carried there from other keys (`rules/carrying.py`) do not make it one: they say that much is wrong,
not that the key means nothing. Up to `bounds.kept` are remembered, so that it can come back; beyond that the timeline
is *saturated*: the sightings are let go, only their number is kept, and the key stays a hub until none of them is left.
This is the one thing that depends on what was there in between.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Literal

import msgspec

from safety_stream.core.catalogue import Bounds
from safety_stream.core.model.incidents import Place
from safety_stream.core.model.sightings import FINDING, Sighting
from safety_stream.core.model.times import HOUR, Instant

MERGE_DISTANCE_M = 100
"""How far apart two exact points may lie and still be one place (rules.md 3.3)."""

ANSWERS = frozenset({"intervention"})
"""Kinds that answer an occurrence and are no report of it: a return interview must not melt into the return."""

PHASED = frozenset({"missing-episode"})
"""Kinds whose subtypes are phases of one episode, each an occurrence of its own: going missing is not coming back."""

MERGE_SLACK = HOUR
"""By how much the intervals of two reports of one occurrence are widened before they must overlap (rules.md 3.3)."""

_LONG_AGO: Instant = -(10**18)

timeline_order: Callable[[Sighting], tuple[Instant, str]] = attrgetter("occurred_from", "incident_id")
"""By what the sightings of a timeline are sorted."""


class Timeline(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The live sightings of one key, sorted, their number, and the end of the one that ends last.

    `hub_since` is set once saturated: the time of the sighting that made it a hub; `sightings` is then empty. `lesser`
    are how many of them make no hub, though they take their place: findings on other keys, and reports that only a
    possible match of persons puts here.
    """

    sightings: tuple[Sighting, ...] = ()
    count: int = 0
    last_end: Instant = _LONG_AGO
    hub_since: Instant | None = None
    lesser: int = 0

    @property
    def is_saturated(self) -> bool:
        """Whether the sightings were let go, and only their number is known."""
        return self.hub_since is not None

    def is_hub(self, bounds: Bounds) -> bool:
        """Whether the key has too many live sightings to mean anything."""
        return self.count - self.lesser > bounds.hub or self.hub_since is not None

    def is_hub_since(self, bounds: Bounds) -> Instant:
        """When it had too many, of a timeline that is a hub."""
        return self.hub_since if self.hub_since is not None else _hub_since(self.sightings, bounds)

    def changed(self, sign: Literal[1, -1], sighting: Sighting, bounds: Bounds) -> Timeline:
        """The timeline with `sighting` put in (+1) or taken out (-1); it is known by its time and incident.

        Raises `ValueError` when what leaves was never there or what comes is there already: only a defect does that.
        """
        count = self.count + sign
        lesser = self.lesser + sign if _makes_no_hub(sighting) else self.lesser
        if self.is_saturated:
            return Timeline(count=count, hub_since=self.hub_since, lesser=lesser) if count > 0 else Timeline()
        if sign > 0 and not self.count:
            return Timeline((sighting,), 1, sighting.occurred_to, lesser=lesser)
        at = bisect_left(self.sightings, timeline_order(sighting), key=timeline_order)
        is_there = at < count - sign and timeline_order(self.sightings[at]) == timeline_order(sighting)
        if is_there == (sign > 0):
            state = "is on the timeline already" if is_there else "is not on the timeline it leaves"
            raise ValueError(f"incident {sighting.incident_id} {state}; rebuild `sightings` from `incidents`")
        if sign < 0:
            left = self.sightings[:at] + self.sightings[at + 1 :]
            return Timeline(left, count, _last_end(left), lesser=lesser)
        sightings = (*self.sightings[:at], sighting, *self.sightings[at:])
        if count > bounds.kept:
            return Timeline(count=count, hub_since=_hub_since(sightings, bounds), lesser=lesser)
        return Timeline(sightings, count, max(self.last_end, sighting.occurred_to), lesser=lesser)


class Occurrence(msgspec.Struct, frozen=True, gc=False):
    """What happened once, whoever reported it. Its id, time and area are those of its first sighting.

    That a rule was met is an occurrence too, to rules that rest on it: with the finding's id, area and time of
    completion, and the sightings of all its evidence.
    """

    id: str
    time: Instant
    area: str
    sightings: tuple[Sighting, ...]

    @property
    def reports(self) -> tuple[str, ...]:
        """The incident ids of its reports, sorted."""
        if len(self.sightings) == 1:
            return (self.sightings[0].incident_id,)
        return tuple(sorted([sighting.incident_id for sighting in self.sightings]))


def occurrences_of(sightings: Sequence[Sighting]) -> tuple[Occurrence, ...]:
    """The occurrences these sightings, sorted as on a timeline, tell of; in order of (time, id)."""
    groups: list[list[Sighting]] = []
    joinable: list[list[Sighting]] = []
    latest_end = _LONG_AGO
    for sighting in sightings:
        since = sighting.occurred_from - MERGE_SLACK
        if latest_end < since:
            # Nothing so far reaches it: by far the most frequent case, and the only one a quiet timeline ever meets.
            group = [sighting]
            groups.append(group)
            joinable = [group]
            latest_end = sighting.occurred_to
            continue
        joinable = [group for group in joinable if _ends(group) >= since]
        home = next((group for group in joinable if _may_join(sighting, group)), None)
        if home is not None:
            home.append(sighting)
        else:
            group = [sighting]
            groups.append(group)
            joinable.append(group)
        latest_end = max(latest_end, sighting.occurred_to)
    return tuple([_occurrence(group) for group in groups])


def changed_occurrences(
    old: Timeline, new: Timeline, sighting: Sighting
) -> tuple[Sequence[Occurrence], Sequence[Occurrence]]:
    """What stood only on the old timeline, and what stands only on the new; they differ by `sighting`."""
    has_come = new.count > old.count
    longer, shorter = (new, old) if has_come else (old, new)
    if shorter.last_end < sighting.occurred_from - MERGE_SLACK:
        # It begins when everything else is over: by far the most frequent case.
        alone = (_occurrence([sighting]),)
        return ((), alone) if has_come else (alone, ())
    first, at, end = _reach_of(sighting, longer.sightings)
    with_it = longer.sightings[first:end]
    without = with_it[: at - first] + with_it[at - first + 1 :]
    more, less = _trimmed(occurrences_of(with_it), occurrences_of(without))
    return (less, more) if has_come else (more, less)


def _hub_since(sightings: Sequence[Sighting], bounds: Bounds) -> Instant:
    certain = [sighting for sighting in sightings if not _makes_no_hub(sighting)]
    # Of so many others that none can be remembered, they themselves are too many.
    return (certain if len(certain) > bounds.hub else sightings)[bounds.hub].occurred_from


def _makes_no_hub(sighting: Sighting) -> bool:
    return sighting.possible or sighting.kind == FINDING


def _reach_of(sighting: Sighting, sightings: Sequence[Sighting]) -> tuple[int, int, int]:
    """Where the run of reports around `sighting` begins, where it stands itself, and where the run ends.

    Within a run each report begins before all earlier ones have ended, slack included; nothing merges across runs.
    """
    at = bisect_left(sightings, timeline_order(sighting), key=timeline_order)
    first = 0
    latest_end = _LONG_AGO
    for index, other in enumerate(sightings):
        if latest_end < other.occurred_from - MERGE_SLACK:
            if index > at:
                return first, at, index
            first = index
        latest_end = max(latest_end, other.occurred_to)
    return first, at, len(sightings)


def _trimmed(
    one: Sequence[Occurrence], other: Sequence[Occurrence]
) -> tuple[Sequence[Occurrence], Sequence[Occurrence]]:
    shared = min(len(one), len(other))
    head = 0
    while head < shared and one[head] == other[head]:
        head += 1
    tail = 0
    while tail < shared - head and one[-1 - tail] == other[-1 - tail]:
        tail += 1
    return one[head : len(one) - tail], other[head : len(other) - tail]


def _occurrence(group: list[Sighting]) -> Occurrence:
    first = group[0]
    return Occurrence(first.incident_id, first.occurred_from, first.area, tuple(group))


def _last_end(sightings: Sequence[Sighting]) -> Instant:
    return max([sighting.occurred_to for sighting in sightings], default=_LONG_AGO)


def _ends(group: list[Sighting]) -> Instant:
    return max([sighting.occurred_to for sighting in group])


def _may_join(sighting: Sighting, group: list[Sighting]) -> bool:
    matches = False
    for member in group:
        if member.organisation == sighting.organisation:
            return False
        matches = matches or _tell_of_one(member, sighting)
    return matches


def _tell_of_one(earlier: Sighting, later: Sighting) -> bool:
    # Sorted by beginning, the later one cannot begin before the earlier: only the earlier one's end is in question.
    return (
        earlier.possible == later.possible
        and later.occurred_from <= earlier.occurred_to + MERGE_SLACK
        and _may_tell_of_one(earlier, later)
        and _is_one_place(earlier.place, later.place)
        and (bool(earlier.family and earlier.family == later.family) or _share_a_person(earlier, later))
    )


def _may_tell_of_one(one: Sighting, other: Sighting) -> bool:
    if one.kind in ANSWERS or other.kind in ANSWERS:
        return False
    phased = one.kind in PHASED or other.kind in PHASED
    return not phased or (one.kind, one.subtype) == (other.kind, other.subtype)


def _share_a_person(one: Sighting, other: Sighting) -> bool:
    return any(token in other.persons for token in one.persons)


def is_somewhere(place: Place) -> bool:
    """Whether a place is known well enough for two reports of it to be of one occurrence (rules.md 3.3)."""
    return place.uprn is not None or (place.exact and place.easting is not None and place.northing is not None)


def _is_one_place(one: Place, other: Place) -> bool:
    if one.uprn is not None and one.uprn == other.uprn:
        return True
    if not (one.exact and other.exact):
        return False
    if one.easting is None or one.northing is None or other.easting is None or other.northing is None:
        return False
    east, north = one.easting - other.easting, one.northing - other.northing
    return east * east + north * north <= MERGE_DISTANCE_M * MERGE_DISTANCE_M
