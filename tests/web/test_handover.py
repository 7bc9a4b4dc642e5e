"""The handover sheet, when there is more than it holds and when something comes while it is read."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient
from tests.web.conftest import Pages, token
from tests.web.filling import NOW, alert, handled
from tests.web.reading_html import Read

from safety_stream.core.model.handling import AlertAction
from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.model.times import HOUR
from safety_stream.readmodel.database import migrate, open_database, url_of_file
from safety_stream.readmodel.people import Deeds
from safety_stream.readmodel.projection import TopicRecord, apply
from safety_stream.readmodel.reading import ReadModel
from safety_stream.web.site import NotSent

Tell = Callable[[Sequence[PublishedAlert]], None]


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(url_of_file(tmp_path / "copy.sqlite"))
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def desk(copy: Engine, make_pages: Callable[..., Pages]) -> Pages:
    return make_pages(read_model=ReadModel(copy))


@pytest.fixture
def desk_of_two(copy: Engine, make_pages: Callable[..., Pages]) -> Pages:
    """With deeds of its own."""
    return make_pages(read_model=ReadModel(copy), deeds=Deeds(copy))


@pytest.fixture
def tell(copy: Engine) -> Tell:
    def run(told: Sequence[PublishedAlert]) -> None:
        with copy.begin() as connection:
            apply(connection, [TopicRecord("alerts.duty-officer", 0, one.seq, one) for one in told])

    return run


def old(seq: int, priority: str, state: str, **clocks: int) -> PublishedAlert:
    """An alert of the shift before."""
    return alert(seq, priority=priority, as_of=NOW - 20 * HOUR, findings=(), handling=handled(state, **clocks))


def sections(page: str) -> dict[str, str]:
    return dict(re.findall(r'<h2 class="govuk-heading-m" id="(\w+)">(.*?)(?=<h2)', page, re.DOTALL))


def numbers(section: str) -> list[int]:
    return [int(link[-12:]) for link in Read(f"<div>{section}</div>").links if link.startswith("/alerts/")]


def test_what_runs_out_is_on_the_sheet_however_much_more_urgent_there_is(desk: Pages, tell: Tell):
    tell(
        [
            *(old(seq, "P3", "acknowledged", decide_by=NOW + 30 * HOUR) for seq in range(1, 251)),
            *(old(seq, "P3", "snoozed", snoozed_until=NOW + 30 * HOUR) for seq in range(251, 501)),
            old(501, "P4", "acknowledged", decide_by=NOW + HOUR),
            old(502, "P4", "snoozed", snoozed_until=NOW + HOUR),
        ]
    )
    page = desk.as_person("dev-duty-officer").get("/handover").text
    found = sections(page)

    assert (numbers(found["clocks"]), numbers(found["snoozed"])) == ([501], [502])
    assert "too long for a sheet" not in page


def test_a_sheet_that_is_cut_says_of_how_many(desk: Pages, tell: Tell):
    tell([old(seq, "P4", "acknowledged", decide_by=NOW + HOUR) for seq in range(1, 202)])
    page = desk.as_person("dev-duty-officer").get("/handover").text
    said = Read(page).text

    assert "too long for a sheet" in said
    assert "this shift (201)" in said
    assert "These are the first 200 of 201. And 1 more, in the inbox" in said
    assert len(numbers(sections(page)["clocks"])) == 200


def test_two_hundred_are_no_cut(desk: Pages, tell: Tell):
    tell([old(seq, "P4", "acknowledged", decide_by=NOW + HOUR) for seq in range(1, 201)])

    assert "too long" not in desk.as_person("dev-duty-officer").get("/handover").text


def test_what_is_signed_is_what_was_on_the_sheet(desk: Pages, tell: Tell):
    one, other = (old(seq, "P1", "new", acknowledge_by=NOW + HOUR) for seq in (1, 2))
    tell([one])
    client = desk.as_person("dev-duty-officer")
    page = client.get("/handover").text
    # While it is read, something comes, and what is on it changes.
    tell([other, msgspec.structs.replace(one, seq=3, version=2, change="updated")])
    form = {
        "csrf": token(page),
        "takes_over": "1234",
        "alert": [*re.findall(r'name="alert" value="([^"]+)"', page), "no-such-alert:1"],
    }
    done = client.post("/handover", data=form)

    assert [(sent.alert_id, sent.action, sent.seen) for sent in desk.sent] == [(one.alert_id, "note", 1)]
    assert "Signed: noted on 1 alert." in Read(done.text).text


def test_what_was_worked_on_this_shift_is_on_the_sheet_settled_or_not(desk: Pages, tell: Tell):
    settled = ["no-further-action", "merged", "closed", "snoozed", "acknowledged", "actioned"]
    tell([alert(seq, priority="P4", handling=handled(state)) for seq, state in enumerate(settled, 1)])
    tell([old(7, "P4", "closed"), alert(8, priority="P4", handling=handled("new")), old(9, "P4", "acknowledged")])
    tell([alert(10, priority="P4", handling=handled("expired"))])
    found = sections(desk.as_person("dev-duty-officer").get("/handover").text)

    assert sorted(numbers(found["worked"])) == [1, 2, 3, 4, 5, 6]
    # They are open, and one cannot tell from the sheet otherwise that they came in this shift.
    assert sorted(numbers(found["new"])) == [5, 6, 8]


def test_both_sign_each_with_their_own_sign_in(desk_of_two: Pages):
    leaves, comes = desk_of_two.as_person("dev-duty-officer"), desk_of_two.as_person("dev-supervisor")
    elsewhere = desk_of_two.as_person("dev-duty-officer-west")
    page = leaves.get("/handover").text
    assert "Handed over by nobody yet" in page

    said = Read(leaves.post("/handover", data={"csrf": token(page), "takes_over": "1234"}).text).text
    assert "Handed over by dev-duty-officer to 1234, 2 Mar 2026, 20:30 Taken over by nobody yet" in said
    sheet = re.search(r'name="sheet" value="([^"]+)"', comes.get("/handover").text)[1]

    def takes(who: TestClient) -> str:
        form = {"csrf": token(who.get("/handover").text), "sheet": sheet}
        return Read(who.post("/handover/taken", data=form).text).text

    # Not for oneself, and not by those who see other alerts.
    assert "You have handed it over yourself" in takes(leaves)
    assert "Nobody has handed over this sheet to you" in takes(elsewhere)
    assert "Take over, as" not in leaves.get("/handover").text
    assert "Signed: you have taken over." in takes(comes)
    assert "Taken over by dev-supervisor, 2 Mar 2026, 20:30, already." in takes(comes)
    assert "Taken over by nobody yet" not in leaves.get("/handover").text
    done = [(one.what, one.person, one.outcome) for one in desk_of_two.site.deeds.newest(9)]
    assert done == [
        ("take-over", "dev-supervisor", "done"),
        ("hand-over", "dev-duty-officer", "done"),
        ("hand-over", "dev-duty-officer", "asked"),
    ]


def test_what_could_not_be_noted_is_not_signed(copy: Engine, make_pages: Callable[..., Pages], tell: Tell):
    def send(_: AlertAction) -> None:
        raise NotSent("no broker answers")

    tell([old(1, "P1", "new")])
    desk = make_pages(read_model=ReadModel(copy), deeds=Deeds(copy), send=send)
    client = desk.as_person("dev-duty-officer")
    form = {
        "csrf": token(client.get("/handover").text),
        "takes_over": "7",
        "alert": f"{old(1, 'P1', 'new').alert_id}:1",
    }
    said = Read(client.post("/handover", data=form).text).text

    assert "Not signed, and noted on 0 alerts alone: no broker answers" in said
    assert "Handed over by nobody yet" in said


def test_an_inbox_says_how_many_more_were_taken_back(desk: Pages, tell: Tell):
    raised = [old(seq, "P4", "new") for seq in range(1, 204)]
    tell(raised)
    tell(
        [
            msgspec.structs.replace(one, seq=203 + one.seq, version=2, change="withdrawn", as_of=NOW, handling=None)
            for one in raised
        ]
    )
    client = desk.as_person("dev-duty-officer")

    assert "3 more were taken back before these." in Read(client.get("/inbox").text).text
    assert "These are the first 200 of 203." in Read(client.get("/handover").text).text
