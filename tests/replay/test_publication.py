"""What was published is held against itself: a number, a record or a byte that is not right is noticed."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from tests.replay.gallery import gallery
from tests.replay.running import World, arrivals, cut, outputs

from safety_stream.core.model.published import AuditRecord
from safety_stream.testing.publication import publication_faults

Published = list[tuple[str, msgspec.Struct]]


@pytest.fixture(scope="module")
def published(small: World) -> Published:
    seen = outputs(small, cut(arrivals(gallery()), (20,)))
    return [(one.topic, one.value) for one in seen if one.topic.startswith(("alerts.", "indicators.", "audit."))]


def test_what_the_backbone_publishes_has_no_fault(published: Published):
    assert publication_faults(published) == []


def without(topic: str) -> Callable[[Published], Published]:
    """The second value of a topic is lost."""

    def lost(published: Published) -> Published:
        at = [n for n, (name, _) in enumerate(published) if name == topic][1]
        return published[:at] + published[at + 1 :]

    return lost


def twice(topic: str) -> Callable[[Published], Published]:
    """The last value of a topic comes again."""
    return lambda published: [*published, next(one for one in reversed(published) if one[0] == topic)]


def altered(published: Published) -> Published:
    """Somebody has touched what a record of the audit says."""
    at = next(n for n, (_, value) in enumerate(published) if isinstance(value, AuditRecord))
    touched = msgspec.structs.replace(published[at][1], audience="somebody-else")
    return [*published[:at], (published[at][0], touched), *published[at + 1 :]]


def told_with_a_signal(published: Published) -> Published:
    """A count is hidden from whoever is told what is thought of another."""
    spoilt = list(published)
    shown = [at for at, (topic, _) in enumerate(published) if topic == "indicators.internal"]
    for at, change in zip(shown, ({"value": None}, {"signal": "amber"}), strict=False):
        spoilt[at] = (published[at][0], msgspec.structs.replace(published[at][1], **change))
    return spoilt


def shown_after(**changes: object) -> Callable[[Published], Published]:
    """A count is hidden, and then it comes again with something else said of it."""

    def spoilt(published: Published) -> Published:
        at, (topic, value) = next(
            (at, one) for at, one in enumerate(published) if one[0] == "indicators.internal" and one[1].period == "week"
        )
        hidden = (topic, msgspec.structs.replace(value, value=None))
        return [*published[:at], hidden, (topic, msgspec.structs.replace(value, **changes)), *published[at + 1 :]]

    return spoilt


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        (without("alerts.duty-officer"), "alerts.duty-officer: number 3 comes where 2 should"),
        (twice("indicators.internal"), "indicators.internal: number"),
        (without("audit.alerts"), "does not follow the one before it"),
        (twice("audit.indicators"), "audit.indicators: number"),
        (altered, "does not have the hash of what it says"),
        (told_with_a_signal, "indicators.internal: some counts are hidden, and what is thought of others is made of"),
        (shown_after(value=7), "shows a count that was hidden before"),
        (shown_after(value=None, period="month"), "shows days that were shown by another kind of period"),
        (lambda published: [one for one in published if one[0] != "audit.alerts"], "published, 0 on record"),
        (lambda published: [one for one in published if one[0] != "alerts.analyst"], "alerts.analyst: 0 published"),
    ],
    ids=[
        "an alert lost",
        "a value twice",
        "a record lost",
        "a record twice",
        "a record altered",
        "a signal beside hidden counts",
        "a hidden count shown",
        "another kind of period",
        "no audit",
        "no feed",
    ],
)
def test_whatever_is_not_right_is_noticed(published: Published, spoilt: Callable[[Published], Published], words: str):
    assert any(words in fault for fault in publication_faults(spoilt(published)))
