"""Pages over a filled copy, asked for as anybody the policy knows."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import pytest
from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.testclient import TestClient
from tests.web.filling import LOADED, NOW, fill
from tests.web.keeping import Bus, Keeping

from safety_stream.catalogue.consulting import load_consulting
from safety_stream.core.model.handling import AlertAction
from safety_stream.core.model.published import AuditEntry
from safety_stream.data_files import catalogue_folder
from safety_stream.readmodel.matches import Matches
from safety_stream.readmodel.owed import Owed
from safety_stream.readmodel.people import Consultations, Deeds, EndedSessions, SavedChoices
from safety_stream.readmodel.reading import ReadModel
from safety_stream.web.app import make_app
from safety_stream.web.policy import DEVELOPMENT, Person
from safety_stream.web.site import Site

BASE = "http://127.0.0.1"
CONSULTING = load_consulting(catalogue_folder())
REASON = "on-shift"


class Browser(TestClient):
    """A browser whose user says why whenever that is asked, and then sees the alert."""

    def get(self, url: str, **options: object):
        answer = super().get(url, **options)
        if "Why do you look at this alert?" not in answer.text:
            return answer
        return self.post(f"{url}/reason", data={"csrf": token(answer.text), "reason": REASON})


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = fill(tmp_path_factory.mktemp("copy") / "copy.sqlite")
    yield engine
    engine.dispose()


@dataclass
class Pages:
    """A site, what was sent from it, and browsers that look at it."""

    site: Site
    sent: list[AlertAction]
    entered: list[AuditEntry]
    open: list[TestClient] = field(default_factory=list)

    @cached_property
    def app(self) -> Starlette:
        return make_app(self.site)

    def browser(self, kind: type[TestClient] = Browser) -> TestClient:
        client = kind(self.app, base_url=BASE, follow_redirects=True)
        self.open.append(client)
        return client

    def as_person(self, who: str, kind: type[TestClient] = Browser) -> TestClient:
        client = self.browser(kind)
        done = client.post("/sign-in", data={"csrf": token(client.get("/sign-in").text), "person": who})
        assert done.status_code == 200
        return client


def site_over(engine: Engine, **changes: object) -> Site:
    """A site over a copy, at the time the copy was filled for."""
    known = {
        "read_model": ReadModel(engine),
        "consultations": Consultations(engine),
        "saved_choices": SavedChoices(engine),
        "deeds": Deeds(engine),
        "ended_sessions": EndedSessions(engine),
        "matches": Matches(engine),
        "owed": Owed(engine),
        "loaded": LOADED,
        "consulting": CONSULTING,
        "now": lambda: NOW,
        "wall": lambda: NOW,
        "secret": "made-up secret",
        "shift_starts": (7, 19),
    }
    return Site(**(known | changes))  # type: ignore[arg-type]


def token(page: str) -> str:
    return re.search(r'name="csrf" value="([^"]+)"', page)[1]


@pytest.fixture
def make_pages(engine: Engine) -> Iterator[Callable[..., Pages]]:
    made: list[Pages] = []

    def make(people: tuple[Person, ...] = DEVELOPMENT, **changes: object) -> Pages:
        sent: list[AlertAction] = []
        entered: list[AuditEntry] = []
        reached = {"send": sent.append, "enter": entered.append, "steward": Bus(), "subscriptions": Keeping()}
        pages = Pages(site_over(engine, **({"people": people} | reached | changes)), sent, entered)
        made.append(pages)
        return pages

    yield make
    for pages in made:
        for client in pages.open:
            client.close()


@pytest.fixture
def pages(make_pages: Callable[..., Pages]) -> Pages:
    return make_pages()
