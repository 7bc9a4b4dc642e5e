"""What holds for every adapter, whatever it reads."""

import gzip
import io
from pathlib import Path
from typing import get_args

import pytest

from safety_stream.core.model.reports import Report
from safety_stream.edge.canonical import to_line
from safety_stream.edge.entries import Entry, Reject
from safety_stream.edge.formats import FORMATS, Format

POLICE_UK = Path(__file__).parents[1] / "fixtures" / "police-uk-sample.csv"
REPORT = Report(
    source="housing",
    source_ref="tenancy-12",
    source_version=1,
    action="new",
    kind="housing-concern",
    category="cuckooing-concern",
    occurred_from=1_772_355_600_000,
    reported_at=1_772_355_600_000,
)
GOOD: dict[Format, bytes] = {
    "canonical": "\n".join(to_line(REPORT, number) for number in range(50)).encode(),
    "police-uk": POLICE_UK.read_bytes(),
}

every_format = pytest.mark.parametrize("name", get_args(Format))


@every_format
def test_every_format_has_an_adapter_and_a_file_that_is_good(name: Format) -> None:
    entries = list(FORMATS[name](io.BytesIO(GOOD[name]), None))

    assert entries
    assert all(isinstance(entry, Entry) for entry in entries)


@every_format
def test_reading_is_the_same_twice_and_packed(name: Format) -> None:
    plain = list(FORMATS[name](io.BytesIO(GOOD[name]), None))

    assert list(FORMATS[name](io.BytesIO(GOOD[name]), None)) == plain
    assert list(FORMATS[name](io.BytesIO(gzip.compress(GOOD[name])), None)) == plain


@every_format
def test_lines_rise(name: Format) -> None:
    lines = [entry.line for entry in FORMATS[name](io.BytesIO(GOOD[name]), None)]

    assert lines == sorted(set(lines))


@every_format
def test_a_broken_line_costs_nothing_but_itself(name: Format) -> None:
    lines = GOOD[name].splitlines(keepends=True)
    lines.insert(5, b"\xff not what it should be\n")
    entries = list(FORMATS[name](io.BytesIO(b"".join(lines)), None))

    assert [entry.line for entry in entries if isinstance(entry, Reject)] == [6]
    assert len(entries) == len(list(FORMATS[name](io.BytesIO(GOOD[name]), None))) + 1
