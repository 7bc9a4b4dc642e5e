"""An alert about an indicator: what was counted and what was expected before it and since, and where its week is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Final

import msgspec

from safety_stream.core.catalogue import Area, Catalogue, Indicator
from safety_stream.core.model.findings import Finding
from safety_stream.core.model.published import PublishedAlert, PublishedIndicator
from safety_stream.core.model.times import Day, to_day
from safety_stream.core.rules.rule import Calendar, Rule, Signalled
from safety_stream.web import words
from safety_stream.web.charts import control_chart
from safety_stream.web.views.numbers import (
    PERIODS_SHOWN,
    Address,
    PeriodRow,
    hides_words,
    point_of,
    profile_title,
    row_of,
)

WEEK: Final = "week"
"""The one kind of period that signals and agreed numbers are asked of."""


class Breach(msgspec.Struct, frozen=True, kw_only=True):
    """The weeks an alert is about, day `first` to that of the week from `last`, of a series; and what it told of them.

    `expected` and `counted` are of one week; None where several had to be judged as one, or it told none.
    """

    indicator: str
    area: str
    first: Day
    last: Day
    counted: int | None
    expected: float | None

    def is_about(self, week: Day) -> bool:
        """Whether the week from this day is one of them."""
        return self.first <= week <= self.last


def breach_of(alert: PublishedAlert, rules: Sequence[Rule]) -> Breach | None:
    """What an alert says of an indicator; None where it is of none, or its audience is not told."""
    finding = alert.findings[-1] if alert.findings else None
    if finding is None or alert.area is None:
        return None
    facts = dict(finding.facts)
    last = _week_of(finding)
    indicator = facts.get("indicator") or _asked_by(finding, rules)
    if last is None or not indicator:
        return None
    first = _day(facts.get("from", "")) or last
    counted, expected = _told(facts) if first == last else (None, None)
    return Breach(indicator=indicator, area=alert.area, first=first, last=last, counted=counted, expected=expected)


def _week_of(finding: Finding) -> Day | None:
    """The day a finding's week begins: a threshold's occurrence is its period."""
    kind, _, day = finding.occurrence_id.partition(":")
    return _day(day) if kind == WEEK else None


def _asked_by(finding: Finding, rules: Sequence[Rule]) -> str:
    """The one indicator that the limb of the rule is about; "" where it is about any, or the rule is gone."""
    limbs = (limb for rule in rules if rule.id == finding.rule_id for limb in rule.limbs if limb.name == finding.limb)
    condition = next((limb.condition for limb in limbs), None)
    return (condition.indicator or "") if isinstance(condition, Calendar | Signalled) else ""


def _day(text: str) -> Day | None:
    try:
        return to_day(date.fromisoformat(text))
    except ValueError:
        return None


def _told(facts: Mapping[str, str]) -> tuple[int | None, float | None]:
    """What was counted and expected, of facts that are numbers as people write them."""
    counted = facts.get("value", facts.get("count", "")).replace(",", "")
    expected = facts.get("expected", "").replace(",", "")
    return int(counted) if counted.isdecimal() else None, float(expected) if expected else None


class BreachView(msgspec.Struct, frozen=True, kw_only=True):
    """The chart of an alert's page, the table under it, where the file and the indicator's own page are."""

    title: str
    sentence: str
    chart: str
    rows: tuple[PeriodRow, ...]
    csv_href: str
    href: str
    notes: tuple[str, ...]


def breach_view(
    breach: Breach,
    values: Sequence[PublishedIndicator],
    indicator: Indicator,
    area: Area,
    catalogue: Catalogue,
    profile: str,
    to: Address,
) -> BreachView:
    """What the reader's profile is shown of the series, with what the alert itself told of its week laid over it."""
    shown = values[-PERIODS_SHOWN:]
    title = f"{indicator.title}, {area.name}, by the week"
    sentence = _sentence(breach, shown)
    told = [(_laid_over(value, breach), breach.is_about(value.starts)) for value in shown]
    points = [msgspec.structs.replace(point_of(value), pointed_at=is_it) for value, is_it in told]
    rows = [msgspec.structs.replace(row_of(value), pointed_at=is_it) for value, is_it in reversed(told)]
    return BreachView(
        title=title,
        sentence=sentence,
        chart=control_chart("breach", title, sentence, points) if points else "",
        rows=tuple(rows),
        csv_href=to.csv(indicator.id, area.code, f"?period={WEEK}"),
        href=to.indicator(indicator.id, area.code),
        notes=tuple(_notes(shown, breach, catalogue, profile)),
    )


def _laid_over(value: PublishedIndicator, breach: Breach) -> PublishedIndicator:
    """The week with what the alert expected of it, where the profile is shown no expectation."""
    if value.expected is not None or not breach.is_about(value.starts):
        return value
    return msgspec.structs.replace(value, expected=breach.expected)


def _sentence(breach: Breach, shown: Sequence[PublishedIndicator]) -> str:
    when = f"the week from {words.on(breach.last)}"
    if breach.first != breach.last:
        when = f"the weeks from {words.on(breach.first)} to the one from {words.on(breach.last)}"
    now = next((value for value in shown if value.starts == breach.last), None)
    return f"The alert is about {when}. {_since(breach, now, when)}"


def _since(breach: Breach, now: PublishedIndicator | None, when: str) -> str:
    """Whether its week still counts what the alert said it did: reports come late, and are taken back."""
    if now is None:
        return f"Your numbers hold nothing of {when}."
    if now.value is None or breach.counted is None or breach.first != breach.last:
        return ""
    if now.value == breach.counted:
        return f"It counted {breach.counted:,}, and does still."
    return f"It counted {breach.counted:,} when this was told, and counts {now.value:,} now."


def _notes(shown: Sequence[PublishedIndicator], breach: Breach, catalogue: Catalogue, profile: str) -> Iterator[str]:
    if shown and not any(value.expected is not None for value in shown):
        whose = profile_title(catalogue, profile).lower()
        drawn = (
            "it is drawn for the week of the alert alone, as the alert tells it" if breach.expected else "none is drawn"
        )
        yield f"Numbers {whose} do not say what was expected, so {drawn}."
    hidden = hides_words(catalogue, profile)
    if hidden:
        yield hidden
