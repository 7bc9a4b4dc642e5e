"""Choices of the inbox that people keep, and what has changed for whom: by forms and links alone."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.web.conftest import Pages, token
from tests.web.filling import HOSTILE, alert
from tests.web.reading_html import Read, faults

from safety_stream.readmodel.database import migrate, open_database, url_of_file
from safety_stream.readmodel.people import CHOICES_MOST, SavedChoices
from safety_stream.readmodel.projection import TopicRecord, apply
from safety_stream.readmodel.reading import ReadModel


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


def listed(client: TestClient, page: str) -> list[str]:
    """Everything a link of the page leads to, page by page."""
    found: list[str] = []
    (here,) = {link for link in Read(page).links if link.startswith("/inbox?since=")}
    while here:
        text = client.get(here).text
        rows = text[text.index('<ol class="ss-list"') : text.index("</ol>")]
        found += [link for link in Read(rows).links if link.startswith("/alerts/")]
        here = next((link for link in Read(text).links if "after=" in link), "")
    return found


@pytest.mark.parametrize("who", ["dev-duty-officer", "dev-duty-officer-west"])
@pytest.mark.parametrize("seen", [1, 3, 60])
def test_what_changed_is_counted_as_it_is_listed(pages: Pages, who: str, seen: int):
    client = pages.as_person(who)
    form = {"csrf": token(client.get("/inbox").text), "seq": str(seen)}
    told = {one["alert_id"] for one in client.get(f"/feed?after={seen}").json()["alerts"]}
    page = client.post("/inbox/seen", data=form).text

    # Number 4 is snoozed and number 7 takes number 6 back: both have changed, and neither is open.
    assert 0 < len(told) <= 74 - seen
    assert f"{len(told)} changed since you last looked" in Read(page).text
    changed = listed(client, page)
    assert sorted(changed) == sorted(f"/alerts/{one}" for one in told)


def test_who_never_said_that_they_looked_is_told_of_no_change(pages: Pages):
    page = pages.as_person("dev-duty-officer").get("/inbox").text

    assert "You have not said yet up to where you have looked." in Read(page).text
    assert "changed since you" not in page
    assert "I have looked" in page


def test_up_to_where_somebody_looked_counts_no_more_once_the_feed_was_begun_anew(
    tmp_path: Path, make_pages: Callable[..., Pages]
):
    client = make_pages().as_person("dev-duty-officer")
    client.post("/inbox/seen", data={"csrf": token(client.get("/inbox").text), "seq": "74"})
    assert "Nothing changed since you last looked." in client.get("/inbox").text
    engine = open_database(url_of_file(tmp_path / "anew.sqlite"))
    migrate(engine)
    with engine.begin() as connection:
        apply(connection, [TopicRecord("alerts.duty-officer", 0, seq, alert(seq)) for seq in range(1, 11)])
    rebuilt = make_pages(read_model=ReadModel(engine)).as_person("dev-duty-officer")
    rebuilt.cookies.update(client.cookies)

    page = rebuilt.get("/inbox").text
    assert "Nothing changed since you last looked." not in page
    assert "You have not said yet up to where you have looked." in page
    # An address kept from before shows what there is, and not nothing.
    assert Read(rebuilt.get("/inbox?since=74").text).links == Read(page).links
    engine.dispose()
