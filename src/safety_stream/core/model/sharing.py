"""What partners have signed to share, and with whom: agreements, grants under them, and what was held back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from safety_stream.core.model.alerts import Change
from safety_stream.core.model.findings import Priority
from safety_stream.core.model.markings import HandlingCode
from safety_stream.core.model.times import Day, Instant

LegalBasis = Literal[
    "CDA17",
    "CDA17A",
    "CDA115",
    "CHA2004-s11",
    "CA1989-s17",
    "CA1989-s47",
    "CARE-s42",
    "DAA2021",
    "SVD-PCSC2022",
    "VPA2024-ENCOMPASS",
    "DPA3",
    "CONSENT",
    "VITAL",
]
"""The power something is shared under (domain.md 6); `schemas/types/legal-basis.avsc` says what they are."""


class SharingAgreement(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An information-sharing agreement: in force on days `[valid_from, valid_to)`, to be looked at by `review`.

    `parties` are organisations; `purposes` and `bases` what they agreed to share for, and under which powers. One
    that is `made_up` nobody signed: it is a sample, and no production goes by it.
    """

    id: str
    title: str
    reference: str
    parties: tuple[str, ...]
    purposes: tuple[str, ...]
    bases: tuple[LegalBasis, ...]
    valid_from: Day
    valid_to: Day
    review: Day
    made_up: bool = False

    def is_in_force(self, day: Day) -> bool:
        """Whether something may be shared under it on that day."""
        return self.valid_from <= day < self.valid_to


class Grant(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One line of the policy: a subscriber, for a purpose and on a legal basis, is told these fields.

    Only of what happened in `areas` (none named: anywhere), only while `agreement` is in force. With `handling` C also
    of what rests on reports of code C, where their originator has this subscriber on its list; with P of no such thing.
    `of_persons` False: of nothing that is about a person.
    """

    id: str
    subscriber: str
    party: str
    purpose: str
    basis: LegalBasis
    agreement: SharingAgreement
    fields: tuple[str, ...]
    areas: tuple[str, ...] = ()
    handling: HandlingCode = "P"
    of_persons: bool = True


QuotaOf = Literal["partner.", "audience.", "profile."]
"""Whose use of the bus is bounded: each partner's feed, each audience and each profile by itself."""


class UseLimit(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """How many bytes a second each user of a family may write and read; None: as many as it can."""

    of: QuotaOf
    written: int | None = None
    read: int | None = None


class Sharing(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The policy as a whole. What no grant tells is told to nobody.

    `conditional_to` is, by organisation, who may hear of what it reports under code C; `members`, by subscriber, the
    tokens of persons who belong to it, so that nobody hears of their own matter. `protected_places` are the kinds of
    place whose whereabouts no report carries further than intake. `warn_days` is how many days before an agreement ends
    somebody is to hear of it; None: only once it has ended.
    """

    agreements: tuple[SharingAgreement, ...] = ()
    grants: tuple[Grant, ...] = ()
    conditional_to: Mapping[str, frozenset[str]] = {}
    members: Mapping[str, frozenset[str]] = {}
    protected_places: frozenset[str] = frozenset()
    quotas: tuple[UseLimit, ...] = ()
    warn_days: int | None = None


WaitsBecause = Literal["ended", "not-begun", "being-told"]
"""Why something waits for an agreement: one has ended, or has yet to begin; or it is being told just now."""

WithheldState = Literal["waits", "barred", "told", "over"]
"""What became of news: it waits for an agreement; no agreement would help; or it waited, and was told, or ended."""


class Withheld(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """That news of an alert was not given to an audience it was for, and why; or what became of what waited.

    `agreements` are those that would have to be in force for it to be told; none where no agreement would help.
    `told_as` is the number of the audience's feed under which it was told in the end; None where it was not.

    The topic `withheld` is a chain like those of the audit (`core/audit.py`): `seq` counts from 1 without gap. What an
    earlier version wrote has no `state`, `priority` or hash.
    """

    seq: int
    audience: str
    alert_id: str
    version: int
    change: Change
    why: str
    agreements: tuple[str, ...]
    as_of: Instant
    state: WithheldState | None = None
    priority: Priority | None = None
    told_as: int | None = None
    previous_hash: str | None = None
    hash: str | None = None
