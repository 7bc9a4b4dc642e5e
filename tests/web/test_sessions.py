"""Signing in, and that nobody can pretend to have."""

from collections.abc import Callable

import pytest
from tests.web.conftest import Pages, token

from safety_stream.web.app import NotLoopback, make_app
from safety_stream.web.policy import DEVELOPMENT


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "example.org", "", "127.0.0.1.example.org"])  # noqa: S104
def test_a_sign_in_without_password_is_served_to_nobody_else(pages: Pages, host: str):
    with pytest.raises(NotLoopback, match=r"127\.0\.0\.1"):
        make_app(pages.site, host)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_it_is_served_to_this_machine(pages: Pages, host: str):
    assert make_app(pages.site, host).routes


def test_a_page_elsewhere_under_its_own_name_is_not_answered(pages: Pages):
    assert pages.browser().get("/sign-in", headers={"host": "evil.example"}).status_code == 400


def test_a_cookie_that_was_changed_is_nobody(pages: Pages):
    client = pages.as_person("dev-auditor")
    client.cookies.set("session", client.cookies["session"].replace(client.cookies["session"][:8], "AAAAAAAA"))

    assert client.get("/catalogue", follow_redirects=False).status_code == 303


def test_whoever_is_taken_out_of_the_table_can_do_nothing_from_then_on(make_pages: Callable[..., Pages]):
    before = make_pages().as_person("dev-auditor")
    after = make_pages(people=tuple(one for one in DEVELOPMENT if one.id != "dev-auditor")).browser()
    after.cookies.update(before.cookies)

    assert after.get("/catalogue", follow_redirects=False).status_code == 303


@pytest.mark.parametrize("asked", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_nobody_is_sent_elsewhere_after_signing_in(pages: Pages, asked: str):
    client = pages.browser()
    form = {"csrf": token(client.get("/sign-in").text), "person": "dev-auditor", "next": asked}

    assert client.post("/sign-in", data=form, follow_redirects=False).headers["location"] == "/"


def test_one_comes_back_to_where_one_wanted_to_go(pages: Pages):
    client = pages.browser()
    page = client.get("/catalogue?a=1")
    form = {"csrf": token(page.text), "person": "dev-auditor", "next": "/catalogue?a=1"}

    assert 'name="next" value="/catalogue?a=1"' in page.text
    assert client.post("/sign-in", data=form, follow_redirects=False).headers["location"] == "/catalogue?a=1"


def test_signing_in_takes_a_form_of_ours_and_a_person_there_is(pages: Pages):
    client = pages.browser()

    assert client.post("/sign-in", data={"person": "dev-auditor"}).status_code == 403
    assert client.post("/sign-in", data={"csrf": token(client.get("/sign-in").text), "person": "x"}).status_code == 400


def test_signing_out_leaves_nothing(pages: Pages):
    client = pages.as_person("dev-auditor")
    client.post("/sign-out", data={"csrf": token(client.get("/catalogue").text)})

    assert client.get("/catalogue", follow_redirects=False).status_code == 303


def test_what_has_been_seen_is_remembered_for_whoever_saw_it(pages: Pages):
    client = pages.as_person("dev-duty-officer")
    page = client.get("/inbox").text
    assert "You have not said yet up to where you have looked" in page

    client.post("/inbox/seen", data={"csrf": token(page), "seq": "70"})
    assert "4 changed since you last looked" in client.get("/inbox").text
    # Nobody has seen what there is not yet, and nobody else has seen it.
    client.post("/inbox/seen", data={"csrf": token(page), "seq": "9999"})
    assert "Nothing changed since you last looked" in client.get("/inbox").text
    other = pages.as_person("dev-supervisor")
    other.cookies.set("seen", client.cookies["seen"])
    assert "You have not said yet up to where you have looked" in other.get("/inbox").text


def test_signing_out_ends_every_copy_of_the_cookie_and_no_other_session(pages: Pages):
    client, other = pages.as_person("dev-auditor"), pages.as_person("dev-auditor")
    copy = pages.browser()
    copy.cookies.update(client.cookies)
    assert copy.get("/catalogue", follow_redirects=False).status_code == 200
    # Whatever the copy did meanwhile: its own cookie is of the same session.
    later = pages.browser()
    later.cookies.update(copy.cookies)
    client.post("/sign-out", data={"csrf": token(client.get("/catalogue").text)})

    for one in (copy, later):
        for path in ("/catalogue", "/consultations", "/consultations.csv"):
            assert one.get(path, follow_redirects=False).status_code == 303
        assert one.get("/events").status_code == 403
    assert other.get("/catalogue", follow_redirects=False).status_code == 200


def test_a_copy_sends_no_form_after_signing_out(pages: Pages):
    client = pages.as_person("dev-duty-officer")
    form = {"csrf": token(client.get("/inbox").text), "alert": "00000000-0000-5000-8000-000000000001:1"}
    copy = pages.browser()
    copy.cookies.update(client.cookies)
    client.post("/sign-out", data=form)

    assert copy.post("/inbox/acknowledge", data=form, follow_redirects=False).headers["location"] == "/sign-in"
    assert pages.sent == []


def test_signing_in_anew_ends_the_session_before(pages: Pages):
    client = pages.as_person("dev-auditor")
    copy = pages.browser()
    copy.cookies.update(client.cookies)
    client.post("/sign-in", data={"csrf": token(client.get("/sign-in").text), "person": "dev-operator"})

    assert copy.get("/consultations", follow_redirects=False).status_code == 303


def test_a_session_is_ended_for_as_long_as_a_copy_would_have_been_good(make_pages: Callable[..., Pages]):
    from tests.web.filling import NOW

    at = [NOW]
    pages = make_pages(wall=lambda: at[0])
    client = pages.as_person("dev-auditor")
    copies = [pages.browser(), pages.browser()]
    for copy in copies:
        copy.cookies.update(client.cookies)
    client.post("/sign-out", data={"csrf": token(client.get("/catalogue").text)})
    for hours in range(14):
        at[0] = NOW + hours * 3_600_000
        # Somebody signs out each hour, and old rows are thrown away.
        passing = pages.as_person("dev-operator")
        passing.post("/sign-out", data={"csrf": token(passing.get("/catalogue").text)})
        assert [copy.get("/catalogue", follow_redirects=False).status_code for copy in copies] == [303, 303]


def test_where_nobody_knows_who_signed_out_nobody_is_shown_anything(make_pages: Callable[..., Pages]):
    from sqlalchemy.exc import OperationalError

    class Gone:
        def has(self, _: str) -> bool:
            raise OperationalError("select", {}, Exception("no database"))

    client = make_pages().as_person("dev-auditor")
    blind = make_pages(ended_sessions=Gone()).browser()
    blind.cookies.update(client.cookies)
    page = blind.get("/catalogue")

    assert page.status_code == 503
    assert "dev-auditor" not in page.text
