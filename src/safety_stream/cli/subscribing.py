"""From the pages to delivery: the subscriptions people edit, kept by delivery's own code.

Apart from `web`, because it needs what delivery rests on, which not everybody has installed.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.times import Instant
from safety_stream.core.subscribing import Kept, Wish
from safety_stream.delivery import asking
from safety_stream.delivery.channels import CHANNELS
from safety_stream.delivery.settings import DeliverySettings
from safety_stream.delivery.subscriptions import NoSuchSubscription, unsubscribe
from safety_stream.web.subscribing import ANY_ADDRESS, Made, NotThere, Way


class Subscribing:
    """Subscriptions in a database of delivery's. Threads may share one."""

    def __init__(self, engine: Engine, settings: DeliverySettings, catalogue: Catalogue) -> None:
        """Edit those of this database, by these settings and this catalogue."""
        self._engine = engine
        self._settings = settings
        self._catalogue = catalogue

    def kept(self) -> Sequence[Kept]:
        """Every one that has not ended, the oldest first."""
        return asking.kept(self._engine)

    def ways(self) -> Sequence[Way]:
        """Every channel that is set up, with each address it can be told."""
        found = []
        for name, kind in CHANNELS.items():
            if kind.make(self._settings) is None:
                continue
            if kind.takes_any_address:
                found.append(Way(name, kind.title, ANY_ADDRESS))
            else:
                found += [Way(name, kind.title, address) for address in sorted(self._settings.addresses)]
        return found

    def add(self, wish: Wish, now: Instant) -> Made:
        """Keep what was asked for, from now on. Raises `NoSubscription`."""
        made = asking.ask(self._engine, wish, self._catalogue, self._settings, now)
        return Made(made.subscription_id, asking.secret_of(made, self._settings))

    def change(self, subscription_id: str, wish: Wish) -> None:
        """Keep it as it is asked for now. Raises `NoSubscription` and `NotThere`."""
        try:
            asking.ask_otherwise(self._engine, subscription_id, wish, self._catalogue)
        except NoSuchSubscription:
            raise NotThere from None

    def end(self, subscription_id: str, now: Instant) -> None:
        """End it. Raises `NotThere`."""
        try:
            unsubscribe(self._engine, subscription_id, now)
        except NoSuchSubscription:
            raise NotThere from None
