"""`gateway`: where partners send reports over HTTP; `gateway key new` makes them keys, `gateway try` one to try it."""

from __future__ import annotations

import ssl
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from safety_stream.cli.keys import KEY_DAYS, KeyDays, line_of, show_key
from safety_stream.cli.production import connect_as, of_figures
from safety_stream.cli.terminal import (
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
    needing,
    of_this_process,
    on_kafka,
    out,
    print_json,
    serving,
    wall,
)
from safety_stream.config import Connection
from safety_stream.edge.gateway.partners import BEGIN, PartnersOnDisk
from safety_stream.keyring import is_owner, new_key
from safety_stream.observability.logs import configure_logs
from safety_stream.observability.metrics import GatewayMetrics
from safety_stream.production import of_database, of_kafka, of_listener, of_sharing

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp

EPILOG = epilog(
    "safety-stream gateway --partners partners.yaml --port 8090",
    {0: "stopped by Ctrl-C or SIGTERM", 1: "it did not start: the file, the database or the port is no use"},
)
TRY_EPILOG = epilog("safety-stream gateway try --port 8090", {0: "stopped by Ctrl-C or SIGTERM", 1: "it did not start"})
KEY_EPILOG = epilog("safety-stream gateway key new --partner council", {0: "made", 1: "it went wrong"})

SERVING = ("gateway", "which the gateway needs")
"""The extra of what serves; whoever takes no reports over HTTP does without it."""

LOOPBACK = ("127.0.0.1", "localhost", "::1")

app = typer.Typer(invoke_without_command=True, help="Take partners' reports over HTTP until it is interrupted.")
key_app = typer.Typer(no_args_is_help=True, help="Keys of partners.")
app.add_typer(key_app, name="key")


@key_app.command("new", epilog=KEY_EPILOG)
def new(
    partner: Annotated[str, typer.Option("--partner", help="Whose key: their id in the file of partners.")],
    days: KeyDays = KEY_DAYS,
    as_json: Json = False,
) -> None:
    """Make a key: it is shown this once, and its line for the file of partners with it."""
    if not is_owner(partner):
        raise Wrong("--partner: an id is of small letters and digits, with hyphens between")
    key = new_key(BEGIN, partner)
    show_key(key, days, "the partner", "`keys` of theirs in the file of partners", as_json=as_json)


@app.command("try", epilog=TRY_EPILOG)
def try_out(
    port: Annotated[int, typer.Option("--port", min=1, max=65_535, help="Port to listen on, at this machine.")] = 8090,
    catalogue: CatalogueFolder = None,
    as_json: Json = False,
) -> None:
    """Answer at this machine as the gateway would, and send nothing: for trying out a client. Needs no Kafka.

    The key it prints lets in here alone, and for every source. Of each report that intake would refuse later it says
    why.
    """
    with needing(*SERVING):
        from safety_stream.edge.gateway.app import OUTCOMES, Gateway, make_app  # noqa: PLC0415
        from safety_stream.edge.gateway.receipts import open_book  # noqa: PLC0415
        from safety_stream.edge.gateway.trying import PARTNER, TryingBroker, partners_of_all  # noqa: PLC0415
    configure_logs()
    known = catalogue_of(catalogue, None)
    key = new_key(BEGIN, PARTNER)
    partners = partners_of_all(line_of(key, days=1), sorted(known.sources))
    url = f"http://{LOOPBACK[0]}:{port}"
    if as_json:
        print_json({"url": url, "key": key.key})
    else:
        out.print(
            f"Reports are answered at {url}/v1/reports, and go nowhere. Ctrl-C stops it. The key, for here alone:"
        )
        out.print(key.key)
    # Receipts of nothing: they go when the process does.
    with TemporaryDirectory() as folder:
        served = make_app(
            Gateway(
                partners=lambda: partners,
                broker=TryingBroker(known, wall),
                book=open_book(f"sqlite:///{folder}/receipts.sqlite", wall),
                metrics=GatewayMetrics(OUTCOMES),
                wall=wall,
                seconds=time.monotonic,
            )
        )
        _run(served, host=LOOPBACK[0], port=port)


@on_kafka
def gateway(
    ctx: typer.Context,
    kafka: Connection,
    partners: Annotated[
        Path | None,
        typer.Option(
            "--partners",
            envvar="SAFETY_STREAM_PARTNERS",
            exists=True,
            dir_okay=False,
            help="File that says who may send, and how each is known (docs/gateway.md).",
        ),
    ] = None,
    receipts: Annotated[
        str | None,
        typer.Option(
            "--receipts",
            envvar="SAFETY_STREAM_RECEIPTS",
            metavar="URL",
            help="Database of receipts: sqlite:///FILE or postgresql://USER@HOST/NAME. "
            "Default: a file in the data folder.",
        ),
    ] = None,
    port: Annotated[int, typer.Option("--port", min=1, max=65_535, help="Port to listen on.")] = 8090,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on: of this machine alone without TLS.")
    ] = LOOPBACK[0],
    certificate: Annotated[
        Path | None,
        typer.Option("--tls-certificate", exists=True, dir_okay=False, help="File of the certificate, and its chain."),
    ] = None,
    private_key: Annotated[
        Path | None, typer.Option("--tls-key", exists=True, dir_okay=False, help="File of the certificate's key.")
    ] = None,
    behind_tls: Annotated[
        bool, typer.Option("--behind-tls", help="Something in front of this speaks TLS with partners.")
    ] = False,
    timeout: Annotated[
        float, typer.Option("--timeout", min=1, max=60, help="Seconds in which Kafka has to acknowledge.")
    ] = 10.0,
    metrics_port: Annotated[
        int | None, typer.Option("--metrics-port", min=1, max=65_535, help="Serve figures for Prometheus here.")
    ] = None,
    metrics_host: Annotated[str, typer.Option("--metrics-host", help="Address to serve them at.")] = LOOPBACK[0],
    metrics_tls: MetricsTls = None,
    production: Production = False,
    data: DataFolder = default_data_folder(),  # noqa: B008 - a constant of the process
    catalogue: CatalogueFolder = None,
    as_json: Json = False,
) -> None:
    """Take partners' reports over HTTP until it is interrupted; each that Kafka acknowledged has a receipt."""
    if ctx.invoked_subcommand is not None:
        return
    if partners is None:
        raise Wrong("nobody may send: name the file of partners with --partners or SAFETY_STREAM_PARTNERS")
    if (certificate is None) != (private_key is None):
        raise Wrong("--tls-certificate and --tls-key go together: name both, or neither")
    read = catalogue_of(catalogue, None)
    if production:
        mend = "name --tls-certificate and --tls-key, or say --behind-tls if something in front of this speaks TLS"
        insist(
            of_kafka(kafka),
            of_this_process(),
            of_sharing(read.sharing),
            of_listener("reports and keys", host, is_secured=certificate is not None or behind_tls, mend=mend),
            of_database("--receipts", receipts or ""),
            of_figures(metrics_host, metrics_port, metrics_tls),
        )
    if host not in LOOPBACK and certificate is None and not behind_tls:
        raise Wrong(
            f"keys and reports would go over the network in the open: not on {host}; name --tls-certificate and "
            f"--tls-key, or say --behind-tls if something in front of this speaks TLS, or take --host {LOOPBACK[0]}"
        )
    with needing(*SERVING):
        from safety_stream.database import UnusableDatabase  # noqa: PLC0415
        from safety_stream.edge.gateway.app import OUTCOMES, Gateway, make_app  # noqa: PLC0415
        from safety_stream.edge.gateway.broker import KafkaBroker  # noqa: PLC0415
        from safety_stream.edge.gateway.receipts import open_book  # noqa: PLC0415
        from safety_stream.edge.gateway.tokens import Tokens  # noqa: PLC0415
    configure_logs()
    known = PartnersOnDisk(partners, read.sources, time.monotonic)
    connect_as(kafka, production=production)
    if receipts is None:
        data.mkdir(parents=True, exist_ok=True)
    try:
        book = open_book(receipts or f"sqlite:///{data / 'receipts.sqlite'}", wall)
    except UnusableDatabase as error:
        raise Wrong(str(error)) from None
    issuer = known.now().issuer
    metrics = GatewayMetrics(OUTCOMES)
    served = make_app(
        Gateway(
            partners=known.now,
            broker=KafkaBroker(kafka, timeout),
            book=book,
            metrics=metrics,
            wall=wall,
            seconds=time.monotonic,
            tokens=None if issuer is None else Tokens(issuer, wall, time.monotonic),
        )
    )
    stop_serving = serving(metrics, metrics_host, metrics_port, metrics_tls) if metrics_port else None
    scheme = "http" if certificate is None else "https"
    where = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
    if as_json:
        print_json({"url": where})
    else:
        out.print(f"Reports are taken at {where}/v1/reports. Ctrl-C stops it.")
    try:
        _run(served, host=host, port=port, certificate=certificate, private_key=private_key)
    finally:
        if stop_serving is not None:
            stop_serving()


def _run(
    served: ASGIApp, *, host: str, port: int, certificate: Path | None = None, private_key: Path | None = None
) -> None:
    with needing(*SERVING):
        import uvicorn  # noqa: PLC0415
    config = uvicorn.Config(
        served,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        # Who somebody is, their key says, and no header that a proxy may have passed on.
        proxy_headers=False,
        timeout_graceful_shutdown=15,
        ssl_certfile=certificate,
        ssl_keyfile=private_key,
        log_config=None,
    )
    uvicorn.Server(_modern(config)).run()


def _modern(config: uvicorn.Config) -> uvicorn.Config:
    """The same, which speaks TLS 1.3 alone where it speaks TLS."""
    config.load()
    if config.ssl is not None:
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_3
    return config


app.callback(invoke_without_command=True, epilog=EPILOG)(gateway)
