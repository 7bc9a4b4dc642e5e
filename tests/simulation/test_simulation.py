"""The loop under every interleaving we can think of: nothing lost, nothing doubled, nothing counted wrong."""

from __future__ import annotations

from random import SystemRandom

import pytest
from tests.trying import often

from safety_stream.testing.simulation import Plan, Simulation
from safety_stream.testing.toy import OUTPUTS, STAGE, Toy

SCHEDULES = often(1_000)
CHUNK = 100
SOAK_SCHEDULES = 50_000


@pytest.mark.parametrize("first", range(0, SCHEDULES, CHUNK))
def test_no_schedule_loses_doubles_or_miscounts(first: int):
    for seed in range(first, first + CHUNK):
        Simulation(Plan.of(seed), Toy(seed)).run()


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_a_long_run_finds_nothing_either():
    # Other seeds every time; a failure names its own.
    first = SystemRandom().randrange(10**9)
    for seed in range(first, first + SOAK_SCHEDULES):
        Simulation(Plan.of(seed), Toy(seed)).run()


def test_the_same_seed_lives_the_same_life():
    first, second = (Simulation(Plan.of(6), Toy(6)) for _ in range(2))
    first.run()
    second.run()

    assert first.events == second.events
    assert first.schedule.steps == second.schedule.steps
    assert list(first.log.read(OUTPUTS)) == list(second.log.read(OUTPUTS))


def test_the_schedules_are_as_rough_as_they_claim():
    aborted, generations, fenced, starts = 0, 0, 0, 0
    for seed in range(60):
        simulation = Simulation(Plan.of(seed), Toy(seed))
        simulation.run()
        everything = len(list(simulation.log.read(OUTPUTS, "read_uncommitted")))
        aborted += everything - len(list(simulation.log.read(OUTPUTS)))
        generations += simulation.log.groups[STAGE].generation
        fenced += len(simulation.fatal)
        starts += sum("start" in event for event in simulation.events)

    assert aborted > 100
    assert generations > 200
    assert starts > 150
    assert fenced >= 1
