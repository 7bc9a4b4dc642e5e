"""How urgent an alert has to be to disturb somebody, and how long delivery goes on trying: numbers of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from safety_stream.core.model.findings import Priority
from safety_stream.core.model.times import Instant

MinuteOfDay = int
"""Minutes since midnight on the Europe/London clock, 0 to 1,439."""


class Retrying(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds. A provider that failed is left alone for `first`, doubled each time up to `most`.

    What has not been handed over after `give_up_after` never will be.
    """

    first: Instant
    most: Instant
    give_up_after: Instant


class Confirming(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds. How often a provider is asked where a message is, and how long it is believed to be under way."""

    every: Instant
    within: Instant


class Missed(msgspec.Struct, frozen=True, kw_only=True):
    """Of which priorities nothing that stands may stay untold: too old to page, it is told alone, after `after`."""

    priorities: frozenset[Priority]
    after: Instant


class Delivering(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds of delivery. `page_within` and `tell_within` are milliseconds since an alert was published.

    What is older than `page_within` pages nobody and comes in the digest, unless it was `missed`; older than
    `tell_within` it is history. Quiet hours hold the priorities of `held_when_quiet`, and no other.
    """

    page_within: Mapping[Priority, Instant]
    tell_within: Instant
    digest_only: frozenset[Priority]
    held_when_quiet: frozenset[Priority]
    missed: Missed
    digest_at: MinuteOfDay
    retrying: Retrying
    confirming: Confirming
