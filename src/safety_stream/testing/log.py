"""An in-memory log that behaves like Kafka where it matters, and crashes where it hurts.

What it keeps to, because the loop's guarantees rest on it:

- **Transactions.** Records of open and aborted transactions lie in the partitions and count in the high watermark.
  A commit is decided at once, but its markers reach the partitions and the group's offsets one by one, later: until
  then the last stable offset stays back, and the offsets are unstable.
- **Fencing.** A producer that initialises bumps the epoch of its transactional id: the former one's transaction is
  aborted; `produce` goes on succeeding for it, into nothing, and only the transaction calls tell. A transaction open
  too long is aborted in the same way.
- **Groups.** Members join, leave, and are expelled when they stay silent. A rebalance completes when everybody has
  joined; then the generation rises, at once for all members, before anybody has heard of the outcome. *Eager*: all is
  revoked first. *Cooperative*: what moves is revoked afterwards and given out in a second round. A member that was
  expelled hears that its partitions are lost at its next poll, and not before.
- **KIP-447.** Offsets in a transaction are refused for a former generation or an unknown member. *Ownership is not
  checked*: nor does Kafka.
- Without group metadata, or committed outside of a transaction, offsets are taken as they come.
- **Compaction.** Now and then a compacted topic is cleaned below some offset, never beyond the last stable one: aborted
  records go, and those older than another of their key. Offsets and ends stay what they were, so there are gaps, long
  ones. A tombstone is kept for its time from when it was first met; whoever reads later never hears of it.

Every call is a step of the `Schedule`, and may be told to crash before or after its effect, or to fail (`Faults`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from safety_stream.streaming.ports import (
    Abortable,
    Assignments,
    Change,
    Fatal,
    GroupMetadata,
    Incoming,
    Outgoing,
    Polled,
    Retriable,
    TopicPartition,
)
from safety_stream.testing.schedule import Killed, Schedule

Isolation = Literal["read_committed", "read_uncommitted"]
Protocol = Literal["cooperative", "eager"]
Fate = Literal["crash-before", "crash-after", "freeze", "stall", "retriable-before", "retriable-after", "abortable"]

T = TypeVar("T")

_MARKER_CHANCE = 0.25
_COMPACTION_CHANCE = 0.02
_RETRIABLE_CALLS = frozenset(
    {"init", "flush", "send_offsets", "commit", "abort", "committed", "high_watermark", "seek"}
)
_ABORTABLE_CALLS = frozenset({"produce", "flush", "send_offsets", "commit"})
_ONCE_CALLS = frozenset({"seek"})  # Retriable only without effect.


class Transaction:
    """One transaction: what it touched, how it ended, and which markers are still to be written."""

    def __init__(self, began: float) -> None:
        """Open."""
        self.began = began
        self.committed: bool | None = None
        self.partitions: set[TopicPartition] = set()
        self.offsets: dict[str, dict[TopicPartition, int]] = {}
        self.unmarked: list[TopicPartition | str] = []

    def decide(self, *, committed: bool) -> None:
        """From here there is no way back; the markers follow."""
        self.committed = committed
        self.unmarked = [*sorted(self.partitions), *sorted(self.offsets)]


@dataclass(slots=True)
class Entry:
    """One offset of a partition: a record, or None where a marker is or something was before it was compacted away.

    `forget_at`: when a tombstone that compaction has met may go.
    """

    record: Outgoing | None
    transaction: Transaction | None
    forget_at: float | None = None

    @property
    def is_aborted(self) -> bool:
        """Whether it is of a transaction that is not committed."""
        return self.transaction is not None and not self.transaction.committed


@dataclass(slots=True)
class Partition:
    """One partition: its entries, and where the transactions without a marker in it begin."""

    entries: list[Entry] = field(default_factory=list)
    unfinished: dict[int, tuple[Transaction, int]] = field(default_factory=dict)
    start: int = 0

    @property
    def high_watermark(self) -> int:
        """The end, open transactions included."""
        return len(self.entries)

    @property
    def last_stable_offset(self) -> int:
        """The end for read_committed readers."""
        if not self.unfinished:
            return len(self.entries)
        return min(first for _, first in self.unfinished.values())

    def append(self, record: Outgoing, transaction: Transaction | None) -> int:
        """Add a record; its offset."""
        offset = len(self.entries)
        self.entries.append(Entry(record, transaction))
        if transaction is not None:
            self.unfinished.setdefault(id(transaction), (transaction, offset))
        return offset

    def mark(self, transaction: Transaction) -> None:
        """Write the marker of a decided transaction."""
        self.entries.append(Entry(None, transaction))
        self.unfinished.pop(id(transaction), None)

    def end(self, isolation: Isolation) -> int:
        """Where a reader of this isolation has to stop."""
        return self.last_stable_offset if isolation == "read_committed" else self.high_watermark

    def visible(self, offset: int, isolation: Isolation) -> Outgoing | None:
        """The record at an offset, or None for a marker and for what this reader must not see."""
        entry = self.entries[offset]
        return None if isolation == "read_committed" and entry.is_aborted else entry.record

    def compact(self, end: int, now: float, tombstone_seconds: float) -> None:
        """Clean below `end`, which is no further than the last stable offset. No offset changes, and no end."""
        entries = self.entries[:end]
        newest = {entry.record.key: entry for entry in entries if entry.record is not None and not entry.is_aborted}
        for offset, entry in enumerate(entries):
            if entry.record is None:
                continue
            is_newest = newest.get(entry.record.key) is entry
            if is_newest and entry.record.value is None and entry.forget_at is None:
                entry.forget_at = now + tombstone_seconds
            if not is_newest or (entry.forget_at is not None and now >= entry.forget_at):
                self.entries[offset] = Entry(None, None)


class TransactionalId:
    """What the coordinator knows of one transactional id."""

    def __init__(self) -> None:
        """Nobody has used it."""
        self.epoch = 0
        self.current: Transaction | None = None
        self.finishing: Transaction | None = None


@dataclass(frozen=True, slots=True)
class Membership:
    """What `group_metadata` gives."""

    group: str
    member: int
    generation: int


class Group:
    """A consumer group: members, generation, committed offsets, and the state of its rebalance."""

    def __init__(self, log: Log, name: str, protocol: Protocol) -> None:
        """No members."""
        self._log = log
        self.name = name
        self.protocol: Protocol = protocol
        self.generation = 0
        self.members: dict[int, MemoryConsumer] = {}
        self.joined: set[int] = set()
        self.rebalancing = False
        self.targets: dict[int, set[TopicPartition]] = {}
        self.offsets: dict[TopicPartition, int] = {}
        self.unstable: dict[int, tuple[Transaction, dict[TopicPartition, int]]] = {}
        self.rotation = 0

    def rebalance(self) -> None:
        """Ask everybody to join again."""
        self.rebalancing = True
        self.joined.clear()

    def expel_the_silent(self) -> None:
        """Members whose process has been dead or frozen for the session timeout."""
        for member, consumer in list(self.members.items()):
            if consumer.silent_since is not None:
                silent = self._log.schedule.now - consumer.silent_since
                if silent > self._log.session_seconds:
                    self.remove(member)

    def is_settled(self) -> bool:
        """Whether all members live and have taken their assignments."""
        settled = all(one.synced and one.silent_since is None for one in self.members.values())
        return settled and bool(self.members) and not self.rebalancing

    def remove(self, member: int) -> None:
        """A member leaves or is expelled."""
        self._log.silent.discard(self.members.pop(member))
        self.targets.pop(member, None)
        self.rebalance()

    def complete_if_all_joined(self) -> None:
        """Raise the generation and give the partitions out."""
        if not self.rebalancing or not self.members or set(self.members) - self.joined:
            return
        self.rebalancing = False
        self.generation += 1
        wanted = self._distribute()
        owned_by = {one: member for member, consumer in self.members.items() for one in consumer.owned}
        again = False
        for member, consumer in self.members.items():
            consumer.generation = self.generation
            target = wanted[member]
            if self.protocol == "cooperative":
                # What another still owns is given out only once it has been revoked there.
                free = {one for one in target if owned_by.get(one, member) == member}
                again = again or free != target
                target = free
            self.targets[member] = target
            consumer.synced = False
        if again:
            for consumer in self.members.values():
                consumer.join_after_revoke = bool(consumer.owned - self.targets[consumer.member])

    def _distribute(self) -> dict[int, set[TopicPartition]]:
        members = sorted(self.members)
        members = members[self.rotation % len(members) :] + members[: self.rotation % len(members)]
        topics = next(iter(self.members.values())).topics
        numbers = range(self._log.partitions_of(topics[0]))
        quota = -(-len(numbers) // len(members))
        given: dict[int, list[int]] = {member: [] for member in members}
        left = []
        for number in numbers:
            owner = next((one for one in members if TopicPartition(topics[0], number) in self.members[one].owned), None)
            if owner is not None and len(given[owner]) < quota and not self.rotation:
                given[owner].append(number)
            else:
                left.append(number)
        for number in left:
            given[min(members, key=lambda one: len(given[one]))].append(number)
        self.rotation = 0
        return {
            member: {TopicPartition(topic, number) for number in numbers for topic in topics}
            for member, numbers in given.items()
        }


class Faults:
    """Which calls fail, and how: drawn from the schedule's seed at the given rates, and crashes at chosen calls."""

    def __init__(self, schedule: Schedule, *, error_rate: float, crash_rate: float, freeze_rate: float) -> None:
        """The rates are chances per call."""
        self._random = schedule.random
        self.error_rate = error_rate
        self.crash_rate = crash_rate
        self.freeze_rate = freeze_rate

    def fate(self, call: str) -> Fate | None:
        """What happens to this call; None: it simply works."""
        draw = self._random.random()
        if draw < self.crash_rate:
            return "crash-before" if self._random.random() < 0.5 else "crash-after"  # noqa: PLR2004
        draw -= self.crash_rate
        if draw < self.freeze_rate:
            return "freeze" if self._random.random() < 0.5 else "stall"  # noqa: PLR2004
        if draw < self.freeze_rate + self.error_rate:
            kinds: list[Fate] = []
            if call in _RETRIABLE_CALLS:
                kinds += ["retriable-before"] if call in _ONCE_CALLS else ["retriable-before", "retriable-after"]
            if call in _ABORTABLE_CALLS:
                kinds.append("abortable")
            if kinds:
                return self._random.choice(kinds)
        return None


class Process:
    """What lives and dies together: the clients of one simulated worker."""

    def __init__(self, log: Log, faults: Faults | None, crash: Callable[[], None], freeze: Callable[[], None]) -> None:
        """`crash` is called when a call is to be the last of this process, `freeze` when it is to stand still."""
        self._log = log
        self._faults = faults
        self._crash = crash
        self._freeze = freeze
        self.consumers: list[MemoryConsumer] = []

    def call(self, name: str, effect: Callable[[], T], *, decided: bool = False) -> T:
        """Make a call to the log: a step, then the effect, unless this one is to go wrong.

        `decided`: the transaction can no longer be aborted, so nothing will ask for that.
        """
        self._log.schedule.step()
        self._log.work()
        fate = None if self._faults is None else self._faults.fate(name)
        if fate is None or (decided and fate == "abortable"):
            return effect()
        if fate == "crash-before":
            self._die()
        if fate == "freeze":
            self._freeze()
            self._log.schedule.step()
            return effect()
        if fate == "stall":
            # This thread alone gets no further for a while; the process, and its heartbeat, go on.
            self._log.schedule.sleep(self._log.schedule.random.random() * 2.0 * self._log.session_seconds)
            return effect()
        if fate == "retriable-before":
            raise Retriable(f"{name}: injected, without effect")
        if fate == "abortable":
            raise Abortable(f"{name}: injected")
        result = effect()
        if fate == "crash-after":
            self._die()
        if fate == "retriable-after":
            raise Retriable(f"{name}: injected, after its effect")
        return result

    def silence(self, since: float | None) -> None:
        """The process is dead or frozen since then; None: it is back."""
        for consumer in self.consumers:
            consumer.silent_since = since
            if since is None:
                self._log.silent.discard(consumer)
            else:
                self._log.silent.add(consumer)

    def _die(self) -> None:
        self._crash()
        raise Killed


class Log:
    """The broker."""

    def __init__(
        self,
        schedule: Schedule,
        topics: Mapping[str, int],
        *,
        compacted: Collection[str] = (),
        session_seconds: float = 2.0,
        transaction_seconds: float = 3.0,
        tombstone_seconds: float = 14.0,
    ) -> None:
        """`topics`: how many partitions each has; `compacted`: which are. Times in the schedule's seconds."""
        self.schedule = schedule
        self.session_seconds = session_seconds
        self.transaction_seconds = transaction_seconds
        self.tombstone_seconds = tombstone_seconds
        self._counts = dict(topics)
        self.partitions = {TopicPartition(name, n): Partition() for name, count in topics.items() for n in range(count)}
        self._compacted = [one for one in self.partitions if one.topic in compacted]
        self.groups: dict[str, Group] = {}
        self.ids: dict[str, TransactionalId] = {}
        self.silent: set[MemoryConsumer] = set()
        """Consumers whose process is dead or frozen."""
        self._to_mark: list[Transaction] = []
        self._open: set[Transaction] = set()
        self._members = 0

    def partitions_of(self, topic: str) -> int:
        """How many partitions a topic has."""
        return self._counts[topic]

    def group(self, name: str, protocol: Protocol) -> Group:
        """The group of this name, made when it is not there."""
        if name not in self.groups:
            self.groups[name] = Group(self, name, protocol)
        return self.groups[name]

    def new_member(self) -> int:
        """An id no member ever had."""
        self._members += 1
        return self._members

    def open(self, transactional: TransactionalId, transaction: Transaction) -> None:
        """Make a transaction the open one of an id."""
        transactional.current = transaction
        self._open.add(transaction)

    def decide(self, transactional: TransactionalId, *, committed: bool) -> None:
        """End the open transaction of an id."""
        transaction = transactional.current
        if transaction is not None:
            transaction.decide(committed=committed)
            self._open.discard(transaction)
            transactional.current = None
            transactional.finishing = transaction
            self._to_mark.append(transaction)

    def work(self) -> None:
        """What the broker does by itself: write some markers, compact, end old transactions, expel the silent.

        Done at every step, and most find nothing to do: so nothing is looked through that need not be.
        """
        if self._to_mark and self.schedule.random.random() < _MARKER_CHANCE:
            self._write_a_marker()
        if self._compacted and self.schedule.random.random() < _COMPACTION_CHANCE:
            # The newest segment is never cleaned; how far that reaches is anybody's guess.
            partition = self.partitions[self.schedule.random.choice(self._compacted)]
            end = int(self.schedule.random.random() * (partition.last_stable_offset + 1))
            partition.compact(end, self.schedule.now, self.tombstone_seconds)
        began = self.schedule.now - self.transaction_seconds
        if any(transaction.began < began for transaction in self._open):
            self._end_those_begun_before(began)
        for group in self.groups.values():
            if self.silent:
                group.expel_the_silent()
            if group.rebalancing:
                group.complete_if_all_joined()

    def settle(self, *, abandoned: bool = False) -> None:
        """Write all markers; `abandoned`: of the transactions still open, too, which time out."""
        if abandoned:
            for transactional in self.ids.values():
                self.decide(transactional, committed=False)
        while self._to_mark:
            self._write_a_marker()

    def read(
        self, topic: str, isolation: Isolation = "read_committed"
    ) -> Iterator[tuple[TopicPartition, int, Outgoing]]:
        """Everything a reader sees, partition by partition."""
        for one, partition in sorted(self.partitions.items()):
            if one.topic == topic:
                for offset in range(partition.end(isolation)):
                    record = partition.visible(offset, isolation)
                    if record is not None:
                        yield one, offset, record

    def compact(self) -> None:
        """Clean every compacted topic as far as may be."""
        for one in self._compacted:
            partition = self.partitions[one]
            partition.compact(partition.last_stable_offset, self.schedule.now, self.tombstone_seconds)

    def _end_those_begun_before(self, began: float) -> None:
        for transactional in self.ids.values():
            open_one = transactional.current
            if open_one is not None and open_one.began < began:
                transactional.epoch += 1
                self.decide(transactional, committed=False)

    def _write_a_marker(self) -> None:
        transaction = self.schedule.random.choice(self._to_mark)
        if transaction.unmarked:
            where = transaction.unmarked.pop(int(self.schedule.random.random() * len(transaction.unmarked)))
            if isinstance(where, str):
                group = self.groups[where]
                group.unstable.pop(id(transaction), None)
                if transaction.committed:
                    group.offsets.update(transaction.offsets[where])
            else:
                self.partitions[where].mark(transaction)
        if not transaction.unmarked:
            self._to_mark.remove(transaction)


class MemoryConsumer:
    """A consumer of the in-memory log. Implements `ports.Consumer`."""

    def __init__(
        self, log: Log, process: Process, group: str, protocol: Protocol, isolation: Isolation = "read_committed"
    ) -> None:
        """Joins at its first `consume` after `subscribe`."""
        self._log = log
        self._process = process
        process.consumers.append(self)
        self._group = log.group(group, protocol)
        self._isolation: Isolation = isolation
        self._assignments: Assignments | None = None
        self.topics: Sequence[str] = ()
        self.member = 0
        self.generation = -1
        self.synced = True
        self.join_after_revoke = False
        self.silent_since: float | None = None
        self.owned: set[TopicPartition] = set()
        self._paused: set[TopicPartition] = set()
        self._positions: dict[TopicPartition, int] = {}
        self._told_end: set[TopicPartition] = set()

    def subscribe(self, topics: Sequence[str], assignments: Assignments) -> None:
        """Join the group."""
        self._assignments = assignments
        self.topics = tuple(topics)

    def consume(self, count: int, seconds: float) -> Polled:
        """At most `count` records, waiting at most `seconds`. Runs the callbacks."""
        return self._process.call("consume", lambda: self._consume(count, seconds))

    def assign_paused(self, partitions: Sequence[TopicPartition]) -> None:
        """Accept newly assigned partitions without letting any record through yet."""

        def effect() -> None:
            for one in partitions:
                self.owned.add(one)
                self._paused.add(one)
                self._positions[one] = 0
                self._told_end.discard(one)

        self._process.call("assign_paused", effect)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read on from `offset`."""

        def effect() -> None:
            self._positions[partition] = offset
            self._told_end.discard(partition)

        self._process.call("seek", effect)

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        """Let records through."""
        self._process.call("resume", lambda: self._paused.difference_update(partitions))

    def committed(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int | None]:
        """The group's offsets. `Retriable` while a transaction holds one of them open."""

        def effect() -> Mapping[TopicPartition, int | None]:
            for _, pending in self._group.unstable.values():
                if any(one in pending for one in partitions):
                    raise Retriable("an offset is unstable")
            return {one: self._group.offsets.get(one) for one in partitions}

        return self._process.call("committed", effect)

    def earliest(self, partition: TopicPartition) -> int:
        """The first offset the log still has."""
        return self._process.call("earliest", lambda: self._log.partitions[partition].start)

    def end(self, partition: TopicPartition) -> int | None:
        """The newest end of the partition."""
        return self._log.partitions[partition].high_watermark

    def group_metadata(self) -> GroupMetadata:
        """Member and generation, now."""
        return self._process.call("group_metadata", lambda: Membership(self._group.name, self.member, self.generation))

    def position(self, partition: TopicPartition) -> int:
        """How far has been read: never to be committed, since batches are read ahead."""
        return self._positions[partition]

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit outside of any transaction: what the loop must not do."""
        self._process.call("plain-commit", lambda: self._group.offsets.update(offsets))

    def close(self) -> None:
        """Leave the group, running `on_revoke`."""
        self._process.call("close", lambda: None)
        if self.owned and self._assignments is not None:
            self._assignments.on_revoke(sorted(self.owned))
        self.owned.clear()
        if self.member in self._group.members:
            self._group.remove(self.member)

    def _consume(self, count: int, seconds: float) -> Polled:
        self._take_part()
        if not self._is_readable():
            self._log.schedule.wait(lambda: self._has_news() or self._is_readable(), seconds)
            self._log.work()
            self._take_part()
        return self._fetch(count)

    def _fetch(self, count: int) -> Polled:
        records: list[Incoming] = []
        ends: list[TopicPartition] = []
        most = self._log.schedule.random.randint(1, count)
        for one in sorted(self.owned - self._paused):
            partition = self._log.partitions[one]
            position, end = self._positions[one], partition.end(self._isolation)
            while position < end and len(records) < most:
                record = partition.visible(position, self._isolation)
                if record is not None:
                    records.append(
                        Incoming(one.topic, one.partition, position, record.timestamp, record.key, record.value)
                    )
                position += 1
            if position != self._positions[one]:
                self._told_end.discard(one)
            self._positions[one] = position
            if position == end and one not in self._told_end:
                self._told_end.add(one)
                ends.append(one)
        return Polled(records, ends)

    def _is_readable(self) -> bool:
        partitions, positions = self._log.partitions, self._positions
        for one in self.owned:
            if one not in self._paused and positions[one] < partitions[one].end(self._isolation):
                return True
        return False

    def _has_news(self) -> bool:
        if self.member not in self._group.members or not self.synced:
            return True
        return self._group.rebalancing and self.member not in self._group.joined

    def _take_part(self) -> None:
        """The consumer's side of the group protocol: everything a poll may find has happened."""
        group = self._group
        assert self._assignments is not None  # noqa: S101
        if self.member not in group.members:
            if self.owned:
                lost = sorted(self.owned)
                self.owned.clear()
                self._assignments.on_lost(lost)
            self.member = self._log.new_member()
            self.generation = -1
            self.synced = True
            group.members[self.member] = self
            group.rebalance()
        if group.rebalancing and self.member not in group.joined and self.synced:
            if group.protocol == "eager" and self.owned:
                self._revoke(set(self.owned))
            if self.member in group.members:
                group.joined.add(self.member)
                group.complete_if_all_joined()
        if not self.synced:
            self._take_assignment()

    def _take_assignment(self) -> None:
        group = self._group
        assert self._assignments is not None  # noqa: S101
        target = set(group.targets.get(self.member, set()))
        self.synced = True
        going = self.owned - target
        if going:
            self._revoke(going)
        coming = target - self.owned
        if coming:
            self._assignments.on_assign(sorted(coming))
        if self.join_after_revoke:
            self.join_after_revoke = False
            if self.member in group.members:
                group.rebalance()

    def _revoke(self, partitions: set[TopicPartition]) -> None:
        assert self._assignments is not None  # noqa: S101
        self._assignments.on_revoke(sorted(partitions))
        self.owned -= partitions


class MemoryProducer:
    """A transactional producer of the in-memory log. Implements `ports.Producer`."""

    def __init__(self, log: Log, process: Process, transactional_id: str) -> None:
        """Nothing happens before `init`."""
        self._log = log
        self._process = process
        self._id = log.ids.setdefault(transactional_id, TransactionalId())
        self._epoch = -1
        self._transaction: Transaction | None = None
        self._reports: list[tuple[Callable[[int], None], int]] = []

    def init(self) -> None:
        """Fence off a former holder of the id and finish what it left open."""

        def effect() -> None:
            self._id.epoch += 1
            self._epoch = self._id.epoch
            self._log.decide(self._id, committed=False)

        self._process.call("init", effect)
        self._wait_for_markers()

    def begin(self) -> None:
        """Open a transaction: nobody else hears of it yet."""

        def effect() -> None:
            self._transaction = Transaction(self._log.schedule.now)
            self._reports.clear()

        self._process.call("begin", effect)

    def produce(self, record: Outgoing, delivered: Callable[[int], None] | None = None) -> None:
        """Send one record. Succeeds even when fenced."""
        if self._id.current is not self._transaction and self._epoch == self._id.epoch:
            self._wait_for_markers()

        def effect() -> None:
            if not self._join_log():
                return
            transaction = self._open()
            one = TopicPartition(record.topic, self._number(record))
            transaction.partitions.add(one)
            offset = self._log.partitions[one].append(record, transaction)
            if delivered is not None:
                self._reports.append((delivered, offset))

        self._process.call("produce", effect)

    def flush(self) -> None:
        """Wait until everything sent has its offset."""

        def effect() -> None:
            for delivered, offset in self._reports:
                delivered(offset)

        self._process.call("flush", effect)

    def send_offsets(self, offsets: Mapping[TopicPartition, int], group: GroupMetadata | str) -> None:
        """Put input offsets into the transaction. A bare name of a group instead of metadata is not checked."""

        def effect() -> None:
            if not self._join_log():
                raise Fatal("fenced off")
            if isinstance(group, Membership):
                theirs = self._log.groups[group.group]
                if group.member not in theirs.members:
                    raise Abortable("unknown member")
                if group.generation != theirs.generation:
                    raise Abortable("illegal generation")
            else:
                theirs = self._log.groups[str(group)]
            transaction = self._open()
            pending = transaction.offsets.setdefault(theirs.name, {})
            pending.update(offsets)
            theirs.unstable[id(transaction)] = (transaction, pending)

        self._process.call("send_offsets", effect)

    def commit(self) -> None:
        """Commit as one. Called again after the commit was decided, it finds that out."""

        def effect() -> None:
            if self._transaction is None:
                return
            if self._transaction.committed is None:
                if not self._join_log():
                    raise Fatal("fenced off")
                self._log.decide(self._id, committed=True)
            elif not self._transaction.committed:
                raise Fatal("fenced off")
            self._transaction = None

        self._process.call("commit", effect, decided=self._transaction is None)

    def abort(self) -> None:
        """Undo all of it."""

        def effect() -> None:
            if self._epoch != self._id.epoch:
                raise Fatal("fenced off")
            self._log.decide(self._id, committed=False)
            self._transaction = None

        self._process.call("abort", effect)

    def partitions(self, topic: str) -> int:
        """How many partitions a topic has."""
        return self._log.partitions_of(topic)

    def close(self) -> None:
        """Nothing to give back."""

    def _join_log(self) -> bool:
        """Make the transaction known to the coordinator; False when this producer has been fenced off."""
        if self._epoch != self._id.epoch:
            return False
        if self._id.current is None:
            self._log.open(self._id, self._open())
        return True

    def _open(self) -> Transaction:
        assert self._transaction is not None  # noqa: S101
        return self._transaction

    def _wait_for_markers(self) -> None:
        """A transactional id has one transaction at a time, markers included."""
        while self._id.finishing is not None and self._id.finishing.unmarked:
            self._process.call("wait", lambda: None)

    def _number(self, record: Outgoing) -> int:
        if record.partition is not None:
            return record.partition
        return murmur2_partition(record.key or b"", self._log.partitions_of(record.topic))


class MemoryChangelog:
    """A changelog topic of the in-memory log, for reading back. Implements `ports.Changelog`."""

    def __init__(self, log: Log, process: Process, topic: str, isolation: Isolation = "read_committed") -> None:
        """Reads at this isolation."""
        self._log = log
        self._process = process
        self._topic = topic
        self._isolation: Isolation = isolation

    def identity(self, partition: int) -> str:
        """There is only one log."""
        return f"{self._topic}/{partition}"

    def high_watermark(self, partition: int) -> int:
        """The end of the partition including open transactions."""
        return self._process.call("high_watermark", lambda: self._partition(partition).high_watermark)

    def last_stable_offset(self, partition: int) -> int:
        """The end for read_committed readers: what a take-over must not stop at."""
        return self._process.call("last_stable_offset", lambda: self._partition(partition).last_stable_offset)

    def read(self, partition: int, start: int, high: int) -> Iterator[Sequence[Change]]:
        """The committed changes from `start` on, until the stable end is at or past `high`."""
        position = start
        while position < high:
            end = self._process.call("read", lambda: self._partition(partition).end(self._isolation))
            end = min(end, position + self._log.schedule.random.randint(1, 20))
            changes = []
            while position < end:
                record = self._partition(partition).visible(position, self._isolation)
                if record is not None:
                    changes.append(Change(position, record.key or b"", record.value))
                position += 1
            yield changes

    def _partition(self, partition: int) -> Partition:
        return self._log.partitions[TopicPartition(self._topic, partition)]


def murmur2_partition(key: bytes, partitions: int) -> int:
    """Where Java's and our producers put a key (Kafka's `Utils.murmur2`, sign bit off, modulo)."""
    mask, mix = 0xFFFFFFFF, 0x5BD1E995
    value = 0x9747B28C ^ len(key)
    whole = len(key) // 4 * 4
    for at in range(0, whole, 4):
        word = int.from_bytes(key[at : at + 4], "little") * mix & mask
        word = (word ^ (word >> 24)) * mix & mask
        value = (value * mix & mask) ^ word
    if whole < len(key):
        value = (value ^ int.from_bytes(key[whole:], "little")) * mix & mask
    value = (value ^ (value >> 13)) * mix & mask
    value ^= value >> 15
    return (value & 0x7FFFFFFF) % partitions
