"""What is held about a person, where it went and who looked: the answer to a subject-access request.

Theory of operation
-------------------
The request comes with a token. A person may go by several, by what stewards decided, so all of them are looked for.
What is held is found along the way the data went:

    reports that name a token  ──▶  findings on the person's keys, or resting on those reports  ──▶  alerts of these
    alerts  ──▶  disclosures on record, by audience and number            alerts, person ──▶  consultations on record

Every version of a report counts, also one that is no longer true: it was held. An erased report names nobody any more,
so of it nothing is found but what named the person before it was erased; what was done to reports is on record by the
report's id, and found by the versions that are still there.

Fold values in by the order of the topics that `TOPICS` gives, each from its beginning.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from safety_stream.core.audit import subject_of
from safety_stream.core.model.alerts import AlertVersion
from safety_stream.core.model.findings import FindingChange
from safety_stream.core.model.incidents import Action, IncidentVersion
from safety_stream.core.model.published import AuditRecord, Verb
from safety_stream.core.model.sightings import persons_of
from safety_stream.core.model.times import Instant
from safety_stream.core.persons import named_in
from safety_stream.core.register import highest_of
from safety_stream.core.rules.carrying import reports_of
from safety_stream.core.rules.chains import DEEPEST

TOPICS: Final = (
    "incidents",
    *("findings",) * DEEPEST,
    "alert-changes",
    "audit.changes",
    "audit.alerts",
    "audit.entries",
)
"""What is read, in this order; findings as often as they can rest on one another, which may lie in any partition."""

AccessReason = Literal["subject-access", "rectification", "erasure", "restriction", "objection", "regulator"]
"""Why somebody may look up all that is held about a person: the rights of UK GDPR articles 15 to 21 and of DPA 2018
sections 45 to 47, and a request of the Information Commissioner.
"""


class HeldReport(msgspec.Struct, frozen=True):
    """A report that names the person: which, by whom, of what and when, in which roles, and as it stands now."""

    incident_id: str
    source: str
    kind: str
    category: str
    occurred_from: Instant
    received_at: Instant
    roles: tuple[str, ...]
    stands_as: Action
    versions: int


class RestingAlert(msgspec.Struct, frozen=True):
    """An alert that rested on the person's reports, or was about the person; `is_over`: it is withdrawn."""

    alert_id: str
    rule_id: str
    title: str
    raised_at: Instant
    versions: int
    is_over: bool
    reports: tuple[str, ...]


class Use(msgspec.Struct, frozen=True):
    """One thing done with the person's data, as it is on record: in `chain`, under number `seq`."""

    at: Instant
    verb: Verb
    chain: str
    seq: int
    to: str
    topic: str
    number: int
    fields: tuple[str, ...]
    alert_id: str
    incident_id: str
    actor: str
    reason: str


class PersonAnswer(msgspec.Struct, frozen=True):
    """All that is held about a person: oldest first. `tokens` are those the person goes by."""

    tokens: tuple[str, ...]
    reports: tuple[HeldReport, ...]
    alerts: tuple[RestingAlert, ...]
    changes: tuple[Use, ...]
    disclosures: tuple[Use, ...]
    consultations: tuple[Use, ...]


class Search:
    """The search for one person, while the topics are being read."""

    def __init__(self, tokens: Iterable[str]) -> None:
        """Look for whoever goes by one of these tokens."""
        self._tokens = frozenset(tokens)
        self._subjects = frozenset(subject_of(token) for token in self._tokens)
        self._versions: dict[str, list[IncidentVersion]] = {}
        self._named: dict[str, list[IncidentVersion]] = {}
        self._findings: dict[str, set[str]] = {}
        self._alerts: dict[str, list[AlertVersion]] = {}
        self._uses: list[Use] = []

    def take(self, topic: str, value: msgspec.Struct) -> None:
        """Fold one value of a topic in."""
        if isinstance(value, IncidentVersion):
            self._take_version(value)
        elif isinstance(value, FindingChange):
            self._take_finding(value)
        elif isinstance(value, AlertVersion):
            self._take_alert(value)
        elif isinstance(value, AuditRecord) and self._concerns(value):
            self._uses.append(_use(topic, value))

    def answer(self) -> PersonAnswer:
        """All that was found."""
        uses = sorted(self._uses, key=lambda use: (use.at, use.chain, use.seq))
        return PersonAnswer(
            tokens=tuple(sorted(self._tokens)),
            reports=tuple(sorted(map(self._report, self._named), key=lambda one: (one.received_at, one.incident_id))),
            alerts=tuple(sorted(map(self._alert, self._alerts), key=lambda one: (one.raised_at, one.alert_id))),
            changes=tuple(use for use in uses if use.chain == "audit.changes"),
            disclosures=tuple(use for use in uses if use.verb == "disclosure-transfers"),
            consultations=tuple(use for use in uses if use.verb == "consultation"),
        )

    def _take_version(self, version: IncidentVersion) -> None:
        is_named = not self._tokens.isdisjoint(named_in(version))
        if is_named:
            self._named.setdefault(version.incident_id, []).append(version)
        if is_named or version.incident_id in self._named:
            self._versions.setdefault(version.incident_id, []).append(version)

    def _take_finding(self, change: FindingChange) -> None:
        finding = change.finding
        # What stands in the place of a report may be a finding, and rests on reports itself.
        beneath = reports_of(finding)
        rests_on = {one for name in beneath for one in self._findings.get(name, ())} | (beneath & self._named.keys())
        is_found = not beneath.isdisjoint(self._findings)
        if rests_on or is_found or not self._tokens.isdisjoint(persons_of(finding.key)):
            self._findings.setdefault(finding.finding_id, set()).update(rests_on)

    def _take_alert(self, version: AlertVersion) -> None:
        is_known = version.alert_id in self._alerts
        rests = bool(self._theirs_beneath(version))
        if is_known or rests or not self._tokens.isdisjoint(persons_of(version.subject)):
            self._alerts.setdefault(version.alert_id, []).append(version)

    def _theirs_beneath(self, version: AlertVersion) -> set[str]:
        """Of what an alert rests on, shown or not, the person's reports, and the findings that rest on these."""
        beneath = {finding.finding_id for finding in version.findings}.union(version.also_rests_on)
        return beneath & (self._findings.keys() | self._named.keys())

    def _concerns(self, record: AuditRecord) -> bool:
        return (
            record.alert_id in self._alerts
            or record.incident_id in self._named
            or (record.subject is not None and record.subject in self._subjects)
        )

    def _report(self, incident_id: str) -> HeldReport:
        versions = self._versions[incident_id]
        newest, stands = self._named[incident_id][-1], highest_of(versions)[incident_id]
        parties = [party for one in self._named[incident_id] for party in one.parties if party.token in self._tokens]
        return HeldReport(
            incident_id=incident_id,
            source=newest.source,
            kind=newest.kind,
            category=newest.category,
            occurred_from=newest.occurred_from,
            received_at=versions[0].received_at,
            roles=tuple(sorted({party.role for party in parties})),
            stands_as=stands.action,
            versions=len(versions),
        )

    def _alert(self, alert_id: str) -> RestingAlert:
        versions = self._alerts[alert_id]
        theirs = {name for version in versions for name in self._theirs_beneath(version)}
        reports = (theirs & self._named.keys()).union(*(self._findings.get(name, ()) for name in theirs))
        return RestingAlert(
            alert_id=alert_id,
            rule_id=versions[0].rule_id,
            title=versions[0].title,
            raised_at=versions[0].as_of,
            versions=len(versions),
            is_over=versions[-1].change == "withdrawn",
            reports=tuple(sorted(reports)),
        )


def _use(chain: str, record: AuditRecord) -> Use:
    return Use(
        at=record.as_of,
        verb=record.verb,
        chain=chain,
        seq=record.seq,
        to=record.audience,
        topic=record.topic,
        number=record.from_seq,
        fields=record.fields,
        alert_id=record.alert_id or "",
        incident_id=record.incident_id or "",
        actor=record.actor or "",
        reason=record.reason or "",
    )
