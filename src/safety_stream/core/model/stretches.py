"""Keys of places where things never stop happening: each holds a stretch of time, lest its timeline grow for ever.

Theory of operation
-------------------
A person's timeline is short. What happens in a square of the map, or in a neighbourhood, goes on for years. So a key of
such a kind names a place *and a stretch of time*, written as the number after its last dot. The register puts a report
on the key of the stretch it begins in, in the role `here`, and on that of the next, as `nearby` (`core.register`). So
the timeline of a stretch also holds the whole stretch before it: whatever happened in a window no longer than a stretch
before something that is `here`.

A completion is told on one of these keys alone: where the first report of its occurrence that matches is `here`
(`core.rules.engine`). So nothing is found twice. What keeps the result a function of the live reports, whatever came
when: on which keys a report is, and where it is `here`, follows from the report itself; merging is a function of one
timeline; and a report is `here` on one key.

It has a price at the edge of a stretch. Of an occurrence told by several reports those that begin in a later stretch
than the first that matches are not on that timeline, and missing from the evidence. And where a report that does not
match begins a stretch earlier, the window may reach back further than the timeline does, by what lies between the two.
"""

from __future__ import annotations

from safety_stream.core.model.sightings import KeyKind, key_kind

HERE = "here"
"""The role of a report on the key of the place it lies in and the stretch it begins in."""

NEARBY = "nearby"
"""Its role on that of the next stretch, and of the cells around."""

STRETCHES = (0, 1)
"""The stretch of time something happened in, and the next: for that one it is earlier."""

STRETCHED: frozenset[KeyKind] = frozenset({"cell", "lsoa"})
"""The kinds of key that hold a stretch of time each."""


def is_stretched(key: str) -> bool:
    """Whether the key holds a stretch of time."""
    return key_kind(key) in STRETCHED


def subject_of(key: str) -> str:
    """What an alert on the key is about: of an LSOA all its stretches, for it is one place to those who act on it.

    A cell is nobody's name for anything, and what is near to one another there is over with its stretch: it stays.
    """
    return key.rsplit(".", 1)[0] if key_kind(key) == "lsoa" else key


def facts_of(key: str) -> tuple[tuple[str, str], ...]:
    """What a finding on the key says of it besides: of an LSOA its code, for those who do not see the subject."""
    return (("lsoa", subject_of(key).partition(":")[2]),) if key_kind(key) == "lsoa" else ()
