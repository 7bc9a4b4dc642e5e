"""The transactional loop of one stage in one worker: read, step, commit, remember; and take over, give up, die.

Theory of operation
-------------------
A stage is a pure function of a partition's rows and records. Around it this loop promises: every record's outputs, row
changes and input offset are committed together or not at all, whoever dies when. One batch is one transaction.

Three things happen at once, each in a thread of its own; none of them is started here (see `worker`), so the very
same code runs in a simulation that decides who moves next:

- `feed` reads from the consumer, accepts what is ours, and hands batches over. It also hears of partitions coming and
  going.
- `take_over` brings a newly assigned partition to where its former owner left it.
- `transaction` runs the batches, one after the other.

What they share is `ownership`: which partitions are ours, under which tenure.

    feed          take_over            transaction
    ----          ---------            -----------
    on_assign ──▶ committed offsets
    (paused)      high watermark
                  read changelog
    seek     ◀──  mark == offsets?
    resume
    consume ───────────── batch ─────▶ step on an overlay
                                       begin, outputs, changes, mark, flush
                                       metadata, still ours?, offsets, still ours?
    on_revoke: end tenure, wait ◀────  commit
                                       merge into the store

Why each step stands where it does:

1. *Offsets before the watermark.* The committed offset is read stable (a transaction that holds it open is waited for);
   every change it stands for is then in the changelog below the high watermark read after it.
2. *To the high watermark, not the last stable offset.* Just after a commit its markers are still on their way:
   the stable end lags behind, and reading to it would miss the newest batch.
3. *The mark must equal the offset.* The last record of every transaction in a changelog says which input offsets it
   stands for. If they differ, an order above was broken: better to stop than to count wrong.
4. *Metadata, then ownership, then offsets.* See `Transaction._send_offsets`.
5. *Merge after commit.* The store is never ahead; behind it may be, and is then restored.
6. *The same batch again, from memory.* After an abort nothing is read again: what is no longer ours is left out.

Whatever is not `Retriable` or `Abortable` leaves this loop as an exception, and the process ends: a restart takes over
like anybody else.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Condition

from safety_stream.core.model.times import Instant
from safety_stream.streaming.feed import Feed, HandOver
from safety_stream.streaming.ownership import Ownership
from safety_stream.streaming.ports import Changelog, Consumer, Monitor, Observer, Producer, Unobserved
from safety_stream.streaming.spec import LoopSettings, StageSpec
from safety_stream.streaming.store import OpenStore
from safety_stream.streaming.takeover import TakeOver
from safety_stream.streaming.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Ports:
    """One stage's connections to a log, and its store."""

    consumer: Consumer
    producer: Producer
    changelog: Changelog
    open_store: OpenStore


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What else a loop depends on: time, waiting, and who watches. `wall` None: idle partitions are not woken."""

    monitor: Callable[[], Monitor] = Condition
    clock: Callable[[], float] = time.monotonic
    wall: Callable[[], Instant] | None = None
    observer: Observer = field(default_factory=Unobserved)


@dataclass(frozen=True, slots=True)
class Loop:
    """The parts of one loop, to be called each from a thread of its own."""

    producer: Producer
    ownership: Ownership
    feed: Feed
    take_over: TakeOver
    transaction: Transaction

    def is_ready(self) -> bool:
        """Whether the group has been joined and everything assigned since is taken over; that may be nothing."""
        return self.feed.has_joined and all(tenure.ready for tenure in self.ownership.tenures())

    def look_again(self) -> None:
        """The step is another now: let every partition see what it has to do. Any thread may call this."""
        for tenure in self.ownership.tenures():
            tenure.has_more = True


def assemble(
    spec: StageSpec,
    ports: Ports,
    hand_over: HandOver,
    settings: LoopSettings,
    around: Surroundings,
    *,
    take_over_as: type[TakeOver] = TakeOver,
    transaction_as: type[Transaction] = Transaction,
    feed_as: type[Feed] = Feed,
) -> Loop:
    """The loop of a stage over these ports. The classes can be replaced to prove that tests notice."""
    ownership = Ownership(around.monitor())
    take_over = take_over_as(
        spec.name, ports.consumer, ports.changelog, ports.open_store, ownership, around.clock, around.observer
    )
    feed = feed_as(
        spec,
        ports.consumer,
        ownership,
        take_over,
        hand_over,
        settings,
        around.clock,
        around.wall,
        around.observer,
    )
    transaction = transaction_as(
        spec, ports.consumer, ports.producer, ownership, settings, around.clock, around.observer
    )
    return Loop(ports.producer, ownership, feed, take_over, transaction)
