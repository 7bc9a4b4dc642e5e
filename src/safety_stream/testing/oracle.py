"""The oracle: what the system must end with, computed naively in one go from every report it ever accepted.

It shares no code with the rest of the package and reads the catalogue files itself, so that one misunderstanding in
the core cannot hide behind the same one here. It favours being readable over being fast.

Theory of operation
-------------------
Reports come as plain dictionaries in any order, every version ever accepted. From them, in this order:

1. *live claims*: one version per (source, source_ref), placed in an area and given family and themes;
2. *tallies*: claim by claim, one count per area (and grouping) and indicator, summed into calendar periods;
3. *timelines*: claim by claim, one sighting per key, by who is who as stewards have decided, sorted and merged into
   occurrences;
4. *findings*: each limb of each live rule over each timeline, and calendar rules over the sums; what they rest on,
   what they left out and why, and what they say in words. Where rules read what others find elsewhere, all timelines
   are judged again with that on them, until nothing more is found;
5. *alerts*: per rule and subject the findings that stand. A subject is a key, or an LSOA whatever the time.

Who was told of an alert when is no part of what stands: see `histories`.

Instants are whole milliseconds since the epoch at the edge and aware UTC datetimes inside; calendar arithmetic is done
on Europe/London wall-clock time. Ordered containers only; nothing depends on the order of the input.
"""

from __future__ import annotations

import calendar
import csv
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import combinations, pairwise, product
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import msgspec
import yaml

Plain = dict[str, Any]
"""A report, a claim or a piece of a catalogue file, as read."""

Grid = Callable[[float, float], tuple[int, int]]
"""WGS84 latitude and longitude in degrees to easting and northing in metres, as intake converts them."""

FindingKey = tuple[str, str, str, str]
"""(rule id, limb, key, occurrence id); the limb of a rule without named limbs is the empty text."""

LONDON = ZoneInfo("Europe/London")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ID_NAMESPACE = UUID("8a0f4b54-6f0e-5d55-9d3c-2f6d0c6a7b11")
STRENGTH = {"new": 0, "correct": 1, "dispute": 2, "restrict": 3, "withdraw": 4, "erase": 4}
OUT_OF_SIGHT = {"withdraw", "erase", "restrict"}
COMPLAINT_KINDS = {"asb-case", "hate-report", "housing-concern"}
ACCUSED = {"suspect", "perpetrator"}
COMPLAINANTS = {"victim", "reporter", "subject"}
ONLOOKERS = {"witness", "reporter", "other"}
PROTECTED = {"victim", "subject", "missing"}
TIERS = ["P4", "P3", "P2", "P1"]
LIST_FIELDS = {"theme": "themes", "flag": "flags", "role": "roles"}
COPIED_FIELDS = (
    *("incident_id", "source", "organisation", "kind", "subtype"),
    *("category", "family", "origin", "grade", "area", "marking"),
)
MERGE_MARGIN = timedelta(minutes=60)
MERGE_METRES = 100
EXACT_METRES = 100
TOP_LEVEL = 4
MOST_DIGITS = 15
PAIRED = {"victim", "subject"}
BY_STRETCH = {"cell", "lsoa"}
UNTOLD = {"persons", "complainants", "victims", "children", "facts.subject", "facts.completed-by"}
FOUND = "finding"
SENSITIVE = "OFFICIAL-SENSITIVE"
NAMED_ROLES = {"victim", "suspect", "perpetrator", "subject", "missing", "casualty", "driver"}

NOBODY_IS_LINKED = {"merged_at_most": 1, "possible_at_most": 0}
NAMES_TOO_MANY = 64
KEEPS_APART = ["linked", "possible", "apart"]
UNCONFIRMED = "Rests on a possible match of persons that nobody has confirmed."
SEEN_TO = "It had been seen to before, so it is listed and presses nobody."

HUB: Plain = {
    "id": "hub",
    "title": "A key shared by too many reports",
    "status": "stable",
    "family": "feed",
    "priority": {"base": "P4"},
    "action_time": "12 months",
    "suppress": {"for": "1 month"},
    "explain": "More than {bound} live reports share this key; its rules are suspended.",
}
"""The one rule that is in no file: it says on which keys the others are suspended."""


@dataclass(frozen=True)
class OracleFinding:
    """A finding that stands. `completed_at` is an instant; for the rule `hub` it, `area` and `evidence` say nothing.

    `evidence` is one (occurrence id, sorted report ids) per occurrence, in order of time; `excluded` the reports that
    were nearly counted, each with the reason why not; `facts` what the explanation says, as (name, text), by name.
    """

    rule_id: str
    limb: str
    key: str
    occurrence_id: str
    completed_at: int | None
    priority: str
    area: str
    areas: tuple[str, ...]
    evidence: tuple[tuple[str, tuple[str, ...]], ...]
    excluded: tuple[tuple[str, str], ...]
    facts: tuple[tuple[str, str], ...]
    explanation: str
    child: bool
    marking: str
    told: tuple[tuple[tuple[str, str, tuple[str, ...]], ...], ...] = ()


@dataclass(frozen=True)
class OracleAlert:
    """An alert that stands: the highest priority and the first and last completion of its findings.

    It speaks in the words of the finding that completed last. Which one speaks of several that completed last together
    nothing defines: `last_words` are the (area, explanation) of each of them.
    """

    title: str
    family: str
    priority: str
    areas: tuple[str, ...]
    first_completed_at: int | None
    last_completed_at: int | None
    findings: tuple[FindingKey, ...]
    last_words: frozenset[tuple[str, str]]
    child: bool
    marking: str


@dataclass(frozen=True)
class Truth:
    """What must stand at the end.

    `indicators` holds, per (area, indicator, period kind, first day in ISO form), the value and whether it is
    final: only values other than nought, for whether a nought was ever published depends on the order of arrival.
    `rules` are the live rules by id, as their files say them. `single_limb` are those whose one limb has no name.
    """

    findings: dict[FindingKey, OracleFinding] = field(default_factory=dict)
    alerts: dict[tuple[str, str], OracleAlert] = field(default_factory=dict)
    indicators: dict[tuple[str, str, str, str], tuple[int, bool]] = field(default_factory=dict)
    rules: dict[str, Plain] = field(default_factory=dict)
    single_limb: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Sighting:
    """One report as one key sees it."""

    incident_id: str
    source: str
    organisation: str
    kind: str
    subtype: str
    category: str
    family: str
    themes: tuple[str, ...]
    flags: tuple[str, ...]
    origin: str
    grade: str | None
    occurred_from: datetime
    occurred_to: datetime
    reported_at: datetime
    area: str
    uprn: str | None
    point: tuple[int, int] | None
    roles: tuple[str, ...]
    persons: tuple[str, ...]
    complainants: tuple[str, ...]
    child: bool
    victims: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    possible: bool = False
    marking: str = "OFFICIAL"


@dataclass(frozen=True)
class Occurrence:
    """What happened once: the sightings of it, earliest first, the first of which gives id, time and area.

    Or that a rule was met, `found_by` it: then the sightings are all it was met on, and the rest is the finding's.
    """

    members: tuple[Sighting, ...]
    id: str
    time: datetime
    area: str
    found_by: str = ""


def happened(members: Iterable[Sighting]) -> Occurrence:
    """What these sightings, earliest first, tell of."""
    told = tuple(members)
    return Occurrence(told, told[0].incident_id, told[0].occurred_from, told[0].area)


@dataclass(frozen=True)
class Limb:
    """One way to meet a rule, with the whole rule beside it, as written in its file.

    `names` are what its explanation calls the values it speaks of: areas by their names, everything else as it is.
    """

    rule: Plain
    name: str
    keys: tuple[str, ...]
    select: Plain
    condition: Plain
    explain: str
    names: dict[str, str] = field(default_factory=dict)
    besides: Plain = field(default_factory=dict)
    linked_within: int = 1
    calendars: dict[str, Plain] = field(default_factory=dict)


@dataclass(frozen=True)
class Met:
    """A limb's condition met, before safeguards, priority and words.

    `chain` is the evidence: occurrences, each with those of its sightings that passed. `number` is what `by_count`
    looks at.
    """

    chain: Sequence[tuple[Occurrence, Sequence[Sighting]]]
    occurrence_id: str
    completed_at: datetime
    area: str
    number: int
    facts: dict[str, str]
    near_misses: Sequence[tuple[Sighting, str]] = ()


@dataclass(frozen=True)
class Clocks:
    """What is known at the end: `as_of`, and up to when each source is complete."""

    as_of: datetime
    complete_to: dict[str, datetime]

    def feeds_are_complete(self, feeds: Sequence[str], at: datetime) -> bool:
        """Whether every feed is known complete up to `at`; one that never reported is not."""
        return all(feed in self.complete_to and self.complete_to[feed] >= at for feed in feeds)


@dataclass(frozen=True)
class CatalogueFiles:
    """The catalogue as its files say it."""

    sources: dict[str, Plain]
    categories: dict[str, Plain]
    kind_themes: dict[str, list[str]]
    flag_themes: dict[str, list[str]]
    bounds: Plain
    areas: dict[str, Plain]
    lsoas: dict[str, str]
    wards: dict[str, str]
    indicators: list[Plain]
    limbs: list[Limb]
    facts: dict[str, Plain]
    persons: Plain
    linked: Plain = field(default_factory=dict)
    protected: list[str] = field(default_factory=list)


def recompute(
    reports: Iterable[Plain],
    catalogue_folder: Path,
    *,
    as_of: int | None = None,
    newest: dict[str, int] | None = None,
    to_grid: Grid | None = None,
    county: str = "lancashire",
    links: Sequence[Plain] = (),
) -> Truth:
    """What must stand after all `reports` were accepted, in whatever order.

    A report has the fields of `Report` and `received_at`. `as_of` is the newest `received_at` and `newest` the newest
    `reported_at` per source, unless given (instants). `to_grid` converts degrees for reports without grid metres;
    without it such reports have no coordinates. `links` are the stewards' decisions that were accepted, with the fields
    of `PersonLink` and `received_at`. Raises `KeyError` for a source that is not in the catalogue.
    """
    accepted = list(reports)
    if not accepted:
        return Truth()
    files = read_catalogue(catalogue_folder, county)
    if newest is None:
        newest = {}
        for report in sorted(accepted, key=lambda report: int(report["reported_at"])):
            newest[report["source"]] = report["reported_at"]
    clocks = Clocks(
        as_of=moment(max(one["received_at"] for one in (*accepted, *links)) if as_of is None else as_of),
        complete_to={
            source: moment(at) - length(files.sources[source]["usual_latency"]) for source, at in newest.items()
        },
    )
    rules = {limb.rule["id"]: limb.rule for limb in files.limbs} | {"hub": HUB}
    claims = live_claims(accepted, files, to_grid)
    findings = judge_timelines(timelines(claims, files, links) | linked_timelines(claims, files, links), files, clocks)
    tallies = [*tallies_of(claims, files), *tallies_of_findings(findings, files)]
    findings += judge_areas(tallies, files.limbs, clocks)
    return Truth(
        findings={(f.rule_id, f.limb, f.key, f.occurrence_id): f for f in findings},
        alerts=alerts_of(findings, rules),
        indicators=indicators_of(tallies, files, clocks),
        rules=rules,
        single_limb=frozenset(limb.rule["id"] for limb in files.limbs if not limb.name) | {"hub"},
    )


# --- the catalogue ------------------------------------------------------------------------------------------


def read_catalogue(folder: Path, county: str = "lancashire") -> CatalogueFiles:
    """The catalogue under `folder`, read again only when a file has changed."""
    paths = sorted(path for path in folder.rglob("*.*") if path.is_file())
    return _read_catalogue(folder, county, tuple((str(path), path.stat().st_mtime_ns) for path in paths))


@lru_cache(maxsize=8)
def _read_catalogue(folder: Path, county: str, _stamps: tuple[tuple[str, int], ...]) -> CatalogueFiles:
    categories = _load(folder / "categories.yaml")
    areas = _load(folder / "areas" / f"{county}.yaml")
    with (folder / "areas" / areas["lsoa_lookup"]).open(encoding="utf-8", newline="") as file:
        lsoas = {row["lsoa_code"]: row["local_authority_code"] for row in csv.DictReader(file)}
    wards = {}
    if "ward_lookup" in areas:
        with (folder / "areas" / areas["ward_lookup"]).open(encoding="utf-8", newline="") as file:
            wards = {row["lsoa_code"]: row["ward_code"] for row in csv.DictReader(file)}
    rules = [_load(path) for path in sorted((folder / "rules").glob("*.yaml"))]
    said = _load(folder / "facts.yaml")["facts"] if (folder / "facts.yaml").exists() else []
    linked = _load(folder / "linking.yaml")["linked"] if (folder / "linking.yaml").exists() else {}
    area_names = {area["code"]: area["name"] for area in areas["areas"]}
    shared = folder / "policy" / "policy.yaml"
    return CatalogueFiles(
        sources={source["id"]: source for source in _load(folder / "sources.yaml")["sources"]},
        categories={category["id"]: category for category in categories["categories"]},
        kind_themes=categories["kind_themes"],
        flag_themes=categories["flag_themes"],
        bounds=categories["bounds"],
        areas={area["code"]: area for area in areas["areas"]},
        lsoas=lsoas,
        wards=wards,
        indicators=[
            indicator
            for path in sorted((folder / "indicators").glob("*.yaml"))
            for indicator in _load(path).get("indicators", ())
        ],
        limbs=[
            limb
            for rule in rules
            if rule["status"] != "retired"
            for limb in limbs_of(rule, area_names, read_calendars(folder), linked.get("linked_within", 1))
        ],
        facts={fact["id"]: fact for fact in said},
        linked=linked,
        persons=_load(folder / "persons.yaml")["persons"] if (folder / "persons.yaml").exists() else NOBODY_IS_LINKED,
        protected=_load(shared).get("protected_places", []) if shared.exists() else [],
    )


# The same reader in C, where there is one, takes a tenth of the time.
_Loader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


def _load(path: Path) -> Plain:
    loaded: Plain = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - both are safe
    return loaded


def read_calendars(folder: Path) -> dict[str, Plain]:
    """The calendars of open days by id, as their files say them."""
    said = [_load(path) for path in sorted((folder / "calendars").glob("*.yaml"))]
    return {one["id"]: one for one in said}


def limbs_of(
    rule: Plain, area_names: dict[str, str], calendars: dict[str, Plain] | None = None, within: int = 1
) -> Iterator[Limb]:
    """The limbs of a rule file; a rule without any is its own, nameless one."""
    for name, limb in rule.get("limbs", {"": rule}).items():
        condition = limb["condition"]
        names = area_names if "area" in listed(condition.get("field")) else {}
        keys, select, besides = tuple(listed(limb["key"])), dict(limb.get("select", {})), limb.get("besides", {})
        closing = [condition.get("until"), condition.get("unless"), *condition.get("none_of", ())]
        closing += [condition["also"]] if condition["type"] == "share" else []
        for step in closing:
            # Nothing that is merely possible closes, cancels or rules out.
            if step is not None and "finding" not in select[step]:
                select[step] = {**select[step], "possible": False}
        linked_within = limb.get("linked_within", within)
        yield Limb(rule, name, keys, select, condition, limb["explain"], names, besides, linked_within, calendars or {})


def listed(value: object) -> list[Any]:
    """A list as it is; anything else as a list of one."""
    return list(value) if isinstance(value, list | tuple) else [value]


# --- time ---------------------------------------------------------------------------------------------------


def moment(instant: int) -> datetime:
    """The UTC datetime of an instant in milliseconds."""
    return EPOCH + timedelta(milliseconds=instant)


def instant(when: datetime) -> int:
    """The instant in milliseconds of a datetime."""
    return (when - EPOCH) // timedelta(milliseconds=1)


def london_day(when: datetime) -> date:
    """The date on a London wall calendar."""
    return when.astimezone(LONDON).date()


def midnight(day: date) -> datetime:
    """When a London day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=LONDON).astimezone(UTC)


def length(text: str) -> timedelta:
    """An exact length such as `28 days`."""
    number, unit = text.split()
    return timedelta(**{unit if unit.endswith("s") else f"{unit}s": int(number)})


def window_end(when: datetime, asked: Plain, direction: int) -> datetime:
    """The other end of the window that is asked for: where days are those of the calendar, at the same wall time."""
    _, unit = asked["within"].split()
    if not asked.get("calendar") or unit.startswith("month") or length(asked["within"]) % timedelta(days=1):
        return shift(when, asked["within"], direction)
    local = when.astimezone(LONDON)
    day = local.date() + direction * length(asked["within"])
    # As with months: a wall time that exists twice is taken the first time.
    return datetime.combine(day, local.time().replace(fold=0), tzinfo=LONDON).astimezone(UTC)


def shift(when: datetime, text: str, direction: int) -> datetime:
    """`when` moved by a length: months on the London calendar (same wall time, 31st clamped), the rest exactly."""
    number, unit = text.split()
    if not unit.startswith("month"):
        return when + direction * length(text)
    local = when.astimezone(LONDON)
    year, month = divmod(local.year * 12 + local.month - 1 + direction * int(number), 12)
    day = min(local.day, calendar.monthrange(year, month + 1)[1])
    # A wall time that exists twice is taken the first time; one that does not, by the offset before the gap.
    return local.replace(year=year, month=month + 1, day=day, fold=0).astimezone(UTC)


def period_of(day: date, kind: str) -> tuple[date, date]:
    """The first day of the calendar period around `day`, and the first day after it."""
    if kind == "day":
        return day, day + timedelta(days=1)
    if kind == "week":
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=7)
    if kind == "four-weeks":
        # Thirteen of them from Monday 1 January 2018 to Monday 31 December 2018, and so on both ways.
        starts = date(2018, 1, 1) + timedelta(days=(day - date(2018, 1, 1)).days // 28 * 28)
        return starts, starts + timedelta(days=28)
    months = {"month": 1, "quarter": 3, "year": 12}[kind]
    first = (day.month - 1) // months * months + 1
    years, month = divmod(first - 1 + months, 12)
    return date(day.year, first, 1), date(day.year + years, month + 1, 1)


# --- live claims --------------------------------------------------------------------------------------------


def live_claims(reports: Iterable[Plain], files: CatalogueFiles, to_grid: Grid | None = None) -> list[Plain]:
    """The claims that count: the strongest version of each report, unless that takes it out of sight."""
    strongest: dict[tuple[str, str], Plain] = {}
    for report in reports:
        claim = claim_of(report, files, to_grid)
        identity = (report["source"], report["source_ref"])
        if identity not in strongest or rank(claim) > rank(strongest[identity]):
            strongest[identity] = claim
    live = [claim for claim in strongest.values() if claim["action"] not in OUT_OF_SIGHT]
    return sorted(live, key=lambda claim: str(claim["incident_id"]))


def rank(claim: Plain) -> tuple[bool, int, int, bytes]:
    """What decides between two versions: erasure, the version, the action, and last the bytes of the claim."""
    erased = claim["action"] == "erase"
    return erased, claim["source_version"], STRENGTH[claim["action"]], msgspec.msgpack.encode(claim)


def counting_nobody_twice(reports: Iterable[Plain], catalogue_folder: Path, county: str = "lancashire") -> list[Plain]:
    """Those of the reports, in order of arrival, that count nobody twice: they are accepted, and the others refused.

    Each is held against everything accepted before it, worked out anew.
    """
    files = read_catalogue(catalogue_folder, county)
    accepted: list[Plain] = []
    for report in reports:
        own = claim_of(report, files)
        of_counts = [one for one in [*accepted, report] if "aggregate-count" in files.sources[one["source"]]["kinds"]]
        live = live_claims(of_counts, files)
        if own not in live or not any(counts_again(own, other) for other in live):
            accepted.append(report)
    return accepted


def counts_again(own: Plain, other: Plain) -> bool:
    """Whether another count is of the same thing, in the same area, at the same time."""
    if own["incident_id"] == other["incident_id"] or {own["kind"], other["kind"]} != {"aggregate-count"}:
        return False
    alike = all(own[name] == other[name] for name in ("source", "category", "subtype", "area"))
    neighbourhoods = {own["place"][-1], other["place"][-1]} - {None}
    (starts, ends), (begins, stops) = days_covered(own), days_covered(other)
    return alike and len(neighbourhoods) < 2 and max(starts, begins) < min(ends, stops)  # noqa: PLR2004


def days_covered(claim: Plain) -> tuple[datetime, datetime]:
    """From when to when a count is: the whole days or months it is known by, its last instant not among them.

    One that says neither how long nor to what it is known is of a day.
    """
    least = timedelta(milliseconds=1)
    starts, ends = moment(claim["occurred_from"]), moment(claim["occurred_to"])
    known_by = claim["precision"]
    if known_by == "instant" and starts < ends:
        return starts, ends
    known_by = "day" if known_by == "instant" else known_by
    starts, ends = (
        midnight(period_of(london_day(one), known_by)[side])
        for side, one in enumerate((starts, max(ends, starts + least) - least))
    )
    return starts, ends


def claim_of(report: Plain, files: CatalogueFiles, to_grid: Grid | None = None) -> Plain:
    """What one report claims: area, family, themes and place worked out; no time of receipt."""
    category = files.categories.get(report["category"], {})
    themes = set(category.get("themes", ()))
    themes.update(files.kind_themes.get(report["kind"], ()))
    for flag in report["flags"]:
        themes.update(files.flag_themes.get(flag, ()))
    place = report["place"] or {}
    to = report["occurred_from"] if report["occurred_to"] is None else report["occurred_to"]
    return {
        "incident_id": str(uuid5(ID_NAMESPACE, f"incident\x1f{report['source']}\x1f{report['source_ref']}")),
        "source": report["source"],
        "organisation": files.sources[report["source"]]["organisation"],
        "source_version": report["source_version"],
        "action": report["action"],
        "kind": report["kind"],
        "subtype": report["subtype"],
        "category": report["category"],
        "family": category.get("family", ""),
        "themes": sorted(themes),
        "flags": sorted(set(report["flags"])),
        "origin": report["origin"],
        "grade": report["grade"],
        "occurred_from": report["occurred_from"],
        "occurred_to": to,
        "precision": report["precision"],
        "reported_at": report["reported_at"],
        "area": area_of(place, london_day(moment(report["occurred_from"])), files),
        "place": exact_place({} if place.get("place_type") in files.protected else place, to_grid),
        # In an order of their own: two reports that name the same in another order say the same.
        "parties": sorted(
            ([party["role"], party["token"] or None, party["child"]] for party in report["parties"]),
            key=lambda party: (party[0], party[1] or "", party[2]),
        ),
        "vehicles": sorted(set(filter(None, report["vehicles"]))),
        "phones": sorted(set(filter(None, report["phones"]))),
        "group": report["group"] or None,
        "count": report["count"],
        "marking": marked_as(report, files.sources[report["source"]]["organisation"]),
        "facts": facts_of(report, files.facts),
    }


def marked_as(report: Plain, organisation: str) -> str:
    """As its sender says; as closely as can be where a child is in it; with code C under the sender's conditions."""
    level = SENSITIVE if any(party["child"] for party in report["parties"]) else report["marking"]
    return f"{level} C:{organisation}" if report.get("handling") == "C" else str(level)


def facts_of(report: Plain, declared: dict[str, Plain]) -> list[list[str]]:
    """What a report says that the catalogue declares, by name; what it states itself goes before its native details.

    What takes a report back says nothing.
    """
    if report["action"] in OUT_OF_SIGHT:
        return []
    said = {name: value for source in ("native", "facts") for name, value in report.get(source, ())}
    kept = []
    for name, value in sorted(said.items()):
        fact = declared.get(name)
        if fact is None:
            continue
        if fact["type"] == "number":
            number = as_number(value)
            if number is not None and fact.get("at_least", number) <= number <= fact.get("at_most", number):
                kept.append([name, str(number)])
        elif fact.get("open") or value in map(as_said, fact["values"]):
            kept.append([name, value])
    return kept


def as_number(text: str | None) -> int | None:
    """The whole number a text is, if it is one."""
    try:
        return None if text is None or len(text.removeprefix("-")) > MOST_DIGITS else int(text)
    except ValueError:
        return None


def as_said(value: object) -> str:
    """A value of a catalogue file as reports say it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def area_of(place: Plain, day: date, files: CatalogueFiles) -> str:
    """The stated district if it is ours on that day, else that of the LSOA, else outside, else unlocated."""
    stated, lsoa = place.get("area"), place.get("lsoa")
    for code in (stated, files.lsoas.get(lsoa or "")):
        area = files.areas.get(code or "")
        if area and area["kind"] == "district" and _is_valid(area, day):
            return str(area["code"])
    return "OUTSIDE" if stated or lsoa else "UNLOCATED"


def _is_valid(dated: Plain, day: date) -> bool:
    start, end = dated.get("valid_from"), dated.get("valid_to")
    return (start is None or start <= day) and (end is None or day < end)


def exact_place(place: Plain, to_grid: Grid | None) -> list[Any]:
    """UPRN, easting, northing and whether these are good enough to be a place, plus the LSOA."""
    easting, northing = place.get("easting"), place.get("northing")
    latitude, longitude = place.get("latitude"), place.get("longitude")
    if (easting is None or northing is None) and to_grid and latitude is not None and longitude is not None:
        easting, northing = to_grid(latitude, longitude)
    has_point = easting is not None and northing is not None
    precision = place.get("precision_m")
    is_near = precision is None or precision <= EXACT_METRES
    exact = bool(place.get("uprn") or (has_point and is_near)) and not place.get("snapped", False)
    return [place.get("uprn"), easting, northing, exact, place.get("lsoa")]


# --- timelines and occurrences ------------------------------------------------------------------------------


def timelines(claims: Iterable[Plain], files: CatalogueFiles, links: Sequence[Plain] = ()) -> dict[str, list[Sighting]]:
    """The sightings of every key of a kind that some live rule reads."""
    wanted = {kind for limb in files.limbs for kind in limb.keys} - {"area"}
    found: dict[str, list[Sighting]] = defaultdict(list)
    goes_by, maybe = who_is_who(links, files.persons)
    for claim in claims:
        told = with_tokens(claim, goes_by)
        names = names_of(told, files)
        for key, roles, entities in (*keys_of(told), *cells_of(told, files), *lsoas_of(told, files)):
            if key.partition(":")[0] in wanted:
                found[key].append(replace(sighting_of(told, roles, entities), names=names))
        for key, roles, entities in keys_of_others(told, maybe):
            if key.partition(":")[0] in wanted:
                seen = sighting_of(told, roles, entities)
                others = tuple(token for token in seen.victims if token not in entities)
                young = tuple(token for token in seen.children if token not in entities)
                found[key].append(replace(seen, names=names, victims=others, children=young, possible=True))
    return {key: found[key] for key in sorted(found)}


def who_is_who(links: Sequence[Plain], bounds: Plain) -> tuple[dict[str, str], dict[str, set[str]]]:
    """By which token each person goes of whom something was decided, and which persons may be which."""
    standing: dict[tuple[str, str], Plain] = {}
    for link in links:
        pair = (min(link["first"], link["second"]), max(link["first"], link["second"]))
        if pair not in standing or weight(link) > weight(standing[pair]):
            standing[pair] = link
    persons = [{token} for token in sorted({token for pair in standing for token in pair})]
    for (one, other), link in standing.items():
        if link["state"] == "linked":
            joined = [person for person in persons if one in person or other in person]
            persons = [person for person in persons if person not in joined] + [set().union(*joined)]
    goes_by: dict[str, str] = {}
    for person in persons:
        for token in person:
            apart = [pair for pair, link in standing.items() if link["state"] == "apart" and set(pair) <= person]
            goes_by[token] = token if apart or len(person) > bounds["merged_at_most"] else min(person)
    pairs = {
        (goes_by[one], goes_by[other])
        for pair, link in standing.items()
        for one, other in (pair, pair[::-1])
        if link["state"] == "possible" and goes_by[one] != goes_by[other]
    }
    all_maybe = {one: {other for whom, other in pairs if whom == one} for one, _ in pairs}
    few = {one for one, others in all_maybe.items() if len(others) <= bounds["possible_at_most"]}
    return goes_by, {one: all_maybe[one] & few for one in few}


def weight(link: Plain) -> tuple[int, int, str, str]:
    """What decides between two decisions about one pair: the time, then what keeps them further apart."""
    return link["decided_at"], KEEPS_APART.index(link["state"]), link["method"], link["decided_by"]


def with_tokens(claim: Plain, instead: dict[str, str]) -> Plain:
    """The claim with other tokens for some persons."""
    parties = [[role, instead.get(token, token) if token else token, child] for role, token, child in claim["parties"]]
    return {**claim, "parties": parties}


def keys_of_others(claim: Plain, maybe: dict[str, set[str]]) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """The keys of persons the claim would have if somebody in it were who they may be, and who is not in it.

    Each is there once, with the roles of every way to read the claim so, and the persons it names who were read so.
    """
    named = sorted({token for _, token, _ in claim["parties"] if token})
    readings = [[token, *sorted(maybe.get(token, set()) - set(named))] for token in named]
    found: dict[str, tuple[set[str], set[str]]] = {}
    own = {key for key, _, _ in _person_keys(claim)}
    for reading in product(*readings):
        instead = dict(zip(named, reading, strict=True))
        for key, roles, entities in _person_keys(with_tokens(claim, instead)):
            if key not in own and not set(entities) <= set(named):
                told, who = found.setdefault(key, (set(), set()))
                told.update(roles)
                who.update(token for token, other in instead.items() if other in entities)
    return [(key, tuple(sorted(roles)), tuple(sorted(who))) for key, (roles, who) in sorted(found.items())]


def linked_timelines(
    claims: Iterable[Plain], files: CatalogueFiles, links: Sequence[Plain]
) -> dict[str, list[Sighting]]:
    """The sightings of every group of linked reports, if some live rule reads them."""
    if not any("linked" in limb.keys for limb in files.limbs):
        return {}
    goes_by, _ = who_is_who(links, files.persons)
    told = [with_tokens(claim, goes_by) for claim in claims]
    seen = [replace(sighting_of(claim, (), ()), names=tuple(sorted(named_by(claim)))) for claim in told]
    return groups_of(seen, files.linked)


def groups_of(sightings: Iterable[Sighting], terms: Plain) -> dict[str, list[Sighting]]:
    """The reports of each group that leads from one to another by what they name, under the earliest of them.

    Every pair is looked at. What too many name is left out of what each names, and so is what is blocked.
    """
    chosen = {sighting.incident_id: sighting for sighting in sightings if matches(terms["select"], sighting)}
    counts: dict[str, int] = defaultdict(int)
    for sighting in chosen.values():
        for name in sighting.names:
            counts[name] += 1
    links = {name for name, many in counts.items() if many <= terms["degree_cap"] and name not in terms["blocklist"]}
    left = {name: replace(s, names=tuple(one for one in s.names if one in links)) for name, s in chosen.items()}
    home = {name: {name} for name in left}
    for one, other in combinations(left.values(), 2):
        apart = abs(one.occurred_from - other.occurred_from)
        if set(one.names) & set(other.names) and apart <= timedelta(days=terms["age_days"]):
            both = home[one.incident_id] | home[other.incident_id]
            for name in both:
                home[name] = both
    found = {}
    for group in home.values():
        if 1 < len(group) <= terms["reports_at_most"]:
            members = sorted((left[name] for name in group), key=lambda s: (s.occurred_from, s.incident_id))
            found[f"linked:{members[0].incident_id}"] = members
    return {key: found[key] for key in sorted(found)}


def named_by(claim: Plain) -> Iterator[str]:
    """What a claim names that may lead to others: whom it is about, and things, each by its kind."""
    uprn, _, _, exact, _ = claim["place"]
    yield from {f"person:{token}" for role, token, _ in claim["parties"] if token and role not in ONLOOKERS}
    yield from (f"vehicle:{vehicle}" for vehicle in claim["vehicles"])
    yield from (f"phone:{phone}" for phone in claim["phones"])
    if claim["group"]:
        yield f"group:{claim['group']}"
    if uprn and exact:
        yield f"place:{uprn}"


def keys_of(claim: Plain) -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Each key a claim belongs to, once: with the roles its entity has there and the tokens of the entity."""
    yield from _person_keys(claim)
    uprn, _, _, exact, _ = claim["place"]
    if uprn and exact:
        yield f"place:{uprn}", (), ()
        harmed = [token for role, token, _ in claim["parties"] if role in harmed_roles(claim)]
        if harmed:
            yield f"household:{uprn}", ("household",), tuple(sorted(token for token in harmed if token))
    for vehicle in sorted(set(claim["vehicles"])):
        yield f"vehicle:{vehicle}", ("vehicle",), ()
    for phone in sorted(set(claim["phones"])):
        yield f"phone:{phone}", ("phone",), ()
    if claim["group"]:
        yield f"group:{claim['group']}", (), ()


def _person_keys(claim: Plain) -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    roles_of: dict[str, set[str]] = defaultdict(set)
    for role, token, _ in claim["parties"]:
        if token:
            roles_of[token].add(role)
    harmed = harmed_roles(claim)
    for token, roles in sorted(roles_of.items()):
        yield f"person:{token}", tuple(sorted(roles)), (token,)
        if roles & harmed:
            yield f"victim:{token}", tuple(sorted(roles | {"victim"})), (token,)
        if roles & ACCUSED:
            yield f"suspect:{token}", tuple(sorted(roles)), (token,)
        for other, others in sorted(roles_of.items()):
            if token != other and roles & PAIRED and others & ACCUSED:
                yield f"victim-perpetrator:{token}|{other}", ("perpetrator", "victim"), (token, other)


def harmed_roles(claim: Plain) -> set[str]:
    """The roles of those a claim of this kind happened to."""
    return COMPLAINANTS if claim["kind"] in COMPLAINT_KINDS else {"victim"}


def names_of(claim: Plain, files: CatalogueFiles) -> tuple[str, ...]:
    """Whom and what a claim is about, as keys; nobody, unless a rule whose findings are read elsewhere may rest on it.

    That is one that has a step the claim could pass under some key; or rests on a rule, on the same key, that has.
    """
    read = [other for limb in files.limbs for other in read_elsewhere(limb)]
    for rule_id in read:
        read += [
            other
            for limb in files.limbs
            if limb.rule["id"] == rule_id
            for select in limb.select.values()
            for other in listed(select.get("finding", []))
            if other not in read
        ]
    seen = sighting_of(claim, (), ())
    steps = [select for limb in files.limbs if limb.rule["id"] in read for select in limb.select.values()]
    if not any(
        matches(without(select, "origin", "reported_within", "role", "child"), seen)
        for select in steps
        if "finding" not in select
    ):
        return ()
    uprn, _, _, exact, _ = claim["place"]
    return tuple(
        sorted(
            {
                *(f"person:{token}" for role, token, _ in claim["parties"] if token and role in NAMED_ROLES),
                *(f"vehicle:{vehicle}" for vehicle in claim["vehicles"]),
                *(f"phone:{phone}" for phone in claim["phones"]),
                *([f"group:{claim['group']}"] if claim["group"] else []),
                *([f"place:{uprn}"] if uprn and exact else []),
            }
        )
    )


def cells_of(claim: Plain, files: CatalogueFiles) -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """The cells a claim with a good point is seen from: those that touch its own, now and one stretch later.

    Only if some rule on cells has a use for it, whatever its origin, and however late it was reported.
    """
    _, easting, northing, exact, _ = claim["place"]
    if not exact or easting is None or northing is None:
        return
    if not is_of_use(claim, "cell", files):
        return
    wide = files.bounds["cell_metres"]
    own_east, own_north = easting // wide, northing // wide
    own_stretch = stretch_of(claim, files)
    for stretch in (own_stretch, own_stretch + 1):
        for east in range(own_east - 1, own_east + 2):
            for north in range(own_north - 1, own_north + 2):
                is_own = (east, north, stretch) == (own_east, own_north, own_stretch)
                yield f"cell:{east}.{north}.{stretch}", ("here" if is_own else "nearby",), ()


def lsoas_of(claim: Plain, files: CatalogueFiles) -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """The LSOA a claim states, now and one stretch later, if some rule on LSOAs has a use for it."""
    code = claim["place"][-1]
    if code is not None and is_of_use(claim, "lsoa", files):
        own_stretch = stretch_of(claim, files)
        yield f"lsoa:{code}.{own_stretch}", ("here",), ()
        yield f"lsoa:{code}.{own_stretch + 1}", ("nearby",), ()


def is_of_use(claim: Plain, kind: str, files: CatalogueFiles) -> bool:
    """Whether some rule on keys of a kind may want a claim, whatever its origin, and however late it was reported."""
    seen = sighting_of(claim, (), ())
    selectors = [select for limb in files.limbs if kind in limb.keys for select in limb.select.values()]
    return any(matches(without(select, "origin", "reported_within", "role"), seen) for select in selectors)


def stretch_of(claim: Plain, files: CatalogueFiles) -> int:
    """The number of the stretch of days a claim begins in."""
    return (moment(claim["occurred_from"]) - EPOCH) // timedelta(days=files.bounds["cell_days"])


def sighting_of(claim: Plain, roles: tuple[str, ...], entities: tuple[str, ...]) -> Sighting:
    """What a timeline sees of a claim."""
    parties = claim["parties"]
    uprn, easting, northing, exact, _ = claim["place"]
    return Sighting(
        **{name: claim[name] for name in COPIED_FIELDS},
        themes=tuple(claim["themes"]),
        flags=tuple(claim["flags"]),
        occurred_from=moment(claim["occurred_from"]),
        occurred_to=moment(claim["occurred_to"]),
        reported_at=moment(claim["reported_at"]),
        uprn=uprn or None,
        point=(easting, northing) if exact and easting is not None and northing is not None else None,
        roles=roles,
        persons=tuple(sorted({token for _, token, _ in parties if token})),
        complainants=tuple(sorted({token for role, token, _ in parties if token and role in COMPLAINANTS})),
        victims=tuple(sorted({token for role, token, _ in parties if token and role in PAIRED})),
        children=tuple(sorted({token for role, token, child in parties if token and child and role in PROTECTED})),
        child=any(child and (role in PROTECTED or token in entities) for role, token, child in parties),
        facts=dict(claim["facts"]),
    )


def merged(sightings: Iterable[Sighting]) -> list[Occurrence]:
    """The occurrences of one timeline, by (time, id): each sighting joins the first that it fits, or begins one."""
    groups: list[list[Sighting]] = []
    for sighting in sorted(sightings, key=lambda s: (s.occurred_from, s.incident_id)):
        for group in groups:
            if any(same_occurrence(sighting, member) for member in group) and all(
                sighting.organisation != member.organisation for member in group
            ):
                group.append(sighting)
                break
        else:
            groups.append([sighting])
    return sorted(map(happened, groups), key=lambda o: (o.time, o.id))


def same_occurrence(a: Sighting, b: Sighting) -> bool:
    """Whether two organisations speak of the same thing: place, person or family of crime, and time."""
    same_uprn = a.uprn is not None and a.uprn == b.uprn
    near = (
        a.point is not None
        and b.point is not None
        and (a.point[0] - b.point[0]) ** 2 + (a.point[1] - b.point[1]) ** 2 <= MERGE_METRES**2
    )
    shared = bool(set(a.persons) & set(b.persons)) or (a.family != "" and a.family == b.family)
    starts_in_time = a.occurred_from <= b.occurred_to + MERGE_MARGIN
    ends_in_time = b.occurred_from <= a.occurred_to + MERGE_MARGIN
    alike = a.possible == b.possible
    both_report = a.kind != "intervention" and b.kind != "intervention"
    if "missing-episode" in (a.kind, b.kind) and (a.kind, a.subtype) != (b.kind, b.subtype):
        both_report = False
    in_time = starts_in_time and ends_in_time
    return a.organisation != b.organisation and alike and both_report and (same_uprn or near) and shared and in_time


# --- rules --------------------------------------------------------------------------------------------------


def matches(select: Plain, subject: Sighting | Plain) -> bool:
    """Whether one sighting (or claim) passes every test of a selector and none of those under `not`.

    What was found elsewhere passes where a finding of its rule is meant, and nowhere else.
    """
    is_found = isinstance(subject, Sighting) and subject.kind == FOUND
    if is_found or "finding_elsewhere" in select:
        return is_found and value_in(subject, "subtype") in listed(select.get("finding_elsewhere", []))  # type: ignore[arg-type]
    for name, wanted in one_by_one(select):
        if name == "not":
            if any(_passes(other, values, subject) for other, values in one_by_one(wanted)):
                return False
        elif name == "reported_within":
            if not isinstance(subject, Sighting):
                message = "an indicator cannot select by when it was reported"
                raise TypeError(message)
            if subject.reported_at > shift(subject.occurred_from, wanted, +1):
                return False
        elif not _passes(name, wanted, subject):
            return False
    return True


def one_by_one(tests: Plain) -> Iterator[tuple[str, Any]]:
    """The tests of a selector, that of each fact by its dotted name."""
    for name, wanted in tests.items():
        if name == "facts":
            yield from ((f"facts.{fact}", test) for fact, test in wanted.items())
        else:
            yield name, wanted


def _passes(name: str, wanted: object, subject: Sighting | Plain) -> bool:
    if name.startswith("facts."):
        said = subject.facts if isinstance(subject, Sighting) else dict(subject["facts"])
        return fact_passes(wanted, said.get(name.removeprefix("facts.")))
    attribute = LIST_FIELDS.get(name, name)
    if isinstance(subject, Sighting):
        value = getattr(subject, attribute)
    elif name == "role":
        value = [role for role, _, _ in subject["parties"]]
    elif name == "child":
        value = any(child and role in PROTECTED for role, _, child in subject["parties"])
    else:
        value = subject[attribute]
    return any(one in listed(wanted) for one in listed(value) if one is not None)


def fact_passes(test: object, value: str | None) -> bool:
    """Whether a fact is there and one of those wanted, or not below and not above what is."""
    if not isinstance(test, dict):
        return value in [as_said(one) for one in listed(test)]
    number = as_number(value)
    return number is not None and test.get("at_least", number) <= number <= test.get("at_most", number)


def value_in(sighting: Sighting, name: str) -> Any:  # noqa: ANN401 - fields have values of several kinds
    """A field of a sighting; `facts.x` is what it says under x."""
    first, _, fact = name.partition(".")
    return sighting.facts.get(fact) if first == "facts" else getattr(sighting, name)


def judge_timelines(told: dict[str, list[Sighting]], files: CatalogueFiles, clocks: Clocks) -> list[OracleFinding]:
    """Every finding on any timeline, by what is told there and what is found elsewhere: until that is all there is."""
    elsewhere: dict[str, list[Sighting]] = {}
    while True:
        judged = [
            one
            for key in sorted(told.keys() | elsewhere.keys())
            for one in judge_key(
                key,
                [*told.get(key, []), *elsewhere.get(key, [])],
                files.limbs,
                clocks,
                files.bounds["kept" if key.partition(":")[0] in BY_STRETCH else "hub"],
            )
        ]
        found = found_elsewhere([(one, occurrence) for one, occurrence in judged if occurrence], files.limbs)
        if found == elsewhere:
            return [one for one, _ in judged]
        elsewhere = found


def read_elsewhere(limb: Limb) -> set[str]:
    """The rules whose findings on other keys a limb reads."""
    return {other for select in limb.select.values() for other in listed(select.get("finding_elsewhere", []))}


def found_elsewhere(
    judged: Iterable[tuple[OracleFinding, Occurrence]], limbs: Sequence[Limb]
) -> dict[str, list[Sighting]]:
    """What findings are to those whom their evidence names, and whom they are not about, where a rule reads them."""
    found: dict[str, list[Sighting]] = defaultdict(list)
    for one, occurrence in judged:
        kinds = {kind for limb in limbs if one.rule_id in read_elsewhere(limb) for kind in limb.keys}
        names = tuple(sorted({name for sighting in occurrence.members for name in sighting.names}))
        for name in names if len(names) <= NAMES_TOO_MANY else ():
            if name.partition(":")[0] in kinds and name not in is_about(one.key):
                found[name].append(seen_elsewhere(one, occurrence, names))
    return dict(found)


def is_about(key: str) -> set[str]:
    """Whom or what a key is of, by the names evidence has for them."""
    kind, _, value = key.partition(":")
    kind = {"victim": "person", "suspect": "person", "victim-perpetrator": "person", "household": "place"}.get(
        kind, kind
    )
    return {f"{kind}:{one}" for one in value.split("|")}


def seen_elsewhere(one: OracleFinding, occurrence: Occurrence, names: tuple[str, ...]) -> Sighting:
    """A finding as a timeline of another key has it."""
    return Sighting(
        **dict.fromkeys(("source", "organisation", "category", "family"), ""),
        incident_id=occurrence.id,
        kind=FOUND,
        subtype=one.rule_id,
        themes=(),
        flags=(),
        origin="reported",
        grade=None,
        occurred_from=occurrence.time,
        occurred_to=occurrence.time,
        reported_at=occurrence.time,
        area=one.area,
        uprn=None,
        point=None,
        roles=(),
        persons=(),
        complainants=(),
        victims=(),
        children=(),
        child=one.child,
        possible=("match", "possible") in one.facts,
        marking=one.marking,
        facts={"completed-by": one.occurrence_id, "subject": str(uuid5(ID_NAMESPACE, f"subject\x1f{subject_of(one)}"))},
        names=names,
    )


def judge_timeline(
    key: str, sightings: Sequence[Sighting], limbs: Iterable[Limb], clocks: Clocks, hub: int
) -> list[OracleFinding]:
    """Every finding on one timeline."""
    return [one for one, _ in judge_key(key, sightings, limbs, clocks, hub)]


def judge_key(
    key: str, sightings: Sequence[Sighting], limbs: Iterable[Limb], clocks: Clocks, hub: int
) -> list[tuple[OracleFinding, Occurrence | None]]:
    """Every finding on one timeline, and what it is to those that rest on it.

    Beyond `hub` certain reports there is one alone: that the key is a hub.
    """
    if len([sighting for sighting in sightings if sighting.kind != FOUND and not sighting.possible]) > hub:
        return [(hub_finding(key, hub), None)]
    happenings = merged(sightings)
    reading = [limb for limb in limbs if key.partition(":")[0] in limb.keys]
    return [judged for limb in reading for judged in judge_limb(key, happenings, limb, reading, clocks)]


def judge_limb(
    key: str, happenings: Sequence[Occurrence], limb: Limb, others: Sequence[Limb], clocks: Clocks
) -> Iterator[tuple[OracleFinding, Occurrence]]:
    """What a limb finds on one timeline, each beside the occurrence it is to the limbs that rest on it.

    What it rests on itself is judged first, and lies among what happened.
    """
    meant = {name for select in limb.select.values() for name in listed(select.get("finding", []))}
    found = [
        occurrence
        for other in others
        if other.rule["id"] in meant
        for _, occurrence in judge_limb(key, happenings, other, others, clocks)
    ]
    counts_possible = limb.rule.get("possible_matches", "ignored") == "counted"
    seen = [o for o in happenings if counts_possible or not any(s.possible for s in o.members)]
    before_it = sorted([*seen, *found], key=lambda o: (o.time, o.id))
    limb = but_for_whose_it_is(limb, key)
    judge = judge_linked if "linked" in limb.keys else JUDGES[limb.condition["type"]]
    for met in judge(limb, before_it, clocks):
        if not is_told_here(key, met):
            continue
        besides = told_besides(limb, before_it, met) | lsoa_in(key) | window_said(limb, met)
        for one in finding(limb, key, replace(met, facts=met.facts | besides)):
            told = {sighting.incident_id: sighting for occurrence, _ in met.chain for sighting in occurrence.members}
            name = f"finding\x1f{one.rule_id}\x1f{limb.name or 'main'}\x1f{key}\x1f{one.occurrence_id}"
            yield (
                one,
                Occurrence(
                    members=tuple(sorted(told.values(), key=lambda s: (s.occurred_from, s.incident_id))),
                    id=str(uuid5(ID_NAMESPACE, name)),
                    time=met.completed_at,
                    area=met.area,
                    found_by=one.rule_id,
                ),
            )


def is_told_here(key: str, met: Met) -> bool:
    """Whether a completion is told on this key: of those with a stretch, where the one that completed it lies."""
    completing = [passed for occurrence, passed in met.chain if occurrence.id == met.occurrence_id]
    return key.partition(":")[0] not in BY_STRETCH or any("here" in passed[0].roles for passed in completing)


def lsoa_in(key: str) -> dict[str, str]:
    """What is said of a finding in an LSOA: which it is."""
    kind, _, rest = key.partition(":")
    return {"lsoa": rest.split(".")[0]} if kind == "lsoa" else {}


def window_said(limb: Limb, met: Met) -> dict[str, str]:
    """How long the window is where it was met and on that day, if the limb's words ask."""
    if not re.search(r"\{within\b", limb.explain):
        return {}
    (e,) = [occurrence for occurrence, _ in met.chain if occurrence.id == met.occurrence_id]
    settings = parameters(limb, e.area, london_day(e.time)) or {}
    number, unit = str(settings["within"]).split()
    if unit.startswith("month"):
        return {"within": f"{number} month" if number == "1" else f"{number} months"}
    minutes = length(settings["within"]) // timedelta(minutes=1)
    by_calendar = settings.get("calendar") and minutes % 1440 == 0
    sizes = (("day", 1440, minutes > 72 * 60 or by_calendar), ("hour", 60, True), ("minute", 1, True))
    name, size = next((name, size) for name, size, fits in sizes if fits and minutes % size == 0)
    count = minutes // size
    return {"within": f"{count:,} {'calendar ' if by_calendar else ''}{name}{'' if count == 1 else 's'}"}


def but_for_whose_it_is(limb: Limb, key: str) -> Limb:
    """The limb on this key. Where it counts victims, somebody whose timeline it is is not among those."""
    kind, _, whose = key.partition(":")
    if "victims" not in listed(limb.condition.get("field")) or kind not in {
        "victim",
        "suspect",
        "person",
        "victim-perpetrator",
    }:
        return limb
    own = [whose] if kind != "victim-perpetrator" else whose.split("|")
    return replace(limb, condition=limb.condition | {"ignore": [*limb.condition.get("ignore", ()), *own]})


def told_besides(limb: Limb, occurrences: Iterable[Occurrence], met: Met) -> dict[str, str]:
    """What the limb tells of besides, in windows that end when it was met.

    How often a step was seen; or what the last report of it that was before says under a name, if any does.
    """
    told = {}
    for name, asked in limb.besides.items():
        start = window_end(met.completed_at, asked, -1)
        certain = [o for o in occurrences if not any(sighting.possible for sighting in o.members)]
        seen = [o for o in certain if start <= o.time <= met.completed_at and selected(o, limb.select[asked["of"]])]
        told[name] = str(len(seen))
        if "latest" in asked:
            said = [
                sighting.facts[asked["latest"]]
                for o in sorted(seen, key=lambda o: (o.time, o.id))
                for sighting in selected(o, limb.select[asked["of"]])
                if o.time < met.completed_at and asked["latest"] in sighting.facts
            ]
            told[name] = said[-1] if said else "not known"
    return told


def parameters(limb: Limb, area: str, day: date) -> Plain | None:
    """The limb's condition with what that area overrides on that day; None when it is switched off there."""
    settings = dict(limb.condition)
    for override in limb.rule.get("overrides", ()):
        is_meant = area in override["areas"] and override.get("limb") in (None, limb.name)
        if is_meant and _is_valid(override, day):
            settings |= override["set"]
    return settings if settings.get("enabled", True) else None


def selected(occurrence: Occurrence, select: Plain) -> list[Sighting]:
    """The sightings of an occurrence that pass, earliest first: all of those of a finding that is meant."""
    if "finding" in select or occurrence.found_by:
        is_meant = occurrence.found_by in listed(select.get("finding", []))
        return list(occurrence.members) if is_meant else []
    return [sighting for sighting in occurrence.members if matches(select, sighting)]


def missed_by(select: Plain, sighting: Sighting) -> str | None:
    """What alone keeps a report out: that it was made too late, or that it was found out and not reported."""
    if matches(select, sighting):
        return None
    if matches(without(select, "reported_within"), sighting):
        return "reported-late"
    if sighting.origin == "discovered" and matches(without(select, "origin"), sighting):
        return "discovered"
    return None


def without(select: Plain, *names: str) -> Plain:
    """The selector with some of its tests left out, wherever they stand."""
    left = {other: wanted for other, wanted in select.items() if other not in names}
    if "not" in left:
        left["not"] = {other: wanted for other, wanted in left["not"].items() if other not in names}
    return left


def near_misses(occurrences: Iterable[Occurrence], selectors: Sequence[Plain]) -> Iterator[tuple[Sighting, str]]:
    """The reports of these occurrences that one of the selectors nearly takes, each with the reason why not."""
    members = [sighting for occurrence in occurrences if not occurrence.found_by for sighting in occurrence.members]
    for select in selectors:
        if "finding" in select:
            continue
        for sighting in members:
            reason = missed_by(select, sighting)
            if reason is not None:
                yield sighting, reason


def judge_window(limb: Limb, occurrences: Sequence[Occurrence], _clocks: Clocks) -> Iterator[Met]:
    """`count`, `distinct`, `sum`: enough occurrences, values, or in all, in the window that ends at one of them."""
    select = limb.select[limb.condition["of"]]
    fields = limb.condition.get("same", ())
    candidates = [occurrence for occurrence in occurrences if selected(occurrence, select)]
    closes, closings = closing_in(limb, occurrences)
    if limb.condition["type"] in ("distinct", "sum"):
        # What says nothing that counts is in no window.
        candidates = [occurrence for occurrence in candidates if values_of(occurrence, select, limb.condition)]
    counting = {occurrence.id for occurrence in candidates}
    told: set[str] = set()
    for e, report in [(o, report) for o in candidates for report in selected(o, select)]:
        settings = parameters(limb, e.area, london_day(e.time))
        same = said_in(fields, report)
        # Where it is alike with some by one report and with others by the next, it is told by the first that will do.
        if settings is None or e.id in told or not all(same):
            continue
        still_open = [o for o in occurrences if o.time <= e.time and is_open(o, e.time, closings)]
        alike = [
            o
            for o in still_open
            if o.id in counting
            and (o.time, o.id) <= (e.time, e.id)
            and same in [said_in(fields, other) for other in selected(o, select)]
        ]
        start = window_end(e.time, settings, -1)
        for _ in range(1, settings.get("chain", 1)):
            start = window_end(min(o.time for o in alike if start <= o.time), settings, -1)
        looked_at = [o for o in still_open if start <= o.time]
        window = [o for o in alike if start <= o.time]
        facts = counted(window, select, settings)
        number = int(facts.get("sum", facts["count"]))
        others = [
            {value for o in window for value in values_of(o, select, settings | {"field": name})}
            for name in settings.get("also", ())
        ]
        is_enough = all(amount >= settings["at_least"] for amount in (number, *map(len, others)))
        is_enough = is_enough and number <= settings.get("at_most", number)
        if is_enough and len(window) >= settings.get("occurrences", 1):
            nearly = [near for near in near_misses(looked_at, [select]) if said_in(fields, near[0]) == same]
            told.add(e.id)
            yield Met(
                chain=[(o, selected(o, select)) for o in window],
                occurrence_id=e.id,
                completed_at=e.time,
                area=e.area,
                number=number,
                facts=facts | ({"same": ", ".join(same)} if fields else {}),
                near_misses=[*nearly, *near_misses(looked_at, closes)],
            )


def closing_in(limb: Limb, occurrences: Iterable[Occurrence]) -> tuple[list[Plain], list[Occurrence]]:
    """The selectors of what closes, of which there is one at most, and the occurrences that do."""
    closes = [limb.select[step] for step in [limb.condition.get("until")] if step is not None]
    return closes, [o for o in occurrences if any(selected(o, select) for select in closes)]


def is_open(occurrence: Occurrence, until: datetime, closings: Iterable[Occurrence]) -> bool:
    """Whether nothing that closes lies strictly between an occurrence and a later moment."""
    return not any(occurrence.time < closing.time < until for closing in closings)


def said_in(fields: Iterable[str], sighting: Sighting) -> list[str]:
    """What a sighting says in these fields: occurrences are alike when any selected of each say the same."""
    return [value_in(sighting, name) for name in fields]


def counted(window: Sequence[Occurrence], select: Plain, settings: Plain) -> dict[str, str]:
    """What a window comes to: occurrences and their level; a sum; or values, unless they are people or mere marks."""
    if settings["type"] == "count":
        number = len(window)
        return {"count": str(number), "level": str(number) if number < TOP_LEVEL else f"{TOP_LEVEL}+"}
    if settings["type"] == "sum":
        total = sum(max(int(number) for (number,) in values_of(o, select, settings)) for o in window)
        return {"count": str(len(window)), "sum": str(total)}
    values = {value for o in window for value in values_of(o, select, settings)}
    told = (
        {} if UNTOLD & set(listed(settings["field"])) else {"values": ", ".join(" + ".join(v) for v in sorted(values))}
    )
    if "occurrences" in settings and settings["occurrences"] > 1:
        told["occurrences"] = str(len(window))
    number = len(values)
    if settings.get("unconnected"):
        number = unconnected([values_of(o, select, settings) for o in window])
    return {"count": str(number)} | told


def unconnected(together: Sequence[set[Any]]) -> int:
    """How many sets of values share nothing, if everything that is told together belongs together."""
    left = {value for values in together for value in values}
    number = 0
    while left:
        reached = {min(left)}
        for _ in left:
            reached |= {value for values in together if values & reached for value in values}
        left -= reached
        number += 1
    return number


def values_of(occurrence: Occurrence, select: Plain, settings: Plain) -> set[tuple[str, ...]]:
    """Every value of the counted fields in the selected sightings that is there and not to be ignored in any of them.

    A value is what one sighting says in each field.
    """
    said = [[listed(value_in(s, name)) for name in listed(settings["field"])] for s in selected(occurrence, select)]
    values = {value for each in said for value in product(*each)}
    if settings["type"] == "sum":
        return {value for value in values if as_number(value[0]) is not None}
    ignored = settings.get("ignore", ())
    return {value for value in values if all(part and part not in ignored for part in value)}


def judge_all_of(limb: Limb, occurrences: Sequence[Occurrence], _clocks: Clocks) -> Iterator[Met]:
    """`all_of`: in the window that ends at an occurrence of some step, every step as often as it is needed."""
    steps = limb.condition["steps"]
    needed = [limb.condition.get("at_least", {}).get(step, 1) for step in steps]
    always = limb.condition.get("always", ())
    # What is not chosen need not happen at all.
    choices = [
        [number if step in some else 0 for step, number in zip(steps, needed, strict=True)]
        for some in combinations(steps, limb.condition.get("needed", len(steps)))
        if set(always) <= set(some)
    ]
    selectors = [limb.select[step] for step in steps]
    candidates = [o for o in occurrences if any(selected(o, select) for select in selectors)]
    counting = {occurrence.id for occurrence in candidates}
    closes, closings = closing_in(limb, occurrences)
    for e in candidates:
        settings = parameters(limb, e.area, london_day(e.time))
        if settings is None:
            continue
        start = window_end(e.time, settings, -1)
        looked_at = [o for o in occurrences if start <= o.time <= e.time and is_open(o, e.time, closings)]
        window = [o for o in looked_at if o.id in counting and (o.time, o.id) <= (e.time, e.id)]
        passes = [[bool(selected(o, select)) for select in selectors] for o in window]
        if any(can_be_given_out(passes, chosen) for chosen in choices):
            in_step = {step: sum(passed) for step, passed in zip(steps, zip(*passes, strict=True), strict=True)}
            yield Met(
                chain=[(o, taken_by(selectors, o)) for o in window],
                occurrence_id=e.id,
                completed_at=e.time,
                area=e.area,
                number=len(window),
                facts={"count": str(len(window))} | {f"count_{step}": str(n) for step, n in in_step.items()},
                near_misses=[*near_misses(looked_at, [*selectors, *closes])],
            )


def taken_by(selectors: Sequence[Plain], occurrence: Occurrence) -> list[Sighting]:
    """The sightings of an occurrence that pass one of the selectors, earliest first."""
    taken = {sighting.incident_id for select in selectors for sighting in selected(occurrence, select)}
    return [sighting for sighting in occurrence.members if sighting.incident_id in taken]


def can_be_given_out(passes: Sequence[Sequence[bool]], needed: Sequence[int]) -> bool:
    """Whether each step can get as many occurrences as it needs, none given twice: every way to do it is followed.

    `passes` says for each occurrence which steps it is of.
    """
    ways = {tuple(needed)}
    for steps in passes:
        # The occurrence is left aside, or given to one of its steps that still needs one.
        ways |= {
            (*way[:step], way[step] - 1, *way[step + 1 :])
            for way in ways
            for step, passed in enumerate(steps)
            if passed and way[step] > 0
        }
    return (0,) * len(needed) in ways


def judge_ordered(limb: Limb, occurrences: Sequence[Occurrence], _clocks: Clocks) -> Iterator[Met]:
    """`ordered`: of all chains that end at an occurrence and are not broken, the one that begins last."""
    named, none_of = limb.condition["steps"], limb.condition.get("none_of", ())
    steps = [*named, *[named[-1]] * (limb.condition.get("runs", 1) - 1)]
    ruled_out = [limb.select[step] for step in none_of]
    closes, closings = closing_in(limb, occurrences)
    for e in occurrences:
        settings = parameters(limb, e.area, london_day(e.time))
        if settings is None or not selected(e, limb.select[steps[-1]]):
            continue
        start = window_end(e.time, settings, -1)
        looked_at = [o for o in occurrences if start <= o.time <= e.time]
        breaks = [o.time for o in looked_at if any(selected(o, select) for select in ruled_out)]
        chains = [
            chain
            for chain in chains_to(e, steps, looked_at, limb.select)
            if not any(chain[0].time < broken < e.time for broken in breaks)
            and all(is_open(link, e.time, closings) for link in chain)
        ]
        if chains:
            # Of several that begin together, the one whose last links are the latest.
            chain = max(chains, key=lambda links: (links[0].time, [(o.time, o.id) for o in reversed(links)]))
            yield Met(
                chain=[(o, selected(o, limb.select[step])) for o, step in zip(chain, steps, strict=True)],
                occurrence_id=e.id,
                completed_at=e.time,
                area=e.area,
                number=len(chain),
                facts={f"days_since_{steps[0]}": str((e.time - chain[0].time) // timedelta(days=1))},
                near_misses=[*near_misses(looked_at, [*(limb.select[step] for step in (*steps, *none_of)), *closes])],
            )


def chains_to(
    e: Occurrence, steps: Sequence[str], occurrences: Sequence[Occurrence], select: Plain
) -> Iterator[list[Occurrence]]:
    """Every way to go through the steps in strict order of time that ends with e."""
    *earlier, last = steps
    if not selected(e, select[last]):
        return
    if not earlier:
        yield [e]
        return
    for o in occurrences:
        if o.time < e.time:
            for chain in chains_to(o, earlier, occurrences, select):
                yield [*chain, e]


def judge_absent(limb: Limb, occurrences: Sequence[Occurrence], clocks: Clocks) -> Iterator[Met]:
    """`absent`: nothing cancelled it up to the deadline, which is past by our clock and those of the feeds."""
    after, unless = limb.select[limb.condition["after"]], limb.select[limb.condition["unless"]]
    for e in occurrences:
        settings = parameters(limb, e.area, london_day(e.time))
        if settings is None or not selected(e, after):
            continue
        if "before" in settings:
            deadline = day_begins(e.time, settings["before"], limb.calendars)
        else:
            deadline = window_end(e.time, settings, +1)
        in_time = [o for o in occurrences if e.time < o.time <= deadline]
        is_known = clocks.as_of >= deadline and clocks.feeds_are_complete(settings["feeds"], deadline)
        if is_known and not any(selected(o, unless) for o in in_time):
            yield Met(
                chain=[(e, selected(e, after))],
                occurrence_id=e.id,
                completed_at=deadline,
                area=e.area,
                number=1,
                facts={"deadline": f"{deadline.astimezone(LONDON):%Y-%m-%d %H:%M}"},
                near_misses=[*near_misses(in_time, [unless])],
            )


def day_begins(when: datetime, which: str, calendars: dict[str, Plain]) -> datetime:
    """When the `next school day` begins, or the `3rd school day`: of those that begin after `when`."""
    place, called, _ = which.split()
    days = calendars[called]
    hour, minute = map(int, days["opens"].split(":"))
    number = 1 if place == "next" else int(place[:-2])
    today = london_day(when)
    # A year has open days enough.
    ahead = [today + timedelta(days=count) for count in range(366)]
    begins = [
        datetime(day.year, day.month, day.day, hour, minute, tzinfo=LONDON).astimezone(UTC)
        for day in ahead
        if day.strftime("%a") not in ("Sat", "Sun")
        and not any(shut["first"] <= day <= shut.get("last", shut["first"]) for shut in days["closed"])
    ]
    return sorted(begin for begin in begins if begin > when)[number - 1]


def judge_near(limb: Limb, occurrences: Sequence[Occurrence], _clocks: Clocks) -> Iterator[Met]:
    """`near`: enough was before it and not far from it."""
    of = limb.select[limb.condition["of"]]
    after = limb.select[limb.condition.get("after") or limb.condition["of"]]
    reach = limb.condition["metres"]
    closes, closings = closing_in(limb, occurrences)
    for e in occurrences:
        settings = parameters(limb, e.area, london_day(e.time))
        lies = located(selected(e, of))
        if settings is None or not lies:
            continue
        # What closes must itself be near: what else lies in the cells around is their doing.
        shut = [o for o in closings if are_near(lies, located(selected(o, closes[0])), reach)]
        still_open = [o for o in occurrences if o.time < e.time and is_open(o, e.time, shut)]
        places = {o.id: located(selected(o, after)) for o in still_open} | {e.id: lies}
        # Each link of the chain is a pair: the whole way back to e must be no longer than it may be.
        links = {e.id: 0}
        for o in sorted(still_open, key=lambda one: one.time, reverse=True):
            ends = [
                links[end.id] + 1
                for end in (*still_open, e)
                if end.id in links
                and window_end(end.time, settings, -1) <= o.time < end.time
                and are_near(places[end.id], places[o.id], reach)
            ]
            if ends and min(ends) <= settings.get("chain", 1):
                links[o.id] = min(ends)
        close = [o for o in still_open if o.id in links]
        next_to_it = [o for o in close if links[o.id] == 1]
        if len(close) >= settings.get("at_least", 1):
            ends_of_links = [o for o in (*still_open, e) if links.get(o.id, 99) < settings.get("chain", 1)]
            start = min(window_end(o.time, settings, -1) for o in ends_of_links)
            nearly = [
                near
                for end in ends_of_links
                for near in near_misses(
                    [o for o in still_open if window_end(end.time, settings, -1) <= o.time < end.time], [after]
                )
                if are_near(places[end.id], located([near[0]]), reach)
            ]
            nearly_shut = near_misses([o for o in still_open if start <= o.time], closes)
            yield Met(
                chain=[*((o, selected(o, after)) for o in close), (e, selected(e, of))],
                occurrence_id=e.id,
                completed_at=e.time,
                area=e.area,
                number=len(close) + 1,
                facts={
                    "count": str(len(close) + 1),
                    "days_since": str(min(e.time - o.time for o in next_to_it) // timedelta(days=1)),
                    "nearest_m": str(
                        int(min(metres_between(*two) for o in next_to_it for two in product(lies, places[o.id])))
                    ),
                },
                near_misses=[
                    *nearly,
                    *((s, why) for s, why in nearly_shut if are_near(lies, located([s]), reach)),
                ],
            )


def located(sightings: Iterable[Sighting]) -> list[Sighting]:
    """Those with a good point: wherever one of them says it is, the occurrence is."""
    return [sighting for sighting in sightings if sighting.point is not None]


def are_near(some: Iterable[Sighting], others: Sequence[Sighting], reach: int) -> bool:
    """Whether any of the ones is no further from any of the others."""
    return any(metres_between(one, other) <= reach for one in some for other in others)


def metres_between(one: Sighting, other: Sighting) -> Decimal:
    """The distance of two points."""
    (x, y), (u, v) = one.point or (0, 0), other.point or (0, 0)
    return Decimal((x - u) ** 2 + (y - v) ** 2).sqrt()


def judge_share(limb: Limb, occurrences: Sequence[Occurrence], _clocks: Clocks) -> Iterator[Met]:
    """`share`: of enough occurrences whose place is known, no more than so many in a hundred were told by another."""
    of, also = limb.select[limb.condition["of"]], limb.select[limb.condition["also"]]
    candidates = [o for o in occurrences if any(s.uprn or s.point for s in selected(o, of))]
    counting = {occurrence.id for occurrence in candidates}
    closes, closings = closing_in(limb, occurrences)
    for e in candidates:
        settings = parameters(limb, e.area, london_day(e.time))
        if settings is None:
            continue
        start = window_end(e.time, settings, -1)
        looked_at = [o for o in occurrences if start <= o.time <= e.time and is_open(o, e.time, closings)]
        window = [o for o in looked_at if o.id in counting and (o.time, o.id) <= (e.time, e.id)]
        too = [o for o in window if selected(o, also)]
        if len(window) >= settings["at_least"] and Decimal(len(too)) * 100 / len(window) <= settings["percent"]:
            nearly = [(s, why) for s, why in near_misses(looked_at, [of]) if s.uprn or s.point]
            yield Met(
                chain=[(o, selected(o, of)) for o in window],
                occurrence_id=e.id,
                completed_at=e.time,
                area=e.area,
                number=len(window),
                facts={"matched": str(len(too)), "total": str(len(window))},
                near_misses=[*nearly, *near_misses(looked_at, closes)],
            )


def judge_calendar(limb: Limb, occurrences: Sequence[Occurrence], clocks: Clocks) -> Iterator[Met]:
    """`calendar` on a timeline: enough selected occurrences in a calendar period that is over."""
    select, kind = limb.select[limb.condition["of"]], limb.condition["per"]
    periods: dict[tuple[date, date], list[Occurrence]] = defaultdict(list)
    closes, closings = closing_in(limb, occurrences)
    for occurrence in occurrences:
        starts, ends = period_of(london_day(occurrence.time), kind)
        if is_open(occurrence, midnight(ends), closings):
            periods[starts, ends].append(occurrence)
    for (starts, ends), looked_at in sorted(periods.items()):
        inside = [occurrence for occurrence in looked_at if selected(occurrence, select)]
        settings = parameters(limb, inside[-1].area, starts) if inside else None
        if settings is not None and len(inside) >= settings["at_least"] and clocks.as_of >= midnight(ends):
            yield Met(
                chain=[(o, selected(o, select)) for o in inside],
                occurrence_id=f"{kind}:{starts.isoformat()}",
                completed_at=midnight(ends),
                area=inside[-1].area,
                number=len(inside),
                facts=facts_of_period(settings, len(inside), starts),
                near_misses=[*near_misses(looked_at, [select, *closes])],
            )


def facts_of_period(settings: Plain, number: int, starts: date) -> dict[str, str]:
    """What a calendar period comes to, and what it was held against."""
    return {"at_least": str(settings["at_least"]), "count": str(number), "from": starts.isoformat()}


JUDGES: dict[str, Callable[[Limb, Sequence[Occurrence], Clocks], Iterator[Met]]] = {
    "count": judge_window,
    "distinct": judge_window,
    "sum": judge_window,
    "all_of": judge_all_of,
    "ordered": judge_ordered,
    "absent": judge_absent,
    "near": judge_near,
    "share": judge_share,
    "calendar": judge_calendar,
}


def judge_linked(limb: Limb, occurrences: Sequence[Occurrence], clocks: Clocks) -> Iterator[Met]:
    """On a group of linked reports: the condition of the limb, asked at each occurrence of what leads to it.

    Stops are what matches a step. From stop to stop it is one name, or two by way of something that is no stop. Each
    goes on to one that is fewer stops away from e; of several ways it is that of fewer names, then the earliest.
    """
    for e in occurrences:
        settings = parameters(limb, e.area, london_day(e.time))
        if settings is None or not is_stop(limb, e):
            continue
        start = e.time
        for _ in range(settings.get("chain", 1)):
            start = window_end(start, settings, -1)
        window = [o for o in occurrences if start <= o.time <= e.time]
        ways = ways_to(e, window, limb, settings)
        reached = [o for o in window if o.id == e.id or o.id in ways]
        beside = [o for o in window if not is_stop(limb, o) and any(shared(o, one) for one in reached)]
        seen = [o for o in window if o in reached or o in beside]
        for met in JUDGES[limb.condition["type"]](limb, seen, clocks):
            if met.occurrence_id == e.id:
                yield with_ways(met, e, ways, window)


def with_ways(
    met: Met, e: Occurrence, ways: dict[str, tuple[Occurrence, list[Occurrence], Occurrence]], window: list[Occurrence]
) -> Met:
    """What was met, with the ways from its evidence to e as evidence, and told."""
    gone: set[str] = set()
    for occurrence, _ in met.chain:
        at = occurrence.id
        while at != e.id:
            gone.add(at)
            at = ways[at][2].id
    gone_by = [ways[o.id] for o in window if o.id in gone]
    stops = [e, *(start for start, _, _ in gone_by)]
    words = [way_in_words(way) for way in gone_by]
    on_the_way: dict[str, tuple[Occurrence, Sequence[Sighting]]] = {
        o.id: (o, []) for start, between, end in gone_by for o in (start, *between, end)
    }
    chain = on_the_way | {o.id: (o, passed) for o, passed in met.chain}
    near = {s for o in window if any(o.id == stop.id or shared(o, stop) for stop in stops) for s in ids_in(o)}
    in_order = sorted(chain.values(), key=lambda link: (link[0].time, link[0].id))
    place = [o.id for o, _ in in_order]
    steps = set()
    for start, between, end in gone_by:
        stretch = [start, *between, end]
        for here, there in pairwise(stretch):
            kinds = sorted({name.partition(":")[0] for name in shared(here, there)})
            steps.add((place.index(here.id) + 1, place.index(there.id) + 1, " and ".join(kinds)))
    links = "; ".join(f"{first} to {second}: {kinds}" for first, second, kinds in sorted(steps))
    return replace(
        met,
        chain=in_order,
        facts=met.facts | {"links": links, "path": "; ".join(sorted(set(words), key=words.index))},
        near_misses=[(sighting, why) for sighting, why in met.near_misses if sighting.incident_id in near],
    )


def ids_in(occurrence: Occurrence) -> list[str]:
    """Its reports."""
    return [sighting.incident_id for sighting in occurrence.members]


def is_stop(limb: Limb, occurrence: Occurrence) -> bool:
    """Whether an occurrence matches a step."""
    return any(selected(occurrence, select) for select in limb.select.values())


def shared(one: Occurrence, other: Occurrence) -> list[str]:
    """What two occurrences both name."""
    names = [{name for sighting in occurrence.members for name in sighting.names} for occurrence in (one, other)]
    return sorted(names[0] & names[1])


def ways_to(
    e: Occurrence, window: list[Occurrence], limb: Limb, settings: Plain
) -> dict[str, tuple[Occurrence, list[Occurrence], Occurrence]]:
    """For each stop that leads to e: itself, what lies between, if anything, and the next stop.

    Nothing of a way is longer ago than the length of the limb before the later of the two stops.
    """
    stops = [o for o in window if is_stop(limb, o) and o.id != e.id]
    others = [o for o in window if not is_stop(limb, o)] if limb.linked_within == 2 else []  # noqa: PLR2004 - one name, or two
    found: dict[str, tuple[Occurrence, list[Occurrence], Occurrence]] = {}
    layer = [e]
    while layer:
        reached = {}
        for start in stops:
            if start.id in found:
                continue
            ways: list[tuple[Occurrence, list[Occurrence], Occurrence]] = [
                (start, [], end) for end in layer if shared(start, end)
            ]
            # They stand in order of time: what comes first is what is gone by.
            ways += [(start, [o], end) for o in others for end in layer if shared(start, o) and shared(o, end)]
            ways = [
                (start, between, end)
                for start, between, end in ways
                if window_end(max(start.time, end.time), settings, -1) <= min(o.time for o in (start, *between, end))
            ]
            if ways:
                reached[start.id] = ways[0]
        found |= reached
        layer = [o for o in stops if o.id in reached]
    return found


def way_in_words(way: tuple[Occurrence, list[Occurrence], Occurrence]) -> str:
    """By which kinds of thing a way leads."""
    start, between, end = way
    stops = [start, *between, end]
    steps = [sorted({name.partition(":")[0] for name in shared(*pair)}) for pair in pairwise(stops)]
    return ", then ".join(" and ".join(f"same {kind}" for kind in kinds) for kinds in steps)


def judge_areas(tallies: Sequence[Plain], limbs: Iterable[Limb], clocks: Clocks) -> Iterator[OracleFinding]:
    """`calendar` on areas: enough of an indicator in an area's calendar period that is over."""
    for limb in limbs:
        if limb.keys != ("area",) or limb.condition["type"] == "signal":
            continue
        kind, indicator = limb.condition["per"], limb.rule.get("indicator") or limb.condition["indicator"]
        for (area, counted_as, starts, ends), value in sorted(sums(tallies, kind).items()):
            settings = parameters(limb, area, starts)
            if counted_as != indicator or settings is None or clocks.as_of < midnight(ends) or ":" in area:
                continue
            if value >= settings["at_least"]:
                yield from finding(
                    limb,
                    f"area:{area}|{indicator}",
                    Met(
                        chain=[],
                        occurrence_id=f"{kind}:{starts.isoformat()}",
                        completed_at=midnight(ends),
                        area=area,
                        number=value,
                        facts=facts_of_period(settings, value, starts),
                    ),
                )


def spoken(sentence: str, facts: dict[str, str]) -> str:
    """A sentence with its facts: of {name:one|others} the first is said of 1, else the second with the fact for #."""

    def said(found: re.Match[str]) -> str:
        fact = facts[found[1]]
        if found[2] is None:
            return fact
        return found[2] if fact == "1" else fact.join(found[3].split("#"))

    return re.sub(r"\{(\w+)(?::([^|{}]*)\|([^{}]*))?\}", said, sentence)


def finding(limb: Limb, key: str, met: Met) -> Iterator[OracleFinding]:
    """The finding a condition met makes on this key, if no safeguard forbids it."""
    every = [sighting for occurrence, _ in met.chain for sighting in occurrence.members]
    passing = [sighting for _, passed in met.chain for sighting in passed]
    guards = limb.rule.get("safeguards", {})
    needed = guards.get("organisations_or_kinds", 1)
    if met.chain and len({s.organisation for s in passing}) < needed and len({s.kind for s in passing}) < needed:
        return
    if met.chain and len({s.organisation for s in passing}) < guards.get("organisations", 1):
        return
    counted_in = [sighting for occurrence, passed in met.chain if passed for sighting in occurrence.members]
    if met.chain and all(s.grade in guards.get("grades_alone", ()) for s in counted_in):
        return
    unconfirmed = any(s.possible for s in every)
    facts = sorted((met.facts | ({"match": "possible"} if unconfirmed else {})).items())
    said = spoken(limb.explain, {name: in_words(text, limb.names) for name, text in facts})
    said += f" {UNCONFIRMED}" if unconfirmed else ""
    seen_to = any(asked.get("quietens") and int(met.facts[name]) > 0 for name, asked in limb.besides.items())
    said += f" {SEEN_TO}" if seen_to else ""
    yield OracleFinding(
        rule_id=limb.rule["id"],
        limb=limb.name,
        key=key,
        occurrence_id=met.occurrence_id,
        completed_at=instant(met.completed_at),
        priority="P4" if seen_to else priority_of(limb.rule["priority"], met.number, every),
        area=met.area,
        areas=tuple(sorted({occurrence.area for occurrence, _ in met.chain} or {met.area})),
        evidence=tuple(rested_on(met.chain)),
        excluded=left_out(met.near_misses, every),
        facts=tuple(facts),
        explanation=said,
        child=any(s.child for s in every),
        marking=kept_as(limb.rule, [s.marking for s in every]),
        told=tuple(tellers(occurrence.members, key) for occurrence, _ in met.chain),
    )


def tellers(reports: Sequence[Sighting], key: str) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """Who told of something by what sort of report, and what somebody whose key it is was there; no finding tells."""
    somebody = key.startswith(("victim:", "suspect:", "person:"))
    stood: dict[tuple[str, str], set[str]] = defaultdict(set)
    for report in reports:
        if report.kind != FOUND:
            stood[report.organisation, report.kind] |= set(report.roles) if somebody else set()
    return tuple((*who, tuple(sorted(roles))) for who, roles in sorted(stood.items()))


def kept_as(rule: Plain, markings: Iterable[str]) -> str:
    """How closely what rests on these is kept: as the rule, or more closely."""
    every = [rule.get("marking", SENSITIVE), *markings]
    level = SENSITIVE if any(one.startswith(SENSITIVE) for one in every) else "OFFICIAL"
    return level + "".join(sorted({f" C:{who}" for one in every for who in one.split(" C:")[1:]}))


def rested_on(chain: Iterable[tuple[Occurrence, Sequence[Sighting]]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each occurrence with the ids of its reports; a report that several findings share is named with the first."""
    before: list[str] = []
    for occurrence, _ in chain:
        own = sorted(sighting.incident_id for sighting in occurrence.members)
        yield occurrence.id, tuple(report for report in own if report not in before)
        before += own


def left_out(near: Iterable[tuple[Sighting, str]], evidence: Sequence[Sighting]) -> tuple[tuple[str, str], ...]:
    """What nearly counted and is no part of the evidence either, by id, each with a reason why not.

    Of two reasons it is the one that comes first in the alphabet.
    """
    reasons: dict[str, str] = {}
    for sighting, reason in sorted(near, key=lambda told: told[1]):
        if sighting not in evidence:
            reasons.setdefault(sighting.incident_id, reason)
    return tuple(sorted(reasons.items()))


def in_words(text: str, names: dict[str, str]) -> str:
    """A fact as its explanation says it: a list of values, each by its name."""
    values = [value.split(" + ") for value in text.split(", ")]
    return ", ".join(" + ".join(names.get(part, part) for part in value) for value in values)


def hub_finding(key: str, bound: int) -> OracleFinding:
    """That a key has more sightings than the bound."""
    return OracleFinding(
        rule_id=HUB["id"],
        limb="",
        key=key,
        occurrence_id="hub",
        completed_at=None,
        priority=HUB["priority"]["base"],
        area="",
        areas=(),
        evidence=(),
        excluded=(),
        facts=(("bound", str(bound)),),
        explanation=HUB["explain"].format(bound=bound),
        child=False,
        marking=SENSITIVE,
    )


def priority_of(words: Plain, number: int, evidence: Sequence[Sighting]) -> str:
    """The base, or what the count calls for, a tier higher for a marked flag and another for a child."""
    tier = str(words["base"])
    for bound, other in sorted(words.get("by_count", {}).items()):
        if number >= bound:
            tier = other
    is_flagged = any(set(s.flags) & set(words.get("raise_when", ())) for s in evidence)
    is_about_a_child = words.get("child_raises", False) and any(s.child for s in evidence)
    return TIERS[min(TIERS.index(tier) + is_flagged + is_about_a_child, len(TIERS) - 1)]


def alerts_of(findings: Iterable[OracleFinding], rules: dict[str, Plain]) -> dict[tuple[str, str], OracleAlert]:
    """Per rule and subject the standing alert."""
    standing: dict[tuple[str, str], list[OracleFinding]] = defaultdict(list)
    for one in findings:
        standing[one.rule_id, subject_of(one)].append(one)
    return {subject: alert_of(members, rules[members[0].rule_id]) for subject, members in sorted(standing.items())}


def subject_of(one: OracleFinding) -> str:
    """Whom a finding is about: its key; an LSOA is one subject, whichever stretch of time its key is of."""
    return one.key.split(".")[0] if one.key.startswith("lsoa:") else one.key


def alert_of(members: Sequence[OracleFinding], rule: Plain) -> OracleAlert:
    """What the standing findings of a rule on one subject say together."""
    completions = [f.completed_at for f in members if f.completed_at is not None]
    last = max(completions, default=None)
    return OracleAlert(
        title=rule["title"],
        family=rule["family"],
        priority=max((f.priority for f in members), key=TIERS.index),
        areas=tuple(sorted({area for f in members for area in f.areas})),
        first_completed_at=min(completions, default=None),
        last_completed_at=last,
        findings=tuple(sorted((f.rule_id, f.limb, f.key, f.occurrence_id) for f in members)),
        last_words=frozenset((f.area, f.explanation) for f in members if f.completed_at == last),
        child=any(f.child for f in members),
        marking=kept_as(rule, [f.marking for f in members]),
    )


# --- indicators ---------------------------------------------------------------------------------------------


def tallies_of(claims: Iterable[Plain], files: CatalogueFiles) -> Iterator[Plain]:
    """One count per claim, indicator and area, the groupings above it included, its LSOA and ward where asked for."""
    for claim in claims:
        day = london_day(moment(claim["occurred_from"]))
        for indicator in files.indicators:
            if "rule" in indicator or not matches(indicator["select"], claim):
                continue
            areas = with_groupings(claim["area"], day, files)
            lsoa = claim["place"][-1]
            if "lsoa" in indicator.get("drill", ()) and lsoa is not None:
                areas = [*areas, f"lsoa:{lsoa}"]
            if "ward" in indicator.get("drill", ()) and lsoa in files.wards:
                areas = [*areas, f"ward:{files.wards[lsoa]}"]
            for area in areas:
                yield {
                    "area": area,
                    "indicator": indicator["id"],
                    "day": day,
                    "by_month_only": claim["precision"] == "month",
                    "count": addition(claim, indicator),
                }


def addition(claim: Plain, indicator: Plain) -> int:
    """What a claim adds to an indicator that means it."""
    adds = indicator.get("adds", "one")
    if adds == "one":
        return int(claim["count"])
    if adds == "weight":
        return int(indicator["weights"]["of"].get(claim["category"], 0)) * int(claim["count"])
    return as_number(dict(claim["facts"]).get(adds)) or 0


def tallies_of_findings(findings: Iterable[OracleFinding], files: CatalogueFiles) -> Iterator[Plain]:
    """One count per finding of a rule that an indicator counts, where and when it completed."""
    counted = [indicator for indicator in files.indicators if "rule" in indicator]
    for one in findings:
        for indicator in counted:
            if indicator["rule"] == one.rule_id and one.completed_at is not None:
                day = london_day(moment(one.completed_at))
                for area in with_groupings(one.area, day, files):
                    yield {"area": area, "indicator": indicator["id"], "day": day, "by_month_only": False, "count": 1}


def with_groupings(area: str, day: date, files: CatalogueFiles) -> list[str]:
    """The area and, each once, every grouping it belongs to on that day."""
    found = [area]
    for code in found:
        said = files.areas[code]
        above = [one if isinstance(one, dict) else {"area": one} for one in said.get("parents", ())]
        if files.areas.get(said.get("division", ""), {}).get("kind") == "division":
            above.append({"area": said["division"]})
        for parent in above:
            name = parent["area"]
            is_there = name in files.areas and _is_valid(files.areas[name], day)
            if is_there and name not in found and _is_valid(parent, day):
                found.append(name)
    return found


def sums(tallies: Iterable[Plain], kind: str) -> dict[tuple[str, str, date, date], int]:
    """Counts per (area, indicator, first day, first day after); what only the month is known of feeds no finer."""
    total: dict[tuple[str, str, date, date], int] = defaultdict(int)
    for tally in tallies:
        if not (tally["by_month_only"] and kind in {"day", "week", "four-weeks"}):
            starts, ends = period_of(tally["day"], kind)
            total[tally["area"], tally["indicator"], starts, ends] += tally["count"]
    return total


def indicators_of(
    tallies: Sequence[Plain], files: CatalogueFiles, clocks: Clocks
) -> dict[tuple[str, str, str, str], tuple[int, bool]]:
    """The values other than nought per area, indicator and period, and whether their feeds are complete."""
    values = {}
    for indicator in files.indicators:
        own = [tally for tally in tallies if tally["indicator"] == indicator["id"]]
        for kind in indicator["periods"]:
            for (area, _, starts, ends), value in sorted(sums(own, kind).items()):
                if value:
                    # Of what was before a feed covers things nobody knows how much there was.
                    covered = all(files.sources[feed]["covers_from"] <= starts for feed in indicator["feeds"])
                    final = covered and clocks.feeds_are_complete(indicator["feeds"], midnight(ends))
                    values[area, str(indicator["id"]), str(kind), starts.isoformat()] = (value, final)
    return values
