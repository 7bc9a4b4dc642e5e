"""What every command has in common at the terminal: options, what is printed where, and how errors are said.

Results go to standard output, as text for people or, with `--json`, as JSON; everything said on the way goes to
standard error. Exit codes: 0 all is well, 1 it went wrong, 2 something is left to do (or the command line is wrong).
"""

from __future__ import annotations

import functools
import inspect
import json
import os
import ssl
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Protocol, TypeVar, cast

import msgspec
import typer
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from typer.core import TyperGroup

from safety_stream.catalogue import CatalogueError, load_catalogue
from safety_stream.config import Connection, ConnectionFault, read_settings
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.dead_letters import Refused
from safety_stream.core.model.times import Day, Instant, to_day
from safety_stream.data_files import catalogue_folder
from safety_stream.edge.entries import UnreadableFile
from safety_stream.edge.producer import NotDelivered
from safety_stream.embedded import EmbeddedKafkaError
from safety_stream.production import TLS_SETTINGS, Shortcoming, of_kafka, of_tls
from safety_stream.streaming.reading import NeverEnds, NoSuchTopic

OK, WRONG, TO_DO = 0, 1, 2
"""The exit codes."""

PIPE_COLUMNS = 1_000
"""How wide a table may get that nobody looks at on a screen."""

out = Console(highlight=False, soft_wrap=True)
"""Results."""

err = Console(stderr=True, highlight=False, soft_wrap=True)
"""What is said on the way."""


T = TypeVar("T")


def _area_file(path: Path | None) -> Path | None:
    if path is None or path.is_file():
        return path
    files = sorted(path.glob("*.yaml"))
    if len(files) != 1:
        raise typer.BadParameter(f"{path} holds {len(files)} .yaml files and not one: name the file")
    return files[0]


Bootstrap = Annotated[
    str,
    typer.Option("--bootstrap", envvar="SAFETY_STREAM_BOOTSTRAP", metavar="HOST:PORT", help="Kafka's brokers."),
]
KafkaConfig = Annotated[
    Path | None,
    typer.Option(
        "--kafka-config",
        envvar="SAFETY_STREAM_KAFKA_CONFIG",
        exists=True,
        dir_okay=False,
        help="File of `name=value` lines on how to be let in by Kafka (TLS, SASL). Default: plain text.",
    ),
]
Partitions = Annotated[
    int,
    typer.Option(
        "--partitions",
        envvar="SAFETY_STREAM_PARTITIONS",
        min=1,
        help="Partitions of the topics that are spread by key. Fixed once topics exist.",
    ),
]
DataFolder = Annotated[
    Path,
    typer.Option(
        "--data",
        envvar="SAFETY_STREAM_DATA",
        file_okay=False,
        help="Folder for what this machine keeps: stores, broker.",
    ),
]
CatalogueFolder = Annotated[
    Path | None,
    typer.Option(
        "--catalogue",
        envvar="SAFETY_STREAM_CATALOGUE",
        exists=True,
        file_okay=False,
        help="Folder of rules, areas and other reviewed data. Default: the one that ships.",
    ),
]
AreasFile = Annotated[
    Path | None,
    typer.Option(
        "--areas",
        envvar="SAFETY_STREAM_AREAS",
        exists=True,
        callback=_area_file,
        help="Another county's areas in place of the catalogue's: its `<county>.yaml`, or the folder it is in.",
    ),
]
PRODUCTION = "SAFETY_STREAM_PRODUCTION"
Production = Annotated[
    bool,
    typer.Option(
        "--production", envvar=PRODUCTION, help="Start only if nothing of this is for development (docs/operating.md)."
    ),
]
MetricsTls = Annotated[
    Path | None,
    typer.Option(
        "--metrics-tls",
        envvar="SAFETY_STREAM_METRICS_TLS",
        exists=True,
        dir_okay=False,
        help="Serve them over TLS: a file of a certificate, its chain and its key.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object per line where there are many.")]

DEFAULT_PARTITIONS = 4


def default_data_folder() -> Path:
    """Where this machine keeps things when nobody says."""
    return Path.home() / ".local" / "share" / "safety-stream"


def day_asked(text: str) -> Day:
    """A day of the calendar that somebody asked for, as a parser of an option. Raises `BadParameter`."""
    try:
        return to_day(date.fromisoformat(text))
    except ValueError:
        raise typer.BadParameter("write a day of the calendar: 2026-01-31") from None


@contextmanager
def needing(extra: str, what_for: str) -> Iterator[None]:
    """Around imports of what only an extra installs: whoever does without it is told what it is for and its name.

    Raises `Wrong`.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise Wrong(f"{error.name} is not installed, {what_for}: pip install 'safety-stream[{extra}]'") from None


def wall() -> Instant:
    """The clock of this machine."""
    return time.time_ns() // 1_000_000


class Wrong(Exception):
    """Something a person has to mend: one sentence that names the thing and the mend."""


def insist(*shortcomings: Iterable[Shortcoming]) -> None:
    """Go on only if nothing is wrong for production. Raises `Wrong` with all that is, each with its mend."""
    found = [one for some in shortcomings for one in some]
    if found:
        lines = "".join(f"\n  {number}. {one.what}: {one.mend}" for number, one in enumerate(found, 1))
        raise Wrong(f"this is not for production, and nothing was started:{lines}")


_OPENSSL = "OPENSSL_CONF"


def of_this_process() -> Iterator[Shortcoming]:
    """What is wrong with the least version of TLS that Kafka's library will speak; left unsaid, it is set to 1.3.

    To be asked before the first client is made: that is when the library's OpenSSL reads its settings.
    """
    stated = os.environ.setdefault(_OPENSSL, str(TLS_SETTINGS))
    try:
        yield from of_tls(Path(stated).read_text(encoding="utf-8", errors="replace"))
    except OSError:
        yield Shortcoming(
            f"the file named by {_OPENSSL} cannot be read", "name one that can, or leave it unset for ours"
        )


class Served(Protocol):
    """Figures that can be served."""

    def serve(self, port: int, host: str, tls: Path | None) -> Callable[[], None]:
        """Serve them in the background; the result stops it. Raises `OSError` when the port or the file is no use."""


def serving(metrics: Served, host: str, port: int, tls: Path | None) -> Callable[[], None]:
    """Serve a process's figures; the result stops it. Raises `Wrong` when that is not possible there."""
    try:
        return metrics.serve(port, host, tls)
    except ssl.SSLError:
        raise Wrong(
            f"{tls} is no file of a certificate and its key, both as PEM: name another by --metrics-tls"
        ) from None
    except OSError as error:
        raise Wrong(
            f"metrics cannot be served at {host}:{port} ({error.strerror}): name another --metrics-port "
            "or --metrics-host"
        ) from error


class Commands(TyperGroup):
    """The root of the commands: an error that was foreseen is said in one sentence, without a traceback."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - typer keeps its own copy of click, whose types are private
        """Run the command; exit 1 when it raised something foreseen."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # Whoever read our output has had enough (`| head`); Python must not complain at its end either.
            sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - open until the process ends
            raise typer.Exit(OK) from None
        except _FORESEEN as error:
            err.print(f"[bold red]error:[/] {_escaped(in_words(error))}")
            raise typer.Exit(WRONG) from None


_FORESEEN = (
    Wrong,
    CatalogueError,
    ConnectionFault,
    EmbeddedKafkaError,
    KafkaException,
    NeverEnds,
    NoSuchTopic,
    NotDelivered,
    OSError,
    Refused,
    UnreadableFile,
)


def in_words(error: BaseException) -> str:
    """One sentence for a person; of an error of Kafka's, the broker's own words and what usually mends it."""
    if isinstance(error, NoSuchTopic):
        return f"{_sentence(str(error))} Create the topics: safety-stream topics apply"
    if isinstance(error, KafkaException):
        cause = cast(KafkaError, error.args[0])
        return f"Kafka says: {_sentence(cause.str())} See: safety-stream doctor"
    if isinstance(error, OSError) and error.filename:
        why = _sentence(error.strerror or str(error))
        return f"{error.filename}: {why} Make it a place this user may read and write, or name another."
    return _sentence(str(error))


def how_many(count: int, what: str) -> str:
    """So many of something, as a person says it."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def named(path: Path, entries: Iterable[T]) -> Iterator[T]:
    """What is read from a file. When it turns out to be unreadable, the error names it: raises `UnreadableFile`."""
    try:
        yield from entries
    except UnreadableFile as error:
        raise UnreadableFile(f"{path}: {error}") from error


def on_kafka(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose argument `kafka: Connection` is two options at the terminal: where Kafka is, and how to get in.

    Its other arguments stay as they are. A third option is whether this is production: one that serves for long takes
    it itself, and tells what else is wrong in the same breath; of all others the connection is looked at here. A
    connection that is stated wrongly raises `ConnectionFault`.
    """
    signature = inspect.signature(command, eval_str=True)
    looks_itself = "production" in signature.parameters

    @functools.wraps(command)
    def run(*, bootstrap: str, kafka_config: Path | None, **others: object) -> None:
        kafka = Connection(bootstrap, {} if kafka_config is None else read_settings(kafka_config))
        if not looks_itself and others.pop("production"):
            insist(of_kafka(kafka), of_this_process())
        command(kafka=kafka, **others)

    options = [
        inspect.Parameter("bootstrap", inspect.Parameter.KEYWORD_ONLY, default="127.0.0.1:9092", annotation=Bootstrap),
        inspect.Parameter("kafka_config", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=KafkaConfig),
    ]
    if not looks_itself:
        keyword = inspect.Parameter.KEYWORD_ONLY
        options.append(inspect.Parameter("production", keyword, default=False, annotation=Production))
    others = [one for one in signature.parameters.values() if one.name != "kafka"]
    # Typer makes a command's options from its signature, and this is where it looks for one.
    run.__signature__ = signature.replace(parameters=[*others, *options])  # type: ignore[attr-defined]
    return run


_MEND_SETTINGS = "mend the file named by --kafka-config or SAFETY_STREAM_KAFKA_CONFIG"
_LOOK_SECONDS, _LOOKS = 5, 6
"""How long a cluster may take to answer before we ask what became of it, and how often we do."""

_SHUT_OUT = (KafkaError._SSL, KafkaError._AUTHENTICATION)  # noqa: SLF001 - librdkafka's own codes


def connect(kafka: Connection) -> AdminClient:
    """A client of a cluster that answers and lets us in. Raises `Wrong` when none does.

    For a command's own use: what the cluster reports meanwhile is kept until the client is gone.
    """
    reports: list[KafkaError] = []
    try:
        admin = AdminClient(kafka.settings() | {"log_level": 0, "error_cb": reports.append})
    except KafkaException as error:
        said = kafka.without_secrets(error.args[0].str().strip())
        raise Wrong(f"the connection's settings cannot be used ({said}): {_MEND_SETTINGS}") from None
    for _ in range(_LOOKS):
        try:
            admin.list_topics(timeout=_LOOK_SECONDS)
        except KafkaException:
            admin.poll(0)
        else:
            return admin
        # One that is slow says nothing; one that is not there, or shuts us out, is reported, and will not change.
        if reports:
            break
    raise Wrong(_why_not(kafka, reports))


def _why_not(kafka: Connection, reports: Iterable[KafkaError]) -> str:
    shut_out = next((one for one in reports if one.code() in _SHUT_OUT), None)
    if shut_out is not None:
        # Where and after how many milliseconds is of no use to anybody.
        said = kafka.without_secrets(shut_out.str().partition(" (after ")[0])
        return f"Kafka at {kafka.bootstrap} does not let us in ({said}): {_MEND_SETTINGS}"
    return (
        f"no Kafka answers at {kafka.bootstrap}: start one with `safety-stream broker`, or name yours with --bootstrap "
        "or SAFETY_STREAM_BOOTSTRAP; if it is secured, say how to be let in with --kafka-config or "
        "SAFETY_STREAM_KAFKA_CONFIG"
    )


def catalogue_of(folder: Path | None, areas: Path | None, rules: Path | None = None) -> Catalogue:
    """The catalogue of a folder (None: the one that ships) for a county. Raises `CatalogueError` with every issue."""
    return load_catalogue(folder or catalogue_folder(), areas, rules)


def epilog(example: str, codes: Mapping[int, str]) -> str:
    """What stands at the end of a command's help: an example, and what its exit codes mean."""
    meanings = "; ".join(f"{code} {meaning}" for code, meaning in sorted(codes.items()))
    return f"Example: {example}\n\nExit codes: {meanings}"


def print_json(value: object) -> None:
    """One value as one line of JSON, keys in the order given."""
    typer.echo(json.dumps(msgspec.to_builtins(value), ensure_ascii=False, default=str))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None) -> None:
    """A table for people, as wide as its content."""
    table = Table(*columns, title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(_escaped("" if cell is None else str(cell)) for cell in row))
    # Into a pipe or a file nothing is wrapped or cut.
    console = out if out.is_terminal else Console(width=PIPE_COLUMNS)
    console.print(table)


def file_bar(*, quiet: bool) -> Progress:
    """A bar that shows how far a file has been read, where somebody looks."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=err,
        disable=quiet or not err.is_terminal,
    )


def say(sentence: str) -> None:
    """Something on the way, for people."""
    err.print(_escaped(sentence))


def _sentence(text: str) -> str:
    text = text.strip().rstrip(".")
    return text if text.endswith(("?", "!")) else f"{text or 'unknown error'}."


def _escaped(text: str) -> str:
    # Brackets in data are no mark-up.
    return text.replace("[", r"\[")
