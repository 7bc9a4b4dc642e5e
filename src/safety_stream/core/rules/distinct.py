"""`distinct`: enough different values of a field in the window that ends at e.

Only occurrences with a value that counts are in the window: one whose field is missing, or whose values are all
ignored (an area that is none), neither adds to the evidence nor completes anything. One occurrence may bring several
values: two people complaining of one evening's noise are two complainants. `until` closes, and occurrences are alike,
as in `count`: all its reports say its values, whichever of them says what it is alike in. With `occurrences` the window
must hold so many of them besides: three events in two districts. With `also` it must hold as many different values of
other fields too: two places, told by two organisations.

Of several fields taken together a value is what *one report* says in all of them: two burglaries by two organisations
are not four. A report that says nothing in one of them says nothing of that kind (null never links), nor does one that
says what is ignored. One of the fields at most is one of lists: of two lists no report says what belongs to what.

Of `victims` it is others that are counted: whoever's timeline it is, is none of them, though a report in which both
accuse each other names both. `unconnected` takes for one what occurrences have in common, be it through others: a
mother and her children, who were harmed on one evening, are one home.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import get_origin

import msgspec

from safety_stream.core.model.sightings import Sighting, persons_of
from safety_stream.core.model.times import Instant, length_in_words
from safety_stream.core.rules.carrying import FINDING_FACTS
from safety_stream.core.rules.condition import (
    TOGETHER,
    Alike,
    Completion,
    Matched,
    Span,
    Terms,
    View,
    alike_in,
    alike_in_words,
    field_in_words,
    first_met,
    in_words,
    reader_of,
    until_in_words,
    with_closing,
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

_UNTOLD = frozenset({"persons", "complainants", "victims", "children", *(f"facts.{name}" for name in FINDING_FACTS)})
"""Who they are is nobody's business who need only know how many; and what tells findings apart, nobody can read."""

_OF_OTHERS = frozenset({"victims"})
"""The fields in which whoever's timeline it is does not count."""

_BETWEEN = "\x1f"
"""What stands between the parts of a value of several fields: no value of one holds it."""


class DistinctCondition:
    """Met at each e with `at_least` or more values in the window.

    Facts: `count`, `occurrences` and `same` if asked, and `values`, unless they are persons or what tells findings
    apart.
    """

    def __init__(self, condition: Distinct) -> None:
        self._of = condition.of
        self._values = _values_in(condition.fields)
        self._also = [_values_in((field,)) for field in condition.also]
        self._alike_in = alike_in(condition.same)
        self._ignored = frozenset(condition.ignore)
        self._occurrences = condition.occurrences
        self._number = _unconnected if condition.unconnected else _different
        self._is_of_others = not _OF_OTHERS.isdisjoint(condition.fields)
        self._until = condition.until
        self.steps = with_closing((condition.of,), condition.until)
        self._tells_values = _UNTOLD.isdisjoint(condition.fields)
        self.facts: tuple[str, ...] = (
            "count",
            *(("occurrences",) if condition.occurrences > 1 else ()),
            *(("same",) if condition.same else ()),
            *(("values",) if self._tells_values else ()),
        )
        self.fewest = max(1 if _SEVERAL.intersection(condition.fields) else condition.at_least, condition.occurrences)
        self.terms = Terms(condition.at_least, condition.within)
        fields, within = " and ".join(map(field_in_words, condition.fields)), length_in_words(condition.within)
        what = "combinations" if condition.together else "values"
        times = f" {condition.occurrences} times or more" if condition.occurrences > 1 else ""
        but = _but(condition)
        also = "".join([f", and as many of {field_in_words(other)}," for other in condition.also])
        self.words = (
            f"“{condition.of}” happens{times} with {condition.at_least} or more different {what} of {fields}{but}{also}"
            f" within {within}{alike_in_words(condition.same)}{until_in_words(condition.until)}"
        )

    def completions(self, view: View, span: Span) -> Iterator[Completion]:
        """See `ConditionType`."""
        closings = view.closings(self._until)
        ignored = self._ignored | persons_of(view.key) if self._is_of_others else self._ignored
        groups: dict[Alike, _Group] = {}
        for matched in view.matching(self._of):
            own = self._values(matched.sightings, ignored)
            if not own:
                continue
            also = [values(matched.sightings, self._ignored) for values in self._also]
            alike = self._alike_in(matched.sightings)
            at = matched.occurrence.time
            for same in alike:
                group = groups.setdefault(same, _Group())
                group.times.append(at)
                group.counted.append(matched)
                group.values.append(own)
                group.also.append(also)
            if span.holds(at):
                terms = view.terms.at(matched.occurrence.area, at)
                if terms.enabled:
                    yield from first_met(self._met(view, terms, closings, same, groups[same]) for same in alike)

    def _met(
        self, view: View, terms: Terms, closings: Sequence[Instant], alike: Alike, group: _Group
    ) -> Completion | None:
        """That it is met at the last of those that are alike, if it is."""
        first = first_open(group.times, len(group.times) - 1, terms.within, closings)
        number = self._number(group.values[first:])
        if number < terms.at_least or len(group.times) - first < self._occurrences:
            return None
        if any(_different(others) < terms.at_least for others in zip(*group.also[first:], strict=True)):
            return None
        values = frozenset[str]().union(*group.values[first:])
        return self._completion(view, terms, closings, alike, tuple(group.counted[first:]), number, values)

    def _completion(
        self,
        view: View,
        terms: Terms,
        closings: Sequence[Instant],
        alike: Alike,
        counted: tuple[Matched, ...],
        number: int,
        values: frozenset[str],
    ) -> Completion:
        e = counted[-1].occurrence
        facts = [("count", str(number))]
        if self._occurrences > 1:
            facts.append(("occurrences", str(len(counted))))
        if alike:
            facts.append(("same", in_words(alike)))
        if self._tells_values:
            facts.append(("values", ", ".join(_in_words(value) for value in sorted(values))))
        return Completion(
            occurrence_id=e.id,
            completed_at=e.time,
            area=e.area,
            evidence=counted,
            number=number,
            facts=tuple(facts),
            excluded=view.excluded_since(
                closings,
                terms.within,
                e,
                self.steps,
                self._until,
                lambda sighting: alike in self._alike_in((sighting,)),
            ),
        )


_Values = Callable[[Sequence[Sighting], frozenset[str]], frozenset[str]]
"""What reports say that counts, given what is to be ignored."""


def _values_in(fields: Sequence[str]) -> _Values:
    """What reads the values of a field, or of several together, in reports."""
    readers = [reader_of(field) for field in fields]
    if len(readers) > 1:
        return lambda sightings, ignored: frozenset(
            _BETWEEN.join(parts)
            for sighting in sightings
            for parts in product(*[_said(sighting, read, ignored) for read in readers])
        )
    (read,) = readers

    def values(sightings: Sequence[Sighting], ignored: frozenset[str]) -> frozenset[str]:
        first, *others = sightings
        said = _said(first, read, ignored)
        return said.union(*[_said(other, read, ignored) for other in others]) if others else said

    return values


def _said(sighting: Sighting, read: Callable[[Sighting], object], ignored: frozenset[str]) -> frozenset[str]:
    """What one report says in a field, but for what is ignored; the empty text says nothing."""
    value = read(sighting)
    said = (value,) if isinstance(value, str) else value if isinstance(value, tuple) else ()
    return frozenset([one for one in said if one and one not in ignored])


def _in_words(value: str) -> str:
    return value.replace(_BETWEEN, TOGETHER)


def _different(values: Sequence[frozenset[str]]) -> int:
    return len(frozenset[str]().union(*values))


def _unconnected(values: Sequence[frozenset[str]]) -> int:
    """Into how many groups they fall of which no two share a value; each member is what one occurrence has."""
    groups: list[frozenset[str]] = []
    for own in values:
        touched = [group for group in groups if not group.isdisjoint(own)]
        groups = [group for group in groups if group.isdisjoint(own)]
        groups.append(own.union(*touched))
    return len(groups)


def _but(condition: Distinct) -> str:
    """Which values do not count as such, as a clause in brackets; nothing when all do."""
    own = [] if _OF_OTHERS.isdisjoint(condition.fields) else ["whoever's timeline it is"]
    ignored = [*sorted(condition.ignore), *own]
    clauses = [f"{', '.join(ignored)} left out"] if ignored else []
    clauses += ["those told together are one"] if condition.unconnected else []
    return f" ({'; '.join(clauses)})" if clauses else ""
