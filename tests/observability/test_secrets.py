"""Secrets are given by file or environment, and no log at any level, no output and no error repeats one.

Each process is given a secret of every kind, runs with DEBUG, libraries included, and fails in every way that is
known; then all that was said is searched. What a worker logs on a whole secured deployment is searched beside the tests
that run one (`tests/kafka/test_production_on_kafka.py`, `tests/cli/test_secured.py`).
"""

from __future__ import annotations

import functools
import io
import json
import logging
import os
import tempfile
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import structlog
from fastapi.testclient import TestClient
from tests.delivery.servers import post, web
from tests.delivery.test_channels_contract import NOON, message
from tests.edge.gateway.making import KEY as PARTNERS_KEY
from tests.edge.gateway.making import report, serving
from tests.web.conftest import site_over
from tests.web.filling import fill
from tests.web.provider import CLIENT, ISSUER, FakeProvider
from typer.testing import CliRunner

from safety_stream.cli import app
from safety_stream.cli.web import SECRET as COOKIES
from safety_stream.delivery.channels import CHANNELS
from safety_stream.delivery.settings import DeliverySettings
from safety_stream.observability.logs import configure_logs
from safety_stream.web.app import make_app
from safety_stream.web.sign_in import SignInSettings

MARK = "horse"
"""In every secret below, and nowhere else."""

PASSWORD = f"correct-{MARK}-battery"
HOOK_KEY = f"{MARK}-key-of-hooks-0123456789abcdefghijk"
NOTIFY_KEY = f"{MARK}-26785a09-ab16-4eb0-8407-a37497a57506-3d844edf-8d35-48ac-975b-e847b4f122b0"
COOKIE_KEY = f"{MARK}-of-cookies-0123456789abcdefghijk"
NOWHERE = "127.0.0.1:1"


SECRETS = (MARK, PARTNERS_KEY.key)


def telling_none(test: Callable[..., None]) -> Callable[..., None]:
    """Whatever is logged or printed while a test runs, by us, a library or C: none of it holds a secret."""

    @functools.wraps(test)
    def run(**given: Any) -> None:
        with tempfile.TemporaryFile("w+b", buffering=0) as file:
            stream = io.TextIOWrapper(file, encoding="utf-8", write_through=True)
            kept = [os.dup(number) for number in (1, 2)]
            try:
                for number in (1, 2):
                    os.dup2(file.fileno(), number)
                with redirect_stdout(stream), redirect_stderr(stream):
                    configure_logs("json", "DEBUG")
                    test(**given)
                    configure_logs("json", "DEBUG")
                    structlog.get_logger().debug("test.ended")
                    logging.getLogger("a.library").debug("library.ended")
                    os.write(2, b"c.ended")
            finally:
                for number, saved in zip((1, 2), kept, strict=True):
                    os.dup2(saved, number)
                    os.close(saved)
            file.seek(0)
            said = file.read().decode()
        # It was not in vain.
        assert [one for one in ("test.ended", "library.ended", "c.ended") if one not in said] == []
        assert [one for one in SECRETS if one in said] == [], said

    return run


# --- delivery -----------------------------------------------------------------------------------------------


@pytest.fixture
def settings_of() -> dict[str, dict[str, object]]:
    return {
        "mail": {"mail": {"host": "127.0.0.1", "port": 1, "security": "none", "sender": "alerts@example.org",
                          "user": "alerts", "password": PASSWORD}},
        "notify": {"notify": {"key": NOTIFY_KEY, "email_template": "a", "text_template": "b", "url": f"http://{NOWHERE}"}},
        "webhook": {"webhook": {"key": HOOK_KEY, "private_addresses": True}},
        "apprise": {"apprise": {}},
    }  # fmt: skip


@pytest.mark.parametrize("how", ["takes", "drops", "403", "500", "nowhere", "is no address"])
@pytest.mark.parametrize("name", sorted(set(CHANNELS) - {"mail"}))
@telling_none
def test_no_channel_tells_what_lets_it_in(settings_of: dict, name: str, how: str) -> None:
    with web() as server:
        server.behaves = how if how in ("takes", "drops", "403", "500") else "takes"
        where = server.url.removeprefix("http://") if how != "nowhere" else NOWHERE
        settings = settings_of[name]
        if name == "notify":
            settings["notify"]["url"] = f"http://{where}"
        address = {
            "notify": "someone@example.org",
            "webhook": f"http://{where}/{PASSWORD}",
            "apprise": f"json://{MARK}:{PASSWORD}@{where}/{PASSWORD}",
        }[name]
        if how == "is no address":
            address = f"nonsense://{PASSWORD}/{PASSWORD}"
        channel = CHANNELS[name].make(DeliverySettings(link="https://alerts.example.org/", **settings))
        assert channel is not None

        channel.send(message(), address, NOON)
        channel.whereabouts("n-1")


@pytest.mark.parametrize("replies", [{}, {"AUTH": "535 not you"}, {"RCPT": "550 no"}, {"greeting": "drop"}])
@telling_none
def test_mail_does_not_either(settings_of: dict, replies: dict[str, str]) -> None:
    with post() as server:
        server.replies = {"EHLO": "250-here\r\n250 AUTH PLAIN", "AUTH": "235 come in"} | replies
        settings = settings_of["mail"]["mail"] | {"port": server.port}
        channel = CHANNELS["mail"].make(DeliverySettings(link="https://alerts.example.org/", mail=settings))
        assert channel is not None

        channel.send(message(), "someone@example.org", NOON)


@telling_none
def test_settings_that_are_wrong_are_not_repeated(tmp_path: Path) -> None:
    delivery, sign_in = tmp_path / "delivery.yaml", tmp_path / "sign-in.yaml"
    for text in (f"webhook: {{key: {PASSWORD}}}", f"link: {PASSWORD}", f"{HOOK_KEY}: [", f"mail: {PASSWORD}"):
        delivery.write_text(text, encoding="utf-8")
        assert run("deliver", "--once", "--delivery", str(delivery), "--bootstrap", NOWHERE) == 1
    for text in (f"client_secret: {PASSWORD}", f"issuer: {PASSWORD}", f"{HOOK_KEY}: ["):
        sign_in.write_text(text, encoding="utf-8")
        assert run("web", "--read-only", "--data", str(tmp_path), "--sign-in", str(sign_in)) == 1


# --- Kafka and databases ------------------------------------------------------------------------------------


def run(*words: str, **environment: str) -> int:
    """A command's exit code, once it has been seen that nothing it said holds a secret."""
    settings = {"SAFETY_STREAM_LOG_LEVEL": "DEBUG", COOKIES: COOKIE_KEY}
    result = CliRunner().invoke(app, list(words), env=settings | environment)
    assert MARK not in result.output
    assert MARK not in str(result.exception)
    return result.exit_code


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    texts = {
        "kafka": "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.username=me\n"
        f"sasl.password={PASSWORD}\n",
        "kafka-tls": f"security.protocol=SSL\nssl.key.password={PASSWORD}\nssl.keystore.password={PASSWORD}\n",
        "kafka-broken": f"security.protocol=SASL_PLAINTEXT\nsasl.mechanism=NONSENSE\nsasl.password={PASSWORD}\n",
        "delivery": f"link: https://alerts.example.org/\nwebhook: {{key: {HOOK_KEY}}}\nnotify: {{key: {NOTIFY_KEY}, "
        "email_template: a, text_template: b}\n",
        "partners": "partners: [{id: council, sources: [council-asb], keys: [{prefix: csp_council_R8ZZ, "
        f"sha256: {'a' * 64}, expires: 2099-01-01}}]}}]\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return {name: str(tmp_path / name) for name in texts} | {"data": str(tmp_path / "data")}


COMMANDS = {
    "worker": (),
    "project": ("--until-end",),
    "deliver": ("--once", "--delivery", "{delivery}"),
    "gateway": ("--partners", "{partners}"),
    "web": ("--delivery", "{delivery}"),
}


@pytest.mark.parametrize("config", ["kafka", "kafka-tls", "kafka-broken"])
@pytest.mark.parametrize("command", COMMANDS)
@telling_none
def test_whoever_kafka_does_not_let_in_says_why_without_it(files: dict[str, str], command: str, config: str) -> None:
    words = (word.format_map(files) for word in COMMANDS[command])

    code = run(command, *words, "--bootstrap", NOWHERE, "--kafka-config", files[config], "--data", files["data"])

    assert code == 1


@pytest.mark.parametrize("url", [f"postgresql://me:{PASSWORD}@{NOWHERE}/a", f"mysql://me:{PASSWORD}@db/a", PASSWORD])
@pytest.mark.parametrize("command", ["project", "deliver", "gateway", "web"])
@telling_none
def test_a_database_that_is_no_use_is_said_without_its_password(
    files: dict[str, str], command: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    option = {"deliver": "--outbox", "gateway": "--receipts"}.get(command, "--database")
    # The database is what is tried here.
    for module in ("project", "deliver", "gateway", "web"):
        monkeypatch.setattr(f"safety_stream.cli.{module}.connect_as", lambda _kafka, **_: None)
    words = (word.format_map(files) for word in COMMANDS[command])

    assert run(command, *words, option, url, "--data", files["data"]) == 1


# --- pages --------------------------------------------------------------------------------------------------


@pytest.fixture
def sign_in() -> SignInSettings:
    roles = [{"claim": "auditors", "role": "auditor", "profile": "partner"}]
    told = {"issuer": ISSUER, "client_id": CLIENT, "client_secret": PASSWORD, "url": "https://alerts.example/"}
    return SignInSettings.model_validate(told | {"roles": roles})


@pytest.mark.parametrize("down", ["", "/.well-known/openid-configuration", "/token", "/keys"])
@telling_none
def test_pages_tell_nothing_of_what_they_sign_with_or_are_known_by(
    sign_in: SignInSettings, tmp_path: Path, down: str
) -> None:
    """The provider does not know the secret, so that also where it is up nobody gets in."""
    engine = fill(tmp_path / "copy.sqlite", weeks=1)
    provider = FakeProvider()
    provider.down = {down}
    pages = make_app(site_over(engine, sign_in=sign_in, secret=COOKIE_KEY), "0.0.0.0", provider.transport)  # noqa: S104
    with TestClient(
        pages, base_url="https://alerts.example", follow_redirects=False, raise_server_exceptions=False
    ) as client:
        begun = client.get("/sign-in/begin")
        if begun.status_code == 303:
            client.get(provider.authorise(begun.headers["location"]))
        client.get("/inbox", headers={"cookie": f"__Host-session={PASSWORD}"})
        client.get("/feed", headers={"authorization": f"Bearer {PASSWORD}"})
        # What nobody foresaw is logged with where it happened.
        engine.dispose()
        (tmp_path / "copy.sqlite").write_bytes(b"no database")
        answer = client.get("/public")
    engine.dispose()

    assert MARK not in answer.text


# --- the gateway --------------------------------------------------------------------------------------------


@telling_none
def test_a_gateway_tells_no_key_of_a_partners(tmp_path: Path) -> None:
    with serving(tmp_path) as site:
        assert site.send(report()).status_code < 300
        assert site.send(report(), key=PARTNERS_KEY.key + MARK).status_code == 401
        assert site.send(report(), key=PASSWORD).status_code == 401


# --- it can fail --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "logger", ["apprise", "urllib3", "httpx", "httpcore", "authlib", "notifications_python_client"]
)
def test_libraries_that_speak_to_providers_are_heard_in_earnest_only(
    logger: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """With DEBUG they would tell addresses, in which secrets may stand."""
    configure_logs("json", "DEBUG")
    logging.getLogger(f"{logger}.deep").debug("an address: %s", PASSWORD)
    logging.getLogger(f"{logger}.deep").info("an address: %s", PASSWORD)
    logging.getLogger(f"{logger}.deep").warning("it does not answer")
    said = capfd.readouterr().err

    assert MARK not in said
    assert [json.loads(line)["event"] for line in said.splitlines()] == ["it does not answer"]
