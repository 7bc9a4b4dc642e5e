"""An audience answers its own notices, a person on the page or a program by its key, and nobody else's."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tests.web.conftest import Pages, token
from tests.web.filling import LOADED, alert
from tests.web.reading_html import Read, faults
from tests.web.test_programs import DESK, WEST, line, reader

from safety_stream.core.model.published import AuditEntry
from safety_stream.web.pages import notices as answers
from safety_stream.web.programs import ProgramsOnDisk
from safety_stream.web.site import NotSent

NUMBER = 7
"""What took back number 6, because a report was withdrawn."""


def answered(pages: Pages) -> list[tuple[str, str, int, str]]:
    return [(one.kind, one.audience, one.seq, one.actor) for one in pages.entered]


def post(pages: Pages, who: str, *numbers: int):
    client = pages.as_person(who)
    form = {"csrf": token(client.get("/sign-in").text), "number": [str(one) for one in numbers]}
    return client.post("/notices", data=form)


def test_an_open_notice_is_shown_by_reference_and_answered_with_a_button(pages: Pages):
    page = pages.as_person("dev-duty-officer").get("/notices")

    assert "is true no more" in page.text
    assert alert(6).alert_id[:8] in page.text
    assert "tok-" not in page.text
    assert list(faults(Read(page.text))) == []
    assert "1 notice is on record as answered" in post(pages, "dev-duty-officer", NUMBER).text
    assert answered(pages) == [("acknowledgement", "duty-officer", NUMBER, "dev-duty-officer")]
    assert pages.entered[0].alert_id == alert(6).alert_id


def test_the_same_answer_is_one_entry_and_another_persons_another(pages: Pages):
    for who in ("dev-duty-officer", "dev-duty-officer", "dev-supervisor"):
        post(pages, who, NUMBER)

    assert [one.actor for one in pages.entered] == ["dev-duty-officer", "dev-duty-officer", "dev-supervisor"]
    first, again, another = (one.entry_id for one in pages.entered)
    assert first == again != another


def test_a_program_is_told_what_is_on_record_where_not_all_could_be(
    make_pages: Callable[..., Pages], file: Path, monkeypatch: pytest.MonkeyPatch
):
    taken: list[AuditEntry] = []

    def enter(entry: AuditEntry) -> None:
        if taken:
            raise NotSent("Kafka does not answer.")
        taken.append(entry)

    pages = make_pages(programs=ProgramsOnDisk(file, LOADED.catalogue, lambda: 0.0).now, enter=enter)
    (person,) = (one for one in pages.site.people if one.id == "dev-duty-officer")
    (one,) = answers.open_notices(pages.site, person)
    two = [one, msgspec.structs.replace(one, seq=8)]
    monkeypatch.setattr(answers, "open_notices", lambda *_: two)
    told = reader(pages, DESK.key).post("/notices.json", data={"number": ["7", "8"]})

    assert (told.status_code, told.json()) == (503, {"acknowledged": [7], "why": "Kafka does not answer."})


def test_what_is_no_notice_of_ones_own_is_answered_by_nobody(pages: Pages):
    post(pages, "dev-duty-officer", 1, 6, 999)
    post(pages, "dev-marac", NUMBER)
    post(pages, "dev-duty-officer")

    assert pages.entered == []


def test_whoever_sees_some_areas_alone_answers_for_those(make_pages: Callable[..., Pages], file: Path):
    pages = make_pages(programs=ProgramsOnDisk(file, LOADED.catalogue, lambda: 0.0).now)
    seen = [one["seq"] for one in pages.as_person("dev-duty-officer-west").get("/feed?after=0").json()["alerts"]]
    (person,) = (one for one in pages.site.people if one.id == "dev-duty-officer-west")
    post(pages, person.id, NUMBER)

    assert (answered(pages) != []) == (NUMBER in seen)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "programs.yaml"
    path.write_text(f"programs:\n{line('desk', DESK)}{line('west', WEST, further='areas: [D-EAST], ')}", "utf-8")
    return path


def test_a_program_reads_and_answers_the_notices_of_its_audience_and_its_areas(
    make_pages: Callable[..., Pages], file: Path
):
    pages = make_pages(programs=ProgramsOnDisk(file, LOADED.catalogue, lambda: 0.0).now)
    told = reader(pages, DESK.key).get("/notices.json").json()
    assert [one["number"] for one in told["notices"]] == [NUMBER]
    assert reader(pages, DESK.key).post("/notices.json", data={"number": "6"}).json() == {"acknowledged": []}
    assert reader(pages, DESK.key).post("/notices.json", data={"number": "7"}).json() == {"acknowledged": [NUMBER]}

    assert answered(pages) == [("acknowledgement", "duty-officer", NUMBER, "desk")]


@pytest.mark.parametrize("key", ["", "ssf_desk_nobody"])
def test_without_a_key_nobody_answers_not_even_who_has_signed_in(
    make_pages: Callable[..., Pages], file: Path, key: str
):
    pages = make_pages(programs=ProgramsOnDisk(file, LOADED.catalogue, lambda: 0.0).now)
    client = pages.as_person("dev-duty-officer")
    if key:
        client.headers["authorization"] = f"Bearer {key}"

    assert client.post("/notices.json", data={"number": "7"}).status_code == 401
    assert pages.entered == []


def test_an_answer_that_was_not_put_on_record_is_said_to_be_none(make_pages: Callable[..., Pages]):
    def down(_: object) -> None:
        raise NotSent("Kafka says: nobody is there.")

    done = post(make_pages(enter=down), "dev-duty-officer", NUMBER)

    assert done.status_code == 503
    assert "nobody is there" in done.text
    assert "Not all of them were put on record" in done.text


def test_where_nothing_can_be_put_on_record_there_is_no_button(make_pages: Callable[..., Pages]):
    page = make_pages(enter=None).as_person("dev-duty-officer").get("/notices").text

    assert "is true no more" in page
    assert "has been put right</button>" not in page
    assert post(make_pages(enter=None), "dev-duty-officer", NUMBER).status_code == 503
