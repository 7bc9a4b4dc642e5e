"""The pack for the morning meeting: what came since, what is open and with whom, and what is not known."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Engine
from tests.web.conftest import Pages
from tests.web.filling import LOADED, NOW, alert, handled
from tests.web.reading_html import Read, faults

from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.model.times import DAY_LENGTH, HOUR
from safety_stream.readmodel.database import migrate, open_database, url_of_file
from safety_stream.readmodel.projection import TopicRecord, apply
from safety_stream.readmodel.reading import HolderCount, ReadModel
from safety_stream.web.views.meeting import ForMeeting, MeetingView, meeting_view
from safety_stream.web.views.row import Some

Make = Callable[..., Pages]
CATALOGUE = LOADED.catalogue
# At 20:30 of 2 March this shift began at 19:00 and the one before at 07:00.
SHIFT_BEFORE = NOW - 13 * HOUR - HOUR // 2


def pack(told: Sequence[PublishedAlert] = (), **changes: object) -> MeetingView:
    known = {
        "audience": "Officers",
        "tells_owners": True,
        "since": SHIFT_BEFORE,
        "told": told,
        "withdrawn": Some(),
        "late": Some(),
        "urgent": Some(),
        "above": Some(),
        "clocks": (),
        "holders": (),
        "breaches": (),
        "silent_feeds": (),
        "blind": (),
    }
    return meeting_view(ForMeeting(**(known | changes)), CATALOGUE, (NOW,), NOW)  # type: ignore[arg-type]


def rows(view: MeetingView, section: str) -> list[tuple[int, str]]:
    (found,) = (one for one in view.sections if one.id == section)
    return [(int(item.row.id[-12:]), item.note) for item in found.items]


def test_what_was_raised_is_told_as_it_is_now_and_medium_at_the_least():
    first = alert(1, priority="P3", area="E07000117")
    taken = msgspec.structs.replace(first, seq=4, change="updated", handling=handled("acknowledged", owner="7"))
    others = [alert(2, priority="P1", area="E06000009"), alert(3, priority="P4")]
    view = pack([first, *others, taken])

    assert rows(view, "raised") == [(2, "Raised 2 Mar 2026, 20:17"), (1, "Raised 2 Mar 2026, 20:24")]
    (section,) = (one for one in view.sections if one.id == "raised")
    assert section.items[1].row.owner == "7"
    assert [(one.name, one.numbers[0]) for one in view.priorities] == [
        ("P1 critical", 1), ("P2 high", 0), ("P3 medium", 1), ("P4 information", 1)
    ]  # fmt: skip
    assert [(one.name, one.numbers) for one in view.divisions] == [
        ("East division", (0, 0, 1)), ("West division", (1, 0, 0))
    ]  # fmt: skip
    assert view.summary.startswith("3 alerts raised and 0 taken back since.")


def test_what_went_up_the_ladder_is_told_with_where_to_and_whether_anybody_sent_it():
    def step(seq: int, what: str, to: str, when: int) -> PublishedAlert:
        handling = handled("new", what=what, escalated_to=to, as_of=when)
        return alert(seq, alert_id=f"00000000-0000-5000-8000-{seq % 10:012d}", change="updated", handling=handling)

    view = pack(
        [
            step(1, "overdue", "sergeant", NOW - 3 * HOUR),
            step(2, "escalate", "daily-meeting", NOW - 2 * HOUR),
            step(11, "overdue", "inspector", NOW - HOUR),
            # It has been higher before; that it is noted now sends it nowhere. Nor is a clock without a ladder one.
            step(3, "note", "inspector", NOW),
            step(4, "overdue", "", NOW),
        ]
    )

    assert rows(view, "escalated") == [
        (1, "To inspector by the clock, 2 Mar 2026, 19:30"), (2, "To daily meeting by hand, 2 Mar 2026, 18:30")
    ]  # fmt: skip


def test_what_is_open_is_told_by_priority_by_who_has_it_and_how_late_it_is(copy: Engine, make_pages: Make):
    waiting = [
        alert(1, priority="P1", handling=handled("new", acknowledge_by=NOW - HOUR)),
        alert(2, priority="P1", handling=handled("new", acknowledge_by=NOW + HOUR)),
        alert(3, priority="P3", handling=handled("acknowledged", owner="7", overdue=True, decide_by=NOW - 1)),
        alert(4, priority="P3", handling=handled("referred", owner="7", referred_to="soc-unit")),
        alert(5, priority="P4"),
        alert(6, priority="P3", family="threshold"),
        alert(7, priority=None),
    ]
    with copy.begin() as connection:
        apply(connection, [TopicRecord("alerts.duty-officer", 0, one.seq, one) for one in waiting])
    page = make_pages(read_model=ReadModel(copy)).as_person("dev-duty-officer").get("/meeting").text
    said = Read(page).text

    assert "7 alerts open now, 2 of them late." in said
    for line in ("P1 critical 2 2 1", "P2 high 0 0 0", "P3 medium 3 3 1", "P4 information 1 1 0"):
        assert line in said
    assert "Priority not told 1 1 0" in said
    assert "Nobody yet 5 1" in said
    assert said.index("7 1 1 ") < said.index("soc unit 1 0")
    for name, expected in (("late", [1, 3]), ("urgent", [2]), ("above", [6])):
        part = page.partition(f'id="{name}"')[2].partition("<h2")[0]
        assert [int(link[-1]) for link in Read(f"<div>{part}</div>").links] == expected


def test_who_is_not_told_who_has_an_alert_is_not_told_that_nobody_has():
    assert pack(holders=[HolderCount(holder="", open=1, late=0)], tells_owners=False).owners == ()


def test_no_signals_and_no_word_of_signals_are_two_things():
    assert pack(breaches=None).breaches_note.startswith("The numbers you are shown say nothing of signals")
    assert pack(breaches=()).breaches_note == "No newest number of the county has a signal."


def test_a_long_list_is_cut_and_says_so():
    (section,) = (one for one in pack([alert(seq) for seq in range(1, 252)]).sections if one.id == "raised")

    assert (len(section.items), section.total) == (200, 251)


# Pages.


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(url_of_file(tmp_path / "copy.sqlite"))
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def night(copy: Engine, make_pages: Callable[..., Pages]) -> Pages:
    """One alert of each shift, each in another district."""
    told = [
        alert(1, as_of=SHIFT_BEFORE - 1, area="E07000117", priority="P3"),
        alert(2, as_of=SHIFT_BEFORE, area="E06000009", priority="P3"),
        alert(3, as_of=NOW - HOUR, area="E07000121", priority="P3"),
        alert(4, as_of=NOW - HOUR // 2, version=2, change="withdrawn", area="E07000123", priority="P3"),
    ]
    with copy.begin() as connection:
        apply(connection, [TopicRecord("alerts.duty-officer", 0, one.seq, one) for one in told])
    return make_pages(read_model=ReadModel(copy))


def raised(text: str) -> list[str]:
    part = text.partition('id="raised"')[2].partition("<h2")[0]
    return [link[-1] for link in Read(f"<div>{part}</div>").links]


def test_a_pack_begins_with_the_shift_before_unless_one_says_otherwise(night: Pages):
    client = night.as_person("dev-duty-officer")

    assert raised(client.get("/meeting").text) == ["3", "2"]
    assert raised(client.get("/meeting?since=2026-03-02T19:00").text) == ["3"]
    assert raised(client.get("/meeting?since=2026-03-01T19:00").text) == ["3", "2", "1"]
    assert "1 taken back since" in Read(client.get("/meeting").text).text


@pytest.mark.parametrize("since", ["yesterday", "2026-03-02T20:31", "2026-02-23T20:29", "0001-01-01T00:00"])
def test_what_is_no_time_to_look_back_to_is_refused(night: Pages, since: str):
    answer = night.as_person("dev-duty-officer").get("/meeting", params={"since": since})

    assert answer.status_code == 400


def test_the_farthest_is_a_week(night: Pages):
    client = night.as_person("dev-duty-officer")

    assert client.get("/meeting?since=2026-02-23T20:30").status_code == 200


def test_somebody_of_one_division_sees_that_division_alone(night: Pages):
    page = night.as_person("dev-duty-officer-west").get("/meeting?since=2026-03-01T19:00").text

    # Blackpool and Lancaster are in the west.
    assert raised(page) == ["3", "2"]
    assert "0 taken back" in Read(page).text


def test_a_pack_names_silent_feeds_and_says_where_it_may_be_blind(pages: Pages, make_pages: Callable[..., Pages]):
    today = Read(pages.as_person("dev-supervisor").get("/meeting").text).text
    later = Read(make_pages(now=lambda: NOW + 30 * DAY_LENGTH).as_person("dev-supervisor").get("/meeting").text).text

    assert "Nothing is heard of these feeds, so no alert means no data there: Ambulance calls" in today
    assert "may be blind" not in today
    assert "This page may be blind: nothing was copied since" in later


def test_it_tells_numbers_with_a_signal_to_those_who_are_shown_signals(pages: Pages):
    analysts = Read(pages.as_person("dev-supervisor").get("/meeting").text)
    partners = Read(pages.as_person("dev-duty-officer").get("/meeting").text)

    assert "far above expected" in analysts.text
    assert "/indicators/burglary/E07000117" in analysts.links
    assert "The numbers you are shown say nothing of signals" in partners.text
    assert not any(link.startswith("/indicators/") for link in partners.links)
    assert [*faults(analysts), *faults(partners)] == []


def test_it_tells_of_no_person_and_no_report_and_leads_from_the_handover(pages: Pages):
    client = pages.as_person("dev-duty-officer")

    assert "/meeting" in Read(client.get("/handover").text).links
    assert not any(part in client.get("/meeting").text for part in ("tok-", "report-", "occurrence-"))
    assert "/meeting" not in Read(pages.as_person("dev-analyst").get("/inbox").text).links
