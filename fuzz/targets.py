"""What is fed whatever bytes there are, and may answer in two ways only: with a value, or by refusing.

A target returns for any bytes; an exception that leaves it is a fault. Its seeds are bytes that are good, or nearly.
What a target makes of good bytes goes on to whoever takes it next, since that is where a value that cannot be does
harm: a partner's report goes through intake, a record is written again.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from safety_stream.catalogue import load_catalogue
from safety_stream.catalogue.documents import UnreadableError, parse_document
from safety_stream.core.model.dead_letters import Refused
from safety_stream.core.model.incidents import IncidentVersion
from safety_stream.core.model.reports import Report
from safety_stream.core.stages.intake import checker
from safety_stream.data_files import catalogue_folder
from safety_stream.edge import canonical
from safety_stream.edge.entries import Entry, UnreadableFile
from safety_stream.edge.formats import FORMATS, Adapter
from safety_stream.wire.codecs import STRUCTS, decode_report, shipped_codecs

ROOT = Path(__file__).parents[1]
NOW = 1_790_000_000_000
"""When what is fed was received."""


class Target(NamedTuple):
    """What takes bytes, and bytes to begin with."""

    take: Callable[[bytes], object]
    seeds: Callable[[], Iterator[bytes]]


def _record(raw: bytes) -> None:
    codecs = shipped_codecs()
    with contextlib.suppress(Refused):
        codecs.encode(codecs.decode(tuple(STRUCTS), raw))


def _partners_record(raw: bytes) -> None:
    with contextlib.suppress(Refused):
        _taken_in(decode_report(raw))


def _line(raw: bytes) -> None:
    entry = canonical.parse(raw)
    if isinstance(entry, Entry):
        with contextlib.suppress(Refused):
            _taken_in(entry.report)
        canonical.to_line(entry.report, entry.received_at, entry.details)


def _file(read: Adapter, raw: bytes) -> None:
    with contextlib.suppress(UnreadableFile):
        for entry in read(io.BytesIO(raw), None):
            if isinstance(entry, Entry):
                with contextlib.suppress(Refused):
                    _taken_in(entry.report)


def _document(raw: bytes) -> None:
    with contextlib.suppress(UnreadableError):
        parse_document(raw.decode(errors="replace"))


def _taken_in(report: Report) -> IncidentVersion:
    return _intake()(report, f"partner.{report.source}", NOW)


@cache
def _intake() -> Callable[[Report, str, int], IncidentVersion]:
    return checker(load_catalogue(catalogue_folder()))


def _golden() -> Iterator[bytes]:
    for told in json.loads((ROOT / "tests" / "wire" / "golden.json").read_text(encoding="utf-8")).values():
        yield bytes.fromhex(told)


def _files(*patterns: str) -> Iterator[bytes]:
    for pattern in patterns:
        for path in filter(Path.is_file, sorted(ROOT.glob(pattern))):
            yield path.read_bytes()


def _lines() -> Iterator[bytes]:
    for content in _files("examples/conformance/*/reports.jsonl"):
        yield from content.splitlines()[:1]


_PARTNERS_FILES = ("tests/fixtures/*", "examples/conformance/*/*.jsonl")

TARGETS: Mapping[str, Target] = {
    "record": Target(_record, _golden),
    "partners-record": Target(_partners_record, _golden),
    "line": Target(_line, _lines),
    "document": Target(_document, partial(_files, "catalogue/rules/*.yaml", "catalogue/*.yaml")),
    **{
        f"file-{name}": Target(
            partial(_file, read), partial(_files, "tests/fixtures/*", "examples/conformance/*/*.jsonl")
        )
        for name, read in FORMATS.items()
    },
}
"""Everything that reads what others wrote, by name; formats of partners' files of themselves."""
