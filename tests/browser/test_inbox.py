"""The inbox with its scripts, in an installed Chromium: what comes while one looks on, and keys instead of a mouse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from sqlalchemy import Engine
from tests.browser import looking
from tests.browser.looking import NARROW
from tests.browser.opening import keep, serving
from tests.web.conftest import site_over
from tests.web.filling import alert, fill

from safety_stream.core.model.handling import AlertAction
from safety_stream.readmodel.projection import TopicRecord, apply
from safety_stream.web.app import make_app

pytestmark = pytest.mark.browser

FEED = "alerts.duty-officer"
TOLD = 74
"""Records in the copy that is filled; their offsets count from 0, their numbers from 1."""

# Every tone is one of these, whatever else is made for it.
COUNTS_TONES = """
let tones = 0;
const { start } = AudioScheduledSourceNode.prototype;
AudioScheduledSourceNode.prototype.start = function (...when) {
  document.documentElement.dataset.tones = (tones += 1);
  return start.apply(this, when);
};
"""
NOTES = 2
"""Notes of one tone."""


@dataclass
class Desk:
    """An inbox somebody has open, the copy under it, and what was sent from it."""

    page: Page
    engine: Engine
    sent: list[AlertAction]
    numbers: Iterator[int]

    def tell(self, **changes: object) -> None:
        """One record more in the feed, as the projection would copy it."""
        seq = next(self.numbers)
        with self.engine.begin() as connection:
            apply(connection, [TopicRecord(FEED, 0, seq - 1, alert(seq, **changes))])

    def tones(self, number: int) -> Locator:
        """The page, if so many notes were begun on it."""
        return self.page.locator(f"html[data-tones='{number}']" if number else "html:not([data-tones])")

    @property
    def urgent(self) -> Locator:
        return self.page.locator("#live-critical")

    @property
    def news(self) -> Locator:
        return self.page.locator("#live-news")


@pytest.fixture
def open_desk(chromium: Browser, tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    engine, sent = fill(tmp_path / "copy.sqlite", weeks=1), []
    contexts = []

    def run(**options: object) -> Desk:
        context = chromium.new_context(viewport={"width": 1280, "height": 800}, base_url=address, **options)
        contexts.append(context)
        context.add_init_script(COUNTS_TONES)
        page = context.new_page()
        page.goto("/sign-in")
        page.check("#person-dev-duty-officer")
        page.get_by_role("button", name="Sign in").click()
        page.goto("/inbox")
        return Desk(page, engine, sent, count(TOLD + 1))

    with serving(make_app(site_over(engine, send=sent.append))) as address:
        yield run
        for context in contexts:
            context.close()
    engine.dispose()


def test_what_is_critical_is_said_apart_from_the_rest_and_at_once(open_desk: Callable[..., Desk]):
    desk = open_desk()
    # Regions have to be there before what is said in them, or nothing is read out.
    assert desk.urgent.get_attribute("role") == "alert"
    assert desk.news.get_attribute("aria-live") == "polite"
    assert desk.page.get_by_role("link", name="See P1 alerts").count() == 0
    title = desk.page.title()

    desk.tell(priority="P3")
    expect(desk.news).to_have_text("1 change since this page was made.")
    expect(desk.urgent).to_be_empty()
    desk.tell(priority="P1")
    expect(desk.urgent).to_have_text("P1 critical: 1 alert is new or more urgent since this page was made.")
    expect(desk.news).to_have_text("1 change since this page was made.")
    desk.tell(priority="P1")
    desk.tell(priority="P2")
    expect(desk.news).to_have_text("2 other changes since this page was made.")
    expect(desk.urgent).to_have_text("P1 critical: 2 alerts are new or more urgent since this page was made.")
    assert desk.page.title() == f"(2 P1) {title}"
    desk.page.get_by_role("link", name="See P1 alerts").click()
    assert desk.page.url.endswith("/inbox?priority=P1")


def test_what_was_done_about_a_critical_alert_and_its_end_are_changes_like_others(open_desk: Callable[..., Desk]):
    desk = open_desk()
    desk.tell(priority="P1", change="updated", reason="handled", notify=False)
    desk.tell(priority="P1", change="withdrawn", reason="withdrawn")

    expect(desk.news).to_have_text("2 changes since this page was made.")
    expect(desk.urgent).to_be_empty()


def test_a_critical_alert_that_is_told_again_is_one_alert(open_desk: Callable[..., Desk]):
    desk = open_desk()
    one = {"alert_id": alert(75).alert_id, "priority": "P1"}
    desk.tell(**one)
    desk.tell(**one, version=2, change="updated", reason="overdue")
    desk.tell(priority="P4")

    expect(desk.news).to_have_text("1 other change since this page was made.")
    expect(desk.urgent).to_contain_text("P1 critical: 1 alert is")


def test_a_tone_is_for_who_switched_it_on_and_for_what_is_critical(open_desk: Callable[..., Desk]):
    desk = open_desk()
    sound = desk.page.locator("#live-sound")
    expect(sound).to_have_text("Sound for P1 is off: turn it on")
    desk.tell(priority="P1")
    expect(desk.urgent).to_contain_text("1 alert is")
    expect(desk.tones(0)).to_be_attached()

    sound.click()
    expect(sound).to_have_text("Sound for P1 is on: turn it off")
    # Once as a sample.
    expect(desk.tones(NOTES)).to_be_attached()

    # It is remembered; the browser lets nothing sound before somebody does something, and the page says so.
    desk.page.reload()
    expect(sound).to_have_text("Sound for P1 is held back by the browser: let it sound")
    desk.page.get_by_role("heading", level=1).click()
    expect(sound).to_have_text("Sound for P1 is on: turn it off")
    desk.tell(priority="P2")
    expect(desk.news).to_have_text("1 change since this page was made.")
    expect(desk.tones(0)).to_be_attached()
    desk.tell(priority="P1")
    expect(desk.tones(NOTES)).to_be_attached()

    sound.click()
    expect(sound).to_have_text("Sound for P1 is off: turn it on")
    desk.tell(priority="P1")
    expect(desk.urgent).to_contain_text("2 alerts are")
    expect(desk.tones(NOTES)).to_be_attached()
    desk.page.reload()
    expect(sound).to_have_text("Sound for P1 is off: turn it on")


def test_a_tone_that_is_held_back_is_let_go_by_its_own_button(open_desk: Callable[..., Desk]):
    desk = open_desk()
    sound = desk.page.locator("#live-sound")
    sound.click()
    desk.page.reload()
    expect(sound).to_contain_text("held back")
    sound.focus()
    desk.page.keyboard.press("Enter")

    expect(sound).to_have_text("Sound for P1 is on: turn it off")
    expect(desk.tones(NOTES)).to_be_attached()


def test_who_relies_on_the_tone_hears_that_nothing_is_heard_any_more(open_desk: Callable[..., Desk]):
    desk = open_desk()
    desk.page.locator("#live-sound").click()
    desk.page.reload()
    desk.page.get_by_role("heading", level=1).click()
    desk.page.get_by_role("button", name="Pause live news").click()
    expect(desk.tones(0)).to_be_attached()
    desk.page.route("**/events*", lambda route: route.fulfill(status=403))
    desk.page.get_by_role("button", name="Resume live news").click()

    expect(desk.page.locator("#live-state")).to_have_text("Live news has ended: load the page again.")
    expect(desk.tones(NOTES)).to_be_attached()


def test_what_is_critical_is_for_everybody(open_desk: Callable[..., Desk], axe: str):
    desk = open_desk()
    desk.tell(priority="P1")
    expect(desk.urgent).to_contain_text("1 alert is")
    keep(desk.page, "live-urgent", full_page=False)
    found = [*looking.axe_faults(desk.page, axe), *looking.keyboard_faults(desk.page)]
    desk.page.emulate_media(forced_colors="active", color_scheme="dark")
    desk.page.evaluate("scrollTo(0, 0)")
    keep(desk.page, "live-urgent-forced", full_page=False)
    frame = desk.page.evaluate("getComputedStyle(document.getElementById('live-urgent')).borderTopStyle")
    found += looking.keyboard_faults(desk.page, outline_alone=True)
    desk.page.emulate_media(forced_colors="none", color_scheme="light")
    found += looking.overflow_faults(desk.page, NARROW)
    desk.page.evaluate("scrollTo(0, 0)")
    keep(desk.page, "live-urgent-narrow", full_page=False)

    assert found == []
    # Told from the rest where all colours are the reader's own.
    assert frame == "double"


def test_keys_lead_through_the_list_and_choose_and_acknowledge(open_desk: Callable[..., Desk]):
    desk = open_desk()
    page, keys = desk.page, desk.page.keyboard
    said, boxes = page.locator("#keys-said"), page.locator("#open-alerts input[type=checkbox]")
    links = page.locator("#open-alerts .govuk-heading-s a")

    keys.press("x")
    expect(said).to_have_text("You are at no alert yet: j goes to the first.")
    keys.press("j")
    expect(links.nth(0)).to_be_focused()
    keys.press("a")
    # A key pressed by mistake acknowledges nothing.
    expect(said).to_have_text("Nothing is chosen: x chooses the alert you are at.")
    keys.press("k")
    expect(said).to_have_text("This is the first alert here.")
    keys.press("j")
    keys.press("x")
    expect(boxes.nth(1)).to_be_checked()
    expect(said).to_have_text("Chosen: 1 in all.")
    keys.press("x")
    expect(boxes.nth(1)).not_to_be_checked()
    keys.press("x")
    # From where the mouse or the Tab key has led meanwhile.
    boxes.nth(4).focus()
    keys.press("j")
    expect(links.nth(5)).to_be_focused()
    keys.press("x")
    expect(said).to_have_text("Chosen: 2 in all.")
    expect(said).to_be_in_viewport()
    keep(page, "keys", full_page=False)
    chosen = [boxes.nth(number).get_attribute("value") for number in (1, 5)]
    keys.press("a")

    expect(page.get_by_role("heading", level=1)).to_have_text("What became of it")
    assert [f"{one.alert_id}:{one.seen}" for one in desk.sent] == chosen
    assert {one.action for one in desk.sent} == {"acknowledge"}


def test_what_is_critical_stays_in_sight_and_covers_nothing_the_keyboard_is_at(open_desk: Callable[..., Desk]):
    desk = open_desk()
    desk.tell(priority="P1")
    expect(desk.urgent).to_contain_text("1 alert is")
    links = desk.page.locator("#open-alerts .govuk-heading-s a")
    links.nth(20).focus()
    # The one before is on the screen, beneath the frame.
    links.nth(19).evaluate("(link) => scrollBy(0, link.getBoundingClientRect().top - 40)")
    desk.page.keyboard.press("k")
    expect(links.nth(19)).to_be_focused()
    expect(desk.urgent).to_be_in_viewport()
    keep(desk.page, "live-urgent-scrolled", full_page=False)
    covered = desk.page.evaluate(
        """() => document.activeElement.getBoundingClientRect().top
        < document.getElementById("live-urgent").getBoundingClientRect().bottom"""
    )

    assert not covered


def test_a_list_of_keys_is_shown_by_a_key(open_desk: Callable[..., Desk], axe: str):
    desk = open_desk()
    listed = desk.page.get_by_text("acknowledges the chosen")
    expect(listed).to_be_hidden()
    desk.page.keyboard.press("?")
    expect(listed).to_be_visible()
    expect(desk.page.locator("#keys-list summary")).to_be_focused()
    keep(desk.page, "keys-listed", full_page=False)
    assert [*looking.axe_faults(desk.page, axe), *looking.overflow_faults(desk.page, NARROW)] == []
    keep(desk.page, "keys-listed-narrow", full_page=False)
    desk.page.keyboard.press("?")
    expect(listed).to_be_hidden()


def test_keys_mean_nothing_in_a_field_nor_with_another_key(open_desk: Callable[..., Desk]):
    desk = open_desk()
    desk.page.locator("details summary").first.click()
    field = desk.page.locator("#text")
    field.press_sequentially("jxa?k")
    expect(field).to_have_value("jxa?k")
    desk.page.locator("#priority").press("j")
    desk.page.get_by_role("heading", level=1).click()
    desk.page.keyboard.press("Control+j")
    desk.page.keyboard.press("Alt+x")

    expect(desk.page.locator("#keys-said")).to_be_empty()
    expect(desk.page.locator("#keys-list[open]")).to_have_count(0)
    expect(desk.page.locator("#open-alerts :focus, #open-alerts input:checked")).to_have_count(0)


def test_keys_can_be_turned_off_and_stay_off(open_desk: Callable[..., Desk]):
    desk = open_desk()
    switch = desk.page.locator("#keys-switch")
    expect(switch).to_have_text("Keys are on: turn them off")
    switch.click()
    for _ in range(2):
        expect(switch).to_have_text("Keys are off: turn them on")
        for key in "jxa?":
            desk.page.keyboard.press(key)
        expect(desk.page.locator("#keys-said")).to_be_empty()
        expect(desk.page.locator("#open-alerts :focus, #keys-list[open]")).to_have_count(0)
        desk.page.reload()
    switch.click()
    desk.page.keyboard.press("j")
    expect(desk.page.locator("#open-alerts a").first).to_be_focused()


def test_without_scripts_the_inbox_offers_nothing_that_needs_one_and_acknowledges(open_desk: Callable[..., Desk]):
    desk = open_desk(java_script_enabled=False)
    for name in ("#keys", "#live-sound", "#live-pause", "#live-see"):
        expect(desk.page.locator(name)).to_be_hidden()
    boxes = desk.page.locator("#open-alerts input[type=checkbox]")
    chosen = boxes.nth(1).get_attribute("value")
    boxes.nth(1).check()
    desk.page.get_by_role("button", name="Acknowledge the chosen").click()

    expect(desk.page.get_by_role("heading", level=1)).to_have_text("What became of it")
    assert [f"{one.alert_id}:{one.seen}" for one in desk.sent] == [chosen]
