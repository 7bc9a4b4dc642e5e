"""`distinct`: enough different values of a field in the window that ends at e.

Only occurrences with a value that counts are in the window: one whose field is missing, or whose values are all
ignored (an area that is none), neither adds to the evidence nor completes anything. One occurrence may bring several
values: two people complaining of one evening's noise are two complainants. `until` closes as in `count`. With
`occurrences` the window must hold so many of them besides: three events in two districts. With `also` it must hold as
many different values of other fields too: two places, told by two organisations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import get_origin

import msgspec

from safety_stream.core.model.sightings import Sighting
from safety_stream.core.model.times import Instant, length_in_words
from safety_stream.core.rules.carrying import FINDING_FACTS
from safety_stream.core.rules.condition import (
    Alike,
    Completion,
    Matched,
    Span,
    Terms,
    View,
    alike_in,
    alike_in_words,
    field_in_words,
    in_words,
    reader_of,
    until_in_words,
)
from safety_stream.core.rules.rule import Distinct
from safety_stream.core.rules.windows import first_open


class _Group(msgspec.Struct):
    """What has been seen so far of the occurrences that are alike."""

    times: list[int] = msgspec.field(default_factory=list)
    counted: list[Matched] = msgspec.field(default_factory=list)
    values: list[frozenset[str]] = msgspec.field(default_factory=list)
    also: list[list[frozenset[str]]] = msgspec.field(default_factory=list)


_SEVERAL = frozenset(field.name for field in msgspec.structs.fields(Sighting) if get_origin(field.type) is tuple)
"""The fields in which one report may have several values: it has one area, but may name many people."""

_UNTOLD = frozenset({"persons", "complainants", *(f"facts.{name}" for name in FINDING_FACTS)})
"""Who they are is nobody's business who need only know how many; and what tells findings apart, nobody can read."""


class DistinctCondition:
    """Met at each e with `at_least` or more values in the window.

    Facts: `count`, `occurrences` and `same` if asked, and `values`, unless they are persons or what tells findings
    apart.
    """

    def __init__(self, condition: Distinct) -> None:
        self._of = condition.of
        self._value = reader_of(condition.field)
        self._also = [reader_of(field) for field in condition.also]
        self._alike_in = alike_in(condition.same)
        self._ignored = frozenset(condition.ignore)
        self._occurrences = condition.occurrences
        self._until = condition.until
        self.steps: tuple[str, ...] = (condition.of,) if condition.until is None else (condition.of, condition.until)
        self._tells_values = condition.field not in _UNTOLD
        self.facts: tuple[str, ...] = (
            "count",
            *(("occurrences",) if condition.occurrences > 1 else ()),
            *(("same",) if condition.same else ()),
            *(("values",) if self._tells_values else ()),
        )
        self.fewest = max(1 if condition.field in _SEVERAL else condition.at_least, condition.occurrences)
        self.terms = Terms(condition.at_least, condition.within)
        field, within = field_in_words(condition.field), length_in_words(condition.within)
        times = f" {condition.occurrences} times or more" if condition.occurrences > 1 else ""
        but = f" ({', '.join(sorted(condition.ignore))} left out)" if condition.ignore else ""
        also = "".join([f", and as many of {field_in_words(other)}," for other in condition.also])
        self.words = (
            f"“{condition.of}” happens{times} with {condition.at_least} or more different values of {field}{but}{also} "
            f"within {within}{alike_in_words(condition.same)}{until_in_words(condition.until)}"
        )

    def completions(self, view: View, span: Span) -> Iterator[Completion]:
        """See `ConditionType`."""
        closings = [] if self._until is None else view.times(self._until)
        groups: dict[Alike, _Group] = {}
        for matched in view.matching(self._of):
            alike = self._alike_in(matched.sightings[0])
            own = self._values(matched, self._value)
            if alike is None or not own:
                continue
            group = groups.setdefault(alike, _Group())
            at = matched.occurrence.time
            group.times.append(at)
            group.counted.append(matched)
            group.values.append(own)
            group.also.append([self._values(matched, value) for value in self._also])
            if span.holds(at):
                terms = view.terms.at(matched.occurrence.area, at)
                if terms.enabled:
                    first = first_open(group.times, len(group.times) - 1, terms.within, closings)
                    values = frozenset[str]().union(*group.values[first:])
                    if (
                        len(values) >= terms.at_least
                        and len(group.times) - first >= self._occurrences
                        and all(
                            len(frozenset[str]().union(*others)) >= terms.at_least
                            for others in zip(*group.also[first:], strict=True)
                        )
                    ):
                        yield self._completion(view, terms, closings, alike, tuple(group.counted[first:]), values)

    def _values(self, matched: Matched, read: Callable[[Sighting], object]) -> frozenset[str]:
        found: set[str] = set()
        for sighting in matched.sightings:
            value = read(sighting)
            found.update((value,) if isinstance(value, str) else value if isinstance(value, tuple) else ())
        found.discard("")
        return frozenset(found - self._ignored)

    def _completion(
        self,
        view: View,
        terms: Terms,
        closings: Sequence[Instant],
        alike: Alike,
        counted: tuple[Matched, ...],
        values: frozenset[str],
    ) -> Completion:
        e = counted[-1].occurrence
        facts = [("count", str(len(values)))]
        if self._occurrences > 1:
            facts.append(("occurrences", str(len(counted))))
        if alike:
            facts.append(("same", in_words(alike)))
        if self._tells_values:
            facts.append(("values", ", ".join(sorted(values))))
        return Completion(
            occurrence_id=e.id,
            completed_at=e.time,
            area=e.area,
            evidence=counted,
            number=len(values),
            facts=tuple(facts),
            excluded=view.excluded_since(
                closings, terms.within, e, self._of, self._until, lambda sighting: self._alike_in(sighting) == alike
            ),
        )
