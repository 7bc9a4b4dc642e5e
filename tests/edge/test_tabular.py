"""A partner's table as rows: what is a row, what is none, and that nothing but the file as a whole is refused aloud."""

import gzip
import io
import zipfile
from datetime import date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.edge.workbooks import workbook

from safety_stream.edge import tabular
from safety_stream.edge.entries import Reject, UnreadableFile
from safety_stream.edge.tabular import Layout, Row, open_table


def read(content: bytes, **layout: object) -> list[Row | Reject]:
    with open_table(io.BytesIO(content), Layout(**layout)) as table:
        return list(table.rows)


def test_rows_have_their_line_and_cells_by_heading():
    assert read(b'a,b\n1, x \n\n"y\nz",2\n3\n') == [
        Row(2, {"a": "1", "b": "x"}),
        Row(4, {"a": "y\nz", "b": "2"}),
        Row(6, {"a": "3", "b": ""}),
    ]


def test_each_line_that_is_no_row_is_rejected_with_its_number_and_the_next_is_read():
    rows = read(b"a,b\n1,2,3\n\xff,1\n1,\x002\n" + b"x" * 100_001 + b"\n5,6\n")

    assert [(row.line, row.reason[:36]) for row in rows if isinstance(row, Reject)] == [
        (2, "it has more cells than headings: put"),
        (3, "it is not in the file's encoding: na"),
        (4, "it is not in the file's encoding: na"),
        (5, "it is longer than 100,000 characters"),
    ]
    assert rows[-1] == Row(6, {"a": "5", "b": "6"})


@pytest.mark.parametrize(
    ("rows", "last"),
    [
        (b'1,"2,3\n4,5,6\n7,8,9\n', 4),  # nothing closes it
        (b'1,"2,3\n4,5,6\n7,"8",9\n', 4),  # the mark of another row does, and something stands behind
        (b'1,"2,3\n4,5,6\n7,8,"\n', 4),  # and nothing does
    ],
)
def test_rows_that_a_quotation_mark_swallows_are_rejected_by_their_lines(rows: bytes, last: int):
    (found,) = read(b"a,b,c\n" + rows)

    assert found == Reject(
        line=2, reason=f"lines 2 to {last} are no row of CSV: look for a quotation mark that is not closed"
    )


def test_what_is_packed_and_begins_like_a_workbook_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tabular, "WORKBOOK_AT_MOST", 1_000)

    with pytest.raises(UnreadableFile, match="more than 1,000 bytes: save"):
        read(gzip.compress(b"PK\x03\x04" + b"0" * 10_000, mtime=0))


def test_a_file_may_be_packed_in_another_encoding_with_other_signs_and_words_above_its_headings():
    content = "Cases of March\nStraße;b\nü;1\n".encode("cp1252")

    assert read(gzip.compress(content, mtime=0), encoding="cp1252", delimiter=";", heading=2) == [
        Row(3, {"Straße": "ü", "b": "1"})
    ]


@pytest.mark.parametrize(
    ("content", "layout", "reason"),
    [
        (b"", {}, "there are no headings on line 1"),
        (b"a,b\n1,2\n", {"heading": 9}, "there are no headings on line 9"),
        (b"a,b,a\n", {}, "heading number 3 stands twice"),
        (b"a\n", {"encoding": "klingon"}, "there is no such encoding"),
        (gzip.compress(b"a,b\n1,2\n" * 999, mtime=0)[:-20], {}, "broken after line"),
        (b"PK\x03\x04 no workbook", {}, "it begins like a workbook and is none"),
    ],
)
def test_what_is_no_table_says_so(content: bytes, layout: dict[str, object], reason: str):
    with pytest.raises(UnreadableFile, match=reason):
        read(content, **layout)


@given(st.binary(max_size=300), st.sampled_from(["utf-8", "cp1252", "utf-16"]))
def test_whatever_the_bytes_there_are_rows_rejects_or_an_unreadable_file(content: bytes, encoding: str):
    try:
        rows = read(content, encoding=encoding)
    except UnreadableFile:
        return
    lines = [row.line for row in rows]
    assert lines == sorted(set(lines))


class TestWorkbook:
    """What a spreadsheet keeps."""

    @pytest.fixture(autouse=True)
    def _installed(self) -> None:
        pytest.importorskip("python_calamine", reason="the extra `partner` is not installed")

    def test_numbers_dates_and_times_are_what_they_are_and_lines_are_as_shown(self):
        when = datetime(2026, 3, 2, 23, 40)  # noqa: DTZ001 - a spreadsheet knows no zones
        rows = [("ref", "at", "on", "hour"), ("A-1", when, date(2026, 3, 2), time(23, 40)), (), (12.0, "", "", 1.5)]

        assert read(workbook(rows)) == [
            Row(2, {"ref": "A-1", "at": when, "on": date(2026, 3, 2), "hour": time(23, 40)}),
            Row(4, {"ref": "12", "at": "", "on": "", "hour": "1.5"}),
        ]

    def test_a_sheet_is_chosen_by_its_name(self):
        content = workbook([("a",), ("1",)], name="March")

        assert read(content, sheet="March") == [Row(2, {"a": "1"})]
        with pytest.raises(UnreadableFile, match="has no sheet of that name"):
            read(content, sheet="April")

    def test_a_workbook_that_would_fill_the_memory_is_not_unpacked(self, monkeypatch: pytest.MonkeyPatch):
        bomb = io.BytesIO(workbook([("a",)]))
        with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as file:
            file.writestr("xl/media/image1.png", b"0" * 1_000_000)
        assert len(bomb.getvalue()) < 10_000
        monkeypatch.setattr(tabular, "WORKBOOK_AT_MOST", 100_000)

        with pytest.raises(UnreadableFile, match="more than 100,000 bytes unpacked"):
            read(bomb.getvalue())

    @given(st.integers(0, 2_000), st.binary(min_size=1, max_size=8))
    def test_a_damaged_workbook_is_read_or_refused(self, place: int, damage: bytes):
        content = workbook([("a", "b"), ("1", "2")])
        at = place % len(content)
        try:
            read(b"PK\x03\x04" + (content[:at] + damage + content[at + len(damage) :])[4:])
        except UnreadableFile:
            return
