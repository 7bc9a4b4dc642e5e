"""Programs that read a feed by keys of their own: whose feed, for how long, and nothing but the feed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from tests.web.conftest import Pages
from tests.web.filling import LOADED, NOW
from tests.web.test_example_reader import follow

from safety_stream.catalogue.issues import CatalogueError
from safety_stream.core.model.times import DAY_LENGTH
from safety_stream.keyring import FEED_KEY, LOOK_SECONDS, NewKey, new_key
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
@pytest.mark.parametrize("path", ["/feed", "/feed.cap"])
def test_what_is_no_key_of_now_lets_nobody_in(served: Pages, path: str, key: str):
    answer = reader(served, key).get(path)

    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.headers["content-type"].startswith("text/plain")


def test_a_key_is_good_to_the_end_of_its_last_day(file: Path):
    programs = read_programs(file, LOADED.catalogue)

    assert programs.by_key(OLD.key, NOW - DAY_LENGTH) is not None
    assert programs.by_key(OLD.key, NOW) is None


def test_a_key_opens_no_page_and_without_a_file_nothing(served: Pages, pages: Pages):
    for path in ("/inbox", "/events", "/alerts/00000000-0000-5000-8000-000000000001", "/county"):
        assert reader(served, DESK.key).get(path, follow_redirects=False).status_code in {303, 403}
    assert reader(pages, DESK.key).get("/feed").status_code == 401


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
