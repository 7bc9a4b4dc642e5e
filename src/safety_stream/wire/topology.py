"""The stages, topics, keys and schemas as one table that fits on a screen.

Everything else is made from it: topic creation, the worker's wiring and the replay.

A topic whose name ends in `.` is a family: one topic per source, audience, profile or stage.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.retention import Retention
from safety_stream.core.stages import (
    alert,
    detect,
    enter,
    handle,
    intake,
    judge,
    link,
    measure,
    publish_alerts,
    publish_indicators,
    register,
)
from safety_stream.core.stages.stage import Step

Spread = Literal["many", "one"]
"""Whether a topic has the deployment's number of partitions, or one because its order is the point."""


class TopicRow(msgspec.Struct, frozen=True):
    """A topic or family: its name, what its key is, the subjects it carries, and how it is kept.

    `keep` is "log" (kept by size) or "latest" (compacted).
    """

    name: str
    key: str
    subjects: tuple[str, ...]
    spread: Spread
    keep: Literal["log", "latest"]
    append_time: bool = False


class StageRow(msgspec.Struct, frozen=True):
    """A stage: what it reads, what it writes, and the function that makes its step.

    All topics a stage reads have the same number of partitions: partition n of each of them, and its state, are always
    one worker's. `gathers`: for how many seconds the stage collects records although it could begin; a transaction is
    work for the broker, and nobody reads indicators by the split second. `make_step` is told the catalogue and how many
    partitions the topics spread by key have.
    """

    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    gathers: float
    make_step: Callable[[Catalogue, int], Step]


# fmt: off
TOPICS = (
    TopicRow("partner.",         "any",          ("incident-report",),                 "one",  "log", append_time=True),
    TopicRow("backfill.",        "any",          ("incident-report",),                 "one",  "log"),
    TopicRow("person-links",     "pair",         ("person-link",),                     "one",  "log", append_time=True),
    TopicRow("incidents",        "incident id",  ("incident-version", "person-link", "feed-status"), "many", "log"),
    TopicRow("sightings",        "entity key",   ("sighting-change", "feed-status"),   "many", "log"),
    TopicRow("links",            "incident id",  ("sighting-change",),                 "one",  "log"),
    TopicRow("tallies",          "series",       ("tally", "feed-status"),             "many", "log"),
    TopicRow("findings",         "entity key",   ("finding-change",),                  "many", "log"),
    TopicRow("alert-changes",    "alert id",     ("alert",),                           "one",  "log"),
    TopicRow("alert-actions",    "alert id",     ("alert-action",),                    "one",  "log", append_time=True),
    TopicRow("action-answers",   "action id",    ("action-answer",),                   "one",  "log"),
    TopicRow("handled-alerts",   "alert id",     ("handled-alert",),                     "one",  "log"),
    TopicRow("indicator-values", "period",       ("indicator", "feed-status"),         "one",  "log"),
    TopicRow("signals",          "period",       ("judgement",),                       "one",  "log"),
    TopicRow("alerts.",          "alert id",     ("published-alert",),                 "one",  "log"),
    TopicRow("indicators.",      "series",       ("published-indicator",),             "one",  "log"),
    TopicRow("audit-entries",    "none",         ("audit-entry",),                     "one",  "log", append_time=True),
    TopicRow("orders",           "none",         ("audit-entry",),                     "one",  "log", append_time=True),
    TopicRow("audit.changes",    "none",         ("audit",),                           "many", "log"),
    TopicRow("audit.",           "none",         ("audit",),                           "one",  "log"),
    TopicRow("withheld",         "alert id",     ("withheld",),                        "one",  "log"),
    TopicRow("feed-status",      "partition",    ("feed-status",),                     "one",  "latest"),
    TopicRow("dead-letters.",    "none",         ("dead-letter",),                     "one",  "log"),
    TopicRow("redriven",         "dead letter",  (),                                   "one",  "latest"),
    TopicRow("changelog.",       "row",          (),                                   "many", "latest"),
)

STAGES = (
    StageRow("intake",     ("partner.", "backfill.", "person-links"), ("incidents", "dead-letters.", "audit."), 0.0,
             intake.make_step),
    StageRow("register", ("incidents",), ("sightings", "links", "tallies", "feed-status", "audit.changes"), 0.0,
             register.make_step),
    StageRow("link",       ("links",),                ("sightings",),                          0.0,  link.make_step),
    StageRow("detect",     ("sightings",),            ("findings", "sightings", "tallies"),    0.0,  detect.make_step),
    StageRow("measure",    ("tallies",),              ("findings", "indicator-values"),        0.25, measure.make_step),
    StageRow("judge",      ("indicator-values",),     ("findings", "signals"),                0.25, judge.make_step),
    StageRow("alert",      ("findings",),             ("alert-changes",),                      0.0,  alert.make_step),
    StageRow("handle", ("alert-changes", "alert-actions"), ("handled-alerts", "action-answers", "dead-letters."), 0.0,
             handle.make_step),
    StageRow("publish-alerts", ("handled-alerts",), ("alerts.", "audit.", "withheld"), 0.0,
             publish_alerts.make_step),
    StageRow("publish-indicators", ("indicator-values", "signals"), ("indicators.", "audit."), 0.25,
             publish_indicators.make_step),
    StageRow("enter",      ("audit-entries", "orders"), ("audit.", "dead-letters."),          0.0,  enter.make_step),
)
# fmt: on

_REFUSING = tuple(row.name for row in STAGES if "dead-letters." in row.writes)

DEAD_LETTER_TOPICS = tuple(f"dead-letters.{name}" for name in _REFUSING)
"""Where refused records are kept: of the stages that read what others write; what the backbone wrote itself is never
refused."""

_AUDITED = ("collection", "entries", "alerts", "indicators")

AUDIT_TOPICS = ("audit.changes", *(f"audit.{name}" for name in _AUDITED))
"""What was done with data: each partition of these is a chain (`core/audit.py`)."""

CHAINED_TOPICS = (*AUDIT_TOPICS, "withheld")
"""All that is chained: what was done with data, and what nobody was told."""

KEPT_WHOLE = frozenset({"audit.", "audit.changes", "withheld", "person-links"})
"""The topics that keep everything: what was done with whose data, what nobody was told and why, and who is who."""

HOLDS_TOKENS = frozenset({"partner.", "backfill.", "dead-letters."})
"""The topics that hold what partners sent, with their own tokens: they can be trimmed (`streaming/trimming.py`)."""

NEVER_PUT_BACK = frozenset({"orders"})
"""The topics onto which nobody puts a dead letter back: whoever may give an order gives it anew."""

BETWEEN_STAGES = frozenset(name for row in STAGES for name in row.writes) & {n for row in STAGES for n in row.reads}
"""The topics one stage writes and another reads."""


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """One topic as it is created: `partitions` and the broker's settings."""

    name: str
    subjects: tuple[str, ...]
    partitions: int
    settings: dict[str, str]


def members(family: str, catalogue: Catalogue) -> tuple[str, ...]:
    """The topics a row of the table stands for: itself, or one per source, audience, profile or stage."""
    if not family.endswith("."):
        return (family,)
    names = {
        "partner.": tuple(catalogue.sources),
        "backfill.": tuple(catalogue.sources),
        "alerts.": tuple(audience.id for audience in catalogue.audiences),
        "indicators.": tuple(profile.id for profile in catalogue.profiles),
        "dead-letters.": _REFUSING,
        "changelog.": tuple(stage.name for stage in STAGES),
        "audit.": _AUDITED,
    }[family]
    return tuple(f"{family}{name}" for name in names)


def topics(catalogue: Catalogue, partitions: int) -> list[Topic]:
    """Every topic of a deployment with `partitions` partitions where order across keys does not matter."""
    return [
        Topic(
            name=name,
            subjects=row.subjects,
            partitions=_partitions(row, name, catalogue, partitions),
            settings=_settings(row, catalogue.retention),
        )
        for row in TOPICS
        for name in members(row.name, catalogue)
    ]


def stage(name: str) -> StageRow:
    """The row of a stage. Raises `KeyError` naming the stages there are."""
    for row in STAGES:
        if row.name == name:
            return row
    message = f"no stage {name!r}; the stages are {', '.join(row.name for row in STAGES)}"
    raise KeyError(message)


def inputs(row: StageRow, catalogue: Catalogue) -> tuple[str, ...]:
    """The topics a stage reads."""
    return tuple(name for family in row.reads for name in members(family, catalogue))


def row_of(topic: str) -> TopicRow:
    """The row a topic belongs to. Raises `KeyError` for a topic that is not ours."""
    for row in TOPICS:
        if topic == row.name or (row.name.endswith(".") and topic.startswith(row.name)):
            return row
    raise KeyError(topic)


def _partitions(row: TopicRow, name: str, catalogue: Catalogue, partitions: int) -> int:
    # A changelog has a partition for each of its stage's input, so that both are taken over together.
    if row.name == "changelog.":
        read = inputs(stage(name.removeprefix(row.name)), catalogue)[0]
        row = row_of(read)
    return 1 if row.spread == "one" else partitions


def retention_ms(row: TopicRow, retention: Retention) -> int:
    """For how many milliseconds a topic keeps its records; -1 where none goes by age.

    Compacted topics and those that keep everything have no age, whatever their class.
    """
    if row.keep == "latest" or row.name in KEPT_WHOLE:
        return -1
    keeps = retention.topic_keeps(row.name, is_stamped=row.append_time)
    return -1 if keeps is None else keeps


def _settings(row: TopicRow, retention: Retention) -> dict[str, str]:
    # Records carry the time they were received, in a backfill years ago: of what the broker does not stamp itself
    # nothing goes by age, unless the catalogue says that the history is in.
    settings = {
        "message.timestamp.type": "LogAppendTime" if row.append_time else "CreateTime",
        "cleanup.policy": "compact" if row.keep == "latest" else "delete",
        "retention.ms": str(retention_ms(row, retention)),
    }
    if row.keep == "log":
        # What was disclosed to whom must be answerable for years, and who is who holds for as long as reports do.
        settings["retention.bytes"] = "-1" if row.name in KEPT_WHOLE else str(4 * 1024**3)
    if row.name in HOLDS_TOKENS:
        # What is cut off goes from the disk with its file, so that has to be closed: a day after it was begun.
        settings["segment.ms"] = str(24 * 3600 * 1000)
    if row.keep == "latest":
        # Stores trust themselves for half of this (`streaming.store.TRUSTED_SECONDS`).
        settings["delete.retention.ms"] = str(24 * 3600 * 1000)
    if not row.append_time:
        settings["max.message.bytes"] = str(4 * 1024 * 1024)
        settings["message.timestamp.after.max.ms"] = str(2**63 - 1)
    return settings
