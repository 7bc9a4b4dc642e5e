"""Persons nobody is, and what partners' records say of them: labelled truth for matching persons' tokens.

Families share a surname and an address; some have twins, some a father and a son of one name; some surnames are
everybody's. Records are made of persons as offices make them: a letter wrong, a short name, day and month swapped, a
date missing or made up, an old address, a surname from before a marriage, no number. Which person a record is of is
known here, and to nobody who matches.

Surnames are made of syllables; forenames come from outside (the tables of names that tokens are made by), so that short
names mean something. NHS numbers begin with 999, which is nobody's.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

import msgspec

PARTNERS: Final = ("police", "health", "housing", "schools", "social-care")

_EARLIEST: Final = date(1940, 1, 1)
_ONSETS: Final = ("b", "br", "d", "f", "g", "gr", "h", "k", "l", "m", "n", "p", "r", "s", "st", "t", "tr", "v", "w")
_VOWELS: Final = ("a", "e", "i", "o", "u", "ay", "ee", "oo")
_ENDINGS: Final = ("", "l", "n", "nd", "r", "ck", "m", "ss")
_LETTERS: Final = "abcdefghiklmnoprstuvw"


class Errors(msgspec.Struct, frozen=True, kw_only=True):
    """How often, of a record, something is so. Ours: as bad as offices' records are thought to be, and rather worse."""

    surname_typo: float = 0.03
    former_surname: float = 0.03
    forename_typo: float = 0.03
    short_forename: float = 0.06
    initial_only: float = 0.02
    no_birth: float = 0.03
    default_birth: float = 0.01
    swapped_birth: float = 0.015
    wrong_birth: float = 0.015
    no_sex: float = 0.04
    wrong_sex: float = 0.005
    no_postcode: float = 0.08
    old_address: float = 0.12
    with_number: float = 0.85
    number_elsewhere: float = 0.15
    with_property: float = 0.4


class Record(msgspec.Struct, frozen=True):
    """What one partner's record says, by field as `tokens make` reads it, and whose it is: the truth."""

    person: int
    partner: str
    stated: Mapping[str, str]


class _Person(msgspec.Struct, frozen=True, kw_only=True):
    surname: str
    former_surname: str
    forename: str
    born: date
    sex: str
    homes: tuple[tuple[str, str], ...]
    number: str


def records_of(
    persons: int, seed: int, short_forms: Mapping[str, Sequence[str]], errors: Errors | None = None
) -> Iterator[Record]:
    """What partners' records say of about so many persons, in the order of persons; the same for the same arguments.

    `short_forms` are forenames, each with what it may be called for short.
    """
    chance = random.Random(seed)
    known = errors or Errors()
    for number, person in enumerate(_families(chance, persons, short_forms)):
        for partner in chance.sample(PARTNERS, chance.choice((1, 2, 2, 3, 3, 4))):
            yield Record(number, partner, _stated(chance, known, person, partner, short_forms))


def _families(chance: random.Random, persons: int, short_forms: Mapping[str, Sequence[str]]) -> Iterator[_Person]:
    surnames = _names(chance, max(persons // 6, 40))
    # As in life: few are many people's, most are few people's.
    weights = [1 / (rank + 10) for rank in range(len(surnames))]
    forenames = [*sorted(short_forms), *_names(chance, 200)]
    numbers = iter(chance.sample(range(1_000_000), 4 * persons))
    made = 0
    while made < persons:
        surname = chance.choices(surnames, weights)[0]
        homes = (_home(chance), _home(chance))
        for person in _family(chance, surname, homes, forenames, surnames):
            yield msgspec.structs.replace(person, number=_number(numbers))
            made += 1


def _family(
    chance: random.Random,
    surname: str,
    homes: tuple[tuple[str, str], ...],
    forenames: Sequence[str],
    surnames: Sequence[str],
) -> Iterator[_Person]:
    def one(forename: str, born: date, former: str = "") -> _Person:
        sex = chance.choice("MF")
        return _Person(
            surname=surname, former_surname=former, forename=forename, born=born, sex=sex, homes=homes, number=""
        )

    father = one(chance.choice(forenames), _birthday(chance, 0, 20_000))
    yield father
    if chance.random() < 0.6:  # noqa: PLR2004 - so many live with somebody
        yield one(chance.choice(forenames), _birthday(chance, 0, 20_000), chance.choice(surnames))
    for _ in range(chance.choice((0, 0, 1, 1, 2, 3))):
        born = _birthday(chance, 20_000, 29_000)
        is_named_after = chance.random() < 0.03  # noqa: PLR2004 - a son of his father's name
        child = one(father.forename if is_named_after else chance.choice(forenames), born)
        yield child
        if chance.random() < 0.03:  # noqa: PLR2004 - births of twins, about one in sixty in life
            yield one(chance.choice([name for name in forenames if name != child.forename]), born)


def _stated(
    chance: random.Random, errors: Errors, person: _Person, partner: str, short_forms: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    def so(rate: float) -> bool:
        return chance.random() < rate

    surname = person.former_surname if person.former_surname and so(errors.former_surname * 2) else person.surname
    forename = person.forename
    short = short_forms.get(forename, ())
    if short and so(errors.short_forename):
        forename = chance.choice(short)
    elif so(errors.initial_only):
        forename = forename[0]
    elif so(errors.forename_typo):
        forename = _mistyped(chance, forename)
    home = person.homes[1] if so(errors.old_address) else person.homes[0]
    has_number = so(errors.with_number if partner == "health" else errors.number_elsewhere)
    sex = {"M": "F", "F": "M"}[person.sex] if so(errors.wrong_sex) else person.sex
    return {
        "surname": _mistyped(chance, surname) if so(errors.surname_typo) else surname,
        "forename": forename,
        "born": _birth(chance, errors, person.born),
        "sex": "" if so(errors.no_sex) else sex,
        "postcode": "" if so(errors.no_postcode) else home[0],
        "uprn": home[1] if so(errors.with_property) else "",
        "nhs_number": person.number if has_number else "",
    }


def _birth(chance: random.Random, errors: Errors, born: date) -> str:
    kinds = ("none", "default", "swapped", "wrong", "right")
    rates = (errors.no_birth, errors.default_birth, errors.swapped_birth, errors.wrong_birth)
    match chance.choices(kinds, (*rates, 1 - sum(rates)))[0]:
        case "none":
            return ""
        case "default":
            return f"{born.year}-01-01"
        case "swapped":
            return _swapped(born).isoformat()
        case "wrong":
            return _wrong(chance, born).isoformat()
        case _:
            return born.isoformat()


def _swapped(born: date) -> date:
    return born.replace(month=born.day, day=born.month) if born.day <= 12 else born  # noqa: PLR2004 - months


def _wrong(chance: random.Random, born: date) -> date:
    if chance.random() < 0.5:  # noqa: PLR2004 - as often the year as the day
        return born.replace(year=born.year + chance.choice((-10, -1, 1)), day=min(born.day, 28))
    return born + timedelta(days=chance.choice((-10, -3, -1, 1, 3, 10)))


def _mistyped(chance: random.Random, word: str) -> str:
    at = chance.randrange(1, len(word)) if len(word) > 1 else 0
    match chance.randrange(4):
        case 0:
            return word[:at] + word[at + 1 :] or word
        case 1:
            return word[:at] + chance.choice(_LETTERS) + word[at + 1 :]
        case 2:
            return word[:at] + chance.choice(_LETTERS) + word[at:]
        case _:
            return word[: at - 1] + word[at : at + 1] + word[at - 1] + word[at + 1 :] if at else word


def _birthday(chance: random.Random, first: int, last: int) -> date:
    return _EARLIEST + timedelta(days=chance.randrange(first, last))


def _names(chance: random.Random, how_many: int) -> list[str]:
    made: dict[str, None] = {}
    while len(made) < how_many:
        syllables = chance.choice((2, 2, 3))
        made[
            "".join(chance.choice(_ONSETS) + chance.choice(_VOWELS) for _ in range(syllables)) + chance.choice(_ENDINGS)
        ] = None
    return list(made)


def _home(chance: random.Random) -> tuple[str, str]:
    """A postcode of one of thirty districts, and a property's number."""
    district = chance.choice(("BB", "PR", "FY", "LA", "BL")) + str(chance.randrange(1, 7))
    return f"{district} {chance.randrange(1, 10)}{chance.choice('ABDEFGHJLN')}{chance.choice('ABDEFGHJLN')}", str(
        chance.randrange(100_000_000, 199_999_999)
    )


def _number(digits: Iterator[int]) -> str:
    """An NHS number that is nobody's: 999, six digits, and the check digit they have."""
    while True:
        nine = f"999{next(digits):06}"
        check = 11 - sum(int(digit) * (10 - place) for place, digit in enumerate(nine)) % 11
        if check != 10:  # noqa: PLR2004 - such numbers are never given
            return nine + str(check % 11)
