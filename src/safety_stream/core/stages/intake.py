"""Intake: a partner's record becomes a checked, stamped incident version, or a dead letter.

It remembers nothing, but for the periods that partners' own counts cover: what would count anybody twice is refused
(`periods.py`).

What was collected goes on record (`audit.collection`): of each topic which offsets a batch took, and how many reports
of them were passed on.

After the records of a batch every partition of `incidents` hears how far the feeds have come with them.

A steward's decision about two persons is checked likewise, and goes to every partition: each holds reports of anybody.

Every record ends in exactly one of the two (I1). The checks are those no schema can make: whose topic it came by, what
that source may say of people, and whether its times are possible. A refusal names the field and the mend, never the
field's value, because dead letters are read by operators.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from safety_stream.core.catalogue import Areas, Catalogue, FactKind, Source
from safety_stream.core.model import ids
from safety_stream.core.model.dead_letters import DeadLetter, Refused
from safety_stream.core.model.facts import DIGITS_AT_MOST, Fact, number_of
from safety_stream.core.model.feeds import FeedStatus
from safety_stream.core.model.grid import to_grid
from safety_stream.core.model.incidents import OUTSIDE, UNLOCATED, IncidentVersion, Party, Place
from safety_stream.core.model.links import PersonLink
from safety_stream.core.model.markings import MARKINGS, highest_marking, under_condition_of
from safety_stream.core.model.reports import Report, ReportedPlace
from safety_stream.core.model.times import MINUTE, Instant, day_of
from safety_stream.core.stages.periods import COUNT, Periods
from safety_stream.core.stages.recording import Trail, numbers_of
from safety_stream.core.stages.stage import EVERY_PARTITION, Output, Record, Rows, Step

EARLIEST: Instant = -2_208_988_800_000
"""1900-01-01T00:00Z: nothing a partner reports happened before it."""

LATEST: Instant = 32_503_680_000_000
"""3000-01-01T00:00Z: a timestamp beyond it counts something else than milliseconds, and no calendar reaches so far."""

FUTURE_TOLERANCE = 5 * MINUTE
"""How far another's clock may run ahead: a partner's of the broker's, a history's of the machine that reads it in."""

LATEST_RECEIPT = LATEST - FUTURE_TOLERANCE
"""What was received after it is refused, whatever it tells of."""

EXACT_WITHIN_M = 100
"""A point known no better than this, in metres, is no place (it is also the reach of an occurrence, rules.md 3.3)."""

TOKENS_AT_MOST = 16
"""Parties, flags, and tokens of persons and things, of one report: a timeline at its bound must fit one record."""

TOKEN_LENGTH = 64
"""A keyed hash of 256 bits in hexadecimal."""

WORD_LENGTH = 32
POLE, ANTIMERIDIAN = 90, 180
UPRN_LENGTH = 12
COUNT_AT_MOST = 1_000_000

FACTS_AT_MOST = 32
FACTS_LENGTH = 512
"""Characters of the names and values of one report's facts together, for the same reason as the tokens'."""

KEPT_VERBATIM = 3 * 1024 * 1024
"""Bytes of a refused record that a dead letter holds; a larger one stays where it was sent."""

# No bar, because pairs are written with one; no spaces, because that is how a name would give itself away.
_IS_TOKEN = re.compile(r"[A-Za-z0-9_.:=+/-]+").fullmatch

# Lower case, digits and hyphens: nothing that looks like a name. That a word is none, only a closed list can make sure.
_IS_WORD = re.compile(r"[a-z0-9-]{1,64}").fullmatch

_IS_GSS_CODE = re.compile(r"[A-Z]\d{8}", re.ASCII).fullmatch

_TAKES_BACK = frozenset({"withdraw", "erase", "restrict"})
"""Actions that leave nothing standing: what they take back need not be said again. A disputed report stays."""


def make_step(catalogue: Catalogue, _partitions: int) -> Step:
    """The intake step for these sources, areas and categories."""
    check = checker(catalogue)

    def step(rows: Rows, records: Sequence[Record], idle_at: Instant | None) -> list[Output]:
        del idle_at
        periods = Periods(rows)

        def check_all(report: Report, topic: str, received_at: Instant) -> IncidentVersion:
            version = check(report, topic, received_at)
            if COUNT in catalogue.sources[version.source].kinds:
                periods.take(version)
            return version

        outputs = [_passed_or_refused(record, check_all) for record in records]
        periods.flush()
        numbers = numbers_of(rows)
        collected = _on_record(Trail(numbers, "audit.collection"), records, outputs)
        numbers.flush()
        return [*outputs, *collected, *_word_of_feeds([output.value for output in outputs])]

    return step


def _on_record(trail: Trail, records: Sequence[Record], outputs: Sequence[Output]) -> list[Output]:
    """What a batch collected by each topic, in order of the topics: a record each would say no more, of every report.

    Which reports those were, the topic itself says.
    """
    spans: dict[str, tuple[int, int, Instant]] = {}
    passed: Counter[str] = Counter()
    for record, output in zip(records, outputs, strict=True):
        first, _, at = spans.get(record.topic, (record.offset, 0, record.received_at))
        # A record may be refused because its own time is none.
        spans[record.topic] = (first, record.offset, min(max(at, record.received_at), LATEST))
        passed[record.topic] += not isinstance(output.value, DeadLetter)
    return [
        trail.put_on_record(
            "collection",
            at,
            topic=topic,
            span=(first, last),
            actor=topic.partition(".")[2] or "steward",
            count=passed[topic],
        )
        for topic, (first, last, at) in sorted(spans.items())
    ]


_PARTITION = 0
"""Partners' topics have one."""

_COUNTED: Final = "counted"
"""What the schema marks of a count's details: the number, which the envelope says too."""


def _word_of_feeds(values: Iterable[msgspec.Struct]) -> list[Output]:
    """What is refused says nothing: neither of its feed nor of the time."""
    newest: dict[str, Instant] = {}
    as_of: Instant = 0
    for version in values:
        if isinstance(version, IncidentVersion):
            newest[version.source] = max(version.reported_at, newest.get(version.source, version.reported_at))
            as_of = max(as_of, version.received_at)
    if not newest:
        return []
    status = FeedStatus(as_of=as_of, newest=newest, partition=_PARTITION)
    return [Output(topic="incidents", key=None, value=status, received_at=as_of, partition=EVERY_PARTITION)]


def checker(catalogue: Catalogue) -> Callable[[Report, str, Instant], IncidentVersion]:
    """The function that turns a report from a topic, received at an instant, into a version, or raises `Refused`."""
    classify = _classifier(catalogue)

    def check(report: Report, topic: str, received_at: Instant) -> IncidentVersion:
        source = _source_of(catalogue, report, topic)
        _check_kind(source, report)
        _check_identity(source, report)
        _check_times(report, received_at)
        _check_sizes(report)
        facts = _facts_of(catalogue.facts, report) if report.facts or report.native else ()
        version = _stamped(catalogue, source, report, received_at, classify(report), facts)
        _check_district(catalogue.areas, source, version)
        return version

    return check


def _passed_or_refused(record: Record, check: Callable[[Report, str, Instant], IncidentVersion]) -> Output:
    if isinstance(record.value, Refused):
        return dead_letter("intake", record, record.value)
    if isinstance(record.value, PersonLink):
        return _link_or_refused(record, record.value)
    if not isinstance(record.value, Report):
        return dead_letter("intake", record, Refused("unknown-schema", "partner topics carry incident reports only"))
    try:
        version = check(record.value, record.topic, record.received_at)
    except Refused as refused:
        return dead_letter("intake", record, refused)
    return Output(topic="incidents", key=version.incident_id, value=version, received_at=record.received_at)


def _link_or_refused(record: Record, link: PersonLink) -> Output:
    try:
        checked = checked_link(link, record.received_at)
    except Refused as refused:
        return dead_letter("intake", record, refused)
    at = record.received_at
    return Output(topic="incidents", key=None, value=checked, received_at=at, partition=EVERY_PARTITION)


def checked_link(link: PersonLink, received_at: Instant) -> PersonLink:
    """The decision as everybody writes it, the smaller token first, with its identity. Raises `Refused`."""
    for name, token in (("first", link.first), ("second", link.second)):
        if not 0 < len(token) <= TOKEN_LENGTH or not _IS_TOKEN(token):
            raise Refused(
                "schema-violation", f"field {name} has 1 to {TOKEN_LENGTH} letters, digits and -_.:=+/ and no others"
            )
    if link.first == link.second:
        raise Refused("schema-violation", "fields first and second are one token: a decision is about two")
    if not _IS_WORD(link.decided_by):
        raise Refused(
            "schema-violation", "field decided_by is a role, in 1 to 64 lower-case letters, digits and hyphens"
        )
    if not EARLIEST <= link.decided_at <= received_at + FUTURE_TOLERANCE:
        raise Refused("impossible-time", "field decided_at is before 1900 or more than 5 minutes after it was received")
    first, second = sorted((link.first, link.second))
    identity = ids.decision_id(first, second, link.state, link.method, link.decided_by, link.decided_at)
    if link.decision_id not in ("", identity):
        raise Refused("schema-violation", "field decision_id is not that of this decision: leave it empty")
    return msgspec.structs.replace(link, first=first, second=second, decision_id=identity)


def dead_letter(stage: str, record: Record, refused: Refused) -> Output:
    """The output that keeps a refused record verbatim, with the reason."""
    size = len(record.raw_value or b"")
    kept = size <= KEPT_VERBATIM
    too_many = "" if kept else f"; {size} bytes, too many to keep here: they stay at this offset"
    letter = DeadLetter(
        stage=stage,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        reason=refused.reason,
        detail=refused.detail + too_many,
        key=record.raw_key,
        value=record.raw_value if kept else None,
        received_at=record.received_at,
        attempts=record.attempts + 1,
    )
    return Output(topic=f"dead-letters.{stage}", key=None, value=letter, received_at=record.received_at)


def _source_of(catalogue: Catalogue, report: Report, topic: str) -> Source:
    by_topic = topic.partition(".")[2]
    source = catalogue.sources.get(report.source)
    if source is None:
        raise Refused(
            "unknown-source",
            "field source is not in the catalogue; add it to catalogue/sources.yaml or mend the report",
        )
    if by_topic != source.id:
        raise Refused(
            "unknown-source",
            f"field source is not the source of topic {topic}; send it on partner.<its own source>",
        )
    return source


def _check_kind(source: Source, report: Report) -> None:
    if report.kind not in source.kinds:
        raise Refused("wrong-kind-for-source", f"field kind: source {source.id} may send {', '.join(source.kinds)}")
    if report.details:
        own = report.kind.replace("-", "_")
        if report.details != (own,):
            raise Refused("schema-violation", f"details of another kind are filled in; only {own} may be")
    if report.action in _TAKES_BACK:
        return
    if report.kind == COUNT:
        _check_count(report)
    elif report.count != 1:
        raise Refused("schema-violation", f"field count: a report of kind {report.kind} is of one; more are an {COUNT}")


def _check_count(report: Report) -> None:
    """A number said twice is the same number, and what a source suppressed is no nought."""
    if report.count < 0:
        raise Refused("schema-violation", "field count must be 0 or more")
    stated = [number_of(fact.value) for fact in report.native if fact.name == _COUNTED]
    if stated and stated != [report.count]:
        raise Refused("schema-violation", "fields count and aggregate_count.value are not the same number: mend one")
    if report.count == 0 and report.details and not stated:
        raise Refused(
            "schema-violation",
            "field count is 0 and aggregate_count.value is null: what was suppressed has no number, so leave the "
            "report out; say 0 in both if there was none",
        )


def _check_identity(source: Source, report: Report) -> None:
    if source.identity in ("identified", "pseudonymous"):
        return
    named = any(party.token is not None for party in report.parties)
    if named or report.vehicles or report.phones or report.group is not None:
        raise Refused(
            "person-in-place-only-source",
            f"source {source.id} is {source.identity}: leave out the tokens of parties, vehicles, phones and group",
        )


def _check_district(areas: Areas, source: Source, version: IncidentVersion) -> None:
    """A count is of an area, or of nothing: what lies outside the county or nowhere is a mistake in the code."""
    if source.identity == "aggregate" and version.area in (OUTSIDE, UNLOCATED) and version.action not in _TAKES_BACK:
        raise Refused("schema-violation", f"field location.area: a count is of a district of {areas.county}; name it")


def _check_times(report: Report, received_at: Instant) -> None:
    began = report.occurred_from
    ended = began if report.occurred_to is None else report.occurred_to
    latest = received_at + FUTURE_TOLERANCE
    if EARLIEST <= began <= ended <= latest <= LATEST and EARLIEST <= report.reported_at <= latest:
        return
    if received_at > LATEST_RECEIPT:
        raise Refused(
            "impossible-time", "the record's own timestamp is after the year 3000; send it again, in milliseconds"
        )
    for name, at in (("occurred_from", began), ("occurred_to", ended), ("reported_at", report.reported_at)):
        if not EARLIEST <= at <= latest:
            raise Refused(
                "impossible-time", f"field {name} is before 1900 or more than 5 minutes after it was received"
            )
    raise Refused("impossible-time", "field occurred_to is before occurred_from; swap them or leave occurred_to out")


def _check_sizes(report: Report) -> None:
    """Everything a key, a count or a row is made of has a bound; a partner that needs more has made a mistake."""
    tokens = [party.token for party in report.parties if party.token]
    tokens += filter(None, (*report.vehicles, *report.phones, report.group))
    if max(len(tokens), len(report.parties), len(report.flags)) > TOKENS_AT_MOST:
        raise Refused("schema-violation", f"more than {TOKENS_AT_MOST} parties, flags or tokens: split the report")
    for token in tokens:
        if len(token) > TOKEN_LENGTH or not _IS_TOKEN(token):
            raise Refused(
                "schema-violation", f"a token has 1 to {TOKEN_LENGTH} letters, digits and -_.:=+/ and no others"
            )
    for word in (*report.flags, report.subtype):
        if len(word) > WORD_LENGTH:
            raise Refused("schema-violation", f"a flag or subtype has at most {WORD_LENGTH} characters")
    if report.place is not None:
        _check_place(report.place)
    if report.count > COUNT_AT_MOST:
        raise Refused("schema-violation", f"field count is more than {COUNT_AT_MOST}: send counts by day or area")


def _check_place(place: ReportedPlace) -> None:
    uprn = place.uprn
    if uprn and not (uprn.isascii() and uprn.isdigit() and len(uprn) <= UPRN_LENGTH):
        raise Refused("schema-violation", f"field location.uprn has 1 to {UPRN_LENGTH} digits")
    if place.lsoa and not _IS_GSS_CODE(place.lsoa):
        raise Refused("schema-violation", "field location.lsoa is a GSS code: one capital letter and eight digits")
    if abs(place.latitude or 0) > POLE or abs(place.longitude or 0) > ANTIMERIDIAN:
        raise Refused("schema-violation", "fields location.latitude and longitude are degrees: 90 and 180 at most")


def _facts_of(declared: Mapping[str, FactKind], report: Report) -> tuple[Fact, ...]:
    """What a report says under names that are declared, by name: what it states itself before its native details."""
    if report.action in _TAKES_BACK:
        return ()
    if len(report.facts) > FACTS_AT_MOST:
        raise Refused("schema-violation", f"more than {FACTS_AT_MOST} facts: state only what rules read")
    said: dict[str, str] = {}
    for fact in report.native:
        # Which fields of the details are marked is the schema's word, which of them rules read the catalogue's. What it
        # does not declare, or what is no value of it, stays in the partner's own record like all the other details.
        kind = declared.get(fact.name)
        value = None if kind is None else _value_of(kind, fact.value)
        if value is not None:
            said[fact.name] = value
    said.update(_stated(declared, report.facts))
    _check_parts(declared, said)
    if sum(len(name) + len(value) for name, value in said.items()) > FACTS_LENGTH:
        raise Refused("schema-violation", f"facts have more than {FACTS_LENGTH} characters together: state fewer")
    return tuple([Fact(name, said[name]) for name in sorted(said)])


def _stated(declared: Mapping[str, FactKind], facts: Sequence[Fact]) -> dict[str, str]:
    """What is stated as a fact must be one. It is named by its place: a name nobody declared may be a person's."""
    said: dict[str, str] = {}
    for number, fact in enumerate(facts, 1):
        kind = declared.get(fact.name)
        if kind is None:
            raise Refused("schema-violation", f"fact number {number} is not in the catalogue; see catalogue/facts.yaml")
        value = _value_of(kind, fact.value)
        if value is None:
            raise Refused("schema-violation", f"fact number {number} is not {_wanted(kind)}")
        if fact.name in said:
            raise Refused("schema-violation", f"fact number {number} is stated twice: state each once")
        said[fact.name] = value
    return said


def _check_parts(declared: Mapping[str, FactKind], said: Mapping[str, str]) -> None:
    """Of those a survey asked, no more felt safe than were asked. Both names are declared, and may be told."""
    for name, value in said.items():
        whole = declared[name].part_of
        if whole is None:
            continue
        if whole not in said:
            raise Refused("schema-violation", f"fact {name} is a part of {whole}: state that as well")
        if int(value) > int(said[whole]):
            raise Refused("schema-violation", f"fact {name} is more than {whole}, of which it is a part: mend one")


def _wanted(kind: FactKind) -> str:
    if kind.type == "number":
        least = "" if kind.at_least is None else f", not below {kind.at_least}"
        most = "" if kind.at_most is None else f", not above {kind.at_most}"
        return f"a whole number of at most {DIGITS_AT_MOST} digits{least}{most}"
    if kind.values is None:
        return "a word of 1 to 64 lower-case letters, digits and hyphens"
    return "one of the words that catalogue/facts.yaml has for it"


def _value_of(kind: FactKind, value: str) -> str | None:
    """The value as everybody writes it; None when it is none of this kind."""
    if kind.type == "number":
        number = number_of(value)
        return None if number is None or not kind.is_within(number) else str(number)
    if kind.values is None:
        return value if _IS_WORD(value) else None
    return value if value in kind.values else None


class _Class(NamedTuple):
    """What the catalogue makes of a report's kind, category and flags.

    What takes a report back may name any category; one the catalogue does not know goes no further.
    """

    category: str
    family: str
    themes: tuple[str, ...]
    flags: tuple[str, ...]


def _classifier(catalogue: Catalogue) -> Callable[[Report], _Class]:
    # A partner who invents flags must not fill the memory: no more than so many are remembered.
    @lru_cache(_CLASSES)
    def class_of(kind: str, category: str, flags: tuple[str, ...]) -> _Class:
        return _class_of(catalogue, kind, category, flags)

    def classify(report: Report) -> _Class:
        found = class_of(report.kind, report.category, report.flags)
        if not (found.category or report.action in _TAKES_BACK):
            raise Refused("schema-violation", "field category is not in the catalogue; see catalogue/categories.yaml")
        return found

    return classify


_CLASSES = 4_096


def _class_of(catalogue: Catalogue, kind: str, category: str, flags: tuple[str, ...]) -> _Class:
    named = catalogue.categories.get(category)
    themes = {*(named.themes if named else ()), *catalogue.kind_themes.get(kind, ())}
    for flag in flags:
        themes.update(catalogue.flag_themes.get(flag, ()))
    return _Class(
        named.id if named else "", named.family if named else "", tuple(sorted(themes)), tuple(sorted(set(flags)))
    )


def _stamped(
    catalogue: Catalogue, source: Source, report: Report, received_at: Instant, named: _Class, facts: tuple[Fact, ...]
) -> IncidentVersion:
    areas, stated = catalogue.areas, report.place
    is_protected = stated is not None and stated.place_type in catalogue.sharing.protected_places
    erased = report.action == "erase"
    return IncidentVersion(
        incident_id=ids.incident_id(source.id, report.source_ref),
        source=source.id,
        organisation=source.organisation,
        source_version=report.source_version,
        action=report.action,
        kind=report.kind,
        subtype=report.subtype,
        category=named.category,
        family=named.family,
        themes=named.themes,
        flags=named.flags,
        origin=report.origin,
        grade=report.grade,
        occurred_from=report.occurred_from,
        occurred_to=report.occurred_from if report.occurred_to is None else report.occurred_to,
        precision=report.precision,
        reported_at=report.reported_at,
        received_at=received_at,
        area=areas.district(
            stated.area if stated else None, stated.lsoa if stated else None, day_of(report.occurred_from)
        ),
        # Where a refuge is stays in the partner's own record; in which district, many people share.
        place=_place_of(stated) if stated and not is_protected else Place(),
        # An erased report keeps its place among the versions, and nobody in it.
        parties=() if erased else _parties_of(report),
        vehicles=() if erased else _sorted_tokens(report.vehicles),
        phones=() if erased else _sorted_tokens(report.phones),
        group=None if erased else report.group or None,
        count=report.count,
        marking=_marking_of(report, source),
        facts=facts,
    )


def _marking_of(report: Report, source: Source) -> str:
    """How closely it is kept: more so where a child is in it, and under its originator's conditions with code C."""
    marking = report.marking
    if any(party.child for party in report.parties):
        marking = highest_marking((marking, MARKINGS[-1]))
    return under_condition_of(source.organisation, marking) if report.handling == "C" else marking


def _parties_of(report: Report) -> tuple[Party, ...]:
    parties = [Party(party.role, party.token or None, party.child) for party in report.parties]
    if len(parties) > 1:
        parties.sort(key=party_order)
    return tuple(parties)


def _sorted_tokens(tokens: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({token for token in tokens if token})) if tokens else ()


def _place_of(stated: ReportedPlace) -> Place:
    easting, northing = stated.easting, stated.northing
    if (easting is None or northing is None) and stated.latitude is not None and stated.longitude is not None:
        easting, northing = to_grid(stated.latitude, stated.longitude)
    # A UPRN names one property however coarse the point beside it.
    fine = stated.precision_m is None or stated.precision_m <= EXACT_WITHIN_M
    located = bool(stated.uprn) or (easting is not None and northing is not None and fine)
    return Place(
        uprn=stated.uprn or None,
        easting=easting,
        northing=northing,
        exact=located and not stated.snapped,
        lsoa=stated.lsoa,
    )


def party_order(party: Party) -> tuple[str, str, bool]:
    """In which order the parties of a version stand."""
    return (party.role, party.token or "", party.child)
