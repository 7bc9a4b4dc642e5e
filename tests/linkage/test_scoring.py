"""How pairs are weighed, and by labelled truth how good that is."""

from __future__ import annotations

import msgspec
import pytest
from tests.edge.tokens.making import a_person, tokens_of

from safety_stream.catalogue import load_catalogue
from safety_stream.catalogue.matching import load_matching
from safety_stream.core.matching import Pair, band_of, proposed
from safety_stream.data_files import catalogue_folder
from safety_stream.edge.tokens.tokens import Person
from safety_stream.linkage.restricted import Line, Store
from safety_stream.testing.labelled import Labelled, labelled, measured

scoring = pytest.importorskip("safety_stream.linkage.scoring", exc_type=ModuleNotFoundError)

TERMS = load_matching(catalogue_folder())
BOUNDS = load_catalogue(catalogue_folder()).persons
SEEDS = (1, 2, 3)


def store_of(*persons: Person) -> Store:
    store = Store()
    for person in persons:
        made = tokens_of(person)
        store.take(Line(made.of_party, made.verified, made.secondary, made.weak, made.places))
    return store


def weighed(one: Person, other: Person) -> Pair | None:
    """What is found of two persons, among others; None where they are never looked at."""
    beside = labelled(150, 9).store
    store = store_of(one, other)
    tokens = {*store.beside}
    store.beside.update(beside.beside)
    return next((pair for pair in scoring.scored(store, TERMS) if {pair.first, pair.second} == tokens), None)


@pytest.fixture(scope="module", params=SEEDS)
def truth(request: pytest.FixtureRequest) -> Labelled:
    return labelled(3_000, request.param)


def test_what_is_linked_is_right_in_ninety_nine_of_a_hundred(truth: Labelled):
    links = proposed(scoring.scored(truth.store, TERMS), [], TERMS, BOUNDS, by="matching-job", at=0).links
    good = measured(truth, links, BOUNDS)

    assert good.true_pairs > 1_000
    assert good.precision >= 0.99
    # Reported in docs/linkage.md: about 0.63 without anybody, 0.88 when a steward has looked at the rest.
    assert good.recall >= 0.55
    assert good.with_possible >= 0.8


def test_the_same_store_gives_the_same_weights():
    store = labelled(400, 5).store
    again = Store()
    for token in reversed(store.beside):
        again.beside[token] = {kind: set(held) for kind, held in reversed(store.beside[token].items())}

    assert scoring.scored(store, TERMS) == scoring.scored(again, TERMS)


def test_a_pair_is_weighed_by_what_it_agrees_in():
    base = {"postcode": "BB1 1AA", "uprn": "100000001"}
    found = weighed(a_person(**base), a_person(forename="Bob", **base))

    assert found is not None
    agree = (found.surname, found.forename, found.birth, found.postcode, found.property, found.numbers)
    assert agree == ("agree", "agree", "agree", "agree", "agree", ())
    assert found.weight > 10
    assert band_of(found, TERMS) == "auto"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"surname": "Smyth"}, ("alike", "agree", "agree", "agree")),
        ({"surname": "Miller"}, ("differ", "agree", "agree", "agree")),
        ({"forename": "Ronald"}, ("agree", "alike", "agree", "agree")),
        ({"forename": "Kevin"}, ("agree", "differ", "agree", "agree")),
        ({"born": "1990-06-24"}, ("agree", "agree", "year", "agree")),
        ({"born": "1962-06-24"}, ("agree", "agree", "differ", "agree")),
        ({"postcode": "PR1 1AA", "sex": "F"}, ("agree", "agree", "agree", "differ")),
        ({"postcode": "", "sex": "F"}, ("agree", "agree", "agree", "unknown")),
        ({"born": "", "nhs_number": "9990000018"}, ("agree", "agree", "unknown", "agree")),
    ],
    ids=str,
)
def test_what_agrees_follows_from_the_tokens_shared(changed: dict[str, str], expected: tuple[str, ...]):
    found = weighed(a_person(), a_person(**changed))

    assert found is not None
    assert (found.surname, found.forename, found.birth, found.postcode) == expected


def test_day_and_month_may_be_swapped():
    found = weighed(a_person(born="1990-05-04"), a_person(born="1990-04-05"))

    assert found is not None
    assert found.birth == "swapped"


def test_two_numbers_of_one_kind_are_two_persons():
    one, other = "9990000018", "9990000026"
    found = weighed(a_person(nhs_number=one), a_person(forename="Bob", nhs_number=other))
    same = weighed(a_person(nhs_number=one), a_person(forename="Bob", nhs_number=one))

    assert found is not None
    assert same is not None
    assert (found.numbers, same.numbers) == (("differ",), ("agree",))
    assert found.weight < same.weight - 20
    assert band_of(found, TERMS) != "auto"


def test_twins_and_a_father_and_his_son_wait_for_a_steward():
    twin = weighed(a_person(uprn="100000001"), a_person(forename="Kevin", uprn="100000001"))
    son = weighed(a_person(uprn="100000001"), a_person(born="2012-03-30", uprn="100000001"))

    assert twin is not None
    assert son is not None
    assert [band_of(pair, TERMS) for pair in (twin, son)] == ["possible", "possible"]


def test_two_who_share_an_address_alone_are_never_looked_at():
    one = a_person(uprn="100000001")
    other = a_person(surname="Miller", forename="Kevin", born="1971-02-03", postcode="PR2 2AA", uprn="100000001")

    assert weighed(one, other) is None


def test_what_too_many_share_leads_nobody_to_anybody():
    crowd = [a_person(born=f"1990-05-{day}", postcode="", sex="") for day in range(10, 20)]

    assert len(scoring.scored(store_of(*crowd), TERMS)) == 45
    assert scoring.scored(store_of(*crowd), msgspec.structs.replace(TERMS, shared_at_most=9)) == []


def test_a_store_of_nobody_has_no_pairs():
    assert scoring.scored(Store(), TERMS) == []
    assert scoring.scored(store_of(a_person()), TERMS) == []
