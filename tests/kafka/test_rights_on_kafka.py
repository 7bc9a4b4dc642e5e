"""The whole matrix of user, topic and operation against a Kafka whose authorizer is on, over mTLS and over SCRAM.

What the broker says a user may do is asked of it by that user, for every topic there is; that it means it is tried.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicCollection
from confluent_kafka.admin import (
    AclOperation,
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from tests.kafka.authority import Authority
from typer.testing import CliRunner

from safety_stream.catalogue import load_catalogue
from safety_stream.cli import app, auditing
from safety_stream.config import Connection
from safety_stream.core.audit import subject_of
from safety_stream.core.model.published import AuditEntry
from safety_stream.core.model.reports import Report, ReportedParty
from safety_stream.core.model.times import DAY_LENGTH, day_of
from safety_stream.data_files import catalogue_folder
from safety_stream.edge.producer import ReportProducer
from safety_stream.embedded import EmbeddedKafka
from safety_stream.embedded.kafka import _free_port
from safety_stream.streaming.acls import give
from safety_stream.streaming.draining import wait_until_drained
from safety_stream.streaming.provisioning import create, plan
from safety_stream.streaming.reading import NoSuchTopic, read_to_end
from safety_stream.wire.codecs import shipped_codecs
from safety_stream.wire.reports import encode_report
from safety_stream.wire.rights import Acl, acls_of
from safety_stream.wire.topology import topics

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(300)]

CATALOGUE = load_catalogue(catalogue_folder())
TODAY = day_of(int(datetime.now(UTC).timestamp() * 1000))
PLANNED = acls_of(CATALOGUE, TODAY)
TOPICS = topics(CATALOGUE, 1)
NAMES = sorted(topic.name for topic in TOPICS)
USERS = sorted({acl.user for acl in PLANNED} | {"stranger"})
FEED = ["alerts.duty-officer"]
NOON = 1_772_366_400_000
PASSWORD = "correct-horse-battery"
OPERATIONS = {
    "read": AclOperation.READ,
    "write": AclOperation.WRITE,
    "describe": AclOperation.DESCRIBE,
    "describe-configs": AclOperation.DESCRIBE_CONFIGS,
}


class Guarded:
    """A broker that lets in who bears a certificate or a password, and lets nobody do what no ACL allows.

    Its plain listener is the test's own, whose user is a super user: it makes topics and users.
    """

    def __init__(self, broker: EmbeddedKafka, authority: Authority, mtls: int, scram: int) -> None:
        self.admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0})
        self.plain = broker.bootstrap_servers
        self._authority, self._ports = authority, {"mtls": mtls, "scram": scram}

    def connection(self, user: str, way: str) -> Connection:
        bootstrap = f"127.0.0.1:{self._ports[way]}"
        trusted = {"ssl.ca.location": str(self._authority.file)}
        if way == "scram":
            named = {"sasl.mechanism": "SCRAM-SHA-512", "sasl.username": user, "sasl.password": PASSWORD}
            return Connection(bootstrap, trusted | named | {"security.protocol": "SASL_SSL"})
        secret, public = self._authority.folder / f"{user}.key", self._authority.folder / f"{user}.pem"
        if not secret.exists():
            self._authority.issue(user)
        files = {"ssl.key.location": str(secret), "ssl.certificate.location": str(public)}
        return Connection(bootstrap, trusted | files | {"security.protocol": "SSL"})

    def enrol(self, users: Collection[str]) -> None:
        credential = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        wanted = [UserScramCredentialUpsertion(user, credential, PASSWORD.encode()) for user in users]
        for answer in self.admin.alter_user_scram_credentials(wanted).values():
            answer.result()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    authority = Authority(folder)
    secret, public = authority.issue("kafka")
    store = folder / "broker.pem"
    store.write_bytes(secret.read_bytes() + public.read_bytes())
    ports: set[int] = set()
    while len(ports) < 4:
        ports.add(_free_port())
    plain, controller, mtls, scram = ports
    doors = {"PLAINTEXT": plain, "CONTROLLER": controller, "MTLS": mtls, "SCRAM": scram}
    overrides = {
        "listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in doors.items()),
        "advertised.listeners": ",".join(
            f"{name}://127.0.0.1:{port}" for name, port in doors.items() if name != "CONTROLLER"
        ),
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,MTLS:SSL,SCRAM:SASL_SSL",
        "listener.name.mtls.ssl.client.auth": "required",
        "listener.name.mtls.ssl.principal.mapping.rules": r"RULE:^CN=([^,]+)$/$1/",
        "listener.name.scram.sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.scram.scram-sha-512.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(store),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.file),
        "ssl.enabled.protocols": "TLSv1.3",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "false",
        "super.users": "User:ANONYMOUS",
    }
    with EmbeddedKafka(folder / "kafka", port=plain, overrides=overrides) as broker:
        running = Guarded(broker, authority, mtls, scram)
        create(running.admin, plan(running.admin, TOPICS).create)
        running.enrol(USERS)
        yield running


def allowed(user: str, topic: str) -> set[AclOperation]:
    """By the plan; whoever may read or write may describe, as Kafka has it, and describing settings is apart."""
    return {OPERATIONS[a.operation] for a in PLANNED if (a.user, a.resource, a.name) == (user, "topic", topic)}


def says(kafka: Connection) -> dict[str, set[AclOperation]]:
    """What a broker lets this user do with each topic."""
    admin = AdminClient(kafka.settings() | {"log_level": 0})
    answers = admin.describe_topics(TopicCollection(NAMES), include_authorized_operations=True, request_timeout=30)
    found: dict[str, set[AclOperation]] = {}
    for name, answer in answers.items():
        refused = answer.exception()
        code = refused.args[0].code() if isinstance(refused, KafkaException) else None
        # Any other error is one of the test's.
        shut_out = code == KafkaError.TOPIC_AUTHORIZATION_FAILED
        found[name] = set() if shut_out else set(answer.result().authorized_operations)
    return found


def acls(guarded: Guarded, *words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["topics", "acls", *words], env={"SAFETY_STREAM_BOOTSTRAP": guarded.plain})
    return result.exit_code, result.output


def written(kafka: Connection, topic: str) -> KafkaError | None:
    """What comes of writing one record."""
    fates: list[KafkaError | None] = []
    producer = Producer(kafka.settings() | {"log_level": 0, "enable.idempotence": True, "message.timeout.ms": 20_000})
    producer.produce(topic, b"value", b"key", on_delivery=lambda error, _: fates.append(error))
    assert producer.flush(30) == 0
    return fates[0]


def joined(kafka: Connection, group: str, topic: str) -> KafkaError | None:
    """What comes of reading in a group."""
    consumer = Consumer(kafka.settings() | {"group.id": group, "auto.offset.reset": "earliest", "log_level": 0})
    consumer.subscribe([topic])
    try:
        message = consumer.poll(30)
        return None if message is None else message.error()
    except KafkaException as refused:
        return refused.args[0]
    finally:
        consumer.close()


def test_everybody_may_do_what_is_planned_and_nothing_more_however_they_come_in(guarded: Guarded) -> None:
    assert acls(guarded, "--apply")[0] == 0

    wrong = {
        (way, user, topic): (found, allowed(user, topic))
        for way in ("mtls", "scram")
        for user in USERS
        for topic, found in says(guarded.connection(user, way)).items()
        if found != allowed(user, topic)
    }
    assert not wrong
    assert acls(guarded) == (0, "Everybody may do what is planned, and nothing more.\n")


@pytest.mark.parametrize("way", ["mtls", "scram"])
def test_what_the_broker_says_it_does(guarded: Guarded, way: str) -> None:
    acls(guarded, "--apply")
    partner, audience = guarded.connection("partner.fire", way), guarded.connection("audience.analyst", way)

    assert written(partner, "partner.fire") is None
    for topic in ("partner.ambulance", "backfill.fire", "incidents", "alerts.analyst"):
        assert written(partner, topic).code() == KafkaError.TOPIC_AUTHORIZATION_FAILED
    assert written(guarded.connection("worker", way), "alerts.analyst") is None
    assert [one.value for one in read_to_end(audience, ["alerts.analyst"])][-1:] == [b"value"]
    # What somebody may not describe is not there for them.
    with pytest.raises(NoSuchTopic):
        list(read_to_end(audience, ["alerts.duty-officer"]))
    assert joined(audience, "audience.analyst.desk", "alerts.analyst") is None
    assert joined(audience, "safety-stream.detect", "alerts.analyst").code() == KafkaError.GROUP_AUTHORIZATION_FAILED


def test_whoever_answers_for_the_data_orders_a_hold_and_sees_it_before_it_is_on_record(guarded: Guarded) -> None:
    acls(guarded, "--apply")
    hold = AuditEntry(
        entry_id=str(uuid4()),
        kind="hold",
        actor="officer-3",
        acted_at=NOON,
        subject=subject_of("tok-a"),
        reason="court-order",
    )
    officer = guarded.connection("data-protection-officer", "scram")
    with ReportProducer(officer) as producer:
        producer.send_entry(hold)

    assert [(one.kind, one.of, one.seq) for one in auditing.holds_of(officer)] == [("subject", hold.subject, 0)]
    for user in ("steward", "operator", "web", "catalogue-owner", "worker"):
        assert written(guarded.connection(user, "scram"), "orders").code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_a_right_nobody_planned_is_found_and_taken_away_and_others_are_left_alone(guarded: Guarded) -> None:
    acls(guarded, "--apply")
    give(guarded.admin, [Acl(user, "topic", "incidents", "read") for user in ("audience.analyst", "mirror")])
    try:
        code, said = acls(guarded)
        assert (code, "User:audience.analyst allow read topic incidents" in said, "mirror" in said) == (2, True, False)
        assert AclOperation.READ in says(guarded.connection("audience.analyst", "scram"))["incidents"]
    finally:
        assert acls(guarded, "--revoke")[0] == 0
    assert says(guarded.connection("audience.analyst", "scram"))["incidents"] == set()


def test_with_these_rights_a_worker_works_and_its_audience_hears(guarded: Guarded, tmp_path: Path) -> None:
    acls(guarded, "--apply")
    secured = guarded.connection("worker", "mtls")
    config = tmp_path / "worker.properties"
    config.write_text("".join(f"{name}={value}\n" for name, value in secured.further.items()), encoding="utf-8")
    reports = [
        Report(
            source="police-crimes",
            source_ref=f"victim-{number}",
            source_version=1,
            action="new",
            kind="police-crime",
            category="burglary",
            occurred_from=NOON + number * 4 * DAY_LENGTH,
            reported_at=NOON + number * 4 * DAY_LENGTH,
            parties=(ReportedParty(role="victim", token="aaaa"),),
        )
        for number in range(3)
    ]
    with (tmp_path / "worker.log").open("wb") as log:
        worker = subprocess.Popen(
            [
                *(sys.executable, "-m", "safety_stream", "worker", "--bootstrap", secured.bootstrap),
                *("--kafka-config", str(config), "--data", str(tmp_path / "data")),
            ],
            stdout=log,
            stderr=log,
        )
    try:
        partner = Producer(guarded.connection("partner.police-crimes", "scram").settings() | {"log_level": 0})
        for report in reports:
            partner.produce("partner.police-crimes", encode_report(report), b"key")
        assert partner.flush(30) == 0
        wait_until_drained(Connection(guarded.plain), CATALOGUE, seconds=60)
    finally:
        worker.send_signal(signal.SIGTERM)
        exit_code = worker.wait(30)
    assert exit_code == 0, (tmp_path / "worker.log").read_text(encoding="utf-8")
    decode = shipped_codecs().decoder(("published-alert",))
    heard = [decode(one.value) for one in read_to_end(guarded.connection("audience.duty-officer", "mtls"), FEED)]
    assert "victim:aaaa" in {one.subject for one in heard}
