"""What disclosure control costs: of a made-up year, how much of its tables each profile that hides is shown.

disclosed.py [DAYS]

The county as `generate --seed 7 --start 2026-01-01` makes it, through the stages that count and publish, in one process
without a broker. Told by profile: how many tables went out, how many of their districts are shown and hidden, how many
of those hidden were small themselves, how many groupings are hidden, and how many tables have no total of the county.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date

from county import as_sent

from safety_stream.catalogue import load_catalogue
from safety_stream.core.catalogue import Catalogue, Profile
from safety_stream.core.model.indicators import IndicatorValue
from safety_stream.core.model.published import PublishedIndicator
from safety_stream.core.stages.stage import Output
from safety_stream.data_files import catalogue_folder
from safety_stream.replay import Arrival, Pipeline
from safety_stream.synthetic import generate, read_county
from safety_stream.wire.topology import STAGES

_COUNTING = frozenset({"intake", "register", "measure", "publish-indicators"})
_SEED = 7
_FIRST_DAY = date(2026, 1, 1)
_COUNTY = "L-14"

Key = tuple[str, str, str, int]
"""Area, indicator, kind of period, its first day."""


class Seen:
    """The newest exact count of each cell, and the newest each profile was shown."""

    def __init__(self) -> None:
        self.exact: dict[Key, int] = {}
        self.shown: dict[str, dict[Key, int | None]] = {}

    def take(self, output: Output) -> None:
        """Keep what counts."""
        value = output.value
        if isinstance(value, IndicatorValue | PublishedIndicator):
            key = (value.area, value.indicator, value.period, value.starts)
            if isinstance(value, PublishedIndicator):
                self.shown.setdefault(value.profile, {})[key] = value.value
            elif value.value is not None:
                self.exact[key] = value.value


def main(days: int) -> None:
    """Publish the year, and tell what was shown of it."""
    catalogue, seen = load_catalogue(catalogue_folder()), Seen()
    stages = [row for row in STAGES if row.name in _COUNTING]
    for _ in Pipeline(catalogue, seen.take, stages=stages).run(_arrivals(days)):
        pass
    for profile in catalogue.profiles:
        if profile.suppresses:
            sys.stdout.write(json.dumps(_told(profile, catalogue, seen)) + "\n")


def _arrivals(days: int) -> Iterator[Arrival]:
    county = read_county(catalogue_folder() / "synthetic" / "lancashire.yaml")
    for one in map(as_sent, generate(county, seed=_SEED, start=_FIRST_DAY, days=days, scale=1.0)):
        yield Arrival(one.topic, one.value, one.received_at)


def _told(profile: Profile, catalogue: Catalogue, seen: Seen) -> dict[str, object]:
    cells = seen.shown.get(profile.id, {})
    told: Counter[str] = Counter()
    for key, value in cells.items():
        is_leaf = catalogue.areas.by_code[key[0]].kind in ("district", "reserved")
        told[f"{'leaves' if is_leaf else 'groupings'} {'hidden' if value is None else 'shown'}"] += 1
        told["leaves hidden for being small"] += (
            is_leaf and value is None and 0 < seen.exact.get(key, 0) < profile.suppress_below
        )
        told["tables without the county"] += value is None and key[0] == _COUNTY
    tables = {key[1:] for key in cells}
    return {"profile": profile.id, "tables": len(tables), **dict(sorted(told.items()))}


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 365)
