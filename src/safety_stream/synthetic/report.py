"""One record of the synthetic county, and what partners' own details of it look like."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

import msgspec

from safety_stream.core.model.dead_letters import Reason
from safety_stream.core.model.reports import Report
from safety_stream.core.model.times import Instant, day_of
from safety_stream.wire.schema import Json

Details = dict[str, Mapping[str, Json]]
"""The native details of a report by the name of their record, `police_crime` and the like.

Instants are in milliseconds, dates in days since 1970, symbols as text.
"""


class SyntheticReport(msgspec.Struct, frozen=True, kw_only=True):
    """What arrives at `received_at` on the topic of the feed `source`.

    `report` with its `details` is to be encoded, unless `raw` holds the bytes themselves. `refused` is the reason for
    which intake must refuse it; None when it must be accepted. When `is_cut`, the last byte of the encoded report is
    missing.
    """

    received_at: Instant
    source: str
    report: Report | None
    details: Details = {}
    raw: bytes | None = None
    refused: Reason | None = None
    is_cut: bool = False

    @property
    def topic(self) -> str:
        """History enters by `backfill.<source>`, where the record's own timestamp is its time of receipt."""
        return f"backfill.{self.source}"


def details_of(rng: Random, report: Report) -> Details:
    """The native details that fit a report, under the name its `details` gives."""
    return {report.details[0]: _DETAILS[report.kind](rng, report)}


def detail_name(kind: str) -> tuple[str, ...]:
    """The name of the native details of a kind, as `Report.details` states it."""
    return _NAMES[kind]


_HIGH_RISK = 14
_SHARE_AT_HIGH_RISK = 0.15
"""Ours: so that services find about as many at high risk as are referred to MARAC."""


def _police_incident(rng: Random, report: Report) -> dict[str, Json]:
    asb = rng.choice(("PERSONAL", "NUISANCE", "ENVIRONMENTAL"))
    return {
        "log_number": report.source_ref,
        "opening_category": report.category,
        "closing_category": report.category,
        "asb_type": asb,
        "response_grade": rng.choice(("immediate", "priority", "scheduled")),
    }


def _police_crime(rng: Random, report: Report) -> dict[str, Json]:
    return {
        "crime_number": report.source_ref,
        "recorded_on": day_of(report.reported_at),
        "outcome": rng.randint(1, 22),
        "status": "recorded",
    }


def _asb_case(rng: Random, report: Report) -> dict[str, Json]:
    return {
        "case_ref": report.source_ref,
        "complained_on": day_of(report.reported_at),
        "problem": report.category,
        "risk_score": rng.randint(0, 40),
    }


def _domestic_abuse(rng: Random, _report: Report) -> dict[str, Json]:
    score = rng.randint(_HIGH_RISK, 24) if rng.random() < _SHARE_AT_HIGH_RISK else rng.randint(0, _HIGH_RISK - 1)
    return {"dash_score": score, "risk": "HIGH" if score >= _HIGH_RISK else "STANDARD"}


def _marac_referral(rng: Random, report: Report) -> dict[str, Json]:
    return {
        "referred_on": day_of(report.occurred_from),
        "referring_agency": report.source,
        "dash_score": rng.randint(_HIGH_RISK, 24),
        "risk": "HIGH",
    }


def _assault_attendance(rng: Random, report: Report) -> dict[str, Json]:
    return {
        "arrived_at": report.reported_at,
        "method": rng.choice(("BODY_PART", "BODY_PART", "GLASS_OR_BOTTLE", "KNIFE_OR_SHARP", "BLUNT_OBJECT")),
        "location_type": rng.choice(("street", "public house", "home", "work")),
    }


def _ambulance_call(_rng: Random, report: Report) -> dict[str, Json]:
    pierced = "weapon" in report.flags
    return {
        "cad_ref": report.source_ref,
        "called_at": report.reported_at,
        "call_category": "STAB_GUNSHOT_PENETRATING" if pierced else "ASSAULT_OR_SEXUAL_ASSAULT",
    }


def _fire(rng: Random, report: Report) -> dict[str, Json]:
    return {
        "incident_number": report.source_ref,
        "called_at": report.reported_at,
        "level": rng.choice(("PRIMARY", "SECONDARY", "SECONDARY")),
        "motive": "DELIBERATE" if report.category == "deliberate-fire" else "ACCIDENTAL",
    }


def _collision(rng: Random, report: Report) -> dict[str, Json]:
    return {
        "accident_index": report.source_ref,
        "severity": report.subtype.upper() or "UNKNOWN",
        "vehicles": rng.randint(1, 3),
        "casualties": rng.randint(1, 3),
        "speed_limit_mph": rng.choice((20, 30, 30, 40, 60, 70)),
    }


def _missing_episode(rng: Random, report: Report) -> dict[str, Json]:
    returned = report.occurred_from if report.subtype == "returned" else None
    return {
        "risk": rng.choice(("LOW", "MEDIUM", "MEDIUM", "HIGH")),
        "missing_from": report.occurred_from if returned is None else None,
        "returned_at": returned,
    }


def _exclusion(rng: Random, report: Report) -> dict[str, Json]:
    return {
        "form": rng.choices(("SUSPENSION", "PERMANENT"), weights=(99, 1))[0],
        "starts_on": day_of(report.occurred_from),
        "sessions": rng.randint(1, 10),
    }


def _housing_concern(_rng: Random, report: Report) -> dict[str, Json]:
    concern = "CUCKOOING" if report.category == "cuckooing-concern" else "ASB"
    return {
        "concern": concern if concern == "CUCKOOING" or report.category.startswith("asb") else "OTHER",
        "noticed_on": day_of(report.occurred_from),
    }


def _hate_report(_rng: Random, report: Report) -> dict[str, Json]:
    # Strands stay unstated: no rule may read them, and nothing here is to be learnt from their mix.
    return {"crime": report.category == "hate-crime"}


def _supervision(rng: Random, report: Report) -> dict[str, Json]:
    return {
        "order_type": rng.choice(("community order", "licence", "suspended sentence")),
        "step": rng.choice(("STARTED", "BREACHED", "RECALLED", "ENDED")),
        "starts_on": day_of(report.occurred_from),
    }


_FORMS = frozenset({"safeguarding-visit", "return-interview", "closure-order", "safe-and-well-visit", "panel-closed"})


def _intervention(_rng: Random, report: Report) -> dict[str, Json]:
    # What the schema has no word for yet is told by the subtype alone.
    form = report.subtype.upper().replace("-", "_") if report.subtype in _FORMS else "OTHER"
    return {"form": form, "outcome": "done"}


def _aggregate_count(_rng: Random, report: Report) -> dict[str, Json]:
    return {"measure": "admissions", "starts_on": day_of(report.occurred_from), "value": report.count}


_DETAILS: dict[str, Callable[[Random, Report], dict[str, Json]]] = {
    "police-incident": _police_incident,
    "police-crime": _police_crime,
    "asb-case": _asb_case,
    "domestic-abuse": _domestic_abuse,
    "marac-referral": _marac_referral,
    "assault-attendance": _assault_attendance,
    "ambulance-call": _ambulance_call,
    "fire": _fire,
    "collision": _collision,
    "missing-episode": _missing_episode,
    "exclusion": _exclusion,
    "housing-concern": _housing_concern,
    "hate-report": _hate_report,
    "supervision": _supervision,
    "intervention": _intervention,
    "aggregate-count": _aggregate_count,
}
_NAMES = {kind: (kind.replace("-", "_"),) for kind in _DETAILS}
