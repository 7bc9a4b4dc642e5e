"""What pages answer is counted, however it ends, and nothing that is looked at is named."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from tests.observability.test_delivery_metrics import figures

from safety_stream.cli.counted import STREAM, Counted
from safety_stream.observability.metrics import WebMetrics


def viewers(metrics: WebMetrics) -> float:
    return figures(metrics)["safety_stream_web_viewers{}"]


def answers(metrics: WebMetrics, status: str) -> float:
    return figures(metrics)[f"safety_stream_web_answers_total{{'status': '{status}'}}"]


def browser(metrics: WebMetrics, seen: list[float]) -> TestClient:
    def page(_: Request) -> PlainTextResponse:
        seen.append(viewers(metrics))
        return PlainTextResponse("a page")

    def broken(_: Request) -> PlainTextResponse:
        raise RuntimeError("gone")

    app = Starlette(routes=[Route("/inbox", page), Route(STREAM, page), Route("/broken", broken)])
    # Each look at the clock is a second later.
    ticks = count()
    return TestClient(Counted(app, metrics, lambda: float(next(ticks))), raise_server_exceptions=False)


def test_answers_are_counted_by_class_and_timed_to_their_beginning():
    metrics = WebMetrics()
    with browser(metrics, []) as client:
        assert [client.get(path).status_code for path in ("/inbox", "/nowhere", "/broken")] == [200, 404, 500]

    assert [answers(metrics, status) for status in ("2xx", "3xx", "4xx", "5xx")] == [1, 0, 1, 1]
    assert figures(metrics)["safety_stream_web_answer_seconds_sum{}"] == 3
    assert figures(metrics)["safety_stream_web_answer_seconds_count{}"] == 3


def test_who_looks_on_is_counted_while_they_look():
    metrics, seen = WebMetrics(), []
    with browser(metrics, seen) as client:
        client.get(STREAM)
        client.get("/inbox")

    assert (seen, viewers(metrics)) == ([1, 0], 0)


def test_who_is_gone_before_an_answer_looks_on_no_more_and_has_failed():
    metrics = WebMetrics()

    async def fails(*_: Any) -> None:
        raise RuntimeError("gone")

    with pytest.raises(RuntimeError, match="gone"):
        asyncio.run(Counted(fails, metrics, lambda: 0.0)({"type": "http", "path": STREAM}, fails, fails))

    assert (viewers(metrics), answers(metrics, "5xx")) == (0, 1)


def test_labels_are_words_of_closed_lists():
    labels = {name for family in WebMetrics().registry.collect() for one in family.samples for name in one.labels}

    assert labels <= {"status", "le"}
