"""The file of programs: which may read a feed without anybody signed in, whose feed, and by which key.

One YAML file, read like the catalogue's. It holds digests and no key. A program reads the feed of one audience, or what
of it is of some areas, and nothing else: no page, and nothing that lists do not tell either.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import Field

from safety_stream.catalogue.files import Files
from safety_stream.catalogue.formats.parts import Name, Strict
from safety_stream.catalogue.issues import CatalogueError
from safety_stream.catalogue.places import Place
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.times import Instant
from safety_stream.keyring import FEED_KEY, KEYS_MAX, KeyLine, Keyring, OnDisk, check_keys
from safety_stream.web.policy import Viewer


class ProgramLine(Strict):
    """One program: whose feed it reads, of which areas (none: of all), and its keys."""

    id: Name
    audience: Name
    areas: list[str] = Field(default_factory=list)
    keys: Annotated[list[KeyLine], Field(min_length=1, max_length=KEYS_MAX)]


class ProgramsFile(Strict):
    """The whole file."""

    programs: Annotated[list[ProgramLine], Field(min_length=1)]


class Programs:
    """Which programs may read, as a file has it."""

    def __init__(self, file: ProgramsFile) -> None:
        """Take what was read."""
        self._viewers = {
            one.id: Viewer(id=one.id, audience=one.audience, areas=tuple(one.areas)) for one in file.programs
        }
        self._keyring = Keyring(FEED_KEY, {one.id: one.keys for one in file.programs})

    def by_key(self, key: str, now: Instant) -> Viewer | None:
        """Which program a key lets in now; None for none."""
        program = self._keyring.owner(key, now)
        return None if program is None else self._viewers.get(program)


def read_programs(path: Path, catalogue: Catalogue) -> Programs:
    """Read the file. Raises `CatalogueError` with every issue."""
    files = Files(path.parent)
    read = files.read(path, ProgramsFile)
    if read is not None:
        _check(*read, catalogue)
    if read is None or files.have_errors:
        raise CatalogueError(files.sorted_issues())
    return Programs(read[1])


class ProgramsOnDisk(OnDisk[Programs]):
    """The programs of a file that people edit. Raises `CatalogueError` when the file has issues at the beginning."""

    def __init__(self, path: Path, catalogue: Catalogue, seconds: Callable[[], float]) -> None:
        """Read it, and look at it again and again."""
        super().__init__(path, partial(read_programs, catalogue=catalogue), seconds, "web.programs")


def _check(at: Place, file: ProgramsFile, catalogue: Catalogue) -> None:
    at.refuse_repeats("programs", [one.id for one in file.programs])
    audiences = frozenset(one.id for one in catalogue.audiences)
    known = catalogue.areas.by_code
    areas = frozenset(known) | {area.division for area in known.values() if area.division}
    digests: set[str] = set()
    for number, one in enumerate(file.programs):
        here = ("programs", number)
        at.know((*here, "audience"), "audience", one.audience, audiences)
        for place, code in enumerate(one.areas):
            at.know((*here, "areas", place), "area", code, areas)
        check_keys(at, here, one.keys, f"{FEED_KEY}{one.id}_", digests, make_with="alerts key")
