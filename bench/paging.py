"""From a report to a page a provider has taken: as many reports as usual, then ten times as many.

*Load.* A county sends fewer than one report a second (architecture.md), so one a second is more than usual. Every fifth
makes an alert one of P1: the fourth harm to somebody, with a weapon (catalogue/rules/rv-graded.yaml). So a burst is two
pages a second to one address, which is far more than anybody could answer. The others are somebody's first harm.

*Measure.* The clock runs from the broker's append time of the report, through every stage and `deliver`, to the web
hook that has the page: one machine, one clock. Each page has to come, once.
"""

from __future__ import annotations

import time
from pathlib import Path

from children import Cores, Told
from cluster import Cluster
from live import HARMS, Load, Sender, StartChild, Worker, harm_to, quantile, wait_until_drained
from row_delivery import Hooks, delivering

from safety_stream.core.model.ids import alert_id

USUAL_A_SECOND = 1
BURST_A_SECOND = 10 * USUAL_A_SECOND
AUDIENCE = "duty-officer"
_RULE = "rv-graded"
ONE_IN = 5
"""One report in so many is a page."""

_WARM_UP = 10
_DAY = 86_400_000
_BEFORE = 3
_LOADED_A_SECOND = 200.0


def burst(cluster: Cluster, start: StartChild, cores: Cores, folder: Path, name: str, seconds: float) -> Told:
    """How long a page takes in a burst, and how much longer than usual."""
    cluster.renew_pipeline()
    usual, many = int(USUAL_A_SECOND * seconds) // ONE_IN, int(BURST_A_SECOND * seconds) // ONE_IN
    people = [f"tok-{time.time_ns()}-{number:06d}" for number in range(_WARM_UP + usual + many)]
    hooks = Hooks()
    worker = Worker(start, name, cluster.kafka.bootstrap, "a", folder, "wall")
    with worker.child as child, delivering(cluster.kafka.bootstrap, folder, AUDIENCE, hooks, ("P1",)) as deliver:
        cores.pin(deliver)
        worker.wait_until_ready()
        Sender(cluster.kafka).send(_earlier(people), _LOADED_A_SECOND)
        wait_until_drained(cluster, worker)
        paged(cluster, hooks, people[:_WARM_UP], BURST_A_SECOND)
        calm = paged(cluster, hooks, people[_WARM_UP : _WARM_UP + usual], USUAL_A_SECOND)
        busy = paged(cluster, hooks, people[_WARM_UP + usual :], BURST_A_SECOND)
        child.stop()
        told = child.result(30)
    hooks.check_once()
    return {
        **told,
        "pages": len(busy),
        "p50_ms": quantile(busy, 0.5),
        "highest_ms": busy[-1],
        "usual_p50_ms": quantile(calm, 0.5),
        "usual_highest_ms": calm[-1],
        "times_usual": round(quantile(busy, 0.5) / quantile(calm, 0.5), 2),
        "value": quantile(busy, 0.99),
    }


def paged(cluster: Cluster, hooks: Hooks, people: list[str], rate: float) -> list[int]:
    """Milliseconds from the report about each to the page, sorted.

    There are so many reports a second, others among them. Raises `AssertionError` when a page does not come.
    """
    come_before = len(hooks.came_at)
    now = time.time_ns() // 1_000_000
    load: Load = []
    sender = Sender(cluster.kafka)
    for one in people:
        for other in (f"{one}-beside-{number}" for number in range(ONE_IN - 1)):
            load.append((HARMS, harm_to(other, other, now - _DAY, now - _DAY // 24), None))
        load.append((HARMS, harm_to(one, f"{one}-last", now - _DAY, now - _DAY // 24, ("weapon",)), f"victim:{one}"))
    sender.send(load, rate)
    assert not sender.failures, sender.failures[0]
    hooks.wait_for(come_before + len(people))
    return sorted(
        round((hooks.came_at[alert_id(_RULE, subject)] - appended) * 1_000)
        for subject, appended in sender.appended_at.items()
    )


def _earlier(people: list[str]) -> Load:
    """What was reported of everybody before: enough for an alert that is not critical yet."""
    now = time.time_ns() // 1_000_000
    return [
        (HARMS, harm_to(one, f"{one}-{harm}", now - (10 + 5 * harm) * _DAY, now - _DAY // 24), None)
        for harm in range(_BEFORE)
        for one in people
    ]
