"""What a rule would have raised on a history, counted, and what another version of it would have raised instead.

Theory of operation
-------------------
A history goes through the stages under one rule or several, all others off (`with_only`). Of each version of an alert
that comes out, `Tally.take` keeps what a person would have noticed:

- *an alert* is one rule and one subject, counted once. Raised again after it was withdrawn it is the same alert.
- *a telling* is each time somebody hears of it: when it is first raised, and again with every later version that asks
  to be heard, the taking back of an alert included. One raised too late to page (rules.md 3.7) is told once, by the
  digest, and is told apart.
- *urgent* is a telling that pages as P1 or P2, be it raised so, worsened or told again: in the division and the
  officers' shift in which that happens. To take back is nothing to hurry for.

What a rule costs people is how often they are told: over years one alert is told many times, and with each of them
counted once the later months would seem quiet. So months, shifts, places, priorities and the budget count tellings; the
alerts are beside them, and two versions of a rule are compared by alert.

All of these are counted when somebody would have been told, which is `as_of`, not when it happened. Rates are over the
time in which things happen in the history: from the first receipt to the last occurrence. Slow feeds go on arriving
after that, and their alerts are in the totals alone.

Nothing here reads a file or a clock, and nothing counts persons: a subject is compared, never scored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from math import ceil
from typing import Literal

import msgspec
from pydantic import ValidationError

from safety_stream.catalogue.conditions import check_override, counts_by_calendar
from safety_stream.catalogue.formats.rules import OverrideValues
from safety_stream.catalogue.issues import Issue
from safety_stream.catalogue.places import Place
from safety_stream.catalogue.refusals import mistake_in, refusal_of
from safety_stream.catalogue.vocabulary import vocabulary_of
from safety_stream.core.catalogue import Areas, Catalogue
from safety_stream.core.model.alerts import AlertVersion
from safety_stream.core.model.findings import Priority
from safety_stream.core.model.times import (
    DAY_LENGTH,
    LONDON,
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
    "An alert is one rule and one subject, counted once, also if it is withdrawn later. “Times told” is how often "
    "somebody hears of them: when each is first raised, and “told again” with every later version that asks to be "
    "heard, its taking back included. Months, areas, shifts and priorities count the times told. “Late” were known too "
    "late to page anybody, and are told by the digest. “Urgent” are the times told that page as P1 or P2. All by the "
    "time at which somebody would have been told, in London."
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


def changed(rule: Rule, settings: Sequence[Setting], known: Catalogue) -> Rule:
    """The rule with these parameters; areas that have numbers of their own keep them.

    Raises `ValueError` saying which parameters there are, or why the catalogue `known` may have no rule, nor override,
    with such a value.
    """
    names = settable(rule)
    for setting in settings:
        if setting.name not in names:
            there_are = ", ".join(names) or "none"
            raise ValueError(f"{rule.id} has no parameter {setting.name} to set; it has {there_are}")
        meant = dict(names[setting.name])
        set_to = {parameter: _set_to(parameter, setting) for parameter in meant.values()}
        limbs = [
            _with(limb, set_to[meant[limb.name]], setting, known) if limb.name in meant else limb for limb in rule.limbs
        ]
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


def _set_to(parameter: Parameter, setting: Setting) -> OverrideValues:
    """What is set, as an override would set it."""
    value: object = setting.value
    if parameter == "at_least":
        with suppress(ValueError):
            value = int(setting.value)
    try:
        return OverrideValues.model_validate({parameter: value})
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        said = refusal_of(mistake_in(detail, OverrideValues), OverrideValues)
        raise ValueError(_refused(setting, *said)) from None


def _with(limb: Limb, set_to: OverrideValues, setting: Setting, known: Catalogue) -> Limb:
    """The limb with what is set, which must be what lint would let an override set in it."""
    issues = set[Issue]()
    check_override(Place(issues, setting.name, None), (), set_to, limb, vocabulary_of(known))
    for issue in sorted(issues):
        raise ValueError(_refused(setting, issue.what, issue.mend))
    values: dict[str, object] = {}
    if set_to.at_least is not None:
        values["at_least"] = set_to.at_least
    if set_to.within is not None:
        values["within"] = set_to.within.by_calendar if counts_by_calendar(limb.condition) else set_to.within
    return msgspec.structs.replace(limb, condition=msgspec.structs.replace(limb.condition, **values))


def _refused(setting: Setting, what: str, mend: str) -> str:
    return f"{setting.name}={setting.value}: {what}: {mend}"


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


class Telling(msgspec.Struct, frozen=True, gc=False):
    """One time somebody hears of an alert: when, where it is, and how urgent it is then."""

    at: Instant
    area: str
    priority: Priority
    is_urgent: bool


class Raised(msgspec.Struct):
    """One alert: how it was first raised, and each time it was told, the first of them then."""

    subject: str
    completed_at: Instant
    late: bool
    explanation: str
    told: list[Telling]
    stands: bool = True

    @property
    def at(self) -> Instant:
        """When it was first raised."""
        return self.told[0].at

    @property
    def area(self) -> str:
        """Where it was first raised."""
        return self.told[0].area


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
                completed_at=version.first_completed_at,
                late=version.late,
                explanation=version.explanation,
                told=[],
            )
        known.stands = version.change != "withdrawn"
        if is_first or version.notify:
            is_urgent = known.stands and version.notify and version.priority in _URGENT
            known.told.append(Telling(version.as_of, version.area, version.priority, is_urgent))
        return is_first


class Spread(msgspec.Struct, frozen=True):
    """What many shifts, or months, had each: on average, in all but the loudest twentieth of them, and at most."""

    mean: float
    most_of_them: int
    most: int


class Volume(msgspec.Struct, frozen=True, kw_only=True):
    """How loud a rule is on a history: how many alerts there are, and how often they are told.

    Months, districts, shifts and priorities count each time told. Months are `2026-03`, shifts `07-19`; the third of
    a district is per 1,000 residents, where they are known. What begins with `alerts` counts each alert once: when it
    was first raised, or first was urgent.
    """

    alerts: int
    alerts_per_month: float
    told: int
    told_per_month: float
    told_again: int
    late: int
    withdrawn: int
    urgent: int
    months: tuple[tuple[str, int], ...]
    districts: tuple[tuple[str, int, float | None], ...]
    shifts: tuple[tuple[str, int], ...]
    priorities: tuple[tuple[Priority, int], ...]
    told_per_district_and_month: Spread
    told_urgent_per_division_and_shift: Spread
    alerts_per_district_and_month: Spread
    alerts_urgent_per_division_and_shift: Spread


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
    each = list(alerts)
    told = [telling for alert in each for telling in alert.told]
    first = [alert.told[0] for alert in each]
    urgent = [telling for telling in told if telling.is_urgent]
    first_urgent = [telling for alert in each for telling in [one for one in alert.told if one.is_urgent][:1]]
    by_shift = Counter(shifts.of(telling.at)[1] for telling in told)
    by_priority = Counter(telling.priority for telling in told)
    return Volume(
        alerts=len(each),
        alerts_per_month=round(len(each) / span.months, 1),
        told=len(told),
        told_per_month=round(len(told) / span.months, 1),
        told_again=len(told) - len(each),
        late=sum(alert.late for alert in each),
        withdrawn=sum(not alert.stands for alert in each),
        urgent=len(urgent),
        months=tuple(_months(told, span)),
        districts=tuple(_districts(Counter(telling.area for telling in told), areas)),
        shifts=tuple((shifts.name(number), by_shift[number]) for number in range(len(shifts.starts))),
        priorities=tuple((priority, by_priority[priority]) for priority in _PRIORITIES),
        told_per_district_and_month=_per_district_and_month(told, span, areas),
        told_urgent_per_division_and_shift=_per_division_and_shift(urgent, span, areas, shifts),
        alerts_per_district_and_month=_per_district_and_month(first, span, areas),
        alerts_urgent_per_division_and_shift=_per_division_and_shift(first_urgent, span, areas, shifts),
    )


def urgent_together(alerts: Iterable[Raised], span: Span, areas: Areas, shifts: Shifts) -> Spread:
    """How often these alerts, of whatever rules, are told as urgent in a division and shift."""
    urgent = [telling for alert in alerts for telling in alert.told if telling.is_urgent]
    return _per_division_and_shift(urgent, span, areas, shifts)


def _months(told: Sequence[Telling], span: Span) -> Iterator[tuple[str, int]]:
    counts = Counter(_month(telling.at).starts for telling in told)
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


def _per_district_and_month(told: Sequence[Telling], span: Span, areas: Areas) -> Spread:
    counts = Counter((telling.area, _month(telling.at).starts) for telling in told)
    month, months = _month(span.first), []
    while month.starts <= _month(span.last).starts:
        months.append(month.starts)
        month = period_of(month.ends, "month")
    # What happened in no district is somebody's work as well, and counts as if it were one.
    places = {code: None for code, area in areas.by_code.items() if area.kind == "district"}
    places |= dict.fromkeys(sorted(area for area, _ in counts))
    return _spread([counts[place, month] for place in places for month in months])


def _per_division_and_shift(told: Sequence[Telling], span: Span, areas: Areas, shifts: Shifts) -> Spread:
    counts = Counter((_division(telling.area, areas), shifts.of(telling.at)) for telling in told)
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
