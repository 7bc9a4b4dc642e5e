"""A worker that ends by itself ends the demonstration, which says so: nobody waits for what cannot come."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from safety_stream.config import Connection
from safety_stream.demo import run
from safety_stream.demo.run import Demo, WorkerEnded


def test_a_worker_that_never_was_ready_is_told_of_with_its_log(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    failing = tmp_path / "failing"
    failing.write_text("#!/bin/sh\necho what went wrong >&2\nexit 3\n")
    failing.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(failing))

    with pytest.raises(WorkerEnded, match="exit code 3"), run._worker("127.0.0.1:1", tmp_path):
        pass

    assert capsys.readouterr().err == "what went wrong\n"


def test_a_worker_that_has_ended_ends_the_play_and_the_wait():
    ended = subprocess.Popen([sys.executable, "-c", "raise SystemExit(7)"])
    ended.wait()
    demo = Demo(1, 0.01, lambda _: None)
    demo._worker = ended
    demo._kafka = Connection("127.0.0.1:1")

    with pytest.raises(WorkerEnded, match="exit code 7"):
        demo.conclude()
