"""What people do about an alert: the actions they send, the answers they get, and how far an alert has been handled.

Not to be confused with an alert's condition (`alerts.py`), which says whether it is true. A withdrawn alert may still
be being handled, and a closed one may be true.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from safety_stream.core.model.alerts import Alert
from safety_stream.core.model.times import Instant

HandlingState = Literal[
    "new",
    "acknowledged",
    "assessing",
    "actioned",
    "referred",
    "accepted",
    "no-further-action",
    "snoozed",
    "merged",
    "closed",
    "reopened",
    "withdrawn",
    "expired",
]
"""How far an alert has been handled; "accepted" is a referral the partner has taken on."""

HandlingAction = Literal[
    "acknowledge",
    "assess",
    "action",
    "refer",
    "accept",
    "bounce",
    "no-further-action",
    "snooze",
    "wake",
    "merge",
    "escalate",
    "close",
    "reopen",
    "note",
    "judge",
]
"""What somebody may do about an alert; "judge" says whether it was useful, and changes nothing else."""

HandlingNews = Literal[
    HandlingAction,
    "raised",
    "worsened",
    "told-again",
    "restated",
    "withdrawn",
    "overdue",
    "slept",
    "outlived",
    "unmerged",
    "forgotten",
]
"""What happened to the handling of an alert: an action, or what befell it of its condition or of the clock.

"told-again" is more of the same that officers must hear, "restated" what they need not; "overdue" that a clock has run
out, "slept" that a snooze has, and "outlived" that nobody has cared for it as long as it is worth keeping; "unmerged"
that it can rely on what it was merged into no more, and "forgotten" that it came to its end long ago.
"""


class AlertAction(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One action about one alert. Topic `alert-actions`, key `alert_id`.

    `action_id` is the sender's; the same one twice is one action. `actor` is a role and a number or a pseudonym, never
    a name; `role` decides what the actor may do (`catalogue/handling.yaml`). `rationale` is why, in the actor's words;
    `reason` is one of the reasons of the catalogue where the action asks for one. `until` is when a snooze ends, `to`
    whom a referral or an escalation goes to, `into` the alert this one is merged into. `seen` is the newest version of
    the alert the actor had seen: what stops a clock is refused when that is not known (0), and when the alert has
    become worse since. `useful` is asked for by "judge" alone.
    """

    action_id: str
    alert_id: str
    action: HandlingAction
    actor: str
    role: str
    acted_at: Instant
    rationale: str = ""
    reason: str = ""
    until: Instant | None = None
    to: str = ""
    into: str = ""
    seen: int = 0
    useful: bool | None = None


class ActionAnswer(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What became of an action: done, or not, and why not. Topic `action-answers`, key `action_id`."""

    action_id: str
    alert_id: str
    done: bool
    why: str
    state: HandlingState | None
    number: int
    as_of: Instant


class Handling(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """How far an alert has been handled, and what last happened to that.

    `number` counts from 1 what has happened to the handling of this alert since it was last forgotten. `what` happened,
    by whom (`actor` and `role` are empty where nobody did it) and why. `acknowledge_by` and `decide_by` are None where
    that is not asked for, or done. `escalated_to` is the highest it has gone in this round, "" for nobody. `overdue`
    says that a clock has run out that nobody has answered since. `owner` is who acknowledged it.
    """

    number: int
    state: HandlingState
    since: Instant
    what: HandlingNews
    as_of: Instant
    actor: str = ""
    role: str = ""
    reason: str = ""
    rationale: str = ""
    owner: str = ""
    acknowledge_by: Instant | None = None
    decide_by: Instant | None = None
    escalated_to: str = ""
    overdue: bool = False
    snoozed_until: Instant | None = None
    referred_to: str = ""
    merged_into: str = ""
    useful: bool | None = None


class HandledAlert(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An alert as it is, and how far it has been handled. Topic `handled-alerts`, key the alert's id.

    Each is news of one of the two; `handling.what` says of which. `notify` is False when nothing an officer must hear
    has changed, or when it is snoozed or merged: then what is new of the alert is kept and pages nobody. `rungs` are
    those of the ladder it has gone to since it was raised: they hear of it as its audiences do.
    """

    alert: Alert
    handling: Handling
    notify: bool
    as_of: Instant
    rungs: tuple[str, ...] = ()
