"""The synthetic county as bytes on disk, made once: rows `pipeline` and `replay` read the same reports."""

from __future__ import annotations

from datetime import date
from itertools import islice
from pathlib import Path

import msgspec

from safety_stream.core.model.ids import incident_id
from safety_stream.core.model.times import Instant
from safety_stream.data_files import catalogue_folder
from safety_stream.synthetic import SyntheticReport, generate, read_county
from safety_stream.wire.reports import encode_report

SEED = 1
FIRST_DAY = date(2025, 1, 1)
_DAYS = 3_650


class Sent(msgspec.Struct, frozen=True, array_like=True):
    """One partner's record: its topic, key, bytes and time of receipt (ms since the epoch)."""

    topic: str
    key: bytes | None
    value: bytes
    received_at: Instant


def prepare(file: Path, reports: int, scale: float) -> None:
    """Write the first `reports` records of the county, broken ones included. `scale` 1 is the county's real size."""
    county = read_county(catalogue_folder() / "synthetic" / "lancashire.yaml")
    arrivals = generate(county, seed=SEED, start=FIRST_DAY, days=_DAYS, scale=scale)
    file.write_bytes(msgspec.msgpack.encode([_sent(one) for one in islice(arrivals, reports)]))


def read_county_file(file: Path) -> list[Sent]:
    """What `prepare` wrote."""
    return msgspec.msgpack.decode(file.read_bytes(), type=list[Sent])


def days_spanned(sent: list[Sent]) -> float:
    """From the first receipt to the last."""
    return (sent[-1].received_at - sent[0].received_at) / 86_400_000


def _sent(one: SyntheticReport) -> Sent:
    if one.report is None:
        return Sent(one.topic, None, one.raw or b"", one.received_at)
    value = encode_report(one.report, details=one.details)
    key = incident_id(one.report.source, one.report.source_ref).encode()
    return Sent(one.topic, key, value[:-1] if one.is_cut else value, one.received_at)
