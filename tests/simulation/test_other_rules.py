"""The catalogue of a running deployment changes at any moment of any schedule: the oracle of the new one is right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from safety_stream.streaming.feed import Feed
from safety_stream.streaming.loop import Loop
from safety_stream.streaming.ownership import Tenure
from safety_stream.streaming.spec import Replaceable, StageSpec
from safety_stream.testing.backbone import Backbone, Deployment, plan
from safety_stream.testing.schedule import Stuck
from safety_stream.testing.simulation import Simulation, Wrong

pytestmark = pytest.mark.usefixtures("small_slices")

SEEDS = 24


class Changing(Backbone):
    """The backbone of one deployment, until its steps become those of the other."""

    def __init__(self, before: Deployment, after: Deployment, seed: int) -> None:
        super().__init__(after, seed)
        self._after = after
        self.stages: Sequence[StageSpec] = [replace(spec, step=Replaceable(spec.step)) for spec in before.stages]

    def change(self) -> None:
        for spec, after in zip(self.stages, self._after.stages, strict=True):
            assert isinstance(spec.step, Replaceable)
            spec.step.replace(after.step)


class ChangingSimulation(Simulation):
    """At some moment, while everything else happens, every worker is told to go by the other catalogue."""

    def __init__(self, scene: Changing, seed: int) -> None:
        super().__init__(plan(seed), scene)
        self._changing = scene
        self._has_changed = False
        self.schedule.spawn("change", self._change)

    def _change(self) -> None:
        # In every third life after the last event, when nothing else would make a worker look again.
        self.schedule.sleep(1.5 * self.random.random() * self.plan.events * self.plan.pause)
        self._changing.change()
        for worker in self.workers.values():
            for station in worker.stations.values():
                station.loop.look_again()
        self._has_changed = True

    def _all_done(self) -> bool:
        return self._has_changed and super()._all_done()


@pytest.mark.parametrize("seed", range(SEEDS))
def test_no_schedule_ends_elsewhere_than_the_oracle_of_the_new_catalogue_says(
    deployment: Deployment, changed: Deployment, seed: int
):
    ChangingSimulation(Changing(deployment, changed, seed), seed).run()


def looks_at_nothing_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Loop, "look_again", lambda self: None)


def has_never_more_to_do(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Feed, "_left_to_do", lambda self: None)
    patch.setattr(Tenure, "has_more", property(lambda self: False, lambda self, _: None), raising=False)


@pytest.mark.parametrize("broken", [looks_at_nothing_again, has_never_more_to_do])
def test_a_defect_is_noticed(
    deployment: Deployment,
    changed: Deployment,
    broken: Callable[[pytest.MonkeyPatch], None],
    monkeypatch: pytest.MonkeyPatch,
):
    broken(monkeypatch)

    def some_lives() -> None:
        for seed in range(60):
            ChangingSimulation(Changing(deployment, changed, seed), seed).run()

    with pytest.raises((Wrong, Stuck)):
        some_lives()
