"""Numbers that name a person, an address, a vehicle or a telephone: checked, written in one way, never kept. Pure.

Each function takes a text and gives the number as everybody writes it, or raises `Unusable`.
"""

from __future__ import annotations

import re
from typing import Final

import phonenumbers
from stdnum.gb import nhs, upn

from safety_stream.edge.tokens.unusable import Unusable

_SEPARATORS = re.compile(r"[\s\-./]+")
_PNC = re.compile(r"((?:19|20)\d{2})/?(\d{7})([A-Z])|((?:19|20)\d{2})/(\d{1,6})([A-Z])", re.ASCII)
_PNC_LETTERS: Final = "ZABCDEFGHJKLMNPQRTUVWXY"
"""A PNC identifier's check letter, by the remainder of year and serial number by 23 (HMPPS person record)."""
_UPN = re.compile(r"[A-HJ-NP-RT-Z]\d{12}", re.ASCII)
_UPRN = re.compile(r"0*([1-9]\d{0,11})", re.ASCII)
_VRM = re.compile(
    r"""[A-Z]{2}\d{2}[A-Z]{3}      # since 2001
    |[A-Z]\d{1,3}[A-Z]{3}          # a letter for the year first
    |[A-Z]{3}\d{1,3}[A-Z]          # a letter for the year last
    |[A-Z]{1,3}\d{1,4}|\d{1,4}[A-Z]{1,3}  # without a year, also Northern Ireland""",
    re.VERBOSE | re.ASCII,
)
_DRAMA = re.compile(r"\+44(1632960|7700900|1134960|1144960|1154960|1164960|1174960|1184960|1214960|1314960|1414960"
                    r"|1514960|1614960|2079460|1914980|2896496|2920180|8081570|9098790|3069990)\d+")  # fmt: skip
"""What Ofcom keeps for drama: no such number is anybody's, and libraries call it invalid."""
_POSTCODE = re.compile(r"([A-Z]{1,2}\d[A-Z\d]?)(?:\d[ABD-HJLNP-UW-Z]{2})?", re.ASCII)
_NO_ABODE: Final = "ZZ99"
"""Where the NHS puts whoever has no postcode: not a place."""


def nhs_number(text: str) -> str:
    """Ten digits, the last of which checks the others."""
    number = nhs.compact(text)
    if not nhs.is_valid(number):
        raise Unusable("is no NHS number: ten digits, the last of which checks the others")
    return number


def pupil_number(text: str) -> str:
    """A letter that checks twelve digits. A temporary number, which ends in a letter, names nobody for long."""
    number = _compact(text)
    # Not stdnum's own check: its list of authorities is of 2011 and lacks those made since.
    if not _UPN.fullmatch(number) or upn.calc_check_digit(number[1:]) != number[0]:
        raise Unusable("is no permanent UPN: a letter that checks the twelve digits after it")
    return number


def police_number(text: str) -> str:
    """A PNC identifier: year, serial number, a letter that checks both."""
    match = _PNC.fullmatch(text.strip().upper())
    if match is None:
        # A year of two digits may be of either century: two persons.
        raise Unusable("is no PNC identifier: the whole year, a stroke, a number and a letter")
    year, serial, letter = (one for one in match.groups() if one is not None)
    if _PNC_LETTERS[int(year[2:] + serial.zfill(7)) % len(_PNC_LETTERS)] != letter:
        raise Unusable("is no PNC identifier: its letter does not check the rest")
    return f"{year}/{serial.zfill(7)}{letter}"


def property_number(text: str) -> str:
    """A UPRN: one to twelve digits, leading zeros left out; it has no public check digit."""
    match = _UPRN.fullmatch(text.strip())
    if match is None:
        raise Unusable("is no UPRN: one to twelve digits")
    return match[1]


def registration_mark(text: str) -> str:
    """A vehicle's mark as it is issued in the United Kingdom, without spaces."""
    mark = _compact(text)
    if not _VRM.fullmatch(mark):
        raise Unusable("is no registration mark of the United Kingdom: leave foreign ones out")
    return mark


def telephone(text: str) -> str:
    """A telephone number in E.164; without a country it is one of the United Kingdom."""
    try:
        number = phonenumbers.parse(text, "GB")
    except phonenumbers.NumberParseException:
        raise Unusable("is no telephone number") from None
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if not phonenumbers.is_valid_number(number) and not _DRAMA.fullmatch(written):
        raise Unusable("is no telephone number that can be dialled")
    return written


def outward_postcode(text: str) -> str:
    """The first half of a postcode; empty where it says that there is none."""
    code = _compact(text)
    if code.startswith(_NO_ABODE):
        return ""
    match = _POSTCODE.fullmatch(code)
    if match is None:
        raise Unusable("is no postcode, nor the first half of one")
    return match[1]


def _compact(text: str) -> str:
    return _SEPARATORS.sub("", text).upper()
