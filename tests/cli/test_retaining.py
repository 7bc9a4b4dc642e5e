"""What `retention` orders, and when a topic's setting follows (on Kafka: tests/kafka/test_retention.py)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.cli.bus import NOW, Bus, decided, naming, on_the_bus
from tests.readmodel.test_owed import record
from typer.testing import CliRunner

from safety_stream.cli import app, audit, auditing, retention
from safety_stream.config import Connection
from safety_stream.core.audit import subject_of
from safety_stream.core.retention import Holding

NOWHERE = Connection("127.0.0.1:1")
WORDS = ("--by", "officer-3", "--because", "court-order")


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Bus:
    return on_the_bus(monkeypatch, retention)


def run(*words: str, exits: int = 0) -> Any:
    """The lines of JSON that were printed, or what was said where it went wrong."""
    result = CliRunner().invoke(app, ["retention", *words, "--json"], env={"COLUMNS": "400"})
    assert result.exit_code == exits, result.output
    return [json.loads(line) for line in result.stdout.splitlines()] or " ".join(result.stderr.split())


def said(*words: str, exits: int = 0) -> str:
    """What people are told."""
    result = CliRunner().invoke(app, ["retention", *words], env={"COLUMNS": "400", "TERM": "dumb"})
    assert result.exit_code == exits, result.output
    return result.stderr


def held() -> frozenset[str]:
    """The persons that are held, as whatever purges or erases sees it."""
    return Holding(auditing.holds_of(NOWHERE), NOW).of("subject")


@pytest.mark.parametrize("named", ["tok-a", "tok-b", "tok-c"])
def test_a_person_is_held_and_released_by_every_token_they_go_by(bus: Bus, named: str):
    """Alerts tell of the smallest alone, and whoever orders a hold may know another."""
    bus.put("incidents", decided("tok-c", "tok-b"), decided("tok-b", "tok-a"), naming("tok-c"), naming("tok-other"))
    everybody = {subject_of(one) for one in ("tok-a", "tok-b", "tok-c")}

    orders = run("hold", "--person", named, *WORDS)
    assert {one["subject"] for one in orders} == everybody == held()
    assert len({one["entry_id"] for one in orders}) == 3

    assert {one["subject"] for one in run("release", "--person", named, *WORDS)} == everybody
    bus.work()
    assert held() == frozenset()


def test_it_is_said_by_how_many_tokens(bus: Bus):
    bus.put("incidents", decided("tok-a", "tok-b"), naming("tok-b"))

    assert "It is held, by 2 tokens of the person: see" in said("hold", "--person", "tok-b", *WORDS)
    assert "It is released, by 2 tokens of the person" in said("release", "--person", "tok-b", *WORDS)


def test_what_stewards_have_split_since_is_released_each_by_itself(bus: Bus):
    bus.put("incidents", decided("tok-a", "tok-b"), naming("tok-b"))
    run("hold", "--person", "tok-b", *WORDS)
    bus.put("incidents", decided("tok-a", "tok-b", "apart", number=2))

    assert len(run("release", "--person", "tok-b", *WORDS)) == 1
    bus.work()
    assert held() == {subject_of("tok-a")}
    assert "nothing of the kind is held" in run("release", "--person", "tok-b", *WORDS, exits=1)
    assert len(run("release", "--person", "tok-a", *WORDS)) == 1


SEAL = "sealed." + "0" * 32


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--person", ""), "--person is empty: name a token of the person"),
        (("--person", "tok-mistyped"), "no report ever named this person"),
        (("--person", SEAL), "no report ever named this person"),
        (("--report", ""), "field incident_id is no id of a report"),
        (("--report", "police-crimes/C-mistyped"), "no such report was ever taken"),
        (("--alert", ""), "field alert_id is no id of an alert"),
        (("--topic", ""), "says what is held"),
    ],
    ids=str,
)
def test_nobody_believes_held_what_there_is_not(bus: Bus, words: tuple[str, ...], why: str):
    bus.put("incidents", naming("tok-a"), naming("tok-b", reference="C-2"))

    assert why in run("hold", *words, *WORDS, exits=1)
    assert bus.sent() == []
    assert run("release", *words, *WORDS, exits=1)


def test_a_person_nobody_reported_is_held_where_stewards_joined_them_to_one_who_was(bus: Bus):
    bus.put("incidents", decided("tok-a", "tok-b"), naming("tok-b"))

    assert len(run("hold", "--person", "tok-a", *WORDS)) == 2


@pytest.mark.parametrize(("until", "told"), [(2**62, "after the year 9999"), (-(2**62), "before the year 2")])
def test_what_is_on_record_with_a_time_of_no_calendar_is_shown_all_the_same(
    bus: Bus, monkeypatch: pytest.MonkeyPatch, until: int, told: str
):
    """As older versions put it there: nobody can take it away again."""
    bus.put(
        auditing.ON_RECORD,
        record(1, reason="hold: court-order", alert_id="a", actor="officer-1", until=until),
        record(2, verb="consultation", reason="break-glass: danger-to-life", alert_id="a", actor="o", until=until),
    )
    monkeypatch.setattr(audit, "connect", lambda _: None)
    monkeypatch.setattr(retention, "kept_for", lambda *_: {})

    for words in (["retention", "show", "--all"], ["audit", "break-glass"]):
        shown = CliRunner().invoke(app, words, env={"COLUMNS": "400"})
        assert told in shown.stdout, shown.output
