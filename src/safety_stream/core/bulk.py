"""What a disclosure profile has been shown, as one flat table for another system to load: a row a value.

Only what was published is here. A value that was suppressed stays so, and says that it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import msgspec

from safety_stream.core.catalogue import Catalogue, Indicator
from safety_stream.core.model.published import PublishedIndicator
from safety_stream.core.model.times import Day, Instant, PeriodKind, to_date


class BulkRow(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The newest value shown of a series and period, `[starts, ends)` on the London calendar.

    `shown` is False, and `value` None, where it was suppressed. `caveats` are what must be said beside it of its area.
    """

    area: str
    area_name: str
    indicator: str
    title: str
    period: PeriodKind
    starts: date
    ends: date
    value: int | None
    shown: bool
    final: bool
    revision: int
    as_of: Instant
    caveats: str


def bulk_rows(values: Iterable[PublishedIndicator], catalogue: Catalogue) -> list[BulkRow]:
    """The newest value of every period, sorted; of values of one profile, in any order.

    An area or indicator that this catalogue does not know goes by its code or id.
    """
    newest: dict[tuple[str, str, PeriodKind, Day], PublishedIndicator] = {}
    for value in values:
        key = (value.area, value.indicator, value.period, value.starts)
        if key not in newest or newest[key].seq < value.seq:
            newest[key] = value
    indicators = {one.id: one for one in catalogue.indicators}
    return [_row(newest[key], catalogue, indicators.get(key[1])) for key in sorted(newest)]


def _row(value: PublishedIndicator, catalogue: Catalogue, indicator: Indicator | None) -> BulkRow:
    area = catalogue.areas.by_code.get(value.area)
    caveats = () if indicator is None else indicator.caveats
    return BulkRow(
        area=value.area,
        area_name=value.area if area is None else area.name,
        indicator=value.indicator,
        title=value.indicator if indicator is None else indicator.title,
        period=value.period,
        starts=to_date(value.starts),
        ends=to_date(value.ends),
        value=value.value,
        shown=value.value is not None,
        final=value.final,
        revision=value.revision,
        as_of=value.as_of,
        caveats=" ".join(one.text for one in caveats if not one.areas or value.area in one.areas),
    )
