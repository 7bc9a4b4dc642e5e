"""Programs that read a feed by keys of their own: whose feed, for how long, and nothing but the feed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.web.conftest import Pages
from tests.web.filling import LOADED, NOW
from tests.web.test_example_reader import follow

from safety_stream.catalogue.issues import CatalogueError
from safety_stream.core.model.times import DAY_LENGTH
from safety_stream.keyring import FEED_KEY, LOOK_SECONDS, NewKey, new_key
from safety_stream.web.app import make_app
from safety_stream.web.guarding import program_by
from safety_stream.web.live import SESSION_LOOKED_EVERY, Tide, events, while_it_may
from safety_stream.web.programs import ProgramsOnDisk, read_programs

DESK, WEST, OLD = (new_key(FEED_KEY, one) for one in ("desk", "west", "old"))


def line(program: str, key: NewKey, expires: str = "2027-03-31", further: str = "") -> str:
    keys = f"[{{prefix: {key.prefix}, sha256: {key.sha256}, expires: {expires}}}]"
    return f"  - {{id: {program}, audience: duty-officer, {further}keys: {keys}}}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "programs.yaml"
    text = line("desk", DESK) + line("west", WEST, further="areas: [D-WEST], ") + line("old", OLD, "2026-03-01")
    path.write_text(f"programs:\n{text}", encoding="utf-8")
    return path


def reader(pages: Pages, key: str) -> httpx.Client:
    client = pages.browser()
    client.headers["authorization"] = f"Bearer {key}"
    return client


@pytest.fixture
def served(file: Path, make_pages: Callable[..., Pages]) -> Pages:
    return make_pages(programs=ProgramsOnDisk(file, LOADED.catalogue, lambda: 0.0).now)


def test_a_program_reads_the_feed_of_its_audience_and_of_its_areas(served: Pages, tmp_path: Path):
    everywhere = list(follow(reader(served, DESK.key), tmp_path / "desk"))
    west = [one["seq"] for one in follow(reader(served, WEST.key), tmp_path / "west")]

    assert [one["seq"] for one in everywhere] == list(range(1, 75))
    # As lists tell it: nothing by which anybody could be found.
    assert {
        (one["audience"], one["subject"], one["findings"]) for one in everywhere if one["family"] != "threshold"
    } == {("duty-officer", None, None)}
    person = served.as_person("dev-duty-officer-west").get("/feed?after=0").json()
    assert west == [one["seq"] for one in person["alerts"]] != []
    assert reader(served, DESK.key).get("/feed.cap?after=70").headers["content-type"].startswith("application/atom+xml")


@pytest.mark.parametrize(
    "key",
    ["", "csf_desk_x", OLD.key, new_key(FEED_KEY, "desk").key, DESK.key + "x"],
    ids=["none", "no key", "ended", "another", "longer"],
)
@pytest.mark.parametrize("path", ["/feed", "/feed.cap", "/events"])
def test_what_is_no_key_of_now_lets_nobody_in(served: Pages, path: str, key: str):
    answer = reader(served, key).get(path)

    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.headers["content-type"].startswith("text/plain")


def test_a_key_is_good_to_the_end_of_its_last_day(file: Path):
    programs = read_programs(file, LOADED.catalogue)

    assert programs.by_key(OLD.key, NOW - DAY_LENGTH) is not None
    assert programs.by_key(OLD.key, NOW) is None


def test_a_key_opens_no_page_and_without_a_file_nothing(served: Pages, pages: Pages):
    for path in ("/inbox", "/alerts/00000000-0000-5000-8000-000000000001", "/county"):
        assert reader(served, DESK.key).get(path, follow_redirects=False).status_code in {303, 403}
    for path in ("/feed", "/events"):
        assert reader(pages, DESK.key).get(path).status_code == 401


def test_a_key_that_is_taken_out_lets_nobody_in_seconds_later(file: Path, make_pages: Callable[..., Pages]):
    seconds = [0.0]
    client = reader(make_pages(programs=ProgramsOnDisk(file, LOADED.catalogue, lambda: seconds[0]).now), DESK.key)
    file.write_text(f"programs:\n{line('west', WEST)}", encoding="utf-8")
    assert client.get("/feed").status_code == 200
    seconds[0] = LOOK_SECONDS
    assert client.get("/feed").status_code == 401


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (line("desk", WEST), "the key is somebody else's"),
        (line("desk", DESK) + line("desk", DESK), "desk"),
        (line("desk", DESK, further="areas: [D-NOWHERE], "), "D-NOWHERE"),
        (line("desk", DESK).replace("duty-officer", "nobody"), "nobody"),
        (line("desk", DESK, "soon"), "write a day as 2027-03-31"),
    ],
    ids=["another's key", "twice", "no such area", "no such audience", "no day"],
)
def test_what_a_file_states_wrongly_is_said(file: Path, text: str, said: str):
    file.write_text(f"programs:\n{text}", encoding="utf-8")

    with pytest.raises(CatalogueError, match=said):
        read_programs(file, LOADED.catalogue)


async def opening(pages: Pages, key: str, *, last_event_id: str = "72") -> list[dict[str, Any]]:
    """What comes of asking for the stream with a key: how it is answered, and the first that is sent."""
    messages: list[dict[str, Any]] = []
    enough = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await enough.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)
        if len(messages) == 3:
            enough.set()

    headers = [
        (b"host", b"127.0.0.1"),
        (b"authorization", f"Bearer {key}".encode()),
        (b"last-event-id", last_event_id.encode()),
    ]
    scope = {"type": "http", "method": "GET", "path": "/events", "raw_path": b"/events", "query_string": b"",
             "headers": headers, "scheme": "http", "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1),
             "http_version": "1.1", "root_path": ""}  # fmt: skip
    await make_app(pages.site)(scope, receive, send)
    return messages


def test_a_program_hears_of_what_is_new_behind_the_last_it_has(served: Pages):
    answer, *told = asyncio.run(opening(served, DESK.key))

    assert (answer["status"], dict(answer["headers"])[b"content-type"][:17]) == (200, b"text/event-stream")
    assert [one["body"].partition(b"\r\n")[0] for one in told] == [b"id: 73", b"id: 74"]


def test_a_stream_of_a_program_ends_with_its_key_and_says_so(file: Path, make_pages: Callable[..., Pages]):
    clock, seconds = [NOW], [0.0]
    programs = ProgramsOnDisk(file, LOADED.catalogue, lambda: seconds[0])
    site = make_pages(programs=programs.now, wall=lambda: clock[0]).site
    program = program_by(site, DESK.key)
    assert program is not None

    async def watch() -> list[str | None]:
        news = events(Tide(site.read_model.newest_seq, every=0), site, program, 73)
        stream = while_it_may(site, lambda: program_by(site, DESK.key) == program, news)
        said = [(await anext(stream)).event]
        # Its line is taken out, and the stream looks at it again within a minute.
        await asyncio.to_thread(file.write_text, f"programs:\n{line('west', WEST)}", encoding="utf-8")
        seconds[0] += LOOK_SECONDS
        clock[0] += SESSION_LOOKED_EVERY
        return [*said, *[one.event async for one in stream]]

    assert asyncio.run(watch()) == ["alert", "ended"]
