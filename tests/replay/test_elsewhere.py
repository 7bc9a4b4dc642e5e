"""What is found elsewhere stands in the end as the oracle recomputes it, however and wherever it was said."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.replay.gallery import gallery
from tests.replay.running import (
    Partitioned,
    World,
    arrivals,
    cut,
    digest,
    disagreement,
    outputs,
    received,
    result_of,
    standing,
)
from tests.replay.test_stream_is_batch import GAPS, SEEDS, numbering_faults, taken_back
from tests.replay.universes import universes
from tests.trying import often

from safety_stream.core.model.reports import Report

CHAIN = {"elsewhere-base", "elsewhere-count", "elsewhere-again"}


def test_the_gallery_has_every_link_of_the_chain(linked: World):
    told = gallery()
    result = standing(linked, told)

    assert {finding.rule_id for finding in result.findings.values()} >= CHAIN
    assert disagreement(linked, told, result) == []


@settings(max_examples=often(40))
@given(reports=universes(), gaps=GAPS, sizes=st.lists(st.integers(1, 6), min_size=1, max_size=4))
def test_what_stands_is_what_the_oracle_recomputes(
    linked: World, reports: list[Report], gaps: list[int], sizes: list[int]
):
    told = received(reports, gaps)
    seen = outputs(linked, cut(arrivals(told), sizes))

    assert disagreement(linked, told, result_of(seen)) == []
    assert numbering_faults(seen) == []


@settings(max_examples=often(30))
@given(reports=universes(), gaps=GAPS, seed=SEEDS)
def test_neither_the_order_of_arrival_nor_partitions_change_it(
    linked: World, reports: list[Report], gaps: list[int], seed: int
):
    mixed = list(reports)
    Random(seed).shuffle(mixed)
    told = received(mixed, gaps)
    deployment = Partitioned(linked, seed)
    deployment.run(arrivals(told))

    assert disagreement(linked, told, result_of(deployment.outputs)) == []


@settings(max_examples=often(20))
@given(reports=universes(), gaps=GAPS)
def test_withdrawing_everything_leaves_nothing(linked: World, reports: list[Report], gaps: list[int]):
    result = standing(linked, received([*reports, *taken_back(reports)], gaps))

    assert (result.findings, result.alerts) == ({}, {})


def test_the_same_reports_give_the_same_bytes(linked: World):
    told = arrivals(gallery())

    assert digest(outputs(linked, [told])) == digest(outputs(linked, [told]))
