"""What a check says of a report is what intake would make of it, and what it says of a file is what ingest would."""

import io
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from safety_stream.catalogue import load_catalogue
from safety_stream.cli import app
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.facts import Fact
from safety_stream.core.model.incidents import IncidentVersion
from safety_stream.core.model.reports import Report, ReportedParty, ReportedPlace
from safety_stream.core.model.times import DAY_LENGTH, MINUTE
from safety_stream.core.register import outranks
from safety_stream.core.stages import intake
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.core.stages.stage import Record
from safety_stream.data_files import catalogue_folder
from safety_stream.edge import checking
from safety_stream.edge.canonical import read, to_line
from safety_stream.edge.checking import OTHERWISE, REASONS_TOLD, Check, Repeat, Summary
from safety_stream.edge.entries import Entry, Reject
from safety_stream.wire.codecs import decode_report
from safety_stream.wire.reports import encode_report

EXAMPLE = Path(__file__).parents[2] / "examples" / "partners" / "council-asb"
NOW = 1_772_366_400_000
GOOD = Report(
    source="council-asb",
    source_ref="C-1",
    source_version=1,
    action="new",
    kind="asb-case",
    category="asb-noise",
    occurred_from=NOW - DAY_LENGTH,
    reported_at=NOW - DAY_LENGTH,
)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(catalogue_folder())


tokens = st.text("0123456789abcdef |é", min_size=1, max_size=70)
near = st.integers(-10 * MINUTE, 10 * MINUTE).map(lambda step: NOW + step) | st.sampled_from([0, -(10**13), 10**14])
reports = st.builds(
    Report,
    source=st.sampled_from(["council-asb", "fire", "partnership-counts", "nobody"]),
    source_ref=st.sampled_from(["C-1", "C-2", ""]),
    source_version=st.integers(1, 3),
    action=st.sampled_from(["new", "correct", "withdraw", "erase"]),
    kind=st.sampled_from(["asb-case", "fire", "aggregate-count", "none"]),
    subtype=st.sampled_from(["", "x", "y" * 40]),
    category=st.sampled_from(["asb-noise", "aggregate", "", "nothing"]),
    flags=st.lists(st.sampled_from(["a", "b", "c" * 40]), max_size=18).map(tuple),
    occurred_from=near,
    occurred_to=st.none() | near,
    precision=st.sampled_from(["instant", "day", "month"]),
    reported_at=near,
    place=st.none()
    | st.builds(
        ReportedPlace,
        uprn=st.none() | st.sampled_from(["900000000001", "12a", "9" * 14]),
        latitude=st.none() | st.floats(-100, 100),
        longitude=st.none() | st.floats(-190, 190),
        lsoa=st.none() | st.sampled_from(["E01025000", "e01"]),
        area=st.none() | st.sampled_from(["E07000117", "E06000001"]),
    ),
    parties=st.lists(st.builds(ReportedParty, role=st.just("victim"), token=st.none() | tokens), max_size=3).map(tuple),
    vehicles=st.lists(tokens, max_size=2).map(tuple),
    count=st.sampled_from([0, 1, 2, 10**7]),
    facts=st.sampled_from([(), (Fact("dash-score", "3"),), (Fact("dash-score", "many"),), (Fact("mood", "low"),)]),
)


def intake_takes(catalogue: Catalogue, sent: list[tuple[Report, bytes]]) -> list[bool]:
    """What intake alone makes of these, one after the other, as a worker gives them to it."""
    step, rows, taken = intake.make_step(catalogue, 1), MemoryRows(), []
    for number, (report, raw) in enumerate(sent):
        record = Record(
            topic=f"partner.{report.source}", partition=0, offset=number, received_at=NOW, value=decode_report(raw)
        )
        output, *_ = step(rows, [record], None)
        taken.append(isinstance(output.value, IncidentVersion))
    return taken


@given(st.lists(reports, min_size=1, max_size=4))
def test_the_verdict_on_a_report_is_that_of_intake(catalogue: Catalogue, several: list[Report]):
    check = Check(catalogue, NOW, is_history=False)
    verdicts = [check.verdict(Entry(line=line, report=report)) for line, report in enumerate(several, 1)]

    assert intake_takes(catalogue, [(one, encode_report(one)) for one in several]) == [one is None for one in verdicts]


@given(st.lists(reports, min_size=1, max_size=4))
def test_of_what_passes_as_lines_intake_refuses_nothing(catalogue: Catalogue, several: list[Report]):
    lines = "\n".join(to_line(report) for report in several).encode()
    passed = []

    def keeping(entries: list[Entry | Reject]):
        rejected = {reject.line for reject in Check(catalogue, NOW, is_history=False).rejects(entries, Summary())}
        passed.extend(one.report for one in entries if isinstance(one, Entry) and one.line not in rejected)

    keeping(list(read(io.BytesIO(lines))))

    assert all(intake_takes(catalogue, [(one, encode_report(one)) for one in passed]))


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (Entry(line=1, report=GOOD, received_at=None), "received_at is missing"),
        (Entry(line=1, report=GOOD, received_at=NOW + DAY_LENGTH), "received_at is more than 5 minutes ahead"),
        (Entry(line=1, report=GOOD, received_at=NOW, details={"fire": {}}), "schema-violation: details of another"),
        (Entry(line=1, report=GOOD, received_at=NOW, details={"asb_case": {"x": 1}}), "asb_case"),
        (
            Entry(line=1, report=GOOD, received_at=NOW, details={"asb_case": {"actions": ["a" * 99] * 9_999}}),
            "oversize: ",
        ),
    ],
)
def test_history_and_details_are_held_to_what_ingest_and_the_schema_hold_them_to(
    catalogue: Catalogue, entry: Entry, reason: str
):
    verdict = Check(catalogue, NOW, is_history=True).verdict(entry)

    assert verdict is not None
    assert verdict.reason.startswith(reason)


def test_a_count_that_another_of_the_file_holds_already_is_told(catalogue: Catalogue):
    count = msgspec.structs.replace(
        GOOD,
        source="partnership-counts",
        kind="aggregate-count",
        category="aggregate",
        place=ReportedPlace(area="E07000117"),
    )
    check = Check(catalogue, NOW, is_history=False)
    again = msgspec.structs.replace(count, source_ref="C-2")

    assert check.verdict(Entry(line=1, report=count)) is None
    verdict = check.verdict(Entry(line=2, report=again))
    assert verdict is not None
    assert verdict.reason.startswith("overlapping-period: ")


def test_what_names_no_area_and_what_lies_outside_is_counted_and_taken(catalogue: Catalogue):
    places = [
        None,
        ReportedPlace(uprn="900000000001"),
        ReportedPlace(area="E07000117"),
        ReportedPlace(area="E08000035"),
    ]
    reports = [
        msgspec.structs.replace(GOOD, source_ref=f"C-{number}", place=place) for number, place in enumerate(places)
    ]
    # What takes a report back counts nowhere anyhow.
    reports.append(msgspec.structs.replace(GOOD, source_ref="C-9", action="withdraw"))
    summary = Summary()
    entries = [Entry(line=line, report=report) for line, report in enumerate(reports, 1)]

    assert list(Check(catalogue, NOW, is_history=False).rejects(entries, summary)) == []
    assert (summary.taken, summary.claiming, summary.without_area, summary.outside) == (5, 4, 2, 1)


def summary_of(catalogue: Catalogue, *reports: Report) -> Summary:
    summary = Summary()
    check = Check(catalogue, NOW, is_history=True)
    entries = [Entry(line=line, report=one, received_at=NOW - line) for line, one in enumerate(reports, 2)]
    assert list(check.rejects(entries, summary)) == []
    return summary


def test_a_reference_that_comes_twice_in_one_version_is_told_with_both_lines(catalogue: Catalogue):
    other = msgspec.structs.replace(GOOD, category="asb-vehicle")
    # Of these each has its place: another reference, another version, and what takes the first one back.
    apart = [
        msgspec.structs.replace(GOOD, source_ref="C-2"),
        msgspec.structs.replace(other, source_version=2),
        msgspec.structs.replace(GOOD, action="withdraw"),
    ]
    summary = summary_of(catalogue, GOOD, *apart, GOOD, other)

    assert (summary.taken, summary.repeated, summary.conflicting) == (6, 1, 1)
    assert summary.repeats == [
        Repeat(line=6, before=2, is_same=True),
        Repeat(line=7, before=2, is_same=False),
    ]
    # As the register has it: the one outranks nothing, and of the two that differ one does, whichever comes first.
    same, first, second = versions(catalogue, GOOD, GOOD, other)[:3]
    assert not outranks(first, same)
    assert outranks(first, second) != outranks(second, first)


def versions(catalogue: Catalogue, *reports: Report) -> list[IncidentVersion]:
    check = intake.checker(catalogue)
    return [check(one, f"partner.{one.source}", NOW) for one in reports]


def test_only_so_many_reports_are_remembered_and_only_the_first_repeats_are_named(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(checking, "REMEMBERED", 3)
    many = [msgspec.structs.replace(GOOD, source_ref=f"C-{number}") for number in range(8)]

    assert summary_of(catalogue, *many, *many[-3:]).repeated == 3
    assert summary_of(catalogue, *many, many[0]).repeated == 0
    repeated = summary_of(catalogue, *[GOOD] * 9)
    assert (repeated.repeated, len(repeated.repeats)) == (8, 5)


def test_reasons_are_counted_the_commonest_first_and_never_without_bound():
    summary = Summary()
    for line, reason in enumerate(["a", "b", "b", *(f"once {number}" for number in range(REASONS_TOLD + 5))], 1):
        summary.count(Reject(line=line, reason=reason))
    reasons = summary.reasons()

    assert (reasons[0].reason, reasons[0].count, reasons[0].lines) == (OTHERWISE, 7, [102, 103, 104, 105, 106])
    assert (reasons[1].reason, reasons[1].lines) == ("b", [2, 3])
    assert len(reasons) == REASONS_TOLD + 1


class TestCommand:
    """`edge check`."""

    def run(self, *words: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["edge", "check", *words])
        return result.exit_code, result.stdout

    def test_it_says_what_would_be_rejected_and_exits_1(self, tmp_path: Path):
        rejects = tmp_path / "rejects.jsonl"
        mapping = str(EXAMPLE / "mapping.yaml")
        code, told = self.run(str(EXAMPLE / "cases.csv"), "--mapping", mapping, "--json", "--rejects", str(rejects))
        summary = msgspec.json.decode(told)

        assert (code, summary["taken"], summary["rejected"]) == (1, 4, 1)
        assert [(one["count"], one["lines"]) for one in summary["reasons"]] == [(1, [5])]
        assert msgspec.json.decode(rejects.read_bytes())["line"] == 5

    def test_it_says_how_many_lines_no_district_would_have_and_exits_0(self, tmp_path: Path):
        file = tmp_path / "reports.jsonl"
        places = [None, ReportedPlace(uprn="900000000001"), ReportedPlace(area="E08000035")]
        lines = [
            to_line(msgspec.structs.replace(GOOD, source_ref=f"C-{number}", place=place), NOW)
            for number, place in enumerate(places)
        ]
        file.write_text("\n".join(lines))

        code, told = self.run(str(file), "--format", "canonical", "--json")
        summary = msgspec.json.decode(told)
        assert (code, summary["taken"], summary["without_area"], summary["outside"]) == (0, 3, 2, 1)
        said = CliRunner().invoke(app, ["edge", "check", str(file), "--format", "canonical"]).stderr
        assert "reports.jsonl: 2 of 3 lines name no area: they count in no district\n" in said
        assert "reports.jsonl: 1 of 3 lines names no district of this county: it counts as Outside Lancashire\n" in said

    def test_it_says_which_lines_change_nothing_and_exits_0(self, tmp_path: Path):
        file = tmp_path / "reports.jsonl"
        placed = msgspec.structs.replace(GOOD, place=ReportedPlace(area="E07000117"))
        other = msgspec.structs.replace(placed, category="asb-vehicle")
        file.write_text("\n".join([to_line(one, NOW) for one in (placed, placed, other)]))

        result = CliRunner().invoke(app, ["edge", "check", str(file), "--format", "canonical"])
        assert result.exit_code == 0
        assert result.stderr.splitlines()[-3:] == [
            "reports.jsonl:2: has the reference and version of line 1 and says the same: it changes nothing",
            f"reports.jsonl:3: {Repeat(line=3, before=1, is_same=False)}",
            "reports.jsonl: 3 lines would be taken (1 of them changes nothing), 0 rejected",
        ]
        summary = msgspec.json.decode(self.run(str(file), "--format", "canonical", "--json")[1])
        assert (summary["taken"], summary["repeated"], summary["conflicting"]) == (3, 1, 1)
        assert summary["repeats"][0] == {"line": 2, "before": 1, "is_same": True}

    def test_it_exits_0_where_every_line_would_be_taken(self, tmp_path: Path):
        file = tmp_path / "reports.jsonl"
        file.write_text(to_line(GOOD, NOW))

        assert self.run(str(file), "--format", "canonical")[0] == 0
        assert self.run(str(file), "--format", "police-uk")[0] == 1
        assert self.run(str(file))[0] == 1
