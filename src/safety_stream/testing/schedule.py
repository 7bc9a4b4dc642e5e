"""Threads that take turns by a seed: every interleaving can happen, and happens again from the same seed.

An *actor* stands for a thread, and only one runs at any time: at each `step` (every call of the simulated log is one)
it may hand on to another actor, chosen by the seed. Time is a number that moves with the steps, and jumps when
everybody waits. An actor can be frozen (a stopped process: it knows nothing of the time that passes) or killed: then
`Killed` is raised at its next step, and at every later one.

Each actor is a greenlet: a stack of its own in one thread. Of real threads, all but one would always sleep, and to wake
one up takes longer than most steps.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from types import TracebackType

from greenlet import getcurrent, greenlet


class Killed(BaseException):
    """This actor's process is gone. Derives from `BaseException` so that nothing under test can survive it."""


class Stuck(Exception):
    """Nobody can move, or it takes more steps than allowed."""


class Actor:
    """One simulated thread."""

    def __init__(self, name: str, run: Callable[[], None]) -> None:
        """Does not begin by itself."""
        self.name = name
        self.run = run
        self.frozen = False
        self.killed = False
        self.finished = False
        self.predicate: Callable[[], bool] | None = None
        self.deadline: float | None = None
        self.stack: greenlet | None = None


class Schedule:
    """Decides who moves next, and what time it is (`now`, in seconds)."""

    def __init__(self, seed: int, *, max_steps: int = 60_000) -> None:
        """The same seed makes the same choices, as long as the actors are deterministic."""
        self.random = random.Random(seed)  # noqa: S311 - chance that can be repeated
        self.now = 0.0
        self.steps = 0
        self.failure: BaseException | None = None
        self._max_steps = max_steps
        self._actors: list[Actor] = []
        self._current: Actor | None = None
        self._over = False
        self._caller = getcurrent()

    def spawn(self, name: str, run: Callable[[], None]) -> Actor:
        """A new actor, to move when it is chosen."""
        actor = Actor(name, run)
        self._actors.append(actor)
        return actor

    def run(self) -> None:
        """Let the actors move until all have finished or one called `end`. Raises what an actor raised."""
        self._caller = getcurrent()
        while self._actors:
            # Comes back when an actor has finished.
            self._hand_on(self._choose())
        if self.failure is not None:
            raise self.failure

    def end(self) -> None:
        """Everybody is killed from now on."""
        self._over = True
        for actor in self._actors:
            actor.killed = True
            actor.frozen = False

    def step(self) -> None:
        """A moment passes, and somebody else may move."""
        me = self._me()
        self.steps += 1
        self.now += self.random.random() * 0.02
        if self.steps > self._max_steps and not self._over:
            self._fail(Stuck(f"not done after {self.steps} steps, at {self.now:.1f} s"))
        if me.frozen or self.random.random() < 0.35:  # noqa: PLR2004 - often enough to interleave, seldom enough to be quick
            self._switch()
        if me.killed:
            raise Killed

    def wait(self, predicate: Callable[[], bool], seconds: float | None) -> bool:
        """Until the predicate holds or the time is over; whether it holds."""
        me = self._me()
        me.predicate = predicate
        me.deadline = None if seconds is None else self.now + seconds
        self.steps += 1
        self._switch()
        me.predicate = me.deadline = None
        if me.killed:
            raise Killed
        return predicate()

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.wait(lambda: False, seconds)

    def _me(self) -> Actor:
        assert self._current is not None  # noqa: S101
        return self._current

    def _switch(self) -> None:
        me = self._me()
        chosen = self._choose()
        if chosen is not me:
            self._hand_on(chosen)

    def _hand_on(self, actor: Actor) -> None:
        self._current = actor
        if actor.stack is None:
            actor.stack = greenlet(self._live, self._caller)
            actor.stack.switch(actor)
        else:
            actor.stack.switch()

    def _live(self, actor: Actor) -> None:
        try:
            if not actor.killed:
                actor.run()
        except Killed:
            pass
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is the result of this run
            self._fail(error)
        actor.finished = True
        self._actors.remove(actor)

    def _fail(self, error: BaseException) -> None:
        if self.failure is None:
            self.failure = error
        self.end()

    def _choose(self) -> Actor:
        while True:
            # Drawn one by one until one can move: most are waiting, and to ask each whether it still is takes time.
            left = list(self._actors)
            while left:
                at = int(self.random.random() * len(left))
                left[at], left[-1] = left[-1], left[at]
                actor = left.pop()
                if self._can_move(actor):
                    return actor
            deadlines = [one.deadline for one in self._actors if one.deadline is not None and not one.frozen]
            if not deadlines:
                # Frozen actors never move by themselves: somebody has to be there to thaw them.
                self._fail(Stuck(f"everybody waits for ever: {[actor.name for actor in self._actors]}"))
                continue
            self.now = max(self.now, min(deadlines))

    def _can_move(self, actor: Actor) -> bool:
        if actor.killed:
            return True
        if actor.frozen:
            return False
        if actor.predicate is None:
            return True
        return (actor.deadline is not None and self.now >= actor.deadline) or actor.predicate()


class TakesTurns:
    """The `Monitor` of simulated threads: they cannot interrupt one another between steps, so entering is free."""

    def __init__(self, schedule: Schedule) -> None:
        """Wait in the schedule's time."""
        self._schedule = schedule

    def __enter__(self) -> bool:
        """Nobody else is inside."""
        return True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Nobody was kept out."""

    def wait_for(self, predicate: Callable[[], bool], timeout: float | None = None) -> bool:
        """Until the predicate holds or the time is over."""
        return predicate() or self._schedule.wait(predicate, timeout)

    def notify_all(self) -> None:
        """Predicates are looked at by themselves."""
