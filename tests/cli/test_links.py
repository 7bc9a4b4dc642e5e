"""Who is who, as people are told; the writing of decisions is tested on Kafka."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import msgspec
import pytest
from tests.core.stages.making import a_version
from typer.testing import CliRunner

from safety_stream import cli
from safety_stream.cli import app, links
from safety_stream.cli.links import shown
from safety_stream.core.catalogue import PersonBounds
from safety_stream.core.model.incidents import Party
from safety_stream.core.model.links import LinkState, PersonLink
from safety_stream.core.stages.intake import checked_link
from safety_stream.readmodel.database import open_database, url_of_file
from safety_stream.readmodel.matches import Matches
from safety_stream.streaming.ports import Incoming
from safety_stream.testing.labelled import labelled
from safety_stream.wire.records import Records

BOUNDS = PersonBounds(merged_at_most=2, possible_at_most=1)


def a_link(first: str, second: str, state: LinkState, at: int = 0) -> PersonLink:
    link = PersonLink(
        first=first, second=second, state=state, method="steward", decided_by="data-steward", decided_at=at
    )
    return checked_link(link, at)


def test_a_token_nobody_decided_about_stands_for_itself() -> None:
    known = shown("tok-a", [a_link("tok-b", "tok-c", "linked")], BOUNDS)

    assert (known.goes_by, known.tokens, known.possible, known.decisions) == ("tok-a", ("tok-a",), (), ())


def test_a_person_goes_by_the_smallest_token_and_the_standing_decisions_say_why() -> None:
    stale, merge = a_link("tok-b", "tok-a", "apart"), a_link("tok-b", "tok-a", "linked", 1)
    maybe = a_link("tok-a", "tok-c", "possible", 2)
    known = shown("tok-b", [merge, stale, maybe], BOUNDS)

    assert (known.goes_by, known.tokens, known.possible) == ("tok-a", ("tok-a", "tok-b"), ("tok-c",))
    assert known.decisions == (merge, maybe)
    assert not known.too_many_tokens
    assert not known.too_many_possible


def test_a_bound_that_holds_something_back_is_told() -> None:
    links = [a_link(f"tok-{one}", f"tok-{other}", "linked") for one, other in ("ab", "bc")]
    links += [a_link("tok-d", f"tok-{other}", "possible") for other in "ef"]

    assert shown("tok-a", links, BOUNDS).too_many_tokens
    assert shown("tok-a", links, BOUNDS).tokens == ("tok-a",)
    assert shown("tok-d", links, BOUNDS).too_many_possible
    assert shown("tok-e", links, BOUNDS).too_many_possible
    assert shown("tok-e", links, msgspec.structs.replace(BOUNDS, possible_at_most=2)).possible == ("tok-d",)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("tok-a", "tok-a", "--by", "data-steward", "--method", "steward"), "one token"),
        (("tok-a", "tok b", "--by", "data-steward", "--method", "steward"), "field second"),
        (("tok-a", "tok-b", "--by", "Mrs Steward", "--method", "steward"), "field decided_by"),
        (("tok-a", "tok-b", "--by", "data-steward", "--method", "guess"), "there is no method guess"),
        (("tok-a", "tok-b", "--by", "data-steward", "--method", "steward", "--decided-at", "now"), "ISO 8601"),
    ],
)
def test_what_is_no_decision_is_not_sent(words: tuple[str, ...], said: str) -> None:
    result = CliRunner().invoke(app, ["links", "merge", *words], env={"COLUMNS": "400", "TERM": "dumb"})

    assert result.exit_code in (1, 2)
    assert said in result.stderr


def test_what_rests_on_each_possible_match_is_counted_into_the_copy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said = [
        a_link("tok-a", "tok-b", "possible"),
        a_link("tok-c", "tok-d", "possible"),
        a_link("tok-c", "tok-d", "apart", 1),
    ]
    parties = (Party("victim", "tok-a"), Party("suspect", "tok-c"))
    reports = [a_version(parties=parties), a_version(parties=parties), a_version(incident_id="another")]
    wire = Records(read_here=())
    topics = {"person-links": said, "incidents": [*said, *reports]}

    def read(_: object, asked: Sequence[str]) -> Iterator[Incoming]:
        for topic in asked:
            for offset, value in enumerate(topics[topic]):
                yield Incoming(topic, 0, offset, 9, b"", wire.encode(topic, value))

    monkeypatch.setattr(links, "read_to_end", read)
    monkeypatch.setattr(links, "connect", lambda _: None)
    result = CliRunner().invoke(app, ["links", "weigh", "--data", str(tmp_path), "--json"])

    assert json.loads(result.stdout) == {"pairs": 1, "reports": 2}
    engine = open_database(url_of_file(tmp_path / "readmodel.sqlite"))
    (match,) = Matches(engine).weightiest(9)
    engine.dispose()
    # The other report names the victim of the first alone, and the pair that is apart is no business of anybody.
    assert (match.link, match.first_named, match.second_named) == (said[0], {"police-crimes": 2}, {})


ABOUT_A_STORE = ("--by", "matching-job")


@pytest.fixture
def proposing(monkeypatch: pytest.MonkeyPatch) -> list[PersonLink]:
    """`links propose` without a broker: what it sends is in the list, and what is on the bus with it."""
    pytest.importorskip("splink")
    sent: list[PersonLink] = []

    class Producer:
        def __init__(self, _: object) -> None: ...
        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...
        def send_link(self, link: PersonLink) -> None:
            sent.append(link)

    monkeypatch.setattr(links, "decisions", lambda _: iter([*sent]))
    monkeypatch.setattr(links, "ReportProducer", Producer)
    monkeypatch.setattr(links, "connect", lambda _: None)
    return sent


def a_store(path: Path, persons: int = 300) -> Path:
    path.write_bytes(b"".join(line + b"\n" for line in labelled(persons, 3).lines))
    return path


def propose(*words: object, exits: int) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["links", "propose", *map(str, words), *ABOUT_A_STORE, "--json"])
    assert result.exit_code == exits, result.output
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def test_what_is_proposed_is_said_and_decided_only_when_asked(proposing: list[PersonLink], tmp_path: Path) -> None:
    store = a_store(tmp_path / "linking.jsonl")
    said = propose(store, exits=2)
    assert (proposing, said["applied"]) == ([], False)

    done = propose(store, "--apply", exits=0)
    assert [(link.first, link.second, link.state) for link in proposing] == [
        (one["first"], one["second"], one["state"]) for one in said["decisions"]
    ]
    assert {link.state for link in proposing} == {"linked", "possible"}
    assert {link.method for link in proposing} == {"probabilistic"}
    assert all(link == checked_link(link, link.decided_at) and link.decision_id for link in proposing)
    assert (done["linked"], done["left_to_a_steward"]) == (said["linked"], said["left_to_a_steward"])

    # What is on the bus is said no more, and what a steward has split since stays split.
    again = propose(store, exits=0)
    assert again["decisions"] == []
    linked = next(link for link in proposing if link.state == "linked")
    proposing.append(
        msgspec.structs.replace(
            linked, state="apart", method="steward", decided_at=linked.decided_at + 1, decision_id=""
        )
    )
    pairs = {(one["first"], one["second"]) for one in propose(store, exits=0)["decisions"]}
    assert (linked.first, linked.second) not in pairs


def test_every_pair_and_its_weight_is_written_for_the_owner_alone(proposing: list[PersonLink], tmp_path: Path) -> None:
    store, pairs = a_store(tmp_path / "linking.jsonl"), tmp_path / "pairs.jsonl"
    said = propose(store, "--out", pairs, exits=2)
    rows = [json.loads(line) for line in pairs.read_bytes().splitlines()]

    assert stat.S_IMODE(pairs.stat().st_mode) == 0o600
    assert len(rows) == said["pairs"] == said["auto"] + said["possible"] + said["none"]
    assert [row["weight"] for row in rows] == sorted((row["weight"] for row in rows), reverse=True)
    assert sum(row["band"] == "auto" for row in rows) == said["auto"]
    assert proposing == []


def test_only_who_has_a_seal_is_proposed_and_by_it(
    proposing: list[PersonLink], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safety_stream.cli import proposing as work

    store, settings = a_store(tmp_path / "linking.jsonl"), tmp_path / "sealing.yaml"
    settings.write_text("")
    erased, *rest = sorted(labelled(300, 3).owners)
    seals = {token: f"sealed.{number:032x}" for number, token in enumerate(rest)}
    keys = SimpleNamespace(known=lambda tokens: {one: seals[one] for one in tokens if one in seals})
    monkeypatch.setattr(work, "key_store", lambda _: nullcontext(keys))
    monkeypatch.setattr(links, "sealed_decisions", lambda every, _: list(every))
    propose(store, "--apply", "--sealing", settings, exits=0)

    assert proposing
    assert {token for link in proposing for token in (link.first, link.second)} <= {*seals.values()}
    assert erased not in seals


@pytest.mark.parametrize(
    ("text", "by", "said"),
    [("no line", "matching-job", ":1 is no line of tokens make --linking"), (None, "Mrs Steward", "field decided_by")],
)
def test_what_cannot_be_matched_is_said(
    proposing: list[PersonLink], tmp_path: Path, text: str | None, by: str, said: str
) -> None:
    store = a_store(tmp_path / "linking.jsonl")
    if text is not None:
        store.write_text(text)
    result = CliRunner().invoke(app, ["links", "propose", str(store), "--by", by, "--apply"], env={"COLUMNS": "400"})

    assert (result.exit_code, proposing) == (1, [])
    assert said in result.stderr


def test_without_the_extra_it_says_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "connect", lambda _: None)
    monkeypatch.delattr(cli, "proposing", raising=False)
    monkeypatch.delitem(sys.modules, "safety_stream.cli.proposing", raising=False)
    monkeypatch.delitem(sys.modules, "safety_stream.linkage.scoring", raising=False)
    monkeypatch.setitem(sys.modules, "duckdb", None)
    result = CliRunner().invoke(
        app, ["links", "propose", str(a_store(tmp_path / "a", 5)), *ABOUT_A_STORE], env={"COLUMNS": "400"}
    )

    assert result.exit_code == 1
    assert "duckdb is not installed, which weighs pairs: pip install 'safety-stream[linkage]'" in result.stderr
