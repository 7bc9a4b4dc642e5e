"""`share`: of what one partner tells, too little is told by another as well.

What is counted are occurrences of the step `of` in the window that ends at e, and those among them that have a report
of the step `also` too. Which reports are of one occurrence is decided where it always is, by merging (rules.md 3.3):
one place, one family of crime or a person, and overlapping times. So each report of the other partner stands for one
occurrence at most, and the share is compared as whole numbers: `100 * matched <= percent * total`.

Merging needs a place. An occurrence that is known to a neighbourhood alone could not be told by another whatever
happened, and that it is not proves nothing: it is in no window, completes nothing and is no evidence.

Reports of hours or of a day merge with whatever overlaps them, the earliest first and one of each organisation. Where
times are vague more is matched than should be, and the share is too high rather than too low. A report that comes late
matches what was not matched before, and takes findings away. `until` closes as in `count`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from safety_stream.core.model.sightings import Sighting
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
from safety_stream.core.rules.rule import Share
from safety_stream.core.rules.windows import first_open
from safety_stream.core.timeline import is_somewhere


class ShareCondition:
    """Met at each e with `at_least` or more in the window, few of them told by the other; facts `matched`, `total`."""

    def __init__(self, condition: Share) -> None:
        self._of = condition.of
        self._also = condition.also
        self._percent = condition.percent
        self._until = condition.until
        self.steps = with_closing((condition.of, condition.also), condition.until)
        self.facts: tuple[str, ...] = ("matched", "total")
        self.fewest = condition.at_least
        self.terms = Terms(condition.at_least, condition.within)
        times = "once" if condition.at_least == 1 else f"{condition.at_least} times"
        told = "none" if condition.percent == 0 else f"at most {condition.percent} %"
        self.words = (
            f"“{condition.of}” happens {times} or more within {length_in_words(condition.within)}, each at a known "
            f"place{until_in_words(condition.until)}, and {told} of them are also told by “{condition.also}”"
        )

    def completions(self, view: View, span: Span) -> Iterator[Completion]:
        """See `ConditionType`."""
        of = [one for one in view.matching(self._of) if any(map(_is_somewhere, one.sightings))]
        told = {matched.occurrence.id for matched in view.matching(self._also)} if of else frozenset[str]()
        closings = view.closings(self._until)
        times = [matched.occurrence.time for matched in of]
        for last, matched in enumerate(of):
            e = matched.occurrence
            if not span.holds(e.time):
                continue
            terms = view.terms.at(e.area, e.time)
            counted = of[first_open(times, last, terms.within, closings) : last + 1] if terms.enabled else ()
            if counted and len(counted) >= terms.at_least:
                number = sum(one.occurrence.id in told for one in counted)
                if 100 * number <= self._percent * len(counted):
                    yield self._completion(view, terms, closings, tuple(counted), number)

    def _completion(
        self, view: View, terms: Terms, closings: Sequence[Instant], counted: tuple[Matched, ...], number: int
    ) -> Completion:
        e = counted[-1].occurrence
        return Completion(
            occurrence_id=e.id,
            completed_at=e.time,
            area=e.area,
            evidence=counted,
            number=len(counted),
            facts=(("matched", str(number)), ("total", str(len(counted)))),
            # What the other nearly told of one of these is part of its evidence already.
            excluded=view.excluded_since(
                closings, terms.within, e, with_closing((self._of,), self._until), self._until, _is_somewhere
            ),
        )


def _is_somewhere(sighting: Sighting) -> bool:
    return is_somewhere(sighting.place)
