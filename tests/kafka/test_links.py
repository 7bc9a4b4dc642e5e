"""Acceptance 6 on real Kafka: a steward's merge raises an alert, the split withdraws it, and everybody hears why."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka.admin import AdminClient
from tests.kafka.test_backbone import PARTITIONS, Workers, read
from tests.replay.telling import a_report
from typer.testing import CliRunner

from safety_stream.catalogue import load_catalogue
from safety_stream.cli import app
from safety_stream.config import Connection
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.links import PersonLink
from safety_stream.core.model.reports import Report
from safety_stream.core.model.times import DAY_LENGTH, MINUTE, Instant
from safety_stream.data_files import catalogue_folder
from safety_stream.edge.producer import ReportProducer
from safety_stream.embedded import EmbeddedKafka
from safety_stream.streaming.draining import wait_until_drained
from safety_stream.streaming.provisioning import create, plan
from safety_stream.streaming.reading import read_to_end
from safety_stream.testing.labelled import labelled
from safety_stream.testing.publication import publication_faults
from safety_stream.testing.verdict import Witnessed, compare
from safety_stream.wire.records import Records
from safety_stream.wire.topology import members, topics

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(600)]

BY = ("--by", "data-steward", "--method", "steward")
LOOKS = ("--reason", "quality", "--by", "steward-1")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(catalogue_folder())


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedKafka]:
    with EmbeddedKafka(tmp_path / "kafka") as running:
        yield running


def harms(now: Instant) -> list[Report]:
    """Three, on three days; the landlord's token of the victim is another than the police's."""
    told = (("police-crimes", "tok-crimes"), ("housing", "tok-housing"), ("police-crimes", "tok-crimes"))
    return [
        msgspec.structs.replace(
            a_report(source, f"harm-{number}", "2026-01-05T20:00", people={"victim": token}),
            occurred_from=now - (3 - number) * DAY_LENGTH,
            reported_at=now - (3 - number) * DAY_LENGTH + MINUTE,
        )
        for number, (source, token) in enumerate(told)
    ]


def test_a_wrong_merge_is_split_and_everybody_hears_why(
    broker: EmbeddedKafka, catalogue: Catalogue, tmp_path: Path
) -> None:
    kafka = Connection(broker.bootstrap_servers)
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0})
    create(admin, plan(admin, topics(catalogue, PARTITIONS)).create)

    def run(*words: str) -> dict[str, Any]:
        result = CliRunner().invoke(app, ["links", *words, "--json", "--bootstrap", broker.bootstrap_servers])
        assert result.exit_code == 0, result.stderr
        told: dict[str, Any] = json.loads(result.stdout)
        return told

    def told() -> list[Any]:
        wait_until_drained(kafka, catalogue, seconds=120)
        published = [value for _, value in read(broker.bootstrap_servers, ("alerts.duty-officer",))]
        return [one for one in published if one.rule_id == "rv-graded"]

    reports = harms(time.time_ns() // 1_000_000)
    with Workers(broker.bootstrap_servers, tmp_path) as workers:
        workers.start("a")
        with ReportProducer(kafka) as producer:
            for report in reports:
                producer.send(report)
        assert told() == []

        run("merge", "tok-housing", "tok-crimes", *BY)
        (raised,) = told()
        assert (raised.change, raised.subject) == ("raised", "victim:tok-crimes")
        assert raised.cause == "persons linked"
        assert run("show", "tok-housing", *LOOKS)["goes_by"] == "tok-crimes"

        # What the store remembers of persons outlives the worker.
        workers.kill("a")
        run("split", "tok-crimes", "tok-housing", *BY)
        workers.start("a")
        _, withdrawn = told()
        assert workers.end("a") == 0

    assert (withdrawn.change, withdrawn.prior_seq) == ("withdrawn", raised.seq)
    assert withdrawn.cause == "persons split"
    assert run("show", "tok-housing", *LOOKS)["tokens"] == ["tok-housing"]
    # The record shows who was told, and leads by topic and number to the words that say why.
    on_record = [
        (one.from_seq, one.alert_id)
        for _, one in read(broker.bootstrap_servers, ("audit.alerts",))
        if one.topic == "alerts.duty-officer"
    ]
    assert on_record == [(one.seq, one.alert_id) for one in (raised, withdrawn)]
    published = [name for row in ("alerts.", "indicators.", "audit.") for name in members(row, catalogue)]
    assert publication_faults(read(broker.bootstrap_servers, tuple(published))) == []
    _check(kafka, reports)
    assert b"tok-" not in (tmp_path / "worker-a.log").read_bytes()


def _check(kafka: Connection, reports: list[Report]) -> None:
    """What stands is the oracle's; each record's own time is when it was received."""
    wire, result = Records(), Witnessed()
    for _, value in read(kafka.bootstrap, ("findings", "alert-changes", "indicator-values")):
        result.fold(value)
    received = {
        value.source_ref: record.timestamp
        for record in read_to_end(kafka, ["partner.police-crimes", "partner.housing"])
        for value in [wire.value(record.topic, record.value)]
        if isinstance(value, Report)
    }
    links = [
        {**msgspec.to_builtins(value), "received_at": record.timestamp}
        for record in read_to_end(kafka, ["person-links"])
        for value in [wire.value(record.topic, record.value)]
        if isinstance(value, PersonLink)
    ]
    accepted = [{**msgspec.to_builtins(one), "received_at": received[one.source_ref]} for one in reports]
    assert len(links) == 2
    assert compare(result, accepted, catalogue_folder(), links) == []


def test_what_matching_decides_is_on_the_bus_once_and_what_is_split_stays_split(
    broker: EmbeddedKafka, catalogue: Catalogue, tmp_path: Path
) -> None:
    pytest.importorskip("splink")
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0})
    create(admin, plan(admin, topics(catalogue, PARTITIONS)).create)
    store = tmp_path / "linking.jsonl"
    store.write_bytes(b"\n".join(labelled(200, 3).lines))

    def run(*words: object, exits: int = 0) -> dict[str, Any]:
        where = ["--json", "--bootstrap", broker.bootstrap_servers]
        result = CliRunner().invoke(app, ["links", *map(str, words), *where])
        assert result.exit_code == exits, result.output
        told: dict[str, Any] = json.loads(result.stdout)
        return told

    propose = ("propose", store, "--by", "matching-job")
    said = run(*propose, exits=2)["decisions"]
    assert run(*propose, "--apply")["applied"]
    assert run(*propose)["decisions"] == []
    linked = next(one for one in said if one["state"] == "linked")
    pair = linked["first"], linked["second"]
    assert set(pair) <= {*run("show", pair[0], *LOOKS)["tokens"]}

    run("split", *pair, *BY)
    assert pair[1] not in run("show", pair[0], *LOOKS)["tokens"]
    run(*propose, "--apply")
    assert pair[1] not in run("show", pair[0], *LOOKS)["tokens"]
