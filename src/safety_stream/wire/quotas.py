"""The quotas of a deployment against those of a cluster, and the words in which Kafka's own tool is asked about them.

Kafka's library for Python knows no quotas, its tool `kafka-configs` does: what it is told and what it answers is text,
which is made and read here; running it is others' work (`embedded/tools.py`). Quotas of users that are not in the
table (`wire/rights.py`), and limits other than of bytes, are somebody else's, and are neither told of nor touched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from safety_stream.wire.rights import Quota, is_ours

_WRITTEN: Final = "producer_byte_rate"
_READ: Final = "consumer_byte_rate"
_LINE: Final = re.compile(r"^Quota configs for user-principal '(?P<user>[^']+)' are (?P<settings>.*)$")

DESCRIBE: Final = ("--describe", "--entity-type", "users")
"""What the tool is asked for everybody's quotas."""


class QuotaChange(msgspec.Struct, frozen=True, order=True):
    """A user whose quota is another than planned: what it is, and what it should be."""

    user: str
    wanted: Quota
    found: Quota


def read_described(said: str) -> dict[str, Quota]:
    """The quotas of bytes by user, of all that the tool said. Raises `ValueError` for a number that is none."""
    found: dict[str, Quota] = {}
    for line in said.splitlines():
        match = _LINE.match(line.strip())
        # A quota of a user with one client id, or of everybody else, is not of the user.
        if match is None:
            continue
        stated = dict(one.split("=", 1) for one in match["settings"].split(", ") if "=" in one)
        found[match["user"]] = Quota(match["user"], _rate(stated.get(_WRITTEN)), _rate(stated.get(_READ)))
    return found


def plan_quotas(found: Mapping[str, Quota], wanted: Iterable[Quota]) -> list[QuotaChange]:
    """What is to be changed so that everybody has the quota that is planned, and no user of ours another. Sorted."""
    planned = {quota.user: quota for quota in wanted}
    ours = {user for user in found if is_ours(user)}
    none = {user: Quota(user, None, None) for user in planned.keys() | ours}
    return sorted(
        QuotaChange(user, planned.get(user, none[user]), found.get(user, none[user]))
        for user in none
        if planned.get(user, none[user]) != found.get(user, none[user])
    )


def alteration(change: QuotaChange) -> list[str]:
    """What the tool is told, so that a quota becomes the wanted one."""
    wanted, found = _settings(change.wanted), _settings(change.found)
    words = ["--alter", "--entity-type", "users", "--entity-name", change.user]
    if wanted:
        words += ["--add-config", ",".join(f"{name}={rate}" for name, rate in wanted.items())]
    if gone := found.keys() - wanted.keys():
        words += ["--delete-config", ",".join(sorted(gone))]
    return words


def _settings(quota: Quota) -> dict[str, int]:
    return {name: rate for name, rate in ((_WRITTEN, quota.written), (_READ, quota.read)) if rate is not None}


def _rate(text: str | None) -> int | None:
    return None if text is None else round(float(text))
