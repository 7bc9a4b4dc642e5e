"""GOV.UK Notify: mail and text messages, each with a status that can be asked for.

Notify knows no idempotency key, but it can be asked what it has under a reference. So the message's id is the
reference, and before a message that may have been taken is sent again, Notify is asked for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import requests
from notifications_python_client.errors import APIError, HTTPError
from notifications_python_client.notifications import NotificationsAPIClient

from safety_stream.core.model.times import Instant
from safety_stream.delivery.channels.channel import PATIENCE_SECONDS, Channel, Kind, outcome_of
from safety_stream.delivery.model import Message, Outcome, Taken, TryAgain, Whereabouts
from safety_stream.delivery.settings import DeliverySettings, NotifySettings
from safety_stream.delivery.wording import in_words

_PHONE = re.compile(r"\+?[0-9][0-9 ]{6,19}")
_WHERE: Final[Mapping[str, Whereabouts]] = {
    "created": "under-way",
    "sending": "under-way",
    "pending": "under-way",
    # Text messages to some countries are confirmed no further.
    "sent": "delivered",
    "delivered": "delivered",
    "permanent-failure": "not-delivered",
    "temporary-failure": "not-delivered",
    "technical-failure": "not-delivered",
}


class _Notify:
    def __init__(self, settings: NotifySettings, link: str) -> None:
        self._settings = settings
        self._link = link

    def send(self, message: Message, address: str, now: Instant) -> Outcome:
        """See `Channel`."""
        is_mail = "@" in address
        if not is_mail and not _PHONE.fullmatch(address):
            return TryAgain("unknown-address")
        # A session of requests belongs to one thread.
        client = self._client()
        try:
            if message.is_repeat and (found := _found(client, message.message_id)) is not None:
                return Taken(found)
            return Taken(self._sent(client, message, address, is_mail=is_mail))
        except HTTPError as error:
            if error.response is not None:
                return outcome_of(error.status_code, error.response.headers.get("Retry-After"), now)
            return _unanswered(error.__cause__)
        except (APIError, _Unreadable):
            # It said that it took it, in words that cannot be read: ask it next time.
            return TryAgain("broken", may_be_taken=True)

    def whereabouts(self, provider_id: str) -> Whereabouts:
        """See `Channel`."""
        try:
            answer = _read(self._client().get_notification_by_id(provider_id))
        except (APIError, _Unreadable, requests.RequestException):
            return "unknown"
        return _WHERE.get(str(answer.get("status")), "unknown")

    def _client(self) -> NotificationsAPIClient:
        settings = self._settings
        return NotificationsAPIClient(settings.key.get_secret_value(), settings.url, int(PATIENCE_SECONDS))

    def _sent(self, client: NotificationsAPIClient, message: Message, address: str, *, is_mail: bool) -> str:
        words = in_words(message, self._link)
        if is_mail:
            answer = client.send_email_notification(
                address,
                self._settings.email_template,
                personalisation={"subject": words.subject, "body": words.text},
                reference=message.message_id,
            )
        else:
            answer = client.send_sms_notification(
                address,
                self._settings.text_template,
                personalisation={"body": words.text},
                reference=message.message_id,
            )
        return _id_in(answer)


class _Unreadable(Exception):
    """Notify answered that all is well, and not what it is asked to answer."""


def _read(answer: object) -> Mapping[str, object]:
    if not isinstance(answer, Mapping):
        raise _Unreadable
    return answer


def _id_in(answer: object) -> str:
    found = _read(answer).get("id")
    if not isinstance(found, str):
        raise _Unreadable
    return found


def _found(client: NotificationsAPIClient, reference: str) -> str | None:
    known = _read(client.get_all_notifications(reference=reference)).get("notifications")
    # Without a list nobody knows whether it has it.
    if not isinstance(known, list):
        raise _Unreadable
    return _id_in(known[0]) if known else None


def _unanswered(cause: BaseException | None) -> Outcome:
    if isinstance(cause, requests.ConnectTimeout):
        return TryAgain("unreachable")
    if isinstance(cause, requests.Timeout):
        return TryAgain("timed-out", may_be_taken=True)
    return TryAgain("unreachable", may_be_taken=True)


def _make(settings: DeliverySettings) -> Channel | None:
    return None if settings.notify is None else _Notify(settings.notify, settings.link)


KIND: Final = Kind(
    name="notify",
    title="GOV.UK Notify (mail, text message)",
    confirms=True,
    recognises_repeats=True,
    fails_alone=False,
    takes_any_address=False,
    make=_make,
)
