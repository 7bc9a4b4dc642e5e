"""Versions of the schema flow mixed; what cannot be read becomes one dead letter, and its neighbours pass."""

from __future__ import annotations

import pytest
from tests.replay.running import World, by_topic, outputs, received, result_of, standing
from tests.replay.telling import a_report, at

from safety_stream.core.model.dead_letters import DeadLetter
from safety_stream.core.model.incidents import IncidentVersion
from safety_stream.core.model.reports import Report
from safety_stream.core.stages.stage import Output, Unreadable
from safety_stream.replay import Arrival
from safety_stream.synthetic import SyntheticReport
from safety_stream.wire.codecs import shipped_codecs
from safety_stream.wire.framing import header
from safety_stream.wire.records import Records
from safety_stream.wire.reports import LARGEST_REPORT, details_of, encode_report, shipped_registry

NOON = at("2026-01-05T12:00")
TOPIC = "backfill.police-crimes"


def a_crime(number: int, **more: object) -> Report:
    return a_report("police-crimes", f"r{number}", "2026-01-05T11:00", people={"victim": "tok-a"}, **more)


GOOD = encode_report(a_crime(0))
SUBJECTS = sorted(set(shipped_registry().subjects()) - {"incident-report"})


def incidents(seen: dict[str, list[Output]]) -> list[IncidentVersion]:
    return [output.value for output in seen["incidents"] if isinstance(output.value, IncidentVersion)]


def by_topics(world: World, *raws: bytes) -> dict[str, list[Output]]:
    return by_topic(outputs(world, [[Arrival(TOPIC, raw, NOON) for raw in raws]]))


def test_all_versions_of_the_schema_flow_mixed(shipped: World):
    """The same reports end alike, whichever of them an older partner wrote."""
    reports = [a_crime(number, details=("police_crime",)) for number in range(20)]
    mixed = [encode_report(report, version=1 + number % 3) for number, report in enumerate(reports)]
    newest = [encode_report(report) for report in reports]

    seen = by_topics(shipped, *mixed)

    assert "dead-letters.intake" not in seen
    assert {1, 2, 3} == {shipped_registry().by_id(int.from_bytes(raw[1:5], "big")).version for raw in mixed}
    assert seen == by_topics(shipped, *newest)
    assert len(incidents(seen)) == 20


FIRST_DETAILS = details_of(shipped_registry().version("incident-report", 1).schema).keys()


def as_an_older_partner(report: Report, number: int) -> bytes:
    """The bytes of every other report as the first version writes them, if it has a place for all of it."""
    is_older = number % 2 and not report.facts and set(report.details) <= FIRST_DETAILS
    return encode_report(report, version=1 if is_older else None)


def test_a_county_half_written_with_the_first_version_ends_alike(shipped: World, county: list[SyntheticReport]):
    told = received(one.report for one in county if one.refused is None and one.report is not None)
    mixed = [
        Arrival(f"backfill.{one.report.source}", as_an_older_partner(one.report, number), one.received_at)
        for number, one in enumerate(told)
    ]

    one, other = result_of(outputs(shipped, [mixed])), standing(shipped, told)

    assert len({arrival.value[:5] for arrival in mixed}) == 2
    assert one.dead_letters == other.dead_letters == []
    assert (one.findings, one.alerts, one.indicators) == (other.findings, other.alerts, other.indicators)


BROKEN = {
    "an id nobody registered": (header(60_000) + GOOD[5:], "unknown-schema"),
    "cut short": (GOOD[:-1], "schema-violation"),
    "cut after the id": (GOOD[:5], "schema-violation"),
    "cut within the id": (GOOD[:3], "unreadable-framing"),
    "no framing": (b"\x7b" + GOOD[1:], "unreadable-framing"),
    "too large": (GOOD + b"\x00" * LARGEST_REPORT, "oversize"),
    "empty": (b"", "empty"),
    **{
        f"an id of subject {subject}": (header(shipped_registry().newest(subject).id) + GOOD[5:], "unknown-schema")
        for subject in SUBJECTS
    },
}


@pytest.mark.parametrize(("raw", "reason"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_record_is_one_dead_letter_and_its_neighbours_pass(shipped: World, raw: bytes, reason: str):
    seen = by_topics(shipped, encode_report(a_crime(1)), raw, *(encode_report(a_crime(number)) for number in (2, 3)))

    (letter,) = [output.value for output in seen["dead-letters.intake"]]
    assert isinstance(letter, DeadLetter)
    assert (letter.reason, letter.value, letter.topic, letter.offset) == (reason, raw, TOPIC, 1)
    assert (letter.stage, letter.received_at, letter.attempts) == ("intake", NOON, 1)
    assert letter.detail
    assert [version.source_version for version in incidents(seen)] == [1, 1, 1]
    assert [one.value.finding.rule_id for one in seen["findings"]].count("rv-graded") == 1


@pytest.mark.parametrize(
    ("topic", "stage"),
    [
        ("incidents", "register"),
        ("sightings", "detect"),
        ("tallies", "measure"),
        ("findings", "alert"),
        ("alert-changes", "handle"),
        ("handled-alerts", "publish-alerts"),
        ("indicator-values", "judge"),
    ],
)
@pytest.mark.parametrize("raw", [GOOD, b"nothing"], ids=["a-report", "no-bytes-of-ours"])
def test_an_inner_stage_stops_at_what_it_cannot_read(shipped: World, topic: str, stage: str, raw: bytes):
    """What we wrote ourselves is never left out: everything after a missing difference would be wrong."""
    with pytest.raises(Unreadable, match=f"{stage} cannot go on: {topic}"):
        outputs(shipped, [[Arrival(topic, raw, NOON)]])


def test_a_dead_letter_can_be_written_and_read_as_it_was(shipped: World):
    (output,) = by_topics(shipped, b"\xff\x00 not text")["dead-letters.intake"]
    wire = Records()

    assert wire.value(output.topic, shipped_codecs().encode(output.value)) == output.value
