"""Times and places as partners' standards state them in text, read the same way for all of them.

What is wrong is said by the name the partner's own file has for it, and never by what stands there.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final, NamedTuple

from safety_stream.core.model.reports import ReportedPlace
from safety_stream.core.model.times import Instant
from safety_stream.edge.clocks import LEFT_OUT, YEARS, shown

_NORTH_AT_MOST: Final = 1_300_000
"""Metres: where the national grid ends."""

_IS_UPRN: Final = re.compile(r"[0-9]{1,12}", re.ASCII).fullmatch
_IS_GSS: Final = re.compile(r"[A-Z][0-9]{8}", re.ASCII).fullmatch
_IS_METRES: Final = re.compile(r"[0-9]{1,7}", re.ASCII).fullmatch


class Wrong(Exception):
    """Why a record of a partner's file is no report, as its reject says it."""


class Moment(NamedTuple):
    """The first and the last instant that a time may be: one, but for the hour that clocks go through twice."""

    first: Instant
    last: Instant


def moment(text: str, name: str) -> Moment | None:
    """A time in ISO 8601, of London where it states no zone; None for nothing. Raises `Wrong`."""
    if not text:
        return None
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        told = datetime.min  # noqa: DTZ901 - of no year there is
    if told.year not in YEARS or len(text) <= len("2026-01-31"):
        raise Wrong(f"{name} is no time like 2026-01-31T23:50:00")
    at = shown(told)
    if at is None:
        raise Wrong(f"{name} {LEFT_OUT}")
    return Moment(*at)


def place(uprn: str, lsoa: str, easting: str, northing: str) -> ReportedPlace | None:
    """A place by what is known of it, "" for what is not; None where nothing is. Raises `Wrong`."""
    if uprn and not _IS_UPRN(uprn):
        raise Wrong("a UPRN has up to 12 digits")
    if lsoa and not _IS_GSS(lsoa):
        raise Wrong("an LSOA is a GSS code like E01025000")
    metres = [one for one in (easting, northing) if one]
    if len(metres) == 1 or not all(_IS_METRES(one) and int(one) <= _NORTH_AT_MOST for one in metres):
        raise Wrong("easting and northing are whole metres of the national grid: both, or neither")
    if not (uprn or lsoa or metres):
        return None
    east, north = (int(easting), int(northing)) if metres else (None, None)
    return ReportedPlace(uprn=uprn or None, lsoa=lsoa or None, easting=east, northing=north)
