"""Who answers for the data, and what is owed to them: answers to notices, and a review of every broken glass.

Theory of operation
-------------------
*Chasing.* Whoever was told what is no longer true has a notice (`putting_right.py`), which is open until they say that
their own copy has been put right. A notice that stays open is chased in two steps, each once, both counted from when it
was opened:

    opened ──remind_after──▶ the audience is reminded ──escalate_after──▶ the office hears that nobody has answered

*Breaking the glass.* Nobody sees an alert that the policy does not let them see. In an emergency somebody of a role the
catalogue names may all the same open one, with a reason: that is on record before anything is shown, the office is told
at once whatever the hour, the view is of that alert alone and ends, and somebody else reviews it. What may not even
then be shown is *barred*, each with its reason; what is known of no alert (a refuge's address goes no further than
intake) cannot be shown by anybody.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, Literal

import msgspec

from safety_stream.core.model.markings import conditions_of
from safety_stream.core.model.published import AuditRecord, PublishedAlert
from safety_stream.core.model.sharing import Sharing
from safety_stream.core.model.sightings import persons_of
from safety_stream.core.model.times import Instant

Step = Literal["reminder", "escalation"]
"""What is done about a notice that nobody has answered."""

Bar = Literal["handling-code-c", "party-to-the-matter", "withdrawn"]
"""What no emergency opens: of reports somebody gave on conditions, of a matter the opener's team is a party to, and
what is true no more (withdrawn, restricted or erased)."""

BROKEN: Final = "break-glass"
REVIEWED: Final = "review"
"""What the reason of a record of `audit.entries` begins with; what follows is why, or what came of it."""


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds a notice may be open before its audience is reminded, and before the office hears of it."""

    remind_after: Instant
    escalate_after: Instant


class Chasing(msgspec.Struct, frozen=True, kw_only=True):
    """How long answers are waited for: `usual`, and of some audiences otherwise."""

    usual: Patience
    of: Mapping[str, Patience] = {}

    def patience_with(self, audience: str) -> Patience:
        """How long this audience's answer is waited for."""
        return self.of.get(audience, self.usual)


class BreakGlass(msgspec.Struct, frozen=True, kw_only=True):
    """Who may open what in an emergency. `reasons` and `outcomes` (of a review) are words by id.

    What is opened is shown as the audience `shown_as` sees it, for `holds` milliseconds; a review is owed within
    `review_within`. `never` says of each bar why. Without roles nobody may.
    """

    roles: frozenset[str] = frozenset()
    reasons: Mapping[str, str] = {}
    shown_as: str = ""
    holds: Instant = 0
    review_within: Instant = 0
    outcomes: Mapping[str, str] = {}
    never: Mapping[Bar, str] = {}


class Oversight(msgspec.Struct, frozen=True, kw_only=True):
    """`office` is who answers for the data: it can be subscribed for like an audience, and hears of no alert.

    Where a catalogue says nothing of it there is none: nobody is chased, and no glass can be broken.
    """

    office: str = ""
    chasing: Chasing | None = None
    break_glass: BreakGlass = BreakGlass()


def steps_due(audience: str, opened_at: Instant, now: Instant, chasing: Chasing) -> tuple[Step, ...]:
    """What is to be done by now about a notice of an audience that has been open since then."""
    patience, age = chasing.patience_with(audience), now - opened_at
    steps: tuple[tuple[Step, Instant], ...] = (
        ("reminder", patience.remind_after),
        ("escalation", patience.escalate_after),
    )
    return tuple(step for step, after in steps if age >= after)


def barred(alert: PublishedAlert, audience: str, sharing: Sharing) -> Bar | None:
    """Why somebody of an audience may not open an alert even in an emergency; None where they may.

    Of several reasons the one of which they may be told least: that there was an alert, and is no more, is told to
    whoever might else have opened it alone.
    """
    # An alert whose marking is not told may stand under a condition.
    if alert.marking is None or conditions_of(alert.marking):
        return "handling-code-c"
    parties = parties_told(alert)
    if not sharing.members.get(audience, frozenset()).isdisjoint(parties):
        return "party-to-the-matter"
    return "withdrawn" if alert.change == "withdrawn" else None


def parties_told(alert: PublishedAlert) -> frozenset[str]:
    """The tokens of the persons a published alert says it is about."""
    keys = [alert.subject or "", *(finding.key for finding in alert.findings or ())]
    return frozenset(token for key in keys for token in persons_of(key))


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """A glass that was broken: number `seq` of `audit.entries`, and its review where there has been one.

    `until` is when the view ended, or ends; `outcome` is empty, and `reviewed_at` None, while a review is owed.
    """

    seq: int
    at: Instant
    actor: str
    audience: str
    alert_id: str
    reason: str
    until: Instant
    reviewed_by: str = ""
    outcome: str = ""
    reviewed_at: Instant | None = None

    def is_overdue(self, now: Instant, review_within: Instant) -> bool:
        """Whether its review should have been done by now."""
        return self.reviewed_at is None and now - self.at >= review_within


def use_of(record: AuditRecord) -> Use | None:
    """The broken glass that a record of `audit.entries` tells of, if it does."""
    word, _, reason = (record.reason or "").partition(": ")
    if word != BROKEN or record.verb != "consultation":
        return None
    return Use(
        seq=record.seq,
        at=record.as_of,
        actor=record.actor or "",
        audience=record.audience,
        alert_id=record.alert_id or "",
        reason=reason,
        until=record.until or record.as_of,
    )


def reviewed_in(record: AuditRecord) -> tuple[int, str] | None:
    """Which number of `audit.entries` a record reviews, and what came of it, if it is a review."""
    word, _, outcome = (record.reason or "").partition(": ")
    return (record.from_seq, outcome) if word == REVIEWED and record.verb == "consultation" else None


def uses_in(records: Collection[AuditRecord]) -> list[Use]:
    """Every broken glass on record, in order, each with its review if there has been one."""
    found = {use.seq: use for use in map(use_of, records) if use is not None}
    for record in records:
        review = reviewed_in(record)
        if review is not None and review[0] in found:
            found[review[0]] = msgspec.structs.replace(
                found[review[0]], reviewed_by=record.actor or "", outcome=review[1], reviewed_at=record.as_of
            )
    return list(found.values())
