"""A whole county ends where the oracle says, of whatever seed, in whatever order, batches, partitions and process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from tests.replay.running import (
    World,
    arrivals_of_county,
    cut,
    digest,
    disagreement,
    outputs,
    received,
    result_of,
    standing,
)
from tests.replay.test_stream_is_batch import ends_where_the_oracle_says, good, over_three_partitions_it_ends_alike

from safety_stream.core.model.times import HOUR
from safety_stream.synthetic import SyntheticReport

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("seed", [2, 3])
def test_a_county_of_another_seed_ends_where_the_oracle_says(shipped: World, seed: int):
    ends_where_the_oracle_says(shipped, seed)


def test_a_county_over_three_partitions_in_another_order_ends_where_the_oracle_says(
    shipped: World, county: list[SyntheticReport]
):
    over_three_partitions_it_ends_alike(shipped, county, seed=2)


@pytest.mark.parametrize("sizes", [(1,), (7, 1, 100), (5_000,)], ids=["one by one", "unevenly", "at once"])
def test_how_a_county_is_cut_into_batches_changes_nothing_that_stands(
    shipped: World, county: list[SyntheticReport], sizes: tuple[int, ...]
):
    result = result_of(outputs(shipped, cut(arrivals_of_county(county), sizes)))

    assert disagreement(shipped, county, result) == []


@pytest.mark.parametrize("seed", [1, 2])
def test_a_county_in_any_order_with_some_reports_sent_again_ends_where_the_oracle_says(
    shipped: World, county: list[SyntheticReport], seed: int
):
    chance = Random(seed)
    reports = good(county)
    mixed = [*reports, *chance.sample(reports, len(reports) // 20)]
    chance.shuffle(mixed)
    told = received(mixed, (HOUR, 0))

    assert disagreement(shipped, told, standing(shipped, told)) == []


_DIGEST_OF_A_COUNTY = """
from datetime import date
from tests.replay.running import arrivals_of_county, digest, outputs, shipped_world
from safety_stream.data_files import catalogue_folder
from safety_stream.synthetic import generate, read_county
county = read_county(catalogue_folder() / "synthetic" / "lancashire.yaml")
reports = generate(county, seed=11, start=date(2026, 1, 2), days=40, scale=0.04)
print(digest(outputs(shipped_world(), [arrivals_of_county(reports)])))
"""


def test_another_process_that_hashes_otherwise_gives_the_same_bytes(shipped: World, county: list[SyntheticReport]):
    """Sets and dictionaries of texts are in another order under each hash seed: none may reach an output."""
    here = digest(outputs(shipped, [arrivals_of_county(county)]))

    there = [
        subprocess.run(
            [sys.executable, "-c", _DIGEST_OF_A_COUNTY],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(("src", "."))},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        for seed in ("1", "2")
    ]

    assert there == [here, here]
