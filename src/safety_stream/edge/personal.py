"""Which columns of a partner's table look like persons, and which values may leave as they stand.

A report names nobody: whoever is in it goes by a token. So a column whose heading speaks of names, dates of birth or
numbers of persons goes into no field but a token's, and of every cell that goes out as it is written something is asked
that names do not have: a digit, and no blanks. A word goes out only if whoever wrote the mapping wrote that word.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

_OF_PERSONS: Final = re.compile(
    r"""
    (?<![a-z]) (
      address | alias | aliases | birth | birthdate | birthday | born | cro | dateofbirth | dob | driver | email |
      emailaddress | firstname | forenames? | fullname | homeaddress | initials? | lastname | maiden | middlename |
      mobile | mobileno | national[ _]?insurance | nhs | nhsno | nhsnumber | ni[ _]?(no|number) | nino | passport |
      phone | phoneno | phonenumber | pnc | post[ _]?code | reg | registration | surnames? | tel | telephone | upn | vrm
    ) (?![a-z])
    """,
    re.VERBOSE,
)
"""What is said in headings of persons, or of what leads to one."""

_NAME: Final = re.compile(r"(?<![a-z])names?(?![a-z])")

_OF_NOBODY: Final = re.compile(
    r"""
    (?<![a-z]) (
      area | category | council | district | division | file | force | hospital | lsoa | organisation | parish | place |
      premises | road | site | source | station | street | system | team | town | type | ward
    ) (?![a-z])
    """,
    re.VERBOSE,
)
"""What else has a name."""

_WITHIN: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
"""Where a word begins in a heading without blanks: `DateOfBirth`, `NHSNumber`."""

_AS_IT_STANDS: Final = re.compile(r"(?=[^0-9]*[0-9])[A-Za-z0-9][A-Za-z0-9/_.:-]{0,63}", re.ASCII).fullmatch

_TEN_DIGITS: Final = re.compile(r"[0-9]{10}", re.ASCII).fullmatch

_TOKEN: Final = re.compile(r"[A-Za-z0-9-]{1,24}\.([a-z-]{2,16})\.[0-9a-f]{32}", re.ASCII).fullmatch

OF_PARTIES: Final = frozenset({"person", "nhs", "upn", "pnc"})
"""The kinds of token a party of a report may go by."""

CODE_WANTED: Final = "has up to 64 letters, digits and /_.:- with a digit among them, and no blanks"
"""What `is_code` asks for, as a reason says it."""

NOT_MADE: Final = "is no token as `safety-stream tokens make` makes them (docs/tokens.md)"
"""What is wrong with what `is_token` is not."""


def looks_personal(heading: str) -> bool:
    """Whether a column of this heading may hold names, dates of birth or numbers of persons."""
    # As written, without what divides a word (`D.O.B.`, `e-mail`), and with its words apart.
    text = f"{heading} | {heading.replace('.', '').replace('-', '')} | {_WITHIN.sub(' ', heading)}".lower()
    return bool(_OF_PERSONS.search(text) or (_NAME.search(text) and not _OF_NOBODY.search(text)))


def is_code(text: str) -> bool:
    """Whether a reference or code may leave as it stands: a name has no digit, and an address has blanks."""
    return _AS_IT_STANDS(text) is not None


def may_be_nhs_number(text: str) -> bool:
    """Whether these are ten digits the last of which checks the others, as it does of every NHS number."""
    if not _TEN_DIGITS(text):
        return False
    total = sum(weight * int(digit) for weight, digit in zip(range(10, 1, -1), text, strict=False))
    return (11 - total % 11) % 11 == int(text[9])


def is_token(text: str, kinds: Collection[str]) -> bool:
    """Whether it has the shape of a token of `edge.tokens` of these kinds: epoch, kind and 32 hexadecimal digits."""
    found = _TOKEN(text)
    return found is not None and found[1] in kinds
