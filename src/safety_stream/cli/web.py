"""`web`: the pages for people, over the copy that `project` keeps."""

from __future__ import annotations

import logging
import os
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from safety_stream.catalogue.cap import load_cap
from safety_stream.catalogue.consulting import load_consulting
from safety_stream.catalogue.loading import load_volumes, load_whole
from safety_stream.cli.cap import SENDER, CapSender, CapStatus, speaker_of
from safety_stream.cli.production import connect_as, of_cookies, of_delivery, of_figures, of_pages
from safety_stream.cli.project import DatabaseUrl
from safety_stream.cli.subscriptions import OutboxOption, with_extra
from safety_stream.cli.subscriptions import database_of as database_of_delivery
from safety_stream.cli.subscriptions import settings_of as settings_of_delivery
from safety_stream.cli.terminal import (
    CatalogueFolder,
    DataFolder,
    Json,
    MetricsTls,
    Production,
    Wrong,
    default_data_folder,
    epilog,
    insist,
    needing,
    of_this_process,
    on_kafka,
    out,
    print_json,
    say,
    serving,
    wall,
)
from safety_stream.cli.worker import TimeBy
from safety_stream.config import Connection
from safety_stream.core.catalogue import Catalogue
from safety_stream.data_files import catalogue_folder, web_styles
from safety_stream.observability.metrics import WebMetrics
from safety_stream.production import of_database, of_kafka, of_sharing

if TYPE_CHECKING:
    from safety_stream.cli.subscribing import Subscribing
    from safety_stream.web.sign_in import SignInSettings

EPILOG = epilog(
    "safety-stream web --database sqlite:///copy.sqlite --port 8080 --read-only",
    {0: "stopped by Ctrl-C or SIGTERM", 1: "it did not start: the database or the port cannot be had"},
)

SECRET = "SAFETY_STREAM_WEB_SECRET"  # noqa: S105 - the name of a variable
"""What cookies are signed with. Without it everybody has to sign in again after a restart."""

SIGN_IN = "SAFETY_STREAM_SIGN_IN"
"""The file of settings by which people sign in."""

NO_ACTIONS_THEN = (
    "what people do is stamped with the time they do it at, which is not that of a history: take {} with --clock log"
)


@on_kafka
def web(
    kafka: Connection,
    database: DatabaseUrl = "",
    port: Annotated[int, typer.Option("--port", min=1, max=65_535, help="Port to listen on.")] = 8080,
    host: Annotated[
        str,
        typer.Option("--host", help="Address to listen on: of this machine alone without --sign-in."),
    ] = "127.0.0.1",
    behind_tls: Annotated[
        bool,
        typer.Option("--behind-tls", help="In production: something in front of this speaks TLS with browsers."),
    ] = False,
    clock: Annotated[
        TimeBy,
        typer.Option("--clock", help="`wall`: now is now. `log`: now is when the backbone last spoke (replays)."),
    ] = TimeBy.WALL,
    sign_in: Annotated[
        Path | None,
        typer.Option(
            "--sign-in",
            envvar=SIGN_IN,
            help="File of settings by which people sign in with an organisation's accounts (docs/web.md).",
        ),
    ] = None,
    delivery: Annotated[
        Path | None,
        typer.Option(
            "--delivery",
            envvar="SAFETY_STREAM_DELIVERY",
            exists=True,
            dir_okay=False,
            help="File with the channels of delivery: then people see and edit subscriptions (docs/delivery.md).",
        ),
    ] = None,
    outbox: OutboxOption = None,
    programs: Annotated[
        Path | None,
        typer.Option(
            "--programs",
            envvar="SAFETY_STREAM_PROGRAMS",
            exists=True,
            dir_okay=False,
            help="File that says which programs may read which feed, and by which key (docs/web.md).",
        ),
    ] = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Offer nothing to do; then Kafka is asked for nothing.")
    ] = False,
    metrics_port: Annotated[
        int | None, typer.Option("--metrics-port", min=1, max=65_535, help="Serve figures for Prometheus here.")
    ] = None,
    metrics_host: Annotated[str, typer.Option("--metrics-host", help="Address to serve them at.")] = "127.0.0.1",
    metrics_tls: MetricsTls = None,
    production: Production = False,
    cap_sender: CapSender = SENDER,
    cap_status: CapStatus = "Actual",
    data: DataFolder = default_data_folder(),  # noqa: B008 - a constant of the process
    catalogue: CatalogueFolder = None,
    as_json: Json = False,
) -> None:
    """Serve the inbox, alerts, handover, county and public pages until it is interrupted.

    Without --sign-in people choose who they are, without a password: for development, served to this machine alone.
    """
    # Whoever serves no pages does without it.
    with needing("web", "which the pages need"):
        import uvicorn  # noqa: PLC0415

        from safety_stream.cli.counted import Counted, Looking  # noqa: PLC0415
        from safety_stream.cli.desk import Desk, hear  # noqa: PLC0415
        from safety_stream.cli.projecting import database_of, last_spoken  # noqa: PLC0415
        from safety_stream.readmodel.matches import Matches  # noqa: PLC0415
        from safety_stream.readmodel.owed import Owed  # noqa: PLC0415
        from safety_stream.readmodel.people import Consultations, Deeds, EndedSessions, SavedChoices  # noqa: PLC0415
        from safety_stream.readmodel.reading import ReadModel  # noqa: PLC0415
        from safety_stream.web.app import LOOPBACK, NotLoopback, make_app  # noqa: PLC0415
        from safety_stream.web.programs import ProgramsOnDisk  # noqa: PLC0415
        from safety_stream.web.site import PATIENCE_SECONDS, Answers, Site  # noqa: PLC0415
    if clock is TimeBy.LOG and not read_only:
        raise Wrong(NO_ACTIONS_THEN.format("--read-only"))
    speaker = speaker_of(cap_sender, cap_status)
    folder = catalogue or catalogue_folder()
    volumes = load_volumes(folder)
    loaded = load_whole(folder)
    settings = None if sign_in is None else _settings(sign_in, loaded.catalogue)
    if production:
        insist(
            [] if read_only else of_kafka(kafka),
            of_this_process(),
            of_sharing(loaded.catalogue.sharing),
            of_pages(host, has_sign_in=sign_in is not None, behind_tls=behind_tls),
            of_cookies(SECRET),
            [] if delivery is None else of_delivery(settings_of_delivery(delivery)),
            of_database("--database", database),
            of_database("--outbox", outbox or ""),
            of_figures(metrics_host, metrics_port, metrics_tls),
        )
    if sign_in is None and host not in LOOPBACK:
        raise Wrong(str(NotLoopback(host)))
    if not read_only:
        connect_as(kafka, production=production)
    engine = database_of(database, data)
    read_model = ReadModel(engine)
    desk = None if read_only else Desk(kafka)
    subscriptions = None
    if delivery is not None and not read_only:
        subscriptions = _subscriptions(delivery, outbox, data, loaded.catalogue)
    site = Site(
        read_model=read_model,
        consultations=Consultations(engine),
        saved_choices=SavedChoices(engine),
        deeds=Deeds(engine),
        ended_sessions=EndedSessions(engine),
        matches=Matches(engine),
        owed=Owed(engine),
        loaded=loaded,
        consulting=load_consulting(folder),
        now=wall if clock is TimeBy.WALL else lambda: last_spoken(read_model),
        wall=wall,
        secret=os.environ.get(SECRET) or secrets.token_urlsafe(32),
        shift_starts=volumes.budget.shifts.starts if volumes else (0,),
        send=None if desk is None else desk.send,
        enter=None if desk is None else desk.enter,
        answers=Answers(PATIENCE_SECONDS),
        steward=desk,
        subscriptions=subscriptions,
        sender=speaker.sender,
        status=speaker.status,
        cap=load_cap(folder),
        sign_in=settings,
        programs=None if programs is None else ProgramsOnDisk(programs, loaded.catalogue, time.monotonic).now,
    )
    if not read_only:
        hear(kafka, site.answers.take)
    if web_styles() is None:
        say("The style sheet was not fetched, so pages are plain: make styles")
    metrics = WebMetrics()
    metrics.looks(Looking(read_model.health))
    stop_serving = serving(metrics, metrics_host, metrics_port, metrics_tls) if metrics_port else None
    _say_where(host, port, as_json=as_json)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    try:
        uvicorn.run(
            Counted(make_app(site, host), metrics, time.perf_counter),
            host=host,
            port=port,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=5,
        )
    finally:
        if stop_serving is not None:
            stop_serving()


def _say_where(host: str, port: int, *, as_json: bool) -> None:
    where = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    if as_json:
        print_json({"url": where})
    else:
        out.print(f"Pages are at {where}. Ctrl-C stops it.")


def _settings(path: Path, catalogue: Catalogue) -> SignInSettings:
    """How people sign in with an organisation's accounts. Raises `Wrong`."""
    from safety_stream.web.sign_in import SignInFault, read_sign_in  # noqa: PLC0415 - as above

    try:
        return read_sign_in(path, catalogue)
    except OSError as error:
        raise Wrong(f"{path} cannot be read: {error.strerror}") from None
    except SignInFault as error:
        raise Wrong(str(error)) from None


def _subscriptions(path: Path, outbox: str | None, data: Path, catalogue: Catalogue) -> Subscribing:
    """Who keeps the subscriptions that people edit. Raises `Wrong`."""
    made: Subscribing = with_extra("safety_stream.cli.subscribing").Subscribing(
        database_of_delivery(outbox, data), settings_of_delivery(path), catalogue
    )
    return made
