"""What nothing can pass: tests of a step that no report meets, whoever sends it, and waiting for who cannot send it.

Names are known here, and what is said of each makes sense by itself; together it cannot be. What can never be met is
an error: such a rule is silent for ever, and nobody misses it. What can be met, though hardly as it is meant, is a
warning.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from safety_stream.catalogue.documents import Where
from safety_stream.catalogue.formats.conditions import AbsentEntry, FactTestEntry, RangeEntry, SelectEntry, StepEntry
from safety_stream.catalogue.formats.rules import LimbEntry
from safety_stream.catalogue.places import Place, listing
from safety_stream.catalogue.vocabulary import Vocabulary
from safety_stream.core.catalogue import Source
from safety_stream.core.register import ROLES_UNDER

_FIELDS = tuple(field for field in SelectEntry.model_fields if field != "facts")
_OF_SOURCES = ("kind", "organisation", "source")
_NOTHING_REFUSED = SelectEntry()


def check_step(at: Place, where: Where, entry: StepEntry, vocabulary: Vocabulary) -> None:
    """That some report may be of a step: it refuses not all it asks for, and somebody sends it."""
    if entry.means_findings:
        return
    if _contradicts(at, where, entry):
        return
    named = _named(entry)
    if named and senders(entry, vocabulary) == frozenset():
        asked = ", ".join(f"{field} {listing(values)}" for field, values in named)
        what = f"no source sends what is asked for, {asked}: no report is of this step"
        at.error((*where, named[0][0]), what, _who_does(entry, (vocabulary.sources or {}).values()))


def senders(entry: StepEntry, vocabulary: Vocabulary) -> frozenset[str] | None:
    """The sources that may send what a step asks for; None where nobody knows, or a name of it is unknown."""
    sources = vocabulary.sources
    if sources is None:
        return None
    known = {"kind": vocabulary.kinds(), "organisation": vocabulary.organisations(), "source": sources.keys()}
    if any(not set(values) <= set(known[field] or ()) for field, values in _named(entry)):
        return None
    return frozenset(source.id for source in sources.values() if _may_send(source, entry))


def check_roles(at: Place, where: Where, entry: LimbEntry) -> None:
    """That whoever's timeline a limb looks at may stand there in a role a step asks for."""
    may = frozenset[str]().union(*(ROLES_UNDER.get(kind, frozenset()) for kind in entry.key))
    if "area" in entry.key:
        return
    for step, selected in entry.select.items():
        if selected.role and may.isdisjoint(selected.role):
            what = (
                f"on key {listing(entry.key)} nothing stands in role {listing(selected.role)}: step {step} is never met"
            )
            mend = "leave role out, or look at the timelines of persons"
            at.error((*where, "select", step, "role"), what, f"ask for {listing(may)}, {mend}" if may else mend)


def check_feeds(at: Place, where: Where, stated: AbsentEntry, entry: LimbEntry, vocabulary: Vocabulary) -> None:
    """That an absence waits for whoever can send what is waited for."""
    awaited, sources = entry.select.get(stated.unless), vocabulary.sources
    if awaited is None or awaited.means_findings or sources is None or not sources.keys() >= set(stated.feeds):
        return
    able = senders(awaited, vocabulary)
    if not able:
        return
    idle, missed = sorted(set(stated.feeds) - able), sorted(able - set(stated.feeds))
    if len(idle) == len(set(stated.feeds)):
        what = f"none of {listing(idle)} sends what step {stated.unless} asks for: nothing is waited for"
        at.error((*where, "feeds"), what, f"wait for {listing(able)}")
        return
    for feed in idle:
        what = f"feed {feed} sends nothing that step {stated.unless} asks for, and it is waited for"
        at.warning((*where, "feeds"), what, f"leave it out: {listing(able)} can send it")
    # A kind is sent by several, one of its subtypes mostly by one of them; which one, no file says but the rule itself.
    if missed and (awaited.organisation or awaited.source or not awaited.subtype):
        what = f"step {stated.unless} may come from {listing(missed)} as well, and nobody waits for that"
        at.warning((*where, "feeds"), what, "add it to feeds, or let the step say the source or the subtype it means")


def _named(entry: StepEntry) -> list[tuple[str, list[str]]]:
    """What of a step says who may send it."""
    return [(field, values) for field in _OF_SOURCES if (values := _values(entry, field))]


def _values(entry: SelectEntry, field: str) -> list[str]:
    values: list[str] | None = getattr(entry, field)
    return values or []


def _may_send(source: Source, entry: StepEntry) -> bool:
    def passes(field: str, value: str) -> bool:
        asked, refused = _values(entry, field), _values(entry.none_of or _NOTHING_REFUSED, field)
        return (not asked or value in asked) and value not in refused

    is_theirs = passes("source", source.id) and passes("organisation", source.organisation)
    return is_theirs and any(passes("kind", kind) for kind in source.kinds)


def _who_does(entry: StepEntry, sources: Iterable[Source]) -> str:
    known = list(sources)
    told = [
        f"{kind} comes from {listing(f'{one.id} of {one.organisation}' for one in known if kind in one.kinds)}"
        for kind in entry.kind or ()
    ]
    told = told or [f"{one.id} is of {one.organisation}" for one in known if one.id in (entry.source or ())]
    return "; ".join([*told, "name one that does, or leave organisation and source out"])


def _contradicts(at: Place, where: Where, entry: StepEntry) -> bool:
    """Tell of what a step asks for and refuses; whether that leaves nothing."""
    refused = entry.none_of or _NOTHING_REFUSED
    found = [*_named_twice(entry, refused), *_facts_twice(entry.facts, refused.facts)]
    for place, both, leaves_nothing in found:
        if leaves_nothing:
            at.error(
                (*where, "not", *place), f"{both} is asked for and refused: nothing passes", "keep it in one of both"
            )
        else:
            what = f"{both} is asked for and refused: only the others pass"
            at.warning((*where, "not", *place), what, "leave it out of both")
    return any(leaves_nothing for _, _, leaves_nothing in found)


def _named_twice(entry: StepEntry, refused: SelectEntry) -> Iterator[tuple[Where, str, bool]]:
    for field in _FIELDS:
        asked, not_wanted = set(_values(entry, field)), set(_values(refused, field))
        if both := asked & not_wanted:
            yield (field,), f"{field} {listing(both)}", asked <= not_wanted


def _facts_twice(
    asked: Mapping[str, FactTestEntry], refused: Mapping[str, FactTestEntry]
) -> Iterator[tuple[Where, str, bool]]:
    for name in sorted(asked.keys() & refused.keys()):
        wanted, unwanted = asked[name], refused[name]
        if isinstance(wanted, RangeEntry):
            if isinstance(unwanted, RangeEntry) and _lies_in(wanted, unwanted):
                yield ("facts", name), f"fact {name}", True
        elif not isinstance(unwanted, RangeEntry) and (both := set(wanted) & set(unwanted)):
            yield ("facts", name), f"fact {name} {listing(both)}", set(wanted) <= set(unwanted)


def _lies_in(one: RangeEntry, other: RangeEntry) -> bool:
    """Whether every number of one range is in the other; what is no number is in neither."""
    from_there = other.at_least is None or (one.at_least is not None and one.at_least >= other.at_least)
    to_there = other.at_most is None or (one.at_most is not None and one.at_most <= other.at_most)
    return from_there and to_there
