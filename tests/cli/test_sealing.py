"""Intake's way to the key store: nothing passes while it is away, it is said once, and backups bring nobody back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.replay.telling import a_report, at
from typer.testing import CliRunner

from safety_stream.catalogue import load_catalogue
from safety_stream.cli import app, sealing
from safety_stream.cli.sealing import Erasures, Sealing, as_sealed, seal_held
from safety_stream.cli.terminal import Wrong
from safety_stream.config import Connection
from safety_stream.core.audit import subject_of
from safety_stream.core.model.published import AuditRecord
from safety_stream.core.sealing import is_seal, tokens_in
from safety_stream.core.stages.intake import checker
from safety_stream.core.stages.stage import Output
from safety_stream.data_files import catalogue_folder
from safety_stream.sealing.store import KeyStore, KeyStoreDown
from safety_stream.streaming.ports import Retriable
from safety_stream.wire.records import Records

NOWHERE = Connection("127.0.0.1:1")


@pytest.fixture(autouse=True)
def key(tmp_path: Path) -> None:
    run("persons", "key", tmp_path / "kek")


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    return written(tmp_path, "sealing.yaml", f"sqlite:///{tmp_path / 'keys.sqlite'}", tmp_path / "kek")


def written(folder: Path, name: str, store: str, key: Path) -> Path:
    path = folder / name
    path.write_text(json.dumps({"store": store, "key": {"file": str(key)}}), encoding="utf-8")
    return path


def run(*words: object, exits: int = 0) -> str:
    result = CliRunner().invoke(app, [*map(str, words)])
    assert result.exit_code == exits, result.output
    return result.stdout if exits == 0 else result.stderr


@pytest.fixture
def passed_on() -> list[Output]:
    check = checker(load_catalogue(catalogue_folder()))
    report = a_report("police-crimes", "C-1", "2026-01-05T20:00", people={"victim": "tok-a"})
    version = check(report, "partner.police-crimes", at("2026-01-06T08:00"))
    return [Output(topic="incidents", key=version.incident_id, value=version, received_at=version.received_at)]


def nobody_erased(monkeypatch: pytest.MonkeyPatch, *subjects: str) -> None:
    """Nobody, by the audit, but these."""
    monkeypatch.setattr(sealing.Erasures, "newly", lambda _: set(subjects))


def token_of(outputs: Any) -> str:
    (token,) = tokens_in(outputs)
    return token


def test_what_has_no_token_in_it_passes_without_a_key_store(tmp_path: Path, settings: Path):
    seal = Sealing(settings, NOWHERE, lambda _: None)

    assert seal([]) == []
    assert not (tmp_path / "keys.sqlite").exists()


def test_a_key_store_that_is_away_lets_nothing_pass_and_is_said_once_until_it_is_back(
    tmp_path: Path, passed_on: list[Output], monkeypatch: pytest.MonkeyPatch
):
    nobody_erased(monkeypatch)
    waits: list[bool] = []
    away = tmp_path / "not-there"
    path = written(tmp_path, "away.yaml", f"sqlite:///{away / 'keys.sqlite'}", tmp_path / "kek")
    seal = Sealing(path, NOWHERE, waits.append)

    with capture_logs() as said:
        for _ in range(3):
            with pytest.raises(Retriable):
                seal(passed_on)
        away.mkdir()
        sealed = seal(passed_on)
        assert seal(passed_on) == sealed

    assert is_seal(token_of(sealed))
    assert waits == [True, False]
    assert [line["event"] for line in said] == ["sealing.waiting", "sealing.goes_on"]
    assert "tok-a" not in str(said)


def test_without_the_audit_nothing_passes_either(settings: Path, passed_on: list[Output]):
    """Else a backup of the key store that somebody put back would bring an erased person back."""
    with pytest.raises(Retriable):
        Sealing(settings, NOWHERE, lambda _: None)(passed_on)


def test_an_erasure_that_goes_on_record_while_intake_runs_is_done_within_a_minute(
    settings: Path, passed_on: list[Output], monkeypatch: pytest.MonkeyPatch
):
    """Whoever confirmed it was stopped before the key was destroyed, and the record came late."""
    nobody_erased(monkeypatch)
    now = [0.0]
    seal = Sealing(settings, NOWHERE, lambda _: None, lambda: now[0])
    before = token_of(seal(passed_on))
    nobody_erased(monkeypatch, subject_of(before))
    now[0] = 59.9
    assert token_of(seal(passed_on)) == before, "the audit is not read with each batch"
    now[0] = 60.0
    destroy = KeyStore.destroy
    monkeypatch.setattr(KeyStore, "destroy", lambda *_: (_ for _ in ()).throw(KeyStoreDown("away")))
    with pytest.raises(Retriable):
        seal(passed_on)
    monkeypatch.setattr(KeyStore, "destroy", destroy)
    nobody_erased(monkeypatch)

    assert token_of(seal(passed_on)) != before, "and what was told once is owed until it is done"


def test_whoever_is_erased_by_the_audit_is_erased_again_before_anything_passes(
    settings: Path, passed_on: list[Output], monkeypatch: pytest.MonkeyPatch
):
    nobody_erased(monkeypatch)
    before = token_of(Sealing(settings, NOWHERE, lambda _: None)(passed_on))
    assert token_of(Sealing(settings, NOWHERE, lambda _: None)(passed_on)) == before
    nobody_erased(monkeypatch, subject_of(before))

    after = token_of(Sealing(settings, NOWHERE, lambda _: None)(passed_on))

    assert after != before
    assert token_of(Sealing(settings, NOWHERE, lambda _: None)(passed_on)) == after


def test_a_token_nobody_was_reported_by_is_looked_up_as_nobody_and_gets_no_key(settings: Path):
    found = {as_sealed("tok-a", settings) for _ in range(2)}

    assert all(map(is_seal, found))
    assert len(found) == 2
    assert as_sealed("tok-a", None) == "tok-a"
    seal = run("persons", "seal", "tok-a", "--sealing", settings).strip()
    assert as_sealed("tok-a", settings) == as_sealed(seal, settings) == seal


def test_whoever_is_to_be_held_has_to_be_there(settings: Path):
    with pytest.raises(Wrong, match="no key for this token"):
        seal_held("tok-a", settings)
    seal = run("persons", "seal", "tok-a", "--sealing", settings).strip()
    assert seal_held("tok-a", settings) == seal_held(seal, settings) == seal
    assert seal_held("tok-a", None) == "tok-a"


def test_rewrapped_the_old_settings_open_nothing_and_the_new_ones_everything(tmp_path: Path, settings: Path):
    seal = run("persons", "seal", "tok-a", "--sealing", settings)
    run("persons", "key", tmp_path / "kek-2")
    new = written(tmp_path, "new.yaml", f"sqlite:///{tmp_path / 'keys.sqlite'}", tmp_path / "kek-2")

    assert "wrapped anew" not in run("persons", "rewrap", "--sealing", settings, "--to", settings, exits=1)
    same = tmp_path / "same.yaml"
    (tmp_path / "copy").write_bytes((tmp_path / "kek").read_bytes())
    (tmp_path / "copy").chmod(0o600)
    same.write_text(settings.read_text(encoding="utf-8").replace("kek", "copy"), encoding="utf-8")
    assert "the same key-encryption key" in run("persons", "rewrap", "--sealing", settings, "--to", same, exits=1)
    assert json.loads(run("persons", "rewrap", "--sealing", settings, "--to", new, "--json")) == {"keys": 1}

    assert run("persons", "seal", "tok-a", "--sealing", new) == seal
    assert "name that one" in run("persons", "seal", "tok-a", "--sealing", settings, exits=1)


def test_a_key_that_is_there_is_kept_and_never_written_over(tmp_path: Path):
    before = (tmp_path / "kek").read_bytes()

    assert "is there already" in run("persons", "key", tmp_path / "kek", exits=1)
    run("persons", "key", tmp_path / "kek", "--keep")

    assert (tmp_path / "kek").read_bytes() == before


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("store: sqlite:///keys.sqlite\n", "key: Field required"),
        ("store: sqlite:///keys.sqlite\nkey: {file: kek, other: thing}\n", "other: Extra inputs"),
        ("store: [\n", "sealing.yaml:"),
    ],
    ids=["no key", "something else", "no YAML"],
)
def test_settings_that_are_none_are_named_with_the_place(tmp_path: Path, content: str, said: str):
    path = tmp_path / "sealing.yaml"
    path.write_text(content, encoding="utf-8")

    assert said in run("persons", "seal", "tok-a", "--sealing", path, exits=1)


def test_a_database_that_cannot_be_opened_and_a_key_others_can_read_are_said_without_a_secret(
    tmp_path: Path, settings: Path
):
    nowhere = written(tmp_path, "nowhere.yaml", f"sqlite:///{tmp_path}/not-there/keys.sqlite", tmp_path / "kek")
    assert "cannot be used" in run("persons", "seal", "tok-a", "--sealing", nowhere, exits=1)

    (tmp_path / "kek").chmod(0o644)
    assert "chmod 600" in run("persons", "seal", "tok-a", "--sealing", settings, exits=1)


def a_record(token: str, **changes: Any) -> AuditRecord:
    said: dict[str, Any] = {
        "seq": 1,
        "previous_hash": "",
        "hash": "",
        "verb": "erasure",
        "audience": "",
        "topic": "",
        "from_seq": 0,
        "to_seq": 0,
        "alert_id": None,
        "fields": (),
        "as_of": 1,
        "subject": subject_of(token),
        "actor": "officer-2",
    }
    return AuditRecord(**(said | changes))


def test_each_erasure_on_record_is_told_once_and_again_where_reading_was_stopped(monkeypatch: pytest.MonkeyPatch):
    wire, records, stops = Records(), [a_record("tok-a"), a_record("tok-b", verb="alteration")], False

    def between(_: object, begins: dict[Any, int], ends: dict[Any, int]) -> Iterator[SimpleNamespace]:
        for record in records[begins[0] : ends[0]]:
            yield SimpleNamespace(value=wire.encode("audit.entries", record))
        if stops:
            raise Retriable("the broker has gone")

    monkeypatch.setattr(sealing, "low_watermarks", lambda *_: {0: 0})
    monkeypatch.setattr(sealing, "high_watermarks", lambda *_: {0: len(records)})
    monkeypatch.setattr(sealing, "read_between", between)
    erasures = Erasures(Connection("127.0.0.1:1"))

    assert (erasures.newly(), erasures.newly()) == ({subject_of("tok-a")}, set())
    records.append(a_record("tok-c"))
    stops = True
    with pytest.raises(Retriable):
        erasures.newly()
    stops = False
    assert erasures.newly() == {subject_of("tok-c")}, "nobody has heard of it yet"
