"""How much a feed asks for: no more than fits one transaction, in records and in bytes."""

from collections.abc import Mapping, Sequence
from threading import Condition

import pytest

from safety_stream.streaming.feed import Batch, Feed
from safety_stream.streaming.ownership import Ownership, Tenure
from safety_stream.streaming.ports import Incoming, Polled, TopicPartition, Unobserved
from safety_stream.streaming.spec import LoopSettings, StageSpec
from safety_stream.streaming.store import MemoryStore

TOPIC = "in"
SETTINGS = LoopSettings(batch_records=10, batch_bytes=1_000)


class Log:
    """A partition with records of one size, at most so many a poll, and what was asked of it; taken over at once."""

    def __init__(self, size: int, brings: int = 100) -> None:
        self.asked: list[tuple[int, float]] = []
        self._size = size
        self._brings = brings
        self._offset = 0
        self._begun: list[Tenure] = []

    def consume(self, count: int, seconds: float) -> Polled:
        self.asked.append((count, seconds))
        offsets = range(self._offset, self._offset + min(count, self._brings))
        self._offset = offsets.stop
        records = [Incoming(TOPIC, 0, offset, 0, None, b"x" * self._size) for offset in offsets]
        return Polled(records, ())

    def assign_paused(self, partitions: Sequence[TopicPartition]) -> None: ...

    def seek(self, partition: TopicPartition, offset: int) -> None: ...

    def resume(self, partitions: Sequence[TopicPartition]) -> None: ...

    def end(self, partition: TopicPartition) -> int | None: ...

    def begin(self, tenure: Tenure) -> None:
        tenure.expected[TOPIC] = 0
        tenure.has_more = False
        self._begun.append(tenure)

    def finished(self) -> list[Tenure]:
        begun, self._begun = self._begun, []
        return begun


class Taker:
    """Takes batches while it has room."""

    def __init__(self) -> None:
        self.has_room = True
        self.taken: list[int] = []
        self.went_on: list[int] = []

    def __call__(self, batch: Batch) -> bool:
        if self.has_room:
            if records := sum(len(part.records) for part in batch.parts):
                self.taken.append(records)
            self.went_on += [part.tenure.partition for part in batch.parts if not part.records]
        return self.has_room


def feed_of(log: Log, taker: Taker, gathers: float = 0.0) -> Feed:
    spec = StageSpec("toy", (TOPIC,), "changelog.toy", lambda *_: [], lambda *_: None, lambda *_: None, gathers)
    feed = Feed(spec, log, Ownership(Condition()), log, taker, SETTINGS, lambda: 0.0, None, Unobserved())
    feed.on_assign([TopicPartition(TOPIC, 0)])
    return feed


def going_on(log: Log, taker: Taker, partitions: int = 1) -> tuple[Feed, list[Tenure]]:
    """A feed all of whose partitions have something left to do."""
    spec = StageSpec("toy", (TOPIC,), "changelog.toy", lambda *_: [], lambda *_: None, lambda *_: None)
    ownership = Ownership(Condition())
    feed = Feed(spec, log, ownership, log, taker, SETTINGS, lambda: 0.0, None, Unobserved())
    feed.on_assign([TopicPartition(TOPIC, number) for number in range(partitions)])
    tenures = list(ownership.tenures())
    for tenure in tenures:
        tenure.has_more = True
    return feed, tenures


def counts_asked(log: Log) -> list[int]:
    return [count for count, _ in log.asked]


def test_it_asks_for_one_transaction_of_records():
    log, taker = Log(size=10), Taker()
    feed = feed_of(log, taker)

    feed.turn()
    feed.turn()

    assert counts_asked(log) == [10, 10]
    assert taker.taken == [10, 10]


@pytest.mark.parametrize(
    ("log", "asked", "taken"),
    [
        (Log(size=10), [10, 1, 1, 1, 1, 10], [14, 10]),
        # A thousand bytes are no room for a third of six hundred.
        (Log(size=600, brings=1), [10, 9, 1, 1, 1, 10], [5, 1]),
    ],
    ids=["too many records", "too many bytes"],
)
def test_while_nobody_takes_them_it_reads_on_one_by_one(log: Log, asked: list[int], taken: list[int]):
    taker = Taker()
    feed = feed_of(log, taker)
    taker.has_room = False

    for _ in range(4):
        feed.turn()
    taker.has_room = True
    feed.turn()
    feed.turn()

    assert counts_asked(log) == asked
    assert taker.taken == taken


def test_a_stage_that_gathers_waits_longer_than_the_loop():
    log, taker = Log(size=1), Taker()

    feed_of(log, taker).turn()
    feed_of(log, taker, gathers=0.25).turn()

    assert [seconds for _, seconds in log.asked] == [0.01, 0.25]


def test_what_is_left_to_do_is_gone_on_with_once_until_its_transaction_has_ended():
    log, taker = Log(size=1, brings=0), Taker()
    feed, (tenure,) = going_on(log, taker)

    for _ in range(3):
        feed.turn()
    assert taker.went_on == [0]

    tenure.has_more = True
    feed.turn()
    assert taker.went_on == [0, 0]


def test_what_nobody_took_is_still_left_to_do():
    log, taker = Log(size=1, brings=0), Taker()
    feed, _ = going_on(log, taker)
    taker.has_room = False

    feed.turn()
    taker.has_room = True
    feed.turn()

    assert taker.went_on == [0]


def test_records_and_what_is_left_to_do_take_turns():
    log, taker = Log(size=1), Taker()
    feed, (tenure,) = going_on(log, taker)

    for _ in range(4):
        feed.turn()
        tenure.has_more = True

    assert taker.taken == [10, 11]
    assert taker.went_on == [0, 0]


def test_partitions_go_on_one_after_another():
    log, taker = Log(size=1, brings=0), Taker()
    feed, tenures = going_on(log, taker, partitions=3)

    for _ in range(5):
        feed.turn()
        for tenure in tenures:
            tenure.has_more = True

    assert taker.went_on == [0, 1, 2, 0, 1]


class Heard(Unobserved):
    """Keeps what it hears of alerts that are kept back."""

    def __init__(self) -> None:
        self.withheld_alerts: list[dict[tuple[str, str, str], int]] = []

    def withheld(self, alerts: Mapping[tuple[str, str, str], int]) -> None:
        self.withheld_alerts.append(dict(alerts))


def test_what_is_kept_back_is_told_as_soon_as_a_partition_is_taken_over():
    """Or a worker that comes back and has nothing to do would tell of nothing that waits."""
    log, heard, rows = Log(size=1), Heard(), MemoryStore()
    rows.apply([(b"waits", b"7")], None, base=0, position=1)
    spec = StageSpec(
        "toy", (TOPIC,), "changelog.toy", lambda *_: [], lambda *_: None, lambda *_: None,
        withheld=lambda kept: {("desk", "ended", "P1"): len(list(kept.scan(b"", b"z")))},
    )  # fmt: skip
    ownership = Ownership(Condition())
    feed = Feed(spec, log, ownership, log, Taker(), SETTINGS, lambda: 0.0, None, heard)
    feed.on_assign([TopicPartition(TOPIC, 0)])
    for tenure in ownership.tenures():
        tenure.store = rows

    feed.turn()

    assert heard.withheld_alerts == [{("desk", "ended", "P1"): 1}]
