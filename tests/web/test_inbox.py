"""Choices of the inbox that people keep, and what has changed for whom: by forms and links alone."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.web.conftest import Pages, token
from tests.web.filling import HOSTILE
from tests.web.reading_html import Read, faults

from safety_stream.readmodel.database import migrate, open_database, url_of_file
from safety_stream.readmodel.people import CHOICES_MOST, SavedChoices


@pytest.fixture
def desk(tmp_path: Path, make_pages: Callable[..., Pages]) -> Iterator[Pages]:
    engine = open_database(url_of_file(tmp_path / "kept.sqlite"))
    migrate(engine)
    yield make_pages(saved_choices=SavedChoices(engine))
    engine.dispose()


def keep(client: TestClient, name: str, query: str = "?priority=P1&area=D-WEST") -> str:
    form = {"csrf": token(client.get("/inbox").text), "name": name, "query": query}
    return client.post("/inbox/choices", data=form).text


def kept(page: str) -> list[str]:
    begins = page.find('id="kept"')
    return Read(page[begins : page.find("</nav>", begins)]).links


def test_a_choice_is_kept_under_a_name_and_is_a_link_from_then_on(desk: Pages):
    client = desk.as_person("dev-duty-officer")
    offered = client.get("/inbox?priority=P1&area=D-WEST").text
    assert 'name="query" value="?priority=P1&amp;area=D-WEST"' in offered
    page = keep(client, " West,  critical ")

    assert "Kept as West, critical." in Read(page).text
    assert "West, critical" in Read(page).text
    assert kept(page) == ["/inbox?priority=P1&area=D-WEST"]
    assert list(faults(Read(page))) == []
    # It is the one on the page, and said to be.
    assert 'area=D-WEST" aria-current="true">West, critical' in page
    # Where nothing is chosen there is nothing to keep.
    assert "Keep this choice" not in client.get("/inbox").text


def test_it_is_kept_for_one_person_and_over_sessions(desk: Pages):
    keep(desk.as_person("dev-duty-officer"), "West")

    assert kept(desk.as_person("dev-duty-officer").get("/inbox").text)
    assert "West</a>" not in desk.as_person("dev-supervisor").get("/inbox").text


def test_it_is_forgotten_when_that_is_asked_for(desk: Pages):
    client = desk.as_person("dev-duty-officer")
    keep(client, "West")
    form = {"csrf": token(client.get("/inbox").text), "name": "West"}

    assert "Choices you keep" not in client.post("/inbox/choices/forgotten", data=form).text


def test_what_nobody_could_have_chosen_or_named_is_not_kept(desk: Pages):
    client = desk.as_person("dev-duty-officer")
    assert "Give the choice a name." in keep(client, " ")
    page = keep(client, HOSTILE[:50], f"?priority=P9&area=//evil.example&text={HOSTILE}&after=x")

    assert list(faults(Read(page))) == []
    (link,) = kept(page)
    assert link.startswith("/inbox?text=")
    assert "evil" not in link
    for number in range(CHOICES_MOST):
        page = keep(client, f"choice {number}")
    assert f"You keep {CHOICES_MOST} choices already" in page


def test_what_changed_is_counted_of_the_readers_own_areas(pages: Pages):
    everywhere, west = pages.as_person("dev-duty-officer"), pages.as_person("dev-duty-officer-west")
    form = {"csrf": token(west.get("/inbox").text), "seq": "70"}
    told = [one["seq"] for one in west.get("/feed?after=70").json()["alerts"]]
    page = Read(west.post("/inbox/seen", data=form).text)

    assert 0 < len(told) < 4
    assert f"{len(told)} changed since you last looked" in page.text
    assert "74 changed since you last looked" in Read(everywhere.get("/inbox").text).text
    changed = Read(west.get("/inbox?since=70").text)
    assert len({link for link in changed.links if link.startswith("/alerts/")}) >= len(told)
