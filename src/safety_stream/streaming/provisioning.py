"""The topics of a deployment against those of a cluster: what is missing, what differs, and making what is missing.

No topic is ever deleted or altered with the others: it holds what cannot be had again, and another number of partitions
would tear the keys of a stage from their state. A difference is reported for a person to mend. How long a topic keeps
its records is set by itself (`keep_for`), because it follows from the catalogue and from legal holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import monotonic, sleep

import msgspec
from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType

from safety_stream.streaming.reading import NoSuchTopic
from safety_stream.wire.topology import Topic

_SECONDS = 30


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A topic is there, but `setting` (or `partitions`) is `found` and not `wanted`."""

    topic: str
    setting: str
    wanted: str
    found: str

    @property
    def is_foreign_clock(self) -> bool:
        """Whether writers say when a record was received, where the broker should: theirs would be the stages' time."""
        return (self.setting, self.wanted) == ("message.timestamp.type", "LogAppendTime")

    @property
    def alteration(self) -> str:
        """The command that gives a setting its wanted value."""
        return (
            f"kafka-configs.sh --alter --entity-type topics --entity-name {self.topic} "
            f"--add-config {self.setting}={self.wanted}"
        )


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to do: topics to create, and differences that a person has to mend. Sorted by topic."""

    create: tuple[Topic, ...]
    differing: tuple[Difference, ...]

    @property
    def is_empty(self) -> bool:
        """Whether the cluster is as planned."""
        return not self.create and not self.differing


def plan(admin: AdminClient, wanted: Sequence[Topic]) -> Plan:
    """Compare the cluster with what is wanted. Raises `KafkaException` when it cannot be asked."""
    known = admin.list_topics(timeout=_SECONDS).topics
    there = [topic for topic in wanted if topic.name in known]
    settings = _settings(admin, [topic.name for topic in there])
    differing = []
    for topic in there:
        found = settings[topic.name] | {"partitions": str(len(known[topic.name].partitions))}
        for name, value in ({"partitions": str(topic.partitions)} | topic.settings).items():
            if found.get(name) != value and not _keeps_longer(name, found.get(name), value):
                differing.append(
                    Difference(topic=topic.name, setting=name, wanted=value, found=found.get(name) or "not set")
                )
    return Plan(
        create=tuple(sorted((topic for topic in wanted if topic.name not in known), key=lambda topic: topic.name)),
        differing=tuple(sorted(differing, key=lambda one: (one.topic, one.setting))),
    )


def create(admin: AdminClient, topics: Sequence[Topic]) -> None:
    """Create the topics and wait until the cluster shows them; one that exists meanwhile is left as it is.

    The replication factor is the cluster's default. Raises `KafkaException` when a topic is refused.
    """
    if not topics:
        return
    new = [
        NewTopic(topic.name, num_partitions=topic.partitions, replication_factor=-1, config=topic.settings)
        for topic in topics
    ]
    for creation in admin.create_topics(new, operation_timeout=_SECONDS, request_timeout=_SECONDS).values():
        try:
            creation.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
    _wait_until_shown(admin, {topic.name for topic in topics})


def kept_for(admin: AdminClient, names: Sequence[str]) -> dict[str, int]:
    """For how many milliseconds each of these topics keeps its records now (-1: for good), of those there are."""
    known = admin.list_topics(timeout=_SECONDS).topics
    found = _settings(admin, [name for name in names if name in known])
    return {name: int(settings["retention.ms"]) for name, settings in found.items()}


def keep_for(admin: AdminClient, lengths: Mapping[str, int]) -> None:
    """Let each topic keep its records for so many milliseconds (-1: for good), and change nothing else of it.

    Raises `KafkaException` when the cluster refuses.
    """
    resources = [
        ConfigResource(
            ResourceType.TOPIC,
            name,
            incremental_configs=[ConfigEntry("retention.ms", str(millis), incremental_operation=AlterConfigOpType.SET)],
        )
        for name, millis in sorted(lengths.items())
    ]
    if resources:
        for altered in admin.incremental_alter_configs(resources, request_timeout=_SECONDS).values():
            altered.result()


def topic_id(admin: AdminClient, name: str) -> str:
    """The id a topic got when it was made: it tells a topic from one of the same name made since.

    Raises `NoSuchTopic`, and `KafkaException` when the cluster cannot be asked.
    """
    described = admin.describe_topics(TopicCollection([name]), request_timeout=_SECONDS)[name]
    try:
        return str(described.result().topic_id)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise NoSuchTopic(f"there is no topic {name}") from error
        raise


def _keeps_longer(name: str, found: str | None, wanted: str) -> bool:
    """Whether a topic keeps by age for longer than it should: by a legal hold, or since before it had a class.

    That is `retention apply`'s to change; whoever mended it by hand would undo a hold.
    """
    if name != "retention.ms" or found is None:
        return False
    return found == "-1" or (wanted != "-1" and int(found) > int(wanted))


def _wait_until_shown(admin: AdminClient, names: set[str]) -> None:
    until = monotonic() + _SECONDS
    while monotonic() < until:
        if names <= admin.list_topics(timeout=_SECONDS).topics.keys():
            return
        sleep(0.05)
    raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "the new topics do not appear"))  # noqa: SLF001


def _settings(admin: AdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
    answers = admin.describe_configs(resources, request_timeout=_SECONDS)
    return {
        resource.name: {name: str(entry.value) for name, entry in answer.result().items()}
        for resource, answer in answers.items()
    }
