"""A bad record never stops a stage; a broken feed does, before anything of it is committed."""

from __future__ import annotations

import pytest

from safety_stream.streaming.dead_letter_limit import DeadLetterLimit, DeadLetterWindow, TooManyDeadLetters

LIMIT = DeadLetterLimit(at_most=5, within=10)


def window():
    return DeadLetterWindow("intake", LIMIT)


def test_as_many_as_are_allowed_pass():
    window().check(10, ["empty"] * 5)


def test_one_more_stops_the_stage_and_says_why_and_what_to_do():
    with pytest.raises(TooManyDeadLetters, match=r"intake stopped: 6 of .* \(empty 2, oversize 4\).*dead-letters list"):
        window().check(10, ["oversize"] * 4 + ["empty"] * 2)


def test_what_was_refused_before_counts():
    seen = window()
    seen.add(5, ["empty"] * 4)

    with pytest.raises(TooManyDeadLetters):
        seen.check(2, ["empty"] * 2)


def test_what_was_only_checked_does_not_count():
    seen = window()
    for _ in range(10):
        seen.check(5, ["empty"] * 4)


def test_long_ago_does_not_count():
    seen = window()
    seen.add(10, ["empty"] * 5)
    seen.add(10, [])

    seen.check(5, ["empty"] * 5)


def test_a_clean_batch_always_passes():
    seen = window()
    seen.add(10, ["empty"] * 10)

    seen.check(1, [])


def test_a_large_batch_is_judged_by_its_share():
    window().check(100, ["empty"] * 50)
    with pytest.raises(TooManyDeadLetters):
        window().check(100, ["empty"] * 51)
