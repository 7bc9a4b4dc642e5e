"""`rules`, `schemas`, `areas` and `generate`: what they print, what they write, how they end."""

import base64
import gzip
import json
import shutil
from pathlib import Path

import pytest
from fastavro import parse_schema
from tests.catalogue.copying import with_more_rules
from typer.testing import CliRunner

from safety_stream.catalogue import catalogue_page
from safety_stream.cli import app
from safety_stream.core.model.dead_letters import Refused
from safety_stream.data_files import schemas_folder
from safety_stream.edge import canonical
from safety_stream.edge.entries import Entry
from safety_stream.wire.codecs import decode_report
from safety_stream.wire.registry import read_entries, read_registry

WEST_YORKSHIRE = Path(__file__).parents[2] / "examples" / "west-yorkshire"
SAMPLE = Path(__file__).parents[1] / "fixtures" / "police-uk-sample.csv"


def run(*words: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(word) for word in words])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    return Path(shutil.copytree(WEST_YORKSHIRE, tmp_path / "catalogue"))


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize("folder", [None, WEST_YORKSHIRE], ids=["the one that ships", "west-yorkshire"])
def test_the_catalogues_are_in_order_and_their_examples_hold(folder: Path | None):
    which = ["--catalogue", folder] if folder else []

    assert run("rules", "lint", "--today", "2026-01-01", *which) == (0, "", "The catalogue is in order\n")
    code, out, _ = run("rules", "test", *which, "--json")
    assert code == 0
    assert all(json.loads(line)["passed"] for line in out.splitlines())


def test_list_has_a_line_for_each_rule():
    code, out, _ = run("rules", "list", "--json")
    _, table, _ = run("rules", "list")

    listed = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [line.split()[0] for line in table.splitlines()[1:]] == [one["rule"] for one in listed]
    assert {"rv-graded", "soc-cross-district"} <= {one["rule"] for one in listed}


def test_explain_prints_what_its_json_holds():
    code, out, _ = run("rules", "explain", "rv-graded")
    _, packed, _ = run("rules", "explain", "rv-graded", "--json")

    explanation = json.loads(packed)
    assert code == 0
    assert out.splitlines()[0] == "Repeat victim within twelve months (rv-graded, version 3, stable)"
    assert [line.strip() for line in out.splitlines()[1:] if line] == [
        line for section in explanation["sections"] for line in (section["heading"], *section["sentences"])
    ]


def test_explain_names_the_rules_there_are():
    code, _, err = run("rules", "explain", "rv-gradde")

    assert code == 1
    assert err.startswith("error: there is no rule rv-gradde; the rules are above-expected, ")


def test_graph_draws_each_rule_below_what_it_rests_on(tmp_path: Path):
    folder = with_more_rules(tmp_path / "catalogue")
    code, drawn, _ = run("rules", "graph", "--catalogue", folder)
    _, packed, _ = run("rules", "graph", "--catalogue", folder, "--json")
    links = {link["rule"]: link for link in map(json.loads, packed.splitlines())}

    assert code == 0
    lines = drawn.splitlines()
    at = next(number for number, line in enumerate(lines) if line.endswith(" finding-count"))
    assert lines[at + 1].endswith(" finding-of-finding")
    assert lines[at + 1].index("finding") > lines[at].index("finding")
    assert links["finding-of-finding"]["rests_on"] == ["finding-absent", "finding-count"]
    at = next(number for number, line in enumerate(lines) if line.endswith(" elsewhere-count, on other keys"))
    assert lines[at + 1].endswith(" elsewhere-again, on other keys")
    assert (
        links["elsewhere-count"]["rests_on"],
        links["elsewhere-count"]["elsewhere"],
        links["elsewhere-count"]["depth"],
    ) == ([], ["count-until", "elsewhere-base"], 2)
    assert [links[rule]["depth"] for rule in ("rv-graded", "finding-count", "finding-of-finding")] == [1, 2, 3]


def test_diff_ends_by_whether_rules_differ_and_have_their_version(catalogue: Path):
    file = catalogue / "rules" / "district-count-vehicle-crime.yaml"

    assert run("rules", "diff", WEST_YORKSHIRE, "--catalogue", catalogue) == (0, "", "No rule differs\n")
    change(file, "at_least: 284", "at_least: 300")
    code, out, err = run("rules", "diff", WEST_YORKSHIRE, "--catalogue", catalogue)
    assert (code, err) == (1, "1 rule differs\n")
    assert out.splitlines()[:2] == [
        "district-count-vehicle-crime: changed, version 1 to 1",
        "    what runs has changed: raise the version",
    ]
    change(file, "version: 1", "version: 2")
    code, out, _ = run("rules", "diff", WEST_YORKSHIRE, "--catalogue", catalogue, "--json")
    (one,) = [json.loads(line) for line in out.splitlines()]
    assert (code, one["before"], one["after"], one["lacks_version"]) == (2, 1, 2, False)


def release(catalogue: Path, by: str, *words: str) -> tuple[int, str, str]:
    return run("rules", "release", *words, "--by", by, "--because", "seen", "--catalogue", catalogue)


def test_release_says_what_runs_how_and_asks_for_another_person(catalogue: Path):
    code, out, err = release(catalogue, "analyst-7", "district-count-violence")
    assert code == 2
    assert out.splitlines()[0] == (
        "district-count-violence, version 1: approved by 1 of 2 (analyst-7); it runs on trial, for its owner alone"
    )
    assert "0 rules run as stable" in err

    code, out, _ = release(catalogue, "chair-1", "district-count-violence")
    assert code == 0
    assert "approved by 2 of 2 (analyst-7, chair-1); it runs as stable" in out
    assert "no version of it was released before" in out
    code, listed, _ = run("rules", "list", "--catalogue", catalogue)
    (line,) = [line for line in listed.splitlines() if line.startswith("district-count-violence")]
    assert line.split()[2] == "stable"
    assert "analyst-7 on 20" in line
    assert "chair-1 on 20" in line


def test_release_says_how_loud_the_rule_was(catalogue: Path):
    (catalogue / "volumes.yaml").write_text(BUDGET, encoding="utf-8")

    code, out, _ = release(catalogue, "analyst-7", "district-count-violence")

    assert code == 2
    assert "9.5 alerts a month, told 12.0 times; in most divisions and shifts up to 2 urgent, in most districts" in out
    assert "and months up to 8 (a year)" in out


BUDGET = """budget:
  held: {audiences: [duty-officer], source: x}
  shifts: {starts: [7, 19], source: x}
  urgent: {per_division_and_shift: 10, of_one_rule: 5, source: x}
  alerts: {per_district_and_month: 60, source: x}
measured:
  - {rule: district-count-violence, version: 1, history: a year, alerts_per_month: 9.5, urgent_per_division_and_shift: 1, alerts_per_district_and_month: 7, told: {per_month: 12.0, urgent_per_division_and_shift: 2, per_district_and_month: 8}}
"""  # noqa: E501 - a line per rule, as in the file


def test_release_tells_what_has_changed_since_the_last_release(catalogue: Path):
    for by in ("analyst-7", "chair-1"):
        release(catalogue, by, "--all")
    file = catalogue / "rules" / "district-count-vehicle-crime.yaml"
    change(file, "at_least: 284", "at_least: 290")
    change(file, "version: 1", "version: 2")

    code, out, _ = release(catalogue, "chair-1", "district-count-vehicle-crime")
    assert code == 2
    assert "since version 1, which was released last:" in out
    assert any(line.startswith("  - ") and "284" in line for line in out.splitlines())
    assert any(line.startswith("  + ") and "290" in line for line in out.splitlines())


def test_release_asks_whose_catalogue_before_it_writes():
    code, _, err = run("rules", "release", "--all", "--by", "analyst-7", "--because", "seen")

    assert code == 2
    assert "--catalogue: say whose" in err


def test_release_prints_as_json_what_it_tells(catalogue: Path):
    code, out, _ = release(catalogue, "analyst-7", "--all", "--json")

    told = json.loads(out)
    assert code == 2
    assert {one["runs_as"] for one in told["rules"]} == {"trial"}
    assert told["stable"] == 0


@pytest.mark.parametrize(
    ("by", "words", "code", "said"),
    [
        ("analyst-7", ["no-such-rule"], 1, "nothing was approved: there is no rule no-such-rule"),
        ("Some.Body", ["--all"], 1, "who approves is a role and a number, written analyst-7"),
        ("analyst-7", [], 2, "name rules, or say --all"),
        ("analyst-7", ["district-count-violence", "--all"], 2, "name rules, or say --all"),
    ],
)
def test_release_refuses_in_one_sentence_with_nothing_written(
    catalogue: Path, by: str, words: list[str], code: int, said: str
):
    found, _, err = release(catalogue, by, *words)

    assert found == code
    assert said in err
    assert "Some.Body" not in err
    assert not (catalogue / "releases.yaml").exists()


def test_lint_names_file_line_and_mend_and_fails(catalogue: Path):
    change(catalogue / "rules" / "district-count-violence.yaml", "indicator: violence", "indicator: violins")

    code, out, _ = run("rules", "lint", "--catalogue", catalogue)

    assert code == 1
    assert out.startswith("rules/district-count-violence.yaml:7: error: unknown indicator violins; ")


def test_lint_with_warnings_only_asks_for_a_look(catalogue: Path):
    change(catalogue / "audiences" / "audiences.yaml", "id: duty-officer", "id: analyst")
    change(catalogue / "audiences" / "audiences.yaml", "readers: [duty-officer]", "readers: [analyst]")
    change(catalogue / "policy" / "policy.yaml", "subscriber: duty-officer", "subscriber: analyst")
    for rule in (catalogue / "rules").iterdir():
        change(rule, "audience: [duty-officer]", "audience: [analyst]")

    code, out, _ = run("rules", "lint", "--catalogue", catalogue, "--json")

    assert code == 2
    assert {json.loads(line)["severity"] for line in out.splitlines()} == {"warning"}


def test_lint_tells_in_time_that_a_calendar_ends():
    told = [run("rules", "lint", "--today", day)[1] for day in ("2027-02-27", "2027-02-28")]

    words = "calendars/lancashire-school.yaml:7: warning: calendar school ends on 2027-08-31, in 6 months or less; "
    assert [words in one for one in told] == [False, True]


def test_an_example_that_fails_is_shown_with_what_was_found(catalogue: Path):
    change(catalogue / "rules" / "district-count-vehicle-crime.yaml", "at_least: 284", "at_least: 285")

    code, out, err = run("rules", "test", "--catalogue", catalogue)

    assert code == 1
    assert out.splitlines() == [
        "district-count-vehicle-crime: a Wakefield month at its number",
        "    expected 2018-08-01T00:00:00 P3",
        "    found    nothing",
    ]
    assert err == "9 of 10 examples hold\n"
    code, out, err = run("rules", "test", "district-count-violence", "--catalogue", catalogue)
    assert (code, out) == (0, "")
    assert err.endswith(" examples hold\n")
    assert not err.endswith("of 8 examples hold\n")


def test_examples_of_a_rule_that_is_none_are_no_examples_that_hold(catalogue: Path):
    code, _, err = run("rules", "test", "district-count-violins", "--catalogue", catalogue)

    assert code == 1
    assert err.startswith("error: there is no rule district-count-violins; the rules are ")


def test_a_broken_catalogue_stops_a_command_with_every_issue_and_no_traceback(catalogue: Path):
    change(catalogue / "rules" / "district-count-violence.yaml", "indicator: violence", "indicator: violins")

    code, _, err = run("rules", "test", "--catalogue", catalogue)

    assert code == 1
    assert err.startswith("error: the catalogue has errors:\nrules/district-count-violence.yaml:7: error:")
    assert "Traceback" not in err


def test_the_schemas_are_in_order():
    assert run("schemas", "check") == (0, "", "The schemas are in order\n")


def test_schemas_without_a_registry_are_a_fault(tmp_path: Path):
    code, out, _ = run("schemas", "check", "--schemas", tmp_path, "--json")

    assert code == 1
    assert json.loads(out.splitlines()[0])["file"] == "registry.json"


def test_exported_schemas_are_whole_and_by_their_ids(tmp_path: Path):
    code, out, _ = run("schemas", "export", tmp_path / "schemas", "--json")
    written = {int(file.stem): parse_schema(json.loads(file.read_text())) for file in (tmp_path / "schemas").iterdir()}

    assert code == 0
    assert sorted(written) == json.loads(out)["ids"] == [one.id for one in read_entries(schemas_folder())]
    newest = read_registry().newest("published-alert")
    assert written[newest.id]["name"] == "uk.safety_stream.PublishedAlert"
    assert run("schemas", "export", tmp_path / "again")[1] == f"{len(written)} schemas in {tmp_path / 'again'}\n"


def test_schemas_are_exported_from_nowhere_but_a_registry(tmp_path: Path):
    code, _, err = run("schemas", "export", tmp_path / "schemas", "--schemas", tmp_path)

    assert (code, "registry.json" in err) == (1, True)


def test_areas_are_built_from_a_street_file_and_load(tmp_path: Path, catalogue: Path):
    code, out, _ = run("areas", "build", SAMPLE, "--county", "Trial County", "--out", tmp_path / "areas", "--json")

    assert code == 0
    assert [Path(name).name for name in json.loads(out)["written"]] == ["trial-county.yaml", "trial-county-lsoa.csv"]
    # Another county's areas: the rules then name districts that are merely idle, which is a warning and no error.
    code, out, _ = run("rules", "lint", "--catalogue", catalogue, "--areas", tmp_path / "areas")
    assert code in (0, 2)


def test_areas_are_never_written_over(tmp_path: Path):
    words = ("areas", "build", SAMPLE, "--county", "Trial County", "--out", tmp_path)
    run(*words)

    code, _, err = run(*words)

    assert code == 1
    assert "is there already: name another folder, or remove it first." in err


def test_a_look_up_without_its_columns_is_no_look_up(tmp_path: Path):
    lookup = tmp_path / "lookup.csv"
    lookup.write_text("a,b\n1,2\n", encoding="utf-8")

    code, _, err = run("areas", "build", lookup, "--county", "X", "--out", tmp_path)

    assert code == 1
    assert err.startswith("error: lookup.csv has no column")


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("county")
    code, out, _ = run("generate", "--seed", 7, "--days", 8, "--rate-scale", 0.2, "--out", folder, "--json")
    assert code == 0
    counts = json.loads(out)
    assert min(counts["reports"], counts["dirt"], counts["stories"]) > 0
    return folder


def test_the_same_seed_gives_the_same_bytes(county: Path, tmp_path: Path):
    run("generate", "--seed", 7, "--days", 8, "--rate-scale", 0.2, "--out", tmp_path)

    for name in ("reports.jsonl.gz", "dirt.jsonl.gz", "truth.json"):
        assert (tmp_path / name).read_bytes() == (county / name).read_bytes()


def test_every_generated_report_is_canonical_and_says_when_it_was_received(county: Path):
    with (county / "reports.jsonl.gz").open("rb") as file:
        entries = list(canonical.read(file))

    assert all(isinstance(entry, Entry) and entry.received_at is not None for entry in entries)


def test_dirt_says_why_it_must_be_refused(county: Path):
    with gzip.open(county / "dirt.jsonl.gz", "rt", encoding="utf-8") as file:
        dirt = [json.loads(line) for line in file]
    unreadable = {"empty", "unreadable-framing", "unknown-schema", "schema-violation"}

    for item in dirt:
        if item["refused"] in unreadable:
            with pytest.raises(Refused) as refused:
                decode_report(base64.b64decode(item["value"]))
            assert refused.value.reason == item["refused"]


def test_truth_names_stories_that_fire_and_near_misses(county: Path):
    stories = json.loads((county / "truth.json").read_bytes())["stories"]

    assert {story["expected"] for story in stories} == {"fires", "must-not-fire"}


@pytest.mark.parametrize("form", ["html", "md"])
def test_page_writes_the_catalogue_as_its_files_name_says(form: str, tmp_path: Path):
    file = tmp_path / f"rules.{form}"

    code, out, _ = run("rules", "page", "--out", file, "--catalogue", WEST_YORKSHIRE, "--json")

    assert code == 0
    assert json.loads(out) == {"written": str(file), "bytes": file.stat().st_size}
    assert file.read_bytes() == catalogue_page(WEST_YORKSHIRE, form).encode()


def test_page_knows_two_forms(tmp_path: Path):
    code, _, err = run("rules", "page", "--out", tmp_path / "rules.pdf")

    assert code == 2
    assert "ends neither in .html nor in .md" in " ".join(err.replace("│", " ").split())
