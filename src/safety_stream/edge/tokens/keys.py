"""Keys by purpose and epoch: where they come from, which are refused, and how one epoch follows another.

Theory of operation
-------------------
A key file is JSON, readable by its owner alone, and holds epochs; each epoch holds a random key for each purpose.
There is no master from which they are derived: a partner that may send for one purpose gets a file with that purpose's
key and can make, or be robbed of, no other's.

Rotation adds an epoch. Until the *overlap* ends the epoch before stays in use beside it: tokens of both are made, and
each pair is written down as a decision that two tokens are one person, which can be taken back like any other. After
that the old key is dropped from the file, and its tokens can be made no more.

Keys that could be guessed are refused: too short, text instead of random bytes, repetitions, and the development key,
which everybody knows.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import re
import secrets
import stat
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Final

import msgspec

from safety_stream.edge.tokens.unusable import BadSetup

KEY_BYTES: Final = 32
"""As long as what SHA-256 gives: a longer key is no stronger."""

DEVELOPMENT_EPOCH: Final = "dev"
DEVELOPMENT_KEY: Final = hashlib.sha256(b"safety-stream's development key, which everybody knows").digest()

_DISTINCT_AT_LEAST: Final = 16
"""So many different bytes: of 32 random ones fewer than once in a billion billion files."""

_EPOCHS_AT_MOST: Final = 4
_BYTES_AT_MOST: Final = 100_000
_IS_WORD = re.compile(r"[a-z0-9][a-z0-9-]{0,31}", re.ASCII).fullmatch
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Epoch(msgspec.Struct, frozen=True, kw_only=True):
    """One epoch's keys, by purpose.

    It is in use from `begins` on, and beside its successor before the day `until`; `tables` is the digest of the tables
    its tokens are made with. Its text never shows a key.
    """

    epoch: str
    begins: date
    until: date | None = None
    tables: str
    keys: Mapping[str, bytes]

    def __repr__(self) -> str:
        return f"Epoch({self.epoch!r}, purposes={sorted(self.keys)})"


class KeyRing(msgspec.Struct, frozen=True):
    """The epochs of a key file, the newest last."""

    epochs: tuple[Epoch, ...]

    def in_use(self, purpose: str, day: date) -> tuple[Epoch, ...]:
        """The epochs whose tokens are made on that day, the newest first. Raises `BadSetup`."""
        begun = [one for one in self.epochs if one.begins <= day]
        live = [one for one in reversed(begun) if one is begun[-1] or (one.until is not None and day < one.until)]
        if not live:
            raise BadSetup(f"no epoch of the key file has begun on {day}: wait, or mend this machine's clock")
        if purpose not in live[0].keys:
            raise BadSetup(f"the key file has no key for that purpose; it has {', '.join(sorted(live[0].keys))}")
        return tuple(one for one in live if purpose in one.keys)


def new_ring(epoch: str, purposes: Sequence[str], tables: str, today: date) -> KeyRing:
    """A first epoch with new keys. Raises `BadSetup` for a name that is no word."""
    return _checked(KeyRing((_new_epoch(epoch, purposes, tables, today),)), is_development=False)


def rotated(ring: KeyRing, epoch: str, tables: str, today: date, overlap: timedelta) -> KeyRing:
    """The ring with a new epoch of the same purposes; the one before lasts for the overlap. Raises `BadSetup`."""
    last = ring.epochs[-1]
    if today <= last.begins:
        raise BadSetup(
            f"epoch {last.epoch} begins on {last.begins}: rotate on a later day, so that days tell them apart"
        )
    kept = [one for one in ring.epochs[:-1] if one.until is not None and today < one.until]
    if overlap:
        kept.append(msgspec.structs.replace(last, until=today + overlap))
    return _checked(KeyRing((*kept, _new_epoch(epoch, sorted(last.keys), tables, today))), is_development=False)


def development_ring(purpose: str, tables: str) -> KeyRing:
    """What to try things out with: one epoch whose key everybody knows."""
    epoch = Epoch(epoch=DEVELOPMENT_EPOCH, begins=date.min, tables=tables, keys={purpose: DEVELOPMENT_KEY})
    return _checked(KeyRing((epoch,)), is_development=True)


def read_keys(path: Path, *, is_development: bool = False) -> KeyRing:
    """The keys in a file. Raises `BadSetup`, which never repeats a key, and `OSError`."""
    with path.open("rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise BadSetup(f"{path} is no file: name the key file itself")
        if os.name == "posix" and stat.S_IMODE(found.st_mode) & _OTHERS:
            raise BadSetup(f"{path} can be read by others than its owner: chmod 600 it, and rotate if others did")
        text = file.read(_BYTES_AT_MOST)
    try:
        ring = _ring_of(text)
    except (ValueError, TypeError, LookupError, AttributeError):
        # Nothing is chained: what such errors say may hold a part of a key.
        raise BadSetup(f"{path} is no key file: make one with safety-stream tokens key new") from None
    try:
        return _checked(ring, is_development=is_development)
    except BadSetup as error:
        raise BadSetup(f"{path}: {error}") from None


def write_keys(path: Path, ring: KeyRing, *, is_new: bool) -> None:
    """Write a key file, whole or not at all, for its owner alone. Raises `FileExistsError` when it is to be new."""
    written = path if is_new else path.with_name(f".{path.name}.writing")
    if not is_new:
        written.unlink(missing_ok=True)
    handle = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(_text_of(ring))
        file.flush()
        os.fsync(file.fileno())
    if not is_new:
        written.replace(path)


def _new_epoch(epoch: str, purposes: Sequence[str], tables: str, today: date) -> Epoch:
    keys = {purpose: secrets.token_bytes(KEY_BYTES) for purpose in purposes}
    return Epoch(epoch=epoch, begins=today, tables=tables, keys=keys)


def _ring_of(text: bytes) -> KeyRing:
    return KeyRing(
        tuple(
            Epoch(
                epoch=str(one["epoch"]),
                begins=date.fromisoformat(one["begins"]),
                until=None if one["until"] is None else date.fromisoformat(one["until"]),
                tables=str(one["tables"]),
                keys={purpose: _key_of(key) for purpose, key in one["keys"].items()},
            )
            for one in json.loads(text)["epochs"]
        )
    )


def _key_of(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError from None


def _text_of(ring: KeyRing) -> bytes:
    epochs = [
        {
            "epoch": one.epoch,
            "begins": one.begins.isoformat(),
            "until": None if one.until is None else one.until.isoformat(),
            "tables": one.tables,
            "keys": {purpose: base64.b64encode(key).decode() for purpose, key in one.keys.items()},
        }
        for one in ring.epochs
    ]
    return json.dumps({"epochs": epochs}, indent=1).encode() + b"\n"


def _checked(ring: KeyRing, *, is_development: bool) -> KeyRing:
    """The ring, if it can be used. Raises `BadSetup` naming epoch and purpose, and no key."""
    if not 0 < len(ring.epochs) <= _EPOCHS_AT_MOST:
        raise BadSetup(f"a key file has 1 to {_EPOCHS_AT_MOST} epochs: let an overlap end before the next rotation")
    names = [one.epoch for one in ring.epochs]
    if len(set(names)) < len(names):
        raise BadSetup("two epochs have one name: name the new one otherwise")
    if any(one.until is None for one in ring.epochs[:-1]) or ring.epochs[-1].until is not None:
        raise BadSetup("every epoch but the last has an end: rotate with safety-stream tokens key rotate")
    if any(one.begins >= other.begins for one, other in pairwise(ring.epochs)):
        raise BadSetup("epochs are not in the order they began: rotate with safety-stream tokens key rotate")
    seen: set[bytes] = set()
    for one in ring.epochs:
        if not _IS_WORD(one.epoch) or (one.epoch == DEVELOPMENT_EPOCH and not is_development):
            raise BadSetup(f"an epoch's name is a word in kebab case, and not {DEVELOPMENT_EPOCH}: name it otherwise")
        if not one.keys or not all(map(_IS_WORD, one.keys)):
            raise BadSetup(f"epoch {one.epoch}: a purpose is a word in kebab case, and there is at least one")
        for purpose, key in sorted(one.keys.items()):
            fault = _weakness(key, is_development=is_development)
            if fault or key in seen:
                raise BadSetup(f"epoch {one.epoch}, {purpose}: {fault or 'the key is there twice: make new ones'}")
            seen.add(key)
    return ring


def _weakness(key: bytes, *, is_development: bool) -> str:
    """Why a key is refused; empty when it is not. Not that it is good: only `secrets` makes sure of that."""
    if key == DEVELOPMENT_KEY:
        return "" if is_development else "this is the development key, which everybody knows: make new ones"
    if len(key) < KEY_BYTES:
        return f"the key is shorter than {KEY_BYTES} bytes: make new ones"
    steps = {(after - before) % 256 for before, after in pairwise(key)}
    half = len(key) // 2
    if len(set(key)) < _DISTINCT_AT_LEAST or len(steps) < _DISTINCT_AT_LEAST // 2 or key[:half] == key[half : 2 * half]:
        return "the key is a pattern, not random bytes: make new ones"
    if key.isascii():
        return "the key is text, not random bytes: make new ones"
    return ""
