"""Row `handed`: from an alert on its topic to a provider that has taken it, in milliseconds.

row_delivery.py BOOTSTRAP FOLDER SECONDS

`deliver` runs as it does everywhere, in a process of its own, and posts to web hooks that answer at once. Alerts come
at a steady pace, and every one has to arrive, once.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from confluent_kafka import KafkaError, Message, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from measured import Stopwatch, profile_if_asked, tell

from safety_stream.core.model.findings import Priority
from safety_stream.core.model.published import PublishedAlert
from safety_stream.delivery.database import open_database
from safety_stream.delivery.model import Subscription, subscription_id
from safety_stream.delivery.subscriptions import subscribe
from safety_stream.wire.codecs import shipped_codecs

RATE = 10
"""Alerts a second: a county has fewer in an hour."""

WARM_UP = 20
PATIENCE_SECONDS = 120.0
PRIORITIES: tuple[Priority, ...] = ("P1", "P2", "P3")


class Hooks:
    """Web hooks that take everything, and when each alert came to one."""

    def __init__(self) -> None:
        """Listen."""
        self.came_at: dict[str, float] = {}
        self.posts: Counter[str] = Counter()
        hooks = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                said = json.loads(self.rfile.read(int(self.headers["content-length"])))
                hooks.came_at.setdefault(said["data"]["reference"], time.time())
                hooks.posts[said["data"]["reference"]] += 1
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def wait_for(self, count: int) -> None:
        """Until so many alerts have come. Raises `AssertionError` when they do not."""
        until = time.monotonic() + PATIENCE_SECONDS
        while len(self.came_at) < count:
            assert time.monotonic() < until, f"{count} alerts were due and {len(self.came_at)} came"
            time.sleep(0.01)

    def check_once(self) -> None:
        """Raises `AssertionError` when an alert came more than once."""
        twice = sum(count > 1 for count in self.posts.values())
        assert not twice, f"{twice} alerts came twice"


def main(bootstrap: str, folder: Path, seconds: float) -> None:
    """Subscribe, deliver, and tell how long each alert took."""
    profile_if_asked()
    audience = f"bench-{time.time_ns()}"
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(f"alerts.{audience}", 1, 1)])[f"alerts.{audience}"].result(30)
    hooks = Hooks()
    with delivering(bootstrap, folder, audience, hooks, PRIORITIES):
        waits, watch = _measured(bootstrap, audience, hooks, int(RATE * seconds))
    hooks.check_once()
    tell(
        watch.result(
            len(waits), value=_quantile(waits, 0.99), p50_ms=_quantile(waits, 0.5), highest_ms=waits[-1], rate=RATE
        )
    )


@contextmanager
def delivering(
    bootstrap: str, folder: Path, audience: str, hooks: Hooks, priorities: Sequence[Priority]
) -> Iterator[int]:
    """The process id of `deliver` in a process of its own, with a subscription for each of these priorities."""
    outbox = f"sqlite:///{folder / 'delivery.sqlite'}"
    _subscribe(outbox, audience, hooks.url, priorities)
    settings = folder / "delivery.yaml"
    settings.write_text(
        f"link: https://alerts.example.invalid/\nwebhook: {{key: {'k' * 40}, private_addresses: true}}\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "safety_stream", "deliver", "--json", "--bootstrap", bootstrap]
    process = subprocess.Popen([*command, "--delivery", settings, "--outbox", outbox], stdout=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


def _subscribe(outbox: str, audience: str, url: str, priorities: Sequence[Priority]) -> None:
    engine = open_database(outbox)
    for priority in priorities:
        address = f"{url}/{priority}"
        subscribe(
            engine,
            Subscription(
                subscription_id=subscription_id(audience, "webhook", address, 0),
                audience=audience,
                channel="webhook",
                address=address,
                since=0,
                priorities=(priority,),
            ),
        )
    engine.dispose()


def _measured(bootstrap: str, audience: str, hooks: Hooks, count: int) -> tuple[list[int], Stopwatch]:
    """Milliseconds each alert took after the warm-up, sorted."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0, "acks": "all"})
    encode, appended_at, watch = shipped_codecs().encode, dict[str, float](), Stopwatch()

    def publish(seq: int) -> None:
        def appended(error: KafkaError | None, message: Message) -> None:
            assert error is None, str(error)
            appended_at[f"alert-{seq}"] = message.timestamp()[1] / 1_000

        producer.produce(f"alerts.{audience}", encode(_alert(audience, seq)), on_delivery=appended)
        producer.flush(10)

    for seq in range(1, WARM_UP + 1):
        publish(seq)
    hooks.wait_for(WARM_UP)
    watch.begin()
    began = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, began + number / RATE - time.monotonic()))
        publish(WARM_UP + 1 + number)
    hooks.wait_for(WARM_UP + count)
    watch.end()
    measured = [f"alert-{seq}" for seq in range(WARM_UP + 1, WARM_UP + 1 + count)]
    return sorted(round((hooks.came_at[one] - appended_at[one]) * 1_000) for one in measured), watch


def _alert(audience: str, seq: int) -> PublishedAlert:
    return PublishedAlert(
        seq=seq,
        audience=audience,
        alert_id=f"alert-{seq}",
        version=1,
        change="raised",
        as_of=time.time_ns() // 1_000_000,
        reason="new",
        title="Repeat victim",
        priority=PRIORITIES[seq % len(PRIORITIES)],
        notify=True,
    )


def _quantile(waits: list[int], share: float) -> int:
    return waits[min(len(waits) - 1, int(share * len(waits)))]


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]))
