"""Intake: a partner's record becomes a checked, stamped incident version, or a dead letter. It remembers nothing.

Every record ends in exactly one of the two (I1). The checks are those no schema can make: whose topic it came by, what
that source may say of people, and whether its times are possible. A refusal names the field and the mend, never the
field's value, because dead letters are read by operators.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from safety_stream.core.catalogue import Catalogue, Source
from safety_stream.core.model import ids
from safety_stream.core.model.dead_letters import DeadLetter, Refused
from safety_stream.core.model.grid import to_grid
from safety_stream.core.model.incidents import IncidentVersion, Party, Place
from safety_stream.core.model.reports import Report, ReportedPlace
from safety_stream.core.model.times import MINUTE, Instant, day_of
from safety_stream.core.stages.stage import Output, Record, Rows, Step

EARLIEST: Instant = -2_208_988_800_000
"""1900-01-01T00:00Z: nothing a partner reports happened before it."""

FUTURE_TOLERANCE = 5 * MINUTE
"""How far a partner's clock may run ahead of the broker's."""

EXACT_WITHIN_M = 100
"""A point known no better than this, in metres, is no place (it is also the reach of an occurrence, rules.md 3.3)."""

TOKENS_AT_MOST = 16
"""Parties, flags, and tokens of persons and things, of one report: a timeline at its bound must fit one record."""

TOKEN_LENGTH = 64
"""A keyed hash of 256 bits in hexadecimal."""

WORD_LENGTH = 32
UPRN_LENGTH = 12
COUNT_AT_MOST = 1_000_000

KEPT_VERBATIM = 3 * 1024 * 1024
"""Bytes of a refused record that a dead letter holds; a larger one stays where it was sent."""

# No bar, because pairs are written with one; no spaces, because that is how a name would give itself away.
_IS_TOKEN = re.compile(r"[A-Za-z0-9_.:=+/-]+").fullmatch

_TAKES_BACK = frozenset({"withdraw", "erase", "restrict"})
"""Actions that leave nothing standing: what they take back need not be said again. A disputed report stays."""


def make_step(catalogue: Catalogue) -> Step:
    """The intake step for these sources, areas and categories."""
    check = checker(catalogue)

    def step(rows: Rows, records: Sequence[Record], idle_at: Instant | None) -> list[Output]:
        del rows, idle_at
        return [_passed_or_refused(record, check) for record in records]

    return step


def checker(catalogue: Catalogue) -> Callable[[Report, str, Instant], IncidentVersion]:
    """The function that turns a report from a topic, received at an instant, into a version, or raises `Refused`."""

    def check(report: Report, topic: str, received_at: Instant) -> IncidentVersion:
        source = _source_of(catalogue, report, topic)
        _check_kind(source, report)
        _check_identity(source, report)
        _check_times(report, received_at)
        _check_sizes(report)
        return _stamped(catalogue, source, report, received_at)

    return check


def _passed_or_refused(record: Record, check: Callable[[Report, str, Instant], IncidentVersion]) -> Output:
    if isinstance(record.value, Refused):
        return dead_letter("intake", record, record.value)
    if not isinstance(record.value, Report):
        return dead_letter("intake", record, Refused("unknown-schema", "partner topics carry incident reports only"))
    try:
        version = check(record.value, record.topic, record.received_at)
    except Refused as refused:
        return dead_letter("intake", record, refused)
    return Output(topic="incidents", key=version.incident_id, value=version, received_at=record.received_at)


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
    own = report.kind.replace("-", "_")
    if any(details != own for details in report.details):
        raise Refused("schema-violation", f"details of another kind are filled in; only {own} may be")
    if report.action not in _TAKES_BACK and report.count < 1:
        raise Refused("schema-violation", "field count must be 1 or more")


def _check_identity(source: Source, report: Report) -> None:
    if source.identity in ("identified", "pseudonymous"):
        return
    named = any(party.token is not None for party in report.parties)
    if named or report.vehicles or report.phones or report.group is not None:
        raise Refused(
            "person-in-place-only-source",
            f"source {source.id} is {source.identity}: leave out the tokens of parties, vehicles, phones and group",
        )


def _check_times(report: Report, received_at: Instant) -> None:
    occurred_to = report.occurred_from if report.occurred_to is None else report.occurred_to
    latest = received_at + FUTURE_TOLERANCE
    times = (("occurred_from", report.occurred_from), ("occurred_to", occurred_to), ("reported_at", report.reported_at))
    for name, at in times:
        if not EARLIEST <= at <= latest:
            raise Refused(
                "impossible-time", f"field {name} is before 1900 or more than 5 minutes after it was received"
            )
    if occurred_to < report.occurred_from:
        raise Refused(
            "impossible-time", "field occurred_to is before occurred_from; swap them or leave occurred_to out"
        )


def _check_sizes(report: Report) -> None:
    """Everything a key, a count or a row is made of has a bound; a partner that needs more has made a mistake."""
    stated = (*(party.token for party in report.parties), *report.vehicles, *report.phones, report.group)
    tokens: list[str] = [token for token in stated if token]
    if max(len(tokens), len(report.parties), len(report.flags)) > TOKENS_AT_MOST:
        raise Refused("schema-violation", f"more than {TOKENS_AT_MOST} parties, flags or tokens: split the report")
    if any(len(token) > TOKEN_LENGTH or not _IS_TOKEN(token) for token in tokens):
        raise Refused("schema-violation", f"a token has 1 to {TOKEN_LENGTH} letters, digits and -_.:=+/ and no others")
    if any(len(word) > WORD_LENGTH for word in (*report.flags, report.subtype)):
        raise Refused("schema-violation", f"a flag or subtype has at most {WORD_LENGTH} characters")
    uprn = report.place.uprn if report.place else None
    if uprn and not (uprn.isascii() and uprn.isdigit() and len(uprn) <= UPRN_LENGTH):
        raise Refused("schema-violation", f"field location.uprn has 1 to {UPRN_LENGTH} digits")
    if report.count > COUNT_AT_MOST:
        raise Refused("schema-violation", f"field count is more than {COUNT_AT_MOST}: send counts by day or area")


def _stamped(catalogue: Catalogue, source: Source, report: Report, received_at: Instant) -> IncidentVersion:
    category = catalogue.categories.get(report.category)
    if category is None and report.action not in _TAKES_BACK:
        raise Refused("schema-violation", "field category is not in the catalogue; see catalogue/categories.yaml")
    themes = set(category.themes if category else ())
    themes.update(catalogue.kind_themes.get(report.kind, ()))
    for flag in report.flags:
        themes.update(catalogue.flag_themes.get(flag, ()))
    stated = report.place
    erased = report.action == "erase"
    return IncidentVersion(
        incident_id=ids.incident_id(source.id, report.source_ref),
        source=source.id,
        organisation=source.organisation,
        source_version=report.source_version,
        action=report.action,
        kind=report.kind,
        subtype=report.subtype,
        category=report.category,
        family=category.family if category else "",
        themes=tuple(sorted(themes)),
        flags=tuple(sorted(set(report.flags))),
        origin=report.origin,
        grade=report.grade,
        occurred_from=report.occurred_from,
        occurred_to=report.occurred_from if report.occurred_to is None else report.occurred_to,
        precision=report.precision,
        reported_at=report.reported_at,
        received_at=received_at,
        area=catalogue.areas.district(
            stated.area if stated else None, stated.lsoa if stated else None, day_of(report.occurred_from)
        ),
        place=_place_of(stated) if stated else Place(),
        # An erased report keeps its place among the versions, and nobody in it.
        parties=()
        if erased
        else tuple(sorted((Party(p.role, p.token or None, p.child) for p in report.parties), key=_party_order)),
        vehicles=() if erased else tuple(sorted(set(filter(None, report.vehicles)))),
        phones=() if erased else tuple(sorted(set(filter(None, report.phones)))),
        group=None if erased else report.group or None,
        count=report.count,
        marking=report.marking,
    )


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


def _party_order(party: Party) -> tuple[str, str, bool]:
    return (party.role, party.token or "", party.child)
