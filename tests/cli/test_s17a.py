"""`indicators s17a`: against what a replay counted, what is due, what the files hold, and how mistakes are said."""

import csv
import gzip
import json
import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner

from safety_stream.cli import app
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.indicators import IndicatorValue
from safety_stream.core.model.reports import Report, ReportedPlace
from safety_stream.core.model.times import DAY_LENGTH, HOUR, start_of, to_day, to_instant
from safety_stream.data_files import catalogue_folder
from safety_stream.edge.canonical import to_line
from safety_stream.wire.records import Records

FIRST = to_day(date(2026, 1, 1))
PLACES = ("E07000117", "E07000118", "E06000009", "S12000033", None)
"""Two districts, one that is in Lancashire-14 alone, one outside the county, and nowhere."""

HOLDERS = ("police", "fire", "local-authority", "health")


def run(*words: object, **environment: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(word) for word in words], env=environment)
    assert "Traceback" not in result.output
    return result.exit_code, result.stdout, result.stderr


def s17a(*words: object, quarter: str = "2026-Q1", today: str = "2026-06-30", **environment: str):
    return run("indicators", "s17a", "--quarter", quarter, "--today", today, *words, **environment)


def report(number: int, day: int, place: str | None, **changes: object) -> tuple[Report, int]:
    """Burglary so many days after FIRST, told of the next noon."""
    fields: dict = {
        "source": "police-crimes",
        "source_ref": f"r-{number}",
        "source_version": 1,
        "action": "new",
        "kind": "police-crime",
        "category": "burglary",
        "occurred_from": start_of(FIRST + day) + 9 * HOUR,
        "reported_at": start_of(FIRST + day + 1) + 12 * HOUR,
        "place": ReportedPlace(area=place),
    }
    return Report(**(fields | changes)), start_of(FIRST + day + 1) + 12 * HOUR


def history() -> list[tuple[Report, int]]:
    """Burglaries up to May; council cases up to the middle of March; and of anybody else nothing."""
    crimes = [report(number, number * 3, PLACES[number % len(PLACES)]) for number in range(50)]
    asb = {"source": "council-asb", "kind": "asb-case", "category": "asb-noise"}
    cases = [report(1000 + day, day, PLACES[day % 3], **asb) for day in range(0, 74, 5)]
    return sorted([*crimes, *cases], key=lambda one: one[1])


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("s17a")
    lines = "".join(to_line(one, received_at) + "\n" for one, received_at in history())
    (folder / "in.jsonl").write_text(lines, encoding="utf-8")
    code, _, err = run("replay", folder / "in.jsonl", "--out", folder)
    assert code == 0, err
    return folder / "indicators.jsonl"


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def answers(values: Path) -> dict[str, str]:
    code, out, err = s17a("--from", values, "--json")
    assert code == 0, err
    return {tick["item"]: tick["answer"] for tick in map(json.loads, out.splitlines())}


def test_what_a_replay_counted_is_told_by_item(values: Path):
    told = answers(values)

    assert told["burglary"] == "answered"
    assert told["robbery"] == "answered"  # By the same feed, which told of none.
    assert told["council-asb"] == "answered, provisional"
    assert told["primary-fires"] == "no feed"
    assert told["sexual-offences"] == "not in the vocabulary"


def test_districts_outside_and_unlocated_add_up_to_all_there_was(values: Path, tmp_path: Path):
    s17a("--from", values, "--out", tmp_path)
    counted = [json.loads(line) for line in values.read_text().splitlines()]

    for holder, name in (("police", "burglary"), ("local-authority", "council-asb")):
        rows = [row for row in table(tmp_path / f"{holder}.csv") if row["indicator"] == name]
        total = sum(
            value["value"]
            for value in counted
            if (value["indicator"], value["period"]) == (name, "month")
            and value["area"] in ("L-14", "OUTSIDE", "UNLOCATED")
            and FIRST <= value["starts"] < FIRST + 90
        )
        events = [one for one, _ in history() if (one.kind == "asb-case") == (name == "council-asb")]
        assert total == sum(FIRST <= (one.occurred_from // DAY_LENGTH) < FIRST + 90 for one in events)
        assert sum(int(row["count"] or 0) for row in rows) == total
        assert {"OUTSIDE", "UNLOCATED"} < {row["area"] for row in rows}


def test_each_authority_has_a_table_and_all_have_one_tick_list(values: Path, tmp_path: Path):
    s17a("--from", values, "--out", tmp_path)

    assert {path.name for path in tmp_path.iterdir()} == {*(f"{one}.csv" for one in HOLDERS), "completeness.csv"}
    burnley = [row for row in table(tmp_path / "police.csv") if (row["item"], row["area"]) == ("robbery", "E07000117")]
    assert [(row["month"], row["count"], row["final"], row["as_of"]) for row in burnley] == [
        ("2026-01", "0", "true", ""),
        ("2026-02", "0", "true", ""),
        ("2026-03", "0", "true", ""),
    ]
    assert {row["count"] for row in table(tmp_path / "fire.csv")} == {""}
    ticks = {row["item"]: row for row in table(tmp_path / "completeness.csv")}
    assert len(ticks) == 25
    assert ticks["theft-and-handling"]["indicators"] == "theft vehicle-crime"
    assert ticks["racial-incidents"]["words"] == "[M] racial incidents"
    assert {row["due"] for row in ticks.values()} == {"2026-06-30"}


def test_the_same_values_are_the_same_bytes_in_any_order_and_on_any_day(values: Path, tmp_path: Path):
    turned = tmp_path / "turned.jsonl.gz"
    turned.write_bytes(gzip.compress(b"".join(reversed(values.read_bytes().splitlines(keepends=True)))))
    s17a("--from", values, "--out", tmp_path / "one")
    s17a("--from", turned, "--out", tmp_path / "other", today="2027-01-01")

    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "other" / path.name).read_bytes()


def test_what_is_due_and_missing_is_said_by_the_code(values: Path):
    assert s17a("--from", values)[0] == 0
    code, out, err = s17a("--from", values, today="2026-07-01")

    assert code == 2
    assert "7 items were due by 2026-06-30 and are not there, or not whole" in err
    assert out.splitlines()[2].split()[:2] == ["police", "asb-incidents"]


def test_what_a_profile_was_shown_is_no_exact_count(values: Path, tmp_path: Path):
    shown = json.loads(values.read_text().splitlines()[0]) | {"seq": 1, "profile": "public"}
    (tmp_path / "shown.jsonl").write_text(json.dumps(shown) + "\n")

    code, _, err = s17a("--from", tmp_path / "shown.jsonl")

    assert code == 1
    assert "broken at line 1" in err
    assert "name the indicators.jsonl that `replay --out` wrote, or write it again." in err


def test_a_profile_is_given_what_it_was_shown_and_no_exact_count(values: Path, tmp_path: Path):
    month = {"area": "E07000117", "indicator": "burglary", "period": "month", "starts": FIRST, "ends": FIRST + 31}
    first = {"seq": 1, "profile": "public", "value": 15, "final": True, "revision": 1, "restates": None, "as_of": 0}
    hidden = first | {"seq": 2, "value": None, "area": "E07000118"}
    (tmp_path / "shown.jsonl").write_text("".join(json.dumps(month | one) + "\n" for one in (first, hidden)))

    code, _, err = s17a("--profile", "public", "--from", tmp_path / "shown.jsonl", "--out", tmp_path)

    assert code == 0, err
    rows = [row for row in table(tmp_path / "police.csv") if row["item"] == "burglary" and row["month"] == "2026-01"]
    told = {row["area"]: (row["count"], row["withheld"], row["marking"]) for row in rows}
    assert told["E07000117"] == ("15", "false", "OFFICIAL")
    assert told["E07000118"] == ("", "true", "OFFICIAL")
    assert "OUTSIDE" not in told
    assert s17a("--profile", "public", "--from", values)[0] == 1


def test_exact_counts_are_for_the_named_readers_alone(values: Path, tmp_path: Path):
    _, _, err = s17a("--from", values, "--out", tmp_path)
    assert "OFFICIAL-SENSITIVE: exact counts, for police, fire, local-authority, health alone" in err
    assert {row["marking"] for row in table(tmp_path / "police.csv")} == {"OFFICIAL-SENSITIVE"}

    code, _, err = s17a("--profile", "internal", "--from", values)

    assert code == 1
    assert "profile internal hides nothing, and exact counts are for police, fire, local-authority, health alone" in err


def test_a_quarter_that_is_none_is_a_usage_error(values: Path):
    code, _, err = s17a("--from", values, quarter="2026-Q5")

    assert code == 2
    assert "a quarter is written 2026-Q1" in err


def test_a_catalogue_that_says_nothing_of_it_is_said_so(values: Path, tmp_path: Path):
    folder = Path(shutil.copytree(catalogue_folder(), tmp_path / "catalogue"))
    shutil.rmtree(folder / "extracts")

    code, _, err = s17a("--from", values, "--catalogue", folder)

    assert code == 1
    assert "it has no extracts/si-2007-1831.yaml" in err


def test_without_a_file_it_asks_kafka():
    code, _, err = s17a(SAFETY_STREAM_BOOTSTRAP="127.0.0.1:1")

    assert code == 1
    assert "no Kafka answers at 127.0.0.1:1" in err


@pytest.mark.kafka
def test_kafka_says_what_a_file_says_and_of_the_feeds_besides(kafka: str, tmp_path: Path):
    """Of the last quarter of 2019, which no other test tells of, by feeds that cover it."""
    folder = Path(shutil.copytree(catalogue_folder(), tmp_path / "catalogue"))
    sources = folder / "sources.yaml"
    sources.write_text(
        sources.read_text("utf-8").replace("covers_from: 2026-01-01", "covers_from: 2015-01-01"), "utf-8"
    )
    words = ("--json", "--catalogue", folder)
    month = to_day(date(2019, 10, 1))
    value = IndicatorValue(
        area="E07000119",
        indicator="burglary",
        period="month",
        starts=month,
        ends=to_day(date(2019, 11, 1)),
        value=3,
        final=True,
        revision=1,
        restates=None,
        as_of=start_of(month),
    )
    until = to_instant(datetime(2020, 2, 1, tzinfo=UTC))
    feeds = [FeedStatus(as_of=until, newest={"police-crimes": until}, partition=number) for number in range(4)]
    assert run("topics", "apply", "--bootstrap", kafka)[0] in {0, 2}
    producer = Producer({"bootstrap.servers": kafka, "log_level": 0})
    for one in (value, *feeds):
        producer.produce("indicator-values", Records().encode("indicator-values", one))
    assert producer.flush(30) == 0
    (tmp_path / "values.jsonl").write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in (value, *feeds)))

    code, out, err = s17a(*words, "--out", tmp_path / "kafka", quarter="2019-Q4", SAFETY_STREAM_BOOTSTRAP=kafka)

    assert code == 2, err
    assert {tick["item"]: tick["answer"] for tick in map(json.loads, out.splitlines())}["burglary"] == "answered"
    rows = [row for row in table(tmp_path / "kafka" / "police.csv") if row["item"] == "burglary"]
    assert [row["count"] for row in rows if row["area"] == "E07000119"] == ["3", "0", "0"]
