"""What a measured process does beside its work: looks at its clocks, and says one line when it is done.

A row's process prints `RESULT {...}` once and ends; on the way it may print `EVENT {...}`. Time runs from the first
record it is handed until everything that came of the last one is committed; starting up, joining a group and creating
topics are not measured. CPU is that of the whole process, threads of C libraries included.

Imported by the peers too, so it needs the standard library only.
"""

from __future__ import annotations

import cProfile
import faulthandler
import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

RESULT = "RESULT "
EVENT = "EVENT "
PROFILE_VARIABLE = "BENCH_PROFILE"
_MODULES = 16
_FUNCTIONS = 32
_TICKS = os.sysconf("SC_CLK_TCK")
_YARDSTICK_TURNS = 2_000_000


# A measured process that seems to hang is asked where it stands (see `children`).
faulthandler.register(signal.SIGUSR1, all_threads=True)


class Stopwatch:
    """Seconds and CPU seconds between the first record and the last commit."""

    def __init__(self) -> None:
        self.began_at: float | None = None
        self.ended_at = 0.0
        self._cpu = 0.0
        self._threads_before: dict[str, float] = {}
        self._cpu_ended = 0.0
        self._threads: dict[str, float] = {}

    def begin(self) -> None:
        """The first record is here. Later calls change nothing."""
        if self.began_at is None:
            self._threads_before = cpu_by_thread()
            self._cpu = time.process_time()
            self.began_at = time.time()

    def end(self) -> None:
        """Everything until now is done; a later call moves the end on. Cheap."""
        self.ended_at = time.time()
        self._cpu_ended = time.process_time()

    def look(self) -> None:
        """Note what each thread has used so far: for a process whose threads are gone when it tells its result."""
        self._threads |= cpu_by_thread()

    def result(self, records: int, **more: object) -> dict[str, object]:
        """The figures for so many records."""
        assert self.began_at is not None, "nothing was measured"
        before = self._threads_before
        spent = {
            name: round(cpu - before.get(name, 0.0), 2) for name, cpu in (self._threads or cpu_by_thread()).items()
        }
        return {
            "records": records,
            "began_at": self.began_at,
            "seconds": self.ended_at - self.began_at,
            "cpu_seconds": self._cpu_ended - self._cpu,
            "cpu_by_thread": dict(sorted(((name, cpu) for name, cpu in spent.items() if cpu), key=lambda one: -one[1])),
            **more,
        }


def tell(result: dict[str, object]) -> None:
    """Give the result to whoever started this process; with it the profile, where one was asked for."""
    if "profile" not in result and _profiles:
        result["profile"] = profile_text()
    sys.stdout.write(RESULT + json.dumps(result) + "\n")
    sys.stdout.flush()


def say(event: dict[str, object]) -> None:
    """Tell what happened just now, with the time."""
    sys.stdout.write(EVENT + json.dumps({"at": time.time(), **event}) + "\n")
    sys.stdout.flush()


def cpu_by_thread() -> dict[str, float]:
    """CPU seconds of each thread of this process by name, where the system tells (Linux); librdkafka's as one."""
    folder = Path("/proc/self/task")
    if not folder.is_dir():
        return {}
    names = {thread.native_id: thread.name for thread in threading.enumerate()}
    spent: dict[str, float] = {}
    for task in folder.iterdir():
        try:
            text = (task / "stat").read_text(encoding="ascii", errors="replace")
        except OSError:
            continue  # It ended while we looked.
        name, _, rest = text.partition("(")[2].rpartition(")")
        fields = rest.split()
        label = names.get(int(task.name)) or ("librdkafka" if name.startswith("rdk:") else name)
        spent[label] = spent.get(label, 0.0) + (int(fields[11]) + int(fields[12])) / _TICKS
    return spent


def yardstick() -> float:
    """CPU seconds of a fixed plain loop now: how fast this machine is at this moment, neighbours included."""
    before = time.process_time()
    total = 0
    for number in range(_YARDSTICK_TURNS):
        total += number & 7
    return time.process_time() - before


_profiles: dict[str, cProfile.Profile] = {}


def profile_if_asked() -> None:
    """With BENCH_PROFILE set, profile this thread and every thread started from now on."""
    if not os.environ.get(PROFILE_VARIABLE):
        return

    def begin(*_: object) -> None:
        # The first call in a new thread; enabling replaces this very function in that thread.
        _profiles[threading.current_thread().name] = profile = cProfile.Profile(builtins=True)
        profile.enable()

    threading.setprofile(begin)
    begin()


def profile_text() -> str:
    """Where each profiled thread spent its time: by module, then by function, the busiest thread first.

    A function's own time includes that of the built-in functions it called. Codecs made at run time bear the name of
    the maker (`<avro reader>`); those of all schemas are added up.
    """
    texts = []
    for thread, profile in _profiles.items():
        own: dict[tuple[str, str], float] = {}
        calls: Counter[tuple[str, str]] = Counter()
        # Other threads' profilers are still running: take what they have, do not stop them.
        for entry in profile.getstats():
            if isinstance(entry.code, str):
                continue
            where = (_module(entry.code.co_filename), f"{entry.code.co_qualname}:{entry.code.co_firstlineno}")
            calls[where] += entry.callcount
            own[where] = own.get(where, 0.0) + entry.inlinetime
            for called in entry.calls or ():
                if isinstance(called.code, str):
                    own[where] += called.inlinetime
        modules: dict[str, float] = {}
        for (module, _), seconds in own.items():
            modules[module] = modules.get(module, 0.0) + seconds
        total = sum(own.values()) or 1.0
        lines = [f"--- thread {thread}: {total:.2f} s"]
        lines += [f"{seconds:8.3f} s {seconds / total:5.1%}  {name}" for name, seconds in _largest(modules, _MODULES)]
        lines += ["   own s  calls    function"]
        lines += [
            f"{seconds:8.3f} {calls[where]:8}  {where[0]} {where[1]}" for where, seconds in _largest(own, _FUNCTIONS)
        ]
        texts.append((total, "\n".join(lines)))
    return "\n".join(text for _, text in sorted(texts, reverse=True))


def _largest(spent: dict[T, float], count: int) -> list[tuple[T, float]]:
    return sorted(spent.items(), key=lambda item: -item[1])[:count]


def _module(file: str) -> str:
    return file.rpartition("/src/")[2].rpartition("/site-packages/")[2].rpartition("/lib/")[2]
