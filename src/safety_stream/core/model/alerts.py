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


class Alert(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An alert at one version, as it is handled and told. Ids are stable across replays; versions count from 1.

    `episode` counts openings: an alert that was withdrawn and becomes true again opens its next episode. `findings`
    are the newest standing findings, earliest completion first, each with the newest of its evidence (all of them in
    full are on `findings`); empty when withdrawn. `late` says that the finding this version is about (the one that came
    or changed, else the newest) completed longer ago than the rule's action time: it belongs in the digest and pages
    nobody (rules.md 3.7).
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


class AlertVersion(Alert, frozen=True, gc=False, kw_only=True):
    """One version of one alert, without gap between them, with all it rests on. Topic `alert-changes`.

    `also_rests_on` are the ids, sorted, of the reports that its standing findings rest on and `findings` does not show,
    and of findings that stand in the place of one; mostly none, and none when withdrawn. A dispute or a legal hold of
    one of them concerns the alert like that of one that is shown. They are for that alone, so they are neither handled
    nor told.
    """

    also_rests_on: tuple[str, ...] = ()

    def to_tell(self) -> Alert:
        """What of it is handled and told."""
        return Alert(**{name: getattr(self, name) for name in Alert.__struct_fields__})
