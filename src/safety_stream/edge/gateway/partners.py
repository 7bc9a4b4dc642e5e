"""The file of partners: who may send, for which sources, how much, and how each is known.

One YAML file, read like the catalogue's: every issue at once, with its line and its mend. It holds no secret, but what
it lets in deserves the same care. Deny by default: whoever is not named here is nobody, and a source that is not named
is nobody's.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import msgspec
from pydantic import BeforeValidator, Field, StringConstraints

from safety_stream.catalogue.documents import Where
from safety_stream.catalogue.files import Files
from safety_stream.catalogue.formats.parts import Digest, Name, Strict
from safety_stream.catalogue.issues import CatalogueError
from safety_stream.catalogue.places import Place
from safety_stream.core.model.times import Instant, to_instant
from safety_stream.edge.gateway.keys import BEGIN, digest_of, is_same, partner_of

_log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 2.0
"""How often the file is looked at: how long a key that was taken out still lets somebody in."""

KEYS_MAX: Final = 2
"""The one in use, and the one that takes its place."""

PER_MINUTE: Final = 6_000
"""Reports a minute where the file says nothing: a default, a hundred a second."""

_NOBODYS: Final = "0" * 64
"""Compared with where there is nobody to compare with, so that the time does not tell which partners there are."""


def _day_of_text(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("write a day as 2027-03-31")  # noqa: TRY004 - for pydantic, which asks for this class
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("write a day as 2027-03-31") from None


Day = Annotated[date, BeforeValidator(_day_of_text)]
Url = Annotated[str, StringConstraints(pattern=r"^https://[^\s?#@]+$", max_length=500)]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]*$", max_length=64)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class KeyLine(Strict):
    """One key: how it begins, its SHA-256, and the last day on which it lets anybody in (UTC)."""

    prefix: Annotated[str, StringConstraints(pattern=r"^csp_[a-z0-9-]+_[A-Za-z0-9_-]{4}$", max_length=80)]
    sha256: Digest
    expires: Day


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


class Key(msgspec.Struct, frozen=True):
    """What is known of a key, and until when it lets anybody in."""

    sha256: str
    ends: Instant


class Partners:
    """Who may send, as a file has it."""

    def __init__(self, file: PartnersFile) -> None:
        self.issuer = file.issuer
        self._callers = {
            one.id: Caller(partner=one.id, sources=frozenset(one.sources), per_minute=one.per_minute)
            for one in file.partners
        }
        self._keys = {one.id: tuple(Key(key.sha256, _end_of(key.expires)) for key in one.keys) for one in file.partners}
        self._clients = {one.client_id: self._callers[one.id] for one in file.partners if one.client_id is not None}

    def by_key(self, key: str, now: Instant) -> Caller | None:
        """Whom a key lets in now; None for nobody."""
        partner = partner_of(key)
        if partner is None:
            return None
        digest = digest_of(key)
        known = self._keys.get(partner, ())
        # Every slot is compared, there or not: how long it takes says nothing of who has how many.
        slots = (*known, *(Key(_NOBODYS, 0) for _ in range(KEYS_MAX - len(known))))
        fitting = [one for one in slots if is_same(one.sha256, digest)]
        return self._callers.get(partner) if any(now < one.ends for one in fitting) else None

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


class PartnersOnDisk:
    """The partners of a file that people edit: a change counts within seconds, one with issues not at all.

    `seconds` is a clock that never goes back. Raises `CatalogueError` when the file has issues at the beginning.
    """

    def __init__(self, path: Path, sources: Iterable[str], seconds: Callable[[], float]) -> None:
        self._path = path
        self._sources = frozenset(sources)
        self._seconds = seconds
        self._seen = self._state()
        self._partners = read_partners(path, self._sources)
        self._look_at = seconds() + LOOK_SECONDS

    def now(self) -> Partners:
        """The partners as the file has them, or last had them without an issue."""
        if self._seconds() >= self._look_at:
            self._look_at = self._seconds() + LOOK_SECONDS
            state = self._state()
            if state != self._seen:
                self._seen = state
                self._read_again()
        return self._partners

    def _read_again(self) -> None:
        try:
            self._partners = read_partners(self._path, self._sources)
        except CatalogueError as error:
            _log.error("gateway.partners_refused: %s", "; ".join(map(str, error.issues)))
        else:
            _log.info("gateway.partners_read")

    def _state(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


def _check(at: Place, file: PartnersFile, sources: frozenset[str]) -> None:
    at.refuse_repeats("partners", [one.id for one in file.partners])
    owners: dict[str, str] = {}
    digests: set[str] = set()
    clients: set[str] = set()
    for number, one in enumerate(file.partners):
        here = ("partners", number)
        _check_sources(at, here, one, sources, owners)
        _check_keys(at, here, one, digests)
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


def _check_keys(at: Place, here: Where, one: PartnerLine, digests: set[str]) -> None:
    for place, key in enumerate(one.keys):
        if not key.prefix.startswith(f"{BEGIN}{one.id}_"):
            at.error((*here, "keys", place), "the key is another partner's", "make one with `gateway key new`")
        if key.sha256 in digests:
            at.error((*here, "keys", place), "the key is there already", "make another one")
        digests.add(key.sha256)


def _end_of(day: date) -> Instant:
    return to_instant(datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1))
