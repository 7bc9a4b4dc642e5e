"""Mail, by SMTP. A repeat has the same Message-ID, by which most mail systems show it once, and none has to."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

from safety_stream.core.model.times import Instant, to_datetime
from safety_stream.delivery.channels.channel import PATIENCE_SECONDS, Channel, Kind
from safety_stream.delivery.model import GiveUp, Message, Outcome, Taken, TryAgain, Whereabouts
from safety_stream.delivery.settings import DeliverySettings, MailSettings
from safety_stream.delivery.wording import in_words

_PERMANENT: Final = 500
"""From here on a mail server's reply says never, below it says not now."""

_SHUT_OUT: Final = frozenset({530, 534, 535, 538})


class _Mail:
    def __init__(self, settings: MailSettings, link: str) -> None:
        self._settings = settings
        self._link = link

    def send(self, message: Message, address: str, now: Instant) -> Outcome:
        """See `Channel`."""
        if "@" not in address:
            return TryAgain("unknown-address")
        try:
            server = self._connected()
        except (OSError, smtplib.SMTPException) as error:
            return _not_connected(error)
        try:
            letter = self._letter(message, address, now)
            server.send_message(letter)
        except (OSError, smtplib.SMTPException) as error:
            return _not_sent(error)
        finally:
            with suppress(OSError, smtplib.SMTPException):
                server.quit()
            server.close()
        return Taken(letter["Message-ID"])

    def whereabouts(self, provider_id: str) -> Whereabouts:
        """See `Channel`: mail servers do not say."""
        del provider_id
        return "unknown"

    def _connected(self) -> smtplib.SMTP:
        """A server that lets us in. Raises as smtplib does."""
        settings = self._settings
        if settings.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                settings.host, settings.port, timeout=PATIENCE_SECONDS, context=ssl.create_default_context()
            )
        else:
            server = smtplib.SMTP(settings.host, settings.port, timeout=PATIENCE_SECONDS)
        try:
            if settings.security == "starttls":
                server.starttls(context=ssl.create_default_context())
            if settings.user is not None and settings.password is not None:
                server.login(settings.user, settings.password.get_secret_value())
        except BaseException:
            server.close()
            raise
        return server

    def _letter(self, message: Message, address: str, now: Instant) -> EmailMessage:
        words = in_words(message, self._link)
        letter = EmailMessage()
        letter["From"] = self._settings.sender
        letter["To"] = address
        letter["Subject"] = words.subject
        letter["Date"] = format_datetime(to_datetime(now))
        letter["Message-ID"] = f"<{message.message_id}@{self._settings.sender.rpartition('@')[2].rstrip('>')}>"
        # Nobody's holiday notice comes back to it.
        letter["Auto-Submitted"] = "auto-generated"
        letter.set_content(words.text)
        return letter


def _not_connected(error: Exception) -> Outcome:
    if isinstance(error, smtplib.SMTPResponseException):
        return TryAgain("shut-out" if error.smtp_code in _SHUT_OUT else "busy")
    # A server that cannot do what was asked for: STARTTLS, or letting us in.
    return TryAgain("shut-out" if isinstance(error, smtplib.SMTPNotSupportedError) else "unreachable")


def _not_sent(error: Exception) -> Outcome:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return _refused(max(code for code, _ in error.recipients.values()))
    if isinstance(error, smtplib.SMTPResponseException):
        return _refused(error.smtp_code)
    return TryAgain("timed-out" if isinstance(error, TimeoutError) else "unreachable", may_be_taken=True)


def _refused(code: int) -> Outcome:
    if code in _SHUT_OUT:
        return TryAgain("shut-out")
    return GiveUp("refused") if code >= _PERMANENT else TryAgain("busy")


def _make(settings: DeliverySettings) -> Channel | None:
    return None if settings.mail is None else _Mail(settings.mail, settings.link)


KIND: Final = Kind(
    name="mail",
    title="Mail (SMTP)",
    confirms=False,
    recognises_repeats=False,
    fails_alone=False,
    takes_any_address=False,
    make=_make,
)
