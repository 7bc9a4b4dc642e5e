"""Intake's way to the key store: nothing passes while it is away, it is said once, and backups bring nobody back."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from confluent_kafka import KafkaException
from structlog.testing import capture_logs
from tests.core.stages.making import a_record
from tests.replay.telling import a_report, at
from typer.testing import CliRunner

from safety_stream.catalogue import load_catalogue
from safety_stream.cli import app, links, retention, sealing
from safety_stream.cli.sealing import Erasures, Sealing, as_sealed, seal_held, sealed_decision, sealed_decisions
from safety_stream.cli.terminal import Wrong
from safety_stream.config import Connection
from safety_stream.core.audit import subject_of
from safety_stream.core.model.dead_letters import DeadLetter, Refused
from safety_stream.core.model.links import PersonLink
from safety_stream.core.model.published import AuditRecord
from safety_stream.core.sealing import SEALED_ROW, is_seal, tokens_in
from safety_stream.core.stages import intake
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.core.stages.stage import Output
from safety_stream.data_files import catalogue_folder
from safety_stream.sealing import store
from safety_stream.sealing.database import open_database
from safety_stream.sealing.providers import FileKey
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
def rows() -> MemoryRows:
    """What intake remembers."""
    rows = MemoryRows()
    rows.put(SEALED_ROW, b"")
    return rows


@pytest.fixture
def passed_on() -> list[Output]:
    check = intake.checker(load_catalogue(catalogue_folder()))
    report = a_report("police-crimes", "C-1", "2026-01-05T20:00", people={"victim": "tok-a"})
    version = check(report, "partner.police-crimes", at("2026-01-06T08:00"))
    return [Output(topic="incidents", key=version.incident_id, value=version, received_at=version.received_at)]


def nobody_erased(monkeypatch: pytest.MonkeyPatch, *subjects: str) -> None:
    """Nobody, by the audit, but these."""
    monkeypatch.setattr(sealing.Erasures, "newly", lambda _: set(subjects))


def token_of(outputs: Any) -> str:
    (token,) = tokens_in(outputs)
    return token


def test_what_has_no_token_in_it_passes_without_a_key_store(tmp_path: Path, settings: Path, rows: MemoryRows):
    seal = Sealing(settings, NOWHERE, lambda _: None).seal

    assert seal(rows, []) == []
    assert not (tmp_path / "keys.sqlite").exists()


def test_a_key_store_that_is_away_lets_nothing_pass_and_is_said_once_until_it_is_back(
    tmp_path: Path, rows: MemoryRows, passed_on: list[Output], monkeypatch: pytest.MonkeyPatch
):
    nobody_erased(monkeypatch)
    waits: list[bool] = []
    away = tmp_path / "not-there"
    path = written(tmp_path, "away.yaml", f"sqlite:///{away / 'keys.sqlite'}", tmp_path / "kek")
    seal = Sealing(path, NOWHERE, waits.append).seal

    with capture_logs() as said:
        for _ in range(3):
            with pytest.raises(Retriable):
                seal(rows, passed_on)
        away.mkdir()
        sealed = seal(rows, passed_on)
        assert seal(rows, passed_on) == sealed

    assert is_seal(token_of(sealed))
    assert waits == [True, False]
    assert [line["event"] for line in said] == ["sealing.waiting", "sealing.store_made", "sealing.goes_on"]
    assert "tok-a" not in str(said)


def test_without_the_audit_nothing_passes_either(settings: Path, rows: MemoryRows, passed_on: list[Output]):
    """Else a backup of the key store that somebody put back would bring an erased person back."""
    with pytest.raises(Retriable):
        Sealing(settings, NOWHERE, lambda _: None).seal(rows, passed_on)


def test_an_erasure_that_goes_on_record_while_intake_runs_is_done_within_a_minute(
    settings: Path, rows: MemoryRows, passed_on: list[Output], monkeypatch: pytest.MonkeyPatch
):
    """Whoever confirmed it was stopped before the key was destroyed, and the record came late."""
    nobody_erased(monkeypatch)
    now = [0.0]
    seal = Sealing(settings, NOWHERE, lambda _: None, lambda: now[0]).seal
    before = token_of(seal(rows, passed_on))
    nobody_erased(monkeypatch, subject_of(before))
    now[0] = 59.9
    assert token_of(seal(rows, passed_on)) == before, "the audit is not read with each batch"
    now[0] = 60.0
    destroy = KeyStore.destroy
    monkeypatch.setattr(KeyStore, "destroy", lambda *_: (_ for _ in ()).throw(KeyStoreDown("away")))
    with pytest.raises(Retriable):
        seal(rows, passed_on)
    monkeypatch.setattr(KeyStore, "destroy", destroy)
    nobody_erased(monkeypatch)

    assert token_of(seal(rows, passed_on)) != before, "and what was told once is owed until it is done"


def test_intake_goes_on_while_others_keep_the_bytes_of_a_destroyed_key_and_ends_it_later(
    settings: Path, rows: MemoryRows, passed_on: list[Output], monkeypatch: pytest.MonkeyPatch
):
    """Somebody dumps the database of the keys, for hours: nobody else's alerts wait for that."""
    nobody_erased(monkeypatch)
    now, is_read, scrubbed = [0.0], [True], []
    seal = Sealing(settings, NOWHERE, lambda _: None, lambda: now[0]).seal
    before = token_of(seal(rows, passed_on))
    nobody_erased(monkeypatch, subject_of(before))

    def scrub(_: object) -> bool:
        scrubbed.append(now[0])
        return not is_read[0]

    monkeypatch.setattr(store, "scrub", scrub)
    with capture_logs() as said:
        for minute in (1, 2, 3, 4):
            now[0], is_read[0] = minute * 60.0, minute < 3
            after = token_of(seal(rows, passed_on))
            nobody_erased(monkeypatch)
            assert after != before

    assert scrubbed == [60.0, 120.0, 180.0]
    assert [line["event"] for line in said] == ["sealing.still_on_disk"] * 2


def test_whoever_is_erased_by_the_audit_is_erased_again_before_anything_passes(
    settings: Path, rows: MemoryRows, passed_on: list[Output], monkeypatch: pytest.MonkeyPatch
):
    nobody_erased(monkeypatch)
    before = token_of(Sealing(settings, NOWHERE, lambda _: None).seal(rows, passed_on))
    assert token_of(Sealing(settings, NOWHERE, lambda _: None).seal(rows, passed_on)) == before
    nobody_erased(monkeypatch, subject_of(before))

    after = token_of(Sealing(settings, NOWHERE, lambda _: None).seal(rows, passed_on))

    assert after != before
    assert token_of(Sealing(settings, NOWHERE, lambda _: None).seal(rows, passed_on)) == after


def test_an_erasure_that_goes_on_record_is_done_within_a_minute_also_while_nobody_is_reported(
    settings: Path, rows: MemoryRows, passed_on: list[Output], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    nobody_erased(monkeypatch)
    now, waits, looks = [0.0], list[bool](), []
    door = Sealing(settings, NOWHERE, waits.append, lambda: now[0])
    before = token_of(door.seal(rows, passed_on))
    monkeypatch.setattr(sealing.Erasures, "newly", lambda _: looks.append(now[0]) or {subject_of(before)})

    for now[0] in (59.9, 60.0, 60.1, 119.9, 120.0):
        assert door.seal(rows, []) == []

    assert looks == [60.0, 120.0]
    engine, kek = open_database(f"sqlite:///{tmp_path / 'keys.sqlite'}"), FileKey(tmp_path / "kek")
    with closing(KeyStore(engine, kek, lambda: 0)) as opened:
        assert opened.known(["tok-a"]) == {}
    moved(tmp_path, "keys", "away")
    now[0] = 180.0
    assert door.seal(rows, []) == [], "what needs no seal does not wait for the store"
    assert waits == [True]


def test_while_kafka_does_not_answer_the_store_stays_open_and_its_key_is_asked_for_no_more(
    settings: Path, rows: MemoryRows, passed_on: list[Output], monkeypatch: pytest.MonkeyPatch
):
    """Else a broker that restarts would stop whoever has begun, where the key-encryption key is away just then."""
    nobody_erased(monkeypatch)
    unwrap, asked, now = FileKey.unwrap, list[bytes](), [0.0]
    monkeypatch.setattr(FileKey, "unwrap", lambda key, wrapped: asked.append(wrapped) or unwrap(key, wrapped))
    door = Sealing(settings, NOWHERE, lambda _: None, lambda: now[0])
    sealed = door.seal(rows, passed_on)
    asked.clear()

    def away(_: object) -> set[str]:
        raise KafkaException("away")

    monkeypatch.setattr(sealing.Erasures, "newly", away)
    now[0] = 60.0
    with pytest.raises(Retriable):
        door.seal(rows, passed_on)
    nobody_erased(monkeypatch)
    destroy = KeyStore.destroy
    monkeypatch.setattr(KeyStore, "destroy", lambda *_: (_ for _ in ()).throw(KeyStoreDown("away")))
    with pytest.raises(Retriable):
        door.seal(rows, passed_on)
    monkeypatch.setattr(KeyStore, "destroy", destroy)

    assert door.seal(rows, passed_on) == sealed
    assert asked == [], "nor where the store itself was away, and is what it was"


def moved(folder: Path, name: str, to: str) -> None:
    """As if a volume were not mounted, or were mounted again."""
    for path in folder.glob(f"{name}.sqlite*"):
        path.rename(folder / path.name.replace(name, to))


def other_store(folder: Path, key: Path) -> None:
    """There is a key store, and it is another one."""
    run("persons", "seal", "tok-z", "--sealing", written(folder, "other.yaml", f"sqlite:///{folder}/other.sqlite", key))
    moved(folder, "other", "keys")


@pytest.mark.parametrize("is_there", [False, True], ids=["no store", "another store"])
def test_with_another_key_store_than_it_sealed_by_intake_waits_until_the_right_one_is_there(
    tmp_path: Path,
    settings: Path,
    rows: MemoryRows,
    passed_on: list[Output],
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_there: bool,
):
    """The volume was not mounted: everybody would be somebody else, and no repeat victim one."""
    nobody_erased(monkeypatch)
    sealed = Sealing(settings, NOWHERE, lambda _: None).seal(rows, passed_on)
    moved(tmp_path, "keys", "away")
    if is_there:
        other_store(tmp_path, tmp_path / "kek")
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("keys.sqlite*")}
    waits: list[bool] = []
    worker = Sealing(settings, NOWHERE, waits.append)

    with capture_logs() as said:
        for _ in range(2):
            with pytest.raises(Retriable):
                worker.seal(rows, passed_on)
        assert {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("keys.sqlite*")} == before
        moved(tmp_path, "keys", "wrong")
        moved(tmp_path, "away", "keys")
        assert worker.seal(rows, passed_on) == sealed, "everybody is who they were"

    assert waits == [True, False]
    assert [line["event"] for line in said] == ["sealing.waiting", "sealing.goes_on"]
    assert ("another key store" if is_there else "there is no key store") in said[0]["why"]
    assert "backup" in said[0]["why"]


def test_a_backup_put_back_while_intake_waits_brings_nobody_back(
    tmp_path: Path, settings: Path, rows: MemoryRows, passed_on: list[Output], monkeypatch: pytest.MonkeyPatch
):
    """What was erased is destroyed again in each store that intake begins with, whatever was read before."""
    told: list[set[str]] = []

    def newly(reader: Erasures) -> set[str]:
        """All that was erased, and then what is new: nobody."""
        told.append(set() if reader in heard else {subject_of(before)})
        heard.append(reader)
        return told[-1]

    heard: list[Erasures] = []
    nobody_erased(monkeypatch)
    before = token_of(Sealing(settings, NOWHERE, lambda _: None).seal(rows, passed_on))
    with closing(sqlite3.connect(tmp_path / "keys.sqlite")) as db:
        db.execute("VACUUM INTO ?", (str(tmp_path / "backup.sqlite"),))
    monkeypatch.setattr(sealing.Erasures, "newly", newly)
    worker = Sealing(settings, NOWHERE, lambda _: None)
    after = token_of(worker.seal(rows, passed_on))
    assert after != before
    worker._give_up()
    moved(tmp_path, "keys", "away")
    with pytest.raises(Retriable):
        worker.seal(rows, passed_on)
    moved(tmp_path, "backup", "keys")

    assert token_of(worker.seal(rows, passed_on)) not in (before, after)


def test_a_store_that_is_lost_for_good_is_replaced_where_that_is_said(
    tmp_path: Path, settings: Path, rows: MemoryRows, passed_on: list[Output], monkeypatch: pytest.MonkeyPatch
):
    nobody_erased(monkeypatch)
    before = token_of(Sealing(settings, NOWHERE, lambda _: None).seal(rows, passed_on))
    moved(tmp_path, "keys", "lost")
    with capture_logs() as said, pytest.raises(Retriable):
        Sealing(settings, NOWHERE, lambda _: None).seal(rows, passed_on)
    (mend,) = re.findall(r"`(lost: \w+)`", said[0]["why"])
    told = yaml.safe_load(settings.read_text(encoding="utf-8")) | yaml.safe_load(mend)
    settings.write_text(json.dumps(told), encoding="utf-8")

    with capture_logs() as said:
        after = token_of(Sealing(settings, NOWHERE, lambda _: None).seal(rows, passed_on))
    assert [line["event"] for line in said] == ["sealing.store_made"]
    assert after != before
    assert token_of(Sealing(settings, NOWHERE, lambda _: None).seal(rows, passed_on)) == after


def test_a_key_store_that_waits_for_another_reason_than_before_says_so(
    tmp_path: Path, settings: Path, rows: MemoryRows, passed_on: list[Output], monkeypatch: pytest.MonkeyPatch
):
    worker = Sealing(settings, NOWHERE, lambda _: None)
    with capture_logs() as said:
        with pytest.raises(Retriable):
            worker.seal(rows, passed_on)
        nobody_erased(monkeypatch)
        worker.seal(rows, passed_on)
        moved(tmp_path, "keys", "away")
        worker._give_up()
        with pytest.raises(Retriable):
            worker.seal(rows, passed_on)

    assert [line["event"] for line in said] == [
        "sealing.store_made",
        "sealing.waiting",
        "sealing.goes_on",
        "sealing.waiting",
    ]
    assert said[1]["why"] != said[3]["why"]


@pytest.mark.parametrize(
    "words",
    [
        ("persons", "rewrap", "--to", "OTHER"),
        ("links", "merge", "tok-a", "tok-b", "--by", "data-steward", "--method", "steward"),
        ("retention", "hold", "--person", "tok-a", "--by", "officer-3", "--because", "court-order"),
    ],
    ids=" ".join,
)
def test_no_command_but_the_one_that_tells_a_seal_makes_a_key_store(
    tmp_path: Path, settings: Path, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
):
    for module in (links, retention):
        monkeypatch.setattr(module, "connect", lambda _: None)
        monkeypatch.setattr(module, "ReportProducer", lambda _: pytest.fail("something was sent"))
    run("persons", "key", tmp_path / "kek-2")
    other = written(tmp_path, "other.yaml", f"sqlite:///{tmp_path / 'keys.sqlite'}", tmp_path / "kek-2")
    words = tuple(str(other) if word == "OTHER" else word for word in words)

    assert "there is no key store" in " ".join(run(*words, "--sealing", settings, exits=1).split())
    assert list(tmp_path.glob("keys.sqlite*")) == []


def test_whoever_looks_somebody_up_where_no_key_store_is_is_told_so(settings: Path, tmp_path: Path):
    for look in (as_sealed, seal_held):
        with pytest.raises(Wrong, match="there is no key store"):
            look("tok-a", settings)
    assert list(sealed_decisions([], settings)) == [], "of nothing there is nothing to look up"
    assert list(tmp_path.glob("keys.sqlite*")) == []


def test_the_command_that_tells_a_seal_makes_the_first_key_store_and_says_so(settings: Path):
    """For the catalogue names people by seals before the first report."""
    said = [
        CliRunner().invoke(app, ["persons", "seal", "tok-a", "--sealing", str(settings)], env={"COLUMNS": "400"})
        for _ in range(2)
    ]

    assert [one.exit_code for one in said] == [0, 0]
    assert ["a new one was made" in one.stderr for one in said] == [True, False]


def a_decision(first: str, second: str, **changes: Any) -> PersonLink:
    said: dict[str, Any] = {"state": "linked", "method": "steward", "decided_by": "data-steward", "decided_at": 1}
    return PersonLink(first=first, second=second, **(said | changes))


def erased_seal(settings: Path, store: str) -> str:
    """The seal that somebody went by who was erased, of token tok-a."""
    seal = run("persons", "seal", "tok-a", "--sealing", settings).strip()
    with closing(KeyStore(open_database(store), FileKey(settings.parent / "kek"), lambda: 1)) as keys:
        assert keys.destroy([subject_of(seal)]) == 1
    return seal


@pytest.mark.parametrize("other", ["tok-a", "tok-b", "seal"])
@pytest.mark.parametrize("does", ["merge", "possible"])
def test_whoever_was_erased_is_joined_to_nobody_by_a_steward(
    tmp_path: Path, settings: Path, other: str, does: str, monkeypatch: pytest.MonkeyPatch
):
    """Not to who they became either: that would undo the erasure."""
    monkeypatch.setattr(links, "connect", lambda _: None)
    monkeypatch.setattr(links, "ReportProducer", lambda _: pytest.fail("it was decided"))
    old = erased_seal(settings, f"sqlite:///{tmp_path / 'keys.sqlite'}")
    other = run("persons", "seal", "tok-b", "--sealing", settings).strip() if other == "seal" else other
    by = ("--by", "data-steward", "--method", "steward", "--sealing", settings)

    for pair in ((old, other), (other, old)):
        assert "was erased" in run("links", does, *pair, *by, exits=1)
    kept_apart = sealed_decision(a_decision(old, other, state="apart"), settings)
    assert old in (kept_apart.first, kept_apart.second), "what was linked before can be split"


def test_no_pair_of_somebody_who_was_erased_is_left_to_be_decided(tmp_path: Path, settings: Path):
    """It was a possible match before the erasure; whom nobody can be joined to nobody is asked about."""
    old = erased_seal(settings, f"sqlite:///{tmp_path / 'keys.sqlite'}")
    others = sorted(run("persons", "seal", f"tok-{name}", "--sealing", settings).strip() for name in "bc")
    stands, apart = a_decision(*others, state="possible"), a_decision(old, others[0], state="apart")

    known = sealed_decisions([a_decision(old, others[0], state="possible"), stands, apart], settings)

    assert [(one.state, {one.first, one.second}) for one in known] == [
        ("possible", set(others)),
        ("apart", {old, others[0]}),
    ]


def test_intake_refuses_what_joins_somebody_who_was_erased_whoever_wrote_it(
    tmp_path: Path, settings: Path, rows: MemoryRows, monkeypatch: pytest.MonkeyPatch
):
    nobody_erased(monkeypatch)
    old = erased_seal(settings, f"sqlite:///{tmp_path / 'keys.sqlite'}")
    new = run("persons", "seal", "tok-a", "--sealing", settings).strip()
    others = [run("persons", "seal", f"tok-{name}", "--sealing", settings).strip() for name in "bc"]
    links = [a_decision(old, new), a_decision(*others), a_decision(new, "tok-b")]
    records = [a_record(link, "person-links", received_at=2) for link in links]
    door = Sealing(settings, NOWHERE, lambda _: None)

    outputs = door.seal(
        rows, intake.make_step(load_catalogue(catalogue_folder()), 1)(rows, door.screen(rows, records), None)
    )

    assert [type(output.value) for output in outputs[:3]] == [DeadLetter, PersonLink, PersonLink]
    assert old not in str([output.value for output in outputs[1:]])


def test_what_went_on_record_as_erased_is_refused_by_intake_before_its_key_store_knows(
    settings: Path, rows: MemoryRows, passed_on: list[Output], monkeypatch: pytest.MonkeyPatch
):
    """As in a backup of the store that somebody has put back."""
    nobody_erased(monkeypatch)
    before = token_of(Sealing(settings, NOWHERE, lambda _: None).seal(rows, passed_on))
    nobody_erased(monkeypatch, subject_of(before))
    records = [a_record(a_decision(before, "tok-b"), "person-links", received_at=2)]

    (screened,) = Sealing(settings, NOWHERE, lambda _: None).screen(rows, records)

    assert isinstance(screened.value, Refused)


def test_while_the_key_store_is_away_no_decision_passes_that_may_join_somebody_who_was_erased(
    tmp_path: Path, rows: MemoryRows, monkeypatch: pytest.MonkeyPatch
):
    nobody_erased(monkeypatch)
    path = written(tmp_path, "away.yaml", f"sqlite:///{tmp_path}/not-there/keys.sqlite", tmp_path / "kek")
    door, seal = Sealing(path, NOWHERE, lambda _: None), "sealed." + "0" * 32
    apart = [a_record(a_decision(seal, "tok-b", state="apart"), "person-links", received_at=2)]

    with pytest.raises(Retriable):
        door.screen(rows, [a_record(a_decision(seal, "tok-b"), "person-links", received_at=2)])
    assert door.screen(rows, apart) == apart, "of what joins nobody there is nothing to ask"


def test_a_token_nobody_was_reported_by_is_looked_up_as_nobody_and_gets_no_key(settings: Path):
    run("persons", "seal", "tok-b", "--sealing", settings)
    found = {as_sealed("tok-a", settings) for _ in range(2)}

    assert all(map(is_seal, found))
    assert len(found) == 2
    assert as_sealed("tok-a", None) == "tok-a"
    seal = run("persons", "seal", "tok-a", "--sealing", settings).strip()
    assert as_sealed("tok-a", settings) == as_sealed(seal, settings) == seal


def test_whoever_is_to_be_held_has_to_be_there(settings: Path):
    run("persons", "seal", "tok-b", "--sealing", settings)
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


def an_audit_record(token: str, **changes: Any) -> AuditRecord:
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
    wire, records, stops = Records(), [an_audit_record("tok-a"), an_audit_record("tok-b", verb="alteration")], False

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
    records.append(an_audit_record("tok-c"))
    stops = True
    with pytest.raises(Retriable):
        erasures.newly()
    stops = False
    assert erasures.newly() == {subject_of("tok-c")}, "nobody has heard of it yet"
