"""Which id means which schema: by default the reviewed, append-only list `schemas/registry.json`.

Ids are given once and never change, because records bearing them are kept for years. A new version is a new file and
a new line at the end; `schemas check` prints the line to add.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from safety_stream.data_files import schemas_folder
from safety_stream.wire.schema import Record, read_schema

REGISTRY_FILE = "registry.json"


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line of the registry: `id` on the wire, `version` from 1 per subject, `sha256` the schema's fingerprint."""

    id: int
    subject: str
    version: int
    file: str
    sha256: str


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    """A schema with its id."""

    id: int
    subject: str
    version: int
    schema: Record


class Registry:
    """The schemas a process knows, by id and by subject. Immutable."""

    def __init__(self, schemas: Iterable[Registered]) -> None:
        self._by_id = {one.id: one for one in schemas}
        self._by_subject: dict[str, list[Registered]] = {}
        for one in sorted(self._by_id.values(), key=lambda one: one.version):
            self._by_subject.setdefault(one.subject, []).append(one)

    def subjects(self) -> tuple[str, ...]:
        """Every subject, sorted."""
        return tuple(sorted(self._by_subject))

    def by_id(self, schema_id: int) -> Registered | None:
        """The schema of an id, or None."""
        return self._by_id.get(schema_id)

    def versions(self, subject: str) -> tuple[Registered, ...]:
        """All versions of a subject, oldest first. Raises `KeyError` naming the subjects there are."""
        if subject not in self._by_subject:
            raise KeyError(f"no subject {subject!r}; there are {', '.join(self.subjects())}")
        return tuple(self._by_subject[subject])

    def newest(self, subject: str) -> Registered:
        """The newest version of a subject: what is written, and what is read into. Raises `KeyError`."""
        return self.versions(subject)[-1]

    def version(self, subject: str, number: int) -> Registered:
        """One version of a subject. Raises `KeyError`."""
        for one in self.versions(subject):
            if one.version == number:
                return one
        raise KeyError(f"{subject} has no version {number}")


def read_entries(folder: Path) -> list[Entry]:
    """The lines of `folder/registry.json`, in order. Raises `OSError`, `msgspec.ValidationError`."""
    return msgspec.json.decode((folder / REGISTRY_FILE).read_bytes(), type=list[Entry])


def read_registry(folder: Path | None = None) -> Registry:
    """The file registry of a folder of schemas (default: the one that ships). Raises `SchemaFault`, `OSError`."""
    where = folder or schemas_folder()
    return Registry(
        Registered(id=entry.id, subject=entry.subject, version=entry.version, schema=read_schema(where, entry.file))
        for entry in read_entries(where)
    )
