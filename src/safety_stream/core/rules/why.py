"""Why a finding stands: recomputed from the reports it names, what was left out, and what would take it back.

Theory of operation
-------------------
A finding names its evidence, so it can be checked: `account_of` puts the reports it names, and those it says it left
out, on a timeline of their own and evaluates the rule there. The same bytes must come out. A report left out is taken
together with the reports it is one occurrence with, because it is the occurrence's time that decides whether it was
looked at. What a rule tells besides its evidence is counted again as well. Nothing else on the key is needed: an
occurrence stays whole when others go, and what a condition counts is its evidence.

What the rule finds today is asked of the *whole* timeline: a later version of the rule may read what the earlier one
did not name, and a finding may have been overtaken by reports the workers have not come to yet.

What would take the finding back is asked of the whole timeline too, since another report may take the place of the one
that goes: for each report of the evidence the rule is evaluated without it, exactly as if it were withdrawn now, and
for each occurrence told by several reports without all of them: where police and landlord tell of one assault, neither
report alone is missed, and that it did not happen is.
Without the report that gives an occurrence its name, the finding that completes on the rest of that occurrence is the
same finding under another name. Of a group of linked reports its timeline is asked, and not how the group would fall
apart: what is not near enough to one another any more counts together no more anyway.

A finding may rest on what was found elsewhere: then its evidence names findings, and they lie on its timeline as in the
stream (`carrying.py`). What they rest on is accounted for in turn, beneath it. What would be without one of them is
told as if it alone were withdrawn; what would take *it* back is said where it is accounted for.

Two kinds of finding name no reports. That a key is a hub follows from how many reports it has; that an area's number is
reached, from how many incidents `register` counts there. Those are counted again, and asked what one fewer would do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Literal, cast

import msgspec

from safety_stream.core.catalogue import Bounds
from safety_stream.core.linking import linked_key, timelines_of
from safety_stream.core.model.findings import Finding, Priority
from safety_stream.core.model.incidents import IncidentVersion
from safety_stream.core.model.sightings import FINDING, Sighting, is_of_one_person, key_kind
from safety_stream.core.model.stretches import subject_of
from safety_stream.core.model.tallies import series_key
from safety_stream.core.model.times import Duration, Instant, Period, PeriodKind, before, period_of, to_day
from safety_stream.core.persons import STRANGERS, Who
from safety_stream.core.register import Claim, Scope, claim_of, highest_of, sightings_of
from safety_stream.core.rules.calendar import exceedance
from safety_stream.core.rules.carrying import carried, reports_beneath
from safety_stream.core.rules.chains import with_all_beneath
from safety_stream.core.rules.condition import Now
from safety_stream.core.rules.engine import HUB_RULE, RuleSet, evaluate
from safety_stream.core.rules.rule import Count, Rule
from safety_stream.core.rules.selectors import compiled
from safety_stream.core.timeline import Timeline, occurrences_of

LOOKED_BACK = Duration(months=12)
"""Over how long it is told how often a rule completed; ours, it decides nothing."""

Verdict = Literal["same", "overtaken", "differs", "reports-gone", "new-version", "no-rule"]
"""What recomputing gave: the same bytes; those, but others by all that is known of the key today; others; nothing to
go by, because reports it names are no more; the rule has a new version, or is no more."""


class Cited(msgspec.Struct, frozen=True):
    """A report as an account names it: no more of it than what was said of what, by whom and when.

    `roles` are those in which the person whose key it is stands in it; of a key that is nobody's there are none. A
    finding on another key is cited like one, of the kind `finding` and of its rule instead of a category.
    """

    incident_id: str
    organisation: str
    kind: str
    category: str
    reported_at: Instant
    roles: tuple[str, ...] = ()


class RestsOn(msgspec.Struct, frozen=True):
    """An occurrence of the evidence with those of its reports that are live."""

    occurrence_id: str
    occurred_at: Instant
    area: str
    reports: tuple[Cited, ...]


class LeftOut(msgspec.Struct, frozen=True):
    """A report that was looked at and not counted, and the reason, as in `Excluded`."""

    report: Cited
    reason: str


class Without(msgspec.Struct, frozen=True):
    """What would be without these reports: whether the finding would stand, how urgent, and on which reports instead.

    It is one of the evidence, or all of an occurrence that several tell of.
    """

    reports: tuple[str, ...]
    stands: bool
    priority: Priority | None = None
    instead: tuple[str, ...] = ()


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Why a finding stands.

    `recomputed` is what its evidence alone gives under the rule as it is now, `today` what all that is known of the key
    does. `differs_in` are the fields in which the first that is another differs (the rule's version aside, which
    `version_now` says). `gone` are reports the finding names that are not live.
    `rests_on_reports` is how many it rests on, also where they are not named; `hangs_on_one` whether there is a report
    without which it would not be, `is_full` whether one more in its window would take it back. `times_here` and
    `times_on_key` are how often the rule completed in the finding's area and on its key, whatever the stretch of time,
    within `LOOKED_BACK`, this time included. `beneath` accounts for the findings on other keys that it rests on.
    """

    finding: Finding
    verdict: Verdict
    version_now: int | None
    recomputed: Finding | None
    today: Finding | None
    differs_in: tuple[str, ...]
    gone: tuple[str, ...]
    occurrences: tuple[RestsOn, ...]
    left_out: tuple[LeftOut, ...]
    without: tuple[Without, ...]
    rests_on_reports: int
    hangs_on_one: bool
    is_full: bool
    times_here: int
    times_on_key: int
    beneath: tuple[Account, ...] = ()

    @property
    def is_same(self) -> bool:
        """Whether it was recomputed the same, and all beneath it."""
        return self.verdict == "same" and all(one.is_same for one in self.beneath)


class Grounds(msgspec.Struct, frozen=True):
    """What is known of a key: its timeline or, of an area's series, each claim that counts in it; and the clocks."""

    timeline: Timeline
    series: tuple[Claim, ...]
    now: Now


def grounds_of(
    read: Callable[[], Iterable[IncidentVersion]],
    key: str,
    scope: Scope,
    bounds: Bounds,
    now: Now,
    standing: Mapping[str, Finding],
    who: Callable[[IncidentVersion], Who] = lambda _: STRANGERS,
) -> Grounds:
    """What the versions of incidents say of a key, and what stands elsewhere, by id; `who` says who is who in each.

    `read` gives them all, those of one incident in the order they came; it is called twice, so that of a county's years
    only those incidents are kept that were ever seen under the key, or on which something rests that may be said there.
    """
    elsewhere = {
        name: reports_beneath(finding, standing)
        for name, finding in standing.items()
        if key_kind(key) in scope.carried_to.get(finding.rule_id, ())
    }
    beneath = frozenset[str]().union(*elsewhere.values())
    seen = {
        version.incident_id
        for version in read()
        if version.incident_id in beneath or _is_under(claim_of(version, scope, who(version)), key)
    }
    newest = highest_of(version for version in read() if version.incident_id in seen)
    claims = {name: claim_of(newest[name], scope, who(newest[name])) for name in sorted(newest)}
    live = [claim for claim in claims.values() if _is_under(claim, key)]
    if key_kind(key) == "area":
        return Grounds(Timeline(), tuple(live), now)
    if key_kind(key) == "linked":
        linked = [sightings_of(claim)[linked_key(claim.version.incident_id)] for claim in live]
        return Grounds(_timeline(timelines_of(linked, scope.linked).get(key, ()), bounds.of_key(key)), (), now)
    sightings = [sightings_of(claim)[key] for claim in live]
    for finding_id, reports in sorted(elsewhere.items()):
        linking = [claims[report].linking for report in reports if report in claims]
        named = tuple(sorted(frozenset[str]().union(*linking)))
        sightings += [
            said for to, said in carried(standing[finding_id], named, frozenset({key_kind(key)})) if to == key
        ]
    return Grounds(_timeline(sightings, bounds.of_key(key)), (), now)


def found_beneath(finding: Finding, standing: Mapping[str, Finding]) -> list[Finding]:
    """The findings on other keys that its evidence names; `standing` are by id."""
    return [standing[name] for name in _evidence(finding) if name in standing]


def account_of(
    finding: Finding,
    rules: Iterable[Rule],
    grounds: Grounds,
    standing: Iterable[Finding],
    bounds: Bounds,
    beneath: Sequence[Account] = (),
) -> Account:
    """Why this finding stands, by the rules as they are now and what is known of its key.

    `standing` are the standing findings among which its like are counted, `beneath` the accounts of `found_beneath`.
    """
    live = [rule for rule in rules if rule.status != "retired"]
    rule = next((rule for rule in live if rule.id == finding.rule_id), None)
    case = _Case(finding, rule, live, grounds, bounds)
    recomputed, today = (_as_kept(one, finding) for one in (case.recomputed(), case.today()))
    version_now = None if rule is None else rule.version
    cited = {sighting.incident_id: _cited(sighting, finding.key) for sighting in grounds.timeline.sightings}
    named = [*_evidence(finding), *(item.incident_id for item in finding.excluded)]
    gone = tuple(name for name in named if name not in cited)
    verdict = _verdict(finding, version_now, recomputed, today, gone)
    other = today if verdict in ("new-version", "overtaken") else recomputed
    without = case.without_each()
    times_here, times_on_key = _times(finding, standing)
    rests_firmly = {one.finding.finding_id for one in beneath if not one.hangs_on_one}
    return Account(
        finding=finding,
        verdict=verdict,
        version_now=version_now,
        recomputed=recomputed,
        today=today,
        differs_in=() if other is None else _differs_in(finding, other),
        gone=gone,
        occurrences=tuple(
            RestsOn(at.occurrence_id, at.occurred_at, at.area, tuple(cited[one] for one in at.reports if one in cited))
            for at in finding.evidence
        ),
        left_out=tuple(
            LeftOut(cited[item.incident_id], item.reason) for item in finding.excluded if item.incident_id in cited
        ),
        without=without,
        rests_on_reports=len(_reports_of(finding, beneath)) or case.count(),
        hangs_on_one=(
            any(not one.stands and rests_firmly.isdisjoint(one.reports) for one in without if len(one.reports) == 1)
            if without
            else case.hangs_on_one()
        ),
        is_full=_is_full(finding, rule),
        times_here=times_here,
        times_on_key=times_on_key,
        beneath=tuple(beneath),
    )


class _Case:
    """One finding with what is needed to ask again."""

    def __init__(
        self, finding: Finding, rule: Rule | None, live: Sequence[Rule], grounds: Grounds, bounds: Bounds
    ) -> None:
        self._finding = finding
        self._rule = rule
        # The rule for hubs is built in: a set of no rules has it too.
        self._rules = RuleSet(() if rule in (None, HUB_RULE) else with_all_beneath(rule, live), bounds)
        self._timeline = grounds.timeline
        self._now = grounds.now
        self._bounds = bounds.of_key(finding.key)
        self._counts = _counts(grounds.series, finding) if key_kind(finding.key) == "area" else None

    def recomputed(self) -> Finding | None:
        """The finding as its own evidence gives it now."""
        if not self._finding.evidence:
            return self.today()
        wanted = {*_evidence(self._finding), *self._beside_what_was_left_out(), *self._told_besides()}
        named = [sighting for sighting in self._timeline.sightings if sighting.incident_id in wanted]
        return self._found(_timeline(named, self._bounds)).get(self._finding.finding_id)

    def today(self) -> Finding | None:
        """The finding as all that is known of its key gives it now."""
        if self._counts is not None:
            return self._reached(sum(self._counts))
        return self._found(self._timeline).get(self._finding.finding_id)

    def without_each(self) -> tuple[Without, ...]:
        """What would be without each live report of the evidence, in order of time; then without each occurrence."""
        live = {sighting.incident_id: sighting for sighting in self._timeline.sightings}
        wanted = set(_evidence(self._finding))
        alone = [(sighting,) for name, sighting in live.items() if name in wanted]
        whole = [tuple(live[name] for name in at.reports if name in live) for at in self._finding.evidence]
        return tuple(self._without(gone) for gone in (*alone, *(one for one in whole if len(one) > 1)))

    def count(self) -> int:
        """How many reports it rests on."""
        if self._counts is not None:
            return len(self._counts)
        return len(_evidence(self._finding)) or self._timeline.count

    def hangs_on_one(self) -> bool:
        """Of a finding that names no reports: whether one fewer, some one, would be too few."""
        if self._counts is not None:
            total = sum(self._counts)
            return any(self._reached(total - count) is None for count in self._counts)
        # Of a saturated timeline no report is known, and one fewer makes no difference to it.
        one_fewer = [self._timeline.changed(-1, sighting, self._bounds) for sighting in self._timeline.sightings[:1]]
        return any(self._finding.finding_id not in self._found(timeline) for timeline in one_fewer)

    def _without(self, gone: Sequence[Sighting]) -> Without:
        names = tuple(sighting.incident_id for sighting in gone)
        timeline = self._timeline
        for sighting in gone:
            timeline = timeline.changed(-1, sighting, self._bounds)
        left = self._found_again(self._found(timeline), names)
        if left is None:
            return Without(names, stands=False)
        before_it = set(_evidence(self._finding))
        instead = tuple(sorted(name for name in _evidence(left) if name not in before_it))
        return Without(names, stands=True, priority=left.priority, instead=instead)

    def _found_again(self, found: Mapping[str, Finding], without: Collection[str]) -> Finding | None:
        """The finding among those found without some reports, be it under the name of the rest of its occurrence."""
        mine = self._finding
        if mine.finding_id in found:
            return found[mine.finding_id]
        rest = {
            name
            for at in mine.evidence
            if at.occurrence_id == mine.occurrence_id
            for name in at.reports
            if name not in without
        }
        left = [one for one in found.values() if one.limb == mine.limb and one.occurrence_id in rest]
        return min(left, key=lambda one: (one.completed_at, one.finding_id), default=None)

    def _beside_what_was_left_out(self) -> set[str]:
        left_out = {item.incident_id for item in self._finding.excluded}
        beside: set[str] = set()
        for occurrence in occurrences_of(self._timeline.sightings) if left_out else ():
            if not left_out.isdisjoint(occurrence.reports):
                beside.update(occurrence.reports)
        return beside

    def _told_besides(self) -> set[str]:
        """The reports counted for what is told besides: they are no evidence, and without them it would say less."""
        limbs = () if self._rule is None else self._rule.limbs
        at = self._finding.completed_at
        counted: set[str] = set()
        for one, selector in [(one, limb.steps[one.of]) for limb in limbs for one in limb.besides.values()]:
            if selector.finding:
                # Findings rest on reports of any age.
                return {sighting.incident_id for sighting in self._timeline.sightings}
            passes, since = compiled(selector).passes, before(at, one.within)
            for occurrence in occurrences_of(self._timeline.sightings):
                if since <= occurrence.time <= at and any(passes(sighting) for sighting in occurrence.sightings):
                    counted.update(occurrence.reports)
        return counted

    def _found(self, timeline: Timeline) -> dict[str, Finding]:
        found = evaluate(self._rules, self._finding.key, timeline, self._now)
        return {name: one for name, one in found.items() if self._rule is not None and one.rule_id == self._rule.id}

    def _reached(self, count: int) -> Finding | None:
        """The finding that so many incidents of the area's series make."""
        limbs = () if self._rule is None else self._rule.limbs
        limb = next((one for one in limbs if one.name == self._finding.limb and one.keys == ("area",)), None)
        if self._rule is None or limb is None:
            return None
        return exceedance(self._rule, limb, self._finding.area, _period(self._finding), count)


def _is_under(claim: Claim, key: str) -> bool:
    kind, _, value = key.partition(":")
    if kind == "area":
        return any(series_key(one.area, one.indicator) == value for one in claim.series)
    if kind == "linked":
        # Which group a report is in, only all of them together say.
        return any(key_kind(keyed.key) == kind for keyed in claim.keys)
    return any(keyed.key == key for keyed in claim.keys)


def _timeline(sightings: Sequence[Sighting], bounds: Bounds) -> Timeline:
    timeline = Timeline()
    for sighting in sightings:
        timeline = timeline.changed(1, sighting, bounds)
    return timeline


def _counts(claims: Iterable[Claim], finding: Finding) -> list[int]:
    """How many incidents each claim counts in the series and period of an area's finding."""
    period = _period(finding)
    series = finding.key.partition(":")[2]
    return [
        one.count
        for claim in claims
        for one in claim.series
        if series_key(one.area, one.indicator) == series
        and period.starts <= one.event_day < period.ends
        # What is known to the month only is in no day and no week.
        and not (one.by_month and period.kind in ("day", "week"))
    ]


def _period(finding: Finding) -> Period:
    kind, _, first_day = finding.occurrence_id.partition(":")
    return period_of(to_day(date.fromisoformat(first_day)), cast(PeriodKind, kind))


def _evidence(finding: Finding) -> list[str]:
    return [name for at in finding.evidence for name in at.reports]


def _reports_of(finding: Finding, beneath: Iterable[Account]) -> frozenset[str]:
    """The reports it rests on, also through what was found elsewhere."""
    found = {one.finding.finding_id: one for one in beneath}
    own = frozenset(name for name in _evidence(finding) if name not in found)
    return own.union(*(_reports_of(one.finding, one.beneath) for one in found.values()))


def _cited(sighting: Sighting, key: str) -> Cited:
    what = sighting.subtype if sighting.kind == FINDING else sighting.category
    roles = sighting.roles if is_of_one_person(key) else ()
    return Cited(sighting.incident_id, sighting.organisation, sighting.kind, what, sighting.reported_at, roles)


def _verdict(
    finding: Finding,
    version_now: int | None,
    recomputed: Finding | None,
    today: Finding | None,
    gone: Sequence[str],
) -> Verdict:
    if version_now is None:
        return "no-rule"
    if version_now != finding.rule_version:
        return "new-version"
    if gone:
        return "reports-gone"
    if not _is_same(finding, recomputed):
        return "differs"
    return "same" if _is_same(finding, today) else "overtaken"


def _is_same(finding: Finding, other: Finding | None) -> bool:
    return other is not None and msgspec.json.encode(other) == msgspec.json.encode(finding)


def _as_kept(other: Finding | None, finding: Finding) -> Finding | None:
    """The other without roles, where the finding is from before they were kept: it is as right as it was."""
    if other is None or any(told.roles for at in finding.evidence for told in at.told):
        return other
    evidence = [
        msgspec.structs.replace(at, told=tuple(msgspec.structs.replace(one, roles=()) for one in at.told))
        for at in other.evidence
    ]
    return msgspec.structs.replace(other, evidence=tuple(evidence))


def _differs_in(finding: Finding, recomputed: Finding) -> tuple[str, ...]:
    return tuple(
        name
        for name in finding.__struct_fields__
        if name != "rule_version" and getattr(finding, name) != getattr(recomputed, name)
    )


def _is_full(finding: Finding, rule: Rule | None) -> bool:
    """Whether it counts as many as its limb lets it."""
    limbs = () if rule is None else rule.limbs
    return any(
        limb.name == finding.limb
        and isinstance(limb.condition, Count)
        and dict(finding.facts).get("count") == str(limb.condition.at_most)
        for limb in limbs
    )


def _times(finding: Finding, standing: Iterable[Finding]) -> tuple[int, int]:
    since = before(finding.completed_at, LOOKED_BACK)
    like = [
        one for one in standing if one.rule_id == finding.rule_id and since <= one.completed_at <= finding.completed_at
    ]
    return sum(one.area == finding.area for one in like), sum(
        subject_of(one.key) == subject_of(finding.key) for one in like
    )
