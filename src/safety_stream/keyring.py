"""Keys of partners and of programs: made once, shown once, and kept as a digest alone, in a file that people edit.

A key is `cs?_<whose>_<32 random bytes>`; its first letters say what it is for. With so much chance in it a plain
SHA-256 cannot be undone by trying, so none of the slow hashes for passwords is needed, and a request costs a
microsecond to let in. Deny by default: a key that no file names, or whose last day is over, lets nobody in.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final, Generic, TypeVar

import msgspec
from pydantic import BeforeValidator, StringConstraints

from safety_stream.catalogue.documents import Where
from safety_stream.catalogue.formats.parts import Digest, Strict
from safety_stream.catalogue.issues import CatalogueError
from safety_stream.catalogue.places import Place
from safety_stream.core.model.times import Instant, to_instant

_log = logging.getLogger(__name__)

T = TypeVar("T")

FEED_KEY: Final = "csf_"
"""How the key of a program begins that reads a feed."""

LOOK_SECONDS: Final = 2.0
"""How often a file is looked at: how long a key that was taken out still lets somebody in."""

KEYS_MAX: Final = 2
"""The one in use, and the one that takes its place."""

_RANDOM_BYTES: Final = 32
_SHOWN: Final = 4
"""How many random characters of a key stand in the file, so that people can tell two apart."""

_OWNER: Final = r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*"
_SHAPE: Final = re.compile(f"(cs[a-z]_)({_OWNER})_[A-Za-z0-9_-]{{43}}")

_NOBODYS: Final = "0" * 64
"""Compared with where there is nobody to compare with, so that the time does not tell whom there is."""


class NewKey(msgspec.Struct, frozen=True):
    """A key, and what stands for it in a file."""

    key: str
    prefix: str
    sha256: str


def new_key(begin: str, owner: str) -> NewKey:
    """A key nobody has had before."""
    key = f"{begin}{owner}_{secrets.token_urlsafe(_RANDOM_BYTES)}"
    return NewKey(key=key, prefix=key[: len(begin) + len(owner) + 1 + _SHOWN], sha256=digest_of(key))


def is_owner(text: str) -> bool:
    """Whether this may be the id of somebody who has keys: it has no place for what parts a key."""
    return re.fullmatch(_OWNER, text) is not None


def owner_of(begin: str, key: str) -> str | None:
    """Whose key this says it is; None for what is no key of this sort."""
    found = _SHAPE.fullmatch(key)
    return found[2] if found and found[1] == begin else None


def digest_of(key: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def _day_of_text(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("write a day as 2027-03-31")  # noqa: TRY004 - for pydantic, which asks for this class
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("write a day as 2027-03-31") from None


Day = Annotated[date, BeforeValidator(_day_of_text)]


class KeyLine(Strict):
    """One key: how it begins, its SHA-256, and the last day on which it lets anybody in (UTC)."""

    prefix: Annotated[str, StringConstraints(pattern=r"^cs[a-z]_[a-z0-9-]+_[A-Za-z0-9_-]{4}$", max_length=80)]
    sha256: Digest
    expires: Day


def check_keys(
    at: Place, here: Where, lines: Sequence[KeyLine], begins: str, digests: set[str], *, make_with: str
) -> None:
    """Note what is wrong with the keys of one owner; `digests` are those seen so far, and `begins` what theirs do."""
    for place, key in enumerate(lines):
        if not key.prefix.startswith(begins):
            at.error((*here, "keys", place), "the key is somebody else's", f"make one with `{make_with}`")
        if key.sha256 in digests:
            at.error((*here, "keys", place), "the key is there already", "make another one")
        digests.add(key.sha256)


class Key(msgspec.Struct, frozen=True):
    """What is known of a key, and until when it lets anybody in."""

    sha256: str
    ends: Instant


class Keyring:
    """The keys of one sort, by whose they are."""

    def __init__(self, begin: str, lines: Mapping[str, Sequence[KeyLine]]) -> None:
        self._begin = begin
        self._keys = {
            owner: tuple(Key(one.sha256, _end_of(one.expires)) for one in some) for owner, some in lines.items()
        }

    def owner(self, key: str, now: Instant) -> str | None:
        """Whom a key lets in now; None for nobody."""
        owner = owner_of(self._begin, key)
        if owner is None:
            return None
        digest = digest_of(key)
        known = self._keys.get(owner, ())
        # Every slot is compared, there or not: how long it takes says nothing of who has how many.
        slots = (*known, *(Key(_NOBODYS, 0) for _ in range(KEYS_MAX - len(known))))
        fitting = [one for one in slots if hmac.compare_digest(one.sha256, digest)]
        return owner if any(now < one.ends for one in fitting) else None


class OnDisk(Generic[T]):
    """What a file that people edit says: a change counts within seconds, one with issues not at all.

    `seconds` is a clock that never goes back, and `name` what the log calls the file. Raises what `read` raises at the
    beginning: `CatalogueError`.
    """

    def __init__(self, path: Path, read: Callable[[Path], T], seconds: Callable[[], float], name: str) -> None:
        self._path = path
        self._read = read
        self._seconds = seconds
        self._name = name
        self._seen = self._state()
        self._value = read(path)
        self._look_at = seconds() + LOOK_SECONDS

    def now(self) -> T:
        """What the file says, or last said without an issue."""
        if self._seconds() >= self._look_at:
            self._look_at = self._seconds() + LOOK_SECONDS
            state = self._state()
            if state != self._seen:
                self._seen = state
                self._read_again()
        return self._value

    def _read_again(self) -> None:
        try:
            self._value = self._read(self._path)
        except CatalogueError as error:
            _log.error("%s_refused: %s", self._name, "; ".join(map(str, error.issues)))
        else:
            _log.info("%s_read", self._name)

    def _state(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


def _end_of(day: date) -> Instant:
    return to_instant(datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1))
