"""Which of two things must be kept more closely, and who may be told one."""

from __future__ import annotations

import pytest

from safety_stream.core.model.markings import MARKINGS, conditions_of, highest_marking, is_above, level_of


def test_what_is_made_of_several_is_kept_as_the_closest_of_them() -> None:
    assert highest_marking(["OFFICIAL", "OFFICIAL-SENSITIVE", "OFFICIAL"]) == "OFFICIAL-SENSITIVE"
    assert highest_marking(["OFFICIAL", "OFFICIAL"]) == "OFFICIAL"


def test_what_nobody_knows_is_above_all() -> None:
    assert highest_marking(["OFFICIAL-SENSITIVE", "SOMETHING"]) == "SOMETHING"
    assert all(is_above("SOMETHING", ceiling) for ceiling in MARKINGS)


@pytest.mark.parametrize("number", range(len(MARKINGS)))
def test_whoever_may_be_told_one_may_be_told_all_below(number: int) -> None:
    above = [is_above(marking, MARKINGS[number]) for marking in MARKINGS]
    assert above == [place > number for place in range(len(MARKINGS))]


def test_whatever_is_made_of_several_stands_under_the_conditions_of_all_and_none_is_lost() -> None:
    made = highest_marking(["OFFICIAL C:police", "OFFICIAL-SENSITIVE", "OFFICIAL C:marac C:police"])

    assert (level_of(made), conditions_of(made)) == ("OFFICIAL-SENSITIVE", ("marac", "police"))
    assert highest_marking([made, "OFFICIAL"]) == made


def test_a_condition_is_no_level() -> None:
    assert not is_above("OFFICIAL C:police", "OFFICIAL")
    assert is_above("OFFICIAL-SENSITIVE C:police", "OFFICIAL")
    assert is_above("SOMETHING C:police", MARKINGS[-1])
