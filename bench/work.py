"""The work every runtime is given: the same bytes, the same decoder, the same state, the same output.

A record is an `IncidentVersion` as the backbone itself writes it (Avro, Confluent framing, about 290 bytes), keyed by
an entity. For each record a runtime decodes it, brings the entity's count and last time up to date, and puts out one
record with both. The decoder is the backbone's own in every row, so what differs between rows is the runtime.

Because the output carries the count, a reader can tell a lost record from a doubled one: the outputs of a key with n
records must be exactly 1, 2, ... n, each once (`verdict`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random

import msgspec

from safety_stream.core.model.incidents import IncidentVersion, Party, Place
from safety_stream.wire.codecs import Decode, shipped_codecs

INPUT = "bench.input"
PARTITIONS = 4

_SUBJECT = "incident-version"
_FIRST_DAY = 1_767_312_000_000
_MINUTE = 60_000
_CATEGORIES = (
    ("violence-with-injury", "violence"),
    ("burglary-residential", "burglary"),
    ("asb-nuisance", "asb"),
    ("theft-from-vehicle", "vehicle-crime"),
)


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """What is remembered of a key: how many records, and the newest time any of them states (ms since the epoch)."""

    count: int = 0
    last: int = 0


def decoder() -> Decode:
    """The backbone's own decoder of the records."""
    return shipped_codecs().decoder((_SUBJECT,))


def folded(seen: Seen, version: object) -> Seen:
    """The state after one more record."""
    assert isinstance(version, IncidentVersion)
    return Seen(seen.count + 1, max(seen.last, version.occurred_from))


def records(count: int, keys: int) -> Iterator[tuple[bytes, bytes]]:
    """The input, key and value, in order; the same for the same arguments."""
    encode = shipped_codecs().encode
    chance = Random(1)
    for number in range(count):
        entity = chance.randrange(keys)
        category, family = _CATEGORIES[number % len(_CATEGORIES)]
        at = _FIRST_DAY + number * _MINUTE
        version = IncidentVersion(
            incident_id=f"00000000-0000-5000-8000-{number:012d}",
            source="police-crime",
            organisation="police",
            source_version=1,
            action="new",
            kind="police-crime",
            subtype="",
            category=category,
            family=family,
            flags=("alcohol",),
            occurred_from=at,
            occurred_to=at + 30 * _MINUTE,
            precision="instant",
            reported_at=at + 45 * _MINUTE,
            received_at=at + 60 * _MINUTE,
            area="E07000123",
            place=Place(uprn=f"9000000{entity % 100_000:05d}", easting=353_000, northing=429_000, exact=True),
            parties=(Party("victim", f"tok-victim-{entity:016d}"), Party("suspect", f"tok-suspect-{number:016d}")),
            vehicles=(f"tok-vehicle-{number:016d}",),
        )
        yield _key(entity), encode(version)


def expected(count: int, keys: int) -> Counter[bytes]:
    """How many records of each key `records` makes."""
    chance = Random(1)
    return Counter(_key(chance.randrange(keys)) for _ in range(count))


def _key(entity: int) -> bytes:
    return f"entity:{entity:08d}".encode()


@dataclass(frozen=True)
class Verdict:
    """What the outputs say of the records: how many came out, how many did not, how many more than once or wrongly."""

    outputs: int
    lost: int
    doubled: int

    @property
    def is_exactly_once(self) -> bool:
        """Whether every record came out once, with the right state."""
        return self.lost == 0 and self.doubled == 0


def verdict(outputs: Iterable[tuple[bytes, bytes]], sizes: Counter[bytes]) -> Verdict:
    """Hold the outputs (key, packed `Seen`) against the number of records each key has."""
    decode = msgspec.msgpack.Decoder(Seen).decode
    came: dict[bytes, Counter[int]] = {}
    total = 0
    for key, value in outputs:
        total += 1
        came.setdefault(key, Counter())[decode(value).count] += 1
    nothing: Counter[int] = Counter()
    lost = sum(not came.get(key, nothing)[number] for key, size in sizes.items() for number in range(1, size + 1))
    return Verdict(total, lost, total - (sizes.total() - lost))
