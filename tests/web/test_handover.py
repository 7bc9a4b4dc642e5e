"""The handover sheet, when there is more than it holds and when something comes while it is read."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Engine
from tests.web.conftest import Pages, token
from tests.web.filling import NOW, alert, handled
from tests.web.reading_html import Read

from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.model.times import HOUR
from safety_stream.readmodel.database import migrate, open_database, url_of_file
from safety_stream.readmodel.projection import TopicRecord, apply
from safety_stream.readmodel.reading import ReadModel
from safety_stream.web.pages import alerts as pages_of_alerts

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
    return [int(link[-12:]) for link in Read(f"<div>{section}</div>").links]


def test_what_runs_out_is_on_the_sheet_however_much_more_urgent_there_is(
    desk: Pages, tell: Tell, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pages_of_alerts, "READ_AT_ONCE", 100)
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
    assert "These are the first 200 of 201." in said
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
