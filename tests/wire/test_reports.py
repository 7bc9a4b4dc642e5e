"""A partner's report becomes a `Report`, whatever version it was written with."""

import json
import math
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.strategies import DEGREES, INSTANTS

from safety_stream.catalogue import load_catalogue
from safety_stream.core.model.dead_letters import Refused
from safety_stream.core.model.facts import Fact
from safety_stream.core.model.reports import Report, ReportedParty, ReportedPlace
from safety_stream.core.model.times import to_instant
from safety_stream.core.stages.intake import checker
from safety_stream.data_files import catalogue_folder, schemas_folder
from safety_stream.wire.codecs import decode_report, shipped_codecs
from safety_stream.wire.framing import HEADER_LENGTH, schema_id_of
from safety_stream.wire.general import DocumentFault, General, to_datum, to_document
from safety_stream.wire.reports import (
    LARGEST_REPORT,
    SUBJECT,
    details_of,
    encode_document,
    encode_report,
    event_id,
    report_writer,
    shipped_registry,
)
from safety_stream.wire.specialised import Unsuitable

EXAMPLES = sorted((schemas_folder() / SUBJECT / "examples").glob("*.json"))
NEWEST = shipped_registry().newest(SUBJECT)
DETAILS = sorted(details_of(NEWEST.schema))
FIRST_DETAILS = sorted(details_of(shipped_registry().version(SUBJECT, 1).schema))

WORDS = st.text(max_size=20)
PLACES = st.builds(
    ReportedPlace,
    uprn=st.none() | WORDS,
    easting=st.none() | st.integers(-(2**31), 2**31 - 1),
    latitude=st.none() | DEGREES,
    longitude=st.none() | DEGREES,
    snapped=st.booleans(),
    area=st.none() | WORDS,
)
PARTIES = st.builds(ReportedParty, role=st.sampled_from(("victim", "suspect", "other")), token=st.none() | WORDS)
REPORTS = st.builds(
    Report,
    source=WORDS,
    source_ref=WORDS,
    source_version=st.integers(1, 2**31 - 1),
    action=st.sampled_from(("new", "correct", "withdraw", "erase", "restrict", "dispute")),
    kind=WORDS,
    flags=st.lists(WORDS, max_size=3).map(tuple),
    origin=st.sampled_from(("reported", "discovered")),
    grade=st.none() | st.sampled_from("ABCDE"),
    occurred_from=INSTANTS,
    occurred_to=st.none() | INSTANTS,
    precision=st.sampled_from(("instant", "day", "month")),
    reported_at=INSTANTS,
    place=st.none() | PLACES,
    parties=st.lists(PARTIES, max_size=3).map(tuple),
    vehicles=st.lists(WORDS, max_size=2).map(tuple),
    group=st.none() | WORDS,
    count=st.integers(0, 1000),
    marking=st.sampled_from(("OFFICIAL", "OFFICIAL-SENSITIVE")),
    details=st.sampled_from(FIRST_DETAILS).map(lambda name: (name,)) | st.just(()),
)


FACTS = st.lists(st.builds(Fact, WORDS, WORDS), max_size=3).map(tuple)


def a_report(**changes: object) -> Report:
    given = {
        "source": "police-crimes",
        "source_ref": "CR-1",
        "source_version": 1,
        "action": "new",
        "kind": "police-crime",
        "occurred_from": 1_767_225_600_000,
        "reported_at": 1_767_225_660_000,
    }
    return Report(**(given | changes))


@given(report=REPORTS, version=st.sampled_from((1, 2, 3)))
def test_a_report_reads_back_as_it_was_written_with_any_version(report: Report, version: int):
    assert report == decode_report(encode_report(report, version=version))


@given(report=REPORTS, facts=FACTS)
def test_facts_read_back_as_they_were_stated_whatever_details_are_filled(report: Report, facts: tuple[Fact, ...]):
    stating = msgspec.structs.replace(report, facts=facts)
    general = General(NEWEST.schema)

    raw = encode_report(stating)

    assert stating == decode_report(raw)
    assert raw[HEADER_LENGTH:] == general.write(general.read(raw[HEADER_LENGTH:]))


@given(report=REPORTS, version=st.sampled_from((1, 2, 3)))
def test_our_bytes_of_a_report_are_the_ones_fastavro_writes(report: Report, version: int):
    general = General(shipped_registry().version(SUBJECT, version).schema)
    body = encode_report(report, version=version)[HEADER_LENGTH:]

    assert body == general.write(general.read(body))


def test_all_versions_flow_mixed():
    reports = [a_report(source_ref=f"CR-{number}", details=("police_crime",)) for number in range(20)]
    raws = [encode_report(report, version=1 + number % 3) for number, report in enumerate(reports)]

    assert {1, 2, 3} == {shipped_registry().by_id(schema_id_of(raw)).version for raw in raws}
    assert reports == [decode_report(raw) for raw in raws]


def test_a_kind_added_in_the_second_version_cannot_be_written_with_the_first():
    report = a_report(kind="supervision", details=("supervision",))

    assert report == decode_report(encode_report(report))
    with pytest.raises(Unsuitable, match="no details like number 1 of those stated: it has police_incident, "):
        encode_report(report, version=1)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"action": "neu"}, "action: is none of the words"),
        ({"parties": (ReportedParty(role="victin"),)}, r"parties\[0\].role: is none of the words"),
        ({"grade": "Quiet"}, "evaluation.information_grade: is none of the words"),
        ({"source_version": "1"}, "source_version: Expected `int`, got `str`"),
        ({"flags": ("alcohol", 3)}, r"flags\[1\]: Expected `str`, got `int`"),
        ({"facts": (Fact("alcohol", 3),)}, r"facts\[0\]\[1\]: Expected `str`, got `int`"),
    ],
    ids=["action", "role", "grade", "version", "flag", "fact"],
)
def test_a_field_that_does_not_fit_is_named_and_its_value_is_not(wrong: dict[str, object], field: str):
    with pytest.raises(DocumentFault, match=field) as caught:
        encode_report(a_report(**wrong))

    assert not any(word in str(caught.value) for word in ("neu", "victin", "Quiet", "alcohol"))


@pytest.mark.parametrize(("written", "read"), [(old, new) for old in (1, 2, 3) for new in (1, 2, 3) if old != new])
def test_every_version_reads_every_other(written: int, read: int):
    writer, reader = (General(shipped_registry().version(SUBJECT, number).schema) for number in (written, read))
    raw = encode_report(a_report(details=("fire",)), version=written)

    datum = reader.read(raw[HEADER_LENGTH:], writer)

    assert "police-crime" == datum["kind"]
    assert datum["fire"] is not None


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_a_report_of_its_kind(path: Path):
    document = json.loads(path.read_text())

    report = decode_report(encode_document(document))

    assert document["kind"] == report.kind
    assert (report.kind.replace("-", "_"),) == report.details
    assert document["source_ref"] == report.source_ref


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_reads_back_as_the_document_it_was(path: Path):
    datum = to_datum(json.loads(path.read_text()), NEWEST.schema)

    again = General(NEWEST.schema).read(encode_document(json.loads(path.read_text()))[HEADER_LENGTH:])

    assert datum == again
    assert datum == to_datum(to_document(again, NEWEST.schema), NEWEST.schema)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_intake_takes_every_example(path: Path):
    """Partners copy them."""
    shipped = load_catalogue(catalogue_folder())
    report = decode_report(encode_document(json.loads(path.read_text())))

    version = checker(shipped)(report, f"partner.{report.source}", to_instant(datetime(2026, 12, 31, tzinfo=UTC)))

    assert (version.source, version.kind, version.action) == (report.source, report.kind, report.action)


@pytest.mark.parametrize("details", DETAILS)
def test_every_kind_has_two_examples(details: str):
    kind = details.replace("_", "-")

    assert len([path for path in EXAMPLES if path.name.startswith(f"{kind}-")]) >= 2


def test_details_of_two_kinds_are_both_named_for_intake_to_refuse():
    raw = encode_report(a_report(), details={"fire": {}, "police_crime": {"outcome": 4}})

    assert ("police_crime", "fire") == decode_report(raw).details


def test_native_details_are_passed_over_whatever_they_hold():
    raw = encode_report(
        a_report(), details={"hate_report": {"strands": ["RACE", "RELIGION"], "crime": True, "reporting_centre": "x"}}
    )

    assert a_report(details=("hate_report",)) == decode_report(raw)


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize(
    ("details", "facts"),
    [
        (
            {"domestic_abuse": {"dash_score": 14, "risk": "HIGH", "service": "x"}},
            {"dash-score": "14", "risk-level": "high"},
        ),
        ({"marac_referral": {"risk": "VERY_HIGH"}}, {"risk-level": "very-high"}),
        ({"marac_referral": {"risk": "UNKNOWN"}}, {}),
        ({"domestic_abuse": {"dash_score": 0, "children_in_household": 3}}, {"dash-score": "0"}),
        ({"marac_referral": {"dash_score": 300, "outcome_actions": ["a", "b"]}}, {"dash-score": "300"}),
        ({"domestic_abuse": {"dash_score": None}}, {}),
        ({"domestic_abuse": {}}, {}),
        ({"missing_episode": {"found_area": "E08000035", "looked_after": True}}, {"found-area": "e08000035"}),
        ({"assault_attendance": {"method": "KNIFE_OR_SHARP", "site_code": "x"}}, {"assault-method": "knife-or-sharp"}),
        ({"assault_attendance": {"method": "UNKNOWN"}}, {}),
    ],
)
def test_what_marked_fields_of_the_details_say_are_facts(version: int, details: dict, facts: dict[str, str]):
    raw = encode_report(a_report(), details=details, version=version)

    assert facts == {fact.name: fact.value for fact in decode_report(raw).native}


def test_the_third_version_says_where_a_missing_person_was_found():
    details = {"missing_episode": {"found_area": "x", "found_out_of_area": False, "found_distance_km": -(2**31)}}

    native = decode_report(encode_report(a_report(), details=details)).native

    assert native == (
        Fact("found-area", "x"), Fact("found-distance-km", str(-2**31)), Fact("found-out-of-area", "false")
    )  # fmt: skip
    with pytest.raises(DocumentFault, match="missing_episode: no such field: number 2"):
        encode_report(a_report(), details=details, version=2)


def test_an_older_version_has_no_place_for_facts():
    with pytest.raises(Unsuitable, match="no facts: write it with a newer one"):
        encode_report(a_report(facts=(Fact("dash-score", "14"),)), version=2)


def test_details_that_are_neither_null_nor_a_record_are_refused_with_their_field():
    raw = encode_report(a_report(), details={"marac_referral": {}})
    at = next(n for n in range(len(raw)) if decoded_but_for(raw, n, 4) == "marac_referral: neither null nor a value")

    assert raw[at] == 2


def decoded_but_for(raw: bytes, at: int, byte: int) -> str:
    """What is said of a report with another byte in this place."""
    try:
        decode_report(raw[:at] + bytes([byte]) + raw[at + 1 :])
    except Refused as refused:
        return refused.detail.partition(";")[0]
    return ""


def test_an_ungraded_evaluation_is_no_grade():
    document = json.loads((schemas_folder() / SUBJECT / "examples" / "police-incident-vehicle-seen.json").read_text())

    assert "C" == decode_report(encode_document(document)).grade
    assert decode_report(encode_document(document | {"evaluation": {}})).grade is None


@pytest.mark.parametrize("degrees", [math.nan, math.inf, -math.inf])
def test_a_place_that_is_not_a_number_is_refused(degrees: float):
    raw = encode_report(a_report(place=ReportedPlace(latitude=degrees, longitude=0.0)))

    with pytest.raises(Refused, match="latitude and longitude must be finite"):
        decode_report(raw)


def test_a_symbol_nobody_may_write_is_refused_with_its_field():
    document = to_document(General(NEWEST.schema).read(encode_report(a_report())[HEADER_LENGTH:]), NEWEST.schema) | {
        "precision": "UNKNOWN"
    }

    with pytest.raises(Refused, match="schema-violation: precision: not a symbol"):
        decode_report(encode_document(document))


def test_an_oversize_report_is_refused():
    raw = encode_report(a_report(flags=("x" * LARGEST_REPORT,)))

    with pytest.raises(Refused, match="oversize"):
        decode_report(raw)


def test_a_report_sent_again_has_the_same_event_id_and_a_new_version_another():
    assert event_id(a_report()) == event_id(a_report(kind="fire"))
    assert event_id(a_report()) != event_id(a_report(source_version=2))


def test_the_codecs_write_reports_too():
    assert encode_report(a_report()) == shipped_codecs().encode(a_report())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"sorce": "x"}, "no such field: number", id="a misspelt field"),
        pytest.param({"source": 5}, "source: text is wanted", id="a number for text"),
        pytest.param({"count": True}, "count: a whole number", id="a boolean for a number"),
        pytest.param({"count": 2**31}, "at most 32 bits", id="a number too wide"),
        pytest.param({"occurred_from": "2026-01-01T00:00:00"}, "occurred_from: a time in ISO 8601", id="no offset"),
        pytest.param({"occurred_from": "yesterday"}, "occurred_from: a time in ISO 8601", id="no time"),
        pytest.param({"action": "new"}, "action: is none of UNKNOWN, NEW", id="a word for a symbol"),
        pytest.param({"parties": [{"token": "t"}]}, "parties[0].role: is missing", id="a party without a role"),
        pytest.param({"parties": {}}, "parties: a list", id="an object for a list"),
        pytest.param({"police_crime": {"recorded_on": "1/2/2026"}}, "police_crime.recorded_on: a date", id="no date"),
    ],
)
def test_a_document_that_does_not_fit_says_where_and_what_is_wanted(change: dict[str, object], said: str):
    document = to_document(General(NEWEST.schema).read(encode_report(a_report())[HEADER_LENGTH:]), NEWEST.schema)

    with pytest.raises(DocumentFault) as caught:
        report_writer().document(document | change)

    assert said in str(caught.value)
