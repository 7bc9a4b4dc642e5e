"""Row `quix`: Quix Streams, exactly once, state in RocksDB with a changelog, one output per record.

    quix_streams.py BOOTSTRAP RECORDS RUN OUTPUT FOLDER

Checkpoints come at Quix's own default of 5 s, which favours its throughput: of a key's changes within one, the last is
written.
"""

from __future__ import annotations

import sys

import msgspec
from measured import Stopwatch, profile_if_asked, tell
from quixstreams import Application, State
from work import INPUT, Seen, decoder, folded


def main(bootstrap: str, wanted: int, run: str, output: str, folder: str) -> None:
    """Run until `wanted` records are processed, and committed."""
    profile_if_asked()
    watch = Stopwatch()
    read = decoder()
    pack = msgspec.msgpack.Encoder().encode
    unpack = msgspec.msgpack.Decoder(Seen).decode
    done = 0

    def processed(_topic: str, _partition: int, _offset: int) -> None:
        nonlocal done
        done += 1
        if done >= wanted:
            app.stop()

    app = Application(
        broker_address=bootstrap,
        consumer_group=f"bench.quix.{run}",
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        state_dir=folder,
        on_message_processed=processed,
        loglevel="WARNING",
        producer_extra_config={"compression.type": "lz4"},
    )
    source = app.topic(INPUT, value_deserializer="bytes", key_deserializer="bytes")
    sink = app.topic(output, value_serializer="bytes", key_serializer="bytes")

    def fold(raw: bytes, state: State) -> bytes:
        watch.begin()
        packed = state.get_bytes("seen")
        seen = pack(folded(Seen() if packed is None else unpack(packed), read(raw)))
        state.set_bytes("seen", seen)
        return seen

    app.dataframe(source).apply(fold, stateful=True).to_topic(sink)
    app.run()
    watch.end()
    tell(watch.result(done))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5])
