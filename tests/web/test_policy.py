"""Who sees what: every role, page and audience is asked for, and exactly the table comes out."""

from collections.abc import Callable

import msgspec
import pytest
from tests.web.conftest import Pages, token
from tests.web.filling import LOADED
from tests.web.keeping import Bus, Keeping

from safety_stream.core.subscribing import Kept, Wish
from safety_stream.web.app import READ, SENT, TOLD
from safety_stream.web.policy import PERMITTED, Person, acts_as, may

ALERTS = {"inbox", "alert", "act", "handover", "meeting", "feed", "subscriptions", "notices"}
NUMBERS = {"county", "area", "indicator"}
ALERT = "00000000-0000-5000-8000-000000000001"
"""Every audience was told of it."""
PATHS = {
    "inbox": "/inbox",
    "alert": f"/alerts/{ALERT}",
    "act": f"/inbox/acknowledged?of=00000000-0000-4000-8000-000000000000&alert={ALERT}",
    "handover": "/handover",
    "meeting": "/meeting",
    "feed": "/feed?after=0",
    "county": "/county",
    "area": "/areas/L-14",
    "indicator": "/indicators/burglary/L-14",
    "catalogue": "/catalogue",
    "feeds": "/feeds",
    "data-quality": "/data-quality",
    "consultations": "/consultations",
    "subscriptions": "/subscriptions",
    "redrive": "/data-quality/refused",
    "matches": "/matches",
    "notices": "/notices",
    "break-glass": "/break-glass",
    "reviews": "/reviews",
}
OPENED = 1
"""The number on record of what somebody opened in an emergency."""
SUBSCRIPTION = "5b2f81c0"
"""One of everybody's own audience."""
# What is sent, as part of which page, and what else the form says. Those of NO_ACTION send nothing on.
FORMS = {
    "/inbox/seen": ("inbox", {"seq": "1"}),
    "/inbox/choices": ("inbox", {"name": "", "query": ""}),
    "/inbox/choices/forgotten": ("inbox", {"name": "kept by nobody"}),
    f"/alerts/{ALERT}/reason": ("alert", {"reason": "on-shift"}),
    "/inbox/acknowledge": ("act", {"alert": f"{ALERT}:1"}),
    f"/alerts/{ALERT}/actions": ("act", {"action": "note", "rationale": "visited"}),
    "/handover": ("handover", {"takes_over": "7", "alert": f"{ALERT}:1"}),
    "/handover/taken": ("handover", {"sheet": "handed over by nobody"}),
    "/data-quality/refused": ("redrive", {"letter": "dead-letters.intake/0/1"}),
    "/notices": ("notices", {"number": "1"}),
    "/break-glass": ("break-glass", {"alert": ALERT, "reason": "danger-to-life"}),
    "/reviews": ("review", {"number": str(OPENED), "outcome": "justified"}),
    "/matches": ("matches", {"first": "tok-a", "second": "tok-b", "state": "possible", "method": "steward"}),
    "/subscriptions": ("subscriptions", {"to": "mail:duty-desk"}),
    f"/subscriptions/{SUBSCRIPTION}": ("subscriptions", {}),
    f"/subscriptions/{SUBSCRIPTION}/end": ("subscriptions", {}),
}
# What else comes of a form than an action: how many things were asked of the bus and of delivery.
OF_BUS = {"/data-quality/refused", "/matches"}
OF_DELIVERY = {"/subscriptions", f"/subscriptions/{SUBSCRIPTION}", f"/subscriptions/{SUBSCRIPTION}/end"}
# What is put on record by the broker, and nowhere else; that nobody has a notice puts nothing there.
ON_RECORD = {"/break-glass", "/reviews"}
NO_ACTION = (
    OF_BUS
    | OF_DELIVERY
    | ON_RECORD
    | {
        "/notices",
        "/inbox/seen",
        "/inbox/choices",
        "/inbox/choices/forgotten",
        "/handover/taken",
        f"/alerts/{ALERT}/reason",
    }
)
AUDIENCES = [*sorted(one.id for one in LOADED.catalogue.audiences), ""]
PROFILES = [*sorted(one.id for one in LOADED.catalogue.profiles), ""]

# Written down by hand, a line a role: pages about alerts, of which audiences; pages about numbers, of which profiles;
# the others. "matches" is for analysts of the audience of that name alone. Whoever changes the
# policy changes it here too.
PARTNERS = (
    "asb-lead childrens-services duty-officer exploitation-team landlord marac-coordinator neighbourhood-team soc-unit"
)
OUTSIDERS = "asb-lead childrens-services exploitation-team landlord marac-coordinator repeat-victim-list"
RUNGS = "daily-meeting inspector sergeant superintendent"
EXPECTED = {
    "analyst": (
        "inbox alert act feed subscriptions notices",
        "analyst repeat-victim-list",
        "internal partner",
        "catalogue feeds data-quality redrive",
    ),
    "duty-officer": (
        "inbox alert act handover meeting feed subscriptions notices",
        PARTNERS,
        "internal partner",
        "catalogue feeds break-glass",
    ),
    "supervisor": (
        "inbox alert act handover meeting feed subscriptions notices",
        f"{PARTNERS} {RUNGS}",
        "internal partner",
        "catalogue feeds data-quality break-glass",
    ),
    "data-protection-officer": ("", "", "partner", "catalogue feeds data-quality consultations reviews review"),
    "auditor": ("", "", "partner", "catalogue feeds data-quality consultations reviews"),
    "operator": ("", "", "", "catalogue feeds data-quality redrive"),
}


def is_expected(role: str, page: str, audience: str, profile: str) -> bool:
    about_alerts, audiences, profiles, others = EXPECTED[role]
    if page == "matches":
        return (role, audience) == ("analyst", "analyst")
    if page in ALERTS:
        return page in about_alerts.split() and audience in audiences.split()
    if page in NUMBERS and profile == "internal" and audience in OUTSIDERS.split():
        return False
    return profile in profiles.split() if page in NUMBERS else page in others.split()


@pytest.mark.parametrize("role", EXPECTED)
def test_exactly_the_table_is_let_in(role: str, make_pages: Callable[..., Pages]):
    many = [
        Person(id=f"{audience}+{profile}", role=role, audience=audience, profile=profile)
        for audience in AUDIENCES
        for profile in PROFILES
        # Of each the other does not matter: some of the pairs are enough.
        if profile in ("partner", "") or audience in ("analyst", "asb-lead", "")
    ]
    bus, keeping = Bus(), Keeping()
    pages = make_pages(people=tuple(many), steward=bus, subscriptions=keeping)
    for person in many:
        own = Wish(audience=person.audience, channel="mail", address="duty-desk")
        keeping.known = [Kept(SUBSCRIPTION, 0, own)]
        client = pages.as_person(person.id)
        for page, path in PATHS.items():
            status = client.get(path, follow_redirects=False).status_code
            expected = is_expected(role, page, person.audience, person.profile)

            assert status == (200 if expected else 403), (person, page)
        csrf = token(client.get("/sign-in").text)
        for path, (page, form) in FORMS.items():
            pages.sent.clear()
            pages.entered.clear()
            bus.put.clear()
            bus.decided.clear()
            keeping.wishes.clear()
            status = client.post(path, data=form | {"csrf": csrf}, follow_redirects=False).status_code
            expected = is_expected(role, page, person.audience, person.profile)

            assert status == (303 if expected else 403), (person, path)
            assert len(pages.sent) == (expected and path not in NO_ACTION), (person, path)
            assert len(pages.entered) == (expected and path in ON_RECORD), (person, path)
            assert len(bus.put) + len(bus.decided) == (expected and path in OF_BUS), (person, path)
            assert len(keeping.wishes) == (expected and path in OF_DELIVERY), (person, path)


def test_the_audiences_of_partners_are_those_of_the_catalogue():
    assert sorted(one.id for one in LOADED.catalogue.audiences if one.partner) == OUTSIDERS.split()


def test_no_role_and_no_page_is_left_out():
    assert set(EXPECTED) == set(PERMITTED)
    assert {page for _, page, _ in (*READ, *TOLD)} == set(PATHS)
    assert {
        path.replace("{alert_id}", ALERT).replace("{subscription_id}", SUBSCRIPTION): page for path, page, _ in SENT
    } == {path: page for path, (page, _) in FORMS.items()}


def test_whoever_hands_over_may_act():
    # Signing a sheet notes it on alerts, which is an action.
    assert all("act" in pages for pages in PERMITTED.values() if "handover" in pages)


def test_who_reads_an_audience_is_what_the_catalogue_says_of_it():
    officer = Person(id="7", role="duty-officer", audience="asb-lead")
    (lead,) = (one for one in LOADED.catalogue.audiences if one.id == "asb-lead")
    analysts = msgspec.structs.replace(lead, read_by=("analyst",), stewards=True)
    analyst = msgspec.structs.replace(officer, role="analyst")

    assert [may(officer, "inbox", [one]) for one in (lead, analysts)] == [True, False]
    assert [may(analyst, page, [analysts]) for page in ("inbox", "matches", "handover")] == [True, True, False]
    # What nobody is said to read nobody does, and an audience there is none of neither.
    assert not may(officer, "inbox", [msgspec.structs.replace(lead, read_by=())])
    assert not may(officer, "inbox", [])
    # Whom an alert may be referred to acts in a role of their own, and that the catalogue says, too.
    policy = LOADED.catalogue.handling
    assert [acts_as(officer, one) for one in (policy, msgspec.structs.replace(policy, roles={}))] == [
        "asb-lead", "duty-officer"
    ]  # fmt: skip


@pytest.mark.parametrize("path", FORMS)
def test_nobody_sends_anything_without_signing_in(pages: Pages, path: str):
    client = pages.browser()
    form = FORMS[path][1] | {"csrf": token(client.get("/sign-in").text)}
    answer = client.post(path, data=form, follow_redirects=False)

    assert (answer.status_code, answer.headers["location"], pages.sent) == (303, "/sign-in", [])


@pytest.mark.parametrize(
    "path",
    [*PATHS.values(), "/events", "/consultations.csv", "/rules/rv-generic", "/indicators/burglary/L-14/numbers.csv"],
)
def test_nobody_sees_anything_without_signing_in(pages: Pages, path: str):
    answer = pages.browser().get(path, follow_redirects=False)

    assert answer.status_code in {303, 403}
    assert answer.headers.get("location", "/sign-in").startswith("/sign-in")


def test_only_the_public_profile_is_for_anybody(pages: Pages):
    client = pages.browser()

    assert client.get("/public").status_code == 200
    # What a month may show the public, and nothing by the week.
    assert client.get("/public/indicators/serious-violence/L-14?period=week").text.count(">week<") == 0
    assert "week from" not in client.get("/public/indicators/serious-violence/L-14?period=week").text


def test_somebody_of_one_division_sees_alerts_of_no_other(pages: Pages):
    everywhere, west = pages.as_person("dev-duty-officer"), pages.as_person("dev-duty-officer-west")
    west_codes = {one.code for one in LOADED.catalogue.areas.by_code.values() if one.division == "D-WEST"}

    told = west.get("/feed?after=0").json()
    # Number 7 takes back, from another district, what they were told as number 6.
    assert [one["seq"] for one in told["alerts"] if one["area"] not in west_codes] == [7]
    assert 0 < len(told["alerts"]) < len(everywhere.get("/feed?after=0").json()["alerts"])
    # Preston is in the south.
    assert everywhere.get("/alerts/00000000-0000-5000-8000-000000000001").status_code == 200
    assert west.get("/alerts/00000000-0000-5000-8000-000000000001").status_code == 404
    assert "Preston" not in west.get("/inbox").text
    # Asking for an area that is not theirs shows nothing, and not everything.
    assert "No alert is as chosen" in west.get("/inbox?area=E07000123").text
