"""The Dockerfile and the compose file say what the code does. No daemon is asked."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from safety_stream.catalogue.loading import load_catalogue
from safety_stream.cli import app
from safety_stream.cli.web import SECRET
from safety_stream.data_files import catalogue_folder
from safety_stream.sealing.settings import FileSettings, read_sealing_settings
from safety_stream.web.sign_in import read_sign_in

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if service["image"] == "safety-stream"]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DRAIN_SECONDS = 10
NOT_SCRAPED = {"keys", "topics", "weigh"}
"""They end, or sleep for most of the time, and say what they did."""


def instructions() -> list[tuple[str, str]]:
    text = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


def last(name: str) -> str:
    return [rest for instruction, rest in instructions() if instruction == name][-1]


def parse(arguments: list[str]) -> dict[str, object]:
    """The options of a command line, as the real command line reads them; nothing is run."""
    command, name = typer.main.get_command(app), "safety-stream"
    while hasattr(command, "commands"):
        name, *arguments = arguments
        command = command.commands[name]
    return command.make_context(name, list(arguments)).params


def command_of(name: str) -> list[str]:
    """A service's command line, with what is mounted for it named as it is named here."""
    mounts = [mount.removesuffix(":ro").split(":") for mount in SERVICES[name].get("volumes", ())]
    command = SERVICES[name]["command"]
    for source, target in mounts:
        if source not in COMPOSE["volumes"]:
            command = [word.replace(target, str(ROOT / source)) for word in command]
    return command


def environment_variables() -> set[str]:
    def leaves(command: object) -> Iterator[object]:
        for inner in getattr(command, "commands", {}).values():
            yield from leaves(inner)
        yield command

    return {
        str(parameter.envvar) for command in leaves(typer.main.get_command(app)) for parameter in command.params
    } - {"None"}


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in environment_variables():
        monkeypatch.delenv(name, raising=False)


def test_what_is_copied_into_the_image_exists_and_is_in_the_build_context():
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    copied = [
        source
        for instruction, rest in instructions()
        if instruction == "COPY" and "--from" not in rest
        for source in shlex.split(rest)[:-1]
    ]

    assert copied
    assert [source for source in copied if not (ROOT / source).exists() or source in ignored] == []


def test_the_image_runs_as_nobody_in_particular():
    order = [instruction for instruction, _ in instructions()]

    assert int(last("USER")) > 0
    assert order.index("USER") < order.index("ENTRYPOINT")


def test_the_images_command_is_one_of_ours():
    assert '["safety-stream"]' == last("ENTRYPOINT")
    assert parse(yaml.safe_load(last("CMD")))["stages"] == ""


def test_the_image_keeps_its_state_in_its_volume():
    settings = dict(pair.split("=", 1) for pair in shlex.split(last("ENV")))

    assert last("VOLUME") == settings["SAFETY_STREAM_DATA"]
    assert f"--home-dir {last('VOLUME')}" in " ".join(rest for name, rest in instructions() if name == "RUN")
    assert {name for name in settings if name.startswith("SAFETY_STREAM_")} <= environment_variables()


def test_the_image_has_a_python_the_project_is_for():
    version = {re.match(r"python:(\d+\.\d+)-slim", rest)[1] for name, rest in instructions() if name == "FROM"}

    assert len(version) == 1
    assert f"Programming Language :: Python :: {version.pop()}" in PROJECT["project"]["classifiers"]


def test_everything_fetched_for_the_image_is_checked_by_its_hash():
    fetching = [
        command
        for name, rest in instructions()
        if name == "RUN"
        for command in rest.split("&&")
        if re.search(r"pip (install|wheel)", command)
    ]

    assert [one for one in fetching if not re.search(r"--require-hashes|--no-index|--no-deps --no-build", one)] == []


def test_the_lock_pins_each_requirement_with_hashes_and_holds_all_that_is_required():
    pins = re.findall(r"^([A-Za-z0-9._-]+)==\S+(.*?)(?=^\S|\Z)", LOCK, flags=re.MULTILINE | re.DOTALL)
    required = [
        *PROJECT["project"]["dependencies"],
        *PROJECT["dependency-groups"]["dev"],
        *PROJECT["build-system"]["requires"],
    ]
    wanted = {canonicalize_name(Requirement(one).name) for one in required}

    assert [name for name, rest in pins if "--hash=sha256:" not in rest] == []
    assert wanted <= {canonicalize_name(name) for name, _ in pins}


@pytest.mark.parametrize("name", OURS)
def test_each_command_of_the_compose_file_is_one_of_ours(name: str):
    assert parse(command_of(name))


@pytest.mark.parametrize("name", OURS)
def test_each_service_that_runs_our_image_also_builds_it(name: str):
    build = SERVICES[name]["build"]

    assert (ROOT / build["context"] / build["dockerfile"]).is_file()


@pytest.mark.parametrize("name", OURS)
def test_each_setting_of_the_compose_file_is_one_of_ours(name: str):
    assert set(SERVICES[name]["environment"]) <= environment_variables() | {SECRET}


def test_the_workers_metrics_are_at_the_port_the_image_exposes():
    assert str(parse(command_of("worker"))["metrics_port"]) == last("EXPOSE")


def test_the_metrics_of_each_process_are_where_prometheus_asks():
    jobs = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
    asked = {one["names"][0]: one["port"] for job in jobs for one in job["dns_sd_configs"]}
    served = {name: parse(command_of(name)) for name in OURS if name not in NOT_SCRAPED}

    assert asked == {name: options["metrics_port"] for name, options in served.items()}
    # Inside a network of its own.
    assert {options["metrics_host"] for options in served.values()} == {"0.0.0.0"}  # noqa: S104


def test_a_worker_has_time_to_end():
    assert int(SERVICES["worker"]["stop_grace_period"].removesuffix("s")) > DRAIN_SECONDS
    assert last("STOPSIGNAL") == "SIGTERM"


@pytest.mark.parametrize("name", sorted(set(OURS) - {"topics"}))
def test_a_process_can_write_nothing_but_its_state(name: str):
    service = SERVICES[name]

    assert (True, ["ALL"]) == (service["read_only"], service["cap_drop"])


def test_what_processes_keep_outlives_their_containers():
    kept = {
        name: dict(mount.split(":")[1::-1] for mount in SERVICES[name]["volumes"])
        for name in ("project", "web", "weigh", "deliver")
    }

    assert {name: mounts[last("VOLUME")] for name, mounts in kept.items()} == {
        "project": "pages-data",
        "web": "pages-data",
        "weigh": "pages-data",
        "deliver": "outbox-data",
    }


def test_pages_are_for_those_who_sign_in_and_for_this_machine_alone_until_something_speaks_tls():
    web = SERVICES["web"]
    options = parse(command_of("web"))
    catalogue = load_catalogue(catalogue_folder())

    assert web["profiles"] == SERVICES["project"]["profiles"] == SERVICES["weigh"]["profiles"] == ["pages"]
    # Only this machine's own proxy reaches it, at the port it listens on.
    assert web["ports"] == [f"127.0.0.1:{options['port']}:{options['port']}"]
    assert options["sign_in"]
    settings = read_sign_in(Path(str(options["sign_in"])), catalogue)
    assert settings.url.startswith("https://")
    assert web["environment"] == COMPOSE["x-backbone"]["environment"] | {
        SECRET: f"${{{SECRET}:-}}",
    }


def test_pages_edit_the_subscriptions_that_delivery_reads():
    web, deliver = (parse(command_of(name)) for name in ("web", "deliver"))
    mounts = dict(mount.split(":")[1::-1] for mount in SERVICES["web"]["volumes"] if not mount.endswith(":ro"))
    folder, _, file = str(web["outbox"]).removeprefix("sqlite:///").rpartition("/")

    assert web["delivery"] == deliver["delivery"]
    # Delivery's own file in its own data folder.
    assert (mounts[folder], file) == ("outbox-data", "delivery.sqlite")
    # A new volume belongs to whom the folder belongs to that it is mounted over.
    made = " ".join(rest for name, rest in instructions() if name == "RUN")
    assert re.search(rf"install --directory --owner {last('USER')} {folder}\b", made)
    assert deliver["outbox"] is None


def test_the_image_has_all_that_its_processes_need():
    installed = re.search(
        r"safety-stream\[([a-z,]+)\]", " ".join(rest for name, rest in instructions() if name == "RUN")
    )

    assert set(installed[1].split(",")) >= {"delivery", "sealing", "web"}
    assert set(installed[1].split(",")) <= set(PROJECT["project"]["optional-dependencies"])


def test_the_broker_writes_into_its_volume_and_is_found_where_the_worker_looks():
    kafka = SERVICES["kafka"]
    _, folder = kafka["volumes"][0].split(":")

    assert kafka["environment"]["KAFKA_LOG_DIRS"] == folder
    for name in OURS:
        assert (
            f"PLAINTEXT://{SERVICES[name]['environment']['SAFETY_STREAM_BOOTSTRAP']}"
            == (kafka["environment"]["KAFKA_ADVERTISED_LISTENERS"])
        )


def test_topics_are_made_by_us_alone_and_before_a_worker_starts():
    assert SERVICES["kafka"]["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    assert SERVICES["worker"]["depends_on"]["topics"] == {"condition": "service_completed_successfully"}


def test_workers_seal_by_keys_that_are_kept_apart_from_the_key_that_opens_them():
    settings = {name: str(parse(command_of(name))["sealing"]) for name in ("worker", "weigh")}
    sealing = read_sealing_settings(Path(settings["worker"]))
    mounts = {
        name: dict(mount.removesuffix(":ro").split(":")[1::-1] for mount in SERVICES[name]["volumes"])
        for name in ("keys", "worker", "weigh")
    }
    assert isinstance(sealing.key, FileSettings)
    store, key = Path(sealing.store.removeprefix("sqlite:///")).parent, sealing.key.file.parent
    made = " ".join(rest for name, rest in instructions() if name == "RUN")

    assert settings["worker"] == settings["weigh"]
    assert {mounts[name][str(store)] for name in ("worker", "weigh")} == {"keys-data"}
    assert {mounts[name][str(key)] for name in mounts} == {"kek-data"}
    assert str(sealing.key.file) in SERVICES["keys"]["command"]
    assert SERVICES["worker"]["depends_on"]["keys"] == {"condition": "service_completed_successfully"}
    # A new volume belongs to whom the folder belongs to that it is mounted over.
    assert {str(store), str(key)} <= set(made.partition(f"--owner {last('USER')} ")[2].split())


def test_what_services_wait_for_and_mount_is_defined():
    waited_for = {name for service in SERVICES.values() for name in service.get("depends_on", {})}
    mounts = [mount.split(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])]

    assert waited_for <= set(SERVICES)
    assert [one for one in mounts if one not in COMPOSE["volumes"] and not (ROOT / one).is_dir()] == []
