"""`retention.yaml`: classes of what is kept, what belongs to which, and why something may be held beyond its time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal, get_args

from pydantic import Field, StringConstraints

from safety_stream.catalogue.files import Files
from safety_stream.catalogue.formats.parts import Length, Prose, Strict
from safety_stream.catalogue.places import Place, listing
from safety_stream.core.retention import Class, Retention, TableClass

FILE: Final = "retention.yaml"

Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]


class ClassEntry(Strict):
    """A class: for how long what is of it is kept; without a length for good."""

    id: Id
    keep: Length | None = None
    source: Prose


class HoldEntry(Strict):
    """Why something may be held: as it is recorded, and as it is read."""

    id: Id
    title: Prose


class ErasureEntry(Strict):
    """How long after somebody has requested a person's erasure somebody else may confirm it."""

    confirm_within: Length


class RetentionSources(Strict):
    """Where the rest is from; each class has its own."""

    topics_by_age: Prose
    holds: Prose
    erasure: Prose


class RetentionEntry(Strict):
    """The classes, and what is of which."""

    classes: Annotated[list[ClassEntry], Field(min_length=1)]
    topics: dict[str, list[str]]
    topics_by_age: Literal["broker-stamped", "all"]
    tables: dict[TableClass, str]
    holds: Annotated[list[HoldEntry], Field(min_length=1)]
    erasure: ErasureEntry
    sources: RetentionSources


class RetentionFile(Strict):
    """`retention.yaml`."""

    retention: RetentionEntry


def read_retention(files: Files) -> Retention:
    """What the catalogue says of it; where there is no such file, or it is broken, nothing goes by age."""
    path = files.folder / FILE
    read = files.read(path, RetentionFile) if path.exists() else None
    if read is None:
        return Retention()
    at, stated = read[0], read[1].retention
    ids = [one.id for one in stated.classes]
    _check_once(at, "classes", ids)
    _check_once(at, "holds", [one.id for one in stated.holds])
    for name in stated.topics:
        at.know(("retention", "topics", name), "class", name, ids)
    for table, name in stated.tables.items():
        at.know(("retention", "tables", table), "class", name, ids)
    missing = {*get_args(TableClass)} - stated.tables.keys()
    if missing:
        what = f"nothing says of which class {listing(missing)} are"
        at.error(("retention", "tables"), what, "add it, of a class without `keep` if it is kept for good")
    topics: dict[str, str] = {}
    for name, rows in stated.topics.items():
        for place, row in enumerate(rows):
            if row in topics:
                what = f"{row} is of the class {topics[row]} already"
                at.error(("retention", "topics", name, place), what, "leave one out")
            topics.setdefault(row, name)
    if files.have_errors:
        return Retention()
    return Retention(
        classes={one.id: Class(id=one.id, keep=one.keep) for one in stated.classes},
        topics=topics,
        tables=dict(stated.tables),
        all_by_age=stated.topics_by_age == "all",
        reasons={one.id: one.title for one in stated.holds},
        confirm_within=stated.erasure.confirm_within,
    )


def _check_once(at: Place, name: str, ids: Sequence[str]) -> None:
    for place, one in enumerate(ids):
        if one in ids[:place]:
            at.error(("retention", name, place), f"{one} is there twice", "leave one out")
