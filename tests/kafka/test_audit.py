"""A person's whole life on real Kafka: reported, alerted on, looked up, erased, put right; then looked for everywhere.

What is searched is every byte on disk and, because Kafka compresses what it writes, every record the broker gives.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
from tests.kafka.test_backbone import PARTITIONS, Workers
from tests.replay.telling import a_report
from typer.testing import CliRunner

from safety_stream.catalogue import load_catalogue
from safety_stream.cli import app
from safety_stream.config import Connection
from safety_stream.core.model.reports import Report, ReportedPlace
from safety_stream.core.model.times import DAY_LENGTH, MINUTE
from safety_stream.data_files import catalogue_folder
from safety_stream.edge.producer import ReportProducer
from safety_stream.embedded import EmbeddedKafka
from safety_stream.readmodel.database import open_database as open_pages
from safety_stream.readmodel.people import Consultation, Consultations
from safety_stream.sealing.database import open_database
from safety_stream.sealing.providers import FileKey
from safety_stream.sealing.store import KeyStore
from safety_stream.streaming.draining import wait_until_drained
from safety_stream.streaming.provisioning import create, plan
from safety_stream.streaming.reading import read_to_end
from safety_stream.wire.topology import row_of, topics

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(1_800)]

PLAIN = {"forename": "Zzforename", "surname": "Zzsurname", "date of birth": "1990-02-03", "phone": "07700900461"}
"""Nobody: words that are no names, and a number kept free for drama."""

BY_ONE = ("--by", "data-protection-officer-1")
BY_ANOTHER = ("--by", "data-protection-officer-2")

BEFORE_THE_DOOR = {"partner.police-crimes", "dead-letters.intake"}
"""Where partners' own tokens are, until that is trimmed."""

OTHER_TOKEN = "e1.person." + "0123456789abcdef" * 2
"""Another token of the same person, by what a steward decides."""


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedKafka]:
    quickly = {"log.retention.check.interval.ms": "500", "log.segment.delete.delay.ms": "100"}
    with EmbeddedKafka(tmp_path / "bus" / "kafka", overrides=quickly) as running:
        yield running


class Desk:
    """Commands as people run them against one broker."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap

    def run(self, *words: object, exits: int = 0, on_kafka: bool = True) -> list[Any]:
        """What a command says, a value a line."""
        where = ["--bootstrap", self._bootstrap] if on_kafka else []
        result = CliRunner().invoke(app, [*map(str, words), "--json", *where])
        assert result.exit_code == exits, result.stderr
        return [json.loads(line) for line in result.stdout.splitlines()]


def tokenised(desk: Desk, partner: Path) -> tuple[str, str]:
    """The tokens of the person and of the phone, made at the partner: nothing else leaves that folder."""
    partner.mkdir()
    (partner / "persons.csv").write_text(f"{','.join(PLAIN)}\n{','.join(PLAIN.values())}\n", encoding="utf-8")
    keys, made = partner / "keys.json", partner / "tokens.jsonl"
    desk.run("tokens", "key", "new", keys, "--epoch", "e1", "--purpose", "safeguarding", on_kafka=False)
    desk.run(
        *("tokens", "make", partner / "persons.csv", "--keys", keys, "--purpose", "safeguarding", "--out", made),
        on_kafka=False,
    )
    line = json.loads(made.read_text(encoding="utf-8"))
    return line["parties"][0]["token"], line["phones"][0]


def harms(token: str, phone: str) -> list[Report]:
    """Three, on three days, of which the last was yesterday."""
    now = time.time_ns() // 1_000_000
    return [
        msgspec.structs.replace(
            a_report(
                "police-crimes",
                f"harm-{number}",
                "2026-01-05T20:00",
                people={"victim": token},
                place=ReportedPlace(area="E07000117", uprn="900000000001"),
                phones=(phone,),
            ),
            occurred_from=now - (4 - number) * DAY_LENGTH,
            reported_at=now - (4 - number) * DAY_LENGTH + MINUTE,
        )
        for number in (1, 2, 3)
    ]


def erased(report: Report) -> Report:
    return msgspec.structs.replace(report, source_version=2, action="erase", parties=(), phones=(), place=None)


def nonsense(token: str, ref: str) -> Report:
    """A report that intake refuses, and that names somebody."""
    report = a_report("police-crimes", ref, "2026-01-05T20:00", people={"victim": token})
    return msgspec.structs.replace(report, category="no-such-category")


def sealing(desk: Desk, bus: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Tokens are sealed from here on, in every worker and command; returns the file of the key store."""
    desk.run("persons", "key", bus / "kek", on_kafka=False)
    settings = {"store": f"sqlite:///{bus / 'keys.sqlite'}", "key": {"file": str(bus / "kek")}}
    (bus / "sealing.yaml").write_text(json.dumps(settings), encoding="utf-8")
    monkeypatch.setenv("SAFETY_STREAM_SEALING", str(bus / "sealing.yaml"))
    return bus / "keys.sqlite"


def backed_up(store: Path, backup: Path) -> None:
    with closing(sqlite3.connect(store)) as db:
        db.execute("VACUUM INTO ?", (str(backup),))


def restored(store: Path, backup: Path) -> None:
    for path in store.parent.glob(f"{store.name}*"):
        path.unlink()
    shutil.copy(backup, store)
    # It is no longer on this disk; whoever keeps it longer keeps more.
    backup.unlink()


def close_files_quickly(admin: AdminClient) -> None:
    resources = [
        ConfigResource(
            ResourceType.TOPIC,
            topic,
            incremental_configs=[ConfigEntry("segment.ms", "1000", incremental_operation=AlterConfigOpType.SET)],
        )
        for topic in sorted(BEFORE_THE_DOOR)
    ]
    for answer in admin.incremental_alter_configs(resources).values():
        answer.result()


def published_numbers(kafka: Connection) -> list[bytes]:
    """Every number that was ever told outside."""
    return [content for topic, content in kept(kafka) if topic.startswith("indicators.")]


def looked_at(pages: str, alert_id: str) -> None:
    """Somebody was shown an alert on the pages."""
    Consultations(open_pages(pages)).note(
        Consultation(
            at=time.time_ns() // 1_000_000,
            act="view",
            person="officer-7",
            role="duty-officer",
            audience="duty-officer",
            alert_id=alert_id,
            seq=1,
            reason="on-shift",
            session="a-session",
        )
    )


def send(kafka: Connection, reports: list[Report]) -> None:
    with ReportProducer(kafka) as producer:
        for report in reports:
            producer.send(report)


def kept(kafka: Connection) -> Iterator[tuple[str, bytes]]:
    """Every record of every topic, whole; of compacted ones what compaction leaves: the newest of each key."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap, "log_level": 0})
    names = sorted(name for name in admin.list_topics(timeout=10).topics if not name.startswith("__"))
    newest: dict[tuple[str, int, bytes | None], bytes] = {}
    for one in read_to_end(kafka, names):
        content = b"\n".join(
            [one.key or b"", one.value or b"", *(f"{name}={value!r}".encode() for name, value in one.headers)]
        )
        if row_of(one.topic).keep == "latest":
            newest[one.topic, one.partition, one.key] = b"" if one.value is None else content
        else:
            yield one.topic, content
    for (topic, _, _), content in newest.items():
        yield topic, content


def holding(kafka: Connection, *words: str) -> set[str]:
    """The topics that hold one of these words."""
    return {topic for topic, content in kept(kafka) if any(word.encode() in content for word in words)}


def files_with(folder: Path, *words: str) -> set[str]:
    """The files below a folder that hold one of these words."""
    return {
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and any(word.encode() in path.read_bytes() for word in words)
    }


def test_a_persons_whole_life_leaves_no_plain_identifier_and_is_put_right_everywhere(  # noqa: PLR0915 - a life is long
    broker: EmbeddedKafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kafka, catalogue = Connection(broker.bootstrap_servers), load_catalogue(catalogue_folder())
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0})
    create(admin, plan(admin, topics(catalogue, PARTITIONS)).create)
    bus, desk = tmp_path / "bus", Desk(broker.bootstrap_servers)
    token, phone = tokenised(desk, tmp_path / "partner")
    tokens = (token, phone, OTHER_TOKEN)
    keys = sealing(desk, bus, monkeypatch)
    pages = f"sqlite:///{bus / 'pages.sqlite'}"
    key, checkpoints, export = bus / "audit.pem", bus / "checkpoints.jsonl", bus / "audit.jsonl"
    by = BY_ONE
    believed = ("--checkpoints", checkpoints, "--public-key", f"{key}.pub")
    desk.run("audit", "key", key, on_kafka=False)

    with Workers(broker.bootstrap_servers, bus) as workers:
        workers.start("a")
        reports = harms(token, phone)
        send(kafka, [*reports, nonsense(token, "nonsense-1")])
        # Intake has begun the key store by then.
        wait_until_drained(kafka, catalogue, seconds=120)
        desk.run("links", "merge", token, OTHER_TOKEN, "--by", "data-steward", "--method", "verified-id")
        wait_until_drained(kafka, catalogue, seconds=120)
        desk.run("project", "--until-end", "--database", pages, "--data", bus)
        desk.run("audit", "checkpoint", "--key", key, "--out", checkpoints)

        # What is held, and who was told; and that somebody asked is on record.
        (held,) = desk.run("audit", "person", token, "--because", "subject-access", *by)
        assert {one["source"] for one in held["reports"]} == {"police-crimes"}
        assert len(held["reports"]) == len(reports)
        assert len(held["tokens"]) == 2
        assert set(held["tokens"]).isdisjoint(tokens)
        assert "duty-officer" in {one["to"] for one in held["disclosures"]}
        wait_until_drained(kafka, catalogue, seconds=120)
        looked_at(pages, held["alerts"][0]["alert_id"])
        (held,) = desk.run("audit", "person", token, "--because", "erasure", *by, "--database", pages)
        assert {"subject-access", "on-shift"} <= {one["reason"] for one in held["consultations"]}

        send(kafka, [erased(report) for report in reports])
        wait_until_drained(kafka, catalogue, seconds=120)
        desk.run("project", "--until-end", "--database", pages, "--data", bus)

        # Everybody who was told has to say that it is put right there.
        (made,) = desk.run("audit", "certificate", "police-crimes/harm-3", "--key", key, exits=2)
        assert (made["stands_as"], made["resting"], made["is_complete"]) == ("erase", [], False)
        for notice in desk.run("audit", "notices", "--overdue-after", 0, exits=2):
            said = ("--audience", notice["audience"], "--number", notice["seq"])
            desk.run("audit", "acknowledge", *said, "--by", "officer-7")
        wait_until_drained(kafka, catalogue, seconds=120)
        assert desk.run("audit", "notices", "--overdue-after", 0) == []
        certificate = bus / "certificate.json"
        (made,) = desk.run("audit", "certificate", "police-crimes/harm-3", "--key", key, "--out", certificate)
        assert made["is_complete"]
        assert workers.end("a") == 0

    # The audit is whole, by what somebody held from before; on the bus, and as a file.
    chains = desk.run("audit", "verify", *believed)
    assert {fault["kind"] for one in chains for fault in one["faults"]} == set()
    desk.run("audit", "checkpoint", "--key", key, "--out", checkpoints)
    (written,) = desk.run("audit", "export", "--out", export)
    assert written["records"] == sum(one["last"] for one in chains)
    desk.run("audit", "verify", "--from", export, *believed)
    desk.run("audit", "export", "--format", "csv", "--out", bus / "audit.csv")
    lines = export.read_bytes().splitlines(keepends=True)
    export.write_bytes(b"".join(lines[:-1]))
    cut = desk.run("audit", "verify", "--from", export, *believed, exits=2)
    assert {fault["kind"] for one in cut for fault in one["faults"]} == {"truncated"}

    # Nothing readable ever left the partner, and no token of the partner's went further than the door.
    words = tuple(PLAIN.values())
    assert holding(kafka, *words) == set()
    assert files_with(bus, *words) == set()
    assert files_with(tmp_path / "partner", *words), "the search finds what is there"
    assert holding(kafka, *tokens) == BEFORE_THE_DOOR

    # Erased, the person is nobody: by the token nothing is found, and every number stays as it was told.
    backed_up(keys, bus / "backup.sqlite")
    numbers = published_numbers(kafka)
    with Workers(broker.bootstrap_servers, bus) as workers:
        workers.start("a")
        (asked,) = desk.run("persons", "erase", token, "--because", "erasure", *BY_ONE, exits=2)
        wait_until_drained(kafka, catalogue, seconds=120)
        # It takes somebody else; until then the person is who they were.
        desk.run("persons", "erase", token, "--confirm", *BY_ONE, exits=1)
        assert desk.run("persons", "erase", token, "--because", "erasure", *BY_ANOTHER, exits=2) == [asked]
        (done,) = desk.run("persons", "erase", token, "--confirm", *BY_ANOTHER)
        assert (sorted(done["seals"]), done["keys"]) == (sorted(held["tokens"]), len(tokens))
        assert (done["standing"], done["shared"], done["unsealed"]) == ([], [], 0)
        wait_until_drained(kafka, catalogue, seconds=120)
        assert published_numbers(kafka) == numbers
        (nobody,) = desk.run("audit", "person", token, "--because", "subject-access", *by)
        assert (nobody["reports"], nobody["alerts"], nobody["disclosures"]) == ([], [], [])
        assert workers.end("a") == 0

    # A backup of the key store brings nobody back: a report that comes later is about somebody else.
    restored(keys, bus / "backup.sqlite")
    close_files_quickly(admin)
    with Workers(broker.bootstrap_servers, bus) as workers:
        workers.start("b")
        (later, *_) = harms(token, phone)
        later = msgspec.structs.replace(later, source_ref="later")
        send(kafka, [later, nonsense("tok-of-somebody", "nonsense-2")])
        wait_until_drained(kafka, catalogue, seconds=120)
        (again,) = desk.run("audit", "person", token, "--because", "subject-access", *by)
        assert len(again["reports"]) == 1
        assert set(again["tokens"]).isdisjoint(held["tokens"])
        (asked,) = desk.run("persons", "erase", token, "--because", "erasure", *BY_ONE, exits=2)
        wait_until_drained(kafka, catalogue, seconds=120)
        (done,) = desk.run("persons", "erase", token, "--confirm", *BY_ANOTHER, exits=2)
        assert sorted(asked["seals"]) == sorted(done["seals"])
        assert [(one["source"], one["stands_as"]) for one in done["standing"]] == [("police-crimes", "new")]
        send(kafka, [erased(later)])
        wait_until_drained(kafka, catalogue, seconds=120)
        send(kafka, [nonsense("tok-of-somebody", "nonsense-3")])
        wait_until_drained(kafka, catalogue, seconds=120)
        assert workers.end("b") == 0
    assert {fault["kind"] for one in desk.run("audit", "verify", *believed) for fault in one["faults"]} == set()

    # And what stood before the door goes when it is cut off: then no byte has a token, nor leads to one.
    assert files_with(bus, token), "the search finds what is there"
    assert desk.run("topics", "trim", "--older-than", 0, exits=2)
    assert desk.run("topics", "trim", "--older-than", 0, "--apply")
    assert desk.run("topics", "trim", "--older-than", 0) == []
    assert holding(kafka, *tokens) == set()
    until = time.monotonic() + 60
    while left := files_with(bus, *tokens):
        assert time.monotonic() < until, left
        time.sleep(0.2)
    assert holding(kafka, *held["tokens"]), "what was told stays, and is about nobody"
    with closing(KeyStore(open_database(f"sqlite:///{keys}"), FileKey(bus / "kek"), lambda: 0)) as store:
        assert store.known(tokens) == {}
