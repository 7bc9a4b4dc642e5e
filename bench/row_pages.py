"""Row `first-view`: what the inbox asks of a database that holds 100,000 open alerts, before anybody has chosen.

row_pages.py FOLDER

The alerts are of the size that real ones have, and come by the projection. A view is asked many times; the median
counts, in milliseconds, without the page that is made of it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from statistics import median

from measured import Stopwatch, profile_if_asked, tell

from safety_stream.core.model.findings import Evidence, Finding, Priority
from safety_stream.core.model.handling import Handling
from safety_stream.core.model.published import PublishedAlert
from safety_stream.readmodel.database import migrate, open_database, url_of_file
from safety_stream.readmodel.projection import TopicRecord, apply
from safety_stream.readmodel.reading import ReadModel

ALERTS = 100_000
BATCH = 1_000
VIEWS = 200
_NOON = 1_772_366_400_000
_AREAS = tuple(f"E{number:08}" for number in range(14))
_PRIORITIES: tuple[Priority, ...] = ("P1", "P2", "P3", "P4")


def main(folder: Path) -> None:
    """Fill, then look."""
    engine = open_database(url_of_file(folder / "pages.sqlite"))
    migrate(engine)
    filling = Stopwatch()
    filling.begin()
    for start in range(0, ALERTS, BATCH):
        with engine.begin() as connection:
            apply(connection, _records(start))
    filling.end()
    model, watch, views = ReadModel(engine), Stopwatch(), []
    _view(model)
    profile_if_asked()
    watch.begin()
    for _ in range(VIEWS):
        began = time.perf_counter()
        assert len(_view(model)) == 50, "a whole page is shown"
        views.append((time.perf_counter() - began) * 1_000)
    watch.end()
    filled = filling.result(ALERTS)
    tell(
        watch.result(
            VIEWS,
            value=median(views),
            slowest=max(views),
            fill_seconds=filled["seconds"],
            fill_cpu_seconds=filled["cpu_seconds"],
        )
    )


def _view(model: ReadModel) -> list[PublishedAlert]:
    model.count_by_priority("desk")
    model.newest_seq("desk")
    model.feeds()
    model.health()
    return model.inbox("desk")


def _records(start: int) -> Iterator[TopicRecord]:
    for alert in made(start, BATCH):
        yield TopicRecord("alerts.desk", 0, alert.seq - 1, alert)


def made(start: int, count: int) -> Iterator[PublishedAlert]:
    """So many alerts, numbered from the one after `start`."""
    chance = Random(start)
    for number in range(start, start + count):
        yield _alert(number + 1, chance)


def _alert(seq: int, chance: Random) -> PublishedAlert:
    area, priority = chance.choice(_AREAS), chance.choice(_PRIORITIES)
    at = _NOON + seq * 1_000
    evidence = tuple(Evidence(f"occurrence-{seq}-{n}", at - n, area, (f"report-{seq}-{n}",)) for n in range(6))
    finding = Finding(
        finding_id=f"finding-{seq}",
        rule_id="rv-graded",
        rule_version=1,
        limb="main",
        family="repeat-victimisation",
        key=f"victim:tok-{seq}",
        occurrence_id=evidence[0].occurrence_id,
        completed_at=at,
        priority=priority,
        area=area,
        areas=(area,),
        evidence=evidence,
        excluded=(),
        facts=(("count", "6"),),
        child=False,
        explanation="Six incidents in twelve months, the last one with a weapon.",
    )
    return PublishedAlert(
        seq=seq,
        audience="desk",
        alert_id=f"alert-{seq}",
        version=1,
        change="raised",
        as_of=at,
        rule_id="rv-graded",
        title="Repeat victim",
        family="repeat-victimisation",
        subject=f"victim:tok-{seq}",
        priority=priority,
        area=area,
        areas=(area,),
        findings=(finding,),
        explanation=finding.explanation,
        handling=Handling(
            number=1,
            state="new",
            since=at,
            what="raised",
            as_of=at,
            acknowledge_by=None if priority == "P4" else at + chance.randrange(3_600_000),
        ),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
