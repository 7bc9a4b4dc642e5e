"""What a rule tells besides, whenever it is met: facts that decide nothing, and that a reader should see first.

How often a step was seen in the window that ends when the condition was met, that instant included; or what a report of
a step last said, strictly before: what was known of somebody when it happened again. What only a possible match of
persons puts there is never told so: a reader would take it for the person's own.
"""

from __future__ import annotations

from collections.abc import Sequence

from safety_stream.core.model.facts import value_of
from safety_stream.core.model.times import Duration, Instant, before
from safety_stream.core.rules.condition import Matched, View
from safety_stream.core.rules.rule import Limb
from safety_stream.core.rules.windows import number_within

NOT_KNOWN = "not known"
"""Told where no report in the window says it: nothing said is not the lowest of what could be said."""


def told_besides(limb: Limb, view: View, at: Instant) -> list[tuple[str, str]]:
    """What the limb tells besides when it is met at `at`, as name and text."""
    told = []
    for name, one in limb.besides.items():
        certain = [
            matched
            for matched in view.matching(one.of)
            if not any(sighting.possible for sighting in matched.occurrence.sightings)
        ]
        if one.latest is None:
            text = str(number_within([matched.occurrence.time for matched in certain], at, one.within))
        else:
            text = _latest(certain, one.latest, at, one.within)
        told.append((name, text))
    return told


def _latest(matching: Sequence[Matched], fact: str, at: Instant, within: Duration) -> str:
    """The newest that is said of the fact; of several reports of one occurrence the latest counts that says it."""
    since = before(at, within)
    for matched in reversed(matching):
        if since <= matched.occurrence.time < at:
            for sighting in reversed(matched.sightings):
                value = value_of(sighting.facts, fact)
                if value is not None:
                    return value
    return NOT_KNOWN
