"""`indicators signals`, `why` and `budget`: what is thought of values, why, and what chance alone brings."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from itertools import product
from pathlib import Path
from random import Random
from typing import Annotated, Final

import msgspec
import typer
from rich.progress import Progress

from safety_stream.cli.published import read_values
from safety_stream.cli.terminal import (
    TO_DO,
    AreasFile,
    CatalogueFolder,
    Json,
    Wrong,
    catalogue_of,
    epilog,
    err,
    on_kafka,
    out,
    print_json,
    print_table,
    say,
)
from safety_stream.cli.told import told_in
from safety_stream.config import Connection
from safety_stream.core.judgements.settings import WEEKS_OF_A_YEAR, Accepted, DaySettings, Settings
from safety_stream.core.model.judgements import Judgement, Reason, Signal
from safety_stream.core.model.times import Day, PeriodKind, period_of, to_date, to_day
from safety_stream.core.statistics.expecting import Expected, Rarity, rarity_of
from safety_stream.synthetic.quiet import SIGNALS, Brought, FalseAlarms, FalseDays, false_alarms, false_days

MEANS: Final = (0.2, 0.5, 2.0, 10.0, 50.0, 150.0)
"""Incidents a week, from hate crimes in a small district to violence in a large one."""

DAY_MEANS: Final = (0.2, 0.5, 1.0, 2.0, 10.0)
"""Incidents a day, from serious violence in a small district to that of the county."""

_WORDS: Final[dict[Reason, str]] = {
    "rarer-than-red": "so many are rarer than the red level, and those judged at once, if any, bear it out",
    "alone-in-its-batch": "so many are rarer than the red level, but among so many series chance brings one such",
    "rarer-than-amber": "so many are rarer than the amber level",
    "two-of-three": "this week and one of the two before are far above what was expected",
    "run-above": "week after week is above what was expected",
    "rarer-below": "so few are rarer than the level of improvement",
    "run-below": "week after week is below what was expected",
}

SignalOption = Annotated[Signal | None, typer.Option("--signal", help="Only periods with this signal.")]

JudgementsFile = Annotated[
    Path | None,
    typer.Option(
        "--from",
        exists=True,
        dir_okay=False,
        help="The feeds/signals.jsonl that `replay` wrote (also gzip), in place of what Kafka holds.",
    ),
]


@on_kafka
def signals(
    kafka: Connection,
    area: Annotated[str | None, typer.Option("--area", help="Only this area, by its code.")] = None,
    indicator: Annotated[str | None, typer.Option("--indicator", help="Only this indicator, by its id.")] = None,
    signal: SignalOption = None,
    judged: JudgementsFile = None,
    catalogue: CatalogueFolder = None,
    areas: AreasFile = None,
    as_json: Json = False,
) -> None:
    """Print the newest judgement of every week and day that is a signal, or that is one kind of signal."""
    known = catalogue_of(catalogue, areas).areas
    newest = _newest_judged(kafka, judged)
    wanted = [
        one
        for one in newest
        if area in (None, one.area)
        and indicator in (None, one.indicator)
        and (one.signal != "none" if signal is None else one.signal == signal)
    ]
    if as_json:
        for one in wanted:
            print_json(one)
        return
    print_table(
        ("period", "from", "area", "indicator", "signal", "value", "expected", "one in", "breach since", ""),
        [
            (
                one.period,
                to_date(one.starts).isoformat(),
                known.name_of(one.area),
                one.indicator,
                one.signal,
                f"{one.counted:,}" + (f" in {one.together} weeks" if one.together > 1 else ""),
                f"{one.expected:.1f}",
                _one_in(one.p_low if one.signal == "improvement" else one.p),
                "" if one.opened is None else to_date(one.opened).isoformat(),
                "" if one.final else "provisional",
            )
            for one in wanted
        ],
    )
    say(f"{len(wanted):,} of {len(newest):,} judged weeks and days")


SIGNALS_EPILOG = epilog("safety-stream indicators signals --signal red", {0: "shown", 1: "it went wrong"})


@on_kafka
def why(
    kafka: Connection,
    area: Annotated[str, typer.Option("--area", help="The area, by its code.")],
    indicator: Annotated[str, typer.Option("--indicator", help="The indicator, by its id.")],
    week: Annotated[str | None, typer.Option("--week", help="Any day of the week, such as 2026-01-31.")] = None,
    day: Annotated[str | None, typer.Option("--day", help="The day, of what is judged by the day.")] = None,
    judged: JudgementsFile = None,
    catalogue: CatalogueFolder = None,
    areas: AreasFile = None,
    as_json: Json = False,
) -> None:
    """Say what a week or a day was held against, and work its bounds out again from the record alone."""
    if (week is None) == (day is None):
        raise Wrong("name a week or a day: --week 2026-01-31, or --day 2026-01-31")
    kind: PeriodKind = "week" if day is None else "day"
    starts = period_of(_day_of(week or day or ""), kind).starts
    known = catalogue_of(catalogue, areas)
    found = [
        one
        for one in _newest_judged(kafka, judged)
        if (one.area, one.indicator, one.period, one.starts) == (area, indicator, kind, starts)
    ]
    if not found:
        also = ", it is a day left out" if kind == "day" else ""
        raise Wrong(
            f"the {kind} from {to_date(starts)} of {indicator} in {area} was not judged: it is not over, there is too "
            f"little history{also}, or signals.yaml does not name them"
        )
    (judgement,) = found
    again = worked_out_again(judgement)
    agreed = None if again is None else agrees(judgement, again)
    if as_json:
        print_json({"judgement": judgement, "again": again, "agrees": agreed})
        return
    _tell(judgement, known.areas.name_of(area))
    if agreed is None:
        say("The record does not say at which levels it was judged, so its bounds cannot be worked out again")
    elif not agreed:
        say(
            "Worked out again the bounds are others than the record says: it was changed, or judged by other arithmetic"
        )


WHY_EPILOG = epilog(
    "safety-stream indicators why --area E07000117 --indicator burglary --week 2026-01-05",
    {0: "told", 1: "it went wrong, or that week was not judged"},
)


def budget(
    catalogue: CatalogueFolder = None,
    areas: AreasFile = None,
    counties: Annotated[int, typer.Option("--counties", min=1, help="Judge a year of so many for each mean.")] = 1,
    spread: Annotated[float, typer.Option("--spread", min=1, max=20, help="Variance / mean of counts.")] = 1.3,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same figures.")] = 1,
    as_json: Json = False,
) -> None:
    """Print how many false alarms signals.yaml brings a year: histories of pure chance, judged as real ones are.

    A county has as many series as signals.yaml has judged, here all of one mean. Nobody tells the judge what it is: it
    learns it from the years before, as it does of real counts. Exits with 2 where more is brought than is accepted.
    """
    settings = catalogue_of(catalogue, areas).signals
    if settings is None:
        raise Wrong("this catalogue judges nothing: it has no signals.yaml")
    expecting = settings.expecting
    # As short as each method may have, and as long as it looks back.
    histories = sorted({expecting.short.b, expecting.least_years, expecting.trusted.b})
    rows: list[FalseAlarms] = []
    with Progress(console=err, transient=True, disable=not err.is_terminal) as progress:
        each = counties * WEEKS_OF_A_YEAR
        task = progress.add_task("Quiet weeks", total=len(histories) * len(MEANS) * each)
        for years, mean in product(histories, MEANS):
            chance = Random(f"{seed} {years} {mean}")  # noqa: S311 - chance that can be repeated
            for sofar in false_alarms(settings, years, mean, spread, counties, chance):
                progress.update(task, completed=len(rows) * each + sofar.weeks)
            rows.append(sofar)
    excesses = beyond(settings.accepted, rows)
    daily = settings.daily
    quiet_days = [] if daily is None else [false_days(daily.levels, mean, spread) for mean in DAY_MEANS]
    if as_json:
        print_json({
            "series": rows[0].series,
            "spread": spread,
            "seed": seed,
            "levels": settings.levels,
            "accepted": settings.accepted,
            "quiet": rows,
            "beyond": excesses,
            "daily": daily,
            "quiet_days": quiet_days,
        })  # fmt: skip
    else:
        _tell_of_weeks(settings, rows, excesses)
        if daily is not None:
            _tell_of_days(daily, quiet_days)
    if excesses:
        raise typer.Exit(TO_DO)


BUDGET_EPILOG = epilog(
    "safety-stream indicators budget --seed 2",
    {0: "printed, and within what is accepted", 1: "it went wrong", 2: "more than is accepted"},
)


def beyond(accepted: Accepted, rows: Iterable[FalseAlarms]) -> list[str]:
    """What quiet weeks bring more than signals.yaml accepts, in words."""
    limits: dict[Signal, int] = {
        "red": accepted.red,
        "amber": accepted.amber,
        "improvement": accepted.improvement,
    }
    return [
        f"{number:.0f} {signal} of a mean of {one.mean:g} after {one.years} years, where {most:,} are"
        for one in rows
        for signal, most in limits.items()
        if (number := one.signals[signal].a_year) > most
    ]


def _tell_of_weeks(settings: Settings, rows: list[FalseAlarms], excesses: list[str]) -> None:
    series = rows[0].series
    out.print(
        f"{len(settings.indicators)} indicators x {len(settings.areas)} areas = {series} series, "
        f"{series * WEEKS_OF_A_YEAR:,} weeks judged a year. What they bring where nothing happens, were all of that "
        f"mean, each learnt from so many years; within the brackets in 95 of 100 simulations:",
        markup=False,
    )
    print_table(
        ("years", "a week", "red", "amber", "improvement", "breaches", "of them red"),
        [
            (
                str(one.years),
                f"{one.mean:g}",
                *(_between(one.signals[signal]) for signal in SIGNALS),
                _between(one.breaches),
                _between(one.red_breaches),
            )
            for one in rows
        ],
        title=" ",
    )
    accepted = settings.accepted
    if excesses:
        say(f"More than is accepted: {'; '.join(excesses)}")
    else:
        say(
            f"All within what is accepted: {accepted.red:,} red, {accepted.amber:,} amber and "
            f"{accepted.improvement:,} improvement weeks a year"
        )


def _between(one: Brought) -> str:
    return f"{one.a_year:.0f} ({one.low:.0f}-{one.high:.0f})"


def _tell_of_days(daily: DaySettings, quiet: list[FalseDays]) -> None:
    days = len(daily.indicators) * len(daily.areas) * _DAYS_A_YEAR
    out.print(
        f"By the day {days:,} days are judged a year, each for itself. Counts that vary by chance alone bring at most "
        f"{days * daily.levels.amber:.0f} red or amber ones, {days * daily.levels.red:.0f} of them red; these:",
        markup=False,
    )
    print_table(
        ("expected a day", "red days", "amber days"),
        [(f"{one.mean:g}", f"{one.red * days:.1f}", f"{one.amber * days:.1f}") for one in quiet],
        title=" ",
    )


_DAYS_A_YEAR = 365


def _newest_judged(kafka: Connection, judged: Path | None) -> list[Judgement]:
    """The newest judgement of each week and day, of Kafka's or of a file's."""
    if judged is None:
        return newest_of(read_values(kafka, "signals", Judgement))
    mend = "name the feeds/signals.jsonl that `replay` wrote, a judgement a line"
    return newest_of(told_in(judged, msgspec.json.Decoder(Judgement).decode, mend))


def newest_of(said: Iterable[Judgement]) -> list[Judgement]:
    """The last word on each period, sorted."""
    newest = {(one.starts, one.period, one.area, one.indicator): one for one in said}
    return [newest[key] for key in sorted(newest)]


def worked_out_again(judgement: Judgement) -> Rarity | None:
    """Probabilities and bounds from nothing but the record; None where it does not say at which levels."""
    expected = Expected(judgement.expected, judgement.spread, judgement.weaker)
    amber, red, low = judgement.amber_level, judgement.red_level, judgement.low_level
    if amber is None or red is None:
        return None
    (rarity,) = rarity_of([judgement.counted], [expected], (amber, red, amber if low is None else low))
    return rarity if low is not None else msgspec.structs.replace(rarity, low_below=0)


def agrees(judgement: Judgement, again: Rarity) -> bool:
    """Whether bounds are the same, and probabilities to a millionth of themselves."""
    bounds = (judgement.amber_above, judgement.red_above, judgement.low_below)
    if bounds != (again.amber_above, again.red_above, again.low_below):
        return False
    pairs = ((judgement.p, again.p), (judgement.p_low, again.p_low))
    return all(abs(one - other) <= _PRECISION * max(one, _SMALL) for one, other in pairs)


_PRECISION = 1e-6
_SMALL = 1e-300


def _tell(one: Judgement, area: str) -> None:
    kind = one.period
    periods = f"the {kind}" if one.together == 1 else f"the {one.together} {kind}s"
    since = to_date(one.ends - (one.ends - one.starts) * one.together).isoformat()
    lines = [
        f"{one.indicator} in {area}: {one.signal} in the {kind} from {to_date(one.starts)}"
        + ("" if one.final else ", provisional: a feed is not complete to its end"),
        f"  counted      {one.counted:,} in {periods} from {since}",
        f"  expected     {one.expected:.2f}, variance {one.spread:.2f} times that; by {one.method}"
        + (", which rests on a few weeks and is the weaker method" if one.weaker else ""),
        f"  no signal    from {one.low_below:,} to {one.amber_above:,}; red above {one.red_above:,}",
        f"  so many      {one.p:.3g}: one {kind} in {_one_in(one.p)};  so few {one.p_low:.3g}",
        f"  {f'last 8 {kind}s':12} {' '.join(str(value) for value in one.recent)}",
        f"  years before {' '.join(str(value) for value in one.past_years) or 'unknown'}",
    ]
    if one.tests:
        lines.append(f"  its batch    {one.tests} series tested, {one.discoveries} stand out")
    if one.target is not None:
        lines.append(f"  agreed limit {one.target:,}" + (", exceeded" if one.value > one.target else ""))
    if one.opened is not None:
        lines.append(f"  breach       since the {kind} from {to_date(one.opened)}")
    lines.extend(f"  because      {_WORDS[reason]}" for reason in one.reasons)
    if one.signal in ("amber", "red"):
        lines.append(f"  withdrawn    once corrections leave {one.amber_above:,} or fewer, where it rests on rarity")
    for line in lines:
        out.print(line, markup=False)


def _one_in(probability: float) -> str:
    return "more than a million" if probability < 1 / _MILLION else f"{1 / probability:,.0f}"


_MILLION = 1_000_000


def _day_of(text: str) -> Day:
    try:
        return to_day(date.fromisoformat(text))
    except ValueError:
        raise Wrong(f"{text} is no day: write it as 2026-01-31") from None
