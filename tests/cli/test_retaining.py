"""What `retention` orders, and when a topic's setting follows (on Kafka: tests/kafka/test_retention.py)."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import msgspec
import pytest
from tests.cli.bus import CATALOGUE, NOW, Bus, decided, naming, on_the_bus
from tests.readmodel.test_owed import record
from typer.testing import CliRunner

from safety_stream.cli import app, audit, auditing, retention
from safety_stream.config import Connection
from safety_stream.core.audit import subject_of
from safety_stream.core.model.published import AuditEntry
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
    assert held() == frozenset()


def test_it_is_said_by_how_many_tokens(bus: Bus):
    bus.put("incidents", decided("tok-a", "tok-b"), naming("tok-b"))

    assert "It is held, by 2 tokens of the person: see" in said("hold", "--person", "tok-b", *WORDS)
    assert "It is released, by 2 tokens of the person: see" in said("release", "--person", "tok-b", *WORDS)


def test_what_stewards_have_split_since_is_released_each_by_itself(bus: Bus):
    bus.put("incidents", decided("tok-a", "tok-b"), naming("tok-b"))
    run("hold", "--person", "tok-b", *WORDS)
    bus.put("incidents", decided("tok-a", "tok-b", "apart", number=2))

    assert len(run("release", "--person", "tok-b", *WORDS)) == 1
    assert held() == {subject_of("tok-a")}
    assert "nothing of the kind is held" in run("release", "--person", "tok-b", *WORDS, exits=1)
    assert len(run("release", "--person", "tok-a", *WORDS)) == 1


SEAL = "sealed." + "0" * 32


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--person", ""), "--person is empty: name a token of the person"),
        (("--person", "tok-mistyped"), "no report or alert that is kept names this person"),
        (("--person", SEAL), "no report or alert that is kept names this person"),
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


TOPIC, OTHER = "partner.police-crimes", "partner.council-asb"
CLASS = retention.lengths_of(CATALOGUE, Holding((), NOW))
HELD = AuditEntry(
    entry_id=str(UUID(int=1)), kind="hold", actor="officer-4", acted_at=NOW, reason="court-order", topic=TOPIC
)  # fmt: skip


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """For how long each topic keeps, as the broker has it."""
    found = dict(CLASS)
    monkeypatch.setattr(retention, "kept_for", lambda _, names: {name: found[name] for name in names})
    monkeypatch.setattr(retention, "keep_for", lambda _, lengths: found.update(lengths))
    assert found[TOPIC] > 0
    return found


def test_a_topic_is_held_though_somebody_applies_between_its_setting_and_its_order(
    bus: Bus, monkeypatch: pytest.MonkeyPatch, settings: dict[str, int]
):
    send = bus.send

    def sent(*entries: AuditEntry) -> None:
        monkeypatch.setattr(bus, "send", send)
        assert settings[TOPIC] == -1, "the broker could take away what is about to be held"
        assert run("apply") == [{"changed": {TOPIC: CLASS[TOPIC]}}]
        send(*entries)

    monkeypatch.setattr(bus, "send", sent)
    run("hold", "--topic", TOPIC, *WORDS)

    assert settings == CLASS | {TOPIC: -1}


def test_a_topic_is_lowered_when_its_release_is_on_record_and_no_other(bus: Bus, settings: dict[str, int]):
    run("hold", "--topic", TOPIC, *WORDS)
    # Somebody has set this one by hand.
    settings[OTHER] = 1
    bus.has_worker = False
    assert len(run("release", "--topic", TOPIC, *WORDS, exits=2)) == 1
    assert settings[TOPIC] == -1
    assert "Not on record yet, and till then it is held" in said("release", "--topic", TOPIC, *WORDS, exits=2)

    bus.has_worker = True
    run("release", "--topic", TOPIC, *WORDS)
    assert settings == CLASS | {OTHER: 1}


@pytest.mark.parametrize("is_on_record", [True, False])
def test_what_somebody_holds_while_it_is_released_stays_held(
    bus: Bus, monkeypatch: pytest.MonkeyPatch, settings: dict[str, int], *, is_on_record: bool
):
    """The release ends the holds before it; this one comes after it, before or after the setting is looked up."""
    run("hold", "--topic", TOPIC, *WORDS)
    send, kept_for = bus.send, retention.kept_for

    def sent(*entries: AuditEntry) -> None:
        send(*entries, *([HELD] if is_on_record else []))

    def looked_up(admin: object, names: list[str]) -> dict[str, int | None]:
        monkeypatch.setattr(retention, "kept_for", kept_for)
        if not is_on_record:
            send(HELD)
        return kept_for(admin, names)

    monkeypatch.setattr(bus, "send", sent)
    monkeypatch.setattr(retention, "kept_for", looked_up)
    run("release", "--topic", TOPIC, *WORDS)

    assert settings[TOPIC] == -1


def test_whoever_looks_a_person_up_hears_of_holds_and_of_erasures_requested_and_done(monkeypatch: pytest.MonkeyPatch):
    """Whatever else is told of them (on Kafka: tests/kafka/test_audit.py)."""
    bus = on_the_bus(monkeypatch, retention, audit)
    named = naming("tok-b")
    bus.put("incidents", decided("tok-a", "tok-b"), named, naming("tok-c", reference="C-2"))
    run("hold", "--person", "tok-c", *WORDS)
    words = ["audit", "person", "tok-a", "--because", "erasure", "--by", "officer-1"]

    nothing = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert (nothing["holds"], nothing["erasure_requests"], nothing["erasures"]) == ([], [], [])
    assert "Under a legal hold" not in CliRunner().invoke(app, words).stderr

    request = msgspec.structs.replace(HELD, kind="erasure-request", topic="", reason="erasure", until=NOW + 9)
    erasure = msgspec.structs.replace(request, kind="erasure", actor="officer-9", until=None)
    of = {"subject": subject_of("tok-b")}
    bus.send(msgspec.structs.replace(request, **of), msgspec.structs.replace(erasure, entry_id=str(UUID(int=2)), **of))
    bus.work()
    run("hold", "--person", "tok-b", *WORDS)
    bus.has_worker = False
    run("hold", "--report", named.incident_id, *WORDS, exits=2)

    found = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert sorted((one["kind"], one["of"], one["stands"]) for one in found["holds"]) == sorted(
        [("report", named.incident_id, True), *(("subject", subject_of(one), True) for one in ("tok-a", "tok-b"))]
    )
    assert found["erasure_requests"] == [
        {"actor": "officer-4", "reason": "erasure", "until": NOW + 9, "has_begun": True}
    ]
    assert [(one["actor"], one["subject"]) for one in found["erasures"]] == [("officer-9", subject_of("tok-b"))]
    told = CliRunner().invoke(app, words, env={"COLUMNS": "400", "TERM": "dumb"})
    assert all(one in told.stdout for one in ("Holds", "court-order", "Erasures requested", "officer-4", "officer-9"))
    assert "Under a legal hold: nobody erases this person" in told.stderr
