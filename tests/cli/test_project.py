"""`project` on a real Kafka: killed, restarted, without its database for a while, and always complete."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from sqlalchemy import Engine
from tests.catalogue.copying import another_county, with_another_desk
from tests.readmodel.making import alert, handling
from tests.readmodel.naive import Naive
from tests.readmodel.postgres import Server, needed, running_server
from typer.testing import CliRunner

from safety_stream.cli import app
from safety_stream.core.model.published import PublishedAlert
from safety_stream.readmodel.database import migrate, open_database
from safety_stream.readmodel.projection import TopicRecord
from safety_stream.readmodel.reading import ReadModel
from safety_stream.wire.records import Records


class Desk:
    """A terminal with one audience of its own, and a database."""

    def __init__(self, bootstrap: str, folder: Path, audience: str) -> None:
        self.audience = audience
        self.topic = f"alerts.{audience}"
        self.bootstrap = bootstrap
        self.engines: list[Engine] = []
        self.url = f"sqlite:///{folder / 'copy.sqlite'}"
        self.environment = {
            "SAFETY_STREAM_BOOTSTRAP": bootstrap,
            "SAFETY_STREAM_CATALOGUE": str(folder / "catalogue"),
            "SAFETY_STREAM_DATA": str(folder / "data"),
        }

    def run(self, *words: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(app, words, env=self.environment | {"SAFETY_STREAM_DATABASE": self.url})
        assert "Traceback" not in result.output
        return result.exit_code, result.stdout, result.stderr

    def started(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "safety_stream", "project", "--json", *words],
            env=os.environ | self.environment | {"SAFETY_STREAM_DATABASE": self.url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def model(self) -> ReadModel:
        """The copy, with its tables: whoever reads it may come before whoever writes it."""
        engine = open_database(self.url)
        self.engines.append(engine)
        migrate(engine)
        return ReadModel(engine)

    def tell(self, alerts: list[PublishedAlert]) -> None:
        # In transactions, as the backbone does: their ends take offsets, and a page never sees half of one.
        producer = Producer(
            {"bootstrap.servers": self.bootstrap, "log_level": 0, "transactional.id": self.audience, "linger.ms": 5}
        )
        producer.init_transactions(30)
        wire = Records()
        for start in range(0, len(alerts), 2_500):
            producer.begin_transaction()
            for one in alerts[start : start + 2_500]:
                producer.produce(self.topic, wire.encode(self.topic, one))
            producer.commit_transaction(30)

    def copied(self, process: subprocess.Popen[str], seq: int) -> None:
        """Read what the process says until the copy has this number."""
        assert process.stdout is not None
        model = self.model()
        while model.newest_seq(self.audience) < seq:
            line = process.stdout.readline()
            assert line, process.stderr.read() if process.stderr else ""
            assert set(json.loads(line)) == {"new", "passed_over", "faults"}


@pytest.fixture
def desk(kafka: str, tmp_path: Path, topic_prefix: str) -> Iterator[Desk]:
    catalogue = another_county(tmp_path / "catalogue")
    desk = Desk(kafka, tmp_path, f"{topic_prefix}desk")
    with_another_desk(catalogue, desk.audience)
    assert desk.run("topics", "apply")[0] == 0
    yield desk
    for engine in desk.engines:
        engine.dispose()


def told(audience: str, first: int, last: int) -> list[PublishedAlert]:
    """Numbers `first` to `last` of a feed in which every alert is told of three times."""
    return [
        alert(
            seq,
            f"a{seq % (last // 3 + 1)}",
            version=1,
            change="withdrawn" if seq % 17 == 0 else "raised",
            audience=audience,
            priority=f"P{seq % 4 + 1}",
            handling=handling("acknowledged", decide_by=seq) if seq % 5 == 0 else None,
        )
        for seq in range(first, last + 1)
    ]


def assert_complete(desk: Desk, alerts: list[PublishedAlert]) -> None:
    naive, model = Naive(TopicRecord(desk.topic, 0, 0, one) for one in alerts), desk.model()
    assert model.feed(desk.audience, 0, len(alerts) + 1) == alerts
    assert model.inbox(desk.audience, limit=len(alerts)) == naive.inbox(desk.audience)
    assert [one for one in model.health().faults if one.topic == desk.topic] == []


@pytest.mark.kafka
def test_its_figures_are_served_while_it_runs(desk: Desk):
    desk.tell(told(desk.audience, 1, 300))
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port = asked.getsockname()[1]
    with desk.started("--metrics-port", str(port)) as process:
        desk.copied(process, 300)
        with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            served = answer.read().decode()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)

    figures = dict(line.rsplit(" ", 1) for line in served.splitlines() if not line.startswith("#"))
    assert process.returncode == 0
    assert float(figures["safety_stream_projection_records_total"]) >= 300
    assert float(figures["safety_stream_projection_looked_at_seconds"]) > 0
    told_of = f'safety_stream_alerts_told_total{{audience="{desk.audience}",priority="P1"}}'
    assert float(figures[told_of]) == 75


@pytest.mark.kafka
def test_a_projection_killed_in_the_middle_goes_on_where_the_copy_ends(desk: Desk):
    alerts = told(desk.audience, 1, 20_000)
    desk.tell(alerts)
    with desk.started() as process:
        desk.copied(process, 2_000)
        process.send_signal(signal.SIGKILL)
    assert 2_000 <= desk.model().newest_seq(desk.audience) < 20_000

    # Once more, and this time told to stop while it follows what comes.
    with desk.started() as process:
        desk.copied(process, 20_000)
        more = told(desk.audience, 20_001, 20_300)
        desk.tell(more)
        desk.copied(process, 20_300)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert err.splitlines() == [
        "The copy follows what is published; Ctrl-C ends it",
        "The copy is stopped; the same command goes on with it",
    ]

    assert_complete(desk, alerts + more)
    code, out, err = desk.run("project", "--until-end", "--json")
    assert (code, json.loads(out.splitlines()[-1])["behind"]) == (0, 0), err
    assert_complete(desk, alerts + more)
    (mine,) = [one for one in desk.model().health().partitions if one.topic == desk.topic]
    # The ends of transactions take offsets, too.
    assert (mine.behind, mine.next_offset > 20_300) == (0, True)


@pytest.mark.kafka
def test_a_copy_is_made_to_the_end_and_nothing_is_copied_twice(desk: Desk):
    alerts = told(desk.audience, 1, 30)
    desk.tell(alerts)

    code, out, err = desk.run("project", "--until-end")

    assert code == 0, err
    assert out.endswith("records copied; the copy is complete\n")
    assert_complete(desk, alerts)
    desk.tell(told(desk.audience, 31, 33))
    code, out, err = desk.run("project", "--until-end", "--json")
    last = json.loads(out.splitlines()[-1])
    assert last["copied"] >= 3
    assert sum(json.loads(line)["passed_over"] for line in out.splitlines()[:-1]) == 0


@pytest.mark.kafka
def test_missing_numbers_are_said(desk: Desk):
    desk.tell([*told(desk.audience, 1, 2), *told(desk.audience, 5, 6)])

    code, _, err = desk.run("project", "--until-end")

    assert code == 0, err
    assert "numbered feeds have " in err
    assert "`project --until-end --json` lists what is missing or came twice" in err
    listed = json.loads(desk.run("project", "--until-end", "--json")[1].splitlines()[-1])["faults"]
    assert [(one["first_seq"], one["last_seq"]) for one in listed if one["topic"] == desk.topic] == [(3, 4)]
    (fault,) = [one for one in desk.model().health().faults if one.topic == desk.topic]
    assert (fault.kind, fault.first_seq, fault.last_seq) == ("missing", 3, 4)


@pytest.mark.kafka
def test_a_topic_made_anew_is_another_topic(desk: Desk):
    desk.tell(told(desk.audience, 1, 3))
    assert desk.run("project", "--until-end")[0] == 0
    admin = AdminClient({"bootstrap.servers": desk.bootstrap, "log_level": 0})
    admin.delete_topics([desk.topic])[desk.topic].result(30)
    remade(admin, desk.topic)

    code, _, err = desk.run("project", "--until-end")

    assert code == 1
    assert f"error: {desk.topic} is not the topic this copy was made of" in err
    assert "name one with --database" in err


def remade(admin: AdminClient, topic: str) -> None:
    for _ in range(100):
        try:
            admin.create_topics([NewTopic(topic, 1)])[topic].result(30)
        except Exception as error:  # noqa: BLE001 - Kafka deletes in its own time
            reason = error
        else:
            return
    raise reason


@pytest.mark.kafka
def test_a_record_that_cannot_be_read_stops_the_copy_and_is_named(desk: Desk):
    producer = Producer({"bootstrap.servers": desk.bootstrap, "log_level": 0})
    producer.produce(desk.topic, b"\x00\x00\x00\x99\x09x")
    producer.flush(30)

    code, _, err = desk.run("project", "--until-end")

    assert code == 1
    assert f"error: {desk.topic} [0] offset 0 cannot be read (schema id 39177 is not registered" in err
    assert "run a version at least as new as the workers'" in err
    assert desk.model().newest_seq(desk.audience) == 0


@pytest.fixture
def on_postgres(desk: Desk) -> Iterator[Server]:
    with running_server(needed()) as server:
        desk.url = server.new_database("pages")
        yield server


@pytest.mark.kafka
def test_a_database_that_goes_away_is_waited_for(desk: Desk, on_postgres: Server):
    alerts = told(desk.audience, 1, 3_000)
    desk.tell(alerts[:1_000])
    with desk.started() as process:
        desk.copied(process, 1_000)
        on_postgres.stop()
        desk.tell(alerts[1_000:])
        assert process.stderr is not None
        assert process.stderr.readline().startswith("The copy follows")
        assert "the database cannot be used (" in process.stderr.readline()
        on_postgres.start()
        desk.copied(process, 3_000)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)

    assert process.returncode == 0
    assert_complete(desk, alerts)


# Without a broker.


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("secret-word", "--database names no database that can be used"),
        ("mysql://user:secret-word@h/d", "--database names no database that can be used"),
        ("sqlite:////nowhere/at/all.sqlite", "the database cannot be used (unable to open database file): start it"),
        ("postgresql://user:secret-word@127.0.0.1:1/d", "the database cannot be used (connection"),
    ],
)
def test_a_database_that_cannot_be_used_is_said_before_anything_else(
    url: str, sentence: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("safety_stream.cli.project.connect_as", lambda kafka, production: None)

    result = CliRunner().invoke(app, ["project", "--until-end"], env={"SAFETY_STREAM_DATABASE": url})

    assert result.exit_code == 1
    assert sentence in result.stderr
    assert "secret-word" not in result.output


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch):
    for name in list(sys.modules):
        if name.startswith("safety_stream.readmodel") or name == "safety_stream.cli.projecting":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)

    result = CliRunner().invoke(app, ["project"])

    assert result.exit_code == 1
    assert "error: sqlalchemy is not installed, which the copy needs: pip install 'safety-stream[web]'" in result.stderr


def test_the_base_commands_need_no_database():
    code = (
        "import sys, safety_stream.cli\n"
        "found = {'sqlalchemy', 'alembic', 'psycopg'} & set(sys.modules)\n"
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
