"""What is said when there is no Kafka, and other things a person can mend: one sentence, exit 1, no traceback."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from safety_stream.cli import app

NOBODY = "127.0.0.1:1"
SAMPLE = Path(__file__).parents[1] / "fixtures" / "police-uk-sample.csv"


@pytest.mark.parametrize(
    "words",
    [
        ("topics", "plan"),
        ("alerts", "show"),
        ("ingest", str(SAMPLE), "--format", "police-uk"),
        ("worker",),
    ],
    ids=" ".join,
)
def test_a_command_that_needs_kafka_says_how_to_get_one(words: tuple[str, ...], tmp_path: Path):
    result = CliRunner().invoke(app, [*words, "--bootstrap", NOBODY], env={"SAFETY_STREAM_DATA": str(tmp_path)})

    assert result.exit_code == 1
    assert (
        "error: no Kafka answers at 127.0.0.1:1: start one with `safety-stream broker`, or name yours with --bootstrap "
        "or SAFETY_STREAM_BOOTSTRAP; if it is secured, say how to be let in with --kafka-config or "
        "SAFETY_STREAM_KAFKA_CONFIG." in result.stderr
    )
    assert "Traceback" not in result.output


def test_doctor_looks_at_what_it_can_and_fails_for_the_broker(tmp_path: Path):
    result = CliRunner().invoke(app, ["doctor", "--bootstrap", NOBODY, "--data", str(tmp_path), "--json"])

    findings = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 1
    assert [(one["check"], one["level"]) for one in findings if one["check"] != "store"] == [
        ("schemas", "ok"),
        ("catalogue", "ok"),
        ("broker", "fail"),
    ]
    assert all(one["mend"] for one in findings if one["level"] != "ok")


def test_doctor_says_when_the_data_folder_cannot_be_written(tmp_path: Path):
    file = tmp_path / "file"
    file.write_bytes(b"")
    result = CliRunner().invoke(app, ["doctor", "--bootstrap", NOBODY, "--data", str(file / "below"), "--json"])

    (store,) = [one for one in map(json.loads, result.stdout.splitlines()) if one["check"] == "store"]
    assert store["level"] == "fail"
    assert "SAFETY_STREAM_DATA" in store["mend"]


def test_a_file_that_is_not_there_is_a_usage_error():
    result = CliRunner().invoke(app, ["ingest", "no-such-file", "--format", "canonical"])

    assert result.exit_code == 2


def test_an_areas_folder_must_hold_one_area_file(tmp_path: Path):
    result = CliRunner().invoke(app, ["rules", "lint", "--areas", str(tmp_path)])

    assert result.exit_code == 2
    assert "holds 0 .yaml files and not one" in " ".join(result.stderr.replace("│", " ").split())
