"""The whole backbone to simulate: every stage of the topology with its own step and codecs, on a few reports.

Each seed has reports of its own that meet in one rule or two: some of them corrected, withdrawn, sent twice or out of
order, one of them not to be read at all; and counts, of which some are of the same people as others. Among them
stewards decide who is who, and sometimes think better of it. What must have come of them the oracle knows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from operator import itemgetter
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from safety_stream.core.audit import Chain, Chained, verified
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.dead_letters import DeadLetter
from safety_stream.core.model.facts import Fact
from safety_stream.core.model.ids import incident_id
from safety_stream.core.model.incidents import Action, IncidentVersion, Role
from safety_stream.core.model.links import PersonLink
from safety_stream.core.model.reports import Report, ReportedParty, ReportedPlace
from safety_stream.core.model.times import DAY_LENGTH, HOUR, LONDON, Instant, to_instant
from safety_stream.core.sealing import sealed_link, sealed_outputs, tokens_in
from safety_stream.core.stages.stage import Output, Record, Rows
from safety_stream.streaming.ports import Outgoing
from safety_stream.streaming.spec import StageSpec
from safety_stream.streaming.wiring import stage_specs
from safety_stream.testing.log import Log
from safety_stream.testing.oracle import counting_nobody_twice
from safety_stream.testing.publication import publication_faults
from safety_stream.testing.simulation import Plan
from safety_stream.testing.verdict import Witnessed, compare
from safety_stream.wire.codecs import shipped_codecs
from safety_stream.wire.records import Records
from safety_stream.wire.reports import encode_report
from safety_stream.wire.topology import CHAINED_TOPICS, STAGES, members, topics

PARTITIONS = 2

_KINDS: Mapping[str, str] = {
    "police-crimes": "police-crime",
    "police-incidents": "police-incident",
    "police-missing": "missing-episode",
    "council-asb": "asb-case",
    "housing": "housing-concern",
    "domestic-abuse": "domestic-abuse",
    "marac": "marac-referral",
    "childrens-services": "intervention",
    "interventions": "intervention",
    "ed-assaults": "assault-attendance",
    "fire": "fire",
    "police-hate": "hate-report",
    "ambulance": "ambulance-call",
    "partnership-counts": "aggregate-count",
}
"""What each partner sends."""

_BURNLEY, _HYNDBURN, _PENDLE, _RIBBLE_VALLEY = "E07000117", "E07000120", "E07000122", "E07000124"
_LSOA = "E01024855"
_HOME = ReportedPlace(area=_HYNDBURN, uprn="900000000001")
_ELSEWHERE = ReportedPlace(area=_PENDLE, uprn="900000000002")
_BEGINS = to_instant(datetime(2026, 1, 5, 12, tzinfo=LONDON))
_MEETING = to_instant(datetime(2026, 3, 4, tzinfo=LONDON))
"""Where one stretch of 92 days ends and the next begins."""

_MONTHS = tuple(to_instant(datetime(2025, month, 1, tzinfo=LONDON)) for month in (9, 10, 11, 12))
"""Before anything else happens: counts of them may come at any time."""

_TAKEN_BACK: tuple[Action, ...] = ("correct", "withdraw", "withdraw", "erase", "restrict", "dispute")


def plan(seed: int) -> Plan:
    """What may happen to a deployment: two workers, time enough for reports to get half way, no clock but the log's."""
    return replace(
        Plan.of(seed),
        slots=2,
        # Idle consumers wait long: it is quicker.
        batch_wait=1.0,
        pause=12.0,
        error_rate=(0.02, 0.08)[seed % 2],
        wakes=False,
        max_steps=200_000,
    )


Seals = Callable[[Collection[str]], Mapping[str, str]]
"""The seal of each token, as a key store gives them (`core/sealing.py`)."""


class Deployment:
    """The stages of a catalogue, made once for any number of scenes. `folder` is where the oracle reads it.

    With `seals` intake seals what it passes on; they may raise what a key store that is away raises.
    """

    def __init__(self, catalogue: Catalogue, folder: Path, seals: Seals | None = None) -> None:
        """With a few of its partners only: intake reads two topics of each."""
        few = {name: catalogue.sources[name] for name in _KINDS}
        self.catalogue = msgspec.structs.replace(catalogue, sources=few)
        self.folder = folder
        self.stages: Sequence[StageSpec] = stage_specs(
            STAGES, self.catalogue, PARTITIONS, None if seals is None else _Door(seals)
        )
        self.topics = {topic.name: topic.partitions for topic in topics(self.catalogue, PARTITIONS)}


class _Door:
    """Seals, and lets everything in: nobody is erased here."""

    def __init__(self, seals: Seals) -> None:
        self._seals = seals

    def screen(self, _: Rows, records: Sequence[Record]) -> Sequence[Record]:
        return records

    def seal(self, _: Rows, outputs: Sequence[Output]) -> Sequence[Output]:
        tokens = tokens_in(outputs)
        return sealed_outputs(outputs, self._seals(tokens)) if tokens else outputs


class Backbone:
    """The scene: all stages of a deployment, and the reports of a seed.

    Where the deployment seals, `seals` are what it must have sealed by, at the end and without fail.
    """

    def __init__(self, deployment: Deployment, seed: int, seals: Seals | None = None) -> None:
        """Nothing is sent yet."""
        self._seals = seals
        self._deployment = deployment
        self._wire = Records()
        self.stages: Sequence[StageSpec] = deployment.stages
        self.topics: Mapping[str, int] = deployment.topics
        random = Random(seed)  # noqa: S311 - chance that can be repeated
        told = _received(_reports(random), random)
        self._decided = _decisions(told, random)
        # With a chance of their own, so that all else is as it would be without them.
        counts = _counts(told, Random(f"{seed}/surveys"))  # noqa: S311
        told = sorted([*told, *counts], key=itemgetter(1))
        self.records: Sequence[Outgoing] = _sent(told, self._decided, random)
        self._told, self._refused = _taken(told, deployment.folder)

    def faults(self, log: Log) -> Iterator[str]:
        """See `Scene`."""
        yield from self._wrong_intake(log)
        witnessed = Witnessed()
        for topic in ("findings", "alert-changes", "indicator-values"):
            for value in self._values(log, topic):
                witnessed.fold(value)
        accepted = [{**msgspec.to_builtins(self._as_told(one)), "received_at": at} for one, at in self._told]
        links = [{**msgspec.to_builtins(self._as_decided(one)), "received_at": at} for one, at in self._decided]
        yield from compare(witnessed, accepted, self._deployment.folder, links)
        doors = [
            name for row in ("alerts.", "indicators.", "audit.") for name in members(row, self._deployment.catalogue)
        ]
        yield from publication_faults((topic, value) for topic in doors for value in self._values(log, topic))
        yield from self._broken_chains(log)

    def _as_told(self, report: Report) -> Report:
        """The report as everybody behind intake knows it."""
        if self._seals is None:
            return report
        tokens = [party.token for party in report.parties if party.token]
        seals = self._seals([*tokens, *report.vehicles, *report.phones])
        return msgspec.structs.replace(
            report,
            parties=tuple(
                msgspec.structs.replace(party, token=seals[party.token]) if party.token else party
                for party in report.parties
            ),
            vehicles=tuple(seals[token] for token in report.vehicles),
            phones=tuple(seals[token] for token in report.phones),
        )

    def _as_decided(self, link: PersonLink) -> PersonLink:
        """Likewise of a decision."""
        return link if self._seals is None else sealed_link(link, self._seals((link.first, link.second)))

    def _broken_chains(self, log: Log) -> Iterator[str]:
        """I4: what is on record is a whole chain in each partition."""
        chains: dict[Chain, list[Chained]] = {}
        for topic in CHAINED_TOPICS:
            for at, _, record in log.read(topic):
                value = self._wire.value(topic, record.value)
                if isinstance(value, Chained):
                    chains.setdefault(Chain(at.topic, at.partition), []).append(value)
        for chain, records in sorted(chains.items()):
            yield from (f"{fault.chain} {fault.seq}: {fault.said}" for fault in verified(chain, records).faults)

    def _wrong_intake(self, log: Log) -> Iterator[str]:
        """I1: each record of a partner is once among the incidents, or once among the dead letters."""
        expected = Counter(
            (incident_id(report.source, report.source_ref), report.source_version, report.action, at)
            for report, at in self._told
        )
        found = Counter(
            (value.incident_id, value.source_version, value.action, value.received_at)
            for value in self._values(log, "incidents")
            if isinstance(value, IncidentVersion)
        )
        yield from _unequal("incidents", expected, found)
        decided = Counter((self._as_decided(link), number) for link, _ in self._decided for number in range(PARTITIONS))
        copies = Counter(
            (msgspec.structs.replace(value, decision_id=""), at.partition)
            for at, _, record in log.read("incidents")
            for value in [self._wire.value("incidents", record.value)]
            if isinstance(value, PersonLink)
        )
        yield from _unequal("decisions", decided, copies)
        refused = Counter(
            record.value
            for topic in members("backfill.", self._deployment.catalogue)
            for _, _, record in log.read(topic)
            if record.value is not None and record.value.startswith(_BROKEN)
        )
        refused.update(encode_report(report) for report, _ in self._refused)
        letters = [
            value
            for topic in members("dead-letters.", self._deployment.catalogue)
            for value in self._values(log, topic)
            if isinstance(value, DeadLetter)
        ]
        yield from _unequal("dead letters", refused, Counter(letter.value for letter in letters))
        placed = Counter((letter.topic, letter.partition, letter.offset) for letter in letters)
        yield from _unequal("records refused", Counter(set(placed)), placed)

    def _values(self, log: Log, topic: str) -> Iterator[msgspec.Struct]:
        for _, _, record in log.read(topic):
            yield self._wire.value(topic, record.value)


_SEVERAL = tuple(f"tok-several-{letter}" for letter in "abcd")
"""Tokens of one person, or of several, and of nobody else."""


def _decisions(told: Sequence[tuple[Report, Instant]], random: Random) -> list[tuple[PersonLink, Instant]]:
    """What is decided of them, in the middle of it all, and received when some report was; now and then twice."""
    decided = []
    for _ in range(random.choice((0, 3, 5))):
        first, second = sorted(random.sample(_SEVERAL, 2))
        link = PersonLink(
            first=first,
            second=second,
            state=random.choice(("linked", "linked", "possible", "apart")),
            method="steward",
            decided_by="steward-1",
            decided_at=random.choice((0, HOUR, DAY_LENGTH)),
        )
        decided += [(link, random.choice(told)[1]) for _ in range(random.choice((1, 1, 2)))]
    return decided


def _counts(told: Sequence[tuple[Report, Instant]], random: Random) -> list[tuple[Report, Instant]]:
    """Surveys of a district, of one month or several; some withdrawn or corrected; received when some report was."""
    counts = []
    for number in range(random.choice((0, 3, 5))):
        month = random.randrange(3)
        survey = _report("partnership-counts", f"wave-{number}", "aggregate", _MONTHS[month], subtype="survey")
        survey = msgspec.structs.replace(
            survey,
            occurred_to=random.choice((None, _MONTHS[-1])),
            precision="month",
            place=ReportedPlace(area=_HYNDBURN),
            facts=(Fact("survey-asked", str(100 + number)),),
        )
        counts.append(survey)
        if random.random() < 0.5:  # noqa: PLR2004 - as often as not it is taken back or moved
            action: Action = random.choice(("withdraw", "correct"))
            moved = random.choice(_MONTHS[:3])
            counts.append(
                msgspec.structs.replace(survey, source_version=2, action=action, occurred_from=moved, occurred_to=None)
            )
    counts += random.sample(counts, len(counts) // 3)
    random.shuffle(counts)
    return [(count, random.choice(told)[1]) for count in counts]


def _taken(
    told: Sequence[tuple[Report, Instant]], folder: Path
) -> tuple[list[tuple[Report, Instant]], list[tuple[Report, Instant]]]:
    """What of it must be taken, and what must be refused, because it would count somebody twice."""
    plain = [{**msgspec.to_builtins(report), "told": number} for number, (report, _) in enumerate(told)]
    taken = {one["told"] for one in counting_nobody_twice(plain, folder)}
    return (
        [one for number, one in enumerate(told) if number in taken],
        [one for number, one in enumerate(told) if number not in taken],
    )


def _unequal(what: str, expected: Counter[Any], found: Counter[Any]) -> Iterator[str]:
    if expected != found:
        yield f"{what}: {expected - found} lost, {found - expected} doubled"


# --- what partners send -------------------------------------------------------------------------------------

_BROKEN = b"broken"


def _reports(random: Random) -> list[Report]:
    """Three stories, some of it taken back or said otherwise, some said twice, in some order; and a last word."""
    told = [report for story in random.sample(_STORIES, 3) for report in story(random)]
    if random.random() < 0.5:  # noqa: PLR2004 - as often as not there is somebody who goes by several tokens
        told += _persons(random)
    changed = random.sample(told, random.randint(0, 3))
    told += [
        msgspec.structs.replace(report, source_version=2, action=random.choice(_TAKEN_BACK), category=other.category)
        for report, other in zip(changed, changed[::-1], strict=True)
    ]
    told += random.sample(told, random.randint(0, 2))
    if random.random() < 0.5:  # noqa: PLR2004 - as often as not they come as they happened
        random.shuffle(told)
    return [*told, _last_word(random)]


def _received(told: Sequence[Report], random: Random) -> list[tuple[Report, Instant]]:
    """One after another, none before it was made."""
    now, received = 0, []
    for report in told:
        now = max(now + random.choice((0, HOUR, DAY_LENGTH)), report.reported_at)
        received.append((report, now))
    return received


def _sent(
    told: Sequence[tuple[Report, Instant]], decided: Sequence[tuple[PersonLink, Instant]], random: Random
) -> list[Outgoing]:
    """By the topics of history, where a record's own timestamp is its time of receipt; one cannot be read."""
    records = [Outgoing(f"backfill.{report.source}", 0, None, encode_report(report), at) for report, at in told]
    at = random.randrange(len(records))
    broken = msgspec.structs.replace(records[at], value=_BROKEN + b"%d" % at)
    encode = shipped_codecs().encode
    links = [Outgoing("person-links", 0, None, encode(link), at) for link, at in decided]
    # Reports and decisions come by topics of their own: who is read first is another matter.
    return sorted([*records[:at], broken, *records[at:], *links], key=lambda record: record.timestamp or 0)


def _report(
    source: str,
    ref: str,
    category: str,
    at: Instant,
    *,
    parties: tuple[ReportedParty, ...] = (),
    place: ReportedPlace | None = None,
    vehicles: tuple[str, ...] = (),
    subtype: str = "",
) -> Report:
    return Report(
        source=source,
        source_ref=ref,
        source_version=1,
        action="new",
        kind=_KINDS[source],
        subtype=subtype,
        category=category,
        occurred_from=at,
        reported_at=at,
        place=place,
        parties=parties,
        vehicles=vehicles,
    )


def _party(role: Role, *, child: bool = False) -> ReportedParty:
    """There is one person in each role."""
    return ReportedParty(role=role, token=f"tok-{role}", child=child)


def _harms(random: Random) -> Iterator[Report]:
    """One person harmed over and over; two agencies may tell of one evening; some of it nobody reported."""
    for number in range(random.randint(3, 4)):
        at = _BEGINS + random.choice((0, 2, 9, 40, 200)) * DAY_LENGTH + random.choice((0, HOUR, 2 * HOUR))
        source = random.choice(("council-asb", "housing"))
        harm = _report(source, f"harm-{number}", "asb-noise", at, parties=(_party("victim"),), place=_HOME)
        yield msgspec.structs.replace(harm, origin=random.choice(("reported", "reported", "reported", "discovered")))


def _cars(random: Random) -> Iterator[Report]:
    """One car in three districts, told by two agencies."""
    sources = ("police-crimes", "housing", "police-incidents")
    for source, area in zip(sources, (_BURNLEY, _HYNDBURN, _PENDLE), strict=True):
        at = _BEGINS + random.choice((0, 1, 9, 27, 29)) * DAY_LENGTH
        yield _report(source, f"car-{area}", "burglary", at, vehicles=("veh-a",), place=ReportedPlace(area=area))


def _returns(random: Random) -> Iterator[Report]:
    """A child who comes back, and is asked in time, or too late, or never."""
    child = _party("missing", child=True)
    yield _report("police-missing", "back", "missing", _BEGINS, subtype="returned", parties=(child,))
    asked = random.choice((HOUR, 72 * HOUR, 80 * HOUR, None))
    if asked is not None:
        at, subject = _BEGINS + asked, msgspec.structs.replace(child, role="subject")
        yield _report("childrens-services", "asked", "intervention", at, subtype="return-interview", parties=(subject,))


def _referrals(random: Random) -> Iterator[Report]:
    """Abuse, over and over, of somebody who was referred; assessed just below high risk, at it, or not at all."""
    pair = (_party("victim"), _party("perpetrator"))
    yield _report("marac", "referral", "domestic-abuse", _BEGINS, parties=pair)
    for number in range(random.choice((1, 3, 4))):
        at = _BEGINS + random.choice((0, 1, 30, 90, 400)) * DAY_LENGTH
        abuse = _report("domestic-abuse", f"abuse-{number}", "domestic-abuse", at, parties=pair)
        assessed = random.choice(((), *((Fact("dash-score", score),) for score in ("13", "14", "20"))))
        yield msgspec.structs.replace(abuse, facts=assessed)


def _partners(random: Random) -> Iterator[Report]:
    """Somebody abuses one, and another or the same; is accused back; is graded; or a child connects the two."""
    accused = ReportedParty(role="suspect", token="tok-accused")  # noqa: S106 - made up
    for number in range(5):
        at = _BEGINS + random.choice((0, 1, 200, 364, 366)) * DAY_LENGTH + number * 3 * HOUR
        named = random.sample(("tok-one", "tok-other", "tok-accused"), random.choice((1, 1, 2)))
        harmed = [ReportedParty(role=role, token=token) for role, token in zip(_HARMED, named, strict=False)]
        told = _report("domestic-abuse", f"partner-{number}", "domestic-abuse", at, parties=(*harmed, accused))
        graded = random.choice(((), *((Fact("risk-level", level),) for level in ("medium", "high"))))
        yield msgspec.structs.replace(told, facts=graded)


_HARMED: tuple[Role, ...] = ("victim", "subject")


def _weeks(random: Random) -> Iterator[Report]:
    """Violence in one district, in one week or two."""
    for number in range(3):
        at = _BEGINS + random.choice((0, 1, 5, 7)) * DAY_LENGTH
        yield _report("police-crimes", f"violence-{number}", "violence", at, place=ReportedPlace(area=_RIBBLE_VALLEY))


def _absences(random: Random) -> Iterator[Report]:
    """A child who goes missing again and again, is found far away, or not, and is suspected of a drug offence."""
    child = _party("missing", child=True)
    for number in range(3):
        at = _BEGINS + random.choice((0, 1, 40, 90)) * DAY_LENGTH + number * HOUR
        yield _report("police-missing", f"gone-{number}", "missing", at, subtype="reported", parties=(child,))
    suspect = msgspec.structs.replace(child, role="suspect")
    yield _report("police-crimes", "drugs", "drugs", _BEGINS + random.choice((2, 80)) * DAY_LENGTH, parties=(suspect,))
    subject, at = msgspec.structs.replace(child, role="subject"), _BEGINS + random.choice((3, 90, 91)) * DAY_LENGTH
    told = _report("childrens-services", "told", "intervention", at, subtype="return-interview", parties=(subject,))
    found = (Fact("found-distance-km", random.choice(("19", "20"))),)
    away = (Fact("found-out-of-area", random.choice(("true", "false"))),)
    yield msgspec.structs.replace(told, facts=(*found, *away))


def _evenings(random: Random) -> Iterator[Report]:
    """Violence, noise, hate and a fire at one address, and a landlord who is concerned."""
    told = (
        ("police-crimes", "violence"),
        ("ed-assaults", "violence"),
        ("police-crimes", "violence"),
        ("council-asb", "asb-noise"),
        ("housing", "asb-noise"),
        ("council-asb", "asb-noise"),
        ("housing", "cuckooing-concern"),
        ("fire", "deliberate-fire"),
        ("police-hate", "hate-incident"),
        ("police-hate", "hate-incident"),
    )
    for number, (source, category) in enumerate(told):
        at = _BEGINS + random.choice((0, 3, 20, 27, 40)) * DAY_LENGTH + number * 2 * HOUR
        yield _report(source, f"evening-{number}", category, at, place=_HOME)


def _streets(random: Random) -> Iterator[Report]:
    """Burglaries and weapons, a few steps or a few streets apart, about where cells and stretches of time meet."""
    for number in range(5):
        category = ("burglary", "possession-of-weapons")[number % 2]
        at = _MEETING + random.choice((-8, -2, -1, 0, 1)) * DAY_LENGTH + number * HOUR
        place = ReportedPlace(
            area=random.choice((_BURNLEY, _PENDLE)),
            easting=384_000 + random.choice((-60, -1, 0, 30, 340)),
            northing=432_000 + random.choice((-1, 0)),
        )
        yield _report("police-crimes", f"street-{number}", category, at, place=place)


def _lines(random: Random) -> Iterator[Report]:
    """One phone in two districts, told by three agencies; and an ambulance again and again."""
    told = (("police-incidents", "drugs"), ("housing", "cuckooing-concern"), ("police-crimes", "violence"))
    for (source, category), area in zip(told, (_BURNLEY, _BURNLEY, _PENDLE), strict=True):
        at = _BEGINS + random.choice((0, 1, 9, 27, 29)) * DAY_LENGTH
        event = _report(source, f"line-{category}", category, at, place=ReportedPlace(area=area))
        yield msgspec.structs.replace(event, phones=("tel-a",))
    for number in range(3):
        at = _BEGINS + random.choice((0, 9, 40)) * DAY_LENGTH + number * 3 * HOUR
        yield _report("ambulance", f"call-{number}", "violence", at, place=_ELSEWHERE)


def _children(random: Random) -> Iterator[Report]:
    """A child with signs of exploitation; children missing from one address; a home inspected; a school told or not."""
    child = _party("subject", child=True)
    for number, flag in enumerate(("older-associate", "unexplained-gifts", "disclosure-withdrawn")):
        at = _BEGINS + random.choice((0, 30, 170)) * DAY_LENGTH + number * 3 * HOUR
        source = ("police-incidents", "housing")[number % 2]
        sign = _report(source, f"sign-{number}", "cuckooing-concern", at, parties=(child,))
        yield msgspec.structs.replace(sign, flags=(flag,))
    for number, role in enumerate(("missing", "subject", "victim")):
        at = _BEGINS + random.choice((0, 9, 50)) * DAY_LENGTH + number * 3 * HOUR
        gone = ReportedParty(role="missing", token=f"tok-{role}", child=True)
        yield _report(
            "police-missing", f"away-{role}", "missing", at, subtype="reported", parties=(gone,), place=_ELSEWHERE
        )
    for source, category in (("housing", "overcrowding"), ("fire", "fire-safety-failure")):
        at = _BEGINS + random.choice((0, 100, 170)) * DAY_LENGTH
        yield _report(source, f"seen-{category}", category, at, place=_HOME)
    yield _report("police-incidents", "night", "domestic-abuse", _BEGINS, parties=(child,))
    if random.random() < 0.5:  # noqa: PLR2004 - as often as not somebody tells the school
        # The next school day begins 21 hours later.
        at = _BEGINS + random.choice((HOUR, 21 * HOUR, 21 * HOUR + 1, 2 * DAY_LENGTH))
        yield _report("childrens-services", "told", "intervention", at, subtype="school-notification", parties=(child,))


def _reviews(random: Random) -> Iterator[Report]:
    """A case review asked for or held, and answered or not."""
    begun = random.choice(("case-review-requested", "case-review-meeting"))
    subject = _party("subject")
    yield _report("interventions", "review", "intervention", _BEGINS, subtype=begun, parties=(subject,))
    if random.random() < 0.5:  # noqa: PLR2004 - as often as not
        # The eleventh working day begins fourteen and a half days later.
        at = _BEGINS + random.choice((9, 14, 15)) * DAY_LENGTH
        answer = random.choice(("case-review-details", "case-review-outcome"))
        yield _report("interventions", "answer", "intervention", at, subtype=answer, parties=(subject,))
    # Until then nobody knows that no answer is still to come.
    at = _BEGINS + random.choice((9, 40)) * DAY_LENGTH
    yield _report("interventions", "visit", "intervention", at, subtype="safeguarding-visit")


def _persons(random: Random) -> Iterator[Report]:
    """One person, or some, harmed and missing under several tokens."""
    for number in range(4):
        at = _BEGINS + random.choice((0, 1, 9, 40)) * DAY_LENGTH + number * HOUR
        victim = ReportedParty(role="victim", token=random.choice(_SEVERAL))
        yield _report("police-crimes", f"several-{number}", "violence", at, parties=(victim,))
        child = ReportedParty(role="missing", token=random.choice(_SEVERAL), child=True)
        yield _report("police-missing", f"away-{number}", "missing", at, subtype="reported", parties=(child,))


def _neighbourhoods(random: Random) -> Iterator[Report]:
    """Signs of drug supply in an LSOA, and violence there of which the police know some, where two stretches meet."""
    signs = (
        ("council-asb", "asb-drugs"),
        ("council-asb", "discarded-needles"),
        ("police-incidents", "asb-vehicle"),
        ("police-crimes", "drugs"),
        ("council-asb", "asb-drugs"),
    )
    for number, (source, category) in enumerate(signs):
        at = _MEETING + random.choice((-9, -2, -1, 0, 1)) * DAY_LENGTH + number * 3 * HOUR
        yield _report(source, f"spot-{number}", category, at, place=ReportedPlace(area=_BURNLEY, lsoa=_LSOA))
    attacked = ReportedPlace(area=_BURNLEY, lsoa=_LSOA, uprn="900000000003")
    for number in range(6):
        at = _MEETING + random.choice((-20, -2, -1, 0)) * DAY_LENGTH + number * 4 * HOUR
        yield _report(("ed-assaults", "ambulance")[number % 2], f"seen-{number}", "violence", at, place=attacked)
        if random.random() < 0.3:  # noqa: PLR2004 - the police know of two in six or so
            yield _report("police-crimes", f"known-{number}", "violence", at + HOUR, place=attacked)


def _networks(random: Random) -> Iterator[Report]:
    """A car noted at two homes that show the signs of a takeover, or at one, and by those who answer a phone."""
    signs = (("council-asb", "asb-noise"), ("council-asb", "asb-noise"), ("council-asb", "asb-noise"))
    for number, home in enumerate((_HOME, _ELSEWHERE)):
        begins = _BEGINS + random.choice((0, 0, 9, 28)) * DAY_LENGTH + number * HOUR
        for step, (source, category) in enumerate((*signs, ("housing", "cuckooing-concern"))):
            at = begins + step * 3 * HOUR
            sign = _report(source, f"home-{number}-{step}", category, at, place=home)
            yield msgspec.structs.replace(sign, vehicles=() if step else ("veh-n",))
    for (source, category), area in zip(
        (("police-incidents", "drugs"), ("housing", "cuckooing-concern"), ("police-crimes", "violence")),
        (_BURNLEY, _BURNLEY, _PENDLE),
        strict=True,
    ):
        at = _BEGINS + random.choice((1, 9, 29)) * DAY_LENGTH
        event = _report(source, f"call-{category}", category, at, place=ReportedPlace(area=area))
        yield msgspec.structs.replace(event, phones=("tel-n",), vehicles=random.choice(((), ("veh-n",))))


def _chains(random: Random) -> Iterator[Report]:
    """Weapons and drugs, each with two of five phones: groups, hubs and what is too large; one names others later."""
    for number in range(random.choice((3, 6, 8))):
        source, category = random.choice((("police-crimes", "possession-of-weapons"), ("police-incidents", "drugs")))
        at = _BEGINS + random.choice((0, 1, 9, 13, 14, 28, 43)) * DAY_LENGTH + number * HOUR
        told = _report(source, f"chain-{number}", category, at)
        told = msgspec.structs.replace(told, phones=_two_of_five(random))
        yield told
        if random.random() < 0.2:  # noqa: PLR2004 - now and then
            yield msgspec.structs.replace(told, source_version=3, action="correct", phones=_two_of_five(random))


def _two_of_five(random: Random) -> tuple[str, ...]:
    return tuple(random.sample(("tel-1", "tel-2", "tel-3", "tel-4", "tel-5"), 2))


_STORIES = (
    *(_harms, _cars, _returns, _referrals, _weeks, _absences, _evenings, _streets, _lines, _children),
    *(_neighbourhoods, _networks, _chains, _partners, _reviews),
)


def _last_word(random: Random) -> Report:
    """Nothing to any rule, but it moves the clocks on: past some deadlines, or past all."""
    at = _BEGINS + random.choice((3, 30, 500)) * DAY_LENGTH
    return _report("childrens-services", "last", "intervention", at, subtype="safeguarding-visit")
