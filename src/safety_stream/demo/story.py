"""What the demonstration is sure to show: a scripted week, told by reports with invented tokens.

Days count from the start of the story, a Friday midnight in London. Each scene names what one will see.
"""

from __future__ import annotations

from collections.abc import Iterator

from safety_stream.core.model.reports import Report, ReportedParty, ReportedPlace
from safety_stream.core.model.times import DAY_LENGTH, HOUR, Instant
from safety_stream.synthetic import SyntheticReport

BURNLEY, PENDLE, HYNDBURN, RIBBLE_VALLEY = "E07000117", "E07000122", "E07000120", "E07000124"
VIOLENT_WEEKEND = 42
"""More than Ribble Valley's weekly number in catalogue/rules/district-count.yaml."""

_ORGANISED = {"police-crimes": "police-crime", "police-incidents": "police-incident", "housing": "housing-concern"}


def story(start: Instant) -> list[SyntheticReport]:
    """The scenes of the story that begins at `start`, in order of arrival."""
    scenes = (
        *_repeat_victim(start),
        *_cross_district(start),
        *_violent_weekend(start),
        *_corrected_away(start),
        *_told_late(start),
        *_broken(start),
        *_marac_repeat(start),
    )
    return sorted(scenes, key=lambda scene: scene.received_at)


def _repeat_victim(start: Instant) -> Iterator[SyntheticReport]:
    """One person harmed four times, told by police and council: repeat level 3, then 4."""
    victim = (ReportedParty(role="victim", token="tok-demo-repeat"),)  # noqa: S106 - a pseudonym, not a secret
    yield _told(start, 0.1, "police-crimes", "repeat-0", category="theft-from-the-person", parties=victim)
    yield _told(start, 0.3, "police-crimes", "repeat-1", category="burglary", parties=victim)
    yield _told(start, 2.2, "council-asb", "repeat-2", kind="asb-case", category="asb-neighbour", parties=victim)
    yield _told(start, 4.1, "police-crimes", "repeat-3", category="violence", parties=victim)


def _cross_district(start: Instant) -> Iterator[SyntheticReport]:
    """One vehicle at burglaries in three districts, seen by police and a landlord."""
    scenes = ((1.1, "police-crimes", BURNLEY), (2.6, "police-incidents", PENDLE), (3.7, "housing", HYNDBURN))
    for day, source, area in scenes:
        yield _told(
            start,
            day,
            source,
            f"cross-{area}",
            kind=_ORGANISED[source],
            category="burglary",
            vehicles=("veh-demo-cross",),
            place=ReportedPlace(area=area),
        )


def _violent_weekend(start: Instant) -> Iterator[SyntheticReport]:
    """A weekend's violence in Ribble Valley; the breach is known when the week is over, on Monday at midnight."""
    for number in range(VIOLENT_WEEKEND):
        day = 1.0 + number * 1.7 / VIOLENT_WEEKEND
        yield _told(
            start,
            day,
            "police-crimes",
            f"weekend-{number}",
            category="violence",
            place=ReportedPlace(area=RIBBLE_VALLEY),
        )


def _corrected_away(start: Instant) -> Iterator[SyntheticReport]:
    """Three harms make a repeat victim; then the police correct who the third was, and the alert is withdrawn."""
    one = (ReportedParty(role="victim", token="tok-demo-corrected"),)  # noqa: S106
    other = (ReportedParty(role="victim", token="tok-demo-somebody-else"),)  # noqa: S106
    yield _told(start, 0.5, "police-crimes", "corrected-0", category="burglary", parties=one)
    yield _told(start, 1.5, "police-crimes", "corrected-1", category="robbery", parties=one)
    yield _told(start, 3.4, "police-crimes", "corrected-2", category="robbery", parties=one)
    yield _told(
        start, 7.0, "police-crimes", "corrected-2", version=2, action="correct", category="robbery",
        parties=other, occurred=3.4,
    )  # fmt: skip


def _told_late(start: Instant) -> Iterator[SyntheticReport]:
    """A report of an earlier harm arrives last: the alert stands since an earlier day than anybody thought."""
    victim = (ReportedParty(role="victim", token="tok-demo-late"),)  # noqa: S106
    yield _told(start, 3.1, "police-crimes", "late-2", category="burglary", parties=victim)
    yield _told(start, 5.6, "police-crimes", "late-3", category="vehicle-crime", parties=victim)
    yield _told(start, 6.5, "police-crimes", "late-4", category="other-theft", parties=victim)
    yield _told(
        start, 9.2, "housing", "late-1", kind="housing-concern", category="criminal-damage-arson",
        parties=victim, occurred=0.9,
    )  # fmt: skip


def _broken(start: Instant) -> Iterator[SyntheticReport]:
    """Bytes nobody can read, and a person in a source that may carry none: both end in the dead letters."""
    yield SyntheticReport(
        received_at=_at(start, 2.0),
        source="fire",
        report=None,
        raw=b"\x00\x00\x00\xff\xffnot a report",
        refused="unknown-schema",
    )
    named = _told(
        start,
        4.6,
        "ed-assaults",
        "broken-1",
        kind="assault-attendance",
        category="violence",
        parties=(ReportedParty(role="victim", token="tok-demo-named"),),  # noqa: S106
    )
    yield SyntheticReport(
        received_at=named.received_at,
        source=named.source,
        report=named.report,
        refused="person-in-place-only-source",
    )


def _marac_repeat(start: Instant) -> Iterator[SyntheticReport]:
    """Abuse with a weapon days after a MARAC referral of the same pair."""
    pair = (
        ReportedParty(role="victim", token="tok-demo-pair-v"),  # noqa: S106
        ReportedParty(role="perpetrator", token="tok-demo-pair-p"),  # noqa: S106
    )
    yield _told(start, 1.2, "marac", "marac-1", kind="marac-referral", category="domestic-abuse", parties=pair)
    yield _told(
        start, 6.3, "domestic-abuse", "marac-2", kind="domestic-abuse", category="domestic-abuse",
        parties=pair, flags=("weapon",),
    )  # fmt: skip


def _told(  # noqa: PLR0913 - what a report has
    start: Instant,
    day: float,
    source: str,
    ref: str,
    *,
    category: str,
    kind: str = "police-crime",
    version: int = 1,
    action: str = "new",
    occurred: float | None = None,
    parties: tuple[ReportedParty, ...] = (),
    vehicles: tuple[str, ...] = (),
    flags: tuple[str, ...] = (),
    place: ReportedPlace | None = None,
) -> SyntheticReport:
    """A report received on `day` of something that happened three hours before, or on day `occurred`."""
    received_at = _at(start, day)
    happened = received_at - 3 * HOUR if occurred is None else _at(start, occurred) - 3 * HOUR
    report = Report(
        source=source,
        source_ref=f"demo-{ref}",
        source_version=version,
        action="correct" if action == "correct" else "new",
        kind=kind,
        category=category,
        flags=flags,
        occurred_from=happened,
        reported_at=received_at - HOUR,
        place=place or ReportedPlace(area=BURNLEY),
        parties=parties,
        vehicles=vehicles,
    )
    return SyntheticReport(received_at=received_at, source=source, report=report)


def _at(start: Instant, day: float) -> Instant:
    return start + int(day * DAY_LENGTH)
