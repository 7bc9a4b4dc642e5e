"""Real public data of another county, from the police.uk file to indicators and alerts per district."""

import csv
import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from safety_stream.catalogue import load_catalogue
from safety_stream.cli import app
from safety_stream.config import Connection
from safety_stream.core.catalogue import Catalogue
from safety_stream.edge import police_uk
from safety_stream.edge.entries import Entry
from safety_stream.embedded import EmbeddedKafka
from safety_stream.replay import Arrival, Pipeline, Result
from safety_stream.streaming.draining import wait_until_drained
from safety_stream.wire.reports import encode_report

SAMPLE = Path(__file__).parents[1] / "fixtures" / "police-uk-sample.csv"
CATALOGUE = Path(__file__).parents[2] / "examples" / "west-yorkshire"
DISTRICTS = {"Bradford", "Calderdale", "Kirklees", "Leeds", "Wakefield"}
INDICATORS = {
    "Anti-social behaviour": "asb",
    "Burglary": "burglary",
    "Drugs": "drugs",
    "Robbery": "robbery",
    "Shoplifting": "shoplifting",
    "Vehicle crime": "vehicle-crime",
    "Violence and sexual offences": "violence",
}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(CATALOGUE)


@pytest.fixture(scope="module")
def counted() -> Counter[tuple[str, str]]:
    """What the file itself says, per area and indicator."""
    found: Counter[tuple[str, str]] = Counter()
    with SAMPLE.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["Crime type"] in INDICATORS:
                name = row["LSOA name"].rpartition(" ")[0]
                area = name.lower() if name in DISTRICTS else "OUTSIDE" if name else "UNLOCATED"
                found[area, INDICATORS[row["Crime type"]]] += 1
    return found


def arrivals(times: int = 1) -> Iterator[Arrival]:
    for _ in range(times):
        with SAMPLE.open("rb") as file:
            for entry in police_uk.read(file):
                assert isinstance(entry, Entry)
                assert entry.received_at is not None
                yield Arrival("backfill.police-uk", encode_report(entry.report), entry.received_at)


def monthly(result: Result) -> dict[tuple[str, str], int]:
    return {
        (area, indicator): value.value
        for (area, indicator, period, _), value in result.indicators.items()
        if period == "month" and area != "west-yorkshire"
    }


def replayed(catalogue: Catalogue, times: int) -> Result:
    result = Result()
    for _ in Pipeline(catalogue, result.take).run(arrivals(times)):
        pass
    return result


def test_indicators_are_the_files_own_counts(catalogue: Catalogue, counted: Counter[tuple[str, str]]):
    result = replayed(catalogue, 1)

    assert monthly(result) == dict(counted)
    assert result.dead_letters == []


def test_a_second_ingest_of_the_file_changes_nothing(catalogue: Catalogue, counted: Counter[tuple[str, str]]):
    assert monthly(replayed(catalogue, 2)) == dict(counted)


@pytest.mark.kafka
@pytest.mark.slow
def test_the_file_runs_through_kafka_to_indicators(
    catalogue: Catalogue, counted: Counter[tuple[str, str]], tmp_path: Path
):
    with EmbeddedKafka(tmp_path / "kafka") as kafka:
        environment = {
            "SAFETY_STREAM_BOOTSTRAP": kafka.bootstrap_servers,
            "SAFETY_STREAM_CATALOGUE": str(CATALOGUE),
            "SAFETY_STREAM_DATA": str(tmp_path),
        }

        def run(*words: object) -> str:
            result = CliRunner().invoke(app, [str(word) for word in words], env=environment)
            assert result.exit_code == 0, result.output
            return result.stdout

        run("topics", "apply")
        run("ingest", SAMPLE, "--format", "police-uk", "--state", tmp_path)
        with (tmp_path / "worker.log").open("wb") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "safety_stream", "worker", "--clock", "log"],
                env=environment,
                stdout=log,
                stderr=log,
            )
        try:
            wait_until_drained(Connection(kafka.bootstrap_servers), catalogue, seconds=120)
            values = [
                json.loads(line) for line in run("indicators", "show", "--period", "month", "--json").splitlines()
            ]
        finally:
            worker.send_signal(signal.SIGTERM)
            worker.wait(30)

    found = {(one["area"], one["indicator"]): one["value"] for one in values if one["area"] != "west-yorkshire"}
    assert found == dict(counted)
