"""Register: versions of incidents in, signed differences of sightings and tallies out, and word of the feeds.

Tallies of one batch are summed per cell before they go out: counting is additive, so nobody can tell, and a busy batch
sends one record where it would have sent hundreds. Once per batch, after everything else, every partition downstream
hears how far each feed has come here, so that deadlines fire where nothing else arrives, and not before everything that
could cancel them has been sent on.

A claim says what it put where, so it can be taken back whatever the catalogue says by now. When that asks for other
kinds of key, indicators or areas, new versions are claimed for by it at once, and those remembered slice by slice
(`changing.py`).

What takes effect goes on record here (`audit.changes`, a chain for each partition): an erasure, any other change of
what was said before, and a decision that joins persons or parts them. A version that is outranked alters nothing.

A steward's decision about two persons' tokens comes to every partition, and each remembers all that stand, by token. It
moves the claims that name a token of a person it concerns, and is there for every version to come. Which claims name
a token says an index, a row for each, written when the tokens an incident names change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from msgspec.structs import astuple

from safety_stream.core.catalogue import Catalogue, PersonBounds
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.incidents import IncidentVersion
from safety_stream.core.model.links import LinkState, PersonLink, supersedes
from safety_stream.core.model.sightings import SightingChange, key_kind
from safety_stream.core.model.stretches import subject_of
from safety_stream.core.model.tallies import Cause
from safety_stream.core.model.times import Instant, day_of
from safety_stream.core.persons import STRANGERS, Persons, Who, named_in
from safety_stream.core.register import Claim, Scope, claim_of, differences, is_out, outranks
from safety_stream.core.stages.changing import Change
from safety_stream.core.stages.counting import Cell, tallies_of
from safety_stream.core.stages.recording import Trail, numbers_of
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

_DECISIONS: Final = "same/"
_ANY_DECISION: Final = b"decided"
_NAMES: Final = "names/"

_DECIDED: Final[dict[LinkState, str]] = {
    "linked": "persons linked",
    "possible": "persons possibly the same",
    "apart": "persons split",
}


def make_step(catalogue: Catalogue, _partitions: int) -> Step:
    """The register step for this catalogue: only kinds of key that some live rule reads are made."""
    scope = Scope(catalogue)
    # Nothing is done by the former scope, so of it no more than the digest is remembered.
    present = scope.digest

    def step(rows: Rows, records: Sequence[Record], idle_at: Instant | None) -> list[Output]:
        change = Change(rows, present)
        is_changing = change.begin_anew()
        claims = _Claims(rows, scope, catalogue.persons)
        clocks = Table(rows, "", Clock)
        before = clocks.get(CLOCK_ROW) or Clock()
        clock = before.at(max([record.received_at for record in records], default=0))
        outputs: list[Output] = []
        cells: Counter[Cell] = Counter()
        numbers = numbers_of(rows)
        trail = Trail(numbers, "audit.changes", records[0].partition if records else None)
        for record in records:
            if isinstance(record.value, FeedStatus):
                clock = clock.hear(record.value)
                continue
            moved = 0
            for old, new, as_of, cause, why in _moved(claims, record):
                outputs.extend(_sighting_changes(old, new, as_of, cause, why))
                _count(cells, old, new, why)
                outputs.extend(_altered(trail, old, new))
                moved += 1
            outputs.extend(_combined(trail, claims.taken(), record.received_at, moved))
        if is_changing and not records and idle_at is None:
            outputs.extend(_gone_over(change, claims, clock.as_of, cells))
        outputs.extend(tallies_of(cells, clock.as_of))
        if records and clock is not before:
            outputs.extend(_word_of_feeds(clock, records[0].partition))
        if clock is not before:
            clocks.put(CLOCK_ROW, clock)
        claims.flush()
        clocks.flush()
        numbers.flush()
        change.close(has_read=bool(records))
        return outputs

    return step


def _moved(claims: _Claims, record: Record) -> Iterator[tuple[Claim | None, Claim, Instant, str, Cause]]:
    """The claims a record moves: as they were, as they are from now on, as of when, by what and why."""
    value = record.value
    if isinstance(value, IncidentVersion):
        old = claims.get(value.incident_id)
        if old is None or outranks(value, old.version):
            new = claims.make(value, old)
            yield old, new, value.received_at, f"{value.incident_id} {value.action}", _why(value, old)
    elif isinstance(value, PersonLink):
        cause = f"{_DECIDED[value.state]}: decision {value.decision_id}"
        for was, new in claims.decide(value):
            yield was, new, record.received_at, cause, "persons-linked"
    else:
        raise unreadable("register", record)


def _altered(trail: Trail, old: Claim | None, new: Claim) -> Iterator[Output]:
    """Put it on record that a version took the place of another, or that a report, heard of or not, was erased."""
    version = new.version
    is_erasure = version.action == "erase"
    if (old is None and not is_erasure) or (old is not None and old.version is version):
        return
    yield trail.put_on_record(
        "erasure" if is_erasure else "alteration",
        version.received_at,
        incident=version.incident_id,
        actor=version.source,
        reason=version.action,
        count=1,
    )


def _combined(trail: Trail, link: PersonLink | None, at: Instant, moved: int) -> Iterator[Output]:
    """Put it on record that a decision about two persons stands from now on, and how many reports here it moved."""
    if link is not None:
        reason = f"{_DECIDED[link.state]}: decision {link.decision_id}"
        yield trail.put_on_record("combination", at, actor=link.decided_by, reason=reason, count=moved)


def _why(version: IncidentVersion, old: Claim | None) -> Cause:
    """What a version does to what was claimed; the first to arrive reports, whatever it says it corrects."""
    if is_out(version):
        return "withdrawn"
    return "reported" if old is None else "corrected"


class _Decisions(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The decisions that stand about a token, by the other token of each."""

    by_other: dict[str, PersonLink]


class _Claims:
    """The claims of a partition during one step, which of them name whom, and who is who."""

    def __init__(self, rows: Rows, scope: Scope, bounds: PersonBounds) -> None:
        self._rows = rows
        self._scope = scope
        self._bounds = bounds
        self._claims = Table(rows, _CLAIMS, Claim)
        self._decisions = Table(rows, _DECISIONS, _Decisions)
        self._persons = Persons(self._decided, bounds)
        self._taken: PersonLink | None = None
        # Where nobody has decided anything yet, no report need ask.
        self._has_decisions = rows.get(_ANY_DECISION) is not None

    def taken(self) -> PersonLink | None:
        """The decision that has come to stand since this was last asked."""
        taken, self._taken = self._taken, None
        return taken

    def get(self, incident: str) -> Claim | None:
        """What an incident puts where."""
        return self._claims.get(incident)

    def make(self, version: IncidentVersion, old: Claim | None) -> Claim:
        """Claim for a version, in place of what was claimed before."""
        new = self._claim_of(version)
        self._claims.put(version.incident_id, new)
        before = _NOBODY if old is None else _named_in(old.version)
        after = _named_in(version)
        # Most corrections say nothing else of whom it is about.
        if before != after:
            for token in sorted(before - after):
                self._rows.delete(_row_of(token, version.incident_id))
            for token in sorted(after - before):
                self._rows.put(_row_of(token, version.incident_id), b"")
        return new

    def make_anew(self, old: Claim) -> Claim:
        """Claim for the same version by what is known now; and see that the index has it."""
        new = self._renewed(old)
        for token in sorted(_named_in(old.version)):
            row = _row_of(token, old.version.incident_id)
            if self._rows.get(row) is None:
                self._rows.put(row, b"")
        return new

    def decide(self, link: PersonLink) -> Iterator[tuple[Claim, Claim]]:
        """Let a decision stand, and give the claims it moves: as they were, and as they are now, by incident."""
        pair = (link.first, link.second)
        standing = self._decided_about(link.first).get(link.second)
        if standing is not None and not supersedes(link, standing):
            return
        self._taken = link
        self._has_decisions = True
        self._rows.put(_ANY_DECISION, b"")
        near = {one for token in pair for one in self._persons.near(token)}
        for token in pair:
            others = self._decided_about(token) | {link.other(token): link}
            self._decisions.put(token, _Decisions(dict(sorted(others.items()))))
        self._persons = Persons(self._decided, self._bounds)
        near.update(one for token in pair for one in self._persons.near(token))
        for incident in sorted({incident for token in near for incident in self._naming(token)}):
            old = self._claims.get(incident)
            if old is not None:
                new = self._renewed(old)
                if new != old:
                    yield old, new

    def flush(self) -> None:
        """Remember everything."""
        self._claims.flush()
        self._decisions.flush()

    def _renewed(self, old: Claim) -> Claim:
        new = self._claim_of(old.version)
        if new != old:
            self._claims.put(old.version.incident_id, new)
        return new

    def _claim_of(self, version: IncidentVersion) -> Claim:
        return claim_of(version, self._scope, self._who(version))

    def _who(self, version: IncidentVersion) -> Who:
        return self._persons.who(named_in(version)) if self._has_decisions else STRANGERS

    def _decided(self, token: str) -> Sequence[PersonLink]:
        return tuple(self._decided_about(token).values())

    def _decided_about(self, token: str) -> dict[str, PersonLink]:
        decisions = self._decisions.get(token)
        return {} if decisions is None else decisions.by_other

    def _naming(self, token: str) -> list[str]:
        start = f"{_NAMES}{token}{_BAR}".encode()
        stop = f"{_NAMES}{token}{_AFTER_BAR}".encode()
        return [row[len(start) :].decode() for row, _ in self._rows.scan(start, stop)]


_BAR, _AFTER_BAR = "|", "}"
"""What stands behind a token, which has none itself, and the character that comes after it."""


def _row_of(token: str, incident: str) -> bytes:
    return f"{_NAMES}{token}{_BAR}{incident}".encode()


_NOBODY: Final[frozenset[str]] = frozenset()


def _named_in(version: IncidentVersion) -> frozenset[str]:
    """Whom a version puts somewhere: one that is withdrawn keeps its tokens, and puts nobody anywhere."""
    return _NOBODY if not version.parties or is_out(version) else named_in(version)


def _gone_over(change: Change, claims: _Claims, as_of: Instant, cells: Counter[Cell]) -> list[Output]:
    """Make the next claims as this scope makes them, count what they count otherwise, and give what they put where."""
    outputs: list[Output] = []

    def take_over(row: bytes) -> int:
        old = claims.get(row.decode().removeprefix(_CLAIMS))
        new = None if old is None else claims.make_anew(old)
        if old is None or new is None or new == old:
            return 0
        changes = _sighting_changes(old, new, as_of, "catalogue changed", "catalogue-changed")
        outputs.extend(changes)
        _count(cells, old, new, "catalogue-changed")
        return len(changes)

    change.go_over(_ALL_CLAIMS, SLICE, WORK, take_over)
    return outputs


def _sighting_changes(old: Claim | None, new: Claim, as_of: Instant, cause: str, why: Cause) -> list[Output]:
    changes = []
    for key, leaves, joins in differences(old, new):
        if joins is not None:
            change = SightingChange(key=key, sign=1, sighting=joins, as_of=as_of, cause=cause, replaces=leaves, why=why)
        elif leaves is not None:
            change = SightingChange(key=key, sign=-1, sighting=leaves, as_of=as_of, cause=cause, why=why)
        else:
            continue
        topic = "links" if key_kind(key) == "linked" else "sightings"
        # What one alert may be about goes one way, so that its findings keep their order.
        changes.append(Output(topic=topic, key=subject_of(key), value=change, received_at=as_of))
    return changes


def _count(cells: Counter[Cell], old: Claim | None, new: Claim, why: Cause) -> None:
    report_day = day_of(new.version.received_at)
    for sign, claim in ((-1, old), (1, new)):
        for area, indicator, event_day, by_month, count in map(astuple, claim.series if claim else ()):
            cells[area, indicator, event_day, by_month, report_day, why] += sign * count


def _word_of_feeds(clock: Clock, partition: int) -> list[Output]:
    status = FeedStatus(as_of=clock.as_of, newest=clock.newest(_INTAKE_PARTITIONS), partition=partition)
    return [
        Output(topic="sightings", key=None, value=status, received_at=clock.as_of, partition=EVERY_PARTITION),
        Output(topic="tallies", key=None, value=status, received_at=clock.as_of, partition=EVERY_PARTITION),
        Output(topic="feed-status", key=str(partition), value=status, received_at=clock.as_of),
    ]
