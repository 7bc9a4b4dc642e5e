"""OAuth 2: tokens of client credentials, believed when everything about them is right.

A token is a JWT signed by a key of the issuer's, meant for us, not expired, and, where it says that it is bound to a
certificate (RFC 8705, `cnf` with `x5t#S256`), brought by whoever has that certificate. What was wrong with one is in
the log by its kind alone.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import logging
from collections.abc import Callable, Mapping
from typing import Final

import httpx
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from safety_stream.core.model.times import SECOND, Instant
from safety_stream.edge.gateway.partners import IssuerLine

_log = logging.getLogger(__name__)

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA")
"""Signatures with a public key; none with a shared secret, and never none at all."""

_TIMEOUT_SECONDS: Final = 5.0
_KEPT_SECONDS: Final = 3_600.0
"""How long the issuer's keys are believed."""

_AGAIN_SECONDS: Final = 60.0
"""How soon they are asked for again because of a key nobody knows: whoever makes tokens up must not have us ask."""

_LEEWAY_SECONDS: Final = 60
"""By how much its clock and ours may differ."""


class NotVerified(Exception):
    """The issuer's keys cannot be had, so nobody can say whether a token is good."""


class Tokens:
    """What an issuer's tokens say. `seconds` is a clock that never goes back."""

    def __init__(
        self,
        issuer: IssuerLine,
        now: Callable[[], Instant],
        seconds: Callable[[], float],
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Ask for its keys over the network, or by this transport. Nothing is asked yet."""
        self.issuer = issuer
        self._seconds = seconds
        self._transport = transport
        self._keys: KeySet | None = None
        self._asked_at = 0.0
        self._claims = jwt.JWTClaimsRegistry(
            now=lambda: now() // SECOND,
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": issuer.url},
            aud={"essential": True, "value": issuer.audience},
            exp={"essential": True},
        )

    async def client_of(self, token: str, thumbprint: str | None) -> str | None:
        """The client a token is for; None when it is not to be believed. Raises `NotVerified`.

        `thumbprint` is the SHA-256 of the certificate with which the client came, as whoever speaks TLS says it.
        """
        try:
            claims = await self._verified(token)
            self._claims.validate(claims)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            _log.warning("gateway.token_not_believed: %s", type(error).__name__)
            return None
        if not _is_bound_to(claims.get("cnf"), thumbprint):
            _log.warning("gateway.token_not_believed: another certificate")
            return None
        client = claims.get("client_id") or claims.get("azp") or claims.get("sub")
        return client if isinstance(client, str) else None

    async def _verified(self, token: str) -> dict[str, object]:
        keys = await self._fresh()
        try:
            return jwt.decode(token, keys, algorithms=ALGORITHMS).claims
        except InvalidKeyIdError:
            if self._seconds() - self._asked_at < _AGAIN_SECONDS:
                raise
            return jwt.decode(token, await self._asked(), algorithms=ALGORITHMS).claims

    async def _fresh(self) -> KeySet:
        if self._keys is not None and self._seconds() - self._asked_at < _KEPT_SECONDS:
            return self._keys
        return await self._asked()

    async def _asked(self) -> KeySet:
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, transport=self._transport) as client:
                answer = await client.get(self.issuer.jwks)
                answer.raise_for_status()
                self._keys = KeySet.import_key_set(answer.json())
        except (httpx.HTTPError, JoseError, ValueError, TypeError, KeyError) as error:
            _log.warning("gateway.issuer_down: %s", type(error).__name__)
            raise NotVerified(type(error).__name__) from None
        self._asked_at = self._seconds()
        return self._keys


def _is_bound_to(confirmation: object, thumbprint: str | None) -> bool:
    """Whether a token may be used by whoever came with this certificate: an unbound one by anybody."""
    if confirmation is None:
        return True
    wanted = confirmation.get("x5t#S256") if isinstance(confirmation, Mapping) else None
    if not isinstance(wanted, str) or thumbprint is None:
        return False
    return hmac.compare_digest(_bytes_of(wanted), _bytes_of(thumbprint)) and bool(_bytes_of(wanted))


def _bytes_of(thumbprint: str) -> bytes:
    """A SHA-256 as tokens write it (base64url) or as proxies do (hexadecimal, with colons or without)."""
    text = thumbprint.strip().replace(":", "")
    try:
        return bytes.fromhex(text) if len(text) == 64 else base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))  # noqa: PLR2004
    except (ValueError, binascii.Error):
        return b""
