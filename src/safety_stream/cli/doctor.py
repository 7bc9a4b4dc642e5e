"""`doctor`: what is wrong with this installation, and how to mend it."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Literal

import msgspec
import typer
from confluent_kafka import KafkaError, KafkaException, libversion
from confluent_kafka.admin import AdminClient

from safety_stream.catalogue import CatalogueError, lint_catalogue
from safety_stream.catalogue.policy import RENEW, ending_in_words
from safety_stream.cli.dead_letters import why_never
from safety_stream.cli.deliver import to_be_told, who_is_unheard, who_is_unread
from safety_stream.cli.production import of_delivery, of_sealing
from safety_stream.cli.sealing import SealingFile
from safety_stream.cli.subscriptions import OutboxOption, SettingsIfAny, database_of, settings_of
from safety_stream.cli.terminal import (
    DEFAULT_PARTITIONS,
    OK,
    WRONG,
    AreasFile,
    CatalogueFolder,
    DataFolder,
    Json,
    Partitions,
    Production,
    Wrong,
    catalogue_of,
    connect,
    default_data_folder,
    epilog,
    how_many,
    in_words,
    of_this_process,
    on_kafka,
    out,
    print_json,
    wall,
)
from safety_stream.config import Connection
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.dead_letters import Refused
from safety_stream.core.model.sharing import Withheld
from safety_stream.core.model.times import day_of
from safety_stream.core.policy import endings
from safety_stream.core.stages.publish_alerts import WITHHELD
from safety_stream.core.withholding import StillWithheld
from safety_stream.data_files import catalogue_folder, schemas_folder
from safety_stream.production import of_database, of_kafka, of_sharing
from safety_stream.streaming.health import newest_append_time, stage_health
from safety_stream.streaming.kafka import KafkaSettings
from safety_stream.streaming.provisioning import plan
from safety_stream.streaming.reading import NeverEnds, NoSuchTopic, read_to_end
from safety_stream.streaming.redrive import letters
from safety_stream.wire.check import check_schemas
from safety_stream.wire.codecs import shipped_codecs
from safety_stream.wire.records import Records
from safety_stream.wire.topology import DEAD_LETTER_TOPICS, STAGES, inputs, members, topics

EPILOG = epilog(
    "safety-stream doctor --bootstrap 127.0.0.1:9092",
    {0: "nothing fails (there may be warnings)", 1: "something fails"},
)

FREE_BYTES_WARN, FREE_BYTES_FAIL = 5 * 1024**3, 512 * 1024**2
"""Room for the stores: below the first a county's growth may fill the disk, below the second a store cannot grow."""

WAITING_WARN = 10_000
"""So many waiting records are more than a minute's work."""

SKEW_WARN_MS = 2_000
"""A producer's clock may run 5 minutes ahead; ours is expected to be kept by NTP."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at, how it is, and what mends it (empty when it is well)."""

    check: str
    level: Literal["ok", "warn", "fail"]
    what: str
    mend: str = ""


@on_kafka
def doctor(
    kafka: Connection,
    partitions: Partitions = DEFAULT_PARTITIONS,
    data: DataFolder = default_data_folder(),  # noqa: B008 - a constant of the process
    catalogue: CatalogueFolder = None,
    areas: AreasFile = None,
    outbox: OutboxOption = None,
    delivery: SettingsIfAny = None,
    sealing: SealingFile = None,
    production: Production = False,
    as_json: Json = False,
) -> None:
    """Look at everything the backbone rests on, and say what is wrong and how to mend it."""
    findings = []
    for finding in chain(
        _fit(kafka, catalogue, areas, outbox, delivery, sealing) if production else (),
        _examine(kafka, partitions, data, catalogue, areas),
        _told(kafka, outbox, delivery, data, catalogue, areas),
    ):
        findings.append(finding)
        if as_json:
            print_json(finding)
        else:
            _print(finding)
    raise typer.Exit(WRONG if any(finding.level == "fail" for finding in findings) else OK)


def _fit(
    kafka: Connection,
    folder: Path | None,
    areas: Path | None,
    outbox: str | None,
    delivery: Path | None,
    sealing: Path | None,
) -> Iterator[Finding]:
    """What of it is not for production; each process looks besides at what it serves itself, and at the brokers."""
    found = [*of_kafka(kafka), *of_this_process(), *of_database("--outbox", outbox or "")]
    # What cannot be read is told of by the checks that are for it.
    with suppress(CatalogueError):
        found += of_sharing(catalogue_of(folder, areas).sharing)
    with suppress(Wrong):
        found += () if delivery is None else of_delivery(settings_of(delivery))
    with suppress(Wrong):
        found += of_sealing(sealing)
    for one in found:
        yield Finding(check="production", level="fail", what=one.what, mend=one.mend)
    if not found:
        yield Finding(check="production", level="ok", what="nothing of what is stated here is for development")


def _examine(
    kafka: Connection, partitions: int, data: Path, folder: Path | None, areas: Path | None
) -> Iterator[Finding]:
    yield _schemas()
    yield _catalogue(folder or catalogue_folder(), areas)
    yield from _agreements(folder, areas)
    yield _store(data)
    try:
        admin = connect(kafka)
    except Wrong as error:
        what, _, mend = str(error).rpartition(": ")
        yield Finding(check="broker", level="fail", what=what, mend=mend)
        return
    yield _broker(admin)
    try:
        known = catalogue_of(folder, areas)
    except CatalogueError:
        # Said above; which topics there should be is then unknown.
        return
    for check, look in _of_the_cluster(admin, kafka, partitions, known):
        try:
            yield from look()
        except (NoSuchTopic, NeverEnds, KafkaException, Refused) as error:
            yield Finding(check=check, level="fail", what=in_words(error), mend="mend what is said above first")


def _of_the_cluster(
    admin: AdminClient, kafka: Connection, partitions: int, known: Catalogue
) -> list[tuple[str, Callable[[], Iterator[Finding]]]]:
    return [
        ("topics", lambda: _topics(admin, known, partitions)),
        ("stages", lambda: _stages(kafka, known)),
        ("dead letters", lambda: _dead_letters(kafka)),
        ("withheld", lambda: _withheld(kafka)),
        ("clock", lambda: _clock(kafka, known)),
    ]


def _schemas() -> Finding:
    errors = [issue for issue in check_schemas(schemas_folder()) if issue.severity == "error"]
    if errors:
        return Finding(
            check="schemas",
            level="fail",
            what=f"{len(errors)} faults, first {errors[0].file}: {errors[0].what}",
            mend="safety-stream schemas check tells them all; then install the package again, or restore the files",
        )
    return Finding(check="schemas", level="ok", what="the shared contracts agree with the code")


def _catalogue(folder: Path, areas: Path | None) -> Finding:
    issues = lint_catalogue(folder, areas)
    if not issues:
        return Finding(check="catalogue", level="ok", what=f"{folder} is in order")
    errors = sum(issue.severity == "error" for issue in issues)
    return Finding(
        check="catalogue",
        level="fail" if errors else "warn",
        what=f"{errors} errors and {len(issues) - errors} warnings, first {issues[0]}",
        mend="safety-stream rules lint tells them all",
    )


def _agreements(folder: Path | None, areas: Path | None) -> Iterator[Finding]:
    """Whether somebody hears nothing, or less, because an agreement has ended or soon does."""
    try:
        sharing = catalogue_of(folder, areas).sharing
    except CatalogueError:
        return
    days = sharing.warn_days or 0
    found = endings(sharing, day_of(wall()), days)
    for ending in found:
        is_silent = ending.days_left <= 0 and bool(ending.silenced)
        yield Finding(
            check="agreements", level="fail" if is_silent else "warn", what=ending_in_words(ending), mend=RENEW
        )
    if not found:
        yield Finding(check="agreements", level="ok", what=f"nobody is left without one within {days} days")


def _store(data: Path) -> Finding:
    try:
        data.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=data):
            free = shutil.disk_usage(data).free
    except OSError as error:
        return Finding(
            check="store",
            level="fail",
            what=f"{data} cannot be written: {error.strerror}",
            mend="make it writable for this user, or name another with --data or SAFETY_STREAM_DATA",
        )
    what = f"{data} is writable, {free / 1024**3:.1f} GB free"
    if free < FREE_BYTES_WARN:
        level: Literal["warn", "fail"] = "fail" if free < FREE_BYTES_FAIL else "warn"
        return Finding(check="store", level=level, what=what, mend="free some space, or name another disk with --data")
    return Finding(check="store", level="ok", what=what)


def _broker(admin: AdminClient) -> Finding:
    cluster = admin.list_topics(timeout=5)
    return Finding(
        check="broker",
        level="ok",
        what=f"cluster {cluster.cluster_id} answers, brokers: {len(cluster.brokers)}; librdkafka {libversion()[0]}",
    )


def _topics(admin: AdminClient, known: Catalogue, partitions: int) -> Iterator[Finding]:
    found = plan(admin, topics(known, partitions))
    if found.create:
        yield Finding(
            check="topics",
            level="fail",
            what=f"{len(found.create)} topics are missing, first {found.create[0].name}",
            mend="safety-stream topics apply",
        )
    for one in found.differing:
        yield Finding(
            check="topics",
            level="fail" if one.setting == "partitions" or one.is_foreign_clock else "warn",
            what=f"{one.topic}: {one.setting} is {one.found}, planned is {one.wanted}",
            mend="state the number the topics were made with: --partitions or SAFETY_STREAM_PARTITIONS"
            if one.setting == "partitions"
            else one.alteration,
        )
    if found.is_empty:
        yield Finding(check="topics", level="ok", what="every topic is as planned")


def _stages(kafka: Connection, known: Catalogue) -> Iterator[Finding]:
    prefix = KafkaSettings(kafka).prefix
    for row in STAGES:
        health = stage_health(kafka, row.name, inputs(row, known), f"{prefix}.{row.name}")
        waiting = f"at most {health.waiting:,} records wait" if health.waiting else "nothing waits"
        if not health.is_running:
            what = f"no worker runs it{'' if health.has_ever_run else ', and none ever did'}; {waiting}"
            mend = f"safety-stream worker (or worker --stages {row.name})"
            yield Finding(check=f"stage {row.name}", level="warn", what=what, mend=mend)
        elif health.waiting > WAITING_WARN:
            mend = "look again in a minute: if it does not fall, start another worker, or see the worker's log"
            yield Finding(check=f"stage {row.name}", level="warn", what=f"running, but {waiting}", mend=mend)
        else:
            yield Finding(check=f"stage {row.name}", level="ok", what=f"running, {waiting}")


def _dead_letters(kafka: Connection) -> Iterator[Finding]:
    found = [one for one in letters(kafka, DEAD_LETTER_TOPICS, shipped_codecs()) if not one.redriven]
    waiting = Counter((one.letter.stage, one.letter.reason) for one in found if not why_never(one))
    never = Counter((one.letter.stage, why) for one in found if (why := why_never(one)))
    for (stage, why), count in sorted(never.items()):
        what = f"{stage} refused {how_many(count, 'record')} that nobody puts back: {why}"
        yield Finding(check="dead letters", level="ok", what=what)
    if not waiting:
        yield Finding(check="dead letters", level="ok", what="none waits")
    for (stage, reason), count in sorted(waiting.items()):
        yield Finding(
            check="dead letters",
            level="warn",
            what=f"{stage} refused {count:,} records: {reason}",
            mend=f"safety-stream dead-letters list --reason {reason}; mend the cause; then redrive",
        )


def _withheld(kafka: Connection) -> Iterator[Finding]:
    """Who is not told of something at present, because no agreement is in force."""
    wire, still = Records(), StillWithheld()
    try:
        for record in read_to_end(kafka, [WITHHELD]):
            value = wire.value(record.topic, record.value)
            if isinstance(value, Withheld):
                still.take(value)
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_AUTHORIZATION_FAILED:
            raise
        what = f"not looked at: this user may not read {WITHHELD}"
        mend = "ask as auditor or data-protection-officer; Prometheus has it as safety_stream_withheld_alerts"
        yield Finding(check=WITHHELD, level="warn", what=what, mend=mend)
        return
    counts = still.counts()
    for (audience, agreements), waiting in counts.items():
        of_each = ", ".join(f"{priority}: {count:,}" for priority, count in sorted(waiting.items()))
        names = " or ".join(agreements)
        yield Finding(
            check=WITHHELD,
            level="fail" if waiting["P1"] or waiting["P2"] else "warn",
            what=f"{audience} is not told of {how_many(waiting.total(), 'alert')} ({of_each}): not in force: {names}",
            mend=f"renew {names} in policy/agreements.yaml, and send the workers SIGHUP: then it is told by itself",
        )
    if not counts:
        yield Finding(check=WITHHELD, level="ok", what="nothing waits for an agreement")


def _clock(kafka: Connection, known: Catalogue) -> Iterator[Finding]:
    newest = newest_append_time(kafka, members("partner.", known))
    ahead = 0 if newest is None else newest - wall()
    if ahead > SKEW_WARN_MS:
        yield Finding(
            check="clock",
            level="warn",
            what=f"the brokers' clock is at least {ahead / 1000:.0f} s ahead of this machine's",
            mend="set both by NTP: deadlines fire by this machine's clock, reports are stamped by the brokers'",
        )
    else:
        # A broker that is behind cannot be told from one that got nothing lately.
        yield Finding(check="clock", level="ok", what="no record is stamped later than this machine's time")


def _told(
    kafka: Connection, outbox: str | None, delivery: Path | None, data: Path, folder: Path | None, areas: Path | None
) -> Iterator[Finding]:
    """Whether somebody who can be reached hears of every P1, and stands on every rung of the ladders."""
    try:
        known = catalogue_of(folder, areas)
    except CatalogueError:
        return
    if delivery is None:
        what = "not looked at: which channels are set up is not known"
        mend = "name the settings of delivery by --delivery or SAFETY_STREAM_DELIVERY, where people are told by deliver"
        yield Finding(check="told", level="warn", what=what, mend=mend)
        return
    try:
        # One that nothing has begun is not begun here.
        has_begun = outbox is not None or (data / "delivery.sqlite").exists()
        engine = database_of(outbox, data) if has_begun else None
        heard = who_is_unheard(
            engine, known, settings_of(delivery), who_is_unread(kafka, engine, known.oversight.office)
        )
    except Wrong as error:
        what, _, mend = str(error).rpartition(": ")
        yield Finding(check="told", level="fail", what=what, mend=mend)
        return
    for (audience, priority), why in heard.items():
        if why:
            what = f"{audience} would not hear of {priority}: {why}"
            yield Finding(check="told", level="warn", what=what, mend=to_be_told(audience, why))
    if not any(heard.values()):
        yield Finding(check="told", level="ok", what="somebody hears of every P1, and stands on every rung of a ladder")


def _print(finding: Finding) -> None:
    colour = {"ok": "green", "warn": "yellow", "fail": "red"}[finding.level]
    out.print(f"[{colour}]{finding.level:4}[/]", end="  ")
    out.print(f"{finding.check}: {finding.what}", markup=False)
    if finding.mend:
        out.print(f"      mend: {finding.mend}", markup=False)
