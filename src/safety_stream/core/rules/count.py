"""`count`: enough matching occurrences in the window that ends at e, all alike in the fields named by `same`.

Every matching e at which that holds is a completion: the second, the third and the fourth harm are three findings. Of
occurrences at one instant those with a smaller id come before e, the others after it.

Of an occurrence that several agencies report, each report may say something else in those fields; it is alike in what
any of them says, and so may be of two groups, each counted by itself. Where both are met at e that is one finding: of
the group that the earliest of its reports is of.

With `at_most` the number is held in a range. It is that of the window which ends at e, so what happens after e never
takes a finding back; but what happened before and is told later does, where it is one too many.

With `chain` the window is longer: what is the first in it has one of its own, and so on, so many in all. The third of
three that each follow the one before within the length is then met on all three, however long ago the first was.

`until` names a step that closes: what has an occurrence of it strictly between itself and e counts no more, whatever
fields that one is alike in. So the window begins at the latest closing before e, that instant included, if it does not
begin later anyway. That is a parameter here and of other types rather than a type wrapped around them: it only moves
the beginning of their window, which a wrapper could not do from outside.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from safety_stream.core.model.times import Duration, Instant, before, length_in_words
from safety_stream.core.rules.condition import (
    Alike,
    Completion,
    Matched,
    Span,
    Terms,
    View,
    alike_in,
    alike_in_words,
    chain_in_words,
    first_met,
    in_words,
    until_in_words,
    with_closing,
)
from safety_stream.core.rules.rule import Count
from safety_stream.core.rules.windows import first_of_chain, since_closing

_TOP_LEVEL = 4
"""From this count on a level reads "4+": the repeat-victim levels are 2, 3 and 4 or more (domain.md 4)."""


class CountCondition:
    """Met at each e with `at_least` or more, and no more than `at_most`, in the window.

    Facts: `count`, `level`, and `same` if it is asked.
    """

    def __init__(self, condition: Count) -> None:
        self._of = condition.of
        self._alike_in = alike_in(condition.same)
        self._until = condition.until
        self._at_most = condition.at_most
        self.steps = with_closing((condition.of,), condition.until)
        self.facts: tuple[str, ...] = ("count", "level", "same") if condition.same else ("count", "level")
        self.fewest = condition.at_least
        self.terms = Terms(condition.at_least, condition.within, chain=condition.chain)
        within = length_in_words(condition.within) + chain_in_words(condition.chain)
        alike, still_open = alike_in_words(condition.same), until_in_words(condition.until)
        self.words = f"“{condition.of}” happens {_times(condition)} within {within}{alike}{still_open}"

    def completions(self, view: View, span: Span) -> Iterator[Completion]:
        """See `ConditionType`."""
        closings = view.closings(self._until)
        groups: dict[Alike, tuple[list[int], list[Matched]]] = {}
        for matched in view.matching(self._of):
            alike = self._alike_in(matched.sightings)
            at = matched.occurrence.time
            for values in alike:
                times, counted = groups.setdefault(values, ([], []))
                times.append(at)
                counted.append(matched)
            if span.holds(at):
                terms = view.terms.at(matched.occurrence.area, at)
                if terms.enabled:
                    met = (self._met(view, terms, closings, values, *groups[values]) for values in alike)
                    yield from first_met(met)

    def _met(
        self,
        view: View,
        terms: Terms,
        closings: Sequence[Instant],
        values: Alike,
        times: Sequence[Instant],
        counted: Sequence[Matched],
    ) -> Completion | None:
        """That it is met at the last of those that are alike, if it is."""
        if len(times) < terms.at_least:
            return None
        first, link = first_of_chain(times, terms.within, terms.chain)
        if closings:
            first = bisect_left(times, since_closing(closings, times[-1]), first)
        number = len(times) - first
        if number < terms.at_least or (self._at_most is not None and number > self._at_most):
            return None
        opens = partial(_opens, times[link], terms.within, closings, times[-1])
        return self._completion(view, opens, values, tuple(counted[first:]))

    def _completion(
        self, view: View, opens: Callable[[], Instant], values: Alike, counted: tuple[Matched, ...]
    ) -> Completion:
        e = counted[-1].occurrence
        number = len(counted)
        facts = [("count", str(number)), ("level", str(number) if number < _TOP_LEVEL else f"{_TOP_LEVEL}+")]
        if values:
            facts.append(("same", in_words(values)))
        return Completion(
            occurrence_id=e.id,
            completed_at=e.time,
            area=e.area,
            evidence=counted,
            number=number,
            facts=tuple(facts),
            excluded=view.excluded(
                self.steps,
                opens,
                e.time,
                lambda step, sighting, _: step == self._until or values in self._alike_in((sighting,)),
            ),
        )


def _opens(link: Instant, within: Duration, closings: Sequence[Instant], at: Instant) -> Instant:
    """Where what counts at an instant may begin, when the last link of its chain goes back from `link`."""
    return max(before(link, within), since_closing(closings, at))


def _times(condition: Count) -> str:
    """How often, in words: once or more, exactly once, 2 to 4 times."""
    least, most = condition.at_least, condition.at_most
    times = "once" if least == 1 else f"{least} times"
    if most is None:
        return f"{times} or more"
    return f"exactly {times}" if most == least else f"{least} to {most} times"
