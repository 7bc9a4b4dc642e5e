"""What the system ended with held against what the oracle says it must, difference by difference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from safety_stream.testing.oracle import FindingKey, OracleFinding, Plain, Truth

_SHOWN_FINDINGS = 16
"""An alert carries no more than this many of its findings, the newest."""

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


def differences(
    truth: Truth, findings: Iterable[Plain], alerts: Iterable[Plain], indicators: Iterable[Plain]
) -> list[str]:
    """Every difference as a line for people; none when the system ended where it must.

    `findings` are the standing findings; `alerts` and `indicators` every version or the last ones (the highest
    version of an alert and revision of a value counts, a withdrawn alert does not); all as `msgspec.to_builtins`
    gives them. A value of nought and no value are the same. What nothing defines is not compared: the name of a
    rule's one limb, the areas of a finding without evidence, and when and where a hub completed.
    """
    standing = [*_latest(alerts, ("alert_id",), "version")]
    standing = [alert for alert in standing if alert["change"] != "withdrawn"]
    values = _latest(indicators, ("area", "indicator", "period", "starts"), "revision")
    return [
        *_finding_differences(truth, findings),
        *_alert_differences(truth, standing),
        *_indicator_differences(truth, values),
    ]


def _latest(versions: Iterable[Plain], identity: tuple[str, ...], number: str) -> list[Plain]:
    newest: dict[tuple[Any, ...], Plain] = {}
    for version in versions:
        name = tuple(version[part] for part in identity)
        if name not in newest or version[number] > newest[name][number]:
            newest[name] = version
    return list(newest.values())


def _finding_differences(truth: Truth, findings: Iterable[Plain]) -> Iterator[str]:
    actual: dict[FindingKey, Plain] = {}
    for finding in findings:
        key = _finding_key(truth, finding)
        if key in actual:
            yield f"finding {_name(key)}: stands twice"
        actual[key] = finding
    for key in sorted(truth.findings.keys() | actual.keys()):
        if key not in actual:
            yield f"finding {_name(key)}: missing; the oracle has {truth.findings[key]}"
        elif key not in truth.findings:
            yield f"finding {_name(key)}: stands, but must not; its evidence is {actual[key]['evidence']}"
        else:
            yield from _compare_finding(f"finding {_name(key)}", truth.findings[key], actual[key])


def _compare_finding(name: str, expected: OracleFinding, found: Plain) -> Iterator[str]:
    yield from _field(name, "priority", expected.priority, found["priority"])
    if expected.rule_id == "hub":
        return
    for attribute in ("completed_at", "area", "child"):
        yield from _field(name, attribute, getattr(expected, attribute), found[attribute])
    if expected.evidence:
        yield from _field(name, "areas", expected.areas, tuple(found["areas"]))
    evidence = tuple((occurrence_id, tuple(reports)) for occurrence_id, _, _, reports in found["evidence"])
    yield from _field(name, "evidence", expected.evidence, evidence)


def _alert_differences(truth: Truth, alerts: Iterable[Plain]) -> Iterator[str]:
    actual: dict[tuple[str, str], Plain] = {}
    for alert in alerts:
        subject = (alert["rule_id"], alert["subject"])
        if subject in actual:
            yield f"alert {subject[0]} on {subject[1]}: stands twice"
        actual[subject] = alert
    for subject in sorted(truth.alerts.keys() | actual.keys()):
        name = f"alert {subject[0]} on {subject[1]}"
        if subject not in actual:
            yield f"{name}: missing; the oracle has {truth.alerts[subject]}"
        elif subject not in truth.alerts:
            yield f"{name}: stands, but must not"
        else:
            expected, found = truth.alerts[subject], actual[subject]
            yield from _field(name, "priority", expected.priority, found["priority"])
            keys = tuple(sorted(_finding_key(truth, finding) for finding in found["findings"]))
            if len(keys) < _SHOWN_FINDINGS:
                yield from _field(name, "findings", expected.findings, keys)
            elif not set(keys) <= set(expected.findings):
                yield f"{name}: shows findings that must not stand: {set(keys) - set(expected.findings)}"
            if expected.first_completed_at is not None:
                for attribute in ("first_completed_at", "last_completed_at"):
                    yield from _field(name, attribute, getattr(expected, attribute), found[attribute])
            completions = [finding["completed_at"] for finding in found["findings"]]
            yield from _field(name, "order of findings", sorted(completions), completions)


def _indicator_differences(truth: Truth, values: Iterable[Plain]) -> Iterator[str]:
    actual: dict[tuple[str, str, str, str], tuple[int, bool]] = {}
    for value in values:
        if value["value"]:
            key = (value["area"], value["indicator"], value["period"], _iso(value["starts"]))
            actual[key] = (value["value"], value["final"])
    for key in sorted(truth.indicators.keys() | actual.keys()):
        name = f"indicator {key[1]} of {key[0]} in the {key[2]} from {key[3]}"
        expected, found = truth.indicators.get(key, (0, False)), actual.get(key, (0, False))
        yield from _field(name, "value", expected[0], found[0])
        if expected[0] and found[0]:
            yield from _field(name, "final", expected[1], found[1])


def _finding_key(truth: Truth, finding: Plain) -> FindingKey:
    limb = "" if finding["rule_id"] in truth.single_limb else finding["limb"]
    return finding["rule_id"], limb, finding["key"], finding["occurrence_id"]


def _field(name: str, attribute: str, expected: object, found: object) -> Iterator[str]:
    if expected != found:
        yield f"{name}: {attribute} is {found!r}, the oracle says {expected!r}"


def _name(key: FindingKey) -> str:
    rule_id, limb, subject, occurrence_id = key
    return f"{rule_id}{'/' if limb else ''}{limb} on {subject} at {occurrence_id}"


def _iso(day: int) -> str:
    return date.fromordinal(day + _EPOCH_ORDINAL).isoformat()
