"""Each rule held to the examples in its own file: what fires, when, and the near misses that must not.

An example is a timeline in shorthand. Times are London local time; a report is made an hour after what it tells of,
unless it says so; it is looked at a year after the last of them, with every feed complete, unless it says so. Reports
stand in the order written where they happened at one instant. On a cell of the map, or an LSOA, all of them lie in it;
on key `linked` they make groups by what they name. One that does not say whose it is, or where, is of the first
organisation under `sources`, in the first area of the set. What other rules find on the same key follows from the
reports; what they find elsewhere is stated as found.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from safety_stream.catalogue.formats.parts import day_of_text
from safety_stream.catalogue.formats.rules import ExampleEntry, ExampleFinding, ExampleSighting, ExampleWeek
from safety_stream.catalogue.loading import load_with_files
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.judgements.settings import Levels
from safety_stream.core.judgements.signals import Breach, Judged, Weighed, breach_after
from safety_stream.core.linking import timelines_of
from safety_stream.core.model.facts import Fact
from safety_stream.core.model.findings import Finding, Priority
from safety_stream.core.model.incidents import Place
from safety_stream.core.model.sightings import Sighting
from safety_stream.core.model.stretches import HERE, STRETCHED
from safety_stream.core.model.tallies import series_key
from safety_stream.core.model.times import HOUR, LONDON, Duration, Instant, after, period_of, start_of, to_datetime
from safety_stream.core.rules.calendar import exceedance
from safety_stream.core.rules.carrying import seen_elsewhere
from safety_stream.core.rules.chains import with_all_beneath
from safety_stream.core.rules.condition import Now
from safety_stream.core.rules.engine import RuleSet, evaluate
from safety_stream.core.rules.rule import Calendar, Limb, Rule, Signalled
from safety_stream.core.rules.selectors import compiled
from safety_stream.core.rules.signal import WEEK, signalled
from safety_stream.core.statistics.expecting import Expected, rarity_of
from safety_stream.core.timeline import Timeline

_YEAR = Duration(months=12)


class Fired(msgspec.Struct, frozen=True):
    """That something fires: when, in London local time, and with which priority (None: any)."""

    at: str
    priority: Priority | None


class ExampleResult(msgspec.Struct, frozen=True):
    """An example of a rule, what it expects and what was found."""

    rule_id: str
    name: str
    expected: tuple[Fired, ...]
    found: tuple[Fired, ...]

    @property
    def passed(self) -> bool:
        """Whether what was found is what was expected: as many, at these times, with these priorities if stated."""
        return len(self.expected) == len(self.found) and all(
            wanted.at == got.at and wanted.priority in (None, got.priority)
            for wanted, got in zip(self.expected, self.found, strict=True)
        )


def run_examples(folder: Path, chosen: Sequence[str] = ()) -> list[ExampleResult]:
    """Every example of every rule in the catalogue, or of the chosen ones, in order.

    Raises `CatalogueError` when the catalogue has errors, and `KeyError` naming a chosen rule that is none.
    """
    catalogue, files = load_with_files(folder)
    for rule_id in chosen:
        if rule_id not in files:
            raise KeyError(f"there is no rule {rule_id}; the rules are {', '.join(sorted(files))}")
    return [
        run_example(rule, example, catalogue)
        for rule in catalogue.rules
        if not chosen or rule.id in chosen
        for example in files[rule.id].examples
    ]


def run_example(rule: Rule, example: ExampleEntry, catalogue: Catalogue) -> ExampleResult:
    """What a rule, as it is or as it might be, makes of an example."""
    return ExampleResult(
        rule.id,
        example.name,
        tuple(Fired(_local(fires.at), fires.priority) for fires in example.fires),
        tuple(Fired(_local(finding.completed_at), finding.priority) for finding in _found(rule, example, catalogue)),
    )


class Story(msgspec.Struct, frozen=True):
    """An example as the engine has it: the rule with those beneath it, what the reports tell, and what is known."""

    rule_id: str
    rules: RuleSet
    told: Mapping[str, Sequence[Sighting]]
    now: Now

    def found(self, withdrawn: Collection[str] = ()) -> list[Finding]:
        """What the rule finds once the reports of these ids, which all had come, are withdrawn."""
        findings: list[Finding] = []
        for key, told in self.told.items():
            timeline, bounds = Timeline(), self.rules.bounds_of(key)
            for sighting in told:
                timeline = timeline.changed(1, sighting, bounds)
            for sighting in told:
                if sighting.incident_id in withdrawn:
                    timeline = timeline.changed(-1, sighting, bounds)
            found = evaluate(self.rules, key, timeline, self.now).values()
            findings += [finding for finding in found if finding.rule_id == self.rule_id]
        return sorted(findings, key=lambda finding: (finding.completed_at, finding.limb, finding.occurrence_id))


def story_of(rule: Rule, example: ExampleEntry, catalogue: Catalogue) -> Story:
    """An example of reports, or of what was found elsewhere."""
    limbs = [limb for limb in rule.limbs if example.limb in (None, limb.name)]
    tried = msgspec.structs.replace(rule, status="stable", limbs=tuple(limbs))
    kind = limbs[0].keys[0]
    own_roles = (HERE,) if kind in STRETCHED else ()
    sightings = [_sighting(number, stated, catalogue, own_roles) for number, stated in enumerate(example.sightings)]
    sightings += [_found_elsewhere(number, found, catalogue) for number, found in enumerate(example.found_elsewhere)]
    happened = [stated.at for stated in example.sightings] + [found.at for found in example.found_elsewhere]
    as_of = after(max(happened, default=0), _YEAR) if example.as_of is None else example.as_of
    return Story(
        rule.id,
        RuleSet(with_all_beneath(tried, catalogue.rules), catalogue.bounds),
        _linked(sightings, example, catalogue) if kind == "linked" else {f"{kind}:example": sightings},
        Now(as_of, {**dict.fromkeys(catalogue.sources, as_of), **example.complete_to}),
    )


def _found(rule: Rule, example: ExampleEntry, catalogue: Catalogue) -> Iterator[Finding]:
    limbs = [limb for limb in rule.limbs if example.limb in (None, limb.name)]
    if all(limb.keys == ("area",) for limb in limbs):
        yield from _on_area(rule, limbs, example)
        yield from _on_judged_weeks(rule, limbs, example, catalogue)
    else:
        yield from story_of(rule, example, catalogue).found()


def _linked(
    sightings: Sequence[Sighting], example: ExampleEntry, catalogue: Catalogue
) -> Mapping[str, Sequence[Sighting]]:
    """The timelines of the groups these reports make, where the example's hubs lead nowhere."""
    terms = catalogue.linked
    is_chosen = compiled(terms.select).passes
    terms = msgspec.structs.replace(terms, blocklist=terms.blocklist.union(example.hubs))
    return timelines_of([sighting for sighting in sightings if is_chosen(sighting)], terms)


def _on_area(rule: Rule, limbs: list[Limb], example: ExampleEntry) -> Iterator[Finding]:
    for limb in limbs:
        if not isinstance(limb.condition, Calendar) or example.area is None:
            continue
        totals: dict[int, int] = {}
        for day_text, count in example.counts.items():
            starts = period_of(day_of_text(day_text) or 0, limb.condition.per).starts
            totals[starts] = totals.get(starts, 0) + count
        for starts in sorted(totals):
            period = period_of(starts, limb.condition.per)
            finding = exceedance(rule, limb, example.area, period, totals[starts])
            if finding is not None and (example.as_of is None or example.as_of >= start_of(period.ends)):
                yield finding


def _on_judged_weeks(rule: Rule, limbs: list[Limb], example: ExampleEntry, catalogue: Catalogue) -> Iterator[Finding]:
    """What the weeks an example states make, one after another; of what it leaves out nothing is said."""
    if catalogue.signals is None or example.area is None or not example.signals:
        return
    weeks = {day_of_text(text) or 0: week for text, week in example.signals.items()}
    breach: Breach | None = None
    for monday in range(min(weeks), max(weeks) + WEEK, WEEK):
        week = weeks.get(monday)
        said = (week.signal, week.final) if week else ("none", True)
        breach = breach_after(breach, monday, said[0], catalogue.signals.levels.clear_after, final=said[1])
        if week is None or (example.as_of is not None and example.as_of < start_of(monday + WEEK)):
            continue
        judged = _judged(week, breach, catalogue.signals.levels)
        for limb in limbs:
            indicator = example.indicator or getattr(limb.condition, "indicator", None)
            if isinstance(limb.condition, Signalled):
                finding = signalled(rule, limb, series_key(example.area, str(indicator)), monday, judged)
                yield from () if finding is None else (finding,)


def _judged(week: ExampleWeek, breach: Breach | None, levels: Levels) -> Judged:
    """A week as an example has it: what it rests on is not stated, and counts vary by chance alone."""
    expected = Expected(week.expected, 1.0, weaker=False)
    (rarity,) = rarity_of([week.value], [expected], (levels.amber, levels.red, levels.improvement))
    weighed = Weighed(week.value, week.final, (week.value,), (), None, expected)
    return Judged(weighed, 1, week.value, expected, rarity, 0, 0, week.signal, (), breach)


def _sighting(number: int, stated: ExampleSighting, catalogue: Catalogue, own_roles: tuple[str, ...]) -> Sighting:
    category = catalogue.categories[stated.category]
    themes = {*category.themes, *catalogue.kind_themes.get(stated.kind, ())}
    for flag in stated.flags:
        themes.update(catalogue.flag_themes.get(flag, ()))
    reported_at = stated.at + HOUR if stated.reported_at is None else stated.reported_at
    return Sighting(
        incident_id=f"example-{number:04d}",
        source="example",
        organisation=said_by(stated, catalogue),
        kind=stated.kind,
        subtype=stated.subtype,
        category=stated.category,
        family=category.family,
        themes=tuple(sorted(themes)),
        flags=tuple(sorted(stated.flags)),
        origin=stated.origin,
        grade=stated.grade,
        occurred_from=stated.at,
        occurred_to=stated.at,
        reported_at=reported_at,
        received_at=reported_at,
        area=area_of(stated, catalogue),
        place=Place(
            uprn=stated.uprn,
            easting=stated.easting,
            northing=stated.northing,
            exact=stated.uprn is not None or stated.easting is not None,
        ),
        roles=tuple(sorted({*stated.role, *own_roles})),
        persons=tuple(sorted(stated.persons)),
        complainants=tuple(sorted(stated.complainants)),
        victims=tuple(sorted(stated.victims)),
        children=tuple(sorted(stated.children)),
        child=stated.child,
        linking=tuple(sorted(set(stated.names))),
        possible=stated.possible,
        facts=tuple(Fact(name, str(value).lower()) for name, value in sorted(stated.facts.items())),
    )


def _found_elsewhere(number: int, stated: ExampleFinding, catalogue: Catalogue) -> Sighting:
    return seen_elsewhere(
        f"found-{number:04d}",
        stated.rule,
        stated.at,
        area=area_of(stated, catalogue),
        child=stated.child,
        completed_by=stated.completed_by or f"report-{number:04d}",
        subject=stated.subject,
    )


def said_by(stated: ExampleSighting, catalogue: Catalogue) -> str:
    """The organisation of an example's report: the first under `sources`, unless it says whose it is."""
    return stated.organisation or next(iter(catalogue.sources.values())).organisation


def area_of(stated: ExampleSighting | ExampleFinding, catalogue: Catalogue) -> str:
    """The area of an example's report or finding: the first of the set, unless it says where."""
    return stated.area or next(iter(catalogue.areas.by_code))


def _local(instant: Instant) -> str:
    return to_datetime(instant).astimezone(LONDON).replace(tzinfo=None).isoformat(timespec="seconds")
