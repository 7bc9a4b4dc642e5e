"""Processes under measurement: started on a core of their own, heard line by line, killed by their id."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Self

from measured import EVENT, PROFILE_VARIABLE, RESULT

_HERE = Path(__file__).parent
_SOURCES = _HERE.parent / "src"
_LAST_LINES = 60
_END_SECONDS = 12

Told = dict[str, Any]
"""What a measured process said: JSON."""


class ChildFailed(RuntimeError):
    """A measured process ended without a result, or took too long; the message has the end of its log."""


class Cores:
    """One core for what is measured, the others for the broker and whoever drives it; where the system allows it."""

    def __init__(self) -> None:
        """Take the last core we may use for the measured process, and move this process to the others."""
        self.measured: int | None = None
        self.others: tuple[int, ...] = ()
        if not hasattr(os, "sched_setaffinity"):
            return
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) > 1:
            self.measured = cores[-1]
            self.others = tuple(cores[:-1])
            os.sched_setaffinity(0, self.others)

    def pin(self, pid: int) -> None:
        """Put a process that has just been started on the measured core."""
        if self.measured is not None:
            os.sched_setaffinity(pid, {self.measured})

    def describe(self) -> str:
        """In words, for the table."""
        if self.measured is None:
            return "not pinned: this system does not allow it"
        return f"measured process on core {self.measured}, broker and driver on {', '.join(map(str, self.others))}"


class Child:
    """A measured process. In a `with` block; whatever happens, it is gone afterwards."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        log: Path,
        cores: Cores,
        *,
        profile: bool = False,
        event: Callable[[Told], None] | None = None,
    ) -> None:
        """Start it. `event` hears, in a thread, what it says on the way."""
        self.name = name
        self._log = log
        self._event = event
        self._results: SimpleQueue[Told] = SimpleQueue()
        environment = {**os.environ, "PYTHONPATH": f"{_HERE}{os.pathsep}{_SOURCES}", "PYTHONUNBUFFERED": "1"}
        environment.pop(PROFILE_VARIABLE, None)
        if profile:
            environment[PROFILE_VARIABLE] = "1"
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [str(part) for part in command], stdout=subprocess.PIPE, stderr=errors, text=True, env=environment
            )
        # Before it has started any thread: they all stay where the first one is.
        cores.pin(self._process.pid)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def result(self, seconds: float) -> Told:
        """What it measured, within so many seconds. Raises `ChildFailed`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                return self._results.get(timeout=0.2)
            except Empty:
                if not self._reader.is_alive() and self._results.empty():
                    raise ChildFailed(f"{self.name} ended without a result. {self.end_of_log()}") from None
        self._process.send_signal(signal.SIGUSR1)
        time.sleep(1)
        raise ChildFailed(f"{self.name} had no result within {seconds:.0f} s. {self.end_of_log()}")

    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Ask it to end in good order."""
        if self.is_running():
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a crash would."""
        self._process.kill()
        self._process.wait()

    def end_of_log(self) -> str:
        """The last lines of what it said on standard error."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LAST_LINES:]
        return "\n  ".join([f"The end of {self._log}:", *lines])

    def __enter__(self) -> Self:
        """It runs already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it a moment to end by itself, then kill it."""
        if kind is None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_SECONDS)
        self.kill()
        self._reader.join(5)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(RESULT):
                self._results.put(json.loads(line.removeprefix(RESULT)))
            elif line.startswith(EVENT) and self._event is not None:
                self._event(json.loads(line.removeprefix(EVENT)))
