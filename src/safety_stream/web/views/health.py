"""Whether the backbone hears and is heard: partners' feeds, this copy of what was published, and what was refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

import msgspec

from safety_stream.core.catalogue import Catalogue, Source
from safety_stream.core.model.dead_letters import Reason
from safety_stream.core.model.times import HOUR, MINUTE, Instant
from safety_stream.readmodel.reading import FeedHealth, ProjectionHealth, RefusedCount
from safety_stream.web import words

UNKEPT_AFTER: Final = 2 * MINUTE
"""A copy that nobody has looked after for so long is not kept any more: `project` looks every few seconds."""

UNHEARD_AFTER: Final = HOUR
"""The backbone having said nothing of any feed for so long, it may be down; ours: partners together pause for less."""

_LEVELS: Final = ("never", "silent", "heard")
"""How a feed is heard, the worst first."""

REFUSED: Final[Mapping[Reason, str]] = {
    "unreadable-framing": "the record does not begin as records do",
    "unknown-schema": "its schema is not in the registry",
    "schema-violation": "it does not keep to its schema",
    "impossible-time": "a time in it cannot be",
    "unknown-source": "no feed of this name is in the catalogue",
    "person-in-place-only-source": "it names a person, which this feed may not",
    "wrong-kind-for-source": "it is of a kind this feed may not send",
    "oversize": "it is too large",
    "empty": "there is nothing in it",
    "overlapping-period": "its period overlaps that of a count that stands: people would count twice",
}


class FeedLine(msgspec.Struct, frozen=True, kw_only=True):
    """One partner's feed. `level` is heard, silent or never, and is said in `state`."""

    source: str
    title: str
    organisation: str
    state: str
    level: str
    newest: str
    complete_to: str
    refused: str


class FeedsView(msgspec.Struct, frozen=True, kw_only=True):
    """All feeds, and the copy these pages are made from."""

    summary: str
    lines: tuple[FeedLine, ...]
    copy: tuple[str, ...]
    is_blind: bool


class RefusedLine(msgspec.Struct, frozen=True):
    """How many records of a topic were refused for one reason."""

    topic: str
    reason: Reason
    why: str
    count: str
    first: str
    last: str
    href: str


class CompleteLine(msgspec.Struct, frozen=True):
    """How far one feed is complete, how long ago that is, and how late its reports usually are."""

    title: str
    organisation: str
    state: str
    level: str
    complete_to: str
    behind: str
    usual: str


class QualityView(msgspec.Struct, frozen=True):
    """What was refused, since when; and how far the feeds are complete."""

    since: str
    total: str
    lines: tuple[RefusedLine, ...]
    complete: tuple[CompleteLine, ...]


def feeds_view(
    feeds: Sequence[FeedHealth],
    copy: ProjectionHealth,
    refused: Sequence[RefusedCount],
    catalogue: Catalogue,
    now: Instant,
) -> FeedsView:
    """The page: every feed of the catalogue, also those nothing was ever heard of."""
    by_source = {one.source: one for one in feeds}
    letters: dict[str, int] = {}
    for one in refused:
        source = one.source_topic.partition(".")[2]
        letters[source] = letters.get(source, 0) + one.count
    lines = tuple(
        _line(source, by_source.get(source.id), letters.get(source.id, 0), now)
        for source in sorted(catalogue.sources.values(), key=lambda one: (one.organisation, one.id))
    )
    quiet = [line.title for line in lines if line.level != "heard"]
    summary = "Every feed is heard." if not quiet else f"Nothing is heard of {words.listed(quiet)}."
    blind = blindness(copy, feeds, now)
    said = (*(blind or ("These pages show all that was published when it was last asked.",)), *_faults(copy))
    return FeedsView(summary=summary, lines=lines, copy=said, is_blind=bool(quiet or blind))


def blindness(copy: ProjectionHealth, feeds: Sequence[FeedHealth], now: Instant) -> tuple[str, ...]:
    """Why pages may not show what there is: nobody keeps the copy, it is behind, or the backbone itself is not heard.

    Both are compared with now: whoever has died says nothing of it.
    """
    return tuple(_blindness(copy, feeds, now))


def _blindness(copy: ProjectionHealth, feeds: Sequence[FeedHealth], now: Instant) -> Iterator[str]:
    if copy.looked_at is None:
        yield "This page may be blind: nothing says when anything was last copied. Start the copy (project)."
    elif now - copy.looked_at > UNKEPT_AFTER:
        since = words.at(copy.looked_at)
        yield f"This page may be blind: nothing was copied since {since}. Start the copy again (project)."
    if copy.behind:
        yield f"This page is {words.count_of(copy.behind, 'record')} behind what was published. Newer may be open."
    heard_at = max((one.as_of for one in feeds), default=None)
    if heard_at is None:
        yield "This page may be blind: the backbone has never said anything of any feed."
    elif now - heard_at > UNHEARD_AFTER:
        yield f"This page may be blind: the backbone has said nothing of any feed since {words.at(heard_at)}."


def silent_feeds(feeds: Sequence[FeedHealth], catalogue: Catalogue, now: Instant) -> list[str]:
    """The titles of feeds nothing was heard of for longer than they usually take."""
    by_source = {one.source: one for one in feeds}
    return [
        source.title
        for source in sorted(catalogue.sources.values(), key=lambda one: one.id)
        if _level(source, by_source.get(source.id), now) != "heard"
    ]


def _level(source: Source, feed: FeedHealth | None, now: Instant) -> str:
    if feed is None:
        return "never"
    return "silent" if now - feed.silent_since > source.silent_after else "heard"


def _line(source: Source, feed: FeedHealth | None, refused: int, now: Instant) -> FeedLine:
    level = _level(source, feed, now)
    complete = None if feed is None else feed.complete_to(source.usual_latency)
    return FeedLine(
        source=source.id,
        title=source.title,
        organisation=source.organisation,
        state=_state(level, feed, now),
        level=level,
        newest="" if feed is None else words.at(feed.newest),
        complete_to="not known" if complete is None else words.at(complete),
        refused="" if not refused else words.count_of(refused, "record"),
    )


def _state(level: str, feed: FeedHealth | None, now: Instant) -> str:
    if feed is None:
        return "never heard: no data"
    if level == "silent":
        return f"silent for {words.length(now - feed.silent_since)}: no new data"
    return "heard"


def _faults(copy: ProjectionHealth) -> Iterator[str]:
    for fault in copy.faults:
        numbers = (
            f"number {fault.first_seq}"
            if fault.first_seq == fault.last_seq
            else (f"numbers {fault.first_seq} to {fault.last_seq}")
        )
        yield f"Of {fault.topic}, {numbers} {'never came' if fault.kind == 'missing' else 'came a second time'}."


def quality_view(
    refused: Sequence[RefusedCount], feeds: Sequence[FeedHealth], catalogue: Catalogue, since: Instant, now: Instant
) -> QualityView:
    """What was refused, most first, and every feed, the one that is heard worst first."""
    lines = tuple(
        RefusedLine(
            one.source_topic,
            one.reason,
            REFUSED[one.reason],
            f"{one.count:,}",
            words.at(one.first_received_at),
            words.at(one.last_received_at),
            f"/data-quality/refused?{urlencode({'topic': one.source_topic, 'reason': one.reason})}",
        )
        for one in sorted(refused, key=lambda one: (-one.count, one.source_topic, one.reason))
    )
    total = words.count_of(sum(one.count for one in refused), "record")
    return QualityView(words.at(since), total, lines, _completeness(feeds, catalogue, now))


def _completeness(feeds: Sequence[FeedHealth], catalogue: Catalogue, now: Instant) -> tuple[CompleteLine, ...]:
    by_source = {one.source: one for one in feeds}

    def order(source: Source) -> tuple[int, Instant, str]:
        feed = by_source.get(source.id)
        heard = _LEVELS.index(_level(source, feed, now))
        # How late a feed usually is says nothing of how well it is heard.
        return heard, 0 if feed is None or feed.passed is None else feed.passed, source.title

    return tuple(
        _complete(source, by_source.get(source.id), now) for source in sorted(catalogue.sources.values(), key=order)
    )


def _complete(source: Source, feed: FeedHealth | None, now: Instant) -> CompleteLine:
    level = _level(source, feed, now)
    reached = None if feed is None else feed.complete_to(source.usual_latency)
    return CompleteLine(
        title=source.title,
        organisation=source.organisation,
        state=_state(level, feed, now),
        level=level,
        complete_to="not known" if reached is None else words.at(reached),
        behind="not known" if reached is None else words.length(max(now - reached, 0)),
        usual=words.length(source.usual_latency),
    )
