"""The demonstration's pages: the copy and the server, each a process as an operator would run it.

They look on and act on nothing: what people do is stamped with the time it is done at, and a demonstration's time is
another. Each runs under the guard Kafka runs under, so that neither outlives this process, however it ends.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from typing import Final
from urllib.request import urlopen

from safety_stream.embedded import guard

SIGN_IN: Final = "dev-duty-officer"
"""Whom to choose at the sign-in, to see what duty officers are told."""

_READY_SECONDS_MAX: Final = 180.0
_GRACE_SECONDS: Final = "10"


class NoPages(Exception):
    """The pages cannot be had: why, and the mend."""


@contextmanager
def serving_pages(
    bootstrap: str, folder: Path, environment: Mapping[str, str], told: Callable[[str], None]
) -> Iterator[Callable[[], str]]:
    """Start both; the result waits until a page is there and gives the address. Raises `NoPages`, and the result does.

    What either had to say is `told` at the end, if it ended before it was asked to.
    """
    try:
        # The extra `web`.
        import uvicorn  # noqa: F401, PLC0415

        import safety_stream.cli.projecting  # noqa: PLC0415
        import safety_stream.web.app  # noqa: F401, PLC0415
    except ModuleNotFoundError as error:
        raise NoPages(f"{error.name} is not installed, which pages need: pip install 'safety-stream[web]'") from None
    port = _free_port()
    data = ("--data", str(folder / "pages"))
    copy = ("project", "--bootstrap", bootstrap, *data)
    # Nobody may act on a story, whoever reads it.
    story = ("--clock", "log", "--read-only", "--cap-status", "Exercise")
    server = ("web", *data, "--port", str(port), *story)
    with ExitStack() as started:
        started.enter_context(_guarded(copy, folder / "project.log", environment, told))
        serving = started.enter_context(_guarded(server, folder / "web.log", environment, told))
        yield lambda: _await_page(serving, port)


@contextmanager
def _guarded(
    command: tuple[str, ...], log: Path, environment: Mapping[str, str], told: Callable[[str], None]
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as into:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter, our own commands
            [
                *(sys.executable, "-I", "-S", guard.__file__, _GRACE_SECONDS),
                *(sys.executable, "-m", "safety_stream", *command),
            ],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=into,
            # Ctrl-C at the terminal is for us alone, who end them.
            start_new_session=True,
        )
    try:
        yield process
    finally:
        ended_by_itself = process.poll() is not None
        if process.stdin is not None:
            # To the guard, the end of this pipe is the end of us.
            process.stdin.close()
        process.wait()
        if ended_by_itself:
            told(log.read_text(errors="replace"))


def _await_page(serving: subprocess.Popen[bytes], port: int) -> str:
    until = time.monotonic() + _READY_SECONDS_MAX
    url = f"http://127.0.0.1:{port}"
    while time.monotonic() < until:
        with suppress(OSError, HTTPException), urlopen(f"{url}/sign-in", timeout=5):  # noqa: S310 - our own server
            return url
        if serving.poll() is not None:
            raise NoPages("the process that serves them ended by itself; its log, at the end, says why")
        time.sleep(0.1)
    raise NoPages(f"no page answers at port {port} within {_READY_SECONDS_MAX:.0f} s")


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def clean_environment() -> dict[str, str]:
    """Ours, without how the operator reaches a cluster of his own and what he runs there: nothing to this one."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SAFETY_STREAM_")}
