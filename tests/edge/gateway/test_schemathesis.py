"""What the gateway says of itself to machines is so: schemathesis sends what fits and what does not."""

from __future__ import annotations

from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from tests.edge.gateway.making import SECOND_KEY, Clock, partners

from safety_stream.edge.gateway.app import OUTCOMES, Gateway, make_app, made
from safety_stream.edge.gateway.receipts import open_book
from safety_stream.observability.metrics import GatewayMetrics
from safety_stream.testing.broker import FakeBroker

schema = schemathesis.pytest.from_fixture("described")


@pytest.fixture
def described(tmp_path: Path):
    clock = Clock()
    standing = partners(per_minute=10_000_000)
    gateway = Gateway(
        partners=lambda: standing,
        broker=FakeBroker(keeps=False),
        book=open_book(f"sqlite:///{tmp_path}/receipts.sqlite", lambda: clock.wall),
        metrics=GatewayMetrics(OUTCOMES),
        wall=lambda: clock.wall,
        seconds=lambda: clock.seconds,
    )
    loaded = schemathesis.openapi.from_asgi("/v1/openapi.json", made(gateway))
    loaded.app = make_app(gateway)
    return loaded


@schema.parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_is_described_is_what_is_done(case: schemathesis.Case):
    case.call_and_validate(headers={"Authorization": f"Bearer {SECOND_KEY.key}"})
