"""What the README shows is what the code does: the picture, the snippets, the commands, the settings, the links."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import confluent_kafka
import pytest
import typer

import safety_stream.edge.producer
from safety_stream.cli import app
from safety_stream.core.model.published import PublishedAlert
from safety_stream.wire.codecs import decode_report, shipped_codecs
from safety_stream.wire.topology import STAGES, TOPICS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

NODE = re.compile(r'^(\w+)(?:\[/?"([^"]+)"/?\])?$')
SNIPPETS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


def picture() -> str:
    return re.search(r"```mermaid\n(.*?)```", README, flags=re.DOTALL)[1]


def chains(arrow: str) -> Iterator[tuple[str, str]]:
    """Each pair of nodes an arrow joins, by their labels (`*` left out: a family ends in a dot, as in the topology)."""
    labels: dict[str, str] = {}
    pairs = []
    for line in picture().splitlines():
        # Dotted arrows carry words: `a -. why .-> b`.
        nodes = [NODE.match(part.strip()) for part in re.split(r"-->|-\..*?\.->", line)]
        if len(nodes) < 2 or not all(nodes):
            continue
        for node in nodes:
            if node[2] or node[1] not in labels:
                labels[node[1]] = (node[2] or node[1]).removesuffix("*")
        if ("-->" in line) == (arrow == "-->"):
            ids = [node[1] for node in nodes]
            pairs += pairwise(ids)
    return ((labels[one], labels[other]) for one, other in pairs)


def test_the_picture_shows_what_each_stage_reads_and_writes_and_nothing_else():
    reads = {(topic, row.name) for row in STAGES for topic in row.reads}
    writes = {(row.name, topic) for row in STAGES for topic in row.writes}

    assert reads | writes == set(chains("-->"))


def test_every_topic_of_the_topology_is_in_the_picture():
    shown = {label for pair in (*chains("-->"), *chains("-.->")) for label in pair}

    assert {row.name for row in TOPICS} <= shown


class Broker:
    """Stands for Kafka: keeps what is produced, gives what is to be read."""

    def __init__(self, *to_read: bytes) -> None:
        self.records: list[dict[str, object]] = []
        self.settings: list[dict[str, object]] = []
        self._to_read = to_read

    def client(self, settings: dict[str, object]) -> "Broker":
        self.settings.append(settings)
        return self

    def produce(self, topic: str, value: bytes, key: bytes, **rest: object) -> None:
        self.records.append({"topic": topic, "value": value, "key": key, **rest})

    def poll(self, *_: float) -> int:
        return 0

    def flush(self, *_: float) -> int:
        return 0

    def subscribe(self, topics: list[str]) -> None:
        self.topics = topics

    def consume(self, *_: float, **__: float) -> list["Message"]:
        return [Message(value) for value in self._to_read]


class Message:
    def __init__(self, value: bytes) -> None:
        self._value = value

    def value(self) -> bytes:
        return self._value


def run(snippet: str) -> None:
    exec(compile(snippet, "README.md", "exec"), {"__name__": "readme"})  # noqa: S102 - our own README


def snippet_with(word: str) -> str:
    (found,) = [snippet for snippet in SNIPPETS if word in snippet]
    return found


def test_every_python_snippet_compiles():
    assert SNIPPETS

    for snippet in SNIPPETS:
        ast.parse(snippet)


def test_the_partners_snippet_sends_a_report_that_can_be_read(monkeypatch: pytest.MonkeyPatch):
    broker = Broker()
    monkeypatch.setattr(safety_stream.edge.producer, "Producer", broker.client)

    run(snippet_with("ReportProducer"))

    (record,) = broker.records
    report = decode_report(record["value"])
    assert ("partner.council-asb", "case-4711") == (record["topic"], report.source_ref)
    assert b"4df9" not in record["key"]


def test_the_partners_snippet_takes_ten_lines():
    lines = [line for line in snippet_with("ReportProducer").splitlines() if line.strip()]

    assert len(lines) <= 11  # the import and ten lines


def test_the_avro_clients_snippet_sends_a_report_that_can_be_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    broker = Broker()
    monkeypatch.setattr(confluent_kafka, "Producer", broker.client)

    run(snippet_with("fastavro"))

    (record,) = broker.records
    report = decode_report(record["value"])
    assert ("partner.fire", "fire", "new") == (record["topic"], report.source, report.action)
    assert "IncidentReport" in capsys.readouterr().out


def test_the_readers_snippet_prints_an_alert(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    alert = PublishedAlert(
        seq=7, audience="duty-officer", alert_id="a-1", version=2, change="withdrawn", as_of=1, explanation="No more."
    )
    broker = Broker(shipped_codecs().encode(alert))
    monkeypatch.setattr(confluent_kafka, "Consumer", broker.client)

    run(snippet_with("Consumer"))

    assert capsys.readouterr().out == "7 withdrawn a-1 2 None No more.\n"
    assert broker.settings[0]["isolation.level"] == "read_committed"


def commands() -> Iterator[tuple[str, object]]:
    return below("", typer.main.get_command(app))


def below(before: str, group: object) -> Iterator[tuple[str, object]]:
    """The commands of a group; a group that does something by itself is one too."""
    for name, command in group.commands.items():
        inner = getattr(command, "commands", None)
        if inner is None or command.invoke_without_command:
            yield f"{before}{name}", command
        if inner is not None:
            yield from below(f"{before}{name} ", command)


def test_every_command_is_in_the_table_and_no_other():
    table = README.partition("## Commands")[2].partition("\n## ")[0]
    named = {name for row in re.findall(r"^\|(.*?)\|", table, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)}

    assert {name for name, _ in commands()} == named


def test_every_environment_variable_is_in_the_table_with_its_option():
    known = {
        (parameter.envvar, parameter.opts[0])
        for _, command in commands()
        for parameter in command.params
        if parameter.envvar
    }

    assert known == set(re.findall(r"^\| `(SAFETY_STREAM_\w+)` \| `(--[\w-]+)`", README, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_linked_to_exists(page: Path):
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]

    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_line_shown_has_the_options_it_uses(page: Path):
    options = {
        name: {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
        for name, command in commands()
    }
    text = page.read_text(encoding="utf-8")
    unknown = [
        (name, option)
        for line in re.findall(r"safety-stream ([^`\n;|]+)", text)
        # The longest: a group that is a command too begins the names of those in it.
        for name in sorted((one for one in options if line.startswith(one)), key=len)[-1:]
        for option in re.findall(r"--[\w-]+", line)
        if option not in options[name]
    ]

    assert unknown == []
