"""Providers on loopback that behave badly: an HTTP server and a mail server in threads."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, BinaryIO
from urllib.parse import parse_qs, urlsplit


class Web:
    """An HTTP provider. `behaves` names what it does with the next POST: takes, stalls, drops, or answers a status.

    One that lies answers 200 and says in the body that it failed.
    One that drips-headers or drips-body sends a byte of it each time that `ask` is called, and never comes to an end.

    It stands for GOV.UK Notify as well: what it took can be asked for by reference and by id.
    """

    def __init__(self) -> None:
        self.behaves = "takes"
        self.retry_after: str | None = None
        self.status_told = "delivered"
        self.posts: list[tuple[str, dict[str, str], bytes]] = []
        self.taken: dict[str, dict[str, Any]] = {}
        self.let_go = threading.Event()
        self.asked = threading.Semaphore(0)
        self.url = ""

    def ask(self) -> None:
        self.asked.release()


@contextmanager
def web() -> Iterator[Web]:  # noqa: C901 - a line for each behaviour
    state = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            state.posts.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            if state.behaves == "drops":
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            if state.behaves.startswith("drips"):
                self._drip()
                return
            if state.behaves == "lies":
                self._answer(200, {"errors": [{"error": "Exception", "message": "Internal server error"}]})
                return
            if state.behaves in ("takes", "stalls"):
                found = json.loads(body)
                state.taken[found.get("reference", self.headers.get("webhook-id"))] = found
            if state.behaves == "stalls":
                state.let_go.wait(30)
                return
            self._answer(201 if state.behaves == "takes" else int(state.behaves), {"id": "n-1", "errors": []})

        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            if asked.path == "/v2/notifications":
                known = [{"id": "n-1"}] if parse_qs(asked.query)["reference"][0] in state.taken else []
                self._answer(200, {"notifications": known, "links": {}})
            else:
                self._answer(200, {"id": "n-1", "status": state.status_told})

        def _drip(self) -> None:
            end_of_headers = b"\r\nContent-Length: 1000000\r\n\r\n" if state.behaves == "drips-body" else b""
            # Whoever asked may have gone.
            with suppress(OSError):
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: " + end_of_headers)
                while state.asked.acquire(timeout=30) and not state.let_go.is_set():
                    self.wfile.write(b"a")

        def _answer(self, status: int, body: dict[str, Any]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            if state.retry_after is not None:
                self.send_header("Retry-After", state.retry_after)
            if 300 <= status < 400:
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield state
    finally:
        state.let_go.set()
        state.ask()
        server.shutdown()
        server.server_close()
        thread.join()


class Post:
    """A mail server. `replies` to a word of SMTP's go out instead of 250; "drop" hangs up, "stall" says nothing."""

    def __init__(self) -> None:
        self.replies: dict[str, str] = {}
        self.letters: list[bytes] = []
        self.let_go = threading.Event()
        self.port = 0


@contextmanager
def post() -> Iterator[Post]:
    state = Post()
    listener = socket.create_server(("127.0.0.1", 0))
    state.port = listener.getsockname()[1]
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            # One that stalls must not keep the next from being heard.
            threading.Thread(target=_converse, args=(connection, state), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        ended.set()
        state.let_go.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _converse(connection: socket.socket, state: Post) -> None:
    # Whoever spoke to us may have gone.
    with suppress(OSError), connection, connection.makefile("rwb") as file:
        _speak(file, state)


def _speak(file: BinaryIO, state: Post) -> None:  # noqa: C901 - as above
    def say(word: str, otherwise: str) -> bool:
        reply = state.replies.get(word, otherwise)
        if reply == "stall":
            state.let_go.wait(30)
        if reply in ("drop", "stall"):
            return False
        file.write(f"{reply}\r\n".encode())
        file.flush()
        return True

    if not say("greeting", "220 here"):
        return
    for line in file:
        word = line.decode().split()[0].upper() if line.strip() else ""
        if word == "DATA":
            if not say("DATA", "354 go on"):
                return
            letter = b"".join(iter(file.readline, b".\r\n"))
            if state.replies.get("END", "250").startswith("250") or state.replies["END"] in ("drop", "stall"):
                state.letters.append(letter)
            if not say("END", "250 taken"):
                return
        elif not say(word, "221 bye" if word == "QUIT" else "250 ok") or word == "QUIT":
            return
