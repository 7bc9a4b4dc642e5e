"""A provider of accounts for tests: as strict as a real one, in this process, with keys that can be changed."""

import base64
import hashlib
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

ISSUER = "https://login.example"
CLIENT = "safety-stream"
SECRET = "made-up"


class FakeProvider:
    """What it will say of the next person who signs in is `claims`, over what a right token says."""

    def __init__(self) -> None:
        self.claims: dict[str, object] = {}
        self.stated: dict[str, object] = {}
        self.down: set[str] = set()
        self.asked: list[str] = []
        self.waiting: dict[str, Mapping[str, str]] = {}
        self.new_key("first")
        self.signed_with: RSAKey | None = None
        self.algorithm = "RS256"

    def new_key(self, kid: str) -> None:
        """From now on it signs with another key, and knows no other."""
        self.key = RSAKey.generate_key(2048, {"kid": kid})

    @property
    def transport(self) -> httpx.ASGITransport:
        routes = [
            Route("/.well-known/openid-configuration", self._discovery),
            Route("/keys", self._keys),
            Route("/token", self._token, methods=["POST"]),
        ]
        return httpx.ASGITransport(Starlette(routes=routes))

    def authorise(self, url: str) -> str:
        """What somebody does there: returns the address they come back to, path and query."""
        assert url.startswith(f"{ISSUER}/authorise?")
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self.waiting)}"
        self.waiting[code] = asked
        back = urlsplit(asked["redirect_uri"])
        return f"{back.path}?code={code}&state={asked['state']}"

    async def _discovery(self, request: Request) -> Response:
        return self._answer(
            request,
            {
                "issuer": ISSUER,
                "authorization_endpoint": f"{ISSUER}/authorise",
                "token_endpoint": f"{ISSUER}/token",
                "jwks_uri": f"{ISSUER}/keys",
                "end_session_endpoint": f"{ISSUER}/leave",
                "id_token_signing_alg_values_supported": ["RS256", "none", "HS256"],
            }
            | self.stated,
        )

    async def _keys(self, request: Request) -> Response:
        return self._answer(request, {"keys": [self.key.as_dict(private=False)]})

    async def _token(self, request: Request) -> Response:
        form = await request.form()
        asked = self.waiting.pop(str(form["code"]), None)
        name_and_secret = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(str(form["code_verifier"]).encode()).digest())
        if (
            asked is None
            or request.headers["authorization"] != f"Basic {name_and_secret}"
            or form["redirect_uri"] != asked["redirect_uri"]
            or challenge.rstrip(b"=").decode() != asked["code_challenge"]
        ):
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": "1234",
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
        } | self.claims
        return self._answer(
            request,
            {"access_token": "opaque", "token_type": "Bearer", "expires_in": 300, "id_token": self._signed(claims)},
        )

    def _signed(self, claims: dict[str, Any]) -> str:
        if self.algorithm == "none":
            parts = (b'{"alg":"none","kid":"first"}', httpx.Response(200, json=claims).content)
            return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."
        key = self.signed_with or self.key
        return jwt.encode({"alg": self.algorithm, "kid": self.key.kid}, claims, key)

    def _answer(self, request: Request, value: dict[str, object]) -> Response:
        self.asked.append(request.url.path)
        return JSONResponse({}, status_code=500) if request.url.path in self.down else JSONResponse(value)
