"""Row `faust`: an ordinary Faust agent with a Table and one output per record. At least once.

    faust_table.py BOOTSTRAP RECORDS RUN OUTPUT FOLDER

The table is in memory, with its changelog: the faster of Faust's two stores. (Faust's own exactly_once doubles outputs
and state after a crash, so it would not be a fairer row.)
"""

from __future__ import annotations

import os
import sys

import faust
import msgspec
from measured import Stopwatch, profile_if_asked, tell
from work import INPUT, PARTITIONS, Seen, decoder, folded


def main(bootstrap: str, wanted: int, run: str, output: str, folder: str) -> None:
    """Run until `wanted` records are processed and their outputs acknowledged."""
    profile_if_asked()
    watch = Stopwatch()
    read = decoder()
    pack = msgspec.msgpack.Encoder().encode
    unpack = msgspec.msgpack.Decoder(Seen).decode
    app = faust.App(
        f"bench-faust-{run}",
        broker=f"kafka://{bootstrap}",
        store="memory://",
        datadir=folder,
        web_enabled=False,
        topic_partitions=PARTITIONS,
        topic_replication_factor=1,
        topic_disable_leader=True,
        stream_wait_empty=False,
        producer_compression_type="lz4",
        autodiscover=False,
    )
    source = app.topic(INPUT, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
    sink = app.topic(output, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
    table = app.Table("seen", key_type=bytes, value_type=bytes, partitions=PARTITIONS)

    @app.agent(source)
    async def fold(stream: faust.StreamT[bytes]) -> None:
        done = 0
        async for key, raw in stream.items():
            watch.begin()
            packed = table.get(key)
            table[key] = seen = pack(folded(Seen() if packed is None else unpack(packed), read(raw)))
            await sink.send(key=key, value=seen)
            done += 1
            if done == wanted:
                await app.producer.flush()
                watch.end()
                tell(watch.result(done))
                # It has told all it had to; leaving in good order takes Faust many seconds.
                os._exit(0)

    faust.Worker(app, loglevel="WARNING", redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5])
