"""What is fed whatever bytes there are, and may answer in two ways only: with a value, or by refusing.

A target returns for any bytes; an exception that leaves it is a fault. Its seeds are bytes that are good, or nearly.
What a target makes of good bytes goes on to whoever takes it next, since that is where a value that cannot be does
harm: a partner's report goes through intake, a record is written again.
"""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from safety_stream.catalogue import load_catalogue
from safety_stream.catalogue.documents import UnreadableError, parse_document
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.dead_letters import Refused
from safety_stream.core.model.incidents import IncidentVersion
from safety_stream.core.model.reports import Report
from safety_stream.core.stages.intake import checker
from safety_stream.data_files import catalogue_folder
from safety_stream.edge import canonical
from safety_stream.edge.beside import TokenFile
from safety_stream.edge.entries import Entry, UnreadableFile
from safety_stream.edge.formats import FORMATS, Adapter
from safety_stream.edge.mapped import adapter_of
from safety_stream.edge.mapping import BadMapping, ColumnMapping, parse_mapping, read_mapping
from safety_stream.wire.codecs import STRUCTS, decode_report, shipped_codecs

ROOT = Path(__file__).parents[1]
PARTNERS = ROOT / "examples" / "partners"
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


def _table(raw: bytes) -> None:
    _file(adapter_of(_example_mapping()), raw)


def _mapping(raw: bytes) -> None:
    with contextlib.suppress(BadMapping):
        parse_mapping(raw.decode(errors="replace"), _catalogue())


def _tokens_beside(raw: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokens.jsonl"
        path.write_bytes(raw)
        _file(adapter_of(_example_mapping(), TokenFile(path)), (PARTNERS / "council-asb" / "cases.csv").read_bytes())


def _document(raw: bytes) -> None:
    with contextlib.suppress(UnreadableError):
        parse_document(raw.decode(errors="replace"))


def _taken_in(report: Report) -> IncidentVersion:
    return _intake()(report, f"partner.{report.source}", NOW)


@cache
def _intake() -> Callable[[Report, str, int], IncidentVersion]:
    return checker(_catalogue())


@cache
def _example_mapping() -> ColumnMapping:
    return read_mapping(PARTNERS / "council-asb" / "mapping.yaml", _catalogue())


@cache
def _catalogue() -> Catalogue:
    return load_catalogue(catalogue_folder())


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


def _tokens() -> Iterator[bytes]:
    """Of the example's first rows, one with a person and one with nobody."""
    token = f"e1.person.{'0' * 32}"
    yield (
        b'{"line":3,"reference":"ASB-26-0001","parties":[{"role":"victim","token":"%s"}]}\n'
        b'{"line":4,"reference":"ASB-26-0002"}\n' % token.encode()
    )


def _edition() -> Iterator[bytes]:
    """The files of STATS19 as they come: in one zip."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for path in sorted((PARTNERS / "stats19").glob("*.csv")):
            file.writestr(zipfile.ZipInfo(path.name), path.read_bytes())
    yield packed.getvalue()


_SEEDS: Mapping[str, Callable[[], Iterator[bytes]]] = {
    "canonical": partial(_files, "examples/conformance/*/*.jsonl"),
    "police-uk": partial(_files, "tests/fixtures/police-uk-*.csv"),
    "istv": partial(_files, "examples/partners/istv/*"),
    "mait": partial(_files, "examples/partners/mait/*"),
    "stats19": _edition,
}
"""Files of each format that are good: of another's nothing is reached but the refusal."""

TARGETS: Mapping[str, Target] = {
    "record": Target(_record, _golden),
    "partners-record": Target(_partners_record, _golden),
    "line": Target(_line, _lines),
    "document": Target(_document, partial(_files, "catalogue/rules/*.yaml", "catalogue/*.yaml")),
    **{f"file-{name}": Target(partial(_file, read), _SEEDS[name]) for name, read in FORMATS.items()},
    "table": Target(_table, partial(_files, "examples/partners/council-asb/*.csv")),
    "mapping": Target(_mapping, partial(_files, "examples/partners/council-asb/*.yaml")),
    "tokens-beside": Target(_tokens_beside, _tokens),
}
"""Everything that reads what others wrote, by name; formats of partners' files of themselves."""
