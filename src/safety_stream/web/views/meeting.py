"""The pack for the morning meeting: one sheet of what came since the evening, what is open, with whom, and how late.

What is said of an alert is what lists say of it; whom it is about is on its own page, which asks why somebody looks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, get_args

import msgspec

from safety_stream.core.alerts.handling import partners
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.findings import Priority
from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.model.times import DAY_LENGTH, LONDON, Instant, to_datetime
from safety_stream.readmodel.reading import ClockCount, HolderCount
from safety_stream.web import words
from safety_stream.web.filters import Filter
from safety_stream.web.views.numbers import Line
from safety_stream.web.views.row import SHOWN_AT_MOST, UNTITLED, AlertRow, Some, alert_row

BACK_AT_MOST: Final = 7 * DAY_LENGTH
"""As far back as a pack looks: a long weekend, and days off besides; ours."""

COUNTED_ONLY: Final[frozenset[Priority]] = frozenset({"P4"})
"""Of these a meeting hears how many there are: they are a list of their own, each week (domain.md 8)."""

_NO_DIVISION: Final = "In no division"
_NOBODY: Final = "Nobody yet"
_UNTOLD: Final = "priority not told"


class ForMeeting(msgspec.Struct, frozen=True, kw_only=True):
    """What the read model says: all that was told since, the oldest first, what was taken back, and what is open.

    Of what is open `late` has a clock that has run out, and the others have none; `clocks` and `holders` count all of
    it. `tells_owners` is whether the audience is told who has an alert. `breaches` are the newest numbers with a
    signal; None where the reader is shown no signals.
    """

    audience: str
    tells_owners: bool
    since: Instant
    told: Sequence[PublishedAlert]
    withdrawn: Some
    late: Some
    urgent: Some
    above: Some
    clocks: Sequence[ClockCount]
    holders: Sequence[HolderCount]
    breaches: Sequence[Line] | None
    silent_feeds: Sequence[str]
    blind: Sequence[str]


class Item(msgspec.Struct, frozen=True):
    """An alert of a list, and what is to be known of it there."""

    row: AlertRow
    note: str


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """One list of the pack; `total` counts those it has no room for, too, and `empty` is said where there are none.

    `href` leads to the inbox that has all of them; "" where none does.
    """

    id: str
    heading: str
    items: tuple[Item, ...]
    total: int
    empty: str
    href: str


class Count(msgspec.Struct, frozen=True):
    """One line of a table: a name, and its numbers in the order of the table's columns."""

    name: str
    numbers: tuple[int, ...]


class MeetingView(msgspec.Struct, frozen=True, kw_only=True):
    """Everything in the pack. `owners` is empty where the audience is not told who has an alert."""

    audience: str
    since: str
    since_value: str
    starts: tuple[tuple[str, str], ...]
    made_at: str
    summary: str
    priorities: tuple[Count, ...]
    owners: tuple[Count, ...]
    divisions: tuple[Count, ...]
    titles: tuple[Count, ...]
    sections: tuple[Section, ...]
    breaches: tuple[Line, ...]
    breaches_note: str
    silent_feeds: tuple[str, ...]
    blind: tuple[str, ...]


def meeting_view(found: ForMeeting, catalogue: Catalogue, starts: Sequence[Instant], now: Instant) -> MeetingView:
    """The pack; `starts` are when shifts began, to choose from."""
    now_of = {alert.alert_id: alert for alert in found.told}
    raised = {alert.alert_id: alert.as_of for alert in reversed(found.told) if alert.change == "raised"}
    new = [now_of[alert_id] for alert_id in raised]
    sections = tuple(_sections(found, raised, now_of, catalogue, now))
    return MeetingView(
        audience=found.audience,
        since=words.at(found.since),
        since_value=_local(found.since),
        starts=tuple((words.at(start), f"/meeting?since={_local(start)}") for start in starts),
        made_at=words.at(now),
        summary=_summary(new, found),
        priorities=tuple(_by_priority(new, found.clocks)),
        owners=tuple(_by_owner(found, partners(catalogue.handling))),
        divisions=tuple(_by_division(new, catalogue)),
        titles=tuple(_by_title(new)),
        sections=sections,
        breaches=tuple(found.breaches or ()),
        breaches_note=_breaches_note(found.breaches),
        silent_feeds=tuple(found.silent_feeds),
        blind=tuple(found.blind),
    )


def _sections(
    found: ForMeeting,
    raised: Mapping[str, Instant],
    now_of: Mapping[str, PublishedAlert],
    catalogue: Catalogue,
    now: Instant,
) -> Iterator[Section]:
    def section(
        name: str, heading: str, alerts: Iterable[tuple[PublishedAlert, str]], total: int, empty: str, href: str = ""
    ) -> Section:
        items = tuple(Item(alert_row(alert, catalogue, now), note) for alert, note in islice(alerts, SHOWN_AT_MOST))
        return Section(id=name, heading=heading, items=items, total=total, empty=empty, href=href)

    def of(name: str, heading: str, some: Some, empty: str, chosen: Filter) -> Section:
        alerts = ((alert, "") for alert in some.alerts)
        return section(name, heading, alerts, some.total, empty, f"/inbox{chosen.query()}")

    yield of("late", "Open, and a clock has run out", found.late, "No clock has run out.", Filter())
    urgent, above = Filter(priorities=("P1", "P2")), Filter(families=("threshold",))
    yield of("urgent", "Open, critical and high, in time", found.urgent, "None is open in time.", urgent)
    yield of("above", "Open, above what is expected", found.above, "None is open.", above)
    escalated = list(_escalated(found.told, now_of))
    yield section("escalated", "Escalated", escalated, len(escalated), "Nothing was escalated.")
    new = [(now_of[one], f"Raised {words.at(at)}") for one, at in raised.items() if _is_listed(now_of[one])]
    new.sort(key=lambda one: (one[0].priority or _UNTOLD, -raised[one[0].alert_id]))
    yield section("raised", "Raised, critical to medium", new, len(new), "Nothing was raised.")
    gone = ((alert, f"Taken back {words.at(alert.as_of)}") for alert in found.withdrawn.alerts)
    href = f"/inbox{Filter(states=('withdrawn',)).query()}"
    yield section("withdrawn", "Taken back", gone, found.withdrawn.total, "Nothing was taken back.", href)


def _escalated(
    told: Sequence[PublishedAlert], now_of: Mapping[str, PublishedAlert]
) -> Iterator[tuple[PublishedAlert, str]]:
    """Each alert that has gone up the ladder, as it stands, with where to and when; the last time counts."""
    last = {
        alert.alert_id: alert.handling
        for alert in told
        if alert.handling and alert.handling.escalated_to and alert.handling.what in ("overdue", "escalate")
    }
    for alert_id, handling in last.items():
        by = "by the clock" if handling.what == "overdue" else "by hand"
        to = words.plain(handling.escalated_to)
        yield now_of[alert_id], f"To {to} {by}, {words.at(handling.as_of)}"


def _is_listed(alert: PublishedAlert) -> bool:
    return alert.priority not in COUNTED_ONLY


def _summary(new: Sequence[PublishedAlert], found: ForMeeting) -> str:
    late = sum(one.late for one in found.clocks)
    return (
        f"{words.count_of(len(new), 'alert')} raised and {found.withdrawn.total:,} taken back since. "
        f"{words.count_of(sum(map(_open, found.clocks)), 'alert')} open now, {late:,} of them late."
    )


def _open(count: ClockCount) -> int:
    return count.late + count.running + count.unclocked


def _by_priority(new: Sequence[PublishedAlert], clocks: Sequence[ClockCount]) -> Iterator[Count]:
    raised = Counter(alert.priority for alert in new)
    waiting = {one.priority: (_open(one), one.late) for one in clocks}
    for priority in get_args(Priority):
        yield Count(f"{priority} {words.PRIORITIES[priority]}", (raised[priority], *waiting.get(priority, (0, 0))))
    if raised[None] or None in waiting:
        yield Count(_UNTOLD.capitalize(), (raised[None], *waiting.get(None, (0, 0))))


def _by_owner(found: ForMeeting, may_take: Collection[str]) -> Iterator[Count]:
    """Who has what is open: whoever acknowledged it, or the partner it was referred to."""
    if not found.tells_owners:
        return
    for one in sorted(found.holders, key=lambda one: (one.holder != "", -one.open, one.holder)):
        name = words.plain(one.holder) if one.holder in may_take else one.holder or _NOBODY
        yield Count(name, (one.open, one.late))


def _by_division(new: Sequence[PublishedAlert], catalogue: Catalogue) -> Iterator[Count]:
    """What was raised, by the police division it is in: critical, high and medium."""
    counted = Counter((_division(alert, catalogue), alert.priority) for alert in new if _is_listed(alert))
    shown: list[Priority] = [one for one in get_args(Priority) if one not in COUNTED_ONLY]
    for name in sorted({name for name, _ in counted}, key=lambda name: (name == _NO_DIVISION, name)):
        yield Count(name, tuple(counted[name, priority] for priority in shown))


def _division(alert: PublishedAlert, catalogue: Catalogue) -> str:
    area = catalogue.areas.by_code.get(alert.area or "")
    return words.area_name(catalogue, area.division) if area is not None and area.division else _NO_DIVISION


def _by_title(new: Sequence[PublishedAlert]) -> Iterator[Count]:
    counted = Counter(alert.title or UNTITLED for alert in new)
    yield from (Count(title, (counted[title],)) for title in sorted(counted, key=lambda one: (-counted[one], one)))


def _breaches_note(breaches: Sequence[Line] | None) -> str:
    if breaches is None:
        return "The numbers you are shown say nothing of signals; alerts about them are in the lists above."
    return "" if breaches else "No newest number of the county has a signal."


def _local(instant: Instant) -> str:
    """As a form has it: London time, to the minute."""
    return f"{to_datetime(instant).astimezone(LONDON):%Y-%m-%dT%H:%M}"
