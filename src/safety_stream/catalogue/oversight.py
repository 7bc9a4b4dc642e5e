"""`oversight.yaml`: who answers for the data, how long answers are waited for, and who may break the glass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, get_args

from pydantic import Field, StringConstraints

from safety_stream.catalogue.delivering import Length
from safety_stream.catalogue.documents import Where
from safety_stream.catalogue.files import Files
from safety_stream.catalogue.formats.parts import Prose, Strict
from safety_stream.catalogue.places import Place
from safety_stream.catalogue.vocabulary import Vocabulary
from safety_stream.core.catalogue import AlertReader
from safety_stream.core.oversight import Bar, BreakGlass, Chasing, Oversight, Patience

FILE: Final = "oversight.yaml"

Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]


class PatienceEntry(Strict):
    """How long an answer is waited for."""

    remind_after: Length
    escalate_after: Length


class ChasingEntry(Strict):
    """How long answers are waited for, and of whom otherwise than of the others."""

    usual: PatienceEntry
    audiences: dict[str, PatienceEntry] = Field(default_factory=dict)


class WordEntry(Strict):
    """A reason or an outcome: as it is recorded, and as it is read."""

    id: Id
    title: Prose


class NeverEntry(Strict):
    """What no emergency opens, and why."""

    bar: Bar
    because: Prose


class BreakGlassEntry(Strict):
    """Who may open what in an emergency, and what is owed for it."""

    roles: list[AlertReader]
    shown_as: str
    reasons: Annotated[list[WordEntry], Field(min_length=1)]
    holds: Length
    review_within: Length
    outcomes: Annotated[list[WordEntry], Field(min_length=1)]
    never: list[NeverEntry]


class OversightSources(Strict):
    """Where each of it is from."""

    office: Prose
    chasing: Prose
    break_glass: Prose


class OversightEntry(Strict):
    """The office, the chasing and the glass."""

    office: Id
    chasing: ChasingEntry
    break_glass: BreakGlassEntry
    sources: OversightSources


class OversightFile(Strict):
    """`oversight.yaml`."""

    oversight: OversightEntry


def read_oversight(files: Files, vocabulary: Vocabulary) -> Oversight:
    """What the catalogue says of it; nothing where there is no such file, or it is broken."""
    path = files.folder / FILE
    read = files.read(path, OversightFile) if path.exists() else None
    if read is None:
        return Oversight()
    at, stated = read[0], read[1].oversight
    glass = stated.break_glass
    if stated.office in (vocabulary.audiences or {}):
        what = f"{stated.office} is an audience too, which hears of alerts"
        at.error(("oversight", "office"), what, "give the office a name of its own")
    for audience, patience in stated.chasing.audiences.items():
        at.know(("oversight", "chasing", "audiences", audience), "audience", audience, vocabulary.audiences)
        _check_patience(at, ("oversight", "chasing", "audiences", audience), patience)
    _check_patience(at, ("oversight", "chasing", "usual"), stated.chasing.usual)
    at.know(("oversight", "break_glass", "shown_as"), "audience", glass.shown_as, vocabulary.audiences)
    for name, ids in (
        ("reasons", [one.id for one in glass.reasons]),
        ("outcomes", [one.id for one in glass.outcomes]),
        ("never", [one.bar for one in glass.never]),
    ):
        _check_once(at, name, ids)
    missing = sorted({*get_args(Bar)} - {one.bar for one in glass.never})
    if missing:
        what = f"nothing says why {missing[0]} is never opened"
        at.error(("oversight", "break_glass", "never"), what, "add it with its reason: no catalogue can allow it")
    return Oversight(
        office=stated.office,
        chasing=Chasing(
            usual=_patience(stated.chasing.usual),
            of={audience: _patience(one) for audience, one in sorted(stated.chasing.audiences.items())},
        ),
        break_glass=BreakGlass(
            roles=frozenset(glass.roles),
            reasons={one.id: one.title for one in glass.reasons},
            shown_as=glass.shown_as,
            holds=glass.holds,
            review_within=glass.review_within,
            outcomes={one.id: one.title for one in glass.outcomes},
            never={one.bar: one.because for one in glass.never},
        ),
    )


def _patience(entry: PatienceEntry) -> Patience:
    return Patience(remind_after=entry.remind_after, escalate_after=entry.escalate_after)


def _check_patience(at: Place, where: Where, entry: PatienceEntry) -> None:
    if entry.escalate_after <= entry.remind_after:
        what = "the office hears before the audience was reminded"
        at.error((*where, "escalate_after"), what, "make it longer than remind_after")


def _check_once(at: Place, name: str, ids: Sequence[str]) -> None:
    for place, one in enumerate(ids):
        if one in ids[:place]:
            at.error(("oversight", "break_glass", name, place), f"{one} is there twice", "leave one out")
