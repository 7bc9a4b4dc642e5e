"""Tables by a mapping: what a row becomes, why one is rejected, and that no text of a cell leaves as it stands."""

import csv
import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.edge.workbooks import workbook

from safety_stream.catalogue import load_catalogue
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.times import LONDON, to_iso
from safety_stream.data_files import catalogue_folder
from safety_stream.edge.beside import NO_LINE, OTHER_ROW, TokenFile
from safety_stream.edge.canonical import to_line
from safety_stream.edge.entries import Entry, Reject, UnreadableFile
from safety_stream.edge.mapped import adapter_of
from safety_stream.edge.mapping import ColumnMapping, parse_mapping, read_mapping
from safety_stream.edge.producer import record_of

EXAMPLE = Path(__file__).parents[2] / "examples" / "partners" / "council-asb"
TOKEN = "e1.person.0c1d2e3f405162738495a6b7c8d9eaf0"
TEXT = """\
source: council-asb
kind: asb-case
fields:
  source_ref: {column: ref}
  source_version: {column: version}
  action: {value: new}
  category: {column: type, values: {Noise: asb-noise, Bins: asb-environmental}}
  subtype: {column: sort, values: {Big: big}}
  occurred_from: {columns: [on, at], format: ["%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M%z", "%d/%m/%Y", "%m/%Y"]}
  reported_at: {column: told, format: ["%d/%m/%Y %H:%M", "%d/%m/%Y"]}
place: {uprn: {column: uprn}, latitude: {column: lat}, longitude: {column: lon}}
flags: [{column: sort, values: {Big: weapon}, otherwise: alcohol}]
parties:
  - {role: victim, token: {column: victim}, child: {column: young, values: {Y: true, N: false}}}
  - {role: suspect, token: {column: suspect}}
facts: {drugs: {column: young, values: {Y: true, N: false}}}
details: {risk_score: {column: risk}, complained_on: {column: told, format: ["%d/%m/%Y %H:%M", "%d/%m/%Y"]}}
"""
HEADINGS = [
    "ref",
    "version",
    "type",
    "sort",
    "on",
    "at",
    "told",
    "uprn",
    "lat",
    "lon",
    "victim",
    "young",
    "suspect",
    "risk",
]
ROW = dict.fromkeys(HEADINGS, "") | {
    "ref": "C1",
    "version": "1",
    "type": "noise",
    "on": "05/02/2026",
    "told": "06/02/2026",
}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(catalogue_folder())


@pytest.fixture(scope="module")
def mapping(catalogue: Catalogue) -> ColumnMapping:
    return parse_mapping(TEXT, catalogue)


def table(*rows: dict[str, str], headings: list[str] = HEADINGS) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, headings, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def read(mapping: ColumnMapping, **cells: str) -> Entry | Reject:
    (entry,) = adapter_of(mapping)(io.BytesIO(table(ROW | cells)), None)
    return entry


def reason(mapping: ColumnMapping, **cells: str) -> str:
    entry = read(mapping, **cells)
    assert isinstance(entry, Reject)
    return entry.reason


def times(entry: Entry | Reject) -> tuple[str, str | None, str]:
    assert isinstance(entry, Entry)
    report = entry.report
    return to_iso(report.occurred_from), report.occurred_to and to_iso(report.occurred_to), report.precision


def test_the_example_is_read_as_it_says(catalogue: Catalogue):
    mapping = read_mapping(EXAMPLE / "mapping.yaml", catalogue)
    with (EXAMPLE / "cases.csv").open("rb") as file:
        entries = list(adapter_of(mapping)(file, None))

    assert [(one.line, type(one).__name__) for one in entries] == [
        (3, "Entry"),
        (4, "Entry"),
        (5, "Reject"),
        (6, "Entry"),
        (7, "Entry"),
    ]
    first, last = entries[0], entries[-1]
    assert isinstance(first, Entry)
    assert isinstance(last, Entry)
    assert first.details == {
        "asb_case": {
            "case_ref": "ASB-26-0001",
            "risk_score": 12,
            "complained_on": "2026-03-03",
            "case_review_requested": False,
        }
    }
    assert (last.report.source_version, last.report.action) == (2, "correct")
    for entry in entries:
        if isinstance(entry, Entry):
            record_of(entry.report, entry.details)


def test_a_full_row_is_a_report_with_its_parties_place_facts_and_details(mapping: ColumnMapping):
    entry = read(
        mapping, sort="big", uprn="900000000001", lat="53.75", lon="-2.7", victim=TOKEN, young="Y", risk="7", at="09:30"
    )

    assert isinstance(entry, Entry)
    report = entry.report
    assert (report.category, report.subtype, report.flags) == ("asb-noise", "big", ("weapon",))
    assert [(party.role, party.token, party.child) for party in report.parties] == [("victim", TOKEN, True)]
    assert report.place is not None
    assert (report.place.uprn, report.place.latitude) == ("900000000001", 53.75)
    assert [(fact.name, fact.value) for fact in report.facts] == [("drugs", "true")]
    assert entry.details == {"asb_case": {"risk_score": 7, "complained_on": "2026-02-06"}}


def test_a_district_is_said_by_its_name_or_its_code(catalogue: Catalogue):
    def area(by: str, cell: str = "") -> str | None:
        stated = parse_mapping(TEXT.replace("place: {", f"place: {{area: {{{by}}}, "), catalogue)
        content = table(ROW | {"where": cell}, headings=[*HEADINGS, "where"])
        (entry,) = adapter_of(stated)(io.BytesIO(content), None)
        if isinstance(entry, Reject):
            return entry.reason
        return entry.report.place and entry.report.place.area

    names = "column: where, values: {Burnley: E07000117, Leeds: OUTSIDE, none: null}"
    assert [area(names, cell) for cell in (" BURNLEY", "Leeds", "none", "")] == ["E07000117", "OUTSIDE", None, None]
    assert "place.area: holds a word that is not among its `values`" in (area(names, "Mars") or "")
    assert area(f"{names}, otherwise: OUTSIDE", "Mars") == "OUTSIDE"
    assert area("column: where", "E07000117") == "E07000117"
    assert "place.area: is taken as it stands" in (area("column: where", "Burnley") or "")
    assert area("value: E07000117") == "E07000117"


def test_ten_digits_that_do_not_check_and_a_uprn_that_does_are_no_number_of_a_patient(mapping: ColumnMapping):
    assert isinstance(read(mapping, ref="9434765918", uprn="9434765919"), Entry)


def test_times_are_londons_and_what_is_known_to_the_day_covers_it_as_far_as_it_was_past(mapping: ColumnMapping):
    assert times(read(mapping, at="23:30")) == ("2026-02-05T23:30:00.000Z", None, "instant")
    assert times(read(mapping, on="05/07/2026", at="23:30", told="06/07/2026")) == (
        "2026-07-05T22:30:00.000Z",
        None,
        "instant",
    )
    assert times(read(mapping)) == ("2026-02-05T00:00:00.000Z", "2026-02-05T23:59:59.999Z", "day")
    # On the day it was reported, and of a month that was not over.
    assert times(read(mapping, told="05/02/2026 10:00")) == (
        "2026-02-05T00:00:00.000Z",
        "2026-02-05T10:00:00.000Z",
        "day",
    )
    assert times(read(mapping, on="02/2026")) == ("2026-02-01T00:00:00.000Z", "2026-02-06T00:00:00.000Z", "month")


def test_a_report_of_a_day_is_not_before_what_it_reports(mapping: ColumnMapping):
    entry = read(mapping, at="23:30", told="05/02/2026")

    assert isinstance(entry, Entry)
    assert entry.report.reported_at == entry.report.occurred_from


def test_the_hours_that_the_clocks_leave_out_or_repeat_are_rejected_or_stated(
    catalogue: Catalogue, mapping: ColumnMapping
):
    autumn = {"on": "25/10/2026", "at": "01:30", "told": "26/10/2026"}
    assert "there was no such time" in reason(mapping, on="29/03/2026", at="01:30", told="30/03/2026")
    assert "go through twice" in reason(mapping, **autumn)
    for word, hour in (("earlier", "00"), ("later", "01")):
        stated = parse_mapping(f"{TEXT}repeated_hour: {word}\n", catalogue)
        assert times(read(stated, **autumn))[0] == f"2026-10-25T{hour}:30:00.000Z"
    assert isinstance(read(mapping, on="25/10/2026 01:30+0100", told="26/10/2026"), Entry)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"ref": ""}, "field source_ref: field required (column 'ref')"),
        ({"ref": "John Smith"}, "field source_ref: is taken as it stands, so it has up to 64 letters, digits and"),
        ({"ref": "9434765919"}, "field source_ref: may be an NHS number, which goes into no field"),
        ({"version": "0"}, "field source_version: input should be greater than or equal to 1 (column 'version')"),
        ({"version": "1.5"}, "field source_version: is no whole number in digits (column 'version')"),
        ({"type": "Smith"}, "field category: holds a word that is not among its `values`"),
        ({"on": "31/02/2026"}, "field occurred_from: is in none of its formats"),
        ({"on": "01/01/1066"}, "field occurred_from: is not of the years 1900 to 2999 (column 'on' and 'at')"),
        ({"told": ""}, "field reported_at: field required (column 'told')"),
        ({"uprn": "9000000000011"}, "field place.uprn: string should match pattern"),
        ({"lat": "nan", "lon": "0"}, "field place.latitude: is no number in digits, with a point before its fraction"),
        ({"lat": "91", "lon": "0"}, "field place.latitude: input should be less than or equal to 90 (column 'lat')"),
        ({"victim": "Smith"}, "field parties.0.token: is no token as `safety-stream tokens make` makes them"),
        ({"victim": TOKEN.replace("person", "home")}, "field parties.0.token: is no token"),
        ({"young": "maybe"}, "field parties.0.child: holds a word that is not among its `values`"),
    ],
)
def test_each_reject_names_field_reason_and_column(mapping: ColumnMapping, cells: dict[str, str], said: str):
    told = reason(mapping, **cells)

    assert told.startswith(said)
    assert not any(value in told for value in cells.values() if len(value) > 3)


def test_a_table_must_have_the_columns_and_none_of_persons_that_nobody_spoke_of(mapping: ColumnMapping):
    read_all = adapter_of(mapping)
    with pytest.raises(UnreadableFile, match="there is no column 'risk', which the mapping names"):
        list(read_all(io.BytesIO(table(headings=HEADINGS[:-1])), None))
    with pytest.raises(UnreadableFile, match="column number 15 looks like a person's") as refused:
        list(read_all(io.BytesIO(table(headings=[*HEADINGS, "Surname"])), None))
    assert "Surname" not in str(refused.value)


def test_a_workbook_is_read_like_the_csv_of_it(mapping: ColumnMapping):
    pytest.importorskip("python_calamine", reason="the extra `partner` is not installed")
    as_csv = read(mapping, at="09:30", told="06/02/2026", version="2")
    cells = ROW | {"on": datetime(2026, 2, 5).date(), "at": datetime(2026, 2, 5, 9, 30).time()}  # noqa: DTZ001
    cells |= {"told": datetime(2026, 2, 6).date(), "version": 2.0}  # noqa: DTZ001
    (entry,) = adapter_of(mapping)(io.BytesIO(workbook([HEADINGS, [cells[name] for name in HEADINGS]])), None)

    assert entry == as_csv


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), min_size=14, max_size=14))
def test_whatever_stands_in_the_cells_a_row_is_a_report_or_a_reject(mapping: ColumnMapping, cells: list[str]):
    for entry in adapter_of(mapping)(io.BytesIO(table(dict(zip(HEADINGS, cells, strict=True)))), None):
        assert isinstance(entry, Entry | Reject)


@given(
    st.dictionaries(st.sampled_from(HEADINGS), st.sampled_from(["Zaphod", "zaphod", "Zaphod Beeblebrox"]), min_size=1)
)
def test_no_name_in_any_cell_is_in_anything_that_is_made_of_it(mapping: ColumnMapping, cells: dict[str, str]):
    entry = read(mapping, **cells)
    said = to_line(entry.report, None, entry.details) if isinstance(entry, Entry) else entry.reason

    assert "zaphod" not in said.lower()


@given(st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1)))  # noqa: DTZ001 - as a clock on the wall shows it
def test_a_time_is_what_the_clock_showed_or_is_rejected(mapping: ColumnMapping, shown: datetime):
    entry = read(mapping, on=f"{shown:%d/%m/%Y}", at=f"{shown:%H:%M}", told="01/01/2999")

    if isinstance(entry, Entry):
        told = datetime.fromtimestamp(entry.report.occurred_from / 1000, tz=UTC)
        assert f"{told.astimezone(LONDON):%d/%m/%Y %H:%M}" == (f"{shown:%d/%m/%Y %H:%M}")
    else:
        assert "clocks" in entry.reason


class TestTokensBeside:
    """Tokens that were made of the same file."""

    def read(self, mapping: ColumnMapping, path: Path, tokens: str) -> list[Entry | Reject]:
        path.write_text(tokens, encoding="utf-8")
        content = table(*(ROW | {"ref": f"C{number}"} for number in (1, 2, 3)))
        return list(adapter_of(mapping, TokenFile(path))(io.BytesIO(content), None))

    def test_each_row_has_the_tokens_of_its_line(self, mapping: ColumnMapping, tmp_path: Path):
        vehicle = TOKEN.replace("person", "vehicle")
        lines = (
            f'{{"line":2,"reference":"C1","parties":[{{"role":"victim","token":"{TOKEN}"}}],"vehicles":["{vehicle}"]}}\n'
            '{"line":3,"reference":"C2"}\n{"line":4,"reference":"C3","parties":[{"role":"suspect"}]}\n'
        )
        first, second, third = (
            one.report for one in self.read(mapping, tmp_path / "t", lines) if isinstance(one, Entry)
        )

        assert [(party.role, party.token) for party in first.parties] == [("victim", TOKEN)]
        assert first.vehicles == (vehicle,)
        assert second.parties == ()
        assert [(party.role, party.token) for party in third.parties] == [("suspect", None)]

    def test_a_token_of_another_row_is_nobodys(self, mapping: ColumnMapping, tmp_path: Path):
        lines = f'{{"line":3,"reference":"C1","parties":[{{"role":"victim","token":"{TOKEN}"}}]}}\n'
        entries = self.read(mapping, tmp_path / "t", lines)

        # And a row that has no line of tokens is no report without persons.
        assert [(one.line, one.reason) for one in entries if isinstance(one, Reject)] == [
            (2, NO_LINE),
            (3, OTHER_ROW),
            (4, NO_LINE),
        ]

    @pytest.mark.parametrize(
        "lines",
        [
            "{}\n",
            "nothing\n",
            '{"line":2,"reference":"C1","parties":[{"role":"victim","token":"Smith"}]}\n',
            '{"line":3,"reference":"C2"}\n{"line":2,"reference":"C1"}\n',
        ],
    )
    def test_what_is_no_file_of_tokens_is_refused(self, mapping: ColumnMapping, tmp_path: Path, lines: str):
        with pytest.raises(UnreadableFile, match="no line of tokens") as refused:
            self.read(mapping, tmp_path / "t", lines)
        assert "Smith" not in str(refused.value)
