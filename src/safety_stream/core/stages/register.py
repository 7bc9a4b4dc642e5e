"""Register: versions of incidents in, signed differences of sightings and tallies out, and word of the feeds.

Tallies of one batch are summed per cell before they go out: counting is additive, so nobody can tell, and a busy batch
sends one record where it would have sent hundreds. Once per batch, after everything else, every partition downstream
hears how far each feed has come here, so that deadlines fire where nothing else arrives, and not before everything that
could cancel them has been sent on.

A claim says what it put where, so it can be taken back whatever the catalogue says by now. When that asks for other
kinds of key, indicators or areas, new versions are claimed for by it at once, and those remembered slice by slice
(`changing.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from msgspec.structs import astuple

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.incidents import IncidentVersion
from safety_stream.core.model.sightings import SightingChange, key_kind
from safety_stream.core.model.stretches import subject_of
from safety_stream.core.model.tallies import Tally, series_key
from safety_stream.core.model.times import Instant, day_of
from safety_stream.core.register import Claim, Scope, claim_of, differences, outranks
from safety_stream.core.stages.changing import Change
from safety_stream.core.stages.stage import (
    CLOCK_ROW,
    EVERY_PARTITION,
    Clock,
    Output,
    Record,
    Rows,
    Step,
    Table,
    unreadable,
)

_INTAKE_PARTITIONS = 1
"""Partners' topics have one partition, so that their versions keep their order: one says how far the feeds are."""

SLICE: Final = 2_000
"""How many claims are made anew in one step when the catalogue asks for others."""

WORK: Final = 10_000
"""No more of them once so many sightings have gone out: a report that names many people stands on many timelines."""

_CLAIMS: Final = "claim/"
_ALL_CLAIMS: Final = ((_CLAIMS.encode(), _CLAIMS.encode() + b"\xff"),)

_Cell = tuple[str, str, int, bool, int]
"""Area, indicator, event day, whether known to the month only, report day."""


def make_step(catalogue: Catalogue, _partitions: int) -> Step:
    """The register step for this catalogue: only kinds of key that some live rule reads are made."""
    scope = Scope(catalogue)
    # Nothing is done by the former scope, so of it no more than the digest is remembered.
    present = scope.digest

    def step(rows: Rows, records: Sequence[Record], idle_at: Instant | None) -> list[Output]:
        change = Change(rows, present)
        is_changing = change.begin_anew()
        claims = Table(rows, _CLAIMS, Claim)
        clocks = Table(rows, "", Clock)
        before = clocks.get(CLOCK_ROW) or Clock()
        clock = before.at(max([record.received_at for record in records], default=0))
        outputs: list[Output] = []
        cells: Counter[_Cell] = Counter()
        for record in records:
            version = record.value
            if isinstance(version, IncidentVersion):
                old = claims.get(version.incident_id)
                if old is None or outranks(version, old.version):
                    new = claim_of(version, scope)
                    claims.put(version.incident_id, new)
                    cause = f"{version.incident_id} {version.action}"
                    outputs.extend(_sighting_changes(old, new, version.received_at, cause))
                    _count(cells, old, new)
            elif isinstance(version, FeedStatus):
                clock = clock.hear(version)
            else:
                raise unreadable("register", record)
        if is_changing and not records and idle_at is None:
            outputs.extend(_gone_over(change, claims, scope, clock.as_of, cells))
        outputs.extend(_tallies(cells, clock.as_of))
        if records and clock is not before:
            outputs.extend(_word_of_feeds(clock, records[0].partition))
        if clock is not before:
            clocks.put(CLOCK_ROW, clock)
        claims.flush()
        clocks.flush()
        change.close(has_read=bool(records))
        return outputs

    return step


def _gone_over(
    change: Change, claims: Table[Claim], scope: Scope, as_of: Instant, cells: Counter[_Cell]
) -> list[Output]:
    """Make the next claims as this scope makes them, count what they count otherwise, and give what they put where."""
    outputs: list[Output] = []

    def take_over(row: bytes) -> int:
        incident = row.decode().removeprefix(_CLAIMS)
        old = claims.get(incident)
        new = None if old is None else claim_of(old.version, scope)
        if old is None or new is None or new == old:
            return 0
        claims.put(incident, new)
        changes = _sighting_changes(old, new, as_of, "catalogue changed")
        outputs.extend(changes)
        _count(cells, old, new)
        return len(changes)

    change.go_over(_ALL_CLAIMS, SLICE, WORK, take_over)
    return outputs


def _sighting_changes(old: Claim | None, new: Claim, as_of: Instant, cause: str) -> list[Output]:
    changes = []
    for key, leaves, joins in differences(old, new):
        if joins is not None:
            change = SightingChange(key=key, sign=1, sighting=joins, as_of=as_of, cause=cause, replaces=leaves)
        elif leaves is not None:
            change = SightingChange(key=key, sign=-1, sighting=leaves, as_of=as_of, cause=cause)
        else:
            continue
        topic = "links" if key_kind(key) == "linked" else "sightings"
        # What one alert may be about goes one way, so that its findings keep their order.
        changes.append(Output(topic=topic, key=subject_of(key), value=change, received_at=as_of))
    return changes


def _count(cells: Counter[_Cell], old: Claim | None, new: Claim) -> None:
    report_day = day_of(new.version.received_at)
    for sign, claim in ((-1, old), (1, new)):
        for area, indicator, event_day, by_month, count in map(astuple, claim.series if claim else ()):
            cells[area, indicator, event_day, by_month, report_day] += sign * count


def _tallies(cells: Counter[_Cell], as_of: Instant) -> list[Output]:
    return [
        Output(
            topic="tallies",
            key=series_key(area, indicator),
            value=Tally(
                area=area,
                indicator=indicator,
                event_day=event_day,
                precision="month" if by_month else "day",
                report_day=report_day,
                count=count,
                as_of=as_of,
            ),
            received_at=as_of,
        )
        for (area, indicator, event_day, by_month, report_day), count in sorted(cells.items())
        if count
    ]


def _word_of_feeds(clock: Clock, partition: int) -> list[Output]:
    status = FeedStatus(as_of=clock.as_of, newest=clock.newest(_INTAKE_PARTITIONS), partition=partition)
    return [
        Output(topic="sightings", key=None, value=status, received_at=clock.as_of, partition=EVERY_PARTITION),
        Output(topic="tallies", key=None, value=status, received_at=clock.as_of, partition=EVERY_PARTITION),
        Output(topic="feed-status", key=str(partition), value=status, received_at=clock.as_of),
    ]
