"""`calendar`: enough in a calendar day, week (Monday to Sunday), block of four weeks, month, quarter or year.

Complete when the period is over.

On a timeline it counts the matching occurrences that began in the period. On the area of an indicator it compares the
count `measure` keeps (`exceedance`); there is no evidence then, because nobody's report is singled out.

`until` closes as in `count`: what has an occurrence of that step strictly between itself and the period's end counts
no more.

An override is chosen by the first day of the period and the area: the key's own on an area, else that of the last
occurrence in the period.
"""

from __future__ import annotations

from collections.abc import Iterator

from safety_stream.core.model.findings import Excluded, Finding
from safety_stream.core.model.tallies import series_key
from safety_stream.core.model.times import (
    DAY_LENGTH,
    Duration,
    Instant,
    Period,
    PeriodKind,
    day_of,
    period_of,
    start_of,
    to_date,
)
from safety_stream.core.rules.condition import (
    Completion,
    Deadline,
    Matched,
    Span,
    Terms,
    TermsByArea,
    View,
    with_closing,
)
from safety_stream.core.rules.findings import finding_of
from safety_stream.core.rules.rule import Calendar, Limb, Rule
from safety_stream.core.rules.windows import since_closing

_LENGTHS: dict[PeriodKind, Duration] = {
    "day": Duration(millis=DAY_LENGTH),
    "week": Duration(millis=7 * DAY_LENGTH),
    "four-weeks": Duration(millis=28 * DAY_LENGTH),
    "month": Duration(months=1),
    "quarter": Duration(months=3),
    "year": Duration(months=12),
}

_WORDS: dict[PeriodKind, str] = {
    kind: "block of four weeks" if kind == "four-weeks" else f"calendar {kind}" for kind in _LENGTHS
}


class CalendarCondition:
    """Met at the end of each period with `at_least` or more; facts `at_least`, `count`, `from` (its first day, ISO)."""

    def __init__(self, condition: Calendar) -> None:
        self._per = condition.per
        self._of = condition.of
        self._until = condition.until
        self.steps: tuple[str, ...] = () if condition.of is None else with_closing((condition.of,), condition.until)
        self.facts: tuple[str, ...] = ("at_least", "count", "from")
        self.fewest = condition.at_least
        self.terms = Terms(condition.at_least, _LENGTHS[condition.per])
        counted = f"the indicator {condition.indicator}" if condition.of is None else f"“{condition.of}”"
        self.words = (
            f"{counted} reaches {condition.at_least:,} in one {_WORDS[condition.per]}{_until_in_words(condition)}"
        )

    def completions(self, view: View, span: Span) -> Iterator[Completion]:
        """See `ConditionType`."""
        closings = view.closings(self._until)
        for period, terms, counted in self._full(view, span):
            ends = start_of(period.ends)
            if view.now.awaited_clock(ends, ()) is None:
                excluded = self._excluded(view, period, since_closing(closings, ends))
                area = counted[-1].occurrence.area
                yield completion(period, area, terms, len(counted), evidence=counted, excluded=excluded)

    def pending(self, view: View, span: Span) -> Iterator[Deadline]:
        """See `Clocked`."""
        for period, _, _ in self._full(view, span):
            yield Deadline(start_of(period.ends))

    def _excluded(self, view: View, period: Period, closed: Instant) -> tuple[Excluded, ...]:
        opens = max(start_of(period.starts), closed)
        return view.excluded(self.steps, lambda: opens, start_of(period.ends) - 1)

    def _full(self, view: View, span: Span) -> Iterator[tuple[Period, Terms, tuple[Matched, ...]]]:
        closings = view.closings(self._until)
        by_period: dict[Period, list[Matched]] = {}
        for matched in view.matching(self._of) if self._of is not None else ():
            period = period_of(day_of(matched.occurrence.time), self._per)
            if matched.occurrence.time >= since_closing(closings, start_of(period.ends)):
                by_period.setdefault(period, []).append(matched)
        for period, counted in by_period.items():
            terms = view.terms.on(counted[-1].occurrence.area, period.starts)
            if terms.enabled and len(counted) >= terms.at_least and span.holds(start_of(period.ends)):
                yield period, terms, tuple(counted)


def _until_in_words(condition: Calendar) -> str:
    if condition.until is None:
        return ""
    return f", with no “{condition.until}” strictly between any of them and its end"


def completion(
    period: Period,
    area: str,
    terms: Terms,
    count: int,
    *,
    evidence: tuple[Matched, ...] = (),
    excluded: tuple[Excluded, ...] = (),
) -> Completion:
    """A full period, met at its end."""
    first_day = to_date(period.starts).isoformat()
    return Completion(
        occurrence_id=f"{period.kind}:{first_day}",
        completed_at=start_of(period.ends),
        area=area,
        evidence=evidence,
        number=count,
        facts=(("at_least", str(terms.at_least)), ("count", str(count)), ("from", first_day)),
        excluded=excluded,
    )


def exceedance(rule: Rule, limb: Limb, area: str, period: Period, count: int) -> Finding | None:
    """The finding that `count` incidents of the limb's indicator in `area` and `period` make, or None when too few.

    Whether the period is over is the caller's to know. Raises `TypeError` for a limb that is not of an indicator.
    """
    condition = limb.condition
    if not isinstance(condition, Calendar) or condition.indicator is None:
        raise TypeError(f"rule {rule.id}, limb {limb.name}: only a calendar condition on an indicator has exceedances")
    overrides = [over for over in rule.overrides if over.limb in (None, limb.name)]
    terms = TermsByArea(CalendarCondition(condition).terms, overrides).on(area, period.starts)
    if not terms.enabled or count < terms.at_least:
        return None
    key = f"area:{series_key(area, condition.indicator)}"
    return finding_of(rule, limb, key, completion(period, area, terms, count))
