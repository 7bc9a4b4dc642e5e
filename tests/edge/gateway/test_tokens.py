"""OAuth 2: a token is believed when everything about it is right, and by whoever has its certificate."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from tests.edge.gateway.making import NOW, Clock, Site, report, serving

from safety_stream.edge.gateway.partners import IssuerLine, Partners, PartnersFile
from safety_stream.edge.gateway.tokens import Tokens

ISSUER = "https://issuer.example.invalid"
SIGNER, STRANGER, NEXT = (RSAKey.generate_key(2048, {"kid": kid}) for kid in ("one", "one", "two"))
THUMBPRINT = hashlib.sha256(b"a certificate").digest()
LINE = IssuerLine(
    url=ISSUER, audience="gateway", jwks=f"{ISSUER}/keys", thumbprint_header="X-Client-Certificate-SHA256"
)
PARTNERS = Partners(
    PartnersFile(issuer=LINE, partners=[{"id": "council", "sources": ["council-asb"], "client_id": "council-client"}])
)


class Issuer:
    """An issuer that may be down; it counts how often it is asked."""

    def __init__(self) -> None:
        self.keys = [SIGNER]
        self.asked = 0
        self.is_up = True

    def __call__(self, _: httpx.Request) -> httpx.Response:
        self.asked += 1
        if not self.is_up:
            return httpx.Response(500)
        return httpx.Response(200, json={"keys": [one.as_dict(private=False) for one in self.keys]})


def token(key: Any = SIGNER, algorithm: str = "RS256", **changes: Any) -> str:
    claims = {"iss": ISSUER, "aud": "gateway", "exp": NOW // 1_000 + 300, "client_id": "council-client"} | changes
    claims = {name: one for name, one in claims.items() if one is not None}
    return jwt.encode({"alg": algorithm, "kid": "two" if key is NEXT else "one"}, claims, key)


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def site(tmp_path: Path, issuer: Issuer):
    clock = Clock()
    tokens = Tokens(LINE, lambda: clock.wall, lambda: clock.seconds, httpx.MockTransport(issuer))
    with serving(tmp_path, known=PARTNERS, tokens=tokens, clock=clock) as one:
        yield one


def status(site: Site, brought: str, **headers: str) -> int:
    return site.send(report(), key=brought, **headers).status_code


def test_a_token_of_the_issuers_lets_its_client_in(site: Site):
    assert status(site, token()) == 202
    assert status(site, token(client_id=None, sub="council-client")) == 202
    assert site.send(report(source="housing"), key=token()).status_code == 403


@pytest.mark.parametrize(
    "brought",
    [
        token(STRANGER),
        token(iss="https://other.example.invalid"),
        token(aud="another"),
        token(aud=None),
        token(iss=None),
        token(exp=NOW // 1_000 - 61),
        token(exp=None),
        token(nbf=NOW // 1_000 + 100),
        token(client_id="somebody"),
        token(OctKey.import_key("k" * 32), "HS256"),
        token()[:-4],
        "a.b.c",
        "\u00e9",
        "eyJhbGciOiJub25lIn0.e30.",
    ],
)
def test_no_other_token_lets_anybody_in(site: Site, brought: str):
    answer = site.client.post(
        "/v1/reports", json=report(), headers={b"authorization": b"Bearer " + brought.encode("latin-1")}
    )
    assert answer.status_code == 401


def test_a_token_bound_to_a_certificate_is_for_whoever_has_it(site: Site):
    bound = token(cnf={"x5t#S256": base64.urlsafe_b64encode(THUMBPRINT).rstrip(b"=").decode()})

    assert status(site, bound) == 401
    assert status(site, bound, x_client_certificate_sha256="0" * 64) == 401
    assert status(site, bound, x_client_certificate_sha256="") == 401
    assert status(site, bound, x_client_certificate_sha256=THUMBPRINT.hex()) == 202
    assert status(site, bound, x_client_certificate_sha256=THUMBPRINT.hex(":").upper()) == 202
    twice = [("X-Client-Certificate-SHA256", THUMBPRINT.hex()), ("X-Client-Certificate-SHA256", "0" * 64)]
    twice.append(("Authorization", f"Bearer {bound}"))
    assert site.client.post("/v1/reports", json=report(), headers=twice).status_code == 401
    assert status(site, token(cnf={"x5t#S256": ""}), x_client_certificate_sha256="") == 401
    assert status(site, token(cnf={"jkt": "other"}), x_client_certificate_sha256=THUMBPRINT.hex()) == 401


def test_an_issuer_that_is_down_is_no_judgement(site: Site, issuer: Issuer):
    issuer.is_up = False
    assert status(site, token()) == 503
    issuer.is_up = True
    assert status(site, token()) == 202


def test_its_keys_are_asked_for_seldom_and_a_new_one_is_found(site: Site, issuer: Issuer):
    assert [status(site, token()) for _ in range(3)] == [202] * 3
    issuer.keys = [SIGNER, NEXT]
    assert (status(site, token(NEXT)), issuer.asked) == (401, 1)
    site.clock.pass_by(61)
    assert (status(site, token(NEXT)), issuer.asked) == (202, 2)
