"""What several agencies tell of one attack, about the edges of cells and of stretches of time: the oracle agrees.

Reports that merge need not lie in one cell, nor begin in one stretch. Where the occurrence completes, what is in its
evidence and what is not, must follow from the final reports alone.
"""

from __future__ import annotations

from collections import Counter
from random import Random

import msgspec
import pytest
from tests.replay.running import Partitioned, World, arrivals, disagreement, received, result_of, standing
from tests.replay.telling import a_report
from tests.trying import often

from safety_stream.core.model.findings import Finding
from safety_stream.core.model.reports import Report, ReportedPlace
from safety_stream.core.model.times import DAY_LENGTH, HOUR, MINUTE

SEEDS = 240
CHUNK = 60
STRETCH = 92 * DAY_LENGTH
EDGE = 223 * STRETCH
"""The first instant of a stretch, in March 2026."""

BURNLEY, PENDLE, HOME = "E07000117", "E07000122", "900000000001"


def histories(seed: int) -> list[Report]:
    """Eight reports of violence by police, ambulance and hospital, some corrected or withdrawn, in any order."""
    random = Random(seed)
    told = [report for number in range(8) for report in _versions(random, number)]
    return random.sample(told, len(told))


def _versions(random: Random, number: int) -> list[Report]:
    source = random.choice(("police-crimes", "ambulance", "ed-assaults"))
    actions = random.choice((*[("new",)] * 4, ("new", "correct"), ("new", "withdraw")))
    return [_attack(random, source, number, version, action) for version, action in enumerate(actions, start=1)]


def _attack(random: Random, source: str, number: int, version: int, action: str) -> Report:
    begins = EDGE + random.choice((-92, -14, -2, 0, 0, 0, 0, 1)) * DAY_LENGTH
    begins += random.choice((-HOUR, -20 * MINUTE, -1, 0, 20 * MINUTE, HOUR - 1))
    # Some last so long that what begins a stretch later is still the same.
    ends = begins + random.choice((0, 0, 0, HOUR, 2 * DAY_LENGTH, 190 * DAY_LENGTH))
    report = a_report(
        source,
        f"r{number}",
        "2026-01-01T00:00",
        flags=random.choice((*[("weapon",)] * 7, ())),
        place=_place(random),
        origin=random.choice(("reported", "reported", "discovered")),
        action=action,
        source_version=version,
    )
    return msgspec.structs.replace(report, occurred_from=begins, occurred_to=ends, reported_at=ends)


def _place(random: Random) -> ReportedPlace:
    """About the corner of four cells; one address has several points, some in cells that do not touch, and none."""
    area, uprn = random.choice((BURNLEY, PENDLE)), random.choice((None, HOME))
    if random.random() < 1 / 8:
        return ReportedPlace(area=area, uprn=HOME)
    easting = random.choice((383_999, 384_000, 384_000, 384_090, 384_400, 386_000))
    northing, snapped = random.choice((431_999, 432_000)), random.random() < 1 / 8
    return ReportedPlace(area=area, uprn=uprn, easting=easting, northing=northing, snapped=snapped)


@pytest.mark.parametrize("first", range(0, often(120), CHUNK))
def test_whatever_merges_across_cells_and_stretches_the_oracle_agrees(shipped: World, first: int):
    for seed in range(first, first + CHUNK):
        told = received(histories(seed), [HOUR])

        assert disagreement(shipped, told, standing(shipped, told)) == [], seed


def test_it_does_not_matter_which_partition_judges_which_cell(shipped: World):
    for seed in range(40):
        told = received(histories(seed), [HOUR])
        deployment = Partitioned(shipped, seed)
        deployment.run(arrivals(told))

        assert disagreement(shipped, told, result_of(deployment.outputs)) == [], seed


def test_the_reports_meet_as_they_claim(shipped: World):
    """At each edge something is found: reports merge, across stretches too, and some nearly count."""
    met = Counter(dict.fromkeys(("earlier merged", "last merged", "begun a stretch ago", "excluded"), 0))
    seeds = iter(range(SEEDS))
    while min(met.values()) < 2:  # Once might be luck.
        told = received(histories(next(seeds)), [HOUR])
        for finding in standing(shipped, told).findings.values():
            if finding.rule_id == "soc-retaliation" and finding.key.startswith("cell:"):
                met.update(_traits(finding))


def _traits(finding: Finding) -> list[str]:
    *earlier, last = finding.evidence
    stretch = int(finding.key.rpartition(".")[2])
    traits = {
        "earlier merged": any(len(item.reports) > 1 for item in earlier),
        "last merged": len(last.reports) > 1,
        "begun a stretch ago": last.occurred_at // STRETCH < stretch,
        "excluded": bool(finding.excluded),
    }
    return [trait for trait, holds in traits.items() if holds]
