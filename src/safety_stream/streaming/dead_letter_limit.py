"""When so many records are refused that the fault is ours: the circuit breaker of the dead letters.

One broken record must never stop a feed; but when most of them are refused, a schema is missing or a codec is wrong,
and moving the whole feed into the dead letters helps nobody. Then the stage stops *before* committing the batch, and
the records stay where they are.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from safety_stream.streaming.ports import Fatal


class TooManyDeadLetters(Fatal):
    """The stage has stopped itself; somebody has to look before it goes on."""


@dataclass(frozen=True, slots=True)
class DeadLetterLimit:
    """At most `at_most` dead letters among the last `within` records of a stage and worker."""

    at_most: int = 500
    within: int = 1_000


class DeadLetterWindow:
    """What was refused among the last records. Only committed batches are remembered: `check` first, then `add`."""

    def __init__(self, stage: str, limit: DeadLetterLimit) -> None:
        """Begin with nothing refused."""
        self._stage = stage
        self._limit = limit
        self._batches: deque[tuple[int, Counter[str]]] = deque()
        self._records = 0
        self._refused: Counter[str] = Counter()

    def check(self, records: int, reasons: Sequence[str]) -> None:
        """Raise `TooManyDeadLetters` if a batch of so many records, refused for these reasons, goes beyond the limit.

        Whole batches leave the window, so it holds at least `within` records where there were that many. A batch
        larger than the window has its limit scaled up: it is the share that tells a broken feed from a bad record.
        """
        if not reasons:
            return
        refused = self._refused + Counter(reasons)
        windows = max(1.0, (self._records + records) / self._limit.within)
        if refused.total() > self._limit.at_most * windows:
            raise TooManyDeadLetters(self._sentence(refused, self._records + records))

    def add(self, records: int, reasons: Sequence[str]) -> None:
        """Remember a committed batch."""
        counted = Counter(reasons)
        self._batches.append((records, counted))
        self._records += records
        self._refused += counted
        while self._batches and self._records - self._batches[0][0] >= self._limit.within:
            gone, uncounted = self._batches.popleft()
            self._records -= gone
            self._refused -= uncounted

    def _sentence(self, refused: Mapping[str, int], records: int) -> str:
        counts = ", ".join(f"{reason} {count}" for reason, count in sorted(refused.items()))
        return (
            f"{self._stage} stopped: {sum(refused.values())} of its last {records} records were refused ({counts}); "
            f"at most {self._limit.at_most} in {self._limit.within} may be. Nothing of the last batch is committed. "
            f"Look at `safety-stream dead-letters list`, mend the schema or the source, then start the worker again; "
            f"if the records really are that bad, raise the limit."
        )
