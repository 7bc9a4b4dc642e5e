"""Row `renewal`: what a renewed agreement lets go of, told in slices; and how long the longest step is.

    row_renewal.py sliced|at-once

An agreement has ended, and so many alerts wait for two audiences. It is renewed: all of it is told, by the steps of
`publish-alerts`, each on an overlay over an LMDB store as in a worker, each output encoded as it goes to Kafka. What is
told *at-once* takes one step, as it did before there were slices. There is no broker.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import msgspec
from measured import Stopwatch, profile_if_asked, tell

from safety_stream.catalogue import load_catalogue
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.alerts import AlertVersion
from safety_stream.core.model.handling import HandledAlert, Handling
from safety_stream.core.model.times import DAY_LENGTH, day_of
from safety_stream.core.stages import publish_alerts
from safety_stream.core.stages.stage import MORE_ROW, Record, Step
from safety_stream.data_files import catalogue_folder
from safety_stream.streaming.store import LmdbStore, Overlay
from safety_stream.wire.codecs import shipped_codecs

_ALERTS = 20_000
_BATCH = 2_000
_NOON = 20_458 * DAY_LENGTH + DAY_LENGTH // 2
_AUDIENCES = ("duty-officer", "analyst")


class Door:
    """The stage over a store: a step is what one transaction of the loop does between its records and its commit."""

    def __init__(self, folder: Path) -> None:
        self._store = LmdbStore(folder, "bench")
        self._encode = shipped_codecs().encode
        self.told = 0

    def step(self, step: Step, records: list[Record], idle_at: int | None = None) -> tuple[float, bool]:
        """Run it and keep what it wrote; the CPU seconds that took, and whether there is more to do."""
        before = time.process_time()
        with self._store.snapshot() as snapshot:
            overlay = Overlay(snapshot)
            outputs = step(overlay, records, idle_at)
            for output in outputs:
                self._encode(output.value)
            has_more = overlay.get(MORE_ROW) is not None
        base = self._store.position
        self._store.apply(overlay.changes.items(), {}, base=base, position=base + 1)
        self.told += sum(output.topic.startswith("alerts.") for output in outputs)
        return time.process_time() - before, has_more


def main(how: str) -> None:
    """Measure the row."""
    if how == "at-once":
        publish_alerts.SLICE = 10**9
    catalogue, watch = load_catalogue(catalogue_folder()), Stopwatch()
    ended = publish_alerts.make_step(_until(catalogue, day_of(_NOON)), 1)
    renewed = publish_alerts.make_step(catalogue, 1)
    records = [_record(number) for number in range(_ALERTS)]
    with tempfile.TemporaryDirectory() as folder:
        door = Door(Path(folder))
        for first in range(0, _ALERTS, _BATCH):
            door.step(ended, records[first : first + _BATCH])
        profile_if_asked()
        watch.begin()
        longest, has_more = door.step(renewed, [], _NOON)
        while has_more:
            seconds, has_more = door.step(renewed, [])
            longest = max(longest, seconds)
        watch.end()
    assert door.told == _ALERTS * len(_AUDIENCES)
    tell(watch.result(door.told, longest_step_cpu_seconds=round(longest, 3)))


def _until(catalogue: Catalogue, day: int) -> Catalogue:
    """The catalogue whose agreements end on a day."""
    grants = tuple(
        msgspec.structs.replace(one, agreement=msgspec.structs.replace(one.agreement, valid_to=day))
        for one in catalogue.sharing.grants
    )
    return msgspec.structs.replace(catalogue, sharing=msgspec.structs.replace(catalogue.sharing, grants=grants))


def _record(number: int) -> Record:
    alert = AlertVersion(
        alert_id=f"{number:08x}-0000-5000-8000-000000000000",
        version=1,
        episode=1,
        change="raised",
        reason="new",
        rule_id="rv-graded",
        rule_version=1,
        title="Repeat victim",
        family="repeat-victimisation",
        subject=f"victim:tok-{number}",
        area="E07000117",
        areas=("E07000117",),
        first_completed_at=_NOON,
        last_completed_at=_NOON,
        findings=(),
        explanation="Harmed three times in twelve months.",
        child=False,
        late=False,
        notify=True,
        marking="OFFICIAL-SENSITIVE",
        as_of=_NOON,
        cause="incident-a new",
        priority="P2",
        audiences=_AUDIENCES,
    )
    handling = Handling(number=1, state="new", since=_NOON, what="raised", as_of=_NOON)
    handled = HandledAlert(alert=alert, handling=handling, notify=True, as_of=_NOON)
    return Record(topic="handled-alerts", partition=0, offset=number, received_at=_NOON, value=handled)


if __name__ == "__main__":
    main(sys.argv[1])
