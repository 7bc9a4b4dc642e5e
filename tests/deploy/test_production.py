"""The files of deploy/production: what they lay over the sample is for production, each door, user and secret of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from safety_stream.cli import app
from safety_stream.cli.terminal import PRODUCTION
from safety_stream.wire.rights import USERS, WORKER

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "production"
IS_SECRET = re.compile(r"SECRET|PASSWORD|KEY|TOKEN|CREDENTIAL", re.IGNORECASE)


class Compose(yaml.SafeLoader):
    """YAML with Compose's own words for "instead of the sample's" and "gone"."""


Compose.add_constructor("!override", lambda loader, node: loader.construct_mapping(node, deep=True))
Compose.add_constructor("!reset", lambda _, __: None)

SAMPLE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
LAID_OVER = yaml.load((FOLDER / "docker-compose.yml").read_text(encoding="utf-8"), Loader=Compose)  # noqa: S506 - it is a safe one


def merged(name: str) -> dict[str, Any]:
    """A service as Compose would have it: maps are merged, single values and commands replaced."""
    below, above = SAMPLE["services"].get(name, {}), LAID_OVER["services"].get(name) or {}
    environment = {**below.get("environment", {}), **above.get("environment", {})}
    return {**below, **above, "environment": environment}


OURS = sorted(
    name for name in {*SAMPLE["services"], *LAID_OVER["services"]} if merged(name).get("image") == "safety-stream"
)
# What makes the key speaks with no broker.
ON_KAFKA = [name for name in OURS if name != "keys"]
SETTINGS = dict(
    line.split("=", 1)
    for line in (FOLDER / "server.properties").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
)


def option_of(command: list[str], name: str) -> str | None:
    return command[command.index(name) + 1] if name in command else None


def options_known(command: list[str]) -> set[str]:
    found: Any = typer.main.get_command(app)
    for word in command:
        if word not in getattr(found, "commands", {}):
            break
        found = found.commands[word]
    return {option for parameter in found.params for option in parameter.opts}


@pytest.mark.parametrize("name", OURS)
def test_every_process_of_ours_is_told_that_this_is_production(name: str) -> None:
    environment = merged(name)["environment"]

    assert environment[PRODUCTION] == "yes"
    assert environment["SAFETY_STREAM_KAFKA_CONFIG"] == "/run/secrets/kafka.properties"
    assert environment["SAFETY_STREAM_BOOTSTRAP"] in SETTINGS["advertised.listeners"].replace("SCRAM://", "").split(",")


@pytest.mark.parametrize("name", OURS)
def test_every_process_of_ours_writes_nothing_but_its_state_and_may_become_nothing_more(name: str) -> None:
    service = merged(name)

    assert "user" not in service
    assert "privileged" not in service
    if name != "topics":
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", ON_KAFKA)
def test_every_process_of_ours_goes_in_as_its_own_user(name: str) -> None:
    users = {row.name for row in USERS} | {WORKER}
    (source,) = [
        one["source"]
        for one in LAID_OVER["services"][name]["secrets"]
        if isinstance(one, dict) and one["target"] == "kafka.properties"
    ]
    expected = {"topics": "administrator", "weigh": "steward"}.get(name, name)

    assert source == expected
    assert source in users | {"administrator"}
    assert LAID_OVER["secrets"][source]["file"].endswith(f"/{source}.properties")
    assert (source == "administrator") == (f"User:{source}" in SETTINGS["super.users"].split(";"))


@pytest.mark.parametrize("name", OURS)
def test_what_others_reach_speaks_tls_or_stands_behind_it(name: str) -> None:
    service = merged(name)
    command = service["command"]

    assert {word for word in command if word.startswith("--")} <= options_known(command)
    if option_of(command, "--metrics-host") not in (None, "127.0.0.1"):
        assert service["environment"]["SAFETY_STREAM_METRICS_TLS"] == "/run/secrets/figures.pem"
        assert "figures.pem" in service["secrets"]
    if option_of(command, "--host") not in (None, "127.0.0.1"):
        assert "--behind-tls" in command or {"--tls-certificate", "--tls-key"} <= set(command)
    for port in service.get("ports", ()):
        assert port.startswith("127.0.0.1:") or "--tls-certificate" in command


@pytest.mark.parametrize("name", sorted(LAID_OVER["services"]))
def test_every_secret_is_a_file_that_is_declared(name: str) -> None:
    named = [
        one if isinstance(one, str) else one["source"] for one in (LAID_OVER["services"][name] or {}).get("secrets", ())
    ]
    command = " ".join(merged(name).get("command", ()))

    assert set(named) <= set(LAID_OVER["secrets"])
    assert set(re.findall(r"/run/secrets/(\S+)", command)) <= set(named)


def test_no_file_of_a_deployment_holds_a_secret() -> None:
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    environments = [
        (name, str(value))
        for compose in (SAMPLE, LAID_OVER)
        for service in compose["services"].values()
        for name, value in ((service or {}).get("environment") or {}).items()
    ]

    assert [name for name, value in environments if IS_SECRET.search(name) and not value.startswith("${")] == []
    assert not [line for line in dockerfile.splitlines() if line.startswith(("ENV", "ARG")) and IS_SECRET.search(line)]
    assert not [name for name in SETTINGS if "password" in name]
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8"), (ROOT / ".dockerignore").read_text(encoding="utf-8")
    assert all("deploy/production/secrets" in text for text in ignored)


def test_the_broker_has_no_door_without_tls_and_none_with_an_older_one() -> None:
    doors = {one.partition("://")[0] for one in SETTINGS["listeners"].split(",")}
    protocols = dict(one.split(":") for one in SETTINGS["listener.security.protocol.map"].split(","))

    assert doors == protocols.keys()
    assert set(protocols.values()) <= {"SSL", "SASL_SSL"}
    assert SETTINGS["ssl.enabled.protocols"] == "TLSv1.3"
    assert {
        SETTINGS[f"listener.name.{door.lower()}.ssl.client.auth"] for door in doors if protocols[door] == "SSL"
    } == {"required"}


def test_the_broker_lets_nobody_do_what_nobody_allowed_and_no_process_of_ours_everything() -> None:
    super_users = {one.removeprefix("User:") for one in SETTINGS["super.users"].split(";")}

    assert SETTINGS["allow.everyone.if.no.acl.found"] == "false"
    assert SETTINGS["authorizer.class.name"].endswith(".StandardAuthorizer")
    assert super_users.isdisjoint({row.name for row in USERS} | {WORKER, "ANONYMOUS"})
