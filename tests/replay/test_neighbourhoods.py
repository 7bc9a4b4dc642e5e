"""What several agencies tell of neighbourhoods, about the edges of stretches of time: the oracle agrees.

Reports that merge need not begin in one stretch. Where the occurrence completes, what is in its evidence, and what one
alert says of all stretches, must follow from the final reports alone, whichever partition judges what.
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
from safety_stream.core.model.stretches import subject_of
from safety_stream.core.model.times import DAY_LENGTH, HOUR, MINUTE

SEEDS = 120
CHUNK = 40
STRETCH = 92 * DAY_LENGTH
EDGE = 223 * STRETCH
"""The first instant of a stretch, in March 2026."""

BURNLEY, HOME = "E07000117", "900000000001"
RULES = ("soc-drug-cluster", "soc-violence-unreported")
VIOLENCE = (
    *[("ed-assaults", "violence")] * 3,
    ("ambulance", "violence"),
    ("police-crimes", "violence"),
)
SUPPLY = (
    *(("council-asb", "asb-drugs"), ("council-asb", "discarded-needles"), ("police-incidents", "asb-vehicle")),
    ("police-crimes", "drugs"),
)


def histories(seed: int) -> list[Report]:
    """Violence, or signs of drug supply, in one or two LSOAs; some corrected or withdrawn, in any order."""
    random = Random(seed)
    half = VIOLENCE if seed % 2 else SUPPLY
    told = [report for number in range(20) for report in _versions(random, half, number)]
    return random.sample(told, len(told))


def _versions(random: Random, half: tuple[tuple[str, str], ...], number: int) -> list[Report]:
    source, category = random.choice(half)
    actions = random.choice((*[("new",)] * 6, ("new", "correct"), ("new", "withdraw")))
    return [_sign(random, source, category, number, version, action) for version, action in enumerate(actions, start=1)]


def _sign(random: Random, source: str, category: str, number: int, version: int, action: str) -> Report:
    begins = EDGE + random.choice((-14, -4, -2, -1, 0, 0, 0, 0, 0, 0, 1, 2)) * DAY_LENGTH
    begins += random.choice((-HOUR, -20 * MINUTE, -1, 0, 20 * MINUTE, HOUR - 1))
    # What the police know begins it, in the stretch before as often as not.
    begins -= 20 * MINUTE if source == "police-crimes" else 0
    ends = begins + random.choice((0, 0, 0, HOUR, 2 * DAY_LENGTH))
    lsoa, uprn = random.choice(("E01024855",) * 9 + ("E01024875", None)), random.choice((*[HOME] * 7, None))
    report = a_report(
        source,
        f"r{number}",
        "2026-01-01T00:00",
        category=category,
        place=ReportedPlace(area=BURNLEY, lsoa=lsoa, uprn=uprn),
        origin=random.choice(("reported",) * 7 + ("discovered",)),
        action=action,
        source_version=version,
    )
    return msgspec.structs.replace(report, occurred_from=begins, occurred_to=ends, reported_at=ends)


@pytest.mark.parametrize("first", range(0, often(80), CHUNK))
def test_whatever_merges_across_stretches_the_oracle_agrees(shipped: World, first: int):
    for seed in range(first, first + CHUNK):
        told = received(histories(seed), [HOUR])

        assert disagreement(shipped, told, standing(shipped, told)) == [], seed


def test_it_does_not_matter_which_partition_judges_which_neighbourhood(shipped: World):
    for seed in range(20):
        told = received(histories(seed), [HOUR])
        deployment = Partitioned(shipped, seed)
        deployment.run(arrivals(told))

        assert disagreement(shipped, told, result_of(deployment.outputs)) == [], seed


def test_the_reports_meet_as_they_claim(shipped: World):
    """Of both rules something is found: on both sides of the edge, of merged reports, and more than once an alert."""
    traits = ("last merged", "begun a stretch ago", "partly matched", "an alert of two stretches", *RULES)
    met = Counter(dict.fromkeys(traits, 0))
    seeds = iter(range(SEEDS))
    while min(met.values()) < 2:  # Once might be luck.
        found = standing(shipped, received(histories(next(seeds)), [HOUR])).findings.values()
        subjects: dict[tuple[str, str], set[str]] = {}
        for finding in found:
            if finding.rule_id in RULES:
                met.update(_traits(finding))
                subjects.setdefault((finding.rule_id, subject_of(finding.key)), set()).add(finding.key)
        met.update("an alert of two stretches" for keys in subjects.values() if len(keys) > 1)


def _traits(finding: Finding) -> list[str]:
    last = finding.evidence[-1]
    stretch = int(finding.key.rpartition(".")[2])
    traits = {
        finding.rule_id: True,
        "last merged": len(last.reports) > 1,
        "begun a stretch ago": last.occurred_at // STRETCH < stretch,
        "partly matched": dict(finding.facts).get("matched", "0") != "0",
    }
    return [trait for trait, holds in traits.items() if holds]
