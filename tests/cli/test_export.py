"""`indicators export` and `measures`: what a profile was shown, what follows, and that nothing else leaves by them."""

import csv
import json
import sys
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner

from safety_stream.cli import app
from safety_stream.cli.spreadsheets import as_csv
from safety_stream.core.model.published import PublishedIndicator
from safety_stream.core.model.times import period_of, to_day
from safety_stream.wire.records import Records

MONTH = period_of(to_day(date(2026, 1, 1)), "month")


def run(*words: object, **environment: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(word) for word in words], env=environment)
    assert "Traceback" not in result.output
    return result.exit_code, result.stdout, result.stderr


def shown(seq: int, **changes: object) -> PublishedIndicator:
    fields: dict = {
        "seq": seq,
        "profile": "public",
        "area": "L-14",
        "indicator": "hate",
        "period": "month",
        "starts": MONTH.starts,
        "ends": MONTH.ends,
        "value": 15,
        "final": True,
        "revision": 1,
        "restates": None,
        "as_of": 1_772_000_000_000,
    }
    return PublishedIndicator(**(fields | changes))


TOLD = [
    shown(1),
    shown(2, value=None, indicator="cyber-crime"),
    shown(3, value=20, revision=2, restates=15),
    shown(4, value=0, indicator="violence"),
]


@pytest.fixture
def told(tmp_path: Path) -> Path:
    return written(tmp_path / "told.jsonl", TOLD)


def written(path: Path, values: list[PublishedIndicator]) -> Path:
    path.write_bytes(b"".join(msgspec.json.encode(value) + b"\n" for value in values))
    return path


def test_a_row_for_the_newest_of_each_period(told: Path, tmp_path: Path):
    code, _, err = run("indicators", "export", "--from", told, "--out", tmp_path / "made.csv")

    assert code == 0, err
    assert "3 values" in err
    rows = list(csv.DictReader((tmp_path / "made.csv").read_text().splitlines()))
    assert [(row["indicator"], row["value"], row["shown"], row["revision"]) for row in rows] == [
        ("cyber-crime", "", "false", "1"),
        ("hate", "20", "true", "2"),
        ("violence", "0", "true", "1"),
    ]
    assert (rows[1]["area_name"], rows[1]["starts"], rows[1]["ends"]) == ("Lancashire-14", "2026-01-01", "2026-02-01")
    assert rows[1]["as_of"] == "2026-02-25T06:13:20.000Z"
    assert rows[0]["caveats"]
    assert "*" not in (tmp_path / "made.csv").read_text()


def test_parquet_has_the_same_with_types_and_the_same_bytes_each_time(told: Path, tmp_path: Path):
    parquet = pytest.importorskip("pyarrow.parquet")
    for name in ("one", "other"):
        code, _, err = run(
            "indicators", "export", "--from", told, "--format", "parquet", "--out", tmp_path / f"{name}.parquet"
        )
        assert code == 0, err

    hidden, hate, violence = parquet.read_table(tmp_path / "one.parquet").to_pylist()
    assert (hidden["value"], hidden["shown"]) == (None, False)
    assert (hate["value"], hate["starts"], hate["final"]) == (20, date(2026, 1, 1), True)
    assert hate["as_of"] == datetime(2026, 2, 25, 6, 13, 20, tzinfo=UTC)
    assert violence["value"] == 0
    assert (violence["residents"], violence["residents_on"]) == (1_531_100, date(2021, 3, 21))
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "other.parquet").read_bytes()


def test_what_follows_is_a_second_table_beside_the_first(told: Path, tmp_path: Path):
    code, out, err = run("indicators", "export", "--from", told, "--out", tmp_path / "made.csv", "--json")

    assert code == 0, err
    said = json.loads(out)
    assert (said["beside"], said["measures"]) == (str(tmp_path / "made-measures.csv"), 3)
    assert [(one["indicator"], one["county"]) for one in said["tables_without_county"]] == [
        ("cyber-crime", "L-12"),
        ("cyber-crime", "L-14"),
        ("hate", "L-12"),
        ("violence", "L-12"),
    ]
    assert said["tables_without_county"][1] == {
        "indicator": "cyber-crime",
        "period": "month",
        "starts": "2026-01-01",
        "county": "L-14",
        "why": "it is small, or would tell with what is shown a count that is",
    }
    rows = list(csv.DictReader((tmp_path / "made-measures.csv").read_text().splitlines()))
    assert [(row["kind"], row["id"], row["value"], row["why"], row["parts"]) for row in rows] == [
        ("year-to-date", "cyber-crime", "", "withheld", "2"),
        ("year-to-date", "hate", "20", "", "3"),
        ("year-to-date", "violence", "0", "", "4"),
    ]
    assert {(row["from_rounded"], row["area_name"], row["starts"]) for row in rows} == {
        ("true", "Lancashire-14", "2026-01-01")
    }
    assert rows[0]["caveats"].startswith("Only what the police mark and record")


def test_the_second_table_is_parquet_too_with_types(told: Path, tmp_path: Path):
    parquet = pytest.importorskip("pyarrow.parquet")
    code, _, err = run(
        "indicators", "export", "--from", told, "--format", "parquet", "--out", tmp_path / "made.parquet"
    )

    assert code == 0, err
    hidden, hate, _ = parquet.read_table(tmp_path / "made-measures.parquet").to_pylist()
    assert (hidden["value"], hidden["why"], hidden["is_provisional"]) == (None, "withheld", False)
    assert (hate["value"], hate["ends"], hate["from_rounded"]) == (20.0, date(2026, 2, 1), True)


def test_what_a_profile_shows_beside_a_value_is_exported(tmp_path: Path):
    parquet = pytest.importorskip("pyarrow.parquet")
    beside = {"signal": "red", "expected": 4.5, "low": 1, "high": 8, "late": 86_400_000}
    days = {"opened": MONTH.starts, "complete_to": MONTH.ends}
    causes = {"causes": ("corrected", "late")}
    told = written(tmp_path / "told.jsonl", [shown(1, profile="internal", **beside, **days, **causes)])
    for kind in ("csv", "parquet"):
        words = ("--profile", "internal", "--format", kind, "--out", tmp_path / f"made.{kind}")
        code, _, err = run("indicators", "export", "--from", told, *words)
        assert code == 0, err

    (row,) = csv.DictReader((tmp_path / "made.csv").read_text().splitlines())
    as_text = {name: str(value) for name, value in beside.items()} | {
        "opened": "2026-01-01",
        "complete_to": "2026-02-01",
    }
    assert {name: row[name] for name in as_text} == as_text
    assert row["causes"] == "corrected late"
    (row,) = parquet.read_table(tmp_path / "made.parquet").to_pylist()
    as_days = {"opened": date(2026, 1, 1), "complete_to": date(2026, 2, 1)}
    assert {name: row[name] for name in as_text} == beside | as_days
    assert row["causes"] == "corrected late"


SHARED = [
    shown(1, indicator="crime", value=60),
    shown(2, indicator="alcohol-crime", value=15),
    shown(3, indicator="drugs-crime", value=None),
]


def test_measures_are_looked_at_as_a_table_with_what_must_be_said(tmp_path: Path):
    told = written(tmp_path / "told.jsonl", SHARED)

    code, out, err = run("indicators", "measures", "--profile", "public", "--from", told, "--kind", "share")

    assert code == 0, err
    lines = {line.split()[1]: line for line in out.splitlines() if line.startswith("share")}
    assert set(lines) >= {"alcohol-share", "drugs-share", "alcohol-completeness"}
    assert lines["alcohol-share"].split()[-4:] == ["25.0%", "from", "rounded", "counts"]
    assert lines["drugs-share"].split()[-1] == "withheld"
    assert lines["alcohol-completeness"].split()[-2:] == ["not", "shown"]
    assert "alcohol-share: Partners mark what they know of" in err


def test_measures_are_chosen_by_id_and_area_and_said_as_json(tmp_path: Path):
    told = written(tmp_path / "told.jsonl", SHARED)
    words = ("indicators", "measures", "--profile", "public", "--from", told, "--id", "crime-rate", "--json")

    code, out, err = run(*words, "--area", "L-14")

    assert code == 0, err
    (rate,) = map(json.loads, out.splitlines())
    assert (rate["kind"], rate["value"], rate["starts"], rate["parts"]) == ("rate", 0.04, "2026-01-01", "1")
    assert run(*words, "--area", "L-12")[1] == ""


def test_measures_of_which_there_are_none_are_said_to_be_none(told: Path):
    code, _, err = run("indicators", "measures", "--profile", "public", "--from", told, "--id", "no-such")

    assert code == 0
    assert "Nothing of that kind follows from what indicators.public shows" in err


def test_measures_of_a_profile_nobody_has_are_refused(told: Path):
    code, _, err = run("indicators", "measures", "--profile", "press", "--from", told)

    assert code == 1
    assert "there is no profile press; there are internal, partner, public" in err


def test_without_pyarrow_it_names_the_extra(told: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    code, _, err = run("indicators", "export", "--from", told, "--format", "parquet", "--out", tmp_path / "made")

    assert code == 1
    assert "pip install 'safety-stream[parquet]', or take --format csv" in err
    assert not (tmp_path / "made").exists()


def test_a_profile_nobody_has_is_said_with_those_there_are(told: Path, tmp_path: Path):
    code, _, err = run("indicators", "export", "--profile", "press", "--from", told, "--out", tmp_path / "made.csv")

    assert code == 1
    assert "there is no profile press; there are internal, partner, public" in err


def test_values_of_another_profile_do_not_leave_by_this_one(tmp_path: Path):
    mixed = written(tmp_path / "mixed.jsonl", [shown(1), shown(1, profile="internal", value=3)])

    code, _, err = run("indicators", "export", "--from", mixed, "--out", tmp_path / "made.csv")

    assert code == 1
    assert "the file has values of profile internal, not only of public" in err
    assert not (tmp_path / "made.csv").exists()


def test_a_file_of_something_else_says_its_line_and_the_mend(tmp_path: Path):
    (tmp_path / "other.jsonl").write_text('{"name": "tok-a"}\n')

    code, _, err = run("indicators", "export", "--from", tmp_path / "other.jsonl", "--out", tmp_path / "made.csv")

    assert code == 1
    assert "broken at line 1" in err
    assert "name a file of what `indicators tail --json` prints" in err
    assert "tok-a" not in err


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_a_cell_that_would_be_run_is_text(cell: str):
    table = as_csv(("words",), [(cell,)]).decode()

    assert list(csv.reader(StringIO(table, newline="")))[1][0] == f"'{cell}"


def test_other_cells_are_as_they_are():
    row = ("a=1", "Blackburn, with Darwen", -3, True, None, date(2026, 1, 31), ("a", "b"))

    assert as_csv(("a", "b", "c", "d", "e", "f", "g"), [row]) == (
        b'a,b,c,d,e,f,g\r\na=1,"Blackburn, with Darwen",-3,true,,2026-01-31,a b\r\n'
    )


@pytest.mark.kafka
def test_kafka_says_what_a_file_says(kafka: str, tmp_path: Path):
    """In 2018, of which no other test tells."""
    month = period_of(to_day(date(2018, 1, 1)), "month")
    values = [shown(number, starts=month.starts, ends=month.ends, value=number * 10) for number in (1, 2)]
    assert run("topics", "apply", "--bootstrap", kafka)[0] in {0, 2}
    producer = Producer({"bootstrap.servers": kafka, "log_level": 0})
    for value in values:
        producer.produce("indicators.public", Records().encode("indicators.public", value))
    assert producer.flush(30) == 0

    code, _, err = run("indicators", "export", "--out", tmp_path / "made.csv", SAFETY_STREAM_BOOTSTRAP=kafka)

    assert code == 0, err
    rows = csv.DictReader((tmp_path / "made.csv").read_text().splitlines())
    assert [row["value"] for row in rows if row["starts"] == "2018-01-01"] == ["20"]
