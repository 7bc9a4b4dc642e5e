"""Our rules against the Event Query Language's own engine: sequences and joins both can say, and where they part."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.conformance.eql_cases import (
    CLOSING,
    KINDS,
    LONG,
    Case,
    Found,
    a_join,
    a_sequence,
    a_sequence_through_roles,
    in_rounds,
    shares_nothing,
)

from safety_stream.core.model.times import MINUTE

HERE = Path(__file__).parent
Theirs = Callable[[Case], list[Found]]


@pytest.fixture(scope="session")
def eql(request: pytest.FixtureRequest) -> Path:
    """A folder with EQL in it and nothing of ours, made once. Without a package index there is none, and no test."""
    pins = HERE / "eql.txt"
    cache = request.config.cache
    assert cache is not None
    folder = cache.mkdir("eql") / hashlib.sha256(pins.read_bytes()).hexdigest()[:12]
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=folder.parent) as made:
            _install(pins, Path(made) / "whole")
            try:
                (Path(made) / "whole").rename(folder)
            except OSError:
                # Another process was quicker.
                assert folder.exists()
    return folder


def _install(pins: Path, folder: Path) -> None:
    words = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    words += ["--only-binary", ":all:", "--require-hashes", "--requirement", str(pins), "--target", str(folder)]
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, env=os.environ | {"PIP_RETRIES": "1", "PIP_TIMEOUT": "20"}
    )
    if "(from versions: none)" in done.stderr:
        pytest.skip(f"NOT COMPARED WITH EQL: no package index answers, so it cannot be fetched: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr


def _ask(eql: Path, cases: list[Case]) -> dict[str, list[Found]]:
    # Neither our environment nor our settings: EQL's is all it sees.
    words = [sys.executable, "-I", "-S", str(HERE / "run_eql.py"), str(eql)]
    asked = json.dumps([{"query": case.query, "events": case.events} for case in cases])
    done = subprocess.run(words, input=asked, capture_output=True, text=True, check=True)
    answers = json.loads(done.stdout)
    return {case.name: sorted(map(tuple, found)) for case, found in zip(cases, answers, strict=True)}


@pytest.fixture(scope="session")
def theirs(eql: Path) -> Theirs:
    """What EQL finds in a case of this file."""
    answers = _ask(eql, [*FORKED, *CONSUMING, *THROUGH_ROLES, *JOINS, *DIFFERENCES])
    return lambda case: answers[case.name]


FORKED = [a_sequence(seed, fork=True) for seed in range(40, 70)]
CONSUMING = [a_sequence(seed, fork=False) for seed in range(1_000, 1_020)]
THROUGH_ROLES = [a_sequence_through_roles(seed) for seed in range(2_000, 2_010)]
JOINS = [a_join(seed) for seed in range(3_000, 3_010)]


def named(case: Case) -> str:
    return case.name


@pytest.mark.parametrize("case", [*FORKED, *THROUGH_ROLES], ids=named)
def test_a_sequence_that_forks_is_an_order_event_for_event(case: Case, theirs: Theirs, tmp_path: Path):
    assert case.ours(tmp_path) == theirs(case)


@pytest.mark.parametrize("case", CONSUMING, ids=named)
def test_a_sequence_that_consumes_completes_nowhere_else(case: Case, theirs: Theirs, tmp_path: Path):
    ours = case.ours(tmp_path)
    completed = {one[-1] for one in theirs(case)}

    assert completed <= {one[-1] for one in ours}
    assert completed == {one[-1] for one in ours} or not shares_nothing(ours)


@pytest.mark.parametrize("case", JOINS, ids=named)
def test_a_join_is_a_mix_begun_anew(case: Case, theirs: Theirs, tmp_path: Path):
    assert in_rounds(case, tmp_path) == sorted(max(one) for one in theirs(case))


def test_the_generated_cases_are_worth_asking(theirs: Theirs, tmp_path: Path):
    unclosed = [replace(case, condition=case.condition.replace(", none_of: [visit]", "")) for case in FORKED]

    assert sum(bool(theirs(case)) for case in (*FORKED, *THROUGH_ROLES)) >= 15
    assert sum(case.ours(tmp_path) != theirs(case) for case in unclosed) >= 3
    assert sum(bool(theirs(case)) for case in JOINS) >= 7
    assert sum(shares_nothing(found) for case in CONSUMING if (found := case.ours(tmp_path))) >= 3


# --- where they part --------------------------------------------------------------------------------------------------

LOSS, ASSAULT = "loss", "assault"


def a_case(
    name: str, query: str, *events: tuple[float, str, str | None], condition: str = "", key: str = "victim"
) -> Case:
    condition = condition or ORDER
    told = [(int(at * MINUTE), kind, {} if token is None else {key: token}) for at, kind, token in events]
    select = {kind: f"{{kind: {kind}}}" for kind in (*KINDS, CLOSING) if kind in condition}
    return Case(name, query, key, select, condition, told)


ORDER = f"{{type: ordered, steps: [loss, assault], within: {LONG} minutes}}"
SEQUENCE = "sequence by victim [loss where true] [assault where true]"
FORK = f"{SEQUENCE} fork=true"

CONSUMED = a_case("consumed", SEQUENCE, (1, LOSS, "tok-a"), (2, ASSAULT, "tok-a"), (3, ASSAULT, "tok-a"))
AT_ONCE = a_case("at-once", FORK, (1, LOSS, "tok-a"), (1, ASSAULT, "tok-a"))
KEYLESS = a_case("keyless", FORK, (1, LOSS, None), (2, ASSAULT, None))
LETTERS = a_case("letters", FORK, (1, LOSS, "tok-a"), (2, ASSAULT, "TOK-A"))
LATE = a_case("late", FORK, (2, ASSAULT, "tok-a"), (1, LOSS, "tok-a"))
CLOSED_AT_LAST = a_case(
    "closed-at-last",
    f"{FORK} until [visit where true]",
    (1, LOSS, "tok-a"),
    (2, CLOSING, "tok-a"),
    (2, ASSAULT, "tok-a"),
    condition=ORDER.replace("within", "none_of: [visit], within"),
)
TWICE = a_case(
    "twice",
    "join by victim [loss where true] [loss where true]",
    (1, LOSS, "tok-a"),
    condition=f"{{type: count, of: loss, at_least: 2, within: {LONG} minutes}}",
)
JOINED_AGAIN = a_case(
    "joined-again",
    "join by victim [loss where true] [assault where true]",
    (1, LOSS, "tok-a"),
    (2, ASSAULT, "tok-a"),
    (3, ASSAULT, "tok-a"),
    condition=f"{{type: all_of, steps: [loss, assault], within: {LONG} minutes}}",
)
DIFFERENCES = [CONSUMED, AT_ONCE, KEYLESS, LETTERS, LATE, CLOSED_AT_LAST, TWICE, JOINED_AGAIN]


def test_what_completed_once_is_consumed_there_and_completes_again_here(theirs: Theirs, tmp_path: Path):
    assert (theirs(CONSUMED), CONSUMED.ours(tmp_path)) == ([(0, 1)], [(0, 1), (0, 2)])


def test_at_one_instant_the_stream_is_an_order_there_and_nothing_is_here(theirs: Theirs, tmp_path: Path):
    assert (theirs(AT_ONCE), AT_ONCE.ours(tmp_path)) == ([(0, 1)], [])


def test_two_without_a_key_belong_together_there_and_a_missing_value_links_nothing_here(theirs: Theirs, tmp_path: Path):
    assert (theirs(KEYLESS), KEYLESS.ours(tmp_path)) == ([(0, 1)], [])


def test_keys_are_words_there_and_hashes_here(theirs: Theirs, tmp_path: Path):
    assert (theirs(LETTERS), LETTERS.ours(tmp_path)) == ([(0, 1)], [])


def test_what_comes_late_is_lost_there_and_falls_into_place_here(theirs: Theirs, tmp_path: Path):
    assert (theirs(LATE), LATE.ours(tmp_path)) == ([], [(1, 0)])


def test_what_closes_at_the_last_instant_comes_first_there_and_is_not_between_here(theirs: Theirs, tmp_path: Path):
    assert (theirs(CLOSED_AT_LAST), CLOSED_AT_LAST.ours(tmp_path)) == ([], [(0, 2)])


def test_one_event_is_both_of_two_alike_in_a_join_there_and_one_of_them_here(theirs: Theirs, tmp_path: Path):
    assert (theirs(TWICE), TWICE.ours(tmp_path)) == ([(0, 0)], [])


def test_a_join_forgets_there_and_here_each_that_still_meets_it_is_a_finding(theirs: Theirs, tmp_path: Path):
    assert (theirs(JOINED_AGAIN), JOINED_AGAIN.ours(tmp_path)) == ([(0, 1)], [(0, 1), (0, 1, 2)])
