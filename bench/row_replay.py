"""Row `replay`: the whole pipeline in one process without a broker, full catalogue, over the prepared county.

row_replay.py COUNTY
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import msgspec
from county import read_county_file
from measured import Stopwatch, profile_if_asked, tell

from safety_stream.catalogue import load_catalogue
from safety_stream.data_files import catalogue_folder
from safety_stream.replay import Arrival, Pipeline, Result


def main(file: Path) -> None:
    """Replay, and tell what stands at the end with a fingerprint of it."""
    arrivals = [Arrival(one.topic, one.value, one.received_at) for one in read_county_file(file)]
    result = Result()
    pipeline = Pipeline(load_catalogue(catalogue_folder()), result.take)
    watch = Stopwatch()
    profile_if_asked()
    watch.begin()
    for _ in pipeline.run(arrivals):
        watch.end()
    standing = {
        "findings": len(result.findings),
        "alerts": len(result.alerts),
        "indicators": len(result.indicators),
        "dead_letters": len(result.dead_letters),
    }
    packed = msgspec.msgpack.encode([sorted(result.findings), [result.alerts[key] for key in sorted(result.alerts)]])
    fingerprint = hashlib.sha256(packed).hexdigest()[:16]
    tell(watch.result(len(arrivals), standing=standing, fingerprint=fingerprint))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
