"""`cap.yaml`: which words of the Common Alerting Protocol stand for our priorities and families."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import Field

from safety_stream.catalogue.files import Files
from safety_stream.catalogue.formats.parts import Prose, Strict
from safety_stream.catalogue.issues import CatalogueError
from safety_stream.core.cap import CapWords, Category, Certainty, Graded, Response, Severity, Urgency
from safety_stream.data_files import catalogue_folder

FILE: Final = "cap.yaml"


class GradedEntry(Strict):
    """How one priority is said."""

    urgency: Urgency
    severity: Severity
    certainty: Certainty
    response: Response

    def graded(self) -> Graded:
        """As the core has it."""
        return Graded(urgency=self.urgency, severity=self.severity, certainty=self.certainty, response=self.response)


class GradedTable(Strict):
    """How each priority is said, one that is not told, and what is withdrawn."""

    P1: GradedEntry
    P2: GradedEntry
    P3: GradedEntry
    P4: GradedEntry
    untold: GradedEntry
    withdrawn: GradedEntry
    source: Prose


class CategoriesTable(Strict):
    """What kind of event each family of rules is about, and one that is not told."""

    repeat_victimisation: Category = Field(alias="repeat-victimisation")
    organised_crime: Category = Field(alias="organised-crime")
    safeguarding: Category
    threshold: Category
    feed: Category
    untold: Category
    source: Prose


class CapFile(Strict):
    """`cap.yaml`."""

    graded: GradedTable
    categories: CategoriesTable


def load_cap(folder: Path) -> CapWords:
    """CAP's words as a catalogue states them, else as the shipped one does. Raises `CatalogueError`."""
    files = Files(folder if (folder / FILE).is_file() else catalogue_folder())
    words = read_cap(files)
    if words is None:
        raise CatalogueError(files.sorted_issues())
    return words


def read_cap(files: Files) -> CapWords | None:
    """CAP's words; None when the file cannot be had, and the issues say why."""
    read = files.read(files.folder / FILE, CapFile)
    if read is None:
        return None
    graded, categories = read[1].graded, read[1].categories
    return CapWords(
        by_priority={
            "P1": graded.P1.graded(),
            "P2": graded.P2.graded(),
            "P3": graded.P3.graded(),
            "P4": graded.P4.graded(),
        },
        untold=graded.untold.graded(),
        withdrawn=graded.withdrawn.graded(),
        by_family={
            "repeat-victimisation": categories.repeat_victimisation,
            "organised-crime": categories.organised_crime,
            "safeguarding": categories.safeguarding,
            "threshold": categories.threshold,
            "feed": categories.feed,
        },
        other=categories.untold,
    )
