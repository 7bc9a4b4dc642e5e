"""Area sets: the districts of a county and where each LSOA lies, read, and built from other people's look-ups."""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from safety_stream.core.model.incidents import OUTSIDE, UNLOCATED

_LOOKUP = ("lsoa_code", "local_authority_code", "local_authority_name")
_STREET = ("LSOA code", "LSOA name")


def read_lookup(path: Path) -> Iterator[tuple[int, str, str]]:
    """Line, LSOA and district code of each row of a set's own look-up. Raises `ValueError` without its two columns."""
    for line, row in _rows(path, ("lsoa_code", "local_authority_code")):
        yield line, row["lsoa_code"], row["local_authority_code"]


def read_ward_lookup(path: Path) -> Iterator[tuple[int, str, str, str]]:
    """Line, LSOA, ward code and ward name of each row. Raises `ValueError` without these three columns."""
    for line, row in _rows(path, ("lsoa_code", "ward_code", "ward_name")):
        yield line, row["lsoa_code"], row["ward_code"], row["ward_name"]


def build_areas(lookup: Path, county: str) -> dict[str, str]:
    """The two files of another county's area set, by name: `<county>.yaml` and `<county>-lsoa.csv`.

    `lookup` is either an LSOA look-up (columns lsoa_code, local_authority_code, local_authority_name) or a police.uk
    street file (LSOA code, LSOA name; the district is the name less its last word, its code the name's slug); either
    may be gzipped. All districts found are taken, also a neighbour's that a street file strays into. Raises
    `ValueError` when the columns are missing or nothing is found, and `OSError`.
    """
    districts: dict[str, str] = {}
    by_lsoa: dict[str, str] = {}
    for lsoa, code, name in _districts_in(lookup):
        districts.setdefault(code, name)
        by_lsoa[lsoa] = code
    if not districts:
        raise ValueError(f"{lookup.name} names no LSOA with its district; is it the right file?")
    slug = _slug(county)
    table = f"{slug}-lsoa.csv"
    lines = [
        f"# The areas of {county}, built from {lookup.name}. Review it: a look-up may stray over the county's edge.",
        f"county: {slug}",
        f"lsoa_lookup: {table}",
        "areas:",
        *(
            f"  - {{code: {code}, name: {_quoted(districts[code])}, kind: district, parents: [{slug}]}}"
            for code in sorted(districts)
        ),
        f"  - {{code: {slug}, name: {_quoted(county)}, kind: county}}",
        f"  - {{code: {OUTSIDE}, name: {_quoted(f'Outside {county}')}, kind: reserved}}",
        f"  - {{code: {UNLOCATED}, name: No usable place, kind: reserved}}",
    ]
    rows = ["lsoa_code,local_authority_code", *(f"{lsoa},{by_lsoa[lsoa]}" for lsoa in sorted(by_lsoa))]
    return {f"{slug}.yaml": "\n".join(lines) + "\n", table: "\n".join(rows) + "\n"}


def _districts_in(lookup: Path) -> Iterator[tuple[str, str, str]]:
    columns = _header(lookup)
    if set(_LOOKUP) <= set(columns):
        for _, row in _rows(lookup, _LOOKUP):
            yield row["lsoa_code"], row["local_authority_code"], row["local_authority_name"]
        return
    for _, row in _rows(lookup, _STREET):
        name = row["LSOA name"].rpartition(" ")[0]
        if name and row["LSOA code"]:
            yield row["LSOA code"], _slug(name), name


def _header(path: Path) -> list[str]:
    with _open(path) as lines:
        return next(csv.reader(lines), [])


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    with _open(path) as lines:
        reader = csv.DictReader(lines)
        missing = [column for column in columns if column not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(f"{path.name} has no column {', '.join(missing)}")
        for row in reader:
            if any(not isinstance(row[column], str) for column in columns):
                raise ValueError(f"{path.name}, line {reader.line_num}: the row is short of columns")
            yield reader.line_num, row


def _open(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
