"""In an emergency an alert is opened that is not for its reader: on record first, alone, for a while, and reviewed."""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient
from tests.web.conftest import Pages, token
from tests.web.filling import LOADED, NOW, alert
from tests.web.reading_html import Read, faults

from safety_stream.core.model.times import HOUR
from safety_stream.readmodel.database import migrate, open_database, url_of_file
from safety_stream.readmodel.people import Consultations
from safety_stream.readmodel.reading import ReadModel
from safety_stream.web.policy import Person
from safety_stream.web.site import NotSent

GLASS = LOADED.catalogue.oversight.break_glass
NOT_THEIRS = alert(1).alert_id
"""In Preston, which somebody of the west does not see."""
WITHDRAWN = alert(6).alert_id


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Engine]:
    """Where looks are recorded, begun with nothing."""
    engine = open_database(url_of_file(tmp_path / "own.sqlite"))
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def at() -> list[int]:
    return [NOW]


@pytest.fixture
def make(make_pages: Callable[..., Pages], own: Engine, at: list[int]) -> Callable[..., Pages]:
    def made(**changes: object) -> Pages:
        return make_pages(**({"consultations": Consultations(own), "wall": lambda: at[0]} | changes))

    return made


def opening(client: TestClient, alert_id: str = NOT_THEIRS, reason: str = "danger-to-life"):
    form = {"csrf": token(client.get("/break-glass").text), "alert": alert_id, "reason": reason}
    return client.post("/break-glass", data=form)


def looks(own: Engine) -> list[tuple[str, str, str]]:
    found = [one.consultation for one in Consultations(own).newest(100)][::-1]
    return [(one.act, one.person, one.alert_id) for one in found]


def test_an_alert_of_elsewhere_is_opened_with_a_reason_and_is_on_record_before_it_is_shown(
    make: Callable[..., Pages], own: Engine
):
    pages = make()
    west = pages.as_person("dev-duty-officer-west")
    assert west.get(f"/alerts/{NOT_THEIRS}").status_code == 404
    shown = opening(west)

    assert shown.url.path == f"/break-glass/{NOT_THEIRS}"
    assert "Preston" in shown.text
    assert list(faults(Read(shown.text))) == []
    (entry,) = pages.entered
    assert (entry.kind, entry.alert_id, entry.reason, entry.audience, entry.until) == (
        "break-glass", NOT_THEIRS, "danger-to-life", GLASS.shown_as, NOW + GLASS.holds
    )  # fmt: skip
    who = "dev-duty-officer-west"
    assert looks(own) == [("break-glass", who, NOT_THEIRS), ("view", who, NOT_THEIRS)]


def test_it_is_the_one_alert_for_the_one_session_and_for_so_long(make: Callable[..., Pages], at: list[int]):
    pages = make()
    west = pages.as_person("dev-duty-officer-west")
    opening(west)
    page = f"/break-glass/{NOT_THEIRS}"

    assert west.get(f"/break-glass/{alert(2).alert_id}").status_code == 403
    assert west.get(f"/alerts/{NOT_THEIRS}").status_code == 404
    assert pages.as_person("dev-duty-officer-west").get(page).status_code == 403
    at[0] = NOW + GLASS.holds - 1
    assert west.get(page).status_code == 200
    at[0] = NOW + GLASS.holds
    assert west.get(page).status_code == 403
    # Nor does it let anybody act.
    assert "What do you do about it" not in opening(west).text


def test_what_is_not_put_on_record_is_not_shown(make: Callable[..., Pages], own: Engine):
    def down(_: object) -> None:
        raise NotSent("Kafka says: nobody is there.")

    for pages in (make(enter=down), make(enter=None)):
        west = pages.as_person("dev-duty-officer-west")
        refused = opening(west)

        assert refused.status_code == 503
        assert "Nothing is shown" in refused.text
        assert "Preston" not in refused.text
        assert west.get(f"/break-glass/{NOT_THEIRS}").status_code == 403
    assert looks(own) == []


def test_without_a_reason_or_a_reference_nothing_is_opened(make: Callable[..., Pages]):
    pages = make()
    west = pages.as_person("dev-duty-officer-west")

    assert opening(west, reason="").status_code == 400
    # Of all alerts the first letters are the same here: nobody can mean one by them.
    assert opening(west, alert_id=NOT_THEIRS[:8]).status_code == 400
    assert opening(west, alert_id=NOT_THEIRS[:7]).status_code == 400
    assert pages.entered == []


class Stated(ReadModel):
    """The copy, in which an alert is as a test states it."""

    def __init__(self, engine: Engine, **changes: object) -> None:
        super().__init__(engine)
        self._changes = changes

    def beginning(self, audience: str, text: str):
        return [msgspec.structs.replace(one, **self._changes) for one in super().beginning(audience, text)]

    def alert(self, audience: str, alert_id: str):
        found = super().alert(audience, alert_id)
        return None if found is None else msgspec.structs.replace(found, **self._changes)


def test_what_is_withdrawn_is_opened_by_no_emergency_and_it_is_said_why(
    make: Callable[..., Pages], engine: Engine, own: Engine
):
    pages = make(read_model=Stated(engine, change="withdrawn"))
    refused = opening(pages.as_person("dev-duty-officer-west"))

    assert refused.status_code == 403
    assert GLASS.never["withdrawn"][:40] in Read(refused.text).text
    assert pages.entered == []
    assert looks(own) == [("refused", "dev-duty-officer-west", NOT_THEIRS)], "that they asked is on record"


def saying_nothing(client: TestClient, own: Engine) -> str:
    """What is said of an alert that may not be opened, after it was seen that it is said of any that there is not."""
    there_is_none = opening(client, "00000000")
    refused = opening(client)

    assert refused.status_code == there_is_none.status_code == 400
    assert looks(own) == [("refused", "dev-duty-officer-west", NOT_THEIRS)], "but that they asked is on record"
    told, of_none = (Read(one.text).text for one in (refused, there_is_none))
    assert told.replace(NOT_THEIRS, "00000000") == of_none
    return told


@pytest.mark.parametrize("marking", ["OFFICIAL-SENSITIVE C:lancashire-police", None])
@pytest.mark.parametrize("change", ["updated", "withdrawn"])
def test_of_what_is_told_on_conditions_no_emergency_opens_anything_nor_learns_why(
    make: Callable[..., Pages], engine: Engine, own: Engine, marking: str | None, change: str
):
    pages = make(read_model=Stated(engine, marking=marking, change=change))

    assert "can be opened" in saying_nothing(pages.as_person("dev-duty-officer-west"), own)
    assert pages.entered == []


def test_what_has_come_to_be_barred_is_closed_again(make: Callable[..., Pages], engine: Engine):
    changes: dict[str, object] = {}
    west = make(read_model=Stated(engine, **changes)).as_person("dev-duty-officer-west")
    model = Stated(engine)
    west = make(read_model=model).as_person("dev-duty-officer-west")
    assert opening(west).status_code == 200
    model._changes = {"marking": "OFFICIAL C:lancashire-police"}

    assert west.get(f"/break-glass/{NOT_THEIRS}").status_code == 403


@pytest.mark.parametrize("change", ["updated", "withdrawn"])
def test_a_party_to_the_matter_opens_nothing_and_does_not_learn_that_they_are_one(
    make: Callable[..., Pages], engine: Engine, own: Engine, change: str
):
    sharing = msgspec.structs.replace(LOADED.catalogue.sharing, members={"duty-officer": frozenset({"tok-0001a"})})
    catalogue = msgspec.structs.replace(LOADED.catalogue, sharing=sharing)
    loaded = msgspec.structs.replace(LOADED, catalogue=catalogue)
    pages = make(loaded=loaded, read_model=Stated(engine, change=change))
    assert "can be opened" in saying_nothing(pages.as_person("dev-duty-officer-west"), own)
    assert pages.entered == []


def test_a_role_the_catalogue_does_not_name_opens_nothing(make: Callable[..., Pages]):
    glass = msgspec.structs.replace(GLASS, roles=frozenset({"supervisor"}))
    oversight = msgspec.structs.replace(LOADED.catalogue.oversight, break_glass=glass)
    catalogue = msgspec.structs.replace(LOADED.catalogue, oversight=oversight)
    pages = make(loaded=msgspec.structs.replace(LOADED, catalogue=catalogue))

    assert pages.as_person("dev-supervisor").get("/break-glass").status_code == 200
    assert pages.as_person("dev-duty-officer").get("/break-glass").status_code == 403


# The review.


def reviewing(client: TestClient, outcome: str = "justified", number: int = 1):
    form = {"csrf": token(client.get("/sign-in").text), "number": str(number), "outcome": outcome}
    return client.post("/reviews", data=form)


def test_what_was_opened_waits_for_a_review_and_is_overdue_in_time(make: Callable[..., Pages]):
    page = make().as_person("dev-data-protection").get("/reviews")

    assert "supervisor-9" in page.text
    assert "overdue" in page.text
    assert list(faults(Read(page.text))) == []
    assert "Put the review on record" not in make().as_person("dev-auditor").get("/reviews").text


def test_somebody_else_reviews_it_with_an_outcome(make: Callable[..., Pages]):
    pages = make()
    officer = pages.as_person("dev-data-protection")

    assert reviewing(officer, "because").status_code == 400
    assert reviewing(officer, number=999).status_code == 400
    # The stage may still refuse it, as where somebody was quicker.
    assert "The review of number 1 is sent, and shown here once it is on record." in Read(reviewing(officer).text).text
    (entry,) = pages.entered
    assert (entry.kind, entry.seq, entry.reason, entry.actor) == ("review", 1, "justified", "dev-data-protection")


def test_nobody_reviews_what_they_opened_themselves(make: Callable[..., Pages]):
    same = Person(id="supervisor-9", role="data-protection-officer", profile="partner")
    pages = make(people=(same,))

    assert reviewing(pages.as_person("supervisor-9")).status_code == 403
    assert pages.entered == []


def test_the_office_hears_before_a_view_can_have_ended():
    # It is told within minutes; a view that were shorter would be over before anybody could step in.
    assert GLASS.holds <= HOUR < GLASS.review_within
