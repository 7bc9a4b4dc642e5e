"""Every command explains itself: an example that parses, exit codes, and JSON."""

import re
import shlex
from collections.abc import Iterator
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from safety_stream.cli import app

WIDE = {"COLUMNS": "400", "TERM": "dumb", "NO_COLOR": "1"}


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    below = getattr(command, "commands", None)
    if below is None:
        yield path, command
    for name, one in sorted((below or {}).items()):
        yield from leaves(one, (*path, name))


COMMANDS = dict(leaves(typer.main.get_command(app)))


@pytest.fixture(params=COMMANDS, ids=" ".join)
def path(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return request.param


@lru_cache
def help_of(path: tuple[str, ...]) -> str:
    result = CliRunner().invoke(app, [*path, "--help"], env=WIDE)
    assert result.exit_code == 0
    return result.stdout


def test_there_are_the_commands_that_are_promised():
    assert {" ".join(path) for path in COMMANDS} >= {
        "alerts show",
        "alerts tail",
        "areas build",
        "broker",
        "dead-letters list",
        "dead-letters redrive",
        "dead-letters show",
        "demo",
        "doctor",
        "generate",
        "indicators show",
        "indicators tail",
        "ingest",
        "links merge",
        "links possible",
        "links show",
        "links split",
        "replay",
        "rules lint",
        "rules test",
        "schemas check",
        "topics apply",
        "topics plan",
        "worker",
    }


def test_help_has_an_example_of_the_command_itself(path: tuple[str, ...]):
    assert f"Example: safety-stream {' '.join(path)}" in help_of(path)


def test_help_says_what_the_exit_codes_mean(path: tuple[str, ...]):
    assert re.search(r"Exit codes: 0 .+; 1 ", help_of(path))


def test_every_command_can_print_json(path: tuple[str, ...]):
    assert "--json" in help_of(path)


def test_every_option_says_what_it_is_for(path: tuple[str, ...]):
    silent = [option.name for option in COMMANDS[path].params if option.name != "log_level" and not option.help]

    assert silent == []


def test_the_example_has_only_options_there_are(path: tuple[str, ...]):
    example = next(line for line in COMMANDS[path].epilog.splitlines() if line.startswith("Example: "))
    words = shlex.split(example.removeprefix("Example: safety-stream "))[len(path) :]
    known = {spelling for option in COMMANDS[path].params for spelling in getattr(option, "opts", ())}
    known |= {spelling for option in COMMANDS[path].params for spelling in getattr(option, "secondary_opts", ())}

    assert [word for word in words if word.startswith("--") and word not in known] == []


def test_nothing_at_all_shows_the_help():
    result = CliRunner().invoke(app, [], env=WIDE)

    assert "Usage" in result.output
    assert result.exit_code == 2


def test_an_unknown_option_is_a_usage_error(path: tuple[str, ...]):
    assert CliRunner().invoke(app, [*path, "--no-such-option"], env=WIDE).exit_code == 2


def test_the_version_is_said():
    result = CliRunner().invoke(app, ["--version"], env=WIDE)

    assert (result.exit_code, result.output) == (0, f"safety-stream {version('safety-stream')}\n")
