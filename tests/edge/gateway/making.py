"""A gateway with partners of its own, over a fake broker, and what is sent to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from safety_stream.core.model.times import Instant
from safety_stream.edge.canonical import instant_of
from safety_stream.edge.gateway.app import OUTCOMES, Gateway, make_app
from safety_stream.edge.gateway.broker import Broker
from safety_stream.edge.gateway.partners import BEGIN, Partners, PartnersFile
from safety_stream.edge.gateway.receipts import open_book
from safety_stream.edge.gateway.tokens import Tokens
from safety_stream.keyring import new_key
from safety_stream.observability.metrics import GatewayMetrics
from safety_stream.testing.broker import FakeBroker

NOW = instant_of("2026-03-02T12:00:00Z")
KEY = new_key(BEGIN, "council")
SECOND_KEY = new_key(BEGIN, "council")
POLICE_KEY = new_key(BEGIN, "police")


def partners(**changes: Any) -> Partners:
    keys = [
        {"prefix": KEY.prefix, "sha256": KEY.sha256, "expires": "2026-03-02"},
        {"prefix": SECOND_KEY.prefix, "sha256": SECOND_KEY.sha256, "expires": "2026-06-30"},
    ]
    police = [{"prefix": POLICE_KEY.prefix, "sha256": POLICE_KEY.sha256, "expires": "2026-06-30"}]
    council = {"id": "council", "sources": ["council-asb", "housing"], "per_minute": 600, "keys": keys}
    others = {"id": "police", "sources": ["police-incidents"], "keys": police}
    return Partners(PartnersFile.model_validate({"partners": [council | changes, others]}))


def report(**changes: Any) -> dict[str, Any]:
    return {
        "source": "council-asb",
        "source_ref": "case-1",
        "source_version": 1,
        "action": "new",
        "kind": "asb-case",
        "category": "asb-noise",
        "occurred_from": "2026-03-01T09:00:00Z",
        "reported_at": "2026-03-01T09:30:00Z",
        "parties": [{"role": "victim", "token": "tok-a"}],
    } | changes


class Site:
    """A gateway, its broker, its clocks, and a client that has the council's key."""

    def __init__(self, client: TestClient, broker: Any, metrics: GatewayMetrics, clock: Clock) -> None:
        self.client = client
        self.broker = broker
        self.metrics = metrics
        self.clock = clock

    def send(self, body: Any, path: str = "/v1/reports", key: str = KEY.key, **headers: str) -> Any:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        stated = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(path, content=content, headers=stated | named)

    def get(self, path: str, key: str = KEY.key, **params: Any) -> Any:
        return self.client.get(path, params=params, headers={"Authorization": f"Bearer {key}"})


class Clock:
    """Two clocks that go on when they are told."""

    def __init__(self) -> None:
        self.wall: Instant = NOW
        self.seconds = 0.0

    def pass_by(self, seconds: float) -> None:
        self.wall += round(seconds * 1_000)
        self.seconds += seconds


def gateway_over(
    url: str | Path,
    broker: Broker | None = None,
    known: Partners | None = None,
    tokens: Tokens | None = None,
    clock: Clock | None = None,
) -> Gateway:
    """A gateway over the database at a URL, or in a folder."""
    clock = clock or Clock()
    where = f"sqlite:///{url}/receipts.sqlite" if isinstance(url, Path) else url
    standing = known or partners()
    return Gateway(
        partners=lambda: standing,
        broker=broker or FakeBroker(),
        book=open_book(where, lambda: clock.wall),
        metrics=GatewayMetrics(OUTCOMES),
        wall=lambda: clock.wall,
        seconds=lambda: clock.seconds,
        tokens=tokens,
    )


@contextmanager
def serving(
    url: str | Path,
    broker: Broker | None = None,
    known: Partners | None = None,
    tokens: Tokens | None = None,
    clock: Clock | None = None,
) -> Iterator[Site]:
    """The same, answering."""
    clock = clock or Clock()
    gateway = gateway_over(url, broker, known, tokens, clock)
    with TestClient(make_app(gateway)) as client:
        yield Site(client, gateway.broker, gateway.metrics, clock)
