"""What rests on a report by way of findings: found from whatever partition, and only while it does."""

from __future__ import annotations

from itertools import permutations

import msgspec
import pytest
from tests.core.alerts.test_condition import a_finding

from safety_stream.core.model.findings import Evidence, FindingChange
from safety_stream.core.model.times import Instant
from safety_stream.core.resting import Resting
from safety_stream.core.rules.chains import DEEPEST

NOON: Instant = 1_767_700_800_000


def change(name: str, *reports: str, how: str = "raised") -> FindingChange:
    evidence = tuple(Evidence(f"o-{report}", NOON, "E07000117", (report,)) for report in reports)
    finding = msgspec.structs.replace(a_finding(name, NOON, evidence=evidence), finding_id=name)
    return FindingChange(change=how, finding=finding, as_of=NOON, cause="c")  # type: ignore[arg-type]


def read(*partitions: list[FindingChange]) -> Resting:
    resting = Resting(["r-1"])
    for _ in range(DEEPEST):
        for partition in partitions:
            for one in partition:
                resting.take(one)
    return resting


BASE, MIDDLE, TOP = change("base", "r-1", "r-2"), change("middle", "base", "r-3"), change("top", "middle")


@pytest.mark.parametrize("order", list(permutations([[BASE], [MIDDLE], [TOP], [change("other", "r-2", "r-9")]])))
def test_as_deep_as_findings_rest_on_one_another_in_whatever_order_they_are_read(order: list[list[FindingChange]]):
    resting = read(*order)

    assert resting.standing() == ["base", "middle", "top"]
    assert resting.beneath(["top"]) == resting.beneath(["r-1", "other"]) == {"r-1"}
    assert resting.beneath(["other", "r-2"]) == frozenset()
    assert resting.ever(["top"])
    assert not resting.ever(["other", "r-3"])


@pytest.mark.parametrize("order", list(permutations([0, 1, 2])))
def test_what_lost_the_report_bears_nothing_of_it_any_more_but_did(order: tuple[int, ...]):
    partitions = [[BASE, change("base", "r-2", how="updated")], [MIDDLE], [TOP]]
    resting = read(*(partitions[place] for place in order))

    assert resting.standing() == []
    assert resting.beneath(["top", "middle", "base"]) == frozenset()
    assert resting.ever(["top"])


def test_a_finding_that_is_withdrawn_stands_no_more():
    resting = read([BASE, change("base", "r-1", how="withdrawn")], [MIDDLE])

    assert resting.standing() == []
    assert resting.ever(["base"])
