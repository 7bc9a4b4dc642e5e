"""Row `sealing`: what it costs intake to seal tokens, as times the CPU time of intake without.

    row_sealing.py FOLDER

Intake's own decoding, step, sealing and encoding, `batch_records` at a time, without a broker. The key store is SQLite,
on the disk of FOLDER. Four times over the same reports, of which each names two persons and a vehicle, in one process:
without sealing; with keys that are all to be made; with keys that are there and not remembered, as after a restart; and
with seals that are remembered, as while it runs. What is counted is the last.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from measured import profile_if_asked, tell

from safety_stream.catalogue import load_catalogue
from safety_stream.core.model.links import PersonLink
from safety_stream.core.model.reports import Report, ReportedParty, ReportedPlace
from safety_stream.core.sealing import sealed_outputs, seals_joined, tokens_in, without_who_was_erased
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.core.stages.stage import Output, Record, Rows
from safety_stream.data_files import catalogue_folder
from safety_stream.sealing.database import open_database
from safety_stream.sealing.providers import new_file_key
from safety_stream.sealing.store import KeyStore
from safety_stream.streaming.ports import Incoming
from safety_stream.streaming.spec import Door, LoopSettings
from safety_stream.streaming.wiring import stage_specs
from safety_stream.wire.reports import encode_report
from safety_stream.wire.topology import stage

_REPORTS = 40_000
_PERSONS = 20_000
_BEGINS = 1_767_600_000_000
_MINUTE = 60_000


def main(folder: Path) -> None:
    """Measure all four, and tell how many times as long the last took as the first."""
    folder.mkdir(parents=True, exist_ok=True)
    incoming, size = list(_incoming()), LoopSettings().batch_records
    batches = [incoming[start : start + size] for start in range(0, len(incoming), size)]
    store = KeyStore(open_database(f"sqlite:///{folder / 'keys.sqlite'}"), new_file_key(folder / "kek"), lambda: 0)

    door = _Sealing(store)
    profile_if_asked()
    plain = _cpu_seconds(batches, None)
    made = _cpu_seconds(batches, door)
    store._known.clear()  # noqa: SLF001 - what a restart does
    read = _cpu_seconds(batches, door)
    began = time.monotonic()
    remembered = _cpu_seconds(batches, door)
    seconds = time.monotonic() - began
    store.close()
    tell(
        {
            "seconds": seconds,
            "value": remembered / plain,
            "plain_cpu_seconds": plain,
            "times_keys_made": made / plain,
            "times_keys_read": read / plain,
            "records": _REPORTS,
        }
    )


class _Sealing:
    """As `cli/sealing.py` does it, without the audit."""

    def __init__(self, store: KeyStore) -> None:
        self._store = store

    def screen(self, _: Rows, records: Sequence[Record]) -> Sequence[Record]:
        joined = seals_joined(record.value for record in records if isinstance(record.value, PersonLink))
        return without_who_was_erased(records, self._store.destroyed(joined)) if joined else records

    def seal(self, _: Rows, outputs: Sequence[Output]) -> Sequence[Output]:
        tokens = tokens_in(outputs)
        return sealed_outputs(outputs, self._store.sealed(tokens)) if tokens else outputs


def _cpu_seconds(batches: Sequence[Sequence[Incoming]], door: Door | None) -> float:
    (intake,) = stage_specs([stage("intake")], load_catalogue(catalogue_folder()), 4, door)
    rows, passed = MemoryRows(), 0
    began = time.process_time()
    for batch in batches:
        records = intake.screen(rows, [intake.decode(one) for one in batch])
        outputs = intake.seal(rows, intake.step(rows, records, None))
        for output in outputs:
            intake.encode(output)
            passed += output.topic == "incidents"
    taken = time.process_time() - began
    assert passed == _REPORTS + len(batches), "every report, and a word of the feeds a batch"
    return taken


def _incoming() -> Iterator[Incoming]:
    chance = Random(1)
    for number in range(_REPORTS):
        at = _BEGINS + number * _MINUTE
        person = int(_PERSONS * chance.random() ** 2)
        report = Report(
            source="police-crimes",
            source_ref=f"C-{number}",
            source_version=1,
            action="new",
            kind="police-crime",
            category="violence",
            occurred_from=at,
            reported_at=at,
            place=ReportedPlace(area="E07000117", uprn=f"9000000{person % 100_000:05d}"),
            parties=(
                ReportedParty(role="victim", token=f"e1.person.{person:032x}"),
                ReportedParty(role="suspect", token=f"e1.person.{_PERSONS + number // 4:032x}"),
            ),
            vehicles=(f"e1.vehicle.{number // 8:032x}",),
        )
        yield Incoming("partner.police-crimes", 0, number, at, None, encode_report(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
