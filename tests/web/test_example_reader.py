"""The reader in `examples/feed` against the pages themselves: it goes on where it ended, and says what never came."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from itertools import islice
from pathlib import Path

import httpx
import pytest
from tests.web.conftest import Pages
from tests.web.filling import alert
from tests.web.test_live import OFFICER, site_of

FOLDER = Path(__file__).parents[2] / "examples" / "feed"
follow = runpy.run_path(str(FOLDER / "follow.py"))["follow"]


def test_it_reads_every_alert_once_and_then_what_is_new(pages: Pages, tmp_path: Path):
    http, mark = pages.as_person("dev-duty-officer"), tmp_path / "mark.txt"

    assert [one["seq"] for one in follow(http, mark)] == list(range(1, 75))
    assert list(follow(http, mark)) == []
    assert mark.read_text() == "74"


def test_what_it_was_stopped_at_comes_again_and_nothing_else(pages: Pages, tmp_path: Path):
    http, mark = pages.as_person("dev-duty-officer"), tmp_path / "mark.txt"
    dealt_with = [one["seq"] for one in islice(follow(http, mark), 5)]

    # It was stopped while the fifth was being dealt with.
    assert (dealt_with, mark.read_text()) == ([1, 2, 3, 4, 5], "4")
    assert [one["seq"] for one in islice(follow(http, mark), 2)] == [5, 6]


def test_it_says_what_never_came_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    site, close = site_of(tmp_path / "copy.sqlite", [alert(seq) for seq in (1, 4)])
    try:
        http = Pages(replace(site, people=(OFFICER,)), [], []).as_person(OFFICER.id)
        assert [one["seq"] for one in follow(http, tmp_path / "mark.txt")] == [1, 4]
        http.close()
    finally:
        close()
    assert "numbers 2 to 3" in capsys.readouterr().err


def test_it_says_that_the_feed_was_begun_anew_and_keeps_its_mark(
    pages: Pages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    mark = tmp_path / "mark.txt"
    mark.write_text("999")
    monkeypatch.setenv("SAFETY_STREAM_KEY", "csf_made-up")
    monkeypatch.setattr(sys, "argv", ["follow.py", "https://alerts.example.org", str(mark)])
    monkeypatch.setattr(httpx, "Client", lambda **_: nullcontext(pages.as_person("dev-duty-officer")))

    with pytest.raises(SystemExit, match="ends at number 74, before 999: it was begun anew"):
        runpy.run_path(str(FOLDER / "follow.py"), run_name="__main__")
    assert mark.read_text() == "999"


def test_whoever_is_not_signed_in_reads_nothing(make_pages: Callable[..., Pages], tmp_path: Path):
    http = make_pages().browser()
    http.follow_redirects = False

    with pytest.raises(httpx.HTTPStatusError):
        list(follow(http, tmp_path / "mark.txt"))


def test_the_reader_is_ten_lines():
    text = (FOLDER / "follow.py").read_text(encoding="utf-8")
    body = text.partition("def follow")[2].partition("\n\n\n")[0]

    assert len([line for line in body.splitlines()[1:] if line.strip()]) <= 10
