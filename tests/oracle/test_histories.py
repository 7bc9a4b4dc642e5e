"""Stories of alerts that can be are let be, and each that cannot is named."""

from __future__ import annotations

from typing import Any

import pytest
from tests.oracle.building import at

from safety_stream.testing.histories import history_faults

RULES = {"rv": {"action_time": "7 days", "suppress": {"for": "1 month"}}}
NOON = at("2026-01-05T12:00")
HOUR = 3_600_000
DAY = 24 * HOUR
MONTH = at("2026-02-05T12:00") - NOON


def found(name: str, completed_at: int) -> dict[str, Any]:
    return {"finding_id": name, "completed_at": completed_at, "facts": []}


def raised(**more: Any) -> dict[str, Any]:
    """A first version, in time and heard."""
    version = {
        "alert_id": "a",
        "rule_id": "rv",
        "subject": "victim:tok-a",
        "version": 1,
        "episode": 1,
        "change": "raised",
        "reason": "new",
        "priority": "P3",
        "first_completed_at": NOON,
        "last_completed_at": NOON,
        "findings": [found("f", NOON)],
        "late": False,
        "notify": True,
        "as_of": NOON,
    }
    return version | more


def more_known(later: int, *, of: int | None = None, **more: Any) -> dict[str, Any]:
    """The next version, so much later: a finding has joined, completed just then or at `of`."""
    at = NOON + later if of is None else of
    grown = {"version": 2, "change": "updated", "reason": "evidence-added", "notify": False}
    known = {"findings": [found("f", NOON), found("g", at)], "last_completed_at": max(NOON, at)}
    return raised(**grown | known | {"as_of": NOON + later, "first_completed_at": min(NOON, at)} | more)


def withdrawn(later: int = DAY, **more: Any) -> dict[str, Any]:
    """The last version of an episode."""
    gone = {"version": 2, "change": "withdrawn", "reason": "withdrawn", "findings": [], "as_of": NOON + later}
    return raised(**gone | more)


LATE = {"as_of": NOON + 7 * DAY + 1, "late": True, "notify": False}

CAN_BE = {
    "raised, then more before the month is over": [raised(), more_known(MONTH - 1)],
    "more once the month is over": [raised(), more_known(MONTH, notify=True)],
    "worse at once": [raised(), more_known(HOUR, reason="worsened", priority="P2", notify=True)],
    "less, however long after": [
        raised(),
        more_known(MONTH, reason="evidence-removed"),
    ],
    "withdrawn from those who were told": [raised(), withdrawn()],
    "late, and told to nobody to the end": [raised(**LATE), withdrawn(8 * DAY, notify=False)],
    "late at first, and heard with what is not": [raised(**LATE), more_known(7 * DAY + 1, notify=True)],
    "no better than they know": [
        raised(priority="P2"),
        more_known(HOUR, reason="restated", priority="P4"),
        more_known(2 * HOUR, version=3, reason="worsened", priority="P3"),
    ],
    "back-dated": [raised(), more_known(HOUR, of=NOON - DAY, reason="back-dated")],
    "back-dated to what nobody can act on": [
        raised(),
        more_known(MONTH, of=NOON - DAY, reason="back-dated", late=True),
    ],
    "restated to what nobody can act on, and so out of what is shown": [
        raised(),
        more_known(6 * DAY, reason="restated", findings=[found("e", NOON - HOUR)], late=True),
    ],
    "true again": [raised(), withdrawn(), raised(version=3, episode=2)],
    "of two subjects at a time": [raised(), raised(alert_id="b", subject="victim:tok-b"), withdrawn()],
}

CANNOT_BE = {
    "begins with the second version": ([raised(version=2)], "comes after version 0"),
    "a version twice": ([raised(), more_known(HOUR, version=1)], "comes after version 1"),
    "a version left out": ([raised(), more_known(HOUR, version=3)], "comes after version 1"),
    "another name": ([raised(), more_known(HOUR, alert_id="b")], "is called b"),
    "an episode not counted": ([raised(), withdrawn(), raised(version=3)], "is of episode 1"),
    "an episode counted twice": ([raised(episode=2)], "is of episode 2"),
    "updated before it was raised": ([more_known(0, version=1, notify=True)], "does not stand"),
    "raised twice": ([raised(), raised(version=2, notify=False)], "raised, and the alert stands"),
    "updated because new": ([raised(), more_known(HOUR, reason="new")], "updated because new"),
    "withdrawn with findings": ([raised(), withdrawn(findings=[found("f", NOON)])], "withdrawn with 1 findings"),
    "worse, and no higher": ([raised(), more_known(HOUR, reason="worsened")], "worsened from P3 to P3"),
    "higher, and not worse": ([raised(), more_known(HOUR, priority="P2", notify=True)], "evidence-added from P3 to P2"),
    "back-dated to what it was": ([raised(), more_known(HOUR, reason="back-dated")], "back-dated from"),
    "first told to nobody": ([raised(notify=False)], "notify is False"),
    "more told within the month": ([raised(), more_known(MONTH - 1, notify=True)], "notify is True"),
    "more told to nobody after it": ([raised(), more_known(MONTH)], "notify is False"),
    "worse told to nobody": ([raised(), more_known(HOUR, reason="worsened", priority="P2")], "notify is False"),
    "less told": ([raised(), more_known(MONTH, reason="restated", notify=True)], "notify is True"),
    "withdrawn behind their backs": ([raised(), withdrawn(notify=False)], "notify is False"),
    "withdrawn from those who heard nothing": ([raised(**LATE), withdrawn()], "notify is True"),
    "told of in the last episode only": (
        [raised(), withdrawn(), raised(version=3, episode=2, **LATE), withdrawn(8 * DAY, version=4, episode=2)],
        "nobody was told in this episode",
    ),
    "told of what is long past": (
        [raised(), more_known(MONTH, of=NOON - DAY, reason="back-dated", late=True, notify=True)],
        "notify is True",
    ),
    "late and told": ([raised(**LATE | {"notify": True})], "notify is True"),
    "late and not said to be": ([raised(**LATE | {"late": False})], "late is False"),
    "of no rule": ([raised(rule_id="no")], "there is no such rule"),
}


@pytest.mark.parametrize("versions", CAN_BE.values(), ids=CAN_BE)
def test_a_story_that_can_be_has_no_fault(versions: list[dict[str, Any]]):
    assert history_faults(RULES, versions) == []


@pytest.mark.parametrize(("versions", "fault"), CANNOT_BE.values(), ids=CANNOT_BE)
def test_a_story_that_cannot_be_is_named(versions: list[dict[str, Any]], fault: str):
    (line,) = history_faults(RULES, versions)

    assert fault in line
