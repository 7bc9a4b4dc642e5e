"""The feed and its stream: everybody reads on from where they are, and nothing goes missing unsaid."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sse_starlette import ServerSentEvent
from tests.core.cap_schema import CAP, faults, parsed
from tests.web.conftest import Pages, site_over, token
from tests.web.filling import NOW, alert

from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.model.times import HOUR
from safety_stream.readmodel.database import migrate, open_database, url_of_file
from safety_stream.readmodel.projection import TopicRecord, apply
from safety_stream.web.live import Tide, events, news_after
from safety_stream.web.policy import Person
from safety_stream.web.site import Site

ATOM = "{http://www.w3.org/2005/Atom}"
OFFICER = Person(id="dev-duty-officer", role="duty-officer", audience="duty-officer")


async def first(stream: AsyncIterator[ServerSentEvent], number: int) -> list[ServerSentEvent]:
    found = []
    async for event in stream:
        found.append(event)
        if len(found) == number:
            break
    return found


def ids(found: Iterable[ServerSentEvent]) -> list[int]:
    return [int(event.id) for event in found]


def test_a_stream_goes_on_behind_the_number_it_is_given(pages: Pages):
    async def watch() -> list[ServerSentEvent]:
        tide = Tide(pages.site.read_model.newest_seq, every=0)
        return await first(events(tide, pages.site, OFFICER, 70), 4)

    found = asyncio.run(watch())
    assert ids(found) == [71, 72, 73, 74]
    # What happened is told by the page, to whoever may see it.
    assert set(json.loads(found[0].data)) == {"seq", "alert_id", "change", "priority", "notify"}


def test_one_question_serves_everybody_who_waits():
    asked = []

    def newest(audience: str) -> int:
        asked.append(audience)
        return len(asked)

    async def wait() -> None:
        tide = Tide(newest, every=0)
        await asyncio.gather(*(tide.moved("desk", 1) for _ in range(250)), *(tide.moved("desk", 2) for _ in range(250)))

    asyncio.run(wait())
    assert asked == ["desk"] * 2


def test_when_nobody_waits_any_more_nobody_is_asked():
    async def wait() -> None:
        asked = asyncio.Event()
        loop = asyncio.get_running_loop()
        tide = Tide(lambda _: loop.call_soon_threadsafe(asked.set) and 0, every=0)
        waiting = asyncio.create_task(tide.moved("desk", 0))
        await asked.wait()
        asking = tide._asking["desk"]
        waiting.cancel()
        # It would go on for ever, and the test time out, did it not notice.
        await asking

    asyncio.run(wait())


def test_the_feed_tells_everything_after_a_number(pages: Pages):
    client = pages.as_person("dev-duty-officer")
    told = client.get("/feed?after=72").json()

    assert [one["seq"] for one in told["alerts"]] == [73, 74]
    assert (told["reached"], told["newest"], told["missing"]) == (74, 74, "")
    assert client.get("/feed?after=74").json()["reached"] == 74
    assert client.get("/feed?after=x").status_code == 400


@pytest.mark.parametrize("number", ["9" * 20, "9" * 5_000, "-1", "\u0663", "1_0"])
@pytest.mark.parametrize("path", ["/feed", "/events"])
def test_a_number_nobody_can_mean_is_refused(pages: Pages, path: str, number: str):
    assert pages.as_person("dev-duty-officer").get(path, params={"after": number}).status_code == 400


LONG = ["9" * 20, "9" * 5_000]


@pytest.mark.parametrize("number", LONG)
@pytest.mark.parametrize("place", ["{}.1.5.7", "0.{}.5.7", "0.1.{}.7", "0.1.5.{}", "0.1.5.-{}"])
def test_a_place_there_cannot_be_is_refused(pages: Pages, place: str, number: str):
    answer = pages.as_person("dev-duty-officer").get("/inbox", params={"after": place.format(number)})

    assert answer.status_code == 400
    assert "this is no place in the inbox" in answer.text


@pytest.mark.parametrize("number", LONG)
def test_looking_up_to_a_number_nobody_can_mean_changes_nothing(pages: Pages, number: str):
    client = pages.as_person("dev-duty-officer")
    form = {"csrf": token(client.get("/inbox").text), "seq": number}

    assert client.post("/inbox/seen", data=form).status_code == 200
    assert "seen" not in client.cookies


def site_of(path: Path, told: Iterable[PublishedAlert]) -> tuple[Site, Callable[[], None]]:
    engine = open_database(url_of_file(path))
    migrate(engine)
    with engine.begin() as connection:
        apply(connection, [TopicRecord("alerts.duty-officer", 0, one.seq, one) for one in told])
    return site_over(engine), engine.dispose


def test_what_never_came_is_said_and_passed_over(tmp_path: Path):
    site, close = site_of(tmp_path / "copy.sqlite", [alert(seq) for seq in (1, 2, 5, 6)])
    try:
        assert [one.seq for one in news_after(site, OFFICER, 0).alerts] == [1, 2]
        gap = news_after(site, OFFICER, 2)
        assert (gap.alerts, gap.reached) == ((), 4)
        assert "numbers 3 to 4" in gap.missing
        assert [one.seq for one in news_after(site, OFFICER, 4).alerts] == [5, 6]

        async def watch() -> list[ServerSentEvent]:
            return await first(events(Tide(site.read_model.newest_seq, every=0), site, OFFICER, 0), 5)

        assert [(event.event, int(event.id)) for event in asyncio.run(watch())] == [
            ("alert", 1), ("alert", 2), ("missing", 4), ("alert", 5), ("alert", 6)
        ]  # fmt: skip
    finally:
        close()


@pytest.mark.parametrize("path", ["/feed", "/feed.cap"])
def test_whoever_reads_on_from_beyond_the_end_is_told_that_the_feed_was_begun_anew(pages: Pages, path: str):
    answer = pages.as_person("dev-duty-officer").get(f"{path}?after=75")

    assert answer.status_code == 410
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text == (
        "alerts.duty-officer ends at number 74, before 75: it was begun anew, as by a rebuild, and its numbers with "
        "it; read it from its beginning, after 0\n"
    )


@pytest.mark.parametrize("known", [0, 74])
def test_a_stream_over_a_feed_that_was_begun_anew_says_so_and_reads_it_from_its_beginning(tmp_path: Path, known: int):
    """Whether the rebuild came between two visits, or while the stream was open."""
    site, close = site_of(tmp_path / "copy.sqlite", [alert(1), alert(2)])

    async def watch() -> list[ServerSentEvent]:
        tide = Tide(site.read_model.newest_seq, every=0)
        tide._known["duty-officer"] = known
        return await first(events(tide, site, OFFICER, 74), 3)

    try:
        begun, *told = asyncio.run(watch())
    finally:
        close()
    assert (begun.event, begun.id) == ("missing", "0")
    assert "ends at number 2, before 74" in str(begun.data)
    assert ids(told) == [1, 2]


def test_what_was_known_of_a_feed_before_it_was_begun_anew_is_not_asked_for_again_and_again(tmp_path: Path):
    site, close = site_of(tmp_path / "copy.sqlite", [alert(1), alert(2)])
    looks = []

    async def watch() -> None:
        asked, loop = asyncio.Event(), asyncio.get_running_loop()

        def newest(audience: str) -> int:
            loop.call_soon_threadsafe(asked.set)
            return site.read_model.newest_seq(audience)

        tide = Tide(newest, every=3_600)
        tide._known["duty-officer"] = 74
        whole = tide.look

        async def look(*said: Any) -> Any:
            looks.append(said[2])
            return await whole(*said)

        tide.look = look  # type: ignore[method-assign]
        waiting = asyncio.create_task(anext(events(tide, site, OFFICER, 2)))
        # It asks once what is newest by now, waits for that to change, and does not look again.
        await asked.wait()
        asking = tide._asking["duty-officer"]
        waiting.cancel()
        asking.cancel()
        await asyncio.gather(waiting, asking, return_exceptions=True)

    try:
        asyncio.run(watch())
    finally:
        close()
    assert looks == [2]


def test_what_is_not_for_the_viewer_is_passed_over_and_not_waited_for(pages: Pages):
    west = msgspec.structs.replace(OFFICER, areas=("D-WEST",))
    news = news_after(pages.site, west, 0)

    assert news.reached == 74
    assert 0 < len(news.alerts) < 74


def life(*steps: dict[str, object]) -> list[PublishedAlert]:
    """Records of one alert."""
    one = alert(1).alert_id
    return [alert(seq, **{"alert_id": one, "version": seq, **step}) for seq, step in enumerate(steps, 1)]


WEST, SOUTH = {"area": "E06000009"}, {"area": "E07000123"}
NOWHERE = {"area": None, "areas": None, "change": "withdrawn"}


@pytest.mark.parametrize(
    ("told", "seen", "is_theirs"),
    [
        # A rule on trial takes back without saying where, under the next number or the one it had.
        (life(WEST, NOWHERE), [1, 2], True),
        (life(WEST, NOWHERE | {"version": 1}), [1, 2], True),
        (life(SOUTH, NOWHERE), [], False),
        # It moved, and its move was acknowledged; what happens there then is for those who are there.
        (life(WEST, SOUTH | {"change": "updated"}, SOUTH | {"change": "updated", "version": 2}), [1, 2, 3], True),
        (life(WEST, SOUTH, SOUTH), [1, 2], False),
        (life(WEST, SOUTH | {"change": "withdrawn"}), [1, 2], True),
        (life(WEST, SOUTH, NOWHERE), [1, 2], False),
    ],
)
def test_who_was_told_is_told_that_it_moved_or_was_taken_back(
    tmp_path: Path, told: list[PublishedAlert], seen: list[int], is_theirs: bool
):
    site, close = site_of(tmp_path / "copy.sqlite", told)
    west = msgspec.structs.replace(OFFICER, areas=("D-WEST",))
    try:
        assert [one.seq for one in news_after(site, west, 0).alerts] == seen
        assert bool(site.seen_by(west, [told[-1]])) == is_theirs
        since = NOW - 24 * HOUR
        withdrawn = site.seen_by(west, site.read_model.withdrawn_since("duty-officer", since))
        assert [one.seq for one in withdrawn] == [
            one.seq for one in told if one.change == "withdrawn" and one.seq in seen
        ]
    finally:
        close()


def test_a_stream_answers_as_browsers_expect(pages: Pages):
    messages: list[dict[str, object]] = []
    client = pages.as_person("dev-duty-officer")
    cookie = f"session={client.cookies['session']}"

    async def ask() -> None:
        enough = asyncio.Event()

        async def receive() -> dict[str, object]:
            await enough.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, object]) -> None:
            messages.append(message)
            if len(messages) == 3:
                enough.set()

        headers = [(b"host", b"127.0.0.1"), (b"cookie", cookie.encode()), (b"last-event-id", b"72")]
        scope = {"type": "http", "method": "GET", "path": "/events", "raw_path": b"/events", "query_string": b"",
                 "headers": headers, "scheme": "http", "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1),
                 "http_version": "1.1", "root_path": ""}  # fmt: skip
        await client.app(scope, receive, send)

    asyncio.run(ask())
    assert messages[0]["status"] == 200
    sent = dict(messages[0]["headers"])
    assert sent[b"content-type"].startswith(b"text/event-stream")
    assert sent[b"cache-control"] == b"no-store"
    assert b"id: 73" in messages[1]["body"]


def test_the_feed_as_cap_tells_the_same_as_messages(pages: Pages):
    client = pages.as_person("dev-duty-officer")
    answer, told = client.get("/feed.cap?after=60"), client.get("/feed?after=60").json()
    feed = parsed(answer.content)
    messages = feed.findall(f"{ATOM}entry/{ATOM}content/{CAP}alert")

    assert answer.headers["content-type"].startswith("application/atom+xml")
    assert [faults(one) for one in messages] == [[]] * len(told["alerts"]) != []
    assert [one.findtext(f"{CAP}incidents") for one in messages] == [one["alert_id"] for one in told["alerts"]]
    assert feed.find(f"{ATOM}link[@rel='next']").get("href") == f"http://127.0.0.1/feed.cap?after={told['reached']}"
    assert {one.findtext(f"{CAP}status") for one in messages} == {"Actual"}
    assert client.get("/feed.cap?after=60").content == answer.content
    assert client.get("/feed.cap?after=x").status_code == 400


def test_whoever_exercises_says_so_in_every_message(make_pages: Callable[..., Pages]):
    client = make_pages(status="Exercise", sender="exercise.example.org").as_person("dev-duty-officer")
    messages = list(parsed(client.get("/feed.cap").content).iter(f"{CAP}alert"))

    assert {(one.findtext(f"{CAP}status"), one.findtext(f"{CAP}sender")) for one in messages} == {
        ("Exercise", "exercise.example.org")
    }


def test_a_cap_message_names_what_was_said_before_it_by_what_is_kept(tmp_path: Path):
    site, close = site_of(tmp_path / "copy.sqlite", life({}, {"change": "updated"}, {"change": "withdrawn"}))
    site = replace(site, people=(OFFICER,))
    try:
        client = Pages(site, [], []).as_person(OFFICER.id)
        # Read on from after the first two: they are named all the same.
        (message,) = parsed(client.get("/feed.cap?after=2").content).iter(f"{CAP}alert")
        assert message.findtext(f"{CAP}msgType") == "Cancel"
        assert [one.split(",")[1].split(".")[1] for one in message.findtext(f"{CAP}references").split()] == ["1", "2"]
        empty = parsed(client.get("/feed.cap?after=3").content)
        assert (empty.findall(f"{ATOM}entry"), empty.findtext(f"{ATOM}updated")) == ([], "2026-03-02T20:30:00.000Z")
        client.close()
    finally:
        close()


def test_what_never_came_is_said_in_the_feed_of_cap_messages(tmp_path: Path):
    site, close = site_of(tmp_path / "copy.sqlite", [alert(1), alert(4)])
    site = replace(site, people=(OFFICER,))
    try:
        client = Pages(site, [], []).as_person(OFFICER.id)
        assert "numbers 2 to 3" in parsed(client.get("/feed.cap?after=1").content).findtext(f"{ATOM}subtitle")
        client.close()
    finally:
        close()
