"""With tokens sealed at the door in, and a key store that is away now and then, what stands at the end is the same.

The same, that is, as the oracle says of the reports with seals in place of tokens; and no token is behind the door.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from random import Random

import pytest

from safety_stream.sealing.database import open_database
from safety_stream.sealing.providers import new_file_key
from safety_stream.sealing.store import KeyStore
from safety_stream.streaming.ports import Retriable
from safety_stream.testing.backbone import Backbone, Deployment, plan
from safety_stream.testing.log import Log
from safety_stream.testing.simulation import Simulation, Wrong
from safety_stream.wire.topology import BETWEEN_STAGES

SCHEDULES = 8
TOKEN = b"tok-"
"""How every token begins that the scenes tell of."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[KeyStore]:
    opened = KeyStore(open_database(f"sqlite:///{tmp_path / 'keys.sqlite'}"), new_file_key(tmp_path / "kek"), lambda: 0)
    yield opened
    opened.close()


class Watched(Backbone):
    """A scene in which tokens are looked for behind the door, too."""

    def faults(self, log: Log) -> Iterator[str]:
        yield from super().faults(log)
        for topic in (*sorted(BETWEEN_STAGES), "changelog.register", "changelog.detect", "alert-changes"):
            for at, _, record in log.read(topic):
                if TOKEN in (record.key or b"") + (record.value or b""):
                    yield f"a token is on {at.topic} at {at.partition}"


def sometimes_away(
    sealed: Callable[[Collection[str]], dict[str, str]], random: Random, calls: Counter[str]
) -> Callable[[Collection[str]], Mapping[str, str]]:
    def seals(tokens: Collection[str]) -> Mapping[str, str]:
        if random.random() < 0.4:
            calls["away"] += 1
            raise Retriable("the key store does not answer")
        calls["there"] += 1
        return sealed(tokens)

    return seals


def lived(deployment: Deployment, store: KeyStore) -> None:
    for seed in range(SCHEDULES):
        Simulation(plan(seed), Watched(deployment, seed, store.sealed)).run()


def test_sealed_and_with_a_key_store_that_is_away_everything_ends_as_the_oracle_says(
    deployment: Deployment, store: KeyStore
):
    calls = Counter[str]()
    for seed in range(SCHEDULES):
        sealing = Deployment(deployment.catalogue, deployment.folder, sometimes_away(store.sealed, Random(seed), calls))
        Simulation(plan(seed), Watched(sealing, seed, store.sealed)).run()

    assert min(calls["away"], calls["there"]) > SCHEDULES, "the key store was away, and there"


def test_a_door_that_lets_tokens_pass_while_the_key_store_is_away_is_caught(deployment: Deployment, store: KeyStore):
    def lets_pass(tokens: Collection[str]) -> Mapping[str, str]:
        return {token: token for token in tokens}

    passing = Deployment(deployment.catalogue, deployment.folder, lets_pass)

    with pytest.raises(Wrong):
        lived(passing, store)


def test_a_door_that_gives_somebody_another_seal_each_time_is_caught(deployment: Deployment, store: KeyStore):
    times = iter(range(10**9))

    def forgets(tokens: Collection[str]) -> Mapping[str, str]:
        return {token: f"{seal[:-8]}{next(times):08x}" for token, seal in store.sealed(tokens).items()}

    forgetful = Deployment(deployment.catalogue, deployment.folder, forgets)

    with pytest.raises(Wrong):
        lived(forgetful, store)
