"""`indicators known`: against replays of what had come by then, a month that comes late, and how mistakes are said."""

import gzip
import json
from datetime import date
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner

from safety_stream.cli import app
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.reports import Report, ReportedPlace
from safety_stream.core.model.tallies import Tally
from safety_stream.core.model.times import DAY_LENGTH, HOUR, start_of, to_date, to_day
from safety_stream.edge.canonical import to_line
from safety_stream.wire.records import Records

BURNLEY = "E07000117"
FIRST = to_day(date(2026, 1, 5))
"""A Monday."""
COVERED = date(2026, 1, 1)
"""The day from which the shipped feeds cover things."""


def run(*words: object, **environment: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(word) for word in words], env=environment)
    assert "Traceback" not in result.output
    return result.exit_code, result.stdout, result.stderr


def known(*words: object, indicator: str = "violence", area: str = BURNLEY, **environment: str):
    return run("indicators", "known", "--indicator", indicator, "--area", area, *words, **environment)


def rows(*words: object, **more: str) -> list[dict]:
    code, out, err = known(*words, "--json", **more)
    assert code == 0, err
    return [json.loads(line) for line in out.splitlines()]


def crime(ref: str, event: int, told: int, version: int = 1, **changes: object) -> tuple[Report, int]:
    """A violent crime so many days after FIRST, told so many days after FIRST at noon."""
    fields: dict = {
        "source": "police-crimes",
        "source_ref": ref,
        "source_version": version,
        "action": "new" if version == 1 else "correct",
        "kind": "police-crime",
        "category": "violence",
        "occurred_from": start_of(FIRST + event) + 9 * HOUR,
        "reported_at": start_of(FIRST + told) + 12 * HOUR,
        "place": ReportedPlace(area=BURNLEY),
    }
    return Report(**(fields | changes)), start_of(FIRST + told) + 12 * HOUR


def attendance(ref: str, event: int, told: int) -> tuple[Report, int]:
    changes = {"source": "ed-assaults", "kind": "assault-attendance", "category": "violence"}
    return crime(ref, event, told, **changes)


def in_one_part(folder: Path, area: str) -> Path:
    """A tally of a part of a district, as a replay writes it."""
    tally = Tally(
        area=area,
        indicator="violence",
        event_day=FIRST,
        precision="day",
        report_day=FIRST + 1,
        count=3,
        as_of=start_of(FIRST + 1),
    )
    path = folder / "tallies.jsonl"
    path.write_bytes(msgspec.json.encode(tally) + b"\n")
    return path


@pytest.mark.parametrize("area", ["lsoa:E01024897", "ward:E05011508"])
def test_a_part_of_a_district_is_an_area_of_what_is_counted_by_such_parts(tmp_path: Path, area: str):
    path = in_one_part(tmp_path, area)
    found = rows("--from", path, "--as-of", to_date(FIRST + 3), "--last", 1, area=area)

    assert [row["known"] for row in found] == [3]


@pytest.mark.parametrize(
    ("indicator", "area"),
    [
        ("hate", "lsoa:E01024897"),
        ("violence", "lsoa:E01999999"),
        ("hate", "ward:E05011508"),
        ("violence", "ward:E05999999"),
    ],
)
def test_a_part_is_none_of_what_is_not_counted_by_them_nor_one_that_is_not_there(
    tmp_path: Path, indicator: str, area: str
):
    words = ("--from", in_one_part(tmp_path, area), "--as-of", to_date(FIRST + 3))
    code, _, err = known(*words, indicator=indicator, area=area)

    assert code == 1
    assert f"there is no area {area}" in " ".join(err.split())
    assert err.count("E0") < 30


HISTORY = sorted(
    [
        *(crime(f"daily-{day}", day, day + day % 4) for day in range(0, 40, 2)),
        # One is moved to the next week, one withdrawn, one told of late.
        crime("moved", 4, 5),
        crime("moved", 9, 12, version=2),
        crime("withdrawn", 6, 7),
        crime("withdrawn", 6, 20, version=2, action="withdraw"),
        crime("late", 1, 39),
        # A month of attendances comes five weeks after its end, as does the one before it.
        *(attendance(f"december-{day}", day - 30, 31) for day in range(0, 25, 3)),
        *(attendance(f"january-{day}", day, 62) for day in range(0, 25, 3)),
        crime("last", 62, 63),
    ],
    key=lambda one: one[1],
)


def replayed(folder: Path, history: list[tuple[Report, int]]) -> Path:
    folder.mkdir()
    lines = "".join(to_line(report, received_at) + "\n" for report, received_at in history)
    (folder / "in.jsonl").write_text(lines, encoding="utf-8")
    code, _, err = run("replay", folder / "in.jsonl", "--out", folder)
    assert code == 0, err
    return folder


def said(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_bytes().splitlines()]


def test_a_replay_keeps_what_each_profile_was_told_in_its_turn(tallies: Path):
    folder = tallies.parent
    told = said(folder / "feeds" / "indicators.internal.jsonl")

    assert [record["seq"] for record in told] == list(range(1, len(told) + 1))
    last = {(one["area"], one["indicator"], one["period"], one["starts"]): one["value"] for one in told}
    listed = {name for _, name, *_ in last}
    values = [one for one in said(folder / "indicators.jsonl") if one["indicator"] in listed]
    assert last == {(one["area"], one["indicator"], one["period"], one["starts"]): one["value"] for one in values}
    partner = said(folder / "feeds" / "indicators.partner.jsonl")
    assert partner
    assert not {one["value"] for one in partner} & {1, 2, 3, 4}
    assert said(folder / "feeds" / "audit.indicators.jsonl")
    assert (folder / "feeds" / "signals.jsonl").exists()


@pytest.fixture(scope="module")
def tallies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return replayed(tmp_path_factory.mktemp("known") / "all", HISTORY) / "tallies.jsonl"


@pytest.mark.parametrize("days", [5, 13, 21, 62])
@pytest.mark.parametrize("kind", ["day", "week", "month"])
def test_what_was_known_is_what_a_replay_of_what_had_come_publishes(
    tallies: Path, tmp_path: Path, days: int, kind: str
):
    until = start_of(FIRST + days + 1)
    before = replayed(tmp_path / "before", [one for one in HISTORY if one[1] < until])
    published = {
        (value["indicator"], to_date(value["starts"]).isoformat()): (value["value"], value["final"])
        for value in map(json.loads, (before / "indicators.jsonl").read_text().splitlines())
        if (value["area"], value["period"]) == (BURNLEY, kind) and to_date(value["starts"]) >= COVERED
    }
    as_of = to_date(FIRST + days).isoformat()
    for indicator in ("violence", "ed-assaults"):
        found = rows("--from", tallies, "--as-of", as_of, "--period", kind, "--last", 99, indicator=indicator)
        told = {(row["indicator"], row["starts"]): (row["known"], row["complete"]) for row in found if row["known"]}
        assert told == {key: value for key, value in published.items() if key[0] == indicator and value[0]}


def test_a_month_that_comes_late_is_incomplete_and_no_fall(tallies: Path):
    """
    December  told on 5 February, and no feed covers it: whether that was all nobody knows
    January   told on 8 March; on 20 February nothing is known of it
    """
    code, out, err = known("--from", tallies, "--as-of", "2026-02-20", "--period", "month", indicator="ed-assaults")
    assert code == 0
    title, head, *lines = out.splitlines()
    assert title.strip() == "ed-assaults in Burnley"
    assert head.split() == ["from", "known", "on", "2026-02-20", "known", "now", "difference", "causes"]
    assert [line.split() for line in lines] == [
        ["2025-12-01", "unknown", "unknown"],
        ["2026-01-01", "0", "so", "far", "9", "+9", "reported", "incomplete"],
        ["2026-02-01", "0", "so", "far", "0", "so", "far", "incomplete"],
    ]
    assert "a small number is no fall" in err
    assert "unknown: before the day from which every feed covers things" in err


def test_json_has_no_number_of_what_no_feed_covers(tallies: Path):
    row, *_ = rows("--from", tallies, "--as-of", "2026-02-20", "--period", "month", indicator="ed-assaults")
    assert (row["starts"], row["known"], row["known_now"], row["difference"]) == ("2025-12-01", None, None, None)
    assert (row["complete"], row["complete_now"]) == (False, False)


def test_json_says_the_same_for_each_period(tallies: Path):
    (row,) = rows("--from", tallies, "--as-of", "2026-01-18", "--last", 1)
    assert row == {
        "area": BURNLEY,
        "indicator": "violence",
        "period": "week",
        "starts": "2026-01-12",
        "ends": "2026-01-19",
        "as_of": "2026-01-18",
        "known": 4,
        "complete": False,
        "known_now": 4,
        "complete_now": True,
        "difference": 0,
        "model_expects": None,
        "causes": [],
    }


def test_tallies_may_be_packed(tallies: Path, tmp_path: Path):
    packed = tmp_path / "tallies.jsonl.gz"
    packed.write_bytes(gzip.compress(tallies.read_bytes()))
    one, other = (rows("--from", path, "--as-of", "2026-02-01") for path in (tallies, packed))
    assert one == other


@pytest.mark.parametrize(
    ("as_of", "week", "causes"),
    [
        ("2026-01-12", "2026-01-05", ["corrected", "reported", "withdrawn"]),
        ("2026-02-08", "2026-01-05", ["late"]),
        ("2026-02-08", "2026-01-19", []),
    ],
)
def test_why_it_is_another_number_now_is_said(tallies: Path, as_of: str, week: str, causes: list[str]):
    """Of a week that was complete by then, what is reported since is late."""
    found = {row["starts"]: row["causes"] for row in rows("--from", tallies, "--as-of", as_of)}

    assert found[week] == causes


def lines_of(values: list[Tally | FeedStatus]) -> str:
    return "".join(msgspec.json.encode(value).decode() + "\n" for value in values)


def steady() -> list[Tally | FeedStatus]:
    """Thirty weeks: ten crimes told on the Monday after each, ten more a week later."""
    fields = {"area": BURNLEY, "indicator": "violence", "precision": "day", "count": 10}
    return [
        Tally(**fields, event_day=FIRST + 7 * week, report_day=FIRST + 7 * week + late, as_of=start_of(FIRST))
        for week in range(30)
        for late in (7, 14)
    ] + [FeedStatus(as_of=start_of(FIRST + 300), newest={"police-crimes": start_of(FIRST + 300)}, partition=0)]


def test_a_nowcast_is_said_to_be_a_model(tmp_path: Path):
    (tmp_path / "tallies.jsonl").write_text(lines_of(steady()))
    words = ("--from", tmp_path / "tallies.jsonl", "--as-of", to_date(FIRST + 7 * 29), "--last", 3)

    code, out, err = known(*words, "--nowcast")
    (week,) = [row for row in rows(*words, "--nowcast") if row["known"] == 10]

    assert code == 0
    assert out.splitlines()[1].split()[-3:] == ["a", "model", "expects"]
    assert "What a model expects is no count: an estimate from the delays of 16 earlier periods" in err
    expected = week["model_expects"]
    assert (expected["level"], expected["delays_from"]) == (0.9, 16)
    assert 10 < expected["lower"] <= expected["estimate"] <= expected["upper"] < 40
    assert f"{expected['estimate']} ({expected['lower']} to {expected['upper']})" in out


def test_where_nothing_can_be_estimated_it_says_so(tallies: Path):
    code, out, err = known("--from", tallies, "--as-of", "2026-02-01", "--nowcast")
    assert code == 0
    assert out.count("too little known") == 4
    assert "Nothing can be estimated: the delays of 0 earlier periods are known" in err


def test_a_day_after_the_last_word_is_said_to_be_one(tallies: Path):
    _, _, err = known("--from", tallies, "--as-of", "2026-06-01")
    assert "Nothing has come in after 2026-03-09: what was known then is what is known now" in err


def test_a_series_of_which_nothing_was_ever_told(tallies: Path):
    code, out, err = known("--from", tallies, "--as-of", "2026-06-01", area="E07000118")
    assert (code, out) == (0, "")
    assert "Nothing has ever been told of violence in Chorley up to 2026-06-01" in err


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"indicator": "violance"},
            "there is no indicator violance; is it one of these: violence (Recorded violence).",
        ),
        ({"area": "burnly"}, "there is no area burnly; is it one of these: E07000117 (Burnley)."),
        ({"area": "zz"}, "there is no area zz; there are: C-CHORLEY-SOUTH-RIBBLE (Chorley and South Ribble)"),
    ],
)
def test_names_nobody_has_are_answered_with_near_ones(tallies: Path, changes: dict[str, str], sentence: str):
    code, _, err = known("--from", tallies, "--as-of", "2026-06-01", **changes)
    assert code == 1
    assert sentence in err


def test_a_day_that_is_none_is_a_usage_error(tallies: Path):
    code, _, err = known("--from", tallies, "--as-of", "2026-02-30")
    assert code == 2
    assert "write a day of the calendar: 2026-01-31" in err


def test_a_file_of_something_else_says_its_line_and_the_mend(tallies: Path, tmp_path: Path):
    (tmp_path / "other.jsonl").write_bytes(tallies.read_bytes().splitlines(keepends=True)[0] + b'{"name": "tok-a"}\n')
    code, _, err = known("--from", tmp_path / "other.jsonl", "--as-of", "2026-02-01")
    assert code == 1
    assert "broken at line 2" in err
    assert "name the tallies.jsonl that `replay --out` wrote, or write it again." in err
    assert "tok-a" not in err


def test_without_a_file_it_asks_kafka():
    code, _, err = known("--as-of", "2026-02-01", SAFETY_STREAM_BOOTSTRAP="127.0.0.1:1")
    assert code == 1
    assert "no Kafka answers at 127.0.0.1:1" in err


@pytest.mark.kafka
def test_kafka_says_what_a_file_says(kafka: str, tmp_path: Path):
    """Of hate in Fylde, which no other test tells of; every partition has heard how far the feeds are."""
    day = DAY_LENGTH
    values: list[Tally | FeedStatus] = [
        Tally(
            area="E07000119", indicator="hate", event_day=FIRST, precision="day", report_day=told, count=count, as_of=0
        )
        for told, count in ((FIRST + 1, 3), (FIRST + 30, -1))
    ]
    values += [
        FeedStatus(as_of=start_of(FIRST + 31), newest={"police-hate": start_of(FIRST + 31) + day}, partition=partition)
        for partition in range(4)
    ]
    assert run("topics", "apply", "--bootstrap", kafka)[0] in {0, 2}
    producer = Producer({"bootstrap.servers": kafka, "log_level": 0})
    for value in values:
        producer.produce("tallies", Records().encode("tallies", value))
    assert producer.flush(30) == 0
    (tmp_path / "tallies.jsonl").write_text(lines_of(values))

    words = ("--as-of", "2026-01-12")
    series = {"indicator": "hate", "area": "E07000119"}
    from_kafka = rows(*words, **series, SAFETY_STREAM_BOOTSTRAP=kafka)
    assert from_kafka == rows("--from", tmp_path / "tallies.jsonl", *words, **series)
    (first, *_) = from_kafka
    assert (first["known"], first["known_now"], first["complete_now"]) == (3, 2, True)
