"""The audit as a file, verified where there is no broker: what is found, by which exit code it is told, and to whom."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from safety_stream.cli import app, auditing
from safety_stream.cli.auditing import ExportedRecord, add_checkpoint, read_checkpoints, run_of, write_lines
from safety_stream.config import Connection
from safety_stream.core.audit import Checkpoint, Mark
from safety_stream.core.model.times import to_iso
from safety_stream.core.putting_right import Certificate, Notice, Untold
from safety_stream.core.stages.recording import Trail, numbers_of
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.edge.seals import read_signer
from safety_stream.readmodel.database import migrate, open_database, url_of_file
from safety_stream.readmodel.people import Consultation, Consultations
from safety_stream.wire.topology import AUDIT_TOPICS


def run(*words: object, exits: int = 0) -> list[Any]:
    result = CliRunner().invoke(app, ["audit", *map(str, words), "--json"])
    assert result.exit_code == exits, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def exported(chain: str, count: int) -> list[ExportedRecord]:
    """A chain as `audit export` writes it."""
    trail = Trail(numbers_of(MemoryRows()), chain)
    records = [
        trail.put_on_record("erasure", at, incident=f"report-{at}", actor="housing").value for at in range(count)
    ]
    return [
        msgspec.convert(
            msgspec.structs.asdict(record) | {"chain": chain, "partition": 0, "at": to_iso(record.as_of)},
            ExportedRecord,
        )
        for record in records
    ]


RECORDS = [*exported("audit.changes", 9), *exported("audit.entries", 4)]


@pytest.fixture
def believed(tmp_path: Path) -> tuple[object, ...]:
    """What somebody holds from when both chains were as they are in `RECORDS`."""
    run("key", tmp_path / "audit.pem")
    marks = tuple(Mark(one.chain, 0, one.seq, one.hash) for one in (RECORDS[8], RECORDS[12]))
    add_checkpoint(tmp_path / "held.jsonl", read_signer(tmp_path / "audit.pem").checkpoint(Checkpoint(7, marks)))
    return ("--checkpoints", tmp_path / "held.jsonl", "--public-key", tmp_path / "audit.pem.pub")


def kinds(said: list[Any]) -> set[str]:
    return {fault["kind"] for one in said for fault in one["faults"]}


@pytest.mark.parametrize("name", ["audit.jsonl", "audit.jsonl.gz"])
def test_a_whole_file_is_whole(tmp_path: Path, believed: tuple[object, ...], name: str):
    assert write_lines(tmp_path / name, RECORDS) == 13

    said = run("verify", "--from", tmp_path / name, *believed)

    assert {one["chain"]: (one["last"], one["faults"]) for one in said} == {
        "audit.changes[0]": (9, []),
        "audit.entries[0]": (4, []),
    }


@pytest.mark.parametrize(
    ("records", "kind"),
    [
        (RECORDS[:4] + RECORDS[5:], "dropped"),
        ([*RECORDS[:4], RECORDS[3], *RECORDS[4:]], "inserted"),
        ([*RECORDS[:3], RECORDS[4], RECORDS[3], *RECORDS[5:]], "reordered"),
        ([msgspec.structs.replace(RECORDS[0], actor="police"), *RECORDS[1:]], "edited"),
        (RECORDS[:9], "truncated"),
        (RECORDS[:8] + RECORDS[9:], "truncated"),
    ],
)
def test_what_somebody_did_to_the_file_is_found(
    tmp_path: Path, believed: tuple[object, ...], records: list[ExportedRecord], kind: str
):
    write_lines(tmp_path / "audit.jsonl", records)

    assert kind in kinds(run("verify", "--from", tmp_path / "audit.jsonl", *believed, exits=2))


def test_a_part_is_verified_for_itself(tmp_path: Path, believed: tuple[object, ...]):
    write_lines(tmp_path / "audit.jsonl", RECORDS[2:7])

    assert kinds(run("verify", "--from", tmp_path / "audit.jsonl", "--part", *believed)) == set()
    assert kinds(run("verify", "--from", tmp_path / "audit.jsonl", *believed, exits=2)) == {"dropped", "truncated"}


def test_a_checkpoint_that_somebody_changed_is_said_to_be_none_and_not_gone_by(
    tmp_path: Path, believed: tuple[object, ...]
):
    (held,) = read_checkpoints(tmp_path / "held.jsonl")
    forged = msgspec.structs.replace(held, marks=(Mark("audit.changes", 0, 12, "ab" * 32),))
    add_checkpoint(tmp_path / "held.jsonl", forged)
    write_lines(tmp_path / "audit.jsonl", RECORDS)

    assert kinds(run("verify", "--from", tmp_path / "audit.jsonl", *believed, exits=2)) == set()


def test_checkpoints_are_not_believed_without_a_key(tmp_path: Path, believed: tuple[object, ...]):
    write_lines(tmp_path / "audit.jsonl", RECORDS)
    said = ["audit", "verify", "--from", str(tmp_path / "audit.jsonl"), *map(str, believed[:2])]

    result = CliRunner().invoke(app, said)

    assert (result.exit_code, "name it with --public-key" in result.stderr) == (1, True)


def test_a_period_is_exported_without_a_break_though_times_go_back_and_forth():
    times = [10, 30, 20, 40, 15, 50]
    chain = [*exported("audit.changes", 6)]
    dated = [msgspec.structs.replace(one, as_of=time) for one, time in zip(chain, times, strict=True)]

    def places(since: int | None, until: int | None) -> list[int]:
        return [*run_of(dated, since, until)]

    assert places(20, 40) == [1, 2, 3, 4]
    assert places(None, None) == [0, 1, 2, 3, 4, 5]
    assert (places(60, None), places(None, 10), places(41, 45)) == ([], [], [])


def test_a_chain_that_a_checkpoint_knows_and_kafka_has_not_is_cut_off(monkeypatch: pytest.MonkeyPatch):
    partitions = dict.fromkeys([(topic, 0) for topic in AUDIT_TOPICS], 0)
    for name in ("low_watermarks", "high_watermarks"):
        monkeypatch.setattr(auditing, name, lambda *_: partitions)
    held = Checkpoint(0, (Mark("audit.changes", 1, 4, RECORDS[3].hash),))

    found = auditing.verified_in_kafka(Connection("nowhere:1"), [held])

    assert [(str(fault.chain), fault.kind) for one in found for fault in one.faults] == [
        ("audit.changes[1]", "truncated")
    ]


@pytest.mark.parametrize(
    "words",
    [("person", "tok-a", "--because", "subject-access"), ("acknowledge", "--audience", "analyst", "--number", "1")],
)
def test_what_would_not_be_put_on_record_is_refused_before_anything_is_shown_or_sent(words: tuple[str, ...]):
    result = CliRunner().invoke(app, ["audit", *words, "--by", "DPO 1"])

    assert (result.exit_code, "field actor is a role or pseudonym" in result.stderr) == (1, True)


def test_a_reason_that_is_none_is_refused_before_anything_is_looked_at():
    result = CliRunner().invoke(app, ["audit", "person", "tok-a", "--because", "curiosity", "--by", "officer-7"])

    assert (result.exit_code, "there is no reason curiosity" in result.stderr) == (2, True)


CERTIFIED = Certificate(
    incident_id="an-id", source="housing", stands_as="erase", at=7, acts=(), findings=(), resting=(), notices=(),
    values=(), is_complete=True, untold=(),
)  # fmt: skip

NOTICE = Notice(
    audience="duty-officer", seq=4, alert_id="alert-a", version=2, change="withdrawn", why="restated",
    incident_id="an-id", action="erase", told_at=7,
)  # fmt: skip

UNTOLD = Untold(
    audience="analyst", seq=9, alert_id="alert-a", version=2, change="updated", incident_id="an-id", action="erase",
    agreements=("isa-crime",), since=7,
)  # fmt: skip


@pytest.fixture
def certified(tmp_path: Path) -> Path:
    """Whose certificates are believed here: a key, and the file of a certificate of it in which nothing is open."""
    run("key", tmp_path / "audit.pem")
    return certificate_in(tmp_path, CERTIFIED)


def certificate_in(folder: Path, made: Certificate) -> Path:
    path = folder / "certificate.json"
    auditing.write_certificate(path, read_signer(folder / "audit.pem").certificate(made))
    return path


def verify(path: Path, *words: object, exits: int, key: str = "audit.pem.pub") -> str:
    """What is said of a certificate, to people."""
    said = ["audit", "verify", "--certificate", path, "--public-key", path.parent / key, *words]
    result = CliRunner().invoke(app, [str(word) for word in said], env={"COLUMNS": "300"})
    assert result.exit_code == exits, result.output
    assert "Traceback" not in result.output
    return result.output


def test_a_certificate_is_believed_as_it_was_signed(certified: Path):
    said = verify(certified, exits=0)

    assert f"as signed with key {read_signer(certified.parent / 'audit.pem').key_id}" in said
    assert "Everything has been put right" in said


def test_what_is_open_is_said_and_told_by_the_exit_code(certified: Path):
    left = msgspec.structs.replace(CERTIFIED, notices=(NOTICE,), untold=(UNTOLD,), is_complete=False)
    path = certificate_in(certified.parent, left)

    said = verify(path, exits=2)
    assert "duty-officer was told, number 4: withdrawn; open" in said
    assert "analyst was not told: erase of it waits for isa-crime; open (withheld 9)" in said
    (line,) = verify(path, "--json", exits=2).splitlines()
    told = json.loads(line)
    assert (told["believed"], told["complete"]) == (True, False)
    assert [[one["seq"] for one in told["open"][what]] for what in ("notices", "untold")] == [[4], [9]]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"stands_as": "erase"', '"stands_as": "new"'),
        ('"is_complete": true', '"is_complete": false'),
        ('"at": 7', '"at": 8'),
        ('"untold": []', '"untold": null'),
        ('"key_id": "', '"key_id": "0'),
        ('"signature": "', '"signature": "0'),
    ],
)
def test_whatever_somebody_changed_it_is_not_believed_and_nothing_of_it_is_shown(certified: Path, old: str, new: str):
    text = certified.read_text(encoding="utf-8")
    assert old in text
    certified.write_text(text.replace(old, new, 1), encoding="utf-8")

    said = verify(certified, exits=1)
    assert "is not to be believed: it" in said
    assert "put right" not in said


def test_what_is_not_signed_is_not_read_over(certified: Path):
    text = certified.read_text(encoding="utf-8")
    certified.write_text(text.replace("{", '{"remark": "all is well",', 1), encoding="utf-8")

    assert "says something that no certificate does" in verify(certified, exits=1)


def test_another_key_is_not_believed(certified: Path):
    run("key", certified.parent / "other.pem")

    assert "which is not among those given" in verify(certified, key="other.pem.pub", exits=1)


def test_a_file_that_was_cut_off_is_said_to_be_none(certified: Path):
    whole = certified.read_bytes()
    for length in (0, 1, len(whole) // 2, len(whole) - 3):
        certified.write_bytes(whole[:length])
        assert "holds no whole certificate" in verify(certified, exits=1)


def test_a_certificate_made_before_anybody_looked_at_what_was_withheld_is_believed_and_says_so(certified: Path):
    path = certificate_in(certified.parent, msgspec.structs.replace(CERTIFIED, untold=None))
    text = json.loads(path.read_text(encoding="utf-8"))
    del text["untold"]
    path.write_text(json.dumps(text), encoding="utf-8")

    assert "What was withheld is not in it" in verify(path, exits=0)


def test_a_certificate_needs_a_key_and_nothing_else(certified: Path):
    for words, said in (
        ((), "name it with --public-key"),
        (("--public-key", certified.parent / "audit.pem.pub", "--part"), "leave out --from"),
    ):
        result = CliRunner().invoke(app, ["audit", "verify", "--certificate", str(certified), *map(str, words)])
        assert (result.exit_code, said in result.output) == (1, True)


def looked(path: Path) -> Engine:
    engine = open_database(url_of_file(path))
    migrate(engine)
    kept = Consultations(engine)
    for number in range(3):
        kept.note(
            Consultation(
                at=number, act="view", person="1234", role="duty-officer", audience="desk", alert_id="a", seq=number,
                reason="on-shift", session="s",
            )
        )  # fmt: skip
    return engine


def test_looks_on_the_pages_are_verified_with_their_database_and_by_checkpoints(tmp_path: Path):
    write_lines(tmp_path / "audit.jsonl", RECORDS)
    engine = looked(tmp_path / "copy.sqlite")
    run("key", tmp_path / "audit.pem")
    marks = (Consultations(engine).verified().mark,)
    add_checkpoint(tmp_path / "held.jsonl", read_signer(tmp_path / "audit.pem").checkpoint(Checkpoint(7, marks)))
    words = ("verify", "--from", tmp_path / "audit.jsonl")
    held = ("--checkpoints", tmp_path / "held.jsonl", "--public-key", tmp_path / "audit.pem.pub")
    database = ("--database", f"sqlite:///{tmp_path}/copy.sqlite")

    pages = [one for one in run(*words, *held, *database) if one["chain"].startswith("pages.")]
    assert [(one["chain"], one["first"], one["last"]) for one in pages] == [("pages.consultations[0]", 1, 3)]
    # Whoever has no such database is told of no fault in what they cannot see.
    assert [one for one in run(*words, *held) if one["chain"].startswith("pages.")] == []
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER consultations_no_delete")
        connection.exec_driver_sql("DELETE FROM consultations WHERE place = 3")
    engine.dispose()
    assert kinds(run(*words, *database)) == set()
    assert kinds(run(*words, *held, *database, exits=2)) == {"truncated"}
