"""What is known about series before they are judged (`judging.yaml`): exclusions, step changes, calendar effects."""

from __future__ import annotations

from safety_stream.catalogue.documents import Where
from safety_stream.catalogue.effects import Effect, read_effects
from safety_stream.catalogue.files import Files
from safety_stream.catalogue.formats.judging import CovariateEntry, ExclusionEntry, JudgingFile, StepChangeEntry
from safety_stream.catalogue.places import Place
from safety_stream.catalogue.vocabulary import Vocabulary
from safety_stream.core.judging import Covariate, Exclusion, Judging, StepChange
from safety_stream.core.model.times import Day, to_date

NOTHING_KNOWN = Judging()
"""What holds where a catalogue says nothing of it: all weeks are alike."""


def read_judging(files: Files, vocabulary: Vocabulary, today: Day | None = None) -> Judging | None:
    """What is known about series; a catalogue without the file knows nothing. None if it cannot be had.

    With `today` it is told when the days of calendar effects end soon.
    """
    path = files.folder / "judging.yaml"
    if not path.exists():
        return NOTHING_KNOWN
    effects = read_effects(files, vocabulary, today)
    read = files.read(path, JudgingFile)
    if read is None:
        return None
    at, model = read
    return Judging(
        exclusions=_exclusions(at, model.exclusions, vocabulary),
        steps=_steps(at, model.steps, vocabulary),
        covariates=_covariates(at, model.covariates, effects, vocabulary),
    )


def _exclusions(at: Place, entries: list[ExclusionEntry], vocabulary: Vocabulary) -> tuple[Exclusion, ...]:
    at.refuse_repeats("exclusions", [entry.id for entry in entries])
    found: list[Exclusion] = []
    for index, entry in enumerate(entries):
        where: Where = ("exclusions", index)
        indicators, areas = _concerned(at, where, entry, vocabulary)
        if entry.last < entry.first:
            at.error((*where, "last"), "the last day is before the first", "both are days that are left out")
        one = Exclusion(
            id=entry.id, title=entry.title, indicators=indicators, areas=areas, first=entry.first, last=entry.last
        )
        for other in found:
            if _is_overlapping(one, other):
                what = f"exclusion {entry.id} overlaps {other.id}, to {to_date(other.last)}, for some series"
                at.error((*where, "first"), what, "make them one, or let one end before the other begins")
        found.append(one)
    return tuple(found)


def _is_overlapping(one: Exclusion, other: Exclusion) -> bool:
    """Whether two windows share a day for a series."""
    is_of_both = _meet(one.indicators, other.indicators) and _meet(one.areas, other.areas)
    return is_of_both and one.first <= other.last and other.first <= one.last


def _meet(one: frozenset[str], other: frozenset[str]) -> bool:
    return not one or not other or not one.isdisjoint(other)


def _steps(at: Place, entries: list[StepChangeEntry], vocabulary: Vocabulary) -> tuple[StepChange, ...]:
    at.refuse_repeats("steps", [entry.id for entry in entries])
    found: list[StepChange] = []
    for index, entry in enumerate(entries):
        where: Where = ("steps", index)
        indicators, areas = _concerned(at, where, entry, vocabulary)
        for place, feed in enumerate(entry.feeds):
            at.know((*where, "feeds", place), "feed", feed, vocabulary.sources)
            resting = {one.id for one in (vocabulary.indicators or {}).values() if feed in one.feeds}
            if not resting and vocabulary.indicators is not None and feed in (vocabulary.sources or ()):
                at.error((*where, "feeds", place), f"no indicator rests on feed {feed}", "leave it out")
            indicators |= resting
        if not indicators:
            what = f"step {entry.id} names neither feeds nor indicators: a change of recording is never everywhere"
            at.error(where, what, "name them")
        found.append(StepChange(id=entry.id, title=entry.title, indicators=indicators, areas=areas, day=entry.day))
    return tuple(found)


def _covariates(
    at: Place, entries: list[CovariateEntry], effects: dict[str, Effect] | None, vocabulary: Vocabulary
) -> tuple[Covariate, ...]:
    at.refuse_repeats("covariates", [entry.effect for entry in entries], what="effect")
    found: list[Covariate] = []
    for index, entry in enumerate(entries):
        where: Where = ("covariates", index)
        indicators, areas = _concerned(at, where, entry, vocabulary)
        at.know((*where, "effect"), "effect", entry.effect, effects)
        effect = (effects or {}).get(entry.effect)
        if effect is not None:
            found.append(
                Covariate(
                    id=entry.effect,
                    title=effect.title,
                    indicators=indicators,
                    areas=areas,
                    days=effect.days,
                    known_from=effect.known_from,
                    known_to=effect.known_to,
                )
            )
    return tuple(found)


def _concerned(
    at: Place, where: Where, entry: ExclusionEntry | StepChangeEntry | CovariateEntry, vocabulary: Vocabulary
) -> tuple[frozenset[str], frozenset[str]]:
    """The indicators and areas an entry names; none means all."""
    for place, indicator in enumerate(entry.indicators or ()):
        at.know((*where, "indicators", place), "indicator", indicator, vocabulary.indicators)
    for place, area in enumerate(entry.areas or ()):
        vocabulary.know_area(at, (*where, "areas", place), area)
    return frozenset(entry.indicators or ()), frozenset(entry.areas or ())
