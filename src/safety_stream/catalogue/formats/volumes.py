"""The format of `volumes.yaml`: how often people may be told of alerts, and how often they were."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from safety_stream.catalogue.formats.parts import Name, Prose, Strict


class ShiftsEntry(Strict):
    """When officers' shifts begin, in hours of London time."""

    starts: Annotated[list[Annotated[int, Field(ge=0, le=23)]], Field(min_length=1)]
    source: Prose


class UrgentBudget(Strict):
    """How often alerts of all stable rules together, and of one, may be told as urgent in a division and shift.

    The loudest twentieth of these left out.
    """

    per_division_and_shift: Annotated[int, Field(ge=0)]
    of_one_rule: Annotated[int, Field(ge=0)]
    source: Prose


class AlertsBudget(Strict):
    """How often alerts of one rule, of any priority, may be told in a district and month.

    The loudest twentieth of these left out.
    """

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


class ToldEntry(Strict):
    """How often somebody was told: on average, and in all but the loudest twentieth."""

    per_month: Annotated[float, Field(ge=0)]
    urgent_per_division_and_shift: Annotated[int, Field(ge=0)]
    per_district_and_month: Annotated[int, Field(ge=0)]


class MeasuredEntry(Strict):
    """How loud a version of a rule was on a history: each alert counted once and, in `told`, each time it was told.

    What is held against the budget is `told`.
    """

    rule: Name
    version: Annotated[int, Field(ge=1)]
    history: Prose
    alerts_per_month: Annotated[float, Field(ge=0)]
    urgent_per_division_and_shift: Annotated[int, Field(ge=0)]
    alerts_per_district_and_month: Annotated[int, Field(ge=0)]
    told: ToldEntry


class TogetherEntry(Strict):
    """How often these versions of rules together were told as urgent in a division and shift, on one history.

    In all but the loudest twentieth, which are others for each rule: so it is not what each of them makes, added up.
    """

    history: Prose
    urgent_per_division_and_shift: Annotated[int, Field(ge=0)]
    of: dict[Name, Annotated[int, Field(ge=1)]]


class VolumesFile(Strict):
    """`volumes.yaml`: how loud a rule may be, and how loud each was. A catalogue without it has no budget."""

    budget: BudgetEntry
    measured: list[MeasuredEntry] = []
    together: TogetherEntry | None = None
