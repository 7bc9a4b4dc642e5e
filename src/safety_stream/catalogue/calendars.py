"""The calendars of a catalogue (`calendars/`): which days are school days, or working days.

A calendar ends: somebody publishes the next year's days, and somebody must write them down. Beyond its end every day
from Monday to Friday is taken for open, so what is forgotten shows as deadlines that come too early. Lint says so in
time, of a day it is told: nothing else of a catalogue depends on when it is read.
"""

from __future__ import annotations

from itertools import pairwise

from safety_stream.catalogue.files import Files
from safety_stream.catalogue.formats.days import ClosedEntry, OpenDaysFile
from safety_stream.catalogue.places import Place
from safety_stream.core.model.open_days import Closed, OpenDays
from safety_stream.core.model.times import Day, before, day_of, length_in_words, start_of, to_date


def read_calendars(files: Files, today: Day | None = None) -> dict[str, OpenDays] | None:
    """The calendars by id; None when one cannot be had. With `today` those are told of that end soon."""
    found: dict[str, OpenDays] = {}
    whole = True
    for path in files.in_folder(files.folder / "calendars"):
        read = files.read(path, OpenDaysFile)
        if read is None:
            whole = False
            continue
        at, model = read
        if model.id in found:
            at.error(("id",), f"calendar {model.id} is there already", "rename one of them")
        found[model.id] = _open_days(at, model)
        if today is not None and day_of(before(start_of(model.known.last), model.renew_before)) <= today:
            soon = length_in_words(model.renew_before)
            what = f"calendar {model.id} ends on {to_date(model.known.last)}, in {soon} or less"
            at.warning(("known",), what, "add the next year's days, and raise the version of the rules that go by it")
    return found if whole else None


def _open_days(at: Place, model: OpenDaysFile) -> OpenDays:
    if model.known.last < model.known.first:
        at.error(("known", "last"), "the last day is before the first", "the last is the last day that is known")
    for index, entry in enumerate(model.closed):
        first, last = entry.first, _last(entry)
        if last < first:
            at.error(("closed", index, "last"), "the last day is before the first", "both are days it is closed")
        elif first < model.known.first or last > model.known.last:
            at.error(("closed", index), "these days are not within those the calendar knows", "widen known")
    for index, (one, other) in enumerate(pairwise(model.closed), 1):
        if other.first <= _last(one):
            at.error(("closed", index, "first"), "it begins before the one above has ended", "put them in order")
    hours, minutes = model.opens.split(":")
    return OpenDays(
        id=model.id,
        opens=int(hours) * 60 + int(minutes),
        closed=tuple(Closed(entry.first, _last(entry)) for entry in model.closed),
        known_from=model.known.first,
        known_to=model.known.last,
    )


def _last(entry: ClosedEntry) -> Day:
    return entry.first if entry.last is None else entry.last
