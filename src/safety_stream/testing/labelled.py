"""Labelled truth for matching: a restricted store of made-up persons, whose each token is, and how good a match is.

Nothing that matches knows whose a token is; here it is known, so what was found can be counted (docs/linkage.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from itertools import combinations
from typing import Final

import msgspec

from safety_stream.core.catalogue import PersonBounds
from safety_stream.core.model.links import PersonLink
from safety_stream.core.persons import Persons, standing
from safety_stream.data_files import catalogue_folder
from safety_stream.edge.tokens.files import Row, Workshop, normalisers_for
from safety_stream.edge.tokens.keys import development_ring
from safety_stream.edge.tokens.tables import load_tables
from safety_stream.edge.tokens.tokens import Person
from safety_stream.linkage.restricted import Line, Store
from safety_stream.synthetic.persons import records_of

PURPOSE: Final = "safeguarding"
TODAY: Final = date(2026, 11, 26)
"""The day after which nobody of them is born."""


class Labelled(msgspec.Struct, frozen=True):
    """A store, the lines it was read of, and whose each token is: of more than one where two have one token."""

    store: Store
    lines: tuple[bytes, ...]
    owners: Mapping[str, frozenset[int]]

    def are_one(self, first: str, second: str) -> bool:
        """Whether two tokens are one person's."""
        return not self.owners[first].isdisjoint(self.owners[second])


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """How good decisions are, by pairs of different tokens: `true_pairs` are one person's.

    `precision` is the share that is right of the pairs that go by one person then, also through others; `recall` the
    share of the true pairs that do; `with_possible` the share that does or waits for a steward.
    """

    true_pairs: int
    precision: float
    recall: float
    with_possible: float


def labelled(persons: int, seed: int) -> Labelled:
    """A store of about so many persons, by the tables that ship; the same for the same arguments."""
    tables = load_tables(catalogue_folder() / "tokens")
    short: dict[str, list[str]] = {}
    for name, forenames in sorted(tables.nicknames.items()):
        for forename in forenames:
            short.setdefault(forename, []).append(name)
    epochs = development_ring(PURPOSE, tables.digest).in_use(PURPOSE, TODAY)
    workshop = Workshop(normalisers_for(epochs, [tables], TODAY, for_linking=True), epochs, PURPOSE)
    store, lines, owners = Store(), [], dict[str, set[int]]()
    for number, record in enumerate(records_of(persons, seed, short), 1):
        made = workshop.make(Row(number, Person(**record.stated), "", "subject")).linking
        lines.append(msgspec.json.encode(made))
        store.take(msgspec.json.decode(lines[-1], type=Line))
        if made.token is not None:
            owners.setdefault(made.token, set()).add(record.person)
    return Labelled(store, tuple(lines), {token: frozenset(whose) for token, whose in owners.items()})


def measured(truth: Labelled, links: Iterable[PersonLink], bounds: PersonBounds) -> Measured:
    """How good these decisions are."""
    every = list(links)
    persons = Persons(standing(every), bounds)
    found = {(token, other) for token in truth.owners for other in persons.tokens(token) if token < other}
    by_person: dict[int, list[str]] = {}
    for token, whose in truth.owners.items():
        for person in whose:
            by_person.setdefault(person, []).append(token)
    true = {pair for tokens in by_person.values() for pair in combinations(sorted(tokens), 2)}
    waiting = {(link.first, link.second) for link in every if link.state == "possible"}
    return Measured(
        true_pairs=len(true),
        precision=len(found & true) / len(found) if found else 1.0,
        recall=len(found & true) / len(true),
        with_possible=len((found | waiting) & true) / len(true),
    )
