"""Stewards' decisions about persons, anywhere among the reports: what stands is what the oracle recomputes."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from random import Random
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.catalogue.copying import MORE_RULES
from tests.replay.running import (
    Decided,
    Partitioned,
    Told,
    World,
    arrivals,
    cut,
    disagreement,
    outputs,
    received,
    result_of,
    standing,
)
from tests.replay.universes import universes
from tests.trying import often

from safety_stream.catalogue import load_catalogue
from safety_stream.core.model.findings import Finding
from safety_stream.core.model.links import PersonLink
from safety_stream.core.model.reports import Report
from safety_stream.core.model.times import DAY_LENGTH, HOUR, Instant
from safety_stream.core.rules.findings import UNCONFIRMED

T = TypeVar("T")

TOKENS = (
    "tok-a",
    "tok-b",
    "tok-victim",
    "tok-perpetrator",
    "tok-missing",
    "tok-subject",
    "tok-reporter",
    "tok-suspect",
)
COUNTED = "possible_matches: counted\npriority:"


@pytest.fixture(scope="session")
def linked(small: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The small catalogue with rules of every type on persons; all that may count possible matches do."""
    folder = tmp_path_factory.mktemp("linked") / "catalogue"
    shutil.copytree(small.folder, folder)
    shutil.copytree(MORE_RULES, folder / "rules", dirs_exist_ok=True)
    # It closes by a finding, which would then rest on what nobody has confirmed.
    (folder / "rules" / "finding-until.yaml").unlink()
    for rule in (folder / "rules").glob("*.yaml"):
        text = rule.read_text(encoding="utf-8")
        if "possible_matches" not in text and "at_most" not in text:
            rule.write_text(text.replace("\npriority:", f"\n{COUNTED}", 1), encoding="utf-8")
    linking = folder / "persons.yaml"
    linking.write_text("persons: {merged_at_most: 3, possible_at_most: 2, source: default}\n", encoding="utf-8")
    return World(load_catalogue(folder), folder)


@st.composite
def decisions(draw: st.DrawFn) -> PersonLink:
    first, second = draw(st.permutations(TOKENS))[:2]
    return PersonLink(
        first=first,
        second=second,
        state=draw(st.sampled_from(("linked", "linked", "possible", "possible", "apart"))),
        method=draw(st.sampled_from(("steward", "probabilistic"))),
        decided_by="steward-1",
        decided_at=draw(st.integers(0, 3)) * DAY_LENGTH,
    )


DECISIONS = st.lists(decisions(), max_size=6)


def mixed(reports: Sequence[Report], links: Sequence[PersonLink], chance: Random) -> list[Told | Decided]:
    """The reports in their order, the decisions anywhere among them; each is received at the time of a neighbour."""
    told: list[Told | Decided] = list(received(reports, (0, HOUR)))
    for link in links:
        at = chance.randrange(len(told) + 1)
        now: Instant = told[at - 1].received_at if at else told[0].received_at
        told.insert(at, Decided(link, now))
    return told


@settings(max_examples=often(40))
@given(reports=universes(), links=DECISIONS, chance=st.randoms(use_true_random=False))
def test_what_stands_is_what_the_oracle_recomputes(
    linked: World, reports: list[Report], links: list[PersonLink], chance: Random
) -> None:
    told = mixed(reports, links, chance)
    result = standing(linked, told)

    assert result.dead_letters == []
    assert disagreement(linked, told, result) == []


@settings(max_examples=often(20))
@given(
    reports=universes(most=14),
    links=DECISIONS,
    chance=st.randoms(use_true_random=False),
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=3),
)
def test_it_is_the_same_over_partitions_in_pieces_and_in_another_order(
    small: World, reports: list[Report], links: list[PersonLink], chance: Random, sizes: list[int]
) -> None:
    told = mixed(reports, links, chance)
    assert disagreement(small, told, result_of(outputs(small, cut(arrivals(told), sizes)))) == []

    shuffled = list(reports)
    chance.shuffle(shuffled)
    told = mixed(shuffled, [*links, *links[:2]], chance)
    deployment = Partitioned(small, chance.randrange(1_000))
    deployment.run(arrivals(told))
    assert disagreement(small, told, result_of(deployment.outputs)) == []


@settings(max_examples=often(20))
@given(reports=universes(), links=DECISIONS, chance=st.randoms(use_true_random=False))
def test_rules_that_count_no_possible_match_find_what_they_would_without(
    small: World, reports: list[Report], links: list[PersonLink], chance: Random
) -> None:
    """And those that do find all of it too, with the same or more behind it."""
    certain = [link for link in links if link.state != "possible"]
    pairs = {frozenset((link.first, link.second)) for link in certain}
    # A possible match of a pair nobody decided otherwise about is all that differs.
    possible = [link for link in links if link.state == "possible" and {link.first, link.second} not in pairs]
    told = mixed(reports, certain, chance)
    also = [*(Decided(link, told[0].received_at) for link in possible), *told]

    without, with_them = standing(small, told).findings, standing(small, also).findings
    assert without.keys() <= with_them.keys()
    counting = {"rv-marac-escalation", "rv-marac-repeat", "rv-marac-vhr", "soc-cse"} | {
        name for name in {one.rule_id for one in with_them.values()} if name.startswith(("missing-", "soc-child-"))
    }
    assert _of_others(with_them, counting) == _of_others(without, counting)
    for name, one in with_them.items():
        is_possible = ("match", "possible") in one.facts
        assert is_possible == one.explanation.endswith(UNCONFIRMED)
        assert name in without or is_possible


def _of_others(findings: dict[str, Finding], counting: set[str]) -> dict[str, Finding]:
    return {name: one for name, one in findings.items() if one.rule_id not in counting}
