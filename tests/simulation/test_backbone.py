"""All stages together under every interleaving we can think of: what comes out at the end is what the oracle says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from random import SystemRandom
from typing import Any

import msgspec
import pytest
from tests.simulation.broken_loops import CommitsOffsetsOutside, MergesBeforeCommit, Trusting
from tests.trying import often

from safety_stream.core.model.alerts import AlertVersion
from safety_stream.core.model.dead_letters import DeadLetter
from safety_stream.core.model.links import PersonLink
from safety_stream.core.rules.engine import HUB_RULE
from safety_stream.core.rules.signal import asks_for_signals
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.core.stages.stage import EVERY_PARTITION, Output, Record, Rows, Step
from safety_stream.streaming.loop import assemble
from safety_stream.streaming.spec import StageSpec
from safety_stream.testing.backbone import Backbone, Deployment, plan
from safety_stream.testing.schedule import Stuck
from safety_stream.testing.simulation import Simulation, Wrong
from safety_stream.wire.records import Records

pytestmark = pytest.mark.slow

SCHEDULES = often(80)
CHUNK = 40
SOAK_SCHEDULES = 10_000
SEEDS = 60


# The first chunk is the next test's, which looks closer.
@pytest.mark.parametrize("first", range(CHUNK, SCHEDULES, CHUNK))
def test_no_schedule_ends_elsewhere_than_the_oracle_says(deployment: Deployment, first: int):
    for seed in range(first, first + CHUNK):
        Simulation(plan(seed), Backbone(deployment, seed)).run()


def test_the_first_schedules_end_so_and_are_as_rough_and_their_reports_as_telling_as_they_claim(deployment: Deployment):
    """In forty schedules every rule speaks, keys become hubs, alerts are taken back, and every stage has aborted."""
    aborted, generations, events = Counter[str](), Counter[str](), Counter[str]()
    changes, rules, letters = Counter[str](), set[str](), Counter[str]()
    wire = Records()
    for seed in range(CHUNK):
        simulation = Simulation(plan(seed), Backbone(deployment, seed))
        simulation.run()
        events.update(event.split()[1] for event in simulation.events)
        for name, group in simulation.log.groups.items():
            generations[name] += group.generation
        for topic in ("incidents", "sightings", "links", "findings", "alert-changes", "alerts.duty-officer"):
            everything = len(list(simulation.log.read(topic, "read_uncommitted")))
            aborted[topic] += everything - len(list(simulation.log.read(topic)))
        for _, _, record in simulation.log.read("alert-changes"):
            version = wire.value("alert-changes", record.value)
            assert isinstance(version, AlertVersion)
            changes[version.change] += 1
            rules.add(version.rule_id)
        for _, _, record in simulation.log.read("dead-letters.intake"):
            letter = wire.value("dead-letters.intake", record.value)
            assert isinstance(letter, DeadLetter)
            letters[letter.reason] += 1

    # Weeks are judged by their past, of which a simulation has a few days.
    speaking = {rule.id for rule in deployment.catalogue.rules} - asks_for_signals(deployment.catalogue.rules)
    assert rules == {HUB_RULE.id, *speaking}
    assert min(changes[change] for change in ("raised", "updated", "withdrawn")) > 5
    assert letters == {"unreadable-framing": CHUNK, "overlapping-period": letters["overlapping-period"]}
    assert letters["overlapping-period"] > 20
    assert min(aborted.values()) > 3
    assert min(generations[stage.name] for stage in deployment.stages) > 150
    assert min(events[event] for event in ("kill", "freeze", "stop", "storm", "stall", "night")) > 5


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_a_long_run_of_the_whole_ends_nowhere_else_either(deployment: Deployment):
    # Other seeds every time; a failure names its own.
    first = SystemRandom().randrange(10**9)
    for seed in range(first, first + SOAK_SCHEDULES):
        Simulation(plan(seed), Backbone(deployment, seed)).run()


def test_the_same_seed_lives_the_same_life(deployment: Deployment):
    first, second = (Simulation(plan(6), Backbone(deployment, 6)) for _ in range(2))
    first.run()
    second.run()

    assert first.events == second.events
    assert first.schedule.steps == second.schedule.steps
    for topic in deployment.topics:
        assert list(first.log.read(topic)) == list(second.log.read(topic))


# --- it can fail --------------------------------------------------------------------------------------------

Break = Callable[[StageSpec], StageSpec]


def breaking(stage: str, change: Callable[[Step], Step]) -> Break:
    """The deployment with another step in one of its stages."""
    return lambda spec: replace(spec, step=change(spec.step)) if spec.name == stage else spec


def remembers_in_memory(step: Step) -> Step:
    """Keeps its rows in the process: they outlive an aborted transaction, and are nobody's after a take-over."""
    rows = MemoryRows()
    return lambda _, records, idle_at: step(rows, records, idle_at)


def speaks_to_one_partition(step: Step) -> Step:
    """Says to one partition what all must hear."""

    def said(rows: Rows, records: Sequence[Record], idle_at: Any) -> list[Output]:
        return [
            msgspec.structs.replace(output, partition=0) if output.partition == EVERY_PARTITION else output
            for output in step(rows, records, idle_at)
        ]

    return said


def tells_one_partition_of_decisions(step: Step) -> Step:
    """Says to one partition only who is who."""

    def said(rows: Rows, records: Sequence[Record], idle_at: Any) -> list[Output]:
        return [
            msgspec.structs.replace(output, partition=0) if isinstance(output.value, PersonLink) else output
            for output in step(rows, records, idle_at)
        ]

    return said


def forgets_who_is_who(step: Step) -> Step:
    """Goes by a decision when it comes, and not when a report does in a later batch."""

    def said(rows: Rows, records: Sequence[Record], idle_at: Any) -> list[Output]:
        outputs = step(rows, records, idle_at)
        rows.delete(b"decided")
        return outputs

    return said


def forgets_periods(step: Step) -> Step:
    """Sees two counts of the same people only where they come in one batch."""
    return lambda _, records, idle_at: step(MemoryRows(), records, idle_at)


def drops_what_it_cannot_read(step: Step) -> Step:
    """Writes no dead letters."""
    return lambda *given: [output for output in step(*given) if not isinstance(output.value, DeadLetter)]


def judges_only_the_first_of_a_batch(step: Step) -> Step:
    """Loses the records that came together with another."""
    return lambda rows, records, idle_at: step(rows, records[:1], idle_at)


MUTANTS: dict[str, tuple[Break, dict[str, Any]]] = {
    "numbers kept in memory": (breaking("publish-alerts", remembers_in_memory), {}),
    "groups kept in memory": (breaking("link", remembers_in_memory), {}),
    "timelines kept in memory": (breaking("detect", remembers_in_memory), {}),
    "word of the feeds to one partition": (breaking("register", speaks_to_one_partition), {}),
    "word of the feeds to one partition of register": (breaking("intake", speaks_to_one_partition), {}),
    "decisions to one partition": (breaking("intake", tells_one_partition_of_decisions), {}),
    # Small batches: a report must come in a later one than the decision about it.
    "decisions forgotten": (breaking("register", forgets_who_is_who), {"batch_wait": 0.01}),
    "periods kept in memory": (breaking("intake", remembers_in_memory), {}),
    "periods forgotten": (breaking("intake", forgets_periods), {}),
    "no dead letters": (breaking("intake", drops_what_it_cannot_read), {}),
    "one record of a batch": (breaking("alert", judges_only_the_first_of_a_batch), {}),
    "store merged before commit": (
        lambda spec: spec,
        {"assemble": partial(assemble, transaction_as=MergesBeforeCommit)},
    ),
    "offsets committed outside": (
        lambda spec: spec,
        # Deaths often enough to come between the two.
        {
            "crash_rate": 0.01,
            "assemble": partial(assemble, transaction_as=CommitsOffsetsOutside, take_over_as=Trusting),
        },
    ),
    "changelog read uncommitted": (
        lambda spec: spec,
        {"assemble": partial(assemble, take_over_as=Trusting), "changelog_isolation": "read_uncommitted"},
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_backbone_with_one_defect_is_caught(deployment: Deployment, name: str):
    broken, switches = MUTANTS[name]
    noticed = next((seed for seed in range(SEEDS) if goes_wrong(deployment, seed, broken, switches)), None)

    assert noticed is not None, f"{SEEDS} schedules did not notice"


def goes_wrong(deployment: Deployment, seed: int, broken: Break, switches: dict[str, Any]) -> bool:
    """Whether a reader sees a wrong result, or a stage is given what cannot be and says so."""
    scene = Backbone(deployment, seed)
    scene.stages = [broken(spec) for spec in deployment.stages]
    try:
        Simulation(replace(plan(seed), **switches), scene).run()
    except (Wrong, ValueError):
        return True
    except Stuck:
        return False
    return False
