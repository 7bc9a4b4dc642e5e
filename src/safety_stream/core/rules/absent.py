"""`absent`: after e nothing that would cancel it, until a deadline.

It completes at the deadline, and is there only once it is as of the deadline and every feed that could still bring
the cancelling report is complete to it. What happens strictly after e and up to the deadline, that instant included,
cancels; what happens at the instant of e does not. Until all clocks have passed, the deadline is pending. A
cancelling report that becomes known later, but tells of something in time, takes the finding away again.

An override is chosen by e's own day: the deadline is what it decides.

A deadline is a length after e, or the beginning of an open day of a calendar, which the rule carries with it: so it
depends on e's time alone, and another calendar is another rule.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from safety_stream.core.model.times import LONDON, Duration, Instant, after, length_in_words, ordinal, to_datetime
from safety_stream.core.rules.condition import Completion, Deadline, Matched, Span, Terms, View
from safety_stream.core.rules.rule import Absent


class AbsentCondition:
    """Met at the deadline of each e nothing cancelled; the fact `deadline` is in London time, to the minute."""

    def __init__(self, condition: Absent) -> None:
        self._after = condition.after
        self._unless = condition.unless
        self._feeds = condition.feeds
        self.steps: tuple[str, ...] = (condition.after, condition.unless)
        self.facts: tuple[str, ...] = ("deadline",)
        self.fewest = 1
        self._before = before = condition.before
        longest = condition.within if before is None else Duration(millis=before.days.longest(before.number))
        self.terms = Terms(1, longest)
        self.words = (
            f"“{condition.after}” happens and no “{condition.unless}” follows {_until_in_words(condition)}, "
            f"as far as {', '.join(condition.feeds)} can tell"
        )

    def completions(self, view: View, span: Span) -> Iterator[Completion]:
        """See `ConditionType`."""
        for matched, deadline in self._open(view, span):
            if view.now.awaited_clock(deadline, self._feeds) is None:
                yield self._completion(view, matched, deadline)

    def pending(self, view: View, span: Span) -> Iterator[Deadline]:
        """See `Clocked`."""
        for _, deadline in self._open(view, span):
            yield Deadline(deadline, self._feeds)

    def _open(self, view: View, span: Span) -> Iterator[tuple[Matched, int]]:
        started = view.matching(self._after)
        if not started:
            return
        cancelling = view.times(self._unless)
        for matched in started:
            e = matched.occurrence
            terms = view.terms.at(e.area, e.time)
            deadline = self._deadline(e.time, terms)
            if not (terms.enabled and span.holds(deadline)):
                continue
            next_one = bisect_right(cancelling, e.time)
            if next_one == len(cancelling) or cancelling[next_one] > deadline:
                yield matched, deadline

    def _deadline(self, at: Instant, terms: Terms) -> Instant:
        if self._before is None:
            return after(at, terms.within)
        return self._before.days.opening_after(at, self._before.number)

    def _completion(self, view: View, matched: Matched, deadline: int) -> Completion:
        e = matched.occurrence
        local = to_datetime(deadline).astimezone(LONDON)
        return Completion(
            occurrence_id=e.id,
            completed_at=deadline,
            area=e.area,
            evidence=(matched,),
            number=1,
            facts=(("deadline", f"{local:%Y-%m-%d %H:%M}"),),
            excluded=view.excluded((self._unless,), lambda: e.time + 1, deadline),
        )


def _until_in_words(condition: Absent) -> str:
    ahead = condition.before
    if ahead is None:
        return f"within {length_in_words(condition.within)}"
    which = "next" if ahead.number == 1 else ordinal(ahead.number)
    return f"before the {which} {ahead.days.id} day begins"
