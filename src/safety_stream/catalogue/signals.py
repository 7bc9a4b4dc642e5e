"""When a weekly value is a signal: the file that says so."""

from __future__ import annotations

from safety_stream.catalogue.documents import Where
from safety_stream.catalogue.files import Files
from safety_stream.catalogue.formats import LevelsEntry, SignalsEntry, SignalsFile
from safety_stream.catalogue.places import Place
from safety_stream.catalogue.vocabulary import Vocabulary
from safety_stream.core.judgements.settings import Levels, Settings, Target
from safety_stream.core.statistics.expecting import Expecting
from safety_stream.core.statistics.farrington import Control
from safety_stream.core.statistics.short_history import Bayes

_SOURCED = ("indicators", "areas", "farrington", "bayes")


def read_signals(files: Files, vocabulary: Vocabulary) -> Settings | None:
    """Which series are judged and how; None, where there is no such file, is none. So it is if it is broken."""
    path = files.folder / "signals.yaml"
    read = files.read(path, SignalsFile) if path.exists() else None
    if read is None:
        return None
    at, entry = read[0], read[1].signals
    where: Where = ("signals",)
    _check_series(at, where, entry, vocabulary)
    _check_sources(at, where, entry)
    return Settings(
        indicators=tuple(entry.indicators),
        areas=tuple(entry.areas),
        expecting=_expecting(at, where, entry),
        levels=_levels(at, where, entry.levels),
        targets=tuple(
            Target(
                indicator=one.indicator,
                area=one.area,
                valid_from=one.valid_from,
                at_most=one.at_most,
                source=one.source,
            )
            for one in entry.targets
        ),
    )


def judged_in(files: Files, settings: Settings | None) -> frozenset[str] | None:
    """The indicators that are judged; none without the file, and nobody knows when it is broken."""
    if settings is not None:
        return frozenset(settings.indicators)
    return None if (files.folder / "signals.yaml").exists() else frozenset()


def _check_series(at: Place, where: Where, entry: SignalsEntry, vocabulary: Vocabulary) -> None:
    at.refuse_repeats("signals", [*entry.indicators, *entry.areas])
    indicators = [((*where, "indicators", index), name) for index, name in enumerate(entry.indicators)]
    areas = [((*where, "areas", index), code) for index, code in enumerate(entry.areas)]
    for index, target in enumerate(entry.targets):
        indicators.append(((*where, "targets", index, "indicator"), target.indicator))
        areas.append(((*where, "targets", index, "area"), target.area))
    for place, name in indicators:
        at.know(place, "indicator", name, vocabulary.indicators)
        indicator = (vocabulary.indicators or {}).get(name)
        if indicator is not None and "week" not in indicator.periods:
            at.error(place, f"indicator {name} is not counted by the week", "give it the period week")
    for place, code in areas:
        vocabulary.know_area(at, place, code)


def _check_sources(at: Place, where: Where, entry: SignalsEntry) -> None:
    for name in (*_SOURCED, *LevelsEntry.model_fields):
        if name not in entry.sources and name not in ("sigmas", "run"):
            at.error((*where, "sources"), f"nothing says where {name} is from", f"add {name}: its source, or default")


def _expecting(at: Place, where: Where, entry: SignalsEntry) -> Expecting:
    stated = entry.farrington
    if stated.least_years > stated.years:
        what = f"{stated.least_years} years at least are more than the {stated.years} looked back"
        at.error((*where, "farrington", "least_years"), what, "ask for no more than years")
    try:
        trusted = Control(
            b=stated.years,
            w=stated.half_width,
            no_periods=stated.levels_of_year,
            past_weeks_not_included=stated.weeks_left_out,
            weights_threshold=stated.weights_threshold,
            # A bound that knows how well its mean is known keeps what it promises (docs/statistics.md, "P-values").
            threshold_method="predictive",
        )
    except ValueError as error:
        at.error((*where, "farrington"), str(error), "take other numbers")
        trusted = Control()
    short = Bayes(b=entry.bayes.years, w=entry.bayes.half_width, this_year=True)
    return Expecting(trusted=trusted, least_years=stated.least_years, short=short)


def _levels(at: Place, where: Where, stated: LevelsEntry) -> Levels:
    if stated.red > stated.amber:
        at.error((*where, "levels", "red"), "red is more probable than amber", "let red be the rarer")
    return Levels(
        red=stated.red,
        amber=stated.amber,
        improvement=stated.improvement,
        false_discoveries=stated.false_discoveries,
        least=(stated.least.incidents, stated.least.weeks),
        least_now=stated.least_now,
        sigmas=stated.sigmas,
        run=stated.run,
        rare_below=stated.rare.below,
        rare_together=stated.rare.together,
        rare_least=stated.rare.least,
        clear_after=stated.clear_after,
    )
