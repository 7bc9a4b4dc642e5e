"""The channels, one file each. To add one, write its module and name it in `CHANNELS`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from safety_stream.delivery.channels import apprise, mail, notify, webhook
from safety_stream.delivery.channels.channel import Kind

CHANNELS: Final[Mapping[str, Kind]] = {kind.name: kind for kind in (webhook.KIND, mail.KIND, notify.KIND, apprise.KIND)}
"""Every kind of channel by its name in subscriptions."""


def provider_of(channel: str, address: str) -> str:
    """Whoever fails as one for this channel and address: one receiver, or the whole service behind a channel."""
    kind = CHANNELS.get(channel)
    return f"{channel} {address}" if kind is None or kind.fails_alone else channel
