"""What leaves the backbone, after projection: alerts per audience, indicators per profile, and the record of both.

Each feed is numbered by `seq` from 1 without gap, so that a reader can prove that nothing is missing.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from safety_stream.core.model.alerts import Change, ReasonForNow
from safety_stream.core.model.findings import Family, Finding, Priority
from safety_stream.core.model.handling import Handling
from safety_stream.core.model.judgements import Signal
from safety_stream.core.model.tallies import Cause
from safety_stream.core.model.times import Day, Instant, PeriodKind

Verb = Literal["collection", "alteration", "consultation", "disclosure-transfers", "combination", "erasure"]
"""What was done with personal data, in the words of section 62 of the Data Protection Act 2018."""


ToldReason = Literal[ReasonForNow, "handled", "overdue", "reminder", "escalated"]
"""Why an audience is told now: of the alert, or of its handling.

Those of the handling come under the version of the alert that was told before; to whom an alert has gone up the ladder,
under the one there was by then.
"""

OF_HANDLING: Final[frozenset[ToldReason]] = frozenset({"handled", "overdue", "reminder", "escalated"})
"""Somebody did something about an alert, nobody did in time, it sleeps or is merged no more, or was taken higher."""


class PublishedAlert(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One version of an alert as `audience` may see it: number `seq` of its feed.

    Every field of `Alert` but the four that make it readable at all is None unless the audience's projection
    names it; `cause`, `audiences` and `handling` too. `prior_seq` and `prior_version` say where this audience was last
    told of the alert (both None the first time), so that a withdrawal can be matched to what it takes back.
    """

    seq: int
    audience: str
    alert_id: str
    version: int
    change: Change
    as_of: Instant
    prior_seq: int | None = None
    prior_version: int | None = None
    episode: int | None = None
    reason: ToldReason | None = None
    rule_id: str | None = None
    rule_version: int | None = None
    title: str | None = None
    family: Family | None = None
    subject: str | None = None
    priority: Priority | None = None
    area: str | None = None
    areas: tuple[str, ...] | None = None
    first_completed_at: Instant | None = None
    last_completed_at: Instant | None = None
    findings: tuple[Finding, ...] | None = None
    explanation: str | None = None
    child: bool | None = None
    late: bool | None = None
    notify: bool | None = None
    audiences: tuple[str, ...] | None = None
    marking: str | None = None
    cause: str | None = None
    handling: Handling | None = None


class PublishedIndicator(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An indicator's value as `profile` may see it: number `seq` of its feed.

    `value` is None when it is suppressed: as too small to show, or because it would tell one that is. `revision` counts
    from 1 within this feed, and `restates` is the value last shown here (None at first, or when that one was
    suppressed). Days as in `IndicatorValue`: `[starts, ends)` on the London calendar.

    What follows is None unless the profile shows it. `expected` is what the area's own past let expect; no count from
    `low` to `high` is a signal by itself; these three are None, too, where several periods had to be judged as one.
    `signal` is what is thought of the value, and `opened` the first day of the breach it belongs to. All of them are
    None until this very value has been judged. `complete_to` is the day before which all feeds the indicator rests on
    were complete when this was told, `late` for how many milliseconds the period had been over (None before that).
    `causes`, sorted, are those of all that has happened to the value since it was last shown here; none where only what
    is thought of it is new.
    """

    seq: int
    profile: str
    area: str
    indicator: str
    period: PeriodKind
    starts: Day
    ends: Day
    value: int | None
    final: bool
    revision: int
    restates: int | None
    as_of: Instant
    expected: float | None = None
    low: int | None = None
    high: int | None = None
    signal: Signal | None = None
    opened: Day | None = None
    complete_to: Day | None = None
    late: int | None = None
    causes: tuple[Cause, ...] | None = None


OPTIONAL_FIELDS: Final = frozenset({"expected", "low", "high", "signal", "opened", "complete_to", "late", "causes"})
"""What a profile may show beside the value."""

OF_ONE_VALUE: Final = frozenset({"complete_to", "late"})
"""Those of them a profile that hides counts may show: the others are made of counts of other periods, hidden there.

Of a signal that is as true as of a bound: rare weeks are judged four together, a breach goes on, and a bound rests on
the years before. That a nought is a signal may tell what the hidden week before it was.
Nor may it show causes: that something was withdrawn is said of a single report.
"""


class AuditRecord(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One use of data, in the words of `verb`; of a disclosure, that numbers of a feed were given to `audience`.

    `seq` counts from 1 without gap. `hash` is the SHA-256, in hexadecimal, over `previous_hash` and this record's
    other fields, so that a changed or missing record shows (`core/audit.py`).

    `from_seq` to `to_seq` (both included) of `topic` are the numbers given, or the offsets collected; 0 where there are
    none. `audience` is empty where nothing was given to anybody. `alert_id` is None when no alert is concerned;
    `fields` are the names of the fields disclosed, sorted. `incident_id` is the report concerned. `subject` is whom a
    consultation was about, as `core.audit.subject_of` makes it of a token: the audit itself names nobody. `actor` is
    who did it or had it done: a source, a role or a pseudonym, never a name; None of what the backbone does by itself.
    `reason` is why, in a word; `count` how many reports it concerns. `until` is when what was granted or held ends: an
    alert that was opened in an emergency, a legal hold; None of all else, and of what nothing ends by itself.
    """

    seq: int
    previous_hash: str
    hash: str
    verb: Verb
    audience: str
    topic: str
    from_seq: int
    to_seq: int
    alert_id: str | None
    fields: tuple[str, ...]
    as_of: Instant
    incident_id: str | None = None
    subject: str | None = None
    actor: str | None = None
    reason: str | None = None
    count: int | None = None
    until: Instant | None = None


EntryKind = Literal[
    "consultation", "acknowledgement", "break-glass", "review", "hold", "release", "erasure", "erasure-request"
]
"""What somebody does outside the stages that has to be on record.

An acknowledgement says that an audience has put right at home what it was told is so no longer. To break the glass is
to open, in an emergency, an alert one may not see; somebody else reviews it. What is held is not purged, whatever its
time, until it is released (`core/oversight.py`, `core/retention.py`). An erasure says that a person's key was
destroyed; somebody else requested it before (`core/erasing.py`).
"""

ORDERS: Final[frozenset[EntryKind]] = frozenset({"hold", "release", "erasure", "erasure-request"})
"""What cannot be made good once it was wrong. These alone are on the topic `orders`, which whoever answers for the data
writes and nobody else."""


class AuditEntry(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Something to put on record that was done outside the stages. Topic `orders` or `audit-entries`, no key.

    `entry_id` is the sender's; the same one twice is one entry. `actor` is a role and a number or a pseudonym, never a
    name. Of a consultation `subject` is whom it was about (`core.audit.subject_of`), or `alert_id` which alert, and
    `reason` one of the catalogue's (`consulting.yaml`); of an erasure likewise, whose `subject` is a seal, and of a
    request for one, which may be confirmed `until` then; of an acknowledgement `audience` and `seq` say which number of
    its feed of alerts it answers. Whoever breaks the glass says which alert, as which `audience` sees it, why
    (`oversight.yaml`) and `until` when; a review says which number of `audit.entries` (`seq`) it is of, and by `reason`
    what came of it. A hold, and its release, is of one of `subject`, `alert_id`, `incident_id` and `topic`.
    """

    entry_id: str
    kind: EntryKind
    actor: str
    acted_at: Instant
    subject: str | None = None
    alert_id: str | None = None
    audience: str = ""
    seq: int = 0
    reason: str = ""
    incident_id: str | None = None
    topic: str = ""
    until: Instant | None = None
