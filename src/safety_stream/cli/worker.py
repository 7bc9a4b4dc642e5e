"""`worker`: the stages, running on Kafka until told to stop."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, get_args

import structlog
import typer
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from safety_stream.catalogue import CatalogueError
from safety_stream.cli.production import connect_as, of_figures, of_sealing
from safety_stream.cli.sealing import Sealing, SealingFile
from safety_stream.cli.terminal import (
    AreasFile,
    CatalogueFolder,
    DataFolder,
    Json,
    MetricsTls,
    Production,
    Wrong,
    catalogue_of,
    default_data_folder,
    epilog,
    insist,
    of_this_process,
    on_kafka,
    serving,
    wall,
)
from safety_stream.config import Connection
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.dead_letters import Reason
from safety_stream.core.sealing import unsealed_in
from safety_stream.observability.logs import configure_logs
from safety_stream.observability.metrics import Metrics
from safety_stream.production import of_kafka, of_sharing
from safety_stream.streaming.dead_letter_limit import DeadLetterLimit
from safety_stream.streaming.faust_app import StreamingApp, create_app, run_worker
from safety_stream.streaming.kafka import KafkaSettings
from safety_stream.streaming.loop import Surroundings
from safety_stream.streaming.provisioning import plan
from safety_stream.streaming.reading import NoSuchTopic, high_watermarks
from safety_stream.streaming.spec import LoopSettings
from safety_stream.streaming.wiring import stage_specs
from safety_stream.wire.topology import DEAD_LETTER_TOPICS, STAGES, StageRow, inputs, members, row_of, stage, topics

EPILOG = epilog(
    "safety-stream worker --stages intake,register --slot a",
    {0: "stopped by SIGTERM or Ctrl-C, everything in hand committed", 1: "it failed; the log says at what"},
)


_SPREAD = "incidents"
"""A topic that has as many partitions as all that are spread by key."""


class TimeBy(StrEnum):
    """What moves the stages' time on."""

    WALL = "wall"
    LOG = "log"


@on_kafka
def worker(
    kafka: Connection,
    stages: Annotated[
        str, typer.Option("--stages", help="Stages to run, with commas. Default: all.", metavar="NAME,NAME")
    ] = "",
    slot: Annotated[
        str,
        typer.Option(
            "--slot",
            envvar="SAFETY_STREAM_SLOT",
            help="This worker's name, the same after a restart and no other worker's: it ends at once what its former "
            "self left open. Default: the host's name.",
        ),
    ] = "",
    clock: Annotated[
        TimeBy,
        typer.Option("--clock", help="`wall`: deadlines fire when they pass. `log`: only records move time (replays)."),
    ] = TimeBy.WALL,
    dead_letters: Annotated[
        int,
        typer.Option("--dead-letters", min=0, help="Dead letters among the last 1,000 records at which a stage stops."),
    ] = 500,
    metrics_port: Annotated[
        int | None, typer.Option("--metrics-port", min=1, max=65_535, help="Serve figures for Prometheus here.")
    ] = None,
    metrics_host: Annotated[str, typer.Option("--metrics-host", help="Address to serve them at.")] = "127.0.0.1",
    metrics_tls: MetricsTls = None,
    production: Production = False,
    ready_file: Annotated[
        Path | None,
        typer.Option("--ready-file", help="A file to create once it has joined and taken over what it was given."),
    ] = None,
    sealing: SealingFile = None,
    log_level: Annotated[str, typer.Option("--log-level", envvar="SAFETY_STREAM_LOG_LEVEL")] = "INFO",
    data: DataFolder = default_data_folder(),  # noqa: B008 - a constant of the process
    catalogue: CatalogueFolder = None,
    areas: AreasFile = None,
    as_json: Json = False,
) -> None:
    """Run stages of the backbone on Kafka. Any number of workers share the partitions.

    What is in hand when SIGTERM comes is committed within 10 seconds. At SIGHUP the catalogue is read again and is in
    force from the next batch on; one with errors is left aside, and the log says so. What stands under rules that
    changed is gone over in the background. With `--json` the log is JSON, else for people.
    """
    try:
        configure_logs("json" if as_json else "pretty", log_level)
    except KeyError:
        raise Wrong(f"there is no log level {log_level}; take DEBUG, INFO, WARNING or ERROR") from None
    rows = _rows(stages)
    known = catalogue_of(catalogue, areas)
    if production:
        insist(
            of_kafka(kafka),
            of_this_process(),
            of_sharing(known.sharing),
            of_figures(metrics_host, metrics_port, metrics_tls),
            of_sealing(sealing),
        )
    _refuse_open_tokens(known, sealing)
    _refuse_foreign_clocks(connect_as(kafka, production=production), rows, known)
    ends = high_watermarks(kafka, _touched(rows, known))
    partitions = sum(topic == _SPREAD for topic, _ in ends)
    name = slot or socket.gethostname()
    metrics = _metrics(rows, known)
    stop_serving = serving(metrics, metrics_host, metrics_port, metrics_tls) if metrics_port else None
    idle_clock = wall if clock is TimeBy.WALL else None
    door = None if sealing is None else Sealing(sealing, kafka, metrics.waits_for_keys)
    app = create_app(
        stage_specs(rows, known, partitions, door),
        KafkaSettings(kafka, slot=name),
        data / "state" / name,
        LoopSettings(dead_letters=DeadLetterLimit(at_most=dead_letters)),
        around=Surroundings(wall=idle_clock, observer=metrics),
    )
    log = structlog.get_logger()
    log.info(
        "worker.starting", slot=name, stages=[row.name for row in rows], bootstrap=kafka.bootstrap, pid=os.getpid()
    )

    def tell_ready() -> None:
        log.info("worker.ready", slot=name)
        if ready_file is not None:
            ready_file.touch()

    in_force = known

    def reload() -> None:
        nonlocal in_force
        try:
            changed = catalogue_of(catalogue, areas)
            if production:
                insist(of_sharing(changed.sharing))
            _refuse_open_tokens(changed, sealing)
            _refuse_vanished_rules(in_force, changed)
            _refuse_other_topics(kafka, rows, known, changed)
        except (CatalogueError, Wrong, KafkaException, OSError) as error:
            log.warning("catalogue.refused", slot=name, why=str(error))
            return
        in_force = changed
        metrics.goes_by(changed.sharing)
        app.stages.replace_steps(stage_specs(rows, changed, partitions, door))
        log.info("catalogue.changed", slot=name, version=changed.version)

    _when_ready(app, tell_ready)
    try:
        run_worker(app, reload)
    finally:
        log.info("worker.ended", slot=name)
        if stop_serving is not None:
            stop_serving()


def _metrics(rows: list[StageRow], known: Catalogue) -> Metrics:
    metrics = Metrics(wall)
    refusing = [topic.removeprefix("dead-letters.") for topic in DEAD_LETTER_TOPICS]
    metrics.runs([row.name for row in rows], refusing, get_args(Reason))
    metrics.goes_by(known.sharing)
    return metrics


def _rows(names: str) -> list[StageRow]:
    try:
        return [stage(name.strip()) for name in names.split(",") if name.strip()] or list(STAGES)
    except KeyError as error:
        raise Wrong(str(error.args[0])) from None


def _touched(rows: list[StageRow], known: Catalogue) -> list[str]:
    """Every topic these stages read or write; a missing one would show only as failing transactions."""
    families = {family for row in rows for family in (*row.reads, *row.writes)}
    own = {_SPREAD, *(f"changelog.{row.name}" for row in rows)}
    return sorted(own.union(*(members(family, known) for family in families)))


def _refuse_open_tokens(known: Catalogue, sealing: Path | None) -> None:
    """Behind intake nobody goes by a token: whom the catalogue names by one it would name in vain."""
    open_ = () if sealing is None else unsealed_in(known)
    if open_:
        raise Wrong(
            f"the catalogue names somebody by a token that is sealed ({', '.join(open_)}): write there what "
            "`safety-stream persons seal TOKEN` says"
        )


def _refuse_vanished_rules(in_force: Catalogue, changed: Catalogue) -> None:
    """What a rule is still finding must find the alert stage knowing it, or that stage stops."""
    vanished = {rule.id for rule in in_force.rules} - {rule.id for rule in changed.rules}
    if vanished:
        raise Wrong(f"{', '.join(sorted(vanished))}: no such rule any more; leave its file and set `status: retired`")


def _refuse_other_topics(kafka: Connection, rows: list[StageRow], known: Catalogue, changed: Catalogue) -> None:
    """A worker that runs can go by another catalogue, but read no other topics, nor write what is not there."""
    if any(inputs(row, known) != inputs(row, changed) for row in rows):
        raise Wrong("its sources are others: restart the workers that run intake, all together")
    try:
        high_watermarks(kafka, _touched(rows, changed))
    except NoSuchTopic as error:
        raise Wrong(f"{error}: run `safety-stream topics apply`, then send SIGHUP again") from None


def _refuse_foreign_clocks(admin: AdminClient, rows: list[StageRow], known: Catalogue) -> None:
    """The broker's time of appending is when a report was received; a partner's own would move the time of all stages.

    Topics that are not there are said by others. Raises `Wrong`.
    """
    read = {name for row in rows for name in inputs(row, known)}
    stamped = [topic for topic in topics(known, partitions=1) if topic.name in read and row_of(topic.name).append_time]
    for one in plan(admin, stamped).differing:
        if one.is_foreign_clock:
            raise Wrong(
                f"{one.topic} takes its writers' word for when a report was received ({one.setting} is {one.found}), "
                f"and that would move the stages' time; mend it with: {one.alteration}"
            )


def _when_ready(app: StreamingApp, tell: Callable[[], None]) -> None:
    def watch() -> None:
        while not app.stages.is_ready():
            time.sleep(0.05)
        tell()

    threading.Thread(target=watch, daemon=True).start()
