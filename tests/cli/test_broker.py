"""`broker`: up until it is told to stop, and what it holds is there again at the next start."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from safety_stream.streaming.provisioning import create
from safety_stream.wire.topology import Topic

pytestmark = pytest.mark.kafka


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def started(folder: Path, port: int) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "safety_stream", "broker", "--port", str(port), "--data", str(folder), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())["bootstrap"]


def stopped(process: subprocess.Popen[str], number: signal.Signals) -> int:
    process.send_signal(number)
    process.communicate(timeout=60)
    return process.returncode


def test_it_stops_when_told_and_keeps_what_it_holds(tmp_path: Path, port: int):
    first, bootstrap = started(tmp_path, port)
    create(
        AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}),
        [Topic(name="kept", subjects=(), partitions=1, settings={})],
    )
    assert stopped(first, signal.SIGTERM) == 0

    second, bootstrap = started(tmp_path, port)
    there = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}).list_topics(timeout=30).topics
    assert stopped(second, signal.SIGTERM) == 0
    assert "kept" in there
