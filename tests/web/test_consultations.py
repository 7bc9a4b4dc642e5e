"""Nobody looks at an alert about a person without a reason, and whoever looks is on record, exactly."""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient
from tests.web.conftest import CONSULTING, Pages, token
from tests.web.filling import LOADED, NOW, alert, fill
from tests.web.reading_html import Read, faults
from tests.web.test_policy import AUDIENCES, EXPECTED, is_expected

from safety_stream.core.model.times import MINUTE, Instant
from safety_stream.readmodel.people import Consultation, Consultations, SavedChoices
from safety_stream.readmodel.reading import ReadModel
from safety_stream.web.policy import DEVELOPMENT, PERMITTED, Person, may

ALERT = "00000000-0000-5000-8000-000000000001"
PAGE = f"/alerts/{ALERT}"
OF_NOBODY = "/alerts/00000000-0000-5000-8000-000000000008"
ASKED = "Why do you look at this alert?"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = fill(tmp_path_factory.mktemp("looked-at") / "copy.sqlite", weeks=1)
    yield engine
    engine.dispose()


@dataclass
class Desk:
    """Pages of a copy of their own, at a time that can be moved, asked for by somebody who gives no reason unasked."""

    pages: Pages
    kept: Consultations
    at: list[Instant]

    def person(self, who: str = "dev-duty-officer") -> TestClient:
        return self.pages.as_person(who, TestClient)

    def recorded(self) -> list[Consultation]:
        return [one.consultation for one in self.kept.newest(10_000)][::-1]


@pytest.fixture
def make_desk(filled: Engine, tmp_path: Path, make_pages: Callable[..., Pages]) -> Callable[..., Desk]:
    from safety_stream.readmodel.database import migrate, open_database, url_of_file

    def make(**changes: object) -> Desk:
        # What is recorded lies elsewhere than the copy, so that each test begins with nothing.
        own = open_database(url_of_file(tmp_path / "recorded.sqlite"))
        migrate(own)
        at = [NOW]
        kept = Consultations(own)
        known = {"read_model": ReadModel(filled), "consultations": kept, "saved_choices": SavedChoices(own)}
        return Desk(make_pages(**(known | {"wall": lambda: at[0]} | changes)), kept, at)

    return make


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Desk:
    return make_desk()


def reason_form(client: TestClient, reason: str = "linked", path: str = PAGE) -> dict[str, str]:
    return {"csrf": token(client.get(path).text), "reason": reason}


def test_without_a_reason_nothing_of_the_alert_is_shown_and_nobody_is_said_to_have_looked(desk: Desk):
    page = desk.person().get(PAGE)

    assert page.status_code == 200
    assert ASKED in page.text
    assert not any(part in page.text for part in ("Preston", "tok-", "report-", "Child found far"))
    assert list(faults(Read(page.text))) == []
    assert desk.recorded() == []


def test_every_look_is_recorded_with_the_reason_that_holds(desk: Desk):
    client = desk.person()
    first = client.post(f"{PAGE}/reason", data=reason_form(client))
    desk.at[0] += 5
    second = client.get(PAGE)

    assert "tok-0001a" in first.text
    assert "tok-0001a" in second.text
    acts = [(one.act, one.at - NOW) for one in desk.recorded()]
    assert acts == [("reason", 0), ("view", 0), ("view", 5)]
    (same,) = {(one.person, one.role, one.audience, one.alert_id, one.seq, one.reason) for one in desk.recorded()}
    assert same == ("dev-duty-officer", "duty-officer", "duty-officer", ALERT, 1, "linked")
    assert len({one.session for one in desk.recorded()}) == 1


def test_a_reason_holds_as_long_as_the_catalogue_says_and_no_longer(desk: Desk):
    client = desk.person()
    client.post(f"{PAGE}/reason", data=reason_form(client))
    desk.at[0] = NOW + CONSULTING.holds - 1
    assert ASKED not in client.get(PAGE).text

    desk.at[0] = NOW + CONSULTING.holds
    assert ASKED in client.get(PAGE).text
    assert len(desk.recorded()) == 3


def test_a_reason_does_not_hold_before_it_was_given(desk: Desk):
    client = desk.person()
    form = reason_form(client)
    # The clock was wrong when it was given, or that of another machine is a little behind.
    desk.at[0] = NOW + 5 * MINUTE
    client.post(f"{PAGE}/reason", data=form)
    desk.at[0] = NOW + 4 * MINUTE
    assert ASKED not in client.get(PAGE).text
    desk.at[0] = NOW + 4 * MINUTE - 1

    assert ASKED in client.get(PAGE).text


def test_a_reason_holds_for_its_alert_and_session_alone(desk: Desk):
    client = desk.person()
    client.post(f"{PAGE}/reason", data=reason_form(client))

    assert ASKED in client.get("/alerts/00000000-0000-5000-8000-000000000002").text
    assert ASKED in desk.person().get(PAGE).text
    assert ASKED in desk.person("dev-supervisor").get(PAGE).text


@pytest.mark.parametrize("reason", ["", "because", "<b>", "On-shift"])
def test_what_is_no_reason_of_the_catalogue_is_none(desk: Desk, reason: str):
    client = desk.person()
    done = client.post(f"{PAGE}/reason", data=reason_form(client, reason))

    assert done.status_code == 400
    assert "Choose why you look at it." in done.text
    assert "tok-" not in done.text
    assert desk.recorded() == []


def test_a_reason_the_catalogue_no_longer_has_holds_no_more(make_desk: Callable[..., Desk]):
    import msgspec

    client = (desk := make_desk()).person()
    client.post(f"{PAGE}/reason", data=reason_form(client))
    fewer = msgspec.structs.replace(CONSULTING, reasons={"on-shift": "I deal with it"})
    other = make_desk(consulting=fewer, consultations=desk.kept).pages.browser(TestClient)
    other.cookies.update(client.cookies)

    assert ASKED in other.get(PAGE).text


def test_an_alert_that_is_of_nobody_asks_for_no_reason(desk: Desk):
    page = desk.person().get(OF_NOBODY)

    assert ASKED not in page.text
    assert "60 recorded in the week" in page.text
    assert desk.recorded() == []


def test_nobody_gives_a_reason_for_what_they_may_not_see(desk: Desk):
    west = desk.person("dev-duty-officer-west")
    form = {"csrf": token(west.get("/inbox").text), "reason": "linked"}

    assert west.post(f"{PAGE}/reason", data=form).status_code == 404
    assert west.get(PAGE).status_code == 404
    assert desk.recorded() == []


def test_a_look_that_cannot_be_recorded_is_none(desk: Desk):
    client = desk.person()
    client.post(f"{PAGE}/reason", data=reason_form(client))

    def full(_: Consultation) -> None:
        raise OperationalError("insert", {}, Exception("disk full"))

    desk.kept.note = full  # type: ignore[method-assign]
    page = client.get(PAGE)

    assert page.status_code == 503
    assert "tok-" not in page.text


def test_a_form_with_a_mistake_is_no_way_round(desk: Desk):
    client = desk.person()
    done = client.post(f"{PAGE}/actions", data={"csrf": token(client.get("/inbox").text), "action": "refer"})

    assert (done.status_code, ASKED in done.text, "tok-" in done.text) == (400, True, False)


def test_lists_and_the_feed_tell_of_no_person_and_no_report(desk: Desk):
    client = desk.person()
    feed = client.get("/feed?after=0")

    others = [client.get(path).text for path in ("/inbox", "/handover", "/feed.cap?after=0")]
    for text in (*others, feed.text):
        assert not any(part in text for part in ("tok-0001", "report-1-", "occurrence-1-"))
    told = {one["seq"]: one for one in feed.json()["alerts"]}
    assert (told[1]["subject"], told[1]["findings"]) == (None, None)
    # What is about nobody is told whole.
    assert told[8]["findings"]
    assert desk.recorded() == []


def test_no_list_and_no_search_says_that_there_is_an_alert_about_somebody(desk: Desk):
    client = desk.person()
    for words in ("tok-0002a", "TOK-0002", "pair tok-0002a tok-0002b", "report-2-0", "tok-"):
        page = Read(client.get("/inbox", params={"text": words}).text)
        assert "No alert is as chosen" in page.text, words
        assert not any(link.startswith("/alerts/") and "000006" not in link for link in page.links)
    # What lists tell is found.
    assert any(link.startswith("/alerts/") for link in Read(client.get("/inbox?text=MARAC").text).links)
    assert "tok-" not in client.get("/meeting").text
    assert desk.recorded() == []


@pytest.mark.parametrize("role", EXPECTED)
def test_whoever_may_see_alerts_is_asked_and_recorded_and_nobody_else_is(role: str, make_desk: Callable[..., Desk]):
    people = tuple(Person(id=f"of {one}", role=role, audience=one) for one in AUDIENCES)  # type: ignore[arg-type]
    desk = make_desk(people=people)
    expected = []
    for person in people:
        client = desk.person(person.id)
        form = {"csrf": token(client.get("/sign-in").text), "reason": "quality"}
        if not is_expected(role, "alert", person.audience, ""):
            assert client.get(PAGE).status_code == 403
            assert client.post(f"{PAGE}/reason", data=form).status_code == 403
            continue
        assert ASKED in client.get(PAGE).text
        page = client.post(f"{PAGE}/reason", data=form)
        assert page.status_code == 200
        assert ASKED not in page.text
        expected += [("reason", person.id, role, person.audience), ("view", person.id, role, person.audience)]

    assert [(one.act, one.person, one.role, one.audience) for one in desk.recorded()] == expected


def test_those_who_see_to_it_read_what_was_recorded(desk: Desk):
    client = desk.person()
    client.post(f"{PAGE}/reason", data=reason_form(client))
    for who in ("dev-data-protection", "dev-auditor"):
        reader = desk.person(who)
        page = Read(reader.get("/consultations").text)

        assert list(faults(page)) == []
        assert "It may belong to another alert" in page.text
        assert ALERT in page.text
        # What was looked at they do not see.
        assert PAGE not in page.links
        rows = list(csv.DictReader(io.StringIO(reader.get("/consultations.csv").text)))
        assert [(row["act"], row["person"], row["alert"], row["reason"]) for row in rows] == [
            ("view", "dev-duty-officer", ALERT, "linked"),
            ("reason", "dev-duty-officer", ALERT, "linked"),
        ]
        assert "Nobody has looked as chosen" in reader.get("/consultations?person=dev-analyst").text
        assert reader.get("/consultations?before=x").status_code == 400
        assert len(reader.get(f"/consultations.csv?alert={ALERT}").text.splitlines()) == 3


def test_a_long_record_is_read_page_by_page_and_the_csv_is_whole(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    from safety_stream.web.pages import consultations as pages_of_consultations

    monkeypatch.setattr(pages_of_consultations, "PAGE", 3)
    monkeypatch.setattr(pages_of_consultations, "READ_AT_ONCE", 2)
    client = desk.person()
    client.post(f"{PAGE}/reason", data=reason_form(client))
    for _ in range(5):
        client.get(PAGE)
    reader = desk.person("dev-auditor")
    path, lines = "/consultations", 0
    while path:
        page = reader.get(path).text
        lines += page.count("<tr") - 1
        path = next((link for link in Read(page).links if "before=" in link), "")

    assert lines == 7
    assert len(reader.get("/consultations.csv").text.splitlines()) == 8


def test_everybody_of_the_list_who_may_see_alerts_is_asked(desk: Desk):
    for person in DEVELOPMENT:
        if may(person, "alert", LOADED.catalogue.audiences):
            pages = [desk.person(person.id).get(f"/alerts/{alert(seq).alert_id}") for seq in (1, 2, 3)]
            assert all(page.status_code == 404 or ASKED in page.text for page in pages)
    assert not {"alert", "inbox", "feed"} & PERMITTED["auditor"]
