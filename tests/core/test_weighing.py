"""Which pairs there are to decide, and what rests on each, whatever came first and however often."""

from itertools import permutations
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from tests.core.stages.making import a_version

from safety_stream.core.catalogue import PersonBounds
from safety_stream.core.model.incidents import IncidentVersion, Party
from safety_stream.core.model.links import LinkState, PersonLink
from safety_stream.core.persons import to_decide
from safety_stream.core.weighing import naming

BOUNDS = PersonBounds(merged_at_most=3, possible_at_most=2)


def a_link(first: str, second: str, state: LinkState, at: int = 0) -> PersonLink:
    return PersonLink(
        first=first, second=second, state=state, method="steward", decided_by="data-steward", decided_at=at
    )


def a_report(incident: str, number: int, *tokens: str, **changes: object) -> IncidentVersion:
    parties = tuple(Party("victim", token) for token in tokens)
    return a_version(incident_id=incident, source_version=number, parties=parties, **changes)


def test_a_pair_is_to_be_decided_while_possible_is_what_stands_of_it():
    possible, apart = a_link("tok-a", "tok-b", "possible", 1), a_link("tok-a", "tok-b", "apart", 2)

    assert to_decide([possible], BOUNDS) == [possible]
    assert to_decide([apart, possible], BOUNDS) == []
    again = a_link("tok-a", "tok-b", "possible", 3)
    assert to_decide([again, apart, possible], BOUNDS) == [again]


def test_tokens_that_are_one_person_by_others_are_not_to_be_decided():
    links = [
        a_link("tok-a", "tok-b", "linked"), a_link("tok-b", "tok-c", "linked"), a_link("tok-a", "tok-c", "possible"),
        a_link("tok-c", "tok-d", "possible"),
    ]  # fmt: skip
    for some in permutations(links):
        assert to_decide(some, BOUNDS) == [links[3]]


def test_reports_count_by_the_version_that_stands():
    versions = [
        a_report("one", 1, "tok-a", "tok-b"),
        a_report("one", 2, "tok-b"),
        a_report("two", 1, "tok-a", source="council-asb"),
        a_report("three", 1, "tok-a"),
        a_report("three", 2, "tok-a", action="withdraw"),
        a_report("four", 1, "tok-a", "tok-a"),
        a_report("five", 1, "tok-z"),
    ]
    expected = {"tok-a": {"council-asb": 1, "police-crimes": 1}, "tok-b": {"police-crimes": 1}}
    assert naming(lambda: versions, {"tok-a", "tok-b", "tok-c"}) == expected
    assert naming(lambda: [*reversed(versions), *versions], ["tok-a", "tok-b"]) == expected


TOKENS = ("tok-a", "tok-b", "tok-c")
REPORTS = st.lists(
    st.builds(
        lambda incident, number, tokens, action: a_report(incident, number, *tokens, action=action),
        st.sampled_from(["one", "two", "three"]),
        st.integers(1, 3),
        st.lists(st.sampled_from(TOKENS), unique=True, max_size=2),
        st.sampled_from(["new", "correct", "withdraw", "restrict", "erase"]),
    ),
    max_size=8,
)


@given(versions=REPORTS, chance=st.randoms(use_true_random=False))
def test_it_does_not_matter_in_which_order_and_how_often_they_are_read(versions: list[IncidentVersion], chance: Random):
    mixed = [*versions, *versions[:3]]
    chance.shuffle(mixed)

    assert naming(lambda: mixed, TOKENS[:2]) == naming(lambda: versions, TOKENS[:2])
