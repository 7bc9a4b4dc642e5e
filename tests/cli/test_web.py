"""`web`: served to this machine alone, and said in a sentence when it cannot be."""

import json
from pathlib import Path

import pytest
import uvicorn
from starlette.testclient import TestClient
from tests.web.conftest import token
from tests.web.filling import NOW, fill
from typer.testing import CliRunner

from safety_stream.cli import app
from safety_stream.cli.desk import take_answers
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.handling import ActionAnswer
from safety_stream.core.model.times import DAY_LENGTH
from safety_stream.readmodel.projection import TopicRecord, apply
from safety_stream.streaming.ports import Incoming
from safety_stream.wire.records import Records


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["web", *arguments], env={"COLUMNS": "400", "NO_COLOR": "1"})
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, dict[str, object]]]:
    found: list[tuple[object, dict[str, object]]] = []
    monkeypatch.setattr(uvicorn, "run", lambda made, **settings: found.append((made, settings)))
    return found


def test_pages_are_served_over_an_empty_copy(served: list, tmp_path: Path):
    code, told, _ = run("--data", str(tmp_path), "--read-only", "--port", "8123", "--json")

    assert (code, json.loads(told)) == (0, {"url": "http://127.0.0.1:8123"})
    ((made, settings),) = served
    assert (settings["host"], settings["port"]) == ("127.0.0.1", 8123)
    with TestClient(made, base_url="http://127.0.0.1") as client:
        assert "There is no data at all." in client.get("/public").text


def test_by_the_clock_of_a_history_now_is_when_the_backbone_last_spoke(served: list, tmp_path: Path):
    engine = fill(tmp_path / "copy.sqlite", weeks=1)
    code, _, _ = run("--database", str(engine.url), "--read-only", "--clock", "log")

    assert code == 0
    with TestClient(served[0][0], base_url="http://127.0.0.1") as client:
        assert "Made 2 Mar 2026, 20:30" in client.get("/public").text
    engine.dispose()


def test_a_session_lasts_by_the_clock_of_this_machine_whatever_a_history_tells(served: list, tmp_path: Path):
    engine = fill(tmp_path / "copy.sqlite", weeks=1)
    run("--database", str(engine.url), "--read-only", "--clock", "log")
    with TestClient(served[0][0], base_url="http://127.0.0.1") as client:
        form = {"csrf": token(client.get("/sign-in").text), "person": "dev-auditor"}
        assert client.post("/sign-in", data=form, follow_redirects=False).status_code == 303
        # The history goes on by days.
        with engine.begin() as connection:
            later = FeedStatus(as_of=NOW + 3 * DAY_LENGTH, newest={}, partition=0)
            apply(connection, [TopicRecord("feed-status", 0, 2, later)])
        page = client.get("/catalogue", follow_redirects=False)

    assert page.status_code == 200
    assert "Made 5 Mar 2026, 20:30" in page.text
    engine.dispose()


SIGN_IN = """
issuer: https://login.example
client_id: safety-stream
url: https://alerts.example/
roles: [{claim: auditors, role: auditor, profile: partner}]
"""


def test_others_are_served_who_sign_in_with_an_organisation(served: list, tmp_path: Path):
    settings = tmp_path / "sign-in.yaml"
    settings.write_text(SIGN_IN, encoding="utf-8")
    told = ("--data", str(tmp_path), "--read-only", "--host", "0.0.0.0", "--sign-in", str(settings))  # noqa: S104

    assert run(*told)[0] == 0
    ((made, _),) = served
    with TestClient(made, base_url="https://alerts.example") as client:
        assert "/sign-in/begin" in client.get("/sign-in").text
    settings.write_text(SIGN_IN.replace("role: auditor,", "role: chief,"), encoding="utf-8")
    code, _, said = run(*told)
    assert (code, "roles.0.role" in said) == (1, True)
    settings.unlink()
    code, _, said = run(*told)
    assert (code, "sign-in.yaml cannot be read" in said, len(served)) == (1, True, 1)


def test_nobody_acts_in_a_history(served: list, tmp_path: Path):
    code, _, said = run("--data", str(tmp_path), "--clock", "log")

    assert (code, served) == (1, [])
    assert "take --read-only with --clock log" in said


def test_nobody_else_is_served_without_a_password(served: list, tmp_path: Path):
    code, _, said = run("--data", str(tmp_path), "--read-only", "--host", "0.0.0.0")  # noqa: S104

    assert (code, served) == (1, [])
    assert "take --host 127.0.0.1" in said


def test_without_kafka_it_says_so_and_does_not_start(served: list, tmp_path: Path):
    code, _, said = run("--data", str(tmp_path), "--bootstrap", "127.0.0.1:1")

    assert (code, served) == (1, [])
    assert "no Kafka answers at 127.0.0.1:1" in said


def test_answers_are_handed_on_and_what_cannot_be_read_is_passed_over():
    answer = ActionAnswer(action_id="a", alert_id="b", done=True, why="", state="acknowledged", number=2, as_of=1)
    wire = Records(read_here=())

    def found(value: bytes) -> Incoming:
        return Incoming(topic="action-answers", partition=0, offset=0, timestamp=0, key=b"a", value=value)

    heard: list[ActionAnswer] = []
    take_answers([None, found(b"no such thing"), found(wire.encode("action-answers", answer))], heard.append)

    assert heard == [answer]


def test_an_action_nobody_takes_is_said_and_the_next_one_tried_anew(monkeypatch: pytest.MonkeyPatch):
    from safety_stream.cli import desk
    from safety_stream.config import Connection
    from safety_stream.core.model.handling import AlertAction
    from safety_stream.edge.producer import NotDelivered
    from safety_stream.web.site import NotSent

    made: list[list[AlertAction]] = []

    class Producer:
        def __init__(self, *_: object, **__: object) -> None:
            made.append([])

        def send_action(self, action: AlertAction) -> None:
            made[-1].append(action)

        def flush(self) -> None:
            if len(made) == 1 and len(made[0]) == 2:
                raise NotDelivered("no broker answers; is the address right?", retriable=True)

    monkeypatch.setattr(desk, "ReportProducer", Producer)
    action = AlertAction(action_id="a", alert_id="b", action="note", actor="7", role="duty-officer", acted_at=1)
    sender = desk.Desk(Connection("127.0.0.1:1", {}))

    sender.send(action)
    with pytest.raises(NotSent, match="no broker answers"):
        sender.send(action)
    sender.send(action)
    sender.send(action)

    assert [len(one) for one in made] == [2, 2]


def test_what_a_desk_cannot_do_for_a_steward_is_said(monkeypatch: pytest.MonkeyPatch):
    from confluent_kafka import KafkaError, KafkaException

    from safety_stream.cli import desk
    from safety_stream.cli.dead_letters import Came
    from safety_stream.cli.terminal import Wrong
    from safety_stream.config import Connection
    from safety_stream.core.model.links import PersonLink
    from safety_stream.edge.producer import NotDelivered
    from safety_stream.web.stewarding import NotDone, PutBack

    asked: list[tuple[str, ...]] = []
    sent: list[PersonLink] = []
    trouble: list[Exception] = []

    def put_back(_: object, reason: object, ids: tuple[str, ...]) -> Came:
        assert reason is None
        asked.append(ids)
        if trouble:
            raise trouble.pop()
        return Came([ids[0]], [*ids[1:]], {})

    class Producer:
        def __init__(self, *_: object, **__: object) -> None: ...

        def send_link(self, link: PersonLink) -> None:
            sent.append(link)

        def flush(self) -> None:
            if trouble:
                raise trouble.pop()

    monkeypatch.setattr(desk, "put_back", put_back)
    monkeypatch.setattr(desk, "ReportProducer", Producer)
    steward = desk.Desk(Connection("127.0.0.1:1", {}))
    link = PersonLink(
        first="tok-a", second="tok-b", state="apart", method="steward", decided_by="analyst", decided_at=1
    )

    assert steward.put_back(["a/0/1", "a/0/2"]) == PutBack(("a/0/1",), ("a/0/2",))
    steward.decide(link)
    assert (asked, sent) == ([("a/0/1", "a/0/2")], [link])
    for error in (Wrong("a/0/1: empty"), KafkaException(KafkaError(KafkaError._TIMED_OUT))):
        trouble.append(error)
        with pytest.raises(NotDone, match=r"empty|doctor"):
            steward.put_back(["a/0/1"])
    trouble.append(NotDelivered("no broker answers", retriable=True))
    with pytest.raises(NotDone, match="no broker answers"):
        steward.decide(link)


def test_with_the_settings_of_delivery_people_edit_subscriptions(
    served: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from tests.cli.test_subscriptions import Terminal

    from safety_stream.cli import desk
    from safety_stream.cli import web as command

    monkeypatch.setattr(command, "connect_as", lambda _kafka, **_: None)
    monkeypatch.setattr(desk, "hear", lambda *_: None)
    terminal = Terminal(tmp_path)
    data = ("--data", str(tmp_path / "data"))
    code, _, said = run(*data, "--delivery", str(terminal.settings))
    assert code == 0, said
    with TestClient(served[0][0], base_url="http://127.0.0.1") as client:
        client.post("/sign-in", data={"csrf": token(client.get("/sign-in").text), "person": "dev-duty-officer"})
        page = client.get("/subscriptions").text
        client.post("/subscriptions", data={"csrf": token(page), "to": "mail:duty-desk", "priorities": "P1"})
    # The command line sees it, and refuses the same once more.
    (made,) = terminal.json("alerts", "subscriptions")
    assert (made["audience"], made["address"], made["priorities"]) == ("duty-officer", "duty-desk", ["P1"])
    again = ("alerts", "subscribe", "--audience", "duty-officer", "--to", "mail:duty-desk", "--priority", "P1")
    assert "there is such a subscription already" in " ".join(terminal.run(*again)[2].split())

    run(*data, "--delivery", str(terminal.settings), "--read-only")
    with TestClient(served[1][0], base_url="http://127.0.0.1") as client:
        client.post("/sign-in", data={"csrf": token(client.get("/sign-in").text), "person": "dev-duty-officer"})
        assert "Subscriptions are not kept here" in client.get("/subscriptions").text
