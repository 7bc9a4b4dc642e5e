"""The demonstration's pages: there while it runs, gone when it ends, and no condition of it."""

from __future__ import annotations

import socket
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


def test_what_a_process_said_that_ended_by_itself_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    failing = tmp_path / "failing"
    failing.write_text("#!/bin/sh\necho what went wrong >&2\nexit 3\n")
    failing.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(failing))
    monkeypatch.setattr("safety_stream.demo.pages._READY_SECONDS_MAX", 0.5)
    told: list[str] = []

    with (
        pytest.raises(NoPages, match="no page answers"),
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
