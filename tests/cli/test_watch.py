"""`watch`: the inbox in a terminal says what the pages say, and never takes no data for no alerts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from tests.web.conftest import site_over
from tests.web.filling import DISTRICTS, HOSTILE, LOADED, NOW, alert, fill, handled
from textual.pilot import Pilot
from textual.widgets import OptionList, Static
from typer.testing import CliRunner

from safety_stream.cli import app
from safety_stream.cli import watch as command
from safety_stream.cli.watch_screen import Inbox
from safety_stream.cli.watching import about, heading, look, nothing_open, of_feeds, parts_of
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.handling import ActionAnswer, AlertAction
from safety_stream.core.model.times import HOUR, MINUTE
from safety_stream.readmodel.database import migrate, open_database, url_of_file
from safety_stream.readmodel.projection import Place, TopicRecord, apply, note_ends
from safety_stream.readmodel.reading import ReadModel
from safety_stream.web.filters import Filter
from safety_stream.web.policy import Person
from safety_stream.web.site import NotSent, Site

NEVER = 3_600.0
"""Seconds: the screen looks when a test has it look."""

OFFICER = Person(id="officer-7", role="duty-officer", audience="duty-officer")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = fill(tmp_path_factory.mktemp("copy") / "copy.sqlite", weeks=1)
    yield engine
    engine.dispose()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(url_of_file(tmp_path / "empty.sqlite"))
    migrate(engine)
    yield engine
    engine.dispose()


def site_of(engine: Engine, **changes: object) -> Site:
    return site_over(engine, **({"secret": "", "shift_starts": (0,)} | changes))


def tell(engine: Engine, topic: str, offset: int, value: object) -> None:
    with engine.begin() as connection:
        apply(connection, [TopicRecord(topic, 0, offset, value)])
        note_ends(connection, {Place(topic, 0): offset + 1}, NOW)


def hear_all(engine: Engine, at: int = NOW) -> None:
    tell(
        engine, "feed-status", 0, FeedStatus(as_of=at, newest=dict.fromkeys(LOADED.catalogue.sources, at), partition=0)
    )


def on_screen(
    site: Site,
    steps: Callable[[Pilot[None]], Awaitable[None]],
    *,
    size: tuple[int, int] = (140, 40),
    person: Person = OFFICER,
) -> None:
    async def run() -> None:
        screen = Inbox(site, person, Filter(), can_act=site.send is not None, every=NEVER)
        async with screen.run_test(size=size) as pilot:
            await settled(pilot)
            await steps(pilot)

    asyncio.run(run())


async def settled(pilot: Pilot[None]) -> None:
    for _ in range(2):
        await pilot.pause()
        await pilot.app.workers.wait_for_complete()
    await pilot.pause()


async def press(pilot: Pilot[None], *keys: str) -> None:
    await pilot.press(*keys)
    await settled(pilot)


def said(pilot: Pilot[None], where: str) -> str:
    return str(pilot.app.query_one(where, Static).content)


def listed(pilot: Pilot[None]) -> list[str]:
    return [str(option.prompt) for option in pilot.app.query_one("#alerts", OptionList).options]


def chosen(pilot: Pilot[None]) -> str | None:
    alerts = pilot.app.query_one("#alerts", OptionList)
    return None if alerts.highlighted is None else alerts.get_option_at_index(alerts.highlighted).id


def test_the_most_urgent_stands_first_with_its_clock_and_what_it_says(filled: Engine):
    async def steps(pilot: Pilot[None]) -> None:
        assert listed(pilot)[0].split("\n") == [
            " P1 critical  Acknowledge: late by 9 minutes · new",
            "  Blackpool: Abuse within twelve months of a MARAC referral",
        ]
        assert len(listed(pilot)) == 71
        assert "71 open alerts: 2 P1, 2 P2, 45 P3, 22 P4" in said(pilot, "#heading")
        told = said(pilot, "#said")
        assert "Abuse reported 27 days after the last MARAC referral of this pair." in told
        assert "It is new. Acknowledge: late by 9 minutes." in told
        for heading_ in ("What happened", "Why it is flagged", "History"):
            assert f"\n{heading_}\n" in told
        # What asks for a reason on the pages is not told here without one.
        assert "is on its page, which asks why you look" in told
        assert not any(part in told for part in ("tok-", "report-", "Subject"))

    on_screen(site_of(filled), steps)


def test_keys_move_and_the_details_follow(filled: Engine):
    async def steps(pilot: Pilot[None]) -> None:
        first = chosen(pilot)
        await press(pilot, "j")
        assert "A child missing from Burnley was found in Preston" in said(pilot, "#said")
        await press(pilot, "down")
        assert "dev-duty-officer" in said(pilot, "#said")
        await press(pilot, "k", "up")
        assert chosen(pilot) == first

    on_screen(site_of(filled), steps)


def test_keys_choose_priorities_and_words_and_let_them_go(filled: Engine):
    async def steps(pilot: Pilot[None]) -> None:
        await press(pilot, "1")
        assert len(listed(pilot)) == 2
        await press(pilot, "2")
        assert len(listed(pilot)) == 4
        await press(pilot, "1")
        assert all(" P2 " in one for one in listed(pilot))
        await press(pilot, "slash", *"chorley".upper())
        await press(pilot, "enter")
        assert "shown: 0 P2 with “CHORLEY”" in said(pilot, "#heading")
        assert listed(pilot) == ["No alert is as chosen; others are open."]
        await press(pilot, "escape")
        assert len(listed(pilot)) == 71

    on_screen(site_of(filled), steps)


def test_what_a_partner_wrote_is_shown_as_it_is_and_never_as_markup(empty: Engine):
    tell(
        empty, "alerts.duty-officer", 0, alert(1, title=HOSTILE + "[bold]x[/]", explanation="[red]y[/", area="[blink]")
    )

    async def steps(pilot: Pilot[None]) -> None:
        assert HOSTILE + "[bold]x[/]" in listed(pilot)[0]
        assert "[blink]" in listed(pilot)[0]
        assert "[red]y[/" in said(pilot, "#said")

    on_screen(site_of(empty), steps)


def test_what_comes_is_shown_and_the_alert_somebody_reads_stays_chosen(empty: Engine):
    hear_all(empty)
    tell(empty, "alerts.duty-officer", 0, alert(1, priority="P3"))

    async def steps(pilot: Pilot[None]) -> None:
        reads = chosen(pilot)
        tell(empty, "alerts.duty-officer", 1, alert(2, priority="P1"))
        await press(pilot, "r")
        assert [" P1 " in one for one in listed(pilot)] == [True, False]
        assert chosen(pilot) == reads
        taken_back = alert(3, alert_id=str(reads), version=2, change="withdrawn", findings=())
        tell(empty, "alerts.duty-officer", 2, taken_back)
        await press(pilot, "r")
        assert chosen(pilot) == alert(2).alert_id

    on_screen(site_of(empty), steps)


def test_no_alerts_and_no_data_look_different(empty: Engine):
    async def knows_nothing(pilot: Pilot[None]) -> None:
        assert "never said anything of any feed" in said(pilot, "#blind")
        assert pilot.app.query_one("#blind").display
        assert said(pilot, "#feeds") == "Nothing is heard of any feed: there is no data."
        assert listed(pilot) == ["No alert is known to be open, and there may be some: see above."]

    on_screen(site_of(empty), knows_nothing)
    hear_all(empty)

    async def all_is_quiet(pilot: Pilot[None]) -> None:
        assert not pilot.app.query_one("#blind").display
        assert listed(pilot) == [f"No alert is open. All {len(LOADED.catalogue.sources)} feeds are heard."]

    on_screen(site_of(empty), all_is_quiet)


def test_feeds_are_shown_one_by_one_and_those_that_are_silent_by_name(filled: Engine):
    silent = [LOADED.catalogue.sources[source].title for source in sorted(LOADED.catalogue.sources)[:2]]

    async def steps(pilot: Pilot[None]) -> None:
        assert all(title in said(pilot, "#feeds") for title in silent)
        await press(pilot, "f")
        told = said(pilot, "#said")
        assert "never heard: no data" in told
        assert "silent for 8 days: no new data" in told
        await press(pilot, "f")
        assert "What happened" in said(pilot, "#said")

    on_screen(site_of(filled), steps)


def test_a_database_that_is_gone_leaves_what_was_seen_and_says_that_it_is_old(
    filled: Engine, monkeypatch: pytest.MonkeyPatch
):
    site = site_of(filled)

    async def steps(pilot: Pilot[None]) -> None:
        def gone(*_: object, **__: object) -> list[object]:
            raise OperationalError("select", {}, Exception("gone"))

        with monkeypatch.context() as patch:
            patch.setattr(ReadModel, "inbox", gone)
            await press(pilot, "r")
        assert "cannot be read (OperationalError): this is as of 2 Mar 2026, 20:30" in said(pilot, "#blind")
        assert len(listed(pilot)) == 71
        await press(pilot, "r")
        assert not pilot.app.query_one("#blind").display

    on_screen(site, steps)


def test_on_a_small_terminal_an_alert_stands_below_the_list(filled: Engine):
    async def steps(pilot: Pilot[None]) -> None:
        alerts, below = pilot.app.query_one("#alerts").region, pilot.app.query_one("#about").region
        assert below.y >= alerts.bottom
        assert min(alerts.height, below.height) >= 7

    on_screen(site_of(filled), steps, size=(80, 24))

    async def wide(pilot: Pilot[None]) -> None:
        assert pilot.app.query_one("#about").region.x >= pilot.app.query_one("#alerts").region.right

    on_screen(site_of(filled), wide)


def test_who_acts_acknowledges_what_was_shown_and_hears_the_answer(filled: Engine):
    sent: list[AlertAction] = []
    site = site_of(filled, send=sent.append)

    async def steps(pilot: Pilot[None]) -> None:
        await press(pilot, "a")
        (action,) = sent
        assert (action.alert_id, action.action, action.actor, action.role, action.seen) == (
            chosen(pilot),
            "acknowledge",
            "officer-7",
            "duty-officer",
            1,
        )
        answer = ActionAnswer(
            action_id=action.action_id, alert_id=action.alert_id, done=False, why="it is closed", state="closed",
            number=2, as_of=NOW,
        )  # fmt: skip
        site.answers.take(answer)
        await press(pilot, "r")
        assert "refused: it is closed" in [one.message for one in pilot.app._notifications][-1]

    on_screen(site, steps)


def test_what_cannot_be_acknowledged_is_not_sent(empty: Engine):
    hear_all(empty)
    done = handled("acknowledged", what="acknowledge", owner="officer-1", decide_by=NOW + HOUR)
    tell(empty, "alerts.duty-officer", 0, alert(1, handling=done))
    sent: list[AlertAction] = []

    async def steps(pilot: Pilot[None]) -> None:
        await press(pilot, "a")
        assert sent == []
        assert "it cannot be acknowledged" in [one.message for one in pilot.app._notifications][-1]

    on_screen(site_of(empty, send=sent.append), steps)


def test_an_action_kafka_did_not_take_is_said(filled: Engine):
    def refuse(_: AlertAction) -> None:
        raise NotSent("no broker answers")

    async def steps(pilot: Pilot[None]) -> None:
        await press(pilot, "a")
        assert [one.message for one in pilot.app._notifications] == ["It was not sent: no broker answers"]

    on_screen(site_of(filled, send=refuse), steps)


def test_who_looks_on_is_offered_no_action(filled: Engine):
    async def steps(pilot: Pilot[None]) -> None:
        await press(pilot, "a")
        assert list(pilot.app._notifications) == []
        assert "a" not in pilot.app.active_bindings

    on_screen(site_of(filled), steps)


def test_areas_are_those_of_the_grouping_asked_for(filled: Engine):
    person = Person(id="w", role="duty-officer", audience="duty-officer", areas=("D-EAST",))
    site = site_of(filled)
    seen = look(site, person, Filter())

    east = {site.catalogue.areas.by_code[code].name for code in site.areas_of(person) or () if code in DISTRICTS}
    assert 0 < len(seen.rows) < 71
    assert {row.area for row in seen.rows} <= east


def test_an_alert_nobody_was_told_of_has_nothing_to_say(filled: Engine):
    assert about(site_of(filled), OFFICER, "no-such-alert") is None


def test_what_was_taken_back_says_so_first(filled: Engine):
    view = about(site_of(filled), OFFICER, alert(6).alert_id)

    assert view is not None
    assert parts_of(view)[0].heading == "Taken back: this is no longer true"


def test_more_than_fit_are_said_to_be_more(empty: Engine, monkeypatch: pytest.MonkeyPatch):
    from safety_stream.cli import watching

    monkeypatch.setattr(watching, "AT_MOST", 3)
    for seq in range(1, 6):
        tell(empty, "alerts.duty-officer", seq - 1, alert(seq))

    assert heading(look(site_of(empty), OFFICER, Filter())) == "5 open alerts: 5 P2; shown: the first 3"


def test_one_silent_feed_is_named_where_nothing_is_open(empty: Engine):
    some = sorted(LOADED.catalogue.sources)
    tell(empty, "feed-status", 0, FeedStatus(as_of=NOW, newest=dict.fromkeys(some[1:], NOW), partition=0))
    seen = look(site_of(empty), OFFICER, Filter())

    title = LOADED.catalogue.sources[some[0]].title
    assert of_feeds(seen) == f"Nothing is heard of {title}: there is no data from there."
    assert nothing_open(seen) == f"No alert is open. {of_feeds(seen)}"


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["watch", *arguments], env={"COLUMNS": "400", "NO_COLOR": "1"})
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def at_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "wall", lambda: NOW)


@pytest.mark.usefixtures("at_now")
def test_once_prints_the_same_rows_and_ends_with_what_is_left_to_do(filled: Engine):
    where = ("--database", str(filled.url))

    code, told, heard = run(*where, "--once")
    assert code == 2
    assert told.count("\n") == 72
    assert "71 open alerts" in heard
    assert "Nothing is heard of" in heard

    code, told, _ = run(*where, "--json", "--priority", "P1")
    found = json.loads(told)
    assert code == 2
    assert [(one["priority"], one["clock"], one["is_overdue"]) for one in found["alerts"]] == [
        ("P1", "Acknowledge: late by 9 minutes", True),
        ("P1", "Acknowledge within 4 minutes", False),
    ]
    assert found["open"] == {"P1": 2, "P2": 2, "P3": 45, "P4": 22}
    assert [one["state"] for one in found["unheard"]] == ["never heard: no data", "silent for 8 days: no new data"]
    assert found["blind"] == []


@pytest.mark.usefixtures("at_now")
def test_nothing_open_is_well_only_where_all_can_be_seen(empty: Engine):
    where = ("--database", str(empty.url), "--once")

    assert run(*where)[0] == 1
    hear_all(empty, NOW - MINUTE)
    assert run(*where)[0] == 0


def test_by_the_clock_of_a_history_now_is_when_the_backbone_last_spoke(filled: Engine):
    _, told, _ = run("--database", str(filled.url), "--json", "--priority", "P1", "--clock", "log")
    found = json.loads(told)

    assert (found["at"], found["blind"]) == ("2 Mar 2026, 20:30", [])
    assert found["alerts"][1]["clock"] == "Acknowledge within 4 minutes"


def test_a_database_that_cannot_be_read_is_said(filled: Engine, monkeypatch: pytest.MonkeyPatch):
    def gone(*_: object, **__: object) -> list[object]:
        raise OperationalError("select", {}, Exception("gone"))

    monkeypatch.setattr(ReadModel, "inbox", gone)
    code, _, heard = run("--database", str(filled.url), "--once")

    assert (code, heard) == (1, "error: the database cannot be read (OperationalError): see that it is there.\n")


def test_nobody_acts_in_a_history():
    code, _, heard = run("--clock", "log", "--by", "officer-7")

    assert code == 1
    assert "take no --by with --clock log" in heard


def test_what_the_catalogue_does_not_know_is_said(filled: Engine):
    where = ("--database", str(filled.url), "--once")

    assert "there is no audience nobody in the catalogue" in run(*where, "--audience", "nobody")[2]
    assert "there is no area nowhere in the catalogue" in run(*where, "--area", "nowhere")[2]


def test_without_its_libraries_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    import sys

    monkeypatch.setitem(sys.modules, "textual", None)

    code, _, heard = run("--data", str(tmp_path))

    assert code == 1
    assert "textual is not installed, which watching needs: pip install 'safety-stream[watch,web]'" in heard


def test_who_would_act_needs_kafka(filled: Engine):
    code, _, heard = run("--database", str(filled.url), "--by", "officer-7", "--bootstrap", "127.0.0.1:1")

    assert code == 1
    assert "no Kafka answers at 127.0.0.1:1" in heard
