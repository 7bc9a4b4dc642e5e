"""Every page anybody can reach: well made, its links lead somewhere, and it lets nobody else's words become markup."""

from urllib.parse import urldefrag, urljoin, urlsplit

import pytest
from starlette.testclient import TestClient
from tests.web.conftest import Pages
from tests.web.filling import HOSTILE
from tests.web.reading_html import Read, faults

from safety_stream.web.policy import DEVELOPMENT

PAGES_OF_A_KIND = 3
"""Pages of one kind (areas, say) that are looked at: the others are made by the same lines."""

NOBODY = "nobody"


def kind_of(path: str) -> str:
    parts = urlsplit(path)
    return f"{'/'.join(part for part in parts.path.split('/') if part.isalpha())}{'?' if parts.query else ''}"


def crawled(client: TestClient) -> dict[str, object]:
    """Every page that links lead to from the first, at most so many of a kind; each one's answer."""
    waiting, found, kinds = ["/"], {}, {}
    while waiting:
        path = waiting.pop()
        kind = kind_of(path)
        if path in found or kinds.get(kind, 0) >= PAGES_OF_A_KIND:
            continue
        kinds[kind] = kinds.get(kind, 0) + 1
        answer = found[path] = client.get(path)
        if "text/html" in answer.headers["content-type"]:
            links = (urldefrag(urljoin(path, link)).url for link in Read(answer.text).links)
            waiting += [link for link in links if link.startswith("/")]
    return found


@pytest.fixture(params=[*(person.id for person in DEVELOPMENT), NOBODY])
def answers(request: pytest.FixtureRequest, pages: Pages) -> dict[str, object]:
    return crawled(pages.browser() if request.param == NOBODY else pages.as_person(request.param))


def test_every_page_is_well_made_and_every_link_leads_somewhere(answers: dict[str, object]):
    wrong = {}
    for path, answer in answers.items():
        found = [] if answer.status_code == 200 else [f"status {answer.status_code}"]
        if "text/html" in answer.headers["content-type"]:
            page = Read(answer.text)
            found += faults(page)
            found += [
                f"#{urldefrag(link).fragment} is not there"
                for link in page.links
                if link.startswith("#") and f'id="{link[1:]}"' not in answer.text
            ]
        if found:
            wrong[path] = found

    assert wrong == {}
    assert len(answers) > 5


def test_nothing_anybody_wrote_becomes_markup(pages: Pages):
    client = pages.as_person("dev-supervisor")
    for path in ("/inbox", "/alerts/00000000-0000-5000-8000-000000000005", "/handover"):
        answer = client.get(path)

        assert "<script>alert" not in answer.text
        assert HOSTILE in Read(answer.text).text
        assert list(faults(Read(answer.text))) == []


def test_what_is_asked_for_in_an_address_becomes_no_markup(pages: Pages):
    client = pages.as_person("dev-supervisor")
    answer = client.get("/inbox", params={"text": HOSTILE, "area": HOSTILE, "since": "-1"})

    assert "<script>alert" not in answer.text
    assert list(faults(Read(answer.text))) == []


@pytest.mark.parametrize("path", ["/inbox", "/public", "/static/safety-stream.css", "/nothing", "/sign-in"])
def test_browsers_are_told_what_not_to_do(pages: Pages, path: str):
    headers = pages.as_person("dev-analyst").get(path).headers

    assert headers["content-security-policy"].startswith("default-src 'self'; ")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert ("no-store" in headers.get("cache-control", "")) == (not path.startswith("/static"))


def test_pages_do_without_the_style_sheet_and_say_so(pages: Pages, monkeypatch: pytest.MonkeyPatch):
    from safety_stream.web import writing

    monkeypatch.setattr(writing, "web_styles", lambda: None)
    writing._environment.cache_clear()
    try:
        page = pages.as_person("dev-supervisor").get("/inbox").text
    finally:
        writing._environment.cache_clear()

    assert "make styles" in Read(page).text
    assert "/static/govuk-frontend.css" not in page
    assert list(faults(Read(page))) == []
