"""What is counted, and what is worked out from counts: the files of indicators, held against the vocabulary."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from safety_stream.catalogue.documents import Where
from safety_stream.catalogue.files import Files
from safety_stream.catalogue.formats.conditions import StepEntry
from safety_stream.catalogue.formats.indicators import (
    CaveatEntry,
    IndicatorEntry,
    IndicatorsFile,
    RateEntry,
    ShareOfEntry,
)
from safety_stream.catalogue.places import Place
from safety_stream.catalogue.selecting import selector_of_reports
from safety_stream.catalogue.vocabulary import Measures, Vocabulary
from safety_stream.core.catalogue import ONE, WEIGHT, Caveat, Indicator, Rate, Share
from safety_stream.core.rules.rule import Rule


def read_measures(files: Files, vocabulary: Vocabulary) -> Measures | None:
    """Everything the files of indicators declare; None when one of them cannot be had."""
    read = [(path, files.read(path, IndicatorsFile)) for path in files.in_folder(files.folder / "indicators")]
    rules = {path.stem for path in files.in_folder(files.folder / "rules")}
    found = Measures({}, {}, {})
    taken: set[str] = set()
    for _, one in read:
        if one is not None:
            at, model = one
            for index, entry in enumerate(model.indicators):
                where: Where = ("indicators", index)
                _take(at, where, entry.id, taken)
                found.indicators[entry.id] = _indicator(at, where, entry, vocabulary, rules)
    whole = all(one is not None for _, one in read)
    for _, one in read:
        if one is not None:
            at, model = one
            _read_derived(at, model, vocabulary, taken, found, whole=whole)
    return found if whole else None


def check_counted_rules(files: Files, indicators: Iterable[Indicator], rules: Sequence[Rule]) -> None:
    """Tell of indicators that count what detect does not find."""
    on_areas = {rule.id for rule in rules if any(limb.keys == ("area",) for limb in rule.limbs)}
    at = files.place(files.folder / "indicators")
    for one in indicators:
        if one.rule in on_areas:
            what = f"indicator {one.id} counts rule {one.rule}, which is about an area's numbers"
            at.error((), what, "count the findings of rules on other keys")


def _read_derived(
    at: Place, model: IndicatorsFile, vocabulary: Vocabulary, taken: set[str], found: Measures, *, whole: bool
) -> None:
    known = found.indicators if whole else None
    for index, share in enumerate(model.shares):
        where: Where = ("shares", index)
        _take(at, where, share.id, taken)
        for name in ("of", "among"):
            at.know((*where, name), "indicator", getattr(share, name), known)
        found.shares[share.id] = _share(at, where, share, vocabulary)
    for index, rate in enumerate(model.rates):
        where = ("rates", index)
        _take(at, where, rate.id, taken)
        at.know((*where, "of"), "indicator", rate.of, known)
        found.rates[rate.id] = _rate(at, where, rate, vocabulary)


def _take(at: Place, where: Where, name: str, taken: set[str]) -> None:
    if name in taken:
        at.error((*where, "id"), f"indicator {name} is there already", "ids are never reused: rename it")
    taken.add(name)


def _indicator(
    at: Place, where: Where, entry: IndicatorEntry, vocabulary: Vocabulary, rules: Collection[str]
) -> Indicator:
    for feed in entry.feeds:
        at.know((*where, "feeds"), "feed", feed, vocabulary.sources)
    if (entry.rule is None) == (entry.select is None):
        what = "both select and rule" if entry.rule is not None else "neither select nor rule"
        at.error(where, f"indicator {entry.id} has {what}", "count either reports or a rule's findings")
    if entry.rule is not None:
        if entry.rule not in rules:
            what = f"indicator {entry.id} counts rule {entry.rule}, which is not there"
            at.warning((*where, "rule"), what, "name a rule, or leave the indicator out: it stays at nought")
        if entry.adds != ONE or entry.drill:
            at.error(
                where, f"indicator {entry.id} counts findings", "a finding adds one, to districts: leave the rest out"
            )
    if "ward" in entry.drill and vocabulary.areas is not None and not vocabulary.areas.wards:
        what = f"indicator {entry.id} is counted by ward, and nobody has said which LSOA is in which"
        at.warning((*where, "drill"), what, "name a ward_lookup in the area set: until then there are no wards")
    _check_adds(at, where, entry, vocabulary)
    return Indicator(
        id=entry.id,
        title=entry.title,
        select=selector_of_reports(at, (*where, "select"), entry.select or StepEntry(), vocabulary),
        feeds=tuple(entry.feeds),
        periods=tuple(entry.periods),
        adds=entry.adds,
        weights={} if entry.weights is None else dict(sorted(entry.weights.of.items())),
        rule=entry.rule,
        drill=tuple(entry.drill),
        tags=_tags(at, where, entry.tags, vocabulary),
        caveats=_caveats(at, where, entry.caveats, vocabulary),
    )


def _check_adds(at: Place, where: Where, entry: IndicatorEntry, vocabulary: Vocabulary) -> None:
    if (entry.adds == WEIGHT) != (entry.weights is not None):
        what = "no weights" if entry.weights is None else f"weights, and adds {entry.adds}"
        at.error(
            (*where, "weights" if entry.weights else "adds"),
            f"indicator {entry.id} has {what}",
            "say both adds: weight and weights, or neither",
        )
    categories = vocabulary.categories
    for category in () if entry.weights is None else entry.weights.of:
        known = None if categories is None else categories.by_id
        at.know((*where, "weights", "of", category), "category", category, known)
    if entry.adds not in (ONE, WEIGHT):
        at.know((*where, "adds"), "fact", entry.adds, vocabulary.facts)
        fact = (vocabulary.facts or {}).get(entry.adds)
        if fact is not None and fact.type != "number":
            at.error(
                (*where, "adds"), f"fact {entry.adds} is a word, which adds nothing", "name a fact that is a number"
            )


def _share(at: Place, where: Where, entry: ShareOfEntry, vocabulary: Vocabulary) -> Share:
    return Share(
        id=entry.id,
        title=entry.title,
        of=entry.of,
        among=entry.among,
        least_base=entry.least_base,
        tags=_tags(at, where, entry.tags, vocabulary),
        caveats=_caveats(at, where, entry.caveats, vocabulary),
    )


def _rate(at: Place, where: Where, entry: RateEntry, vocabulary: Vocabulary) -> Rate:
    return Rate(
        id=entry.id,
        title=entry.title,
        of=entry.of,
        per=entry.per,
        times=entry.times,
        tags=_tags(at, where, entry.tags, vocabulary),
        caveats=_caveats(at, where, entry.caveats, vocabulary),
    )


def _tags(at: Place, where: Where, tags: Sequence[str], vocabulary: Vocabulary) -> tuple[str, ...]:
    for number, tag in enumerate(tags):
        at.know((*where, "tags", number), "tag", tag, vocabulary.tags())
    return tuple(tags)


def _caveats(at: Place, where: Where, entries: Sequence[CaveatEntry], vocabulary: Vocabulary) -> tuple[Caveat, ...]:
    for number, entry in enumerate(entries):
        for area in entry.areas:
            vocabulary.know_area(at, (*where, "caveats", number, "areas"), area)
    return tuple(Caveat(text=entry.text, areas=tuple(entry.areas), source=entry.source) for entry in entries)
