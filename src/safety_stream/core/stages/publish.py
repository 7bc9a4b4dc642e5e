"""Publish: the only door out. What leaves is projected, numbered without gap per topic, and on record.

Theory of operation
-------------------
There are two doors, for alerts and for indicator values, each on one partition, so that each outgoing topic has one
order and each door's state is its own. For every topic a door remembers the last number
given; for every audience which alerts it was told of, so that a withdrawal reaches everyone who was told, and nobody
hears of the end of what they never heard the beginning of. A projection is the audience's list of fields: what is not
listed does not leave. Every disclosure adds a record to the door's chain of hashes (`audit.*`), in the same
transaction: one for each alert told, one for each batch of indicator values of a profile.

A rule on trial is told of to nobody, and what was told of it before is taken back with the next version of its alert:
nobody may go on hearing what it finds through an alert that was opened while it was released. Such a withdrawal says
nothing that the trial found.

A disclosure profile that rounds or hides counts, or shows only final ones, publishes a number only when the published
number changes, with its own revisions, so that neither the timing nor the count of restatements tells what it hides.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import msgspec

from safety_stream.core.catalogue import Audience, Catalogue, Profile
from safety_stream.core.model.alerts import AlertVersion
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.indicators import IndicatorValue
from safety_stream.core.model.published import AuditRecord, PublishedAlert, PublishedIndicator
from safety_stream.core.model.tallies import is_within_a_district, series_key
from safety_stream.core.model.times import Instant
from safety_stream.core.stages.stage import Output, Record, Rows, Step, Table, unreadable

FIRST_HASH = "0" * 64
"""What the first audit record names as its forerunner."""

_NAMES_A_REPORT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12} [a-z]+").fullmatch
_ALWAYS = frozenset({"alert_id", "version", "change", "as_of"})
_KNOWN_ANYWAY = frozenset({"episode", "reason", "rule_id", "family", "subject", "notify", "marking", "cause"})
"""What may be said of an alert to those who were told of it before its rule went on trial."""

_ENCODER = msgspec.msgpack.Encoder()


class Told(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Where an audience was last told of an alert: the number in its feed, and the version."""

    seq: int
    version: int


class Number(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The last number given on a topic, and on `audit` the hash of that record."""

    seq: int = 0
    hash: str = FIRST_HASH


class Shown(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What a profile last showed of a period."""

    value: int | None
    final: bool
    revision: int


def make_alert_step(catalogue: Catalogue, _partitions: int) -> Step:
    """The step that tells alert versions to this catalogue's audiences."""

    def step(rows: Rows, records: Sequence[Record], idle_at: Instant | None) -> list[Output]:
        del idle_at
        door = _AlertDoor(rows, catalogue)
        for record in records:
            if isinstance(record.value, AlertVersion):
                door.tell(record.value, record.received_at)
            else:
                raise unreadable("publish-alerts", record)
        return door.close()

    return step


def make_indicator_step(catalogue: Catalogue, _partitions: int) -> Step:
    """The step that shows indicator values through this catalogue's disclosure profiles."""

    def step(rows: Rows, records: Sequence[Record], idle_at: Instant | None) -> list[Output]:
        del idle_at
        door = _IndicatorDoor(rows, catalogue)
        for record in records:
            if isinstance(record.value, IndicatorValue):
                door.show(record.value, record.received_at)
            elif not isinstance(record.value, FeedStatus):
                raise unreadable("publish-indicators", record)
        return door.close()

    return step


class _Door:
    """What both doors have: numbers without gap, a chain of audit records, and what goes out."""

    def __init__(self, rows: Rows, audit_topic: str) -> None:
        self._audit_topic = audit_topic
        self._numbers = Table(rows, "number/", Number)
        self.outputs: list[Output] = []

    def _next(self, topic: str) -> int:
        number = self._numbers.get(topic) or Number()
        self._numbers.put(topic, Number(number.seq + 1, number.hash))
        return number.seq + 1

    def _record(
        self,
        audience: str,
        topic: str,
        span: tuple[int, int],
        alert: str | None,
        fields: tuple[str, ...],
        at: Instant,
    ) -> None:
        last = self._numbers.get(self._audit_topic) or Number()
        record = AuditRecord(
            seq=last.seq + 1,
            previous_hash=last.hash,
            hash="",
            verb="disclosure-transfers",
            audience=audience,
            topic=topic,
            from_seq=span[0],
            to_seq=span[1],
            alert_id=alert,
            fields=fields,
            as_of=at,
        )
        record = msgspec.structs.replace(record, hash=chained(record))
        self._numbers.put(self._audit_topic, Number(record.seq, record.hash))
        self._out(self._audit_topic, None, record, at)

    def _out(self, topic: str, key: str | None, value: msgspec.Struct, received_at: Instant) -> None:
        self.outputs.append(Output(topic=topic, key=key, value=value, received_at=received_at))


class _AlertDoor(_Door):
    """Tells alerts: remembers who was told of what."""

    def __init__(self, rows: Rows, catalogue: Catalogue) -> None:
        super().__init__(rows, "audit.alerts")
        self._audiences = catalogue.audiences
        self._on_trial = frozenset(rule.id for rule in catalogue.rules if rule.status == "trial")
        self._told = Table(rows, "told/", Told)

    def tell(self, version: AlertVersion, received_at: Instant) -> None:
        """Tell an alert version to those it reaches and those who were told before."""
        is_on_trial = version.rule_id in self._on_trial
        if is_on_trial:
            version = taken_back(version)
        for audience in self._audiences:
            row = f"{audience.id}/{version.alert_id}"
            told = self._told.get(row)
            reached = audience.id in version.audiences
            if told is None and (not reached or version.change == "withdrawn"):
                continue
            shown = _as_known_anyway(audience) if is_on_trial else audience
            topic = f"alerts.{audience.id}"
            seq = self._next(topic)
            published = project(version, shown, seq, told)
            if version.change == "withdrawn":
                self._told.delete(row)
            else:
                self._told.put(row, Told(seq, version.version))
            self._out(topic, version.alert_id, published, received_at)
            disclosed = tuple(sorted(shown.fields))
            self._record(audience.id, topic, (seq, seq), version.alert_id, disclosed, received_at)

    def close(self) -> list[Output]:
        """Remember everything and give the outputs."""
        self._numbers.flush()
        self._told.flush()
        return self.outputs


class _IndicatorDoor(_Door):
    """Shows indicator values: remembers what a rounding profile last showed."""

    def __init__(self, rows: Rows, catalogue: Catalogue) -> None:
        super().__init__(rows, "audit.indicators")
        self._profiles = catalogue.profiles
        self._shown = Table(rows, "shown/", Shown)
        self._spans: dict[str, tuple[int, int, Instant]] = {}

    def show(self, value: IndicatorValue, received_at: Instant) -> None:
        """Show an indicator value in every profile that has it."""
        for profile in self._profiles:
            shown = self._seen_through(profile, value)
            if shown is None:
                continue
            topic = f"indicators.{profile.id}"
            seq = self._next(topic)
            first, _, _ = self._spans.get(profile.id, (seq, 0, 0))
            self._spans[profile.id] = (first, seq, received_at)
            key = series_key(value.area, value.indicator)
            self._out(topic, key, msgspec.structs.replace(shown, seq=seq), received_at)

    def close(self) -> list[Output]:
        """Put the batch's disclosures on record, remember everything, and give the outputs."""
        for profile, (first, last, at) in sorted(self._spans.items()):
            self._record(profile, f"indicators.{profile}", (first, last), None, (), at)
        self._numbers.flush()
        self._shown.flush()
        return self.outputs

    def _seen_through(self, profile: Profile, value: IndicatorValue) -> PublishedIndicator | None:
        if (profile.areas and value.area not in profile.areas) or value.period not in profile.periods:
            return None
        if is_within_a_district(value.area) and profile.hides:
            return None
        if profile.final_only and not value.final:
            return None
        revision, restates, count = value.revision, value.restates, shown_count(value.value, profile)
        if profile.hides:
            row = f"{profile.id}/{series_key(value.area, value.indicator)}|{value.period}|{value.starts}"
            before = self._shown.get(row)
            if before is not None and (before.value, before.final) == (count, value.final):
                return None
            revision = before.revision + 1 if before else 1
            restates = before.value if before else None
            self._shown.put(row, Shown(count, value.final, revision))
        return PublishedIndicator(
            seq=0,
            profile=profile.id,
            area=value.area,
            indicator=value.indicator,
            period=value.period,
            starts=value.starts,
            ends=value.ends,
            value=count,
            final=value.final,
            revision=revision,
            restates=restates,
            as_of=value.as_of,
        )


def project(version: AlertVersion, audience: Audience, seq: int, told: Told | None) -> PublishedAlert:
    """The fields of an alert version this audience may have; to those who hear of it first, it is raised."""
    fields = {name: getattr(version, name) for name in audience.fields if name not in _ALWAYS}
    if "cause" in fields:
        fields["cause"] = cause_told(version.cause)
    return PublishedAlert(
        seq=seq,
        audience=audience.id,
        alert_id=version.alert_id,
        version=version.version,
        change="raised" if told is None else version.change,
        as_of=version.as_of,
        prior_seq=told.seq if told else None,
        prior_version=told.version if told else None,
        **fields,
    )


def taken_back(version: AlertVersion) -> AlertVersion:
    """The version as it is said of a rule that has gone on trial, to those who were told before."""
    cause = f"rule {version.rule_id} is on trial"
    return msgspec.structs.replace(version, change="withdrawn", reason="withdrawn", notify=True, cause=cause)


def _as_known_anyway(audience: Audience) -> Audience:
    fields = tuple(name for name in audience.fields if name in _KNOWN_ANYWAY or name in _ALWAYS)
    return msgspec.structs.replace(audience, fields=fields)


def cause_told(cause: str) -> str:
    """A cause as it may leave: which report it was, and that one was erased or restricted, stays inside.

    Inside, a report's cause is its incident id and action.
    """
    return "a report came, changed or was taken back" if _NAMES_A_REPORT(cause) else cause


def shown_count(value: int, profile: Profile) -> int | None:
    """A count as a profile shows it: hidden (None) from 1 to below `suppress_below`, else rounded to `round_to`."""
    if 0 < value < profile.suppress_below:
        return None
    # Half goes up, as statisticians round, not to even.
    return (value + profile.round_to // 2) // profile.round_to * profile.round_to


def chained(record: AuditRecord) -> str:
    """The hash of an audit record: SHA-256 over its content with an empty hash, its forerunner's hash included."""
    return hashlib.sha256(_ENCODER.encode(msgspec.structs.replace(record, hash=""))).hexdigest()
