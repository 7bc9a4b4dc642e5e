"""One person written down in two ways shares a token; two persons are never made one."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.edge.tokens.making import PURPOSE, a_person, an_epoch, are_one, kinds_shared, normaliser, tokens_of

from safety_stream.edge.tokens.tokens import Minter, Refused

# Two ways to write what the same person is called, and so one at once.
ALIKE = {
    "case": ({"surname": "SMITH", "forename": "robert"}, {}),
    "spaces": ({"surname": "  Smith ", "forename": "Robert  "}, {}),
    "NFKC": ({"surname": "Ｓｍｉｔｈ"}, {}),  # noqa: RUF001 - letters of another width
    "accents": ({"surname": "Núñez"}, {"surname": "Nunez"}),
    "letters Unicode does not take apart": ({"surname": "Wałęsa"}, {"surname": "Walesa"}),
    "a composed and a decomposed letter": ({"surname": "Caf\u00e9"}, {"surname": "Cafe\u0301"}),
    "an apostrophe left out": ({"surname": "O'Brien"}, {"surname": "OBrien"}),
    "a typographic apostrophe": ({"surname": "O\u2019Brien"}, {"surname": "O'Brien"}),
    "an accent for an apostrophe": ({"surname": "O\u00b4Brien"}, {"surname": "O'Brien"}),
    "a space for an apostrophe": ({"surname": "O Brien"}, {"surname": "O'Brien"}),
    "a hyphen left out": ({"surname": "Smith-Jones"}, {"surname": "Smith Jones"}),
    "a dash for a hyphen": ({"surname": "Smith\u2013Jones"}, {"surname": "Smith-Jones"}),
    "a title in the forename": ({"forename": "Mr Robert"}, {}),
    "a title in the surname": ({"surname": "Dr. Smith"}, {}),
    "a suffix": ({"surname": "Smith Jnr"}, {}),
    "Mac and Mc": ({"surname": "McDonald"}, {"surname": "Mac Donald"}),
    "a middle name": ({"forename": "Robert James"}, {}),
    "Mohammed and Muhammad": ({"forename": "Mohammed"}, {"forename": "Muhammad"}),
    "Mohammed before another name": ({"forename": "Mohammed Imran"}, {"forename": "Imran"}),
    "Mohd. before another name": ({"forename": "Mohd. Imran"}, {"forename": "Muhammad Imran"}),
    "Abdul Rahman in one word": ({"forename": "Abdul Rahman"}, {"forename": "Abdur-Rehman"}),
    "Hussain and Hussein": ({"surname": "Hussain"}, {"surname": "Hussein"}),
    "Choudhury and Chowdhury": ({"surname": "Choudhury"}, {"surname": "Chowdhury"}),
    "Kaur before the surname": ({"surname": "Kaur Dhillon"}, {"surname": "Dhillon"}),
    "Kaur among the forenames": ({"forename": "Gurpreet Kaur"}, {"forename": "Gurpreet"}),
    "Singh among the forenames": ({"forename": "Gurpreet Singh"}, {"forename": "Gurprit"}),
    "a date written otherwise": ({"born": "24/05/1990"}, {"born": "1990-05-24 00:00:00"}),
    "sex written otherwise": ({"sex": "male"}, {"sex": "1"}),
    "another postcode": ({"postcode": "PR1 2AB"}, {}),
    "no postcode": ({"postcode": ""}, {}),
    "a verified number, all else changed": (
        {"surname": "Jones", "forename": "Bert", "born": "", "nhs_number": "999 000 0018"},
        {"nhs_number": "9990000018"},
    ),
}

# What a steward finds by, where one token would join too much.
FOUND = {
    "a nickname": ({"forename": "Bob"}, {}, "known-as"),
    "two nicknames of one name": ({"forename": "Bob"}, {"forename": "Robbie"}, "known-as"),
    "half of a double-barrelled name": ({"surname": "Smith-Jones"}, {"surname": "Jones"}, "sound"),
    "a hyphened forename": ({"forename": "Anne-Marie"}, {"forename": "Anne Marie"}, "sound"),
    "a misspelt surname": ({"surname": "Smyth"}, {}, "sound"),
    "an initial for a forename": ({"forename": "R"}, {}, "sound"),
    "no forename": ({"forename": ""}, {}, "area"),
    "Mohammed alone": ({"forename": "Mohammed"}, {"forename": "Mohammed Imran"}, "sound"),
    "Kaur for a surname": ({"surname": "Kaur"}, {"surname": "Kaur Dhillon"}, "sound"),
    "Kaur for a surname, in the forenames before": (
        {"forename": "Gurpreet", "surname": "Kaur"},
        {"forename": "Gurpreet Kaur", "surname": "Dhillon"},
        "given",
    ),
    "forename and surname in each other's field": (
        {"surname": "Ali", "forename": "Khan"},
        {"surname": "Khan", "forename": "Ali"},
        "order",
    ),
    "double-barrelled the other way round": ({"surname": "Smith-Jones"}, {"surname": "Jones-Smith"}, "order"),
    "day and month swapped": ({"born": "1990-05-04"}, {"born": "1990-04-05"}, "swap"),
    "no sex": ({"sex": ""}, {}, "known-as"),
    "a default date of birth": ({"born": "1990-01-01"}, {}, "year"),
    "a default date of birth, on both": ({"born": "01/01/1990"}, {"born": "1990-01-01"}, "year"),
    "no date of birth": ({"born": ""}, {}, "home"),
    "a placeholder for a date of birth": ({"born": "unknown"}, {}, "home"),
    "an alias": ({"surname": "Jones", "aliases": "Smith, Robert"}, {}, "person"),
    "an alias by surname alone": ({"surname": "Jones", "aliases": "Smith"}, {}, "person"),
    "a name in brackets": ({"forename": "Robert (Chico)"}, {"forename": "Chico"}, "person"),
    "née": ({"surname": "Jones (née Smith)"}, {}, "person"),
    "a.k.a.": ({"surname": "Jones aka Smith"}, {}, "person"),
    "a change of name, with the former one": ({"surname": "Jones", "other_surnames": "Smith"}, {}, "person"),
    "a change of name, without": ({"surname": "Jones"}, {}, "given"),
}

# Two persons.
APART = {
    "twins": ({"forename": "James"}, {"forename": "Jack"}),
    "twins whose names may be one": ({"forename": "John"}, {"forename": "Jack"}),
    "twins with hyphened names": ({"forename": "Anne-Marie", "sex": "f"}, {"forename": "Anne-Louise", "sex": "f"}),
    "twins both called Mohammed": ({"forename": "Mohammed Imran"}, {"forename": "Mohammed Bilal"}),
    "father and son of one name at one address": ({"born": "1962-07-15"}, {"born": "1990-05-24"}),
    "father and son, the son's date missing": ({"born": "1962-07-15"}, {"born": ""}),
    "father and son, both dates missing": ({"born": ""}, {"born": "n/a"}),
    "default dates alone": ({"born": "1980-01-01"}, {"born": "1980-01-01"}),
    "an initial alone": ({"forename": "R"}, {"forename": "R"}),
    "siblings, day and month alike": (
        {"forename": "Ann", "born": "1990-05-04"},
        {"forename": "Ben", "born": "1990-04-05"},
    ),
    "a postcode used again": ({"surname": "Jones", "born": "1950-02-03"}, {}),
    "two of one name, of two sexes": ({"forename": "Alex", "sex": "f"}, {"forename": "Alex", "sex": "m"}),
    "Singh and Kaur": ({"surname": "Singh"}, {"surname": "Kaur"}),
    "surnames of two families": ({"surname": "Clark"}, {"surname": "Clarke"}),
}


@pytest.mark.parametrize(("one", "other"), ALIKE.values(), ids=ALIKE)
def test_one_person_written_otherwise_has_the_same_token(one: dict[str, Any], other: dict[str, Any]):
    assert are_one(a_person(**one), a_person(**other))


@pytest.mark.parametrize(("one", "other", "by"), FOUND.values(), ids=FOUND)
def test_one_person_known_less_well_is_found_by_another_token(one: dict[str, Any], other: dict[str, Any], by: str):
    assert by in kinds_shared(a_person(**one), a_person(**other))
    assert not are_one(a_person(**one), a_person(**other))


@pytest.mark.parametrize(("one", "other"), APART.values(), ids=APART)
def test_two_persons_are_not_made_one(one: dict[str, Any], other: dict[str, Any]):
    assert not are_one(a_person(**one), a_person(**other))


FORENAMES = st.sampled_from(["Robert", "Mary", "Imran", "Fatima", "Anne-Marie", "Jose", "Katarzyna", "Gurpreet"])
SURNAMES = st.sampled_from(["Smith", "O'Brien", "Smith-Jones", "Khan", "Hussain", "MacDonald", "Nunez", "Dhillon"])
DEFAULTS = {(1, 1), (9, 9), (2, 2)}
BORN = st.dates(date(1930, 1, 2), date(2026, 1, 1)).filter(lambda born: (born.month, born.day) not in DEFAULTS)

ANYHOW: dict[str, Any] = {
    "as it is": lambda p: p,
    "upper case": lambda p: p | {"surname": p["surname"].upper(), "forename": p["forename"].upper()},
    "a title": lambda p: p | {"forename": f"Mrs. {p['forename']}"},
    "a middle name": lambda p: p | {"forename": f"{p['forename']} James"},
    "no apostrophe": lambda p: p | {"surname": p["surname"].replace("'", "")},
    "a space for a hyphen": lambda p: p | {"surname": p["surname"].replace("-", " ")},
    "accents": lambda p: p | {"forename": p["forename"].replace("e", "é"), "surname": p["surname"].replace("n", "ñ")},
    "swapped fields": lambda p: p | {"forename": p["surname"], "surname": p["forename"]},
    "no sex": lambda p: p | {"sex": ""},
    "another surname": lambda p: p | {"surname": "Kaur"},
    "the day first": lambda p: p | {"born": "/".join(reversed(p["born"].split("-")))},
    "an initial": lambda p: p | {"forename": p["forename"][0]},
    "no date": lambda p: p | {"born": ""},
    "no postcode": lambda p: p | {"postcode": ""},
}


@given(FORENAMES, SURNAMES, BORN, st.sampled_from(["M", "F"]), st.sampled_from(sorted(ANYHOW)))
def test_whoever_it_is_a_variation_shares_a_token(forename: str, surname: str, born: Any, sex: str, how: str):
    person = {"surname": surname, "forename": forename, "born": str(born), "sex": sex, "postcode": "BB11 2AA"}

    assert kinds_shared(a_person(**person), a_person(**ANYHOW[how](person)))


def test_a_default_date_makes_no_primary_token():
    tokens = tokens_of(a_person(born="1990-01-01"))

    assert (tokens.primary, tokens.secondary) == (None, ())
    assert tokens.weak


def test_an_nhs_number_tells_who_it_is_where_the_name_does_not():
    tokens = tokens_of(a_person(born="", nhs_number="9990000018"))

    assert (tokens.primary, tokens.of_party) == (None, tokens.verified[0])


@pytest.mark.parametrize(
    ("stated", "field", "said"),
    [
        ({"born": "1990-02-30"}, "born", "no day of the calendar"),
        ({"born": "2026-11-27"}, "born", "future"),
        ({"born": "1871-03-04"}, "born", "122 years"),
        ({"born": "04/05/90"}, "born", "the whole year"),
        ({"born": "25/13/1990"}, "born", "no day of the calendar"),
        ({"surname": "Smith 07"}, "surname", "no digits"),
        ({"surname": "", "forename": "Robert"}, "surname", "names nobody"),
        ({"surname": "Unknown"}, "surname", "names nobody"),
        ({"surname": "N/A"}, "surname", "names nobody"),
        ({"surname": "Smith\udce9"}, "surname", "--encoding"),
        ({"surname": "a" * 201}, "surname", "longer than"),
    ],
)
def test_what_no_token_can_be_made_of_is_refused(stated: dict[str, str], field: str, said: str):
    with pytest.raises(Refused, match=said) as refused:
        tokens_of(a_person(**stated))

    assert refused.value.field == field
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_a_surname_that_is_also_a_word_for_others_is_a_surname():
    assert tokens_of(a_person(surname="Nee")).primary
    assert tokens_of(a_person(surname="Senior")).primary
    assert tokens_of(a_person(surname="Singh")).primary


def test_a_title_in_brackets_is_no_other_name():
    assert tokens_of(a_person(surname="Smith (Mrs)")) == tokens_of(a_person())


def test_a_name_of_one_letter_in_other_writing_is_whole():
    assert tokens_of(a_person(surname="王", forename="芳")).primary
    assert not tokens_of(a_person(forename="F")).primary


def test_tokens_stay_what_they_are():
    """They are kept for years. When this fails on purpose, raise `FORM`, so that an epoch is not mixed of two sorts."""
    by = Minter(an_epoch("g"), PURPOSE)
    people = [
        a_person(),
        a_person(surname="Ó Briain-Wałęsa", forename="Mohd. Yousaf", sex="1"),
        a_person(surname="Kaur Dhillon", forename="Gurprit Kaur", born="2001-12-31", sex="F"),
    ]

    assert [tokens_of(person, by).primary for person in people] == [
        "g.person.bee57b3de54dadc256fda29e1e6900fd",
        "g.person.d302fc307fc7752127301f9cef8979d1",
        "g.person.ef8a83e8d990d5888d011375b0b0dd61",
    ]


def test_what_is_wrong_beside_the_name_is_left_out_and_said():
    person = a_person(
        sex="Q", postcode="ZZZ", nhs_number="123", phone="12", vehicle="?", uprn="x", upn="A1", pnc="1/1A"
    )
    claims = normaliser().claims(person)

    assert {fault.field for fault in claims.faults} == {
        *("sex", "postcode", "nhs_number", "phone", "vehicle", "uprn", "upn", "pnc")
    }
    assert claims.person is not None
