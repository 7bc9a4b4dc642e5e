"""Signing in with an organisation's accounts: who is let in, and that nothing but a sign-in begun here lets anybody."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from joserfc.jwk import RSAKey
from sqlalchemy import Engine
from starlette.testclient import TestClient
from tests.web.conftest import site_over, token
from tests.web.filling import LOADED, NOW
from tests.web.provider import CLIENT, ISSUER, SECRET, FakeProvider
from tests.web.reading_html import Read, faults

from safety_stream.core.model.times import HOUR, MINUTE, Instant
from safety_stream.web.app import NotLoopback, make_app
from safety_stream.web.policy import Person
from safety_stream.web.sign_in import Known, SignInFault, SignInSettings, known_of, person_by, read_sign_in

HERE = "https://alerts.example"
STATED = {
    "issuer": ISSUER,
    "client_id": CLIENT,
    "client_secret": SECRET,
    "url": f"{HERE}/",
    "claims": {"roles": "groups", "areas": "county.divisions"},
    "roles": [
        {"claim": "supervisors", "role": "supervisor", "audience": "duty-officer", "profile": "internal",
         "everywhere": True},
        {"claim": "officers", "role": "duty-officer", "audience": "duty-officer", "profile": "partner"},
        {"claim": "auditors", "role": "auditor"},
    ],
    "areas": {"west": ["D-WEST"], "burnley": ["E07000117"]},
}  # fmt: skip
SETTINGS = SignInSettings.model_validate(STATED)
OFFICER = {"groups": ["officers"], "county": {"divisions": ["west"]}}


class Visit:
    """A browser, the provider it is sent to, and a clock that can be moved."""

    def __init__(self, engine: Engine, provider: FakeProvider, settings: SignInSettings = SETTINGS) -> None:
        self.at: list[Instant] = [NOW]
        self.provider = provider
        self.site = site_over(engine, sign_in=settings, wall=lambda: self.at[0])
        app = make_app(self.site, "0.0.0.0", provider.transport)  # noqa: S104 - others may reach it
        self.client = TestClient(app, base_url=HERE, follow_redirects=False)

    def begun(self, after: str = "") -> str:
        """The way back from the provider."""
        answer = self.client.get("/sign-in/begin", params={"next": after} if after else {})
        return self.provider.authorise(answer.headers["location"])

    def sign_in(self, after: str = "") -> httpx.Response:
        return self.client.get(self.begun(after))

    @property
    def is_in(self) -> bool:
        return self.client.get("/catalogue").status_code == 200


@pytest.fixture
def provider() -> FakeProvider:
    found = FakeProvider()
    found.claims = dict(OFFICER)
    return found


@pytest.fixture
def visit(engine: Engine, provider: FakeProvider) -> Iterator[Visit]:
    visit = Visit(engine, provider)
    yield visit
    visit.client.close()


def test_whoever_the_organisation_knows_and_the_mapping_names_is_in(visit: Visit):
    page = visit.client.get("/sign-in?next=/handover")
    assert list(faults(Read(page.text))) == []
    assert "/sign-in/begin?next=/handover" in Read(page.text).links
    done = visit.sign_in("/handover")

    assert (done.status_code, done.headers["location"]) == (303, "/handover")
    page = visit.client.get("/inbox")
    assert "1234, duty officer" in Read(page.text).text
    # Burnley is not in the west.
    assert visit.client.get("/alerts/00000000-0000-5000-8000-000000000001").status_code == 404


def test_a_session_is_a_cookie_that_scripts_and_other_sites_do_not_have(visit: Visit):
    cookie = visit.sign_in().headers["set-cookie"]

    assert cookie.startswith("__Host-session=")
    assert {part.strip().lower() for part in cookie.split(";")} >= {"httponly", "secure", "samesite=lax", "path=/"}
    assert "max-age" in visit.client.get("/catalogue").headers["strict-transport-security"]
    seen = visit.client.post("/inbox/seen", data={"csrf": token(visit.client.get("/inbox").text), "seq": "1"})
    assert seen.headers["set-cookie"].startswith("__Host-seen=")
    assert "Secure" in seen.headers["set-cookie"]


def test_a_sign_in_by_choosing_is_not_there(visit: Visit):
    assert visit.client.post("/sign-in", data={"person": "dev-supervisor"}).status_code == 405
    visit.client.get("/sign-in")
    assert not visit.is_in


def test_without_settings_it_is_still_served_to_this_machine_alone(engine: Engine):
    with pytest.raises(NotLoopback):
        make_app(site_over(engine), "0.0.0.0")  # noqa: S104


def test_it_answers_to_its_own_name_alone(visit: Visit):
    assert visit.client.get("/sign-in", headers={"host": "127.0.0.1"}).status_code == 400


NOT_BELIEVED = {
    "of another sign-in": {"nonce": "another"},
    "without a nonce": {"nonce": None},
    "for another audience": {"aud": "another"},
    "for another audience, passed on to us": {"aud": "another", "azp": CLIENT},
    "of another issuer": {"iss": "https://login.example.org"},
    "over": {"exp": int(time.time()) - 3_600},
    "of tomorrow": {"iat": int(time.time()) + 86_400, "exp": int(time.time()) + 90_000},
}


@pytest.mark.parametrize("claims", NOT_BELIEVED.values(), ids=NOT_BELIEVED)
def test_a_token_that_is_not_right_lets_nobody_in(visit: Visit, provider: FakeProvider, claims: dict[str, object]):
    provider.claims |= claims
    done = visit.sign_in()

    assert done.status_code == 403
    assert "nobody is signed in" in Read(done.text).text
    assert list(faults(Read(done.text))) == []
    assert not visit.is_in
    # The same provider lets people in when it says what it should.
    provider.claims = dict(OFFICER)
    visit.sign_in()
    assert visit.is_in


def test_a_token_signed_by_somebody_else_lets_nobody_in(visit: Visit, provider: FakeProvider):
    provider.signed_with = RSAKey.generate_key(2048, {"kid": "first"})

    assert visit.sign_in().status_code == 403
    assert not visit.is_in


def test_a_token_that_nobody_signed_lets_nobody_in(visit: Visit, provider: FakeProvider):
    # The provider states that it may not sign at all; we do not go along.
    provider.algorithm = "none"

    assert visit.sign_in().status_code == 403
    assert not visit.is_in


def test_only_a_sign_in_that_began_in_this_browser_ends_in_it(engine: Engine, visit: Visit, provider: FakeProvider):
    back = visit.begun()
    other = Visit(engine, provider)

    assert other.client.get(back).status_code == 403
    assert not other.is_in
    assert visit.client.get(back.replace("state=", "state=x")).status_code == 403
    assert visit.client.get("/sign-in/back").status_code == 403
    assert visit.client.get("/sign-in/back?error=access_denied&error_description=<b>").status_code == 403
    assert visit.client.get(back).status_code == 303
    # Nor does it end twice.
    assert visit.client.get(back).status_code == 403
    other.client.close()


NO_PAGE = {
    "of no role": {"groups": []},
    "of another role": {"groups": ["cleaners"]},
    "roles not said": {"groups": None},
    "of no area": {"county": {"divisions": []}},
    "of an area we do not know": {"county": {"divisions": ["north"]}},
    "areas not said": {"county": None},
    "a name in place of a number": {"sub": "=HYPERLINK(1)"},
}


@pytest.mark.parametrize("claims", NO_PAGE.values(), ids=NO_PAGE)
def test_whom_nobody_gave_a_role_or_an_area_has_no_page(
    visit: Visit, provider: FakeProvider, claims: dict[str, object]
):
    provider.claims |= claims
    done = visit.sign_in()

    assert done.status_code == 403
    assert "nobody has said what you may see here" in Read(done.text).text
    assert not visit.is_in


def test_the_first_line_that_names_a_role_is_what_somebody_is():
    def person(**claims: object) -> Person | None:
        known = known_of(SETTINGS, {"sub": "1234"} | claims)
        return None if known is None else person_by(SETTINGS, known)

    everywhere = Person(id="1234", role="supervisor", audience="duty-officer", profile="internal")
    assert person(groups=["officers", "supervisors"]) == everywhere
    assert person(groups="officers supervisors", county={"divisions": ["west"]}) == everywhere
    both = person(groups=["officers"], county={"divisions": ["west", "burnley", "mars"]})
    assert both == Person(
        id="1234", role="duty-officer", audience="duty-officer", profile="partner", areas=("D-WEST", "E07000117")
    )
    # Who reads no alerts needs no area.
    assert person(groups=["auditors"]) == Person(id="1234", role="auditor")


def test_whoever_is_taken_out_of_the_mapping_is_out_at_once(engine: Engine, visit: Visit, provider: FakeProvider):
    visit.sign_in()
    assert visit.is_in
    fewer = SETTINGS.model_copy(update={"roles": SETTINGS.roles[2:]})
    after = Visit(engine, provider, fewer)
    after.client.cookies.update(visit.client.cookies)

    assert not after.is_in
    after.client.close()


def test_a_new_key_of_the_provider_is_asked_for(visit: Visit, provider: FakeProvider):
    visit.sign_in()
    provider.new_key("second")
    provider.asked.clear()

    assert visit.sign_in().status_code == 303
    assert provider.asked.count("/keys") == 1
    # And the old one is none any more.
    old = RSAKey.generate_key(2048, {"kid": "second"})
    provider.signed_with = old
    assert visit.sign_in().status_code == 403


def test_what_the_provider_says_of_itself_is_asked_for_again_after_a_while(
    visit: Visit, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
):
    from safety_stream.web import provider as asking

    visit.sign_in()
    visit.sign_in()
    assert provider.asked.count("/.well-known/openid-configuration") == 1
    monkeypatch.setattr(asking, "_KEPT_SECONDS", -1.0)
    visit.sign_in()
    assert provider.asked.count("/.well-known/openid-configuration") > 1


@pytest.mark.parametrize("down", ["/.well-known/openid-configuration", "/token", "/keys"])
def test_a_provider_that_is_down_is_said_in_a_sentence(visit: Visit, provider: FakeProvider, down: str):
    provider.down = {down}
    first = visit.client.get("/sign-in/begin")
    done = first if down.startswith("/.well") else visit.client.get(provider.authorise(first.headers["location"]))

    assert done.status_code == 503
    assert "Your organisation's sign-in does not answer." in Read(done.text).text
    assert list(faults(Read(done.text))) == []
    assert not visit.is_in
    # It is asked again, and whoever has a page keeps it.
    provider.down = set()
    visit.sign_in()
    provider.down = {down}
    assert visit.is_in


def test_a_provider_that_cannot_be_reached_is_said_too(engine: Engine):
    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("10.0.0.7 refused")

    app = make_app(site_over(engine, sign_in=SETTINGS), "0.0.0.0", httpx.MockTransport(refuse))  # noqa: S104
    with TestClient(app, base_url=HERE, follow_redirects=False) as client:
        answer = client.get("/sign-in/begin")

    assert answer.status_code == 503
    assert "10.0.0.7" not in answer.text


def test_a_provider_that_says_it_is_another_is_not_asked_further(visit: Visit, provider: FakeProvider):
    provider.stated = {"issuer": "https://login.example.org"}

    assert visit.client.get("/sign-in/begin").status_code == 503
    provider.stated = {}
    assert visit.sign_in().status_code == 303


def test_a_session_ends_after_rest(visit: Visit):
    visit.sign_in()
    visit.at[0] += 59 * MINUTE
    assert visit.is_in
    visit.at[0] += 59 * MINUTE
    assert visit.is_in
    visit.at[0] += 60 * MINUTE
    assert not visit.is_in
    assert visit.client.get("/events?after=0").status_code == 403


def test_a_session_ends_however_busy_it_is(visit: Visit):
    visit.sign_in()
    began = visit.at[0]
    while visit.at[0] < began + 13 * HOUR:
        assert visit.is_in
        visit.at[0] += 30 * MINUTE
    assert not visit.is_in


@pytest.mark.parametrize("asked", ["//evil.example", "https://evil.example", "/\\evil.example", "evil.example"])
def test_nobody_is_sent_elsewhere_after_coming_back(visit: Visit, asked: str):
    assert visit.sign_in(asked).headers["location"] == "/"


def test_signing_out_leaves_nothing_here_and_offers_to_leave_there(visit: Visit):
    visit.sign_in()
    visit.client.post("/sign-out", data={"csrf": token(visit.client.get("/inbox").text)})

    assert not visit.is_in
    leave = visit.client.get("/sign-in/leave").headers["location"]
    assert leave.startswith(f"{ISSUER}/leave?")
    assert f"client_id={CLIENT}" in leave


def test_a_session_of_before_is_gone_with_a_new_one(visit: Visit, provider: FakeProvider):
    visit.sign_in()
    before = token(visit.client.get("/inbox").text)
    provider.claims |= {"sub": "5678"}
    visit.sign_in()

    assert "5678, duty officer" in Read(visit.client.get("/inbox").text).text
    assert visit.client.post("/inbox/seen", data={"csrf": before, "seq": "1"}).status_code == 403


WRONG = {
    "issuer: String": {"issuer": "http://login.example"},
    "url: String": {"url": "http://alerts.example"},
    "url: String ": {"url": "https://alerts.example/pages"},
    "roles.0.role: Input": {"roles": [{"claim": "x", "role": "chief"}]},
    "roles: List": {"roles": []},
    "roles.0.audience: there is no such": {"roles": [{"claim": "x", "role": "auditor", "audience": "press"}]},
    "roles.0.profile: there is no such": {"roles": [{"claim": "x", "role": "auditor", "profile": "press"}]},
    "roles.0.profile: internal is not for that audience": {
        "roles": [{"claim": "x", "role": "duty-officer", "audience": "asb-lead", "profile": "internal"}]
    },
    "reads no alerts of that": {"roles": [{"claim": "x", "role": "auditor", "audience": "duty-officer"}]},
    "areas.west.0: there is no such": {"areas": {"west": ["E99"]}},
    "without openid": {"scopes": ["profile"]},
    "sessions.idle_minutes": {"sessions": {"idle_minutes": 0}},
    "hunter2: Extra": {"hunter2": "x"},
}


@pytest.mark.parametrize(("said", "changes"), WRONG.items(), ids=WRONG)
def test_settings_that_are_wrong_say_where(tmp_path: Path, said: str, changes: dict[str, object]):
    import json

    path = tmp_path / "sign-in.yaml"
    path.write_text(json.dumps(STATED | changes), encoding="utf-8")
    with pytest.raises(SignInFault) as fault:
        read_sign_in(path, LOADED.catalogue)

    assert said.strip() in str(fault.value)
    assert SECRET not in str(fault.value)


def test_settings_that_are_right_are_read(tmp_path: Path):
    import json

    path = tmp_path / "sign-in.yaml"
    path.write_text(json.dumps(STATED), encoding="utf-8")

    assert read_sign_in(path, LOADED.catalogue) == SETTINGS
    path.write_text(json.dumps(STATED)[:-1], encoding="utf-8")
    with pytest.raises(SignInFault, match=r"sign-in\.yaml:"):
        read_sign_in(path, LOADED.catalogue)


def test_what_a_session_keeps_is_what_the_mapping_knows():
    claims = {"sub": 1234, "groups": ["officers", "chess club"], "county": {"divisions": ["west", "mars"]}}

    assert known_of(SETTINGS, claims) == Known("1234", ("officers",), ("west",))
