"""`--production`: each process tells at once all that is for development, and starts only when nothing is."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
import uvicorn
from typer.testing import CliRunner

from safety_stream.cli import app
from safety_stream.cli.terminal import PRODUCTION
from safety_stream.cli.web import SECRET
from safety_stream.data_files import catalogue_folder
from safety_stream.keyring import digest_of
from safety_stream.production import TLS_SETTINGS

EVERYWHERE = "0.0.0.0"  # noqa: S104 - nothing is served
PASSWORD = "correct-horse-battery"
KEY = "ArP8vQ2xk0ZcM1nT5yUeWb7RdJfGhLsO"
ELSEWHERE = f"postgresql://pages:{PASSWORD}@db.example.org/pages"
TLS_TO_KAFKA = (
    "security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\nsasl.username=worker\n"
    f"sasl.password={PASSWORD}\nssl.ca.location=/etc/ca.pem\n"
)
FIGURES = ("--metrics-port", "9464", "--metrics-host", EVERYWHERE)
OF_EACH = {
    "Kafka is spoken to in plain text",
    "agreement isa-crime-and-disorder is a sample that nobody signed",
    "agreement isa-safeguarding is a sample that nobody signed",
    "figures for Prometheus would be served in plain text to whoever reaches this machine",
}
DATABASE = "the database of {} is on another machine, and it is not said that TLS 1.3 has to be spoken"


@pytest.fixture(autouse=True)
def settings_of_openssl(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a process would be given: what a command sets here would stay for other tests."""
    monkeypatch.setenv("OPENSSL_CONF", str(TLS_SETTINGS))


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalogue that ships, as if its agreements had been signed."""
    folder = Path(shutil.copytree(catalogue_folder(), tmp_path_factory.mktemp("signed") / "catalogue"))
    file = folder / "policy" / "agreements.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("    made_up: true\n", ""), encoding="utf-8")
    return folder


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Settings of each kind, all of them for development, and some for production."""
    texts = {
        "partners": "partners: [{id: council, sources: [council-asb], keys: [{prefix: csp_council_R8ZZ, "
        f"sha256: {digest_of('made up')}, expires: 2099-01-01}}]}}]\n",
        "delivery": "link: http://127.0.0.1:8080/alerts/\n"
        "addresses: {room: json://chat.example.org/room, safe-room: jsons://chat.example.org/room}\n"
        "mail: {host: mail.example.org, security: none, sender: alerts@example.org}\n"
        "notify: {key: a, email_template: b, text_template: c, url: http://notify.example.org}\n"
        f"webhook: {{key: {'development' * 4}, private_addresses: true}}\napprise: {{}}\n",
        "delivery-secured": "link: https://alerts.example.org/alerts/\n"
        f"mail: {{host: mail.example.org, sender: alerts@example.org}}\nwebhook: {{key: {KEY}}}\n",
        "sign-in": "issuer: https://login.example.org\nclient_id: pages\nurl: https://alerts.example.org/\n"
        "roles: [{claim: auditors, role: auditor, profile: partner}]\n",
        "kafka": TLS_TO_KAFKA,
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return {name: str(tmp_path / name) for name in texts}


OF_KEYS = DATABASE.format("store in the file of --sealing")


@pytest.fixture
def sealing(tmp_path: Path) -> str:
    """Settings of a key store on another machine."""
    (tmp_path / "sealing.yaml").write_text(f"store: {ELSEWHERE}\nkey: {{file: kek}}\n", encoding="utf-8")
    return str(tmp_path / "sealing.yaml")


def run(*words: str, **environment: str) -> tuple[int, str]:
    settings = {"COLUMNS": "400", "NO_COLOR": "1"} | environment
    result = CliRunner().invoke(app, list(words), env=settings)
    assert PASSWORD not in result.output
    assert KEY not in result.output
    assert "Traceback" not in result.output
    return result.exit_code, result.stderr


def numbered(said: str) -> set[str]:
    """What is wrong by a refusal's lines, each of which has a mend."""
    lines = re.findall(r"^  \d+\. (.+?): (.+)$", said, flags=re.MULTILINE)
    assert len(lines) == len(said.splitlines()) - 1
    return {what for what, _ in lines}


def refused(words: Sequence[str]) -> set[str]:
    code, said = run(*words, "--production")
    assert code == 1
    assert said.startswith("error: this is not for production, and nothing was started:\n  1. ")
    return numbered(said)


def test_a_worker_tells_at_once_all_that_is_for_development():
    assert refused(("worker", *FIGURES)) == OF_EACH


def test_a_worker_that_seals_looks_at_the_store_of_keys_too(sealing: str):
    assert refused(("worker", "--sealing", sealing, *FIGURES)) == OF_EACH | {OF_KEYS}


def test_a_copy_does():
    assert refused(("project", "--database", ELSEWHERE, *FIGURES)) == OF_EACH | {DATABASE.format("--database")}


def test_a_gateway_does(files: dict[str, str]):
    words = ("gateway", "--partners", files["partners"], "--receipts", ELSEWHERE, "--host", EVERYWHERE, *FIGURES)

    assert refused(words) == OF_EACH | {
        DATABASE.format("--receipts"),
        "reports and keys would be served in plain text to whoever reaches this machine",
    }


IN_DELIVERY = {
    "the link in messages leads to pages in plain text",
    "mail is handed over in plain text",
    "GOV.UK Notify is spoken to in plain text",
    "web hooks may be in plain text and lead into our own network",
    "webhook.key is a pattern that can be guessed",
    "addresses.room is a service that is spoken to in plain text",
}


def test_delivery_does(files: dict[str, str]):
    words = ("deliver", "--delivery", files["delivery"], "--outbox", ELSEWHERE, *FIGURES)

    assert refused(words) == OF_EACH | IN_DELIVERY | {DATABASE.format("--outbox")}


def test_pages_do(files: dict[str, str]):
    databases = ("--database", ELSEWHERE, "--outbox", ELSEWHERE)

    assert refused(("web", "--delivery", files["delivery"], *databases, "--host", EVERYWHERE, *FIGURES)) == (
        OF_EACH
        | IN_DELIVERY
        | {
            DATABASE.format("--database"),
            DATABASE.format("--outbox"),
            "people choose who they are, without a password",
            "pages would be served in plain text to whoever reaches this machine",
            f"{SECRET} is not stated",
        }
    )


@pytest.mark.parametrize("secret", ["development", "development" * 4])
def test_pages_take_no_secret_that_is_guessed(files: dict[str, str], signed: Path, secret: str):
    code, said = run("web", "--read-only", "--sign-in", files["sign-in"], "--production", "--catalogue", str(signed),
                     **{SECRET: secret})  # fmt: skip

    assert code == 1
    assert len(numbered(said)) == 1
    assert SECRET in said
    assert secret not in said


def test_pages_that_have_all_start(
    files: dict[str, str], signed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Behind something that speaks TLS, with a sign-in and a secret of their own, and figures over TLS."""
    served: list[object] = []
    monkeypatch.setattr(uvicorn, "run", lambda made, **_: served.append(made))
    words = (
        "--sign-in",
        files["sign-in"],
        "--host",
        EVERYWHERE,
        "--behind-tls",
        "--delivery",
        files["delivery-secured"],
    )

    code, said = run("web", "--read-only", *words, "--catalogue", str(signed), "--data", str(tmp_path),
                     **{SECRET: KEY, PRODUCTION: "yes"})  # fmt: skip

    assert (code, len(served)) == (0, 1), said


@pytest.mark.parametrize(
    "words", [("worker",), ("project",), ("web",), ("gateway", "--partners", "{partners}"),
              ("deliver", "--delivery", "{delivery-secured}"), ("topics", "plan"), ("alerts", "show")],
    ids=lambda words: words[0],
)  # fmt: skip
def test_the_environment_says_it_for_every_command_of_kafkas(files: dict[str, str], words: tuple[str, ...]):
    code, said = run(*(word.format_map(files) for word in words), **{PRODUCTION: "1"})

    assert code == 1
    assert "Kafka is spoken to in plain text" in numbered(said)


def test_settings_of_openssl_that_let_older_tls_in_are_refused(
    files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    stated = tmp_path / "openssl.cnf"
    stated.write_text("[least]\nMinProtocol = TLSv1.2\n", encoding="utf-8")
    found = []
    for file in (stated, tmp_path / "nowhere.cnf"):
        monkeypatch.setenv("OPENSSL_CONF", str(file))
        code, said = run("topics", "plan", "--production", "--kafka-config", files["kafka"])
        assert code == 1
        found += numbered(said)

    assert found == [
        "the file named by OPENSSL_CONF lets older TLS than 1.3 be spoken with Kafka",
        "the file named by OPENSSL_CONF cannot be read",
    ]


def test_doctor_tells_the_same(files: dict[str, str], sealing: str):
    words = ("doctor", "--production", "--json", "--delivery", files["delivery"], "--outbox", ELSEWHERE)
    words = (*words, "--sealing", sealing)
    result = CliRunner().invoke(app, [*words, "--bootstrap", "127.0.0.1:1"])
    findings = [json.loads(line) for line in result.stdout.splitlines()]
    found = {one["what"] for one in findings if one["check"] == "production" and one["level"] == "fail" and one["mend"]}

    assert found == (OF_EACH - {next(one for one in OF_EACH if "figures" in one)}) | IN_DELIVERY | {
        DATABASE.format("--outbox"),
        OF_KEYS,
    }


def test_doctor_has_nothing_to_say_of_what_is_for_production(files: dict[str, str], signed: Path):
    words = ("--kafka-config", files["kafka"], "--delivery", files["delivery-secured"], "--catalogue", str(signed))
    result = CliRunner().invoke(app, ["doctor", "--production", "--json", *words, "--bootstrap", "127.0.0.1:1"])
    (found,) = [one for one in map(json.loads, result.stdout.splitlines()) if one["check"] == "production"]

    assert (found["level"], found["what"]) == ("ok", "nothing of what is stated here is for development")


def test_no_token_is_made_with_the_key_everybody_knows(tmp_path: Path):
    persons = tmp_path / "persons.csv"
    persons.write_text("ref,forename,surname,born\n", encoding="utf-8")
    out = tmp_path / "parties.jsonl"

    code, said = run("tokens", "make", str(persons), "--purpose", "safeguarding", "--out", str(out), "--development",
                     **{PRODUCTION: "1"})  # fmt: skip

    assert code == 1
    assert "everybody knows the development key" in said
    assert not out.exists()
