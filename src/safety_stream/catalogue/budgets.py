"""Whether rules keep to the budget of how loud they may be (`volumes.yaml`).

What is too loud must not be released, but what runs must not stop over it, and a backtest has to load what it is to
mend: so the budget is held against rules that are read already, and by `rules lint` alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from safety_stream.catalogue.files import Files
from safety_stream.catalogue.formats.rules import BareRuleFile
from safety_stream.catalogue.formats.volumes import BudgetEntry, VolumesFile
from safety_stream.catalogue.places import Place


def read_volumes(files: Files) -> tuple[Place, VolumesFile] | None:
    """How loud rules may be and were; None when there is no such file, or one not of its format."""
    path = files.folder / "volumes.yaml"
    read = files.read(path, VolumesFile) if path.exists() else None
    if read is not None:
        at, model = read
        starts = model.budget.shifts.starts
        if starts != sorted(set(starts)):
            at.error(("budget", "shifts", "starts"), "shifts do not begin in order", "write [7, 19]")
    return read


def check_volumes(
    files: Files, rules: Mapping[str, BareRuleFile], named: Collection[str], audiences: Collection[str] | None
) -> None:
    """Hold what was measured of the rules read against their budget.

    `named` are all rules there is a file of, `audiences` those there are; None where nobody knows.
    """
    read = read_volumes(files)
    if read is None:
        return
    at, model = read
    at.refuse_repeats("measured", [entry.rule for entry in model.measured], what="rule")
    for index, audience in enumerate(model.budget.held.audiences):
        at.know(("budget", "held", "audiences", index), "audience", audience, audiences)
    stable = {rule: file.version for rule, file in rules.items() if file.status == "stable"}
    held = dict[str, int]()
    for index, entry in enumerate(model.measured):
        if entry.rule not in named:
            at.warning(("measured", index), f"rule {entry.rule} is measured and is no rule", "leave it out")
        if stable.get(entry.rule) != entry.version:
            continue
        del stable[entry.rule]
        if not is_held(rules[entry.rule].audience, model.budget):
            continue
        held[entry.rule] = entry.version
        for excess in excesses(
            entry.told.urgent_per_division_and_shift, entry.told.per_district_and_month, model.budget
        ):
            mend = "make it trial, raise its threshold or narrow its select, and measure it again"
            at.error(("measured", index), f"{entry.rule} is too loud to be stable: {excess}", mend)
    for rule, version in stable.items():
        mend = f"run safety-stream rules backtest {rule} --against HISTORY --record NAME-OF-HISTORY"
        at.warning(("measured",), f"version {version} of {rule} has no measured volume", mend)
    # Of a rule that could not be read nobody knows what it is now.
    _check_together(at, model, held, is_whole=not stable and set(named) <= set(rules))


def _check_together(at: Place, model: VolumesFile, held: Mapping[str, int], *, is_whole: bool) -> None:
    """Hold all rules together against their budget; `held` are those it is for that were measured, with versions.

    `is_whole`: there are no others.
    """
    once = model.together
    among = {} if once is None else once.of
    # As near as one can come, without measuring them in one run, to what the rest adds.
    rest = [
        entry.told.urgent_per_division_and_shift
        for entry in model.measured
        if held.get(entry.rule) == entry.version != among.get(entry.rule)
    ]
    together = sum(rest) + (0 if once is None else once.urgent_per_division_and_shift)
    for excess in excesses_together(together, model.budget):
        what = f"all rules together make {excess}"
        at.error(("budget", "urgent"), what, f"make one of them trial, or quieter, and {_MEASURE_ALL}")
    others = sorted({rule for rule, _ in among.items() ^ held.items()})
    if others and is_whole:
        what = f"the rules were not all measured together as they are now: {', '.join(others)}"
        at.warning(("measured",) if once is None else ("together",), what, _MEASURE_ALL)


_MEASURE_ALL = "measure all rules in one run: safety-stream rules backtest --against HISTORY --record NAME-OF-HISTORY"


def is_held(audiences: Iterable[str], budget: BudgetEntry) -> bool:
    """Whether the budget is for alerts of a rule for these audiences; else it makes a list."""
    return not set(budget.held.audiences).isdisjoint(audiences)


def excesses(urgent: int, told: int, budget: BudgetEntry) -> list[str]:
    """What of one rule's volume is beyond the budget, in words."""
    return _beyond(
        (urgent, budget.urgent.of_one_rule, "urgent in a division and shift"),
        (told, budget.alerts.per_district_and_month, "in a district and month"),
    )


def excesses_together(urgent: int, budget: BudgetEntry) -> list[str]:
    """What all rules together are beyond the budget, in words."""
    return _beyond((urgent, budget.urgent.per_division_and_shift, "urgent in a division and shift"))


def _beyond(*limits: tuple[int, int, str]) -> list[str]:
    return [f"{number:,} {where}, where the budget is {most:,}" for number, most, where in limits if number > most]
