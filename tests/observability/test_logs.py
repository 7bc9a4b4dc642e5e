"""Logs: one form for everything, on standard error, and nothing in them that must not be."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from safety_stream.observability.logs import configure_logs

SECRET = "tok-af8e429c7c675099"

PROGRAM = f"""
import logging, sys
import structlog
from safety_stream.observability.logs import configure_logs

configure_logs(sys.argv[1], sys.argv[2])
log = structlog.get_logger()
log.debug("batch.read", records=3)
log.info("worker.starting", slot="a", stages=["intake"])
logging.getLogger("faust").info("a library's chatter")
logging.getLogger("faust").warning("a library's warning about %s", "a thing")
logging.getLogger("librdkafka").warning("Coordinator load in progress: retrying")
logging.getLogger("librdkafka").error("all brokers are down")

def step(token):
    raise ValueError("a record cannot be read")

try:
    step({SECRET!r})
except ValueError:
    log.exception("stage.stopped", stage="register")
    logging.getLogger("safety_stream.streaming.worker").exception("stage %s stops", "register")
print("a result")
"""


def logged(form: str, level: str = "INFO") -> tuple[str, str]:
    """What a process of its own wrote to standard output, and what it logged."""
    # Given as an argument the program's text, which names the secret, is not quoted in its tracebacks.
    done = subprocess.run([sys.executable, "-c", PROGRAM, form, level], capture_output=True, text=True, check=True)
    return done.stdout, done.stderr


def lines(level: str = "INFO") -> list[dict[str, object]]:
    return [json.loads(line) for line in logged("json", level)[1].splitlines()]


def test_every_line_is_json_whoever_wrote_it():
    assert [
        ("info", "worker.starting"),
        ("warning", "a library's warning about a thing"),
        ("error", "all brokers are down"),
        ("error", "stage.stopped"),
        ("error", "stage register stops"),
    ] == [(line["level"], line["event"]) for line in lines()]


def test_a_line_has_its_fields_and_a_time_in_utc():
    first = lines()[0]

    assert ("a", ["intake"]) == (first["slot"], first["stages"])
    assert str(first["timestamp"]).endswith("Z")


def test_logs_go_to_standard_error_and_leave_results_alone():
    for form in ("json", "pretty"):
        assert "a result\n" == logged(form)[0]


@pytest.mark.parametrize(
    ("level", "events"),
    [
        ("DEBUG", 8),
        ("WARNING", 4),
        ("ERROR", 3),
        ("CRITICAL", 0),
    ],
)
def test_a_level_holds_for_everybody(level: str, events: int):
    assert events == len(lines(level))


def test_an_error_says_where_it_happened_and_shows_no_variables():
    for form in ("json", "pretty"):
        text = logged(form)[1]

        assert "ValueError: a record cannot be read" in text
        assert "in step" in text
        assert SECRET not in text


def test_pretty_lines_are_for_people_and_carry_no_colours_into_a_file():
    text = logged("pretty")[1]

    assert "[info     ] worker.starting" in text
    assert "slot=a" in text
    assert "\x1b" not in text


def test_an_unknown_level_is_refused():
    with pytest.raises(KeyError):
        configure_logs("json", "LOUD")
