"""`gateway`: it starts where it may, says in a sentence why not elsewhere, and makes keys."""

from __future__ import annotations

import json
import ssl
from pathlib import Path

import pytest
import uvicorn
from starlette.testclient import TestClient
from typer.testing import CliRunner

from safety_stream.cli import app
from safety_stream.cli import gateway as command
from safety_stream.keyring import digest_of

EVERYWHERE = "0.0.0.0"  # noqa: S104 - nothing is served


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["gateway", *arguments], env={"COLUMNS": "400", "NO_COLOR": "1"})
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[uvicorn.Config]:
    found: list[uvicorn.Config] = []
    monkeypatch.setattr(command, "connect_as", lambda _kafka, **_: None)
    monkeypatch.setattr(command, "configure_logs", lambda: None)
    monkeypatch.setattr(uvicorn.Server, "run", lambda server: found.append(server.config))
    return found


@pytest.fixture
def made(tmp_path: Path) -> tuple[str, Path]:
    """A key, and a file with it."""
    code, told, _ = run("key", "new", "--partner", "council", "--json")
    assert code == 0
    key = json.loads(told)
    path = tmp_path / "partners.yaml"
    path.write_text(
        f"partners: [{{id: council, sources: [council-asb], keys: [{json.dumps(key['line'])}]}}]\n", encoding="utf-8"
    )
    return key["key"], path


def test_a_key_is_shown_once_with_its_line():
    code, told, said = run("key", "new", "--partner", "council", "--days", "30")
    key, line = told.splitlines()

    assert code == 0
    assert line.startswith(f"- {{prefix: {key[:16]}, sha256: {digest_of(key)}, expires: 20")
    assert "shown this once" in said
    assert key not in said


def test_a_key_is_somebodys():
    code, _, said = run("key", "new", "--partner", "A_B")

    assert (code, "--partner" in said) == (1, True)


def test_a_key_that_was_made_lets_in(served: list, made: tuple[str, Path], tmp_path: Path):
    key, path = made
    code, told, _ = run("--partners", str(path), "--data", str(tmp_path), "--json", "--bootstrap", "127.0.0.1:1")

    assert (code, json.loads(told)) == (0, {"url": "http://127.0.0.1:8090"})
    (config,) = served
    assert (config.host, config.port, config.server_header, config.proxy_headers) == ("127.0.0.1", 8090, False, False)
    with TestClient(config.app) as client:
        headers = {"Authorization": f"Bearer {key}"}
        assert client.get("/v1/receipts", headers=headers).json() == {"receipts": [], "next": None}
        assert client.get("/v1/receipts").status_code == 401
    assert (tmp_path / "receipts.sqlite").exists()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--host", EVERYWHERE), "in the open"),
        (("--tls-certificate", "{path}"), "go together"),
        (("--receipts", "mysql://u:hidden@h/d"), "named wrongly"),
        (("--receipts", "sqlite:////no/such/place.sqlite"), "cannot be used"),
    ],
)
def test_it_does_not_start_where_it_may_not(
    served: list, made: tuple[str, Path], tmp_path: Path, arguments: tuple[str, ...], why: str
):
    given = [one.format(path=made[1]) for one in arguments]
    code, _, said = run("--partners", str(made[1]), "--data", str(tmp_path), *given)

    assert (code, why in said, "hidden" in said, served) == (1, True, False, [])


def test_it_does_not_start_for_nobody(served: list, tmp_path: Path):
    assert "--partners" in run("--data", str(tmp_path))[2]
    path = tmp_path / "partners.yaml"
    path.write_text("partners: [{id: a, sources: [nowhere]}]\n", encoding="utf-8")
    code, _, said = run("--partners", str(path), "--data", str(tmp_path))

    assert (code, "unknown source nowhere" in said, served) == (1, True, [])


def test_others_are_served_behind_tls(served: list, made: tuple[str, Path], tmp_path: Path):
    code, _, _ = run("--partners", str(made[1]), "--data", str(tmp_path), "--host", EVERYWHERE, "--behind-tls")

    assert (code, served[0].host) == (0, EVERYWHERE)


def test_tls_is_the_newest_alone(monkeypatch: pytest.MonkeyPatch):
    config = uvicorn.Config(lambda: None, log_config=None)
    monkeypatch.setattr(config, "load", lambda: setattr(config, "ssl", ssl.create_default_context()))

    assert command._modern(config).ssl.minimum_version == ssl.TLSVersion.TLSv1_3


def test_to_try_it_neither_kafka_nor_partners_are_needed(monkeypatch: pytest.MonkeyPatch):
    answers = []

    def run_it(server: uvicorn.Server) -> None:
        with TestClient(server.config.app) as client:
            answers.append(client.get("/v1/health").json())

    monkeypatch.setattr(command, "configure_logs", lambda: None)
    monkeypatch.setattr(uvicorn.Server, "run", run_it)
    code, told, _ = run("try", "--port", "8099", "--json")
    said = json.loads(told)

    assert (code, answers) == (0, [{"status": "ok"}])
    assert said["url"] == "http://127.0.0.1:8099"
    assert said["key"].startswith("csp_try_")
