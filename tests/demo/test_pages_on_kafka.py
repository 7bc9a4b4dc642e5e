"""The scripted story unfolds on the pages, and they end with the demonstration."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import httpx
import pytest
from tests.demo.test_pages import is_listening

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(400)]


def test_what_happens_is_shown_to_the_duty_officer_as_it_happens():
    demo = subprocess.Popen(
        [sys.executable, "-m", "safety_stream", "demo", "--for", "15", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    said: list[str] = []
    for line in demo.stderr:
        said.append(line)
        if address := re.search(r"Pages: (\S+)/sign-in \(choose ([a-z-]+);", line):
            break
    else:
        pytest.fail("".join(said))
    url, who = address.groups()

    with httpx.Client(base_url=url, timeout=60, follow_redirects=True) as browser:
        token = re.search(r'name="csrf" value="([^"]+)"', browser.get("/sign-in").text)[1]
        assert browser.post("/sign-in", data={"csrf": token, "person": who}).status_code == 200
        with browser.stream("GET", "/events") as events:
            assert next(line for line in events.iter_lines() if line.startswith("event:")) == "event: alert"
        inbox = browser.get("/inbox").text
    # By the story's clock, which is not this machine's: alerts of the story's first days.
    assert re.search(r"[1-9]\d* open alert", inbox)
    assert re.search(r"Made \d+ Jan 2026", inbox)
    assert "Acknowledge" in inbox

    out, err = demo.communicate()
    assert demo.returncode == 0, "".join(said) + err
    assert json.loads(out)["oracle"] == "equal"
    assert not is_listening(url)
