"""Reports as people tell them: a source, a London time, and what matters; the rest at a plain default."""

from __future__ import annotations

from datetime import datetime

import msgspec

from safety_stream.core.model.reports import Report, ReportedParty, ReportedPlace
from safety_stream.core.model.times import LONDON, Instant, to_day, to_instant

KIND_OF = {
    "police-incidents": ("police-incident", "anti-social-behaviour"),
    "police-crimes": ("police-crime", "violence"),
    "police-hate": ("hate-report", "hate-incident"),
    "police-missing": ("missing-episode", "missing"),
    "council-asb": ("asb-case", "asb-noise"),
    "housing": ("housing-concern", "asb-noise"),
    "domestic-abuse": ("domestic-abuse", "domestic-abuse"),
    "marac": ("marac-referral", "domestic-abuse"),
    "ed-assaults": ("assault-attendance", "violence"),
    "ambulance": ("ambulance-call", "violence"),
    "fire": ("fire", "deliberate-fire"),
    "health-aggregates": ("aggregate-count", "overdose"),
    "council-exclusions": ("exclusion", "exclusion"),
    "childrens-services": ("intervention", "intervention"),
    "interventions": ("intervention", "intervention"),
    "probation": ("supervision", "supervision"),
}


def at(text: str) -> Instant:
    """The instant of a London wall-clock time, `2026-01-05T20:00`."""
    return to_instant(datetime.fromisoformat(text).replace(tzinfo=LONDON))


def day(text: str) -> int:
    """The day of an ISO date."""
    return to_day(datetime.fromisoformat(text).date())


def a_report(
    source: str,
    ref: str,
    when: str,
    *,
    reported: str | None = None,
    place: ReportedPlace | None = None,
    people: dict[str, str] | None = None,
    child: bool = False,
    **more: object,
) -> Report:
    """A report of something at `when`, made at once unless `reported` later; `people` are tokens by role."""
    kind, category = KIND_OF[source]
    given = {
        "source_version": 1,
        "action": "new",
        "kind": kind,
        "category": category,
        "occurred_from": at(when),
        "reported_at": at(reported or when),
        "place": place,
        "parties": tuple(
            ReportedParty(role=role, token=token, child=child)  # type: ignore[arg-type]
            for role, token in (people or {}).items()
        ),
    }
    return Report(source=source, source_ref=ref, **(given | more))  # type: ignore[arg-type]


def withdrawn(report: Report) -> Report:
    """The withdrawal of a report."""
    return msgspec.structs.replace(report, source_version=report.source_version + 1, action="withdraw")
