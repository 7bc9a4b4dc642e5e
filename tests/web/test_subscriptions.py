"""Subscriptions people edit, kept by delivery's own code: what the command line refuses is said beside its field."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient
from tests.web.conftest import Pages, token
from tests.web.filling import LOADED, NOW
from tests.web.reading_html import Read, faults

from safety_stream.cli.subscribing import Subscribing
from safety_stream.core.subscribing import Wish
from safety_stream.delivery.database import open_database
from safety_stream.delivery.settings import DeliverySettings
from safety_stream.delivery.subscriptions import subscriptions

SETTINGS = DeliverySettings.model_validate(
    {
        "link": "https://alerts.example.invalid/",
        "addresses": {"duty-desk": "desk@example.invalid", "night-desk": "night@example.invalid"},
        "webhook": {"key": "k" * 40},
        "mail": {"host": "mail.example.invalid", "sender": "alerts@example.invalid"},
    }
)
HOOK = {"to": "webhook:any", "url": "https://example.org/hooks/a-word-that-lets-in"}
MAIL = {"to": "mail:duty-desk"}


@dataclass
class Desk:
    pages: Pages
    engine: Engine

    def person(self, who: str = "dev-duty-officer") -> TestClient:
        return self.pages.as_person(who)

    def kept(self):
        return [one for one in subscriptions(self.engine) if one.ended is None]

    def send(self, client: TestClient, path: str = "/subscriptions", **fields: object):
        return client.post(path, data={"csrf": token(client.get("/subscriptions").text), **fields})


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path / 'delivery.sqlite'}")
    yield engine
    engine.dispose()


@pytest.fixture
def desk(outbox: Engine, make_pages: Callable[..., Pages]) -> Desk:
    return Desk(make_pages(subscriptions=Subscribing(outbox, SETTINGS, LOADED.catalogue)), outbox)


def test_somebody_subscribes_changes_and_ends_it_without_a_script(desk: Desk):
    client = desk.person()
    done = desk.send(
        client, **MAIL, priorities=["P1", "P2"], areas=["E07000117"], families=["threshold"],
        markings=["OFFICIAL-SENSITIVE"], quiet_from="22:00", quiet_until="07:00", digest_at="08:15",
    )  # fmt: skip
    (made,) = desk.kept()

    assert "Subscribed: alerts come from now on." in done.text
    assert (made.audience, made.channel, made.address, made.since) == ("duty-officer", "mail", "duty-desk", NOW)
    assert (made.priorities, made.areas, made.families) == (("P1", "P2"), ("E07000117",), ("threshold",))
    assert (made.quiet.starts, made.quiet.ends, made.digest_at) == (22 * 60, 7 * 60, 8 * 60 + 15)
    path = f"/subscriptions/{made.subscription_id}"
    page = client.get(path)
    assert list(faults(Read(page.text))) == []
    # The form says what there is.
    assert len(re.findall(r" checked", page.text)) == 5
    assert 'value="22:00"' in page.text
    desk.send(client, path, priorities=["P3"], digest_at="09:00")
    (changed,) = desk.kept()
    assert changed == msgspec.structs.replace(
        made, priorities=("P3",), areas=(), families=(), markings=(), quiet=None, digest_at=9 * 60
    )
    desk.send(client, f"{path}/end")
    assert desk.kept() == []
    assert client.get(path).status_code == 404


def test_who_did_it_is_on_record(desk: Desk):
    client = desk.person()
    desk.send(client, **MAIL)
    (made,) = desk.kept()
    desk.send(client, f"/subscriptions/{made.subscription_id}", priorities=["P1"])
    desk.send(client, f"/subscriptions/{made.subscription_id}/end")

    deeds = desk.pages.site.deeds.newest(3)
    assert [(one.what, one.of, one.person, one.outcome) for one in deeds][::-1] == [
        (what, made.subscription_id, "dev-duty-officer", "done") for what in ("subscribe", "change", "unsubscribe")
    ]


def test_a_secret_is_shown_once_and_an_address_never_whole(desk: Desk):
    client = desk.person()
    done = desk.send(client, **HOOK)
    secret = re.search(r"whsec_[A-Za-z0-9+/=]+", done.text)[0]

    assert list(faults(Read(done.text))) == []
    assert done.headers["cache-control"] == "no-store"
    assert secret not in str(client.cookies)
    (made,) = desk.kept()
    for path in ("/subscriptions", f"/subscriptions/{made.subscription_id}", "/data-quality"):
        page = client.get(path).text
        assert secret not in page
        assert "a-word-that-lets-in" not in page
    assert "https://example.org/…" in client.get("/subscriptions").text
    # The page loaded again sends the form again: there is one subscription, and no secret.
    again = desk.send(client, **HOOK)
    assert (again.status_code, "whsec_" in again.text) == (400, False)
    assert "There is such a subscription already" in Read(again.text).text
    assert len(desk.kept()) == 1


WRONG = {
    "nothing is said": ({}, "to", "Choose how to be told"),
    "a web hook without TLS": ({"to": "webhook:any", "url": "http://example.org/"}, "to", "begins with https://"),
    "a channel that is not there": ({"to": "pigeon:roof"}, "to", "There is no channel pigeon"),
    "an address that is not there": ({"to": "mail:roof"}, "to", "Roof is no address"),
    "an area that is not there": (MAIL | {"areas": "E99"}, "areas-1", "There is no area E99"),
    "a priority that is not there": (MAIL | {"priorities": "P9"}, "priorities-1", "has no alerts of the priority P9"),
    "a family that is not there": (MAIL | {"families": "x"}, "families-1", "has no alerts of the family x"),
    "a marking above": (MAIL | {"markings": "SECRET"}, "markings-1", "told nothing marked higher than"),
    "half of quiet hours": (MAIL | {"quiet_from": "22:00"}, "quiet_from", "write both"),
    "quiet all day": (MAIL | {"quiet_from": "22:00", "quiet_until": "22:00"}, "quiet_from", "at different times"),
    "no time": (MAIL | {"digest_at": "8.30"}, "digest_at", "written as 08:30"),
}


@pytest.mark.parametrize(("form", "field", "said"), WRONG.values(), ids=WRONG)
def test_a_mistake_is_said_beside_its_field_and_what_was_written_stays(
    desk: Desk, form: dict[str, str], field: str, said: str
):
    done = desk.send(desk.person(), **form)
    page = Read(done.text)

    assert (done.status_code, desk.kept()) == (400, [])
    assert list(faults(page)) == []
    assert f"#{field}" in page.links
    assert f'id="{field}"' in done.text
    assert f'id="{field.removesuffix("-1").removesuffix("_from")}-error"' in done.text
    # Once at the top, once beside the field.
    assert page.text.count(said) >= 2
    for name in ("quiet_from", "digest_at", "url"):
        assert f'value="{form.get(name, "")}"' in done.text


def test_every_mistake_is_said_at_once(desk: Desk):
    done = desk.send(desk.person(), **MAIL, areas="E99", digest_at="late", quiet_until="x")

    assert {"#areas-1", "#quiet_from", "#digest_at"} <= set(Read(done.text).links)


def test_what_a_change_gets_wrong_changes_nothing(desk: Desk):
    client = desk.person()
    desk.send(client, **MAIL)
    (made,) = desk.kept()
    done = desk.send(client, f"/subscriptions/{made.subscription_id}", digest_at="late", to="mail:night-desk")

    assert done.status_code == 400
    assert "#digest_at" in Read(done.text).links
    # Nor does a form lead it elsewhere.
    desk.send(client, f"/subscriptions/{made.subscription_id}", to="mail:night-desk")
    assert desk.kept() == [made]


def test_an_audience_that_may_not_have_a_marking_is_refused_it_and_not_offered_it(
    outbox: Engine, make_pages: Callable[..., Pages]
):
    catalogue = LOADED.catalogue
    lower = msgspec.structs.replace(
        catalogue,
        rules=tuple(msgspec.structs.replace(rule, marking="OFFICIAL") for rule in catalogue.rules),
        audiences=tuple(
            msgspec.structs.replace(one, marked_at_most="OFFICIAL") if one.id == "duty-officer" else one
            for one in catalogue.audiences
        ),
    )
    loaded = msgspec.structs.replace(LOADED, catalogue=lower)
    desk = Desk(make_pages(subscriptions=Subscribing(outbox, SETTINGS, lower), loaded=loaded), outbox)
    client = desk.person()
    done = desk.send(client, **MAIL, markings="OFFICIAL-SENSITIVE")

    assert 'value="OFFICIAL-SENSITIVE"' not in client.get("/subscriptions").text
    assert (
        "Duty-officer has no alerts of the marking OFFICIAL-SENSITIVE, only of OFFICIAL: it is told nothing marked "
        "higher than OFFICIAL." in Read(done.text).text
    )
    assert desk.kept() == []


def test_nobody_sees_or_touches_what_is_of_another_audience(desk: Desk):
    desk.send(desk.person(), **MAIL)
    (made,) = desk.kept()
    other = desk.person("dev-marac")

    assert "duty-desk" not in Read(other.get("/subscriptions").text).text.replace("Mail (SMTP): duty-desk", "")
    path = f"/subscriptions/{made.subscription_id}"
    assert other.get(path).status_code == 404
    assert desk.send(other, path, priorities="P1").status_code == 404
    assert desk.send(other, f"{path}/end").status_code == 404
    assert desk.kept() == [made]


def test_somebody_of_some_areas_is_told_of_no_other(desk: Desk):
    west = desk.person("dev-duty-officer-west")
    everywhere = desk.send(west, **MAIL)
    assert "Choose which of them" in everywhere.text or "choose which of them" in everywhere.text
    assert desk.send(west, **MAIL, areas="E07000117").status_code == 400
    assert 'value="E07000117"' not in west.get("/subscriptions").text
    assert desk.kept() == []

    desk.send(west, **MAIL, areas=["D-WEST"])
    (own,) = desk.kept()
    path = f"/subscriptions/{own.subscription_id}"
    assert desk.send(west, path).status_code == 400
    assert desk.send(west, path, areas="E06000009").status_code == 200
    # What somebody else subscribed to for the whole county they see, and cannot change.
    desk.send(desk.person(), **MAIL)
    wide = desk.kept()[-1]
    assert "reaches beyond your areas" in west.get("/subscriptions").text
    assert desk.send(west, f"/subscriptions/{wide.subscription_id}/end").status_code == 404
    assert wide in desk.kept()


def test_where_delivery_is_not_set_up_the_page_says_so(make_pages: Callable[..., Pages]):
    client = make_pages(subscriptions=None).as_person("dev-duty-officer")
    page = client.get("/subscriptions")

    assert "Subscriptions are not kept here" in page.text
    assert client.post("/subscriptions", data={"csrf": token(page.text), **MAIL}).status_code == 404


def test_what_anybody_wrote_becomes_no_markup(desk: Desk):
    done = desk.send(desk.person(), to="webhook:any", url='"><script>alert(1)</script>', digest_at='"><b>')

    assert "<script>alert" not in done.text
    assert list(faults(Read(done.text))) == []


def test_one_that_ended_meanwhile_is_not_brought_back(desk: Desk, outbox: Engine):
    from safety_stream.delivery.subscriptions import NoSuchSubscription, alter, unsubscribe

    desk.send(desk.person(), **MAIL)
    (made,) = desk.kept()
    unsubscribe(outbox, made.subscription_id, NOW + 1)
    with pytest.raises(NoSuchSubscription):
        alter(outbox, made)

    assert desk.kept() == []


def test_a_wish_is_kept_as_it_was_written(outbox: Engine):
    keeping = Subscribing(outbox, SETTINGS, LOADED.catalogue)
    wish = Wish(
        audience="duty-officer", channel="mail", address="duty-desk", areas=("D-WEST", "E07000117"),
        families=("threshold",), priorities=("P1",), markings=("OFFICIAL-SENSITIVE",), quiet_from="22:00",
        quiet_until="07:05", digest_at="00:00",
    )  # fmt: skip
    keeping.add(wish, NOW)

    assert [one.wish for one in keeping.kept()] == [wish]
    assert {one.value for one in keeping.ways()} == {"webhook:any", "mail:duty-desk", "mail:night-desk"}
