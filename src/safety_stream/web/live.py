"""New alerts as they come: a stream that says there is something new, and the numbered feed itself.

One task an audience asks the read model once a second, however many look on; each viewer then reads on from the number
it has, so nobody misses anything, and those who stand at the same number share one look. What a stream says is that
there is news, of which number, and how urgent: what it is, the page or the feed tells to whoever may see it.

A viewer that reads no more holds up nobody, and costs the events of one look at the feed: until it reads on, nothing
further is asked for it. After a while it is let go; it comes back by itself, and goes on where it stopped.

A feed that was begun anew, as by a rebuild, is shorter than the numbers its readers have. They are told so, and read it
from its beginning: else they would wait, without a word, until it is as long again.

When its session has ended, or a program's key, a stream says so as its last word. The page says that, and whenever it
hears nothing more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

import msgspec
from sqlalchemy.exc import SQLAlchemyError
from sse_starlette import EventSourceResponse, ServerSentEvent
from sse_starlette.sse import SendTimeoutError
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.model.times import MINUTE, Instant
from safety_stream.readmodel.reading import BegunAnew, MissingFromFeed
from safety_stream.web.policy import Viewer
from safety_stream.web.site import Site

_log = logging.getLogger(__name__)

ASKED_EVERY_SECONDS: Final = 1.0
HEARTBEAT_SECONDS: Final = 15
STUCK_SECONDS: Final = 60
"""A viewer that takes nothing for so long is let go."""

SESSION_LOOKED_EVERY: Final = MINUTE
"""How long a stream may go on after its session or key was ended: asking at each event costs too much."""

ENDED: Final = ServerSentEvent(data="Your session has ended: sign in again to hear what is new.", event="ended")

KEY_ENDED: Final = ServerSentEvent(data="This key lets nobody in any more: ask for another.", event="ended")
_NEVER: Final = 2**62

FEED_AT_MOST: Final = 500
"""Alerts in one answer of the feed."""


Look = tuple[Sequence[ServerSentEvent], int]
"""The events of one look at the feed, and how far it reached."""


class Tide:
    """The newest number of each audience's feed, asked for while somebody waits for it."""

    def __init__(self, newest: Callable[[str], int], every: float = ASKED_EVERY_SECONDS) -> None:
        """Ask `newest` every so many seconds."""
        self._newest = newest
        self._every = every
        self._known: dict[str, int] = {}
        self._waiting: dict[str, dict[asyncio.Future[None], int]] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._looking: dict[tuple[str, tuple[str, ...], int], asyncio.Task[Look]] = {}

    async def moved(self, audience: str, number: int) -> None:
        """Wait until the feed has a number beyond this one, or is found to end before it."""
        if self._known.get(audience, 0) > number:
            return
        future = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(audience, {})[future] = number
        if audience not in self._asking:
            self._asking[audience] = asyncio.create_task(self._ask(audience))
        try:
            await future
        finally:
            del self._waiting[audience][future]

    def forget(self, audience: str) -> None:
        """Believe what is known of a feed no more: nothing was found where it says there is something."""
        self._known.pop(audience, None)

    async def look(self, site: Site, viewer: Viewer, after: int) -> Look:
        """What is new for a viewer; whoever may see the same and asks at the same moment shares the answer."""
        key = (viewer.audience, viewer.areas, after)
        looking = self._looking.get(key)
        if looking is None:
            looking = self._looking[key] = asyncio.create_task(run_in_threadpool(_look, site, viewer, after))
            looking.add_done_callback(lambda _: self._looking.pop(key, None))
        # One who leaves meanwhile must not take it from the others.
        return await asyncio.shield(looking)

    async def _ask(self, audience: str) -> None:
        waiting = self._waiting[audience]
        try:
            while waiting:
                newest = self._known[audience] = await run_in_threadpool(self._newest, audience)
                for future, number in waiting.items():
                    if number != newest and not future.done():
                        future.set_result(None)
                await asyncio.sleep(self._every)
        except SQLAlchemyError:
            # Whoever waits is let go and comes back: browsers do by themselves.
            for future in waiting:
                future.cancel()
            raise
        finally:
            del self._asking[audience]


class News(msgspec.Struct, frozen=True):
    """What is new after a number: the alerts somebody may see, and the number to read on from."""

    alerts: tuple[PublishedAlert, ...]
    reached: int
    missing: str = ""


def news_after(site: Site, viewer: Viewer, after: int) -> News:
    """What is new for a viewer. Numbers that never came are said and passed over, so that nobody waits for them.

    Raises `BegunAnew`.
    """
    try:
        told = site.read_model.feed(viewer.audience, after, FEED_AT_MOST)
    except MissingFromFeed as gap:
        return News((), gap.last, str(gap))
    reached = told[-1].seq if told else after
    return News(tuple(site.seen_by(viewer, told)), reached)


async def events(tide: Tide, site: Site, viewer: Viewer, after: int) -> AsyncIterator[ServerSentEvent]:
    """An event for every alert of the feed after a number that the viewer may see; its id is where to go on.

    Where the feed is begun anew an event says so, and it goes on from the beginning.
    """
    while True:
        await tide.moved(viewer.audience, after)
        found, reached = await tide.look(site, viewer, after)
        if reached == after:
            tide.forget(viewer.audience)
        after = reached
        for event in found:
            yield event


def while_signed_in(
    site: Site, session: str, ends: Instant, stream: AsyncIterator[ServerSentEvent]
) -> AsyncIterator[ServerSentEvent]:
    """A stream as long as its session lasts, and that it has ended as the last event.

    A session that was used meanwhile lasts longer than this stream knows: the browser asks again, with what it then
    has, and is refused only where there is none.
    """
    return _while_open(site, lambda: site.ended_sessions.has(session), ends, stream, ENDED)


def while_it_may(
    site: Site, may: Callable[[], bool], stream: AsyncIterator[ServerSentEvent]
) -> AsyncIterator[ServerSentEvent]:
    """A program's stream for as long as its key lets it in, and that it does no more as the last event."""
    return _while_open(site, lambda: not may(), _NEVER, stream, KEY_ENDED)


async def _while_open(
    site: Site,
    has_ended: Callable[[], bool],
    ends: Instant,
    stream: AsyncIterator[ServerSentEvent],
    last_word: ServerSentEvent,
) -> AsyncIterator[ServerSentEvent]:
    """A stream until then, or until it is found to have ended, whether or not anything comes; then a last word."""
    coming: asyncio.Future[ServerSentEvent] | None = None
    looked = site.wall()
    try:
        while (now := site.wall()) < ends:
            if now - looked >= SESSION_LOOKED_EVERY:
                looked = now
                if await run_in_threadpool(has_ended):
                    break
            if coming is None:
                coming = asyncio.ensure_future(anext(stream))
            # By this machine's clock, as the session is.
            await asyncio.wait({coming}, timeout=min(SESSION_LOOKED_EVERY, ends - now) / 1_000)
            if coming.done():
                try:
                    event = coming.result()
                except StopAsyncIteration:
                    return
                coming = None
                yield event
        yield last_word
    finally:
        if coming is not None:
            coming.cancel()


def _look(site: Site, viewer: Viewer, after: int) -> Look:
    """One look at the feed. The alerts themselves are let go: who is stuck must not keep them."""
    try:
        news = news_after(site, viewer, after)
    except BegunAnew as error:
        news = News((), 0, f"{error}.")
    found = []
    for alert in news.alerts:
        said = {
            "seq": alert.seq,
            "alert_id": alert.alert_id,
            "change": alert.change,
            "priority": alert.priority,
            "notify": alert.notify,
        }
        found.append(ServerSentEvent(data=msgspec.json.encode(said).decode(), event="alert", id=str(alert.seq)))
    if news.missing:
        found.append(ServerSentEvent(data=news.missing, event="missing", id=str(news.reached)))
    return found, news.reached


class Stream(EventSourceResponse):
    """A stream of events that lets go whoever reads no more."""

    def __init__(self, found: AsyncIterator[ServerSentEvent]) -> None:
        """Send these, and a heartbeat in between."""
        super().__init__(found, ping=HEARTBEAT_SECONDS, send_timeout=STUCK_SECONDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request. That a viewer is stuck is no failure of ours."""
        try:
            await super().__call__(scope, receive, send)
        except SendTimeoutError:
            _log.info("web.viewer_let_go")
        except SQLAlchemyError as error:
            # It comes back by itself, and is let go again until there is a database.
            _log.warning("web.database_failed: %s", type(error).__name__)
