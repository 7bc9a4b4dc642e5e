"""What holds for every adapter, whatever it reads."""

import gzip
import io
from contextlib import suppress
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.edge.workbooks import zipped

from safety_stream.catalogue import load_catalogue
from safety_stream.core.model.reports import Report
from safety_stream.core.model.times import Instant
from safety_stream.data_files import catalogue_folder
from safety_stream.edge import ingest
from safety_stream.edge.canonical import to_line
from safety_stream.edge.entries import Details, Entry, Reject, UnreadableFile
from safety_stream.edge.formats import FORMATS, Adapter, Format
from safety_stream.edge.mapped import adapter_of
from safety_stream.edge.mapping import parse_mapping
from safety_stream.edge.producer import NotDelivered, record_of
from safety_stream.edge.progress import Progress

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
STATS19 = Path(__file__).parents[2] / "examples" / "partners" / "stats19"
ISTV = Path(__file__).parents[2] / "examples" / "partners" / "istv" / "assaults.xml"
MAIT = Path(__file__).parents[2] / "examples" / "partners" / "mait" / "messages.xml"
EDITION = {path.name: path.read_bytes() for path in sorted(STATS19.glob("*.csv"))}
GOOD: dict[str, bytes] = {
    "istv": ISTV.read_bytes(),
    "mait": MAIT.read_bytes(),
    "stats19": zipped(EDITION),
    "canonical": "\n".join(to_line(REPORT, number) for number in range(50)).encode(),
    "police-uk": POLICE_UK.read_bytes(),
    "mapping": b"ref,at\n" + b"".join(b"C%d,2026-03-01T09:%02d\n" % (number, number) for number in range(50)),
}
MAPPING = """\
source: council-asb
kind: asb-case
fields:
  source_ref: {column: ref}
  source_version: {value: 1}
  action: {value: new}
  category: {value: asb-noise}
  occurred_from: {column: at}
  reported_at: {column: at}
  received_at: {column: at}
"""


def lines_with_one_broken(good: bytes, number: int = 6) -> tuple[bytes, int]:
    """A file of lines with one among them that is none, and its number."""
    lines = good.splitlines(keepends=True)
    lines.insert(number - 1, b"\xff not what it should be\n")
    return b"".join(lines), number


BROKEN: dict[str, tuple[bytes, int]] = {
    name: lines_with_one_broken(GOOD[name]) for name in ("canonical", "police-uk", "mapping")
}
BROKEN["istv"] = (GOOD["istv"].replace(b"  <Assault>", b"  <Assault/>\n  <Assault>", 1), 8)
BROKEN["mait"] = (
    GOOD["mait"].replace(b"  <IncidentUpdate>", b"  <IncidentUpdate/>\n  <IncidentUpdate>", 1),
    16,
)
BROKEN["stats19"] = (
    zipped(EDITION | {"collisions.csv": lines_with_one_broken(EDITION["collisions.csv"], 3)[0]}),
    3,
)


@pytest.fixture(scope="module")
def adapters() -> dict[str, Adapter]:
    mapping = parse_mapping(MAPPING, load_catalogue(catalogue_folder()))
    return {**FORMATS, "mapping": adapter_of(mapping)}


every_format = pytest.mark.parametrize("name", [*get_args(Format), "mapping"])


@every_format
def test_every_format_has_an_adapter_and_a_file_that_is_good(adapters: dict[str, Adapter], name: str) -> None:
    entries = list(adapters[name](io.BytesIO(GOOD[name]), None))

    assert entries
    assert all(isinstance(entry, Entry) for entry in entries)


@every_format
def test_reading_is_the_same_twice_and_packed(adapters: dict[str, Adapter], name: str) -> None:
    plain = list(adapters[name](io.BytesIO(GOOD[name]), None))

    assert list(adapters[name](io.BytesIO(GOOD[name]), None)) == plain
    assert list(adapters[name](io.BytesIO(gzip.compress(GOOD[name])), None)) == plain


@every_format
def test_what_is_read_fits_the_schema(adapters: dict[str, Adapter], name: str) -> None:
    for entry in adapters[name](io.BytesIO(GOOD[name]), None):
        assert isinstance(entry, Entry)
        record_of(entry.report, entry.details, entry.received_at)


@every_format
def test_lines_rise(adapters: dict[str, Adapter], name: str) -> None:
    lines = [entry.line for entry in adapters[name](io.BytesIO(BROKEN[name][0]), None)]

    assert lines == sorted(set(lines))


@every_format
def test_a_broken_line_costs_nothing_but_itself(adapters: dict[str, Adapter], name: str) -> None:
    content, broken = BROKEN[name]
    entries = list(adapters[name](io.BytesIO(content), None))

    assert [entry.line for entry in entries if isinstance(entry, Reject)] == [broken]
    assert len(entries) == len(list(adapters[name](io.BytesIO(GOOD[name]), None))) + 1


class Stopping:
    """Takes reports until it stops; only those of a finished chunk are acknowledged."""

    def __init__(self, after: int | None) -> None:
        self.left = after
        self.sent: list[str] = []
        self.acknowledged: list[str] = []

    def send(self, report: Report, *, details: Details | None = None, received_at: Instant | None = None) -> None:
        del details, received_at
        if self.left == 0:
            raise NotDelivered("the broker has gone", retriable=True)
        self.left = None if self.left is None else self.left - 1
        self.sent.append(f"{report.source_ref} {report.source_version}")

    def flush(self) -> None:
        self.acknowledged += self.sent
        self.sent.clear()


@every_format
def test_stopped_anywhere_it_goes_on_and_nothing_is_doubled_or_lost(
    adapters: dict[str, Adapter], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "CHUNK", 2)
    content = BROKEN[name][0]

    def run(after: int | None, progress: Progress) -> tuple[list[str], list[int], Progress]:
        broker, kept, rejected = Stopping(after), [progress], []
        once = ingest.Ingest(sender=broker, save=kept.append, rejected=rejected.append, backfill=False)
        with suppress(NotDelivered):
            once.run(adapters[name](io.BytesIO(content), None), progress)
        last = kept[-1]
        return broker.acknowledged, [one.line for one in rejected if one.line <= last.line], last

    start = Progress(content="c", target="t")
    whole, rejects, _ = run(None, start)
    for after in range(0, len(whole), 3):
        first, early, stopped = run(after, start)
        rest, late, finished = run(None, stopped)

        assert first + rest == whole
        assert early + late == rejects
        assert finished.done


@every_format
@given(st.binary(max_size=200), st.integers(0, 10_000), st.integers(0, 40))
def test_whatever_is_in_a_file_there_are_entries_and_rejects_or_it_is_unreadable(
    adapters: dict[str, Adapter], name: str, noise: bytes, place: int, cut: int
) -> None:
    good = GOOD[name]
    at = place % len(good)
    try:
        entries = list(adapters[name](io.BytesIO(good[:at] + noise + good[at + cut :]), None))
    except UnreadableFile:
        return
    lines = [entry.line for entry in entries]
    assert lines == sorted(set(lines))
