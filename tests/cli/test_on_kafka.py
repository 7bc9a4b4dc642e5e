"""The commands against a real Kafka: topics, ingest and its resumption, published feeds, dead letters, doctor."""

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path
from threading import Thread

import msgspec
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from tests.catalogue.copying import another_county, with_another_desk
from tests.core.cap_schema import CAP, faults, parsed
from typer.testing import CliRunner

from safety_stream.cli import app
from safety_stream.cli import worker as cli_worker
from safety_stream.config import Connection
from safety_stream.core.model.dead_letters import DeadLetter
from safety_stream.core.model.findings import Evidence, Finding
from safety_stream.core.model.handling import ActionAnswer, AlertAction
from safety_stream.core.model.published import PublishedAlert, PublishedIndicator
from safety_stream.core.model.reports import Report
from safety_stream.core.model.times import HOUR, to_day
from safety_stream.edge.canonical import to_line
from safety_stream.edge.producer import cloud_event_headers
from safety_stream.streaming.ports import Incoming
from safety_stream.streaming.provisioning import create
from safety_stream.streaming.reading import follow_from, low_watermarks, read_to_end
from safety_stream.wire.records import Records
from safety_stream.wire.topology import Topic

pytestmark = pytest.mark.kafka

NOON = 1_772_366_400_000
JULY = to_day(date(2018, 7, 1))


class Terminal:
    """Runs commands against one cluster, with a catalogue whose source and audience nobody else has."""

    def __init__(self, bootstrap: str, folder: Path, source: str, audience: str) -> None:
        self.bootstrap = bootstrap
        self.folder = folder
        self.source = source
        self.audience = audience
        self.environment = {
            "SAFETY_STREAM_BOOTSTRAP": bootstrap,
            "SAFETY_STREAM_CATALOGUE": str(folder / "catalogue"),
            "SAFETY_STREAM_DATA": str(folder / "data"),
        }

    def run(self, *words: object) -> tuple[int, str, str]:
        result = CliRunner().invoke(app, [str(word) for word in words], env=self.environment)
        assert "Traceback" not in result.output
        return result.exit_code, result.stdout, result.stderr

    def json(self, *words: object, code: int = 0) -> list[dict]:
        exit_code, out, err = self.run(*words, "--json")
        assert exit_code == code, err
        return [json.loads(line) for line in out.splitlines()]

    def started(self, *words: str) -> subprocess.Popen[str]:
        """A command in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "safety_stream", *words],
            env=os.environ | self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def terminal(kafka: str, tmp_path: Path, topic_prefix: str) -> Terminal:
    catalogue = another_county(tmp_path / "catalogue")
    source, audience = f"{topic_prefix}feed", f"{topic_prefix}desk"
    with (catalogue / "sources.yaml").open("a", encoding="utf-8") as file:
        file.write(
            f"  - {{id: {source}, organisation: council, title: T, kinds: [police-crime], identity: place-only, "
            "usual_latency: 1 day, covers_from: 2010-12-01}\n"
        )
    with_another_desk(catalogue, audience)
    return Terminal(kafka, tmp_path, source, audience)


@pytest.fixture
def ready(terminal: Terminal) -> Terminal:
    """With every topic there."""
    terminal.json("topics", "apply")
    return terminal


def reports(source: str, count: int) -> list[Report]:
    return [
        Report(
            source=source,
            source_ref=f"ref-{number}",
            source_version=1,
            action="new",
            kind="police-crime",
            category="burglary",
            occurred_from=NOON + number,
            reported_at=NOON + number,
        )
        for number in range(count)
    ]


def written(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def produced(bootstrap: str, topic: str, values: list[msgspec.Struct], **settings: object) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "log_level": 0})
    for value in values:
        producer.produce(topic, Records().encode(topic, value), **settings)
    assert producer.flush(30) == 0


# Topics.


def test_plan_says_what_is_missing_and_changes_nothing(terminal: Terminal):
    (first,) = terminal.json("topics", "plan", code=2)
    (second,) = terminal.json("topics", "plan", code=2)

    assert {f"partner.{terminal.source}", f"backfill.{terminal.source}"} <= set(first["create"])
    assert second == first


def test_apply_creates_what_is_missing_and_then_nothing_is_to_do(terminal: Terminal):
    (applied,) = terminal.json("topics", "apply")

    assert f"alerts.{terminal.audience}" in applied["created"]
    assert terminal.json("topics", "plan") == [{"create": [], "created": [], "differing": []}]
    assert terminal.json("topics", "apply") == [{"create": [], "created": [], "differing": []}]


def test_another_number_of_partitions_is_reported_and_left_alone(ready: Terminal):
    (applied,) = ready.json("topics", "apply", "--partitions", 5, code=2)

    assert {"topic": "incidents", "setting": "partitions", "wanted": "5", "found": "4"} in applied["differing"]
    ready.json("topics", "plan", code=0)


# Worker.


@pytest.fixture
def foreign(terminal: Terminal) -> str:
    """A partner's topic that somebody made by hand, as Kafka makes them."""
    topic = f"partner.{terminal.source}"
    admin = AdminClient({"bootstrap.servers": terminal.bootstrap, "log_level": 0})
    create(admin, [Topic(name=topic, subjects=(), partitions=1, settings={})])
    terminal.json("topics", "apply", code=2)
    return topic


@pytest.fixture
def run_stages(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The apps that were run, by name, in place of running them."""
    run: list[str] = []
    monkeypatch.setattr(cli_worker, "run_worker", lambda app, _: run.append(app.conf.id))
    return run


def test_intake_refuses_a_topic_whose_writers_say_the_time(terminal: Terminal, foreign: str, run_stages: list[str]):
    code, _, err = terminal.run("worker", "--slot", terminal.source)

    assert (code, run_stages) == (1, [])
    assert f"error: {foreign} takes its writers' word for when a report was received" in err
    assert f"--entity-name {foreign} --add-config message.timestamp.type=LogAppendTime." in err
    (finding,) = [one for one in terminal.json("doctor", code=1) if f"{foreign}: message.timestamp" in one["what"]]
    assert (finding["check"], finding["level"]) == ("topics", "fail")
    assert finding["mend"] in err


@pytest.mark.usefixtures("foreign")
def test_stages_that_read_no_partners_topic_do_not_mind(terminal: Terminal, run_stages: list[str]):
    code, _, err = terminal.run("worker", "--slot", terminal.source, "--stages", "register,detect")

    assert (code, run_stages) == (0, [f"safety-stream-{terminal.source}"]), err


def test_intake_runs_where_the_broker_says_the_time(ready: Terminal, run_stages: list[str]):
    code, _, err = ready.run("worker", "--slot", ready.source)

    assert (code, run_stages) == (0, [f"safety-stream-{ready.source}"]), err


# Ingest.


def test_history_goes_in_with_the_time_it_was_received(ready: Terminal):
    sent = reports(ready.source, 3)
    file = written(ready.folder / "in.jsonl", [to_line(report, report.reported_at + HOUR) for report in sent])

    (summary,) = ready.json("ingest", file, "--format", "canonical")

    assert summary == {"files": [{"file": str(file), "sent": 3, "rejected": 0, "already": 0, "rejected_before": 0}]}
    records = list(read_to_end(Connection(ready.bootstrap), [f"backfill.{ready.source}"]))
    assert [Records().value(record.topic, record.value) for record in records] == sent
    assert [record.timestamp for record in records] == [report.reported_at + HOUR for report in sent]
    assert [list(record.headers) for record in records] == [cloud_event_headers(report) for report in sent]


def test_live_reports_get_the_brokers_time(ready: Terminal):
    file = written(ready.folder / "in.jsonl", [to_line(report) for report in reports(ready.source, 2)])

    ready.json("ingest", file, "--format", "canonical", "--live")

    records = list(read_to_end(Connection(ready.bootstrap), [f"partner.{ready.source}"]))
    assert len(records) == 2
    assert all(record.timestamp > NOON for record in records)


def test_rejected_lines_are_written_down_and_the_rest_is_sent(ready: Terminal):
    (report,) = reports(ready.source, 1)
    file = written(ready.folder / "in.jsonl", ["{", to_line(report, NOON), to_line(report)])

    (summary,) = ready.json(
        "ingest", file, "--format", "canonical", "--rejects", ready.folder / "rejects.jsonl", code=2
    )

    assert summary["files"][0]["sent"] == 1
    rejects = [json.loads(line) for line in (ready.folder / "rejects.jsonl").read_text().splitlines()]
    assert [(one["file"], one["line"]) for one in rejects] == [("in.jsonl", 1), ("in.jsonl", 3)]


def test_a_file_is_not_sent_twice_unless_it_is_asked_for(ready: Terminal):
    lines = [to_line(report, NOON) for report in reports(ready.source, 4)]
    # Neither an empty line nor a heading is a line of reports; one that was rejected is on the bus no more than before.
    file = written(ready.folder / "in.jsonl", ["", *lines, "{"])
    words = ("ingest", file, "--format", "canonical")
    ready.json(*words, code=2)

    again = {"file": str(file), "sent": 0, "rejected": 0, "already": 5, "rejected_before": 1}
    assert ready.json(*words, code=2) == [{"files": [again]}]
    code, _, err = ready.run(*words)
    assert code == 2
    assert "in.jsonl: all of it was dealt with before, 4 lines sent and 1 rejected; --again does it once more" in err
    assert ready.json(*words, "--again", code=2)[0]["files"][0]["sent"] == 4


def test_a_killed_ingest_goes_on_where_it_stopped(ready: Terminal):
    """Nothing is lost; what was sent after the last progress kept is sent again, which changes nothing."""
    count = 6_000
    file = written(ready.folder / "in.jsonl", [to_line(report, NOON) for report in reports(ready.source, count)])
    words = ["ingest", str(file), "--format", "canonical", "--state", str(ready.folder / "state")]
    process = subprocess.Popen(
        [sys.executable, "-m", "safety_stream", *words, "--rate", "1000"],
        env=ready.environment | {"PYTHONWARNINGS": "ignore"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not list((ready.folder / "state").glob(".ingest-*.json")):
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        pytest.fail("the ingest ended before it could be killed")
    process.send_signal(signal.SIGKILL)
    process.wait()

    (summary,) = ready.json(*words)

    (done,) = summary["files"]
    assert done["already"] > 0
    assert done["already"] + done["sent"] == count
    wire = Records()
    found = Counter(
        wire.value(record.topic, record.value).source_ref  # type: ignore[attr-defined]
        for record in read_to_end(Connection(ready.bootstrap), [f"backfill.{ready.source}"])
    )
    assert found.keys() == {f"ref-{number}" for number in range(count)}


def test_an_interrupted_ingest_says_how_to_go_on(ready: Terminal):
    file = written(ready.folder / "in.jsonl", [to_line(report, NOON) for report in reports(ready.source, 6_000)])
    words = ["ingest", str(file), "--format", "canonical", "--state", str(ready.folder / "state"), "--rate", "1000"]
    process = ready.started(*words)
    while not list((ready.folder / "state").glob(".ingest-*.json")):
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        pytest.fail("the ingest ended before it could be interrupted")
    process.send_signal(signal.SIGINT)

    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert re.fullmatch(r"in.jsonl: interrupted; delivered up to line [\d,]+: run the same command to go on\n", err)


def test_an_unknown_source_stops_with_the_line_it_reached(ready: Terminal):
    file = written(ready.folder / "in.jsonl", [to_line(report, NOON) for report in reports("no-such-feed", 1)])

    code, _, err = ready.run("ingest", file, "--format", "canonical")

    assert code == 1
    assert "backfill.no-such-feed: there is no such topic; run: safety-stream topics apply" in err
    assert "in.jsonl is delivered up to line 0: run the same command to go on." in err


# What was published.


def alert(seq: int, alert_id: str, version: int, change: str, audience: str, **fields: object) -> PublishedAlert:
    return PublishedAlert(
        seq=seq,
        audience=audience,
        alert_id=alert_id,
        version=version,
        change=change,
        as_of=NOON,
        **{"priority": "P3", "explanation": f"said {version}", **fields},
    )


def test_standing_alerts_are_the_newest_versions_that_are_not_withdrawn(ready: Terminal):
    told = [
        alert(1, "aaaa-1", 1, "raised", ready.audience),
        alert(2, "bbbb-2", 1, "raised", ready.audience),
        alert(3, "aaaa-1", 2, "updated", ready.audience),
        alert(4, "bbbb-2", 2, "withdrawn", ready.audience),
    ]
    produced(ready.bootstrap, f"alerts.{ready.audience}", told)
    who = ("--audience", ready.audience)

    assert [(one["alert_id"], one["version"]) for one in ready.json("alerts", "show", *who)] == [("aaaa-1", 2)]
    assert [one["change"] for one in ready.json("alerts", "show", "bbbb", *who)] == ["raised", "withdrawn"]
    followed = ready.json("alerts", "tail", *who, "--from-beginning", "--limit", 4)
    assert [one["seq"] for one in followed] == [1, 2, 3, 4]
    _, out, err = ready.run("alerts", "show", *who)
    assert [line.split() for line in out.splitlines()[1:]] == [["P3", "aaaa-1", "said", "2"]]
    assert err == f"1 alerts of {ready.audience} stand; 1 are withdrawn\n"


def test_standing_alerts_are_chosen_by_area_rule_and_urgency(ready: Terminal):
    told = [
        alert(1, "aaaa-1", 1, "raised", ready.audience, area="leeds", rule_id="rv-graded", priority="P4"),
        alert(2, "bbbb-2", 1, "raised", ready.audience, area="leeds", rule_id="hub", priority="P2"),
        alert(3, "cccc-3", 1, "raised", ready.audience, area="bradford", rule_id="rv-graded", priority="P1"),
    ]
    produced(ready.bootstrap, f"alerts.{ready.audience}", told)

    def shown(*words: str) -> list[str]:
        return [one["alert_id"] for one in ready.json("alerts", "show", "--audience", ready.audience, *words)]

    assert shown() == ["cccc-3", "bbbb-2", "aaaa-1"]
    assert shown("--area", "leeds") == ["bbbb-2", "aaaa-1"]
    assert shown("--rule", "rv-graded") == ["cccc-3", "aaaa-1"]
    assert shown("--priority", "P2") == ["cccc-3", "bbbb-2"]
    assert shown("--priority", "P3", "--area", "leeds", "--rule", "rv-graded") == []
    _, out, _ = ready.run("alerts", "show", "--audience", ready.audience, "--area", "leeds")
    assert [line.split()[:3] for line in out.splitlines()[1:]] == [["P2", "bbbb-2", "Leeds"], ["P4", "aaaa-1", "Leeds"]]


def test_an_alert_nobody_was_told_of_and_an_audience_nobody_has(ready: Terminal):
    code, _, err = ready.run("alerts", "show", "nope", "--audience", ready.audience)
    assert (code, err) == (
        1,
        f"error: {ready.audience} was never told of alert nope: see `safety-stream alerts show`.\n",
    )

    code, _, err = ready.run("alerts", "show", "--audience", "zzz")
    assert code == 1
    assert err.startswith("error: there are no alerts for zzz, only for ")
    assert ready.audience in err


def test_one_alerts_life_is_a_line_a_version_and_what_it_last_rested_on(ready: Terminal):
    def finding(text: str) -> Finding:
        return Finding(
            finding_id=text,
            rule_id="rv-graded",
            rule_version=1,
            limb="main",
            family="repeat-victimisation",
            key="victim:tok-a",
            occurrence_id="o",
            completed_at=NOON,
            priority="P4",
            area="leeds",
            areas=("leeds",),
            evidence=(Evidence("o", NOON, "leeds", ("report-1",)),),
            excluded=(),
            facts=(),
            child=False,
            explanation=text,
        )

    told = [
        alert(1, "cccc-1", 1, "raised", ready.audience, findings=(finding("Harmed twice."),)),
        alert(2, "cccc-1", 2, "updated", ready.audience, findings=(finding("Harmed thrice."),)),
        alert(3, "cccc-1", 3, "withdrawn", ready.audience, findings=()),
    ]
    produced(ready.bootstrap, f"alerts.{ready.audience}", told)

    why = ("--reason", "on-shift", "--by", "officer-7", "--role", "duty-officer")
    code, out, _ = ready.run("alerts", "show", "cccc", "--audience", ready.audience, *why)

    assert code == 0
    assert [line.split()[3] for line in out.splitlines()[:3]] == ["raised", "updated", "withdrawn"]
    assert [line.split(maxsplit=2)[2] for line in out.splitlines()[3:]] == ["Harmed thrice.", "leeds  report-1"]
    assert [
        one["findings"][0]["explanation"]
        for one in ready.json("alerts", "show", "cccc", "--audience", ready.audience, *why)[:2]
    ] == ["Harmed twice.", "Harmed thrice."]

    said = ("--cap", "--cap-status", "Exercise", "--cap-sender", "alerts.example.org")
    code, out, _ = ready.run("alerts", "show", "cccc", "--audience", ready.audience, *said)
    message = parsed(out.encode())
    assert (code, faults(message)) == (0, [])
    assert [message.findtext(f"{CAP}{name}") for name in ("status", "msgType")] == ["Exercise", "Cancel"]
    assert len(message.findtext(f"{CAP}references").split()) == 2
    assert ready.run("alerts", "show", "--cap")[0] == 1


def decide(kafka: str, alert_id: str) -> None:
    """What a worker does, for one alert: it lets it be noted upon, and nothing else."""
    wire = Records(read_here=())
    for found in follow_from(Connection(kafka), low_watermarks(Connection(kafka), ["alert-actions"])):
        if not isinstance(found, Incoming):
            continue
        action = wire.value("alert-actions", found.value)
        if not isinstance(action, AlertAction) or action.alert_id != alert_id:
            continue
        done = action.action == "note"
        why = "" if done else f"role {action.role} may not {action.action}"
        said = {"action_id": action.action_id, "alert_id": alert_id, "state": "new", "number": 1, "as_of": NOON}
        produced(kafka, "action-answers", [ActionAnswer(done=done, why=why, **said)])
        if action.rationale == "last":
            return


def test_an_action_names_the_version_that_was_seen_and_its_answer_is_told(ready: Terminal):
    alert_id = f"act-{ready.audience}"
    produced(
        ready.bootstrap,
        f"alerts.{ready.audience}",
        [alert(number, alert_id, number, change, ready.audience) for number, change in ((1, "raised"), (2, "updated"))],
    )
    who = ("--by", "officer-7", "--role", "duty-officer", "--audience", ready.audience)
    worker = Thread(target=decide, args=(ready.bootstrap, alert_id))
    worker.start()

    assert ready.run("alerts", "act", alert_id, "note", "--because", "seen", "--seen", 2, *who)[:2] == (
        0,
        "done: it is new now\n",
    )
    code, _, err = ready.run("alerts", "act", alert_id, "close", "--because", "last", *who)
    worker.join()

    assert (code, err) == (1, "error: not done: role duty-officer may not close.\n")
    wire = Records(read_here=())
    sent = [
        wire.value("alert-actions", one.value) for one in read_to_end(Connection(ready.bootstrap), ["alert-actions"])
    ]
    # What nobody said they had seen is not taken to be the newest.
    assert [one.seen for one in sent if one.alert_id == alert_id] == [2, 0]
    assert ready.run("alerts", "act", "nobodys", "note", *who)[0] == 1


def test_indicators_of_which_there_are_none_are_said_to_be_none(ready: Terminal):
    code, _, err = ready.run("indicators", "show", "--area", "nowhere")

    assert (code, err) == (
        0,
        "No value on indicators.internal is of that kind; without options all of them are shown\n",
    )


def test_what_a_reader_does_not_want_any_more_ends_quietly(ready: Terminal):
    """As `| head` does: the pipe is closed after the first line."""
    produced(
        ready.bootstrap,
        f"alerts.{ready.audience}",
        [alert(seq, f"dddd-{seq}", 1, "raised", ready.audience) for seq in range(1, 3_000)],
    )
    with ready.started("alerts", "show", "--json", "--audience", ready.audience) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("{")
        process.stdout.close()
        assert process.stderr is not None
        assert (process.stderr.read(), process.wait(60)) == ("", 0)


def test_a_tail_ends_well_when_it_is_interrupted(ready: Terminal):
    produced(ready.bootstrap, f"alerts.{ready.audience}", [alert(1, "eeee-1", 1, "raised", ready.audience)])
    with ready.started("alerts", "tail", "--from-beginning", "--audience", ready.audience) as process:
        assert process.stdout is not None
        assert "eeee-1" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)

    assert (process.returncode, err) == (0, "")


def test_indicators_show_the_newest_revision_of_each_period(ready: Terminal, topic_prefix: str):
    def value(seq: int, revision: int, count: int | None) -> PublishedIndicator:
        return PublishedIndicator(
            seq=seq,
            profile="internal",
            area="leeds",
            indicator=topic_prefix,
            period="month",
            starts=JULY,
            ends=JULY + 31,
            value=count,
            final=False,
            revision=revision,
            restates=None,
            as_of=NOON,
        )

    produced(ready.bootstrap, "indicators.internal", [value(1, 1, 1_233), value(2, 2, 1_234)])

    code, out, _ = ready.run("indicators", "show", "--indicator", topic_prefix)

    assert code == 0
    assert [line.split() for line in out.splitlines()[1:]] == [
        ["Leeds", topic_prefix, "month", "2018-07-01", "1,234", "provisional", "2"]
    ]


# Dead letters.


def letter(source: str, number: int, reason: str = "unknown-schema") -> DeadLetter:
    return DeadLetter(
        stage="intake",
        topic=f"backfill.{source}",
        partition=0,
        offset=number,
        reason=reason,
        detail="schema id 9 is not registered",
        key=b"key",
        value=b"\x00\x00\x00\x00\x09" + bytes([number]),
        received_at=NOON,
        attempts=2,
    )


@pytest.fixture
def refused(ready: Terminal) -> list[str]:
    """Three letters of this test's own, by name."""
    before = {one["letter"] for one in ready.json("dead-letters", "list")}
    produced(
        ready.bootstrap,
        "dead-letters.intake",
        [letter(ready.source, 0), letter(ready.source, 1), letter(ready.source, 2, "oversize")],
    )
    return [one["letter"] for one in ready.json("dead-letters", "list") if one["letter"] not in before]


def test_letters_are_put_back_verbatim_once(ready: Terminal, refused: list[str]):
    (done,) = ready.json("dead-letters", "redrive", *refused)
    assert done == {"redriven": refused, "left": 0, "passed_over": {}}
    (again,) = ready.json("dead-letters", "redrive", *refused, code=2)
    assert again == {"redriven": [], "left": 3, "passed_over": {}}

    records = list(read_to_end(Connection(ready.bootstrap), [f"backfill.{ready.source}"]))
    assert [(record.key, record.value, record.timestamp) for record in records] == [
        (b"key", b"\x00\x00\x00\x00\x09" + bytes([number]), NOON) for number in range(3)
    ]
    assert [list(record.headers) for record in records] == [[("safety-attempts", b"2")]] * 3


def test_again_puts_back_what_was_put_back_before(ready: Terminal, refused: list[str]):
    ready.json("dead-letters", "redrive", refused[0])
    ready.json("dead-letters", "redrive", refused[0], "--again")

    (one,) = [one for one in ready.json("dead-letters", "list") if one["letter"] == refused[0]]
    assert one["redriven"] == 2
    assert len(list(read_to_end(Connection(ready.bootstrap), [f"backfill.{ready.source}"]))) == 2


def test_letters_are_chosen_by_reason(ready: Terminal, refused: list[str]):
    listed = ready.json("dead-letters", "list", "--reason", "oversize")

    assert [one["letter"] for one in listed if one["letter"] in refused] == [refused[2]]


def test_a_letter_shows_what_was_refused_and_why(ready: Terminal, refused: list[str]):
    (shown,) = ready.json("dead-letters", "show", refused[1])

    assert (shown["topic"], shown["reason"], shown["attempts"]) == (f"backfill.{ready.source}", "unknown-schema", 2)
    assert bytes.fromhex(shown["value"]) == b"\x00\x00\x00\x00\x09\x01"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("redrive",), "nothing is chosen: name letters, --reason, or --all."),
        (("show", "dead-letters.intake/0/999999"), "there is no dead letter dead-letters.intake/0/999999"),
    ],
)
def test_a_choice_that_cannot_be_meant_is_refused(ready: Terminal, words: tuple[str, ...], sentence: str):
    code, _, err = ready.run("dead-letters", *words)

    assert code == 1
    assert sentence in err


# Doctor.


def test_doctor_finds_a_cluster_without_workers_fit_to_be_used(ready: Terminal):
    findings = ready.json("doctor")

    levels = {one["check"]: one["level"] for one in findings}
    assert (levels["broker"], levels["topics"], levels["clock"]) == ("ok", "ok", "ok")
    assert levels["stage intake"] == "warn"
    assert all(one["mend"] for one in findings if one["level"] != "ok")


def test_doctor_fails_while_topics_are_missing(terminal: Terminal):
    findings = terminal.json("doctor", code=1)

    (topics,) = [one for one in findings if one["check"] == "topics" and one["level"] == "fail"]
    assert topics["mend"] == "safety-stream topics apply"


@pytest.mark.usefixtures("refused")
def test_doctor_tells_of_dead_letters_until_they_are_put_back(ready: Terminal):
    def waiting() -> list[str]:
        return [one["what"] for one in ready.json("doctor") if "oversize" in one["what"]]

    assert waiting()
    ready.json("dead-letters", "redrive", "--reason", "oversize", "--again")
    assert not waiting()
