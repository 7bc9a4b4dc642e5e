"""A replay of anybody's reports under anybody's rules: what order they come in, and how mistakes are said."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from safety_stream.catalogue import CatalogueError, load_catalogue
from safety_stream.cli import app
from safety_stream.cli.history import read_history
from safety_stream.core.model.times import to_iso

CATALOGUE = Path(__file__).parents[2] / "examples" / "conformance" / "catalogue"
BARE = """id: twice
key: victim
select: {harm: {kind: loss}}
condition: {type: count, of: harm, at_least: 2, within: 7 days}
"""


def a_line(ref: str, day: int, **more: object) -> str:
    at = f"2026-02-{day:02d}T10:00:00Z"
    fields = {"source": "watch", "source_ref": ref, "source_version": 1, "action": "new", "kind": "loss"}
    fields |= {"category": "boat-theft", "occurred_from": "2026-01-01T10:00:00Z", "reported_at": at}
    return json.dumps(fields | {"parties": [{"role": "victim", "token": "tok-a"}]} | more) + "\n"


def arrived(*files: Path) -> list[tuple[str, str]]:
    arrivals = read_history(files, load_catalogue(CATALOGUE)).arrivals
    return [(arrival.topic.rpartition(".")[2], to_iso(arrival.received_at)[8:10]) for arrival in arrivals]


def replayed(tmp_path: Path, lines: str, rule: str = BARE, *words: str) -> Result:
    (tmp_path / "in.jsonl").write_text(lines)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "twice.yaml").write_text(rule)
    fixed = ["--rules", tmp_path / "rules", "--catalogue", CATALOGUE, "--out", tmp_path / "out"]
    return CliRunner().invoke(app, [str(word) for word in ("replay", tmp_path / "in.jsonl", *fixed, *words)])


def test_lines_without_a_time_of_receipt_keep_the_order_of_their_file(tmp_path: Path):
    file = tmp_path / "in.jsonl"
    brawl = {"source": "clinic", "kind": "assault", "category": "brawl"}
    file.write_text(a_line("1", 5) + a_line("2", 3, **brawl) + a_line("3", 4) + a_line("4", 6, **brawl))
    assert arrived(file) == [("watch", "05"), ("clinic", "05"), ("watch", "05"), ("clinic", "06")]


def test_lines_with_a_time_of_receipt_are_put_in_its_order_and_files_among_one_another(tmp_path: Path):
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    brawl = {"source": "clinic", "kind": "assault", "category": "brawl"}
    one.write_text(a_line("1", 5, received_at="2026-02-09T10:00:00Z") + a_line("2", 3, received_at="2026-02-04T10:00Z"))
    two.write_text(a_line("3", 7, **brawl) + a_line("4", 2, **brawl))
    assert arrived(one, two) == [("watch", "04"), ("clinic", "07"), ("clinic", "07"), ("watch", "09")]


def test_a_rule_need_say_only_what_makes_it_fire(tmp_path: Path):
    lines = a_line("1", 1) + a_line("2", 2, occurred_from="2026-01-02T10:00:00Z")
    result = replayed(tmp_path, lines, BARE, "--json")
    assert (result.exit_code, json.loads(result.stdout)["standing"]) == (0, 1)
    with pytest.raises(CatalogueError, match=r"rules/twice.yaml:1: error: the file: the key `examples` is missing"):
        load_catalogue(with_rules(tmp_path))


def with_rules(tmp_path: Path) -> Path:
    for file in ("sources.yaml", "categories.yaml", "areas/harbour.yaml"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text((CATALOGUE / file).read_text())
    return tmp_path


def test_a_mistake_in_a_bare_rule_is_told_with_its_line(tmp_path: Path):
    result = replayed(tmp_path, a_line("1", 1), BARE.replace("of: harm", "of: harms"))
    assert result.exit_code == 1
    assert "twice.yaml:4: error: unknown step harms; name it under select, or use harm" in result.stderr
    assert not (tmp_path / "out").exists()


def test_time_does_not_go_back_at_the_end(tmp_path: Path):
    result = replayed(tmp_path, a_line("1", 3) + a_line("2", 1), BARE, "--until", "2026-02-02T10:00:00Z")
    assert result.exit_code == 1
    assert "--until is before the last report came, at 2026-02-03T10:00:00.000Z: name a later time." in result.stderr


def test_a_time_without_a_zone_is_a_usage_error(tmp_path: Path):
    result = replayed(tmp_path, a_line("1", 3), BARE, "--until", "2026-02-02")
    assert result.exit_code == 2
    assert "write ISO 8601 with a zone" in result.stderr


def test_details_that_fit_no_kind_are_a_rejected_line(tmp_path: Path):
    result = replayed(tmp_path, a_line("1", 1) + a_line("2", 2, details={"loss": {"boat": 1}}), BARE, "--json")
    assert (result.exit_code, json.loads(result.stdout)["rejects"]) == (2, 1)
    assert json.loads((tmp_path / "out" / "rejects.jsonl").read_text())["line"] == 2


def test_how_many_lines_were_rejected_is_said_beside_the_results_and_where_they_are_told(tmp_path: Path):
    result = replayed(tmp_path, a_line("1", 1) + "{\n" + a_line("2", 2, colour="blue"), BARE, "--json")

    rejects = tmp_path / "out" / "rejects.jsonl"
    first, second = result.stderr.splitlines()
    assert first == f"2 lines were rejected and left out: {rejects} says which and why"
    assert second == "What a line may say is in docs/conformance.md, What goes in"
    assert json.loads(result.stdout)["rejects"] == len(rejects.read_text().splitlines()) == 2


def test_a_line_from_beyond_the_calendar_is_rejected_alone_and_the_lines_after_it_are_taken(tmp_path: Path):
    """What intake refuses for its time of receipt begins five minutes before the year 3000."""
    lines = [a_line("1", 1), a_line("2", 2, reported_at="2999-12-31T23:55:00.001Z"), a_line("3", 3)]
    lines.append(a_line("4", 4, received_at="9999-01-01T00:00:00Z"))
    lines.append(a_line("5", 5, reported_at="2999-12-31T23:55:00Z"))
    result = replayed(tmp_path, "".join(lines), BARE, "--json")

    told = json.loads(result.stdout)
    assert (result.exit_code, told["reports"], told["rejects"], told["dead-letters"]) == (2, 3, 2, 0)
    rejects = [json.loads(line) for line in (tmp_path / "out" / "rejects.jsonl").read_text().splitlines()]
    assert [(one["line"], one["reason"].split(";")[0]) for one in rejects] == [
        (2, "field reported_at is in the year 3000 or later"),
        (4, "field received_at is in the year 3000 or later"),
    ]


def test_a_decision_from_beyond_the_calendar_is_rejected_and_moves_no_clock(tmp_path: Path):
    decision = {"first": "tok-a", "second": "tok-b", "state": "linked", "method": "steward", "decided_by": "steward-1"}
    (tmp_path / "links.jsonl").write_text(json.dumps(decision | {"decided_at": "3500-01-01T00:00:00Z"}) + "\n")
    result = replayed(tmp_path, a_line("1", 1), BARE, "--json", "--links", str(tmp_path / "links.jsonl"))

    told = json.loads(result.stdout)
    assert (result.exit_code, told["decisions"], told["rejects"], told["dead-letters"]) == (2, 0, 1, 0)
    assert "field decided_at is in the year 3000 or later" in (tmp_path / "out" / "rejects.jsonl").read_text()


def test_what_intake_refuses_is_said_and_ends_with_two(tmp_path: Path):
    lines = a_line("1", 1) + a_line("2", 2, occurred_from="2026-03-01T10:00:00Z")
    result = replayed(tmp_path, lines, BARE, "--json")

    told = json.loads(result.stdout)
    assert (result.exit_code, told["reports"], told["rejects"], told["dead-letters"]) == (2, 2, 0, 1)
    first, second = result.stderr.splitlines()
    assert first == f"1 report was refused: {tmp_path / 'out' / 'dead-letters.jsonl'} says why"
    assert second == "What a line may say is in docs/conformance.md, What goes in"


def test_of_lines_that_are_all_taken_nothing_is_said(tmp_path: Path):
    assert replayed(tmp_path, a_line("1", 1)).stderr == ""


def test_a_line_of_a_source_nobody_knows_is_rejected_and_the_others_are_not(tmp_path: Path):
    result = replayed(tmp_path, a_line("1", 1) + a_line("2", 2, source="nobody"), BARE, "--json")

    told = json.loads(result.stdout)
    assert (result.exit_code, told["reports"], told["rejects"]) == (2, 1, 1)
    (line,) = (tmp_path / "out" / "rejects.jsonl").read_text().splitlines()
    assert json.loads(line)["line"] == 2
    assert "field source is not in the catalogue" in line


def test_decisions_about_persons_are_part_of_the_history(tmp_path: Path):
    catalogue = Path(shutil.copytree(CATALOGUE, tmp_path / "catalogue"))
    (catalogue / "persons.yaml").write_text("persons: {merged_at_most: 8, possible_at_most: 4, source: default}\n")
    other = [{"role": "victim", "token": "tok-b"}]
    lines = a_line("1", 1) + a_line("2", 2, occurred_from="2026-01-02T10:00:00Z", parties=other)
    fields = {"first": "tok-b", "second": "tok-a", "method": "steward", "decided_by": "data-steward"}
    merge = fields | {"state": "linked", "decided_at": "2026-02-03T10:00:00Z"}
    split = fields | {"state": "apart", "decided_at": "2026-02-04T10:00:00Z"}
    (tmp_path / "links.jsonl").write_text(f"{json.dumps(merge)}\n")
    (tmp_path / "more.jsonl").write_text(f"{json.dumps(merge)}\n{json.dumps(split)}\nno decision\n")

    (tmp_path / "in.jsonl").write_text(lines)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "twice.yaml").write_text(BARE)
    fixed = ["--rules", tmp_path / "rules", "--catalogue", catalogue, "--out", tmp_path / "out", "--json"]
    found = []
    for links in ("links.jsonl", "more.jsonl"):
        words = ["replay", tmp_path / "in.jsonl", "--links", tmp_path / links, *fixed]
        result = CliRunner().invoke(app, [str(word) for word in words])
        told = json.loads(result.stdout)
        found.append((result.exit_code, told["reports"], told["decisions"], told["findings"], told["rejects"]))

    assert found == [(0, 2, 1, 1, 0), (2, 2, 2, 0, 1)]
