"""A token is HMAC of framed fields: no two lists of fields meet, and nothing of another key, purpose, epoch or kind."""

import hashlib
import hmac
import re
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.edge.tokens.making import KEY, OTHER_KEY, PURPOSE, a_person, all_of, an_epoch, minter, normaliser, tokens_of

from safety_stream.core.stages.intake import _IS_TOKEN
from safety_stream.edge.tokens.framing import framed
from safety_stream.edge.tokens.tokens import KINDS, Kind, Minter
from safety_stream.edge.tokens.unusable import BadSetup

TEXTS = st.text(st.sampled_from("ab\x00\x04 ,|") | st.characters(codec="utf-8"), max_size=6)


def plainly(key: bytes, *fields: str) -> str:
    """The token's digits, written naively."""
    message = b"".join(len(field.encode()).to_bytes(4, "big") + field.encode() for field in fields)
    return hmac.new(key, message, hashlib.sha256).hexdigest()[:32]


@given(st.lists(TEXTS, max_size=5), st.sampled_from(KINDS), st.sampled_from([KEY, OTHER_KEY, KEY + OTHER_KEY + KEY]))
def test_a_token_is_the_hmac_of_purpose_kind_and_fields(fields: list[str], kind: Kind, key: bytes):
    token = Minter(an_epoch("e7", violence=key), "violence").token(kind, b"".join(map(framed, fields)))

    assert token == f"e7.{kind}.{plainly(key, 'violence', kind, *fields)}"


@given(st.lists(TEXTS, max_size=4), st.lists(TEXTS, max_size=4))
def test_no_two_lists_of_fields_are_framed_alike(one: list[str], other: list[str]):
    assert (b"".join(map(framed, one)) == b"".join(map(framed, other))) == (one == other)


@given(st.lists(TEXTS, min_size=2, max_size=4), st.integers(0, 6), st.integers(0, 2))
def test_moving_the_border_between_two_fields_makes_another_token(fields: list[str], at: int, which: int):
    which %= len(fields) - 1
    both = fields[which] + fields[which + 1]
    moved = [*fields[:which], both[:at], both[at:], *fields[which + 2 :]]
    tokens = [minter().token("person", b"".join(map(framed, one))) for one in (fields, moved)]

    assert (tokens[0] == tokens[1]) == (fields == moved)


def test_purpose_and_kind_are_framed_too():
    one = Minter(an_epoch(ab=KEY), "ab").token("person", framed("x"))
    other = Minter(an_epoch(a=KEY), "a").token("person", framed("b") + framed("x"))

    assert one != other


@pytest.mark.parametrize(
    "other",
    [
        Minter(an_epoch(safeguarding=OTHER_KEY), PURPOSE),
        Minter(an_epoch(violence=KEY), "violence"),
        Minter(an_epoch("e2", safeguarding=KEY), PURPOSE),
    ],
    ids=["key", "purpose", "epoch"],
)
def test_of_another_key_purpose_or_epoch_nothing_is_equal(other: Minter):
    person = a_person(nhs_number="9990000018", uprn="1", vehicle="AA01 AAA", phone="01632 960001")
    ours = Minter(an_epoch(), PURPOSE)

    assert all_of(tokens_of(person, ours)) & all_of(tokens_of(person, other)) == set()


def test_of_another_purpose_not_even_the_digits_are_equal():
    digits = [
        {
            token.rpartition(".")[2]
            for token in all_of(tokens_of(a_person(), Minter(an_epoch(**{purpose: KEY}), purpose)))
        }
        for purpose in ("safeguarding", "violence")
    ]

    assert digits[0] & digits[1] == set()


def test_of_two_kinds_over_the_same_fields_nothing_is_equal():
    digits = {minter().token(kind, framed("x")).rpartition(".")[2] for kind in KINDS}

    assert len(digits) == len(KINDS) == len(get_args(Kind))


def test_a_token_is_one_that_intake_takes_and_says_its_epoch():
    tokens = all_of(tokens_of(a_person(nhs_number="9990000018")))

    assert all(_IS_TOKEN(token) and re.fullmatch(r"dev\.[a-z-]+\.[0-9a-f]{32}", token) for token in tokens)


def test_what_is_made_in_bulk_is_what_is_made_one_by_one():
    claims = normaliser().claims(a_person(forename="Bob", surname="Smith-Jones", aliases="Jones, Bert"))

    assert minter().tokens(claims).secondary == tuple(
        dict.fromkeys(minter().token(kind, fields) for kind, fields in claims.secondary)
    )


def test_an_epoch_without_the_purpose_makes_nothing():
    with pytest.raises(BadSetup, match="e1"):
        Minter(an_epoch(), "violence")


def test_nobody_shows_what_they_hold():
    person = a_person(surname="Featherstonehaugh")
    shown = f"{person!r}{person}{normaliser().claims(person)!r}{minter()!r}{an_epoch()!r}"

    assert "eatherstone" not in shown
    assert repr(KEY)[2:-1] not in shown
