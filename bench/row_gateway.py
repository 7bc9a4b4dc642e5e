"""Rows `gateway`, `gateway-alone` and `gateway-kafka`: reports through the gateway for each second of one core.

row_gateway.py FOLDER REPORTS A_REQUEST [BOOTSTRAP]

The application is called as its server would call it, in this process, by many at once: key, limits, the canonical
reader, Avro, the broker's acknowledgement, and a receipt in SQLite that is safe on disk before the answer. Without
BOOTSTRAP the broker is a fake that acknowledges at once. Sockets and TLS are not measured.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from confluent_kafka.admin import AdminClient, NewTopic
from measured import Stopwatch, profile_if_asked, tell
from safety_stream.edge.gateway.keys import new_key
from starlette.types import ASGIApp, Message

from safety_stream.config import Connection
from safety_stream.edge.gateway.app import OUTCOMES, Gateway, make_app
from safety_stream.edge.gateway.broker import Broker, KafkaBroker
from safety_stream.edge.gateway.openapi import EXAMPLE
from safety_stream.edge.gateway.partners import Partners, PartnersFile
from safety_stream.edge.gateway.receipts import Book, open_book
from safety_stream.observability.metrics import GatewayMetrics
from safety_stream.testing.broker import FakeBroker

AT_ONCE = 64
WARM_UP = 20
SOURCE = str(EXAMPLE["source"])


def main(folder: Path, reports: int, a_request: int, bootstrap: str | None) -> None:
    """Send reports in so many requests, and tell how long that took."""
    profile_if_asked()
    key = new_key("bench")
    line = {"prefix": key.prefix, "sha256": key.sha256, "expires": "2999-12-31"}
    partner = {"id": "bench", "sources": [SOURCE], "per_minute": 10_000_000, "keys": [line]}
    known = Partners(PartnersFile.model_validate({"partners": [partner]}))
    broker: Broker = FakeBroker(keeps=False) if bootstrap is None else _kafka(bootstrap)
    book = open_book(f"sqlite:///{folder / 'receipts.sqlite'}", _wall)
    app = make_app(
        Gateway(
            partners=lambda: known,
            broker=broker,
            book=book,
            metrics=GatewayMetrics(OUTCOMES),
            wall=_wall,
            seconds=time.monotonic,
        )
    )
    headers = [(b"authorization", f"Bearer {key.key}".encode()), (b"content-type", b"application/json")]
    asyncio.run(_measured(app, broker, book, headers, reports // a_request, a_request))


def _kafka(bootstrap: str) -> Broker:
    topic = f"partner.{SOURCE}"
    admin = AdminClient({"bootstrap.servers": bootstrap})
    if topic not in admin.list_topics(timeout=10).topics:
        admin.create_topics([NewTopic(topic, 4, 1)])[topic].result(30)
    return KafkaBroker(Connection(bootstrap), 30)


async def _measured(
    app: ASGIApp, broker: Broker, book: Book, headers: list[Any], requests: int, a_request: int
) -> None:
    broker.start()
    book.start()
    watch = Stopwatch()
    bodies = _bodies(requests + WARM_UP, a_request)
    await _all(app, headers, [next(bodies) for _ in range(WARM_UP)])
    ready = list(bodies)
    watch.begin()
    await _all(app, headers, ready)
    watch.end()
    result: dict[str, Any] = watch.result(requests * a_request, a_request=a_request, at_once=AT_ONCE)
    broker.close()
    book.close()
    # By CPU and not by the clock: most of the time is waiting for the disk, in which another gateway could work.
    tell(result | {"value": result["records"] / result["cpu_seconds"]})


async def _all(app: ASGIApp, headers: list[Any], bodies: list[bytes]) -> None:
    left = iter(bodies)

    async def worker() -> None:
        for body in left:
            await _send(app, headers, body)

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))


async def _send(app: ASGIApp, headers: list[Any], body: bytes) -> None:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            assert message["status"] == 202, message

    path = "/v1/reports"
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http"}
    scope |= {"path": path, "raw_path": path.encode(), "query_string": b"", "headers": list(headers), "root_path": ""}
    scope |= {"client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8090)}
    await app(scope, receive, send)


def _bodies(requests: int, a_request: int) -> Iterator[bytes]:
    number = time.time_ns()
    for _ in range(requests):
        reports = [_report(number := number + 1) for _ in range(a_request)]
        yield json.dumps(reports if a_request > 1 else reports[0]).encode()


def _report(number: int) -> dict[str, object]:
    return {
        **EXAMPLE,
        "source_ref": f"case-{number}",
        "place": {"uprn": "100012345678", "easting": 384_000, "northing": 432_000},
        "parties": [{"role": "victim", "token": f"{number:032x}"}, {"role": "suspect", "token": f"{number:064x}"}],
    }


def _wall() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] if len(sys.argv) > 4 else None)
