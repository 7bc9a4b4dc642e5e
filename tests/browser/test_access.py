"""Every page in an installed Chromium: for those who hear it, who have no mouse, who need it large, in colours of their
own, or on paper. `make access` runs this; without a Chromium it fails and says what to install.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from tests.browser import looking
from tests.browser.looking import NARROW
from tests.browser.opening import keep, serving
from tests.web.conftest import site_over
from tests.web.filling import NOW, fill
from tests.web.keeping import Bus, Keeping
from tests.web.test_sign_in import SETTINGS

from safety_stream.core.subscribing import Kept, Wish
from safety_stream.data_files import web_styles
from safety_stream.readmodel.people import Deed, Deeds, SavedChoices
from safety_stream.web.app import FOR_ANYBODY, READ, make_app
from safety_stream.web.policy import DEVELOPMENT

pytestmark = pytest.mark.browser

ALERT = "/alerts/00000000-0000-5000-8000-0000000000"
NOBODY = ""
# Who looks at which page. Pages of a kind differ: empty ones, long ones, those with charts, those that refuse.
VIEWS = [
    (NOBODY, "/sign-in"),
    (NOBODY, "/public"),
    (NOBODY, "/public/areas/L-14"),
    (NOBODY, "/public/indicators/serious-violence/L-14"),
    (NOBODY, "/public/indicators/burglary/E07000117"),
    (NOBODY, "/nothing"),
    ("dev-duty-officer", "/inbox"),
    ("dev-duty-officer", "/inbox?priority=P1&area=D-WEST"),
    ("dev-duty-officer", "/inbox?text=nothing-of-the-kind"),
    (
        "dev-duty-officer",
        f"/inbox/acknowledged?of=00000000-0000-4000-8000-000000000000&alert={ALERT[8:]}01&alert=nobodys",
    ),
    ("dev-duty-officer", f"{ALERT}01"),
    ("dev-duty-officer", f"{ALERT}02#shown"),
    ("dev-duty-officer", f"{ALERT}05#shown"),
    ("dev-duty-officer", f"{ALERT}06#shown"),
    ("dev-duty-officer", f"{ALERT}08"),
    ("dev-duty-officer", "/handover"),
    ("dev-duty-officer", "/meeting"),
    ("dev-duty-officer", "/data-quality"),
    ("dev-supervisor", f"{ALERT}08"),
    ("dev-supervisor", "/meeting"),
    ("dev-analyst", "/county"),
    ("dev-analyst", "/areas/E07000117"),
    ("dev-analyst", "/indicators/burglary/E07000117"),
    ("dev-analyst", "/indicators/burglary/E07000125"),
    ("dev-analyst", "/catalogue"),
    ("dev-analyst", "/rules/rv-generic"),
    ("dev-analyst", "/feeds"),
    ("dev-analyst", "/data-quality"),
    ("dev-analyst", "/data-quality/refused"),
    ("dev-analyst", "/matches"),
    ("dev-duty-officer", "/subscriptions"),
    ("dev-duty-officer", "/subscriptions#wrong"),
    ("dev-duty-officer-west", "/subscriptions"),
    ("dev-duty-officer", "/subscriptions/5b2f81c0"),
    ("dev-duty-officer", "/notices"),
    ("dev-duty-officer", "/break-glass"),
    ("dev-data-protection", "/reviews"),
    ("dev-auditor", "/consultations"),
    ("dev-auditor", "/consultations?person=nobody"),
]
SUBSCRIBED = Wish(
    audience="duty-officer", channel="mail", address="duty-desk", areas=("D-WEST", "E07000117"),
    families=("safeguarding",), priorities=("P1", "P2"), quiet_from="22:00", quiet_until="07:00",
)  # fmt: skip
HOOKED = Wish(audience="duty-officer", channel="webhook", address="https://hooks.example.org/alerts")
NO_PAGES = {
    "/indicators/{indicator}/{area}/numbers.csv",
    "/public/indicators/{indicator}/{area}/numbers.csv",
    "/consultations.csv",
    # The page of an alert again, for whoever has opened it in an emergency.
    "/break-glass/{alert_id}",
}
"""Answers that are no page of their own."""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if web_styles() is None:
        pytest.fail("the style sheet was not fetched, without which nothing here is as people see it: make styles")
    engine = fill(tmp_path_factory.mktemp("copy") / "copy.sqlite")
    SavedChoices(engine).save("dev-duty-officer", "West, critical", "?priority=P1&area=D-WEST")
    done = {"at": NOW, "person": "dev-operator", "role": "operator", "what": "redrive"}
    Deeds(engine).note(Deed(**done, of="dead-letters.intake/0/0", outcome="done"))  # type: ignore[arg-type]
    keeping = Keeping(known=[Kept("5b2f81c0", NOW, SUBSCRIBED), Kept("6c3a92d1", NOW, HOOKED)])
    with serving(
        make_app(site_over(engine, send=lambda _: None, enter=lambda _: None, steward=Bus(), subscriptions=keeping))
    ) as address:
        yield address
    engine.dispose()


@pytest.fixture(scope="module")
def contexts(chromium: Browser, here: str) -> Iterator[dict[str, BrowserContext]]:
    """A browser's memory for everybody who looks, signed in."""
    made = {}
    for who in sorted({who for who, _ in VIEWS}):
        context = made[who] = chromium.new_context(viewport={"width": 1280, "height": 800}, base_url=here)
        context.set_default_timeout(60_000)
        if who:
            page = context.new_page()
            page.goto("/sign-in")
            page.check(f"#person-{who}")
            page.get_by_role("button", name="Sign in").click()
            page.close()
    yield made
    for context in made.values():
        context.close()


@pytest.fixture
def see(contexts: dict[str, BrowserContext]) -> Iterator[Callable[[str, str], Page]]:
    """Opens a page as somebody."""
    opened: list[Page] = []

    def run(who: str, path: str) -> Page:
        page = contexts[who].new_page()
        opened.append(page)
        page.goto(path.removesuffix("#shown").removesuffix("#wrong"))
        if path.endswith("#shown") and page.locator("#reason-1").count():
            page.check("#reason-1")
            page.get_by_role("button", name="Show the alert").click()
        if path.endswith("#wrong"):
            # A form with two mistakes, sent without leaving the way back to the page.
            page.fill("#digest_at", "late")
            page.fill("#quiet_from", "22:00")
            page.get_by_role("button", name="Subscribe").click()
        keep(page, f"{who or 'nobody'}{path}")
        return page

    yield run
    for page in opened:
        page.close()


def test_no_page_is_left_out():
    import re

    routes = {path for path, _, _ in READ} | {path for path, _ in FOR_ANYBODY}
    seen = {path.partition("?")[0].partition("#")[0] for _, path in VIEWS}
    patterns = {route: re.compile(re.sub(r"\{\w+\}", "[^/]+", route)) for route in routes - NO_PAGES}

    assert [route for route, pattern in patterns.items() if not any(map(pattern.fullmatch, seen))] == []
    assert {who for who, _ in VIEWS} <= {person.id for person in DEVELOPMENT} | {NOBODY}


@pytest.mark.parametrize(("who", "path"), VIEWS)
def test_axe_finds_nothing(see: Callable[[str, str], Page], axe: str, who: str, path: str):
    page = see(who, path)

    assert [*looking.axe_faults(page, axe), *looking.unlabelled_colour_faults(page)] == []


@pytest.mark.parametrize(("who", "path"), VIEWS)
def test_the_keyboard_comes_everywhere_and_is_seen(see: Callable[[str, str], Page], who: str, path: str):
    assert list(looking.keyboard_faults(see(who, path))) == []


@pytest.mark.parametrize("width", [640, NARROW], ids=["200 %", "400 %"])
@pytest.mark.parametrize(("who", "path"), VIEWS)
def test_nothing_scrolls_sideways_when_it_is_large(see: Callable[[str, str], Page], who: str, path: str, width: int):
    page = see(who, path)
    found = list(looking.overflow_faults(page, width))
    keep(page, f"{width}-{who or 'nobody'}{path}")

    assert found == []


@pytest.mark.parametrize(("who", "path"), VIEWS)
def test_in_colours_of_ones_own_everything_is_read_and_the_keyboard_seen(
    see: Callable[[str, str], Page], axe: str, who: str, path: str
):
    page = see(who, path)
    page.emulate_media(forced_colors="active")
    found = list(looking.axe_faults(page, axe, only=("color-contrast", "link-in-text-block")))
    # Light writing on a dark ground, which axe does not know, and where what was drawn for a light one is not seen.
    page.emulate_media(forced_colors="active", color_scheme="dark")
    keep(page, f"forced-{who or 'nobody'}{path}")
    found += [*looking.drawing_faults(page), *looking.keyboard_faults(page, outline_alone=True)]

    assert found == []


@pytest.mark.parametrize("path", ["/handover", "/meeting"])
def test_a_sheet_on_paper_holds_nothing_of_the_site(see: Callable[[str, str], Page], path: str):
    page = see("dev-duty-officer", path)
    page.emulate_media(media="print")
    # A4 at 96 pixels an inch.
    found = list(looking.overflow_faults(page, 794))
    keep(page, f"paper-{path}")

    assert found == []
    assert not page.locator(".ss-header").is_visible()
    assert not page.locator(".govuk-service-navigation").is_visible()
    assert not page.locator("button").first.is_visible()
    # A handover is signed; a pack is read.
    assert page.locator(".ss-sign").count() == (2 if path == "/handover" else 0)
    assert all(sign.is_visible() for sign in page.locator(".ss-sign").all())
    assert page.pdf(format="A4").startswith(b"%PDF")


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (["refused"], "Live news has ended: load the page again."),
        (["cut off"], "Live news is interrupted: what is new may not be shown here."),
        (["ended", "refused"], "Your session has ended."),
    ],
    ids=["refused", "cut off", "session ended"],
)
def test_an_inbox_says_when_it_hears_nothing_more(
    see: Callable[[str, str], Page], contexts: dict[str, BrowserContext], answers: list[str], said: str
):
    left = list(answers)

    def answer(route: Route) -> None:
        what = left.pop(0) if len(left) > 1 else left[0]
        if what == "refused":
            route.fulfill(status=403)
        elif what == "cut off":
            route.abort()
        else:
            body = "retry: 1\nevent: ended\ndata: Your session has ended.\n\n"
            route.fulfill(status=200, content_type="text/event-stream", body=body)

    contexts["dev-duty-officer"].route("**/events*", answer)
    try:
        page = see("dev-duty-officer", "/inbox")
        expect(page.locator("#live-state")).to_have_text(said)
    finally:
        contexts["dev-duty-officer"].unroute("**/events*")
    resumes = answers[-1] == "refused"
    expect(page.locator("#live-pause")).to_have_text("Resume live news" if resumes else "Pause live news")


def test_signing_in_with_an_organisation_is_as_good(chromium: Browser, axe: str, tmp_path: Path):
    engine = fill(tmp_path / "copy.sqlite", weeks=1)
    # Served as what speaks TLS in front would ask for it.
    settings = SETTINGS.model_copy(update={"url": "https://127.0.0.1"})
    with serving(make_app(site_over(engine, sign_in=settings))) as address:
        context = chromium.new_context(base_url=address)
        page = context.new_page()
        page.goto("/sign-in")
        found = [*looking.axe_faults(page, axe), *looking.keyboard_faults(page), *looking.overflow_faults(page, NARROW)]
        context.close()
    engine.dispose()

    assert found == []


def _script(text: str) -> Callable[[Page], None]:
    return lambda page: page.evaluate(f"() => {{ {text} }}")


def _sheet(text: str) -> Callable[[Page], None]:
    """A style sheet by the browser's own hand, as no style may stand in a page."""
    made = f"const sheet = new CSSStyleSheet(); sheet.replaceSync('{text}'); document.adoptedStyleSheets = [sheet];"
    return _script(made)


BROKEN = {
    "a picture says nothing": (_script("document.querySelector('main').append(new Image());"), "image-alt"),
    "a field has no label": (_script("document.querySelector('label[for=text]').remove();"), "axe label"),
    "grey on grey": (_sheet(".govuk-body { color: #ccc }"), "axe color-contrast"),
    "no heading of the page": (_script("document.querySelector('h1').remove();"), "axe page-has-heading-one"),
    "a link the keyboard leaves out": (
        _script("document.querySelector('.ss-item a').tabIndex = -1;"),
        "the keyboard never comes to <a>",
    ),
    "a link that is first": (_script("document.querySelectorAll('.ss-item a')[1].tabIndex = 1;"), "to and fro"),
    "a focus nobody sees": (
        _sheet("a:focus { outline: none !important; box-shadow: none !important; background: none !important }"),
        "nobody sees that the keyboard is at <a>",
    ),
    "a wide block": (_sheet(".ss-banner { width: 700px }"), "the page is 7"),
    "a block that is cut": (_sheet("body { overflow-x: hidden } .ss-banner { width: 700px }"), "leads out of the page"),
    "a priority in colour alone": (
        _script("document.querySelector('.ss-priority').textContent = '';"),
        "told by colour alone",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("breaks", "said"), BROKEN.values(), ids=BROKEN)
def test_a_page_broken_on_purpose_is_found(
    see: Callable[[str, str], Page], axe: str, breaks: Callable[[Page], None], said: str
):
    page = see("dev-duty-officer", "/inbox?priority=P1&area=D-WEST&area=E07000123&area=E07000117")
    breaks(page)
    found = [
        *looking.axe_faults(page, axe),
        *looking.unlabelled_colour_faults(page),
        *looking.keyboard_faults(page),
        *looking.overflow_faults(page, NARROW),
    ]

    assert any(said in one for one in found), found


def test_a_drawing_on_no_ground_of_its_own_is_found(see: Callable[[str, str], Page]):
    page = see("dev-analyst", "/indicators/burglary/E07000117")
    page.emulate_media(forced_colors="active", color_scheme="dark")
    _sheet(".chart { background: none !important }")(page)

    assert list(looking.drawing_faults(page)) == ["1 drawings are not on white"]


def test_a_focus_that_is_a_colour_alone_is_found_in_colours_of_ones_own(see: Callable[[str, str], Page]):
    page = see("dev-duty-officer", "/handover")
    page.emulate_media(forced_colors="active")
    _sheet("a:focus { outline: none !important; background: yellow !important }")(page)

    assert any("nobody sees" in one for one in looking.keyboard_faults(page, outline_alone=True))
