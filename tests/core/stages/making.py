"""Small builders for tests of the stages: reports, versions and records with invented tokens."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from safety_stream.core.catalogue import Audience, Catalogue
from safety_stream.core.model.alerts import AlertVersion
from safety_stream.core.model.findings import Priority
from safety_stream.core.model.incidents import IncidentVersion, Party, Place
from safety_stream.core.model.reports import Report, ReportedPlace
from safety_stream.core.model.times import HOUR, LONDON, Day, Instant, to_instant
from safety_stream.core.stages.stage import Record


def at(text: str) -> Instant:
    """The instant of a London local time."""
    return to_instant(datetime.fromisoformat(text).replace(tzinfo=LONDON))


NOON = at("2026-01-05T12:00")


def covering(catalogue: Catalogue, day: Day) -> Catalogue:
    """The catalogue with feeds that tell of everything from a day on."""
    sources = {name: msgspec.structs.replace(one, covers_from=day) for name, one in catalogue.sources.items()}
    return msgspec.structs.replace(catalogue, sources=sources)


def an_alert(*, priority: Priority, audiences: tuple[str, ...]) -> AlertVersion:
    """The first version of an alert about a repeat victim, raised at noon."""
    return AlertVersion(
        alert_id="alert-a",
        version=1,
        episode=1,
        change="raised",
        reason="new",
        rule_id="rv-graded",
        rule_version=1,
        title="Repeat victim",
        family="repeat-victimisation",
        subject="victim:tok-a",
        area="E07000117",
        areas=("E07000117",),
        first_completed_at=NOON,
        last_completed_at=NOON,
        findings=(),
        explanation="Harmed three times.",
        child=False,
        late=False,
        notify=True,
        marking="OFFICIAL-SENSITIVE",
        as_of=NOON,
        cause="incident-a new",
        priority=priority,
        audiences=audiences,
    )


def a_report(**changes: Any) -> Report:
    """A police crime on a Monday at noon, reported an hour later."""
    return msgspec.structs.replace(
        Report(
            source="police-crimes",
            source_ref="C/1",
            source_version=1,
            action="new",
            kind="police-crime",
            category="violence",
            occurred_from=NOON,
            reported_at=NOON + HOUR,
            place=ReportedPlace(area="E07000117"),
        ),
        **changes,
    )


def a_version(**changes: Any) -> IncidentVersion:
    """The version intake makes of such a report, with a victim."""
    return msgspec.structs.replace(
        IncidentVersion(
            incident_id="00000000-0000-5000-8000-000000000001",
            source="police-crimes",
            organisation="lancashire-police",
            source_version=1,
            action="new",
            kind="police-crime",
            subtype="",
            category="violence",
            family="violence",
            themes=("violence",),
            occurred_from=NOON,
            occurred_to=NOON,
            precision="instant",
            reported_at=NOON + HOUR,
            received_at=NOON + 2 * HOUR,
            area="E07000117",
            parties=(Party("victim", "tok-a"),),
            place=Place(),
        ),
        **changes,
    )


def a_record(value: Any, topic: str = "incidents", offset: int = 0, received_at: Instant | None = None) -> Record:
    """A decoded record; it was received when its value says so, unless told otherwise."""
    told = received_at if received_at is not None else getattr(value, "received_at", NOON + 2 * HOUR)
    return Record(
        topic=topic, partition=0, offset=offset, received_at=told, value=value, raw_key=b"k", raw_value=b"as it came"
    )


def as_granted(catalogue: Catalogue, audiences: Iterable[Audience]) -> Catalogue:
    """The catalogue with these audiences, each granted the fields it bears, whatever else its grants say."""
    told = {one.id: one for one in audiences}
    grants = tuple(
        msgspec.structs.replace(grant, fields=told[grant.subscriber].fields)
        for grant in catalogue.sharing.grants
        if grant.subscriber in told
    )
    sharing = msgspec.structs.replace(catalogue.sharing, grants=grants)
    return msgspec.structs.replace(catalogue, audiences=tuple(told.values()), sharing=sharing)
