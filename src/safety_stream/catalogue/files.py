"""The files of a catalogue folder: each read, held against its format, and counted into the catalogue's version.

No file is followed out of the folder, and none that seems to belong there is passed over in silence. What is wrong with
any of them is gathered here.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from safety_stream.catalogue.documents import Document, UnreadableError, read_document
from safety_stream.catalogue.issues import Issue
from safety_stream.catalogue.places import Place
from safety_stream.catalogue.refusals import mistake_in

M = TypeVar("M", bound=BaseModel)


class Files:
    """One reading of a catalogue folder: what was read of it so far, and the issues found."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._issues: set[Issue] = set()
        self._digest = hashlib.sha256()

    @property
    def version(self) -> str:
        """Of all that was read so far: the same files, the same version."""
        return self._digest.hexdigest()[:12]

    @property
    def have_errors(self) -> bool:
        """Whether anything found so far keeps the catalogue from being loaded."""
        return any(issue.severity == "error" for issue in self._issues)

    def sorted_issues(self) -> list[Issue]:
        """What was found, in order of file and line."""
        return sorted(self._issues)

    def read(self, path: Path, kind: type[M]) -> tuple[Place, M] | None:
        """A file of a format, and the place for what else is wrong with it; None when it cannot be had."""
        at = self.place(path)
        if not self.is_inside(path):
            at.add("error", 1, "the file leads out of the catalogue", "put the file itself there, and no link")
            return None
        try:
            document = read_document(path)
        except OSError as error:
            at.add("error", 1, f"the file cannot be read: {error.strerror}", "put it there")
            return None
        except UnreadableError as error:
            at.add("error", error.line, error.what, error.mend)
            return None
        self.count(path.name.encode() + b"\0" + document.content)
        at = self.place(path, document)
        try:
            return at, kind.model_validate(document.value)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                at.refuse(mistake_in(detail, kind), kind)
            return None

    def in_folder(self, folder: Path) -> list[Path]:
        """The files of a folder that are to be read; what only seems to be one is told of."""
        found = sorted(folder.glob("*"))
        for path in found:
            if path.suffix in (".yml", ".YAML", ".json"):
                at = self.place(path)
                at.add("error", 1, "the file is not read", "its name must end in .yaml")
        return [path for path in found if path.suffix == ".yaml"]

    def is_inside(self, path: Path) -> bool:
        """Whether a file is where it seems to be: a reviewer sees the folder, and not where a link in it leads.

        Links within the folder are how some deployments mount it.
        """
        try:
            target = path.resolve()
        except (OSError, RuntimeError):
            # A link that leads to itself: no file either way.
            return False
        return target.is_relative_to(self.folder.resolve()) or target.is_relative_to(path.parent.resolve())

    def place(self, path: Path, document: Document | None = None) -> Place:
        """A file or folder in which issues may be found."""
        return Place(self._issues, self.name_of(path), document)

    def name_of(self, path: Path) -> str:
        """What a file is called in issues: relative to the catalogue, if it is in there."""
        return path.relative_to(self.folder).as_posix() if path.is_relative_to(self.folder) else path.name

    def count(self, content: bytes) -> None:
        """Let the version depend on this too."""
        self._digest.update(content)
