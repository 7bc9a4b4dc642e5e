"""What stands at the end is what the oracle recomputes from the reports alone, however they came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date
from random import Random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.replay.running import (
    Partitioned,
    Told,
    World,
    accepted,
    arrivals,
    arrivals_of_county,
    by_topic,
    cut,
    digest,
    disagreement,
    outputs,
    received,
    result_of,
    standing,
)
from tests.replay.universes import universes
from tests.trying import often

from safety_stream.core.model.dead_letters import DeadLetter
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.incidents import IncidentVersion
from safety_stream.core.model.indicators import IndicatorValue
from safety_stream.core.model.judgements import Judgement
from safety_stream.core.model.reports import Report
from safety_stream.core.model.times import DAY_LENGTH, HOUR
from safety_stream.core.stages.stage import Output
from safety_stream.data_files import catalogue_folder
from safety_stream.replay import Result
from safety_stream.synthetic import SyntheticReport, generate, read_county
from safety_stream.testing.oracle import recompute
from safety_stream.testing.verdict import compare

GAPS = st.lists(st.sampled_from((0, 0, 1, HOUR, DAY_LENGTH)), min_size=1, max_size=4)
SEEDS = st.integers(0, 2**32 - 1)


def good(county: Iterable[SyntheticReport]) -> list[Report]:
    """The reports of a county that must be accepted."""
    return [one.report for one in county if one.refused is None and one.report is not None]


# --- a whole county; in more ways in test_counties.py -------------------------------------------------------


def ends_where_the_oracle_says(shipped: World, seed: int) -> None:
    lancashire = read_county(catalogue_folder() / "synthetic" / "lancashire.yaml")
    county = list(generate(lancashire, seed=seed, start=date(2026, 1, 2), days=40, scale=0.04))

    result = result_of(outputs(shipped, [arrivals_of_county(county)]))

    assert disagreement(shipped, county, result) == []
    assert {"rv-graded", "soc-cross-district", "district-count"} <= {f.rule_id for f in result.findings.values()}


def over_three_partitions_it_ends_alike(shipped: World, county: list[SyntheticReport], seed: int) -> None:
    deployment = Partitioned(shipped, seed)
    deployment.run(arrivals_of_county(county))

    assert disagreement(shipped, county, result_of(deployment.outputs)) == []
    assert numbering_faults(deployment.outputs) == []


def test_a_county_ends_where_the_oracle_says(shipped: World):
    ends_where_the_oracle_says(shipped, seed=1)


def test_every_record_of_a_county_is_an_incident_or_a_dead_letter_and_never_both(
    shipped: World, county: list[SyntheticReport]
):
    seen = by_topic(outputs(shipped, [arrivals_of_county(county)]))

    stamped = [output.value for output in seen["incidents"] if not isinstance(output.value, FeedStatus)]
    letters = [output.value for output in seen["dead-letters.intake"]]
    assert all(isinstance(value, IncidentVersion) for value in stamped)
    assert all(isinstance(value, DeadLetter) for value in letters)
    assert Counter(one.refused for one in county if one.refused is not None) == Counter(
        letter.reason for letter in letters
    )
    assert len(stamped) + len(letters) == len(county)
    assert not [topic for topic in seen if topic.startswith("dead-letters.") and topic != "dead-letters.intake"]


def test_a_county_over_three_partitions_ends_where_the_oracle_says(shipped: World, county: list[SyntheticReport]):
    over_three_partitions_it_ends_alike(shipped, county, seed=1)


# --- small universes ----------------------------------------------------------------------------------------


@settings(max_examples=often(50))
@given(reports=universes(), gaps=GAPS)
def test_what_stands_is_what_the_oracle_recomputes(small: World, reports: list[Report], gaps: list[int]):
    told = received(reports, gaps)
    result = standing(small, told)

    assert result.dead_letters == []
    assert disagreement(small, told, result) == []


@settings(max_examples=often(30))
@given(reports=universes(), gaps=GAPS, order=st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing_that_stands(
    small: World, reports: list[Report], gaps: list[int], order: Random
):
    mixed = list(reports)
    order.shuffle(mixed)
    last = max(told.received_at for told in (*received(reports, gaps), *received(mixed, gaps)))
    end = a_last_word(last)

    one, other = [*received(reports, gaps), end], [*received(mixed, gaps), end]

    assert disagreement(small, other, standing(small, other)) == []
    assert recompute(accepted(one), small.folder) == recompute(accepted(other), small.folder)


@settings(max_examples=often(20))
@given(reports=universes(), gaps=GAPS, seed=SEEDS)
def test_reports_sent_again_change_nothing_that_stands(small: World, reports: list[Report], gaps: list[int], seed: int):
    chance = Random(seed)
    again = [report for report in reports for _ in range(chance.choice((1, 1, 2, 3)))]
    told = received(again, gaps)

    assert disagreement(small, told, standing(small, told)) == []


@settings(max_examples=often(20))
@given(reports=universes(), gaps=GAPS, sizes=st.lists(st.integers(1, 6), min_size=1, max_size=4))
def test_cutting_into_batches_changes_nothing_that_stands(
    small: World, reports: list[Report], gaps: list[int], sizes: list[int]
):
    told = received(reports, gaps)
    seen = outputs(small, cut(arrivals(told), sizes))

    assert disagreement(small, told, result_of(seen)) == []
    assert numbering_faults(seen) == []


@settings(max_examples=often(30))
@given(reports=universes(), gaps=GAPS, seed=SEEDS)
def test_splitting_into_partitions_changes_nothing_that_stands(
    small: World, reports: list[Report], gaps: list[int], seed: int
):
    told = received(reports, gaps)
    deployment = Partitioned(small, seed)
    deployment.run(arrivals(told))

    assert disagreement(small, told, result_of(deployment.outputs)) == []
    assert numbering_faults(deployment.outputs) == []


def a_last_word(at: int) -> Told:
    """A report that concerns no rule or indicator and moves every clock to the same time."""
    report = Report(
        source="probation",
        source_ref="last",
        source_version=1,
        action="new",
        kind="supervision",
        category="supervision",
        occurred_from=at,
        reported_at=at,
    )
    return Told(report, at)


# --- taking everything back ---------------------------------------------------------------------------------


def taken_back(reports: Iterable[Report]) -> list[Report]:
    """One withdrawal or erasure of each report there is, of a version above all others."""
    newest = {(report.source, report.source_ref): report for report in reports}
    return [
        msgspec.structs.replace(report, source_version=9, action=("withdraw", "erase", "restrict")[number % 3])
        for number, report in enumerate(newest.values())
    ]


def values_left(result: Result) -> list[object]:
    """The indicator values that are not nought."""
    return [value for value in result.indicators.values() if value.value]


@settings(max_examples=often(20))
@given(reports=universes(), gaps=GAPS)
def test_withdrawing_everything_leaves_nothing(small: World, reports: list[Report], gaps: list[int]):
    result = standing(small, received([*reports, *taken_back(reports)], gaps))

    assert (result.findings, result.alerts, values_left(result)) == ({}, {}, [])


@settings(max_examples=often(20))
@given(reports=universes(), gaps=GAPS)
def test_withdrawals_that_come_before_their_reports_leave_nothing_to_raise(
    small: World, reports: list[Report], gaps: list[int]
):
    seen = by_topic(outputs(small, [arrivals(received([*taken_back(reports), *reports], gaps))]))

    # Tables of all the feeds cover go out as they become final: of nothing but nought, and on record.
    tables = {topic: seen.pop(topic) for topic in [*seen] if topic.startswith("indicators.")}
    assert all(output.value.value == 0 for shown in tables.values() for output in shown)
    assert seen.keys() - {"audit.changes", "audit.collection", "audit.indicators"} == {
        "feed-status",
        "incidents",
        "indicator-values",
        "sightings",
        "tallies",
    }
    # Beside the incidents nothing is said but how far the feeds have come.
    assert all(output.key is None for topic in ("indicator-values", "sightings", "tallies") for output in seen[topic])


def test_withdrawing_a_whole_county_leaves_nothing(shipped: World, county: list[SyntheticReport]):
    reports = good(county)
    told = received([*reports, *taken_back(reports)], (HOUR,))

    result = standing(shipped, told)

    assert (result.findings, result.alerts, values_left(result)) == ({}, {}, [])
    assert len(result.indicators) > 100


# --- the same bytes -----------------------------------------------------------------------------------------


@settings(max_examples=often(10))
@given(reports=universes(), gaps=GAPS)
def test_the_same_input_twice_gives_the_same_bytes(small: World, reports: list[Report], gaps: list[int]):
    told = arrivals(received(reports, gaps))

    assert digest(outputs(small, [told])) == digest(outputs(small, [told]))


# --- numbers without gap ------------------------------------------------------------------------------------


def numbering_faults(seen: Iterable[Output]) -> list[str]:
    """Where versions, revisions or feed numbers do not count 1, 2, 3 in the order they were written."""
    counted: Counter[tuple[str, ...]] = Counter()
    faults = []
    for output in seen:
        value = output.value
        if output.topic.startswith(("alerts.", "indicators.", "audit.")):
            name, number = (output.topic, str(output.partition)), value.seq
        elif output.topic == "alert-changes":
            name, number = (output.topic, value.alert_id), value.version
        elif isinstance(value, IndicatorValue | Judgement):
            name, number = (output.topic, value.area, value.indicator, value.period, str(value.starts)), value.revision
        else:
            continue
        counted[name] += 1
        if number != counted[name]:
            faults.append(f"{' '.join(name)}: number {number} comes where {counted[name]} should")
    return faults


def test_everything_published_is_numbered_without_gap(shipped: World, county: list[SyntheticReport]):
    assert numbering_faults(outputs(shipped, cut(arrivals_of_county(county), (50,)))) == []


def test_the_comparison_itself_sees_a_lost_finding_alert_and_value(shipped: World, county: list[SyntheticReport]):
    result = result_of(outputs(shipped, [arrivals_of_county(county)]))
    result.findings.popitem()
    result.alerts.popitem()
    name = next(name for name, value in result.indicators.items() if value.value)
    del result.indicators[name]

    lines = compare(result, accepted(county), shipped.folder)

    assert sorted(line.split()[0] for line in lines)[:3] == ["alert", "finding", "indicator"]
