"""`ordered`: the named steps one strictly after another, the last at e, the first no earlier than the window's start.

From e the chain is walked backwards; each earlier step is the latest of its kind strictly before the one that follows
it. That is the shortest chain ending at e: if it does not fit the window, none does. Equal instants are not in order.
An occurrence may serve several chains, but being strictly later than itself never two steps of one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from safety_stream.core.model.times import DAY_LENGTH, before, length_in_words
from safety_stream.core.rules.condition import Completion, Matched, Span, Terms, View
from safety_stream.core.rules.rule import Ordered
from safety_stream.core.rules.windows import shortest


class OrderedCondition:
    """Met at each e that ends a chain; the fact `days_since_<first step>` is in whole days of 24 hours."""

    def __init__(self, condition: Ordered) -> None:
        self.steps: tuple[str, ...] = condition.steps
        self.facts: tuple[str, ...] = (f"days_since_{condition.steps[0]}",)
        self.fewest = len(condition.steps)
        self.terms = Terms(1, condition.within)
        chain = ", then ".join(f"“{step}”" for step in condition.steps)
        self.words = f"{chain}, each strictly after the one before, all within {length_in_words(condition.within)}"

    def completions(self, view: View, span: Span) -> Iterator[Completion]:
        """See `ConditionType`."""
        times = {step: [matched.occurrence.time for matched in view.matching(step)] for step in self.steps[:-1]}
        if not all(times.values()):
            return
        for matched in view.matching(self.steps[-1]):
            e = matched.occurrence
            if not span.holds(e.time):
                continue
            terms = view.terms.at(e.area, e.time)
            chain = self._chain_to(matched, view, times) if terms.enabled else None
            if chain is not None:
                began = chain[0].occurrence.time
                if e.time - began <= shortest(terms.within) or began >= before(e.time, terms.within):
                    yield self._completion(view, terms, chain)

    def _chain_to(self, last: Matched, view: View, times: dict[str, list[int]]) -> tuple[Matched, ...] | None:
        chain = [last]
        for step in reversed(self.steps[:-1]):
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
