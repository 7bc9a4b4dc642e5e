"""One contract for every channel: what came of a message is said in a value, whatever the provider does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpcore
import msgspec
import pytest
from standardwebhooks import Webhook
from tests.delivery.making import NOON
from tests.delivery.servers import Post, Web, post, web

from safety_stream.core.model.times import SECOND, to_datetime
from safety_stream.delivery.channels import CHANNELS, mail, notify, provider_of, webhook
from safety_stream.delivery.channels.channel import PATIENCE_SECONDS, Channel, asked_wait
from safety_stream.delivery.channels.deadline import ByDeadline, Deadline
from safety_stream.delivery.model import GiveUp, Message, Notice, Outcome, Taken, TryAgain
from safety_stream.delivery.settings import DeliverySettings

KEY = "k" * 40
NOTIFY_KEY = "test-26785a09-ab16-4eb0-8407-a37497a57506-3d844edf-8d35-48ac-975b-e847b4f122b0"
NOTICE = Notice(
    notice_id="n0000000-0000-5000-8000-000000000001",
    subscription_id="5b000000-0000-5000-8000-000000000001",
    audience="desk",
    alert_id="3f1c8a6e-0000-5000-8000-000000000001",
    version=1,
    number=0,
    seq=1,
    change="raised",
    reason="new",
    priority="P2",
    title="Repeat victim, graded",
    as_of=NOON,
)


def message(*, is_repeat: bool = False) -> Message:
    return Message(
        message_id=NOTICE.notice_id,
        subscription_id=NOTICE.subscription_id,
        form="single",
        address="duty-desk",
        notices=(NOTICE,),
        is_repeat=is_repeat,
    )


class Rig:
    """A channel, its provider, and how to make the provider behave."""

    def __init__(
        self, name: str, channel: Channel, address: str, behave: Callable[[str], None], taken: Callable[[], list]
    ) -> None:
        self.name = name
        self.channel = channel
        self.address = address
        self.behave = behave
        self.taken = taken

    def send(self, *, address: str | None = None, is_repeat: bool = False) -> Outcome:
        return self.channel.send(message(is_repeat=is_repeat), self.address if address is None else address, NOON)


def made(name: str, **settings: Any) -> Channel:
    channel = CHANNELS[name].make(DeliverySettings(link="https://alerts.example.invalid/", **settings))
    assert channel is not None
    return channel


def web_behaviour(server: Web) -> Callable[[str], None]:
    answers = {"busy": "429", "broken": "500", "shut-out": "403", "refuses": "400"}

    def behave(how: str) -> None:
        server.behaves = answers.get(how, how)
        server.retry_after = "90" if how == "busy" else None

    return behave


def post_behaviour(server: Post) -> Callable[[str], None]:
    replies = {
        "takes": {},
        "stalls": {"END": "stall"},
        "drops": {"END": "drop"},
        "busy": {"RCPT": "450 later"},
        "broken": {"END": "451 try later"},
        "shut-out": {"greeting": "220 here", "MAIL": "530 authentication required"},
        "refuses": {"RCPT": "550 no such box"},
    }

    def behave(how: str) -> None:
        server.replies = replies[how]

    return behave


@pytest.fixture(params=list(CHANNELS))
def rig(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.setattr(mail, "PATIENCE_SECONDS", 0.3)
    monkeypatch.setattr(notify, "PATIENCE_SECONDS", 1)
    monkeypatch.setattr(webhook, "PATIENCE_SECONDS", 0.3)
    if request.param == "mail":
        with post() as server:
            channel = made(
                "mail",
                mail={"host": "127.0.0.1", "port": server.port, "security": "none", "sender": "a@example.invalid"},
            )
            yield Rig("mail", channel, "desk@example.invalid", post_behaviour(server), lambda: server.letters)
        return
    with web() as server:
        settings: dict[str, Any] = {
            "webhook": {"webhook": {"key": KEY, "private_addresses": True}},
            "notify": {
                "notify": {"key": NOTIFY_KEY, "email_template": "t-1", "text_template": "t-2", "url": server.url}
            },
            "apprise": {"apprise": {}},
        }[request.param]
        address = {
            "webhook": f"{server.url}/hook",
            "notify": "desk@example.invalid",
            "apprise": f"{server.url.replace('http', 'json')}/hook?rto=0.3&cto=0.3",
        }[request.param]
        yield Rig(
            request.param, made(request.param, **settings), address, web_behaviour(server), lambda: list(server.taken)
        )


def test_what_is_taken_is_taken(rig: Rig):
    rig.behave("takes")

    assert isinstance(rig.send(), Taken)
    assert len(rig.taken()) == 1


def test_a_provider_that_stalls_may_have_it(rig: Rig):
    rig.behave("stalls")
    found = rig.send()

    assert isinstance(found, TryAgain)
    assert found.may_be_taken


def test_a_connection_that_drops_may_have_it(rig: Rig):
    rig.behave("drops")
    found = rig.send()

    assert isinstance(found, TryAgain)
    assert found.may_be_taken


@pytest.mark.parametrize("how", ["busy", "broken", "shut-out"])
def test_what_is_not_taken_now_is_tried_again(rig: Rig, how: str):
    rig.behave(how)
    found = rig.send()

    assert isinstance(found, TryAgain)
    assert rig.taken() == []
    if rig.name in ("webhook", "notify"):
        assert found.why == how
        assert found.after == (90 * SECOND if how == "busy" else 0)


def test_what_is_refused_for_good_is_given_up_where_the_provider_says_so(rig: Rig):
    rig.behave("refuses")

    # Apprise does not say.
    assert isinstance(rig.send(), TryAgain if rig.name == "apprise" else GiveUp)


def test_a_provider_that_is_not_there_does_not_have_it(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    def refused(*_: object, **__: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr("socket.socket.connect", refused)
    found = rig.send()

    assert isinstance(found, TryAgain)
    if rig.name in ("mail", "webhook"):
        assert (found.why, found.may_be_taken) == ("unreachable", False)


def test_an_address_that_is_none_waits_for_a_better_one(rig: Rig):
    assert rig.send(address="nonsense") == TryAgain("unknown-address")


def test_a_repeat_is_recognised_where_it_is_said_to_be(rig: Rig):
    rig.behave("stalls")
    rig.send()
    rig.behave("takes")

    assert isinstance(rig.send(is_repeat=True), Taken)
    if CHANNELS[rig.name].recognises_repeats:
        assert len(rig.taken()) == 1


LIES = {"webhook": Taken(), "apprise": Taken(), "notify": TryAgain("broken", may_be_taken=True)}
"""What is made of a provider that answers 200 with an error in the body: of a hook the body is never read."""


def test_a_provider_that_answers_well_and_says_that_it_failed_is_not_believed_where_its_words_count(rig: Rig):
    if rig.name not in LIES:
        pytest.skip("a mail server answers by its code alone")
    rig.behave("lies")

    assert rig.send() == LIES[rig.name]


def test_a_trial_goes_as_alerts_go_and_tells_of_none(rig: Rig):
    rig.behave("takes")
    trial = msgspec.structs.replace(message(), form="trial", notices=())

    assert isinstance(rig.channel.send(trial, rig.address, NOON), Taken)
    assert len(rig.taken()) == 1


def test_only_a_channel_that_confirms_is_asked(rig: Rig):
    rig.behave("takes")
    rig.send()
    expected = "delivered" if CHANNELS[rig.name].confirms else "unknown"

    assert rig.channel.whereabouts("n-1") == expected


def test_every_channel_is_named_in_one_place(rig: Rig):
    kind = CHANNELS[rig.name]

    assert kind.name == rig.name
    assert kind.make(DeliverySettings(link="https://alerts.example.invalid/")) is None
    assert re.fullmatch(r"[a-z]+", kind.name)


# Each of them alone.


def test_those_behind_one_service_fail_together_and_hooks_alone():
    assert provider_of("mail", "a") == provider_of("mail", "b")
    assert provider_of("webhook", "https://a.example/") != provider_of("webhook", "https://b.example/")


@pytest.fixture
def hook() -> Iterator[tuple[Web, Channel]]:
    with web() as server:
        yield server, made("webhook", webhook={"key": KEY, "private_addresses": True})


def test_a_hook_is_signed_and_says_which_message_it_is(hook: tuple[Web, Channel]):
    server, channel = hook
    channel.send(message(), f"{server.url}/hook?a=b", NOON)
    ((path, headers, body),) = server.posts
    secret = webhook.secret_of(
        DeliverySettings(link="https://a.example/", webhook={"key": KEY}).webhook.key, NOTICE.subscription_id
    )

    assert path == "/hook?a=b"
    assert headers["webhook-id"] == message().message_id
    assert headers["webhook-timestamp"] == str(NOON // 1000)
    assert headers["webhook-signature"] == Webhook(secret).sign(message().message_id, to_datetime(NOON), body.decode())
    assert json.loads(body)["type"] == "alert.raised"


def test_a_redirect_is_not_followed(hook: tuple[Web, Channel]):
    server, channel = hook
    server.behaves = "307"

    assert channel.send(message(), server.url, NOON) == TryAgain("broken")


class Ticks:
    """A clock that goes half a second each time it is read, and has a dripping provider send its next byte then."""

    def __init__(self, server: Web) -> None:
        self._server = server
        self.seconds = 0.0

    def __call__(self) -> float:
        self._server.ask()
        self.seconds += 0.5
        return self.seconds


@pytest.mark.parametrize(
    ("how", "expected"),
    [("drips-headers", TryAgain("timed-out", may_be_taken=True)), ("drips-body", Taken())],
)
def test_a_hook_that_drips_keeps_us_no_longer_than_one_that_stalls(how: str, expected: Outcome):
    with web() as server:
        server.behaves = how
        clock = Ticks(server)
        settings = DeliverySettings(link="https://a.example/", webhook={"key": KEY, "private_addresses": True})
        found = webhook.Hooks(settings.webhook, settings.link, clock).send(message(), f"{server.url}/hook", NOON)

    assert found == expected
    assert clock.seconds <= 0.5 + PATIENCE_SECONDS


class Sip:
    """A connection whose other side takes a byte at a time."""

    def __init__(self) -> None:
        self.taken = 0

    def get_extra_info(self, _: str) -> Sip:
        return self

    def settimeout(self, seconds: float) -> None:
        assert seconds > 0

    def send(self, _: memoryview) -> int:
        self.taken += 1
        return 1


def test_who_reads_a_byte_at_a_time_keeps_us_no_longer(monkeypatch: pytest.MonkeyPatch):
    sip, ticks = Sip(), iter(range(1_000))
    monkeypatch.setattr("httpcore.SyncBackend.connect_tcp", lambda *_: sip)
    backend = ByDeadline(Deadline(10, lambda: float(next(ticks))))

    with pytest.raises(httpcore.WriteTimeout):
        backend.connect_tcp("a.example", 443).write(b"a" * 100)
    assert sip.taken < 10


@pytest.mark.parametrize(
    "address",
    [
        "http://hooks.example.invalid/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://10.1.2.3/",
        "https://169.254.169.254/latest/meta-data",
        "https://0.0.0.0/",
        "https://100.64.0.1/",
        "https://[fd00::1]/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://localhost/",
        "https://user:word@hooks.example.invalid/",
        "ftp://hooks.example.invalid/",
        "https:///",
    ],
)
def test_no_hook_leads_into_the_network_we_stand_in(address: str, monkeypatch: pytest.MonkeyPatch):
    def connect(*_: object) -> None:
        raise AssertionError("it connected")

    monkeypatch.setattr("socket.socket.connect", connect)

    assert made("webhook", webhook={"key": KEY}).send(message(), address, NOON) == TryAgain("unknown-address")


def test_a_name_that_leads_to_a_public_and_a_private_address_is_not_followed(monkeypatch: pytest.MonkeyPatch):
    entries = [(2, 1, 6, "", (one, 443)) for one in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: entries)

    assert made("webhook", webhook={"key": KEY}).send(message(), "https://a.example/", NOON) == TryAgain(
        "unknown-address"
    )


def test_a_letter_says_which_message_it_is():
    with post() as server:
        channel = made(
            "mail", mail={"host": "127.0.0.1", "port": server.port, "security": "none", "sender": "a@example.invalid"}
        )
        channel.send(message(), "desk@example.invalid", NOON)

    assert f"Message-ID: <{NOTICE.notice_id}@example.invalid>".encode() in server.letters[0]
    assert b"Auto-Submitted: auto-generated" in server.letters[0]


def test_a_server_without_tls_is_not_spoken_to_where_tls_is_wanted():
    with post() as server:
        channel = made("mail", mail={"host": "127.0.0.1", "port": server.port, "sender": "a@example.invalid"})

        assert channel.send(message(), "desk@example.invalid", NOON) == TryAgain("shut-out")
    assert server.letters == []


@pytest.mark.parametrize("body", [{}, [], {"id": None}, {"notifications": "none"}, {"notifications": [{}]}])
def test_an_answer_of_notify_that_is_none_loses_nothing(body: object, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("notifications_python_client.base.BaseAPIClient.request", lambda *_, **__: body)
    channel = made("notify", notify={"key": NOTIFY_KEY, "email_template": "t-1", "text_template": "t-2"})

    for is_repeat in (False, True):
        found = channel.send(message(is_repeat=is_repeat), "desk@example.invalid", NOON)
        assert found == TryAgain("broken", may_be_taken=True)
    assert channel.whereabouts("n-1") == "unknown"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("sending", "under-way"),
        ("delivered", "delivered"),
        ("permanent-failure", "not-delivered"),
        ("technical-failure", "not-delivered"),
        ("a word of next year", "unknown"),
    ],
)
def test_notify_is_understood(told: str, expected: str):
    with web() as server:
        server.status_told = told
        channel = made(
            "notify", notify={"key": NOTIFY_KEY, "email_template": "t-1", "text_template": "t-2", "url": server.url}
        )

        assert channel.whereabouts("n-1") == expected


def test_a_telephone_gets_a_text_message():
    with web() as server:
        channel = made(
            "notify", notify={"key": NOTIFY_KEY, "email_template": "t-1", "text_template": "t-2", "url": server.url}
        )
        channel.send(message(), "+44 7700 900000", NOON)
    ((path, _, body),) = server.posts

    assert path == "/v2/notifications/sms"
    assert json.loads(body)["template_id"] == "t-2"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0),
        ("90", 90),
        ("Wed, 14 Jan 2026 12:01:30 GMT", 90),
        ("Wed, 14 Jan 2026 11:00:00 GMT", 0),
        ("soon", 0),
        ("-5", 0),
        ("99999999999999999999", 3_600),
    ],
)
def test_how_long_a_provider_asks_us_to_wait(header: str | None, seconds: int):
    assert asked_wait(header, NOON) == seconds * SECOND
