"""Rows `inbox` and `viewers`: pages over 100,000 open alerts while 500 people look on, in milliseconds.

row_viewers.py FOLDER

`web` runs as it does everywhere, in a process of its own. The inbox is asked for whole, over HTTP: first alone, then
with 500 streams of `/events` open. Then alerts come one by one, and every viewer has to hear of every one.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

import httpx
import msgspec
from measured import Stopwatch, tell
from row_pages import ALERTS, BATCH, made
from sqlalchemy import Engine

from safety_stream.readmodel.database import migrate, open_database, url_of_file
from safety_stream.readmodel.projection import TopicRecord, apply

VIEWERS: Final = 500
NEWS: Final = 20
VIEWS: Final = 50
AUDIENCE: Final = "duty-officer"
PERSON: Final = "dev-duty-officer"
PATIENCE_SECONDS: Final = 60.0


def main(folder: Path) -> None:
    """Fill, serve, look on."""
    file = folder / "pages.sqlite"
    engine = open_database(url_of_file(file))
    migrate(engine)
    for start in range(0, ALERTS, BATCH):
        with engine.begin() as connection:
            apply(connection, _records(start, BATCH))
    server, url = _served(file)
    try:
        with httpx.Client(base_url=url, follow_redirects=True, timeout=PATIENCE_SECONDS) as client:
            _sign_in(client)
            alone = _views(client)
            watch = Stopwatch()
            watch.begin()
            heard, watched = asyncio.run(_with_viewers(url, client, engine))
            watch.end()
    finally:
        server.terminate()
        server.wait(30)
    waits = sorted(heard)
    assert len(waits) == VIEWERS * NEWS, f"{VIEWERS * NEWS} events were due and {len(waits)} came"
    tell(
        watch.result(
            len(waits),
            alone_ms=median(alone),
            watched_ms=median(watched),
            slowest_ms=max(*alone, *watched),
            p50_ms=_quantile(waits, 0.5),
            p99_ms=_quantile(waits, 0.99),
            highest_ms=waits[-1],
        )
    )


def _records(start: int, count: int) -> list[TopicRecord]:
    return [
        TopicRecord(f"alerts.{AUDIENCE}", 0, one.seq - 1, msgspec.structs.replace(one, audience=AUDIENCE))
        for one in made(start, count)
    ]


def _served(file: Path) -> tuple[subprocess.Popen[str], str]:
    """The pages, once they answer, and where."""
    command = [sys.executable, "-m", "safety_stream", "web", "--read-only", "--port", "18080", "--json"]
    server = subprocess.Popen(
        [*command, "--database", f"sqlite:///{file}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True
    )
    url = "http://127.0.0.1:18080"
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            httpx.get(f"{url}/sign-in").raise_for_status()
        except httpx.TransportError:
            assert server.poll() is None, "the pages ended"
            assert time.monotonic() < until, "the pages do not answer"
            time.sleep(0.1)
        else:
            return server, url


def _sign_in(client: httpx.Client) -> None:
    found = re.search(r'name="csrf" value="([^"]+)"', client.get("/sign-in").text)
    assert found is not None
    client.post("/sign-in", data={"csrf": found[1], "person": PERSON}).raise_for_status()


def _views(client: httpx.Client) -> list[float]:
    """Milliseconds of each of many looks at the inbox, after one that does not count."""
    client.get("/inbox").raise_for_status()
    views = []
    for _ in range(VIEWS):
        began = time.perf_counter()
        shown = client.get("/inbox").raise_for_status()
        assert shown.url.path == "/inbox", "somebody has to sign in again"
        views.append((time.perf_counter() - began) * 1_000)
    return views


async def _with_viewers(url: str, client: httpx.Client, engine: Engine) -> tuple[list[int], list[float]]:
    """When each viewer heard of each alert, in milliseconds after it was there; and looks at the inbox meanwhile."""
    cookie = f"session={client.cookies['session']}"
    there_at: dict[int, float] = {}
    heard: list[int] = []
    host, _, port = url.removeprefix("http://").partition(":")
    ready = asyncio.Semaphore(0)
    viewers = [asyncio.create_task(_viewer(host, int(port), cookie, ready, there_at, heard)) for _ in range(VIEWERS)]
    for _ in range(VIEWERS):
        await asyncio.wait_for(ready.acquire(), PATIENCE_SECONDS)
    watched = await asyncio.to_thread(_views, client)
    for number in range(NEWS):
        await asyncio.to_thread(_tell_one, engine, ALERTS + number, there_at)
        await asyncio.sleep(0.7)
    await asyncio.wait_for(asyncio.gather(*viewers), PATIENCE_SECONDS)
    return heard, watched


def _tell_one(engine: Engine, start: int, there_at: dict[int, float]) -> None:
    with engine.begin() as connection:
        # It may be heard of before this very process goes on.
        there_at[start + 1] = time.time()
        apply(connection, _records(start, 1))
    there_at[start + 1] = time.time()


async def _viewer(
    host: str, port: int, cookie: str, ready: asyncio.Semaphore, there_at: dict[int, float], heard: list[int]
) -> None:
    """One who hears of every alert that comes, and leaves."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(f"GET /events HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n".encode())
    await writer.drain()
    assert b"200" in await reader.readline()
    await reader.readuntil(b"\r\n\r\n")
    ready.release()
    seen = 0
    while seen < NEWS:
        line = await reader.readline()
        if line.startswith(b"id: "):
            heard.append(max(0, round((time.time() - there_at[int(line[4:])]) * 1_000)))
            seen += 1
    writer.close()


def _quantile(waits: Sequence[int], share: float) -> int:
    return waits[min(len(waits) - 1, int(share * len(waits)))]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
