"""What `deliver` tells of what is owed: who has to answer a notice, and whose opened alert waits for a review.

It is found in the pages' copy, which knows the notices and their answers (`readmodel.owed`). A copy that is behind may
lack an answer, so nobody is asked by one: better late than wrongly. Opened alerts are told of at once, whatever the
copy lacks. Where the copy cannot be read, alerts go on being told of.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from safety_stream.cli.subscriptions import with_extra
from safety_stream.core.model.times import MINUTE, SECOND, Instant
from safety_stream.core.oversight import Oversight, Step, steps_due
from safety_stream.core.putting_right import Notice
from safety_stream.delivery.model import Owed, OwedKind, owed_id
from safety_stream.observability.metrics import DeliveryMetrics

if TYPE_CHECKING:
    from safety_stream.delivery.outbox import Outbox
    from safety_stream.readmodel.owed import Owed as Copy

EVERY: Final[Instant] = MINUTE
"""How often it is looked whom to chase: answers are waited for by the day."""

CURRENT_WITHIN: Final[Instant] = 5 * MINUTE
"""A copy nobody has compared with the topics for so long may lack any answer."""

PURGED_WITHIN: Final[Instant] = 30 * SECOND
"""What is taken away does not come back: by a copy this old nothing is. `project` looks every five seconds."""


def copy_of(url: str | None, data: Path) -> Copy | None:
    """The pages' copy that was named, or the data folder's own; None where there is none."""
    file = data / "readmodel.sqlite"
    if not url and not file.is_file():
        return None
    database = with_extra("safety_stream.readmodel.database")
    owed: Copy = with_extra("safety_stream.readmodel.owed").Owed(
        database.open_database(url or database.url_of_file(file))
    )
    return owed


class Owing:
    """Puts what is owed into the outbox, again and again: there each subscription is told of each thing once."""

    def __init__(self, copy: Copy, box: Outbox, oversight: Oversight, metrics: DeliveryMetrics) -> None:
        """Look into this copy."""
        self._copy = copy
        self._box = box
        self._oversight = oversight
        self._metrics = metrics
        self._looked_at: Instant | None = None

    def held_alerts(self, now: Instant) -> frozenset[str] | None:
        """The alerts under a legal hold; None where that cannot be known, and then nothing may be purged."""
        try:
            return self._copy.held_alerts(now) if self._copy.is_current(now, PURGED_WITHIN) else None
        except with_extra("sqlalchemy.exc").SQLAlchemyError:
            return None

    def look(self, now: Instant) -> int:
        """Tell whoever has to be told by now. The number of messages made."""
        try:
            made = self._of_broken_glass(now)
            if self._looked_at is None or not 0 <= now - self._looked_at < EVERY:
                made += self._chase(now)
                self._looked_at = now
        except with_extra("sqlalchemy.exc").SQLAlchemyError as error:
            # Once a minute is enough, for the copy as for the log.
            self._looked_at = now
            structlog.get_logger().warning("copy.failed", why=type(error).__name__, mend="nobody is chased meanwhile")
            return 0
        return made

    def _of_broken_glass(self, now: Instant) -> int:
        office, glass = self._oversight.office, self._oversight.break_glass
        waiting = [use for use in self._copy.uses() if use.reviewed_at is None]
        late = [use for use in waiting if use.is_overdue(now, glass.review_within)]
        made = 0
        for use in waiting:
            made += self._box.owe(
                office,
                [_owed("break-glass", use.audience, use.alert_id, use.seq, use.at)],
                now,
                priority="P1",
            )
        overdue = [_owed("review", use.audience, use.alert_id, use.seq, use.at) for use in late]
        return made + self._box.owe(office, overdue, now, priority="P3")

    def _chase(self, now: Instant) -> int:
        chasing = self._oversight.chasing
        if chasing is None or not self._copy.is_current(now, CURRENT_WITHIN):
            return 0
        due: dict[Step, list[Notice]] = {"reminder": [], "escalation": []}
        for notice in self._copy.notices():
            if not notice.acknowledged_by:
                for step in steps_due(notice.audience, notice.opened_at, now, chasing):
                    due[step].append(notice)
        made = 0
        for audience in sorted({one.audience for one in due["reminder"]}):
            own = [one for one in due["reminder"] if one.audience == audience]
            made += self._box.owe(audience, list(_chased("reminder", own)), now, priority="P3")
        made += self._box.owe(
            self._oversight.office, list(_chased("escalation", due["escalation"])), now, priority="P3"
        )
        self._metrics.chased(now / SECOND)
        return made


def _chased(step: Step, notices: list[Notice]) -> Iterator[Owed]:
    for one in notices:
        # By all that tells a notice from others: feeds that were made anew count their numbers anew.
        yield Owed(
            owed_id=owed_id(step, one.audience, one.alert_id, one.version, one.seq, one.incident_id, one.opened_at),
            kind=step,
            of=one.audience,
            alert_id=one.alert_id,
            seq=one.seq,
            since=one.opened_at,
        )


def _owed(kind: OwedKind, of: str, alert_id: str, seq: int, since: Instant) -> Owed:
    return Owed(
        owed_id=owed_id(kind, of, alert_id, seq, since),
        kind=kind,
        of=of,
        alert_id=alert_id,
        seq=seq,
        since=since,
    )
