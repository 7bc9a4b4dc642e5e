"""The organisation's own sign-in, by OpenID Connect: authorization code with PKCE, state and nonce, keys by discovery.

What comes back is believed when everything about it is right, and nobody is signed in otherwise: issuer, audience,
nonce, signature, time. What was wrong is in the log by its kind alone; people are told to begin again.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Mapping
from typing import Any, Final, cast

import httpx
from authlib.deprecate import AuthlibDeprecationWarning
from starlette.requests import Request
from starlette.responses import Response

from safety_stream.web.sign_in import SignInSettings

with warnings.catch_warnings():
    # It would rather have httpx2; the extra rests on httpx, as the tests' own client does.
    warnings.simplefilter("ignore", AuthlibDeprecationWarning)
    from authlib.integrations.starlette_client import OAuth

_log = logging.getLogger(__name__)

BACK: Final = "/sign-in/back"
"""Where the provider sends people back to; register it there, after the address of these pages."""

_TIMEOUT_SECONDS: Final = 10.0
_KEPT_SECONDS: Final = 3_600.0
"""How long what the provider says of itself is believed. A key it has not named yet is asked for at once."""

_LEEWAY_SECONDS: Final = 60
"""By how much its clock and ours may differ."""


class ProviderDown(Exception):
    """The provider does not answer, or not as one does."""


class NotBelieved(Exception):
    """What came back is not what a sign-in that began here ends with."""


class Provider:
    """One provider, as the settings name it."""

    def __init__(self, settings: SignInSettings, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """Ask it over the network, or by this transport. Nothing is asked yet."""
        self._settings = settings
        self._transport = transport
        self._client = self._made()

    async def begin(self, request: Request) -> Response:
        """To the provider. Raises `ProviderDown`."""
        client = await self._ready()
        return cast(Response, await client.authorize_redirect(request, self._settings.origin + BACK))

    async def finish(self, request: Request) -> Mapping[str, object]:
        """What the provider says of who came back. Raises `ProviderDown` and `NotBelieved`."""
        client = await self._ready()
        expected = {
            "iss": {"essential": True, "value": self._settings.issuer},
            "aud": {"essential": True, "value": self._settings.client_id},
        }
        try:
            token = await client.authorize_access_token(request, claims_options=expected, leeway=_LEEWAY_SECONDS)
            return cast(Mapping[str, object], token["userinfo"])
        except httpx.HTTPError as error:
            raise ProviderDown(type(error).__name__) from None
        except Exception as error:  # noqa: BLE001 - nobody is signed in by what was not foreseen
            _log.warning("web.sign_in_not_believed: %s", type(error).__name__)
            raise NotBelieved(type(error).__name__) from None

    async def leave(self) -> str | None:
        """Where somebody signs out of the provider, too; None where it has no such place. Raises `ProviderDown`."""
        client = await self._ready()
        if not client.server_metadata.get("end_session_endpoint"):
            return None
        back = f"{self._settings.origin}/sign-in"
        made = await client.create_logout_url(back, client_id=self._settings.client_id)
        return cast(str, made["url"])

    async def _ready(self) -> Any:  # noqa: ANN401 - authlib has no types
        """The client, knowing what its provider says of itself. Raises `ProviderDown`."""
        loaded_at = self._client.server_metadata.get("_loaded_at")
        if loaded_at is not None and time.time() - loaded_at > _KEPT_SECONDS:
            self._client = self._made()
        client = self._client
        try:
            metadata = await client.load_server_metadata()
        except (httpx.HTTPError, ValueError, TypeError) as error:
            _log.warning("web.sign_in_provider_down: %s", type(error).__name__)
            raise ProviderDown(type(error).__name__) from None
        if metadata.get("issuer") != self._settings.issuer:
            _log.warning("web.sign_in_provider_down: it says that it is another issuer than the settings do")
            self._client = self._made()
            raise ProviderDown("issuer")
        return client

    def _made(self) -> Any:  # noqa: ANN401 - as above
        secret = self._settings.client_secret
        known: dict[str, object] = {
            "scope": " ".join(self._settings.scopes),
            "code_challenge_method": "S256",
            "timeout": _TIMEOUT_SECONDS,
        }
        if secret is None:
            known["token_endpoint_auth_method"] = "none"  # noqa: S105 - the name of a method
        if self._transport is not None:
            known["transport"] = self._transport
        return OAuth().register(
            "provider",
            server_metadata_url=self._settings.issuer.rstrip("/") + "/.well-known/openid-configuration",
            client_id=self._settings.client_id,
            client_secret=None if secret is None else secret.get_secret_value(),
            client_kwargs=known,
        )
