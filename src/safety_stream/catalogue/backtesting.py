"""What a rule would have raised on a history, counted, and what another version of it would have raised instead.

Theory of operation
-------------------
A history goes through the stages under one rule or several, all others off (`with_only`). Of each version of an alert
that comes out, `Tally.take` keeps what a person would have noticed:

- *an alert* is one rule and one subject, counted once, when it is first raised. Raised again after it was withdrawn it
  is the same alert. One raised too late to page (rules.md 3.7) counts too, and is told apart: the digest has it.
- *told again* is every later version that asks to be heard, the taking back of an alert included.
- *urgent* is an alert from the first time it pages as P1 or P2, be it raised so or worsened: in the division and the
  officers' shift in which that happens.

All of these are counted when somebody would have been told, which is `as_of`, not when it happened. Rates are over the
time in which things happen in the history: from the first receipt to the last occurrence. Slow feeds go on arriving
after that, and their alerts are in the totals alone.

Nothing here reads a file or a clock, and nothing counts persons: a subject is compared, never scored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import ceil
from typing import Literal

import msgspec

from safety_stream.catalogue.conditions import counts_by_calendar
from safety_stream.catalogue.formats.parts import duration_of
from safety_stream.core.catalogue import Areas, Catalogue
from safety_stream.core.model.alerts import AlertVersion
from safety_stream.core.model.findings import Priority
from safety_stream.core.model.times import (
    DAY_LENGTH,
    LONDON,
    Duration,
    Instant,
    Period,
    day_of,
    period_of,
    to_date,
    to_datetime,
)
from safety_stream.core.rules.chains import with_all_beneath
from safety_stream.core.rules.rule import Absent, AllOf, Calendar, Condition, Limb, Ordered, Rule, Signalled
from safety_stream.core.rules.signal import signals_of

COUNTED = (
    "An alert is one rule and one subject, counted once, when it is first raised, also if it is withdrawn later. "
    "“Late” were known too late to page anybody. “Told again” are later versions that ask to be heard. "
    "“Urgent” is an alert from the first time it pages as P1 or P2. All by the time at which somebody would have been "
    "told, in London."
)
"""What is counted, for whoever reads the numbers."""

EXAMPLES = 5
"""How many alerts gained and lost are shown."""

MOST = 0.95
"""What `most_of_them` means: this share of shifts, or months, is no louder."""

_URGENT: tuple[Priority, ...] = ("P1", "P2")
_PRIORITIES: tuple[Priority, ...] = ("P1", "P2", "P3", "P4")
_MONTH_DAYS = 365.25 / 12
_NOWHERE = "no division"

Parameter = Literal["at_least", "within"]


# What is tried


class Setting(msgspec.Struct, frozen=True):
    """A parameter set to another value, as it was written: `at_least=3`, `people.within=6 months`."""

    name: str
    value: str


def settable(rule: Rule) -> dict[str, list[tuple[str, Parameter]]]:
    """What may be set, by name: the parameters an override may set, of every limb that has it or of one by its name."""
    found: dict[str, list[tuple[str, Parameter]]] = {}
    for limb in rule.limbs:
        for parameter in _parameters(limb.condition):
            found.setdefault(parameter, []).append((limb.name, parameter))
            if len(rule.limbs) > 1:
                found[f"{limb.name}.{parameter}"] = [(limb.name, parameter)]
    return dict(sorted(found.items()))


def changed(rule: Rule, settings: Sequence[Setting]) -> Rule:
    """The rule with these parameters; areas that have numbers of their own keep them.

    Raises `ValueError` saying which parameters there are, or what a value must be.
    """
    names = settable(rule)
    for setting in settings:
        if setting.name not in names:
            there_are = ", ".join(names) or "none"
            raise ValueError(f"{rule.id} has no parameter {setting.name} to set; it has {there_are}")
        for limb_name, parameter in names[setting.name]:
            value = _value(parameter, setting)
            limbs = [_with(limb, parameter, value) if limb.name == limb_name else limb for limb in rule.limbs]
            rule = msgspec.structs.replace(rule, limbs=tuple(limbs))
    return rule


def with_only(catalogue: Catalogue, rules: Sequence[Rule]) -> Catalogue:
    """The catalogue with these rules alone and those they rest on, running, whatever their status; nobody is told."""
    beneath = {one.id: one for rule in rules for one in with_all_beneath(rule, catalogue.rules)}
    running = beneath.values()
    indicators = {getattr(limb.condition, "indicator", None) for rule in running for limb in rule.limbs}
    if catalogue.signals is not None and any(list(signals_of(rule)) for rule in running):
        # Weeks are judged as one batch: with fewer series in it, others would stand out.
        indicators |= set(catalogue.signals.indicators)
    return msgspec.structs.replace(
        catalogue,
        rules=tuple(msgspec.structs.replace(rule, status="stable") for rule in running),
        indicators=tuple(one for one in catalogue.indicators if one.id in indicators),
        audiences=(),
        profiles=(),
    )


def _parameters(condition: Condition) -> tuple[Parameter, ...]:
    if isinstance(condition, Signalled):
        return ()
    if isinstance(condition, Calendar):
        return ("at_least",)
    if isinstance(condition, Absent) and condition.before is not None:
        return ()
    if isinstance(condition, AllOf | Ordered | Absent):
        return ("within",)
    return ("at_least", "within")


def _value(parameter: Parameter, setting: Setting) -> object:
    try:
        if parameter == "within":
            return duration_of(setting.value)
        number = int(setting.value)
    except ValueError as error:
        what = str(error) if parameter == "within" else "it must be a whole number"
        raise ValueError(f"{setting.name}={setting.value}: {what}") from None
    if number < 1:
        raise ValueError(f"{setting.name}={setting.value}: it must be 1 or more")
    return number


def _with(limb: Limb, parameter: Parameter, value: object) -> Limb:
    if isinstance(value, Duration) and counts_by_calendar(limb.condition):
        value = value.by_calendar
    return msgspec.structs.replace(limb, condition=msgspec.structs.replace(limb.condition, **{parameter: value}))


# What is counted


class Span(msgspec.Struct, frozen=True):
    """The time in which things happen in a history, and how many reports tell of it."""

    reports: int
    first: Instant
    last: Instant

    @property
    def months(self) -> float:
        """Its length in average months, never nought."""
        return max(self.last - self.first, DAY_LENGTH) / (DAY_LENGTH * _MONTH_DAYS)

    @property
    def in_words(self) -> str:
        """`1,200 reports, 2025-01-01 to 2025-12-31`."""
        first, last = (to_date(day_of(at)).isoformat() for at in (self.first, self.last))
        return f"{self.reports:,} reports, {first} to {last}"


class Raised(msgspec.Struct):
    """One alert: when and how it was first raised, how it became urgent, how often it was told again."""

    subject: str
    at: Instant
    completed_at: Instant
    area: str
    priority: Priority
    late: bool
    explanation: str
    stands: bool = True
    told_again: int = 0
    urgent_at: Instant | None = None
    urgent_area: str = ""


class Tally:
    """The alerts of a replay, by rule and subject."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.alerts: dict[str, dict[str, Raised]] = {rule.id: {} for rule in rules}

    def take(self, version: AlertVersion) -> bool:
        """Fold one version of an alert in, and say whether it is the first; versions of one alert come in order.

        Other rules' are passed over.
        """
        alerts = self.alerts.get(version.rule_id)
        if alerts is None:
            return False
        known = alerts.get(version.subject)
        is_first = known is None
        if known is None:
            known = alerts[version.subject] = Raised(
                subject=version.subject,
                at=version.as_of,
                completed_at=version.first_completed_at,
                area=version.area,
                priority=version.priority,
                late=version.late,
                explanation=version.explanation,
            )
        elif version.notify:
            known.told_again += 1
        known.stands = version.change != "withdrawn"
        if known.urgent_at is None and known.stands and version.notify and version.priority in _URGENT:
            known.urgent_at, known.urgent_area = version.as_of, version.area
        return is_first


class Spread(msgspec.Struct, frozen=True):
    """What many shifts, or months, had each: on average, in all but the loudest twentieth of them, and at most."""

    mean: float
    most_of_them: int
    most: int


class Volume(msgspec.Struct, frozen=True, kw_only=True):
    """How loud a rule is on a history. Months are `2026-03`, shifts `07-19`; `per_1000` residents where known."""

    alerts: int
    alerts_per_month: float
    late: int
    told_again: int
    withdrawn: int
    urgent: int
    months: tuple[tuple[str, int], ...]
    districts: tuple[tuple[str, int, float | None], ...]
    shifts: tuple[tuple[str, int], ...]
    priorities: tuple[tuple[Priority, int], ...]
    per_district_and_month: Spread
    urgent_per_division_and_shift: Spread


class Shifts(msgspec.Struct, frozen=True):
    """When officers' shifts begin, in hours of London time, ascending; each lasts to the next."""

    starts: tuple[int, ...]

    def of(self, at: Instant) -> tuple[int, int]:
        """The shift of an instant: the day on which it began, and which of that day's it is, from 0."""
        day, hour = day_of(at), to_datetime(at).astimezone(LONDON).hour
        begun = sum(start <= hour for start in self.starts)
        return (day, begun - 1) if begun else (day - 1, len(self.starts) - 1)

    def name(self, number: int) -> str:
        """`07-19`: the hour it begins and the hour it ends."""
        end = self.starts[(number + 1) % len(self.starts)]
        return f"{self.starts[number]:02}-{end or 24:02}"

    def between(self, first: Instant, last: Instant) -> Iterator[tuple[int, int]]:
        """Every shift from that of `first` to that of `last`."""
        begin, end = self.of(first), self.of(last)
        for day in range(begin[0], end[0] + 1):
            for number in range(len(self.starts)):
                if begin <= (day, number) <= end:
                    yield day, number


WHOLE_DAYS = Shifts((0,))
"""Where nobody has said when shifts begin."""


def volume(alerts: Iterable[Raised], span: Span, areas: Areas, shifts: Shifts) -> Volume:
    """What these alerts of one rule come to."""
    each = sorted(alerts, key=lambda alert: (alert.at, alert.subject))
    by_area = Counter(alert.area for alert in each)
    by_shift = Counter(shifts.of(alert.at)[1] for alert in each)
    by_priority = Counter(alert.priority for alert in each)
    return Volume(
        alerts=len(each),
        alerts_per_month=round(len(each) / span.months, 1),
        late=sum(alert.late for alert in each),
        told_again=sum(alert.told_again for alert in each),
        withdrawn=sum(not alert.stands for alert in each),
        urgent=sum(alert.urgent_at is not None for alert in each),
        months=tuple(_months(each, span)),
        districts=tuple(_districts(by_area, areas)),
        shifts=tuple((shifts.name(number), by_shift[number]) for number in range(len(shifts.starts))),
        priorities=tuple((priority, by_priority[priority]) for priority in _PRIORITIES),
        per_district_and_month=_per_district_and_month(each, span, areas),
        urgent_per_division_and_shift=_urgent_per_division_and_shift(each, span, areas, shifts),
    )


def _months(alerts: Sequence[Raised], span: Span) -> Iterator[tuple[str, int]]:
    counts = Counter(_month(alert.at).starts for alert in alerts)
    month, last = _month(span.first), max([_month(span.last).starts, *counts])
    while month.starts <= last:
        yield to_date(month.starts).strftime("%Y-%m"), counts[month.starts]
        month = period_of(month.ends, "month")


def _month(at: Instant) -> Period:
    return period_of(day_of(at), "month")


def _districts(counts: Mapping[str, int], areas: Areas) -> Iterator[tuple[str, int, float | None]]:
    for code, area in sorted(areas.by_code.items(), key=lambda one: (one[1].kind, one[1].name)):
        number = counts.get(code, 0)
        if area.kind == "district" or number:
            residents = areas.residents_now(code)
            yield area.name, number, None if residents is None else round(number * 1000 / residents.number, 2)


def _per_district_and_month(alerts: Sequence[Raised], span: Span, areas: Areas) -> Spread:
    counts = Counter((alert.area, _month(alert.at).starts) for alert in alerts)
    month, months = _month(span.first), []
    while month.starts <= _month(span.last).starts:
        months.append(month.starts)
        month = period_of(month.ends, "month")
    # What happened in no district is somebody's work as well, and counts as if it were one.
    places = {code: None for code, area in areas.by_code.items() if area.kind == "district"}
    places |= dict.fromkeys(sorted(area for area, _ in counts))
    return _spread([counts[place, month] for place in places for month in months])


def _urgent_per_division_and_shift(alerts: Sequence[Raised], span: Span, areas: Areas, shifts: Shifts) -> Spread:
    counts = Counter(
        (_division(alert.urgent_area, areas), shifts.of(alert.urgent_at))
        for alert in alerts
        if alert.urgent_at is not None
    )
    divisions = {area.division for area in areas.by_code.values() if area.division is not None}
    divisions |= {division for division, _ in counts}
    return _spread(
        [
            counts[division, shift]
            for division in sorted(divisions or {_NOWHERE})
            for shift in shifts.between(span.first, span.last)
        ]
    )


def _division(code: str, areas: Areas) -> str:
    area = areas.by_code.get(code)
    return area.division if area is not None and area.division is not None else _NOWHERE


def _spread(counts: Sequence[int]) -> Spread:
    ordered = sorted(counts)
    if not ordered:
        return Spread(0.0, 0, 0)
    nearest_rank = ceil(MOST * len(ordered)) - 1
    return Spread(round(sum(ordered) / len(ordered), 3), ordered[nearest_rank], ordered[-1])


# What is compared


class Example(msgspec.Struct, frozen=True):
    """An alert that one version raises and the other does not; the time is London's."""

    subject: str
    completed: str
    area: str
    explanation: str


class Difference(msgspec.Struct, frozen=True):
    """How many alerts only one of two versions raises, and the first of them."""

    number: int
    examples: tuple[Example, ...]


def only_in(some: Mapping[str, Raised], others: Mapping[str, Raised], areas: Areas) -> Difference:
    """The alerts among `some` on subjects that `others` have none on."""
    alone = sorted(
        (alert for subject, alert in some.items() if subject not in others), key=lambda one: (one.at, one.subject)
    )
    return Difference(len(alone), tuple(_example(alert, areas) for alert in alone[:EXAMPLES]))


def _example(alert: Raised, areas: Areas) -> Example:
    local = to_datetime(alert.completed_at).astimezone(LONDON)
    area = areas.by_code.get(alert.area)
    return Example(
        alert.subject,
        local.replace(tzinfo=None).isoformat(sep=" ", timespec="minutes"),
        alert.area if area is None else area.name,
        alert.explanation,
    )
