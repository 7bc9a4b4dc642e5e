"""The partner's producer: where reports go, what their headers say, and that failure is told."""

import pytest

from safety_stream.edge import Connection, NotDelivered, Report, ReportedParty, ReportProducer
from safety_stream.edge.producer import cloud_event_headers, topic_for
from safety_stream.wire.reports import event_id

REPORT = Report(
    source="council-asb",
    source_ref="case-4711",
    source_version=2,
    action="correct",
    kind="asb-case",
    category="asb-noise",
    occurred_from=1_772_355_600_000,
    reported_at=1_772_357_400_000,
    parties=(ReportedParty(role="victim", token="5e1f00c0ffee"),),
    marking="OFFICIAL-SENSITIVE",
)


def test_what_is_received_now_and_history_have_topics_of_their_own() -> None:
    assert topic_for(REPORT, None) == "partner.council-asb"
    assert topic_for(REPORT, 0) == "backfill.council-asb"


def test_headers_are_cloud_events() -> None:
    assert dict(cloud_event_headers(REPORT)) == {
        "ce_specversion": b"1.0",
        "ce_id": event_id(REPORT).encode(),
        "ce_source": b"/partners/council-asb",
        "ce_type": b"uk.csp.incident.corrected.v1",
        "ce_time": b"2026-03-01T09:30:00.000Z",
        "ce_cspmarking": b"OFFICIAL-SENSITIVE",
        "content-type": b"application/avro",
    }


def test_no_header_holds_a_token_or_the_partners_reference() -> None:
    values = b" ".join(value for _, value in cloud_event_headers(REPORT))

    assert b"5e1f00c0ffee" not in values
    assert b"case-4711" not in values


def test_a_broker_that_does_not_answer_is_told_when_the_block_is_left() -> None:
    with pytest.raises(NotDelivered) as told, ReportProducer(Connection("127.0.0.1:1"), timeout_seconds=1) as producer:
        producer.send(REPORT)

    assert told.value.retriable


@pytest.mark.kafka
def test_a_topic_that_is_not_there_is_named_with_the_mend(kafka: str) -> None:
    report = Report(
        source="nobody",
        source_ref="1",
        source_version=1,
        action="new",
        kind="asb-case",
        occurred_from=0,
        reported_at=0,
    )
    with (
        pytest.raises(NotDelivered, match=r"partner\.nobody: there is no such topic; run: safety-stream topics apply"),
        ReportProducer(Connection(kafka), timeout_seconds=20) as producer,
    ):
        producer.send(report)
