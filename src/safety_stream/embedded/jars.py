"""The jars of one Kafka release: which they are, and fetching them once into the user's cache.

`kafka.lock`, beside this file, names every jar with its size and SHA-256, as `requirements.lock` does for Python
packages. A jar enters the cache only whole and with the right hash, so a later start trusts what is there and touches
no network. To take another release, change `KAFKA_VERSION` and write the lock anew:

    make lock-kafka

Jars come from Maven Central, or first from the repositories in jgo's own settings file (`[repositories]` in
`~/.config/jgo.conf`) where a network allows nothing else.
"""

import fcntl
import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import requests
from jgo.config import GlobalSettings
from jgo.constants import MAVEN_CENTRAL_URL
from jgo.maven import MavenContext, PythonResolver

from safety_stream.embedded.errors import EmbeddedKafkaError

KAFKA_VERSION: Final = "4.3.1"
LOCK_FILE: Final = Path(__file__).with_name("kafka.lock")

Progress = Callable[[str], None]
"""Takes one sentence for a person to read; may be called from several threads, never from two at once."""

# Kafka logs through SLF4J and leaves the choice of the log itself open. The simple one starts fastest.
WANTED: Final = (f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}", "org.slf4j:slf4j-simple:1.7.36")
TIMEOUT_SECONDS: Final = 60
_PARALLEL_DOWNLOADS: Final = 4
_ATTEMPTS: Final = 3
_MEGABYTE: Final = 1_000_000


class Jar(NamedTuple):
    """One line of the lock: Maven coordinates, size in bytes, SHA-256 in hexadecimal."""

    group: str
    artifact: str
    version: str
    size: int
    sha256: str

    @property
    def filename(self) -> str:
        """The name Maven repositories give it."""
        return f"{self.artifact}-{self.version}.jar"


def kafka_jars(progress: Progress) -> list[Path]:
    """Return the jars to put on the class path, fetching first what the cache does not hold.

    Several processes may call this at the same time; one of them fetches. Raises `EmbeddedKafkaError` when the cache
    cannot be written, or a jar cannot be fetched or is not the one that was locked.
    """
    return cached(locked_jars(LOCK_FILE), _cache_folder() / f"kafka-{KAFKA_VERSION}", repositories(), progress)


def locked_jars(lock_file: Path) -> list[Jar]:
    """Read a lock: one jar a line (`group:artifact:version size sha256`), `#` opens a comment line."""
    lines = lock_file.read_text(encoding="utf-8").splitlines()
    return [_parsed(line) for line in lines if line and not line.startswith("#")]


def cached(jars: Sequence[Jar], folder: Path, repositories: dict[str, str], progress: Progress) -> list[Path]:
    """Return where `jars` lie in `folder`, in the same order, fetching those that are missing.

    `repositories` are base addresses by name, tried in their order. Raises `EmbeddedKafkaError` as `kafka_jars` does.
    """
    paths = [folder / jar.filename for jar in jars]
    if all(path.exists() for path in paths):
        return paths
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone_in(folder, progress):
            missing = [jar for jar in jars if not (folder / jar.filename).exists()]
            _fetch(missing, folder, repositories, progress)
    except OSError as error:
        raise EmbeddedKafkaError(
            f"Cannot keep Kafka's jars in {folder}: {error}. "
            "Make that folder writable, or set XDG_CACHE_HOME to one that is (it needs 50 MB)."
        ) from error
    return paths


def repositories() -> dict[str, str]:
    """Return the Maven repositories to ask, base address by name, in their order: the user's own, then Central."""
    chosen = dict(GlobalSettings.load().repositories)
    chosen.setdefault("central", MAVEN_CENTRAL_URL)
    return chosen


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _parsed(line: str) -> Jar:
    coordinates, size, sha256 = line.split()
    group, artifact, version = coordinates.split(":")
    return Jar(group, artifact, version, int(size), sha256)


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "safety-stream"


@contextmanager
def _alone_in(folder: Path, progress: Progress) -> Iterator[None]:
    """Keep other processes out of `folder` until the block ends; the system releases it if we die."""
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("Another process is fetching Kafka; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch(jars: Sequence[Jar], folder: Path, repositories: dict[str, str], progress: Progress) -> None:
    if not jars:
        return
    # Inside the cache, so that the last step is a rename; what an interrupted run left is of no use.
    staging = folder / "staging"
    shutil.rmtree(staging, ignore_errors=True)
    meter = _Meter(sum(jar.size for jar in jars), progress)
    pool = ThreadPoolExecutor(_PARALLEL_DOWNLOADS)
    try:
        for arrival in [pool.submit(_fetch_one, jar, folder, staging, repositories, meter) for jar in jars]:
            arrival.result()
    finally:
        # Without a network the first failure says it all: do not try forty others.
        pool.shutdown(cancel_futures=True)
        shutil.rmtree(staging, ignore_errors=True)


def _fetch_one(jar: Jar, folder: Path, staging: Path, repositories: dict[str, str], meter: "_Meter") -> None:
    problem: Exception | None = None
    for attempt in range(_ATTEMPTS):
        try:
            path = _downloaded(jar, staging / str(attempt), repositories, meter)
        except (requests.RequestException, RuntimeError) as error:
            problem = error
            continue
        if sha256_of(path) != jar.sha256:
            raise EmbeddedKafkaError(
                f"{jar.filename} is not the file this version was made with (SHA-256 differs). "
                "It was not kept. A proxy or mirror may have answered instead of the repository: check it."
            )
        path.replace(folder / jar.filename)
        return
    raise EmbeddedKafkaError(
        f"Cannot fetch {jar.filename}: {problem}. The first start needs the network once. "
        "Behind a proxy set HTTPS_PROXY and REQUESTS_CA_BUNDLE; "
        "for a mirror of Maven Central name it under [repositories] in ~/.config/jgo.conf."
    ) from problem


def _downloaded(jar: Jar, staging: Path, repositories: dict[str, str], meter: "_Meter") -> Path:
    resolver = PythonResolver(progress_callback=meter.counting)
    maven = MavenContext(resolver, staging, remote_repos=repositories, timeout=TIMEOUT_SECONDS)
    return maven.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()


class _Meter:
    """Tells how much has arrived, once for every tenth of the whole, whichever thread it came through."""

    def __init__(self, total: int, progress: Progress) -> None:
        self._total = total
        self._progress = progress
        self._arrived = 0
        self._told = -1
        self._one_at_a_time = threading.Lock()
        self._add(0)

    @contextmanager
    def counting(self, _filename: str, _size: int) -> Iterator[Callable[[int], None]]:
        """Jgo's shape of a progress report: it gives the sizes of the pieces of one file as they arrive."""
        yield self._add

    def _add(self, size: int) -> None:
        with self._one_at_a_time:
            self._arrived += size
            tenths = min(10, 10 * self._arrived // self._total)
            if tenths > self._told:
                self._told = tenths
                arrived, total = self._arrived / _MEGABYTE, self._total / _MEGABYTE
                self._progress(
                    f"Fetching Apache Kafka {KAFKA_VERSION} (only this once): {arrived:.0f} of {total:.0f} MB"
                )
