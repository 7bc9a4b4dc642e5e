"""`ordered`: the named steps one strictly after another, the last at e, the first no earlier than the window's start.

With `runs`, the last step comes so many times, each strictly after the one before; the last of them is e. With
`none_of`, nothing of those steps lies strictly between the chain's first occurrence and e. What happens at the very
instant of either is not between them; what is a link of the chain itself is no exception.

The condition is met when any chain will do, and the evidence is the shortest: the one that begins last. From e it is
walked backwards; each earlier step is the latest of its kind strictly before the one that follows it. Every other chain
that ends at e has each of its links at or before that of the walk, so none begins later, and what lies between first
and last of the walk lies between those of every other chain too. Hence, if the walk does not fit the window, or if
something of `none_of` lies within it, no chain will do: there is nothing else to try.

Equal instants are not in order. An occurrence may serve several chains, but being strictly later than itself never two
steps of one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from safety_stream.core.model.times import DAY_LENGTH, Instant, before, length_in_words
from safety_stream.core.rules.condition import Completion, Matched, Span, Terms, View
from safety_stream.core.rules.rule import Ordered
from safety_stream.core.rules.windows import shortest


class OrderedCondition:
    """Met at each e that ends a chain; the fact `days_since_<first step>` is in whole days of 24 hours."""

    def __init__(self, condition: Ordered) -> None:
        *earlier, last = condition.steps
        self._last = last
        # The steps before the one at e, as the walk backwards meets them.
        self._backwards: tuple[str, ...] = (*[last] * (condition.runs - 1), *reversed(earlier))
        self._none_of = condition.none_of
        self.steps: tuple[str, ...] = (*condition.steps, *condition.none_of)
        self.facts: tuple[str, ...] = (f"days_since_{condition.steps[0]}",)
        self.fewest = len(self._backwards) + 1
        self.terms = Terms(1, condition.within)
        chain = ", then ".join(f"“{step}”" for step in condition.steps)
        row = "" if condition.runs == 1 else f" {condition.runs} times in a row"
        ruled_out = " or ".join(f"“{step}”" for step in condition.none_of)
        but = f", with no {ruled_out} strictly between the first and the last" if ruled_out else ""
        within = length_in_words(condition.within)
        self.words = f"{chain}{row}, each strictly after the one before, all within {within}{but}"

    def completions(self, view: View, span: Span) -> Iterator[Completion]:
        """See `ConditionType`."""
        times = {step: view.times(step) for step in self._backwards}
        if not all(times.values()):
            return
        ruled_out = [view.times(step) for step in self._none_of]
        for matched in view.matching(self._last):
            e = matched.occurrence
            if not span.holds(e.time):
                continue
            terms = view.terms.at(e.area, e.time)
            chain = self._chain_to(matched, view, times) if terms.enabled else None
            if chain is not None:
                began = chain[0].occurrence.time
                fits = e.time - began <= shortest(terms.within) or began >= before(e.time, terms.within)
                if fits and not _is_any_between(began, e.time, ruled_out):
                    yield self._completion(view, terms, chain)

    def _chain_to(self, last: Matched, view: View, times: dict[str, list[int]]) -> tuple[Matched, ...] | None:
        chain = [last]
        for step in self._backwards:
            earlier = bisect_left(times[step], chain[-1].occurrence.time)
            if earlier == 0:
                return None
            chain.append(view.matching(step)[earlier - 1])
        return tuple(reversed(chain))

    def _completion(self, view: View, terms: Terms, chain: tuple[Matched, ...]) -> Completion:
        first, e = chain[0].occurrence, chain[-1].occurrence
        days = (e.time - first.time) // DAY_LENGTH
        return Completion(
            occurrence_id=e.id,
            completed_at=e.time,
            area=e.area,
            evidence=chain,
            number=len(chain),
            facts=((self.facts[0], str(days)),),
            excluded=view.excluded(self.steps, lambda: before(e.time, terms.within), e.time),
        )


def _is_any_between(first: Instant, last: Instant, each_sorted: Sequence[Sequence[Instant]]) -> bool:
    return any(bisect_right(times, first) < bisect_left(times, last) for times in each_sorted)
