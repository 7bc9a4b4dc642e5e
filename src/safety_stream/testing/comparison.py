"""What the system ended with held against what the oracle says it must, difference by difference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

from safety_stream.testing.oracle import FindingKey, OracleAlert, OracleFinding, Plain, Truth

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
    rule's one limb, which of several findings that completed last gives the alert its words, and when and where a hub
    completed. How an alert came to stand as it does is another question: `histories`.
    """
    unjudged = _of_judged_weeks(truth)
    findings = [finding for finding in findings if finding["rule_id"] not in unjudged]
    standing = [*_latest(alerts, ("alert_id",), "version")]
    standing = [alert for alert in standing if alert["change"] != "withdrawn" and alert["rule_id"] not in unjudged]
    values = _latest(indicators, ("area", "indicator", "period", "starts"), "revision")
    return [
        *_finding_differences(truth, findings),
        *_alert_differences(truth, standing),
        *_indicator_differences(truth, values),
    ]


def _of_judged_weeks(truth: Truth) -> frozenset[str]:
    """The rules whose findings the oracle has no opinion of: those that ask for signals.

    It would need a second Farrington, and would agree with the first no further than both round alike. The fits are
    held against R's; the judging of weeks, and what rules find in them, against a recomputation of their own
    (tests/core/stages/test_judge.py).
    """
    return frozenset(rule_id for rule_id, rule in truth.rules.items() if _asks_for_signals(rule))


def _asks_for_signals(rule: Plain) -> bool:
    return any(limb.get("condition", {}).get("type") == "signal" for limb in rule.get("limbs", {"": rule}).values())


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
    yield from _field(name, "facts", expected.facts, _pairs(found["facts"]))
    yield from _field(name, "explanation", expected.explanation, found["explanation"])
    yield from _field(name, "excluded", expected.excluded, _pairs(found["excluded"]))
    if expected.rule_id == "hub":
        return
    for attribute in ("completed_at", "area", "child", "marking"):
        yield from _field(name, attribute, getattr(expected, attribute), found[attribute])
    yield from _field(name, "areas", expected.areas, tuple(found["areas"]))
    evidence = tuple((occurrence_id, tuple(reports)) for occurrence_id, _, _, reports, _ in found["evidence"])
    yield from _field(name, "evidence", expected.evidence, evidence)
    yield from _field(name, "told", expected.told, tuple(_told(told) for *_, told in found["evidence"]))


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
            yield from _compare_alert(name, truth.alerts[subject], actual[subject])
            yield from _compare_shown(name, truth, truth.alerts[subject], actual[subject]["findings"])
            yield from _compare_rests(name, truth, truth.alerts[subject], actual[subject])


def _compare_alert(name: str, expected: OracleAlert, found: Plain) -> Iterator[str]:
    for attribute in ("title", "family", "priority", "child", "marking"):
        yield from _field(name, attribute, getattr(expected, attribute), found[attribute])
    if expected.first_completed_at is None:
        # Of a hub: its words are known, its place is not.
        yield from _field(name, "explanation", {words for _, words in expected.last_words}, {found["explanation"]})
        return
    for attribute in ("first_completed_at", "last_completed_at"):
        yield from _field(name, attribute, getattr(expected, attribute), found[attribute])
    yield from _field(name, "areas", expected.areas, tuple(found["areas"]))
    if (found["area"], found["explanation"]) not in expected.last_words:
        said = f"{found['explanation']!r} in {found['area']}"
        yield f"{name}: says {said}, the oracle says {sorted(expected.last_words)}"


def _compare_shown(name: str, truth: Truth, expected: OracleAlert, shown: Sequence[Plain]) -> Iterator[str]:
    keys = tuple(sorted(_finding_key(truth, finding) for finding in shown))
    if len(keys) < _SHOWN_FINDINGS:
        yield from _field(name, "findings", expected.findings, keys)
    elif not set(keys) <= set(expected.findings):
        yield f"{name}: shows findings that must not stand: {set(keys) - set(expected.findings)}"
    completions = [finding["completed_at"] for finding in shown]
    yield from _field(name, "order of findings", sorted(completions), completions)
    for finding in shown:
        stands = truth.findings.get(_finding_key(truth, finding))
        if stands is not None:
            said = f"{name}: what is shown of {finding['occurrence_id']}"
            yield from _field(said, "explanation", stands.explanation, finding["explanation"])


def _compare_rests(name: str, truth: Truth, expected: OracleAlert, found: Plain) -> Iterator[str]:
    """What an alert shows and what it says it rests on besides are, each once, the reports its findings rest on."""
    if expected.first_completed_at is None:
        # What a hub rests on is not known.
        return
    shown = {report for finding in found["findings"] for evidence in finding["evidence"] for report in evidence[3]}
    resting = {report for key in expected.findings for _, reports in truth.findings[key].evidence for report in reports}
    yield from _field(name, "reports not shown", sorted(resting - shown), list(found["also_rests_on"]))


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


def _pairs(listed: Iterable[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(pair) for pair in listed)


def _told(listed: Iterable[tuple[str, str, Sequence[str]]]) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    return tuple((organisation, kind, tuple(roles)) for organisation, kind, roles in listed)


def _name(key: FindingKey) -> str:
    rule_id, limb, subject, occurrence_id = key
    return f"{rule_id}{'/' if limb else ''}{limb} on {subject} at {occurrence_id}"


def _iso(day: int) -> str:
    return date.fromordinal(day + _EPOCH_ORDINAL).isoformat()
