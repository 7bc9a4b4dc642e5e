"""Drafts of mappings: what is guessed, what is left to somebody, and that no person's column goes into a field."""

from datetime import date, time
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
from safety_stream.edge.suggesting import suggest
from safety_stream.edge.tabular import Cell, Layout, Row

CASES = Path(__file__).parents[2] / "examples" / "partners" / "council-asb" / "cases.csv"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(catalogue_folder())


def draft(catalogue: Catalogue, columns: dict[str, list[Cell]]) -> str:
    lines = enumerate(zip(*columns.values(), strict=True), 2)
    rows = [Row(line, dict(zip(columns, cells, strict=True))) for line, cells in lines]
    return suggest(list(columns), rows, Layout(), "council-asb", "asb-case", catalogue).text


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


cells = st.one_of(
    st.sampled_from(
        ["", "A1", "01/02/2026", "13/02/2026 09:30", "09:30", "2026-01-01", "E01025000", "Noise", "Y", "7"]
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

    @pytest.mark.parametrize(
        "words",
        [(), ("--suggest",), ("--suggest", "--source", "nobody"), ("--suggest", "--source", "fire", "--kind", "x")],
    )
    def test_what_was_not_said_is_asked_for(self, words: tuple[str, ...]):
        assert self.run(str(CASES), *words)[0] == 1
