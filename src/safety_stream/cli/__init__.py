"""The command line: one module per command or group of commands. Logic lives in the layers below."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from safety_stream.cli import (
    areas,
    audit,
    broker,
    bulk,
    dead_letters,
    deliver,
    demo,
    doctor,
    edge,
    gateway,
    generate,
    handling,
    indicator_catalogue,
    ingest,
    judgements,
    known,
    links,
    persons,
    policy,
    project,
    published,
    replay,
    retention,
    rules,
    s17a,
    schemas,
    subscriptions,
    tokens,
    topics,
    watch,
    web,
    worker,
)
from safety_stream.cli.terminal import Commands, out

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="An open event backbone for community safety: partners' reports in, alerts and indicators out.",
)


def _say_version(*, wanted: bool) -> None:
    if wanted:
        out.print(f"safety-stream {version('safety-stream')}")
        raise typer.Exit


@app.callback()
def root(
    *,
    wanted: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options come before the name of a command."""
    del wanted


app.command("demo", epilog=demo.EPILOG)(demo.demo)
app.command("broker", epilog=broker.EPILOG)(broker.broker)
app.command("worker", epilog=worker.EPILOG)(worker.worker)
app.command("project", epilog=project.EPILOG)(project.project)
app.command("replay", epilog=replay.EPILOG)(replay.replay)
app.command("ingest", epilog=ingest.EPILOG)(ingest.ingest)
app.command("generate", epilog=generate.EPILOG)(generate.generate_command)
app.command("deliver", epilog=deliver.EPILOG)(deliver.deliver)
app.command("doctor", epilog=doctor.EPILOG)(doctor.doctor)
app.command("web", epilog=web.EPILOG)(web.web)
app.command("watch", epilog=watch.EPILOG)(watch.watch)
published.indicators.command("known", epilog=known.EPILOG)(known.known)
published.indicators.command("s17a", epilog=s17a.EPILOG)(s17a.s17a)
published.indicators.command("export", epilog=bulk.EPILOG)(bulk.export)
published.indicators.command("measures", epilog=bulk.MEASURES_EPILOG)(bulk.measures)
published.indicators.command("signals", epilog=judgements.SIGNALS_EPILOG)(judgements.signals)
published.indicators.command("why", epilog=judgements.WHY_EPILOG)(judgements.why)
published.indicators.command("budget", epilog=judgements.BUDGET_EPILOG)(judgements.budget)
published.alerts.command("subscribe", epilog=subscriptions.SUBSCRIBE_EPILOG)(subscriptions.subscribe)
published.alerts.command("subscriptions", epilog=subscriptions.LIST_EPILOG)(subscriptions.list_subscriptions)
published.alerts.command("try", epilog=subscriptions.TRY_EPILOG)(subscriptions.try_out)
published.alerts.command("unsubscribe", epilog=subscriptions.UNSUBSCRIBE_EPILOG)(subscriptions.unsubscribe)
app.add_typer(gateway.app, name="gateway")
app.add_typer(topics.app, name="topics")
app.add_typer(policy.app, name="policy")
published.alerts.command("act", epilog=handling.EPILOG)(handling.act)
app.add_typer(published.alerts, name="alerts")
published.indicators.command("lint", epilog=indicator_catalogue.LINT_EPILOG)(indicator_catalogue.lint)
published.indicators.command("page", epilog=indicator_catalogue.PAGE_EPILOG)(indicator_catalogue.page)
app.add_typer(published.indicators, name="indicators")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(audit.app, name="audit")
app.add_typer(retention.app, name="retention")
app.add_typer(links.app, name="links")
app.add_typer(persons.app, name="persons")
app.add_typer(tokens.app, name="tokens")
app.add_typer(edge.app, name="edge")
app.add_typer(schemas.app, name="schemas")
app.add_typer(rules.app, name="rules")
app.add_typer(areas.app, name="areas")
