"""The comparison says what differs, and nothing else."""

from __future__ import annotations

from datetime import date

from tests.oracle.building import HYNDBURN, report, truth_of
from tests.oracle.compare import differences

TRUTH = truth_of(
    report("police-crimes", "x0", "2026-01-04T20:00", victim="tok-a1", area=HYNDBURN),
    report("housing", "x1", "2026-01-05T20:00", victim="tok-a1", area=HYNDBURN),
    report("housing", "x2", "2026-01-06T20:00", victim="tok-a1", area=HYNDBURN),
)


def as_the_system_says_it():
    """The truth in the system's own shape: findings, alerts and indicators."""
    findings = [
        {
            "rule_id": finding.rule_id,
            "limb": finding.limb or "main",
            "key": finding.key,
            "occurrence_id": finding.occurrence_id,
            "completed_at": finding.completed_at,
            "priority": finding.priority,
            "area": finding.area,
            "areas": list(finding.areas),
            "evidence": [
                [name, 0, finding.area, list(reports), [[*who, list(roles)] for *who, roles in told]]
                for (name, reports), told in zip(finding.evidence, finding.told, strict=True)
            ],
            "excluded": [list(pair) for pair in finding.excluded],
            "facts": [list(pair) for pair in finding.facts],
            "explanation": finding.explanation,
            "child": finding.child,
            "marking": finding.marking,
        }
        for finding in TRUTH.findings.values()
    ]
    alerts = [
        {
            "alert_id": f"{rule_id} {key}",
            "version": 2,
            "change": "updated",
            "rule_id": rule_id,
            "subject": key,
            "title": alert.title,
            "family": alert.family,
            "priority": alert.priority,
            "area": findings[0]["area"],
            "areas": list(alert.areas),
            "child": alert.child,
            "marking": alert.marking,
            "explanation": findings[0]["explanation"],
            "first_completed_at": alert.first_completed_at,
            "last_completed_at": alert.last_completed_at,
            "findings": [finding for finding in findings if finding["key"] == key],
            "also_rests_on": [],
        }
        for (rule_id, key), alert in TRUTH.alerts.items()
    ]
    epoch = date(1970, 1, 1)
    indicators = [
        {
            "area": area,
            "indicator": indicator,
            "period": period,
            "starts": (date.fromisoformat(starts) - epoch).days,
            "value": value,
            "final": final,
            "revision": 3,
        }
        for (area, indicator, period, starts), (value, final) in TRUTH.indicators.items()
    ]
    return findings, alerts, indicators


def test_what_ended_as_it_must_differs_in_nothing():
    findings, alerts, indicators = as_the_system_says_it()
    earlier = [alert | {"version": 1, "priority": "P1"} for alert in alerts]
    withdrawn = [alerts[0] | {"alert_id": "other", "subject": "victim:tok-b", "change": "withdrawn"}]
    stale = [value | {"revision": 2, "value": 99} for value in indicators]
    nought = [indicators[0] | {"starts": 0, "value": 0}]

    assert len(TRUTH.findings) == 1
    assert differences(TRUTH, findings, alerts + earlier + withdrawn, stale + indicators + nought) == []


def test_what_is_missing_is_named():
    lines = differences(TRUTH, [], [], [])

    assert [line for line in lines if line.startswith("finding rv-graded on victim:tok-a1 at ")]
    assert [line for line in lines if line.startswith("alert rv-graded on victim:tok-a1: missing")]
    assert len(lines) == 2 + len(TRUTH.indicators)


def test_what_must_not_stand_is_named():
    findings, alerts, indicators = as_the_system_says_it()
    more = findings[0] | {"key": "victim:tok-b"}
    alert = alerts[0] | {"alert_id": "other", "subject": "victim:tok-b"}

    lines = differences(TRUTH, [*findings, more], [*alerts, alert], indicators)

    assert [line.partition(":tok-b")[0] for line in lines] == [
        "finding rv-graded on victim",
        "alert rv-graded on victim",
    ]


def test_each_field_that_differs_is_a_line():
    findings, alerts, indicators = as_the_system_says_it()
    findings[0] |= {"priority": "P1", "completed_at": 0, "area": "OUTSIDE", "child": True, "evidence": []}
    findings[0] |= {"marking": "OFFICIAL"}
    findings[0] |= {"facts": [["count", "3"]], "explanation": "so", "excluded": [["x3", "discovered"]], "areas": []}
    alerts[0]["findings"] = []
    alerts[0] |= {"title": "A", "family": "feed", "child": True, "areas": [], "explanation": "so"}
    alerts[0] |= {"marking": "OFFICIAL"}
    indicators[0] |= {"value": indicators[0]["value"] + 1}
    indicators[1] |= {"final": not indicators[1]["final"]}

    lines = differences(TRUTH, findings, alerts, indicators)

    assert [line.split(": ")[1].split()[0] for line in lines] == [
        *("priority", "facts", "explanation", "excluded", "completed_at"),
        *("area", "child", "marking", "areas", "evidence", "told"),
        *("title", "family", "child", "marking", "areas", "says", "findings", "reports"),
        *("value", "final"),
    ]


def test_what_an_alert_does_not_show_and_does_not_say_it_rests_on_is_named_and_what_it_wrongly_says():
    findings, alerts, indicators = as_the_system_says_it()
    first, *others = findings[0]["evidence"]
    alerts[0]["findings"] = [findings[0] | {"evidence": others}]

    (line,) = differences(TRUTH, findings, alerts, indicators)
    assert f"reports not shown is [], the oracle says {first[3]}" in line
    assert differences(TRUTH, findings, [alerts[0] | {"also_rests_on": first[3]}], indicators) == []
    (line,) = differences(TRUTH, findings, [alerts[0] | {"also_rests_on": [*first[3], "more"]}], indicators)
    assert "more" in line


def test_an_alert_that_shows_a_finding_as_it_was_before_is_named():
    findings, alerts, indicators = as_the_system_says_it()
    alerts[0]["findings"] = [findings[0] | {"explanation": "Harmed once."}]

    (line,) = differences(TRUTH, findings, alerts, indicators)

    assert "explanation is 'Harmed once.'" in line
