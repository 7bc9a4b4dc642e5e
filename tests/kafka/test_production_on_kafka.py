"""A whole deployment for production starts, over TLS 1.3 alone, every process with its own user; less does not."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import uvicorn
from tests.kafka.authority import Authority
from tests.kafka.deployment import DOORS, PASSWORD, Deployment
from typer.testing import CliRunner

from safety_stream.cli import app, desk
from safety_stream.cli.production import connect_as
from safety_stream.cli.terminal import Wrong
from safety_stream.cli.web import SECRET
from safety_stream.config import Connection
from safety_stream.keyring import digest_of
from safety_stream.production import TLS_SETTINGS

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(600)]

KEY = "ArP8vQ2xk0ZcM1nT5yUeWb7RdJfGhLsO"


@pytest.fixture(autouse=True)
def settings_of_openssl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENSSL_CONF", str(TLS_SETTINGS))


def started(deployment: Deployment, user: str, *words: str, **environment: str) -> None:
    result = CliRunner().invoke(app, list(words), env=deployment.environment(user) | environment)
    assert result.exit_code == 0, result.output
    assert PASSWORD not in result.output


def version_spoken(port: int, newest: ssl.TLSVersion, authority: Path) -> str:
    """The version of TLS a door speaks with a client of at most that one; or how it refuses."""
    context = ssl.create_default_context(cafile=authority)
    context.maximum_version = newest
    try:
        with (
            socket.create_connection(("127.0.0.1", port), 30) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as tls,
        ):
            return str(tls.version())
    except ssl.SSLError as error:
        return str(error.reason)


@pytest.mark.parametrize("door", DOORS)
def test_no_door_speaks_tls_before_1_3(deployment: Deployment, door: str) -> None:
    port, file = deployment.ports[door], deployment.authority.file

    assert version_spoken(port, ssl.TLSVersion.TLSv1_3, file) == "TLSv1.3"
    # Whoever also has no certificate is refused for the version before that shows.
    assert version_spoken(port, ssl.TLSVersion.TLSv1_2, file) == "TLSV1_ALERT_PROTOCOL_VERSION"


def test_a_worker_starts_and_is_ready_and_tells_no_password(deployment: Deployment, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    with (tmp_path / "log").open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "safety_stream", "worker", "--ready-file", str(ready), "--log-level", "DEBUG"],
            env={name: value for name, value in os.environ.items() if name != "OPENSSL_CONF"}
            | deployment.environment("worker"),
            stdout=log,
            stderr=log,
        )
    watching = threading.Event()
    try:
        while not ready.exists() and worker.poll() is None:
            watching.wait(0.1)
    finally:
        worker.send_signal(signal.SIGTERM)
        exit_code = worker.wait(60)
    said = (tmp_path / "log").read_text(encoding="utf-8")
    assert (exit_code, ready.exists()) == (0, True), said
    assert "worker.ready" in said
    assert PASSWORD not in said


def test_the_copy_and_delivery_start_and_do_their_work(deployment: Deployment, tmp_path: Path) -> None:
    settings = tmp_path / "delivery.yaml"
    settings.write_text(f"link: https://alerts.example.org/alerts/\nwebhook: {{key: {KEY}}}\n", encoding="utf-8")

    started(deployment, "project", "project", "--until-end")
    started(deployment, "deliver", "deliver", "--once", "--delivery", str(settings))


def test_the_gateway_and_the_pages_start(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    partners, sign_in = tmp_path / "partners.yaml", tmp_path / "sign-in.yaml"
    key = f"{{prefix: csp_council_R8ZZ, sha256: {digest_of('made up')}, expires: 2099-01-01}}"
    partners.write_text(f"partners: [{{id: council, sources: [council-asb], keys: [{key}]}}]\n", encoding="utf-8")
    sign_in.write_text(
        "issuer: https://login.example.org\nclient_id: pages\nurl: https://alerts.example.org/\n"
        "roles: [{claim: auditors, role: auditor, profile: partner}]\n",
        encoding="utf-8",
    )
    secret, public = deployment.authority.issue("gateway")
    served: list[str] = []
    monkeypatch.setattr(uvicorn.Server, "run", lambda _: served.append("gateway"))
    monkeypatch.setattr(uvicorn, "run", lambda *_, **__: served.append("pages"))
    # It reads for as long as its process lives.
    monkeypatch.setattr(desk, "hear", lambda *_: None)

    everywhere = ("--host", "0.0.0.0")  # noqa: S104 - nothing is served
    tls = ("--tls-certificate", str(public), "--tls-key", str(secret))
    started(deployment, "gateway", "gateway", "--partners", str(partners), *everywhere, *tls)
    started(deployment, "web", "web", "--sign-in", str(sign_in), *everywhere, "--behind-tls", **{SECRET: KEY})

    assert served == ["gateway", "pages"]


def test_a_process_that_could_do_everything_is_refused(deployment: Deployment) -> None:
    with pytest.raises(Wrong, match="this process comes in as a super user: set up the brokers as in"):
        connect_as(deployment.connection("administrator"), production=True)
    connect_as(deployment.connection("administrator"), production=False)


def test_brokers_that_keep_no_acls_are_refused(kafka: str) -> None:
    with pytest.raises(Wrong, match="the brokers keep no ACLs, or"):
        connect_as(Connection(kafka), production=True)


@pytest.mark.parametrize(("words", "spoken"), [((), True), (("--production",), False)], ids=["as usual", "production"])
def test_in_production_no_client_speaks_tls_before_1_3(tmp_path: Path, words: tuple[str, ...], spoken: bool) -> None:
    """A server that has nothing newer: as usual it is spoken to, in production it is not."""
    secret, public = Authority(tmp_path).issue("kafka")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, secret)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    config = tmp_path / "client.properties"
    files = {"ca": tmp_path / "authority.pem", "certificate": public, "key": secret}
    config.write_text(
        "security.protocol=SSL\n" + "".join(f"ssl.{name}.location={path}\n" for name, path in files.items()),
        encoding="utf-8",
    )
    versions: list[str | None] = []
    came = threading.Event()

    def serve(door: socket.socket) -> None:
        plain, _ = door.accept()
        with plain:
            try:
                with context.wrap_socket(plain, server_side=True) as tls:
                    versions.append(tls.version())
            except OSError:
                versions.append(None)
        came.set()

    with socket.create_server(("127.0.0.1", 0)) as door:
        server = threading.Thread(target=serve, args=(door,))
        server.start()
        client = subprocess.Popen(
            [
                *(sys.executable, "-m", "safety_stream", "topics", "plan", *words),
                *("--bootstrap", f"127.0.0.1:{door.getsockname()[1]}", "--kafka-config", str(config)),
            ],
            env={name: value for name, value in os.environ.items() if name != "OPENSSL_CONF"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert came.wait(300)
        finally:
            client.kill()
            client.wait(60)
            server.join()

    assert versions == (["TLSv1.2"] if spoken else [None])
