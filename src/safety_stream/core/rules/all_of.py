"""`all_of`: every step often enough in the window that ends at e, in any order, each told by occurrences of its own.

e is an occurrence of one of the steps. An occurrence counts for every step it matches, but it can stand for one of them
only: there must be a way to give each step as many occurrences as it needs, no occurrence given twice. Such a way
exists exactly if, for every set of steps, at least as many occurrences match one of the set as its steps need together
(Hall's theorem): counting is enough, and nothing has to be tried out. The number of sets doubles with each step, which
is why a rule may name a few only. Where some of the steps will do (`needed`), it is enough if that holds for one choice
of so many, with all sets within it.

The evidence is every occurrence in the window that matches a step, not one choice among them: which would be chosen
means nothing. As with `count`, each further e at which it still holds is a completion, and of occurrences at one
instant those with a smaller id come before e, the others after it. `until` closes as in `count`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import combinations
from operator import attrgetter

import msgspec

from safety_stream.core.model.times import Instant, length_in_words
from safety_stream.core.rules.condition import (
    Completion,
    Matched,
    Span,
    Terms,
    View,
    until_in_words,
    with_closing,
)
from safety_stream.core.rules.rule import AllOf
from safety_stream.core.rules.windows import first_open

_order = attrgetter("matched.occurrence.time", "matched.occurrence.id")


class _Candidate(msgspec.Struct, frozen=True, gc=False):
    """An occurrence, which steps it matches, and those of its sightings that match one of them."""

    matched: Matched
    steps: frozenset[str]


class _Group(msgspec.Struct, gc=False):
    """A set of steps, how many occurrences they need together, and the times of those seen so far that match one."""

    steps: frozenset[str]
    needed: int
    times: list[int] = msgspec.field(default_factory=list)


class AllOfCondition:
    """Met at each e with enough of every step in the window; facts `count` and, for each step, `count_<step>`."""

    def __init__(self, condition: AllOf) -> None:
        self._counted = tuple(condition.steps)
        self._until = condition.until
        self.steps = with_closing(self._counted, condition.until)
        self._needed = {some: sum(condition.steps[step] for step in some) for some in _sets_within(self._counted)}
        choices = [
            choice
            for choice in combinations(self._counted, condition.needed or len(self._counted))
            if set(condition.always) <= set(choice)
        ]
        self._ways = [frozenset(_sets_within(choice)) for choice in choices]
        self.facts: tuple[str, ...] = ("count", *(f"count_{step}" for step in self._counted))
        self.fewest = min((sum(condition.steps[step] for step in choice) for choice in choices), default=0)
        self.terms = Terms(1, condition.within)
        *most, last = [
            f"“{step}” happens {'once' if number == 1 else f'{number} times'} or more"
            for step, number in condition.steps.items()
        ]
        within = length_in_words(condition.within)
        alike = f"in any order and by different occurrences, within {within}{until_in_words(condition.until)}"
        if condition.needed is None:
            self.words = f"{', '.join(most)} and {last}, {alike}"
        else:
            always = " and ".join(f"“{step}”" for step in condition.always)
            among = f", {always} among them," if always else ""
            self.words = f"{condition.needed} or more of these{among} hold, {alike}: {', '.join(most)}, {last}"

    def completions(self, view: View, span: Span) -> Iterator[Completion]:
        """See `ConditionType`."""
        happened = {frozenset((step,)) for step in self._counted if view.matching(step)}
        if not any(happened.issuperset(one for one in way if len(one) == 1) for way in self._ways):
            return
        closings = view.closings(self._until)
        groups = [_Group(steps, needed) for steps, needed in self._needed.items()]
        times: list[int] = []
        seen: list[_Candidate] = []
        for candidate in self._candidates(view):
            e = candidate.matched.occurrence
            times.append(e.time)
            seen.append(candidate)
            for group in groups:
                if not group.steps.isdisjoint(candidate.steps):
                    group.times.append(e.time)
            if span.holds(e.time) and len(times) >= self.fewest:
                terms = view.terms.at(e.area, e.time)
                if terms.enabled:
                    first = first_open(times, len(times) - 1, terms.within, closings)
                    if self._is_enough(groups, times[first]):
                        yield self._completion(view, terms, closings, seen[first:])

    def _is_enough(self, groups: list[_Group], since: int) -> bool:
        enough = {group.steps for group in groups if len(group.times) - bisect_left(group.times, since) >= group.needed}
        return any(enough >= way for way in self._ways)

    def _candidates(self, view: View) -> list[_Candidate]:
        by_occurrence: dict[str, dict[str, Matched]] = {}
        for step in self._counted:
            for matched in view.matching(step):
                by_occurrence.setdefault(matched.occurrence.id, {})[step] = matched
        return sorted([_candidate(by_step) for by_step in by_occurrence.values()], key=_order)

    def _completion(
        self, view: View, terms: Terms, closings: Sequence[Instant], counted: list[_Candidate]
    ) -> Completion:
        e = counted[-1].matched.occurrence
        by_step = [sum(step in candidate.steps for candidate in counted) for step in self._counted]
        numbers = [len(counted), *by_step]
        return Completion(
            occurrence_id=e.id,
            completed_at=e.time,
            area=e.area,
            evidence=tuple(candidate.matched for candidate in counted),
            number=len(counted),
            facts=tuple((name, str(number)) for name, number in zip(self.facts, numbers, strict=True)),
            excluded=view.excluded_since(closings, terms.within, e, self.steps, self._until),
        )


def _candidate(by_step: dict[str, Matched]) -> _Candidate:
    occurrence = next(iter(by_step.values())).occurrence
    matching = {sighting.incident_id for matched in by_step.values() for sighting in matched.sightings}
    sightings = tuple(sighting for sighting in occurrence.sightings if sighting.incident_id in matching)
    return _Candidate(Matched(occurrence, sightings), frozenset(by_step))


def _sets_within(steps: Sequence[str]) -> Iterator[frozenset[str]]:
    """Every set of one or more of the steps."""
    for size in range(len(steps)):
        yield from map(frozenset, combinations(steps, size + 1))
