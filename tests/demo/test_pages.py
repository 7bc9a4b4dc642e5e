"""The demonstration's pages: there while it runs, gone when it ends, and no condition of it."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from safety_stream.demo.pages import NoPages, clean_environment, serving_pages
from safety_stream.demo.run import Demo

NOWHERE = "127.0.0.1:1"


def is_listening(url: str) -> bool:
    address = urlsplit(url)
    with socket.socket() as asked:
        return asked.connect_ex((address.hostname, address.port)) == 0


def test_a_page_is_there_before_its_address_is_told_and_gone_afterwards(tmp_path: Path):
    told: list[str] = []
    with serving_pages(NOWHERE, tmp_path, clean_environment(), told.append) as address:
        url = address()
        assert "dev-duty-officer" in httpx.get(f"{url}/sign-in").text

    assert not is_listening(url)


def test_pages_do_not_outlive_a_demonstration_that_is_killed(tmp_path: Path):
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from safety_stream.demo.pages import clean_environment, serving_pages\n"
        f"with serving_pages({NOWHERE!r}, Path({str(tmp_path)!r}), clean_environment(), print) as address:\n"
        "    print(address(), flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as demo:
        url = demo.stdout.readline().strip()
        assert is_listening(url)
        demo.kill()

    # Nothing tells of the end of somebody else's child; a process that stayed would hold the test to its limit.
    while is_listening(url):
        pass


def test_what_a_process_said_that_ended_by_itself_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    failing = tmp_path / "failing"
    failing.write_text("#!/bin/sh\necho what went wrong >&2\nexit 3\n")
    failing.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(failing))
    told: list[str] = []

    with (
        pytest.raises(NoPages, match="ended by itself"),
        serving_pages(NOWHERE, tmp_path, clean_environment(), told.append) as address,
    ):
        address()

    assert told == ["what went wrong\n"] * 2


def test_where_pages_are_not_installed_there_is_a_demonstration_without(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    said: list[str] = []

    with Demo(1, 0.01, said.append, with_pages=True)._ready as starting:
        assert Demo(1, 0.01, said.append)._start_pages(starting, NOWHERE, tmp_path) is None

    assert said == ["There are no pages: uvicorn is not installed, which pages need: pip install 'safety-stream[web]'"]


def test_how_an_operator_reaches_a_cluster_of_his_own_is_nothing_to_a_demonstration(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SAFETY_STREAM_DATABASE", "postgresql://pages@elsewhere/pages")

    assert "SAFETY_STREAM_DATABASE" not in clean_environment()
    assert "PATH" in clean_environment()
