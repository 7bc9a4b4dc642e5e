"""A rule's claim about one key, with its evidence."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from safety_stream.core.model.times import Instant

Priority = Literal["P1", "P2", "P3", "P4"]
"""P1 critical, P2 high, P3 medium, P4 information (domain.md 8)."""

Family = Literal["repeat-victimisation", "organised-crime", "safeguarding", "threshold", "feed"]
"""The families of rules."""

POSSIBLE: Final = ("match", "possible")
"""The fact by which a finding says that it rests on a possible match of persons that nobody has confirmed."""


class Told(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Who told of something, by what sort of report, and in which roles the finding's person stands in it.

    `roles` are those of the person whose key it is, in any such report, sorted: whoever acts on a finding must see
    whether it is about somebody who was harmed or somebody who is accused. Of a thing, a place, a pair or a group there
    are none, nor in findings of before they were kept.
    """

    organisation: str
    kind: str
    roles: tuple[str, ...] = ()


class Evidence(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One occurrence a finding rests on: its id, when it began, its area and every report of it (sorted ids).

    `told` is by whom and by what sort of report, each once and sorted, and in which roles; what other findings are made
    of is told with these. Findings of before it was kept have none.
    """

    occurrence_id: str
    occurred_at: Instant
    area: str
    reports: tuple[str, ...]
    told: tuple[Told, ...] = ()


class Excluded(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A report that was looked at and not counted, and why, in a word from a closed list."""

    incident_id: str
    reason: str


class Finding(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Rule `rule_id` completed on `key` at `completed_at`, the time of occurrence `occurrence_id`.

    `facts` are the numbers its explanation is made of, as text, sorted by name. `areas` are the areas of the evidence,
    sorted; `area` the one of the completing occurrence. A threshold's occurrence id is its period. `marking` is the
    highest of its rule's and of the reports it rests on.
    """

    finding_id: str
    rule_id: str
    rule_version: int
    limb: str
    family: Family
    key: str
    occurrence_id: str
    completed_at: Instant
    priority: Priority
    area: str
    areas: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    excluded: tuple[Excluded, ...]
    facts: tuple[tuple[str, str], ...]
    child: bool
    explanation: str
    marking: str = "OFFICIAL"


class FindingChange(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A difference of findings(key): raised, updated (same id, other content) or withdrawn.

    `as_of` is what was known when; `cause` the incident and action, the clock, or the change of a rule that brought it
    about.
    """

    change: Literal["raised", "updated", "withdrawn"]
    finding: Finding
    as_of: Instant
    cause: str
