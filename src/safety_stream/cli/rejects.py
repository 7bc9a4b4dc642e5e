"""Rejected lines at the terminal: the first are said, and all are written down where somebody asked for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from safety_stream.cli.terminal import say
from safety_stream.edge.entries import Reject

REJECTS_SHOWN = 5
"""How many rejected lines are said on the way; the rest go to the rejects file, if there is one."""


@contextmanager
def rejects_to(path: Path | None, *, append: bool) -> Iterator[Callable[[Path, Reject], None]]:
    """What writes rejects down, and says the first of them."""
    said = 0
    with ExitStack() as stack:
        file = stack.enter_context(path.open("a" if append else "w", encoding="utf-8")) if path else None

        def write(source: Path, reject: Reject) -> None:
            nonlocal said
            if said < REJECTS_SHOWN:
                say(f"{source.name}:{reject.line}: {reject.reason}")
            said += 1
            if file is not None:
                file.write(json.dumps({"file": source.name, "line": reject.line, "reason": reject.reason}) + "\n")
                file.flush()

        yield write
    if said > REJECTS_SHOWN:
        more = f"all of them are in {path}" if path else "--rejects FILE keeps them all"
        say(f"… and {said - REJECTS_SHOWN:,} more rejected lines; {more}")
