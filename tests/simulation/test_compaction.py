"""The simulated log compacts as Kafka does, and no further."""

from __future__ import annotations

import pytest

from safety_stream.streaming.ports import Outgoing
from safety_stream.testing.log import Partition, Transaction

KEPT = 10.0


def a_partition(*words: str) -> Partition:
    """One record a word, `key=value`; `key=` is a tombstone, `!` in front means aborted, `?` open."""
    partition = Partition()
    for word in words:
        key, _, value = word.lstrip("!?").partition("=")
        transaction = Transaction(0.0)
        partition.append(Outgoing("log", 0, key.encode(), value.encode() or None, 0), transaction)
        if not word.startswith("?"):
            transaction.decide(committed=not word.startswith("!"))
            partition.mark(transaction)
    return partition


def left(partition: Partition) -> dict[int, str]:
    """What there is to be read, by offset."""
    records = ((n, partition.visible(n, "read_uncommitted")) for n in range(partition.high_watermark))
    return {n: f"{(one.key or b'').decode()}={(one.value or b'').decode()}" for n, one in records if one is not None}


# Each record is followed by its marker, so the records lie at even offsets.
@pytest.mark.parametrize(
    ("words", "end", "expected"),
    [
        (("a=1", "b=1", "a=2"), 6, {2: "b=1", 4: "a=2"}),
        (("a=1", "b=1", "a=2"), 4, {0: "a=1", 2: "b=1", 4: "a=2"}),
        (("a=1", "!a=2"), 4, {0: "a=1"}),
        (("a=1", "!a=2", "a=3"), 4, {0: "a=1", 4: "a=3"}),
        (("a=1", "a="), 4, {2: "a="}),
        (("a=1", "a=", "a=3"), 6, {4: "a=3"}),
    ],
    ids=["the newest stays", "nothing beyond the end", "aborted goes", "aborted is no newer", "a tombstone", "again"],
)
def test_of_each_key_the_newest_committed_record_below_the_end_is_left(
    words: tuple[str, ...], end: int, expected: dict[int, str]
):
    partition = a_partition(*words)
    ends = partition.high_watermark, partition.last_stable_offset

    partition.compact(end, 0.0, KEPT)

    assert left(partition) == expected
    assert (partition.high_watermark, partition.last_stable_offset) == ends


def test_what_an_open_transaction_holds_back_stays():
    partition = a_partition("a=1", "?a=2", "a=3")

    assert partition.last_stable_offset == 2
    partition.compact(partition.last_stable_offset, 0.0, KEPT)

    assert left(partition) == {0: "a=1", 2: "a=2", 3: "a=3"}


def test_a_tombstone_goes_when_its_time_since_it_was_met_is_over():
    partition = a_partition("a=1", "a=", "b=1")

    partition.compact(4, 5.0, KEPT)
    partition.compact(4, 14.9, KEPT)
    assert left(partition) == {2: "a=", 4: "b=1"}
    partition.compact(4, 15.0, KEPT)

    assert left(partition) == {4: "b=1"}
