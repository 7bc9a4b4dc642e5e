"""Persons nobody is, and what two records of one share."""

from datetime import date
from functools import cache
from hashlib import sha256
from typing import Any

from safety_stream.data_files import catalogue_folder
from safety_stream.edge.tokens.keys import Epoch, development_ring
from safety_stream.edge.tokens.tables import Tables, load_tables
from safety_stream.edge.tokens.tokens import Minter, Normaliser, Person, Tokens

TODAY = date(2026, 11, 26)
PURPOSE = "safeguarding"
KEY = sha256(b"a key of the tests").digest()
OTHER_KEY = sha256(b"another one").digest()


@cache
def tables() -> Tables:
    return load_tables(catalogue_folder() / "tokens")


@cache
def normaliser() -> Normaliser:
    return Normaliser(tables(), TODAY)


@cache
def minter() -> Minter:
    return Minter(development_ring(PURPOSE, tables().digest).epochs[0], PURPOSE)


def an_epoch(name: str = "e1", **keys: bytes) -> Epoch:
    return Epoch(epoch=name, begins=date(2026, 1, 1), tables=tables().digest, keys=keys or {PURPOSE: KEY})


def a_person(**stated: Any) -> Person:
    usual = {"surname": "Smith", "forename": "Robert", "born": "1990-05-24", "sex": "M", "postcode": "BB1 1AA"}
    return Person(**usual | stated)


def tokens_of(person: Person, by: Minter | None = None) -> Tokens:
    return (by or minter()).tokens(normaliser().claims(person))


def all_of(tokens: Tokens) -> set[str]:
    primary = {tokens.primary} if tokens.primary else set()
    return primary | {
        *tokens.verified,
        *tokens.secondary,
        *tokens.weak,
        *tokens.places,
        *tokens.vehicles,
        *tokens.phones,
    }


def are_one(a: Person, b: Person) -> bool:
    """Whether the two are taken for one without anybody's looking: by the primary token, or a verified number."""
    one, other = tokens_of(a), tokens_of(b)
    return (one.primary is not None and one.primary == other.primary) or bool({*one.verified} & {*other.verified})


def kinds_shared(a: Person, b: Person) -> set[str]:
    """What somebody who looks would see that the two share."""
    return {token.split(".")[1] for token in all_of(tokens_of(a)) & all_of(tokens_of(b))}
