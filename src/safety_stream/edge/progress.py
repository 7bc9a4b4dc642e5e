"""How far a file has been ingested, so that an interrupted ingest goes on where it stopped.

Kept as one small JSON file per content of the input and target. It moves on only after every report up to that line
has been acknowledged, so after any crash the worst that happens is that some reports are sent twice, which changes
nothing: a report is known by its source, reference and version.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import msgspec


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a file so far: its lines up to `line` are delivered or refused; `done` when all of them are."""

    content: str
    target: str
    line: int = 0
    sent: int = 0
    rejected: int = 0
    done: bool = False

    @property
    def entries(self) -> int:
        """How many reports and rejects that was: fewer than lines, which count headings and empty ones, too."""
        return self.sent + self.rejected


class ProgressFile:
    """The progress of ingesting `path` to `target` (a word for the cluster and mode), kept in `folder`.

    Without a folder it lies beside the input. Raises `OSError` when the input cannot be read.
    """

    def __init__(self, path: Path, target: str, folder: Path | None = None) -> None:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        self._start = Progress(content=content, target=target)
        name = hashlib.sha256(f"{content}\x1f{target}".encode()).hexdigest()[:16]
        # A changed file has another hash, so it starts anew; a copy under another name goes on.
        self.path = (folder or path.parent) / f".ingest-{name}.json"

    def load(self) -> Progress:
        """The progress kept, or the start when there is none or it cannot be read."""
        try:
            kept = msgspec.json.decode(self.path.read_bytes(), type=Progress)
        except (FileNotFoundError, UnicodeDecodeError, msgspec.DecodeError):
            return self._start
        return kept if (kept.content, kept.target) == (self._start.content, self._start.target) else self._start

    def start(self) -> Progress:
        """Nothing done yet."""
        return self._start

    def save(self, progress: Progress) -> None:
        """Keep it, whole or not at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        written = self.path.with_suffix(".writing")
        with written.open("wb") as file:
            file.write(msgspec.json.encode(progress))
            file.flush()
            os.fsync(file.fileno())
        written.replace(self.path)
