"""The formats of who may be told what: agreements that are signed, and the grants under them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from safety_stream.catalogue.formats.parts import MANY_MAX, AreaCode, LondonDay, Name, Prose, Strict
from safety_stream.core.model.markings import HandlingCode
from safety_stream.core.model.sharing import LegalBasis

_Token = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:=+/-]{1,64}$")]


class SharingAgreementEntry(Strict):
    """An information-sharing agreement: who signed what, from when to when. `valid_to` is the first day after it.

    `made_up`: a sample that nobody signed, which no process goes by in production.
    """

    id: Name
    title: Prose
    reference: Prose
    parties: Annotated[list[Name], Field(min_length=2)]
    purposes: Annotated[list[Name], Field(min_length=1)]
    legal_bases: Annotated[list[LegalBasis], Field(min_length=1)]
    valid_from: LondonDay
    valid_to: LondonDay
    review: LondonDay
    made_up: bool = False


class SharingAgreementsFile(Strict):
    """`policy/agreements.yaml`."""

    agreements: Annotated[list[SharingAgreementEntry], Field(max_length=MANY_MAX)]


class GrantEntry(Strict):
    """Which fields one subscriber is told, for what, on which basis, of which areas; none named: of everywhere."""

    id: Name
    subscriber: Name
    party: Name
    agreement: Name
    purpose: Name
    legal_basis: LegalBasis
    areas: list[AreaCode] = []
    handling: HandlingCode
    fields: Annotated[list[str], Field(min_length=1)]


class LimitEntry(Strict):
    """What no grant on a legal basis may do: tell anything personal, or tell other fields than `exactly` these."""

    legal_basis: LegalBasis
    personal: bool = True
    exactly: list[str] = []
    source: Prose


class ConditionalEntry(Strict):
    """Who may hear of what an organisation reports under handling code C."""

    organisation: Name
    to: list[Name]


class MembersEntry(Strict):
    """The tokens of those who belong to a subscriber and may be party to what it hears of."""

    subscriber: Name
    tokens: Annotated[list[_Token], Field(min_length=1)]


class QuotaEntry(Strict):
    """How many bytes a second each user of a family may write and read."""

    of: Literal["partner", "audience", "profile"]
    written: Annotated[int, Field(ge=1)] | None = None
    read: Annotated[int, Field(ge=1)] | None = None
    source: Prose


class RenewalEntry(Strict):
    """How many days before an agreement ends somebody is to hear of it."""

    warn_days: Annotated[int, Field(ge=1, le=3660)]
    source: Prose


class PolicyFile(Strict):
    """`policy/policy.yaml`."""

    grants: Annotated[list[GrantEntry], Field(max_length=MANY_MAX)]
    limits: list[LimitEntry] = []
    conditional: list[ConditionalEntry] = []
    members: list[MembersEntry] = []
    protected_places: list[Name] = []
    quotas: list[QuotaEntry] = []
    renewal: RenewalEntry | None = None
