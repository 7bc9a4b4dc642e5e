"""`retention`: how long what is kept, and legal holds that stop the purge.

A hold is an entry of the audit, and holds from there: what purges looks it up. Of a topic the broker purges, so there a
hold is a setting of the topic as well; `apply` brings all of these to what the catalogue and the holds say.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final
from uuid import uuid4

import msgspec
import typer

from safety_stream.cli import auditing
from safety_stream.cli.audit import By, print_holds
from safety_stream.cli.links import time_of
from safety_stream.cli.sealing import SealingFile, seal_held
from safety_stream.cli.terminal import (
    OK,
    TO_DO,
    CatalogueFolder,
    Json,
    Wrong,
    catalogue_of,
    connect,
    epilog,
    how_many,
    on_kafka,
    print_json,
    print_table,
    say,
    wall,
)
from safety_stream.config import Connection
from safety_stream.core.audit import subject_of
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model import ids
from safety_stream.core.model.dead_letters import Refused
from safety_stream.core.model.published import AuditEntry
from safety_stream.core.model.times import DAY_LENGTH, Instant, length_in_words
from safety_stream.core.retention import HOLD, RELEASE, Holding
from safety_stream.core.stages.enter import check_entry
from safety_stream.edge.producer import ReportProducer
from safety_stream.streaming.provisioning import keep_for, kept_for
from safety_stream.streaming.reading import high_watermarks
from safety_stream.wire.topology import TOPICS, members, retention_ms

app = typer.Typer(no_args_is_help=True, help="How long what is kept, and what a legal hold keeps beyond it.")

Report = Annotated[str | None, typer.Option("--report", help="A report: SOURCE/REFERENCE, or its id.")]
Token = Annotated[str | None, typer.Option("--person", help="A token of a person; a digest of it goes on record.")]
Alert = Annotated[str | None, typer.Option("--alert", help="An alert, by its id.")]
TopicName = Annotated[str | None, typer.Option("--topic", help="A topic, all of it.")]
Because = Annotated[str, typer.Option("--because", help="Why: a reason of retention.yaml.")]

_ROUNDS: Final = 5
"""So often topics are set at most until nothing is left: a second round is rare, and a broker may be slow to say it."""


@app.command(
    "show",
    epilog=epilog(
        "safety-stream retention show",
        {0: "topics keep what they should", 1: "it went wrong", 2: "a topic keeps for another time: see `apply`"},
    ),
)
@on_kafka
def show(
    kafka: Connection,
    with_ended: Annotated[bool, typer.Option("--all", help="Also holds that have ended or were released.")] = False,
    catalogue: CatalogueFolder = None,
    as_json: Json = False,
) -> None:
    """Print the classes with what is of each, how long topics keep now, and what is held."""
    known, now = catalogue_of(catalogue, None), wall()
    admin = connect(kafka)
    holds = auditing.holds_of(kafka)
    wanted = lengths_of(known, Holding(holds, now))
    found = kept_for(admin, list(wanted))
    shown = [one for one in holds if with_ended or one.stands(now)]
    differing = {name: found[name] for name in found if found[name] != wanted[name]}
    if as_json:
        print_json(
            {
                "classes": [
                    {"id": one.id, "keep": None if one.keep is None else length_in_words(one.keep)}
                    for one in known.retention.classes.values()
                ],
                "topics": [{"topic": name, "keeps_ms": found.get(name), "should_ms": wanted[name]} for name in wanted],
                "holds": [{**msgspec.structs.asdict(one), "stands": one.stands(now)} for one in shown],
            }
        )
    else:
        _print_classes(known)
        print_table(
            ("topic", "class", "keeps", "should keep"),
            [
                (name, known.retention.topics.get(_row_of(name), ""), _days(found.get(name)), _days(wanted[name]))
                for name in wanted
            ],
            title="Topics",
        )
        print_holds(shown, now)
        if differing:
            say(f"{how_many(len(differing), 'topic')} keep for another time: safety-stream retention apply")
    raise typer.Exit(TO_DO if differing else OK)


@app.command(
    "apply",
    epilog=epilog(
        "safety-stream retention apply", {0: "every topic keeps for as long as it should", 1: "it went wrong"}
    ),
)
@on_kafka
def apply(kafka: Connection, catalogue: CatalogueFolder = None, as_json: Json = False) -> None:
    """Let each topic keep for as long as its class and the holds say. Run it daily: a hold ends by the calendar."""
    known = catalogue_of(catalogue, None)
    connect(kafka)
    changed = _apply(kafka, known)
    if as_json:
        print_json({"changed": changed})
    else:
        print_table(("topic", "keeps now"), [(name, _days(millis)) for name, millis in changed.items()])
        say(f"{how_many(len(changed), 'topic')} changed")


@app.command(
    "hold",
    epilog=epilog(
        "safety-stream retention hold --report police-crimes/C-2026-17 --because court-order --by officer-3",
        {
            0: "it is held",
            1: "it went wrong, or is no hold",
            2: "it is on the bus and not on record yet: until a worker has put it there databases go on purging",
        },
    ),
)
@on_kafka
def hold(
    kafka: Connection,
    because: Because,
    by: By,
    report: Report = None,
    person: Token = None,
    alert: Alert = None,
    topic: TopicName = None,
    until: Annotated[
        Instant | None,
        typer.Option("--until", parser=time_of, metavar="TIME", help="Until when. Default: until it is released."),
    ] = None,
    sealing: SealingFile = None,
    catalogue: CatalogueFolder = None,
    as_json: Json = False,
) -> None:
    """Keep a report, a person, an alert or a topic beyond its time, from now on. What is gone already stays gone.

    A person is held by every token that stewards have joined to the one named, each by an order of its own.
    """
    known = catalogue_of(catalogue, None)
    target = _Target(report, _token_named(person, sealing), alert, topic)
    entry = _entry(known, HOLD, because, by, target, until)
    connect(kafka)
    tokens = _tokens_of(kafka, known, target)
    _check_there_is_one(kafka, entry, tokens)
    entries = _orders(entry, tokens)
    if topic is not None:
        _check_topic(known, topic)
        # First: between the two the broker could take away what is about to be held.
        keep_for(connect(kafka), {topic: -1})
    since = high_watermarks(kafka, [auditing.ON_RECORD])
    _send(kafka, entries)
    if topic is not None:
        # Again: who looked before the order was there, to apply or to release, may have lowered it since.
        keep_for(connect(kafka), {topic: -1})
    is_held = not auditing.not_put_on_record(kafka, entries, since)
    if as_json:
        for one in entries:
            print_json(one)
    elif is_held:
        say(f"It is held{_by_how_many(entries)}: see safety-stream retention show")
    else:
        say("Not on record yet, and till then databases go on purging: see that a worker runs, then retention show")
        say("If it never comes it was refused: safety-stream dead-letters list says why")
    raise typer.Exit(OK if is_held else TO_DO)


@app.command(
    "release",
    epilog=epilog(
        "safety-stream retention release --report police-crimes/C-2026-17 --because proceedings --by officer-3",
        {
            0: "it is released",
            1: "it went wrong, or nothing of the kind is held",
            2: "it is on the bus and not on record yet: until a worker has put it there it is held",
        },
    ),
)
@on_kafka
def release(
    kafka: Connection,
    because: Because,
    by: By,
    report: Report = None,
    person: Token = None,
    alert: Alert = None,
    topic: TopicName = None,
    sealing: SealingFile = None,
    catalogue: CatalogueFolder = None,
    as_json: Json = False,
) -> None:
    """End every hold of one thing. What is past its time is purged with the next round.

    A person is released by every token that stewards have joined to the one named.
    """
    known, now = catalogue_of(catalogue, None), wall()
    target = _Target(report, _token_named(person, sealing), alert, topic)
    entry = _entry(known, RELEASE, because, by, target, None)
    connect(kafka)
    holds = auditing.holds_of(kafka)
    held = {one.of for one in holds if one.stands(now)}
    entries = [one for one in _orders(entry, _tokens_of(kafka, known, target)) if _of(one) in held]
    if not entries:
        raise Wrong("nothing of the kind is held: see safety-stream retention show")
    since = high_watermarks(kafka, [auditing.ON_RECORD])
    _send(kafka, entries)
    is_released = not auditing.not_put_on_record(kafka, entries, since)
    if topic is not None and is_released:
        _apply(kafka, known, only=topic)
    if as_json:
        for one in entries:
            print_json(one)
    elif is_released:
        say(f"It is released{_by_how_many(entries)}: see safety-stream retention show")
    else:
        say("Not on record yet, and till then it is held: see that a worker runs, then safety-stream retention apply")
    raise typer.Exit(OK if is_released else TO_DO)


class _Target(msgspec.Struct, frozen=True):
    """What is held or released: one of these."""

    report: str | None
    person: str | None
    alert: str | None
    topic: str | None


def lengths_of(catalogue: Catalogue, holding: Holding) -> dict[str, int]:
    """For how many milliseconds each topic should keep its records: -1 for good, and where it is held."""
    return {
        name: -1 if holding.keeps_topic(name) else retention_ms(row, catalogue.retention)
        for row in TOPICS
        for name in members(row.name, catalogue)
    }


def _apply(kafka: Connection, known: Catalogue, only: str | None = None) -> Mapping[str, int]:
    """Let topics, or only one, keep for as long as they should; for how long those keep now that did otherwise.

    It is over once the holds, read anew after the last setting, ask for nothing more: one that was ordered meanwhile is
    seen by that, or sets its topic later than this did.
    """
    admin = connect(kafka)
    changed: dict[str, int] = {}
    for _ in range(_ROUNDS):
        wanted = lengths_of(known, Holding(auditing.holds_of(kafka), wall()))
        found = kept_for(admin, list(wanted))
        due = {
            name: wanted[name]
            for name in sorted(found)
            if found[name] != wanted[name] and (only is None or name == only)
        }
        if not due:
            break
        keep_for(admin, due)
        changed |= due
    return changed


def _entry(known: Catalogue, kind: str, because: str, by: str, target: _Target, until: Instant | None) -> AuditEntry:
    if because not in known.retention.reasons:
        raise Wrong(f"there is no reason {because}; the reasons are {', '.join(known.retention.reasons) or 'none'}")
    incident_id = None
    if target.report is not None:
        source, is_reference, reference = target.report.partition("/")
        incident_id = ids.incident_id(source, reference) if is_reference else target.report
    said = {
        "entry_id": str(uuid4()),
        "kind": kind,
        "actor": by,
        "acted_at": wall(),
        "reason": because,
        "incident_id": incident_id,
        "subject": None if target.person is None else subject_of(target.person),
        "alert_id": target.alert,
        "topic": target.topic or "",
        "until": until,
    }
    entry = msgspec.convert(said, AuditEntry)
    try:
        check_entry(entry)
    except Refused as refused:
        raise Wrong(f"it would not be put on record: {refused.detail}") from None
    return entry


def _token_named(person: str | None, sealing: Path | None) -> str | None:
    """What the person who is named is called downstream; None where none is. Raises `Wrong`."""
    if person == "":
        raise Wrong("--person is empty: name a token of the person, as its partner makes it, or a seal")
    return None if person is None else seal_held(person, sealing)


def _tokens_of(kafka: Connection, known: Catalogue, target: _Target) -> tuple[str, ...]:
    """Every token of the person who is held or released; none where it is something else.

    An alert tells of the smallest of them alone (`core/persons.py`), and whoever orders a hold may know another.
    """
    return () if target.person is None else auditing.tokens_of(kafka, target.person, known.persons)


def _orders(entry: AuditEntry, tokens: Collection[str]) -> list[AuditEntry]:
    """The order for each token of a person, or the one for what is no person."""
    if entry.subject is None:
        return [entry]
    return [msgspec.structs.replace(entry, entry_id=str(uuid4()), subject=subject_of(one)) for one in tokens]


def _of(entry: AuditEntry) -> str:
    """What an order is of, as a hold names it."""
    return entry.subject or entry.alert_id or entry.incident_id or entry.topic


def _by_how_many(entries: Sequence[AuditEntry]) -> str:
    return f", by {how_many(len(entries), 'token')} of the person" if entries[0].subject is not None else ""


def _check_there_is_one(kafka: Connection, entry: AuditEntry, tokens: Collection[str]) -> None:
    """Refuse to hold what there is not: who mistyped it would believe that something is held. Raises `Wrong`."""
    if entry.incident_id is not None and not auditing.has_report(kafka, entry.incident_id):
        raise Wrong("no such report was ever taken: name it as SOURCE/REFERENCE, as its partner calls it")
    if entry.alert_id is not None and not auditing.has_alert(kafka, entry.alert_id):
        raise Wrong("there was never such an alert: name it by its whole id, as safety-stream alerts show does")
    if entry.subject is not None and not auditing.has_person(kafka, tokens):
        raise Wrong(
            "no report or alert that is kept names this person: see that the token is whole, and name --sealing where "
            "tokens are sealed"
        )


def _check_topic(known: Catalogue, topic: str) -> None:
    names = {name for row in TOPICS for name in members(row.name, known)}
    if topic not in names:
        raise Wrong(f"there is no topic {topic}: see safety-stream retention show")


def _send(kafka: Connection, entries: Sequence[AuditEntry]) -> None:
    with ReportProducer(kafka) as producer:
        for entry in entries:
            producer.send_entry(entry)


def _row_of(name: str) -> str:
    return next(
        row.name for row in TOPICS if name == row.name or (row.name.endswith(".") and name.startswith(row.name))
    )


def _print_classes(known: Catalogue) -> None:
    retention = known.retention
    print_table(
        ("class", "keeps", "topics", "of databases"),
        [
            (
                one.id,
                "for good" if one.keep is None else length_in_words(one.keep),
                ", ".join(name for name, of in retention.topics.items() if of == one.id),
                ", ".join(name for name, of in retention.tables.items() if of == one.id),
            )
            for one in retention.classes.values()
        ],
        title="Classes",
    )


def _days(millis: int | None) -> str:
    if millis is None:
        return "no such topic"
    return "for good or by size" if millis < 0 else f"{millis // DAY_LENGTH} days"
