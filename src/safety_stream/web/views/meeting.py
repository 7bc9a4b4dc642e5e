"""The pack for the morning meeting: one sheet of what came since the evening, what is open, with whom, and how late.

What is said of an alert is what lists say of it; whom it is about is on its own page, which asks why somebody looks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, get_args

import msgspec

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.findings import Priority
from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.model.times import DAY_LENGTH, LONDON, Instant, to_datetime
from safety_stream.web import words
from safety_stream.web.views.handover import SHOWN_AT_MOST
from safety_stream.web.views.numbers import Line
from safety_stream.web.views.row import UNTITLED, AlertRow, alert_row, clock_of

BACK_AT_MOST: Final = 7 * DAY_LENGTH
"""As far back as a pack looks: a long weekend, and days off besides; ours."""

COUNTED_ONLY: Final[frozenset[Priority]] = frozenset({"P4"})
"""Of these a meeting hears how many there are: they are a list of their own, each week (domain.md 8)."""

_NO_DIVISION: Final = "In no division"
_NOBODY: Final = "Nobody yet"
_UNTOLD: Final = "priority not told"


class ForMeeting(msgspec.Struct, frozen=True, kw_only=True):
    """What the read model says: all that was told since, the oldest first, what was taken back, and all that is open.

    `tells_owners` is whether the audience is told who has an alert. `breaches` are the newest numbers with a signal;
    None where the reader is shown no signals.
    """

    audience: str
    tells_owners: bool
    since: Instant
    told: Sequence[PublishedAlert]
    withdrawn: Sequence[PublishedAlert]
    waiting: Sequence[PublishedAlert]
    breaches: Sequence[Line] | None
    silent_feeds: Sequence[str]
    blind: Sequence[str]


class Item(msgspec.Struct, frozen=True):
    """An alert of a list, and what is to be known of it there."""

    row: AlertRow
    note: str


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """One list of the pack; `total` counts those it has no room for, too, and `empty` is said where there are none."""

    id: str
    heading: str
    items: tuple[Item, ...]
    total: int
    empty: str


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
    late = [alert for alert in found.waiting if _is_late(alert, now)]
    sections = tuple(_sections(found, late, raised, now_of, catalogue, now))
    return MeetingView(
        audience=found.audience,
        since=words.at(found.since),
        since_value=_local(found.since),
        starts=tuple((words.at(start), f"/meeting?since={_local(start)}") for start in starts),
        made_at=words.at(now),
        summary=_summary(new, found, late),
        priorities=tuple(_by_priority(new, found.waiting, late)),
        owners=tuple(_by_owner(found, late)),
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
    late: Sequence[PublishedAlert],
    raised: Mapping[str, Instant],
    now_of: Mapping[str, PublishedAlert],
    catalogue: Catalogue,
    now: Instant,
) -> Iterator[Section]:
    def section(name: str, heading: str, alerts: Iterable[tuple[PublishedAlert, str]], empty: str) -> Section:
        listed = list(alerts)
        items = tuple(Item(alert_row(alert, catalogue, now), note) for alert, note in listed[:SHOWN_AT_MOST])
        return Section(id=name, heading=heading, items=items, total=len(listed), empty=empty)

    yield section("late", "Open, and a clock has run out", ((one, "") for one in late), "No clock has run out.")
    ids = {alert.alert_id for alert in late}
    urgent = [one for one in found.waiting if one.priority in ("P1", "P2") and one.alert_id not in ids]
    yield section("urgent", "Open, critical and high, in time", ((one, "") for one in urgent), "None is open in time.")
    above = [one for one in found.waiting if one.family == "threshold" and one.alert_id not in ids]
    yield section("above", "Open, above what is expected", ((one, "") for one in above), "None is open.")
    yield section("escalated", "Escalated", _escalated(found.told, now_of), "Nothing was escalated.")
    new = [(now_of[one], f"Raised {words.at(at)}") for one, at in raised.items() if _is_listed(now_of[one])]
    new.sort(key=lambda one: (one[0].priority or _UNTOLD, -raised[one[0].alert_id]))
    yield section("raised", "Raised, critical to medium", new, "Nothing was raised.")
    gone = ((alert, f"Taken back {words.at(alert.as_of)}") for alert in found.withdrawn)
    yield section("withdrawn", "Taken back", gone, "Nothing was taken back.")


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


def _is_late(alert: PublishedAlert, now: Instant) -> bool:
    clock = clock_of(alert, now)
    return bool(alert.handling and alert.handling.overdue) or (clock is not None and clock.level == "late")


def _summary(new: Sequence[PublishedAlert], found: ForMeeting, late: Sequence[PublishedAlert]) -> str:
    return (
        f"{words.count_of(len(new), 'alert')} raised and {len(found.withdrawn):,} taken back since. "
        f"{words.count_of(len(found.waiting), 'alert')} open now, {len(late):,} of them late."
    )


def _by_priority(
    new: Sequence[PublishedAlert], waiting: Sequence[PublishedAlert], late: Sequence[PublishedAlert]
) -> Iterator[Count]:
    counted = [Counter(alert.priority for alert in some) for some in (new, waiting, late)]
    for priority in get_args(Priority):
        yield Count(f"{priority} {words.PRIORITIES[priority]}", tuple(some[priority] for some in counted))
    if any(some[None] for some in counted):
        yield Count(_UNTOLD.capitalize(), tuple(some[None] for some in counted))


def _by_owner(found: ForMeeting, late: Sequence[PublishedAlert]) -> Iterator[Count]:
    """Who has what is open: whoever acknowledged it, or the partner it was referred to."""
    if not found.tells_owners:
        return
    waiting, behind = (Counter(_holder(alert) for alert in some) for some in (found.waiting, late))
    for name in sorted(waiting, key=lambda name: (name != _NOBODY, -waiting[name], name)):
        yield Count(name, (waiting[name], behind[name]))


def _holder(alert: PublishedAlert) -> str:
    handling = alert.handling
    if handling is None:
        return _NOBODY
    return words.plain(handling.referred_to) or handling.owner or _NOBODY


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
