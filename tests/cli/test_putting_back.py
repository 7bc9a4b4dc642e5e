"""Which dead letters are put back, and which never are (on Kafka: tests/cli/test_on_kafka.py)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.core.stages.making import NOON
from typer.testing import CliRunner

from safety_stream.cli import app, dead_letters, doctor
from safety_stream.config import Connection
from safety_stream.core.model.dead_letters import DeadLetter
from safety_stream.streaming.redrive import Letter


def a_letter(number: int, topic: str, value: bytes | None = b"\x00", redriven: int = 0) -> Letter:
    letter = DeadLetter(
        stage="enter" if topic == "orders" else "intake",
        reason="empty" if value is None else "schema-violation",
        detail="field until",
        topic=topic,
        partition=0,
        offset=number,
        received_at=NOON,
        attempts=1,
        key=None,
        value=value,
    )
    return Letter(topic="dead-letters.x", partition=0, offset=number, letter=letter, redriven=redriven)


REPORT, ORDER, HOLLOW, BEFORE, ACTION = (
    a_letter(1, "partner.police-crimes"),
    a_letter(2, "orders"),
    a_letter(3, "partner.fire", value=None),
    a_letter(4, "partner.fire", redriven=1),
    a_letter(5, "alert-actions"),
)


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of what was put back, of five letters that there are."""
    done: list[str] = []

    class Redrive:
        def __init__(self, _: object) -> None: ...
        def put_back(self, chosen: list[Letter]) -> None:
            done.extend(one.id for one in chosen)

    every = [REPORT, ORDER, HOLLOW, BEFORE, ACTION]
    monkeypatch.setattr(dead_letters, "connect", lambda _: None)
    monkeypatch.setattr(dead_letters, "Redrive", Redrive)
    for command in (dead_letters, doctor):
        monkeypatch.setattr(command, "letters", lambda *_: iter(every))
    return done


def redrive(*words: str) -> Any:
    return CliRunner().invoke(app, ["dead-letters", "redrive", *words], env={"COLUMNS": "400", "TERM": "dumb"})


@pytest.mark.parametrize(
    ("words", "done", "left", "passed_over"),
    [
        (["--all"], [REPORT, ACTION], 1, [ORDER, HOLLOW]),
        (["--reason", "schema-violation"], [REPORT, ACTION], 1, [ORDER]),
        (["--reason", "empty"], [], 0, [HOLLOW]),
        (["--all", "--again"], [REPORT, BEFORE, ACTION], 0, [ORDER, HOLLOW]),
        ([REPORT.id, BEFORE.id], [REPORT], 1, []),
    ],
    ids=["all", "reason", "empty", "again", "named"],
)
def test_what_can_never_be_put_back_is_passed_over_and_named_and_stops_nothing_else(
    put: list[str], words: list[str], done: list[Letter], left: int, passed_over: list[Letter]
):
    result = redrive(*words, "--json")

    assert result.exit_code == (2 if left else 0), result.output
    said = json.loads(result.stdout)
    assert (said["redriven"], said["left"], [*said["passed_over"]]) == (
        *([one.id for one in done], left),
        [one.id for one in passed_over],
    )
    assert put == [one.id for one in done]


def test_people_are_told_what_to_do_with_what_was_passed_over(put: list[str]):
    said = redrive("--all").stderr

    assert f"1 letter passed over, {ORDER.id}: an order is given anew by whoever may give it" in said
    assert f"1 letter passed over, {HOLLOW.id}: empty, or too large to be kept here; send it again" in said
    assert put


@pytest.mark.parametrize(
    ("one", "why"), [(ORDER, "an order is given anew"), (HOLLOW, "empty, or too large")], ids=["order", "hollow"]
)
def test_one_that_is_named_and_can_never_be_put_back_is_refused_with_all_that_were_named_with_it(
    put: list[str], one: Letter, why: str
):
    result = redrive(REPORT.id, one.id)

    assert (result.exit_code, f"{one.id}: {why}" in result.stderr) == (1, True)
    assert put == []


@pytest.mark.usefixtures("put")
def test_doctor_counts_among_what_waits_only_what_can_be_put_back():
    found = list(doctor._dead_letters(Connection("127.0.0.1:1")))

    assert [one.what for one in found if one.level == "warn"] == ["intake refused 2 records: schema-violation"]
    assert [one.what.partition(":")[0] for one in found if one.level == "ok"] == [
        "enter refused 1 record that nobody puts back",
        "intake refused 1 record that nobody puts back",
    ]
