"""The verdict: right when everything stands as the oracle says, wrong and exit code 1 when anything does not."""

from __future__ import annotations

import json
from collections.abc import Callable

import msgspec
import pytest
from tests.demo.making import WithoutKafka
from typer.testing import CliRunner

from safety_stream.cli import app
from safety_stream.cli import demo as command
from safety_stream.testing.verdict import Witnessed


def with_one_missing(standing: Witnessed) -> None:
    standing.alerts.pop(min(standing.alerts))


def with_one_too_many(standing: Witnessed) -> None:
    some = standing.alerts[min(standing.alerts)]
    wrong = msgspec.structs.replace(some, alert_id="never-raised", subject="victim:somebody-else")
    standing.alerts[wrong.alert_id] = wrong


def with_another_priority(standing: Witnessed) -> None:
    name = min(standing.alerts)
    standing.alerts[name] = msgspec.structs.replace(standing.alerts[name], priority="P1")


def with_another_count(standing: Witnessed) -> None:
    name = next(name for name, value in standing.indicators.items() if value.value)
    standing.indicators[name] = msgspec.structs.replace(standing.indicators[name], value=1_000)


def with_a_finding_missing(standing: Witnessed) -> None:
    standing.findings.pop(min(standing.findings))


def with_a_letter_too_many(standing: Witnessed) -> None:
    standing.dead_letters.append(standing.dead_letters[0])


FAULTS = [
    with_one_missing,
    with_one_too_many,
    with_another_priority,
    with_another_count,
    with_a_finding_missing,
    with_a_letter_too_many,
]


@pytest.fixture(autouse=True)
def without_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "Demo", WithoutKafka)


@pytest.fixture
def spoilt(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[Witnessed], None]:
    monkeypatch.setattr(WithoutKafka, "spoil", staticmethod(request.param))
    return request.param


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["demo", *words])
    return result.exit_code, result.stdout


def test_a_story_that_went_through_is_right():
    code, out = run("--json")

    summary = json.loads(out)
    assert 0 == code
    assert ("equal", []) == (summary["oracle"], summary["differences"])
    assert (2, 2) == (summary["dead_letters"], summary["dead_letters_expected"])
    assert summary["reports"] == summary["incidents"] + summary["dead_letters"]
    assert summary["standing_alerts"] > 0
    assert 1 == summary["alerts"]["threshold"]["raised"]


@pytest.mark.parametrize("spoilt", FAULTS, indirect=True, ids=lambda fault: fault.__name__)
@pytest.mark.usefixtures("spoilt")
def test_anything_wrong_that_stands_fails():
    code, out = run("--json")

    summary = json.loads(out)
    assert 1 == code
    assert summary["oracle"] == "different" or summary["dead_letters"] != summary["dead_letters_expected"]


def test_the_verdict_in_words():
    code, out = run()

    assert 0 == code
    assert "Right: findings, alerts and counts are those that other code makes" in out
    assert 6 == out.count("✓")
    assert "2 of 2 broken on purpose" in out


@pytest.mark.parametrize("spoilt", [with_one_too_many], indirect=True)
@pytest.mark.usefixtures("spoilt")
def test_a_wrong_verdict_names_what_differs():
    code, out = run()

    assert 1 == code
    assert "Right" not in out
    assert "Wrong: what came out is not what other code makes" in out
    assert "on victim:somebody-else: stands, but must not" in out


@pytest.mark.parametrize("spoilt", [with_a_letter_too_many], indirect=True)
@pytest.mark.usefixtures("spoilt")
def test_a_wrong_number_of_dead_letters_is_said():
    code, out = run()

    assert 1 == code
    assert "3 reports were refused; 2 had to be." in out
