"""CAP messages: what kind each record is, what it names and never names, and that OASIS's own schema takes them."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import product
from typing import get_args
from xml.etree import ElementTree as ET

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.cap_schema import CAP, Refused, faults, parsed

from safety_stream.catalogue.cap import load_cap
from safety_stream.core.cap import (
    NAMED_AT_MOST,
    Category,
    Certainty,
    MessageType,
    Response,
    Severity,
    Speaker,
    Status,
    Urgency,
    cap_message,
)
from safety_stream.core.consulting import without_the_person
from safety_stream.core.model.findings import Family, Priority
from safety_stream.core.model.handling import Handling
from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.model.times import SECOND, to_instant
from safety_stream.data_files import catalogue_folder

WORDS = load_cap(catalogue_folder())
SPEAKER = Speaker(sender="alerts.example.org", status="Actual", link="https://alerts.example.org/alerts/")
NAMES = {"E07000117": "Burnley"}
NOON = to_instant(datetime(2026, 1, 14, 12, tzinfo=UTC))
ALERT = "3f1c8a6e-0000-5000-8000-000000000001"


def record(seq: int, change: str = "raised", **changes: object) -> PublishedAlert:
    fields = {
        "seq": seq,
        "audience": "desk",
        "alert_id": ALERT,
        "version": seq,
        "change": change,
        "as_of": NOON + seq * SECOND,
        "prior_seq": seq - 1 or None,
        "reason": {"raised": "new", "withdrawn": "withdrawn"}.get(change, "worsened"),
        "rule_id": "rv-graded",
        "title": "Repeat victim, graded",
        "family": "repeat-victimisation",
        "subject": "victim:tok-a",
        "priority": "P2",
        "area": "E07000117",
        "areas": ("E07000117", "L-12"),
        "first_completed_at": NOON,
        "explanation": "Three reports within twelve months.",
        "marking": "OFFICIAL-SENSITIVE",
    }
    return PublishedAlert(**fields | changes)  # type: ignore[arg-type]


def acknowledged(seq: int, what: str = "acknowledge") -> PublishedAlert:
    handling = Handling(number=2, state="acknowledged", since=NOON, what=what, as_of=NOON)  # type: ignore[arg-type]
    return record(seq, "updated", reason="handled", handling=handling)


def said(alert: PublishedAlert, earlier: tuple[PublishedAlert, ...] = (), speaker: Speaker = SPEAKER) -> ET.Element:
    """A message, which the schema takes."""
    message = parsed(cap_message(alert, earlier, WORDS, speaker, NAMES).encode())
    assert faults(message) == []
    return message


def text(message: ET.Element, *names: str) -> str | None:
    return message.findtext("/".join(CAP + name for name in names))


def named(message: ET.Element) -> list[str]:
    return [one.split(",")[1].split(".")[1] for one in (text(message, "references") or "").split()]


LIFE = (
    record(1),
    acknowledged(2),
    record(3, "updated"),
    acknowledged(4, "assess"),
    record(5, "withdrawn"),
    record(6),
    record(7, "updated"),
    record(8, "withdrawn"),
    record(9, "withdrawn", reason="handled"),
)


def test_the_life_of_an_alert_is_messages_that_name_one_another():
    messages = [said(one, LIFE[:number]) for number, one in enumerate(LIFE)]

    assert [(text(one, "msgType"), named(one)) for one in messages] == [
        ("Alert", []),
        ("Ack", ["1"]),
        ("Update", ["1"]),
        ("Update", ["1", "3"]),
        ("Cancel", ["1", "3", "4"]),
        ("Alert", []),
        ("Update", ["6"]),
        ("Cancel", ["6", "7"]),
        ("Update", ["8"]),
    ]
    assert text(messages[-1], "info", "responseType") == "AllClear"
    assert {text(one, "incidents") for one in messages} == {ALERT}
    assert len({text(one, "identifier") for one in messages}) == len(LIFE)


def test_a_reference_is_the_sender_the_identifier_and_the_time_of_the_message_it_names():
    first, second = said(LIFE[0]), said(LIFE[2], LIFE[:2])

    assert text(second, "references") == ",".join(str(text(first, name)) for name in ("sender", "identifier", "sent"))


def test_an_ack_names_the_last_there_was_and_says_nothing_else():
    message = said(acknowledged(4), LIFE[:3])

    assert named(message) == ["3"]
    assert message.find(f"{CAP}info") is None


def test_what_is_told_after_a_message_is_not_named_by_it():
    assert named(said(LIFE[2], LIFE)) == ["1"]


def test_of_many_earlier_messages_the_newest_are_named():
    many = tuple(record(seq, "updated" if seq > 1 else "raised") for seq in range(1, 2 * NAMED_AT_MOST))

    assert named(said(record(999, "updated"), many)) == [str(one.seq) for one in many[-NAMED_AT_MOST:]]


@pytest.mark.parametrize("alert", [record(5, "updated"), record(5, "withdrawn"), acknowledged(5)])
def test_where_the_earlier_message_is_not_kept_the_message_says_so(alert: PublishedAlert):
    message = said(alert)

    assert text(message, "note") == "Of number 4 of the feed, which is not kept here."
    assert named(message) == []


def test_a_message_holds_a_reference_a_link_where_and_what_and_the_sentence():
    message = said(LIFE[0])

    assert text(message, "info", "web") == f"https://alerts.example.org/alerts/{ALERT}"
    assert text(message, "info", "headline") == "P2 Repeat victim, graded"
    assert text(message, "info", "description") == "Three reports within twelve months."
    assert [area.findtext(f"{CAP}areaDesc") for area in message.iter(f"{CAP}area")] == ["Burnley", "L-12"]
    assert [
        (one.findtext(f"{CAP}valueName"), one.findtext(f"{CAP}value")) for one in message.iter(f"{CAP}geocode")
    ] == [("GSS", "E07000117"), ("safety-stream", "L-12")]
    assert text(message, "restriction") == "OFFICIAL-SENSITIVE: for desk alone"


def test_a_message_never_says_whom_it_is_about():
    told = b"".join(cap_message(one, LIFE[: one.seq - 1], WORDS, SPEAKER, NAMES).encode() for one in LIFE)

    assert b"tok-a" not in told


@pytest.mark.parametrize("number", range(len(LIFE)))
def test_a_message_says_no_more_than_a_list_for_which_nobody_is_asked_for_a_reason(number: int):
    one = LIFE[number]
    said_of_list = cap_message(without_the_person(one), LIFE[:number], WORDS, SPEAKER, NAMES)

    assert cap_message(one, LIFE[:number], WORDS, SPEAKER, NAMES) == said_of_list


def test_what_the_audience_may_not_have_is_not_said():
    bare = PublishedAlert(seq=1, audience="desk", alert_id=ALERT, version=1, change="raised", as_of=NOON)
    message = said(bare, speaker=msgspec.structs.replace(SPEAKER, link=""))

    assert [one.tag.removeprefix(CAP) for one in message.find(f"{CAP}info")] == [
        *("language", "category", "event", "responseType", "urgency", "severity", "certainty", "audience"),
        *("headline", "parameter", "parameter"),
    ]  # fmt: skip
    assert [text(message, "info", name) for name in ("category", "event", "urgency")] == ["Other", "Alert", "Unknown"]
    assert text(message, "restriction") == "for desk alone"


@pytest.mark.parametrize(
    ("priority", "graded"),
    [
        ("P1", "Immediate Extreme Likely Assess"),
        ("P2", "Expected Severe Likely Assess"),
        ("P3", "Future Moderate Possible Assess"),
        ("P4", "Future Minor Possible Monitor"),
        (None, "Unknown Unknown Unknown Assess"),
    ],
)
def test_the_more_urgent_the_stronger_are_the_words(priority: str | None, graded: str):
    message = said(record(1, priority=priority))

    names = ("urgency", "severity", "certainty", "responseType")
    assert " ".join(str(text(message, "info", name)) for name in names) == graded


@pytest.mark.parametrize("priority", [None, *get_args(Priority)])
def test_what_is_withdrawn_asks_for_nothing_any_more(priority: str | None):
    message = said(record(2, "withdrawn", priority=priority), LIFE[:1])

    assert (text(message, "info", "urgency"), text(message, "info", "responseType")) == ("Past", "AllClear")


@pytest.mark.parametrize("status", get_args(Status))
def test_an_exercise_and_a_test_say_so(status: Status):
    message = said(LIFE[0], speaker=msgspec.structs.replace(SPEAKER, status=status))

    assert text(message, "status") == status


@pytest.mark.parametrize("sender", ["", "two words", "a,b", "<desk>", "a&b"])
def test_a_sender_that_would_break_a_reference_is_refused(sender: str):
    with pytest.raises(ValueError, match="one word without commas"):
        Speaker(sender=sender, status="Actual")


@given(st.text(), st.text(max_size=400), st.text())
def test_whatever_a_text_holds_the_message_is_one(title: str, explanation: str, marking: str):
    one = record(1, title=title, explanation=explanation, marking=marking)
    message = said(one)

    assert len(text(message, "info", "headline") or "") <= 160
    assert cap_message(one, (), WORDS, SPEAKER, NAMES) == cap_message(one, (), WORDS, SPEAKER, dict(NAMES))


def test_a_text_of_blanks_is_none():
    message = said(record(1, title=" ", explanation="\n", marking=""))

    assert (text(message, "info", "event"), text(message, "info", "description")) == ("Alert", None)


def test_markup_stays_text():
    one = record(1, explanation='</description><web>http://elsewhere</web> & "more" ]]> \x00')

    assert text(said(one), "info", "description") == '</description><web>http://elsewhere</web> & "more" ]]> \ufffd'


@pytest.mark.parametrize(
    ("words", "where"),
    [
        (get_args(Status), "alert/status"),
        (get_args(MessageType), "alert/msgType"),
        (get_args(Category), "alert/info/category"),
        (get_args(Response), "alert/info/responseType"),
        (get_args(Urgency), "alert/info/urgency"),
        (get_args(Severity), "alert/info/severity"),
        (get_args(Certainty), "alert/info/certainty"),
    ],
)
def test_our_words_are_the_standards(words: tuple[str, ...], where: str):
    *path, name = where.split("/")
    for word in words:
        message = said(LIFE[0])
        message.find("./" + "/".join(CAP + part for part in [*path[1:], name])).text = word
        assert faults(message) == []


def without(message: ET.Element, path: str) -> None:
    *above, name = path.split("/")
    parent = message.find("./" + "/".join(CAP + part for part in above)) if above else message
    parent.remove(parent.find(CAP + name))


SPOILED = [
    ("alert/sender is there 0 times", lambda message: without(message, "sender")),
    ("alert/info/urgency is there 0 times", lambda message: without(message, "info/urgency")),
    ("alert/status is Real", lambda message: setattr(message.find(f"{CAP}status"), "text", "Real")),
    ("alert/sent is 2026", lambda message: setattr(message.find(f"{CAP}sent"), "text", "2026-01-14T12:00:00Z")),
    ("out of place", lambda message: message.append(message[0])),
    ("has attributes", lambda message: message[1].set("lang", "en")),
    ("is no reference", lambda message: setattr(message.find(f"{CAP}references"), "text", "only-an-identifier")),
    ("has a space", lambda message: setattr(message.find(f"{CAP}identifier"), "text", "a b")),
    ("says for whom", lambda message: without(message, "restriction")),
    ("has text in it", lambda message: setattr(message.find(f"{CAP}info"), "text", "loose")),
]


@pytest.mark.parametrize(("fault", "spoil"), SPOILED, ids=[fault for fault, _ in SPOILED])
def test_the_schema_takes_nothing_else(fault: str, spoil: Callable[[ET.Element], object]):
    message = said(LIFE[2], LIFE[:2])
    spoil(message)

    assert any(fault in one for one in faults(message))


def test_a_message_that_declares_entities_is_not_read():
    with pytest.raises(Refused):
        parsed(b'<!DOCTYPE alert [<!ENTITY a "aa">]><alert>&a;</alert>')


def test_every_priority_and_family_has_its_words():
    for priority, family in product(get_args(Priority), get_args(Family)):
        said(record(1, priority=priority, family=family))


def test_an_exercise_says_so_in_its_note():
    """Beside what is missing, where something is."""
    exercise = msgspec.structs.replace(SPEAKER, status="Exercise")

    assert text(said(record(1), speaker=exercise), "note") == (
        "An exercise of alerts.example.org: nothing of this has happened."
    )
    alone = parsed(cap_message(record(5, "updated", prior_seq=4), (), WORDS, exercise, NAMES).encode())
    assert text(alone, "note").startswith("An exercise of ")
    assert text(alone, "note").endswith(" Of number 4 of the feed, which is not kept here.")
    assert faults(alone) == []


@pytest.mark.parametrize(("what", "told"), [("note", "note"), ("refer", "refer"), ("raised", None)])
def test_what_was_done_is_told_so_that_a_note_can_be_passed_over(what: str, told: str | None):
    handling = Handling(number=2, state="new", since=NOON, what=what, as_of=NOON)
    message = said(record(1, handling=handling))
    parameters = {
        one.findtext(f"{CAP}valueName"): one.findtext(f"{CAP}value") for one in message.iter(f"{CAP}parameter")
    }

    assert parameters.get("handled") == told
