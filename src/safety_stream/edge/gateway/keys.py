"""Keys of partners: made once, shown once, and kept as a digest alone.

A key is `csp_<partner>_<32 random bytes>`. With so much chance in it a plain SHA-256 cannot be undone by trying, so
none of the slow hashes for passwords is needed, and a request costs a microsecond to let in.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Final

import msgspec

BEGIN: Final = "csp_"
_RANDOM_BYTES: Final = 32
_SHOWN: Final = 4
"""How many random characters of a key stand in the file, so that people can tell two apart."""

_PARTNER: Final = r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*"
_SHAPE: Final = re.compile(f"csp_({_PARTNER})_[A-Za-z0-9_-]{{43}}")


class NewKey(msgspec.Struct, frozen=True):
    """A key, and what stands for it in the file of partners."""

    key: str
    prefix: str
    sha256: str


def new_key(partner: str) -> NewKey:
    """A key nobody has had before."""
    key = f"{BEGIN}{partner}_{secrets.token_urlsafe(_RANDOM_BYTES)}"
    return NewKey(key=key, prefix=key[: len(BEGIN) + len(partner) + 1 + _SHOWN], sha256=digest_of(key))


def is_partner(text: str) -> bool:
    """Whether this may be a partner's id: it has no place for what parts a key."""
    return re.fullmatch(_PARTNER, text) is not None


def partner_of(key: str) -> str | None:
    """Whose key this says it is; None for what is no key."""
    found = _SHAPE.fullmatch(key)
    return found[1] if found else None


def digest_of(key: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def is_same(digest: str, other: str) -> bool:
    """Whether two digests are the same, in a time that does not tell where they differ."""
    return hmac.compare_digest(digest, other)
