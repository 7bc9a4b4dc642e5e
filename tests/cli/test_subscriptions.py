"""Subscribing at the terminal: what is kept, what is refused and why, and that no secret is ever shown twice."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook
from tests.delivery.servers import web
from typer.testing import CliRunner

from safety_stream.cli import app

SETTINGS = f"""
link: https://alerts.example.invalid/
addresses: {{duty-desk: desk@example.invalid}}
webhook: {{key: {"k" * 40}}}
mail: {{host: mail.example.invalid, sender: alerts@example.invalid, user: u, password: secret-zz}}
"""


class Terminal:
    def __init__(self, folder: Path) -> None:
        self.settings = folder / "delivery.yaml"
        self.settings.write_text(SETTINGS, encoding="utf-8")
        self.environment = {"SAFETY_STREAM_DATA": str(folder / "data"), "SAFETY_STREAM_DELIVERY": str(self.settings)}

    def run(self, *words: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(app, list(words), env=self.environment)
        assert "Traceback" not in result.output
        return result.exit_code, result.stdout, result.stderr

    def json(self, *words: str) -> list[dict[str, Any]]:
        code, out, err = self.run(*words, "--json")
        assert code == 0, err
        return [json.loads(line) for line in out.splitlines()]


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


HOOK = ("alerts", "subscribe", "--audience", "duty-officer", "--webhook", "https://example.org/alerts")


def test_a_subscription_is_kept_as_it_was_asked_for(terminal: Terminal):
    (made,) = terminal.json(
        *HOOK, "--area", "E07000117", "--family", "threshold", "--priority", "P2", "--priority", "P1",
        "--marking", "OFFICIAL-SENSITIVE", "--quiet", "22:00-07:00", "--digest-at", "08:15",
    )  # fmt: skip
    secret = made.pop("secret")

    assert secret.startswith("whsec_")
    assert terminal.json("alerts", "subscriptions") == [made]
    assert {name: made[name] for name in ("areas", "families", "priorities", "markings", "quiet", "digest_at")} == {
        "areas": ["E07000117"],
        "families": ["threshold"],
        "priorities": ["P1", "P2"],
        "markings": ["OFFICIAL-SENSITIVE"],
        "quiet": {"starts": 22 * 60, "ends": 7 * 60},
        "digest_at": 8 * 60 + 15,
    }


def test_a_secret_is_in_no_table_and_in_no_file(terminal: Terminal, tmp_path: Path):
    (made,) = terminal.json(*HOOK)

    assert made["secret"] not in terminal.run("alerts", "subscriptions")[1]
    kept = [file for file in (tmp_path / "data").iterdir() if made["secret"].encode() in file.read_bytes()]
    assert kept == []


def test_one_that_has_ended_is_shown_only_to_who_asks(terminal: Terminal):
    (made,) = terminal.json("alerts", "subscribe", "--audience", "duty-officer", "--to", "mail:duty-desk")
    (ended,) = terminal.json("alerts", "unsubscribe", made["subscription_id"][:8])

    assert ended["ended"] >= made["since"]
    assert terminal.json("alerts", "subscriptions") == []
    assert terminal.json("alerts", "subscriptions", "--ended") == [ended]
    assert "ended" in terminal.run("alerts", "subscriptions", "--ended")[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--audience", "nobody", "--to", "mail:duty-desk"), "there is no audience nobody, only duty-officer"),
        (("--audience", "duty-officer", "--to", "pigeon:roof"), "there is no channel pigeon, only webhook, mail"),
        (("--audience", "duty-officer", "--to", "notify:duty-desk"), "notify is not set up: state `notify:`"),
        (("--audience", "duty-officer", "--to", "mail:roof"), "roof is no address: name one under `addresses:`"),
        (("--audience", "duty-officer", "--to", "mail"), "a destination is written --to mail:duty-desk"),
        (("--audience", "duty-officer"), "say where to"),
        (("--audience", "duty-officer", "--webhook", "http://example.org/"), "a web hook begins with https://"),
        (("--audience", "duty-officer", "--webhook", "https://u:p@example.org/"), "no user or password"),
        (("--audience", "duty-officer", "--to", "mail:duty-desk", "--area", "E99"), "there is no area E99"),
        (
            ("--audience", "duty-officer", "--to", "mail:duty-desk", "--marking", "SECRET"),
            "duty-officer has no alerts of the marking SECRET, only of OFFICIAL-SENSITIVE",
        ),
        (
            ("--audience", "asb-lead", "--to", "mail:duty-desk", "--family", "threshold"),
            "asb-lead has no alerts of the family threshold, only of repeat-victimisation",
        ),
        (
            ("--audience", "asb-lead", "--to", "mail:duty-desk", "--priority", "P2", "--priority", "P1"),
            "asb-lead has no alerts of the priority P1, only of P2, P3",
        ),
    ],
)
def test_what_would_tell_nobody_anything_is_refused(terminal: Terminal, words: tuple[str, ...], said: str):
    code, _, err = terminal.run("alerts", "subscribe", *words)

    assert code == 1
    assert said in " ".join(err.split())
    assert terminal.json("alerts", "subscriptions") == []


@pytest.mark.parametrize(
    "words",
    [
        ("--quiet", "22:00"),
        ("--quiet", "22:00-22:00"),
        ("--digest-at", "8.30"),
        ("--priority", "P9"),
        ("--family", "x"),
    ],
)
def test_what_cannot_be_read_is_a_usage_error(terminal: Terminal, words: tuple[str, ...]):
    assert terminal.run(*HOOK, *words)[0] == 2


def test_who_is_not_there_cannot_be_ended(terminal: Terminal):
    code, _, err = terminal.run("alerts", "unsubscribe", "zz")

    assert code == 1
    assert "zz begins no subscriptions: see `safety-stream alerts subscriptions`" in " ".join(err.split())


def test_settings_that_cannot_be_read_are_told_without_their_values(terminal: Terminal):
    terminal.settings.write_text(SETTINGS.replace("host:", "hots:"), encoding="utf-8")
    code, out, err = terminal.run(*HOOK)

    assert code == 1
    assert "mail.hots" in err
    assert "secret-zz" not in out + err


def test_a_database_that_cannot_be_opened_is_told_without_its_password(terminal: Terminal):
    for url in ("postgresql://u:secret-zz@127.0.0.1:1/x", "nonsense", "sqlite:////no/such/folder/x.sqlite"):
        code, out, err = terminal.run("alerts", "subscriptions", "--outbox", url)

        assert code == 1
        assert "secret-zz" not in out + err
        assert "database" in err


def test_without_the_extra_a_command_says_what_to_install(terminal: Terminal, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    for name in [name for name in sys.modules if name.startswith("safety_stream.delivery.database")]:
        monkeypatch.delitem(sys.modules, name)

    code, _, err = terminal.run("alerts", "subscriptions")

    assert code == 1
    assert "pip install 'safety-stream[delivery]'" in " ".join(err.split())


def test_a_trial_arrives_signed_and_is_kept_nowhere(terminal: Terminal):
    with web() as server:
        terminal.settings.write_text(SETTINGS.replace("}\nmail", ", private_addresses: true}\nmail"), encoding="utf-8")
        hook = ("alerts", "subscribe", "--audience", "duty-officer", "--webhook", f"{server.url}/hook")
        (made,) = terminal.json(*hook)
        (tried,) = terminal.json("alerts", "try", made["subscription_id"][:8])
        ((path, headers, body),) = server.posts

        assert tried == {"subscription": made["subscription_id"], "taken": True, "why": None}
        assert path == "/hook"
        # Who was shown the secret can check it.
        signed = Webhook(made["secret"]).sign(
            headers["webhook-id"], datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC), body.decode()
        )
        assert headers["webhook-signature"] == signed
        assert json.loads(body)["type"] == "alerts.trial"
        server.behaves = "403"
        code, out, _ = terminal.run("alerts", "try", made["subscription_id"])
        assert (code, "Not taken (shut-out): it does not let us in" in out) == (2, True)
    assert terminal.run("alerts", "try", "zz")[0] == 1


def test_whoever_subscribes_is_told_how_to_try_it(terminal: Terminal):
    _, out, err = terminal.run(*HOOK)

    assert f"safety-stream alerts try {out.split()[1][:8]}" in err
