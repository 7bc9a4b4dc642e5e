"""Rows `tallies`, `week` and `decade`: what counting and judging cost, over rows in memory.

row_indicators.py tallies|week|decade

*tallies.* Two years of tallies of every indicator and district, a day's after another in batches, into measure.
*week.* All series that `catalogue/signals.yaml` has judged, with ten years behind them, when one more week is over.
*decade.* The same ten years handed over at once, as after other settings or in a rebuild: every week judged.

Counts are Poisson with a season, from a seed. Nothing of the county is needed, and no broker.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from math import cos, exp, pi
from random import Random

import msgspec
from measured import Stopwatch, profile_if_asked, tell

from safety_stream.catalogue import load_catalogue
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.indicators import IndicatorValue
from safety_stream.core.model.tallies import Tally
from safety_stream.core.model.times import Day, start_of
from safety_stream.core.stages import judge, measure
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.core.stages.stage import MORE_ROW, Record, Step
from safety_stream.data_files import catalogue_folder

_MONDAY: Day = 16_804
"""4 January 2016."""

_WEEKS = 520
_DAYS = 730
_BATCH = 5_000
_MEANS = (0.8, 3.0, 10.0, 40.0)


def main(what: str) -> None:
    """Measure one of the rows."""
    shipped = load_catalogue(catalogue_folder())
    # Feeds that tell of everything from the first of the weeks on: of what was before nothing is judged.
    sources = {name: msgspec.structs.replace(one, covers_from=_MONDAY) for name, one in shipped.sources.items()}
    catalogue = msgspec.structs.replace(shipped, sources=sources)
    {"tallies": _tallies, "week": _week, "decade": _decade}[what](catalogue)


def _tallies(catalogue: Catalogue) -> None:
    step, rows, watch = measure.make_step(catalogue, 1), MemoryRows(), Stopwatch()
    records = [_record(number, tally) for number, tally in enumerate(_days_of_tallies(catalogue))]
    profile_if_asked()
    watch.begin()
    values = 0
    for start in range(0, len(records), _BATCH):
        values += len(step(rows, records[start : start + _BATCH], None))
    watch.end()
    tell(watch.result(len(records), values=values))


def _decade(catalogue: Catalogue) -> None:
    step, rows, watch = judge.make_step(catalogue, 1), MemoryRows(), Stopwatch()
    records = list(_history(catalogue, _WEEKS))
    profile_if_asked()
    watch.begin()
    judged = _put(step, rows, records)
    watch.end()
    tell(watch.result(judged, value=watch.ended_at - (watch.began_at or 0.0), judged=judged))


def _week(catalogue: Catalogue) -> None:
    step, rows, watch = judge.make_step(catalogue, 1), MemoryRows(), Stopwatch()
    _put(step, rows, list(_history(catalogue, _WEEKS)))
    profile_if_asked()
    watch.begin()
    judged = _put(step, rows, list(_history(catalogue, _WEEKS + 1))[-_series(catalogue) - 1 :])
    watch.end()
    tell(watch.result(judged, value=watch.ended_at - (watch.began_at or 0.0), judged=judged))


def _put(step: Step, rows: MemoryRows, records: Sequence[Record]) -> int:
    said = len(step(rows, records, None))
    while rows.get(MORE_ROW) is not None:
        said += len(step(rows, [], None))
    return said


def _series(catalogue: Catalogue) -> int:
    return 0 if catalogue.signals is None else len(catalogue.signals.indicators) * len(catalogue.signals.areas)


def _history(catalogue: Catalogue, weeks: int) -> Iterator[Record]:
    """Every weekly value, week after week, and that all feeds are complete to the end."""
    assert catalogue.signals is not None, "the shipped catalogue judges"
    chance, number = Random(1), 0
    for week in range(weeks):
        for at, (indicator, area) in enumerate(
            (indicator, area) for indicator in catalogue.signals.indicators for area in catalogue.signals.areas
        ):
            starts = _MONDAY + 7 * week
            mean = _MEANS[at % len(_MEANS)] * exp(0.3 * cos(2 * pi * week / 52))
            value = IndicatorValue(
                area=area,
                indicator=indicator,
                period="week",
                starts=starts,
                ends=starts + 7,
                value=_drawn(mean, chance),
                final=False,
                revision=1,
                restates=None,
                as_of=0,
            )
            yield _record(number, value)
            number += 1
    until = start_of(_MONDAY + 7 * weeks)
    newest = {source.id: until + source.usual_latency for source in catalogue.sources.values()}
    yield _record(number, FeedStatus(as_of=until, newest=newest, partition=0))


def _days_of_tallies(catalogue: Catalogue) -> Iterator[Tally]:
    districts = [area.code for area in catalogue.areas.by_code.values() if area.kind == "district"]
    for day in range(_MONDAY, _MONDAY + _DAYS):
        for indicator in catalogue.indicators:
            for area in districts:
                yield Tally(
                    area=area,
                    indicator=indicator.id,
                    event_day=day,
                    precision="day",
                    report_day=day + 1,
                    count=1,
                    cause="reported",
                    as_of=start_of(day + 1),
                )


def _drawn(mean: float, chance: Random) -> int:
    return max(0, round(chance.gauss(mean, mean**0.5)))


def _record(number: int, value: msgspec.Struct) -> Record:
    received_at = value.as_of if isinstance(value, Tally | FeedStatus) else 0
    return Record(topic="", partition=0, offset=number, received_at=received_at, value=value)


if __name__ == "__main__":
    main(*sys.argv[1:])
