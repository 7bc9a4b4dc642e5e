"""Drafts of mappings: what is guessed, what is left to somebody, and that no person's column goes into a field."""

from datetime import date, datetime, time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from safety_stream.catalogue import load_catalogue
from safety_stream.cli import app
from safety_stream.core.catalogue import Catalogue
from safety_stream.data_files import catalogue_folder
from safety_stream.edge.mapping import BadMapping, parse_mapping
from safety_stream.edge.personal import looks_personal
from safety_stream.edge.suggesting import Draft, suggest
from safety_stream.edge.tabular import Cell, Layout, Row

EXAMPLES = Path(__file__).parents[2] / "examples"
CASES = EXAMPLES / "partners" / "council-asb" / "cases.csv"
WEST_YORKSHIRE = EXAMPLES / "west-yorkshire" / "areas"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(catalogue_folder())


def drafted(catalogue: Catalogue, columns: dict[str, list[Cell]]) -> Draft:
    lines = enumerate(zip(*columns.values(), strict=True), 2)
    rows = [Row(line, dict(zip(columns, cells, strict=True))) for line, cells in lines]
    return suggest(list(columns), rows, Layout(), "council-asb", "asb-case", catalogue)


def draft(catalogue: Catalogue, columns: dict[str, list[Cell]]) -> str:
    return drafted(catalogue, columns).text


def test_headings_and_cells_that_agree_become_fields(catalogue: Catalogue):
    text = draft(
        catalogue,
        {
            "Ref": ["A1", "A2"],
            "Nature of problem": ["Noise", "Burglery"],
            "Reported on": ["2026-03-02", "2026-03-03"],
            "Offence date": [date(2026, 3, 1), date(2026, 3, 2)],
            "Offence time": [time(9, 30), time(10, 0)],
            "LSOA": ["E01025000", "E01025001"],
            "Lat": ["53.7", "53.8"],
            "Long": ["-2.7", "-2.8"],
            "Vehicle": [f"e1.vehicle.{'0' * 32}"] * 2,
            "Suspect": [f"e1.person.{'0' * 32}", ""],
            "Risk score": ["1", "2"],
            "Drugs": ["yes", "No"],
            "Remarks": ["", "seen twice"],
        },
    )
    lines = text.splitlines()

    parse_mapping(text, catalogue)
    for line in (
        "  source_ref: {column: Ref}",
        "      Burglery: burglary",
        "      Noise: asb-noise",
        "  occurred_from: {columns: [Offence date, Offence time]}",
        "  reported_at: {column: Reported on}",
        "  lsoa: {column: LSOA}",
        "  longitude: {column: Long}",
        "  - {column: Vehicle}",
        "  - {role: suspect, token: {column: Suspect}}",
        "  risk_score: {column: Risk score}",
        "  drugs: {column: Drugs, values: {No: false, yes: true}}",
        "# not used: Remarks",
    ):
        assert line in lines


def test_what_nobody_could_guess_is_said_and_is_an_issue(catalogue: Catalogue):
    text = draft(catalogue, {"Notes": ["a b", "c d"], "Surname": ["x", "y"]})

    assert "# source_ref: which column is your own reference?" in text
    assert "left_out: [Surname]" in text
    with pytest.raises(BadMapping) as bad:
        parse_mapping(text, catalogue)
    assert {issue.what.split()[1] for issue in bad.value.issues} == {
        "category",
        "occurred_from",
        "reported_at",
        "source_ref",
    }


def test_no_time_is_drafted_from_a_date_of_birth(catalogue: Catalogue):
    text = draft(catalogue, {"Ref": ["A1", "A2"], "DateOfBirth": ["01/02/1990", "13/02/1991"]})

    assert "left_out: [DateOfBirth]" in text
    assert "# occurred_from: which column" in text


def times_in(text: str) -> list[str]:
    fields = ("occurred_from", "reported_at", "received_at")
    return [line.strip() for line in text.splitlines() if line.strip().startswith(fields)]


REPORTED = {"Date reported": ["01/02/2026", "02/02/2026", "03/02/2026"], "Time reported": ["09:10", "09:20", "09:30"]}


@pytest.mark.parametrize("bad", ["31/02/2026 10:00", "unknown", "2026", date(2026, 2, 1), time(9, 30)])
def test_one_bad_cell_does_not_make_the_time_of_the_report_that_of_the_incident(catalogue: Catalogue, bad: Cell):
    columns = REPORTED | {"LSOA": ["E01025000"] * 3, "Incident date": ["31/01/2026 10:00", bad, "01/02/2026 11:00"]}
    found = drafted(catalogue, columns)
    occurred, reported, received = times_in(found.text)
    # What a spreadsheet keeps as a date is read by every format.
    is_read = isinstance(bad, date)
    said = (
        "1 of 3 cells of Incident date cannot be read: add how they are written to `format`, or their rows are rejected"
    )

    assert occurred == (
        'occurred_from: {column: Incident date, format: ["%d/%m/%Y %H:%M"]}' + ("" if is_read else f"  # {said}")
    )
    both = '{columns: [Date reported, Time reported], format: ["%d/%m/%Y %H:%M", "%d/%m/%Y"]}'
    assert [reported, received] == [f"reported_at: {both}", f"received_at: {both}"]
    assert found.look_at == (() if is_read else (f"occurred_from: {said}",))
    assert found.not_used == ()


def test_an_hour_that_cannot_be_read_is_said_and_its_column_is_taken(catalogue: Catalogue):
    columns = REPORTED | {"Time reported": ["09:10", "9.15am", "09:30:59"], "Incident date": ["2026-01-31"] * 3}
    occurred, reported, received = times_in(draft(catalogue, columns))

    assert occurred == "occurred_from: {column: Incident date}"
    assert '{columns: [Date reported, Time reported], format: ["%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M"' in reported
    assert "  # 1 of 3 cells of Time reported cannot be read" in reported
    # Once is enough.
    assert "#" not in received


def test_a_time_that_no_column_says_is_guessed_and_said_to_be(catalogue: Catalogue):
    none = drafted(catalogue, REPORTED | {"LSOA": ["E01025000"] * 3})
    assert [line.partition("  # ")[2] for line in times_in(none.text)] == [
        "guessed: no column says when it happened",
        "",
        "",
    ]
    assert none.look_at == ("occurred_from: guessed: no column says when it happened",)

    unreadable = drafted(catalogue, REPORTED | {"Incident date": ["last week", "01/02/2026", "01/32/2026"]})
    assert times_in(unreadable.text)[0].endswith(
        "  # guessed: no column says when it happened so that it can be read: see Incident date"
    )
    assert unreadable.not_used == ("Incident date",)

    # Nor is the day a case was closed, or another thing of which nobody knows what it is.
    closed = times_in(draft(catalogue, REPORTED | {"Closed on": ["04/02/2026"] * 3}))
    assert closed[0].startswith("occurred_from: {columns: [Date reported")
    other = times_in(draft(catalogue, REPORTED | {"Date": ["04/02/2026"] * 3}))
    assert other[0] == (
        'occurred_from: {column: Date, format: ["%d/%m/%Y"]}  # guessed: no column says when it happened'
    )
    only = times_in(draft(catalogue, {"Offence date": ["04/02/2026"] * 3}))
    assert [line.partition("  # ")[2] for line in only] == ["", "guessed: no column says when it was reported", ""]


def test_the_heading_says_which_time_is_which_before_the_order_of_the_columns(catalogue: Catalogue):
    day = ["04/02/2026"] * 2
    columns: dict[str, list[Cell]] = {
        "Incident closed": day,
        "Incident report date": day,
        "Incident date": day,
        "Report time": ["10:00"] * 2,
        "Incident time": ["09:00"] * 2,
    }
    occurred, reported, _ = times_in(draft(catalogue, columns))

    assert occurred.startswith("occurred_from: {columns: [Incident date, Incident time]")
    assert reported.startswith("reported_at: {column: Incident report date,")


def test_hours_are_those_of_a_day_and_not_beside_an_hour_that_is_there(catalogue: Catalogue):
    hours: list[Cell] = ["09:00", "10:00"]
    for days in (["04/02/2026 10:00"] * 2, [datetime(2026, 2, 4, 10)] * 2, ["2026-02-04T10:00"] * 2):  # noqa: DTZ001
        assert times_in(draft(catalogue, {"Incident date": days, "Incident time": hours}))[0].startswith(
            "occurred_from: {column: Incident date"
        )
    kept = {"Incident date": ["04/02/2026"] * 2, "Incident time": [time(9), time(10)]}
    assert '"%d/%m/%Y %H:%M:%S"' in times_in(draft(catalogue, kept))[0]


def test_a_column_of_names_of_districts_says_the_district(catalogue: Catalogue):
    found = drafted(catalogue, {"Ward": ["x"] * 4, "District": ["Burnley", " ribble  VALLEY", "burnley", "Leeds"]})

    assert [line.strip() for line in found.text.partition("area:\n")[2].splitlines()[:6]] == [
        "column: District",
        "values:",
        "Burnley: E07000117",
        '" ribble  VALLEY": E07000124',
        "# Leeds: which district, or OUTSIDE? Its rows are rejected until it is said",
        "# not used: Ward",
    ]
    assert "place.area: 1 of 3 words of District name no district: say in `values` which they are" in found.look_at
    assert not any("what names none" in one.lower() for one in found.look_at)


def test_names_of_districts_under_another_heading_are_a_guess_and_their_code_comes_first(catalogue: Catalogue):
    names = ["Burnley", "Pendle"]
    guessed = drafted(catalogue, {"Office": names, "District": ["Fylde", "Wyre"]})
    assert "  area:\n    column: District" in guessed.text

    guessed = drafted(catalogue, {"Office": names})
    assert "  area:  # guessed: is this where it happened?\n    column: Office" in guessed.text
    assert "place.area: guessed: is Office where it happened?" in guessed.look_at

    assert "  area: {column: Code}" in draft(catalogue, {"District": names, "Code": ["E07000117", "E07000122"]})


def test_a_table_that_says_no_district_is_told_what_that_costs(catalogue: Catalogue):
    cost = "place.area: which column names the district? What names none counts in no district"
    for columns in ({"UPRN": ["900000000001"] * 2}, {"District": ["Ward 1", "Burnley"]}):
        found = drafted(catalogue, columns)
        assert f"# {cost}" in found.text.splitlines()
        assert cost in found.look_at
    for told in ({"LSOA": ["E01025000"] * 2}, {"Area": ["E07000117"] * 2}):
        assert cost not in drafted(catalogue, told).look_at


cells = st.one_of(
    st.sampled_from(
        ["", "A1", "01/02/2026", "13/02/2026 09:30", "09:30", "2026-01-01", "E01025000", "Noise", "Y", "7", "Wyre"]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)
headings = st.sampled_from(
    ["Ref", "Type", "Incident date", "Time", "UPRN", "Logged", "Victim name", "DOB", "Drugs"]
) | (st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8).map(str.strip))


@given(st.dictionaries(headings, st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=8))
def test_a_draft_of_any_table_is_a_mapping_or_tells_its_issues_and_lets_no_person_out(
    catalogue: Catalogue, columns: dict[str, list[str]]
):
    try:
        used = parse_mapping(draft(catalogue, columns), catalogue).headings
    except BadMapping as bad:
        used = tuple("Surname" for issue in bad.issues if "looks like a person" in issue.what)
    assert not any(map(looks_personal, used))


class TestCommand:
    """`edge map`."""

    def run(self, *words: str) -> tuple[int, dict[str, object]]:
        result = CliRunner().invoke(app, ["edge", "map", *words, "--json"])
        return result.exit_code, msgspec.json.decode(result.stdout) if result.stdout else {}

    def test_a_draft_is_written_and_shown_at_work_and_can_be_shown_again(self, tmp_path: Path):
        into = tmp_path / "mapping.yaml"
        asked = ("--suggest", "--source", "council-asb", "--heading", "2", "--out", str(into))
        code, told = self.run(str(CASES), *asked)

        assert code == 2
        assert told["mapping"] == into.read_text(encoding="utf-8")
        assert [("report" in row, row["line"]) for row in told["rows"]] == [
            (True, 3),
            (False, 4),
            (False, 5),
            (False, 6),
            (True, 7),
        ]
        assert self.run(str(CASES), "--mapping", str(into)) == (2, {"rows": told["rows"]})

    def test_what_may_be_wrong_is_told_and_the_draft_needs_somebody(self, tmp_path: Path):
        table = tmp_path / "cases.csv"
        table.write_text(
            "Ref,Type,Logged,Incident date,District\n"
            "A1,Noise,02/02/2026,01/02/2026,Pendle\nA2,Noise,03/02/2026,02/02/2026,Burnley\n"
        )
        asked = (str(table), "--suggest", "--source", "council-asb")
        code, told = self.run(*asked)
        assert (code, told["look_at"]) == (0, [])

        table.write_text(table.read_text().replace("Incident date", "Closed on"))
        code, told = self.run(*asked)
        assert (code, told["look_at"]) == (2, ["occurred_from: guessed: no column says when it happened"])
        assert all("report" in row for row in told["rows"])
        result = CliRunner().invoke(app, ["edge", "map", *asked])
        assert "to be looked at by you: occurred_from: guessed: no column says when it happened" in result.stderr

    def test_the_districts_are_those_of_the_county_that_is_named(self, tmp_path: Path):
        table = tmp_path / "cases.csv"
        table.write_text("Ref,District\nA1,Leeds\nA2,Bradford\n")
        asked = (str(table), "--suggest", "--source", "council-asb")

        assert "Leeds" not in self.run(*asked)[1]["mapping"]
        told = self.run(*asked, "--areas", str(WEST_YORKSHIRE))[1]
        assert "Leeds: leeds" in told["mapping"]
        assert not any("district" in issue for issue in told["issues"])

    @pytest.mark.parametrize(
        "words",
        [(), ("--suggest",), ("--suggest", "--source", "nobody"), ("--suggest", "--source", "fire", "--kind", "x")],
    )
    def test_what_was_not_said_is_asked_for(self, words: tuple[str, ...]):
        assert self.run(str(CASES), *words)[0] == 1
