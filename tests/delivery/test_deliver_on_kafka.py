"""`deliver` on a real Kafka: what is published reaches a web hook, once, through a kill and a restart."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from tests.catalogue.copying import with_another_desk
from tests.core.stages.making import an_alert
from tests.delivery.making import alert
from tests.delivery.servers import Web, web
from tests.readmodel.making import alert as told_alert
from tests.readmodel.making import told
from tests.readmodel.test_owed import placed, record
from typer.testing import CliRunner

from safety_stream.cli import app
from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.model.times import DAY_LENGTH
from safety_stream.data_files import catalogue_folder
from safety_stream.readmodel.database import migrate, open_database, url_of_file
from safety_stream.readmodel.projection import note_ends
from safety_stream.streaming.provisioning import create
from safety_stream.wire.codecs import shipped_codecs
from safety_stream.wire.topology import Topic

pytestmark = pytest.mark.kafka


class Desk:
    """One audience nobody else has, on one cluster, with a hook of its own."""

    def __init__(self, bootstrap: str, folder: Path, audience: str, hook: Web) -> None:
        self.bootstrap = bootstrap
        self.folder = folder
        self.audience = audience
        self.hook = hook
        self.environment = {
            "SAFETY_STREAM_BOOTSTRAP": bootstrap,
            "SAFETY_STREAM_DATA": str(folder / "data"),
            "SAFETY_STREAM_CATALOGUE": str(folder / "catalogue"),
            "SAFETY_STREAM_DELIVERY": str(folder / "delivery.yaml"),
        }
        self._seq = 0

    def run(self, *words: str, code: int = 0) -> list[dict[str, Any]]:
        result = CliRunner().invoke(app, [*words, "--json"], env=self.environment)
        assert result.exit_code == code, result.output
        return [json.loads(line) for line in result.stdout.splitlines()]

    def started(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "safety_stream", "deliver", "--json"],
            env=os.environ | self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def publish(self, *changes: dict[str, Any]) -> list[PublishedAlert]:
        producer = Producer({"bootstrap.servers": self.bootstrap, "log_level": 0})
        published = []
        for one in changes:
            self._seq += 1
            fields = {"alert_id": f"alert-{self._seq}", "as_of": time.time_ns() // 1_000_000, "priority": "P1"} | one
            published.append(alert(audience=self.audience, seq=self._seq, **fields))
            producer.produce(f"alerts.{self.audience}", shipped_codecs().encode(published[-1]))
        assert producer.flush(30) == 0
        return published

    def made_anew(self) -> None:
        """Delete the topic, and make another of its name as soon as Kafka lets one."""
        admin, name = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0}), f"alerts.{self.audience}"
        admin.delete_topics([name])[name].result(30)
        self._seq = 0
        for _ in range(100):
            with suppress(KafkaException):
                admin.create_topics([NewTopic(name, 1)])[name].result(30)
                return
        pytest.fail("the topic was not made anew")

    def told(self) -> list[tuple[str, int]]:
        """What the hook got, repeats and all."""
        said = [json.loads(body)["data"] for _, _, body in self.hook.posts]
        return [(one["reference"], one["version"]) for one in said]


@pytest.fixture
def desk(kafka: str, tmp_path: Path, topic_prefix: str) -> Iterator[Desk]:
    audience = f"{topic_prefix}desk"
    catalogue = Path(shutil.copytree(catalogue_folder(), tmp_path / "catalogue"))
    with_another_desk(catalogue, audience)
    topic = Topic(name=f"alerts.{audience}", subjects=("published-alert",), partitions=1, settings={})
    create(AdminClient({"bootstrap.servers": kafka, "log_level": 0}), [topic])
    (tmp_path / "delivery.yaml").write_text(
        f"link: https://alerts.example.invalid/\nwebhook: {{key: {'k' * 40}, private_addresses: true}}\n",
        encoding="utf-8",
    )
    with web() as hook:
        yield Desk(kafka, tmp_path, audience, hook)


def until(holds: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    # What was being sent when its sender was killed is sent again two minutes later, so this may take longer.
    tick = threading.Event()
    for _ in range(2_400):
        if holds():
            return
        assert process.poll() is None, process.stderr.read()
        tick.wait(0.1)
    pytest.fail("it did not come to pass")


def test_once_tells_what_there_is_and_says_whether_something_waits(desk: Desk):
    desk.run("alerts", "subscribe", "--audience", desk.audience, "--webhook", desk.hook.url)
    first, _ = desk.publish({}, {"notify": False})

    assert desk.run("deliver", "--once") == [{"sent": 1}]
    assert desk.told() == [(first.alert_id, 1)]
    desk.hook.behaves = "500"
    desk.publish({})
    assert desk.run("deliver", "--once", code=2) == [{"failed": 1, "sent": 1}]


def test_a_topic_that_was_made_anew_and_has_grown_past_the_place_is_read_from_its_beginning(desk: Desk):
    desk.run("alerts", "subscribe", "--audience", desk.audience, "--webhook", desk.hook.url)
    desk.publish({"alert_id": "alert-1"})
    assert desk.run("deliver", "--once") == [{"sent": 1}]
    desk.made_anew()
    # The same again, before it something that was not there, and behind it more than there was.
    desk.publish({"alert_id": "alert-9"}, {"alert_id": "alert-1"}, {"alert_id": "alert-2"}, {"notify": False})

    assert desk.run("deliver", "--once") == [{"sent": 3}]
    assert sorted(desk.told()) == [("alert-1", 1), ("alert-2", 1), ("alert-9", 1)]


def test_an_audience_whose_topic_is_not_there_yet_holds_up_nobody(desk: Desk):
    other = f"{desk.audience}-new"
    with_another_desk(desk.folder / "catalogue", other)
    for audience in (desk.audience, other):
        desk.run("alerts", "subscribe", "--audience", audience, "--webhook", desk.hook.url)
    desk.publish({"alert_id": "alert-1"})

    assert desk.run("deliver", "--once", code=2) == [{"sent": 1}]
    unread = [one for one in desk.run("doctor", code=1) if f"{other} would not hear" in one["what"]]
    assert [(one["level"], "topics apply" in one["mend"]) for one in unread] == [("warn", True)]
    topic = Topic(name=f"alerts.{other}", subjects=("published-alert",), partitions=1, settings={})
    create(AdminClient({"bootstrap.servers": desk.bootstrap, "log_level": 0}), [topic])
    assert desk.run("deliver", "--once") == [{"sent": 1}]
    assert desk.told() == [("alert-1", 1)]


def test_every_alert_is_told_once_through_a_kill_and_a_restart(desk: Desk):
    desk.run("alerts", "subscribe", "--audience", desk.audience, "--webhook", desk.hook.url, "--priority", "P1")
    first = desk.publish({}, {"priority": "P3"}, {})
    process = desk.started()
    until(lambda: len(desk.hook.posts) == 2, process)
    desk.publish({})
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (withdrawn,) = desk.publish(
        {"alert_id": first[0].alert_id, "version": 2, "change": "withdrawn", "reason": "withdrawn"}
    )

    process = desk.started()
    until(lambda: (withdrawn.alert_id, 2) in desk.told(), process)
    until(lambda: len({headers["webhook-id"] for _, headers, _ in desk.hook.posts}) == 4, process)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 0, err
    assert sorted(set(desk.told())) == [("alert-1", 1), ("alert-1", 2), ("alert-3", 1), ("alert-4", 1)]


def test_whoever_has_not_answered_is_reminded_the_office_hears_and_of_an_opened_alert_too_each_once(desk: Desk):
    office = "data-protection-officer"
    for audience in (desk.audience, office):
        desk.run("alerts", "subscribe", "--audience", audience, "--webhook", desk.hook.url)
    now = time.time_ns() // 1_000_000
    long_ago = now - 30 * DAY_LENGTH
    restated = msgspec.structs.replace(
        an_alert(priority="P2", audiences=(desk.audience,)), alert_id="a", version=2, cause="r-1 erase"
    )
    opened = record(1, verb="consultation", reason="break-glass: child-at-risk", actor="officer-7", as_of=now)
    told_of = {"audience": desk.audience, "as_of": long_ago}
    copy = open_database(url_of_file(desk.folder / "data" / "readmodel.sqlite"))
    migrate(copy)
    told(
        copy,
        placed(
            [
                ("alert-changes", restated),
                (f"alerts.{desk.audience}", told_alert(1, "a", **told_of)),
                (f"alerts.{desk.audience}", told_alert(2, "a", 2, "updated", prior_seq=1, prior_version=1, **told_of)),
                ("audit.entries", opened),
            ]
        ),
    )
    with copy.begin() as connection:
        note_ends(connection, {}, now)
    copy.dispose()
    for _ in range(2):
        desk.run("deliver", "--once")

    said = [json.loads(body) for _, _, body in desk.hook.posts]
    assert {one["type"] for one in said} == {"alerts.owed"}
    owed = sorted((entry["kind"], entry["of"], entry["number"]) for one in said for entry in one["data"]["owed"])
    assert owed == [("break-glass", "", 1), ("escalation", desk.audience, 2), ("reminder", desk.audience, 2)]
    assert "r-1" not in json.dumps(said)
