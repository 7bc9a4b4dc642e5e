"""A quarter sent as a quarter and again as three months is counted once; what was refused can be put back."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.replay.running import Partitioned, Told, World, accepted, arrivals, cut, outputs, received, result_of
from tests.replay.telling import at, day

from safety_stream.core.model.facts import Fact
from safety_stream.core.model.reports import Report, ReportedPlace
from safety_stream.core.model.times import HOUR
from safety_stream.core.stages.stage import Output
from safety_stream.replay import Arrival
from safety_stream.testing.oracle import counting_nobody_twice
from safety_stream.testing.verdict import Witnessed, compare

AREA = "E07000117"


def a_survey(ref: str, begins: str, ends: str, asked: int, **changes: Any) -> Report:
    report = Report(
        source="partnership-counts",
        source_ref=ref,
        source_version=1,
        action="new",
        kind="aggregate-count",
        subtype="survey",
        category="aggregate",
        occurred_from=at(begins),
        occurred_to=at(ends) - 1,
        precision="month",
        reported_at=at(ends) + HOUR,
        place=ReportedPlace(area=AREA),
        facts=(Fact("survey-asked", str(asked)), Fact("survey-felt-safe", str(asked // 2))),
    )
    return msgspec.structs.replace(report, **changes)


QUARTER = a_survey("wave-1", "2026-01-01", "2026-04-01", 500)
MONTHS = [
    a_survey(f"month-{number}", f"2026-0{number}-01", f"2026-0{number + 1}-01", 100 * number) for number in (1, 2, 3)
]
AGAIN = msgspec.structs.replace(QUARTER, source_ref="wave-1-again")
NEXT = a_survey("wave-2", "2026-04-01", "2026-07-01", 40)
WITHDRAWN = msgspec.structs.replace(QUARTER, source_version=2, action="withdraw", facts=(), place=None)
SENT = received([QUARTER, *MONTHS, NEXT, AGAIN], (HOUR,))


def asked_in(result: Witnessed, starts: str = "2026-01-01") -> int:
    return result.indicators[AREA, "survey-asked", "quarter", day(starts)].value


def not_refused(world: World, told: list[Told]) -> list[dict[str, Any]]:
    return counting_nobody_twice(accepted(told), world.folder)


@pytest.mark.parametrize("sizes", [(1,), (2, 3), (100,)], ids=["one by one", "unevenly", "at once"])
def test_a_quarter_sent_again_as_months_is_counted_once(shipped: World, sizes: tuple[int, ...]):
    result = result_of(outputs(shipped, cut(arrivals(SENT), sizes)))

    assert (asked_in(result), asked_in(result, "2026-04-01")) == (500, 40)
    assert [letter.reason for letter in result.dead_letters] == ["overlapping-period"] * 4
    assert compare(result, not_refused(shipped, SENT), shipped.folder) == []


def redriven(seen: list[Output]) -> list[Arrival]:
    """Every letter back on its topic, byte for byte and under its old time, as a redrive puts it there."""
    return [
        Arrival(letter.topic, letter.value, letter.received_at)
        for letter in result_of(seen).dead_letters
        if letter.value is not None
    ]


def test_what_was_refused_is_counted_once_the_first_is_withdrawn_and_it_is_put_back(shipped: World):
    told = [*SENT[:-1], *received([WITHDRAWN], (HOUR,))]
    first = arrivals(told)
    letters = redriven(outputs(shipped, [first]))

    result = result_of(outputs(shipped, [first, letters]))

    assert len(letters) == 3
    assert (asked_in(result), len(result.dead_letters)) == (600, 3)
    assert compare(result, accepted([*told, *SENT[1:4]]), shipped.folder) == []


def test_put_back_too_early_it_is_refused_again_and_nothing_is_lost(shipped: World):
    letters = redriven(outputs(shipped, [arrivals(SENT)]))

    result = result_of(outputs(shipped, [arrivals(SENT), letters]))

    assert asked_in(result) == 500
    assert [letter.value for letter in result.dead_letters[4:]] == [letter.value for letter in letters]


@pytest.mark.parametrize("seed", range(4))
def test_however_many_partitions_and_whoever_goes_next_the_first_of_a_source_stands(shipped: World, seed: int):
    deployed = Partitioned(shipped, seed)
    deployed.run(arrivals(SENT))

    assert asked_in(result_of(deployed.outputs)) == 500
    assert compare(result_of(deployed.outputs), not_refused(shipped, SENT), shipped.folder) == []
