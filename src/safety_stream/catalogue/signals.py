"""When the value of a week or a day is a signal: the file that says so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from safety_stream.catalogue.documents import Where
from safety_stream.catalogue.files import Files
from safety_stream.catalogue.formats.signals import DailyEntry, DayLevelsEntry, LevelsEntry, SignalsEntry, SignalsFile
from safety_stream.catalogue.places import Place
from safety_stream.catalogue.vocabulary import Vocabulary
from safety_stream.core.judgements.settings import (
    WEEKS_OF_A_YEAR,
    Accepted,
    DayLevels,
    DaySettings,
    Levels,
    Settings,
    Target,
)
from safety_stream.core.judging import Judging
from safety_stream.core.model.times import PeriodKind
from safety_stream.core.statistics.expecting import Expecting
from safety_stream.core.statistics.farrington import Control
from safety_stream.core.statistics.short_history import Bayes
from safety_stream.core.statistics.weekdays import Weekdays

_SOURCED = ("indicators", "areas", "farrington", "bayes", "accepted")
_SOURCED_OF_DAYS = ("indicators", "areas", "weekdays", "left_out")


def read_signals(files: Files, vocabulary: Vocabulary, judging: Judging | None) -> Settings | None:
    """Which series are judged and how; None, where there is no such file, is none. So it is if it is broken.

    `judging` is what is known of series beforehand, None where nobody knows.
    """
    path = files.folder / "signals.yaml"
    read = files.read(path, SignalsFile) if path.exists() else None
    if read is None:
        return None
    at, entry = read[0], read[1].signals
    where: Where = ("signals",)
    _check_series(at, where, entry, "week", vocabulary)
    _check_targets(at, where, entry, vocabulary)
    _check_sources(at, where, entry.sources, (*_SOURCED, *_named(LevelsEntry)))
    return Settings(
        indicators=tuple(entry.indicators),
        areas=tuple(entry.areas),
        expecting=_expecting(at, where, entry),
        levels=_levels(at, where, entry.levels),
        accepted=_accepted(at, where, entry),
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
        daily=None if read[1].daily is None else _daily(at, read[1].daily, vocabulary, judging),
    )


def _daily(at: Place, entry: DailyEntry, vocabulary: Vocabulary, judging: Judging | None) -> DaySettings:
    where: Where = ("daily",)
    _check_series(at, where, entry, "day", vocabulary)
    _check_sources(at, where, entry.sources, (*_SOURCED_OF_DAYS, *_named(DayLevelsEntry)))
    effects = None if judging is None else {one.id for one in judging.covariates}
    for index, effect in enumerate(entry.left_out):
        at.know((*where, "left_out", index), "effect in judging.yaml", effect, effects)
    stated = entry.weekdays
    if stated.least_weeks > stated.weeks - stated.weeks_left_out:
        what = f"{stated.least_weeks} weeks at least are more than the {stated.weeks} without {stated.weeks_left_out}"
        at.error((*where, "weekdays", "least_weeks"), what, "ask for no more than are left")
    _check_levels(at, where, entry.levels)
    return DaySettings(
        indicators=tuple(entry.indicators),
        areas=tuple(entry.areas),
        expecting=Weekdays(weeks=stated.weeks, weeks_left_out=stated.weeks_left_out, least_weeks=stated.least_weeks),
        left_out=tuple(entry.left_out),
        levels=DayLevels(
            red=entry.levels.red,
            amber=entry.levels.amber,
            least=entry.levels.least,
            clear_after=entry.levels.clear_after,
        ),
    )


def judged_in(files: Files, settings: Settings | None) -> frozenset[str] | None:
    """The indicators that are judged; none without the file, and nobody knows when it is broken."""
    if settings is not None:
        return frozenset(settings.indicators)
    return None if (files.folder / "signals.yaml").exists() else frozenset()


def _check_series(
    at: Place, where: Where, entry: SignalsEntry | DailyEntry, period: PeriodKind, vocabulary: Vocabulary
) -> None:
    at.refuse_repeats(str(where[0]), [*entry.indicators, *entry.areas])
    for index, name in enumerate(entry.indicators):
        _check_indicator(at, (*where, "indicators", index), name, period, vocabulary)
    for index, code in enumerate(entry.areas):
        vocabulary.know_area(at, (*where, "areas", index), code)


def _check_targets(at: Place, where: Where, entry: SignalsEntry, vocabulary: Vocabulary) -> None:
    for index, target in enumerate(entry.targets):
        _check_indicator(at, (*where, "targets", index, "indicator"), target.indicator, "week", vocabulary)
        vocabulary.know_area(at, (*where, "targets", index, "area"), target.area)


def _check_indicator(at: Place, where: Where, name: str, period: PeriodKind, vocabulary: Vocabulary) -> None:
    at.know(where, "indicator", name, vocabulary.indicators)
    indicator = (vocabulary.indicators or {}).get(name)
    if indicator is not None and period not in indicator.periods:
        at.error(where, f"indicator {name} is not counted by the {period}", f"give it the period {period}")


def _named(levels: type[LevelsEntry | DayLevelsEntry]) -> list[str]:
    """The levels that need a source of their own: that of amber says these two as well."""
    return [name for name in levels.model_fields if name not in ("sigmas", "run")]


def _check_sources(at: Place, where: Where, sources: Mapping[str, str], names: Iterable[str]) -> None:
    for name in names:
        if name not in sources:
            at.error((*where, "sources"), f"nothing says where {name} is from", f"add {name}: its source, or default")


def _accepted(at: Place, where: Where, entry: SignalsEntry) -> Accepted:
    """What is accepted, held against what each level brings by itself; all rules together `indicators budget` holds."""
    weeks = WEEKS_OF_A_YEAR * len(entry.indicators) * len(entry.areas)
    for name in ("red", "amber", "improvement"):
        most, brought = getattr(entry.accepted, name), round(weeks * getattr(entry.levels, name))
        if brought > most:
            what = f"{name} brings {brought:,} of {weeks:,} weeks a year by chance alone, where {most:,} are accepted"
            at.error((*where, "levels", name), what, "lower the level, judge fewer series, or accept more")
    return Accepted(red=entry.accepted.red, amber=entry.accepted.amber, improvement=entry.accepted.improvement)


def _check_levels(at: Place, where: Where, stated: LevelsEntry | DayLevelsEntry) -> None:
    if stated.red > stated.amber:
        at.error((*where, "levels", "red"), "red is more probable than amber", "let red be the rarer")


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
    _check_levels(at, where, stated)
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
