"""Pages served to a browser, and pictures of them for the eye."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from playwright.sync_api import Page
from starlette.applications import Starlette


@contextmanager
def serving(app: Starlette) -> Iterator[str]:
    """The address at which an application is served."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)


def keep(page: Page, name: str, *, full_page: bool = True) -> None:
    """A picture for the eye, in the folder that ACCESS_PICTURES names; nowhere else."""
    folder = os.environ.get("ACCESS_PICTURES")
    if folder:
        kept = "".join(letter if letter.isalnum() else "-" for letter in name)
        page.screenshot(path=Path(folder) / f"{kept}.png", full_page=full_page)
