"""The rules over a timeline: what stands, what a change makes of it, and when to look again.

Theory of operation
-------------------
`evaluate` gives the findings of a key: the union of what every limb that reads this kind of key finds on the timeline
as of a `Now`. That function is the meaning of everything here; the rest is how to get its *difference* cheaply.

A change to a timeline shows as occurrences that went and came (`timeline.changed_occurrences`). If none of their
reports concerns any step of a limb, the limb's findings are what they were. Else only completions inside the span

    [first changed time, last changed time + the limb's horizon]

can differ, the horizon being the longest window any of the limb's terms gives it. A limb that rests on findings of
other rules is reached through theirs: its horizon begins where theirs ends. Both timelines are evaluated inside
that span and compared. That this is enough rests on `evaluate(span) == evaluate(everything) ∩ span`, to which the
contract tests hold every condition type.

What *other rules* make of a timeline (`revise_by_rules`) is the same comparison over all of it, of those rules that are
not the same in both sets.

What stood before a change is computed again from the timeline before it rather than remembered: a timeline and the
clocks say it all. That is true only as long as nothing is forgotten about the clocks: a completion that waits for one
must be looked at in the very moment the clock passes. `wakes` says which clock that is and when. Of several clocks
that are not yet there only the first is asked for; when it comes, the next.

Rules that rest on findings (`chains.py`) are evaluated on the same key at the same moment: what they rest on is worked
out again inside the stretch they look at, and lies before them as occurrences beside those of the reports. So a chain
needs no memory of its own, and no order in which its links must hear of a change.

Findings some rule reads on other keys are *carried* there as sightings (`carrying.py`). What a finding says elsewhere
follows from the same look at the evidence as the finding, and is compared like it: `Revision` has both.

A key with more live sightings than `bounds.hub` means nothing: its rules are suspended, and that is itself a finding,
of the built-in rule `hub`. A cell of the map means a place however much happens there, and becomes one only when it is
too much to be remembered (`RuleSet.bounds_of`). The like of it hold a stretch of time each (`stretches.py`): there a
limb completes only where the first report of the completing occurrence that matches is `here`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from operator import attrgetter
from typing import TypeVar

import msgspec

from safety_stream.core.catalogue import Bounds
from safety_stream.core.model import ids
from safety_stream.core.model.findings import Finding, FindingChange
from safety_stream.core.model.incidents import UNLOCATED
from safety_stream.core.model.sightings import Sighting, key_kind
from safety_stream.core.model.stretches import HERE, facts_of, is_stretched
from safety_stream.core.model.times import Duration, Instant
from safety_stream.core.rules.besides import told_besides
from safety_stream.core.rules.carrying import carried, named_by
from safety_stream.core.rules.chains import carried_to, in_order
from safety_stream.core.rules.condition import (
    ALWAYS,
    Clocked,
    Completion,
    ConditionType,
    Now,
    Span,
    TermsByArea,
    View,
)
from safety_stream.core.rules.findings import WITHIN, finding_of, states, window_in_words
from safety_stream.core.rules.linked import linked_completions
from safety_stream.core.rules.registry import condition_type
from safety_stream.core.rules.rule import Limb, PriorityRule, Rule, Safeguards
from safety_stream.core.rules.selectors import Readable, Remembered, Selection, compiled
from safety_stream.core.rules.windows import longest
from safety_stream.core.timeline import Occurrence, Timeline, changed_occurrences, occurrences_of, timeline_order

HUB_RULE = Rule(
    id="hub",
    version=1,
    title="A key shared by too many reports",
    status="stable",
    family="feed",
    limbs=(),
    overrides=(),
    priority=PriorityRule(base="P4"),
    safeguards=Safeguards(),
    action_time=Duration(months=12),
    suppress_for=Duration(months=1),
    audiences=("duty-officer",),
)
"""The one rule that is built in: it says which keys the others are suspended on. It has no limbs to evaluate."""

HUB_OCCURRENCE = "hub"
"""The occurrence id of a hub's finding: there is one per key at most."""

Wake = tuple[str, Instant]
"""A clock and the time it must reach before a key is looked at again."""

K = TypeVar("K")
V = TypeVar("V")

_time = attrgetter("time")
_order = attrgetter("time", "id")


class Picture:
    """A timeline and, worked out when somebody asks, its occurrences; a hub has none, since no rule reads them."""

    __slots__ = ("_occurrences", "bounds", "is_hub", "timeline")

    def __init__(self, timeline: Timeline, bounds: Bounds) -> None:
        self.timeline = timeline
        self.bounds = bounds
        self.is_hub = timeline.is_hub(bounds)
        self._occurrences: tuple[Occurrence, ...] | None = () if self.is_hub else None

    @property
    def occurrences(self) -> tuple[Occurrence, ...]:
        """In order of (time, id)."""
        if self._occurrences is None:
            self._occurrences = occurrences_of(self.timeline.sightings)
        return self._occurrences

    @property
    def last_time(self) -> Instant:
        """No occurrence begins after this."""
        return self.timeline.sightings[-1].occurred_from if self.timeline.sightings else ALWAYS.first

    def follow(self, old: Picture, went: Sequence[Occurrence], came: Sequence[Occurrence]) -> None:
        """Spare working everything out anew: this is `old`, had `went` made way for `came`."""
        if old._occurrences is not None:
            at = bisect_left(old._occurrences, _order((*went, *came)[0]), key=_order)
            self._occurrences = (*old._occurrences[:at], *came, *old._occurrences[at + len(went) :])


Carried = dict[tuple[str, str], Sighting]
"""What findings say to other keys: by that key and the finding's id, the sighting it is there."""


class Revision(msgspec.Struct, frozen=True, gc=False):
    """What a change made of a key: the findings that can differ, before and after, and the wakes gone and come.

    `carried_before` and `carried_after` are what those findings said and say to other keys.
    """

    before: dict[str, Finding] = {}
    after: dict[str, Finding] = {}
    forget: tuple[Wake, ...] = ()
    ask: tuple[Wake, ...] = ()
    carried_before: Carried = {}
    carried_after: Carried = {}

    def then(self, later: Revision) -> Revision:
        """What both changes make of the key, as one: nobody hears of what stood in between.

        What only the later one looked at was before the earlier one as it was after it.
        """
        before, after = _as_one(self.before, self.after, later.before, later.after)
        carried_before, carried_after = _as_one(
            self.carried_before, self.carried_after, later.carried_before, later.carried_after
        )
        return Revision(
            before,
            after,
            (*self.forget, *(wake for wake in later.forget if wake not in self.ask)),
            (*(wake for wake in self.ask if wake not in later.forget), *later.ask),
            carried_before,
            carried_after,
        )


def _as_one(
    before: Mapping[K, V], between: Mapping[K, V], again: Mapping[K, V], after: Mapping[K, V]
) -> tuple[dict[K, V], dict[K, V]]:
    earliest = dict(before) | {name: one for name, one in again.items() if name not in between}
    return earliest, {name: one for name, one in between.items() if name not in again} | dict(after)


UNCHANGED = Revision()


class _Found:
    """What some limbs find, and what of it is said to other keys."""

    __slots__ = ("carried", "findings")

    def __init__(self) -> None:
        self.findings: dict[str, Finding] = {}
        self.carried: Carried = {}

    def look(self, plan: _Plan, key: str, picture: Picture, now: Now, span: Span) -> None:
        """Add what a limb finds inside the span."""
        if not plan.may_find(key, picture.timeline, span):
            return
        for completion, finding in plan.findings(key, picture.occurrences, span, now):
            self.findings[finding.finding_id] = finding
            if plan.carried_to:
                named = named_by(one for matched in completion.evidence for one in matched.occurrence.sightings)
                for entity, said in carried(finding, named, plan.carried_to):
                    self.carried[entity, finding.finding_id] = said


def _revision(before: _Found, after: _Found, forget: tuple[Wake, ...] = (), ask: tuple[Wake, ...] = ()) -> Revision:
    if not (before.findings or after.findings or forget or ask):
        return UNCHANGED
    return Revision(before.findings, after.findings, forget, ask, before.carried, after.carried)


class _Plan(msgspec.Struct, frozen=True, gc=False):
    """A limb, compiled. `fewest` are the reports without which it finds nothing; `clocked` its condition, if that is.

    `window` says how far back it looks, `horizon` how far after a report it may still find something else than without
    it: further, if it looks at what others find. Both are in milliseconds. `beneath` are, by step, the limbs whose
    findings the step means, `states_window` whether its words say how long the window is, `carried_to` the kinds of
    other keys its own findings are carried to.
    """

    rule: Rule
    limb: Limb
    condition: ConditionType
    selections: Mapping[str, Selection]
    beneath: Mapping[str, tuple[_Plan, ...]]
    terms: TermsByArea
    window: int
    horizon: int
    fewest: int
    clocked: Clocked | None
    is_clocked: bool
    states_window: bool
    carried_to: frozenset[str]

    def is_concerned(self, report: Readable) -> bool:
        """Whether a change to this report can alter what the limb finds."""
        if self.limb.linked_within is not None:
            # What matches no step may lead from one that does to another.
            return True
        return any(selection.concerns(report) for selection in self.selections.values()) or any(
            plan.is_concerned(report) for plans in self.beneath.values() for plan in plans
        )

    def may_find(self, key: str, timeline: Timeline, span: Span) -> bool:
        """Whether times and roles leave it anything to find inside the span: cheap, and right whenever it says no.

        No report of an occurrence is earlier than the occurrence, so those it may look at are the last of the timeline.
        """
        sightings = timeline.sightings
        if len(sightings) < self.fewest or sightings[-self.fewest].occurred_from < span.first - self.horizon:
            return False
        if not is_stretched(key):
            return True
        # Of the eighteen timelines a report on cells is on, seventeen end here.
        return _is_here(takewhile(lambda sighting: sighting.occurred_from >= span.first, reversed(sightings)))

    def view(self, key: str, occurrences: Sequence[Occurrence], span: Span, now: Now) -> View:
        """The limb's look at everything completions inside the span may rest on."""
        since = span.first - self.window
        looked_at = Span(since, span.last)
        found = {
            step: sorted((one for plan in plans for one in plan.found(key, occurrences, looked_at, now)), key=_order)
            for step, plans in self.beneath.items()
        }
        if occurrences and (occurrences[0].time < since or occurrences[-1].time > span.last):
            first = bisect_left(occurrences, since, key=_time)
            occurrences = occurrences[first : bisect_right(occurrences, span.last, key=_time)]
        return View(occurrences, self.selections, self.terms, now, found, key)

    def findings(
        self, key: str, occurrences: Sequence[Occurrence], span: Span, now: Now
    ) -> Iterator[tuple[Completion, Finding]]:
        """What the limb finds inside the span, and how its condition was met."""
        view = self.view(key, occurrences, span, now)
        within = self.limb.linked_within
        told_once = is_stretched(key)
        completed = (
            self.condition.completions(view, span)
            if within is None
            else linked_completions(self.condition, view, span, within)
        )
        for completion in completed:
            if told_once and not _completes_here(completion):
                continue
            besides = told_besides(self.limb, view, completion.completed_at)
            window = (window_in_words(completion, self.terms),) if self.states_window else ()
            finding = finding_of(self.rule, self.limb, key, completion, (*besides, *facts_of(key), *window))
            if finding is not None:
                yield completion, finding

    def found(self, key: str, occurrences: Sequence[Occurrence], span: Span, now: Now) -> Iterator[Occurrence]:
        """The same as occurrences, for limbs that rest on them."""
        for completion, finding in self.findings(key, occurrences, span, now):
            told = {sighting for matched in completion.evidence for sighting in matched.occurrence.sightings}
            yield Occurrence(
                finding.finding_id, finding.completed_at, finding.area, tuple(sorted(told, key=timeline_order))
            )


def _completes_here(completion: Completion) -> bool:
    return any(
        _is_here(matched.sightings[:1])
        for matched in completion.evidence
        if matched.occurrence.id == completion.occurrence_id
    )


def _is_here(sightings: Iterable[Sighting]) -> bool:
    return any(HERE in sighting.roles for sighting in sightings)


class _Concern(msgspec.Struct, frozen=True, gc=False):
    """The limbs a report concerns, in order, and the fewest reports on which any of them finds something."""

    plans: tuple[_Plan, ...]
    fewest: int


_NEVER_ENOUGH = 2**31


class _Readers:
    """The limbs that read one kind of key, and which of them a report concerns."""

    def __init__(self, plans: Sequence[_Plan]) -> None:
        self.plans = tuple(plans)
        self.clocked = tuple(plan for plan in plans if plan.is_clocked)
        selectors = [selector for plan in plans for selector in plan.limb.steps.values()]
        self._concern = Remembered(selectors, Sighting, self._concern_of)

    def concern(self, sighting: Sighting) -> _Concern:
        """The limbs whose findings a change to this report can alter."""
        return self._concern.of(sighting)

    def concerned(self, occurrences: Sequence[Occurrence]) -> tuple[_Plan, ...]:
        """The limbs whose findings a change to any report of these can alter, in order."""
        if len(occurrences) == 1 and len(occurrences[0].sightings) == 1:
            return self._concern.of(occurrences[0].sightings[0]).plans
        reports = [report for occurrence in occurrences for report in occurrence.sightings]
        found = {id(plan) for report in reports for plan in self._concern.of(report).plans}
        return tuple(plan for plan in self.plans if id(plan) in found)

    def _concern_of(self, report: Readable) -> _Concern:
        plans = tuple(plan for plan in self.plans if plan.is_concerned(report))
        return _Concern(plans, min((plan.fewest for plan in plans), default=_NEVER_ENOUGH))


class RuleSet:
    """Compiled rules, by the kind of key they read. Retired rules, and those on areas, are not among them.

    Raises `ValueError` when rules rest on one another in a circle.
    """

    def __init__(self, rules: Iterable[Rule], bounds: Bounds) -> None:
        self._bounds = bounds
        by_kind: dict[str, list[_Plan]] = {}
        said = tuple(rules)
        elsewhere = carried_to(said)
        for rule in in_order(said):
            if rule.status == "retired":
                continue
            for limb in rule.limbs:
                for kind in limb.keys:
                    if kind != "area":
                        plans = by_kind.setdefault(kind, [])
                        plans.append(_plan(rule, limb, plans, elsewhere.get(rule.id, _NOWHERE)))
        self._readers = {kind: _Readers(plans) for kind, plans in by_kind.items()}

    def readers(self, key: str) -> _Readers:
        """The limbs that read this key."""
        return self._readers.get(key_kind(key), _NOBODY)

    def bounds_of(self, key: str) -> Bounds:
        """How far the timeline of this key may grow."""
        return self._bounds.of_key(key)


_NOBODY = _Readers(())


def evaluate(rules: RuleSet, key: str, timeline: Timeline, now: Now, span: Span = ALWAYS) -> dict[str, Finding]:
    """The findings of a key by id: all of them, or those completed inside the span."""
    return _found(rules, key, Picture(timeline, rules.bounds_of(key)), now, span).findings


def difference(
    old: Mapping[str, Finding], new: Mapping[str, Finding], as_of: Instant, cause: str
) -> list[FindingChange]:
    """What turns the old findings into the new: withdrawals first, with the whole old finding; by time."""
    gone = [old[finding_id] for finding_id in old if finding_id not in new]
    changes = [
        FindingChange(change="withdrawn", finding=finding, as_of=as_of, cause=cause) for finding in _sorted(gone)
    ]
    for finding in _sorted(new.values()):
        before = old.get(finding.finding_id)
        if before is None:
            changes.append(FindingChange(change="raised", finding=finding, as_of=as_of, cause=cause))
        elif before != finding:
            changes.append(FindingChange(change="updated", finding=finding, as_of=as_of, cause=cause))
    return changes


def revise(rules: RuleSet, key: str, old: Picture, new: Picture, sighting: Sighting, now: Now) -> Revision:
    """What `sighting` having come to a key, or gone from it, makes of its findings and wakes."""
    if old.is_hub or new.is_hub:
        return _revision(
            _found(rules, key, old, now, ALWAYS),
            _found(rules, key, new, now, ALWAYS),
            *_wakes_that_differ(wakes(rules, key, old, now), wakes(rules, key, new, now)),
        )
    readers = rules.readers(key)
    reports = max(old.timeline.count, new.timeline.count)
    if reports == 1 and readers.concern(sighting).fewest > 1:
        # Most people are heard of once.
        return UNCHANGED
    went, came = changed_occurrences(old.timeline, new.timeline, sighting)
    new.follow(old, went, came)
    changed = (*went, *came)
    concerned = readers.concerned(changed)
    if not concerned:
        return UNCHANGED
    times = [occurrence.time for occurrence in changed]
    first, last = min(times), max(times)
    before, after = _Found(), _Found()
    waits = False
    for plan in concerned:
        waits = waits or plan.is_clocked
        span = Span(first, last + plan.horizon)
        for picture, found in ((old, before), (new, after)):
            # Without a clock only an occurrence inside the span completes: what came newest was not there before.
            if plan.is_clocked or picture.last_time >= first:
                found.look(plan, key, picture, now, span)
    if not waits:
        return _revision(before, after)
    # Two limbs may wait for one moment: all that wait are asked, lest one forget what the other still needs.
    span = Span(first, last + max(plan.horizon for plan in readers.clocked))
    return _revision(
        before, after, *_wakes_that_differ(wakes(rules, key, old, now, span), wakes(rules, key, new, now, span))
    )


def revise_by_clock(rules: RuleSet, key: str, picture: Picture, old: Now, new: Now) -> Revision:
    """What clocks having moved on makes of a key's findings and wakes. Wakes they passed are not named again."""
    before, after = _Found(), _Found()
    for plan in rules.readers(key).clocked:
        before.look(plan, key, picture, old, ALWAYS)
        after.look(plan, key, picture, new, ALWAYS)
    _, ask = _wakes_that_differ(wakes(rules, key, picture, old), wakes(rules, key, picture, new))
    return _revision(before, after, (), ask)


def revise_by_rules(
    old: RuleSet, new: RuleSet, key: str, timeline: Timeline, was: Now, now: Now, concerned: Container[str]
) -> Revision:
    """What other rules, and what is known by them, make of a key's findings and wakes.

    Only the rules in `concerned` find anything else.
    """
    bounds, then = old.bounds_of(key), new.bounds_of(key)
    picture, becomes = Picture(timeline, bounds), Picture(timeline, then)
    if picture.is_hub or becomes.is_hub:
        if bounds.hub == then.hub:
            return UNCHANGED
        return _revision(
            _found(old, key, picture, was, ALWAYS),
            _found(new, key, becomes, now, ALWAYS),
            *_wakes_that_differ(wakes(old, key, picture, was), wakes(new, key, becomes, now)),
        )
    before, after = _Found(), _Found()
    waits = False
    for rules, known, found in ((old, was, before), (new, now, after)):
        for plan in rules.readers(key).plans:
            if plan.rule.id in concerned:
                waits = waits or plan.is_clocked
                found.look(plan, key, picture, known, ALWAYS)
    if not waits:
        return _revision(before, after)
    return _revision(before, after, *_wakes_that_differ(wakes(old, key, picture, was), wakes(new, key, picture, now)))


def wakes(rules: RuleSet, key: str, picture: Picture, now: Now, span: Span = ALWAYS) -> set[Wake]:
    """When to look at the key again unasked: for each pending deadline, the first clock that is behind."""
    asked: set[Wake] = set()
    for plan in rules.readers(key).clocked:
        if plan.clocked is not None and picture.timeline.count:
            for deadline in plan.clocked.pending(plan.view(key, picture.occurrences, span, now), span):
                clock = now.awaited_clock(deadline.at, deadline.feeds)
                if clock is not None:
                    asked.add((clock, deadline.at))
    return asked


_NOWHERE: frozenset[str] = frozenset()


def _plan(rule: Rule, limb: Limb, others: Sequence[_Plan], elsewhere: frozenset[str]) -> _Plan:
    """The limb, ready to run on one kind of key; `others` are the limbs before it that read it too."""
    condition = condition_type(limb.condition)
    overrides = [over for over in rule.overrides if over.limb in (None, limb.name)]
    terms = TermsByArea(condition.terms, overrides)
    besides = limb.besides.values()
    steps = {step: limb.steps[step] for step in (*condition.steps, *(one.of for one in besides))}
    beneath = {
        step: tuple(plan for plan in others if plan.rule.id in selector.finding)
        for step, selector in steps.items()
        if selector.finding
    }
    below = [plan for plans in beneath.values() for plan in plans]
    clocked = condition if isinstance(condition, Clocked) else None
    looks_back = [terms.chain * longest(length) for length in terms.lengths]
    window = max([*looks_back, *(longest(one.within) for one in besides)])
    return _Plan(
        rule=rule,
        limb=limb,
        condition=condition,
        selections={step: compiled(selector) for step, selector in steps.items() if step not in beneath},
        beneath=beneath,
        terms=terms,
        window=window,
        horizon=window + max((plan.horizon for plan in below), default=0),
        fewest=min(
            (
                condition.fewest,
                *(over.at_least for over in overrides if over.at_least is not None),
                # One report may complete several findings: that many occurrences need not be that many reports.
                *(plan.fewest for plan in below),
            )
        ),
        clocked=clocked,
        is_clocked=clocked is not None or any(plan.is_clocked for plan in below),
        states_window=states(limb.explain, WITHIN),
        carried_to=elsewhere,
    )


def _found(rules: RuleSet, key: str, picture: Picture, now: Now, span: Span) -> _Found:
    found = _Found()
    if picture.is_hub:
        hub = _hub_finding(key, picture.timeline, rules.bounds_of(key))
        if span.holds(hub.completed_at):
            found.findings[hub.finding_id] = hub
        return found
    for plan in rules.readers(key).plans:
        found.look(plan, key, picture, now, span)
    return found


def _hub_finding(key: str, timeline: Timeline, bounds: Bounds) -> Finding:
    return Finding(
        finding_id=ids.finding_id(HUB_RULE.id, "", key, HUB_OCCURRENCE),
        rule_id=HUB_RULE.id,
        rule_version=HUB_RULE.version,
        limb="",
        family=HUB_RULE.family,
        key=key,
        occurrence_id=HUB_OCCURRENCE,
        completed_at=timeline.is_hub_since(bounds),
        priority=HUB_RULE.priority.base,
        area=UNLOCATED,
        areas=(),
        evidence=(),
        excluded=(),
        facts=(("bound", str(bounds.hub)),),
        child=False,
        explanation=f"More than {bounds.hub} live reports share this key; its rules are suspended.",
        marking=HUB_RULE.marking,
    )


def _wakes_that_differ(old: set[Wake], new: set[Wake]) -> tuple[tuple[Wake, ...], tuple[Wake, ...]]:
    return tuple(sorted(old - new)), tuple(sorted(new - old))


def _sorted(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda at: (at.completed_at, at.rule_id, at.limb, at.occurrence_id))
