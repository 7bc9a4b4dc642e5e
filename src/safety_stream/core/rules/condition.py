"""What a condition type is: how it reads a timeline, and what it says when it is met.

Theory of operation
-------------------
A condition type is one class in one file, made from the condition's values (`rule.py`) and given a `View`: the limb's
look at a stretch of one timeline, as of a `Now`. The view holds the occurrences of the stretch and tells, per named
step, which of them match and through which of their sightings. The condition yields a `Completion` for each
occurrence (or deadline, or period's end) inside the span at which it is met. What a finding is beyond that, its
priority, safeguards, explanation and id, is the same for all types and made in `findings.py`.

What every condition type must keep to, and the contract tests hold it to:

- It is a function of the view and the terms alone.
- The completions within a span are those of the whole timeline that fall inside it. So a completion at time t may rest
  on occurrences in `[t - longest(length), t]` only, `length` being the longest window its terms give it.
- A completion may depend on the clocks in one way only: it is not there until they have passed its deadline. Such a
  type is `Clocked`: it also says which deadlines are pending.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import attrgetter
from types import MappingProxyType
from typing import Protocol, runtime_checkable

import msgspec

from safety_stream.core.model.facts import fact_in, value_of
from safety_stream.core.model.findings import Excluded
from safety_stream.core.model.sightings import Sighting
from safety_stream.core.model.times import Day, Duration, Instant, before, day_of
from safety_stream.core.rules.rule import Override
from safety_stream.core.rules.selectors import Selection
from safety_stream.core.rules.windows import since_closing
from safety_stream.core.timeline import Occurrence


class Span(msgspec.Struct, frozen=True, gc=False):
    """A stretch of completion times, both ends included."""

    first: Instant
    last: Instant

    def holds(self, at: Instant) -> bool:
        """Whether a completion at this time lies in the span."""
        return self.first <= at <= self.last


ALWAYS = Span(-(10**18), 10**18)
"""The span that holds every completion."""


class Now(msgspec.Struct, frozen=True, gc=False):
    """What was known when: the as-of time, and up to when each feed is complete. A feed not named never is."""

    as_of: Instant
    complete_to: Mapping[str, Instant]

    def awaited_clock(self, deadline: Instant, feeds: Sequence[str]) -> str | None:
        """The first clock that has not reached the deadline (`as_of`, then `feed:<source>`), or None when all have."""
        if self.as_of < deadline:
            return "as_of"
        for feed in feeds:
            if self.complete_to.get(feed, ALWAYS.first) < deadline:
                return f"feed:{feed}"
        return None


class Deadline(msgspec.Struct, frozen=True, gc=False, order=True):
    """A time that must pass before a completion can be, and the feeds that must be complete to it."""

    at: Instant
    feeds: tuple[str, ...] = ()


class Terms(msgspec.Struct, frozen=True, gc=False):
    """A condition's parameters as they hold for one occurrence's area and day.

    With `chain` it looks back over so many windows, each ending where something lies that the one after it holds.
    """

    at_least: int
    within: Duration
    enabled: bool = True
    chain: int = 1

    def opens(self, at: Instant) -> Instant:
        """The earliest it may look back to from an occurrence that began then."""
        for _ in range(self.chain):
            at = before(at, self.within)
        return at


class Matched(msgspec.Struct, frozen=True, gc=False):
    """An occurrence that matches a step, and those of its sightings that do."""

    occurrence: Occurrence
    sightings: tuple[Sighting, ...]


class Completion(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A condition met: at which occurrence (or period) and when, on what evidence, with which facts.

    `number` is what the priority's `by_count` is compared with; `excluded` what was looked at and not counted.
    """

    occurrence_id: str
    completed_at: Instant
    area: str
    evidence: tuple[Matched, ...]
    number: int
    facts: tuple[tuple[str, str], ...]
    excluded: tuple[Excluded, ...] = ()


class TermsByArea:
    """A limb's own terms and what overrides make of them, by the completing occurrence's area and London day.

    Where several overrides hold on a day, what the later one in the file sets counts.
    """

    def __init__(self, base: Terms, overrides: Sequence[Override]) -> None:
        self._base = base
        self._by_area: dict[str, list[Override]] = {}
        for override in overrides:
            for area in override.areas:
                self._by_area.setdefault(area, []).append(override)
        self.lengths = (base.within, *(over.within for over in overrides if over.within is not None))
        self.chain = base.chain

    def at(self, area: str, instant: Instant) -> Terms:
        """The terms for an occurrence in `area` that began at `instant`."""
        overrides = self._by_area.get(area)
        return self._overridden(overrides, day_of(instant)) if overrides else self._base

    def on(self, area: str, day: Day) -> Terms:
        """The terms in `area` on `day`."""
        return self._overridden(self._by_area.get(area, ()), day)

    def _overridden(self, overrides: Sequence[Override], day: Day) -> Terms:
        at_least, within, enabled = self._base.at_least, self._base.within, self._base.enabled
        for override in overrides:
            if override.valid_from is not None and day < override.valid_from:
                continue
            if override.valid_to is not None and day >= override.valid_to:
                continue
            at_least = at_least if override.at_least is None else override.at_least
            within = within if override.within is None else override.within
            enabled = override.enabled
        return Terms(at_least, within, enabled, self._base.chain)


_time = attrgetter("time")


class View:
    """A limb's look at a stretch of one timeline: what matches which step, worked out once.

    `found` are, for each step that means findings of other rules, those findings as occurrences by (time, id). `key`
    says whose timeline it is.
    """

    def __init__(
        self,
        occurrences: Sequence[Occurrence],
        selections: Mapping[str, Selection],
        terms: TermsByArea,
        now: Now,
        found: Mapping[str, Sequence[Occurrence]] = MappingProxyType({}),
        key: str = "",
    ) -> None:
        self.key = key
        self.now = now
        self.terms = terms
        self._occurrences = occurrences
        self._selections = selections
        self._matching = {step: [Matched(one, one.sightings) for one in those] for step, those in found.items()}

    def matching(self, step: str) -> list[Matched]:
        """The occurrences that match the step, in order of (time, id)."""
        found = self._matching.get(step)
        if found is None:
            found = self._matching[step] = list(self._match(self._selections[step].passes))
        return found

    def of(self, occurrences: Sequence[Occurrence]) -> View:
        """The same look at some of the occurrences only."""
        return View(occurrences, self._selections, self.terms, self.now)

    def matches_any(self, occurrence: Occurrence) -> bool:
        """Whether an occurrence matches any step."""
        return any(
            selection.passes(sighting) for selection in self._selections.values() for sighting in occurrence.sightings
        )

    def times(self, step: str) -> list[Instant]:
        """When the occurrences that match the step began, in order."""
        return [matched.occurrence.time for matched in self.matching(step)]

    def closings(self, until: str | None) -> list[Instant]:
        """When the occurrences of a step that closes began, in order; none where nothing closes."""
        return [] if until is None else self.times(until)

    def occurrences_in(self, span: Span) -> Sequence[Occurrence]:
        """The occurrences that began inside the span, whatever they match: cheap to have."""
        first = bisect_left(self._occurrences, span.first, key=_time)
        return self._occurrences[first : bisect_right(self._occurrences, span.last, key=_time)]

    def excluded(
        self,
        steps: Sequence[str],
        opens: Callable[[], Instant],
        closes: Instant,
        is_meant: Callable[[str, Sighting, Instant], bool] = lambda *_: True,
    ) -> tuple[Excluded, ...]:
        """The reports of occurrences in `[opens(), closes]` that nearly matched one of the steps, sorted by id.

        The occurrence's time decides, as it does for what counts: a report may begin long after what it is a part of.
        `is_meant` says of a step, a report and that time whether it would have mattered, had it matched.
        """
        reasons: dict[str, str] = {}
        for step, occurrence, sighting, reason in self._near_misses(steps):
            if opens() <= occurrence.time <= closes and is_meant(step, sighting, occurrence.time):
                # Of several steps each may have its own reason: one is told, whichever step is asked first.
                reasons[sighting.incident_id] = min(reason, reasons.get(sighting.incident_id, reason))
        return tuple(Excluded(incident_id, reasons[incident_id]) for incident_id in sorted(reasons))

    def excluded_since(
        self,
        closings: Sequence[Instant],
        within: Duration,
        e: Occurrence,
        steps: Sequence[str],
        until: str | None,
        is_alike: Callable[[Sighting], bool] = lambda _: True,
    ) -> tuple[Excluded, ...]:
        """As `excluded`, for a window that ends at e and begins no earlier than the latest of `closings` before it.

        Of `steps`, `until` among them, only what is alike would have mattered; of `until` anything would have.
        """
        return self.excluded(
            steps,
            lambda: max(before(e.time, within), since_closing(closings, e.time)),
            e.time,
            lambda step, sighting, _: step == until or is_alike(sighting),
        )

    def _near_misses(self, steps: Sequence[str]) -> Iterator[tuple[str, Occurrence, Sighting, str]]:
        for step in steps:
            selection = self._selections.get(step)
            if selection is None or (selection.but_for_lateness is None and selection.but_for_origin is None):
                continue
            for occurrence in self._occurrences:
                for sighting in occurrence.sightings:
                    reason = selection.near_miss(sighting)
                    if reason is not None:
                        yield step, occurrence, sighting, reason

    def _match(self, passes: Callable[[Sighting], bool]) -> Iterator[Matched]:
        for occurrence in self._occurrences:
            sightings = occurrence.sightings
            if len(sightings) > 1:
                sightings = tuple([sighting for sighting in sightings if passes(sighting)])
                if sightings:
                    yield Matched(occurrence, sightings)
            elif passes(sightings[0]):
                yield Matched(occurrence, sightings)


class ConditionType(Protocol):
    """A condition of one type: which steps it reads, over how long, and when it is met."""

    @property
    def steps(self) -> tuple[str, ...]:
        """The named steps it reads."""

    @property
    def facts(self) -> tuple[str, ...]:
        """The names of the facts each completion states, for explanations to use."""

    @property
    def fewest(self) -> int:
        """The fewest reports it can be met on, by its own parameters: on fewer it is not asked."""

    @property
    def terms(self) -> Terms:
        """Its own parameters, before any override; it looks back no longer than so many times `within`."""

    @property
    def words(self) -> str:
        """When it is met, as half a sentence in plain English; the steps stand in quotation marks."""

    def completions(self, view: View, span: Span) -> Iterator[Completion]:
        """Where it is met inside the span, in order of time."""


@runtime_checkable
class Clocked(Protocol):
    """A condition type whose completions wait for clocks."""

    def pending(self, view: View, span: Span) -> Iterator[Deadline]:
        """The deadlines inside the span that would complete it, were the clocks past them; reached ones included."""


def first_met(completions: Iterable[Completion | None]) -> Iterator[Completion]:
    """The first that is there: of the groups one occurrence is in, given in order of its reports, one is told."""
    return islice(filter(None, completions), 1)


TOGETHER = " + "
"""What stands, in a fact, between the parts of a value that several fields have together."""


Alike = tuple[object, ...]
"""The values of the fields in which occurrences must be alike to be counted together."""

_ALL_ALIKE: tuple[Alike, ...] = ((),)
"""Where no field is named everything is in one group."""


def alike_in(fields: Sequence[str]) -> Callable[[Sequence[Sighting]], tuple[Alike, ...]]:
    """What reads the values of these fields in the matching reports of an occurrence: each once, by the earliest first.

    What any of them says counts, so that one more report of the same never takes an occurrence out of a group. A report
    in which a value is missing says nothing, for null never links (rules.md 3.4).
    """
    if not fields:
        return lambda _: _ALL_ALIKE
    said = _said_in(fields)

    def alike(sightings: Sequence[Sighting]) -> tuple[Alike, ...]:
        first, *others = sightings
        values = said(first)
        if not others:
            # By far the most frequent case: one agency reports it.
            return (values,) if all(values) else ()
        return tuple(dict.fromkeys([own for own in (values, *map(said, others)) if all(own)]))

    return alike


def _said_in(fields: Sequence[str]) -> Callable[[Sighting], Alike]:
    readers = [reader_of(field) for field in fields]
    if len(readers) == 1:
        (read,) = readers
        return lambda sighting: (read(sighting),)
    return lambda sighting: tuple([read(sighting) for read in readers])


def reader_of(field: str) -> Callable[[Sighting], object]:
    """What reads a field of a sighting, or a fact by its dotted name: None when it is missing."""
    fact = fact_in(field)
    return attrgetter(field) if fact is None else lambda sighting: value_of(sighting.facts, fact)


def field_in_words(field: str) -> str:
    """A field as a condition's words name it: `facts.colour` is fact colour."""
    fact = fact_in(field)
    return field if fact is None else f"fact {fact}"


def in_words(values: Alike) -> str:
    """The values as an explanation names them."""
    return ", ".join(str(value) for value in values)


def alike_in_words(fields: Sequence[str]) -> str:
    """What being alike in these fields adds to a condition's words; nothing when there are none."""
    return f", all of the same {' and '.join(map(field_in_words, fields))}" if fields else ""


def with_closing(steps: Sequence[str], until: str | None) -> tuple[str, ...]:
    """The steps a condition reads, that which closes behind them, if any does."""
    return tuple(steps) if until is None else (*steps, until)


def chain_in_words(chain: int) -> str:
    """That a condition goes on back from what it has found, to stand after its length; nothing where it does not."""
    return "" if chain == 1 else f", or as long before the first of those, {chain} links at most"


def until_in_words(step: str | None) -> str:
    """What being closed by this step adds to a condition's words; nothing when there is none."""
    return f", with no “{step}” strictly between any of them and the last" if step is not None else ""
