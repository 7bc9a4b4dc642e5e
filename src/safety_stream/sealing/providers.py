"""Key-encryption keys: where the one key is kept that all others in the key store are worth nothing without.

A provider wraps and unwraps the store's own key, once when a process opens the store; it is not asked again for as long
as that process runs, so an HSM that is away stops nobody who has begun. It must not be kept where the store is backed
up: whoever has both has every person's key.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from pathlib import Path
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12

ABOUT: Final = b"safety-stream store key"
"""What is wrapped is this and nothing else (the additional data of AES-GCM)."""

_NAME_LENGTH: Final = 16
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class BadKeyEncryptionKey(Exception):
    """A key-encryption key that cannot be used: one sentence that names it and the mend, and holds no secret."""


class KeyEncryptionKey(Protocol):
    """A key-encryption key. `name` tells it from others, and says nothing of it."""

    @property
    def name(self) -> str:
        """What it is called."""

    def wrap(self, key: bytes) -> bytes:
        """The key, so that only `unwrap` of this same one gives it back. Raises `BadKeyEncryptionKey`."""

    def unwrap(self, wrapped: bytes) -> bytes:
        """The key that was wrapped. Raises `BadKeyEncryptionKey`."""


def wrapped_for_sure(key: KeyEncryptionKey, plain: bytes) -> bytes:
    """A key, wrapped, having seen that it can be unwrapped. Raises `BadKeyEncryptionKey`."""
    wrapped = key.wrap(plain)
    try:
        is_given_back = key.unwrap(wrapped) == plain
    except BadKeyEncryptionKey as error:
        raise BadKeyEncryptionKey(f"{key.name} does not give back what it has just wrapped: {error}") from None
    if not is_given_back:
        raise BadKeyEncryptionKey(f"{key.name} does not give back what it has just wrapped: take another one")
    return wrapped


class Remembering:
    """A key-encryption key that is asked once for each key it opened, for whoever opens a store again and again."""

    def __init__(self, key: KeyEncryptionKey) -> None:
        """Ask this one."""
        self._key = key
        self._opened: tuple[bytes, bytes] | None = None

    @property
    def name(self) -> str:
        """See `KeyEncryptionKey`."""
        return self._key.name

    def wrap(self, key: bytes) -> bytes:
        """See `KeyEncryptionKey`."""
        return self._key.wrap(key)

    def unwrap(self, wrapped: bytes) -> bytes:
        """See `KeyEncryptionKey`."""
        if self._opened is None or self._opened[0] != wrapped:
            self._opened = (wrapped, self._key.unwrap(wrapped))
        return self._opened[1]


def encrypted(key: bytes, plain: bytes, about: bytes) -> bytes:
    """AES-256-GCM under a random nonce, which stands before it. One key may be used four billion times."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, about)


def decrypted(key: bytes, content: bytes, about: bytes) -> bytes:
    """What `encrypted` was given. Raises `InvalidTag`: another key, another subject, or somebody changed it."""
    return AESGCM(key).decrypt(content[:NONCE_BYTES], content[NONCE_BYTES:], about)


def secret_in(path: Path) -> str:
    """The line in a file that its owner alone can read: a token, a PIN. Raises `BadKeyEncryptionKey`."""
    try:
        _check_is_private(path)
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadKeyEncryptionKey(f"{path} cannot be read ({type(error).__name__})") from None


def _check_is_private(path: Path) -> None:
    if path.stat().st_mode & _OTHERS:
        raise BadKeyEncryptionKey(f"{path} can be read by others: chmod 600 {path}")


class FileKey:
    """A key in a file: 64 hexadecimal digits, readable by its owner alone."""

    def __init__(self, path: Path) -> None:
        """Read it. Raises `BadKeyEncryptionKey`, and `OSError`."""
        _check_is_private(path)
        try:
            self._key = bytes.fromhex(path.read_text(encoding="ascii").strip())
        except ValueError:
            self._key = b""
        if len(self._key) != KEY_BYTES:
            raise BadKeyEncryptionKey(f"{path} is no key-encryption key: make one with safety-stream persons key")
        self.name = f"file:{hashlib.sha256(ABOUT + self._key).hexdigest()[:_NAME_LENGTH]}"

    def wrap(self, key: bytes) -> bytes:
        """See `KeyEncryptionKey`."""
        return encrypted(self._key, key, ABOUT)

    def unwrap(self, wrapped: bytes) -> bytes:
        """See `KeyEncryptionKey`."""
        try:
            return decrypted(self._key, wrapped, ABOUT)
        except InvalidTag:
            raise BadKeyEncryptionKey(f"{self.name} does not open the key store: somebody has changed it") from None


def new_file_key(path: Path) -> FileKey:
    """Make a key and write it, for its owner alone. Raises `BadKeyEncryptionKey` where there is such a file."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as out:
            out.write(secrets.token_bytes(KEY_BYTES).hex() + "\n")
    except FileExistsError:
        raise BadKeyEncryptionKey(
            f"{path} is there already: name another file, for a key store may be worth nothing without this one"
        ) from None
    return FileKey(path)
