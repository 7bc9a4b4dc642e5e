"""`sum`: a number that reports state adds up to enough in the window that ends at e, over occurrences that are alike.

Only occurrences with a number are in the window: one that states none adds nothing, is no evidence and completes
nothing. Several reports of one occurrence speak of the same thing, so their numbers are not added: the largest counts.

Numbers may be less than nought, and the bound is on the sum as it stands: an occurrence may then take the sum back
below it, and a later e be none although an earlier one was. `until` closes, and occurrences are alike, as in `count`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from safety_stream.core.model.facts import number_of
from safety_stream.core.model.times import Instant, length_in_words
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
    first_met,
    in_words,
    reader_of,
    until_in_words,
    with_closing,
)
from safety_stream.core.rules.rule import Sum
from safety_stream.core.rules.windows import first_open


class _Group(msgspec.Struct):
    """What has been seen so far of the occurrences that are alike; `sums[n]` is what the first n add up to."""

    times: list[int] = msgspec.field(default_factory=list)
    counted: list[Matched] = msgspec.field(default_factory=list)
    sums: list[int] = msgspec.field(default_factory=lambda: [0])


class SumCondition:
    """Met at each e that states a number with a sum of `at_least` or more in the window.

    Facts: `sum`, `count` (of the occurrences in it), and `same` if it is asked.
    """

    def __init__(self, condition: Sum) -> None:
        self._of = condition.of
        self._value = reader_of(condition.field)
        self._alike_in = alike_in(condition.same)
        self._until = condition.until
        self.steps = with_closing((condition.of,), condition.until)
        self.facts: tuple[str, ...] = ("count", "same", "sum") if condition.same else ("count", "sum")
        # One occurrence may state as much as is asked.
        self.fewest = 1
        self.terms = Terms(condition.at_least, condition.within)
        within = length_in_words(condition.within)
        alike, still_open = alike_in_words(condition.same), until_in_words(condition.until)
        self.words = (
            f"the {field_in_words(condition.field)} of each “{condition.of}” adds up to {condition.at_least:,} or more "
            f"within {within}{alike}{still_open}"
        )

    def completions(self, view: View, span: Span) -> Iterator[Completion]:
        """See `ConditionType`."""
        closings = view.closings(self._until)
        groups: dict[Alike, _Group] = {}
        for matched in view.matching(self._of):
            number = self._number(matched)
            if number is None:
                continue
            alike = self._alike_in(matched.sightings)
            at = matched.occurrence.time
            for values in alike:
                group = groups.setdefault(values, _Group())
                group.times.append(at)
                group.counted.append(matched)
                group.sums.append(group.sums[-1] + number)
            if span.holds(at):
                terms = view.terms.at(matched.occurrence.area, at)
                if terms.enabled:
                    yield from first_met(self._met(view, terms, closings, values, groups[values]) for values in alike)

    def _met(
        self, view: View, terms: Terms, closings: Sequence[Instant], alike: Alike, group: _Group
    ) -> Completion | None:
        """That it is met at the last of those that are alike, if it is."""
        first = first_open(group.times, len(group.times) - 1, terms.within, closings)
        total = group.sums[-1] - group.sums[first]
        if total < terms.at_least:
            return None
        return self._completion(view, terms, closings, alike, tuple(group.counted[first:]), total)

    def _number(self, matched: Matched) -> int | None:
        stated = [number_of(value) for value in map(self._value, matched.sightings) if isinstance(value, str)]
        return max([number for number in stated if number is not None], default=None)

    def _completion(
        self,
        view: View,
        terms: Terms,
        closings: Sequence[Instant],
        alike: Alike,
        counted: tuple[Matched, ...],
        total: int,
    ) -> Completion:
        e = counted[-1].occurrence
        facts = [("count", str(len(counted)))]
        if alike:
            facts.append(("same", in_words(alike)))
        facts.append(("sum", str(total)))
        return Completion(
            occurrence_id=e.id,
            completed_at=e.time,
            area=e.area,
            evidence=counted,
            number=total,
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
