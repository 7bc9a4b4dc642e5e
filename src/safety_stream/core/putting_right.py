"""Put right everywhere: where a report that was corrected or taken back had gone, and what was put right there.

Theory of operation
-------------------
When a partner corrects, disputes, restricts, withdraws or erases a report, everything that was derived from it is
evaluated anew, and each change of a finding or of an alert says by which report and action it came about (its cause).
So what was put right can be followed through the topics by that cause alone:

    report ──▶ findings ──▶ alerts ──▶ the feeds of those who had been told (a restatement, with a number of its own)
       └─────▶ series it counted in ──▶ values restated in the feeds of indicators

Where several reports of one alert are taken back together, the first of them brings its end about; so of a report's
notices are those, too, that told of the end of an alert that rested on it.

A *recipient* is an audience whose feed has such a restatement: what the law asks is that it puts its own copy right
(UK GDPR article 19, DPA 2018 section 48). It says so by acknowledging the number, or a later one of the same alert.
Until then it is *open*, and somebody has to ask.

An audience may be told of several versions at once, as after a renewal of its agreement: then the number is a notice of
each of their causes. And what it should be told may wait for an agreement (`withheld`): then it holds what was wrong
and has not heard of it. That is *untold*, and open like a notice until it is told.

A report that is disputed counts as before, and restates nothing; those who were told of an alert that rests on it are
recipients of that, under the number they were told last, and of each such report by itself. One that is restricted
counts nowhere until another version lifts it.

A *certificate* says all of this of one report. It names no person, and is signed outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal

import msgspec

from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.alerts import AlertVersion, Change
from safety_stream.core.model.findings import FindingChange
from safety_stream.core.model.incidents import Action, IncidentVersion
from safety_stream.core.model.published import AuditRecord, PublishedAlert, PublishedIndicator
from safety_stream.core.model.sharing import Withheld
from safety_stream.core.model.times import Day, Instant
from safety_stream.core.register import Scope, Series, claim_of, highest_of
from safety_stream.core.resting import Resting
from safety_stream.core.rules.carrying import reports_of
from safety_stream.core.rules.chains import DEEPEST
from safety_stream.core.stages.enter import ACKNOWLEDGED
from safety_stream.core.stages.intake import FUTURE_TOLERANCE

PUTS_RIGHT: Final[frozenset[Action]] = frozenset({"correct", "dispute", "restrict", "withdraw", "erase"})
"""What a partner does to a report that others have to follow."""

FINDINGS: Final = ("findings",) * DEEPEST
"""How often `findings` are read, from the beginning: what rests on a report may do so by way of other findings."""

Why = Literal["restated", "disputed"]


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What an audience was told that it has to put right at home: number `seq` of its feed.

    `incident_id` and `action` are why; `acknowledged_by` is empty, and `acknowledged_at` None, while it is open. It has
    been open since `opened_at`: when it was told, or the report was disputed, whichever came later (0 in a certificate
    of a release that did not say so).
    """

    audience: str
    seq: int
    alert_id: str
    version: int
    change: Change
    why: Why
    incident_id: str
    action: Action
    told_at: Instant
    acknowledged_by: str = ""
    acknowledged_at: Instant | None = None
    opened_at: Instant = 0


class Untold(msgspec.Struct, frozen=True, kw_only=True):
    """What an audience holds that is so no longer, and was not told: record `seq` of `withheld` is the newest of it.

    `version` of the alert waits since `since` for one of `agreements`; `incident_id` and `action` are why it differs
    from what the audience was told last.
    """

    audience: str
    seq: int
    alert_id: str
    version: int
    change: Change
    incident_id: str
    action: Action
    agreements: tuple[str, ...]
    since: Instant


class ChangedFinding(msgspec.Struct, frozen=True):
    """A finding that came, changed or went with what was done to the report. Not on whom: that is no part of it."""

    finding_id: str
    rule_id: str
    change: Change
    as_of: Instant


class RestatedValue(msgspec.Struct, frozen=True):
    """The next value that a profile was told of a cell the report counted in, or counts in now."""

    profile: str
    seq: int
    area: str
    indicator: str
    period: str
    starts: Day
    value: int | None
    as_of: Instant


class Delivery(msgspec.Struct, frozen=True):
    """A message that told somebody a number of an audience's feed: by which channel, how far it has come, and when."""

    audience: str
    seq: int
    channel: str
    status: str
    sent_at: Instant | None
    message_id: str


class Act(msgspec.Struct, frozen=True):
    """What was done to the report, by the record of it: number `seq` of a chain of the audit, and its hash."""

    action: str
    verb: str
    chain: str
    seq: int
    hash: str
    as_of: Instant


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """Where a report had gone, and what was put right there. Signed like a checkpoint.

    `stands_as` is what its last action has made of it, `resting` the findings that rest on it still: none, where it
    was taken back. `is_complete`: that is so, no notice is open, and nothing is untold. `untold` is None where the
    certificate was made by a version that did not look for it.
    """

    incident_id: str
    source: str
    stands_as: Action
    at: Instant
    acts: tuple[Act, ...]
    findings: tuple[ChangedFinding, ...]
    resting: tuple[str, ...]
    notices: tuple[Notice, ...]
    values: tuple[RestatedValue, ...]
    is_complete: bool
    deliveries: tuple[Delivery, ...] = ()
    key_id: str = ""
    signature: str = ""
    untold: tuple[Untold, ...] | None = None


NOTHING_DISPUTED: Final[Mapping[str, Instant]] = {}


class Notices:
    """The notices there are, while `alert-changes`, the feeds of alerts and `audit.entries` are being read, in order.

    `disputed`: the reports that are disputed as they stand, each since when. `follows`: the report whose own notices
    are asked for; then `withheld` is read as well, for what is untold of it. Before all else `FINDINGS` are read.
    """

    def __init__(self, disputed: Mapping[str, Instant] = NOTHING_DISPUTED, follows: str = "") -> None:
        """Nothing is known."""
        self._disputed = disputed
        self._follows = follows
        self._disputes = Resting(disputed)
        self._following = Resting([follows] if follows else [])
        self._holds: set[str] = set()
        self._ended: set[tuple[str, int]] = set()
        self._causes: dict[tuple[str, int], tuple[str, Action]] = {}
        self._rests: dict[str, list[str]] = {}
        self._restated: dict[tuple[str, int, str, Action], Notice] = {}
        self._ends: set[tuple[str, int]] = set()
        self._withheld: dict[tuple[str, str], Withheld] = {}
        self._last: dict[tuple[str, str], PublishedAlert] = {}
        self._answers: dict[tuple[str, str], list[AuditRecord]] = {}

    def take(self, value: msgspec.Struct) -> None:
        """Fold one value in."""
        if isinstance(value, FindingChange):
            self._disputes.take(value)
            self._following.take(value)
        elif isinstance(value, AlertVersion):
            self._take_alert(value)
        elif isinstance(value, PublishedAlert):
            self._take_told(value)
        elif isinstance(value, Withheld):
            self._withheld[value.audience, value.alert_id] = value
        elif isinstance(value, AuditRecord) and value.reason == ACKNOWLEDGED:
            self._answers.setdefault((value.audience, value.alert_id or ""), []).append(value)

    def all(self) -> list[Notice]:
        """Every notice, the oldest first, each with its acknowledgement if it has one."""
        found = [*self._restated.values(), *self._of_disputes()]
        return sorted(map(self._answered, found), key=lambda one: (one.told_at, one.audience, one.seq))

    def of_the_report(self) -> list[Notice]:
        """The notices of the report that is followed: those it brought about, and of the end of what rested on it."""
        return [one for one in self.all() if one.incident_id == self._follows or (one.audience, one.seq) in self._ends]

    def untold_of_the_report(self) -> list[Untold]:
        """What of the report that is followed somebody holds otherwise and was not told of, the oldest first."""
        return sorted(set(self._untold()), key=lambda one: (one.since, one.audience, one.seq, one.action))

    def _untold(self) -> Iterator[Untold]:
        for (audience, alert_id), withheld in self._withheld.items():
            told = self._last.get((audience, alert_id))
            if told is None or told.change == "withdrawn" or not _waits(withheld):
                continue
            for number, (incident_id, action) in self._causes_of(alert_id, told.version, withheld.version):
                if incident_id == self._follows or (alert_id, number) in self._ended:
                    yield Untold(
                        audience=audience,
                        seq=withheld.seq,
                        alert_id=alert_id,
                        version=withheld.version,
                        change=withheld.change,
                        incident_id=incident_id,
                        action=action,
                        agreements=withheld.agreements,
                        since=withheld.as_of,
                    )

    def _causes_of(self, alert_id: str, after: int, to: int) -> Iterator[tuple[int, tuple[str, Action]]]:
        """The versions after one up to another that put something right, and what."""
        for number in range(after + 1, to + 1):
            done = self._causes.get((alert_id, number))
            if done is not None:
                yield number, done

    def caused(self, alert_id: str, version: int, incident_id: str, action: Action) -> None:
        """A version of an alert came about by what was done to a report."""
        self._causes[alert_id, version] = incident_id, action

    def rests(self, alert_id: str, reports: Iterable[str]) -> None:
        """An alert rests on these reports as it stands."""
        self._rests[alert_id] = sorted(self._disputed.keys() & set(reports))

    def _take_alert(self, version: AlertVersion) -> None:
        done = act_of(version.cause)
        if done is not None:
            self.caused(version.alert_id, version.version, *done)
        shown = (finding.finding_id for finding in version.findings)
        if self._following.ever((*version.also_rests_on, *shown)):
            self._holds.add(version.alert_id)
        elif version.alert_id in self._holds:
            self._holds.discard(version.alert_id)
            self._ended.add((version.alert_id, version.version))
        if self._disputed:
            self.rests(version.alert_id, self._disputes.beneath(reports_under(version)))

    def _take_told(self, told: PublishedAlert) -> None:
        self._last[told.audience, told.alert_id] = told
        # Who hears of an alert for the first time has nothing of before.
        if told.prior_version is None:
            return
        for number, done in self._causes_of(told.alert_id, told.prior_version, told.version):
            self._restated[told.audience, told.seq, *done] = _notice(told, "restated", *done, told.as_of)
            if (told.alert_id, number) in self._ended:
                self._ends.add((told.audience, told.seq))

    def _of_disputes(self) -> Iterator[Notice]:
        for (_, alert_id), told in self._last.items():
            for report in self._rests.get(alert_id, ()) if told.change != "withdrawn" else ():
                yield _notice(told, "disputed", report, "dispute", max(told.as_of, self._disputed[report]))

    def _answered(self, notice: Notice) -> Notice:
        for answer in self._answers.get((notice.audience, notice.alert_id), ()):
            # A number may be acknowledged before there is anything to put right: for another reason (a dispute is of
            # what was told before), or by a number nobody has been told yet. The clocks of two machines may differ.
            since = notice.opened_at if notice.why == "disputed" else notice.opened_at - FUTURE_TOLERANCE
            if answer.to_seq >= notice.seq and answer.as_of >= since:
                return msgspec.structs.replace(notice, acknowledged_by=answer.actor or "", acknowledged_at=answer.as_of)
        return notice


class Tracing:
    """One report, while the topics it went through are being read: `incidents` first, all else in any order.

    `FINDINGS` are read as often as they say.
    """

    def __init__(self, incident_id: str, catalogue: Catalogue) -> None:
        """Follow the report of this id."""
        self._id = incident_id
        self._scope = Scope(catalogue)
        self._versions: list[IncidentVersion] = []
        self._cells: set[tuple[str, str, Day]] | None = None
        self._acts: list[Act] = []
        self._findings: dict[ChangedFinding, None] = {}
        self._resting = Resting([incident_id])
        self._values: dict[tuple[str, str, str, str, Day], RestatedValue] = {}

    def take(self, topic: str, value: msgspec.Struct) -> None:
        """Fold one value of a topic in."""
        if isinstance(value, IncidentVersion):
            if value.incident_id == self._id:
                self._versions.append(value)
        elif isinstance(value, FindingChange):
            self._take_finding(value)
        elif isinstance(value, AuditRecord):
            if value.incident_id == self._id:
                act = Act(value.reason or "", value.verb, topic, value.seq, value.hash, value.as_of)
                self._acts.append(act)
        elif isinstance(value, PublishedIndicator):
            self._take_value(value)

    def standing(self) -> IncidentVersion | None:
        """The version that stands; None where there is no such report."""
        return highest_of(self._versions).get(self._id)

    def certificate(self, notices: Iterable[Notice], untold: Iterable[Untold], at: Instant) -> Certificate | None:
        """What was put right of the report; None where there is no such report. The rest is what is of the report."""
        stands = self.standing()
        if stands is None:
            return None
        mine, waiting = tuple(notices), tuple(untold)
        resting = tuple(self._resting.standing())
        is_put_right = not resting or stands.action in ("new", "correct", "dispute")
        return Certificate(
            incident_id=self._id,
            source=stands.source,
            stands_as=stands.action,
            at=at,
            acts=tuple(self._acts),
            findings=tuple(self._findings),
            resting=resting,
            notices=mine,
            values=tuple(sorted(self._values.values(), key=lambda one: (one.profile, one.seq))),
            is_complete=is_put_right and all(one.acknowledged_by for one in mine) and not waiting,
            untold=waiting,
        )

    def _take_finding(self, change: FindingChange) -> None:
        finding = change.finding
        self._resting.take(change)
        done = act_of(change.cause)
        if done is not None and done[0] == self._id:
            self._findings[ChangedFinding(finding.finding_id, finding.rule_id, change.change, change.as_of)] = None

    def _take_value(self, value: PublishedIndicator) -> None:
        if value.as_of < self._since() or not self._counts_in(value):
            return
        key = (value.profile, value.area, value.indicator, value.period, value.starts)
        self._values.setdefault(
            key,
            RestatedValue(
                value.profile,
                value.seq,
                value.area,
                value.indicator,
                value.period,
                value.starts,
                value.value,
                value.as_of,
            ),
        )

    def _since(self) -> Instant:
        put_right = [one.received_at for one in self._versions if one.action in PUTS_RIGHT]
        return min(put_right, default=0)

    def _counts_in(self, value: PublishedIndicator) -> bool:
        if self._cells is None:
            self._cells = set(self._moved())
        return any(
            area == value.area and indicator == value.indicator and value.starts <= day < value.ends
            for area, indicator, day in self._cells
        )

    def _moved(self) -> Iterator[tuple[str, str, Day]]:
        """The cells in which it counts otherwise than before anything was put right."""
        since = self._since()
        before = highest_of(one for one in self._versions if one.received_at < since).get(self._id)
        after = self.standing()
        old: tuple[Series, ...] = () if before is None else claim_of(before, self._scope).series
        new: tuple[Series, ...] = () if after is None else claim_of(after, self._scope).series
        for one in {*old} ^ {*new}:
            yield one.area, one.indicator, one.event_day


def reports_under(version: AlertVersion) -> frozenset[str]:
    """The ids of the reports an alert rests on, shown or not, and of the findings that stand in the place of one."""
    return frozenset(version.also_rests_on).union(*map(reports_of, version.findings))


def act_of(cause: str) -> tuple[str, Action] | None:
    """The report and what was done to it, where that is the cause of a change and puts something right."""
    incident, _, word = cause.partition(" ")
    for action in PUTS_RIGHT:
        if word == action:
            return incident, action
    return None


def certified_part(certificate: Certificate) -> bytes:
    """What of a certificate is signed: everything but the signature, and what the release that made it did not know."""
    said = msgspec.to_builtins(msgspec.structs.replace(certificate, signature=""))
    if certificate.untold is None:
        del said["untold"]
    for notice in said["notices"]:
        if not notice["opened_at"]:
            del notice["opened_at"]
    return _ENCODER.encode(said)


_ENCODER = msgspec.msgpack.Encoder()


def _waits(withheld: Withheld) -> bool:
    """Whether it waits; a record of version 1 does not say what became of it, and told it is where the feed has it."""
    return withheld.state == "waits" or (withheld.state is None and bool(withheld.agreements))


def _notice(told: PublishedAlert, why: Why, incident_id: str, action: Action, opened_at: Instant) -> Notice:
    return Notice(
        audience=told.audience,
        seq=told.seq,
        alert_id=told.alert_id,
        version=told.version,
        change=told.change,
        why=why,
        incident_id=incident_id,
        action=action,
        told_at=told.as_of,
        opened_at=opened_at,
    )
