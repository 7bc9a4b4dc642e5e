"""Values as rows and back: what a page asks for by column is worked out here and nowhere else."""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec

from safety_stream.core.alerts.handling import ASIDE
from safety_stream.core.model.handling import HandlingState
from safety_stream.core.model.published import AuditRecord, PublishedAlert, PublishedIndicator
from safety_stream.core.oversight import BROKEN, REVIEWED
from safety_stream.core.stages.enter import ACKNOWLEDGED

Row = dict[str, str | int | bytes | None]
"""A row by its columns' names."""

NO_CLOCK: Final = 2**63 - 1
"""The next clock of an alert about which nothing is asked for by any time: after all that have one."""

OPEN: Final = 0
"""The shelf of what somebody has something to do about; everything else is on the next."""

UNTOLD: Final = 5
"""The urgency of an alert whose priority its audience is not told: after P4."""

RESTING: Final[frozenset[HandlingState]] = frozenset(
    {"no-further-action", "snoozed", "merged", "closed", "withdrawn", "expired"}
)
"""States in which nobody has anything to do about an alert; in every other it is open."""

KEPT_ENTRIES: Final = frozenset({ACKNOWLEDGED, BROKEN, REVIEWED, "hold", "release"})
"""What of `audit.entries` is owed, answers it, or holds something; who looked up whom is no business of pages."""

ASKED_AT_ONCE: Final = 1_000
"""Values in one statement: databases take so many and no more."""

_ENCODER = msgspec.msgpack.Encoder()

T = TypeVar("T", bound=msgspec.Struct)


def body_of(value: msgspec.Struct) -> bytes:
    """A value whole."""
    return _ENCODER.encode(value)


def value_of(body: bytes, kind: type[T]) -> T:
    """A value from its body."""
    return msgspec.msgpack.decode(body, type=kind)


def alert_row(alert: PublishedAlert) -> Row:
    """The current state of an alert."""
    return {
        "audience": alert.audience,
        "alert_id": alert.alert_id,
        "seq": alert.seq,
        "changed_seq": changed_seq_of(alert),
        "shelf": shelf_of(alert),
        "urgency": urgency_of(alert.priority),
        "next_clock": next_clock_of(alert),
        "state": state_of(alert),
        "family": alert.family,
        "holder": holder_of(alert),
        "words": words_of(alert),
    }


def version_row(alert: PublishedAlert, areas_before: frozenset[str]) -> Row:
    """One record of an alert's life; `areas_before` are those last told before its version."""
    return {
        "audience": alert.audience,
        "seq": alert.seq,
        "alert_id": alert.alert_id,
        "version": alert.version,
        "change": alert.change,
        "as_of": alert.as_of,
        "rule_id": alert.rule_id,
        "area": alert.area,
        "areas_before": " ".join(sorted(areas_before)),
        "body": body_of(alert),
    }


def areas_told(alert: PublishedAlert) -> frozenset[str]:
    """Every area a record tells of itself; none where its audience is told none, or its rule went on trial."""
    return frozenset(alert.areas or ()) | ({alert.area} if alert.area is not None else frozenset())


def indicator_row(value: PublishedIndicator) -> Row:
    """The current value of a period."""
    return {
        "profile": value.profile,
        "kind": value.period,
        "indicator": value.indicator,
        "area": value.area,
        "starts": value.starts,
        "body": body_of(value),
    }


def revision_row(value: PublishedIndicator) -> Row:
    """One of the values a period has had."""
    return indicator_row(value) | {"seq": value.seq, "as_of": value.as_of}


def entry_row(record: AuditRecord) -> Row:
    """Something that was put on record beside the stages, by the first word of its reason."""
    return {
        "seq": record.seq,
        "what": (record.reason or "").partition(":")[0],
        "as_of": record.as_of,
        "audience": record.audience,
        "alert_id": record.alert_id,
        "body": body_of(record),
    }


def state_of(alert: PublishedAlert) -> HandlingState:
    """How far it has been handled. Where that is not told, what is withdrawn needs nobody and what is not is new."""
    if alert.handling is not None:
        return alert.handling.state
    return "withdrawn" if alert.change == "withdrawn" else "new"


def changed_seq_of(alert: PublishedAlert) -> int:
    """The number under which a record changes its alert; 0 where it is only a note or a judgement."""
    is_aside = alert.change != "raised" and alert.handling is not None and alert.handling.what in ASIDE
    return 0 if is_aside else alert.seq


def shelf_of(alert: PublishedAlert) -> int:
    """`OPEN`, or the one behind it."""
    return OPEN + (state_of(alert) in RESTING)


def urgency_of(priority: str | None) -> int:
    """1 for P1 and so on, `UNTOLD` for None."""
    return UNTOLD if priority is None else int(priority.removeprefix("P"))


def next_clock_of(alert: PublishedAlert) -> int:
    """The next time by which somebody has to do something; of a snoozed alert the end of the snooze."""
    handling = alert.handling
    if handling is None:
        return NO_CLOCK
    if handling.state == "snoozed":
        return NO_CLOCK if handling.snoozed_until is None else handling.snoozed_until
    clocks = (handling.acknowledge_by, handling.decide_by)
    return min((by for by in clocks if by is not None), default=NO_CLOCK)


def holder_of(alert: PublishedAlert) -> str:
    """Who has it: the partner it was referred to, or whoever acknowledged it; "" for nobody, and where it is untold."""
    return "" if alert.handling is None else alert.handling.referred_to or alert.handling.owner


def words_of(alert: PublishedAlert) -> str:
    """What is searched: what lists tell, and never whom it is about, or a search would tell what its page asks why."""
    parts = (alert.alert_id, alert.title, alert.rule_id, alert.area, alert.explanation)
    return "\n".join(part for part in parts if part).lower()
