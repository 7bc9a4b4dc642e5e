"""The file of partners: who may send, for which sources, how much, and how each is known.

One YAML file, read like the catalogue's: every issue at once, with its line and its mend. It holds no secret, but what
it lets in deserves the same care. Deny by default: whoever is not named here is nobody, and a source that is not named
is nobody's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import msgspec
from pydantic import Field, StringConstraints

from safety_stream.catalogue.documents import Where
from safety_stream.catalogue.files import Files
from safety_stream.catalogue.formats.parts import Name, Strict
from safety_stream.catalogue.issues import CatalogueError
from safety_stream.catalogue.places import Place
from safety_stream.core.model.times import Instant
from safety_stream.keyring import KEYS_MAX, KeyLine, Keyring, OnDisk, check_keys

BEGIN: Final = "csp_"
"""How a partner's key begins."""

PER_MINUTE: Final = 6_000
"""Reports a minute where the file says nothing: a default, a hundred a second."""

Url = Annotated[str, StringConstraints(pattern=r"^https://[^\s?#@]+$", max_length=500)]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]*$", max_length=64)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class PartnerLine(Strict):
    """One partner. `client_id` is who they are to the issuer of tokens."""

    id: Name
    sources: Annotated[list[Name], Field(min_length=1)]
    per_minute: Annotated[int, Field(ge=1, le=10_000_000)] = PER_MINUTE
    keys: Annotated[list[KeyLine], Field(max_length=KEYS_MAX)] = Field(default_factory=list)
    client_id: Text | None = None


class IssuerLine(Strict):
    """Who issues tokens, for whom they must be meant, and where the keys are that sign them.

    `thumbprint_header` is the header in which whatever speaks TLS for us says the SHA-256 of the client's certificate.
    It must take away what clients themselves send by that name.
    """

    url: Url
    audience: Text
    jwks: Url
    thumbprint_header: HeaderName | None = None


class PartnersFile(Strict):
    """The whole file."""

    issuer: IssuerLine | None = None
    partners: Annotated[list[PartnerLine], Field(min_length=1)]


class Caller(msgspec.Struct, frozen=True):
    """Somebody who was let in: a partner, and what they may do."""

    partner: str
    sources: frozenset[str]
    per_minute: int


class Partners:
    """Who may send, as a file has it."""

    def __init__(self, file: PartnersFile) -> None:
        self.issuer = file.issuer
        self._callers = {
            one.id: Caller(partner=one.id, sources=frozenset(one.sources), per_minute=one.per_minute)
            for one in file.partners
        }
        self._keyring = Keyring(BEGIN, {one.id: one.keys for one in file.partners})
        self._clients = {one.client_id: self._callers[one.id] for one in file.partners if one.client_id is not None}

    def by_key(self, key: str, now: Instant) -> Caller | None:
        """Whom a key lets in now; None for nobody."""
        partner = self._keyring.owner(key, now)
        return None if partner is None else self._callers.get(partner)

    def by_client(self, client_id: str) -> Caller | None:
        """The partner who is this client to the issuer of tokens; None for nobody."""
        return self._clients.get(client_id)


def read_partners(path: Path, sources: Iterable[str]) -> Partners:
    """Read the file; `sources` are those the catalogue knows. Raises `CatalogueError` with every issue."""
    files = Files(path.parent)
    read = files.read(path, PartnersFile)
    if read is not None:
        _check(*read, frozenset(sources))
    if read is None or files.have_errors:
        raise CatalogueError(files.sorted_issues())
    return Partners(read[1])


class PartnersOnDisk(OnDisk[Partners]):
    """The partners of a file that people edit. Raises `CatalogueError` when the file has issues at the beginning."""

    def __init__(self, path: Path, sources: Iterable[str], seconds: Callable[[], float]) -> None:
        super().__init__(path, partial(read_partners, sources=frozenset(sources)), seconds, "gateway.partners")


def _check(at: Place, file: PartnersFile, sources: frozenset[str]) -> None:
    at.refuse_repeats("partners", [one.id for one in file.partners])
    owners: dict[str, str] = {}
    digests: set[str] = set()
    clients: set[str] = set()
    for number, one in enumerate(file.partners):
        here = ("partners", number)
        _check_sources(at, here, one, sources, owners)
        begins = f"{BEGIN}{one.id}_"
        check_keys(at, here, one.keys, begins, digests, make_with="gateway key new")
        if one.client_id is not None:
            if one.client_id in clients:
                at.error((*here, "client_id"), "another partner is this client", "each has a client of their own")
            if file.issuer is None:
                at.error((*here, "client_id"), "nobody issues tokens", "name the issuer, or leave the client out")
            clients.add(one.client_id)
        elif not one.keys:
            at.warning(here, "there is no way for them to be let in", "give them a key, or name their client")


def _check_sources(at: Place, here: Where, one: PartnerLine, sources: frozenset[str], owners: dict[str, str]) -> None:
    for place, source in enumerate(one.sources):
        at.know((*here, "sources", place), "source", source, sources)
        if owners.setdefault(source, one.id) != one.id:
            at.error((*here, "sources", place), f"{source} is another partner's", "a source has one partner")
