"""The pages' answers, counted and timed for Prometheus: around the application, which knows nothing of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from sqlalchemy.exc import DBAPIError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from safety_stream.cli.terminal import wall
from safety_stream.core.model.times import SECOND
from safety_stream.observability.metrics import WebMetrics

STREAM: Final = "/events"
"""The address whose answer goes on for as long as somebody looks."""


class Counted:
    """An application whose answers are counted. `seconds` is a clock that never goes back."""

    def __init__(self, app: ASGIApp, metrics: WebMetrics, seconds: Callable[[], float]) -> None:
        """Wrap an application."""
        self._app = app
        self._metrics = metrics
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request. One that fails before it is answered is answered with 500 by the server."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = self._seconds()
        answered = 0

        async def counting(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = int(message["status"])
                self._metrics.answered(answered, self._seconds() - began)
            await send(message)

        is_stream = scope["path"] == STREAM
        if is_stream:
            self._metrics.looks_on(1)
        try:
            await self._app(scope, receive, counting)
        finally:
            if is_stream:
                self._metrics.looks_on(-1)
            if not answered:
                self._metrics.answered(500, self._seconds() - began)


class Looking:
    """When a database could last be read: asked again whenever somebody wants to know."""

    def __init__(self, look: Callable[[], object]) -> None:
        """`look` reads the database."""
        self._look = look
        self._at = 0.0

    def __call__(self) -> float:
        """The last time that went well, in seconds since 1970; 0 where it never did."""
        with suppress(DBAPIError):
            self._look()
            self._at = wall() / SECOND
        return self._at
