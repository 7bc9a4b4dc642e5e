"""`tokens` at the terminal: what it writes, what it refuses, and that nothing readable is anywhere in it."""

from __future__ import annotations

import csv
import io
import json
import random
import stat
import sys
import tracemalloc
from collections.abc import Iterator
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from safety_stream.cli import app
from safety_stream.core.stages.intake import checked_link
from safety_stream.data_files import catalogue_folder
from safety_stream.edge import canonical
from safety_stream.edge.entries import Decision, Entry
from safety_stream.edge.tokens.files import Said, Workshop, each_made, normalisers_for, rows_of
from safety_stream.edge.tokens.keys import development_ring
from safety_stream.edge.tokens.tables import load_tables

HEADING = ("Surname", "First Name", "Date of Birth", "Sex", "Postcode", "NHS Number", "Phone", "Reference")
ROWS = [
    ("Featherstone", "Zebedee", "1984-05-16", "M", "BB11 9ZZ", "999 000 0018", "01632 960001", "CAD-1"),
    ("Quixworthy-Vane", "Philomena", "17/11/1979", "F", "PR2 8XY", "", "07700 900123", "CAD-2"),
    ("Thistlewood", "Peregrine", "01/01/1980", "M", "LA1 7QQ", "", "", "CAD-3"),
]
BAD = [
    ("Ravenscroft", "Ottoline", "31/02/1991", "F", "FY4 5JJ", "", "", "CAD-4"),
    ("Wolvercote77", "Ignatius", "1990-07-19", "M", "", "", "", "CAD-5"),
    ("Larkspurling", "Hyacinthe", "1990-07-19", "Zorg", "Nowhereville", "9990000019", "0163290099", "CAD-6"),
    ("Bramblecote", "Leopoldina", "1966-08-23", "F", "", "", "", "Bramblecote1"),
    ("Unicornius", "Barnaby", "1966-08-23", "F", "", "", "", "CAD-8", "Overflowing"),
]
SECRETS = sorted(
    {cell.strip() for row in [*ROWS, *BAD] for cell in row if not cell.startswith("CAD-") and len(cell.strip()) > 2}
    | {
        "9990000018",
        "9990000019",
        "1979-11-17",
        "19791117",
        "1980-01-01",
        "Wolvercote",
        "quixworthyvane",
        "BB11",
        "LA1",
    }
)


@pytest.fixture
def persons(tmp_path: Path) -> Path:
    return a_file(tmp_path / "persons.csv", [*ROWS, *BAD])


def a_file(path: Path, rows: list[tuple[str, ...]], heading: tuple[str, ...] = HEADING) -> Path:
    text = io.StringIO()
    csv.writer(text).writerows([heading, *rows])
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def run(*words: object) -> Result:
    return CliRunner().invoke(
        app, ["tokens", *map(str, words)], env={"COLUMNS": "400", "TERM": "dumb", "NO_COLOR": "1"}
    )


def made(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def make(file: Path, *more: object) -> Result:
    words = ("--purpose", "safeguarding", "--out", file.parent / "out.jsonl", "--as-of", "2026-11-26")
    return run("make", file, *words, *(more or ("--development",)))


def test_each_person_gets_a_line_ready_for_a_report(tmp_path: Path):
    result = make(a_file(tmp_path / "persons.csv", ROWS))
    lines = made(tmp_path / "out.jsonl")

    assert result.exit_code == 0, result.output
    assert [line["reference"] for line in lines] == ["CAD-1", "CAD-2", "CAD-3"]
    assert [line["line"] for line in lines] == [2, 3, 4]
    assert [len(line.get("phones", [])) for line in lines] == [1, 1, 0]
    for line in lines:
        report = {
            "source": "police-a",
            "source_ref": line["reference"],
            "source_version": 1,
            "action": "new",
            "kind": "crime",
            "occurred_from": "2026-03-01T09:30:00Z",
            "reported_at": "2026-03-01T09:30:00Z",
            "parties": line["parties"],
            "phones": line.get("phones", []),
        }
        assert isinstance(canonical.parse(json.dumps(report)), Entry)


def test_nothing_readable_is_in_anything_that_is_written_or_said(persons: Path):
    folder = persons.parent
    files = [folder / name for name in ("linking.jsonl", "links.jsonl", "rejects.jsonl")]
    options = zip(("--linking", "--links", "--rejects"), files, strict=True)
    result = make(persons, "--development", *(word for option in options for word in option))
    checked = [run("check", persons, "--as-of", "2026-11-26", *more) for more in ((), ("--json",))]
    everything = [result.output, *(one.output for one in checked)]
    everything += [path.read_text(encoding="utf-8") for path in (*files, folder / "out.jsonl")]

    assert result.exit_code == 2
    assert len(made(folder / "out.jsonl")) == 4
    assert [secret for secret in SECRETS for text in everything if secret.lower() in text.lower()] == []


def test_what_was_wrong_is_said_by_line_and_field(persons: Path):
    make(persons, "--development", "--rejects", persons.parent / "rejects.jsonl")
    rejects = made(persons.parent / "rejects.jsonl")

    assert [(one["line"], one["field"]) for one in rejects if one["is_refused"]] == [
        *((5, "born"), (6, "surname"), (8, "reference"), (9, ""))
    ]
    assert {(one["line"], one["field"]) for one in rejects if not one["is_refused"]} == {
        *((7, "sex"), (7, "postcode"), (7, "nhs_number"), (7, "phone"))
    }


def test_what_is_written_is_its_owners_alone_and_there_whole_or_not_at_all(persons: Path):
    make(persons, "--development", "--linking", persons.parent / "linking.jsonl")

    for name in ("out.jsonl", "linking.jsonl"):
        assert stat.S_IMODE((persons.parent / name).stat().st_mode) == 0o600
    assert not list(persons.parent.glob(".*.writing"))
    before = (persons.parent / "out.jsonl").read_bytes()
    assert make(persons, "--development", "--role", "nobody").exit_code == 1
    assert (persons.parent / "out.jsonl").read_bytes() == before


def test_secondary_tokens_are_only_in_the_stewards_file(persons: Path):
    make(persons, "--development", "--linking", persons.parent / "linking.jsonl")

    kinds = [token.split(".")[1] for line in made(persons.parent / "out.jsonl") for token in tokens_in(line["parties"])]
    assert set(kinds) == {"person"}
    kinds = [token.split(".")[1] for line in made(persons.parent / "linking.jsonl") for token in tokens_in(line)]
    assert set(kinds) >= {"person", "nhs", "sound", "area", "known-as", "given", "order", "year", "home"}


def tokens_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if value.startswith("dev."):
            yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from tokens_in(one)


def test_json_lines_and_csv_give_the_same(tmp_path: Path):
    make(a_file(tmp_path / "persons.csv", ROWS))
    from_csv = [line["parties"] for line in made(tmp_path / "out.jsonl")]
    names = ("surname", "forename", "born", "sex", "postcode", "nhs_number", "phone", "reference")
    lines = [json.dumps(dict(zip(names, row, strict=True))) for row in ROWS]
    (tmp_path / "persons.jsonl").write_text("\n".join(lines), encoding="utf-8")

    assert make(tmp_path / "persons.jsonl").exit_code == 0
    assert [line["parties"] for line in made(tmp_path / "out.jsonl")] == from_csv


def test_columns_are_mapped_by_name(tmp_path: Path):
    heading = ("Nom", "Prénom", "Né le", "Rôle")
    file = a_file(tmp_path / "persons.csv", [("Thistlewood", "Peregrine", "16/05/1984", "Victim")], heading)
    mapped = ("surname=Nom", "forename=Prénom", "born=Né le", "role=Rôle")
    result = make(file, "--development", *(word for one in mapped for word in ("--column", one)))

    assert result.exit_code == 0, result.output
    assert made(tmp_path / "out.jsonl")[0]["parties"][0]["role"] == "victim"


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (("surname",), "FIELD=COLUMN"),
        (("surname=Nachname",), "no column by the name"),
        (("nickname=Surname",), "a field there is not"),
    ],
)
def test_a_mapping_that_leads_nowhere_is_refused(persons: Path, columns: tuple[str, ...], said: str):
    result = make(persons, "--development", *(word for one in columns for word in ("--column", one)))

    assert result.exit_code == 1
    assert said in result.stderr


def test_a_file_without_a_heading_is_refused_without_repeating_its_first_person(tmp_path: Path):
    result = make(a_file(tmp_path / "persons.csv", ROWS[1:], ROWS[0]))

    assert result.exit_code == 1
    assert "names no column" in result.stderr
    assert "Featherstone" not in result.output


@pytest.mark.parametrize("content", [b"", b"\xe9,DOB\nSmith,1984-05-16\n", b'"' + b"a" * 200_000])
def test_a_heading_that_cannot_be_read_is_said(tmp_path: Path, content: bytes):
    (tmp_path / "persons.csv").write_bytes(content)
    result = make(tmp_path / "persons.csv")

    assert result.exit_code == 1
    assert "no heading that can be read" in result.stderr


def test_the_source_is_never_written_over(persons: Path):
    before = persons.read_bytes()
    result = make(persons, "--development", "--linking", persons)

    assert result.exit_code == 1
    assert "named twice" in result.stderr
    assert persons.read_bytes() == before


def test_two_headings_for_one_field_are_asked_about(tmp_path: Path):
    result = make(a_file(tmp_path / "persons.csv", [("a", "b")], ("Surname", "Last Name")))

    assert result.exit_code == 1
    assert "two columns may be surname" in result.stderr


def test_another_encoding_is_found_by_row_and_named(tmp_path: Path):
    file = tmp_path / "persons.csv"
    file.write_bytes("Surname,Forename,DOB\nNúñez,José,1984-05-16\nSmith,Ann,1984-05-17\n".encode("cp1252"))

    result = make(file)
    assert (result.exit_code, len(made(tmp_path / "out.jsonl"))) == (2, 1)
    assert "persons.csv:2: refused" in result.stderr
    assert "--encoding" in result.stderr
    assert make(file, "--development", "--encoding", "cp1252").exit_code == 0
    assert len(made(tmp_path / "out.jsonl")) == 2
    assert make(file, "--development", "--encoding", "klingon").exit_code == 1


def test_without_keys_nothing_is_made(persons: Path):
    result = run("make", persons, "--purpose", "safeguarding", "--out", persons.parent / "out.jsonl")

    assert result.exit_code == 1
    assert "tokens key new" in result.stderr
    assert not (persons.parent / "out.jsonl").exists()


def test_the_key_is_never_printed(tmp_path: Path):
    keys = tmp_path / "keys.json"
    results = [
        run("key", "new", keys, "--epoch", "e1", "--purpose", "safeguarding", "--as-of", "2026-01-01"),
        run("key", "rotate", keys, "--epoch", "e2", "--overlap-days", "30", "--as-of", "2026-02-01", "--json"),
    ]
    held = [key for one in json.loads(keys.read_text(encoding="utf-8"))["epochs"] for key in one["keys"].values()]

    assert [one.exit_code for one in results] == [0, 0]
    assert len(held) == 2
    assert not [key for key in held for one in results if key in one.output]


def test_an_overlap_maps_old_tokens_to_new_ones_as_decisions_that_can_be_taken_back(tmp_path: Path):
    keys, file = tmp_path / "keys.json", a_file(tmp_path / "persons.csv", ROWS)
    run("key", "new", keys, "--epoch", "e1", "--purpose", "safeguarding", "--as-of", "2026-01-01")
    by_keys = ("--keys", keys, "--links", tmp_path / "links.jsonl", "--linking", tmp_path / "linking.jsonl", "--as-of")
    make(file, *by_keys, "2026-01-05")
    old = [line["parties"][0].get("token") for line in made(tmp_path / "out.jsonl")]
    assert made(tmp_path / "links.jsonl") == []
    run("key", "rotate", keys, "--epoch", "e2", "--overlap-days", "30", "--as-of", "2026-02-01")
    seen = set()
    for day in ("2026-02-02", "2026-03-01"):
        make(file, *by_keys, day)
        new = [line["parties"][0].get("token") for line in made(tmp_path / "out.jsonl")]
        with (tmp_path / "links.jsonl").open("rb") as lines:
            decisions = [one.link for one in canonical.read_links(lines) if isinstance(one, Decision)]
        assert [(one.first, one.second) for one in decisions] == [(old[0], new[0]), (old[1], new[1])]
        assert {(one.state, one.method) for one in decisions} == {("linked", "full-name-and-birth")}
        ids = [checked_link(one, one.decided_at).decision_id for one in decisions]
        seen.add(tuple(ids))
    # The same pairs are the same decisions, in whichever file.
    assert len(seen) == 1
    assert {token[:3] for token in made(tmp_path / "linking.jsonl")[0]["secondary"]} == {"e1.", "e2."}
    make(file, *by_keys, "2026-03-03")
    assert made(tmp_path / "links.jsonl") == []


def test_an_epoch_made_for_other_tables_makes_nothing_without_them(tmp_path: Path):
    keys, file, other = tmp_path / "keys.json", a_file(tmp_path / "persons.csv", ROWS), tmp_path / "tables"
    other.mkdir()
    for path in (catalogue_folder() / "tokens").iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    nicknames = (other / "nicknames.yaml").read_text(encoding="utf-8")
    (other / "nicknames.yaml").write_text(f"{nicknames}  zeb: [zebedee]\n", encoding="utf-8")
    words = ("--epoch", "e1", "--purpose", "safeguarding", "--as-of", "2026-01-01")
    run("key", "new", keys, *words, "--tables", other)

    result = make(file, "--keys", keys)
    assert result.exit_code == 1
    assert "made for other tables" in result.stderr
    assert make(file, "--keys", keys, "--tables", other).exit_code == 0

    run("key", "rotate", keys, "--epoch", "e2", "--overlap-days", "400", "--as-of", "2026-02-01")
    assert make(file, "--keys", keys).exit_code == 1
    both = ("--tables", catalogue_folder() / "tokens", "--tables", other)
    assert make(file, "--keys", keys, "--links", tmp_path / "links.jsonl", *both).exit_code == 0
    assert len(made(tmp_path / "links.jsonl")) == 2


def test_a_check_says_how_full_each_column_is(persons: Path):
    result = run("check", persons, "--as-of", "2026-11-26", "--json")
    found = json.loads(result.stdout)

    assert result.exit_code == 2
    assert (found["rows"], found["refused"], found["with_primary_token"]) == (8, 4, 3)
    assert (found["with_date_of_birth"], found["with_default_date_of_birth"]) == (3, 1)
    assert (found["stated"]["nhs_number"], found["valid"]["nhs_number"]) == (2, 1)
    assert (found["stated"]["born"], found["valid"]["born"]) == (7, 6)
    assert found["why"]["weak: the date of birth is a default"] == 1


def test_a_check_and_a_make_refuse_the_same_rows(persons: Path):
    checked = json.loads(run("check", persons, "--as-of", "2026-11-26", "--json").stdout)
    done = json.loads(make(persons, "--development", "--json").stdout)

    assert checked["refused"] == done["refused"] == 4


@pytest.mark.parametrize(
    ("reference", "is_taken"),
    [
        ("CAD-20260301-7", True),
        ("2026/00417", True),
        ("Featherstone", False),
        ("9990000018", False),
        ("19840516", False),
        ("REF 12", False),
        ("x1-FEATHERSTONE", False),
        ("Zebedee-7", False),
        ("1" * 65, False),
    ],
)
def test_a_reference_leaves_only_when_it_is_nothing_else(tmp_path: Path, reference: str, is_taken: bool):
    row = ("Featherstone", "Otto Zebedee", "1984-05-16", "M", "", "9990000018", "", reference)
    result = make(a_file(tmp_path / "persons.csv", [row]))

    assert result.exit_code == (0 if is_taken else 2)
    assert is_taken or reference not in result.output


@pytest.mark.parametrize(
    "text", ['{"surname": 5}', "[]", "Featherstone", '{"surname": ["Featherstone"]}', '"' * 9, "[" * 9000]
)
def test_a_line_that_is_no_person_is_refused_and_the_next_one_read(tmp_path: Path, text: str):
    file = tmp_path / "persons.jsonl"
    file.write_text(f'{text}\n\n{{"surname": "Smith", "forename": "Ann", "born": "1984-05-16"}}\n', encoding="utf-8")
    result = make(file)

    assert (result.exit_code, [line["line"] for line in made(tmp_path / "out.jsonl")]) == (2, [3])
    assert "persons.jsonl:1: refused" in result.stderr
    assert "Featherstone" not in result.output


def test_a_quotation_mark_left_open_is_a_row_refused_and_no_crash(tmp_path: Path):
    file = tmp_path / "persons.csv"
    many = "".join(f"Smith,Ann,1984-05-{day:02}\n" for day in range(2, 29))
    file.write_text(f'Surname,Forename,DOB\n"Featherstone,Zebedee,1984-05-16\n{many * 400}', encoding="utf-8")
    result = make(file)

    assert result.exit_code == 2
    assert "persons.csv:2: refused" in result.stderr
    assert "Featherstone" not in result.output


def many_persons(count: int) -> Iterator[str]:
    chance = random.Random(7)
    yield "surname,forename,born,postcode,reference\n"
    for number in range(count):
        name = "".join(chance.choices("abcdefghijklmnop", k=7))
        yield f"{name},{name[::-1]},19{chance.randint(30, 99)}-0{chance.randint(2, 9)}-17,BB1 1AA,R-{number}\n"


class Endless(io.RawIOBase):
    """A file that is made while it is read."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while len(self._rest) < len(buffer) and (line := next(self._lines, None)) is not None:
            self._rest += line.encode()
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


def test_memory_does_not_grow_with_the_file(monkeypatch: pytest.MonkeyPatch):
    # What is remembered is bounded by number; a small one, so that it is full before we look.
    for module in ("names", "births", "files"):
        monkeypatch.setattr(sys.modules[f"safety_stream.edge.tokens.{module}"], "CACHED", 256)
    monkeypatch.setattr(sys.modules["safety_stream.edge.tokens.tokens"], "FRAMES", 256)
    tables = load_tables(catalogue_folder() / "tokens")
    epochs = development_ring("safeguarding", tables.digest).epochs
    workshop = Workshop(normalisers_for(epochs, [tables], date(2026, 11, 26), for_linking=True), epochs, "safeguarding")
    text = io.TextIOWrapper(io.BufferedReader(Endless(many_persons(9_000))), newline="")
    each = each_made(rows_of(text, "csv", {}), workshop, pytest.fail)
    sizes = []
    tracemalloc.start()
    try:
        for number, _ in enumerate(each, 1):
            if number % 3_000 == 0:
                sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()

    assert len(sizes) == 3
    assert sizes[2] < sizes[0] * 1.2 + 20_000


def test_a_line_without_an_end_is_not_read_into_memory():
    endless = BytesIO(b"surname,forename,born\n" + b"a" * 1_000_000 + b"\nSmith,Ann,1984-05-16\n")
    rows = list(rows_of(io.TextIOWrapper(endless, newline=""), "csv", {}))

    assert [type(row) for row in rows][-1] is not Said
    assert [row.line for row in rows if isinstance(row, Said)] == [2]
