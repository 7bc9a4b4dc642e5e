"""Which of the pairs that may be one person's are linked, which are a steward's to decide, and which are nothing.

Theory of operation
-------------------
Two tokens are one person's or they are not, and a model (`linkage/scoring.py`) says how probable it is. By that a pair
is in one of three bands:

    0 ───────────────── possible ──────────────── auto ───── 1
         nothing              a steward decides      linked

A wrong merge invents a repeat victim. The model takes what agrees for independent, and in families it is not: twins
share a surname, a date of birth and an address, many of them an initial as well, and a father and a son a name and an
address. So, whatever the model says, a pair is a steward's at most when

- a verified number of one kind differs, or the forename or the date of birth does altogether;
- no number agrees, and of the forename there is but the initial, or nothing is known of the date of birth.

*What somebody has decided stands.* Of a pair that was decided nothing is said again, but that a possible match found
by matching may become a link. A link that would join two tokens decided to be apart, or more than a person may go by,
is a possible match in its stead. Links are no more than are needed to join: so a split of one is a split. A possible
match beyond the bound would make all the others of the person count for nothing, so the weightiest are kept.

Everything is a function of the pairs and of the decisions: neither order nor chance has a part in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from safety_stream.core.catalogue import PersonBounds
from safety_stream.core.model.links import LinkState, PersonLink
from safety_stream.core.model.times import Instant
from safety_stream.core.persons import Decided, standing

Band = Literal["auto", "possible", "none"]
"""What becomes of a pair."""

Part = Literal["surname", "forename", "birth", "postcode", "property", "number"]
"""What of two persons is compared; a `number` is an NHS number, a UPN or a PNC identifier."""

How = Literal["agree", "alike", "swapped", "year", "differ", "unknown"]
"""How it compares: surnames that sound alike and forenames of one initial are `alike`; of a date of birth the day and
the month may be `swapped`, or the `year` alone agree. What one of the two does not state, or no token tells, is
`unknown`."""


class Often(msgspec.Struct, frozen=True):
    """The share of pairs of which something is so, where they are two persons, and where they are one."""

    two_persons: float
    one_person: float


class Matching(msgspec.Struct, frozen=True, kw_only=True):
    """How tokens are matched (`matching.yaml`). Probabilities and shares are from 0 to 1.

    What more than `shared_at_most` share leads nobody to anybody. `share_name_and_birth` is the share of true matches
    that agree on both.
    """

    auto: float
    possible: float
    shared_at_most: int
    share_name_and_birth: float
    agreeing: Mapping[tuple[Part, How], Often]


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """Two tokens, `first < second`, how probably they are one person's, and what of them agrees.

    `weight` is the same in bits: the logarithm to base 2 of the odds. `numbers` are how those compare that both have.
    """

    first: str
    second: str
    probability: float
    weight: float
    surname: How
    forename: How
    birth: How
    postcode: How
    property: How
    numbers: tuple[How, ...]


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """What matching decides. `links` are the decisions: of `linked` pairs, then of `possible` ones.

    Of the pairs of a band that are not among them `decided` had been decided about, `joined` are one person already,
    `crowded` would have been one possible match too many. `held_back` are possible matches that would have been links,
    but for what was decided or how many tokens a person may go by.
    """

    links: tuple[PersonLink, ...]
    linked: int
    possible: int
    decided: int
    joined: int
    crowded: int
    held_back: int


def band_of(pair: Pair, terms: Matching) -> Band:
    """In which band a pair is."""
    if pair.probability < terms.possible:
        return "none"
    return "auto" if pair.probability >= terms.auto and _may_be_linked(pair) else "possible"


def proposed(
    pairs: Iterable[Pair],
    decided: Iterable[PersonLink],
    terms: Matching,
    bounds: PersonBounds,
    *,
    by: str,
    at: Instant,
) -> Proposal:
    """What is to be decided of these pairs beside what has been decided; `by` answers for it, `at` a time."""
    banded = [(band_of(pair, terms), pair) for pair in pairs]
    chosen = sorted(((band, pair) for band, pair in banded if band != "none"), key=_weightiest_first)
    matcher = _Matcher(decided, bounds)
    for band, pair in chosen:
        if band == "auto":
            matcher.link(pair)
    for band, pair in chosen:
        if band == "possible":
            matcher.wait(pair)
    return matcher.proposal(by, at)


def _may_be_linked(pair: Pair) -> bool:
    """Whether a pair may be linked without anybody's looking, however probable it is."""
    if "differ" in pair.numbers or "differ" in (pair.forename, pair.birth):
        return False
    return "agree" in pair.numbers or (pair.forename == "agree" and pair.birth != "unknown")


def _weightiest_first(banded: tuple[Band, Pair]) -> tuple[float, str, str]:
    pair = banded[1]
    return -pair.weight, pair.first, pair.second


class _Matcher:
    """The persons there are by what was decided, and what is being decided beside."""

    def __init__(self, decided: Iterable[PersonLink], bounds: PersonBounds) -> None:
        every = list(decided)
        self._decided = standing(every)
        self._bounds = bounds
        self._persons: dict[str, frozenset[str]] = {}
        self._linked: list[Pair] = []
        self._waiting: list[Pair] = []
        self._held_back: list[Pair] = []
        self._already = 0
        self._joined = 0
        for link in _links_of(every, self._decided):
            self._join(link.first, link.second)

    def link(self, pair: Pair) -> None:
        """Link the pair, unless that cannot be."""
        known = self._about(pair)
        if known is not None and not (known.state == "possible" and known.method == "probabilistic"):
            self._already += 1
        elif pair.second in self._person(pair.first):
            self._joined += 1
        elif self._fits(pair):
            self._join(pair.first, pair.second)
            self._linked.append(pair)
        else:
            self._held_back.append(pair)

    def wait(self, pair: Pair) -> None:
        """Leave the pair to a steward."""
        if self._about(pair) is not None:
            self._already += 1
        else:
            self._waiting.append(pair)

    def proposal(self, by: str, at: Instant) -> Proposal:
        """What came of it."""
        held_back = [pair for pair in self._held_back if self._about(pair) is None]
        possible: list[Pair] = []
        beside: dict[str, set[str]] = {}
        crowded = 0
        for pair in sorted([*held_back, *self._waiting], key=lambda one: (-one.weight, one.first, one.second)):
            if pair.second in self._person(pair.first):
                self._joined += 1
            elif self._has_room(pair, beside):
                possible.append(pair)
                beside.setdefault(pair.first, set()).add(pair.second)
                beside.setdefault(pair.second, set()).add(pair.first)
            else:
                crowded += 1
        return Proposal(
            links=(
                *(_decision(pair, "linked", by, at) for pair in self._linked),
                *(_decision(pair, "possible", by, at) for pair in possible),
            ),
            linked=len(self._linked),
            possible=len(possible),
            decided=self._already + len(self._held_back) - len(held_back),
            joined=self._joined,
            crowded=crowded,
            held_back=len(held_back),
        )

    def _about(self, pair: Pair) -> PersonLink | None:
        return next((link for link in self._decided(pair.first) if link.other(pair.first) == pair.second), None)

    def _person(self, token: str) -> frozenset[str]:
        return self._persons.get(token, frozenset((token,)))

    def _join(self, one: str, other: str) -> None:
        together = self._person(one) | self._person(other)
        for token in together:
            self._persons[token] = together

    def _fits(self, pair: Pair) -> bool:
        one, other = self._person(pair.first), self._person(pair.second)
        if len(one) + len(other) > self._bounds.merged_at_most:
            return False
        return not any(
            link.state == "apart" and link.other(token) in other for token in one for link in self._decided(token)
        )

    def _has_room(self, pair: Pair, beside: Mapping[str, set[str]]) -> bool:
        """Whether both persons may be one more than they may be by now."""
        one, other = self._person(pair.first), self._person(pair.second)
        most = self._bounds.possible_at_most
        return all(
            len(self._others(person, beside) | {goes_by}) <= most
            for person, goes_by in ((one, min(other)), (other, min(one)))
        )

    def _others(self, person: frozenset[str], beside: Mapping[str, set[str]]) -> set[str]:
        """Who a person may be besides, each by the token it goes by."""
        before = {link.other(token) for token in person for link in self._decided(token) if link.state == "possible"}
        now = {other for token in person for other in beside.get(token, ())}
        return {min(self._person(token)) for token in before | now} - {min(person)}


def _links_of(every: Iterable[PersonLink], decided: Decided) -> Iterable[PersonLink]:
    """The links that stand, each once."""
    return (
        link
        for token in sorted({one.first for one in every})
        for link in decided(token)
        if link.first == token and link.state == "linked"
    )


def _decision(pair: Pair, state: LinkState, by: str, at: Instant) -> PersonLink:
    return PersonLink(
        first=pair.first, second=pair.second, state=state, method="probabilistic", decided_by=by, decided_at=at
    )
