"""A key-encryption key that never leaves HashiCorp Vault (or OpenBao): its transit engine wraps and unwraps for us.

Two calls of its HTTP API are all there is to it. The token is read from its file for each call, so an agent may renew
it. It needs the capability `update` on `<mount>/encrypt/<key>` and `<mount>/decrypt/<key>`, of a key of type
aes256-gcm96, and no other.
"""

from __future__ import annotations

import base64
import binascii
import ssl
from pathlib import Path
from typing import Final

import httpx
import msgspec

from safety_stream.sealing.providers import ABOUT, BadKeyEncryptionKey, secret_in

_SECONDS: Final = 10


class _Data(msgspec.Struct, frozen=True):
    ciphertext: str = ""
    plaintext: str = ""


class _Answer(msgspec.Struct, frozen=True):
    data: _Data


class VaultKey:
    """A key of a transit engine. `url` is Vault's own, without a path; `ca` a file of certificates to trust instead."""

    def __init__(self, url: str, mount: str, key: str, token_file: Path, ca: Path | None = None) -> None:
        """Nothing is asked yet."""
        self._url = url.rstrip("/")
        self._mount = mount
        self._key = key
        self._token_file = token_file
        self._ca = ca
        self.name = f"vault:{mount}/{key}"

    def wrap(self, key: bytes) -> bytes:
        """See `KeyEncryptionKey`."""
        return self._ask("encrypt", {"plaintext": _text(key)}).ciphertext.encode()

    def unwrap(self, wrapped: bytes) -> bytes:
        """See `KeyEncryptionKey`."""
        try:
            return base64.b64decode(self._ask("decrypt", {"ciphertext": wrapped.decode()}).plaintext, validate=True)
        except (UnicodeDecodeError, binascii.Error):
            raise BadKeyEncryptionKey(f"{self.name} does not open the key store: somebody has changed it") from None

    def _ask(self, what: str, said: dict[str, str]) -> _Data:
        try:
            answer = httpx.post(
                f"{self._url}/v1/{self._mount}/{what}/{self._key}",
                json=said | {"associated_data": _text(ABOUT)},
                headers={"X-Vault-Token": secret_in(self._token_file)},
                timeout=_SECONDS,
                verify=ssl.create_default_context(cafile=self._ca),
                # A proxy of the environment would be handed the store's key.
                trust_env=False,
            )
        except (httpx.HTTPError, OSError) as error:
            raise BadKeyEncryptionKey(f"{self.name}: Vault does not answer ({type(error).__name__})") from None
        if answer.status_code != httpx.codes.OK:
            raise BadKeyEncryptionKey(
                f"{self.name}: Vault refuses to {what} ({answer.status_code}): see that it is unsealed, that there is "
                f"such a key, and that the token in {self._token_file} may use it"
            )
        try:
            return msgspec.json.decode(answer.content, type=_Answer).data
        except msgspec.DecodeError:
            raise BadKeyEncryptionKey(f"{self.name}: what answers is no Vault: see its url") from None


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
