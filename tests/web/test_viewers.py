"""Viewers of the stream: one that reads no more, one that leaves, and a database that goes away under all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from tests.web.conftest import Pages
from tests.web.filling import NOW, alert
from tests.web.test_live import site_of

from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.model.times import HOUR
from safety_stream.readmodel.projection import TopicRecord, apply
from safety_stream.web import live
from safety_stream.web.live import FEED_AT_MOST, Stream, Tide, events, news_after
from safety_stream.web.site import Site

FIRST = 30
SCOPE = {"type": "http", "method": "GET", "path": "/events", "headers": [], "asgi": {"version": "3.0"}}


class Viewer:
    """Somebody with a stream open. One that is stuck takes the headers and never takes anything again."""

    def __init__(self, *, is_stuck: bool, leaves_after: int = 0) -> None:
        self.is_stuck = is_stuck
        self.leaves_after = leaves_after
        self.heard: list[int] = []
        self.offered = 0
        self.was_offered = asyncio.Event()
        self.has_the_first = asyncio.Event()
        self.gone = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            return
        self.offered += 1
        self.was_offered.set()
        if self.is_stuck:
            await asyncio.Event().wait()
        for line in message["body"].decode().splitlines():
            if line.startswith("id: "):
                self.heard.append(int(line[4:]))
        if len(self.heard) >= FIRST:
            self.has_the_first.set()
        if self.leaves_after and len(self.heard) >= self.leaves_after:
            self.gone.set()


def told(count: int, first: int = 1) -> list[PublishedAlert]:
    return [alert(seq) for seq in range(first, first + count)]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """From which numbers the feed was read on."""
    numbers: list[int] = []

    def counted(site: Site, person: Any, after: int) -> live.News:
        numbers.append(after)
        return news_after(site, person, after)

    monkeypatch.setattr(live, "news_after", counted)
    return numbers


def test_a_stuck_viewer_holds_up_nobody_and_is_asked_for_once(
    tmp_path: Path, asked: list[int], make_pages: Callable[..., Pages]
):
    person = make_pages().site.by_id["dev-duty-officer"]
    site, close = site_of(tmp_path / "copy.sqlite", told(FIRST))
    more = 3 * FEED_AT_MOST

    async def watch() -> tuple[list[Viewer], Viewer]:
        tide = Tide(site.read_model.newest_seq, every=0)
        stuck = [Viewer(is_stuck=True) for _ in range(20)]
        well = Viewer(is_stuck=False, leaves_after=FIRST + more)
        streams = [
            asyncio.create_task(Stream(events(tide, site, person, 0))(SCOPE, one.receive, one.send))
            for one in [*stuck, well]
        ]
        await asyncio.gather(well.has_the_first.wait(), *(one.was_offered.wait() for one in stuck))
        with site.read_model._engine.begin() as connection:
            apply(
                connection, [TopicRecord("alerts.duty-officer", 0, one.seq, one) for one in told(more, first=FIRST + 1)]
            )
        await streams[-1]
        # Everything was told to whoever reads; those who do not are where they were.
        assert not any(one.done() for one in streams[:-1])
        for one in streams[:-1]:
            one.cancel()
        await asyncio.gather(*streams, return_exceptions=True)
        assert not any(tide._waiting.values())
        return stuck, well

    try:
        stuck, well = asyncio.run(watch())
    finally:
        close()
    assert well.heard == list(range(1, FIRST + more + 1))
    # One event was offered to each, and no look was taken for any of them but the first, which they shared.
    assert [one.offered for one in stuck] == [1] * 20
    assert asked == [0, *range(FIRST, FIRST + more, FEED_AT_MOST)]


@pytest.mark.parametrize("why", ["its time is over", "it was signed out of"])
def test_a_stream_ends_with_a_word_when_its_session_has_ended(
    tmp_path: Path, make_pages: Callable[..., Pages], monkeypatch: pytest.MonkeyPatch, why: str
):
    person = make_pages().site.by_id["dev-duty-officer"]
    site, close = site_of(tmp_path / "copy.sqlite", told(2))
    clock = [NOW]
    site = replace(site, wall=lambda: clock[0])
    # Nothing is waited for, so that a look takes no time of this machine's.
    monkeypatch.setattr(live, "SESSION_LOOKED_EVERY", 0)
    if why == "it was signed out of":
        site.ended_sessions.end("another", NOW + HOUR, NOW)

    async def watch() -> list[str | None]:
        tide = Tide(site.read_model.newest_seq, every=0)
        heard: list[str | None] = []
        async for event in live.while_signed_in(site, "mine", NOW + HOUR, events(tide, site, person, 0)):
            heard.append(event.event)
            if len(heard) == 2:
                # From here on nothing comes any more.
                if why == "its time is over":
                    clock[0] = NOW + HOUR
                else:
                    site.ended_sessions.end("mine", NOW + HOUR, NOW)
        assert not any(tide._waiting.values())
        return heard

    try:
        assert asyncio.run(asyncio.wait_for(watch(), 60)) == ["alert", "alert", "ended"]
    finally:
        close()


def test_who_leaves_takes_the_look_from_nobody(tmp_path: Path, asked: list[int], make_pages: Callable[..., Pages]):
    person = make_pages().site.by_id["dev-duty-officer"]
    elsewhere = make_pages().site.by_id["dev-duty-officer-west"]
    site, close = site_of(tmp_path / "copy.sqlite", told(5))

    async def watch() -> list[int]:
        tide = Tide(site.read_model.newest_seq, every=0)
        leaves, stays, other = (asyncio.create_task(tide.look(site, who, 0)) for who in (person, person, elsewhere))
        await asyncio.sleep(0)
        leaves.cancel()
        (found, reached), (fewer, _) = await asyncio.gather(stays, other)
        assert not tide._looking
        return [reached, len(found), len(fewer)]

    try:
        reached, found, fewer = asyncio.run(watch())
    finally:
        close()
    # Others' areas are another look.
    assert (reached, found) == (5, 5)
    assert fewer < 5
    assert asked == [0, 0]


def test_a_stuck_viewer_is_let_go_and_goes_on_where_it_stopped(
    tmp_path: Path, make_pages: Callable[..., Pages], monkeypatch: pytest.MonkeyPatch
):
    person = make_pages().site.by_id["dev-duty-officer"]
    site, close = site_of(tmp_path / "copy.sqlite", told(5))

    async def watch() -> list[int]:
        tide = Tide(site.read_model.newest_seq, every=0)
        stuck, back = Viewer(is_stuck=True), Viewer(is_stuck=False, leaves_after=5)
        # It ends by itself, though the viewer never leaves, and no failure is heard of.
        with monkeypatch.context() as patched:
            patched.setattr(live, "STUCK_SECONDS", 0)
            await Stream(events(tide, site, person, 0))(SCOPE, stuck.receive, stuck.send)
        await Stream(events(tide, site, person, 0))(SCOPE, back.receive, back.send)
        return back.heard

    try:
        assert asyncio.run(watch()) == [1, 2, 3, 4, 5]
    finally:
        close()


def test_what_waits_for_a_stuck_viewer_are_events_and_no_alerts(tmp_path: Path, make_pages: Callable[..., Pages]):
    person = make_pages().site.by_id["dev-duty-officer"]
    site, close = site_of(tmp_path / "copy.sqlite", told(FEED_AT_MOST + 5))
    try:
        found, reached = live._look(site, person, 0)
        assert (len(found), reached) == (FEED_AT_MOST, FEED_AT_MOST)
        assert sum(len(str(event.data)) for event in found) < 100_000
    finally:
        close()


@pytest.mark.parametrize("fails", ["the newest number", "the look"])
def test_a_database_that_goes_away_ends_streams_and_costs_no_alert(
    tmp_path: Path, make_pages: Callable[..., Pages], monkeypatch: pytest.MonkeyPatch, fails: str
):
    person = make_pages().site.by_id["dev-duty-officer"]
    site, close = site_of(tmp_path / "copy.sqlite", told(5))

    def gone(*_: object) -> int:
        raise OperationalError("SELECT", {}, ConnectionError("it went away"))

    async def watch() -> list[int]:
        first, back = Viewer(is_stuck=False), Viewer(is_stuck=False, leaves_after=5)
        # It never leaves: the stream ends by itself, and as one that ends, with no failure of the server's.
        with monkeypatch.context() as patched:
            newest = gone if fails == "the newest number" else site.read_model.newest_seq
            if fails == "the look":
                patched.setattr(live, "news_after", gone)
            await Stream(events(Tide(newest, every=0), site, person, 0))(SCOPE, first.receive, first.send)
        assert first.heard == []
        await Stream(events(Tide(site.read_model.newest_seq, every=0), site, person, 0))(SCOPE, back.receive, back.send)
        return back.heard

    try:
        assert asyncio.run(watch()) == [1, 2, 3, 4, 5]
    finally:
        close()
