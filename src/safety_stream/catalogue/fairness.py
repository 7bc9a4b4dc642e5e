"""How a rule's alerts are spread over the districts, against one common rate per resident.

The comparison is of places, never of people: what is counted is alerts by the district in which they were first
raised. A district outside the interval is a question and no verdict. More may happen there, more of it may be reported,
or visitors may outnumber residents; or a rule may read one partner's habits as harm. Chance alone puts one district in
twenty outside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from safety_stream.catalogue.backtesting import Raised
from safety_stream.core.catalogue import Areas
from safety_stream.core.statistics.rates import poisson_interval

ALPHA = 0.05
"""How often chance alone may put a district outside its interval: at most."""


class Share(msgspec.Struct, frozen=True):
    """A district's alerts, and between which numbers a common rate would leave them, both ends in."""

    district: str
    residents: int
    alerts: int
    per_1000: float
    expected: float
    low: int
    high: int

    @property
    def is_outside(self) -> bool:
        """Whether chance alone hardly explains the number."""
        return not self.low <= self.alerts <= self.high


class Fairness(msgspec.Struct, frozen=True):
    """A rule's alerts in the districts, the highest rate first; `ratio` is highest to lowest, None without a lowest."""

    rule: str
    version: int
    alerts: int
    elsewhere: int
    ratio: float | None
    outside: tuple[str, ...]
    districts: tuple[Share, ...]


def fairness(rule: str, version: int, alerts: Iterable[Raised], areas: Areas) -> Fairness:
    """How these alerts of one rule are spread; those in no district of known residents are `elsewhere`.

    Raises `ValueError` when the residents of no district are known.
    """
    counts = Counter(alert.area for alert in alerts)
    known = {code: areas.residents_now(code) for code, area in areas.by_code.items() if area.kind == "district"}
    residents = {code: counted.number for code, counted in known.items() if counted is not None}
    if not residents:
        raise ValueError(f"the areas of {areas.county} say of no district how many live there: add residents.yaml")
    within = sum(counts[code] for code in residents)
    rate = within / sum(residents.values())
    shares = sorted(
        (_share(areas.by_code[code].name, number, counts[code], rate) for code, number in residents.items()),
        key=lambda one: (-one.per_1000, one.district),
    )
    lowest = shares[-1].per_1000
    return Fairness(
        rule=rule,
        version=version,
        alerts=within,
        elsewhere=counts.total() - within,
        ratio=round(shares[0].per_1000 / lowest, 2) if lowest else None,
        outside=tuple(share.district for share in shares if share.is_outside),
        districts=tuple(shares),
    )


def _share(district: str, residents: int, alerts: int, rate: float) -> Share:
    low, high = poisson_interval(rate * residents, ALPHA)
    per_1000 = round(alerts * 1000 / residents, 3)
    return Share(district, residents, alerts, per_1000, round(rate * residents, 1), low, high)
