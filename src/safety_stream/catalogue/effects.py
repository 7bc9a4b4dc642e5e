"""The days of what moves series beside their season (`calendars/effects/`): holidays, festivals, illuminations.

Dates that somebody publishes stand in the file. Bank holidays are those of GOV.UK as the `govuk-bank-holidays` library
carries them with it; nothing is fetched. What it says counts into the catalogue's version, so that another release of
it never passes unseen.
"""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import msgspec
from govuk_bank_holidays.bank_holidays import BankHolidays

from safety_stream.catalogue.documents import Where
from safety_stream.catalogue.files import Files
from safety_stream.catalogue.formats.days import EachYearEntry, EffectEntry, EffectsFile
from safety_stream.catalogue.places import Place
from safety_stream.catalogue.vocabulary import Vocabulary
from safety_stream.core.model.open_days import Closed
from safety_stream.core.model.times import Day, before, day_of, length_in_words, start_of, to_date, to_day


class Effect(msgspec.Struct, frozen=True):
    """The days of one effect, sorted, and from when to when they are known."""

    title: str
    days: tuple[Day, ...]
    known_from: Day
    known_to: Day


def read_effects(files: Files, vocabulary: Vocabulary, today: Day | None = None) -> dict[str, Effect] | None:
    """The effects by id; None when one cannot be had. With `today` those are told of that end soon."""
    found: dict[str, Effect] = {}
    whole = True
    for path in files.in_folder(files.folder / "calendars" / "effects"):
        read = files.read(path, EffectsFile)
        if read is None:
            whole = False
            continue
        at, model = read
        if model.known.last < model.known.first:
            at.error(("known", "last"), "the last day is before the first", "the last is the last day that is known")
            whole = False
            continue
        for index, entry in enumerate(model.effects):
            where: Where = ("effects", index)
            if entry.id in found:
                at.error((*where, "id"), f"effect {entry.id} is there already", "rename one of them")
            days = _days(files, at, where, entry, _Known(model.known.first, model.known.last, found, vocabulary))
            found[entry.id] = Effect(entry.title, days, model.known.first, model.known.last)
        if today is not None and day_of(before(start_of(model.known.last), model.renew_before)) <= today:
            soon = length_in_words(model.renew_before)
            what = f"the effects are known to {to_date(model.known.last)}, which is in {soon} or less"
            at.warning(("known",), what, "add the next year's days; beyond them effects take no part")
    return found if whole else None


class _Known(msgspec.Struct, frozen=True):
    """Between which days effects are to be told, and what has been told already."""

    first: Day
    last: Day
    effects: dict[str, Effect]
    vocabulary: Vocabulary


def _days(files: Files, at: Place, where: Where, entry: EffectEntry, known: _Known) -> tuple[Day, ...]:
    """The days of an effect, whichever way they are told."""
    days: set[Day] = set()
    if entry.bank_holidays is not None:
        told = _bank_holidays(at, (*where, "bank_holidays"), entry.bank_holidays, known)
        files.count(f"{entry.id}: {told}".encode())
        days.update(told)
    if entry.eves_of is not None:
        at.know((*where, "eves_of"), "effect above this one:", entry.eves_of, known.effects)
        after = known.effects[entry.eves_of].days if entry.eves_of in known.effects else ()
        days.update(day - 1 for day in after if day - 1 not in after)
    if entry.closed_of is not None:
        at.know((*where, "closed_of"), "calendar", entry.closed_of, known.vocabulary.calendars)
        calendar = (known.vocabulary.calendars or {}).get(entry.closed_of)
        days.update(day for one in (calendar.closed if calendar else ()) for day in range(one.first, one.last + 1))
    if entry.each_year is not None:
        days.update(_of_each_year(entry.each_year, known))
    days.update(_of_stretches(at, (*where, "stretches"), entry, known))
    if not (entry.bank_holidays or entry.eves_of or entry.closed_of or entry.each_year or entry.stretches):
        what = f"effect {entry.id} has no day"
        at.error(where, what, "say its bank_holidays, eves_of, closed_of, each_year or stretches")
    return tuple(sorted(day for day in days if known.first <= day <= known.last))


def _bank_holidays(at: Place, where: Where, division: str, known: _Known) -> list[Day]:
    days = sorted(to_day(one["date"]) for one in BankHolidays(use_cached_holidays=True).get_holidays(division=division))
    years = [to_date(day).year for day in days]
    if not years[0] <= to_date(known.first).year <= to_date(known.last).year <= years[-1]:
        what = f"the bank holidays of {division} are known for the years {years[0]} to {years[-1]} alone"
        at.error(where, what, "narrow known, or take a newer govuk-bank-holidays")
    return days


def _of_each_year(entry: EachYearEntry, known: _Known) -> list[Day]:
    """The days of the years known, and of the one before them, from whose end a stretch may reach over."""
    over = entry.last < entry.first
    found: list[Day] = []
    for year in range(to_date(known.first).year - 1, to_date(known.last).year + 1):
        first, last = to_day(date(year, *entry.first)), to_day(date(year + over, *entry.last))
        found.extend(range(first, last + 1))
    return found


def _of_stretches(at: Place, where: Where, entry: EffectEntry, known: _Known) -> list[Day]:
    stretches = [Closed(one.first, one.first if one.last is None else one.last) for one in entry.stretches]
    for index, one in enumerate(stretches):
        if one.last < one.first:
            at.error((*where, index, "last"), "the last day is before the first", "both are days of the effect")
        elif one.first < known.first or one.last > known.last:
            at.error((*where, index), "these days are not within those that are known", "widen known")
    for index, (one, other) in enumerate(pairwise(stretches), 1):
        if other.first <= one.last:
            at.error((*where, index, "first"), "it begins before the one above has ended", "put them in order")
    return [day for one in stretches for day in range(one.first, one.last + 1)]
