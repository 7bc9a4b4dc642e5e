"""Pages over a filled copy, asked for as anybody the policy knows."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient
from tests.web.filling import LOADED, NOW, fill

from safety_stream.core.model.handling import AlertAction
from safety_stream.readmodel.reading import ReadModel
from safety_stream.web.app import make_app
from safety_stream.web.policy import DEVELOPMENT, Person
from safety_stream.web.site import Site

BASE = "http://127.0.0.1"


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
    open: list[TestClient] = field(default_factory=list)

    def browser(self) -> TestClient:
        client = TestClient(make_app(self.site), base_url=BASE, follow_redirects=True)
        self.open.append(client)
        return client

    def as_person(self, who: str) -> TestClient:
        client = self.browser()
        done = client.post("/sign-in", data={"csrf": token(client.get("/sign-in").text), "person": who})
        assert done.status_code == 200
        return client


def token(page: str) -> str:
    return re.search(r'name="csrf" value="([^"]+)"', page)[1]


@pytest.fixture
def make_pages(engine: Engine) -> Iterator[Callable[..., Pages]]:
    made: list[Pages] = []

    def make(people: tuple[Person, ...] = DEVELOPMENT, **changes: object) -> Pages:
        sent: list[AlertAction] = []
        known = {"read_model": ReadModel(engine), "now": lambda: NOW, "send": sent.append, "people": people}
        site = Site(loaded=LOADED, secret="made-up secret", shift_starts=(7, 19), **(known | changes))
        pages = Pages(site, sent)
        made.append(pages)
        return pages

    yield make
    for pages in made:
        for client in pages.open:
            client.close()


@pytest.fixture
def pages(make_pages: Callable[..., Pages]) -> Pages:
    return make_pages()
