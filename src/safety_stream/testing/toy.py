"""A toy stage to simulate, made to show every mistake of the loop around it.

It numbers the records of each key, writes one output per record, deletes and writes rows, wakes when idle. From the
committed inputs alone it is known what must come out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from random import Random

import msgspec

from safety_stream.core.model.times import Instant
from safety_stream.core.stages.stage import Output, Record, Rows
from safety_stream.streaming.ports import Incoming, Outgoing
from safety_stream.streaming.spec import Encoded, StageSpec
from safety_stream.testing.log import Log
from safety_stream.testing.simulation import remembered

OUTPUTS = "outputs"
CHANGELOG = "changelog.toy"
STAGE = "toy"


class Seen(msgspec.Struct, frozen=True):
    """A record as the toy stage takes it: its key."""

    key: str


class Numbered(msgspec.Struct, frozen=True):
    """The toy stage's output: which record, and the how-manieth of its key. An idle wake has no record."""

    topic: str
    partition: int
    offset: int
    key: str
    number: int


def step(rows: Rows, records: Sequence[Record], idle_at: Instant | None) -> list[Output]:
    """Number the records of each key; keep a row for each key, and one for each odd count."""
    outputs = []
    for record in records:
        assert isinstance(record.value, Seen)  # noqa: S101
        key = record.value.key
        number = int(rows.get(b"count/" + key.encode()) or b"0") + 1
        rows.put(b"count/" + key.encode(), b"%d" % number)
        if number % 2:
            rows.put(b"odd/" + key.encode(), b"")
        else:
            rows.delete(b"odd/" + key.encode())
        numbered = Numbered(record.topic, record.partition, record.offset, key, number)
        outputs.append(Output(topic=OUTPUTS, key=key, value=numbered, received_at=record.received_at))
    if not records and idle_at is not None:
        wakes = int(rows.get(b"wakes") or b"0") + 1
        rows.put(b"wakes", b"%d" % wakes)
        numbered = Numbered("", -1, -1, "wake", wakes)
        outputs.append(Output(topic=OUTPUTS, key=None, value=numbered, received_at=idle_at, partition=0))
    return outputs


def decode(incoming: Incoming) -> Record:
    """The key is all there is to a record."""
    return Record(
        topic=incoming.topic,
        partition=incoming.partition,
        offset=incoming.offset,
        received_at=incoming.timestamp,
        value=Seen((incoming.key or b"").decode()),
    )


def encode(output: Output) -> Encoded:
    """MessagePack."""
    return Encoded(None if output.key is None else output.key.encode(), msgspec.msgpack.encode(output.value))


class Toy:
    """The scene: one such stage, of one input or two, over three partitions."""

    def __init__(self, seed: int) -> None:
        """Which keys come how often, and by which input, is up to the seed."""
        random = Random(seed)  # noqa: S311 - chance that can be repeated
        self.inputs = ("inputs", "others") if seed % 6 == 0 else ("inputs",)
        self.stages: Sequence[StageSpec] = (StageSpec(STAGE, self.inputs, CHANGELOG, step, decode, encode),)
        self.topics: Mapping[str, int] = dict.fromkeys((*self.inputs, OUTPUTS, CHANGELOG), 3)
        self.records: Sequence[Outgoing] = [
            Outgoing(random.choice(self.inputs), None, f"key-{random.randrange(4)}".encode(), b"", number)
            for number in range(30)
        ]

    def faults(self, log: Log) -> Iterator[str]:
        """See `Scene`."""
        outputs = [msgspec.msgpack.decode(record.value or b"", type=Numbered) for _, _, record in log.read(OUTPUTS)]
        rows = remembered(log, CHANGELOG)
        woken = Counter(wake + 1 for each in rows for wake in range(int(each.pop(b"wakes", b"0"))))
        told = Counter(output.number for output in outputs if not output.topic)
        checks: dict[str, Collection[object]] = {
            **self._wrong_outputs(log, [output for output in outputs if output.topic]),
            "wrong rows": [
                wrong for n, each in enumerate(rows) if (wrong := self._expected_rows(log, n).items() ^ each.items())
            ],
            "wrong wakes": told.items() ^ woken.items(),
        }
        for what, found in checks.items():
            if found:
                yield f"{what}: {found}"

    def _wrong_outputs(self, log: Log, outputs: Sequence[Numbered]) -> dict[str, Collection[object]]:
        expected = Counter(
            (one.topic, one.partition, offset) for topic in self.inputs for one, offset, _ in log.read(topic)
        )
        found = Counter((output.topic, output.partition, output.offset) for output in outputs)
        numbers: dict[str, list[int]] = defaultdict(list)
        for output in outputs:
            numbers[output.key].append(output.number)
        return {
            "lost": expected - found,
            "doubled": found - expected,
            "wrong numbers": [of for of in numbers.items() if sorted(of[1]) != list(range(1, len(of[1]) + 1))],
        }

    def _expected_rows(self, log: Log, partition: int) -> dict[bytes, bytes]:
        counts = Counter(
            record.key or b""
            for topic in self.inputs
            for one, _, record in log.read(topic)
            if one.partition == partition
        )
        rows = {b"count/" + key: b"%d" % count for key, count in counts.items()}
        return rows | {b"odd/" + key: b"" for key, count in counts.items() if count % 2}
