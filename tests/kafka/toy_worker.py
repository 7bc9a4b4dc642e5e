"""A worker process with one toy stage: `toy_worker.py BOOTSTRAP PREFIX SLOT STATE SESSION_MS INPUT...`.

It numbers the records of each key, as the simulation's stage does; a record with the value `poison` is refused. What it
takes over and commits it tells on standard output, one JSON line each.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import msgspec

from safety_stream.core.model.dead_letters import DeadLetter, Refused
from safety_stream.core.stages.stage import Output, Record
from safety_stream.streaming.faust_app import create_app, run_worker
from safety_stream.streaming.kafka import KafkaSettings
from safety_stream.streaming.loop import Surroundings
from safety_stream.streaming.ports import Unobserved
from safety_stream.streaming.spec import Encoded, StageSpec
from safety_stream.testing.simulation import Numbered, Seen


class Telling(Unobserved):
    def taken_over(self, stage, partition, rows, seconds):
        print(json.dumps({"taken_over": partition, "rows": rows, "seconds": seconds}), flush=True)

    def committed(self, stage, records, batch_seconds, commit_seconds):
        print(json.dumps({"committed": records, "seconds": batch_seconds}), flush=True)

    def aborted(self, stage, reason):
        print(json.dumps({"aborted": reason}), flush=True)


def decode(incoming):
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


def encode(output):
    return Encoded(None if output.key is None else output.key.encode(), msgspec.msgpack.encode(output.value))


def numbering(prefix):
    """The step, writing to `<prefix>outputs` and `<prefix>dead`."""

    def step(rows, records, idle_at):
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
            outputs.append(
                Output(topic=f"{prefix}outputs", key=key, value=numbered, received_at=record.received_at)
            )
        return outputs

    return step


def main(bootstrap, prefix, slot, state, session_ms, *inputs):
    spec = StageSpec(
        "toy", tuple(prefix + one for one in inputs), f"{prefix}changelog", numbering(prefix), decode, encode
    )
    settings = KafkaSettings(bootstrap, slot=slot, prefix=f"{prefix}safety", session_timeout_ms=int(session_ms))
    run_worker(create_app([spec], settings, Path(state), around=Surroundings(observer=Telling())))


if __name__ == "__main__":
    main(*sys.argv[1:])
