"""Row `loop`: the bare confluent-kafka loop. Consume, decode, fold into a dictionary; no output, no transaction.

row_loop.py BOOTSTRAP RECORDS RUN
"""

from __future__ import annotations

import sys

from confluent_kafka import Consumer, KafkaError
from measured import Stopwatch, profile_if_asked, tell
from work import INPUT, Seen, decoder, folded

BATCH = 2_000


def main(bootstrap: str, wanted: int, run: str) -> None:
    """Read `wanted` records and tell how long it took."""
    profile_if_asked()
    decode = decoder()
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"bench.loop.{run}",
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([INPUT])
    seen: dict[bytes, Seen] = {}
    watch = Stopwatch()
    done = 0
    while done < wanted:
        messages = consumer.consume(BATCH, 0.1)
        if messages:
            watch.begin()
        for message in messages:
            if message.error() is not None:
                if message.error().code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own codes
                    continue
                raise SystemExit(str(message.error()))
            key = message.key()
            seen[key] = folded(seen.get(key) or Seen(), decode(message.value()))
            done += 1
    watch.end()
    tell(watch.result(done, keys=len(seen)))
    consumer.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
