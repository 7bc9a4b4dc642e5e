"""Row `stage`: this runtime with one stateful stage, as a worker runs it. Exactly once, changelog and LMDB store.

row_stage.py BOOTSTRAP RECORDS RUN OUTPUT CHANGELOG FOLDER
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
from measured import Stopwatch, profile_if_asked, tell
from work import INPUT, Seen, decoder, folded

from safety_stream.config import Connection
from safety_stream.core.model.times import Instant
from safety_stream.core.stages.stage import Output, Record, Rows, Step, Table
from safety_stream.streaming.faust_app import create_app, run_worker
from safety_stream.streaming.kafka import KafkaSettings
from safety_stream.streaming.loop import Surroundings
from safety_stream.streaming.ports import Incoming, Unobserved
from safety_stream.streaming.spec import Encoded, StageSpec


def _nothing_to_reload() -> None:
    """A bench has one catalogue."""


def stage(output: str, changelog: str, watch: Stopwatch) -> StageSpec:
    """The stage: what is remembered of a key is a row of a `Table`, as in every stage of the backbone."""
    read = decoder()
    pack = msgspec.msgpack.Encoder().encode

    def decode(incoming: Incoming) -> Record:
        watch.begin()
        return Record(
            topic=incoming.topic,
            partition=incoming.partition,
            offset=incoming.offset,
            received_at=incoming.timestamp,
            value=read(incoming.value),
            raw_key=incoming.key,
            raw_value=incoming.value,
        )

    def encode(out: Output) -> Encoded:
        return Encoded(None if out.key is None else out.key.encode(), pack(out.value))

    return StageSpec("bench", (INPUT,), changelog, _step(output), decode, encode)


def _step(output: str) -> Step:
    nothing = Seen()

    def step(rows: Rows, records: Sequence[Record], _idle_at: Instant | None) -> list[Output]:
        table = Table(rows, "seen/", Seen)
        outputs = []
        for record in records:
            assert record.raw_key is not None
            key = record.raw_key.decode()
            seen = folded(table.get(key) or nothing, record.value)
            table.put(key, seen)
            outputs.append(Output(topic=output, key=key, value=seen, received_at=record.received_at))
        table.flush()
        return outputs

    return step


class UntilDone(Unobserved):
    """Ends the process once so many records are committed."""

    def __init__(self, wanted: int, watch: Stopwatch) -> None:
        self._wanted = wanted
        self._watch = watch
        self._done = 0
        self._batches = 0
        self._aborted = 0
        self._seconds = [0.0, 0.0]

    def committed(self, stage: str, records: int, batch_seconds: float, commit_seconds: float) -> None:
        """Count, and tell when it is enough."""
        super().committed(stage, records, batch_seconds, commit_seconds)
        self._done += records
        self._batches += 1
        self._seconds[0] += batch_seconds
        self._seconds[1] += commit_seconds
        if self._done >= self._wanted:
            self._watch.end()
            tell(
                self._watch.result(
                    self._done,
                    batches=self._batches,
                    aborted=self._aborted,
                    batch_seconds=self._seconds[0],
                    commit_seconds=self._seconds[1],
                )
            )
            os.kill(os.getpid(), signal.SIGTERM)

    def aborted(self, stage: str, reason: str) -> None:
        """Count what had to be done again."""
        super().aborted(stage, reason)
        self._aborted += 1


def main(bootstrap: str, wanted: int, run: str, output: str, changelog: str, folder: Path) -> None:
    """Run a worker until `wanted` records are committed."""
    profile_if_asked()
    watch = Stopwatch()
    app = create_app(
        [stage(output, changelog, watch)],
        KafkaSettings(Connection(bootstrap), prefix=f"bench.{run}"),
        folder,
        around=Surroundings(observer=UntilDone(wanted, watch)),
    )
    run_worker(app, _nothing_to_reload)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5], Path(sys.argv[6]))
