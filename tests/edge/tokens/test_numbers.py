"""Numbers are checked and written in one way. All of them are nobody's.

NHS numbers that begin with 999 are for tests; no authority has UPNs of 000; Ofcom keeps these telephone numbers for
drama; no mark of 2001 and later has the year 01; PNC numbers here are of a year to
come.
"""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety_stream.edge.tokens import numbers
from safety_stream.edge.tokens.unusable import Unusable


@pytest.mark.parametrize(
    ("read", "text", "written"),
    [
        (numbers.nhs_number, "999 000 0018", "9990000018"),
        (numbers.nhs_number, " 999-000-0018 ", "9990000018"),
        (numbers.pupil_number, "p 0000 0000 0001", "P000000000001"),
        (numbers.police_number, "2099/0000001G", "2099/0000001G"),
        (numbers.police_number, "2099/1g", "2099/0000001G"),
        (numbers.police_number, "20990000001G", "2099/0000001G"),
        (numbers.property_number, "000012345", "12345"),
        (numbers.registration_mark, "aa01 aaa", "AA01AAA"),
        (numbers.telephone, "01632 960001", "+441632960001"),
        (numbers.telephone, "(01632) 960 001", "+441632960001"),
        (numbers.telephone, "07700 900123", "+447700900123"),
        (numbers.telephone, "+44 7700 900123", "+447700900123"),
        (numbers.telephone, "0044 7700 900123", "+447700900123"),
        (numbers.outward_postcode, "bb1 1aa", "BB1"),
        (numbers.outward_postcode, "BB11AA", "BB1"),
        (numbers.outward_postcode, "BB11 1AA", "BB11"),
        (numbers.outward_postcode, "EC1A 1BB", "EC1A"),
        (numbers.outward_postcode, "BB1", "BB1"),
        (numbers.outward_postcode, "ZZ99 3VZ", ""),
    ],
)
def test_a_number_is_written_in_one_way(read: Callable[[str], str], text: str, written: str):
    assert read(text) == written


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (numbers.nhs_number, "9990000017"),
        (numbers.nhs_number, "999000001"),
        (numbers.nhs_number, "999000001X"),
        (numbers.pupil_number, "A000000000001"),
        (numbers.pupil_number, "P00000000000A"),
        (numbers.police_number, "2099/0000001N"),
        (numbers.police_number, "99/0000001M"),
        (numbers.police_number, "2099/00000001G"),
        (numbers.property_number, "0"),
        (numbers.property_number, "1234567890123"),
        (numbers.property_number, "12a"),
        (numbers.registration_mark, "AA01 AAAA"),
        (numbers.registration_mark, ""),
        (numbers.telephone, "01632 9600"),
        (numbers.telephone, "ask at the desk"),
        (numbers.outward_postcode, "BB1 1AI"),
        (numbers.outward_postcode, "Blackburn"),
    ],
)
def test_what_is_no_such_number_is_refused_without_repeating_it(read: Callable[[str], str], text: str):
    with pytest.raises(Unusable) as fault:
        read(text)

    assert not text or text not in str(fault.value)
    assert fault.value.__cause__ is None


def test_one_digit_wrong_is_found():
    wrong = [f"{digit}990000018" for digit in "012345678"] + [f"99900000{digit}8" for digit in "023456789"]

    assert [number for number in wrong if not _is_refused(number)] == []


def _is_refused(number: str) -> bool:
    try:
        numbers.nhs_number(number)
    except Unusable:
        return True
    return False


@given(st.integers(0, 9_999_999))
def test_a_police_number_has_one_letter(serial: int):
    letters = [letter for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if _is_police(f"2099/{serial:07}{letter}")]

    assert len(letters) == 1
    assert not re.search("[IOS]", letters[0])


def _is_police(text: str) -> bool:
    try:
        return numbers.police_number(text) == text
    except Unusable:
        return False
