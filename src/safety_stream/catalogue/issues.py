"""What is wrong with a catalogue: where, what, and how to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

Severity = Literal["error", "warning", "info"]
"""An error keeps the catalogue from being loaded: a meaning is missing or doubtful. A warning is something that runs
but can hardly be meant. That a rule is over its budget is an error too, but one that keeps it from release alone.
What is for information is wrong in nothing."""


class Issue(msgspec.Struct, frozen=True, order=True):
    """One issue of one file. `file` is relative to the catalogue folder; `line` counts from 1."""

    file: str
    line: int
    severity: Severity
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.severity}: {self.what}; {self.mend}"


class CatalogueError(Exception):
    """The catalogue has errors; nothing should run on it. `issues` are all of them, warnings included."""

    def __init__(self, issues: Sequence[Issue]) -> None:
        self.issues = tuple(issues)
        super().__init__("the catalogue has errors:\n" + "\n".join(str(issue) for issue in self.issues))
