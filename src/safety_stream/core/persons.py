"""Who is who: which tokens are one person, and which persons may be one, by the decisions that stand.

Theory of operation
-------------------
Stewards decide about pairs of tokens (`model/links.py`); of the decisions about one pair the highest stands. Tokens
joined by standing `linked` decisions, directly or through others, are one person, who goes by the smallest of them:

    a --linked-- b --linked-- c        d --possible-- b
    a person: a (also b, c)            a person: d, possibly a

That is a function of the decisions that stand, so it does not matter in which order they came, and a split is the
merge undone. A person of more tokens than the bound is none, nor is one of two tokens that are decided to be apart:
each token stays by itself, until a split makes fewer of them or ends the contradiction. "Possibly" leads from person to
person by a standing decision about a token of each, and no further. A person who may be more others than the bound is
possibly nobody, nor anybody possibly that person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

import msgspec
from msgspec.structs import replace

from safety_stream.core.catalogue import PersonBounds
from safety_stream.core.model.incidents import IncidentVersion
from safety_stream.core.model.links import PersonLink, supersedes

Decided = Callable[[str], Sequence[PersonLink]]
"""The decisions that stand about a token."""

_NOBODY: Mapping[str, str] = MappingProxyType({})
_NONE: Mapping[str, tuple[str, ...]] = MappingProxyType({})


class Who(msgspec.Struct, frozen=True, gc=False):
    """What has been decided of some tokens: `same` says by which token the person goes, where it is another one.

    `possible` are, by the token a person goes by, those of the persons who may be the same, sorted.
    """

    same: Mapping[str, str] = _NOBODY
    possible: Mapping[str, tuple[str, ...]] = _NONE


STRANGERS = Who()
"""What is known of tokens nobody has decided anything about: by far the most."""


class Persons:
    """The persons some decisions make of tokens. It remembers what it has looked up: decide, and make another."""

    def __init__(self, decided: Decided, bounds: PersonBounds) -> None:
        """Look decisions up when they are asked for."""
        self._decided = decided
        self._bounds = bounds
        self._tokens: dict[str, tuple[str, ...]] = {}
        self._linked: dict[str, tuple[str, ...]] = {}

    def tokens(self, token: str) -> tuple[str, ...]:
        """All tokens of the person this one is of, sorted: the first is what the person goes by."""
        known = self._tokens.get(token)
        if known is None:
            found = self.linked(token)
            known = (token,) if len(found) > self._bounds.merged_at_most or self.contradicts(found) else found
            for one in known:
                self._tokens[one] = known
        return known

    def linked(self, token: str) -> tuple[str, ...]:
        """The tokens standing decisions link to this one and itself, sorted; no more than one beyond the bound."""
        known = self._linked.get(token)
        if known is None:
            known = self._linked[token] = tuple(sorted(self._reached(token)))
        return known

    def contradicts(self, tokens: Sequence[str]) -> bool:
        """Whether two of these are decided to be two persons."""
        return any(
            link.state == "apart" and link.other(token) in tokens for token in tokens for link in self._decided(token)
        )

    def maybe(self, token: str) -> tuple[str, ...]:
        """Those who may be the same person, by what they go by, sorted, however many."""
        persons = {
            self.tokens(link.other(one))[0]
            for one in self.tokens(token)
            for link in self._decided(one)
            if link.state == "possible"
        }
        return tuple(sorted(persons - {self.tokens(token)[0]}))

    def possible(self, token: str) -> tuple[str, ...]:
        """The same, but nobody who may be more others than the bound."""
        most = self._bounds.possible_at_most
        found = self.maybe(token)
        return tuple(one for one in found if len(self.maybe(one)) <= most) if len(found) <= most else ()

    def who(self, tokens: Iterable[str]) -> Who:
        """What there is to know of these tokens."""
        decided = [token for token in tokens if self._decided(token)]
        if not decided:
            return STRANGERS
        goes_by = {token: self.tokens(token)[0] for token in decided}
        possible = {person: self.possible(person) for person in set(goes_by.values())}
        return Who(
            {token: person for token, person in sorted(goes_by.items()) if token != person},
            {person: others for person, others in sorted(possible.items()) if others},
        )

    def near(self, token: str) -> set[str]:
        """Every token whose reports a decision about this one can move: of the person, and of who may be the same.

        A person at the bound of possible matches decides over the matches of those beyond too, so it is two steps.
        """
        reached = set(self.tokens(token))
        for _ in range(2):
            reached.update(one for each in list(reached) for other in self.maybe(each) for one in self.tokens(other))
        return reached

    def _reached(self, token: str) -> set[str]:
        reached, waiting = {token}, [token]
        while waiting:
            for other in self._linked_directly(waiting.pop()):
                if other not in reached:
                    reached.add(other)
                    waiting.append(other)
                    if len(reached) > self._bounds.merged_at_most:
                        return reached
        return reached

    def _linked_directly(self, token: str) -> Iterator[str]:
        return (link.other(token) for link in self._decided(token) if link.state == "linked")


def standing(links: Iterable[PersonLink]) -> Decided:
    """What is decided of each token once these decisions are made, in whatever order."""
    by_token: dict[str, dict[str, PersonLink]] = {}
    for link in links:
        known = by_token.get(link.first, {}).get(link.second)
        if known is None or supersedes(link, known):
            for token in (link.first, link.second):
                by_token.setdefault(token, {})[link.other(token)] = link
    return lambda token: tuple(by_token.get(token, {}).values())


def to_decide(links: Iterable[PersonLink], bounds: PersonBounds) -> list[PersonLink]:
    """The standing decisions that two tokens may be one person, unless they are by others; each once, by token."""
    every = list(links)
    decided = standing(every)
    persons = Persons(decided, bounds)
    possible = {
        (link.first, link.second): link
        for token in {one.first for one in every}
        for link in decided(token)
        if link.state == "possible" and link.second not in persons.tokens(link.first)
    }
    return [possible[pair] for pair in sorted(possible)]


def named_in(version: IncidentVersion) -> frozenset[str]:
    """The tokens of the persons a version names."""
    return frozenset([party.token for party in version.parties if party.token is not None])


def told_of_persons(version: IncidentVersion, same: Mapping[str, str]) -> IncidentVersion:
    """The version with every person named by the token the person goes by."""
    if not same:
        return version
    parties = [
        party if party.token is None else replace(party, token=same.get(party.token, party.token))
        for party in version.parties
    ]
    return replace(version, parties=tuple(parties))
