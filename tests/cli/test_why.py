"""`rules why`: what it prints, how it ends, and that a running backbone gives the answer its history gives."""

import json
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner

from safety_stream.catalogue import load_catalogue
from safety_stream.cli import app
from safety_stream.cli.why import recomputed_in_words, without_in_words
from safety_stream.config import Connection
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.findings import Evidence, Finding
from safety_stream.core.model.ids import alert_id
from safety_stream.core.model.published import AuditEntry
from safety_stream.core.model.reports import Report, ReportedParty, ReportedPlace
from safety_stream.core.model.times import DAY_LENGTH, HOUR
from safety_stream.core.rules.why import Account, Without
from safety_stream.core.stages.stage import EVERY_PARTITION, Output
from safety_stream.data_files import catalogue_folder
from safety_stream.edge.canonical import to_line
from safety_stream.replay import Arrival, Pipeline
from safety_stream.streaming.reading import read_to_end
from safety_stream.wire.records import Records
from safety_stream.wire.reports import encode_report

NOON = 1_767_614_400_000  # 2026-01-05T12:00Z
BURNLEY = "E07000117"


def run(*words: object, **environment: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["rules", "why", *(str(word) for word in words)], env=environment)
    assert "Traceback" not in result.output
    return result.exit_code, result.stdout, result.stderr


def harms(victim: str, count: int = 4) -> list[Report]:
    """Harms a week apart, the second found by looking; and a child that came back and was not spoken with."""
    told = [
        Report(
            source="police-crimes",
            source_ref=f"{victim}-{number}",
            source_version=1,
            action="new",
            kind="police-crime",
            category="burglary",
            origin="discovered" if number == 1 else "reported",
            occurred_from=NOON + number * 7 * DAY_LENGTH,
            reported_at=NOON + number * 7 * DAY_LENGTH + HOUR,
            place=ReportedPlace(area=BURNLEY),
            parties=(ReportedParty(role="victim", token=victim),),
        )
        for number in range(count)
    ]
    return [
        *told,
        Report(
            source="police-missing",
            source_ref=f"{victim}-back",
            source_version=1,
            action="new",
            kind="missing-episode",
            subtype="returned",
            category="missing",
            occurred_from=NOON + 30 * DAY_LENGTH,
            reported_at=NOON + 30 * DAY_LENGTH,
            place=ReportedPlace(area=BURNLEY),
            parties=(ReportedParty(role="missing", token=victim, child=True),),
        ),
        Report(
            source="childrens-services",
            source_ref=f"{victim}-other",
            source_version=1,
            action="new",
            kind="intervention",
            subtype="safeguarding-visit",
            category="intervention",
            occurred_from=NOON + 60 * DAY_LENGTH,
            reported_at=NOON + 60 * DAY_LENGTH,
            parties=(ReportedParty(role="subject", token=f"{victim}-else", child=True),),
        ),
    ]


def written(path: Path, reports: list[Report]) -> Path:
    path.write_text("".join(to_line(report, report.reported_at) + "\n" for report in reports), encoding="utf-8")
    return path


@pytest.fixture
def history(tmp_path: Path) -> Path:
    return written(tmp_path / "history.jsonl", harms("tok-a"))


REPEAT = alert_id("rv-graded", "victim:tok-a")


def test_an_alert_says_on_what_it_rests_and_what_would_take_it_back(history: Path):
    code, out, err = run(REPEAT[:8], "--history", history)

    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "Repeat victim within twelve months (rv-graded), on victim:tok-a"
    assert lines[1] == f"alert {REPEAT}"
    assert lines[3].startswith(
        "2026-01-26 12:00  P3  Harmed 3 times in twelve months: repeat level 3. Of domestic abuse"
    )
    assert lines[4] == "recomputed: same"
    rows = [line.split("  ") for line in lines[6:9]]
    assert [[cell.strip() for cell in row if cell.strip()] for row in rows] == [
        [when, "Burnley", "police-crime, burglary", "victim", "lancashire-police", report, "this would not be"]
        for when, report in zip(
            ("2026-01-05 12:00", "2026-01-19 12:00", "2026-01-26 12:00"), _reports(history), strict=True
        )
    ]
    assert lines[9].startswith("Left out: police-crime, burglary, of lancashire-police (")
    assert lines[9].endswith("reported 2026-01-12 13:00: it was found by looking; nobody told of it.")
    assert lines[10] == "Without any one of the 3 reports so marked this would not be."
    assert lines[11] == "In the 12 months to then this rule completed once in Burnley, and once on this key."
    assert lines[13] == (
        "What takes it back: Reports are withdrawn or corrected until fewer than three remain in any twelve months."
    )


def test_findings_of_two_stretches_of_time_are_one_alert_on_the_neighbourhood(tmp_path: Path):
    """A stretch ends with 3 March 2026: two findings before it, and one after."""
    signs = ("asb-drugs", "discarded-needles", "asb-drugs", "drugs", "asb-drugs", "asb-drugs")
    begins = NOON + 56 * DAY_LENGTH
    told = [
        Report(
            source="police-crimes" if category == "drugs" else "council-asb",
            source_ref=f"sign-{number}",
            source_version=1,
            action="new",
            kind="police-crime" if category == "drugs" else "asb-case",
            category=category,
            occurred_from=begins + number * 8 * HOUR,
            reported_at=begins + number * 8 * HOUR,
            place=ReportedPlace(area=BURNLEY, lsoa="E01024855"),
        )
        for number, category in enumerate(signs)
    ]
    alert = alert_id("soc-drug-cluster", "lsoa:E01024855")

    code, out, _ = run(alert, "--history", written(tmp_path / "signs.jsonl", told), "--json")

    (said,) = [json.loads(line) for line in out.splitlines()]
    assert (code, said["key"], said["same"]) == (0, "lsoa:E01024855", True)
    keys = [one["finding"]["key"].rpartition(".")[2] for one in said["findings"]]
    assert keys == ["222", "222", "223"]
    assert [one["times_on_key"] for one in said["findings"]] == [1, 2, 3]


def _reports(history: Path) -> list[str]:
    _, out, _ = run(REPEAT, "--history", history, "--json")
    return [one["incident_id"] for at in json.loads(out)["findings"][0]["occurrences"] for one in at["reports"]]


def test_as_json_it_is_one_document(history: Path):
    code, out, _ = run(REPEAT, "--history", history, "--json")

    (told,) = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert (told["alert"], told["rule"], told["key"], told["same"]) == (REPEAT, "rv-graded", "victim:tok-a", True)
    (one,) = told["findings"]
    assert (one["verdict"], one["recomputed"] == one["finding"]) == ("same", True)
    assert [(each["stands"], each["instead"]) for each in one["without"]] == [(False, [])] * 3


def test_a_deadline_is_recomputed_by_the_clocks_of_the_history(history: Path):
    code, out, _ = run(alert_id("missing-no-return-interview", "person:tok-a"), "--history", history)

    assert code == 0
    assert "recomputed: same" in out


def test_an_alert_nobody_knows(history: Path):
    code, _, err = run("ffffffff", "--history", history)

    assert code == 1
    assert err.startswith("error: no alert ffffffff is known: see alerts.jsonl in the folder that `safety-stream re")


def test_an_id_that_begins_several(history: Path):
    code, _, err = run("", "--history", history)

    assert code == 1
    assert "alerts, such as " in err
    assert err.endswith(": write more of it.\n")


def test_an_alert_that_was_taken_back(tmp_path: Path):
    reports = harms("tok-a")
    back = msgspec.structs.replace(reports[0], source_version=2, action="withdraw", reported_at=NOON + 90 * DAY_LENGTH)

    code, out, err = run(REPEAT, "--history", history := written(tmp_path / "in.jsonl", [*reports, back]))
    _, told, _ = run(REPEAT, "--history", history, "--json")

    assert (code, err) == (1, "")
    lines = out.splitlines()
    assert lines[3].startswith("2026-01-26 12:00  P3  Harmed 3 times in twelve months: repeat level 3.")
    assert (
        lines[4]
        == "It stands no more: it was taken back 2026-04-05 13:00, because: a report came, changed or was taken back."
    )
    assert lines[6].startswith("What takes it back: Reports are withdrawn or corrected until")
    said = json.loads(told)
    assert (said["same"], said["findings"], said["key"]) == (False, [], "victim:tok-a")
    assert said["taken_back"]["cause"] == "a report came, changed or was taken back"


def test_what_two_told_of_is_asked_about_as_one(tmp_path: Path):
    """Police and landlord told of the second of three harms: neither report is missed, the harm would be."""
    home = ReportedPlace(area=BURNLEY, uprn="900000000001")
    first, _, second, third, *_ = [msgspec.structs.replace(one, place=home) for one in harms("tok-a")]
    landlord = msgspec.structs.replace(
        second, source="housing", source_ref="h", kind="housing-concern", category="violence"
    )
    told = sorted([first, second, landlord, third], key=lambda one: one.reported_at)

    code, out, _ = run(REPEAT, "--history", written(tmp_path / "in.jsonl", told))

    assert code == 0
    assert "Without the 2 reports of 2026-01-19 12:00 together: this would not be." in out.splitlines()
    assert "Without any one of the 2 reports so marked this would not be." in out.splitlines()


def test_lines_that_are_no_reports_are_counted(history: Path):
    with history.open("a", encoding="utf-8") as file:
        file.write("{\n")

    code, _, err = run(REPEAT, "--history", history)

    assert (code, err) == (0, "1 lines are no reports and were left out; `safety-stream replay` says which\n")


FOUND = Finding(
    finding_id="f",
    rule_id="rv-graded",
    rule_version=1,
    limb="main",
    family="repeat-victimisation",
    key="victim:tok-a",
    occurrence_id="a",
    completed_at=NOON,
    priority="P3",
    area=BURNLEY,
    areas=(BURNLEY,),
    evidence=(Evidence("a", NOON, BURNLEY, ("a",)),),
    excluded=(),
    facts=(),
    child=False,
    explanation="said",
)


def an_account(**changes: object) -> Account:
    values = {
        "finding": FOUND,
        "verdict": "same",
        "version_now": 1,
        "recomputed": FOUND,
        "today": FOUND,
        "differs_in": (),
        "gone": (),
        "occurrences": (),
        "left_out": (),
        "without": (),
        "rests_on_reports": 1,
        "hangs_on_one": False,
        "is_full": False,
        "times_here": 1,
        "times_on_key": 1,
    }
    return Account(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "same"),
        ({"verdict": "differs", "recomputed": None}, "differs: nothing is found; the rule was changed without"),
        ({"verdict": "differs", "differs_in": ("priority", "facts")}, "differs: another in priority, facts; the rule"),
        (
            {"verdict": "overtaken", "differs_in": ("facts",)},
            "same, but by all that is known of this key today the answer",
        ),
        ({"verdict": "reports-gone", "gone": ("b",)}, "taken back since, or are kept no longer: b; run it again once"),
        (
            {"verdict": "new-version", "version_now": 2},
            "the rule is now version 2, and this was found by version 1; under it the answer is: the same",
        ),
        ({"verdict": "new-version", "version_now": 2, "today": None}, "the answer is: nothing is found"),
        ({"verdict": "no-rule", "version_now": None, "recomputed": None}, "not; rv-graded is retired, or no rule"),
    ],
)
def test_what_recomputing_gave_is_said_in_words(changes: dict[str, object], words: str):
    assert words in recomputed_in_words(an_account(**changes))


@pytest.mark.parametrize(
    ("without", "words"),
    [
        (Without(("a",), stands=False), "this would not be"),
        (Without(("a",), stands=True, priority="P3"), "stands"),
        (Without(("a",), stands=True, priority="P4"), "stands, as P4 instead of P3"),
        (Without(("a",), stands=True, priority="P3", instead=("b",)), "stands, on other reports"),
        (Without(("a",), stands=True, priority="P4", instead=("b",)), "stands, as P4 instead of P3, on other reports"),
    ],
)
def test_what_would_be_without_a_report_is_said_in_words(without: Without, words: str):
    assert without_in_words(without, an_account()) == words


@pytest.mark.kafka
def test_why_gives_the_same_answer_from_the_running_backbone(kafka: str, tmp_path: Path, topic_prefix: str):
    reports = harms(f"tok-{topic_prefix}")
    catalogue = load_catalogue(catalogue_folder())
    seen: list[Output] = []
    arrivals = [Arrival(f"backfill.{one.source}", encode_report(one), one.reported_at) for one in reports]
    for _ in Pipeline(catalogue, seen.append).run(sorted(arrivals, key=lambda one: one.received_at)):
        pass
    environment = {"SAFETY_STREAM_BOOTSTRAP": kafka, "SAFETY_STREAM_CATALOGUE": str(catalogue_folder())}
    # Other tests of this broker may have made topics with other settings: that is reported, and no matter here.
    assert CliRunner().invoke(app, ["topics", "apply"], env=environment).exit_code in (0, 2)
    _produced(kafka, [one for one in seen if one.topic in ("incidents", "findings")])
    _produced(kafka, [one for one in seen if one.topic == "feed-status"], every=4)

    for rule, key in (("rv-graded", "victim"), ("missing-no-return-interview", "person")):
        alert = alert_id(rule, f"{key}:tok-{topic_prefix}")
        refused, nothing, why = run(alert, "--json", **environment)
        assert (refused, nothing, "--reason and --by" in why) == (1, "", True)
        looks = ("--reason", "quality", "--by", "analyst-7")
        code, live, err = run(alert, "--json", *looks, **environment)
        assert _last_entry(kafka) == ("consultation", "analyst-7", "quality", alert)
        _, replayed, _ = run(alert, "--json", "--history", written(tmp_path / "in.jsonl", reports))

        assert (code, err) == (0, "")
        assert _but_counts(live) == _but_counts(replayed)
    code, _, err = run("no-such-alert", **environment)
    assert (code, err) == (1, "error: no alert no-such-alert is known: see `safety-stream alerts show`.\n")


def _last_entry(kafka: str) -> tuple[str, str, str, str | None]:
    """What was last handed in to be put on record."""
    wire = Records()
    values = [wire.value("audit-entries", one.value) for one in read_to_end(Connection(kafka), ["audit-entries"])]
    entry = values[-1]
    assert isinstance(entry, AuditEntry)
    return entry.kind, entry.actor, entry.reason, entry.alert_id


def _but_counts(text: str) -> dict[str, object]:
    """What other tests found in the same area counts there as well."""
    told = json.loads(text)
    for one in told["findings"]:
        del one["times_here"]
    return told


def _produced(bootstrap: str, outputs: list[Output], every: int = 1) -> None:
    producer, wire = Producer({"bootstrap.servers": bootstrap, "log_level": 0}), Records()
    for output in outputs:
        for partition in range(every):
            value = output.value
            if isinstance(value, FeedStatus):
                value = msgspec.structs.replace(value, partition=partition)
            where = {} if output.partition in (None, EVERY_PARTITION) else {"partition": output.partition}
            key = None if output.key is None else output.key.encode()
            producer.produce(output.topic, wire.encode(output.topic, value), key, timestamp=output.received_at, **where)
    assert producer.flush(30) == 0
