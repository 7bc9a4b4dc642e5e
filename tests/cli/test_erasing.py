"""To erase a person takes two people; what is asked, said and refused (on Kafka: tests/kafka/test_audit.py)."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.catalogue.copying import copied
from tests.cli.bus import producer_into
from tests.replay.telling import a_report, at
from typer.testing import CliRunner

from safety_stream.catalogue.loading import load_catalogue
from safety_stream.cli import app, auditing, persons
from safety_stream.core.audit import subject_of
from safety_stream.core.erasing import Request
from safety_stream.core.model.incidents import IncidentVersion
from safety_stream.core.model.published import AuditEntry
from safety_stream.core.model.times import DAY_LENGTH, MINUTE
from safety_stream.core.retention import Hold, HoldKind
from safety_stream.core.stages.intake import checker
from safety_stream.core.subject_access import PersonAnswer, RestingAlert
from safety_stream.data_files import catalogue_folder
from safety_stream.sealing import store as store_module
from safety_stream.sealing.database import open_database
from safety_stream.sealing.providers import FileKey
from safety_stream.sealing.store import KeyStore

ONE, ANOTHER = "data-protection-officer-1", "data-protection-officer-2"
NOW = 1_000 * DAY_LENGTH
WAITS = 14 * DAY_LENGTH


def naming(seal: str) -> IncidentVersion:
    """A report that names somebody as victim."""
    report = a_report("police-crimes", "C-1", "2026-01-05T20:00", people={"victim": seal})
    return checker(load_catalogue(catalogue_folder()))(report, "partner.police-crimes", at("2026-01-06T08:00"))


def a_hold(kind: HoldKind, of: str) -> Hold:
    return Hold(seq=1, kind=kind, of=of, reason="court-order", actor=ONE, at=1, until=None)


class Desk:
    """`persons erase` with a key store of its own, and all that Kafka has to do with it in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = NOW
        self.sent: list[AuditEntry] = []
        self.requests: dict[str, Request] = {}
        self.holds: list[Hold] = []
        self.linked: tuple[str, ...] = ()
        self.has_worker = True
        self.refuses: set[str] = set()
        CliRunner().invoke(app, ["persons", "key", str(folder / "kek")])
        settings = {"store": self.store, "key": {"file": str(folder / "kek")}}
        (folder / "sealing.yaml").write_text(json.dumps(settings), encoding="utf-8")

    @property
    def store(self) -> str:
        return f"sqlite:///{self.folder / 'keys.sqlite'}"

    def keys(self, *tokens: str) -> dict[str, str]:
        """What stands for these tokens; whoever has none yet gets one."""
        with closing(KeyStore(open_database(self.store), FileKey(self.folder / "kek"), lambda: 0)) as store:
            return store.sealed(list(tokens))

    def known(self, *tokens: str) -> set[str]:
        with closing(KeyStore(open_database(self.store), FileKey(self.folder / "kek"), lambda: 0)) as store:
            return {*store.known(list(tokens))}

    def on_record(self) -> None:
        """What was sent goes on record, as a worker would do it."""
        for entry in self.sent:
            if entry.kind == "erasure-request":
                assert entry.subject is not None
                assert entry.until is not None
                self.requests[entry.subject] = Request(entry.actor, entry.reason, entry.until)

    def erase(self, *words: object, by: str, exits: int) -> Any:
        where = ("--by", by, "--sealing", self.folder / "sealing.yaml")
        result = CliRunner().invoke(
            app, ["persons", "erase", *map(str, (*words, *where)), "--json"], env={"COLUMNS": "400"}
        )
        assert result.exit_code == exits, result.output
        return json.loads(result.stdout) if result.stdout else result.stderr


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    desk = Desk(tmp_path)
    monkeypatch.setattr(persons, "connect", lambda _: None)
    monkeypatch.setattr(persons, "wall", lambda: desk.now)
    monkeypatch.setattr(persons, "ReportProducer", producer_into(desk.sent.append))
    monkeypatch.setattr(persons, "decisions", lambda _: iter(()))
    kafka = {
        "tokens_of": lambda _, token, __: (token, *desk.linked),
        "versions_of": lambda _: iter(()),
        "holds_of": lambda _: desk.holds,
        "requests_of": lambda _: desk.requests,
        "not_put_on_record": lambda _, entries, __: [
            one for one in entries if not desk.has_worker or one not in desk.sent or one.subject in desk.refuses
        ],
    }
    monkeypatch.setattr(persons, "high_watermarks", lambda *_: {})
    for name, does in kafka.items():
        monkeypatch.setattr(auditing, name, does)
    return desk


def test_it_is_requested_by_one_and_done_when_another_confirms(desk: Desk):
    seal = desk.keys("tok-a")["tok-a"]

    asked = desk.erase("tok-a", "--because", "erasure", by=ONE, exits=2)
    assert asked == {"seals": [seal], "things": [], "requested_by": ONE, "until": NOW + WAITS}
    assert desk.known("tok-a") == {"tok-a"}, "nothing is destroyed yet"
    desk.on_record()
    desk.now += WAITS - 5 * MINUTE - 1
    done = desk.erase("tok-a", "--confirm", by=ANOTHER, exits=0)

    assert (done["seals"], done["keys"]) == ([seal], 1)
    assert desk.known("tok-a") == set()
    assert [(one.kind, one.actor, one.reason, one.subject) for one in desk.sent] == [
        ("erasure-request", ONE, "erasure", subject_of(seal)),
        ("erasure", ANOTHER, "erasure", subject_of(seal)),
    ]


def test_a_second_request_changes_nothing_and_says_whose_stands(desk: Desk):
    desk.keys("tok-a")
    asked = desk.erase("tok-a", "--because", "erasure", by=ONE, exits=2)
    desk.on_record()
    desk.now += DAY_LENGTH

    assert desk.erase("tok-a", "--because", "erasure", by=ANOTHER, exits=2) == asked
    assert len(desk.sent) == 1


@pytest.mark.parametrize(
    ("happens", "by", "said"),
    [
        ("nothing", ONE, "whoever requests an erasure does not confirm it: let somebody else"),
        ("not on record", ANOTHER, "nobody has requested this erasure, or it is not on record yet"),
        ("time", ANOTHER, "the time to confirm this erasure is over: request it again"),
        ("link", ANOTHER, "more belongs to this person by now than was to be erased: request it again"),
        ("hold", ANOTHER, "a legal hold is on this person"),
    ],
)
def test_what_may_not_be_confirmed_destroys_nothing_and_puts_nothing_on_record(
    desk: Desk, happens: str, by: str, said: str
):
    seals = desk.keys("tok-a", "tok-b")
    desk.erase("tok-a", "--because", "erasure", by=ONE, exits=2)
    if happens != "not on record":
        desk.on_record()
    match happens:
        case "time":
            # The broker's clock may be a little ahead of this one.
            desk.now += WAITS - 5 * MINUTE
        case "link":
            desk.linked = (seals["tok-b"],)
        case "hold":
            subject = subject_of(seals["tok-a"])
            desk.holds = [
                Hold(seq=1, kind="subject", of=subject, reason="court-order", actor="officer-3", at=0, until=None)
            ]

    assert said in desk.erase("tok-a", "--confirm", by=by, exits=1)
    assert desk.known("tok-a", "tok-b") == {"tok-a", "tok-b"}
    assert [one.kind for one in desk.sent] == ["erasure-request"]


def test_a_link_that_came_since_can_be_requested_and_confirmed_in_turn(desk: Desk):
    seals = desk.keys("tok-a", "tok-b")
    desk.erase("tok-a", "--because", "erasure", by=ONE, exits=2)
    desk.on_record()
    desk.linked = (seals["tok-b"],)
    desk.erase("tok-a", "--because", "erasure", by=ONE, exits=2)
    desk.on_record()

    assert desk.erase("tok-a", "--confirm", by=ANOTHER, exits=0)["keys"] == 2


def test_whoever_was_stopped_does_it_again(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    seal = desk.keys("tok-a")["tok-a"]
    desk.erase("tok-a", "--because", "erasure", by=ONE, exits=2)
    desk.on_record()
    destroy = KeyStore.destroy
    monkeypatch.setattr(KeyStore, "destroy", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    CliRunner().invoke(
        app, ["persons", "erase", "tok-a", "--confirm", "--by", ANOTHER, "--sealing", str(desk.folder / "sealing.yaml")]
    )
    assert desk.known("tok-a") == {"tok-a"}
    monkeypatch.setattr(KeyStore, "destroy", destroy)

    assert desk.erase("tok-a", "--confirm", by=ANOTHER, exits=0)["keys"] == 1
    assert [one.subject for one in desk.sent if one.kind == "erasure"] == [subject_of(seal)] * 2


def test_no_key_is_destroyed_for_an_erasure_that_is_not_on_record(desk: Desk):
    """Whoever refuses it, for a hold that came first, does so where it is put on record."""
    desk.keys("tok-a")
    desk.erase("tok-a", "--because", "erasure", by=ONE, exits=2)
    desk.on_record()
    desk.has_worker = False

    done = desk.erase("tok-a", "--confirm", by=ANOTHER, exits=2)
    assert (done["on_record"], done["keys"], desk.known("tok-a")) == (False, 0, {"tok-a"})

    desk.has_worker = True
    assert desk.erase("tok-a", "--confirm", by=ANOTHER, exits=0)["keys"] == 1


def test_where_a_part_alone_is_on_record_it_is_said_which_and_nothing_is_destroyed_here(desk: Desk):
    seals = desk.keys("tok-a", "tok-b")
    desk.linked = (seals["tok-b"],)
    desk.erase("tok-a", "--because", "erasure", by=ONE, exits=2)
    desk.on_record()
    desk.refuses = {subject_of(seals["tok-b"])}

    done = desk.erase("tok-a", "--confirm", by=ANOTHER, exits=2)
    assert (done["on_record"], done["keys"], done["recorded"]) == (False, 0, [seals["tok-a"]])
    assert desk.known("tok-a", "tok-b") == {"tok-a", "tok-b"}
    words = ["persons", "erase", "tok-a", "--confirm", "--by", ANOTHER, "--sealing", desk.folder / "sealing.yaml"]
    told = CliRunner().invoke(app, [*map(str, words)], env={"COLUMNS": "400", "TERM": "dumb"})
    assert "1 of 2 are on record" in told.stdout
    assert f"Intake destroys the keys of what is on record: {seals['tok-a']}" in told.stderr
    assert seals["tok-b"] not in told.output


def test_an_erasure_that_has_begun_is_ended_by_a_seal_though_a_hold_came_after_it(desk: Desk):
    """By the token nobody finds the person any more, once intake has destroyed the first key."""
    seals = desk.keys("tok-a", "tok-b")
    desk.linked = (seals["tok-b"],)
    desk.erase("tok-a", "--because", "erasure", by=ONE, exits=2)
    desk.on_record()
    desk.holds = [a_hold("subject", subject_of(seals["tok-b"]))]
    assert "a legal hold is on this person" in desk.erase("tok-a", "--confirm", by=ANOTHER, exits=1)
    desk.requests = {of: msgspec.structs.replace(one, has_begun=True) for of, one in desk.requests.items()}

    words = ["persons", "erase", seals["tok-a"], "--confirm", "--by", ANOTHER]
    assert "a legal hold is on" in desk.erase("tok-a", "--because", "erasure", by=ONE, exits=1)
    desk.refuses = {subject_of(seals["tok-b"])}
    told = CliRunner().invoke(
        app, [*words, "--sealing", str(desk.folder / "sealing.yaml")], env={"COLUMNS": "400", "TERM": "dumb"}
    )
    assert f"persons erase {seals['tok-a']} --confirm" in told.stderr
    desk.refuses = set()
    # The desk's person goes by the seal that is asked for, and by what is linked to it.
    done = desk.erase(seals["tok-a"], "--confirm", by=ANOTHER, exits=0)
    assert (done["on_record"], done["keys"]) == (True, 2)


def test_where_bytes_are_left_on_disk_the_seals_are_told_all_the_same(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    """Whoever was told no seal could ask no source any more to erase its report."""
    seals = desk.keys("tok-a")
    desk.erase("tok-a", "--because", "erasure", by=ONE, exits=2)
    desk.on_record()
    monkeypatch.setattr(store_module, "scrub", lambda _: False)

    done = desk.erase("tok-a", "--confirm", by=ANOTHER, exits=2)

    assert (done["seals"], done["keys"], done["on_record"], done["on_disk"]) == ([seals["tok-a"]], 1, True, True)
    assert "there is no key for this token" in desk.erase("tok-a", "--confirm", by=ANOTHER, exits=1)
    monkeypatch.undo()


def test_of_whom_there_is_no_key_nothing_is_requested_and_nobody_takes_that_for_done(desk: Desk):
    desk.keys("tok-b")
    for words in (("--because", "erasure"), ("--confirm",)):
        assert "there is no key for this token" in desk.erase("tok-a", *words, by=ONE, exits=1)
    assert desk.sent == []


HELD = {
    "person": ("subject", "this person"),
    "report": ("report", "a report that names this person"),
    "alert": ("alert", "an alert about this person"),
}


@pytest.mark.parametrize("kind", HELD)
@pytest.mark.parametrize("words", [("--because", "erasure"), ("--confirm",)], ids=["requested", "confirmed"])
def test_what_is_under_a_legal_hold_keeps_its_person(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, kind: str, words: tuple[str, ...]
):
    seal = desk.keys("tok-a")["tok-a"]
    named = naming(seal)
    alert = RestingAlert("alert-1", "rv-generic", "Repeat victim", NOW, 1, is_over=False, reports=())
    answer = PersonAnswer((seal,), (), (alert,), (), (), ())
    monkeypatch.setattr(auditing, "versions_of", lambda _: iter([named]))
    monkeypatch.setattr(auditing, "held_about", lambda _, tokens: answer if seal in tokens else None)
    of = {"person": subject_of(seal), "report": named.incident_id, "alert": "alert-1"}[kind]
    desk.holds = [a_hold(HELD[kind][0], of)]
    desk.requests = {subject_of(seal): Request(ONE, "erasure", NOW + WAITS)}

    assert f"a legal hold is on {HELD[kind][1]}" in desk.erase("tok-a", *words, by=ANOTHER, exits=1)
    assert (desk.sent, desk.known("tok-a")) == ([], {"tok-a"})

    desk.holds = [a_hold(HELD[kind][0], "of-something-else")]
    desk.erase("tok-a", "--confirm", by=ANOTHER, exits=2)


def test_whoever_erased_is_told_the_seals_by_which_sources_are_asked(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    seal = desk.keys("tok-a")["tok-a"]
    named = naming(seal)
    monkeypatch.setattr(auditing, "versions_of", lambda _: iter([named]))
    desk.requests = {subject_of(seal): Request(ONE, "erasure", NOW + WAITS)}
    words = ["persons", "erase", "tok-a", "--confirm", "--by", ANOTHER]
    result = CliRunner().invoke(
        app, [*words, "--sealing", str(desk.folder / "sealing.yaml")], env={"COLUMNS": "400", "TERM": "dumb"}
    )

    assert (result.exit_code, f"audit person {seal}" in result.stderr) == (2, True)
    assert "there is no key for this token" in desk.erase("tok-a", "--confirm", by=ANOTHER, exits=1)
    (again,) = desk.erase(seal, "--confirm", by=ANOTHER, exits=2)["standing"]
    assert again["incident_id"] == named.incident_id


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "--because to request it, or --confirm"),
        (("--because", "erasure", "--confirm"), "--because to request it, or --confirm"),
        (("--because", "spring-cleaning"), "there is no reason spring-cleaning"),
    ],
)
def test_it_is_asked_for_or_confirmed_and_for_a_reason_there_is(desk: Desk, words: tuple[str, ...], said: str):
    assert said in " ".join(desk.erase("tok-a", *words, by=ONE, exits=2).replace("│", " ").split())


def test_where_the_catalogue_gives_no_time_nothing_can_be_requested(desk: Desk, tmp_path: Path):
    desk.keys("tok-a")
    folder = copied(tmp_path / "catalogue")
    (folder / "retention.yaml").unlink()

    assert "add erasure to retention.yaml" in desk.erase(
        "tok-a", "--because", "erasure", "--catalogue", folder, by=ONE, exits=1
    )


def test_people_are_told_what_is_to_be_done(desk: Desk):
    desk.keys("tok-a")
    words = ["persons", "erase", "tok-a", "--because", "erasure", "--by", ONE]
    result = CliRunner().invoke(
        app, [*words, "--sealing", str(desk.folder / "sealing.yaml")], env={"COLUMNS": "400", "TERM": "dumb"}
    )

    assert result.stdout == f"Requested by {ONE}: 1 key to destroy. Nothing is destroyed yet\n"
    assert "somebody else may confirm it: the same command with --confirm --by, no --because" in result.stderr
