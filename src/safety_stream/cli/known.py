"""`indicators known`: what was known of an indicator on a past day, beside what is known now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from safety_stream.cli.terminal import (
    AreasFile,
    CatalogueFolder,
    Json,
    Wrong,
    catalogue_of,
    day_asked,
    epilog,
    on_kafka,
    print_json,
    print_table,
    say,
)
from safety_stream.cli.told import Held, told_in
from safety_stream.config import Connection
from safety_stream.core.catalogue import Catalogue, Indicator
from safety_stream.core.known import Heard, Known
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.tallies import Tally, lsoa_area, ward_area
from safety_stream.core.model.times import Day, PeriodKind, to_date

TOPIC = "tallies"

EPILOG = epilog(
    "safety-stream indicators known --indicator violence --area E07000117 --as-of 2026-01-31 --nowcast",
    {0: "shown", 1: "it went wrong, or there is no such indicator or area"},
)


@on_kafka
def known(
    kafka: Connection,
    indicator: Annotated[str, typer.Option("--indicator", help="An indicator of the catalogue, by its id.")],
    area: Annotated[str, typer.Option("--area", help="An area of the catalogue, by its code, lsoa:CODE or ward:CODE.")],
    as_of: Annotated[
        Day, typer.Option("--as-of", parser=day_asked, metavar="DAY", help="What was known at the end of this day.")
    ],
    period: Annotated[PeriodKind, typer.Option("--period", help="Which periods to count in.")] = "week",
    last: Annotated[int, typer.Option("--last", min=1, help="So many periods, up to the one that holds the day.")] = 12,
    tallies: Annotated[
        Path | None,
        typer.Option(
            "--from",
            exists=True,
            dir_okay=False,
            help="The `tallies.jsonl` of a replay (also gzip), in place of what Kafka holds.",
        ),
    ] = None,
    with_model: Annotated[
        bool, typer.Option("--nowcast", help="Also what a model of past delays expects: an estimate, not a count.")
    ] = False,
    catalogue: CatalogueFolder = None,
    areas: AreasFile = None,
    as_json: Json = False,
) -> None:
    """Print what was known on a past day, and what is known now. Exact counts, not to be shown outside.

    Periods whose feeds were not complete to their end are marked: a small number there is no fall.
    """
    wanted = catalogue_of(catalogue, areas)
    indicators = {one.id: one for one in wanted.indicators}
    _check("indicator", indicator, {one.id: one.title for one in wanted.indicators})
    districts = {one.code: one.name for one in wanted.areas.by_code.values()}
    names = districts | _areas_within(indicators[indicator], wanted)
    if area not in names:
        _check("area", area, districts)
    heard = Heard(area, indicator, as_of)
    partitions = _read_kafka(kafka, heard) if tallies is None else _read_file(tallies, heard)
    feeds = [wanted.sources[name] for name in indicators[indicator].feeds]
    rows = heard.periods(period, last, feeds, partitions, with_model=with_model)
    if rows and as_of > heard.reaches:
        say(f"Nothing has come in after {to_date(heard.reaches)}: what was known then is what is known now")
    if as_json:
        for row in rows:
            print_json(row)
    else:
        _print(rows, f"{indicator} in {names[area]}", to_date(as_of), with_model=with_model)


def _areas_within(indicator: Indicator, catalogue: Catalogue) -> dict[str, str]:
    """The areas of the LSOAs and wards an indicator is counted by, with their names; none where it is not."""
    areas = catalogue.areas
    lsoas = {lsoa_area(code): f"LSOA {code}" for code in areas.by_lsoa if "lsoa" in indicator.drill}
    wards = {ward_area(code): f"{name} ward" for code, name in areas.wards.items() if "ward" in indicator.drill}
    return lsoas | wards


def _read_kafka(kafka: Connection, heard: Heard) -> int:
    """Everything that is there by now; returns the number of partitions."""
    held = Held(kafka, TOPIC)
    if not held.is_whole:
        say("Kafka no longer holds the first tallies: counts of the oldest periods are not what was known")
    for value in held.values():
        heard.take(value)
    return held.partitions


def _read_file(path: Path, heard: Heard) -> int:
    """Everything in the file; returns the number of partitions, of which a replay has one."""
    for value in told_in(path, _tally, "name the tallies.jsonl that `replay --out` wrote, or write it again"):
        heard.take(value)
    return 1


def _tally(line: bytes) -> Tally | FeedStatus:
    try:
        return msgspec.json.decode(line, type=Tally)
    except msgspec.ValidationError:
        return msgspec.json.decode(line, type=FeedStatus)


def _check(what: str, asked: str, names: Mapping[str, str]) -> None:
    """Raise `Wrong` with those that are meant perhaps, by id or by name, when there is none of this id."""
    if asked in names:
        return
    ids = {word.casefold(): key for key, name in names.items() for word in (name, key)}
    near = dict.fromkeys(ids[word] for word in get_close_matches(asked.casefold(), ids, n=3))
    some = near or dict.fromkeys(sorted(names))
    listed = ", ".join(f"{key} ({names[key]})" for key in some)
    raise Wrong(f"there is no {what} {asked}{'; is it one of these' if near else '; there are'}: {listed}")


def _print(rows: list[Known], title: str, as_of: date, *, with_model: bool) -> None:
    if not rows:
        say(f"Nothing has ever been told of {title} up to {as_of}")
        return
    columns = ["from", f"known on {as_of}", "known now", "difference", "causes", ""]
    lines = [
        [
            row.starts.isoformat(),
            _count(row.known, row.complete),
            _count(row.known_now, row.complete_now),
            f"{row.difference:+,}" if row.difference else "",
            ", ".join(row.causes),
            "" if row.complete or row.known is None else "incomplete",
        ]
        for row in rows
    ]
    if with_model:
        columns.append("a model expects")
        lines = [[*line, _expectation(row)] for line, row in zip(lines, rows, strict=True)]
    print_table(columns, lines, title=title)
    if any(row.known is None for row in rows):
        say("unknown: before the day from which every feed covers things (`covers_from` in sources.yaml)")
    if not all(row.complete or row.known is None for row in rows):
        say(f"incomplete: on {as_of} not every feed was complete to the period's end; a small number is no fall")
    expected = [row.model_expects for row in rows if row.model_expects is not None]
    if any(one.estimate is not None for one in expected):
        say(
            f"What a model expects is no count: an estimate from the delays of {expected[0].delays_from} earlier "
            f"periods, and between which numbers {expected[0].level:.0%} of such periods come to lie"
        )
    elif expected:
        say(
            f"Nothing can be estimated: the delays of {expected[0].delays_from} earlier periods are known, and too few "
            "of them, too few events in them, or too little of them told so soon"
        )


def _count(count: int | None, complete: bool) -> str:
    if count is None:
        return "unknown"
    return f"{count:,}" if complete else f"{count:,} so far"


def _expectation(row: Known) -> str:
    expected = row.model_expects
    if expected is None:
        return ""
    if expected.estimate is None:
        return "too little known"
    return f"{expected.estimate:,} ({expected.lower:,} to {expected.upper:,})"
