"""Whether what was published can have been: numbers without gap or repeat, and every disclosure on an unbroken record.

Read as an outsider reads it, from the published topics and the audit alone (what must always hold: I4, I6). Who is not
shown every count is not told either what is thought of one, is never shown a count that was hidden once, and is shown
the days of an indicator by one kind of period.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from safety_stream.core.audit import FIRST_HASH, chained
from safety_stream.core.model.published import AuditRecord, PublishedAlert, PublishedIndicator
from safety_stream.core.model.times import Day, PeriodKind


def publication_faults(published: Iterable[tuple[str, msgspec.Struct]]) -> list[str]:
    """Everything that cannot be in these topics and values, as lines for people; each topic's values in their order.

    Only published alerts and indicators and audit records are looked at; all of them must be there.
    """
    feeds: dict[str, list[int]] = defaultdict(list)
    audits: dict[str, list[AuditRecord]] = defaultdict(list)
    tables: dict[str, list[PublishedIndicator]] = defaultdict(list)
    judged, hiding = set(), set()
    for topic, value in published:
        if isinstance(value, AuditRecord):
            audits[topic].append(value)
        elif isinstance(value, PublishedAlert | PublishedIndicator):
            feeds[topic].append(value.seq)
        if isinstance(value, PublishedIndicator):
            hiding |= {topic} if value.value is None else set()
            judged |= {topic} if _is_judged(value) else set()
            tables[topic].append(value)
    numbered = feeds | {topic: [record.seq for record in trail] for topic, trail in audits.items()}
    return [
        *(fault for topic, numbers in sorted(numbered.items()) for fault in _misnumbered(topic, numbers)),
        *(fault for topic, trail in sorted(audits.items()) for fault in _broken(topic, trail)),
        *_undisclosed(feeds, [record for trail in audits.values() for record in trail]),
        *(
            f"{topic}: some counts are hidden, and what is thought of others is made of them"
            for topic in sorted(judged & hiding)
        ),
        *(fault for topic in sorted(hiding) for fault in _told_by_another(topic, tables[topic])),
    ]


def _told_by_another(topic: str, values: Sequence[PublishedIndicator]) -> Iterator[str]:
    """Where a release tells by subtraction what another hides."""
    hidden: set[tuple[str, str, Day]] = set()
    days: dict[tuple[str, str, Day], PeriodKind] = {}
    for value in values:
        cell = (value.area, value.indicator, value.starts)
        if value.value is None:
            hidden.add(cell)
        elif cell in hidden:
            yield f"{topic}: number {value.seq} shows a count that was hidden before"
        for day in range(value.starts, value.ends):
            if days.setdefault((value.area, value.indicator, day), value.period) != value.period:
                yield f"{topic}: number {value.seq} shows days that were shown by another kind of period"
                break


def _is_judged(value: PublishedIndicator) -> bool:
    """Whether it says what is thought of a count, which is made of counts of other periods."""
    return any(said is not None for said in (value.expected, value.low, value.high, value.signal, value.opened))


def _misnumbered(topic: str, numbers: Sequence[int]) -> Iterator[str]:
    for wanted, number in enumerate(numbers, start=1):
        if number != wanted:
            yield f"{topic}: number {number} comes where {wanted} should"
            return


def _broken(topic: str, trail: Sequence[AuditRecord]) -> Iterator[str]:
    before = FIRST_HASH
    for record in trail:
        if record.hash != chained(record):
            yield f"{topic}: record {record.seq} does not have the hash of what it says"
        if record.previous_hash != before:
            yield f"{topic}: record {record.seq} does not follow the one before it"
        before = record.hash


def _undisclosed(feeds: dict[str, list[int]], trail: Iterable[AuditRecord]) -> Iterator[str]:
    """Every number of a feed must be in exactly one record, in order."""
    disclosed: Counter[str] = Counter()
    for record in trail:
        if record.verb != "disclosure-transfers":
            continue
        if record.from_seq != disclosed[record.topic] + 1:
            yield f"{record.topic}: disclosed from {record.from_seq} on, after {disclosed[record.topic]}"
        disclosed[record.topic] = record.to_seq
    for topic in sorted(disclosed.keys() | feeds.keys()):
        if disclosed[topic] != len(feeds.get(topic, ())):
            yield f"{topic}: {len(feeds.get(topic, ()))} published, {disclosed[topic]} on record"
