"""The audit that can be verified: chains of records, what is wrong with one, and checkpoints others hold.

Theory of operation
-------------------
What is done with personal data is put on record in the transaction that does it, in the words of section 62 of the
Data Protection Act 2018:

    verb           where it is put on record              topic, a chain for each of its partitions
    collection     intake, for a batch of each topic      audit.collection
    alteration     register, when a version takes effect  audit.changes
    combination    register, when a decision takes effect audit.changes
    erasure        register, when one takes effect        audit.changes
    disclosure     both doors out                         audit.alerts, audit.indicators
    alteration     enter, when an erasure is requested    audit.entries
    erasure        enter, when a key is destroyed         audit.entries
    consultation   enter, for each that is told of        audit.entries

What was *not* told is on record as well, on `withheld`, in the same transaction and chained in the same way.

Each partition is a *chain*: records count from 1 without gap, and each names the hash of the one before it and has a
hash over all it says. So whoever changes, removes, adds or moves a record breaks the chain there:

    1 -- 2 -- 3 -- 4        edited: the hash is not that of what it says
                            dropped: a number is missing
                            inserted: a number comes again, and not as the same record
                            reordered: a number that was missing comes later

Whoever may write to the topic could cut off its end, or make all that follows a changed record anew; the chain then
looks whole. Therefore *checkpoints* say, signed, how far each chain was and what its last hash was. Others hold them:
a chain that ends before a checkpoint is *truncated*, one that has another hash at its number is *rewritten*. What came
after the newest checkpoint is as safe as whoever may write.

The records of `withheld` that an earlier version wrote bear no hash: the chain begins with the first that does, and of
those before it only the numbers are looked at.

A chain may be read from a checkpoint or the middle on (a period that was exported): then the first record's forerunner
is taken on trust.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

import msgspec

from safety_stream.core.model.published import AuditRecord
from safety_stream.core.model.sharing import Withheld
from safety_stream.core.model.times import Instant

FIRST_HASH: Final = "0" * 64
"""What the first record of a chain names as its forerunner."""

MISSING_AT_MOST: Final = 100_000
"""So many missing numbers are remembered, to tell what was moved from what was removed."""

_ENCODER = msgspec.msgpack.Encoder()


_LATER: Final = tuple(
    field.name for field in msgspec.structs.fields(AuditRecord) if field.default is not msgspec.NODEFAULT
)
"""What a record says since version 2 of its schema."""

_EARLIER: Final = tuple(name for name in AuditRecord.__struct_fields__ if name not in (*_LATER, "hash"))


Chained = AuditRecord | Withheld
"""What is in a chain."""


def chained(record: Chained) -> str:
    """The hash of a record in a chain: SHA-256 over what it says but its hash, its forerunner's hash included.

    It is over a MessagePack map of the fields by name, in the order of the schema, an empty `hash` in its place. Of
    the fields that came to the audit's later only those with a value are in it, so that older records keep their hash.
    """
    if isinstance(record, Withheld):
        return hashlib.sha256(_ENCODER.encode(msgspec.structs.replace(record, hash=""))).hexdigest()
    said = {name: getattr(record, name) for name in _EARLIER[:2]} | {"hash": ""}
    said |= {name: getattr(record, name) for name in _EARLIER[2:]}
    said |= {name: value for name in _LATER if (value := getattr(record, name)) is not None}
    return hashlib.sha256(_ENCODER.encode(said)).hexdigest()


def subject_of(token: str) -> str:
    """Whom something on record was about: a digest of the token, by which whoever has the token finds it again.

    A token is a keyed hash of 128 bits or more, so nobody finds it by trying.
    """
    return hashlib.sha256(token.encode()).hexdigest()


class Chain(NamedTuple):
    """Which chain: a partition of a topic of the audit."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]"


class Mark(msgspec.Struct, frozen=True, order=True):
    """How far a chain was: the number and the hash of its last record."""

    topic: str
    partition: int
    seq: int
    hash: str

    @property
    def chain(self) -> Chain:
        """Of which chain."""
        return Chain(self.topic, self.partition)


class Checkpoint(msgspec.Struct, frozen=True):
    """How far all chains were at an instant, sorted. `key_id` names the key it was signed with, in `signature`."""

    at: Instant
    marks: tuple[Mark, ...]
    key_id: str = ""
    signature: str = ""


FaultKind = Literal["edited", "dropped", "inserted", "reordered", "truncated", "rewritten", "undisclosed"]
"""What was done to a chain; "undisclosed": numbers of a feed were given to nobody on record, or twice."""


class Fault(msgspec.Struct, frozen=True):
    """Something wrong with a chain, at the record of number `seq`."""

    chain: str
    kind: FaultKind
    seq: int
    said: str


class Verified(msgspec.Struct, frozen=True):
    """What came of reading a chain: from and to which number it goes, its last hash, and what is wrong with it."""

    chain: Chain
    first: int
    last: int
    hash: str
    faults: tuple[Fault, ...]

    @property
    def mark(self) -> Mark:
        """Where it ends."""
        return Mark(self.chain.topic, self.chain.partition, self.last, self.hash)


def verified(
    chain: Chain,
    records: Iterable[Chained],
    checkpoints: Sequence[Checkpoint] = (),
    *,
    is_whole: bool = True,
    follows: Mark | None = None,
) -> Verified:
    """Read a chain in the order of its log, and hold it against checkpoints whose signatures have been verified.

    `is_whole` is False for a part of a chain, such as the records of a period: it may begin and end anywhere. A chain
    whose beginning was purged `follows` the last record that was.
    """
    reader = _Reader(chain, _marked(chain, checkpoints), is_whole=is_whole, follows=follows)
    for record in records:
        reader.take(record)
    return reader.close()


def signed_part(checkpoint: Checkpoint) -> bytes:
    """What of a checkpoint is signed: everything but the signature, so that nobody can say who else signed it."""
    return _ENCODER.encode(msgspec.structs.replace(checkpoint, signature=""))


def _marked(chain: Chain, checkpoints: Sequence[Checkpoint]) -> dict[int, set[str]]:
    """The hashes that checkpoints state for each number of a chain: more than one where two of them differ."""
    marked: dict[int, set[str]] = {}
    for checkpoint in checkpoints:
        for mark in checkpoint.marks:
            if mark.chain == chain:
                marked.setdefault(mark.seq, set()).add(mark.hash)
    return marked


class _Reader:
    """A chain while it is being read."""

    def __init__(
        self, chain: Chain, marked: Mapping[int, set[str]], *, is_whole: bool, follows: Mark | None = None
    ) -> None:
        self._chain = chain
        self._marked = marked
        self._is_whole = is_whole
        self._seq = 0 if follows is None else follows.seq
        self._hash = FIRST_HASH if follows is None else follows.hash
        self._first: int | None = self._seq + 1 if is_whole else None
        self._has_begun = False
        self._missing: dict[int, None] = {}
        self._given: dict[str, int] = {}
        self._faults: list[Fault] = []

    def take(self, record: Chained) -> None:
        """Hold one record against the one before it."""
        self._has_begun = self._has_begun or record.hash is not None
        if self._has_begun and record.hash != chained(record):
            self._fault("edited", record.seq, "its hash is not that of what it says")
        if self._first is None:
            self._first, self._seq, self._hash = record.seq, record.seq - 1, record.previous_hash or FIRST_HASH
        if record.seq <= self._seq:
            self._take_late(record)
            return
        if record.seq > self._seq + 1:
            self._miss(self._seq + 1, record.seq)
        elif self._has_begun and record.previous_hash != self._hash:
            self._fault("edited", record.seq, "it does not follow the one before it: that one, or this, was another")
        if isinstance(record, AuditRecord):
            self._disclose(record)
        self._look_at_marks(record)
        self._seq, self._hash = record.seq, record.hash or FIRST_HASH

    def close(self) -> Verified:
        """What came of it."""
        for first, last in _runs(self._missing):
            said = "this number is" if first == last else f"the numbers to {last} are"
            self._fault("dropped", first, f"{said} missing")
        if self._is_whole:
            for seq in sorted(seq for seq in self._marked if seq > self._seq):
                self._fault("truncated", seq, f"a checkpoint says it was there, and the chain ends at {self._seq}")
        faults = tuple(sorted(self._faults, key=lambda fault: fault.seq))
        return Verified(self._chain, self._first or 1, self._seq, self._hash, faults)

    def _take_late(self, record: Chained) -> None:
        if record.seq in self._missing:
            del self._missing[record.seq]
            self._fault("reordered", record.seq, f"it comes after number {self._seq}")
        else:
            self._fault("inserted", record.seq, f"it comes after number {self._seq}, where it has been before")

    def _miss(self, first: int, stop: int) -> None:
        room = MISSING_AT_MOST - len(self._missing)
        self._missing.update(dict.fromkeys(range(first, min(stop, first + room))))
        if stop > first + room:
            self._fault("dropped", first + room, f"the numbers to {stop - 1} are missing")

    def _disclose(self, record: AuditRecord) -> None:
        """Every number of a feed is on record once, in order."""
        if record.verb != "disclosure-transfers":
            return
        given = self._given.get(record.topic)
        if given is None and self._is_whole:
            given = 0
        if given is not None and record.from_seq != given + 1 and record.seq == self._seq + 1:
            self._fault("undisclosed", record.seq, f"{record.topic} is given from {record.from_seq} on, after {given}")
        self._given[record.topic] = record.to_seq

    def _look_at_marks(self, record: Chained) -> None:
        if any(stated != (record.hash or FIRST_HASH) for stated in self._marked.get(record.seq, ())):
            self._fault("rewritten", record.seq, "a checkpoint states another hash for this number")

    def _fault(self, kind: FaultKind, seq: int, said: str) -> None:
        self._faults.append(Fault(str(self._chain), kind, seq, said))


def _runs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Numbers as runs without gap: the first and the last of each."""
    first = last = None
    for number in sorted(numbers):
        if first is None or last is None:
            first = last = number
        elif number == last + 1:
            last = number
        else:
            yield first, last
            first = last = number
    if first is not None and last is not None:
        yield first, last
