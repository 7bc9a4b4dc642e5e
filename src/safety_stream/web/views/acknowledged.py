"""What became of alerts that were acknowledged together: those refused first, each with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.handling import ActionAnswer
from safety_stream.core.model.published import PublishedAlert
from safety_stream.web import words
from safety_stream.web.views.row import UNTITLED, area_words

Became = Literal["refused", "not sent", "not found", "unanswered", "done"]

_HEADINGS: Final[dict[Became, str]] = {
    "refused": "refused",
    "not sent": "not sent",
    "not found": "not found",
    "unanswered": "not answered yet",
    "done": "acknowledged",
}
"""In the order in which they are told: what somebody has to see to comes first."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One alert that was ticked: as it stands (None: it is not for this person to see), and its answer, if any."""

    alert_id: str
    alert: PublishedAlert | None
    answer: ActionAnswer | None
    is_sent: bool


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one; `href` is "" where there is no page of it."""

    became: Became
    title: str
    area: str
    href: str
    said: str


class AcknowledgedView(msgspec.Struct, frozen=True, kw_only=True):
    """Everything on the page. `again_href` is where answers that are still to come will be."""

    summary: str
    outcomes: tuple[Outcome, ...]
    again_href: str
    is_waiting: bool


def acknowledged_view(asked: Sequence[Asked], here: str, catalogue: Catalogue) -> AcknowledgedView:
    """The page at the address `here`."""
    order = list(_HEADINGS)
    outcomes = sorted((_outcome(one, catalogue) for one in asked), key=lambda one: order.index(one.became))
    counted = Counter(one.became for one in outcomes)
    said = [f"{counted[became]:,} {heading}" for became, heading in _HEADINGS.items() if counted[became]]
    return AcknowledgedView(
        summary=f"Of {words.count_of(len(asked), 'alert')}: {words.listed(said)}.",
        outcomes=tuple(outcomes),
        again_href=here,
        is_waiting=bool(counted["unanswered"]),
    )


def _outcome(asked: Asked, catalogue: Catalogue) -> Outcome:
    if asked.alert is None:
        said = "There is no such alert, or it is not for you to see."
        return Outcome(became="not found", title=f"Alert {asked.alert_id}", area="", href="", said=said)
    became, said = _became(asked)
    return Outcome(
        became=became,
        title=asked.alert.title or UNTITLED,
        area=area_words(asked.alert, catalogue),
        href=f"/alerts/{asked.alert_id}",
        said=said,
    )


def _became(asked: Asked) -> tuple[Became, str]:
    if not asked.is_sent:
        return "not sent", "Not sent: acknowledge it again."
    if asked.answer is None:
        return "unanswered", "Sent, and not answered yet."
    return ("done", "Acknowledged.") if asked.answer.done else ("refused", f"Refused: {asked.answer.why}.")
