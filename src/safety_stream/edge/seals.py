"""Signatures that anybody can verify and nobody else can make: Ed25519, for checkpoints of the audit and certificates.

The private key is a file that its owner alone can read (PEM, PKCS #8); the public one lies beside it as `<name>.pub`
and goes to whoever is to verify: partners, the auditor, the Information Commissioner. A key is named by the beginning
of the SHA-256 of its public half. A key that was replaced goes on verifying what it signed: give both files.

It needs the extra `audit` (cryptography).
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from safety_stream.core.audit import Checkpoint, signed_part
from safety_stream.core.putting_right import Certificate, certified_part

KEY_ID_LENGTH: Final = 16
"""So many hexadecimal digits tell keys apart."""

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class BadKey(Exception):
    """A key file that cannot be used: one sentence that names the file and the mend."""


class Signer:
    """A private key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.key_id = key_id(key.public_key())

    def sign(self, signed: bytes) -> str:
        """The signature of some bytes, in hexadecimal."""
        return self._key.sign(signed).hex()

    def checkpoint(self, checkpoint: Checkpoint) -> Checkpoint:
        """The checkpoint, signed."""
        named = msgspec.structs.replace(checkpoint, key_id=self.key_id)
        return msgspec.structs.replace(named, signature=self.sign(signed_part(named)))

    def certificate(self, certificate: Certificate) -> Certificate:
        """The certificate, signed."""
        named = msgspec.structs.replace(certificate, key_id=self.key_id)
        return msgspec.structs.replace(named, signature=self.sign(certified_part(named)))


class Verifier:
    """Public keys, of which any may have signed."""

    def __init__(self, keys: Sequence[Ed25519PublicKey]) -> None:
        self._keys = {key_id(key): key for key in keys}

    def why_not(self, named: str, signature: str, signed: bytes) -> str:
        """Why a signature is none of the key it names; "" if it is."""
        key = self._keys.get(named)
        if key is None:
            return f"it is signed with key {named or 'of no name'}, which is not among those given"
        try:
            key.verify(bytes.fromhex(signature), signed)
        except (InvalidSignature, ValueError):
            return f"its signature is not that of key {named}: it was changed, or made by somebody else"
        return ""

    def why_no_checkpoint(self, checkpoint: Checkpoint) -> str:
        """Why a checkpoint is not to be believed; "" if it is."""
        return self.why_not(checkpoint.key_id, checkpoint.signature, signed_part(checkpoint))

    def why_no_certificate(self, certificate: Certificate) -> str:
        """Why a certificate is not to be believed; "" if it is."""
        return self.why_not(certificate.key_id, certificate.signature, certified_part(certificate))


def key_id(key: Ed25519PublicKey) -> str:
    """What a key is called."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:KEY_ID_LENGTH]


def public_path(private: Path) -> Path:
    """Where the public half of a key lies."""
    return private.with_name(f"{private.name}.pub")


def new_key(path: Path) -> str:
    """Make a key and write both halves; returns its name. Raises `BadKey` where there is such a file, and `OSError`."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    for file, content, mode in ((path, private, 0o600), (public_path(path), public, 0o644)):
        try:
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
                out.write(content)
        except FileExistsError:
            raise BadKey(f"{file} is there already: name another file, for what it signed is verified by it") from None
    return key_id(key.public_key())


def read_signer(path: Path) -> Signer:
    """The private key in a file. Raises `BadKey`, which never repeats it, and `OSError`."""
    if path.stat().st_mode & _OTHERS:
        raise BadKey(f"{path} can be read by others: chmod 600 {path}")
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (TypeError, ValueError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise BadKey(f"{path} is no private Ed25519 key: make one with safety-stream audit key")
    return Signer(key)


def read_verifier(paths: Sequence[Path]) -> Verifier:
    """The public keys in some files. Raises `BadKey` and `OSError`."""
    keys = []
    for path in paths:
        try:
            key = serialization.load_pem_public_key(path.read_bytes())
        except ValueError:
            key = None
        if not isinstance(key, Ed25519PublicKey):
            raise BadKey(f"{path} is no public Ed25519 key: give the .pub file that lies beside the key")
        keys.append(key)
    return Verifier(keys)
