"""The ACLs of a deployment against those of a cluster: what is missing, what is too much, and putting it right.

ACLs of users that are not in the table (`wire/rights.py`) are somebody else's, and are neither told of nor touched.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Final

import msgspec
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from safety_stream.wire.rights import Acl, Operation, Resource, is_ours

_SECONDS = 30
_ANY_HOST = "*"

_OPERATIONS: Final[dict[Operation, AclOperation]] = {
    "read": AclOperation.READ,
    "write": AclOperation.WRITE,
    "describe": AclOperation.DESCRIBE,
    "describe-configs": AclOperation.DESCRIBE_CONFIGS,
}
_RESOURCES: Final[dict[Resource, ResourceType]] = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactional-id": ResourceType.TRANSACTIONAL_ID,
}


class AclPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to do: rights to give, and rights to take away, each a line in words for the latter. Sorted.

    What is too much may be anything a cluster knows, denials and other hosts included, so it is kept as it was found.
    """

    give: tuple[Acl, ...]
    take: tuple[AclBinding, ...]

    @property
    def is_empty(self) -> bool:
        """Whether everybody may do what is planned, and nobody more."""
        return not self.give and not self.take


def plan_acls(admin: AdminClient, wanted: Collection[Acl]) -> AclPlan:
    """Compare the cluster with what is wanted. Raises `KafkaException`, also where the cluster has no authorizer."""
    asked = AclBindingFilter(
        ResourceType.ANY, None, ResourcePatternType.ANY, None, None, AclOperation.ANY, AclPermissionType.ANY
    )
    found = admin.describe_acls(asked, request_timeout=_SECONDS).result()
    planned = {_binding(acl): acl for acl in wanted}
    there = set(found)
    return AclPlan(
        give=tuple(sorted(acl for binding, acl in planned.items() if binding not in there)),
        take=tuple(
            sorted(
                (one for one in there - planned.keys() if is_ours(one.principal.removeprefix("User:"))), key=in_words
            )
        ),
    )


def give(admin: AdminClient, acls: Iterable[Acl]) -> None:
    """Let users do these. Raises `KafkaException`."""
    _all_done(admin.create_acls, [_binding(acl) for acl in acls])


def take_away(admin: AdminClient, bindings: Iterable[AclBinding]) -> None:
    """Let users do these no more. Raises `KafkaException`."""
    _all_done(
        admin.delete_acls,
        [
            AclBindingFilter(
                one.restype,
                one.name,
                one.resource_pattern_type,
                one.principal,
                one.host,
                one.operation,
                one.permission_type,
            )
            for one in bindings
        ],
    )


def in_words(one: AclBinding) -> str:
    """A right as people read it."""
    pattern = "…" if one.resource_pattern_type == ResourcePatternType.PREFIXED else ""
    kind = one.restype.name.lower().replace("_", "-")
    return f"{one.principal} {one.permission_type.name.lower()} {one.operation.name.lower()} {kind} {one.name}{pattern}"


def _binding(acl: Acl) -> AclBinding:
    return AclBinding(
        _RESOURCES[acl.resource],
        acl.name,
        ResourcePatternType.PREFIXED if acl.prefixed else ResourcePatternType.LITERAL,
        f"User:{acl.user}",
        _ANY_HOST,
        _OPERATIONS[acl.operation],
        AclPermissionType.ALLOW,
    )


def _all_done(call: Callable[..., dict[object, object]], what: list[object]) -> None:
    if what:
        for answer in call(what, request_timeout=_SECONDS).values():
            answer.result()  # type: ignore[attr-defined]
