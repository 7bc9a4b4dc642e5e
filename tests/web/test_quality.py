"""What stewards see and do: refused records go back once and on record, and pairs are decided as the bus wants it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient
from tests.web.conftest import Pages, token
from tests.web.filling import LOADED, NOW, fill
from tests.web.reading_html import Read, faults

from safety_stream.core.model.dead_letters import Reason
from safety_stream.core.model.links import PersonLink
from safety_stream.core.stages.intake import checked_link
from safety_stream.readmodel.matches import Match, Matches
from safety_stream.readmodel.people import Deeds
from safety_stream.readmodel.reading import RefusedCount
from safety_stream.web.policy import DEVELOPMENT, Person
from safety_stream.web.views.health import quality_view

LETTERS = [f"dead-letters.intake/0/{number}" for number in range(3)]


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Engine]:
    engine = fill(tmp_path / "copy.sqlite", weeks=1)
    yield engine
    engine.dispose()


@pytest.fixture
def pages(own: Engine, make_pages: Callable[..., Pages]) -> Pages:
    west = Person(id="analyst-west", role="analyst", audience="analyst", profile="internal", areas=("D-WEST",))
    numbered = Person(id="A.7|x", role="analyst", audience="analyst", profile="internal")
    return make_pages(people=(*DEVELOPMENT, west, numbered), deeds=Deeds(own), matches=Matches(own))


def send(client: TestClient, path: str, **fields: object):
    return client.post(path, data={"csrf": token(client.get("/data-quality").text), **fields})


def deeds(pages: Pages) -> list[tuple[str, str, str]]:
    return [(one.what, one.of, one.outcome) for one in pages.site.deeds.newest(99)][::-1]


def test_chosen_records_go_back_and_it_is_told_and_recorded(pages: Pages):
    client = pages.as_person("dev-operator")
    page = client.get("/data-quality/refused")
    assert list(faults(Read(page.text))) == []
    assert page.text.count('name="letter"') == 3
    done = send(client, "/data-quality/refused", letter=LETTERS[:2])

    assert "Put back: 2 records." in Read(done.text).text
    assert pages.site.steward.put == LETTERS[:2]
    assert deeds(pages) == [("redrive", one, how) for how in ("asked", "done") for one in LETTERS[:2]]
    # What was put back from here cannot be ticked again, and whoever watches reads who did it.
    assert done.text.count('name="letter"') == 1
    assert done.text.count("(put back)") == 2
    told = Read(pages.as_person("dev-auditor").get("/data-quality").text).text
    assert f"dev-operator, operator put a refused record back {LETTERS[0]} done" in told


def test_a_record_that_was_put_back_before_is_left_and_said(pages: Pages):
    pages.site.steward.put.append(LETTERS[0])
    done = send(pages.as_person("dev-analyst"), "/data-quality/refused", letter=LETTERS[:2])

    assert "Put back: 1 record. 1 record left, because put back before." in Read(done.text).text
    assert deeds(pages)[-2:] == [("redrive", LETTERS[1], "done"), ("redrive", LETTERS[0], "failed")]


def test_nothing_ticked_is_nothing_done_and_what_fails_is_said_and_recorded(pages: Pages):
    client = pages.as_person("dev-operator")
    for what in ([], ["<b>"], ["partner.police/0/1"], [f"dead-letters.intake/0/{'1' * 99}"]):
        assert "Nothing was ticked." in send(client, "/data-quality/refused", letter=what).text
    assert deeds(pages) == []

    pages.site.steward.is_down = True
    done = send(client, "/data-quality/refused", letter=LETTERS[0])
    assert "Nothing was put back. Kafka says: nobody is there." in Read(done.text).text
    assert deeds(pages) == [("redrive", LETTERS[0], "asked"), ("redrive", LETTERS[0], "failed")]


def test_records_are_chosen_by_topic_and_reason(pages: Pages):
    client = pages.as_person("dev-operator")
    topic = f"partner.{sorted(LOADED.catalogue.sources)[2]}"
    link = f"/data-quality/refused?topic={topic}&reason=impossible-time"

    assert link in Read(client.get("/data-quality").text).links
    assert client.get(link).text.count('name="letter"') == 3
    assert client.get(f"/data-quality/refused?topic={topic}&reason=empty").text.count('name="letter"') == 0
    assert client.get("/data-quality/refused?topic=partner.nobody").text.count('name="letter"') == 0
    # Whoever may only look is led nowhere they may not go.
    assert link not in Read(pages.as_person("dev-auditor").get("/data-quality").text).links


def test_every_reason_there_is_can_be_told():
    refused = [
        RefusedCount(source_topic="partner.x", reason=one, count=1, first_received_at=NOW, last_received_at=NOW)
        for one in get_args(Reason)
    ]
    view = quality_view(refused, [], LOADED.catalogue, NOW, NOW)

    assert {one.reason for one in view.lines} == set(get_args(Reason))
    assert all(one.why for one in view.lines)


def test_a_feed_that_was_never_heard_is_complete_to_nothing_known_and_stands_first(pages: Pages):
    text = Read(pages.as_person("dev-analyst").get("/data-quality").text).text
    sources = LOADED.catalogue.sources
    never, silent, heard = (sources[name].title for name in sorted(sources)[:3])

    assert "never heard: no data not known not known" in text
    table = text[text.index("How far feeds are complete") :]
    assert table.index(never) < table.index(silent) < table.index(heard)


def test_a_pair_is_shown_with_partners_and_weight_the_weightiest_first(pages: Pages):
    page = pages.as_person("dev-analyst").get("/matches")
    read = Read(page.text)

    assert list(faults(read)) == []
    assert [read.text.index(token) for token in ("tok-a", "tok-e", "tok-c")] == sorted(
        read.text.index(token) for token in ("tok-a", "tok-e", "tok-c")
    )
    first, second, third = sorted(LOADED.catalogue.sources)[:3]
    titles = {name: one.title for name, one in LOADED.catalogue.sources.items()}
    assert f"5 reports that name it {titles[first]}: 4 reports {titles[second]}: 1 report" in read.text
    assert f"2 reports that name it {titles[third]}: 2 reports" in read.text
    assert "3 pairs to decide." in read.text


@pytest.mark.parametrize(
    ("state", "said", "left"),
    [
        ("linked", "tok-a and tok-b are the same person.", 2),
        ("apart", "tok-a and tok-b are two persons.", 2),
        ("possible", "tok-a and tok-b may be the same person.", 3),
    ],
)
def test_a_decision_goes_to_the_bus_as_the_command_line_sends_it(pages: Pages, state: str, said: str, left: int):
    client = pages.as_person("dev-analyst")
    done = send(client, "/matches", first="tok-a", second="tok-b", state=state, method="full-name-and-birth")

    assert f"Sent: {said}" in Read(done.text).text
    (sent,) = pages.site.steward.decided
    assert sent == checked_link(
        PersonLink(
            first="tok-a", second="tok-b", state=state, method="full-name-and-birth", decided_by="dev-analyst",
            decided_at=NOW,
        ),
        NOW,
    )  # fmt: skip
    assert deeds(pages) == [("decide", sent.decision_id, how) for how in ("asked", "done")]
    assert pages.site.matches.count() == left
    if state == "possible":
        assert "by dev-analyst, on full name and date of birth" in Read(done.text).text


def test_what_it_rests_on_has_to_be_said(pages: Pages):
    done = send(pages.as_person("dev-analyst"), "/matches", first="tok-a", second="tok-b", state="linked")
    read = Read(done.text)

    assert (done.status_code, pages.site.steward.decided, deeds(pages)) == (400, [], [])
    assert list(faults(read)) == []
    assert "#method-wrong" in read.links
    assert read.text.count("Choose what the decision rests on.") == 2


@pytest.mark.parametrize(
    "form",
    [
        {"first": "tok-a", "second": "tok-c"},
        {"first": "tok-b", "second": "tok-a"},
        {"first": "", "second": ""},
        {"first": "tok-a", "second": "tok-b", "state": "married"},
    ],
)
def test_only_a_pair_that_is_to_be_decided_is(pages: Pages, form: dict[str, str]):
    done = send(pages.as_person("dev-analyst"), "/matches", **({"state": "linked", "method": "steward"} | form))

    assert "not to be decided any more" in done.text
    assert (pages.site.steward.decided, deeds(pages), pages.site.matches.count()) == ([], [], 3)


def test_a_decision_the_bus_does_not_take_is_none(pages: Pages):
    pages.site.steward.is_down = True
    form = {"first": "tok-a", "second": "tok-b", "state": "linked", "method": "steward"}
    done = send(pages.as_person("dev-analyst"), "/matches", **form)

    assert "Nothing was decided. Kafka says: nobody is there." in Read(done.text).text
    assert [how for _, _, how in deeds(pages)] == ["asked", "failed"]
    assert pages.site.matches.count() == 3


def test_whose_number_a_decision_does_not_take_answers_for_it_by_their_role(pages: Pages):
    form = {"first": "tok-a", "second": "tok-b", "state": "apart", "method": "steward"}
    send(pages.as_person("A.7|x"), "/matches", **form)

    assert [one.decided_by for one in pages.site.steward.decided] == ["analyst"]
    assert {one.person for one in pages.site.deeds.newest(9)} == {"A.7|x"}


def test_who_sees_some_areas_alone_decides_about_no_person(pages: Pages):
    client = pages.as_person("analyst-west")
    form = {"first": "tok-a", "second": "tok-b", "state": "apart", "method": "steward"}

    assert client.get("/matches").status_code == 403
    assert send(client, "/matches", **form).status_code == 403
    assert "/matches" not in Read(client.get("/data-quality").text).links
    assert pages.site.steward.decided == []


def test_read_only_pages_show_and_do_nothing(own: Engine, make_pages: Callable[..., Pages]):
    client = make_pages(steward=None, deeds=Deeds(own), matches=Matches(own)).as_person("dev-analyst")
    for path in ("/matches", "/data-quality/refused"):
        page = client.get(path)
        assert "These pages are read only" in page.text
        assert list(faults(Read(page.text))) == []
        assert page.text.count("<form") == 1 + (path == "/data-quality/refused")
    assert send(client, "/matches", first="tok-a", second="tok-b", state="linked").status_code == 404
    assert send(client, "/data-quality/refused", letter=LETTERS[0]).status_code == 404


def test_a_token_becomes_no_markup(pages: Pages, own: Engine):
    odd = PersonLink(first="<b>x", second="tok-z", state="possible", method="steward", decided_by="<i>", decided_at=NOW)
    Matches(own).replace([Match(odd, {"<u>": 1}, {})], NOW)
    page = pages.as_person("dev-analyst").get("/matches").text

    assert not any(one in page for one in ("<b>x", "<i>", "<u>"))
    assert list(faults(Read(page))) == []
