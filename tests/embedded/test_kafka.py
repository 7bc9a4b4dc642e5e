"""The embedded Kafka is a real one, keeps what it was given, and leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from safety_stream.embedded import EmbeddedKafka, EmbeddedKafkaError

pytestmark = pytest.mark.kafka

STARTER = """
import sys
import time
from pathlib import Path
from safety_stream.embedded import EmbeddedKafka
broker = EmbeddedKafka(Path(sys.argv[1]))
broker.start()
print(broker.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """A broker these tests may stop and kill; each leaves it running."""
    with EmbeddedKafka(tmp_path_factory.mktemp("kafka") / "a folder, new") as broker:
        yield broker


def test_a_record_written_in_a_transaction_is_read_back(kafka: str, topic_prefix: str) -> None:
    topic = topic_prefix + "records"
    make_topic(kafka, topic)

    write_in_a_transaction(kafka, topic, b"a report")

    assert [b"a report"] == read(kafka, topic, 1)


def test_a_restart_keeps_address_and_data(own: EmbeddedKafka, topic_prefix: str) -> None:
    topic, address = topic_prefix + "records", own.bootstrap_servers
    make_topic(address, topic)
    write_in_a_transaction(address, topic, b"before")

    own.restart()
    write_in_a_transaction(address, topic, b"after")

    assert address == own.bootstrap_servers
    assert [b"before", b"after"] == read(address, topic, 2)


def test_what_readers_could_see_survives_a_kill(own: EmbeddedKafka, topic_prefix: str) -> None:
    topic, address = topic_prefix + "records", own.bootstrap_servers
    make_topic(address, topic)
    write_in_a_transaction(address, topic, b"before")
    assert [b"before"] == read(address, topic, 1)

    own.kill()
    with pytest.raises(EmbeddedKafkaError, match="not running"):
        _ = own.pid
    own.restart()

    assert [b"before"] == read(address, topic, 1)


def test_a_second_start_does_nothing(own: EmbeddedKafka) -> None:
    before = own.pid

    own.start()

    assert before == own.pid


def test_stop_leaves_no_process_no_folder_and_a_free_port() -> None:
    broker = EmbeddedKafka()
    broker.start()
    pid, folder, address = broker.pid, broker.folder, broker.bootstrap_servers

    broker.stop()
    broker.stop()

    assert not is_alive(pid)
    assert not folder.exists()
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", int(address.split(":")[1])))


def test_the_broker_goes_when_its_starter_is_killed_and_its_folder_is_free_again(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STARTER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        assert is_alive(pid)

        starter.send_signal(signal.SIGKILL)

    with EmbeddedKafka(tmp_path) as next_one:
        assert pid != next_one.pid
        assert not is_alive(pid)


def test_a_folder_that_cannot_be_made_is_refused_with_its_name_and_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(EmbeddedKafkaError, match=r"cannot keep its data in .*file/kafka.*Not a directory"):
        EmbeddedKafka(tmp_path / "file" / "kafka").start()


def test_a_taken_port_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]

        with pytest.raises(EmbeddedKafkaError, match=f"Port {port} is taken"):
            EmbeddedKafka(tmp_path, port=port).start()


# Kafka itself would let the second one damage the first.
def test_one_folder_serves_one_broker(own: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("safety_stream.embedded.kafka._STOP_SECONDS_MAX", 0.2)
    with pytest.raises(EmbeddedKafkaError, match="Another Kafka runs over"):
        EmbeddedKafka(own.folder).start()


def test_a_setting_kafka_refuses_is_shown_as_kafka_says_it(tmp_path: Path) -> None:
    overrides = {"num.io.threads": "none"}

    with pytest.raises(EmbeddedKafkaError, match=r"num\.io\.threads"), EmbeddedKafka(tmp_path, overrides=overrides):
        pytest.fail("it started")


def test_a_machine_too_busy_to_prepare_it_is_said_to_be_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("safety_stream.embedded.kafka._FORMAT_SECONDS_MAX", 0.01)

    with pytest.raises(EmbeddedKafkaError, match="the machine is busy"), EmbeddedKafka(tmp_path):
        pytest.fail("it started")


def test_nothing_can_be_asked_of_a_broker_that_never_started() -> None:
    broker = EmbeddedKafka()

    for attribute in ("bootstrap_servers", "pid", "folder"):
        with pytest.raises(EmbeddedKafkaError, match=r"call start\(\) first"):
            getattr(broker, attribute)


def make_topic(address: str, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": address})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(timeout=30)


def write_in_a_transaction(address: str, topic: str, value: bytes) -> None:
    producer = Producer({"bootstrap.servers": address, "transactional.id": topic})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topic, value, partition=0)
    producer.commit_transaction(30)


def read(address: str, topic: str, count: int) -> list[bytes | None]:
    """The first `count` committed records of the topic's one partition, or fewer when no more come.

    A commit is answered before its records may be read: the marker that releases them follows. So the end of the
    partition proves nothing, and the reader waits.
    """
    consumer = Consumer({"bootstrap.servers": address, "group.id": topic, "isolation.level": "read_committed"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    try:
        return [record.value() for record in consumer.consume(count, timeout=30)]
    finally:
        consumer.close()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
