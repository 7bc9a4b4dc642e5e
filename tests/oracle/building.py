"""Reports as the oracle takes them, with everything a scenario does not care for left at a plain default."""

from __future__ import annotations

from datetime import datetime
from itertools import permutations
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from safety_stream.testing.oracle import OracleFinding, Truth, recompute

CATALOGUE = Path(__file__).parents[2] / "catalogue"
LONDON = ZoneInfo("Europe/London")
NAMESPACE = UUID("8a0f4b54-6f0e-5d55-9d3c-2f6d0c6a7b11")

BURNLEY, CHORLEY, FYLDE, HYNDBURN = "E07000117", "E07000118", "E07000119", "E07000120"
LANCASTER, PENDLE, PRESTON, RIBBLE_VALLEY = "E07000121", "E07000122", "E07000123", "E07000124"
BLACKPOOL = "E06000009"

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
    "childrens-services": ("intervention", "intervention"),
    "health-aggregates": ("aggregate-count", "aggregate"),
}


def at(text: str) -> int:
    """The instant of a London wall-clock time, `2026-01-05T20:00`."""
    return int(datetime.fromisoformat(text).replace(tzinfo=LONDON).timestamp() * 1000)


def report(source: str, ref: str, when: str, **given: object) -> dict[str, Any]:
    """One accepted report of this source, reported and received as it occurred unless said otherwise.

    `reported`, `received` and `until` are London times; `victim`, `perpetrator` and the like name one person each.
    """
    more: dict[str, Any] = dict(given)
    kind, category = KIND_OF[source]
    parties = [
        {"role": role, "token": more.pop(role), "child": more.pop("child", False)}
        for role in ("victim", "reporter", "subject", "missing", "suspect", "perpetrator")
        if role in more
    ]
    place = {name: more.pop(name) for name in ("uprn", "easting", "northing", "area", "lsoa") if name in more}
    reported = at(more.pop("reported", when))
    until = more.pop("until", None)
    return {
        "source": source,
        "source_ref": ref,
        "source_version": 1,
        "action": "new",
        "kind": kind,
        "subtype": "",
        "category": category,
        "flags": [],
        "origin": "reported",
        "grade": None,
        "occurred_from": at(when),
        "occurred_to": None if until is None else at(until),
        "precision": "instant",
        "reported_at": reported,
        "received_at": at(more.pop("received")) if "received" in more else reported,
        "place": place or None,
        "parties": parties,
        "vehicles": [],
        "phones": [],
        "group": None,
        "count": 1,
        "marking": "OFFICIAL",
        "details": [],
        **more,
    }


def id_of(source: str, ref: str) -> str:
    """The incident id of a report, worked out here once more."""
    return str(uuid5(NAMESPACE, f"incident\x1f{source}\x1f{ref}"))


def truth_of(*reports: dict[str, Any], as_of: int | None = None) -> Truth:
    """The truth of these reports; that it is the same for every order of up to four of them is checked in passing."""
    truth = recompute(list(reports), CATALOGUE, as_of=as_of)
    if len(reports) <= 4:
        assert all(recompute(list(order), CATALOGUE, as_of=as_of) == truth for order in permutations(reports))
    return truth


def findings_of(truth: Truth, rule: str, limb: str = "") -> list[OracleFinding]:
    """The findings of one limb, earliest first."""
    found = [finding for key, finding in truth.findings.items() if key[:2] == (rule, limb)]
    return sorted(found, key=lambda finding: (finding.completed_at or 0, finding.key, finding.occurrence_id))
