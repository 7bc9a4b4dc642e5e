"""The demonstration as everybody starts it, on a real Kafka of its own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from safety_stream.demo.watching import MILESTONES

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(400)]


def test_it_shows_what_it_promises_and_ends_well():
    done = subprocess.run(
        [sys.executable, "-m", "safety_stream", "demo", "--headless", "--for", "15", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == done.returncode, done.stdout + done.stderr
    (line,) = done.stdout.splitlines()
    summary = json.loads(line)
    assert summary.keys() == {
        "reports",
        "incidents",
        "dead_letters",
        "dead_letters_expected",
        "alerts",
        "withdrawn",
        "standing_alerts",
        "back_dated",
        "milestones",
        "latency_p50",
        "latency_p99",
        "seconds",
        "simulated_days",
        "oracle",
        "differences",
    }
    assert set(MILESTONES) == summary["milestones"].keys()
    assert ("equal", []) == (summary["oracle"], summary["differences"])
    assert summary["reports"] == summary["incidents"] + summary["dead_letters"]
    assert min(summary["withdrawn"], summary["back_dated"], summary["standing_alerts"]) > 0
    assert 0 < summary["latency_p50"] <= summary["latency_p99"]
    # Nothing of the libraries' own on the way: a first start alone has more to say, of what it fetches.
    assert [
        "Creating the topics",
        "Starting a worker with all stages",
        "Waiting until everything has gone through",
        "Recomputing everything from the reports alone, and comparing",
    ] == done.stderr.splitlines()[-4:]
