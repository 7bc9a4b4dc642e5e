"""An agreement begins while workers come, crash and go: what waited is told once each, however far a slice had come.

The scene is the door for alerts alone, under an agreement that begins a day after most of the alerts have come.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random

import msgspec
import pytest
from tests.core.stages.making import NOON, an_alert
from tests.simulation.test_backbone import remembers_in_memory

from safety_stream.core.audit import Chain, verified
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.alerts import AlertVersion
from safety_stream.core.model.handling import HandledAlert, Handling
from safety_stream.core.model.published import PublishedAlert
from safety_stream.core.model.sharing import Withheld
from safety_stream.core.model.times import DAY_LENGTH, day_of
from safety_stream.core.stages import publish_alerts
from safety_stream.core.stages.stage import MORE_ROW, Output, Record, Rows, Step
from safety_stream.core.withholding import StillWithheld
from safety_stream.streaming.feed import HandOver
from safety_stream.streaming.loop import Ports, Surroundings, assemble
from safety_stream.streaming.ports import Outgoing, Unobserved
from safety_stream.streaming.spec import LoopSettings, StageSpec
from safety_stream.streaming.wiring import stage_specs
from safety_stream.testing.backbone import Deployment
from safety_stream.testing.log import Log
from safety_stream.testing.simulation import Plan, Simulation, Wrong, remembered
from safety_stream.wire.codecs import shipped_codecs
from safety_stream.wire.records import Records
from safety_stream.wire.topology import members, stage

SEEDS = 80
MUTANT_SEEDS = 40
ALERTS = 12
CHANGELOG = "changelog.publish-alerts"


class Renewal:
    """The scene: versions of a few alerts, of which the last come once the agreement is in force."""

    def __init__(self, catalogue: Catalogue, seed: int) -> None:
        random = Random(seed)
        (self._spec,) = stage_specs([stage("publish-alerts")], catalogue, 1)
        self.stages: Sequence[StageSpec] = (self._spec,)
        self._feeds = members("alerts.", catalogue)
        topics = ("handled-alerts", "withheld", CHANGELOG, *self._feeds, *members("audit.", catalogue))
        self.topics: Mapping[str, int] = dict.fromkeys(topics, 1)
        self._wire = Records()
        versions = Counter[str]()
        self.records: list[Outgoing] = []
        for number in range(ALERTS * 2):
            name = f"alert-{random.randrange(ALERTS):02}" if number < ALERTS * 2 - 1 else "alert-last"
            versions[name] += 1
            has_begun = number > ALERTS * 2 - 5
            self.records.append(_news(random, name, versions[name], NOON + has_begun * DAY_LENGTH))

    def faults(self, log: Log) -> Iterator[str]:
        """See `Scene`. At the end everybody holds the newest of what stands, and of what has ended nothing."""
        withheld, still = self._values(log, "withheld", Withheld), StillWithheld()
        for one in withheld:
            still.take(one)
        if still.counts():
            yield f"still waiting: {still.counts()}"
        if any(row.startswith(b"held/") for rows in remembered(log, CHANGELOG) for row in rows):
            yield "something is kept that was told"
        yield from (fault.said for fault in verified(Chain("withheld", 0), withheld).faults)
        newest = {one.alert.alert_id: one.alert for one in self._values(log, "handled-alerts", HandledAlert)}
        stands = {name: alert.version for name, alert in newest.items() if alert.change != "withdrawn"}
        for feed in ("alerts.duty-officer", "alerts.analyst"):
            told = self._values(log, feed, PublishedAlert)
            if [one.seq for one in told] != [*range(1, len(told) + 1)]:
                yield f"{feed} is not numbered without gap"
            times = Counter((one.alert_id, one.version) for one in told)
            if times.total() != len(times):
                yield f"{feed}: told twice: {times.most_common(1)}"
            heard = {one.alert_id: one for one in told}
            held = {name: one.version for name, one in heard.items() if one.change != "withdrawn"}
            if held != stands:
                yield f"{feed}: {held} is held to be true, and it is {stands}"

    def _values(self, log: Log, topic: str, kind: type) -> list:
        values = (self._wire.value(topic, record.value) for _, _, record in log.read(topic))
        return [value for value in values if isinstance(value, kind)]


def _news(random: Random, name: str, version: int, at: int) -> Outgoing:
    change = "raised" if version == 1 else random.choice(("updated", "updated", "withdrawn"))
    alert = msgspec.structs.replace(
        an_alert(priority=random.choice(("P1", "P2", "P3")), audiences=("duty-officer", "analyst")),
        alert_id=name,
        version=version,
        change=change,
        as_of=at,
    )
    return Outgoing("handled-alerts", 0, name.encode(), shipped_codecs().encode(_handled(alert)), at)


def _handled(alert: AlertVersion) -> HandledAlert:
    what = {"raised": "raised", "updated": "told-again", "withdrawn": "withdrawn"}[alert.change]
    state = "withdrawn" if alert.change == "withdrawn" else "new"
    handling = Handling(number=alert.version, state=state, since=NOON, what=what, as_of=alert.as_of)
    return HandledAlert(alert=alert, handling=handling, notify=alert.notify, as_of=alert.as_of)


@pytest.fixture(scope="module")
def beginning(deployment: Deployment) -> Catalogue:
    """The catalogue under agreements that begin on the day after noon."""
    grants = tuple(
        msgspec.structs.replace(one, agreement=msgspec.structs.replace(one.agreement, valid_from=day_of(NOON) + 1))
        for one in deployment.catalogue.sharing.grants
    )
    sharing = msgspec.structs.replace(deployment.catalogue.sharing, grants=grants)
    return msgspec.structs.replace(deployment.catalogue, sharing=sharing)


@pytest.fixture(autouse=True)
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish_alerts, "SLICE", 2)


def plan(seed: int) -> Plan:
    """Deaths often enough to come between two slices."""
    return replace(Plan.of(seed), crash_rate=0.006)


def test_however_often_a_worker_dies_between_two_slices_everything_is_told_once(beginning: Catalogue):
    in_slices = 0
    for seed in range(SEEDS):
        simulation = Simulation(plan(seed), Renewal(beginning, seed))
        simulation.run()
        in_slices += _steps_that_told_what_waited(simulation) > 2

    assert in_slices > SEEDS / 2


def _steps_that_told_what_waited(simulation: Simulation) -> int:
    """By the mark each transaction leaves: after how many of them more was left to do."""
    left = [
        record
        for _, _, record in simulation.log.read(CHANGELOG)
        if (record.key or b"").startswith(b"waiting/") and record.value is not None
    ]
    waits = [msgspec.msgpack.decode(record.value, type=publish_alerts.Waiting) for record in left]
    return len({one.reached for one in waits if one.reached})


class Heard(Unobserved):
    """Keeps how many alerts are said to wait."""

    def __init__(self) -> None:
        self.waiting: list[int] = []

    def withheld(self, alerts: Mapping[tuple[str, str, str], int]) -> None:
        self.waiting.append(sum(alerts.values()))


def test_what_waits_is_told_after_each_commit_until_nothing_does(beginning: Catalogue):
    for seed in range(3):
        heard = Heard()

        def assembled(spec: StageSpec, ports: Ports, hand_over: HandOver, settings: LoopSettings, around: Surroundings):
            return assemble(spec, ports, hand_over, settings, replace(around, observer=heard))  # noqa: B023

        Simulation(replace(plan(seed), assemble=assembled), Renewal(beginning, seed)).run()

        assert (max(heard.waiting) > 2, heard.waiting[-1]) == (True, 0)


# --- it can fail --------------------------------------------------------------------------------------------


def forgets_that_there_is_more(step: Step) -> Step:
    """Tells one slice, and leaves the rest to wait for nothing."""

    def said(rows: Rows, records: Sequence[Record], idle_at: int | None) -> list[Output]:
        outputs = step(rows, records, idle_at)
        rows.delete(MORE_ROW)
        return outputs

    return said


def tells_and_does_not_forget_it(step: Step) -> Step:
    """Keeps what it told from a slice among what waits."""

    def said(rows: Rows, records: Sequence[Record], idle_at: int | None) -> list[Output]:
        kept = list(rows.scan(b"held/", b"held0")) if not records else []
        outputs = step(rows, records, idle_at)
        for row, value in kept:
            rows.put(row, value)
        return outputs

    return said


MUTANTS: dict[str, Callable[[Step], Step]] = {
    "more forgotten": forgets_that_there_is_more,
    "told and kept": tells_and_does_not_forget_it,
    "kept in memory": remembers_in_memory,
}


@pytest.mark.parametrize("broken", MUTANTS.values(), ids=MUTANTS)
def test_a_door_with_one_defect_is_caught(beginning: Catalogue, broken: Callable[[Step], Step]):
    assert any(goes_wrong(beginning, seed, broken) for seed in range(MUTANT_SEEDS))


def goes_wrong(catalogue: Catalogue, seed: int, broken: Callable[[Step], Step]) -> bool:
    scene = Renewal(catalogue, seed)
    scene.stages = [replace(spec, step=broken(spec.step)) for spec in scene.stages]
    try:
        Simulation(plan(seed), scene).run()
    except (Wrong, ValueError):
        return True
    return False
