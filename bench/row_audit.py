"""Rows `audit` and `audit-verify`: what it costs to put something on record, and to find that nobody has touched it.

    row_audit.py write|verify

*write* makes the next record of a chain, as a stage does for each alert it tells somebody: the numbers, the hash, and
the bytes that go to Kafka. *verify* reads such bytes and holds each record against the one before it. There is no
broker.
"""

from __future__ import annotations

import sys

from measured import Stopwatch, profile_if_asked, tell

from safety_stream.core.audit import Chain, verified
from safety_stream.core.model.published import AuditRecord
from safety_stream.core.stages.recording import Trail, numbers_of
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.wire.codecs import shipped_codecs

_RECORDS = 100_000
_FIELDS = tuple(f"field-{number:02}" for number in range(20))


def main(what: str) -> None:
    """Measure one of the rows."""
    codecs, watch = shipped_codecs(), Stopwatch()
    trail = Trail(numbers_of(MemoryRows()), "audit.alerts")
    decode = codecs.decoder(("audit",))
    decode(codecs.encode(_record(trail, 1)))
    profile_if_asked()
    if what == "write":
        watch.begin()
    raws = [codecs.encode(_record(trail, number)) for number in range(2, _RECORDS + 2)]
    if what == "verify":
        watch.begin()
        records = (record for raw in raws if isinstance(record := decode(raw), AuditRecord))
        found = verified(Chain("audit.alerts", 0), records, is_whole=False)
        assert (found.faults, found.last) == ((), _RECORDS + 1)
    watch.end()
    tell(watch.result(_RECORDS))


def _record(trail: Trail, number: int) -> AuditRecord:
    output = trail.put_on_record(
        "disclosure-transfers",
        number,
        audience="duty-officer",
        topic="alerts.duty-officer",
        span=(number, number),
        alert="3f1c8a6e-0000-5000-8000-000000000000",
        fields=_FIELDS,
    )
    assert isinstance(output.value, AuditRecord)
    return output.value


if __name__ == "__main__":
    main(sys.argv[1])
