"""Opening an alert in an emergency, and what was opened: as pages show both."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from safety_stream.core.model.times import Instant
from safety_stream.core.oversight import Oversight, Use
from safety_stream.web import words
from safety_stream.web.views.choices import Choice, choices_of


class GlassView(msgspec.Struct, frozen=True, kw_only=True):
    """The form: what has to be said, who will hear of it, and what cannot be opened."""

    reference: str
    reasons: tuple[Choice, ...]
    office: str
    holds: str
    never: tuple[str, ...]


def glass_view(oversight: Oversight, reference: str) -> GlassView:
    """What is asked. Nothing is chosen beforehand."""
    glass = oversight.break_glass
    return GlassView(
        reference=reference,
        reasons=choices_of(glass.reasons, ()),
        office=words.plain(oversight.office),
        holds=words.length(glass.holds),
        never=tuple(glass.never.values()),
    )


class UseLine(msgspec.Struct, frozen=True, kw_only=True):
    """One alert that was opened; `outcome` is empty while a review is owed."""

    number: int
    at: str
    who: str
    alert_id: str
    reason: str
    until: str
    reviewed: str
    outcome: str
    is_late: bool


class ReviewsView(msgspec.Struct, frozen=True, kw_only=True):
    """The page: what waits for its review, the oldest first, and the newest that were reviewed."""

    waiting: tuple[UseLine, ...]
    done: tuple[UseLine, ...]
    outcomes: tuple[Choice, ...]
    within: str


DONE_SHOWN = 100
"""What was reviewed before these is in `safety-stream audit break-glass`."""


def reviews_view(uses: Sequence[Use], oversight: Oversight, now: Instant) -> ReviewsView:
    """Of all that was opened."""
    glass = oversight.break_glass

    def line(one: Use) -> UseLine:
        return UseLine(
            number=one.seq,
            at=words.at(one.at),
            who=one.actor,
            alert_id=one.alert_id,
            reason=glass.reasons.get(one.reason, one.reason),
            until=words.at(one.until),
            reviewed="" if one.reviewed_at is None else f"{one.reviewed_by}, {words.at(one.reviewed_at)}",
            outcome=glass.outcomes.get(one.outcome, one.outcome),
            is_late=one.is_overdue(now, glass.review_within),
        )

    return ReviewsView(
        waiting=tuple(line(one) for one in uses if one.reviewed_at is None),
        done=tuple(line(one) for one in reversed(uses) if one.reviewed_at is not None)[:DONE_SHOWN],
        outcomes=choices_of(glass.outcomes, ()),
        within=words.length(glass.review_within),
    )
