"""The right to put letters back belongs to one at a time."""

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from safety_stream.catalogue import load_catalogue
from safety_stream.config import Connection
from safety_stream.core.model.dead_letters import DeadLetter
from safety_stream.data_files import catalogue_folder
from safety_stream.streaming.provisioning import create
from safety_stream.streaming.reading import read_to_end
from safety_stream.streaming.redrive import MEMORY_TOPIC, Letter, Redrive
from safety_stream.wire.topology import Topic, topics


@pytest.mark.kafka
def test_an_older_redrive_puts_nothing_back_once_a_newer_one_has_begun(kafka: str, topic_prefix: str):
    topic = f"{topic_prefix}feed"
    (memory,) = [one for one in topics(load_catalogue(catalogue_folder()), 4) if one.name == MEMORY_TOPIC]
    admin = AdminClient({"bootstrap.servers": kafka, "log_level": 0})
    create(admin, [Topic(name=topic, subjects=(), partitions=1, settings={}), memory])
    refused = DeadLetter(
        stage="intake",
        topic=topic,
        partition=0,
        offset=0,
        reason="oversize",
        detail="",
        key=None,
        value=b"x",
        received_at=0,
    )
    # Of a topic nobody else has: what was put back is remembered by the letter's name.
    letter = Letter(topic=f"{topic_prefix}letters", partition=0, offset=0, letter=refused)
    older = Redrive(Connection(kafka))
    newer = Redrive(Connection(kafka))

    with pytest.raises(KafkaException):
        older.put_back([letter])
    newer.put_back([letter])

    assert [record.value for record in read_to_end(Connection(kafka), [topic])] == [b"x"]
