"""Which period each of partners' own counts covers, so that nobody is counted twice.

Theory of operation
-------------------
A report of one incident says the same thing however often it is sent. A count does not: sent for a quarter and again
for its three months, or a survey's wave under another reference, it is a report of its own, and would be added. So of
two counts of the same thing, of the same people, at the same time, the first stands and the second is refused.

*The same thing*: one source, kind, category and subtype. *The same people*: one district, and one LSOA of it where both
name one; a count of the district holds those of its LSOAs. *The same time*: their periods share an instant. A period is
as stated, its end out, widened to the whole days or months it is known by; one without a length is its day, for nobody
counts many people in an instant.

Intake decides, because there alone all reports of a source are seen on one partition, in the order sent, with the bytes
that a refusal keeps. What it remembers is what register goes by, a version for each report (`outranks`): so a count
that was withdrawn or corrected leaves its period free, one that comes back in an older version takes nothing, and a
report is never in its own way. Rows are part of the transaction, so a restart remembers as much as a replay.

Which of two is the second depends on the order they came in, and nothing else does: whatever was refused names the
reports it overlaps, and put back when those are withdrawn it is taken.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

import msgspec

from safety_stream.core.model.dead_letters import Refused
from safety_stream.core.model.incidents import IncidentVersion
from safety_stream.core.model.times import Instant, day_of, period_of, start_of
from safety_stream.core.register import is_out, outranks
from safety_stream.core.stages.stage import Rows, Table

COUNT: Final = "aggregate-count"
"""The kind of report that is a number about many people."""

NAMED_AT_MOST = 10
"""Reports a refusal names: a year may overlap every day of it."""

_INDEX: Final = "~period"


class _Held(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A period that a count covers; when it ends and whose it is stands in the row's key."""

    starts: Instant
    lsoa: str | None


class Periods:
    """The counts of a partition during one step, and the periods they cover."""

    def __init__(self, rows: Rows) -> None:
        """Read and write what is remembered in `rows`."""
        self._rows = rows
        self._versions = Table(rows, "count/", IncidentVersion)

    def take(self, version: IncidentVersion) -> None:
        """Remember a version of a report that is or may have been a count. Raises `Refused`, and remembers nothing."""
        old = self._versions.get(version.incident_id)
        if old is not None and not outranks(version, old):
            return
        if _is_counted(version):
            self._check(version)
        if old is not None and _is_counted(old):
            self._rows.delete(_row_of(old))
        if _is_counted(version):
            held = _Held(period_covered(version)[0], version.place.lsoa)
            self._rows.put(_row_of(version), _ENCODER.encode(held))
        self._versions.put(version.incident_id, version)

    def flush(self) -> None:
        """Remember everything."""
        self._versions.flush()

    def _check(self, version: IncidentVersion) -> None:
        starts, ends = period_covered(version)
        others = []
        # Those that end later than it starts; of these, those that start before it ends.
        prefix = _series_of(version)
        for row, packed in self._rows.scan(f"{prefix}/{_sortable(starts + 1)}".encode(), f"{prefix}0".encode()):
            held, other = _DECODER.decode(packed), row.decode().rpartition("/")[2]
            if other != version.incident_id and held.starts < ends and _share_people(held.lsoa, version.place.lsoa):
                others.append(other)
        if others:
            raise Refused("overlapping-period", _told(others))


def period_covered(version: IncidentVersion) -> tuple[Instant, Instant]:
    """The first instant a count covers, and the first after it."""
    first, last = version.occurred_from, max(version.occurred_from, version.occurred_to - 1)
    precision = version.precision
    if precision == "instant":
        if version.occurred_to > first:
            return first, last + 1
        precision = "day"
    begins, ends = (period_of(day_of(at), precision) for at in (first, last))
    return start_of(begins.starts), start_of(ends.ends)


def _is_counted(version: IncidentVersion) -> bool:
    return version.kind == COUNT and not is_out(version)


def _share_people(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one == other


def _row_of(version: IncidentVersion) -> bytes:
    return f"{_series_of(version)}/{_sortable(period_covered(version)[1])}/{version.incident_id}".encode()


def _series_of(version: IncidentVersion) -> str:
    # The subtype is the partner's own word, and may hold anything.
    series = f"{version.source}\x1f{version.area}\x1f{version.category}\x1f{version.subtype}"
    return f"{_INDEX}/{sha256(series.encode()).hexdigest()[:32]}"


_BEFORE_EVERYTHING = 10**14


def _sortable(at: Instant) -> str:
    """An instant as text that sorts as it does, in the last century too."""
    return f"{at + _BEFORE_EVERYTHING:016d}"


def _told(others: list[str]) -> str:
    named = ", ".join(others[:NAMED_AT_MOST])
    more = f" and {len(others) - NAMED_AT_MOST} more" if len(others) > NAMED_AT_MOST else ""
    return (
        f"fields occurred_from and occurred_to: the period overlaps that of incident {named}{more}, which counts the "
        f"same in the same area; withdraw or correct that one and put this one back, or send one that adds the two up, "
        f"or give what counts something else a subtype of its own"
    )


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Held)
