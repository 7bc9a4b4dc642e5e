"""A key-encryption key that never leaves a hardware security module: PKCS #11 (OASIS, version 2.40 and later).

The token's own AES key wraps and unwraps by AES-GCM (mechanism CKM_AES_GCM); it needs the rights to encrypt and to
decrypt, and should be neither extractable nor modifiable. A session is opened for each of the two calls and closed
behind it; the PIN is read from its file for each, so it may be changed meanwhile.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol, cast

import pkcs11
from pkcs11.exceptions import (
    MultipleObjectsReturned,
    MultipleTokensReturned,
    NoSuchKey,
    NoSuchToken,
    PinIncorrect,
    PinLocked,
    PKCS11Error,
)

from safety_stream.sealing.providers import ABOUT, NONCE_BYTES, BadKeyEncryptionKey, secret_in

_TAG_BITS: Final = 128


class _AesKey(Protocol):
    """What an AES key of a token can do that the library gives no types for."""

    def encrypt(self, data: bytes, *, mechanism: pkcs11.Mechanism, mechanism_param: pkcs11.GCMParams) -> bytes: ...

    def decrypt(self, data: bytes, *, mechanism: pkcs11.Mechanism, mechanism_param: pkcs11.GCMParams) -> bytes: ...


class HsmKey:
    """The AES key of this label in the token of this label, by the vendor's `module` (a shared library)."""

    def __init__(self, module: Path, token: str, key: str, pin_file: Path) -> None:
        """Nothing is asked yet."""
        self._module = module
        self._token = token
        self._key = key
        self._pin_file = pin_file
        self._refused = ""
        self.name = f"hsm:{token}/{key}"

    def wrap(self, key: bytes) -> bytes:
        """See `KeyEncryptionKey`."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        with self._opened() as ours:
            return nonce + ours.encrypt(key, mechanism=pkcs11.Mechanism.AES_GCM, mechanism_param=_by(nonce))

    def unwrap(self, wrapped: bytes) -> bytes:
        """See `KeyEncryptionKey`."""
        nonce, content = wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:]
        with self._opened() as ours:
            try:
                return ours.decrypt(content, mechanism=pkcs11.Mechanism.AES_GCM, mechanism_param=_by(nonce))
            except PKCS11Error as error:
                # Modules differ in what they say of a tag that does not fit.
                raise BadKeyEncryptionKey(
                    f"{self.name} does not open the key store ({type(error).__name__}): somebody has changed it, or "
                    "the key is another one of that label"
                ) from None

    @contextmanager
    def _opened(self) -> Iterator[_AesKey]:
        pin = secret_in(self._pin_file)
        if pin == self._refused:
            # Whoever asks on and on would lock the token, and with it whatever else it serves.
            raise BadKeyEncryptionKey(f"{self.name}: {self._said(PinIncorrect())}: mend it there, or start again")
        try:
            token = pkcs11.lib(str(self._module)).get_token(token_label=self._token)
            with token.open(user_pin=pin) as session:
                found = session.get_key(pkcs11.ObjectClass.SECRET_KEY, pkcs11.KeyType.AES, self._key)
                yield cast("_AesKey", found)
        except (PinIncorrect, PinLocked) as error:
            self._refused = pin
            raise BadKeyEncryptionKey(f"{self.name}: {self._said(error)}") from None
        except PKCS11Error as error:
            raise BadKeyEncryptionKey(f"{self.name}: {self._said(error)}") from None

    def _said(self, error: PKCS11Error) -> str:
        """What went wrong and what to see to; what the module itself says may repeat what it was given."""
        match error:
            case NoSuchToken() | MultipleTokensReturned():
                return f"{self._module} has not one token of that label: see `pkcs11-tool --list-token-slots`"
            case NoSuchKey() | MultipleObjectsReturned():
                return "the token has not one AES key of that label: make one, or name another"
            case PinIncorrect() | PinLocked():
                return f"the token refuses the PIN in {self._pin_file}; after a few times it locks"
        return f"the token refuses ({type(error).__name__}): see that {self._module} is the vendor's PKCS #11 module"


def _by(nonce: bytes) -> pkcs11.GCMParams:
    return pkcs11.GCMParams(nonce, ABOUT, _TAG_BITS)
