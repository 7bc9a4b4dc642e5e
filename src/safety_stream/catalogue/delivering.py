"""`delivery.yaml`: how urgent an alert has to be to disturb somebody, and how long delivery goes on trying."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from safety_stream.catalogue.files import Files
from safety_stream.catalogue.formats.parts import Prose, Strict
from safety_stream.catalogue.issues import CatalogueError
from safety_stream.core.delivering import Confirming, Delivering, MinuteOfDay, Missed, Retrying
from safety_stream.core.model.findings import Priority
from safety_stream.core.model.times import DAY_LENGTH, HOUR, MINUTE, SECOND, Instant
from safety_stream.data_files import catalogue_folder

FILE: Final = "delivery.yaml"

_UNITS: Final = {"second": SECOND, "minute": MINUTE, "hour": HOUR, "day": DAY_LENGTH}
_LENGTH = re.compile(r"([1-9][0-9]{0,4}) (second|minute|hour|day)s?")
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


def length_of_text(text: object) -> Instant:
    """`5 minutes` as milliseconds. Raises `ValueError`."""
    stated = _LENGTH.fullmatch(text) if isinstance(text, str) else None
    if stated is None:
        raise ValueError("a length is written as 30 seconds, 5 minutes, 4 hours or 7 days")
    return int(stated[1]) * _UNITS[stated[2]]


def minute_of_text(text: object) -> MinuteOfDay:
    """`08:30` as minutes since midnight. Raises `ValueError`."""
    stated = _TIME.fullmatch(text) if isinstance(text, str) else None
    if stated is None:
        raise ValueError("a time of day is written as 08:30, from 00:00 to 23:59")
    return int(stated[1]) * 60 + int(stated[2])


Length = Annotated[int, BeforeValidator(length_of_text)]
TimeOfDay = Annotated[int, BeforeValidator(minute_of_text)]


class PageWithinEntry(Strict):
    """How old an alert of each priority may be and still page somebody."""

    P1: Length
    P2: Length
    P3: Length
    P4: Length
    source: Prose


class TellWithinEntry(Strict):
    """How old an alert may be and still be told of at all."""

    length: Length
    source: Prose


class DigestOnlyEntry(Strict):
    """What comes in the digest and never by itself."""

    priorities: Annotated[list[Priority], Field(max_length=3)]
    source: Prose


class QuietHoursEntry(Strict):
    """What quiet hours hold until they end."""

    hold: Annotated[list[Priority], Field(max_length=3)]
    source: Prose


class MissedEntry(Strict):
    """Of what nothing may stay untold because it was published too long ago to page."""

    priorities: list[Priority]
    after: Length
    source: Prose


class DigestAtEntry(Strict):
    """When the digest comes unless a subscription says otherwise."""

    time: TimeOfDay
    source: Prose


class RetryEntry(Strict):
    """How long a provider that failed is left alone, and when to give up."""

    first: Length
    most: Length
    give_up_after: Length
    source: Prose


class ConfirmEntry(Strict):
    """How often a provider is asked where a message is, and how long it is believed."""

    every: Length
    within: Length
    source: Prose


class DeliveryFile(Strict):
    """`delivery.yaml`."""

    page_within: PageWithinEntry
    tell_within: TellWithinEntry
    digest_only: DigestOnlyEntry
    quiet_hours: QuietHoursEntry
    missed: MissedEntry
    digest_at: DigestAtEntry
    retry: RetryEntry
    confirm: ConfirmEntry


def load_delivering(folder: Path) -> Delivering:
    """The bounds of delivery as a catalogue states them, else as the shipped one does. Raises `CatalogueError`."""
    stated = folder if (folder / FILE).is_file() else catalogue_folder()
    files = Files(stated)
    bounds = read_delivering(files)
    if bounds is None:
        raise CatalogueError(files.sorted_issues())
    return bounds


def read_delivering(files: Files) -> Delivering | None:
    """The bounds of delivery; None when the file cannot be had, and the issues say why."""
    read = files.read(files.folder / FILE, DeliveryFile)
    if read is None:
        return None
    at, file = read
    if "P1" in file.digest_only.priorities:
        at.error(("digest_only", "priorities"), "P1 is never kept for a digest", "leave it out")
    elif both := sorted({*file.missed.priorities} & {*file.digest_only.priorities}):
        what = f"{', '.join(both)} is told in the digest only, and never alone"
        at.error(("missed", "priorities"), what, "leave it out here or there")
    if "P1" in file.quiet_hours.hold:
        at.error(("quiet_hours", "hold"), "P1 is never held through quiet hours", "leave it out")
    if file.retry.first > file.retry.most:
        at.error(("retry", "first"), "the first wait is longer than the longest", "make it shorter than `most`")
    if files.have_errors:
        return None
    pages = file.page_within
    return Delivering(
        page_within={"P1": pages.P1, "P2": pages.P2, "P3": pages.P3, "P4": pages.P4},
        tell_within=file.tell_within.length,
        digest_only=frozenset(file.digest_only.priorities),
        held_when_quiet=frozenset(file.quiet_hours.hold),
        missed=Missed(priorities=frozenset(file.missed.priorities), after=file.missed.after),
        digest_at=file.digest_at.time,
        retrying=Retrying(first=file.retry.first, most=file.retry.most, give_up_after=file.retry.give_up_after),
        confirming=Confirming(every=file.confirm.every, within=file.confirm.within),
    )
