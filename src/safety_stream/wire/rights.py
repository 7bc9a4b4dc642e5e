"""Who may do what on the bus: one table of users that fits on a screen, and the ACLs and quotas made from it.

Kafka lets in whom it can name, by a certificate (mTLS: the principal is its CN) or by SCRAM (the principal is the user
name), and lets nobody do what no ACL allows (`allow.everyone.if.no.acl.found=false`). The names are the same both ways.

A user whose name ends in `.` in the table is a family: one per source, audience or profile. An audience has rights on
its feed as long as a grant to it is in force (`core/policy.py`): without a live agreement it cannot even read what it
was told before. What the stages need is read off the topology, so that a new stage or topic needs no line here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Literal

import msgspec

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.times import Day
from safety_stream.wire.topology import NEVER_PUT_BACK, STAGES, members

Operation = Literal["read", "write", "describe", "describe-configs"]
Resource = Literal["topic", "group", "transactional-id"]

READERS: Final = "safety-stream.readers"
"""The group that reading without a group names (`streaming/reading.py`): nobody ever joins it."""


class UserRow(msgspec.Struct, frozen=True):
    """A user or family: what it reads, what it writes, and the ids its transactions begin with.

    `own`: of a family's topics each user has its own alone. `joins`: it may read in groups that begin with its name. Of
    what it `describes` it knows that it is there, and reads none of it; of the stages it `follows`, how far they are.
    """

    name: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    describes: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()
    transactions: tuple[str, ...] = ()
    own: bool = False
    joins: bool = False


_REDRIVE = "safety-stream.redrive"
_WRITTEN_BY_STAGES = frozenset(family for stage in STAGES for family in stage.writes)
_PUT_BACK = tuple(
    family
    for stage in STAGES
    if "dead-letters." in stage.writes
    for family in stage.reads
    if family not in _WRITTEN_BY_STAGES and family not in NEVER_PUT_BACK
)
"""What others write and a stage may refuse: whoever puts dead letters back writes them there."""

# fmt: off
USERS = (
    UserRow("partner.",        writes=("partner.",), own=True),
    UserRow("audience.",       reads=("alerts.",), own=True, joins=True),
    UserRow("profile.",        reads=("indicators.",), own=True, joins=True),
    UserRow("gateway",         writes=("partner.",)),
    UserRow("project",         reads=("alerts.", "indicators.", "feed-status", "dead-letters.", "findings",
                                      "alert-changes", "audit.changes", "audit.entries")),
    UserRow("deliver",         reads=("alerts.",)),
    UserRow("web",             reads=("dead-letters.", "redriven", "action-answers", "person-links", "incidents"),
            writes=(*_PUT_BACK, "redriven"), transactions=(_REDRIVE,)),
    UserRow("desk",            reads=("action-answers",), writes=("alert-actions",)),
    UserRow("steward",         reads=("person-links", "incidents"), writes=("person-links", "audit-entries")),
    UserRow("operator",        reads=("dead-letters.", "redriven", "feed-status"),
            writes=(*_PUT_BACK, "redriven"), describes=("incidents",), transactions=(_REDRIVE,)),
    UserRow("catalogue-owner",
            reads=("alert-changes", "findings", "feed-status", "incidents", "indicator-values", "signals", "tallies"),
            writes=("audit-entries",)),
    UserRow("auditor",         reads=("audit.changes", "audit.", "withheld")),
    UserRow("data-protection-officer",
            reads=("incidents", "findings", "alert-changes", "alerts.", "indicators.", "audit.changes", "audit.",
                   "withheld", "person-links", "orders"),
            writes=("audit-entries", "orders"), follows=("enter",)),
)
# fmt: on
"""Everybody but the worker, whose rights are the topology's. The operator's own rights over the cluster (making topics
and ACLs) are those of a super user, which is Kafka's setting and not ours."""

WORKER: Final = "worker"

_ERASED: Final = "audit.entries"
"""Where it is on record whose keys were destroyed."""


class Acl(msgspec.Struct, frozen=True, order=True):
    """That a user may do something to a resource of this name, or with `prefixed` to all whose names begin so."""

    user: str
    resource: Resource
    name: str
    operation: Operation
    prefixed: bool = False


class Quota(msgspec.Struct, frozen=True, order=True):
    """How many bytes a second one user may write and read; None: as many as it can."""

    user: str
    written: int | None
    read: int | None


def acls_of(catalogue: Catalogue, day: Day) -> list[Acl]:
    """All that anybody may do on a day; whatever is not in it nobody may. Sorted."""
    found = {acl for row in USERS for user in users_of(row, catalogue, day) for acl in _of_user(row, user, catalogue)}
    return sorted(found | set(_of_worker(catalogue)))


def quotas_of(catalogue: Catalogue, day: Day) -> list[Quota]:
    """The quota of every user whose family has one. Sorted."""
    limits = {limit.of: limit for limit in catalogue.sharing.quotas}
    return sorted(
        Quota(user, limits[row.name].written, limits[row.name].read)
        for row in USERS
        if row.name in limits
        for user in users_of(row, catalogue, day)
    )


def users_of(row: UserRow, catalogue: Catalogue, day: Day) -> tuple[str, ...]:
    """The users a row stands for on a day."""
    names: Iterable[str]
    match row.name:
        case "partner.":
            names = catalogue.sources
        case "audience.":
            in_force = {one.subscriber for one in catalogue.sharing.grants if one.agreement.is_in_force(day)}
            names = (audience.id for audience in catalogue.audiences if audience.id in in_force)
        case "profile.":
            names = (profile.id for profile in catalogue.profiles)
        case _:
            return (row.name,)
    return tuple(f"{row.name}{name}" for name in names)


def is_ours(user: str) -> bool:
    """Whether a user of this name is one of the table's, now or formerly: whose ACLs are ours to take away."""
    return user == WORKER or any(
        user.startswith(row.name) if row.name.endswith(".") else user == row.name for row in USERS
    )


def _of_user(row: UserRow, user: str, catalogue: Catalogue) -> Iterator[Acl]:
    yield from _of_topics(user, _topics(row.reads, row, user, catalogue), "read")
    yield from _of_topics(user, _topics(row.writes, row, user, catalogue), "write")
    for topic in _topics(row.describes, row, user, catalogue):
        yield Acl(user, "topic", topic, "describe")
    for followed in row.follows:
        yield Acl(user, "group", f"safety-stream.{followed}", "describe")
    if row.reads:
        yield Acl(user, "group", READERS, "read")
    if row.joins:
        yield Acl(user, "group", f"{user}.", "read", prefixed=True)
    for transactions in row.transactions:
        yield Acl(user, "transactional-id", transactions, "write")


def _topics(families: tuple[str, ...], row: UserRow, user: str, catalogue: Catalogue) -> Iterator[str]:
    for family in families:
        for topic in members(family, catalogue):
            if not row.own or topic.removeprefix(family) == user.removeprefix(row.name):
                yield topic


def _of_topics(user: str, topics: Iterable[str], operation: Operation) -> Iterator[Acl]:
    for topic in topics:
        yield Acl(user, "topic", topic, operation)
        yield Acl(user, "topic", topic, "describe")


def _of_worker(catalogue: Catalogue) -> Iterator[Acl]:
    """What the stages read and write, the changelogs of both, and what a worker looks at before it begins."""
    reads = {topic for stage in STAGES for family in stage.reads for topic in members(family, catalogue)}
    writes = {topic for stage in STAGES for family in stage.writes for topic in members(family, catalogue)}
    changelogs = set(members("changelog.", catalogue))
    # Intake destroys again what is on record as destroyed, before it seals.
    yield from _of_topics(WORKER, reads | changelogs | {_ERASED}, "read")
    yield from _of_topics(WORKER, writes | changelogs, "write")
    for topic in reads | writes | changelogs:
        yield Acl(WORKER, "topic", topic, "describe-configs")
    for stage in STAGES:
        yield Acl(WORKER, "group", f"safety-stream.{stage.name}", "read")
        yield Acl(WORKER, "transactional-id", f"safety-stream.{stage.name}.", "write", prefixed=True)
    yield Acl(WORKER, "group", "safety-stream.restore", "read")
    yield Acl(WORKER, "group", READERS, "read")
