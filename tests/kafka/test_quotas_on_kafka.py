"""Quotas on a real Kafka: what the policy says is what the broker holds, and who writes more is slowed down."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer, ThrottleEvent
from confluent_kafka.admin import AdminClient
from tests.kafka.deployment import PASSWORD, Deployment
from typer.testing import CliRunner

from safety_stream.cli import app
from safety_stream.embedded.tools import CONFIGS, run_tool
from safety_stream.production import TLS_SETTINGS
from safety_stream.streaming.acls import give
from safety_stream.wire.quotas import DESCRIBE, read_described
from safety_stream.wire.rights import Acl, Quota

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
USER = TOPIC = "partner.police-uk"
WRITTEN = 20_000


@pytest.fixture(autouse=True)
def settings_of_openssl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENSSL_CONF", str(TLS_SETTINGS))


@pytest.fixture
def county(tmp_path: Path) -> Path:
    """A catalogue of one source, whose partner may write so much: each user costs the tool some seconds."""
    folder = Path(shutil.copytree(ROOT / "examples" / "west-yorkshire", tmp_path / "county"))
    with (folder / "policy" / "policy.yaml").open("a", encoding="utf-8") as policy:
        policy.write(f"quotas:\n  - {{of: partner, written: {WRITTEN}, source: for a test}}\n")
    return folder


class Terminal:
    """Somebody who is the administrator of the brokers."""

    def __init__(self, deployment: Deployment, county: Path) -> None:
        self._environment = deployment.environment("administrator") | {"SAFETY_STREAM_CATALOGUE": str(county)}

    def quotas(self, *words: str) -> tuple[int, list[dict]]:
        result = CliRunner().invoke(app, ["topics", "quotas", "--json", *words], env=self._environment)
        assert PASSWORD not in result.output
        assert result.exit_code in (0, 2), result.output
        return result.exit_code, [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def terminal(deployment: Deployment, county: Path) -> Iterator[Terminal]:
    return Terminal(deployment, county)


def slowed_down(deployment: Deployment, records: int) -> list[ThrottleEvent]:
    """What a partner's client hears when it has written so many records of 1 kB; it never waits for the last."""
    heard: list[ThrottleEvent] = []
    settings = deployment.connection(USER).settings() | {"log_level": 0, "throttle_cb": heard.append, "linger.ms": 50}
    producer = Producer(settings | {"batch.size": 20_000, "compression.type": "none"})
    acknowledged: list[object] = []
    for number in range(records):
        producer.produce(TOPIC, b"x" * 1_000, str(number), on_delivery=lambda error, _: acknowledged.append(error))
    while len(acknowledged) < records and not any(event.throttle_time > 0 for event in heard):
        producer.poll(1.0)
    producer.purge()
    producer.flush(30)
    return [event for event in heard if event.throttle_time > 0]


def test_the_policys_number_is_what_the_broker_holds_and_slows_down_who_writes_more(
    deployment: Deployment, terminal: Terminal
) -> None:
    super_user = AdminClient({"bootstrap.servers": f"127.0.0.1:{deployment.plain}", "log_level": 0})
    give(super_user, [Acl(USER, "topic", TOPIC, operation) for operation in ("write", "describe")])
    wanted = Quota(USER, WRITTEN, None)

    assert slowed_down(deployment, 100) == []
    assert terminal.quotas() == (
        2,
        [
            {
                "user": USER,
                "wanted": {"user": USER, "written": WRITTEN, "read": None},
                "found": {"user": USER, "written": None, "read": None},
                "set": False,
            }
        ],
    )
    code, changes = terminal.quotas("--apply")

    assert (code, [(one["user"], one["set"]) for one in changes]) == (0, [(USER, True)])
    administrator = deployment.connection("administrator")
    assert read_described(run_tool(CONFIGS, DESCRIBE, administrator, print)) == {USER: wanted}
    assert terminal.quotas() == (0, [])
    assert slowed_down(deployment, 1_000)
