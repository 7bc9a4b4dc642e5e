"""What is left out of a brief run is there, is run by the other, and nothing is left out of both."""

from pathlib import Path

import pytest
from tests.brevity import LONG, is_left_out

TESTS = Path(__file__).parent


@pytest.mark.parametrize("file", sorted(LONG))
def test_what_is_left_out_is_there(file: str):
    assert (TESTS / file).is_file()


def test_each_file_is_run_by_one_of_the_two_and_by_a_run_of_all():
    files = [one.relative_to(TESTS) for one in TESTS.rglob("test_*.py")]
    brief = {one for one in files if not is_left_out(one, brief=True, long=False)}
    long = {one for one in files if not is_left_out(one, brief=False, long=True)}

    assert {one.as_posix() for one in long} == LONG.keys()
    assert brief | long == set(files)
    assert not brief & long
    assert not any(is_left_out(one, brief=False, long=False) for one in files)
