"""Jars are fetched once, whole, the right ones, and by one process at a time."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from safety_stream.embedded import EmbeddedKafkaError
from safety_stream.embedded.jars import KAFKA_VERSION, LOCK_FILE, Jar, cached, locked_jars

CONTENTS = {"first": b"1" * 1_000, "second": b"2" * 2_000}


def jar_of(artifact: str, content: bytes) -> Jar:
    return Jar("org.example", artifact, "1.0", len(content), hashlib.sha256(content).hexdigest())


JARS = [jar_of(artifact, content) for artifact, content in CONTENTS.items()]


class Repository(ThreadingHTTPServer):
    """A Maven repository of two jars that remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.asked_for: list[str] = []

    @property
    def by_name(self) -> dict[str, str]:
        return {"example": f"http://127.0.0.1:{self.server_port}"}


class Answer(BaseHTTPRequestHandler):
    server: Repository

    def do_GET(self) -> None:
        content = next((CONTENTS[name] for name in CONTENTS if self.path.endswith(f"{name}-1.0.jar")), None)
        if content is None:
            self.send_error(404)
            return
        self.server.asked_for.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name its base class gives it
        """Say nothing: the test looks at `asked_for`."""


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Repository() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_jars_are_fetched_once_and_returned_in_the_order_of_the_lock(repository: Repository, tmp_path: Path) -> None:
    said: list[str] = []

    first = cached(JARS, tmp_path, repository.by_name, said.append)
    second = cached(JARS, tmp_path, {}, said.append)

    assert list(CONTENTS.values()) == [path.read_bytes() for path in first]
    assert first == second
    assert ["/org/example/first/1.0/first-1.0.jar", "/org/example/second/1.0/second-1.0.jar"] == sorted(
        repository.asked_for
    )


def test_a_jar_that_is_not_the_locked_one_is_not_kept(repository: Repository, tmp_path: Path) -> None:
    other = jar_of("first", b"what was locked")

    with pytest.raises(EmbeddedKafkaError, match=r"first-1\.0\.jar is not the file"):
        cached([other], tmp_path, repository.by_name, print)

    assert not list(tmp_path.rglob("*.jar"))


def test_two_at_once_fetch_each_jar_once(repository: Repository, tmp_path: Path) -> None:
    def fetch() -> None:
        cached(JARS, tmp_path, repository.by_name, print)

    threads = [threading.Thread(target=fetch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(JARS) == len(repository.asked_for)


def test_without_a_network_the_error_says_what_to_do(tmp_path: Path) -> None:
    nobody = {"nobody": "http://127.0.0.1:9"}

    with pytest.raises(EmbeddedKafkaError, match=r"needs the network once.*HTTPS_PROXY"):
        cached(JARS, tmp_path, nobody, print)


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(EmbeddedKafkaError, match=r"Cannot keep Kafka's jars in .*file/cache.*XDG_CACHE_HOME"):
        cached(JARS, tmp_path / "file" / "cache", {}, print)


def test_the_lock_names_the_broker_of_this_version() -> None:
    brokers = [jar.version for jar in locked_jars(LOCK_FILE) if jar.artifact == "kafka_2.13"]

    assert [KAFKA_VERSION] == brokers
