"""A worker process with one toy stage: `toy_worker.py BOOTSTRAP PREFIX SLOT STATE SESSION_MS INPUT...`.

It numbers the records of each key, as the simulation's stage does; a record with the value `poison` is refused. What it
takes over and commits it tells on standard output, one JSON line each.
"""

from __future__ import annotations

import faulthandler
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from safety_stream.config import Connection
from safety_stream.core.model.dead_letters import DeadLetter, Refused
from safety_stream.core.model.times import Instant
from safety_stream.core.stages.stage import Output, Record, Rows
from safety_stream.streaming.faust_app import create_app, run_worker
from safety_stream.streaming.kafka import KafkaSettings
from safety_stream.streaming.loop import Surroundings
from safety_stream.streaming.ports import Incoming, Unobserved
from safety_stream.streaming.spec import Encoded, StageSpec
from safety_stream.testing.toy import Numbered, Seen


def tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class Telling(Unobserved):
    def taken_over(self, _stage: str, partition: int, rows: int, seconds: float):
        tell(json.dumps({"taken_over": partition, "rows": rows, "seconds": seconds}))

    def committed(self, _stage: str, records: int, batch_seconds: float, _commit_seconds: float):
        tell(json.dumps({"committed": records, "seconds": batch_seconds}))

    def aborted(self, _stage: str, reason: str):
        tell(json.dumps({"aborted": reason}))


def decode(incoming: Incoming):
    refused = incoming.value == b"poison"
    return Record(
        topic=incoming.topic,
        partition=incoming.partition,
        offset=incoming.offset,
        received_at=incoming.timestamp,
        value=Refused("unreadable-framing", "poison") if refused else Seen((incoming.key or b"").decode()),
        raw_key=incoming.key,
        raw_value=incoming.value,
    )


def encode(output: Output):
    return Encoded(None if output.key is None else output.key.encode(), msgspec.msgpack.encode(output.value))


def numbering(prefix: str):
    """The step, writing to `<prefix>outputs` and `<prefix>dead`."""

    def step(rows: Rows, records: Sequence[Record], _idle_at: Instant | None):
        outputs = []
        for record in records:
            if isinstance(record.value, Refused):
                dead = DeadLetter(
                    stage="toy",
                    topic=record.topic,
                    partition=record.partition,
                    offset=record.offset,
                    reason=record.value.reason,
                    detail=record.value.detail,
                    key=record.raw_key,
                    value=record.raw_value,
                    received_at=record.received_at,
                )
                outputs.append(
                    Output(topic=f"{prefix}dead", key=None, value=dead, received_at=record.received_at, partition=0)
                )
                continue
            key = record.value.key
            number = int(rows.get(b"count/" + key.encode()) or b"0") + 1
            rows.put(b"count/" + key.encode(), b"%d" % number)
            if number % 2:
                rows.put(b"odd/" + key.encode(), b"1")
            else:
                rows.delete(b"odd/" + key.encode())
            numbered = Numbered(record.topic, record.partition, record.offset, key, number)
            outputs.append(Output(topic=f"{prefix}outputs", key=key, value=numbered, received_at=record.received_at))
        return outputs

    return step


def main(bootstrap: str, prefix: str, slot: str, state: str, session_ms: str, *inputs: str):
    spec = StageSpec(
        "toy", tuple(prefix + one for one in inputs), f"{prefix}changelog", numbering(prefix), decode, encode
    )
    settings = KafkaSettings(
        Connection(bootstrap), slot=slot, prefix=f"{prefix}safety", session_timeout_ms=int(session_ms)
    )
    run_worker(create_app([spec], settings, Path(state), around=Surroundings(observer=Telling())), lambda: None)


if __name__ == "__main__":
    # A test that waits in vain asks where everybody stands.
    faulthandler.register(signal.SIGUSR1)
    main(*sys.argv[1:])
