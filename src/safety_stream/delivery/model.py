"""What delivery is about: subscriptions, notices, messages, and what becomes of a message.

A *notice* is one version of one alert for one subscription. A *message* is what a channel carries: one notice, or a
digest of several. A *provider* is whoever takes messages and fails as one: a mail server, GOV.UK Notify, one web hook.
"""

from __future__ import annotations

from typing import Final, Literal
from uuid import UUID, uuid5

import msgspec

from safety_stream.core.delivering import MinuteOfDay
from safety_stream.core.model.alerts import Change
from safety_stream.core.model.findings import Family, Priority
from safety_stream.core.model.published import OF_HANDLING, PublishedAlert, ToldReason
from safety_stream.core.model.times import Instant

LEAST_URGENT: Final[Priority] = "P4"
"""What is taken of an alert whose priority its audience may not have."""

_NAMESPACE = UUID("2c6f5a0e-93f4-5d7e-8a53-5d1fdb1c7f02")


class Quiet(msgspec.Struct, frozen=True):
    """Hours in which what may wait (by its priority, in `delivery.yaml`) is not handed over.

    They go from `starts` until `ends`, over midnight where `ends` comes first.

    Raises `ValueError` when both are the same.
    """

    starts: MinuteOfDay
    ends: MinuteOfDay

    def __post_init__(self) -> None:
        """Refuse what could mean always as well as never."""
        if self.starts == self.ends:
            raise ValueError(
                "quiet hours begin and end at different times: to hear some priorities alone, subscribe to those"
            )


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """Who is told of what, and how. An empty list leaves the choice open.

    `address` is a reference: a name in the settings of delivery, or the URL of a web hook. `areas` are codes with
    everything within them. Nothing published before `since` is told; one that has `ended` hears only that what it was
    told of is withdrawn.
    """

    subscription_id: str
    audience: str
    channel: str
    address: str
    since: Instant
    areas: tuple[str, ...] = ()
    families: tuple[Family, ...] = ()
    priorities: tuple[Priority, ...] = ()
    markings: tuple[str, ...] = ()
    quiet: Quiet | None = None
    digest_at: MinuteOfDay | None = None
    ended: Instant | None = None


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """News of an alert as a subscription is told of it: nothing here names a person.

    It is of a version of the alert or, where `number` is not 0, of that number of how it is handled. `reason` is why it
    is told now (None where the audience may not know why), `title` the rule's. `late_by` is how many milliseconds after
    it was published it is told, where it was missed until then; None for all else.
    """

    notice_id: str
    subscription_id: str
    audience: str
    alert_id: str
    version: int
    number: int
    seq: int
    change: Change
    reason: ToldReason | None
    priority: Priority | None
    title: str | None
    as_of: Instant
    late_by: Instant | None = None


OwedKind = Literal["reminder", "escalation", "break-glass", "review"]
"""Why somebody is told of what is owed: they have not answered a notice; another has not, for longer; somebody opened
an alert in an emergency; or nobody has reviewed that in time."""


class Owed(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is owed, as it is told: by reference alone. `of` is whose notice, or as whom an alert was opened.

    `seq` is the number of that audience's feed, or of `audit.entries`; it has been owed `since` then.
    """

    owed_id: str
    kind: OwedKind
    of: str
    alert_id: str
    seq: int
    since: Instant


Form = Literal["single", "digest", "trial", "owed"]
"""One notice, several that were held, or none: a trial tells that messages arrive, and of no alert, and what is owed is
no alert either."""

Status = Literal["waiting", "sending", "sent", "delivered", "failed", "given-up", "overtaken"]
"""How far a message has come.

waiting: nobody has tried; sending: somebody is trying, or died trying; sent: a provider took it; delivered: and says it
arrived; failed: the last attempt did, and there will be another; given-up: there will be none; overtaken: what it was
to say is said by something newer, or was withdrawn before anybody was told.
"""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What a channel is given. The same `message_id` means the same message: it is the provider's idempotency key.

    `is_repeat` says that an earlier attempt may have been taken.
    """

    message_id: str
    subscription_id: str
    form: Form
    address: str
    notices: tuple[Notice, ...]
    is_repeat: bool
    owed: tuple[Owed, ...] = ()


Trouble = Literal["unreachable", "timed-out", "busy", "broken", "shut-out", "unknown-address"]
"""Why a provider did not take a message now; somebody may have to mend something, and then it will."""

Refusal = Literal["refused", "gone", "expired", "not-delivered", "never-confirmed"]
"""Why a message is given up."""


class Taken(msgspec.Struct, frozen=True):
    """The provider took it. `provider_id` is what it calls it, and can be asked by where the channel confirms."""

    provider_id: str | None = None


class TryAgain(msgspec.Struct, frozen=True):
    """It was not taken, or (`may_be_taken`) nobody knows. `after`: milliseconds the provider asked us to wait."""

    why: Trouble
    after: Instant = 0
    may_be_taken: bool = False


class GiveUp(msgspec.Struct, frozen=True):
    """It will never be taken."""

    why: Refusal


Outcome = Taken | TryAgain | GiveUp
"""What came of an attempt. By what is to be done next, never by exception."""

Whereabouts = Literal["under-way", "delivered", "not-delivered", "unknown"]
"""What a provider says of a message it took; unknown when it could not be asked."""


News = tuple[int, int, Change, ToldReason | None]
"""What makes news of an alert other news: its version, 0 or the number of what happened to its handling, what, and why.

Once a topic was made anew versions and numbers may be counted otherwise: the same two may stand for something else.
"""


def news_of(alert: PublishedAlert) -> News:
    """What of an alert a record tells."""
    is_of_handling = alert.handling is not None and alert.reason in OF_HANDLING
    number = alert.handling.number if alert.handling is not None and is_of_handling else 0
    return alert.version, number, alert.change, alert.reason


def notice_id(subscription_id: str, alert_id: str, news: News) -> str:
    """The identity of a notice: told twice, it is one."""
    said = "\x1f".join(str(part) for part in news)
    return str(uuid5(_NAMESPACE, f"notice\x1f{subscription_id}\x1f{alert_id}\x1f{said}"))


def digest_id(notice_ids: tuple[str, ...]) -> str:
    """The identity of a digest: of the notices in it."""
    return str(uuid5(_NAMESPACE, "digest\x1f" + "\x1f".join(sorted(notice_ids))))


def owed_id(kind: OwedKind, *said: object) -> str:
    """The identity of something owed: found twice, it is one."""
    return str(uuid5(_NAMESPACE, "owed\x1f" + "\x1f".join([kind, *map(str, said)])))


def owed_message_id(subscription_id: str, owed_ids: tuple[str, ...]) -> str:
    """The identity of a message about what is owed: of whom it is for, and of what is in it."""
    return str(uuid5(_NAMESPACE, "\x1f".join(["owed-message", subscription_id, *sorted(owed_ids)])))


def trial_id(subscription_id: str, now: Instant) -> str:
    """The identity of a trial."""
    return str(uuid5(_NAMESPACE, f"trial\x1f{subscription_id}\x1f{now}"))


def subscription_id(audience: str, channel: str, address: str, since: Instant) -> str:
    """The identity of a subscription: asked for twice in one millisecond, it is one."""
    return str(uuid5(_NAMESPACE, f"subscription\x1f{audience}\x1f{channel}\x1f{address}\x1f{since}"))
