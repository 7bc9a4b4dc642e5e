"""A finding's life as people see it: versioned, append-only, withdrawn when it stops being true."""

from __future__ import annotations

from typing import Literal

import msgspec

from safety_stream.core.model.findings import Family, Finding, Priority
from safety_stream.core.model.times import Instant

Change = Literal["raised", "updated", "withdrawn"]

ReasonForNow = Literal[
    "new",
    "worsened",
    "evidence-added",
    "evidence-removed",
    "back-dated",
    "withdrawn",
    "restated",
]
"""Why somebody is told now (habit: a decision returns a reason, not a boolean)."""


class AlertVersion(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One version of one alert. Alert ids are stable across replays; versions count from 1 without gap.

    `episode` counts openings: an alert that was withdrawn and becomes true again opens its next episode. `findings`
    are the newest standing findings, earliest completion first, each with the newest of its evidence (all of them in
    full are on `findings`); empty when withdrawn. `late` says that the finding
    this version is about (the one that came or changed, else the newest) completed longer ago than the rule's action
    time: it belongs in the digest and pages nobody (rules.md 3.7).
    `marking` is the highest of the rule's and of the reports behind it.
    `notify` is False when nothing an officer must hear has changed (rules.md 3.6).
    """

    alert_id: str
    version: int
    episode: int
    change: Change
    reason: ReasonForNow
    rule_id: str
    rule_version: int
    title: str
    family: Family
    subject: str
    priority: Priority
    area: str
    areas: tuple[str, ...]
    first_completed_at: Instant
    last_completed_at: Instant
    findings: tuple[Finding, ...]
    explanation: str
    child: bool
    late: bool
    notify: bool
    audiences: tuple[str, ...]
    marking: str
    as_of: Instant
    cause: str
