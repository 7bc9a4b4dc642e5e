"""The demonstration's screen fits its terminal and says in words what happened."""

from __future__ import annotations

from io import StringIO

import msgspec
import pytest
from rich.cells import cell_len
from rich.console import Console
from tests.demo.making import Told, an_alert, an_indicator

from safety_stream.core.catalogue import Catalogue
from safety_stream.demo.screen import COLUMNS, REASONS, line, screen, story_lines
from safety_stream.demo.watching import MILESTONES, Seen

SIZES = [(80, 24), (100, 30), (140, 45), (220, 60)]


def shown(seen: Seen, catalogue: Catalogue, width: int, height: int) -> list[str]:
    console = Console(width=width, height=height, file=StringIO(), color_system=None, legacy_windows=False)
    with console.capture() as captured:
        console.print(screen(seen, catalogue, 8.0, console.size))
    return captured.get().splitlines()


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("is_told", [False, True], ids=["nothing seen", "everything seen"])
def test_it_fills_the_terminal_and_no_more(catalogue: Catalogue, told: Told, width: int, height: int, is_told: bool):
    lines = shown(told.seen if is_told else Seen(), catalogue, width, height)

    assert height == len(lines)
    assert max(map(cell_len, lines)) <= width


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_part_is_there_at_every_size(catalogue: Catalogue, told: Told, width: int, height: int):
    text = "\n".join(shown(told.seen, catalogue, width, height))

    for part in (
        "Fri 09 Jan",
        "incidents (",
        "Alerts to the duty officer",
        "Feeds",
        "police-crimes",
        "Week from",
        "Black",
    ):
        assert part in text
    for change in ("+ raised", "~ updated", "- withdrawn"):
        assert change in text


def test_a_large_terminal_shows_every_area_feed_and_indicator(catalogue: Catalogue, told: Told):
    text = "\n".join(shown(told.seen, catalogue, 140, 45))

    assert [] == [word for name in COLUMNS for word in name.split("-") if word not in text]
    assert [] == [
        area.name for area in catalogue.areas.by_code.values() if area.kind == "district" and area.name not in text
    ]
    assert [] == [source for source in told.seen.feeds if source not in text]
    assert "more" not in text.split("Feeds")[1]


def test_what_there_is_no_room_for_is_said(catalogue: Catalogue, told: Told):
    text = "\n".join(shown(told.seen, catalogue, 80, 24))

    assert "… and 12 more" in text


def test_each_promise_is_listed_from_the_start_and_explained_once_it_was_seen(catalogue: Catalogue, told: Told):
    before = [text.plain for text in story_lines(Seen(), catalogue)]
    after = [text.plain for text in story_lines(told.seen, catalogue)]

    assert list(MILESTONES) == [text.strip() for text in before]
    assert all(text.startswith("✓") for text in after)
    assert "Ribble Valley: 42 incidents in the week from 2025-12-29; the agreed number is 35." in after[2]
    # What proves it comes first, where no terminal is too narrow for it.
    assert "Burnley: This is no longer so. Harmed 3 times in twelve months: repeat level 3. Of domestic" in after[3]
    assert "Burnley: It began earlier than was known. " in after[4]
    assert "fire: schema id 65535 is not registered" in after[5]


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_an_alert_told_again_says_why_in_words(catalogue: Catalogue, reason: str):
    alert = an_alert(change="updated", reason=reason, priority="P2", explanation="Harmed.")

    assert line(alert, catalogue).plain.endswith(f"~ updated    P2  Burnley: {REASONS[reason]} Harmed.")


def test_a_new_alert_explains_itself(catalogue: Catalogue):
    alert = an_alert(priority="P4", explanation="Harmed.")

    assert "Fri 02 Jan 00:00  + raised     P4  Burnley: Harmed." == line(alert, catalogue).plain


def test_last_weeks_count_is_not_shown_as_this_weeks(catalogue: Catalogue):
    seen = Seen()
    seen.came_out(an_indicator(value=77), 1.0)
    assert "77" in "\n".join(shown(seen, catalogue, 140, 45))

    seen.came_out(an_indicator(area="E07000118", starts=14, ends=21, value=1), 2.0)
    assert "77" not in "\n".join(shown(seen, catalogue, 140, 45))


def test_brackets_in_what_is_told_are_no_markup(catalogue: Catalogue):
    alert = msgspec.structs.replace(an_alert(), explanation="Harmed [bold]twice[/bold].")

    assert "Harmed [bold]twice[/bold]." in line(alert, catalogue).plain


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_where_the_pages_are_has_room_on_every_terminal(catalogue: Catalogue, width: int, height: int):
    console = Console(width=width, height=height, file=StringIO(), color_system=None, legacy_windows=False)
    with console.capture() as captured:
        console.print(screen(Seen(), catalogue, 8.0, console.size, "http://127.0.0.1:65535"))

    assert "pages: http://127.0.0.1:65535" in captured.get()
