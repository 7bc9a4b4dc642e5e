"""What is linked, what waits for a steward, and what somebody has decided already."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety_stream.core.catalogue import PersonBounds
from safety_stream.core.matching import Band, Matching, Pair, Proposal, band_of, proposed
from safety_stream.core.model.links import LinkMethod, LinkState, PersonLink
from safety_stream.core.persons import Persons, standing

TERMS = Matching(auto=0.99, possible=0.8, shared_at_most=50, share_name_and_birth=0.5, agreeing={})
BOUNDS = PersonBounds(merged_at_most=3, possible_at_most=2)


def a_pair(first: str = "a", second: str = "b", **other: Any) -> Pair:
    usual = {
        "probability": 0.999, "weight": 10.0, "surname": "agree", "forename": "agree", "birth": "agree",
        "postcode": "unknown", "property": "unknown", "numbers": (),
    }  # fmt: skip
    return Pair(first=first, second=second, **usual | other)


def maybe(first: str, second: str, weight: float = 4.0) -> Pair:
    return a_pair(first, second, probability=0.9, weight=weight)


def a_link(first: str, second: str, state: LinkState, method: LinkMethod = "steward") -> PersonLink:
    return PersonLink(first=first, second=second, state=state, method=method, decided_by="steward-1", decided_at=0)


def decide(*pairs: Pair, decided: tuple[PersonLink, ...] = (), bounds: PersonBounds = BOUNDS) -> Proposal:
    return proposed(pairs, decided, TERMS, bounds, by="matching-job", at=7)


def said(proposal: Proposal) -> list[tuple[str, str, str]]:
    return [(link.first, link.second, link.state) for link in proposal.links]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "auto"),
        ({"probability": 0.99}, "auto"),
        ({"probability": 0.9899}, "possible"),
        ({"probability": 0.80}, "possible"),
        ({"probability": 0.7999}, "none"),
        # A surname that changed, or is mistyped, stops nothing.
        ({"surname": "differ"}, "auto"),
        ({"birth": "swapped"}, "auto"),
        ({"birth": "year"}, "auto"),
        # Twins, and twins of one initial.
        ({"forename": "differ"}, "possible"),
        ({"forename": "alike"}, "possible"),
        # Father and son, and who may be either.
        ({"birth": "differ"}, "possible"),
        ({"birth": "unknown"}, "possible"),
        # A number tells who it is, unless all else says that it was written down of somebody else.
        ({"forename": "alike", "numbers": ("agree",)}, "auto"),
        ({"birth": "unknown", "numbers": ("agree",)}, "auto"),
        ({"birth": "differ", "numbers": ("agree",)}, "possible"),
        ({"forename": "differ", "numbers": ("agree",)}, "possible"),
        ({"numbers": ("differ",)}, "possible"),
        ({"numbers": ("agree", "differ")}, "possible"),
        ({"numbers": ("differ",), "probability": 0.5}, "none"),
    ],
)
def test_no_pair_is_linked_that_a_family_could_be(changes: dict[str, Any], expected: Band):
    assert band_of(a_pair(**changes), TERMS) == expected


def test_sure_pairs_are_linked_and_likely_ones_wait():
    made = decide(a_pair("a", "b"), maybe("c", "d"), a_pair("e", "f", probability=0.1))

    assert said(made) == [("a", "b", "linked"), ("c", "d", "possible")]
    assert {(link.method, link.decided_by, link.decided_at) for link in made.links} == {
        ("probabilistic", "matching-job", 7)
    }
    assert (made.linked, made.possible) == (1, 1)


@pytest.mark.parametrize("state", ["linked", "apart", "possible"])
def test_what_a_steward_decided_stands(state: LinkState):
    made = decide(a_pair("a", "b"), maybe("c", "d"), decided=(a_link("a", "b", state), a_link("c", "d", state)))

    assert (said(made), made.decided) == ([], 2)


def test_a_possible_match_that_matching_found_may_become_a_link():
    before = (a_link("a", "b", "possible", "probabilistic"), a_link("c", "d", "possible", "probabilistic"))
    made = decide(a_pair("a", "b"), maybe("c", "d"), decided=before)

    assert (said(made), made.decided) == ([("a", "b", "linked")], 1)


def test_no_link_goes_round_a_split():
    made = decide(a_pair("a", "c"), a_pair("b", "c", weight=9.0), decided=(a_link("a", "b", "apart"),))

    # The weightier link is made; the other would make one person of the two.
    assert said(made) == [("a", "c", "linked"), ("b", "c", "possible")]
    assert made.held_back == 1


def test_no_person_goes_by_more_tokens_than_may_be():
    made = decide(*(a_pair("a", other, weight=10.0 - place) for place, other in enumerate("bcd")))

    assert said(made) == [("a", "b", "linked"), ("a", "c", "linked"), ("a", "d", "possible")]


def test_no_more_links_are_made_than_join():
    roomy = PersonBounds(merged_at_most=9, possible_at_most=9)
    pairs = (a_pair("a", "b"), a_pair("b", "c", weight=9.0), a_pair("a", "c", weight=8.0))
    made = decide(*pairs, bounds=roomy)

    assert said(made) == [("a", "b", "linked"), ("b", "c", "linked")]
    assert (made.joined, made.held_back) == (1, 0)
    split = (
        *made.links,
        PersonLink(first="a", second="b", state="apart", method="steward", decided_by="s", decided_at=8),
    )
    persons = Persons(standing(split), BOUNDS)
    assert [persons.tokens(token) for token in "abc"] == [("a",), ("b", "c"), ("b", "c")], "a split is a split"


def test_the_weightiest_possible_matches_are_kept_where_there_are_too_many():
    made = decide(maybe("a", "b", 1.0), maybe("a", "c", 3.0), maybe("a", "d", 2.0))

    assert said(made) == [("a", "c", "possible"), ("a", "d", "possible")]
    assert made.crowded == 1


def test_possible_matches_that_stand_take_up_room():
    made = decide(maybe("a", "b"), maybe("a", "c", 3.0), decided=(a_link("a", "z", "possible"),))

    assert said(made) == [("a", "b", "possible")]
    persons = Persons(standing([*made.links, a_link("a", "z", "possible")]), BOUNDS)
    assert persons.possible("a") == ("b", "z")


TOKENS = "abcdef"
PAIRS = st.lists(
    st.builds(
        lambda ends, probability, weight: a_pair(*sorted(ends), probability=probability, weight=weight),
        st.lists(st.sampled_from(TOKENS), min_size=2, max_size=2, unique=True),
        st.sampled_from([0.5, 0.9, 0.999]),
        st.floats(-5, 20),
    ),
    unique_by=lambda pair: (pair.first, pair.second),
    max_size=12,
)
DECIDED = st.lists(
    st.builds(
        lambda ends, state: a_link(*sorted(ends), state),
        st.lists(st.sampled_from(TOKENS), min_size=2, max_size=2, unique=True),
        st.sampled_from(["linked", "possible", "apart"]),
    ),
    unique_by=lambda link: (link.first, link.second),
    max_size=4,
)


@given(PAIRS, DECIDED, st.randoms(use_true_random=False))
def test_what_is_proposed_holds_nothing_back_and_order_has_no_part_in_it(
    pairs: list[Pair], decided: list[PersonLink], chance: random.Random
):
    shuffled = list(pairs)
    chance.shuffle(shuffled)
    made = decide(*pairs, decided=tuple(decided))
    before, after = Persons(standing(decided), BOUNDS), Persons(standing([*decided, *made.links]), BOUNDS)

    assert decide(*shuffled, decided=tuple(decided)) == made
    known = {(link.first, link.second) for link in decided}
    assert known.isdisjoint((link.first, link.second) for link in made.links)
    for link in made.links:
        if link.state == "linked":
            assert link.second in after.tokens(link.first), "a link that joins nothing"
    for token in TOKENS:
        assert set(after.tokens(token)) >= set(before.tokens(token)), "what stewards joined stays joined"
