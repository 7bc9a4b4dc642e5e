"""What is said when there is no Kafka, and other things a person can mend: one sentence, exit 1, no traceback."""

import gzip
import json
import shutil
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Self

import pytest
from confluent_kafka import KafkaError, KafkaException
from tests.delivery.making import subscription
from typer.testing import CliRunner

from safety_stream.cli import app, terminal
from safety_stream.cli.terminal import Wrong, wall
from safety_stream.config import Connection
from safety_stream.core.model.sharing import Withheld
from safety_stream.core.model.times import DAY_LENGTH, day_of, to_date
from safety_stream.data_files import catalogue_folder
from safety_stream.delivery.database import open_database
from safety_stream.delivery.subscriptions import subscribe
from safety_stream.streaming.ports import Incoming
from safety_stream.wire.codecs import shipped_codecs

NOBODY = "127.0.0.1:1"
DOWN = KafkaError(KafkaError._ALL_BROKERS_DOWN)
SAMPLE = Path(__file__).parents[1] / "fixtures" / "police-uk-sample.csv"


@pytest.mark.parametrize(
    "words",
    [
        ("topics", "plan"),
        ("alerts", "show"),
        ("ingest", str(SAMPLE), "--format", "police-uk"),
        ("worker",),
    ],
    ids=" ".join,
)
def test_a_command_that_needs_kafka_says_how_to_get_one(words: tuple[str, ...], tmp_path: Path):
    result = CliRunner().invoke(app, [*words, "--bootstrap", NOBODY], env={"SAFETY_STREAM_DATA": str(tmp_path)})

    assert result.exit_code == 1
    assert (
        "error: no Kafka answers at 127.0.0.1:1: start one with `safety-stream broker`, or name yours with --bootstrap "
        "or SAFETY_STREAM_BOOTSTRAP; if it is secured, say how to be let in with --kafka-config or "
        "SAFETY_STREAM_KAFKA_CONFIG." in result.stderr
    )
    assert "Traceback" not in result.output


class Slow:
    """A cluster that is there and takes longer than one look to answer; or one that is not, and that is reported."""

    def __init__(self, silent_for: int, reports: Sequence[KafkaError]) -> None:
        self._silent_for, self._reports, self.looks = silent_for, reports, 0

    def with_settings(self, settings: dict[str, Any]) -> Self:
        self._report = settings["error_cb"]
        return self

    def list_topics(self, *, timeout: float) -> None:
        assert timeout > 0
        self.looks += 1
        if self.looks <= self._silent_for:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))

    def poll(self, _: float) -> None:
        for report in self._reports:
            self._report(report)


def looked_at(monkeypatch: pytest.MonkeyPatch, silent_for: int, *reports: KafkaError) -> Slow:
    slow = Slow(silent_for, reports)
    monkeypatch.setattr(terminal, "AdminClient", slow.with_settings)
    return slow


@pytest.mark.parametrize("silent_for", [0, 3, 5])
def test_a_slow_cluster_is_waited_for(silent_for: int, monkeypatch: pytest.MonkeyPatch):
    slow = looked_at(monkeypatch, silent_for)

    assert terminal.connect(Connection(NOBODY)) is slow
    assert slow.looks == silent_for + 1


def test_a_cluster_that_is_down_or_silent_for_good_is_not(monkeypatch: pytest.MonkeyPatch):
    for reports, looks in (((DOWN,), 1), ((), 6)):
        slow = looked_at(monkeypatch, 99, *reports)

        with pytest.raises(Wrong, match="no Kafka answers at 127"):
            terminal.connect(Connection(NOBODY))
        assert slow.looks == looks


def test_doctor_looks_at_what_it_can_and_fails_for_the_broker(tmp_path: Path):
    findings = doctor(tmp_path)

    assert [(one["check"], one["level"]) for one in findings if one["check"] != "store"] == [
        ("schemas", "ok"),
        ("catalogue", "ok"),
        ("agreements", "ok"),
        ("broker", "fail"),
        ("told", "warn"),
    ]
    assert all(one["mend"] for one in findings if one["level"] != "ok")


def test_doctor_names_the_agreement_that_ends_whom_it_silences_and_the_mend(tmp_path: Path):
    folder = Path(shutil.copytree(catalogue_folder(), tmp_path / "catalogue"))
    register = folder / "policy" / "agreements.yaml"
    text = register.read_text(encoding="utf-8")
    for ends, level, said in (
        (wall() + 9 * DAY_LENGTH, "warn", "isa-crime-and-disorder ends in 9 days, on "),
        (wall() - DAY_LENGTH, "fail", "isa-crime-and-disorder has ended, on "),
    ):
        day = str(to_date(day_of(ends)))
        register.write_text(text.replace("valid_to: 2100-01-01", f"valid_to: {day}", 1), encoding="utf-8")
        (found,) = [one for one in doctor(tmp_path, "--catalogue", str(folder)) if one["check"] == "agreements"]

        assert found["level"] == level
        assert f"{said}{day}: analyst, asb-lead" in found["what"]
        silenced, narrowed = found["what"].split("; ")
        assert "hears nothing" in silenced
        assert ("duty-officer" in narrowed, "hears less" in narrowed) == (True, True)
        assert found["mend"].startswith("renew it before then")


DOCTOR = import_module("safety_stream.cli.doctor")


def held_back(seq: int, alert_id: str, priority: Any = "P1", state: Any = "waits") -> Incoming:
    agreements = ("isa-crime-and-disorder",) if state == "waits" else ()
    withheld = Withheld(
        seq=seq, audience="duty-officer", alert_id=alert_id, version=1, change="raised", why="", agreements=agreements,
        as_of=7, state=state, priority=priority, previous_hash="", hash="",
    )  # fmt: skip
    return Incoming("withheld", 0, seq, 7, None, shipped_codecs().encode(withheld))


@pytest.mark.parametrize(
    ("records", "level", "said"),
    [
        ([], "ok", "nothing waits for an agreement"),
        ([held_back(1, "a"), held_back(2, "a", state="told")], "ok", "nothing waits for an agreement"),
        (
            [held_back(1, "a", "P3"), held_back(2, "b", "P4")],
            "warn",
            "duty-officer is not told of 2 alerts (P3: 1, P4: 1): not in force: isa-crime-and-disorder",
        ),
        (
            [held_back(1, "a", "P3"), held_back(2, "b")],
            "fail",
            "duty-officer is not told of 2 alerts (P1: 1, P3: 1): not in force: isa-crime-and-disorder",
        ),
    ],
)
def test_doctor_says_who_is_not_told_of_what_at_present(
    monkeypatch: pytest.MonkeyPatch, records: list[Incoming], level: str, said: str
):
    monkeypatch.setattr(DOCTOR, "read_to_end", lambda _kafka, topics: records if topics == ["withheld"] else [])

    (found,) = DOCTOR._withheld(Connection(NOBODY))

    assert (found.level, found.what) == (level, said)
    assert found.level == "ok" or "renew isa-crime-and-disorder" in found.mend


def test_doctor_says_that_it_may_not_look_at_what_is_withheld(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> list[Incoming]:
        raise KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))

    monkeypatch.setattr(DOCTOR, "read_to_end", refuse)
    (found,) = DOCTOR._withheld(Connection(NOBODY))

    assert (found.level, found.what) == ("warn", "not looked at: this user may not read withheld")


def doctor(data: Path, *words: str) -> list[dict[str, str]]:
    result = CliRunner().invoke(app, ["doctor", "--bootstrap", NOBODY, "--data", str(data), "--json", *words])
    assert result.exit_code == 1
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_doctor_says_who_would_not_hear_of_what_is_most_urgent(tmp_path: Path):
    settings = tmp_path / "delivery.yaml"
    settings.write_text(f"link: https://alerts.example.invalid/\nwebhook: {{key: {'k' * 40}}}\n", encoding="utf-8")

    def unheard() -> list[str]:
        findings = [one for one in doctor(tmp_path, "--delivery", str(settings)) if one["check"] == "told"]
        assert {one["level"] for one in findings} == {"warn"}
        return [one["what"] for one in findings]

    before = unheard()
    assert "superintendent would not hear of P1: nobody subscribed" in before
    assert "daily-meeting would not hear of P3: nobody subscribed" in before
    # Nothing was begun by looking.
    assert not (tmp_path / "delivery.sqlite").exists()
    engine = open_database(f"sqlite:///{tmp_path / 'delivery.sqlite'}")
    subscribe(engine, subscription(audience="superintendent", channel="webhook", address="https://example.invalid/"))
    engine.dispose()
    assert [one for one in before if "superintendent" not in one] == unheard()


def test_doctor_says_when_the_data_folder_cannot_be_written(tmp_path: Path):
    file = tmp_path / "file"
    file.write_bytes(b"")
    result = CliRunner().invoke(app, ["doctor", "--bootstrap", NOBODY, "--data", str(file / "below"), "--json"])

    (store,) = [one for one in map(json.loads, result.stdout.splitlines()) if one["check"] == "store"]
    assert store["level"] == "fail"
    assert "SAFETY_STREAM_DATA" in store["mend"]


def test_a_file_that_is_not_there_is_a_usage_error():
    result = CliRunner().invoke(app, ["ingest", "no-such-file", "--format", "canonical"])

    assert result.exit_code == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("dead-letters", "list", "--reason", "too-silly"),
            "there is no reason too-silly; the reasons are unreadable-framing",
        ),
        (
            ("indicators", "show", "--period", "fortnight"),
            "'fortnight' is not one of 'day', 'week', 'four-weeks', 'month', 'quarter', 'year'",
        ),
        (
            ("ingest", "in.jsonl", "--format", "csv"),
            "'csv' is not one of 'canonical', 'istv', 'mait', 'police-uk', 'stats19'",
        ),
        (("generate", "--out", "x", "--start", "yesterday"), "'yesterday' does not match the formats"),
    ],
    ids=" ".join,
)
def test_a_word_there_is_not_is_a_usage_error_that_names_those_there_are(
    words: tuple[str, ...], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.jsonl").touch()
    result = CliRunner().invoke(app, words, env={"COLUMNS": "400"})

    assert result.exit_code == 2
    assert sentence in " ".join(result.stderr.replace("│", " ").split())


@pytest.mark.parametrize(
    "words",
    [
        ("generate", "--days", "1", "--rate-scale", "0.01", "--out"),
        ("replay", str(SAMPLE), "--out"),
        ("areas", "build", str(SAMPLE), "--county", "X", "--out"),
    ],
    ids=lambda words: words[0],
)
def test_a_folder_that_cannot_be_made_is_named_with_what_mends_it(words: tuple[str, ...], tmp_path: Path):
    (tmp_path / "file").touch()
    result = CliRunner().invoke(app, [*words, str(tmp_path / "file" / "below")])

    assert result.exit_code == 1
    assert (
        f"error: {tmp_path / 'file' / 'below'}: Not a directory. "
        "Make it a place this user may read and write, or name another.\n" == result.stderr
    )


def test_a_replay_that_rejected_lines_asks_for_a_look(tmp_path: Path):
    (tmp_path / "in.jsonl").write_text("{\n", encoding="utf-8")
    result = CliRunner().invoke(app, ["replay", str(tmp_path / "in.jsonl"), "--out", str(tmp_path / "out"), "--json"])

    assert result.exit_code == 2
    assert f"1 line was rejected and left out: {tmp_path / 'out' / 'rejects.jsonl'}" in " ".join(result.stderr.split())
    assert json.loads(result.stdout)["rejects"] == 1
    assert json.loads((tmp_path / "out" / "rejects.jsonl").read_text(encoding="utf-8"))["line"] == 1


def test_a_file_that_is_cut_short_is_named(tmp_path: Path):
    (tmp_path / "in.jsonl.gz").write_bytes(gzip.compress(b"{}\n" * 100)[:-10])
    result = CliRunner().invoke(app, ["replay", str(tmp_path / "in.jsonl.gz"), "--out", str(tmp_path / "out")])

    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {tmp_path / 'in.jsonl.gz'}: broken after line ")


def test_an_areas_folder_must_hold_one_area_file(tmp_path: Path):
    result = CliRunner().invoke(app, ["rules", "lint", "--areas", str(tmp_path)])

    assert result.exit_code == 2
    assert "holds 0 .yaml files and not one" in " ".join(result.stderr.replace("│", " ").split())
