"""`consulting.yaml`: why somebody may look at an alert about a person, and for how long a reason holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from safety_stream.catalogue.delivering import Length
from safety_stream.catalogue.files import Files
from safety_stream.catalogue.formats.parts import Prose, Strict
from safety_stream.catalogue.issues import CatalogueError
from safety_stream.core.consulting import Consulting
from safety_stream.core.model.findings import Family
from safety_stream.data_files import catalogue_folder

FILE: Final = "consulting.yaml"


class ReasonEntry(Strict):
    """One reason: as it is recorded, and as it is read."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=64)]
    title: Prose


class ConsultingSources(Strict):
    """Where each of it is from."""

    reasons: Prose
    holds: Prose
    of_nobody: Prose


class ConsultingEntry(Strict):
    """Reasons, how long one holds, and the families it takes none for."""

    reasons: Annotated[list[ReasonEntry], Field(min_length=1)]
    holds: Length
    of_nobody: list[Family]
    sources: ConsultingSources


class ConsultingFile(Strict):
    """`consulting.yaml`."""

    consulting: ConsultingEntry


def load_consulting(folder: Path) -> Consulting:
    """The reasons as a catalogue states them, else as the shipped one does. Raises `CatalogueError`."""
    stated = folder if (folder / FILE).is_file() else catalogue_folder()
    files = Files(stated)
    found = read_consulting(files)
    if found is None:
        raise CatalogueError(files.sorted_issues())
    return found


def read_consulting(files: Files) -> Consulting | None:
    """The reasons; None when the file cannot be had, and the issues say why."""
    read = files.read(files.folder / FILE, ConsultingFile)
    if read is None:
        return None
    at, file = read
    stated = file.consulting
    seen: set[str] = set()
    for place, reason in enumerate(stated.reasons):
        if reason.id in seen:
            at.error(("consulting", "reasons", place, "id"), f"{reason.id} is there twice", "leave one out")
        seen.add(reason.id)
    if files.have_errors:
        return None
    return Consulting(
        reasons={reason.id: reason.title for reason in stated.reasons},
        holds=stated.holds,
        of_nobody=frozenset(stated.of_nobody),
    )
