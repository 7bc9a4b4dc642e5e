"""What a message says, and that it says nothing of whom or what an alert is about."""

from __future__ import annotations

import json
import re
from email import message_from_bytes

import msgspec
import pytest
from sqlalchemy import Engine
from tests.delivery.making import NOON, TOPIC, alert, outbox, subscription, withdrawn
from tests.delivery.servers import post, web
from tests.delivery.test_channels_contract import KEY, NOTIFY_KEY, made

from safety_stream.core.model.findings import Evidence, Finding
from safety_stream.core.model.published import PublishedAlert
from safety_stream.delivery.model import Message, Taken
from safety_stream.delivery.subscriptions import subscribe
from safety_stream.delivery.wording import in_data, in_words

LINK = "https://alerts.example.invalid/"
OTHER = "3f1c8a6e-0000-5000-8000-000000000002"

SECRETS = {
    "subject": "tok-zzsubject",
    "explanation": "zzexplained: three reports name tok-zzsubject",
    "rule_id": "zzrule",
    "area": "E07zzarea",
    "areas": ("E07zzarea", "E07zzother"),
    "family": "safeguarding",
    "marking": "zzmarking",
    "cause": "zzcause",
    "child": True,
    "audiences": ("zzaudience",),
    "findings": (
        Finding(
            finding_id="zzfinding",
            rule_id="zzrule",
            rule_version=1,
            limb="zzlimb",
            family="safeguarding",
            key="victim:tok-zzsubject",
            occurrence_id="zzoccurrence",
            completed_at=NOON,
            priority="P2",
            area="E07zzarea",
            areas=("E07zzarea",),
            evidence=(Evidence("zzevidence", NOON, "E07zzarea", ("zzreport",)),),
            excluded=(),
            facts=(("zzfact", "7"),),
            child=True,
            explanation="zzexplained",
        ),
    ),
}
"""Every field of an alert that must not be said, with a value that shows wherever it turns up."""

SAID = {"seq", "audience", "alert_id", "version", "change", "as_of", "reason", "title", "priority"}
UNSAID_AND_HARMLESS = {
    "prior_seq",
    "prior_version",
    "episode",
    "rule_version",
    "first_completed_at",
    "last_completed_at",
    "late",
    "notify",
}


def messages(engine: Engine, *alerts: PublishedAlert, **changes: object) -> list[Message]:
    subscribe(engine, subscription(**changes))
    box = outbox(engine)
    box.take(TOPIC, 0, list(enumerate(alerts)), NOON)
    box.gather(NOON + 86_400_000)
    found = []
    while (claimed := box.claim(NOON + 86_400_000)) is not None:
        found.append(claimed.message)
        box.settle(claimed, Taken(), NOON, 0.5, confirms=False)
    return found


def test_every_field_of_an_alert_is_said_or_searched_for():
    """A field that is added must be thought of here."""
    assert {field.name for field in msgspec.structs.fields(PublishedAlert)} - {"handling"} == (
        SAID | SECRETS.keys() | UNSAID_AND_HARMLESS
    )


@pytest.mark.parametrize("late", [False, True], ids=["single", "digest"])
def test_no_message_on_any_channel_says_whom_or_what_it_is_about(engine: Engine, late: bool):
    (found,) = messages(engine, alert(**SECRETS, late=late))
    everything = json.dumps([msgspec.to_builtins(in_words(found, LINK)), in_data(found, LINK)])
    with web() as server, post() as letters:
        settings = {
            "webhook": {"key": KEY, "private_addresses": True},
            "notify": {"key": NOTIFY_KEY, "email_template": "t-1", "text_template": "t-2", "url": server.url},
            "mail": {"host": "127.0.0.1", "port": letters.port, "security": "none", "sender": "a@example.invalid"},
            "apprise": {},
        }
        for name, address in (
            ("webhook", server.url),
            ("notify", "+447700900000"),
            ("notify", "desk@example.invalid"),
            ("mail", "desk@example.invalid"),
            ("apprise", server.url.replace("http", "json")),
        ):
            assert isinstance(made(name, **{name: settings[name]}).send(found, address, NOON), Taken)
        everything += "".join(f"{path} {headers} {body.decode()}" for path, headers, body in server.posts)
        (letter,) = letters.letters
        everything += letter.decode() + message_from_bytes(letter).get_payload(decode=True).decode()

    assert "Repeat victim, graded" in everything
    # Whole words: two letters may stand in any signature.
    secrets = set(re.findall(r"\w*zz\w+", repr(SECRETS)))
    assert len(secrets) > 5
    assert [word for word in secrets if word in everything] == []
    assert "safeguarding" not in everything


def test_a_message_says_reference_priority_title_reason_and_link(engine: Engine):
    (found,) = messages(engine, alert())

    words = in_words(found, LINK)
    assert words.subject == "P2 Repeat victim, graded 3f1c8a6e"
    assert words.text == (
        f"P2. Repeat victim, graded\nReference 3f1c8a6e, version 1: new\n{LINK}3f1c8a6e-0000-5000-8000-000000000001"
    )


def test_what_an_audience_may_not_have_is_not_said(engine: Engine):
    (found,) = messages(engine, alert(title=None, reason=None, late=True))

    words = in_words(found, LINK)
    assert "Repeat victim" not in words.text
    assert "P2. Alert\nReference 3f1c8a6e, version 1: raised\n" in words.text


def test_a_digest_says_of_each_whether_it_is_still_true(engine: Engine):
    raised = [alert(late=True, notify=False), alert(alert_id=OTHER, seq=2, priority="P1")]
    first, digest = messages(engine, *raised)
    assert first.form == "single"
    box = outbox(engine)
    ended = withdrawn(alert_id=OTHER, seq=4, priority=None, notify=False)
    box.take(TOPIC, 0, [(2, alert(version=2, seq=3, late=True, notify=False)), (3, ended)], NOON)
    box.gather(NOON + 86_400_000)
    words = in_words(box.claim(NOON + 86_400_000).message, LINK)

    assert "Still true:" in in_words(digest, LINK).text
    assert words.subject == "Alerts held for you: 1 still true, 1 withdrawn"
    assert words.text.index("WITHDRAWN, no longer true:\nP1.") < words.text.index("Still true:\nP2.")


def test_a_program_is_told_where_in_the_feed_to_read_on(engine: Engine):
    (found,) = messages(engine, alert(seq=7))

    said = in_data(found, LINK)
    assert (said["type"], said["timestamp"]) == ("alert.raised", "2026-01-14T12:00:00.000Z")
    assert said["data"]["seq"] == 7
    assert said["data"]["reason_for_now"] == "new"


def test_a_trial_says_that_nothing_has_happened(engine: Engine):
    (found,) = messages(engine, alert())
    trial = msgspec.structs.replace(found, form="trial", notices=())

    assert in_words(trial, LINK).subject == "Trial: no alert"
    assert "Nothing has happened" in in_words(trial, LINK).text
    assert in_data(trial, LINK) == {
        "type": "alerts.trial",
        "data": {"subscription": found.subscription_id, "link": LINK},
    }
