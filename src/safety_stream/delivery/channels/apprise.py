"""Whatever apprise knows (chat rooms, pagers): it hands on and says whether that went well, and no more.

There is no idempotency key and no word of what went wrong, so a message that may have been taken may come twice.
Addresses are apprise's URLs; they hold secrets and can lead anywhere, so they stand in the settings alone.
"""

from __future__ import annotations

from typing import Final

import apprise

from safety_stream.core.model.times import Instant
from safety_stream.delivery.channels.channel import PATIENCE_SECONDS, Channel, Kind
from safety_stream.delivery.model import Message, Outcome, Taken, TryAgain, Whereabouts
from safety_stream.delivery.settings import DeliverySettings
from safety_stream.delivery.wording import in_words


class _Apprise:
    def __init__(self, link: str) -> None:
        self._link = link

    def send(self, message: Message, address: str, now: Instant) -> Outcome:
        """See `Channel`."""
        del now
        words = in_words(message, self._link)
        service = apprise.Apprise(asset=apprise.AppriseAsset(async_mode=False))
        try:
            if not service.add(address):
                return TryAgain("unknown-address")
            went_well = service.notify(body=words.text, title=words.subject, timeout=PATIENCE_SECONDS)
        except Exception:  # noqa: BLE001 - its two hundred plug-ins raise what they like, and nobody knows how far it got
            return TryAgain("broken", may_be_taken=True)
        return Taken() if went_well else TryAgain("broken", may_be_taken=True)

    def whereabouts(self, provider_id: str) -> Whereabouts:
        """See `Channel`: apprise does not say."""
        del provider_id
        return "unknown"


def is_plain(address: str) -> bool:
    """Whether the service at an address would be spoken to without TLS; False for what apprise does not know."""
    service = apprise.Apprise.instantiate(address, suppress_exceptions=True)
    # Apprise says of each of its services by which schemes it is spoken to without TLS: one, several or none.
    plain: object = getattr(service, "protocol", None)
    schemes = (plain,) if isinstance(plain, str) else plain if isinstance(plain, tuple) else ()
    return address.partition("://")[0].lower() in schemes


def _make(settings: DeliverySettings) -> Channel | None:
    return None if settings.apprise is None else _Apprise(settings.link)


KIND: Final = Kind(
    name="apprise",
    title="apprise (chat rooms, pagers)",
    confirms=False,
    recognises_repeats=False,
    fails_alone=True,
    takes_any_address=False,
    make=_make,
)
