"""`project`: keep a copy of what was published in a database, for the pages."""

from __future__ import annotations

import signal
from typing import Annotated

import typer

from safety_stream.cli.production import connect_as, of_figures
from safety_stream.cli.terminal import (
    AreasFile,
    CatalogueFolder,
    DataFolder,
    Json,
    MetricsTls,
    Production,
    catalogue_of,
    default_data_folder,
    epilog,
    insist,
    needing,
    of_this_process,
    on_kafka,
    say,
    serving,
)
from safety_stream.config import Connection
from safety_stream.observability.metrics import ProjectionMetrics
from safety_stream.production import of_database, of_kafka, of_sharing

EPILOG = epilog(
    "safety-stream project --database postgresql://pages@127.0.0.1/pages",
    {0: "stopped by SIGTERM or Ctrl-C, or everything is copied (`--until-end`)", 1: "it went wrong"},
)

DatabaseUrl = Annotated[
    str,
    typer.Option(
        "--database",
        envvar="SAFETY_STREAM_DATABASE",
        metavar="URL",
        show_default=False,
        help="Where the copy is: `postgresql://…` or `sqlite:///…`. Default: the file readmodel.sqlite in --data.",
    ),
]


@on_kafka
def project(
    kafka: Connection,
    database: DatabaseUrl = "",
    until_end: Annotated[
        bool, typer.Option("--until-end", help="Stop where the topics end now, instead of following them.")
    ] = False,
    metrics_port: Annotated[
        int | None, typer.Option("--metrics-port", min=1, max=65_535, help="Serve figures for Prometheus here.")
    ] = None,
    metrics_host: Annotated[str, typer.Option("--metrics-host", help="Address to serve them at.")] = "127.0.0.1",
    metrics_tls: MetricsTls = None,
    production: Production = False,
    data: DataFolder = default_data_folder(),  # noqa: B008 - a constant of the process
    catalogue: CatalogueFolder = None,
    areas: AreasFile = None,
    as_json: Json = False,
) -> None:
    """Copy alerts, indicators, word of the feeds and of dead letters into a database, and follow them.

    It goes on where the copy in the database ends, so it may be stopped or killed at any time and nothing is doubled or
    left out. What is older than its class allows (retention.yaml) is purged, but for what is held. A copy of topics
    that are there no more has to be begun anew, in an empty database.
    """
    # Workers do without a database.
    with needing("web", "which the copy needs"):
        from safety_stream.cli.projecting import Figures, Projecting, database_of, topics_of  # noqa: PLC0415
        from safety_stream.readmodel.owed import Owed  # noqa: PLC0415
        from safety_stream.readmodel.purging import Purger  # noqa: PLC0415
        from safety_stream.readmodel.reading import ReadModel  # noqa: PLC0415
    known = catalogue_of(catalogue, areas)
    topics = topics_of(known)
    if production:
        insist(
            of_kafka(kafka),
            of_this_process(),
            of_sharing(known.sharing),
            of_database("--database", database),
            of_figures(metrics_host, metrics_port, metrics_tls),
        )
    connect_as(kafka, production=production)
    engine = database_of(database, data)
    metrics = ProjectionMetrics()
    figures = Figures(metrics, ReadModel(engine), Owed(engine), known) if metrics_port else None
    projecting = Projecting(
        kafka, engine, topics, as_json=as_json, figures=figures, purger=Purger(engine, known.retention)
    )
    stop_serving = serving(metrics, metrics_host, metrics_port, metrics_tls) if metrics_port else None
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if until_end:
            projecting.to_the_end()
        else:
            projecting.for_ever()
    except KeyboardInterrupt:
        # A transaction that is interrupted has not happened: its records are read again.
        say("The copy is stopped; the same command goes on with it")
    finally:
        if stop_serving is not None:
            stop_serving()
        engine.dispose()
