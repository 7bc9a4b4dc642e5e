"""Decisions about persons move what register claims, whatever comes first, and a split is a merge undone."""

from __future__ import annotations

from itertools import combinations, permutations, product
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.stages.making import NOON, a_record, a_version

from safety_stream.core.catalogue import Catalogue, PersonBounds
from safety_stream.core.model.ids import incident_id
from safety_stream.core.model.incidents import IncidentVersion, Party
from safety_stream.core.model.links import LinkState, PersonLink, supersedes
from safety_stream.core.model.sightings import Sighting, SightingChange
from safety_stream.core.model.times import HOUR
from safety_stream.core.persons import STRANGERS, Persons, Who
from safety_stream.core.stages import intake, register
from safety_stream.core.stages.rows import MemoryRows

TOKENS = ("tok-a", "tok-b", "tok-c", "tok-d", "tok-e")

Live = dict[tuple[str, str], Sighting]


def decided(first: str, second: str, state: LinkState, hours: int = 0) -> PersonLink:
    link = PersonLink(
        first=first,
        second=second,
        state=state,
        method="steward",
        decided_by="steward-1",
        decided_at=NOON + hours * HOUR,
    )
    return intake.checked_link(link, NOON + 1_000 * HOUR)


def report(number: int, *parties: tuple[str, str], **others: Any) -> IncidentVersion:
    named = tuple(sorted((Party(role, token) for role, token in parties), key=lambda party: party.role))  # type: ignore[arg-type]
    return a_version(incident_id=incident_id("police-crimes", f"r-{number}"), parties=named, **others)


A, B, C = (report(number, ("victim", token)) for number, token in enumerate(TOKENS[:3]))


class Stream:
    """A partition of register, and what it has put where."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.step = register.make_step(catalogue, 1)
        self.rows = MemoryRows()
        self.live: Live = {}
        self.causes: list[str] = []

    def take(self, *values: IncidentVersion | PersonLink) -> Stream:
        for output in self.step(self.rows, [a_record(value) for value in values], None):
            if isinstance(output.value, SightingChange):
                self._fold(output.value)
        return self

    def _fold(self, change: SightingChange) -> None:
        self.causes.append(change.cause)
        of = (change.key, change.sighting.incident_id)
        leaves = change.sighting if change.sign < 0 else change.replaces
        assert self.live.pop(of, None) == leaves, "what leaves is what is there, and nothing joins twice"
        if change.sign > 0:
            self.live[of] = change.sighting

    def keys(self, kind: str = "victim") -> set[str]:
        return {key for key, _ in self.live if key.startswith(f"{kind}:")}

    def under(self, key: str) -> dict[str, bool]:
        """The reports under a key, and of each whether only a possible match puts it there."""
        return {incident: one.possible for (at, incident), one in self.live.items() if at == key}


LINKED = decided("tok-b", "tok-a", "linked")
SPLIT = decided("tok-a", "tok-b", "apart", 1)
MAYBE = decided("tok-a", "tok-b", "possible")


@pytest.mark.parametrize("order", list(permutations([A, B, LINKED])))
def test_linked_tokens_are_one_person_by_the_smaller_whatever_came_first(
    catalogue: Catalogue, order: tuple[Any, ...]
) -> None:
    for stream in (Stream(catalogue).take(*order), _one_by_one(catalogue, order)):
        assert stream.keys() == {"victim:tok-a"}
        assert stream.under("victim:tok-a") == {A.incident_id: False, B.incident_id: False}
        assert {one.persons for one in stream.live.values()} == {("tok-a",)}
        assert {one.victims for one in stream.live.values()} == {("tok-a",)}


@pytest.mark.parametrize("order", list(permutations([A, B, LINKED, SPLIT])))
def test_a_split_leaves_what_was_never_linked(catalogue: Catalogue, order: tuple[Any, ...]) -> None:
    assert _one_by_one(catalogue, order).live == Stream(catalogue).take(A, B).live


@pytest.mark.parametrize("order", list(permutations([A, B, MAYBE])))
def test_a_possible_match_puts_reports_under_the_other_besides_and_says_so(
    catalogue: Catalogue, order: tuple[Any, ...]
) -> None:
    stream = _one_by_one(catalogue, order)

    assert stream.under("victim:tok-a") == {A.incident_id: False, B.incident_id: True}
    assert stream.under("victim:tok-b") == {A.incident_id: True, B.incident_id: False}


def test_possible_is_not_handed_on(catalogue: Catalogue) -> None:
    stream = Stream(catalogue).take(A, B, C, MAYBE, decided("tok-b", "tok-c", "possible"))

    assert set(stream.under("victim:tok-a")) == {A.incident_id, B.incident_id}
    assert set(stream.under("victim:tok-b")) == {A.incident_id, B.incident_id, C.incident_id}


def test_a_report_that_names_both_is_under_each_for_certain(catalogue: Catalogue) -> None:
    both = report(9, ("victim", "tok-a"), ("suspect", "tok-b"))
    stream = Stream(catalogue).take(both, MAYBE)

    assert not any(one.possible for one in stream.live.values())


def test_nobody_does_harm_to_oneself(catalogue: Catalogue) -> None:
    both = report(9, ("victim", "tok-a"), ("perpetrator", "tok-b"))
    stream = Stream(catalogue).take(both, LINKED)

    assert stream.keys("victim-perpetrator") == set()
    assert stream.live["person:tok-a", both.incident_id].roles == ("perpetrator", "victim")


def test_a_pair_is_met_though_both_are_only_possibly_the_same(catalogue: Catalogue) -> None:
    told = report(9, ("victim", "tok-a"), ("perpetrator", "tok-c"))
    stream = Stream(catalogue).take(told, MAYBE, decided("tok-c", "tok-d", "possible"))

    assert {key: stream.under(key)[told.incident_id] for key in stream.keys("victim-perpetrator")} == {
        "victim-perpetrator:tok-a|tok-c": False,
        "victim-perpetrator:tok-a|tok-d": True,
        "victim-perpetrator:tok-b|tok-c": True,
        "victim-perpetrator:tok-b|tok-d": True,
    }


def test_causes_name_the_decision_and_no_token(catalogue: Catalogue) -> None:
    stream = Stream(catalogue).take(A, B, MAYBE)
    for one in (LINKED, decided("tok-a", "tok-b", "linked", 1), SPLIT, decided("tok-a", "tok-b", "apart", 2)):
        stream.take(one)

    told = stream.causes[len(Stream(catalogue).take(A, B).causes) :]
    assert {cause.partition(":")[0] for cause in told} == {
        "persons linked",
        "persons possibly the same",
        "persons split",
    }
    assert not any("tok-" in cause for cause in told)


def test_a_decision_that_changes_nothing_sends_nothing(catalogue: Catalogue) -> None:
    stream = Stream(catalogue).take(A, B, LINKED)
    before = len(stream.causes)

    stream.take(LINKED, decided("tok-a", "tok-b", "linked", 1), decided("tok-d", "tok-e", "linked"))
    assert len(stream.causes) == before


def test_withdrawn_and_corrected_reports_are_where_the_persons_are(catalogue: Catalogue) -> None:
    moved = msgspec.structs.replace(A, source_version=2, action="correct", parties=(Party("victim", "tok-c"),))
    gone = msgspec.structs.replace(B, source_version=2, action="withdraw")
    stream = Stream(catalogue).take(A, B, moved, gone, LINKED)

    assert stream.keys() == {"victim:tok-c"}
    assert not [row for row, _ in stream.rows.scan(b"names/", b"names0") if b"tok-c" not in row]


def test_too_many_tokens_are_nobody_until_a_split_makes_fewer(catalogue: Catalogue) -> None:
    small = msgspec.structs.replace(catalogue, persons=PersonBounds(merged_at_most=2, possible_at_most=1))
    stream = Stream(small).take(A, B, C, LINKED, decided("tok-b", "tok-c", "linked"))
    assert stream.keys() == {"victim:tok-a", "victim:tok-b", "victim:tok-c"}

    assert stream.take(SPLIT).keys() == {"victim:tok-a", "victim:tok-b"}


def test_claims_from_before_persons_were_indexed_are_found_once_gone_over(catalogue: Catalogue) -> None:
    stream = Stream(catalogue).take(A, B)
    for row, _ in list(stream.rows.scan(b"names/", b"names0")):
        stream.rows.delete(row)
    stream.rows.put(b"rules", b"as it was before")
    stream.take(LINKED)
    stream.take()

    assert stream.keys() == {"victim:tok-a"}
    assert stream.take(SPLIT).keys() == {"victim:tok-a", "victim:tok-b"}


def _one_by_one(catalogue: Catalogue, values: tuple[Any, ...]) -> Stream:
    stream = Stream(catalogue)
    for value in values:
        stream.take(value)
    return stream


# Against a plain account of it.


def plainly(links: list[PersonLink], bounds: PersonBounds) -> tuple[dict[str, str], dict[str, set[str]]]:
    """By which token each token's person goes, and who may be whom, worked out over all tokens there are."""
    standing: dict[tuple[str, str], PersonLink] = {}
    for link in links:
        pair = (link.first, link.second)
        if pair not in standing or supersedes(link, standing[pair]):
            standing[pair] = link
    group = {token: {token} for token in TOKENS}
    for pair, link in standing.items():
        if link.state == "linked":
            union = group[pair[0]] | group[pair[1]]
            for token in union:
                group[token] = union
    apart = [set(pair) for pair, link in standing.items() if link.state == "apart"]
    goes_by = {
        t: t if len(g) > bounds.merged_at_most or any(pair <= g for pair in apart) else min(g) for t, g in group.items()
    }
    maybe: dict[str, set[str]] = {person: set() for person in goes_by.values()}
    for pair, link in standing.items():
        one, other = goes_by[pair[0]], goes_by[pair[1]]
        if link.state == "possible" and one != other:
            maybe[one].add(other)
            maybe[other].add(one)
    few = {person for person, others in maybe.items() if len(others) <= bounds.possible_at_most}
    return goes_by, {one: maybe[one] & few if one in few else set() for one in maybe}


LINKS = st.tuples(
    st.sampled_from(list(combinations(TOKENS, 2))), st.sampled_from(["linked", "possible", "apart"]), st.integers(0, 2)
).map(lambda one: decided(*one[0], one[1], one[2]))  # type: ignore[arg-type]

BOUNDS = st.builds(PersonBounds, merged_at_most=st.integers(1, 4), possible_at_most=st.integers(0, 3))


@given(links=st.lists(LINKS, max_size=8), bounds=BOUNDS)
def test_who_is_who_is_what_a_plain_account_says(links: list[PersonLink], bounds: PersonBounds) -> None:
    standing: dict[str, dict[str, PersonLink]] = {token: {} for token in TOKENS}
    for link in links:
        known = standing[link.first].get(link.second)
        if known is None or supersedes(link, known):
            standing[link.first][link.second] = standing[link.second][link.first] = link
    persons = Persons(lambda token: tuple(standing[token].values()), bounds)
    goes_by, maybe = plainly(links, bounds)

    who = persons.who(TOKENS)
    assert {token: who.same.get(token, token) for token in TOKENS} == goes_by
    assert {person: set(others) for person, others in who.possible.items()} == {p: o for p, o in maybe.items() if o}


REPORTS = [
    *(report(number, ("victim", token)) for number, token in enumerate(TOKENS)),
    report(11, ("victim", "tok-a"), ("perpetrator", "tok-b")),
    report(12, ("victim", "tok-c"), ("perpetrator", "tok-d"), ("witness", "tok-e")),
    report(11, ("victim", "tok-a"), ("perpetrator", "tok-e"), source_version=2, action="correct"),
    report(0, ("victim", "tok-a"), source_version=2, action="withdraw"),
]


@given(data=st.data())
def test_what_stands_is_the_same_in_every_order(catalogue: Catalogue, data: st.DataObject) -> None:
    links = data.draw(st.lists(LINKS, max_size=6))
    bounds = data.draw(BOUNDS)
    world = msgspec.structs.replace(catalogue, persons=bounds)
    mixed = data.draw(st.permutations([*REPORTS, *links]))
    sizes = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))

    first = Stream(world).take(*links, *REPORTS)
    stream, done, number = Stream(world), 0, 0
    while done < len(mixed):
        stream.take(*mixed[done : done + sizes[number % len(sizes)]])
        done, number = done + sizes[number % len(sizes)], number + 1

    assert stream.live == first.live
    goes_by, maybe = plainly(links, bounds)
    for token, one in zip(TOKENS[1:], REPORTS[1:], strict=False):
        own = goes_by[token]
        under = {key: s.possible for (key, incident), s in stream.live.items() if incident == one.incident_id}
        victims = {key: maybe_so for key, maybe_so in under.items() if key.startswith("victim:")}
        assert victims == {f"victim:{own}": False} | {f"victim:{other}": True for other in maybe.get(own, ())}


def test_nobody_knows_anything_of_strangers() -> None:
    assert Persons(lambda _: (), PersonBounds(merged_at_most=8, possible_at_most=4)).who(TOKENS) is STRANGERS
    assert Who() == STRANGERS


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        ({"first": "Alice B"}, "field first"),
        ({"second": "a|b"}, "field second"),
        ({"second": "x" * 65}, "field second"),
        ({"first": ""}, "field first"),
        ({"second": "tok-a"}, "one token"),
        ({"decided_by": "Mrs Steward"}, "field decided_by"),
        ({"decided_at": NOON + HOUR}, "field decided_at"),
        ({"decision_id": "another"}, "field decision_id"),
    ],
)
def test_a_decision_that_is_none_is_refused_without_a_word_of_it(spoilt: dict[str, Any], said: str) -> None:
    link = PersonLink(
        first="tok-a", second="tok-b", state="linked", method="steward", decided_by="steward-1", decided_at=NOON
    )
    with pytest.raises(intake.Refused) as caught:
        intake.checked_link(msgspec.structs.replace(link, **spoilt), NOON)
    assert said in caught.value.detail
    assert not any(len(str(value)) > 2 and str(value) in caught.value.detail for value in spoilt.values())


def test_the_later_decision_counts_and_at_one_time_the_one_that_keeps_apart() -> None:
    made = [
        decided("tok-a", "tok-b", state, hours) for hours, state in product((0, 1), ("linked", "possible", "apart"))
    ]  # type: ignore[arg-type]

    for at, later in enumerate(made):
        assert not supersedes(later, later)
        for earlier in made[:at]:
            assert supersedes(later, earlier)
            assert not supersedes(earlier, later)
