"""Row `dense`: what one more sighting costs on a key that already holds many, with the whole shipped catalogue.

row_dense.py SIGHTINGS

*What is measured.* The detect step over rows in memory, handed one sighting at a time: so each time the timeline is
read, changed, looked at by every rule that reads such keys, and written. That is the dearest case, a batch in which
nothing else concerns the key; the cheapest, many sightings of it in one batch, is told beside it. What a report on the
key looks like is drawn from the synthetic county; they lie evenly over the time a stretch of a cell holds. The one that
comes is the newest, and is taken off again before the next comes, outside the clock, so that the size stays what it is.

Of a person or place rules are suspended beyond `bounds.hub` sightings, and of every key the sightings are let go beyond
`bounds.kept`: what one more of 5,000 costs is counting it. So sizes on this side of the bounds are told as well.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import msgspec
from measured import Stopwatch, profile_if_asked, tell
from sightings import SIGHTINGS, read_prepared, records_of

from safety_stream.catalogue import load_catalogue
from safety_stream.core.model.sightings import Sighting, SightingChange, key_kind
from safety_stream.core.model.times import DAY_LENGTH, Instant
from safety_stream.core.stages import detect
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.core.stages.stage import Record, Step
from safety_stream.data_files import catalogue_folder

SIZES = (50, 200, 1_000, 5_000)
_KEYS = {"person": "person:tok-dense", "place": "place:90000000001", "cell": "cell:353000:429000.1"}
_FROM: Instant = 1_767_312_000_000
_SPREAD = 180 * DAY_LENGTH
_TURNS = 60
_BATCH = 20


def main(file: Path) -> None:
    """Measure every kind of key at every size, and tell the worst ratio of the largest to the smallest."""
    step = detect.make_step(load_catalogue(catalogue_folder()), 1)
    drawn = _drawn(file)
    watch = Stopwatch()
    profile_if_asked()
    watch.begin()
    micros = {
        kind: {str(size): _Key(step, key, drawn[kind], size).costs() for size in SIZES} for kind, key in _KEYS.items()
    }
    watch.end()
    worst = max(costs[str(SIZES[-1])][0] / costs[str(SIZES[0])][0] for costs in micros.values())
    tell(watch.result(len(_KEYS) * len(SIZES) * _TURNS * 2, value=round(worst, 2), micros=micros))


def _drawn(file: Path) -> dict[str, list[Sighting]]:
    drawn: dict[str, list[Sighting]] = {kind: [] for kind in _KEYS}
    for record in records_of(read_prepared(file).records):
        change = record.value
        if isinstance(change, SightingChange) and change.sign > 0 and key_kind(change.key) in drawn:
            drawn[key_kind(change.key)].append(change.sighting)
    return drawn


class _Key:
    """One key that holds so many sightings."""

    def __init__(self, step: Step, key: str, drawn: Sequence[Sighting], size: int) -> None:
        self._step = step
        self._key = key
        self._drawn = drawn
        self._size = size
        self._rows = MemoryRows()
        self._offset = 0
        self._take([self._change(number, 1) for number in range(size)])

    def costs(self) -> tuple[float, float, int]:
        """Microseconds of CPU for one more in a batch of its own, for one more of several, and the bytes of its row."""
        alone = median([self._cost([self._size]) for _ in range(_TURNS)])
        among = median([self._cost(range(self._size, self._size + _BATCH)) for _ in range(_TURNS)]) / _BATCH
        return round(alone, 1), round(among, 1), len(self._rows.get(f"timeline/{self._key}".encode()) or b"")

    def _cost(self, numbers: Sequence[int]) -> float:
        coming = [self._change(number, 1) for number in numbers]
        leaving = [self._change(number, -1) for number in numbers]
        before = time.process_time()
        self._take(coming)
        after = time.process_time()
        self._take(leaving)
        return (after - before) * 1e6

    def _take(self, records: Sequence[Record]) -> None:
        self._step(self._rows, records, None)

    def _change(self, number: int, sign: int) -> Record:
        at = _FROM + number * _SPREAD // self._size
        like = self._drawn[number % len(self._drawn)]
        sighting = msgspec.structs.replace(
            like,
            incident_id=f"00000000-0000-5000-8000-{number:012d}",
            occurred_from=at,
            occurred_to=at + min(like.occurred_to - like.occurred_from, DAY_LENGTH),
            reported_at=at + like.reported_at - like.occurred_from,
            received_at=at + like.received_at - like.occurred_from,
        )
        self._offset += 1
        # All received at one moment: what is measured is what sightings cost, not what time does.
        change = SightingChange(key=self._key, sign=sign, sighting=sighting, as_of=_FROM, cause="bench")  # type: ignore[arg-type]
        return Record(topic=SIGHTINGS, partition=0, offset=self._offset, received_at=_FROM, value=change)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
