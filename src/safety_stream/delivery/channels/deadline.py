"""Connections that end by a deadline, however slowly the other side speaks.

A time limit for each read is none: who sends a byte now and then is heard for ever. Here what is left until the
deadline is the limit of everything done on a connection, and when nothing is left it is a timeout.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable

import httpcore

Clock = Callable[[], float]
"""Seconds of a clock that never goes back."""


class Deadline:
    """So many seconds from now, by a clock."""

    def __init__(self, seconds: float, clock: Clock) -> None:
        self._clock = clock
        self._ends = clock() + seconds

    def left(self, spent: type[httpcore.TimeoutException]) -> float:
        """The seconds that are left. Raises `spent` when there are none."""
        left = self._ends - self._clock()
        if left <= 0:
            raise spent("the deadline has passed")
        return left


class ByDeadline(httpcore.NetworkBackend):
    """Makes connections that end by a deadline; the time limits of its caller count for nothing."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect, as `httpcore` has it."""
        del timeout
        left = self._deadline.left(httpcore.ConnectTimeout)
        return _Stream(self._inner.connect_tcp(host, port, left, local_address, socket_options), self._deadline)


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        del timeout
        return self._inner.read(max_bytes, self._deadline.left(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # Not the inner one's: who reads a byte now and then is written to for ever.
        del timeout
        socket = self._inner.get_extra_info("socket")
        rest = memoryview(buffer)
        while rest:
            socket.settimeout(self._deadline.left(httpcore.WriteTimeout))
            try:
                rest = rest[socket.send(rest) :]
            except TimeoutError as error:
                raise httpcore.WriteTimeout(str(error)) from error
            except OSError as error:
                raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        del timeout
        left = self._deadline.left(httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> object:
        return self._inner.get_extra_info(info)
