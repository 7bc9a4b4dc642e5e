"""The loop on a real Kafka, in real processes that are really killed: every record once, counted right.

What comes out is compared record by record, by a read_committed reader that has nothing to do with the loop.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from safety_stream.embedded import EmbeddedKafka
from safety_stream.streaming.takeover import MARK_KEY
from safety_stream.testing.toy import Numbered

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]

PARTITIONS = 4
WORKER = Path(__file__).with_name("toy_worker.py")
GIVE_UP_SECONDS = 60


class Worker:
    """One worker process of a slot; its state folder outlives it."""

    def __init__(self, town: Town, slot: int, session_ms: int) -> None:
        self.slot = slot
        self.log = town.folder / f"worker-{slot}-{len(town.everybody)}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, str(WORKER), town.bootstrap, town.prefix, str(slot)),
                    *(str(town.state(slot)), str(session_ms), *town.inputs),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def is_alive(self):
        return self.process.poll() is None

    def told(self, what: str):
        lines = self.log.read_text(errors="replace").splitlines()
        found = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
        return [line for line in found if what in line]

    def end(self, number: int):
        self.process.send_signal(number)
        return self.process.wait(GIVE_UP_SECONDS)


class Town:
    """Topics of its own, workers, partners, and a reader."""

    def __init__(self, bootstrap: str, prefix: str, folder: Path, inputs: tuple[str, ...] = ("inputs",)) -> None:
        self.bootstrap, self.prefix, self.folder, self.inputs = bootstrap, prefix, folder, inputs
        self.random = random.Random(20)
        self.everybody = []
        self.sent = 0
        self.outputs = Counter()
        admin = AdminClient({"bootstrap.servers": bootstrap})
        topics = [NewTopic(prefix + name, PARTITIONS, 1) for name in (*inputs, "outputs", "dead")]
        compacted = {"cleanup.policy": "compact"}
        topics.append(NewTopic(prefix + "changelog", PARTITIONS, 1, config=compacted))
        for made in admin.create_topics(topics).values():
            made.result(30)
        self._producer = Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2_random", "linger.ms": 2})
        self._reader = self._reading("outputs")

    def state(self, slot: int):
        return self.folder / f"state-{slot}"

    def start(self, slot: int, session_ms: int = 2_000):
        worker = Worker(self, slot, session_ms)
        self.everybody.append(worker)
        return worker

    def send(self, count: int, value: bytes = b"x" * 200):
        for _ in range(count):
            topic = self.prefix + self.random.choice(self.inputs)
            self._producer.produce(topic, value, f"key-{self.random.randrange(500)}".encode())
            self._producer.poll(0)
        self._producer.flush(GIVE_UP_SECONDS)
        self.sent += count if value != b"poison" else 0

    def seen(self):
        """How many outputs a reader has seen by now."""
        for message in self._reader.consume(5_000, 0.05):
            if message.error() is None:
                self.outputs[message.partition()] += 1
        return self.outputs.total()

    def wait_until(self, condition: Callable[[], bool], what: str):
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                for worker in self.everybody:
                    if worker.is_alive():
                        worker.process.send_signal(signal.SIGUSR1)
                self.seen()
                logs = "\n".join(worker.log.read_text(errors="replace")[-6000:] for worker in self.everybody)
                pytest.fail(f"waited too long until {what}\n{logs}")
            self.seen()

    def wait_for_outputs(self, count: int):
        self.wait_until(lambda: self.seen() >= count, f"{count} outputs are there ({self.outputs})")

    def close(self):
        for worker in self.everybody:
            if worker.is_alive():
                worker.process.kill()
                worker.process.wait()
        self._reader.close()

    def verdict(self):
        """Lost, doubled, and wrongly numbered outputs; rows of the changelog that differ from the true counts."""
        self.wait_for_outputs(self.sent)
        inputs = [one for name in self.inputs for one in self._read_all(name) if one.value() != b"poison"]
        outputs = [msgspec.msgpack.decode(one.value(), type=Numbered) for one in self._read_all("outputs")]
        expected = Counter((one.topic(), one.partition(), one.offset()) for one in inputs)
        found = Counter((one.topic, one.partition, one.offset) for one in outputs)
        numbers = defaultdict(list)
        for one in outputs:
            numbers[one.key].append(one.number)
        counts = Counter(one.key().decode() for one in inputs)
        rows = {}
        for one in self._read_all("changelog"):
            rows[one.key()] = one.value()
        rows = {key: value for key, value in rows.items() if value is not None and key != MARK_KEY}
        true = {f"count/{key}".encode(): b"%d" % count for key, count in counts.items()}
        true |= {f"odd/{key}".encode(): b"1" for key, count in counts.items() if count % 2}
        return {
            "lost": (expected - found).total(),
            "doubled": (found - expected).total(),
            "wrong": sum(sorted(numbers[key]) != list(range(1, count + 1)) for key, count in counts.items()),
            "wrong rows": len(set(rows.items()) ^ set(true.items())),
        }

    def _reading(self, name: str):
        reader = Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": self.prefix + "reader",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
            }
        )
        reader.assign([TopicPartition(self.prefix + name, number, 0) for number in range(PARTITIONS)])
        return reader

    def _read_all(self, name: str):
        reader, messages, ended = self._reading(name), [], set()
        while len(ended) < PARTITIONS:
            for message in reader.consume(5_000, 0.1):
                if message.error() is None:
                    messages.append(message)
                    ended.discard(message.partition())
                elif message.error().code() == KafkaError._PARTITION_EOF:
                    ended.add(message.partition())
        reader.close()
        return messages


RIGHT = {"lost": 0, "doubled": 0, "wrong": 0, "wrong rows": 0}


@pytest.fixture
def town(kafka: str, topic_prefix: str, tmp_path: Path):
    one = Town(kafka, topic_prefix, tmp_path)
    yield one
    one.close()


def test_twenty_kills_over_one_three_and_one_workers_lose_and_double_nothing(town: Town):
    workers = {0: town.start(0)}
    kills = 0
    for crowd, rounds in ((1, 3), (3, 7), (1, 3)):
        for slot in range(3):
            if slot < crowd and slot not in workers:
                workers[slot] = town.start(slot)
            elif slot >= crowd and slot in workers:
                workers.pop(slot).process.kill()
                kills += 1
        for _ in range(rounds):
            town.send(1_500)
            town.wait_for_outputs(town.seen() + town.random.randrange(1, 1_000))
            for slot in town.random.sample(range(crowd), min(crowd, 2)):
                workers[slot].process.kill()
                workers[slot].process.wait()
                workers[slot] = town.start(slot)
                kills += 1

    assert kills >= 20
    assert town.verdict() == RIGHT


def test_several_inputs_stay_together_under_a_storm_of_rebalances(kafka: str, topic_prefix: str, tmp_path: Path):
    town = Town(kafka, topic_prefix, tmp_path, inputs=("inputs", "others"))
    try:
        stays = town.start(0)
        for slot in (1, 2, 1, 2):
            town.send(1_500)
            comes = town.start(slot)
            town.wait_until(lambda comes=comes: comes.told("taken_over"), "the newcomer has taken over")
            began = time.monotonic()

            assert comes.end(signal.SIGTERM) == 0
            assert time.monotonic() - began < 10.0  # the promise itself, not a guess at speed

        assert stays.is_alive()
        assert town.verdict() == RIGHT
    finally:
        town.close()


def test_a_zombie_that_wakes_up_writes_nothing(town: Town):
    zombie, heir = town.start(0), town.start(1)
    town.wait_until(lambda: zombie.told("taken_over") and heir.told("taken_over"), "both have partitions")
    for _ in range(2):
        town.send(4_000)
        zombie.process.send_signal(signal.SIGSTOP)
        # The heir alone brings everything out: so it has taken over all there is.
        town.wait_for_outputs(town.sent)
        town.send(2_000)
        zombie.process.send_signal(signal.SIGCONT)
        town.wait_for_outputs(town.sent)
        if not zombie.is_alive():
            zombie = town.start(0)
            town.wait_until(lambda one=zombie: one.told("taken_over"), "the zombie's successor has partitions")

    assert town.verdict() == RIGHT


def test_a_slot_started_twice_leaves_only_the_newer(town: Town):
    older = town.start(0)
    town.send(2_000)
    town.wait_for_outputs(1)
    newer = town.start(0)

    def older_has_ended():
        # It hears of it at its next transaction.
        town.send(40)
        return not older.is_alive()

    town.wait_until(older_has_ended, "the older one is fenced off")

    assert older.process.returncode == 1
    assert "another worker runs in this one's slot: give each a --slot of its own" in older.log.read_text()
    assert town.verdict() == RIGHT
    assert newer.is_alive()


def test_poison_goes_to_the_dead_letters_and_stops_nothing(town: Town):
    town.start(0)
    for _ in range(5):
        town.send(300)
        town.send(7, value=b"poison")

    assert town.verdict() == RIGHT
    assert len(town._read_all("dead")) == 35


def test_nothing_but_poison_stops_the_stage_and_commits_none_of_it(town: Town):
    town.send(2_000, value=b"poison")
    worker = town.start(0)
    town.wait_until(lambda: not worker.is_alive(), "the stage has stopped itself")

    assert worker.process.returncode == 1
    assert "toy stopped" in worker.log.read_text()
    assert len(town._read_all("dead")) <= 500


def test_a_lost_or_damaged_store_is_rebuilt_from_the_changelog(town: Town):
    worker = town.start(0)
    for damage in (lose, cut_short, scribble):
        town.send(3_000)
        town.wait_for_outputs(town.sent)
        worker.process.kill()
        worker.process.wait()
        for store in sorted((town.state(0) / "toy").iterdir()):
            damage(store)
        worker = town.start(0)
    town.send(1_000)

    assert town.verdict() == RIGHT


def lose(store: Path):
    for file in store.iterdir():
        file.unlink()


def cut_short(store: Path):
    data = store / "data.mdb"
    with data.open("r+b") as file:
        file.truncate(data.stat().st_size // 2 // 4096 * 4096)


def scribble(store: Path):
    data = store / "data.mdb"
    with data.open("r+b") as file:
        content = bytearray(file.read())
        at = content.rindex(b"count/key-")
        content[at + 12 : at + 16] = b"????"
        file.seek(0)
        file.write(content)


def test_a_broker_that_restarts_costs_nothing_but_time(topic_prefix: str, tmp_path: Path):
    with EmbeddedKafka(tmp_path / "kafka") as broker:
        town = Town(broker.bootstrap_servers, topic_prefix, tmp_path)
        try:
            workers = [town.start(0, 6_000), town.start(1, 6_000)]
            town.wait_until(lambda: all(one.told("taken_over") for one in workers), "both have partitions")

            def all_is_out():
                # A worker may have to end when the broker forgot its transaction; then somebody starts it again.
                for slot, worker in enumerate(workers):
                    if not worker.is_alive():
                        workers[slot] = town.start(slot, 6_000)
                return town.seen() >= town.sent

            town.send(3_000)
            # In a pause: stopped or killed just after it accepted a commit, this Kafka can complete the transaction
            # without its markers (see `EmbeddedKafka.kill`), and committed readers then wait behind it for ever.
            town.wait_until(all_is_out, "everything is out")
            broker.restart()
            town.send(3_000)
            town.wait_until(all_is_out, "everything is out again")

            assert town.verdict() == RIGHT
        finally:
            town.close()


def test_take_over_after_a_kill_is_timed(town: Town, capsys: pytest.CaptureFixture[str]):
    """The promise is 12 s; what it takes is printed."""
    victim, heir = town.start(0, 8_000), town.start(1, 8_000)
    town.wait_until(lambda: victim.told("taken_over") and heir.told("taken_over"), "both have partitions")
    town.send(1_000)
    town.wait_for_outputs(town.sent)
    partitions_of_victim = {line["taken_over"] for line in victim.told("taken_over")} - {
        line["taken_over"] for line in heir.told("taken_over")
    }
    victim.process.kill()
    killed = time.monotonic()
    town.send(1_000)
    town.wait_for_outputs(town.sent)
    seconds = time.monotonic() - killed
    with capsys.disabled():
        sys.stdout.write(
            f"\ntaken over {seconds:.1f} s after kill -9 (session timeout 8 s, partitions {partitions_of_victim})\n"
        )

    assert town.verdict() == RIGHT
