"""`rules backtest`: what would a rule, or another version of it, have raised on a history?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from safety_stream.catalogue.backtesting import (
    COUNTED,
    WHOLE_DAYS,
    Difference,
    Raised,
    Setting,
    Shifts,
    Span,
    Spread,
    Volume,
    changed,
    only_in,
    urgent_together,
    volume,
)
from safety_stream.catalogue.budgets import excesses, excesses_together, is_held
from safety_stream.catalogue.formats.volumes import TogetherEntry, VolumesFile
from safety_stream.catalogue.loading import load_catalogue, load_volumes
from safety_stream.catalogue.volumes import measured, record
from safety_stream.cli.history import read_history, tally
from safety_stream.cli.terminal import (
    OK,
    TO_DO,
    CatalogueFolder,
    Json,
    Wrong,
    catalogue_of,
    epilog,
    out,
    print_json,
    print_table,
    say,
)
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.alerts import AlertVersion
from safety_stream.core.rules.rule import Rule
from safety_stream.data_files import catalogue_folder

EPILOG = epilog(
    "safety-stream rules backtest rv-graded --against reports.jsonl.gz --set at_least=4",
    {
        0: "done, and within the budget of the catalogue (volumes.yaml), if it has one",
        1: "there is no such rule or parameter, a file could not be read, or the catalogue has errors",
        2: "done, and over budget",
    },
)

_TRIED = "tried-instead"
"""What the other version is called while both run side by side; a name no rule has, for its file would be so called."""

_WIDEST_BAR = 40

Rules = Annotated[
    list[str] | None, typer.Argument(help="Rules, as `list` names them. Default: every rule that is not retired.")
]
Against = Annotated[
    list[Path], typer.Option("--against", exists=True, dir_okay=False, help="Canonical JSON Lines, also gzip.")
]


class Tried(msgspec.Struct, frozen=True):
    """A rule on a history: live and, if something was changed, changed; what is over budget of the one to be judged.

    `held` is False of a rule that makes a list: its volume is told, and no budget is for it.
    """

    rule: str
    version: int
    live: Volume
    changed: Volume | None
    gained: Difference | None
    lost: Difference | None
    held: bool
    over_budget: list[str]


class Together(msgspec.Struct, frozen=True):
    """How often all stable rules a budget is for were told as urgent in a division and shift, in one run of all."""

    of: dict[str, int]
    urgent_per_division_and_shift: Spread
    over_budget: list[str]


def backtest(
    against: Against,
    rules: Rules = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Try another value: at_least=3, within='6 months', people.within=…"
        ),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--rule", exists=True, dir_okay=False, help="Try another version of the rule's file.")
    ] = None,
    out_folder: Annotated[
        Path | None,
        typer.Option(
            "--out",
            file_okay=False,
            help="Folder for alerts.jsonl: each alert the rules would have raised, as it first was, with its id.",
        ),
    ] = None,
    history_name: Annotated[
        str | None,
        typer.Option("--record", metavar="NAME", help="Write the volume to volumes.yaml, as on a history so called."),
    ] = None,
    catalogue: CatalogueFolder = None,
    as_json: Json = False,
) -> None:
    """Tell what a rule would have raised on a history, and what it would have raised with other parameters.

    The history goes through the same stages as live reports do, under this rule alone. Only parameters can be set that
    an override may set; areas that have numbers of their own keep them.
    """
    folder = catalogue or catalogue_folder()
    known, volumes = catalogue_of(folder, None), load_volumes(folder)
    live = chosen(known, rules or [], _NEW_ONE if file is not None else "")
    instead = _instead(folder, known, live, [_setting(text) for text in settings or []], file)
    if out_folder is not None and instead is not None:
        raise Wrong("--out is for the rules as they are in the catalogue: leave it out, or change the rule in a copy")
    if history_name is not None and (instead is not None or volumes is None):
        raise Wrong("--record is for the live rules of a catalogue that has a budget in volumes.yaml: leave it out")
    history = read_history(against, known)
    span = history.span
    tried = [] if instead is None else [msgspec.structs.replace(instead, id=_TRIED)]
    with _alerts_file(out_folder) as write:
        alerts = tally(known, [*live, *tried], history, write).alerts
    results = [_result(rule, instead, alerts, known, volumes, span) for rule in live]
    together = None if rules or volumes is None else _together(live, alerts, known, volumes, span)
    if history_name is not None and volumes is not None:
        called = f"{history_name}: {span.in_words}"
        entries = [measured(one.rule, one.version, called, one.live) for one in results]
        say(f"Recorded in {record(folder, volumes, entries, _recorded(together, called))}")
    if out_folder is not None:
        say(f"Each alert with its id is in {out_folder / _ALERTS}; `rules why ID --history FILES` says why it is one")
    if as_json:
        told = {"history": span, "counted": COUNTED, "rejects": len(history.rejects)}
        print_json(told | {"rules": results, "together": together})
    else:
        _print(results, together, span)
        if out_folder is None and instead is None:
            out.print("Which alerts they are, each with its id, --out FOLDER writes", markup=False)
    over = [*(one.over_budget for one in results), [] if together is None else together.over_budget]
    raise typer.Exit(TO_DO if any(over) else OK)


_NEW_ONE = "; put a new one into a copy of the catalogue's folder, as rules/<its id>.yaml, and name that by --catalogue"


def chosen(known: Catalogue, names: list[str], otherwise: str = "") -> list[Rule]:
    """The rules so named, or without names every rule that is not retired.

    Raises `Wrong` naming those there are, and what may be done `otherwise`.
    """
    by_id = {rule.id: rule for rule in sorted(known.rules, key=lambda rule: rule.id)}
    for name in names:
        if name not in by_id:
            raise Wrong(f"there is no rule {name}; the rules are {', '.join(by_id)}{otherwise}")
    return [by_id[name] for name in dict.fromkeys(names)] or [
        rule for rule in by_id.values() if rule.status != "retired"
    ]


@contextmanager
def _alerts_file(folder: Path | None) -> Iterator[Callable[[AlertVersion], None]]:
    """What writes an alert into the folder, if there is one: as they come, for of ten years there are many to hold."""
    if folder is None:
        yield lambda _: None
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _ALERTS).open("wb") as file:

        def write(alert: AlertVersion) -> None:
            file.write(msgspec.json.encode(alert) + b"\n")

        yield write


_ALERTS = "alerts.jsonl"


def _setting(text: str) -> Setting:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise Wrong(f"--set {text} is not NAME=VALUE: write --set at_least=3")
    return Setting(name, value)


def _instead(
    folder: Path, known: Catalogue, live: list[Rule], settings: list[Setting], file: Path | None
) -> Rule | None:
    """The version to try, if there is to be one. Raises `Wrong`, and `CatalogueError` for a file with errors."""
    if not settings and file is None:
        return None
    if len(live) != 1:
        raise Wrong("another version can be tried of one rule at a time: name the rule")
    rule = live[0]
    if file is not None:
        if file.stem != live[0].id:
            raise Wrong(f"{file} is of the rule {file.stem} and not of {live[0].id}: name the rule it is of")
        (rule,) = [one for one in load_catalogue(folder, instead=file).rules if one.id == file.stem]
    try:
        return changed(rule, settings, known)
    except ValueError as error:
        raise Wrong(str(error)) from None


def _result(
    rule: Rule,
    instead: Rule | None,
    alerts: dict[str, dict[str, Raised]],
    known: Catalogue,
    volumes: VolumesFile | None,
    span: Span,
) -> Tried:
    shifts = WHOLE_DAYS if volumes is None else Shifts(tuple(volumes.budget.shifts.starts))
    before = alerts[rule.id]
    live = volume(before.values(), span, known.areas, shifts)
    after = None if instead is None else alerts[_TRIED]
    then = None if after is None else volume(after.values(), span, known.areas, shifts)
    urgent, each_month = (then or live).told_urgent_per_division_and_shift, (then or live).told_per_district_and_month
    held = volumes is None or is_held((instead or rule).audiences, volumes.budget)
    over = []
    if volumes is not None and held:
        over = excesses(urgent.most_of_them, each_month.most_of_them, volumes.budget)
    return Tried(
        rule=rule.id,
        version=rule.version,
        live=live,
        changed=then,
        gained=None if after is None else only_in(after, before, known.areas),
        lost=None if after is None else only_in(before, after, known.areas),
        held=held,
        over_budget=over,
    )


def _together(
    live: list[Rule], alerts: dict[str, dict[str, Raised]], known: Catalogue, volumes: VolumesFile, span: Span
) -> Together:
    budget = volumes.budget
    held = [rule for rule in live if rule.status == "stable" and is_held(rule.audiences, budget)]
    every = [alert for rule in held for alert in alerts[rule.id].values()]
    found = urgent_together(every, span, known.areas, Shifts(tuple(budget.shifts.starts)))
    return Together({rule.id: rule.version for rule in held}, found, excesses_together(found.most_of_them, budget))


def _recorded(together: Together | None, called: str) -> TogetherEntry | None:
    if together is None:
        return None
    most_of_them = together.urgent_per_division_and_shift.most_of_them
    return TogetherEntry(history=called, urgent_per_division_and_shift=most_of_them, of=together.of)


# For people


def _print(results: list[Tried], together: Together | None, span: Span) -> None:
    out.print(span.in_words, markup=False)
    if len(results) == 1:
        _print_one(results[0])
    else:
        _print_summary(results)
    out.print(f"\n{COUNTED}", markup=False)
    for one in results:
        if not one.held:
            out.print(f"{one.rule} makes a list: no budget is for it", markup=False)
        for excess in one.over_budget:
            out.print(f"{one.rule} is over budget: {excess}", markup=False)
    if together is not None:
        spread = _spread(together.urgent_per_division_and_shift)
        out.print(f"All stable rules together, urgent in a division and shift: {spread}", markup=False)
        for excess in together.over_budget:
            out.print(f"Together they are over budget: {excess}", markup=False)


def _print_summary(results: list[Tried]) -> None:
    print_table(_SUMMARY, [(one.rule, one.version, *_summary(one.live)) for one in results])


def _summary(found: Volume) -> tuple[object, ...]:
    return (
        found.alerts,
        found.alerts_per_month,
        found.late,
        found.told,
        found.told_per_month,
        found.urgent,
        found.told_urgent_per_division_and_shift.most_of_them,
        found.told_per_district_and_month.most_of_them,
    )


_SUMMARY = (
    "rule", "version", "alerts", "a month", "late", "times told", "a month", "urgent",
    "urgent, most divisions and shifts", "times told, most districts and months",
)  # fmt: skip


def _print_one(tried: Tried) -> None:
    each = [tried.live] if tried.changed is None else [tried.live, tried.changed]
    columns = ("live",) if tried.changed is None else ("live", "changed")
    print_table(("", *columns), _totals(each), title=f"\n{tried.rule}, version {tried.version}")
    loudest = max((number for one in each for _, number in one.months), default=0)
    bars = [_bar(number, loudest) for _, number in each[-1].months]
    months = _beside([dict(one.months) for one in each])
    out.print("\nTimes told:", markup=False)
    print_table(("month", *columns, ""), [(*row, bar) for row, bar in zip(months, bars, strict=True)], title=" ")
    per_1000 = {name: rate for name, _, rate in each[-1].districts}
    places = _beside([{name: number for name, number, _ in one.districts} for one in each])
    print_table(
        ("area", *columns, "per 1,000 residents"), [(*row, per_1000.get(str(row[0]))) for row in places], title=""
    )
    print_table(("shift", *columns), _beside([dict(one.shifts) for one in each]), title=" ")
    print_table(("priority", *columns), _beside([dict(one.priorities) for one in each]), title=" ")
    _print_difference("Gained", tried.gained)
    _print_difference("Lost", tried.lost)


def _totals(each: list[Volume]) -> list[tuple[object, ...]]:
    named: list[tuple[str, Callable[[Volume], object]]] = [
        ("alerts", lambda one: f"{one.alerts:,}"),
        ("alerts a month", lambda one: f"{one.alerts_per_month:,}"),
        ("alerts in a district and month", lambda one: _spread(one.alerts_per_district_and_month)),
        ("late", lambda one: f"{one.late:,}"),
        ("withdrawn", lambda one: f"{one.withdrawn:,}"),
        ("times told", lambda one: f"{one.told:,}"),
        ("told again", lambda one: f"{one.told_again:,}"),
        ("times told a month", lambda one: f"{one.told_per_month:,}"),
        ("times told in a district and month", lambda one: _spread(one.told_per_district_and_month)),
        ("urgent", lambda one: f"{one.urgent:,}"),
        ("urgent in a division and shift", lambda one: _spread(one.told_urgent_per_division_and_shift)),
    ]
    return [(name, *(get(one) for one in each)) for name, get in named]


def _spread(spread: Spread) -> str:
    return f"mean {spread.mean}, 95 % up to {spread.most_of_them}, most {spread.most}"


def _beside(each: Sequence[Mapping[str, int]]) -> list[tuple[object, ...]]:
    """A row for every name in any of them, in order, with the number each has under it."""
    names = dict.fromkeys(name for one in each for name in one)
    return [(name, *(one.get(name, 0) for one in each)) for name in names]


def _bar(number: int, most: int) -> str:
    return "█" * round(_WIDEST_BAR * number / most) if most else ""


def _print_difference(what: str, difference: Difference | None) -> None:
    if difference is None:
        return
    out.print(f"\n{what}: {difference.number:,} alerts", markup=False)
    for one in difference.examples:
        out.print(f"  {one.completed}  {one.subject}  {one.area}: {one.explanation}", markup=False)
