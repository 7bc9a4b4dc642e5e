"""What the gateway says of itself to machines is so: schemathesis sends what fits and what does not.

Driven by hand, because its own plug-in does not go with tests in random order.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from tests.edge.gateway.making import SECOND_KEY, gateway_over, partners, serving

from safety_stream.edge.gateway.app import ACTIONS, make_app

ADDRESSES = [
    ("/v1/reports", "POST"),
    *((f"/v1/reports/{{ref}}/{last}", "POST") for last in ACTIONS),
    ("/v1/receipts", "GET"),
    ("/v1/receipts/{receipt_id}", "GET"),
    ("/v1/health", "GET"),
]


def test_every_address_is_described(tmp_path: Path):
    with serving(tmp_path) as site:
        paths = site.client.get("/v1/openapi.json").json()["paths"]

    assert [(path, method.upper()) for path, one in paths.items() for method in one] == ADDRESSES


@pytest.mark.parametrize(
    ("path", "method", "mode"),
    # Health is asked nothing: there is no wrong way to.
    [(*one, mode) for one in ADDRESSES for mode in GenerationMode if one[0] != "/v1/health" or mode.is_positive],
)
def test_what_is_described_is_what_is_done(tmp_path: Path, path: str, method: str, mode: GenerationMode):
    app = make_app(gateway_over(tmp_path, known=partners(per_minute=10_000_000)))
    # A report is held against more than JSON Schema can say: its address, its source's schema for details.
    excluded = [positive_data_acceptance] if method == "POST" else []
    operation = schemathesis.openapi.from_asgi("/v1/openapi.json", app)[path][method]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    def check(case: Any) -> None:
        case.call_and_validate(headers={"Authorization": f"Bearer {SECOND_KEY.key}"}, excluded_checks=excluded)

    check()
