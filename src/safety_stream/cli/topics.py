"""`topics`: the topics of the deployment, and who may do what with them, against those of the cluster."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Annotated

import msgspec
import typer
from confluent_kafka.admin import AdminClient

from safety_stream.cli import auditing
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
    say,
    wall,
)
from safety_stream.config import Connection
from safety_stream.core.model.times import DAY_LENGTH, day_of
from safety_stream.core.retention import Holding
from safety_stream.embedded.tools import CONFIGS, run_tool
from safety_stream.streaming.acls import give, in_words, plan_acls, take_away
from safety_stream.streaming.provisioning import Plan, create, kept_for, plan
from safety_stream.streaming.trimming import cut, plan_cuts
from safety_stream.wire.quotas import DESCRIBE, QuotaChange, alteration, plan_quotas, read_described
from safety_stream.wire.rights import Acl, Quota, acls_of, quotas_of
from safety_stream.wire.topology import Topic, topics

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


OlderThan = Annotated[
    int, typer.Option("--older-than", min=0, metavar="DAYS", help="What was received longer ago goes; 0: whatever can.")
]
Cutting = Annotated[bool, typer.Option("--apply", help="Cut it off, for ever. Default: only say what would go.")]


@app.command(
    "trim",
    epilog=epilog(
        "safety-stream topics trim --older-than 30 --apply",
        {0: "nothing is left to cut off", 1: "it went wrong", 2: "something is to go; nothing was changed"},
    ),
)
@on_kafka
def trim_command(
    kafka: Connection,
    older_than: OlderThan,
    apply: Cutting = False,
    catalogue: CatalogueFolder = None,
    areas: AreasFile = None,
    as_json: Json = False,
) -> None:
    """Cut off what partners sent, and what was refused of it, once it is old enough and intake is through with it.

    That is where partners' own tokens are; behind intake there are seals, where it seals. Nothing that intake has not
    read ever goes, nor anything of a topic under a legal hold. What has gone can be put back from dead letters no more,
    nor read again by a new intake.
    """
    admin = connect(kafka)
    known = catalogue_of(catalogue, areas)
    held = _held(kafka, admin, topics(known, DEFAULT_PARTITIONS))
    found = plan_cuts(kafka, known, wall() - older_than * DAY_LENGTH, held)
    if held:
        say(f"Left as they are, for they are under a legal hold: {', '.join(sorted(held))}")
    if apply:
        cut(admin, found)
    if as_json:
        for one in found:
            print_json({**msgspec.to_builtins(one), "cut_off": apply})
    elif not found:
        out.print("There is nothing to cut off.")
    else:
        print_table(
            ("topic", "partition", "cut off" if apply else "to cut off", "first that stays"),
            [(one.topic, one.partition, f"{one.records:,}", one.first) for one in found],
        )
    raise typer.Exit(OK if apply or not found else TO_DO)


def _held(kafka: Connection, admin: AdminClient, every: Sequence[Topic]) -> set[str]:
    """The topics under a legal hold, also those of which the hold is set and not on record yet."""
    ends = {one.name for one in every if one.settings.get("retention.ms", "-1") != "-1"}
    set_for_good = {name for name, millis in kept_for(admin, sorted(ends)).items() if millis == -1}
    return set_for_good | Holding(auditing.holds_of(kafka), wall()).of("topic")


Apply = Annotated[bool, typer.Option("--apply", help="Give what is missing.")]
Revoke = Annotated[bool, typer.Option("--revoke", help="Take away what is too much, from the users of the list alone.")]
ListOnly = Annotated[bool, typer.Option("--list", help="Only list what everybody may do; no Kafka is asked.")]


@app.command(
    "acls",
    epilog=epilog(
        "safety-stream topics acls --apply --revoke",
        {0: "everybody may do what is planned", 1: "it went wrong", 2: "something is missing, or too much"},
    ),
)
@on_kafka
def acls_command(
    kafka: Connection,
    apply: Apply = False,
    revoke: Revoke = False,
    list_only: ListOnly = False,
    catalogue: CatalogueFolder = None,
    areas: AreasFile = None,
    as_json: Json = False,
) -> None:
    """Compare Kafka's ACLs with the topology and with the agreements in force today, and put them right.

    Users are named in the list: by a certificate's CN or a SCRAM user name. What other users may do is left alone.
    """
    known, today = catalogue_of(catalogue, areas), day_of(wall())
    wanted = acls_of(known, today)
    if list_only:
        _print_rights(wanted, quotas_of(known, today), as_json=as_json)
        return
    admin = connect(kafka)
    found = plan_acls(admin, wanted)
    if apply:
        give(admin, found.give)
    if revoke:
        take_away(admin, found.take)
    missing, too_much = [_in_words(acl) for acl in found.give], [in_words(one) for one in found.take]
    if as_json:
        print_json({"missing": missing, "given": apply, "too_much": too_much, "taken": revoke})
    elif found.is_empty:
        out.print("Everybody may do what is planned, and nothing more.")
    else:
        print_table(("given" if apply else "missing",), [(line,) for line in missing])
        print_table(("taken away" if revoke else "too much",), [(line,) for line in too_much])
    raise typer.Exit(OK if (apply or not found.give) and (revoke or not found.take) else TO_DO)


@app.command(
    "quotas",
    epilog=epilog(
        "safety-stream topics quotas --apply",
        {0: "everybody has the quota that is planned", 1: "it went wrong", 2: "some have another"},
    ),
)
@on_kafka
def quotas_command(
    kafka: Connection,
    apply: Annotated[bool, typer.Option("--apply", help="Set what is otherwise.")] = False,
    list_only: Annotated[
        bool, typer.Option("--list", help="Only print the commands of Kafka's own tool that set them all.")
    ] = False,
    catalogue: CatalogueFolder = None,
    areas: AreasFile = None,
    as_json: Json = False,
) -> None:
    """Compare the bytes a second each user of Kafka may write and read with those of the policy, and put them right.

    By Kafka's own tool, which is fetched once (45 MB), in a few seconds for each user that is put right. A user that
    writes or reads more is slowed down by the brokers, and loses nothing. What other users may is left alone.
    """
    wanted = quotas_of(catalogue_of(catalogue, areas), day_of(wall()))
    if list_only:
        _print_commands(plan_quotas({}, wanted), kafka, as_json=as_json)
        return
    # Whether it answers and lets us in is said at once, and in our own words.
    connect(kafka)
    changes = plan_quotas(read_described(run_tool(CONFIGS, DESCRIBE, kafka, say)), wanted)
    for change in changes if apply else ():
        run_tool(CONFIGS, alteration(change), kafka, say)
    if as_json:
        for change in changes:
            print_json({"user": change.user, "wanted": change.wanted, "found": change.found, "set": apply})
    elif changes:
        columns = ("set" if apply else "to set", "writes bytes/s", "reads bytes/s", "writes now", "reads now")
        rows = [(one.user, *_of(one.wanted), *_of(one.found)) for one in changes]
        print_table(columns, rows)
    else:
        out.print("Everybody has the quota that is planned.")
    raise typer.Exit(OK if apply or not changes else TO_DO)


def _of(quota: Quota) -> tuple[object, object]:
    return quota.written or "any", quota.read or "any"


def _print_commands(changes: list[QuotaChange], kafka: Connection, *, as_json: bool) -> None:
    """Each quota as a command line for whoever has Kafka's tools: their own file says how to be let in."""
    for change in changes:
        words = ["kafka-configs.sh", "--bootstrap-server", kafka.bootstrap, *alteration(change)]
        if as_json:
            print_json({"user": change.user, "command": words})
        else:
            typer.echo(shlex.join([*words, "--command-config", "administrator.properties"]))


def _print_rights(acls: list[Acl], quotas: list[Quota], *, as_json: bool) -> None:
    if as_json:
        for one in (*acls, *quotas):
            print_json(one)
        return
    print_table(
        ("user", "may", "of kind", "of name"),
        [(one.user, one.operation, one.resource, one.name + ("…" if one.prefixed else "")) for one in acls],
    )
    print_table(
        ("user", "writes bytes/s", "reads bytes/s"),
        [(one.user, one.written or "any", one.read or "any") for one in quotas],
    )
    out.print("Quotas are set with: safety-stream topics quotas --apply")


def _in_words(acl: Acl) -> str:
    return f"User:{acl.user} allow {acl.operation} {acl.resource} {acl.name}{'…' if acl.prefixed else ''}"


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
