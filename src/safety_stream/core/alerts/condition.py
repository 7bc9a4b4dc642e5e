"""The condition of an alert as a pure function of its standing findings, and why somebody is told now.

Theory of operation
-------------------
There is one alert per rule and subject (rules.md 3.6; `stretches.subject_of`). Its content is what its standing
findings say; it stands while there are any. Each change of a finding makes the next version of the alert. The decision
what to call that version is a table over (did it stand before, does it stand now, what changed), and whether anybody
hears of it follows from the reason, the rule's time between notices, and how long ago the finding completed. Who was
told only of what rests on possible matches of persons hears at once of the first that is certain: what nobody has
confirmed keeps nothing back.

A version shows the newest of its findings, each with the newest of its evidence: it must stay small. The ids of the
reports that are cut off with the rest go beside, so that a dispute or a hold of a report reaches every alert that rests
on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from safety_stream.core.alerts.cut import Cut
from safety_stream.core.model.alerts import AlertVersion, Change, ReasonForNow
from safety_stream.core.model.findings import POSSIBLE, Finding, FindingChange, Priority
from safety_stream.core.model.ids import alert_id
from safety_stream.core.model.markings import highest_marking
from safety_stream.core.model.stretches import subject_of
from safety_stream.core.model.times import Instant, after
from safety_stream.core.rules.carrying import reports_of
from safety_stream.core.rules.rule import Rule

SHOWN_FINDINGS = 16
"""How many findings an alert version carries, the newest; all are on `findings`."""


SHOWN_EVIDENCE = 8
"""How many occurrences of a finding an alert shows, the newest; one time line holds 3 to 8 (domain.md 8)."""


class AlertState(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What is remembered of one alert: its numbers, its standing findings by id, and who was last told what when.

    `told_certain`: something that was told then rests on no possible match of persons. `cut`: which reports these
    findings rest on that are not remembered with them; of findings of before it was kept, none until they change.
    """

    version: int = 0
    episode: int = 0
    findings: dict[str, Finding] = msgspec.field(default_factory=dict)
    told_at: Instant | None = None
    told_priority: Priority | None = None
    told_certain: bool = True
    cut: Cut = Cut()


_MORE: frozenset[ReasonForNow] = frozenset({"new", "worsened", "evidence-added", "back-dated"})
"""The reasons that say there is more to know than before."""

Reach = Callable[[Rule, Priority, str], tuple[str, ...]]
"""The ids of the audiences an alert of this rule, priority and marking reaches, sorted."""


def advance(
    state: AlertState, change: FindingChange, rule: Rule, reach: Reach
) -> tuple[AlertState, AlertVersion] | None:
    """The alert after a change of one of its findings, and the version to publish.

    None when the change says nothing: a finding withdrawn that does not stand, which happens only where a rule was
    added by a version that did not go over the timelines there were.
    """
    standing, lacks = dict(state.findings), frozenset[str]()
    if change.change != "withdrawn":
        shortened = standing[change.finding.finding_id] = _shortened(change.finding)
        lacks = reports_of(change.finding) - reports_of(shortened)
    elif standing.pop(change.finding.finding_id, None) is None:
        return None
    cut = state.cut.but(change.finding.finding_id, lacks)
    reason = _reason(state.findings, standing, change)
    opened = bool(standing) and not state.findings
    # A withdrawn alert says what it said last, so that those who were told know what is taken back.
    said = in_order(standing or state.findings)
    # What this version is about: the finding that came or changed, or, one having gone, the newest that is left.
    about = said[-1] if change.change == "withdrawn" else change.finding
    late = bool(standing) and change.as_of > after(about.completed_at, rule.action_time)
    priority = highest(said)
    marking = highest_marking([rule.marking, *(finding.marking for finding in said)])
    shown = tuple(in_order(standing)[-SHOWN_FINDINGS:])
    certain = any(POSSIBLE not in finding.facts for finding in standing.values())
    notify = not late and (
        _must_be_heard(state, reason, priority, change.as_of, rule) or _is_confirmed(state, reason, certain=certain)
    )
    subject = subject_of(change.finding.key)
    version = AlertVersion(
        alert_id=alert_id(rule.id, subject),
        version=state.version + 1,
        episode=state.episode + opened,
        change=_word(state.findings, standing),
        reason=reason,
        rule_id=rule.id,
        rule_version=rule.version,
        title=rule.title,
        family=rule.family,
        subject=subject,
        priority=priority,
        area=said[-1].area,
        areas=tuple(sorted({area for finding in said for area in finding.areas})),
        first_completed_at=said[0].completed_at,
        last_completed_at=said[-1].completed_at,
        findings=shown,
        explanation=said[-1].explanation,
        child=any(finding.child for finding in said),
        late=late,
        notify=notify,
        audiences=reach(rule, priority, marking),
        marking=marking,
        as_of=change.as_of,
        cause=change.cause,
        also_rests_on=_not_shown(standing, cut, shown),
    )
    # With its last finding an episode ends, and what was told in it is told no more.
    told = (change.as_of, priority, certain) if notify else (state.told_at, state.told_priority, state.told_certain)
    told_at, told_priority, told_certain = told if standing else (None, None, True)
    return AlertState(
        version=version.version,
        episode=version.episode,
        findings=standing,
        told_at=told_at,
        told_priority=told_priority,
        told_certain=told_certain,
        cut=cut,
    ), version


def _shortened(finding: Finding) -> Finding:
    """The finding with the newest of its evidence only: an alert of a much harmed person must stay small enough.

    So must one whose evidence are findings, each of many reports.
    """
    shown = [
        msgspec.structs.replace(item, reports=item.reports[-SHOWN_EVIDENCE:])
        if len(item.reports) > SHOWN_EVIDENCE
        else item
        for item in finding.evidence[-SHOWN_EVIDENCE:]
    ]
    return msgspec.structs.replace(finding, evidence=tuple(shown), excluded=finding.excluded[-SHOWN_EVIDENCE:])


def _not_shown(standing: Mapping[str, Finding], cut: Cut, shown: Sequence[Finding]) -> tuple[str, ...]:
    """The reports that standing findings rest on and that those shown do not name, sorted."""
    if not cut.reports and len(shown) == len(standing):
        return ()
    named = frozenset[str]().union(*map(reports_of, shown))
    return tuple(sorted(frozenset(cut.reports).union(*map(reports_of, standing.values())) - named))


def in_order(findings: dict[str, Finding]) -> list[Finding]:
    """Findings by completion, then id."""
    return sorted(findings.values(), key=lambda finding: (finding.completed_at, finding.finding_id))


def highest(findings: list[Finding]) -> Priority:
    """The highest priority among findings; "P1" is the highest."""
    return min((finding.priority for finding in findings), default="P4")


def _word(before: dict[str, Finding], standing: dict[str, Finding]) -> Change:
    if not standing:
        return "withdrawn"
    return "updated" if before else "raised"


def _reason(before: dict[str, Finding], standing: dict[str, Finding], change: FindingChange) -> ReasonForNow:
    if not standing:
        return "withdrawn"
    if not before:
        return "new"
    if highest(list(standing.values())) < highest(list(before.values())):
        return "worsened"
    if change.change == "withdrawn":
        return "evidence-removed"
    if change.change == "updated":
        return "restated"
    first = min(finding.completed_at for finding in before.values())
    return "back-dated" if change.finding.completed_at < first else "evidence-added"


def _must_be_heard(state: AlertState, reason: ReasonForNow, priority: Priority, as_of: Instant, rule: Rule) -> bool:
    if state.told_at is None or state.told_priority is None:
        # Whoever heard nothing yet hears of more, never of less.
        return reason in _MORE
    if reason in ("new", "withdrawn") or priority < state.told_priority:
        return True
    return reason in _MORE and as_of >= after(state.told_at, rule.suppress_for)


def _is_confirmed(state: AlertState, reason: ReasonForNow, *, certain: bool) -> bool:
    """Whether people were told of what nobody had confirmed, and now there is something certain to tell."""
    return certain and state.told_at is not None and not state.told_certain and reason != "evidence-removed"
