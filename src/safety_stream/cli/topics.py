"""`topics`: the topics of the deployment against those of the cluster."""

from __future__ import annotations

import typer

from safety_stream.cli.terminal import (
    DEFAULT_PARTITIONS,
    OK,
    TO_DO,
    AreasFile,
    CatalogueFolder,
    Json,
    Partitions,
    catalogue_of,
    connect,
    epilog,
    on_kafka,
    out,
    print_json,
    print_table,
)
from safety_stream.config import Connection
from safety_stream.streaming.provisioning import Plan, create, plan
from safety_stream.wire.topology import topics

app = typer.Typer(no_args_is_help=True, help="Compare Kafka's topics with what is needed, and create what is missing.")


@app.command(
    "plan",
    epilog=epilog(
        "safety-stream topics plan --partitions 4",
        {0: "nothing to do", 1: "it went wrong", 2: "something is to do; nothing was changed"},
    ),
)
@on_kafka
def plan_command(
    kafka: Connection,
    partitions: Partitions = DEFAULT_PARTITIONS,
    catalogue: CatalogueFolder = None,
    areas: AreasFile = None,
    as_json: Json = False,
) -> None:
    """Say which topics are missing or differ. Changes nothing."""
    found = plan(connect(kafka), topics(catalogue_of(catalogue, areas), partitions))
    if as_json:
        print_json(_as_json(found, created=False))
    else:
        _print(found, "to create")
    raise typer.Exit(OK if found.is_empty else TO_DO)


@app.command(
    "apply",
    epilog=epilog(
        "safety-stream topics apply --partitions 4",
        {0: "every topic is as planned", 1: "it went wrong", 2: "a topic differs and must be mended by hand"},
    ),
)
@on_kafka
def apply_command(
    kafka: Connection,
    partitions: Partitions = DEFAULT_PARTITIONS,
    catalogue: CatalogueFolder = None,
    areas: AreasFile = None,
    as_json: Json = False,
) -> None:
    """Create the topics that are missing. Never alters or deletes one."""
    admin = connect(kafka)
    found = plan(admin, topics(catalogue_of(catalogue, areas), partitions))
    create(admin, found.create)
    if as_json:
        print_json(_as_json(found, created=True))
    else:
        _print(found, "created")
    raise typer.Exit(TO_DO if found.differing else OK)


def _as_json(found: Plan, *, created: bool) -> dict[str, object]:
    names = [topic.name for topic in found.create]
    return {"create": [] if created else names, "created": names if created else [], "differing": found.differing}


def _print(found: Plan, verb: str) -> None:
    if found.is_empty:
        out.print("Every topic is as planned.")
    if found.create:
        print_table((verb, "partitions"), [(topic.name, topic.partitions) for topic in found.create])
    if found.differing:
        print_table(
            ("differs", "setting", "wanted", "found"),
            [(one.topic, one.setting, one.wanted, one.found) for one in found.differing],
        )
        out.print(
            "Mend settings with kafka-configs.sh --alter. "
            "Another number of partitions needs new topics and a backfill, because state lies by partition."
        )
