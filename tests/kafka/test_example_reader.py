"""The example reader in Java, compiled and run against a real broker, with Avro and Kafka and nothing of ours.

The Java there is for the broker compiles nothing, so Eclipse's compiler does, which needs no more than that.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from tests.delivery.making import alert
from typer.testing import CliRunner

from safety_stream.cli import app
from safety_stream.core.model.published import PublishedAlert
from safety_stream.embedded.jars import _cache_folder, cached, kafka_jars, locked_jars, repositories
from safety_stream.embedded.kafka import environment, java_command
from safety_stream.streaming.provisioning import create
from safety_stream.wire.codecs import shipped_codecs
from safety_stream.wire.topology import Topic

pytestmark = pytest.mark.kafka

SOURCE = Path(__file__).parents[2] / "examples" / "feed" / "AlertReader.java"
LOCK = Path(__file__).with_name("java.lock")
JAVA_RELEASE = "17"
"""What the example says it needs."""

GROUP = "reader"
HANGS_SECONDS = 120


def unsaid(sentence: str) -> None:
    del sentence


@pytest.fixture(scope="module")
def class_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where Java finds the compiled reader and all it needs. What the compiler warns of is a fault, too."""
    avro, compiler = cached(locked_jars(LOCK), _cache_folder() / "java-example", repositories(), unsaid)
    libraries = os.pathsep.join(map(str, [avro, *kafka_jars(unsaid)]))
    made = tmp_path_factory.mktemp("classes")
    words = [f"-{JAVA_RELEASE}", "-proc:none", "-failOnWarning", "-cp", libraries, "-d", str(made), str(SOURCE)]
    done = subprocess.run(
        [*java_command(str(compiler)), "org.eclipse.jdt.internal.compiler.batch.Main", *words],
        env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    return os.pathsep.join([str(made), libraries])


@pytest.fixture(scope="module")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "schemas"
    assert CliRunner().invoke(app, ["schemas", "export", str(folder)]).exit_code == 0
    return folder


class Feed:
    """An audience's topic nobody else has, and the reader of it."""

    def __init__(self, bootstrap: str, topic: str, class_path: str, schemas: Path) -> None:
        self.bootstrap, self.topic = bootstrap, topic
        self.group = f"{topic}-{GROUP}"
        self._command = [*java_command(class_path), "AlertReader", bootstrap, topic, str(schemas), self.group]
        whole = Topic(name=topic, subjects=("published-alert",), partitions=1, settings={})
        create(AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}), [whole])

    def publish(self, *values: bytes, is_kept: bool = True) -> None:
        """In one transaction and compressed, as the backbone does; or in one that is taken back."""
        settings = {"transactional.id": self.topic, "compression.type": "lz4"}
        producer = Producer({"bootstrap.servers": self.bootstrap, "log_level": 0} | settings)
        producer.init_transactions(30)
        producer.begin_transaction()
        for value in values:
            producer.produce(self.topic, value)
        producer.flush(30)
        if is_kept:
            producer.commit_transaction(30)
        else:
            producer.abort_transaction(30)

    @contextmanager
    def reader(self, log: Path) -> Iterator[subprocess.Popen[str]]:
        """The reader as it runs; what it complains of is in `log`."""
        # What a title holds, whatever language the machine speaks.
        variables = environment() | {"LC_ALL": "C.UTF-8"}
        with log.open("w") as complaints:
            process = subprocess.Popen(
                self._command, env=variables, stdout=subprocess.PIPE, stderr=complaints, encoding="utf-8"
            )
        try:
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=HANGS_SECONDS)

    def until_noted(self) -> None:
        """Wait until its place is written down behind all there is."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": self.group, "log_level": 0})
        place = TopicPartition(self.topic, 0)
        _, end = consumer.get_watermark_offsets(place, timeout=30)
        # Behind the last record is a mark of its transaction.
        while consumer.committed([place], timeout=30)[0].offset < end - 1:
            pass
        consumer.close()


@pytest.fixture
def feed(kafka: str, topic_prefix: str, class_path: str, schemas: Path) -> Feed:
    return Feed(kafka, f"{topic_prefix}alerts", class_path, schemas)


def lines(process: subprocess.Popen[str], number: int) -> list[str]:
    return [process.stdout.readline().rstrip("\n") for _ in range(number)]


def told(one: PublishedAlert) -> str:
    # On the wire an enum's symbols are in capitals.
    said = [one.seq, one.change.upper(), one.priority, one.alert_id, "version", one.version, one.title]
    return " ".join("null" if word is None else str(word) for word in said)


@pytest.mark.timeout(HANGS_SECONDS)
def test_it_reads_what_was_committed_goes_on_where_it_ended_and_says_what_never_came(feed: Feed, tmp_path: Path):
    first = [alert(seq=1), alert(seq=2, change="updated", version=2, priority="P1"), alert(seq=3)]
    second = [alert(seq=4), alert(seq=7, change="withdrawn", version=3)]
    encode = shipped_codecs().encode
    feed.publish(*map(encode, first[:2]))
    feed.publish(encode(alert(seq=3, title="taken back")), is_kept=False)
    feed.publish(encode(first[2]))

    with feed.reader(tmp_path / "first.log") as process:
        assert lines(process, 3) == [told(one) for one in first]
        feed.until_noted()
    feed.publish(*map(encode, second))
    with feed.reader(tmp_path / "second.log") as process:
        assert lines(process, 2) == [told(one) for one in second]

    assert (tmp_path / "first.log").read_text() == ""
    assert (tmp_path / "second.log").read_text() == "numbers 5 to 6 never came\n"


@pytest.mark.timeout(HANGS_SECONDS)
def test_it_reads_every_version_of_the_schema_there_has_been(feed: Feed, tmp_path: Path):
    golden = json.loads((Path(__file__).parents[1] / "wire" / "golden.json").read_text(encoding="utf-8"))
    kept = [bytes.fromhex(value) for name, value in golden.items() if name.startswith("published-alert/")]
    feed.publish(*kept)

    with feed.reader(tmp_path / "log") as process:
        read = lines(process, len(kept))
    decoded = [shipped_codecs().decode(["published-alert"], value) for value in kept]
    assert read == [told(one) for one in decoded]  # type: ignore[arg-type]
    assert len({value[:5] for value in kept}) > 1
