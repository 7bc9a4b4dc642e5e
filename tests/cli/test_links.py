"""Who is who, as people are told; the writing of decisions is tested on Kafka."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from tests.core.stages.making import a_version
from typer.testing import CliRunner

from safety_stream.cli import app, links
from safety_stream.cli.links import shown
from safety_stream.core.catalogue import PersonBounds
from safety_stream.core.model.incidents import Party
from safety_stream.core.model.links import LinkState, PersonLink
from safety_stream.core.stages.intake import checked_link
from safety_stream.readmodel.database import open_database, url_of_file
from safety_stream.readmodel.matches import Matches
from safety_stream.streaming.ports import Incoming
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
