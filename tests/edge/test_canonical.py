"""Canonical lines: what goes out comes back, and what is refused is refused with its line and in words."""

import gzip
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety_stream.core.model.facts import Fact
from safety_stream.core.model.reports import Report, ReportedParty, ReportedPlace
from safety_stream.edge.canonical import LINE_BYTES_MAX, parse, read, to_line
from safety_stream.edge.entries import Details, Entry, Reject, UnreadableFile

NINE = 1_772_355_600_000
LINE = {
    "source": "council-asb",
    "source_ref": "case-4711",
    "source_version": 1,
    "action": "new",
    "kind": "asb-case",
    "category": "asb-noise",
    "occurred_from": "2026-03-01T09:00:00Z",
    "reported_at": "2026-03-01T09:30:00+00:00",
}

tokens = st.text("0123456789abcdef", min_size=1, max_size=64)
words = st.text("abcdefghijklmnopqrstuvwxyz-", max_size=20)
instants = st.integers(-(10**12), 4 * 10**12)
places = st.builds(
    ReportedPlace,
    uprn=st.none() | st.just("900000000012"),
    easting=st.none() | st.integers(0, 700_000),
    latitude=st.none() | st.floats(-90, 90),
    longitude=st.none() | st.floats(-180, 180),
    snapped=st.booleans(),
    lsoa=st.none() | st.just("E01012571"),
)
parties = st.builds(
    ReportedParty, role=st.sampled_from(["victim", "suspect"]), token=st.none() | tokens, child=st.booleans()
)
reports = st.builds(
    Report,
    source=st.just("council-asb"),
    source_ref=st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20),
    source_version=st.integers(1, 9),
    action=st.sampled_from(["new", "correct", "withdraw"]),
    kind=st.just("asb-case"),
    subtype=words,
    category=words,
    flags=st.lists(words, max_size=3).map(tuple),
    grade=st.none() | st.sampled_from("ABCDE"),
    occurred_from=instants,
    occurred_to=st.none() | instants,
    precision=st.sampled_from(["instant", "day", "month"]),
    reported_at=instants,
    place=st.none() | places,
    parties=st.lists(parties, max_size=3).map(tuple),
    vehicles=st.lists(tokens, max_size=2).map(tuple),
    group=st.none() | tokens,
    count=st.integers(1, 5),
    facts=st.dictionaries(
        st.sampled_from(["dash-score", "found-area", "x", "y"]),
        st.integers(1 - 10**15, 10**15 - 1).map(str)
        | st.from_regex(r"[a-z0-9-]{1,12}", fullmatch=True)
        | st.sampled_from(["true", "false", "007", "-0", "null", "1e3"]),
    ).map(lambda facts: tuple(Fact(*one) for one in sorted(facts.items()))),
)


@given(report=reports, received_at=st.none() | instants)
def test_what_is_written_reads_back(report: Report, received_at: int | None) -> None:
    assert parse(to_line(report, received_at)) == Entry(line=1, report=report, received_at=received_at)


def test_times_may_be_text_or_milliseconds() -> None:
    in_text = parse(json.dumps(LINE))
    in_numbers = parse(json.dumps(LINE | {"occurred_from": NINE, "reported_at": NINE + 1_800_000}))

    assert in_text == in_numbers
    assert isinstance(in_text, Entry)
    assert in_text.report.occurred_from == NINE


def test_details_come_with_the_report_and_name_themselves_in_it() -> None:
    details: Details = {"asb_case": {"case_ref": "case-4711", "complained_on": "2026-03-01"}}
    entry = parse(json.dumps(LINE | {"details": details}))

    assert isinstance(entry, Entry)
    assert (entry.details, entry.report.details) == (details, ("asb_case",))
    assert parse(to_line(entry.report, None, entry.details)) == entry


def test_facts_are_numbers_words_and_yes_or_no() -> None:
    entry = parse(json.dumps(LINE | {"facts": {"dash-score": 15, "colour": "red", "armed": True, "late": False}}))

    assert isinstance(entry, Entry)
    assert entry.report.facts == (
        Fact("armed", "true"), Fact("colour", "red"), Fact("dash-score", "15"), Fact("late", "false")
    )  # fmt: skip
    assert json.loads(to_line(entry.report))["facts"] == {
        "armed": True, "colour": "red", "dash-score": 15, "late": False
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"facts": [15]}, "field facts: input should be an object"),
        ({"facts": {"dash-score": 15.5}}, "field facts.#1: write a whole number of at most 15 digits, a word in kebab"),
        ({"facts": {"x": 1, "dash-score": 10**15}}, "field facts.#2: write a whole number of at most 15 digits"),
        ({"facts": {"colour": "Some Body"}}, "field facts.#1: write a whole number"),
        ({"facts": {"colour": None}}, "field facts.#1: write a whole number"),
        ({"facts": {"colour": ["red"]}}, "field facts.#1: write a whole number"),
        ({"facts": {"Some Body": 1}}, "field facts: the name of a fact is in kebab case"),
        ({"kind": None}, "field kind: input should be a valid string"),
        ({"actoin": "new"}, "field #9: no such field; nearest is action; see docs/conformance.md, What goes in"),
        ({"place": {"uprn": "1", "towm": "Leeds"}}, "field place.#2: no such field; see docs/conformance.md, What"),
        ({"details": {"asb_case": {}, "Some Body": 1}}, "field details.#2: input should be an object"),
        ({"source": "Some Body"}, "field source: string should match pattern"),
        ({"occurred_from": "1 March 2026"}, "field occurred_from: write ISO 8601 with a zone"),
        ({"occurred_from": "2026-03-01T09:00:00"}, "field occurred_from: write ISO 8601 with a zone"),
        ({"occurred_from": 1.5}, "field occurred_from: input should be a valid integer"),
        ({"action": "delete"}, "field action: input should be 'new', 'correct'"),
        ({"source_version": 0}, "field source_version: input should be greater than or equal to 1"),
        ({"place": {"uprn": "12 High Street"}}, "field place.uprn: string should match pattern"),
        (
            {"parties": [{"role": "victim", "token": "two words"}]},
            "field parties.0.token: a token is a keyed hash without spaces, never a name or a number",
        ),
    ],
)
def test_a_wrong_line_is_rejected_in_words(change: dict[str, object], reason: str) -> None:
    reject = parse(json.dumps(LINE | change), 7)

    assert isinstance(reject, Reject)
    assert reject.line == 7
    assert reject.reason.startswith(reason)


@pytest.mark.parametrize(
    "change",
    [
        {"parties": [{"role": "victim", "token": "Some Body"}], "kind": "Some Body"},
        dict.fromkeys(LINE, "Some Body"),
        {"Some Body": "Some Body"},
        {"parties": [{"role": "victim", "Some Body": 1}], "place": {"Some Body": 1}},
        {"details": {"Some Body": 1}},
        {"facts": {"Some Body": "some"}},
        {"facts": {"Some Body": "Some Body", "some": "Some Body", "x": {"Some Body": 1}}},
    ],
)
def test_a_reason_repeats_neither_a_value_nor_an_unknown_name(change: dict[str, object]) -> None:
    reject = parse(json.dumps(LINE | change))

    assert isinstance(reject, Reject)
    assert "Some" not in reject.reason


@pytest.mark.parametrize("value", ["1" * 4_300, "1" * 4_301, "[" * 150 + "]" * 150, "[" * 9_000, "NaN"])
def test_whatever_an_unknown_field_holds_is_no_reason_to_stop(value: str) -> None:
    text = json.dumps(LINE | {"Some Body": 0}).replace("0}", value + "}")

    assert isinstance(parse(text), Reject)


def test_a_line_of_another_kind_is_not_told_fault_by_fault() -> None:
    reject = parse(json.dumps({f"Some Body {number}": number for number in range(1_000)}))

    assert isinstance(reject, Reject)
    assert reject.reason.endswith("; and 1002 more")
    assert len(reject.reason) < 500


@pytest.mark.parametrize("text", ["{", "nonsense", '{"source": "council-asb"', b"\xff\xfe"])
def test_a_line_that_is_not_json_says_so(text: str | bytes) -> None:
    assert parse(text) == Reject(line=1, reason="not a line of JSON: one complete object per line")


def test_a_line_that_is_no_object_says_so() -> None:
    assert parse("[1, 2]") == Reject(line=1, reason="not a JSON object with named fields")


def test_lines_are_counted_through_empty_broken_and_endless_ones() -> None:
    good = json.dumps(LINE).encode()
    endless = b'"' + b"x" * (2 * LINE_BYTES_MAX) + b'"'
    file = io.BytesIO(b"\n".join([good, b"", b"{", endless, good]))

    assert [(entry.line, isinstance(entry, Entry)) for entry in read(file)] == [
        (1, True),
        (3, False),
        (4, False),
        (5, True),
    ]


def test_a_gzip_cut_short_gives_what_is_whole_and_then_says_so() -> None:
    lines = "".join(json.dumps(LINE | {"source_ref": str(number)}) + "\n" for number in range(5_000))
    packed = gzip.compress(lines.encode())
    entries = read(io.BytesIO(packed[: len(packed) // 2]))

    assert isinstance(next(entries), Entry)
    with pytest.raises(UnreadableFile, match=r"broken after line \d+"):
        list(entries)


@pytest.mark.parametrize("ref", ["", "a\nb", "a\u0000", "\u007f", "x" * 201])
def test_a_reference_is_one_line_of_text(ref: str):
    told = parse(json.dumps(LINE | {"source_ref": ref}))

    assert isinstance(told, Reject)
    assert [fault.field for fault in told.faults] == ["source_ref"]
