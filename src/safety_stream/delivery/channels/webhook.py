"""Signed web hooks, as standardwebhooks.com has them: a POST of JSON that the receiver can check, and tell a repeat.

The id of the message is the header `webhook-id`, the same for every repeat. The secret of a subscription is made from
one key and its id, so that no secret lies in the database; whoever subscribes is shown it once.

*Who may be reached.* A hook's address is stated by a user, and this process stands inside the network. So it has to be
https and its name has to lead to public addresses alone; the connection goes to the very address that was looked at, a
redirect is not followed, no proxy of the environment is used, and what is answered is not read. Nor may it keep us:
an attempt ends by a deadline, whatever the other side does.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
import socket
import time
from typing import Final

import httpcore
import httpx
from pydantic import SecretStr
from standardwebhooks import Webhook

from safety_stream.core.model.times import Instant, to_datetime
from safety_stream.delivery.channels.channel import PATIENCE_SECONDS, Channel, Kind, outcome_of
from safety_stream.delivery.channels.deadline import ByDeadline, Clock, Deadline
from safety_stream.delivery.model import Message, Outcome, TryAgain, Whereabouts
from safety_stream.delivery.settings import DeliverySettings, WebhookSettings
from safety_stream.delivery.wording import in_data

ADDRESS_MAX: Final = 2_000
"""As long as addresses are that every server takes, and as our table holds them."""


class Unreachable(Exception):
    """A hook that must not be reached, or cannot; the sentence says why, for whoever subscribes."""


def secret_of(key: SecretStr, subscription_id: str) -> str:
    """A subscription's signing secret, as standardwebhooks writes it."""
    made = hmac.new(key.get_secret_value().encode(), subscription_id.encode(), hashlib.sha256).digest()
    return f"whsec_{base64.b64encode(made).decode()}"


def checked(address: str, *, private_addresses: bool) -> httpx.URL:
    """The address of a hook, which looks as it must. Raises `Unreachable`; whither its name leads is not looked at."""
    if len(address) > ADDRESS_MAX:
        raise Unreachable(f"a web hook's address has at most {ADDRESS_MAX:,} characters")
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        raise Unreachable("this is no URL: write https://host/path") from None
    if url.scheme != "https" and not (private_addresses and url.scheme == "http"):
        raise Unreachable("a web hook begins with https://")
    if not url.host or url.userinfo:
        raise Unreachable("a web hook names a host, and no user or password: what is sent is signed instead")
    return url


class Hooks:
    """Every web hook somebody subscribed with. `clock` is what an attempt's deadline goes by."""

    def __init__(self, settings: WebhookSettings, link: str, clock: Clock = time.monotonic) -> None:
        self._settings = settings
        self._link = link
        self._clock = clock
        # Made once: reading the certificate authorities takes longer than all else. Connections are not kept, for one
        # that was made to an address under one name must not serve another.
        self._tls = httpx.create_ssl_context()

    def send(self, message: Message, address: str, now: Instant) -> Outcome:
        """See `Channel`."""
        deadline = Deadline(PATIENCE_SECONDS, self._clock)
        try:
            url = checked(address, private_addresses=self._settings.private_addresses)
            to = _looked_up(url, private_addresses=self._settings.private_addresses)
        except Unreachable:
            return TryAgain("unknown-address")
        except OSError:
            return TryAgain("unreachable")
        try:
            return self._post(message, url, to, now, deadline)
        except (httpcore.ConnectError, httpcore.ConnectTimeout):
            return TryAgain("unreachable")
        except httpcore.TimeoutException:
            return TryAgain("timed-out", may_be_taken=True)
        except (httpcore.NetworkError, httpcore.ProtocolError):
            return TryAgain("unreachable", may_be_taken=True)

    def _post(self, message: Message, url: httpx.URL, to: str, now: Instant, deadline: Deadline) -> Outcome:
        body = json.dumps(in_data(message, self._link), ensure_ascii=False)
        content = body.encode()
        headers = self._headers(message, body, now) | {
            "host": url.netloc.decode(),
            "content-length": str(len(content)),
        }
        at = url.copy_with(host=to)
        with (
            httpcore.ConnectionPool(ssl_context=self._tls, network_backend=ByDeadline(deadline)) as connections,
            connections.stream(
                "POST",
                httpcore.URL(scheme=at.raw_scheme, host=at.raw_host, port=at.port, target=at.raw_path),
                content=content,
                headers=list(headers.items()),
                # The certificate has to be that of the name, whatever address was looked up.
                extensions={"sni_hostname": url.host},
            ) as answer,
        ):
            asked = {name.lower(): value for name, value in answer.headers}.get(b"retry-after")
            return outcome_of(answer.status, None if asked is None else asked.decode("latin-1"), now)

    def whereabouts(self, provider_id: str) -> Whereabouts:
        """See `Channel`: a hook that answered has it."""
        del provider_id
        return "unknown"

    def _headers(self, message: Message, body: str, now: Instant) -> dict[str, str]:
        sent_at = to_datetime(now)
        signer = Webhook(secret_of(self._settings.key, message.subscription_id))
        return {
            "content-type": "application/json",
            "user-agent": "safety-stream",
            "webhook-id": message.message_id,
            "webhook-timestamp": str(int(sent_at.timestamp())),
            "webhook-signature": signer.sign(message.message_id, sent_at, body),
        }


def _looked_up(url: httpx.URL, *, private_addresses: bool) -> str:
    """An address the name leads to. Raises `Unreachable` when any is not public, `OSError` when there is none."""
    port = url.port or (443 if url.scheme == "https" else 80)
    found = [str(entry[4][0]) for entry in socket.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)]
    if not private_addresses and not all(_is_public(one) for one in found):
        raise Unreachable("the name of the web hook leads into a private network")
    return found[0]


def _is_public(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        # Addresses that wrap another one lead to that.
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is not None:
            return inner.is_global and not inner.is_multicast
        if found in _NAT64:
            return False
    return found.is_global and not found.is_multicast


_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


def _make(settings: DeliverySettings) -> Channel | None:
    return None if settings.webhook is None else Hooks(settings.webhook, settings.link)


KIND: Final = Kind(
    name="webhook",
    title="Signed web hook",
    confirms=False,
    recognises_repeats=True,
    fails_alone=True,
    takes_any_address=True,
    make=_make,
)
