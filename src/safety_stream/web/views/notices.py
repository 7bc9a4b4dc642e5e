"""The open notices of an audience, as a page shows them: by reference, and never whom they are about."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.times import Instant
from safety_stream.core.oversight import steps_due
from safety_stream.core.putting_right import Notice
from safety_stream.web import words


class NoticeLine(msgspec.Struct, frozen=True, kw_only=True):
    """One open notice; `is_late` once its audience has been reminded."""

    number: int
    alert_id: str
    short: str
    what: str
    opened: str
    is_late: bool


class NoticesView(msgspec.Struct, frozen=True, kw_only=True):
    """The page; `more` are open beyond those that are shown."""

    lines: tuple[NoticeLine, ...]
    more: int


def notices_view(notices: Sequence[Notice], catalogue: Catalogue, now: Instant, at_most: int) -> NoticesView:
    """The oldest of them, and how many more there are."""
    chasing = catalogue.oversight.chasing
    lines = tuple(
        NoticeLine(
            number=one.seq,
            alert_id=one.alert_id,
            short=one.alert_id[:8],
            what=_WHAT[one.change if one.why == "restated" else one.why],
            opened=words.at(one.opened_at),
            is_late=chasing is not None and bool(steps_due(one.audience, one.opened_at, now, chasing)),
        )
        for one in notices[:at_most]
    )
    return NoticesView(lines=lines, more=len(notices) - len(lines))


_WHAT = {
    "raised": "is told anew",
    "updated": "says something else than before",
    "withdrawn": "is true no more",
    "disputed": "rests on a report that is disputed",
}
