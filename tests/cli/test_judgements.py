"""What `indicators why` works out again from a judgement's own record: to a millionth, of weeks and of days."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.core.stages.judged_world import (
    MONDAY,
    SERIES,
    WEEK,
    WEEKS,
    a_status,
    a_value,
    counts_of,
    judging,
    run,
)
from tests.core.stages.making import covering
from typer.testing import CliRunner

from safety_stream.catalogue.loading import load_catalogue
from safety_stream.cli import app
from safety_stream.cli.judgements import agrees, beyond, newest_of, worked_out_again
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.judgements.settings import Accepted
from safety_stream.core.model.judgements import Judgement, Signal
from safety_stream.core.model.times import to_date
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.data_files import catalogue_folder
from safety_stream.synthetic.quiet import SIGNALS, Brought, FalseAlarms
from safety_stream.wire.codecs import shipped_codecs

CODECS = shipped_codecs()
DAYS = 68 * 7


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(catalogue_folder())


@pytest.fixture(scope="module")
def judged(catalogue: Catalogue) -> list[Judgement]:
    """Weeks of burglary and days of serious violence in one district, as the shipped settings judge them."""
    area = SERIES[0].split("|")[0]
    values = [a_value(f"{area}|serious-violence", MONDAY + day, day % 5, 0, "day") for day in range(DAYS)]
    values += [a_value(f"{area}|burglary", MONDAY + day, 9 + day % 4, 0) for day in range(0, DAYS, 7)]
    burst = a_value(f"{area}|serious-violence", MONDAY + DAYS - 1, 17, 0, "day")
    known = covering(catalogue, MONDAY)
    return newest_of(run(known, [[*values, burst, a_status(MONDAY + DAYS + 6, MONDAY + DAYS, known)]]))


def agrees_again(judgement: Judgement) -> bool:
    """Worked out from what a reader of the topic sees, and nothing else."""
    read = CODECS.decode(("judgement",), CODECS.encode(judgement))
    assert isinstance(read, Judgement)
    again = worked_out_again(read)
    return again is not None and agrees(read, again)


def test_every_bound_follows_from_its_record(judged: list[Judgement]):
    assert {(one.period, one.method) for one in judged} == {("day", "poisson"), ("week", "bayes")}
    assert all(map(agrees_again, judged))


@pytest.mark.parametrize("levels", [(0.01, 0.001, 0.01), (0.05, 0.002, 0.1), (0.003, 0.0001, 0.02)])
def test_whatever_the_levels_were_the_bounds_of_every_method_follow_from_the_record(
    catalogue: Catalogue, levels: tuple[float, float, float]
):
    assert catalogue.signals is not None
    amber, red, improvement = levels
    other = msgspec.structs.replace(catalogue.signals.levels, amber=amber, red=red, improvement=improvement)
    known = judging(catalogue, levels=other)
    said: list[Judgement] = []
    for seed in range(20):
        values = [a_value(*key, value, 0) for key, value in counts_of(seed).items()]
        last = MONDAY + WEEKS * WEEK
        said += run(known, [[*values, a_status(last, last - 21, known)]])

    assert {one.method for one in said} == {"farrington", "bayes"}
    assert {one.together for one in said} == {1, 4}
    assert {one.signal for one in said} == {"none", "amber", "red", "improvement"}
    assert all(map(agrees_again, said))


@pytest.mark.parametrize("value", [17, 16])
def test_a_week_is_told_from_what_a_replay_wrote(judged: list[Judgement], tmp_path: Path, value: int):
    """Without a broker, and whether the record was changed since."""
    day = next(one for one in judged if one.signal == "red")
    written = tmp_path / "signals.jsonl"
    records = [*judged, msgspec.structs.replace(day, counted=value)]
    written.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in records))
    asked = ("--area", day.area, "--indicator", day.indicator, "--day", to_date(day.starts).isoformat())

    told = CliRunner().invoke(app, ["indicators", "why", *asked, "--from", str(written), "--json"])
    reds = CliRunner().invoke(app, ["indicators", "signals", "--signal", "red", "--from", str(written), "--json"])

    assert (day.value, told.exit_code) == (17, 0)
    assert json.loads(told.stdout)["agrees"] is (value == 17)
    assert [json.loads(line)["starts"] for line in reds.stdout.splitlines()] == [day.starts]


def test_a_record_without_levels_says_nothing_of_its_bounds(judged: list[Judgement]):
    """As an earlier release wrote them."""
    old = msgspec.structs.replace(judged[0], amber_level=None, red_level=None, low_level=None)

    assert worked_out_again(old) is None


def test_what_is_judged_no_more_is_said_without_levels(catalogue: Catalogue):
    """Its bounds may be those of the settings before."""
    assert catalogue.signals is not None
    rows, known, series = MemoryRows(), judging(catalogue), SERIES[0]
    values = [a_value(series, MONDAY + week * WEEK, 90 if week == WEEKS - 1 else 5, 0) for week in range(WEEKS)]
    last = MONDAY + WEEKS * WEEK
    before = run(known, [[*values, a_status(last, last, known)]], rows)
    without = msgspec.structs.replace(known.signals, areas=("E07000124",))
    now = run(msgspec.structs.replace(known, signals=without), [[a_status(last, last, known)]], rows)

    assert before[-1].signal == "red"
    assert {one.amber_level for one in before} == {catalogue.signals.levels.amber}
    assert now
    assert {(one.signal, one.amber_level) for one in now} == {("none", None)}


@pytest.mark.parametrize(
    ("signal", "number", "said"),
    [
        ("amber", 150, []),
        ("amber", 151, ["151 amber of a mean of 10 after 5 years, where 150 are"]),
        ("red", 13, ["13 red of a mean of 10 after 5 years, where 12 are"]),
        ("improvement", 90, ["90 improvement of a mean of 10 after 5 years, where 80 are"]),
    ],
)
def test_what_chance_brings_is_held_beside_what_is_accepted(signal: Signal, number: int, said: list[str]):
    most = Brought(80.0, 0.0, 99.0)
    few = dict.fromkeys(SIGNALS, most) | {"red": Brought(12.0, 0.0, 99.0)}
    other = few | {signal: Brought(float(number), 0.0, 999.0)}
    quiet = [FalseAlarms(5, mean, 1, 224, 52, of, most, most) for mean, of in ((2.0, few), (10.0, other))]

    assert beyond(Accepted(red=12, amber=150, improvement=80), quiet) == said


def test_a_day_and_the_week_that_begins_with_it_are_two(judged: list[Judgement]):
    newest = {(one.starts, one.period) for one in newest_of([*judged, *judged])}

    assert len(newest) == len(judged)


@pytest.mark.parametrize(
    "change", [{"expected": 3.0001}, {"counted": 1}, {"red_above": 900}, {"spread": 1.01}, {"red_level": 0.01}]
)
def test_a_record_that_was_tampered_with_does_not_agree(judged: list[Judgement], change: dict[str, Any]):
    (burst,) = [one for one in judged if one.signal == "red"]
    other = msgspec.structs.replace(burst, **change)

    assert burst.period == "day"
    assert not agrees_again(other)
