"""Looking at an alert about a person from the command line: with a reason, and recorded before anything is shown.

Without a reason an alert is told as lists of the pages tell it: what happened, where, by when, and never about whom nor
by which reports. What reads reports or decisions themselves (`rules why`, `links show`) has nothing to tell without
one; it needs Kafka anyhow, so that somebody looked goes on record there, in the chain of `audit.entries`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from safety_stream.cli.terminal import Wrong, needing, wall
from safety_stream.config import Connection
from safety_stream.core.audit import subject_of
from safety_stream.core.consulting import Consulting
from safety_stream.core.model.dead_letters import Refused
from safety_stream.core.model.published import AuditEntry, PublishedAlert
from safety_stream.core.stages.enter import check_entry
from safety_stream.edge.producer import ReportProducer

WhyLooked = Annotated[
    str,
    typer.Option(
        "--reason",
        metavar="ID",
        show_default=False,
        help="Why you look at one alert about a person (consulting.yaml): then whom it is about and which reports it "
        "rests on is shown, and that you looked is recorded in --database. Asks for --by and --role.",
    ),
]
WhyRead = Annotated[
    str,
    typer.Option(
        "--reason",
        metavar="ID",
        show_default=False,
        help="Why you look at what is about a person (consulting.yaml). That you look is put on record first.",
    ),
]
WhoLooks = Annotated[
    str, typer.Option("--by", show_default=False, help="Who looks: a role and a number or a pseudonym, never a name.")
]
RoleOfLook = Annotated[str, typer.Option("--role", show_default=False, help="In which role.")]

LEFT_OUT = (
    "It is about a person: about whom, and which reports it rests on, is shown to whoever says why they look, with "
    "--reason, --by and --role, and is recorded"
)


def put_look_on_record(
    kafka: Connection,
    consulting: Consulting,
    reason: str,
    by: str,
    *,
    subjects: Iterable[str] = (),
    alert_id: str | None = None,
) -> None:
    """Put on record that somebody looks at an alert, or at whom these tokens stand for; the broker has it then.

    Raises `Wrong` where nothing may be shown.
    """
    if not reason or not by.strip():
        raise Wrong("this is about a person: say why you look and who you are, with --reason and --by; it is recorded")
    if reason not in consulting.reasons:
        known = "; ".join(f"{one} ({title})" for one, title in consulting.reasons.items())
        raise Wrong(f"there is no reason {reason} to look; the reasons are {known}")
    whom: list[str | None] = [subject_of(token) for token in subjects]
    entries = [
        AuditEntry(
            entry_id=str(uuid.uuid4()),
            kind="consultation",
            actor=by,
            acted_at=wall(),
            subject=subject,
            alert_id=alert_id,
            reason=reason,
        )
        for subject in whom or [None]
    ]
    try:
        for entry in entries:
            check_entry(entry)
    except Refused as refused:
        raise Wrong(f"it would not be put on record: {refused.detail}") from None
    with ReportProducer(kafka) as producer:
        for entry in entries:
            producer.send_entry(entry)


class Looker(msgspec.Struct, frozen=True, kw_only=True):
    """Who looks at an alert and why, and the database of the pages where that is recorded."""

    reason: str
    by: str
    role: str
    database: str
    data: Path


def check_reason(looker: Looker, consulting: Consulting) -> None:
    """Raise `Wrong` when what was said of a look cannot be recorded as one."""
    if looker.reason not in consulting.reasons:
        known = "; ".join(f"{one} ({title})" for one, title in consulting.reasons.items())
        raise Wrong(f"there is no reason {looker.reason} to look at an alert; the reasons are {known}")
    if not looker.by.strip() or not looker.role.strip():
        raise Wrong("a look is recorded with who looks and in which role: add --by and --role")


def record_look(looker: Looker, alert: PublishedAlert) -> None:
    """Record that somebody looks at an alert; it is there when this returns. Raises `Wrong` where it cannot be."""
    # Whoever keeps no copy for the pages has no place to record it.
    with needing("web", "without which no look is recorded"):
        from safety_stream.cli.projecting import database_of  # noqa: PLC0415
        from safety_stream.readmodel.people import Consultation, Consultations  # noqa: PLC0415
    engine = database_of(looker.database, looker.data)
    try:
        Consultations(engine).note(
            Consultation(
                at=wall(),
                act="view",
                person=looker.by,
                role=looker.role,
                audience=alert.audience,
                alert_id=alert.alert_id,
                seq=alert.seq,
                reason=looker.reason,
                session=f"command-line-{uuid.uuid4()}",
            )
        )
    finally:
        engine.dispose()
