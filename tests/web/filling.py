"""A copy filled with made-up alerts, numbers, feeds and refused records, to look at and to test pages on.

To look at it: `python -m tests.web.filling FILE.sqlite`, then `safety-stream web --database sqlite:///FILE.sqlite`.
"""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import msgspec
from sqlalchemy import Engine

from safety_stream.catalogue.loading import load_whole
from safety_stream.core.model.alerts import Alert, AlertVersion
from safety_stream.core.model.dead_letters import DeadLetter
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.findings import Evidence, Excluded, Finding, Told
from safety_stream.core.model.handling import Handling
from safety_stream.core.model.links import PersonLink
from safety_stream.core.model.published import PublishedAlert, PublishedIndicator
from safety_stream.core.model.times import DAY_LENGTH, HOUR, MINUTE, Instant, day_of, period_of, to_instant
from safety_stream.core.stages.recording import Trail, numbers_of
from safety_stream.core.stages.rows import MemoryRows
from safety_stream.data_files import catalogue_folder
from safety_stream.readmodel.database import migrate, open_database, url_of_file
from safety_stream.readmodel.matches import Match, Matches
from safety_stream.readmodel.projection import Place, TopicRecord, apply, note_ends

NOW: Instant = to_instant(datetime(2026, 3, 2, 20, 30, tzinfo=UTC))
HOSTILE = "<script>alert('x')</script> & \"quotes\" {{ 7 * 7 }}"

LOADED = load_whole(catalogue_folder())
DISTRICTS = sorted(one.code for one in LOADED.catalogue.areas.by_code.values() if one.kind == "district")
TOLD = (
    (Told("police", "police-crime", ("victim",)),),
    (Told("ambulance-service", "ambulance-call"), Told("police", "police-incident", ("suspect", "victim"))),
    (Told("district-councils", "asb-case"),),
    (),
)
"""By whom each occurrence of an alert was told; the last comes from before that was kept."""

HAS_HANDLING = "handling" in PublishedAlert.__struct_fields__
"""Whether the backbone already tells how far an alert has been handled."""


def alert(seq: int, **changes: object) -> PublishedAlert:
    """An alert of a rule there is, raised a little before `NOW`."""
    audience = str(changes.pop("audience", "duty-officer"))
    handling = changes.pop("handling", None)
    completed = NOW - seq * 7 * MINUTE
    area = str(changes.get("area", DISTRICTS[seq % len(DISTRICTS)]))
    evidence = tuple(
        Evidence(f"occurrence-{seq}-{n}", completed - (3 - n) * 9 * DAY_LENGTH, area, (f"report-{seq}-{n}",), told)
        for n, told in enumerate(TOLD)
    )
    fields = {
        "seq": seq,
        "audience": audience,
        "alert_id": f"00000000-0000-5000-8000-{seq:012d}",
        "version": 1,
        "change": "raised",
        "as_of": completed + MINUTE,
        "episode": 1,
        "reason": "new",
        "rule_id": "rv-marac-repeat",
        "rule_version": 3,
        "title": "Abuse within twelve months of a MARAC referral",
        "family": "repeat-victimisation",
        "subject": f"pair tok-{seq:04d}a tok-{seq:04d}b",
        "priority": "P2",
        "area": area,
        "areas": (area,),
        "first_completed_at": completed,
        "last_completed_at": completed,
        "explanation": "Abuse reported 27 days after the last MARAC referral of this pair.",
        "child": False,
        "late": False,
        "notify": True,
        "marking": "OFFICIAL-SENSITIVE",
        "findings": (
            Finding(
                finding_id=f"finding-{seq}",
                rule_id="rv-marac-repeat",
                rule_version=3,
                limb="main",
                family="repeat-victimisation",
                key=f"victim-perpetrator:tok-{seq:04d}a|tok-{seq:04d}b",
                occurrence_id=f"occurrence-{seq}-3",
                completed_at=completed,
                priority="P2",
                area=area,
                areas=(area,),
                evidence=evidence,
                excluded=(Excluded(f"report-{seq}-9", "origin-discovered"),),
                facts=(("days_since_referral", "27"), ("referrals", "1"), ("times", "3")),
                child=False,
                explanation="Abuse reported 27 days after the last MARAC referral of this pair.",
            ),
        ),
    }
    told = PublishedAlert(**(fields | changes))  # type: ignore[arg-type]
    if HAS_HANDLING and handling is not None:
        return msgspec.structs.replace(told, handling=handling)
    return told


def handled(state: str, **changes: object) -> Handling:
    fields = {"number": 1, "state": state, "since": NOW - HOUR, "what": "raised", "as_of": NOW - HOUR}
    return Handling(**(fields | changes))  # type: ignore[arg-type]


def alerts() -> Iterator[PublishedAlert]:
    """What duty officers were told: urgent, late, snoozed, taken back, hostile, and enough for a second page."""
    yield alert(
        1,
        priority="P1",
        area="E07000123",
        child=True,
        title="Child found far from home in company that is linked to drugs",
        explanation="A child missing from Burnley was found in Preston 6 hours later, with somebody linked to drugs.",
        rule_id="soc-child-found-away",
        family="organised-crime",
        handling=handled("new", acknowledge_by=NOW + 4 * MINUTE, decide_by=NOW + 40 * MINUTE),
    )
    yield alert(
        2, priority="P1", area="E06000009", handling=handled("new", acknowledge_by=NOW - 9 * MINUTE, overdue=True)
    )
    yield alert(
        3,
        handling=handled(
            "acknowledged", what="acknowledge", actor="dev-duty-officer", role="duty-officer",
            owner="dev-duty-officer", decide_by=NOW + 2 * HOUR,
        ),
    )  # fmt: skip
    yield alert(4, handling=handled("snoozed", snoozed_until=NOW + 5 * HOUR, what="snooze", reason="visit-booked"))
    yield alert(5, title=HOSTILE, explanation=HOSTILE, subject=HOSTILE, marking=HOSTILE)
    yield alert(6)
    yield alert(
        7,
        alert_id="00000000-0000-5000-8000-000000000006",
        version=2,
        change="withdrawn",
        reason="withdrawn",
        findings=(),
        cause="a report came, changed or was taken back",
        prior_seq=6,
        prior_version=1,
        handling=handled("withdrawn", number=2, what="withdrawn"),
    )
    yield alert(
        8,
        rule_id="above-expected",
        family="threshold",
        priority="P3",
        title="More recorded in a district and week than chance explains",
        explanation="Recorded burglary, Burnley: 60 recorded in the week from 2026-02-23, where 31.2 were expected.",
        area="E07000117",
        subject=None,
        findings=(
            msgspec.structs.replace(
                alert(8).findings[0],
                rule_id="above-expected",
                occurrence_id="week:2026-02-23",
                evidence=(),
                excluded=(),
                facts=(
                    ("bound", "49"),
                    ("expected", "31.2"),
                    ("from", "2026-02-23"),
                    ("indicator", "burglary"),
                    ("value", "60"),
                    ("weeks", "week"),
                ),
            ),
        ),
    )
    yield linked(9)
    for seq in range(10, 75):
        priority = "P3" if seq % 3 else "P4"
        yield alert(seq, priority=priority, late=seq % 10 == 0, handling=decided().get(seq))


def linked(seq: int) -> PublishedAlert:
    """One found over what leads from report to report."""
    told = alert(seq, rule_id="soc-retaliation", family="organised-crime", priority="P4")
    facts = (
        ("count", "2"),
        ("links", "1 to 3: vehicle; 2 to 1: phone; 3 to 4: person and place"),
        ("path", "same phone, then same vehicle; same person and same place"),
    )
    said = "2 events of serious violence within 14 days, leading from one to another by the same vehicle."
    finding = msgspec.structs.replace(told.findings[0], rule_id=told.rule_id, limb="linked", facts=facts)
    return msgspec.structs.replace(
        told,
        title="Serious violence near, or linked with, serious violence of the last two weeks",
        explanation=said,
        findings=(finding,),
    )


def decided() -> dict[int, Handling]:
    """What was made of some of them; number 17 is in one district with number 3."""
    by = {"actor": "dev-duty-officer", "role": "duty-officer", "owner": "dev-duty-officer"}
    return {
        17: handled("actioned", what="action", rationale="Visited; a safety plan is agreed.", useful=True, **by),
        20: handled("acknowledged", what="escalate", escalated_to="daily-meeting", **by),
    }


def others(audience: str) -> Iterator[PublishedAlert]:
    """What an audience with fewer fields was told."""
    for seq in range(1, 4):
        yield alert(seq, audience=audience, findings=None, areas=None, child=None)


def numbers(profile: str, kind: str, weeks: int) -> Iterator[PublishedIndicator]:
    """What a profile is shown of so many weeks, with a red week in Burnley and nothing of Rossendale."""
    chance = Random(7)
    seq = 0
    shown = {one.id: one for one in LOADED.catalogue.profiles}[profile]
    codes = [*DISTRICTS, "L-12", "L-14", "D-EAST"]
    first = day_of(NOW) - weeks * 7
    for indicator in LOADED.catalogue.indicators:
        if kind not in indicator.periods or indicator.id in ("cyber-crime", "exclusions"):
            continue
        for code in codes:
            if code == "E07000125":
                continue
            period = period_of(first, kind)
            while period.ends <= day_of(NOW):
                seq += 1
                expected = 30.0 if code.startswith("E") else 260.0
                value = max(0, round(chance.gauss(expected, expected**0.5)))
                signal = "none"
                if (indicator.id, code) == ("burglary", "E07000117") and period.ends + 7 > day_of(NOW):
                    value, signal = 60, "red"
                elif value > expected + 2 * expected**0.5:
                    signal = "amber"
                hidden = shown.suppress_below > 0 and chance.random() < 0.1
                told = PublishedIndicator(
                    seq=seq,
                    profile=profile,
                    area=code,
                    indicator=indicator.id,
                    period=kind,
                    starts=period.starts,
                    ends=period.ends,
                    value=None if hidden else value - value % shown.round_to,
                    final=True,
                    revision=1,
                    restates=None,
                    as_of=(period.ends + 2) * DAY_LENGTH,
                    expected=expected if "expected" in shown.shows else None,
                    low=round(expected - 3 * expected**0.5) if "low" in shown.shows else None,
                    high=round(expected + 3 * expected**0.5) if "high" in shown.shows else None,
                    signal=signal if "signal" in shown.shows else None,
                )
                yield told
                if seq % 50 == 0:
                    seq += 1
                    yield msgspec.structs.replace(
                        told, seq=seq, revision=2, restates=told.value, value=value + 3, as_of=NOW - HOUR
                    )
                period = period_of(period.ends, kind)


def owed() -> dict[str, list[msgspec.Struct]]:
    """What is owed: an answer to number 7, which took back what number 6 said, and a review of an opened alert."""
    taken_back = alert(6)
    version = AlertVersion(
        **{name: getattr(taken_back, name) for name in Alert.__struct_fields__ if name not in OF_VERSION},
        **OF_VERSION,
    )
    trail = Trail(numbers_of(MemoryRows()), "audit.entries")
    used = trail.put_on_record(
        "consultation", NOW - 3 * DAY_LENGTH, audience="duty-officer", alert=alert(20).alert_id,
        actor="supervisor-9", reason="break-glass: child-at-risk", until=NOW - 3 * DAY_LENGTH + HOUR,
    )  # fmt: skip
    return {"alert-changes": [version], "audit.entries": [used.value]}


OF_VERSION = {
    "version": 2,
    "change": "withdrawn",
    "reason": "withdrawn",
    "findings": (),
    "audiences": ("duty-officer",),
    "cause": "report-6-0 withdraw",
}


def fill(path: Path, weeks: int = 12) -> Engine:
    """Make and fill the copy, its numbers being of so many weeks."""
    engine = open_database(url_of_file(path))
    migrate(engine)
    told: dict[str, list[msgspec.Struct]] = {"alerts.duty-officer": list(alerts())}
    for audience in sorted(one.id for one in LOADED.catalogue.audiences if one.id != "duty-officer"):
        told[f"alerts.{audience}"] = list(others(audience))
    told["indicators.internal"] = list(numbers("internal", "week", weeks))
    told["indicators.partner"] = list(numbers("partner", "week", weeks))
    told["indicators.public"] = list(numbers("public", "month", weeks))
    sources = sorted(LOADED.catalogue.sources)
    newest = dict.fromkeys(sources[2:], NOW - HOUR)
    old = dict.fromkeys(sources[1:2], NOW - 9 * DAY_LENGTH)
    told["feed-status"] = [
        FeedStatus(as_of=NOW - 8 * DAY_LENGTH, newest=old, partition=0),
        FeedStatus(as_of=NOW, newest=old | newest, partition=0),
    ]
    told |= owed()
    told["dead-letters.intake"] = [
        DeadLetter(
            stage="intake", topic=f"partner.{sources[2]}", partition=0, offset=n, reason="impossible-time",
            detail="occurred_from is after reported_at: state when it began", key=None, value=b"x",
            received_at=NOW - n * HOUR,
        )
        for n in range(1, 4)
    ]  # fmt: skip
    with engine.begin() as connection:
        apply(
            connection,
            [
                TopicRecord(topic, 0, offset, value)
                for topic, values in told.items()
                for offset, value in enumerate(values)
            ],
        )
        note_ends(connection, {Place(topic, 0): len(values) for topic, values in told.items()}, NOW)
    Matches(engine).replace(matches(), NOW - HOUR)
    return engine


def matches() -> list[Match]:
    """Pairs that may be one person: one of many reports, one nobody reported of since, one somebody left undecided."""
    sources = sorted(LOADED.catalogue.sources)
    said = {
        "state": "possible",
        "method": "probabilistic",
        "decided_by": "matching-job",
        "decided_at": NOW - DAY_LENGTH,
    }
    return [
        Match(PersonLink(first="tok-a", second="tok-b", **said), {sources[0]: 4, sources[1]: 1}, {sources[2]: 2}),
        Match(PersonLink(first="tok-c", second="tok-d", **said), {}, {}),
        Match(
            PersonLink(first="tok-e", second="tok-f", **(said | {"method": "steward", "decided_by": "dev-analyst"})),
            {sources[0]: 1},
            {sources[0]: 1},
        ),
    ]


if __name__ == "__main__":
    fill(Path(sys.argv[1]), weeks=70).dispose()
