"""`alerts show` and `alerts tail`: whom an alert is about is told to whoever says why they look, and recorded first."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from tests.web.filling import alert
from typer.testing import CliRunner, Result

from safety_stream.cli import app, published
from safety_stream.core.model.published import PublishedAlert
from safety_stream.readmodel.database import migrate, open_database, url_of_file
from safety_stream.readmodel.people import Consultation, Consultations

OF_COUNTS = (msgspec.structs.replace(alert(2).findings[0], key="series", evidence=()),)
TOLD = (alert(1), alert(2, family="threshold", subject=None, findings=OF_COUNTS), alert(3, family=None))
ONE, COUNT, UNTOLD = (one.alert_id for one in TOLD)
Run = Callable[..., Result]
WHO = ("--by", "officer-7", "--role", "duty-officer")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    def told(*_: object, **__: object) -> Iterator[PublishedAlert]:
        return iter(TOLD)

    monkeypatch.setattr(published, "read_values", told)

    def do(*words: str) -> Result:
        return CliRunner().invoke(app, ["alerts", *words], env={"SAFETY_STREAM_DATA": str(tmp_path)})

    return do


def recorded(folder: Path) -> list[Consultation]:
    engine = open_database(url_of_file(folder / "readmodel.sqlite"))
    migrate(engine)
    try:
        return [one.consultation for one in Consultations(engine).newest(10)]
    finally:
        engine.dispose()


@pytest.mark.parametrize(
    "words", [("tail",), ("tail", "--json"), ("show",), ("show", "--json"), ("show", ONE), ("show", ONE, "--json")]
)
def test_without_a_reason_nobody_is_told_of(run: Run, words: tuple[str, ...]):
    result = run(*words)

    assert result.exit_code == 0
    assert ONE[:8] in result.stdout
    for secret in ("tok-", "report-1", "report-3"):
        assert secret not in result.output


def test_what_is_about_nobody_asks_for_no_reason(run: Run, tmp_path: Path):
    (shown,) = (json.loads(line) for line in run("show", COUNT, "--json").stdout.splitlines())

    assert shown["findings"]
    assert recorded(tmp_path) == []
    assert run("show", COUNT).stderr == ""


def test_with_a_reason_it_is_told_whole_and_recorded(run: Run, tmp_path: Path):
    assert "--reason" in run("show", UNTOLD).stderr
    result = run("show", UNTOLD, "--reason", "on-shift", *WHO)

    assert (result.exit_code, result.stderr) == (0, "")
    assert "tok-0003a" in result.stdout
    assert "police: police-crime, as victim  report-3-0" in result.stdout.replace("\n", " ")
    assert "report-3-1" in result.stdout
    (look,) = recorded(tmp_path)
    assert (look.act, look.person, look.role, look.audience) == ("view", "officer-7", "duty-officer", "duty-officer")
    assert (look.alert_id, look.seq, look.reason) == (UNTOLD, 3, "on-shift")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--reason", "curious", *WHO), "there is no reason curious to look at an alert; the reasons are on-shift ("),
        (("--reason", "on-shift", "--role", "x"), "add --by and --role"),
        (("--reason", "on-shift", *WHO, "--database", "mongodb://x"), "--database names no database"),
    ],
)
def test_what_cannot_be_recorded_is_not_shown(run: Run, tmp_path: Path, words: tuple[str, ...], said: str):
    result = run("show", ONE, *words)

    assert result.exit_code == 1
    assert said in " ".join(result.stderr.split())
    assert result.stdout == ""
    assert recorded(tmp_path) == []


def test_a_reason_is_given_for_one_alert(run: Run):
    assert "a reason is given for one alert" in run("show", "--reason", "on-shift", *WHO).stderr
