"""Information Sharing to Tackle Violence (ISB 1594) in XML: assaults treated in hospital, as reports of `ed-assaults`.

What the file is, and what follows from it:

- A header says the site and the reporting period; each assault says when, by what and in what sort of place. Nothing in
  it says who, and nothing that could is taken: descriptions in free text stay in the hospital.
- No assault has a reference. It is named by a digest of what is said of it and by its ordinal among equal ones of the
  file, so that a file sent again changes nothing.
- Times are as the clock showed. In the hour that the clocks of autumn go through twice the report covers both.
- It was known to the hospital at the arrival, or where that is not said, when it happened; and to the partnership, for
  history, at the end of the reporting period.
- Where it happened is a sort of place. A partner that has looked up the place of a description adds it as
  `AssaultLocationUPRN`, `AssaultLocationLSOA`, or `…Easting` and `…Northing`; without, it is nowhere in particular.

Elements are those of the NHS Data Dictionary by their names; case, underscores and namespaces do not matter. Methods
and sorts of place are words: the national codes are not part of what was at hand, so a code is rejected and never
guessed at.

Source: NHS Data Model and Dictionary, Information Sharing to Tackle Violence Minimum Data Set.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from typing import BinaryIO, Final

import msgspec

from safety_stream.core.catalogue import Areas
from safety_stream.core.model.reports import Report, ReportedPlace
from safety_stream.core.model.times import Instant, start_of, to_day, to_iso
from safety_stream.edge import stated
from safety_stream.edge.clocks import YEARS
from safety_stream.edge.entries import Entry, Reject, UnreadableFile
from safety_stream.edge.markup import Element, elements, name_of
from safety_stream.wire.schema import Json

SOURCE = "ed-assaults"
"""The source every report of such a file belongs to."""

METHODS: Final[Mapping[str, str]] = {
    "bodypart": "BODY_PART",
    "fist": "BODY_PART",
    "foot": "BODY_PART",
    "feet": "BODY_PART",
    "head": "BODY_PART",
    "pushed": "BODY_PART",
    "knife": "KNIFE_OR_SHARP",
    "sharpobject": "KNIFE_OR_SHARP",
    "knifeorsharpobject": "KNIFE_OR_SHARP",
    "bluntobject": "BLUNT_OBJECT",
    "glass": "GLASS_OR_BOTTLE",
    "bottle": "GLASS_OR_BOTTLE",
    "glassorbottle": "GLASS_OR_BOTTLE",
    "gun": "FIREARM",
    "firearm": "FIREARM",
    "other": "OTHER",
    "unknown": "UNKNOWN",
    "notknown": "UNKNOWN",
}
"""Their words for the means of an assault, letters alone, and the schema's."""

PLACES: Final[Mapping[str, str]] = {
    "licensedpremises": "licensed-premises",
    "bar": "licensed-premises",
    "pub": "licensed-premises",
    "nightclub": "licensed-premises",
    "club": "licensed-premises",
    "street": "street",
    "publicplace": "street",
    "home": "home",
    "ownhome": "home",
    "someoneelseshome": "home",
    "workplace": "workplace",
    "school": "school",
    "educationalestablishment": "school",
    "publictransport": "public-transport",
    "hospital": "hospital",
    "other": "other",
    "unknown": "unknown",
    "notknown": "unknown",
}
"""Likewise for the sorts of place."""

_HEADER: Final = ("submissionheader", "header")
_ASSAULT: Final = "assault"
_OCCURRED: Final = ("assaultdateandtime", "assaultdatetime")
_ARRIVED: Final = (
    "arrivaldateandtimeataccidentandemergencydepartment",
    "arrivaldateandtime",
    "arrivaldatetime",
)
_IDENTIFYING: Final = (*_OCCURRED, *_ARRIVED, "assaultmethod", "assaultlocationtype")
_IS_SITE: Final = re.compile(r"[A-Za-z0-9]{3,12}", re.ASCII).fullmatch


class _Submission(msgspec.Struct, frozen=True):
    """What the header says."""

    site: str
    starts: date
    ends: date


def read(file: BinaryIO, areas: Areas | None = None) -> Iterator[Entry | Reject]:
    """The assaults of an open file, plain or gzip, in its order. Raises `UnreadableFile`, also for a wrong header."""
    del areas
    submission: _Submission | None = None
    equal: Counter[str] = Counter()
    for element in elements(file, {*_HEADER, _ASSAULT}):
        if isinstance(element, Reject):
            yield element
        elif element.name in _HEADER:
            submission = _submission(element)
        elif submission is None:
            raise UnreadableFile(f"line {element.line}: an assault stands before any SubmissionHeader")
        else:
            content = _digest(element, submission)
            equal[content] += 1
            try:
                yield _entry(element, submission, f"{content}-{equal[content]}")
            except stated.Wrong as wrong:
                yield Reject(line=element.line, reason=str(wrong))


def _submission(header: Element) -> _Submission:
    site = header.first("sitecodeoftreatment", "sitecode")
    try:
        starts, ends = (date.fromisoformat(header.first(f"reportingperiod{end}date")) for end in ("start", "end"))
    except ValueError:
        starts = ends = date.min
    if not _IS_SITE(site) or starts.year not in YEARS or ends.year not in YEARS or ends < starts:
        raise UnreadableFile(
            f"line {header.line}: the header needs a site code and the days the reporting period starts and ends on "
            "(SiteCodeOfTreatment, ReportingPeriodStartDate and ReportingPeriodEndDate like 2026-01-31)"
        )
    return _Submission(site, starts, ends)


def _entry(assault: Element, submission: _Submission, reference: str) -> Entry:
    occurred = stated.moment(assault.first(*_OCCURRED), "AssaultDateAndTime")
    if occurred is None:
        raise stated.Wrong("AssaultDateAndTime is missing")
    arrived = stated.moment(assault.first(*_ARRIVED), "ArrivalDateAndTime")
    reported = occurred.first
    if arrived is not None:
        # Both may be of the hour that is gone through twice, the arrival of its second time.
        reported = arrived.first if arrived.first >= occurred.first else arrived.last
    period_ends = start_of(to_day(submission.ends) + 1)
    if reported < occurred.first:
        raise stated.Wrong("ArrivalDateAndTime is before AssaultDateAndTime: swap them")
    if reported >= period_ends:
        raise stated.Wrong("it is after the reporting period of the header: one of them is wrong")
    return Entry(
        line=assault.line,
        received_at=period_ends,
        details={"assault_attendance": _details(assault, submission, None if arrived is None else reported)},
        report=Report(
            source=SOURCE,
            source_ref=reference,
            source_version=1,
            action="new",
            kind="assault-attendance",
            category="violence",
            occurred_from=occurred.first,
            occurred_to=occurred.last if occurred.last > occurred.first else None,
            reported_at=reported,
            place=_place(assault),
            details=("assault_attendance",),
        ),
    )


def _details(assault: Element, submission: _Submission, arrived: Instant | None) -> dict[str, Json]:
    details: dict[str, Json] = {
        "site_code": submission.site,
        "period_starts": submission.starts.isoformat(),
        "period_ends": submission.ends.isoformat(),
        "method": _word(assault, "AssaultMethod", METHODS),
        "location_type": _word(assault, "AssaultLocationType", PLACES),
    }
    if arrived is not None:
        details["arrived_at"] = to_iso(arrived)
    return details


def _word(assault: Element, name: str, known: Mapping[str, str]) -> str:
    text = assault.first(name_of(name))
    if not text:
        raise stated.Wrong(f"{name} is missing")
    word = known.get(name_of(text))
    if word is None:
        raise stated.Wrong(f"{name} is none of the words known: write one of {', '.join(sorted(known))}")
    return word


def _place(assault: Element) -> ReportedPlace | None:
    return stated.place(*(assault.first(f"assaultlocation{name}") for name in ("uprn", "lsoa", "easting", "northing")))


def _digest(assault: Element, submission: _Submission) -> str:
    content = "\x1f".join([submission.site, *(assault.first(name) for name in _IDENTIFYING)])
    return hashlib.sha256(content.encode(errors="replace")).hexdigest()[:32]
