"""The format of `volumes.yaml`: how many alerts may come, and how many were measured."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from safety_stream.catalogue.formats.parts import Name, Prose, Strict


class ShiftsEntry(Strict):
    """When officers' shifts begin, in hours of London time."""

    starts: Annotated[list[Annotated[int, Field(ge=0, le=23)]], Field(min_length=1)]
    source: Prose


class UrgentBudget(Strict):
    """How many alerts of all stable rules together, and of one, may become urgent in a division and shift.

    The loudest twentieth of these left out.
    """

    per_division_and_shift: Annotated[int, Field(ge=0)]
    of_one_rule: Annotated[int, Field(ge=0)]
    source: Prose


class AlertsBudget(Strict):
    """How many alerts of any priority one rule may raise in a district and month, the loudest twentieth left out."""

    per_district_and_month: Annotated[int, Field(ge=0)]
    source: Prose


class HeldEntry(Strict):
    """Whose alerts the budget is for: a rule none of these hears of is measured and shown, and held to nothing."""

    audiences: Annotated[list[Name], Field(min_length=1)]
    source: Prose


class BudgetEntry(Strict):
    """How loud rules may be."""

    held: HeldEntry
    shifts: ShiftsEntry
    urgent: UrgentBudget
    alerts: AlertsBudget


class MeasuredEntry(Strict):
    """How loud a version of a rule was on a history."""

    rule: Name
    version: Annotated[int, Field(ge=1)]
    history: Prose
    alerts_per_month: Annotated[float, Field(ge=0)]
    urgent_per_division_and_shift: Annotated[int, Field(ge=0)]
    alerts_per_district_and_month: Annotated[int, Field(ge=0)]


class VolumesFile(Strict):
    """`volumes.yaml`: how loud a rule may be, and how loud each was. A catalogue without it has no budget."""

    budget: BudgetEntry
    measured: list[MeasuredEntry] = []
