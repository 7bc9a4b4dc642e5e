"""What disclosure control costs: of a made-up county, how much of its tables each profile that hides is shown.

disclosed.py REPORTS

REPORTS is what `generate` wrote (`reports.jsonl.gz`). Each report is counted as it was told last, in its district and
on its first day; a table goes out once, whole. Told by profile: how many tables there are, how many of their districts
and groupings are shown and hidden, how many districts are small themselves, and how many tables have no total of the
county.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import msgspec

from safety_stream.catalogue import load_catalogue
from safety_stream.core.catalogue import Catalogue, Profile
from safety_stream.core.disclosure import cells_shown, hierarchy_of
from safety_stream.core.model.times import Day, Period, PeriodKind, day_of, period_of
from safety_stream.core.rules.selectors import Readable, compiled
from safety_stream.core.stages.stage import first_covered
from safety_stream.data_files import catalogue_folder
from safety_stream.edge.canonical import instant_of

_COUNTY = "L-14"

Counts = dict[str, Counter[tuple[str, Day]]]
"""By indicator, how many there were of each district and day."""


class _Place(msgspec.Struct):
    area: str | None = None
    lsoa: str | None = None


class _Party(msgspec.Struct, frozen=True):
    role: str
    child: bool = False


class _Report(msgspec.Struct):
    """What is needed of a line."""

    source: str
    source_ref: str
    source_version: int
    action: str
    kind: str = ""
    category: str = ""
    subtype: str = ""
    flags: tuple[str, ...] = ()
    origin: str = "reported"
    parties: tuple[_Party, ...] = ()
    occurred_from: str = ""
    place: _Place | None = None


def main(file: Path) -> None:
    """Count the reports, and tell what would be shown of them."""
    catalogue = load_catalogue(catalogue_folder())
    counts = _counted(_standing(file), catalogue)
    for profile in catalogue.profiles:
        if profile.suppresses:
            sys.stdout.write(json.dumps({"profile": profile.id, **_told(profile, counts, catalogue)}) + "\n")


def _standing(file: Path) -> Iterable[_Report]:
    """What is said last of each; nothing of what was taken back."""
    decode = msgspec.json.Decoder(_Report).decode
    newest: dict[tuple[str, str], _Report] = {}
    with gzip.open(file) as lines:
        for line in lines:
            one = decode(line)
            before = newest.get((one.source, one.source_ref))
            if before is None or before.source_version < one.source_version:
                newest[one.source, one.source_ref] = one
    return [one for one in newest.values() if one.action in ("new", "correct", "dispute") and one.occurred_from]


def _counted(reports: Iterable[_Report], catalogue: Catalogue) -> Counts:
    named = {name for profile in catalogue.profiles if profile.suppresses for name in profile.indicators}
    selections = {one.id: compiled(one.select).passes for one in catalogue.indicators if one.id in named}
    chosen: dict[tuple[object, ...], list[str]] = {}
    counts: Counts = {name: Counter() for name in selections}
    for one in reports:
        traits = (one.kind, one.category, one.subtype, one.flags, one.origin, one.source, one.parties)
        if traits not in chosen:
            known = catalogue.categories.get(one.category)
            readable = SimpleNamespace(
                **msgspec.structs.asdict(one), family="" if known is None else known.family, themes=(), facts=()
            )
            chosen[traits] = [name for name, passes in selections.items() if passes(cast("Readable", readable))]
        day = day_of(instant_of(one.occurred_from))
        place = one.place or _Place()
        for name in chosen[traits]:
            counts[name][catalogue.areas.district(place.area, place.lsoa, day), day] += 1
    return counts


def _told(profile: Profile, counts: Counts, catalogue: Catalogue) -> dict[str, int]:
    told: Counter[str] = Counter()
    for indicator, kind in ((one, kind) for one in catalogue.indicators for kind in profile.periods_of(one)):
        first = first_covered(kind, indicator.feeds, catalogue.sources)
        for period, leaves in _tables(counts[indicator.id], kind, first):
            hierarchy = hierarchy_of(catalogue.areas, period)
            if hierarchy is None:
                continue
            table = hierarchy.added_up(leaves)
            listed = [cell for cell in hierarchy.cells if not profile.areas or cell in profile.areas]
            shown = cells_shown(hierarchy, table, listed, profile.suppress_below, None) or frozenset()
            told["tables"] += 1
            told["tables without the county"] += _COUNTY not in shown
            for cell in listed:
                kind_of = "groupings" if cell in hierarchy.groupings else "districts"
                told[f"{kind_of} {'shown' if cell in shown else 'hidden'}"] += 1
                told["districts that are small"] += kind_of == "districts" and 0 < table[cell] < profile.suppress_below
    return dict(sorted(told.items()))


def _tables(
    counts: Counter[tuple[str, Day]], kind: PeriodKind, first: Day | None
) -> Iterator[tuple[Period, dict[str, int]]]:
    """The whole periods from the first that the feeds cover, with what was counted in each."""
    last = max((day for _, day in counts), default=0)
    while first is not None and (period := period_of(first, kind)).ends <= last + 1:
        leaves: Counter[str] = Counter()
        for (district, day), count in counts.items():
            leaves[district] += count if period.starts <= day < period.ends else 0
        yield period, dict(leaves)
        first = period.ends


if __name__ == "__main__":
    main(Path(sys.argv[1]))
