"""Tokens: keyed hashes of what names a person, alike for one person at every partner, and readable for nobody.

Theory of operation
-------------------
*Claims.* A person's stated fields are normalised into claims: a kind, and the fields it is made of. Normalising knows
no key; claims are as readable as the person and never leave this process.

*Tokens.* A token is HMAC-SHA256 by the key of purpose and epoch, over purpose, kind and fields, each with its length
before it, so that no two lists of fields give the same bytes. It is written `epoch.kind.` and 32 hexadecimal digits,
half of what HMAC gives. Of another purpose, epoch or kind nothing is ever equal.

*What a token of each kind joins.*

- `person` (surname, forename, date of birth, sex) is the primary one: two reports with it are about one person. It is
  made only when all of surname, a whole forename and a date that is no default are there.
- `nhs`, `upn`, `pnc`: a verified number, each apart. As good as the primary one.
- secondary, for a steward to look at, never to join by itself: `sound` (date, Soundex of surname, initial), `area`
  (surname, date, outward postcode), `known-as` (surname, what the forename may stand for, date), `given` (the same
  forename, date, outward postcode: a surname changed), `order` (all parts of the name, sorted, date), `swap` (surname,
  forename, date with day and month in either order). Twins share some of these.
- weak, without a date worth the name: `year` (surname, forename, year), `home` (surname, forename, outward postcode).
  Father and son share the latter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from functools import lru_cache
from typing import Final, Literal, TypeVar, get_args

import msgspec

from safety_stream.edge.tokens import numbers
from safety_stream.edge.tokens.births import Birth, Births
from safety_stream.edge.tokens.framing import framed
from safety_stream.edge.tokens.keys import Epoch
from safety_stream.edge.tokens.names import Forename, Names, Surname
from safety_stream.edge.tokens.tables import Tables
from safety_stream.edge.tokens.unusable import BadSetup, Unusable

Kind = Literal[
    "person",
    "nhs",
    "upn",
    "pnc",
    "sound",
    "area",
    "known-as",
    "given",
    "order",
    "swap",
    "year",
    "home",
    "uprn",
    "vehicle",
    "phone",
]
"""What a token is made of: a closed list."""

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

OTHER_NAMES_AT_MOST: Final = 4
"""So many names beside the first make tokens."""

FRAMES: Final = 1 << 17
"""How many framed fields are remembered."""

_BLOCK: Final = 64
_KEPT: Final = 32
"""Hexadecimal digits of a token: 128 bits, of which among a million persons no two are the same by chance."""

_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))
_SEXES: Final = {"m": "m", "male": "m", "1": "m", "man": "m", "boy": "m"} | dict.fromkeys(
    ("f", "female", "2", "woman", "girl"), "f"
)
_FRAMED_SEX: Final = {sex: framed(sex) for sex in ("m", "f", "")}
_NO_SEX: Final = frozenset(
    {"", "u", "unknown", "0", "9", "x", "i", "other", "not known", "not stated", "n", "indeterminate"}
)

T = TypeVar("T")
Claim = tuple[Kind, bytes]


class Refused(Exception):
    """Of this person no token can be made. `reason` names the mend, and never a value."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"field {field}: {reason}")
        self.field = field
        self.reason = reason


class Person(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a partner's record says of one person, as it stands there. Empty is not stated. It never shows itself.

    `other_surnames` are divided by semicolons; `aliases` likewise, each as "surname, forename".
    """

    surname: str = ""
    forename: str = ""
    born: str = ""
    sex: str = ""
    postcode: str = ""
    other_surnames: str = ""
    aliases: str = ""
    nhs_number: str = ""
    upn: str = ""
    pnc: str = ""
    uprn: str = ""
    vehicle: str = ""
    phone: str = ""

    def __repr__(self) -> str:
        return "Person(…)"


FIELDS: Final[tuple[str, ...]] = Person.__struct_fields__
"""What may be stated of a person."""


class Fault(msgspec.Struct, frozen=True):
    """A field that was left out, and the mend."""

    field: str
    reason: str


class Claims(msgspec.Struct, kw_only=True, gc=False):
    """What a person's tokens are made of. As readable as the person; it never shows itself."""

    person: bytes | None = None
    birth_is_weak: bool = False
    has_birth: bool = False
    verified: list[Claim] = []
    secondary: list[Claim] = []
    weak: list[Claim] = []
    places: list[Claim] = []
    vehicles: list[Claim] = []
    phones: list[Claim] = []
    faults: list[Fault] = []

    def __repr__(self) -> str:
        return "Claims(…)"


class Tokens(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One person's tokens of one epoch. `primary` is None where the person is not known well enough for one."""

    primary: str | None
    verified: tuple[str, ...]
    secondary: tuple[str, ...]
    weak: tuple[str, ...]
    places: tuple[str, ...]
    vehicles: tuple[str, ...]
    phones: tuple[str, ...]

    @property
    def of_party(self) -> str | None:
        """What a report calls the person: the primary token, or else a verified number's."""
        return self.primary or (self.verified[0] if self.verified else None)


class Normaliser:
    """From what a record says to claims, by tables; `as_of` is the day after which nobody is born yet.

    `for_linking` asks for the secondary and weak claims too, which are nine tenths of the work.
    """

    def __init__(self, tables: Tables, as_of: date, *, for_linking: bool = True) -> None:
        self._for_linking = for_linking
        self._names = Names(tables)
        self._births = Births(tables, as_of)
        self._outward = lru_cache(FRAMES)(numbers.outward_postcode)
        self._framed = lru_cache(FRAMES)(framed)

    def claims(self, person: Person) -> Claims:
        """The claims of one person. Raises `Refused` where none can be made."""
        surnames = _whole("surname", self._names.surnames, person.surname)
        forenames = _whole("forename", self._names.forenames, person.forename)
        birth = _whole("born", self._births.read, person.born)
        claims = Claims(has_birth=birth is not None, birth_is_weak=birth is not None and birth.is_weak)
        if _has_numbers(person):
            self._numbers(person, claims)
        if not surnames and not claims.verified:
            raise Refused("surname", "names nobody: state a surname, or a verified number")
        if surnames:
            forename = forenames[0] if forenames else None
            sex = _left_out("sex", _sex_of, person.sex, claims) or ""
            if forename is not None and not forename.is_initial and birth is not None and not birth.is_weak:
                claims.person = self._person(surnames[0], forename, birth, sex)
            # Read in any case, so that `check` and `make` say the same of a file.
            outward = _left_out("postcode", self._outward, person.postcode, claims) or ""
            if self._for_linking:
                self._main(claims, surnames[0], forename, birth, outward)
                if birth is not None and not birth.is_weak:
                    self._others(claims, person, surnames, forenames, birth, sex)
        return claims

    def faulty(self, person: Person) -> set[str]:
        """The fields whose value is not what they hold, each looked at by itself: for whoever mends the source."""
        readers: tuple[tuple[str, Callable[[str], object]], ...] = (
            ("surname", self._names.surnames),
            ("forename", self._names.forenames),
            ("born", self._births.read),
            ("sex", _sex_of),
            ("postcode", self._outward),
            ("other_surnames", lambda text: [self._names.surnames(one) for one in text.split(";")]),
            ("aliases", lambda text: [self._names.surnames(one) for one in text.replace(",", ";").split(";")]),
            *((field, read) for field, _, read in _NUMBERS),
        )
        return {field for field, read in readers if not _is_read(read, getattr(person, field))}

    def _person(self, surname: Surname, forename: Forename, birth: Birth, sex: str) -> bytes:
        return surname.whole + forename.first + birth.whole + _FRAMED_SEX[sex]

    def _main(
        self, claims: Claims, surname: Surname, forename: Forename | None, birth: Birth | None, outward: str
    ) -> None:
        whole, place = surname.whole, self._framed(outward)
        if birth is not None and not birth.is_weak:
            born = birth.whole
            if outward:
                claims.secondary.append(("area", whole + born + place))
            if forename is not None:
                self._of_name(claims, surname, forename, born)
                claims.secondary.append(("order", born + b"".join(sorted({*surname.words, *forename.words}))))
                if birth.swapped:
                    claims.secondary.append(("swap", whole + forename.first + birth.swapped))
                if outward:
                    claims.secondary += [("given", name + born + place) for name in forename.stands_for]
        if forename is not None and not forename.is_initial:
            both = whole + forename.first
            if birth is not None:
                claims.weak.append(("year", both + birth.year))
            if outward:
                claims.weak.append(("home", both + place))

    def _of_name(self, claims: Claims, surname: Surname, forename: Forename, born: bytes) -> None:
        for sound in surname.sounds:
            claims.secondary += [("sound", born + sound + initial) for initial in forename.initials]
        claims.secondary += [("known-as", surname.whole + name + born) for name in forename.stands_for]

    def _others(
        self,
        claims: Claims,
        person: Person,
        surnames: tuple[Surname, ...],
        forenames: tuple[Forename, ...],
        birth: Birth,
        sex: str,
    ) -> None:
        """The tokens of the names a person also goes by: their primary one too, as a secondary one of this record."""
        if not (surnames[1:] or forenames[1:] or person.aliases or person.other_surnames):
            return
        pairs = self._other_names(person, surnames, forenames)
        for surname, forename in list(dict.fromkeys(pairs))[:OTHER_NAMES_AT_MOST]:
            if not forename.is_initial:
                claims.secondary.append(("person", self._person(surname, forename, birth, sex)))
            self._of_name(claims, surname, forename, birth.whole)

    def _other_names(
        self, person: Person, surnames: tuple[Surname, ...], forenames: tuple[Forename, ...]
    ) -> Iterator[tuple[Surname, Forename]]:
        for text in person.other_surnames.split(";") if person.other_surnames else ():
            surnames += _whole("other_surnames", self._names.surnames, text)
        if forenames:
            yield from ((surname, forenames[0]) for surname in surnames[1:])
            yield from ((surnames[0], forename) for forename in forenames[1:])
        for alias in person.aliases.split(";") if person.aliases else ():
            last, _, first = alias.partition(",")
            others = _whole("aliases", self._names.surnames, last) or surnames[:1]
            given = _whole("aliases", self._names.forenames, first) or forenames[:1]
            if given:
                yield others[0], given[0]

    def _numbers(self, person: Person, claims: Claims) -> None:
        into = {"uprn": claims.places, "vehicle": claims.vehicles, "phone": claims.phones}
        for field, kind, read in _NUMBERS:
            text = getattr(person, field)
            if text and (number := _left_out(field, read, text, claims)):
                into.get(field, claims.verified).append((kind, framed(number)))


_NUMBERS: Final[tuple[tuple[str, Kind, Callable[[str], str]], ...]] = (
    ("nhs_number", "nhs", numbers.nhs_number),
    ("upn", "upn", numbers.pupil_number),
    ("pnc", "pnc", numbers.police_number),
    ("uprn", "uprn", numbers.property_number),
    ("vehicle", "vehicle", numbers.registration_mark),
    ("phone", "phone", numbers.telephone),
)


def _is_read(read: Callable[[str], object], text: str) -> bool:
    if text.strip():
        try:
            read(text)
        except Unusable:
            return False
    return True


def _has_numbers(person: Person) -> bool:
    return bool(person.nhs_number or person.upn or person.pnc or person.uprn or person.vehicle or person.phone)


def _whole(field: str, read: Callable[[str], T], text: str) -> T:
    try:
        return read(text)
    except Unusable as fault:
        # Nothing is chained: only the sentence is known to hold no value.
        raise Refused(field, str(fault)) from None


def _left_out(field: str, read: Callable[[str], str], text: str, claims: Claims) -> str | None:
    """What a field says that a person can do without; what is wrong with it is noted."""
    if not text or text.isspace():
        return None
    try:
        return read(text)
    except Unusable as fault:
        claims.faults.append(Fault(field, str(fault)))
        return None


def _sex_of(text: str) -> str:
    word = text.strip().lower()
    if word in _NO_SEX:
        return ""
    if word not in _SEXES:
        raise Unusable("is none of m, f, male, female, 1, 2 and unknown")
    return _SEXES[word]


class Minter:
    """From claims to tokens, by the key of one purpose and epoch. Raises `BadSetup` when the epoch lacks the purpose.

    The key's part of HMAC (RFC 2104) is done once; what each token costs is two copies and two short hashes.
    """

    def __init__(self, epoch: Epoch, purpose: str) -> None:
        if purpose not in epoch.keys:
            raise BadSetup(f"epoch {epoch.epoch} has no key for that purpose")
        key = epoch.keys[purpose]
        block = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
        inner = hashlib.sha256(block.translate(_INNER) + framed(purpose))
        self._outer = hashlib.sha256(block.translate(_OUTER))
        self._by_kind = {}
        for kind in KINDS:
            begun = inner.copy()
            begun.update(framed(kind))
            self._by_kind[kind] = (f"{epoch.epoch}.{kind}.", begun)

    def __repr__(self) -> str:
        return "Minter(…)"

    def token(self, kind: Kind, fields: bytes) -> str:
        """One token of framed fields."""
        begins, begun = self._by_kind[kind]
        inner, outer = begun.copy(), self._outer.copy()
        inner.update(fields)
        outer.update(inner.digest())
        return begins + outer.hexdigest()[:_KEPT]

    def tokens(self, claims: Claims) -> Tokens:
        """All tokens of one person."""
        return Tokens(
            primary=None if claims.person is None else self.token("person", claims.person),
            verified=self._all(claims.verified),
            secondary=self._all(claims.secondary),
            weak=self._all(claims.weak),
            places=self._all(claims.places),
            vehicles=self._all(claims.vehicles),
            phones=self._all(claims.phones),
        )

    def _all(self, claims: Iterable[Claim]) -> tuple[str, ...]:
        """What `token` gives for each, written out: a call for each would be a third of their cost."""
        if not claims:
            return ()
        by_kind, fresh, made = self._by_kind, self._outer.copy, []
        # Two ways to the same claim make one token.
        for kind, fields in dict.fromkeys(claims):
            begins, begun = by_kind[kind]
            inner, outer = begun.copy(), fresh()
            inner.update(fields)
            outer.update(inner.digest())
            made.append(begins + outer.hexdigest()[:_KEPT])
        return tuple(made)
