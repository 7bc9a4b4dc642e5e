"""By when alerts must be dealt with and who may do what about them: `handling.yaml`."""

from __future__ import annotations

from safety_stream.catalogue.documents import Where
from safety_stream.catalogue.files import Files
from safety_stream.catalogue.formats.officers import ClocksEntry, HandlingEntry, HandlingFile
from safety_stream.catalogue.places import Place
from safety_stream.catalogue.vocabulary import Vocabulary
from safety_stream.core.alerts.handling import Clocks, Policy, Rung
from safety_stream.core.model.markings import highest_marking, is_above
from safety_stream.core.model.times import Duration

NO_POLICY = Policy()
"""What holds where a catalogue says nothing of it: no clock runs, and nobody may do anything."""


def read_handling(files: Files, vocabulary: Vocabulary) -> Policy:
    """The clocks, roles and reasons of the catalogue; `NO_POLICY` where there is no such file, or it is broken."""
    path = files.folder / "handling.yaml"
    read = files.read(path, HandlingFile) if path.exists() else None
    if read is None:
        return NO_POLICY
    at, entry = read[0], read[1].handling
    where: Where = ("handling",)
    _check_roles(at, where, entry, vocabulary)
    _check_ladders(at, where, entry, vocabulary)
    for name in ("clocks", "roles", "reasons", "remembered"):
        if getattr(entry, name) and name not in entry.sources:
            at.error((*where, "sources"), f"nothing says where {name} is from", f"add {name}: its source, or default")
    return Policy(
        clocks={
            priority: _clocks(at, (*where, "clocks", priority), one) for priority, one in sorted(entry.clocks.items())
        },
        roles={role: frozenset(actions) for role, actions in sorted(entry.roles.items())},
        reasons={action: tuple(reasons) for action, reasons in sorted(entry.reasons.items())},
        remembered=_exact(at, (*where, "remembered"), entry.remembered),
    )


def _check_roles(at: Place, where: Where, entry: HandlingEntry, vocabulary: Vocabulary) -> None:
    """That whom an alert can be referred to hears of alerts at all."""
    for role, actions in entry.roles.items():
        if "accept" in actions:
            at.know((*where, "roles", role), "audience", role, vocabulary.audiences)


def _check_ladders(at: Place, where: Where, entry: HandlingEntry, vocabulary: Vocabulary) -> None:
    """That whom an alert goes up to is told of it, whatever it is: all that anybody hears of at that priority."""
    known = vocabulary.audiences or {}
    for priority, clocks in sorted(entry.clocks.items()):
        heard = {family for one in known.values() if priority in one.priorities for family in one.families}
        marked = highest_marking(["OFFICIAL", *(one.marked_at_most for one in known.values())])
        for number, rung in enumerate(clocks.ladder):
            to: Where = (*where, "clocks", priority, "ladder", number, "to")
            at.know(to, "audience", rung.to, vocabulary.audiences)
            audience = known.get(rung.to)
            if audience is not None and not (
                priority in audience.priorities
                and heard <= {*audience.families}
                and not is_above(marked, audience.marked_at_most)
            ):
                what = f"{rung.to} stands on the ladder of {priority} and does not take all its alerts"
                mend = f"let audience {rung.to} take {priority} and all families and markings anybody hears of at it"
                at.error(to, what, mend)
    for audience in known.values():
        if audience.hears == "escalated" and all(
            rung.to != audience.id for clocks in entry.clocks.values() for rung in clocks.ladder
        ):
            at.error(
                (*where, "clocks"),
                f"audience {audience.id} hears what goes up to it, and is on no ladder",
                "put it on one, or let it always hear",
            )


def _clocks(at: Place, where: Where, entry: ClocksEntry) -> Clocks:
    acknowledge = _exact(at, (*where, "acknowledge"), entry.acknowledge)
    decide = _exact(at, (*where, "decide"), entry.decide)
    if acknowledge is not None and decide is not None and decide < acknowledge:
        at.error((*where, "decide"), "it must be decided before it is acknowledged", "give it as long at least")
    rungs = [
        Rung(_exact(at, (*where, "ladder", number, "after"), rung.after) or 0, rung.to)
        for number, rung in enumerate(entry.ladder)
    ]
    for number in range(1, len(rungs)):
        if rungs[number].after <= rungs[number - 1].after:
            what = f"{rungs[number].to} is not later on the ladder than {rungs[number - 1].to}"
            at.error((*where, "ladder", number, "after"), what, "put the rungs in order of time")
    return Clocks(
        acknowledge=acknowledge,
        decide=decide,
        ladder=tuple(rungs),
        snooze_at_most=_exact(at, (*where, "snooze_at_most"), entry.snooze_at_most) or 0,
        kept=_exact(at, (*where, "kept"), entry.kept),
    )


def _exact(at: Place, where: Where, length: Duration | None) -> int | None:
    if length is not None and not length.millis:
        at.error(where, "months have no exact length", "say it in days")
    return None if length is None else length.millis
