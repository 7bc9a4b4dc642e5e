"""Link: reports that name entities in, the same reports under the key of their group out.

Theory of operation
-------------------
Which reports are a group is a function of all reports there are (`core/linking.py`). Remembered are the reports as
`register` sent them, each with where it was put (`report/<incident>`), how many reports name an entity
(`named/<entity>`), and two indexes: the reports that name it (`~naming/<entity>`) and those put under a key
(`~group/<key>`).

A change to one report can alter the place of others only through the entities it named or names: of those that link
something, before or after. All who name them are looked at, and with them everybody who stands in a group of one of
them, or is in one now. Whoever is somewhere else than he was put moves: taken away there, put here, with the cause of
the change. Departures go out first, the latest report first, then arrivals in order of time: so a timeline only ever
shortens and grows at its end, and nothing is found on half a group that is not found on the whole.

A hub costs nothing: of an entity with too many reports only the number is looked at. When one report more makes it a
hub, or one fewer unmakes it, all of them are looked at, and they are no more than the cap.

Other terms in the catalogue hold for whatever arrives from then on, and the reports there are go over to them slice by
slice (`changing.py`), each with its whole group. For where a report was put is remembered, not worked out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Final, Literal

import msgspec

from safety_stream.core.catalogue import Catalogue, Linked
from safety_stream.core.linking import Groups
from safety_stream.core.model.sightings import Sighting, SightingChange
from safety_stream.core.model.tallies import Cause
from safety_stream.core.model.times import Instant
from safety_stream.core.stages.changing import Change
from safety_stream.core.stages.stage import CLOCK_ROW, Clock, Output, Record, Rows, Step, Table, unreadable
from safety_stream.core.timeline import timeline_order

SLICE: Final = 500
"""How many reports go over to other terms in one step."""

WORK: Final = 5_000
"""No more of them once so many sightings have gone out: a group moves as a whole."""

_REPORTS: Final = "report/"
_ALL_REPORTS: Final = ((_REPORTS.encode(), _REPORTS.encode() + b"\xff"),)


class Report(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A report as `register` sent it, the key it was put under ("": none), and what it links by there."""

    sighting: Sighting
    key: str = ""
    linking: tuple[str, ...] = ()

    @property
    def placed(self) -> Sighting:
        """The report as its timeline has it."""
        return msgspec.structs.replace(self.sighting, linking=self.linking)


class Named(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """How many reports name an entity."""

    reports: int


def make_step(catalogue: Catalogue, _partitions: int) -> Step:
    """The link step for this catalogue's terms.

    Raises `Unreadable` for a record that could not be read, and `ValueError` when a report goes that was not there, or
    comes twice: `register` never sends that.
    """
    terms = catalogue.linked
    # Which reports are chosen is the business of `register`.
    decisive = (terms.age, terms.degree_cap, sorted(terms.blocklist), terms.reports_at_most)
    present = msgspec.msgpack.encode(decisive)

    def step(rows: Rows, records: Sequence[Record], idle_at: Instant | None) -> list[Output]:
        change = Change(rows, present)
        is_changing = change.begin_anew()
        partition = _Partition(rows, terms)
        for record in records:
            partition.take(record)
        if is_changing and not records and idle_at is None:
            change.go_over(_ALL_REPORTS, SLICE, WORK, partition.take_over())
        outputs = partition.close()
        change.close(has_read=bool(records))
        return outputs

    return step


class _Partition:
    """The partition during one step: its reports as a web, and what goes out."""

    def __init__(self, rows: Rows, terms: Linked) -> None:
        self._rows = rows
        self._terms = terms
        self._reports = Table(rows, _REPORTS, Report)
        self._named = Table(rows, "named/", Named)
        self._clocks = Table(rows, "", Clock)
        self._before = self._clocks.get(CLOCK_ROW) or Clock()
        self._clock = self._before
        self._naming: dict[str, list[tuple[Instant, str]]] = {}
        self._outputs: list[Output] = []

    def take(self, record: Record) -> None:
        """Fold one record in."""
        change = record.value
        if not isinstance(change, SightingChange):
            raise unreadable("link", record)
        self._clock = self._clock.at(record.received_at)
        self._put(change)

    def take_over(self) -> Callable[[bytes], int]:
        """What puts a report, and whoever is in a group with it, where it belongs by the present terms."""
        groups = Groups(self, self._terms)

        def take_over(row: bytes) -> int:
            incident, before = row.decode().removeprefix(_REPORTS), len(self._outputs)
            concerned = {incident, *(groups.of(incident) or ())}
            self._move(concerned, {}, groups, self._clock.as_of, "catalogue changed", "catalogue-changed")
            return len(self._outputs) - before

        return take_over

    def close(self) -> list[Output]:
        """Remember everything, and give the outputs."""
        if self._clock is not self._before:
            self._clocks.put(CLOCK_ROW, self._clock)
        for table in (self._reports, self._named, self._clocks):
            table.flush()
        return self._outputs

    # The web

    def report(self, incident: str) -> Sighting:
        """See `Web`."""
        return self._known(incident).sighting

    def naming(self, entity: str) -> Sequence[tuple[Instant, str]]:
        """See `Web`."""
        if self._number(entity) > self._terms.degree_cap or entity in self._terms.blocklist:
            return ()
        if entity not in self._naming:
            incidents = self._members(_naming_row(entity, ""))
            self._naming[entity] = sorted(timeline_order(self.report(incident)) for incident in incidents)
        return self._naming[entity]

    # A change

    def _put(self, change: SightingChange) -> None:
        incident = change.sighting.incident_id
        before = self._reports.get(incident)
        if (before is None) != (change.sign > 0 and change.replaces is None):
            state = "is not among the reports it leaves" if before is None else "is among the reports already"
            raise ValueError(f"incident {incident} {state}; rebuild `links` from `incidents`")
        old = () if before is None else before.sighting.linking
        new = change.sighting.linking if change.sign > 0 else ()
        seeds = {incident, *self._naming_any((*old, *new))}
        self._index(incident, -1, old)
        if change.sign > 0:
            self._reports.put(incident, Report(change.sighting) if before is None else _said_anew(before, change))
        else:
            self._reports.delete(incident)
        self._index(incident, 1, new)
        seeds |= self._naming_any((*old, *new))
        # What is remembered of where it was put is of what it said before.
        was = {} if before is None else {incident: before}
        groups = Groups(self, self._terms)
        concerned = set(seeds)
        for seed in sorted(seeds):
            standing = was.get(seed) or self._reports.get(seed)
            if standing is not None and standing.key:
                concerned.update(self._members(_group_row(standing.key, "")))
            if self._reports.get(seed) is not None:
                concerned.update(groups.of(seed) or ())
        self._move(concerned, was, groups, change.as_of, change.cause, change.why)

    def _naming_any(self, entities: Iterable[str]) -> set[str]:
        """The incidents of the reports that name one of the entities that link."""
        return {incident for entity in entities for _, incident in self.naming(entity)}

    def _index(self, incident: str, sign: Literal[1, -1], entities: Iterable[str]) -> None:
        for entity in entities:
            self._naming.pop(entity, None)
            number = self._number(entity) + sign
            row = _naming_row(entity, incident)
            if sign > 0:
                self._rows.put(row, b"")
            else:
                self._rows.delete(row)
            if number:
                self._named.put(entity, Named(number))
            else:
                self._named.delete(entity)

    def _move(
        self,
        concerned: Collection[str],
        was: dict[str, Report],
        groups: Groups,
        as_of: Instant,
        cause: str,
        why: Cause | None,
    ) -> None:
        """Put out how those concerned stand now against how they stood; `was` has those that say something else now."""
        leaving: list[tuple[str, Sighting]] = []
        staying: list[tuple[str, Sighting, Sighting | None]] = []
        for incident in sorted(concerned):
            now = self._reports.get(incident)
            before = was.get(incident, now)
            key, placed = ("", None) if now is None else groups.place(incident)
            if before is not None and before.key and before.key != key:
                leaving.append((before.key, before.placed))
                self._rows.delete(_group_row(before.key, incident))
            if placed is not None and key:
                if before is None or before.key != key:
                    staying.append((key, placed, None))
                    self._rows.put(_group_row(key, incident), b"")
                elif before.placed != placed:
                    staying.append((key, placed, before.placed))
            if now is not None and placed is not None:
                self._remember(incident, Report(now.sighting, key, placed.linking), now)
        leaving.sort(key=lambda one: (one[0], timeline_order(one[1])), reverse=True)
        staying.sort(key=lambda one: (one[0], timeline_order(one[1])))
        for key, placed in leaving:
            self._tell(SightingChange(key=key, sign=-1, sighting=placed, as_of=as_of, cause=cause, why=why))
        for key, placed, replaced in staying:
            change = SightingChange(
                key=key, sign=1, sighting=placed, as_of=as_of, cause=cause, replaces=replaced, why=why
            )
            self._tell(change)

    def _remember(self, incident: str, report: Report, before: Report) -> None:
        if report != before:
            self._reports.put(incident, report)

    def _tell(self, change: SightingChange) -> None:
        self._outputs.append(Output(topic="sightings", key=change.key, value=change, received_at=change.as_of))

    def _known(self, incident: str) -> Report:
        report = self._reports.get(incident)
        if report is None:
            raise ValueError(f"incident {incident} is named and not remembered; rebuild `links` from `incidents`")
        return report

    def _number(self, entity: str) -> int:
        named = self._named.get(entity)
        return 0 if named is None else named.reports

    def _members(self, prefix: bytes) -> Iterator[str]:
        # Nothing in an index comes between its prefix and the next byte after it.
        for row, _ in list(self._rows.scan(prefix, prefix + b"\xff")):
            yield row[len(prefix) :].decode()


def _said_anew(before: Report, change: SightingChange) -> Report:
    return Report(change.sighting, before.key, before.linking)


def _naming_row(entity: str, incident: str) -> bytes:
    return f"~naming/{entity}\x00{incident}".encode()


def _group_row(key: str, incident: str) -> bytes:
    return f"~group/{key}\x00{incident}".encode()
