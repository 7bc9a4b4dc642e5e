"""For stewards: refused records to be put back, possible matches to be decided, and what was done of both."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Final, get_args

import msgspec

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.links import LinkMethod, LinkState, PersonLink
from safety_stream.readmodel.matches import Match
from safety_stream.readmodel.people import Deed, Stage, What
from safety_stream.readmodel.reading import RefusedRecord
from safety_stream.web import words
from safety_stream.web.views.choices import Choice
from safety_stream.web.views.health import REFUSED

METHODS: Final[Mapping[LinkMethod, str]] = {
    "verified-id": "an identity that was verified",
    "full-name-and-birth": "full name and date of birth",
    "steward": "what a steward knows of both",
    "probabilistic": "likeness of what is recorded",
}
DECISIONS: Final[Mapping[LinkState, str]] = {"linked": "The same", "apart": "Apart", "possible": "Undecided"}
_DECIDED: Final[Mapping[LinkState, str]] = {
    "linked": "are the same person",
    "apart": "are two persons",
    "possible": "may be the same person",
}
_DEEDS: Final[Mapping[What, str]] = {
    "subscribe": "subscribed",
    "change": "changed a subscription",
    "unsubscribe": "ended a subscription",
    "redrive": "put a refused record back",
    "decide": "decided about two persons",
    "hand-over": "handed over",
    "take-over": "took over",
}
_OUTCOMES: Final[Mapping[Stage, str]] = {"asked": "asked for", "done": "done", "failed": "not done"}
NO_METHOD: Final = "Choose what the decision rests on."


class DeedLine(msgspec.Struct, frozen=True):
    """One thing somebody did."""

    at: str
    who: str
    did: str
    of: str
    outcome: str


class RefusedItem(msgspec.Struct, frozen=True):
    """One refused record."""

    letter: str
    topic: str
    reason: str
    why: str
    received: str
    is_back: bool


class RefusedView(msgspec.Struct, frozen=True, kw_only=True):
    """The records to choose from."""

    items: tuple[RefusedItem, ...]
    chosen_by: str
    has_more: bool
    since: str


class Side(msgspec.Struct, frozen=True):
    """One token of a pair: how many reports name it, and of which partner."""

    token: str
    total: str
    named: tuple[str, ...]


class MatchView(msgspec.Struct, frozen=True, kw_only=True):
    """A pair to decide."""

    first: Side
    second: Side
    said: str
    mistake: str


class MatchesView(msgspec.Struct, frozen=True, kw_only=True):
    """The pairs to decide."""

    pairs: tuple[MatchView, ...]
    total: str
    has_more: bool
    weighed: str
    methods: tuple[Choice, ...]
    decisions: tuple[Choice, ...]


def deed_lines(deeds: Sequence[Deed]) -> tuple[DeedLine, ...]:
    """What was done, as it was recorded."""
    return tuple(
        DeedLine(
            at=words.at(one.at),
            who=f"{one.person}, {words.plain(one.role)}",
            did=_DEEDS[one.what],
            of=one.of,
            outcome=f"{_OUTCOMES[one.outcome]}{f': {one.said}' if one.said else ''}",
        )
        for one in deeds
    )


def refused_view(
    records: Sequence[RefusedRecord], back: Container[str], limit: int, since: int, *, topic: str, reason: str
) -> RefusedView:
    """So many of the records at most; `back` are those that were put back from here."""
    items = tuple(
        RefusedItem(
            letter=one.letter,
            topic=one.source_topic,
            reason=one.reason,
            why=REFUSED[one.reason],
            received=words.at(one.received_at),
            is_back=one.letter in back,
        )
        for one in records[:limit]
    )
    chosen_by = ", ".join(part for part in (topic, reason) if part)
    return RefusedView(items=items, chosen_by=chosen_by, has_more=len(records) > limit, since=words.at(since))


def matches_view(
    matches: Sequence[Match],
    count: int,
    weighed_at: int | None,
    catalogue: Catalogue,
    mistaken: tuple[str, str] | None = None,
) -> MatchesView:
    """The pairs; `mistaken` is the one whose form lacked something."""
    return MatchesView(
        pairs=tuple(
            MatchView(
                first=_side(one.link.first, one.first_named, catalogue),
                second=_side(one.link.second, one.second_named, catalogue),
                said=f"Said to be possible {words.at(one.link.decided_at)} by {one.link.decided_by}, "
                f"on {METHODS[one.link.method]}",
                mistake=NO_METHOD if (one.link.first, one.link.second) == mistaken else "",
            )
            for one in matches
        ),
        total=words.count_of(count, "pair"),
        has_more=count > len(matches),
        weighed="" if weighed_at is None else words.at(weighed_at),
        methods=tuple(Choice(one, METHODS[one], chosen=False) for one in get_args(LinkMethod)),
        decisions=tuple(Choice(state, text, chosen=False) for state, text in DECISIONS.items()),
    )


def decided_in_words(link: PersonLink) -> str:
    """What is said after it was decided."""
    return f"Sent: {link.first} and {link.second} {_DECIDED[link.state]}."


def _side(token: str, named: Mapping[str, int], catalogue: Catalogue) -> Side:
    titles = {source.id: source.title for source in catalogue.sources.values()}
    ordered = sorted(named.items(), key=lambda one: (-one[1], one[0]))
    return Side(
        token=token,
        total=words.count_of(sum(named.values()), "report"),
        named=tuple(f"{titles.get(source, source)}: {words.count_of(number, 'report')}" for source, number in ordered),
    )
